//! The auction of a sealed slot that somebody lost: two entrants, claims, the winner's time, bonds back and bonds lost.

use cairn_contracts::{AuctionInfo, Chain, ChainEventKind};
use cairn_wire::{Address, DealId, Period, SlotIndex};

use crate::farm::slow_schedule;
use crate::sealed::filled_sealed;
use crate::stage::Stage;
use crate::world::{DEPLOYER, PROVIDER, STRANGER, WEALTH, address, repair_terms};

const SLOT: SlotIndex = SlotIndex(0);

struct Entrant {
    chain: Chain,
    me: Address,
}

impl Entrant {
    async fn register(stage: &Stage, account: usize) -> Self {
        let (chain, me) = (stage.world.chain(account).await, address(account));
        let registered = chain.register_provider("127.0.0.1:4243", [8; 32], me, 1);
        registered.await.unwrap();
        Self { chain, me }
    }

    async fn sees(&self, deal: DealId) -> AuctionInfo {
        self.chain.auction(deal, SLOT, self.me).await.unwrap()
    }

    async fn is_refundable(&self, deal: DealId, turn: u32) -> bool {
        let asked = self.chain.bond_refundable(deal, SLOT, turn, self.me);
        asked.await.unwrap()
    }

    async fn tokens(&self) -> u128 {
        self.chain.balance_of(self.me).await.unwrap()
    }
}

/// A sealed slot that its provider gave up, and two other providers, both in its auction.
async fn entered(stage: &mut Stage) -> (DealId, [Entrant; 2], Period) {
    let deal = filled_sealed(stage, 60).await;
    stage.provider.vacate(deal, SLOT).await.unwrap();
    let both = [
        Entrant::register(stage, DEPLOYER).await,
        Entrant::register(stage, STRANGER).await,
    ];
    let none = both[0].sees(deal).await;
    assert_eq!(none, AuctionInfo::default(), "nobody has entered");
    let loser = stage.provider.enter_auction(deal, SLOT).await;
    let refused = loser.unwrap_err();
    assert!(refused.is_refusal("Repairs_NotEligible"), "{refused}");
    for one in &both {
        one.chain.enter_auction(deal, SLOT).await.unwrap();
        assert_eq!(one.tokens().await, WEALTH - BOND, "bonded");
        assert!(one.sees(deal).await.entered, "in it");
    }
    let seen = both[0].sees(deal).await;
    let period = seen.period.unwrap();
    let now = both[0].chain.head().await.unwrap().timestamp;
    assert!(seen.takes_entries(&slow_schedule(), now), "still open");
    let frozen = slow_schedule().freeze_time(period);
    assert!(!seen.takes_entries(&slow_schedule(), frozen), "then not");
    assert!(!seen.is_lowest, "no rank is known yet");
    (deal, both, period)
}

const BOND: u128 = 1_000;

/// The round is out: who has the lower rank first.
async fn ranked(stage: &Stage, deal: DealId, both: [Entrant; 2], period: Period) -> [Entrant; 2] {
    stage.post(period).await;
    let [a, b] = both;
    assert!(a.sees(deal).await.is_lowest, "nobody has claimed");
    assert!(b.sees(deal).await.is_lowest, "nobody has claimed");
    a.chain.claim_auction(deal, SLOT).await.unwrap();
    match b.sees(deal).await.is_lowest {
        true => [b, a],
        false => [a, b],
    }
}

async fn pass_claims(stage: &Stage, seen: &AuctionInfo) {
    let until = seen.claims_until_unix.unwrap();
    assert!(!seen.is_decided(until), "its last second");
    stage.world.anvil.mine_at(until + 1).await.unwrap();
}

