//! The tree of a piece over its chunk roots, kept from the piece's arrival on. No I/O.
//!
//! The roots of a piece of 2^12 leaves and more are nodes of the sector's tree too: kept (0.03 % of the piece), they
//! spare the node hashing every byte a second time when it packs.

use cairn_merkle::tree::{CHUNK_LOG2, Shape, SparseTree};
use cairn_merkle::{Fr, TreeError, TreeKind, fr32};

/// Parts (chunks that hold a byte) of a piece; a piece of no bytes has one all the same.
pub(super) fn parts_of(byte_len: u64) -> u64 {
    byte_len
        .div_ceil(crate::store::PIECE_PART_BYTES as u64)
        .max(1)
}

/// The chunk roots worth keeping: up to the last chunk that holds a byte of the piece.
#[must_use]
pub fn kept_rows(tree: &SparseTree, byte_len: u64) -> Vec<Fr> {
    (0..parts_of(byte_len))
        .map_while(|chunk| tree.chunk_root(chunk))
        .collect()
}

/// The leaves of one part, zero padded to a chunk (or to the whole piece where that is smaller).
pub(super) fn part_leaves(b: u8, part: &[u8]) -> Vec<Fr> {
    let mut leaves = fr32::encode(part);
    leaves.resize(1 << u32::from(b).min(CHUNK_LOG2), Fr::from(0_u64));
    leaves
}

/// The tree of a piece over its chunk roots.
pub(super) fn piece_tree(b: u8, rows: Vec<Fr>) -> Result<SparseTree, TreeError> {
    SparseTree::from_chunk_roots(TreeKind::Data, Shape::new(u32::from(b))?, rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_merkle::piece::PieceCommitter;

    #[test]
    fn the_kept_roots_are_enough_to_open_every_leaf_again() {
        for byte_len in [1, 127, 508, 130_048, 130_049, 400_000] {
            let bytes: Vec<u8> = (0..byte_len)
                .map(|at: usize| u8::try_from(at * 31 % 251).unwrap())
                .collect();
            let mut committer = PieceCommitter::new(byte_len as u64).unwrap();
            committer.update(&bytes).unwrap();
            let (commitment, tree) = committer.finish_tree().unwrap();
            let again = piece_tree(commitment.b, kept_rows(&tree, byte_len as u64)).unwrap();
            assert_eq!(again.root(), commitment.root, "{byte_len} bytes: root");
            for (chunk, part) in (0_u64..).zip(bytes.chunks(crate::store::PIECE_PART_BYTES)) {
                let leaves = part_leaves(commitment.b, part);
                again.open(chunk * 4096, &leaves).unwrap();
            }
        }
    }
}
