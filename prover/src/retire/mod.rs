//! Retire: one sector leaves a provider tree, and the last one takes its place, so that the tree stays dense.
//!
//! ```text
//! root0: .. removed at index .. moved at count-1
//!   |  the last leaf becomes zero
//! root1: .. removed at index .. zero
//!   |  unless index = count-1 (then nothing is left to do): removed becomes moved
//! root2: .. moved at index ..   zero
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

pub use circuit::RetireCircuit;
pub use native::{RetireWitness, SectorLeaf, check};
pub use statement::RetireStatement;
