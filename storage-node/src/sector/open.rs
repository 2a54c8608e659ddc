//! The opening of one leaf, read from the store and checked against the rows before anybody sees it.

use cairn_merkle::tree::{Opening, Shape, SparseTree};
use cairn_merkle::{Fr, TreeError, TreeKind};
use cairn_wire::{ContentId, SectorKind};

use crate::deal::SectorId;
use crate::error::{SectorError, StoreError};
use crate::sector::commit::{part_leaves, piece_tree};
use crate::store::{SectorRecord, Side, Store, parse_leaves};

/// The opening of `leaf` of what a sector's provider leaf commits to: the data of a hot one, the replica of a sealed
/// one.
///
/// # Errors
/// [`SectorError::Rotten`] or [`SectorError::NotALeaf`] when the stored bytes are not what was committed to, and the
/// disk's own.
pub fn open_sector_leaf(
    store: &Store,
    sector: SectorId,
    record: &SectorRecord,
    shape: Shape,
    leaf: u64,
) -> Result<Opening, SectorError> {
    let side = match record.kind {
        SectorKind::Hot => Side::Data,
        SectorKind::Sealed => Side::Replica,
    };
    open_leaf(store, sector, side, shape, leaf)
}

/// The opening of `leaf` of a sector's data under its `comm_d`.
///
/// # Errors
/// As [`open_sector_leaf`].
pub fn open_data_leaf(
    store: &Store,
    sector: SectorId,
    shape: Shape,
    leaf: u64,
) -> Result<Opening, SectorError> {
    open_leaf(store, sector, Side::Data, shape, leaf)
}

fn open_leaf(
    store: &Store,
    sector: SectorId,
    side: Side,
    shape: Shape,
    leaf: u64,
) -> Result<Opening, SectorError> {
    let kind = match side {
        Side::Data => TreeKind::Data,
        Side::Replica => TreeKind::Replica,
    };
    let rows = store.rows(sector, side)?;
    let rotten = |_: TreeError| SectorError::Rotten { sector, leaf };
    let tree = SparseTree::from_stored_rows(kind, shape, &rows).map_err(rotten)?;
    let chunk_leaves = SparseTree::chunk_leaves(shape);
    let chunk = u32::try_from(SparseTree::chunk_of(leaf))
        .map_err(|_| SectorError::Rotten { sector, leaf })?;
    let leaves = match store.chunk(sector, side, chunk)? {
        Some(bytes) => parse_leaves(sector, chunk, &bytes)?,
        // Not stored because it holds nothing; if it was lost instead, the zeros do not hash to its row.
        None => vec![Fr::from(0_u64); usize::try_from(chunk_leaves).unwrap_or(usize::MAX)],
    };
    tree.open(leaf, &leaves).map_err(rotten)
}

/// The opening of leaf `leaf` of a piece under the root that its `comm_p` commits to, and the piece's `b`.
///
/// # Errors
/// [`StoreError::Missing`] for a piece or leaf that is not here, and the disk's own.
pub fn open_piece_leaf(
    store: &Store,
    content_id: &ContentId,
    leaf: u64,
) -> Result<(Opening, u8), SectorError> {
    let missing = || StoreError::Missing {
        what: format!("leaf {leaf} of piece {content_id}"),
    };
    let record = store.piece(content_id)?.ok_or_else(missing)?;
    let rows = store.piece_rows(content_id)?.ok_or_else(missing)?;
    let stored_parts = rows.len() as u64;
    let tree = piece_tree(record.b, rows).map_err(|_| missing())?;
    let part = SparseTree::chunk_of(leaf);
    let bytes = if part < stored_parts {
        let part = u32::try_from(part).map_err(|_| missing())?;
        store.piece_part(content_id, &record, part)?
    } else {
        Vec::new()
    };
    let opening = tree
        .open(leaf, &part_leaves(record.b, &bytes))
        .map_err(|error| match error {
            TreeError::ChunkMismatch { chunk } => StoreError::Corrupt {
                doing: "opening a leaf of a piece",
                detail: format!(
                    "part {chunk} of piece {content_id} does not hash to its stored root"
                ),
            },
            _ => missing(),
        })?;
    Ok((opening, record.b))
}
