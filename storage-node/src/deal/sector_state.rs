//! The life of one sector of this node.

use core::fmt;

use cairn_wire::{Commitment, SectorNumber, TreeIndex};

use crate::deal::{SealEvent, SealState};
use crate::error::Illegal;

/// A sector's name inside this node; the chain gives it a [`SectorNumber`] when it is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SectorId(pub u64);

impl fmt::Display for SectorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "local {}", self.0)
    }
}

/// What must be known of a replica to open and to unseal it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealedAs {
    /// Root over the labels, which `comm_r` is made of.
    pub comm_c: Commitment,
    /// The ticket it was sealed with.
    pub ticket: Commitment,
}

/// Where a sector stands.
///
/// ```text
///  hot:                leaves and rows durable
///  +---------+ Write  +--------+  Append
///  | Planned |------->| Packed |----------+     on chain            off the chain
///  +---------+        +--------+          |  +------------+ Retire +---------+
///       |                                 +->| Registered |------->| Retired |
///       | Fill        +---------+  Append |  +------------+        +---------+
///       +------------>| Sealing |---------+
///  sealed:            +---------+  (only once its SealState is Proven, under the number reserved)
///                       | Seal | (every step of SealState)
///                       +------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectorState {
    /// The pieces and their offsets are fixed; leaves may be partly written and are written again after a crash.
    Planned,
    /// Leaves and rows of a hot sector are durable.
    Packed {
        /// Root of the data leaves.
        comm_d: Commitment,
        /// What the provider leaf commits to.
        comm_r: Commitment,
    },
    /// The data leaves of a sealed sector are durable, and it is being sealed.
    Sealing {
        /// Root of the data leaves.
        comm_d: Commitment,
        /// How far.
        seal: SealState,
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
        /// How it was sealed; `None` for a hot one.
        sealed: Option<SealedAs>,
    },
    /// The sector left its tree; its bytes may go once no frozen tree has it.
    Retired {
        /// What its provider leaf committed to: a tree frozen before still asks for its leaves.
        comm_r: Commitment,
        /// Its number on chain.
        number: SectorNumber,
        /// As in `Registered`.
        sealed: Option<SealedAs>,
    },
}

/// What happens to a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectorEvent {
    /// Leaves and rows of a hot sector became durable.
    Write {
        /// Root of the data leaves.
        comm_d: Commitment,
        /// What the provider leaf commits to.
        comm_r: Commitment,
    },
    /// The data leaves and rows of a sealed sector became durable.
    Fill {
        /// Root of the data leaves.
        comm_d: Commitment,
    },
    /// One step of sealing.
    Seal(SealEvent),
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
            (Self::Planned, SectorEvent::Fill { comm_d }) => Ok(Self::Sealing {
                comm_d,
                seal: SealState::Waiting,
            }),
            (Self::Sealing { comm_d, seal }, SectorEvent::Seal(event)) => Ok(Self::Sealing {
                comm_d,
                seal: seal.next(event)?,
            }),
            (Self::Packed { comm_d, comm_r }, SectorEvent::Append { number, tree }) => {
                Ok(Self::Registered {
                    comm_d,
                    comm_r,
                    number,
                    tree,
                    sealed: None,
                })
            }
            (
                Self::Sealing {
                    comm_d,
                    seal: SealState::Proven { id, roots },
                },
                SectorEvent::Append { number, tree },
            ) if number == id.number => Ok(Self::Registered {
                comm_d,
                comm_r: roots.comm_r,
                number,
                tree,
                sealed: Some(SealedAs {
                    comm_c: roots.comm_c,
                    ticket: id.ticket,
                }),
            }),
            (
                Self::Registered {
                    comm_r,
                    number,
                    sealed,
                    ..
                },
                SectorEvent::Retire,
            ) => Ok(Self::Retired {
                comm_r,
                number,
                sealed,
            }),
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
            Self::Sealing { seal, .. } => seal.name(),
            Self::Registered { .. } => "registered",
            Self::Retired { .. } => "retired",
        }
    }

    /// How far sealing is, while it lasts.
    #[must_use]
    pub const fn seal(&self) -> Option<SealState> {
        match self {
            Self::Sealing { seal, .. } => Some(*seal),
            _ => None,
        }
    }

    /// Root of the data leaves, once they are durable and until the sector is retired.
    #[must_use]
    pub const fn comm_d(&self) -> Option<Commitment> {
        match self {
            Self::Packed { comm_d, .. }
            | Self::Sealing { comm_d, .. }
            | Self::Registered { comm_d, .. } => Some(*comm_d),
            Self::Planned | Self::Retired { .. } => None,
        }
    }

    /// What the provider leaf commits to, once it is known.
    #[must_use]
    pub const fn comm_r(&self) -> Option<Commitment> {
        match self {
            Self::Packed { comm_r, .. }
            | Self::Registered { comm_r, .. }
            | Self::Retired { comm_r, .. } => Some(*comm_r),
            Self::Sealing { seal, .. } => match seal.roots() {
                Some(roots) => Some(roots.comm_r),
                None => None,
            },
            Self::Planned => None,
        }
    }

    /// Number and way of sealing, once the replica is durable; `None` for a hot sector.
    #[must_use]
    pub const fn sealed(&self) -> Option<(SectorNumber, SealedAs)> {
        match self {
            Self::Registered { number, sealed, .. } | Self::Retired { number, sealed, .. } => {
                match sealed {
                    Some(sealed) => Some((*number, *sealed)),
                    None => None,
                }
            }
            Self::Sealing { seal, .. } => match (seal.id(), seal.roots()) {
                (Some(id), Some(roots)) => Some((
                    id.number,
                    SealedAs {
                        comm_c: roots.comm_c,
                        ticket: id.ticket,
                    },
                )),
                _ => None,
            },
            Self::Planned | Self::Packed { .. } => None,
        }
    }
}

