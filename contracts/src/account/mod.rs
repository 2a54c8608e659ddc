//! Transactions of one account: estimated, signed, sent in order of nonces, waited for, and put back when a node loses them.
//!
//! Many tasks send at once. Taking a nonce and handing in the transaction happen under one lock; waiting does not. A
//! nonce is the larger of what the node counts and what was handed out here, unless nothing of ours is under way: then
//! the node alone is right (it may have been restarted from an older state). A transaction that the node no longer
//! knows is handed in again, byte for byte, by whoever waits for it, so that a gap in the nonces closes by itself. One
//! that stays unmined, or pays less than the base fee by now, is offered again with a higher fee under the same nonce: at
//! most one of the two can be mined. Transactions are mined in the order of their nonces, so whoever waits also sees to
//! those before his own: one that a reorganisation took back, with nobody waiting for it any more, is handed in again,
//! and what is urgent lifts the fees of those that would hold it up.

mod fees;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use alloy::consensus::{SignableTransaction, TxEip1559, TxEnvelope};
use alloy::eips::Encodable2718;
use alloy::primitives::{Address, B256, Bytes, Signature, TxKind, U64, U256};
use cairn_wire::SecretKey;
use serde_json::json;
use tokio::sync::Mutex;
use tracing::{debug, warn};

pub(crate) use self::fees::base_fee;

use self::fees::Fees;
use crate::error::ChainError;
use crate::rpc::{ChainOptions, Rpc, RpcFailure};
use crate::rpc_types::RpcReceipt;
use crate::verdict::{Call, read_failure};

const GAS_MARGIN_PERCENT: u64 = 25;
const GAS_MARGIN: u64 = 20_000;
const SEND_ATTEMPTS: u32 = 6;
const PAUSE_BETWEEN_SENDS: Duration = Duration::from_millis(200);
const FIRST_POLL: Duration = Duration::from_millis(40);
const LAST_POLL: Duration = Duration::from_millis(1_000);
/// When no endpoint has answered for so long, the caller is told: it has alarms to raise and deadlines to watch.
const SILENCE: Duration = Duration::from_secs(10);
const LOST_CHECK: Duration = Duration::from_secs(3);
/// Transactions that are kept after they were handed in: as many as a reorganisation may take back at once.
const KEPT: usize = 64;

/// Whether a deadline hangs on a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urgency {
    /// It may wait until gas is cheap again.
    CanWait,
    /// A proof, or an answer: late, it costs collateral.
    Urgent,
}

/// The account that signs, and what it has under way.
pub(crate) struct Account {
    key: SecretKey,
    chain_id: u64,
    options: ChainOptions,
    /// The next nonce to hand out, as far as we know.
    next_nonce: Mutex<u64>,
    under_way: AtomicUsize,
    /// The newest by their nonces, waited for or not.
    kept: std::sync::Mutex<BTreeMap<u64, Arc<Sent>>>,
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
    nonce: u64,
    most_wei: u128,
    /// Held while an offer is handed in: nobody takes the one before for lost meanwhile.
    offers: Mutex<Offers>,
}

/// What was offered under one nonce.
struct Offers {
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
    pub(crate) fn new(key: SecretKey, chain_id: u64, options: ChainOptions) -> Self {
        Self {
            key,
            chain_id,
            options,
            next_nonce: Mutex::new(0),
            under_way: AtomicUsize::new(0),
            kept: std::sync::Mutex::default(),
        }
    }

    pub(crate) const fn key(&self) -> &SecretKey {
        &self.key
    }

    fn address(&self) -> Address {
        Address::from(self.key.address().0)
    }

    const fn most_wei(&self, urgency: Urgency) -> u128 {
        match urgency {
            Urgency::CanWait => self.options.max_fee_wei,
            Urgency::Urgent => self.options.max_proof_fee_wei,
        }
    }

