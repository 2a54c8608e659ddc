//! A node that relays segments, or only says so.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cairn_contracts::DealInfo;
use cairn_erasure::Code;
use cairn_merkle::{ContentId, piece};
use cairn_wire::{
    Client, HandlerFuture, Limits, MemorySource, PieceBody, PieceTerms, Receipt, RelaySegment,
    SegmentIntake, SlotIndex, SlotOutcome, StorePiece, WireError, sign_receipt,
};
use tokio::sync::mpsc;

use super::market::{NOW, TableMarket};
use super::node::{Behaviour, FakeNode};

/// A segment that was admitted.
pub(super) struct Relaying {
    node: Arc<FakeNode>,
    deal: DealInfo,
    request: RelaySegment,
}

pub(super) fn admit(
    node: &Arc<FakeNode>,
    request: RelaySegment,
) -> Result<Box<dyn SegmentIntake>, WireError> {
    let earlier = node.segments.fetch_add(1, Ordering::Relaxed);
    match node.behaviour() {
        Behaviour::RelaysNothing => return Err(WireError::refused("nothing is relayed here")),
        Behaviour::RelaysLater if earlier == 0 => return Err(WireError::busy("others come first")),
        _ => {}
    }
    let deal = node
        .market
        .find(request.deal)
        .ok_or_else(|| WireError::not_found("no such deal"))?;
    let said = (request.k, request.n, request.code_id, request.strip_bytes);
    assert_eq!(
        said,
        (deal.k, deal.n, deal.code_id, deal.strip_bytes),
        "the deal's code"
    );
    assert_eq!(request.segment_bytes, deal.segment_bytes, "its length");
    let own = deal.slots[usize::from(request.slot.0)].provider;
    assert_eq!(own, node.provider, "a slot of ours is named");
    Ok(Box::new(Relaying {
        node: Arc::clone(node),
        deal,
        request,
    }))
}

impl SegmentIntake for Relaying {
    fn receive<'a>(
        self: Box<Self>,
        body: &'a mut PieceBody,
    ) -> HandlerFuture<'a, mpsc::Receiver<SlotOutcome>> {
        Box::pin(async move {
            let mut segment = Vec::new();
            while let Some(chunk) = body.next_chunk().await? {
                segment.extend_from_slice(&chunk);
                if self.node.behaviour() == Behaviour::RelayStallsBody {
                    tokio::time::sleep(Duration::from_secs(600)).await;
                }
            }
            let (sender, outcomes) = mpsc::channel(1);
            tokio::spawn(async move { self.hand_on(&segment, sender).await });
            Ok(outcomes)
        })
    }
}

impl Relaying {
    async fn hand_on(self, segment: &[u8], outcomes: mpsc::Sender<SlotOutcome>) {
        let behaviour = self.node.behaviour();
        let (k, n) = (self.request.k, self.request.n);
        let code = Code::new(k, n, self.request.strip_bytes).unwrap();
        let mut pieces = code.encode_segment(segment);
        if behaviour == Behaviour::RelayMiscodes {
            for parity in &mut pieces[usize::from(k)..] {
                parity[0] ^= 1;
            }
        }
        if behaviour == Behaviour::RelayStalls {
            outcomes.closed().await;
            return;
        }
        let mut told = Vec::new();
        for index in (0..u8::try_from(n).unwrap()).rev() {
            let bytes = &pieces[usize::from(index)];
            let result = match behaviour {
                Behaviour::RelayDrops if index == 1 => Err(WireError::internal("lost it")),
                Behaviour::RelayForges => Ok(self.forge(index, bytes)),
                _ => self.store(index, bytes).await,
            };
            told.push((SlotIndex(index), result));
        }
        if behaviour == Behaviour::RelaySwaps {
            swap(&mut told);
        }
        for (slot, result) in told {
            if outcomes.send(SlotOutcome { slot, result }).await.is_err() {
                return;
            }
        }
    }

    /// To the slot's provider, as any client does; to itself over its own wire.
    async fn store(&self, index: u8, bytes: &[u8]) -> Result<Receipt, WireError> {
        let slot = self.deal.slots[usize::from(index)];
        let holder = {
            let table = self.node.market.table();
            let mut all = table.providers.iter();
            all.find(|info| info.address == slot.provider)
                .unwrap()
                .clone()
        };
        let connection = Client::new(Limits::default())
            .connect(&holder.endpoint, holder.tls_pin)
            .await
            .map_err(WireError::internal)?;
        let request = StorePiece {
            deal: self.deal.id,
            slot: SlotIndex(index),
            content_id: slot.content_id,
            byte_len: slot.byte_len,
        };
        let stored = connection
            .store_piece(&request, MemorySource::new(bytes.to_vec()))
            .await;
        stored.map_err(WireError::internal)
    }

    /// Everything right but the signature: nothing was stored anywhere.
    fn forge(&self, index: u8, bytes: &[u8]) -> Receipt {
        let ours = piece::commit(bytes).unwrap();
        let terms = PieceTerms {
            deal: self.deal.id,
            slot: SlotIndex(index),
            provider: self.deal.slots[usize::from(index)].provider,
            content_id: ContentId::of(bytes),
            comm_p: ours.comm_p,
            b: ours.b,
            byte_len: ours.byte_len,
            expiry_unix: NOW + 3600,
        };
        let domain = TableMarket::domain_of();
        let signature = sign_receipt(&domain, &terms, &self.node.operator).unwrap();
        Receipt { terms, signature }
    }
}

/// Each slot gets the Receipt of its neighbour's piece, with its own number written over the other.
fn swap(told: &mut [(SlotIndex, Result<Receipt, WireError>)]) {
    let receipts: Vec<Receipt> = told
        .iter()
        .map(|(_, result)| result.clone().unwrap())
        .collect();
    let neighbours = receipts.iter().cycle().skip(1);
    for ((slot, result), other) in told.iter_mut().zip(neighbours) {
        let mut receipt = *other;
        receipt.terms.slot = *slot;
        *result = Ok(receipt);
    }
}
