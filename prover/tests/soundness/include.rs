//! Attacks on include.

use super::support::*;
use ark_ff::Field;
use cairn_merkle::tree::Tree;
use cairn_merkle::{Commitment, Fr, TreeKind, domain, piece, tree};
use cairn_prover::error::{IncludeError, StatementError};
use cairn_prover::gadget::audit::Layout;
use cairn_prover::include::{IncludeCircuit, IncludeStatement, IncludeWitness, PlacedPiece, check};
use cairn_prover::params::{PEER, ParamSet, TEST};
use std::sync::LazyLock;

fn sector(set: &ParamSet, leaf: impl Fn(u64) -> u64) -> Tree {
    let leaves: Vec<Fr> = (0..set.sector_leaves()).map(|i| fr(leaf(i))).collect();
    Tree::build(TreeKind::Data, &leaves).unwrap()
}

/// What lies at leaves `[offset, offset + 2^b)` of the sector, as a piece of `byte_len` bytes.
fn placed(sector: &Tree, offset_leaves: u64, b: u8, byte_len: u64) -> PlacedPiece {
    let leaves = &sector.row(0)[offset_leaves as usize..][..1 << b];
    let root = tree::root(TreeKind::Data, leaves).unwrap();
    PlacedPiece {
        comm_p: Commitment::from(domain::comm_p(b, byte_len, root)),
        offset_leaves,
        b,
        byte_len,
    }
}

fn path(sector: &Tree, piece: &PlacedPiece) -> Vec<Group> {
    IncludeWitness::path(&sector.open(piece.offset_leaves).unwrap().groups, piece.b)
}

fn claim(
    set: &ParamSet,
    sector: &Tree,
    pieces: &[PlacedPiece],
) -> (IncludeStatement, IncludeWitness) {
    let statement =
        IncludeStatement::new(set, Commitment::from(sector.root()), pieces.to_vec()).unwrap();
    let paths = pieces.iter().map(|piece| path(sector, piece)).collect();
    (statement, IncludeWitness::new(set, paths).unwrap())
}

/// One piece in a tiny sector whose leaves all differ.
fn honest(offset_leaves: u64, b: u8) -> (IncludeStatement, IncludeWitness) {
    let sector = sector(&TINY, |i| 500 + i);
    let piece = placed(&sector, offset_leaves, b, 100);
    claim(&TINY, &sector, &[piece])
}

/// The same where all leaves are equal: no path can tell one place from another.
fn uniform(offset_leaves: u64, b: u8) -> (IncludeStatement, IncludeWitness) {
    let sector = sector(&TINY, |_| 3);
    let piece = placed(&sector, offset_leaves, b, 100);
    claim(&TINY, &sector, &[piece])
}

fn circuit((statement, witness): (IncludeStatement, IncludeWitness)) -> IncludeCircuit {
    IncludeCircuit::new(TINY, statement, witness)
}

/// The claim with a `comm_p` made of this top.
fn with_top(
    (mut statement, witness): (IncludeStatement, IncludeWitness),
    top: &Group,
) -> (IncludeStatement, IncludeWitness) {
    let piece = &mut statement.pieces[0];
    let root = tree::node(TreeKind::Data, piece.top_level(), top);
    piece.comm_p = Commitment::from(domain::comm_p(piece.b, piece.byte_len, root));
    (statement, witness)
}

fn attacks_on_the_numbers() -> Vec<Attack<IncludeCircuit>> {
    let fields = [
        (0, "offset"),
        (40, "b"),
        (48, "byte length"),
        (88, "beyond"),
        (253, "top"),
    ];
    let mut attacks: Vec<_> = fields
        .into_iter()
        .map(|(shift, story)| {
            Attack::new(story, "public", "packed word", circuit(honest(16, 3))).forge(
                "public",
                "word",
                0,
                add(power(shift)),
            )
        })
        .collect();

    // Size 3 as half of 2 and half of 4: the four nodes of the one in full, the other twelve by half.
    let half = fr(2).inverse().unwrap();
    let (statement, witness) = honest(0, 3);
    let mut top = witness.paths[0][0];
    for node in &mut top[4..] {
        *node *= half;
    }
    attacks.push(
        Attack::new(
            "a size between two",
            "size",
            "boolean",
            circuit(with_top((statement, witness), &top)),
        )
        .forge("size", "bits", 0, set(vec![half, fr(0), half, fr(0)])),
    );

    let (mut statement, _) = honest(0, 3);
    let opening = sector(&TINY, |i| 500 + i).open(0).unwrap();
    let nothing =
        tree::node(TreeKind::Data, 1, &[fr(0); 16]) - domain::level_constant(TreeKind::Data, 1);
    statement.pieces[0].b = 0;
    statement.pieces[0].comm_p = Commitment::from(domain::comm_p(0, 100, nothing));
    let no_size = (
        statement,
        IncludeWitness {
            paths: vec![opening.groups],
        },
    );
    attacks.push(Attack::new(
        "no size at all",
        "size",
        "exactly one",
        circuit(no_size),
    ));

    attacks.push(
        Attack::new(
            "digits of the offset",
            "offset",
            "boolean",
            circuit(uniform(0, 2)),
        )
        .forge("offset", "bits", 0, carry(2)),
    );
    let (mut statement, witness) = uniform(0, 3);
    statement.pieces[0].offset_leaves = 4;
    attacks.push(Attack::new(
        "between two places",
        "offset",
        "aligned",
        circuit((statement, witness)),
    ));
    attacks.push(
        Attack::new(
            "digits of the byte length",
            "byte len",
            "boolean",
            circuit(honest(16, 3)),
        )
        .forge("byte len", "bits", 0, carry(0)),
    );
    attacks
}

