//! Names, keys and manifests in one local file. Its layout is a chapter of `docs/formats.md`.
//!
//! Who has this file can read the objects; who loses it cannot. It is replaced as a whole (temporary file, sync,
//! rename, sync of the folder), so that a crash leaves the old or the new one, and locked while it is changed, so that
//! two commands at once do not lose each other's objects.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use cairn_wire::{Address, ContentId, DealId, SectorKind};
use serde::{Deserialize, Serialize};

use crate::cipher::{ObjectKey, cipher_len};
use crate::error::CatalogError;
use crate::files;

/// The version of the file this software writes and reads.
pub const CATALOG_VERSION: u32 = 1;

/// The only cipher there is.
const CIPHER: &str = "aes-256-gcm-stream-be32-64k";

/// The catalog as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CatalogFile {
    version: u32,
    /// Objects by name.
    pub objects: BTreeMap<String, ObjectEntry>,
}

impl Default for CatalogFile {
    fn default() -> Self {
        Self {
            version: CATALOG_VERSION,
            objects: BTreeMap::new(),
        }
    }
}

/// How far `put` got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectState {
    /// Its deals are open and its upload was not seen to end.
    Opened,
    /// At least k pieces of every segment were stored and accepted.
    Stored,
}

/// The kind of an object's deals, in words. Entries of before there was a choice are hot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// Stored as it is.
    #[default]
    Hot,
    /// Stored as a replica.
    Sealed,
}

impl ObjectKind {
    /// The word in the file and on the command line.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Sealed => "sealed",
        }
    }
}

impl From<SectorKind> for ObjectKind {
    fn from(kind: SectorKind) -> Self {
        match kind {
            SectorKind::Hot => Self::Hot,
            SectorKind::Sealed => Self::Sealed,
        }
    }
}

/// All it takes to read an object.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectEntry {
    /// How far `put` got.
    pub state: ObjectState,
    /// The kind of its deals.
    #[serde(default)]
    pub kind: ObjectKind,
    /// The chain of its deals.
    pub chain_id: u64,
    /// The contract of its deals.
    pub deals_contract: Address,
    /// The chain's time when the deals were opened.
    pub opened_unix: u64,
    /// Bytes of the object.
    pub plain_bytes: u64,
    cipher: String,
    key: String,
    nonce_prefix: String,
    /// Pieces needed.
    pub k: u16,
    /// Pieces made.
    pub n: u16,
    /// The erasure code.
    pub code_id: u8,
    /// Strip of the erasure code.
    pub strip_bytes: u32,
    /// Its segments in order.
    pub segments: Vec<SegmentEntry>,
}

/// One segment: one deal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentEntry {
    /// Its deal.
    pub deal: DealId,
    /// Bytes of ciphertext.
    pub segment_bytes: u64,
    /// Bytes of each piece.
    pub piece_bytes: u64,
    /// The n pieces in order.
    pub pieces: Vec<PieceEntry>,
}

/// One piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PieceEntry {
    /// Its BLAKE3 hash.
    pub content_id: ContentId,
    /// The provider its slot names.
    pub provider: Address,
}

impl std::fmt::Debug for ObjectEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ObjectEntry")
            .field("state", &self.state)
            .field("plain_bytes", &self.plain_bytes)
            .field("k", &self.k)
            .field("n", &self.n)
            .field("segments", &self.segments.len())
            .finish_non_exhaustive()
    }
}

/// Where and when an object was stored, and how it is coded: what a new entry is made of beside key and segments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryTerms {
    pub(crate) chain_id: u64,
    pub(crate) deals_contract: Address,
    pub(crate) opened_unix: u64,
    pub(crate) kind: SectorKind,
    pub(crate) plain_bytes: u64,
    pub(crate) k: u16,
    pub(crate) n: u16,
    pub(crate) strip_bytes: u32,
}

impl ObjectEntry {
    pub(crate) fn opened(terms: EntryTerms, key: &ObjectKey, segments: Vec<SegmentEntry>) -> Self {
        let (key, nonce_prefix) = key.to_hex();
        Self {
            state: ObjectState::Opened,
            kind: terms.kind.into(),
            chain_id: terms.chain_id,
            deals_contract: terms.deals_contract,
            opened_unix: terms.opened_unix,
            plain_bytes: terms.plain_bytes,
            cipher: CIPHER.to_owned(),
            key,
            nonce_prefix,
            k: terms.k,
            n: terms.n,
            code_id: cairn_erasure::CODE_ID,
            strip_bytes: terms.strip_bytes,
            segments,
        }
    }

    /// The object's secret.
    pub(crate) fn object_key(&self) -> Option<ObjectKey> {
        ObjectKey::from_hex(&self.key, &self.nonce_prefix)
    }

