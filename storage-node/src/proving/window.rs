//! Which windows are due and which are over. No I/O: time is an argument.

use cairn_contracts::Schedule;
use cairn_wire::Period;

/// What one tree owes at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowPlan {
    /// The window that can still be proven.
    pub live: Option<Period>,
    /// Windows whose deadline went by and whose end is not recorded, oldest first.
    pub over: Vec<Period>,
}

/// At most so many ends are recorded at a time; the rest come with the next look.
const MAX_OVER: u64 = 64;

/// `first_open` is the oldest period without a recorded end; `None` for a tree that was never looked at, which owes
/// nothing before the period that runs now.
#[must_use]
pub fn plan_windows(
    schedule: &Schedule,
    chain_time_unix: u64,
    first_open: Option<Period>,
) -> WindowPlan {
    let Some(newest) = newest_round(schedule, chain_time_unix) else {
        return WindowPlan {
            live: None,
            over: Vec::new(),
        };
    };
    let alive = chain_time_unix <= schedule.deadline(newest);
    let from = first_open.unwrap_or(newest);
    let end = if alive {
        newest.0
    } else {
        newest.0.saturating_add(1)
    };
    let over = (from.0..end.min(from.0.saturating_add(MAX_OVER)))
        .map(Period)
        .collect();
    WindowPlan {
        live: (alive && from <= newest).then_some(newest),
        over,
    }
}

/// The newest period whose round is out.
pub(crate) fn newest_round(schedule: &Schedule, time_unix: u64) -> Option<Period> {
    let running = schedule.period_of(time_unix);
    if schedule.round_time(running) <= time_unix {
        return Some(running);
    }
    running.0.checked_sub(1).map(Period)
}

#[cfg(test)]
mod tests {
    use super::*;

    // Rounds of periods 0, 1, 2 at 1000, 1024, 1048; frozen 3 s before, due 18 s after.
    const SCHEDULE: Schedule = Schedule {
        genesis_unix: 100,
        round_s: 3,
        t0_unix: 1000,
        period_s: 24,
        freeze_s: 3,
        due_s: 18,
    };

    fn plan(time: u64, first_open: Option<u64>) -> (Option<u64>, Vec<u64>) {
        let plan = plan_windows(&SCHEDULE, time, first_open.map(Period));
        (
            plan.live.map(|period| period.0),
            plan.over.into_iter().map(|period| period.0).collect(),
        )
    }

    #[test]
    fn a_window_lives_from_its_round_to_its_deadline() {
        assert_eq!(plan(999, None), (None, vec![]), "before the first round");
        assert_eq!(plan(1000, None), (Some(0), vec![]), "at the round");
        assert_eq!(plan(1018, None), (Some(0), vec![]), "at the deadline");
        assert_eq!(plan(1019, None), (None, vec![0]), "a second later");
        assert_eq!(
            plan(1022, Some(1)),
            (None, vec![]),
            "frozen, its round not out"
        );
        assert_eq!(plan(1024, Some(1)), (Some(1), vec![]), "the next round");
    }

    #[test]
    fn after_an_outage_every_window_that_went_by_is_accounted_for() {
        assert_eq!(
            plan(1000 + 24 * 5 + 1, Some(2)),
            (Some(5), vec![2, 3, 4]),
            "three were missed"
        );
        assert_eq!(
            plan(1000 + 24 * 5 + 20, Some(2)),
            (None, vec![2, 3, 4, 5]),
            "and the fourth too"
        );
        let (_, over) = plan(1000 + 24 * 1000, Some(0));
        assert_eq!(over.len(), 64, "a long outage is worked off in parts");
    }

    #[test]
    fn a_window_that_is_settled_already_is_not_live() {
        assert_eq!(
            plan(1010, Some(1)),
            (None, vec![]),
            "period 0 is recorded as counted"
        );
    }
}
