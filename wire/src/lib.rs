//! The words all parties share: ids, units, messages, codec, QUIC endpoint and key pinning.
//!
//! ```text
//! Client --connect(host:port, pin)--> Connection --one stream a request--> Server --> Handler (the node)
//!                                     header: u16 length | version | kind | fields, then a raw body
//! ```
//!
//! QUIC with TLS 1.3 and ALPN `cairn/1`. A node is who holds the key whose hash stands in the registry on the chain.
//! Every wait has a time-out, every length a bound, and no byte of a piece is given out before it is verified: see
//! [`Limits`], `docs/formats.md` for the bytes, `docs/threats.md` for what was tried against it.
//!
//! | module | what it holds |
//! |---|---|
//! | [`ids`] | names: addresses, deals, slots, sectors, periods |
//! | `secret_key` | secp256k1: sign, recover |
//! | `eip712` | what Receipts and Acceptances sign |
//! | [`message`] | requests and replies |
//! | [`codec`] | their bytes |
//! | `refusal` | the seven ways to say no |
//! | `limits` | every bound and time-out |
//! | `identity` | a node's TLS key and its pin |
//! | `source` | where a body comes from |
//! | `client`, `server` | the two ends |
//! | `transport`, `frame`, `pace` | QUIC settings, framing, patience |
//! | [`error`] | what can go wrong, and whose fault it is |

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable
    )
)]

mod client;
pub mod codec;
mod eip712;
pub mod error;
mod frame;
mod identity;
pub mod ids;
mod limits;
pub mod message;
mod pace;
mod refusal;
mod secret_key;
mod server;
mod source;
mod transport;

pub use client::{Client, Connection, RangeStream, RelayOffer, RelayStream};
pub use eip712::{
    Eip712Domain, PieceTerms, acceptance_digest, receipt_digest, sign_acceptance, sign_receipt,
    verify_acceptance, verify_receipt,
};
pub use error::{
    AddressError, BindError, BodyError, CodecError, ConnectError, IdentityError, KeyError,
    RequestError, SignatureError,
};
pub use identity::NodeIdentity;
pub use ids::{
    Address, Commitment, ContentId, DealId, Period, Round, SectorKind, SectorNumber, SlotIndex,
    TreeIndex,
};
pub use limits::Limits;
pub use message::{
    Acceptance, LeafOpening, NodeInfo, OpenLeaf, RangeHeader, ReadRange, Receipt, RelaySegment,
    Reply, Request, SlotFailed, SlotOutcome, StorePiece,
};
pub use refusal::{ErrorCode, MAX_REASON_BYTES, MAX_WAIT_S, WireError};
pub use secret_key::{SecretKey, Signature, recover};
pub use server::{
    Handler, HandlerFuture, MAX_CHUNK_BYTES, Peer, PieceBody, PieceIntake, RangeReply,
    SegmentIntake, Server,
};
pub use source::{ChannelSource, ChunkFuture, ChunkSource, MemorySource, ReaderSource};
pub use transport::ALPN;
