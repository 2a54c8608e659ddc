//! The market as its events tell it: every provider's trees, what was proven of them, whose slots are where. No I/O.

use std::collections::{BTreeMap, HashMap};

use cairn_contracts::settlement::Runs;
use cairn_contracts::{ChainEvent, ChainEventKind};
use cairn_wire::{Address, Commitment, DealId, Period, SectorNumber, SlotIndex, TreeIndex};

use crate::store::SlotKey;

/// Something another provider failed at, which this node may show to the chain; or something of its own that it may take
/// back there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quarry {
    /// A slot of a tree that was ended: it can be freed.
    Slot(SlotKey),
    /// A tree that missed often enough to be ended.
    Tree {
        /// Whose.
        provider: Address,
        /// Which.
        tree: TreeIndex,
    },
    /// This node's own bond in an auction: it can be taken back once the auction is lost, won and used, or void.
    Bond {
        /// The slot that was auctioned.
        key: SlotKey,
        /// Which of its turns.
        turn: u32,
    },
    /// A challenge of anybody that was not answered: it can be ended once its time is over.
    Challenge(u64),
    /// A miss.
    Miss {
        /// Whose.
        provider: Address,
        /// With which tree.
        tree: TreeIndex,
        /// Which period.
        period: Period,
    },
}

/// A slot that waits for a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freed {
    /// Who lost it.
    pub failed: Address,
    /// The piece's commitment; none when it was shown to be false.
    pub comm_p: Option<Commitment>,
    /// What was put aside for the repair.
    pub pot: u128,
}

/// What was heard so far. Memory: some hundred bytes a live slot of the market.
#[derive(Debug)]
pub struct MarketWatch {
    me: Address,
    rounds: Runs,
    newest_round: Period,
    sectors: HashMap<(Address, SectorNumber), TreeIndex>,
    trees: BTreeMap<TreeKey, WatchedTree>,
    slots: BTreeMap<SlotKey, TreeKey>,
    freed: BTreeMap<SlotKey, Freed>,
    /// Open challenges, and the period in which each was looked at last.
    challenges: BTreeMap<u64, Period>,
    /// This node's bonds in auctions, by slot and turn, and the period in which each was looked at last.
    bonds: BTreeMap<(SlotKey, u32), Option<Period>>,
}

type TreeKey = (Address, TreeIndex);

#[derive(Debug, Default)]
struct WatchedTree {
    /// Filled slots in it.
    live: u64,
    /// First period for which it has been paid without a break.
    since: Period,
    proven: Runs,
    newest_proven: Period,
    ended: bool,
    /// The last period for which it was paid, once nothing of it is any more.
    paid_to: Option<Period>,
    /// Misses up to this period were looked at.
    judged: Period,
    /// The tree was looked at for its end in this period.
    end_judged: Period,
}

impl MarketWatch {
    /// Nothing heard yet; `me` is never hunted.
    #[must_use]
    pub fn new(me: Address) -> Self {
        Self {
            me,
            rounds: Runs::default(),
            newest_round: Period(0),
            sectors: HashMap::new(),
            trees: BTreeMap::new(),
            slots: BTreeMap::new(),
            freed: BTreeMap::new(),
            challenges: BTreeMap::new(),
            bonds: BTreeMap::new(),
        }
    }

