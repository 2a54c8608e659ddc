//! Pieces as they arrive: written while they come, there only once their record is.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use cairn_merkle::fr32::{GROUP_BYTES, GROUP_ELEMENTS};
use cairn_merkle::tree::CHUNK_LEAVES;
use cairn_merkle::{Fr, field};
use cairn_wire::ContentId;
use rocksdb::SstFileWriter;

use crate::error::StoreError;
use crate::store::db::{Batch, fault, io};
use crate::store::keys::{self, Family};
use crate::store::ledger::SlotKey;
use crate::store::records::{Home, PieceRecord, SlotRecord};
use crate::store::{Store, sectors};

/// Pieces from this size on (one whole part) are written once, as ingested files; through the log they would be written
/// three times before they are packed. Measured: `docs/bench/store.md`.
pub const LARGE_PIECE_BYTES: u64 = 130_048;

/// Bytes of a piece that make exactly one chunk of leaves: 127 * 1024 = 130,048.
pub const PIECE_PART_BYTES: usize = CHUNK_LEAVES / GROUP_ELEMENTS * GROUP_BYTES;

static NEXT_FILE: AtomicU64 = AtomicU64::new(0);

/// A piece on its way in. Dropping it before [`PieceWriter::finish`] leaves no trace.
pub struct PieceWriter<'s> {
    store: &'s Store,
    content_id: ContentId,
    byte_len: u64,
    got: u64,
    part: u32,
    held: Vec<u8>,
    way: Way<'s>,
}

enum Way<'s> {
    File {
        writer: SstFileWriter<'s>,
        path: PathBuf,
    },
    Log {
        parts: Vec<Vec<u8>>,
    },
}

