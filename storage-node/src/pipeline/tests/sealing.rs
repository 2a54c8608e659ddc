//! A sealed sector from its data to its windows, and what can befall it on the way.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cairn_contracts::ReplicaStatus;
use cairn_merkle::Commitment;
use cairn_prover::replica::{ReplicaStatement, VanillaProof};
use cairn_prover::seal::{Keep, Watch};
use cairn_wire::message::ReadRange;
use cairn_wire::{
    ContentId, DealId, ErrorCode, Handler as _, Peer, Period, SectorKind, SectorNumber, Signature,
    SlotIndex,
};
use tokio::{sync::watch, task};

use super::fake_chain::{FakeChain, KEYS, NativeProver, SCHEDULE, rules, set};
use super::{context_of, settle, start, state_of, take_piece, take_piece_of};
use crate::dashboard::{Alarm, Counter, Gauge};
use crate::deal::{
    SealEvent, SealId, SealRoots, SealState, SectorEvent, SectorId, SectorState, SlotEvent,
    SlotState,
};
use crate::error::{ProvingError, SealError};
use crate::pipeline::Work;
use crate::pipeline::labels::{Alone, Outcomes, ToLabel};
use crate::proving::{Asker, Gate, MemoryBudget, ProofThreads, ReplicaProver};
use crate::sealing::{Asked, Job, UnsealQueue, engine};
use crate::serve::NodeHandler;
use crate::store::{DataCopy, Side, SlotKey, SlotRecord};

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
async fn active(folder: &Path, chain: &FakeChain) -> Work {
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

/// Two sectors of one piece each, whose labels are to be made.
async fn two_to_label(folder: &Path, chain: &FakeChain) -> (Work, [SectorId; 2]) {
    let mut work = start(folder, chain);
    work.seal.parallel = 2;
    for deal in [1, 2] {
        take_piece_of(&work, SEALED, deal, 2_000);
        assert_eq!(work.pack().unwrap(), 1, "a sector");
    }
    settle(&work).await;
    let all = work.ledger.sectors(|_| true);
    let names: Vec<&str> = all.iter().map(|(_, one)| one.state.name()).collect();
    assert_eq!(names, ["labelling"; 2], "both have a number and a ticket");
    (work, [all[0].0, all[1].0])
}

fn name_of(work: &Work, sector: SectorId) -> &'static str {
    work.ledger.sector(sector).unwrap().state.name()
}

#[tokio::test]
async fn labels_of_two_sectors_are_made_side_by_side_where_there_is_memory_for_both() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let (mut work, both) = two_to_label(folder.path(), &chain).await;
    let teams = |work: &Work| work.teams(&work.machine_work(), &mut Alone::default());
    assert_eq!(teams(&work), [both.to_vec()], "together");
    work.seal.parallel = 1;
    let apart = both.map(|sector| vec![sector]);
    assert_eq!(teams(&work), apart, "one at a time, says the operator");
    work.seal.parallel = 2;
    let large = Arc::clone(&work.proofs);
    let for_one = large.memory().window_bytes() + engine::memory_bytes(set()) * 3 / 2;
    let small = MemoryBudget::for_set(for_one, set(), false).unwrap();
    work.proofs = Arc::new(ProofThreads::new(1, small).unwrap());
    assert_eq!(teams(&work), apart, "no memory for two");
    work.proofs = large;
    work.run_machine(&both);
    assert_eq!(both.map(|sector| name_of(&work, sector)), ["sealed"; 2]);
    assert_eq!(work.metrics.counter(Counter::SectorsSealed), 2, "counted");
    drive(&work).await;
    chain.advance_to(SCHEDULE.round_time(Period(2)));
    drive(&work).await;
    drive(&work).await;
    let registered = both.map(|sector| name_of(&work, sector));
    assert_eq!(registered, ["registered"; 2], "both proven");
}

