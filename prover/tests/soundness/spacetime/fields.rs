//! Every field of statement and witness, changed, is refused by circuit and native twin; true statements are accepted.

use super::*;

/// Native twin and circuit must say the same.
fn both(
    set: &ParamSet,
    statement: &SpacetimeStatement,
    witness: &SpacetimeWitness,
) -> Result<(), SpacetimeError> {
    static TINY_LAYOUT: LazyLock<Layout> =
        LazyLock::new(|| Layout::of(&SpacetimeCircuit::blank(&TINY)).unwrap());
    let circuit = SpacetimeCircuit::new(*set, statement.clone(), witness.clone());
    let native = check(set, statement, witness);
    let kept = (&TINY, &TINY_LAYOUT);
    agreed(set, kept, SpacetimeCircuit::blank, &circuit, native)
}

#[test]
fn true_statements_of_all_ranges_are_accepted_by_both() {
    for set in [
        TINY,
        TEST,
        ParamSet {
            tree_levels: 2,
            ..PEER
        },
    ] {
        let log2 = if set.name == "peer" {
            10
        } else {
            set.sector_log2_leaves
        };
        let set = ParamSet {
            sector_log2_leaves: log2,
            ..set
        };
        let world = World::mixed(&set);
        for seed in 0..4 {
            let window = world.window(seed);
            assert_eq!(
                both(&set, &window, &world.witness(&window)),
                Ok(()),
                "{}",
                set.name
            );
            let one = SpacetimeStatement {
                sector_lo: 3,
                sector_count: 1,
                leaf_lo: 32 + seed,
                log2_leaf_range: 0,
                sector_number: 13,
                ..window
            };
            assert_eq!(
                both(&set, &one, &world.witness(&one)),
                Ok(()),
                "{}",
                set.name
            );
        }
    }
}

#[test]
fn declared_skips_are_accepted_by_both() {
    let world = World::mixed(&TINY);
    for seed in 0..4 {
        let statement = SpacetimeStatement {
            skips: 1,
            sector_number: 13,
            sector_lo: 3,
            sector_count: 1,
            ..world.window(seed)
        };
        for place in 0..2 {
            let mut witness = world.witness(&statement);
            witness.samples[place] = Sample::Skipped;
            assert_eq!(both(&TINY, &statement, &witness), Ok(()));
        }
    }
}

#[test]
fn every_changed_field_of_the_statement_is_refused_by_both() {
    let world = World::mixed(&TINY);
    let honest = world.window(5);
    // Taken apart, so that a new field does not compile before it is changed below.
    let SpacetimeStatement {
        root,
        seed,
        count,
        sector_lo,
        sector_count,
        leaf_lo,
        log2_leaf_range,
        sector_number,
        skips,
    } = honest;
    let base = || honest.clone();
    let changed = [
        SpacetimeStatement {
            root: Commitment::from(root.to_fr() + fr(1)),
            ..base()
        },
        SpacetimeStatement {
            seed: seed + fr(1),
            ..base()
        },
        SpacetimeStatement { count: 0, ..base() },
        SpacetimeStatement {
            count: count - 1,
            ..base()
        },
        SpacetimeStatement {
            count: 17,
            ..base()
        },
        SpacetimeStatement {
            sector_lo: sector_lo + 1,
            ..base()
        },
        SpacetimeStatement {
            sector_count: 0,
            ..base()
        },
        SpacetimeStatement {
            sector_count: sector_count + 1,
            ..base()
        },
        SpacetimeStatement {
            leaf_lo: leaf_lo + 1,
            ..base()
        },
        SpacetimeStatement {
            leaf_lo: 64,
            ..base()
        },
        SpacetimeStatement {
            leaf_lo: 1 << 39,
            log2_leaf_range: 0,
            ..base()
        },
        SpacetimeStatement {
            log2_leaf_range: log2_leaf_range + 1,
            ..base()
        },
        SpacetimeStatement {
            log2_leaf_range: 255,
            ..base()
        },
        SpacetimeStatement {
            sector_number: sector_number + 1,
            ..base()
        },
        SpacetimeStatement {
            skips: skips + 1,
            ..base()
        },
    ];
    let witness = world.witness(&honest);
    for statement in changed {
        assert!(both(&TINY, &statement, &witness).is_err(), "{statement:?}");
    }
    assert_eq!(
        both(
            &TINY,
            &SpacetimeStatement {
                count: 5,
                sector_lo: 2,
                sector_count: 4,
                ..base()
            },
            &witness
        ),
        Err(StatementError::SectorRange {
            lo: 2,
            count: 4,
            total: 5
        }
        .into())
    );
}

#[test]
fn every_changed_field_of_the_witness_is_refused_by_both() {
    let world = World::mixed(&TINY);
    let statement = world.window(5);
    let honest = world.witness(&statement);
    for place in 0..2 {
        let mut samples = honest.samples.clone();
        let Sample::Opened(OpenedSample {
            leaf,
            comm_c,
            kind,
            number,
            provider,
        }) = samples.remove(place)
        else {
            panic!("nothing is skipped")
        };
        let base = OpenedSample {
            leaf,
            comm_c,
            kind,
            number,
            provider,
        };
        let other_kind = if kind == SectorKind::Hot {
            SectorKind::Sealed
        } else {
            SectorKind::Hot
        };
        let mut changed = vec![
            OpenedSample {
                comm_c: comm_c + fr(1),
                ..base.clone()
            },
            OpenedSample {
                kind: other_kind,
                ..base.clone()
            },
            OpenedSample {
                number: number + 1,
                ..base.clone()
            },
        ];
        let mut leaf = base.clone();
        leaf.leaf.leaf += fr(1);
        changed.push(leaf);
        for position in 0..16 {
            for level in 0..2 {
                let mut sample = base.clone();
                sample.leaf.groups[level][position] += fr(1);
                changed.push(sample);
            }
            let mut sample = base.clone();
            sample.provider[0][position] += fr(1);
            changed.push(sample);
        }
        // A node in place of a leaf: the path is one short, or stretched by a repeated group.
        let mut node = base.clone();
        let group = node.leaf.groups.remove(0);
        node.leaf.leaf = tree::node(kind.tree_kind(), 1, &group);
        changed.push(node.clone());
        node.leaf.groups.insert(0, group);
        changed.push(node);
        for sample in changed {
            let mut witness = honest.clone();
            witness.samples[place] = Sample::Opened(sample.clone());
            assert!(both(&TINY, &statement, &witness).is_err(), "{sample:?}");
        }
        let mut witness = honest.clone();
        witness.samples[place] = Sample::Skipped;
        assert_eq!(
            both(&TINY, &statement, &witness),
            Err(SpacetimeError::Skips {
                declared: 0,
                got: 1
            })
        );
    }
}
