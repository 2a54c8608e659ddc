//! Append and activation: a restart repeats nothing, and what is refused holds up nobody else.

use std::collections::BTreeMap;

use cairn_contracts::DealInfo;
use cairn_wire::{DealId, Period};

use super::fake_chain::{FakeChain, ME, SCHEDULE, TREE};
use super::{settle, start, state_of, take_piece, with_sector};
use crate::dashboard::Counter;
use crate::deal::{SlotState, WindowState};

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
        live: 0,
        closed: 0,
        scarce_since_unix: None,
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
