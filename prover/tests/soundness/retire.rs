//! Attacks on retire.

use super::support::*;
use ark_ff::{AdditiveGroup, Field};
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::{Commitment, Fr, SectorKind, domain};
use cairn_prover::error::RetireError;
use cairn_prover::gadget::audit::Layout;
use cairn_prover::params::{PEER, ParamSet};
use cairn_prover::retire::{RetireCircuit, RetireStatement, RetireWitness, SectorLeaf, check};
use std::sync::LazyLock;

fn number(index: u64) -> u64 {
    20 + index
}

fn sector(index: u64) -> SectorLeaf {
    SectorLeaf {
        comm_r: fr(100 + index),
        kind: if index.is_multiple_of(2) {
            SectorKind::Hot
        } else {
            SectorKind::Sealed
        },
    }
}

fn leaf(number: u64, sector: SectorLeaf) -> Fr {
    domain::provider_leaf(sector.comm_r, number, sector.kind)
}

fn tree_of(levels: u32, count: u64) -> ProviderTree {
    let leaves: Vec<Fr> = (0..count).map(|i| leaf(number(i), sector(i))).collect();
    ProviderTree::from_leaves(levels, &leaves).unwrap()
}

fn honest(levels: u32, count: u32, index: u32) -> (RetireStatement, RetireWitness) {
    let mut tree = tree_of(levels, u64::from(count));
    let (removed, moved) = (u64::from(index), u64::from(count - 1));
    let witness = RetireWitness::of(&tree, index, sector(removed), sector(moved)).unwrap();
    let root0 = Commitment::from(tree.root());
    tree.remove(removed).unwrap();
    let statement = RetireStatement {
        root0,
        root2: Commitment::from(tree.root()),
        count,
        index,
        removed_number: number(removed),
        moved_number: number(moved),
    };
    (statement, witness)
}

/// A claim about a tree of one level with these leaves, whatever they are; the root after is made from what the circuit
/// would write.
struct Claim {
    before: Group,
    between: Group,
    after: Group,
    count: u32,
    index: u32,
    removed: (u64, SectorLeaf),
    moved: (u64, SectorLeaf),
}

impl Claim {
    /// The removal at `index` of `count` sectors, true if the leaves are.
    fn new(
        before: Group,
        count: u32,
        index: u32,
        removed: (u64, SectorLeaf),
        moved: (u64, SectorLeaf),
    ) -> Self {
        let mut between = before;
        between[count as usize - 1] = fr(0);
        let mut after = between;
        if index + 1 != count {
            after[index as usize] = leaf(moved.0, moved.1);
        }
        Self {
            before,
            between,
            after,
            count,
            index,
            removed,
            moved,
        }
    }

    /// The removal at 1 of 4 sectors.
    fn one_of_four() -> Self {
        let mut before = [fr(0); 16];
        for i in 0..4u64 {
            before[i as usize] = leaf(number(i), sector(i));
        }
        Self::new(before, 4, 1, (number(1), sector(1)), (number(3), sector(3)))
    }

    /// The removal at 2 of 16 equal sectors.
    fn uniform() -> Self {
        let same = (number(0), sector(0));
        Self::new([leaf(same.0, same.1); 16], 16, 2, same, same)
    }

    fn statement(&self) -> RetireStatement {
        RetireStatement {
            root0: Commitment::from(root_of(&self.before)),
            root2: Commitment::from(root_of(&self.after)),
            count: self.count,
            index: self.index,
            removed_number: self.removed.0,
            moved_number: self.moved.0,
        }
    }

    fn witness(&self) -> RetireWitness {
        let (last_path, hole_path) = (vec![self.before], vec![self.between]);
        RetireWitness {
            removed: self.removed.1,
            moved: self.moved.1,
            last_path,
            hole_path,
        }
    }

    fn circuit(&self) -> RetireCircuit {
        RetireCircuit::new(TINY, self.statement(), self.witness())
    }
}

