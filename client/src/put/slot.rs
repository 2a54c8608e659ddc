//! One slot: its piece to its provider, by a relay or directly, and the Acceptance for the Receipt that comes back.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use cairn_contracts::ProviderInfo;
use cairn_merkle::PieceError;
use cairn_merkle::piece::PieceCommitment;
use cairn_wire::{Acceptance, Commitment, Receipt, StorePiece, sign_acceptance};
use tokio::sync::{Semaphore, oneshot};

use crate::client::Shared;
use crate::error::SlotError;
use crate::market::Market;
use crate::progress::Stage;
use crate::put::patience::patiently;
use crate::put::receipt::{self, Sent};
use crate::put::report::{SlotReport, SlotResult};
use crate::put::source::Metered;

/// The commitment of a piece, computed behind its upload.
pub(crate) type CommitmentToCome = oneshot::Receiver<Result<PieceCommitment, PieceError>>;

/// What is to become of one slot.
pub(crate) struct SlotJob<M> {
    pub(crate) shared: Arc<Shared<M>>,
    pub(crate) sent: Sent,
    pub(crate) provider: ProviderInfo,
    pub(crate) bytes: Bytes,
    pub(crate) now_unix: u64,
    /// Bytes sent over this line by the whole put.
    pub(crate) line_bytes: Arc<AtomicU64>,
}

impl<M: Market> SlotJob<M> {
    /// `relayed` brings what a relay got for this slot, if there is one.
    pub(crate) async fn run(
        self,
        lines: Arc<Semaphore>,
        commitment: CommitmentToCome,
        relayed: Option<oneshot::Receiver<Receipt>>,
    ) -> SlotReport {
        let mut ours = OurCommitment::ToCome(commitment);
        let by_relay = self.by_relay(relayed, &mut ours).await;
        let relayed = by_relay.is_some();
        let outcome = match by_relay {
            Some(outcome) => outcome,
            None => self.directly(lines, &mut ours).await,
        };
        if let Err(error) = &outcome {
            tracing::warn!(deal = %self.sent.deal, slot = %self.sent.slot, provider = %self.sent.provider, %error, "slot not filled");
        }
        let result =
            outcome.map_or_else(SlotResult::Failed, |comm_p| SlotResult::Stored { comm_p });
        SlotReport {
            deal: self.sent.deal,
            slot: self.sent.slot,
            provider: self.sent.provider,
            relayed,
            result,
        }
    }

    /// What comes of the Receipt that a relay brings; `None` if it brings none that is worth accepting.
    async fn by_relay(
        &self,
        relayed: Option<oneshot::Receiver<Receipt>>,
        ours: &mut OurCommitment,
    ) -> Option<Result<Commitment, SlotError>> {
        let receipt = relayed?.await.ok()?;
        let ours = match ours.get().await {
            Ok(ours) => ours,
            Err(error) => return Some(Err(error)),
        };
        match self.accept(&receipt, &ours).await {
            Err(SlotError::Receipt(error)) => {
                tracing::warn!(deal = %self.sent.deal, slot = %self.sent.slot, %error, "the relay's Receipt is not worth accepting: sending directly");
                None
            }
            outcome => {
                self.uploaded();
                Some(outcome)
            }
        }
    }

    async fn directly(
        &self,
        lines: Arc<Semaphore>,
        ours: &mut OurCommitment,
    ) -> Result<Commitment, SlotError> {
        let line = lines
            .acquire_owned()
            .await
            .map_err(|error| SlotError::Interrupted(error.to_string()))?;
        let stored = patiently(&self.shared.config.patience, || self.store()).await;
        self.uploaded();
        drop(line);
        let receipt = stored?;
        let ours = ours.get().await?;
        self.accept(&receipt, &ours).await
    }

    fn uploaded(&self) {
        let units = self.bytes.len() as u64;
        self.shared.progress.advance(Stage::Upload, units);
    }

    async fn store(&self) -> Result<Receipt, SlotError> {
        let connection = self.shared.peers.connect(&self.provider).await?;
        let request = StorePiece {
            deal: self.sent.deal,
            slot: self.sent.slot,
            content_id: self.sent.content_id,
            byte_len: self.bytes.len() as u64,
        };
        let source = Metered::piece(self.bytes.clone(), &self.line_bytes);
        Ok(connection.store_piece(&request, source).await?)
    }

    /// Checks a Receipt, wherever it came from, and hands its provider the Acceptance.
    async fn accept(
        &self,
        receipt: &Receipt,
        ours: &PieceCommitment,
    ) -> Result<Commitment, SlotError> {
        let domain = self.shared.market.domain();
        let terms = receipt::check(receipt, &self.sent, ours, &domain, self.now_unix)?;
        let signature =
            sign_acceptance(&domain, &terms, &self.shared.wallet).map_err(SlotError::Sign)?;
        let acceptance = Acceptance { terms, signature };
        let say = || async {
            let connection = self.shared.peers.connect(&self.provider).await?;
            Ok(connection.accept_piece(&acceptance).await?)
        };
        patiently(&self.shared.config.patience, say).await?;
        Ok(ours.comm_p)
    }
}

/// The commitment computed here, waited for once.
enum OurCommitment {
    ToCome(CommitmentToCome),
    Here(PieceCommitment),
}

impl OurCommitment {
    async fn get(&mut self) -> Result<PieceCommitment, SlotError> {
        let interrupted = |error: &dyn std::fmt::Display| SlotError::Interrupted(error.to_string());
        match self {
            Self::Here(commitment) => Ok(*commitment),
            Self::ToCome(receiver) => {
                let commitment = receiver
                    .await
                    .map_err(|error| interrupted(&error))?
                    .map_err(|error| interrupted(&error))?;
                *self = Self::Here(commitment);
                Ok(commitment)
            }
        }
    }
}
