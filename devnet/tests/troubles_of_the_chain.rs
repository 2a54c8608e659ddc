//! Story: gas becomes dear while proofs are due, the beacon falls silent, the chain stands still: nobody is slashed, only
//! proven periods are paid, the work goes on; then what an operator does by hand.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test"
)]

mod support;

use std::time::Duration;

use cairn_contracts::{Chain, SlotStatus, Uptime};
use cairn_devnet::chain_view;
use cairn_devnet::network::Network;
use cairn_devnet::user::Coding;
use cairn_wire::{Address, DealId, Period, SlotIndex, TreeIndex};
use support::{TWO_OF_FOUR, TWO_PERIODS, comes_back, file, network, now, providers, until};
use tokio::time::sleep;

const TREE: TreeIndex = TreeIndex(0);
const GWEI: u64 = 1_000_000_000;

async fn uptimes(chain: &Chain, all: &[Address], from: Period, to: Period) -> Vec<Uptime> {
    let mut uptimes = Vec::new();
    for provider in all {
        let uptime = chain.uptime(*provider, TREE, from, to).await;
        uptimes.push(uptime.expect("a view"));
    }
    uptimes
}

async fn staked(chain: &Chain, all: &[Address]) -> Vec<u128> {
    let mut totals = Vec::new();
    for provider in all {
        let account = chain.collateral_of(*provider).await;
        totals.push(account.expect("collateral").total);
    }
    totals
}

/// Gas becomes three times as dear with each block while proofs are due.
async fn dear_gas(network: &Network, all: &[Address]) {
    let chain = network.chain();
    let schedule = *chain.schedule();
    let period = schedule.period_of(now(chain).await).next();
    until(chain, schedule.round_time(period)).await;
    let mut fee = GWEI;
    for _ in 0..8 {
        fee *= 3;
        network.set_base_fee(fee).await.expect("dearer");
        let block = chain.head().await.expect("a block").number;
        while chain.head().await.expect("a block").number == block {
            sleep(Duration::from_millis(100)).await;
        }
    }
    until(chain, schedule.deadline(period)).await;
    for uptime in uptimes(chain, all, period, period).await {
        assert_eq!(
            (uptime.proven, uptime.missed),
            (1, 0),
            "proven at any price: {uptime:?}"
        );
    }
    network.set_base_fee(GWEI).await.expect("cheap again");
}

/// The beacon is silent for two periods, then the chain stands still for more than one.
async fn silence(network: &mut Network, all: &[Address]) {
    let schedule = *network.chain().schedule();
    let before = staked(network.chain(), all).await;
    let first = schedule.period_of(now(network.chain()).await).next();
    until(network.chain(), schedule.deadline(Period(first.0 - 1))).await;
    network.beacon().expect("it runs").hold(true);
    until(network.chain(), schedule.deadline(first.next())).await;
    network.stop_chain().await;
    sleep(Duration::from_secs(30)).await;
    network.restart_chain().await.expect("the chain is back");
    network.beacon().expect("it runs").hold(false);
    let chain = network.chain();
    // The chain's clock stands where it was saved until the first blocks are there.
    let saved = now(chain).await;
    until(chain, saved + 30).await;
    let again = schedule.period_of(now(chain).await).next();
    until(chain, schedule.deadline(again)).await;
    for uptime in uptimes(chain, all, first, first.next()).await {
        assert_eq!(
            (uptime.proven, uptime.missed, uptime.void),
            (0, 0, 2),
            "no round, no pay, no miss: {uptime:?}"
        );
    }
    for uptime in uptimes(chain, all, again, again).await {
        assert_eq!(uptime.proven, 1, "the work goes on: {uptime:?}");
    }
    assert_eq!(staked(chain, all).await, before, "nobody was slashed");
}

