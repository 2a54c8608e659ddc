//! Story: a user with a thin line puts a file by relays; it leaves the line about once and comes back bit by bit.
#![allow(missing_docs, clippy::expect_used, reason = "a test")]

mod support;

use cairn_devnet::chain_view;
use cairn_devnet::network::Network;
use serde_json::Value;
use support::{TWO_OF_FOUR, comes_back, file, network};

/// Bytes of a full segment at 2 of 4 with the small set's largest piece: 2 * 127 * 2^11.
const SEGMENT: usize = 2 * 127 * 2048;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_put_by_relays_leaves_the_line_once_and_comes_back_bit_by_bit() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut network = network(dir.path(), 4).await;
    let before = network.chain().head().await.expect("a head").number;
    let len = 5 * SEGMENT + 4_321;
    let (path, content) = file(dir.path(), "thin", 11, len);
    let user = network.user();
    let report = user
        .put_relayed(&path, "thin", TWO_OF_FOUR)
        .await
        .expect("put");
    let line = number(&report, "line_bytes");
    let direct = number(&report, "direct_bytes");
    // k of n, with a tenth for what encryption and whole strips add.
    assert!(
        line * 10 * 4 < direct * 11 * 2,
        "{line} bytes left, {direct} would have directly"
    );
    assert!(line >= len as u64, "all of the file did");
    every_piece_was_relayed(&report);
    let seen = chain_view::deals_since(network.chain(), before)
        .await
        .expect("the chain answers");
    assert_eq!(
        seen.slots, seen.slots_filled,
        "put returned, so every slot is filled on chain"
    );
    relays_counted(&network, seen.deals.len()).await;
    // Any two of four, over six segments: some of what is left is parity that only a relay ever coded.
    network.kill_node(0).await.expect("kill");
    network.kill_node(1).await.expect("kill");
    comes_back(&network, "thin", &content).await;
    network.stop().await.expect("a clean end");
}

fn number(report: &Value, key: &str) -> u64 {
    report[key].as_u64().expect("a number")
}

fn every_piece_was_relayed(report: &Value) {
    for segment in report["segments"].as_array().expect("segments") {
        assert!(segment["relay"]["provider"].is_string(), "{segment:#}");
        assert!(segment["relay"]["trouble"].is_null(), "{segment:#}");
        for slot in segment["slots"].as_array().expect("slots") {
            assert_eq!(slot["relayed"], true, "{segment:#}");
        }
    }
}

/// The nodes say the same of themselves.
async fn relays_counted(network: &Network, deals: usize) {
    let (mut segments, mut pieces) = (0.0, 0.0);
    for at in 0..4 {
        let node = network.node(at).expect("it runs");
        let metric = async |name| node.metric(name).await.expect("metrics").expect("counted");
        segments += metric("cairn_segments_relayed_total").await;
        pieces += metric("cairn_pieces_forwarded_total").await;
    }
    let deals = u32::try_from(deals).expect("few deals");
    assert_eq!(
        (segments, pieces),
        (f64::from(deals), f64::from(3 * deals)),
        "each segment once, three of four pieces handed on"
    );
}
