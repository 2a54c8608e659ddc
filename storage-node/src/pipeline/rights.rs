//! The right to fill a freed slot. Of a hot deal: committed to, and some seconds later shown. Of a sealed deal: won in an
//! auction (`bids.rs`). All of it is on chain, nothing is recorded: the salts follow from the operator's key.

use cairn_contracts::Head;

use crate::error::{ChainFault, ProvingError};
use crate::pipeline::Work;
use crate::store::SlotKey;

/// A commit that lapsed is followed by one with another salt, this many times for each time the slot is freed.
const ATTEMPTS: u8 = 32;
/// A right must last at least this much longer when it is used: a transaction takes a while.
const MARGIN_S: u64 = 10;

/// What is between this provider and a freed slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Right {
    /// Nothing: it may be filled.
    Held,
    /// A commit is old enough; showing this salt gives the right. That comes last, when the proof is made: the right is
    /// short.
    Show([u8; 32]),
    /// A commit was made now.
    Committed,
    /// A commit is too young, or the slot is not won.
    Young,
}

impl Work {
    /// How far this provider is from filling a hot slot that was freed at `freed_at_unix`; commits if it did not yet.
    pub(super) async fn right(
        &self,
        key: SlotKey,
        freed_at_unix: u64,
        head: Head,
    ) -> Result<Right, ProvingError> {
        let until = self.chain.right_until(key.deal, key.slot).await?;
        if until.is_some_and(|until| until > head.timestamp.saturating_add(MARGIN_S)) {
            return Ok(Right::Held);
        }
        for attempt in 0..ATTEMPTS {
            let salt = self.repair_salt(key, freed_at_unix, attempt);
            let committed = self
                .chain
                .repair_committed_at(key.deal, key.slot, salt)
                .await?;
            let Some(committed) = committed else {
                self.chain.commit_repair(key.deal, key.slot, salt).await?;
                tracing::info!(slot = %key, "committed to a repair");
                return Ok(Right::Committed);
            };
            let age = head.timestamp.saturating_sub(committed);
            if age < self.market.repair.commit_age_s {
                return Ok(Right::Young);
            }
            if age <= self.market.repair.commit_life_s {
                return Ok(Right::Show(salt));
            }
        }
        Err(ChainFault::Refused(format!("no commit to the repair of {key} counts")).into())
    }

    /// Whether this provider may fill a sealed slot: its auction alone gives the right.
    pub(super) async fn right_by_auction(&self, key: SlotKey) -> Result<Right, ProvingError> {
        let auction = self.chain.auction(key.deal, key.slot).await?;
        Ok(match auction.is_winner {
            true => Right::Held,
            false => Right::Young,
        })
    }

    /// Nobody else can know it before it is shown.
    fn repair_salt(&self, key: SlotKey, freed_at_unix: u64, attempt: u8) -> [u8; 32] {
        let mut message = key.deal.0.to_le_bytes().to_vec();
        message.extend(freed_at_unix.to_le_bytes());
        message.extend([key.slot.0, attempt]);
        *blake3::keyed_hash(&self.market.salt_key, &message).as_bytes()
    }
}
