//! What seeds, tickets and ids are hashed from, and how the hash becomes a field element.

use alloy::primitives::{B256, U256, keccak256};
use cairn_wire::Address;

/// keccak256 over 32-byte big-endian words, without its lowest 8 bits: below the field's order without a reduction.
/// Given as 32 little-endian bytes.
pub(crate) fn hashed(words: &[B256]) -> [u8; 32] {
    without_low_bits(keccak256(words.concat()).0)
}

/// A big-endian word without its lowest 8 bits, little-endian.
pub(crate) fn without_low_bits(word: [u8; 32]) -> [u8; 32] {
    U256::from_be_bytes(word).wrapping_shr(8).to_le_bytes()
}

pub(crate) fn number(value: u64) -> B256 {
    B256::from(U256::from(value).to_be_bytes::<32>())
}

pub(crate) fn address(value: Address) -> B256 {
    alloy::primitives::Address::from(value.0).into_word()
}
