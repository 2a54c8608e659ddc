//! A sealed sector from its data to its windows, and what can befall it on the way.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cairn_contracts::ReplicaStatus;
use cairn_prover::replica::{ReplicaStatement, VanillaProof};
use cairn_wire::{Period, SectorKind, SectorNumber};

use super::fake_chain::{FakeChain, KEYS, NativeProver, SCHEDULE, rules, set};
use super::{settle, start, state_of, take_piece, take_piece_of};
use crate::dashboard::{Alarm, Counter, Gauge};
use crate::deal::{SealEvent, SealState, SectorEvent, SectorId, SectorState};
use crate::error::ProvingError;
use crate::pipeline::Work;
use crate::pipeline::labels::Alone;
use crate::proving::{Asker, Gate, ProofThreads, ReplicaProver};
use crate::store::Side;

pub(super) const SEALED: SectorKind = SectorKind::Sealed;

/// Chain and machine in turn, until neither gets anything further.
pub(super) async fn drive(work: &Work) {
    for _ in 0..10 {
        let before = work.ledger.sectors(|_| true);
        settle(work).await;
        for team in work.teams(&work.machine_work(), &mut Alone::default()) {
            work.run_machine(&team);
        }
        if work.ledger.sectors(|_| true) == before {
            return;
        }
    }
}

/// The sealed sector there is, with its state in a word.
pub(super) fn sealed_sector(work: &Work) -> (SectorId, SectorState) {
    let (sector, record) = work
        .ledger
        .sectors(|record| record.kind == SEALED)
        .remove(0);
    (sector, record.state)
}

pub(super) fn name(work: &Work) -> &'static str {
    sealed_sector(work).1.name()
}

/// Two pieces of sealed deals, packed.
pub(super) fn with_data(folder: &Path, chain: &FakeChain) -> Work {
    let work = start(folder, chain);
    take_piece_of(&work, SEALED, 1, 2_000);
    take_piece_of(&work, SEALED, 2, 900);
    assert_eq!(work.pack().unwrap(), 1, "one sector");
    work
}

/// Precommitted, and the round that seeds its challenges is out.
pub(super) async fn challenged(work: &Work, chain: &FakeChain) {
    drive(work).await;
    assert_eq!(name(work), "precommitted", "it waits for its seed");
    chain.advance_to(SCHEDULE.round_time(Period(2)));
}

/// On chain, its slots active.
pub(super) async fn active(folder: &Path, chain: &FakeChain) -> Work {
    let work = with_data(folder, chain);
    challenged(&work, chain).await;
    drive(&work).await;
    assert_eq!(name(&work), "registered", "on chain");
    work
}

#[tokio::test]
async fn a_sealed_sector_is_made_proven_appended_and_its_slots_are_active() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = active(folder.path(), &chain).await;
    assert_eq!(
        [1, 2].map(|deal| state_of(&work, deal)),
        ["active"; 2],
        "slots"
    );
    let calls = [
        "reserve_number",
        "precommit",
        "prove_replica",
        "append_sealed",
    ];
    assert_eq!(calls.map(|call| chain.calls(call)), [1; 4], "each once");
    let funds = chain.table().funds;
    assert_eq!(
        (funds.balance, funds.credit),
        (90, 10),
        "the deposit is back"
    );
    let left = std::fs::read_dir(folder.path().join("labels")).unwrap();
    assert_eq!(left.count(), 0, "the labels are gone");
    let counters = [Counter::SectorsSealed, Counter::ReplicasProven];
    assert_eq!(
        counters.map(|one| work.metrics.counter(one)),
        [1; 2],
        "counted"
    );
}

#[tokio::test]
async fn one_window_is_proven_over_hot_and_sealed_sectors_together() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = active(folder.path(), &chain).await;
    take_piece(&work, 3, 3_000);
    take_piece(&work, 4, 500);
    assert_eq!(work.pack().unwrap(), 1, "a hot sector");
    drive(&work).await;
    let kinds: BTreeSet<u8> = work
        .ledger
        .sectors(|record| matches!(record.state, SectorState::Registered { .. }))
        .iter()
        .map(|(_, record)| record.kind.code())
        .collect();
    assert_eq!(kinds, BTreeSet::from([0, 1]), "one of each is on chain");
    for period in 3..=9 {
        chain.advance_to(SCHEDULE.round_time(Period(period)));
        settle(&work).await;
        assert!(
            chain.table().proven.contains(&Period(period)),
            "period {period}, samples over both"
        );
    }
    assert_eq!(
        work.metrics.counter(Counter::RottenLeaves),
        0,
        "nothing rots"
    );
}

