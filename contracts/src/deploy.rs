//! Puts the market on a chain: key data contracts first, then the contracts that name them.
//!
//! ```text
//! 6 key data contracts   Verifier   Beacon   Providers   (TestToken)
//!                  \        |         |          |          |
//!                   `---- Sectors ----'          |          |
//!                            |\--- Collateral ---|----------|
//!                            |         `-- Deals -+---------|      Challenges, Disputes, Repairs name Deals,
//!                            \---- Replicas ----------------'      then Sectors, Collateral, Deals are bound to them
//! ```

use alloy::primitives::{Address as EvmAddress, B256, Bytes, TxKind, U256};
use alloy::sol_types::{SolCall, SolConstructor};
use cairn_wire::{Address, SecretKey};
use serde::Deserialize;
use serde_json::json;
use tracing::info;

use crate::abi::artifact;
use crate::abi::beacon::Beacon;
use crate::abi::challenges::Challenges;
use crate::abi::collateral::Collateral;
use crate::abi::deals::Deals;
use crate::abi::disputes::Disputes;
use crate::abi::repairs::Repairs;
use crate::abi::replicas::Replicas;
use crate::abi::sectors::Sectors;
use crate::abi::token::TestToken;
use crate::account::{Account, Urgency};
use crate::chain::{Chain, chain_id};
use crate::convert::{evm, nonsense, ours, word};
use crate::deployment::{
    ChallengeTerms, CircuitSet, CollateralTerms, Deployment, KeyRecord, RepairTerms, ReplicaTerms,
    SetParameters,
};
use crate::error::{ChainError, DeployError};
use crate::rpc::{ChainOptions, Rpc};
use crate::schedule::Schedule;
use crate::verdict::Call;

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

/// Deploys the market with the account of `key`, and checks that the contracts show what was planned.
///
/// # Errors
/// [`DeployError`]: the plan is refused on this chain, is malformed, or the chain fails. Contracts deployed before a
/// failure stay where they are and are of no consequence.
pub async fn deploy(
    rpc_urls: &[String],
    key: &SecretKey,
    plan: &DeployPlan,
) -> Result<Deployment, DeployError> {
    let options = ChainOptions::default();
    let rpc = Rpc::new(rpc_urls, &options)?;
    let chain_id = chain_id(&rpc).await?;
    plan.check(chain_id)?;
    let mut builder = Builder {
        rpc,
        account: Account::new(key.clone(), chain_id, options),
        chain_id,
        start_block: None,
    };
    let deployment = builder.market(plan).await?;
    Chain::connect(rpc_urls, deployment.clone(), None).await?;
    info!(chain_id, set = deployment.parameters.name, deals = %deployment.deals, "market deployed");
    Ok(deployment)
}

struct Money {
    collateral: EvmAddress,
    deals: EvmAddress,
    replicas: EvmAddress,
}

struct Guards {
    challenges: EvmAddress,
    disputes: EvmAddress,
    repairs: EvmAddress,
}

struct Builder {
    rpc: Rpc,
    account: Account,
    chain_id: u64,
    /// Block of the first contract.
    start_block: Option<u64>,
}

impl Builder {
    async fn market(&mut self, plan: &DeployPlan) -> Result<Deployment, ChainError> {
        let keys = self.keys(&plan.keys).await?;
        let token = self.token(&plan.token).await?;
        let verifier = self.contract("Verifier", artifact::VERIFIER, &[]).await?;
        let arguments = Beacon::constructorCall {
            key: plan.beacon_key.to_vec().into(),
            schedule_: schedule(plan),
        };
        let beacon = self
            .contract("Beacon", artifact::BEACON, &arguments.abi_encode())
            .await?;
        let providers = self.contract("Providers", artifact::PROVIDERS, &[]).await?;
        let arguments = sectors_arguments(plan, &keys, verifier, beacon);
        let sectors = self
            .contract("Sectors", artifact::SECTORS, &arguments.abi_encode())
            .await?;
        let money = self.money(plan, token, providers, sectors).await?;
        let guards = self
            .guards(plan, token, money.deals, money.collateral)
            .await?;
        Ok(Deployment {
            chain_id: self.chain_id,
            start_block: self.start_block.unwrap_or_default(),
            token: ours(token),
            verifier: ours(verifier),
            beacon: ours(beacon),
            providers: ours(providers),
            sectors: ours(sectors),
            deals: ours(money.deals),
            replicas: ours(money.replicas),
            collateral: ours(money.collateral),
            challenges: ours(guards.challenges),
            disputes: ours(guards.disputes),
            repairs: ours(guards.repairs),
            parameters: plan.parameters.clone(),
            replica_terms: plan.replica_terms,
            collateral_terms: plan.collateral_terms,
            challenge_terms: plan.challenge_terms,
            repair_terms: plan.repair_terms,
            schedule: plan.schedule,
            keys,
        })
    }

