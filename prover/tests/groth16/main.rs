//! Keys and proofs around a small circuit that is none of ours.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests stop at what they did not expect"
)]

#[path = "../toy/mod.rs"]
mod toy;

mod fixture;
mod key_files;
mod proofs;
mod same_bytes;
mod snarkjs;

use std::sync::LazyLock;

use cairn_prover::groth16::{Key, Proof, blinding_rng, prove, setup_insecure};

/// One key with two public inputs for all tests.
static KEY: LazyLock<Key> =
    LazyLock::new(|| setup_insecure("test", "toy", toy::Toy::blank(2)).unwrap());

/// A true statement under [`KEY`] and its proof.
static PROVEN: LazyLock<(toy::Toy, Proof)> = LazyLock::new(|| {
    let circuit = toy::Toy::from_starts(&[3, 4]);
    let proof = prove(&KEY, circuit.clone(), &mut blinding_rng([1; 32])).unwrap();
    (circuit, proof)
});
