//! From the request to the spool.

use std::sync::Arc;
use std::time::Duration;

use cairn_contracts::DealInfo;
use cairn_erasure::Code;
use cairn_wire::{
    Client, HandlerFuture, Limits, Peer, PieceBody, RelaySegment, SegmentIntake, SlotOutcome,
    WireError,
};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::dashboard::Counter;
use crate::serve::door::Door;
use crate::serve::relay::forward::{self, Forwarding};
use crate::serve::relay::places::{Place, Places, Throttle};
use crate::serve::relay::{check, spool};

/// What an operator allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelayRules {
    /// Segments at a time; 0: none, ever.
    pub parallel: usize,
    /// Disk that they may use in all.
    pub spool_bytes: u64,
    /// Bytes per second that handing on pieces may use in all; 0: no bound.
    pub bytes_per_s: u64,
    /// How long one may take from its first byte to its last slot.
    pub patience: Duration,
}

/// The segments of a node.
#[derive(Debug)]
pub(in crate::serve) struct Relays {
    rules: RelayRules,
    places: Arc<Places>,
    throttle: Arc<Throttle>,
    wire: Client,
}

impl Relays {
    pub(in crate::serve) fn new(rules: RelayRules) -> Self {
        Self {
            rules,
            places: Arc::new(Places::new(rules.parallel, rules.spool_bytes)),
            throttle: Arc::new(Throttle::new(rules.bytes_per_s)),
            wire: Client::new(holder_limits()),
        }
    }

    /// Whether to take a segment, decided by the chain before its body comes.
    pub(in crate::serve) async fn admit(
        self: &Arc<Self>,
        door: &Door,
        peer: Peer,
        request: RelaySegment,
    ) -> Result<Box<dyn SegmentIntake>, WireError> {
        if self.rules.parallel == 0 {
            return Err(WireError::refused("this node relays nothing"));
        }
        let deal = door.deal(request.deal).await?.ok_or_else(|| {
            WireError::not_found(format_args!("deal {} is not on chain", request.deal))
        })?;
        let own = check::piece_of(&deal, request.slot)?;
        door.decide(&own, Some(&deal)).await?;
        let code = check::segment(&request, &deal)?;
        let spool_bytes = own.byte_len.saturating_mul(u64::from(request.n));
        let place = self.places.take(peer.network(), spool_bytes)?;
        let spare = door
            .free_bytes()?
            .saturating_sub(door.context.reserve_bytes);
        if spare < self.places.bytes() {
            return Err(WireError::busy("the node's disk has no room to relay now"));
        }
        Ok(Box::new(Segment {
            relays: Arc::clone(self),
            door: door.clone(),
            deal,
            code,
            segment_bytes: request.segment_bytes,
            place,
        }))
    }
}

/// The node as a client of its peers: little unacknowledged data each, because several pieces go out at a time.
fn holder_limits() -> Limits {
    Limits {
        connection_window_bytes: 4 << 20,
        stream_window_bytes: 1 << 20,
        ..Limits::default()
    }
}

/// A segment that was admitted.
struct Segment {
    relays: Arc<Relays>,
    door: Door,
    deal: DealInfo,
    code: Code,
    segment_bytes: u64,
    place: Place,
}

impl SegmentIntake for Segment {
    fn receive<'a>(
        self: Box<Self>,
        body: &'a mut PieceBody,
    ) -> HandlerFuture<'a, mpsc::Receiver<SlotOutcome>> {
        Box::pin(async move {
            let metrics = Arc::clone(&self.door.context.metrics);
            let deadline = Instant::now()
                .checked_add(self.relays.rules.patience)
                .ok_or_else(|| WireError::internal("the node's patience is too long"))?;
            let filled = self.fill(body, deadline).await;
            let forwarding = filled.inspect_err(|_| metrics.count(Counter::SegmentsRefused))?;
            metrics.count(Counter::SegmentsRelayed);
            let (sender, outcomes) = mpsc::channel(usize::from(self.code.n()));
            let place = self.place;
            // By its own right: it ends by its deadline, or when nobody listens any more.
            tokio::spawn(async move {
                forward::all(forwarding, sender, deadline).await;
                drop(place);
            });
            Ok(outcomes)
        })
    }
}

impl Segment {
    async fn fill(&self, body: &mut PieceBody, deadline: Instant) -> Result<Forwarding, WireError> {
        let context = Arc::clone(&self.door.context);
        let spool = spool::fill(context, self.code.clone(), body, deadline).await?;
        let pieces = check::pieces_of(&self.deal)?;
        let whole = self.code.payload_len(self.segment_bytes);
        let right = spool
            .content_ids()
            .iter()
            .eq(pieces.iter().map(|piece| &piece.content_id));
        if !right || spool.piece_bytes() != whole {
            return Err(WireError::bad_request(
                "the segment does not code to the pieces of the deal",
            ));
        }
        let named = self.deal.slots.iter().map(|slot| slot.provider);
        Ok(Forwarding {
            wire: self.relays.wire.clone(),
            throttle: Arc::clone(&self.relays.throttle),
            door: self.door.clone(),
            pieces: pieces.into_iter().zip(named).collect(),
            spool,
        })
    }
}
