//! Append a packed sector; then include and activate its slots, as many at a time as one proof speaks about.

use std::sync::Arc;

use cairn_contracts::{Head, SlotStatus};
use cairn_merkle::Commitment;
use cairn_wire::{PieceTerms, SectorKind, SectorNumber, Signature, TreeIndex};

use crate::chain::{AppendCall, TreeAt, latest};
use crate::dashboard::Alarm;
use crate::deal::{BY_REPAIR, SectorId, SectorState, SlotEvent, SlotState};
use crate::error::{ChainFault, ProvingError, StoreError};
use crate::pipeline::pace::Suspect;
use crate::pipeline::rights::Right;
use crate::pipeline::sync::block_ref;
use crate::pipeline::{Work, blocking};
use crate::proving::read_include;
use crate::sector::Place;
use crate::store::{SectorRecord, SlotKey, SlotRecord};
use crate::translate::{activation, append_statement, include_statement};

/// A slot that can be activated now.
struct Ready {
    key: SlotKey,
    record: SlotRecord,
    acceptance: Signature,
    place: Place,
    /// Slots of its deal: the whole array goes with its activation.
    slots: usize,
    /// What it earns a period, which is what it stakes by.
    price: u128,
    /// Of a slot that somebody else lost: what is shown before it is filled.
    right: Option<Right>,
}

/// What became of a look at a slot that waits.
enum Look {
    /// It can be activated.
    Ready(Box<Ready>),
    /// It has ended, or was active already.
    Moved,
    /// Its time has not come.
    Waits,
    /// A transaction was sent for it: the look ends here.
    Acted,
}

/// Bytes of an activation besides the slot array, and of a slot in that.
const ACTIVATION_BYTES: usize = 512;
const SLOT_BYTES: usize = 128;
/// Slots of the largest deal.
const SLOTS_MAX: usize = 256;
/// Most bytes of activations in one call: nodes of the chain take no transaction above 128 KiB, and a stranger chooses
/// how many slots its deal has.
const CALL_BYTES_MAX: usize = 96 << 10;

impl Work {
    /// Does one thing that brings a sector or its slots further. Says whether it did.
    pub(super) async fn step_sectors(&self, head: Head) -> Result<bool, ProvingError> {
        for (id, record) in self
            .ledger
            .sectors(|record| matches!(record.state, SectorState::Registered { .. }))
        {
            if self.activate_some(id, &record, head).await? {
                return Ok(true);
            }
        }
        let packed = self
            .ledger
            .sectors(|record| matches!(record.state, SectorState::Packed { .. }));
        for (id, record) in packed {
            let sector = Suspect::Sector(id);
            if self.backoff.holds(sector, (self.clock)()) {
                continue;
            }
            match self.append(id, &record, head).await {
                Ok(true) => {
                    self.backoff.forget(sector);
                    return Ok(true);
                }
                Ok(false) => {}
                Err(error) => {
                    let error = only_its_own(error)?;
                    self.backoff.refused(sector, (self.clock)());
                    tracing::error!(%id, %error, "append failed: it waits, the others go on");
                    self.note(&error);
                }
            }
        }
        Ok(false)
    }

    /// Appends a packed sector to the first tree that has room. Its event, read at the next tick, registers it.
    async fn append(
        &self,
        id: SectorId,
        record: &SectorRecord,
        head: Head,
    ) -> Result<bool, ProvingError> {
        let SectorState::Packed { comm_d, comm_r } = record.state else {
            return Ok(false);
        };
        let Some((tree, at)) = self.tree_with_room(head).await? else {
            return Ok(false);
        };
        let number = self.chain.next_sector_number().await?;
        let kind = record.kind;
        let (keys, proofs) = (Arc::clone(&self.keys), Arc::clone(&self.proofs));
        let (statement, proof) = blocking(move || {
            let (statement, witness) = append_statement(&at.tree, (comm_d, comm_r, kind), number)
                .map_err(|error| ProvingError::Prover {
                reason: error.to_string(),
            })?;
            let proof = proofs.run(|| keys.prove_append(&statement, witness))?;
            Ok((statement, proof))
        })
        .await?;
        let call = AppendCall {
            tree,
            new_root: statement.root1,
            comm_d,
            comm_r,
            kind,
            proof,
        };
        let sent = self.chain.append(call).await?;
        self.metrics.clear(Alarm::Refused);
        tracing::info!(%id, sector = %number, %tree, gas = sent.gas_used, "append sent");
        Ok(true)
    }

