//! Slots, sectors, the chain as far as it was followed, and windows: small records, kept in memory and on disk alike.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cairn_wire::{ContentId, DealId, Period, SectorKind, SlotIndex, TreeIndex};
use rocksdb::IteratorMode;

use crate::deal::{
    SealEvent, SealId, SectorEvent, SectorId, SectorState, SlotEvent, SlotState, WindowState,
};
use crate::error::StoreError;
use crate::sector::Place;
use crate::store::Store;
use crate::store::db::fault;
use crate::store::journal::Journal;
use crate::store::keys::{self, Family, NEXT_SECTOR};
use crate::store::records::{
    Cursor, DataCopy, SectorRecord, SlotRecord, TreeChange, decode_window, encode_window,
};

/// A slot's name: its deal and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotKey {
    /// The deal.
    pub deal: DealId,
    /// The place.
    pub slot: SlotIndex,
}

impl SlotKey {
    pub(super) fn bytes(self) -> [u8; 9] {
        keys::slot(self.deal, self.slot)
    }
}

impl std::fmt::Display for SlotKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.deal, self.slot)
    }
}

/// The small records of a node. Every change is on disk, synced, before it is seen in memory.
#[derive(Debug)]
pub struct Ledger {
    store: Store,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) slots: BTreeMap<SlotKey, SlotRecord>,
    pub(super) sectors: BTreeMap<SectorId, SectorRecord>,
    next_sector: u64,
    pub(super) cursor: Option<Cursor>,
    pub(super) journal: Journal,
    pub(super) changes: BTreeMap<TreeIndex, Vec<TreeChange>>,
    /// Windows before these have ended: where the next look begins.
    first_open: BTreeMap<TreeIndex, Period>,
}

/// What following some blocks changes, all of it or nothing.
#[derive(Debug, Default)]
pub struct ChainStep {
    /// Changes of this provider's trees, in the order of the chain.
    pub changes: Vec<(TreeIndex, TreeChange)>,
    /// Sectors that moved on.
    pub sectors: Vec<(SectorId, SectorRecord)>,
    /// Slots that moved on.
    pub slots: Vec<(SlotKey, SlotRecord)>,
}

impl Ledger {
    /// Reads all records of an open store.
    ///
    /// # Errors
    /// A record that does not decode, and the disk's own.
    pub fn load(store: Store) -> Result<Self, StoreError> {
        let mut state = State::default();
        for (key, value) in entries(&store, Family::Slots)? {
            let bytes = <[u8; 9]>::try_from(key.as_slice()).map_err(|_| StoreError::BadRecord {
                what: "slot",
                field: "key",
            })?;
            let [deal @ .., slot] = bytes;
            let key = SlotKey {
                deal: DealId(u64::from_be_bytes(deal)),
                slot: SlotIndex(slot),
            };
            state.slots.insert(key, SlotRecord::decode(&value)?);
        }
        for (key, value) in entries(&store, Family::Sectors)? {
            let bytes = <[u8; 8]>::try_from(key.as_slice()).map_err(|_| StoreError::BadRecord {
                what: "sector",
                field: "key",
            })?;
            state.sectors.insert(
                SectorId(u64::from_be_bytes(bytes)),
                SectorRecord::decode(&value)?,
            );
        }
        for (key, value) in entries(&store, Family::Chain)? {
            match key.split_first() {
                Some((b'm', rest)) => {
                    let tree = rest.first_chunk::<4>().ok_or(StoreError::BadRecord {
                        what: "tree change",
                        field: "key",
                    })?;
                    let tree = TreeIndex(u32::from_be_bytes(*tree));
                    state
                        .changes
                        .entry(tree)
                        .or_default()
                        .push(TreeChange::decode(&value)?);
                }
                Some((b'u', rest)) => state.journal.load(rest, &value)?,
                _ => state.cursor = Some(Cursor::decode(&value)?),
            }
        }
        state.next_sector = match store.get(
            Family::Node,
            NEXT_SECTOR,
            "reading the next sector's number",
        )? {
            Some(bytes) => <[u8; 8]>::try_from(bytes.as_slice())
                .map(u64::from_le_bytes)
                .map_err(|_| StoreError::BadRecord {
                    what: "next sector",
                    field: "number",
                })?,
            None => 0,
        };
        Ok(Self {
            store,
            state: Mutex::new(state),
        })
    }

