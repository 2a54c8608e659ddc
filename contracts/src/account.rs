//! Transactions of one account: estimated, signed, sent in order of nonces, waited for, and put back when a node loses them.
//!
//! Many tasks send at once. Taking a nonce and handing in the transaction happen under one lock; waiting does not. A
//! nonce is the larger of what the node counts and what was handed out here, unless nothing of ours is under way: then
//! the node alone is right (it may have been restarted from an older state). A transaction that the node no longer
//! knows is handed in again, byte for byte, by whoever waits for it, so that a gap in the nonces closes by itself. One
//! that stays unmined, or pays less than the base fee by now, is offered again with a higher fee under the same nonce: at most one of the two can be mined.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::Encodable2718;
use alloy::primitives::{Address, B256, Bytes, Signature, TxKind, U64, U128, U256};
use cairn_wire::SecretKey;
use serde_json::json;
use tokio::sync::Mutex;
use tracing::{debug, warn};

use crate::error::ChainError;
use crate::rpc::{Rpc, RpcFailure};
use crate::rpc_types::{RpcBlock, RpcReceipt};
use crate::verdict::{Call, read_failure};

const GAS_MARGIN_PERCENT: u64 = 25;
const GAS_MARGIN: u64 = 20_000;
const FALLBACK_TIP_WEI: u128 = 1_000_000_000;
/// A node takes a replacement only at fees at least a tenth higher.
const BUMP_PERCENT: u128 = 130;
const SEND_ATTEMPTS: u32 = 6;
const PAUSE_BETWEEN_SENDS: Duration = Duration::from_millis(200);
const FIRST_POLL: Duration = Duration::from_millis(40);
const LAST_POLL: Duration = Duration::from_millis(1_000);
/// When no endpoint has answered for so long, the caller is told: it has alarms to raise and deadlines to watch.
const SILENCE: Duration = Duration::from_secs(10);
const LOST_CHECK: Duration = Duration::from_secs(3);

/// The account that signs, and what it has under way.
pub(crate) struct Account {
    key: SecretKey,
    chain_id: u64,
    receipt_timeout: Duration,
    /// The next nonce to hand out, as far as we know.
    next_nonce: Mutex<u64>,
    under_way: AtomicUsize,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("address", &self.key.address())
            .finish_non_exhaustive()
    }
}

/// A transaction that was handed in.
struct Sent {
    transaction: TxEip1559,
    raw: Bytes,
    /// Newest last; more than one after its fee was raised.
    hashes: Vec<B256>,
}

/// What became of it.
enum Fate {
    Mined(RpcReceipt),
    /// Its nonce was used by somebody else: it can never be mined.
    Overtaken,
}

/// Counts a transaction as under way for as long as somebody waits for it.
struct UnderWay<'a>(&'a AtomicUsize);

