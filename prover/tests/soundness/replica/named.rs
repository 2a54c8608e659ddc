//! What a cheat would do, by name.

use super::*;

fn relabelled_for(purpose: ReplicaPurpose) -> Claim {
    let mut claim = Cheat::at(NODE).claim();
    let sealed_for = ReplicaStatement {
        porep_id: purpose.porep_id,
        provider: purpose.provider,
        sector_number: purpose.sector_number,
        ticket: purpose.ticket,
        ..claim.statement
    };
    claim.statement = sealed_for;
    claim
}

#[test]
fn a_replica_made_for_anything_else_is_refused_by_its_labels_alone() {
    let others = [
        (
            "another chain or contract",
            ReplicaPurpose {
                porep_id: fr(2),
                ..PURPOSE
            },
        ),
        (
            "another provider",
            ReplicaPurpose {
                provider: [0xac; 20],
                ..PURPOSE
            },
        ),
        (
            "registered a second time",
            ReplicaPurpose {
                sector_number: 42,
                ..PURPOSE
            },
        ),
        (
            "an old ticket",
            ReplicaPurpose {
                ticket: fr(2),
                ..PURPOSE
            },
        ),
    ];
    for (story, purpose) in others {
        let error = relabelled_for(purpose).refused_by("label", "label");
        assert_eq!(
            error,
            ReplicaError::Label {
                layer: 1,
                node: NODE
            },
            "{story}"
        );
    }
}

#[test]
fn layers_that_are_skipped_are_refused_by_the_labels() {
    // The sector has one layer, given out for two.
    let mut cheat = Cheat::at(NODE);
    let first: Vec<Fr> = cheat.labels.chunks(2).map(|column| column[0]).collect();
    cheat.labels = first.iter().flat_map(|label| [*label, *label]).collect();
    cheat.replica = cheat
        .data
        .iter()
        .zip(&first)
        .map(|(data, label)| *data + label)
        .collect();
    let error = cheat.claim().refused_by("label", "label");
    assert_eq!(
        error,
        ReplicaError::Label {
            layer: 2,
            node: NODE
        }
    );
}

#[test]
fn parents_in_another_order_are_refused() {
    let claim = Cheat::with_parents(NODE, |parents| parents.swap(6, 7)).claim();
    assert!(matches!(
        claim.both(),
        Err(ReplicaError::ColumnPath { .. } | ReplicaError::CommC { .. })
    ));
}

#[test]
fn data_chosen_against_the_labels_is_refused() {
    // D = -K would leave nothing to store. The labels follow from comm_d, so they change when D is chosen.
    let mut cheat = Cheat::at(NODE);
    let keys: Vec<Fr> = cheat.labels.chunks(2).map(|column| column[1]).collect();
    cheat.data = keys.iter().map(|key| -*key).collect();
    cheat.replica = vec![fr(0); 64];
    let error = cheat.claim().refused_by("label", "label");
    assert_eq!(
        error,
        ReplicaError::Label {
            layer: 1,
            node: NODE
        }
    );
}

#[test]
fn named_faults_of_the_encoding_are_told_apart() {
    let error = replaced_data().refused_by("data path", "comm_d");
    assert_eq!(error, ReplicaError::CommD { node: NODE });
    let mut plain = Cheat::at(NODE);
    plain.replica = plain.data.clone();
    let error = plain.claim().refused_by("replica path", "encoding");
    assert_eq!(error, ReplicaError::Encoding { node: NODE });
    let mut other = Cheat::at(NODE).claim();
    let purpose = ReplicaPurpose {
        sector_number: 42,
        ..PURPOSE
    };
    other.statement.comm_r = Cheat::of(purpose, NODE).claim().statement.comm_r;
    assert_eq!(other.refused_by("sector", "comm_r"), ReplicaError::CommR);
}

#[test]
fn one_partition_does_not_stand_for_another() {
    let sector = Cheat::at(NODE).sector();
    let seed = seed_for(NODE, 0);
    assert_ne!(challenge(&SET, seed, 1), NODE);
    let claim = Claim {
        statement: sector.statement(seed, 1),
        proof: sector.vanilla_proof(seed, 0).unwrap(),
    };
    assert!(claim.both().is_err());
    // The prover works on partition 0 and says 1: only the packed word ties the two.
    let findings = Audit::new()
        .forge("partition", "bits", 0, set(vec![fr(0)]))
        .run_on(&LAYOUT, &claim.circuit())
        .unwrap();
    let scope = "public";
    assert_eq!(
        findings.broken,
        [Name {
            scope,
            what: "packed word"
        }]
        .into()
    );
    let beyond = Claim {
        statement: sector.statement(seed, 2),
        ..claim
    };
    let partition = StatementError::Partition {
        partitions: 2,
        got: 2,
    };
    assert_eq!(beyond.both(), Err(partition.into()));
}

#[test]
fn two_layers_are_not_taken_for_eight() {
    let eight = ParamSet { layers: 8, ..SET };
    let claim = Cheat::at(NODE).claim();
    let refused = check(&eight, &claim.statement, &claim.proof);
    let labels = ReplicaError::Labels {
        column: 0,
        expected: 8,
        got: 2,
    };
    assert_eq!(refused, Err(labels));
    let bytes = claim.proof.to_bytes();
    assert!(matches!(
        VanillaProof::from_bytes(&eight, &bytes),
        Err(CodecError::Length { .. })
    ));
    // Four stand for eight here: the circuit of eight takes a minute to lay out.
    let four = ParamSet { layers: 4, ..SET };
    let circuit = ReplicaCircuit::new(four, claim.statement, claim.proof);
    assert!(!Audit::new().run(&circuit).unwrap().is_satisfied());
    let size = |set| Circuits::for_set(set).size(CircuitName::Replica).unwrap();
    let [two, eight] = [&SET, &eight].map(size);
    assert_ne!(two, eight, "another circuit, so another id and another key");
}
