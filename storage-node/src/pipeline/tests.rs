//! The node's own work against a chain that is a table in memory and believes only proofs that verify.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cairn_contracts::{
    Activation, ChainEvent, ChainEventKind, DealInfo, Head, Schedule, SlotState as ChainSlot,
    SlotStatus, TreeState, TxReceipt, Uptime,
};
use cairn_merkle::piece::PieceCommitter;
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::range::Outboard;
use cairn_merkle::{Commitment, Fr, domain, field};
use cairn_prover::groth16::{Proof, verify};
use cairn_prover::params::{ParamSet, TEST};
use cairn_wire::{Address, DealId, Period, Round, SectorNumber, Signature, SlotIndex, TreeIndex};

use crate::chain::{Answer, AppendCall, ChainPort};
use crate::dashboard::{Alarm, Counter, Gauge, Metrics};
use crate::deal::{SectorState, SlotEvent, SlotState, WindowState};
use crate::error::ChainFault;
use crate::pipeline::{Backoff, PayTurn, Work};
use crate::proving::ProverKeys;
use crate::sector::{PackingRule, kept_rows};
use crate::store::{Home, Ledger, PieceRecord, SlotKey, SlotRecord, Store, StoreOptions};
use crate::translate::window_statement;
use crate::view::ChainView;

const ME: Address = Address([1; 20]);
const TREE: TreeIndex = TreeIndex(0);
const SCHEDULE: Schedule = Schedule {
    genesis_unix: 100,
    round_s: 3,
    t0_unix: 1000,
    period_s: 12,
    freeze_s: 2,
    due_s: 8,
};

fn set() -> &'static ParamSet {
    ParamSet::by_name(TEST.name).unwrap()
}

/// Keys are made once for all tests of this machine; a lock file keeps processes apart.
static KEYS: LazyLock<Arc<ProverKeys>> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join("cairn-test-keys");
    Arc::new(ProverKeys::load(&folder, set(), None, Arc::new(|| [7; 32])).unwrap())
});

#[derive(Default)]
struct Table {
    time: u64,
    block: u64,
    down: bool,
    /// The next transaction is mined and its answer lost.
    lose_answer: bool,
    events: Vec<ChainEvent>,
    /// Leaves of the tree with the period from which each state is effective.
    leaves: Vec<Fr>,
    states: Vec<(Period, Commitment, u32)>,
    filled: BTreeSet<(DealId, SlotIndex)>,
    proven: BTreeSet<Period>,
    settled: Vec<(DealId, SlotIndex)>,
    deals: BTreeMap<DealId, DealInfo>,
    /// Calls that are refused, and deals whose activation is.
    refused_calls: BTreeSet<&'static str>,
    refused_deals: BTreeSet<DealId>,
    calls: BTreeMap<&'static str, u32>,
}

#[derive(Clone, Default)]
struct FakeChain(Arc<Mutex<Table>>);

