//! Making lost pieces of a deal again from k siblings, without the client and without the chain.
//!
//! ```text
//! windows of k siblings, each byte verified against its sibling's content id
//!    -> the same window of every lost piece -> hashed -> written -> at the end: is the hash the lost piece's content id?
//! ```
//!
//! The code works byte by byte: byte `i` of every piece of a segment depends on byte `i` of any k of them and on nothing
//! else. So a window may be any part of the pieces, the siblings of one window need not be those of the next, pieces of
//! any length come out exactly, and neither the deal's strips nor the padding of its last row matter. How much memory
//! a repair takes is the caller's choice, not the deal owner's.
//!
//! | module | what it holds |
//! |---|---|
//! | `repairer` | [`Repairer`], what it may be told, and what it met |
//! | `order` | one repair, checked: which code, which siblings, which slots; its cut into windows |
//! | `run` | window after window |
//! | `file` | files that appear only when all lost pieces are there |

mod file;
mod order;
mod repairer;
mod run;

pub use crate::repair::repairer::{RebuildOptions, Rebuilt, Repairer};
