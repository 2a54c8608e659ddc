//! Attacks on dispute.

use super::support::*;
use cairn_merkle::tree::Tree;
use cairn_merkle::{Commitment, Fr, OpeningError, TreeError, TreeKind, domain, fr32, piece, tree};
use cairn_prover::dispute::{DisputeCircuit, DisputeStatement, DisputeWitness, check, open};
use cairn_prover::error::{DisputeError, OpenGroupError, StatementError};
use cairn_prover::gadget::audit::Layout;
use cairn_prover::params::{PEER, ParamSet, SMALL, TEST};
use std::sync::LazyLock;

type Claim = (DisputeStatement, DisputeWitness);

const BYTE_LEN: u64 = 100;

/// A piece of 2^b leaves.
fn leaves_of(b: u8, leaf: impl Fn(u64) -> u64) -> Tree {
    let leaves: Vec<Fr> = (0..1 << b).map(|i| fr(leaf(i))).collect();
    Tree::build(TreeKind::Data, &leaves).unwrap()
}

fn committed(b: u8, byte_len: u64, root: Fr) -> Commitment {
    Commitment::from(domain::comm_p(b, byte_len, root))
}

/// A group of the piece.
fn claim(piece: &Tree, group: u64) -> Claim {
    let b = piece.shape().log2_leaves() as u8;
    let witness = DisputeWitness {
        b,
        byte_len: BYTE_LEN,
        path: piece.open(4 * group).unwrap().groups,
    };
    let statement = DisputeStatement {
        comm_p: committed(b, BYTE_LEN, piece.root()),
        group,
        leaves: witness.leaves(group).unwrap(),
    };
    (statement, witness)
}

/// A group of a piece whose leaves all differ.
fn honest(b: u8, group: u64) -> Claim {
    claim(&leaves_of(b, |i| 500 + i), group)
}

/// A group of another piece.
fn other(b: u8, group: u64) -> Claim {
    claim(&leaves_of(b, |i| 9000 + i), group)
}

/// The claims of most attacks are about the set `test`: two levels, the upper one of four children.
fn circuit((statement, witness): Claim) -> DisputeCircuit {
    DisputeCircuit::new(TEST, statement, witness)
}

/// The claim with the `comm_p` that its path leads to.
fn committed_anew((mut statement, witness): Claim) -> Claim {
    let (level, top) = (witness.path.len() as u32, witness.path.last().unwrap());
    let root = tree::node(TreeKind::Data, level, top);
    statement.comm_p = committed(witness.b, witness.byte_len, root);
    (statement, witness)
}

fn attacks_on_the_numbers() -> Vec<Attack<DisputeCircuit>> {
    let mut attacks: Vec<_> = [0, 1, 3, 4, 20, 64, 128, 253, 254]
        .into_iter()
        .map(|bit| {
            Attack::new(
                "another number in the name of a group",
                "public",
                "group",
                circuit(honest(6, 2)),
            )
            .forge("public", "group", 0, add(power(bit)))
        })
        .collect();

    // A node of 16 leaves as a piece of 8, whose third group would be the first behind it: size 3 is 4 + 5 - 6, and then
    // no size is left that the nodes behind the eighth would have to be zero for.
    let (mut statement, mut witness) = honest(4, 2);
    witness.b = 3;
    statement.comm_p = committed(3, BYTE_LEN, leaves_of(4, |i| 500 + i).root());
    let flags = vec![fr(0), fr(0), fr(1), fr(1), -fr(1)];
    attacks.push(
        Attack::new(
            "a size out of three",
            "size",
            "boolean",
            circuit((statement, witness)),
        )
        .forge("size", "bits", 0, set(flags)),
    );

    let (mut statement, mut witness) = honest(2, 0);
    witness.b = 0;
    statement.comm_p = committed(0, BYTE_LEN, fr(0));
    let children = witness.path[0].to_vec();
    attacks.push(
        Attack::new(
            "no size at all",
            "size",
            "exactly one",
            circuit((statement, witness)),
        )
        .forge("path", "children", 0, set(children)),
    );

    let uniform = claim(&leaves_of(6, |_| 3), 0);
    attacks.push(
        Attack::new(
            "digits of the group's number",
            "group",
            "boolean",
            circuit(uniform),
        )
        .forge("group", "bits", 0, carry(0)),
    );

    let (mut padding, witness) = honest(2, 0);
    padding.group = 1;
    padding.leaves = [fr(0); 4];
    let padding = (padding, witness);
    attacks.push(Attack::new(
        "the zeros behind a small piece as its padding",
        "group",
        "inside",
        circuit(padding),
    ));
    for group in [4, 8, 12] {
        let (mut alias, witness) = honest(2, 0);
        alias.group = group;
        attacks.push(Attack::new(
            "the first group under a number behind the end",
            "group",
            "inside",
            circuit((alias, witness)),
        ));
    }
    attacks
}

