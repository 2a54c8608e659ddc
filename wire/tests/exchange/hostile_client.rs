//! A node against clients that lie about lengths, stall, drip, flood, reset, or talk nonsense.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use cairn_wire::{ErrorCode, Limits, MemorySource, Reply, Request, RequestError};
use quinn::{RecvStream, SendStream};

use crate::node::{MemoryNode, Node, Ways, bytes, limits, store_request, until};
use crate::raw::{everything, raw_connect};

/// What the node answers after a Continue, or at once.
fn reply(mut said: &[u8]) -> Reply {
    let accept = Reply::Continue.to_frame().unwrap();
    if said.starts_with(&accept) {
        said = &said[accept.len()..];
    }
    Reply::from_frame(said).unwrap_or_else(|error| panic!("{said:?}: {error}"))
}

fn assert_refused(said: &[u8], code: ErrorCode, words: &str) {
    match reply(said) {
        Reply::Error(error) => {
            assert_eq!(error.code(), code, "{error}");
            assert!(
                error.reason().contains(words),
                "{error} does not speak of {words}"
            );
        }
        other => panic!("{other:?} instead of an error about {words}"),
    }
}

/// A stream on which a piece of the given length was announced and admitted.
async fn announced(node: &Node, byte_len: u64) -> (quinn::Connection, SendStream, RecvStream) {
    let connection = raw_connect(node).await;
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    let request = Request::StorePiece(cairn_wire::StorePiece {
        byte_len,
        ..store_request(b"x")
    });
    send.write_all(&request.to_frame().unwrap()).await.unwrap();
    let mut accepted = [0; 4];
    recv.read_exact(&mut accepted).await.unwrap();
    assert_eq!(
        Reply::from_frame(&accepted).unwrap(),
        Reply::Continue,
        "admitted"
    );
    (connection, send, recv)
}

fn roomy() -> Limits {
    Limits {
        max_piece_bytes: 2 << 30,
        ..limits()
    }
}

