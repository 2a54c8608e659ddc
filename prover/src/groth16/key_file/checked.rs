//! Files of proving keys in memory, and the note that one was checked.
//!
//! ```text
//! <file>.checked     one line: "cairn key checked 1", then size, device, inode, times of change (mtime, ctime) in seconds and
//!                    nanoseconds, BLAKE3 of the file's header in hex
//! ```
//!
//! Checking a key takes as long as reading it from disk, and whoever starts a node wants to prove at once. A file that was
//! changed has another ctime, which no program can set back; what a disk loses silently the note does not see, but the
//! prover does: it checks each proof before it gives it away.

use std::{
    fs::{self, File},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use memmap2::Mmap;

use crate::groth16::error::KeyFileFault;

/// Maps a whole file.
#[expect(
    unsafe_code,
    reason = "a map is sound as long as nobody changes the file: it lies in the key folder, was finished and renamed into place, \
              and is only ever replaced or removed as a whole, which leaves the map whole"
)]
pub(super) fn map(file: &File) -> Result<Bytes, KeyFileFault> {
    // SAFETY: see the reason above.
    let map = unsafe { Mmap::map(file) }.map_err(|source| KeyFileFault::Io {
        action: "mapping",
        source,
    })?;
    Ok(Bytes::from_owner(map))
}

/// What the note beside a file must say.
#[derive(Debug)]
pub(super) struct Note {
    path: PathBuf,
    /// None where the system does not tell enough of the file.
    text: Option<String>,
}

impl Note {
    /// The note of a file that is open, with what it begins with.
    pub(super) fn of(path: &Path, file: &File, header: &[u8]) -> Self {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".checked");
        Self {
            path: path.with_file_name(name),
            text: text(file, header),
        }
    }

    /// Whether the file was found whole as it is.
    pub(super) fn is_there(&self) -> bool {
        let there = fs::read_to_string(&self.path).ok();
        self.text.is_some() && self.text == there
    }

    /// Notes that the file is whole; a folder that nobody may write in goes without.
    pub(super) fn write(&self) {
        if let Some(text) = &self.text {
            let partial = self
                .path
                .with_extension(format!("{}.part", std::process::id()));
            let written = fs::write(&partial, text).and_then(|()| fs::rename(&partial, &self.path));
            if written.is_err() {
                let _gone = fs::remove_file(&partial);
            }
        }
    }
}

fn text(file: &File, header: &[u8]) -> Option<String> {
    let record = file.metadata().ok()?;
    Some(format!(
        "cairn key checked 1 {} {} {} {}.{:09} {}.{:09} {}\n",
        record.size(),
        record.dev(),
        record.ino(),
        record.mtime(),
        record.mtime_nsec(),
        record.ctime(),
        record.ctime_nsec(),
        blake3::hash(header).to_hex()
    ))
}
