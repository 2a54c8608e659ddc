//! The seed of a window challenge: everything the samples depend on, hashed. The twin of `Words.seed`.
//!
//! ```text
//! seed = keccak256(purpose | challenge | chain id | sectors | circuit id | provider | tree | period | count | range
//!                  | randomness) >> 8
//! ```
//!
//! Each part is one 32-byte big-endian word; purpose = keccak256("cairn/v1/window"), challenge = 0 for windows. The
//! shift clears the top 8 bits, so the result is below the field's order without a reduction.

use alloy::primitives::{B256, U256, keccak256};
use cairn_wire::{Address, Period, TreeIndex};

use crate::element::{address, hashed, number};
use crate::words;

/// What a window's seed is made of besides the period's randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowStatement {
    /// The EVM chain.
    pub chain_id: u64,
    /// The Sectors contract.
    pub sectors: Address,
    /// Id of the spacetime circuit.
    pub circuit_id: [u8; 32],
    /// log2 of a sector's leaves.
    pub sector_log2_leaves: u8,
    /// Whose tree.
    pub provider: Address,
    /// Which tree.
    pub tree: TreeIndex,
    /// Which period.
    pub period: Period,
    /// Sectors in the frozen tree.
    pub count: u32,
}

impl WindowStatement {
    /// The seed as a canonical field element, little-endian.
    ///
    /// `randomness` is the beacon's: SHA-256 of the round's compressed signature.
    #[must_use]
    pub fn seed(&self, randomness: &[u8; 32]) -> [u8; 32] {
        let range = U256::from_le_bytes(words::window(self.count, self.sector_log2_leaves));
        let parts: [B256; 11] = [
            keccak256("cairn/v1/window"),
            B256::ZERO,
            number(self.chain_id),
            address(self.sectors),
            B256::from(self.circuit_id),
            address(self.provider),
            number(u64::from(self.tree.0)),
            number(self.period.0),
            number(u64::from(self.count)),
            B256::from(range.to_be_bytes::<32>()),
            B256::from(*randomness),
        ];
        hashed(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATEMENT: WindowStatement = WindowStatement {
        chain_id: 31337,
        sectors: Address([0x11; 20]),
        circuit_id: [0x22; 32],
        sector_log2_leaves: 16,
        provider: Address([0x33; 20]),
        tree: TreeIndex(1),
        period: Period(2),
        count: 3,
    };

    #[test]
    fn every_part_changes_the_seed() {
        let with = |change: fn(&mut WindowStatement)| {
            let mut statement = STATEMENT;
            change(&mut statement);
            statement.seed(&[0x44; 32])
        };
        let seeds = [
            STATEMENT.seed(&[0x44; 32]),
            STATEMENT.seed(&[0x45; 32]),
            with(|s| s.chain_id = 1),
            with(|s| s.sectors = Address([0x12; 20])),
            with(|s| s.circuit_id = [0x23; 32]),
            with(|s| s.sector_log2_leaves = 17),
            with(|s| s.provider = Address([0x34; 20])),
            with(|s| s.tree = TreeIndex(2)),
            with(|s| s.period = Period(1)),
            with(|s| s.count = 4),
        ];
        for (place, seed) in seeds.iter().enumerate() {
            assert!(!seeds[..place].contains(seed), "part {place} is not bound");
            assert_eq!(seed[31], 0, "the top byte is clear");
        }
    }
}