#[tokio::test]
async fn what_ends_one_sector_of_two_leaves_the_other_to_go_on_alone() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let (work, both) = two_to_label(folder.path(), &chain).await;
    let [first, second] = both;
    let state = work.ledger.sector(first).unwrap().state;
    let id = state.seal().unwrap().id().unwrap();
    let job = work.job(first, state.comm_d().unwrap(), &id);
    // Somebody else works in the folder of the first.
    let never = AtomicBool::new(false);
    let watch = Watch::new(&|_| (), &never);
    let held = engine::open_labels(&job, Keep::All, watch).unwrap();
    work.run_machine(&both);
    let names = || both.map(|sector| name_of(&work, sector));
    assert_eq!(names(), ["labelling"; 2], "neither came further");
    assert!(work.metrics.is_raised(Alarm::Disk), "said");
    let teams = work.teams(&work.machine_work(), &mut Alone::default());
    assert_eq!(teams, [[second]], "the first waits, the other goes on");
    work.run_machine(&teams[0]);
    assert_eq!(names(), ["labelling", "sealed"], "alone");
    drop(held);
    work.run_machine(&[first]);
    assert_eq!(names(), ["sealed"; 2], "and the first after it");
}

#[tokio::test]
async fn a_sector_knows_whether_another_comes_to_be_labelled_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = with_data(folder.path(), &chain);
    settle(&work).await;
    assert_eq!(name(&work), "labelling", "the only one");
    work.seal.parallel = 2;
    assert!(!work.another_comes(), "there is no other");
    take_piece_of(&work, SEALED, 3, 1_500);
    assert_eq!(work.pack().unwrap(), 1, "a second sector");
    assert!(work.another_comes(), "it gets a number next");
    work.seal.parallel = 1;
    assert!(!work.another_comes(), "after the first alone");
    work.seal.parallel = 2;
    work.metrics.raise(Alarm::SealWaits, "no disk");
    assert!(!work.another_comes(), "not before there is room");
    work.metrics.clear(Alarm::SealWaits);
    settle(&work).await;
    assert!(!work.another_comes(), "it is there");
}

#[tokio::test]
async fn two_sectors_are_unsealed_together_and_a_rotten_one_spoils_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let (mut work, both) = two_to_label(folder.path(), &chain).await;
    drive(&work).await;
    chain.advance_to(SCHEDULE.round_time(Period(2)));
    drive(&work).await;
    drive(&work).await;
    let store = work.ledger.store();
    let chunk = |sector| store.chunk(sector, Side::Data, 0).unwrap();
    let data = both.map(chunk);
    work.seal.keep_unsealed = false;
    work.pack().unwrap();
    assert_eq!(both.map(chunk), [None, None], "replicas alone");
    let mut rotten = store.chunk(both[0], Side::Replica, 0).unwrap().unwrap();
    let whole = rotten.clone();
    rotten[64] ^= 1;
    let replace = |bytes: &[u8]| store.replace_chunk(both[0], Side::Replica, 0, bytes);
    replace(&rotten).unwrap();
    let became = |outcomes: Outcomes<bool>| {
        let done = |sector| outcomes.iter().find(|(of, _)| *of == sector);
        both.map(|sector| matches!(done(sector), Some((_, Ok(true)))))
    };
    assert_eq!(became(work.unseal(&both)), [false, true], "one is rotten");
    work.give_up_data(both[1]).unwrap();
    replace(&whole).unwrap();
    assert_eq!(became(work.unseal(&both)), [true, true], "together");
    assert_eq!(both.map(chunk), data, "every byte");
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

/// Unseals one sector.
pub(super) fn unseal(work: &Work, sector: SectorId) -> Result<bool, SealError> {
    work.unseal(&[sector]).remove(0).1
}

/// Makes one replica.
fn make_replica(work: &Work, sector: SectorId, of: SealId, job: &Job) -> Result<(), SealError> {
    work.make_replicas([(sector, of, job.clone())]).remove(0).1
}

