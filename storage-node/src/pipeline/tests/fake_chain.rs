//! A chain that is a table in memory and believes only proofs that verify.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use cairn_contracts::{
    Activation, ChainEvent, ChainEventKind, ChallengeInfo, ChallengeStatus, CollateralAccount,
    DealInfo, ProviderInfo, ReplicaChallenge, ReplicaInfo, ReplicaStatus, Schedule, TxReceipt,
    replica,
};
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::{Commitment, Fr, domain, field};
use cairn_prover::groth16::{Proof, verify};
use cairn_prover::params::{ParamSet, TEST};
use cairn_prover::replica::{ReplicaStatement, VanillaProof};
use cairn_wire::{Address, DealId, Period, SectorKind, SectorNumber, SlotIndex, TreeIndex};

use super::fake_auctions::Auction;
use crate::chain::{Answer, AppendCall, Funds, PrecommitCall, SealedAppendCall};
use crate::error::{ChainFault, ProvingError};
use crate::proving::{ProverKeys, ReplicaProver};
use crate::sealing::SealRules;
use crate::translate::{challenge_statement, window_statement};

pub(super) const ME: Address = Address([1; 20]);
pub(super) const TREE: TreeIndex = TreeIndex(0);
pub(super) const SCHEDULE: Schedule = Schedule {
    genesis_unix: 100,
    round_s: 3,
    t0_unix: 1000,
    period_s: 12,
    freeze_s: 2,
    due_s: 8,
};

/// When every challenge is due.
pub(super) const CHALLENGE_DUE: u64 = 2_000;

/// What every round's randomness is.
pub(super) const RANDOMNESS: [u8; 32] = [3; 32];

/// A deposit of 10, one partition.
pub(super) fn rules() -> SealRules {
    SealRules {
        porep_id: Commitment::default(),
        ticket_age_s: 600,
        due_s: 600,
        deposit: 10,
        partitions: 1,
        parallel: 1,
        memory_bytes: 1 << 30,
        reserve_bytes: 0,
        keep_unsealed: true,
        cache_bytes: 1 << 20,
    }
}

pub(super) fn set() -> &'static ParamSet {
    ParamSet::by_name(TEST.name).unwrap()
}

/// Keys are made once for all tests of this machine; a lock file keeps processes apart.
pub(super) static KEYS: LazyLock<Arc<ProverKeys>> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join("cairn-test-keys");
    Arc::new(ProverKeys::load(&folder, set(), None, Arc::new(|| [7; 32])).unwrap())
});

