//! Flow-control windows as a shared budget: what a connection may have under way grows with what was admitted on it.
//!
//! ```text
//! window of a connection = idle_window_bytes + granted         sum of granted over all connections <= bytes_in_flight
//! ```
//!
//! A grant to receive lasts until the connection ends: QUIC cannot take back credit it gave, so handing it out anew
//! after each transfer that was admitted and then cancelled would add up to any amount. A grant to send is this side's
//! own bound and is given back when the other side has acknowledged the bytes.

use std::sync::{Arc, Mutex, PoisonError};

use quinn::VarInt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::Limits;

/// The unit in which the budget is counted.
const UNIT_BYTES: u64 = 16 << 10;

/// The memory that transfers of all connections may use together.
#[derive(Debug)]
pub(crate) struct House {
    units: Arc<Semaphore>,
    peer_bytes: u64,
}

/// One peer's part in it: bounded, so that one peer cannot leave the others the idle windows only.
#[derive(Debug)]
pub(crate) struct Budget {
    house: Arc<Semaphore>,
    peer: Arc<Semaphore>,
}

fn units_of(bytes: u64) -> Arc<Semaphore> {
    let units = usize::try_from(bytes / UNIT_BYTES).unwrap_or(usize::MAX);
    Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS)))
}

/// As many of `units` as are left, perhaps none.
fn take(from: &Arc<Semaphore>, mut units: usize) -> Option<OwnedSemaphorePermit> {
    while units > 0 {
        let wanted = u32::try_from(units).unwrap_or(u32::MAX);
        if let Ok(permit) = Arc::clone(from).try_acquire_many_owned(wanted) {
            return Some(permit);
        }
        units = from.available_permits().min(units.saturating_sub(1));
    }
    None
}

impl House {
    pub(crate) fn new(bytes: u64, peer_bytes: u64) -> Self {
        Self {
            units: units_of(bytes),
            peer_bytes,
        }
    }

    /// The budget of a peer that has just come.
    pub(crate) fn for_peer(&self) -> Arc<Budget> {
        Arc::new(Budget {
            house: Arc::clone(&self.units),
            peer: units_of(self.peer_bytes),
        })
    }

    #[cfg(test)]
    fn left_bytes(&self) -> u64 {
        u64::try_from(self.units.available_permits()).unwrap() * UNIT_BYTES
    }
}

impl Budget {
    /// As much of `bytes` as peer and house have left, perhaps nothing.
    fn take(&self, bytes: u64) -> Grant {
        let units = usize::try_from(bytes.div_ceil(UNIT_BYTES)).unwrap_or(usize::MAX);
        let Some(mut peer) = take(&self.peer, units) else {
            return Grant::default();
        };
        let Some(house) = take(&self.house, peer.num_permits()) else {
            return Grant::default();
        };
        let excess = peer.num_permits().saturating_sub(house.num_permits());
        drop(peer.split(excess));
        Grant {
            held: Some((peer, house)),
        }
    }
}

/// A part of the budget; goes back when dropped.
#[derive(Debug, Default)]
struct Grant {
    held: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
}

impl Grant {
    fn bytes(&self) -> u64 {
        let units = self.held.as_ref().map_or(0, |(peer, _)| peer.num_permits());
        u64::try_from(units)
            .unwrap_or(u64::MAX)
            .saturating_mul(UNIT_BYTES)
    }

    fn join(&mut self, other: Self) {
        match (&mut self.held, other.held) {
            (Some((peer, house)), Some((more_peer, more_house))) => {
                peer.merge(more_peer);
                house.merge(more_house);
            }
            (mine, theirs) => *mine = mine.take().or(theirs),
        }
    }
}

/// What the windows are set on: a QUIC connection, or a note in a test.
pub(crate) trait SetWindows: Send + Sync + 'static {
    fn set_receive(&self, bytes: u32);
    fn set_send(&self, bytes: u64);
}

impl SetWindows for quinn::Connection {
    fn set_receive(&self, bytes: u32) {
        self.set_receive_window(VarInt::from_u32(bytes));
    }

    fn set_send(&self, bytes: u64) {
        self.set_send_window(bytes);
    }
}

/// The windows of one connection.
pub(crate) struct Windows<C: SetWindows = quinn::Connection> {
    connection: C,
    budget: Arc<Budget>,
    idle_bytes: u64,
    stream_bytes: u64,
    most_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// What the uploads under way could use.
    receiving_bytes: u64,
    receive_grant: Grant,
    sending_bytes: u64,
}

/// An upload that counts on the window; hold it while the body arrives.
pub(crate) struct Receiving<C: SetWindows = quinn::Connection> {
    windows: Arc<Windows<C>>,
    bytes: u64,
}

/// A download that counts on the window; hold it until everything is acknowledged or given up.
pub(crate) struct Sending<C: SetWindows = quinn::Connection> {
    windows: Arc<Windows<C>>,
    grant: Grant,
}

impl<C: SetWindows> Windows<C> {
    pub(crate) fn new(connection: C, budget: Arc<Budget>, limits: &Limits) -> Arc<Self> {
        let idle_bytes = u64::from(limits.idle_window_bytes);
        Arc::new(Self {
            connection,
            budget,
            idle_bytes,
            stream_bytes: u64::from(limits.stream_window_bytes),
            most_bytes: u64::from(limits.connection_window_bytes).saturating_sub(idle_bytes),
            state: Mutex::new(State {
                receiving_bytes: 0,
                receive_grant: Grant::default(),
                sending_bytes: 0,
            }),
        })
    }

