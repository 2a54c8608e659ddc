//! Writes `testdata/prover/groth16/toy.json`: keys and proofs of a small circuit as the contracts read them.
//!
//! ```text
//! cargo run -p cairn-prover --example toy_fixture
//! ```

use std::{error::Error, fs, path::Path};

use cairn_prover::groth16::{blinding_rng, export, prove, setup_insecure, verify};
use serde_json::{Value, json};

#[path = "../tests/toy/mod.rs"]
mod toy;

fn main() -> Result<(), Box<dyn Error>> {
    let cases = [1usize, 3, 5]
        .into_iter()
        .map(case)
        .collect::<Result<Vec<_>, _>>()?;
    let text = serde_json::to_string_pretty(&json!({ "cases": cases }))?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/prover/groth16/toy.json");
    fs::write(path, text + "\n")?;
    Ok(())
}

/// A key and a proof of chains that start at 11, 12, ...
fn case(inputs: usize) -> Result<Value, Box<dyn Error>> {
    let key = setup_insecure("test", "toy", toy::Toy::blank(inputs))?;
    let starts: Vec<u64> = (11..).take(inputs).collect();
    let circuit = toy::Toy::from_starts(&starts);
    let public = circuit.inputs();
    // A fixture is no secret: a fixed seed makes the file the same each time.
    let proof = prove(&key, circuit, &mut blinding_rng([7; 32]))?;
    verify(key.verifying_key(), &proof, &public)?;
    let words: Vec<String> = export::inputs_to_evm(&public)
        .chunks(32)
        .map(prefixed)
        .collect();
    Ok(json!({
        "public_inputs": inputs,
        "circuit_id": key.identity().circuit_id.to_string(),
        "vk": prefixed(&export::vk_to_evm(key.verifying_key())),
        "proof": prefixed(&export::proof_to_evm(&proof)),
        "inputs": words,
    }))
}

fn prefixed(bytes: &[u8]) -> String {
    format!("0x{}", hex::encode(bytes))
}