impl SectorEvent {
    const fn name(&self) -> &'static str {
        match self {
            Self::Write { .. } => "its leaves",
            Self::Fill { .. } => "its data leaves",
            Self::Seal(event) => event.name(),
            Self::Append { .. } => "an append",
            Self::Retire => "retirement",
        }
    }
}

#[cfg(test)]
mod tests {
    use cairn_wire::Period;

    use super::*;
    use crate::deal::{SealId, SealRoots};

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of states")]
    fn every_pair_of_state_and_event_does_what_the_picture_says() {
        let comm_d = Commitment::from_bytes([1; 32]).unwrap();
        let comm_r = Commitment::from_bytes([2; 32]).unwrap();
        let comm_c = Commitment::from_bytes([3; 32]).unwrap();
        let number = SectorNumber(9);
        let tree = TreeIndex(0);
        let id = SealId {
            number,
            ticket_period: Period(1),
            ticket: comm_d,
        };
        let roots = SealRoots {
            comm_c,
            r_root: comm_d,
            comm_r,
        };
        let registered = |sealed| SectorState::Registered {
            comm_d,
            comm_r,
            number,
            tree,
            sealed,
        };
        let retired = |sealed| SectorState::Retired {
            comm_r,
            number,
            sealed,
        };
        let sealed = Some(SealedAs {
            comm_c,
            ticket: comm_d,
        });
        let sealing = |seal| SectorState::Sealing { comm_d, seal };
        let states = [
            SectorState::Planned,
            SectorState::Packed { comm_d, comm_r },
            sealing(SealState::Waiting),
            sealing(SealState::Proven { id, roots }),
            registered(None),
            registered(sealed),
            retired(None),
            retired(sealed),
        ];
        let events = [
            SectorEvent::Write { comm_d, comm_r },
            SectorEvent::Fill { comm_d },
            SectorEvent::Seal(SealEvent::Reserve(number)),
            SectorEvent::Append { number, tree },
            SectorEvent::Retire,
        ];
        let reserved = sealing(SealState::Reserved { number });
        let table = [
            [Some(states[1]), Some(states[2]), None, None, None],
            [None, None, None, Some(states[4]), None],
            [None, None, Some(reserved), None, None],
            [None, None, None, Some(states[5]), None],
            [None, None, None, None, Some(states[6])],
            [None, None, None, None, Some(states[7])],
            [None; 5],
            [None; 5],
        ];
        for (state, row) in states.into_iter().zip(table) {
            for (event, expected) in events.into_iter().zip(row) {
                assert_eq!(state.next(event).ok(), expected, "{state:?} + {event:?}");
            }
        }
        let other = SectorEvent::Append {
            number: SectorNumber(8),
            tree,
        };
        assert!(
            states[3].next(other).is_err(),
            "a sealed sector goes by the number it was sealed under"
        );
    }
}
