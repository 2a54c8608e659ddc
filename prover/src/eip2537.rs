//! Points of BLS12-381 as the EVM's precompiles read them (EIP-2537).
//!
//! ```text
//! Fp  64 bytes: 16 zero bytes, then 48 bytes big-endian, below p
//! G1 128 bytes: x | y
//! G2 256 bytes: x.c0 | x.c1 | y.c0 | y.c1
//! ```
//!
//! The point at infinity is all zeros. Decoding checks everything: padding, range, curve and subgroup. (The curve
//! library's own checked decoding of uncompressed points looks at the subgroup only and takes the curve for granted.)

#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use ark_bls12_381::{Fq, Fq2, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{BigInteger384, PrimeField, Zero};

/// Bytes of one coordinate.
pub const FP_BYTES: usize = 64;
/// Bytes of a point of G1.
pub const G1_BYTES: usize = 128;
/// Bytes of a point of G2.
pub const G2_BYTES: usize = 256;
/// Zero bytes before the 48 bytes of a coordinate.
const PADDING: usize = 16;

/// Why bytes are no point: the fault of whoever sent them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PointError {
    /// The bytes end early or go on.
    #[error("a point of this kind has {expected} bytes, these are {got}")]
    Length {
        /// Bytes a point of this kind has.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// The first 16 bytes of a coordinate are not zero.
    #[error("the padding of a coordinate is not zero")]
    Padding,
    /// A coordinate is not below the field's modulus, or carries flags that contradict each other.
    #[error("a coordinate is not canonical")]
    NotCanonical,
    /// The coordinates are of no point of the curve.
    #[error("the point is not on the curve")]
    NotOnCurve,
    /// The point is on the curve but not in the subgroup of prime order.
    #[error("the point is not in the subgroup of prime order")]
    NotInSubgroup,
}

/// Writes a point of G1.
#[must_use]
pub fn encode_g1(point: &G1Affine) -> [u8; G1_BYTES] {
    let mut out = [0u8; G1_BYTES];
    if let Some((x, y)) = point.xy() {
        put(&mut out, &[x, y]);
    }
    out
}

/// Writes a point of G2.
#[must_use]
pub fn encode_g2(point: &G2Affine) -> [u8; G2_BYTES] {
    let mut out = [0u8; G2_BYTES];
    if let Some((x, y)) = point.xy() {
        put(&mut out, &[x.c0, x.c1, y.c0, y.c1]);
    }
    out
}

/// Reads a point of G1, all zeros being the point at infinity.
///
/// # Errors
/// Whatever makes the bytes no canonical encoding of a point of the subgroup.
pub fn decode_g1(bytes: &[u8]) -> Result<G1Affine, PointError> {
    let [x, y] = coordinates(bytes)?;
    if x.is_zero() && y.is_zero() {
        return Ok(G1Affine::zero());
    }
    checked_g1(G1Affine::new_unchecked(x, y))
}

/// Reads a point of G2, all zeros being the point at infinity.
///
/// # Errors
/// Whatever makes the bytes no canonical encoding of a point of the subgroup.
pub fn decode_g2(bytes: &[u8]) -> Result<G2Affine, PointError> {
    let [x0, x1, y0, y1] = coordinates(bytes)?;
    let (x, y) = (Fq2::new(x0, x1), Fq2::new(y0, y1));
    if x.is_zero() && y.is_zero() {
        return Ok(G2Affine::zero());
    }
    checked_g2(G2Affine::new_unchecked(x, y))
}

/// A field element as the EVM's 32-byte big-endian word.
#[must_use]
pub fn encode_fr(element: &Fr) -> [u8; 32] {
    let mut out = [0u8; 32];
    for (word, limb) in out.rchunks_exact_mut(8).zip(element.into_bigint().0) {
        word.copy_from_slice(&limb.to_be_bytes());
    }
    out
}

/// Passes a point of the curve's subgroup, refuses any other.
pub(crate) fn checked_g1(point: G1Affine) -> Result<G1Affine, PointError> {
    if !point.is_on_curve() {
        return Err(PointError::NotOnCurve);
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(PointError::NotInSubgroup);
    }
    Ok(point)
}

/// Passes a point of the curve's subgroup, refuses any other.
pub(crate) fn checked_g2(point: G2Affine) -> Result<G2Affine, PointError> {
    if !point.is_on_curve() {
        return Err(PointError::NotOnCurve);
    }
    if !point.is_in_correct_subgroup_assuming_on_curve() {
        return Err(PointError::NotInSubgroup);
    }
    Ok(point)
}

fn put(out: &mut [u8], values: &[Fq]) {
    for (chunk, value) in out.chunks_exact_mut(FP_BYTES).zip(values) {
        for (word, limb) in chunk.rchunks_exact_mut(8).zip(value.into_bigint().0) {
            word.copy_from_slice(&limb.to_be_bytes());
        }
    }
}

