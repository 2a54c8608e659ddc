//! A tree whose leaves lie elsewhere, in chunks of 4096; only the rows above the chunks are kept.

use super::full::groups_of;
use super::hash::{parents, parents_here, rows, zero_node};
use super::opening::Opening;
use super::shape::Shape;
use crate::domain::TreeKind;
use crate::error::TreeError;
use crate::field::{self, ELEMENT_BYTES};
use crate::poseidon2::Child;
use ark_bls12_381::Fr;
use ark_ff::AdditiveGroup;

/// log2 of [`CHUNK_LEAVES`].
pub const CHUNK_LOG2: u32 = 12;
/// Leaves of a chunk: three levels, 128 KiB.
pub const CHUNK_LEAVES: usize = 1 << CHUNK_LOG2;
/// Levels of a chunk.
pub const CHUNK_LEVELS: u32 = 3;

/// The node over the leaves of one chunk (273 hashes, one thread). Fewer leaves than a chunk holds are a tree of their
/// own of at most three levels.
///
/// # Errors
/// [`TreeError`] unless the number of leaves is a power of two from 2 to 4096.
pub fn chunk_root(kind: TreeKind, leaves: &[Fr]) -> Result<Fr, TreeError> {
    root_here(kind, leaves)
}

/// As [`chunk_root`], from leaves of 32 canonical bytes each. Faster than parsing them first: what a leaf is multiplied
/// with to become an element happens beside the hashing.
///
/// # Errors
/// As [`chunk_root`], and [`TreeError::NonCanonical`] for a leaf that is no element.
pub fn chunk_root_of_stored(kind: TreeKind, leaves: &[u8]) -> Result<Fr, TreeError> {
    let (leaves, rest) = leaves.as_chunks::<ELEMENT_BYTES>();
    if !rest.is_empty() {
        return Err(TreeError::RowLength {
            expected: leaves.len() as u64,
            got: leaves.len() as u64 + 1,
        });
    }
    if let Some(index) = leaves.iter().position(|leaf| !field::is_canonical(leaf)) {
        let index = index as u64;
        return Err(TreeError::NonCanonical { index });
    }
    root_here(kind, leaves)
}

fn root_here<C: Child>(kind: TreeKind, leaves: &[C]) -> Result<Fr, TreeError> {
    if leaves.len() > CHUNK_LEAVES {
        return Err(TreeError::RowLength {
            expected: CHUNK_LEAVES as u64,
            got: leaves.len() as u64,
        });
    }
    let shape = Shape::of_leaves(leaves.len() as u64)?;
    let mut row = parents_here(kind, 1, leaves);
    for level in 2..=shape.levels() {
        row = parents_here(kind, level, &row);
    }
    Ok(row.first().copied().unwrap_or(Fr::ZERO))
}

/// The rows of a tree from its chunk roots up. Opening a leaf takes the 4096 leaves of its chunk and 273 hashes; what
/// is kept is 0.03 % of the leaves. A tree smaller than a chunk keeps its root alone.
///
/// ```text
/// rows[n]   root
///  ..
/// rows[1]   parents of chunk roots          kept
/// rows[0]   chunk roots (level 3)           kept
/// --------------------------------------------------
///           levels 1 and 2, leaves          recomputed from the chunk
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SparseTree {
    kind: TreeKind,
    shape: Shape,
    rows: Vec<Vec<Fr>>,
}

impl SparseTree {
    /// The tree over the given chunk roots; chunks after the last given one hold zero leaves only.
    ///
    /// # Errors
    /// [`TreeError::RowLength`] if there are more roots than the shape has chunks.
    pub fn from_chunk_roots(
        kind: TreeKind,
        shape: Shape,
        mut roots: Vec<Fr>,
    ) -> Result<Self, TreeError> {
        let chunks = Self::chunks_of(shape);
        let got = roots.len() as u64;
        let expected = usize::try_from(chunks).map_err(|_| TreeError::RowLength {
            expected: chunks,
            got,
        })?;
        if roots.len() > expected {
            return Err(TreeError::RowLength {
                expected: chunks,
                got,
            });
        }
        if roots.len() < expected {
            roots.resize(expected, zero_chunk_root(kind, shape));
        }
        let mut rows = vec![roots];
        for level in Self::base_level(shape) + 1..=shape.levels() {
            let row = parents(kind, level, rows.last().map_or(&[], Vec::as_slice));
            rows.push(row);
        }
        Ok(Self { kind, shape, rows })
    }

