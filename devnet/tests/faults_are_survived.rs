//! Story: nodes crash at bad moments, the chain goes away and comes back; nothing acknowledged is lost and proofs go on.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test"
)]

mod support;

use std::time::Duration;

use cairn_devnet::chain_view;
use cairn_devnet::user::Coding;
use support::{TWO_OF_FOUR, TWO_PERIODS, comes_back, file, network, providers};

const LONG: Coding = Coding {
    periods: 40,
    ..TWO_OF_FOUR
};

#[tokio::test(flavor = "multi_thread")]
async fn a_node_killed_during_put_packs_and_proves_after_its_restart() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut network = network(dir.path(), 4).await;
    let (path, content) = file(dir.path(), "file", 1, 900_000);
    network
        .user()
        .put_unwaited(&path, "file", LONG)
        .await
        .expect("put");
    // Receipts are out and acceptances in: from here on the piece is the node's to lose.
    network.kill_node(2).await.expect("kill");
    network.start_node(2).await.expect("start again");
    // Once more, now that the sector is being packed, appended or activated.
    tokio::time::sleep(Duration::from_secs(3)).await;
    network.kill_node(2).await.expect("kill");
    network.start_node(2).await.expect("start again");
    chain_view::wait_for_windows(network.chain(), &providers(&network), 1, TWO_PERIODS)
        .await
        .expect("all prove");
    let seen = chain_view::deals_since(network.chain(), 0)
        .await
        .expect("the chain answers");
    assert_eq!(
        seen.slots, seen.slots_filled,
        "every slot is filled: {seen:?}"
    );
    // The node that was killed has to serve one half, so it is asked.
    network.kill_node(0).await.expect("kill");
    network.kill_node(1).await.expect("kill");
    comes_back(&network, "file", &content).await;
    network.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_is_away_for_two_periods_is_alarmed_and_proofs_go_on_after_it() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut network = network(dir.path(), 2).await;
    let (path, _) = file(dir.path(), "file", 2, 100_000);
    let coding = Coding { k: 1, n: 2, ..LONG };
    network
        .user()
        .put(&path, "file", coding)
        .await
        .expect("put");
    let providers = providers(&network);
    chain_view::wait_for_windows(network.chain(), &providers, 1, TWO_PERIODS)
        .await
        .expect("first proofs");
    let before = chain_view::windows_proven(network.chain())
        .await
        .expect("the chain answers");

    network.stop_chain().await;
    tokio::time::sleep(Duration::from_secs(50)).await;
    network
        .check()
        .expect("the nodes outlive the chain's absence");
    for i in 0..2 {
        let node = network.node(i).expect("it runs");
        let health = node.health().await.expect("the dashboard answers");
        assert!(
            health.contains("degraded") && health.contains("rpc"),
            "node {i} alarms: {health}"
        );
        let failures = node
            .metric("cairn_rpc_failures_total")
            .await
            .expect("metrics");
        assert!(
            failures.is_some_and(|count| count > 0.0),
            "node {i} counts: {failures:?}"
        );
    }
    network
        .restart_chain()
        .await
        .expect("the chain is back from its saved state");
    let most = before.values().max().copied().unwrap_or_default();
    chain_view::wait_for_windows(network.chain(), &providers, most + 1, TWO_PERIODS)
        .await
        .expect("proofs go on");
    for i in 0..2 {
        let health = network
            .node(i)
            .expect("it runs")
            .health()
            .await
            .expect("the dashboard answers");
        assert!(
            !health.contains("\"rpc\""),
            "node {i} has cleared the alarm: {health}"
        );
    }
    network.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_network_is_stopped_and_resumed_from_its_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    let first = network(dir.path(), 2).await;
    let folder = first.dir().to_path_buf();
    let (path, content) = file(dir.path(), "file", 3, 300_000);
    let coding = Coding { k: 1, n: 2, ..LONG };
    first.user().put(&path, "file", coding).await.expect("put");
    first.stop().await.expect("a clean end");
    let second = cairn_devnet::network::Network::resume(&folder)
        .await
        .expect("resumed");
    comes_back(&second, "file", &content).await;
    let providers = providers(&second);
    chain_view::wait_for_windows(second.chain(), &providers, 1, TWO_PERIODS)
        .await
        .expect("proofs go on");
    second.stop().await.expect("a clean end");
}
