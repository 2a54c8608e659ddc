//! Where the contracts are: the one file that clients and nodes need to find the market.

use std::fs;
use std::path::Path;

use cairn_wire::{Address, Commitment, Eip712Domain};
use serde::{Deserialize, Serialize};

use crate::error::DeploymentFileError;
use crate::replica::ReplicaBinding;
use crate::schedule::Schedule;

/// A deployed market. Written by the deploy tool, read by everybody else as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Deployment {
    /// The EVM chain.
    pub chain_id: u64,
    /// The block of the first contract: no event is older.
    pub start_block: u64,
    /// The ERC-20 that everything is paid in.
    pub token: Address,
    /// Groth16 verifier.
    pub verifier: Address,
    /// Randomness beacon.
    pub beacon: Address,
    /// Registry of storage nodes.
    pub providers: Address,
    /// Sector trees and window proofs.
    pub sectors: Address,
    /// Deals, escrow and pay.
    pub deals: Address,
    /// Replicas and their deposits.
    pub replicas: Address,
    /// What providers stake.
    pub collateral: Address,
    /// Direct challenges.
    pub challenges: Address,
    /// Disputes about commitments.
    pub disputes: Address,
    /// Who may fill freed slots.
    pub repairs: Address,
    /// Parameters of the set, as the contracts show them.
    pub parameters: SetParameters,
    /// What a replica must be, as the contracts show it.
    pub replica_terms: ReplicaTerms,
    /// What providers stake and lose, as the contracts show it.
    pub collateral_terms: CollateralTerms,
    /// What a direct challenge costs and how fast it is answered, as the contracts show it.
    pub challenge_terms: ChallengeTerms,
    /// What repairers must do, as the contracts show it.
    pub repair_terms: RepairTerms,
    /// When periods, rounds, freezes and deadlines are.
    pub schedule: Schedule,
    /// The verifying keys.
    pub keys: CircuitSet<KeyRecord>,
}

/// The numbers of a parameter set that the market needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetParameters {
    /// Name of the set ("devnet").
    pub name: String,
    /// log2 of the leaves of a sector (32 bytes each).
    pub sector_log2_leaves: u8,
    /// Largest piece: 2^`b_max` leaves.
    pub b_max: u8,
    /// Samples of a window proof.
    pub post_samples: u32,
    /// Levels of a provider tree (16 to the power of this many sectors).
    pub tree_levels: u8,
    /// Pieces an inclusion proof covers.
    pub include_width: u8,
    /// Root of a provider tree without sectors.
    pub empty_root: Commitment,
}

impl SetParameters {
    /// Bytes of a sector.
    #[must_use]
    pub fn sector_bytes(&self) -> u64 {
        32_u64
            .checked_shl(u32::from(self.sector_log2_leaves))
            .unwrap_or(u64::MAX)
    }

    /// Sectors a provider tree can hold.
    #[must_use]
    pub fn max_sectors(&self) -> u64 {
        16_u64.saturating_pow(u32::from(self.tree_levels))
    }
}

/// What a deployment demands of replicas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplicaTerms {
    /// Layers of labels.
    pub layers: u8,
    /// Proofs of a proof of replication, one challenge each.
    pub partitions: u16,
    /// How old a ticket's round may be at the precommit, in seconds.
    pub ticket_age_s: u64,
    /// Seconds between a precommit and the earliest round that may seed its challenges.
    pub seed_delay_s: u64,
    /// Seconds to prove a replica, from the deadline of the seed's period or from the later posting of its round.
    pub due_s: u64,
    /// What a precommit costs until it is proven, in smallest token units.
    pub deposit: u128,
}

/// What a deployment demands of providers. Lengths are in periods unless they say otherwise. All zero: no collateral, no
/// slashing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CollateralTerms {
    /// A filled slot locks this many times its price per period to answer for misses.
    pub fault_periods: u32,
    /// And this many times to pay for its repair.
    pub repair_periods: u32,
    /// Misses in a row that end a tree; 0: none do.
    pub misses_to_end: u32,
    /// Share of a slash (and of a freed slot's repair part) that goes to who shows the fault (repairs the slot), in
    /// hundredths of a percent, at most 5,000.
    pub bounty_basis_points: u16,
    /// Seconds between asking money back and getting it; misses are reported within the same time.
    pub withdraw_delay_s: u64,
    /// Longest maintenance window, and how long before it must be announced.
    pub maintenance_periods: u32,
    /// Least distance between the beginnings of two maintenance windows.
    pub maintenance_every: u32,
    /// Shortest declared fault.
    pub least_fault: u32,
    /// Longest declared fault; 0: none may be declared.
    pub most_fault: u32,
}

