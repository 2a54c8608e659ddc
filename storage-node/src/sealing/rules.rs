//! What the deployment and the operator say about sealing.

use cairn_merkle::{Commitment, Fr, domain};
use cairn_prover::params::ParamSet;
use cairn_wire::{Address, SectorNumber};

/// Numbers that sealing goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SealRules {
    /// Chain, contract and parameter set, as every replica of the deployment binds them.
    pub porep_id: Commitment,
    /// How old a ticket may be at the precommit.
    pub ticket_age_s: u64,
    /// How long a proof may take, once its seed is known.
    pub due_s: u64,
    /// The deposit of one sector, in the token's smallest unit.
    pub deposit: u128,
    /// Partitions of a proof of replication.
    pub partitions: u32,
    /// Sectors sealed at a time.
    pub parallel: usize,
    /// Memory that sealing may use in all.
    pub memory_bytes: u64,
    /// Bytes of the disk that stay free.
    pub reserve_bytes: u64,
    /// Whether the data of a sealed sector stays.
    pub keep_unsealed: bool,
    /// Disk that data unsealed for readers may use.
    pub cache_bytes: u64,
}

impl SealRules {
    /// What the labels of one sector are keyed by: chain and contract, provider, number, data and ticket.
    #[must_use]
    pub fn replica_id(
        &self,
        provider: Address,
        number: SectorNumber,
        comm_d: Commitment,
        ticket: Commitment,
    ) -> Fr {
        domain::replica_id(
            self.porep_id.to_fr(),
            &provider.0,
            number.0,
            comm_d.to_fr(),
            ticket.to_fr(),
        )
    }

    /// How many sectors' data may be unsealed at a time for readers.
    #[must_use]
    pub fn cached_sectors(&self, set: &ParamSet) -> u64 {
        self.cache_bytes
            .checked_div(sector_bytes(set))
            .unwrap_or_default()
    }
}

/// Bytes of one sector.
pub(super) const fn sector_bytes(set: &ParamSet) -> u64 {
    cairn_prover::params::LEAF_BYTES << set.sector_log2_leaves
}
