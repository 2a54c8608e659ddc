//! A connection to the market: views, transactions, events.
//!
//! One file a contract: [`providers`](self), `beacon`, `sectors`, `replicas`, `collateral`, `deals`, `challenges`,
//! `repairs`, `logs`. Here is what they share: the
//! endpoints, the account, and the two ways to call a contract.

mod beacon;
mod challenges;
mod collateral;
mod deals;
mod disputes;
mod logs;
mod owed;
mod permit;
mod providers;
mod repairs;
mod replicas;
mod sectors;
mod shown;
mod verifier;

pub use self::sectors::Retirement;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use alloy::primitives::{Address as EvmAddress, Bytes, TxKind, U64};
use alloy::sol_types::SolCall;
use cairn_wire::{Address, DealId, SecretKey};
use serde_json::json;

use crate::account::{Account, Urgency, base_fee};
use crate::convert::{evm, nonsense};
use crate::deployment::Deployment;
use crate::error::ChainError;
use crate::market::{Head, NewSlot, TxReceipt};
use crate::rpc::{ChainOptions, Rpc};
use crate::rpc_types::{RpcBlock, RpcReceipt};
use crate::schedule::Schedule;
use crate::verdict::{Call, read_failure};

/// A Groth16 proof in its EVM encoding: A 128 | B 256 | C 128 bytes.
pub type EvmProof = [u8; 512];

/// One market on one chain, over one or more RPC endpoints, for at most one account. Cheap to clone; all clones share
/// endpoints and the account's nonce, so one process should connect once per account.
#[derive(Clone)]
pub struct Chain {
    inner: Arc<Inner>,
}

struct Inner {
    rpc: Rpc,
    options: ChainOptions,
    deployment: Deployment,
    account: Option<Account>,
    /// Permits carry a nonce of the token's, allowances are one number an account: one at a time.
    permits: tokio::sync::Mutex<()>,
    /// The chain keeps only the hash of a deal's slots; calls about a deal carry them in full.
    slots: Mutex<HashMap<DealId, Arc<Vec<NewSlot>>>>,
}

impl fmt::Debug for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain")
            .field("chain_id", &self.inner.deployment.chain_id)
            .field("endpoints", &self.inner.rpc)
            .field("account", &self.account())
            .finish_non_exhaustive()
    }
}

/// The contracts, by their names in a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contract {
    Token,
    Verifier,
    Beacon,
    Providers,
    Sectors,
    Deals,
    Replicas,
    Collateral,
    Challenges,
    Disputes,
    Repairs,
}

impl Contract {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Token => "Token",
            Self::Verifier => "Verifier",
            Self::Beacon => "Beacon",
            Self::Providers => "Providers",
            Self::Sectors => "Sectors",
            Self::Deals => "Deals",
            Self::Replicas => "Replicas",
            Self::Collateral => "Collateral",
            Self::Challenges => "Challenges",
            Self::Disputes => "Disputes",
            Self::Repairs => "Repairs",
        }
    }

    const fn address(self, deployment: &Deployment) -> Address {
        match self {
            Self::Token => deployment.token,
            Self::Verifier => deployment.verifier,
            Self::Beacon => deployment.beacon,
            Self::Providers => deployment.providers,
            Self::Sectors => deployment.sectors,
            Self::Deals => deployment.deals,
            Self::Replicas => deployment.replicas,
            Self::Collateral => deployment.collateral,
            Self::Challenges => deployment.challenges,
            Self::Disputes => deployment.disputes,
            Self::Repairs => deployment.repairs,
        }
    }
}

impl Chain {
    /// Connects, and checks that the endpoint serves the deployment's chain and the contracts show what the deployment
    /// says. Whether its circuit ids and keys are those this program was built for is the caller's to compare
    /// ([`Deployment::keys`]).
    ///
    /// # Errors
    /// [`ChainError`]: the endpoints do not answer, are of another chain, or show another deployment.
    pub async fn connect(
        rpc_urls: &[String],
        deployment: Deployment,
        key: Option<SecretKey>,
    ) -> Result<Self, ChainError> {
        Self::connect_with(rpc_urls, deployment, key, ChainOptions::default()).await
    }

    /// [`Chain::connect`] with other time-outs.
    ///
    /// # Errors
    /// As [`Chain::connect`].
    pub async fn connect_with(
        rpc_urls: &[String],
        deployment: Deployment,
        key: Option<SecretKey>,
        options: ChainOptions,
    ) -> Result<Self, ChainError> {
        let rpc = Rpc::new(rpc_urls, &options)?;
        let got = chain_id(&rpc).await?;
        if got != deployment.chain_id {
            return Err(ChainError::WrongChain {
                expected: deployment.chain_id,
                got,
            });
        }
        let chain = Self::assemble(rpc, deployment, key, options);
        chain.check_shown().await?;
        Ok(chain)
    }

    fn assemble(
        rpc: Rpc,
        deployment: Deployment,
        key: Option<SecretKey>,
        options: ChainOptions,
    ) -> Self {
        let account = key.map(|key| Account::new(key, deployment.chain_id, options));
        let permits = tokio::sync::Mutex::new(());
        let slots = Mutex::new(HashMap::new());
        Self {
            inner: Arc::new(Inner {
                rpc,
                options,
                deployment,
                account,
                permits,
                slots,
            }),
        }
    }

