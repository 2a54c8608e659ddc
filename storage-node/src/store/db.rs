//! Opening the database: options, format version, and `RocksDB`'s errors in our words.

use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamily, ColumnFamilyDescriptor, DB, DBCompressionType,
    IngestExternalFileOptions, Options, ReadOptions, WriteBatch, WriteOptions,
};

use crate::error::StoreError;
use crate::store::keys::{self, Family};

/// The version of everything this store writes. A folder of another version is refused, never guessed at.
pub const FORMAT_VERSION: u32 = 1;

const DB_FOLDER: &str = "rocksdb";
const INCOMING_FOLDER: &str = "incoming";
const BLOCK_CACHE_BYTES: usize = 32 << 20;
const MEMTABLE_BYTES: usize = 16 << 20;
const SMALL_PIECES_MEMTABLE_BYTES: usize = 64 << 20;
const OPEN_FILES: i32 = 512;

/// What an operator may choose about the store.
#[derive(Clone, Copy, Debug)]
pub struct StoreOptions {
    /// Pieces from this size on are written once, as ingested files; smaller ones go through the write-ahead log.
    pub large_piece_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            large_piece_bytes: crate::store::LARGE_PIECE_BYTES,
        }
    }
}

/// The store of one node. Cheap to clone; the last clone closes the database.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    db: DB,
    incoming: PathBuf,
    options: StoreOptions,
    ingested: Options,
    held_pieces: AtomicU64,
    held_bytes: AtomicU64,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.inner.db.path())
            .finish_non_exhaustive()
    }
}

