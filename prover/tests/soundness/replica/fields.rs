//! Every field of statement and proof, changed, is refused by circuit and native twin.

use super::*;

#[test]
fn every_changed_field_of_the_statement_is_refused_by_both() {
    let honest = Cheat::at(NODE).claim();
    assert_eq!(honest.both(), Ok(()));
    // Taken apart, so that a new field does not compile before it is changed below.
    let ReplicaStatement {
        comm_d,
        comm_r,
        porep_id,
        mut provider,
        ticket,
        seed,
        sector_number,
        partition,
    } = honest.statement;
    let base = || honest.statement.clone();
    let next = |commitment: Commitment| Commitment::from(commitment.to_fr() + fr(1));
    provider[19] ^= 1;
    let changed = [
        ReplicaStatement {
            comm_d: next(comm_d),
            ..base()
        },
        ReplicaStatement {
            comm_r: next(comm_r),
            ..base()
        },
        ReplicaStatement {
            porep_id: porep_id + fr(1),
            ..base()
        },
        ReplicaStatement { provider, ..base() },
        ReplicaStatement {
            ticket: ticket + fr(1),
            ..base()
        },
        ReplicaStatement {
            seed: seed + fr(1),
            ..base()
        },
        ReplicaStatement {
            sector_number: sector_number + 1,
            ..base()
        },
        ReplicaStatement {
            sector_number: sector_number | 1 << 63,
            ..base()
        },
        ReplicaStatement {
            partition: partition - 1,
            ..base()
        },
        ReplicaStatement {
            partition: partition + 1,
            ..base()
        },
        ReplicaStatement {
            partition: u16::MAX,
            ..base()
        },
    ];
    for statement in changed {
        let claim = Claim {
            statement,
            proof: honest.proof.clone(),
        };
        assert!(claim.both().is_err(), "{:?}", claim.statement);
    }
}

/// Every element of a proof, changed: where it is, and the proof with it.
fn tampered(honest: &VanillaProof) -> Vec<(String, VanillaProof)> {
    // Taken apart, so that a new field does not compile before it is changed below.
    let VanillaProof {
        comm_c: _,
        r_root: _,
        columns,
        data,
        replica,
    } = honest;
    let mut changed = Vec::new();
    let mut with = |name: String, alter: &dyn Fn(&mut VanillaProof)| {
        let mut proof = honest.clone();
        alter(&mut proof);
        changed.push((name, proof));
    };
    with("comm_c".into(), &|proof| proof.comm_c += fr(1));
    with("r_root".into(), &|proof| proof.r_root += fr(1));
    for (c, Column { labels, groups }) in columns.iter().enumerate() {
        for l in 0..labels.len() {
            with(format!("column {c} label {l}"), &|proof| {
                proof.columns[c].labels[l] += fr(1);
            });
        }
        for (g, child) in (0..groups.len()).flat_map(|g| (0..16).map(move |child| (g, child))) {
            let name = format!("column {c} group {g} child {child}");
            with(name, &|proof| proof.columns[c].groups[g][child] += fr(1));
        }
        with(format!("column {c} cut"), &|proof| {
            proof.columns[c].groups.truncate(1);
        });
        with(format!("column {c} without a label"), &|proof| {
            proof.columns[c].labels.truncate(1);
        });
    }
    let Opening { leaf: _, groups } = data;
    assert_eq!(groups.len(), replica.groups.len());
    for (which, of) in [
        (
            "data",
            (|proof| &mut proof.data) as fn(&mut VanillaProof) -> &mut Opening,
        ),
        ("replica", |proof| &mut proof.replica),
    ] {
        with(format!("{which} leaf"), &|proof| of(proof).leaf += fr(1));
        for (g, child) in (0..groups.len()).flat_map(|g| (0..16).map(move |child| (g, child))) {
            let name = format!("{which} group {g} child {child}");
            with(name, &|proof| of(proof).groups[g][child] += fr(1));
        }
        with(format!("{which} cut"), &|proof| {
            of(proof).groups.truncate(1);
        });
    }
    with("columns swapped".into(), &|proof| proof.columns.swap(1, 2));
    with("a column too few".into(), &|proof| {
        proof.columns.truncate(14);
    });
    changed
}

#[test]
fn every_changed_element_of_the_proof_is_refused() {
    let honest = Cheat::at(NODE).claim();
    let changed = tampered(&honest.proof);
    assert_eq!(changed.len(), 2 + 15 * (2 + 32 + 2) + 2 * (1 + 32 + 1) + 2);
    for (name, proof) in &changed {
        assert!(check(&SET, &honest.statement, proof).is_err(), "{name}");
    }
    // The circuit takes a second for each: one in eleven of the elements, and those that are alone of their kind.
    let (every, some): (Vec<_>, Vec<_>) = changed
        .into_iter()
        .partition(|(name, _)| !name.contains("child") && !name.contains("column 1"));
    let sample = every
        .into_iter()
        .chain(some.into_iter().step_by(11))
        .step_by(2);
    sample
        .collect::<Vec<_>>()
        .par_iter()
        .for_each(|(name, proof)| {
            let circuit = ReplicaCircuit::new(SET, honest.statement.clone(), proof.clone());
            assert!(!accepts(&LAYOUT, &circuit), "{name}");
        });
}

#[test]
fn a_label_that_is_none_is_refused_by_both() {
    // 2^254 stands in a parent's place: it has no 254 bits, so nobody ever hashed it.
    let mut cheat = Cheat::at(NODE);
    let parent = cheat.challenged.parents[3] as usize;
    cheat.labels[2 * parent] = power(254);
    let error = cheat.claim().both().unwrap_err();
    assert_eq!(
        error,
        ReplicaError::NotALabel {
            column: 4,
            layer: 1
        }
    );
}