fn attacks_on_the_leaves() -> Vec<Attack<DisputeCircuit>> {
    let mut attacks: Vec<_> = (0..4)
        .map(|which| {
            Attack::new(
                "another leaf",
                "leaves",
                "child",
                circuit(honest(6, which as u64)),
            )
            .forge("public", "leaf", which, add(fr(1)))
        })
        .collect();
    for (one, two) in [(0, 1), (1, 2), (0, 3)] {
        let (mut statement, witness) = honest(6, 5);
        statement.leaves.swap(one, two);
        attacks.push(Attack::new(
            "two leaves of the group swapped",
            "leaves",
            "child",
            circuit((statement, witness)),
        ));
    }
    for neighbour in [4, 6, 7] {
        let (mut statement, witness) = honest(6, 5);
        statement.leaves = witness.leaves(neighbour).unwrap();
        attacks.push(Attack::new(
            "the leaves of a neighbour in the same node",
            "leaves",
            "child",
            circuit((statement, witness)),
        ));
    }
    // Of the four groups of a node two pairs cost a product each, for each of the leaves.
    for which in 0..4 {
        let (mut statement, witness) = honest(6, 5);
        statement.leaves[which] += fr(9);
        attacks.push(
            Attack::new(
                "another leaf, selected",
                "leaves",
                "select",
                circuit((statement, witness)),
            )
            .forge("leaves", "select", 2 * which, add(fr(9))),
        );
    }
    attacks
}

fn attacks_on_the_path() -> Vec<Attack<DisputeCircuit>> {
    let behind = |b: u8, level: usize, position: usize| {
        let (statement, mut witness) = honest(b, 0);
        witness.path[level][position] = fr(1);
        circuit(committed_anew((statement, witness)))
    };
    let mut attacks: Vec<_> = [
        (2, 0, 4),
        (2, 0, 15),
        (3, 0, 8),
        (3, 0, 15),
        (5, 1, 2),
        (5, 1, 3),
        (6, 1, 4),
        (6, 1, 15),
    ]
    .into_iter()
    .map(|(b, level, position)| {
        Attack::new(
            "a child that a partial top does not have",
            "path",
            "absent child",
            behind(b, level, position),
        )
    })
    .collect();

    // The leaves of another piece, with the upper part of this one's path.
    let foreign = || {
        let (mut statement, mut witness) = honest(6, 2);
        let (lie, shown) = other(6, 2);
        statement.leaves = lie.leaves;
        witness.path[0] = shown.path[0];
        (statement, witness)
    };
    let top = honest(6, 2).1.path[1];
    let node = tree::node(TreeKind::Data, 1, &foreign().1.path[0]);
    attacks.push(Attack::new(
        "leaves of another piece",
        "path",
        "child",
        circuit(foreign()),
    ));
    attacks.push(
        Attack::new(
            "leaves of another piece, selected",
            "path",
            "select",
            circuit(foreign()),
        )
        .forge("path", "select", 0, add(node - top[0])),
    );

    let (mut statement, witness) = other(6, 2);
    statement.comm_p = honest(6, 2).0.comm_p;
    let elsewhere = (statement, witness);
    let roots = [honest(6, 2), elsewhere.clone()]
        .map(|(_, witness)| tree::node(TreeKind::Data, 2, &witness.path[1]));
    for level in 0..2 {
        attacks.push(
            Attack::new(
                "a root of choice",
                "root",
                "of its level",
                circuit(elsewhere.clone()),
            )
            .forge("root", "of its level", level, add(roots[0] - roots[1])),
        );
    }
    attacks.push(Attack::new(
        "another piece",
        "public",
        "comm_p",
        circuit(elsewhere),
    ));
    attacks
}

#[test]
fn each_rule_of_dispute_refuses_its_attack() {
    let mut attacks = attacks_on_the_numbers();
    attacks.extend(attacks_on_the_leaves());
    attacks.extend(attacks_on_the_path());
    each_rule_refuses_its_attack(&circuit(honest(6, 5)), attacks);
}

#[test]
fn every_variable_of_dispute_is_bound() {
    every_variable_is_bound(&circuit(honest(6, 5)));
}