#[derive(Clone, Default)]
pub(super) struct Table {
    /// From which block on another fork runs, newest last.
    pub(super) forks: Vec<u64>,
    pub(super) time: u64,
    pub(super) block: u64,
    pub(super) down: bool,
    /// The base fee, above the operator's bound.
    pub(super) too_dear: Option<u128>,
    /// The next transaction is mined and its answer lost.
    pub(super) lose_answer: bool,
    pub(super) events: Vec<ChainEvent>,
    /// Leaves of the tree with the period from which each state is effective.
    pub(super) leaves: Vec<Fr>,
    pub(super) states: Vec<(Period, Commitment, u32)>,
    pub(super) filled: BTreeSet<(DealId, SlotIndex)>,
    /// The numbers handed out so far, and those of them that were reserved.
    pub(super) numbers: u64,
    pub(super) reserved: BTreeSet<SectorNumber>,
    pub(super) replicas: BTreeMap<SectorNumber, ReplicaInfo>,
    pub(super) funds: Funds,
    /// Periods whose round nobody posted.
    pub(super) unposted: BTreeSet<Period>,
    /// Proofs of replication are Groth16 proofs, and not what [`NativeProver`] makes.
    pub(super) wants_real_proofs: bool,
    pub(super) proven: BTreeSet<Period>,
    pub(super) settled: Vec<(DealId, SlotIndex)>,
    pub(super) collateral: CollateralAccount,
    /// What a slot locks, for each unit of its price.
    pub(super) stake_per_price: u128,
    /// What the chain counts as misses of others, and which of them were reported.
    pub(super) misses: BTreeSet<(Address, TreeIndex, Period)>,
    /// What any tree earned in a period, and the collateral that answers for it.
    pub(super) at_risk: (u128, u128),
    pub(super) reported: BTreeSet<(Address, TreeIndex, Period)>,
    pub(super) freed: Vec<(DealId, SlotIndex)>,
    pub(super) challenges: BTreeMap<u64, ChallengeInfo>,
    /// Slots that ended for another reason while they were challenged.
    pub(super) unchallenged: BTreeSet<(DealId, SlotIndex)>,
    /// Slots that somebody lost, commits to their repair and rights to it.
    pub(super) open_repairs: BTreeSet<(DealId, SlotIndex)>,
    pub(super) commits: BTreeMap<(DealId, SlotIndex, [u8; 32]), u64>,
    pub(super) rights: BTreeMap<(DealId, SlotIndex), u64>,
    /// Auctions of lost sealed slots, by turn, and how many turns of a slot are over.
    pub(super) auctions: BTreeMap<(DealId, SlotIndex, u32), Auction>,
    pub(super) turns: BTreeMap<(DealId, SlotIndex), u32>,
    /// What of this provider's bonds came back.
    pub(super) repair_credit: u128,
    pub(super) deals: BTreeMap<DealId, DealInfo>,
    pub(super) providers: BTreeMap<Address, ProviderInfo>,
    /// Calls that no endpoint takes, though all answer.
    pub(super) broken_calls: BTreeSet<&'static str>,
    /// Calls that are refused, and deals whose activation is.
    pub(super) refused_calls: BTreeSet<&'static str>,
    pub(super) refused_deals: BTreeSet<DealId>,
    pub(super) calls: BTreeMap<&'static str, u32>,
}

#[derive(Clone, Default)]
pub(super) struct FakeChain(Arc<Mutex<Table>>);

impl FakeChain {
    pub(super) fn at(time: u64) -> Self {
        let chain = Self::default();
        chain.table().time = time;
        chain.table().funds.balance = 100;
        chain.table().at_risk = (1_000, 10_000);
        chain
    }

    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn calls(&self, what: &str) -> u32 {
        self.table().calls.get(what).copied().unwrap_or(0)
    }

    pub(super) fn advance_to(&self, time: u64) {
        let mut table = self.table();
        table.time = time;
        table.block += 1;
    }

    /// From block `from` on the chain has other blocks, up to as many as now, and is otherwise as in `back_to`.
    pub(super) fn reorganise(&self, from: u64, back_to: Table) {
        let mut table = self.table();
        let (time, block) = (table.time, table.block);
        let calls = std::mem::take(&mut table.calls);
        let mut forks = std::mem::take(&mut table.forks);
        forks.push(from);
        *table = Table {
            time,
            block,
            calls,
            forks,
            ..back_to
        };
    }

    pub(super) fn answer<T: Send + 'static>(
        &self,
        what: &'static str,
        ask: impl FnOnce(&mut Table) -> T,
    ) -> Answer<'_, T> {
        let mut table = self.table();
        *table.calls.entry(what).or_default() += 1;
        let answer = if table.down {
            Err(ChainFault::Unreachable("down".to_owned()))
        } else if table.refused_calls.contains(what) {
            Err(ChainFault::Refused(what.to_owned()))
        } else {
            Ok(ask(&mut table))
        };
        drop(table);
        Box::pin(async move { answer })
    }

    /// A transaction: what it does is done even when its answer is lost.
    pub(super) fn transact(
        &self,
        what: &'static str,
        change: impl FnOnce(&mut Table) -> Result<(), String>,
    ) -> Answer<'_, TxReceipt> {
        let mut table = self.table();
        *table.calls.entry(what).or_default() += 1;
        let answer = if table.down || table.broken_calls.contains(what) {
            Err(ChainFault::Unreachable("down".to_owned()))
        } else if table.refused_calls.contains(what) {
            Err(ChainFault::Refused(what.to_owned()))
        } else {
            match change(&mut table) {
                Ok(()) if std::mem::take(&mut table.lose_answer) => {
                    Err(ChainFault::Unreachable("lost".to_owned()))
                }
                Ok(()) => Ok(TxReceipt {
                    tx: [0; 32],
                    block: table.block,
                    block_hash: [0; 32],
                    gas_used: 1,
                }),
                Err(reason) => Err(ChainFault::Refused(reason)),
            }
        };
        drop(table);
        Box::pin(async move { answer })
    }
}

