//! What can go wrong between this process and the chain, and whose fault it is.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

/// A contract's own "no": the Solidity error and its arguments, as its ABI names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The contract that was called, by its name in the deployment (`Deals`).
    pub contract: String,
    /// The function that was called.
    pub function: String,
    /// The Solidity error (`Deals_SlotTaken`), or `Error` / `Panic`, or `unknown` with the raw bytes as its argument.
    pub error: String,
    /// Name and value of each argument.
    pub arguments: Vec<(String, String)>,
}

impl Refusal {
    /// Whether the contract gave this Solidity error.
    #[must_use]
    pub fn is(&self, error: &str) -> bool {
        self.error == error
    }

    /// The value of one argument, as text.
    #[must_use]
    pub fn argument(&self, name: &str) -> Option<&str> {
        self.arguments
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the chain refused {}.{} because {}(",
            self.contract, self.function, self.error
        )?;
        for (place, (name, value)) in self.arguments.iter().enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            let space = if name.is_empty() { "" } else { " " };
            write!(f, "{comma}{name}{space}{value}")?;
        }
        write!(f, ")")
    }
}

/// What a caller may do about an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The network or the RPC node failed: the same call may succeed later.
    Later,
    /// The chain looked at the call and said no: repeating it unchanged is pointless.
    Refused,
    /// A setting, a key or an argument of ours is wrong: a person has to change something.
    Never,
}