    /// Hears an event; they come in the chain's order.
    pub fn take(&mut self, event: &ChainEvent) {
        match &event.kind {
            ChainEventKind::RoundPosted {
                period: Some(period),
                counted: true,
                ..
            } => {
                self.rounds.mark(*period);
                self.newest_round = self.newest_round.max(*period);
            }
            ChainEventKind::SectorAppended {
                provider,
                tree,
                number,
                ..
            } => {
                self.sectors.insert((*provider, *number), *tree);
            }
            ChainEventKind::SectorRetired {
                provider, number, ..
            } => {
                self.sectors.remove(&(*provider, *number));
            }
            ChainEventKind::WindowProven {
                provider,
                tree,
                period,
                ..
            } => {
                let tree = self.trees.entry((*provider, *tree)).or_default();
                tree.proven.mark(*period);
                tree.newest_proven = tree.newest_proven.max(*period);
            }
            ChainEventKind::TreeTerminated {
                provider,
                tree,
                last_period,
            } => {
                let tree = self.trees.entry((*provider, *tree)).or_default();
                (tree.ended, tree.paid_to) = (true, Some(*last_period));
            }
            ChainEventKind::ChallengeOpened { id, .. } => {
                self.challenges.insert(*id, Period(0));
            }
            ChainEventKind::ChallengeAnswered { id, .. }
            | ChainEventKind::ChallengeExpired { id, .. } => {
                self.challenges.remove(id);
            }
            other => self.take_auction_event(other),
        }
    }

    fn take_auction_event(&mut self, kind: &ChainEventKind) {
        let key = |deal: &DealId, slot: &SlotIndex| SlotKey {
            deal: *deal,
            slot: *slot,
        };
        match kind {
            ChainEventKind::AuctionEntered {
                deal,
                slot,
                provider,
                turn,
                ..
            } if *provider == self.me => {
                self.bonds.insert((key(deal, slot), *turn), None);
            }
            ChainEventKind::BondRefunded {
                deal,
                slot,
                provider,
                turn,
                ..
            } if *provider == self.me => {
                self.bonds.remove(&(key(deal, slot), *turn));
            }
            // Nobody claimed, or this node won and did not repair: its bond is gone.
            ChainEventKind::AuctionEnded {
                deal,
                slot,
                turn,
                best,
                lost,
            } if *lost != 0 && best.is_none_or(|best| best == self.me) => {
                self.bonds.remove(&(key(deal, slot), *turn));
            }
            other => self.take_slot_event(other),
        }
    }

    fn take_slot_event(&mut self, kind: &ChainEventKind) {
        match kind {
            ChainEventKind::SlotFilled {
                deal,
                slot,
                provider,
                sector,
                first_period,
                ..
            } => {
                let key = SlotKey {
                    deal: *deal,
                    slot: *slot,
                };
                self.leave(key);
                self.freed.remove(&key);
                let Some(tree) = self.sectors.get(&(*provider, *sector)).copied() else {
                    return;
                };
                let watched = self.trees.entry((*provider, tree)).or_default();
                if watched.live == 0 {
                    watched.since = *first_period;
                    watched.paid_to = None;
                }
                watched.live = watched.live.saturating_add(1);
                self.slots.insert(key, (*provider, tree));
            }
            ChainEventKind::SlotFreed {
                deal,
                slot,
                provider,
                comm_p,
            } => {
                let key = SlotKey {
                    deal: *deal,
                    slot: *slot,
                };
                self.leave(key);
                let freed = self.freed.entry(key).or_insert(Freed {
                    failed: *provider,
                    comm_p: *comm_p,
                    pot: 0,
                });
                // Said again when its commitment is shown to be false; its pot stays.
                freed.comm_p = *comm_p;
            }
            ChainEventKind::RepairFunded {
                deal, slot, amount, ..
            } => {
                let key = SlotKey {
                    deal: *deal,
                    slot: *slot,
                };
                if let Some(freed) = self.freed.get_mut(&key) {
                    freed.pot = *amount;
                }
            }
            ChainEventKind::SlotClosed { deal, slot, .. } => {
                let key = SlotKey {
                    deal: *deal,
                    slot: *slot,
                };
                self.leave(key);
                self.freed.remove(&key);
            }
            _ => {}
        }
    }

    fn leave(&mut self, key: SlotKey) {
        let tree = self.slots.remove(&key);
        if let Some(watched) = tree.and_then(|tree| self.trees.get_mut(&tree)) {
            watched.live = watched.live.saturating_sub(1);
            if watched.live == 0 && watched.paid_to.is_none() {
                watched.paid_to = Some(self.newest_round);
            }
        }
    }

