//! What a replica is bound to: ids, tickets and seeds. The twins of `Replicas.porepId`, `ticketOf` and `seedOf`.
//!
//! ```text
//! porep_id = keccak256(keccak256("cairn/v1/porep") | chain id | Replicas | circuit id) >> 8
//! ticket   = randomness of the ticket's round >> 8
//! seed     = keccak256(keccak256("cairn/v1/porep-seed") | chain id | Replicas | circuit id | provider | number | comm_d
//!                      | comm_r | ticket | seed period | randomness of the seed's round) >> 8
//! ```
//!
//! Each part is one 32-byte big-endian word. The shift clears the top 8 bits, so every result is below the field's order
//! without a reduction. Elements are given as 32 little-endian bytes, as a window's seed is.

use alloy::primitives::{B256, U256, keccak256};
use cairn_wire::{Address, Commitment, Period, SectorNumber};

use crate::element::{address, hashed, number, without_low_bits};

/// What all replicas of a deployment have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaBinding {
    /// The EVM chain.
    pub chain_id: u64,
    /// The Replicas contract.
    pub replicas: Address,
    /// Id of the replica circuit; it stands for the parameter set.
    pub circuit_id: [u8; 32],
}

/// What a replica's seed is made of besides the binding and the seed round's randomness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeedParts {
    /// Whose replica.
    pub provider: Address,
    /// Under which number.
    pub number: SectorNumber,
    /// Root of the data.
    pub comm_d: Commitment,
    /// What was precommitted.
    pub comm_r: Commitment,
    /// The ticket it was encoded with, little-endian.
    pub ticket: [u8; 32],
    /// The period whose round seeds the challenges.
    pub seed_period: Period,
}

/// The ticket that a round gives, as a field element, little-endian.
#[must_use]
pub fn ticket(randomness: &[u8; 32]) -> [u8; 32] {
    without_low_bits(*randomness)
}

impl ReplicaBinding {
    /// What every replica is encoded for, as a field element, little-endian.
    #[must_use]
    pub fn porep_id(&self) -> [u8; 32] {
        let parts: [B256; 4] = [
            keccak256("cairn/v1/porep"),
            number(self.chain_id),
            address(self.replicas),
            B256::from(self.circuit_id),
        ];
        hashed(&parts)
    }

    /// The seed of a replica's challenges, as a field element, little-endian.
    ///
    /// `randomness` is that of the seed period's round: SHA-256 of its compressed signature.
    #[must_use]
    pub fn seed(&self, of: &SeedParts, randomness: &[u8; 32]) -> [u8; 32] {
        let ticket = U256::from_le_bytes(of.ticket);
        let parts: [B256; 11] = [
            keccak256("cairn/v1/porep-seed"),
            number(self.chain_id),
            address(self.replicas),
            B256::from(self.circuit_id),
            address(of.provider),
            number(of.number.0),
            B256::from(of.comm_d.to_be_bytes()),
            B256::from(of.comm_r.to_be_bytes()),
            B256::from(ticket.to_be_bytes::<32>()),
            number(of.seed_period.0),
            B256::from(*randomness),
        ];
        hashed(&parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BINDING: ReplicaBinding = ReplicaBinding {
        chain_id: 31337,
        replicas: Address([0x11; 20]),
        circuit_id: [0x22; 32],
    };

    fn parts() -> SeedParts {
        SeedParts {
            provider: Address([0x33; 20]),
            number: SectorNumber(1),
            comm_d: Commitment::from_be_bytes([2; 32]).unwrap(),
            comm_r: Commitment::from_be_bytes([3; 32]).unwrap(),
            ticket: ticket(&[0x44; 32]),
            seed_period: Period(5),
        }
    }

    fn all_differ(elements: &[[u8; 32]]) {
        for (place, element) in elements.iter().enumerate() {
            assert!(
                !elements[..place].contains(element),
                "part {place} is not bound"
            );
            assert_eq!(element[31], 0, "the top byte is clear");
        }
    }

    #[test]
    fn every_part_changes_the_seed() {
        let with = |change: fn(&mut SeedParts)| {
            let mut changed = parts();
            change(&mut changed);
            BINDING.seed(&changed, &[0x55; 32])
        };
        let other = |change: fn(&mut ReplicaBinding)| {
            let mut changed = BINDING;
            change(&mut changed);
            changed.seed(&parts(), &[0x55; 32])
        };
        all_differ(&[
            BINDING.seed(&parts(), &[0x55; 32]),
            BINDING.seed(&parts(), &[0x56; 32]),
            with(|p| p.provider = Address([0x34; 20])),
            with(|p| p.number = SectorNumber(2)),
            with(|p| p.comm_d = p.comm_r),
            with(|p| p.comm_r = p.comm_d),
            with(|p| p.ticket = ticket(&[0x45; 32])),
            with(|p| p.seed_period = Period(6)),
            other(|b| b.chain_id = 1),
            other(|b| b.replicas = Address([0x12; 20])),
            other(|b| b.circuit_id = [0x23; 32]),
        ]);
    }

    #[test]
    fn chain_contract_and_circuit_change_the_id() {
        let other = |change: fn(&mut ReplicaBinding)| {
            let mut changed = BINDING;
            change(&mut changed);
            changed.porep_id()
        };
        all_differ(&[
            BINDING.porep_id(),
            other(|b| b.chain_id = 1),
            other(|b| b.replicas = Address([0x12; 20])),
            other(|b| b.circuit_id = [0x23; 32]),
        ]);
    }

    #[test]
    fn a_ticket_is_the_randomness_without_its_last_byte() {
        let mut randomness = [0; 32];
        (randomness[0], randomness[30], randomness[31]) = (0xaa, 0xbb, 0xcc);
        let ticket = ticket(&randomness);
        assert_eq!(
            (ticket[30], ticket[0], ticket[31]),
            (0xaa, 0xbb, 0),
            "shifted by one byte, little-endian"
        );
    }
}
