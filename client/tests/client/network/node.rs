//! A node that keeps pieces in memory, and lies on demand.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cairn_merkle::range::{self, Outboard};
use cairn_merkle::tree::Tree;
use cairn_merkle::{ContentId, Fr, TreeKind, domain, fr32, piece};
use cairn_wire::{
    Acceptance, Address, ChannelSource, Handler, HandlerFuture, LeafOpening, MemorySource,
    NodeInfo, OpenLeaf, Peer, PieceBody, PieceIntake, PieceTerms, RangeHeader, RangeReply,
    ReadRange, Receipt, RelaySegment, SecretKey, SegmentIntake, StorePiece, WireError,
    sign_receipt, verify_acceptance,
};
use tokio::sync::mpsc;

use super::market::{NOW, TableMarket};
use super::relay;

/// What a node does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Behaviour {
    #[default]
    Honest,
    /// Receipt with the commitment of other bytes.
    WrongCommP,
    /// As that, and it shows no leaf.
    HidesItsLie,
    /// Receipt with the commitment of a tree of which the second half is made up; it shows what it committed to.
    HalfFalse,
    /// Shows no leaf, though its Receipt is right.
    ShowsNoLeaf,
    /// Receipt signed by another key.
    WrongSigner,
    /// Receipt that has run out.
    Expired,
    /// Takes the body, then fails.
    FailsAfterBody,
    /// Takes a little of the body and never more.
    StallsUpload,
    /// Answers until a piece comes; then nobody is there any more.
    DiesWhenAdmitting,
    /// Does not know the deal at first.
    NotYet,
    /// Accepts nothing.
    RefusesAcceptance,
    /// Never activates.
    NeverActivates,
    /// Serves flipped bits in an otherwise valid encoding.
    WrongBytes,
    /// Serves the right bytes, cut off.
    Truncates,
    /// Serves the header and then nothing.
    StallsRead,
    /// Serves another piece it holds, under its own right proof.
    AnotherPiece,
    /// Announces another length of the piece.
    AnotherLength,
    /// Has to unseal first: says so so many times, then serves.
    Unseals(usize),
    /// Lost everything.
    Lost,
    /// Says its room is gone.
    Full,
    /// Follows another market.
    OtherMarket,
    /// Refuses every segment.
    RelaysNothing,
    /// Refuses the first segment as busy.
    RelaysLater,
    /// Never says whether it takes a segment.
    RelayIsMute,
    /// Takes a little of a segment and never more.
    RelayStallsBody,
    /// Takes a whole segment and says nothing.
    RelayStalls,
    /// Does not hand on the piece of slot 1.
    RelayDrops,
    /// Codes a wrong parity.
    RelayMiscodes,
    /// Signs the Receipts of all slots itself.
    RelayForges,
    /// Gives each slot the Receipt of another piece.
    RelaySwaps,
}

pub(crate) struct FakeNode {
    pub(crate) provider: Address,
    pub(crate) operator: SecretKey,
    pub(crate) behaviour: Mutex<Behaviour>,
    pub(crate) market: TableMarket,
    pub(crate) pieces: Mutex<HashMap<ContentId, Vec<u8>>>,
    pub(crate) reads: AtomicUsize,
    pub(crate) stores: AtomicUsize,
    pub(crate) leaves: AtomicUsize,
    pub(crate) trees: Mutex<HashMap<ContentId, Tree>>,
    pub(crate) segments: AtomicUsize,
    pub(crate) acceptances: Mutex<Vec<Acceptance>>,
}

impl FakeNode {
    pub(crate) fn behaviour(&self) -> Behaviour {
        *self.behaviour.lock().unwrap()
    }

    fn open(&self, request: OpenLeaf) -> Result<LeafOpening, WireError> {
        self.leaves.fetch_add(1, Ordering::Relaxed);
        let behaviour = self.behaviour();
        if matches!(behaviour, Behaviour::ShowsNoLeaf | Behaviour::HidesItsLie) {
            return Err(WireError::not_found("no leaf of mine"));
        }
        let pieces = self.pieces.lock().unwrap();
        let bytes = pieces.get(&request.content_id);
        let bytes = bytes.ok_or_else(|| WireError::not_found("not here"))?;
        // a tree for each leaf would take minutes
        let mut trees = self.trees.lock().unwrap();
        let tree = trees
            .entry(request.content_id)
            .or_insert_with(|| tree_of(bytes, behaviour));
        Ok(LeafOpening {
            b: piece::b_for(bytes.len() as u64),
            opening: tree.open(request.leaf).unwrap(),
        })
    }

