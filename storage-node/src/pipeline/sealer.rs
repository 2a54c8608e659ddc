//! The machine's part of sealing: labels, trees, replica, the proofs of the partitions. It has threads of its own, of
//! lower priority than those that prove windows, and holds its breath while a window is open.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cairn_merkle::Commitment;
use cairn_prover::replica::ReplicaStatement;
use cairn_prover::seal::{self, Keep, Phase};
use cairn_wire::SectorNumber;
use tokio::sync::watch;
use tokio::task::{self, JoinSet};

use crate::dashboard::{Alarm, Counter, Gauge};
use crate::deal::{SealEvent, SealId, SealRoots, SealState, SectorId};
use crate::error::{ProvingError, SealError, StoreError};
use crate::pipeline::labels::{Alone, Outcomes, ToLabel};
use crate::pipeline::pace::Suspect;
use crate::pipeline::{Work, pause};
use crate::proving::{Asker, NoRoom, Share};
use crate::sealing::{Job, Step, engine};

/// How often work that holds its breath looks whether it may go on.
const BREATH: Duration = Duration::from_millis(200);
/// The last quarter of the time for a proof: it should be there by now.
const LATE_SHARE: u64 = 4;
/// Below everything else that this program does: a proof in a window never waits for a label.
pub const SEAL_NICENESS: i32 = 10;

/// How far the machine is with its sectors; lost at a restart, as is the work it speaks of.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Vec<(SectorId, Step)>>);

impl Progress {
    /// Takes note of how far a sector is.
    pub(super) fn note(&self, sector: SectorId, step: Step) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match all.iter_mut().find(|(known, _)| *known == sector) {
            Some((_, known)) => *known = step,
            None => all.push((sector, step)),
        }
    }

    /// How far a sector is, while the machine works at it.
    pub(super) fn of(&self, sector: SectorId) -> Option<Step> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = all.iter().find(|(known, _)| *known == sector);
        found.map(|(_, step)| *step)
    }

    pub(super) fn forget(&self, sector: SectorId) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(known, _)| *known != sector);
    }
}

/// The threads that seal and unseal; 0 means one for each core.
///
/// # Errors
/// The system gives no threads.
pub fn seal_threads(
    threads: usize,
    niceness: i32,
) -> Result<rayon::ThreadPool, rayon::ThreadPoolBuildError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|number| format!("seal-{number}"))
        .start_handler(move |_| {
            // On Linux this speaks of the calling thread alone.
            if let Err(error) = rustix::process::setpriority_process(None, niceness) {
                tracing::warn!(%error, "sealing runs at the priority of everything else");
            }
        })
        .build()
}

impl Work {
    /// Seals until `stop` says so.
    pub async fn run_sealer(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut busy: BTreeMap<task::Id, Vec<SectorId>> = BTreeMap::new();
        let mut running: JoinSet<()> = JoinSet::new();
        let mut alone = Alone::default();
        while !*stop.borrow() {
            while let Some(ended) = running.try_join_next_with_id() {
                let id = match ended {
                    Ok((id, ())) => id,
                    Err(error) => {
                        tracing::error!(%error, "a sealing thread stopped: its sectors are looked at again");
                        error.id()
                    }
                };
                busy.remove(&id);
            }
            let is_busy = |sector: &SectorId| busy.values().flatten().any(|known| known == sector);
            let mut free = self.machine_work();
            free.retain(|sector| !is_busy(sector));
            for team in self.teams(&free, &mut alone) {
                // What was begun is brought to its end, whatever the configuration says now: a deposit may lie on it.
                let under_way = busy.values().map(Vec::len).sum::<usize>();
                if under_way.saturating_add(team.len()) <= self.seal.parallel.max(1) {
                    let (work, sectors) = (Arc::clone(&self), team.clone());
                    let thread = running.spawn_blocking(move || work.run_machine(&sectors));
                    busy.insert(thread.id(), team);
                }
            }
            pause(&mut stop, self.poll).await;
        }
        self.stop_sealing.store(true, Ordering::Relaxed);
        while running.join_next().await.is_some() {}
    }

