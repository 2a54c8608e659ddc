//! A segment relayed over several nodes on real sockets.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use cairn_contracts::{DealInfo, Head, NewSlot, ProviderInfo};
use cairn_erasure::Code;
use cairn_merkle::piece;
use cairn_wire::{
    Address, Client, Connection, ContentId, DealId, ErrorCode, Limits, MemorySource, NodeIdentity,
    Period, RelaySegment, RequestError, SecretKey, SectorKind, Server, SlotIndex, SlotOutcome,
    WireError, verify_receipt,
};

use super::fake_chain::FakeChain;
use super::{context_of, start};
use crate::dashboard::Counter;
use crate::serve::{NodeHandler, RelayRules, ServeContext};

const DEAL: DealId = DealId(3);
const SEGMENT_BYTES: usize = 5_000;
/// Three rows of two strips of 1,024 bytes.
const PIECE_BYTES: u64 = 3 * 1024;

/// A node that serves, and what it serves with.
struct Node {
    address: Address,
    operator: SecretKey,
    pin: [u8; 32],
    server: Server,
    context: Arc<ServeContext>,
    _folder: tempfile::TempDir,
}

/// Four nodes and a deal of two of four that names each once.
struct Network {
    chain: FakeChain,
    nodes: Vec<Node>,
    segment: Vec<u8>,
}

fn address(number: u8) -> Address {
    Address([number; 20])
}

const RULES: RelayRules = RelayRules {
    parallel: 1,
    spool_bytes: 4 * PIECE_BYTES,
    bytes_per_s: 0,
    patience: Duration::from_secs(20),
};

fn node(chain: &FakeChain, number: u8, change: impl FnOnce(&mut ServeContext)) -> Node {
    let folder = tempfile::tempdir().unwrap();
    let work = start(folder.path(), chain);
    let operator = SecretKey::from_bytes(&[number; 32]).unwrap();
    let settings = || {
        let mut context = context_of(&work);
        context.me = address(number);
        context.operator = operator.clone();
        context.b_max = 13;
        context.relay = RULES;
        context
    };
    let mut context = settings();
    change(&mut context);
    context.view.note_head(Head {
        number: 1,
        hash: [0; 32],
        timestamp: 1013,
    });
    // A second of the same, for the test to look into.
    let seen = Arc::new(settings());
    let identity = NodeIdentity::generate(&[number; 32]).unwrap();
    let anywhere: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let handler = Arc::new(NodeHandler::new(context));
    let server = Server::bind(anywhere, &identity, Limits::default(), handler).unwrap();
    register(
        chain,
        number,
        server.local_addr().to_string(),
        identity.pin(),
    );
    Node {
        address: address(number),
        operator,
        pin: identity.pin(),
        server,
        context: seen,
        _folder: folder,
    }
}

fn register(chain: &FakeChain, number: u8, endpoint: String, tls_pin: [u8; 32]) {
    let info = ProviderInfo {
        address: address(number),
        endpoint,
        tls_pin,
        operator: address(number),
        ask_per_tib_period: 0,
    };
    chain.table().providers.insert(address(number), info);
}

impl Network {
    fn new() -> Self {
        Self::changed(|_, _| {})
    }

    /// Each node's settings changed by its place.
    fn changed(change: impl Fn(usize, &mut ServeContext)) -> Self {
        let chain = FakeChain::at(1013);
        let numbers = (0..4).zip(1_u8..);
        let nodes = numbers
            .map(|(at, number)| node(&chain, number, |context| change(at, context)))
            .collect();
        let mut segment = vec![0; SEGMENT_BYTES];
        let mut noise = blake3::Hasher::new().finalize_xof();
        noise.fill(&mut segment);
        let network = Self {
            chain,
            nodes,
            segment,
        };
        let deal = network.new_deal();
        network.chain.table().deals.insert(DEAL, deal);
        network
    }

