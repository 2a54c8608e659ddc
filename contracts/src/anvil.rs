//! Anvil, the development chain: found, started under Prague's rules, watched until it answers, stopped with its owner.
//!
//! For tests and the devnet. Nothing here is of use against a real chain.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use cairn_wire::SecretKey;
use serde_json::{Value, json};

use crate::error::{AnvilError, ChainError};
use crate::rpc::{ChainOptions, Rpc, RpcFailure};

const START_TIMEOUT: Duration = Duration::from_secs(20);
const STOP_TIMEOUT: Duration = Duration::from_secs(10);

/// Keys of anvil's first accounts, as anvil itself prints them: the whole world knows them.
const PUBLISHED_KEYS: [&str; 10] = [
    "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d",
    "5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a",
    "7c852118294e51e653712a81e05800f419141751be58f605c371e15141b007a6",
    "47e179ec197488593b187f80a00eb0da91f1b9d0b13f8733639f19c30a34926a",
    "8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba",
    "92db14e403b83dfe3df233f83dfa3a0d7096f21ca9b0d6d6b8d88b2b4ec1564e",
    "4bbbf85ce3377467afe5d46f804f221813b2bb87f24d81f60f1fcdbf7cbf4356",
    "dbda1821b80551c9d65939329250298aa3472ba22feea921c0cf5d620ea67b97",
    "2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6",
];

/// How anvil is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnvilOptions {
    /// The binary; without one, where `make setup` puts it.
    pub binary: Option<PathBuf>,
    /// TCP port on 127.0.0.1; 0: any free one.
    pub port: u16,
    /// The EVM chain id.
    pub chain_id: u64,
    /// Seconds between blocks; without it, a block per transaction.
    pub block_time_s: Option<u64>,
    /// Time of the first block.
    pub timestamp_unix: Option<u64>,
    /// File from which the chain is restored, if it exists, and to which it is written on a clean stop.
    pub state: Option<PathBuf>,
    /// How often the state file is written while running, in seconds.
    pub state_interval_s: Option<u64>,
    /// Where anvil's own log goes; without it, nowhere.
    pub log: Option<PathBuf>,
}

impl Default for AnvilOptions {
    fn default() -> Self {
        Self {
            binary: None,
            port: 0,
            chain_id: 31337,
            block_time_s: None,
            timestamp_unix: None,
            state: None,
            state_interval_s: None,
            log: None,
        }
    }
}

/// A running anvil. Killed when dropped; [`Anvil::stop`] lets it write its state first.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    url: String,
    rpc: Rpc,
}

impl Anvil {
    /// Where `make setup` puts the binary, below the given `contracts` folder.
    ///
    /// The wrapper in `node_modules/.bin` would leave anvil behind when it is killed, so this is the binary itself.
    ///
    /// # Errors
    /// [`AnvilError::Missing`], which says what to do.
    pub fn locate(contracts_folder: &Path) -> Result<PathBuf, AnvilError> {
        let system = match std::env::consts::OS {
            "macos" => "darwin",
            other => other,
        };
        let machine = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        let path = contracts_folder
            .join("node_modules/@foundry-rs")
            .join(format!("anvil-{system}-{machine}"))
            .join("bin/anvil");
        if path.is_file() {
            Ok(path)
        } else {
            Err(AnvilError::Missing {
                looked: path.display().to_string(),
            })
        }
    }

    /// Starts anvil and waits until it answers.
    ///
    /// # Errors
    /// [`AnvilError`]: it is missing, cannot be started, or does not answer within 20 s.
    pub async fn start(options: &AnvilOptions) -> Result<Self, AnvilError> {
        let binary = match &options.binary {
            Some(path) => path.clone(),
            None => Self::locate(Path::new(env!("CARGO_MANIFEST_DIR")))?,
        };
        let mut child = command(&binary, options)
            .spawn()
            .map_err(|source| AnvilError::Start {
                path: binary.clone(),
                source,
            })?;
        let started = Instant::now();
        let port = match child.stdout.take() {
            Some(stdout) => listening_port(stdout, options.log.clone()).await,
            None => Err("it has no output".to_owned()),
        };
        let port = match port {
            Ok(port) => port,
            Err(reason) => {
                end(&mut child);
                return Err(silent(
                    &format!("127.0.0.1:{}", options.port),
                    started,
                    reason,
                ));
            }
        };
        let url = format!("http://127.0.0.1:{port}");
        let rpc = Rpc::new(std::slice::from_ref(&url), &ChainOptions::default())?;
        let anvil = Self { child, url, rpc };
        match anvil.rpc.call::<String>("eth_chainId", json!([])).await {
            Ok(_) => Ok(anvil),
            Err(failure) => Err(silent(
                &anvil.url,
                started,
                failure.into_error("eth_chainId").to_string(),
            )),
        }
    }

