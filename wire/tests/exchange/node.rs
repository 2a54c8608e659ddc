//! An honest node that keeps pieces in memory, with switches for what a test needs.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cairn_merkle::range::{Outboard, encode_range};
use cairn_merkle::{Fr, TreeKind, piece, tree};
use cairn_wire::{
    Acceptance, Address, Client, Commitment, Connection, ContentId, DealId, Eip712Domain, Handler,
    HandlerFuture, LeafOpening, Limits, MemorySource, NodeIdentity, NodeInfo, OpenLeaf, Peer,
    PieceBody, PieceIntake, PieceTerms, RangeHeader, RangeReply, ReadRange, Receipt, RelaySegment,
    SecretKey, SegmentIntake, Server, SlotIndex, SlotOutcome, StorePiece, WireError, sign_receipt,
};
use tokio::sync::mpsc;

pub(crate) const DOMAIN: Eip712Domain = Eip712Domain {
    chain_id: 31337,
    deals: Address([0xde; 20]),
};
pub(crate) const PROVIDER: Address = Address([0x11; 20]);
/// The only deal the node knows.
pub(crate) const DEAL: DealId = DealId(7);

pub(crate) fn operator() -> SecretKey {
    SecretKey::from_bytes(&[0x42; 32]).unwrap()
}

/// Time-outs long enough for a busy machine; tests of a time-out shorten that one.
pub(crate) fn limits() -> Limits {
    let patient = Duration::from_secs(20);
    Limits {
        handshake_timeout: patient,
        header_timeout: patient,
        request_timeout: patient,
        body_stall: patient,
        ..Limits::default()
    }
}

/// Bytes that repeat nowhere.
pub(crate) fn bytes(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        out.extend_from_slice(&(state ^ (state >> 29)).to_le_bytes());
    }
    out.truncate(len);
    out
}

pub(crate) fn store_request(bytes: &[u8]) -> StorePiece {
    StorePiece {
        deal: DEAL,
        slot: SlotIndex(3),
        content_id: ContentId::of(bytes),
        byte_len: u64::try_from(bytes.len()).unwrap(),
    }
}

#[derive(Default)]
pub(crate) struct MemoryNode {
    pub(crate) pieces: Mutex<HashMap<ContentId, Vec<u8>>>,
    /// Segments that were relayed.
    pub(crate) segments: Arc<Mutex<HashMap<ContentId, Vec<u8>>>>,
    pub(crate) accepted: Mutex<Vec<Acceptance>>,
    /// Bodies that were begun and not yet given up or finished.
    pub(crate) intakes: Arc<AtomicUsize>,
    pub(crate) admitted: AtomicUsize,
    pub(crate) ways: Ways,
    /// What is said of the slots of a segment; nothing is relayed without it.
    pub(crate) outcomes: Option<Vec<SlotOutcome>>,
    /// Whether the end of what is said of a segment is put off until the client is gone.
    pub(crate) lingers: bool,
    /// Relays whose client is gone.
    pub(crate) left: Arc<AtomicUsize>,
}

/// How the node misbehaves, in ways its wire must cope with.
#[derive(Default, Clone, Copy)]
pub(crate) struct Ways {
    pub(crate) info_takes: Duration,
    pub(crate) opening_takes: Duration,
    pub(crate) answers_after_bytes: Option<u64>,
    pub(crate) signs_for_another_slot: bool,
    pub(crate) range_is_short_by: usize,
    pub(crate) panics_on_info: bool,
    /// Takes a segment and ends there, without reading it.
    pub(crate) relays_unread: bool,
}

pub(crate) struct Node {
    pub(crate) server: Server,
    pub(crate) handler: Arc<MemoryNode>,
    pub(crate) pin: [u8; 32],
}

impl Node {
    pub(crate) fn start(limits: Limits) -> Self {
        Self::start_with(limits, MemoryNode::default())
    }

    pub(crate) fn start_with(limits: Limits, handler: MemoryNode) -> Self {
        let identity = NodeIdentity::generate(&[1; 32]).unwrap();
        let handler = Arc::new(handler);
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let server = Server::bind(anywhere, &identity, limits, handler.clone()).unwrap();
        Self {
            server,
            handler,
            pin: identity.pin(),
        }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.server.local_addr().to_string()
    }

