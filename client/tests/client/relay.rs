//! Storing by a relay: whole path, relays that refuse, drop, lie and stall.

use std::sync::atomic::Ordering;

use crate::network::{Behaviour, World, noise};
use cairn_client::{ByteRange, Config, PutReport, SegmentReport, SlotError};
use cairn_wire::RequestError;

/// 2-of-4 with the largest pieces of `b_max` 13: 7 strips each.
const SEGMENT: usize = 458_752;
const TAGS_OF_A_SEGMENT: usize = 7 * 16;

fn hasty(config: &mut Config) {
    config.patience.relay_s = 1;
    config.patience.upload_s = 4;
}

/// Puts an object by a relay over nodes that all do the same, and gets it back.
async fn relayed(behaviour: Behaviour, len: usize) -> (World, PutReport) {
    let world = World::configured(4, 13, hasty);
    for node in 0..4 {
        world.set(node, behaviour);
    }
    let bytes = noise(len);
    let report = world.put_relayed("object", &bytes, 2, 4).await.unwrap();
    assert_eq!(report.failures().count(), 0, "{behaviour:?}: all is stored");
    for node in 0..4 {
        world.set(node, Behaviour::Honest);
    }
    let (back, _) = world.get("object", ByteRange::all()).await.unwrap();
    assert!(back == bytes, "{behaviour:?}: {len} bytes come back");
    (world, report)
}

fn segment_bytes(report: &PutReport) -> u64 {
    report
        .segments
        .iter()
        .map(|segment| segment.segment_bytes)
        .sum()
}