#[tokio::test]
async fn a_proof_of_replication_is_a_groth16_proof_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    chain.table().wants_real_proofs = true;
    let mut work = with_data(folder.path(), &chain);
    work.replicas = Arc::clone(&KEYS) as Arc<_>;
    challenged(&work, &chain).await;
    drive(&work).await;
    assert_eq!(name(&work), "registered", "the chain believed the proof");
}

#[tokio::test]
async fn a_restart_after_any_step_with_its_answer_lost_repeats_nothing_that_counts() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    drop(with_data(folder.path(), &chain));
    let mut seen = BTreeSet::new();
    for round in 0..60 {
        let work = start(folder.path(), &chain);
        work.sweep_seals().unwrap();
        seen.insert(name(&work));
        if round % 2 == 0 {
            chain.table().lose_answer = true;
            if let Err(error) = work.tick(0).await {
                assert!(error.to_string().contains("lost"), "{error}");
            }
        } else {
            for sector in work.machine_work() {
                work.run_machine(&[sector]);
            }
        }
        if round == 24 {
            chain.advance_to(SCHEDULE.round_time(Period(2)));
        }
    }
    let calls = [
        "reserve_number",
        "precommit",
        "prove_replica",
        "append_sealed",
    ];
    assert_eq!(calls.map(|call| chain.calls(call)), [1; 4], "each once");
    let states = [
        "waiting",
        "reserved",
        "labelling",
        "sealed",
        "precommitted",
        "proving",
        "proven",
        "registered",
    ];
    assert_eq!(seen, BTreeSet::from(states), "restarted in each");
    let work = start(folder.path(), &chain);
    assert_eq!(
        [1, 2].map(|deal| state_of(&work, deal)),
        ["active"; 2],
        "slots"
    );
}

#[tokio::test]
async fn sealing_waits_for_disk_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = with_data(folder.path(), &chain);
    work.seal.reserve_bytes = u64::MAX / 2;
    drive(&work).await;
    assert_eq!(name(&work), "waiting", "not begun");
    assert_eq!(work.metrics.gauge(Gauge::SealWaits), 1, "disk");
    let health = work.metrics.health(String::new(), String::new());
    let words = health.alarms.get("seal_waits").unwrap();
    assert!(words.contains("waits for disk"), "{words}");
    work.seal.reserve_bytes = 0;
    drive(&work).await;
    assert_eq!(name(&work), "precommitted", "it goes on by itself");
    assert!(
        !work.metrics.is_raised(Alarm::SealWaits),
        "the alarm is over"
    );
}

#[tokio::test]
async fn sealing_waits_for_memory_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = with_data(folder.path(), &chain);
    work.seal.memory_bytes = 1;
    drive(&work).await;
    assert_eq!(name(&work), "waiting", "not begun");
    assert_eq!(work.metrics.gauge(Gauge::SealWaits), 2, "memory");
}

#[tokio::test]
async fn sealing_waits_for_its_deposit_before_and_after_the_machine_work() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    chain.table().funds.balance = 9;
    let work = with_data(folder.path(), &chain);
    drive(&work).await;
    assert_eq!(name(&work), "waiting", "not begun");
    assert_eq!(work.metrics.gauge(Gauge::SealWaits), 3, "deposit");
    chain.table().funds.credit = 1;
    settle(&work).await;
    assert_eq!(name(&work), "labelling", "credit counts too");
    chain.table().funds.credit = 0;
    drive(&work).await;
    assert_eq!(name(&work), "sealed", "the money went meanwhile");
    assert!(work.metrics.is_raised(Alarm::SealWaits), "said");
    assert_eq!(chain.calls("precommit"), 0, "nothing is sent in vain");
    chain.table().funds.balance = 10;
    drive(&work).await;
    assert_eq!(name(&work), "precommitted", "it goes on by itself");
}