    /// Makes room for an upload of `body_bytes`.
    pub(crate) fn receive(self: &Arc<Self>, body_bytes: u64) -> Receiving<C> {
        let bytes = body_bytes.min(self.stream_bytes);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.receiving_bytes = state.receiving_bytes.saturating_add(bytes);
        let wanted = state.receiving_bytes.min(self.most_bytes);
        let missing = wanted.saturating_sub(state.receive_grant.bytes());
        let grant = self.budget.take(missing);
        if grant.bytes() > 0 {
            state.receive_grant.join(grant);
            let window = self.idle_bytes.saturating_add(state.receive_grant.bytes());
            self.connection
                .set_receive(u32::try_from(window).unwrap_or(u32::MAX));
        }
        drop(state);
        Receiving {
            windows: Arc::clone(self),
            bytes,
        }
    }

    /// Makes room for a download of `body_bytes`.
    pub(crate) fn send(self: &Arc<Self>, body_bytes: u64) -> Sending<C> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let room = self.most_bytes.saturating_sub(state.sending_bytes);
        let grant = self
            .budget
            .take(body_bytes.min(self.stream_bytes).min(room));
        state.sending_bytes = state.sending_bytes.saturating_add(grant.bytes());
        self.connection
            .set_send(self.idle_bytes.saturating_add(state.sending_bytes));
        drop(state);
        Sending {
            windows: Arc::clone(self),
            grant,
        }
    }
}

impl<C: SetWindows> Drop for Receiving<C> {
    fn drop(&mut self) {
        let mut state = self
            .windows
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.receiving_bytes = state.receiving_bytes.saturating_sub(self.bytes);
    }
}

impl<C: SetWindows> Drop for Sending<C> {
    fn drop(&mut self) {
        let mut state = self
            .windows
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        state.sending_bytes = state.sending_bytes.saturating_sub(self.grant.bytes());
        self.windows
            .connection
            .set_send(self.windows.idle_bytes.saturating_add(state.sending_bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[derive(Clone, Default)]
    struct Noted(Arc<(AtomicU64, AtomicU64)>);

    impl SetWindows for Noted {
        fn set_receive(&self, bytes: u32) {
            self.0.0.store(u64::from(bytes), Ordering::Relaxed);
        }

        fn set_send(&self, bytes: u64) {
            self.0.1.store(bytes, Ordering::Relaxed);
        }
    }

    const K: u64 = UNIT_BYTES;

    fn limits() -> Limits {
        Limits {
            idle_window_bytes: 16 << 10,
            stream_window_bytes: 4 * (16 << 10),
            connection_window_bytes: 9 * (16 << 10),
            ..Limits::default()
        }
    }

    fn windows(budget: &Arc<Budget>) -> (Arc<Windows<Noted>>, Noted) {
        let noted = Noted::default();
        (
            Windows::new(noted.clone(), Arc::clone(budget), &limits()),
            noted,
        )
    }

    fn received(noted: &Noted) -> u64 {
        noted.0.0.load(Ordering::Relaxed)
    }

    fn sent(noted: &Noted) -> u64 {
        noted.0.1.load(Ordering::Relaxed)
    }

    #[test]
    fn uploads_that_come_and_go_do_not_add_up() {
        let house = House::new(100 * K, 100 * K);
        let (windows, noted) = windows(&house.for_peer());
        for _ in 0..50 {
            drop(windows.receive(1 << 30));
        }
        assert_eq!(received(&noted), K + 4 * K, "idle window and one stream's");
        assert_eq!(house.left_bytes(), 96 * K, "granted once");
        drop(windows);
        assert_eq!(
            house.left_bytes(),
            100 * K,
            "the connection's end gives it back"
        );
    }

    #[test]
    fn one_connection_gets_at_most_its_window() {
        let house = House::new(100 * K, 100 * K);
        let (windows, noted) = windows(&house.for_peer());
        let held: Vec<_> = (0..5).map(|_| windows.receive(1 << 30)).collect();
        assert_eq!(received(&noted), 9 * K, "not five streams' worth");
        let sending: Vec<_> = (0..5).map(|_| windows.send(1 << 30)).collect();
        assert_eq!(sent(&noted), 9 * K, "the same the other way");
        drop((held, sending));
        assert_eq!(sent(&noted), K, "sending shrinks again");
        assert_eq!(house.left_bytes(), 92 * K, "receiving does not");
    }

    #[test]
    fn an_empty_house_leaves_the_idle_window() {
        let house = House::new(6 * K, 100 * K);
        let (first, _) = windows(&house.for_peer());
        let (second, noted) = windows(&house.for_peer());
        let _held = first.receive(1 << 30);
        let _rest = second.receive(1 << 30);
        assert_eq!(received(&noted), K + 2 * K, "what is left");
        let (third, noted) = windows(&house.for_peer());
        let _nothing = third.send(1 << 30);
        assert_eq!(sent(&noted), K, "nothing is left");
        assert_eq!(house.left_bytes(), 0, "and nothing was made up");
    }

    #[test]
    fn one_peer_leaves_room_for_the_others() {
        let house = House::new(100 * K, 6 * K);
        let peer = house.for_peer();
        let connections: Vec<_> = (0..10).map(|_| windows(&peer).0).collect();
        let _held: Vec<_> = connections
            .iter()
            .map(|windows| windows.receive(1 << 30))
            .collect();
        assert_eq!(
            house.left_bytes(),
            94 * K,
            "ten connections of one peer share its part"
        );
        let (other, noted) = windows(&house.for_peer());
        let _room = other.receive(1 << 30);
        assert_eq!(
            received(&noted),
            K + 4 * K,
            "another peer gets a whole window"
        );
    }

    #[test]
    fn a_small_body_takes_little() {
        let house = House::new(100 * K, 100 * K);
        let (windows, _) = windows(&house.for_peer());
        let _small = windows.send(10);
        assert_eq!(house.left_bytes(), 99 * K, "one unit");
    }
}
