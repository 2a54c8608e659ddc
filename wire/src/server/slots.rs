//! Who may connect: a bound on all connections and one on each peer's.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

/// Connections under way, counted by peer.
#[derive(Debug)]
pub(crate) struct Slots {
    most: usize,
    most_per_peer: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    by_peer: HashMap<IpAddr, usize>,
}

/// A connection's place; free again when dropped.
#[derive(Debug)]
pub(crate) struct Slot {
    slots: Arc<Slots>,
    peer: IpAddr,
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
    pub(crate) fn new(most: usize, most_per_peer: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            most_per_peer,
            taken: Mutex::default(),
        })
    }

    /// A place for a connection from `address`.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, address_proven: bool) -> Admission {
        let peer = peer_of(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_peer = taken.by_peer.get(&peer).copied().unwrap_or_default();
        if taken.all >= self.most || (address_proven && of_peer >= self.most_per_peer) {
            return Admission::Full;
        }
        // A forged address must neither use up the house nor lock its true owner out.
        let scarce =
            taken.all >= self.most.div_ceil(2) || of_peer >= self.most_per_peer.div_ceil(2);
        if scarce && !address_proven {
            return Admission::ProveAddress;
        }
        taken.all = taken.all.saturating_add(1);
        taken.by_peer.insert(peer, of_peer.saturating_add(1));
        drop(taken);
        Admission::Enter(Slot {
            slots: Arc::clone(self),
            peer,
        })
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
        if let Some(count) = taken.by_peer.get_mut(&self.peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.by_peer.remove(&self.peer);
            }
        }
    }
}

/// One IPv4 address is one peer; of IPv6 everybody has at least a /64.
fn peer_of(address: IpAddr) -> IpAddr {
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

    fn enter(slots: &Arc<Slots>, address: &str) -> Option<Slot> {
        match slots.admit(address.parse().unwrap(), true) {
            Admission::Enter(slot) => Some(slot),
            Admission::ProveAddress | Admission::Full => None,
        }
    }

    #[test]
    fn a_peer_gets_its_share_and_no_more_until_one_leaves() {
        let slots = Slots::new(10, 2);
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
        let slots = Slots::new(10, 1);
        let _first = enter(&slots, "2001:db8:1:2::1").unwrap();
        assert!(enter(&slots, "2001:db8:1:2:ffff::9").is_none(), "same /64");
        assert!(enter(&slots, "2001:db8:1:3::1").is_some(), "another /64");
    }

    #[test]
    fn the_house_is_bounded_whoever_knocks() {
        let slots = Slots::new(2, 2);
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
        let slots = Slots::new(100, 4);
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
