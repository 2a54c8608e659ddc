//! Data that lies only in a replica: given up once the chain has the sector and nobody needs it for a proof, made again
//! when somebody asks, one sector at a time.

use std::sync::Arc;

use tokio::sync::watch;

use crate::dashboard::Counter;
use crate::deal::{SectorId, SectorState, SlotState};
use crate::error::{SealError, StoreError};
use crate::pipeline::{Work, pause};
use crate::sealing::{Job, engine};
use crate::store::{DataCopy, Side};

impl Work {
    /// Unseals what is asked for until `stop` says so.
    pub async fn run_unsealer(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            let Some(sector) = self.unseals.begin((self.clock)()) else {
                pause(&mut stop, self.poll).await;
                continue;
            };
            let work = Arc::clone(&self);
            let outcome = tokio::task::spawn_blocking(move || work.unseal(sector)).await;
            let unsealed = match outcome {
                Ok(Ok(())) => true,
                Ok(Err(SealError::Stopped)) => return,
                Ok(Err(error)) => {
                    tracing::error!(%sector, %error, "unsealing failed");
                    if let SealError::Proving(error) = &error {
                        self.note(error);
                    }
                    false
                }
                Err(error) => {
                    tracing::error!(%sector, %error, "unsealing stopped");
                    false
                }
            };
            self.unseals.end(sector, unsealed, (self.clock)());
        }
    }

    /// Makes a sector's data readable again, from its replica.
    ///
    /// # Errors
    /// The replica is not what was committed to, and the disk's own.
    pub(super) fn unseal(&self, sector: SectorId) -> Result<(), SealError> {
        let Some(record) = self.ledger.sector(sector) else {
            return Ok(());
        };
        let (Some((number, sealed)), Some(comm_d)) = (record.state.sealed(), record.state.comm_d())
        else {
            return Ok(());
        };
        if record.data.is_here() {
            return Ok(());
        }
        for old in self.unseals.crowded_out() {
            self.give_up_data(old)?;
        }
        tracing::info!(%sector, %number, "unsealing for a reader");
        let job = Job {
            set: self.set,
            folder: self.folders.scratch(sector),
            replica_id: self.replica_id(number, comm_d, sealed.ticket),
            comm_d,
        };
        let done = self.seal_threads.install(|| {
            self.watched(sector, |watch| {
                engine::unseal(&job, &self.ledger, sector, watch)
            })
        });
        self.progress.forget(sector);
        done?;
        self.metrics.count(Counter::SectorsUnsealed);
        tracing::info!(%sector, %number, "unsealed");
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
