//! A user of the network: drives the `cairn` command with a home folder of its own.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use serde_json::Value;
use tokio::process::Command;

use crate::accounts;
use crate::process::binary;

/// What the user asks for when a file is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coding {
    /// Pieces that suffice.
    pub k: u16,
    /// Pieces in all.
    pub n: u16,
    /// Periods paid for.
    pub periods: u32,
    /// Price of a slot and period, in the token's smallest unit.
    pub price: u128,
    /// Whether the pieces are sealed.
    pub sealed: bool,
}

/// A user with a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    home: PathBuf,
    rpc_url: String,
    deployment: PathBuf,
    seed: [u8; 32],
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether it said it succeeded.
    pub ok: bool,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl User {
    /// A user whose home is `home`.
    #[must_use]
    pub fn new(home: &Path, rpc_url: &str, deployment: &Path, seed: &[u8; 32]) -> Self {
        Self {
            home: home.to_path_buf(),
            rpc_url: rpc_url.to_owned(),
            deployment: deployment.to_path_buf(),
            seed: *seed,
        }
    }

    /// Makes the home, with the account that holds the user's test tokens.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn init(&self) -> Result<()> {
        let key_file = self.home.with_extension("key");
        let secret = accounts::secret_bytes(&self.seed, accounts::USER);
        crate::node::write_secret(&key_file, &hex::encode(secret))?;
        let mut args = words(&["init", "--rpc", &self.rpc_url, "--deployment"]);
        args.push(self.deployment.clone().into());
        args.push("--key-file".into());
        args.push(key_file.into());
        self.must(&args).await.map(drop)
    }

    /// Runs `cairn --home HOME` with these arguments, to its end.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn run(&self, args: &[OsString]) -> Result<Outcome> {
        let output = Command::new(binary("cairn")?)
            .arg("--home")
            .arg(&self.home)
            .args(args)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        Ok(Outcome {
            ok: output.status.success(),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    async fn must(&self, args: &[OsString]) -> Result<String> {
        let outcome = self.run(args).await?;
        if !outcome.ok {
            bail!("cairn {args:?} failed:\n{}{}", outcome.out, outcome.err);
        }
        Ok(outcome.out)
    }

    /// Puts a file under a name and waits until its deals are active. Returns what `--json` printed.
    ///
    /// # Errors
    /// When the command fails, with what it printed.
    pub async fn put(&self, file: &Path, name: &str, coding: Coding) -> Result<Value> {
        json_of(&self.must(&Self::put_args(file, name, coding)).await?)
    }

    /// As [`User::put`], by relays: each segment leaves here once.
    ///
    /// # Errors
    /// When the command fails, with what it printed.
    pub async fn put_relayed(&self, file: &Path, name: &str, coding: Coding) -> Result<Value> {
        let mut args = Self::put_args(file, name, coding);
        args.push("--relay".into());
        json_of(&self.must(&args).await?)
    }

    /// Puts a file under a name and returns once the pieces are with their nodes: the slots are filled later.
    ///
    /// # Errors
    /// When the command fails, with what it printed.
    pub async fn put_unwaited(&self, file: &Path, name: &str, coding: Coding) -> Result<()> {
        let mut args = Self::put_args(file, name, coding);
        args.push("--no-wait".into());
        self.must(&args).await.map(drop)
    }

    fn put_args(file: &Path, name: &str, coding: Coding) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["put".into(), file.into()];
        args.extend(words(&["--name", name, "--json"]));
        args.extend(coding.args().into_iter().map(OsString::from));
        args
    }

    /// Gets an object into a file; the range is `a..b` in bytes.
    ///
    /// # Errors
    /// When the command cannot be started.
    pub async fn get(&self, name: &str, output: &Path, range: Option<&str>) -> Result<Outcome> {
        let mut args = words(&["get", name, "--output"]);
        args.push(output.into());
        if let Some(range) = range {
            args.extend(words(&["--range", range]));
        }
        self.run(&args).await
    }

    /// What `status NAME --json` prints.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn status(&self, name: &str) -> Result<Value> {
        json_of(&self.must(&words(&["status", name, "--json"])).await?)
    }

    /// What `ls --json` prints.
    ///
    /// # Errors
    /// When the command fails.
    pub async fn ls(&self) -> Result<Value> {
        json_of(&self.must(&words(&["ls", "--json"])).await?)
    }
}

impl Coding {
    /// `--k`, `--n`, `--periods`, `--price` and `--kind`.
    #[must_use]
    pub fn args(self) -> Vec<String> {
        let named = [
            ("--k", self.k.to_string()),
            ("--n", self.n.to_string()),
            ("--periods", self.periods.to_string()),
            ("--price", self.price.to_string()),
            (
                "--kind",
                if self.sealed { "sealed" } else { "hot" }.to_owned(),
            ),
        ];
        named
            .into_iter()
            .flat_map(|(name, value)| [name.to_owned(), value])
            .collect()
    }
}

fn words(args: &[&str]) -> Vec<OsString> {
    args.iter().map(OsString::from).collect()
}

fn json_of(out: &str) -> Result<Value> {
    serde_json::from_str(out).with_context(|| format!("not JSON: {out}"))
}
