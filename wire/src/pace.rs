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
        let earned =
            Duration::from_millis(self.bytes.saturating_mul(1000) / self.min_bytes_per_s.max(1));
        let left = self
            .stall
            .saturating_add(earned)
            .saturating_sub(self.waited);
        let allowed = left.min(self.stall);
        let start = Instant::now();
        let outcome = timeout(allowed, future).await;
        self.waited = self.waited.saturating_add(start.elapsed());
        outcome.map_err(|_| {
            if left < self.stall {
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

    fn limits() -> Limits {
        Limits {
            body_stall: Duration::from_secs(10),
            min_body_bytes_per_s: 1000,
            ..Limits::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_longer_than_allowed_is_a_stall() {
        let mut pace = Pace::new(&limits());
        let late = pace.wait(std::future::pending::<()>()).await;
        assert_eq!(
            late,
            Err(Late::Stalled {
                after: Duration::from_secs(10)
            }),
            "nothing for ten seconds"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_drip_below_the_least_rate_is_cut_off() {
        let mut pace = Pace::new(&limits());
        let mut drips = 0;
        let late = loop {
            if let Err(late) = pace.wait(tokio::time::sleep(Duration::from_secs(4))).await {
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
            "a byte every four seconds"
        );
        assert_eq!(drips, 2, "ten seconds of grace");
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_at_the_least_rate_goes_on() {
        let mut pace = Pace::new(&limits());
        for second in 0..100 {
            pace.wait(tokio::time::sleep(Duration::from_secs(1)))
                .await
                .unwrap_or_else(|late| panic!("{second}: {late:?}"));
            pace.moved(1000);
        }
        assert_eq!(pace.bytes(), 100_000, "all of it");
    }

    #[tokio::test(start_paused = true)]
    async fn time_spent_elsewhere_does_not_count() {
        let mut pace = Pace::new(&limits());
        for _ in 0..10 {
            tokio::time::sleep(Duration::from_secs(100)).await;
            pace.wait(std::future::ready(())).await.unwrap();
        }
    }
}
