//! What a network is started with; written down beside it, so that it can be resumed.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use cairn_prover::params::ParamSet;
use serde::{Deserialize, Serialize};

/// Test tokens (smallest units) that the user gets.
pub const USER_TOKENS: u128 = 1_000_000_000_000_000_000_000_000;

/// Test tokens that each node gets, for the deposits on its replicas.
pub const NODE_TOKENS: u128 = 1_000_000_000_000;

/// What is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Name of the parameter set.
    pub set: String,
    /// How many nodes.
    pub nodes: usize,
    /// Folder of the proving keys, shared by everybody on this machine.
    pub key_dir: PathBuf,
    /// How long an accepted piece waits for others, in seconds.
    pub pack_wait_s: u64,
    /// Seconds between blocks.
    pub block_time_s: u64,
    /// All keys of the network follow from it.
    pub seed: [u8; 32],
    /// RPC port; kept for a resumed network, because the nodes' configurations name it.
    pub rpc_port: u16,
    /// Bytes of pieces a node takes.
    pub quota_bytes: u64,
    /// Threads that seal in each node; all nodes of a devnet share this machine's cores.
    pub sealing_threads: usize,
    /// Whether nodes keep the data of sealed sectors beside the replica; otherwise it is unsealed when it is read.
    pub keep_unsealed: bool,
    /// Whether nodes report each other's misses and repair what others lost.
    #[serde(default)]
    pub repair: bool,
}

impl Plan {
    /// The plan of a network of `nodes` nodes on the parameter set `set`, with this machine's defaults.
    #[must_use]
    pub fn new(set: &ParamSet, nodes: usize, key_dir: &Path) -> Self {
        Self {
            set: set.name.to_owned(),
            nodes,
            key_dir: key_dir.to_path_buf(),
            pack_wait_s: 3,
            block_time_s: 1,
            seed: [7; 32],
            rpc_port: 0,
            quota_bytes: 4 << 30,
            sealing_threads: 1,
            keep_unsealed: true,
            repair: false,
        }
    }

    /// The parameter set.
    ///
    /// # Errors
    /// When the plan names none.
    pub fn params(&self) -> Result<&'static ParamSet> {
        ParamSet::by_name(&self.set)
            .with_context(|| format!("there is no parameter set {}", self.set))
    }
}