impl Store {
    /// Opens (or makes) the store in `folder` and sweeps what a crash left half written.
    ///
    /// # Errors
    /// [`StoreError::AlreadyOpen`] when another process has it, [`StoreError::Format`] for another version, and the
    /// disk's own errors.
    pub fn open(folder: &Path, options: StoreOptions) -> Result<Self, StoreError> {
        let path = folder.join(DB_FOLDER);
        let incoming = folder.join(INCOMING_FOLDER);
        std::fs::create_dir_all(&path).map_err(|error| io("making the data folder", &error))?;
        let families = Family::ALL
            .map(|family| ColumnFamilyDescriptor::new(family.name(), family_options(family)));
        let db = DB::open_cf_descriptors(&database_options(), &path, families)
            .map_err(|error| opening(folder, &error))?;
        // Only now is the folder ours alone: nobody else's half-written file can be in it.
        sweep_incoming(&incoming)?;
        let ingested = family_options(Family::Chunks);
        let (held_pieces, held_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let store = Self {
            inner: Arc::new(Inner {
                db,
                incoming,
                options,
                ingested,
                held_pieces,
                held_bytes,
            }),
        };
        store.check_format(folder)?;
        store.sweep_orphan_pieces()?;
        let (pieces, bytes) = store.count_pieces()?;
        store.inner.held_pieces.store(pieces, Ordering::Relaxed);
        store.inner.held_bytes.store(bytes, Ordering::Relaxed);
        Ok(store)
    }

    fn check_format(&self, folder: &Path) -> Result<(), StoreError> {
        let Some(bytes) = self.get(Family::Node, keys::FORMAT, "reading the format version")?
        else {
            let mut batch = self.batch();
            batch.put(Family::Node, keys::FORMAT, &FORMAT_VERSION.to_le_bytes());
            return self.commit(batch, "writing the format version");
        };
        let got = <[u8; 4]>::try_from(bytes.as_slice())
            .map(u32::from_le_bytes)
            .map_err(|_| StoreError::BadRecord {
                what: "format",
                field: "version",
            })?;
        if got == FORMAT_VERSION {
            Ok(())
        } else {
            Err(StoreError::Format {
                path: folder.into(),
                expected: FORMAT_VERSION,
                got,
            })
        }
    }

    /// Pieces here, and their bytes.
    #[must_use]
    pub fn held(&self) -> (u64, u64) {
        (
            self.inner.held_pieces.load(Ordering::Relaxed),
            self.inner.held_bytes.load(Ordering::Relaxed),
        )
    }

    pub(super) fn note_added(&self, bytes: u64) {
        self.inner.held_pieces.fetch_add(1, Ordering::Relaxed);
        self.inner.held_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn note_removed(&self, bytes: u64) {
        self.inner.held_pieces.fetch_sub(1, Ordering::Relaxed);
        self.inner.held_bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Bytes free on the disk of this store, for anybody but the system's own reserve.
    ///
    /// # Errors
    /// The disk's own.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        let stat = rustix::fs::statvfs(self.inner.db.path())
            .map_err(|error| io("asking for free space", &std::io::Error::from(error)))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// An empty file without a name in the folder of what arrives: gone when it is closed, and with the process.
    ///
    /// # Errors
    /// The disk's own.
    pub fn scratch_file(&self) -> Result<File, StoreError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = self.incoming().join(format!("scratch-{number}"));
        let opened = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        opened
            .and_then(|file| std::fs::remove_file(&path).map(|()| file))
            .map_err(|error| io("making a scratch file", &error))
    }

    pub(super) fn options(&self) -> &StoreOptions {
        &self.inner.options
    }

    pub(super) fn incoming(&self) -> &Path {
        &self.inner.incoming
    }

    pub(super) fn ingested_options(&self) -> &Options {
        &self.inner.ingested
    }

    pub(super) fn db(&self) -> &DB {
        &self.inner.db
    }

    pub(super) fn family(&self, family: Family) -> Result<&ColumnFamily, StoreError> {
        self.inner
            .db
            .cf_handle(family.name())
            .ok_or_else(|| StoreError::Missing {
                what: format!("column family {}", family.name()),
            })
    }

    pub(super) fn get(
        &self,
        family: Family,
        key: &[u8],
        doing: &'static str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner
            .db
            .get_cf(self.family(family)?, key)
            .map_err(|error| fault(doing, &error))
    }

    /// As [`Self::get`], for big values that are read once: not kept in the block cache, checksums verified.
    pub(super) fn get_bulk(
        &self,
        family: Family,
        key: &[u8],
        doing: &'static str,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        options.set_verify_checksums(true);
        self.inner
            .db
            .get_cf_opt(self.family(family)?, key, &options)
            .map_err(|error| fault(doing, &error))
    }

    pub(super) const fn batch(&self) -> Batch<'_> {
        Batch {
            store: self,
            puts: Vec::new(),
        }
    }

    /// Writes a batch and syncs it: when this returns, a crash changes nothing.
    pub(super) fn commit(&self, batch: Batch<'_>, doing: &'static str) -> Result<(), StoreError> {
        let mut writes = WriteBatch::default();
        for change in batch.puts {
            match change {
                Change::Put(family, key, value) => writes.put_cf(self.family(family)?, key, value),
                Change::Delete(family, key) => writes.delete_cf(self.family(family)?, key),
                Change::DeleteRange(family, from, to) => {
                    writes.delete_range_cf(self.family(family)?, from, to);
                }
            }
        }
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.inner
            .db
            .write_opt(writes, &options)
            .map_err(|error| fault(doing, &error))
    }

    /// Takes finished files into a column family. Durable when this returns; the files are linked, not copied.
    pub(super) fn ingest(
        &self,
        family: Family,
        files: Vec<PathBuf>,
        doing: &'static str,
    ) -> Result<(), StoreError> {
        if files.is_empty() {
            return Ok(());
        }
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.inner
            .db
            .ingest_external_file_cf_opts(self.family(family)?, &options, files)
            .map_err(|error| fault(doing, &error))
    }

    /// Drops a range of ingested keys: whole files at once, the rest by a tombstone.
    pub(super) fn drop_ingested(
        &self,
        family: Family,
        from: &[u8],
        to: &[u8],
    ) -> Result<(), StoreError> {
        let doing = "dropping stored bytes";
        let handle = self.family(family)?;
        self.inner
            .db
            .delete_file_in_range_cf(handle, from, to)
            .map_err(|error| fault(doing, &error))?;
        let mut left = self.inner.db.raw_iterator_cf(handle);
        left.seek(from);
        left.status().map_err(|error| fault(doing, &error))?;
        if left.valid() && left.key().is_some_and(|key| key <= to) {
            let mut end = to.to_vec();
            end.push(0);
            let mut batch = self.batch();
            batch.delete_range(family, from.to_vec(), end);
            self.commit(batch, doing)?;
        }
        Ok(())
    }
}

enum Change {
    Put(Family, Vec<u8>, Vec<u8>),
    Delete(Family, Vec<u8>),
    DeleteRange(Family, Vec<u8>, Vec<u8>),
}

/// Changes that become durable together or not at all.
pub(super) struct Batch<'s> {
    #[expect(
        dead_code,
        reason = "ties a batch to the store whose families it names"
    )]
    store: &'s Store,
    puts: Vec<Change>,
}

