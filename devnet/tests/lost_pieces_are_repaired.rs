//! Story: nodes are gone for good; others show their misses, end their trees, free their slots, make the pieces again and
//! are paid out of the lost collateral, while the client sleeps.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test"
)]

mod support;

use std::collections::BTreeSet;
use std::time::Duration;

use cairn_devnet::chain_view;
use cairn_devnet::plan::Plan;
use cairn_devnet::user::Coding;
use cairn_prover::params::SMALL;
use cairn_wire::{Address, TreeIndex};
use support::{TWO_OF_FOUR, TWO_PERIODS, comes_back, file, key_dir, planned, providers};

/// Three periods of misses, the deadline of the third, and a repair, on a loaded machine.
const A_REPAIR: Duration = Duration::from_secs(420);

#[tokio::test(flavor = "multi_thread")]
async fn pieces_of_nodes_that_are_gone_are_made_again_and_the_file_comes_back_without_them() {
    let dir = tempfile::tempdir().expect("a folder");
    let plan = Plan {
        repair: true,
        ..Plan::new(&SMALL, 6, &key_dir())
    };
    let mut network = planned(dir.path(), plan).await;
    let all = providers(&network);
    let (path, content) = file(dir.path(), "file", 7, 400_000);
    let coding = Coding {
        periods: 80,
        ..TWO_OF_FOUR
    };
    network
        .user()
        .put(&path, "file", coding)
        .await
        .expect("put");
    let holders = network.chain().holders().await.expect("events");
    let first: Vec<Address> = holders.values().copied().collect();
    assert_eq!(first.len(), 4, "one deal, four slots: {holders:?}");
    let node_of = |provider: Address| {
        let place = all.iter().position(|account| *account == provider);
        place.expect("a provider of this network")
    };
    chain_view::wait_for_windows(network.chain(), &first, 1, TWO_PERIODS)
        .await
        .expect("all prove");

    let gone = [first[0], first[1]];
    let mut before = Vec::new();
    for provider in gone {
        let staked = network.chain().collateral_of(provider).await;
        before.push(staked.expect("collateral").total);
        network.kill_node(node_of(provider)).await.expect("kill");
    }
    let repairs = chain_view::wait_for_repairs(network.chain(), 2, A_REPAIR)
        .await
        .expect("both slots are repaired");

    let lost: BTreeSet<Address> = repairs.iter().map(|repair| repair.failed).collect();
    assert_eq!(lost, BTreeSet::from(gone), "theirs");
    for repair in &repairs {
        assert!(
            !first.contains(&repair.repairer),
            "no holder of a sibling repairs: {repair:?}"
        );
        assert!(repair.bounty > 0, "paid: {repair:?}");
        assert_eq!(
            repair.bounty, repair.burned,
            "half to who repairs, half burned"
        );
        let owed = network.chain().bounty_of(repair.repairer).await;
        assert!(owed.expect("bounty") >= repair.bounty, "and credited");
    }
    for (provider, before) in gone.into_iter().zip(before) {
        let ended = network.chain().terminated_at(provider, TreeIndex(0)).await;
        assert!(ended.expect("a view").is_some(), "its tree was ended");
        let staked = network.chain().collateral_of(provider).await;
        let after = staked.expect("collateral").total;
        assert!(after < before, "it paid: {before} to {after}");
    }

    // Of the four first holders one is left, fewer than k: what comes back is the repairers' work.
    network.kill_node(node_of(first[2])).await.expect("kill");
    comes_back(&network, "file", &content).await;
    let repairers: Vec<Address> = repairs.iter().map(|repair| repair.repairer).collect();
    let proven = chain_view::windows_proven(network.chain())
        .await
        .expect("events");
    let most = repairers.iter().filter_map(|account| proven.get(account));
    let next = most.max().copied().unwrap_or_default() + 1;
    chain_view::wait_for_windows(network.chain(), &repairers, next.min(2), TWO_PERIODS)
        .await
        .expect("the repairers prove what they took over");
    network.stop().await.expect("a clean end");
}
