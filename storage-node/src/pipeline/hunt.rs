//! Misses of others: shown to the chain for the bounty; trees that miss too often are ended and their slots freed, so that
//! somebody may repair them. And what is only heard of by listening: this node's own bonds that can be taken back.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cairn_contracts::{CollateralTerms, Head};
use cairn_wire::{Address, Period};

use crate::dashboard::{Counter, Gauge};
use crate::error::{ChainFault, ProvingError};
use crate::pipeline::Work;
use crate::repair::{Freed, MarketWatch, Quarry, RepairRules};
use crate::store::SlotKey;

/// A miss costs this many times the tree's pay, for each sector that a sample stands for.
const SLASH_FACTOR: u128 = 5;
const BASIS_POINTS: u128 = 10_000;
/// Blocks read at once.
const SPAN: u64 = 1_000;
/// A repair that was not made is tried again after this long, doubled with each try.
const FIRST_WAIT_S: u64 = 15;
const MAX_DOUBLINGS: u32 = 8;

/// The market as far as it was heard. Begins anew with each start: nothing of it is recorded, all of it is on chain.
#[derive(Debug)]
pub struct Hunt {
    /// The least bounty for which misses are reported; none: they are only listened for.
    reports: Option<u128>,
    heard: Mutex<Heard>,
}

#[derive(Debug)]
struct Heard {
    watch: MarketWatch,
    next_block: u64,
    /// When a freed slot was first seen, or its repair was last tried, and how often.
    tries: BTreeMap<SlotKey, (u64, u32)>,
}

impl Hunt {
    /// Begins to listen at `start_block`, for the provider `me`; `reports` is the least bounty for which misses are
    /// reported, if they are.
    #[must_use]
    pub fn new(me: Address, start_block: u64, reports: Option<u128>) -> Self {
        let heard = Heard {
            watch: MarketWatch::new(me),
            next_block: start_block,
            tries: BTreeMap::new(),
        };
        Self {
            reports,
            heard: Mutex::new(heard),
        }
    }

    /// A repair was tried; it is tried again after a while, each time a longer one.
    pub(super) fn tried(&self, key: SlotKey, now_unix: u64) {
        let mut heard = self.heard();
        let (since, tries) = heard.tries.entry(key).or_default();
        (*since, *tries) = (now_unix, tries.saturating_add(1));
    }

    /// A freed slot whose turn has come for `me`, and which is not `known` to be under way here.
    pub(super) fn next_repair(
        &self,
        me: Address,
        rules: &RepairRules,
        now_unix: u64,
        known: impl Fn(SlotKey) -> bool,
    ) -> Option<(SlotKey, Freed)> {
        let mut heard = self.heard();
        let Heard { watch, tries, .. } = &mut *heard;
        tries.retain(|key, _| watch.freed().contains_key(key));
        watch
            .freed()
            .iter()
            .filter_map(|(key, freed)| {
                if freed.failed == me || known(*key) || watch.holds_sibling(me, *key) {
                    return None;
                }
                let (since, times) = *tries.entry(*key).or_insert((now_unix, 0));
                let wait = match times {
                    0 => rules.turn_s(me, *key),
                    again => FIRST_WAIT_S << again.min(MAX_DOUBLINGS),
                };
                (now_unix >= since.saturating_add(wait)).then_some((times, *key, *freed))
            })
            // What was tried least: one that can never be repaired holds up no other.
            .min_by_key(|(times, ..)| *times)
            .map(|(_, key, freed)| (key, freed))
    }