    /// What does not fit together, if anything.
    fn damage(&self) -> Option<&'static str> {
        if self.cipher != CIPHER {
            return Some("its cipher is unknown to this software");
        }
        if self.object_key().is_none() {
            return Some("key or nonce_prefix is not hexadecimal of 32 and 7 bytes");
        }
        if self.code_id != cairn_erasure::CODE_ID {
            return Some("its code_id is unknown to this software");
        }
        let Ok(code) = cairn_erasure::Code::new(self.k, self.n, self.strip_bytes) else {
            return Some("k, n and strip_bytes are no code");
        };
        let total = self.segments.iter().fold(0_u64, |sum, segment| {
            sum.saturating_add(segment.segment_bytes)
        });
        if total != cipher_len(self.plain_bytes) {
            return Some("its segments do not add up to its length");
        }
        let whole = |segment: &SegmentEntry| {
            segment.pieces.len() == usize::from(self.n)
                && segment.segment_bytes > 0
                && segment.piece_bytes == code.payload_len(segment.segment_bytes)
        };
        if self.segments.iter().all(whole) {
            None
        } else {
            Some("a segment has not n pieces of the coded length")
        }
    }
}

impl Drop for ObjectEntry {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.key);
    }
}

/// The file.
#[derive(Debug, Clone)]
pub struct Catalog {
    path: PathBuf,
}

impl Catalog {
    /// The catalog at `path`; a missing file is an empty catalog.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The whole catalog.
    ///
    /// # Errors
    /// [`CatalogError`], also when any entry is damaged.
    pub fn read(&self) -> Result<CatalogFile, CatalogError> {
        let text = match std::fs::read_to_string(&self.path) {
            Ok(text) => zeroize::Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(CatalogFile::default());
            }
            Err(source) => return Err(self.io(source)),
        };
        let format = |source| CatalogError::Format {
            path: self.path.clone(),
            source,
        };
        // the version first: another version's fields may be anything
        let Version { version } = serde_json::from_str(&text).map_err(format)?;
        if version != CATALOG_VERSION {
            return Err(CatalogError::Version {
                path: self.path.clone(),
                expected: CATALOG_VERSION,
                got: version,
            });
        }
        let file: CatalogFile = serde_json::from_str(&text).map_err(format)?;
        for (name, entry) in &file.objects {
            if let Some(reason) = entry.damage() {
                return Err(CatalogError::Damaged {
                    name: name.clone(),
                    reason,
                });
            }
        }
        Ok(file)
    }

    /// One object.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub fn object(&self, name: &str) -> Result<ObjectEntry, CatalogError> {
        self.read()?
            .objects
            .remove(name)
            .ok_or_else(|| no_such(name))
    }

    /// Changes the catalog; on an error of `change` the file stays as it was.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub fn update<T>(
        &self,
        change: impl FnOnce(&mut CatalogFile) -> Result<T, CatalogError>,
    ) -> Result<T, CatalogError> {
        let lock_path = files::partial_name(&self.path, "lock");
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|source| CatalogError::Io {
                path: lock_path.clone(),
                source,
            })?;
        // released when `lock` is dropped, also by a crash
        lock.lock().map_err(|source| CatalogError::Io {
            path: lock_path,
            source,
        })?;
        let mut file = self.read()?;
        let outcome = change(&mut file)?;
        let text = serde_json::to_string_pretty(&file)
            .map(zeroize::Zeroizing::new)
            .map_err(|source| CatalogError::Format {
                path: self.path.clone(),
                source,
            })?;
        files::replace_private(&self.path, text.as_bytes()).map_err(|source| self.io(source))?;
        Ok(outcome)
    }

    /// Adds an object under a free name.
    pub(crate) fn add(&self, name: &str, entry: ObjectEntry) -> Result<(), CatalogError> {
        self.update(|file| {
            if file.objects.contains_key(name) {
                return Err(CatalogError::NameTaken {
                    name: name.to_owned(),
                });
            }
            file.objects.insert(name.to_owned(), entry);
            Ok(())
        })
    }

    /// Notes that an object can be read back.
    pub(crate) fn mark_stored(&self, name: &str) -> Result<(), CatalogError> {
        self.update(|file| {
            let entry = file.objects.get_mut(name).ok_or_else(|| no_such(name))?;
            entry.state = ObjectState::Stored;
            Ok(())
        })
    }

    /// Forgets an object and its key.
    pub(crate) fn remove(&self, name: &str) -> Result<ObjectEntry, CatalogError> {
        self.update(|file| file.objects.remove(name).ok_or_else(|| no_such(name)))
    }

    /// Whether an object may be called so, and is not yet.
    pub(crate) fn expect_free(&self, name: &str) -> Result<(), CatalogError> {
        if name.is_empty() || name.len() > 1024 || name.chars().any(char::is_control) {
            return Err(CatalogError::BadName);
        }
        if self.read()?.objects.contains_key(name) {
            return Err(CatalogError::NameTaken {
                name: name.to_owned(),
            });
        }
        Ok(())
    }

    fn io(&self, source: io::Error) -> CatalogError {
        CatalogError::Io {
            path: self.path.clone(),
            source,
        }
    }
}

#[derive(Deserialize)]
struct Version {
    version: u32,
}

fn no_such(name: &str) -> CatalogError {
    CatalogError::NoSuchName {
        name: name.to_owned(),
    }
}
