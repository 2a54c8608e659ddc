//! What can go wrong, one enum a verb, and whose fault it is.

use std::io;
use std::path::PathBuf;

use cairn_contracts::{ChainError, DeploymentFileError};
use cairn_erasure::CodeError;
use cairn_merkle::{Commitment, PieceError};
use cairn_wire::{
    Address, ConnectError, DealId, KeyError, RequestError, SignatureError, SlotIndex,
};
use thiserror::Error;

use crate::fetch::PeerTrouble;
use crate::put::SlotReport;

/// The home folder: the user's settings, or the disk under them.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// Disk: a file could not be read.
    #[error("{path}: {source}{}", hint(source))]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Disk: a file could not be written.
    #[error("{path} could not be written: {source}")]
    Write {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// User: the file is not a configuration.
    #[error("{path} is not a configuration: {source}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// Line and column.
        source: serde_json::Error,
    },
    /// User: a value that makes no sense.
    #[error("setting {key}: {reason}")]
    Value {
        /// Which setting.
        key: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// User: there is a wallet already, and its key is never overwritten.
    #[error("{path} exists already: this folder has been set up (choose another with --home)")]
    Exists {
        /// The file in the way.
        path: PathBuf,
    },
    /// User: the file holds a secret and others may read it.
    #[error(
        "{path} holds a secret key and has mode {mode:o}: only its owner may read it (chmod 600)"
    )]
    Exposed {
        /// Which file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// User: the file is no secret key.
    #[error("{path}: {source}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// What is wrong.
        source: KeyError,
    },
    /// User: the deployment file is missing or no deployment.
    #[error(transparent)]
    Deployment(#[from] DeploymentFileError),
}

fn hint(source: &io::Error) -> &'static str {
    if source.kind() == io::ErrorKind::NotFound {
        " (run `cairn init` first?)"
    } else {
        ""
    }
}

/// A client could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// User or disk.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Chain or the way to it.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Deployment: its parameter set is not the one this software knows by that name.
    #[error("parameter set {set}: {field} is {got} in the deployment, {expected} in this software")]
    Parameters {
        /// Name of the set.
        set: String,
        /// What differs.
        field: &'static str,
        /// Ours.
        expected: u64,
        /// Theirs.
        got: u64,
    },
    /// Deployment: its verifying key is not the published one, so its maker may forge proofs.
    #[error(transparent)]
    Key(#[from] cairn_prover::keys::known::NotPublished),
    /// Deployment: keys made from a public seed, under which anybody can forge, on a chain that is no development chain.
    #[error("parameter set {set} is for development chains only, this is chain {chain_id}")]
    InsecureSet {
        /// Name of the set.
        set: String,
        /// The chain.
        chain_id: u64,
    },
    /// Deployment: its empty provider tree is not empty.
    #[error("the deployment's empty provider tree is not that of parameter set {set}")]
    EmptyRoot {
        /// Name of the set.
        set: String,
    },
    /// Deployment: this software does not know the parameter set.
    #[error("parameter set {set} is unknown to this software")]
    UnknownSet {
        /// Name of the set.
        set: String,
    },
}

/// The local catalog.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// Disk.
    #[error("catalog {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Disk or user: the file is not a catalog.
    #[error("{path} is not a catalog: {source}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// Line and column.
        source: serde_json::Error,
    },
    /// User: written by other software.
    #[error("{path} has catalog version {got}, this software reads {expected}")]
    Version {
        /// Which file.
        path: PathBuf,
        /// Ours.
        expected: u32,
        /// Theirs.
        got: u32,
    },
    /// Disk or user: an entry contradicts itself.
    #[error("the catalog's entry {name:?} is damaged: {reason}")]
    Damaged {
        /// Which object.
        name: String,
        /// What does not fit.
        reason: &'static str,
    },
    /// User.
    #[error("there is no object {name:?} (`cairn ls` lists them)")]
    NoSuchName {
        /// The name asked for.
        name: String,
    },
    /// User: names are not reused silently.
    #[error("there is an object {name:?} already: choose another name, or `cairn rm` it first")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// User: a name that could not be shown or kept.
    #[error("a name has 1 to 1024 bytes and no control characters")]
    BadName,
}

/// An object cannot be cut as asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// User: k and n are no code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// User: not even one row of the code fits.
    #[error(
        "the memory bound of {got_bytes} bytes does not hold two rows: {needed_bytes} are needed for this k and n"
    )]
    Memory {
        /// Least bound.
        needed_bytes: u64,
        /// The bound.
        got_bytes: u64,
    },
}

/// The cipher refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CipherError {
    /// User: an object beyond the cipher's counter.
    #[error("an object has at most 2^32 - 1 chunks of 64 KiB (256 TiB)")]
    TooLong,
    /// Catalog: the bytes are those of the content ids, and yet not of this key.
    #[error("chunk {chunk} does not authenticate under the object's key")]
    NotAuthentic {
        /// Which one.
        chunk: u64,
    },
}