impl std::fmt::Debug for PieceWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PieceWriter")
            .field("content_id", &self.content_id)
            .field("got", &self.got)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Starts a piece of the announced length.
    ///
    /// # Errors
    /// The disk's own.
    pub fn piece_writer(
        &self,
        content_id: ContentId,
        byte_len: u64,
    ) -> Result<PieceWriter<'_>, StoreError> {
        let way = if byte_len >= self.options().large_piece_bytes {
            let (writer, path) = self.sst_writer("piece")?;
            Way::File { writer, path }
        } else {
            Way::Log { parts: Vec::new() }
        };
        Ok(PieceWriter {
            store: self,
            content_id,
            byte_len,
            got: 0,
            part: 0,
            held: Vec::new(),
            way,
        })
    }

    /// A new file beside the database, to be filled with ascending keys and ingested.
    pub(super) fn sst_writer(
        &self,
        what: &'static str,
    ) -> Result<(SstFileWriter<'_>, PathBuf), StoreError> {
        let number = NEXT_FILE.fetch_add(1, Ordering::Relaxed);
        let path = self.incoming().join(format!("{what}-{number}.sst"));
        let writer = SstFileWriter::create(self.ingested_options());
        writer
            .open(&path)
            .map_err(|error| fault("starting a file", &error))?;
        Ok((writer, path))
    }

    /// The record of a piece, if it is here.
    ///
    /// # Errors
    /// The disk's own.
    pub fn piece(&self, content_id: &ContentId) -> Result<Option<PieceRecord>, StoreError> {
        self.get(
            Family::PieceMeta,
            content_id.as_bytes(),
            "reading a piece record",
        )?
        .map(|bytes| PieceRecord::decode(&bytes))
        .transpose()
    }

    /// The BLAKE3 outboard of a piece, if it is here.
    ///
    /// # Errors
    /// The disk's own.
    pub fn outboard(&self, content_id: &ContentId) -> Result<Option<Vec<u8>>, StoreError> {
        self.get_bulk(
            Family::Outboards,
            content_id.as_bytes(),
            "reading an outboard",
        )
    }

    /// The roots of a piece's chunks of leaves, up to the last that holds a byte of it.
    ///
    /// # Errors
    /// A root that is no field element, and the disk's own.
    pub fn piece_rows(&self, content_id: &ContentId) -> Result<Option<Vec<Fr>>, StoreError> {
        self.get(
            Family::PieceRows,
            content_id.as_bytes(),
            "reading chunk roots",
        )?
        .map(|bytes| nodes_of("chunk roots", &bytes))
        .transpose()
    }

    /// One part (130,048 bytes, the last one less) of a piece, wherever it lies now.
    ///
    /// # Errors
    /// [`StoreError::Missing`] when the record says it is here and it is not, and the disk's own.
    pub fn piece_part(
        &self,
        content_id: &ContentId,
        record: &PieceRecord,
        part: u32,
    ) -> Result<Vec<u8>, StoreError> {
        let family = match record.home {
            Home::Large => Family::Pieces,
            Home::Small => Family::SmallPieces,
            Home::Sector {
                sector,
                offset_leaves,
            } => {
                return sectors::read_part(self, sector, offset_leaves, record.byte_len, part);
            }
        };
        self.get_bulk(family, &keys::part(content_id, part), "reading a piece")?
            .ok_or_else(|| StoreError::Missing {
                what: format!("part {part} of piece {content_id}"),
            })
    }

    /// Bytes of a piece from `offset` on, at most `len`.
    ///
    /// # Errors
    /// As [`Self::piece_part`]; a piece that was packed in between is looked up again.
    pub fn read_piece(
        &self,
        content_id: &ContentId,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let missing = || StoreError::Missing {
            what: format!("piece {content_id}"),
        };
        let record = self.piece(content_id)?.ok_or_else(missing)?;
        match self.read_recorded(content_id, &record, offset, len) {
            Err(StoreError::Missing { .. }) => {
                let moved = self.piece(content_id)?.ok_or_else(missing)?;
                self.read_recorded(content_id, &moved, offset, len)
            }
            other => other,
        }
    }

    fn read_recorded(
        &self,
        content_id: &ContentId,
        record: &PieceRecord,
        offset: u64,
        len: usize,
    ) -> Result<Vec<u8>, StoreError> {
        let end = offset.saturating_add(len as u64).min(record.byte_len);
        let mut bytes = Vec::with_capacity(len);
        let mut at = offset;
        while at < end {
            let part_bytes = PIECE_PART_BYTES as u64;
            let part = u32::try_from(at / part_bytes).map_err(|_| StoreError::BadRecord {
                what: "piece",
                field: "byte_len",
            })?;
            let whole = self.piece_part(content_id, record, part)?;
            let from = usize::try_from(at % part_bytes).unwrap_or(usize::MAX);
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX);
            let slice = whole.get(from..).unwrap_or_default();
            let slice = slice.get(..wanted).unwrap_or(slice);
            if slice.is_empty() {
                return Err(StoreError::Missing {
                    what: format!("bytes from {at} on of piece {content_id}"),
                });
            }
            bytes.extend_from_slice(slice);
            at += slice.len() as u64;
        }
        Ok(bytes)
    }

    /// Forgets a piece that lies in no sector.
    ///
    /// # Errors
    /// The disk's own.
    pub fn forget_piece(&self, content_id: &ContentId) -> Result<(), StoreError> {
        let Some(record) = self.piece(content_id)? else {
            return Ok(());
        };
        let mut batch = self.batch();
        batch.delete(Family::PieceMeta, content_id.as_bytes());
        batch.delete(Family::Outboards, content_id.as_bytes());
        batch.delete(Family::PieceRows, content_id.as_bytes());
        self.commit(batch, "forgetting a piece")?;
        self.note_removed(record.byte_len);
        self.drop_arrived(content_id, record.home)
    }

    /// Drops the bytes of a piece as it arrived; its record no longer points there.
    pub(super) fn drop_arrived(
        &self,
        content_id: &ContentId,
        home: Home,
    ) -> Result<(), StoreError> {
        let (from, to) = (keys::part(content_id, 0), keys::part(content_id, u32::MAX));
        match home {
            Home::Large => self.drop_ingested(Family::Pieces, &from, &to),
            Home::Small => {
                let mut batch = self.batch();
                batch.delete_range(Family::SmallPieces, from.to_vec(), to.to_vec());
                self.commit(batch, "dropping a packed piece")
            }
            Home::Sector { .. } => Ok(()),
        }
    }

    /// Drops arrived bytes whose record is missing or points elsewhere: what a crash left between two steps.
    pub(super) fn sweep_orphan_pieces(&self) -> Result<(), StoreError> {
        for (family, home) in [
            (Family::Pieces, Home::Large),
            (Family::SmallPieces, Home::Small),
        ] {
            for content_id in self.content_ids_in(family)? {
                let kept = self
                    .piece(&content_id)?
                    .is_some_and(|record| record.home == home);
                if !kept {
                    tracing::info!(%content_id, "dropping bytes that a crash left without a record");
                    self.drop_arrived(&content_id, home)?;
                }
            }
        }
        Ok(())
    }

    fn content_ids_in(&self, family: Family) -> Result<Vec<ContentId>, StoreError> {
        let mut ids = Vec::new();
        let mut cursor = self.db().raw_iterator_cf(self.family(family)?);
        cursor.seek_to_first();
        while let Some(id) = cursor
            .key()
            .and_then(|key| key.first_chunk::<32>())
            .copied()
        {
            let content_id = ContentId::from(id);
            ids.push(content_id);
            cursor.seek(keys::part(&content_id, u32::MAX));
        }
        cursor
            .status()
            .map_err(|error| fault("sweeping pieces", &error))?;
        Ok(ids)
    }

    pub(super) fn count_pieces(&self) -> Result<(u64, u64), StoreError> {
        let mut count = 0_u64;
        let mut bytes = 0_u64;
        for entry in self.db().iterator_cf(
            self.family(Family::PieceMeta)?,
            rocksdb::IteratorMode::Start,
        ) {
            let (_, value) = entry.map_err(|error| fault("counting pieces", &error))?;
            count += 1;
            bytes = bytes.saturating_add(PieceRecord::decode(&value)?.byte_len);
        }
        Ok((count, bytes))
    }
}

