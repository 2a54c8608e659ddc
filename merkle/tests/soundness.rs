//! Whatever a stranger changes, in any field, is refused, and by the right name.
#![expect(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    reason = "tests stop at what they did not expect"
)]

use ark_ff::AdditiveGroup;
use cairn_merkle::range::{Outboard, RangeVerifier, Verified, VerifiedRange, encode_range};
use cairn_merkle::tree::{Opening, Shape, Tree};
use cairn_merkle::{ContentId, Fr, OpeningDecodeError, OpeningError, RangeError, TreeKind};

fn sample(len: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; len];
    blake3::Hasher::new()
        .update(b"cairn-merkle tests")
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

/// 2^9 leaves: three levels, a top of two children.
fn tree() -> Tree {
    Tree::build(
        TreeKind::Data,
        &(1..=512u64).map(Fr::from).collect::<Vec<_>>(),
    )
    .expect("a power of two")
}

const INDEX: u64 = 300;

fn verdict(opening: &Opening) -> Result<(), OpeningError> {
    let tree = tree();
    opening.verify(TreeKind::Data, tree.shape(), INDEX, tree.root())
}

/// A new field of an opening must be added here before this compiles, and to the tests below.
fn honest() -> Opening {
    let opening = tree().open(INDEX).expect("inside");
    let Opening { leaf, groups } = opening.clone();
    assert_eq!(
        (leaf, groups.len()),
        (Fr::from(INDEX + 1), 3),
        "leaf and depth of the fixture"
    );
    assert_eq!(verdict(&opening), Ok(()), "the honest opening holds");
    opening
}

#[test]
fn another_leaf_is_refused() {
    let mut opening = honest();
    opening.leaf += Fr::from(1u64);
    assert_eq!(
        verdict(&opening),
        Err(OpeningError::WrongLeaf { position: 12 })
    );
}

#[test]
fn every_element_of_every_group_is_bound() {
    let honest = honest();
    for level in 0..honest.groups.len() {
        for place in 0..16 {
            let mut opening = honest.clone();
            opening.groups[level][place] += Fr::from(1u64);
            let refused = verdict(&opening).expect_err("a changed element must be refused");
            let expected = match (level, place) {
                (0, 12) => OpeningError::WrongLeaf { position: 12 },
                (0, _) => OpeningError::WrongNode { level: 1 },
                (1, 2) => OpeningError::WrongNode { level: 1 },
                (1, _) => OpeningError::WrongNode { level: 2 },
                (2, 0) => OpeningError::WrongRoot,
                (2, 1) => OpeningError::WrongNode { level: 2 },
                (_, position) => OpeningError::TopNotPadded { position },
            };
            assert_eq!(refused, expected, "group {level}, place {place}");
        }
    }
}

#[test]
fn a_leaf_changed_with_its_group_fails_one_level_up() {
    let mut opening = honest();
    opening.leaf = Fr::from(9999u64);
    opening.groups[0][12] = opening.leaf;
    assert_eq!(verdict(&opening), Err(OpeningError::WrongNode { level: 1 }));
}

#[test]
fn a_whole_forged_path_ends_at_another_root() {
    let mut leaves: Vec<Fr> = (1..=512u64).map(Fr::from).collect();
    leaves[INDEX as usize] = Fr::from(9999u64);
    let forged = Tree::build(TreeKind::Data, &leaves)
        .expect("a power of two")
        .open(INDEX)
        .expect("inside");
    assert_eq!(verdict(&forged), Err(OpeningError::WrongRoot));
}

#[test]
fn depth_comes_from_the_shape_and_never_from_the_opening() {
    let honest = honest();
    for groups in 0..=4 {
        let mut opening = honest.clone();
        opening.groups.resize(groups, [Fr::ZERO; 16]);
        if groups != 3 {
            assert_eq!(
                verdict(&opening),
                Err(OpeningError::WrongDepth {
                    expected: 3,
                    got: groups
                })
            );
        }
    }
    // A node of level 1 is no leaf, even with the right path above it.
    let mut shallow = honest;
    shallow.leaf = shallow.groups[1][2];
    shallow.groups.remove(0);
    assert_eq!(
        verdict(&shallow),
        Err(OpeningError::WrongDepth {
            expected: 3,
            got: 2
        })
    );
    let smaller = Shape::new(8).expect("in range");
    let refused = shallow.verify(TreeKind::Data, smaller, INDEX >> 4, tree().root());
    assert!(
        refused.is_err(),
        "levels are bound by their constants: {refused:?}"
    );
}

