//! Labels: of one sector and of two, stopped, rotten, and out of the way of what is urgent.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cairn_contracts::Head;
use cairn_merkle::Commitment;
use cairn_prover::params::{ParamSet, TESTNET};
use cairn_prover::seal::{Keep, Watch};
use cairn_wire::{Period, SectorNumber};
use tokio::sync::watch;

use super::fake_chain::{FakeChain, SCHEDULE, set};
use super::sealing::{SEALED, active, drive, name, sealed_sector, wait_until_parked, with_data};
use super::{settle, start, take_piece_of};
use crate::dashboard::{Alarm, Counter};
use crate::deal::{SealId, SealRoots, SectorId};
use crate::error::SealError;
use crate::pipeline::Work;
use crate::pipeline::labels::{Alone, ToLabel};
use crate::proving::{Asker, MemoryBudget, ProofThreads};
use crate::sealing::{Job, engine};

/// Two sectors of one piece each, whose labels are to be made.
pub(super) async fn two_to_label(folder: &Path, chain: &FakeChain) -> (Work, [SectorId; 2]) {
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

/// The one sector that is sealed, its labels to be made.
async fn begun(work: &Work) -> (SectorId, SealId, Job) {
    settle(work).await;
    let (sector, _) = sealed_sector(work);
    let (id, job) = job_of(work, sector);
    (sector, id, job)
}

fn job_of(work: &Work, sector: SectorId) -> (SealId, Job) {
    let state = work.ledger.sector(sector).unwrap().state;
    let id = state.seal().unwrap().id().unwrap();
    (id, work.job(sector, state.comm_d().unwrap(), &id))
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
    work.seal.memory_bytes = engine::memory_bytes(set()) * 3 / 2;
    assert_eq!(teams(&work), apart, "nor does sealing get it");
    work.seal.memory_bytes = 1 << 30;
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
    for ended in [0, 1] {
        let folder = tempfile::tempdir().unwrap();
        let chain = FakeChain::at(1013);
        let (work, both) = two_to_label(folder.path(), &chain).await;
        let (first, second) = (both[ended], both[1 - ended]);
        let (_, job) = job_of(&work, first);
        // Somebody else works in the folder of the first.
        let never = AtomicBool::new(false);
        let watch = Watch::new(&|_| (), &never);
        let held = engine::open_labels(&job, Keep::All, watch).unwrap();
        work.run_machine(&both);
        let names = || [first, second].map(|sector| name_of(&work, sector));
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

/// Makes one replica.
fn make_replica(work: &Work, sector: SectorId, of: SealId, job: &Job) -> Result<(), SealError> {
    work.make_replicas([(sector, of, job.clone())]).remove(0).1
}

#[tokio::test]
async fn data_and_labels_that_are_not_what_was_committed_to_make_no_replica_and_no_proof() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    let (sector, id, job) = begun(&work).await;
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
        "pipeline::tests::labelling::killed_inside_a_layer_it_resumes_and_makes_the_same_replica";
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
            assert!(child.try_wait().unwrap().is_none(), "it never sealed");
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
async fn the_machine_holds_its_breath_while_a_window_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = active(folder.path(), &chain).await;
    let head = work.view.head().unwrap();
    let comes = |timestamp| work.view.note_head(Head { timestamp, ..head });
    let window = Period(5);
    comes(SCHEDULE.round_time(window) + 1);
    let gate = work.proofs.gate();
    std::thread::scope(|scope| {
        let held = gate.hold();
        let machine = scope.spawn(|| work.hold_breath());
        wait_until_parked(gate, &machine);
        drop(held);
        while gate.parked() > 0 {
            std::thread::yield_now();
        }
        // Past the gate it looks at the window, and comes to the gate once more.
        let held = gate.hold();
        wait_until_parked(gate, &machine);
        comes(SCHEDULE.deadline(window) + 1);
        drop(held);
        machine.join().unwrap().unwrap();
    });
}

#[tokio::test]
async fn labels_park_where_they_are_when_an_urgent_proof_begins() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    let (sector, id, job) = begun(&work).await;
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
    let (sector, id, job) = begun(&work).await;
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
    let others = memory.take(all, || (), || true).unwrap();
    let one = ToLabel {
        sector,
        of: Some(id),
        job,
    };
    let made = work.with_labels(&[one], Keep::All, |_, _, _| Ok(()));
    drop(others);
    assert!(matches!(made[..], [(_, Ok(()))]), "{made:?}");
    assert_eq!(waits(), 1, "finished labels need none");
}

#[tokio::test]
async fn a_sector_is_held_back_for_another_and_then_made_alone() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let mut work = with_data(folder.path(), &chain);
    settle(&work).await;
    let (first, _) = sealed_sector(&work);
    take_piece_of(&work, SEALED, 3, 1_500);
    assert_eq!(work.pack().unwrap(), 1, "a second sector");
    // Labels of two sectors of 512 MiB would have room, and take a minute.
    work.set = ParamSet::by_name(TESTNET.name).unwrap();
    work.seal.memory_bytes = u64::MAX;
    work.seal.parallel = 2;
    let now = Arc::new(AtomicU64::new(100));
    let clock = Arc::clone(&now);
    work.clock = Arc::new(move || clock.load(Ordering::SeqCst));
    let mut alone = Alone::default();
    let mut teams = || work.teams(&[first], &mut alone);
    assert!(teams().is_empty(), "another comes");
    now.store(107, Ordering::SeqCst);
    assert!(teams().is_empty(), "not yet");
    now.store(108, Ordering::SeqCst);
    assert_eq!(teams(), [[first]], "long enough");
}

#[tokio::test]
async fn a_node_that_seals_two_at_a_time_brings_both_to_their_replicas() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let (work, both) = two_to_label(folder.path(), &chain).await;
    let work = Arc::new(work);
    let (stop, stopped) = watch::channel(false);
    let sealer = tokio::spawn(Arc::clone(&work).run_sealer(stopped));
    while both.map(|sector| name_of(&work, sector)) != ["sealed"; 2] {
        assert!(!sealer.is_finished(), "it goes on until it is stopped");
        tokio::time::sleep(work.poll).await;
    }
    stop.send(true).unwrap();
    sealer.await.unwrap();
    assert_eq!(work.metrics.counter(Counter::SectorsSealed), 2, "each once");
}

#[tokio::test]
async fn a_node_that_seals_one_at_a_time_begins_no_second() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let (mut work, both) = two_to_label(folder.path(), &chain).await;
    work.seal.parallel = 1;
    let looks = Arc::new(AtomicU64::new(1));
    let clock = Arc::clone(&looks);
    work.clock = Arc::new(move || clock.fetch_add(10, Ordering::SeqCst));
    let work = Arc::new(work);
    let held = work.proofs.gate().hold();
    let (stop, stopped) = watch::channel(false);
    let sealer = tokio::spawn(Arc::clone(&work).run_sealer(stopped));
    while work.proofs.gate().parked() == 0 {
        tokio::time::sleep(work.poll).await;
    }
    // The sealer looks at its clock in each round.
    let then = looks.load(Ordering::SeqCst);
    while looks.load(Ordering::SeqCst) < then + 1_000 {
        assert_eq!(work.proofs.gate().parked(), 1, "the first");
        tokio::time::sleep(work.poll).await;
    }
    drop(held);
    while both.map(|sector| name_of(&work, sector)) != ["sealed"; 2] {
        tokio::time::sleep(work.poll).await;
    }
    stop.send(true).unwrap();
    sealer.await.unwrap();
}