    /// The contracts that hold money beside Sectors, which is then bound to them.
    async fn money(
        &mut self,
        plan: &DeployPlan,
        token: EvmAddress,
        providers: EvmAddress,
        sectors: EvmAddress,
    ) -> Result<Money, ChainError> {
        let arguments = Collateral::constructorCall {
            token_: token,
            sectors_: sectors,
            terms_: collateral_terms(&plan.collateral_terms),
        };
        let collateral = self
            .contract("Collateral", artifact::COLLATERAL, &arguments.abi_encode())
            .await?;
        let arguments = Deals::constructorCall {
            token_: token,
            providers_: providers,
            sectors_: sectors,
            collateral_: collateral,
        };
        let deals = self
            .contract("Deals", artifact::DEALS, &arguments.abi_encode())
            .await?;
        let arguments = Replicas::constructorCall {
            token_: token,
            sectors_: sectors,
            terms_: terms(&plan.replica_terms),
        };
        let replicas = self
            .contract("Replicas", artifact::REPLICAS, &arguments.abi_encode())
            .await?;
        let call = Call {
            contract: "Sectors",
            function: "bind",
        };
        let bind = Sectors::bindCall {
            deals_: deals,
            replicas_: replicas,
            collateral_: collateral,
        };
        self.call(&call, sectors, &bind).await?;
        Ok(Money {
            collateral,
            deals,
            replicas,
        })
    }

    /// The contracts that free slots, slash, and give freed slots out; then Collateral and Deals are bound to them.
    async fn guards(
        &mut self,
        plan: &DeployPlan,
        token: EvmAddress,
        deals: EvmAddress,
        collateral: EvmAddress,
    ) -> Result<Guards, ChainError> {
        let arguments = Challenges::constructorCall {
            token_: token,
            deals_: deals,
            terms_: challenge_terms(&plan.challenge_terms),
        };
        let challenges = self
            .contract("Challenges", artifact::CHALLENGES, &arguments.abi_encode())
            .await?;
        let arguments = Disputes::constructorCall { deals_: deals };
        let disputes = self
            .contract("Disputes", artifact::DISPUTES, &arguments.abi_encode())
            .await?;
        let arguments = Repairs::constructorCall {
            token_: token,
            deals_: deals,
            terms_: repair_terms(&plan.repair_terms),
        };
        let repairs = self
            .contract("Repairs", artifact::REPAIRS, &arguments.abi_encode())
            .await?;
        let call = Call {
            contract: "Collateral",
            function: "bind",
        };
        let bind = Collateral::bindCall {
            deals_: deals,
            challenges_: challenges,
            disputes_: disputes,
        };
        self.call(&call, collateral, &bind).await?;
        let call = Call {
            contract: "Deals",
            function: "bind",
        };
        let bind = Deals::bindCall {
            repairs_: repairs,
            challenges_: challenges,
            disputes_: disputes,
        };
        self.call(&call, deals, &bind).await?;
        Ok(Guards {
            challenges,
            disputes,
            repairs,
        })
    }

    async fn keys(
        &mut self,
        plans: &CircuitSet<KeyPlan>,
    ) -> Result<CircuitSet<KeyRecord>, ChainError> {
        Ok(CircuitSet {
            spacetime: self.key(&plans.spacetime).await?,
            append: self.key(&plans.append).await?,
            retire: self.key(&plans.retire).await?,
            include: self.key(&plans.include).await?,
            replica: self.key(&plans.replica).await?,
            dispute: self.key(&plans.dispute).await?,
        })
    }

