//! The life of one proving window: one tree, one period.

use crate::error::Illegal;

/// Where a window stands.
///
/// ```text
///  round is out      proof made, checked        chain counts it
///  +------+  Prove  +--------+     Count       +---------+
///  | Open |-------->| Proved |---------------->| Counted |
///  +------+         +--------+                 +---------+
///     |  \              |  \
///     |   \  Miss       |   \  Miss
///     |    +------------+----+---> Missed  (the deadline went by: logged, counted, health degraded)
///     |  Excuse         |  Excuse
///     +-----------------+--------> Excused (no beacon, or nothing was frozen in the tree)
///
///  Counted -- TakeBack (a reorganisation took the proof before the deadline) --> Open
/// ```
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, and a copy is cheaper than a box"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowState {
    /// No proof yet.
    Open,
    /// A proof was made and checked here; it is sent until the chain counts it.
    Proved {
        /// The proof as the chain takes it.
        proof: [u8; 512],
    },
    /// The chain counts the period.
    Counted,
    /// The deadline went by without a counted proof.
    Missed,
    /// The period is void or the frozen tree was empty: nothing was owed.
    Excused,
}

/// What happens to a window.
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time, and a copy is cheaper than a box"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WindowEvent {
    /// A proof was made and verified locally.
    Prove([u8; 512]),
    /// The chain shows the period proven.
    Count,
    /// The deadline went by.
    Miss,
    /// Nothing was owed.
    Excuse,
    /// The chain took the block of the proof back while the window was open.
    TakeBack,
}

impl WindowState {
    /// The only way a window moves.
    ///
    /// # Errors
    /// [`Illegal`] for a pair that the picture does not have.
    pub fn next(self, event: WindowEvent) -> Result<Self, Illegal> {
        match (self, event) {
            (Self::Open, WindowEvent::Prove(proof)) => Ok(Self::Proved { proof }),
            (Self::Open | Self::Proved { .. }, WindowEvent::Count) => Ok(Self::Counted),
            (Self::Open | Self::Proved { .. }, WindowEvent::Miss) => Ok(Self::Missed),
            (Self::Open | Self::Proved { .. }, WindowEvent::Excuse) => Ok(Self::Excused),
            (Self::Counted, WindowEvent::TakeBack) => Ok(Self::Open),
            (state, event) => Err(Illegal {
                what: "window",
                state: state.name(),
                event: event.name(),
            }),
        }
    }

    /// Whether nothing more is to be done for it.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self, Self::Counted | Self::Missed | Self::Excused)
    }

    /// The state in one word, as logs and metrics say it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Proved { .. } => "proved",
            Self::Counted => "counted",
            Self::Missed => "missed",
            Self::Excused => "excused",
        }
    }
}

impl WindowEvent {
    const fn name(&self) -> &'static str {
        match self {
            Self::Prove(_) => "a proof",
            Self::Count => "a count",
            Self::Miss => "a miss",
            Self::Excuse => "an excuse",
            Self::TakeBack => "being taken back",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_state_and_event_does_what_the_picture_says() {
        let proof = [5; 512];
        let states = [
            WindowState::Open,
            WindowState::Proved { proof },
            WindowState::Counted,
            WindowState::Missed,
            WindowState::Excused,
        ];
        let events = [
            WindowEvent::Prove(proof),
            WindowEvent::Count,
            WindowEvent::Miss,
            WindowEvent::Excuse,
            WindowEvent::TakeBack,
        ];
        let settled = [Some(states[2]), Some(states[3]), Some(states[4])];
        for (place, state) in states.into_iter().enumerate() {
            for (column, event) in events.into_iter().enumerate() {
                let expected = match (place, column) {
                    (0, 0) => Some(states[1]),
                    (0 | 1, 1..=3) => settled[column - 1],
                    (2, 4) => Some(states[0]),
                    _ => None,
                };
                assert_eq!(state.next(event).ok(), expected, "{state:?} + {event:?}");
            }
            assert_eq!(state.is_final(), place >= 2, "{state:?} final");
        }
    }
}
