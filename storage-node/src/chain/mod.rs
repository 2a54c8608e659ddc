//! The chain as the node needs it: what it asks, what it tells, and how it follows what is said there.
//!
//! | file | what it holds |
//! |---|---|
//! | `port.rs` | the questions and calls of a node, as a trait; the contracts' bindings behind it |
//! | `follow.rs` | from events to states of sectors and slots: no I/O |
//! | `tree.rs` | the provider tree at any moment of the chain, replayed from its changes: no I/O |

mod follow;
mod port;
mod tree;

pub use follow::{Interpretation, interpret};
pub use port::{Answer, AppendCall, ChainPort, Funds, OnChain, PrecommitCall, SealedAppendCall};
pub use tree::{TreeAt, TreeEntry, latest, replay};
