//! Attacks on append.

use super::support::*;
use ark_ff::{AdditiveGroup, Field};
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::{Commitment, Fr, SectorKind, Tag, domain};
use cairn_prover::append::{AppendCircuit, AppendStatement, AppendWitness, check};
use cairn_prover::error::AppendError;
use cairn_prover::gadget::audit::Layout;
use cairn_prover::params::{PEER, ParamSet};
use std::sync::LazyLock;

fn commitment(value: Fr) -> Commitment {
    Commitment::from(value)
}

fn tree_of(levels: u32, count: u64) -> ProviderTree {
    let leaf = |i: u64| domain::provider_leaf(fr(100 + i), 1 + i, SectorKind::Hot);
    ProviderTree::from_leaves(levels, &(0..count).map(leaf).collect::<Vec<_>>()).unwrap()
}

/// A true statement about a tree of `count` sectors.
fn honest(levels: u32, count: u64, kind: SectorKind) -> (AppendStatement, AppendWitness) {
    let mut tree = tree_of(levels, count);
    let witness = AppendWitness::of(&tree).unwrap();
    let comm_d = fr(55);
    let comm_r = if kind == SectorKind::Hot {
        domain::comm_r_hot(comm_d)
    } else {
        domain::comm_r_sealed(fr(6), fr(7))
    };
    let root0 = tree.root();
    tree.append(domain::provider_leaf(comm_r, 40, kind))
        .unwrap();
    let statement = AppendStatement {
        root0: commitment(root0),
        root1: commitment(tree.root()),
        comm_d: commitment(comm_d),
        comm_r: commitment(comm_r),
        count: count as u32,
        sector_number: 40,
        kind,
    };
    (statement, witness)
}

fn circuit(statement: &AppendStatement, witness: &AppendWitness) -> AppendCircuit {
    AppendCircuit::new(TINY, statement.clone(), witness.clone())
}

fn leaf_of(statement: &AppendStatement) -> Fr {
    domain::provider_leaf(
        statement.comm_r.to_fr(),
        statement.sector_number,
        statement.kind,
    )
}

/// The same statement with the root after that these leaves give.
fn after(statement: &AppendStatement, leaves: &Group) -> AppendStatement {
    AppendStatement {
        root1: commitment(root_of(leaves)),
        ..statement.clone()
    }
}

fn attacks_on_the_numbers() -> Vec<Attack<AppendCircuit>> {
    let (statement, witness) = honest(1, 3, SectorKind::Hot);
    let fields = [
        (0, "count"),
        (32, "number"),
        (96, "kind"),
        (97, "kind 2"),
        (104, "beyond"),
        (253, "top"),
    ];
    let mut attacks: Vec<_> = fields
        .into_iter()
        .map(|(shift, story)| {
            Attack::new(
                story,
                "public",
                "packed word",
                circuit(&statement, &witness),
            )
            .forge("public", "word", 0, add(power(shift)))
        })
        .collect();
    attacks.push(
        Attack::new(
            "digits of the number",
            "sector number",
            "boolean",
            circuit(&statement, &witness),
        )
        .forge("sector number", "bits", 0, carry(2)),
    );

    // An empty tree, where every place holds the same: digits 2, -1, 0, 0 of index 0 write twice at 1 and -1 times at 0.
    let (empty, path) = honest(1, 0, SectorKind::Hot);
    let leaf = leaf_of(&empty);
    let mut leaves = [fr(0); 16];
    (leaves[0], leaves[1], leaves[2], leaves[3]) = (
        -leaf - leaf,
        leaf.double() + leaf.double(),
        leaf,
        -leaf.double(),
    );
    attacks.push(
        Attack::new(
            "digits of the index",
            "count",
            "boolean",
            circuit(&after(&empty, &leaves), &path),
        )
        .forge("count", "bits", 0, carry(0)),
    );

    let comm_r = statement.comm_r.to_fr();
    let mut leaves = path_leaves(&witness);
    leaves[3] = domain::tagged_hash(Tag::Leaf, &[comm_r, fr(40), fr(2)]);
    attacks.push(
        Attack::new(
            "a kind that is none",
            "kind",
            "boolean",
            circuit(&after(&statement, &leaves), &witness),
        )
        .forge("kind", "bits", 0, set(vec![fr(2)]))
        .forge("public", "word", 0, add(power(97))),
    );
    attacks
}

fn path_leaves(witness: &AppendWitness) -> Group {
    witness.path[0]
}

