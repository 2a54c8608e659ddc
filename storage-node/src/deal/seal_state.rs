//! The life of a sealed sector between its data and the chain.

use cairn_wire::{Commitment, Period, SectorNumber};

use crate::error::Illegal;

/// A number of the chain's and a beacon value: what makes a replica this sector's and nobody else's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealId {
    /// The number reserved for it; used once, ever.
    pub number: SectorNumber,
    /// The period whose randomness is the ticket.
    pub ticket_period: Period,
    /// The ticket, a canonical field element, little-endian.
    pub ticket: Commitment,
}

/// What sealing made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealRoots {
    /// Root over the labels of all layers.
    pub comm_c: Commitment,
    /// Root over the replica.
    pub r_root: Commitment,
    /// What the provider leaf commits to, from the two.
    pub comm_r: Commitment,
}

/// Where sealing stands. Whatever is before `Precommitted` cost time only; a deposit lies on what comes after.
///
/// ```text
///  +---------+ Reserve +----------+ Ticket +-----------+ Labels +---------+ Roots +--------+ Precommit
///  | Waiting |-------->| Reserved |------->| Labelling |------->| Hashing |------>| Sealed |------------+
///  +---------+         +----------+        +-----------+        +---------+       +--------+            |
///       ^  ^             |   ^               | Layer |                |               |                 |
///       |  |             |   |               +-------+                |               |                 |
///       |  |             |   +--- Stale (the ticket is too old) ------+---------------+                 v
///       |  +-- Lose -----+-----------------------------------------------------------------+ +--------------+
///       |                                                                                  | | Precommitted |
///       |      +--------+  Count   +---------+                                   Seed      | +--------------+
///       +------| Proven |<---------| Proving |<-----------------------------------------------------+
///         Lose +--------+          +---------+ Partition
///                   |              |_________|
///                Append (the sector's machine)
/// ```
///
/// `Lose` is the same from every state but `Waiting`: the number is dead on chain (its precommit expired, or it was used
/// for something else), and the sector is sealed anew under a fresh one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealState {
    /// The data leaves are durable; waits for its turn, room, memory and a deposit.
    Waiting,
    /// A number of the chain's is this sector's.
    Reserved {
        /// The number.
        number: SectorNumber,
    },
    /// Labels are made, one layer after the other.
    Labelling {
        /// Number and ticket.
        id: SealId,
        /// Layers that are durable.
        layers: u8,
    },
    /// The labels of all layers are durable; trees and replica are made.
    Hashing {
        /// Number and ticket.
        id: SealId,
    },
    /// Trees and replica are durable.
    Sealed {
        /// Number and ticket.
        id: SealId,
        /// Their roots.
        roots: SealRoots,
    },
    /// The chain holds a deposit and will name the challenged nodes.
    Precommitted {
        /// Number and ticket.
        id: SealId,
        /// The roots.
        roots: SealRoots,
        /// The period whose randomness is the seed.
        seed_period: Period,
    },
    /// The challenges are known.
    Proving {
        /// Number and ticket.
        id: SealId,
        /// The roots.
        roots: SealRoots,
        /// When the proof is due.
        due_unix: u64,
        /// The seed, a canonical field element, little-endian.
        seed: Commitment,
        /// Partitions whose proof is durable: the first so many.
        partitions: u32,
    },
    /// The chain counts the proof; the labels may go.
    Proven {
        /// Number and ticket.
        id: SealId,
        /// The roots.
        roots: SealRoots,
    },
}

