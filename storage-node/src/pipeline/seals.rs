//! A sealed sector's steps on chain: a number, a ticket, the precommit, the seed, the proof, the append. Each looks at
//! the chain before it acts. The machine's part is in `sealer.rs`.
//!
//! ```text
//!  tick:    Waiting -> Reserved -> Labelling ......... Sealed -> Precommitted -> Proving ......... Proven -> appended
//!  sealer:                             layers, Hashing                             partitions
//! ```

use std::sync::Arc;

use cairn_contracts::{Head, ReplicaStatus, replica};
use cairn_merkle::{Commitment, SectorKind};
use cairn_wire::{Period, SectorNumber};

use crate::chain::{PrecommitCall, SealedAppendCall};
use crate::dashboard::{Alarm, Counter, Gauge};
use crate::deal::{SealEvent, SealId, SealRoots, SealState, SectorEvent, SectorId, SlotState};
use crate::error::{ProvingError, StoreError};
use crate::pipeline::pace::Suspect;
use crate::pipeline::sectors::only_its_own;
use crate::pipeline::{Work, blocking};
use crate::sealing::{Room, Shortage, engine, still_to_write};
use crate::store::SlotRecord;
use crate::translate::append_statement;

/// How many of the newest numbers are looked through for one that was reserved and never used: what a lost answer left.
const NUMBERS_BACK: u64 = 8;
/// How many periods are looked back for a ticket, when newer rounds were not posted.
const TICKETS_BACK: u64 = 3;
/// A proof that was refused is tried again before this share of the time left is over.
const TRIES_LEFT: u64 = 8;

impl Work {
    /// Does one thing on chain that brings one of these sealed sectors further. Says whether it did.
    pub(super) async fn step_seals(
        &self,
        head: Head,
        which: impl Fn(&SealState) -> bool,
    ) -> Result<bool, ProvingError> {
        let mut one_waits = false;
        for (id, record) in self.ledger.sectors(|record| record.state.seal().is_some()) {
            let (Some(seal), Some(comm_d)) = (record.state.seal(), record.state.comm_d()) else {
                continue;
            };
            if !which(&seal) || (seal == SealState::Waiting && !self.is_awaited(id)) {
                continue;
            }
            // The oldest that waits is looked at: what it waits for, the others wait for too.
            if seal == SealState::Waiting && std::mem::replace(&mut one_waits, true) {
                continue;
            }
            let suspect = Suspect::Sector(id);
            if self.backoff.holds(suspect, (self.clock)()) {
                continue;
            }
            match self.step_seal(id, comm_d, seal, head).await {
                Ok(true) => {
                    self.backoff.forget(suspect);
                    return Ok(true);
                }
                Ok(false) => {}
                Err(error) => {
                    let error = only_its_own(error)?;
                    self.backoff.refused(suspect, (self.clock)());
                    if let Some(due_unix) = seal.due_unix() {
                        let left = due_unix.saturating_sub(head.timestamp);
                        self.backoff
                            .shorten(suspect, (self.clock)().saturating_add(left / TRIES_LEFT));
                    }
                    tracing::error!(%id, state = seal.name(), %error, "sealing is held up: it waits, the others go on");
                    self.note(&error);
                }
            }
        }
        Ok(false)
    }

    async fn step_seal(
        &self,
        sector: SectorId,
        comm_d: Commitment,
        seal: SealState,
        head: Head,
    ) -> Result<bool, ProvingError> {
        match seal {
            SealState::Waiting => self.begin_seal(sector).await,
            SealState::Reserved { number } => self.take_ticket(sector, number, head).await,
            SealState::Labelling { id, .. } | SealState::Hashing { id } => {
                self.drop_stale(sector, &id, head)
            }
            SealState::Sealed { id, roots } => {
                self.precommit(sector, comm_d, (id, roots), head).await
            }
            SealState::Precommitted {
                id, seed_period, ..
            } => self.take_seed(sector, id, seed_period, head).await,
            SealState::Proving {
                id,
                due_unix,
                partitions,
                ..
            } => self.hand_in(sector, id, (due_unix, partitions), head).await,
            SealState::Proven { id, roots } => {
                self.append_sealed(sector, comm_d, (id, roots), head).await
            }
        }
    }

    /// Whether a slot waits for the sector: a deal that was taken back needs no replica.
    pub(super) fn is_awaited(&self, sector: SectorId) -> bool {
        let waits = |slot: &SlotRecord| matches!(slot.state, SlotState::Packed { sector: at, .. } if at == sector);
        !self.ledger.slots(waits).is_empty()
    }

