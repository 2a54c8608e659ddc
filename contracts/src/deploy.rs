//! Puts the market on a chain: key data contracts first, then the contracts that name them.

use cairn_wire::{Address, SecretKey};

use crate::deployment::{CircuitSet, Deployment, SetParameters};
use crate::error::DeployError;
use crate::schedule::Schedule;

/// Chain ids on which insecure keys, sets for development and the test token are allowed.
pub const DEVELOPMENT_CHAINS: [u64; 2] = [31337, 1337];

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

/// Deploys the market with the account of `key` and checks that the contracts show what was planned.
///
/// # Errors
/// [`DeployError`]: the plan is refused on this chain, is malformed, or the chain fails. Contracts deployed before a
/// failure stay where they are and are of no consequence.
pub async fn deploy(rpc_urls: &[String], key: &SecretKey, plan: &DeployPlan) -> Result<Deployment, DeployError> {
    let _ = (rpc_urls, key, plan);
    Err(DeployError::Plan { field: "keys", reason: "artifacts are not there".to_owned() })
}