    pub(crate) async fn connect(&self) -> Connection {
        self.connect_with(limits()).await
    }

    pub(crate) async fn connect_with(&self, limits: Limits) -> Connection {
        Client::new(limits)
            .connect(&self.endpoint(), self.pin)
            .await
            .unwrap()
    }

    /// Puts a piece there without the wire.
    pub(crate) fn has(&self, bytes: &[u8]) -> ContentId {
        let id = ContentId::of(bytes);
        self.handler
            .pieces
            .lock()
            .unwrap()
            .insert(id, bytes.to_vec());
        id
    }
}

/// Waits until something holds, at most ten seconds.
pub(crate) async fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{what}: not within ten seconds");
}

struct Intake {
    request: StorePiece,
    node: Arc<AtomicUsize>,
    ways: Ways,
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.node.fetch_sub(1, Ordering::SeqCst);
    }
}

impl PieceIntake for Intake {
    fn receive<'a>(self: Box<Self>, body: &'a mut PieceBody) -> HandlerFuture<'a, Receipt> {
        Box::pin(async move {
            let mut bytes = Vec::new();
            while let Some(chunk) = body.next_chunk().await? {
                assert!(
                    chunk.len() <= cairn_wire::MAX_CHUNK_BYTES,
                    "chunks are bounded"
                );
                bytes.extend_from_slice(&chunk);
                if self
                    .ways
                    .answers_after_bytes
                    .is_some_and(|limit| body.received_bytes() >= limit)
                {
                    return Err(WireError::refused("disk full"));
                }
            }
            if ContentId::of(&bytes) != self.request.content_id {
                return Err(WireError::bad_request(
                    "the body does not have the announced content id",
                ));
            }
            let commitment = piece::commit(&bytes).map_err(WireError::internal)?;
            let slot = SlotIndex(self.request.slot.0 + u8::from(self.ways.signs_for_another_slot));
            let terms = PieceTerms {
                deal: self.request.deal,
                slot,
                provider: PROVIDER,
                content_id: self.request.content_id,
                comm_p: commitment.comm_p,
                b: commitment.b,
                byte_len: self.request.byte_len,
                expiry_unix: 1_800_000_000,
            };
            let signature =
                sign_receipt(&DOMAIN, &terms, &operator()).map_err(WireError::internal)?;
            Ok(Receipt { terms, signature })
        })
    }
}

/// A segment that ends up among the segments, and what is said of its slots.
struct Segment {
    pieces: Arc<Mutex<HashMap<ContentId, Vec<u8>>>>,
    outcomes: Vec<SlotOutcome>,
    lingers: bool,
    left: Arc<AtomicUsize>,
    unread: bool,
}

impl SegmentIntake for Segment {
    fn receive<'a>(
        self: Box<Self>,
        body: &'a mut PieceBody,
    ) -> HandlerFuture<'a, mpsc::Receiver<SlotOutcome>> {
        Box::pin(async move {
            let mut bytes = Vec::new();
            while !self.unread
                && let Some(chunk) = body.next_chunk().await?
            {
                bytes.extend_from_slice(&chunk);
            }
            let id = ContentId::of(&bytes);
            self.pieces.lock().unwrap().insert(id, bytes);
            let (sender, receiver) = mpsc::channel(1);
            tokio::spawn(async move {
                for outcome in self.outcomes {
                    if sender.send(outcome).await.is_err() {
                        break;
                    }
                }
                if self.lingers {
                    sender.closed().await;
                    self.left.fetch_add(1, Ordering::SeqCst);
                }
            });
            Ok(receiver)
        })
    }
}

impl MemoryNode {
    fn find(&self, id: &ContentId) -> Result<Vec<u8>, WireError> {
        self.pieces
            .lock()
            .unwrap()
            .get(id)
            .cloned()
            .ok_or_else(|| WireError::not_found("no such piece"))
    }
}

