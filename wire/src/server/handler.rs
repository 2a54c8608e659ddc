//! What a node must be able to do for its wire: one method a request.

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;

use crate::message::{
    Acceptance, LeafOpening, NodeInfo, OpenLeaf, RangeHeader, ReadRange, Receipt, RelaySegment,
    SlotOutcome, StorePiece,
};
use crate::refusal::WireError;
use crate::server::body::PieceBody;
use crate::server::slots::peer_of;
use crate::source::ChunkSource;
use tokio::sync::mpsc;

/// An answer in the making. It may be dropped at any `await`: when the client goes away in the middle of a body, when
/// it takes too long, and when the server shuts down. What must happen as a whole belongs into a task of its own.
pub type HandlerFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, WireError>> + Send + 'a>>;

/// Who asks. The address is proven by the handshake, and is nobody's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Where it asks from.
    pub address: SocketAddr,
    /// Which of this server's connections, counted from 1.
    pub connection: u64,
}

impl Peer {
    /// What counts as one peer: an IPv4 address, or the first half of an IPv6 address with the rest zero.
    #[must_use]
    pub fn network(&self) -> IpAddr {
        peer_of(self.address.ip())
    }
}

/// A node, as its wire sees it. Requests arrive decoded and within the server's limits; everything else about them is
/// a stranger's word.
pub trait Handler: Send + Sync + 'static {
    /// Who this node is.
    fn info(&self, peer: Peer) -> HandlerFuture<'_, NodeInfo>;

    /// Whether to take the piece: decided before its body is sent. What is reserved for it belongs into the intake,
    /// which is dropped when the body does not come.
    fn admit_piece(
        &self,
        peer: Peer,
        request: StorePiece,
    ) -> HandlerFuture<'_, Box<dyn PieceIntake>>;

    /// Whether to take a segment, to code it and to hand its pieces on: decided before its body is sent. A node need not.
    fn admit_segment(
        &self,
        _peer: Peer,
        _request: RelaySegment,
    ) -> HandlerFuture<'_, Box<dyn SegmentIntake>> {
        let refused = WireError::refused("this node relays nothing");
        Box::pin(std::future::ready(Err(refused)))
    }

    /// Takes note of the owner's Acceptance; after this returns, it must survive a crash.
    fn accept_piece(&self, peer: Peer, acceptance: Acceptance) -> HandlerFuture<'_, ()>;

    /// A range of a piece in its verified encoding (`cairn_merkle::range`).
    fn read_range(&self, peer: Peer, request: ReadRange) -> HandlerFuture<'_, RangeReply>;

    /// A leaf of a piece with its path.
    fn open_leaf(&self, peer: Peer, request: OpenLeaf) -> HandlerFuture<'_, LeafOpening>;
}

/// A piece that was admitted and is about to arrive.
pub trait PieceIntake: Send {
    /// Takes the body and answers with the Receipt once the piece is durable.
    ///
    /// The body must be read until [`PieceBody::next_chunk`] gives `None`: a Receipt for a body that did not arrive
    /// whole is not sent. When the body fails, return its error (`?` turns it into a [`WireError`]).
    fn receive<'a>(self: Box<Self>, body: &'a mut PieceBody) -> HandlerFuture<'a, Receipt>;
}

/// A segment that was admitted and is about to arrive.
pub trait SegmentIntake: Send {
    /// Takes the body, and answers once all of it is there and is what it should be. What becomes of each slot then
    /// comes through the channel, one outcome a slot; hanging up ends the answer. When the client goes away, the channel
    /// closes.
    ///
    /// The body must be read until [`PieceBody::next_chunk`] gives `None`. When it fails, return its error.
    fn receive<'a>(
        self: Box<Self>,
        body: &'a mut PieceBody,
    ) -> HandlerFuture<'a, mpsc::Receiver<SlotOutcome>>;
}

/// The answer to a `ReadRange`.
pub struct RangeReply {
    /// What is said first.
    pub header: RangeHeader,
    /// The encoded bytes: exactly `header.encoded_len` of them.
    pub body: Box<dyn ChunkSource>,
}

impl std::fmt::Debug for RangeReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RangeReply")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}
