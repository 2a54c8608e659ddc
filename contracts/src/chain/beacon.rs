//! The randomness beacon.

use cairn_wire::{Period, Round};

use super::{Chain, Contract, receipt_of};
use crate::abi::beacon;
use crate::error::ChainError;
use crate::market::TxReceipt;

impl Chain {
    /// The randomness of a round (SHA-256 of its compressed signature), once it was posted.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn randomness(&self, round: Round) -> Result<Option<[u8; 32]>, ChainError> {
        let value = self
            .view(
                Contract::Beacon,
                &beacon::Beacon::randomnessCall { round: round.0 },
            )
            .await?;
        Ok((!value.is_zero()).then_some(value.0))
    }

    /// Posts a round's signature (G1 in EIP-2537 encoding). Posting a known round again is no error.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Beacon_NoSuchRound`, `Beacon_RoundInFuture`, `Beacon_SignatureRefused`.
    pub async fn post_round(
        &self,
        round: Round,
        signature: &[u8; 128],
    ) -> Result<TxReceipt, ChainError> {
        let call = beacon::Beacon::postRoundCall {
            round: round.0,
            signature: signature.to_vec().into(),
        };
        receipt_of(&self.transact(Contract::Beacon, &call).await?)
    }

    /// How many of the periods from the first to this one had their round posted in time.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn counted_up_to(&self, period: Period) -> Result<u64, ChainError> {
        self.view(
            Contract::Beacon,
            &beacon::Beacon::countedUpToCall { period: period.0 },
        )
        .await
    }

    /// Whether the round of a period was posted by the period's deadline; otherwise the period is void.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn counted(&self, period: Period) -> Result<bool, ChainError> {
        self.view(
            Contract::Beacon,
            &beacon::Beacon::countedCall { period: period.0 },
        )
        .await
    }
}
