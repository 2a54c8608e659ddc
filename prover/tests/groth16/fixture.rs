//! The committed known answers for the contracts still are what this code makes.

use std::{fs, path::Path};

use cairn_prover::groth16::{
    Proof, VerifyingKey, blinding_rng, export, prove, setup_insecure, verify,
};
use serde_json::Value;

use super::toy::Toy;

#[test]
fn the_contracts_known_answers_are_what_this_code_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/prover/groth16/toy.json");
    let fixture: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let cases = fixture["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 3);
    for (case, inputs) in cases.iter().zip([1usize, 3, 5]) {
        let key = setup_insecure("test", "toy", Toy::blank(inputs)).unwrap();
        let circuit = Toy::from_starts(&(11..).take(inputs).collect::<Vec<_>>());
        let public = circuit.inputs();
        let proof = prove(&key, circuit, &mut blinding_rng([7; 32])).unwrap();
        assert_eq!(bytes(&case["vk"]), export::vk_to_evm(key.verifying_key()));
        assert_eq!(bytes(&case["proof"]), export::proof_to_evm(&proof));
        let words: Vec<u8> = case["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(bytes)
            .collect();
        assert_eq!(words, export::inputs_to_evm(&public));
        let (key, proof) = (
            VerifyingKey::from_bytes(&bytes(&case["vk"])),
            Proof::from_bytes(&bytes(&case["proof"])),
        );
        assert_eq!(verify(&key.unwrap(), &proof.unwrap(), &public), Ok(()));
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap().strip_prefix("0x").unwrap()).unwrap()
}