    /// Sectors that the machine can bring further now.
    pub(super) fn machine_work(&self) -> Vec<SectorId> {
        let now = (self.clock)();
        self.ledger
            .sectors(|record| {
                record
                    .state
                    .seal()
                    .is_some_and(|seal| self.is_machine_work(&seal))
            })
            .into_iter()
            .map(|(sector, _)| sector)
            .filter(|sector| !self.backoff.holds(Suspect::Machine(*sector), now))
            .collect()
    }

    fn is_machine_work(&self, seal: &SealState) -> bool {
        match seal {
            SealState::Labelling { .. } | SealState::Hashing { .. } => true,
            SealState::Proving { partitions, .. } => *partitions < self.seal.partitions,
            _ => false,
        }
    }

    /// Brings a sector as far as the machine alone can; several, to their replicas.
    pub(super) fn run_machine(&self, sectors: &[SectorId]) {
        let outcomes = self.seal_threads.install(|| match sectors {
            [one] => Outcomes::from([(*one, self.machine(*one))]),
            several => self.machine_together(several),
        });
        for (sector, outcome) in outcomes {
            self.after_machine(sector, outcome);
        }
    }

    fn after_machine(&self, sector: SectorId, outcome: Result<(), SealError>) {
        self.progress.forget(sector);
        match outcome {
            Ok(()) => {
                self.backoff.forget(Suspect::Machine(sector));
                self.metrics.clear(Alarm::Disk);
            }
            Err(SealError::Stopped) => {
                tracing::debug!(%sector, "sealing stops; it resumes where it was");
            }
            Err(SealError::Proving(ProvingError::Store(StoreError::Illegal(moved)))) => {
                tracing::info!(%sector, %moved, "the sector went on without this work: it is looked at again");
            }
            Err(SealError::Damaged { reason }) => self.begin_anew(sector, &reason),
            Err(SealError::Lost { reason }) => {
                let id = self.seal_of(sector).and_then(|seal| seal.id());
                let lost = id.map_or(Ok(false), |id| self.lose(sector, &id, &reason));
                if let Err(error) = lost {
                    self.note(&error);
                }
            }
            Err(SealError::Proving(error)) => {
                self.backoff
                    .refused(Suspect::Machine(sector), (self.clock)());
                tracing::error!(%sector, %error, "sealing failed: it waits and is tried again");
                self.note(&error);
            }
        }
    }

    fn machine_together(&self, sectors: &[SectorId]) -> Outcomes<()> {
        let to_label = |sector: &SectorId| {
            let state = self.ledger.sector(*sector)?.state;
            match (state.seal()?, state.comm_d()?) {
                (SealState::Labelling { id, .. }, comm_d) => {
                    Some((*sector, id, self.job(*sector, comm_d, &id)))
                }
                _ => None,
            }
        };
        self.make_replicas(sectors.iter().filter_map(to_label))
    }

    fn machine(&self, sector: SectorId) -> Result<(), SealError> {
        loop {
            // First, because the chain may move the sector on meanwhile.
            self.hold_breath()?;
            let Some(record) = self.ledger.sector(sector) else {
                return Ok(());
            };
            let (Some(seal), Some(comm_d)) = (record.state.seal(), record.state.comm_d()) else {
                return Ok(());
            };
            if !self.is_machine_work(&seal) {
                return Ok(());
            }
            match seal {
                SealState::Labelling { id, .. } | SealState::Hashing { id } => {
                    let one = (sector, id, self.job(sector, comm_d, &id));
                    for (_, outcome) in self.make_replicas([one]) {
                        outcome?;
                    }
                }
                SealState::Proving {
                    id, roots, seed, ..
                } => self.prove_partitions(sector, (comm_d, id, roots, seed))?,
                _ => return Ok(()),
            }
        }
    }

