//! Between the prover's sealing and the store: data out of it, replica and unsealed data into it, openings out of both.
//! Every chunk that goes through is checked against its row before it is used; a replica that is unsealed, by the data that
//! comes of it.

use cairn_merkle::tree::{Shape, SparseTree, chunk_root};
use cairn_merkle::{Commitment, Fr, TreeKind};
use cairn_prover::params::ParamSet;
use cairn_prover::replica::{Challenged, Column, ReplicaStatement, VanillaProof};
use cairn_prover::seal::{self, ChunkError, Columns, Keep, Labels, LeafChunks, Watch};

use crate::deal::{SealEvent, SealId, SealRoots, SectorEvent, SectorId};
use crate::error::{ProvingError, SealError, SectorError, StoreError};
use crate::sealing::Job;
use crate::sector::{open_data_leaf, open_sector_leaf};
use crate::store::{
    DataCopy, Ledger, SectorRecord, SectorWriter, Side, Store, parse_leaves, stepped,
};

/// Memory of one sealing.
pub(crate) const fn memory_bytes(set: &ParamSet) -> u64 {
    seal::memory_bytes(set)
}

/// The labels of a sealing, as far as they are on disk.
///
/// # Errors
/// The disk's own.
pub(crate) fn open_labels(job: &Job, keep: Keep, watch: Watch<'_>) -> Result<Labels, SealError> {
    Ok(Labels::open(
        job.set,
        &job.folder,
        job.replica_id,
        keep,
        watch,
    )?)
}

/// Makes trees and replica of finished labels, and records them with the sector, if that still seals the replica `of`.
///
/// # Errors
/// [`StoreError::Illegal`] when it seals another by now, [`SealError::Damaged`] when labels are not what was written,
/// [`SectorError::Rotten`] when data is not what was committed to, and the disk's own.
pub(crate) fn make_replica(
    job: &Job,
    labels: &mut Labels,
    (ledger, sector, of): (&Ledger, SectorId, SealId),
    watch: Watch<'_>,
) -> Result<SealRoots, SealError> {
    let store = ledger.store();
    let data = StoredChunks::of(job, store, sector, Side::Data)?;
    let root = Commitment::from(data.tree.root());
    if root != job.comm_d {
        return Err(SectorError::Rotten { sector, leaf: 0 }.into());
    }
    let mut writer = store.replica_writer(sector)?;
    let mut put = |chunk, bytes: Vec<u8>| put_chunk(&mut writer, chunk, &bytes);
    let sealed = seal::seal(labels, &data, &mut put, watch)?;
    let roots = SealRoots {
        comm_c: Commitment::from(sealed.comm_c),
        r_root: Commitment::from(sealed.r_root),
        comm_r: Commitment::from(sealed.comm_r),
    };
    let event = SectorEvent::Seal(SealEvent::Roots { of, roots });
    let rows: Vec<Fr> = sealed.replica.stored_rows().copied().collect();
    ledger.change_sector(sector, stepped(event), |record| {
        writer.finish_replica(&rows, record)
    })?;
    Ok(roots)
}

/// The tree over finished labels, each of them checked or made anew just now; it must be the one that was committed to.
///
/// # Errors
/// [`SealError::Lost`] when it is another, and the disk's own.
pub(crate) fn open_columns(
    labels: &Labels,
    roots: &SealRoots,
    watch: Watch<'_>,
) -> Result<Columns, SealError> {
    let columns = Columns::load(labels, watch)?;
    if Commitment::from(columns.comm_c()) == roots.comm_c {
        Ok(columns)
    } else {
        Err(SealError::Lost {
            reason: "labels made anew are not those that were committed to".to_owned(),
        })
    }
}

/// What shows a challenged node natively; the caller checks it before it is proven.
///
/// # Errors
/// [`SealError::Damaged`] when labels are not what was committed to, rot in data or replica, and the disk's own.
pub(crate) fn open_challenge(
    job: &Job,
    columns: &Columns,
    (store, sector): (&Store, SectorId),
    statement: &ReplicaStatement,
    roots: &SealRoots,
) -> Result<VanillaProof, SealError> {
    let challenged = Challenged::new(job.set, statement.seed, statement.partition);
    let open = |node: u32| Ok(Column::of(job.set, node, columns.open(node)?));
    let opened: Result<Vec<Column>, SealError> =
        challenged.columns().into_iter().map(open).collect();
    let record = store.sector_record(sector)?;
    let (shape, leaf) = (shape_of(job.set)?, u64::from(challenged.node));
    Ok(VanillaProof {
        comm_c: roots.comm_c.to_fr(),
        r_root: roots.r_root.to_fr(),
        columns: opened?,
        data: open_data_leaf(store, sector, shape, leaf)?,
        replica: open_sector_leaf(store, sector, &record, shape, leaf)?,
    })
}

