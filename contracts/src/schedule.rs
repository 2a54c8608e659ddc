//! When things happen: periods, their beacon rounds, freezes and deadlines. Pure arithmetic, the twin of `Periods.sol`.
//!
//! ```text
//!          freeze(p)      round time(p)            deadline(p)      freeze(p+1)
//!  ------------|---------------|------------------------|----------------|------->
//!   changes    | changes count |  a proof of period p    |
//!   count in p | from p+1 on   |  is taken               |
//! ```
//!
//! round time(p) = t0 + p * period; freeze(p) = round time(p) - freeze; deadline(p) = round time(p) + due;
//! round(p) = the beacon round published at round time(p). The first period is 1; "period 0" is the time before it.
//!
//! All functions are total: they saturate where the contract, which only ever sees the chain's own time, would overflow.

use cairn_wire::{Period, Round};
use serde::{Deserialize, Serialize};

/// The numbers all times follow from, in seconds; fixed when the contracts are deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// Period p's round is at `t0_unix + p * period_s`.
    pub t0_unix: u64,
    /// Seconds from period to period; a multiple of `round_s`.
    pub period_s: u64,
    /// How long before its round's time a period's trees are frozen.
    pub freeze_s: u64,
    /// How long after its round's time a period's proofs are due.
    pub due_s: u64,
    /// Time of the beacon's round 1; `t0_unix` is a multiple of `round_s` after it.
    pub genesis_unix: u64,
    /// Seconds between rounds.
    pub round_s: u64,
}

impl Schedule {
    /// When the round of a period is published.
    #[must_use]
    pub const fn round_time(&self, period: Period) -> u64 {
        self.t0_unix
            .saturating_add(period.0.saturating_mul(self.period_s))
    }

    /// From this second on, changes of a tree no longer count in the period.
    #[must_use]
    pub const fn freeze_time(&self, period: Period) -> u64 {
        self.round_time(period).saturating_sub(self.freeze_s)
    }

    /// The last second at which a proof of the period is taken.
    #[must_use]
    pub const fn deadline(&self, period: Period) -> u64 {
        self.round_time(period).saturating_add(self.due_s)
    }

    /// The period's beacon round.
    #[must_use]
    pub const fn round_of(&self, period: Period) -> Round {
        let since = self.round_time(period).saturating_sub(self.genesis_unix);
        match since.checked_div(self.round_s) {
            Some(rounds) => Round(rounds.saturating_add(1)),
            None => Round(0),
        }
    }

    /// When a beacon round is published.
    #[must_use]
    pub const fn time_of_round(&self, round: Round) -> u64 {
        self.genesis_unix
            .saturating_add(round.0.saturating_sub(1).saturating_mul(self.round_s))
    }

    /// The newest beacon round published at a time; 0 before the first.
    #[must_use]
    pub const fn newest_round(&self, time_unix: u64) -> Round {
        match time_unix.checked_sub(self.genesis_unix) {
            Some(since) => match since.checked_div(self.round_s) {
                Some(rounds) => Round(rounds.saturating_add(1)),
                None => Round(0),
            },
            None => Round(0),
        }
    }

    /// The first period not yet frozen: what changes now is effective from it.
    #[must_use]
    pub const fn open_period(&self, time_unix: u64) -> Period {
        let shifted = time_unix.saturating_add(self.freeze_s);
        match shifted.checked_sub(self.t0_unix) {
            Some(since) => match since.checked_div(self.period_s) {
                Some(periods) => Period(periods.saturating_add(1)),
                None => Period(1),
            },
            None => Period(1),
        }
    }

    /// The period that is running: the last frozen one; 0 before the first freeze.
    #[must_use]
    pub const fn period_of(&self, time_unix: u64) -> Period {
        Period(self.open_period(time_unix).0.saturating_sub(1))
    }

    /// The first period whose round's time lies behind a time.
    #[must_use]
    pub const fn period_after(&self, time_unix: u64) -> Period {
        match time_unix.checked_sub(self.t0_unix) {
            Some(since) => match since.checked_div(self.period_s) {
                Some(periods) => Period(periods.saturating_add(1)),
                None => Period(1),
            },
            None => Period(1),
        }
    }

    /// The period whose round seeds the challenges of a replica that is precommitted at a time.
    #[must_use]
    pub const fn seed_period(&self, time_unix: u64, seed_delay_s: u64) -> Period {
        self.period_after(time_unix.saturating_add(seed_delay_s))
    }

