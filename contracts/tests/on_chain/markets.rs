//! Deals that nobody fills: opening, cancelling, running out, and getting the money back.

use cairn_contracts::settlement::least_price;
use cairn_contracts::{ChainEventKind, SlotStatus};
use cairn_wire::{DealId, Period, SlotIndex};

use crate::world::{GENESIS, OWNER, PROVIDER, WEALTH, World, address, new_deal, schedule};

#[tokio::test]
async fn many_deals_are_opened_by_one_permit_and_read_back() {
    let world = World::start().await;
    world.provider().await;
    let owner = world.chain(OWNER).await;
    let deals = [new_deal(128), new_deal(1_000)];
    let (ids, receipt) = owner.open_deals(&deals).await.unwrap();
    assert_eq!(ids, [DealId(1), DealId(2)], "numbered from 1");
    let escrow: u128 = deals.iter().map(|deal| deal.escrow().unwrap()).sum();
    assert_eq!(
        owner.balance_of(address(OWNER)).await.unwrap(),
        WEALTH - escrow,
        "the escrow is taken"
    );
    assert_eq!(
        owner.balance_of(world.deployment.deals).await.unwrap(),
        escrow,
        "and held"
    );

    // A reader knows the slots from the event only.
    let reader = world.reader().await;
    for (id, opened) in ids.iter().zip(&deals) {
        let deal = reader.deal(*id).await.unwrap().unwrap();
        assert_eq!(
            (deal.owner, &deal.slots),
            (address(OWNER), &opened.slots),
            "deal {id}"
        );
        assert_eq!(
            (deal.k, deal.n, deal.code_id),
            (opened.k, 2, opened.code_id),
            "deal {id}"
        );
        assert_eq!(
            (deal.strip_bytes, deal.segment_bytes),
            (opened.strip_bytes, opened.segment_bytes),
            "deal {id}"
        );
        assert_eq!(Some(deal.escrow_left), opened.escrow(), "deal {id}");
        let start = schedule().open_period(
            reader
                .block(receipt.block)
                .await
                .unwrap()
                .unwrap()
                .timestamp,
        );
        assert_eq!(
            (deal.start_period, deal.end_period),
            (start, Period(start.0 + 1)),
            "deal {id}"
        );
        assert_eq!(
            (deal.activate_by, deal.filled, deal.cancelled),
            (start, 0, false),
            "deal {id}"
        );
        let slot = reader.slot(*id, SlotIndex(1)).await.unwrap();
        assert_eq!(
            (slot.status, slot.paid, slot.paid_periods),
            (SlotStatus::Empty, 0, 0),
            "deal {id}"
        );
    }
    assert_eq!(reader.deal(DealId(3)).await.unwrap(), None, "no more");
    assert!(
        reader
            .slot(DealId(1), SlotIndex(2))
            .await
            .unwrap_err()
            .is_refusal("Deals_NoSuchSlot"),
        "two slots"
    );
}

