//! Collateral: what providers stake, what is slashed, and the windows in which misses are excused.

use alloy::primitives::U256;
use cairn_wire::{Address, Period, TreeIndex};

use super::{Chain, Contract, call_of, receipt_of};
use crate::abi::collateral::Collateral;
use crate::convert::{amount, evm};
use crate::error::ChainError;
use crate::market::{CollateralAccount, TxReceipt};

impl Chain {
    /// Adds to a provider's free collateral, paid by a permit of the account.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Collateral_AllowanceTooLow`, `ERC20InsufficientBalance`.
    pub async fn deposit_collateral(
        &self,
        provider: Address,
        tokens: u128,
    ) -> Result<TxReceipt, ChainError> {
        let what = call_of::<Collateral::depositCall>(Contract::Collateral);
        let key = self.signer(&what)?.key().clone();
        // The token's permit nonce counts: the next permit of this account is signed when this one was used.
        let one_at_a_time = self.inner.permits.lock().await;
        let permit = self.permit(&key, Contract::Collateral, tokens).await?;
        let call = Collateral::depositCall {
            provider: evm(provider),
            amount: U256::from(tokens),
            permit: Collateral::Permit {
                value: permit.value,
                deadline: permit.deadline,
                v: permit.v,
                r: permit.r,
                s: permit.s,
            },
        };
        let receipt = self.transact(Contract::Collateral, &call).await?;
        drop(one_at_a_time);
        receipt_of(&receipt)
    }

    /// A provider's collateral.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn collateral_of(&self, provider: Address) -> Result<CollateralAccount, ChainError> {
        let provider = evm(provider);
        let stored = self
            .view(Contract::Collateral, &Collateral::accountCall { provider })
            .await?;
        let free = self
            .view(Contract::Collateral, &Collateral::freeOfCall { provider })
            .await?;
        Ok(CollateralAccount {
            total: stored.total,
            fault_locked: stored.faultLocked,
            repair_locked: stored.repairLocked,
            withdrawing: stored.withdrawing,
            withdrawable_at_unix: stored.withdrawableAt,
            free: amount(free, "Collateral.freeOf")?,
        })
    }

    /// Asks back free collateral of the account; a new request replaces the one before.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Collateral_TooLow`.
    pub async fn request_collateral(&self, tokens: u128) -> Result<TxReceipt, ChainError> {
        let call = Collateral::requestWithdrawCall {
            amount: U256::from(tokens),
        };
        receipt_of(&self.transact(Contract::Collateral, &call).await?)
    }

    /// Takes out what was asked back, as far as it is still free.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Collateral_TooEarly`, `Collateral_NothingToWithdraw`.
    pub async fn withdraw_collateral(&self, to: Address) -> Result<TxReceipt, ChainError> {
        let call = Collateral::withdrawCall { to: evm(to) };
        receipt_of(&self.transact(Contract::Collateral, &call).await?)
    }

    /// Bounties of an account, to be withdrawn.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn bounty_of(&self, account: Address) -> Result<u128, ChainError> {
        let call = Collateral::bountyOfCall {
            account: evm(account),
        };
        amount(
            self.view(Contract::Collateral, &call).await?,
            "Collateral.bountyOf",
        )
    }

    /// Takes the account's bounties out.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Collateral_NothingToWithdraw`.
    pub async fn withdraw_bounty(&self, to: Address) -> Result<TxReceipt, ChainError> {
        let call = Collateral::withdrawBountyCall { to: evm(to) };
        receipt_of(&self.transact(Contract::Collateral, &call).await?)
    }

    /// Shows that a tree missed a period; the bounty of the slash is the account's.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Collateral_NotMissed`, `Collateral_AlreadyReported`, `Collateral_ReportTooLate`.
    pub async fn report_miss(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Result<TxReceipt, ChainError> {
        let call = Collateral::reportMissCall {
            provider: evm(provider),
            tree_: tree.0,
            period: period.0,
        };
        receipt_of(&self.transact(Contract::Collateral, &call).await?)
    }

    /// Ends a tree that missed too many periods in a row.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Collateral_Terminated`, `Collateral_TooFewMisses`.
    pub async fn terminate(
        &self,
        provider: Address,
        tree: TreeIndex,
    ) -> Result<TxReceipt, ChainError> {
        let call = Collateral::terminateCall {
            provider: evm(provider),
            tree_: tree.0,
        };
        receipt_of(&self.transact(Contract::Collateral, &call).await?)
    }

    /// Misses of a tree in a row, as [`Chain::terminate`] counts them.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn misses_in_a_row(
        &self,
        provider: Address,
        tree: TreeIndex,
    ) -> Result<u64, ChainError> {
        let call = Collateral::missesInARowCall {
            provider: evm(provider),
            tree_: tree.0,
        };
        self.view(Contract::Collateral, &call).await
    }

    /// The last period that counts of a tree that was ended; none when it was not.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn terminated_at(
        &self,
        provider: Address,
        tree: TreeIndex,
    ) -> Result<Option<Period>, ChainError> {
        let call = Collateral::terminatedAtCall {
            provider: evm(provider),
            tree_: tree.0,
        };
        let last = self.view(Contract::Collateral, &call).await?;
        Ok((last != 0).then_some(Period(last)))
    }

    /// What a tree earned, and risked, in a period.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn pay_at(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Result<u128, ChainError> {
        let call = Collateral::payAtCall {
            provider: evm(provider),
            tree_: tree.0,
            period: period.0,
        };
        amount(
            self.view(Contract::Collateral, &call).await?,
            "Collateral.payAt",
        )
    }

    /// Announces that the account's tree may miss `periods` periods from `first` on.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Collateral_WindowRefused`.
    pub async fn announce_maintenance(
        &self,
        tree: TreeIndex,
        first: Period,
        periods: u32,
    ) -> Result<TxReceipt, ChainError> {
        let call = Collateral::announceMaintenanceCall {
            tree_: tree.0,
            first: first.0,
            periods,
        };
        receipt_of(&self.transact(Contract::Collateral, &call).await?)
    }

    /// Declares that the account's tree cannot be proven for `periods` periods; three times its pay is burned for each.
    ///
    /// # Errors
    /// [`ChainError`]; refused with `Collateral_WindowRefused`, `Collateral_TooLow`.
    pub async fn declare_fault(
        &self,
        tree: TreeIndex,
        periods: u32,
    ) -> Result<TxReceipt, ChainError> {
        let call = Collateral::declareFaultCall {
            tree_: tree.0,
            periods,
        };
        receipt_of(&self.transact_urgent(Contract::Collateral, &call).await?)
    }
}
