//! Second pass: each segment is coded again and its pieces sent, while their commitments are computed on all cores.

use std::sync::Arc;

use bytes::Bytes;
use cairn_contracts::ProviderInfo;
use cairn_erasure::Code;
use cairn_merkle::piece::{self, PieceCommitment};
use cairn_merkle::{ContentId, PieceError};
use cairn_wire::{
    Acceptance, ConnectError, ErrorCode, MemorySource, Receipt, RequestError, SlotIndex,
    StorePiece, sign_acceptance,
};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Duration, Instant, sleep};

use crate::client::Shared;
use crate::error::{PutError, SlotError};
use crate::market::Market;
use crate::plan::Plan;
use crate::progress::Stage;
use crate::put::ingest::{CodedSegment, Ingested, Spool};
use crate::put::open::{OpenDeal, Opened};
use crate::put::receipt::{self, Sent};
use crate::put::report::{SegmentReport, SlotReport, SlotResult};

/// Segments in memory at the same time; the plan's bound counts on it.
const SEGMENTS: usize = 2;
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Sends everything; one report per segment, in order.
pub(crate) async fn upload<M: Market>(
    shared: &Arc<Shared<M>>,
    plan: &Plan,
    ingested: Ingested,
    opened: &Opened,
) -> Result<Vec<SegmentReport>, PutError> {
    let n = u64::from(plan.code().n());
    let total = ingested
        .segments
        .iter()
        .map(|segment| segment.piece_bytes.saturating_mul(n))
        .sum();
    shared.progress.begin(Stage::Upload, Some(total));
    shared.progress.begin(Stage::Check, Some(total));
    let places = Arc::new(Semaphore::new(SEGMENTS));
    let lines = Arc::new(Semaphore::new(shared.config.uploads));
    let mut running = JoinSet::new();
    for (number, (segment, deal)) in ingested.segments.into_iter().zip(&opened.deals).enumerate() {
        let job = SegmentJob {
            shared: Arc::clone(shared),
            code: plan.code().clone(),
            spool: Arc::clone(&ingested.spool),
            lines: Arc::clone(&lines),
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
    Ok(reports.into_iter().map(|(_, report)| report).collect())
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

struct SegmentJob<M> {
    shared: Arc<Shared<M>>,
    code: Code,
    spool: Arc<Spool>,
    lines: Arc<Semaphore>,
    number: usize,
    segment: CodedSegment,
    deal: OpenDeal,
}

impl<M: Market> SegmentJob<M> {
    async fn run(self) -> Result<SegmentReport, PutError> {
        let pieces = self.code_again().await?;
        let now_unix = self.shared.market.head().await?.timestamp;
        let commitments = self.commit_behind(&pieces);
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
            };
            let lines = Arc::clone(&self.lines);
            running.spawn(async move { job.run(lines, commitment).await });
        }
        let mut slots = Vec::new();
        while let Some(ended) = running.join_next().await {
            slots.push(ended.map_err(|error| PutError::Interrupted(error.to_string()))?);
        }
        slots.sort_by_key(|report| report.slot);
        Ok(SegmentReport {
            deal: self.deal.deal,
            segment_bytes: self.segment.segment_bytes,
            piece_bytes: self.segment.piece_bytes,
            slots,
        })
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
    /// slot has failed meanwhile is left out.
    fn commit_behind(
        &self,
        pieces: &[Bytes],
    ) -> Vec<oneshot::Receiver<Result<PieceCommitment, PieceError>>> {
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

struct SlotJob<M> {
    shared: Arc<Shared<M>>,
    sent: Sent,
    provider: ProviderInfo,
    bytes: Bytes,
    now_unix: u64,
}

impl<M: Market> SlotJob<M> {
    async fn run(
        self,
        lines: Arc<Semaphore>,
        commitment: oneshot::Receiver<Result<PieceCommitment, PieceError>>,
    ) -> SlotReport {
        let outcome = self.fill(lines, commitment).await;
        if let Err(error) = &outcome {
            tracing::warn!(deal = %self.sent.deal, slot = %self.sent.slot, provider = %self.sent.provider, %error, "slot not filled");
        }
        let result =
            outcome.map_or_else(SlotResult::Failed, |comm_p| SlotResult::Stored { comm_p });
        SlotReport {
            deal: self.sent.deal,
            slot: self.sent.slot,
            provider: self.sent.provider,
            result,
        }
    }

    async fn fill(
        &self,
        lines: Arc<Semaphore>,
        commitment: oneshot::Receiver<Result<PieceCommitment, PieceError>>,
    ) -> Result<cairn_wire::Commitment, SlotError> {
        let interrupted = |error: &dyn std::fmt::Display| SlotError::Interrupted(error.to_string());
        let line = lines
            .acquire_owned()
            .await
            .map_err(|error| interrupted(&error))?;
        let stored = self.patiently(|| self.store()).await;
        self.shared
            .progress
            .advance(Stage::Upload, self.bytes.len() as u64);
        drop(line);
        let receipt = stored?;
        let ours = commitment
            .await
            .map_err(|error| interrupted(&error))?
            .map_err(|error| interrupted(&error))?;
        let domain = self.shared.market.domain();
        let terms = receipt::check(&receipt, &self.sent, &ours, &domain, self.now_unix)?;
        let signature =
            sign_acceptance(&domain, &terms, &self.shared.wallet).map_err(SlotError::Sign)?;
        let acceptance = Acceptance { terms, signature };
        self.patiently(|| self.accept(acceptance)).await?;
        Ok(ours.comm_p)
    }

    async fn store(&self) -> Result<Receipt, SlotError> {
        let connection = self.shared.peers.connect(&self.provider).await?;
        let request = StorePiece {
            deal: self.sent.deal,
            slot: self.sent.slot,
            content_id: self.sent.content_id,
            byte_len: self.bytes.len() as u64,
        };
        Ok(connection
            .store_piece(&request, MemorySource::new(self.bytes.clone()))
            .await?)
    }

    async fn accept(&self, acceptance: Acceptance) -> Result<(), SlotError> {
        let connection = self.shared.peers.connect(&self.provider).await?;
        Ok(connection.accept_piece(&acceptance).await?)
    }

    /// Tries again while the node is away, busy, or has not seen the deal yet.
    async fn patiently<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, SlotError>
    where
        F: Future<Output = Result<T, SlotError>>,
    {
        let patience = &self.shared.config.patience;
        let start = Instant::now();
        let whole = Duration::from_secs(patience.upload_s);
        let mut pause = patience.poll();
        loop {
            match attempt().await {
                Err(error) if start.elapsed() + pause < worth_waiting(&error, whole) => {
                    tracing::debug!(provider = %self.sent.provider, %error, "trying again");
                }
                outcome => return outcome,
            }
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

/// How long, from the first attempt, the same request may still come to succeed. A plain refusal gets a quarter: it may
/// only mean that the node has not seen the deal deep enough in the chain.
fn worth_waiting(error: &SlotError, whole: Duration) -> Duration {
    let SlotError::Request(error) = error else {
        let passing = matches!(
            error,
            SlotError::Connect(ConnectError::TimedOut { .. } | ConnectError::Refused { .. })
        );
        return if passing { whole } else { Duration::ZERO };
    };
    match error {
        RequestError::Refused(refusal) => match refusal.code() {
            ErrorCode::NotFound | ErrorCode::Busy | ErrorCode::Later => whole,
            ErrorCode::Refused => whole / 4,
            ErrorCode::BadRequest | ErrorCode::TooLarge | ErrorCode::Internal => Duration::ZERO,
        },
        RequestError::TimedOut { .. } | RequestError::Lost(_) | RequestError::ReplyEnded { .. } => {
            whole
        }
        _ => Duration::ZERO,
    }
}
