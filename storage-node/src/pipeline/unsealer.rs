//! Data that lies only in a replica: given up once the chain has the sector and nobody needs it for a proof, made again
//! when somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};

use crate::dashboard::Counter;
use crate::deal::{SealState, SectorId, SectorState, SlotState};
use crate::error::{SealError, StoreError};
use crate::pipeline::{Work, pause};
use crate::sealing::{Job, engine};
use crate::store::{DataCopy, SectorRecord, Side};

impl Work {
    /// Unseals what is asked for until `stop` says so.
    pub async fn run_unsealer(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut busy: BTreeMap<task::Id, SectorId> = BTreeMap::new();
        let mut running: JoinSet<Result<bool, SealError>> = JoinSet::new();
        while !*stop.borrow() {
            // A deposit comes before a reader: the same threads prove replicas.
            while !self.proves_replicas()
                && let Some(sector) = self.unseals.begin((self.clock)())
            {
                let work = Arc::clone(&self);
                let thread = running.spawn_blocking(move || work.unseal(sector));
                busy.insert(thread.id(), sector);
            }
            tokio::select! {
                Some(ended) = running.join_next_with_id() => self.unsealed(ended, &mut busy),
                () = pause(&mut stop, self.poll) => {}
            }
        }
        // Whoever seals tells all threads to stop.
        while let Some(ended) = running.join_next_with_id().await {
            self.unsealed(ended, &mut busy);
        }
    }

    fn unsealed(
        &self,
        ended: Result<(task::Id, Result<bool, SealError>), JoinError>,
        busy: &mut BTreeMap<task::Id, SectorId>,
    ) {
        let (id, outcome) = match ended {
            Ok((id, outcome)) => (id, outcome),
            Err(error) => {
                tracing::error!(%error, "unsealing stopped");
                (error.id(), Ok(false))
            }
        };
        let Some(sector) = busy.remove(&id) else {
            return;
        };
        let unsealed = match outcome {
            Ok(unsealed) => unsealed,
            Err(SealError::Stopped) => false,
            Err(error) => {
                tracing::error!(%sector, %error, "unsealing failed");
                if let SealError::Proving(error) = &error {
                    self.note(error);
                }
                false
            }
        };
        self.unseals.end(sector, unsealed, (self.clock)());
    }

    pub(super) fn proves_replicas(&self) -> bool {
        let proves = |seal: SealState| matches!(seal, SealState::Proving { partitions, .. } if partitions < self.seal.partitions);
        let proving = |record: &SectorRecord| record.state.seal().is_some_and(proves);
        !self.ledger.sectors(proving).is_empty()
    }

    /// Makes a sector's data readable again, from its replica. Says whether it did.
    ///
    /// # Errors
    /// The replica is not what was committed to, too little disk, and the disk's own.
    pub(super) fn unseal(&self, sector: SectorId) -> Result<bool, SealError> {
        let Some(record) = self.ledger.sector(sector) else {
            return Ok(false);
        };
        let (Some((number, sealed)), Some(comm_d)) = (record.state.sealed(), record.state.comm_d())
        else {
            return Ok(false);
        };
        if record.data.is_here() {
            return Ok(false);
        }
        self.room_to_unseal()?;
        tracing::info!(%sector, %number, "unsealing for a reader");
        let job = Job {
            set: self.set,
            folder: self.folders.scratch(sector),
            replica_id: self.replica_id(number, comm_d, sealed.ticket),
            comm_d,
        };
        let _share = self.memory_for(sector, engine::memory_bytes(self.set))?;
        let done = self.seal_threads.install(|| {
            self.watched(sector, None, |watch| {
                engine::unseal(&job, &self.ledger, sector, watch)
            })
        });
        self.progress.forget(sector);
        done?;
        self.metrics.count(Counter::SectorsUnsealed);
        tracing::info!(%sector, %number, "unsealed");
        for old in self.unseals.crowded_out() {
            // What a proof of inclusion still reads stays until the next start.
            if !self.is_awaited(old) {
                self.give_up_data(old)?;
            }
        }
        Ok(true)
    }

    /// Two layers of labels, the data, and the same once more while it is taken into the store.
    fn room_to_unseal(&self) -> Result<(), StoreError> {
        let free = self.ledger.store().free_bytes()?;
        let free = free.min(self.folders.free_bytes()?);
        let others = self.unseals.under_way().max(1) as u64;
        let needed = self.set.sector_bytes().saturating_mul(4 * others);
        if free < needed.saturating_add(self.seal.reserve_bytes) {
            return Err(StoreError::DiskFull {
                doing: "unsealing",
                detail: format!(
                    "{free} bytes are free; {needed} are needed and {} are kept back",
                    self.seal.reserve_bytes
                ),
            });
        }
        Ok(())
    }

    /// Gives up the data of sealed sectors that are on chain and whose slots need no more proof of inclusion: with
    /// `keep_unsealed` off the replica alone stays.
    pub(super) fn drop_copies(&self) -> Result<(), StoreError> {
        if self.seal.keep_unsealed {
            return Ok(());
        }
        let kept = self.ledger.sectors(|record| {
            record.data == DataCopy::Kept
                && record.state.sealed().is_some()
                && matches!(
                    record.state,
                    SectorState::Registered { .. } | SectorState::Retired { .. }
                )
        });
        for (sector, record) in kept {
            let waits = self.ledger.slots(
                |slot| matches!(slot.state, SlotState::Packed { sector: at, .. } if at == sector),
            );
            if waits.is_empty() {
                tracing::info!(%sector, pieces = record.places.len(), "the replica alone stays");
                self.give_up_data(sector)?;
            }
        }
        Ok(())
    }

    /// Records first that the data is gone, then drops it: what a crash leaves between the two is dropped at the start.
    pub(super) fn give_up_data(&self, sector: SectorId) -> Result<(), StoreError> {
        self.ledger.give_up_data(sector)?;
        self.ledger.store().drop_leaves(sector, Side::Data)
    }

    /// What crashes left: labels and proofs of sealings that are over, data that a record says is gone.
    ///
    /// # Errors
    /// The disk's own.
    pub fn sweep_seals(&self) -> Result<(), StoreError> {
        let all = self.ledger.sectors(|_| true);
        let wanted: Vec<_> = all
            .iter()
            .filter_map(|(sector, record)| {
                let seal = record.state.seal().filter(|seal| seal.has_labels())?;
                Some((*sector, seal.id()?))
            })
            .collect();
        let swept = self.folders.sweep(&wanted)?;
        if swept > 0 {
            tracing::info!(swept, "label folders that no sealing needs were removed");
        }
        for (sector, record) in &all {
            if record.data == DataCopy::Dropped {
                self.ledger.store().drop_leaves(*sector, Side::Data)?;
            }
        }
        Ok(())
    }
}