    async fn token(&mut self, plan: &TokenPlan) -> Result<EvmAddress, ChainError> {
        let mint = match plan {
            TokenPlan::Existing(address) => return self.existing(*address).await,
            TokenPlan::Test { mint } => mint,
        };
        let token = self
            .contract("TestToken", artifact::TEST_TOKEN, &[])
            .await?;
        for (account, amount) in mint {
            let call = Call {
                contract: "TestToken",
                function: "mint",
            };
            self.call(
                &call,
                token,
                &TestToken::mintCall {
                    to: evm(*account),
                    amount: U256::from(*amount),
                },
            )
            .await?;
        }
        Ok(token)
    }

    async fn existing(&self, address: Address) -> Result<EvmAddress, ChainError> {
        let method = "eth_getCode";
        let code: Bytes = self
            .rpc
            .call(method, json!([evm(address), "latest"]))
            .await
            .map_err(|failure| failure.into_error(method))?;
        if code.is_empty() {
            Err(ChainError::NoContract {
                contract: "Token",
                address,
            })
        } else {
            Ok(evm(address))
        }
    }

    /// A contract that cannot be run and whose code is the key.
    async fn key(&mut self, plan: &KeyPlan) -> Result<KeyRecord, ChainError> {
        let address = self.create("key data", data_contract(&plan.key)?).await?;
        let key_hash = alloy::primitives::keccak256(&plan.key).0;
        Ok(KeyRecord {
            address: ours(address),
            circuit_id: plan.circuit_id,
            key_hash,
        })
    }

    /// `arguments` are the constructor's, encoded.
    async fn contract(
        &mut self,
        name: &'static str,
        artifact: &str,
        arguments: &[u8],
    ) -> Result<EvmAddress, ChainError> {
        let mut code = bytecode(name, artifact)?;
        code.extend_from_slice(arguments);
        self.create(name, code).await
    }

    async fn create(
        &mut self,
        name: &'static str,
        code: Vec<u8>,
    ) -> Result<EvmAddress, ChainError> {
        let call = Call {
            contract: name,
            function: "constructor",
        };
        let receipt = self
            .account
            .send(
                &self.rpc,
                (&call, Urgency::CanWait),
                TxKind::Create,
                code.into(),
            )
            .await?;
        if self.start_block.is_none() {
            self.start_block = receipt.block_number.map(|number| number.to());
        }
        receipt.contract_address.ok_or_else(|| {
            nonsense(
                &call.to_string(),
                "a receipt without the contract's address",
            )
        })
    }

    async fn call<C: SolCall>(
        &self,
        call: &Call,
        to: EvmAddress,
        arguments: &C,
    ) -> Result<(), ChainError> {
        self.account
            .send(
                &self.rpc,
                (call, Urgency::CanWait),
                TxKind::Call(to),
                arguments.abi_encode().into(),
            )
            .await
            .map(drop)
    }
}

fn sectors_arguments(
    plan: &DeployPlan,
    keys: &CircuitSet<KeyRecord>,
    verifier: EvmAddress,
    beacon: EvmAddress,
) -> Sectors::constructorCall {
    let circuit = |record: &KeyRecord| Sectors::CircuitKey {
        key: evm(record.address),
        id: B256::from(record.circuit_id),
    };
    let parameters = &plan.parameters;
    Sectors::constructorCall {
        verifier_: verifier,
        beacon_: beacon,
        parameters: Sectors::Parameters {
            name: parameters.name.clone(),
            sectorLog2Leaves: parameters.sector_log2_leaves,
            treeLevels: parameters.tree_levels,
            includeWidth: parameters.include_width,
            postSamples: u16::try_from(parameters.post_samples).unwrap_or(u16::MAX),
        },
        circuits: [
            circuit(&keys.spacetime),
            circuit(&keys.append),
            circuit(&keys.retire),
            circuit(&keys.include),
            circuit(&keys.replica),
            circuit(&keys.dispute),
        ],
        emptyRoot_: word(&parameters.empty_root),
    }
}