    /// The oldest and the newest period whose round may be the ticket of a precommit at a time (if it was posted).
    #[must_use]
    pub const fn ticket_periods(
        &self,
        time_unix: u64,
        ticket_age_s: u64,
    ) -> Option<(Period, Period)> {
        let newest = self.period_after(time_unix).0.saturating_sub(1);
        let since = time_unix
            .saturating_sub(ticket_age_s)
            .saturating_sub(self.t0_unix);
        let oldest = match since.checked_next_multiple_of(self.period_s) {
            Some(up) => match up.checked_div(self.period_s) {
                Some(periods) => periods,
                None => return None,
            },
            None => return None,
        };
        let oldest = if oldest == 0 { 1 } else { oldest };
        if oldest > newest {
            return None;
        }
        Some((Period(oldest), Period(newest)))
    }

    /// The last period whose deadline lies before a time; 0 when there is none.
    #[must_use]
    pub const fn last_closed_period(&self, time_unix: u64) -> Period {
        match time_unix
            .saturating_sub(1)
            .checked_sub(self.t0_unix.saturating_add(self.due_s))
        {
            Some(since) => match since.checked_div(self.period_s) {
                Some(periods) => Period(periods),
                None => Period(0),
            },
            None => Period(0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEVNET: Schedule = Schedule {
        t0_unix: 1_800_000_300,
        period_s: 36,
        freeze_s: 6,
        due_s: 27,
        genesis_unix: 1_800_000_000,
        round_s: 3,
    };

    #[test]
    fn a_period_is_frozen_then_seeded_then_due_then_the_next_is_frozen() {
        for period in (1..100).map(Period) {
            assert!(
                DEVNET.freeze_time(period) < DEVNET.round_time(period),
                "frozen before its round"
            );
            assert!(
                DEVNET.round_time(period) < DEVNET.deadline(period),
                "due after its round"
            );
            assert!(
                DEVNET.deadline(period) < DEVNET.freeze_time(period.next()),
                "over before the next is frozen"
            );
            assert_eq!(
                DEVNET.time_of_round(DEVNET.round_of(period)),
                DEVNET.round_time(period),
                "its round"
            );
        }
    }

    #[test]
    fn the_open_period_changes_at_the_second_of_the_freeze() {
        for period in (1..100).map(Period) {
            let freeze = DEVNET.freeze_time(period);
            assert_eq!(DEVNET.open_period(freeze - 1), period, "a second before");
            assert_eq!(DEVNET.open_period(freeze), period.next(), "at the freeze");
            assert_eq!(
                DEVNET.period_of(freeze),
                period,
                "it runs from its freeze on"
            );
        }
        assert_eq!(DEVNET.open_period(0), Period(1), "long before the first");
        assert_eq!(DEVNET.period_of(0), Period(0), "nothing runs yet");
    }

    #[test]
    fn a_period_is_closed_one_second_after_its_deadline() {
        for period in (1..100).map(Period) {
            let deadline = DEVNET.deadline(period);
            assert_eq!(
                DEVNET.last_closed_period(deadline).next(),
                period,
                "at the deadline it is open"
            );
            assert_eq!(
                DEVNET.last_closed_period(deadline + 1),
                period,
                "one second later it is closed"
            );
        }
        assert_eq!(DEVNET.last_closed_period(0), Period(0), "none yet");
    }

    #[test]
    fn a_seed_comes_strictly_after_the_delay() {
        let round = DEVNET.round_time(Period(3));
        assert_eq!(DEVNET.seed_period(round - 7, 6), Period(3), "just in time");
        assert_eq!(DEVNET.seed_period(round - 6, 6), Period(4), "not at it");
        assert_eq!(DEVNET.seed_period(0, 6), Period(1), "long before the first");
    }

    #[test]
    fn a_ticket_is_of_a_round_that_came_and_is_young_enough() {
        let both = |from, to| Some((Period(from), Period(to)));
        let round = DEVNET.round_time(Period(9));
        assert_eq!(DEVNET.ticket_periods(round, 72), both(7, 9), "at its time");
        assert_eq!(DEVNET.ticket_periods(round - 1, 72), both(7, 8), "before");
        assert_eq!(DEVNET.ticket_periods(round + 1, 72), both(8, 9), "after");
        assert_eq!(
            DEVNET.ticket_periods(DEVNET.round_time(Period(1)), 3600),
            both(1, 1),
            "the first"
        );
        assert_eq!(
            DEVNET.ticket_periods(DEVNET.round_time(Period(1)) - 1, 3600),
            None,
            "none came yet"
        );
        assert_eq!(
            DEVNET.ticket_periods(round + 1, 0),
            None,
            "none young enough"
        );
    }

    #[test]
    fn the_newest_round_is_the_one_whose_time_has_come() {
        assert_eq!(
            DEVNET.newest_round(DEVNET.genesis_unix - 1),
            Round(0),
            "before the first"
        );
        assert_eq!(
            DEVNET.newest_round(DEVNET.genesis_unix),
            Round(1),
            "the first, at the genesis"
        );
        assert_eq!(
            DEVNET.newest_round(DEVNET.genesis_unix + 5),
            Round(2),
            "between two rounds"
        );
    }
}
