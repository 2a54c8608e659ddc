//! A body to disk, with BLAKE3, outboard and `comm_p` computed while it arrives.
//!
//! ```text
//!  QUIC stream --chunks--> channel of 8 --> one blocking thread: write | outboard | comm_p (on all cores)
//!                                                    |
//!                                 content id right? durable? --> signed Receipt
//! ```

use std::sync::Arc;

use bytes::Bytes;
use cairn_merkle::range::OutboardBuilder;
use cairn_wire::message::{Receipt, StorePiece};
use cairn_wire::{
    Address, HandlerFuture, PieceBody, PieceIntake, PieceTerms, SectorKind, WireError, sign_receipt,
};
use tokio::sync::mpsc;

use crate::dashboard::{Alarm, Counter};
use crate::deal::SlotState;
use crate::error::StoreError;
use crate::sector::{Part, Untaken, take_piece};
use crate::serve::handler::ServeContext;
use crate::serve::reserve::Reservation;
use crate::store::{PieceRecord, SlotKey, SlotRecord};

/// Chunks between the network and the disk: at most 1 MiB.
const CHANNEL_CHUNKS: usize = 8;

/// A piece that was admitted.
pub(super) struct Intake {
    pub(super) context: Arc<ServeContext>,
    pub(super) request: StorePiece,
    pub(super) owner: Address,
    /// The kind of sector the deal asks for.
    pub(super) kind: SectorKind,
    pub(super) reservation: Reservation,
}

/// What the network thread hands to the one that stores.
type Sent = Part<Bytes>;

impl PieceIntake for Intake {
    fn receive<'a>(self: Box<Self>, body: &'a mut PieceBody) -> HandlerFuture<'a, Receipt> {
        Box::pin(async move {
            let Self {
                context,
                request,
                owner,
                kind,
                reservation,
            } = *self;
            let (sender, receiver) = mpsc::channel(CHANNEL_CHUNKS);
            let for_worker = Arc::clone(&context);
            // On its own thread and by its own right: once the last byte is through, it is stored whether or not
            // somebody still waits for the answer.
            let worker = tokio::task::spawn_blocking(move || {
                let outcome = store_body(&for_worker, &request, (owner, kind), receiver);
                drop(reservation);
                outcome
            });
            while let Some(chunk) = body.next_chunk().await? {
                if sender.send(Part::Bytes(chunk)).await.is_err() {
                    break;
                }
            }
            if sender.send(Part::End).await.is_err() {
                tracing::debug!("the piece failed before its end");
            }
            drop(sender);
            let stored = worker
                .await
                .map_err(|_| WireError::internal("the node's worker stopped"))?;
            let (record, slot) = stored.map_err(|failure| refuse(&context, &request, failure))?;
            context.metrics.count(Counter::PiecesStored);
            context.metrics.add(Counter::BytesStored, request.byte_len);
            sign(&context, &request, &record, &slot)
        })
    }
}

/// Signs what is durable.
fn sign(
    context: &ServeContext,
    request: &StorePiece,
    record: &PieceRecord,
    slot: &SlotRecord,
) -> Result<Receipt, WireError> {
    let terms = PieceTerms {
        deal: request.deal,
        slot: request.slot,
        provider: context.me,
        content_id: request.content_id,
        comm_p: record.comm_p,
        b: record.b,
        byte_len: record.byte_len,
        expiry_unix: slot.expiry_unix,
    };
    let signature = sign_receipt(&context.domain, &terms, &context.operator)
        .map_err(|_| WireError::internal("the node could not sign"))?;
    Ok(Receipt { terms, signature })
}

fn store_body(
    context: &ServeContext,
    request: &StorePiece,
    (owner, kind): (Address, SectorKind),
    mut parts: mpsc::Receiver<Sent>,
) -> Result<(PieceRecord, SlotRecord), Untaken> {
    let store = context.ledger.store();
    let key = SlotKey {
        deal: request.deal,
        slot: request.slot,
    };
    let fresh = SlotRecord {
        content_id: request.content_id,
        owner,
        expiry_unix: context
            .view
            .chain_time_unix()
            .saturating_add(context.receipt_s),
        since_unix: (context.clock)(),
        state: SlotState::Stored,
        kind,
    };
    if let Some(record) = store.piece(&request.content_id)? {
        return take_known_piece(context, key, fresh, (request, record), parts);
    }
    let next = || parts.blocking_recv().ok_or(Untaken::GaveUp);
    let record = take_piece(&context.ledger, (key, &fresh), request.byte_len, next)?;
    Ok((record, fresh))
}

