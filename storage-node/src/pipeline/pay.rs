//! Asking for pay: from time to time the node settles its active slots, so that what it has proven becomes its credit.

use cairn_contracts::Head;
use cairn_wire::{DealId, Period, SlotIndex};

use crate::dashboard::Counter;
use crate::deal::SlotState;
use crate::error::{ChainFault, ProvingError};
use crate::pipeline::Work;
use crate::store::SlotKey;

/// Slots settled in one transaction.
const BATCH: usize = 16;

impl Work {
    /// Settles every active slot once each `settle_every_periods` periods, one batch at a time, so that no window waits
    /// for more than one transaction. Says whether anything was sent. After a
    /// restart it may settle once more than needed, which costs gas and nothing else.
    pub(super) async fn step_pay(&self, head: Head) -> Result<bool, ProvingError> {
        let period = self.schedule.last_closed_period(head.timestamp).0;
        let Some(turn) = period.checked_div(self.settle_every_periods) else {
            return Ok(false);
        };
        if turn == 0 {
            return Ok(false);
        }
        let keys = self.pay.next(turn, BATCH, || self.active_slots());
        if keys.is_empty() {
            return Ok(false);
        }
        if let Some(key) = self.first_over(&keys, Period(period)).await? {
            let others: Vec<SlotKey> = keys.into_iter().filter(|other| *other != key).collect();
            self.pay.put_back(&others);
            return self.close(key).await;
        }
        let slots: Vec<(DealId, SlotIndex)> = keys.iter().map(|key| (key.deal, key.slot)).collect();
        match self.chain.settle_many(slots).await {
            Ok(sent) => tracing::info!(slots = keys.len(), gas = sent.gas_used, "settled"),
            // One slot that was closed meanwhile refuses its whole batch; the next turn comes without it.
            Err(ChainFault::Refused(reason)) => {
                self.metrics.count(Counter::RpcRefusals);
                tracing::warn!(%reason, slots = keys.len(), "not settled this time");
            }
            Err(down) => {
                self.pay.put_back(&keys);
                return Err(down.into());
            }
        }
        Ok(true)
    }

    /// The first of these slots whose deal is over: left alone it would go on locking collateral, and answering for misses.
    async fn first_over(
        &self,
        keys: &[SlotKey],
        closed: Period,
    ) -> Result<Option<SlotKey>, ProvingError> {
        for key in keys {
            let deal = self.chain.deal(key.deal).await?;
            if deal.is_some_and(|deal| deal.end_period <= closed) {
                return Ok(Some(*key));
            }
        }
        Ok(None)
    }

    /// Ends a slot whose deal is over; the chain pays what is due with it.
    async fn close(&self, key: SlotKey) -> Result<bool, ProvingError> {
        match self.chain.close(key.deal, key.slot).await {
            Ok(sent) => tracing::info!(slot = %key, gas = sent.gas_used, "closed"),
            // Somebody else closed it, or it is under a challenge: the next turn looks again.
            Err(ChainFault::Refused(reason)) => {
                self.metrics.count(Counter::RpcRefusals);
                tracing::warn!(slot = %key, %reason, "not closed this time");
            }
            Err(down) => {
                self.pay.put_back(&[key]);
                return Err(down.into());
            }
        }
        Ok(true)
    }

    fn active_slots(&self) -> Vec<SlotKey> {
        let active = self
            .ledger
            .slots(|slot| matches!(slot.state, SlotState::Active { .. }));
        active.into_iter().map(|(key, _)| key).collect()
    }
}