fn attacks_on_the_tree() -> Vec<Attack<AppendCircuit>> {
    let (statement, witness) = honest(1, 3, SectorKind::Hot);
    let leaf = leaf_of(&statement);
    let leaves = path_leaves(&witness);
    let with = |alter: &dyn Fn(&mut Group)| {
        let mut changed = leaves;
        changed[3] = leaf;
        alter(&mut changed);
        after(&statement, &changed)
    };
    let other_root0 = AppendStatement {
        root0: commitment(fr(1)),
        ..statement.clone()
    };
    let other_root1 = AppendStatement {
        root1: commitment(fr(1)),
        ..statement.clone()
    };
    let mut other_comm_r = AppendStatement {
        comm_r: commitment(fr(1)),
        ..statement.clone()
    };
    let mut changed = leaves;
    changed[3] = leaf_of(&other_comm_r);
    other_comm_r = after(&other_comm_r, &changed);
    // Over a sector that is there: the difference to zero is added to it.
    let over = |index: usize| {
        let mut changed = leaves;
        changed[index] += leaf;
        AppendStatement {
            count: index as u32,
            ..after(&statement, &changed)
        }
    };
    let old = leaves[1];
    vec![
        Attack::new(
            "another root before",
            "public",
            "root before",
            circuit(&other_root0, &witness),
        ),
        Attack::new(
            "another root after",
            "public",
            "root after",
            circuit(&other_root1, &witness),
        ),
        Attack::new(
            "comm_r of other data",
            "sector",
            "hot comm_r",
            circuit(&other_comm_r, &witness),
        ),
        Attack::new(
            "a place that is taken",
            "path",
            "child",
            circuit(&over(1), &witness),
        ),
        Attack::new(
            "a place that is taken, hidden",
            "path",
            "select",
            circuit(&over(1), &witness),
        )
        .forge("path", "select", 6, add(-old)),
        // The last layer of places splits flag 0 of 8 into places 0 and 1.
        Attack::new("a second place", "path", "place", {
            circuit(
                &with(&|leaves| (leaves[0], leaves[1]) = (leaves[0] - leaf, leaves[1] + leaf)),
                &witness,
            )
        })
        .forge("path", "place", 6, add(Fr::ONE)),
        Attack::new(
            "another leaf changed",
            "path",
            "replace",
            circuit(&with(&|leaves| leaves[9] = fr(77)), &witness),
        )
        .forge("path", "replace", 9, add(fr(77))),
    ]
}

#[test]
fn each_rule_of_append_refuses_its_attack() {
    let (statement, witness) = honest(1, 3, SectorKind::Sealed);
    let mut attacks = attacks_on_the_numbers();
    attacks.extend(attacks_on_the_tree());
    each_rule_refuses_its_attack(&circuit(&statement, &witness), attacks);
}

#[test]
fn every_variable_of_append_is_bound() {
    let (statement, witness) = honest(1, 3, SectorKind::Hot);
    every_variable_is_bound(&circuit(&statement, &witness));
}

#[test]
fn the_witness_does_not_shape_the_append_circuit() {
    let (statement, witness) = honest(1, 3, SectorKind::Hot);
    same_layout(circuit(&statement, &witness), AppendCircuit::blank(&TINY));
}

fn both(
    set: &ParamSet,
    statement: &AppendStatement,
    witness: &AppendWitness,
) -> Result<(), AppendError> {
    static TINY_LAYOUT: LazyLock<Layout> =
        LazyLock::new(|| Layout::of(&AppendCircuit::blank(&TINY)).unwrap());
    let circuit = AppendCircuit::new(*set, statement.clone(), witness.clone());
    let native = check(set, statement, witness);
    let kept = (&TINY, &TINY_LAYOUT);
    agreed(set, kept, AppendCircuit::blank, &circuit, native)
}

#[test]
fn true_appends_are_accepted_by_both() {
    for (set, counts) in [(TINY, vec![0, 1, 8, 15]), (PEER, vec![0, 16, 255, 300])] {
        for count in counts {
            for kind in [SectorKind::Hot, SectorKind::Sealed] {
                let (statement, witness) = honest(set.tree_levels, count, kind);
                assert_eq!(
                    both(&set, &statement, &witness),
                    Ok(()),
                    "{} {count}",
                    set.name
                );
            }
        }
    }
}

#[test]
fn a_sealed_sector_is_not_bound_to_comm_d_here() {
    let (statement, witness) = honest(1, 3, SectorKind::Sealed);
    let other = AppendStatement {
        comm_d: commitment(fr(9)),
        ..statement
    };
    assert_eq!(both(&TINY, &other, &witness), Ok(()));
}

#[test]
fn every_changed_field_is_refused_by_both() {
    let (statement, witness) = honest(1, 3, SectorKind::Hot);
    let AppendStatement {
        root0,
        root1,
        comm_d,
        comm_r,
        count,
        sector_number,
        kind,
    } = statement;
    assert_eq!(kind, SectorKind::Hot);
    let more = |value: Commitment| commitment(value.to_fr() + fr(1));
    let base = || statement.clone();
    for changed in [
        AppendStatement {
            root0: more(root0),
            ..base()
        },
        AppendStatement {
            root1: more(root1),
            ..base()
        },
        AppendStatement {
            comm_d: more(comm_d),
            ..base()
        },
        AppendStatement {
            comm_r: more(comm_r),
            ..base()
        },
        AppendStatement {
            count: count + 1,
            ..base()
        },
        AppendStatement {
            count: count - 1,
            ..base()
        },
        AppendStatement {
            count: 16 + count,
            ..base()
        },
        AppendStatement {
            sector_number: sector_number + 1,
            ..base()
        },
        AppendStatement {
            kind: SectorKind::Sealed,
            ..base()
        },
    ] {
        assert!(both(&TINY, &changed, &witness).is_err(), "{changed:?}");
    }
    let AppendWitness { path } = witness;
    for position in 0..16 {
        let mut path = path.clone();
        path[0][position] += fr(1);
        assert!(
            both(&TINY, &statement, &AppendWitness { path }).is_err(),
            "{position}"
        );
    }
}

#[test]
fn a_full_tree_takes_no_more() {
    let tree = tree_of(1, 16);
    assert!(AppendWitness::of(&tree).is_err());
    let (statement, witness) = honest(1, 15, SectorKind::Hot);
    let full = AppendStatement {
        count: 16,
        root0: statement.root1,
        ..statement
    };
    assert!(both(&TINY, &full, &witness).is_err());
}