    fn new_deal(&self) -> DealInfo {
        let code = Code::new(2, 4, 1024).unwrap();
        let pieces = code.encode_segment(&self.segment);
        let slots = pieces.iter().zip(&self.nodes).map(|(bytes, node)| NewSlot {
            content_id: ContentId::of(bytes),
            b: piece::b_for(PIECE_BYTES),
            byte_len: PIECE_BYTES,
            provider: node.address,
        });
        DealInfo {
            id: DEAL,
            owner: address(99),
            k: 2,
            n: 4,
            code_id: 1,
            kind: SectorKind::Hot,
            strip_bytes: 1024,
            segment_bytes: SEGMENT_BYTES as u64,
            price_per_slot_period: 5,
            start_period: Period(1),
            end_period: Period(9),
            activate_by: Period(9),
            filled: 0,
            live: 0,
            closed: 0,
            scarce_since_unix: None,
            cancelled: false,
            escrow_left: 1000,
            slots: slots.collect(),
        }
    }

    fn change_deal(&self, change: impl FnOnce(&mut DealInfo)) {
        change(self.chain.table().deals.get_mut(&DEAL).unwrap());
    }

    async fn connect(&self, node: usize) -> Connection {
        let node = &self.nodes[node];
        let endpoint = node.server.local_addr().to_string();
        let client = Client::new(Limits::default());
        client.connect(&endpoint, node.pin).await.unwrap()
    }

    /// What node 0 answers before it has seen a byte.
    async fn refusal(&self, request: RelaySegment) -> WireError {
        let asked = self.connect(0).await.relay_segment(&request).await;
        match asked.expect_err("no offer") {
            RequestError::Refused(refusal) => refusal,
            other => panic!("{other}"),
        }
    }

