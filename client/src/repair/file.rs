//! Files that appear only when all lost pieces are there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_contracts::{DealInfo, ProviderInfo};
use cairn_wire::SlotIndex;
use tokio::fs::File;

use crate::error::RepairError;
use crate::files::{self, Partial};
use crate::peers::Peers;
use crate::progress::Progress;
use crate::repair::repairer::{RebuildOptions, Rebuilt};
use crate::repair::run::rebuild;

/// See [`crate::Repairer::rebuild_to_files`].
pub(crate) async fn rebuild_to_files(
    peers: &Arc<Peers>,
    deal: &DealInfo,
    holders: &[(SlotIndex, ProviderInfo)],
    lost: Vec<(SlotIndex, PathBuf)>,
    options: &RebuildOptions,
    progress: Arc<dyn Progress>,
) -> Result<Rebuilt, RepairError> {
    let mut partials = Vec::with_capacity(lost.len());
    for (slot, path) in &lost {
        partials.push(create(*slot, path).await?);
    }
    let sinks = partials.iter_mut().map(|(slot, _, file)| (*slot, file));
    let rebuilt = rebuild(peers, deal, holders, sinks.collect(), options, progress).await?;
    for (_, partial, file) in &partials {
        let synced = file.sync_all().await;
        synced.map_err(|source| failed(&partial.path, source))?;
    }
    for ((_, partial, _), (_, path)) in partials.iter_mut().zip(&lost) {
        let renamed = tokio::fs::rename(&partial.path, path).await;
        renamed.map_err(|source| failed(path, source))?;
        partial.kept = true;
        files::sync_folder(path).map_err(|source| failed(path, source))?;
    }
    Ok(rebuilt)
}

/// A temporary file for a piece, in place of one that a process which died may have left.
async fn create(slot: SlotIndex, path: &Path) -> Result<(SlotIndex, Partial, File), RepairError> {
    let partial_path = files::partial_name(path, "cairn-rebuild");
    let created = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&partial_path)
        .await;
    let file = created.map_err(|source| failed(path, source))?;
    let partial = Partial {
        path: partial_path,
        kept: false,
    };
    Ok((slot, partial, file))
}

fn failed(path: &Path, source: std::io::Error) -> RepairError {
    RepairError::File {
        path: path.to_owned(),
        source,
    }
}
