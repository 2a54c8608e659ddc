//! What is said: the requests a client makes and the replies a node gives.
//!
//! ```text
//! client                                    node
//!   Info                              ->
//!                                     <-    NodeInfo
//!   StorePiece                        ->
//!                                     <-    Continue            (or an error, and the body is never sent)
//!   byte_len bytes, end of stream     ->
//!                                     <-    Receipt
//!   RelaySegment                      ->
//!                                     <-    Continue            (or an error, and the body is never sent)
//!   segment_bytes bytes, end          ->
//!                                     <-    Receipt or SlotFailed, once for each slot, in any order
//!   AcceptPiece(Acceptance)           ->
//!                                     <-    Accepted
//!   ReadRange                         ->
//!                                     <-    RangeHeader, encoded_len bytes
//!   OpenLeaf                          ->
//!                                     <-    LeafOpening
//! ```
//!
//! One bidirectional stream carries one request. Instead of any reply a [`WireError`] may come. The layout of each
//! message is a table in `docs/formats.md`, its bounds are constants here, its bytes are pinned in `testdata/wire`.

use cairn_merkle::tree::Opening;

use crate::eip712::PieceTerms;
use crate::ids::{Address, ContentId, DealId, SlotIndex};
use crate::refusal::WireError;
use crate::secret_key::Signature;

/// The longest piece a message can speak of: 2^40 - 1 bytes, the width of its length in the circuits' packed words.
pub const MAX_PIECE_BYTES: u64 = (1 << 40) - 1;
/// The most pieces a segment is coded into: GF(2^8) has so many points.
pub const MAX_PIECES: u16 = 256;
/// The longest segment a message can speak of: one piece fewer than the most there can be, each of the longest length.
pub const MAX_SEGMENT_BYTES: u64 = 255 * MAX_PIECE_BYTES;
/// The longest strip a message can speak of, in bytes.
pub const MAX_STRIP_BYTES: u32 = 1 << 20;
/// The largest base-2 logarithm of a piece's leaves a message can speak of (2^40 leaves are the widest address).
pub const MAX_B: u8 = 40;
/// The longest name of a parameter set, in bytes.
pub const MAX_SET_NAME_BYTES: usize = 32;
/// The longest software name and version, in bytes.
pub const MAX_SOFTWARE_BYTES: usize = 64;
/// The longest opening of a leaf, in bytes: ten levels of sixteen elements, a leaf, and what the encoding adds.
pub const MAX_OPENING_BYTES: usize = 6 * 1024;

/// Client to node: store this piece for this slot of this deal. Refused before the body for an unknown or unfunded
/// slot, a slot of another provider, another content id or length than the deal's, or a piece beyond the quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StorePiece {
    /// The deal.
    pub deal: DealId,
    /// The slot in it.
    pub slot: SlotIndex,
    /// BLAKE3 of the body.
    pub content_id: ContentId,
    /// Length of the body, 1 to [`MAX_PIECE_BYTES`].
    pub byte_len: u64,
}

/// Client to node: take this deal's ciphertext once, code its pieces and hand each to the provider of its slot. Refused
/// before the body for whatever a [`StorePiece`] for the node's own slot is refused for, for another code or length than
/// the deal's, and by a node that relays nothing or has no room for it now.
///
/// The client has computed all n content ids itself and trusts nothing the node says about the others: every Receipt that
/// comes back is signed by its slot's provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RelaySegment {
    /// The deal.
    pub deal: DealId,
    /// A slot of it that names this node's provider.
    pub slot: SlotIndex,
    /// Pieces needed, 1 to 255.
    pub k: u16,
    /// Pieces made, k + 1 to [`MAX_PIECES`].
    pub n: u16,
    /// Which code.
    pub code_id: u8,
    /// Bytes of a strip, 1 to [`MAX_STRIP_BYTES`].
    pub strip_bytes: u32,
    /// Length of the body, 1 to [`MAX_SEGMENT_BYTES`]: the segment as it was cut, without the zeros of its last row.
    pub segment_bytes: u64,
}

