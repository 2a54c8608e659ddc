//! One sealing, and how far its present step is.

use std::path::PathBuf;

use cairn_merkle::{Commitment, Fr};
use cairn_prover::params::ParamSet;

/// One sealing.
#[derive(Clone, Debug)]
pub struct Job {
    /// The parameter set.
    pub set: &'static ParamSet,
    /// Where its labels lie.
    pub folder: PathBuf,
    /// What its labels are keyed by.
    pub replica_id: Fr,
    /// Root of the data.
    pub comm_d: Commitment,
}

/// How far a step is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
    /// Seconds since it began.
    pub seconds: u64,
}

impl Step {
    /// Per cent done.
    #[must_use]
    pub fn percent(&self) -> u64 {
        let percent = self.done.saturating_mul(100).checked_div(self.total);
        percent.unwrap_or_default().min(100)
    }

    /// Seconds left at the pace so far.
    #[must_use]
    pub fn seconds_left(&self) -> u64 {
        let left = self.total.saturating_sub(self.done);
        self.seconds
            .saturating_mul(left)
            .checked_div(self.done)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_from_the_pace_so_far() {
        let step = Step {
            done: 25,
            total: 100,
            seconds: 10,
        };
        assert_eq!((step.percent(), step.seconds_left()), (25, 30), "a quarter");
        let nothing = Step::default();
        assert_eq!((nothing.percent(), nothing.seconds_left()), (0, 0), "none");
    }
}