fn attacks_on_the_numbers() -> Vec<Attack<RetireCircuit>> {
    let claim = Claim::one_of_four();
    let fields = [
        (0, "count"),
        (32, "index"),
        (64, "removed"),
        (128, "moved"),
        (192, "beyond"),
        (253, "top"),
    ];
    let mut attacks: Vec<_> = fields
        .into_iter()
        .map(|(shift, story)| {
            Attack::new(story, "public", "packed word", claim.circuit()).forge(
                "public",
                "word",
                0,
                add(power(shift)),
            )
        })
        .collect();
    let uniform = Claim::uniform();
    // Digits 3, 0, 1, 1 of 15 take 3 at place 13 and give 2 at place 12.
    let mut weird = Claim::uniform();
    let same = weird.before[0];
    (weird.between[15], weird.between[12], weird.between[13]) =
        (same, same * fr(3), -same.double());
    weird.after = weird.between;
    attacks.push(
        Attack::new(
            "digits of the last index",
            "last",
            "boolean",
            weird.circuit(),
        )
        .forge("last", "bits", 0, carry(0)),
    );
    attacks.push(
        Attack::new("digits of the index", "index", "boolean", uniform.circuit()).forge(
            "index",
            "bits",
            0,
            carry(0),
        ),
    );
    attacks.push(
        Attack::new(
            "digits of what lies behind",
            "behind index",
            "boolean",
            uniform.circuit(),
        )
        .forge("behind index", "bits", 0, carry(0)),
    );
    let same = uniform.removed;
    let behind = Claim::new(uniform.before, 2, 5, same, same);
    attacks.push(Attack::new(
        "a sector behind the last",
        "behind index",
        "sum",
        behind.circuit(),
    ));
    for scope in ["removed", "moved"] {
        attacks.push(
            Attack::new("digits of a number", scope, "boolean", claim.circuit()).forge(
                scope,
                "bits",
                0,
                carry(0),
            ),
        );
    }
    attacks
}

fn attacks_on_the_change() -> Vec<Attack<RetireCircuit>> {
    let honest = Claim::one_of_four();
    let (removed_leaf, moved_leaf) = (honest.before[1], honest.before[3]);
    let fake = (number(9), sector(9));

    // The last is taken out under the name of another: with a flag between 0 and 1 the "removed" leaf is scaled to the
    // one that really stands at the index, and what is put there is that same leaf.
    let mut scaled = Claim::one_of_four();
    scaled.removed = scaled.moved;
    scaled.after = scaled.between;
    let flag = Fr::ONE - removed_leaf * moved_leaf.inverse().unwrap();
    assert_eq!((Fr::ONE - flag) * moved_leaf, removed_leaf);

    let mut last = Claim::new(honest.before, 4, 3, fake, honest.moved);
    last.after = last.between;
    let mut lied = Claim::one_of_four();
    lied.removed = fake;
    lied.after[1] = moved_leaf;
    let mut emptied = Claim::one_of_four();
    emptied.after[1] = fr(0);
    vec![
        Attack::new(
            "the last in the name of another",
            "behind index",
            "only the last",
            scaled.circuit(),
        )
        .forge("behind index", "is last", 0, set(vec![flag])),
        Attack::new(
            "the last under a wrong number",
            "change",
            "the last is itself",
            last.circuit(),
        ),
        Attack::new(
            "a sector under a wrong number",
            "change",
            "hole",
            lied.circuit(),
        )
        .forge("change", "hole", 0, set(vec![removed_leaf])),
        Attack::new("a hole that stays", "change", "filling", emptied.circuit()).forge(
            "change",
            "filling",
            0,
            set(vec![fr(0)]),
        ),
    ]
}

fn attacks_on_the_roots() -> Vec<Attack<RetireCircuit>> {
    let honest = Claim::one_of_four();
    let (statement, witness) = (honest.statement(), honest.witness());
    let other_before = RetireStatement {
        root0: Commitment::from(fr(1)),
        ..statement
    };
    let other_after = RetireStatement {
        root2: Commitment::from(fr(1)),
        ..statement
    };
    let mut between = Claim::one_of_four();
    between.between[7] = fr(70);
    between.after[7] = fr(70);
    vec![
        Attack::new("another root before", "public", "root before", {
            RetireCircuit::new(TINY, other_before, witness.clone())
        }),
        Attack::new(
            "another root after",
            "public",
            "root after",
            RetireCircuit::new(TINY, other_after, witness),
        ),
        Attack::new(
            "another tree in between",
            "public",
            "root between",
            between.circuit(),
        ),
    ]
}

