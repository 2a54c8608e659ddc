//! What can go wrong in a node, and whose fault it is.

use std::path::PathBuf;

use cairn_wire::{ContentId, SectorNumber};

use crate::deal::SectorId;

/// A configuration that cannot be used: the operator's to correct.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is not what the node expects.
    #[error("{path} is not a valid configuration: {reason}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// The parser's words, with line and column.
        reason: String,
    },
    /// A value is out of range.
    #[error("{key}: {reason}")]
    Value {
        /// The key at fault.
        key: &'static str,
        /// What it must be.
        reason: &'static str,
    },
    /// A file that `init` would make is already there.
    #[error("{path} exists already: init never overwrites a key or a configuration")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A key file is readable by others or is no key.
    #[error("key file {path}: {reason}")]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong, never the content.
        reason: String,
    },
}

/// The store could not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process has the folder open: the operator's fault.
    #[error("{path} is open in another process: two nodes cannot share one data folder")]
    AlreadyOpen {
        /// The data folder.
        path: PathBuf,
    },
    /// The folder was written by another version of the format: the operator's fault.
    #[error("{path} has format version {got}, this program reads version {expected}")]
    Format {
        /// The data folder.
        path: PathBuf,
        /// The version of this program.
        expected: u32,
        /// The version found.
        got: u32,
    },
    /// No space is left: the operator's to mend. Nothing that was acknowledged is lost.
    #[error(
        "the disk is full while {doing}: nothing acknowledged is lost, free space and try again ({detail})"
    )]
    DiskFull {
        /// What was being written.
        doing: &'static str,
        /// `RocksDB`'s words.
        detail: String,
    },
    /// Stored bytes are not what was written: the disk's fault.
    #[error("the disk returned damaged bytes while {doing}: {detail}")]
    Corrupt {
        /// What was being read.
        doing: &'static str,
        /// `RocksDB`'s words.
        detail: String,
    },
    /// A record does not decode: the disk's fault, or ours.
    #[error("a stored {what} record does not decode at its {field}")]
    BadRecord {
        /// The record.
        what: &'static str,
        /// The field.
        field: &'static str,
    },
    /// Something that the records say is stored is not there: the disk's fault, or ours.
    #[error("{what} is missing from the store")]
    Missing {
        /// What is missing.
        what: String,
    },
    /// A piece came out shorter or longer than announced: ours to have checked before.
    #[error("a piece of {expected} bytes got {got}")]
    PieceLength {
        /// Announced bytes.
        expected: u64,
        /// Bytes pushed.
        got: u64,
    },
    /// Any other failure of the disk.
    #[error("the disk failed while {doing}: {detail}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// `RocksDB`'s words.
        detail: String,
    },
    /// A step that a stored state does not allow: our fault.
    #[error(transparent)]
    Illegal(#[from] Illegal),
}

impl StoreError {
    /// Whether the disk gave back something else than was written (as against refusing to work).
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Corrupt { .. } | Self::BadRecord { .. } | Self::Missing { .. }
        )
    }
}

/// A step that a persisted state does not allow: our fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a {what} that is {state} cannot take {event}")]
pub struct Illegal {
    /// The machine.
    pub what: &'static str,
    /// Its state.
    pub state: &'static str,
    /// The event that came.
    pub event: &'static str,
}

/// A sector could not be built or read.
#[derive(Debug, thiserror::Error)]
pub enum SectorError {
    /// The store's part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A stored leaf is no field element: the disk's fault.
    #[error("sector {sector} holds bytes at leaf {leaf} that are no field element")]
    NotALeaf {
        /// The sector.
        sector: SectorId,
        /// The first leaf at fault.
        leaf: u64,
    },
    /// The leaves of a chunk do not hash to the row above them: the disk's fault.
    #[error("sector {sector} is rotten: the chunk of leaf {leaf} does not hash to its stored row")]
    Rotten {
        /// The sector.
        sector: SectorId,
        /// The leaf asked for.
        leaf: u64,
    },
    /// A piece's bytes changed between its arrival and its packing: the disk's fault.
    #[error("piece {content_id} no longer hashes to its comm_p")]
    PieceChanged {
        /// The piece.
        content_id: ContentId,
    },
    /// A layout that cannot be: our fault.
    #[error("layout of sector {sector}: {reason}")]
    Layout {
        /// The sector.
        sector: SectorId,
        /// What is wrong.
        reason: &'static str,
    },
}

