//! How many sectors are sealed side by side: each takes its memory out of one budget.

use crate::params::ParamSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of memory that labelling one sector holds: the layer in the making, and what its two threads pass each other.
///
/// The layer below is mapped: it takes what the machine has to spare, and labelling slows down where that is too little.
#[must_use]
pub const fn memory_bytes(set: &ParamSet) -> u64 {
    set.sector_bytes() + super::layer::BLOCKS_BYTES
}

/// Bytes of disk that sealing one sector needs: the labels of all layers until it is proven, the replica, its data, and
/// one to spare.
#[must_use]
pub const fn disk_bytes(set: &ParamSet) -> u64 {
    (set.layers as u64 + 3) * set.sector_bytes()
}

/// Memory that all sealing together may hold.
#[derive(Clone, Debug)]
pub struct MemoryBudget {
    free: Arc<Mutex<u64>>,
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
pub struct Permit {
    bytes: u64,
    free: Arc<Mutex<u64>>,
}

impl MemoryBudget {
    /// A budget of this many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self {
            free: Arc::new(Mutex::new(bytes)),
        }
    }

    /// A share, if that much is free.
    #[must_use]
    pub fn take(&self, bytes: u64) -> Option<Permit> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(bytes)?;
        drop(free);
        let free = Arc::clone(&self.free);
        Some(Permit { bytes, free })
    }

    /// What is free.
    #[must_use]
    pub fn free_bytes(&self) -> u64 {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += self.bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{MAINNET, TESTNET};

    #[test]
    fn shares_never_add_up_to_more_than_the_budget() {
        let budget = MemoryBudget::new(10);
        let first = budget.take(6).unwrap();
        assert!(budget.take(5).is_none());
        let second = budget.take(4).unwrap();
        assert_eq!(budget.free_bytes(), 0);
        drop(first);
        assert_eq!(budget.free_bytes(), 6);
        drop(second);
        assert_eq!(budget.free_bytes(), 10);
    }

    #[test]
    fn one_layer_is_held_in_memory_and_all_on_disk() {
        const GIB: u64 = 1 << 30;
        assert!(memory_bytes(&MAINNET) < 8 * GIB + (64 << 20));
        assert_eq!(disk_bytes(&MAINNET), 11 * 8 * GIB);
        assert_eq!(disk_bytes(&TESTNET), 11 * GIB / 2);
    }
}
