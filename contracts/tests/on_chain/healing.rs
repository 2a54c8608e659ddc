//! Collateral, slashes, ended trees, freed slots, the right to repair them, challenges, and deals that change their end.

use cairn_contracts::{ChainEventKind, ChallengeStatus, CollateralTerms, SlotStatus};
use cairn_wire::{DealId, Period, SlotIndex};

use crate::farm::slow_schedule;
use crate::stage::{PRICE, Stage, TREE, activations, contents, deal_of};
use crate::world::{OWNER, PROVIDER, STRANGER, WEALTH, address};

/// Two misses end a tree; a slot locks 8 + 4 times its price.
pub(crate) const TERMS: CollateralTerms = CollateralTerms {
    fault_periods: 8,
    repair_periods: 4,
    misses_to_end: 2,
    bounty_basis_points: 5_000,
    withdraw_delay_s: 86_400,
    maintenance_periods: 2,
    maintenance_every: 20,
    least_fault: 2,
    most_fault: 6,
};
const SLOT: SlotIndex = SlotIndex(0);

/// Both pieces of a deal of `periods` in a sector of the provider, filled by one activation.
pub(crate) async fn filled(stage: &mut Stage, periods: u32) -> DealId {
    let contents = contents();
    let opened = stage.owner.open_deals(&[deal_of(&contents, periods)]).await;
    let deal = opened.unwrap().0[0];
    let number = stage.append(&contents).await;
    let activations = activations(stage, deal, 0, &contents);
    let proof = stage.farm.include(0, &[0, 1]);
    if stage.world.deployment.collateral_terms != CollateralTerms::default() {
        let refused = stage.provider.activate(number, &activations, &proof).await;
        assert!(
            refused.unwrap_err().is_refusal("Collateral_TooLow"),
            "nothing is staked yet"
        );
        let (fault, repair) = TERMS.parts_of(2 * PRICE);
        let tokens = fault + repair + 7;
        let paid = stage.provider.deposit_collateral(address(PROVIDER), tokens);
        paid.await.unwrap();
    }
    stage
        .provider
        .activate(number, &activations, &proof)
        .await
        .unwrap();
    deal
}

async fn miss(stage: &Stage, period: Period) {
    stage.post(period).await;
    let over = slow_schedule().deadline(period) + 1;
    stage.world.anvil.mine_at(over).await.unwrap();
}