    /// A segment by node 0: what was said of the slots, and what ended it too early.
    async fn relay(&self, segment: Vec<u8>) -> (Vec<SlotOutcome>, Option<RequestError>) {
        let connection = self.connect(0).await;
        let offer = connection.relay_segment(&request()).await.unwrap();
        let mut news = offer.send(MemorySource::new(segment)).await.unwrap();
        let mut told = Vec::new();
        let end = loop {
            match news.next().await {
                Ok(Some(outcome)) => told.push(outcome),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        told.sort_by_key(|outcome| outcome.slot);
        (told, end)
    }

    fn counted(&self, node: usize, counter: Counter) -> u64 {
        self.nodes[node].context.metrics.counter(counter)
    }
}

fn request() -> RelaySegment {
    RelaySegment {
        deal: DEAL,
        slot: SlotIndex(0),
        k: 2,
        n: 4,
        code_id: 1,
        strip_bytes: 1024,
        segment_bytes: SEGMENT_BYTES as u64,
    }
}

fn stored(told: &[SlotOutcome]) -> Vec<bool> {
    told.iter().map(|outcome| outcome.result.is_ok()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_comes_once_and_every_provider_signs_for_its_piece() {
    let network = Network::new();
    let (told, end) = network.relay(network.segment.clone()).await;
    assert!(end.is_none(), "all slots were told of: {end:?}");
    assert_eq!(stored(&told), [true; 4], "{told:?}");
    let deal = network.new_deal();
    let domain = network.nodes[0].context.domain;
    for ((outcome, slot), node) in told.iter().zip(&deal.slots).zip(&network.nodes) {
        let receipt = outcome.result.as_ref().unwrap();
        let terms = &receipt.terms;
        assert_eq!(
            (terms.provider, terms.content_id, terms.byte_len),
            (node.address, slot.content_id, PIECE_BYTES),
            "its own piece"
        );
        let signer = node.operator.address();
        verify_receipt(&domain, terms, &receipt.signature, signer).unwrap();
        let piece = node.context.ledger.store().piece(&slot.content_id).unwrap();
        assert_eq!(piece.unwrap().comm_p, terms.comm_p, "it is on its disk");
    }
    let counters = [
        Counter::SegmentsRelayed,
        Counter::PiecesForwarded,
        Counter::BytesForwarded,
        Counter::ForwardsFailed,
        Counter::PiecesStored,
    ];
    let counted = counters.map(|counter| network.counted(0, counter));
    assert_eq!(counted, [1, 3, 3 * PIECE_BYTES, 0, 1], "at the relay");
    assert_eq!(network.counted(3, Counter::PiecesStored), 1, "at a holder");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_is_not_the_deals_is_refused_before_the_body() {
    let network = Network::new();
    let good = request();
    let cases: [(RelaySegment, &str); 8] = [
        (
            RelaySegment {
                deal: DealId(4),
                ..good
            },
            "deal 4 is not on chain",
        ),
        (
            RelaySegment {
                slot: SlotIndex(1),
                ..good
            },
            "the slot names another provider",
        ),
        (
            RelaySegment {
                slot: SlotIndex(4),
                ..good
            },
            "deal 3 has no slot 4",
        ),
        (
            RelaySegment { k: 1, ..good },
            "the deal says 2 for k, the request 1",
        ),
        (
            RelaySegment { n: 5, ..good },
            "the deal says 4 for n, the request 5",
        ),
        (
            RelaySegment { code_id: 2, ..good },
            "the deal says 1 for code id, the request 2",
        ),
        (
            RelaySegment {
                strip_bytes: 512,
                ..good
            },
            "the deal says 1024 for strip bytes, the request 512",
        ),
        (
            RelaySegment {
                segment_bytes: 4_999,
                ..good
            },
            "the deal says 5000 for segment bytes, the request 4999",
        ),
    ];
    for (request, expected) in cases {
        assert_eq!(network.refusal(request).await.reason(), expected);
    }
    assert_eq!(network.counted(0, Counter::SegmentsRefused), 8, "counted");
    let (told, _) = network.relay(network.segment.clone()).await;
    assert_eq!(stored(&told), [true; 4], "and the good one is taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deal_that_cannot_be_filled_or_does_not_add_up_is_refused_before_the_body() {
    let network = Network::new();
    type Change = fn(&mut DealInfo);
    let changes: [(Change, &str); 7] = [
        (|deal| deal.escrow_left = 4, "the deal is not funded"),
        (|deal| deal.cancelled = true, "the deal was cancelled"),
        (
            |deal| deal.activate_by = Period(0),
            "it is too late to fill a slot of this deal",
        ),
        (
            |deal| deal.code_id = 2,
            "the deal says 2 for code id, the request 1",
        ),
        (
            |deal| deal.slots[3].byte_len += 1,
            "the deal's slots are not the pieces of its segment",
        ),
        (
            |deal| deal.slots.truncate(3),
            "the deal's slots are not the pieces of its segment",
        ),
        (
            |deal| deal.slots[0].b = 9,
            "a piece of that length has b = 7, the slot says 9",
        ),
    ];
    for (change, expected) in changes {
        network.change_deal(change);
        assert_eq!(network.refusal(request()).await.reason(), expected);
        network.change_deal(|deal| *deal = network.new_deal());
    }
    let strange = RelaySegment {
        code_id: 2,
        ..request()
    };
    network.change_deal(|deal| deal.code_id = 2);
    let said = network.refusal(strange).await;
    assert_eq!(said.reason(), "this node does not know the deal's code");
    network.change_deal(|deal| *deal = network.new_deal());
    network.chain.table().filled.insert((DEAL, SlotIndex(0)));
    let said = network.refusal(request()).await;
    assert_eq!(said.reason(), "the slot is filled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_bounds_what_is_relayed_and_unconfirmed_deals_wait() {
    let with = |change: fn(&mut ServeContext)| Network::changed(move |_, context| change(context));
    type Change = fn(&mut ServeContext);
    let cases: [(Change, ErrorCode, &str); 5] = [
        (
            |context| context.relay.parallel = 0,
            ErrorCode::Refused,
            "this node relays nothing",
        ),
        (
            |context| context.relay.spool_bytes = 4 * PIECE_BYTES - 1,
            ErrorCode::TooLarge,
            "at most 12287 bytes of pieces are relayed at a time",
        ),
        (
            |context| context.reserve_bytes = u64::MAX,
            ErrorCode::Refused,
            "the node's disk is full",
        ),
        (
            |context| context.quota_bytes = PIECE_BYTES - 1,
            ErrorCode::Refused,
            "the node's quota is used up",
        ),
        (
            |context| context.confirmations = 3,
            ErrorCode::Busy,
            "the deal is not confirmed yet: come back in a few blocks",
        ),
    ];
    for (change, code, reason) in cases {
        let said = with(change).refusal(request()).await;
        assert_eq!((said.code(), said.reason()), (code, reason));
    }
    let network = Network::new();
    network.change_deal(|deal| {
        deal.k = 255;
        deal.n = 256;
        deal.strip_bytes = 1 << 20;
    });
    let wide = RelaySegment {
        k: 255,
        n: 256,
        strip_bytes: 1 << 20,
        ..request()
    };
    let said = network.refusal(wide).await;
    assert_eq!(
        said.reason(),
        "a row of the deal's code is too long to relay"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_not_the_deals_are_handed_to_nobody() {
    let network = Network::new();
    for at in [0, 1024, SEGMENT_BYTES - 1] {
        let mut other = network.segment.clone();
        other[at] ^= 1;
        let (told, end) = network.relay(other).await;
        assert!(told.is_empty(), "byte {at}: nothing is said of any slot");
        let Some(RequestError::Refused(error)) = end else {
            panic!("byte {at}: {end:?}")
        };
        assert_eq!(error.code(), ErrorCode::BadRequest, "byte {at}: {error}");
    }
    for node in 0..4 {
        assert_eq!(network.counted(node, Counter::PiecesStored), 0, "{node}");
    }
    assert_eq!(network.counted(0, Counter::SegmentsRelayed), 0, "counted");
    assert_eq!(network.counted(0, Counter::SegmentsRefused), 3, "counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_refuses_or_is_not_there_fails_its_slot_alone() {
    let network = Network::changed(|at, context| {
        if at == 1 {
            context.quota_bytes = 1;
        }
    });
    network.chain.table().providers.remove(&address(3));
    let nobody = NodeIdentity::generate(&[77; 32]).unwrap().pin();
    let endpoint = network.nodes[3].server.local_addr().to_string();
    register(&network.chain, 4, endpoint, nobody);
    let (told, end) = network.relay(network.segment.clone()).await;
    assert!(end.is_none(), "all slots were told of: {end:?}");
    assert_eq!(stored(&told), [true, false, false, false], "{told:?}");
    let reasons: Vec<String> = told[1..]
        .iter()
        .map(|outcome| outcome.result.clone().unwrap_err().to_string())
        .collect();
    assert!(reasons[0].contains("quota is used up"), "{reasons:?}");
    assert!(reasons[1].contains("not registered"), "{reasons:?}");
    assert!(reasons[2].contains("no way to the holder"), "{reasons:?}");
    let failed = network.counted(0, Counter::ForwardsFailed);
    assert_eq!(failed, 3, "counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_has_not_seen_the_deal_deep_enough_is_asked_again() {
    let network = Network::changed(|at, context| {
        if at == 2 {
            context.confirmations = 2;
        }
    });
    let view = Arc::clone(&network.nodes[2].context.view);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(500)).await;
        view.note_opened(DEAL, 0);
    });
    let (told, _) = network.relay(network.segment.clone()).await;
    assert_eq!(stored(&told), [true; 4], "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_peer_has_one_segment_at_a_time_and_its_place_back_when_it_leaves() {
    let network = Network::new();
    let connection = network.connect(0).await;
    let first = connection.relay_segment(&request()).await.unwrap();
    let said = network.refusal(request()).await;
    let expected = (ErrorCode::Busy, "a segment of yours is being relayed");
    assert_eq!((said.code(), said.reason()), expected);
    drop(first);
    a_place_is_free(&network).await;
    // Nobody answers for slot 3: the relay is at it when the client goes.
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let endpoint = silent.local_addr().unwrap().to_string();
    register(&network.chain, 4, endpoint, [0; 32]);
    let offer = connection.relay_segment(&request()).await.unwrap();
    let source = MemorySource::new(network.segment.clone());
    let mut news = offer.send(source).await.unwrap();
    for _ in 0..3 {
        news.next().await.unwrap().unwrap();
    }
    assert_eq!(network.refusal(request()).await.code(), ErrorCode::Busy);
    drop(news);
    a_place_is_free(&network).await;
}

/// Within five seconds: far less than the silent holder would be waited for.
async fn a_place_is_free(network: &Network) {
    let connection = network.connect(0).await;
    for _ in 0..100 {
        if connection.relay_segment(&request()).await.is_ok() {
            // The offer is dropped; the node takes a moment to hear of it.
            tokio::time::sleep(Duration::from_millis(300)).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the place was not given back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_that_takes_too_long_ends_with_what_was_done() {
    let network = Network::changed(|_, context| {
        context.relay.patience = Duration::from_secs(2);
    });
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let endpoint = silent.local_addr().unwrap().to_string();
    register(&network.chain, 4, endpoint, [0; 32]);
    let (told, end) = network.relay(network.segment.clone()).await;
    assert_eq!(stored(&told), [true; 3], "the others: {told:?}");
    assert!(
        matches!(end, Some(RequestError::ReplyEnded { .. })),
        "{end:?}"
    );
}