#[test]
fn the_witness_does_not_shape_the_dispute_circuit() {
    for claim in [honest(6, 5), honest(2, 0), honest(5, 1)] {
        same_layout(circuit(claim), DisputeCircuit::blank(&TEST));
    }
}

fn both(set: &ParamSet, (statement, witness): &Claim) -> Result<(), DisputeError> {
    static TEST_LAYOUT: LazyLock<Layout> =
        LazyLock::new(|| Layout::of(&DisputeCircuit::blank(&TEST)).unwrap());
    let circuit = DisputeCircuit::new(*set, statement.clone(), witness.clone());
    let native = check(set, statement, witness);
    let kept = (&TEST, &TEST_LAYOUT);
    agreed(set, kept, DisputeCircuit::blank, &circuit, native)
}

#[test]
fn groups_of_pieces_of_every_size_are_accepted_by_both() {
    for b_max in [2, 3, 4, 5, 6, 9, 12] {
        let set = ParamSet { b_max, ..TEST };
        for b in 2..=b_max {
            let piece = leaves_of(b, |i| 500 + i);
            let groups = 1u64 << (b - 2);
            for group in [0, 1, 2, 3, groups / 2, groups - 1] {
                if group < groups {
                    let verdict = both(&set, &claim(&piece, group));
                    assert_eq!(verdict, Ok(()), "b {b} of {b_max}, group {group}");
                }
            }
        }
    }
}

/// The elements that a group of the piece of these bytes has, zero padded.
fn elements(bytes: &[u8], group: u64) -> [Fr; 4] {
    let mut leaves = fr32::encode(bytes);
    leaves.resize(1 << piece::b_for(bytes.len() as u64), fr(0));
    leaves.as_chunks().0[group as usize]
}

#[test]
fn every_group_of_a_real_piece_is_opened_from_its_bytes() {
    for byte_len in [0, 1, 127, 128, 700, 1000, 2032] {
        let bytes: Vec<u8> = (0..byte_len).map(|i: u64| (i * i % 251) as u8).collect();
        let committed = piece::commit(&bytes).unwrap();
        for group in 0..1 << (committed.b - 2) {
            let claim = open(&bytes, group).unwrap();
            assert_eq!(claim.0.comm_p, committed.comm_p);
            assert_eq!(claim.0.leaves, elements(&bytes, group), "{group}");
            assert_eq!(both(&TEST, &claim), Ok(()), "{byte_len} {group}");
        }
    }
}

#[test]
fn a_piece_of_more_than_a_chunk_is_opened_in_each_of_its_chunks() {
    let bytes: Vec<u8> = (0..127 * 1500).map(|i: u64| (i * i % 251) as u8).collect();
    // The last is padding, as is half of the second chunk.
    for group in [0, 1023, 1024, 1499, 1500, 2047] {
        let claim = open(&bytes, group).unwrap();
        assert_eq!(claim.0.leaves, elements(&bytes, group), "{group}");
        assert_eq!(both(&SMALL, &claim), Ok(()), "{group}");
    }
}

#[test]
fn a_group_that_a_piece_does_not_have_is_not_opened() {
    for (byte_len, group) in [(0, 1), (127, 1), (300, 4), (300, 1 << 62), (300, u64::MAX)] {
        let outside = open(&vec![7; byte_len], group).unwrap_err();
        let index = group.saturating_mul(4);
        let expected = TreeError::IndexOutside {
            index,
            leaves: 1 << piece::b_for(byte_len as u64),
        };
        assert_eq!(outside, OpenGroupError::Tree(expected), "{byte_len}");
    }
}

#[test]
fn leaves_that_no_bytes_are_coded_into_can_be_shown() {
    // Who committed to anything but the coded bytes can be held to it: 254 bits are nothing that the circuit asks for.
    let mut leaves: Vec<Fr> = (0..16).map(fr).collect();
    leaves[5] = -fr(1);
    let piece = Tree::build(TreeKind::Data, &leaves).unwrap();
    let claim = claim(&piece, 1);
    assert_eq!(claim.0.leaves[1], -fr(1));
    assert_eq!(both(&TEST, &claim), Ok(()));
}

