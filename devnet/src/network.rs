//! A chain, a beacon, a deployment and N nodes: started, wounded and healed as a story wants.
//!
//! ```text
//! DIR/plan.json                what was started; `resume` reads it
//! DIR/deployment.json          where the contracts are
//! DIR/chain/{state.json,anvil.log}
//! DIR/nodes/<i>/               cairn-node.toml, keys, data, node.log
//! DIR/user/                    home of the `cairn` command
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use cairn_contracts::{Anvil, AnvilOptions, Chain, Deployment};
use cairn_wire::Address;
use tracing::{info, warn};

use crate::accounts;
use crate::beacon::Beacon;
use crate::deploying;
use crate::node::{NodePlan, RunningNode};
use crate::plan::Plan;
use crate::process::binary;
use crate::user::User;

/// Wei that every account gets for gas.
const GAS_WEI: u128 = 1_000_000_000_000_000_000_000;
/// A running network; everything ends when it is dropped.
#[derive(Debug)]
pub struct Network {
    dir: PathBuf,
    plan: Plan,
    anvil: Option<Anvil>,
    beacon: Option<Beacon>,
    chain: Chain,
    nodes: BTreeMap<usize, RunningNode>,
}

impl Network {
    /// Starts a new network in `dir`, which must not hold one yet.
    ///
    /// # Errors
    /// When something is missing or does not start; what had started is ended.
    pub async fn start(dir: &Path, mut plan: Plan) -> Result<Self> {
        if dir.join("plan.json").exists() {
            bail!(
                "{} holds a network already: resume it, or name another folder",
                dir.display()
            );
        }
        fs::create_dir_all(dir.join("chain"))?;
        let dir = &dir.canonicalize()?;
        let keys = deploying::keys(&plan)?;
        let anvil = Anvil::start(&anvil_options(dir, &plan)).await?;
        plan.rpc_port = port_of(anvil.url())?;
        let rpc = vec![anvil.url().to_owned()];
        for name in account_names(plan.nodes) {
            let address = accounts::key(&plan.seed, &name)?.address();
            let wei = format!("{GAS_WEI:#x}");
            anvil
                .command(
                    "anvil_setBalance",
                    serde_json::json!([address.to_string(), wei]),
                )
                .await?;
        }
        let deployment = deploying::deploy(&rpc, &plan, &keys).await?;
        deployment.write(&dir.join("deployment.json"))?;
        fs::write(dir.join("plan.json"), serde_json::to_vec_pretty(&plan)?)?;
        let mut network = Self::join(dir, plan, anvil, rpc, deployment).await?;
        for i in 0..network.plan.nodes {
            network.node_plan(i).prepare().await?;
            network.start_node(i).await?;
        }
        network.user().init().await?;
        info!(
            nodes = network.plan.nodes,
            rpc = network.rpc_url(),
            "network is up"
        );
        Ok(network)
    }

    /// Goes on with the network in `dir`.
    ///
    /// # Errors
    /// When there is none, or something does not start.
    pub async fn resume(dir: &Path) -> Result<Self> {
        let dir = &dir.canonicalize()?;
        let plan: Plan = serde_json::from_slice(
            &fs::read(dir.join("plan.json"))
                .with_context(|| format!("{} holds no network", dir.display()))?,
        )?;
        let anvil = Anvil::start(&anvil_options(dir, &plan)).await?;
        let rpc = vec![anvil.url().to_owned()];
        let deployment = Deployment::read(&dir.join("deployment.json"))?;
        let mut network = Self::join(dir, plan, anvil, rpc, deployment).await?;
        for i in 0..network.plan.nodes {
            network.start_node(i).await?;
        }
        Ok(network)
    }