    /// What to do next: this node's own bonds first; others' failures only where they are reported.
    fn quarry(&self, closed: Period, misses_to_end: u32) -> Option<Quarry> {
        let mut heard = self.heard();
        heard.watch.bond(closed).or_else(|| {
            self.reports
                .and_then(|_| heard.watch.next(closed, misses_to_end))
        })
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// Listens, and shows one failure of somebody to the chain, or takes a bond of its own back. Says whether there may be more to do at once.
    pub(super) async fn step_hunt(&self, head: Head) -> Result<bool, ProvingError> {
        let Some(hunt) = &self.market.hunt else {
            return Ok(false);
        };
        let from = hunt.heard().next_block;
        if from <= head.number {
            let to = head.number.min(from.saturating_add(SPAN - 1));
            let events = self.chain.events(from, to).await?;
            let mut heard = hunt.heard();
            for event in &events {
                heard.watch.take(event);
            }
            heard.next_block = to.saturating_add(1);
            let freed = heard.watch.freed().len() as u64;
            self.metrics.set(Gauge::SlotsFreed, freed);
            if to < head.number {
                return Ok(true);
            }
        }
        let closed = self.schedule.last_closed_period(head.timestamp);
        let Some(quarry) = hunt.quarry(closed, self.market.collateral.misses_to_end) else {
            return Ok(false);
        };
        let least_bounty = hunt.reports.unwrap_or(u128::MAX);
        match self.show_failure(quarry, least_bounty).await {
            Ok(()) => {}
            // Somebody was faster, or the chain knows an excuse that no event tells.
            Err(ChainFault::Refused(reason)) => {
                tracing::debug!(?quarry, %reason, "the chain thinks otherwise");
            }
            Err(down) => return Err(down.into()),
        }
        hunt.heard().watch.done(quarry, closed);
        Ok(true)
    }

    /// Looks first: a refused transaction would cost gas.
    async fn show_failure(&self, quarry: Quarry, least_bounty: u128) -> Result<(), ChainFault> {
        match quarry {
            Quarry::Bond { key, turn } => self.take_bond_back(key, turn).await?,
            Quarry::Slot(key) => {
                self.chain.free(key.deal, key.slot).await?;
                self.metrics.count(Counter::SlotsFreed);
                tracing::info!(slot = %key, "freed: its provider's tree was ended");
            }
            Quarry::Tree { provider, tree } => {
                let misses = self.chain.misses_in_a_row(provider, tree).await?;
                if misses >= u64::from(self.market.collateral.misses_to_end) {
                    self.chain.terminate(provider, tree).await?;
                    self.metrics.count(Counter::TreesEnded);
                    tracing::info!(%provider, %tree, misses, "ended: it missed too often");
                }
            }
            Quarry::Challenge(id) => {
                let now = self.view.chain_time_unix();
                let over = match self.chain.challenge_seed(id).await? {
                    Some((_, due)) => now > due,
                    None => false,
                };
                if over {
                    self.chain.expire_challenge(id).await?;
                    self.metrics.count(Counter::ChallengesExpired);
                    tracing::info!(id, "ended a challenge that was not answered");
                }
            }
            Quarry::Miss {
                provider,
                tree,
                period,
            } => {
                if self.chain.missed(provider, tree, period).await? {
                    let (pay, answers) = self.chain.at_risk(provider, tree, period).await?;
                    let bounty = least_of_bounty(&self.market.collateral, pay, answers);
                    if bounty < least_bounty {
                        tracing::debug!(%provider, %tree, %period, bounty, "a miss not worth its report");
                        return Ok(());
                    }
                    self.chain.report_miss(provider, tree, period).await?;
                    self.metrics.count(Counter::MissesReported);
                    tracing::info!(%provider, %tree, %period, "reported a miss");
                }
            }
        }
        Ok(())
    }
}

/// What a report brings at least: the bounty of a slash for a tree with no more sectors than samples, as far as what
/// answers for it reaches. Bigger trees bring more.
fn least_of_bounty(terms: &CollateralTerms, pay: u128, answers: u128) -> u128 {
    let slash = pay.saturating_mul(SLASH_FACTOR).min(answers);
    let share = u128::from(terms.bounty_basis_points);
    slash.saturating_mul(share) / BASIS_POINTS
}

#[cfg(test)]
mod tests {
    use cairn_contracts::{ChainEvent, ChainEventKind};
    use cairn_merkle::Commitment;
    use cairn_wire::{DealId, SectorKind, SectorNumber, SlotIndex, TreeIndex};

    use super::*;

    const ME: Address = Address([1; 20]);
    const OTHER: Address = Address([2; 20]);
    const AT_ONCE: RepairRules = RepairRules {
        bytes_per_s: None,
        least_pay: 0,
        spread_s: 0,
        quota_bytes: 0,
        reserve_bytes: 0,
    };

    fn key(deal: u64) -> SlotKey {
        SlotKey {
            deal: DealId(deal),
            slot: SlotIndex(0),
        }
    }

    fn freed(deal: u64, provider: Address) -> ChainEventKind {
        ChainEventKind::SlotFreed {
            deal: DealId(deal),
            slot: SlotIndex(0),
            provider,
            comm_p: None,
        }
    }