/// A proof could not be made. "The proof is false" is never among these: it is checked here before it is sent.
#[derive(Debug, thiserror::Error)]
pub enum ProvingError {
    /// A sampled leaf could not be read back as it was committed: the disk's fault.
    #[error("sector {number} is rotten at leaf {leaf}: {reason}")]
    Rotten {
        /// The sector, by its number on chain.
        number: SectorNumber,
        /// The sampled leaf.
        leaf: u64,
        /// What the check said.
        reason: String,
    },
    /// The provider tree the chain froze is not among the states this node has followed: the chain's view and ours differ.
    #[error("the frozen tree (count {count}) is not one that this node has followed")]
    UnknownTree {
        /// Frozen count.
        count: u32,
    },
    /// Proving or the local check of the proof failed: our fault.
    #[error("proving: {reason}")]
    Prover {
        /// The prover's words.
        reason: String,
    },
    /// The operator's account holds too few tokens to stake for a slot: the operator's fault.
    #[error("{needed} more must be staked, the operator's account holds {at_hand}")]
    Collateral {
        /// What is missing, in smallest token units.
        needed: u128,
        /// What the account holds.
        at_hand: u128,
    },
    /// The chain's part.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// The store's part.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A sector's part.
    #[error(transparent)]
    Sector(#[from] SectorError),
}

/// A slot that somebody lost was not repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairFault {
    /// It is not for this node: nobody's fault.
    #[error("{0}")]
    NotWorthIt(&'static str),
    /// The siblings did not give the piece: their holders' fault, or that of the owner whose pieces were no codeword.
    #[error("{0}")]
    Siblings(String),
    /// The piece's commitment on chain is not that of its bytes: the fault of the provider that lost it.
    #[error(
        "the slot's commitment is not that of the piece: nobody can repair it until that is disputed"
    )]
    FalseCommitment,
    /// The rebuilt piece cannot be hashed: our fault, or the disk's.
    #[error("the rebuilt piece: {0}")]
    Piece(String),
    /// The chain's part.
    #[error(transparent)]
    Chain(ChainFault),
    /// The store's part.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The machine did not get a sector further.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It was told to stop: nobody's fault, and nothing durable is lost.
    #[error("sealing was told to stop")]
    Stopped,
    /// What it kept of its own work is not what it wrote: the disk's fault. The work is done anew.
    #[error("what was kept of sealing is damaged: {reason}")]
    Damaged {
        /// What does not fit.
        reason: String,
    },
    /// What was committed to cannot be shown any more: its number and its deposit are lost.
    #[error("what was committed to cannot be shown: {reason}")]
    Lost {
        /// What does not fit.
        reason: String,
    },
    /// Everything else.
    #[error(transparent)]
    Proving(#[from] ProvingError),
}

impl From<StoreError> for SealError {
    fn from(error: StoreError) -> Self {
        Self::Proving(error.into())
    }
}

impl From<SectorError> for SealError {
    fn from(error: SectorError) -> Self {
        Self::Proving(error.into())
    }
}

/// The chain did not do it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ChainFault {
    /// No endpoint answered: nobody knows what the chain says.
    #[error("no RPC endpoint answers: {0}")]
    Unreachable(String),
    /// Gas costs more than the configuration allows for this: the operator's decision.
    #[error("{0}")]
    Dear(String),
    /// The chain answered, with a refusal.
    #[error("the chain refused: {0}")]
    Refused(String),
}

/// The node could not start or had to stop.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The operator's configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainFault),
    /// Keys, ports, deployment: with what was being done.
    #[error("{doing}: {reason}")]
    Start {
        /// What was being done.
        doing: &'static str,
        /// Why it failed.
        reason: String,
    },
}