async fn nothing_is_left(node: &Node) {
    until("the intake is dropped", || {
        node.handler.intakes.load(Ordering::SeqCst) == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_announces_a_gibibyte_and_sends_two_bytes_is_told_so() {
    let node = Node::start(roomy());
    let (_connection, mut send, mut recv) = announced(&node, 1 << 30).await;
    send.write_all(&[1, 2]).await.unwrap();
    send.finish().unwrap();
    assert_refused(
        &everything(&mut recv).await.unwrap(),
        ErrorCode::BadRequest,
        "ended after 2 bytes",
    );
    nothing_is_left(&node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_announces_a_gibibyte_and_goes_silent_is_cut_off() {
    let node = Node::start(Limits {
        body_stall: Duration::from_millis(300),
        ..roomy()
    });
    let (_connection, mut send, mut recv) = announced(&node, 1 << 30).await;
    send.write_all(&[1, 2]).await.unwrap();
    assert_refused(
        &everything(&mut recv).await.unwrap(),
        ErrorCode::BadRequest,
        "stalled",
    );
    nothing_is_left(&node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_drips_is_cut_off() {
    let node = Node::start(Limits {
        body_stall: Duration::from_millis(600),
        ..roomy()
    });
    let (_connection, mut send, mut recv) = announced(&node, 1 << 30).await;
    let drip = tokio::spawn(async move {
        while send.write_all(&[1]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    assert_refused(
        &everything(&mut recv).await.unwrap(),
        ErrorCode::BadRequest,
        "slower than",
    );
    nothing_is_left(&node).await;
    drip.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_sends_more_than_announced_is_told_so() {
    let node = Node::start(limits());
    let (_connection, mut send, mut recv) = announced(&node, 1000).await;
    send.write_all(&[7; 1001]).await.unwrap();
    assert_refused(
        &everything(&mut recv).await.unwrap(),
        ErrorCode::BadRequest,
        "goes on after",
    );
    nothing_is_left(&node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_does_not_end_a_whole_body_gets_no_receipt() {
    let node = Node::start(Limits {
        body_stall: Duration::from_millis(300),
        ..limits()
    });
    let (_connection, mut send, mut recv) = announced(&node, 1000).await;
    send.write_all(&[7; 1000]).await.unwrap();
    assert_refused(
        &everything(&mut recv).await.unwrap(),
        ErrorCode::BadRequest,
        "stalled",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_cancels_or_vanishes_inside_a_body_leaves_nothing_behind() {
    let node = Node::start(roomy());
    let (_connection, mut send, mut recv) = announced(&node, 1 << 30).await;
    send.write_all(&[7; 5000]).await.unwrap();
    send.reset(9_u32.into()).unwrap();
    assert_refused(
        &everything(&mut recv).await.unwrap(),
        ErrorCode::BadRequest,
        "cancelled",
    );
    nothing_is_left(&node).await;
    let (connection, mut send, _recv) = announced(&node, 1 << 30).await;
    send.write_all(&[7; 5000]).await.unwrap();
    connection.close(0_u32.into(), b"");
    nothing_is_left(&node).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_of_other_bytes_gets_no_receipt() {
    let node = Node::start(limits());
    let (_connection, mut send, mut recv) = announced(&node, 1000).await;
    send.write_all(&[7; 1000]).await.unwrap();
    send.finish().unwrap();
    assert_refused(
        &everything(&mut recv).await.unwrap(),
        ErrorCode::BadRequest,
        "content id",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_is_none_is_refused_with_its_reason() {
    let node = Node::start(limits());
    let store = Request::StorePiece(store_request(b"x")).to_frame().unwrap();
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("too long", vec![0xff, 0xff], "a header of 65535 bytes"),
        ("another version", vec![2, 0, 9, 1], "version 9"),
        ("a reply", Reply::Continue.to_frame().unwrap(), "kind 0x82"),
        ("cut", vec![3, 0, 1], "ended inside the header"),
        (
            "a field too few",
            [&[50, 0][..], &store[2..52]].concat(),
            "ends inside",
        ),
        ("bytes after it", vec![2, 0, 1, 1, 0], "no body"),
    ];
    let connection = raw_connect(&node).await;
    for (name, bytes, words) in cases {
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        send.write_all(&bytes).await.unwrap();
        send.finish().unwrap();
        let said = everything(&mut recv)
            .await
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_refused(&said, ErrorCode::BadRequest, words);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_that_comes_too_slowly_is_given_up() {
    let node = Node::start(Limits {
        header_timeout: Duration::from_millis(300),
        ..limits()
    });
    let connection = raw_connect(&node).await;
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(&[53, 0, 1]).await.unwrap();
    assert_refused(
        &everything(&mut recv).await.unwrap(),
        ErrorCode::BadRequest,
        "took too long",
    );
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(&[2, 0, 1, 1]).await.unwrap();
    assert_refused(
        &everything(&mut recv).await.unwrap(),
        ErrorCode::BadRequest,
        "did not end",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_or_range_beyond_the_limit_is_refused_before_the_node_hears_of_it() {
    let node = Node::start(Limits {
        max_piece_bytes: 1000,
        max_range_bytes: 1000,
        ..limits()
    });
    let body = bytes(1001);
    let connection = node.connect().await;
    let stored = connection
        .store_piece(&store_request(&body), MemorySource::new(body.clone()))
        .await;
    assert!(
        matches!(&stored, Err(RequestError::Refused(e)) if e.code() == ErrorCode::TooLarge),
        "{stored:?}"
    );
    assert_eq!(
        node.handler.admitted.load(Ordering::SeqCst),
        0,
        "the node was not asked"
    );
    let read = cairn_wire::ReadRange {
        content_id: node.has(&body),
        offset: 0,
        len: 1001,
    };
    let read = connection.read_range(&read, 1001).await;
    assert!(
        matches!(&read, Err(RequestError::Refused(e)) if e.code() == ErrorCode::TooLarge),
        "{read:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_fills_up_inside_a_body_says_so_and_stops_the_client() {
    let ways = Ways {
        answers_after_bytes: Some(200_000),
        ..Ways::default()
    };
    let node = Node::start_with(
        limits(),
        MemoryNode {
            ways,
            ..MemoryNode::default()
        },
    );
    let body = bytes(30 << 20);
    let refused = node
        .connect()
        .await
        .store_piece(&store_request(&body), MemorySource::new(body))
        .await;
    assert!(
        matches!(&refused, Err(RequestError::Refused(e)) if e.reason() == "disk full"),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_signs_for_another_slot_is_stopped_by_its_own_wire() {
    let ways = Ways {
        signs_for_another_slot: true,
        ..Ways::default()
    };
    let node = Node::start_with(
        limits(),
        MemoryNode {
            ways,
            ..MemoryNode::default()
        },
    );
    let body = bytes(1000);
    let refused = node
        .connect()
        .await
        .store_piece(&store_request(&body), MemorySource::new(body))
        .await;
    assert!(
        matches!(&refused, Err(RequestError::Refused(e)) if e.code() == ErrorCode::Internal),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_panics_or_falls_short_harms_only_that_request() {
    let ways = Ways {
        panics_on_info: true,
        range_is_short_by: 1,
        ..Ways::default()
    };
    let node = Node::start_with(
        limits(),
        MemoryNode {
            ways,
            ..MemoryNode::default()
        },
    );
    let connection = node.connect().await;
    assert!(connection.info().await.is_err(), "no answer");
    let body = bytes(1000);
    let request = cairn_wire::ReadRange {
        content_id: node.has(&body),
        offset: 0,
        len: 1000,
    };
    // The reset may overtake the header.
    let cut_off = match connection.read_range(&request, 1000).await {
        Ok(range) => range.read_to_end().await.is_err(),
        Err(error) => matches!(error, RequestError::ReplyEnded { .. }),
    };
    assert!(cut_off, "a range that is cut off is an error");
    connection
        .store_piece(&store_request(&body), MemorySource::new(body))
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_reset_at_once_cause_no_more_work_than_streams_are_allowed() {
    let ways = Ways {
        info_takes: Duration::from_millis(50),
        ..Ways::default()
    };
    let limits = Limits {
        max_streams_per_connection: 4,
        ..limits()
    };
    let node = Node::start_with(
        limits,
        MemoryNode {
            ways,
            ..MemoryNode::default()
        },
    );
    let connection = raw_connect(&node).await;
    let start = Instant::now();
    for _ in 0..40 {
        let (mut send, mut recv) = connection.open_bi().await.unwrap();
        send.write_all(&[2, 0, 1, 1]).await.unwrap();
        send.finish().unwrap();
        recv.stop(0_u32.into()).unwrap();
    }
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(&[2, 0, 1, 1]).await.unwrap();
    send.finish().unwrap();
    assert!(
        matches!(reply(&everything(&mut recv).await.unwrap()), Reply::Info(_)),
        "the last one is served"
    );
    // 41 requests of 50 ms, four at a time.
    assert!(
        start.elapsed() >= Duration::from_millis(500),
        "{:?}: more than four ran at once",
        start.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_reads_is_cut_off() {
    let node = Node::start(Limits {
        body_stall: Duration::from_millis(300),
        ..limits()
    });
    let body = bytes(20 << 20);
    let request = cairn_wire::ReadRange {
        content_id: node.has(&body),
        offset: 0,
        len: 20 << 20,
    };
    let connection = raw_connect(&node).await;
    let (mut send, mut recv) = connection.open_bi().await.unwrap();
    send.write_all(&Request::ReadRange(request).to_frame().unwrap())
        .await
        .unwrap();
    send.finish().unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let error = recv.read_to_end(64 << 20).await.unwrap_err();
    assert!(
        error.to_string().contains("reset"),
        "the stream was reset while nobody read: {error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_not_of_the_protocol_cannot_be_opened() {
    let node = Node::start(limits());
    let connection = raw_connect(&node).await;
    let uni = tokio::time::timeout(Duration::from_millis(300), connection.open_uni()).await;
    assert!(uni.is_err(), "no unidirectional stream is ever allowed");
    assert_eq!(connection.max_datagram_size(), None, "no datagrams");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_sent_headers_take_nobodys_place() {
    let node = Node::start(Limits {
        max_requests: 2,
        max_requests_per_peer: 2,
        ..limits()
    });
    let connection = raw_connect(&node).await;
    let mut held = Vec::new();
    for _ in 0..10 {
        let (mut send, recv) = connection.open_bi().await.unwrap();
        send.write_all(&[53, 0, 1]).await.unwrap();
        held.push((send, recv));
    }
    node.connect().await.info().await.unwrap();
    drop(held);
}