#[tokio::test]
async fn one_sector_is_sealed_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    take_piece_of(&work, SEALED, 3, 1_500);
    assert_eq!(work.pack().unwrap(), 1, "a second sector");
    drive(&work).await;
    let states = work.ledger.sectors(|_| true);
    let names: Vec<&str> = states.iter().map(|(_, one)| one.state.name()).collect();
    assert_eq!(names, ["precommitted", "waiting"], "the other waits");
    assert!(
        !work.metrics.is_raised(Alarm::SealWaits),
        "that is no alarm"
    );
    chain.advance_to(SCHEDULE.round_time(Period(2)));
    drive(&work).await;
    chain.advance_to(SCHEDULE.round_time(Period(4)));
    drive(&work).await;
    chain.advance_to(SCHEDULE.round_time(Period(6)));
    drive(&work).await;
    let states = work.ledger.sectors(|_| true);
    let names: Vec<&str> = states.iter().map(|(_, one)| one.state.name()).collect();
    assert_eq!(names, ["registered"; 2], "one after the other");
}

#[tokio::test]
async fn a_precommit_that_expired_is_lost_aloud_and_the_data_sealed_under_a_fresh_number() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    challenged(&work, &chain).await;
    settle(&work).await;
    assert_eq!(name(&work), "proving", "challenged");
    let due = SCHEDULE.deadline(Period(2)) + rules().due_s;
    chain.advance_to(due - 100);
    settle(&work).await;
    assert!(work.metrics.is_raised(Alarm::DepositAtRisk), "in sight");
    chain.advance_to(due + 1);
    let expired = ReplicaStatus::Expired;
    chain
        .table()
        .replicas
        .get_mut(&SectorNumber(1))
        .unwrap()
        .status = expired;
    settle(&work).await;
    assert!(work.metrics.is_raised(Alarm::SealLost), "said");
    assert_eq!(work.metrics.counter(Counter::SealsLost), 1, "counted");
    drive(&work).await;
    let seal = sealed_sector(&work).1.seal().unwrap();
    assert_eq!(seal.number(), Some(SectorNumber(2)), "a fresh number");
    assert_eq!(seal.name(), "precommitted", "sealed anew");
    let SealState::Precommitted { seed_period, .. } = seal else {
        panic!("{seal:?}")
    };
    chain.advance_to(SCHEDULE.round_time(seed_period));
    drive(&work).await;
    assert_eq!(name(&work), "registered", "and proven");
    assert!(!work.metrics.is_raised(Alarm::SealLost), "over");
}

#[tokio::test]
async fn a_ticket_that_grew_too_old_is_replaced_before_anything_is_at_stake() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    settle(&work).await;
    assert_eq!(name(&work), "labelling", "the ticket is taken");
    let first = sealed_sector(&work).1.seal().unwrap().id().unwrap();
    work.run_machine(&[sealed_sector(&work).0]);
    assert_eq!(name(&work), "sealed", "the machine is done");
    chain.advance_to(SCHEDULE.round_time(first.ticket_period) + 601);
    drive(&work).await;
    let second = sealed_sector(&work).1.seal().unwrap().id().unwrap();
    assert_eq!(second.number, first.number, "the number is still good");
    assert!(second.ticket_period > first.ticket_period, "a fresh ticket");
    assert_eq!(name(&work), "precommitted", "the chain took it");
    assert_eq!(chain.calls("precommit"), 1, "nothing stale was sent");
    assert_eq!(work.metrics.counter(Counter::SealsRestarted), 1, "counted");
}

#[tokio::test]
async fn a_seed_whose_round_nobody_posts_is_waited_for_without_a_loss() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    chain.table().unposted.insert(Period(2));
    let work = with_data(folder.path(), &chain);
    challenged(&work, &chain).await;
    drive(&work).await;
    assert_eq!(name(&work), "precommitted", "the clock stands still");
    chain.table().unposted.clear();
    drive(&work).await;
    assert_eq!(name(&work), "registered", "and goes on");
}

#[tokio::test]
async fn a_rotten_chunk_of_a_replica_is_named_and_nothing_false_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = active(folder.path(), &chain).await;
    let (sector, _) = sealed_sector(&work);
    let store = work.ledger.store();
    let whole = store.chunk(sector, Side::Replica, 0).unwrap().unwrap();
    let mut rotten = whole.clone();
    rotten[64] ^= 1;
    store
        .replace_chunk(sector, Side::Replica, 0, &rotten)
        .unwrap();
    chain.advance_to(SCHEDULE.round_time(Period(3)));
    settle(&work).await;
    assert_eq!(chain.calls("prove_window"), 0, "nothing is sent");
    let health = work.metrics.health(String::new(), String::new());
    let words = health.alarms.get("rot").unwrap();
    assert!(words.contains("sector 1 leaf "), "named: {words}");
    store
        .replace_chunk(sector, Side::Replica, 0, &whole)
        .unwrap();
    chain.advance_to(SCHEDULE.round_time(Period(4)));
    settle(&work).await;
    assert!(chain.table().proven.contains(&Period(4)), "whole again");
}