impl Batch<'_> {
    pub(super) fn put(&mut self, family: Family, key: &[u8], value: &[u8]) {
        self.puts
            .push(Change::Put(family, key.to_vec(), value.to_vec()));
    }

    pub(super) fn delete(&mut self, family: Family, key: &[u8]) {
        self.puts.push(Change::Delete(family, key.to_vec()));
    }

    /// From `from` up to and without `to`.
    pub(super) fn delete_range(&mut self, family: Family, from: Vec<u8>, to: Vec<u8>) {
        self.puts.push(Change::DeleteRange(family, from, to));
    }
}

fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_max_background_jobs(2);
    options.set_max_open_files(OPEN_FILES);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 << 20);
    options.set_max_total_wal_size(256 << 20);
    options
}

fn family_options(family: Family) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_bloom_filter(10.0, false);
    if family.is_ingested() {
        // A proof must see what the disk holds now, and bulk bytes would only push the records out.
        table.disable_cache();
    } else {
        table.set_block_cache(&Cache::new_lru_cache(BLOCK_CACHE_BYTES / Family::ALL.len()));
    }
    let mut options = Options::default();
    // Ciphertext does not compress.
    options.set_compression_type(DBCompressionType::None);
    options.set_write_buffer_size(MEMTABLE_BYTES);
    if family.is_ingested() {
        // A value is a block of its own; files end where pieces and sectors end and go whole, so that merging them
        // would only write the same bytes again.
        options.set_disable_auto_compactions(true);
    }
    if family == Family::SmallPieces {
        options.set_write_buffer_size(SMALL_PIECES_MEMTABLE_BYTES);
    }
    options.set_block_based_table_factory(&table);
    options
}

fn sweep_incoming(incoming: &Path) -> Result<(), StoreError> {
    let doing = "sweeping half-written files";
    if incoming.exists() {
        std::fs::remove_dir_all(incoming).map_err(|error| io(doing, &error))?;
    }
    std::fs::create_dir_all(incoming).map_err(|error| io(doing, &error))
}

pub(super) fn io(doing: &'static str, error: &std::io::Error) -> StoreError {
    let detail = error.to_string();
    if error.kind() == std::io::ErrorKind::StorageFull {
        StoreError::DiskFull { doing, detail }
    } else {
        StoreError::Io { doing, detail }
    }
}

/// Sorts what `RocksDB` says by whose fault it is.
pub(super) fn fault(doing: &'static str, error: &rocksdb::Error) -> StoreError {
    let detail = error.to_string();
    // As the system says it: no blocks, no quota, no longer file allowed.
    let full = [
        "No space left on device",
        "Disk quota exceeded",
        "File too large",
    ];
    if full.iter().any(|words| detail.contains(words)) {
        return StoreError::DiskFull { doing, detail };
    }
    if error.kind() == rocksdb::ErrorKind::Corruption {
        return StoreError::Corrupt { doing, detail };
    }
    StoreError::Io { doing, detail }
}

fn opening(folder: &Path, error: &rocksdb::Error) -> StoreError {
    let text = error.to_string();
    if text.contains("lock hold by current process") || text.contains("While lock file") {
        StoreError::AlreadyOpen {
            path: folder.into(),
        }
    } else {
        fault("opening the database", error)
    }
}
