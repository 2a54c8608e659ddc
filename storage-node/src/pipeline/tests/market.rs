//! Collateral before slots are filled; misses of others shown to the chain.

use std::collections::BTreeMap;

use cairn_contracts::{
    ChainEventKind, ChallengeInfo, ChallengeStatus, CollateralTerms, DealInfo, NewSlot,
};
use cairn_merkle::Commitment;
use cairn_merkle::piece::PieceCommitter;
use cairn_wire::{
    Address, ContentId, DealId, Period, Round, SectorKind, SectorNumber, SlotIndex, TreeIndex,
};

use super::fake_chain::{CHALLENGE_DUE, FakeChain, ME, SCHEDULE};
use super::{settle, start, state_of, take_piece, take_repair, with_sector};
use crate::dashboard::{Alarm, Counter};
use crate::error::RepairFault;
use crate::pipeline::{Hunt, Work};
use crate::repair::Freed;
use crate::store::SlotKey;

const OTHER: Address = Address([9; 20]);
const TREE: TreeIndex = TreeIndex(0);

/// A slot of price 7 locks 7 * (2 + 1).
const TERMS: CollateralTerms = CollateralTerms {
    fault_periods: 2,
    repair_periods: 1,
    misses_to_end: 2,
    bounty_basis_points: 5_000,
    withdraw_delay_s: 600,
    maintenance_periods: 0,
    maintenance_every: 0,
    least_fault: 0,
    most_fault: 0,
};

fn deal(id: u64) -> DealInfo {
    DealInfo {
        id: DealId(id),
        owner: ME,
        k: 1,
        n: 1,
        code_id: 1,
        kind: SectorKind::Hot,
        strip_bytes: 1,
        segment_bytes: 1,
        price_per_slot_period: 7,
        start_period: Period(0),
        end_period: Period(9),
        activate_by: Period(9),
        filled: 0,
        live: 0,
        closed: 0,
        scarce_since_unix: None,
        cancelled: false,
        escrow_left: 70,
        slots: Vec::new(),
    }
}

/// One piece of deal 1, packed, on a chain where its slot locks 21; the account holds `balance`.
async fn with_stake(folder: &std::path::Path, chain: &FakeChain, balance: u128) -> Work {
    chain.table().deals = BTreeMap::from([(DealId(1), deal(1))]);
    chain.table().funds.balance = balance;
    let mut work = start(folder, chain);
    work.market.collateral = TERMS;
    take_piece(&work, 1, 500);
    assert_eq!(work.pack().unwrap(), 1, "one sector");
    settle(&work).await;
    work
}

#[tokio::test]
async fn a_slot_is_filled_only_after_its_collateral_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_stake(folder.path(), &chain, 61).await;
    assert_eq!(state_of(&work, 1), "active", "filled");
    assert_eq!(chain.calls("deposit_collateral"), 1, "once");
    let staked = chain.table().collateral.total;
    assert_eq!(staked, 31, "21, and a quarter of the 40 left for the next");
    assert!(!work.metrics.is_raised(Alarm::Collateral), "no alarm");
}

#[tokio::test]
async fn what_is_staked_already_is_not_deposited_again() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    chain.table().collateral.free = 21;
    let work = with_stake(folder.path(), &chain, 0).await;
    assert_eq!(state_of(&work, 1), "active", "filled");
    assert_eq!(chain.calls("deposit_collateral"), 0, "enough was free");
}

#[tokio::test]
async fn an_account_without_tokens_raises_an_alarm_and_the_slot_waits_until_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_stake(folder.path(), &chain, 20).await;
    assert_eq!(state_of(&work, 1), "packed", "it waits");
    assert!(work.metrics.is_raised(Alarm::Collateral), "and says so");
    assert_eq!(chain.calls("activate"), 0, "nothing is tried in vain");
    chain.table().funds.balance = 21;
    for _ in 0..200 {
        settle(&work).await;
        if state_of(&work, 1) == "active" {
            break;
        }
    }
    assert_eq!(state_of(&work, 1), "active", "filled after all");
    assert!(!work.metrics.is_raised(Alarm::Collateral), "cleared");
}

fn round(period: u64) -> ChainEventKind {
    ChainEventKind::RoundPosted {
        round: Round(period),
        randomness: [1; 32],
        period: Some(Period(period)),
        counted: true,
    }
}

