//! Every way this crate says no, and whose fault it is.

use thiserror::Error;

/// Bytes that do not name a field element: the integer is not below the modulus. The fault of whoever sent or stored
/// them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("32 bytes are not a canonical field element (the integer is not below the modulus)")]
pub struct NonCanonical;

/// Text that does not name 32 bytes. The fault of whoever wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ParseHexError {
    /// Not exactly 64 hexadecimal digits.
    #[error("expected 64 hexadecimal digits")]
    NotHex,
    /// Well-formed, but not a field element.
    #[error(transparent)]
    NonCanonical(#[from] NonCanonical),
}

/// Elements that are not the fr32 form of any byte string. The fault of whoever stored or sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Fr32Error {
    /// The number of elements does not belong to the announced length.
    #[error("{expected} elements belong to {byte_len} bytes, got {got}")]
    WrongCount {
        /// The announced length in bytes.
        byte_len: u64,
        /// Elements that length takes.
        expected: u64,
        /// Elements that were given.
        got: u64,
    },
    /// An element has a bit above the 254 that carry data.
    #[error("element {index} uses a bit above bit 253")]
    TopBits {
        /// Which element.
        index: usize,
    },
    /// An element is not below the modulus.
    #[error("element {index} is not canonical")]
    NonCanonical {
        /// Which element.
        index: usize,
    },
    /// A bit after the announced end is set.
    #[error("the padding after {byte_len} bytes is not zero")]
    NonZeroPadding {
        /// The announced length in bytes.
        byte_len: u64,
    },
    /// The length does not fit this machine's memory.
    #[error("{byte_len} bytes do not fit this machine's address space")]
    TooLong {
        /// The announced length in bytes.
        byte_len: u64,
    },
}

/// A tree size this crate does not build. The fault of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ShapeError {
    /// log2 of the leaves is outside 1..=40.
    #[error("a tree has 2^1 to 2^40 leaves, got 2^{log2_leaves}")]
    Log2Leaves {
        /// What was asked for.
        log2_leaves: u32,
    },
    /// A number of leaves that is not a power of two.
    #[error("the number of leaves must be a power of two from 2 to 2^40, got {leaves}")]
    LeafCount {
        /// What was given.
        leaves: u64,
    },
}

/// A tree operation that cannot be done. The fault of the caller, or of the store for [`TreeError::ChunkMismatch`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TreeError {
    /// The size is not one of ours.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// No such leaf.
    #[error("leaf {index} is outside the tree of {leaves} leaves")]
    IndexOutside {
        /// The leaf asked for.
        index: u64,
        /// Leaves of the tree.
        leaves: u64,
    },
    /// A row or chunk has another length than the shape says.
    #[error("expected {expected} nodes, got {got}")]
    RowLength {
        /// What the shape says.
        expected: u64,
        /// What was given.
        got: u64,
    },
    /// A stored leaf is no field element.
    #[error("leaf {index} is not below the modulus")]
    NonCanonical {
        /// The leaf, counted from the first one given.
        index: u64,
    },
    /// The leaves of a chunk do not hash to the stored chunk root: the store lost or changed them.
    #[error("the leaves of chunk {chunk} do not match its stored root")]
    ChunkMismatch {
        /// The chunk.
        chunk: u64,
    },
    /// A stored row does not hash to the row above it: the store lost or changed it.
    #[error("stored node {index} of level {level} does not match its children")]
    RowMismatch {
        /// Level of the node, 1 = parents of leaves.
        level: u32,
        /// Place of the node in its row.
        index: u64,
    },
}

/// An opening that does not hold. The fault of whoever made it; the proof is false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpeningError {
    /// The leaf asked for is not in the tree.
    #[error("leaf {index} is outside the tree of {leaves} leaves")]
    IndexOutside {
        /// The leaf asked for.
        index: u64,
        /// Leaves of the tree.
        leaves: u64,
    },
    /// Depth is fixed by the shape, never by the opening.
    #[error("expected {expected} levels, got {got}")]
    WrongDepth {
        /// Levels of the shape.
        expected: u32,
        /// Groups in the opening.
        got: usize,
    },
    /// The leaf is not where the index says.
    #[error("the leaf is not child {position} of the group at level 1")]
    WrongLeaf {
        /// Its place in the group.
        position: usize,
    },
    /// A group does not hash to its place in the group above.
    #[error("the group at level {level} does not hash to its place in the level above")]
    WrongNode {
        /// Level of the group's parent node, 1 = parent of leaves.
        level: u32,
    },
    /// A partial top node has something after its real children.
    #[error("child {position} of the partial top node is not zero")]
    TopNotPadded {
        /// The place that should be zero.
        position: usize,
    },
    /// The last group does not hash to the root.
    #[error("the opening does not lead to the root")]
    WrongRoot,
    /// The zero leaf of a provider tree marks an empty place and never opens.
    #[error("the zero leaf of a provider tree never opens")]
    ZeroLeaf,
}

