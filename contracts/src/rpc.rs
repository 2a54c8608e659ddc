//! JSON-RPC over HTTP to one of several endpoints: bounded answers, time-outs everywhere, the next endpoint when one fails.
//!
//! Who is to blame decides what happens next. An endpoint that does not answer, answers garbage or is overloaded: the
//! next one is asked, and it stays the preferred one. An endpoint that answers "the call reverted" or "this transaction
//! is invalid": that is the answer.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Url;
use rustls_platform_verifier::BuilderVerifierExt;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tracing::{debug, warn};

use crate::error::ChainError;

/// An answer longer than this is refused: no range of blocks we ask for comes near it.
const MAX_ANSWER_BYTES: usize = 64 << 20;
const PASSES: u32 = 2;
const PAUSE_BETWEEN_PASSES: Duration = Duration::from_millis(250);

/// How long to wait for the chain, and what to pay it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainOptions {
    /// For a TCP and TLS connection.
    pub connect_timeout: Duration,
    /// For one JSON-RPC answer.
    pub request_timeout: Duration,
    /// For a transaction to be in a block.
    pub receipt_timeout: Duration,
    /// Most blocks asked for in one `eth_getLogs`.
    pub log_range_blocks: u64,
    /// Most wei paid for a unit of gas, base fee and tip together, by what can wait.
    pub max_fee_wei: u128,
    /// The same by what cannot: proofs of windows and replicas, answers to challenges, declared faults. While one of them
    /// waits behind a transaction that pays too little, this is what that one pays, too.
    pub max_proof_fee_wei: u128,
}

impl Default for ChainOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(20),
            receipt_timeout: Duration::from_secs(120),
            log_range_blocks: 2_000,
            max_fee_wei: u128::MAX,
            max_proof_fee_wei: u128::MAX,
        }
    }
}

/// Several endpoints of one chain.
pub(crate) struct Rpc {
    client: reqwest::Client,
    endpoints: Vec<Url>,
    preferred: AtomicUsize,
    next_id: AtomicU64,
}

impl fmt::Debug for Rpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Only host and port: a path or query may carry an access token.
        f.debug_list()
            .entries(self.endpoints.iter().map(place))
            .finish()
    }
}

/// Why a method gave no result.
#[derive(Debug)]
pub(crate) enum RpcFailure {
    /// No endpoint gave an answer.
    Unreachable { reasons: String },
    /// The node's error object.
    Error {
        code: i64,
        message: String,
        data: Option<Vec<u8>>,
    },
    /// The result is not of the expected form.
    Form { reason: String },
}

