//! Columns and replica under their roots, and the openings that proofs of replication show.
//!
//! ```text
//! C-tree: leaf v * L + l - 1 is label(l, v)       R-tree: leaf v is D_v + label(L, v)
//! ```
//!
//! Both are built chunk by chunk, some chunks at once on all threads of the pool that the caller installs, and only the
//! rows above the chunks are kept, as for every sector.

use super::encode::{decode_chunk, encode_chunk, from_stored, to_stored};
use super::error::SealError;
use super::labels::{Labels, replace_file};
use super::layer::LabelBytes;
use super::mapped::MappedLayer;
use super::progress::{Phase, Watch};
use crate::merkle_path::Group;
use crate::params::ParamSet;
use cairn_merkle::tree::{Shape, SparseTree, chunk_root};
use cairn_merkle::{Fr, TreeError, TreeKind, domain, field};
use rayon::prelude::*;
use std::fs;
use std::ops::Range;

/// Chunks that each thread works on before the work looks up: some tens of milliseconds, so that it parks or stops soon.
const BATCH_CHUNKS: u64 = 8;

/// What the caller's store says when it cannot read or write a chunk.
pub type ChunkError = Box<dyn std::error::Error + Send + Sync>;

/// Leaves that lie elsewhere, by chunk: 32 canonical bytes each, 4096 a chunk (all of them, in a smaller sector).
pub trait LeafChunks: Sync {
    /// A whole chunk.
    ///
    /// # Errors
    /// Whatever keeps it from being read.
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError>;
}

/// Where finished chunks go, in their order: number, and 32 canonical bytes a leaf.
pub type ChunkSink<'a> = dyn FnMut(u64, Vec<u8>) -> Result<(), ChunkError> + 'a;

/// What decoded chunks are shown to: number, and 32 canonical bytes a leaf.
pub type ChunkCheck<'a> = dyn Fn(u64, &[u8]) -> Result<(), ChunkError> + Sync + 'a;

/// What a sealed sector commits to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Root of the labels.
    pub comm_c: Fr,
    /// Root of the replica.
    pub r_root: Fr,
    /// `H(TAG_R, comm_c, r_root)`.
    pub comm_r: Fr,
    /// The R-tree without its chunks.
    pub replica: SparseTree,
}

/// Finishes the labels, builds the tree over them, encodes the data and gives the replica away chunk by chunk.
///
/// Run again after a crash it makes the same; finished layers are not made again.
///
/// # Errors
/// [`SealError`]; [`SealError::Chunk`] carries what the caller's own store said.
pub fn seal(
    labels: &mut Labels,
    data: &impl LeafChunks,
    sink: &mut ChunkSink<'_>,
    watch: Watch<'_>,
) -> Result<Sealed, SealError> {
    labels.finish(watch)?;
    let comm_c = Columns::build(labels, watch)?.comm_c();
    let replica = encode_sector(labels, data, sink, watch)?;
    let r_root = replica.root();
    Ok(Sealed {
        comm_c,
        r_root,
        comm_r: domain::comm_r_sealed(comm_c, r_root),
        replica,
    })
}

/// Encodes all data leaves; gives the replica away and keeps its tree.
///
/// # Errors
/// As [`seal`].
pub fn encode_sector(
    labels: &Labels,
    data: &impl LeafChunks,
    sink: &mut ChunkSink<'_>,
    watch: Watch<'_>,
) -> Result<SparseTree, SealError> {
    let shape = sector_shape(labels.set())?;
    let keys = labels.key_layer()?;
    let encode = |chunk: u64| {
        let (labels, first) = labels_of_chunk(shape, &keys, chunk)?;
        let bytes = data.chunk(chunk);
        let bytes = bytes.map_err(|source| SealError::Chunk { chunk, source })?;
        let leaves = encode_chunk(&bytes, labels, first)?;
        let root = chunk_root(TreeKind::Replica, &leaves)?;
        Ok((to_stored(&leaves), root))
    };
    let chunks = SparseTree::chunks_of(shape);
    let mut roots = Vec::new();
    in_batches(0..chunks, encode, |chunk, (bytes, root)| {
        roots.push(root);
        sink(chunk, bytes).map_err(|source| SealError::Chunk { chunk, source })?;
        tell_chunks(watch, Phase::Replica, shape, chunk)
    })?;
    Ok(SparseTree::from_chunk_roots(
        TreeKind::Replica,
        shape,
        roots,
    )?)
}

/// Decodes these chunks of a replica; the labels must be finished.
///
/// # Errors
/// As [`seal`].
pub fn unseal(
    labels: &Labels,
    replica: &impl LeafChunks,
    chunks: Range<u64>,
    sink: &mut ChunkSink<'_>,
    watch: Watch<'_>,
) -> Result<(), SealError> {
    unseal_checked(labels, replica, chunks, (&|_, _| Ok(()), sink), watch)
}