    /// Its endpoint.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.child.id()
    }

    /// The key of one of its ten rich accounts.
    ///
    /// # Errors
    /// There are ten.
    pub fn key(index: usize) -> Result<SecretKey, ChainError> {
        PUBLISHED_KEYS
            .get(index)
            .and_then(|text| SecretKey::from_hex(text).ok())
            .ok_or_else(|| ChainError::Argument {
                argument: "account",
                reason: format!("anvil has ten accounts, {index} is not one of them"),
            })
    }

    /// Mines one block now.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn mine(&self) -> Result<(), ChainError> {
        self.command("evm_mine", json!([])).await.map(drop)
    }

    /// Moves the chain's clock to a second in its future and mines a block there.
    ///
    /// # Errors
    /// [`ChainError`]: the time is not after the newest block's.
    pub async fn mine_at(&self, time_unix: u64) -> Result<(), ChainError> {
        self.command("evm_setNextBlockTimestamp", json!([time_unix]))
            .await?;
        self.mine().await
    }

    /// Whether each transaction gets a block at once.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn set_automine(&self, on: bool) -> Result<(), ChainError> {
        self.command("evm_setAutomine", json!([on])).await.map(drop)
    }

    /// Replaces the last blocks by empty ones.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn reorganise(&self, depth: u64) -> Result<(), ChainError> {
        self.command("anvil_reorg", json!([depth, []]))
            .await
            .map(drop)
    }

    /// Any development method of anvil's.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn command(&self, method: &'static str, params: Value) -> Result<Value, ChainError> {
        self.rpc
            .call(method, params)
            .await
            .map_err(|failure: RpcFailure| failure.into_error(method))
    }

    /// Ends it as ctrl-C would, so that it writes its state file; kills it after 10 s.
    pub fn stop(mut self) {
        if let Ok(pid) = i32::try_from(self.child.id())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
            && rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_ok()
        {
            let asked = Instant::now();
            while asked.elapsed() < STOP_TIMEOUT {
                if matches!(self.child.try_wait(), Ok(Some(_))) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        end(&mut self.child);
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn command(binary: &Path, options: &AnvilOptions) -> Command {
    let mut command = Command::new(binary);
    command.args([
        "--host",
        "127.0.0.1",
        "--hardfork",
        "prague",
        "--color",
        "never",
        "--order",
        "fifo",
    ]);
    command.args([
        "--port",
        &options.port.to_string(),
        "--chain-id",
        &options.chain_id.to_string(),
    ]);
    let numbers = [
        ("--block-time", options.block_time_s),
        ("--timestamp", options.timestamp_unix),
        ("--state-interval", options.state_interval_s),
    ];
    for (name, number) in numbers {
        if let Some(number) = number {
            command.args([name, &number.to_string()]);
        }
    }
    if let Some(state) = &options.state {
        command.arg("--state").arg(state);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// Reads anvil's output on a thread of its own, for as long as anvil lives (a full pipe would stop it), and says on
/// which port it listens.
async fn listening_port(
    stdout: std::process::ChildStdout,
    log: Option<PathBuf>,
) -> Result<u16, String> {
    let (found, wait) = mpsc::channel();
    let mut log = match log {
        Some(path) => Some(
            std::fs::File::create(&path)
                .map_err(|error| format!("log file {}: {error}", path.display()))?,
        ),
        None => None,
    };
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            if let Some(port) = line
                .strip_prefix("Listening on ")
                .and_then(|at| at.rsplit(':').next()?.parse().ok())
            {
                // The waiter may have given up; the rest is read all the same.
                found.send(port).ok();
            }
            if let Some(file) = &mut log
                && std::io::Write::write_all(file, format!("{line}\n").as_bytes()).is_err()
            {
                log = None;
            }
        }
    });
    let waited = tokio::task::spawn_blocking(move || wait.recv_timeout(START_TIMEOUT)).await;
    match waited {
        Ok(Ok(port)) => Ok(port),
        Ok(Err(mpsc::RecvTimeoutError::Timeout)) => Err("it never said that it listens".to_owned()),
        Ok(Err(mpsc::RecvTimeoutError::Disconnected)) => Err("it ended at once".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

fn silent(url: &str, since: Instant, reason: String) -> AnvilError {
    AnvilError::Silent {
        url: url.to_owned(),
        waited_s: since.elapsed().as_secs(),
        reason,
    }
}

fn end(child: &mut Child) {
    // Both fail only when it is gone already, which is what is wanted.
    child.kill().ok();
    child.wait().ok();
}
