//! Pay, without I/O: the twin of `Runs.sol` and of the arithmetic in `DealBook.sol`.
//!
//! ```text
//! earned(slot) = price * proven(tree, e .. end)       due = earned - price * paid periods
//! escrow(deal) = n * price * periods                  least price = ceil(ask per TiB * 32 * 2^b / 2^40)
//! ```
//!
//! e is the first period not yet frozen when the slot was filled, end the deal's last period.

use cairn_wire::Period;

const LEAF_BYTES: u128 = 32;
const ASK_UNIT_BYTES: u128 = 1 << 40;

/// A set of periods that only grows at its end, as runs with cumulative counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Runs(Vec<Run>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Run {
    first: u64,
    last: u64,
    /// How many periods all earlier runs hold.
    before: u64,
}

impl Runs {
    /// Adds a period behind everything marked so far; `false`, and nothing changes, when it is not.
    pub fn mark(&mut self, period: Period) -> bool {
        let Some(newest) = self.0.last_mut() else {
            self.0.push(Run {
                first: period.0,
                last: period.0,
                before: 0,
            });
            return true;
        };
        if period.0 <= newest.last {
            return false;
        }
        if newest.last.checked_add(1) == Some(period.0) {
            newest.last = period.0;
            return true;
        }
        let before = newest
            .before
            .saturating_add(newest.last.saturating_sub(newest.first))
            .saturating_add(1);
        self.0.push(Run {
            first: period.0,
            last: period.0,
            before,
        });
        true
    }

    /// How many of the periods 1 to `period` are marked.
    #[must_use]
    pub fn count_up_to(&self, period: Period) -> u64 {
        let begun = self.0.partition_point(|run| run.first <= period.0);
        let Some(run) = begun.checked_sub(1).and_then(|place| self.0.get(place)) else {
            return 0;
        };
        let end = period.0.min(run.last);
        run.before
            .saturating_add(end.saturating_sub(run.first))
            .saturating_add(1)
    }

    /// How many of the periods `from` to `to`, both included, are marked.
    #[must_use]
    pub fn count_between(&self, from: Period, to: Period) -> u64 {
        if to < from {
            return 0;
        }
        self.count_up_to(to)
            .saturating_sub(self.count_up_to(Period(from.0.saturating_sub(1))))
    }

    /// Whether a period is marked.
    #[must_use]
    pub fn has(&self, period: Period) -> bool {
        self.count_between(period, period) == 1
    }
}

/// What a filled slot has earned and was paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotAccount {
    /// Pay for one proven period.
    pub price_per_period: u128,
    /// First period it may be paid for.
    pub first_period: Period,
    /// Last period of the deal.
    pub end_period: Period,
    /// Periods paid so far.
    pub paid_periods: u64,
}

impl SlotAccount {
    /// What a settlement would credit now.
    #[must_use]
    pub fn due(&self, proven: &Runs) -> u128 {
        let earned = proven.count_between(self.first_period, self.end_period);
        self.price_per_period
            .saturating_mul(u128::from(earned.saturating_sub(self.paid_periods)))
    }

    /// Settles: returns what is credited.
    pub fn settle(&mut self, proven: &Runs) -> u128 {
        let due = self.due(proven);
        self.paid_periods = self
            .paid_periods
            .max(proven.count_between(self.first_period, self.end_period));
        due
    }

    /// What goes back to the owner when the slot is closed, of `periods` paid in.
    #[must_use]
    pub fn refund(&self, periods: u32) -> u128 {
        self.price_per_period.saturating_mul(u128::from(
            u64::from(periods).saturating_sub(self.paid_periods),
        ))
    }
}

/// The least price per slot and period that a provider asking `ask_per_tib_period` takes for a piece of 2^b leaves;
/// `None` when that exceeds 2^128.
#[must_use]
pub fn least_price(ask_per_tib_period: u128, b: u8) -> Option<u128> {
    let bytes = LEAF_BYTES
        .checked_shl(u32::from(b))
        .filter(|bytes| bytes >> b == LEAF_BYTES)?;
    // ceil(ask * bytes / 2^40) without leaving 128 bits: the part of the ask above 2^40 first, exactly.
    let whole = (ask_per_tib_period >> 40_u32).checked_mul(bytes)?;
    let rest = (ask_per_tib_period & ASK_UNIT_BYTES.saturating_sub(1)).checked_mul(bytes)?;
    whole.checked_add(rest.div_ceil(ASK_UNIT_BYTES))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A small generator of the same numbers everywhere.
    fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut state = seed;
        move |below| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        }
    }

    #[test]
    fn runs_count_as_a_plain_set_does() {
        let mut next = numbers(1);
        for _ in 0..50 {
            let (mut runs, mut set, mut period) = (Runs::default(), BTreeSet::new(), 0);
            for _ in 0..200 {
                period += 1 + if next(3) == 0 { next(4) } else { 0 };
                assert!(runs.mark(Period(period)), "behind the rest");
                set.insert(period);
                assert!(!runs.mark(Period(period)), "not twice");
            }
            for _ in 0..200 {
                let (from, to) = (next(period + 5), next(period + 5));
                let expected = if from <= to {
                    set.range(from..=to).count()
                } else {
                    0
                };
                let got = runs.count_between(Period(from), Period(to));
                assert_eq!(got, u64::try_from(expected).unwrap(), "{from}..={to}");
                assert_eq!(runs.has(Period(from)), set.contains(&from), "{from}");
            }
        }
    }

    #[test]
    fn settling_often_pays_the_same_as_settling_once() {
        let mut next = numbers(2);
        for _ in 0..100 {
            let (first, length) = (1 + next(20), 1 + next(30));
            let end = first + length - 1;
            let fresh = SlotAccount {
                price_per_period: u128::from(next(1_000_000)),
                first_period: Period(first),
                end_period: Period(end),
                paid_periods: 0,
            };
            let (mut often, mut runs, mut paid) = (fresh, Runs::default(), 0);
            for period in 1..60 {
                if next(4) != 0 {
                    runs.mark(Period(period));
                }
                if next(3) == 0 {
                    paid += often.settle(&runs);
                }
            }
            paid += often.settle(&runs);
            let mut once = fresh;
            assert_eq!(paid, once.settle(&runs), "the same in all");
            assert_eq!(often.due(&runs), 0, "nothing is left");
            let periods = u32::try_from(length).unwrap();
            let escrow = fresh.price_per_period * u128::from(periods);
            assert_eq!(
                paid + often.refund(periods),
                escrow,
                "what was paid in is paid out or returned"
            );
        }
    }

    #[test]
    fn the_least_price_is_rounded_up() {
        assert_eq!(least_price(0, 20), Some(0), "nothing asked");
        assert_eq!(least_price(1, 0), Some(1), "never below what is asked");
        assert_eq!(least_price(1 << 40, 0), Some(32), "exact");
        assert_eq!(least_price((1 << 40) + 1, 0), Some(33), "rounded up");
        assert_eq!(least_price(7, 35), Some(7), "one TiB");
        assert_eq!(
            least_price(u128::MAX, 35),
            Some(u128::MAX),
            "the largest ask"
        );
        assert_eq!(least_price(u128::MAX, 36), None, "too much to be paid");
        assert_eq!(least_price(1, 255), None, "no such piece");
    }
}
