//! The configuration file, and the secret files it names.
//!
//! `cairn-node.example.toml` beside this crate is the commented example; a test keeps it true.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use cairn_contracts::ChainOptions;
use cairn_wire::SecretKey;
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::ConfigError;

/// Everything an operator decides. Unknown keys are refused, so that a misspelt one is noticed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Folder of the store; one node each.
    pub data_dir: PathBuf,
    /// Address and UDP port the node listens on.
    pub listen: SocketAddr,
    /// `host:port` under which others reach it; written to the registry.
    pub advertise: String,
    /// RPC endpoints of the chain, in order of preference.
    pub rpc_urls: Vec<String>,
    /// File that says where the contracts are.
    pub deployment: PathBuf,
    /// The operator's secret key: receives pay, signs receipts and transactions. 64 hex digits, mode 0600.
    pub operator_key: PathBuf,
    /// The TLS identity, whose key hash stands in the registry. Mode 0600.
    pub tls_key: PathBuf,
    /// Folder of the Groth16 keys.
    pub key_dir: PathBuf,
    /// How long an accepted piece waits for others before its sector is sealed off.
    #[serde(default = "defaults::pack_wait_s")]
    pub pack_wait_s: u64,
    /// Bytes of pieces the node takes in all.
    pub quota_bytes: u64,
    /// Bytes of the disk that stay free whatever the quota says.
    #[serde(default = "defaults::reserve_bytes")]
    pub reserve_bytes: u64,
    /// Address and TCP port of `/metrics` and `/health`. Keep it private.
    pub dashboard: SocketAddr,
    /// Threads that hash and prove; 0 means one for each core.
    #[serde(default)]
    pub prove_threads: usize,
    /// Memory that proofs and labels may use together.
    #[serde(default = "defaults::memory_budget_bytes")]
    pub memory_budget_bytes: u64,
    /// How often the chain is asked for news.
    #[serde(default = "defaults::poll_ms")]
    pub poll_ms: u64,
    /// How long a Receipt may be used by the client.
    #[serde(default = "defaults::receipt_s")]
    pub receipt_s: u64,
    /// Most gwei paid for a unit of gas, base fee and tip together, by what can wait: appends, activations, settlements,
    /// repairs, reports; 0: no bound. Above it they wait.
    #[serde(default)]
    pub max_fee_gwei: u64,
    /// The same by what cannot wait: proofs, answers to challenges, declared faults; 0: no bound.
    #[serde(default)]
    pub max_proof_fee_gwei: u64,
    /// How deep the block that opened a deal must be before its pieces are taken; 1 means: on chain.
    #[serde(default = "defaults::confirmations")]
    pub confirmations: u64,
    /// How many periods lie between two settlements of the node's slots; 0: never, somebody else does it.
    #[serde(default = "defaults::settle_every_periods")]
    pub settle_every_periods: u64,
    /// Whether the node looks for misses of other providers, reports them for the bounty, and ends trees that miss too
    /// often. Costs gas; the bounty should be worth it.
    #[serde(default)]
    pub report_misses: bool,
    /// The least bounty for which a miss is reported, in the token's smallest unit: what the gas of a report is worth to
    /// the operator, which no node can know. Below it a report costs more than it brings, and who misses on purpose with
    /// slots that pay next to nothing would burn the reporters' gas.
    #[serde(default = "defaults::report_least_bounty")]
    pub report_least_bounty: u64,
    /// Whether the node fills slots that other providers lost, by making their pieces again from k siblings, for the
    /// bounty and the rest of the pay.
    #[serde(default)]
    pub repair: bool,
    /// Bytes a second that repairs may fetch; 0: no bound.
    #[serde(default)]
    pub repair_bytes_per_s: u64,
    /// The least that a repair must bring (bounty and the rest of the slot's pay), in the token's smallest unit.
    #[serde(default)]
    pub repair_least_pay: u64,
    /// Within this many seconds after a slot was freed each node waits for a time of its own before it repairs.
    #[serde(default = "defaults::repair_spread_s")]
    pub repair_spread_s: u64,
    /// Sectors sealed at a time; 0: no pieces of sealed deals are taken.
    #[serde(default = "defaults::sealing_parallel")]
    pub sealing_parallel: usize,
    /// Threads that seal, apart from those that prove windows; 0 means one for each core.
    #[serde(default)]
    pub sealing_threads: usize,
    /// Memory that sealing may use in all.
    #[serde(default = "defaults::sealing_memory_bytes")]
    pub sealing_memory_bytes: u64,
    /// Folder of the labels while a sector is sealed: `layers + 1` sector sizes for each sector at a time.
    #[serde(default = "defaults::label_dir")]
    pub label_dir: PathBuf,
    /// Whether a sealed sector's data stays readable beside its replica, at the price of its size.
    #[serde(default = "defaults::keep_unsealed")]
    pub keep_unsealed: bool,
    /// Disk that data unsealed for readers may use; the oldest goes first.
    #[serde(default = "defaults::unsealed_cache_bytes")]
    pub unsealed_cache_bytes: u64,
    /// Segments relayed for clients at a time; 0: none.
    #[serde(default = "defaults::relay_parallel")]
    pub relay_parallel: usize,
    /// Disk that segments being relayed may use.
    #[serde(default = "defaults::relay_spool_bytes")]
    pub relay_spool_bytes: u64,
    /// Bytes per second that handing on pieces of relayed segments may use in all; 0: no bound.
    #[serde(default)]
    pub relay_bytes_per_s: u64,
    /// How long a relayed segment may take from its first byte to its last piece.
    #[serde(default = "defaults::relay_s")]
    pub relay_s: u64,
    /// Pay asked for one TiB and period, in the token's smallest unit; written to the registry.
    #[serde(default)]
    pub ask_per_tib_period: u64,
}