impl<'a> UnderWay<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Account {
    pub(crate) fn new(key: SecretKey, chain_id: u64, receipt_timeout: Duration) -> Self {
        Self {
            key,
            chain_id,
            receipt_timeout,
            next_nonce: Mutex::new(0),
            under_way: AtomicUsize::new(0),
        }
    }

    pub(crate) const fn key(&self) -> &SecretKey {
        &self.key
    }

    fn address(&self) -> Address {
        Address::from(self.key.address().0)
    }

    /// Sends one transaction and waits until it is in a block.
    pub(crate) async fn send(
        &self,
        rpc: &Rpc,
        call: &Call,
        to: TxKind,
        input: Bytes,
    ) -> Result<RpcReceipt, ChainError> {
        let gas_limit = self.estimate(rpc, call, to, &input).await?;
        for _ in 0..SEND_ATTEMPTS {
            let (tip, fee) = fees(rpc).await?;
            let transaction = TxEip1559 {
                chain_id: self.chain_id,
                nonce: 0,
                gas_limit,
                max_fee_per_gas: fee,
                max_priority_fee_per_gas: tip,
                to,
                value: U256::ZERO,
                access_list: alloy::eips::eip2930::AccessList::default(),
                input: input.clone(),
            };
            let (sent, _under_way) = self.hand_in(rpc, call, transaction).await?;
            match self.wait(rpc, call, sent).await? {
                Fate::Mined(receipt) if receipt.status == U64::ZERO => {
                    return Err(self
                        .why_reverted(rpc, call, to, &input, gas_limit, &receipt)
                        .await);
                }
                Fate::Mined(receipt) => return Ok(receipt),
                Fate::Overtaken => debug!(%call, "nonce used by another process, sending again"),
            }
        }
        Err(ChainError::BadAnswer {
            method: call.to_string(),
            reason: "every nonce was used by another process".to_owned(),
        })
    }

    /// Gas of the call, or the contract's refusal. Asked of the pending block: its time is the one that will count.
    async fn estimate(
        &self,
        rpc: &Rpc,
        call: &Call,
        to: TxKind,
        input: &Bytes,
    ) -> Result<u64, ChainError> {
        let request = self.request(to, input);
        match rpc
            .call::<U64>("eth_estimateGas", json!([request, "pending"]))
            .await
        {
            Ok(gas) => {
                let gas = gas.to::<u64>();
                let margin = gas
                    .saturating_mul(GAS_MARGIN_PERCENT)
                    .checked_div(100)
                    .unwrap_or(0);
                Ok(gas.saturating_add(margin).saturating_add(GAS_MARGIN))
            }
            Err(failure) => Err(read_failure(
                failure,
                call,
                "eth_estimateGas",
                self.key.address(),
            )),
        }
    }

    fn request(&self, to: TxKind, input: &Bytes) -> serde_json::Value {
        match to {
            TxKind::Call(to) => json!({ "from": self.address(), "to": to, "input": input }),
            TxKind::Create => json!({ "from": self.address(), "input": input }),
        }
    }

    /// Takes the next nonce and hands the transaction in. When no endpoint answers the hand-in itself, it may have
    /// arrived all the same: it counts as sent, and the waiting decides.
    async fn hand_in(
        &self,
        rpc: &Rpc,
        call: &Call,
        mut transaction: TxEip1559,
    ) -> Result<(Sent, UnderWay<'_>), ChainError> {
        let mut next_nonce = self.next_nonce.lock().await;
        let mut least = 0;
        for _ in 0..SEND_ATTEMPTS {
            let counted = rpc
                .call::<U64>(
                    "eth_getTransactionCount",
                    json!([self.address(), "pending"]),
                )
                .await
                .map_err(|failure| failure.into_error("eth_getTransactionCount"))?
                .to::<u64>();
            let ours = if self.under_way.load(Ordering::SeqCst) == 0 {
                0
            } else {
                *next_nonce
            };
            transaction.nonce = counted.max(ours).max(least);
            let (raw, hash) = self.sign(&transaction)?;
            match rpc
                .call::<B256>("eth_sendRawTransaction", json!([raw]))
                .await
            {
                Err(failure)
                    if !is_known(&failure)
                        && !matches!(failure, RpcFailure::Unreachable { .. }) =>
                {
                    if !is_nonce_used(&failure) {
                        return Err(read_failure(
                            failure,
                            call,
                            "eth_sendRawTransaction",
                            self.key.address(),
                        ));
                    }
                    debug!(%call, nonce = transaction.nonce, "nonce is used already");
                    least = transaction.nonce.saturating_add(1);
                    tokio::time::sleep(PAUSE_BETWEEN_SENDS).await;
                }
                _ => {
                    *next_nonce = transaction.nonce.saturating_add(1);
                    let under_way = UnderWay::new(&self.under_way);
                    debug!(%call, nonce = transaction.nonce, %hash, "transaction handed in");
                    return Ok((
                        Sent {
                            transaction,
                            raw,
                            hashes: vec![hash],
                        },
                        under_way,
                    ));
                }
            }
        }
        Err(ChainError::BadAnswer {
            method: "eth_sendRawTransaction".to_owned(),
            reason: format!(
                "nonce {} and those before it are used, yet the node counts fewer",
                transaction.nonce
            ),
        })
    }

    fn sign(&self, transaction: &TxEip1559) -> Result<(Bytes, B256), ChainError> {
        let signature = self
            .key
            .sign_digest(&transaction.signature_hash().0)
            .map_err(|error| ChainError::Argument {
                argument: "key",
                reason: error.to_string(),
            })?;
        let signature = Signature::from_raw_array(signature.as_bytes()).map_err(|error| {
            ChainError::Argument {
                argument: "key",
                reason: error.to_string(),
            }
        })?;
        let envelope = TxEnvelope::Eip1559(transaction.clone().into_signed(signature));
        Ok((envelope.encoded_2718().into(), *envelope.tx_hash()))
    }

    async fn wait(&self, rpc: &Rpc, call: &Call, mut sent: Sent) -> Result<Fate, ChainError> {
        let started = Instant::now();
        let mut pause = FIRST_POLL;
        let mut last_check = started;
        let mut heard = started;
        let mut overtaken = false;
        let mut raise_at = self
            .receipt_timeout
            .checked_div(3)
            .unwrap_or(self.receipt_timeout);
        loop {
            for hash in &sent.hashes {
                let answer = rpc
                    .call::<Option<RpcReceipt>>("eth_getTransactionReceipt", json!([hash]))
                    .await;
                if !matches!(answer, Err(RpcFailure::Unreachable { .. })) {
                    heard = Instant::now();
                }
                if let Ok(Some(receipt)) = answer
                    && receipt.block_number.is_some()
                {
                    return Ok(Fate::Mined(receipt));
                }
            }
            if overtaken {
                // The receipts were looked at once more after the node had said so.
                return Ok(Fate::Overtaken);
            }
            if started.elapsed() >= self.receipt_timeout || heard.elapsed() >= SILENCE {
                return Err(ChainError::NotMined {
                    function: call.to_string(),
                    tx: sent.hashes.last().map(B256::to_string).unwrap_or_default(),
                    waited_s: started.elapsed().as_secs(),
                });
            }
            if started.elapsed() >= raise_at {
                raise_at = raise_at.saturating_mul(2);
                self.raise_fee(rpc, &mut sent).await;
            }
            if last_check.elapsed() >= LOST_CHECK {
                last_check = Instant::now();
                overtaken = self.put_back_if_lost(rpc, call, &sent).await;
                // It cannot be mined as it is: waiting for its turn would be in vain.
                if outpriced(rpc, &sent.transaction).await {
                    self.raise_fee(rpc, &mut sent).await;
                }
            }
            tokio::time::sleep(pause).await;
            pause = pause
                .saturating_mul(3)
                .checked_div(2)
                .unwrap_or(LAST_POLL)
                .min(LAST_POLL);
        }
    }

    /// Whether its nonce is gone to another transaction.
    async fn put_back_if_lost(&self, rpc: &Rpc, call: &Call, sent: &Sent) -> bool {
        let Some(hash) = sent.hashes.last() else {
            return false;
        };
        let known = rpc
            .call::<Option<serde_json::Value>>("eth_getTransactionByHash", json!([hash]))
            .await;
        if !matches!(known, Ok(None)) {
            return false;
        }
        warn!(%call, nonce = sent.transaction.nonce, %hash, "the node has lost a transaction, handing it in again");
        match rpc
            .call::<B256>("eth_sendRawTransaction", json!([sent.raw]))
            .await
        {
            Err(failure) => is_nonce_used(&failure),
            Ok(_) => false,
        }
    }

    async fn raise_fee(&self, rpc: &Rpc, sent: &mut Sent) {
        let Ok((tip, fee)) = fees(rpc).await else {
            return;
        };
        let raised = |old: u128, now: u128| {
            old.saturating_mul(BUMP_PERCENT)
                .checked_div(100)
                .unwrap_or(old)
                .max(now)
        };
        let transaction = TxEip1559 {
            max_fee_per_gas: raised(sent.transaction.max_fee_per_gas, fee),
            max_priority_fee_per_gas: raised(sent.transaction.max_priority_fee_per_gas, tip),
            ..sent.transaction.clone()
        };
        let Ok((raw, hash)) = self.sign(&transaction) else {
            return;
        };
        if rpc
            .call::<B256>("eth_sendRawTransaction", json!([raw]))
            .await
            .is_ok()
        {
            warn!(nonce = transaction.nonce, %hash, "transaction not mined yet, fee raised");
            sent.hashes.push(hash);
            sent.raw = raw;
            sent.transaction = transaction;
        }
    }

    /// A mined transaction keeps no reason: the same call on the block before usually finds it.
    async fn why_reverted(
        &self,
        rpc: &Rpc,
        call: &Call,
        to: TxKind,
        input: &Bytes,
        gas_limit: u64,
        receipt: &RpcReceipt,
    ) -> ChainError {
        let block = receipt.block_number.unwrap_or_default();
        let mut request = self.request(to, input);
        if let Some(fields) = request.as_object_mut() {
            fields.insert("gas".to_owned(), json!(U64::from(gas_limit)));
        }
        if let Err(failure) = rpc.call::<Bytes>("eth_call", json!([request, block])).await
            && let refused @ ChainError::Refused(_) =
                read_failure(failure, call, "eth_call", self.key.address())
        {
            return refused;
        }
        ChainError::Reverted {
            function: call.to_string(),
            tx: receipt.transaction_hash.to_string(),
            block: block.to::<u64>(),
        }
    }
}