fn coordinates<const N: usize>(bytes: &[u8]) -> Result<[Fq; N], PointError> {
    let (chunks, rest) = bytes.as_chunks::<FP_BYTES>();
    if chunks.len() != N || !rest.is_empty() {
        return Err(PointError::Length {
            expected: N.saturating_mul(FP_BYTES),
            got: bytes.len(),
        });
    }
    let mut values = [Fq::zero(); N];
    for (value, chunk) in values.iter_mut().zip(chunks) {
        *value = coordinate(chunk)?;
    }
    Ok(values)
}

fn coordinate(bytes: &[u8; FP_BYTES]) -> Result<Fq, PointError> {
    let (padding, number) = bytes.split_at(PADDING);
    if padding.iter().any(|byte| *byte != 0) {
        return Err(PointError::Padding);
    }
    let mut limbs = [0u64; 6];
    for (limb, word) in limbs.iter_mut().rev().zip(number.as_chunks::<8>().0) {
        *limb = u64::from_be_bytes(*word);
    }
    Fq::from_bigint(BigInteger384::new(limbs)).ok_or(PointError::NotCanonical)
}

#[cfg(test)]
mod tests {
    use ark_ec::{CurveGroup, PrimeGroup};
    use ark_ff::Field;

    use super::*;

    #[test]
    fn points_survive_the_round_trip() {
        for factor in [1u64, 2, 3, 0xdead_beef] {
            let g1 = (ark_bls12_381::G1Projective::generator() * Fr::from(factor)).into_affine();
            let g2 = (ark_bls12_381::G2Projective::generator() * Fr::from(factor)).into_affine();
            assert_eq!(decode_g1(&encode_g1(&g1)), Ok(g1));
            assert_eq!(decode_g2(&encode_g2(&g2)), Ok(g2));
        }
        assert_eq!(decode_g1(&[0; G1_BYTES]), Ok(G1Affine::zero()));
        assert_eq!(decode_g2(&[0; G2_BYTES]), Ok(G2Affine::zero()));
    }

    #[test]
    fn the_generator_is_encoded_as_the_eip_prints_it() {
        let expected = "0000000000000000000000000000000017f1d3a73197d7942695638c4fa9ac0fc3688c4f9774b905a14e3a3f171bac58\
                        6c55e83ff97a1aeffb3af00adb22c6bb0000000000000000000000000000000008b3f481e3aaa0f1a09e30ed741d8ae4\
                        fcf5e095d5d00af600db18cb2c04b3edd03cc744a2888ae40caa232946c5e7e1";
        assert_eq!(hex::encode(encode_g1(&G1Affine::generator())), expected);
    }

    #[test]
    fn a_point_off_the_curve_is_refused() {
        let mut bytes = encode_g1(&G1Affine::generator());
        bytes[G1_BYTES - 1] ^= 1;
        assert_eq!(decode_g1(&bytes), Err(PointError::NotOnCurve));
        let mut bytes = encode_g2(&G2Affine::generator());
        bytes[G2_BYTES - 1] ^= 1;
        assert_eq!(decode_g2(&bytes), Err(PointError::NotOnCurve));
    }

    #[test]
    fn a_point_of_the_curve_outside_the_subgroup_is_refused() {
        let outside = (0u64..)
            .filter_map(|x| G1Affine::get_point_from_x_unchecked(Fq::from(x), false))
            .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
            .unwrap();
        assert_eq!(
            decode_g1(&encode_g1(&outside)),
            Err(PointError::NotInSubgroup)
        );
        let outside = (0u64..)
            .filter_map(|x| {
                G2Affine::get_point_from_x_unchecked(Fq2::new(Fq::from(x), Fq::ONE), false)
            })
            .find(|point| !point.is_in_correct_subgroup_assuming_on_curve())
            .unwrap();
        assert_eq!(
            decode_g2(&encode_g2(&outside)),
            Err(PointError::NotInSubgroup)
        );
    }

    #[test]
    fn a_coordinate_above_the_modulus_is_refused() {
        let mut bytes = [0u8; G1_BYTES];
        bytes[PADDING..FP_BYTES].copy_from_slice(&[0xff; 48]);
        assert_eq!(decode_g1(&bytes), Err(PointError::NotCanonical));
        let modulus = Fq::MODULUS;
        for (word, limb) in bytes[PADDING..FP_BYTES].rchunks_exact_mut(8).zip(modulus.0) {
            word.copy_from_slice(&limb.to_be_bytes());
        }
        assert_eq!(
            decode_g1(&bytes),
            Err(PointError::NotCanonical),
            "p itself stands for zero and is refused"
        );
    }

    #[test]
    fn padding_and_length_are_checked() {
        let mut bytes = encode_g1(&G1Affine::generator());
        bytes[3] = 1;
        assert_eq!(decode_g1(&bytes), Err(PointError::Padding));
        assert_eq!(
            decode_g1(&bytes[1..]),
            Err(PointError::Length {
                expected: 128,
                got: 127
            })
        );
        assert_eq!(
            decode_g2(&bytes),
            Err(PointError::Length {
                expected: 256,
                got: 128
            })
        );
        assert_eq!(
            decode_g1(&[]),
            Err(PointError::Length {
                expected: 128,
                got: 0
            })
        );
    }
}