#[test]
fn another_index_kind_shape_or_root_is_refused() {
    let (tree, opening) = (tree(), honest());
    for index in (0..512).filter(|index| *index != INDEX) {
        let refused = opening.verify(TreeKind::Data, tree.shape(), index, tree.root());
        assert!(
            refused.is_err(),
            "leaf {INDEX} must not open as leaf {index}"
        );
    }
    let outside = opening.verify(TreeKind::Data, tree.shape(), INDEX + 512, tree.root());
    assert_eq!(
        outside,
        Err(OpeningError::IndexOutside {
            index: INDEX + 512,
            leaves: 512
        })
    );
    for kind in [TreeKind::Column, TreeKind::Replica, TreeKind::Provider] {
        let refused = opening.verify(kind, tree.shape(), INDEX, tree.root());
        assert_eq!(
            refused,
            Err(OpeningError::WrongNode { level: 1 }),
            "{kind:?}"
        );
    }
    // A bigger shape of the same depth says nothing false: the leaf is where the index says.
    let refused = opening.verify(
        TreeKind::Data,
        Shape::new(13).expect("in range"),
        INDEX,
        tree.root(),
    );
    assert_eq!(
        refused,
        Err(OpeningError::WrongDepth {
            expected: 4,
            got: 3
        })
    );
    let refused = opening.verify(
        TreeKind::Data,
        tree.shape(),
        INDEX,
        tree.root() + Fr::from(1u64),
    );
    assert_eq!(refused, Err(OpeningError::WrongRoot));
}

#[test]
fn a_zero_leaf_opens_in_a_data_tree_and_never_in_a_provider_tree() {
    let leaves = [Fr::ZERO; 16];
    for (kind, expected) in [
        (TreeKind::Data, Ok(())),
        (TreeKind::Provider, Err(OpeningError::ZeroLeaf)),
    ] {
        let tree = Tree::build(kind, &leaves).expect("a power of two");
        let opening = tree.open(3).expect("inside");
        assert_eq!(
            opening.verify(kind, tree.shape(), 3, tree.root()),
            expected,
            "{kind:?}"
        );
    }
}

#[test]
fn bytes_that_are_not_one_opening_are_refused() {
    let bytes = honest().to_bytes();
    let expected = bytes.len();
    for cut in 1..bytes.len() {
        let refused = Opening::from_bytes(&bytes[..cut]);
        assert_eq!(
            refused,
            Err(OpeningDecodeError::Length { expected, got: cut })
        );
    }
    assert_eq!(
        Opening::from_bytes(&[]),
        Err(OpeningDecodeError::Length {
            expected: 33,
            got: 0
        })
    );
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(
        Opening::from_bytes(&longer),
        Err(OpeningDecodeError::Length {
            expected,
            got: expected + 1
        })
    );
    let mut deep = vec![0u8; 1 + 32 * (1 + 16 * 11)];
    deep[0] = 11;
    assert_eq!(
        Opening::from_bytes(&deep),
        Err(OpeningDecodeError::TooDeep { max: 10, got: 11 })
    );
    for element in 0..(bytes.len() - 1) / 32 {
        let mut changed = bytes.clone();
        changed[1 + 32 * element..][..32].fill(0xff);
        let refused = Opening::from_bytes(&changed);
        assert_eq!(
            refused,
            Err(OpeningDecodeError::NonCanonical { index: element })
        );
    }
}

const LEN: usize = 100_000;
const FROM: u64 = 20_000;
const RANGE: u64 = 40_000;

/// Content id, content, and the encoding of a range of it.
fn range() -> (ContentId, Vec<u8>, Vec<u8>) {
    let bytes = sample(LEN);
    let (id, outboard) = Outboard::build(&bytes).expect("short");
    let outboard = Outboard::from_parts(id, LEN as u64, outboard).expect("its own length");
    let encoded = encode_range(&bytes[..], &outboard, FROM, RANGE).expect("inside");
    (id, bytes, encoded)
}

/// What verifies of an encoding, and how it ends.
fn read(id: ContentId, len: u64, encoded: &[u8]) -> (Vec<Verified>, Result<(), RangeError>) {
    let mut out = Vec::new();
    let mut verifier = RangeVerifier::new(id, len, FROM, RANGE).expect("inside");
    let ended = verifier
        .push(encoded, &mut out)
        .and_then(|()| verifier.finish());
    (out, ended)
}

fn assert_only_true_bytes(out: &[Verified], bytes: &[u8]) {
    for verified in out {
        let at = verified.offset as usize;
        assert_eq!(
            verified.bytes,
            bytes[at..at + verified.bytes.len()],
            "an unverified byte came out"
        );
    }
}