    pub(super) fn job(&self, sector: SectorId, comm_d: Commitment, id: &SealId) -> Job {
        Job {
            set: self.set,
            folder: self.folders.of(sector, id),
            replica_id: self.replica_id(id.number, comm_d, id.ticket),
            comm_d,
        }
    }

    pub(super) fn replica_id(
        &self,
        number: SectorNumber,
        comm_d: Commitment,
        ticket: Commitment,
    ) -> cairn_merkle::Fr {
        self.seal.replica_id(self.me, number, comm_d, ticket)
    }

    /// Makes the layers that are missing, then the trees and the replica of each.
    pub(super) fn make_replicas(
        &self,
        all: impl IntoIterator<Item = (SectorId, SealId, Job)>,
    ) -> Outcomes<()> {
        let to_label = |(sector, of, job)| ToLabel {
            sector,
            of: Some(of),
            job,
        };
        let all: Vec<ToLabel> = all.into_iter().map(to_label).collect();
        self.with_labels(&all, Keep::All, |one, mut labels, watch| {
            let (Some(of), sector) = (one.of, one.sector) else {
                return Ok(());
            };
            self.note_layers(sector, of, labels.done())?;
            if let Some(SealState::Labelling { .. }) = self.seal_of(sector) {
                self.move_seal(sector, SealEvent::Labels { of })?;
            }
            let into = (self.ledger.as_ref(), sector, of);
            let roots = engine::make_replica(&one.job, &mut labels, into, watch)?;
            self.metrics.count(Counter::SectorsSealed);
            tracing::info!(%sector, comm_r = %roots.comm_r, "the replica is durable");
            Ok(())
        })
    }

    /// Proves the partitions that are missing, each durable before the next.
    fn prove_partitions(
        &self,
        sector: SectorId,
        (comm_d, id, roots, seed): (Commitment, SealId, SealRoots, Commitment),
    ) -> Result<(), SealError> {
        let job = self.job(sector, comm_d, &id);
        // What the disk lost of them is made once more: they follow from number, data and ticket.
        let one = ToLabel {
            sector,
            of: Some(id),
            job: job.clone(),
        };
        let mut opened = None;
        let outcomes = self.with_labels(&[one], Keep::All, |_, labels, watch| {
            opened = Some(engine::open_columns(&labels, &roots, watch)?);
            Ok(())
        });
        for (_, outcome) in outcomes {
            outcome?;
        }
        let Some(columns) = opened else {
            return Ok(());
        };
        while let Some(SealState::Proving { partitions, .. }) = self.seal_of(sector) {
            if partitions >= self.seal.partitions {
                break;
            }
            self.hold_breath()?;
            let statement = ReplicaStatement {
                comm_d,
                comm_r: roots.comm_r,
                porep_id: self.seal.porep_id.to_fr(),
                provider: self.me.0,
                ticket: id.ticket.to_fr(),
                seed: seed.to_fr(),
                sector_number: id.number.0,
                partition: u16::try_from(partitions).unwrap_or(u16::MAX),
            };
            let of = (self.ledger.store(), sector);
            let vanilla = engine::open_challenge(&job, &columns, of, &statement, &roots)?;
            let share = self.memory_for(sector, self.proofs.memory().replica_bytes())?;
            let pass = || {
                let stopped = || self.stop_sealing.load(Ordering::Relaxed);
                self.proofs.gate().pass(stopped);
            };
            let proof = self.replicas.prove(&statement, vanilla, &pass)?;
            drop(share);
            self.ledger
                .put_partition_proof(sector, id, (partitions, &proof))?;
            tracing::info!(%sector, number = %id.number, partition = partitions, of = self.seal.partitions, "partition proven");
        }
        Ok(())
    }

