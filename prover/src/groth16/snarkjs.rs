//! The three JSON files of `snarkjs groth16 verify`, curve `bls12381`: an independent program can check our proofs.
//!
//! Points are given in projective coordinates with z = 1, numbers as decimal strings, elements of the extension field as
//! pairs (c0, c1).

use ark_bls12_381::{Fq, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use serde_json::{Value, json};

use crate::groth16::{key::VerifyingKey, verifier::Proof};

const CURVE: &str = "bls12381";
const PROTOCOL: &str = "groth16";

/// The content of `verification_key.json`.
#[must_use]
pub fn verification_key(key: &VerifyingKey) -> Value {
    let inner = key.inner();
    json!({
        "protocol": PROTOCOL,
        "curve": CURVE,
        "nPublic": key.public_inputs(),
        "vk_alpha_1": g1(&inner.alpha_g1),
        "vk_beta_2": g2(&inner.beta_g2),
        "vk_gamma_2": g2(&inner.gamma_g2),
        "vk_delta_2": g2(&inner.delta_g2),
        "IC": key.input_points().iter().map(g1).collect::<Vec<_>>(),
    })
}

/// The content of `proof.json`.
#[must_use]
pub fn proof(proof: &Proof) -> Value {
    json!({
        "protocol": PROTOCOL,
        "curve": CURVE,
        "pi_a": g1(&proof.0.a),
        "pi_b": g2(&proof.0.b),
        "pi_c": g1(&proof.0.c),
    })
}

/// The content of `public.json`.
#[must_use]
pub fn public_inputs(inputs: &[Fr]) -> Value {
    inputs.iter().map(ToString::to_string).collect()
}

fn g1(point: &G1Affine) -> Value {
    point.xy().map_or_else(
        || json!(["0", "1", "0"]),
        |(x, y)| json!([decimal(&x), decimal(&y), "1"]),
    )
}

fn g2(point: &G2Affine) -> Value {
    point.xy().map_or_else(
        || json!([["0", "0"], ["1", "0"], ["0", "0"]]),
        |(x, y)| {
            json!([
                [decimal(&x.c0), decimal(&x.c1)],
                [decimal(&y.c0), decimal(&y.c1)],
                ["1", "0"]
            ])
        },
    )
}

fn decimal(number: &Fq) -> String {
    number.to_string()
}
