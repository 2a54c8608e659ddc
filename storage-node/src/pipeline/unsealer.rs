//! Data that lies only in a replica: given up once the chain has the sector and nobody needs it for a proof, made again
//! when somebody asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use cairn_prover::seal::Keep;
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};

use crate::dashboard::Counter;
use crate::deal::{SealState, SectorId, SectorState, SlotState};
use crate::error::{SealError, StoreError};
use crate::pipeline::labels::{Outcomes, ToLabel};
use crate::pipeline::{Work, pause};
use crate::sealing::{Job, engine};
use crate::store::{DataCopy, SectorRecord, Side};

impl Work {
    /// Unseals what is asked for until `stop` says so.
    pub async fn run_unsealer(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut busy: BTreeMap<task::Id, Vec<SectorId>> = BTreeMap::new();
        let mut running: JoinSet<Outcomes<bool>> = JoinSet::new();
        while !*stop.borrow() {
            let mut begun = Vec::new();
            // A deposit comes before a reader: the same threads prove replicas.
            while !self.proves_replicas()
                && let Some(sector) = self.unseals.begin((self.clock)())
            {
                begun.push(sector);
            }
            for team in begun.chunks(self.labelled_together()) {
                let (work, sectors) = (Arc::clone(&self), team.to_vec());
                let thread = running.spawn_blocking(move || work.unseal(&sectors));
                busy.insert(thread.id(), team.to_vec());
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
        ended: Result<(task::Id, Outcomes<bool>), JoinError>,
        busy: &mut BTreeMap<task::Id, Vec<SectorId>>,
    ) {
        let (id, mut outcomes) = match ended {
            Ok((id, outcomes)) => (id, outcomes),
            Err(error) => {
                tracing::error!(%error, "unsealing stopped");
                (error.id(), Outcomes::new())
            }
        };
        for sector in busy.remove(&id).unwrap_or_default() {
            let place = outcomes.iter().position(|(of, _)| *of == sector);
            let unsealed = match place.map(|place| outcomes.swap_remove(place).1) {
                Some(Ok(unsealed)) => unsealed,
                Some(Err(SealError::Stopped)) | None => false,
                Some(Err(error)) => {
                    tracing::error!(%sector, %error, "unsealing failed");
                    if let SealError::Proving(error) = &error {
                        self.note(error);
                    }
                    false
                }
            };
            self.unseals.end(sector, unsealed, (self.clock)());
        }
    }

    pub(super) fn proves_replicas(&self) -> bool {
        let proves = |seal: SealState| matches!(seal, SealState::Proving { partitions, .. } if partitions < self.seal.partitions);
        let proving = |record: &SectorRecord| record.state.seal().is_some_and(proves);
        !self.ledger.sectors(proving).is_empty()
    }

    /// Makes the data of sectors readable again, from their replicas. Says of each whether it did.
    pub(super) fn unseal(&self, sectors: &[SectorId]) -> Outcomes<bool> {
        let mut outcomes = Outcomes::new();
        let mut all = Vec::new();
        for sector in sectors {
            match self.to_unseal(*sector) {
                Ok(Some(one)) => all.push(one),
                Ok(None) => outcomes.push((*sector, Ok(false))),
                Err(error) => outcomes.push((*sector, Err(error))),
            }
        }
        let made = self.seal_threads.install(|| {
            self.with_labels(&all, Keep::Newest, |one, labels, watch| {
                engine::unseal((&one.job, labels), &self.ledger, one.sector, watch)?;
                self.after_unsealing(one.sector)
            })
        });
        let made = made.into_iter();
        outcomes.extend(made.map(|(sector, done)| (sector, done.map(|()| true))));
        outcomes
    }

    /// What there is to do before the data of a sector is readable again.
    fn to_unseal(&self, sector: SectorId) -> Result<Option<ToLabel>, SealError> {
        let Some(record) = self.ledger.sector(sector) else {
            return Ok(None);
        };
        let (Some((number, sealed)), Some(comm_d)) = (record.state.sealed(), record.state.comm_d())
        else {
            return Ok(None);
        };
        if record.data.is_here() {
            return Ok(None);
        }
        self.room_to_unseal()?;
        tracing::info!(%sector, %number, "unsealing for a reader");
        let job = Job {
            set: self.set,
            folder: self.folders.scratch(sector),
            replica_id: self.replica_id(number, comm_d, sealed.ticket),
            comm_d,
        };
        Ok(Some(ToLabel {
            sector,
            of: None,
            job,
        }))
    }

    fn after_unsealing(&self, sector: SectorId) -> Result<(), SealError> {
        self.metrics.count(Counter::SectorsUnsealed);
        tracing::info!(%sector, "unsealed");
        for old in self.unseals.crowded_out() {
            // What a proof of inclusion still reads stays until the next start.
            if !self.is_awaited(old) {
                self.give_up_data(old)?;
            }
        }
        Ok(())
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
