//! When work that can wait may start, and how long what was refused has to wait. Time is an argument.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cairn_contracts::Schedule;
use cairn_wire::Period;

use crate::deal::SectorId;
use crate::proving::newest_round;
use crate::store::SlotKey;

/// No more than so many seconds are kept free before a round: the longest that a transaction's receipt is waited for,
/// and a proof before it.
const MAX_MARGIN_S: u64 = 150;
/// The share of a period that is kept free before a round, where the longest wait would leave no time at all.
const MARGIN_SHARE: u64 = 8;
/// The first wait of what was refused on its own; each further refusal doubles it.
const FIRST_WAIT_S: u64 = 30;
const MAX_DOUBLINGS: u32 = 7;

/// Whether work may start that can hold its thread for minutes: not shortly before a round, and not while a window is
/// open that is not settled yet.
#[must_use]
pub fn may_start(
    schedule: &Schedule,
    chain_time_unix: u64,
    is_settled: impl Fn(Period) -> bool,
) -> bool {
    let newest = newest_round(schedule, chain_time_unix);
    if let Some(period) = newest
        && chain_time_unix <= schedule.deadline(period)
        && !is_settled(period)
    {
        return false;
    }
    let next = newest.map_or(Period(0), Period::next);
    let margin = (schedule.period_s / MARGIN_SHARE).min(MAX_MARGIN_S);
    chain_time_unix.saturating_add(margin) < schedule.round_time(next)
}

/// What can be refused without anything else being at fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Suspect {
    /// The activation of a slot.
    Slot(SlotKey),
    /// A sector's steps on chain.
    Sector(SectorId),
    /// The machine's work at a sector.
    Machine(SectorId),
    /// The answer of a challenge.
    Challenge(u64),
    /// A step in the auction of a slot.
    Bid(SlotKey),
}

#[derive(Clone, Copy, Debug, Default)]
struct Wait {
    refusals: u32,
    until_unix: u64,
}

/// What was refused waits longer each time, and holds up nothing else.
#[derive(Debug, Default)]
pub struct Backoff(Mutex<BTreeMap<Suspect, Wait>>);

impl Backoff {
    fn waits(&self) -> MutexGuard<'_, BTreeMap<Suspect, Wait>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether it has to wait now.
    pub(super) fn holds(&self, what: Suspect, now_unix: u64) -> bool {
        self.waits()
            .get(&what)
            .is_some_and(|wait| now_unix < wait.until_unix)
    }

    /// Whether it was part of something refused: it is tried on its own, so that it takes no other down.
    pub(super) fn is_suspect(&self, what: Suspect) -> bool {
        self.waits().contains_key(&what)
    }

    /// Its place in the order of trying: what was never refused comes first, what was refused most often last.
    pub(super) fn rank(&self, what: Suspect) -> u32 {
        self.waits()
            .get(&what)
            .map_or(0, |wait| wait.refusals.saturating_add(1))
    }

    /// Takes note that something was refused together with others: each is to be tried on its own, at once.
    pub(super) fn suspect(&self, what: Suspect) {
        self.waits().entry(what).or_default();
    }

    /// Takes note that it was refused on its own.
    pub(super) fn refused(&self, what: Suspect, now_unix: u64) {
        let mut waits = self.waits();
        let wait = waits.entry(what).or_default();
        let seconds = FIRST_WAIT_S << wait.refusals.min(MAX_DOUBLINGS);
        wait.refusals = wait.refusals.saturating_add(1);
        wait.until_unix = now_unix.saturating_add(seconds);
    }

    /// It is tried again no later than then.
    pub(super) fn shorten(&self, what: Suspect, until_unix: u64) {
        if let Some(wait) = self.waits().get_mut(&what) {
            wait.until_unix = wait.until_unix.min(until_unix);
        }
    }

    /// It went through, or is over.
    pub(super) fn forget(&self, what: Suspect) {
        self.waits().remove(&what);
    }
}

/// The slots of one round of settling that are still to be settled.
#[derive(Debug, Default)]
pub struct PayTurn(Mutex<(u64, VecDeque<SlotKey>)>);