/// What happens while a sector is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealEvent {
    /// The chain gave a number.
    Reserve(SectorNumber),
    /// A beacon value was taken as the ticket.
    Ticket {
        /// Its period.
        period: Period,
        /// The value.
        ticket: Commitment,
    },
    /// One more layer of labels became durable.
    Layer {
        /// Whose labels: work that was begun for another id moves nothing.
        of: SealId,
        /// Its number.
        layer: u8,
    },
    /// The labels of all layers are durable.
    Labels {
        /// Whose labels.
        of: SealId,
    },
    /// Trees and replica became durable.
    Roots {
        /// Whose replica.
        of: SealId,
        /// Their roots.
        roots: SealRoots,
    },
    /// The ticket became too old before the precommit.
    Stale,
    /// The chain shows the precommit.
    Precommit {
        /// The period whose randomness is the seed.
        seed_period: Period,
    },
    /// The seed is known, and with it the clock of the proof runs.
    Seed {
        /// The seed.
        seed: Commitment,
        /// When the proof is due.
        due_unix: u64,
    },
    /// The proof of one more partition became durable.
    Partition {
        /// Of which replica.
        of: SealId,
        /// Its number.
        partition: u32,
    },
    /// The chain counts the proof.
    Count,
    /// The number is of no use any more.
    Lose,
}

impl SealState {
    /// The only way sealing moves.
    ///
    /// # Errors
    /// [`Illegal`] for a pair that the picture does not have.
    pub fn next(self, event: SealEvent) -> Result<Self, Illegal> {
        let next = match (self, event) {
            (Self::Waiting, SealEvent::Reserve(number)) => Self::Reserved { number },
            (Self::Reserved { number }, SealEvent::Ticket { period, ticket }) => Self::Labelling {
                id: SealId {
                    number,
                    ticket_period: period,
                    ticket,
                },
                layers: 0,
            },
            (Self::Labelling { id, layers }, SealEvent::Layer { of, layer })
                if of == id && layers.checked_add(1) == Some(layer) =>
            {
                Self::Labelling { id, layers: layer }
            }
            (Self::Labelling { id, .. }, SealEvent::Labels { of }) if of == id => {
                Self::Hashing { id }
            }
            (Self::Hashing { id }, SealEvent::Roots { of, roots }) if of == id => {
                Self::Sealed { id, roots }
            }
            (
                Self::Labelling { id, .. } | Self::Hashing { id } | Self::Sealed { id, .. },
                SealEvent::Stale,
            ) => Self::Reserved { number: id.number },
            (Self::Sealed { id, roots }, SealEvent::Precommit { seed_period }) => {
                Self::Precommitted {
                    id,
                    roots,
                    seed_period,
                }
            }
            (Self::Precommitted { id, roots, .. }, SealEvent::Seed { seed, due_unix }) => {
                Self::Proving {
                    id,
                    roots,
                    due_unix,
                    seed,
                    partitions: 0,
                }
            }
            (
                Self::Proving {
                    id,
                    roots,
                    due_unix,
                    seed,
                    partitions,
                },
                SealEvent::Partition { of, partition },
            ) if of == id && partition == partitions => Self::Proving {
                id,
                roots,
                due_unix,
                seed,
                partitions: partitions.saturating_add(1),
            },
            (Self::Proving { id, roots, .. }, SealEvent::Count) => Self::Proven { id, roots },
            (state, SealEvent::Lose) if state != Self::Waiting => Self::Waiting,
            (state, event) => {
                return Err(Illegal {
                    what: "seal",
                    state: state.name(),
                    event: event.name(),
                });
            }
        };
        Ok(next)
    }

    /// The number reserved on chain, if there is one.
    #[must_use]
    pub const fn number(&self) -> Option<SectorNumber> {
        match self {
            Self::Waiting => None,
            Self::Reserved { number } => Some(*number),
            Self::Labelling { id, .. }
            | Self::Hashing { id }
            | Self::Sealed { id, .. }
            | Self::Precommitted { id, .. }
            | Self::Proving { id, .. }
            | Self::Proven { id, .. } => Some(id.number),
        }
    }

    /// The roots, once they are known.
    #[must_use]
    pub const fn roots(&self) -> Option<SealRoots> {
        match self {
            Self::Waiting
            | Self::Reserved { .. }
            | Self::Labelling { .. }
            | Self::Hashing { .. } => None,
            Self::Sealed { roots, .. }
            | Self::Precommitted { roots, .. }
            | Self::Proving { roots, .. }
            | Self::Proven { roots, .. } => Some(*roots),
        }
    }