/// Bytes that are not an opening. The fault of whoever sent them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OpeningDecodeError {
    /// Too short, too long, or a depth that the length contradicts.
    #[error("expected {expected} bytes, got {got}")]
    Length {
        /// Bytes that the announced depth takes.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// More levels than any tree has.
    #[error("an opening has at most {max} levels, got {got}")]
    TooDeep {
        /// The most levels a tree has.
        max: usize,
        /// Levels announced.
        got: usize,
    },
    /// An element is not below the modulus.
    #[error("element {index} is not canonical")]
    NonCanonical {
        /// Which element, 0 = the leaf.
        index: usize,
    },
}

/// An operation on a provider tree that cannot be done. The fault of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ProviderTreeError {
    /// Depth outside what the protocol uses.
    #[error("a provider tree has 1 to 4 levels, got {levels}")]
    Levels {
        /// What was asked for.
        levels: u32,
    },
    /// All places are taken.
    #[error("the tree is full: {capacity} sectors")]
    Full {
        /// Places of the tree.
        capacity: u64,
    },
    /// No sector at that index.
    #[error("no leaf at index {index}: the tree holds {count}")]
    IndexOutside {
        /// The index asked for.
        index: u64,
        /// Leaves held.
        count: u64,
    },
    /// The zero leaf marks an empty place.
    #[error("the zero leaf cannot be stored: it marks an empty place")]
    ZeroLeaf,
}

/// A piece that cannot be committed. The fault of whoever streams it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PieceError {
    /// Longer than any tree of ours.
    #[error("a piece has at most {max} bytes, {byte_len} were announced")]
    TooLong {
        /// The announced length.
        byte_len: u64,
        /// The longest piece.
        max: u64,
    },
    /// More bytes came than were announced.
    #[error("more than the announced {byte_len} bytes came")]
    Surplus {
        /// The announced length.
        byte_len: u64,
    },
    /// Fewer bytes came than were announced.
    #[error("expected {byte_len} bytes, got {got}")]
    Short {
        /// The announced length.
        byte_len: u64,
        /// Bytes that came.
        got: u64,
    },
}

/// A ranged read that cannot be served or does not verify.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RangeError {
    /// The fault of the caller: the range is outside the content.
    #[error("bytes {offset}..+{len} are outside the content of {byte_len} bytes")]
    Outside {
        /// First byte asked for.
        offset: u64,
        /// Bytes asked for.
        len: u64,
        /// Bytes of the content.
        byte_len: u64,
    },
    /// The fault of the caller: longer than this crate handles.
    #[error("content has at most {max} bytes, got {byte_len}")]
    TooLong {
        /// Bytes of the content.
        byte_len: u64,
        /// The longest content.
        max: u64,
    },
    /// The fault of the caller or of the store: an outboard of another length.
    #[error("the outboard of {byte_len} bytes has {expected} bytes, got {got}")]
    OutboardLength {
        /// Bytes of the content.
        byte_len: u64,
        /// Bytes its outboard takes.
        expected: u64,
        /// Bytes given.
        got: u64,
    },
    /// The fault of the caller: another number of bytes than announced was hashed.
    #[error("expected {expected} bytes of content, got {got}")]
    ContentLength {
        /// Bytes announced.
        expected: u64,
        /// Bytes given.
        got: u64,
    },
    /// The fault of the store: data or outboard do not match the content id (nothing false was written out).
    #[error("stored data does not match its content id at chunk {chunk}")]
    StoreMismatch {
        /// The BLAKE3 chunk (1 KiB) where it shows.
        chunk: u64,
    },
    /// The fault of the store or of the receiver: reading or writing failed.
    #[error("reading the data or writing the encoding failed: {0}")]
    Io(String),
    /// The fault of the peer: bytes that do not match the content id.
    #[error("the peer's bytes do not match the content id at chunk {chunk}")]
    PeerMismatch {
        /// The BLAKE3 chunk (1 KiB) where it shows.
        chunk: u64,
    },
    /// The fault of the peer: the encoding ended early.
    #[error("the peer's encoding ended before chunk {chunk} was complete")]
    PeerTruncated {
        /// The BLAKE3 chunk (1 KiB) that is missing.
        chunk: u64,
    },
    /// The fault of the peer: bytes after the end of the encoding.
    #[error("the peer sent bytes after the end of the encoding")]
    PeerSurplus,
}