    /// Where the contracts are.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.inner.deployment
    }

    /// When things happen.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.inner.deployment.schedule
    }

    /// The account that signs, if there is one.
    #[must_use]
    pub fn account(&self) -> Option<Address> {
        self.inner
            .account
            .as_ref()
            .map(|account| account.key().address())
    }

    /// The newest block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn head(&self) -> Result<Head, ChainError> {
        self.block_at(json!("latest"))
            .await?
            .ok_or_else(|| nonsense("eth_getBlockByNumber", "no newest block"))
    }

    /// A block by its number; none when the endpoint does not have it (yet).
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn block(&self, number: u64) -> Result<Option<Head>, ChainError> {
        self.block_at(json!(U64::from(number))).await
    }

    async fn block_at(&self, tag: serde_json::Value) -> Result<Option<Head>, ChainError> {
        let method = "eth_getBlockByNumber";
        let block: Option<RpcBlock> = self
            .inner
            .rpc
            .call(method, json!([tag, false]))
            .await
            .map_err(|failure| failure.into_error(method))?;
        let Some(block) = block else { return Ok(None) };
        let (Some(number), Some(hash)) = (block.number, block.hash) else {
            return Err(nonsense(method, "a block without number or hash"));
        };
        Ok(Some(Head {
            number: number.to(),
            hash: hash.0,
            timestamp: block.timestamp.to(),
        }))
    }

    /// The base fee in wei for a unit of gas, when it is above what is paid by calls that can wait
    /// ([`ChainOptions::max_fee_wei`]). Where there is no bound nothing is asked.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn too_dear(&self) -> Result<Option<u128>, ChainError> {
        let most = self.inner.options.max_fee_wei;
        if most == u128::MAX {
            return Ok(None);
        }
        let base = base_fee(&self.inner.rpc).await?;
        Ok((base > most).then_some(base))
    }

    pub(crate) fn rpc(&self) -> &Rpc {
        &self.inner.rpc
    }

    pub(crate) fn address_of(&self, contract: Contract) -> EvmAddress {
        evm(contract.address(&self.inner.deployment))
    }

    /// Calls a view of a contract on the newest block.
    pub(crate) async fn view<C: SolCall>(
        &self,
        contract: Contract,
        call: &C,
    ) -> Result<C::Return, ChainError> {
        let answer = self.ask(contract, call).await?;
        if answer.is_empty() {
            let address = contract.address(&self.inner.deployment);
            return Err(ChainError::NoContract {
                contract: contract.name(),
                address,
            });
        }
        C::abi_decode_returns(&answer)
            .map_err(|error| nonsense(&call_of::<C>(contract).to_string(), error))
    }

    /// The bytes that a view answers; none for a view without result, and from an address without code.
    pub(crate) async fn ask<C: SolCall>(
        &self,
        contract: Contract,
        call: &C,
    ) -> Result<Bytes, ChainError> {
        let request =
            json!({ "to": self.address_of(contract), "input": Bytes::from(call.abi_encode()) });
        let caller = self.account().unwrap_or(Address::ZERO);
        self.inner
            .rpc
            .call("eth_call", json!([request, "latest"]))
            .await
            .map_err(|failure| read_failure(failure, &call_of::<C>(contract), "eth_call", caller))
    }

    /// Sends a call as the account's transaction and waits until it is in a block.
    pub(crate) async fn transact<C: SolCall>(
        &self,
        contract: Contract,
        call: &C,
    ) -> Result<RpcReceipt, ChainError> {
        self.send(contract, call, Urgency::CanWait).await
    }

    /// The same for what costs collateral when it comes late.
    pub(crate) async fn transact_urgent<C: SolCall>(
        &self,
        contract: Contract,
        call: &C,
    ) -> Result<RpcReceipt, ChainError> {
        self.send(contract, call, Urgency::Urgent).await
    }

    async fn send<C: SolCall>(
        &self,
        contract: Contract,
        call: &C,
        urgency: Urgency,
    ) -> Result<RpcReceipt, ChainError> {
        let what = call_of::<C>(contract);
        let account = self.signer(&what)?;
        let to = TxKind::Call(self.address_of(contract));
        let input = call.abi_encode().into();
        account
            .send(&self.inner.rpc, (&what, urgency), to, input)
            .await
    }

    pub(crate) fn signer(&self, what: &Call) -> Result<&Account, ChainError> {
        self.inner
            .account
            .as_ref()
            .ok_or_else(|| ChainError::ReadOnly {
                function: what.to_string(),
            })
    }
}

pub(crate) async fn chain_id(rpc: &Rpc) -> Result<u64, ChainError> {
    let id: U64 = rpc
        .call("eth_chainId", json!([]))
        .await
        .map_err(|failure| failure.into_error("eth_chainId"))?;
    Ok(id.to())
}

pub(crate) fn call_of<C: SolCall>(contract: Contract) -> Call {
    let function = C::SIGNATURE
        .split_once('(')
        .map_or(C::SIGNATURE, |(name, _)| name);
    Call {
        contract: contract.name(),
        function,
    }
}

pub(crate) fn receipt_of(receipt: &RpcReceipt) -> Result<TxReceipt, ChainError> {
    let (Some(block), Some(block_hash)) = (receipt.block_number, receipt.block_hash) else {
        return Err(nonsense(
            "eth_getTransactionReceipt",
            "a receipt without a block",
        ));
    };
    Ok(TxReceipt {
        tx: receipt.transaction_hash.0,
        block: block.to(),
        block_hash: block_hash.0,
        gas_used: receipt.gas_used.to(),
    })
}
