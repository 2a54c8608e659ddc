//! Second pass: each segment is coded again and its pieces sent, while their commitments are computed on all cores.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cairn_erasure::Code;
use cairn_merkle::{ContentId, piece};
use cairn_wire::{Receipt, SlotIndex};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::{JoinHandle, JoinSet};

use crate::client::{PutOptions, Shared, Verify};
use crate::error::PutError;
use crate::market::Market;
use crate::plan::Plan;
use crate::progress::Stage;
use crate::put::ingest::{CodedSegment, Ingested, Spool};
use crate::put::open::{OpenDeal, Opened};
use crate::put::receipt::Sent;
use crate::put::relay::RelayJob;
use crate::put::report::{RelayReport, SegmentReport};
use crate::put::slot::{CommitmentToCome, SlotJob};

/// Segments in memory at the same time; the plan's bound counts on it.
const SEGMENTS: usize = 2;

/// What was sent, and over which line.
pub(crate) struct Uploaded {
    /// One per segment, in order.
    pub(crate) segments: Vec<SegmentReport>,
    /// Bytes of bodies that left here.
    pub(crate) line_bytes: u64,
    /// Bytes of all pieces.
    pub(crate) piece_bytes: u64,
}

/// Sends everything: each piece to its provider, or with `options.relay` each segment to one of them.
pub(crate) async fn upload<M: Market>(
    shared: &Arc<Shared<M>>,
    plan: &Plan,
    ingested: Ingested,
    opened: &Opened,
    options: &PutOptions,
) -> Result<Uploaded, PutError> {
    let n = u64::from(plan.code().n());
    let piece_bytes: u64 = ingested
        .segments
        .iter()
        .map(|segment| segment.piece_bytes.saturating_mul(n))
        .sum();
    shared.progress.begin(Stage::Upload, Some(piece_bytes));
    shared.progress.begin(Stage::Check, Some(piece_bytes));
    let line_bytes = Arc::new(AtomicU64::new(0));
    let places = Arc::new(Semaphore::new(SEGMENTS));
    let lines = Arc::new(Semaphore::new(shared.config.uploads));
    let mut running = JoinSet::new();
    for (number, (segment, deal)) in ingested.segments.into_iter().zip(&opened.deals).enumerate() {
        let job = SegmentJob {
            shared: Arc::clone(shared),
            code: plan.code().clone(),
            spool: Arc::clone(&ingested.spool),
            lines: Arc::clone(&lines),
            line_bytes: Arc::clone(&line_bytes),
            relay: options.relay,
            verify: options.verify,
            number,
            segment,
            deal: deal.clone(),
        };
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places
                .acquire_owned()
                .await
                .map_err(|error| PutError::Interrupted(error.to_string()))?;
            job.run().await.map(|report| (number, report))
        });
    }
    let mut reports = Vec::new();
    while let Some(ended) = running.join_next().await {
        reports.push(ended.map_err(|error| PutError::Interrupted(error.to_string()))??);
    }
    reports.sort_by_key(|(number, _)| *number);
    shared.progress.end(Stage::Upload);
    shared.progress.end(Stage::Check);
    Ok(Uploaded {
        segments: reports.into_iter().map(|(_, report)| report).collect(),
        line_bytes: line_bytes.load(Ordering::Relaxed),
        piece_bytes,
    })
}

/// Every segment must have k pieces stored.
pub(crate) fn expect_readable(
    mut segments: Vec<SegmentReport>,
    k: u16,
) -> Result<Vec<SegmentReport>, PutError> {
    let needed = usize::from(k);
    match segments.iter().position(|report| report.stored() < needed) {
        None => Ok(segments),
        Some(segment) => {
            let report = segments.swap_remove(segment);
            let (deal, stored) = (report.deal, report.stored());
            Err(PutError::TooFewStored {
                segment,
                deal,
                stored,
                needed,
                slots: report.slots,
            })
        }
    }
}

/// What a relay will bring, for each slot in order; nothing if there is none.
type RelayedReceipts = std::vec::IntoIter<oneshot::Receiver<Receipt>>;

struct SegmentJob<M> {
    shared: Arc<Shared<M>>,
    code: Code,
    spool: Arc<Spool>,
    lines: Arc<Semaphore>,
    line_bytes: Arc<AtomicU64>,
    relay: bool,
    verify: Verify,
    number: usize,
    segment: CodedSegment,
    deal: OpenDeal,
}

