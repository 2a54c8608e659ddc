//! From accepted pieces to packed sectors, and dropping what is no longer wanted.

use std::collections::BTreeSet;
use std::sync::PoisonError;

use cairn_merkle::tree::Shape;
use cairn_wire::{ContentId, SectorKind};

use crate::dashboard::{Alarm, Counter};
use crate::deal::{SectorId, SectorState, SlotEvent, SlotState};
use crate::error::{SectorError, StoreError};
use crate::pipeline::Work;
use crate::pipeline::bids::is_bid;
use crate::sector::{Candidate, build, plan};
use crate::store::{Home, PieceRecord, SectorRecord, SlotKey, SlotRecord};

impl Work {
    /// Packs what can be packed now. Gives the number of sectors.
    pub(super) fn pack(&self) -> Result<usize, SectorError> {
        self.drop_lapsed()?;
        self.forget_unwanted()?;
        self.drop_copies()?;
        let unfinished = self
            .ledger
            .sectors(|record| record.state == SectorState::Planned);
        let mut sectors: Vec<SectorId> = unfinished.into_iter().map(|(id, _)| id).collect();
        if sectors.is_empty() {
            for kind in [SectorKind::Hot, SectorKind::Sealed] {
                let candidates = self.candidates(kind)?;
                for places in plan(&candidates, self.rule, (self.clock)()) {
                    sectors.push(self.ledger.plan_sector(kind, places)?);
                }
            }
        }
        let shape = Shape::new(self.set.sector_log2_leaves).map_err(|_| StoreError::BadRecord {
            what: "parameter set",
            field: "sector size",
        })?;
        let mut packed = 0;
        for id in sectors {
            match build(&self.ledger, id, shape, (self.clock)()) {
                Ok(record) => {
                    packed += 1;
                    self.metrics.count(Counter::SectorsPacked);
                    self.metrics.clear(Alarm::Disk);
                    tracing::info!(%id, pieces = record.places.len(), "packed");
                }
                Err(SectorError::PieceChanged { content_id }) => self.give_up(id, &content_id)?,
                Err(error) => return Err(error),
            }
        }
        Ok(packed)
    }

    /// A piece rotted before it was packed: its slots end, and the others of its sector are planned anew.
    fn give_up(&self, sector: SectorId, content_id: &ContentId) -> Result<(), StoreError> {
        let words = format!("piece {content_id} rotted before it was packed");
        self.metrics.count(Counter::RottenLeaves);
        self.metrics.raise(Alarm::Rot, &words);
        tracing::error!(%content_id, "ROTTEN before it was packed: its slots are given up");
        let named =
            |slot: &SlotRecord| slot.content_id == *content_id && slot.state != SlotState::Ended;
        for (key, _) in self.ledger.slots(named) {
            self.ledger.step_slot(key, SlotEvent::End, (self.clock)())?;
        }
        self.ledger.drop_plan(sector)?;
        self.ledger.store().forget_piece(content_id)
    }

    /// Accepted pieces of deals of a kind that lie in no sector of that kind yet, without those that are only bid for. A piece that lies in one already takes
    /// its new slot there; one that lies only in a sector of the other kind is packed once more.
    fn candidates(&self, kind: SectorKind) -> Result<Vec<Candidate>, StoreError> {
        let mut candidates = Vec::new();
        let of_kind = |(key, slot): &(SlotKey, SlotRecord)| {
            slot.kind == kind && !self.market.bids.holds_back(*key, slot)
        };
        for (key, slot) in self.ledger.waiting().into_iter().filter(of_kind) {
            let Some(piece) = self.ledger.store().piece(&slot.content_id)? else {
                tracing::error!(slot = %key, content_id = %slot.content_id, "an accepted piece is gone");
                self.ledger.step_slot(key, SlotEvent::End, (self.clock)())?;
                continue;
            };
            if let Some(sector) = self.sector_of(kind, &slot.content_id) {
                self.ledger
                    .step_slot(key, SlotEvent::Pack(sector), (self.clock)())?;
            } else if !self.is_readable(&piece) {
                // Its bytes lie in a replica alone: it is unsealed as for a reader, and waits meanwhile.
                if let Home::Sector { sector, .. } = piece.home {
                    let asked = self.unseals.ask(sector, (self.clock)());
                    tracing::debug!(slot = %key, %sector, ?asked, "an accepted piece has to be unsealed first");
                }
            } else {
                candidates.push(Candidate {
                    content_id: slot.content_id,
                    comm_p: piece.comm_p,
                    byte_len: piece.byte_len,
                    b: piece.b,
                    // The clock of a repair that was won runs: it waits for no others.
                    since_unix: if is_bid(&slot) { 0 } else { slot.since_unix },
                });
            }
        }
        candidates.sort_by_key(|piece| piece.since_unix);
        Ok(candidates)
    }

