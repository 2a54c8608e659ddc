//! Files that must survive a crash and must not be read by others.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Replaces `path` by a file of mode 0600 that holds `bytes`, or leaves it as it was: writes a temporary name beside
/// it, syncs, renames, syncs the folder.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let partial = partial_name(path, "partial");
    write_private(&partial, bytes, false)?;
    std::fs::rename(&partial, path)?;
    sync_folder(path)
}

/// Makes a new file of mode 0600; fails if there is one.
pub(crate) fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_private(path, bytes, true)?;
    sync_folder(path)
}

fn write_private(path: &Path, bytes: &[u8], new: bool) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(!new)
        .create_new(new)
        .truncate(!new)
        .mode(0o600)
        .open(path)?;
    // a left-over of an earlier crash may have another mode
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Makes the names in `path`'s folder durable.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// The permission bits if anybody but the owner may do anything with the file.
pub(crate) fn exposed_mode(path: &Path) -> io::Result<Option<u32>> {
    let mode = std::fs::metadata(path)?.permissions().mode() & 0o777;
    Ok(Some(mode).filter(|mode| mode & 0o077 != 0))
}

/// `folder/.name.suffix`
pub(crate) fn partial_name(path: &Path, suffix: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".");
    name.push(suffix);
    path.with_file_name(name)
}

/// A file that is removed unless it was kept.
pub(crate) struct Partial {
    pub(crate) path: PathBuf,
    pub(crate) kept: bool,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.kept
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(path = %self.path.display(), %error, "the temporary file stays");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_private_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("secret");
        std::fs::write(&path, b"old").unwrap();
        assert!(exposed_mode(&path).unwrap().is_some());
        replace_private(&path, b"new").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(exposed_mode(&path).unwrap(), None);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_existing_file_is_never_overwritten_by_create() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        create_private(&path, b"one").unwrap();
        assert_eq!(
            create_private(&path, b"two").unwrap_err().kind(),
            io::ErrorKind::AlreadyExists
        );
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
    }
}