    async fn join(
        dir: &Path,
        plan: Plan,
        anvil: Anvil,
        rpc: Vec<String>,
        deployment: Deployment,
    ) -> Result<Self> {
        let deployer = accounts::key(&plan.seed, accounts::DEPLOYER)?;
        let chain = Chain::connect(&rpc, deployment, Some(deployer)).await?;
        let beacon = Beacon::start(
            chain.clone(),
            &accounts::secret_bytes(&plan.seed, accounts::BEACON),
        )?;
        Ok(Self {
            dir: dir.to_path_buf(),
            plan,
            anvil: Some(anvil),
            beacon: Some(beacon),
            chain,
            nodes: BTreeMap::new(),
        })
    }

    /// The folder of the network.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What was started.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The chain, seen with the deployer's account.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The beacon, unless stopped.
    #[must_use]
    pub fn beacon(&self) -> Option<&Beacon> {
        self.beacon.as_ref()
    }

    /// The chain's RPC endpoint.
    #[must_use]
    pub fn rpc_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.plan.rpc_port)
    }

    /// The on-chain account of node `i`.
    ///
    /// # Errors
    /// When the seed gives it no key.
    pub fn provider(&self, i: usize) -> Result<Address> {
        Ok(accounts::key(&self.plan.seed, &accounts::node(i))?.address())
    }

    /// Node `i`, if it runs.
    #[must_use]
    pub fn node(&self, i: usize) -> Option<&RunningNode> {
        self.nodes.get(&i)
    }

    /// What node `i` is started with.
    #[must_use]
    pub fn node_plan(&self, i: usize) -> NodePlan {
        NodePlan {
            index: i,
            dir: self.dir.join("nodes").join(i.to_string()),
            rpc_url: self.rpc_url(),
            deployment: self.dir.join("deployment.json"),
            key_dir: self.plan.key_dir.clone(),
            pack_wait_s: self.plan.pack_wait_s,
            quota_bytes: self.plan.quota_bytes,
            sealing_threads: self.plan.sealing_threads,
            keep_unsealed: self.plan.keep_unsealed,
            repair: self.plan.repair,
            seed: self.plan.seed,
        }
    }

    /// Starts node `i` and waits until it answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn start_node(&mut self, i: usize) -> Result<()> {
        let node = RunningNode::start(&self.node_plan(i)).await?;
        self.nodes.insert(i, node);
        Ok(())
    }

    /// SIGKILL for node `i`.
    ///
    /// # Errors
    /// When it does not run.
    pub async fn kill_node(&mut self, i: usize) -> Result<()> {
        let node = self
            .nodes
            .remove(&i)
            .with_context(|| format!("node {i} does not run"))?;
        node.kill().await
    }

    /// SIGTERM for node `i`; an error when it had to be killed.
    ///
    /// # Errors
    /// When it does not run or did not end by itself.
    pub async fn stop_node(&mut self, i: usize) -> Result<()> {
        let node = self
            .nodes
            .remove(&i)
            .with_context(|| format!("node {i} does not run"))?;
        if !node.stop().await? {
            bail!("node {i} did not end when asked and was killed");
        }
        Ok(())
    }

    /// Ends the chain, cleanly, so that it writes its state.
    pub async fn stop_chain(&mut self) {
        if let Some(anvil) = self.anvil.take()
            && let Err(error) = tokio::task::spawn_blocking(move || anvil.stop()).await
        {
            warn!(%error, "the chain ended badly");
        }
    }

    /// Starts the chain again from its saved state, on the same port.
    ///
    /// # Errors
    /// When it runs already or does not start.
    pub async fn restart_chain(&mut self) -> Result<()> {
        if self.anvil.is_some() {
            bail!("the chain runs");
        }
        self.anvil = Some(Anvil::start(&anvil_options(&self.dir, &self.plan)).await?);
        Ok(())
    }

    /// Replaces the chain's last `depth` blocks by empty ones.
    ///
    /// # Errors
    /// When the chain does not run or refuses.
    pub async fn reorganise(&self, depth: u64) -> Result<()> {
        let anvil = self.anvil.as_ref().context("the chain does not run")?;
        Ok(anvil.reorganise(depth).await?)
    }

    /// What a unit of gas costs in the next block, without a tip.
    ///
    /// # Errors
    /// When the chain does not run or refuses.
    pub async fn set_base_fee(&self, wei: u64) -> Result<()> {
        let anvil = self.anvil.as_ref().context("the chain does not run")?;
        let method = "anvil_setNextBlockBaseFeePerGas";
        let wei = format!("{wei:#x}");
        anvil.command(method, serde_json::json!([wei])).await?;
        Ok(())
    }

    /// Runs `cairn-node` with these arguments and the configuration of node `i`, to its end; what it printed.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub async fn operator(&self, i: usize, args: &[&str]) -> Result<String> {
        let output = tokio::process::Command::new(binary("cairn-node")?)
            .args(args)
            .arg("--config")
            .arg(self.node_plan(i).config())
            .kill_on_drop(true)
            .output()
            .await?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            bail!("cairn-node {args:?} of node {i} failed:\n{said}{why}");
        }
        Ok(said)
    }

    /// The user of the network.
    #[must_use]
    pub fn user(&self) -> User {
        User::new(
            &self.dir.join("user"),
            &self.rpc_url(),
            &self.dir.join("deployment.json"),
            &self.plan.seed,
        )
    }

    /// Gas that a transaction used, by its receipt on chain.
    ///
    /// # Errors
    /// When the chain does not run or does not know the transaction.
    pub async fn gas_of(&self, tx: &[u8; 32]) -> Result<u64> {
        let anvil = self.anvil.as_ref().context("the chain does not run")?;
        let hash = format!("0x{}", hex::encode(tx));
        let receipt = anvil
            .command("eth_getTransactionReceipt", serde_json::json!([hash]))
            .await?;
        let gas = receipt
            .get("gasUsed")
            .and_then(|gas| gas.as_str())
            .context("a receipt without its gas")?;
        Ok(u64::from_str_radix(gas.trim_start_matches("0x"), 16)?)
    }

    /// Whether every node that should run does.
    ///
    /// # Errors
    /// Names the one that ended and its last lines.
    pub fn check(&mut self) -> Result<()> {
        for node in self.nodes.values_mut() {
            node.check()?;
        }
        Ok(())
    }

    /// The process ids of everything that runs, by name.
    #[must_use]
    pub fn processes(&self) -> Vec<(String, u32)> {
        let chain = self
            .anvil
            .iter()
            .map(|a| ("anvil".to_owned(), a.process_id()));
        let nodes = self
            .nodes
            .iter()
            .filter_map(|(i, n)| Some((format!("cairn-node {i}"), n.id()?)));
        chain.chain(nodes).collect()
    }

    /// Ends everything: nodes, beacon, chain. An error names the nodes that had to be killed.
    ///
    /// # Errors
    /// When something did not end by itself.
    pub async fn stop(mut self) -> Result<()> {
        let mut stubborn = Vec::new();
        for (i, node) in std::mem::take(&mut self.nodes) {
            if !node.stop().await? {
                stubborn.push(i);
            }
        }
        if let Some(beacon) = self.beacon.take() {
            beacon.stop().await;
        }
        self.stop_chain().await;
        if !stubborn.is_empty() {
            bail!("nodes {stubborn:?} did not end when asked and were killed");
        }
        Ok(())
    }
}

fn account_names(nodes: usize) -> Vec<String> {
    let fixed = [accounts::DEPLOYER, accounts::USER].map(str::to_owned);
    fixed
        .into_iter()
        .chain((0..nodes).map(accounts::node))
        .collect()
}

fn anvil_options(dir: &Path, plan: &Plan) -> AnvilOptions {
    AnvilOptions {
        port: plan.rpc_port,
        block_time_s: Some(plan.block_time_s),
        state: Some(dir.join("chain/state.json")),
        state_interval_s: Some(10),
        log: Some(dir.join("chain/anvil.log")),
        ..AnvilOptions::default()
    }
}

fn port_of(url: &str) -> Result<u16> {
    let (_, port) = url
        .rsplit_once(':')
        .with_context(|| format!("{url} names no port"))?;
    port.parse().with_context(|| format!("{url} names no port"))
}
