//! Leaves and rows of sectors, and the one step in which pieces move into a sector.

use std::path::PathBuf;

use cairn_merkle::tree::CHUNK_LEAVES;
use cairn_merkle::{Fr, field, fr32};
use cairn_wire::SectorKind;
use rocksdb::SstFileWriter;

use crate::deal::{SealState, SectorId, SectorState};
use crate::error::{Illegal, SectorError, StoreError};
use crate::store::Store;
use crate::store::db::{Batch, fault};
use crate::store::keys::{self, Family};
use crate::store::ledger::SlotKey;
use crate::store::pieces::{PIECE_PART_BYTES, bytes_of, nodes_of};
use crate::store::records::{Home, PieceRecord, SectorRecord, SlotRecord};

/// Bytes of a chunk of leaves.
pub const CHUNK_BYTES: usize = CHUNK_LEAVES * field::ELEMENT_BYTES;

const FILE_BYTES: u64 = 256 << 20;
const ROW_PART_NODES: usize = 4096;

/// Which leaves of a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The data.
    Data,
    /// What a sealed sector stores in its place.
    Replica,
}

impl Side {
    const fn chunks(self) -> Family {
        match self {
            Self::Data => Family::Chunks,
            Self::Replica => Family::ReplicaChunks,
        }
    }

    const fn rows(self) -> Family {
        match self {
            Self::Data => Family::Rows,
            Self::Replica => Family::ReplicaRows,
        }
    }
}

/// Leaves of one sector on their way to the disk, chunk after chunk.
pub struct SectorWriter<'s> {
    store: &'s Store,
    sector: SectorId,
    side: Side,
    current: Option<(SstFileWriter<'s>, PathBuf)>,
    finished: Vec<PathBuf>,
}

impl std::fmt::Debug for SectorWriter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SectorWriter")
            .field("sector", &self.sector)
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Starts the leaves of a planned sector; what a crash left of an earlier attempt is dropped.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when the disk has the sector as more than planned: its leaves may be the only copy of its
    /// pieces. The disk's own.
    pub fn sector_writer(&self, sector: SectorId) -> Result<SectorWriter<'_>, StoreError> {
        let record = self.sector_record(sector)?;
        if record.state != SectorState::Planned {
            return Err(refused(&record, "new leaves"));
        }
        self.drop_leaves(sector, Side::Data)?;
        self.drop_rows(sector, Side::Data)?;
        Ok(self.writer(sector, Side::Data))
    }

    /// Starts the replica of a sector that is being sealed; what a crash left of an earlier attempt is dropped.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when the disk has its replica as done: it may be committed to. The disk's own.
    pub fn replica_writer(&self, sector: SectorId) -> Result<SectorWriter<'_>, StoreError> {
        let record = self.sector_record(sector)?;
        if !matches!(record.state.seal(), Some(SealState::Hashing { .. })) {
            return Err(refused(&record, "a new replica"));
        }
        self.drop_leaves(sector, Side::Replica)?;
        self.drop_rows(sector, Side::Replica)?;
        Ok(self.writer(sector, Side::Replica))
    }

    /// Starts the data leaves of a sealed sector anew, from its replica.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] when the disk has them, or has no replica. The disk's own.
    pub fn unsealed_writer(&self, sector: SectorId) -> Result<SectorWriter<'_>, StoreError> {
        let record = self.sector_record(sector)?;
        if record.data.is_here() || record.state.sealed().is_none() {
            return Err(refused(&record, "unsealing"));
        }
        self.drop_leaves(sector, Side::Data)?;
        Ok(self.writer(sector, Side::Data))
    }

    const fn writer(&self, sector: SectorId, side: Side) -> SectorWriter<'_> {
        SectorWriter {
            store: self,
            sector,
            side,
            current: None,
            finished: Vec::new(),
        }
    }

    /// The record of a sector as the disk has it.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown sector, a record that does not decode, and the disk's own.
    pub fn sector_record(&self, sector: SectorId) -> Result<SectorRecord, StoreError> {
        let bytes = self.get(Family::Sectors, &keys::sector(sector), "reading a sector")?;
        SectorRecord::decode(&bytes.ok_or_else(|| StoreError::Missing {
            what: format!("sector {sector}"),
        })?)
    }

    /// The stored bytes of a chunk of leaves; `None` for a chunk that holds no piece's bytes and was not stored.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] when the disk's checksum fails, and the disk's own.
    pub fn chunk(
        &self,
        sector: SectorId,
        side: Side,
        chunk: u32,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.get_bulk(
            side.chunks(),
            &keys::chunk(sector, chunk),
            "reading a chunk of leaves",
        )
    }

    /// The rows above the chunks, chunk roots first, root last.
    ///
    /// # Errors
    /// A node that is no field element, and the disk's own.
    pub fn rows(&self, sector: SectorId, side: Side) -> Result<Vec<Fr>, StoreError> {
        let mut nodes = Vec::new();
        for part in 0_u32.. {
            let Some(bytes) = self.get(side.rows(), &keys::chunk(sector, part), "reading rows")?
            else {
                break;
            };
            nodes.extend(nodes_of("rows", &bytes)?);
        }
        Ok(nodes)
    }

    /// Drops leaves of a sector that nothing asks for any more: its record says so already.
    ///
    /// # Errors
    /// The disk's own.
    pub fn drop_leaves(&self, sector: SectorId, side: Side) -> Result<(), StoreError> {
        let (from, to) = (keys::chunk(sector, 0), keys::chunk(sector, u32::MAX));
        self.drop_ingested(side.chunks(), &from, &to)
    }

    fn drop_rows(&self, sector: SectorId, side: Side) -> Result<(), StoreError> {
        let (from, to) = (keys::chunk(sector, 0), keys::chunk(sector, u32::MAX));
        let mut batch = self.batch();
        batch.delete_range(side.rows(), from.to_vec(), to.to_vec());
        self.commit(batch, "dropping rows")
    }

    /// Replaces the stored bytes of a chunk, with valid checksums of the disk's own: rot that only the tree can see.
    #[cfg(test)]
    pub(crate) fn replace_chunk(
        &self,
        sector: SectorId,
        side: Side,
        chunk: u32,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let mut batch = self.batch();
        batch.put(side.chunks(), &keys::chunk(sector, chunk), bytes);
        self.commit(batch, "replacing a chunk")
    }
}

