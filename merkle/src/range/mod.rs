//! Verified ranges: any 16 KiB group of a byte string can be checked against its plain BLAKE3 hash.
//!
//! The **outboard** is the BLAKE3 tree above groups of 16 chunks (64 bytes a node, 0.39 %), post-order. An **encoded
//! range** is, in pre-order, the nodes on the way to the groups that a range touches, and those groups whole: a range
//! is widened to group borders on the wire and cut to size by the verifier.
//!
//! ```text
//! encoded range:   node 64 | node 64 | .. | group 16 KiB | node 64 | group | ..      (bao, chunk log 4, no size prefix)
//! ```
//!
//! Length and content id come from the deal, not from the peer. A length that is not the content's makes ranges fail
//! to verify; it never makes a false byte verify, because every chunk is hashed with its number.
//!
//! Source: bao-tree 0.17 (the walk of the tree), BLAKE3 (the hashes).

mod encode;
mod geometry;
mod outboard;
mod verify;

pub use bao_tree::io::sync::ReadAt;
pub use encode::{encode_range, encode_range_to};
pub use geometry::{GROUP_BYTES, MAX_CONTENT_BYTES, encoded_len};
pub use outboard::{Outboard, OutboardBuilder};
pub use verify::{RangeVerifier, Verified, VerifiedRange};
