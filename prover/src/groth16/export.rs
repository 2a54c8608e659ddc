//! Proofs and verifying keys as the EVM reads them.
//!
//! ```text
//! proof  512 bytes: A G1 | B G2 | C G1
//! key    alpha G1 | -beta G2 | -gamma G2 | -delta G2 | ic[0..=m] G1     (128 + 3 * 256 + 128 * (m + 1) bytes)
//! inputs m words of 32 bytes, big-endian
//! ```
//!
//! The contract's check is `e(A, B) e(alpha, -beta) e(vk_x, -gamma) e(C, -delta) = 1` with
//! `vk_x = ic[0] + sum x_i ic[i]`:
//! with three points negated in the key, nothing is negated on chain. A contract that holds a key as code puts one zero
//! byte (STOP) before these bytes; that byte is not part of them.

#![deny(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use std::ops::Neg;

use ark_bls12_381::{Bls12_381, Fr, G1Affine};

use crate::{
    eip2537::{
        G1_BYTES, G2_BYTES, PointError, decode_g1, decode_g2, encode_fr, encode_g1, encode_g2,
    },
    groth16::{error::VerifyingKeyError, key::VerifyingKey, verifier::Proof},
};

/// Bytes of a proof.
pub const PROOF_BYTES: usize = 2 * G1_BYTES + G2_BYTES;

/// Bytes of a verifying key before the points of its inputs.
const VK_FIXED_BYTES: usize = G1_BYTES + 3 * G2_BYTES;

/// Bytes of a verifying key with this many public inputs.
#[must_use]
pub const fn vk_bytes(public_inputs: usize) -> usize {
    VK_FIXED_BYTES + G1_BYTES * (public_inputs + 1)
}

/// Writes a proof: A | B | C.
#[must_use]
pub fn proof_to_evm(proof: &Proof) -> [u8; PROOF_BYTES] {
    let mut out = [0; PROOF_BYTES];
    let (a, rest) = out.split_at_mut(G1_BYTES);
    let (b, c) = rest.split_at_mut(G2_BYTES);
    a.copy_from_slice(&encode_g1(&proof.0.a));
    b.copy_from_slice(&encode_g2(&proof.0.b));
    c.copy_from_slice(&encode_g1(&proof.0.c));
    out
}

/// Reads a proof, checking every point.
///
/// # Errors
/// The bytes are no three points of the right groups.
pub fn proof_from_evm(bytes: &[u8]) -> Result<Proof, PointError> {
    let wrong_length = PointError::Length {
        expected: PROOF_BYTES,
        got: bytes.len(),
    };
    if bytes.len() != PROOF_BYTES {
        return Err(wrong_length);
    }
    let (a, rest) = bytes.split_at_checked(G1_BYTES).ok_or(wrong_length)?;
    let (b, c) = rest.split_at_checked(G2_BYTES).ok_or(wrong_length)?;
    Ok(Proof(ark_groth16::Proof {
        a: decode_g1(a)?,
        b: decode_g2(b)?,
        c: decode_g1(c)?,
    }))
}

/// Writes a verifying key: alpha | -beta | -gamma | -delta | ic.
#[must_use]
pub fn vk_to_evm(key: &VerifyingKey) -> Vec<u8> {
    let inner = key.inner();
    let mut out = Vec::with_capacity(vk_bytes(key.public_inputs()));
    out.extend_from_slice(&encode_g1(&inner.alpha_g1));
    for point in [inner.beta_g2, inner.gamma_g2, inner.delta_g2] {
        out.extend_from_slice(&encode_g2(&point.neg()));
    }
    for point in key.input_points() {
        out.extend_from_slice(&encode_g1(point));
    }
    out
}

/// Reads a verifying key, checking every point.
///
/// # Errors
/// The bytes are no verifying key, or one under which anything can be proven.
pub fn vk_from_evm(bytes: &[u8]) -> Result<VerifyingKey, VerifyingKeyError> {
    let inputs = bytes.len().saturating_sub(vk_bytes(0)) / G1_BYTES;
    let wrong_length = VerifyingKeyError::Length {
        inputs,
        expected: vk_bytes(inputs),
        got: bytes.len(),
    };
    if bytes.len() != vk_bytes(inputs) {
        return Err(wrong_length);
    }
    let (alpha, rest) = bytes
        .split_at_checked(G1_BYTES)
        .ok_or_else(|| wrong_length.clone())?;
    let (beta, rest) = rest
        .split_at_checked(G2_BYTES)
        .ok_or_else(|| wrong_length.clone())?;
    let (gamma, rest) = rest
        .split_at_checked(G2_BYTES)
        .ok_or_else(|| wrong_length.clone())?;
    let (delta, inputs) = rest.split_at_checked(G2_BYTES).ok_or(wrong_length)?;
    let at = |part: &'static str| move |source| VerifyingKeyError::Point { part, source };
    let input_points: Result<Vec<G1Affine>, _> =
        inputs.chunks_exact(G1_BYTES).map(decode_g1).collect();
    VerifyingKey::new(ark_groth16::VerifyingKey::<Bls12_381> {
        alpha_g1: decode_g1(alpha).map_err(at("alpha"))?,
        beta_g2: decode_g2(beta).map_err(at("beta"))?.neg(),
        gamma_g2: decode_g2(gamma).map_err(at("gamma"))?.neg(),
        delta_g2: decode_g2(delta).map_err(at("delta"))?.neg(),
        gamma_abc_g1: input_points.map_err(at("an input's point"))?,
    })
}

/// Writes public inputs: 32 bytes big-endian each.
#[must_use]
pub fn inputs_to_evm(inputs: &[Fr]) -> Vec<u8> {
    inputs.iter().flat_map(encode_fr).collect()
}
