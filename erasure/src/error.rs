//! What a caller can ask for that this code cannot do.

use thiserror::Error;

/// Every variant is a mistake of the caller, or of the stranger whose numbers the caller passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CodeError {
    /// `k` and `n` outside `1 <= k < n <= 256`.
    #[error("no code {k}-of-{n}: 1 <= k < n <= 256 is required")]
    Parameters {
        /// Pieces needed.
        k: u16,
        /// Pieces made.
        n: u16,
    },
    /// A strip of zero bytes, or one so long that a row would not fit in memory.
    #[error("strips of {got} bytes: from 1 to {max} are supported")]
    StripBytes {
        /// What was asked for.
        got: u32,
        /// The largest supported.
        max: u32,
    },
    /// Fewer pieces than the code needs.
    #[error("{got} different pieces given, {expected} are needed")]
    TooFewPieces {
        /// k.
        expected: usize,
        /// How many different ones there were.
        got: usize,
    },
    /// A piece index that the code does not have.
    #[error("piece {index} does not exist: the code makes {n}")]
    NoSuchPiece {
        /// The index.
        index: u8,
        /// Pieces made.
        n: u16,
    },
    /// The same piece twice among the k used.
    #[error("piece {index} is given twice")]
    RepeatedPiece {
        /// The index.
        index: u8,
    },
    /// A buffer (piece, strip or output) of the wrong length.
    #[error("a buffer of {expected} bytes is needed, got {got}")]
    Length {
        /// What the code's parameters demand.
        expected: u64,
        /// What was given.
        got: u64,
    },
    /// A number of buffers that differs from the number of pieces they stand for.
    #[error("{expected} buffers are needed, got {got}")]
    Count {
        /// One per piece.
        expected: usize,
        /// What was given.
        got: usize,
    },
}
