//! All of `RocksDB`: what the node must still know after a crash, and the bytes it is paid to keep.
//!
//! ```text
//!  wire --> pieces (ingested files)  --pack-->  chunks (ingested files)  --> proofs, reads
//!       \-> small_pieces (WAL) ------/          rows, sectors (WAL)
//!           piece_meta, outboards, slots (WAL, synced before the Receipt)
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `db.rs` | opening, options, format version, the words of `RocksDB`'s errors |
//! | `keys.rs`, `records.rs`, `seal_records.rs`, `codec.rs` | column families, keys, values, byte by byte |
//! | `pieces.rs` | pieces as they arrive |
//! | `sectors.rs` | leaves and rows of sectors, and the move of pieces into them |
//! | `ledger.rs` | slots, chain cursor, tree changes, windows |
//! | `journal.rs` | what the chain said, so that it can be taken back |
//!
//! Every change that was answered to somebody is synced before the answer. What is not yet in a record does not exist:
//! files left by a crash before their record are swept when the store opens.

mod codec;
mod db;
mod journal;
mod keys;
mod ledger;
mod pieces;
mod records;
mod seal_records;
mod sectors;

pub use db::{FORMAT_VERSION, Store, StoreOptions};
pub use journal::{UNDO_BLOCKS, Undo};
pub(crate) use ledger::stepped;
pub use ledger::{ChainStep, Ledger, SlotKey};
pub use pieces::{LARGE_PIECE_BYTES, PIECE_PART_BYTES, PieceWriter};
pub use records::{Cursor, DataCopy, Home, PieceRecord, SectorRecord, SlotRecord, TreeChange};
pub use sectors::{CHUNK_BYTES, Packed, SectorWriter, Side, parse_leaves};
