//! The folders of labels: one a sector and ticket, so that labels of one replica are never taken for those of another.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::deal::{SealId, SectorId};
use crate::error::StoreError;

/// The folder in which all of them are.
#[derive(Clone, Debug)]
pub struct LabelFolders {
    root: PathBuf,
}

impl LabelFolders {
    /// Opens (or makes) the folder.
    ///
    /// # Errors
    /// The disk's own.
    pub fn open(root: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(root).map_err(|error| io("making the label folder", &error))?;
        Ok(Self { root: root.into() })
    }

    /// Where the labels of one sealing lie. The same sector under another number or ticket has another place.
    #[must_use]
    pub fn of(&self, sector: SectorId, id: &SealId) -> PathBuf {
        self.root.join(name(sector, id))
    }

    /// Where labels lie while the data of a sector is made readable again.
    #[must_use]
    pub fn scratch(&self, sector: SectorId) -> PathBuf {
        self.root.join(format!("{PREFIX}{}-unsealing", sector.0))
    }

    /// Bytes free where labels go.
    ///
    /// # Errors
    /// The disk's own.
    pub fn free_bytes(&self) -> Result<u64, StoreError> {
        let stat = rustix::fs::statvfs(&self.root)
            .map_err(|error| io("asking for free space", &std::io::Error::from(error)))?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Removes the labels of one sealing, if they are there.
    ///
    /// # Errors
    /// The disk's own.
    pub fn remove(&self, sector: SectorId, id: &SealId) -> Result<(), StoreError> {
        remove(&self.of(sector, id))
    }

    /// Removes every folder that is none of these: what crashes and lost numbers left. Gives how many.
    ///
    /// # Errors
    /// The disk's own.
    pub fn sweep(&self, wanted: &[(SectorId, SealId)]) -> Result<usize, StoreError> {
        let wanted: BTreeSet<String> = wanted
            .iter()
            .map(|(sector, id)| name(*sector, id))
            .collect();
        let doing = "sweeping the label folder";
        let mut swept = 0;
        for entry in std::fs::read_dir(&self.root).map_err(|error| io(doing, &error))? {
            let entry = entry.map_err(|error| io(doing, &error))?;
            let is_ours = entry
                .file_name()
                .to_str()
                .is_some_and(|found| found.starts_with(PREFIX) && !wanted.contains(found));
            if is_ours {
                remove(&entry.path())?;
                swept += 1;
            }
        }
        Ok(swept)
    }
}

/// Only what begins with this is ever removed: the operator may have named a folder that holds something else.
const PREFIX: &str = "sector-";

fn name(sector: SectorId, id: &SealId) -> String {
    format!(
        "{PREFIX}{}-number-{}-ticket-{}",
        sector.0, id.number, id.ticket_period
    )
}

fn remove(folder: &Path) -> Result<(), StoreError> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io("removing labels", &error)),
        _ => Ok(()),
    }
}

fn io(doing: &'static str, error: &std::io::Error) -> StoreError {
    let detail = error.to_string();
    if error.kind() == ErrorKind::StorageFull {
        StoreError::DiskFull { doing, detail }
    } else {
        StoreError::Io { doing, detail }
    }
}

#[cfg(test)]
mod tests {
    use cairn_wire::{Commitment, Period, SectorNumber};

    use super::*;

    fn id(number: u64, ticket_period: u64) -> SealId {
        SealId {
            number: SectorNumber(number),
            ticket_period: Period(ticket_period),
            ticket: Commitment::default(),
        }
    }

    #[test]
    fn a_sweep_keeps_what_is_wanted_and_what_is_not_ours() {
        let home = tempfile::tempdir().unwrap();
        let folders = LabelFolders::open(&home.path().join("labels")).unwrap();
        let (kept, stale, lost) = (id(1, 5), id(1, 4), id(2, 5));
        for seal in [&kept, &stale, &lost] {
            std::fs::create_dir_all(folders.of(SectorId(7), seal)).unwrap();
        }
        let foreign = home.path().join("labels").join("holiday");
        std::fs::create_dir_all(&foreign).unwrap();
        assert_eq!(folders.sweep(&[(SectorId(7), kept)]).unwrap(), 2, "swept");
        assert!(folders.of(SectorId(7), &kept).exists(), "wanted");
        assert!(!folders.of(SectorId(7), &stale).exists(), "an old ticket");
        assert!(!folders.of(SectorId(7), &lost).exists(), "a lost number");
        assert!(foreign.exists(), "somebody else's");
        folders.remove(SectorId(7), &kept).unwrap();
        folders.remove(SectorId(7), &kept).unwrap();
        assert!(!folders.of(SectorId(7), &kept).exists(), "removed, twice");
    }
}