fn filled_by(provider: Address) -> [ChainEventKind; 2] {
    let nothing = Commitment::default();
    [
        ChainEventKind::SectorAppended {
            provider,
            tree: TREE,
            index: 0,
            number: SectorNumber(1),
            comm_r: nothing,
            comm_d: nothing,
            kind: SectorKind::Hot,
            root: nothing,
            effective_period: Period(1),
        },
        ChainEventKind::SlotFilled {
            deal: DealId(5),
            slot: SlotIndex(2),
            provider,
            sector: SectorNumber(1),
            comm_p: nothing,
            offset_leaves: 0,
            first_period: Period(1),
        },
    ]
}

fn hunter(folder: &std::path::Path, chain: &FakeChain) -> Work {
    let mut work = start(folder, chain);
    work.market.collateral = TERMS;
    work.market.hunt = Some(Hunt::new(ME, 0, Some(1)));
    work
}

#[tokio::test]
async fn a_miss_whose_bounty_is_below_the_least_costs_no_transaction() {
    // TERMS give half of a slash, which is five times the pay, or what is left of the collateral
    let cases = [
        ((1_000, 10_000), 2_500, 1),
        ((1_000, 10_000), 2_501, 0),
        ((1_000, 30), 15, 1),
        ((1_000, 30), 16, 0),
        ((1_000, 0), 1, 0),
    ];
    for (at_risk, least, reports) in cases {
        let folder = tempfile::tempdir().unwrap();
        let chain = FakeChain::at(1001);
        for event in filled_by(OTHER) {
            chain.table().emit(event);
        }
        chain.table().emit(round(1));
        let miss = (OTHER, TREE, Period(1));
        chain.table().misses.insert(miss);
        chain.table().at_risk = at_risk;
        chain.advance_to(SCHEDULE.deadline(Period(1)) + 1);
        let mut work = hunter(folder.path(), &chain);
        work.market.hunt = Some(Hunt::new(ME, 0, Some(least)));
        settle(&work).await;
        let case = format!("{at_risk:?}, at least {least}");
        assert_eq!(chain.calls("report_miss"), reports, "{case}");
        assert_eq!(chain.calls("at_risk"), 1, "looked at once: {case}");
    }
}

#[tokio::test]
async fn misses_of_others_are_reported_their_tree_ended_and_its_slots_freed() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    for event in filled_by(OTHER) {
        chain.table().emit(event);
    }
    let work = hunter(folder.path(), &chain);
    for period in 1..=2 {
        chain.table().emit(round(period));
        let miss = (OTHER, TREE, Period(period));
        chain.table().misses.insert(miss);
        chain.advance_to(SCHEDULE.deadline(Period(period)) + 1);
        settle(&work).await;
    }
    assert_eq!(chain.table().reported.len(), 2, "both, before the end");
    assert_eq!(chain.calls("terminate"), 1, "two in a row");
    let freed = chain.table().freed.clone();
    assert_eq!(freed, [(DealId(5), SlotIndex(2))], "its slot");
    assert_eq!(work.metrics.counter(Counter::MissesReported), 2, "counted");
    assert_eq!(work.metrics.counter(Counter::TreesEnded), 1, "counted");
    assert_eq!(work.metrics.counter(Counter::SlotsFreed), 1, "counted");
}

#[tokio::test]
async fn what_the_chain_calls_no_miss_costs_no_transaction_and_is_asked_once() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    for event in filled_by(OTHER) {
        chain.table().emit(event);
    }
    chain.table().emit(round(1));
    chain.advance_to(SCHEDULE.deadline(Period(1)) + 1);
    let work = hunter(folder.path(), &chain);
    settle(&work).await;
    settle(&work).await;
    assert_eq!(chain.calls("missed"), 1, "asked once");
    assert_eq!(chain.calls("report_miss"), 0, "nothing sent");
}

#[tokio::test]
async fn a_report_that_finds_no_endpoint_is_made_again() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    for event in filled_by(OTHER) {
        chain.table().emit(event);
    }
    chain.table().emit(round(1));
    let miss = (OTHER, TREE, Period(1));
    chain.table().misses.insert(miss);
    chain.table().broken_calls.insert("report_miss");
    chain.advance_to(SCHEDULE.deadline(Period(1)) + 1);
    let work = hunter(folder.path(), &chain);
    settle(&work).await;
    assert!(chain.table().reported.is_empty(), "not yet");
    chain.table().broken_calls.clear();
    for _ in 0..10 {
        settle(&work).await;
    }
    assert_eq!(chain.table().reported.len(), 1, "made again");
}