impl CollateralTerms {
    /// What a slot of this price locks: fault part and repair part.
    #[must_use]
    pub fn parts_of(&self, price_per_slot_period: u128) -> (u128, u128) {
        let times = |periods: u32| price_per_slot_period.saturating_mul(u128::from(periods));
        (times(self.fault_periods), times(self.repair_periods))
    }
}

/// What a direct challenge costs and how fast it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChallengeTerms {
    /// What the first open challenges of a provider cost each, in smallest token units.
    pub bond: u128,
    /// After this many open challenges of a provider the next cost twice as much, and so on.
    pub per_step: u32,
    /// Seconds to answer, from the deadline of the seed's period or from the later posting of its round.
    pub answer_due_s: u64,
    /// Seconds during which a slot that answered is not challenged again.
    pub cooldown_s: u64,
}

/// What repairers must do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepairTerms {
    /// Seconds between a commit to a repair and its reveal.
    pub commit_age_s: u64,
    /// Seconds after which a commit no longer counts.
    pub commit_life_s: u64,
    /// Seconds in which a revealed right is used.
    pub right_life_s: u64,
    /// Seconds in which entrants of an auction for a sealed slot put themselves forward.
    pub claim_s: u64,
    /// Counted periods that the winner of an auction has for its repair.
    pub seal_periods: u32,
    /// What entering an auction costs if the repair is not made, in smallest token units.
    pub seal_bond: u128,
}

/// One value for each of the circuits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CircuitSet<T> {
    /// Window proofs.
    pub spacetime: T,
    /// A new sector.
    pub append: T,
    /// A removed sector.
    pub retire: T,
    /// Pieces lie in a sector.
    pub include: T,
    /// One partition of a proof of replication.
    pub replica: T,
    /// Four leaves of a piece lie under its commitment.
    pub dispute: T,
}

/// A verifying key on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRecord {
    /// Data contract that holds it.
    pub address: Address,
    /// The circuit's id.
    #[serde(with = "crate::hex32")]
    pub circuit_id: [u8; 32],
    /// keccak256 of the key's EVM encoding, without the STOP byte before it.
    #[serde(with = "crate::hex32")]
    pub key_hash: [u8; 32],
}

impl Deployment {
    /// What EIP-712 signatures of this market are bound to.
    #[must_use]
    pub const fn eip712_domain(&self) -> Eip712Domain {
        Eip712Domain {
            chain_id: self.chain_id,
            deals: self.deals,
        }
    }

    /// What replicas of this market are encoded and proven for.
    #[must_use]
    pub const fn replica_binding(&self) -> ReplicaBinding {
        ReplicaBinding {
            chain_id: self.chain_id,
            replicas: self.replicas,
            circuit_id: self.keys.replica.circuit_id,
        }
    }

    /// Reads a deployment file.
    ///
    /// # Errors
    /// The file cannot be read, or is not a deployment.
    pub fn read(path: &Path) -> Result<Self, DeploymentFileError> {
        let text = fs::read_to_string(path).map_err(|source| DeploymentFileError::Io {
            path: path.into(),
            source,
        })?;
        serde_json::from_str(&text).map_err(|source| DeploymentFileError::Format {
            path: path.into(),
            source,
        })
    }

    /// Writes a deployment file, by a temporary name beside it, so that a reader never sees half of one.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), DeploymentFileError> {
        let mut text =
            serde_json::to_string_pretty(self).map_err(|source| DeploymentFileError::Format {
                path: path.into(),
                source,
            })?;
        text.push('\n');
        let partial = path.with_extension("json.partial");
        fs::write(&partial, text)
            .and_then(|()| fs::rename(&partial, path))
            .map_err(|source| DeploymentFileError::Io {
                path: path.into(),
                source,
            })
    }
}