    /// The tree from its stored rows, chunk roots first, root last, one after the other. Every stored node is checked
    /// against its children.
    ///
    /// # Errors
    /// [`TreeError::RowLength`] or [`TreeError::RowMismatch`] if the store lost or changed something.
    pub fn from_stored_rows(kind: TreeKind, shape: Shape, nodes: &[Fr]) -> Result<Self, TreeError> {
        let expected = Self::stored_nodes(shape);
        let length = TreeError::RowLength {
            expected,
            got: nodes.len() as u64,
        };
        if nodes.len() as u64 != expected {
            return Err(length);
        }
        let chunks = usize::try_from(Self::chunks_of(shape)).map_err(|_| length)?;
        let (roots, mut stored) = nodes.split_at_checked(chunks).ok_or(length)?;
        let tree = Self::from_chunk_roots(kind, shape, roots.to_vec())?;
        for (level, row) in (Self::base_level(shape) + 1..).zip(&tree.rows[1..]) {
            let (now, later) = stored.split_at_checked(row.len()).ok_or(length)?;
            if let Some(index) = row.iter().zip(now).position(|(made, kept)| made != kept) {
                return Err(TreeError::RowMismatch {
                    level,
                    index: index as u64,
                });
            }
            stored = later;
        }
        Ok(tree)
    }

    /// The rows to store, chunk roots first, root last.
    pub fn stored_rows(&self) -> impl Iterator<Item = &Fr> {
        self.rows.iter().flatten()
    }

    /// Nodes that [`Self::stored_rows`] yields for `shape`.
    #[must_use]
    pub fn stored_nodes(shape: Shape) -> u64 {
        (Self::base_level(shape)..=shape.levels())
            .map(|level| shape.row_len(level))
            .sum()
    }

    /// Chunks of a tree of `shape`.
    #[must_use]
    pub const fn chunks_of(shape: Shape) -> u64 {
        shape.row_len(Self::base_level(shape))
    }

    /// Leaves of each chunk of a tree of `shape`: 4096, or all of them where there are fewer.
    #[must_use]
    pub const fn chunk_leaves(shape: Shape) -> u64 {
        if shape.log2_leaves() < CHUNK_LOG2 {
            shape.leaves()
        } else {
            CHUNK_LEAVES as u64
        }
    }

    /// The chunk that leaf `index` lies in.
    #[must_use]
    pub const fn chunk_of(index: u64) -> u64 {
        index >> CHUNK_LOG2
    }

    const fn base_level(shape: Shape) -> u32 {
        if shape.levels() < CHUNK_LEVELS {
            shape.levels()
        } else {
            CHUNK_LEVELS
        }
    }

    /// What the tree is over.
    #[must_use]
    pub const fn kind(&self) -> TreeKind {
        self.kind
    }

    /// Its size.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> Fr {
        self.rows
            .last()
            .and_then(|row| row.first())
            .copied()
            .unwrap_or(Fr::ZERO)
    }

    /// The stored root of a chunk.
    #[must_use]
    pub fn chunk_root(&self, chunk: u64) -> Option<Fr> {
        self.rows
            .first()?
            .get(usize::try_from(chunk).ok()?)
            .copied()
    }

    /// The opening of leaf `index`, given the leaves of its chunk ([`Self::chunk_of`]). The leaves are checked against
    /// the stored chunk root, so that a damaged store is noticed here and never opens falsely.
    ///
    /// # Errors
    /// [`TreeError::IndexOutside`], [`TreeError::RowLength`] for another number of leaves than the chunk has, or
    /// [`TreeError::ChunkMismatch`] naming the damaged chunk.
    pub fn open(&self, index: u64, chunk_leaves: &[Fr]) -> Result<Opening, TreeError> {
        let leaves = self.shape.leaves();
        if index >= leaves {
            return Err(TreeError::IndexOutside { index, leaves });
        }
        let expected = Self::chunk_leaves(self.shape);
        let got = chunk_leaves.len() as u64;
        if got != expected {
            return Err(TreeError::RowLength { expected, got });
        }
        let chunk = Self::chunk_of(index);
        let inner = rows(self.kind, chunk_leaves, Self::base_level(self.shape));
        if inner.last().and_then(|row| row.first()).copied() != self.chunk_root(chunk) {
            return Err(TreeError::ChunkMismatch { chunk });
        }
        let within = index % expected;
        let leaf = usize::try_from(within)
            .ok()
            .and_then(|at| chunk_leaves.get(at))
            .copied();
        let leaf = leaf.ok_or(TreeError::IndexOutside { index, leaves })?;
        let mut groups = groups_of(&inner[..inner.len() - 1], within);
        groups.extend(groups_of(&self.rows[..self.rows.len() - 1], chunk));
        Ok(Opening { leaf, groups })
    }
}

/// The root of a chunk that holds zero leaves only.
fn zero_chunk_root(kind: TreeKind, shape: Shape) -> Fr {
    if shape.log2_leaves() >= CHUNK_LOG2 {
        return zero_node(kind, CHUNK_LEVELS);
    }
    let mut row = vec![Fr::ZERO; 1 << shape.log2_leaves()];
    for level in 1..=shape.levels() {
        row = parents(kind, level, &row);
    }
    row.first().copied().unwrap_or(Fr::ZERO)
}