impl Handler for MemoryNode {
    fn info(&self, _peer: Peer) -> HandlerFuture<'_, NodeInfo> {
        Box::pin(async move {
            assert!(!self.ways.panics_on_info, "as asked");
            tokio::time::sleep(self.ways.info_takes).await;
            Ok(NodeInfo {
                provider: PROVIDER,
                operator: operator().address(),
                chain_id: DOMAIN.chain_id,
                deals: DOMAIN.deals,
                parameter_set: "test".to_owned(),
                software: "memory node".to_owned(),
                b_max: 13,
                free_bytes: 1 << 30,
                now_unix: 1_790_000_000,
            })
        })
    }

    fn admit_piece(
        &self,
        _peer: Peer,
        request: StorePiece,
    ) -> HandlerFuture<'_, Box<dyn PieceIntake>> {
        Box::pin(async move {
            if request.deal != DEAL {
                return Err(WireError::refused("no such deal"));
            }
            self.admitted.fetch_add(1, Ordering::SeqCst);
            self.intakes.fetch_add(1, Ordering::SeqCst);
            let intake = Intake {
                request,
                node: Arc::clone(&self.intakes),
                ways: self.ways,
            };
            Ok(Box::new(intake) as Box<dyn PieceIntake>)
        })
    }

    fn admit_segment(
        &self,
        _peer: Peer,
        request: RelaySegment,
    ) -> HandlerFuture<'_, Box<dyn SegmentIntake>> {
        Box::pin(async move {
            let outcomes = self.outcomes.clone();
            let outcomes = outcomes.filter(|_| request.deal == DEAL);
            let segment = Segment {
                pieces: Arc::clone(&self.segments),
                outcomes: outcomes.ok_or_else(|| WireError::refused("not relayed"))?,
                lingers: self.lingers,
                left: Arc::clone(&self.left),
                unread: self.ways.relays_unread,
            };
            Ok(Box::new(segment) as Box<dyn SegmentIntake>)
        })
    }

    fn accept_piece(&self, _peer: Peer, acceptance: Acceptance) -> HandlerFuture<'_, ()> {
        Box::pin(async move {
            if acceptance.terms.provider != PROVIDER {
                return Err(WireError::refused("an Acceptance for another provider"));
            }
            self.accepted.lock().unwrap().push(acceptance);
            Ok(())
        })
    }

    fn read_range(&self, _peer: Peer, request: ReadRange) -> HandlerFuture<'_, RangeReply> {
        Box::pin(async move {
            let bytes = self.find(&request.content_id)?;
            let (_, outboard) = Outboard::build(&bytes).map_err(WireError::internal)?;
            let piece_byte_len = bytes.len() as u64;
            let outboard = Outboard::from_parts(request.content_id, piece_byte_len, outboard)
                .map_err(WireError::internal)?;
            let mut encoded =
                encode_range(bytes.as_slice(), &outboard, request.offset, request.len)
                    .map_err(WireError::bad_request)?;
            let header = RangeHeader {
                piece_byte_len,
                encoded_len: encoded.len() as u64,
            };
            encoded.truncate(encoded.len() - self.ways.range_is_short_by);
            Ok(RangeReply {
                header,
                body: Box::new(MemorySource::new(encoded)),
            })
        })
    }

    fn open_leaf(&self, _peer: Peer, request: OpenLeaf) -> HandlerFuture<'_, LeafOpening> {
        Box::pin(async move {
            tokio::time::sleep(self.ways.opening_takes).await;
            let (b, tree) = piece_tree(&self.find(&request.content_id)?);
            let opening = tree.open(request.leaf).map_err(WireError::bad_request)?;
            Ok(LeafOpening { b, opening })
        })
    }
}

/// The whole tree of a small piece.
pub(crate) fn piece_tree(bytes: &[u8]) -> (u8, tree::Tree) {
    let b = piece::b_for(bytes.len() as u64);
    let mut leaves = cairn_merkle::fr32::encode(bytes);
    leaves.resize(1 << b, Fr::from(0));
    (b, tree::Tree::build(TreeKind::Data, &leaves).unwrap())
}

pub(crate) fn commitment_of(bytes: &[u8]) -> Commitment {
    piece::commit(bytes).unwrap().comm_p
}