#[tokio::test]
async fn the_lowest_claim_wins_the_loser_is_refunded_and_a_winner_that_does_nothing_pays() {
    let mut stage = Stage::start().await;
    assert_eq!(repair_terms().seal_bond, BOND, "the terms");
    let (deal, both, period) = entered(&mut stage).await;
    let [low, high] = ranked(&stage, deal, both, period).await;
    let seen = low.sees(deal).await;
    if seen.best != Some(low.me) {
        low.chain.claim_auction(deal, SLOT).await.unwrap();
    }
    let late = high.chain.claim_auction(deal, SLOT).await.unwrap_err();
    assert!(late.is_refusal("Repairs_NotLowest"), "{late}");
    let seen = low.sees(deal).await;
    assert_eq!(seen.best, Some(low.me), "the lowest");
    assert!(!seen.is_winner && !seen.is_lowest, "claims still run");
    pass_claims(&stage, &seen).await;
    let seen = low.sees(deal).await;
    assert!(seen.is_winner, "its right has begun");
    assert_eq!(seen.seal_periods_left, Some(10), "and lasts");
    assert!(!high.sees(deal).await.is_winner, "and nobody else's");
    let now = low.chain.head().await.unwrap().timestamp;
    assert!(
        seen.is_decided(now) && !seen.has_failed(now),
        "it may repair"
    );

    assert!(high.is_refundable(deal, 0).await, "the loser's");
    assert!(!low.is_refundable(deal, 0).await, "not the winner's");
    let refund = high.chain.refund_bond(deal, SLOT, 0, high.me);
    refund.await.unwrap();
    assert_eq!(
        high.chain.repair_credit(high.me).await.unwrap(),
        BOND,
        "credited"
    );
    assert_eq!(
        high.chain.owed_to(high.me).await.unwrap().bonds,
        BOND,
        "owed"
    );
    high.chain.withdraw_owed(high.me).await.unwrap();
    assert_eq!(high.tokens().await, WEALTH, "back");

    let early = high.chain.expire_auction(deal, SLOT).await.unwrap_err();
    assert!(early.is_refusal("Repairs_TooEarly"), "{early}");
    for later in 1..=10 {
        stage.post(Period(period.0 + later)).await;
    }
    let over = slow_schedule().deadline(Period(period.0 + 10)) + 1;
    stage.world.anvil.mine_at(over - 1).await.unwrap();
    let seen = low.sees(deal).await;
    assert_eq!(seen.seal_periods_left, Some(1), "the tenth is not closed");
    assert!(seen.is_winner, "its last second");
    stage.world.anvil.mine_at(over).await.unwrap();
    let seen = low.sees(deal).await;
    assert_eq!(seen.seal_periods_left, Some(0), "over");
    assert!(seen.has_failed(over) && !seen.is_winner, "too late");
    high.chain.expire_auction(deal, SLOT).await.unwrap();
    let next = low.sees(deal).await;
    assert_eq!((next.turn, next.period), (1, None), "the next turn");
    assert!(!low.is_refundable(deal, 0).await, "lost");
    assert_eq!(low.tokens().await, WEALTH - BOND, "for good");

    let head = low.chain.head().await.unwrap().number;
    let told: Vec<ChainEventKind> = low
        .chain
        .events(0, head)
        .await
        .unwrap()
        .into_iter()
        .map(|event| event.kind)
        .filter(|kind| {
            matches!(
                kind,
                ChainEventKind::AuctionEntered { .. }
                    | ChainEventKind::AuctionEnded { .. }
                    | ChainEventKind::BondRefunded { .. }
            )
        })
        .collect();
    let entered = |provider| ChainEventKind::AuctionEntered {
        deal,
        slot: SLOT,
        provider,
        turn: 0,
        bond: BOND,
    };
    let expected = [
        entered(address(DEPLOYER)),
        entered(address(STRANGER)),
        ChainEventKind::BondRefunded {
            deal,
            slot: SLOT,
            provider: high.me,
            turn: 0,
            bond: BOND,
        },
        ChainEventKind::AuctionEnded {
            deal,
            slot: SLOT,
            turn: 0,
            best: Some(low.me),
            lost: BOND,
        },
    ];
    assert_eq!(told, expected, "in order");
}

#[tokio::test]
async fn an_auction_without_a_claim_costs_all_its_bonds_and_a_bond_is_paid_from_credit_first() {
    let mut stage = Stage::start().await;
    let (deal, both, period) = entered(&mut stage).await;
    stage.post(period).await;
    let seen = both[0].sees(deal).await;
    pass_claims(&stage, &seen).await;
    let seen = both[0].sees(deal).await;
    let now = both[0].chain.head().await.unwrap().timestamp;
    assert!(seen.has_failed(now), "nobody claimed");
    both[1].chain.expire_auction(deal, SLOT).await.unwrap();
    for one in &both {
        assert!(!one.is_refundable(deal, 0).await, "each could have claimed");
    }

    // The next auction: one claims alone, the other's bond becomes credit and pays for the auction of the other slot.
    for one in &both {
        one.chain.enter_auction(deal, SLOT).await.unwrap();
    }
    let period = both[0].sees(deal).await.period.unwrap();
    let [low, high] = ranked(&stage, deal, both, period).await;
    if low.sees(deal).await.best != Some(low.me) {
        low.chain.claim_auction(deal, SLOT).await.unwrap();
    }
    pass_claims(&stage, &low.sees(deal).await).await;
    let refund = high.chain.refund_bond(deal, SLOT, 1, high.me);
    refund.await.unwrap();
    let before = high.tokens().await;
    let other = SlotIndex(1);
    stage.provider.vacate(deal, other).await.unwrap();
    high.chain.enter_auction(deal, other).await.unwrap();
    assert_eq!(high.tokens().await, before, "no token moved");
    assert_eq!(
        high.chain.repair_credit(high.me).await.unwrap(),
        0,
        "the credit did"
    );
    let who = high.chain.auction(deal, other, address(PROVIDER)).await;
    assert!(!who.unwrap().entered, "the provider is not in it");
}