impl FakeChain {
    fn at(time: u64) -> Self {
        let chain = Self::default();
        chain.table().time = time;
        chain
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn calls(&self, what: &str) -> u32 {
        self.table().calls.get(what).copied().unwrap_or(0)
    }

    fn advance_to(&self, time: u64) {
        let mut table = self.table();
        table.time = time;
        table.block += 1;
    }

    fn answer<T: Send + 'static>(
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
    fn transact(
        &self,
        what: &'static str,
        change: impl FnOnce(&mut Table) -> Result<(), String>,
    ) -> Answer<'_, TxReceipt> {
        let mut table = self.table();
        *table.calls.entry(what).or_default() += 1;
        let answer = if table.down {
            Err(ChainFault::Unreachable("down".to_owned()))
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
    fn frozen(&self, period: Period) -> (Commitment, u32) {
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

    fn emit(&mut self, kind: ChainEventKind) {
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

    fn prove(&mut self, period: Period, proof: &[u8; 512]) -> Result<(), String> {
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

    fn append(&mut self, call: &AppendCall) -> Result<(), String> {
        let number = SectorNumber(self.leaves.len() as u64 + 1);
        let mut leaves = self.leaves.clone();
        leaves.push(domain::provider_leaf(
            call.comm_r.to_fr(),
            number.0,
            call.kind,
        ));
        let root = Commitment::from(
            ProviderTree::from_leaves(set().tree_levels, &leaves)
                .unwrap()
                .root(),
        );
        if root != call.new_root {
            return Err("another root".to_owned());
        }
        let index = u32::try_from(self.leaves.len()).unwrap();
        let effective_period = SCHEDULE.open_period(self.time);
        self.leaves = leaves;
        self.states.push((effective_period, root, index + 1));
        let (comm_r, comm_d, kind) = (call.comm_r, call.comm_d, call.kind);
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

    /// Takes the only sector out of the tree.
    fn retire(&mut self) {
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

    fn activate(&mut self, number: SectorNumber, activations: &[Activation]) -> Result<(), String> {
        let poison = |one: &Activation| self.refused_deals.contains(&one.terms.deal);
        if activations.iter().any(poison) {
            return Err("Deals_TooLate".to_owned());
        }
        for one in activations {
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

fn seed_of(period: Period) -> [u8; 32] {
    field::to_bytes(&Fr::from(period.0 + 77))
}

impl ChainPort for FakeChain {
    fn head(&self) -> Answer<'_, Head> {
        self.answer("head", |table| Head {
            number: table.block,
            hash: [0; 32],
            timestamp: table.time,
        })
    }
    fn randomness(&self, _round: Round) -> Answer<'_, Option<[u8; 32]>> {
        self.answer("randomness", |_| Some([3; 32]))
    }
    fn tree(&self, _tree: TreeIndex) -> Answer<'_, TreeState> {
        self.answer("tree", |table| {
            let (pending_root, pending_count) = table.frozen(Period(u64::MAX));
            let (active_root, active_count) = table.frozen(SCHEDULE.period_of(table.time));
            let effective_period = SCHEDULE.open_period(table.time);
            TreeState {
                active_root,
                active_count,
                pending_root,
                pending_count,
                effective_period,
            }
        })
    }
    fn frozen_tree(&self, _tree: TreeIndex, period: Period) -> Answer<'_, (Commitment, u32)> {
        self.answer("frozen_tree", |table| table.frozen(period))
    }
    fn next_sector_number(&self) -> Answer<'_, SectorNumber> {
        self.answer("next_sector_number", |table| {
            SectorNumber(table.leaves.len() as u64 + 1)
        })
    }
    fn append(&self, call: AppendCall) -> Answer<'_, TxReceipt> {
        self.transact("append", |table| table.append(&call))
    }
    fn window_seed(&self, _tree: TreeIndex, period: Period) -> Answer<'_, [u8; 32]> {
        self.answer("window_seed", |_| seed_of(period))
    }
    fn prove_window(
        &self,
        _tree: TreeIndex,
        period: Period,
        proof: [u8; 512],
    ) -> Answer<'_, TxReceipt> {
        self.transact("prove_window", |table| table.prove(period, &proof))
    }
    fn proven(&self, _tree: TreeIndex, period: Period) -> Answer<'_, bool> {
        self.answer("proven", |table| table.proven.contains(&period))
    }
    fn uptime(&self, _tree: TreeIndex, period: Period) -> Answer<'_, Uptime> {
        self.answer("uptime", |table| {
            let proven = u64::from(table.proven.contains(&period));
            let empty = u64::from(table.frozen(period).1 == 0);
            Uptime {
                proven,
                empty,
                missed: 1 - proven.max(empty),
                void: 0,
            }
        })
    }
    fn deal(&self, deal: DealId) -> Answer<'_, Option<DealInfo>> {
        self.answer("deal", move |table| table.deals.get(&deal).cloned())
    }
    fn slot(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, ChainSlot> {
        self.answer("slot", |table| {
            let status = if table.filled.contains(&(deal, slot)) {
                let comm_p = Commitment::default();
                let sector = SectorNumber(1);
                SlotStatus::Filled {
                    provider: ME,
                    tree: TREE,
                    sector,
                    offset_leaves: 0,
                    comm_p,
                    first_period: Period(1),
                }
            } else {
                SlotStatus::Empty
            };
            ChainSlot {
                status,
                paid_periods: 0,
                paid: 0,
            }
        })
    }
    fn activate(
        &self,
        number: SectorNumber,
        activations: Vec<Activation>,
        _proof: [u8; 512],
    ) -> Answer<'_, TxReceipt> {
        self.transact("activate", |table| table.activate(number, &activations))
    }
    fn settle_many(&self, slots: Vec<(DealId, SlotIndex)>) -> Answer<'_, TxReceipt> {
        self.transact("settle_many", move |table| {
            table.settled.extend(slots);
            Ok(())
        })
    }
    fn events(&self, from_block: u64, to_block: u64) -> Answer<'_, Vec<ChainEvent>> {
        self.answer("events", |table| {
            table
                .events
                .iter()
                .filter(|event| (from_block..=to_block).contains(&event.block))
                .cloned()
                .collect()
        })
    }
}

