//! Whether disk and memory have room for one more sector. No I/O: everything that decides is an argument.

use core::fmt;

use cairn_prover::params::ParamSet;

use crate::deal::SealState;
use crate::sealing::rules::sector_bytes;

/// Sector sizes beside the labels: the tree over them with what is kept of it, the replica, and its move into the store.
const BESIDE_LABELS: u64 = 3;

/// What is there, and what is promised already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Bytes free where labels and replicas go.
    pub free_bytes: u64,
    /// Bytes of it that stay free.
    pub reserve_bytes: u64,
    /// Bytes that the sectors under way will still write.
    pub promised_bytes: u64,
    /// Memory that sealing may use.
    pub memory_bytes: u64,
    /// Memory of one sector under way.
    pub memory_each_bytes: u64,
    /// Sectors under way.
    pub under_way: u64,
}

/// What is missing for one more sector: said to the operator as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shortage {
    /// Disk.
    Disk {
        /// Bytes needed free.
        needed: u64,
        /// Bytes free.
        free: u64,
    },
    /// Memory.
    Memory {
        /// Bytes needed.
        needed: u64,
        /// Bytes allowed.
        allowed: u64,
    },
    /// Money for the deposit.
    Deposit {
        /// Smallest units needed.
        needed: u128,
        /// Smallest units at hand.
        at_hand: u128,
    },
}

impl fmt::Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disk { needed, free } => write!(
                f,
                "sealing waits for disk: {needed} bytes must be free, {free} are"
            ),
            Self::Memory { needed, allowed } => write!(
                f,
                "sealing waits for memory: a sector needs {needed} bytes, sealing_memory_bytes and memory_budget_bytes leave {allowed}"
            ),
            Self::Deposit { needed, at_hand } => write!(
                f,
                "sealing waits for its deposit: {needed} of the token's smallest units are needed, {at_hand} are in the account"
            ),
        }
    }
}

impl Shortage {
    /// A number for the metrics: 1 disk, 2 memory, 3 deposit.
    #[must_use]
    pub const fn code(&self) -> u64 {
        match self {
            Self::Disk { .. } => 1,
            Self::Memory { .. } => 2,
            Self::Deposit { .. } => 3,
        }
    }
}

impl Room {
    /// Whether one more sector has room.
    ///
    /// # Errors
    /// What is missing.
    pub fn for_one_more(&self, set: &ParamSet) -> Result<(), Shortage> {
        let needed = bytes_to_seal(set)
            .saturating_add(self.promised_bytes)
            .saturating_add(self.reserve_bytes);
        if self.free_bytes < needed {
            return Err(Shortage::Disk {
                needed,
                free: self.free_bytes,
            });
        }
        let allowed = self
            .memory_bytes
            .saturating_sub(self.memory_each_bytes.saturating_mul(self.under_way));
        if allowed < self.memory_each_bytes {
            return Err(Shortage::Memory {
                needed: self.memory_each_bytes,
                allowed,
            });
        }
        Ok(())
    }
}

/// Bytes that the sealing of a sector writes: (L + 3) sector sizes.
#[must_use]
pub fn bytes_to_seal(set: &ParamSet) -> u64 {
    sector_bytes(set).saturating_mul(u64::from(set.layers).saturating_add(BESIDE_LABELS))
}

/// Bytes that a sector under way will still write.
#[must_use]
pub fn still_to_write(set: &ParamSet, seal: &SealState) -> u64 {
    match seal {
        SealState::Reserved { .. } => bytes_to_seal(set),
        SealState::Labelling { layers, .. } => {
            bytes_to_seal(set).saturating_sub(sector_bytes(set).saturating_mul(u64::from(*layers)))
        }
        SealState::Hashing { .. } => sector_bytes(set).saturating_mul(BESIDE_LABELS),
        SealState::Waiting
        | SealState::Sealed { .. }
        | SealState::Precommitted { .. }
        | SealState::Proving { .. }
        | SealState::Proven { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use cairn_prover::params::TEST;
    use cairn_wire::{Commitment, Period, SectorNumber};

    use super::*;
    use crate::deal::SealId;

    // The test set: sectors of 8 KiB, two layers: 5 sector sizes.
    const ROOM: Room = Room {
        free_bytes: 5 * 8_192 + 100,
        reserve_bytes: 100,
        promised_bytes: 0,
        memory_bytes: 1_000,
        memory_each_bytes: 500,
        under_way: 1,
    };

    #[test]
    fn a_sector_needs_its_layers_and_three_more_sizes_beside_reserve_and_promises() {
        ROOM.for_one_more(&TEST).unwrap();
        for short in [
            Room {
                free_bytes: ROOM.free_bytes - 1,
                ..ROOM
            },
            Room {
                reserve_bytes: 101,
                ..ROOM
            },
            Room {
                promised_bytes: 1,
                ..ROOM
            },
        ] {
            let missing = short.for_one_more(&TEST).unwrap_err();
            assert_eq!(missing.code(), 1, "{missing}");
        }
    }

    #[test]
    fn the_memory_of_those_under_way_is_taken_already() {
        let two = Room {
            under_way: 2,
            ..ROOM
        };
        let missing = two.for_one_more(&TEST).unwrap_err();
        let expected = Shortage::Memory {
            needed: 500,
            allowed: 0,
        };
        assert_eq!(missing, expected, "{missing}");
    }

    #[test]
    fn what_is_written_is_no_longer_promised() {
        let id = SealId {
            number: SectorNumber(1),
            ticket_period: Period(1),
            ticket: Commitment::default(),
        };
        let sizes = |seal| still_to_write(&TEST, &seal) / 8_192;
        assert_eq!(sizes(SealState::Waiting), 0, "not begun");
        assert_eq!(
            sizes(SealState::Reserved { number: id.number }),
            5,
            "everything"
        );
        assert_eq!(
            sizes(SealState::Labelling { id, layers: 1 }),
            4,
            "a layer less"
        );
        assert_eq!(sizes(SealState::Hashing { id }), 3, "trees and replica");
    }
}
