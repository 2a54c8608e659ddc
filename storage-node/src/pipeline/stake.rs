//! Collateral: every filled slot locks some, so it has to be there before the slot is filled.

use crate::dashboard::{Alarm, Gauge};
use crate::error::ProvingError;
use crate::pipeline::Work;

/// A deposit is large enough for this many times what is needed now, if the account holds it: fewer transactions.
const AHEAD: u128 = 8;

impl Work {
    /// Sees to it that slots of these prices can lock their collateral: what is missing is deposited out of the
    /// operator's account, of which `kept` is there for something else.
    ///
    /// # Errors
    /// [`ProvingError::Collateral`]: the account holds too few tokens.
    pub(super) async fn stake(
        &self,
        prices: impl Iterator<Item = u128>,
        kept: u128,
    ) -> Result<(), ProvingError> {
        let needed = prices.fold(0_u128, |sum, price| {
            let (fault, repair) = self.market.collateral.parts_of(price);
            sum.saturating_add(fault).saturating_add(repair)
        });
        if needed == 0 {
            return Ok(());
        }
        let account = self.chain.collateral().await?;
        self.show_stake(account.total, account.free);
        let missing = needed.saturating_sub(account.free);
        if missing == 0 {
            self.metrics.clear(Alarm::Collateral);
            return Ok(());
        }
        let at_hand = self.chain.funds().await?.balance.saturating_sub(kept);
        if at_hand < missing {
            return Err(ProvingError::Collateral {
                needed: missing,
                at_hand,
            });
        }
        let tokens = deposit(missing, needed, at_hand);
        self.chain.deposit_collateral(tokens).await?;
        self.metrics.clear(Alarm::Collateral);
        self.show_stake(
            account.total.saturating_add(tokens),
            account.free.saturating_add(tokens),
        );
        tracing::info!(tokens, "collateral deposited");
        Ok(())
    }

    fn show_stake(&self, total: u128, free: u128) {
        let shown = |tokens: u128| u64::try_from(tokens).unwrap_or(u64::MAX);
        self.metrics.set(Gauge::Staked, shown(total));
        self.metrics.set(Gauge::StakeFree, shown(free));
    }
}

/// What to deposit: what is missing, and something for the slots that come next, but no more than a quarter of the rest
/// of the account, which also pays other deposits.
fn deposit(missing: u128, needed: u128, at_hand: u128) -> u128 {
    let ahead = needed.saturating_mul(AHEAD);
    let spare = at_hand.saturating_sub(missing) / 4;
    missing.saturating_add(ahead.min(spare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deposit_covers_what_is_missing_and_leaves_most_of_the_account() {
        assert_eq!(deposit(10, 10, 10), 10, "all there is");
        assert_eq!(deposit(10, 10, 1_000_000), 90, "and for eight more");
        assert_eq!(deposit(10, 10, 50), 20, "a quarter of the rest");
    }
}