    /// The store under it.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // A panic while the lock was held left at worst a change on disk that memory has not seen; the map itself is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One slot.
    #[must_use]
    pub fn slot(&self, key: SlotKey) -> Option<SlotRecord> {
        self.state().slots.get(&key).copied()
    }

    /// All slots for which `want` holds.
    #[must_use]
    pub fn slots(&self, want: impl Fn(&SlotRecord) -> bool) -> Vec<(SlotKey, SlotRecord)> {
        self.state()
            .slots
            .iter()
            .filter(|(_, record)| want(record))
            .map(|(key, record)| (*key, *record))
            .collect()
    }

    /// Remembers a slot that the store has just recorded together with its piece.
    pub fn note_slot(&self, key: SlotKey, record: SlotRecord) {
        self.state().slots.insert(key, record);
    }

    /// Records a slot anew, for a piece that is already here.
    ///
    /// # Errors
    /// The disk's own.
    pub fn put_slot(&self, key: SlotKey, record: SlotRecord) -> Result<(), StoreError> {
        self.write_slot(&mut self.state(), key, record)
    }

    /// Moves a slot on.
    ///
    /// # Errors
    /// [`StoreError::Illegal`] for a step its state does not allow, [`StoreError::Missing`] for an unknown slot, and
    /// the disk's own.
    pub fn step_slot(
        &self,
        key: SlotKey,
        event: SlotEvent,
        now_unix: u64,
    ) -> Result<SlotRecord, StoreError> {
        // The lock is held from reading to writing: two who move one slot do not overwrite each other.
        let mut state = self.state();
        let record = *state.slots.get(&key).ok_or_else(|| StoreError::Missing {
            what: format!("slot {key}"),
        })?;
        let moved = SlotRecord {
            state: record.state.next(event)?,
            since_unix: now_unix,
            ..record
        };
        self.write_slot(&mut state, key, moved)?;
        Ok(moved)
    }

    /// Records a slot for a piece that is already here, unless what was promised for it still stands: an Acceptance,
    /// or a Receipt that has not lapsed. Gives the record that holds.
    ///
    /// # Errors
    /// The disk's own.
    pub fn offer_slot(
        &self,
        key: SlotKey,
        fresh: SlotRecord,
        chain_time_unix: u64,
    ) -> Result<SlotRecord, StoreError> {
        let mut state = self.state();
        if let Some(known) = state.slots.get(&key).copied() {
            let stands = match known.state {
                SlotState::Stored => {
                    known.expiry_unix > chain_time_unix
                        && (known.content_id, known.owner) == (fresh.content_id, fresh.owner)
                }
                SlotState::Accepted { .. }
                | SlotState::Packed { .. }
                | SlotState::Active { .. } => true,
                SlotState::Ended => false,
            };
            if stands {
                return Ok(known);
            }
        }
        self.write_slot(&mut state, key, fresh)?;
        Ok(fresh)
    }

    fn write_slot(
        &self,
        state: &mut State,
        key: SlotKey,
        record: SlotRecord,
    ) -> Result<(), StoreError> {
        let mut batch = self.store.batch();
        batch.put(Family::Slots, &key.bytes(), &record.encode());
        self.store.commit(batch, "recording a slot")?;
        state.slots.insert(key, record);
        Ok(())
    }

    /// One sector.
    #[must_use]
    pub fn sector(&self, sector: SectorId) -> Option<SectorRecord> {
        self.state().sectors.get(&sector).cloned()
    }

