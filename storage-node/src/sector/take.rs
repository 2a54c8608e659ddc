//! A piece's bytes into the store, hashed as they come: outboard for readers, `comm_p` for provers.

use cairn_merkle::piece::PieceCommitter;
use cairn_merkle::range::OutboardBuilder;

use crate::error::StoreError;
use crate::sector::kept_rows;
use crate::store::{Home, Ledger, PieceRecord, SlotKey, SlotRecord};

/// Why a piece was not taken. Nothing of it is kept.
#[derive(Debug)]
pub(crate) enum Untaken {
    /// The bytes ended before their time.
    GaveUp,
    /// The bytes are not those of the slot's content id.
    WrongContent,
    /// Arithmetic on a length that was admitted.
    Length(String),
    /// The store's part.
    Store(StoreError),
}

impl From<StoreError> for Untaken {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// What comes next of a piece.
pub(crate) enum Part<B> {
    /// Bytes.
    Bytes(B),
    /// Nothing: all was said.
    End,
}

/// Takes a piece of `byte_len` bytes for a slot, part by part, and records both once it is durable and the slot's content id
/// is its hash. `next` blocks.
///
/// # Errors
/// [`Untaken`].
pub(crate) fn take_piece<B: AsRef<[u8]>>(
    ledger: &Ledger,
    (key, slot): (SlotKey, &SlotRecord),
    byte_len: u64,
    mut next: impl FnMut() -> Result<Part<B>, Untaken>,
) -> Result<PieceRecord, Untaken> {
    let length = |error: &dyn std::fmt::Display| Untaken::Length(error.to_string());
    let mut outboard = OutboardBuilder::new(byte_len).map_err(|error| length(&error))?;
    let mut committer = PieceCommitter::new(byte_len).map_err(|error| length(&error))?;
    let mut writer = ledger.store().piece_writer(slot.content_id, byte_len)?;
    while let Part::Bytes(bytes) = next()? {
        let bytes = bytes.as_ref();
        writer.push(bytes)?;
        outboard.update(bytes).map_err(|error| length(&error))?;
        committer.update(bytes).map_err(|error| length(&error))?;
    }
    let (content_id, outboard) = outboard.finish().map_err(|error| length(&error))?;
    if content_id != slot.content_id {
        return Err(Untaken::WrongContent);
    }
    let (commitment, tree) = committer.finish_tree().map_err(|error| length(&error))?;
    let rows = kept_rows(&tree, byte_len);
    let record = PieceRecord {
        byte_len,
        b: commitment.b,
        comm_p: commitment.comm_p,
        home: Home::Large,
    };
    writer.finish(record, &outboard, &rows, (key, slot))?;
    ledger.note_slot(key, *slot);
    Ok(record)
}