/// What becomes durable together with a sector's rows.
#[derive(Debug)]
pub struct Packed<'a> {
    /// The sector.
    pub record: &'a SectorRecord,
    /// Chunk roots first, root last.
    pub rows: &'a [Fr],
    /// Slots whose piece now lies in the sector.
    pub slots: &'a [(SlotKey, SlotRecord)],
}

impl SectorWriter<'_> {
    /// Adds a chunk; numbers ascend, chunks that hold no piece's bytes are left out.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and the disk's own.
    pub fn put_chunk(&mut self, chunk: u32, leaves: &[u8]) -> Result<(), StoreError> {
        let (mut writer, path) = match self.current.take() {
            Some(current) => current,
            None => self.store.sst_writer("sector")?,
        };
        let put = writer.put(keys::chunk(self.sector, chunk), leaves);
        let full = writer.file_size() >= FILE_BYTES;
        self.current = Some((writer, path));
        put.map_err(|error| fault("writing leaves", &error))?;
        if full { self.close_file() } else { Ok(()) }
    }

    fn close_file(&mut self) -> Result<(), StoreError> {
        if let Some((mut writer, path)) = self.current.take() {
            self.finished.push(path);
            writer
                .finish()
                .map_err(|error| fault("finishing a file of leaves", &error))?;
        }
        Ok(())
    }

    /// Makes leaves, rows, the sector's record, the new homes of its pieces and their slots durable; then drops the
    /// pieces as they arrived.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and the disk's own; after an error the pieces are where they were.
    pub fn finish(mut self, packed: &Packed<'_>) -> Result<(), StoreError> {
        let mut batch = self.taken_in(packed.rows, packed.record)?;
        let mut arrived = Vec::new();
        for place in &packed.record.places {
            let old = self
                .store
                .piece(&place.content_id)?
                .ok_or_else(|| StoreError::Missing {
                    what: format!("piece {}", place.content_id),
                })?;
            arrived.push((place.content_id, old.home));
            let home = match old.home {
                // It stays readable where it was: a hot sector's bytes never have to be unsealed.
                Home::Sector { .. } if packed.record.kind == SectorKind::Sealed => old.home,
                _ => Home::Sector {
                    sector: self.sector,
                    offset_leaves: place.offset_leaves,
                },
            };
            batch.put(
                Family::PieceMeta,
                place.content_id.as_bytes(),
                &PieceRecord { home, ..old }.encode(),
            );
        }
        for (key, slot) in packed.slots {
            batch.put(Family::Slots, &key.bytes(), &slot.encode());
        }
        self.store.commit(batch, "recording a packed sector")?;
        for (content_id, home) in arrived {
            // The sector is packed, whatever becomes of these bytes: the next open sweeps what is left of them.
            if let Err(error) = self.store.drop_arrived(&content_id, home) {
                tracing::warn!(%content_id, %error, "bytes of a packed piece stay until the next start");
            }
        }
        Ok(())
    }
}

