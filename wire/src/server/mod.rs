//! The node's end: binds a UDP socket, lets connections in, serves one request a stream.
//!
//! | module | what it holds |
//! |---|---|
//! | [`handler`] | what a node must be able to do |
//! | [`body`] | the body of a `StorePiece` or `RelaySegment` as the node reads it |
//! | `accept` | the socket, and who may connect |
//! | `slots` | connections counted by peer |
//! | `windows` | flow-control windows as a shared budget |
//! | `stream` | one stream: header in, the right method, reply out |
//! | `transfer` | the two requests that move a piece |
//! | `relay` | the request that moves a segment |

mod accept;
pub(crate) mod body;
pub(crate) mod handler;
mod relay;
mod slots;
mod stream;
mod transfer;
mod windows;

pub use accept::Server;
pub use body::{MAX_CHUNK_BYTES, PieceBody};
pub use handler::{Handler, HandlerFuture, Peer, PieceIntake, RangeReply, SegmentIntake};