    /// The first tree that is not full, as the chain has it now; `None` while our reading of it is behind.
    pub(super) async fn tree_with_room(
        &self,
        head: Head,
    ) -> Result<Option<(TreeIndex, TreeAt)>, ProvingError> {
        for tree in (0..).map(TreeIndex) {
            let state = self.chain.tree(tree).await?;
            if state.pending_count >= self.set.max_sectors() {
                continue;
            }
            let read = latest(self.set.tree_levels, &self.ledger.changes(tree));
            let same = |at: &TreeAt| {
                at.tree.count() == u64::from(state.pending_count)
                    && (state.pending_count == 0 || at.root() == state.pending_root)
            };
            if let Some(at) = read.filter(same) {
                self.metrics.clear(Alarm::UnknownTree);
                return Ok(Some((tree, at)));
            }
            // Everything up to `head` was read: without a newer block it is not the reading that is behind.
            let now = self.chain.head().await?;
            if (now.number, now.hash) == (head.number, head.hash) {
                return Err(ProvingError::UnknownTree {
                    count: state.pending_count,
                });
            }
            return Ok(None);
        }
        Ok(None)
    }

    /// Activates slots of a registered sector. Says whether anything moved.
    async fn activate_some(
        &self,
        id: SectorId,
        record: &SectorRecord,
        head: Head,
    ) -> Result<bool, ProvingError> {
        let SectorState::Registered { comm_d, number, .. } = record.state else {
            return Ok(false);
        };
        let mut waiting = self
            .ledger
            .slots(|slot| matches!(slot.state, SlotState::Packed { sector, .. } if sector == id));
        if waiting.is_empty() {
            return Ok(false);
        }
        if !record.data.is_here() {
            // An activation was taken back after the data had gone: it is unsealed as for a reader.
            let asked = self.unseals.ask(id, (self.clock)());
            tracing::debug!(%id, ?asked, "data for a proof of inclusion has to be unsealed first");
            return Ok(false);
        }
        waiting.sort_by_key(|(key, _)| self.backoff.rank(Suspect::Slot(*key)));
        let mut ready: Vec<Ready> = Vec::new();
        let mut moved = false;
        for (key, slot) in waiting {
            let suspect = self.backoff.is_suspect(Suspect::Slot(key));
            if self.backoff.holds(Suspect::Slot(key), (self.clock)())
                || ((suspect || is_repair(&slot)) && !ready.is_empty())
            {
                continue;
            }
            match self.look_at_slot(key, slot, record, head).await {
                Ok(Look::Ready(one)) => {
                    if !fits(ready.iter().map(|ready| ready.slots), one.slots) {
                        break;
                    }
                    ready.push(*one);
                }
                Ok(Look::Moved) => moved = true,
                Ok(Look::Waits) => {}
                Ok(Look::Acted) => return Ok(true),
                Err(error) => self.hold_back(&[key], error)?,
            }
            // A right to a repair is short: nothing else of the batch may make it lapse.
            let alone = suspect || is_repair(&slot);
            if !ready.is_empty() && (alone || ready.len() == self.set.include_width) {
                break;
            }
        }
        if ready.is_empty() {
            return Ok(moved);
        }
        let keys: Vec<SlotKey> = ready.iter().map(|one| one.key).collect();
        let done = match self.stake(ready.iter().map(|one| one.price), 0).await {
            Ok(()) => self.include(id, (comm_d, number), &ready).await,
            Err(error) => Err(error),
        };
        match done {
            Ok(()) => {
                for key in keys {
                    self.backoff.forget(Suspect::Slot(key));
                }
                Ok(true)
            }
            Err(error) => {
                self.hold_back(&keys, error)?;
                // Several are tried again one by one; after one alone the next sector has its turn.
                Ok(moved || keys.len() > 1)
            }
        }
    }

