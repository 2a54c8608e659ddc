//! Story: a user puts sealed files; they are sealed, proven on chain, outlive restarts and deaths, and are unsealed for readers.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test"
)]

mod support;

use std::time::Duration;

use cairn_devnet::chain_view;
use cairn_devnet::network::Network;
use cairn_devnet::plan::Plan;
use cairn_devnet::sealed_view::{self, SealedNews, SealedStep};
use cairn_devnet::user::Coding;
use cairn_prover::params::SMALL;
use cairn_wire::DealId;
use support::{TWO_OF_FOUR, TWO_PERIODS, comes_back, file, key_dir, network, planned, providers};

/// From the put to the last slot: sealing takes seconds, its challenge up to a period, each proof seconds.
const SEALED_WITHIN: Duration = Duration::from_secs(240);
/// Ten periods of 24 s and some.
const TEN_PERIODS: Duration = Duration::from_secs(330);

const SEALED: Coding = Coding {
    periods: 60,
    sealed: true,
    ..TWO_OF_FOUR
};

/// Puts without waiting; gives the block before it, the deals and how many slots they have.
async fn put(
    network: &Network,
    path: &std::path::Path,
    coding: Coding,
) -> (u64, Vec<DealId>, usize) {
    let before = network.chain().head().await.expect("a head").number;
    network
        .user()
        .put_unwaited(path, "vault", coding)
        .await
        .expect("put");
    let seen = chain_view::deals_since(network.chain(), before)
        .await
        .expect("the chain answers");
    (before, seen.deals, seen.slots)
}

async fn until_filled(
    network: &mut Network,
    since: u64,
    deals: &[DealId],
    slots: usize,
) -> Vec<SealedNews> {
    sealed_view::watch(network, since, deals, slots, SEALED_WITHIN, |_, _| Ok(()))
        .await
        .expect("every slot is sealed, proven and filled")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealed_file_is_proven_for_ten_periods_through_restarts_and_comes_back_with_nodes_dead() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut network = network(dir.path(), 4).await;
    let (path, content) = file(dir.path(), "file", 11, 300_000);
    let (since, deals, slots) = put(&network, &path, SEALED).await;
    let status = network.user().status("vault").await.expect("status");
    assert_eq!(status[0]["deals"][0]["terms"]["kind"], "sealed", "{status}");

    // A node dies while it seals and goes on where it was.
    tokio::time::sleep(Duration::from_secs(8)).await;
    network.kill_node(1).await.expect("kill");
    network.start_node(1).await.expect("start again");
    let news = until_filled(&mut network, since, &deals, slots).await;
    for provider in providers(&network) {
        let of = |wanted: fn(&SealedStep) -> bool| {
            news.iter()
                .any(|new| new.provider == provider && wanted(&new.step))
        };
        assert!(
            of(|step| matches!(step, SealedStep::Committed { .. })),
            "{provider}"
        );
        assert!(
            of(|step| matches!(step, SealedStep::Proven { .. })),
            "{provider}"
        );
        assert!(
            of(|step| matches!(step, SealedStep::Appended { .. })),
            "{provider}"
        );
    }

    // Ten periods, and a restart in between.
    let proven = chain_view::windows_proven(network.chain())
        .await
        .expect("the chain answers");
    let enough = proven.values().max().copied().unwrap_or_default();
    let providers = providers(&network);
    chain_view::wait_for_windows(network.chain(), &providers, enough + 2, TWO_PERIODS)
        .await
        .expect("first proofs over replicas");
    network.stop_node(2).await.expect("a clean end");
    network.start_node(2).await.expect("start again");
    network.kill_node(3).await.expect("kill");
    network.start_node(3).await.expect("start again");
    chain_view::wait_for_windows(network.chain(), &providers, enough + 10, TEN_PERIODS)
        .await
        .expect("ten periods of proofs");
    network.check().expect("all nodes run");

    network.kill_node(0).await.expect("kill");
    network.kill_node(1).await.expect("kill");
    comes_back(&network, "vault", &content).await;
    network.stop().await.expect("a clean end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_lies_only_in_a_sealed_sector_is_read_back_by_unsealing() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut plan = Plan::new(&SMALL, 2, &key_dir());
    plan.keep_unsealed = false;
    let mut network = planned(dir.path(), plan).await;
    let (path, content) = file(dir.path(), "file", 12, 200_000);
    let coding = Coding {
        k: 1,
        n: 2,
        ..SEALED
    };
    let (since, deals, slots) = put(&network, &path, coding).await;
    until_filled(&mut network, since, &deals, slots).await;
    // The data is dropped once the sector is active; a moment for the node to see that.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let outcome = comes_back(&network, "vault", &content).await;
    assert!(
        outcome.err.contains("being unsealed"),
        "the user is told why it takes longer: {:?}",
        outcome.err
    );
    network.stop().await.expect("a clean end");
}
