//! The folder of one sector's labels: layer after layer, each durable before the next begins.
//!
//! ```text
//! <folder>/state            what is done (state.rs), replaced as a whole
//! <folder>/layer-<l>.labels a finished layer: 32 bytes a node
//! <folder>/layer-<l>.part   the layer in the making; begun anew after a crash
//! <folder>/columns.rows     the rows of the C-tree above its chunks
//! <folder>/lock             held by whoever works here
//! ```
//!
//! A layer counts once its file is synced and renamed, and the state that names its digest is. Whoever opens the folder
//! again reads every finished layer once and trusts none whose digest differs: labels are never wrong, only made again.

use super::error::SealError;
use super::layer::{LABEL_BYTES, LabelBytes, Layer, label_layers};
use super::mapped::{LayerBuffer, MappedLayer};
use super::progress::{Phase, Watch};
use super::state::{STATE_BYTES_MAX, SealState};
use crate::graph::Graph;
use crate::params::ParamSet;
use cairn_merkle::{Fr, field};
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// Bytes of a layer that are read and hashed at once.
const CHECKED_BYTES: usize = 8 << 20;

/// Which layers stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// All: a proof of replication opens them.
    All,
    /// The newest alone: enough to encode and decode.
    Newest,
}

/// The labels of one replica, in a folder of their own.
#[derive(Debug)]
pub struct Labels {
    set: ParamSet,
    graph: Graph,
    folder: PathBuf,
    keep: Keep,
    state: SealState,
    /// Held as long as this value lives: layers are mapped, and nobody else may write in the folder.
    _lock: File,
}

impl Labels {
    /// Opens the folder, or makes it. What is found there of another replica, or damaged, is removed; finished layers are
    /// read once and checked. Nobody else can open it as long as the value lives.
    ///
    /// # Errors
    /// [`SealError::Taken`], [`SealError::Disk`], [`SealError::Stopped`].
    pub fn open(
        set: &ParamSet,
        folder: &Path,
        replica_id: Fr,
        keep: Keep,
        watch: Watch<'_>,
    ) -> Result<Self, SealError> {
        fs::create_dir_all(folder).map_err(SealError::disk("making", folder))?;
        let lock = lock(folder)?;
        let fresh = SealState::new(set, replica_id);
        let mut labels = Self {
            set: *set,
            graph: Graph::for_set(set),
            folder: folder.to_owned(),
            keep,
            state: fresh.clone(),
            _lock: lock,
        };
        let same = |state: &SealState| {
            (state.parameters, state.replica_id, state.layers)
                == (fresh.parameters, fresh.replica_id, fresh.layers)
        };
        match labels.read_state()?.filter(same) {
            Some(state) => {
                labels.state = state;
                labels.trust_what_is_whole(watch)?;
            }
            None => labels.clear()?,
        }
        Ok(labels)
    }

    /// Layers done.
    #[must_use]
    pub fn done(&self) -> u8 {
        self.state.done()
    }

    /// The parameter set.
    #[must_use]
    pub const fn set(&self) -> &ParamSet {
        &self.set
    }

    /// What the labels are keyed with.
    #[must_use]
    pub const fn replica_id(&self) -> Fr {
        self.state.replica_id
    }

    /// Makes the layers that are missing.
    ///
    /// # Errors
    /// [`SealError::Stopped`], [`SealError::DiskFull`], [`SealError::Disk`]; finished layers stay.
    pub fn finish(&mut self, watch: Watch<'_>) -> Result<(), SealError> {
        finish_while_all_lack(&mut [(self, watch)]).map_err(|failed| failed.error)
    }