    /// Slots that wait for a repair.
    #[must_use]
    pub const fn freed(&self) -> &BTreeMap<SlotKey, Freed> {
        &self.freed
    }

    /// Whether the chain said that `provider` fills a slot of this deal.
    #[must_use]
    pub fn holds_sibling(&self, provider: Address, key: SlotKey) -> bool {
        let first = SlotKey {
            deal: key.deal,
            slot: SlotIndex(0),
        };
        self.slots
            .range(first..)
            .take_while(|(other, _)| other.deal == key.deal)
            .any(|(_, (holder, _))| *holder == provider)
    }

    /// What to show to the chain next, when `closed` is the newest period whose deadline is over and `misses_to_end`
    /// misses end a tree (0: none do).
    #[must_use]
    pub fn next(&mut self, closed: Period, misses_to_end: u32) -> Option<Quarry> {
        // Misses before the end of their tree: afterwards nobody looks for them.
        self.miss(closed)
            .or_else(|| self.challenge(closed))
            .or_else(|| self.slot_to_free())
            .or_else(|| self.tree_to_end(closed, misses_to_end))
    }

    /// A bond of this node's, each once a period.
    #[must_use]
    pub fn bond(&self, closed: Period) -> Option<Quarry> {
        let mut bonds = self.bonds.iter();
        bonds
            .find(|(_, looked)| looked.is_none_or(|looked| looked < closed))
            .map(|((key, turn), _)| Quarry::Bond {
                key: *key,
                turn: *turn,
            })
    }

    /// An open challenge, each once a period.
    fn challenge(&self, closed: Period) -> Option<Quarry> {
        let mut open = self.challenges.iter();
        open.find(|(_, looked)| **looked < closed)
            .map(|(id, _)| Quarry::Challenge(*id))
    }

    /// The quarry was shown, or the chain thinks otherwise: it is not looked at again (a tree not in this period).
    pub fn done(&mut self, quarry: Quarry, closed: Period) {
        match quarry {
            Quarry::Slot(key) => self.leave(key),
            Quarry::Bond { key, turn } => {
                if let Some(looked) = self.bonds.get_mut(&(key, turn)) {
                    *looked = Some(closed);
                }
            }
            Quarry::Challenge(id) => {
                if let Some(looked) = self.challenges.get_mut(&id) {
                    *looked = closed;
                }
            }
            Quarry::Tree { provider, tree } => {
                self.trees.entry((provider, tree)).or_default().end_judged = closed;
            }
            Quarry::Miss {
                provider,
                tree,
                period,
            } => {
                self.trees.entry((provider, tree)).or_default().judged = period;
            }
        }
    }

    fn slot_to_free(&self) -> Option<Quarry> {
        if !self.trees.values().any(|tree| tree.ended && tree.live != 0) {
            return None;
        }
        let ended = |key: &TreeKey| self.trees.get(key).is_some_and(|tree| tree.ended);
        self.slots
            .iter()
            .find(|(_, tree)| ended(tree))
            .map(|(key, _)| Quarry::Slot(*key))
    }

    fn tree_to_end(&self, closed: Period, misses_to_end: u32) -> Option<Quarry> {
        if misses_to_end == 0 {
            return None;
        }
        let worn = |tree: &WatchedTree| {
            let from = Period(tree.newest_proven.0.saturating_add(1)).max(tree.since);
            let misses = self.rounds.count_between(from, closed);
            tree.end_judged < closed && misses >= u64::from(misses_to_end)
        };
        self.others()
            .find(|(_, tree)| worn(tree))
            .map(|((provider, tree), _)| Quarry::Tree {
                provider: *provider,
                tree: *tree,
            })
    }