/// Whether the base fee has risen above the most that the transaction pays.
async fn outpriced(rpc: &Rpc, transaction: &TxEip1559) -> bool {
    let block = rpc
        .call::<Option<RpcBlock>>("eth_getBlockByNumber", json!(["latest", false]))
        .await;
    let base = block
        .ok()
        .flatten()
        .and_then(|block| block.base_fee_per_gas);
    base.is_some_and(|base| base.to::<u128>() > transaction.max_fee_per_gas)
}

/// Tip, and the most we pay in all: twice the base fee outlives six full blocks in a row.
async fn fees(rpc: &Rpc) -> Result<(u128, u128), ChainError> {
    let block = rpc
        .call::<Option<RpcBlock>>("eth_getBlockByNumber", json!(["latest", false]))
        .await
        .map_err(|failure| failure.into_error("eth_getBlockByNumber"))?;
    let base = block
        .and_then(|block| block.base_fee_per_gas)
        .unwrap_or_default()
        .to::<u128>();
    let tip = match rpc
        .call::<U128>("eth_maxPriorityFeePerGas", json!([]))
        .await
    {
        Ok(tip) => tip.to::<u128>(),
        Err(_) => FALLBACK_TIP_WEI,
    };
    Ok((tip, base.saturating_mul(2).saturating_add(tip)))
}

