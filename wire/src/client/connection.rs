//! The six requests on an open connection.

use std::net::SocketAddr;

use crate::client::exchange::{Exchange, another_kind};
use crate::client::range::RangeStream;
use crate::client::relay::RelayOffer;
use crate::client::upload::{Upload, send_body};
use crate::error::RequestError;
use crate::frame::CANCELLED;
use crate::limits::Limits;
use crate::message::{
    Acceptance, LeafOpening, NodeInfo, OpenLeaf, ReadRange, Receipt, RelaySegment, Reply, Request,
    StorePiece,
};
use crate::source::ChunkSource;

/// An open connection to one node. Cheap to clone; requests of all clones run beside each other, one stream each. It
/// closes when the last clone is dropped. A future that is dropped cancels its request.
#[derive(Debug, Clone)]
pub struct Connection {
    quic: quinn::Connection,
    limits: Limits,
}

impl Connection {
    pub(crate) const fn new(quic: quinn::Connection, limits: Limits) -> Self {
        Self { quic, limits }
    }

    /// Where the node is.
    #[must_use]
    pub fn remote_addr(&self) -> SocketAddr {
        self.quic.remote_address()
    }

    /// Whether the connection is over: connect anew.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.quic.close_reason().is_some()
    }

    /// Closes the connection; requests under way fail.
    pub fn close(&self) {
        self.quic.close(CANCELLED, b"");
    }

    /// Asks the node who it is. Nothing of the answer is proven.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn info(&self) -> Result<NodeInfo, RequestError> {
        match self.ask_once(&Request::Info).await? {
            Reply::Info(info) => Ok(info),
            other => Err(another_kind(&other)),
        }
    }

    /// Has the node store a piece: `body` must give exactly `request.byte_len` bytes, and is asked for the first only
    /// once the node has agreed.
    ///
    /// The Receipt is checked to be for this deal, slot, content id and length. Its provider, its signature
    /// ([`crate::verify_receipt`]) and its commitment are the caller's to check, who knows the registry and the bytes.
    ///
    /// # Errors
    /// [`RequestError`]; a node that refuses in the middle of the body is [`RequestError::Refused`] too.
    pub async fn store_piece(
        &self,
        request: &StorePiece,
        mut body: impl ChunkSource,
    ) -> Result<Receipt, RequestError> {
        let mut exchange = Exchange::open(&self.quic, self.limits).await?;
        exchange.ask(&Request::StorePiece(*request)).await?;
        match exchange
            .reply("the node's decision about the piece")
            .await?
        {
            Reply::Continue => {}
            other => return Err(another_kind(&other)),
        }
        let upload = send_body(
            &mut exchange.send,
            &mut body,
            request.byte_len,
            &self.limits,
        )
        .await?;
        if upload == Upload::Complete {
            exchange.finish_asking();
        }
        // A node that stopped reading says why.
        let reply = exchange.reply("the Receipt").await?;
        exchange.done();
        match reply {
            Reply::Receipt(receipt) if upload == Upload::Complete => {
                check_receipt(request, receipt)
            }
            other => Err(another_kind(&other)),
        }
    }

    /// Asks the node to relay a segment: to take its bytes once, and to code and hand on its pieces. The node has agreed
    /// when this returns; send the bytes then.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn relay_segment(&self, request: &RelaySegment) -> Result<RelayOffer, RequestError> {
        let exchange = Exchange::open(&self.quic, self.limits).await?;
        RelayOffer::ask(exchange, *request, self.limits).await
    }

    /// Hands the node the owner's Acceptance of a piece it gave a Receipt for.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn accept_piece(&self, acceptance: &Acceptance) -> Result<(), RequestError> {
        match self.ask_once(&Request::AcceptPiece(*acceptance)).await? {
            Reply::Accepted => Ok(()),
            other => Err(another_kind(&other)),
        }
    }

    /// Bytes `offset..offset + len` of a piece whose length, like its content id, the caller knows from the deal. What
    /// the stream yields is verified against the content id.
    ///
    /// # Errors
    /// [`RequestError`]: here for what the node says before the bytes, from the stream for the bytes.
    pub async fn read_range(
        &self,
        request: &ReadRange,
        piece_byte_len: u64,
    ) -> Result<RangeStream, RequestError> {
        let prepared = RangeStream::prepare(request, piece_byte_len, &self.limits)?;
        let mut exchange = Exchange::open(&self.quic, self.limits).await?;
        exchange.ask(&Request::ReadRange(*request)).await?;
        exchange.finish_asking();
        match exchange.reply("the range's header").await? {
            Reply::RangeHeader(header) => prepared.start(header, exchange),
            other => Err(another_kind(&other)),
        }
    }

    /// A leaf of a piece with its path. It parses, and proves nothing yet: verify it against a commitment.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn open_leaf(&self, request: &OpenLeaf) -> Result<LeafOpening, RequestError> {
        match self.ask_once(&Request::OpenLeaf(*request)).await? {
            Reply::LeafOpening(opening) => Ok(opening),
            other => Err(another_kind(&other)),
        }
    }

    async fn ask_once(&self, request: &Request) -> Result<Reply, RequestError> {
        let mut exchange = Exchange::open(&self.quic, self.limits).await?;
        exchange.ask(request).await?;
        exchange.finish_asking();
        let reply = exchange.reply("the node's answer").await?;
        exchange.done();
        Ok(reply)
    }
}

fn check_receipt(request: &StorePiece, receipt: Receipt) -> Result<Receipt, RequestError> {
    let terms = &receipt.terms;
    let checks = [
        ("deal", terms.deal == request.deal),
        ("slot", terms.slot == request.slot),
        ("content_id", terms.content_id == request.content_id),
        ("byte_len", terms.byte_len == request.byte_len),
    ];
    match checks.into_iter().find(|(_, same)| !same) {
        Some((field, _)) => Err(RequestError::AnotherAnswer { field }),
        None => Ok(receipt),
    }
}
