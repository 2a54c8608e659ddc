//! Beacon rounds: real published ones verify, anything else does not.

#![expect(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use std::{fs, path::Path};

use cairn_prover::beacon::{BeaconError, PublicKey, SecretKey, Signature};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A public key and its rounds from a file of published ones.
fn published(name: &str) -> (PublicKey, Vec<(u64, [u8; 48])>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/prover/beacon")
        .join(name);
    let value: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut key = [0; 96];
    hex::decode_to_slice(value["public_key"].as_str().unwrap(), &mut key).unwrap();
    let rounds = value["rounds"].as_array().unwrap().iter().map(|round| {
        let mut signature = [0; 48];
        hex::decode_to_slice(round["signature"].as_str().unwrap(), &mut signature).unwrap();
        (round["round"].as_u64().unwrap(), signature)
    });
    (PublicKey::from_compressed(&key).unwrap(), rounds.collect())
}

#[test]
fn a_published_quicknet_round_verifies() {
    let (key, rounds) = published("quicknet.json");
    assert_eq!(rounds.len(), 1);
    for (round, bytes) in rounds {
        let signature = Signature::from_compressed(&bytes).unwrap();
        assert_eq!(key.verify(round, &signature), Ok(()));
        assert_eq!(signature.to_compressed(), bytes);
        assert_eq!(
            signature.randomness(),
            <[u8; 32]>::from(Sha256::digest(bytes))
        );
    }
}

#[test]
fn the_schemes_own_vectors_verify() {
    let (key, rounds) = published("rfc9380.json");
    assert_eq!(rounds.len(), 3);
    for (round, bytes) in rounds {
        assert_eq!(
            key.verify(round, &Signature::from_compressed(&bytes).unwrap()),
            Ok(()),
            "round {round}"
        );
    }
}

#[test]
fn a_signature_holds_for_its_round_and_key_only() {
    let (key, rounds) = published("quicknet.json");
    let (round, bytes) = rounds[0];
    let signature = Signature::from_compressed(&bytes).unwrap();
    for wrong in [0, round - 1, round + 1, u64::MAX] {
        assert_eq!(
            key.verify(wrong, &signature),
            Err(BeaconError::BadSignature { round: wrong })
        );
    }
    let (other, _) = published("rfc9380.json");
    assert_eq!(
        other.verify(round, &signature),
        Err(BeaconError::BadSignature { round })
    );
}

#[test]
fn a_tampered_signature_is_refused() {
    let (key, rounds) = published("quicknet.json");
    let (round, bytes) = rounds[0];
    for bit in 0..48 * 8 {
        let mut tampered = bytes;
        tampered[bit / 8] ^= 1 << (bit % 8);
        let verdict = Signature::from_compressed(&tampered)
            .and_then(|signature| key.verify(round, &signature));
        assert!(
            matches!(
                verdict,
                Err(BeaconError::Point { .. }
                    | BeaconError::BadSignature { .. }
                    | BeaconError::Infinity { .. })
            ),
            "bit {bit}: {verdict:?}"
        );
    }
}

#[test]
fn a_signed_round_verifies_in_both_encodings() {
    let secret = SecretKey::from_seed(&[42; 32]).unwrap();
    let key = secret.public_key();
    let key_again = PublicKey::from_evm(&key.to_evm()).unwrap();
    assert_eq!(PublicKey::from_compressed(&key.to_compressed()), Ok(key));
    for round in [0, 1, 1000, u64::MAX] {
        let signature = secret.sign(round).unwrap();
        let again = Signature::from_evm(&signature.to_evm()).unwrap();
        assert_eq!(key_again.verify(round, &again), Ok(()));
        assert_eq!(
            Signature::from_compressed(&signature.to_compressed()),
            Ok(signature)
        );
    }
    assert_ne!(
        secret.sign(1).unwrap().randomness(),
        secret.sign(2).unwrap().randomness()
    );
}

#[test]
fn infinity_is_neither_a_key_nor_a_signature() {
    assert_eq!(
        PublicKey::from_evm(&[0; 256]),
        Err(BeaconError::Infinity { what: "public key" })
    );
    assert_eq!(
        Signature::from_evm(&[0; 128]),
        Err(BeaconError::Infinity { what: "signature" })
    );
    let mut compressed = [0; 48];
    compressed[0] = 0xc0;
    assert_eq!(
        Signature::from_compressed(&compressed),
        Err(BeaconError::Infinity { what: "signature" })
    );
    let mut compressed = [0; 96];
    compressed[0] = 0xc0;
    assert_eq!(
        PublicKey::from_compressed(&compressed),
        Err(BeaconError::Infinity { what: "public key" })
    );
}

#[test]
fn a_secret_key_does_not_print_itself() {
    assert_eq!(
        format!("{:?}", SecretKey::from_seed(&[1; 32]).unwrap()),
        "SecretKey(..)"
    );
}

#[test]
fn keys_from_different_seeds_differ() {
    let keys = [[1; 32], [2; 32], [3; 32]]
        .map(|seed| SecretKey::from_seed(&seed).unwrap().public_key().to_evm());
    assert!(keys[0] != keys[1] && keys[1] != keys[2] && keys[0] != keys[2]);
}
