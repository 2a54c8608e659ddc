//! What is written is read back: bytes through fr32, trees through openings, ranges through their encoding.
#![expect(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    reason = "tests stop at what they did not expect"
)]

use ark_ff::AdditiveGroup;
use cairn_merkle::piece::{self, PieceCommitter};
use cairn_merkle::range::{
    GROUP_BYTES, Outboard, OutboardBuilder, RangeVerifier, Verified, VerifiedRange, encode_range,
    encoded_len,
};
use cairn_merkle::tree::{
    CHUNK_LEAVES, Opening, Shape, SparseTree, Tree, chunk_root, chunk_root_of_stored, root,
};
use cairn_merkle::{ContentId, Fr, PieceError, RangeError, TreeError, TreeKind, field, fr32};
use proptest::prelude::*;

/// Bytes that differ everywhere and are the same on every run.
fn sample(len: usize) -> Vec<u8> {
    let mut bytes = vec![0u8; len];
    blake3::Hasher::new()
        .update(b"cairn-merkle tests")
        .finalize_xof()
        .fill(&mut bytes);
    bytes
}

fn leaves(count: u64) -> Vec<Fr> {
    (1..=count).map(Fr::from).collect()
}

#[test]
fn every_leaf_of_every_small_shape_opens_to_the_root() {
    for log2_leaves in 1..=9 {
        let leaves = leaves(1 << log2_leaves);
        let tree = Tree::build(TreeKind::Data, &leaves).expect("a power of two");
        assert_eq!(
            root(TreeKind::Data, &leaves),
            Ok(tree.root()),
            "2^{log2_leaves}: root without rows"
        );
        for index in 0..leaves.len() as u64 {
            let opening = tree.open(index).expect("inside");
            assert_eq!(opening.leaf, Fr::from(index + 1));
            let verdict = opening.verify(TreeKind::Data, tree.shape(), index, tree.root());
            assert_eq!(verdict, Ok(()), "2^{log2_leaves}, leaf {index}");
            let bytes = opening.to_bytes();
            assert_eq!(bytes.len(), Opening::encoded_len(tree.shape()));
            assert_eq!(Opening::from_bytes(&bytes), Ok(opening));
        }
        let outside = tree.open(1 << log2_leaves);
        assert_eq!(
            outside,
            Err(TreeError::IndexOutside {
                index: 1 << log2_leaves,
                leaves: 1 << log2_leaves
            })
        );
    }
}

#[test]
fn a_sparse_tree_opens_as_the_full_tree_does() {
    for log2_leaves in [3, 8, 10, 12, 13, 14] {
        let leaves = leaves(1 << log2_leaves);
        let full = Tree::build(TreeKind::Replica, &leaves).expect("a power of two");
        let roots = leaves
            .chunks(CHUNK_LEAVES)
            .map(|chunk| chunk_root(TreeKind::Replica, chunk).expect("a chunk"));
        let sparse = SparseTree::from_chunk_roots(TreeKind::Replica, full.shape(), roots.collect())
            .expect("fits");
        assert_eq!(sparse.root(), full.root(), "2^{log2_leaves}");
        let last = full.shape().leaves() - 1;
        for index in [0, 1, last / 2, last / 2 + 1, last] {
            let at = SparseTree::chunk_of(index) as usize * CHUNK_LEAVES;
            let chunk = &leaves[at..(at + CHUNK_LEAVES).min(leaves.len())];
            assert_eq!(
                sparse.open(index, chunk),
                full.open(index),
                "2^{log2_leaves}, leaf {index}"
            );
        }
        let stored: Vec<Fr> = sparse.stored_rows().copied().collect();
        assert_eq!(stored.len() as u64, SparseTree::stored_nodes(full.shape()));
        assert_eq!(
            SparseTree::from_stored_rows(TreeKind::Replica, full.shape(), &stored),
            Ok(sparse)
        );
    }
}

#[test]
fn chunks_that_were_never_written_hold_zeros() {
    let shape = Shape::new(14).expect("in range");
    let mut leaves = leaves(CHUNK_LEAVES as u64);
    let roots = vec![chunk_root(TreeKind::Data, &leaves).expect("a chunk")];
    let sparse = SparseTree::from_chunk_roots(TreeKind::Data, shape, roots).expect("fits");
    leaves.resize(4 * CHUNK_LEAVES, Fr::ZERO);
    assert_eq!(root(TreeKind::Data, &leaves), Ok(sparse.root()));
    let small =
        SparseTree::from_chunk_roots(TreeKind::Data, Shape::new(8).expect("in range"), vec![])
            .expect("fits");
    assert_eq!(root(TreeKind::Data, &[Fr::ZERO; 256]), Ok(small.root()));
}

