//! Round constants by the published procedure: a self-shrinking Grain LFSR seeded with the parameters.
//!
//! Source: eprint 2019/458, appendix F, as used by the Poseidon2 authors' script; the table it makes at widths 4 and 8
//! for this field is the published one (see `tests/vectors.rs`).

use ark_bls12_381::Fr;
use ark_ff::{BigInt, PrimeField};

/// Bits of the modulus.
const FIELD_BITS: u32 = 255;
/// Bits of the register.
const REGISTER_BITS: u32 = 80;
/// Clocks thrown away before the first bit is used.
const WARM_UP_CLOCKS: u32 = 160;

/// An 80-bit register; bit 0 is the oldest.
struct Grain(u128);

impl Grain {
    /// Fields, most significant bit first: field type 1 (prime), S-box 0 (a power), n, t, full and partial rounds,
    /// thirty ones.
    fn new(width: usize, full_rounds: usize, partial_rounds: usize) -> Self {
        let mut grain = Self(0);
        let mut filled = 0;
        let parameters: [(u128, u32); 7] = [
            (1, 2),
            (0, 4),
            (u128::from(FIELD_BITS), 12),
            (width as u128, 12),
            (full_rounds as u128, 10),
            (partial_rounds as u128, 10),
            ((1 << 30) - 1, 30),
        ];
        for (value, bits) in parameters {
            for bit in (0..bits).rev() {
                grain.0 |= ((value >> bit) & 1) << filled;
                filled += 1;
            }
        }
        for _ in 0..WARM_UP_CLOCKS {
            grain.clock();
        }
        grain
    }

    const fn clock(&mut self) -> bool {
        let r = self.0;
        let bit = ((r >> 62) ^ (r >> 51) ^ (r >> 38) ^ (r >> 23) ^ (r >> 13) ^ r) & 1;
        self.0 = (r >> 1) | (bit << (REGISTER_BITS - 1));
        bit == 1
    }

    /// The second bit of the next pair whose first bit is one.
    const fn bit(&mut self) -> bool {
        while !self.clock() {
            self.clock();
        }
        self.clock()
    }

    /// 255 bits, most significant first, drawn again until they are below the modulus.
    fn element(&mut self) -> Fr {
        loop {
            let mut limbs = [0u64; 4];
            for place in (0..FIELD_BITS).rev() {
                if self.bit() {
                    limbs[(place / 64) as usize] |= 1 << (place % 64);
                }
            }
            if let Some(element) = Fr::from_bigint(BigInt::new(limbs)) {
                return element;
            }
        }
    }
}

/// The constants of a Poseidon2 over this field in the order they are used: `width` for each of the first half of the
/// full rounds, one for each partial round, `width` for each of the other full rounds. Public so that the generator
/// can be checked against published tables of other widths.
#[must_use]
pub fn grain_constants(width: usize, full_rounds: usize, partial_rounds: usize) -> Vec<Fr> {
    let mut grain = Grain::new(width, full_rounds, partial_rounds);
    (0..full_rounds * width + partial_rounds)
        .map(|_| grain.element())
        .collect()
}
