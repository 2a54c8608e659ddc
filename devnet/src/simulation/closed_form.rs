//! What can be computed without a simulation, to check it and to go where it cannot see.
//!
//! ```text
//! no repair, each piece alive with probability a:          P(lost) = P(Bin(n, a) < k)
//! each slot alive for 1/f on average, then down for d:     a = 1 / (1 + f d),  losses per time = P(Bin(n, a) = k) k f
//! ```
//!
//! The second is the rate at which a deal of n independent slots passes from k to k - 1 pieces. It depends on the mean of
//! the time down only, not on its distribution. The formulas themselves are the client's, which states them to its user.

pub use cairn_client::durability::{binomial, loss_rate, loss_without_repair};

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