    /// Number and ticket, once both are known.
    #[must_use]
    pub const fn id(&self) -> Option<SealId> {
        match self {
            Self::Waiting | Self::Reserved { .. } => None,
            Self::Labelling { id, .. }
            | Self::Hashing { id }
            | Self::Sealed { id, .. }
            | Self::Precommitted { id, .. }
            | Self::Proving { id, .. }
            | Self::Proven { id, .. } => Some(*id),
        }
    }

    /// Whether labels are on disk, or about to be.
    #[must_use]
    pub const fn has_labels(&self) -> bool {
        !matches!(
            self,
            Self::Waiting | Self::Reserved { .. } | Self::Proven { .. }
        )
    }

    /// Whether a clock runs that is not this node's: a ticket that gets too old, a round that comes, a proof that is due.
    #[must_use]
    pub const fn presses(&self) -> bool {
        matches!(
            self,
            Self::Sealed { .. } | Self::Precommitted { .. } | Self::Proving { .. }
        )
    }

    /// When a deposit is lost unless the proof counts before; `None` while no clock runs.
    #[must_use]
    pub const fn due_unix(&self) -> Option<u64> {
        match self {
            Self::Proving { due_unix, .. } => Some(*due_unix),
            _ => None,
        }
    }

    /// The state in one word, as logs and metrics say it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Reserved { .. } => "reserved",
            Self::Labelling { .. } => "labelling",
            Self::Hashing { .. } => "hashing",
            Self::Sealed { .. } => "sealed",
            Self::Precommitted { .. } => "precommitted",
            Self::Proving { .. } => "proving",
            Self::Proven { .. } => "proven",
        }
    }
}

impl SealEvent {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Reserve(_) => "a number",
            Self::Ticket { .. } => "a ticket",
            Self::Layer { .. } => "this layer of this replica",
            Self::Labels { .. } => "the last layer of this replica",
            Self::Roots { .. } => "the roots of this replica",
            Self::Stale => "a stale ticket",
            Self::Precommit { .. } => "a precommit",
            Self::Seed { .. } => "a seed",
            Self::Partition { .. } => "this partition of this replica",
            Self::Count => "a counted proof",
            Self::Lose => "the loss of its number",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(byte: u8) -> Commitment {
        let mut bytes = [0; 32];
        bytes[0] = byte;
        Commitment::from_bytes(bytes).unwrap()
    }

    fn states() -> [SealState; 8] {
        let number = SectorNumber(9);
        let id = SealId {
            number,
            ticket_period: Period(3),
            ticket: element(1),
        };
        let roots = SealRoots {
            comm_c: element(2),
            r_root: element(3),
            comm_r: element(4),
        };
        let (due_unix, seed) = (77, element(5));
        [
            SealState::Waiting,
            SealState::Reserved { number },
            SealState::Labelling { id, layers: 0 },
            SealState::Hashing { id },
            SealState::Sealed { id, roots },
            SealState::Precommitted {
                id,
                roots,
                seed_period: Period(6),
            },
            SealState::Proving {
                id,
                roots,
                due_unix,
                seed,
                partitions: 0,
            },
            SealState::Proven { id, roots },
        ]
    }

    /// The states that only counting leads to.
    fn counted(state: SealState) -> SealState {
        match state {
            SealState::Labelling { id, .. } => SealState::Labelling { id, layers: 1 },
            SealState::Proving {
                id,
                roots,
                due_unix,
                seed,
                ..
            } => SealState::Proving {
                id,
                roots,
                due_unix,
                seed,
                partitions: 1,
            },
            other => other,
        }
    }

