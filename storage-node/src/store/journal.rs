//! What the chain said, recorded so that it can be taken back: a reorganisation undoes whole steps, newest first.
//!
//! ```text
//!   cursor before ....... step, anchored at the block it was read up to (number and hash) ...
//!                         `- how many changes of each tree it added, what sectors and slots were before it
//! ```

use std::collections::{BTreeMap, VecDeque};

use cairn_contracts::follower::BlockRef;
use cairn_wire::{DealId, SlotIndex, TreeIndex};

use crate::deal::{SectorId, SectorState, SlotState};
use crate::error::StoreError;
use crate::store::codec::{Reader, Writer};
use crate::store::keys::{self, CURSOR, Family};
use crate::store::ledger::State;
use crate::store::records::{Cursor, SectorRecord, SlotRecord, put_sector_state, sector_state};
use crate::store::{ChainStep, Ledger, SlotKey};

/// Steps whose last block is deeper than this below the newest one read are for good.
pub const UNDO_BLOCKS: u64 = 1_024;

const VERSION: u8 = 1;

/// How one step is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undo {
    /// From this block on everything is read again.
    pub from: u64,
    /// The step is void when this block is not on the chain.
    pub anchor: BlockRef,
    /// How many changes the step added to each tree.
    pub changes: Vec<(TreeIndex, u32)>,
    /// What sectors were before.
    pub sectors: Vec<(SectorId, SectorState)>,
    /// What slots were before.
    pub slots: Vec<(SlotKey, SlotRecord)>,
}

/// The steps that can be taken back, oldest first, each by the number it has on disk.
#[derive(Debug, Default)]
pub(super) struct Journal(VecDeque<(u64, Undo)>);

impl Journal {
    pub(super) fn load(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let sequence = key.first_chunk::<8>().ok_or(StoreError::BadRecord {
            what: "undo",
            field: "key",
        })?;
        let undo = Undo::decode(value)?;
        self.0.push_back((u64::from_be_bytes(*sequence), undo));
        Ok(())
    }
}

impl Ledger {
    /// Records what the blocks up to `read` said, and that they were read; `start` is where reading began when nothing
    /// was recorded yet.
    ///
    /// # Errors
    /// The disk's own.
    pub fn follow(&self, start: u64, read: BlockRef, step: ChainStep) -> Result<(), StoreError> {
        let cursor = Cursor {
            next_block: read.number.saturating_add(1),
        };
        self.step(start, (read, Some(cursor)), step)
    }

    /// Records a slot that moved by what the chain answered when `at` was its newest block, or before.
    ///
    /// # Errors
    /// The disk's own.
    pub fn follow_answer(
        &self,
        start: u64,
        at: BlockRef,
        slot: (SlotKey, SlotRecord),
    ) -> Result<(), StoreError> {
        let step = ChainStep {
            slots: vec![slot],
            ..ChainStep::default()
        };
        self.step(start, (at, None), step)
    }

    fn step(
        &self,
        start: u64,
        (read, cursor): (BlockRef, Option<Cursor>),
        step: ChainStep,
    ) -> Result<(), StoreError> {
        let mut state = self.state();
        let mut batch = self.store().batch();
        let undo = undo_of(&state, start, read, &step);
        let newest = state.journal.0.back();
        let sequence = newest.map_or(0, |(sequence, _)| sequence.saturating_add(1));
        batch.put(Family::Chain, &keys::undo(sequence), &undo.encode());
        if let Some(cursor) = cursor {
            batch.put(Family::Chain, CURSOR, &cursor.encode());
        }
        let mut counts: BTreeMap<TreeIndex, u64> = BTreeMap::new();
        for (tree, change) in &step.changes {
            let place = counts
                .entry(*tree)
                .or_insert_with(|| state.changes.get(tree).map_or(0, |all| all.len() as u64));
            let key = keys::change(*tree, *place);
            batch.put(Family::Chain, &key, &change.encode());
            *place += 1;
        }
        for (sector, record) in &step.sectors {
            batch.put(Family::Sectors, &keys::sector(*sector), &record.encode());
        }
        for (key, record) in &step.slots {
            batch.put(Family::Slots, &key.bytes(), &record.encode());
        }
        let is_old = |undo: &Undo| undo.anchor.number.saturating_add(UNDO_BLOCKS) < read.number;
        let settled = (state.journal.0.iter())
            .take_while(|(_, undo)| is_old(undo))
            .count();
        for (sequence, undo) in state.journal.0.iter().take(settled) {
            batch.delete(Family::Chain, &keys::undo(*sequence));
            // A replica on chain for good needs its proofs of replication no more.
            let appended = undo.sectors.iter().filter(|(id, _)| {
                let record = state.sectors.get(id);
                record.is_some_and(|record| record.state.seal().is_none())
            });
            for (id, _) in appended {
                let (from, to) = (keys::chunk(*id, 0), keys::chunk(*id, u32::MAX));
                batch.delete_range(Family::Proofs, from.to_vec(), to.to_vec());
            }
        }
        self.store()
            .commit(batch, "recording what the chain said")?;
        state.journal.0.drain(..settled);
        state.journal.0.push_back((sequence, undo));
        state.cursor = cursor.or(state.cursor);
        for (tree, change) in step.changes {
            state.changes.entry(tree).or_default().push(change);
        }
        state.sectors.extend(step.sectors);
        state.slots.extend(step.slots);
        Ok(())
    }