    /// Starts sealing where there is room, memory and money for it, under a number of the chain's.
    async fn begin_seal(&self, sector: SectorId) -> Result<bool, ProvingError> {
        let under_way = self.seals_under_way();
        if under_way.len() >= self.seal.parallel {
            return Ok(false);
        }
        if let Err(shortage) = self.room_for_one_more(&under_way).await? {
            self.metrics.set(Gauge::SealWaits, shortage.code());
            if self.metrics.raise(Alarm::SealWaits, shortage) {
                tracing::warn!(%sector, %shortage, "sealing waits");
            }
            return Ok(false);
        }
        self.metrics.set(Gauge::SealWaits, 0);
        if self.metrics.clear(Alarm::SealWaits) {
            tracing::info!(%sector, "sealing goes on");
        }
        match self.unused_number().await? {
            Some(number) => {
                self.move_seal(sector, SealEvent::Reserve(number))?;
                tracing::info!(%sector, %number, "sealing begins");
            }
            None => {
                let sent = self.chain.reserve_number().await?;
                tracing::info!(%sector, gas = sent.gas_used, "a number was reserved");
            }
        }
        Ok(true)
    }

    /// What is sealed now: from its number to its counted proof.
    pub(super) fn seals_under_way(&self) -> Vec<SealState> {
        let states = self
            .ledger
            .sectors(|record| record.state.seal().is_some())
            .into_iter();
        states
            .filter_map(|(_, record)| record.state.seal())
            .filter(|seal| !matches!(seal, SealState::Waiting | SealState::Proven { .. }))
            .collect()
    }

    async fn room_for_one_more(
        &self,
        under_way: &[SealState],
    ) -> Result<Result<(), Shortage>, ProvingError> {
        let store_free = self.ledger.store().free_bytes()?;
        let promised = under_way.iter().map(|seal| still_to_write(self.set, seal));
        let room = Room {
            free_bytes: store_free.min(self.folders.free_bytes()?),
            reserve_bytes: self.seal.reserve_bytes,
            promised_bytes: promised.fold(0, u64::saturating_add),
            memory_bytes: self
                .seal
                .memory_bytes
                .min(self.proofs.memory().most_for_sealing()),
            memory_each_bytes: engine::memory_bytes(self.set),
            under_way: under_way.len() as u64,
        };
        if let Err(shortage) = room.for_one_more(self.set) {
            return Ok(Err(shortage));
        }
        let unpaid = under_way.iter().filter(|seal| {
            !matches!(
                seal,
                SealState::Precommitted { .. } | SealState::Proving { .. }
            )
        });
        let needed = self.seal.deposit.saturating_mul(unpaid.count() as u128 + 1);
        self.deposit_at_hand(needed).await
    }

    async fn deposit_at_hand(&self, needed: u128) -> Result<Result<(), Shortage>, ProvingError> {
        let at_hand = self.chain.funds().await?.at_hand();
        let shown = u64::try_from(at_hand).unwrap_or(u64::MAX);
        self.metrics.set(Gauge::DepositFunds, shown);
        Ok(if at_hand < needed {
            Err(Shortage::Deposit { needed, at_hand })
        } else {
            Ok(())
        })
    }

