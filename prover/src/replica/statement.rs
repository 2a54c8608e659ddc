//! Public inputs of one partition: what is committed to, what it was encoded for, what is challenged.

use crate::error::StatementError;
use crate::gadget::word::{self, Field};
use crate::params::ParamSet;
use cairn_merkle::{Commitment, Fr, domain};

/// Bytes of a provider's address.
pub const PROVIDER_BYTES: usize = 20;

/// Where the numbers sit in the packed word.
pub(super) mod layout {
    use super::Field;

    pub(in crate::replica) const SECTOR_NUMBER: Field = Field::new(0, 64);
    pub(in crate::replica) const PARTITION: Field = Field::new(64, 16);
}

/// The node that `seed` asks for in this partition is sealed under `comm_r`, from the data under `comm_d`, for this chain,
/// provider, sector and ticket.
///
/// Word: `sector_number@0(64) | partition@64(16)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaStatement {
    /// Root of the sector's data.
    pub comm_d: Commitment,
    /// Commitment to labels and replica.
    pub comm_r: Commitment,
    /// Chain, contract and circuit that the replica is made for.
    pub porep_id: Fr,
    /// Address of the account that the replica is made for.
    pub provider: [u8; PROVIDER_BYTES],
    /// Public randomness that was not known long before sealing began.
    pub ticket: Fr,
    /// Public randomness that was not known when `comm_r` was committed to: what the challenges follow from.
    pub seed: Fr,
    /// The sector's number.
    pub sector_number: u64,
    /// Which of the set's challenges.
    pub partition: u16,
}

impl ReplicaStatement {
    /// Number and partition as one number.
    #[must_use]
    pub fn packed_word(&self) -> Fr {
        word::pack(&[
            (layout::SECTOR_NUMBER, self.sector_number),
            (layout::PARTITION, u64::from(self.partition)),
        ])
    }

    /// `comm_d`, `comm_r`, `porep_id`, provider, ticket, seed, word.
    #[must_use]
    pub fn public_inputs(&self) -> [Fr; 7] {
        [
            self.comm_d.to_fr(),
            self.comm_r.to_fr(),
            self.porep_id,
            domain::provider_element(&self.provider),
            self.ticket,
            self.seed,
            self.packed_word(),
        ]
    }

    /// What the labels are keyed with: `H(TAG_RID, porep_id, provider, sector_number, comm_d, ticket)`.
    #[must_use]
    pub fn replica_id(&self) -> Fr {
        domain::replica_id(
            self.porep_id,
            &self.provider,
            self.sector_number,
            self.comm_d.to_fr(),
            self.ticket,
        )
    }

    /// Whether the set has this partition.
    ///
    /// # Errors
    /// The claim that no witness can make true.
    pub fn check(&self, set: &ParamSet) -> Result<(), StatementError> {
        if u32::from(self.partition) >= set.porep_challenges {
            return Err(StatementError::Partition {
                partitions: set.porep_challenges,
                got: self.partition,
            });
        }
        Ok(())
    }
}