impl PieceWriter<'_> {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`StoreError::PieceLength`] beyond the announced length, [`StoreError::DiskFull`], and the disk's own.
    pub fn push(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        self.got = self.got.saturating_add(bytes.len() as u64);
        if self.got > self.byte_len {
            return Err(StoreError::PieceLength {
                expected: self.byte_len,
                got: self.got,
            });
        }
        // Whole parts go straight through; only what is left over is held.
        while self.held.len() + bytes.len() >= PIECE_PART_BYTES {
            if self.held.is_empty() {
                let (now, later) = bytes.split_at(PIECE_PART_BYTES);
                self.put(now)?;
                bytes = later;
            } else {
                let (now, later) = bytes.split_at(PIECE_PART_BYTES - self.held.len());
                let mut part = std::mem::take(&mut self.held);
                part.extend_from_slice(now);
                self.put(&part)?;
                bytes = later;
            }
        }
        self.held.extend_from_slice(bytes);
        Ok(())
    }

    fn put(&mut self, part: &[u8]) -> Result<(), StoreError> {
        match &mut self.way {
            Way::File { writer, .. } => writer
                .put(keys::part(&self.content_id, self.part), part)
                .map_err(|error| fault("writing a piece", &error))?,
            Way::Log { parts } => parts.push(part.to_vec()),
        }
        self.part += 1;
        Ok(())
    }

    /// Makes the piece, its outboard, its chunk roots and the slot that asked for it durable, in one step. The home in
    /// `record` is set to where the bytes are.
    ///
    /// # Errors
    /// [`StoreError::PieceLength`] when bytes are missing, [`StoreError::DiskFull`], and the disk's own. After an
    /// error nothing of the piece is there.
    pub fn finish(
        mut self,
        record: PieceRecord,
        outboard: &[u8],
        rows: &[Fr],
        slot: (SlotKey, &SlotRecord),
    ) -> Result<(), StoreError> {
        if self.got != self.byte_len {
            return Err(StoreError::PieceLength {
                expected: self.byte_len,
                got: self.got,
            });
        }
        let last = std::mem::take(&mut self.held);
        if !last.is_empty() || self.part == 0 {
            self.put(&last)?;
        }
        let mut batch = self.store.batch();
        let home = match &mut self.way {
            Way::File { writer, path } => {
                writer
                    .finish()
                    .map_err(|error| fault("finishing a piece", &error))?;
                // The same piece may have been left by a crash, or be stored twice at once: the newer file replaces it.
                self.store.drop_arrived(&self.content_id, Home::Large)?;
                self.store
                    .ingest(Family::Pieces, vec![path.clone()], "taking in a piece")?;
                Home::Large
            }
            Way::Log { parts } => {
                put_small(&mut batch, &self.content_id, parts);
                Home::Small
            }
        };
        let record = PieceRecord { home, ..record };
        batch.put(
            Family::PieceMeta,
            self.content_id.as_bytes(),
            &record.encode(),
        );
        batch.put(Family::Outboards, self.content_id.as_bytes(), outboard);
        batch.put(
            Family::PieceRows,
            self.content_id.as_bytes(),
            &bytes_of(rows),
        );
        batch.put(Family::Slots, &slot.0.bytes(), &slot.1.encode());
        let known = self.store.piece(&self.content_id)?.is_some();
        self.store.commit(batch, "recording a piece")?;
        if !known {
            self.store.note_added(self.byte_len);
        }
        Ok(())
    }
}

pub(super) fn bytes_of(nodes: &[Fr]) -> Vec<u8> {
    nodes.iter().flat_map(field::to_bytes).collect()
}

pub(super) fn nodes_of(what: &'static str, bytes: &[u8]) -> Result<Vec<Fr>, StoreError> {
    let (elements, rest) = bytes.as_chunks::<{ field::ELEMENT_BYTES }>();
    if !rest.is_empty() {
        return Err(StoreError::BadRecord {
            what,
            field: "length",
        });
    }
    let bad = |_| StoreError::BadRecord {
        what,
        field: "node",
    };
    elements
        .iter()
        .map(|element| field::from_bytes(element).map_err(bad))
        .collect()
}

fn put_small(batch: &mut Batch<'_>, content_id: &ContentId, parts: &[Vec<u8>]) {
    for (part, bytes) in (0_u32..).zip(parts) {
        batch.put(Family::SmallPieces, &keys::part(content_id, part), bytes);
    }
}

impl Drop for PieceWriter<'_> {
    fn drop(&mut self) {
        if let Way::File { path, .. } = &self.way
            && let Err(error) = std::fs::remove_file(path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            let error = io("removing a half-written file", &error);
            tracing::warn!(%error, "a half-written file stays until the next start");
        }
    }
}