#[test]
fn a_chunk_hashes_from_stored_bytes_as_from_elements() {
    for count in [2u64, 16, 64, 256, CHUNK_LEAVES as u64] {
        let leaves: Vec<Fr> = leaves(count).iter().map(|x| -*x).collect();
        let mut stored: Vec<u8> = leaves.iter().flat_map(field::to_bytes).collect();
        for kind in TreeKind::ALL {
            assert_eq!(
                chunk_root_of_stored(kind, &stored),
                chunk_root(kind, &leaves)
            );
        }
        let last = stored.len() - field::ELEMENT_BYTES;
        stored[last..].fill(0xff);
        assert_eq!(
            chunk_root_of_stored(TreeKind::Data, &stored),
            Err(TreeError::NonCanonical { index: count - 1 })
        );
        let loose = chunk_root_of_stored(TreeKind::Data, &stored[..last + 1]);
        assert!(
            matches!(loose, Err(TreeError::RowLength { .. })),
            "{loose:?}"
        );
    }
    let long = vec![0; 2 * CHUNK_LEAVES * field::ELEMENT_BYTES];
    assert_eq!(
        chunk_root_of_stored(TreeKind::Data, &long),
        chunk_root(TreeKind::Data, &leaves(2 * CHUNK_LEAVES as u64))
    );
}

#[test]
fn a_damaged_store_is_named_and_never_opens() {
    let leaves = leaves(2 * CHUNK_LEAVES as u64);
    let roots: Vec<Fr> = leaves
        .chunks(CHUNK_LEAVES)
        .map(|chunk| chunk_root(TreeKind::Data, chunk).expect("a chunk"))
        .collect();
    let shape = Shape::of_leaves(leaves.len() as u64).expect("a power of two");
    let tree = SparseTree::from_chunk_roots(TreeKind::Data, shape, roots).expect("fits");
    let mut chunk = leaves[CHUNK_LEAVES..].to_vec();
    chunk[77] += Fr::from(1u64);
    assert_eq!(
        tree.open(CHUNK_LEAVES as u64, &chunk),
        Err(TreeError::ChunkMismatch { chunk: 1 })
    );
    let short = tree.open(0, &leaves[..16]);
    assert_eq!(
        short,
        Err(TreeError::RowLength {
            expected: 4096,
            got: 16
        })
    );
    let mut stored: Vec<Fr> = tree.stored_rows().copied().collect();
    stored[2] += Fr::from(1u64);
    let refused = SparseTree::from_stored_rows(TreeKind::Data, shape, &stored);
    assert_eq!(refused, Err(TreeError::RowMismatch { level: 4, index: 0 }));
    stored.pop();
    let refused = SparseTree::from_stored_rows(TreeKind::Data, shape, &stored);
    assert_eq!(
        refused,
        Err(TreeError::RowLength {
            expected: 3,
            got: 2
        })
    );
}

#[test]
fn the_size_of_a_piece_is_the_smallest_power_of_two_that_holds_it() {
    let table = [
        (0, 2),
        (1, 2),
        (127, 2),
        (128, 3),
        (254, 3),
        (255, 4),
        (508, 4),
        (509, 5),
        (130_048, 12),
    ];
    for (byte_len, b) in table {
        assert_eq!(piece::b_for(byte_len), b, "{byte_len} bytes");
    }
    for b in 2..=34 {
        assert_eq!(
            piece::b_for(piece::max_bytes_for(b)),
            b,
            "the longest piece of 2^{b} leaves"
        );
        assert_eq!(
            piece::b_for(piece::max_bytes_for(b) + 1),
            b + 1,
            "one byte more"
        );
    }
    assert_eq!(piece::max_bytes_for(1), 0);
}

#[test]
fn a_piece_is_the_padded_tree_over_its_elements() {
    for len in [0, 1, 127, 128, 5000, 130_047, 130_048, 130_049, 300_000] {
        let bytes = sample(len);
        let committed = piece::commit(&bytes).expect("short");
        let mut elements = fr32::encode(&bytes);
        elements.resize(1 << committed.b, Fr::ZERO);
        assert_eq!(
            root(TreeKind::Data, &elements),
            Ok(committed.root),
            "{len} bytes"
        );
        assert_eq!(
            (committed.b, committed.byte_len),
            (piece::b_for(len as u64), len as u64)
        );
        let comm_p = cairn_merkle::domain::comm_p(committed.b, committed.byte_len, committed.root);
        assert_eq!(committed.comm_p.to_fr(), comm_p);
    }
}

