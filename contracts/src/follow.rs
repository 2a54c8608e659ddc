//! Drives a [`Follower`] over a [`Chain`].

use crate::chain::Chain;
use crate::error::ChainError;
use crate::events::ChainEvent;
use crate::follower::{AnchorCheck, BlockRef, Follower, Plan};
use crate::market::Head;

/// News of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// Everything from this block on that was delivered before is void: undo it. The new blocks follow.
    Void {
        /// First void block.
        from_block: u64,
    },
    /// Events of confirmed blocks, in order. May be empty.
    Events {
        /// What the contracts said.
        events: Vec<ChainEvent>,
        /// The last block read: everything up to it was delivered.
        last: BlockRef,
        /// The newest block at the time.
        head: Head,
    },
}

impl Follower {
    /// The next news, or none when everything confirmed was read: ask again a little later.
    ///
    /// The position advances only when news is returned; after an error, or when the future is dropped, the same news
    /// comes again.
    ///
    /// # Errors
    /// [`ChainError`] of the endpoints.
    pub async fn poll(&mut self, chain: &Chain) -> Result<Option<News>, ChainError> {
        loop {
            let head = chain.head().await?;
            let plan = self.plan(head.number);
            let anchor = match plan {
                Plan::Wait => None,
                Plan::Verify { anchor } => Some(anchor),
                Plan::Read { anchor, .. } => anchor,
            };
            if let Some(anchor) = anchor {
                let on_chain = chain.block(anchor.number).await?.map(|block| block.hash);
                match self.check_anchor(on_chain) {
                    AnchorCheck::Holds => {}
                    AnchorCheck::Unknown => return Ok(None),
                    AnchorCheck::Changed => continue,
                }
            }
            if let Some(from_block) = self.take_void() {
                return Ok(Some(News::Void { from_block }));
            }
            let Plan::Read { from, to, .. } = plan else {
                return Ok(None);
            };
            // The chain may be reorganised, or another endpoint take over, while the logs are read: the last block must
            // be the same before and after.
            let Some(before) = chain.block(to).await? else {
                return Ok(None);
            };
            let events = chain.events(from, to).await?;
            let after = chain.block(to).await?;
            if after.is_none_or(|after| after.hash != before.hash) {
                return Ok(None);
            }
            let last = BlockRef {
                number: to,
                hash: before.hash,
            };
            self.delivered(last);
            return Ok(Some(News::Events { events, last, head }));
        }
    }
}