impl PayTurn {
    fn queue(&self) -> MutexGuard<'_, (u64, VecDeque<SlotKey>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next slots of a turn, `all` of them being asked for once when it begins.
    pub(super) fn next(
        &self,
        turn: u64,
        most: usize,
        all: impl FnOnce() -> Vec<SlotKey>,
    ) -> Vec<SlotKey> {
        let mut queue = self.queue();
        if queue.0 != turn {
            *queue = (turn, all().into());
        }
        let count = most.min(queue.1.len());
        queue.1.drain(..count).collect()
    }

    /// Puts back what nobody knows the fate of.
    pub(super) fn put_back(&self, slots: &[SlotKey]) {
        let mut queue = self.queue();
        for slot in slots.iter().rev() {
            queue.1.push_front(*slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_wire::{DealId, SlotIndex};

    const DEVNET: Schedule = Schedule {
        t0_unix: 1_800_000_300,
        period_s: 36,
        freeze_s: 6,
        due_s: 27,
        genesis_unix: 1_800_000_000,
        round_s: 3,
    };

    #[test]
    fn nothing_that_can_wait_starts_before_a_round_or_while_its_window_is_open() {
        let round = DEVNET.round_time(Period(5));
        let cases = [
            (round - 5, false, true),
            (round - 4, false, false),
            (round - 1, true, false),
            (round, false, false),
            (round, true, true),
            (DEVNET.deadline(Period(5)), false, false),
            (DEVNET.deadline(Period(5)) + 1, false, true),
            (DEVNET.round_time(Period(6)) - 4, true, false),
        ];
        for (time, settled, expected) in cases {
            assert_eq!(
                may_start(&DEVNET, time, |_| settled),
                expected,
                "{} s after the round, settled: {settled}",
                i128::from(time) - i128::from(round)
            );
        }
    }

    #[test]
    fn a_long_period_keeps_no_more_than_the_longest_wait_free() {
        let daily = Schedule {
            period_s: 86_400,
            due_s: 3_600,
            ..DEVNET
        };
        let round = daily.round_time(Period(2));
        assert!(may_start(&daily, round - 151, |_| true), "time enough");
        assert!(!may_start(&daily, round - 150, |_| true), "too late");
    }

    #[test]
    fn what_is_refused_waits_longer_each_time_and_alone() {
        let slot = |number| {
            Suspect::Slot(SlotKey {
                deal: DealId(number),
                slot: SlotIndex(0),
            })
        };
        let backoff = Backoff::default();
        backoff.suspect(slot(1));
        assert!(
            backoff.is_suspect(slot(1)) && !backoff.holds(slot(1), 0),
            "tried alone, at once"
        );
        backoff.refused(slot(1), 100);
        assert!(backoff.holds(slot(1), 129), "half a minute");
        assert!(!backoff.holds(slot(1), 130), "over");
        backoff.refused(slot(1), 130);
        assert!(backoff.holds(slot(1), 189), "a minute");
        backoff.shorten(slot(1), 150);
        assert!(backoff.holds(slot(1), 149), "until then");
        assert!(!backoff.holds(slot(1), 150), "no longer");
        backoff.shorten(slot(2), 150);
        assert!(!backoff.is_suspect(slot(2)), "the other is not concerned");
        backoff.forget(slot(1));
        assert!(!backoff.is_suspect(slot(1)), "forgotten");
    }

    #[test]
    fn a_turn_of_pay_comes_in_batches_and_is_over_once() {
        let keys: Vec<SlotKey> = (0..5)
            .map(|number| SlotKey {
                deal: DealId(number),
                slot: SlotIndex(0),
            })
            .collect();
        let pay = PayTurn::default();
        assert_eq!(pay.next(1, 3, || keys.clone()), keys[..3], "the first");
        pay.put_back(&keys[..3]);
        assert_eq!(pay.next(1, 3, Vec::new), keys[..3], "again");
        assert_eq!(pay.next(1, 3, Vec::new), keys[3..], "the rest");
        assert!(pay.next(1, 3, || keys.clone()).is_empty(), "over");
        assert_eq!(pay.next(2, 9, || keys.clone()), keys, "the next turn");
    }
}