    fn miss(&mut self, closed: Period) -> Option<Quarry> {
        let (me, rounds) = (self.me, &self.rounds);
        for ((provider, tree), watched) in &mut self.trees {
            let to = watched.paid_to.unwrap_or(closed).min(closed);
            let from = Period(watched.judged.0.saturating_add(1)).max(watched.since);
            if *provider == me || to < from || watched.since == Period(0) {
                continue;
            }
            let mut periods = (from.0..=to.0).map(Period);
            let missed = |p: &Period| rounds.has(*p) && !watched.proven.has(*p);
            if let Some(period) = periods.find(missed) {
                return Some(Quarry::Miss {
                    provider: *provider,
                    tree: *tree,
                    period,
                });
            }
            // Nothing up to here is looked at again.
            watched.judged = to;
        }
        None
    }

    /// Trees of others that earn and were not ended.
    fn others(&self) -> impl Iterator<Item = (&TreeKey, &WatchedTree)> {
        self.trees
            .iter()
            .filter(|((provider, _), tree)| *provider != self.me && tree.live != 0 && !tree.ended)
    }
}

#[cfg(test)]
mod tests {
    use cairn_wire::{Round, SectorKind};

    use super::*;

    const ME: Address = Address([1; 20]);
    const OTHER: Address = Address([2; 20]);
    const TREE: TreeIndex = TreeIndex(0);

    fn element() -> Commitment {
        Commitment::from_bytes([0; 32]).unwrap()
    }

    fn key(slot: u8) -> SlotKey {
        SlotKey {
            deal: DealId(4),
            slot: SlotIndex(slot),
        }
    }

    fn hear(watch: &mut MarketWatch, kind: ChainEventKind) {
        watch.take(&ChainEvent {
            block: 5,
            block_hash: [0; 32],
            tx: [0; 32],
            log_index: 0,
            kind,
        });
    }

    fn fill(watch: &mut MarketWatch, provider: Address, slot: u8, first: u64) {
        hear(
            watch,
            ChainEventKind::SectorAppended {
                provider,
                tree: TREE,
                index: 0,
                number: SectorNumber(7),
                comm_r: element(),
                comm_d: element(),
                kind: SectorKind::Hot,
                root: element(),
                effective_period: Period(1),
            },
        );
        hear(
            watch,
            ChainEventKind::SlotFilled {
                deal: key(slot).deal,
                slot: key(slot).slot,
                provider,
                sector: SectorNumber(7),
                comm_p: element(),
                offset_leaves: 0,
                first_period: Period(first),
            },
        );
    }

    fn post(watch: &mut MarketWatch, period: u64, counted: bool) {
        hear(
            watch,
            ChainEventKind::RoundPosted {
                round: Round(period),
                randomness: [1; 32],
                period: Some(Period(period)),
                counted,
            },
        );
    }

    fn prove(watch: &mut MarketWatch, period: u64) {
        hear(
            watch,
            ChainEventKind::WindowProven {
                provider: OTHER,
                tree: TREE,
                period: Period(period),
                count: 1,
            },
        );
    }

    fn freed(slot: u8) -> ChainEventKind {
        ChainEventKind::SlotFreed {
            deal: key(slot).deal,
            slot: key(slot).slot,
            provider: OTHER,
            comm_p: Some(element()),
        }
    }

    #[test]
    fn only_counted_unproven_periods_of_others_that_earn_are_misses() {
        let mut watch = MarketWatch::new(ME);
        for period in 1..=6 {
            post(&mut watch, period, period != 4);
        }
        assert_eq!(watch.next(Period(6), 0), None, "nobody earns");
        fill(&mut watch, ME, 0, 1);
        assert_eq!(watch.next(Period(6), 0), None, "never itself");
        fill(&mut watch, OTHER, 1, 3);
        prove(&mut watch, 3);
        let miss = |period| {
            Some(Quarry::Miss {
                provider: OTHER,
                tree: TREE,
                period: Period(period),
            })
        };
        assert_eq!(
            watch.next(Period(4), 0),
            None,
            "1 and 2 were not paid for, 3 is proven, 4 is void"
        );
        assert_eq!(watch.next(Period(5), 0), miss(5), "the first miss");
        watch.done(miss(5).unwrap(), Period(6));
        assert_eq!(watch.next(Period(6), 0), miss(6), "each once");
        watch.done(miss(6).unwrap(), Period(6));
        assert_eq!(watch.next(Period(6), 0), None, "all shown");
    }