/// Relay to client: this slot's piece is not with its provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotFailed {
    /// Which slot.
    pub slot: SlotIndex,
    /// Why: the holder's refusal, or what kept the relay from it.
    pub error: WireError,
}

/// What a relay says of one slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotOutcome {
    /// Which slot.
    pub slot: SlotIndex,
    /// The Receipt of its provider, or why there is none.
    pub result: Result<Receipt, WireError>,
}

/// Node to client: the piece is durable, here is its commitment, signed by the provider's operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Receipt {
    /// What is promised.
    pub terms: PieceTerms,
    /// The operator's EIP-712 signature over it.
    pub signature: Signature,
}

/// Client to node: the commitment was checked, fill the slot. Refused when it is not for this provider, for a piece
/// that is not here, expired, or signed by somebody other than the deal's owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Acceptance {
    /// What is agreed to.
    pub terms: PieceTerms,
    /// The owner's EIP-712 signature over it.
    pub signature: Signature,
}

/// Client to node: bytes `offset..offset+len` of a piece. Any holder of the content id may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReadRange {
    /// The piece.
    pub content_id: ContentId,
    /// First byte, 0 to [`MAX_PIECE_BYTES`].
    pub offset: u64,
    /// Number of bytes, 1 to [`MAX_PIECE_BYTES`]. A range that reaches beyond the piece's end is refused.
    pub len: u64,
}

/// Node to client, before the encoded bytes of a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RangeHeader {
    /// Length of the whole piece. The reader compares it with the deal's: a node that disagrees answers for another
    /// piece.
    pub piece_byte_len: u64,
    /// Length of the body that follows (data and hashes): `cairn_merkle::range::encoded_len` of the request.
    pub encoded_len: u64,
}

/// Client to node: the path of one leaf (fr32 element) of a piece under its commitment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct OpenLeaf {
    /// The piece.
    pub content_id: ContentId,
    /// Index of the leaf, below 2^b.
    pub leaf: u64,
}

/// Node to client: the leaf and its path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafOpening {
    /// Base-2 logarithm of the piece's leaves.
    pub b: u8,
    /// Leaf and groups of sixteen.
    pub opening: Opening,
}

/// Node to client: who the node says it is. Nothing of it is proven: the registry on the chain is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeInfo {
    /// The provider it serves.
    pub provider: Address,
    /// The key that signs its Receipts.
    pub operator: Address,
    /// The chain it follows.
    pub chain_id: u64,
    /// The Deals contract it follows.
    pub deals: Address,
    /// Name of its parameter set, at most [`MAX_SET_NAME_BYTES`].
    pub parameter_set: String,
    /// Software name and version, at most [`MAX_SOFTWARE_BYTES`].
    pub software: String,
    /// Base-2 logarithm of the leaves of the largest piece it takes.
    pub b_max: u8,
    /// Bytes it could still store.
    pub free_bytes: u64,
    /// Its clock, Unix time in seconds.
    pub now_unix: u64,
}

/// A question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Who are you?
    Info,
    /// Keep this.
    StorePiece(StorePiece),
    /// Code this and hand it on.
    RelaySegment(RelaySegment),
    /// Fill the slot with it.
    AcceptPiece(Acceptance),
    /// Give me these bytes.
    ReadRange(ReadRange),
    /// Show me this leaf.
    OpenLeaf(OpenLeaf),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// To `Info`.
    Info(NodeInfo),
    /// To `StorePiece` and `RelaySegment`, before the body.
    Continue,
    /// To `StorePiece`, after the body; to `RelaySegment`, for a slot whose provider has its piece.
    Receipt(Receipt),
    /// To `RelaySegment`, for a slot whose provider has it not.
    SlotFailed(SlotFailed),
    /// To `AcceptPiece`.
    Accepted,
    /// To `ReadRange`, before the body.
    RangeHeader(RangeHeader),
    /// To `OpenLeaf`.
    LeafOpening(LeafOpening),
    /// No, to anything.
    Error(WireError),
}
