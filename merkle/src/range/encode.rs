//! What the holder of the bytes sends.

use super::geometry::{encoded_len, groups_of};
use super::outboard::Outboard;
use crate::error::RangeError;
use bao_tree::io::EncodeError;
use bao_tree::io::sync::{ReadAt, encode_ranges_validated};
use std::io::Write;

/// Writes the encoding of `len` bytes from `offset`. Data and outboard are checked on the way: what the store damaged
/// is not sent. A writer error stops it.
///
/// # Errors
/// [`RangeError::Outside`], [`RangeError::StoreMismatch`] or [`RangeError::Io`].
pub fn encode_range_to<D: ReadAt, W: Write>(
    data: D,
    outboard: &Outboard,
    offset: u64,
    len: u64,
    encoded: W,
) -> Result<(), RangeError> {
    let byte_len = outboard.byte_len();
    let ranges = groups_of(byte_len, offset, len)?;
    if len == 0 {
        return Ok(());
    }
    encode_ranges_validated(data, &outboard.inner, &ranges, encoded).map_err(|error| match error {
        EncodeError::ParentHashMismatch(node) => RangeError::StoreMismatch {
            chunk: node.chunk_range().start.0,
        },
        EncodeError::LeafHashMismatch(chunk) => RangeError::StoreMismatch { chunk: chunk.0 },
        other => RangeError::Io(other.to_string()),
    })
}

/// The encoding of `len` bytes from `offset`.
///
/// # Errors
/// As [`encode_range_to`].
pub fn encode_range<D: ReadAt>(
    data: D,
    outboard: &Outboard,
    offset: u64,
    len: u64,
) -> Result<Vec<u8>, RangeError> {
    let expected = encoded_len(outboard.byte_len(), offset, len)?;
    let mut encoded = Vec::with_capacity(usize::try_from(expected).unwrap_or(0));
    encode_range_to(data, outboard, offset, len, &mut encoded)?;
    Ok(encoded)
}
