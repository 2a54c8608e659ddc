//! Proofs: over which tree, from which leaves, and in time.
//!
//! | file | what it holds |
//! |---|---|
//! | `keys.rs` | the Groth16 keys of the parameter set; prove, then verify before anybody else does |
//! | `memory.rs` | the memory of proofs and labels, and who waits for it: no I/O |
//! | `threads.rs` | the threads that prove for the chain, and the gate at which sealing waits for them |
//! | `witness.rs` | the sampled leaves, read from the store and checked against rows and tree |
//! | `window.rs` | which windows are due and which are over: no I/O |

mod keys;
mod memory;
mod threads;
mod window;
mod witness;

pub use keys::{ProverKeys, RandomSource, ReplicaProver, prove_dispute};
pub use memory::{Asker, MemoryBudget, NoRoom, Share};
pub use threads::{Gate, Held, ProofThreads};
pub(crate) use window::newest_round;
pub use window::{WindowPlan, plan_windows};
pub(crate) use witness::{read_include, read_window};