/// What the piece's bytes are, read as a client's request is.
fn read(work: &Work, content_id: &ContentId, byte_len: usize) -> Option<Vec<u8>> {
    work.ledger.store().read_piece(content_id, 0, byte_len).ok()
}

#[tokio::test]
async fn without_an_unsealed_copy_data_goes_once_it_is_active_and_comes_back_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = start(folder.path(), &chain);
    work.seal.keep_unsealed = false;
    let content_id = take_piece_of(&work, SEALED, 1, 2_000);
    work.pack().unwrap();
    challenged(&work, &chain).await;
    work.pack().unwrap();
    let bytes = read(&work, &content_id, 2_000).unwrap();
    drive(&work).await;
    work.pack().unwrap();
    let (sector, state) = sealed_sector(&work);
    assert_eq!(state.name(), "registered", "on chain");
    assert_eq!(read(&work, &content_id, 2_000), None, "only a replica");
    let copy = || work.ledger.sector(sector).unwrap().data;
    assert_eq!(copy(), DataCopy::Dropped, "and the record says so");
    assert_eq!(work.unseals.ask(sector, 5), Asked::InAbout(1), "queued");
    assert_eq!(work.unseals.begin(5), Some(sector), "its turn");
    assert!(unseal(&work, sector).unwrap());
    work.unseals.end(sector, true, 6);
    assert_eq!(copy(), DataCopy::Cached, "recorded");
    assert_eq!(read(&work, &content_id, 2_000), Some(bytes), "every byte");
    chain.advance_to(SCHEDULE.round_time(Period(3)));
    settle(&work).await;
    assert!(
        chain.table().proven.contains(&Period(3)),
        "proven all the while"
    );
    // The next one needs the room.
    work.unseals = Arc::new(UnsealQueue::new(1, 1, [sector]));
    for old in work.unseals.crowded_out() {
        work.give_up_data(old).unwrap();
    }
    assert_eq!(read(&work, &content_id, 2_000), None, "it made room");
}

#[tokio::test]
async fn a_second_deal_for_a_piece_that_is_only_a_replica_is_unsealed_for_and_then_active() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = active(folder.path(), &chain).await;
    work.seal.keep_unsealed = false;
    work.pack().unwrap();
    let (sector, _) = sealed_sector(&work);
    let key = |deal| SlotKey {
        deal: DealId(deal),
        slot: SlotIndex(0),
    };
    let first = work.ledger.slot(key(1)).unwrap();
    let second = SlotRecord {
        state: SlotState::Stored,
        ..first
    };
    work.ledger.put_slot(key(9), second).unwrap();
    let accept = SlotEvent::Accept(Signature([2; 65]));
    work.ledger.step_slot(key(9), accept, 1).unwrap();
    work.pack().unwrap();
    assert_eq!(state_of(&work, 9), "accepted", "its bytes are not here");
    assert_eq!(work.unseals.begin(1_000), Some(sector), "but asked for");
    assert!(unseal(&work, sector).unwrap(), "unsealed");
    work.unseals.end(sector, true, 1_000);
    work.pack().unwrap();
    assert_eq!(state_of(&work, 9), "packed", "in the sector it lies in");
    drive(&work).await;
    assert_eq!(state_of(&work, 9), "active", "proven to lie there");
}

#[tokio::test]
async fn nothing_is_unsealed_into_the_space_that_is_kept_back_and_none_while_a_replica_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = with_data(folder.path(), &chain);
    challenged(&work, &chain).await;
    settle(&work).await;
    assert!(work.proves_replicas(), "a reader has to wait");
    drive(&work).await;
    assert!(!work.proves_replicas(), "no longer");
    work.seal.keep_unsealed = false;
    work.pack().unwrap();
    work.seal.reserve_bytes = u64::MAX / 2;
    let (sector, _) = sealed_sector(&work);
    let refused = unseal(&work, sector).unwrap_err().to_string();
    assert!(refused.contains("are kept back"), "{refused}");
}

