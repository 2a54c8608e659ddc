//! How many segments at a time, one for each peer; how much disk; how fast.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cairn_wire::WireError;
use tokio::time::{Instant, sleep_until};

/// The places of a node.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    most_bytes: u64,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    peers: BTreeSet<IpAddr>,
    bytes: u64,
}

/// One segment's place; free again when dropped.
#[derive(Debug)]
pub(super) struct Place {
    all: Arc<Places>,
    peer: IpAddr,
    bytes: u64,
}

impl Places {
    pub(super) fn new(most: usize, most_bytes: u64) -> Self {
        Self {
            most,
            most_bytes,
            taken: Mutex::default(),
        }
    }

    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of disk that are promised.
    pub(super) fn bytes(&self) -> u64 {
        self.taken().bytes
    }

    /// A place for a segment whose pieces have so many bytes together.
    pub(super) fn take(self: &Arc<Self>, peer: IpAddr, bytes: u64) -> Result<Place, WireError> {
        if bytes > self.most_bytes {
            return Err(WireError::too_large(format_args!(
                "at most {} bytes of pieces are relayed at a time",
                self.most_bytes
            )));
        }
        let mut taken = self.taken();
        if taken.peers.contains(&peer) {
            return Err(WireError::busy("a segment of yours is being relayed"));
        }
        let together = taken.bytes.saturating_add(bytes);
        if taken.peers.len() >= self.most || together > self.most_bytes {
            return Err(WireError::busy("other segments are being relayed"));
        }
        taken.peers.insert(peer);
        taken.bytes = together;
        drop(taken);
        Ok(Place {
            all: Arc::clone(self),
            peer,
            bytes,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.all.taken();
        taken.peers.remove(&self.peer);
        taken.bytes = taken.bytes.saturating_sub(self.bytes);
    }
}

/// A rate that all pieces going out share: each chunk waits until those before it are paid for.
#[derive(Debug)]
pub(super) struct Throttle {
    bytes_per_s: u64,
    free_from: Mutex<Option<Instant>>,
}

impl Throttle {
    /// No bound for 0.
    pub(super) const fn new(bytes_per_s: u64) -> Self {
        Self {
            bytes_per_s,
            free_from: Mutex::new(None),
        }
    }

    /// Waits for the turn of so many bytes.
    pub(super) async fn wait_for(&self, bytes: u64) {
        let cost_us = bytes
            .saturating_mul(1_000_000)
            .checked_div(self.bytes_per_s);
        let Some(cost) = cost_us.map(Duration::from_micros) else {
            return;
        };
        let turn = {
            let mut free_from = self
                .free_from
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let turn = free_from.map_or(now, |free| free.max(now));
            *free_from = turn.checked_add(cost);
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_wire::ErrorCode;

    fn peer(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    #[test]
    fn a_peer_has_one_segment_at_a_time_and_all_have_so_many_and_so_much() {
        let places = Arc::new(Places::new(2, 1000));
        let code = |outcome: Result<Place, WireError>| outcome.map_err(|error| error.code()).err();
        let first = places.take(peer(1), 600).unwrap();
        assert_eq!(
            code(places.take(peer(1), 1)),
            Some(ErrorCode::Busy),
            "twice"
        );
        assert_eq!(
            code(places.take(peer(2), 401)),
            Some(ErrorCode::Busy),
            "disk"
        );
        assert_eq!(
            code(places.take(peer(2), 1001)),
            Some(ErrorCode::TooLarge),
            "ever"
        );
        let second = places.take(peer(2), 400).unwrap();
        assert_eq!(places.bytes(), 1000, "both");
        assert_eq!(
            code(places.take(peer(3), 0)),
            Some(ErrorCode::Busy),
            "a third"
        );
        drop(first);
        let third = places.take(peer(1), 600).unwrap();
        drop((second, third));
        assert_eq!(places.bytes(), 0, "all is given back");
    }

    #[tokio::test]
    async fn chunks_leave_at_the_rate_that_all_share() {
        let throttle = Throttle::new(10_000);
        let start = Instant::now();
        for _ in 0..5 {
            throttle.wait_for(500).await;
        }
        let took = start.elapsed();
        assert!(
            took >= Duration::from_millis(200),
            "four before the fifth: {took:?}"
        );
        let unbounded = Throttle::new(0);
        let start = Instant::now();
        unbounded.wait_for(u64::MAX).await;
        assert!(start.elapsed() < Duration::from_secs(1), "no bound");
    }
}