/// A node's own work over a folder, as after a start.
fn start(folder: &Path, chain: &FakeChain) -> Work {
    start_with(folder, chain, StoreOptions::default())
}

fn start_with(folder: &Path, chain: &FakeChain, options: StoreOptions) -> Work {
    let store = Store::open(folder, options).unwrap();
    let clock = Arc::new(AtomicU64::new(1));
    Work {
        me: ME,
        set: set(),
        schedule: SCHEDULE,
        start_block: 0,
        rule: PackingRule {
            sector_log2_leaves: set().sector_log2_leaves,
            wait_s: 0,
        },
        chain: Arc::new(chain.clone()),
        view: Arc::new(ChainView::default()),
        ledger: Arc::new(Ledger::load(store).unwrap()),
        metrics: Arc::new(Metrics::default()),
        keys: Arc::clone(&KEYS),
        // Every look at the clock is ten seconds later: pauses after a refusal do not hold the tests up.
        clock: Arc::new(move || clock.fetch_add(10, Ordering::Relaxed)),
        poll: Duration::from_millis(1),
        settle_every_periods: 3,
        pay: PayTurn::default(),
        backoff: Backoff::default(),
        swept: Mutex::default(),
    }
}

fn take_piece(work: &Work, number: u64, byte_len: usize) {
    let mut bytes = vec![0; byte_len];
    blake3::Hasher::new()
        .update(&number.to_le_bytes())
        .finalize_xof()
        .fill(&mut bytes);
    let (content_id, outboard) = Outboard::build(&bytes).unwrap();
    let mut committer = PieceCommitter::new(byte_len as u64).unwrap();
    committer.update(&bytes).unwrap();
    let (commitment, tree) = committer.finish_tree().unwrap();
    let record = PieceRecord {
        byte_len: byte_len as u64,
        b: commitment.b,
        comm_p: commitment.comm_p,
        home: Home::Large,
    };
    let slot = SlotRecord {
        content_id,
        owner: ME,
        expiry_unix: 1_000_000,
        since_unix: 0,
        state: SlotState::Stored,
    };
    let key = SlotKey {
        deal: DealId(number),
        slot: SlotIndex(0),
    };
    let mut writer = work
        .ledger
        .store()
        .piece_writer(content_id, byte_len as u64)
        .unwrap();
    writer.push(&bytes).unwrap();
    writer
        .finish(
            record,
            &outboard,
            &kept_rows(&tree, byte_len as u64),
            (key, &slot),
        )
        .unwrap();
    work.ledger.note_slot(key, slot);
    work.ledger
        .step_slot(key, SlotEvent::Accept(Signature([2; 65])), 1)
        .unwrap();
}

/// Ticks until nothing more can be done, as the node's loop does.
async fn settle(work: &Work) {
    let mut pause_until = 0;
    for _ in 0..20 {
        match work.tick(pause_until).await {
            Ok(true) => {}
            Ok(false) => {
                // Once more: a block that the last step made is read by the next.
                if matches!(work.tick(pause_until).await, Ok(false)) {
                    return;
                }
            }
            Err(error) => {
                work.report(&error, &mut pause_until);
                return;
            }
        }
    }
}

/// Three pieces taken, packed, appended, activated; period 1's round is the next to come.
async fn with_sector(folder: &Path, chain: &FakeChain) -> Work {
    let work = start(folder, chain);
    for (number, byte_len) in [(1, 500), (2, 2_000), (3, 90)] {
        take_piece(&work, number, byte_len);
    }
    assert_eq!(work.pack().unwrap(), 1, "one sector");
    settle(&work).await;
    work
}