    /// All sectors for which `want` holds, oldest first.
    #[must_use]
    pub fn sectors(&self, want: impl Fn(&SectorRecord) -> bool) -> Vec<(SectorId, SectorRecord)> {
        let state = self.state();
        state
            .sectors
            .iter()
            .filter(|(_, record)| want(record))
            .map(|(id, record)| (*id, record.clone()))
            .collect()
    }

    /// Fixes the places of a new sector.
    ///
    /// # Errors
    /// The disk's own.
    pub fn plan_sector(
        &self,
        kind: SectorKind,
        places: Vec<Place>,
    ) -> Result<SectorId, StoreError> {
        let mut state = self.state();
        let sector = SectorId(state.next_sector);
        let next = state.next_sector.saturating_add(1);
        let record = SectorRecord {
            state: SectorState::Planned,
            kind,
            places,
            data: DataCopy::Kept,
        };
        let mut batch = self.store.batch();
        batch.put(Family::Sectors, &keys::sector(sector), &record.encode());
        batch.put(Family::Node, NEXT_SECTOR, &next.to_le_bytes());
        self.store.commit(batch, "planning a sector")?;
        state.next_sector = next;
        state.sectors.insert(sector, record);
        Ok(sector)
    }

    /// Gives up a sector whose leaves were never written.
    ///
    /// # Errors
    /// The disk's own.
    pub fn drop_plan(&self, sector: SectorId) -> Result<(), StoreError> {
        let mut batch = self.store.batch();
        batch.delete(Family::Sectors, &keys::sector(sector));
        self.store.commit(batch, "dropping a plan")?;
        self.state().sectors.remove(&sector);
        Ok(())
    }

    /// Remembers a sector and slots that the store has just recorded together with the leaves.
    pub fn note_packed(
        &self,
        sector: SectorId,
        record: SectorRecord,
        slots: &[(SlotKey, SlotRecord)],
    ) {
        let mut state = self.state();
        state.sectors.insert(sector, record);
        state.slots.extend(slots.iter().copied());
    }

    /// Moves a sector on.
    ///
    /// # Errors
    /// As [`Self::step_slot`].
    pub fn step_sector(
        &self,
        sector: SectorId,
        event: SectorEvent,
    ) -> Result<SectorRecord, StoreError> {
        self.change_sector(sector, stepped(event), |moved| {
            self.put_sector(sector, moved)
        })
    }

    fn put_sector(&self, sector: SectorId, record: &SectorRecord) -> Result<(), StoreError> {
        let mut batch = self.store.batch();
        batch.put(Family::Sectors, &keys::sector(sector), &record.encode());
        self.store.commit(batch, "recording a sector")
    }

    /// Changes a sector's record; nobody else changes it meanwhile. `write` makes the changed record durable, with
    /// whatever belongs to it.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown sector, what `change` and `write` refuse.
    pub fn change_sector(
        &self,
        sector: SectorId,
        change: impl FnOnce(SectorRecord) -> Result<SectorRecord, StoreError>,
        write: impl FnOnce(&SectorRecord) -> Result<(), StoreError>,
    ) -> Result<SectorRecord, StoreError> {
        let mut state = self.state();
        let record = state
            .sectors
            .get(&sector)
            .cloned()
            .ok_or_else(|| StoreError::Missing {
                what: format!("sector {sector}"),
            })?;
        let changed = change(record)?;
        write(&changed)?;
        state.sectors.insert(sector, changed.clone());
        Ok(changed)
    }

    /// Records the proof of the next partition of a replica, and that it is there.
    ///
    /// # Errors
    /// As [`Self::step_slot`].
    pub fn put_partition_proof(
        &self,
        sector: SectorId,
        of: SealId,
        (partition, proof): (u32, &[u8; 512]),
    ) -> Result<(), StoreError> {
        let event = SectorEvent::Seal(SealEvent::Partition { of, partition });
        self.change_sector(sector, stepped(event), |moved| {
            let mut batch = self.store.batch();
            batch.put(Family::Proofs, &keys::chunk(sector, partition), proof);
            batch.put(Family::Sectors, &keys::sector(sector), &moved.encode());
            self.store.commit(batch, "recording a proof of replication")
        })
        .map(drop)
    }