#[tokio::test]
async fn deals_opened_at_the_same_time_by_one_account_all_get_their_permit() {
    let world = World::start().await;
    world.provider().await;
    let owner = world.chain(OWNER).await;
    let tasks: Vec<_> = (0..6)
        .map(|extra| {
            let owner = owner.clone();
            tokio::spawn(async move { owner.open_deals(&[new_deal(128 + extra)]).await.unwrap().0 })
        })
        .collect();
    let mut ids = Vec::new();
    for task in tasks {
        ids.extend(task.await.unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, (1..=6).map(DealId).collect::<Vec<_>>(), "six deals");
}

#[tokio::test]
async fn terms_the_contract_cannot_take_are_refused_by_name() {
    let world = World::start().await;
    world.provider().await;
    let owner = world.chain(OWNER).await;
    let refused = |deal| {
        let owner = owner.clone();
        async move { owner.open_deals(&[deal]).await.unwrap_err() }
    };
    let ask = least_price(1 << 40, 2).unwrap();
    let cheap = refused(new_deal(ask - 1)).await;
    assert!(cheap.is_refusal("Deals_PriceBelowAsk"), "{cheap}");
    assert_eq!(
        cheap.refusal().unwrap().argument("ask"),
        Some(ask.to_string().as_str()),
        "the twin's price"
    );
    let mut deal = new_deal(ask);
    deal.k = 3;
    assert!(
        refused(deal).await.is_refusal("Deals_TermsRefused"),
        "more needed than there are"
    );
    let mut deal = new_deal(ask);
    deal.slots[1].b = 3;
    assert!(
        refused(deal).await.is_refusal("Deals_PieceRefused"),
        "b does not fit the length"
    );
    let mut deal = new_deal(ask);
    deal.slots[0].provider = address(OWNER);
    assert!(
        refused(deal).await.is_refusal("Providers_NotRegistered"),
        "nobody's slot"
    );
    let rich = refused(new_deal(WEALTH)).await;
    assert!(rich.is_refusal("ERC20InsufficientBalance"), "{rich}");
    assert!(
        refused(new_deal(u128::MAX))
            .await
            .to_string()
            .contains("2^128"),
        "not even sent"
    );
    assert!(
        owner
            .open_deals(&[])
            .await
            .unwrap_err()
            .to_string()
            .contains("none to open"),
        "nothing to do"
    );
}

#[tokio::test]
async fn a_deal_nobody_filled_is_cancelled_and_its_escrow_withdrawn() {
    let world = World::start().await;
    let provider = world.provider().await;
    let owner = world.chain(OWNER).await;
    let (ids, _) = owner.open_deals(&[new_deal(128)]).await.unwrap();
    assert!(
        provider
            .cancel(ids[0])
            .await
            .unwrap_err()
            .is_refusal("Deals_NotOwner"),
        "not the provider's to cancel"
    );
    owner.cancel(ids[0]).await.unwrap();
    assert!(
        owner
            .cancel(ids[0])
            .await
            .unwrap_err()
            .is_refusal("Deals_Cancelled"),
        "once"
    );
    assert_eq!(
        owner.credit_of(address(OWNER)).await.unwrap(),
        512,
        "2 slots x 128 x 2 periods"
    );
    owner.withdraw().await.unwrap();
    assert_eq!(
        owner.balance_of(address(OWNER)).await.unwrap(),
        WEALTH,
        "all of it"
    );
    assert!(
        owner
            .withdraw()
            .await
            .unwrap_err()
            .is_refusal("Deals_NothingToWithdraw"),
        "nothing is left"
    );
}

#[tokio::test]
async fn slots_nobody_filled_in_time_are_closed_by_anybody_and_refunded() {
    let world = World::start().await;
    let provider = world.provider().await;
    let owner = world.chain(OWNER).await;
    let (ids, receipt) = owner.open_deals(&[new_deal(128)]).await.unwrap();
    let deal = owner.deal(ids[0]).await.unwrap().unwrap();
    assert!(
        provider
            .close(ids[0], SlotIndex(0))
            .await
            .unwrap_err()
            .is_refusal("Deals_TooEarly"),
        "it may be filled"
    );
    assert!(
        provider
            .settle(ids[0], SlotIndex(0))
            .await
            .unwrap_err()
            .is_refusal("Deals_SlotNotFilled"),
        "no pay"
    );
    world
        .anvil
        .mine_at(schedule().freeze_time(deal.activate_by))
        .await
        .unwrap();
    provider.close(ids[0], SlotIndex(0)).await.unwrap();
    provider.close(ids[0], SlotIndex(1)).await.unwrap();
    assert_eq!(
        owner.slot(ids[0], SlotIndex(0)).await.unwrap().status,
        SlotStatus::Closed,
        "for good"
    );
    assert_eq!(
        owner.credit_of(address(OWNER)).await.unwrap(),
        512,
        "nothing was earned"
    );
    assert_eq!(
        owner.deal(ids[0]).await.unwrap().unwrap().escrow_left,
        0,
        "the deal holds nothing"
    );

    let events = owner
        .events(receipt.block, owner.head().await.unwrap().number)
        .await
        .unwrap();
    let closed: Vec<_> = events
        .iter()
        .filter_map(|event| match event.kind {
            ChainEventKind::SlotClosed { deal, slot, refund } => Some((deal, slot, refund)),
            _ => None,
        })
        .collect();
    assert_eq!(
        closed,
        [(ids[0], SlotIndex(0), 256), (ids[0], SlotIndex(1), 256)],
        "told in order"
    );
}

#[tokio::test]
async fn events_carry_what_happened_and_where() {
    let world = World::start().await;
    world.provider().await;
    let owner = world.chain(OWNER).await;
    let (ids, opened) = owner.open_deals(&[new_deal(128)]).await.unwrap();
    owner.cancel(ids[0]).await.unwrap();
    owner.withdraw().await.unwrap();
    let head = owner.head().await.unwrap();
    let events = owner
        .events(world.deployment.start_block, head.number)
        .await
        .unwrap();
    let names: Vec<_> = events
        .iter()
        .map(|event| format!("{:?}", event.kind))
        .collect();
    let starts = [
        "ProviderRegistered",
        "DealOpened",
        "DealCancelled",
        "Withdrawn",
    ];
    assert_eq!(names.len(), starts.len(), "{names:?}");
    for (name, start) in names.iter().zip(starts) {
        assert!(name.starts_with(start), "{name} should be {start}");
    }
    let event = &events[1];
    assert_eq!(
        (event.block, event.block_hash, event.tx),
        (opened.block, opened.block_hash, opened.tx),
        "its place"
    );
    let ChainEventKind::DealOpened {
        deal,
        owner: who,
        terms,
        slots,
    } = &event.kind
    else {
        panic!("{event:?}")
    };
    assert_eq!(
        (*deal, *who, slots),
        (ids[0], address(OWNER), &new_deal(128).slots),
        "the deal in full"
    );
    assert_eq!((terms.k, terms.n, terms.escrow), (1, 2, 512), "its terms");
    assert_eq!(
        terms.start_period,
        schedule().open_period(GENESIS + 1),
        "its first period"
    );
    let ChainEventKind::ProviderRegistered { provider, .. } = &events[0].kind else {
        panic!("{events:?}")
    };
    assert_eq!(*provider, address(PROVIDER), "the provider");
}
