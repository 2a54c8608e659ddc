//! What the contracts owe an account, and taking it out: each keeps credits of its own, to be pulled.

use cairn_wire::Address;

use super::Chain;
use crate::error::ChainError;
use crate::market::Owed;

impl Chain {
    /// What an account may take out of the contracts.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn owed_to(&self, account: Address) -> Result<Owed, ChainError> {
        let collateral = self.collateral_of(account).await?;
        let now = self.head().await?.timestamp;
        let ripe = now >= collateral.withdrawable_at_unix;
        let challenges = self.bond_credit(account).await?;
        let repairs = self.repair_credit(account).await?;
        Ok(Owed {
            deals: self.credit_of(account).await?,
            bounties: self.bounty_of(account).await?,
            bonds: challenges.saturating_add(repairs),
            collateral: if ripe { collateral.withdrawing } else { 0 },
        })
    }

    /// Takes all of it out, to the account itself; what was taken. What fails in the middle leaves the rest where it is.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn withdraw_owed(&self, account: Address) -> Result<Owed, ChainError> {
        let owed = self.owed_to(account).await?;
        if owed.deals > 0 {
            self.withdraw().await?;
        }
        if owed.bounties > 0 {
            self.withdraw_bounty(account).await?;
        }
        if self.bond_credit(account).await? > 0 {
            self.withdraw_bonds(account).await?;
        }
        if self.repair_credit(account).await? > 0 {
            self.withdraw_repair_bonds(account).await?;
        }
        if owed.collateral > 0 {
            self.withdraw_collateral(account).await?;
        }
        Ok(owed)
    }
}