/// As [`unseal`]; each chunk of data is shown to `check` before it goes to the sink, several at once.
///
/// # Errors
/// As [`seal`]; [`SealError::Chunk`] carries what `check` said.
pub fn unseal_checked(
    labels: &Labels,
    replica: &impl LeafChunks,
    chunks: Range<u64>,
    (check, sink): (&ChunkCheck<'_>, &mut ChunkSink<'_>),
    watch: Watch<'_>,
) -> Result<(), SealError> {
    let shape = sector_shape(labels.set())?;
    let keys = labels.key_layer()?;
    let decode = |chunk: u64| {
        let (labels, first) = labels_of_chunk(shape, &keys, chunk)?;
        let bytes = replica.chunk(chunk);
        let bytes = bytes.map_err(|source| SealError::Chunk { chunk, source })?;
        let bytes = to_stored(&decode_chunk(&bytes, labels, first)?);
        check(chunk, &bytes).map_err(|source| SealError::Chunk { chunk, source })?;
        Ok(bytes)
    };
    in_batches(chunks, decode, |chunk, bytes| {
        sink(chunk, bytes).map_err(|source| SealError::Chunk { chunk, source })?;
        tell_chunks(watch, Phase::Replica, shape, chunk)
    })
}

/// The tree over a sector's data leaves: `comm_d` is its root.
///
/// # Errors
/// As [`seal`].
pub fn data_tree(set: &ParamSet, data: &impl LeafChunks) -> Result<SparseTree, SealError> {
    let shape = sector_shape(set)?;
    let expected = chunk_bytes(shape);
    let root_of = |chunk: u64| {
        let bytes = data.chunk(chunk);
        let bytes = bytes.map_err(|source| SealError::Chunk { chunk, source })?;
        if bytes.len() != expected {
            let got = bytes.len();
            return Err(SealError::ChunkLength {
                chunk,
                expected,
                got,
            });
        }
        let leaves = from_stored(&bytes, chunk * SparseTree::chunk_leaves(shape))?;
        Ok(chunk_root(TreeKind::Data, &leaves)?)
    };
    let mut roots = Vec::new();
    in_batches(0..SparseTree::chunks_of(shape), root_of, |_, root| {
        roots.push(root);
        Ok(())
    })?;
    Ok(SparseTree::from_chunk_roots(TreeKind::Data, shape, roots)?)
}

/// The tree over the labels of all layers.
#[derive(Debug)]
pub struct Columns {
    layers: Vec<MappedLayer>,
    tree: SparseTree,
}

impl Columns {
    /// Hashes all labels and keeps the rows in the folder.
    ///
    /// # Errors
    /// [`SealError::NoLayer`] unless all layers are done, [`SealError::Stopped`], [`SealError::Disk`].
    pub fn build(labels: &Labels, watch: Watch<'_>) -> Result<Self, SealError> {
        let layers = all_layers(labels)?;
        let shape = column_shape(labels.set())?;
        let root_of = |chunk: u64| {
            let leaves = column_leaves(&layers, shape, chunk)?;
            Ok(chunk_root(TreeKind::Column, &leaves)?)
        };
        let mut roots = Vec::new();
        let total = labels.set().sector_leaves();
        let chunk_nodes = SparseTree::chunk_leaves(shape) / layers.len() as u64;
        in_batches(0..SparseTree::chunks_of(shape), root_of, |chunk, root| {
            roots.push(root);
            watch.tell(Phase::Columns, (chunk + 1) * chunk_nodes, total)
        })?;
        let tree = SparseTree::from_chunk_roots(TreeKind::Column, shape, roots)?;
        let rows: Vec<u8> = tree.stored_rows().flat_map(field::to_bytes).collect();
        let mut bytes = rows_digest(labels, &rows).to_vec();
        bytes.extend_from_slice(&rows);
        replace_file(&labels.rows_path(), &bytes)?;
        Ok(Self { layers, tree })
    }

    /// The tree that [`Self::build`] left in the folder, built again if it is not there or not of these labels.
    ///
    /// # Errors
    /// As [`Self::build`].
    pub fn load(labels: &Labels, watch: Watch<'_>) -> Result<Self, SealError> {
        match Self::stored(labels)? {
            Some(columns) => Ok(columns),
            None => Self::build(labels, watch),
        }
    }

    fn stored(labels: &Labels) -> Result<Option<Self>, SealError> {
        let layers = all_layers(labels)?;
        let shape = column_shape(labels.set())?;
        let Ok(bytes) = fs::read(labels.rows_path()) else {
            return Ok(None);
        };
        let Some((digest, rows)) = bytes.split_first_chunk::<32>() else {
            return Ok(None);
        };
        if *digest != rows_digest(labels, rows) {
            return Ok(None);
        }
        let rows = from_stored(rows, 0)?;
        let tree = SparseTree::from_stored_rows(TreeKind::Column, shape, &rows)?;
        Ok(Some(Self { layers, tree }))
    }

