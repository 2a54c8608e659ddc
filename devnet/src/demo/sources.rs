//! A real file to put: a tar of the sources that the project itself was built from.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use tokio::process::Command;

/// The smallest file the demo puts.
pub(super) const LEAST_BYTES: u64 = 64 << 20;

/// Writes a tar of dependency sources, as many crates as it takes, to `to`; returns its size.
///
/// # Errors
/// When the folder of sources is missing or too small, or tar fails.
pub(super) async fn pack(cargo_home: &Path, to: &Path) -> Result<u64> {
    let registry = newest_folder(&cargo_home.join("registry/src"))?;
    let mut crates: Vec<PathBuf> = fs::read_dir(&registry)?
        .map(|e| Ok(e?.path()))
        .collect::<Result<_>>()?;
    crates.sort();
    let (mut names, mut bytes) = (Vec::new(), 0);
    for folder in crates {
        if bytes >= LEAST_BYTES {
            break;
        }
        bytes += size_of(&folder)?;
        names.extend(folder.file_name().map(ToOwned::to_owned));
    }
    if bytes < LEAST_BYTES {
        bail!(
            "{} holds only {bytes} bytes of sources; name a file with --file",
            registry.display()
        );
    }
    let status = Command::new("tar")
        .arg("-cf")
        .arg(to)
        .arg("-C")
        .arg(&registry)
        .args(&names)
        .status()
        .await?;
    if !status.success() {
        bail!("tar ended with {status}");
    }
    Ok(fs::metadata(to)?.len())
}

fn newest_folder(parent: &Path) -> Result<PathBuf> {
    let folders =
        fs::read_dir(parent).with_context(|| format!("no sources in {}", parent.display()))?;
    let mut found: Vec<PathBuf> = folders.map(|e| Ok(e?.path())).collect::<Result<_>>()?;
    found.sort();
    found
        .pop()
        .with_context(|| format!("no sources in {}", parent.display()))
}

fn size_of(path: &Path) -> Result<u64> {
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_dir() {
        return Ok(meta.len());
    }
    fs::read_dir(path)?.try_fold(0, |sum, entry| Ok(sum + size_of(&entry?.path())?))
}