/// Somebody challenges the piece of 500 bytes, which lies first in the first sector.
fn challenge(chain: &FakeChain, id: u64, seed_period: u64) {
    let challenge = ChallengeInfo {
        id,
        challenger: OTHER,
        deal: DealId(1),
        slot: SlotIndex(0),
        provider: ME,
        tree: TREE,
        seed_period: Period(seed_period),
        sector: SectorNumber(1),
        offset_leaves: 0,
        b: 4,
        status: ChallengeStatus::Open,
    };
    let mut table = chain.table();
    table.challenges.insert(id, challenge);
    table.emit(ChainEventKind::ChallengeOpened {
        id,
        provider: ME,
        deal: DealId(1),
        slot: SlotIndex(0),
        challenger: OTHER,
        bond: 1,
    });
}

fn status(chain: &FakeChain, id: u64) -> ChallengeStatus {
    chain.table().challenges[&id].status
}

#[tokio::test]
async fn a_challenge_is_answered_once_its_seed_is_known_by_a_proof_that_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    challenge(&chain, 1, 2);
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    assert_eq!(status(&chain, 1), ChallengeStatus::Open, "no seed yet");
    chain.advance_to(SCHEDULE.round_time(Period(2)));
    settle(&work).await;
    assert_eq!(status(&chain, 1), ChallengeStatus::Answered, "answered");
    settle(&work).await;
    assert_eq!(chain.calls("answer_challenge"), 1, "once");
    assert_eq!(
        work.metrics.counter(Counter::ChallengesAnswered),
        1,
        "counted"
    );
}

#[tokio::test]
async fn a_challenge_made_while_the_node_was_down_is_answered_after_its_start() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    drop(with_sector(folder.path(), &chain).await);
    challenge(&chain, 7, 1);
    // Its event lies in blocks that were read before: only a look at the chain finds it.
    chain
        .table()
        .events
        .retain(|event| !matches!(event.kind, ChainEventKind::ChallengeOpened { .. }));
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    let work = start(folder.path(), &chain);
    settle(&work).await;
    assert_eq!(status(&chain, 7), ChallengeStatus::Answered, "found");
}

#[tokio::test]
async fn a_challenge_whose_event_was_lost_is_found_in_the_next_period() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    challenge(&chain, 7, 1);
    chain
        .table()
        .events
        .retain(|event| !matches!(event.kind, ChainEventKind::ChallengeOpened { .. }));
    for period in 1..=2 {
        chain.advance_to(SCHEDULE.round_time(Period(period)));
        settle(&work).await;
    }
    assert_eq!(status(&chain, 7), ChallengeStatus::Answered, "found");
}

#[tokio::test]
async fn a_challenge_of_a_slot_that_has_ended_is_dropped_without_a_proof() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    challenge(&chain, 1, 1);
    chain.table().unchallenged.insert((DealId(1), SlotIndex(0)));
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    assert_eq!(chain.calls("answer_challenge"), 0, "nothing is sent");
    assert!(!work.metrics.is_raised(Alarm::ChallengeAtRisk), "no alarm");
}

#[tokio::test]
async fn a_challenge_whose_time_is_over_raises_an_alarm_and_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    challenge(&chain, 1, 1);
    chain.advance_to(CHALLENGE_DUE + 1);
    settle(&work).await;
    assert!(work.metrics.is_raised(Alarm::ChallengeAtRisk), "alarm");
    assert_eq!(chain.calls("answer_challenge"), 0, "nothing is sent");
}

#[tokio::test]
async fn a_freed_slot_is_filled_only_after_a_commit_and_its_reveal() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    chain.table().deals = BTreeMap::from([(DealId(1), deal(1))]);
    chain.table().open_repairs.insert((DealId(1), SlotIndex(0)));
    let work = start(folder.path(), &chain);
    take_repair(&work, 1, 500);
    assert_eq!(work.pack().unwrap(), 1, "one sector");
    settle(&work).await;
    assert_eq!(chain.calls("commit_repair"), 1, "committed");
    assert_eq!(state_of(&work, 1), "packed", "too young to be shown");
    chain.advance_to(1004);
    settle(&work).await;
    assert_eq!(chain.calls("reveal_repair"), 1, "shown");
    assert_eq!(state_of(&work, 1), "active", "repaired");
}

