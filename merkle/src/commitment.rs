//! A field element that travels as bytes: roots, `comm_d`, `comm_r`, `comm_p`.

use crate::bytes32::hex_text;
use crate::error::{NonCanonical, ParseHexError};
use crate::field;
use ark_bls12_381::Fr;

/// A canonical field element in its 32 little-endian bytes. Text form: those bytes in hexadecimal, first byte first.
/// On chain the same integer stands big-endian ([`Commitment::to_be_bytes`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Commitment([u8; 32]);

impl Commitment {
    /// The commitment in 32 little-endian bytes.
    ///
    /// # Errors
    /// [`NonCanonical`] if the integer is not below the modulus.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, NonCanonical> {
        field::from_bytes(&bytes).map(|_| Self(bytes))
    }

    /// The commitment in 32 big-endian bytes, as on chain.
    ///
    /// # Errors
    /// [`NonCanonical`] if the integer is not below the modulus.
    pub fn from_be_bytes(mut bytes: [u8; 32]) -> Result<Self, NonCanonical> {
        bytes.reverse();
        Self::from_bytes(bytes)
    }

    /// Little-endian bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Little-endian bytes.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    /// Big-endian bytes, as on chain.
    #[must_use]
    pub fn to_be_bytes(self) -> [u8; 32] {
        let mut bytes = self.0;
        bytes.reverse();
        bytes
    }

    /// The element.
    #[must_use]
    pub fn to_fr(self) -> Fr {
        // Every constructor checks, so nothing is ever reduced here.
        field::reduce_bytes(&self.0)
    }

    fn checked(bytes: [u8; 32]) -> Result<Self, ParseHexError> {
        Ok(Self::from_bytes(bytes)?)
    }
}

impl From<Fr> for Commitment {
    fn from(element: Fr) -> Self {
        Self(field::to_bytes(&element))
    }
}

impl From<&Fr> for Commitment {
    fn from(element: &Fr) -> Self {
        Self(field::to_bytes(element))
    }
}

impl From<Commitment> for Fr {
    fn from(commitment: Commitment) -> Self {
        commitment.to_fr()
    }
}

hex_text!(Commitment);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_bytes_and_element_agree() {
        let commitment = Commitment::from(Fr::from(0x0102u64));
        let text = commitment.to_string();
        assert!(text.starts_with("020100"), "first byte first: {text}");
        assert_eq!(text.parse(), Ok(commitment));
        assert_eq!(commitment.to_fr(), Fr::from(0x0102u64));
        assert_eq!(
            Commitment::from_be_bytes(commitment.to_be_bytes()),
            Ok(commitment)
        );
        assert_eq!(commitment.to_be_bytes()[31], 2);
    }

    #[test]
    fn json_is_the_hexadecimal_text() {
        let commitment = Commitment::from(Fr::from(7u64));
        let json = serde_json::to_string(&commitment).expect("serializes");
        assert_eq!(json, format!("\"{commitment}\""));
        assert_eq!(
            serde_json::from_str::<Commitment>(&json).expect("parses"),
            commitment
        );
        let modulus = format!("\"{}\"", "ff".repeat(32));
        assert!(
            serde_json::from_str::<Commitment>(&modulus).is_err(),
            "a non-canonical element must be refused"
        );
    }

    #[test]
    fn text_of_another_length_is_refused() {
        assert_eq!("00".parse::<Commitment>(), Err(ParseHexError::NotHex));
        assert_eq!(
            "zz".repeat(32).parse::<Commitment>(),
            Err(ParseHexError::NotHex)
        );
        assert_eq!(
            "ff".repeat(32).parse::<Commitment>(),
            Err(ParseHexError::NonCanonical(NonCanonical))
        );
    }
}
