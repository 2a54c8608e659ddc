//! Poseidon2 over the scalar field of BLS12-381: width 16, x^5, 8 full and 64 partial rounds.
//!
//! `H(x0..x15) = P(x)[0] + x[0]`; the feed-forward is what makes it one-way, it is never left out.
//!
//! Source: eprint 2023/323. Where we differ: 64 partial rounds instead of the 57 its script gives (margin against
//! the round-skipping attacks on the compression mode), and an internal matrix with a small diagonal,
//! `d - 1 = [1, 2, .., 15, 24]`, which passes the test for invariant subspaces for its powers 1 to 32.
//!
//! | file | what |
//! |---|---|
//! | `grain` | round constants, from the published generator |
//! | `reference` | the permutation as it is written on paper |
//! | `fast`, `limbs` | the same permutation with lazy reduction, on any processor |
//! | `eight` | eight permutations side by side with AVX-512 IFMA |
//! | `batch` | rows of a tree, by whichever of the two this processor does faster |

mod batch;
#[cfg(target_arch = "x86_64")]
mod eight;
mod fast;
mod grain;
mod limbs;
pub mod reference;

pub use batch::{Engine, hash_row};
pub use grain::grain_constants;

pub(crate) use batch::{Child, compress_groups};

use ark_bls12_381::Fr;
use ark_ff::AdditiveGroup;
use std::sync::LazyLock;

/// Elements of the state.
pub const WIDTH: usize = 16;
/// Full rounds, half of them before and half after the partial ones.
pub const FULL_ROUNDS: usize = 8;
/// Partial rounds.
pub const PARTIAL_ROUNDS: usize = 64;

/// The 4x4 block of the external matrix `circ(2*M4, M4, M4, M4)`.
pub const EXTERNAL_BLOCK: [[u64; 4]; 4] = [[5, 7, 1, 3], [4, 6, 1, 1], [1, 3, 5, 7], [1, 1, 4, 6]];

/// `d - 1` of the internal matrix: all ones, plus this on the diagonal.
pub const INTERNAL_DIAGONAL: [u64; WIDTH] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 24];

/// The round constants: one for each element in a full round, one for element 0 in a partial round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoundConstants {
    /// Of the full rounds: four before, four after the partial rounds.
    pub full: [[Fr; WIDTH]; FULL_ROUNDS],
    /// Of the partial rounds.
    pub partial: [Fr; PARTIAL_ROUNDS],
}

static ROUND_CONSTANTS: LazyLock<RoundConstants> = LazyLock::new(|| {
    let drawn = grain_constants(WIDTH, FULL_ROUNDS, PARTIAL_ROUNDS);
    let mut constants = RoundConstants {
        full: [[Fr::ZERO; WIDTH]; FULL_ROUNDS],
        partial: [Fr::ZERO; PARTIAL_ROUNDS],
    };
    let (first, rest) = constants.full.split_at_mut(FULL_ROUNDS / 2);
    let places = first
        .as_flattened_mut()
        .iter_mut()
        .chain(&mut constants.partial)
        .chain(rest.as_flattened_mut());
    for (place, constant) in places.zip(drawn) {
        *place = constant;
    }
    constants
});

/// The round constants, made once from the generator.
#[must_use]
pub fn round_constants() -> &'static RoundConstants {
    &ROUND_CONSTANTS
}

/// `d - 1` of the internal matrix: all ones, plus this on the diagonal.
#[must_use]
pub const fn internal_diagonal() -> [u64; WIDTH] {
    INTERNAL_DIAGONAL
}

/// The permutation P.
pub fn permute(state: &mut [Fr; WIDTH]) {
    fast::permute(state);
}

/// The compression function `H(x) = P(x)[0] + x[0]`. Cost: one permutation.
#[must_use]
pub fn compress(input: &[Fr; WIDTH]) -> Fr {
    fast::permute_to_first(input) + input[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field;

    /// Known answers of an independent implementation are big-endian hexadecimal.
    fn big_endian(element: Fr) -> String {
        let mut bytes = field::to_bytes(&element);
        bytes.reverse();
        hex::encode(bytes)
    }

    fn count_from(first: u64) -> [Fr; WIDTH] {
        let mut next = first;
        [(); WIDTH].map(|()| {
            next += 1;
            Fr::from(next - 1)
        })
    }

    #[test]
    fn the_first_round_constant_is_the_known_one() {
        let known = "01a04b22dd9ef178a08c03726d8ee2061273d8bc64e1fdf34907f43cd87f1ffc";
        assert_eq!(big_endian(round_constants().full[0][0]), known);
    }

    #[test]
    fn the_permutation_of_zero_is_the_known_one() {
        let known = "3e646df347091de55b0243d879c90b0a52a6b3cf5bb6d9f00bb5e1924ebf3d05";
        for permutation in [permute, reference::permute] {
            let mut state = [Fr::ZERO; WIDTH];
            permutation(&mut state);
            assert_eq!(big_endian(state[0]), known);
        }
    }

    #[test]
    fn compression_has_the_known_answers() {
        let known = "5b0feb6901e293a652edbf5cf79985cde6246824016cfb351b3bb4c653a3ec41";
        assert_eq!(big_endian(compress(&count_from(0))), known);
        // Only with the feed-forward: here the input is not zero in place 0.
        let known = "0b522931e730191cb8b3c811103c52ebd8d84e46370d10496b9e1e5a8ea9e67a";
        assert_eq!(big_endian(compress(&count_from(1))), known);
    }
}