    #[test]
    fn every_pair_of_state_and_event_does_what_the_picture_says() {
        let s = states();
        let (of, roots) = (s[4].id().unwrap(), s[4].roots().unwrap());
        let events = [
            SealEvent::Reserve(SectorNumber(9)),
            SealEvent::Ticket {
                period: Period(3),
                ticket: element(1),
            },
            SealEvent::Layer { of, layer: 1 },
            SealEvent::Labels { of },
            SealEvent::Roots { of, roots },
            SealEvent::Stale,
            SealEvent::Precommit {
                seed_period: Period(6),
            },
            SealEvent::Seed {
                seed: element(5),
                due_unix: 77,
            },
            SealEvent::Partition { of, partition: 0 },
            SealEvent::Count,
            SealEvent::Lose,
        ];
        let (no, lost, back) = (None, Some(s[0]), Some(s[1]));
        let (layer, partition) = (Some(counted(s[2])), Some(counted(s[6])));
        #[rustfmt::skip]
        let table = [
            //  Reserve     Ticket      Layer  Labels      Roots       Stale Precommit   Seed        Partition  Count       Lose
            [Some(s[1]), no,         no,    no,         no,         no,   no,         no,         no,        no,         no],
            [no,         Some(s[2]), no,    no,         no,         no,   no,         no,         no,        no,         lost],
            [no,         no,         layer, Some(s[3]), no,         back, no,         no,         no,        no,         lost],
            [no,         no,         no,    no,         Some(s[4]), back, no,         no,         no,        no,         lost],
            [no,         no,         no,    no,         no,         back, Some(s[5]), no,         no,        no,         lost],
            [no,         no,         no,    no,         no,         no,   no,         Some(s[6]), no,        no,         lost],
            [no,         no,         no,    no,         no,         no,   no,         no,         partition, Some(s[7]), lost],
            [no,         no,         no,    no,         no,         no,   no,         no,         no,        no,         lost],
        ];
        for (state, row) in s.into_iter().zip(table) {
            for (event, expected) in events.into_iter().zip(row) {
                assert_eq!(state.next(event).ok(), expected, "{state:?} + {event:?}");
            }
        }
    }

    #[test]
    fn a_layer_or_partition_out_of_turn_is_refused() {
        let s = states();
        let of = s[2].id().unwrap();
        let layer = |layer| SealEvent::Layer { of, layer };
        let partition = |partition| SealEvent::Partition { of, partition };
        assert!(s[2].next(layer(2)).is_err(), "layer 1 is missing");
        assert!(counted(s[2]).next(layer(1)).is_err(), "layer 1 twice");
        assert!(s[6].next(partition(1)).is_err(), "partition 0 is missing");
        assert!(
            counted(s[6]).next(partition(0)).is_err(),
            "partition 0 twice"
        );
    }

    #[test]
    fn work_that_was_begun_for_another_replica_moves_nothing() {
        let s = states();
        let (id, roots) = (s[4].id().unwrap(), s[4].roots().unwrap());
        let others = [
            SealId {
                number: SectorNumber(10),
                ..id
            },
            SealId {
                ticket_period: Period(4),
                ..id
            },
            SealId {
                ticket: element(9),
                ..id
            },
        ];
        for of in others {
            for (state, event) in [
                (s[2], SealEvent::Layer { of, layer: 1 }),
                (s[2], SealEvent::Labels { of }),
                (s[3], SealEvent::Roots { of, roots }),
                (s[6], SealEvent::Partition { of, partition: 0 }),
            ] {
                assert!(state.next(event).is_err(), "{state:?} + {event:?}");
            }
        }
    }

    #[test]
    fn what_can_be_asked_of_a_state_is_known_from_its_picture() {
        let s = states();
        let known = |ask: &dyn Fn(&SealState) -> bool| s.each_ref().map(ask);
        let (no, yes) = (false, true);
        assert_eq!(
            known(&|state| state.number().is_some()),
            [no, yes, yes, yes, yes, yes, yes, yes],
            "number"
        );
        assert_eq!(
            known(&|state| state.id().is_some()),
            [no, no, yes, yes, yes, yes, yes, yes],
            "number and ticket"
        );
        assert_eq!(
            known(&|state| state.roots().is_some()),
            [no, no, no, no, yes, yes, yes, yes],
            "roots"
        );
        assert_eq!(
            known(&SealState::has_labels),
            [no, no, yes, yes, yes, yes, yes, no],
            "labels"
        );
        assert_eq!(
            known(&|state| state.due_unix().is_some()),
            [no, no, no, no, no, no, yes, no],
            "clock that runs"
        );
    }
}