#[tokio::test]
async fn misses_are_reported_the_tree_ends_its_slots_are_freed_and_a_stranger_gets_the_right() {
    let mut stage = Stage::staking(TERMS).await;
    let deal = filled(&mut stage, 10).await;
    let stranger = stage.world.chain(STRANGER).await;
    let account = stranger.collateral_of(address(PROVIDER)).await.unwrap();
    let parts = TERMS.parts_of(2 * PRICE);
    assert_eq!(
        (account.fault_locked, account.repair_locked),
        parts,
        "two slots"
    );
    assert_eq!(account.free, 7, "what is more than that");

    let first = stage.owner.deal(deal).await.unwrap().unwrap().start_period;
    miss(&stage, first).await;
    let pay = stranger.pay_at(address(PROVIDER), TREE, first).await;
    assert_eq!(pay.unwrap(), 2 * PRICE, "of two slots");
    let report = stranger.report_miss(address(PROVIDER), TREE, first);
    report.await.unwrap();
    let slash = 5 * 2 * PRICE;
    let bounty = stranger.bounty_of(address(STRANGER)).await.unwrap();
    assert_eq!(bounty, slash / 2, "half of the slash");
    let again = stranger.report_miss(address(PROVIDER), TREE, first).await;
    assert!(
        again.unwrap_err().is_refusal("Collateral_AlreadyReported"),
        "once"
    );
    let early = stranger.terminate(address(PROVIDER), TREE).await;
    assert!(
        early.unwrap_err().is_refusal("Collateral_TooFewMisses"),
        "one is too few"
    );
    miss(&stage, first.next()).await;
    let row = stranger.misses_in_a_row(address(PROVIDER), TREE).await;
    assert_eq!(row.unwrap(), 2, "in a row");
    let none = stranger.terminated_at(address(PROVIDER), TREE).await;
    assert_eq!(none.unwrap(), None, "not yet");
    stranger.terminate(address(PROVIDER), TREE).await.unwrap();
    let ended = stranger.terminated_at(address(PROVIDER), TREE).await;
    assert_eq!(ended.unwrap(), Some(first.next()), "the last that counts");
    stranger.free(deal, SLOT).await.unwrap();
    let slot = stranger.slot(deal, SLOT).await.unwrap();
    assert_eq!(slot.status, SlotStatus::Freed, "freed");
    assert!(slot.freed_at_unix > 0, "and when");
    let info = stranger.deal(deal).await.unwrap().unwrap();
    assert_eq!((info.filled, info.live), (2, 1), "one is left");

    let salt = [9; 32];
    let hash = stranger.repair_hash(deal, SLOT, address(STRANGER), &salt);
    let hash = hash.await.unwrap();
    let unknown = stranger.repair_committed_at(&hash).await.unwrap();
    assert_eq!(unknown, None, "not committed");
    stranger.commit_repair(&hash).await.unwrap();
    let since = stranger.repair_committed_at(&hash).await.unwrap().unwrap();
    let young = stranger.reveal_repair(deal, SLOT, &salt).await;
    assert!(
        young.unwrap_err().is_refusal("Repairs_CommitTooYoung"),
        "too young"
    );
    stage.world.anvil.mine_at(since + 20).await.unwrap();
    stranger.reveal_repair(deal, SLOT, &salt).await.unwrap();
    let right = stranger.right_until(deal, SLOT, address(STRANGER)).await;
    assert!(right.unwrap() > Some(since), "the right");
    let others = stranger.right_until(deal, SLOT, address(OWNER)).await;
    assert_eq!(others.unwrap(), None, "and nobody else's");

    let before = stranger.balance_of(address(STRANGER)).await.unwrap();
    stranger.withdraw_bounty(address(STRANGER)).await.unwrap();
    let after = stranger.balance_of(address(STRANGER)).await.unwrap();
    assert_eq!(after - before, slash / 2, "tokens move");
    let head = stranger.head().await.unwrap().number;
    let events = stranger.events(0, head).await.unwrap();
    let told: Vec<String> = events
        .into_iter()
        .filter_map(|event| match event.kind {
            ChainEventKind::CollateralDeposited { amount, .. } => Some(format!("in {amount}")),
            ChainEventKind::MissReported {
                period,
                slashed,
                bounty,
                ..
            } => Some(format!("miss {} {slashed} {bounty}", period.0 - first.0)),
            ChainEventKind::TreeTerminated { .. } => Some("ended".to_owned()),
            ChainEventKind::SlotFreed {
                provider, comm_p, ..
            } => {
                assert!(provider == address(PROVIDER) && comm_p.is_some(), "whose");
                Some("freed".to_owned())
            }
            ChainEventKind::RepairFunded { amount, .. } => Some(format!("pot {amount}")),
            _ => None,
        })
        .collect();
    let expected = [
        format!("in {}", parts.0 + parts.1 + 7),
        format!("miss 0 {slash} {}", slash / 2),
        "ended".to_owned(),
        "freed".to_owned(),
        format!("pot {}", 4 * PRICE),
    ];
    assert_eq!(told, expected, "in order");
}

#[tokio::test]
async fn collateral_is_asked_back_and_leaves_after_the_delay() {
    let stage = Stage::staking(TERMS).await;
    let me = address(PROVIDER);
    stage.provider.deposit_collateral(me, 500).await.unwrap();
    let much = stage.provider.request_collateral(501).await;
    assert!(
        much.unwrap_err().is_refusal("Collateral_TooLow"),
        "too much"
    );
    stage.provider.request_collateral(200).await.unwrap();
    let account = stage.provider.collateral_of(me).await.unwrap();
    assert_eq!(
        (account.withdrawing, account.free),
        (200, 300),
        "asked back"
    );
    let early = stage.provider.withdraw_collateral(me).await;
    assert!(
        early.unwrap_err().is_refusal("Collateral_TooEarly"),
        "delay"
    );
    let from = account.withdrawable_at_unix;
    stage.world.anvil.mine_at(from).await.unwrap();
    stage.provider.withdraw_collateral(me).await.unwrap();
    let balance = stage.provider.balance_of(me).await.unwrap();
    assert_eq!(balance, WEALTH - 300, "the rest stays");
}

#[tokio::test]
async fn a_tree_is_excused_for_maintenance_and_for_a_fault_that_is_paid_for() {
    let mut stage = Stage::staking(TERMS).await;
    let deal = filled(&mut stage, 20).await;
    let first = stage.owner.deal(deal).await.unwrap().unwrap().start_period;
    let soon = stage.provider.announce_maintenance(TREE, first, 1).await;
    assert!(
        soon.unwrap_err().is_refusal("Collateral_WindowRefused"),
        "not ahead"
    );
    let short = stage.provider.declare_fault(TREE, 1).await;
    assert!(
        short.unwrap_err().is_refusal("Collateral_WindowRefused"),
        "too short"
    );
    let before = stage
        .provider
        .collateral_of(address(PROVIDER))
        .await
        .unwrap();
    stage.provider.declare_fault(TREE, 2).await.unwrap();
    let after = stage
        .provider
        .collateral_of(address(PROVIDER))
        .await
        .unwrap();
    assert_eq!(before.total - after.total, 3 * 2 * 2 * PRICE, "three times");
    miss(&stage, first).await;
    let report = stage
        .owner
        .report_miss(address(PROVIDER), TREE, first)
        .await;
    assert!(
        report.unwrap_err().is_refusal("Collateral_NotMissed"),
        "excused"
    );
}

