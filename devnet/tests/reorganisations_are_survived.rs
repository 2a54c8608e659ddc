//! Story: the chain takes back each kind of transaction of a node just after it was mined; all of it comes again, and
//! once, no period is missed and the file comes back.
#![allow(missing_docs, clippy::expect_used, reason = "a test")]

mod support;

use std::time::Duration;

use cairn_contracts::{Chain, ChainEventKind};
use cairn_devnet::chain_view;
use cairn_devnet::network::Network;
use cairn_devnet::user::Coding;
use cairn_wire::{Address, Period, TreeIndex};
use support::{TWO_OF_FOUR, TWO_PERIODS, comes_back, file, network, providers};
use tokio::time::{Instant, sleep};

const TREE: TreeIndex = TreeIndex(0);
/// Blocks taken back each time: a second each.
const DEPTH: u64 = 3;

type Fits = fn(&ChainEventKind) -> bool;

/// Waits until the chain tells of something that fits; the newest block it is in, and the head.
async fn seen(chain: &Chain, what: &str, fits: Fits) -> (u64, u64) {
    let began = Instant::now();
    loop {
        let head = chain.head().await.expect("a block").number;
        let events = chain.events(0, head).await.expect("events");
        if let Some(event) = events.iter().rev().find(|event| fits(&event.kind)) {
            return (event.block, head);
        }
        assert!(began.elapsed() < TWO_PERIODS, "never {what}");
        sleep(Duration::from_millis(200)).await;
    }
}

/// Takes the block of something back, and those around it, but never the deal.
async fn take_back(network: &Network, opened: u64, what: &str, fits: Fits) {
    let (block, head) = seen(network.chain(), what, fits).await;
    assert!(block > opened, "{what} comes after the deal");
    let depth = DEPTH.max(head - block + 1).min(head - opened);
    network.reorganise(depth).await.expect("a reorganisation");
}

async fn nothing_is_missed(chain: &Chain, all: &[Address]) {
    let now = chain.head().await.expect("a block").timestamp;
    let last = Period(chain.schedule().period_of(now).0 - 1);
    for provider in all {
        let uptime = chain.uptime(*provider, TREE, Period(0), last).await;
        let uptime = uptime.expect("a view");
        assert_eq!(uptime.missed, 0, "no window is missed: {uptime:?}");
        let tree = chain.tree(*provider, TREE).await.expect("a view");
        assert_eq!(tree.pending_count, 1, "one sector, appended once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_chain_takes_back_of_a_nodes_work_comes_again_and_once() {
    let dir = tempfile::tempdir().expect("a folder");
    let network = network(dir.path(), 2).await;
    let all = providers(&network);
    let (path, content) = file(dir.path(), "file", 31, 100_000);
    let coding = Coding {
        k: 1,
        n: 2,
        periods: 40,
        ..TWO_OF_FOUR
    };
    let put = network.user().put_unwaited(&path, "file", coding).await;
    put.expect("put");
    let chain = network.chain();
    let deal: Fits = |kind| matches!(kind, ChainEventKind::DealOpened { .. });
    let (opened, _) = seen(chain, "a deal", deal).await;
    let taken_back: [(&str, Fits); 4] = [
        ("a sector", |kind| {
            matches!(kind, ChainEventKind::SectorAppended { .. })
        }),
        ("a deposit", |kind| {
            matches!(kind, ChainEventKind::CollateralDeposited { .. })
        }),
        ("an activation", |kind| {
            matches!(kind, ChainEventKind::SlotFilled { .. })
        }),
        ("a window proof", |kind| {
            matches!(kind, ChainEventKind::WindowProven { .. })
        }),
    ];
    for (what, fits) in taken_back {
        take_back(&network, opened, what, fits).await;
    }
    chain_view::wait_for_windows(chain, &all, 2, 2 * TWO_PERIODS)
        .await
        .expect("all is done again, and proven");
    nothing_is_missed(chain, &all).await;
    let head = chain.head().await.expect("a block").number;
    let events = chain.events(0, head).await.expect("events");
    let filled = |kind: &ChainEventKind| matches!(kind, ChainEventKind::SlotFilled { .. });
    let filled = events.iter().filter(|event| filled(&event.kind)).count();
    assert_eq!(filled, all.len(), "each slot is filled, once");
    for i in 0..all.len() {
        let node = network.node(i).expect("it runs");
        let noticed = node.metric("cairn_reorganisations_total").await;
        let noticed = noticed.expect("its page").expect("the number");
        assert!(noticed >= 1.0, "node {i} went back with the chain");
    }
    comes_back(&network, "file", &content).await;
    network.stop().await.expect("a clean end");
}
