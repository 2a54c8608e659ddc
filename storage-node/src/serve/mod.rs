//! What the node answers on the wire.
//!
//! | file | what it holds |
//! |---|---|
//! | `admit.rs` | whether to take a piece, and whether to take an Acceptance: no I/O |
//! | `reserve.rs` | what is promised to bodies that are still arriving |
//! | `receive.rs` | a body to disk, with BLAKE3, outboard and `comm_p` computed while it arrives |
//! | `read.rs` | ranges and leaves |
//! | `handler.rs` | the wire's handler, out of these |

mod admit;
mod handler;
mod read;
mod receive;
mod reserve;

pub use admit::{Admitted, Offer, admit, check_acceptance};
pub use handler::{NodeHandler, ServeContext};
