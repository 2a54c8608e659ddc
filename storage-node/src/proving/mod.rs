//! Proofs: over which tree, from which leaves, and in time.
//!
//! | file | what it holds |
//! |---|---|
//! | `keys.rs` | the Groth16 keys of the parameter set; prove, then verify before anybody else does |
//! | `witness.rs` | the sampled leaves, read from the store and checked against rows and tree |
//! | `window.rs` | which windows are due and which are over: no I/O |

mod keys;
mod window;
mod witness;

pub use keys::{ProverKeys, RandomSource, ReplicaProver, prove_dispute};
pub(crate) use window::newest_round;
pub use window::{WindowPlan, plan_windows};
pub(crate) use witness::{read_include, read_window};