/// Slower, and a piece that shares the rate with others would come below what its holder puts up with.
const MIN_RELAY_BYTES_PER_S: u64 = 1 << 20;

mod defaults {
    use std::path::PathBuf;

    pub(super) const fn pack_wait_s() -> u64 {
        600
    }
    pub(super) const fn reserve_bytes() -> u64 {
        1 << 30
    }
    pub(super) const fn memory_budget_bytes() -> u64 {
        4 << 30
    }
    pub(super) const fn poll_ms() -> u64 {
        1000
    }
    pub(super) const fn receipt_s() -> u64 {
        86_400
    }
    pub(super) const fn settle_every_periods() -> u64 {
        48
    }
    pub(super) const fn report_least_bounty() -> u64 {
        1
    }
    pub(super) const fn repair_spread_s() -> u64 {
        120
    }
    pub(super) const fn sealing_parallel() -> usize {
        1
    }
    pub(super) const fn sealing_memory_bytes() -> u64 {
        4 << 30
    }
    pub(super) fn label_dir() -> PathBuf {
        PathBuf::from("labels")
    }
    pub(super) const fn keep_unsealed() -> bool {
        true
    }
    pub(super) const fn unsealed_cache_bytes() -> u64 {
        64 << 30
    }
    pub(super) const fn confirmations() -> u64 {
        1
    }
    pub(super) const fn relay_parallel() -> usize {
        2
    }
    pub(super) const fn relay_spool_bytes() -> u64 {
        8 << 30
    }
    pub(super) const fn relay_s() -> u64 {
        1800
    }
}

