//! A replica whose clock runs is held up by nothing that can wait; what is for nobody costs nothing.

use std::path::Path;

use cairn_contracts::{ChainEventKind, ReplicaStatus};
use cairn_wire::{DealId, Period, SectorNumber};

use super::fake_chain::{FakeChain, SCHEDULE};
use super::sealing::{challenged, drive, name, sealed_sector, with_data};
use super::{settle, state_of, take_piece};
use crate::dashboard::{Alarm, Counter};
use crate::deal::SealState;
use crate::error::{ProvingError, SealError, StoreError};
use crate::pipeline::Work;

/// Challenged, and the machine has yet to prove it.
async fn provable(folder: &Path, chain: &FakeChain) -> Work {
    let work = with_data(folder, chain);
    challenged(&work, chain).await;
    settle(&work).await;
    assert_eq!(name(&work), "proving", "the machine's turn");
    work
}

#[tokio::test]
async fn activations_that_no_endpoint_takes_do_not_keep_a_replica_from_being_proven() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    take_piece(&work, 7, 500);
    assert_eq!(work.pack().unwrap(), 1, "a hot sector, a stranger's");
    chain.table().broken_calls.insert("activate");
    for _ in 0..4 {
        drive(&work).await;
    }
    assert_eq!(state_of(&work, 7), "packed", "the stranger's is stuck");
    assert_eq!(name(&work), "precommitted", "ours is not");
    chain.advance_to(SCHEDULE.round_time(Period(2)));
    for _ in 0..4 {
        drive(&work).await;
    }
    let status = chain
        .table()
        .replicas
        .values()
        .map(|known| known.status)
        .next();
    assert_eq!(status, Some(ReplicaStatus::Used), "proven and appended");
    assert!(chain.calls("activate") > 3, "tried all the while");
}

#[tokio::test]
async fn a_replica_is_handed_in_before_anything_else_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = provable(folder.path(), &chain).await;
    work.run_machine(&[sealed_sector(&work).0]);
    take_piece(&work, 7, 500);
    assert_eq!(work.pack().unwrap(), 1, "a hot sector waits as well");
    assert!(work.tick(0).await.unwrap(), "one step");
    let calls = ["prove_replica", "append"].map(|call| chain.calls(call));
    assert_eq!(calls, [1, 0], "the one with a deadline");
}

#[tokio::test]
async fn a_proof_that_is_refused_is_tried_often_enough_before_it_is_due() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = provable(folder.path(), &chain).await;
    work.run_machine(&[sealed_sector(&work).0]);
    chain.table().refused_calls.insert("prove_replica");
    // A look at the clock takes ten seconds: without a bound the eighth wait alone would be an hour.
    for _ in 0..400 {
        settle(&work).await;
    }
    assert!(
        chain.calls("prove_replica") > 20,
        "{}",
        chain.calls("prove_replica")
    );
    chain.table().refused_calls.clear();
    for _ in 0..20 {
        drive(&work).await;
    }
    assert_eq!(name(&work), "registered", "taken in the end");
}

#[tokio::test]
async fn a_deposit_at_risk_is_told_although_the_proof_is_there_and_was_not_handed_in() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = provable(folder.path(), &chain).await;
    work.run_machine(&[sealed_sector(&work).0]);
    let due_unix = sealed_sector(&work).1.seal().unwrap().due_unix().unwrap();
    chain.table().refused_calls.insert("prove_replica");
    settle(&work).await;
    assert!(!work.metrics.is_raised(Alarm::DepositAtRisk), "time enough");
    chain.advance_to(due_unix - 100);
    settle(&work).await;
    assert!(work.metrics.is_raised(Alarm::DepositAtRisk), "not any more");
}

#[tokio::test]
async fn labels_that_rot_after_the_precommit_cost_time_and_no_deposit() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = provable(folder.path(), &chain).await;
    let (sector, state) = sealed_sector(&work);
    let id = state.seal().unwrap().id().unwrap();
    work.begin_anew(sector, "a test");
    assert!(
        !work.folders.of(sector, &id).exists(),
        "the labels are gone"
    );
    assert_eq!(sealed_sector(&work).1, state, "nothing is given up");
    drive(&work).await;
    assert_eq!(name(&work), "registered", "made again and proven");
    assert_eq!(work.metrics.counter(Counter::SealsLost), 0, "no deposit");
}

#[tokio::test]
async fn labels_of_an_old_ticket_are_never_recorded_under_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    settle(&work).await;
    let (sector, state) = sealed_sector(&work);
    let old = state.seal().unwrap().id().unwrap();
    let job = work.job(sector, state.comm_d().unwrap(), &old);
    chain.advance_to(SCHEDULE.round_time(old.ticket_period) + 601);
    settle(&work).await;
    let now = sealed_sector(&work).1;
    assert_ne!(now.seal().unwrap().id(), Some(old), "a fresh ticket");
    // The thread that began under the old one goes on.
    let late = work.make_replicas([(sector, old, job)]).remove(0).1;
    let refused = matches!(
        late,
        Err(SealError::Proving(ProvingError::Store(
            StoreError::Illegal(_)
        )))
    );
    assert!(refused, "{late:?}");
    assert_eq!(sealed_sector(&work).1, now, "nothing moved");
}

#[tokio::test]
async fn a_deal_that_was_taken_back_costs_neither_labels_nor_a_deposit() {
    for made_before in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let chain = FakeChain::at(1013);
        let work = with_data(folder.path(), &chain);
        if made_before {
            settle(&work).await;
            work.run_machine(&[sealed_sector(&work).0]);
            assert_eq!(name(&work), "sealed", "to be precommitted");
        }
        for deal in [1, 2].map(DealId) {
            let taken_back = ChainEventKind::DealCancelled { deal, refund: 0 };
            chain.table().emit(taken_back);
        }
        drive(&work).await;
        assert_eq!(name(&work), "waiting", "made before: {made_before}");
        assert_eq!(chain.calls("precommit"), 0, "no deposit");
        let begun = u32::from(made_before);
        assert_eq!(chain.calls("reserve_number"), begun, "no new number");
    }
}

#[tokio::test]
async fn a_number_that_the_chain_forgot_is_given_up_before_anything_is_spent_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = with_data(folder.path(), &chain);
    chain.table().unposted.extend((0..9).map(Period));
    settle(&work).await;
    assert_eq!(name(&work), "reserved", "it waits for a ticket");
    chain.table().reserved.clear();
    chain.table().unposted.clear();
    drive(&work).await;
    assert_eq!(name(&work), "precommitted", "under another number");
    let number = sealed_sector(&work).1.seal().unwrap().number();
    assert_eq!(number, Some(SectorNumber(2)), "the next");
}

#[tokio::test]
async fn a_precommit_that_the_chain_forgot_is_lost_aloud_once_its_proof_would_be_too_late() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1013);
    let work = provable(folder.path(), &chain).await;
    let Some(SealState::Proving { due_unix, .. }) = sealed_sector(&work).1.seal() else {
        panic!("it is challenged");
    };
    chain.table().replicas.clear();
    settle(&work).await;
    assert_eq!(name(&work), "proving", "an endpoint may be behind");
    chain.advance_to(due_unix + 601);
    settle(&work).await;
    assert!(work.metrics.is_raised(Alarm::SealLost), "said");
    assert_eq!(work.metrics.counter(Counter::SealsLost), 1, "counted");
}