    /// A node that heard this.
    fn heard(kinds: Vec<ChainEventKind>) -> Hunt {
        let hunt = Hunt::new(ME, 0, Some(0));
        for kind in kinds {
            let event = ChainEvent {
                block: 1,
                block_hash: [0; 32],
                tx: [0; 32],
                log_index: 0,
                kind,
            };
            hunt.heard().watch.take(&event);
        }
        hunt
    }

    fn next(hunt: &Hunt, rules: &RepairRules, now_unix: u64) -> Option<u64> {
        let found = hunt.next_repair(ME, rules, now_unix, |_| false);
        found.map(|(key, _)| key.deal.0)
    }

    #[test]
    fn a_repair_that_was_tried_waits_longer_each_time_and_holds_up_no_other() {
        let hunt = heard(vec![freed(1, OTHER), freed(2, OTHER)]);
        assert_eq!(next(&hunt, &AT_ONCE, 100), Some(1), "the first");
        hunt.tried(key(1), 100);
        assert_eq!(next(&hunt, &AT_ONCE, 100), Some(2), "the other");
        assert_eq!(
            next(&hunt, &AT_ONCE, 1_000),
            Some(2),
            "still before one that was tried"
        );
        hunt.tried(key(2), 1_000);
        hunt.tried(key(2), 1_000);
        assert_eq!(
            next(&hunt, &AT_ONCE, 1_000),
            Some(1),
            "then the one tried once"
        );
        hunt.tried(key(1), 1_000);
        assert_eq!(next(&hunt, &AT_ONCE, 1_059), None, "twice each: a minute");
        assert_eq!(next(&hunt, &AT_ONCE, 1_060), Some(1), "and again");
    }

    #[test]
    fn each_node_waits_for_its_turn_after_a_slot_was_freed() {
        let spread = RepairRules {
            spread_s: 600,
            ..AT_ONCE
        };
        let turn = spread.turn_s(ME, key(1));
        assert!(turn > 0, "a test of nothing otherwise");
        let hunt = heard(vec![freed(1, OTHER)]);
        assert_eq!(next(&hunt, &spread, 50), None, "just freed");
        assert_eq!(
            next(&hunt, &spread, 50 + turn - 1),
            None,
            "a second too early"
        );
        assert_eq!(next(&hunt, &spread, 50 + turn), Some(1), "its turn");
    }

    #[test]
    fn what_this_node_lost_itself_or_has_or_has_a_sibling_of_is_not_its_to_repair() {
        let hunt = heard(vec![freed(1, ME)]);
        assert_eq!(next(&hunt, &AT_ONCE, 0), None, "its own failure");
        let hunt = heard(vec![freed(1, OTHER)]);
        let known = hunt.next_repair(ME, &AT_ONCE, 0, |known| known == key(1));
        assert_eq!(known, None, "under way here");
        for (holder, expected) in [(ME, None), (OTHER, Some(1))] {
            let nothing = Commitment::default();
            let appended = ChainEventKind::SectorAppended {
                provider: holder,
                tree: TreeIndex(0),
                index: 0,
                number: SectorNumber(1),
                comm_r: nothing,
                comm_d: nothing,
                kind: SectorKind::Hot,
                root: nothing,
                effective_period: Period(1),
            };
            let sibling = ChainEventKind::SlotFilled {
                deal: DealId(1),
                slot: SlotIndex(1),
                provider: holder,
                sector: SectorNumber(1),
                comm_p: nothing,
                offset_leaves: 0,
                first_period: Period(1),
            };
            let hunt = heard(vec![appended, sibling, freed(1, OTHER)]);
            assert_eq!(
                next(&hunt, &AT_ONCE, 0),
                expected,
                "the sibling is held by {holder}"
            );
        }
    }

    #[test]
    fn a_slot_that_is_filled_again_is_no_longer_to_be_repaired() {
        let hunt = heard(vec![
            freed(1, OTHER),
            ChainEventKind::SlotFilled {
                deal: DealId(1),
                slot: SlotIndex(0),
                provider: OTHER,
                sector: SectorNumber(1),
                comm_p: Commitment::default(),
                offset_leaves: 0,
                first_period: Period(1),
            },
        ]);
        assert_eq!(next(&hunt, &AT_ONCE, 0), None, "filled");
    }
}