impl Config {
    /// Reads and checks a configuration file. Relative paths in it are relative to the file.
    ///
    /// # Errors
    /// [`ConfigError`], with file, line and column.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|source| ConfigError::Read {
            path: path.into(),
            source,
        })?;
        let mut config = Self::parse(&text).map_err(|error| match error {
            ConfigError::Parse { reason, .. } => ConfigError::Parse {
                path: path.into(),
                reason,
            },
            other => other,
        })?;
        if let Some(folder) = path.parent() {
            config.anchor(folder);
        }
        Ok(config)
    }

    /// Parses and checks the text of a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text).map_err(|error| ConfigError::Parse {
            path: PathBuf::new(),
            reason: error.to_string(),
        })?;
        config.check()?;
        Ok(config)
    }

    /// How long to wait for the chain, and what to pay it.
    #[must_use]
    pub fn chain_options(&self) -> ChainOptions {
        let wei = |gwei: u64| match gwei {
            0 => u128::MAX,
            gwei => u128::from(gwei) * 1_000_000_000,
        };
        ChainOptions {
            max_fee_wei: wei(self.max_fee_gwei),
            max_proof_fee_wei: wei(self.max_proof_fee_gwei),
            ..ChainOptions::default()
        }
    }

    fn anchor(&mut self, folder: &Path) {
        for path in [
            &mut self.data_dir,
            &mut self.deployment,
            &mut self.operator_key,
            &mut self.tls_key,
            &mut self.key_dir,
            &mut self.label_dir,
        ] {
            if path.is_relative() {
                *path = folder.join(path.as_path());
            }
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let value = |key, reason| Err(ConfigError::Value { key, reason });
        if self.rpc_urls.is_empty() {
            return value("rpc_urls", "name at least one endpoint");
        }
        if !self.advertise.contains(':') || self.advertise.len() > 255 {
            return value("advertise", "must be host:port, at most 255 bytes");
        }
        if self.quota_bytes == 0 {
            return value(
                "quota_bytes",
                "must not be 0: the node would refuse every piece",
            );
        }
        if self.max_proof_fee_gwei != 0
            && (self.max_fee_gwei == 0 || self.max_fee_gwei > self.max_proof_fee_gwei)
        {
            return value(
                "max_proof_fee_gwei",
                "must be 0 or at least max_fee_gwei: proofs come first",
            );
        }
        if !(50..=60_000).contains(&self.poll_ms) {
            return value("poll_ms", "must lie between 50 and 60000");
        }
        if !(10..=86_400).contains(&self.relay_s) {
            return value("relay_s", "must lie between 10 and 86400");
        }
        if self.relay_bytes_per_s != 0 && self.relay_bytes_per_s < MIN_RELAY_BYTES_PER_S {
            return value(
                "relay_bytes_per_s",
                "must be 0 or at least 1048576: slower, and the other nodes give up",
            );
        }
        if self.receipt_s < self.pack_wait_s.saturating_add(60) {
            return value(
                "receipt_s",
                "must exceed pack_wait_s by at least 60: an accepted piece waits that long",
            );
        }
        Ok(())
    }
}

/// Reads the operator's key from a file that only its owner may read.
///
/// # Errors
/// [`ConfigError::Key`], which never repeats what the file holds.
pub fn read_operator_key(path: &Path) -> Result<SecretKey, ConfigError> {
    let bad = |reason: String| ConfigError::Key {
        path: path.into(),
        reason,
    };
    let meta = std::fs::metadata(path).map_err(|error| bad(error.to_string()))?;
    let mode = meta.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(bad(format!(
            "its mode is {mode:o}; it must be 600, readable by its owner alone"
        )));
    }
    let text =
        Zeroizing::new(std::fs::read_to_string(path).map_err(|error| bad(error.to_string()))?);
    SecretKey::from_hex(&text).map_err(|error| bad(error.to_string()))
}

