//! What the node answers on the wire.
//!
//! | file | what it holds |
//! |---|---|
//! | `admit.rs` | whether to take a piece, and whether to take an Acceptance: no I/O |
//! | `door.rs` | the same of a piece, with what chain, ledger and disk say |
//! | `reserve.rs` | what is promised to bodies that are still arriving |
//! | `receive.rs` | a body to disk, with BLAKE3, outboard and `comm_p` computed while it arrives |
//! | `read.rs` | ranges and leaves |
//! | `relay/` | segments taken once, coded, and handed to the holders of their pieces |
//! | `handler.rs` | the wire's handler, out of these |

mod admit;
mod door;
mod handler;
mod read;
mod receive;
mod relay;
mod reserve;

pub use admit::{Admitted, Offer, admit, check_acceptance};
pub use handler::{NodeHandler, ServeContext};
pub use relay::RelayRules;