#[test]
fn a_stream_longer_than_a_batch_is_the_piece_at_once() {
    // A batch is 16 chunks, 2,080,768 bytes: below, at and across its border.
    let bytes = sample(2_100_000);
    let whole = piece::commit(&bytes).expect("short");
    for slice in [700_001, 16 * piece::CHUNK_BYTES, 2_090_000] {
        let mut committer = PieceCommitter::new(bytes.len() as u64).expect("short");
        for part in bytes.chunks(slice) {
            committer.update(part).expect("as announced");
        }
        assert_eq!(committer.finish(), Ok(whole), "in slices of {slice} bytes");
    }
}

#[test]
fn leaves_of_a_piece_open_from_its_bytes() {
    let bytes = sample(200_000);
    let mut committer = PieceCommitter::new(bytes.len() as u64).expect("short");
    committer.update(&bytes).expect("as announced");
    let (committed, tree) = committer.finish_tree().expect("complete");
    assert_eq!(committed, piece::commit(&bytes).expect("short"));
    for index in [0, 1, 4095, 4096, 6299, 6300, 8191] {
        let chunk = piece::chunk_leaves(&bytes, SparseTree::chunk_of(index)).expect("inside");
        let opening = tree.open(index, &chunk).expect("undamaged");
        assert_eq!(
            opening.verify(TreeKind::Data, tree.shape(), index, committed.root),
            Ok(()),
            "leaf {index}"
        );
    }
    assert!(
        piece::chunk_leaves(&bytes, 2).is_err(),
        "the piece has two chunks"
    );
}

#[test]
fn a_stream_of_another_length_than_announced_is_refused() {
    let mut committer = PieceCommitter::new(10).expect("short");
    committer.update(&[1; 6]).expect("as announced");
    assert_eq!(
        committer.update(&[1; 5]),
        Err(PieceError::Surplus { byte_len: 10 })
    );
    assert_eq!(
        committer.clone().finish(),
        Err(PieceError::Short {
            byte_len: 10,
            got: 6
        })
    );
    committer
        .update(&[1; 4])
        .expect("the surplus was not taken");
    assert_eq!(committer.finish(), piece::commit(&[1; 10]));
    let byte_len = u64::MAX;
    assert_eq!(
        PieceCommitter::new(byte_len).map(|_| ()),
        Err(PieceError::TooLong {
            byte_len,
            max: piece::MAX_PIECE_BYTES
        })
    );
}

/// What a reader gets who cuts the encoding into slices of `slice` bytes.
fn verified(
    id: ContentId,
    byte_len: u64,
    offset: u64,
    len: u64,
    encoded: &[u8],
    slice: usize,
) -> Vec<Verified> {
    let mut verifier = RangeVerifier::new(id, byte_len, offset, len).expect("inside");
    let mut out = Vec::new();
    for part in encoded.chunks(slice) {
        verifier.push(part, &mut out).expect("honest bytes verify");
    }
    assert!(verifier.is_complete(), "nothing is missing");
    verifier.finish().expect("complete");
    out
}

fn assert_covers(out: &[Verified], bytes: &[u8], offset: u64, len: u64) {
    let mut next = offset;
    for verified in out {
        assert_eq!(verified.offset, next, "in order, without holes");
        next += verified.bytes.len() as u64;
    }
    assert_eq!(next, offset + len, "up to the end of the range");
    let joined: Vec<u8> = out
        .iter()
        .flat_map(|verified| verified.bytes.clone())
        .collect();
    assert_eq!(
        joined,
        bytes[offset as usize..(offset + len) as usize],
        "the bytes of the content"
    );
}

