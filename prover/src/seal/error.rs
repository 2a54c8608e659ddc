//! What can go wrong while sealing, and whose fault it is.

use super::trees::ChunkError;
use std::io;
use std::path::{Path, PathBuf};

/// Why a sector is not sealed or unsealed. Nothing that was finished before is lost.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The caller asked for it; the work goes on from its last finished layer.
    #[error("sealing was stopped")]
    Stopped,
    /// Somebody else works in the folder (the operator's to mend: two programs share it).
    #[error("{}: somebody else seals or unseals in this folder", folder.display())]
    Taken {
        /// The folder.
        folder: PathBuf,
    },
    /// The disk is full (the operator's to mend).
    #[error("no space left for {}", path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
    },
    /// The disk or the system refuses.
    #[error("{doing} {}: {source}", path.display())]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The labels in the folder are not those that were written (the disk's fault, or somebody's).
    #[error("{}: the labels of layer {layer} are damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its layer.
        layer: u8,
    },
    /// A layer is asked for that the folder has not finished or does not keep (the caller's fault).
    #[error("the labels of layer {layer} are not here: {done} layers are done")]
    NoLayer {
        /// The layer.
        layer: u8,
        /// Layers done.
        done: u8,
    },
    /// Chunk of data or replica could not be read or written by the caller.
    #[error("chunk {chunk}: {source}")]
    Chunk {
        /// Its number.
        chunk: u64,
        /// What the caller's store said.
        source: ChunkError,
    },
    /// A chunk has another length than the sector's shape asks for (the caller's fault).
    #[error("chunk {chunk} has {got} bytes, not {expected}")]
    ChunkLength {
        /// Its number.
        chunk: u64,
        /// Bytes of a chunk.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// A stored leaf is no canonical field element (the disk's fault).
    #[error("leaf {leaf} is no canonical field element")]
    NotCanonical {
        /// Its number in the sector.
        leaf: u64,
    },
    /// The kept rows do not belong to the labels (the disk's fault).
    #[error("the rows of the tree over the labels are damaged: {0}")]
    Rows(#[from] cairn_merkle::TreeError),
    /// A size that this machine cannot address.
    #[error("a sector of 2^{log2_leaves} leaves is too large for this machine")]
    TooLarge {
        /// log2 of its leaves.
        log2_leaves: u32,
    },
}

impl SealError {
    /// What the system said about a file.
    pub(super) fn disk(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Disk {
                doing,
                path,
                source,
            },
        }
    }
}
