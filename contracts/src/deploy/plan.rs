//! What a deployment is made of, and what can be said against it before anything is sent.

use cairn_wire::Address;

use crate::deployment::{
    ChallengeTerms, CircuitSet, CollateralTerms, RepairTerms, ReplicaTerms, SetParameters,
};
use crate::error::DeployError;
use crate::schedule::Schedule;

/// Chain ids on which insecure keys, sets for development and the test token are allowed.
pub const DEVELOPMENT_CHAINS: [u64; 2] = [31337, 1337];

/// Bytes of a verifying key before the points of its public inputs, and of each of these points.
const KEY_HEAD_BYTES: usize = 896;
const KEY_POINT_BYTES: usize = 128;

/// Layers of labels below which a replica is made again faster than it is asked for.
pub const LEAST_LAYERS: u8 = 8;
/// Bytes of a sector below which the same holds: 8 GiB.
pub const LEAST_SEALED_SECTOR_BYTES: u64 = 1 << 33;
/// Money asked back stays this long: time to notice and report what happened before.
pub const LEAST_WITHDRAW_DELAY_S: u64 = 7 * 86_400;

/// A verifying key to be deployed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPlan {
    /// The circuit's id.
    pub circuit_id: [u8; 32],
    /// The verifying key in its EVM encoding (without the leading STOP byte).
    pub key: Vec<u8>,
}

/// Which token everything is paid in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlan {
    /// An ERC-20 with permit that is there already.
    Existing(Address),
    /// The test token, development chains only: these accounts get these amounts.
    Test {
        /// First owners.
        mint: Vec<(Address, u128)>,
    },
}

/// Everything a deployment is made of, in plain bytes and numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeployPlan {
    /// The set's numbers.
    pub parameters: SetParameters,
    /// What a replica must be.
    pub replica_terms: ReplicaTerms,
    /// What providers stake and lose.
    pub collateral_terms: CollateralTerms,
    /// What a direct challenge costs.
    pub challenge_terms: ChallengeTerms,
    /// What repairers must do.
    pub repair_terms: RepairTerms,
    /// Whether the set is for development only (its space guarantee or its timing is not meant for real money).
    pub insecure_set: bool,
    /// Whether the keys were made from a public seed: anybody can forge proofs under them.
    pub insecure_keys: bool,
    /// Times.
    pub schedule: Schedule,
    /// The beacon's public key, G2 in EIP-2537 encoding.
    pub beacon_key: [u8; 256],
    /// The verifying keys.
    pub keys: CircuitSet<KeyPlan>,
    /// What everything is paid in.
    pub token: TokenPlan,
}

impl DeployPlan {
    /// What can be said against the plan before anything is sent.
    ///
    /// # Errors
    /// [`DeployError`]: the plan is refused on this chain, or is malformed.
    pub fn check(&self, chain_id: u64) -> Result<(), DeployError> {
        if !DEVELOPMENT_CHAINS.contains(&chain_id) {
            self.check_production(chain_id)?;
        }
        let samples = self.parameters.post_samples;
        if samples == 0 || samples > u32::from(u16::MAX) {
            return Err(DeployError::Plan {
                field: "parameters.post_samples",
                reason: format!("{samples} is none of 1 to {}", u16::MAX),
            });
        }
        self.check_keys()
    }

    /// What is allowed where money is not real only.
    fn check_production(&self, chain_id: u64) -> Result<(), DeployError> {
        let set = self.parameters.name.clone();
        if self.insecure_keys {
            return Err(DeployError::InsecureKeys { set, chain_id });
        }
        if self.insecure_set {
            return Err(DeployError::InsecureSet { set, chain_id });
        }
        let layers = self.replica_terms.layers;
        if layers < LEAST_LAYERS {
            return Err(DeployError::FewLayers {
                set,
                layers,
                chain_id,
            });
        }
        let sector_bytes = self.parameters.sector_bytes();
        if sector_bytes < LEAST_SEALED_SECTOR_BYTES {
            return Err(DeployError::SmallSectors {
                set,
                sector_bytes,
                chain_id,
            });
        }
        if self.replica_terms.deposit == 0 {
            return Err(DeployError::NoDeposit { chain_id });
        }
        if let Some(field) = self.missing_collateral() {
            return Err(DeployError::NoCollateral { field, chain_id });
        }
        if matches!(self.token, TokenPlan::Test { .. }) {
            return Err(DeployError::TestToken { chain_id });
        }
        Ok(())
    }