/// No n providers to store with.
#[derive(Debug, Error)]
pub enum ChooseError {
    /// Market: too few take part, are reachable, or are content with the price.
    #[error(
        "{needed} different providers are needed for n = {needed}, {got} of the {registered} registered will do{}",
        listed(reasons)
    )]
    TooFew {
        /// n.
        needed: usize,
        /// Those that will do.
        got: usize,
        /// All of them.
        registered: usize,
        /// Why the others will not.
        reasons: Vec<String>,
    },
}

fn listed(reasons: &[String]) -> String {
    reasons
        .iter()
        .map(|reason| format!("\n  {reason}"))
        .collect()
}

/// A Receipt that is not worth an Acceptance. Always the node's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// It promises something else.
    #[error("its {field} is not what was sent")]
    Terms {
        /// What differs.
        field: &'static str,
    },
    /// It is not signed by the provider's operator.
    #[error("its signature: {0}")]
    Signature(#[from] SignatureError),
    /// It has run out, or is about to.
    #[error("it expires at {expiry_unix}, which is not after {now_unix}")]
    Expired {
        /// Its expiry.
        expiry_unix: u64,
        /// The chain's time.
        now_unix: u64,
    },
    /// It commits to other bytes.
    #[error("its comm_p is {got}, the piece's is {expected}")]
    Commitment {
        /// Computed here, from our own bytes.
        expected: Commitment,
        /// Signed by the node.
        got: Commitment,
    },
    /// A leaf that was drawn is not the piece's, or does not lie under the commitment.
    #[error("leaf {leaf} under its comm_p is not the piece's")]
    Leaf {
        /// Which leaf was asked for.
        leaf: u64,
    },
}