impl RpcFailure {
    /// As an error for which no contract is to blame.
    pub(crate) fn into_error(self, method: &'static str) -> ChainError {
        match self {
            Self::Unreachable { reasons } => ChainError::Unreachable { method, reasons },
            Self::Error { code, message, .. } => ChainError::Rpc {
                method,
                code,
                message,
            },
            Self::Form { reason } => ChainError::BadAnswer {
                method: method.to_owned(),
                reason,
            },
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    result: Value,
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
struct ErrorObject {
    code: i64,
    message: String,
    data: Option<Value>,
}

/// What one endpoint made of a request.
enum Outcome {
    /// The body, an envelope.
    Answer(Vec<u8>),
    /// Ask another.
    Failed(String),
}

impl Rpc {
    pub(crate) fn new(urls: &[String], options: &ChainOptions) -> Result<Self, ChainError> {
        let settings = |reason: String| ChainError::Settings { reason };
        let endpoints = urls
            .iter()
            .map(|url| {
                Url::parse(url)
                    .ok()
                    .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
                    .ok_or_else(|| settings(format!("{url:?} is not an http(s) address")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        if endpoints.is_empty() {
            return Err(settings("no RPC endpoint was given".to_owned()));
        }
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .and_then(BuilderVerifierExt::with_platform_verifier)
        .map_err(|error| settings(format!("TLS: {error}")))?
        .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(options.connect_timeout)
            .timeout(options.request_timeout)
            .build()
            .map_err(|error| settings(format!("HTTP client: {error}")))?;
        Ok(Self {
            client,
            endpoints,
            preferred: AtomicUsize::new(0),
            next_id: AtomicU64::new(1),
        })
    }

    /// One method, on the preferred endpoint or the next that answers.
    pub(crate) async fn call<R: DeserializeOwned>(
        &self,
        method: &'static str,
        params: Value,
    ) -> Result<R, RpcFailure> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        let mut reasons = Vec::new();
        for pass in 0..PASSES {
            if pass > 0 {
                tokio::time::sleep(PAUSE_BETWEEN_PASSES).await;
            }
            reasons.clear();
            let first = self.preferred.load(Ordering::Relaxed);
            for step in 0..self.endpoints.len() {
                let place_in_list = first
                    .wrapping_add(step)
                    .checked_rem(self.endpoints.len())
                    .unwrap_or(0);
                let Some(url) = self.endpoints.get(place_in_list) else {
                    continue;
                };
                match self.ask(url, &request).await {
                    Outcome::Answer(body) => match read_envelope(&body) {
                        Ok(answer) => {
                            self.preferred.store(place_in_list, Ordering::Relaxed);
                            return answer;
                        }
                        Err(reason) => reasons.push(format!("{}: {reason}", place(url))),
                    },
                    Outcome::Failed(reason) => reasons.push(format!("{}: {reason}", place(url))),
                }
                debug!(
                    method,
                    endpoint = place(url),
                    reason = reasons.last(),
                    "endpoint failed"
                );
            }
        }
        let reasons = reasons.join("; ");
        warn!(method, %reasons, "no RPC endpoint answered");
        Err(RpcFailure::Unreachable { reasons })
    }

    async fn ask(&self, url: &Url, request: &Value) -> Outcome {
        let mut response = match self.client.post(url.clone()).json(request).send().await {
            Ok(response) => response,
            Err(error) => return Outcome::Failed(reason_of(error)),
        };
        let status = response.status();
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    if body.len().saturating_add(chunk.len()) > MAX_ANSWER_BYTES {
                        return Outcome::Failed(format!(
                            "answer longer than {MAX_ANSWER_BYTES} bytes"
                        ));
                    }
                    body.extend_from_slice(&chunk);
                }
                Ok(None) => break,
                Err(error) => return Outcome::Failed(reason_of(error)),
            }
        }
        // Some nodes say "reverted" under status 400: an envelope counts whatever the status, except "too many".
        if status.as_u16() == 429 || status.is_server_error() {
            return Outcome::Failed(format!("HTTP status {status}"));
        }
        Outcome::Answer(body)
    }
}

/// `Err` when another endpoint may do better.
fn read_envelope<R: DeserializeOwned>(body: &[u8]) -> Result<Result<R, RpcFailure>, String> {
    let envelope: Envelope =
        serde_json::from_slice(body).map_err(|error| format!("not JSON-RPC: {error}"))?;
    if let Some(error) = envelope.error {
        let data = error.data.as_ref().and_then(revert_data);
        if data.is_none() && is_endpoints_own_trouble(error.code, &error.message) {
            return Err(format!("{} (code {})", error.message, error.code));
        }
        return Ok(Err(RpcFailure::Error {
            code: error.code,
            message: error.message,
            data,
        }));
    }
    Ok(
        serde_json::from_value(envelope.result).map_err(|error| RpcFailure::Form {
            reason: error.to_string(),
        }),
    )
}

/// Rate limits, missing methods and internal errors are one endpoint's trouble, not the chain's answer.
fn is_endpoints_own_trouble(code: i64, message: &str) -> bool {
    let overloaded = [
        "rate limit",
        "too many requests",
        "limit exceeded",
        "header not found",
        "missing trie node",
    ];
    let said = message.to_ascii_lowercase();
    matches!(code, -32005 | -32601 | -32097) || overloaded.iter().any(|sign| said.contains(sign))
}

/// Nodes put the bytes of a revert in `data`, as a string or as an object with a `data` of its own.
fn revert_data(data: &Value) -> Option<Vec<u8>> {
    let text = data.as_str().or_else(|| data.get("data")?.as_str())?;
    let start = text.find("0x")?;
    let digits: String = text
        .get(start.checked_add(2)?..)?
        .chars()
        .take_while(char::is_ascii_hexdigit)
        .collect();
    hex::decode(digits).ok()
}

fn place(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(0);
    format!("{}:{port}", url.host_str().unwrap_or("?"))
}

/// The innermost reason, without the address (which may carry a token).
fn reason_of(error: reqwest::Error) -> String {
    if error.is_timeout() {
        return "timed out".to_owned();
    }
    let error = error.without_url();
    let mut reason: &dyn std::error::Error = &error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revert_is_an_answer_and_an_overloaded_endpoint_is_none() {
        let revert = br#"{"jsonrpc":"2.0","id":1,"error":{"code":3,"message":"execution reverted","data":"0x01020304"}}"#;
        let answer = read_envelope::<Value>(revert).unwrap();
        assert!(
            matches!(answer, Err(RpcFailure::Error { code: 3, data: Some(ref data), .. }) if data == &[1, 2, 3, 4]),
            "a revert: {answer:?}"
        );
        let limit =
            br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"daily limit exceeded"}}"#;
        assert!(
            read_envelope::<Value>(limit).is_err(),
            "another endpoint may do better"
        );
        assert!(
            read_envelope::<Value>(b"<html>").is_err(),
            "a proxy's error page is no answer"
        );
    }

    #[test]
    fn a_null_result_is_none_and_a_wrong_form_is_said() {
        let null = br#"{"jsonrpc":"2.0","id":1,"result":null}"#;
        assert!(
            matches!(read_envelope::<Option<String>>(null), Ok(Ok(None))),
            "null is none"
        );
        let number = br#"{"jsonrpc":"2.0","id":1,"result":7}"#;
        let answer = read_envelope::<String>(number).unwrap();
        assert!(matches!(answer, Err(RpcFailure::Form { .. })), "{answer:?}");
    }

    #[test]
    fn revert_data_is_found_where_nodes_put_it() {
        assert_eq!(
            revert_data(&json!("0x0102")),
            Some(vec![1, 2]),
            "geth, anvil"
        );
        assert_eq!(
            revert_data(&json!({"data": "0x0102"})),
            Some(vec![1, 2]),
            "wrapped"
        );
        assert_eq!(
            revert_data(&json!("Reverted 0x0102")),
            Some(vec![1, 2]),
            "parity"
        );
        assert_eq!(revert_data(&json!(null)), None, "nothing there");
    }

    #[test]
    fn addresses_that_are_no_http_endpoints_are_refused() {
        for urls in [
            vec![],
            vec![String::new()],
            vec!["ws://127.0.0.1:1".to_owned()],
            vec!["/x".to_owned()],
        ] {
            let made = Rpc::new(&urls, &ChainOptions::default());
            assert!(matches!(made, Err(ChainError::Settings { .. })), "{urls:?}");
        }
    }

    #[test]
    fn an_access_token_in_an_address_is_not_shown() {
        let rpc = Rpc::new(
            &["https://host.example/v1/secret-token".to_owned()],
            &ChainOptions::default(),
        )
        .unwrap();
        let shown = format!("{rpc:?}");
        assert!(shown.contains("host.example:443"), "{shown}");
        assert!(!shown.contains("secret"), "{shown}");
    }
}