    /// The term without which losing data costs nothing.
    fn missing_collateral(&self) -> Option<&'static str> {
        let terms = &self.collateral_terms;
        let needed = [
            ("fault_periods", terms.fault_periods != 0),
            ("repair_periods", terms.repair_periods != 0),
            ("misses_to_end", terms.misses_to_end != 0),
            ("bounty_basis_points", terms.bounty_basis_points != 0),
            (
                "withdraw_delay_s",
                terms.withdraw_delay_s >= LEAST_WITHDRAW_DELAY_S,
            ),
        ];
        let missing = needed.into_iter().find(|(_, there)| !there);
        missing.map(|(field, _)| field)
    }

    /// Every key has the length its circuit demands.
    fn check_keys(&self) -> Result<(), DeployError> {
        let width = usize::from(self.parameters.include_width);
        let keys = &self.keys;
        let inputs = [
            ("keys.spacetime", &keys.spacetime, 3),
            ("keys.append", &keys.append, 5),
            ("keys.retire", &keys.retire, 3),
            (
                "keys.include",
                &keys.include,
                width.saturating_mul(2).saturating_add(1),
            ),
            ("keys.replica", &keys.replica, 7),
            ("keys.dispute", &keys.dispute, 6),
        ];
        for (field, plan, count) in inputs {
            let points = count.saturating_add(1);
            let expected = points
                .saturating_mul(KEY_POINT_BYTES)
                .saturating_add(KEY_HEAD_BYTES);
            if plan.key.len() != expected {
                let reason = format!(
                    "{} bytes, a key of {count} public inputs has {expected}",
                    plan.key.len()
                );
                return Err(DeployError::Plan { field, reason });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cairn_wire::Commitment;

    use super::*;

    fn plan() -> DeployPlan {
        let key = |inputs: usize| KeyPlan {
            circuit_id: [1; 32],
            key: vec![0; 896 + 128 * (inputs + 1)],
        };
        DeployPlan {
            parameters: SetParameters {
                name: "small".to_owned(),
                sector_log2_leaves: 16,
                b_max: 13,
                post_samples: 2,
                tree_levels: 1,
                include_width: 2,
                empty_root: Commitment::from_be_bytes([1; 32]).unwrap(),
            },
            replica_terms: ReplicaTerms {
                layers: 2,
                partitions: 1,
                ticket_age_s: 600,
                seed_delay_s: 3,
                due_s: 600,
                deposit: 0,
            },
            collateral_terms: CollateralTerms::default(),
            challenge_terms: ChallengeTerms {
                bond: 1,
                per_step: 4,
                answer_due_s: 48,
                cooldown_s: 0,
            },
            repair_terms: RepairTerms {
                commit_age_s: 60,
                commit_life_s: 600,
                right_life_s: 60,
                claim_s: 24,
                seal_periods: 10,
                seal_bond: 1,
            },
            insecure_set: true,
            insecure_keys: true,
            schedule: Schedule {
                t0_unix: 1_000_000,
                period_s: 24,
                freeze_s: 3,
                due_s: 18,
                genesis_unix: 1_000_000,
                round_s: 3,
            },
            beacon_key: [0; 256],
            keys: CircuitSet {
                spacetime: key(3),
                append: key(5),
                retire: key(3),
                include: key(5),
                replica: key(7),
                dispute: key(6),
            },
            token: TokenPlan::Test { mint: Vec::new() },
        }
    }

    #[test]
    fn a_development_plan_passes_on_development_chains_only() {
        for chain_id in DEVELOPMENT_CHAINS {
            plan().check(chain_id).unwrap();
        }
        for chain_id in [0, 1, 10, 31338, 11_155_111] {
            let refused = plan().check(chain_id);
            assert!(
                matches!(refused, Err(DeployError::InsecureKeys { .. })),
                "keys first, on {chain_id}"
            );
            let sound_keys = DeployPlan {
                insecure_keys: false,
                ..plan()
            };
            assert!(
                matches!(
                    sound_keys.check(chain_id),
                    Err(DeployError::InsecureSet { .. })
                ),
                "then the set"
            );
            let sound_set = DeployPlan {
                insecure_set: false,
                ..sound_keys
            };
            let mut sound = sound_set;
            assert!(
                matches!(
                    sound.check(chain_id),
                    Err(DeployError::FewLayers { layers: 2, .. })
                ),
                "then the layers"
            );
            sound.replica_terms.layers = 8;
            assert!(
                matches!(
                    sound.check(chain_id),
                    Err(DeployError::SmallSectors {
                        sector_bytes: 2_097_152,
                        ..
                    })
                ),
                "then the size of a sector"
            );
            sound.parameters.sector_log2_leaves = 28;
            assert!(
                matches!(sound.check(chain_id), Err(DeployError::NoDeposit { .. })),
                "then the deposit"
            );
            sound.replica_terms.deposit = 1;
            sound.collateral_terms = enough_collateral();
            assert!(
                matches!(sound.check(chain_id), Err(DeployError::TestToken { .. })),
                "then the token"
            );
            sound.token = TokenPlan::Existing(Address([1; 20]));
            sound.check(chain_id).unwrap();
        }
    }

    fn enough_collateral() -> CollateralTerms {
        CollateralTerms {
            fault_periods: 1,
            repair_periods: 1,
            misses_to_end: 1,
            bounty_basis_points: 1,
            withdraw_delay_s: LEAST_WITHDRAW_DELAY_S,
            ..CollateralTerms::default()
        }
    }

    #[test]
    fn without_any_one_of_the_terms_that_make_losing_data_dear_production_is_refused() {
        let sound = DeployPlan {
            insecure_keys: false,
            insecure_set: false,
            replica_terms: ReplicaTerms {
                layers: 8,
                deposit: 1,
                ..plan().replica_terms
            },
            parameters: SetParameters {
                sector_log2_leaves: 28,
                ..plan().parameters
            },
            collateral_terms: enough_collateral(),
            token: TokenPlan::Existing(Address([1; 20])),
            ..plan()
        };
        sound.check(1).unwrap();
        type Lack = fn(&mut CollateralTerms);
        let lacks: [(Lack, &str); 5] = [
            (|terms| terms.fault_periods = 0, "fault_periods"),
            (|terms| terms.repair_periods = 0, "repair_periods"),
            (|terms| terms.misses_to_end = 0, "misses_to_end"),
            (|terms| terms.bounty_basis_points = 0, "bounty_basis_points"),
            (|terms| terms.withdraw_delay_s -= 1, "withdraw_delay_s"),
        ];
        for (lack, field) in lacks {
            let mut plan = sound.clone();
            lack(&mut plan.collateral_terms);
            let refused = plan.check(1);
            assert!(
                matches!(refused, Err(DeployError::NoCollateral { field: named, .. }) if named == field),
                "{field}: {refused:?}"
            );
            plan.check(31337).unwrap();
        }
    }

    #[test]
    fn a_key_of_the_wrong_length_is_refused_by_name() {
        let mut short = plan();
        short.keys.append.key.pop();
        let refused = short.check(31337);
        assert!(
            matches!(
                refused,
                Err(DeployError::Plan {
                    field: "keys.append",
                    ..
                })
            ),
            "{refused:?}"
        );
    }
}