impl Table {
    pub(super) fn hash_of(&self, block: u64) -> [u8; 32] {
        let forks = self.forks.iter().filter(|from| **from <= block).count() as u64;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&block.to_le_bytes());
        hasher.update(&forks.to_le_bytes());
        *hasher.finalize().as_bytes()
    }

    pub(super) fn frozen(&self, period: Period) -> (Commitment, u32) {
        let empty = (
            Commitment::from(ProviderTree::new(set().tree_levels).unwrap().root()),
            0,
        );
        let state = self
            .states
            .iter()
            .rev()
            .find(|(effective, ..)| *effective <= period);
        state.map_or(empty, |(_, root, count)| (*root, *count))
    }

    pub(super) fn emit(&mut self, kind: ChainEventKind) {
        self.block += 1;
        let log_index = self.events.len() as u64;
        self.events.push(ChainEvent {
            block: self.block,
            block_hash: [0; 32],
            tx: [0; 32],
            log_index,
            kind,
        });
    }

    pub(super) fn prove(&mut self, period: Period, proof: &[u8; 512]) -> Result<(), String> {
        if self.time < SCHEDULE.round_time(period) || self.time > SCHEDULE.deadline(period) {
            return Err("Sectors_OutsideWindow".to_owned());
        }
        if self.proven.contains(&period) {
            return Err("Sectors_AlreadyProven".to_owned());
        }
        let (root, count) = self.frozen(period);
        let statement = window_statement(set(), root, &seed_of(period), count).unwrap();
        let proof = Proof::from_bytes(proof).map_err(|error| error.to_string())?;
        verify(KEYS.window_key(), &proof, &statement.public_inputs())
            .map_err(|error| error.to_string())?;
        self.proven.insert(period);
        self.emit(ChainEventKind::WindowProven {
            provider: ME,
            tree: TREE,
            period,
            count,
        });
        Ok(())
    }

    pub(super) fn answer_challenge(
        &mut self,
        id: u64,
        index: u32,
        proof: &[u8; 512],
    ) -> Result<(), String> {
        let challenge = *self.challenges.get(&id).ok_or("Challenges_NotOpen")?;
        if challenge.status != ChallengeStatus::Open {
            return Err("Challenges_NotOpen".to_owned());
        }
        let frozen = Period(SCHEDULE.open_period(self.time).0 - 1);
        let (root, count) = self.frozen(frozen);
        let seed = seed_of(challenge.seed_period);
        let statement = challenge_statement((root, count, index), &seed, &challenge).unwrap();
        let proof = Proof::from_bytes(proof).map_err(|error| error.to_string())?;
        verify(KEYS.window_key(), &proof, &statement.public_inputs())
            .map_err(|error| error.to_string())?;
        if let Some(challenge) = self.challenges.get_mut(&id) {
            challenge.status = ChallengeStatus::Answered;
        }
        Ok(())
    }

    pub(super) fn append(&mut self, call: &AppendCall) -> Result<(), String> {
        let number = SectorNumber(self.numbers + 1);
        if call.kind == SectorKind::Sealed {
            return Err("Sectors_KindRefused".to_owned());
        }
        self.add_leaf(number, (call.comm_d, call.comm_r, call.kind), call.new_root)?;
        self.numbers += 1;
        Ok(())
    }

    pub(super) fn append_sealed(&mut self, call: &SealedAppendCall) -> Result<(), String> {
        let info = self
            .replicas
            .get_mut(&call.number)
            .filter(|info| info.status == ReplicaStatus::Proven)
            .ok_or("Replicas_NotProven")?;
        info.status = ReplicaStatus::Used;
        let committed = (info.comm_d, info.comm_r, SectorKind::Sealed);
        self.add_leaf(call.number, committed, call.new_root)
    }

    fn add_leaf(
        &mut self,
        number: SectorNumber,
        (comm_d, comm_r, kind): (Commitment, Commitment, SectorKind),
        new_root: Commitment,
    ) -> Result<(), String> {
        let mut leaves = self.leaves.clone();
        leaves.push(domain::provider_leaf(comm_r.to_fr(), number.0, kind));
        let root = Commitment::from(
            ProviderTree::from_leaves(set().tree_levels, &leaves)
                .unwrap()
                .root(),
        );
        if root != new_root {
            return Err("another root".to_owned());
        }
        let index = u32::try_from(self.leaves.len()).unwrap();
        let effective_period = SCHEDULE.open_period(self.time);
        self.leaves = leaves;
        self.states.push((effective_period, root, index + 1));
        self.emit(ChainEventKind::SectorAppended {
            provider: ME,
            tree: TREE,
            index,
            number,
            comm_r,
            comm_d,
            kind,
            root,
            effective_period,
        });
        Ok(())
    }

    pub(super) fn precommit(&mut self, call: &PrecommitCall) -> Result<(), String> {
        if !self.reserved.contains(&call.number) || self.replicas.contains_key(&call.number) {
            return Err("Replicas_NotReserved".to_owned());
        }
        let ticket_time = SCHEDULE.round_time(call.ticket_period);
        if ticket_time + rules().ticket_age_s < self.time {
            return Err("Replicas_TicketRefused".to_owned());
        }
        if self.funds.at_hand() < rules().deposit {
            return Err("ERC20InsufficientBalance".to_owned());
        }
        self.funds.balance -= rules().deposit;
        let info = ReplicaInfo {
            comm_d: call.comm_d,
            comm_r: call.comm_r,
            ticket_period: call.ticket_period,
            seed_period: SCHEDULE.seed_period(self.time, 2),
            status: ReplicaStatus::Committed,
        };
        self.replicas.insert(call.number, info);
        Ok(())
    }

    pub(super) fn due(&self, number: SectorNumber) -> Option<u64> {
        let seed_period = self.replicas.get(&number)?.seed_period;
        self.is_posted(seed_period)
            .then(|| SCHEDULE.deadline(seed_period) + rules().due_s)
    }

    fn is_posted(&self, period: Period) -> bool {
        self.time >= SCHEDULE.round_time(period) && !self.unposted.contains(&period)
    }

    pub(super) fn challenge(&self, number: SectorNumber) -> Option<ReplicaChallenge> {
        let info = self.replicas.get(&number)?;
        self.is_posted(info.seed_period).then(|| ReplicaChallenge {
            porep_id: *rules().porep_id.as_bytes(),
            ticket: replica::ticket(&RANDOMNESS),
            seed: field::to_bytes(&Fr::from(1_000 + number.0)),
        })
    }

    pub(super) fn prove_replica(
        &mut self,
        number: SectorNumber,
        proofs: &[[u8; 512]],
    ) -> Result<(), String> {
        let challenge = self.challenge(number).ok_or("Replicas_RoundUnknown")?;
        if self.due(number).is_none_or(|due| self.time > due) {
            return Err("Replicas_TooLate".to_owned());
        }
        let info = self.replicas[&number];
        if info.status != ReplicaStatus::Committed || proofs.len() != rules().partitions as usize {
            return Err("Replicas_NotCommitted".to_owned());
        }
        for (partition, proof) in (0_u16..).zip(proofs) {
            let statement = ReplicaStatement {
                comm_d: info.comm_d,
                comm_r: info.comm_r,
                porep_id: rules().porep_id.to_fr(),
                provider: ME.0,
                ticket: field::from_bytes(&challenge.ticket).unwrap(),
                seed: field::from_bytes(&challenge.seed).unwrap(),
                sector_number: number.0,
                partition,
            };
            if self.wants_real_proofs {
                let key = KEYS.replica_key().map_err(|error| error.to_string())?;
                let proof = Proof::from_bytes(proof).map_err(|error| error.to_string())?;
                verify(key.verifying_key(), &proof, &statement.public_inputs())
                    .map_err(|error| error.to_string())?;
            } else if *proof != digest_of(&statement) {
                return Err("Verifier_BadProof".to_owned());
            }
        }
        self.replicas.get_mut(&number).unwrap().status = ReplicaStatus::Proven;
        self.funds.credit += rules().deposit;
        Ok(())
    }

    /// Takes the only sector out of the tree.
    pub(super) fn retire(&mut self) {
        let effective_period = SCHEDULE.open_period(self.time);
        let root = Commitment::from(ProviderTree::new(set().tree_levels).unwrap().root());
        self.leaves.clear();
        self.states.push((effective_period, root, 0));
        self.emit(ChainEventKind::SectorRetired {
            provider: ME,
            tree: TREE,
            index: 0,
            number: SectorNumber(1),
            moved: SectorNumber(1),
            count: 0,
            root,
            effective_period,
        });
    }

    pub(super) fn activate(
        &mut self,
        number: SectorNumber,
        activations: &[Activation],
    ) -> Result<(), String> {
        let poison = |one: &Activation| self.refused_deals.contains(&one.terms.deal);
        if activations.iter().any(poison) {
            return Err("Deals_TooLate".to_owned());
        }
        for one in activations {
            let key = (one.terms.deal, one.terms.slot);
            let sealed = |deal: &DealInfo| deal.kind == SectorKind::Sealed;
            if self.open_repairs.contains(&key) && self.deals.get(&key.0).is_some_and(sealed) {
                self.take_auction(key)?;
            }
            if !self.filled.insert((one.terms.deal, one.terms.slot)) {
                return Err("Deals_SlotTaken".to_owned());
            }
            self.emit(ChainEventKind::SlotFilled {
                deal: one.terms.deal,
                slot: one.terms.slot,
                provider: ME,
                sector: number,
                offset_leaves: one.offset_leaves,
                comm_p: one.terms.comm_p,
                first_period: Period(1),
            });
        }
        Ok(())
    }
}

/// Stands for Groth16 where a test is about something else: what is natively true is believed by its digest.
pub(super) struct NativeProver;

impl ReplicaProver for NativeProver {
    fn prove(
        &self,
        statement: &ReplicaStatement,
        vanilla: VanillaProof,
        _pass: &(dyn Fn() + Sync),
    ) -> Result<[u8; 512], ProvingError> {
        cairn_prover::replica::check(set(), statement, &vanilla).map_err(|error| {
            ProvingError::Prover {
                reason: error.to_string(),
            }
        })?;
        Ok(digest_of(statement))
    }
}

fn digest_of(statement: &ReplicaStatement) -> [u8; 512] {
    let mut hasher = blake3::Hasher::new();
    for input in statement.public_inputs() {
        hasher.update(&field::to_bytes(&input));
    }
    let mut digest = [0; 512];
    hasher.finalize_xof().fill(&mut digest);
    digest
}

pub(super) fn seed_of(period: Period) -> [u8; 32] {
    field::to_bytes(&Fr::from(period.0 + 77))
}