    #[test]
    fn a_tree_ends_after_enough_misses_in_a_row_and_then_its_slots_are_freed() {
        let mut watch = MarketWatch::new(ME);
        fill(&mut watch, OTHER, 1, 1);
        fill(&mut watch, OTHER, 2, 1);
        for period in 1..=3 {
            post(&mut watch, period, true);
        }
        prove(&mut watch, 1);
        let tree = Quarry::Tree {
            provider: OTHER,
            tree: TREE,
        };
        assert_ne!(watch.next(Period(3), 3), Some(tree), "two are too few");
        post(&mut watch, 4, true);
        for period in [2, 3, 4] {
            let miss = Quarry::Miss {
                provider: OTHER,
                tree: TREE,
                period: Period(period),
            };
            assert_eq!(watch.next(Period(4), 3), Some(miss), "its misses first");
            watch.done(miss, Period(4));
        }
        assert_eq!(watch.next(Period(4), 3), Some(tree), "three in a row");
        watch.done(tree, Period(4));
        assert_ne!(watch.next(Period(4), 3), Some(tree), "asked once a period");
        hear(
            &mut watch,
            ChainEventKind::TreeTerminated {
                provider: OTHER,
                tree: TREE,
                last_period: Period(4),
            },
        );
        assert_eq!(
            watch.next(Period(4), 3),
            Some(Quarry::Slot(key(1))),
            "first"
        );
        hear(&mut watch, freed(1));
        assert_eq!(
            watch.next(Period(4), 3),
            Some(Quarry::Slot(key(2))),
            "second"
        );
        watch.done(Quarry::Slot(key(2)), Period(4));
        assert_eq!(
            watch.next(Period(9), 3),
            None,
            "an ended tree is left alone"
        );
    }

    #[test]
    fn a_miss_is_shown_even_after_the_last_slot_of_its_tree_was_closed() {
        let mut watch = MarketWatch::new(ME);
        fill(&mut watch, OTHER, 1, 1);
        for period in 1..=2 {
            post(&mut watch, period, true);
        }
        prove(&mut watch, 1);
        hear(
            &mut watch,
            ChainEventKind::SlotClosed {
                deal: key(1).deal,
                slot: key(1).slot,
                refund: 0,
            },
        );
        post(&mut watch, 3, true);
        let miss = Quarry::Miss {
            provider: OTHER,
            tree: TREE,
            period: Period(2),
        };
        assert_eq!(watch.next(Period(3), 0), Some(miss), "it was paid for then");
        watch.done(miss, Period(3));
        assert_eq!(watch.next(Period(3), 0), None, "3 was not paid for");
    }

    #[test]
    fn an_open_challenge_is_looked_at_once_a_period_until_it_ends() {
        let mut watch = MarketWatch::new(ME);
        hear(
            &mut watch,
            ChainEventKind::ChallengeOpened {
                id: 7,
                provider: OTHER,
                deal: key(1).deal,
                slot: key(1).slot,
                challenger: ME,
                bond: 1,
            },
        );
        let challenge = Quarry::Challenge(7);
        assert_eq!(watch.next(Period(2), 0), Some(challenge), "open");
        watch.done(challenge, Period(2));
        assert_eq!(watch.next(Period(2), 0), None, "once");
        assert_eq!(watch.next(Period(3), 0), Some(challenge), "a period later");
        hear(
            &mut watch,
            ChainEventKind::ChallengeAnswered {
                id: 7,
                provider: OTHER,
                paid: 1,
            },
        );
        assert_eq!(watch.next(Period(4), 0), None, "answered");
    }

