//! Field elements, fr32, Poseidon2, 16-ary trees, BLAKE3 content ids and verified ranges; no I/O.
//!
//! ```text
//! bytes --fr32--> leaves --Poseidon2, 16 at a time--> root --H(TAG_P, b, byte_len, root)--> comm_p
//! bytes --BLAKE3--> content id (what b3sum prints), with 16 KiB groups for verified ranged reads
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`field`] | the 32 canonical little-endian bytes of an element |
//! | [`fr32`] | 127 bytes <-> 4 elements of 254 bits |
//! | `lanes` | eight integers modulo r side by side, for processors with AVX-512 IFMA |
//! | [`poseidon2`] | the permutation of width 16 and its compression function |
//! | [`domain`] | constants that keep trees, levels and fixed-arity hashes apart |
//! | [`tree`] | 16-ary trees: roots, openings, chunked storage |
//! | [`provider`] | the dense tree over a provider's sectors |
//! | [`piece`] | from a stream of bytes to `comm_p` |
//! | [`chunk`] | one chunk of a piece under its content id, for a contract |
//! | [`range`] | BLAKE3 outboards and verified ranges |
//!
//! Source of the numbers: Poseidon2 (Grassi, Khovratovich, Schofnegger, eprint 2023/323), BLAKE3 (the specification
//! of 2020), and this project's protocol page for everything that is ours.

mod bytes32;
pub mod chunk;
mod commitment;
mod content;
pub mod domain;
mod error;
pub mod field;
pub mod fr32;
#[cfg(target_arch = "x86_64")]
pub mod lanes;
pub mod piece;
pub mod poseidon2;
pub mod provider;
pub mod range;
pub mod tree;

pub use ark_bls12_381::Fr;
pub use commitment::Commitment;
pub use content::ContentId;
pub use domain::{SectorKind, Tag, TreeKind};
pub use error::{
    Fr32Error, NonCanonical, OpeningDecodeError, OpeningError, ParseHexError, PieceError,
    ProviderTreeError, RangeError, ShapeError, TreeError,
};
