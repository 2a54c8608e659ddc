//! The five requests between an honest client and an honest node.

use std::net::{Ipv6Addr, SocketAddr};
use std::sync::Arc;

use cairn_merkle::{TreeKind, tree::Shape};
use cairn_wire::{
    Acceptance, Address, Client, ContentId, ErrorCode, MemorySource, NodeIdentity, OpenLeaf,
    PieceTerms, ReadRange, ReaderSource, RequestError, Server, SignatureError, StorePiece,
    sign_acceptance, verify_receipt,
};

use crate::node::{
    DOMAIN, MemoryNode, Node, PROVIDER, bytes, commitment_of, limits, operator, piece_tree,
    store_request,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_says_who_it_is() {
    let node = Node::start(limits());
    let info = node.connect().await.info().await.unwrap();
    assert_eq!(
        (info.provider, info.parameter_set.as_str()),
        (PROVIDER, "test"),
        "its own words"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_piece_of_any_length_is_stored_and_its_receipt_is_signed() {
    let node = Node::start(limits());
    let connection = node.connect().await;
    // Around the borders of chunks, of packets, and of nothing.
    for len in [1, 2, 1199, 131_071, 131_072, 131_073, 3_000_000] {
        let body = bytes(len);
        let receipt = connection
            .store_piece(&store_request(&body), MemorySource::new(body.clone()))
            .await
            .unwrap();
        assert_eq!(
            receipt.terms.comm_p,
            commitment_of(&body),
            "{len}: the commitment"
        );
        verify_receipt(
            &DOMAIN,
            &receipt.terms,
            &receipt.signature,
            operator().address(),
        )
        .unwrap();
        let other = verify_receipt(&DOMAIN, &receipt.terms, &receipt.signature, PROVIDER);
        assert!(
            matches!(other, Err(SignatureError::WrongSigner { .. })),
            "{len}: signed by the operator only"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_from_a_reader_arrives_whole() {
    let node = Node::start(limits());
    let body = bytes(700_001);
    let source = ReaderSource::new(body.as_slice());
    let receipt = node
        .connect()
        .await
        .store_piece(&store_request(&body), source)
        .await
        .unwrap();
    assert_eq!(
        receipt.terms.content_id,
        ContentId::of(&body),
        "the content id"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_deal_is_refused_before_the_body_is_asked_for() {
    let node = Node::start(limits());
    let body = bytes(1000);
    let request = StorePiece {
        deal: cairn_wire::DealId(99),
        ..store_request(&body)
    };
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let refused = node
        .connect()
        .await
        .store_piece(&request, cairn_wire::ChannelSource::new(receiver))
        .await;
    match refused {
        Err(RequestError::Refused(error)) => {
            assert_eq!(error.code(), ErrorCode::Refused, "{error}");
        }
        other => panic!("{other:?}"),
    }
    assert!(sender.is_closed(), "nothing was ever taken from the source");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acceptance_is_taken_and_one_for_another_provider_refused() {
    let node = Node::start(limits());
    let connection = node.connect().await;
    let body = bytes(500);
    let receipt = connection
        .store_piece(&store_request(&body), MemorySource::new(body))
        .await
        .unwrap();
    let signature = sign_acceptance(&DOMAIN, &receipt.terms, &operator()).unwrap();
    let acceptance = Acceptance {
        terms: receipt.terms,
        signature,
    };
    connection.accept_piece(&acceptance).await.unwrap();
    assert_eq!(
        *node.handler.accepted.lock().unwrap(),
        [acceptance],
        "it arrived as it was"
    );
    let terms = PieceTerms {
        provider: Address([0x99; 20]),
        ..acceptance.terms
    };
    let refused = connection
        .accept_piece(&Acceptance {
            terms,
            ..acceptance
        })
        .await;
    assert!(
        matches!(refused, Err(RequestError::Refused(_))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_range_of_a_piece_reads_back_as_it_was() {
    let node = Node::start(limits());
    let connection = node.connect().await;
    let body = bytes(1_000_003);
    let content_id = node.has(&body);
    for (offset, len) in [
        (0, 1),
        (0, 1_000_003),
        (16_383, 2),
        (16_384, 16_384),
        (999_000, 1003),
        (500_001, 77_777),
    ] {
        let request = ReadRange {
            content_id,
            offset,
            len,
        };
        let read = connection
            .read_range(&request, 1_000_003)
            .await
            .unwrap()
            .read_to_end()
            .await
            .unwrap();
        let expected =
            &body[usize::try_from(offset).unwrap()..usize::try_from(offset + len).unwrap()];
        assert_eq!(read, expected, "{len} bytes from {offset}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_comes_in_order_in_bounded_pieces() {
    let node = Node::start(limits());
    let body = bytes(300_000);
    let request = ReadRange {
        content_id: node.has(&body),
        offset: 5,
        len: 250_000,
    };
    let mut range = node
        .connect()
        .await
        .read_range(&request, 300_000)
        .await
        .unwrap();
    let mut next = 5;
    while let Some(verified) = range.next().await.unwrap() {
        assert_eq!(verified.offset, next, "in order, without holes");
        assert!(verified.bytes.len() <= 16 << 10, "at most a group");
        next += verified.bytes.len() as u64;
    }
    assert_eq!(next, 250_005, "to the end");
    assert!(range.next().await.unwrap().is_none(), "and not beyond");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_of_a_piece_nobody_has_is_not_found() {
    let node = Node::start(limits());
    let request = ReadRange {
        content_id: ContentId::of(b"nothing"),
        offset: 0,
        len: 1,
    };
    match node.connect().await.read_range(&request, 7).await {
        Err(RequestError::Refused(error)) => {
            assert_eq!(error.code(), ErrorCode::NotFound, "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_outside_the_piece_is_not_even_asked_for() {
    let node = Node::start(limits());
    let body = bytes(100);
    let connection = node.connect().await;
    for (offset, len) in [(0, 101), (100, 1), (u64::MAX, 1)] {
        let request = ReadRange {
            content_id: node.has(&body),
            offset,
            len,
        };
        let refused = connection.read_range(&request, 100).await;
        assert!(
            matches!(refused, Err(RequestError::OutsidePiece { .. })),
            "{offset}+{len}: {refused:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opened_leaf_verifies_against_the_piece() {
    let node = Node::start(limits());
    let connection = node.connect().await;
    let body = bytes(20_000);
    let content_id = node.has(&body);
    let (b, tree) = piece_tree(&body);
    let shape = Shape::new(u32::from(b)).unwrap();
    for leaf in [0, 1, 500, (1 << b) - 1] {
        let opened = connection
            .open_leaf(&OpenLeaf { content_id, leaf })
            .await
            .unwrap();
        assert_eq!(opened.b, b, "the height");
        opened
            .opening
            .verify(TreeKind::Data, shape, leaf, tree.root())
            .unwrap();
    }
    let outside = connection
        .open_leaf(&OpenLeaf {
            content_id,
            leaf: 1 << b,
        })
        .await;
    assert!(
        matches!(outside, Err(RequestError::Refused(_))),
        "{outside:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_one_connection_run_beside_each_other() {
    let node = Node::start(limits());
    let connection = node.connect().await;
    let body = bytes(400_000);
    let content_id = node.has(&body);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..24_u64 {
        let (connection, body) = (connection.clone(), body.clone());
        tasks.spawn(async move {
            if number % 2 == 0 {
                connection
                    .store_piece(&store_request(&body), MemorySource::new(body.clone()))
                    .await
                    .unwrap();
            } else {
                let request = ReadRange {
                    content_id,
                    offset: number,
                    len: 399_000,
                };
                let read = connection
                    .read_range(&request, 400_000)
                    .await
                    .unwrap()
                    .read_to_end()
                    .await
                    .unwrap();
                assert_eq!(read.len(), 399_000, "request {number}");
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_on_ipv6_is_reached_by_both_families_and_by_name() {
    let identity = NodeIdentity::generate(&[1; 32]).unwrap();
    let any = SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0));
    let server = Server::bind(any, &identity, limits(), Arc::new(MemoryNode::default())).unwrap();
    let port = server.local_addr().port();
    let client = Client::new(limits());
    for host in ["[::1]", "127.0.0.1", "localhost"] {
        let connection = client
            .connect(&format!("{host}:{port}"), identity.pin())
            .await
            .unwrap();
        assert_eq!(
            connection.info().await.unwrap().provider,
            PROVIDER,
            "{host}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_is_no_address_is_an_error_that_repeats_it() {
    let client = Client::new(limits());
    for endpoint in [
        "",
        "no port",
        "127.0.0.1:99999",
        "name with spaces:1",
        "ä:1:2",
    ] {
        let error = client.connect(endpoint, [0; 32]).await.unwrap_err();
        assert!(
            matches!(error, cairn_wire::ConnectError::Endpoint { .. }),
            "{endpoint:?}: {error}"
        );
    }
}
