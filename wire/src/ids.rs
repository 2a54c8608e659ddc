//! The names things go by on the wire, on disk and on the chain: small values that cannot be mixed up.
//!
//! Byte order: on the wire and on disk little-endian fixed width; on the chain big-endian words.

use core::fmt;
use core::str::FromStr;

pub use cairn_merkle::{Commitment, ContentId, SectorKind};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::AddressError;

/// A 20-byte account or contract on the EVM chain.
///
/// Shown and read as `0x` and 40 hex digits; upper and lower case are read alike (the mixed-case checksum of EIP-55
/// is neither demanded nor produced).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Address(pub [u8; 20]);

impl Address {
    /// The address nobody holds.
    pub const ZERO: Self = Self([0; 20]);

    /// The 20 bytes, most significant first, as Solidity's `address` has them.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }

    /// Whether this is [`Address::ZERO`], which contracts use to mean "none".
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }
}

impl From<[u8; 20]> for Address {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        let mut bytes = [0; 20];
        hex::decode_to_slice(digits, &mut bytes).map_err(|_| AddressError {
            got_chars: text.chars().count(),
        })?;
        Ok(Self(bytes))
    }
}

impl Serialize for Address {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty)) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl $name {
            /// The bare number.
            #[must_use]
            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl From<$inner> for $name {
            fn from(number: $inner) -> Self {
                Self(number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

number! {
    /// One agreement over one segment, numbered by the Deals contract.
    DealId(u64)
}
number! {
    /// The place of one piece in a deal, from 0 to n-1.
    SlotIndex(u8)
}
number! {
    /// A provider's sector, numbered by the Sectors contract from 1 up and never reused; 0 means "any".
    SectorNumber(u64)
}
number! {
    /// One of a provider's trees, from 0.
    TreeIndex(u32)
}
number! {
    /// A proving period.
    Period(u64)
}
number! {
    /// A round of the randomness beacon.
    Round(u64)
}

impl Period {
    /// The period after this one; the last one is its own successor.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_it_is_shown() {
        let address = Address([0xab; 20]);
        assert_eq!(
            address.to_string(),
            format!("0x{}", "ab".repeat(20)),
            "shown form"
        );
        assert_eq!(
            address.to_string().parse::<Address>().unwrap(),
            address,
            "read back"
        );
        assert_eq!(
            "AB".repeat(20).parse::<Address>().unwrap(),
            address,
            "upper case, no prefix"
        );
        let json = serde_json::to_string(&address).unwrap();
        assert_eq!(
            serde_json::from_str::<Address>(&json).unwrap(),
            address,
            "as JSON"
        );
    }

    #[test]
    fn an_address_of_the_wrong_length_or_with_a_wrong_digit_is_refused() {
        for text in [
            "",
            "0x",
            "0xab",
            &"ab".repeat(21),
            &"zz".repeat(20),
            &"ä".repeat(20),
        ] {
            assert!(text.parse::<Address>().is_err(), "{text:?} must not parse");
        }
    }

    #[test]
    fn a_number_is_json_without_a_wrapper() {
        assert_eq!(
            serde_json::to_string(&DealId(7)).unwrap(),
            "7",
            "transparent"
        );
        assert_eq!(
            serde_json::from_str::<SlotIndex>("255").unwrap(),
            SlotIndex(255),
            "transparent"
        );
        assert!(
            serde_json::from_str::<SlotIndex>("256").is_err(),
            "bounded by its width"
        );
    }
}