#[test]
fn a_changed_byte_anywhere_stops_the_range_there() {
    let (id, bytes, encoded) = range();
    // Every byte of the first nodes, and a byte in every 97 of the rest.
    for at in (0..400).chain((400..encoded.len()).step_by(97)) {
        let mut changed = encoded.clone();
        changed[at] ^= 0x10;
        let (out, ended) = read(id, LEN as u64, &changed);
        assert!(
            matches!(ended, Err(RangeError::PeerMismatch { .. })),
            "byte {at}: {ended:?}"
        );
        assert_only_true_bytes(&out, &bytes);
    }
}

#[test]
fn a_truncated_range_names_the_missing_chunk() {
    let (id, bytes, encoded) = range();
    for cut in (0..encoded.len()).step_by(1009) {
        let (out, ended) = read(id, LEN as u64, &encoded[..cut]);
        assert!(
            matches!(ended, Err(RangeError::PeerTruncated { .. })),
            "cut at {cut}: {ended:?}"
        );
        assert_only_true_bytes(&out, &bytes);
        let reader =
            VerifiedRange::new(id, LEN as u64, FROM, RANGE, &encoded[..cut]).expect("inside");
        let last = reader.last().expect("something comes");
        assert!(
            matches!(last, Err(RangeError::PeerTruncated { .. })),
            "cut at {cut}: {last:?}"
        );
    }
    let before_last_group = encoded.len() - 1;
    assert_eq!(
        read(id, LEN as u64, &encoded[..before_last_group]).1,
        Err(RangeError::PeerTruncated { chunk: 48 })
    );
}

#[test]
fn bytes_after_the_range_are_refused() {
    let (id, bytes, mut encoded) = range();
    encoded.push(0);
    let (out, ended) = read(id, LEN as u64, &encoded);
    assert_eq!(ended, Err(RangeError::PeerSurplus));
    assert_only_true_bytes(&out, &bytes);
}

#[test]
fn nothing_comes_out_after_a_mismatch() {
    let (id, _, encoded) = range();
    let mut verifier = RangeVerifier::new(id, LEN as u64, FROM, RANGE).expect("inside");
    let mut out = Vec::new();
    let mut changed = encoded.clone();
    changed[0] ^= 1;
    verifier
        .push(&changed, &mut out)
        .expect_err("the first node is false");
    verifier
        .push(&encoded, &mut out)
        .expect_err("the verifier has failed for good");
    assert!(out.is_empty(), "{} pieces came out", out.len());
    assert!(
        !verifier.is_complete(),
        "a failed verifier is never complete"
    );
    verifier.finish().expect_err("never complete");
}

#[test]
fn another_range_or_content_than_asked_for_is_refused() {
    let (id, bytes, _) = range();
    let (_, outboard) = Outboard::build(&bytes).expect("short");
    let outboard = Outboard::from_parts(id, LEN as u64, outboard).expect("its own length");
    let elsewhere = encode_range(&bytes[..], &outboard, FROM + 32_768, RANGE).expect("inside");
    assert!(
        matches!(
            read(id, LEN as u64, &elsewhere).1,
            Err(RangeError::PeerMismatch { .. })
        ),
        "another range"
    );
    let (_, _, encoded) = range();
    let other = ContentId::of(b"something else");
    assert_eq!(
        read(other, LEN as u64, &encoded).1,
        Err(RangeError::PeerMismatch { chunk: 0 }),
        "another content"
    );
}

#[test]
fn a_false_length_never_lets_a_false_byte_through() {
    let (id, bytes, encoded) = range();
    for claimed in [
        60_000,
        65_536,
        81_920,
        99_999,
        100_001,
        114_688,
        131_072,
        131_073,
        200_000,
        1 << 30,
    ] {
        let (out, _) = read(id, claimed, &encoded);
        assert_only_true_bytes(&out, &bytes);
    }
}

#[test]
fn a_damaged_store_sends_nothing_false() {
    let bytes = sample(LEN);
    let (id, outboard) = Outboard::build(&bytes).expect("short");
    let intact = Outboard::from_parts(id, LEN as u64, outboard.clone()).expect("its own length");
    let mut damaged = bytes;
    damaged[33_000] ^= 1;
    let refused = encode_range(&damaged[..], &intact, FROM, RANGE);
    assert_eq!(refused, Err(RangeError::StoreMismatch { chunk: 32 }));
    let mut false_nodes = outboard;
    false_nodes.iter_mut().for_each(|byte| *byte ^= 1);
    let false_nodes = Outboard::from_parts(id, LEN as u64, false_nodes).expect("its own length");
    let refused = encode_range(&sample(LEN)[..], &false_nodes, FROM, RANGE);
    assert_eq!(refused, Err(RangeError::StoreMismatch { chunk: 0 }));
}
