//! Sealing: what a replica costs in room, where its labels lie, and the machine work itself.
//!
//! | file | what it holds |
//! |---|---|
//! | `rules.rs` | what the deployment and the operator say about sealing |
//! | `room.rs` | whether disk and memory have room for one more: no I/O |
//! | `folder.rs` | the folders of labels, one a sector and ticket |
//! | `job.rs` | one sealing, and how far its present step is |
//! | `engine.rs` | between the prover's sealing and the store: labels, replica, openings, unsealing |
//! | `queue.rs` | who waits for unsealing, and how long |

pub(crate) mod engine;
mod folder;
mod job;
mod queue;
mod room;
mod rules;

pub use folder::LabelFolders;
pub use job::{Job, Step};
pub use queue::{Asked, UnsealQueue};
pub use room::{Room, Shortage, bytes_to_seal, still_to_write};
pub use rules::SealRules;