    /// Root of the labels.
    #[must_use]
    pub fn comm_c(&self) -> Fr {
        self.tree.root()
    }

    /// The groups from the labels of a node to `comm_c`; the lowest holds the labels themselves.
    ///
    /// # Errors
    /// [`SealError::Rows`]: the labels are not those that were hashed, or there is no such node.
    pub fn open(&self, node: u32) -> Result<Vec<Group>, SealError> {
        let leaf = u64::from(node) * self.layers.len() as u64;
        let shape = self.tree.shape();
        if leaf >= shape.leaves() {
            let leaves = shape.leaves();
            return Err(TreeError::IndexOutside {
                index: leaf,
                leaves,
            }
            .into());
        }
        let leaves = column_leaves(&self.layers, shape, SparseTree::chunk_of(leaf))?;
        Ok(self.tree.open(leaf, &leaves)?.groups)
    }
}

/// Stands for these rows over these labels and no others.
fn rows_digest(labels: &Labels, rows: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_keyed(&labels.digest());
    hasher.update(rows);
    hasher.finalize().into()
}

fn all_layers(labels: &Labels) -> Result<Vec<MappedLayer>, SealError> {
    (1..=labels.set().layers)
        .map(|layer| labels.layer(layer))
        .collect()
}

/// One chunk of the C-tree: the labels of all layers, node after node.
fn column_leaves(layers: &[MappedLayer], shape: Shape, chunk: u64) -> Result<Vec<Fr>, SealError> {
    let count = layers.len() as u64;
    let nodes = SparseTree::chunk_leaves(shape) / count;
    let first = chunk * nodes;
    let rows: Result<Vec<&[LabelBytes]>, SealError> = layers
        .iter()
        .map(|layer| slice_of(layer.labels(), first, nodes, chunk))
        .collect();
    let rows = rows?;
    let mut leaves = Vec::with_capacity(rows.len() * rows.first().map_or(0, |row| row.len()));
    for node in 0..rows.first().map_or(0, |row| row.len()) {
        for row in &rows {
            let leaf = (first + node as u64) * count;
            let label = field::from_bytes(&row[node]);
            leaves.push(label.map_err(|_| SealError::NotCanonical { leaf })?);
        }
    }
    Ok(leaves)
}

/// The labels that a chunk of the sector is encoded with, and the number of its first leaf.
fn labels_of_chunk(
    shape: Shape,
    keys: &MappedLayer,
    chunk: u64,
) -> Result<(&[LabelBytes], u64), SealError> {
    let leaves = SparseTree::chunk_leaves(shape);
    let first = chunk * leaves;
    Ok((slice_of(keys.labels(), first, leaves, chunk)?, first))
}

fn slice_of(
    labels: &[LabelBytes],
    first: u64,
    count: u64,
    chunk: u64,
) -> Result<&[LabelBytes], SealError> {
    let range = usize::try_from(first)
        .ok()
        .zip(usize::try_from(first + count).ok());
    range
        .and_then(|(from, to)| labels.get(from..to))
        .ok_or(SealError::Rows(TreeError::ChunkMismatch { chunk }))
}

/// Works on a batch of chunks at once, then shows the results in order.
fn in_batches<T: Send>(
    chunks: Range<u64>,
    work: impl Fn(u64) -> Result<T, SealError> + Sync,
    mut each: impl FnMut(u64, T) -> Result<(), SealError>,
) -> Result<(), SealError> {
    let batch = BATCH_CHUNKS * rayon::current_num_threads() as u64;
    let mut next = chunks.start;
    while next < chunks.end {
        let end = chunks.end.min(next + batch);
        let done: Result<Vec<T>, SealError> = (next..end).into_par_iter().map(&work).collect();
        for (chunk, result) in (next..end).zip(done?) {
            each(chunk, result)?;
        }
        next = end;
    }
    Ok(())
}

fn tell_chunks(watch: Watch<'_>, phase: Phase, shape: Shape, chunk: u64) -> Result<(), SealError> {
    let done = (chunk + 1) * SparseTree::chunk_leaves(shape);
    watch.tell(phase, done, shape.leaves())
}

fn chunk_bytes(shape: Shape) -> usize {
    usize::try_from(SparseTree::chunk_leaves(shape))
        .map_or(0, |leaves| leaves * field::ELEMENT_BYTES)
}

fn sector_shape(set: &ParamSet) -> Result<Shape, SealError> {
    shape_of(set.sector_log2_leaves)
}

fn column_shape(set: &ParamSet) -> Result<Shape, SealError> {
    shape_of(set.sector_log2_leaves + set.layers.trailing_zeros())
}

fn shape_of(log2_leaves: u32) -> Result<Shape, SealError> {
    Shape::new(log2_leaves).map_err(|_| SealError::TooLarge { log2_leaves })
}