#[tokio::test]
async fn a_deal_is_extended_and_ended_early_for_exactly_its_price() {
    let mut stage = Stage::start().await;
    let deal = filled(&mut stage, 4).await;
    let start = stage.owner.deal(deal).await.unwrap().unwrap();
    stage.owner.extend(deal, 6).await.unwrap();
    let longer = stage.owner.deal(deal).await.unwrap().unwrap();
    assert_eq!(longer.end_period.0, start.end_period.0 + 6, "six more");
    let paid = stage.owner.balance_of(address(OWNER)).await.unwrap();
    assert_eq!(paid, WEALTH - 2 * PRICE * 10, "two slots, ten periods");
    let strangers = stage.world.chain(STRANGER).await.end_early(deal).await;
    assert!(
        strangers.unwrap_err().is_refusal("Deals_NotOwner"),
        "owner's"
    );
    let lost = stage.owner.end_lost(deal).await;
    assert!(lost.unwrap_err().is_refusal("Deals_NotLost"), "enough left");
    stage.owner.end_early(deal).await.unwrap();
    let cut = stage.owner.deal(deal).await.unwrap().unwrap();
    let credit = stage.owner.credit_of(address(OWNER)).await.unwrap();
    let gone = u128::from(longer.end_period.0 - cut.end_period.0);
    assert!(gone > 0, "earlier");
    assert_eq!(credit, 2 * PRICE * gone, "what lies behind comes back");
    let head = stage.owner.head().await.unwrap().number;
    let events = stage.owner.events(0, head).await.unwrap();
    let told = events.iter().any(|event| {
        matches!(event.kind, ChainEventKind::DealCut { lost: false, refund, .. } if refund == credit)
    });
    assert!(told, "the event says so");
}

#[tokio::test]
async fn a_challenged_slot_is_shown_as_such_and_its_provider_cannot_leave_it() {
    let mut stage = Stage::start().await;
    let deal = filled(&mut stage, 10).await;
    let stranger = stage.world.chain(STRANGER).await;
    let bond = stranger.next_bond(address(PROVIDER)).await.unwrap();
    let cheap = stranger.challenge(deal, SLOT, bond - 1).await;
    assert!(
        cheap.unwrap_err().is_refusal("Challenges_BondTooHigh"),
        "dearer than that"
    );
    let (id, _) = stranger.challenge(deal, SLOT, bond).await.unwrap();
    assert_eq!(stranger.last_challenge().await.unwrap(), id, "the newest");
    let open = stranger.open_challenges(address(PROVIDER)).await.unwrap();
    assert_eq!(open, 1, "one is open");
    let info = stranger.challenge_info(id).await.unwrap().unwrap();
    let SlotStatus::Filled {
        sector,
        offset_leaves,
        ..
    } = stranger.slot(deal, SLOT).await.unwrap().status
    else {
        panic!("filled");
    };
    assert_eq!(
        (info.challenger, info.provider, info.deal, info.slot),
        (address(STRANGER), address(PROVIDER), deal, SLOT),
        "who and what"
    );
    assert_eq!(
        (info.sector, info.offset_leaves, info.status),
        (sector, offset_leaves, ChallengeStatus::Open),
        "where"
    );
    assert!(stranger.slot(deal, SLOT).await.unwrap().challenged, "shown");
    let leaving = stage.provider.vacate(deal, SLOT).await;
    assert!(leaving.unwrap_err().is_refusal("Deals_Challenged"), "stays");
    assert_eq!(stranger.challenge_seed(id).await.unwrap(), None, "no round");
    stage.post(info.seed_period).await;
    let due = stranger.challenge_due(id).await.unwrap().unwrap();
    assert!(stranger.challenge_seed(id).await.unwrap().is_some(), "seed");
    stage.world.anvil.mine_at(due + 1).await.unwrap();
    stranger.expire_challenge(id).await.unwrap();
    let info = stranger.challenge_info(id).await.unwrap().unwrap();
    assert_eq!(info.status, ChallengeStatus::Failed, "unanswered");
    stranger.withdraw_bonds(address(STRANGER)).await.unwrap();
    let balance = stranger.balance_of(address(STRANGER)).await.unwrap();
    assert_eq!(balance, WEALTH, "the bond is back");
    assert_eq!(
        stranger.challenge_info(id + 1).await.unwrap(),
        None,
        "no more"
    );
    assert_eq!(
        stranger.odds_of(500_000, 1).await.unwrap(),
        750_000_000,
        "1-0.5^2"
    );
    stage.provider.vacate(deal, SlotIndex(1)).await.unwrap();
    let slot = stranger.slot(deal, SlotIndex(1)).await.unwrap();
    assert_eq!(slot.status, SlotStatus::Freed, "given up");
}