    fn entered(turn: u32, provider: Address) -> ChainEventKind {
        ChainEventKind::AuctionEntered {
            deal: key(1).deal,
            slot: key(1).slot,
            provider,
            turn,
            bond: 9,
        }
    }

    fn ended(turn: u32, best: Option<Address>, lost: u128) -> ChainEventKind {
        ChainEventKind::AuctionEnded {
            deal: key(1).deal,
            slot: key(1).slot,
            turn,
            best,
            lost,
        }
    }

    #[test]
    fn a_bond_is_looked_at_once_a_period_until_it_is_back_or_lost() {
        let bond = |turn| Some(Quarry::Bond { key: key(1), turn });
        let mut watch = MarketWatch::new(ME);
        hear(&mut watch, entered(0, OTHER));
        assert_eq!(watch.bond(Period(0)), None, "another's");
        hear(&mut watch, entered(0, ME));
        assert_eq!(
            watch.bond(Period(0)),
            bond(0),
            "even before the first period"
        );
        watch.done(bond(0).unwrap(), Period(0));
        assert_eq!(watch.bond(Period(0)), None, "once");
        assert_eq!(watch.bond(Period(1)), bond(0), "a period later");
        hear(&mut watch, ended(0, Some(OTHER), 9));
        assert_eq!(watch.bond(Period(1)), bond(0), "the other's is lost");
        let refunded = |provider| ChainEventKind::BondRefunded {
            deal: key(1).deal,
            slot: key(1).slot,
            provider,
            turn: 0,
            bond: 9,
        };
        hear(&mut watch, refunded(OTHER));
        assert_eq!(watch.bond(Period(1)), bond(0), "the other's is back");
        hear(&mut watch, refunded(ME));
        assert_eq!(watch.bond(Period(1)), None, "back");
        for (turn, best, lost, left) in [
            (1, Some(ME), 9, None),
            (2, None, 18, None),
            (3, None, 0, bond(3)),
        ] {
            hear(&mut watch, entered(turn, ME));
            hear(&mut watch, ended(turn, best, lost));
            assert_eq!(watch.bond(Period(1)), left, "{best:?} loses {lost}");
        }
    }

    #[test]
    fn a_commitment_voided_later_leaves_the_pot_of_the_slot() {
        let mut watch = MarketWatch::new(ME);
        fill(&mut watch, OTHER, 1, 1);
        hear(&mut watch, freed(1));
        hear(
            &mut watch,
            ChainEventKind::RepairFunded {
                deal: key(1).deal,
                slot: key(1).slot,
                provider: OTHER,
                amount: 90,
            },
        );
        hear(
            &mut watch,
            ChainEventKind::SlotFreed {
                deal: key(1).deal,
                slot: key(1).slot,
                provider: OTHER,
                comm_p: None,
            },
        );
        let slot = watch.freed()[&key(1)];
        assert_eq!((slot.pot, slot.comm_p), (90, None), "voided, funded");
    }

    #[test]
    fn a_freed_slot_waits_until_it_is_filled_again_or_closed() {
        let mut watch = MarketWatch::new(ME);
        for slot in [1, 2] {
            fill(&mut watch, OTHER, slot, 1);
            hear(&mut watch, freed(slot));
        }
        hear(
            &mut watch,
            ChainEventKind::RepairFunded {
                deal: key(1).deal,
                slot: key(1).slot,
                provider: OTHER,
                amount: 90,
            },
        );
        assert_eq!(watch.freed()[&key(1)].pot, 90, "what it pays");
        assert_eq!(watch.freed().len(), 2, "both wait");
        assert!(!watch.holds_sibling(ME, key(2)), "not yet");
        fill(&mut watch, ME, 1, 5);
        assert!(watch.holds_sibling(ME, key(2)), "repaired by this node");
        hear(
            &mut watch,
            ChainEventKind::SlotClosed {
                deal: key(2).deal,
                slot: key(2).slot,
                refund: 0,
            },
        );
        assert!(watch.freed().is_empty(), "nothing waits");
    }
}
