//! Following the chain: which blocks to read next, and when what was read is void. No I/O.
//!
//! ```text
//!   delivered                      confirmed           not yet confirmed
//!  ...-[ n-2 ]-[ n-1 ]-[ n ]  |  [ n+1 ]...[ head-d ]  |  ...[ head ]
//!                        ^ anchor: its hash must still be on the chain before anything after it is read
//! ```
//!
//! Blocks less than `confirmations` deep are left alone. Reorganisations deeper than that happen too (a development
//! chain restarted from an older state, a chain in trouble): the follower remembers the hashes of blocks it delivered
//! up to, and when the newest of them has changed, it goes back to the last one that has not and says from which block
//! on everything is void. An endpoint that lags behind is not a reorganisation: then the follower waits.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// Anchors kept: with one batch a block, a reorganisation up to this deep is answered without starting over.
const ANCHORS: usize = 256;

/// A block by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockRef {
    /// Its number.
    pub number: u64,
    /// Its hash.
    #[serde(with = "crate::hex32")]
    pub hash: [u8; 32],
}

/// What to ask the chain for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing confirmed is unread, and nothing delivered can be looked at again.
    Wait,
    /// Nothing confirmed is unread: only look whether the anchor still stands.
    Verify {
        /// The block whose hash must be looked at.
        anchor: BlockRef,
    },
    /// Read the logs of these blocks, both included, once the anchor was checked.
    Read {
        /// The block whose hash must be looked at first; none before the first batch.
        anchor: Option<BlockRef>,
        /// First block.
        from: u64,
        /// Last block.
        to: u64,
    },
}

/// What the anchor's hash on the chain says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorCheck {
    /// The chain continues what was delivered.
    Holds,
    /// The endpoint does not have the block: wait.
    Unknown,
    /// Another block stands there: plan again, with the anchor before it.
    Changed,
}

/// The position of a reader. Serialise it with whatever was derived from the events: both are then of one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Follower {
    start: u64,
    confirmations: u64,
    max_range: u64,
    next: u64,
    /// Oldest first; each is the last block of a batch that was delivered.
    anchors: VecDeque<BlockRef>,
    /// First block that became void and was not told yet.
    void_from: Option<u64>,
}

impl Follower {
    /// Starts at a block; blocks `confirmations` below the head and older are read, at most `max_range` at once.
    #[must_use]
    pub fn new(start_block: u64, confirmations: u64, max_range: u64) -> Self {
        Self {
            start: start_block,
            confirmations,
            max_range: max_range.max(1),
            next: start_block,
            anchors: VecDeque::new(),
            void_from: None,
        }
    }

    /// The next block that will be delivered.
    #[must_use]
    pub const fn next_block(&self) -> u64 {
        self.next
    }

    /// What to do when the newest block is `head`.
    #[must_use]
    pub fn plan(&self, head: u64) -> Plan {
        let anchor = self.anchors.back().copied();
        let confirmed = head
            .checked_sub(self.confirmations)
            .filter(|confirmed| *confirmed >= self.next);
        let Some(confirmed) = confirmed else {
            return match anchor {
                Some(anchor) if anchor.number <= head => Plan::Verify { anchor },
                _ => Plan::Wait,
            };
        };
        let to = self
            .next
            .saturating_add(self.max_range.saturating_sub(1))
            .min(confirmed);
        Plan::Read {
            anchor,
            from: self.next,
            to,
        }
    }

    /// Takes note of the hash that the chain has at the anchor's number (none: the endpoint lacks the block).
    ///
    /// After [`AnchorCheck::Changed`] the position is behind the anchor before it, or at the start.
    pub fn check_anchor(&mut self, on_chain: Option<[u8; 32]>) -> AnchorCheck {
        let Some(anchor) = self.anchors.back().copied() else {
            return AnchorCheck::Holds;
        };
        match on_chain {
            None => AnchorCheck::Unknown,
            Some(hash) if hash == anchor.hash => AnchorCheck::Holds,
            Some(_) => {
                self.anchors.pop_back();
                self.next = self
                    .anchors
                    .back()
                    .map_or(self.start, |earlier| earlier.number.saturating_add(1));
                self.void_from = Some(self.void_from.map_or(self.next, |void| void.min(self.next)));
                AnchorCheck::Changed
            }
        }
    }