#[tokio::test]
async fn the_queue_of_readers_stands_still_while_a_replica_is_proven() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    challenged(&work, &chain).await;
    settle(&work).await;
    assert_eq!(name(&work), "proving", "a deposit lies on it");
    let work = Arc::new(work);
    work.unseals.ask(SectorId(99), 0);
    let run = || {
        let (stop, stopped) = watch::channel(false);
        (stop, tokio::spawn(Arc::clone(&work).run_unsealer(stopped)))
    };
    let (stop, unsealer) = run();
    // One thread: it runs to its first pause now.
    task::yield_now().await;
    stop.send(true).unwrap();
    unsealer.await.unwrap();
    assert_eq!(work.unseals.len(), 1, "the reader waits");
    drive(&work).await;
    let (stop, unsealer) = run();
    while !work.unseals.is_empty() {
        task::yield_now().await;
    }
    stop.send(true).unwrap();
    unsealer.await.unwrap();
}

#[tokio::test]
async fn what_was_unsealed_before_makes_room_unless_a_slot_waits_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = active(folder.path(), &chain).await;
    let (first, _) = sealed_sector(&work);
    assert!(!unseal(&work, first).unwrap(), "it is here");
    take_piece_of(&work, SEALED, 3, 1_500);
    assert_eq!(work.pack().unwrap(), 1, "a second sector");
    let second = work.ledger.sectors(|_| true)[1].0;
    let unseal_first = |work: &mut Work| {
        work.give_up_data(first).unwrap();
        work.unseals = Arc::new(UnsealQueue::new(1, 1, [second]));
        assert!(unseal(work, first).unwrap(), "unsealed");
        work.ledger.sector(second).unwrap().data
    };
    assert_eq!(unseal_first(&mut work), DataCopy::Kept, "yet to be shown");
    for period in [4, 6] {
        chain.advance_to(SCHEDULE.round_time(Period(period)));
        drive(&work).await;
    }
    assert_eq!(state_of(&work, 3), "active", "shown");
    assert_eq!(unseal_first(&mut work), DataCopy::Dropped, "it makes room");
}

#[tokio::test]
async fn data_stays_as_long_as_a_slot_is_to_be_shown_to_lie_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = with_data(folder.path(), &chain);
    work.seal.keep_unsealed = false;
    challenged(&work, &chain).await;
    settle(&work).await;
    let (sector, _) = sealed_sector(&work);
    work.run_machine(&[sector]);
    while name(&work) != "registered" {
        work.tick(0).await.unwrap();
    }
    assert_eq!(state_of(&work, 1), "packed", "on chain, not shown yet");
    work.pack().unwrap();
    let copy = || work.ledger.sector(sector).unwrap().data;
    assert_eq!(copy(), DataCopy::Kept, "needed");
    settle(&work).await;
    work.pack().unwrap();
    assert_eq!(copy(), DataCopy::Dropped, "shown");
}

#[tokio::test]
async fn data_and_labels_that_are_not_what_was_committed_to_make_no_replica_and_no_proof() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    settle(&work).await;
    let (sector, state) = sealed_sector(&work);
    let id = state.seal().unwrap().id().unwrap();
    let job = work.job(sector, state.comm_d().unwrap(), &id);
    let other = Commitment::default();
    let of_other = Job {
        comm_d: other,
        ..job.clone()
    };
    assert!(make_replica(&work, sector, id, &of_other).is_err(), "data");
    make_replica(&work, sector, id, &job).unwrap();
    let roots = SealRoots {
        comm_c: other,
        r_root: other,
        comm_r: other,
    };
    let never = AtomicBool::new(false);
    let watch = Watch::new(&|_| (), &never);
    let labels = engine::open_labels(&job, Keep::All, watch).unwrap();
    let lost = engine::open_columns(&labels, &roots, watch).unwrap_err();
    assert!(matches!(lost, SealError::Lost { .. }), "labels: {lost}");
}