impl<'s> SectorWriter<'s> {
    /// Ingests the leaves; gives what makes rows and record durable.
    fn taken_in(&mut self, rows: &[Fr], record: &SectorRecord) -> Result<Batch<'s>, StoreError> {
        self.close_file()?;
        let family = self.side.chunks();
        self.store
            .ingest(family, self.finished.clone(), "taking in leaves")?;
        let mut batch = self.store.batch();
        for (part, nodes) in (0_u32..).zip(rows.chunks(ROW_PART_NODES)) {
            let key = keys::chunk(self.sector, part);
            batch.put(self.side.rows(), &key, &bytes_of(nodes));
        }
        let key = keys::sector(self.sector);
        batch.put(Family::Sectors, &key, &record.encode());
        Ok(batch)
    }

    /// Makes a replica, its rows and the sector's record durable.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and the disk's own; after an error the record is what it was.
    pub fn finish_replica(mut self, rows: &[Fr], record: &SectorRecord) -> Result<(), StoreError> {
        let batch = self.taken_in(rows, record)?;
        self.store.commit(batch, "recording a replica")
    }

    /// Makes unsealed leaves and the record that says so durable. The rows over them never went.
    ///
    /// # Errors
    /// [`StoreError::DiskFull`] and the disk's own; after an error the record is what it was.
    pub fn finish_unsealed(mut self, record: &SectorRecord) -> Result<(), StoreError> {
        let batch = self.taken_in(&[], record)?;
        self.store.commit(batch, "recording unsealed data")
    }
}

fn refused(record: &SectorRecord, event: &'static str) -> StoreError {
    StoreError::Illegal(Illegal {
        what: "sector",
        state: record.state.name(),
        event,
    })
}

impl Drop for SectorWriter<'_> {
    fn drop(&mut self) {
        let open = self.current.take().map(|(_, path)| path);
        for path in self.finished.drain(..).chain(open) {
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "a half-written file stays until the next start");
            }
        }
    }
}

/// One part of a packed piece, decoded from the leaves it became.
pub(super) fn read_part(
    store: &Store,
    sector: SectorId,
    offset_leaves: u64,
    byte_len: u64,
    part: u32,
) -> Result<Vec<u8>, StoreError> {
    let bad = |field| StoreError::BadRecord {
        what: "piece",
        field,
    };
    let before = u64::from(part).saturating_mul(PIECE_PART_BYTES as u64);
    let part_len = byte_len.saturating_sub(before).min(PIECE_PART_BYTES as u64);
    let first = offset_leaves.saturating_add(u64::from(part).saturating_mul(CHUNK_LEAVES as u64));
    let chunk = u32::try_from(first / CHUNK_LEAVES as u64).map_err(|_| bad("offset"))?;
    let missing = || StoreError::Missing {
        what: format!("chunk {chunk} of sector {sector}"),
    };
    let leaves = store
        .chunk(sector, Side::Data, chunk)?
        .ok_or_else(missing)?;
    let at = usize::try_from(first % CHUNK_LEAVES as u64).map_err(|_| bad("offset"))?
        * field::ELEMENT_BYTES;
    let count = usize::try_from(fr32::elements_for(part_len)).map_err(|_| bad("byte_len"))?
        * field::ELEMENT_BYTES;
    let slice = leaves
        .get(at..at.saturating_add(count))
        .ok_or_else(missing)?;
    fr32::decode_stored(slice, part_len).map_err(|error| StoreError::Corrupt {
        doing: "decoding a piece from its sector",
        detail: format!("sector {sector}, chunk {chunk}: {error}"),
    })
}

/// The elements of one stored chunk.
///
/// # Errors
/// [`SectorError::NotALeaf`] naming the first leaf that is none.
pub fn parse_leaves(sector: SectorId, chunk: u32, bytes: &[u8]) -> Result<Vec<Fr>, SectorError> {
    let (elements, rest) = bytes.as_chunks::<{ field::ELEMENT_BYTES }>();
    let first = u64::from(chunk).saturating_mul(CHUNK_LEAVES as u64);
    if !rest.is_empty() {
        return Err(SectorError::NotALeaf {
            sector,
            leaf: first.saturating_add(elements.len() as u64),
        });
    }
    (first..)
        .zip(elements)
        .map(|(leaf, element)| {
            field::from_bytes(element).map_err(|_| SectorError::NotALeaf { sector, leaf })
        })
        .collect()
}
