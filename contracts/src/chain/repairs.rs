//! Who may fill a freed slot. Of a hot deal: a commit, and some time later its reveal. Of a sealed deal: an auction, with a
//! bond.

use alloy::primitives::B256;
use cairn_wire::{Address, DealId, Period, SlotIndex};

use super::{Chain, Contract, call_of, receipt_of};
use crate::abi::repairs::Repairs;
use crate::convert::{amount, evm, ours};
use crate::error::ChainError;
use crate::market::{AuctionInfo, TxReceipt};

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

    /// The running auction of a sealed slot, as a provider sees it.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn auction(
        &self,
        deal: DealId,
        slot: SlotIndex,
        provider: Address,
    ) -> Result<AuctionInfo, ChainError> {
        let (deal, slot) = (deal.0, slot.0);
        let turn = self
            .view(Contract::Repairs, &Repairs::turnOfCall { deal, slot })
            .await?;
        let call = Repairs::auctionCall { deal, slot, turn };
        let stored = self.view(Contract::Repairs, &call).await?;
        if stored.period == 0 {
            return Ok(AuctionInfo {
                turn,
                ..AuctionInfo::default()
            });
        }
        let call = Repairs::hasEnteredCall {
            deal,
            slot,
            turn,
            provider: evm(provider),
        };
        let entered = self.view(Contract::Repairs, &call).await?;
        let mut seen = AuctionInfo {
            turn,
            period: Some(Period(stored.period)),
            best: (!stored.best.is_zero()).then(|| ours(stored.best)),
            entered,
            ..AuctionInfo::default()
        };
        let call = Repairs::claimsUntilCall { deal, slot };
        let until = self.view(Contract::Repairs, &call).await?;
        if until == 0 {
            return Ok(seen);
        }
        seen.claims_until_unix = Some(until);
        let provider = evm(provider);
        let call = Repairs::rankOfCall {
            deal,
            slot,
            provider,
        };
        let rank = self.view(Contract::Repairs, &call).await?;
        seen.is_lowest = entered && (stored.best.is_zero() || rank < stored.bestRank);
        let call = Repairs::isWinnerCall {
            deal,
            slot,
            provider,
        };
        seen.is_winner = self.view(Contract::Repairs, &call).await?;
        seen.seal_periods_left = Some(self.seal_periods_left(until).await?);
        Ok(seen)
    }

    /// Periods with a beacon that must still close until the winner of claims that end at `from_unix` has had its time.
    async fn seal_periods_left(&self, from_unix: u64) -> Result<u64, ChainError> {
        let now = self.head().await?.timestamp;
        let [before, up_to] =
            [from_unix, now.max(from_unix)].map(|time| self.schedule().last_closed_period(time));
        let had = self
            .counted_up_to(up_to)
            .await?
            .saturating_sub(self.counted_up_to(before).await?);
        let all = u64::from(self.deployment().repair_terms.seal_periods);
        Ok(all.saturating_sub(had))
    }

    /// Enters the auction of a freed sealed slot, or opens one. The bond is taken from the account's credit first, the rest
    /// by a permit of the account. The collateral that the slot locks must be free.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Repairs_WrongKind`, `Repairs_NotRegistered`, `Repairs_NotEligible`,
    /// `Repairs_CollateralTooLow`, `Repairs_EntryClosed`, `Repairs_AlreadyEntered`, `Repairs_AllowanceTooLow`,
    /// `ERC20InsufficientBalance`.
    pub async fn enter_auction(
        &self,
        deal: DealId,
        slot: SlotIndex,
    ) -> Result<TxReceipt, ChainError> {
        let what = call_of::<Repairs::enterCall>(Contract::Repairs);
        let key = self.signer(&what)?.key().clone();
        // The token's permit nonce counts: the next permit of this account is signed when this one was used.
        let one_at_a_time = self.inner.permits.lock().await;
        let credit = self.repair_credit(key.address()).await?;
        let bond = self.deployment().repair_terms.seal_bond;
        let missing = bond.saturating_sub(credit);
        let permit = self.permit(&key, Contract::Repairs, missing).await?;
        let call = Repairs::enterCall {
            deal: deal.0,
            slot: slot.0,
            permit: Repairs::Permit {
                value: permit.value,
                deadline: permit.deadline,
                v: permit.v,
                r: permit.r,
                s: permit.s,
            },
        };
        let receipt = self.transact(Contract::Repairs, &call).await?;
        drop(one_at_a_time);
        receipt_of(&receipt)
    }

    /// Puts the account, an entrant, forward as the winner. An auction in which nobody does costs all their bonds.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Repairs_NoAuction`, `Repairs_NotEntered`, `Repairs_RoundUnknown`,
    /// `Repairs_ClaimsClosed`, `Repairs_NotLowest`.
    pub async fn claim_auction(
        &self,
        deal: DealId,
        slot: SlotIndex,
    ) -> Result<TxReceipt, ChainError> {
        let call = Repairs::claimCall {
            deal: deal.0,
            slot: slot.0,
        };
        receipt_of(&self.transact_urgent(Contract::Repairs, &call).await?)
    }

    /// Ends an auction that failed, or whose deal ended first. Anybody may.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Repairs_NoAuction`, `Repairs_TooEarly`.
    pub async fn expire_auction(
        &self,
        deal: DealId,
        slot: SlotIndex,
    ) -> Result<TxReceipt, ChainError> {
        let call = Repairs::expireCall {
            deal: deal.0,
            slot: slot.0,
        };
        receipt_of(&self.transact(Contract::Repairs, &call).await?)
    }

    /// Whether an entrant's bond would come back now.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn bond_refundable(
        &self,
        deal: DealId,
        slot: SlotIndex,
        turn: u32,
        provider: Address,
    ) -> Result<bool, ChainError> {
        let call = Repairs::refundableCall {
            deal: deal.0,
            slot: slot.0,
            turn,
            provider: evm(provider),
        };
        self.view(Contract::Repairs, &call).await
    }

    /// Gives an entrant's bond back, as credit. Anybody may.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Repairs_NotEntered`, `Repairs_NotRefundable`.
    pub async fn refund_bond(
        &self,
        deal: DealId,
        slot: SlotIndex,
        turn: u32,
        provider: Address,
    ) -> Result<TxReceipt, ChainError> {
        let call = Repairs::refundCall {
            deal: deal.0,
            slot: slot.0,
            turn,
            provider: evm(provider),
        };
        receipt_of(&self.transact(Contract::Repairs, &call).await?)
    }

    /// Bonds of repairs that came back to an account: its next ones are taken from them, or they are withdrawn.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn repair_credit(&self, account: Address) -> Result<u128, ChainError> {
        let call = Repairs::creditOfCall {
            account: evm(account),
        };
        amount(
            self.view(Contract::Repairs, &call).await?,
            "Repairs.creditOf",
        )
    }

    /// Takes the account's whole credit out of Repairs.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Repairs_NothingToWithdraw`.
    pub async fn withdraw_repair_bonds(&self, to: Address) -> Result<TxReceipt, ChainError> {
        let call = Repairs::withdrawCall { to: evm(to) };
        receipt_of(&self.transact(Contract::Repairs, &call).await?)
    }
}
