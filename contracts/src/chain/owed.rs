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
        Ok(Owed {
            deals: self.credit_of(account).await?,
            bounties: self.bounty_of(account).await?,
            bonds: self.bond_credit(account).await?,
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
        if owed.bonds > 0 {
            self.withdraw_bonds(account).await?;
        }
        if owed.collateral > 0 {
            self.withdraw_collateral(account).await?;
        }
        Ok(owed)
    }
}
