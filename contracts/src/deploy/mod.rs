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

mod arguments;
mod plan;

use alloy::primitives::{Address as EvmAddress, Bytes, TxKind, U256};
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
use crate::convert::{evm, nonsense, ours};
use crate::deploy::arguments::{
    challenge_terms, collateral_terms, repair_terms, schedule, sectors_arguments, terms,
};
use crate::deployment::{CircuitSet, Deployment, KeyRecord};
use crate::error::{ChainError, DeployError};
use crate::rpc::{ChainOptions, Rpc};
use crate::verdict::Call;

pub use plan::{
    DEVELOPMENT_CHAINS, DeployPlan, KeyPlan, LEAST_LAYERS, LEAST_SEALED_SECTOR_BYTES,
    LEAST_WITHDRAW_DELAY_S, TokenPlan,
};

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
    use super::*;

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
