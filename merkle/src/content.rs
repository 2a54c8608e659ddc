//! The name of a byte string: its plain BLAKE3 hash.

use crate::bytes32::hex_text;
use crate::error::ParseHexError;

/// The plain BLAKE3 hash of a byte string; its text is what `b3sum` prints.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct ContentId([u8; 32]);

impl ContentId {
    /// The id of `bytes`, hashed on all cores when that pays.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        // Below this rayon costs more than it gives (the figure blake3 itself recommends).
        const PARALLEL_BYTES: usize = 128 * 1024;
        if bytes.len() < PARALLEL_BYTES {
            return Self(*blake3::hash(bytes).as_bytes());
        }
        Self(
            *blake3::Hasher::new()
                .update_rayon(bytes)
                .finalize()
                .as_bytes(),
        )
    }

    /// An id from its 32 bytes; every value is one.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The 32 bytes of the hash.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 32] {
        self.0
    }

    #[expect(
        clippy::unnecessary_wraps,
        reason = "shares the text code with Commitment, whose check can fail"
    )]
    const fn checked(bytes: [u8; 32]) -> Result<Self, ParseHexError> {
        Ok(Self(bytes))
    }
}

impl From<[u8; 32]> for ContentId {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl From<blake3::Hash> for ContentId {
    fn from(hash: blake3::Hash) -> Self {
        Self(*hash.as_bytes())
    }
}

hex_text!(ContentId);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_string_has_the_published_hash() {
        let published = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
        assert_eq!(ContentId::of(b"").to_string(), published);
        assert_eq!(published.parse(), Ok(ContentId::of(b"")));
    }

    #[test]
    fn long_input_hashed_on_all_cores_has_the_plain_hash() {
        let bytes: Vec<u8> = (0..300_000u32).flat_map(u32::to_le_bytes).collect();
        assert_eq!(
            ContentId::of(&bytes).as_bytes(),
            blake3::hash(&bytes).as_bytes()
        );
    }
}