#[tokio::test]
async fn a_piece_goes_from_accepted_to_active_to_proven_and_is_paid_for_by_a_counted_window() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    let active = work
        .ledger
        .slots(|slot| matches!(slot.state, SlotState::Active { .. }));
    assert_eq!(active.len(), 3, "all slots active");
    assert_eq!(
        (chain.calls("append"), chain.calls("activate")),
        (1, 2),
        "one append, two pieces a proof"
    );
    assert_eq!(work.metrics.counter(Counter::SlotsActivated), 3, "counted");
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    assert!(
        chain.table().proven.contains(&Period(1)),
        "the chain believed the proof"
    );
    assert_eq!(
        work.ledger.window(TREE, Period(1)).unwrap(),
        WindowState::Counted,
        "and it is recorded"
    );
    assert_eq!(
        work.metrics.counter(Counter::WindowsCounted),
        1,
        "counted once"
    );
    settle(&work).await;
    assert_eq!(chain.calls("prove_window"), 1, "and sent once");
}

#[tokio::test]
async fn active_slots_are_settled_once_each_so_many_periods() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    for period in 1..=5 {
        chain.advance_to(SCHEDULE.round_time(Period(period)));
        settle(&work).await;
    }
    assert_eq!(
        chain.calls("settle_many"),
        1,
        "after period 3, not before and not again"
    );
    assert_eq!(chain.table().settled.len(), 3, "all active slots");
}

#[tokio::test]
async fn a_restart_between_any_two_steps_repeats_nothing_that_counts() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = start(folder.path(), &chain);
    take_piece(&work, 1, 500);
    take_piece(&work, 2, 2_000);
    drop(work);
    start(folder.path(), &chain).pack().unwrap();
    for _ in 0..12 {
        let work = start(folder.path(), &chain);
        chain.table().lose_answer = true;
        if let Err(error) = work.tick(0).await {
            assert!(error.to_string().contains("lost"), "{error}");
        }
    }
    assert_eq!(
        (chain.calls("append"), chain.calls("activate")),
        (1, 1),
        "each sent once, though the answers were lost"
    );
    let work = start(folder.path(), &chain);
    assert_eq!(
        work.ledger
            .slots(|slot| matches!(slot.state, SlotState::Active { .. }))
            .len(),
        2,
        "both active"
    );
    drop(work);
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    for _ in 0..3 {
        let work = start(folder.path(), &chain);
        chain.table().lose_answer = true;
        if let Err(error) = work.tick(0).await {
            assert!(error.to_string().contains("lost"), "{error}");
        }
    }
    assert_eq!(chain.calls("prove_window"), 1, "the proof was sent once");
}

#[tokio::test]
async fn a_proof_that_was_made_before_a_crash_is_sent_and_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    drop(with_sector(folder.path(), &chain).await);
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    let work = start(folder.path(), &chain);
    work.sync(work.chain.head().await.unwrap()).await.unwrap();
    let made = work
        .make_proof(TREE, Period(1), WindowState::Open)
        .await
        .unwrap();
    assert!(made.is_some(), "made, recorded, not sent");
    drop(work);
    let work = start(folder.path(), &chain);
    settle(&work).await;
    assert!(
        chain.table().proven.contains(&Period(1)),
        "sent after the restart"
    );
    assert_eq!(
        work.metrics.counter(Counter::ProofsMade),
        0,
        "not made again"
    );
}

