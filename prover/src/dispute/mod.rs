//! Dispute: what lies in a group of 127 bytes under a piece's `comm_p`, for whoever holds other bytes.
//!
//! ```text
//!   leaf0 leaf1 leaf2 leaf3        at 4g .. 4g+3: siblings, so in one node
//!     [ 16 nodes ]   level 1
//!          .
//!     [ 16 nodes ]   level ceil(b / 4): 2, 4, 8 or all 16 of them, the rest zero
//!          |
//!        root        comm_p = H(TAG_P, b, byte_len, root)
//! ```
//!
//! A group behind the last byte of the piece holds padding, and that too may be shown; there is none at or behind
//! 2^(b-2). Nothing is said about what the leaves should be: the same group under the piece's content id says that.
//!
//! | module | what it is |
//! |---|---|
//! | [`statement`] | the public inputs |
//! | [`native`] | the witness, made from a piece's bytes; decides the statement by a Merkle opening |
//! | [`circuit`] | the same in R1CS |

pub mod circuit;
pub mod native;
pub mod statement;

pub use circuit::DisputeCircuit;
pub use native::{DisputeWitness, check, open};
pub use statement::{DisputeStatement, GROUP_LEAVES};
