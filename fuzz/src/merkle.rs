//! Openings, fr32 and verified ranges.

use cairn_merkle::range::{Outboard, RangeVerifier};
use cairn_merkle::tree::{Opening, Tree};
use cairn_merkle::{ContentId, Fr, TreeKind, fr32};
use std::sync::LazyLock;

/// Leaves 1, 2, .., 32: a top of two children.
static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let leaves: Vec<Fr> = (1..=32u64).map(Fr::from).collect();
    Tree::build(TreeKind::Data, &leaves).expect("a power of two")
});

/// `index u8 | opening`: whatever verifies at `index` under the honest root is the honest opening.
pub fn merkle_verify_opening(data: &[u8]) {
    let Some((index, bytes)) = data.split_first() else {
        return;
    };
    let Ok(opening) = Opening::from_bytes(bytes) else {
        return;
    };
    assert_eq!(opening.to_bytes(), bytes, "an opening has one form");
    let index = u64::from(*index);
    if opening
        .verify(TREE.kind(), TREE.shape(), index, TREE.root())
        .is_ok()
    {
        assert_eq!(
            TREE.open(index),
            Ok(opening),
            "a false opening was accepted"
        );
    }
}

/// `byte_len u16 | stored elements`: what decodes is exactly what encoding makes.
pub fn merkle_decode_fr32(data: &[u8]) {
    let Some((byte_len, stored)) = data.split_first_chunk::<2>() else {
        return;
    };
    let byte_len = u64::from(u16::from_le_bytes(*byte_len));
    if let Ok(bytes) = fr32::decode_stored(stored, byte_len) {
        assert_eq!(bytes.len() as u64, byte_len, "the announced length");
        assert_eq!(fr32::encode_stored(&bytes), stored, "fr32 has one form");
        assert_eq!(
            fr32::decode(&fr32::encode(&bytes), byte_len),
            Ok(bytes),
            "both forms agree"
        );
    }
}

/// 40,000 bytes in three groups; byte `i` is `(i*i + 7*i + 3) mod 256`.
static CONTENT: LazyLock<(ContentId, Vec<u8>)> = LazyLock::new(|| {
    let bytes: Vec<u8> = (0..40_000u32)
        .map(|i| (i.wrapping_mul(i).wrapping_add(7 * i).wrapping_add(3)) as u8)
        .collect();
    (Outboard::build(&bytes).expect("short").0, bytes)
});

/// `length u32 | offset u16 | len u16 | slice u16 | encoded range`: only true bytes come out, however the encoding is
/// cut, and even if the claimed length of the content is false.
pub fn merkle_verify_range(data: &[u8]) {
    let Some((head, encoded)) = data.split_first_chunk::<10>() else {
        return;
    };
    let [a, b, c, d, e, f, g, h, i, j] = *head;
    let (length, offset) = (
        u64::from(u32::from_le_bytes([a, b, c, d])),
        u64::from(u16::from_le_bytes([e, f])),
    );
    let (len, slice) = (
        u64::from(u16::from_le_bytes([g, h])),
        usize::from(u16::from_le_bytes([i, j])).max(1),
    );
    let (id, content) = &*CONTENT;
    let Ok(mut verifier) = RangeVerifier::new(*id, length, offset, len) else {
        return;
    };
    let mut out = Vec::new();
    let accepted = encoded
        .chunks(slice)
        .all(|part| verifier.push(part, &mut out).is_ok());
    let mut total = 0;
    for verified in &out {
        let at = usize::try_from(verified.offset).expect("inside");
        assert_eq!(
            content.get(at..at + verified.bytes.len()),
            Some(&verified.bytes[..]),
            "a false byte came out"
        );
        total += verified.bytes.len() as u64;
    }
    if accepted && verifier.finish().is_ok() {
        assert_eq!(total, len, "a complete range has its length");
    }
}
