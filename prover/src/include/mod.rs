//! Include: pieces lie in a sector, each at a multiple of its own size.
//!
//! ```text
//!        comm_d                      sector tree
//!          .
//!     [ 16 nodes ]   level lp = ceil(b / 4): 2, 4, 8 or all 16 of them are the top of the piece
//!        ^^^^
//!     H(those, 0..) + c(data, lp) = root of the piece        comm_p = H(TAG_P, b, byte_len, root)
//! ```
//!
//! Data that the proof does not speak about may lie in the same node; a partial top of a piece is therefore hashed
//! again, as it is not itself a node of the sector's tree.
//!
//! | module | what it is |
//! |---|---|
//! | [`statement`] | the public inputs |
//! | [`native`] | the witness; decides the statement by Merkle openings |
//! | [`circuit`] | the same in R1CS |

pub mod circuit;
pub mod native;
pub mod statement;

pub use circuit::IncludeCircuit;
pub use native::{IncludeWitness, check};
pub use statement::{IncludeStatement, PlacedPiece};
