//! The honest way: sealed sectors of small sets, accepted by native check and circuit alike.

#![expect(clippy::unwrap_used, reason = "tests stop at what they did not expect")]

use cairn_merkle::Fr;
use cairn_prover::gadget::audit::{Audit, Layout};
use cairn_prover::graph::Graph;
use cairn_prover::params::{ALL, PEER, ParamSet, TEST};
use cairn_prover::replica::{Challenged, ReplicaCircuit, VanillaProof, challenge, check};
use cairn_prover::replica::{CodecError, proof_bytes};
use cairn_prover::synthetic::{ReplicaPurpose, SyntheticReplica};
use std::fs;
use std::path::Path;

/// Small in everything; `name` is that of a real set, as it seeds the graph.
fn set(log2_leaves: u32, layers: u8) -> ParamSet {
    ParamSet {
        sector_log2_leaves: log2_leaves,
        layers,
        porep_challenges: 4,
        ..TEST
    }
}

fn sealed(set: &ParamSet) -> SyntheticReplica {
    let purpose = ReplicaPurpose {
        porep_id: Fr::from(11u64),
        provider: [0xab; 20],
        sector_number: 41,
        ticket: Fr::from(13u64),
    };
    let data: Vec<Fr> = (0..set.sector_leaves()).map(|i| -Fr::from(i * i)).collect();
    SyntheticReplica::seal(set, purpose, &data).unwrap()
}

/// A seed whose partition asks for this node.
fn seed_for(set: &ParamSet, node: u32) -> Fr {
    (0u64..)
        .map(Fr::from)
        .find(|seed| challenge(set, *seed, 3) == node)
        .unwrap()
}

#[test]
fn every_node_of_a_sealed_sector_is_accepted_by_both() {
    for (log2_leaves, layers) in [(6, 2), (5, 1), (4, 4)] {
        let set = set(log2_leaves, layers);
        let sector = sealed(&set);
        let layout = Layout::of(&ReplicaCircuit::blank(&set)).unwrap();
        let nodes = if layers == 2 {
            vec![0, 1, 2, 37, 63]
        } else {
            vec![0, 1, 7]
        };
        for node in nodes {
            let seed = seed_for(&set, node);
            let (statement, circuit) = sector.circuit(seed, 3).unwrap();
            let proof = sector.vanilla_proof(seed, 3).unwrap();
            assert_eq!(check(&set, &statement, &proof), Ok(()), "node {node}");
            let findings = Audit::new().run_on(&layout, &circuit).unwrap();
            assert!(
                findings.is_satisfied(),
                "node {node}: {:?}",
                findings.broken
            );
        }
    }
}

#[test]
fn a_vanilla_proof_is_its_bytes() {
    for set in [TEST, PEER, set(6, 8)] {
        let small = ParamSet {
            sector_log2_leaves: set.sector_log2_leaves.min(8),
            ..set
        };
        let sector = sealed(&small);
        let proof = sector.vanilla_proof(Fr::from(5u64), 0).unwrap();
        let bytes = proof.to_bytes();
        assert_eq!(bytes.len(), proof_bytes(&small));
        assert_eq!(VanillaProof::from_bytes(&small, &bytes), Ok(proof));
    }
}

#[test]
fn a_vanilla_proof_has_the_published_length() {
    let lengths = ALL.map(|set| (set.name, proof_bytes(set)));
    let published = [
        ("test", 26_177),
        ("small", 43_585),
        ("devnet", 52_289),
        ("peer", 44_609),
        ("testnet", 63_873),
        ("mainnet", 72_577),
    ];
    assert_eq!(lengths, published);
}

#[test]
fn the_bytes_of_a_vanilla_proof_are_the_committed_ones() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/prover/replica");
    let text = fs::read_to_string(folder.join("vanilla.json")).unwrap();
    let known: serde_json::Value = serde_json::from_str(&text).unwrap();
    let bytes = known["bytes"].as_str().unwrap().strip_prefix("0x").unwrap();
    let bytes = hex::decode(bytes).unwrap();
    let seed = Fr::from(known["seed"].as_u64().unwrap());
    let (set, sector) = SyntheticReplica::smallest().unwrap();
    assert_eq!(sector.vanilla_proof(seed, 0).unwrap().to_bytes(), bytes);
    let proof = VanillaProof::from_bytes(&set, &bytes).unwrap();
    assert_eq!(check(&set, &sector.statement(seed, 0), &proof), Ok(()));
}

#[test]
fn bytes_of_another_length_version_or_modulus_are_refused() {
    let set = set(4, 2);
    let bytes = sealed(&set)
        .vanilla_proof(Fr::from(5u64), 0)
        .unwrap()
        .to_bytes();
    let expected = bytes.len();
    for got in [0, 1, expected - 1, expected + 1] {
        let mut other = bytes.clone();
        other.resize(got, 0);
        let length = CodecError::Length { expected, got };
        assert_eq!(VanillaProof::from_bytes(&set, &other), Err(length));
    }
    let mut other = bytes.clone();
    other[0] = 2;
    assert_eq!(
        VanillaProof::from_bytes(&set, &other),
        Err(CodecError::Version { got: 2 })
    );
    for offset in (1..expected).step_by(32) {
        let mut other = bytes.clone();
        other[offset..offset + 32].fill(0xff);
        let refused = CodecError::NonCanonical { offset };
        assert_eq!(VanillaProof::from_bytes(&set, &other), Err(refused));
    }
}

#[test]
fn the_circuit_derives_the_parents_of_the_graph() {
    // Were a parent derived wrongly, the columns opened at the graph's parents would not lead to comm_c.
    let set = set(4, 1);
    let sector = sealed(&set);
    let layout = Layout::of(&ReplicaCircuit::blank(&set)).unwrap();
    let graph = Graph::for_set(&set);
    for node in 0..16 {
        let seed = seed_for(&set, node);
        let (statement, circuit) = sector.circuit(seed, 3).unwrap();
        assert!(
            Audit::new()
                .run_on(&layout, &circuit)
                .unwrap()
                .is_satisfied(),
            "node {node}"
        );
        let mut wrong = Challenged::at(&graph, node);
        wrong.parents[9] ^= 1;
        let proof = sector.open(&wrong).unwrap();
        let circuit = ReplicaCircuit::new(set, statement.clone(), proof.clone());
        assert!(
            !Audit::new()
                .run_on(&layout, &circuit)
                .unwrap()
                .is_satisfied(),
            "node {node}"
        );
        assert!(check(&set, &statement, &proof).is_err(), "node {node}");
    }
}