    /// Room in memory for work at a sector; waits for it.
    pub(super) fn memory_for(&self, sector: SectorId, bytes: u64) -> Result<Share<'_>, SealError> {
        let waits = || {
            self.metrics.count(Counter::MemoryWaits);
            tracing::info!(%sector, bytes, "waits for room in memory_budget_bytes");
        };
        let stopped = || self.stop_sealing.load(Ordering::Relaxed);
        let share = self
            .proofs
            .memory()
            .take((Asker::Sealing, bytes), waits, stopped);
        share.map_err(|refused| match refused {
            NoRoom::Stopped => SealError::Stopped,
            NoRoom::Never { .. } => SealError::Proving(ProvingError::Prover {
                reason: refused.to_string(),
            }),
        })
    }

    fn seal_of(&self, sector: SectorId) -> Option<SealState> {
        self.ledger.sector(sector)?.state.seal()
    }

    /// What is told how far work at a sector is: notes that, and holds the work up while a window is open.
    pub(super) fn teller(
        &self,
        sector: SectorId,
        of: Option<SealId>,
    ) -> impl Fn(seal::Progress) + Sync {
        let began = Mutex::new((Phase::Checking, Instant::now()));
        move |told: seal::Progress| {
            let mut began = began.lock().unwrap_or_else(PoisonError::into_inner);
            if began.0 != told.phase {
                *began = (told.phase, Instant::now());
            }
            let seconds = began.1.elapsed().as_secs();
            drop(began);
            self.progress.note(
                sector,
                Step {
                    done: told.done,
                    total: told.total,
                    seconds,
                },
            );
            if let (Phase::Labels(layer), Some(of)) = (told.phase, of)
                && let Err(error) = self.note_layers(sector, of, layer.saturating_sub(1))
            {
                self.note(&error.into());
            }
            // Told to stop, it returns at once, and the work stops where it looks at the flag itself.
            drop(self.hold_breath());
        }
    }

    /// Records layers that have become durable.
    fn note_layers(&self, sector: SectorId, of: SealId, done: u8) -> Result<(), StoreError> {
        while let Some(SealState::Labelling { id, layers }) = self.seal_of(sector)
            && id == of
            && layers < done
        {
            let layer = layers.saturating_add(1);
            self.move_seal(sector, SealEvent::Layer { of, layer })?;
            tracing::info!(%sector, layer, of = self.set.layers, "a layer of labels is durable");
        }
        Ok(())
    }

    /// What the machine kept is not what it wrote. Labels follow from number, data and ticket: before there is a deposit
    /// they are made anew from a fresh ticket, afterwards from the same one.
    pub(super) fn begin_anew(&self, sector: SectorId, reason: &str) {
        tracing::error!(%sector, reason, "ROTTEN labels: they are made anew");
        self.metrics.count(Counter::RottenLeaves);
        let Some(seal) = self.seal_of(sector) else {
            return;
        };
        let moved = match seal {
            SealState::Labelling { .. } | SealState::Hashing { .. } => {
                self.move_seal(sector, SealEvent::Stale)
            }
            _ => Ok(()),
        };
        let removed = seal
            .id()
            .map_or(Ok(()), |id| self.folders.remove(sector, &id));
        if let Err(error) = moved.and(removed) {
            self.note(&error.into());
        }
    }

    /// Waits until no window needs the machine.
    pub(super) fn hold_breath(&self) -> Result<(), SealError> {
        loop {
            // A challenge is answered outside of windows too; and a proof that was begun is not held up by the clock.
            let stopped = || self.stop_sealing.load(Ordering::Relaxed);
            self.proofs.gate().pass(stopped);
            if stopped() {
                return Err(SealError::Stopped);
            }
            if self.may_pack() {
                return Ok(());
            }
            std::thread::sleep(BREATH);
        }
    }

    /// Shows how far sealing is.
    pub(super) fn show_seals(&self) {
        let all = self.ledger.sectors(|record| record.state.seal().is_some());
        let seals = all
            .iter()
            .filter_map(|(sector, record)| Some((*sector, record.state.seal()?)));
        let (mut waiting, mut at_stake) = (0, 0);
        let mut under_way = Vec::new();
        let mut lines = Vec::new();
        for (sector, seal) in seals {
            match seal {
                SealState::Waiting => waiting += 1,
                SealState::Precommitted { .. } | SealState::Proving { .. } => {
                    at_stake += 1;
                    under_way.push((sector, seal));
                    self.warn_of_deposit(sector, &seal);
                }
                _ => under_way.push((sector, seal)),
            }
            lines.push(self.line(sector, &seal));
        }
        let metrics = &self.metrics;
        metrics.set(Gauge::SealsWaiting, waiting);
        metrics.set(Gauge::DepositsAtStake, at_stake);
        metrics.set(Gauge::SealsUnderWay, under_way.len() as u64);
        metrics.set(Gauge::UnsealsWaiting, self.unseals.len() as u64);
        let oldest = under_way.first();
        let step = oldest
            .and_then(|(sector, _)| self.progress.of(*sector))
            .unwrap_or_default();
        metrics.set(Gauge::SealPercent, step.percent());
        metrics.set(Gauge::SealSecondsLeft, step.seconds_left());
        let (layers, partitions) = match oldest.map(|(_, seal)| seal) {
            Some(SealState::Labelling { layers, .. }) => (u64::from(*layers), 0),
            Some(SealState::Proving { partitions, .. }) => {
                (u64::from(self.set.layers), u64::from(*partitions))
            }
            Some(SealState::Reserved { .. }) | None => (0, 0),
            Some(_) => (u64::from(self.set.layers), 0),
        };
        metrics.set(Gauge::SealLayers, layers);
        metrics.set(Gauge::SealPartitions, partitions);
        metrics.tell_sealing(lines);
    }

    /// Says that a proof is not there although most of its time is over. Looked at every tick, whatever else is held up.
    fn warn_of_deposit(&self, sector: SectorId, seal: &SealState) {
        let SealState::Proving {
            id,
            due_unix,
            partitions,
            ..
        } = seal
        else {
            return;
        };
        let left = due_unix.saturating_sub(self.view.chain_time_unix());
        if left < self.seal.due_s / LATE_SHARE {
            let words = format!(
                "sector {}: {partitions} of {} partitions are proven, none is counted yet, {left} s are left",
                id.number, self.seal.partitions
            );
            if self.metrics.raise(Alarm::DepositAtRisk, &words) {
                tracing::error!(%sector, number = %id.number, partitions, left, "the deposit is at risk");
            }
        }
    }

    /// One sector's line, as a person reads it.
    fn line(&self, sector: SectorId, seal: &SealState) -> String {
        let number = seal
            .number()
            .map_or_else(|| sector.to_string(), |number| format!("sector {number}"));
        let step = self.progress.of(sector).map_or_else(String::new, |step| {
            format!(
                ", {} %, about {} s left",
                step.percent(),
                step.seconds_left()
            )
        });
        let words = match seal {
            SealState::Waiting => "waits for its turn".to_owned(),
            SealState::Reserved { .. } => "waits for a ticket".to_owned(),
            SealState::Labelling { layers, .. } => {
                format!(
                    "labels, layer {} of {}{step}",
                    layers.saturating_add(1).min(self.set.layers),
                    self.set.layers
                )
            }
            SealState::Hashing { .. } => format!("trees and replica{step}"),
            SealState::Sealed { .. } => "sealed, to be precommitted".to_owned(),
            SealState::Precommitted { seed_period, .. } => {
                format!("precommitted, waits for the round of period {seed_period}")
            }
            SealState::Proving {
                partitions,
                due_unix,
                ..
            } => {
                let left = due_unix.saturating_sub(self.view.chain_time_unix());
                format!(
                    "{partitions} of {} partitions proven, due in {left} s",
                    self.seal.partitions
                )
            }
            SealState::Proven { .. } => "proven, to be appended".to_owned(),
        };
        format!("{number}: {words}")
    }
}