/// Pieces of these deals, freed by others, packed into one sector of a node that has committed to their repair.
async fn with_repairs<const N: usize>(
    folder: &std::path::Path,
    chain: &FakeChain,
    deals: [u64; N],
) -> Work {
    let work = start(folder, chain);
    for id in deals {
        chain.table().deals.insert(DealId(id), deal(id));
        chain
            .table()
            .open_repairs
            .insert((DealId(id), SlotIndex(0)));
        take_repair(&work, id, 500);
    }
    assert_eq!(work.pack().unwrap(), 1, "one sector");
    settle(&work).await;
    work
}

#[tokio::test]
async fn each_repair_is_activated_alone_so_that_its_right_does_not_lapse_over_another() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_repairs(folder.path(), &chain, [1, 2]).await;
    assert_eq!(chain.calls("commit_repair"), 2, "committed");
    chain.advance_to(1004);
    settle(&work).await;
    assert_eq!([1, 2].map(|id| state_of(&work, id)), ["active"; 2], "both");
    assert_eq!(chain.calls("activate"), 2, "each alone");
}

#[tokio::test]
async fn a_commit_that_lapsed_is_followed_by_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_repairs(folder.path(), &chain, [1]).await;
    let late = 1001 + work.market.repair.commit_life_s + 1;
    chain.table().deals.get_mut(&DealId(1)).unwrap().end_period = Period(99);
    chain.advance_to(late);
    settle(&work).await;
    assert_eq!(chain.calls("commit_repair"), 2, "a second");
    assert_eq!(chain.table().commits.len(), 2, "with another salt");
    assert_eq!(chain.calls("reveal_repair"), 0, "the old one is not shown");
    chain.advance_to(late + 3);
    settle(&work).await;
    assert_eq!(state_of(&work, 1), "active", "repaired");
}

#[tokio::test]
async fn a_right_is_shown_again_only_when_it_would_lapse_before_it_is_used() {
    for (left_s, shown) in [(60, 0), (5, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let chain = FakeChain::at(1001);
        let work = with_repairs(folder.path(), &chain, [1]).await;
        chain.advance_to(1004);
        let right = (DealId(1), SlotIndex(0));
        chain.table().rights.insert(right, 1004 + left_s);
        settle(&work).await;
        assert_eq!(state_of(&work, 1), "active", "repaired");
        assert_eq!(chain.calls("reveal_repair"), shown, "{left_s} s left");
    }
}

#[tokio::test]
async fn a_repair_that_somebody_else_made_first_ends_without_a_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    chain.table().deals = BTreeMap::from([(DealId(1), deal(1))]);
    let work = start(folder.path(), &chain);
    take_repair(&work, 1, 500);
    assert_eq!(work.pack().unwrap(), 1, "one sector");
    // The slot is not open any more, and it was never this node's to fill.
    settle(&work).await;
    assert_eq!(state_of(&work, 1), "ended", "given up");
    assert_eq!(chain.calls("commit_repair"), 0, "nothing is sent");
}

#[tokio::test]
async fn a_slot_whose_deal_is_over_is_closed_so_that_it_locks_nothing_and_answers_for_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    chain.table().deals = BTreeMap::from([(
        DealId(1),
        DealInfo {
            end_period: Period(2),
            ..deal(1)
        },
    )]);
    let work = with_sector(folder.path(), &chain).await;
    for period in 1..=4 {
        chain.advance_to(SCHEDULE.round_time(Period(period)));
        settle(&work).await;
    }
    assert_eq!(chain.calls("close"), 1, "the one that is over");
    assert_eq!(state_of(&work, 1), "ended", "and it has ended here too");
    assert_eq!(state_of(&work, 2), "active", "the others go on");
}

#[tokio::test]
async fn an_unanswered_challenge_is_ended_once_its_time_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = hunter(folder.path(), &chain);
    challenge(&chain, 3, 1);
    chain.advance_to(SCHEDULE.deadline(Period(1)) + 1);
    settle(&work).await;
    assert_eq!(chain.calls("expire_challenge"), 0, "not before its time");
    chain.advance_to(CHALLENGE_DUE + 1);
    settle(&work).await;
    assert_eq!(chain.calls("expire_challenge"), 1, "then, once");
}

