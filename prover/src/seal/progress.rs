//! How far the work is, and the flag that stops it.

use super::error::SealError;
use std::sync::atomic::{AtomicBool, Ordering};

/// What is being done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Finished layers are read once more before they are trusted.
    Checking,
    /// Labels of this layer, the first is 1.
    Labels(u8),
    /// The tree over all labels.
    Columns,
    /// Encoding, and the tree over the replica.
    Replica,
}

/// How much of a phase is done, in nodes of the graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub phase: Phase,
    /// Nodes done.
    pub done: u64,
    /// Nodes in all.
    pub total: u64,
}

/// What long work is watched by: it tells how far it is and looks whether to stop, many times a second.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    progress: &'a (dyn Fn(Progress) + Sync),
    stop: &'a AtomicBool,
}

impl std::fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("stop", &self.stop)
            .finish_non_exhaustive()
    }
}

impl<'a> Watch<'a> {
    /// Tells `progress`, stops when `stop` becomes true.
    #[must_use]
    pub fn new(progress: &'a (dyn Fn(Progress) + Sync), stop: &'a AtomicBool) -> Self {
        Self { progress, stop }
    }

    pub(super) fn tell(&self, phase: Phase, done: u64, total: u64) -> Result<(), SealError> {
        (self.progress)(Progress { phase, done, total });
        if self.stop.load(Ordering::Relaxed) {
            return Err(SealError::Stopped);
        }
        Ok(())
    }
}
