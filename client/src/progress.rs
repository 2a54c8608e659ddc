//! What a user interface may watch.

/// What is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Encrypting, coding and hashing; counted in bytes of the object.
    Encode,
    /// Sending pieces; counted in bytes of pieces.
    Upload,
    /// Recomputing commitments; counted in bytes of pieces.
    Check,
    /// Waiting until slots are filled on chain; counted in slots.
    Activate,
    /// Reading; counted in bytes of the object.
    Download,
    /// Reading the siblings of lost pieces; counted in their verified bytes.
    Fetch,
    /// Making lost pieces again; counted in their bytes.
    Rebuild,
}

/// An observer. Called from several threads; must return quickly.
pub trait Progress: Send + Sync {
    /// A stage begins, of `total` units if that is known.
    fn begin(&self, stage: Stage, total: Option<u64>);
    /// So many more units of a stage are done.
    fn advance(&self, stage: Stage, units: u64);
    /// A stage is over.
    fn end(&self, stage: Stage);
    /// Something a person should know while it goes on: why it takes so long.
    fn note(&self, _text: &str) {}
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _stage: Stage, _total: Option<u64>) {}
    fn advance(&self, _stage: Stage, _units: u64) {}
    fn end(&self, _stage: Stage) {}
}