fn attacks_on_the_last_path() -> Vec<Attack<RetireCircuit>> {
    let fake = (number(9), sector(9));
    let fake_leaf = leaf(fake.0, fake.1);
    let moved_leaf = Claim::one_of_four().before[3];
    // Not the last moves: what is taken from the last place is a leaf that is not there.
    let mut moved = Claim::one_of_four();
    moved.moved = fake;
    moved.between[3] = moved_leaf - fake_leaf;
    moved.after = moved.between;
    moved.after[1] = fake_leaf;
    // Zeroed in two places: the last layer of places splits flag 7 of 8 into places 14 and 15.
    let mut second = Claim::one_of_four();
    (second.between[14], second.between[15]) = (moved_leaf, -moved_leaf);
    (second.after[14], second.after[15]) = (moved_leaf, -moved_leaf);
    let mut other = Claim::one_of_four();
    other.between[9] = fr(77);
    other.after[9] = fr(77);
    vec![
        Attack::new(
            "a leaf that is not the last",
            "last path",
            "child",
            moved.circuit(),
        ),
        Attack::new(
            "a leaf that is not the last, selected",
            "last path",
            "select",
            moved.circuit(),
        )
        .forge("last path", "select", 6, add(fake_leaf - moved_leaf)),
        Attack::new("zeroed elsewhere", "last path", "place", second.circuit()).forge(
            "last path",
            "place",
            13,
            add(Fr::ONE),
        ),
        Attack::new(
            "another leaf changed",
            "last path",
            "replace",
            other.circuit(),
        )
        .forge("last path", "replace", 9, add(fr(77))),
    ]
}

fn attacks_on_the_hole_path() -> Vec<Attack<RetireCircuit>> {
    let fake = (number(9), sector(9));
    let fake_leaf = leaf(fake.0, fake.1);
    let honest = Claim::one_of_four();
    let (removed_leaf, moved_leaf) = (honest.before[1], honest.before[3]);
    let mut removed = Claim::one_of_four();
    removed.removed = fake;
    removed.after[1] = removed_leaf + moved_leaf - fake_leaf;
    let difference = moved_leaf - removed_leaf;
    let mut second = Claim::one_of_four();
    (second.after[14], second.after[15]) = (-difference, difference);
    let mut other = Claim::one_of_four();
    other.after[9] = fr(77);
    vec![
        Attack::new(
            "a sector that is not there",
            "hole path",
            "child",
            removed.circuit(),
        ),
        Attack::new(
            "a sector that is not there, selected",
            "hole path",
            "select",
            removed.circuit(),
        )
        .forge("hole path", "select", 6, add(fake_leaf - removed_leaf)),
        Attack::new("filled elsewhere", "hole path", "place", second.circuit()).forge(
            "hole path",
            "place",
            13,
            add(Fr::ONE),
        ),
        Attack::new(
            "another leaf changed",
            "hole path",
            "replace",
            other.circuit(),
        )
        .forge("hole path", "replace", 9, add(fr(77))),
    ]
}

#[test]
fn each_rule_of_retire_refuses_its_attack() {
    let mut attacks = attacks_on_the_numbers();
    attacks.extend(attacks_on_the_change());
    attacks.extend(attacks_on_the_roots());
    attacks.extend(attacks_on_the_last_path());
    attacks.extend(attacks_on_the_hole_path());
    each_rule_refuses_its_attack(&Claim::one_of_four().circuit(), attacks);
}

#[test]
fn every_variable_of_retire_is_bound() {
    let (statement, witness) = honest(1, 4, 1);
    every_variable_is_bound(&RetireCircuit::new(TINY, statement, witness));
}

#[test]
fn the_witness_does_not_shape_the_retire_circuit() {
    for index in [1, 3] {
        let (statement, witness) = honest(1, 4, index);
        let circuit = RetireCircuit::new(TINY, statement, witness);
        same_layout(circuit, RetireCircuit::blank(&TINY));
    }
}