#[test]
fn a_group_behind_the_end_is_refused_by_both() {
    for b in 2..=6u8 {
        let groups = 1u64 << (b - 2);
        let near = groups..groups + 20;
        let far = (4..64).map(|bit| 1 << bit).filter(|far| *far >= groups);
        for behind in near.chain(far).chain([u64::MAX]) {
            // Which of its groups the number would stand for if the upper bits were dropped, and its leaves or none.
            let (mut statement, witness) = honest(b, behind % groups);
            statement.group = behind;
            for leaves in [
                statement.leaves,
                [fr(0); 4],
                witness.leaves(behind).unwrap(),
            ] {
                statement.leaves = leaves;
                let verdict = both(&TEST, &(statement.clone(), witness.clone()));
                let expected = if behind < 16 {
                    DisputeError::Path(OpeningError::IndexOutside {
                        index: 4 * behind,
                        leaves: 1 << b,
                    })
                } else {
                    DisputeError::Statement(StatementError::Group {
                        max: 16,
                        got: behind,
                    })
                };
                assert_eq!(verdict, Err(expected), "b {b} group {behind}");
            }
        }
    }
}

#[test]
fn another_group_in_the_name_of_one_is_refused_by_both() {
    for b in 2..=6u8 {
        for group in 0..1u64 << (b - 2) {
            for named in (0..1u64 << (b - 2)).filter(|named| *named != group) {
                let (mut statement, witness) = honest(b, group);
                statement.group = named;
                assert!(both(&TEST, &(statement, witness)).is_err(), "{b} {group}");
            }
        }
    }
}

#[test]
fn nodes_in_the_place_of_leaves_and_parts_in_the_place_of_the_piece_are_refused_by_both() {
    let piece = leaves_of(9, |i| 500 + i);
    let (whole, shown) = claim(&piece, 0);
    let node = piece.row(1)[0];
    // Three levels, of which the top has two children; the same of two levels.
    let path = shown.path;
    let (small, small_path) = (leaves_of(8, |i| 500 + i), honest(8, 0).1.path);
    // Nodes of level 1 as leaves, with what they give as leaves in the top.
    let mut lowered = path[1..].to_vec();
    lowered[1][0] = tree::node(TreeKind::Data, 1, &lowered[0]);
    let wrong_node = DisputeError::Path(OpeningError::WrongNode { level: 1 });
    let with = |comm_p: Commitment, b: u8, path: &[Group]| {
        let path = path.to_vec();
        let leaves = *path[0].first_chunk().unwrap();
        let (group, byte_len) = (0, BYTE_LEN);
        let statement = DisputeStatement {
            comm_p,
            group,
            leaves,
        };
        (statement, DisputeWitness { b, byte_len, path })
    };
    let made = |b: u8, root: Fr| committed(b, BYTE_LEN, root);
    let comm_p = DisputeError::CommP;
    // The piece's own comm_p, shown by a part of its path; then one that was made of the root of the whole and a smaller
    // size, or of the root of a part and the size of the whole.
    let cases = [
        (whole.comm_p, 5, &path[1..], wrong_node.clone()),
        (whole.comm_p, 5, &lowered, comm_p.clone()),
        (whole.comm_p, 4, &path[..1], comm_p.clone()),
        (whole.comm_p, 8, &path[..2], comm_p.clone()),
        (made(5, piece.root()), 5, &path[1..], wrong_node),
        (made(5, piece.root()), 5, &lowered, comm_p.clone()),
        // The levels' constants alone keep this one apart.
        (made(4, small.root()), 4, &small_path[1..], comm_p.clone()),
        (made(4, piece.root()), 4, &path[..1], comm_p.clone()),
        (made(8, piece.root()), 8, &path[..2], comm_p.clone()),
        (made(9, node), 9, &path, comm_p.clone()),
        (made(9, piece.row(2)[0]), 9, &path, comm_p),
    ];
    for (place, (comm_p, b, path, expected)) in cases.into_iter().enumerate() {
        let verdict = both(&PEER, &with(comm_p, b, path));
        assert_eq!(verdict, Err(expected), "case {place}");
    }
    // What is no lie: a comm_p of a part alone, which is a piece like any other.
    let part = with(made(4, node), 4, &path[..1]);
    assert_eq!(both(&PEER, &part), Ok(()));
}

#[test]
fn a_path_of_another_length_is_refused() {
    let (statement, witness) = honest(6, 5);
    for groups in [0, 1] {
        let path = witness.path[..groups].to_vec();
        let short = DisputeWitness {
            path,
            ..witness.clone()
        };
        let depth = OpeningError::WrongDepth {
            expected: 2,
            got: groups,
        };
        let verdict = both(&TEST, &(statement.clone(), short));
        assert_eq!(verdict, Err(DisputeError::Path(depth)));
    }
    // What a path has beyond the piece's root the circuit never sees, the native twin refuses.
    let mut long = witness;
    long.path.push([fr(0); 16]);
    let depth = OpeningError::WrongDepth {
        expected: 2,
        got: 3,
    };
    assert_eq!(
        check(&TEST, &statement, &long),
        Err(DisputeError::Path(depth))
    );
}

