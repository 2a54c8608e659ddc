//! A `RelaySegment`, from the client's end.

use std::collections::BTreeSet;

use crate::client::exchange::{Exchange, another_kind};
use crate::client::upload::{Upload, send_body};
use crate::error::RequestError;
use crate::limits::Limits;
use crate::message::{RelaySegment, Reply, Request, SlotOutcome};
use crate::source::ChunkSource;

/// A node that has agreed to relay a segment and waits for its bytes. Dropped, it cancels the request.
#[derive(Debug)]
pub struct RelayOffer {
    exchange: Exchange,
    request: RelaySegment,
    limits: Limits,
}

/// What becomes of a relayed segment's slots. Dropped before the end, it cancels the request.
///
/// A relay is believed nothing: of an outcome only that it is about a slot of this deal of which nothing was said before
/// is checked here. Whether a Receipt is the one of the slot's provider for the slot's piece is the caller's to check,
/// exactly as of a Receipt that came directly.
#[derive(Debug)]
pub struct RelayStream {
    exchange: Exchange,
    request: RelaySegment,
    limits: Limits,
    told: BTreeSet<u8>,
}

impl RelayOffer {
    pub(crate) async fn ask(
        mut exchange: Exchange,
        request: RelaySegment,
        limits: Limits,
    ) -> Result<Self, RequestError> {
        exchange.ask(&Request::RelaySegment(request)).await?;
        match exchange
            .reply("the node's decision about the segment")
            .await?
        {
            Reply::Continue => Ok(Self {
                exchange,
                request,
                limits,
            }),
            other => Err(another_kind(&other)),
        }
    }

    /// Sends the segment: `body` must give exactly the announced bytes. A relay that stops reading says why through the
    /// stream.
    ///
    /// # Errors
    /// [`RequestError`].
    pub async fn send(mut self, mut body: impl ChunkSource) -> Result<RelayStream, RequestError> {
        let announced = self.request.segment_bytes;
        let upload = send_body(&mut self.exchange.send, &mut body, announced, &self.limits).await?;
        if upload == Upload::Complete {
            self.exchange.finish_asking();
        }
        Ok(RelayStream {
            exchange: self.exchange,
            request: self.request,
            limits: self.limits,
            told: BTreeSet::new(),
        })
    }
}

impl RelayStream {
    /// What became of one more slot; `None` when all n were told of. After an error nothing more comes.
    ///
    /// # Errors
    /// [`RequestError`]: the relay gave up, went silent, or spoke of another deal, of a slot that there is not, or of
    /// one twice.
    pub async fn next(&mut self) -> Result<Option<SlotOutcome>, RequestError> {
        const WAITING: &str = "news of the relayed pieces";
        if self.told.len() == usize::from(self.request.n) {
            self.exchange.done();
            return Ok(None);
        }
        let patience = self.limits.relay_timeout;
        let outcome = match self.exchange.reply_within(WAITING, patience).await? {
            Reply::Receipt(receipt) if receipt.terms.deal == self.request.deal => SlotOutcome {
                slot: receipt.terms.slot,
                result: Ok(receipt),
            },
            Reply::Receipt(_) => return Err(RequestError::AnotherAnswer { field: "deal" }),
            Reply::SlotFailed(failed) => SlotOutcome {
                slot: failed.slot,
                result: Err(failed.error),
            },
            other => return Err(another_kind(&other)),
        };
        let slot = outcome.slot.0;
        if u16::from(slot) >= self.request.n || !self.told.insert(slot) {
            return Err(RequestError::AnotherAnswer { field: "slot" });
        }
        Ok(Some(outcome))
    }
}
