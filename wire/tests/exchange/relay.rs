//! A segment to a relay: between honest ends, and each end against another that is not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cairn_wire::{
    ChannelSource, ContentId, DealId, ErrorCode, Limits, MemorySource, PieceTerms, Receipt,
    RelaySegment, Reply, RequestError, Signature, SlotFailed, SlotIndex, SlotOutcome, WireError,
};

use crate::node::{DEAL, MemoryNode, Node, PROVIDER, Ways, bytes, commitment_of, limits, until};
use crate::raw::RawNode;

const LEN: usize = 300_001;

fn request() -> RelaySegment {
    RelaySegment {
        deal: DEAL,
        slot: SlotIndex(1),
        k: 2,
        n: 4,
        code_id: 1,
        strip_bytes: 1024,
        segment_bytes: LEN as u64,
    }
}

/// A Receipt as the wire carries it; whether it is worth anything is not the wire's to say.
fn receipt(deal: DealId, slot: u8) -> Receipt {
    let terms = PieceTerms {
        deal,
        slot: SlotIndex(slot),
        provider: PROVIDER,
        content_id: ContentId::of(b"a piece"),
        comm_p: commitment_of(b"a piece"),
        b: 2,
        byte_len: 7,
        expiry_unix: 1,
    };
    Receipt {
        terms,
        signature: Signature([9; 65]),
    }
}

fn stored(slot: u8) -> SlotOutcome {
    SlotOutcome {
        slot: SlotIndex(slot),
        result: Ok(receipt(DEAL, slot)),
    }
}

fn failed(slot: u8) -> SlotOutcome {
    SlotOutcome {
        slot: SlotIndex(slot),
        result: Err(WireError::busy("another time")),
    }
}