#[test]
fn every_variable_is_bound_when_the_last_retires() {
    let (statement, witness) = honest(1, 4, 3);
    every_variable_is_bound(&RetireCircuit::new(TINY, statement, witness));
}

fn both(
    set: &ParamSet,
    statement: &RetireStatement,
    witness: &RetireWitness,
) -> Result<(), RetireError> {
    static TINY_LAYOUT: LazyLock<Layout> =
        LazyLock::new(|| Layout::of(&RetireCircuit::blank(&TINY)).unwrap());
    let circuit = RetireCircuit::new(*set, statement.clone(), witness.clone());
    let native = check(set, statement, witness);
    let kept = (&TINY, &TINY_LAYOUT);
    agreed(set, kept, RetireCircuit::blank, &circuit, native)
}

#[test]
fn true_retirements_are_accepted_by_both() {
    for (set, count) in [(TINY, 1), (TINY, 5), (TINY, 16), (PEER, 18), (PEER, 300)] {
        for index in [0, count / 2, count - 1] {
            let (statement, witness) = honest(set.tree_levels, count, index);
            assert_eq!(
                both(&set, &statement, &witness),
                Ok(()),
                "{} {count} {index}",
                set.name
            );
        }
    }
}

#[test]
fn every_changed_field_is_refused_by_both() {
    for index in [1, 3] {
        let (statement, witness) = honest(1, 4, index);
        let RetireStatement {
            root0,
            root2,
            count,
            index,
            removed_number,
            moved_number,
        } = statement.clone();
        let more = |value: Commitment| Commitment::from(value.to_fr() + fr(1));
        let base = || statement.clone();
        for changed in [
            RetireStatement {
                root0: more(root0),
                ..base()
            },
            RetireStatement {
                root2: more(root2),
                ..base()
            },
            RetireStatement { count: 0, ..base() },
            RetireStatement {
                count: count + 1,
                ..base()
            },
            RetireStatement {
                count: count - 1,
                ..base()
            },
            RetireStatement {
                count: 17,
                ..base()
            },
            RetireStatement {
                index: index + 1,
                ..base()
            },
            RetireStatement {
                index: index - 1,
                ..base()
            },
            RetireStatement {
                index: u32::MAX,
                ..base()
            },
            RetireStatement {
                removed_number: removed_number + 1,
                ..base()
            },
            RetireStatement {
                moved_number: moved_number + 1,
                ..base()
            },
        ] {
            assert!(both(&TINY, &changed, &witness).is_err(), "{changed:?}");
        }
        let RetireWitness {
            removed,
            moved,
            last_path,
            hole_path,
        } = witness.clone();
        let other_kind = |sector: SectorLeaf| SectorLeaf {
            kind: if sector.kind == SectorKind::Hot {
                SectorKind::Sealed
            } else {
                SectorKind::Hot
            },
            ..sector
        };
        let other_comm_r = |sector: SectorLeaf| SectorLeaf {
            comm_r: sector.comm_r + fr(1),
            ..sector
        };
        let mut changed = vec![
            RetireWitness {
                removed: other_kind(removed),
                ..witness.clone()
            },
            RetireWitness {
                removed: other_comm_r(removed),
                ..witness.clone()
            },
            RetireWitness {
                moved: other_kind(moved),
                ..witness.clone()
            },
            RetireWitness {
                moved: other_comm_r(moved),
                ..witness.clone()
            },
        ];
        for position in 0..16 {
            let (mut last, mut hole) = (last_path.clone(), hole_path.clone());
            last[0][position] += fr(1);
            hole[0][position] += fr(1);
            changed.push(RetireWitness {
                last_path: last,
                ..witness.clone()
            });
            changed.push(RetireWitness {
                hole_path: hole,
                ..witness.clone()
            });
        }
        for witness in changed {
            assert!(both(&TINY, &statement, &witness).is_err(), "{witness:?}");
        }
    }
}

#[test]
fn the_last_cannot_retire_in_the_name_of_another() {
    let (statement, witness) = honest(1, 4, 3);
    let fake = RetireStatement {
        removed_number: 99,
        ..statement
    };
    assert_eq!(both(&TINY, &fake, &witness), Err(RetireError::NotTheLast));
}
