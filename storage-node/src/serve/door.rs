//! Whether to take a piece, by chain, ledger and disk: one door for pieces that clients send and for those that a relay
//! makes itself.

use std::sync::Arc;

use cairn_contracts::DealInfo;
use cairn_wire::{DealId, StorePiece, WireError};

use crate::error::{ChainFault, StoreError};
use crate::serve::admit::{Admitted, Offer, admit};
use crate::serve::handler::ServeContext;
use crate::serve::receive::Intake;
use crate::serve::reserve::Reservations;

/// The door, and what is promised to those who came through it.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) context: Arc<ServeContext>,
    reservations: Arc<Reservations>,
}

impl Door {
    pub(super) fn new(context: ServeContext) -> Self {
        Self {
            context: Arc::new(context),
            reservations: Arc::default(),
        }
    }

    /// A deal, as the chain has it.
    pub(super) async fn deal(&self, deal: DealId) -> Result<Option<DealInfo>, WireError> {
        let asked = self.context.chain.deal(deal).await;
        asked.map_err(|fault| cannot_ask(&fault))
    }

    /// Decides about a piece; promises nothing yet.
    pub(super) async fn decide(
        &self,
        request: &StorePiece,
        deal: Option<&DealInfo>,
    ) -> Result<Admitted, WireError> {
        let context = &self.context;
        let slot = match deal {
            Some(deal) if usize::from(request.slot.0) < deal.slots.len() => {
                let slot = context.chain.slot(request.deal, request.slot).await;
                Some(slot.map_err(|fault| cannot_ask(&fault))?)
            }
            _ => None,
        };
        let store = context.ledger.store();
        let (_, held_bytes) = store.held();
        admit(&Offer {
            request,
            me: context.me,
            deal,
            slot: slot.as_ref(),
            confirmed: context
                .view
                .is_confirmed(request.deal, context.confirmations),
            open_period: context.schedule.open_period(context.view.chain_time_unix()),
            b_max: context.b_max,
            held_bytes: held_bytes.saturating_add(self.reservations.bytes()),
            quota_bytes: context.quota_bytes,
            free_bytes: self.free_bytes()?,
            reserve_bytes: context.reserve_bytes,
            seals: context.seals,
        })
    }

    /// Takes a piece in, with room reserved for it.
    pub(super) async fn admitted(&self, request: StorePiece) -> Result<Intake, WireError> {
        let deal = self.deal(request.deal).await?;
        let admitted = self.decide(&request, deal.as_ref()).await?;
        let reservation = self
            .reservations
            .reserve(request.content_id, request.byte_len)?;
        Ok(Intake {
            context: Arc::clone(&self.context),
            request,
            owner: admitted.owner,
            kind: admitted.kind,
            reservation,
        })
    }

    /// Bytes free on the disk.
    pub(super) fn free_bytes(&self) -> Result<u64, WireError> {
        let free = self.context.ledger.store().free_bytes();
        free.map_err(|error| disk(&error))
    }
}

pub(super) fn cannot_ask(fault: &ChainFault) -> WireError {
    tracing::warn!(%fault, "a piece was turned away because the chain could not be asked");
    WireError::busy("the node cannot reach the chain")
}

pub(super) fn disk(error: &StoreError) -> WireError {
    tracing::error!(%error, "the store failed");
    WireError::internal("the node's disk failed")
}
