//! What can be computed without a simulation, to check it and to go where it cannot see.
//!
//! ```text
//! no repair, each piece alive with probability a:          P(lost) = P(Bin(n, a) < k)
//! each slot alive for 1/f on average, then down for d:     a = 1 / (1 + f d),  losses per time = P(Bin(n, a) = k) k f
//! ```
//!
//! The second is the rate at which a deal of n independent slots passes from k to k - 1 pieces. It depends on the mean of
//! the time down only, not on its distribution.

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

/// Failures of a slot that is alive, per unit of time, from the failures counted over all slots, dead ones included.
#[must_use]
pub fn failures_alive(counted: f64, down: f64) -> f64 {
    counted / (1.0 - counted * down)
}

/// Nines of a yearly probability of loss: 3 for 0.001.
#[must_use]
pub fn nines(yearly_loss: f64) -> f64 {
    -yearly_loss.log10()
}

/// What is seen of losses in some deal years.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Durability {
    /// Deals lost.
    pub lost: u64,
    /// Years of all deals together.
    pub deal_years: f64,
}

impl Durability {
    /// Losses per deal and year; with none seen the bound that holds in 95 of 100 cases (the rule of three).
    #[must_use]
    pub fn yearly_loss(&self) -> f64 {
        let losses = if self.lost == 0 {
            3.0
        } else {
            self.lost as f64
        };
        losses / self.deal_years
    }

    /// Its nines, `>` before a bound.
    #[must_use]
    pub fn nines(&self) -> String {
        let sign = if self.lost == 0 { ">" } else { "" };
        format!("{sign}{:.1}", nines(self.yearly_loss()).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn dead_slots_do_not_fail_again() {
        let (failures, down) = (8.0, 0.01);
        let alive = 1.0 / (1.0 + failures * down);
        let back = failures_alive(failures * alive, down);
        assert!((back / failures - 1.0).abs() < 1e-12, "{back}");
    }

    #[test]
    fn no_loss_seen_is_a_bound_and_not_an_infinity() {
        let none = Durability {
            lost: 0,
            deal_years: 300_000.0,
        };
        assert_eq!(none.nines(), ">5.0");
        let some = Durability {
            lost: 30,
            deal_years: 300_000.0,
        };
        assert_eq!(some.nines(), "4.0");
    }
}
