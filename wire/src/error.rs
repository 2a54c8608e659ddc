//! What can go wrong, one enum a verb, each variant naming the guilty side.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use thiserror::Error;

use crate::ids::Address;
use crate::refusal::WireError;

/// Text that is no address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("an address is 40 hex digits, with or without 0x; got {got_chars} characters")]
pub struct AddressError {
    /// Length of what was given.
    pub got_chars: usize,
}

/// Bytes that are no secret key. Never repeats what was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum KeyError {
    /// Not 32 bytes of hex.
    #[error("a secret key is 64 hex digits, with or without 0x")]
    NotHex,
    /// Zero, or not below the group order.
    #[error("the secret scalar is zero or not below the order of secp256k1")]
    OutOfRange,
}

/// A signature that is not what it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum SignatureError {
    /// The last byte is neither 27 nor 28.
    #[error("the recovery byte of a signature is 27 or 28, got {got}")]
    RecoveryByte {
        /// What stands there.
        got: u8,
    },
    /// `r` or `s` is zero or not below the group order.
    #[error("r or s of the signature is zero or not below the group order")]
    OutOfRange,
    /// `s` lies in the upper half of the group order: the malleable twin.
    #[error("s of the signature lies in the upper half of the group order")]
    HighS,
    /// `r` is not the x-coordinate of a curve point that gives a public key.
    #[error("no public key could have made this signature")]
    NoSuchPoint,
    /// A signature, but somebody else's.
    #[error("signed by {got}, not by {expected}")]
    WrongSigner {
        /// Who must have signed.
        expected: Address,
        /// Who did.
        got: Address,
    },
    /// Our own curve library failed to sign.
    #[error("the digest could not be signed")]
    CannotSign,
}

/// Bytes that are no message. Always the sender's fault.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The message ends inside a field.
    #[error("the message ends inside {field}: {needed} bytes needed, {left} left")]
    Truncated {
        /// The field.
        field: &'static str,
        /// Bytes it takes.
        needed: usize,
        /// Bytes there were.
        left: usize,
    },
    /// Bytes after the last field.
    #[error("{extra} bytes after the end of the message")]
    Trailing {
        /// How many.
        extra: usize,
    },
    /// The length prefix does not match what follows.
    #[error("the length prefix says {expected} bytes, {got} follow")]
    Length {
        /// The prefix.
        expected: usize,
        /// Bytes after it.
        got: usize,
    },
    /// Longer than this side takes.
    #[error("a header of {got} bytes, at most {limit} are taken")]
    HeaderTooLong {
        /// The announced length.
        got: usize,
        /// The bound.
        limit: usize,
    },
    /// Another protocol version.
    #[error("protocol version {got}, this side speaks {expected}")]
    Version {
        /// Ours.
        expected: u8,
        /// Theirs.
        got: u8,
    },
    /// A kind byte that stands for nothing in this direction.
    #[error("no message of kind {got:#04x} in this direction")]
    Kind {
        /// The byte.
        got: u8,
    },
    /// A number outside the range of its field.
    #[error("{field} is {got}, outside {min}..={max}")]
    Range {
        /// The field.
        field: &'static str,
        /// The value.
        got: u64,
        /// Smallest allowed.
        min: u64,
        /// Largest allowed.
        max: u64,
    },
    /// A field element that is not below the modulus.
    #[error("{field} is not a canonical field element")]
    NonCanonical {
        /// The field.
        field: &'static str,
    },
    /// Text that is not UTF-8 or holds control characters.
    #[error("{field} is not plain UTF-8 text")]
    Text {
        /// The field.
        field: &'static str,
    },
    /// A Merkle opening that is none.
    #[error("the opening does not parse: {reason}")]
    Opening {
        /// What the Merkle crate said.
        reason: String,
    },
}

