//! How many, how long, and what happens to the one too many.

use std::time::{Duration, Instant};

use cairn_wire::{ConnectError, ErrorCode, Limits, MemorySource, RequestError};

use crate::node::{MemoryNode, Node, Ways, bytes, limits, store_request, until};
use crate::raw::{raw_connect, try_raw_connect};

fn slow_info(takes: Duration) -> MemoryNode {
    MemoryNode {
        ways: Ways {
            info_takes: takes,
            ..Ways::default()
        },
        ..MemoryNode::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_connection_too_many_is_refused_until_another_closes() {
    let node = Node::start(Limits {
        max_connections: 3,
        ..limits()
    });
    let held = [
        raw_connect(&node).await,
        raw_connect(&node).await,
        raw_connect(&node).await,
    ];
    let refused = try_raw_connect(&node).await;
    assert!(refused.is_err(), "the fourth of three");
    let refused = cairn_wire::Client::new(limits())
        .connect(&node.endpoint(), node.pin)
        .await;
    assert!(
        matches!(refused, Err(ConnectError::Refused { .. })),
        "our client says why: {refused:?}"
    );
    held[0].close(0_u32.into(), b"");
    until("the place is free", || node.server.connections() == 2).await;
    node.connect().await.info().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_peer_cannot_take_all_connections() {
    let node = Node::start(Limits {
        max_connections: 100,
        max_connections_per_peer: 2,
        ..limits()
    });
    let _held = [raw_connect(&node).await, raw_connect(&node).await];
    assert!(
        try_raw_connect(&node).await.is_err(),
        "the third of this address"
    );
    assert_eq!(node.server.connections(), 2, "two are inside");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_stream_too_many_has_to_wait() {
    let limits_of_node = Limits {
        max_streams_per_connection: 2,
        ..limits()
    };
    let node = Node::start_with(limits_of_node, slow_info(Duration::from_millis(900)));
    let impatient = Limits {
        header_timeout: Duration::from_millis(200),
        ..limits()
    };
    let connection = node.connect_with(impatient).await;
    let (first, second, third) = tokio::join!(connection.info(), connection.info(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        connection.info().await
    });
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert!(
        matches!(
            third,
            Err(RequestError::TimedOut {
                waiting_for: "a free stream",
                ..
            })
        ),
        "{third:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_too_many_is_answered_busy() {
    let limits_of_node = Limits {
        max_requests: 2,
        ..limits()
    };
    let node = Node::start_with(limits_of_node, slow_info(Duration::from_millis(900)));
    let connection = node.connect().await;
    let (first, second, third) = tokio::join!(connection.info(), connection.info(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        connection.info().await
    });
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert!(
        matches!(&third, Err(RequestError::Refused(e)) if e.code() == ErrorCode::Busy),
        "{third:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_peer_cannot_take_all_requests() {
    let limits_of_node = Limits {
        max_requests_per_peer: 2,
        ..limits()
    };
    let node = Node::start_with(limits_of_node, slow_info(Duration::from_millis(900)));
    let (one, other) = (node.connect().await, node.connect().await);
    let (first, second, third) = tokio::join!(one.info(), other.info(), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        one.info().await
    });
    assert!(first.is_ok() && second.is_ok(), "{first:?} {second:?}");
    assert!(
        matches!(&third, Err(RequestError::Refused(e)) if e.code() == ErrorCode::Busy),
        "{third:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaves_are_opened_a_few_at_a_time() {
    let ways = Ways {
        opening_takes: Duration::from_millis(100),
        ..Ways::default()
    };
    let few = Limits {
        max_openings: 2,
        ..limits()
    };
    let node = Node::start_with(
        few,
        MemoryNode {
            ways,
            ..MemoryNode::default()
        },
    );
    let connection = node.connect().await;
    let request = cairn_wire::OpenLeaf {
        content_id: node.has(&bytes(1000)),
        leaf: 0,
    };
    let start = Instant::now();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let connection = connection.clone();
        tasks.spawn(async move { connection.open_leaf(&request).await.map(|opened| opened.b) });
    }
    while let Some(opened) = tasks.join_next().await {
        opened.unwrap().unwrap();
    }
    assert!(
        start.elapsed() >= Duration::from_millis(400),
        "{:?}: more than two at once",
        start.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_takes_too_long_answers_with_an_error() {
    let limits_of_node = Limits {
        request_timeout: Duration::from_millis(200),
        ..limits()
    };
    let node = Node::start_with(limits_of_node, slow_info(Duration::from_secs(60)));
    let refused = node.connect().await.info().await;
    assert!(
        matches!(&refused, Err(RequestError::Refused(e)) if e.code() == ErrorCode::Internal),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_does_not_wait_longer_than_its_own_limit() {
    let node = Node::start_with(limits(), slow_info(Duration::from_secs(60)));
    let impatient = Limits {
        request_timeout: Duration::from_millis(200),
        ..limits()
    };
    let error = node.connect_with(impatient).await.info().await.unwrap_err();
    assert!(matches!(error, RequestError::TimedOut { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_at_the_address_is_a_time_out_that_names_it() {
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let endpoint = silent.local_addr().unwrap().to_string();
    let impatient = Limits {
        handshake_timeout: Duration::from_millis(300),
        ..limits()
    };
    let error = cairn_wire::Client::new(impatient)
        .connect(&endpoint, [0; 32])
        .await
        .unwrap_err();
    assert!(
        matches!(&error, ConnectError::TimedOut { endpoint: named, .. } if *named == endpoint),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_requests_is_closed_and_one_at_work_is_not() {
    let idle = Limits {
        connection_idle: Duration::from_millis(400),
        ..limits()
    };
    let node = Node::start_with(idle, slow_info(Duration::from_millis(1500)));
    let quiet = node.connect().await;
    let busy = node.connect().await;
    assert!(
        busy.info().await.is_ok(),
        "a request longer than the idle time is served"
    );
    until("the quiet one is closed", || quiet.is_closed()).await;
    until("and then the other", || node.server.connections() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_that_vanishes_frees_its_place() {
    let node = Node::start(Limits {
        idle_timeout: Duration::from_millis(500),
        keep_alive: Duration::from_millis(100),
        ..limits()
    });
    // A raw client sends no signs of life, and says nothing when it is given up.
    let _silent = raw_connect(&node).await;
    assert_eq!(node.server.connections(), 1, "inside");
    until("the place is free", || node.server.connections() == 0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_body_passes_with_the_windows_of_a_starved_node() {
    let starved = Limits {
        bytes_in_flight: 0,
        idle_window_bytes: 64 << 10,
        ..limits()
    };
    let node = Node::start(starved);
    let connection = node.connect().await;
    let body = bytes(5 << 20);
    connection
        .store_piece(&store_request(&body), MemorySource::new(body.clone()))
        .await
        .unwrap();
    let request = cairn_wire::ReadRange {
        content_id: node.has(&body),
        offset: 0,
        len: 5 << 20,
    };
    let read = connection
        .read_range(&request, 5 << 20)
        .await
        .unwrap()
        .read_to_end()
        .await
        .unwrap();
    assert_eq!(read, body, "slower, not refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_shuts_down_lets_requests_finish() {
    let node = Node::start_with(limits(), slow_info(Duration::from_millis(500)));
    let connection = node.connect().await;
    let asking = tokio::spawn({
        let connection = connection.clone();
        async move { connection.info().await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    node.server.shutdown(Duration::from_secs(10)).await;
    assert!(
        asking.await.unwrap().is_ok(),
        "the request under way was answered"
    );
    until("the connection is closed", || connection.is_closed()).await;
    assert!(connection.info().await.is_err(), "and no other is");
}
