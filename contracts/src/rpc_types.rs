//! The parts we read of what JSON-RPC returns.

use alloy::primitives::{Address, B256, Bytes, LogData, U64, U128};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcBlock {
    pub(crate) number: Option<U64>,
    pub(crate) hash: Option<B256>,
    pub(crate) timestamp: U64,
    pub(crate) base_fee_per_gas: Option<U128>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcReceipt {
    pub(crate) transaction_hash: B256,
    pub(crate) block_number: Option<U64>,
    pub(crate) block_hash: Option<B256>,
    pub(crate) gas_used: U64,
    /// 1 when it did what it should.
    pub(crate) status: U64,
    pub(crate) contract_address: Option<Address>,
    pub(crate) logs: Vec<RpcLog>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RpcLog {
    pub(crate) address: Address,
    pub(crate) topics: Vec<B256>,
    pub(crate) data: Bytes,
    pub(crate) block_number: Option<U64>,
    pub(crate) block_hash: Option<B256>,
    pub(crate) transaction_hash: Option<B256>,
    pub(crate) log_index: Option<U64>,
    #[serde(default)]
    pub(crate) removed: bool,
}

impl RpcLog {
    /// Topics and data; `None` when there are more topics than the EVM allows.
    pub(crate) fn data(&self) -> Option<LogData> {
        LogData::new(self.topics.clone(), self.data.clone())
    }
}