#[tokio::test]
async fn a_rotten_chunk_is_named_by_sector_and_leaf_and_nothing_false_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    let (id, record) = work
        .ledger
        .sectors(|sector| matches!(sector.state, SectorState::Registered { .. }))
        .remove(0);
    assert_eq!(record.places.len(), 3, "three pieces");
    let whole = work.ledger.store().chunk(id, 0).unwrap().unwrap();
    let mut rotten = whole.clone();
    rotten[64] ^= 1;
    work.ledger.store().replace_chunk(id, 0, &rotten).unwrap();
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    assert_eq!(chain.calls("prove_window"), 0, "nothing is sent");
    assert_eq!(work.metrics.counter(Counter::RottenLeaves), 1, "counted");
    let health = work.metrics.health(String::new(), String::new());
    let words = health.alarms.get("rot").unwrap();
    assert!(words.contains("sector 1 leaf "), "named: {words}");
    chain.advance_to(SCHEDULE.deadline(Period(1)) + 1);
    settle(&work).await;
    assert_eq!(
        work.metrics.counter(Counter::WindowsMissed),
        1,
        "the miss is counted"
    );
    assert!(
        work.metrics.is_raised(Alarm::MissedDeadline),
        "and degrades health"
    );
    work.ledger.store().replace_chunk(id, 0, &whole).unwrap();
    chain.advance_to(SCHEDULE.round_time(Period(2)));
    settle(&work).await;
    assert!(
        chain.table().proven.contains(&Period(2)),
        "whole again, proven again"
    );
    assert!(
        !work.metrics.is_raised(Alarm::Rot) && !work.metrics.is_raised(Alarm::MissedDeadline),
        "alarms cleared"
    );
}

#[tokio::test]
async fn a_byte_flipped_in_the_file_under_a_running_node_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    let (id, _) = work.ledger.sectors(|_| true).remove(0);
    let chunk = work.ledger.store().chunk(id, 0).unwrap().unwrap();
    assert!(
        flip_on_disk(&folder.path().join("rocksdb"), &chunk[..64]) > 0,
        "the chunk's bytes are in a file"
    );
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    assert_eq!(chain.calls("prove_window"), 0, "nothing is sent");
    let health = work.metrics.health(String::new(), String::new());
    assert!(
        health
            .alarms
            .get("rot")
            .is_some_and(|words| words.contains("sector 1 leaf ")),
        "{health:?}"
    );
}

/// Flips a bit wherever these bytes lie in a table file; gives the number of places.
fn flip_on_disk(folder: &Path, needle: &[u8]) -> usize {
    use std::os::unix::fs::FileExt as _;
    let mut found = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "sst") {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        for at in bytes
            .windows(needle.len())
            .enumerate()
            .filter(|(_, window)| *window == needle)
            .map(|(at, _)| at)
        {
            let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
            file.write_all_at(&[bytes[at] ^ 1], at as u64).unwrap();
            found += 1;
        }
    }
    found
}

#[tokio::test]
async fn a_piece_that_rotted_before_packing_is_given_up_and_the_others_are_packed() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = start(folder.path(), &chain);
    // The second is written as a file, so that there is a file to flip a bit in.
    take_piece(&work, 1, 500);
    let mut big = vec![0; 2_000];
    blake3::Hasher::new()
        .update(&2_u64.to_le_bytes())
        .finalize_xof()
        .fill(&mut big);
    drop(work);
    let work = start_with(
        folder.path(),
        &chain,
        StoreOptions {
            large_piece_bytes: 1_000,
        },
    );
    take_piece(&work, 2, 2_000);
    assert!(
        flip_on_disk(&folder.path().join("rocksdb"), &big[..64]) > 0,
        "the piece's bytes are in a file"
    );
    assert!(matches!(work.pack(), Ok(0)), "the plan is given up");
    assert!(work.metrics.is_raised(Alarm::Rot), "with an alarm");
    assert_eq!(work.pack().unwrap(), 1, "the other goes alone");
    let ended = work
        .ledger
        .slot(SlotKey {
            deal: DealId(2),
            slot: SlotIndex(0),
        })
        .unwrap();
    assert_eq!(
        ended.state,
        SlotState::Ended,
        "the rotten piece's slot has ended"
    );
}

#[tokio::test]
async fn a_chain_that_is_down_for_two_periods_raises_an_alarm_and_the_misses_are_counted_afterwards()
 {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    chain.table().down = true;
    chain.advance_to(SCHEDULE.round_time(Period(2)));
    settle(&work).await;
    settle(&work).await;
    assert!(work.metrics.is_raised(Alarm::Rpc), "the alarm");
    assert!(
        work.metrics.counter(Counter::RpcFailures) >= 2,
        "every failure counted"
    );
    chain.table().down = false;
    chain.advance_to(SCHEDULE.round_time(Period(4)));
    settle(&work).await;
    assert!(!work.metrics.is_raised(Alarm::Rpc), "the alarm is over");
    assert_eq!(
        work.metrics.counter(Counter::WindowsMissed),
        2,
        "periods 2 and 3"
    );
    assert!(chain.table().proven.contains(&Period(4)), "and it goes on");
    assert_eq!(
        work.metrics.gauge(Gauge::Block),
        chain.table().block,
        "up to date"
    );
}