    /// The first block from which on everything delivered earlier is void, once after a reorganisation.
    pub const fn take_void(&mut self) -> Option<u64> {
        self.void_from.take()
    }

    /// Takes note that the events up to `last` were delivered. Earlier blocks than the next one are left alone.
    pub fn delivered(&mut self, last: BlockRef) {
        if last.number < self.next {
            return;
        }
        self.next = last.number.saturating_add(1);
        self.anchors.push_back(last);
        while self.anchors.len() > ANCHORS {
            self.anchors.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A chain as a list of hashes; what is derived from it is the list of hashes delivered.
    #[derive(Default)]
    struct Model {
        chain: Vec<[u8; 32]>,
        derived: Vec<[u8; 32]>,
    }

    fn hash(number: usize, fork: u8) -> [u8; 32] {
        let mut hash = [fork; 32];
        hash[..8].copy_from_slice(&u64::try_from(number).unwrap().to_le_bytes());
        hash
    }

    impl Model {
        fn grow(&mut self, blocks: usize, fork: u8) {
            for _ in 0..blocks {
                self.chain.push(hash(self.chain.len(), fork));
            }
        }

        /// Runs the follower until it waits.
        fn follow(&mut self, follower: &mut Follower) {
            for _ in 0..10_000 {
                let Some(head) = self.chain.len().checked_sub(1) else {
                    return;
                };
                let plan = follower.plan(u64::try_from(head).unwrap());
                let anchor = match plan {
                    Plan::Wait => return,
                    Plan::Verify { anchor } => Some(anchor),
                    Plan::Read { anchor, .. } => anchor,
                };
                if let Some(anchor) = anchor {
                    let on_chain = self
                        .chain
                        .get(usize::try_from(anchor.number).unwrap())
                        .copied();
                    match follower.check_anchor(on_chain) {
                        AnchorCheck::Holds => {}
                        AnchorCheck::Unknown => return,
                        AnchorCheck::Changed => continue,
                    }
                }
                if let Some(void) = follower.take_void() {
                    self.derived.truncate(usize::try_from(void).unwrap());
                }
                let Plan::Read { from, to, .. } = plan else {
                    return;
                };
                assert_eq!(
                    usize::try_from(from).unwrap(),
                    self.derived.len(),
                    "no gap, nothing twice"
                );
                let (from, to) = (usize::try_from(from).unwrap(), usize::try_from(to).unwrap());
                self.derived.extend_from_slice(&self.chain[from..=to]);
                follower.delivered(BlockRef {
                    number: u64::try_from(to).unwrap(),
                    hash: self.chain[to],
                });
            }
            panic!("it never waits");
        }

        fn confirmed(&self, confirmations: usize) -> &[[u8; 32]] {
            &self.chain[..self.chain.len().saturating_sub(confirmations)]
        }
    }

    #[test]
    fn everything_confirmed_is_delivered_once_and_in_order() {
        for (confirmations, range) in [(0, 1), (0, 7), (3, 1), (3, 100)] {
            let mut follower = Follower::new(0, confirmations, range);
            let mut model = Model::default();
            for _ in 0..20 {
                model.grow(5, 0);
                model.follow(&mut follower);
                let depth = usize::try_from(confirmations).unwrap();
                assert_eq!(
                    model.derived,
                    model.confirmed(depth),
                    "depth {confirmations}, range {range}"
                );
            }
        }
    }

    #[test]
    fn after_a_reorganisation_of_any_depth_the_new_chain_is_delivered() {
        for depth in 1..=60 {
            let mut follower = Follower::new(0, 2, 4);
            let mut model = Model::default();
            for _ in 0..60 {
                model.grow(1, 0);
                model.follow(&mut follower);
            }
            model.chain.truncate(60 - depth);
            model.grow(depth, 1);
            model.follow(&mut follower);
            let common = model
                .derived
                .iter()
                .zip(&model.chain)
                .take_while(|(ours, chain)| ours == chain)
                .count();
            assert_eq!(
                common,
                model.derived.len(),
                "depth {depth}: nothing void is kept, though nothing is new"
            );
            model.grow(3, 1);
            model.follow(&mut follower);
            assert_eq!(model.derived, model.confirmed(2), "depth {depth}");
        }
    }

    #[test]
    fn a_reorganisation_above_the_confirmed_blocks_is_not_noticed() {
        let mut follower = Follower::new(0, 5, 10);
        let mut model = Model::default();
        model.grow(50, 0);
        model.follow(&mut follower);
        model.chain.truncate(46);
        model.grow(10, 1);
        let Plan::Read { anchor, .. } = follower.plan(55) else {
            panic!("there is more to read")
        };
        let on_chain = model.chain[usize::try_from(anchor.unwrap().number).unwrap()];
        assert_eq!(
            follower.check_anchor(Some(on_chain)),
            AnchorCheck::Holds,
            "nothing delivered is void"
        );
        assert_eq!(follower.take_void(), None, "nothing to tell");
    }

    #[test]
    fn when_nothing_is_new_the_anchor_is_looked_at_all_the_same() {
        let mut follower = Follower::new(0, 1, 10);
        let anchor = BlockRef {
            number: 8,
            hash: [1; 32],
        };
        follower.delivered(anchor);
        assert_eq!(
            follower.plan(9),
            Plan::Verify { anchor },
            "the chain may have changed at the same height"
        );
        assert_eq!(
            follower.check_anchor(Some([2; 32])),
            AnchorCheck::Changed,
            "it has"
        );
        assert_eq!(
            follower.plan(9),
            Plan::Read {
                anchor: None,
                from: 0,
                to: 8
            },
            "read anew"
        );
        assert_eq!(follower.take_void(), Some(0), "all of it is void");
    }

    #[test]
    fn a_lagging_endpoint_makes_it_wait_and_void_nothing() {
        let mut follower = Follower::new(0, 0, 10);
        let mut model = Model::default();
        model.grow(30, 0);
        model.follow(&mut follower);
        assert_eq!(
            follower.plan(12),
            Plan::Wait,
            "the head is behind what was delivered"
        );
        assert_eq!(
            follower.check_anchor(None),
            AnchorCheck::Unknown,
            "the block is not there"
        );
        assert_eq!(
            (follower.take_void(), follower.next_block()),
            (None, 30),
            "the position stays"
        );
    }

    #[test]
    fn a_chain_shorter_than_the_confirmations_has_nothing_to_read() {
        assert_eq!(
            Follower::new(0, 10, 5).plan(9),
            Plan::Wait,
            "block 0 is 9 deep"
        );
        assert_eq!(
            Follower::new(0, 10, 5).plan(10),
            Plan::Read {
                anchor: None,
                from: 0,
                to: 0
            },
            "now 10 deep"
        );
    }

    #[test]
    fn a_position_survives_being_written_down() {
        let mut follower = Follower::new(7, 2, 100);
        follower.delivered(BlockRef {
            number: 20,
            hash: [3; 32],
        });
        let text = serde_json::to_string(&follower).unwrap();
        assert_eq!(
            serde_json::from_str::<Follower>(&text).unwrap(),
            follower,
            "as JSON"
        );
    }

    #[test]
    fn a_block_delivered_twice_changes_nothing() {
        let mut follower = Follower::new(0, 0, 100);
        follower.delivered(BlockRef {
            number: 9,
            hash: [1; 32],
        });
        let before = follower.clone();
        follower.delivered(BlockRef {
            number: 9,
            hash: [2; 32],
        });
        assert_eq!(follower, before, "the first word counts");
    }
}