fn says(failure: &RpcFailure, signs: &[&str]) -> bool {
    let RpcFailure::Error { message, .. } = failure else {
        return false;
    };
    let message = message.to_ascii_lowercase();
    signs.iter().any(|sign| message.contains(sign))
}

/// The node has this very transaction.
fn is_known(failure: &RpcFailure) -> bool {
    says(
        failure,
        &["already known", "already imported", "known transaction"],
    )
}

/// Another transaction has the nonce, mined or waiting.
fn is_nonce_used(failure: &RpcFailure) -> bool {
    says(
        failure,
        &[
            "nonce too low",
            "underpriced",
            "nonce is too low",
            "oldnonce",
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(message: &str) -> RpcFailure {
        RpcFailure::Error {
            code: -32000,
            message: message.to_owned(),
            data: None,
        }
    }

    #[test]
    fn what_nodes_say_about_nonces_is_understood() {
        for message in [
            "nonce too low",
            "Nonce too low: next nonce 4, tx nonce 3",
            "replacement transaction underpriced",
        ] {
            assert!(is_nonce_used(&error(message)), "{message}");
        }
        assert!(is_known(&error("already known")), "geth");
        assert!(is_known(&error("transaction already imported")), "anvil");
        assert!(
            !is_nonce_used(&error("insufficient funds for gas * price + value")),
            "another trouble"
        );
        assert!(
            !is_nonce_used(&RpcFailure::Unreachable {
                reasons: "nonce too low".into()
            }),
            "not the node's word"
        );
    }

    #[test]
    fn a_transaction_recovers_to_the_account_that_signed_it() {
        let key = SecretKey::from_bytes(&[7; 32]).unwrap();
        let address = key.address();
        let account = Account::new(key, 31337, Duration::from_secs(1));
        let transaction = TxEip1559 {
            chain_id: 31337,
            nonce: 5,
            gas_limit: 21_000,
            ..TxEip1559::default()
        };
        let (raw, hash) = account.sign(&transaction).unwrap();
        assert_eq!(raw[0], 2, "type 2");
        assert_eq!(
            hash,
            alloy::primitives::keccak256(&raw),
            "its hash is over its bytes"
        );
        let digest = transaction.signature_hash().0;
        let signature = account.key().sign_digest(&digest).unwrap();
        assert_eq!(
            cairn_wire::recover(&digest, &signature).unwrap(),
            address,
            "signer"
        );
        assert!(
            !format!("{account:?}").contains("0707"),
            "the key is not shown"
        );
    }
}
