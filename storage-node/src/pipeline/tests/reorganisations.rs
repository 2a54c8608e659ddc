//! The chain takes blocks back: what they had changed is undone, done again, and nothing is done twice.

use std::path::Path;

use cairn_contracts::DealInfo;
use cairn_wire::{DealId, Period, SectorKind};

use super::fake_chain::{FakeChain, ME, SCHEDULE, TREE, Table};
use super::sealing::{challenged, drive, name, sealed_sector, with_data};
use super::unsealing::unseal;
use super::{settle, start, state_of, take_piece, with_sector};
use crate::dashboard::{Alarm, Counter};
use crate::deal::{SectorState, WindowState};
use crate::pipeline::Work;
use crate::store::UNDO_BLOCKS;

/// A packed sector that was never appended.
fn with_packed(folder: &Path, chain: &FakeChain) -> Work {
    let work = start(folder, chain);
    take_piece(&work, 1, 500);
    take_piece(&work, 2, 2_000);
    assert_eq!(work.pack().unwrap(), 1, "one sector");
    work
}

fn snapshot(chain: &FakeChain) -> Table {
    chain.table().clone()
}

fn registered(work: &Work) -> usize {
    let registered = |state: &SectorState| matches!(state, SectorState::Registered { .. });
    work.ledger
        .sectors(|record| registered(&record.state))
        .len()
}

/// One sector in the tree, all that was packed active, as the chain and the node have it.
fn all_is_done_once(work: &Work, chain: &FakeChain) {
    let table = chain.table();
    assert_eq!(table.leaves.len(), 1, "one sector, appended once");
    assert_eq!(table.filled.len(), 2, "both slots filled");
    drop(table);
    assert_eq!(registered(work), 1, "and known as such");
    assert_eq!(work.ledger.changes(TREE).len(), 1, "one change of the tree");
    assert_eq!([1, 2].map(|deal| state_of(work, deal)), ["active"; 2]);
}

#[tokio::test]
async fn an_append_that_was_taken_back_is_sent_again_and_stands_once() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_packed(folder.path(), &chain);
    settle_nothing(&work, &chain).await;
    let before = snapshot(&chain);
    settle(&work).await;
    all_is_done_once(&work, &chain);
    chain.reorganise(before.block + 1, before);
    settle(&work).await;
    all_is_done_once(&work, &chain);
    assert_eq!(
        (chain.calls("append"), chain.calls("activate")),
        (2, 2),
        "each sent again, once"
    );
    let metrics = &work.metrics;
    assert_eq!(metrics.counter(Counter::Reorganisations), 1, "counted");
    assert!(!metrics.is_raised(Alarm::UnknownTree), "no tree is unknown");
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    assert!(chain.table().proven.contains(&Period(1)), "and is proven");
}

/// Reads the chain while there is nothing to append: the step that stands before everything else.
async fn settle_nothing(work: &Work, chain: &FakeChain) {
    chain.table().block = 300;
    let head = work.chain.head().await.unwrap();
    assert!(work.sync(head).await.unwrap(), "all is read");
}

#[tokio::test]
async fn an_append_taken_back_before_it_was_read_is_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_packed(folder.path(), &chain);
    settle_nothing(&work, &chain).await;
    let before = snapshot(&chain);
    assert!(work.tick(0).await.unwrap(), "the append");
    assert_eq!(chain.calls("append"), 1, "sent");
    chain.reorganise(before.block + 1, before);
    settle(&work).await;
    all_is_done_once(&work, &chain);
    assert_eq!(chain.calls("append"), 2, "sent again");
}