    /// Whether no layer is missing.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.done() == self.set.layers
    }

    /// A finished layer; the first is 1.
    ///
    /// # Errors
    /// [`SealError::NoLayer`], [`SealError::Damaged`], [`SealError::Disk`].
    pub fn layer(&self, layer: u8) -> Result<MappedLayer, SealError> {
        let done = self.done();
        let kept = self.keep == Keep::All || layer == done;
        if layer == 0 || layer > done || !kept {
            return Err(SealError::NoLayer { layer, done });
        }
        MappedLayer::open(&self.layer_path(layer), layer, self.graph.nodes())
    }

    /// The last layer: what data leaves are encoded with.
    ///
    /// # Errors
    /// As [`Self::layer`].
    pub fn key_layer(&self) -> Result<MappedLayer, SealError> {
        self.layer(self.set.layers)
    }

    /// Removes the folder: the sector is proven, or given up.
    ///
    /// # Errors
    /// [`SealError::Disk`].
    pub fn remove(self) -> Result<(), SealError> {
        fs::remove_dir_all(&self.folder).map_err(SealError::disk("removing", &self.folder))
    }

    /// Stands for exactly these labels, as far as they are done.
    pub(super) fn digest(&self) -> [u8; 32] {
        blake3::hash(&self.state.encode()).into()
    }

    pub(super) fn rows_path(&self) -> PathBuf {
        self.folder.join("columns.rows")
    }

    fn layer_path(&self, layer: u8) -> PathBuf {
        self.folder.join(format!("layer-{layer}.labels"))
    }

    fn state_path(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// The next layer, of which nothing is there yet.
    fn begin_layer(&self) -> Result<InTheMaking, SealError> {
        let layer = self.done() + 1;
        let part = self.folder.join(format!("layer-{layer}.part"));
        let file = File::create(&part).map_err(SealError::disk("creating", &part))?;
        Ok(InTheMaking {
            layer,
            part,
            file,
            hasher: blake3::Hasher::new(),
        })
    }

    /// What the next layer is made from: none for the first.
    fn newest_layer(&self) -> Result<Option<MappedLayer>, SealError> {
        match self.done() {
            0 => Ok(None),
            done => self.layer(done).map(Some),
        }
    }

    /// Memory for a layer.
    fn buffer(&self) -> Result<LayerBuffer, SealError> {
        let nodes = usize::try_from(self.graph.nodes()).map_err(|_| SealError::TooLarge {
            log2_leaves: self.set.sector_log2_leaves,
        })?;
        LayerBuffer::new(nodes).map_err(SealError::disk("finding memory for", &self.folder))
    }

    /// All labels of a layer are written: makes it durable.
    fn end_layer(&mut self, made: InTheMaking) -> Result<(), SealError> {
        let InTheMaking { layer, part, .. } = made;
        // What the disk gave of the layer below is in these labels now: once they are committed to, it is too late.
        if layer > 1 && !self.has_its_digest(layer - 1, |_| Ok(()))? {
            let path = self.layer_path(layer - 1);
            return Err(SealError::Damaged {
                path,
                layer: layer - 1,
            });
        }
        let synced = made.file.sync_all();
        synced.map_err(SealError::disk("syncing", &part))?;
        let path = self.layer_path(layer);
        fs::rename(&part, &path).map_err(SealError::disk("renaming", &part))?;
        sync_folder(&self.folder)?;
        self.state.digests.push(made.hasher.finalize().into());
        self.write_state()?;
        if self.keep == Keep::Newest && layer > 1 {
            let old = self.layer_path(layer - 1);
            fs::remove_file(&old).map_err(SealError::disk("removing", &old))?;
        }
        Ok(())
    }

    /// Keeps the layers, from the first on, whose labels are those that were written.
    fn trust_what_is_whole(&mut self, watch: Watch<'_>) -> Result<(), SealError> {
        let done = self.done();
        let first = match self.keep {
            Keep::All => 1,
            Keep::Newest => done.max(1),
        };
        for layer in first..=done {
            if !self.is_whole(layer, watch)? {
                let kept = match self.keep {
                    Keep::All => layer - 1,
                    Keep::Newest => 0,
                };
                self.state.digests.truncate(usize::from(kept));
                return self.write_state();
            }
        }
        Ok(())
    }

    fn is_whole(&self, layer: u8, watch: Watch<'_>) -> Result<bool, SealError> {
        let total = self.graph.nodes();
        self.has_its_digest(layer, |done| watch.tell(Phase::Checking, done, total))
    }

    /// Whether the file of a layer holds what was written. Read and not mapped: a page that the disk cannot give ends a
    /// program that maps it, and here it only makes the layer one that has to be made again.
    fn has_its_digest(
        &self,
        layer: u8,
        mut tell: impl FnMut(u64) -> Result<(), SealError>,
    ) -> Result<bool, SealError> {
        let path = self.layer_path(layer);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(SealError::disk("opening", &path)(error)),
        };
        let mut hasher = blake3::Hasher::new();
        let mut block = Vec::with_capacity(CHECKED_BYTES);
        let mut done = 0;
        loop {
            block.clear();
            let read = (&file).take(CHECKED_BYTES as u64).read_to_end(&mut block);
            match read {
                Ok(0) => break,
                Ok(_) => {}
                Err(_unreadable) => return Ok(false),
            }
            hasher.update_rayon(&block);
            done += (block.len() / LABEL_BYTES) as u64;
            tell(done.min(self.graph.nodes()))?;
        }
        let digest: [u8; 32] = hasher.finalize().into();
        Ok(self.state.digests.get(usize::from(layer) - 1) == Some(&digest))
    }

    /// What is there, if it can be read as a state at all.
    fn read_state(&self) -> Result<Option<SealState>, SealError> {
        let path = self.state_path();
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(SealError::disk("opening", &path)(error)),
        };
        let mut bytes = Vec::with_capacity(STATE_BYTES_MAX + 1);
        file.take(STATE_BYTES_MAX as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(SealError::disk("reading", &path))?;
        Ok(SealState::decode(&bytes).ok())
    }

    fn write_state(&self) -> Result<(), SealError> {
        replace_file(&self.state_path(), &self.state.encode())?;
        sync_folder(&self.folder)
    }

    /// Removes the files of other labels, by name; nothing else in the folder is touched.
    fn clear(&self) -> Result<(), SealError> {
        let mut paths = vec![self.state_path(), self.rows_path()];
        paths.extend((1..=16).map(|layer| self.layer_path(layer)));
        paths.extend((1..=16).map(|layer| self.folder.join(format!("layer-{layer}.part"))));
        for path in paths {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(SealError::disk("removing", &path)(error));
                }
                _ => {}
            }
        }
        self.write_state()
    }
}

