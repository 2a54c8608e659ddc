//! Several proofs under one key in one check.
//!
//! ```text
//! prod e(r_i A_i, B_i) = e(alpha, beta)^(sum r_i) e(sum r_i vk_x_i, gamma) e(sum r_i C_i, delta)
//! r_i = the next 16 bytes, little-endian, of the BLAKE3 XOF over
//!       "cairn/v1/batch" | digest of the key 32 | proofs u64 LE | for each: public inputs | proof 512
//! ```
//!
//! If one proof is false, the product is right for at most one value of its coefficient in 2^128, and every coefficient
//! follows from every byte that is checked: nobody can choose proofs against them. Source: batch verification by small
//! exponents (Bellare, Garay, Rabin, EUROCRYPT 1998). Cost: a Miller loop for each proof and two more, one final
//! exponentiation.

#![deny(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use ark_bls12_381::{Bls12_381, Fr, G1Affine, G1Projective};
use ark_ec::{CurveGroup, VariableBaseMSM, pairing::Pairing};
use ark_ff::{AdditiveGroup, Field, PrimeField};
use ark_relations::gr1cs::SynthesisError;

use crate::groth16::{error::VerifyError, export, key::VerifyingKey, verifier::Proof};

/// What the hash that coefficients come from begins with.
const DOMAIN: &[u8] = b"cairn/v1/batch";

/// Bytes of a coefficient.
const COEFFICIENT_BYTES: usize = 16;

/// Checks that all proofs hold, each for its public inputs.
///
/// # Errors
/// [`VerifyError::False`] when at least one does not (which, is not known); any other variant says that nothing was
/// decided: nothing to check, or a wrong number of inputs.
pub fn verify_batch(key: &VerifyingKey, batch: &[(&Proof, &[Fr])]) -> Result<(), VerifyError> {
    if batch.is_empty() {
        return Err(VerifyError::EmptyBatch);
    }
    let expected = key.public_inputs();
    for (_, inputs) in batch {
        let got = inputs.len();
        if got != expected {
            return Err(VerifyError::InputCount { expected, got });
        }
    }
    let coefficients = coefficients(key, batch);
    let mut scalars = vec![Fr::ZERO; expected.saturating_add(1)];
    for ((_, inputs), r) in batch.iter().zip(&coefficients) {
        let one = [Fr::ONE];
        for (scalar, input) in scalars.iter_mut().zip(one.iter().chain(*inputs)) {
            *scalar += *r * input;
        }
    }
    let total: Fr = coefficients.iter().sum();
    let c: Vec<G1Affine> = batch.iter().map(|(proof, _)| proof.0.c).collect();
    let c = sum(&c, &coefficients)?;
    let inputs = sum(key.input_points(), &scalars)?;
    let mut left: Vec<G1Affine> = batch
        .iter()
        .zip(&coefficients)
        .map(|((proof, _), r)| (proof.0.a * r).into_affine())
        .collect();
    let right = batch.iter().map(|(proof, _)| proof.0.b.into());
    let key = key.prepared();
    left.extend([inputs, c]);
    let fixed = [key.gamma_g2_neg_pc.clone(), key.delta_g2_neg_pc.clone()];
    let loops = Bls12_381::multi_miller_loop(left, right.chain(fixed));
    let product = Bls12_381::final_exponentiation(loops)
        .ok_or(VerifyError::Pairing(SynthesisError::DivisionByZero))?;
    if product.0 == key.alpha_g1_beta_g2.pow(total.into_bigint()) {
        Ok(())
    } else {
        Err(VerifyError::False)
    }
}

fn sum(points: &[G1Affine], scalars: &[Fr]) -> Result<G1Affine, VerifyError> {
    let sum = G1Projective::msm(points, scalars)
        .map_err(|_unequal_lengths| VerifyError::Pairing(SynthesisError::ArityMismatch))?;
    Ok(sum.into_affine())
}

fn coefficients(key: &VerifyingKey, batch: &[(&Proof, &[Fr])]) -> Vec<Fr> {
    let mut hasher = blake3::Hasher::new();
    hasher.update(DOMAIN);
    hasher.update(key.digest().as_bytes());
    hasher.update(&u64::try_from(batch.len()).unwrap_or(u64::MAX).to_le_bytes());
    for (proof, inputs) in batch {
        hasher.update(&export::inputs_to_evm(inputs));
        hasher.update(&proof.to_bytes());
    }
    let mut output = hasher.finalize_xof();
    let mut bytes = [0; COEFFICIENT_BYTES];
    let draw = |_| {
        output.fill(&mut bytes);
        Fr::from(u128::from_le_bytes(bytes))
    };
    batch.iter().map(draw).collect()
}

#[cfg(test)]
mod tests {
    use ark_bls12_381::G2Affine;
    use ark_ec::AffineRepr;

    use super::*;

    fn g1(multiple: u64) -> G1Affine {
        (G1Affine::generator() * Fr::from(multiple)).into_affine()
    }

    fn g2(multiple: u64) -> G2Affine {
        (G2Affine::generator() * Fr::from(multiple)).into_affine()
    }

    fn key(alpha: u64) -> VerifyingKey {
        VerifyingKey::new(ark_groth16::VerifyingKey {
            alpha_g1: g1(alpha),
            beta_g2: g2(2),
            gamma_g2: g2(3),
            delta_g2: g2(4),
            gamma_abc_g1: vec![g1(5), g1(6)],
        })
        .unwrap()
    }

    fn proof(c: u64) -> Proof {
        Proof(ark_groth16::Proof {
            a: g1(7),
            b: g2(8),
            c: g1(c),
        })
    }

    #[test]
    fn every_coefficient_follows_from_the_key_and_from_every_proof_and_its_inputs() {
        // The second proof is what changes: the first one's coefficient follows from it too.
        let of = |alpha, c, input: u64| {
            let (first, input) = (proof(9), Fr::from(input));
            coefficients(&key(alpha), &[(&first, &[Fr::ONE]), (&proof(c), &[input])])
        };
        let all = [
            of(10, 11, 12),
            of(13, 11, 12),
            of(10, 13, 12),
            of(10, 11, 13),
        ];
        let distinct: std::collections::BTreeSet<Fr> = all.iter().flatten().copied().collect();
        assert_eq!(
            distinct.len(),
            8,
            "two each, as given and with key, proof or input changed"
        );
    }
}