#[tokio::test]
async fn the_replica_is_not_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = active(folder.path(), &chain).await;
    let (sector, state) = sealed_sector(&work);
    let store = work.ledger.store();
    let data = store.chunk(sector, Side::Data, 0).unwrap();
    let replica = store.chunk(sector, Side::Replica, 0).unwrap();
    assert!(data.is_some() && replica.is_some(), "both are here");
    assert_ne!(data, replica, "encoded");
    let same = state.comm_d() == state.comm_r();
    assert!(!same, "and committed to apart: {state:?}");
}

/// Waits until `thread` is parked at the gate; fails if it came to its end instead.
pub(super) fn wait_until_parked<T>(gate: &Gate, thread: &std::thread::ScopedJoinHandle<'_, T>) {
    while gate.parked() == 0 {
        assert!(!thread.is_finished(), "it went through the gate");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

/// A prover that looks at what memory is left for others.
struct Weighing(Arc<ProofThreads>);

impl ReplicaProver for Weighing {
    fn prove(
        &self,
        statement: &ReplicaStatement,
        vanilla: VanillaProof,
        pass: &(dyn Fn() + Sync),
    ) -> Result<[u8; 512], ProvingError> {
        let memory = self.0.memory();
        let left = memory.most_for_sealing() - memory.replica_bytes();
        let is_left = |bytes| {
            let taken = memory.take((Asker::Sealing, bytes), || (), || true);
            taken.is_ok()
        };
        assert!(is_left(left), "the rest");
        assert!(!is_left(left + 1), "and no more");
        NativeProver.prove(statement, vanilla, pass)
    }
}

#[tokio::test]
async fn a_proof_of_replication_has_its_memory_as_long_as_it_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = with_data(folder.path(), &chain);
    work.replicas = Arc::new(Weighing(Arc::clone(&work.proofs)));
    challenged(&work, &chain).await;
    drive(&work).await;
    assert_eq!(name(&work), "registered", "proven");
}

/// A prover in whose middle an urgent proof begins.
struct Interrupted {
    proofs: Arc<ProofThreads>,
    parked: AtomicUsize,
}

impl ReplicaProver for Interrupted {
    fn prove(
        &self,
        statement: &ReplicaStatement,
        vanilla: VanillaProof,
        pass: &(dyn Fn() + Sync),
    ) -> Result<[u8; 512], ProvingError> {
        std::thread::scope(|scope| {
            let held = self.proofs.gate().hold();
            let proving = scope.spawn(pass);
            wait_until_parked(self.proofs.gate(), &proving);
            self.parked.fetch_add(1, Ordering::SeqCst);
            drop(held);
        });
        NativeProver.prove(statement, vanilla, pass)
    }
}

#[tokio::test]
async fn a_proof_of_replication_parks_where_it_is_while_an_urgent_proof_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = with_data(folder.path(), &chain);
    let prover = Arc::new(Interrupted {
        proofs: Arc::clone(&work.proofs),
        parked: AtomicUsize::new(0),
    });
    work.replicas = Arc::clone(&prover) as Arc<dyn ReplicaProver>;
    challenged(&work, &chain).await;
    drive(&work).await;
    assert_eq!(name(&work), "registered", "proven all the same");
    assert_eq!(prover.parked.load(Ordering::SeqCst), 1, "its one partition");
}

#[tokio::test]
async fn a_page_says_how_far_every_sealing_is() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    settle(&work).await;
    let lines = || {
        work.show_seals();
        work.metrics.health(String::new(), String::new()).sealing
    };
    assert_eq!(lines(), ["sector 1: labels, layer 1 of 2"], "labels");
    assert_eq!(work.metrics.gauge(Gauge::SealsUnderWay), 1, "one");
    drive(&work).await;
    assert_eq!(
        lines(),
        ["sector 1: precommitted, waits for the round of period 2"],
        "seed"
    );
    assert_eq!(work.metrics.gauge(Gauge::DepositsAtStake), 1, "at stake");
    let (sector, _) = sealed_sector(&work);
    let lose = SectorEvent::Seal(SealEvent::Lose);
    work.ledger.step_sector(sector, lose).unwrap();
    assert_eq!(lines(), ["local 0: waits for its turn"], "anew");
    assert_eq!(set().layers, 2, "as the page said");
}
