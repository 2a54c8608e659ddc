//! One slot: its piece to its provider, by a relay or directly, and the Acceptance for the Receipt that comes back.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use cairn_contracts::ProviderInfo;
use cairn_merkle::PieceError;
use cairn_merkle::piece::{self, PieceCommitment, b_for};
use cairn_wire::{
    Acceptance, Commitment, Eip712Domain, PieceTerms, Receipt, StorePiece, sign_acceptance,
};
use tokio::sync::{Semaphore, oneshot};

use crate::client::{Shared, Verify};
use crate::error::SlotError;
use crate::market::Market;
use crate::progress::Stage;
use crate::put::patience::patiently;
use crate::put::receipt::{self, Expected, Sent};
use crate::put::report::{SlotReport, SlotResult};
use crate::put::sample::{Sampled, WHOLE_B, sample};
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
    /// How much of the commitment is checked.
    pub(crate) verify: Verify,
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
        let whole = b_for(self.bytes.len() as u64) <= WHOLE_B;
        let mut ours = match self.verify {
            Verify::Sample if !whole => OurCommitment::NotComputed,
            _ => OurCommitment::ToCome(commitment),
        };
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
        match self.accept(&receipt, ours).await {
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
        self.accept(&receipt, ours).await
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
        ours: &mut OurCommitment,
    ) -> Result<Commitment, SlotError> {
        let domain = self.shared.market.domain();
        let terms = self.checked(receipt, ours, &domain).await?;
        let signature =
            sign_acceptance(&domain, &terms, &self.shared.wallet).map_err(SlotError::Sign)?;
        let acceptance = Acceptance { terms, signature };
        let say = || async {
            let connection = self.shared.peers.connect(&self.provider).await?;
            Ok(connection.accept_piece(&acceptance).await?)
        };
        patiently(&self.shared.config.patience, say).await?;
        Ok(terms.comm_p)
    }

    /// What the Receipt promises, once it is known to be about the piece: by leaves drawn under its commitment, or by the
    /// commitment computed here.
    async fn checked(
        &self,
        receipt: &Receipt,
        ours: &mut OurCommitment,
        domain: &Eip712Domain,
    ) -> Result<PieceTerms, SlotError> {
        let check = |expected: &Expected| {
            receipt::check(receipt, &self.sent, expected, domain, self.now_unix)
        };
        if let OurCommitment::NotComputed = ours {
            let byte_len = self.bytes.len() as u64;
            let terms = check(&Expected {
                b: b_for(byte_len),
                byte_len,
                comm_p: None,
            })?;
            let connect = || async { Ok(self.shared.peers.connect(&self.provider).await?) };
            let connection = patiently(&self.shared.config.patience, connect).await?;
            let entropy = &self.shared.entropy;
            match sample(&connection, &terms, &self.bytes, entropy).await {
                Sampled::Right => return Ok(terms),
                Sampled::Wrong(error) => return Err(error.into()),
                Sampled::Unknown(error) => {
                    tracing::info!(deal = %self.sent.deal, slot = %self.sent.slot, %error, "no leaf was shown: the whole commitment is computed");
                }
            }
        }
        let ours = ours.get(&self.bytes).await?;
        Ok(check(&Expected::from(&ours))?)
    }
}

/// The commitment computed here, waited for once.
enum OurCommitment {
    /// Unless it is needed.
    NotComputed,
    ToCome(CommitmentToCome),
    Here(PieceCommitment),
}

impl OurCommitment {
    async fn get(&mut self, bytes: &Bytes) -> Result<PieceCommitment, SlotError> {
        let interrupted = |error: &dyn std::fmt::Display| SlotError::Interrupted(error.to_string());
        let commitment = match self {
            Self::Here(commitment) => return Ok(*commitment),
            Self::NotComputed => {
                let bytes = bytes.clone();
                let computed = tokio::task::spawn_blocking(move || piece::commit(&bytes));
                computed.await.map_err(|error| interrupted(&error))?
            }
            Self::ToCome(receiver) => receiver.await.map_err(|error| interrupted(&error))?,
        };
        let commitment = commitment.map_err(|error| interrupted(&error))?;
        *self = Self::Here(commitment);
        Ok(commitment)
    }
}
