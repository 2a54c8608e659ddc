#!/usr/bin/env python3
"""Writes the parents of some nodes, from the definitions alone: shares no code and no library with the Rust
implementation (BLAKE3 is the plain Python of testdata/merkle/make.py, here with a key and 64 bytes of output). Run it in
this folder; it prints nothing and the files must not change."""
import json
import sys

sys.path.insert(0, "../../merkle")
sys.dont_write_bytecode = True
from make import CHUNK_END, CHUNK_START, ROOT, blake3, words_of  # noqa: E402

IV = [0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A]
KEYED_HASH = 16
SETS = {"test": 8, "small": 16, "devnet": 20, "peer": 18, "testnet": 24, "mainnet": 28}
PERMUTATION = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8]


def compress64(cv, words, length, flags):
    """All 16 words of a compression with counter 0."""
    v = cv + IV + [0, 0, length, flags]

    def rotate(x, n):
        return (x >> n | x << (32 - n)) & 0xFFFFFFFF

    def g(a, b, c, d, x, y):
        for m, first, second in ((x, 16, 12), (y, 8, 7)):
            v[a] = (v[a] + v[b] + m) & 0xFFFFFFFF
            v[d] = rotate(v[d] ^ v[a], first)
            v[c] = (v[c] + v[d]) & 0xFFFFFFFF
            v[b] = rotate(v[b] ^ v[c], second)

    for _ in range(7):
        for i in range(4):
            g(i, 4 + i, 8 + i, 12 + i, words[2 * i], words[2 * i + 1])
        for i in range(4):
            g(i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4, words[8 + 2 * i], words[9 + 2 * i])
        words = [words[p] for p in PERMUTATION]
    return [v[i] ^ v[i + 8] for i in range(8)] + [v[i + 8] ^ cv[i] for i in range(8)]


def keyed(key, data, out_words=8):
    """Keyed BLAKE3 of at most 1024 bytes; up to 16 words of output."""
    cv = [int.from_bytes(key[i:i + 4], "little") for i in range(0, 32, 4)]
    blocks = [data[i:i + 64] for i in range(0, len(data), 64)] or [b""]
    for i, block in enumerate(blocks):
        last = i == len(blocks) - 1
        flags = KEYED_HASH | (CHUNK_START if i == 0 else 0) | (CHUNK_END | ROOT if last else 0)
        words = compress64(cv, words_of(block), len(block), flags)
        cv = words[:8]
    return words[:out_words]


def drg_parents(seed, v):
    if v == 0:
        return [0] * 6
    w = keyed(seed, v.to_bytes(8, "little"), 16)
    b = v.bit_length() - 1
    parents = [v - 1]
    for j in range(5):
        i = 1 + (w[5 + j] * (b + 1) >> 32)
        d = 2 ** (i - 1) + 1 + w[j] % 2 ** (i - 1)
        if d > v:
            d -= 2 ** (i - 1)
        assert 1 <= d <= v
        parents.append(v - d)
    return parents


def exp_constant(j, r):
    return int.from_bytes(blake3(f"cairn/v1/exp/{j}/{r}".encode())[:4], "little")


CONSTANTS = [[exp_constant(j, r) for r in range(4)] for j in range(8)]


def expander_parents(log2, v):
    n = 2 ** log2
    parents = []
    for k, *ms in CONSTANTS:
        x = v ^ k % n
        for m in ms:
            x = x * ((m | 1) % n) % n
            x ^= x >> log2 // 2
        parents.append(x)
    return parents


def seed_of(name):
    return blake3(f"cairn/v1/graph/{name}".encode())


def nodes_of(log2):
    last = 2 ** log2 - 1
    around = [2 ** e + o for e in range(5, log2) for o in (-1, 0, 1)]
    spread = [(i * 2654435761 + 12345) % (last + 1) for i in range(24)]
    return sorted({*range(18), *around, *spread, last - 1, last})


def main():
    for name, log2 in SETS.items():
        seed = seed_of(name)
        value = {
            "set": name, "log2_nodes": log2, "graph_seed": seed.hex(),
            "expander": [{"key": k % 2 ** log2, "multipliers": [(m | 1) % 2 ** log2 for m in ms]}
                         for k, *ms in CONSTANTS],
            "nodes": [{"v": v, "drg": drg_parents(seed, v), "expander": expander_parents(log2, v)}
                      for v in nodes_of(log2)]}
        # One node a line: the lists of numbers are the part that people compare.
        head = {key: value[key] for key in ("set", "log2_nodes", "graph_seed")}
        with open(f"{name}.json", "w") as file:
            file.write("{\n" + ",\n".join(f' "{key}": {json.dumps(field)}' for key, field in head.items()))
            for key in ("expander", "nodes"):
                rows = ",\n".join("  " + json.dumps(row) for row in value[key])
                file.write(f',\n "{key}": [\n{rows}\n ]')
            file.write("\n}\n")


if __name__ == "__main__":
    main()
