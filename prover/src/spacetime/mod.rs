//! Spacetime: at this moment everything under a provider's root is still stored.
//!
//! ```text
//! seed --H(TAG_IDX, seed, j)--> sector, leaf
//! leaf --sector tree--> d_root or r_root --H(TAG_R)--> comm_r --H(TAG_LEAF)--> provider leaf --provider tree--> root
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | [`statement`] | the public inputs |
//! | [`index`] | which leaves a seed asks for |
//! | [`native`] | the witness; decides the statement by Merkle openings |
//! | [`circuit`] | the same in R1CS |

pub mod circuit;
pub mod index;
pub mod native;
pub mod statement;

pub use circuit::SpacetimeCircuit;
pub use index::{SampleIndex, samples};
pub use native::{OpenedSample, Sample, SpacetimeWitness, check};
pub use statement::SpacetimeStatement;