fn the_only(report: &PutReport) -> &SegmentReport {
    assert_eq!(report.segments.len(), 1, "one segment");
    &report.segments[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_every_edge_length_go_over_this_line_once_and_come_back() {
    for (len, segments) in [
        (0, 1),
        (1, 1),
        (32 * 1024 - 16, 1),
        (32 * 1024, 1),
        (SEGMENT - TAGS_OF_A_SEGMENT, 1),
        (3 * SEGMENT - 5000, 3),
    ] {
        let (world, report) = relayed(Behaviour::Honest, len).await;
        assert_eq!(report.segments.len(), segments, "{len}");
        assert_eq!(
            report.line_bytes,
            segment_bytes(&report),
            "{len}: the ciphertext, once"
        );
        let pieces: u64 = report.segments.iter().map(|s| 4 * s.piece_bytes).sum();
        assert_eq!(report.direct_bytes, pieces, "{len}: all pieces");
        for segment in &report.segments {
            let relay = segment.relay.as_ref().unwrap();
            assert!(relay.trouble.is_none(), "{len}: {:?}", relay.trouble);
            let mut named = segment.slots.iter().map(|slot| slot.provider);
            assert!(
                named.any(|provider| Some(provider) == relay.provider),
                "{len}: a provider of the deal"
            );
            assert_eq!(segment.relayed(), 4, "{len}: by the relay, every one");
        }
        for node in &world.nodes {
            let stores = node.stores.load(Ordering::Relaxed);
            assert_eq!(stores, segments, "{len}: each piece came once");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_without_a_relay_sends_every_piece_and_says_so() {
    let world = World::new(4, 13);
    let report = world.put("object", &noise(100_000), 2, 4).await.unwrap();
    assert_eq!(report.line_bytes, report.direct_bytes, "all pieces, once");
    assert!(the_only(&report).relay.is_none(), "nobody was asked");
    assert_eq!(the_only(&report).relayed(), 0, "nothing was relayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_the_relay_drops_is_sent_directly() {
    let (_, report) = relayed(Behaviour::RelayDrops, 100_000).await;
    let segment = the_only(&report);
    let slots: Vec<bool> = segment.slots.iter().map(|slot| slot.relayed).collect();
    assert_eq!(slots, [true, false, true, true], "all but one");
    assert_eq!(
        report.line_bytes,
        segment.segment_bytes + segment.piece_bytes,
        "the segment, and one piece"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_codes_wrongly_is_caught_by_the_holders() {
    let (_, report) = relayed(Behaviour::RelayMiscodes, 100_000).await;
    let segment = the_only(&report);
    let slots: Vec<bool> = segment.slots.iter().map(|slot| slot.relayed).collect();
    assert_eq!(slots, [true, true, false, false], "parity is refused");
    assert_eq!(
        report.line_bytes,
        segment.segment_bytes + 2 * segment.piece_bytes,
        "and sent directly"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_of_another_piece_is_not_accepted_from_a_relay() {
    let (world, report) = relayed(Behaviour::RelaySwaps, 100_000).await;
    let segment = the_only(&report);
    assert_eq!(segment.relayed(), 0, "no Receipt was worth accepting");
    assert_eq!(
        report.line_bytes,
        segment.segment_bytes + 4 * segment.piece_bytes,
        "everything was sent directly"
    );
    for node in &world.nodes {
        let acceptances = node.acceptances.lock().unwrap();
        assert_eq!(acceptances.len(), 1, "one Acceptance, for its own piece");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_that_a_relay_signs_for_others_are_not_accepted() {
    let (_, report) = relayed(Behaviour::RelayForges, 100_000).await;
    let segment = the_only(&report);
    let relay = segment.relay.as_ref().unwrap().provider;
    for slot in &segment.slots {
        assert_eq!(
            slot.relayed,
            Some(slot.provider) == relay,
            "only for itself: {slot}"
        );
    }
    assert_eq!(
        report.line_bytes,
        segment.segment_bytes + 3 * segment.piece_bytes
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_stalls_costs_its_time_and_everything_is_sent_directly() {
    for behaviour in [Behaviour::RelayStalls, Behaviour::RelayStallsBody] {
        let (_, report) = relayed(behaviour, 100_000).await;
        let segment = the_only(&report);
        assert_eq!(segment.relayed(), 0, "{behaviour:?}");
        let relay = segment.relay.as_ref().unwrap();
        assert!(relay.provider.is_some(), "{behaviour:?}: it had agreed");
        assert!(
            matches!(
                relay.trouble,
                Some(SlotError::Request(RequestError::TimedOut { .. }))
            ),
            "{behaviour:?}: {:?}",
            relay.trouble
        );
        assert_eq!(
            report.line_bytes,
            segment.segment_bytes + 4 * segment.piece_bytes,
            "{behaviour:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_that_relay_nothing_cost_nothing_but_the_question() {
    let (world, report) = relayed(Behaviour::RelaysNothing, 100_000).await;
    let relay = the_only(&report).relay.as_ref().unwrap();
    assert_eq!(relay.provider, None, "nobody agreed");
    assert!(
        relay
            .trouble
            .as_ref()
            .unwrap()
            .to_string()
            .contains("nothing is relayed here"),
        "{:?}",
        relay.trouble
    );
    assert_eq!(report.line_bytes, report.direct_bytes, "not a byte more");
    for node in &world.nodes {
        let asked = node.segments.load(Ordering::Relaxed);
        assert_eq!(asked, 1, "each was asked, and once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_that_never_decide_are_left_in_time() {
    let (_, report) = relayed(Behaviour::RelayIsMute, 100_000).await;
    let relay = the_only(&report).relay.as_ref().unwrap();
    assert_eq!(relay.provider, None, "nobody agreed");
    assert_eq!(report.line_bytes, report.direct_bytes, "not a byte more");
}

#[tokio::test(flavor = "multi_thread")]
async fn relays_that_are_busy_are_asked_again() {
    let (_, report) = relayed(Behaviour::RelaysLater, 100_000).await;
    assert_eq!(the_only(&report).relayed(), 4, "after all");
    assert_eq!(report.line_bytes, segment_bytes(&report), "once");
}
