//! What sampling and coding are worth in numbers: the chance that a loss is caught, and that a segment is lost.
//!
//! ```text
//! caught in m samples, a share f lost:        1 - (1-f)^m,   m = C x periods
//! n slots, each fails r times a year, away d: a = 1 / (1 + r d),   losses a year = P(Bin(n, a) = k) k r
//! nobody repairs, for t years:                a = e^(-r t),        P(lost) = P(Bin(n, a) < k)
//! ```
//!
//! The first is the contract's `Challenges.oddsOf`. The second is the rate at which independent slots pass from k pieces
//! to k - 1 in the steady state of the birth-death chain; it depends on the mean of the time away, not on its distribution
//! (`docs/simulation.md` compares it with a simulated network). Source: reliability of k-out-of-n systems with independent
//! repair, R. E. Barlow and F. Proschan, *Mathematical Theory of Reliability* (1965), chapter 5; for storage D. A. Patterson,
//! G. Gibson and R. H. Katz, "A Case for Redundant Arrays of Inexpensive Disks" (SIGMOD 1988), whose mirror is its case k =
//! 1, n = 2. **Nodes that fail together are not in it**: one operator, one network, one fault of the software.

const DAY_S: u64 = 86_400;
const DAYS_A_YEAR: f64 = 365.0;

/// The chance that at least one of `samples` samples hits a missing fraction of what is sampled: `1 - (1 - f)^C`.
#[must_use]
pub fn detection_probability(missing_fraction: f64, samples: u64) -> f64 {
    let missing = missing_fraction.clamp(0.0, 1.0);
    if samples == 0 {
        return 0.0;
    }
    // by logarithms: 1 - 10^-12 is not the same as 1, and a small chance keeps its digits
    -f64::exp_m1(as_f64(samples) * f64::ln_1p(-missing))
}

/// How often what a node stores is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Samples of a period's proof: C.
    pub samples: u32,
    /// Seconds from period to period.
    pub period_s: u64,
}

impl Sampling {
    /// Whole periods in so many days.
    #[must_use]
    pub fn periods_in(self, days: u32) -> u64 {
        let seconds = u64::from(days) * DAY_S;
        seconds.checked_div(self.period_s).unwrap_or(0)
    }

    /// Days that so many periods take.
    #[must_use]
    pub fn days_of(self, periods: u64) -> f64 {
        as_f64(periods.saturating_mul(self.period_s)) / as_f64(DAY_S)
    }

    /// The chance that `periods` periods' proofs show that a fraction is missing, if all of them have a beacon round.
    #[must_use]
    pub fn caught_in(self, missing_fraction: f64, periods: u64) -> f64 {
        let samples = periods.saturating_mul(u64::from(self.samples));
        detection_probability(missing_fraction, samples)
    }
}

/// How nodes fail and how fast their pieces are made again: what every number of durability assumes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NodeFailures {
    /// Times a year that a node loses a piece for good.
    pub per_year: f64,
    /// Days on average from the loss until the piece is back on another node: until it is noticed, its slot freed, k pieces
    /// fetched.
    pub repair_days: f64,
}

impl Default for NodeFailures {
    /// Once a year, and a week: three times as often and three times as long as in the baseline of `docs/simulation.md`.
    fn default() -> Self {
        Self {
            per_year: 1.0,
            repair_days: 7.0,
        }
    }
}

impl NodeFailures {
    /// The chance that a segment of k of n pieces is lost within `days`, when lost pieces are made again.
    #[must_use]
    pub fn loss_repaired(self, n: u16, k: u16, days: f64) -> f64 {
        let rate = loss_rate(
            n.into(),
            k.into(),
            self.per_year,
            self.repair_days / DAYS_A_YEAR,
        );
        -f64::exp_m1(-rate * days / DAYS_A_YEAR)
    }

    /// The chance that a segment of k of n pieces cannot be read after `days`, when nobody makes any again.
    #[must_use]
    pub fn loss_unrepaired(self, n: u16, k: u16, days: f64) -> f64 {
        let alive = f64::exp(-self.per_year * days / DAYS_A_YEAR);
        loss_without_repair(n.into(), k.into(), alive)
    }
}

/// Probability of exactly `hits` of `n`, each with probability `p`.
#[must_use]
pub fn binomial(n: u32, hits: u32, p: f64) -> f64 {
    if hits > n {
        return 0.0;
    }
    // multiply small and large factors in turn, so that nothing leaves the range on the way
    let mut result = 1.0;
    let mut misses = n - hits;
    for step in 0..hits {
        result *= p * f64::from(n - step) / f64::from(step + 1);
        while result > 1.0 && misses > 0 {
            result *= 1.0 - p;
            misses -= 1;
        }
    }
    (0..misses).fold(result, |product, _| product * (1.0 - p))
}

/// Probability that fewer than k of n pieces are alive.
#[must_use]
pub fn loss_without_repair(n: u32, k: u32, alive: f64) -> f64 {
    (0..k).map(|left| binomial(n, left, alive)).sum()
}