/// What was paid is what was proven, and no more.
async fn pay(network: &Network, deal: DealId, price: u128) {
    let chain = network.chain();
    let info = chain.deal(deal).await.expect("a view").expect("a deal");
    for number in 0..info.n {
        let slot = SlotIndex(u8::try_from(number).expect("few slots"));
        chain.settle(deal, slot).await.expect("settled");
        let state = chain.slot(deal, slot).await.expect("a slot");
        let (provider, from) = match state.status {
            SlotStatus::Filled {
                provider,
                first_period,
                ..
            } => Some((provider, first_period.max(info.start_period))),
            _ => None,
        }
        .expect("it is filled");
        let uptime = chain.uptime(provider, TREE, from, info.end_period).await;
        let uptime = uptime.expect("a view");
        assert!(uptime.void >= 2 && uptime.proven >= 3, "{uptime:?}");
        let (paid, proven) = (state.paid, price * u128::from(uptime.proven));
        assert!(
            paid <= proven && paid + price >= proven,
            "paid {paid} for {} proven periods of {price}",
            uptime.proven
        );
    }
}

/// What an operator does by hand is told before it is done.
async fn by_hand(network: &Network, all: &[Address], deal: DealId) {
    let chain = network.chain();
    let told = network.operator(0, &["declare-fault", "--periods", "2"]);
    let told = told.await.expect("told");
    assert!(
        told.contains("are burned") && told.contains("--yes"),
        "{told}"
    );
    let before = staked(chain, all).await;
    let done = network.operator(0, &["declare-fault", "--periods", "2", "--yes"]);
    done.await.expect("declared");
    let after = staked(chain, all).await;
    assert!(after[0] < before[0] && after[1] == before[1], "it cost");
    let done = network.operator(1, &["announce-maintenance", "--periods", "1", "--yes"]);
    done.await.expect("announced");
    let told = network.operator(0, &["unstake", "--tokens", "1"]);
    let told = told.await.expect("asked back");
    assert!(told.contains("Unix time"), "{told}");
    let told = network.operator(0, &["withdraw"]).await.expect("taken out");
    assert!(told.contains("taken out"), "{told}");
    let credit = chain.credit_of(all[0]).await.expect("a view");
    assert_eq!(credit, 0, "its pay is in its account: {told}");
    let number = deal.to_string();
    let early = network.operator(0, &["end-lost", "--deal", &number]).await;
    let refused = early.expect_err("the deal is not lost").to_string();
    assert!(refused.contains("Deals_NotLost"), "{refused}");
    let look = ["dispute", "--deal", &number, "--slot", "1"];
    let honest = network.operator(0, &look).await.expect("looked at");
    assert!(honest.contains("nothing to dispute"), "{honest}");
    let left = network.operator(1, &["vacate", "--all", "--yes"]);
    let left = left.await.expect("given up");
    assert!(left.contains("given up"), "{left}");
    let holders = chain.holders().await.expect("events");
    assert!(!holders.values().any(|holder| *holder == all[1]), "no slot");
}

#[tokio::test(flavor = "multi_thread")]
async fn dear_gas_a_silent_beacon_and_a_chain_that_stands_still_cost_nobody_anything_but_pay() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut network = network(dir.path(), 2).await;
    let all = providers(&network);
    let (path, content) = file(dir.path(), "file", 31, 100_000);
    let coding = Coding {
        k: 1,
        n: 2,
        periods: 80,
        ..TWO_OF_FOUR
    };
    let put = network.user().put(&path, "file", coding).await;
    put.expect("put");
    chain_view::wait_for_windows(network.chain(), &all, 1, TWO_PERIODS)
        .await
        .expect("both prove");
    let deals = chain_view::deals_since(network.chain(), 0).await;
    let deal = deals.expect("events").deals[0];

    dear_gas(&network, &all).await;
    silence(&mut network, &all).await;
    pay(&network, deal, coding.price).await;
    comes_back(&network, "file", &content).await;
    by_hand(&network, &all, deal).await;
    network.stop().await.expect("a clean end");
}
