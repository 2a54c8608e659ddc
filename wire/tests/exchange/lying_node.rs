//! A client against nodes that stall, truncate, lie, or answer another question.

use std::time::Duration;

use cairn_merkle::range::{Outboard, encode_range};
use cairn_wire::{
    BodyError, ContentId, LeafOpening, Limits, MemorySource, OpenLeaf, PieceTerms, RangeHeader,
    ReadRange, Receipt, Reply, RequestError, Signature, SlotIndex, StorePiece, WireError,
};
use quinn::{RecvStream, SendStream};

use crate::node::{PROVIDER, bytes, commitment_of, limits, store_request};
use crate::raw::RawNode;

const LEN: usize = 200_000;

fn content() -> (Vec<u8>, ReadRange) {
    let content = bytes(LEN);
    let request = ReadRange {
        content_id: ContentId::of(&content),
        offset: 1000,
        len: 150_000,
    };
    (content, request)
}

/// Header and encoding of a range of some bytes.
fn encoded(content: &[u8], request: &ReadRange) -> (RangeHeader, Vec<u8>) {
    let (id, outboard) = Outboard::build(content).unwrap();
    let outboard = Outboard::from_parts(id, content.len() as u64, outboard).unwrap();
    let encoded = encode_range(content, &outboard, request.offset, request.len).unwrap();
    (
        RangeHeader {
            piece_byte_len: content.len() as u64,
            encoded_len: encoded.len() as u64,
        },
        encoded,
    )
}

/// What a node sends after it has read the request, and whether it then ends the stream.
#[derive(Clone)]
struct Says {
    bytes: Vec<u8>,
    ends: bool,
}

impl Says {
    fn reply(reply: &Reply) -> Self {
        Self {
            bytes: reply.to_frame().unwrap(),
            ends: true,
        }
    }

    fn range(header: RangeHeader, body: &[u8]) -> Self {
        let mut bytes = Reply::RangeHeader(header).to_frame().unwrap();
        bytes.extend_from_slice(body);
        Self { bytes, ends: true }
    }

    fn then_stalls(self) -> Self {
        Self {
            ends: false,
            ..self
        }
    }

    async fn run(self, mut send: SendStream, mut recv: RecvStream) {
        // Not to its end: a StorePiece goes on.
        recv.read_chunk(1000, true).await.unwrap();
        // The client may have heard enough before the end.
        let all_sent = send.write_all(&self.bytes).await.is_ok();
        if self.ends && all_sent {
            send.finish().unwrap();
            send.stopped().await.ok();
        } else {
            tokio::time::sleep(Duration::from_secs(30)).await;
        }
    }

    fn node(self) -> RawNode {
        RawNode::start(move |send, recv| self.clone().run(send, recv))
    }
}

fn impatient() -> Limits {
    let soon = Duration::from_millis(300);
    Limits {
        request_timeout: soon,
        body_stall: soon,
        ..limits()
    }
}

/// All verified bytes a client got before the error, and the error.
async fn read_against(node: &RawNode, limits: Limits) -> (Vec<u8>, RequestError) {
    let (content, request) = content();
    let connection = node.connect(limits).await;
    let mut range = match connection.read_range(&request, content.len() as u64).await {
        Ok(range) => range,
        Err(error) => return (Vec::new(), error),
    };
    let mut got = Vec::new();
    loop {
        match range.next().await {
            Ok(Some(verified)) => got.extend_from_slice(&verified.bytes),
            Ok(None) => panic!("the lie went through"),
            Err(error) => {
                assert!(range.next().await.is_err(), "nothing comes after an error");
                return (got, error);
            }
        }
    }
}