/// A call to the chain that did not end well.
#[derive(Debug, Error)]
pub enum ChainError {
    /// Chain: a contract said no.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// Network: no endpoint answered.
    #[error("no RPC endpoint answered {method}: {reasons}")]
    Unreachable {
        /// The JSON-RPC method.
        method: &'static str,
        /// One reason per endpoint.
        reasons: String,
    },
    /// RPC node: it answered with an error that is not a contract's.
    #[error("the RPC node refused {method}: {message} (code {code})")]
    Rpc {
        /// The JSON-RPC method.
        method: &'static str,
        /// JSON-RPC error code.
        code: i64,
        /// Its message.
        message: String,
    },
    /// RPC node: an answer that makes no sense.
    #[error("the RPC node's answer to {method} makes no sense: {reason}")]
    BadAnswer {
        /// The JSON-RPC method or contract function.
        method: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Chain: the transaction was mined and reverted (its pre-check had passed).
    #[error("transaction {tx} of {function} was mined in block {block} but reverted")]
    Reverted {
        /// The contract function.
        function: String,
        /// Transaction hash.
        tx: String,
        /// Block it is in.
        block: u64,
    },
    /// Chain: the transaction was sent but not seen in a block in time. It may still be mined.
    #[error("transaction {tx} of {function} was not mined within {waited_s} s")]
    NotMined {
        /// The contract function.
        function: String,
        /// Transaction hash.
        tx: String,
        /// How long we waited.
        waited_s: u64,
    },
    /// Us: gas costs more than we pay for this; nothing was sent.
    #[error("{function} waits: gas costs {base_wei} wei a unit, the most we pay is {most_wei}")]
    Dear {
        /// The contract function.
        function: String,
        /// The base fee.
        base_wei: u128,
        /// What we pay at most.
        most_wei: u128,
    },
    /// Us: the account cannot pay for the transaction.
    #[error("account {account} cannot pay for {function}: {message}")]
    Funds {
        /// Who should pay.
        account: cairn_wire::Address,
        /// The contract function.
        function: String,
        /// What the node said.
        message: String,
    },
    /// Us: the RPC node serves another chain than the deployment names.
    #[error("the RPC node serves chain {got}, the deployment is on chain {expected}")]
    WrongChain {
        /// Chain id of the deployment.
        expected: u64,
        /// Chain id of the node.
        got: u64,
    },
    /// Us or chain: there is no contract where the deployment says.
    #[error("there is no contract {contract} at {address}")]
    NoContract {
        /// Its name.
        contract: &'static str,
        /// Where it should be.
        address: cairn_wire::Address,
    },
    /// Us: the contracts show something else than the deployment file says.
    #[error("the deployment file says {field} is {expected}, the contracts show {got}")]
    OtherDeployment {
        /// Which value.
        field: &'static str,
        /// In the file.
        expected: String,
        /// On chain.
        got: String,
    },
    /// Chain: the beacon round of a period was not posted yet.
    #[error("round {round}, which seeds period {period}, was not posted yet")]
    RoundUnknown {
        /// The period.
        period: cairn_wire::Period,
        /// Its round.
        round: cairn_wire::Round,
    },
    /// Us: the call needs a key and this connection has none.
    #[error("{function} needs a key, this connection is read-only")]
    ReadOnly {
        /// The contract function.
        function: String,
    },
    /// Us: no or malformed endpoints, or the HTTP client could not be made.
    #[error("RPC settings: {reason}")]
    Settings {
        /// What is wrong.
        reason: String,
    },
    /// Us: an argument the contract could never take.
    #[error("{argument}: {reason}")]
    Argument {
        /// Which argument.
        argument: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl ChainError {
    /// What the caller may do about it.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. }
            | Self::Rpc { .. }
            | Self::BadAnswer { .. }
            | Self::NotMined { .. }
            | Self::Dear { .. }
            | Self::RoundUnknown { .. } => Retry::Later,
            Self::Refused(_) | Self::Reverted { .. } => Retry::Refused,
            Self::WrongChain { .. }
            | Self::Funds { .. }
            | Self::OtherDeployment { .. }
            | Self::NoContract { .. }
            | Self::ReadOnly { .. }
            | Self::Settings { .. }
            | Self::Argument { .. } => Retry::Never,
        }
    }

    /// The contract's refusal, where this is one.
    #[must_use]
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether a contract refused with this Solidity error.
    #[must_use]
    pub fn is_refusal(&self, error: &str) -> bool {
        self.refusal().is_some_and(|refusal| refusal.is(error))
    }
}

/// Why a deployment was not made.
#[derive(Debug, Error)]
pub enum DeployError {
    /// Us: keys that anyone can forge proofs under, on a chain where money is real.
    #[error(
        "parameter set {set} has insecure keys (made from a public seed): refused on chain {chain_id}, which is not a development chain"
    )]
    InsecureKeys {
        /// Parameter set.
        set: String,
        /// Where it should have gone.
        chain_id: u64,
    },
    /// Us: a parameter set for development, on a chain where money is real.
    #[error(
        "parameter set {set} is for development: refused on chain {chain_id}, which is not a development chain"
    )]
    InsecureSet {
        /// Parameter set.
        set: String,
        /// Where it should have gone.
        chain_id: u64,
    },
    /// Us: a replica of so few layers is made again faster than it is asked for.
    #[error(
        "replicas of parameter set {set} have {layers} layers: refused on chain {chain_id}, which is not a development chain, below eight"
    )]
    FewLayers {
        /// Parameter set.
        set: String,
        /// Its layers.
        layers: u8,
        /// Where it should have gone.
        chain_id: u64,
    },
    /// Us: a sector so small is sealed again faster than it is asked for.
    #[error(
        "sealed sectors of parameter set {set} have {sector_bytes} bytes: refused on chain {chain_id}, which is not a development chain, below 8 GiB"
    )]
    SmallSectors {
        /// Parameter set.
        set: String,
        /// Bytes of a sector.
        sector_bytes: u64,
        /// Where it should have gone.
        chain_id: u64,
    },
    /// Us: a replica that cannot be proven must cost something where money is real.
    #[error(
        "a deposit of nothing is refused on chain {chain_id}, which is not a development chain"
    )]
    NoDeposit {
        /// Where it should have gone.
        chain_id: u64,
    },
    /// Us: without it losing data costs nothing.
    #[error(
        "collateral_terms.{field} is too little for chain {chain_id}, which is not a development chain"
    )]
    NoCollateral {
        /// The term.
        field: &'static str,
        /// Where it should have gone.
        chain_id: u64,
    },
    /// Us: the test token mints for anybody, so it exists on development chains only.
    #[error(
        "the test token is refused on chain {chain_id}, which is not a development chain: name an existing token"
    )]
    TestToken {
        /// Where it should have gone.
        chain_id: u64,
    },
    /// Us: a number or blob of the plan that no contract could take.
    #[error("the plan's {field}: {reason}")]
    Plan {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The chain or the way to it.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Why a deployment file could not be read or written.
#[derive(Debug, Error)]
pub enum DeploymentFileError {
    /// Disk: reading or writing failed.
    #[error("deployment file {path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Us: it is not a deployment.
    #[error("deployment file {path} is not a deployment: {source}")]
    Format {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
}

/// Why anvil could not be started.
#[derive(Debug, Error)]
pub enum AnvilError {
    /// Us: the binary is not installed.
    #[error("anvil was not found (looked at {looked}): run `make setup`")]
    Missing {
        /// Where we looked.
        looked: String,
    },
    /// Machine: it could not be started.
    #[error("anvil at {path} could not be started: {source}")]
    Start {
        /// Which binary.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Machine: it ended or stayed silent.
    #[error("anvil did not answer at {url} within {waited_s} s: {reason}")]
    Silent {
        /// Where it should answer.
        url: String,
        /// How long we waited.
        waited_s: u64,
        /// What is known.
        reason: String,
    },
    /// Chain: it refused a development command.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_refused_and_why() {
        let refusal = Refusal {
            contract: "Deals".into(),
            function: "activate".into(),
            error: "Deals_SlotTaken".into(),
            arguments: vec![("deal".into(), "3".into()), ("slot".into(), "1".into())],
        };
        let said = "the chain refused Deals.activate because Deals_SlotTaken(deal 3, slot 1)";
        assert_eq!(refusal.to_string(), said, "the sentence");
        assert_eq!(refusal.argument("slot"), Some("1"), "by name");
        let error = ChainError::Refused(Box::new(refusal));
        assert!(error.is_refusal("Deals_SlotTaken"), "recognised");
        assert_eq!(error.retry(), Retry::Refused, "not to be repeated");
    }
}
