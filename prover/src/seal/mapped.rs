//! A finished layer of labels, mapped from its file: held in memory as far as there is some, read from disk beyond that.

use super::error::SealError;
use super::layer::{LABEL_BYTES, LabelBytes};
use memmap2::{Mmap, MmapMut};
use std::fs::File;
use std::io;
use std::path::Path;

/// The labels of one layer, by node.
#[derive(Debug)]
pub struct MappedLayer {
    map: Mmap,
}

impl MappedLayer {
    /// Maps the file of a finished layer of this many nodes.
    ///
    /// # Errors
    /// [`SealError::Damaged`] for a file of another length, [`SealError::Disk`].
    #[expect(
        unsafe_code,
        reason = "a map is sound as long as nobody changes the file: it lies in the node's own folder, was finished and \
                  renamed into place, and is only ever removed, which leaves the map whole"
    )]
    pub(super) fn open(path: &Path, layer: u8, nodes: u64) -> Result<Self, SealError> {
        let file = File::open(path).map_err(SealError::disk("opening", path))?;
        let length = file
            .metadata()
            .map_err(SealError::disk("looking at", path))?;
        if length.len() != nodes * LABEL_BYTES as u64 {
            return Err(SealError::Damaged {
                path: path.to_owned(),
                layer,
            });
        }
        // SAFETY: see the reason above.
        let map = unsafe { Mmap::map(&file) }.map_err(SealError::disk("mapping", path))?;
        Ok(Self { map })
    }

    /// The labels, by node.
    #[must_use]
    pub fn labels(&self) -> &[LabelBytes] {
        self.map.as_chunks::<LABEL_BYTES>().0
    }
}

/// Memory for the labels of a layer in the making. In large pages where the system has them: its parents lie all over
/// it, and with small pages every other one costs a walk through the page tables.
#[derive(Debug)]
pub struct LayerBuffer {
    map: MmapMut,
}

impl LayerBuffer {
    /// Memory for this many labels, all zero.
    ///
    /// # Errors
    /// What the system says when there is no more.
    pub fn new(nodes: usize) -> io::Result<Self> {
        let map = MmapMut::map_anon(nodes.saturating_mul(LABEL_BYTES))?;
        // A system without large pages refuses; small ones do too.
        #[cfg(target_os = "linux")]
        let _refused = map.advise(memmap2::Advice::HugePage);
        Ok(Self { map })
    }

    /// The labels, by node.
    #[must_use]
    pub fn labels(&mut self) -> &mut [LabelBytes] {
        self.map.as_chunks_mut::<LABEL_BYTES>().0
    }
}