#[tokio::test]
async fn a_replica_that_rotted_is_never_unsealed_into_wrong_data() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = active(folder.path(), &chain).await;
    work.seal.keep_unsealed = false;
    work.pack().unwrap();
    let (sector, _) = sealed_sector(&work);
    let store = work.ledger.store();
    let mut rotten = store.chunk(sector, Side::Replica, 0).unwrap().unwrap();
    rotten[64] ^= 1;
    store
        .replace_chunk(sector, Side::Replica, 0, &rotten)
        .unwrap();
    assert!(unseal(&work, sector).is_err(), "refused");
    let copy = work.ledger.sector(sector).unwrap().data;
    assert_eq!(copy, DataCopy::Dropped, "nothing is readable");
}

#[tokio::test]
async fn labels_that_no_sealing_needs_are_swept_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    drive(&work).await;
    let labels = folder.path().join("labels");
    let count = || std::fs::read_dir(&labels).unwrap().count();
    assert_eq!(count(), 1, "its own");
    std::fs::create_dir_all(labels.join("sector-99-number-3-ticket-4")).unwrap();
    work.sweep_seals().unwrap();
    assert_eq!(count(), 1, "its own alone");
    assert_eq!(name(&work), "precommitted", "nothing moved");
}

#[tokio::test]
async fn labels_that_rotted_are_made_anew_from_a_fresh_ticket() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    settle(&work).await;
    let (sector, state) = sealed_sector(&work);
    let id = state.seal().unwrap().id().unwrap();
    work.begin_anew(sector, "a test");
    assert_eq!(name(&work), "reserved", "back to the ticket");
    assert!(
        !work.folders.of(sector, &id).exists(),
        "the labels are gone"
    );
    drive(&work).await;
    assert_eq!(name(&work), "precommitted", "and sealed");
}

/// What an uninterrupted sealing of the same data under the same ticket makes.
fn roots_of(work: &Work) -> Commitment {
    sealed_sector(work).1.comm_r().unwrap()
}

#[tokio::test]
async fn killed_inside_a_layer_it_resumes_and_makes_the_same_replica() {
    const FOLDER: &str = "CAIRN_SEAL_CRASH_FOLDER";
    const TEST: &str =
        "pipeline::tests::sealing::killed_inside_a_layer_it_resumes_and_makes_the_same_replica";
    let chain = FakeChain::at(1013);
    if let Some(folder) = std::env::var_os(FOLDER) {
        let work = with_data(Path::new(&folder), &chain);
        settle(&work).await;
        std::fs::write(Path::new(&folder).join("sealing"), b"").unwrap();
        work.run_machine(&[sealed_sector(&work).0]);
        std::thread::sleep(std::time::Duration::from_secs(60));
    }
    let whole = tempfile::tempdir().unwrap();
    let work = with_data(whole.path(), &chain);
    drive(&work).await;
    let expected = roots_of(&work);
    for delay_ms in [0, 1, 3, 8, 20] {
        let folder = tempfile::tempdir().unwrap();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", TEST, "--test-threads=1"])
            .env(FOLDER, folder.path())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        while !folder.path().join("sealing").exists() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        std::thread::sleep(std::time::Duration::from_millis(delay_ms));
        child.kill().unwrap();
        child.wait().unwrap();
        // A chain that knows the number which the child reserved.
        let chain = FakeChain::at(1013);
        chain.table().numbers = 1;
        chain.table().reserved.insert(SectorNumber(1));
        let work = start(folder.path(), &chain);
        work.sweep_seals().unwrap();
        drive(&work).await;
        assert_eq!(name(&work), "precommitted", "killed after {delay_ms} ms");
        assert_eq!(roots_of(&work), expected, "the same replica");
    }
}

