//! Which nodes and groups a range touches.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use crate::error::RangeError;
use bao_tree::iter::{BaoChunk, ResponseIter};
use bao_tree::{BaoTree, BlockSize, ChunkNum, ChunkRanges};

/// Bytes of a group, the unit that is verified.
pub const GROUP_BYTES: u64 = 16 * 1024;
/// The longest content: 1 TiB, far above any piece; keeps the arithmetic of positions inside 64 bits.
pub const MAX_CONTENT_BYTES: u64 = 1 << 40;

/// log2 of the BLAKE3 chunks in a group.
const GROUP_LOG2_CHUNKS: u8 = 4;
/// BLAKE3 chunks in a group.
const GROUP_CHUNKS: u64 = 16;
/// Bytes of a node in an encoding: two hashes.
pub(super) const NODE_BYTES: usize = 64;

/// The tree over content of `byte_len` bytes.
pub(super) fn tree_of(byte_len: u64) -> Result<BaoTree, RangeError> {
    if byte_len > MAX_CONTENT_BYTES {
        return Err(RangeError::TooLong {
            byte_len,
            max: MAX_CONTENT_BYTES,
        });
    }
    Ok(BaoTree::new(
        byte_len,
        BlockSize::from_chunk_log(GROUP_LOG2_CHUNKS),
    ))
}

/// The chunks of the groups that `len` bytes from `offset` touch.
pub(super) fn groups_of(byte_len: u64, offset: u64, len: u64) -> Result<ChunkRanges, RangeError> {
    let outside = RangeError::Outside {
        offset,
        len,
        byte_len,
    };
    let end = offset
        .checked_add(len)
        .filter(|end| *end <= byte_len)
        .ok_or(outside)?;
    if len == 0 {
        return Ok(ChunkRanges::empty());
    }
    // Positions are at most 2^40, so nothing saturates.
    let first = ChunkNum(
        offset
            .checked_div(GROUP_BYTES)
            .unwrap_or(0)
            .saturating_mul(GROUP_CHUNKS),
    );
    let groups = end.div_ceil(GROUP_BYTES);
    if groups.saturating_mul(GROUP_BYTES) >= byte_len {
        // Up to the end: left open, because the walk takes whole groups only where the range covers their subtree.
        return Ok(ChunkRanges::from(first..));
    }
    Ok(ChunkRanges::from(
        first..ChunkNum(groups.saturating_mul(GROUP_CHUNKS)),
    ))
}

/// Bytes of the encoding of `len` bytes from `offset` of content of `byte_len` bytes.
///
/// # Errors
/// [`RangeError::Outside`] or [`RangeError::TooLong`].
pub fn encoded_len(byte_len: u64, offset: u64, len: u64) -> Result<u64, RangeError> {
    let walk = ResponseIter::new(tree_of(byte_len)?, groups_of(byte_len, offset, len)?);
    Ok(walk.fold(0u64, |sum, step| {
        let bytes = match step {
            BaoChunk::Parent { .. } => NODE_BYTES,
            BaoChunk::Leaf { size, .. } => size,
        };
        sum.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_costs_whole_groups_and_the_way_to_them() {
        assert_eq!(
            encoded_len(1000, 0, 1000),
            Ok(1000),
            "a single group has no nodes"
        );
        assert_eq!(encoded_len(1000, 10, 1), Ok(1000), "groups are whole");
        let four_groups = 4 * GROUP_BYTES;
        assert_eq!(encoded_len(four_groups, 0, 1), Ok(2 * 64 + GROUP_BYTES));
        assert_eq!(
            encoded_len(four_groups, 0, four_groups),
            Ok(3 * 64 + four_groups)
        );
        assert_eq!(
            encoded_len(four_groups, GROUP_BYTES - 1, 2),
            Ok(2 * 64 + 2 * GROUP_BYTES)
        );
        assert_eq!(encoded_len(four_groups, 5, 0), Ok(0));
    }

    #[test]
    fn ranges_outside_the_content_are_refused() {
        let outside = |byte_len, offset, len| {
            Err(RangeError::Outside {
                offset,
                len,
                byte_len,
            })
        };
        assert_eq!(encoded_len(1000, 0, 1001), outside(1000, 0, 1001));
        assert_eq!(encoded_len(1000, 1000, 1), outside(1000, 1000, 1));
        assert_eq!(encoded_len(1000, u64::MAX, 2), outside(1000, u64::MAX, 2));
        let byte_len = MAX_CONTENT_BYTES + 1;
        assert_eq!(
            encoded_len(byte_len, 0, 1),
            Err(RangeError::TooLong {
                byte_len,
                max: MAX_CONTENT_BYTES
            })
        );
    }
}