    /// A number that is reserved for this provider and was never used: an answer that was lost gave it.
    async fn unused_number(&self) -> Result<Option<SectorNumber>, ProvingError> {
        let next = self.chain.next_sector_number().await?.0;
        let taken: Vec<SectorNumber> = self
            .ledger
            .sectors(|_| true)
            .into_iter()
            .filter_map(|(_, record)| record.state.seal().and_then(|seal| seal.number()))
            .collect();
        for number in (next.saturating_sub(NUMBERS_BACK).max(1)..next).map(SectorNumber) {
            if !taken.contains(&number)
                && self.chain.is_reserved(number).await?
                && self.chain.replica(number).await?.is_none()
            {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Takes the newest beacon value that is on chain as the ticket.
    async fn take_ticket(
        &self,
        sector: SectorId,
        number: SectorNumber,
        head: Head,
    ) -> Result<bool, ProvingError> {
        if !self.chain.is_reserved(number).await? {
            // The chain forgot it with a block: nothing was spent on it yet.
            tracing::warn!(%sector, %number, "the number is not reserved any more");
            self.move_seal(sector, SealEvent::Lose)?;
            return Ok(true);
        }
        let periods = self
            .schedule
            .ticket_periods(head.timestamp, self.seal.ticket_age_s);
        let Some((oldest, newest)) = periods else {
            return Ok(false);
        };
        let first = oldest.0.max(newest.0.saturating_sub(TICKETS_BACK));
        for period in (first..=newest.0).rev().map(Period) {
            let round = self.schedule.round_of(period);
            if let Some(randomness) = self.chain.randomness(round).await? {
                let ticket = element(replica::ticket(&randomness), "the ticket")?;
                self.move_seal(sector, SealEvent::Ticket { period, ticket })?;
                tracing::info!(%sector, %number, %period, "ticket taken");
                return Ok(true);
            }
        }
        tracing::debug!(%sector, "no recent round is on chain: the ticket waits");
        Ok(false)
    }

    /// Goes back to a new ticket when the chain would not take the old one any more.
    fn drop_stale(&self, sector: SectorId, id: &SealId, head: Head) -> Result<bool, ProvingError> {
        let until = self
            .schedule
            .round_time(id.ticket_period)
            .saturating_add(self.seal.ticket_age_s);
        if head.timestamp <= until {
            return Ok(false);
        }
        tracing::warn!(%sector, number = %id.number, "the ticket is too old: sealed anew with a fresh one");
        self.metrics.count(Counter::SealsRestarted);
        self.move_seal(sector, SealEvent::Stale)?;
        self.folders.remove(sector, id)?;
        Ok(true)
    }

    async fn precommit(
        &self,
        sector: SectorId,
        comm_d: Commitment,
        (id, roots): (SealId, SealRoots),
        head: Head,
    ) -> Result<bool, ProvingError> {
        if let Some(known) = self.chain.replica(id.number).await? {
            let is_this = (known.comm_d, known.comm_r) == (comm_d, roots.comm_r);
            if !is_this || known.status == ReplicaStatus::Expired {
                return self.lose(sector, &id, "its number was used for another replica");
            }
            let seed_period = known.seed_period;
            self.move_seal(sector, SealEvent::Precommit { seed_period })?;
            tracing::info!(%sector, number = %id.number, %seed_period, "precommitted");
            return Ok(true);
        }
        if self.drop_stale(sector, &id, head)? {
            return Ok(true);
        }
        if !self.is_awaited(sector) {
            tracing::warn!(%sector, number = %id.number, "every deal was taken back: no deposit is laid down");
            self.move_seal(sector, SealEvent::Lose)?;
            self.clear_up(sector, &id)?;
            return Ok(true);
        }
        if let Err(shortage) = self.deposit_at_hand(self.seal.deposit).await? {
            self.metrics.set(Gauge::SealWaits, shortage.code());
            if self.metrics.raise(Alarm::SealWaits, shortage) {
                tracing::warn!(%sector, %shortage, "the precommit waits");
            }
            return Ok(false);
        }
        self.metrics.set(Gauge::SealWaits, 0);
        self.metrics.clear(Alarm::SealWaits);
        let call = PrecommitCall {
            number: id.number,
            comm_d,
            comm_r: roots.comm_r,
            ticket_period: id.ticket_period,
        };
        let sent = self.chain.precommit(call).await?;
        tracing::info!(%sector, number = %id.number, gas = sent.gas_used, "precommit sent");
        Ok(true)
    }

    async fn take_seed(
        &self,
        sector: SectorId,
        id: SealId,
        seed_period: Period,
        head: Head,
    ) -> Result<bool, ProvingError> {
        let status = self.chain.replica(id.number).await?.map(|info| info.status);
        if status == Some(ReplicaStatus::Expired) {
            return self.lose(sector, &id, "its precommit expired");
        }
        let latest = self
            .schedule
            .deadline(seed_period)
            .saturating_add(self.seal.due_s);
        if status.is_none() && head.timestamp > latest {
            return self.lose(sector, &id, "the chain no longer knows its precommit");
        }
        let Some(challenge) = self.chain.replica_challenge(id.number).await? else {
            tracing::debug!(%sector, %seed_period, "the seed's round is not posted yet");
            return Ok(false);
        };
        let Some(due_unix) = self.chain.replica_due(id.number).await? else {
            return Ok(false);
        };
        let asked = (challenge.porep_id, challenge.ticket);
        if asked != (*self.seal.porep_id.as_bytes(), *id.ticket.as_bytes()) {
            return Err(ProvingError::Prover {
                reason: format!(
                    "the chain challenges replica {} as it was not sealed",
                    id.number
                ),
            });
        }
        let seed = element(challenge.seed, "the seed")?;
        self.move_seal(sector, SealEvent::Seed { seed, due_unix })?;
        tracing::info!(%sector, number = %id.number, due_unix, "challenged");
        Ok(true)
    }

    async fn hand_in(
        &self,
        sector: SectorId,
        id: SealId,
        (due_unix, partitions): (u64, u32),
        head: Head,
    ) -> Result<bool, ProvingError> {
        match self.chain.replica(id.number).await?.map(|info| info.status) {
            Some(ReplicaStatus::Proven | ReplicaStatus::Used) => {
                self.move_seal(sector, SealEvent::Count)?;
                self.metrics.count(Counter::ReplicasProven);
                self.metrics.clear(Alarm::DepositAtRisk);
                self.metrics.clear(Alarm::SealLost);
                tracing::info!(%sector, number = %id.number, "the replica is proven");
                // Its proofs stay until its append is on chain for good: the chain may take this back.
                self.folders.remove(sector, &id)?;
                return Ok(true);
            }
            Some(ReplicaStatus::Expired) => return self.lose(sector, &id, "its precommit expired"),
            Some(ReplicaStatus::Committed) if head.timestamp > due_unix => {
                return self.lose(sector, &id, "its proof comes too late");
            }
            Some(ReplicaStatus::Committed) => {}
            None if head.timestamp > due_unix.saturating_add(self.seal.due_s) => {
                return self.lose(sector, &id, "the chain no longer knows its precommit");
            }
            None => {
                tracing::debug!(%sector, number = %id.number, "this endpoint does not know the precommit");
                return Ok(false);
            }
        }
        if partitions < self.seal.partitions {
            return Ok(false);
        }
        let proofs = self.ledger.partition_proofs(sector, partitions)?;
        let sent = self.chain.prove_replica(id.number, proofs).await?;
        self.metrics.clear(Alarm::Refused);
        tracing::info!(%sector, number = %id.number, partitions, gas = sent.gas_used, "proof of replication sent");
        Ok(true)
    }

    async fn append_sealed(
        &self,
        sector: SectorId,
        comm_d: Commitment,
        (id, roots): (SealId, SealRoots),
        head: Head,
    ) -> Result<bool, ProvingError> {
        let status = self.chain.replica(id.number).await?.map(|info| info.status);
        if status == Some(ReplicaStatus::Committed) {
            let proofs = self.ledger.partition_proofs(sector, self.seal.partitions)?;
            tracing::warn!(%sector, number = %id.number, "the chain took the proof of replication back: it is handed in again");
            self.chain.prove_replica(id.number, proofs).await?;
            return Ok(true);
        }
        if status != Some(ReplicaStatus::Proven) {
            // Used: its append is on chain, and its event registers it.
            return Ok(false);
        }
        let Some((tree, at)) = self.tree_with_room(head).await? else {
            return Ok(false);
        };
        let (keys, proofs) = (Arc::clone(&self.keys), Arc::clone(&self.proofs));
        let number = id.number;
        let committed = (comm_d, roots.comm_r, SectorKind::Sealed);
        let (new_root, proof) = blocking(move || {
            let (statement, witness) =
                append_statement(&at.tree, committed, number).map_err(|error| {
                    ProvingError::Prover {
                        reason: error.to_string(),
                    }
                })?;
            let proof = proofs.run(|| keys.prove_append(&statement, witness))?;
            Ok((statement.root1, proof))
        })
        .await?;
        let call = SealedAppendCall {
            tree,
            number,
            new_root,
            proof,
        };
        let sent = self.chain.append_sealed(call).await?;
        self.metrics.clear(Alarm::Refused);
        tracing::info!(%sector, %number, %tree, gas = sent.gas_used, "append of a sealed sector sent");
        Ok(true)
    }

    /// The number is of no use any more: the data is sealed anew under a fresh one.
    pub(super) fn lose(
        &self,
        sector: SectorId,
        id: &SealId,
        why: &str,
    ) -> Result<bool, ProvingError> {
        let words = format!("sector {}: {why}", id.number);
        self.metrics.count(Counter::SealsLost);
        self.metrics.raise(Alarm::SealLost, &words);
        self.metrics.clear(Alarm::DepositAtRisk);
        tracing::error!(%sector, number = %id.number, why, "LOST: the sector is sealed anew under a fresh number");
        self.move_seal(sector, SealEvent::Lose)?;
        self.clear_up(sector, id)?;
        Ok(true)
    }

    /// Labels and single proofs are of no use any more.
    fn clear_up(&self, sector: SectorId, id: &SealId) -> Result<(), StoreError> {
        self.folders.remove(sector, id)?;
        self.ledger.drop_partition_proofs(sector)
    }

    pub(super) fn move_seal(&self, sector: SectorId, event: SealEvent) -> Result<(), StoreError> {
        self.ledger
            .step_sector(sector, SectorEvent::Seal(event))
            .map(drop)
    }
}

fn element(bytes: [u8; 32], what: &str) -> Result<Commitment, ProvingError> {
    Commitment::from_bytes(bytes).map_err(|_| ProvingError::Prover {
        reason: format!("{what} is no field element"),
    })
}
