//! The client's end: connects to a node whose key the registry names, asks, and believes nothing it can check.
//!
//! | module | what it holds |
//! |---|---|
//! | `pin` | the TLS verifier that knows one key and nothing else |
//! | `connect` | sockets, names and handshakes |
//! | `connection` | the six requests |
//! | `exchange` | one request's stream |
//! | `upload` | the body of a `StorePiece` or `RelaySegment` |
//! | `relay` | what becomes of the slots of a `RelaySegment` |
//! | `range` | the verified bytes of a `ReadRange` |

mod connect;
mod connection;
mod exchange;
mod pin;
mod range;
mod relay;
mod upload;

pub use connect::Client;
pub use connection::Connection;
pub use range::RangeStream;
pub use relay::{RelayOffer, RelayStream};
