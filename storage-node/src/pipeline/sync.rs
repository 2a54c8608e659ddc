//! Reading the chain up to its newest block.

use cairn_contracts::Head;

use crate::chain::interpret;
use crate::dashboard::{Alarm, Counter, Gauge};
use crate::deal::{SectorState, SlotState};
use crate::error::ProvingError;
use crate::pipeline::Work;
use crate::store::{ChainStep, Cursor};

/// Blocks read at once.
const SPAN: u64 = 1_000;
/// An empty step is written down only so often: the same blocks are read again after a crash, to no effect.
const RECORD_EVERY: u64 = 200;

impl Work {
    /// Follows the chain to `head`. Says whether everything up to it has been read.
    pub(super) async fn sync(&self, head: Head) -> Result<bool, ProvingError> {
        self.view.note_head(head);
        self.metrics.set(Gauge::Block, head.number);
        self.metrics.set(Gauge::ChainTime, head.timestamp);
        let recorded = self
            .ledger
            .cursor()
            .map_or(self.start_block, |cursor| cursor.next_block);
        let from = self
            .view
            .read_to()
            .map_or(recorded, |read| read.saturating_add(1))
            .max(recorded);
        if from > head.number {
            if from > head.number.saturating_add(1) {
                tracing::warn!(
                    head = head.number,
                    read_to = from - 1,
                    "the chain is behind what was read of it"
                );
                return Ok(false);
            }
            return Ok(true);
        }
        let to = head.number.min(from.saturating_add(SPAN - 1));
        let events = self.chain.events(from, to).await?;
        let sectors = self.ledger.sectors(|record| {
            matches!(
                record.state,
                SectorState::Packed { .. }
                    | SectorState::Sealing { .. }
                    | SectorState::Registered { .. }
            )
        });
        let slots = self.ledger.slots(|record| record.state != SlotState::Ended);
        let read = interpret(self.me, &events, &sectors, &slots, (self.clock)());
        for (deal, block) in &read.opened {
            self.view.note_opened(*deal, *block);
        }
        self.market.challenged.hear(&read.challenged);
        for what in &read.losses {
            self.metrics.count(Counter::Slashes);
            self.metrics.raise(Alarm::Slashed, what);
            tracing::error!(%what, "this provider lost collateral or slots");
        }
        for what in &read.surprises {
            tracing::warn!(%what, "the chain said something unexpected");
        }
        self.tell(&read.step);
        let is_empty = read.step.changes.is_empty()
            && read.step.sectors.is_empty()
            && read.step.slots.is_empty();
        if !is_empty || to.saturating_sub(recorded) >= RECORD_EVERY {
            self.ledger.follow(
                Cursor {
                    next_block: to.saturating_add(1),
                },
                read.step,
            )?;
        }
        self.view.note_read(to);
        Ok(to == head.number)
    }

    fn tell(&self, step: &ChainStep) {
        for (id, record) in &step.sectors {
            if let SectorState::Registered { number, tree, .. } = record.state {
                self.metrics.count(Counter::SectorsAppended);
                tracing::info!(sector = %number, %tree, %id, pieces = record.places.len(), "appended");
            }
        }
        for (key, record) in &step.slots {
            if matches!(record.state, SlotState::Active { .. }) {
                self.metrics.count(Counter::SlotsActivated);
            }
            tracing::info!(slot = %key, state = record.state.name(), "slot");
        }
    }
}