/// Losses per unit of time of one deal whose slots fail independently at a rate and are down for a mean time.
#[must_use]
pub fn loss_rate(n: u32, k: u32, failures: f64, down: f64) -> f64 {
    let alive = 1.0 / (1.0 + failures * down);
    binomial(n, k, alive) * f64::from(k) * failures
}

/// Samples beyond 2^53 find everything, exactly counted or not.
const fn as_f64(samples: u64) -> f64 {
    samples as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative error below 10^-10; expectations are of Python 3's `decimal` with 60 digits.
    #[track_caller]
    fn same(got: f64, expected: f64) {
        assert!(
            (got / expected - 1.0).abs() < 1e-10,
            "{got:e}, expected {expected:e}"
        );
    }

    #[test]
    fn the_odds_are_those_of_the_protocol() {
        // 1 - (1 - Decimal(f)) ** samples
        same(detection_probability(0.01, 128), 0.723_748_332_300_791_4);
        same(detection_probability(0.05, 128), 0.998_591_938_976_464_8);
        same(
            detection_probability(0.0001, 128 * 48),
            0.459_051_242_127_747,
        );
        same(
            detection_probability(0.000_015, 128 * 1_440),
            0.937_012_610_305_625_3,
        );
        assert!(detection_probability(0.0, 128).abs() < f64::EPSILON);
        assert!(
            detection_probability(1.0, 0).abs() < f64::EPSILON,
            "no samples"
        );
        same(detection_probability(1.0, 1), 1.0);
    }

    #[test]
    fn the_odds_are_those_of_the_contract() {
        // Challenges.t.sol: oddsOf(10_000, 1) and oddsOf(500_000, 3) with four samples, in parts per billion, rounded down
        let set = Sampling {
            samples: 4,
            period_s: 36,
        };
        for (lost, periods, ppb) in [(0.01, 1, 39_403_989.0), (0.5, 3, 999_755_859.0)] {
            let ours = set.caught_in(lost, periods) * 1e9;
            // the contract's is at most the truth, and less by at most one
            assert!((0.0..1.1).contains(&(ours - ppb)), "{ours} against {ppb}");
        }
    }

    #[test]
    fn days_are_counted_in_whole_periods() {
        let of = |period_s| Sampling {
            samples: 1,
            period_s,
        };
        assert_eq!(of(1_800).periods_in(1), 48);
        assert_eq!(of(36).periods_in(30), 72_000);
        assert_eq!(of(50_000).periods_in(1), 1);
        assert_eq!(of(0).periods_in(1), 0, "a clock that stands still");
    }

    #[test]
    fn losses_with_repair_are_those_of_the_steady_state() {
        // Decimal: a = 1/(1 + r*d); comb(n, k) * a**k * (1-a)**(n-k) * k * r; 1 - (-rate).exp()
        let year = |per_year, repair_days, n, k| {
            NodeFailures {
                per_year,
                repair_days,
            }
            .loss_repaired(n, k, 365.0)
        };
        same(year(1.0, 7.0, 30, 10), 7.697_924_965_724_756e-27);
        same(year(0.5, 4.0, 3, 2), 0.016_041_021_286_179_766);
        same(year(0.25, 7.0, 2, 1), 0.002_371_620_370_706_504_6);
        same(year(8.0, 30.0, 256, 128), 0.174_409_931_082_126_78);
    }

    #[test]
    fn losses_without_repair_are_those_of_the_binomial() {
        // Decimal: a = (-r*t).exp(); sum(comb(n, i) * a**i * (1-a)**(n-i) for i in range(k))
        let lost = |per_year, days, n, k| {
            NodeFailures {
                per_year,
                repair_days: 0.0,
            }
            .loss_unrepaired(n, k, days)
        };
        same(lost(0.5, 365.0, 30, 10), 0.000_662_230_802_715_612_9);
        same(lost(0.5, 365.0 / 12.0, 3, 2), 0.004_860_561_281_221_061);
        same(lost(0.5, 30.0, 30, 10), 5.074_919_103_454_345e-23);
    }

    #[test]
    fn binomials_are_those_of_the_table() {
        assert!((binomial(4, 2, 0.5) - 0.375).abs() < 1e-12);
        assert!((binomial(30, 10, 0.5) - 30_045_015.0 / 1_073_741_824.0).abs() < 1e-12);
        let sum: f64 = (0..=256).map(|hits| binomial(256, hits, 0.3)).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
        assert!(
            binomial(3, 4, 0.5).abs() < f64::EPSILON,
            "more than there are"
        );
    }

    #[test]
    fn two_mirrored_pieces_are_lost_as_everyone_knows() {
        // mirror: 1 of 2, failure rate f, repair time d: 2 f (f d) for f d << 1
        let (failures, down) = (0.01, 0.02);
        let exact = loss_rate(2, 1, failures, down);
        let known = 2.0 * failures * failures * down;
        assert!(
            (exact / known - 1.0).abs() < 0.001,
            "{exact} against {known}"
        );
    }
}
