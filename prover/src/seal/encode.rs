//! A chunk of leaves to replica and back: `R_v = D_v + label(L, v)` in the field.

use super::error::SealError;
use super::layer::{LABEL_BYTES, LabelBytes};
use cairn_merkle::{Fr, field};

/// Replica leaves of data leaves; both as 32 canonical bytes a leaf, `first` is the number of the first.
///
/// # Errors
/// [`SealError::NotCanonical`] names the leaf; [`SealError::ChunkLength`] if there is not one label a leaf.
pub fn encode_chunk(data: &[u8], labels: &[LabelBytes], first: u64) -> Result<Vec<Fr>, SealError> {
    combine(data, labels, first, |data, label| data + label)
}

/// Data leaves of replica leaves: the inverse of [`encode_chunk`].
///
/// # Errors
/// As [`encode_chunk`].
pub fn decode_chunk(
    replica: &[u8],
    labels: &[LabelBytes],
    first: u64,
) -> Result<Vec<Fr>, SealError> {
    combine(replica, labels, first, |replica, label| replica - label)
}

/// Leaves as 32 canonical bytes each.
pub(super) fn to_stored(leaves: &[Fr]) -> Vec<u8> {
    leaves.iter().flat_map(field::to_bytes).collect()
}

/// Leaves from 32 canonical bytes each; `first` is the number of the first.
pub(super) fn from_stored(bytes: &[u8], first: u64) -> Result<Vec<Fr>, SealError> {
    (first..)
        .zip(bytes.as_chunks::<LABEL_BYTES>().0)
        .map(|(leaf, bytes)| leaf_of(bytes, leaf))
        .collect()
}

fn combine(
    leaves: &[u8],
    labels: &[LabelBytes],
    first: u64,
    with: impl Fn(Fr, Fr) -> Fr,
) -> Result<Vec<Fr>, SealError> {
    if leaves.len() != labels.len() * LABEL_BYTES {
        return Err(SealError::ChunkLength {
            chunk: first >> cairn_merkle::tree::CHUNK_LOG2,
            expected: labels.len() * LABEL_BYTES,
            got: leaves.len(),
        });
    }
    (first..)
        .zip(leaves.as_chunks::<LABEL_BYTES>().0.iter().zip(labels))
        .map(|(leaf, (bytes, label))| Ok(with(leaf_of(bytes, leaf)?, leaf_of(label, leaf)?)))
        .collect()
}

fn leaf_of(bytes: &[u8; LABEL_BYTES], leaf: u64) -> Result<Fr, SealError> {
    field::from_bytes(bytes).map_err(|_| SealError::NotCanonical { leaf })
}