    fn serve(&self, request: ReadRange) -> Result<RangeReply, WireError> {
        let earlier = self.reads.fetch_add(1, Ordering::Relaxed);
        let behaviour = self.behaviour();
        if let Behaviour::Unseals(times) = behaviour
            && earlier < times
        {
            return Err(WireError::later(1, "being unsealed"));
        }
        let pieces = self.pieces.lock().unwrap();
        let mut wanted = request.content_id;
        if behaviour == Behaviour::Lost {
            return Err(WireError::not_found("lost"));
        }
        if behaviour == Behaviour::AnotherPiece {
            let len = pieces.get(&wanted).map(Vec::len);
            let another = pieces
                .iter()
                .find(|(id, bytes)| **id != wanted && Some(bytes.len()) == len);
            wanted = another.map_or(wanted, |(id, _)| *id);
        }
        let bytes = pieces
            .get(&wanted)
            .ok_or_else(|| WireError::not_found("not here"))?;
        let encoded = encode(wanted, bytes, &request, behaviour);
        let piece_byte_len = bytes.len() as u64 + u64::from(behaviour == Behaviour::AnotherLength);
        let header = RangeHeader {
            piece_byte_len,
            encoded_len: encoded.len() as u64,
        };
        let body: Box<dyn cairn_wire::ChunkSource> = match behaviour {
            Behaviour::Truncates => {
                Box::new(MemorySource::new(encoded[..encoded.len() / 2].to_vec()))
            }
            Behaviour::StallsRead => Box::new(ChannelSource::new(never_ending())),
            _ => Box::new(MemorySource::new(encoded)),
        };
        Ok(RangeReply { header, body })
    }
}

/// The tree that a node has over a piece.
fn tree_of(bytes: &[u8], behaviour: Behaviour) -> Tree {
    let leaves_all = 1 << piece::b_for(bytes.len() as u64);
    let mut leaves = fr32::encode(bytes);
    leaves.resize(leaves_all, Fr::from(0_u64));
    if behaviour == Behaviour::HalfFalse {
        for leaf in &mut leaves[leaves_all / 2..] {
            *leaf += Fr::from(1_u64);
        }
    }
    Tree::build(TreeKind::Data, &leaves).unwrap()
}

/// A channel whose sender lives on and never sends.
fn never_ending() -> mpsc::Receiver<std::io::Result<bytes::Bytes>> {
    let (sender, receiver) = mpsc::channel(1);
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(600)).await;
        drop(sender);
    });
    receiver
}

/// The last bytes of an encoding are bytes of the piece.
fn encode(id: ContentId, bytes: &[u8], request: &ReadRange, behaviour: Behaviour) -> Vec<u8> {
    let (_, outboard) = Outboard::build(bytes).unwrap();
    let outboard = Outboard::from_parts(id, bytes.len() as u64, outboard).unwrap();
    let mut encoded = range::encode_range(bytes, &outboard, request.offset, request.len).unwrap();
    if behaviour == Behaviour::WrongBytes {
        *encoded.last_mut().unwrap() ^= 1;
    }
    encoded
}

/// The handler of the wire server.
#[derive(Clone)]
pub(crate) struct NodeHandler(pub Arc<FakeNode>);

