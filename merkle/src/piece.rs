//! From a stream of bytes to `comm_p = H(TAG_P, b, byte_len, root)`.
//!
//! Leaves are the fr32 elements of the bytes, zero padded to `2^b`, `b = ceil(log2(4 * ceil(byte_len / 127)))`.

use crate::commitment::Commitment;
use crate::domain::{TreeKind, comm_p};
use crate::error::{PieceError, TreeError};
use crate::field::ELEMENT_BYTES;
use crate::fr32;
use crate::tree::{
    CHUNK_LEAVES, CHUNK_LOG2, MAX_LOG2_LEAVES, Shape, SparseTree, chunk_root_of_stored,
};
use ark_bls12_381::Fr;
use ark_ff::AdditiveGroup;
use rayon::prelude::*;

/// Bytes whose elements fill one chunk of 4096 leaves.
pub const CHUNK_BYTES: usize = CHUNK_LEAVES / fr32::GROUP_ELEMENTS * fr32::GROUP_BYTES;
/// Chunks hashed together: enough for the cores to share, 2 MB of memory.
const BATCH_CHUNKS: usize = 16;
/// The longest piece: 2^40 leaves.
pub const MAX_PIECE_BYTES: u64 = (1 << (MAX_LOG2_LEAVES - 2)) * fr32::GROUP_BYTES as u64;

/// log2 of the leaves of a piece: `ceil(log2(4 * ceil(byte_len / 127)))`. A piece of no bytes has one group of zeros.
#[must_use]
pub const fn b_for(byte_len: u64) -> u8 {
    let groups = byte_len.div_ceil(fr32::GROUP_BYTES as u64);
    let groups_log2 = if groups <= 1 {
        0
    } else {
        64 - (groups - 1).leading_zeros()
    };
    // At most 2 + 58.
    #[expect(clippy::cast_possible_truncation, reason = "at most 60")]
    {
        (2 + groups_log2) as u8
    }
}

/// The most bytes a piece of 2^b leaves holds: `127 * 2^(b-2)`; none below b = 2, where there is no whole group.
#[must_use]
pub const fn max_bytes_for(b: u8) -> u64 {
    if b < 2 {
        return 0;
    }
    match 1u64.checked_shl(b as u32 - 2) {
        Some(groups) => groups.saturating_mul(fr32::GROUP_BYTES as u64),
        None => u64::MAX,
    }
}

/// What a piece is committed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PieceCommitment {
    /// log2 of the leaves.
    pub b: u8,
    /// Bytes of the piece.
    pub byte_len: u64,
    /// Root over the leaves, a tree of kind `data`.
    pub root: Fr,
    /// `H(TAG_P, b, byte_len, root)`.
    pub comm_p: Commitment,
}

/// Commits to a stream of bytes while it arrives, on all cores, in about 4 MB of memory.
#[derive(Debug, Clone)]
pub struct PieceCommitter {
    byte_len: u64,
    b: u8,
    shape: Shape,
    taken: u64,
    waiting: Vec<u8>,
    chunk_roots: Vec<Fr>,
}

impl PieceCommitter {
    /// A committer of a piece of `byte_len` bytes.
    ///
    /// # Errors
    /// [`PieceError::TooLong`].
    pub fn new(byte_len: u64) -> Result<Self, PieceError> {
        let too_long = PieceError::TooLong {
            byte_len,
            max: MAX_PIECE_BYTES,
        };
        let b = b_for(byte_len);
        let shape = Shape::new(u32::from(b)).map_err(|_| too_long)?;
        Ok(Self {
            byte_len,
            b,
            shape,
            taken: 0,
            waiting: Vec::new(),
            chunk_roots: Vec::new(),
        })
    }

