//! An independent program checks our proofs: snarkjs, which reads its own JSON and shares no code with ours.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use ark_bls12_381::Fr;
use ark_ff::One;
use cairn_prover::groth16::{Proof, VerifyingKey, snarkjs};

use super::{KEY, PROVEN};

/// Where `make setup` puts snarkjs.
fn snarkjs_cli() -> PathBuf {
    let cli = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../contracts/node_modules/snarkjs/build/cli.cjs");
    assert!(
        cli.is_file(),
        "{} is not there: run `make setup` first",
        cli.display()
    );
    cli
}

/// Has snarkjs verify a proof; its exit code is its verdict.
fn snarkjs_verify(key: &VerifyingKey, inputs: &[Fr], proof: &Proof) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, value: serde_json::Value| {
        let path = folder.path().join(name);
        fs::write(&path, value.to_string()).unwrap();
        path
    };
    Command::new("node")
        .arg(snarkjs_cli())
        .args(["groth16", "verify"])
        .arg(write(
            "verification_key.json",
            snarkjs::verification_key(key),
        ))
        .arg(write("public.json", snarkjs::public_inputs(inputs)))
        .arg(write("proof.json", snarkjs::proof(proof)))
        .output()
        .expect("node is not there: run `make setup` first")
}

#[test]
fn snarkjs_accepts_our_proof() {
    let output = snarkjs_verify(KEY.verifying_key(), &PROVEN.0.inputs(), &PROVEN.1);
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("OK!"), "{text}");
}

#[test]
fn snarkjs_refuses_our_proof_for_another_statement() {
    let mut inputs = PROVEN.0.inputs();
    inputs[1] += Fr::one();
    let output = snarkjs_verify(KEY.verifying_key(), &inputs, &PROVEN.1);
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && text.contains("Invalid proof"),
        "{text}"
    );
}