/// Makes the data of a sector readable again, from its replica and its finished labels, which are removed then.
///
/// # Errors
/// [`SectorError::Rotten`] when the replica is not what was committed to, and the disk's own.
pub(crate) fn unseal(
    (job, labels): (&Job, Labels),
    ledger: &Ledger,
    sector: SectorId,
    watch: Watch<'_>,
) -> Result<(), SealError> {
    let store = ledger.store();
    let replica = StoredChunks::of(job, store, sector, Side::Replica)?;
    let data = StoredChunks::of(job, store, sector, Side::Data)?;
    let mut writer = store.unsealed_writer(sector)?;
    let check = |chunk: u64, bytes: &[u8]| Ok(data.check(chunk, bytes)?);
    let mut put = |chunk, bytes: Vec<u8>| put_chunk(&mut writer, chunk, &bytes);
    let chunks = 0..SparseTree::chunks_of(data.tree.shape());
    // Hashing the replica too would find nothing that the data's own row does not.
    let replica = Unchecked(&replica);
    seal::unseal_checked(&labels, &replica, chunks, (&check, &mut put), watch)?;
    let cached = |record| {
        Ok(SectorRecord {
            data: DataCopy::Cached,
            ..record
        })
    };
    ledger.change_sector(sector, cached, |record| writer.finish_unsealed(record))?;
    Ok(labels.remove()?)
}

/// One side of a sector, chunk by chunk, each checked against its row.
struct StoredChunks<'a> {
    store: &'a Store,
    sector: SectorId,
    side: Side,
    kind: TreeKind,
    tree: SparseTree,
}

impl<'a> StoredChunks<'a> {
    fn of(job: &Job, store: &'a Store, sector: SectorId, side: Side) -> Result<Self, SealError> {
        let kind = match side {
            Side::Data => TreeKind::Data,
            Side::Replica => TreeKind::Replica,
        };
        let rows = store.rows(sector, side)?;
        let tree = SparseTree::from_stored_rows(kind, shape_of(job.set)?, &rows)
            .map_err(|_| SectorError::Rotten { sector, leaf: 0 })?;
        Ok(Self {
            store,
            sector,
            side,
            kind,
            tree,
        })
    }

    /// Whether these bytes are the chunk that the row above commits to.
    fn check(&self, chunk: u64, bytes: &[u8]) -> Result<(), SectorError> {
        let sector = self.sector;
        let number = u32::try_from(chunk).unwrap_or(u32::MAX);
        let leaves = parse_leaves(sector, number, bytes)?;
        let root = chunk_root(self.kind, &leaves).ok();
        if root.is_some() && root == self.tree.chunk_root(chunk) {
            return Ok(());
        }
        let leaf = chunk.saturating_mul(SparseTree::chunk_leaves(self.tree.shape()));
        Err(SectorError::Rotten { sector, leaf })
    }
}

/// The same, looked at for canonical leaves alone: what is made of the chunk is checked.
struct Unchecked<'a>(&'a StoredChunks<'a>);

impl LeafChunks for Unchecked<'_> {
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        let bytes = self.0.read(chunk)?;
        parse_leaves(self.0.sector, u32::try_from(chunk)?, &bytes)?;
        Ok(bytes)
    }
}

impl LeafChunks for StoredChunks<'_> {
    fn chunk(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        let bytes = self.read(chunk)?;
        self.check(chunk, &bytes)?;
        Ok(bytes)
    }
}

impl StoredChunks<'_> {
    fn read(&self, chunk: u64) -> Result<Vec<u8>, ChunkError> {
        let number = u32::try_from(chunk)?;
        let stored = self
            .store
            .chunk(self.sector, self.side, number)
            .map_err(SectorError::from)?;
        let leaves = usize::try_from(SparseTree::chunk_leaves(self.tree.shape()))?;
        // Not stored because it holds nothing; if it was lost instead, the zeros do not hash to its row.
        Ok(stored.unwrap_or_else(|| vec![0; leaves * cairn_merkle::field::ELEMENT_BYTES]))
    }
}

/// Writes a chunk, unless it holds nothing.
fn put_chunk(writer: &mut SectorWriter<'_>, chunk: u64, bytes: &[u8]) -> Result<(), ChunkError> {
    if bytes.iter().any(|byte| *byte != 0) {
        writer
            .put_chunk(u32::try_from(chunk)?, bytes)
            .map_err(SectorError::from)?;
    }
    Ok(())
}

fn shape_of(set: &ParamSet) -> Result<Shape, SealError> {
    Shape::new(set.sector_log2_leaves).map_err(|_| {
        SealError::from(StoreError::BadRecord {
            what: "parameter set",
            field: "sector size",
        })
    })
}

impl From<seal::SealError> for SealError {
    fn from(error: seal::SealError) -> Self {
        let doing = "sealing";
        let detail = error.to_string();
        match error {
            seal::SealError::Stopped => Self::Stopped,
            seal::SealError::DiskFull { .. } => Self::from(StoreError::DiskFull { doing, detail }),
            seal::SealError::Disk { .. } | seal::SealError::Taken { .. } => {
                Self::from(StoreError::Io { doing, detail })
            }
            seal::SealError::Chunk { source, .. } => match source.downcast::<SectorError>() {
                Ok(ours) => Self::from(*ours),
                Err(other) => Self::from(StoreError::Io {
                    doing,
                    detail: other.to_string(),
                }),
            },
            seal::SealError::Damaged { .. }
            | seal::SealError::NoLayer { .. }
            | seal::SealError::NotCanonical { .. }
            | seal::SealError::Rows(_) => Self::Damaged { reason: detail },
            seal::SealError::ChunkLength { .. } | seal::SealError::TooLarge { .. } => {
                Self::Proving(ProvingError::Prover { reason: detail })
            }
        }
    }
}
