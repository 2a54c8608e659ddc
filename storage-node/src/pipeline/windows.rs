//! Proving in time, and accounting for what was not.

use std::collections::BTreeMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Instant;

use cairn_contracts::Head;
use cairn_wire::{Period, TreeIndex};

use crate::chain::replay;
use crate::dashboard::{Alarm, Counter, Gauge};
use crate::deal::{WindowEvent, WindowState};
use crate::error::{ProvingError, StoreError};
use crate::pipeline::{Work, blocking};
use crate::proving::{plan_windows, read_window};
use crate::translate::window_statement;

/// A window proof that counts at the newest block, and may not at the next.
#[derive(Clone, Copy, Debug)]
pub struct HandedIn {
    period: Period,
    /// The newest block known when it counted.
    block: u64,
    proof: Option<[u8; 512]>,
}

impl Work {
    /// Looks after the windows of every tree. Says whether a proof was handed in.
    pub(super) async fn step_windows(&self, head: Head) -> Result<bool, ProvingError> {
        let mut progressed = false;
        let mut failed = Ok(());
        for tree in self.ledger.trees() {
            // One tree's trouble is no reason to miss another's deadline.
            match self.step_tree(tree, head).await {
                Ok(proved) => progressed |= proved,
                Err(error) if failed.is_ok() => failed = Err(error),
                Err(error) => tracing::error!(%tree, %error, "a window failed"),
            }
        }
        failed.map(|()| progressed)
    }

    async fn step_tree(&self, tree: TreeIndex, head: Head) -> Result<bool, ProvingError> {
        let first_open = self.ledger.first_open_window(tree)?;
        let plan = plan_windows(&self.schedule, head.timestamp, first_open);
        // First of all the window that can still be proven: nothing about the others is worth a deadline.
        let live = match plan.live {
            None => self.taken_back(tree, head).await?,
            live => live,
        };
        let proved = match live {
            Some(period) => {
                if first_open.is_none() {
                    self.begin(tree, period);
                }
                self.prove_live(tree, period, head).await
            }
            None => Ok(false),
        };
        let closed = self.close_windows(tree, plan.over).await;
        match (proved, closed) {
            (Ok(proved), Ok(())) => Ok(proved),
            (Ok(_), Err(error)) => Err(error),
            (Err(error), closed) => {
                if let Err(other) = closed {
                    tracing::error!(%tree, error = %other, "the ends of windows were not recorded");
                }
                Err(error)
            }
        }
    }

    /// Writes down that a tree is looked after from this period on, so that a first window that fails is a miss.
    fn begin(&self, tree: TreeIndex, period: Period) {
        if let Err(error) = self.ledger.put_window(tree, period, &WindowState::Open) {
            self.note(&error.into());
        }
    }

    /// Records how windows ended, oldest first, up to the first whose end nobody knows.
    async fn close_windows(&self, tree: TreeIndex, over: Vec<Period>) -> Result<(), ProvingError> {
        for period in over {
            if !self.close_window(tree, period).await? {
                break;
            }
        }
        Ok(())
    }

    /// Records how a window ended whose deadline went by. Says whether its end is known.
    async fn close_window(&self, tree: TreeIndex, period: Period) -> Result<bool, ProvingError> {
        let state = self.ledger.window(tree, period)?;
        if state.is_final() {
            return Ok(true);
        }
        let uptime = self.chain.uptime(tree, period).await?;
        let event = if uptime.proven > 0 {
            WindowEvent::Count
        } else if uptime.missed > 0 {
            WindowEvent::Miss
        } else if uptime.void > 0 || uptime.empty > 0 {
            WindowEvent::Excuse
        } else {
            tracing::debug!(%tree, %period, "the endpoint does not know yet how the window ended");
            return Ok(false);
        };
        self.record(tree, period, state, event)?;
        Ok(true)
    }

    /// The window that is open and was counted, if the chain took the block of its proof back. Its proof is handed in
    /// again; a restart has forgotten it and makes it again.
    async fn taken_back(
        &self,
        tree: TreeIndex,
        head: Head,
    ) -> Result<Option<Period>, ProvingError> {
        let Some(period) = plan_windows(&self.schedule, head.timestamp, None).live else {
            return Ok(None);
        };
        let state = self.ledger.window(tree, period)?;
        let last = self.handed_in().get(&tree).copied();
        let last = last.filter(|last| last.period == period);
        // An endpoint that is not as far as the block of the proof says nothing about it.
        if state != WindowState::Counted
            || last.is_some_and(|last| head.number <= last.block)
            || self.chain.proven(tree, period).await?
        {
            return Ok(None);
        }
        let mut state = state
            .next(WindowEvent::TakeBack)
            .map_err(StoreError::from)?;
        if let Some(proof) = last.and_then(|last| last.proof) {
            state = state
                .next(WindowEvent::Prove(proof))
                .map_err(StoreError::from)?;
        }
        self.ledger.reopen_window(tree, period, &state)?;
        self.metrics.count(Counter::ProofsTakenBack);
        tracing::warn!(%tree, %period, "the chain took the window proof back: it is handed in again");
        Ok(Some(period))
    }

