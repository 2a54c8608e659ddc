//! From accepted pieces to packed sectors, and dropping what is no longer wanted.

use cairn_merkle::tree::Shape;
use cairn_wire::{ContentId, SectorKind};

use crate::dashboard::{Alarm, Counter};
use crate::deal::{SectorId, SectorState, SlotEvent, SlotState};
use crate::error::{SectorError, StoreError};
use crate::pipeline::Work;
use crate::sector::{Candidate, build, plan};
use crate::store::{Home, SlotKey, SlotRecord};

impl Work {
    /// Packs what can be packed now. Gives the number of sectors.
    pub(super) fn pack(&self) -> Result<usize, SectorError> {
        self.drop_lapsed()?;
        let unfinished = self
            .ledger
            .sectors(|record| record.state == SectorState::Planned);
        let mut sectors: Vec<SectorId> = unfinished.into_iter().map(|(id, _)| id).collect();
        if sectors.is_empty() {
            let candidates = self.candidates()?;
            for places in plan(&candidates, self.rule, (self.clock)()) {
                sectors.push(self.ledger.plan_sector(SectorKind::Hot, places)?);
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

    /// Accepted pieces that lie in no sector yet. A piece that lies in one already takes its new slot there.
    fn candidates(&self) -> Result<Vec<Candidate>, StoreError> {
        let mut candidates = Vec::new();
        for (key, slot) in self.ledger.waiting() {
            let Some(piece) = self.ledger.store().piece(&slot.content_id)? else {
                tracing::error!(slot = %key, content_id = %slot.content_id, "an accepted piece is gone");
                self.ledger.step_slot(key, SlotEvent::End, (self.clock)())?;
                continue;
            };
            match piece.home {
                Home::Sector { sector, .. } => {
                    self.ledger
                        .step_slot(key, SlotEvent::Pack(sector), (self.clock)())?;
                }
                Home::Large | Home::Small => candidates.push(Candidate {
                    content_id: slot.content_id,
                    comm_p: piece.comm_p,
                    byte_len: piece.byte_len,
                    b: piece.b,
                    since_unix: slot.since_unix,
                }),
            }
        }
        Ok(candidates)
    }

    /// Ends slots whose Receipt lapsed without an Acceptance, and forgets pieces that nobody wants any more.
    fn drop_lapsed(&self) -> Result<(), StoreError> {
        let now = self.view.chain_time_unix();
        let lapsed =
            |slot: &SlotRecord| matches!(slot.state, SlotState::Stored) && slot.expiry_unix < now;
        for (key, slot) in self.ledger.slots(lapsed) {
            self.end_and_forget(key, &slot)?;
        }
        Ok(())
    }

    fn end_and_forget(&self, key: SlotKey, slot: &SlotRecord) -> Result<(), StoreError> {
        self.ledger.step_slot(key, SlotEvent::End, (self.clock)())?;
        let in_sector = self
            .ledger
            .store()
            .piece(&slot.content_id)?
            .is_some_and(|piece| matches!(piece.home, Home::Sector { .. }));
        if !in_sector && !self.ledger.is_wanted(&slot.content_id) {
            tracing::info!(slot = %key, content_id = %slot.content_id, "never accepted, forgotten");
            self.ledger.store().forget_piece(&slot.content_id)?;
        }
        Ok(())
    }
}
