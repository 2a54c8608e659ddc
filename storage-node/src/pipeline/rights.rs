//! The right to fill a freed slot: committed to, and some seconds later shown. All of it is on chain, nothing is recorded:
//! the salts follow from the operator's key.

use cairn_contracts::Head;

use crate::error::{ChainFault, ProvingError};
use crate::pipeline::Work;
use crate::store::SlotKey;

/// A commit that lapsed, or that is older than the slot's freeing, is followed by one with another salt, this many times.
const ATTEMPTS: u8 = 8;
/// The right must last at least this much longer when it is used: the proof and its transaction take a while.
const MARGIN_S: u64 = 10;

impl Work {
    /// Whether this provider may fill a freed slot now; takes the next step towards it otherwise.
    pub(super) async fn may_repair(&self, key: SlotKey, head: Head) -> Result<bool, ProvingError> {
        let until = self.chain.right_until(key.deal, key.slot).await?;
        if until.is_some_and(|until| until > head.timestamp.saturating_add(MARGIN_S)) {
            return Ok(true);
        }
        for attempt in 0..ATTEMPTS {
            let salt = self.repair_salt(key, attempt);
            let committed = self
                .chain
                .repair_committed_at(key.deal, key.slot, salt)
                .await?;
            let Some(committed) = committed else {
                self.chain.commit_repair(key.deal, key.slot, salt).await?;
                tracing::info!(slot = %key, "committed to a repair");
                return Ok(false);
            };
            let age = head.timestamp.saturating_sub(committed);
            if age > self.market.repair.commit_life_s {
                continue;
            }
            if age < self.market.repair.commit_age_s {
                return Ok(false);
            }
            match self.chain.reveal_repair(key.deal, key.slot, salt).await {
                Ok(_) => {
                    tracing::info!(slot = %key, "showed the right to a repair");
                    return Ok(true);
                }
                // It was made before the slot was freed, once more perhaps: the next salt.
                Err(ChainFault::Refused(reason)) => {
                    tracing::debug!(slot = %key, %reason, "the commit does not count");
                }
                Err(down) => return Err(down.into()),
            }
        }
        Err(ChainFault::Refused(format!("no commit to the repair of {key} counts")).into())
    }

    /// Nobody else can know it before it is shown.
    fn repair_salt(&self, key: SlotKey, attempt: u8) -> [u8; 32] {
        let mut message = key.deal.0.to_le_bytes().to_vec();
        message.extend([key.slot.0, attempt]);
        *blake3::keyed_hash(&self.market.salt_key, &message).as_bytes()
    }
}