fn assert_prefix(got: &[u8]) {
    let (content, request) = content();
    let start = usize::try_from(request.offset).unwrap();
    assert_eq!(
        got,
        &content[start..start + got.len()],
        "only true bytes were given out"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_byte_anywhere_is_never_given_out() {
    let (content, request) = content();
    let (header, body) = encoded(&content, &request);
    // In the first node, in the middle, in the last group.
    for at in [0, 63, 64, body.len() / 2, body.len() - 1] {
        let mut wrong = body.clone();
        wrong[at] ^= 1;
        let (got, error) = read_against(&Says::range(header, &wrong).node(), limits()).await;
        assert!(
            matches!(error, RequestError::Unverified { .. }) && error.is_lie(),
            "byte {at}: {error}"
        );
        assert_prefix(&got);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_piece_of_the_same_length_is_a_lie() {
    let (_, request) = content();
    let other: Vec<u8> = bytes(LEN + 1)[1..].to_vec();
    let (header, body) = encoded(&other, &request);
    let (got, error) = read_against(&Says::range(header, &body).node(), limits()).await;
    assert!(error.is_lie() && got.is_empty(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_range_of_the_same_piece_is_a_lie() {
    let (content, request) = content();
    let (header, body) = encoded(
        &content,
        &ReadRange {
            offset: request.offset + (16 << 10),
            ..request
        },
    );
    let (got, error) = read_against(&Says::range(header, &body).node(), limits()).await;
    assert!(error.is_lie() && got.is_empty(), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_of_another_piece_is_refused_before_its_body() {
    let (content, request) = content();
    let (header, body) = encoded(&content, &request);
    let longer = RangeHeader {
        piece_byte_len: header.piece_byte_len + 1,
        ..header
    };
    let huge = RangeHeader {
        encoded_len: 1 << 40,
        ..header
    };
    for (wrong, expected) in [(longer, "piece_byte_len"), (huge, "encoded_len")] {
        let (_, error) = read_against(&Says::range(wrong, &body).node(), limits()).await;
        assert!(
            matches!(error, RequestError::AnotherAnswer { field } if field == expected),
            "{expected}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_cut_short_is_an_error_and_its_beginning_is_true() {
    let (content, request) = content();
    let (header, body) = encoded(&content, &request);
    let (got, error) = read_against(
        &Says::range(header, &body[..body.len() - 1]).node(),
        limits(),
    )
    .await;
    assert!(
        matches!(error, RequestError::Body(BodyError::Short { .. })),
        "{error}"
    );
    assert!(
        got.len() > 100_000,
        "what came before is usable: {}",
        got.len()
    );
    assert_prefix(&got);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_after_a_range_are_an_error() {
    let (content, request) = content();
    let (header, mut body) = encoded(&content, &request);
    body.push(0);
    let (got, error) = read_against(&Says::range(header, &body).node(), limits()).await;
    assert!(
        matches!(error, RequestError::Body(BodyError::Long { .. })),
        "{error}"
    );
    assert_prefix(&got);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stalls_is_left_in_time() {
    let (content, request) = content();
    let (header, body) = encoded(&content, &request);
    let silent = Says {
        bytes: Vec::new(),
        ends: false,
    };
    let (_, error) = read_against(&silent.node(), impatient()).await;
    assert!(
        matches!(error, RequestError::TimedOut { .. }),
        "says nothing: {error}"
    );
    let half_header = Says {
        bytes: vec![18, 0, 1],
        ends: false,
    };
    let (_, error) = read_against(&half_header.node(), impatient()).await;
    assert!(
        matches!(error, RequestError::TimedOut { .. }),
        "half a header: {error}"
    );
    let half_body = Says::range(header, &body[..80_000]).then_stalls();
    let (got, error) = read_against(&half_body.node(), impatient()).await;
    assert!(
        matches!(error, RequestError::Body(BodyError::Stalled { .. })),
        "half a body: {error}"
    );
    assert_prefix(&got);
    let no_end = Says::range(header, &body).then_stalls();
    let (_, error) = read_against(&no_end.node(), impatient()).await;
    assert!(
        matches!(error, RequestError::Body(BodyError::Stalled { .. })),
        "no end: {error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_drips_is_left_in_time() {
    let (content, request) = content();
    let (header, body) = encoded(&content, &request);
    let node = RawNode::start(move |mut send, _recv| {
        let body = body.clone();
        async move {
            send.write_all(&Reply::RangeHeader(header).to_frame().unwrap())
                .await
                .unwrap();
            for byte in body {
                if send.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    });
    let limits = Limits {
        body_stall: Duration::from_secs(1),
        ..limits()
    };
    let (_, error) = read_against(&node, limits).await;
    assert!(
        matches!(error, RequestError::Body(BodyError::TooSlow { .. })),
        "never stalls, never ends: {error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_that_are_no_reply_are_malformed() {
    let cases: [(&str, Vec<u8>); 5] = [
        ("noise", vec![3, 0, 0xaa, 0xbb, 0xcc]),
        ("another version", vec![2, 0, 2, 0x82]),
        ("a request", vec![2, 0, 1, 1]),
        ("a giant header", vec![0xff, 0xff, 1, 0x81]),
        ("an empty frame", vec![0, 0]),
    ];
    for (name, bytes) in cases {
        let node = Says { bytes, ends: true }.node();
        let error = node.connect(limits()).await.info().await.unwrap_err();
        assert!(
            matches!(error, RequestError::Malformed(_)) && error.is_lie(),
            "{name}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_that_ends_early_or_never_begins_is_an_error() {
    let whole = Reply::Accepted.to_frame().unwrap();
    for end in 0..whole.len() {
        let node = Says {
            bytes: whole[..end].to_vec(),
            ends: true,
        }
        .node();
        let error = node.connect(limits()).await.info().await.unwrap_err();
        assert!(
            matches!(error, RequestError::ReplyEnded { .. }),
            "{end} bytes: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_of_another_kind_is_refused_by_every_request() {
    let content = bytes(5000);
    let store = store_request(&content);
    let read = ReadRange {
        content_id: store.content_id,
        offset: 0,
        len: 5000,
    };
    let node = Says::reply(&Reply::Accepted).node();
    let connection = node.connect(limits()).await;
    let refused = [
        connection.info().await.unwrap_err(),
        connection
            .store_piece(&store, MemorySource::new(content))
            .await
            .unwrap_err(),
        connection.read_range(&read, 5000).await.unwrap_err(),
        connection
            .open_leaf(&OpenLeaf {
                content_id: store.content_id,
                leaf: 0,
            })
            .await
            .unwrap_err(),
    ];
    for error in refused {
        assert!(
            matches!(error, RequestError::AnotherAnswer { .. }),
            "{error}"
        );
    }
    let continues = Says::reply(&Reply::Continue).node();
    let receipt = honest_receipt(&store, &bytes(5000));
    let acceptance = cairn_wire::Acceptance {
        terms: receipt.terms,
        signature: receipt.signature,
    };
    let error = continues
        .connect(limits())
        .await
        .accept_piece(&acceptance)
        .await
        .unwrap_err();
    assert!(
        matches!(error, RequestError::AnotherAnswer { .. }),
        "{error}"
    );
}

fn honest_receipt(request: &StorePiece, content: &[u8]) -> Receipt {
    let terms = PieceTerms {
        deal: request.deal,
        slot: request.slot,
        provider: PROVIDER,
        content_id: request.content_id,
        comm_p: commitment_of(content),
        b: cairn_merkle::piece::b_for(content.len() as u64),
        byte_len: request.byte_len,
        expiry_unix: 1,
    };
    Receipt {
        terms,
        signature: Signature([1; 65]),
    }
}

/// Takes the body, then gives this Receipt.
fn node_with_receipt(receipt: Receipt) -> RawNode {
    RawNode::start(move |mut send, mut recv| async move {
        send.write_all(&Reply::Continue.to_frame().unwrap())
            .await
            .unwrap();
        recv.read_to_end(1 << 20).await.unwrap();
        send.write_all(&Reply::Receipt(receipt).to_frame().unwrap())
            .await
            .unwrap();
        send.finish().unwrap();
        send.stopped().await.ok();
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_for_another_piece_is_refused_by_the_field_that_differs() {
    let content = bytes(5000);
    let request = store_request(&content);
    let honest = honest_receipt(&request, &content);
    let stored = node_with_receipt(honest)
        .connect(limits())
        .await
        .store_piece(&request, MemorySource::new(content.clone()))
        .await
        .unwrap();
    assert_eq!(stored, honest, "the harness itself is believed");
    let terms = honest.terms;
    let wrong = [
        (
            "deal",
            PieceTerms {
                deal: cairn_wire::DealId(terms.deal.0 + 1),
                ..terms
            },
        ),
        (
            "slot",
            PieceTerms {
                slot: SlotIndex(terms.slot.0 + 1),
                ..terms
            },
        ),
        (
            "content_id",
            PieceTerms {
                content_id: ContentId::of(b"other"),
                ..terms
            },
        ),
        (
            "byte_len",
            PieceTerms {
                byte_len: terms.byte_len + 1,
                ..terms
            },
        ),
    ];
    for (name, terms) in wrong {
        let node = node_with_receipt(Receipt { terms, ..honest });
        let error = node
            .connect(limits())
            .await
            .store_piece(&request, MemorySource::new(content.clone()))
            .await
            .unwrap_err();
        assert!(
            matches!(error, RequestError::AnotherAnswer { field } if field == name),
            "{name}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_stops_taking_a_body_is_left_in_time() {
    let content = bytes(40 << 20);
    let node = RawNode::start(|mut send, recv| async move {
        send.write_all(&Reply::Continue.to_frame().unwrap())
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
        drop(recv);
    });
    let error = node
        .connect(impatient())
        .await
        .store_piece(&store_request(&content), MemorySource::new(content))
        .await
        .unwrap_err();
    assert!(matches!(error, RequestError::TimedOut { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_refuses_inside_the_body_is_heard() {
    let content = bytes(40 << 20);
    let node = RawNode::start(|mut send, mut recv| async move {
        send.write_all(&Reply::Continue.to_frame().unwrap())
            .await
            .unwrap();
        recv.read_chunk(1000, true).await.unwrap();
        recv.stop(3_u32.into()).unwrap();
        send.write_all(
            &Reply::Error(WireError::refused("disk full"))
                .to_frame()
                .unwrap(),
        )
        .await
        .unwrap();
        send.finish().unwrap();
        send.stopped().await.ok();
    });
    let error = node
        .connect(limits())
        .await
        .store_piece(&store_request(&content), MemorySource::new(content))
        .await
        .unwrap_err();
    assert!(
        matches!(&error, RequestError::Refused(reason) if reason.reason() == "disk full"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_not_as_long_as_announced_is_the_callers_error() {
    let content = bytes(100_000);
    let node = Says::reply(&Reply::Continue).then_stalls();
    let node = RawNode::start(move |mut send, recv| {
        let node = node.clone();
        async move {
            send.write_all(&node.bytes).await.unwrap();
            tokio::time::sleep(Duration::from_secs(30)).await;
            drop(recv);
        }
    });
    let connection = node.connect(limits()).await;
    for given in [99_999, 100_001] {
        let request = store_request(&content);
        let error = connection
            .store_piece(&request, MemorySource::new(bytes(given)))
            .await
            .unwrap_err();
        assert!(
            matches!(error, RequestError::SourceLength { expected_bytes: 100_000, got_bytes } if got_bytes == given as u64),
            "{given}: {error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_opening_of_another_leaf_parses_but_does_not_verify() {
    let content = bytes(20_000);
    let (b, tree) = crate::node::piece_tree(&content);
    let opening = tree.open(5).unwrap();
    let node = Says::reply(&Reply::LeafOpening(LeafOpening { b, opening })).node();
    let request = OpenLeaf {
        content_id: ContentId::of(&content),
        leaf: 6,
    };
    let got = node
        .connect(limits())
        .await
        .open_leaf(&request)
        .await
        .unwrap();
    let shape = cairn_merkle::tree::Shape::new(u32::from(b)).unwrap();
    assert!(
        got.opening
            .verify(cairn_merkle::TreeKind::Data, shape, 6, tree.root())
            .is_err(),
        "leaf 5 is not leaf 6"
    );
}
