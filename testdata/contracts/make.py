"""Exact answers for contracts/sol/src/Odds.sol: python3 make.py writes odds.json.

caught = 1 - (1 - lost_ppm / 10^6)^samples with 200 digits, in units of 10^-18, rounded down.
"""

import json
from decimal import ROUND_FLOOR, Context, Decimal, setcontext
from pathlib import Path

setcontext(Context(prec=200, Emin=-(10**17), Emax=10**17))

LOST_PPM = [0, 1, 10, 333, 1_000, 10_000, 50_000, 123_457, 500_000, 750_001, 999_999, 1_000_000]
SAMPLES = [0, 1, 2, 3, 4, 5, 7, 128, 384, 6_144, 2**20 - 1, 128 * 17_520, 2**31 + 12_345, 2**64 - 1, 2**80 - 1]


def caught(lost_ppm, samples):
    missed = (1 - Decimal(lost_ppm) / 10**6) ** samples if lost_ppm < 10**6 else Decimal(samples == 0)
    return int(((1 - missed) * 10**18).to_integral_value(rounding=ROUND_FLOOR))


# Numbers that may exceed 2^53 are written as strings.
cases = [
    {"lost_ppm": f, "samples": str(m), "caught_quintillionths": str(caught(f, m))} for f in LOST_PPM for m in SAMPLES
]
text = json.dumps({"count": len(cases), "cases": cases}, indent=1) + "\n"
Path(__file__).with_name("odds.json").write_text(text)