#[tokio::test]
async fn a_sector_appended_after_the_freeze_is_proven_from_the_next_period_on() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    // Frozen for period 1, its round not out: a second sector comes too late for it.
    chain.advance_to(SCHEDULE.freeze_time(Period(1)));
    take_piece(&work, 9, 3_000);
    work.pack().unwrap();
    settle(&work).await;
    assert_eq!(chain.table().states.len(), 2, "two sectors");
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    chain.advance_to(SCHEDULE.round_time(Period(2)));
    settle(&work).await;
    let table = chain.table();
    assert_eq!(
        table.proven,
        BTreeSet::from([Period(1), Period(2)]),
        "over one sector, then over two"
    );
}

fn state_of(work: &Work, deal: u64) -> &'static str {
    let key = SlotKey {
        deal: DealId(deal),
        slot: SlotIndex(0),
    };
    work.ledger.slot(key).unwrap().state.name()
}

#[tokio::test]
async fn a_slot_that_the_chain_refuses_holds_up_neither_its_neighbours_nor_other_sectors() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    chain.table().refused_deals.insert(DealId(1));
    let work = with_sector(folder.path(), &chain).await;
    take_piece(&work, 4, 1_500);
    assert_eq!(work.pack().unwrap(), 1, "a second sector");
    settle(&work).await;
    let got = [1, 2, 3, 4].map(|deal| state_of(&work, deal));
    assert_eq!(got, ["packed", "active", "active", "active"], "one waits");
    assert_eq!(chain.table().states.len(), 2, "both sectors appended");
    assert!(work.metrics.counter(Counter::RpcRefusals) > 0, "counted");
    chain.table().refused_deals.clear();
    for _ in 0..200 {
        settle(&work).await;
        if state_of(&work, 1) == "active" {
            break;
        }
    }
    assert_eq!(state_of(&work, 1), "active", "tried again after a while");
}

#[tokio::test]
async fn a_slot_of_a_cancelled_deal_or_too_late_ends_without_a_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let deal = DealInfo {
        id: DealId(1),
        owner: ME,
        k: 1,
        n: 1,
        code_id: 1,
        kind: cairn_wire::SectorKind::Hot,
        strip_bytes: 1,
        segment_bytes: 1,
        price_per_slot_period: 1,
        start_period: Period(0),
        end_period: Period(9),
        activate_by: Period(9),
        filled: 0,
        cancelled: true,
        escrow_left: 9,
        slots: Vec::new(),
    };
    let late = DealInfo {
        id: DealId(2),
        activate_by: Period(0),
        cancelled: false,
        ..deal.clone()
    };
    chain.table().deals = BTreeMap::from([(DealId(1), deal), (DealId(2), late)]);
    let work = with_sector(folder.path(), &chain).await;
    let got = [1, 2, 3].map(|deal| state_of(&work, deal));
    assert_eq!(got, ["ended", "ended", "active"], "only what can be filled");
    assert_eq!(chain.calls("activate"), 1, "nothing is tried in vain");
}

#[tokio::test]
async fn a_sector_retired_after_the_freeze_is_still_proven_for_that_period() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    chain.advance_to(SCHEDULE.freeze_time(Period(1)));
    chain.table().retire();
    settle(&work).await;
    let sector = work.ledger.sectors(|_| true).remove(0).1;
    assert_eq!(sector.state.name(), "retired", "followed");
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    assert!(
        chain.table().proven.contains(&Period(1)),
        "the frozen tree still has it"
    );
    assert_eq!(work.metrics.counter(Counter::RottenLeaves), 0, "no rot");
}

