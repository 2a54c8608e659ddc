//! The committed proofs of the real circuits, which the contracts verify too.

#![expect(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::{fs, path::Path};

use ark_bls12_381::G1Projective;
use ark_ec::{AffineRepr, CurveGroup};
use ark_ff::PrimeField;
use cairn_merkle::Fr;
use cairn_prover::{
    circuits::CircuitName,
    eip2537,
    groth16::{Proof, VerifyError, VerifyingKey, export, verify, verify_batch},
    keys::known,
};
use serde_json::Value;

fn fixture(circuit: &str, set: &str) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/prover");
    let path = folder.join(circuit).join(format!("{set}.json"));
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    hex::decode(value.as_str().unwrap().strip_prefix("0x").unwrap()).unwrap()
}

fn inputs(case: &Value) -> Vec<Fr> {
    let words = case["inputs"].as_array().unwrap().iter();
    words
        .map(|word| Fr::from_be_bytes_mod_order(&bytes(word)))
        .collect()
}

#[test]
fn committed_keys_are_the_published_ones() {
    for set in ["test", "devnet"] {
        for circuit in CircuitName::ALL {
            let fixture = fixture(circuit.as_str(), set);
            let published = known::find(set, circuit.as_str()).unwrap();
            assert_eq!(
                fixture["circuit_id"], published.circuit_id,
                "{set}/{circuit}"
            );
            assert_eq!(
                fixture["vk_blake3"], published.verifying_key,
                "{set}/{circuit}"
            );
            for case in fixture["cases"].as_array().unwrap() {
                let key = VerifyingKey::from_bytes(&bytes(&case["vk"])).unwrap();
                assert_eq!(
                    key.digest().to_hex().as_str(),
                    published.verifying_key,
                    "{set}/{circuit}"
                );
                assert_eq!(
                    export::vk_to_evm(&key),
                    bytes(&case["vk"]),
                    "{set}/{circuit}"
                );
            }
        }
    }
}

#[test]
fn committed_proofs_verify_and_only_for_their_statement() {
    let mut seen = 0;
    for set in ["test", "devnet"] {
        for circuit in CircuitName::ALL {
            for case in fixture(circuit.as_str(), set)["cases"].as_array().unwrap() {
                let name = format!("{set}/{circuit}: {}", case["case"]);
                let key = VerifyingKey::from_bytes(&bytes(&case["vk"])).unwrap();
                let proof = Proof::from_bytes(&bytes(&case["proof"])).unwrap();
                let inputs = inputs(case);
                assert_eq!(verify(&key, &proof, &inputs), Ok(()), "{name}");
                for place in 0..inputs.len() {
                    let mut other = inputs.clone();
                    other[place] += Fr::from(1u64);
                    let verdict = verify(&key, &proof, &other);
                    assert_eq!(verdict, Err(VerifyError::False), "{name}: input {place}");
                }
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 12 + 10, "cases of test and devnet");
}

#[test]
fn committed_partitions_of_one_sector_verify_together_and_not_in_place_of_each_other() {
    let fixture = fixture("replica", "peer");
    let published = known::find("peer", "replica").unwrap();
    assert_eq!(fixture["vk_blake3"], published.verifying_key);
    let cases = fixture["cases"].as_array().unwrap();
    let [first, second] = &cases[..] else {
        panic!("two partitions")
    };
    let key = VerifyingKey::from_bytes(&bytes(&first["vk"])).unwrap();
    let proof = |case: &Value| Proof::from_bytes(&bytes(&case["proof"])).unwrap();
    assert_eq!(verify(&key, &proof(first), &inputs(first)), Ok(()));
    assert_eq!(verify(&key, &proof(second), &inputs(second)), Ok(()));
    let swapped = verify(&key, &proof(first), &inputs(second));
    assert_eq!(swapped, Err(VerifyError::False));
    let (one, two) = (proof(first), proof(second));
    let (of_one, of_two) = (inputs(first), inputs(second));
    let batch = |first, second| verify_batch(&key, &[(&one, first), (&two, second)]);
    assert_eq!(batch(&of_one, &of_two), Ok(()));
    assert_eq!(batch(&of_two, &of_one), Err(VerifyError::False));
    assert_eq!(verify_batch(&key, &[]), Err(VerifyError::EmptyBatch));
    let (expected, got) = (of_two.len(), of_two.len() - 1);
    let short = Err(VerifyError::InputCount { expected, got });
    assert_eq!(batch(&of_one, &of_two[1..]), short);
    assert_eq!(batch(&of_one[1..], &of_two), short);
}

#[test]
fn errors_of_two_proofs_that_cancel_each_other_are_found() {
    let fixture = fixture("replica", "peer");
    let key = VerifyingKey::from_bytes(&bytes(&fixture["cases"][0]["vk"])).unwrap();
    let cases = [&fixture["cases"][0], &fixture["cases"][1]];
    let [one, two] = cases.map(|case| bytes(&case["proof"]));
    let [of_one, of_two] = cases.map(inputs);
    // A proof's last point is C; what is added to one is taken from the other, so that their plain sum is still right.
    let c = |proof: &[u8]| eip2537::decode_g1(&proof[384..]).unwrap().into_group();
    let with = |proof: &[u8], c: G1Projective| {
        let point = eip2537::encode_g1(&c.into_affine());
        Proof::from_bytes(&[&proof[..384], &point].concat()).unwrap()
    };
    let check = |error: G1Projective| {
        let (one, two) = (with(&one, c(&one) + error), with(&two, c(&two) - error));
        verify_batch(&key, &[(&one, &of_one), (&two, &of_two)])
    };
    assert_eq!(check(G1Projective::default()), Ok(()));
    assert_eq!(check(c(&one)), Err(VerifyError::False));
    // The same proof twice, once for the other's statement.
    let (one, two) = (with(&one, c(&one)), with(&two, c(&two)));
    let twice = verify_batch(&key, &[(&one, &of_one), (&one, &of_two)]);
    assert_eq!(twice, Err(VerifyError::False));
    let twice = verify_batch(&key, &[(&two, &of_two), (&two, &of_two)]);
    assert_eq!(twice, Ok(()), "the statement may be asked for twice");
}

#[test]
fn a_proof_is_as_long_for_4096_sectors_as_for_one() {
    let fixture = fixture("spacetime", "devnet");
    let cases = fixture["cases"].as_array().unwrap().iter();
    let lengths: Vec<(usize, usize)> = cases
        .map(|case| (bytes(&case["proof"]).len(), inputs(case).len()))
        .collect();
    assert_eq!(lengths, [(512, 3); 3]);
}
