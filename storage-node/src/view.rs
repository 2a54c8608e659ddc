//! What was last seen of the chain, for those who must answer at once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cairn_contracts::Head;
use cairn_contracts::follower::BlockRef;
use cairn_wire::DealId;

/// The newest block seen, and when the deals that name this provider were opened.
#[derive(Debug, Default)]
pub struct ChainView(Mutex<Seen>);

#[derive(Debug, Default)]
struct Seen {
    head: Option<Head>,
    opened: HashMap<DealId, u64>,
    read: Option<BlockRef>,
}

impl ChainView {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of the newest block.
    pub fn note_head(&self, head: Head) {
        self.seen().head = Some(head);
    }

    /// Takes note of the block in which a deal was opened.
    pub fn note_opened(&self, deal: DealId, block: u64) {
        self.seen().opened.insert(deal, block);
    }

    /// Takes note of the last block whose events were read.
    pub fn note_read(&self, block: BlockRef) {
        self.seen().read = Some(block);
    }

    /// Forgets what was said from a block on: the chain took it back.
    pub fn forget_from(&self, block: u64) {
        let mut seen = self.seen();
        seen.read = None;
        seen.opened.retain(|_, opened| *opened < block);
    }

    /// The last block whose events were read since the start.
    #[must_use]
    pub fn read(&self) -> Option<BlockRef> {
        self.seen().read
    }

    /// The newest block seen.
    #[must_use]
    pub fn head(&self) -> Option<Head> {
        self.seen().head
    }

    /// The chain's own time at the newest block seen; 0 before the first.
    #[must_use]
    pub fn chain_time_unix(&self) -> u64 {
        self.seen().head.map_or(0, |head| head.timestamp)
    }

    /// Whether the block that opened a deal has at least so many blocks on it, itself included. Up to one, being on
    /// chain is enough.
    #[must_use]
    pub fn is_confirmed(&self, deal: DealId, confirmations: u64) -> bool {
        if confirmations <= 1 {
            return true;
        }
        let seen = self.seen();
        let (Some(head), Some(opened)) = (seen.head, seen.opened.get(&deal)) else {
            return false;
        };
        head.number.saturating_sub(*opened).saturating_add(1) >= confirmations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deal_is_confirmed_when_enough_blocks_lie_on_it() {
        let view = ChainView::default();
        assert!(
            view.is_confirmed(DealId(1), 1),
            "one confirmation: being on chain is enough"
        );
        assert!(!view.is_confirmed(DealId(1), 2), "nothing seen yet");
        view.note_opened(DealId(1), 10);
        view.note_head(Head {
            number: 11,
            hash: [0; 32],
            timestamp: 5,
        });
        assert!(view.is_confirmed(DealId(1), 2), "blocks 10 and 11");
        assert!(!view.is_confirmed(DealId(1), 3), "block 12 is missing");
        assert_eq!(view.chain_time_unix(), 5, "the chain's time");
        view.forget_from(11);
        assert!(view.is_confirmed(DealId(1), 2), "block 10 still stands");
        view.forget_from(10);
        assert!(!view.is_confirmed(DealId(1), 2), "block 10 was taken back");
    }
}