/// A rebuilt piece in a file, and deal 1 whose only slot names it and was freed with the commitment `comm_p`.
pub(super) fn rebuilt(
    folder: &std::path::Path,
    bytes: &[u8],
) -> (std::path::PathBuf, DealInfo, SlotKey, Commitment) {
    let path = folder.join("rebuilt");
    std::fs::write(&path, bytes).unwrap();
    let mut committer = PieceCommitter::new(bytes.len() as u64).unwrap();
    committer.update(bytes).unwrap();
    let commitment = committer.finish().unwrap();
    let slot = NewSlot {
        content_id: ContentId::of(bytes),
        b: commitment.b,
        byte_len: bytes.len() as u64,
        provider: OTHER,
    };
    let deal = DealInfo {
        slots: vec![slot],
        ..deal(1)
    };
    let key = SlotKey {
        deal: DealId(1),
        slot: SlotIndex(0),
    };
    (path, deal, key, commitment.comm_p)
}

pub(super) fn freed(comm_p: Option<Commitment>) -> Freed {
    Freed {
        failed: OTHER,
        comm_p,
        pot: 10,
    }
}

#[tokio::test]
async fn a_rebuilt_piece_with_the_slots_commitment_is_taken_as_accepted_and_its_file_goes() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = start(folder.path(), &chain);
    let (path, deal, key, comm_p) = rebuilt(folder.path(), &[7; 5_000]);
    work.take_rebuilt(key, deal, freed(Some(comm_p)), path.clone())
        .await
        .unwrap();
    assert_eq!(state_of(&work, 1), "accepted", "by right of repair");
    assert!(!path.exists(), "its bytes are in the store");
    let record = work.ledger.slot(key).unwrap();
    let piece = work.ledger.store().piece(&record.content_id).unwrap();
    assert_eq!(piece.unwrap().comm_p, comm_p, "with its commitment");
}

#[tokio::test]
async fn a_rebuilt_piece_with_another_commitment_is_given_up_unless_that_was_voided() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = start(folder.path(), &chain);
    let (path, deal, key, _) = rebuilt(folder.path(), &[7; 5_000]);
    let claimed = Some(Commitment::default());
    let refused = work
        .take_rebuilt(key, deal.clone(), freed(claimed), path.clone())
        .await;
    assert!(
        matches!(refused, Err(RepairFault::FalseCommitment)),
        "{refused:?}"
    );
    assert_eq!(state_of(&work, 1), "ended", "given up");
    std::fs::write(&path, [7; 5_000]).unwrap();
    work.take_rebuilt(key, deal, freed(None), path)
        .await
        .unwrap();
    assert_eq!(state_of(&work, 1), "accepted", "the commitment was voided");
}

#[tokio::test]
async fn a_rebuilt_piece_that_changed_on_the_disk_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = start(folder.path(), &chain);
    let (path, deal, key, comm_p) = rebuilt(folder.path(), &[7; 5_000]);
    for changed in [vec![8; 5_000], vec![7; 4_999], vec![7; 5_001]] {
        std::fs::write(&path, changed).unwrap();
        let refused = work
            .take_rebuilt(key, deal.clone(), freed(Some(comm_p)), path.clone())
            .await;
        assert!(refused.is_err(), "{refused:?}");
        assert!(work.ledger.slot(key).is_none(), "nothing is recorded");
    }
}

#[tokio::test]
async fn a_slash_raises_an_alarm_until_the_next_counted_window() {
    let folder = tempfile::tempdir().unwrap();
    let chain = FakeChain::at(1001);
    let work = with_sector(folder.path(), &chain).await;
    chain.table().emit(ChainEventKind::MissReported {
        provider: ME,
        tree: TREE,
        period: Period(0),
        reporter: OTHER,
        slashed: 5,
        bounty: 2,
    });
    settle(&work).await;
    assert!(work.metrics.is_raised(Alarm::Slashed), "raised");
    assert_eq!(work.metrics.counter(Counter::Slashes), 1, "counted");
    chain.advance_to(SCHEDULE.round_time(Period(1)));
    settle(&work).await;
    assert!(!work.metrics.is_raised(Alarm::Slashed), "cleared");
    assert_eq!(work.metrics.counter(Counter::Slashes), 1, "the count stays");
}