/// Writes a secret into a new file of mode 0600, on disk before this returns.
///
/// # Errors
/// [`ConfigError::Exists`] rather than overwrite anything.
pub fn write_secret(path: &Path, secret: &str) -> Result<(), ConfigError> {
    let opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let mut file = opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => ConfigError::Exists { path: path.into() },
        _ => ConfigError::Key {
            path: path.into(),
            reason: error.to_string(),
        },
    })?;
    file.write_all(secret.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(|error| ConfigError::Key {
            path: path.into(),
            reason: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = include_str!("../cairn-node.example.toml");

    #[test]
    fn the_example_is_valid_and_shows_every_key_with_its_default() {
        let example = Config::parse(EXAMPLE).unwrap();
        assert_eq!(example.pack_wait_s, defaults::pack_wait_s(), "pack_wait_s");
        assert_eq!(
            example.reserve_bytes,
            defaults::reserve_bytes(),
            "reserve_bytes"
        );
        assert_eq!(
            example.memory_budget_bytes,
            defaults::memory_budget_bytes(),
            "memory_budget_bytes"
        );
        assert_eq!(example.poll_ms, defaults::poll_ms(), "poll_ms");
        assert_eq!(example.receipt_s, defaults::receipt_s(), "receipt_s");
        assert_eq!(example.prove_threads, 0, "prove_threads");
        assert_eq!(
            example.settle_every_periods,
            defaults::settle_every_periods(),
            "settle_every_periods"
        );
        let sealing = (
            example.sealing_parallel,
            example.sealing_threads,
            example.sealing_memory_bytes,
            example.label_dir.clone(),
            example.keep_unsealed,
            example.unsealed_cache_bytes,
        );
        let expected = (
            defaults::sealing_parallel(),
            0,
            defaults::sealing_memory_bytes(),
            defaults::label_dir(),
            defaults::keep_unsealed(),
            defaults::unsealed_cache_bytes(),
        );
        assert_eq!(sealing, expected, "sealing");
        assert_eq!(
            example.confirmations,
            defaults::confirmations(),
            "confirmations"
        );
        let relay = (
            example.relay_parallel,
            example.relay_spool_bytes,
            example.relay_bytes_per_s,
            example.relay_s,
        );
        let expected = (
            defaults::relay_parallel(),
            defaults::relay_spool_bytes(),
            0,
            defaults::relay_s(),
        );
        assert_eq!(relay, expected, "relay");
        // Every field of the struct is in the example: taking its Debug form apart names them all.
        let shown = format!("{example:?}");
        for field in shown
            .trim_start_matches("Config { ")
            .split(", ")
            .filter_map(|part| part.split_once(": "))
        {
            let key = field.0.trim();
            if key.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
                assert!(
                    EXAMPLE.contains(&format!("\n{key} = ")),
                    "the example does not show {key}"
                );
            }
        }
    }

    #[test]
    fn a_misspelt_key_is_refused_with_its_name() {
        let text = EXAMPLE.replace("pack_wait_s", "pack_wait");
        let error = Config::parse(&text).unwrap_err().to_string();
        assert!(error.contains("pack_wait"), "{error}");
    }

    #[test]
    fn a_missing_key_is_refused_with_its_name() {
        let text: String = EXAMPLE
            .lines()
            .filter(|line| !line.starts_with("quota_bytes"))
            .map(|line| format!("{line}\n"))
            .collect();
        let error = Config::parse(&text).unwrap_err().to_string();
        assert!(error.contains("quota_bytes"), "{error}");
    }

    #[test]
    fn no_bound_on_the_price_of_gas_is_zero_and_a_bound_counts_in_gwei() {
        // The example shows the default.
        let unbounded = Config::parse(EXAMPLE).unwrap().chain_options();
        assert_eq!(unbounded, ChainOptions::default());
        let bounded = EXAMPLE
            .replace("max_fee_gwei = 0", "max_fee_gwei = 3")
            .replace("max_proof_fee_gwei = 0", "max_proof_fee_gwei = 40");
        let bounded = Config::parse(&bounded).unwrap().chain_options();
        assert_eq!(bounded.max_fee_wei, 3_000_000_000);
        assert_eq!(bounded.max_proof_fee_wei, 40_000_000_000);
    }

    #[test]
    fn values_out_of_range_are_refused_by_key() {
        for (from, to, key) in [
            ("quota_bytes = 1", "quota_bytes = 0 #", "quota_bytes"),
            ("poll_ms = 1000", "poll_ms = 1", "poll_ms"),
            (
                "max_proof_fee_gwei = 0",
                "max_proof_fee_gwei = 5",
                "max_proof_fee_gwei",
            ),
            ("receipt_s = 86400", "receipt_s = 5", "receipt_s"),
            ("relay_s = 1800", "relay_s = 9", "relay_s"),
            (
                "relay_bytes_per_s = 0",
                "relay_bytes_per_s = 1000",
                "relay_bytes_per_s",
            ),
            (
                "advertise = \"node.example.org:7070\"",
                "advertise = \"node\"",
                "advertise",
            ),
        ] {
            assert!(EXAMPLE.contains(from), "the example has {from}");
            let error = Config::parse(&EXAMPLE.replace(from, to)).unwrap_err();
            assert!(
                matches!(error, ConfigError::Value { key: got, .. } if got == key),
                "{key}: {error}"
            );
        }
    }

    #[test]
    fn paths_are_relative_to_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("node.toml");
        std::fs::write(&path, EXAMPLE).unwrap();
        let config = Config::read(&path).unwrap();
        assert_eq!(config.data_dir, folder.path().join("data"), "anchored");
    }

    #[test]
    fn a_key_file_is_private_read_back_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("operator.key");
        write_secret(&path, &"11".repeat(32)).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "mode");
        read_operator_key(&path).unwrap();
        assert!(
            matches!(
                write_secret(&path, "other"),
                Err(ConfigError::Exists { .. })
            ),
            "not overwritten"
        );
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_operator_key(&path).unwrap_err().to_string();
        assert!(
            error.contains("640") && !error.contains("1111"),
            "mode named, secret not: {error}"
        );
    }
}
