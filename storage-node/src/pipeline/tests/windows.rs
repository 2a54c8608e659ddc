//! Proving in time: rot is named, outages and misses are accounted for.

use std::collections::BTreeSet;

use cairn_wire::Period;

use super::fake_chain::{FakeChain, SCHEDULE, TREE};
use super::{flip_on_disk, settle, start, take_piece, with_sector};
use crate::dashboard::{Alarm, Counter, Gauge};
use crate::deal::{SectorState, WindowState};
use crate::store::Side;

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
    let whole = work
        .ledger
        .store()
        .chunk(id, Side::Data, 0)
        .unwrap()
        .unwrap();
    let mut rotten = whole.clone();
    rotten[64] ^= 1;
    work.ledger
        .store()
        .replace_chunk(id, Side::Data, 0, &rotten)
        .unwrap();
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
    work.ledger
        .store()
        .replace_chunk(id, Side::Data, 0, &whole)
        .unwrap();
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
    let chunk = work
        .ledger
        .store()
        .chunk(id, Side::Data, 0)
        .unwrap()
        .unwrap();
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
async fn while_gas_is_too_dear_windows_are_proven_and_what_can_wait_is_not_even_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    take_piece(&work, 2, 500);
    assert_eq!(work.pack().unwrap(), 1, "a second sector");
    let appended = chain.calls("append");
    chain.table().too_dear = Some(77);
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    assert!(chain.table().proven.contains(&Period(1)), "proof first");
    assert_eq!(chain.calls("append"), appended, "the sector waits");
    let health = work.metrics.health(String::new(), String::new());
    assert!(health.alarms["gas"].contains("77 wei"), "{health:?}");
    chain.table().too_dear = None;
    settle(&work).await;
    assert_eq!(chain.calls("append"), appended + 1, "cheap again: appended");
    assert!(!work.metrics.is_raised(Alarm::Gas), "the alarm is over");
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