    /// The proofs of the first partitions of a sector.
    ///
    /// # Errors
    /// [`StoreError::Missing`] names the first that is not here; the disk's own.
    pub fn partition_proofs(
        &self,
        sector: SectorId,
        partitions: u32,
    ) -> Result<Vec<[u8; 512]>, StoreError> {
        let read = |partition| {
            let key = keys::chunk(sector, partition);
            let doing = "reading a proof of replication";
            let bytes = self.store.get(Family::Proofs, &key, doing)?;
            let bytes = bytes.ok_or_else(|| StoreError::Missing {
                what: format!("proof {partition} of sector {sector}"),
            })?;
            <[u8; 512]>::try_from(bytes.as_slice()).map_err(|_| StoreError::BadRecord {
                what: "proof of replication",
                field: "length",
            })
        };
        (0..partitions).map(read).collect()
    }

    /// Drops the proofs of a sector that needs them no more.
    ///
    /// # Errors
    /// The disk's own.
    pub fn drop_partition_proofs(&self, sector: SectorId) -> Result<(), StoreError> {
        let (from, to) = (keys::chunk(sector, 0), keys::chunk(sector, u32::MAX));
        let mut batch = self.store.batch();
        batch.delete_range(Family::Proofs, from.to_vec(), to.to_vec());
        self.store.commit(batch, "dropping proofs of replication")
    }

    /// Records that the data leaves of a sector are about to go.
    ///
    /// # Errors
    /// [`StoreError::Missing`] for an unknown sector, and the disk's own.
    pub fn give_up_data(&self, sector: SectorId) -> Result<(), StoreError> {
        let dropped = |record| {
            Ok(SectorRecord {
                data: DataCopy::Dropped,
                ..record
            })
        };
        self.change_sector(sector, dropped, |moved| self.put_sector(sector, moved))
            .map(drop)
    }

    /// Slots that wait for a sector with their piece in it, oldest acceptance first.
    #[must_use]
    pub fn waiting(&self) -> Vec<(SlotKey, SlotRecord)> {
        let mut waiting = self.slots(|record| matches!(record.state, SlotState::Accepted { .. }));
        waiting.sort_by_key(|(key, record)| (record.since_unix, *key));
        waiting
    }

    /// Whether any slot that has not ended names this piece.
    #[must_use]
    pub fn is_wanted(&self, content_id: &ContentId) -> bool {
        let state = self.state();
        state
            .slots
            .values()
            .any(|record| record.content_id == *content_id && record.state != SlotState::Ended)
    }

    /// Where the chain has been followed to.
    #[must_use]
    pub fn cursor(&self) -> Option<Cursor> {
        self.state().cursor
    }

    /// All changes of a tree, in the order of the chain.
    #[must_use]
    pub fn changes(&self, tree: TreeIndex) -> Vec<TreeChange> {
        self.state().changes.get(&tree).cloned().unwrap_or_default()
    }

    /// The trees that ever had a sector.
    #[must_use]
    pub fn trees(&self) -> Vec<TreeIndex> {
        self.state().changes.keys().copied().collect()
    }

    /// The state of a window; one that was never touched is open.
    ///
    /// # Errors
    /// A record that does not decode, and the disk's own.
    pub fn window(&self, tree: TreeIndex, period: Period) -> Result<WindowState, StoreError> {
        let bytes = self.store.get(
            Family::Windows,
            &keys::window(tree, period),
            "reading a window",
        )?;
        bytes.map_or(Ok(WindowState::Open), |bytes| decode_window(&bytes))
    }