    /// The sector of a kind in which a piece lies and is still owed, and whose leaves a proof of inclusion can read.
    fn sector_of(&self, kind: SectorKind, content_id: &ContentId) -> Option<SectorId> {
        let has = |record: &SectorRecord| {
            let mut places = record.places.iter();
            let lives = !matches!(
                record.state,
                SectorState::Planned | SectorState::Retired { .. }
            );
            record.kind == kind
                && lives
                && record.data.is_here()
                && places.any(|place| place.content_id == *content_id)
        };
        self.ledger.sectors(has).first().map(|(id, _)| *id)
    }

    /// Whether the bytes of a piece can be read without unsealing anything.
    fn is_readable(&self, piece: &PieceRecord) -> bool {
        match piece.home {
            Home::Large | Home::Small => true,
            Home::Sector { sector, .. } => self
                .ledger
                .sector(sector)
                .is_some_and(|record| record.data.is_here()),
        }
    }

    /// Ends slots whose Receipt lapsed without an Acceptance.
    fn drop_lapsed(&self) -> Result<(), StoreError> {
        let now = self.view.chain_time_unix();
        let lapsed =
            |slot: &SlotRecord| matches!(slot.state, SlotState::Stored) && slot.expiry_unix < now;
        for (key, _) in self.ledger.slots(lapsed) {
            self.ledger.step_slot(key, SlotEvent::End, (self.clock)())?;
        }
        Ok(())
    }

    /// Forgets the pieces of ended slots that no slot wants any more, unless a sector has or will have them: whatever
    /// ended the slot, a lapsed Receipt, a cancelled deal or a closed slot. What the chain may still take back waits.
    fn forget_unwanted(&self) -> Result<(), StoreError> {
        let ended = self.ledger.slots(|slot| slot.state == SlotState::Ended);
        let mut swept = self.swept.lock().unwrap_or_else(PoisonError::into_inner);
        let still: BTreeSet<SlotKey> = ended.iter().map(|(key, _)| *key).collect();
        swept.retain(|key| still.contains(key));
        for (key, slot) in ended {
            if swept.contains(&key) || self.ledger.is_young_slot(key) {
                continue;
            }
            let content_id = &slot.content_id;
            let is_here = self
                .ledger
                .store()
                .piece(content_id)?
                .is_some_and(|piece| !matches!(piece.home, Home::Sector { .. }));
            if is_here && !self.ledger.is_wanted(content_id) {
                if self.is_planned(content_id) {
                    // Its sector is built first.
                    continue;
                }
                tracing::info!(slot = %key, %content_id, "wanted by nobody, forgotten");
                self.ledger.store().forget_piece(content_id)?;
            }
            swept.insert(key);
        }
        Ok(())
    }

    fn is_planned(&self, content_id: &ContentId) -> bool {
        let has = |record: &SectorRecord| {
            let mut places = record.places.iter();
            record.state == SectorState::Planned
                && places.any(|place| place.content_id == *content_id)
        };
        !self.ledger.sectors(has).is_empty()
    }
}
