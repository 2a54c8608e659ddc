//! A segment to one of its providers, which codes it and hands the pieces on.
//!
//! Nothing is trusted to it: what it brings for a slot is checked as if it had come from the slot's provider, and what it
//! does not bring is sent directly. A relay that lies or stalls costs time.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use cairn_erasure::{CODE_ID, Code};
use cairn_wire::{
    Address, ErrorCode, Receipt, RelayOffer, RelaySegment, RequestError, SlotIndex, SlotOutcome,
};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::{Duration, Instant, sleep, timeout, timeout_at};

use crate::client::Shared;
use crate::error::SlotError;
use crate::market::Market;
use crate::put::open::OpenDeal;
use crate::put::report::RelayReport;
use crate::put::source::Metered;

/// Providers of a deal that are asked to relay it.
const ASKED: usize = 4;
/// All that a relay has to tell may take so many times what the next of it may.
const PATIENCES: u32 = 5;

/// A segment to be relayed.
pub(crate) struct RelayJob<M> {
    pub(crate) shared: Arc<Shared<M>>,
    pub(crate) deal: OpenDeal,
    pub(crate) code: Code,
    pub(crate) segment_bytes: u64,
    pub(crate) pieces: Vec<Bytes>,
    pub(crate) line_bytes: Arc<AtomicU64>,
}

/// Who waits for a slot's Receipt. Whoever is dropped without one sends directly.
type Waiting = Vec<Option<oneshot::Sender<Receipt>>>;

impl<M: Market> RelayJob<M> {
    /// Finds a relay and passes on what it brings, each slot as it comes.
    pub(crate) async fn run(
        self,
        lines: Arc<Semaphore>,
        slots: Vec<oneshot::Sender<Receipt>>,
    ) -> RelayReport {
        let mut waiting: Waiting = slots.into_iter().map(Some).collect();
        let (provider, ended) = match self.find().await {
            Ok((provider, offer)) => {
                let told = self.relay(offer, &lines, &mut waiting).await;
                (Some(provider), told.map_err(SlotError::from))
            }
            Err(error) => (None, Err(error)),
        };
        if let Err(error) = &ended {
            tracing::warn!(deal = %self.deal.deal, %error, "not all was relayed");
        }
        RelayReport {
            provider,
            trouble: ended.err(),
        }
    }

    /// The first of some providers, at random, that agrees; who is busy or has not seen the deal yet is asked again.
    async fn find(&self) -> Result<(Address, RelayOffer), SlotError> {
        let mut order: Vec<usize> = (0..self.deal.providers.len()).collect();
        crate::choose::shuffle(&mut order, &self.shared.entropy);
        order.truncate(ASKED);
        let patience = &self.shared.config.patience;
        // Little for each: there is another way up.
        let a_while = Duration::from_secs(patience.upload_s) / 4;
        let end = Instant::now() + a_while;
        let mut refusal = SlotError::Interrupted("the deal has no provider".to_owned());
        loop {
            let mut may_pass = false;
            for index in &order {
                let asked = timeout(a_while, self.ask(*index)).await;
                match asked
                    .unwrap_or_else(|_| Err(timed_out("the relay's decision", a_while).into()))
                {
                    Ok(found) => return Ok(found),
                    Err(error) => {
                        tracing::debug!(deal = %self.deal.deal, slot = index, %error, "does not relay");
                        may_pass |= is_passing(&error);
                        refusal = error;
                    }
                }
            }
            if !may_pass || Instant::now() + patience.poll() > end {
                return Err(refusal);
            }
            sleep(patience.poll()).await;
        }
    }

    async fn ask(&self, index: usize) -> Result<(Address, RelayOffer), SlotError> {
        let provider = self
            .deal
            .providers
            .get(index)
            .ok_or_else(|| SlotError::Interrupted("the deal has no such slot".to_owned()))?;
        let request = RelaySegment {
            deal: self.deal.deal,
            slot: SlotIndex(u8::try_from(index).unwrap_or(u8::MAX)),
            k: self.code.k(),
            n: self.code.n(),
            code_id: CODE_ID,
            strip_bytes: self.code.strip_bytes(),
            segment_bytes: self.segment_bytes,
        };
        let connection = self.shared.peers.connect(provider).await?;
        let offer = connection.relay_segment(&request).await?;
        Ok((provider.address, offer))
    }

    async fn relay(
        &self,
        offer: RelayOffer,
        lines: &Semaphore,
        waiting: &mut Waiting,
    ) -> Result<(), RequestError> {
        let source = Metered::segment(
            &self.code,
            &self.pieces,
            self.segment_bytes,
            &self.line_bytes,
        );
        // A semaphore that is never closed.
        let line = lines.acquire().await.ok();
        let sent = offer.send(source).await;
        drop(line);
        let mut news = sent?;
        let whole = Duration::from_secs(self.shared.config.patience.relay_s) * PATIENCES;
        let end = Instant::now() + whole;
        loop {
            let next = timeout_at(end, news.next()).await;
            let next = next.map_err(|_| timed_out("news of all relayed pieces", whole))?;
            let Some(SlotOutcome { slot, result }) = next? else {
                return Ok(());
            };
            let slot_waits = waiting.get_mut(usize::from(slot.0)).and_then(Option::take);
            match (slot_waits, result) {
                (Some(waits), Ok(receipt)) => {
                    if waits.send(receipt).is_err() {
                        tracing::trace!(%slot, "nobody waits for this Receipt any more");
                    }
                }
                (_, Err(error)) => {
                    tracing::debug!(deal = %self.deal.deal, %slot, %error, "not relayed");
                }
                (None, Ok(_)) => tracing::trace!(%slot, "a slot that nobody waits for"),
            }
        }
    }
}

fn timed_out(waiting_for: &'static str, after: Duration) -> RequestError {
    RequestError::TimedOut { waiting_for, after }
}

/// Whether the same request may soon succeed.
fn is_passing(error: &SlotError) -> bool {
    matches!(error, SlotError::Request(RequestError::Refused(refusal))
        if matches!(refusal.code(), ErrorCode::NotFound | ErrorCode::Busy))
}