    /// The block that the newest step stands on.
    #[must_use]
    pub fn newest_anchor(&self) -> Option<BlockRef> {
        self.state().journal.0.back().map(|(_, undo)| undo.anchor)
    }

    /// Takes the newest step back, all of it or nothing; what the records are now is in the answer.
    ///
    /// # Errors
    /// The disk's own.
    pub fn undo_newest(&self) -> Result<Option<ChainStep>, StoreError> {
        let mut state = self.state();
        let Some((sequence, undo)) = state.journal.0.back().cloned() else {
            return Ok(None);
        };
        let cursor = Cursor {
            next_block: undo.from,
        };
        let mut batch = self.store().batch();
        batch.delete(Family::Chain, &keys::undo(sequence));
        batch.put(Family::Chain, CURSOR, &cursor.encode());
        let mut changes = Vec::new();
        for (tree, count) in &undo.changes {
            let all = state.changes.get(tree).map_or(&[][..], Vec::as_slice);
            let kept = all.len().saturating_sub(*count as usize);
            for place in kept..all.len() {
                batch.delete(Family::Chain, &keys::change(*tree, place as u64));
            }
            changes.push((*tree, kept));
        }
        let back = back(&state, &undo);
        for (sector, record) in &back.sectors {
            batch.put(Family::Sectors, &keys::sector(*sector), &record.encode());
        }
        for (key, record) in &back.slots {
            batch.put(Family::Slots, &key.bytes(), &record.encode());
        }
        self.store()
            .commit(batch, "taking back what the chain said")?;
        state.journal.0.pop_back();
        state.cursor = Some(cursor);
        for (tree, kept) in changes {
            if let Some(all) = state.changes.get_mut(&tree) {
                all.truncate(kept);
            }
        }
        state.changes.retain(|_, all| !all.is_empty());
        state.sectors.extend(back.sectors.iter().cloned());
        state.slots.extend(back.slots.iter().copied());
        Ok(Some(back))
    }

    /// Whether what a slot is may still be taken back by the chain.
    #[must_use]
    pub fn is_young_slot(&self, slot: SlotKey) -> bool {
        let state = self.state();
        let mut slots = state.journal.0.iter().flat_map(|(_, undo)| &undo.slots);
        slots.any(|(key, _)| *key == slot)
    }
}

fn undo_of(state: &State, start: u64, read: BlockRef, step: &ChainStep) -> Undo {
    let mut counts: BTreeMap<TreeIndex, u32> = BTreeMap::new();
    for (tree, _) in &step.changes {
        let count = counts.entry(*tree).or_default();
        *count = count.saturating_add(1);
    }
    // An answer may have come from a newer block than the one read up to: then both stand on that one.
    let newest = state.journal.0.back().map(|(_, undo)| undo.anchor);
    let anchor = newest
        .filter(|newest| newest.number > read.number)
        .unwrap_or(read);
    let sectors = step.sectors.iter().filter_map(|(id, _)| {
        let before = state.sectors.get(id)?;
        Some((*id, before.state))
    });
    let slots = step.slots.iter().filter_map(|(key, _)| {
        let before = state.slots.get(key)?;
        Some((*key, *before))
    });
    Undo {
        from: state.cursor.map_or(start, |cursor| cursor.next_block),
        anchor,
        changes: counts.into_iter().collect(),
        sectors: sectors.collect(),
        slots: slots.collect(),
    }
}

