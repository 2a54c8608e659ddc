//! Reading the chain up to its newest block, and going back with it when it takes blocks back.
//!
//! What was read stands on the last block read and on the anchor of each recorded step. Before anything newer is read the
//! newest of them must still be on the chain; when another block stands in its place, recorded steps are taken back until
//! one stands, and everything after it is read again.

use cairn_contracts::Head;
use cairn_contracts::follower::BlockRef;

use crate::chain::interpret;
use crate::dashboard::{Alarm, Counter, Gauge};
use crate::deal::{SectorState, SlotState};
use crate::error::ProvingError;
use crate::pipeline::Work;
use crate::store::{ChainStep, UNDO_BLOCKS};

/// Blocks read at once.
const SPAN: u64 = 1_000;
/// An empty step is written down only so often: the same blocks are read again after a crash, to no effect.
const RECORD_EVERY: u64 = 200;

/// Whether what was read is still so.
enum Past {
    Stands,
    /// The endpoint is not as far.
    Unknown,
    /// It was not, and what it had changed is undone.
    Undone,
}

impl Work {
    /// Follows the chain to `head`. Says whether everything up to it has been read.
    pub(super) async fn sync(&self, head: Head) -> Result<bool, ProvingError> {
        self.view.note_head(head);
        self.metrics.set(Gauge::Block, head.number);
        self.metrics.set(Gauge::ChainTime, head.timestamp);
        let (from, last) = loop {
            let from = self.next_block();
            let to = head.number.min(from.saturating_add(SPAN - 1));
            // Asked for before the past is looked at: a fork in between shows at the next look.
            let Some(hash) = self.hash_of(to, head).await? else {
                return Ok(false);
            };
            match self.look_back(head).await? {
                Past::Stands => break (from, BlockRef { number: to, hash }),
                Past::Unknown => return Ok(false),
                Past::Undone => {}
            }
        };
        if from > head.number {
            return Ok(true);
        }
        self.read(from, last).await?;
        Ok(last.number == head.number)
    }

    async fn read(&self, from: u64, last: BlockRef) -> Result<(), ProvingError> {
        let events = self.chain.events(from, last.number).await?;
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
        if !is_empty || last.number.saturating_sub(self.recorded()) >= RECORD_EVERY {
            self.ledger.follow(self.start_block, last, read.step)?;
        }
        self.view.note_read(last);
        Ok(())
    }

    /// Where reading goes on after a crash.
    fn recorded(&self) -> u64 {
        let cursor = self.ledger.cursor();
        cursor.map_or(self.start_block, |cursor| cursor.next_block)
    }

    fn next_block(&self) -> u64 {
        let read = self.view.read();
        read.map_or(0, |read| read.number.saturating_add(1))
            .max(self.recorded())
    }

    async fn hash_of(&self, number: u64, head: Head) -> Result<Option<[u8; 32]>, ProvingError> {
        if number == head.number {
            return Ok(Some(head.hash));
        }
        Ok(self.chain.block_hash(number).await?)
    }

    /// Whether a block is still on the chain; `None` when this endpoint cannot tell.
    async fn stands(&self, block: BlockRef, head: Head) -> Result<Option<bool>, ProvingError> {
        if block.number > head.number {
            return Ok(None);
        }
        let hash = self.hash_of(block.number, head).await?;
        Ok(hash.map(|hash| hash == block.hash))
    }

    /// Takes back what the chain took back.
    async fn look_back(&self, head: Head) -> Result<Past, ProvingError> {
        let known = [self.view.read(), self.ledger.newest_anchor()];
        let newest = known.into_iter().flatten().max_by_key(|block| block.number);
        let Some(newest) = newest else {
            return Ok(Past::Stands);
        };
        match self.stands(newest, head).await? {
            Some(true) => return Ok(Past::Stands),
            Some(false) => {}
            None => {
                tracing::warn!(
                    head = head.number,
                    read_to = newest.number,
                    "the chain is behind what was read of it"
                );
                return Ok(Past::Unknown);
            }
        }
        while let Some(anchor) = self.ledger.newest_anchor() {
            match self.stands(anchor, head).await? {
                Some(true) => break,
                Some(false) => {}
                None => return Ok(Past::Unknown),
            }
            if let Some(now) = self.ledger.undo_newest()? {
                for (id, record) in &now.sectors {
                    tracing::warn!(%id, state = record.state.name(), "taken back by the chain: the sector is again");
                }
                for (key, record) in &now.slots {
                    tracing::warn!(slot = %key, state = record.state.name(), "taken back by the chain: the slot is again");
                }
            }
        }
        let from = self.recorded();
        self.view.forget_from(from);
        self.market.challenged.look_again();
        self.metrics.count(Counter::Reorganisations);
        tracing::warn!(
            head = head.number,
            read_to = newest.number,
            from,
            "the chain was reorganised: it is read again"
        );
        if self.ledger.newest_anchor().is_none() && from > self.start_block {
            let words = format!("before block {from}, more than {UNDO_BLOCKS} blocks back");
            self.metrics.raise(Alarm::DeepReorganisation, &words);
            tracing::error!(
                from,
                "the chain took back more than can be undone: what was recorded before may not be on it"
            );
        }
        Ok(Past::Undone)
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

/// A block by number and hash.
pub(super) const fn block_ref(head: Head) -> BlockRef {
    BlockRef {
        number: head.number,
        hash: head.hash,
    }
}
