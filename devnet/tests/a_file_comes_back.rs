//! Story: a user puts files on a network of four nodes; they are proven, paid for, and come back with nodes dead.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::too_many_lines,
    reason = "a test"
)]

mod support;

use cairn_devnet::chain_view;
use cairn_devnet::network::Network;
use cairn_wire::{Period, SlotIndex, TreeIndex};
use support::{TWO_OF_FOUR, TWO_PERIODS, comes_back, file, network, providers};

/// Bytes of a full segment at 2 of 4 with the small set's largest piece: 2 * 127 * 2^11.
const SEGMENT: usize = 2 * 127 * 2048;

#[tokio::test(flavor = "multi_thread")]
async fn files_of_every_shape_are_put_proven_paid_and_read_back_with_nodes_dead() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut network = network(dir.path(), 4).await;
    let user = network.user();
    let before = network.chain().head().await.expect("a head").number;
    let mut kept = Vec::new();
    for (name, len) in [
        ("empty", 0),
        ("one strip", 32 * 1024),
        ("ein Segment, größer als ein Teil — 雪", SEGMENT - 16),
        ("three segments and a bit", 3 * SEGMENT + 12_345),
    ] {
        let (path, content) = file(dir.path(), name, len as u64, len);
        user.put(&path, name, TWO_OF_FOUR).await.expect("put");
        kept.push((name, content));
    }
    let seen = chain_view::deals_since(network.chain(), before)
        .await
        .expect("the chain answers");
    assert_eq!(
        seen.slots, seen.slots_filled,
        "put returned, so every slot is filled on chain"
    );
    assert!(seen.deals.len() >= 5, "a deal for each segment: {seen:?}");
    chain_view::wait_for_windows(network.chain(), &providers(&network), 2, TWO_PERIODS)
        .await
        .expect("proofs");
    network.check().expect("all nodes run");
    pay_is_price_times_proven_periods(&network, &seen.deals).await;

    network.kill_node(0).await.expect("kill");
    network.kill_node(3).await.expect("kill");
    let back = dir.path().join("back");
    for (name, content) in &kept {
        comes_back(&network, name, content).await;
    }
    let (name, content) = kept.last().expect("a file");
    let (from, to) = (SEGMENT - 7, 2 * SEGMENT + 99);
    let outcome = user
        .get(name, &back, Some(&format!("{from}..{to}")))
        .await
        .expect("get runs");
    assert!(outcome.ok, "a range: {}", outcome.err);
    assert!(
        std::fs::read(&back).expect("the file") == content[from..to],
        "a range across three segments"
    );

    network.kill_node(1).await.expect("kill");
    std::fs::remove_file(&back).expect("removed");
    let outcome = user.get(name, &back, None).await.expect("get runs");
    assert!(!outcome.ok, "one of four nodes is not enough");
    assert!(
        outcome.err.contains('1') && outcome.err.contains('2'),
        "says how many answered and how many it takes: {}",
        outcome.err
    );
    assert!(!back.exists(), "nothing is left of a read that failed");
    network.stop().await.expect("a clean end");
}

async fn pay_is_price_times_proven_periods(network: &Network, deals: &[cairn_wire::DealId]) {
    let chain = network.chain();
    for deal in deals {
        let info = chain
            .deal(*deal)
            .await
            .expect("the chain answers")
            .expect("the deal");
        for (i, slot) in info.slots.iter().enumerate() {
            let index = SlotIndex(u8::try_from(i).expect("few slots"));
            chain.settle(*deal, index).await.expect("settled");
            let state = chain.slot(*deal, index).await.expect("the slot");
            let now = chain.head().await.expect("a head").timestamp;
            let until = Period(chain.schedule().period_of(now).0 + 1);
            let uptime = chain
                .uptime(slot.provider, TreeIndex(0), info.start_period, until)
                .await
                .expect("uptime");
            assert_eq!(
                state.paid,
                u128::from(state.paid_periods) * TWO_OF_FOUR.price,
                "price times periods"
            );
            assert!(
                u64::from(state.paid_periods) <= uptime.proven + 1,
                "no unproven period is paid: {state:?} {uptime:?}"
            );
            assert_eq!(uptime.missed, 0, "no node missed a period: {uptime:?}");
        }
    }
}
