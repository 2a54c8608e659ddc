//! Column families and the keys in them.
//!
//! Numbers inside keys are big-endian, the one place in this store where they are: `RocksDB` sorts keys as byte strings,
//! and pieces, chunks and windows are read in the order of their numbers.

use cairn_wire::{ContentId, DealId, Period, SlotIndex, TreeIndex};

use crate::deal::SectorId;

/// The column families.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// `content id | part u32` -> up to 130,048 bytes of a piece, written once as ingested files.
    Pieces,
    /// The same for pieces below [`crate::store::LARGE_PIECE_BYTES`], through the write-ahead log.
    SmallPieces,
    /// `content id` -> piece record.
    PieceMeta,
    /// `content id` -> BLAKE3 outboard.
    Outboards,
    /// `content id` -> the piece's chunk roots, 32 bytes each.
    PieceRows,
    /// `deal u64 | slot u8` -> slot record.
    Slots,
    /// `sector u64 | chunk u32` -> up to 131,072 bytes of leaves, written once as ingested files.
    Chunks,
    /// `sector u64 | part u32` -> up to 4,096 nodes of the rows above the chunks, chunk roots first, root last.
    Rows,
    /// `sector u64` -> sector record.
    Sectors,
    /// `cursor` -> chain cursor; `m | tree u32 | sequence u64` -> one change of a provider tree;
    /// `u | sequence u64` -> how one step along the chain is taken back.
    Chain,
    /// `tree u32 | period u64` -> window record.
    Windows,
    /// `sector u64 | chunk u32` -> leaves of a replica, as [`Self::Chunks`].
    ReplicaChunks,
    /// `sector u64 | part u32` -> rows over a replica, as [`Self::Rows`].
    ReplicaRows,
    /// `sector u64 | partition u32` -> the 512 bytes of a proof of replication.
    Proofs,
    /// `format` -> version; what belongs to the folder as a whole.
    Node,
}

impl Family {
    /// All of them, in the order they are made.
    pub(crate) const ALL: [Self; 15] = [
        Self::Pieces,
        Self::SmallPieces,
        Self::PieceMeta,
        Self::Outboards,
        Self::PieceRows,
        Self::Slots,
        Self::Chunks,
        Self::Rows,
        Self::Sectors,
        Self::Chain,
        Self::Windows,
        Self::ReplicaChunks,
        Self::ReplicaRows,
        Self::Proofs,
        Self::Node,
    ];

    /// Its name on disk.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Pieces => "pieces",
            Self::SmallPieces => "small_pieces",
            Self::PieceMeta => "piece_meta",
            Self::Outboards => "outboards",
            Self::PieceRows => "piece_rows",
            Self::Slots => "slots",
            Self::Chunks => "chunks",
            Self::Rows => "rows",
            Self::Sectors => "sectors",
            Self::Chain => "chain",
            Self::Windows => "windows",
            Self::ReplicaChunks => "replica_chunks",
            Self::ReplicaRows => "replica_rows",
            Self::Proofs => "proofs",
            Self::Node => "node",
        }
    }

    /// Whether its values only ever come in as ingested files.
    pub(crate) const fn is_ingested(self) -> bool {
        matches!(self, Self::Pieces | Self::Chunks | Self::ReplicaChunks)
    }
}

/// Key of the format version in [`Family::Node`].
pub(crate) const FORMAT: &[u8] = b"format";
/// Key of the next sector's number in [`Family::Node`].
pub(crate) const NEXT_SECTOR: &[u8] = b"next_sector";
/// Key of the cursor in [`Family::Chain`].
pub(crate) const CURSOR: &[u8] = b"cursor";

pub(crate) fn part(content_id: &ContentId, part: u32) -> [u8; 36] {
    let mut key = [0; 36];
    key[..32].copy_from_slice(content_id.as_bytes());
    key[32..].copy_from_slice(&part.to_be_bytes());
    key
}

pub(crate) fn slot(deal: DealId, slot: SlotIndex) -> [u8; 9] {
    let mut key = [0; 9];
    key[..8].copy_from_slice(&deal.0.to_be_bytes());
    key[8] = slot.0;
    key
}

pub(crate) fn sector(sector: SectorId) -> [u8; 8] {
    sector.0.to_be_bytes()
}

pub(crate) fn chunk(sector: SectorId, chunk: u32) -> [u8; 12] {
    let mut key = [0; 12];
    key[..8].copy_from_slice(&sector.0.to_be_bytes());
    key[8..].copy_from_slice(&chunk.to_be_bytes());
    key
}

pub(crate) fn change(tree: TreeIndex, sequence: u64) -> [u8; 13] {
    let mut key = [0; 13];
    key[0] = b'm';
    key[1..5].copy_from_slice(&tree.0.to_be_bytes());
    key[5..].copy_from_slice(&sequence.to_be_bytes());
    key
}

pub(crate) fn undo(sequence: u64) -> [u8; 9] {
    let mut key = [0; 9];
    key[0] = b'u';
    key[1..].copy_from_slice(&sequence.to_be_bytes());
    key
}

pub(crate) fn window(tree: TreeIndex, period: Period) -> [u8; 12] {
    let mut key = [0; 12];
    key[..4].copy_from_slice(&tree.0.to_be_bytes());
    key[4..].copy_from_slice(&period.0.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_their_golden_bytes() {
        let content_id = ContentId::from([0xc1; 32]);
        let mut expected = vec![0xc1; 32];
        expected.extend([0, 0, 1, 2]);
        assert_eq!(part(&content_id, 258).to_vec(), expected, "part");
        assert_eq!(
            slot(DealId(258), SlotIndex(3)),
            [0, 0, 0, 0, 0, 0, 1, 2, 3],
            "slot"
        );
        assert_eq!(sector(SectorId(258)), [0, 0, 0, 0, 0, 0, 1, 2], "sector");
        assert_eq!(
            chunk(SectorId(1), 258),
            [0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2],
            "chunk"
        );
        assert_eq!(
            change(TreeIndex(1), 2),
            [b'm', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2],
            "change"
        );
        assert_eq!(undo(258), [b'u', 0, 0, 0, 0, 0, 0, 1, 2], "undo");
        assert_eq!(
            window(TreeIndex(1), Period(2)),
            [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2],
            "window"
        );
    }

    #[test]
    fn families_have_distinct_names() {
        let mut names: Vec<_> = Family::ALL.iter().map(|family| family.name()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Family::ALL.len(), "a name is used twice");
    }
}