    /// Slots that were refused hold up nobody else: one on its own waits, several are tried one by one.
    fn hold_back(&self, keys: &[SlotKey], error: ProvingError) -> Result<(), ProvingError> {
        let error = only_its_own(error)?;
        match keys {
            [key] => {
                self.backoff.refused(Suspect::Slot(*key), (self.clock)());
                tracing::error!(slot = %key, %error, "not activated: it waits, the others go on");
            }
            _ => {
                for key in keys {
                    self.backoff.suspect(Suspect::Slot(*key));
                }
                tracing::warn!(slots = keys.len(), %error, "not activated together: each is tried alone");
            }
        }
        self.note(&error);
        Ok(())
    }

    /// What the chain says about a slot that waits: ready, or settled by itself.
    async fn look_at_slot(
        &self,
        key: SlotKey,
        record: SlotRecord,
        sector: &SectorRecord,
        head: Head,
    ) -> Result<Look, ProvingError> {
        let SlotState::Packed { acceptance, .. } = record.state else {
            return Ok(Look::Waits);
        };
        let repairs = acceptance == BY_REPAIR;
        let (mut slots, mut price) = (SLOTS_MAX, 0);
        let state = self.chain.slot(key.deal, key.slot).await?;
        let event = match state.status {
            SlotStatus::Filled { provider, .. } if provider == self.me => Some(SlotEvent::Activate),
            SlotStatus::Empty if head.timestamp > record.expiry_unix => Some(SlotEvent::End),
            status @ (SlotStatus::Empty | SlotStatus::Freed)
                if repairs == (status == SlotStatus::Freed) =>
            {
                let deal = self.chain.deal(key.deal).await?;
                if let Some(deal) = &deal {
                    (slots, price) = (usize::from(deal.n), deal.price_per_slot_period);
                }
                let over = deal.is_some_and(|deal| {
                    let last = if repairs {
                        deal.end_period
                    } else {
                        deal.activate_by
                    };
                    deal.cancelled || self.schedule.open_period(head.timestamp) > last
                });
                over.then_some(SlotEvent::End)
            }
            _ => Some(SlotEvent::End),
        };
        let place = sector
            .places
            .iter()
            .find(|place| place.content_id == record.content_id)
            .copied();
        match (event, place) {
            (None, Some(place)) => {
                let mut right = None;
                if repairs {
                    right = Some(match record.kind {
                        SectorKind::Hot => self.right(key, state.freed_at_unix, head).await?,
                        SectorKind::Sealed => self.right_by_auction(key).await?,
                    });
                }
                match right {
                    Some(Right::Committed) => return Ok(Look::Acted),
                    Some(Right::Young) => return Ok(Look::Waits),
                    _ => {}
                }
                Ok(Look::Ready(Box::new(Ready {
                    key,
                    record,
                    acceptance,
                    place,
                    slots,
                    price,
                    right,
                })))
            }
            (event, _) => {
                let event = event.unwrap_or(SlotEvent::End);
                self.move_by_asking(key, record, event).await?;
                Ok(Look::Moved)
            }
        }
    }

