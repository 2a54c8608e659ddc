//! k-of-n coding of a byte stream; a slow reference beside the fast code; no I/O.
//!
//! A **segment** (a slice of ciphertext) is cut into **strips**; strip `s` goes to data column `s mod k`, row `s / k`,
//! and the last row is filled with zeros. Each row is coded on its own into `n - k` parity strips. Column `j` read from
//! top to bottom is **piece** `j`: pieces `0..k` are the data as it is, `k..n` are parity, and all have one length.
//!
//! ```text
//!            piece 0   piece 1  ...  piece k-1 | piece k  ...  piece n-1
//!   row 0    strip 0   strip 1       strip k-1 | parity        parity
//!   row 1    strip k   strip k+1     ...       | parity        parity
//!   row 2    strip 2k  (zeros)       (zeros)   | parity        parity
//! ```
//!
//! The code is the one of the crate `reed-solomon-erasure` 6.0 over `galois_8` ([`CODE_ID`] 1): the strips of a row are
//! the values at the points `0..n` of the one polynomial of degree below `k` that takes the data strips' values at the
//! points `0..k`, over GF(2^8) with the polynomial x^8 + x^4 + x^3 + x^2 + 1. So any `k` strips of a row give all `n`.
//!
//! | module | what it holds |
//! |---|---|
//! | `code` | [`Code`]: the parameters, checked once; lengths; whole-segment encode, decode and rebuild |
//! | `layout` | where a byte of a segment lies: rows, columns, and the part of each piece a ranged read needs |
//! | `coefficients` | the matrices, by interpolation, and the cache of those used for rebuilding |
//! | `stream` | [`RowEncoder`] and [`Rebuilder`]: one row at a time, whatever the segment's length |
//! | `kernel` | matrix times strips, in blocks that stay in the first-level cache |
//! | [`mod@reference`] | the same code again, slow, table-free and matrix-based: what the tests compare with |
//! | `error` | [`CodeError`]: the caller's mistakes |
//!
//! ```
//! use cairn_erasure::Code;
//!
//! # fn main() -> Result<(), cairn_erasure::CodeError> {
//! let code = Code::new(2, 4, 4)?;
//! let pieces = code.encode_segment(b"ten bytes!");
//! assert_eq!(pieces.len(), 4);
//! // pieces 0 and 2 are lost; 1 and 3 are enough
//! let left = [(1, pieces[1].as_slice()), (3, pieces[3].as_slice())];
//! assert_eq!(code.decode_segment(&left, 10)?, b"ten bytes!");
//! # Ok(())
//! # }
//! ```

mod code;
mod coefficients;
mod error;
mod kernel;
mod layout;
pub mod reference;
mod stream;

pub use crate::code::{CODE_ID, Code, MAX_PIECES, MAX_STRIP_BYTES, STRIP_BYTES};
pub use crate::error::CodeError;
pub use crate::layout::RowRange;
pub use crate::stream::{Rebuilder, Row, RowEncoder};