#[tokio::test]
async fn an_error_in_accounting_or_following_skips_no_live_window_and_hides_no_miss() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    chain.table().refused_calls.extend(["uptime", "events"]);
    chain.advance_to(SCHEDULE.round_time(Period(3)));
    settle(&work).await;
    assert_eq!(
        chain.table().proven,
        BTreeSet::from([Period(1), Period(3)]),
        "the live window is proven"
    );
    assert_eq!(
        work.metrics.counter(Counter::WindowsMissed),
        0,
        "the end of period 2 is not known yet"
    );
    chain.table().refused_calls.clear();
    settle(&work).await;
    assert_eq!(
        work.ledger.window(TREE, Period(2)).unwrap(),
        WindowState::Missed,
        "though period 3 has a record, period 2 is accounted for"
    );
    assert_eq!(work.metrics.counter(Counter::WindowsMissed), 1, "counted");
}

#[tokio::test]
async fn nothing_that_can_wait_is_sent_just_before_a_round() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    take_piece(&work, 9, 3_000);
    work.pack().unwrap();
    chain.advance_to(SCHEDULE.round_time(Period(1)) - 1);
    settle(&work).await;
    assert_eq!(chain.calls("append"), 1, "the second sector waits");
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    assert!(
        chain.table().proven.contains(&Period(1)),
        "first the window"
    );
    assert_eq!(chain.calls("append"), 2, "then the append");
}

#[tokio::test]
async fn a_sector_packed_on_disk_keeps_its_leaves_whatever_memory_says() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = start(folder.path(), &chain);
    take_piece(&work, 1, 2_000);
    let accepted = work.ledger.slots(|_| true);
    work.pack().unwrap();
    let (id, packed) = work.ledger.sectors(|_| true).remove(0);
    let leaves = work.ledger.store().chunk(id, 0).unwrap().unwrap();
    // As after a commit that went through and was reported as failed.
    let planned = crate::store::SectorRecord {
        state: SectorState::Planned,
        ..packed.clone()
    };
    work.ledger.note_packed(id, planned, &accepted);
    assert!(
        work.ledger.store().sector_writer(id).is_err(),
        "no new leaves for a packed sector"
    );
    assert_eq!(work.pack().unwrap(), 1, "found packed");
    assert_eq!(
        work.ledger.store().chunk(id, 0).unwrap().as_ref(),
        Some(&leaves),
        "the leaves are there"
    );
    assert_eq!(
        work.ledger.sector(id),
        Some(packed),
        "memory is right again"
    );
    assert_eq!(state_of(&work, 1), "packed", "and the slot");
}

#[tokio::test]
async fn a_piece_whose_slot_ended_before_packing_is_forgotten_and_frees_its_quota() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = start(folder.path(), &chain);
    take_piece(&work, 1, 2_000);
    take_piece(&work, 2, 500);
    assert_eq!(work.ledger.store().held(), (2, 2_500), "both held");
    let key = SlotKey {
        deal: DealId(1),
        slot: SlotIndex(0),
    };
    let ended = work.ledger.step_slot(key, SlotEvent::End, 1).unwrap();
    assert_eq!(work.pack().unwrap(), 1, "the other is packed");
    assert_eq!(work.ledger.store().held(), (1, 500), "one is gone");
    let gone = work.ledger.store().piece(&ended.content_id).unwrap();
    assert!(gone.is_none(), "and its record");
}

#[tokio::test]
async fn a_receipt_that_has_not_lapsed_is_kept_and_a_lapsed_one_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let work = start(folder.path(), &FakeChain::at(1001));
    take_piece(&work, 1, 500);
    let (key, accepted) = work.ledger.slots(|_| true).remove(0);
    let fresh = SlotRecord {
        expiry_unix: 2_000_000,
        state: SlotState::Stored,
        ..accepted
    };
    let offer = |now| work.ledger.offer_slot(key, fresh, now).unwrap();
    assert_eq!(offer(9_000_000), accepted, "an Acceptance stands");
    let stored = SlotRecord {
        state: SlotState::Stored,
        ..accepted
    };
    work.ledger.put_slot(key, stored).unwrap();
    assert_eq!(offer(999_999), stored, "a Receipt stands until it lapses");
    assert_eq!(offer(1_000_000), fresh, "then it is replaced");
    assert_eq!(work.ledger.slot(key), Some(fresh), "for good");
}