#[tokio::test]
async fn an_activation_that_was_taken_back_is_inactive_and_activated_again() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_packed(folder.path(), &chain);
    assert!(work.tick(0).await.unwrap(), "the append");
    let before = snapshot(&chain);
    settle(&work).await;
    all_is_done_once(&work, &chain);
    chain.reorganise(before.block + 1, before);
    let head = work.chain.head().await.unwrap();
    work.sync(head).await.unwrap();
    assert_eq!(registered(&work), 1, "its append stands");
    assert_eq!(
        [1, 2].map(|deal| state_of(&work, deal)),
        ["packed"; 2],
        "inactive"
    );
    settle(&work).await;
    all_is_done_once(&work, &chain);
    assert_eq!(
        (chain.calls("append"), chain.calls("activate")),
        (1, 2),
        "only what was taken back"
    );
}

#[tokio::test]
async fn what_comes_back_in_a_later_block_by_itself_is_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_packed(folder.path(), &chain);
    let from = chain.table().block + 1;
    settle(&work).await;
    let mut later = snapshot(&chain);
    for event in &mut later.events {
        event.block += 2;
    }
    chain.table().block += 2;
    chain.reorganise(from, later);
    settle(&work).await;
    all_is_done_once(&work, &chain);
    assert_eq!(
        (chain.calls("append"), chain.calls("activate")),
        (1, 1),
        "mined again as they were"
    );
}

#[tokio::test]
async fn a_reorganisation_while_the_node_was_down_is_noticed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_packed(folder.path(), &chain);
    let before = snapshot(&chain);
    settle(&work).await;
    drop(work);
    chain.reorganise(before.block + 1, before);
    let work = start(folder.path(), &chain);
    settle(&work).await;
    all_is_done_once(&work, &chain);
    assert_eq!(
        work.metrics.counter(Counter::Reorganisations),
        1,
        "noticed by the recorded hash"
    );
    drop(work);
    let work = start(folder.path(), &chain);
    settle(&work).await;
    assert_eq!(work.metrics.counter(Counter::Reorganisations), 0, "once");
    all_is_done_once(&work, &chain);
}

#[tokio::test]
async fn a_window_proof_taken_back_before_its_deadline_is_handed_in_again_and_not_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let mut work = with_sector(folder.path(), &chain).await;
    for restarted in [false, true] {
        let period = Period(1 + u64::from(restarted));
        chain.advance_to(SCHEDULE.round_time(period));
        let before = snapshot(&chain);
        settle(&work).await;
        let made = work.metrics.counter(Counter::ProofsMade);
        assert!(chain.table().proven.contains(&period), "proven");
        if restarted {
            drop(work);
            work = start(folder.path(), &chain);
        }
        chain.reorganise(before.block + 1, before);
        chain.advance_to(SCHEDULE.round_time(period) + 2);
        settle(&work).await;
        assert!(chain.table().proven.contains(&period), "proven again");
        let metrics = &work.metrics;
        assert_eq!(metrics.counter(Counter::ProofsTakenBack), 1, "counted");
        assert_eq!(
            metrics.counter(Counter::ProofsMade),
            1,
            "the same proof, unless a restart forgot it ({made} made before)"
        );
        let window = work.ledger.window(TREE, period).unwrap();
        assert_eq!(window, WindowState::Counted, "recorded");
        chain.advance_to(SCHEDULE.deadline(period) + 1);
        settle(&work).await;
        let missed = work.metrics.counter(Counter::WindowsMissed);
        assert_eq!(missed, 0, "no miss");
    }
    assert_eq!(chain.calls("prove_window"), 4, "each twice");
}

#[tokio::test]
async fn an_endpoint_that_is_not_as_far_takes_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    let newest = chain.table().block;
    chain.table().block = newest - 1;
    settle(&work).await;
    assert_eq!(registered(&work), 1, "nothing is undone");
    assert_eq!(work.metrics.counter(Counter::Reorganisations), 0, "a lag");
    chain.table().block = newest;
    settle(&work).await;
    assert_eq!(chain.calls("append"), 1, "and nothing sent again");
}