/// One slot was not filled.
#[derive(Debug, Error)]
pub enum SlotError {
    /// Network or node: no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Node: it refused, or failed, or lied.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// Node: a bad Receipt.
    #[error("the Receipt is not worth accepting: {0}")]
    Receipt(#[from] ReceiptError),
    /// Us: the Acceptance could not be signed.
    #[error("the Acceptance could not be signed: {0}")]
    Sign(#[source] SignatureError),
    /// Us: a task ended early.
    #[error("interrupted: {0}")]
    Interrupted(String),
}

/// An object was not stored.
#[derive(Debug, Error)]
pub enum PutError {
    /// User or disk.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// User.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// User: an object beyond the cipher's counter.
    #[error(transparent)]
    Cipher(#[from] CipherError),
    /// User: the source of the object failed.
    #[error("the object could not be read: {0}")]
    Source(#[source] io::Error),
    /// Disk: the ciphertext is kept in a temporary file until it is uploaded.
    #[error("temporary file {path}: {source}")]
    Spool {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Disk: the temporary file came back different from what was written.
    #[error("temporary file {path} changed between coding and upload: segment {segment}")]
    SpoolChanged {
        /// Which file.
        path: PathBuf,
        /// Where.
        segment: usize,
    },
    /// Market.
    #[error(transparent)]
    Choose(#[from] ChooseError),
    /// User: not enough tokens for the escrow.
    #[error("the escrow is {needed}, the wallet {account} holds {have} (smallest token units)")]
    Funds {
        /// Whose.
        account: Address,
        /// Escrow of all deals.
        needed: u128,
        /// Balance.
        have: u128,
    },
    /// User: a duration of no periods, or more escrow than there can be.
    #[error("{0}")]
    Terms(&'static str),
    /// Chain or the way to it.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Chain: the transaction is not final enough in time.
    #[error(
        "the deals are in block {block}, which did not get {confirmations} confirmations within {waited_s} s"
    )]
    Unconfirmed {
        /// The block.
        block: u64,
        /// How many were asked for.
        confirmations: u64,
        /// How long was waited.
        waited_s: u64,
    },
    /// Nodes: a segment has fewer than k pieces, so the object cannot be read back.
    #[error(
        "segment {segment} (deal {deal}): only {stored} of the {needed} pieces needed were stored{}",
        failures(slots)
    )]
    TooFewStored {
        /// Which segment.
        segment: usize,
        /// Its deal.
        deal: DealId,
        /// Pieces stored.
        stored: usize,
        /// k.
        needed: usize,
        /// All slots of the segment.
        slots: Vec<SlotReport>,
    },
    /// Us: a piece beyond what can be committed to.
    #[error(transparent)]
    Piece(#[from] PieceError),
    /// Us: a task ended early.
    #[error("interrupted: {0}")]
    Interrupted(String),
}

fn failures(slots: &[SlotReport]) -> String {
    slots
        .iter()
        .filter(|slot| !slot.is_stored())
        .map(|slot| format!("\n  {slot}"))
        .collect()
}

/// An object was not read.
#[derive(Debug, Error)]
pub enum GetError {
    /// User or disk.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// User: the object was stored on another chain or market.
    #[error(
        "the object was stored through contract {expected} on chain {expected_chain}, this client uses {got} on chain {got_chain}"
    )]
    OtherMarket {
        /// Chain of the object.
        expected_chain: u64,
        /// Deals contract of the object.
        expected: Address,
        /// Chain of this client.
        got_chain: u64,
        /// Deals contract of this client.
        got: Address,
    },
    /// User: a range beyond the object.
    #[error("bytes {start}..{end} were asked for, the object has {len}")]
    Range {
        /// First byte.
        start: u64,
        /// One past the last.
        end: u64,
        /// Bytes of the object.
        len: u64,
    },
    /// Chain or the way to it.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Nodes: fewer than k answered with verified bytes.
    #[error(
        "segment {segment} (deal {deal}): {answered} of {asked} nodes answered with verified bytes, {needed} are needed{}",
        told(troubles)
    )]
    TooFewAnswered {
        /// Which segment.
        segment: usize,
        /// Its deal.
        deal: DealId,
        /// Nodes that answered.
        answered: usize,
        /// k.
        needed: usize,
        /// Nodes asked: every holder.
        asked: usize,
        /// What was wrong with the others.
        troubles: Vec<PeerTrouble>,
    },
    /// Catalog: what the content ids and the key say does not fit together.
    #[error(transparent)]
    Cipher(#[from] CipherError),
    /// Catalog or us: pieces of lengths that are no code word.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// User or disk: the destination failed.
    #[error("the bytes could not be written: {0}")]
    Sink(#[source] io::Error),
    /// User or disk: the destination file.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Us: a task ended early.
    #[error("interrupted: {0}")]
    Interrupted(String),
}

fn told(troubles: &[PeerTrouble]) -> String {
    troubles
        .iter()
        .map(|trouble| format!("\n  {trouble}"))
        .collect()
}

/// Lost pieces were not made again.
#[derive(Debug, Error)]
pub enum RepairError {
    /// Node: it does not answer, or refuses.
    #[error("provider {provider}: {reason}")]
    Holder {
        /// Who.
        provider: Address,
        /// Why.
        reason: String,
    },
    /// Caller: what was asked for contradicts itself or the deal.
    #[error("no such repair: {0}")]
    Order(&'static str),
    /// Owner: the deal's k and n are no code.
    #[error("the deal's code: {0}")]
    Code(#[from] CodeError),
    /// Owner, or us: a code this software does not know.
    #[error("the deal's pieces are of code {got}, this software knows code {expected}")]
    UnknownCode {
        /// Ours.
        expected: u8,
        /// The deal's.
        got: u8,
    },
    /// Owner: all pieces of a segment have one length, those of this deal do not.
    #[error("the piece of slot {slot} is said to have {got} bytes, that of slot 0 {expected}")]
    UnequalLengths {
        /// Which slot.
        slot: SlotIndex,
        /// Length in slot 0.
        expected: u64,
        /// Length in this slot.
        got: u64,
    },
    /// Owner: k siblings, each verified against its content id, do not give the content ids of these slots. The n
    /// content ids the deal was opened with belong to no codeword, and nobody can make these pieces again.
    #[error(
        "the content ids of deal {deal} are no codeword: k verified siblings give other bytes for slots {}",
        named(slots)
    )]
    NoCodeword {
        /// Which deal.
        deal: DealId,
        /// The lost slots whose content id does not come out, in ascending order.
        slots: Vec<SlotIndex>,
    },
    /// Nodes: fewer than k holders gave verified bytes.
    #[error(
        "deal {deal}: {got} of {holders} holders can be read, {needed} are needed{}",
        told(troubles)
    )]
    TooFewHolders {
        /// Which deal.
        deal: DealId,
        /// k.
        needed: usize,
        /// Holders that gave verified bytes, or all there are if these are fewer than k and none was asked.
        got: usize,
        /// Holders there were to ask.
        holders: usize,
        /// What was wrong with the others.
        troubles: Vec<PeerTrouble>,
    },
    /// Caller or disk: the destination of a piece failed.
    #[error("the piece of slot {slot} could not be written: {source}")]
    Sink {
        /// Which slot.
        slot: SlotIndex,
        /// What the system said.
        source: io::Error,
    },
    /// Caller or disk: the destination file of a piece.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Us: a task ended early.
    #[error("interrupted: {0}")]
    Interrupted(String),
}

fn named(slots: &[SlotIndex]) -> String {
    let names: Vec<String> = slots.iter().map(ToString::to_string).collect();
    names.join(", ")
}

/// The state of an object could not be read.
#[derive(Debug, Error)]
pub enum StatusError {
    /// User or disk.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// Chain or the way to it.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// An object was not forgotten.
#[derive(Debug, Error)]
pub enum RemoveError {
    /// User or disk.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}
