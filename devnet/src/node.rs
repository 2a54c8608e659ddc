//! One storage node of the network: its folder, its process, its dashboard.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::net::UdpSocket;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::accounts;
use crate::http;
use crate::process::{Process, binary, tail};

/// How long a node may take from its start to its first answer: it may have to read its store and its proving keys.
const UP: Duration = Duration::from_secs(60);

/// What a node is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePlan {
    /// Its number in the network.
    pub index: usize,
    /// Its folder.
    pub dir: PathBuf,
    /// The chain.
    pub rpc_url: String,
    /// The deployment file.
    pub deployment: PathBuf,
    /// Proving keys.
    pub key_dir: PathBuf,
    /// How long an accepted piece waits for others, in seconds.
    pub pack_wait_s: u64,
    /// Bytes of pieces it takes.
    pub quota_bytes: u64,
    /// Threads that seal.
    pub sealing_threads: usize,
    /// Whether the data of sealed sectors stays beside the replica.
    pub keep_unsealed: bool,
    /// Whether it reports misses of others and repairs what they lost.
    pub repair: bool,
    /// The network's seed.
    pub seed: [u8; 32],
}

impl NodePlan {
    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.dir.join("cairn-node.toml")
    }

    /// The file its output goes to.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.dir.join("node.log")
    }

    /// Writes the operator's key and the configuration, then lets `cairn-node init` make the rest and register the provider.
    ///
    /// # Errors
    /// When a file cannot be written or the node refuses.
    pub async fn prepare(&self) -> Result<()> {
        fs::create_dir_all(&self.dir)?;
        let secret = accounts::secret_bytes(&self.seed, &accounts::node(self.index));
        write_secret(&self.dir.join("operator.key"), &hex::encode(secret))?;
        let (listen, dashboard) = (free_udp_port()?, free_tcp_port()?);
        let text = format!(
            "data_dir = \"data\"\nlisten = \"127.0.0.1:{listen}\"\nadvertise = \"127.0.0.1:{listen}\"\nrpc_urls = [{:?}]\ndeployment = {:?}\n\
             operator_key = \"operator.key\"\ntls_key = \"tls.key\"\nkey_dir = {:?}\npack_wait_s = {}\nquota_bytes = {}\nreserve_bytes = 0\n\
             dashboard = \"127.0.0.1:{dashboard}\"\npoll_ms = 500\nsealing_parallel = 1\nsealing_threads = {}\nkeep_unsealed = {}\n\
             report_misses = {repair}\nrepair = {repair}\nrepair_spread_s = 6\n",
            self.rpc_url,
            self.deployment,
            self.key_dir,
            self.pack_wait_s,
            self.quota_bytes,
            self.sealing_threads,
            self.keep_unsealed,
            repair = self.repair
        );
        fs::write(self.config(), text)?;
        let output = Command::new(binary("cairn-node")?)
            .arg("init")
            .arg("--config")
            .arg(self.config())
            .arg("--register")
            .output()
            .await?;
        if !output.status.success() {
            bail!(
                "cairn-node init failed for node {}: {}",
                self.index,
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(())
    }
}

/// A node that runs; killed when dropped.
#[derive(Debug)]
pub struct RunningNode {
    process: Process,
    dashboard: String,
    log: PathBuf,
}

impl RunningNode {
    /// Starts `cairn-node run` and waits until its dashboard answers.
    ///
    /// # Errors
    /// When it ends, or does not answer in time; with its last lines.
    pub async fn start(plan: &NodePlan) -> Result<Self> {
        let args = [
            "run".to_owned(),
            "--config".to_owned(),
            plan.config().display().to_string(),
        ];
        let name = format!("cairn-node {}", plan.index);
        let process = Process::start(&name, &binary("cairn-node")?, &args, &plan.log())?;
        let mut node = Self {
            process,
            dashboard: dashboard_of(&plan.config())?,
            log: plan.log(),
        };
        let deadline = Instant::now() + UP;
        while node.health().await.is_err() {
            node.check()?;
            if Instant::now() > deadline {
                bail!(
                    "{name} does not answer after {UP:?}; its last lines:\n{}",
                    tail(&node.log, 15)
                );
            }
            sleep(Duration::from_millis(100)).await;
        }
        Ok(node)
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// Where a browser finds its health.
    #[must_use]
    pub fn dashboard_url(&self) -> String {
        format!("http://{}/health", self.dashboard)
    }

    /// Everything it has logged.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn log_text(&self) -> Result<String> {
        fs::read_to_string(&self.log).with_context(|| format!("read {}", self.log.display()))
    }

    /// Whether it still runs.
    ///
    /// # Errors
    /// When it has ended, with its last lines.
    pub fn check(&mut self) -> Result<()> {
        self.process.check()
    }

    /// The body of `/health`, whatever its status code.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn health(&self) -> Result<String> {
        http::get(&self.dashboard, "/health").await
    }

    /// The value of a metric, summed over its labels; `None` when it is not there.
    ///
    /// # Errors
    /// When nothing answers.
    pub async fn metric(&self, name: &str) -> Result<Option<f64>> {
        let text = http::get(&self.dashboard, "/metrics").await?;
        Ok(sum_of_metric(&text, name))
    }

    /// SIGKILL.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn kill(self) -> Result<()> {
        self.process.kill().await
    }

    /// SIGTERM; returns whether it ended by itself.
    ///
    /// # Errors
    /// When the system refuses.
    pub async fn stop(self) -> Result<bool> {
        self.process.stop().await
    }
}

fn sum_of_metric(text: &str, name: &str) -> Option<f64> {
    let values: Vec<f64> = text
        .lines()
        .filter(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(' ') || rest.starts_with('{'))
        })
        .filter_map(|line| line.rsplit(' ').next()?.parse().ok())
        .collect();
    (!values.is_empty()).then(|| values.iter().sum())
}

fn dashboard_of(config: &Path) -> Result<String> {
    let text = fs::read_to_string(config)?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("dashboard = "))
        .with_context(|| format!("{} names no dashboard", config.display()))?;
    Ok(line.trim_matches('"').to_owned())
}

pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{text}")?;
    Ok(())
}

fn free_udp_port() -> Result<u16> {
    Ok(UdpSocket::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn free_tcp_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_summed_over_its_labels_and_not_confused_with_a_longer_name() {
        let text = "# HELP a x\na{k=\"1\"} 2\na{k=\"2\"} 3\na_total 100\nb 7\n";
        assert_eq!(sum_of_metric(text, "a"), Some(5.0), "two labels");
        assert_eq!(sum_of_metric(text, "b"), Some(7.0), "no label");
        assert_eq!(sum_of_metric(text, "c"), None, "not there");
    }
}