fn relaying(outcomes: Vec<SlotOutcome>) -> MemoryNode {
    MemoryNode {
        outcomes: Some(outcomes),
        ..MemoryNode::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_arrives_once_and_every_slot_is_told_of_in_the_order_it_ends() {
    let outcomes = vec![stored(2), failed(0), stored(3), stored(1)];
    let node = Node::start_with(limits(), relaying(outcomes.clone()));
    let connection = node.connect().await;
    let body = bytes(LEN);
    let offer = connection.relay_segment(&request()).await.unwrap();
    let mut news = offer.send(MemorySource::new(body.clone())).await.unwrap();
    let mut got = Vec::new();
    while let Some(outcome) = news.next().await.unwrap() {
        got.push(outcome);
    }
    assert_eq!(got, outcomes, "as the relay told them");
    assert_eq!(news.next().await.unwrap(), None, "and nothing after");
    let segments = node.handler.segments.lock().unwrap();
    assert_eq!(segments.get(&ContentId::of(&body)), Some(&body), "whole");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_will_not_says_so_before_a_byte_is_asked_for() {
    let node = Node::start(limits());
    let refused = node.connect().await.relay_segment(&request()).await;
    let error = refused.expect_err("no offer");
    assert!(
        matches!(&error, RequestError::Refused(error) if error.code() == ErrorCode::Refused),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_another_length_is_refused_whoever_is_wrong() {
    let node = Node::start_with(limits(), relaying(vec![stored(0)]));
    let connection = node.connect().await;
    let offer = connection.relay_segment(&request()).await.unwrap();
    let error = offer
        .send(MemorySource::new(bytes(LEN - 1)))
        .await
        .expect_err("too short");
    assert!(
        matches!(error, RequestError::SourceLength { .. }),
        "{error}"
    );
    let segments = &node.handler.segments;
    assert!(segments.lock().unwrap().is_empty(), "nothing was relayed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_does_not_read_the_segment_is_stopped_by_its_own_wire() {
    let mut node = relaying(vec![stored(0)]);
    node.ways = Ways {
        relays_unread: true,
        ..Ways::default()
    };
    let node = Node::start_with(limits(), node);
    let connection = node.connect().await;
    let offer = connection.relay_segment(&request()).await.unwrap();
    let mut news = offer.send(MemorySource::new(bytes(LEN))).await.unwrap();
    let error = news.next().await.expect_err("no outcome");
    assert!(
        matches!(&error, RequestError::Refused(error) if error.code() == ErrorCode::Internal),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_stalls_inside_the_body_is_cut_off() {
    let impatient = Limits {
        body_stall: Duration::from_millis(300),
        ..limits()
    };
    let node = Node::start_with(impatient, relaying(vec![stored(0)]));
    let offer = node
        .connect()
        .await
        .relay_segment(&request())
        .await
        .unwrap();
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    sender.send(Ok(bytes(1000).into())).await.unwrap();
    let sending = tokio::spawn(offer.send(ChannelSource::new(receiver)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    // The node has stopped reading: the next byte shows it.
    drop(sender.send(Ok(bytes(200_000).into())).await);
    drop(sender);
    let error = match sending.await.unwrap() {
        Err(error) => error,
        Ok(mut news) => news.next().await.expect_err("no outcome"),
    };
    assert!(error.to_string().contains("stalled"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_away_is_noticed_while_the_pieces_go_out() {
    let mut handler = relaying(vec![stored(0)]);
    handler.lingers = true;
    let node = Node::start_with(limits(), handler);
    let connection = node.connect().await;
    let offer = connection.relay_segment(&request()).await.unwrap();
    let mut news = offer.send(MemorySource::new(bytes(LEN))).await.unwrap();
    assert_eq!(news.next().await.unwrap(), Some(stored(0)), "the first");
    assert_eq!(node.handler.left.load(Ordering::SeqCst), 0, "it waits");
    drop(news);
    let left = &node.handler.left;
    until("the relay is told", || left.load(Ordering::SeqCst) == 1).await;
}

/// What a client makes of a relay that takes the whole segment and then says these things.
async fn told(replies: Vec<Reply>, ends: bool) -> (Vec<SlotOutcome>, RequestError) {
    let node = RawNode::start(move |mut send, mut recv| {
        let replies = replies.clone();
        async move {
            let mut all = Reply::Continue.to_frame().unwrap();
            recv.read_chunk(1000, true).await.unwrap();
            send.write_all(&all).await.unwrap();
            while let Ok(Some(_)) = recv.read_chunk(1 << 20, true).await {}
            all.clear();
            for reply in &replies {
                all.extend_from_slice(&reply.to_frame().unwrap());
            }
            // The client may have heard enough before the end.
            let sent = send.write_all(&all).await.is_ok();
            if ends && sent {
                send.finish().unwrap();
                send.stopped().await.ok();
            } else {
                tokio::time::sleep(Duration::from_secs(30)).await;
            }
        }
    });
    let impatient = Limits {
        relay_timeout: Duration::from_millis(300),
        ..limits()
    };
    let connection = node.connect(impatient).await;
    let offer = connection.relay_segment(&request()).await.unwrap();
    let mut news = offer.send(MemorySource::new(bytes(LEN))).await.unwrap();
    let mut got = Vec::new();
    loop {
        match news.next().await {
            Ok(Some(outcome)) => got.push(outcome),
            Ok(None) => panic!("the lie went through"),
            Err(error) => return (got, error),
        }
    }
}

fn says(outcome: SlotOutcome) -> Reply {
    match outcome.result {
        Ok(receipt) => Reply::Receipt(receipt),
        Err(error) => Reply::SlotFailed(SlotFailed {
            slot: outcome.slot,
            error,
        }),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_is_believed_no_slot_twice_none_there_is_not_and_no_other_deal() {
    let elsewhere = Reply::Receipt(receipt(DealId(DEAL.0 + 1), 0));
    for (lie, field) in [
        (says(stored(1)), "slot"),
        (says(failed(1)), "slot"),
        (says(stored(4)), "slot"),
        (says(failed(255)), "slot"),
        (elsewhere, "deal"),
        (Reply::Accepted, "kind of the reply"),
        (Reply::Continue, "kind of the reply"),
    ] {
        let (got, error) = told(vec![says(stored(1)), lie.clone()], true).await;
        assert_eq!(got, [stored(1)], "what came before the lie");
        assert!(
            matches!(error, RequestError::AnotherAnswer { field: named } if named == field),
            "{lie:?}: {error}"
        );
        assert!(error.is_lie(), "a reason to distrust it");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_that_falls_silent_gives_up_or_ends_early_is_an_error_after_what_it_said() {
    let first = says(failed(3));
    let (got, error) = told(vec![first.clone()], false).await;
    assert_eq!(got, [failed(3)], "what it said");
    assert!(matches!(error, RequestError::TimedOut { .. }), "{error}");
    let (got, error) = told(vec![first.clone()], true).await;
    assert_eq!(got, [failed(3)], "what it said");
    assert!(matches!(error, RequestError::ReplyEnded { .. }), "{error}");
    let (_, error) = told(vec![first, Reply::Error(WireError::internal("no"))], true).await;
    assert!(matches!(error, RequestError::Refused(_)), "{error}");
}