fn attacks_on_the_path() -> Vec<Attack<IncludeCircuit>> {
    let (mut other_comm_d, witness) = honest(16, 3);
    other_comm_d.comm_d = Commitment::from(fr(1));
    let other_comm_d = (other_comm_d, witness);

    let (mut absent, mut witness) = honest(16, 3);
    witness.paths[0][1][4] = fr(1);
    absent.comm_d = Commitment::from(tree::node(TreeKind::Data, 2, &witness.paths[0][1]));
    let absent = (absent, witness);

    // The piece at 32 claims to lie at 16: its node in place of the one that the top group has there.
    let elsewhere = || {
        let (mut statement, witness) = honest(32, 3);
        statement.pieces[0].offset_leaves = 16;
        (statement, witness)
    };
    let top = elsewhere().1.paths[0][1];
    vec![
        Attack::new(
            "another sector",
            "sector path",
            "comm_d",
            circuit(other_comm_d),
        ),
        Attack::new(
            "a fifth child of four",
            "sector path",
            "absent child",
            circuit(absent),
        ),
        Attack::new(
            "another place",
            "sector path",
            "child",
            circuit(elsewhere()),
        ),
        // Both bits of the place cost a product for each pair; the third decides.
        Attack::new(
            "another place, selected",
            "sector path",
            "select",
            circuit(elsewhere()),
        )
        .forge("sector path", "select", 2, add(top[2] - top[1])),
    ]
}

fn attacks_on_the_top() -> Vec<Attack<IncludeCircuit>> {
    let (mut other_comm_p, witness) = honest(16, 3);
    other_comm_p.pieces[0].comm_p = Commitment::from(fr(1));
    let other_comm_p = (other_comm_p, witness);
    // Of a piece of 8 leaves at 16 the top is the first half of the group.
    let top_of = |alter: &dyn Fn(&mut Group)| {
        let (statement, witness) = honest(16, 3);
        let mut top = witness.paths[0][0];
        top[8..].fill(fr(0));
        alter(&mut top);
        circuit(with_top((statement, witness), &top))
    };
    vec![
        Attack::new("another piece", "public", "comm_p", circuit(other_comm_p)),
        Attack::new(
            "a node that is not there",
            "top",
            "group",
            top_of(&|top| top[5] += fr(1)),
        )
        .forge("top", "group", 5, add(fr(1))),
        Attack::new(
            "a shift of choice",
            "top",
            "position",
            circuit(uniform(0, 3)),
        )
        .forge("top", "position", 3, add(fr(1))),
        Attack::new(
            "a node shifted from nowhere",
            "top",
            "shift",
            top_of(&|top| top[1] += fr(9)),
        )
        .forge("top", "shift", 1, add(fr(9))),
        Attack::new(
            "a node behind the top",
            "top",
            "mask",
            top_of(&|top| top[8] = fr(9)),
        )
        .forge("top", "mask", 6, add(fr(9))),
    ]
}

#[test]
fn each_rule_of_include_refuses_its_attack() {
    let mut attacks = attacks_on_the_numbers();
    attacks.extend(attacks_on_the_path());
    attacks.extend(attacks_on_the_top());
    each_rule_refuses_its_attack(&circuit(honest(16, 3)), attacks);
}

#[test]
fn every_variable_of_include_is_bound() {
    every_variable_is_bound(&circuit(honest(16, 3)));
}

#[test]
fn the_witness_does_not_shape_the_include_circuit() {
    for claim in [honest(16, 3), honest(32, 5), uniform(0, 2)] {
        same_layout(circuit(claim), IncludeCircuit::blank(&TINY));
    }
}

fn both(
    set: &ParamSet,
    statement: &IncludeStatement,
    witness: &IncludeWitness,
) -> Result<(), IncludeError> {
    static TINY_LAYOUT: LazyLock<Layout> =
        LazyLock::new(|| Layout::of(&IncludeCircuit::blank(&TINY)).unwrap());
    let circuit = IncludeCircuit::new(*set, statement.clone(), witness.clone());
    let native = check(set, statement, witness);
    let kept = (&TINY, &TINY_LAYOUT);
    agreed(set, kept, IncludeCircuit::blank, &circuit, native)
}

