//! The life of one slot this node was named for.

use cairn_wire::Signature;

use crate::deal::SectorId;
use crate::error::Illegal;

/// Stands where the owner's signature would, in a slot that this node repairs: the owner accepted the piece when it was
/// stored first, and the chain asks for no signature again. No key signs these bytes.
pub const BY_REPAIR: Signature = Signature([0; 65]);

/// Where a slot stands.
///
/// ```text
///  piece durable      owner signed       in a sector          slot filled on chain
///  +--------+ Accept +----------+ Pack  +--------+ Activate  +--------+
///  | Stored |------->| Accepted |------>| Packed |---------->| Active |
///  +--------+        +----------+       +--------+           +--------+
///      |                  |                 |                    |
///      +------- End (lapsed, closed, filled by another) ---------+----> Ended
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// The piece is durable and its Receipt signed.
    Stored,
    /// The owner's Acceptance is durable; the piece waits for a sector.
    Accepted {
        /// The owner's signature over the terms.
        acceptance: Signature,
    },
    /// The piece lies in a sector; the slot waits for the sector's append and its own activation.
    Packed {
        /// The owner's signature over the terms.
        acceptance: Signature,
        /// Where.
        sector: SectorId,
    },
    /// The chain says this provider fills the slot.
    Active {
        /// Where the piece lies.
        sector: SectorId,
    },
    /// Nothing more is owed.
    Ended,
}

/// What happens to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotEvent {
    /// The owner's Acceptance was verified.
    Accept(Signature),
    /// The piece was given a place in a sector.
    Pack(SectorId),
    /// The chain shows the slot filled by this provider.
    Activate,
    /// The Receipt lapsed, the deal ended, or the chain shows the slot closed or filled by another.
    End,
}

impl SlotState {
    /// The only way a slot moves.
    ///
    /// # Errors
    /// [`Illegal`] for a pair that the picture does not have.
    pub fn next(self, event: SlotEvent) -> Result<Self, Illegal> {
        match (self, event) {
            (Self::Stored, SlotEvent::Accept(acceptance)) => Ok(Self::Accepted { acceptance }),
            (Self::Accepted { acceptance }, SlotEvent::Pack(sector)) => {
                Ok(Self::Packed { acceptance, sector })
            }
            (Self::Packed { sector, .. }, SlotEvent::Activate) => Ok(Self::Active { sector }),
            (
                Self::Stored | Self::Accepted { .. } | Self::Packed { .. } | Self::Active { .. },
                SlotEvent::End,
            ) => Ok(Self::Ended),
            (state, event) => Err(Illegal {
                what: "slot",
                state: state.name(),
                event: event.name(),
            }),
        }
    }

    /// The state in one word, as logs and metrics say it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Stored => "stored",
            Self::Accepted { .. } => "accepted",
            Self::Packed { .. } => "packed",
            Self::Active { .. } => "active",
            Self::Ended => "ended",
        }
    }
}

impl SlotEvent {
    const fn name(&self) -> &'static str {
        match self {
            Self::Accept(_) => "an acceptance",
            Self::Pack(_) => "packing",
            Self::Activate => "activation",
            Self::End => "its end",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_state_and_event_does_what_the_picture_says() {
        let acceptance = Signature([7; 65]);
        let sector = SectorId(3);
        let states = [
            SlotState::Stored,
            SlotState::Accepted { acceptance },
            SlotState::Packed { acceptance, sector },
            SlotState::Active { sector },
            SlotState::Ended,
        ];
        let events = [
            SlotEvent::Accept(acceptance),
            SlotEvent::Pack(sector),
            SlotEvent::Activate,
            SlotEvent::End,
        ];
        let ended = Some(SlotState::Ended);
        let table = [
            [Some(states[1]), None, None, ended],
            [None, Some(states[2]), None, ended],
            [None, None, Some(states[3]), ended],
            [None, None, None, ended],
            [None, None, None, None],
        ];
        for (state, row) in states.into_iter().zip(table) {
            for (event, expected) in events.into_iter().zip(row) {
                assert_eq!(state.next(event).ok(), expected, "{state:?} + {event:?}");
            }
        }
    }

    #[test]
    fn a_refused_step_names_machine_state_and_event() {
        let refused = SlotState::Ended.next(SlotEvent::Activate).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "a slot that is ended cannot take activation",
            "the words"
        );
    }
}
