//! Key files, proofs, vanilla proofs and what a half-sealed sector has finished.

use cairn_prover::groth16::{Key, Proof, VerifyingKey};
use cairn_prover::params::ParamSet;
use cairn_prover::replica::{ReplicaStatement, VanillaProof, check};
use cairn_prover::seal::{STATE_BYTES_MAX, SealState};
use cairn_prover::synthetic::SyntheticReplica;
use std::sync::LazyLock;

/// Bytes of a key file's header; its layout is documented beside the reader.
const HEADER_BYTES: usize = 168;
const PAYLOAD_DIGEST: core::ops::Range<usize> = 104..136;
const HEADER_DIGEST: core::ops::Range<usize> = 136..168;

/// A key file: as it is, and again with its digests made right, so that what lies behind them is reached too.
pub fn prover_open_key_file(data: &[u8]) {
    open(data);
    if data.len() >= HEADER_BYTES {
        let mut sealed = data.to_vec();
        let digest = *blake3::hash(&sealed[HEADER_BYTES..]).as_bytes();
        sealed[PAYLOAD_DIGEST].copy_from_slice(&digest);
        let digest = *blake3::hash(&sealed[..HEADER_DIGEST.start]).as_bytes();
        sealed[HEADER_DIGEST].copy_from_slice(&digest);
        open(&sealed);
    }
}

fn open(bytes: &[u8]) {
    if let Ok(key) = Key::from_transport_bytes(bytes) {
        assert_eq!(key.to_transport_bytes(), bytes, "a packed key has one form");
    }
    if let Ok(key) = Key::from_file_bytes(bytes) {
        assert_eq!(key.to_file_bytes(), bytes, "a key file has one form");
    }
    if let Ok((_, key)) = VerifyingKey::from_file_bytes(bytes) {
        assert!(
            bytes.ends_with(&key.to_bytes()),
            "a verifying key has one form"
        );
    }
}

/// The 512 bytes of a proof: what decodes is written back as it was.
pub fn prover_decode_proof(data: &[u8]) {
    if let Ok(proof) = Proof::from_bytes(data) {
        assert_eq!(proof.to_bytes(), data, "a proof has one form");
    }
}

/// The record of a half-sealed sector: as it is, and again with its last digest made right.
pub fn prover_decode_seal_state(data: &[u8]) {
    seal_state(data);
    let mut signed = data.to_vec();
    signed.extend_from_slice(blake3::hash(data).as_bytes());
    seal_state(&signed);
}

fn seal_state(bytes: &[u8]) {
    if let Ok(state) = SealState::decode(bytes) {
        assert!(bytes.len() <= STATE_BYTES_MAX, "a record is bounded");
        assert!(state.done() <= state.layers, "no more is done than there is");
        assert_eq!(state.encode(), bytes, "a record has one form");
    }
}

/// The seed of the known answer in `testdata/prover/replica/vanilla.json`, which is in the corpus.
const SEED: u64 = 0xca1_2026;

struct Sealed {
    set: ParamSet,
    statement: ReplicaStatement,
    proof: Vec<u8>,
}

static SEALED: LazyLock<Sealed> = LazyLock::new(|| {
    let (set, sector) = SyntheticReplica::smallest().expect("sixteen leaves");
    let proof = sector.vanilla_proof(SEED.into(), 0);
    Sealed {
        set,
        statement: sector.statement(SEED.into(), 0),
        proof: proof.expect("the sector's own").to_bytes(),
    }
});

/// A vanilla proof: what decodes is written back as it was, and only the honest one shows the statement.
pub fn prover_decode_vanilla_proof(data: &[u8]) {
    let sealed = &*SEALED;
    if let Ok(proof) = VanillaProof::from_bytes(&sealed.set, data) {
        assert_eq!(proof.to_bytes(), data, "a vanilla proof has one form");
        if check(&sealed.set, &sealed.statement, &proof).is_ok() {
            assert_eq!(data, sealed.proof, "one proof shows a statement");
        }
    }
}
