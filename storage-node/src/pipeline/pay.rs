//! Asking for pay: from time to time the node settles its active slots, so that what it has proven becomes its credit.

use std::sync::atomic::Ordering;

use cairn_contracts::Head;
use cairn_wire::{DealId, SlotIndex};

use crate::dashboard::Counter;
use crate::deal::SlotState;
use crate::error::{ChainFault, ProvingError};
use crate::pipeline::Work;

/// Slots settled in one transaction.
const BATCH: usize = 16;

impl Work {
    /// Settles every active slot once each `settle_every_periods` periods. Says whether anything was sent. After a
    /// restart it may settle once more than needed, which costs gas and nothing else.
    pub(super) async fn step_pay(&self, head: Head) -> Result<bool, ProvingError> {
        let period = self.schedule.last_closed_period(head.timestamp).0;
        let Some(turn) = period.checked_div(self.settle_every_periods) else {
            return Ok(false);
        };
        if turn == 0 || self.settled_turn.swap(turn, Ordering::Relaxed) == turn {
            return Ok(false);
        }
        let active = self
            .ledger
            .slots(|slot| matches!(slot.state, SlotState::Active { .. }));
        let slots: Vec<(DealId, SlotIndex)> =
            active.iter().map(|(key, _)| (key.deal, key.slot)).collect();
        for batch in slots.chunks(BATCH) {
            match self.chain.settle_many(batch.to_vec()).await {
                Ok(sent) => tracing::info!(slots = batch.len(), gas = sent.gas_used, "settled"),
                // One slot that was closed meanwhile refuses its whole batch; the next turn comes without it.
                Err(ChainFault::Refused(reason)) => {
                    self.metrics.count(Counter::RpcRefusals);
                    tracing::warn!(%reason, slots = batch.len(), "not settled this time");
                }
                Err(down) => return Err(down.into()),
            }
        }
        Ok(!slots.is_empty())
    }
}