#[test]
fn ranges_of_every_kind_of_length_verify() {
    let group = GROUP_BYTES as usize;
    for byte_len in [
        0,
        1,
        1024,
        1025,
        group - 1,
        group,
        group + 1,
        2 * group,
        3 * group - 1,
        5 * group,
        100_000,
    ] {
        let bytes = sample(byte_len);
        let (id, outboard) = Outboard::build(&bytes).expect("short");
        assert_eq!(
            id,
            ContentId::of(&bytes),
            "{byte_len} bytes: the plain BLAKE3 hash"
        );
        let outboard = Outboard::from_parts(id, byte_len as u64, outboard).expect("its own length");
        let total = byte_len as u64;
        let ends = [
            0,
            1.min(total),
            total / 3,
            total / 2,
            total.saturating_sub(1),
            total,
        ];
        for (from, to) in ends
            .iter()
            .flat_map(|from| ends.map(|to| (*from, to)))
            .filter(|(from, to)| from <= to)
        {
            let encoded = encode_range(&bytes[..], &outboard, from, to - from).expect("inside");
            assert_eq!(
                encoded_len(total, from, to - from),
                Ok(encoded.len() as u64),
                "{total}: {from}..{to}"
            );
            let out = verified(id, total, from, to - from, &encoded, 1 << 20);
            assert_covers(&out, &bytes, from, to - from);
        }
    }
}

#[test]
fn a_reader_takes_only_what_belongs_to_the_range() {
    let bytes = sample(90_000);
    let (id, outboard) = Outboard::build(&bytes).expect("short");
    let outboard = Outboard::from_parts(id, 90_000, outboard).expect("its own length");
    let mut stream = encode_range(&bytes[..], &outboard, 20_000, 40_000).expect("inside");
    stream.extend_from_slice(b"the next message");
    let mut reader = &stream[..];
    let out: Result<Vec<Verified>, RangeError> =
        VerifiedRange::new(id, 90_000, 20_000, 40_000, &mut reader)
            .expect("inside")
            .collect();
    assert_covers(&out.expect("honest bytes verify"), &bytes, 20_000, 40_000);
    assert_eq!(reader, b"the next message");
}

#[test]
fn an_outboard_built_from_a_stream_is_the_one_built_at_once() {
    for byte_len in [0usize, 5, 16_384, 16_385, 100_000, 262_144] {
        let bytes = sample(byte_len);
        let at_once = Outboard::build(&bytes).expect("short");
        assert_eq!(
            at_once.1.len() as u64,
            Outboard::len_for(byte_len as u64).expect("short")
        );
        for slice in [1000, 16_384, 50_000] {
            let mut builder = OutboardBuilder::new(byte_len as u64).expect("short");
            for part in bytes.chunks(slice) {
                builder.update(part).expect("as announced");
            }
            assert_eq!(
                builder.finish().expect("complete"),
                at_once,
                "{byte_len} bytes by {slice}"
            );
        }
    }
}

#[test]
fn an_outboard_of_another_length_than_announced_is_refused() {
    let mut builder = OutboardBuilder::new(20_000).expect("short");
    builder.update(&sample(15_000)).expect("as announced");
    let surplus = builder.update(&sample(5_001));
    assert_eq!(
        surplus,
        Err(RangeError::ContentLength {
            expected: 20_000,
            got: 20_001
        })
    );
    assert_eq!(
        builder.finish(),
        Err(RangeError::ContentLength {
            expected: 20_000,
            got: 15_000
        })
    );
    let parts = Outboard::from_parts(ContentId::of(b""), 20_000, vec![0; 63]);
    assert_eq!(
        parts,
        Err(RangeError::OutboardLength {
            byte_len: 20_000,
            expected: 64,
            got: 63
        })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_range_in_any_slices_verifies(
        byte_len in 1usize..200_000, from in any::<prop::sample::Index>(), len in any::<prop::sample::Index>(),
        slice in 1usize..40_000,
    ) {
        let bytes = sample(byte_len);
        let offset = from.index(byte_len) as u64;
        let len = len.index(byte_len - offset as usize + 1) as u64;
        let (id, outboard) = Outboard::build(&bytes).expect("short");
        let outboard = Outboard::from_parts(id, byte_len as u64, outboard).expect("its own length");
        let encoded = encode_range(&bytes[..], &outboard, offset, len).expect("inside");
        let out = verified(id, byte_len as u64, offset, len, &encoded, slice);
        assert_covers(&out, &bytes, offset, len);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn a_piece_streamed_in_any_slices_is_the_piece_at_once(byte_len in 0usize..600_000, slice in 1000usize..600_000) {
        let bytes = sample(byte_len);
        let mut committer = PieceCommitter::new(byte_len as u64).expect("short");
        for part in bytes.chunks(slice) {
            committer.update(part).expect("as announced");
        }
        prop_assert_eq!(committer.finish(), piece::commit(&bytes));
    }
}