/// Waits until `thread` is parked at the gate; fails if it came to its end instead.
fn wait_until_parked<T>(gate: &Gate, thread: &std::thread::ScopedJoinHandle<'_, T>) {
    while gate.parked() == 0 {
        assert!(!thread.is_finished(), "it went through the gate");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
}

#[tokio::test]
async fn labels_are_not_made_while_an_urgent_proof_is() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    settle(&work).await;
    let (sector, before) = sealed_sector(&work);
    std::thread::scope(|scope| {
        let held = work.proofs.gate().hold();
        let machine = scope.spawn(|| work.run_machine(&[sector]));
        wait_until_parked(work.proofs.gate(), &machine);
        assert_eq!(sealed_sector(&work).1.name(), before.name(), "no step");
        drop(held);
        machine.join().unwrap();
    });
    drive(&work).await;
    assert_eq!(name(&work), "precommitted", "it went on");
}

#[tokio::test]
async fn labels_park_where_they_are_when_an_urgent_proof_begins() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    settle(&work).await;
    let (sector, state) = sealed_sector(&work);
    let id = state.seal().unwrap().id().unwrap();
    let job = work.job(sector, state.comm_d().unwrap(), &id);
    std::thread::scope(|scope| {
        let held = work.proofs.gate().hold();
        // What was begun already: whoever begins looks at the gate first.
        let one = ToLabel {
            sector,
            of: Some(id),
            job,
        };
        let labels = scope.spawn(|| work.with_labels(&[one], Keep::All, |_, _, _| Ok(())));
        wait_until_parked(work.proofs.gate(), &labels);
        drop(held);
        labels.join().unwrap().remove(0).1.unwrap();
    });
}

#[tokio::test]
async fn labels_wait_for_memory_that_others_have() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    settle(&work).await;
    let (sector, state) = sealed_sector(&work);
    let id = state.seal().unwrap().id().unwrap();
    let job = work.job(sector, state.comm_d().unwrap(), &id);
    let memory = work.proofs.memory();
    let all = (Asker::Sealing, memory.most_for_sealing());
    let others = memory.take(all, || (), || true).unwrap();
    // Told to stop, it would wait no longer than for its first look.
    work.stop_sealing.store(true, Ordering::SeqCst);
    let made = make_replica(&work, sector, id, &job);
    assert!(made.is_err(), "told to stop");
    let waits = || work.metrics.counter(Counter::MemoryWaits);
    assert_eq!(waits(), 1, "there was none");
    work.stop_sealing.store(false, Ordering::SeqCst);
    drop(others);
    make_replica(&work, sector, id, &job).unwrap();
    assert_eq!(waits(), 1, "there is some");
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

#[tokio::test]
async fn a_reader_of_a_piece_that_is_only_a_replica_is_told_when_to_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = start(folder.path(), &chain);
    work.seal.keep_unsealed = false;
    let content_id = take_piece_of(&work, SEALED, 1, 2_000);
    work.pack().unwrap();
    challenged(&work, &chain).await;
    drive(&work).await;
    work.pack().unwrap();
    let (sector, _) = sealed_sector(&work);
    let handler = NodeHandler::new(context_of(&work));
    let peer = Peer {
        address: "127.0.0.1:1".parse().unwrap(),
        connection: 1,
    };
    let request = ReadRange {
        content_id,
        offset: 0,
        len: 100,
    };
    let refusal = handler.read_range(peer, request).await.err().unwrap();
    let said = (refusal.code(), refusal.wait_s());
    assert_eq!(said, (ErrorCode::Later, Some(1)), "{refusal}");
    assert_eq!(work.unseals.begin(6), Some(sector), "it is queued");
    assert!(unseal(&work, sector).unwrap());
    work.unseals.end(sector, true, 7);
    assert!(handler.read_range(peer, request).await.is_ok(), "readable");
}
