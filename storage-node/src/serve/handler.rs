//! The wire's handler: decides by chain and ledger, then leaves the work to its neighbours.

use std::sync::Arc;

use cairn_contracts::Schedule;
use cairn_wire::message::{
    Acceptance, LeafOpening, NodeInfo, OpenLeaf, ReadRange, RelaySegment, StorePiece,
};
use cairn_wire::{
    Address, Eip712Domain, Handler, HandlerFuture, Peer, PieceIntake, RangeReply, SecretKey,
    SegmentIntake, WireError,
};

use crate::chain::ChainPort;
use crate::dashboard::{Counter, Metrics};
use crate::deal::{SlotEvent, SlotState};
use crate::sealing::UnsealQueue;
use crate::serve::admit::check_acceptance;
use crate::serve::door::{Door, disk};
use crate::serve::read;
use crate::serve::relay::{RelayRules, Relays};
use crate::store::{Ledger, SlotKey};
use crate::view::ChainView;

/// What the handler works with.
pub struct ServeContext {
    /// The provider served.
    pub me: Address,
    /// Signs Receipts.
    pub operator: SecretKey,
    /// What signatures are bound to.
    pub domain: Eip712Domain,
    /// When periods are.
    pub schedule: Schedule,
    /// Name of the parameter set.
    pub set_name: String,
    /// Largest piece of the parameter set.
    pub b_max: u8,
    /// Bytes of pieces the operator allows.
    pub quota_bytes: u64,
    /// Bytes of the disk that stay free.
    pub reserve_bytes: u64,
    /// Whether pieces of sealed deals are taken.
    pub seals: bool,
    /// What is relayed for clients.
    pub relay: RelayRules,
    /// How long a Receipt may be used.
    pub receipt_s: u64,
    /// How deep the block that opened a deal must be.
    pub confirmations: u64,
    /// The chain.
    pub chain: Arc<dyn ChainPort>,
    /// What was last seen of it.
    pub view: Arc<ChainView>,
    /// Who waits for unsealing.
    pub unseals: Arc<UnsealQueue>,
    /// The records.
    pub ledger: Arc<Ledger>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// Unix time of this machine.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

impl std::fmt::Debug for ServeContext {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServeContext")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}

/// The node, as its wire sees it.
#[derive(Debug)]
pub struct NodeHandler {
    context: Arc<ServeContext>,
    door: Door,
    relays: Arc<Relays>,
}

impl NodeHandler {
    /// A handler over these.
    #[must_use]
    pub fn new(context: ServeContext) -> Self {
        let relays = Arc::new(Relays::new(context.relay));
        let door = Door::new(context);
        Self {
            context: Arc::clone(&door.context),
            door,
            relays,
        }
    }
}

/// Verifies and records an Acceptance. Saying it twice is as good as once.
fn take_acceptance(context: &ServeContext, acceptance: &Acceptance) -> Result<(), WireError> {
    let terms = &acceptance.terms;
    let key = SlotKey {
        deal: terms.deal,
        slot: terms.slot,
    };
    let slot = context
        .ledger
        .slot(key)
        .ok_or_else(|| WireError::not_found("no piece is here for that slot"))?;
    let piece = context
        .ledger
        .store()
        .piece(&slot.content_id)
        .map_err(|error| disk(&error))?;
    let piece = piece.ok_or_else(|| WireError::not_found("the piece is not here"))?;
    let held = (piece.comm_p, piece.b, piece.byte_len);
    let signed = (terms, &acceptance.signature);
    check_acceptance(
        &context.domain,
        context.me,
        &slot,
        held,
        signed,
        context.view.chain_time_unix(),
    )?;
    match slot.state {
        SlotState::Stored => {
            let event = SlotEvent::Accept(acceptance.signature);
            context
                .ledger
                .step_slot(key, event, (context.clock)())
                .map_err(|error| disk(&error))?;
            tracing::info!(slot = %key, content_id = %slot.content_id, "accepted");
            Ok(())
        }
        SlotState::Accepted { .. } | SlotState::Packed { .. } | SlotState::Active { .. } => Ok(()),
        SlotState::Ended => Err(WireError::refused("the slot has ended")),
    }
}

/// Runs work that blocks on a thread of its own; it goes on when the asker goes away.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, WireError> + Send + 'static,
) -> Result<T, WireError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| WireError::internal("the node's worker stopped"))?
}

impl Handler for NodeHandler {
    fn info(&self, _peer: Peer) -> HandlerFuture<'_, NodeInfo> {
        Box::pin(async move {
            let context = &self.context;
            let (_, held) = context.ledger.store().held();
            Ok(NodeInfo {
                provider: context.me,
                operator: context.operator.address(),
                chain_id: context.domain.chain_id,
                deals: context.domain.deals,
                parameter_set: context.set_name.clone(),
                software: concat!("cairn-node/", env!("CARGO_PKG_VERSION")).to_owned(),
                b_max: context.b_max,
                free_bytes: context.quota_bytes.saturating_sub(held),
                now_unix: (context.clock)(),
            })
        })
    }

    fn admit_piece(
        &self,
        peer: Peer,
        request: StorePiece,
    ) -> HandlerFuture<'_, Box<dyn PieceIntake>> {
        Box::pin(async move {
            let admitted = self.door.admitted(request).await.inspect_err(|refusal| {
                self.context.metrics.count(Counter::PiecesRefused);
                tracing::debug!(peer = %peer.address, deal = %request.deal, slot = %request.slot, %refusal, "refused");
            });
            admitted.map(|intake| Box::new(intake) as Box<dyn PieceIntake>)
        })
    }

    fn admit_segment(
        &self,
        peer: Peer,
        request: RelaySegment,
    ) -> HandlerFuture<'_, Box<dyn SegmentIntake>> {
        Box::pin(async move {
            let admitted = self.relays.admit(&self.door, peer, request).await;
            admitted.inspect_err(|refusal| {
                self.context.metrics.count(Counter::SegmentsRefused);
                tracing::debug!(peer = %peer.address, deal = %request.deal, %refusal, "not relayed");
            })
        })
    }

    fn accept_piece(&self, _peer: Peer, acceptance: Acceptance) -> HandlerFuture<'_, ()> {
        let context = Arc::clone(&self.context);
        Box::pin(blocking(move || take_acceptance(&context, &acceptance)))
    }

    fn read_range(&self, _peer: Peer, request: ReadRange) -> HandlerFuture<'_, RangeReply> {
        let context = Arc::clone(&self.context);
        Box::pin(blocking(move || {
            read::check_readable(&context, &request.content_id)?;
            let reply = read::read_range(context.ledger.store(), &request)?;
            context
                .metrics
                .add(Counter::BytesRead, reply.header.encoded_len);
            Ok(reply)
        }))
    }

    fn open_leaf(&self, _peer: Peer, request: OpenLeaf) -> HandlerFuture<'_, LeafOpening> {
        let context = Arc::clone(&self.context);
        Box::pin(blocking(move || {
            read::check_readable(&context, &request.content_id)?;
            read::open_leaf(context.ledger.store(), &request)
        }))
    }
}