    fn handed_in(&self) -> MutexGuard<'_, BTreeMap<TreeIndex, HandedIn>> {
        (self.handed_in.lock()).unwrap_or_else(PoisonError::into_inner)
    }

    fn note_handed_in(&self, tree: TreeIndex, last: HandedIn) {
        self.handed_in().insert(tree, last);
    }

    /// Proves the window that is open, unless that is done.
    async fn prove_live(
        &self,
        tree: TreeIndex,
        period: Period,
        head: Head,
    ) -> Result<bool, ProvingError> {
        let state = self.ledger.window(tree, period)?;
        if state.is_final() {
            return Ok(false);
        }
        if self.chain.proven(tree, period).await? {
            let proof = match state {
                WindowState::Proved { proof } => Some(proof),
                _ => None,
            };
            let block = head.number;
            self.note_handed_in(
                tree,
                HandedIn {
                    period,
                    block,
                    proof,
                },
            );
            self.record(tree, period, state, WindowEvent::Count)?;
            return Ok(false);
        }
        let proof = match state {
            WindowState::Proved { proof } => proof,
            _ => match self.make_proof(tree, period, state).await? {
                Some(proof) => proof,
                None => return Ok(false),
            },
        };
        let sent = self.chain.prove_window(tree, period, proof).await?;
        tracing::info!(%tree, %period, gas = sent.gas_used, block = sent.block, "window proven");
        let last = HandedIn {
            period,
            block: sent.block,
            proof: Some(proof),
        };
        self.note_handed_in(tree, last);
        let state = self.ledger.window(tree, period)?;
        self.record(tree, period, state, WindowEvent::Count)?;
        Ok(true)
    }

    /// Makes the proof of a window and writes it down, if the disk takes it, before it is sent. `None` when nothing is owed or the round is
    /// not posted yet.
    pub(super) async fn make_proof(
        &self,
        tree: TreeIndex,
        period: Period,
        state: WindowState,
    ) -> Result<Option<[u8; 512]>, ProvingError> {
        let (root, count) = self.chain.frozen_tree(tree, period).await?;
        if count == 0 {
            self.record(tree, period, state, WindowEvent::Excuse)?;
            return Ok(None);
        }
        if self
            .chain
            .randomness(self.schedule.round_of(period))
            .await?
            .is_none()
        {
            tracing::debug!(%tree, %period, "the round is not posted yet");
            return Ok(None);
        }
        let seed = self.chain.window_seed(tree, period).await?;
        let at = replay(
            self.set.tree_levels,
            &self.ledger.changes(tree),
            root,
            count,
        )
        .ok_or(ProvingError::UnknownTree { count })?;
        self.metrics.clear(Alarm::UnknownTree);
        let statement =
            window_statement(self.set, root, &seed, count).ok_or_else(|| ProvingError::Prover {
                reason: "the seed is no field element".to_owned(),
            })?;
        let (ledger, keys, set) = (Arc::clone(&self.ledger), Arc::clone(&self.keys), self.set);
        let (metrics, proofs) = (Arc::clone(&self.metrics), Arc::clone(&self.proofs));
        let proof = blocking(move || {
            let began = Instant::now();
            proofs.urgent(|| {
                let witness = read_window(&ledger, set, &statement, &at)?;
                metrics.set(Gauge::ReadMillis, millis(began));
                let proof = keys.prove_window(&statement, witness)?;
                metrics.set(Gauge::ProofMillis, millis(began));
                Ok(proof)
            })
        })
        .await?;
        self.metrics.count(Counter::ProofsMade);
        self.metrics.clear(Alarm::Rot);
        let proved = state
            .next(WindowEvent::Prove(proof))
            .map_err(StoreError::from)?;
        // A proof that cannot be written down is sent all the same: only a crash before that makes it twice.
        if let Err(error) = self.ledger.put_window(tree, period, &proved) {
            self.note(&error.into());
        }
        tracing::info!(%tree, %period, count, ms = self.metrics.gauge(Gauge::ProofMillis), "window proof made");
        Ok(Some(proof))
    }

    fn record(
        &self,
        tree: TreeIndex,
        period: Period,
        state: WindowState,
        event: WindowEvent,
    ) -> Result<(), ProvingError> {
        let next = state.next(event).map_err(StoreError::from)?;
        self.ledger.put_window(tree, period, &next)?;
        match next {
            WindowState::Counted => {
                self.metrics.count(Counter::WindowsCounted);
                self.metrics.clear(Alarm::MissedDeadline);
                self.metrics.clear(Alarm::Slashed);
                self.metrics.clear(Alarm::Refused);
            }
            WindowState::Missed => {
                self.metrics.count(Counter::WindowsMissed);
                let words = format!("tree {tree} period {period}");
                self.metrics.raise(Alarm::MissedDeadline, &words);
                tracing::error!(%tree, %period, "MISSED: the deadline went by without a counted proof");
            }
            WindowState::Excused => {
                self.metrics.count(Counter::WindowsExcused);
                tracing::debug!(%tree, %period, "nothing was owed");
            }
            WindowState::Open | WindowState::Proved { .. } => {}
        }
        Ok(())
    }
}

fn millis(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
