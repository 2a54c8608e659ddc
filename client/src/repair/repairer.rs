//! Who repairs, what it may be told, and what it met.

use std::fmt;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cairn_contracts::{DealInfo, ProviderInfo};
use cairn_wire::{LeafOpening, Limits, OpenLeaf, SlotIndex};
use tokio::io::AsyncWrite;

use crate::error::RepairError;
use crate::fetch::PeerTrouble;
use crate::peers::Peers;
use crate::progress::Progress;
use crate::repair::{file, run};

/// What a repair may be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RebuildOptions {
    /// The most that is asked for in a second, on average, of all holders together; no bound if `None`.
    pub bytes_per_s: Option<NonZeroU64>,
    /// Holders asked beyond k; the fastest k count, the others' answers are thrown away. None, unless haste is worth it.
    pub extra_holders: u16,
    /// Bound on the memory for parts of pieces under way; at least 16 KiB of every piece are held.
    pub memory_bytes: u64,
    /// After so long without an answer one more holder is asked.
    pub hedge: Duration,
    /// For pieces that holders say they are unsealing, as long as fewer than k can be read.
    pub unseal: Duration,
}

impl Default for RebuildOptions {
    fn default() -> Self {
        Self {
            bytes_per_s: None,
            extra_holders: 0,
            memory_bytes: 64 << 20,
            hedge: Duration::from_secs(10),
            unseal: Duration::from_hours(4),
        }
    }
}

/// What a repair met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rebuilt {
    /// Verified bytes of siblings that were used: k pieces' worth, however many were lost.
    pub fetched_bytes: u64,
    /// Bytes of the lost pieces.
    pub rebuilt_bytes: u64,
    /// Holders that did not answer, refused, or lied; each once.
    pub troubles: Vec<PeerTrouble>,
    /// How many different holders gave bytes that were used.
    pub served_by: usize,
}

/// Makes lost pieces again. Keeps its connections to the holders it has asked; clones share them.
#[derive(Clone)]
pub struct Repairer {
    peers: Arc<Peers>,
}

impl fmt::Debug for Repairer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repairer").finish_non_exhaustive()
    }
}

impl Repairer {
    /// With these limits: how long it waits for a connection, an answer, the next bytes of a body.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            peers: Arc::new(Peers::new(limits)),
        }
    }

    /// Writes the pieces of the slots in `lost`, each to its sink, from k of the pieces that `holders` hold. Every part
    /// is fetched once for all of them.
    ///
    /// A holder that fails or lies is replaced by another. Only when this returns without an error are the bytes in the
    /// sinks the lost pieces; after an error, or when the future is dropped, they are worth nothing.
    ///
    /// The deal's terms and slots come from the chain and are its owner's word; the holders' bytes are nobody's until
    /// they are verified. What an owner can do is to have the repair fail, at the cost of fetching k pieces.
    ///
    /// # Errors
    /// [`RepairError`].
    pub async fn rebuild<W>(
        &self,
        deal: &DealInfo,
        holders: &[(SlotIndex, ProviderInfo)],
        lost: Vec<(SlotIndex, W)>,
        options: &RebuildOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Rebuilt, RepairError>
    where
        W: AsyncWrite + Send + Unpin,
    {
        run::rebuild(&self.peers, deal, holders, lost, options, progress).await
    }

    /// A leaf of a piece with its path, from who holds it. It proves nothing before it is verified against a commitment.
    ///
    /// # Errors
    /// [`RepairError::Holder`].
    pub async fn open_leaf(
        &self,
        holder: &ProviderInfo,
        request: &OpenLeaf,
    ) -> Result<LeafOpening, RepairError> {
        let failed = |reason: String| RepairError::Holder {
            provider: holder.address,
            reason,
        };
        let connection = self.peers.connect(holder).await;
        let connection = connection.map_err(|error| failed(error.to_string()))?;
        let opened = connection.open_leaf(request).await;
        opened.map_err(|error| failed(error.to_string()))
    }

    /// As [`Repairer::rebuild`], to files that appear (or are replaced) only when all lost pieces are there and right.
    /// A temporary file stands beside each meanwhile; it does not outlive the call, unless the process dies, and the
    /// next repair to the same file takes its place.
    ///
    /// # Errors
    /// [`RepairError`]; the files are as they were before, unless one of several could not be given its name.
    pub async fn rebuild_to_files(
        &self,
        deal: &DealInfo,
        holders: &[(SlotIndex, ProviderInfo)],
        lost: Vec<(SlotIndex, PathBuf)>,
        options: &RebuildOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Rebuilt, RepairError> {
        file::rebuild_to_files(&self.peers, deal, holders, lost, options, progress).await
    }
}
