//! Who may connect: a bound on all connections and one on each peer's.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Semaphore;

use crate::limits::Limits;
use crate::server::windows::{Budget, House};

/// Connections under way, counted by peer, with what all connections of a peer share.
#[derive(Debug)]
pub(crate) struct Slots {
    limits: Limits,
    house: House,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<IpAddr, PeerEntry>,
}

#[derive(Debug)]
struct PeerEntry {
    connections: usize,
    share: Share,
}

/// What all connections of one peer share.
#[derive(Debug, Clone)]
pub(crate) struct Share {
    pub(crate) requests: Arc<Semaphore>,
    pub(crate) budget: Arc<Budget>,
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    peer: IpAddr,
    pub(crate) share: Share,
}

/// What to do with somebody who knocks.
#[derive(Debug)]
pub(crate) enum Admission {
    Enter(Slot),
    /// Prove the address first: places are scarce, and this one may be forged.
    ProveAddress,
    Full,
}

impl Slots {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        let house = House::new(limits.bytes_in_flight, limits.bytes_in_flight_per_peer);
        Arc::new(Self {
            limits: *limits,
            house,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection from `address`.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, address_proven: bool) -> Admission {
        let peer = peer_of(address);
        let (most, most_per_peer) = (
            self.limits.max_connections,
            self.limits.max_connections_per_peer,
        );
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = taken
            .by_peer
            .get(&peer)
            .map_or(0, |entry| entry.connections);
        if taken.all >= most || (address_proven && of_peer >= most_per_peer) {
            return Admission::Full;
        }
        // A forged address must neither use up the house nor lock its true owner out.
        let scarce = taken.all >= most.div_ceil(2) || of_peer >= most_per_peer.div_ceil(2);
        if scarce && !address_proven {
            return Admission::ProveAddress;
        }
        taken.all = taken.all.saturating_add(1);
        let entry = taken.by_peer.entry(peer).or_insert_with(|| PeerEntry {
            connections: 0,
            share: self.new_share(),
        });
        entry.connections = entry.connections.saturating_add(1);
        let share = entry.share.clone();
        drop(taken);
        Admission::Enter(Slot {
            slots: Arc::clone(self),
            peer,
            share,
        })
    }

    fn new_share(&self) -> Share {
        let requests = self
            .limits
            .max_requests_per_peer
            .min(Semaphore::MAX_PERMITS);
        Share {
            requests: Arc::new(Semaphore::new(requests)),
            budget: self.house.for_peer(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        self.taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .all
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut taken = self
            .slots
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        if let Some(entry) = taken.by_peer.get_mut(&self.peer) {
            entry.connections = entry.connections.saturating_sub(1);
            if entry.connections == 0 {
                taken.by_peer.remove(&self.peer);
            }
        }
    }
}

/// One IPv4 address is one peer; of IPv6 everybody has at least a /64.
pub(crate) fn peer_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let prefix = v6.to_bits() & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from_bits(prefix))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slots(max_connections: usize, max_connections_per_peer: usize) -> Arc<Slots> {
        Slots::new(&Limits {
            max_connections,
            max_connections_per_peer,
            ..Limits::default()
        })
    }

    fn enter(slots: &Arc<Slots>, address: &str) -> Option<Slot> {
        match slots.admit(address.parse().unwrap(), true) {
            Admission::Enter(slot) => Some(slot),
            Admission::ProveAddress | Admission::Full => None,
        }
    }

    #[test]
    fn a_peer_gets_its_share_and_no_more_until_one_leaves() {
        let slots = slots(10, 2);
        let first = enter(&slots, "1.2.3.4").unwrap();
        let _second = enter(&slots, "::ffff:1.2.3.4").unwrap();
        assert!(
            enter(&slots, "1.2.3.4").is_none(),
            "the same machine twice, by either name"
        );
        let _other = enter(&slots, "1.2.3.5").unwrap();
        drop(first);
        assert!(enter(&slots, "1.2.3.4").is_some(), "a place is free again");
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_peer() {
        let slots = slots(10, 1);
        let _first = enter(&slots, "2001:db8:1:2::1").unwrap();
        assert!(enter(&slots, "2001:db8:1:2:ffff::9").is_none(), "same /64");
        assert!(enter(&slots, "2001:db8:1:3::1").is_some(), "another /64");
    }

    #[test]
    fn the_house_is_bounded_whoever_knocks() {
        let slots = slots(2, 2);
        let _held = [
            enter(&slots, "1.1.1.1").unwrap(),
            enter(&slots, "2.2.2.2").unwrap(),
        ];
        assert!(
            matches!(
                slots.admit("3.3.3.3".parse().unwrap(), true),
                Admission::Full
            ),
            "full"
        );
        assert_eq!(slots.count(), 2, "two are inside");
    }

    #[test]
    fn a_forged_address_cannot_use_up_its_owners_places() {
        let slots = slots(100, 4);
        let victim: IpAddr = "9.9.9.9".parse().unwrap();
        let mut forged = Vec::new();
        while let Admission::Enter(slot) = slots.admit(victim, false) {
            forged.push(slot);
        }
        assert_eq!(forged.len(), 2, "half of the peer's places");
        assert!(
            matches!(slots.admit(victim, false), Admission::ProveAddress),
            "then proof is asked for"
        );
        assert!(enter(&slots, "9.9.9.9").is_some(), "the true owner gets in");
    }
}