impl<M: Market> SegmentJob<M> {
    async fn run(self) -> Result<SegmentReport, PutError> {
        let pieces = self.code_again().await?;
        let now_unix = self.shared.market.head().await?.timestamp;
        let commitments = self.commit_behind(&pieces);
        let (relay, mut relayed) = self.begin_relay(&pieces);
        let mut running = JoinSet::new();
        for (index, ((bytes, commitment), provider)) in pieces
            .into_iter()
            .zip(commitments)
            .zip(&self.deal.providers)
            .enumerate()
        {
            let job = SlotJob {
                shared: Arc::clone(&self.shared),
                sent: Sent {
                    deal: self.deal.deal,
                    slot: SlotIndex(u8::try_from(index).unwrap_or(u8::MAX)),
                    provider: provider.address,
                    operator: provider.operator,
                    content_id: self.segment.content_ids[index],
                },
                provider: provider.clone(),
                bytes,
                now_unix,
                verify: self.verify,
                line_bytes: Arc::clone(&self.line_bytes),
            };
            let lines = Arc::clone(&self.lines);
            let relayed = relayed.next();
            running.spawn(async move { job.run(lines, commitment, relayed).await });
        }
        let mut slots = Vec::new();
        while let Some(ended) = running.join_next().await {
            slots.push(ended.map_err(|error| PutError::Interrupted(error.to_string()))?);
        }
        slots.sort_by_key(|report| report.slot);
        let relay = match relay {
            Some(task) => Some(
                task.await
                    .map_err(|error| PutError::Interrupted(error.to_string()))?,
            ),
            None => None,
        };
        Ok(SegmentReport {
            deal: self.deal.deal,
            segment_bytes: self.segment.segment_bytes,
            piece_bytes: self.segment.piece_bytes,
            relay,
            slots,
        })
    }

    /// The relay's task, if there is to be one, and what it will bring for each slot in order.
    fn begin_relay(&self, pieces: &[Bytes]) -> (Option<JoinHandle<RelayReport>>, RelayedReceipts) {
        if !self.relay {
            return (None, Vec::new().into_iter());
        }
        let (senders, receivers): (Vec<_>, Vec<_>) =
            pieces.iter().map(|_| oneshot::channel()).unzip();
        let job = RelayJob {
            shared: Arc::clone(&self.shared),
            deal: self.deal.clone(),
            code: self.code.clone(),
            segment_bytes: self.segment.segment_bytes,
            pieces: pieces.to_vec(),
            line_bytes: Arc::clone(&self.line_bytes),
        };
        let lines = Arc::clone(&self.lines);
        let task = tokio::spawn(async move { job.run(lines, senders).await });
        (Some(task), receivers.into_iter())
    }

    /// The n pieces, which must be those whose hashes the deal was opened with.
    async fn code_again(&self) -> Result<Vec<Bytes>, PutError> {
        let (spool, code, segment, number) = (
            Arc::clone(&self.spool),
            self.code.clone(),
            self.segment.clone(),
            self.number,
        );
        let coded = tokio::task::spawn_blocking(move || {
            let ciphertext = spool.read(segment.offset, segment.segment_bytes)?;
            let pieces = code.encode_segment(&ciphertext);
            let same = pieces
                .iter()
                .zip(&segment.content_ids)
                .all(|(piece, id)| ContentId::of(piece) == *id);
            if !same {
                return Err(PutError::SpoolChanged {
                    path: spool.path().to_owned(),
                    segment: number,
                });
            }
            Ok(pieces.into_iter().map(Bytes::from).collect())
        });
        coded
            .await
            .map_err(|error| PutError::Interrupted(error.to_string()))?
    }

    /// Computes the pieces' commitments one after the other, each on all cores, while they are being sent. A piece whose
    /// slot has failed meanwhile, or of which leaves are drawn instead, is left out.
    fn commit_behind(&self, pieces: &[Bytes]) -> Vec<CommitmentToCome> {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            pieces.iter().map(|_| oneshot::channel()).unzip();
        let work: Vec<_> = pieces.iter().cloned().zip(senders).collect();
        let progress = Arc::clone(&self.shared.progress);
        tokio::task::spawn_blocking(move || {
            for (bytes, sender) in work {
                let len = bytes.len() as u64;
                if !sender.is_closed() && sender.send(piece::commit(&bytes)).is_err() {
                    tracing::trace!("nobody waits for this commitment any more");
                }
                progress.advance(Stage::Check, len);
            }
        });
        receivers
    }
}
