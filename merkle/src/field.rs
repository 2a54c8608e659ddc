//! The one byte form of a field element: 32 bytes, little-endian, canonical.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use crate::error::NonCanonical;
use ark_bls12_381::Fr;
use ark_ff::{BigInt, PrimeField};

/// Bytes of a stored element.
pub const ELEMENT_BYTES: usize = 32;

/// The canonical little-endian bytes of `element`.
#[must_use]
pub fn to_bytes(element: &Fr) -> [u8; 32] {
    limbs_to_bytes(element.into_bigint().0)
}

/// The element that 32 little-endian bytes name. The bytes are a stranger's; nothing is reduced.
///
/// # Errors
/// [`NonCanonical`] if the integer is not below the modulus.
pub fn from_bytes(bytes: &[u8; 32]) -> Result<Fr, NonCanonical> {
    Fr::from_bigint(BigInt::new(bytes_to_limbs(bytes))).ok_or(NonCanonical)
}

/// Whether [`from_bytes`] takes these bytes. Costs a comparison, where the element costs a multiplication.
pub(crate) fn is_canonical(bytes: &[u8; 32]) -> bool {
    BigInt::new(bytes_to_limbs(bytes)) < Fr::MODULUS
}

/// The integer of 32 little-endian bytes modulo r. Only for constants hashed from a name: a stranger's bytes go
/// through [`from_bytes`].
#[must_use]
pub(crate) fn reduce_bytes(bytes: &[u8; 32]) -> Fr {
    Fr::from_le_bytes_mod_order(bytes)
}

pub(crate) fn bytes_to_limbs(bytes: &[u8; 32]) -> [u64; 4] {
    let mut limbs = [0u64; 4];
    let (words, _) = bytes.as_chunks::<8>();
    for (limb, word) in limbs.iter_mut().zip(words) {
        *limb = u64::from_le_bytes(*word);
    }
    limbs
}

pub(crate) fn limbs_to_bytes(limbs: [u64; 4]) -> [u8; 32] {
    let mut bytes = [0u8; 32];
    let (words, _) = bytes.as_chunks_mut::<8>();
    for (word, limb) in words.iter_mut().zip(limbs) {
        *word = limb.to_le_bytes();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_ff::AdditiveGroup;

    /// r, little-endian.
    fn modulus() -> [u8; 32] {
        limbs_to_bytes(Fr::MODULUS.0)
    }

    #[test]
    fn bytes_are_little_endian() {
        let mut expected = [0u8; 32];
        expected[0] = 1;
        expected[1] = 2;
        assert_eq!(to_bytes(&Fr::from(0x201u64)), expected);
    }

    #[test]
    fn the_largest_element_round_trips_and_the_modulus_is_refused() {
        let largest = Fr::ZERO - Fr::from(1u64);
        assert_eq!(from_bytes(&to_bytes(&largest)), Ok(largest));
        assert_eq!(from_bytes(&modulus()), Err(NonCanonical));
        let mut above = modulus();
        above[0] += 1;
        assert_eq!(from_bytes(&above), Err(NonCanonical));
        assert_eq!(from_bytes(&[0xff; 32]), Err(NonCanonical));
    }

    #[test]
    fn constants_are_reduced_modulo_r() {
        assert_eq!(reduce_bytes(&modulus()), Fr::ZERO);
    }
}
