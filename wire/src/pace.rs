//! The patience one side has with a body: a longest pause, and a least average rate.
//!
//! ```text
//! allowed to wait now = min(body_stall, body_stall + bytes / min_rate - waited so far)
//! ```
//!
//! Only time spent waiting for the other side counts, so a slow disk here is never blamed on a peer. Without the second
//! term a byte every few seconds would keep a transfer, its window and its slot alive for ever.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, timeout};

use crate::error::BodyError;
use crate::limits::Limits;

#[derive(Debug)]
pub(crate) struct Pace {
    stall: Duration,
    min_bytes_per_s: u64,
    waited: Duration,
    bytes: u64,
}

/// Patience ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Late {
    /// Nothing moved.
    Stalled { after: Duration },
    /// It moved too slowly on the whole.
    TooSlow { min_bytes_per_s: u64 },
}

impl Pace {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            stall: limits.body_stall,
            min_bytes_per_s: limits.min_body_bytes_per_s.max(1),
            waited: Duration::ZERO,
            bytes: 0,
        }
    }

    /// Bytes moved so far.
    pub(crate) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The longest pause.
    pub(crate) const fn stall(&self) -> Duration {
        self.stall
    }

    /// Notes that bytes moved.
    pub(crate) fn moved(&mut self, bytes: usize) {
        self.bytes = self
            .bytes
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Waits for the other side, as long as patience lasts.
    pub(crate) async fn wait<F: Future>(&mut self, future: F) -> Result<F::Output, Late> {
        let earned_ms = self
            .bytes
            .saturating_mul(1000)
            .checked_div(self.min_bytes_per_s);
        let earned = Duration::from_millis(earned_ms.unwrap_or(u64::MAX));
        let left = self
            .stall
            .saturating_add(earned)
            .saturating_sub(self.waited);
        let allowed = left.min(self.stall);
        let start = Instant::now();
        let outcome = timeout(allowed, future).await;
        self.waited = self.waited.saturating_add(start.elapsed());
        outcome.map_err(|_| {
            // A pause that was cut short because of what was slow before is slowness; a long one is a pause.
            if left.saturating_mul(2) < self.stall {
                Late::TooSlow {
                    min_bytes_per_s: self.min_bytes_per_s,
                }
            } else {
                Late::Stalled { after: allowed }
            }
        })
    }
}

impl Late {
    /// The same, about a body that is being received.
    pub(crate) const fn in_body(self, got_bytes: u64) -> BodyError {
        match self {
            Self::Stalled { after } => BodyError::Stalled { after, got_bytes },
            Self::TooSlow { min_bytes_per_s } => BodyError::TooSlow {
                min_bytes_per_s,
                got_bytes,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STALL: Duration = Duration::from_millis(200);

    fn limits(min_body_bytes_per_s: u64) -> Limits {
        Limits {
            body_stall: STALL,
            min_body_bytes_per_s,
            ..Limits::default()
        }
    }

    #[tokio::test]
    async fn a_pause_longer_than_allowed_is_a_stall() {
        let mut pace = Pace::new(&limits(1000));
        let late = pace.wait(std::future::pending::<()>()).await;
        assert_eq!(
            late,
            Err(Late::Stalled { after: STALL }),
            "nothing for as long as is allowed"
        );
    }

    #[tokio::test]
    async fn a_drip_below_the_least_rate_is_cut_off() {
        let mut pace = Pace::new(&limits(1000));
        let mut drips = 0;
        let late = loop {
            if let Err(late) = pace.wait(tokio::time::sleep(STALL * 2 / 5)).await {
                break late;
            }
            pace.moved(1);
            drips += 1;
        };
        assert_eq!(
            late,
            Late::TooSlow {
                min_bytes_per_s: 1000
            },
            "each drip came in time, all together did not"
        );
        assert!(drips <= 2, "one stall's worth of grace, not {drips} drips");
    }

    #[tokio::test]
    async fn a_body_above_the_least_rate_goes_on() {
        let mut pace = Pace::new(&limits(1000));
        for wait in 0..20 {
            pace.wait(tokio::time::sleep(STALL / 10))
                .await
                .unwrap_or_else(|late| panic!("wait {wait}: {late:?}"));
            pace.moved(1000);
        }
        assert_eq!(pace.bytes(), 20_000, "twice the longest pause, all in all");
    }

    #[tokio::test]
    async fn time_spent_elsewhere_does_not_count() {
        let mut pace = Pace::new(&limits(1));
        for _ in 0..3 {
            tokio::time::sleep(STALL).await;
            pace.wait(std::future::ready(())).await.unwrap();
        }
    }
}