    /// Sends one transaction and waits until it is in a block.
    pub(crate) async fn send(
        &self,
        rpc: &Rpc,
        (call, urgency): (&Call, Urgency),
        to: TxKind,
        input: Bytes,
    ) -> Result<RpcReceipt, ChainError> {
        let gas_limit = self.estimate(rpc, call, to, &input).await?;
        for _ in 0..SEND_ATTEMPTS {
            let Fees { tip, fee } = fees::now(rpc, call, self.most_wei(urgency)).await?;
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
            let (sent, _under_way) = self.hand_in(rpc, (call, urgency), transaction).await?;
            match self.wait(rpc, call, &sent).await? {
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
        (call, urgency): (&Call, Urgency),
        mut transaction: TxEip1559,
    ) -> Result<(Arc<Sent>, UnderWay<'_>), ChainError> {
        let mut next_nonce = self.next_nonce.lock().await;
        let mut least = 0;
        for _ in 0..SEND_ATTEMPTS {
            let idle = self.under_way.load(Ordering::SeqCst) == 0;
            // Where nobody waits for what is in the pool, what is urgent takes the place of whatever it outbids there:
            // behind something that pays too little it would never be mined.
            let counted = match urgency {
                Urgency::Urgent if idle => "latest",
                _ => "pending",
            };
            let counted = self.count(rpc, counted).await?;
            let ours = if idle { 0 } else { *next_nonce };
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
                    let sent = Arc::new(Sent {
                        nonce: transaction.nonce,
                        most_wei: self.most_wei(urgency),
                        offers: Mutex::new(Offers {
                            transaction,
                            raw,
                            hashes: vec![hash],
                        }),
                    });
                    self.keep(&sent);
                    return Ok((sent, under_way));
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

    /// Transactions of this account on the chain as of `tag`.
    async fn count(&self, rpc: &Rpc, tag: &'static str) -> Result<u64, ChainError> {
        let method = "eth_getTransactionCount";
        let count = rpc.call::<U64>(method, json!([self.address(), tag])).await;
        let count = count.map_err(|failure| failure.into_error(method))?;
        Ok(count.to())
    }

    fn keep(&self, sent: &Arc<Sent>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(sent.nonce, Arc::clone(sent));
        while kept.len() > KEPT {
            kept.pop_first();
        }
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

    async fn wait(&self, rpc: &Rpc, call: &Call, sent: &Sent) -> Result<Fate, ChainError> {
        let started = Instant::now();
        let mut pause = FIRST_POLL;
        let mut last_check = started;
        let mut heard = started;
        let mut overtaken = false;
        let timeout = self.options.receipt_timeout;
        let mut raise_at = timeout.checked_div(3).unwrap_or(timeout);
        loop {
            let hashes = sent.offers.lock().await.hashes.clone();
            for hash in &hashes {
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
            if started.elapsed() >= timeout || heard.elapsed() >= SILENCE {
                return Err(ChainError::NotMined {
                    function: call.to_string(),
                    tx: hashes.last().map(B256::to_string).unwrap_or_default(),
                    waited_s: started.elapsed().as_secs(),
                });
            }
            if started.elapsed() >= raise_at {
                raise_at = raise_at.saturating_mul(2);
                self.raise_fee(rpc, call, sent, sent.most_wei).await;
            }
            if last_check.elapsed() >= LOST_CHECK {
                last_check = Instant::now();
                overtaken = self.put_back_if_lost(rpc, call, sent).await;
                self.see_to_those_before(rpc, call, sent).await;
                // It cannot be mined as it is: waiting for its turn would be in vain.
                if self.is_outpriced(rpc, sent).await {
                    self.raise_fee(rpc, call, sent, sent.most_wei).await;
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
        let offers = sent.offers.lock().await;
        let Some(hash) = offers.hashes.last() else {
            return false;
        };
        let known = rpc
            .call::<Option<serde_json::Value>>("eth_getTransactionByHash", json!([hash]))
            .await;
        if !matches!(known, Ok(None)) {
            return false;
        }
        warn!(%call, nonce = sent.nonce, %hash, "the node has lost a transaction, handing it in again");
        match rpc
            .call::<B256>("eth_sendRawTransaction", json!([offers.raw]))
            .await
        {
            Err(failure) => is_nonce_used(&failure),
            Ok(_) => false,
        }
    }

    /// Nothing is mined before all lower nonces are: hands in again what is missing there, and pays more for what would
    /// hold this one up and pays too little, but no more than this one may.
    async fn see_to_those_before(&self, rpc: &Rpc, call: &Call, sent: &Sent) {
        let Ok(mined) = self.count(rpc, "latest").await else {
            return;
        };
        let before: Vec<Arc<Sent>> = {
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let before = kept.range(mined.min(sent.nonce)..sent.nonce);
            // Whoever waits sees to his own, but for paying more than he may.
            before
                .map(|(_, other)| other)
                .filter(|other| Arc::strong_count(other) == 1 || other.most_wei < sent.most_wei)
                .cloned()
                .collect()
        };
        for other in before {
            if other.most_wei < sent.most_wei && self.is_outpriced(rpc, &other).await {
                self.raise_fee(rpc, call, &other, sent.most_wei).await;
                continue;
            }
            let offers = other.offers.lock().await;
            let again = rpc.call::<B256>("eth_sendRawTransaction", json!([offers.raw]));
            // Where the node still has it, or its successor, it says so.
            if again.await.is_ok() {
                warn!(
                    nonce = other.nonce,
                    behind = sent.nonce,
                    "the chain took a transaction back, handing it in again"
                );
            }
        }
    }

    /// Whether the base fee has risen above the most that the transaction pays.
    async fn is_outpriced(&self, rpc: &Rpc, sent: &Sent) -> bool {
        let pays = sent.offers.lock().await.transaction.max_fee_per_gas;
        base_fee(rpc).await.is_ok_and(|base| base > pays)
    }

    async fn raise_fee(&self, rpc: &Rpc, call: &Call, sent: &Sent, most_wei: u128) {
        let Ok(now) = fees::now(rpc, call, most_wei).await else {
            return;
        };
        let mut offers = sent.offers.lock().await;
        let old = Fees {
            tip: offers.transaction.max_priority_fee_per_gas,
            fee: offers.transaction.max_fee_per_gas,
        };
        let Some(raised) = old.raised(now, most_wei) else {
            return;
        };
        let transaction = TxEip1559 {
            max_fee_per_gas: raised.fee,
            max_priority_fee_per_gas: raised.tip,
            ..offers.transaction.clone()
        };
        let Ok((raw, hash)) = self.sign(&transaction) else {
            return;
        };
        if rpc
            .call::<B256>("eth_sendRawTransaction", json!([raw]))
            .await
            .is_ok()
        {
            warn!(nonce = sent.nonce, %hash, fee_wei = raised.fee, "transaction not mined yet, fee raised");
            offers.hashes.push(hash);
            offers.raw = raw;
            offers.transaction = transaction;
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
        let account = Account::new(key, 31337, ChainOptions::default());
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