/// The file of a layer that is being made.
struct InTheMaking {
    layer: u8,
    part: PathBuf,
    file: File,
    hasher: blake3::Hasher,
}

impl InTheMaking {
    fn take(&mut self, block: &[LabelBytes]) -> Result<(), SealError> {
        let bytes = block.as_flattened();
        self.hasher.update(bytes);
        self.file
            .write_all(bytes)
            .map_err(SealError::disk("writing", &self.part))
    }
}

/// Which of several replicas the work ended at, and why.
#[derive(Debug, thiserror::Error)]
#[error("replica {replica} of those made together: {error}")]
pub struct TogetherError {
    /// Its place among them.
    pub replica: usize,
    /// What happened.
    pub error: SealError,
}

/// Makes the layers that are missing of several replicas of one set, side by side: two take a sixth to a third longer than one where
/// the processor has AVX-512. Their layers need not be the same. Each takes the memory of one.
///
/// # Errors
/// As [`Labels::finish`], with the replica it happened to; the finished layers of all stay.
pub fn finish_together(all: &mut [(&mut Labels, Watch<'_>)]) -> Result<(), TogetherError> {
    let first = all.first().map(|(first, _)| first.state.parameters);
    let of_one_set = |one: &SealState| Some(one.parameters) == first;
    if all.iter().all(|(one, _)| of_one_set(&one.state)) {
        finish_while_all_lack(all)?;
    }
    for (replica, (labels, watch)) in all.iter_mut().enumerate() {
        let finished = labels.finish(*watch);
        finished.map_err(|error| TogetherError { replica, error })?;
    }
    Ok(())
}

/// Makes layers until one of the replicas has all of its own.
fn finish_while_all_lack(all: &mut [(&mut Labels, Watch<'_>)]) -> Result<(), TogetherError> {
    let lacks = |all: &[(&mut Labels, Watch<'_>)]| {
        !all.is_empty() && all.iter().all(|(one, _)| !one.is_finished())
    };
    if !lacks(all) {
        return Ok(());
    }
    let mut buffers = Vec::with_capacity(all.len());
    for (replica, (labels, _)) in all.iter().enumerate() {
        let buffer = labels.buffer();
        buffers.push(buffer.map_err(|error| TogetherError { replica, error })?);
    }
    while lacks(all) {
        make_layers(all, &mut buffers)?;
    }
    Ok(())
}

/// The next layer of each, from nothing to durable.
fn make_layers(
    all: &mut [(&mut Labels, Watch<'_>)],
    buffers: &mut [LayerBuffer],
) -> Result<(), TogetherError> {
    let at = |replica: usize| move |error| TogetherError { replica, error };
    let Some(graph) = all.first().map(|(first, _)| first.graph.clone()) else {
        return Ok(());
    };
    let (mut making, mut below) = (Vec::new(), Vec::new());
    for (replica, (labels, _)) in all.iter().enumerate() {
        below.push(labels.newest_layer().map_err(at(replica))?);
        making.push(labels.begin_layer().map_err(at(replica))?);
    }
    let ids = all
        .iter()
        .map(|(one, _)| field::to_bytes(&one.replica_id()));
    let ids: Vec<[u8; 32]> = ids.collect();
    let parts = making.iter().zip(&below).zip(&ids).zip(buffers);
    let mut layers: Vec<Layer<'_>> = parts
        .map(|(((made, below), replica_id), buffer)| Layer {
            replica_id,
            layer: made.layer,
            below: below.as_ref().map(MappedLayer::labels),
            labels: buffer.labels(),
        })
        .collect();
    label_layers(&graph, &mut layers, |replica, block, done| {
        let phase = Phase::Labels(making[replica].layer);
        making[replica].take(block).map_err(at(replica))?;
        let told = all[replica].1.tell(phase, done, graph.nodes());
        told.map_err(at(replica))
    })?;
    // All are ended, whatever becomes of one: a layer of the other is minutes of work.
    let each = all.iter_mut().enumerate().zip(making);
    let ended =
        each.map(|((replica, (labels, _)), made)| labels.end_layer(made).map_err(at(replica)));
    ended.fold(Ok(()), Result::and)
}

fn lock(folder: &Path) -> Result<File, SealError> {
    let path = folder.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(SealError::disk("opening", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SealError::Taken {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(SealError::disk("locking", &path)(error)),
    }
}

/// Replaces a small file as a whole: it is the old one or the new one, whenever the machine stops.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), SealError> {
    let part = path.with_extension("new");
    let mut file = File::create(&part).map_err(SealError::disk("creating", &part))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(SealError::disk("writing", &part))?;
    fs::rename(&part, path).map_err(SealError::disk("renaming", &part))
}

pub(super) fn sync_folder(folder: &Path) -> Result<(), SealError> {
    File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(SealError::disk("syncing", folder))
}
