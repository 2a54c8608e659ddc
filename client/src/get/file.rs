//! A destination that appears only when it is complete.

use std::path::Path;
use std::sync::Arc;

use crate::client::Shared;
use crate::error::GetError;
use crate::files::{self, Partial};
use crate::get::{ByteRange, GetReport, get};
use crate::market::Market;

/// See [`crate::Client::get_to_file`].
pub(crate) async fn get_to_file<M: Market>(
    shared: &Arc<Shared<M>>,
    name: &str,
    path: &Path,
    range: ByteRange,
) -> Result<GetReport, GetError> {
    let mut random = [0; 8];
    shared.entropy.fill(&mut random);
    let partial_path = files::partial_name(path, &format!("cairn-{}", hex::encode(random)));
    let failed = |source| GetError::File {
        path: path.to_owned(),
        source,
    };
    let created = tokio::fs::File::options()
        .write(true)
        .create_new(true)
        .open(&partial_path)
        .await;
    let mut file = created.map_err(failed)?;
    let mut partial = Partial {
        path: partial_path,
        kept: false,
    };
    let report = get(shared, name, &mut file, range).await?;
    file.sync_all().await.map_err(failed)?;
    drop(file);
    tokio::fs::rename(&partial.path, path)
        .await
        .map_err(failed)?;
    partial.kept = true;
    files::sync_folder(path).map_err(failed)?;
    Ok(report)
}