impl Handler for NodeHandler {
    fn info(&self, _peer: Peer) -> HandlerFuture<'_, NodeInfo> {
        let node = &self.0;
        let domain = TableMarket::domain_of();
        let behaviour = node.behaviour();
        Box::pin(async move {
            Ok(NodeInfo {
                provider: node.provider,
                operator: node.operator.address(),
                chain_id: if behaviour == Behaviour::OtherMarket {
                    1
                } else {
                    domain.chain_id
                },
                deals: domain.deals,
                parameter_set: "devnet".into(),
                software: "test".into(),
                b_max: 17,
                free_bytes: if behaviour == Behaviour::Full {
                    10
                } else {
                    1 << 40
                },
                now_unix: NOW,
            })
        })
    }

    fn admit_piece(
        &self,
        _peer: Peer,
        request: StorePiece,
    ) -> HandlerFuture<'_, Box<dyn PieceIntake>> {
        let node = Arc::clone(&self.0);
        Box::pin(async move {
            let attempt = node.stores.fetch_add(1, Ordering::Relaxed);
            if node.behaviour() == Behaviour::DiesWhenAdmitting {
                return std::future::pending().await;
            }
            if node.behaviour() == Behaviour::NotYet && attempt < 2 {
                return Err(WireError::not_found("no such deal"));
            }
            let deal = node
                .market
                .find(request.deal)
                .ok_or_else(|| WireError::not_found("no such deal"))?;
            let slot = deal.slots[usize::from(request.slot.0)];
            let mine = slot.provider == node.provider
                && slot.content_id == request.content_id
                && slot.byte_len == request.byte_len;
            if !mine {
                return Err(WireError::refused("not my slot"));
            }
            Ok(Box::new(Intake { node, request }) as Box<dyn PieceIntake>)
        })
    }

    fn admit_segment(
        &self,
        _peer: Peer,
        request: RelaySegment,
    ) -> HandlerFuture<'_, Box<dyn SegmentIntake>> {
        Box::pin(async move {
            if self.0.behaviour() == Behaviour::RelayIsMute {
                return std::future::pending().await;
            }
            relay::admit(&self.0, request)
        })
    }

    fn accept_piece(&self, _peer: Peer, acceptance: Acceptance) -> HandlerFuture<'_, ()> {
        let node = &self.0;
        Box::pin(async move {
            let terms = acceptance.terms;
            let deal = node
                .market
                .find(terms.deal)
                .ok_or_else(|| WireError::not_found("no such deal"))?;
            verify_acceptance(
                &TableMarket::domain_of(),
                &terms,
                &acceptance.signature,
                deal.owner,
            )
            .map_err(|error| WireError::bad_request(error.to_string()))?;
            match node.behaviour() {
                Behaviour::RefusesAcceptance => return Err(WireError::internal("no")),
                Behaviour::NeverActivates => {}
                _ => node
                    .market
                    .fill(terms.deal, terms.slot, node.provider, terms.comm_p),
            }
            node.acceptances.lock().unwrap().push(acceptance);
            Ok(())
        })
    }

    fn read_range(&self, _peer: Peer, request: ReadRange) -> HandlerFuture<'_, RangeReply> {
        Box::pin(async move { self.0.serve(request) })
    }

    fn open_leaf(&self, _peer: Peer, request: OpenLeaf) -> HandlerFuture<'_, LeafOpening> {
        Box::pin(async move { self.0.open(request) })
    }
}

struct Intake {
    node: Arc<FakeNode>,
    request: StorePiece,
}

impl PieceIntake for Intake {
    fn receive<'a>(self: Box<Self>, body: &'a mut PieceBody) -> HandlerFuture<'a, Receipt> {
        Box::pin(async move {
            let behaviour = self.node.behaviour();
            let mut bytes = Vec::new();
            while let Some(chunk) = body.next_chunk().await? {
                bytes.extend_from_slice(&chunk);
                if behaviour == Behaviour::StallsUpload {
                    tokio::time::sleep(Duration::from_secs(600)).await;
                }
            }
            if behaviour == Behaviour::FailsAfterBody {
                return Err(WireError::internal("the disk is full"));
            }
            if ContentId::of(&bytes) != self.request.content_id {
                return Err(WireError::bad_request("not the piece of that content id"));
            }
            let receipt = self.receipt(behaviour, &bytes);
            self.node
                .pieces
                .lock()
                .unwrap()
                .insert(self.request.content_id, bytes);
            Ok(receipt)
        })
    }
}

impl Intake {
    fn receipt(&self, behaviour: Behaviour, bytes: &[u8]) -> Receipt {
        let ours = piece::commit(bytes).unwrap();
        let mut comm_p = ours.comm_p;
        if behaviour == Behaviour::HalfFalse {
            let root = tree_of(bytes, behaviour).root();
            comm_p = domain::comm_p(ours.b, ours.byte_len, root).into();
        }
        if matches!(behaviour, Behaviour::WrongCommP | Behaviour::HidesItsLie) {
            let mut other = bytes.to_vec();
            other[0] ^= 1;
            comm_p = piece::commit(&other).unwrap().comm_p;
        }
        let terms = PieceTerms {
            deal: self.request.deal,
            slot: self.request.slot,
            provider: self.node.provider,
            content_id: self.request.content_id,
            comm_p,
            b: ours.b,
            byte_len: ours.byte_len,
            expiry_unix: if behaviour == Behaviour::Expired {
                NOW
            } else {
                NOW + 3600
            },
        };
        let signer = match behaviour {
            Behaviour::WrongSigner => SecretKey::from_bytes(&[0x55; 32]).unwrap(),
            _ => self.node.operator.clone(),
        };
        let signature = sign_receipt(&TableMarket::domain_of(), &terms, &signer).unwrap();
        Receipt { terms, signature }
    }
}
