//! Segments relayed for clients: the ciphertext comes once, the pieces go to the providers of their slots.
//!
//! ```text
//! client --k pieces' worth--> fill: code row by row, hash, spool (n pieces on disk, one row in memory)
//!                                |
//!                     all n content ids the deal's?  no: refused, nothing is handed on
//!                                |
//!                  4 at a time: own slot -> the node's own intake      others -> StorePiece, as a client
//!                                |
//! client <--Receipt or reason-- each slot, as it ends
//! ```
//!
//! Nobody has to trust a relay: each holder checks the content id and signs its own Receipt, and the client checks each
//! Receipt as if it had come directly. The spool lets a client on a slow line upload at its own pace and each holder
//! receive at its own.
//!
//! | file | what it holds |
//! |---|---|
//! | `intake.rs` | from the request to the spool: admission, and the segment that arrives |
//! | `check.rs` | whether a segment is the deal's: no I/O |
//! | `places.rs` | how many segments, from whom, how much disk, how fast |
//! | `spool.rs` | a body to n pieces on disk |
//! | `forward.rs` | the pieces to their holders |

mod check;
mod forward;
mod intake;
mod places;
mod spool;

pub use intake::RelayRules;
pub(super) use intake::Relays;
