//! A bound on how many bytes are asked for in a second, over all that share it.

use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Lets requests go one after the other, each after the time that those before it are worth: never more than
/// `bytes_per_s x seconds + one request` are asked for. What is asked for and fails counts too.
#[derive(Debug, Default)]
pub(crate) struct Bandwidth {
    bytes_per_s: Option<NonZeroU64>,
    /// When the next request may go.
    next: Mutex<Option<Instant>>,
}

impl Bandwidth {
    /// No bound if `None`.
    pub(crate) fn new(bytes_per_s: Option<NonZeroU64>) -> Self {
        Self {
            bytes_per_s,
            next: Mutex::default(),
        }
    }

    /// Waits until a request for so many bytes may go.
    pub(crate) async fn take(&self, bytes: u64) {
        if let Some(bytes_per_s) = self.bytes_per_s {
            tokio::time::sleep_until(self.reserve(bytes, bytes_per_s, Instant::now())).await;
        }
    }

    fn reserve(&self, bytes: u64, bytes_per_s: NonZeroU64, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let at = next.map_or(now, |next| next.max(now));
        let worth_ns = u128::from(bytes) * 1_000_000_000 / u128::from(bytes_per_s.get());
        // a request that is worth more than 500 years waits for one of 500 years
        let worth = Duration::from_nanos(u64::try_from(worth_ns).unwrap_or(u64::MAX >> 1));
        *next = Some(at.checked_add(worth).unwrap_or(at));
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_request_goes_after_the_time_that_those_before_are_worth() {
        let rate = NonZeroU64::new(1000).unwrap();
        let bandwidth = Bandwidth::new(Some(rate));
        let start = Instant::now();
        let after = |bytes, now_ms: u64| {
            let now = start + Duration::from_millis(now_ms);
            bandwidth.reserve(bytes, rate, now) - start
        };
        assert_eq!(after(500, 0), Duration::ZERO, "the first at once");
        assert_eq!(after(2000, 0), Duration::from_millis(500), "a second later");
        assert_eq!(after(1, 100), Duration::from_millis(2500), "behind both");
        assert_eq!(
            after(10, 9000),
            Duration::from_secs(9),
            "time that passed unused is not saved up"
        );
        assert_eq!(after(10, 9000), Duration::from_millis(9010), "nor lost");
    }
}