#[test]
fn pieces_of_every_size_at_every_kind_of_place_are_accepted_by_both() {
    let partial = ParamSet {
        sector_log2_leaves: 11,
        b_max: 10,
        ..PEER
    };
    for set in [TINY, TEST, partial] {
        let sector = sector(&set, |i| 500 + i);
        for b in 2..=set.b_max {
            let places = set.sector_leaves() >> b;
            for place in [0, 1, places / 2, places - 1] {
                let piece = placed(&sector, place << b, b, 100 + place);
                let (statement, witness) = claim(&set, &sector, &[piece]);
                assert_eq!(
                    both(&set, &statement, &witness),
                    Ok(()),
                    "{} b {b} place {place}",
                    set.name
                );
            }
        }
    }
}

#[test]
fn a_real_piece_lies_in_the_sector_it_was_packed_into() {
    let bytes: Vec<u8> = (0..1000u32).map(|i| (i * i % 251) as u8).collect();
    let committed = piece::commit(&bytes).unwrap();
    let encoded = cairn_merkle::fr32::encode(&bytes);
    let offset = 64u64;
    let mut leaves = vec![fr(0); TEST.sector_leaves() as usize];
    leaves[offset as usize..][..encoded.len()].copy_from_slice(&encoded);
    let sector = Tree::build(TreeKind::Data, &leaves).unwrap();
    let placed = PlacedPiece {
        comm_p: committed.comm_p,
        offset_leaves: offset,
        b: committed.b,
        byte_len: committed.byte_len,
    };
    let (statement, witness) = claim(&TEST, &sector, &[placed]);
    assert_eq!(both(&TEST, &statement, &witness), Ok(()));
}

#[test]
fn two_pieces_are_each_held_to_their_own_place() {
    let sector = sector(&TEST, |i| 500 + i);
    let (first, second) = (placed(&sector, 64, 6, 1000), placed(&sector, 16, 4, 300));
    let (statement, witness) = claim(&TEST, &sector, &[first, second]);
    assert_eq!(both(&TEST, &statement, &witness), Ok(()));
    let mut swapped = statement.clone();
    swapped.pieces.swap(0, 1);
    assert!(both(&TEST, &swapped, &witness).is_err());
    let mut second_wrong = statement;
    second_wrong.pieces[1].comm_p = second_wrong.pieces[0].comm_p;
    assert_eq!(
        both(&TEST, &second_wrong, &witness),
        Err(IncludeError::CommP { place: 1 })
    );
}

#[test]
fn every_changed_field_is_refused_by_both() {
    for (offset, b) in [(16, 3), (32, 5)] {
        let (statement, witness) = honest(offset, b);
        let IncludeStatement { comm_d, pieces } = statement.clone();
        let PlacedPiece {
            comm_p,
            offset_leaves,
            b,
            byte_len,
        } = pieces[0];
        let piece = |piece: PlacedPiece| IncludeStatement {
            comm_d,
            pieces: vec![piece],
        };
        let base = pieces[0];
        let more = |value: Commitment| Commitment::from(value.to_fr() + fr(1));
        let mut changed = vec![
            IncludeStatement {
                comm_d: more(comm_d),
                pieces: pieces.clone(),
            },
            piece(PlacedPiece {
                comm_p: more(comm_p),
                ..base
            }),
            piece(PlacedPiece {
                byte_len: byte_len + 1,
                ..base
            }),
            piece(PlacedPiece {
                byte_len: byte_len + (1 << 40),
                ..base
            }),
        ];
        for offset in [1, 4, 8, 16, 64, 1 << 39, u64::MAX] {
            let offset_leaves = offset_leaves.wrapping_add(offset);
            changed.push(piece(PlacedPiece {
                offset_leaves,
                ..base
            }));
        }
        for other in (0..=7).chain([16, 255]).filter(|other| *other != b) {
            changed.push(piece(PlacedPiece { b: other, ..base }));
        }
        for statement in changed {
            assert!(both(&TINY, &statement, &witness).is_err(), "{statement:?}");
        }
        let IncludeWitness { paths } = witness;
        for level in 0..paths[0].len() {
            for position in 0..16 {
                let mut paths = paths.clone();
                paths[0][level][position] += fr(1);
                assert!(
                    both(&TINY, &statement, &IncludeWitness { paths }).is_err(),
                    "{level} {position}"
                );
            }
        }
    }
}

#[test]
fn an_inclusion_speaks_about_one_to_w_pieces() {
    let sector = sector(&TEST, |i| 500 + i);
    let piece = placed(&sector, 64, 4, 10);
    let comm_d = Commitment::from(sector.root());
    for count in [0, 3] {
        let width = StatementError::Width {
            expected: 2,
            got: count,
        };
        assert_eq!(
            IncludeStatement::new(&TEST, comm_d, vec![piece; count]),
            Err(width)
        );
        assert_eq!(
            IncludeWitness::new(&TEST, vec![Vec::new(); count]),
            Err(width)
        );
    }
    let (statement, _) = claim(&TEST, &sector, &[piece]);
    assert_eq!(
        statement.pieces,
        [piece, piece],
        "the unused place repeats the first"
    );
}