    /// Moves a slot by what the chain has just answered, which stands on its newest block now or an older one.
    pub(super) async fn move_by_asking(
        &self,
        key: SlotKey,
        record: SlotRecord,
        event: SlotEvent,
    ) -> Result<(), ProvingError> {
        let at = block_ref(self.chain.head().await?);
        let moved = SlotRecord {
            state: record.state.next(event).map_err(StoreError::from)?,
            since_unix: (self.clock)(),
            ..record
        };
        self.ledger
            .follow_answer(self.start_block, at, (key, moved))?;
        self.backoff.forget(Suspect::Slot(key));
        tracing::info!(slot = %key, state = moved.state.name(), "slot, by asking");
        Ok(())
    }

    async fn include(
        &self,
        id: SectorId,
        (comm_d, number): (Commitment, SectorNumber),
        ready: &[Ready],
    ) -> Result<(), ProvingError> {
        let places: Vec<Place> = ready.iter().map(|one| one.place).collect();
        let (ledger, keys, set) = (Arc::clone(&self.ledger), Arc::clone(&self.keys), self.set);
        let proofs = Arc::clone(&self.proofs);
        let proof = blocking(move || {
            let opened = read_include(&ledger, set, id, &places)?;
            let (statement, witness) =
                include_statement(set, comm_d, &opened).map_err(|error| ProvingError::Prover {
                    reason: error.to_string(),
                })?;
            proofs.run(|| keys.prove_include(&statement, witness))
        })
        .await?;
        for one in ready {
            if let Some(Right::Show(salt)) = one.right {
                self.chain
                    .reveal_repair(one.key.deal, one.key.slot, salt)
                    .await?;
                tracing::info!(slot = %one.key, "showed the right to a repair");
            }
        }
        let activations = ready
            .iter()
            .map(|one| activation(self.terms(one), one.acceptance, one.place.offset_leaves));
        let sent = self
            .chain
            .activate(number, activations.collect(), proof)
            .await?;
        self.metrics.clear(Alarm::Refused);
        tracing::info!(sector = %number, slots = ready.len(), gas = sent.gas_used, "activated");
        Ok(())
    }

    fn terms(&self, one: &Ready) -> PieceTerms {
        PieceTerms {
            deal: one.key.deal,
            slot: one.key.slot,
            provider: self.me,
            content_id: one.record.content_id,
            comm_p: one.place.comm_p,
            b: one.place.b,
            byte_len: one.place.byte_len,
            expiry_unix: one.record.expiry_unix,
        }
    }
}

/// Whether the slot is one that somebody else lost.
fn is_repair(slot: &SlotRecord) -> bool {
    matches!(slot.state, SlotState::Packed { acceptance, .. } if acceptance == BY_REPAIR)
}

/// Whether the activation of one more slot fits a call that activates others already; given the slots of each deal.
fn fits(others: impl Iterator<Item = usize>, slots: usize) -> bool {
    let bytes = |slots: usize| ACTIVATION_BYTES + slots * SLOT_BYTES;
    let taken: usize = others.map(bytes).sum();
    taken == 0 || taken + bytes(slots) <= CALL_BYTES_MAX
}

/// An error that says something about one sector or slot only; where nobody answers, all have to wait.
pub(super) fn only_its_own(error: ProvingError) -> Result<ProvingError, ProvingError> {
    match error {
        ProvingError::Chain(ChainFault::Unreachable(_) | ChainFault::Dear(_))
        | ProvingError::UnknownTree { .. } => Err(error),
        own => Ok(own),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_of_a_strangers_large_deals_stays_below_what_a_node_of_the_chain_takes() {
        let most = |slots: usize| {
            (1..=64)
                .take_while(|count| fits(std::iter::repeat_n(slots, count - 1), slots))
                .count()
        };
        assert_eq!(most(SLOTS_MAX), 2, "two arrays of 256 slots");
        assert_eq!(most(1), 64, "as many as a proof speaks about");
        let largest = 2 * (ACTIVATION_BYTES + SLOTS_MAX * SLOT_BYTES);
        assert!(largest < CALL_BYTES_MAX, "{largest} bytes");
        assert!(fits(std::iter::empty(), 10_000), "one alone is tried");
    }
}