    /// Takes the next bytes; hashes when a batch is full.
    ///
    /// # Errors
    /// [`PieceError::Surplus`] if more come than were announced; none of these are taken then.
    pub fn update(&mut self, mut bytes: &[u8]) -> Result<(), PieceError> {
        if bytes.len() as u64 > self.byte_len - self.taken {
            return Err(PieceError::Surplus {
                byte_len: self.byte_len,
            });
        }
        self.taken += bytes.len() as u64;
        const BATCH_BYTES: usize = BATCH_CHUNKS * CHUNK_BYTES;
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BATCH_BYTES - self.waiting.len()));
            if self.waiting.is_empty() && now.len() == BATCH_BYTES {
                self.chunk_roots.extend(batch_roots(now));
            } else {
                self.waiting.extend_from_slice(now);
                if self.waiting.len() == BATCH_BYTES {
                    self.chunk_roots.extend(batch_roots(&self.waiting));
                    self.waiting.clear();
                }
            }
            bytes = later;
        }
        Ok(())
    }

    /// The commitment, once every announced byte has come.
    ///
    /// # Errors
    /// [`PieceError::Short`].
    pub fn finish(self) -> Result<PieceCommitment, PieceError> {
        Ok(self.finish_tree()?.0)
    }

    /// The commitment and the tree above the chunks, from which leaves are opened later.
    ///
    /// # Errors
    /// [`PieceError::Short`].
    pub fn finish_tree(mut self) -> Result<(PieceCommitment, SparseTree), PieceError> {
        if self.taken != self.byte_len {
            return Err(PieceError::Short {
                byte_len: self.byte_len,
                got: self.taken,
            });
        }
        if u32::from(self.b) < CHUNK_LOG2 {
            self.chunk_roots = vec![padded_root(&self.waiting, 1 << self.b)];
        } else {
            self.chunk_roots.extend(batch_roots(&self.waiting));
        }
        let tree = SparseTree::from_chunk_roots(TreeKind::Data, self.shape, self.chunk_roots)
            .map_err(|_| PieceError::TooLong {
                byte_len: self.byte_len,
                max: MAX_PIECE_BYTES,
            })?;
        let root = tree.root();
        let comm_p = Commitment::from(comm_p(self.b, self.byte_len, root));
        Ok((
            PieceCommitment {
                b: self.b,
                byte_len: self.byte_len,
                root,
                comm_p,
            },
            tree,
        ))
    }
}

/// The commitment of `bytes`, on all cores.
///
/// # Errors
/// [`PieceError::TooLong`], which needs more bytes than any machine has.
pub fn commit(bytes: &[u8]) -> Result<PieceCommitment, PieceError> {
    let mut committer = PieceCommitter::new(bytes.len() as u64)?;
    committer.update(bytes)?;
    committer.finish()
}

/// The leaves of chunk `chunk` of a piece, zero padded, from the bytes of the piece: what [`SparseTree::open`] takes.
///
/// # Errors
/// [`TreeError::IndexOutside`] if the piece has no such chunk.
pub fn chunk_leaves(bytes: &[u8], chunk: u64) -> Result<Vec<Fr>, TreeError> {
    let shape = Shape::new(u32::from(b_for(bytes.len() as u64)))?;
    if chunk >= SparseTree::chunks_of(shape) {
        return Err(TreeError::IndexOutside {
            index: chunk << CHUNK_LOG2,
            leaves: shape.leaves(),
        });
    }
    let from = usize::try_from(chunk)
        .unwrap_or(usize::MAX)
        .saturating_mul(CHUNK_BYTES);
    let rest = bytes.get(from..).unwrap_or_default();
    let mut leaves = fr32::encode(&rest[..rest.len().min(CHUNK_BYTES)]);
    let padded = usize::try_from(SparseTree::chunk_leaves(shape)).unwrap_or(CHUNK_LEAVES);
    leaves.resize(padded, Fr::ZERO);
    Ok(leaves)
}

fn batch_roots(bytes: &[u8]) -> Vec<Fr> {
    bytes
        .par_chunks(CHUNK_BYTES)
        .map(|chunk| padded_root(chunk, CHUNK_LEAVES))
        .collect()
}

/// The node over the elements of at most a chunk of bytes, zero padded to `leaves`, a power of two up to 4096.
fn padded_root(bytes: &[u8], leaves: usize) -> Fr {
    let mut stored = fr32::encode_stored(bytes);
    stored.resize(leaves * ELEMENT_BYTES, 0);
    chunk_root_of_stored(TreeKind::Data, &stored).unwrap_or(Fr::ZERO)
}