/// The piece is here already: the slot is recorded, or keeps what was promised for it.
fn take_known_piece(
    context: &ServeContext,
    key: SlotKey,
    fresh: SlotRecord,
    (request, record): (&StorePiece, PieceRecord),
    parts: mpsc::Receiver<Sent>,
) -> Result<(PieceRecord, SlotRecord), Untaken> {
    check_body(request, parts)?;
    let now = context.view.chain_time_unix();
    Ok((record, context.ledger.offer_slot(key, fresh, now)?))
}

/// Reads a body to its end and drops it: nobody is promised anything for a content id that was only heard of.
fn check_body(request: &StorePiece, mut parts: mpsc::Receiver<Sent>) -> Result<(), Untaken> {
    let length = |error: &dyn std::fmt::Display| Untaken::Length(error.to_string());
    let mut hash = OutboardBuilder::new(request.byte_len).map_err(|error| length(&error))?;
    loop {
        match parts.blocking_recv() {
            Some(Part::Bytes(bytes)) => hash.update(&bytes).map_err(|error| length(&error))?,
            Some(Part::End) => break,
            None => return Err(Untaken::GaveUp),
        }
    }
    let (content_id, _) = hash.finish().map_err(|error| length(&error))?;
    if content_id == request.content_id {
        Ok(())
    } else {
        Err(Untaken::WrongContent)
    }
}

fn refuse(context: &ServeContext, request: &StorePiece, failure: Untaken) -> WireError {
    context.metrics.count(Counter::PiecesRefused);
    match failure {
        Untaken::GaveUp => WireError::bad_request("the body did not come to its end"),
        Untaken::WrongContent => {
            WireError::bad_request("the body is not the piece of that content id")
        }
        Untaken::Length(reason) => {
            tracing::error!(content_id = %request.content_id, %reason, "a piece could not be hashed");
            WireError::internal("the node could not hash the piece")
        }
        Untaken::Store(error) => {
            context.metrics.count(Counter::DiskFaults);
            context.metrics.raise(Alarm::Disk, &error);
            tracing::error!(content_id = %request.content_id, %error, "a piece was not stored");
            match error {
                StoreError::DiskFull { .. } => {
                    WireError::internal("the node's disk is full: the piece was not stored")
                }
                _ => WireError::internal("the node's disk failed: the piece was not stored"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_wire::{ContentId, DealId, SlotIndex};

    fn check(body: &[u8], parts: Vec<Sent>) -> Result<(), Untaken> {
        let request = StorePiece {
            deal: DealId(1),
            slot: SlotIndex(0),
            content_id: ContentId::of(body),
            byte_len: body.len() as u64,
        };
        let (sender, receiver) = mpsc::channel(4);
        for part in parts {
            assert!(sender.try_send(part).is_ok(), "room for all");
        }
        drop(sender);
        check_body(&request, receiver)
    }

    #[test]
    fn a_piece_that_is_here_already_is_promised_only_to_who_has_its_bytes() {
        let body = vec![5; 40_000];
        let halves = |body: &[u8]| {
            let (one, two) = body.split_at(20_000);
            [one, two].map(|half| Part::Bytes(Bytes::copy_from_slice(half)))
        };
        let [one, two] = halves(&body);
        assert!(check(&body, vec![one, two, Part::End]).is_ok(), "the bytes");
        let [one, _] = halves(&body);
        let mut other = body.clone();
        other[30_000] ^= 1;
        let [_, wrong] = halves(&other);
        assert!(
            matches!(
                check(&body, vec![one, wrong, Part::End]),
                Err(Untaken::WrongContent)
            ),
            "one bit"
        );
        let [one, two] = halves(&body);
        assert!(
            matches!(check(&body, vec![one, two]), Err(Untaken::GaveUp)),
            "no end"
        );
    }
}
