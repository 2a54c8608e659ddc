//! Misses of others: shown to the chain for the bounty; trees that miss too often are ended and their slots freed, so that
//! somebody may repair them.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use cairn_contracts::Head;
use cairn_wire::Address;

use crate::dashboard::{Counter, Gauge};
use crate::error::{ChainFault, ProvingError};
use crate::pipeline::Work;
use crate::repair::{Freed, MarketWatch, Quarry, RepairRules};
use crate::store::SlotKey;

/// Blocks read at once.
const SPAN: u64 = 1_000;
/// A repair that was not made is tried again after this long, doubled with each try.
const FIRST_WAIT_S: u64 = 15;
const MAX_DOUBLINGS: u32 = 8;

/// The market as far as it was heard. Begins anew with each start: nothing of it is recorded, all of it is on chain.
#[derive(Debug)]
pub struct Hunt {
    /// Whether misses are reported, or only listened for.
    reports: bool,
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
    /// Begins to listen at `start_block`, for the provider `me`; `reports` says whether misses are reported.
    #[must_use]
    pub fn new(me: Address, start_block: u64, reports: bool) -> Self {
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

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// Listens, and shows one failure of somebody to the chain. Says whether there may be more to do at once.
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
        if !hunt.reports {
            return Ok(false);
        }
        let closed = self.schedule.last_closed_period(head.timestamp);
        let quarry = hunt
            .heard()
            .watch
            .next(closed, self.market.collateral.misses_to_end);
        let Some(quarry) = quarry else {
            return Ok(false);
        };
        match self.show_failure(quarry).await {
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
    async fn show_failure(&self, quarry: Quarry) -> Result<(), ChainFault> {
        match quarry {
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
                    self.chain.report_miss(provider, tree, period).await?;
                    self.metrics.count(Counter::MissesReported);
                    tracing::info!(%provider, %tree, %period, "reported a miss");
                }
            }
        }
        Ok(())
    }
}
