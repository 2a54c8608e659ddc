//! The life of one sector of this node.

use core::fmt;

use cairn_wire::{Commitment, SectorNumber, TreeIndex};

use crate::error::Illegal;

/// A sector's name inside this node; the chain gives it a [`SectorNumber`] when it is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectorId(pub u64);

impl fmt::Display for SectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "local {}", self.0)
    }
}

/// Where a sector stands.
///
/// ```text
///  places fixed    leaves and rows durable     on chain              off the chain
///  +---------+ Write +--------+  Append  +------------+  Retire  +---------+
///  | Planned |------>| Packed |--------->| Registered |--------->| Retired |
///  +---------+       +--------+          +------------+          +---------+
/// ```
///
/// Sealing, when it comes, stands between Packed and Registered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectorState {
    /// The pieces and their offsets are fixed; leaves may be partly written and are written again after a crash.
    Planned,
    /// Leaves and rows are durable.
    Packed {
        /// Root of the data leaves.
        comm_d: Commitment,
        /// What the provider leaf commits to.
        comm_r: Commitment,
    },
    /// The sector is a leaf of a provider tree.
    Registered {
        /// Root of the data leaves.
        comm_d: Commitment,
        /// What the provider leaf commits to.
        comm_r: Commitment,
        /// Its number on chain.
        number: SectorNumber,
        /// Its tree.
        tree: TreeIndex,
    },
    /// The sector left its tree; its bytes may go once no frozen tree has it.
    Retired {
        /// What its provider leaf committed to: a tree frozen before still asks for its leaves.
        comm_r: Commitment,
        /// Its number on chain.
        number: SectorNumber,
    },
}

/// What happens to a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectorEvent {
    /// Leaves and rows became durable.
    Write {
        /// Root of the data leaves.
        comm_d: Commitment,
        /// What the provider leaf commits to.
        comm_r: Commitment,
    },
    /// The chain shows it appended.
    Append {
        /// Its number on chain.
        number: SectorNumber,
        /// Its tree.
        tree: TreeIndex,
    },
    /// The chain shows it retired.
    Retire,
}

impl SectorState {
    /// The only way a sector moves.
    ///
    /// # Errors
    /// [`Illegal`] for a pair that the picture does not have.
    pub fn next(self, event: SectorEvent) -> Result<Self, Illegal> {
        match (self, event) {
            (Self::Planned, SectorEvent::Write { comm_d, comm_r }) => {
                Ok(Self::Packed { comm_d, comm_r })
            }
            (Self::Packed { comm_d, comm_r }, SectorEvent::Append { number, tree }) => {
                Ok(Self::Registered {
                    comm_d,
                    comm_r,
                    number,
                    tree,
                })
            }
            (Self::Registered { comm_r, number, .. }, SectorEvent::Retire) => {
                Ok(Self::Retired { comm_r, number })
            }
            (state, event) => Err(Illegal {
                what: "sector",
                state: state.name(),
                event: event.name(),
            }),
        }
    }

    /// The state in one word, as logs and metrics say it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Packed { .. } => "packed",
            Self::Registered { .. } => "registered",
            Self::Retired { .. } => "retired",
        }
    }
}

impl SectorEvent {
    const fn name(&self) -> &'static str {
        match self {
            Self::Write { .. } => "its leaves",
            Self::Append { .. } => "an append",
            Self::Retire => "retirement",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_state_and_event_does_what_the_picture_says() {
        let comm_d = Commitment::from_bytes([1; 32]).unwrap();
        let comm_r = Commitment::from_bytes([2; 32]).unwrap();
        let number = SectorNumber(9);
        let tree = TreeIndex(0);
        let states = [
            SectorState::Planned,
            SectorState::Packed { comm_d, comm_r },
            SectorState::Registered {
                comm_d,
                comm_r,
                number,
                tree,
            },
            SectorState::Retired { comm_r, number },
        ];
        let events = [
            SectorEvent::Write { comm_d, comm_r },
            SectorEvent::Append { number, tree },
            SectorEvent::Retire,
        ];
        let table = [
            [Some(states[1]), None, None],
            [None, Some(states[2]), None],
            [None, None, Some(states[3])],
            [None, None, None],
        ];
        for (state, row) in states.into_iter().zip(table) {
            for (event, expected) in events.into_iter().zip(row) {
                assert_eq!(state.next(event).ok(), expected, "{state:?} + {event:?}");
            }
        }
    }
}
