//! Who may fill a freed slot of a hot deal: a commit, and some time later its reveal.

use alloy::primitives::B256;
use cairn_wire::{Address, DealId, SlotIndex};

use super::{Chain, Contract, receipt_of};
use crate::abi::repairs::Repairs;
use crate::convert::evm;
use crate::error::ChainError;
use crate::market::TxReceipt;

impl Chain {
    /// What a provider commits to before it repairs a slot; `salt` keeps it secret.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn repair_hash(
        &self,
        deal: DealId,
        slot: SlotIndex,
        provider: Address,
        salt: &[u8; 32],
    ) -> Result<[u8; 32], ChainError> {
        let call = Repairs::hashOfCall {
            deal: deal.0,
            slot: slot.0,
            provider: evm(provider),
            salt: B256::from(*salt),
        };
        Ok(self.view(Contract::Repairs, &call).await?.0)
    }

    /// When a hash was committed to; none when it was not.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn repair_committed_at(&self, hash: &[u8; 32]) -> Result<Option<u64>, ChainError> {
        let call = Repairs::committedAtCall {
            hash: B256::from(*hash),
        };
        let time = self.view(Contract::Repairs, &call).await?;
        Ok((time != 0).then_some(time))
    }

    /// Commits to a repair.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Repairs_AlreadyCommitted`.
    pub async fn commit_repair(&self, hash: &[u8; 32]) -> Result<TxReceipt, ChainError> {
        let call = Repairs::commitCall {
            hash: B256::from(*hash),
        };
        receipt_of(&self.transact(Contract::Repairs, &call).await?)
    }

    /// Shows a commit of the account, which may then fill the freed slot for a while.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Repairs_WrongKind`, `Repairs_NotFreed`, `Repairs_NotCommitted`,
    /// `Repairs_CommitBeforeFreed`, `Repairs_CommitTooYoung`, `Repairs_CommitTooOld`.
    pub async fn reveal_repair(
        &self,
        deal: DealId,
        slot: SlotIndex,
        salt: &[u8; 32],
    ) -> Result<TxReceipt, ChainError> {
        let call = Repairs::revealCall {
            deal: deal.0,
            slot: slot.0,
            salt: B256::from(*salt),
        };
        receipt_of(&self.transact(Contract::Repairs, &call).await?)
    }

    /// The last second at which a provider may fill the freed slot; none when it may not.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn right_until(
        &self,
        deal: DealId,
        slot: SlotIndex,
        provider: Address,
    ) -> Result<Option<u64>, ChainError> {
        let call = Repairs::rightUntilCall {
            deal: deal.0,
            slot: slot.0,
            provider: evm(provider),
        };
        let until = self.view(Contract::Repairs, &call).await?;
        Ok((until != 0).then_some(until))
    }
}