/// The records as they were before a step. What went on since by the node's own doing (a slot offered anew) stays.
fn back(state: &State, undo: &Undo) -> ChainStep {
    let sectors = undo.sectors.iter().filter_map(|(id, before)| {
        let now = state.sectors.get(id)?;
        let by_chain = matches!(
            now.state,
            SectorState::Registered { .. } | SectorState::Retired { .. }
        );
        by_chain.then(|| {
            let record = SectorRecord {
                state: *before,
                ..now.clone()
            };
            (*id, record)
        })
    });
    let slots = undo.slots.iter().filter_map(|(key, before)| {
        let now = state.slots.get(key)?;
        matches!(now.state, SlotState::Active { .. } | SlotState::Ended).then_some((*key, *before))
    });
    ChainStep {
        changes: Vec::new(),
        sectors: sectors.collect(),
        slots: slots.collect(),
    }
}

impl Undo {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut writer = Writer::versioned(VERSION);
        writer.u64(self.from);
        writer.u64(self.anchor.number);
        writer.bytes(&self.anchor.hash);
        writer.u32(count(self.changes.len()));
        for (tree, changes) in &self.changes {
            writer.u32(tree.0);
            writer.u32(*changes);
        }
        writer.u32(count(self.sectors.len()));
        for (sector, state) in &self.sectors {
            writer.u64(sector.0);
            put_sector_state(&mut writer, state);
        }
        writer.u32(count(self.slots.len()));
        for (key, record) in &self.slots {
            let record = record.encode();
            writer.u64(key.deal.0);
            writer.u8(key.slot.0);
            writer.u32(count(record.len()));
            writer.bytes(&record);
        }
        writer.finish()
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, StoreError> {
        let mut reader = Reader::new("undo", bytes);
        reader.version(VERSION)?;
        let from = reader.u64("from")?;
        let anchor = BlockRef {
            number: reader.u64("anchor")?,
            hash: reader.array("hash")?,
        };
        let mut undo = Self {
            from,
            anchor,
            changes: Vec::new(),
            sectors: Vec::new(),
            slots: Vec::new(),
        };
        for _ in 0..reader.u32("changes")? {
            let tree = TreeIndex(reader.u32("tree")?);
            undo.changes.push((tree, reader.u32("changes of a tree")?));
        }
        for _ in 0..reader.u32("sectors")? {
            let sector = SectorId(reader.u64("sector")?);
            undo.sectors.push((sector, sector_state(&mut reader)?));
        }
        for _ in 0..reader.u32("slots")? {
            let key = SlotKey {
                deal: DealId(reader.u64("deal")?),
                slot: SlotIndex(reader.u8("slot")?),
            };
            let length = reader.u32("length of a slot")?;
            let record = SlotRecord::decode(reader.slice("slot", length)?)?;
            undo.slots.push((key, record));
        }
        reader.end()?;
        Ok(undo)
    }
}

#[cfg(test)]
mod tests {
    use cairn_wire::{Address, Commitment, ContentId, SectorKind, Signature};

    use super::*;

    #[test]
    fn an_undo_record_is_read_as_it_was_written_and_a_shorter_one_is_refused() {
        let slot = |state| SlotRecord {
            content_id: ContentId::from([1; 32]),
            owner: Address([2; 20]),
            expiry_unix: 3,
            since_unix: 4,
            state,
            kind: SectorKind::Hot,
        };
        let key = |slot| SlotKey {
            deal: DealId(7),
            slot: SlotIndex(slot),
        };
        let (comm_d, comm_r) = (Commitment::default(), Commitment::default());
        let acceptance = Signature([9; 65]);
        let sector = SectorId(8);
        let undo = Undo {
            from: 5,
            anchor: BlockRef {
                number: 6,
                hash: [7; 32],
            },
            changes: vec![(TreeIndex(0), 2), (TreeIndex(3), 1)],
            sectors: vec![
                (SectorId(8), SectorState::Packed { comm_d, comm_r }),
                (SectorId(9), SectorState::Planned),
            ],
            slots: vec![
                (key(0), slot(SlotState::Packed { acceptance, sector })),
                (key(1), slot(SlotState::Stored)),
            ],
        };
        let bytes = undo.encode();
        assert_eq!(Undo::decode(&bytes).unwrap(), undo, "read back");
        let head = [
            &[1][..],
            &5_u64.to_le_bytes(),
            &6_u64.to_le_bytes(),
            &[7; 32],
        ]
        .concat();
        assert!(bytes.starts_with(&head), "version, cursor, block, hash");
        for length in 0..bytes.len() {
            assert!(Undo::decode(&bytes[..length]).is_err(), "{length} bytes");
        }
    }
}