    /// Records the state of a window.
    ///
    /// # Errors
    /// The disk's own.
    pub fn put_window(
        &self,
        tree: TreeIndex,
        period: Period,
        window: &WindowState,
    ) -> Result<(), StoreError> {
        let mut batch = self.store.batch();
        batch.put(
            Family::Windows,
            &keys::window(tree, period),
            &encode_window(window),
        );
        self.store.commit(batch, "recording a window")
    }

    /// Records that a window is open again whose end was recorded.
    ///
    /// # Errors
    /// The disk's own.
    pub fn reopen_window(
        &self,
        tree: TreeIndex,
        period: Period,
        window: &WindowState,
    ) -> Result<(), StoreError> {
        self.put_window(tree, period, window)?;
        let mut state = self.state();
        if let Some(first) = state.first_open.get_mut(&tree) {
            *first = period.min(*first);
        }
        Ok(())
    }

    /// The oldest period of a tree whose end is not recorded, from the first that has a record on; `None` when none
    /// has.
    ///
    /// # Errors
    /// A record that does not decode, and the disk's own.
    pub fn first_open_window(&self, tree: TreeIndex) -> Result<Option<Period>, StoreError> {
        let known = self.state().first_open.get(&tree).copied();
        let Some(mut period) = known.map_or_else(|| self.first_window(tree), |at| Ok(Some(at)))?
        else {
            return Ok(None);
        };
        while self.window(tree, period)?.is_final() {
            period = period.next();
        }
        self.state().first_open.insert(tree, period);
        Ok(Some(period))
    }

    fn first_window(&self, tree: TreeIndex) -> Result<Option<Period>, StoreError> {
        let mut cursor = self
            .store
            .db()
            .raw_iterator_cf(self.store.family(Family::Windows)?);
        cursor.seek(keys::window(tree, Period(0)));
        cursor
            .status()
            .map_err(|error| fault("reading windows", &error))?;
        let Some(key) = cursor.key() else {
            return Ok(None);
        };
        let (Some(found), Some(period)) = (key.first_chunk::<4>(), key.last_chunk::<8>()) else {
            return Err(StoreError::BadRecord {
                what: "window",
                field: "key",
            });
        };
        let is_this = u32::from_be_bytes(*found) == tree.0;
        Ok(is_this.then(|| Period(u64::from_be_bytes(*period))))
    }

    /// Reads again from the disk a sector and the slots of its pieces: what is there counts.
    ///
    /// # Errors
    /// A record that does not decode, and the disk's own.
    pub fn reload_sector(&self, sector: SectorId) -> Result<SectorRecord, StoreError> {
        let record = self.store.sector_record(sector)?;
        let mut state = self.state();
        let here = |slot: &SlotRecord| {
            let mut places = record.places.iter();
            places.any(|place| place.content_id == slot.content_id)
        };
        for (key, slot) in state.slots.iter_mut().filter(|(_, slot)| here(slot)) {
            let doing = "reading a slot";
            if let Some(bytes) = self.store.get(Family::Slots, &key.bytes(), doing)? {
                *slot = SlotRecord::decode(&bytes)?;
            }
        }
        state.sectors.insert(sector, record.clone());
        Ok(record)
    }
}

/// A key and its value.
type Entry = (Vec<u8>, Vec<u8>);

fn entries(store: &Store, family: Family) -> Result<Vec<Entry>, StoreError> {
    let mut all = Vec::new();
    for entry in store
        .db()
        .iterator_cf(store.family(family)?, IteratorMode::Start)
    {
        let (key, value) = entry.map_err(|error| fault("loading records", &error))?;
        all.push((key.into_vec(), value.into_vec()));
    }
    Ok(all)
}

/// The record after an event.
pub(crate) fn stepped(
    event: SectorEvent,
) -> impl FnOnce(SectorRecord) -> Result<SectorRecord, StoreError> {
    move |record| {
        Ok(SectorRecord {
            state: record.state.next(event)?,
            ..record
        })
    }
}