fn terms(terms: &ReplicaTerms) -> Replicas::ReplicaTerms {
    Replicas::ReplicaTerms {
        layers: terms.layers,
        partitions: terms.partitions,
        ticketAge: terms.ticket_age_s,
        seedDelay: terms.seed_delay_s,
        due: terms.due_s,
        deposit: terms.deposit,
    }
}

fn challenge_terms(terms: &ChallengeTerms) -> Challenges::ChallengeTerms {
    Challenges::ChallengeTerms {
        bond: terms.bond,
        perStep: terms.per_step,
        answerDue: terms.answer_due_s,
        cooldown: terms.cooldown_s,
    }
}

fn repair_terms(terms: &RepairTerms) -> Repairs::RepairTerms {
    Repairs::RepairTerms {
        commitAge: terms.commit_age_s,
        commitLife: terms.commit_life_s,
        rightLife: terms.right_life_s,
        claimSeconds: terms.claim_s,
        sealPeriods: terms.seal_periods,
        sealBond: terms.seal_bond,
    }
}

fn collateral_terms(terms: &CollateralTerms) -> Collateral::CollateralTerms {
    Collateral::CollateralTerms {
        faultPeriods: terms.fault_periods,
        repairPeriods: terms.repair_periods,
        missesToEnd: terms.misses_to_end,
        bountyBasisPoints: terms.bounty_basis_points,
        withdrawDelay: terms.withdraw_delay_s,
        maintenancePeriods: terms.maintenance_periods,
        maintenanceEvery: terms.maintenance_every,
        leastFault: terms.least_fault,
        mostFault: terms.most_fault,
    }
}

fn schedule(plan: &DeployPlan) -> Beacon::Schedule {
    let schedule = &plan.schedule;
    Beacon::Schedule {
        t0: schedule.t0_unix,
        period: schedule.period_s,
        freeze: schedule.freeze_s,
        due: schedule.due_s,
        genesis: schedule.genesis_unix,
        roundSeconds: schedule.round_s,
    }
}

fn bytecode(name: &'static str, artifact: &str) -> Result<Vec<u8>, ChainError> {
    #[derive(Deserialize)]
    struct Bytecode {
        bytecode: String,
    }
    let broken = |reason: String| ChainError::Argument {
        argument: name,
        reason: format!("its artifact: {reason}"),
    };
    let parsed: Bytecode =
        serde_json::from_str(artifact).map_err(|error| broken(error.to_string()))?;
    let digits = parsed
        .bytecode
        .strip_prefix("0x")
        .unwrap_or(&parsed.bytecode);
    hex::decode(digits).map_err(|error| broken(error.to_string()))
}

/// Code that leaves STOP and then `data` behind as the contract:
/// PUSH2 length, DUP1, PUSH1 10, PUSH0, CODECOPY, PUSH0, RETURN.
fn data_contract(data: &[u8]) -> Result<Vec<u8>, ChainError> {
    let length =
        u16::try_from(data.len().saturating_add(1)).map_err(|error| ChainError::Argument {
            argument: "key",
            reason: error.to_string(),
        })?;
    let mut code = vec![0x61];
    code.extend(length.to_be_bytes());
    code.extend([0x80, 0x60, 0x0a, 0x5f, 0x39, 0x5f, 0xf3, 0x00]);
    code.extend(data);
    Ok(code)
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

    #[test]
    fn every_artifact_has_bytecode() {
        for (name, json) in artifact::ALL {
            assert!(bytecode(name, json).unwrap().len() > 100, "{name}");
        }
    }

    #[test]
    fn a_data_contract_skips_exactly_its_own_head() {
        let code = data_contract(&[0xaa, 0xbb]).unwrap();
        assert_eq!(code[1..3], [0, 3], "STOP and two bytes");
        let head = usize::from(code[5]);
        assert_eq!(code[head..], [0x00, 0xaa, 0xbb], "copied from there");
        assert!(
            data_contract(&vec![0; 65_535]).is_err(),
            "longer than a contract can be"
        );
    }
}