/// A node's TLS key could not be made, read or kept: the disk's or the operator's matter.
#[derive(Debug, Error)]
pub enum IdentityError {
    /// The file could not be read or written.
    #[error("TLS key file {path}: {source}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("TLS key file {path} is not an Ed25519 PKCS#8 key of 48 bytes (got {got_bytes} bytes)")]
    NotAKey {
        /// The file.
        path: String,
        /// Its length.
        got_bytes: u64,
    },
    /// Others than the owner may read or write the file.
    #[error("TLS key file {path} has mode {mode:o}: only its owner may read it (chmod 600)")]
    Exposed {
        /// The file.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// The TLS libraries refused the key.
    #[error("no certificate could be made of the TLS key: {reason}")]
    Certificate {
        /// What they said.
        reason: String,
    },
}

/// A server could not be started: the operator's matter.
#[derive(Debug, Error)]
pub enum BindError {
    /// The UDP socket could not be opened.
    #[error("UDP socket on {address}: {source}")]
    Socket {
        /// Where.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The limits contradict each other or QUIC.
    #[error("limit {limit} is out of range")]
    Limits {
        /// The field of [`crate::Limits`].
        limit: &'static str,
    },
    /// The TLS library refused the identity.
    #[error("TLS: {0}")]
    Tls(String),
}

/// No connection to a node.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// The endpoint's text names no address: the provider registered nonsense, or the name server does not know it.
    #[error("endpoint {endpoint:?} names no address: {reason}")]
    Endpoint {
        /// The text.
        endpoint: String,
        /// What went wrong.
        reason: String,
    },
    /// Somebody answers there, but without the registered key.
    #[error("the node at {endpoint:?} has key hash {got}, the registry says {expected}")]
    PinMismatch {
        /// Where.
        endpoint: String,
        /// The registered hash, hex.
        expected: String,
        /// The hash of the key shown, hex.
        got: String,
    },
    /// Nobody answered in time.
    #[error("no answer from {endpoint:?} within {after:?}")]
    TimedOut {
        /// Where.
        endpoint: String,
        /// How long was waited.
        after: Duration,
    },
    /// The handshake failed or was refused.
    #[error("{endpoint:?}: {reason}")]
    Refused {
        /// Where.
        endpoint: String,
        /// What QUIC or TLS said.
        reason: String,
    },
    /// Our own socket or configuration failed.
    #[error("this machine: {reason}")]
    Local {
        /// What went wrong.
        reason: String,
    },
}

/// A body that did not come as announced, seen by who receives it. The sender's fault, or the network's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BodyError {
    /// It ended early.
    #[error("the body ended after {got_bytes} bytes, {expected_bytes} were announced")]
    Short {
        /// Announced.
        expected_bytes: u64,
        /// Received.
        got_bytes: u64,
    },
    /// It goes on after the announced end.
    #[error("the body goes on after the announced {expected_bytes} bytes")]
    Long {
        /// Announced.
        expected_bytes: u64,
    },
    /// Nothing came for too long.
    #[error("the body stalled for {after:?} at byte {got_bytes}")]
    Stalled {
        /// How long.
        after: Duration,
        /// Received before.
        got_bytes: u64,
    },
    /// Bytes drip in below the least rate that is put up with.
    #[error("the body came slower than {min_bytes_per_s} bytes/s ({got_bytes} bytes so far)")]
    TooSlow {
        /// The least rate.
        min_bytes_per_s: u64,
        /// Received before.
        got_bytes: u64,
    },
    /// The sender gave up.
    #[error("the sender cancelled the body at byte {got_bytes}")]
    Cancelled {
        /// Received before.
        got_bytes: u64,
    },
    /// The connection broke.
    #[error("connection lost inside the body: {0}")]
    Lost(String),
}

/// A request that brought no result.
#[derive(Debug, Error)]
pub enum RequestError {
    /// The node understood and said no (its reason may be our fault, its state or its trouble: see the code).
    #[error("the node refused: {0}")]
    Refused(#[from] WireError),
    /// The node did not answer, or did not take the body, in time.
    #[error("{waiting_for}: nothing within {after:?}")]
    TimedOut {
        /// What was awaited.
        waiting_for: &'static str,
        /// How long.
        after: Duration,
    },
    /// The node takes the body below the least rate that is put up with.
    #[error("{waiting_for}: slower than {min_bytes_per_s} bytes/s")]
    TooSlow {
        /// What was awaited.
        waiting_for: &'static str,
        /// The least rate.
        min_bytes_per_s: u64,
    },
    /// The node sent bytes that are no reply.
    #[error("the node's reply is malformed: {0}")]
    Malformed(#[from] CodecError),
    /// The node ended its reply before it was complete.
    #[error("the node's reply ended inside {inside}")]
    ReplyEnded {
        /// Where.
        inside: &'static str,
    },
    /// A well-formed reply that is not to this question.
    #[error("the node answered another question: {field} is not what was asked")]
    AnotherAnswer {
        /// What differs.
        field: &'static str,
    },
    /// The node's bytes are not those of the content id.
    #[error("the bytes do not belong to the content id: {reason}")]
    Unverified {
        /// What the verifier said.
        reason: String,
    },
    /// The node's body did not come as announced.
    #[error("the node's body: {0}")]
    Body(#[from] BodyError),
    /// The caller's source of the body failed.
    #[error("the body could not be read here: {0}")]
    Source(#[source] io::Error),
    /// The caller's source did not give what was announced.
    #[error("the caller announced {expected_bytes} bytes and gave {got_bytes}")]
    SourceLength {
        /// Announced.
        expected_bytes: u64,
        /// Given (for a source that is too long: what was given when it was cut off).
        got_bytes: u64,
    },
    /// The caller's question cannot be put on the wire.
    #[error("the request cannot be sent: {0}")]
    BadRequest(#[source] CodecError),
    /// The caller's range is not inside the piece it speaks of.
    #[error("the range cannot be read: {reason}")]
    OutsidePiece {
        /// What is wrong with it.
        reason: String,
    },
    /// The connection broke.
    #[error("connection lost: {0}")]
    Lost(String),
}

impl RequestError {
    /// Whether the node's bytes or words were wrong, as opposed to late, refused or lost: a reason to distrust it.
    #[must_use]
    pub const fn is_lie(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_) | Self::AnotherAnswer { .. } | Self::Unverified { .. }
        )
    }

    /// When the node says the thing will be readable, in seconds from its answer.
    #[must_use]
    pub const fn wait_s(&self) -> Option<u32> {
        match self {
            Self::Refused(refusal) => refusal.wait_s(),
            _ => None,
        }
    }
}
