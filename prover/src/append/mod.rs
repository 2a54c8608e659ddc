//! Append: a new sector's leaf stands at index `count` of a provider tree, where nothing stood.
//!
//! ```text
//! root0: ... zero leaf at index count ...   -->   root1: ... H(TAG_LEAF, comm_r, number, kind) at index count ...
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`statement`] | the public inputs |
//! | [`native`] | the witness; decides the statement by Merkle openings |
//! | [`circuit`] | the same in R1CS |

pub mod circuit;
pub mod native;
pub mod statement;

pub use circuit::AppendCircuit;
pub use native::{AppendWitness, check};
pub use statement::AppendStatement;
