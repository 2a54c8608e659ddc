//! How a node says no: one of seven codes, and a short reason for people.

use core::fmt;

/// The longest reason put on the wire, in bytes of UTF-8.
pub const MAX_REASON_BYTES: usize = 256;

/// The longest wait a node announces, in seconds: a week.
pub const MAX_WAIT_S: u32 = 7 * 86_400;

/// Why, for programs: what the asker should do next differs by code and by nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ErrorCode {
    /// The request makes no sense: do not repeat it.
    BadRequest = 1,
    /// The node does not have the thing: ask another.
    NotFound = 2,
    /// The node will not (no such slot, not funded, not its slot, quota): do not repeat it before something changed.
    Refused = 3,
    /// Bigger than the node takes: ask for less.
    TooLarge = 4,
    /// The node has too much to do: come back later.
    Busy = 5,
    /// The node is in trouble: not the asker's fault.
    Internal = 6,
    /// The node has the thing and must make it readable first: come back when it says, or ask another meanwhile.
    Later = 7,
}

impl ErrorCode {
    /// All seven.
    pub const ALL: [Self; 7] = [
        Self::BadRequest,
        Self::NotFound,
        Self::Refused,
        Self::TooLarge,
        Self::Busy,
        Self::Internal,
        Self::Later,
    ];

    /// The byte on the wire; also the QUIC application code of a stream that is reset for this reason.
    #[must_use]
    pub const fn to_byte(self) -> u8 {
        match self {
            Self::BadRequest => 1,
            Self::NotFound => 2,
            Self::Refused => 3,
            Self::TooLarge => 4,
            Self::Busy => 5,
            Self::Internal => 6,
            Self::Later => 7,
        }
    }

    /// The code of a byte, if it is one.
    #[must_use]
    pub fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.to_byte() == byte)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BadRequest => "bad request",
            Self::NotFound => "not found",
            Self::Refused => "refused",
            Self::TooLarge => "too large",
            Self::Busy => "busy",
            Self::Internal => "internal error",
            Self::Later => "later",
        })
    }
}

/// Text fit for wire, log and terminal: control characters become spaces, and what exceeds [`MAX_REASON_BYTES`] is cut
/// off between characters.
pub(crate) fn plain(text: &str) -> String {
    let mut text: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let end = (0..=MAX_REASON_BYTES)
        .rev()
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(0);
    if text.len() > end {
        text.truncate(end);
    }
    text
}

/// A node's no. The reason comes from a stranger: show it, never act on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {reason}")]
pub struct WireError {
    code: ErrorCode,
    reason: String,
    /// Seconds; something exactly with [`ErrorCode::Later`].
    wait_s: Option<u32>,
}

macro_rules! constructor {
    ($(#[$doc:meta])* $name:ident, $code:ident) => {
        $(#[$doc])*
        pub fn $name(reason: impl fmt::Display) -> Self {
            Self::new(ErrorCode::$code, reason)
        }
    };
}

impl WireError {
    /// A no of `code`. The reason is made fit for the wire: control characters become spaces, and what exceeds
    /// [`MAX_REASON_BYTES`] is cut off between characters.
    ///
    /// A wait belongs to [`ErrorCode::Later`]: use [`Self::later`] for it; here it is the longest.
    pub fn new(code: ErrorCode, reason: impl fmt::Display) -> Self {
        Self {
            code,
            reason: plain(&reason.to_string()),
            wait_s: (code == ErrorCode::Later).then_some(MAX_WAIT_S),
        }
    }

    /// The node has it, and must make it readable first: in about `wait_s` seconds, at least 1 and at most
    /// [`MAX_WAIT_S`].
    pub fn later(wait_s: u32, reason: impl fmt::Display) -> Self {
        Self {
            wait_s: Some(wait_s.clamp(1, MAX_WAIT_S)),
            ..Self::new(ErrorCode::Later, reason)
        }
    }

    /// When to come back, in seconds, if the node said so. A stranger's guess: wait for it, never rely on it.
    #[must_use]
    pub const fn wait_s(&self) -> Option<u32> {
        self.wait_s
    }

    /// Why, for programs.
    #[must_use]
    pub const fn code(&self) -> ErrorCode {
        self.code
    }

    /// Why, for people.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    constructor! {
        /// The request makes no sense.
        bad_request, BadRequest
    }
    constructor! {
        /// The node does not have it.
        not_found, NotFound
    }
    constructor! {
        /// The node will not.
        refused, Refused
    }
    constructor! {
        /// Bigger than the node takes.
        too_large, TooLarge
    }
    constructor! {
        /// Too much to do.
        busy, Busy
    }
    constructor! {
        /// The node's own trouble. Say nothing here that a stranger must not know.
        internal, Internal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_byte() {
        for code in ErrorCode::ALL {
            assert_eq!(ErrorCode::from_byte(code.to_byte()), Some(code), "{code}");
        }
        assert_eq!(
            (0..=255).filter_map(ErrorCode::from_byte).count(),
            7,
            "seven bytes are codes"
        );
    }

    #[test]
    fn a_wait_is_bounded_and_belongs_to_one_code() {
        for (asked, got) in [(0, 1), (90, 90), (u32::MAX, MAX_WAIT_S)] {
            assert_eq!(WireError::later(asked, "").wait_s(), Some(got), "{asked} s");
        }
        for code in ErrorCode::ALL {
            let has_wait = WireError::new(code, "").wait_s().is_some();
            assert_eq!(has_wait, code == ErrorCode::Later, "{code}");
        }
    }

    #[test]
    fn a_reason_is_cut_between_characters_and_cleaned() {
        let long = WireError::busy("ä".repeat(200));
        assert_eq!(long.reason().len(), 256, "128 characters of two bytes");
        let odd = WireError::busy(format!("x{}", "ä".repeat(200)));
        assert_eq!(odd.reason().len(), 255, "not inside a character");
        assert_eq!(
            WireError::internal("a\nb\u{1b}[1m").reason(),
            "a b [1m",
            "no control characters"
        );
    }
}