/// The path with one element changed and everything above it hashed again.
fn changed_path(path: &[Group], index: u64, level: usize, position: usize) -> Vec<Group> {
    let mut path = path.to_vec();
    path[level][position] += fr(1);
    for above in level + 1..path.len() {
        let node = tree::node(TreeKind::Data, above as u32, &path[above - 1]);
        path[above][(index >> (4 * above)) as usize & 15] = node;
    }
    path
}

#[test]
fn every_changed_field_of_the_statement_is_refused_by_both() {
    for (b, group) in [(6, 5), (5, 1), (3, 1), (2, 0)] {
        let (statement, witness) = honest(b, group);
        let DisputeStatement {
            comm_p,
            group,
            leaves,
        } = statement.clone();
        let mut changed = vec![
            DisputeStatement {
                comm_p: Commitment::from(comm_p.to_fr() + fr(1)),
                ..statement.clone()
            },
            DisputeStatement {
                comm_p: other(b, group).0.comm_p,
                ..statement.clone()
            },
            DisputeStatement {
                leaves: other(b, group).0.leaves,
                ..statement.clone()
            },
        ];
        for bit in 0..64 {
            changed.push(DisputeStatement {
                group: group ^ 1 << bit,
                ..statement.clone()
            });
        }
        for which in 0..4 {
            let mut other = leaves;
            other[which] += fr(1);
            changed.push(DisputeStatement {
                leaves: other,
                ..statement.clone()
            });
            for with in 0..which {
                let mut swapped = leaves;
                swapped.swap(which, with);
                changed.push(DisputeStatement {
                    leaves: swapped,
                    ..statement.clone()
                });
            }
        }
        for statement in changed {
            let verdict = both(&TEST, &(statement.clone(), witness.clone()));
            assert!(verdict.is_err(), "{statement:?}");
        }
    }
}

#[test]
fn every_changed_field_of_the_witness_is_refused_by_both() {
    for (b, group) in [(6, 5), (5, 1), (3, 1), (2, 0)] {
        let (statement, witness) = honest(b, group);
        let DisputeWitness { b, byte_len, path } = witness.clone();
        let mut changed = vec![DisputeWitness {
            path: other(b, group).1.path,
            ..witness.clone()
        }];
        for byte_len in [
            0,
            byte_len - 1,
            byte_len + 1,
            byte_len + (1 << 40),
            u64::MAX,
        ] {
            changed.push(DisputeWitness {
                byte_len,
                ..witness.clone()
            });
        }
        for size in (0..=8).chain([16, 255]).filter(|size| *size != b) {
            changed.push(DisputeWitness {
                b: size,
                ..witness.clone()
            });
        }
        for level in 0..path.len() {
            for position in 0..16 {
                let mut alone = witness.clone();
                alone.path[level][position] += fr(1);
                changed.push(alone);
                changed.push(DisputeWitness {
                    path: changed_path(&path, 4 * group, level, position),
                    ..witness.clone()
                });
            }
        }
        for witness in changed {
            // As it is claimed, and with the leaves that the changed path has.
            let mut follows = statement.clone();
            follows.leaves = witness.leaves(group).unwrap();
            for statement in [&statement, &follows] {
                let verdict = both(&TEST, &(statement.clone(), witness.clone()));
                assert!(verdict.is_err(), "{statement:?} {witness:?}");
            }
        }
    }
}

#[test]
fn the_opening_of_another_piece_is_refused_by_both() {
    let (statement, witness) = honest(6, 5);
    let (lie, shown) = other(6, 5);
    let mixed = DisputeWitness {
        path: vec![shown.path[0], witness.path[1]],
        ..witness.clone()
    };
    let foreign_leaves = DisputeStatement {
        leaves: lie.leaves,
        ..statement
    };
    let cases = [
        (statement, shown.clone(), DisputeError::Leaves),
        (foreign_leaves.clone(), shown, DisputeError::CommP),
        (
            foreign_leaves.clone(),
            mixed,
            DisputeError::Path(OpeningError::WrongNode { level: 1 }),
        ),
        (foreign_leaves, witness, DisputeError::Leaves),
    ];
    for (statement, witness, expected) in cases {
        assert_eq!(both(&TEST, &(statement, witness)), Err(expected));
    }
}