#[tokio::test]
async fn a_slot_ended_by_a_cancellation_that_was_taken_back_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let deal = DealInfo {
        id: DealId(1),
        owner: ME,
        k: 1,
        n: 1,
        code_id: 1,
        kind: SectorKind::Hot,
        strip_bytes: 1,
        segment_bytes: 1,
        price_per_slot_period: 1,
        start_period: Period(0),
        end_period: Period(9),
        activate_by: Period(9),
        filled: 0,
        live: 0,
        closed: 0,
        scarce_since_unix: None,
        cancelled: false,
        escrow_left: 9,
        slots: Vec::new(),
    };
    chain.table().deals.insert(DealId(1), deal.clone());
    let work = with_packed(folder.path(), &chain);
    assert!(work.tick(0).await.unwrap(), "the append");
    let before = snapshot(&chain);
    chain.advance_to(1001);
    let cancelled = DealInfo {
        cancelled: true,
        ..deal
    };
    chain.table().deals.insert(DealId(1), cancelled);
    settle(&work).await;
    assert_eq!(
        [1, 2].map(|deal| state_of(&work, deal)),
        ["ended", "active"]
    );
    work.pack().unwrap();
    chain.reorganise(before.block + 1, before);
    settle(&work).await;
    all_is_done_once(&work, &chain);
}

#[tokio::test]
async fn a_reorganisation_deeper_than_can_be_undone_is_logged_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_packed(folder.path(), &chain);
    let before = snapshot(&chain);
    settle(&work).await;
    for _ in 0..5 {
        chain.table().block += UNDO_BLOCKS / 2;
        settle(&work).await;
    }
    assert!(
        !work.metrics.is_raised(Alarm::DeepReorganisation),
        "not yet"
    );
    chain.reorganise(before.block + 1, before);
    settle(&work).await;
    assert_eq!(work.metrics.counter(Counter::Reorganisations), 1, "counted");
    assert!(
        work.metrics.is_raised(Alarm::DeepReorganisation),
        "and an operator is told"
    );
}

/// Steps of chain and machine until the proof of replication was sent; how the chain was before.
async fn until_replica_proven(work: &Work, chain: &FakeChain) -> Table {
    for _ in 0..50 {
        let before = snapshot(chain);
        if !work.tick(0).await.unwrap() {
            for sector in work.machine_work() {
                work.run_machine(&[sector]);
            }
        }
        if chain.calls("prove_replica") == 1 {
            return before;
        }
    }
    unreachable!("the proof of replication was never sent")
}

#[tokio::test]
async fn a_proof_of_replication_taken_back_is_handed_in_again_and_nothing_is_sealed_anew() {
    for appended in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let chain = FakeChain::at(1013);
        let mut work = with_data(folder.path(), &chain);
        work.seal.keep_unsealed = false;
        challenged(&work, &chain).await;
        let before = until_replica_proven(&work, &chain).await;
        if appended {
            drive(&work).await;
            work.pack().unwrap();
            let (id, state) = sealed_sector(&work);
            assert_eq!(state.name(), "registered", "on chain");
            let data = work.ledger.sector(id).unwrap().data;
            assert!(!data.is_here(), "and its data gone");
        } else {
            while name(&work) == "proving" {
                work.tick(0).await.unwrap();
            }
        }
        chain.reorganise(before.block + 1, before);
        drive(&work).await;
        while let Some(sector) = work.unseals.begin(5) {
            assert!(unseal(&work, sector).unwrap());
            work.unseals.end(sector, true, 6);
            drive(&work).await;
        }
        assert_eq!(name(&work), "registered", "again");
        assert_eq!([1, 2].map(|deal| state_of(&work, deal)), ["active"; 2]);
        assert_eq!(chain.calls("prove_replica"), 2, "handed in again");
        assert_eq!(work.metrics.counter(Counter::SealsLost), 0, "no loss");
        assert_eq!(
            work.metrics.counter(Counter::SectorsSealed),
            1,
            "sealed once"
        );
        let funds = chain.table().funds;
        assert_eq!((funds.balance, funds.credit), (90, 10), "deposit back");
    }
}
