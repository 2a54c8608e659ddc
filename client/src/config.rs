//! The home folder: settings, wallet key, deployment, catalog. Layout in `docs/formats.md`, chapter "Client home".

use std::path::{Path, PathBuf};
use std::time::Duration;

use cairn_contracts::Deployment;
use cairn_wire::SecretKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::entropy::Entropy;
use crate::error::ConfigError;
use crate::files;

/// The version of the settings file this software writes and reads.
const CONFIG_VERSION: u32 = 1;
const CONFIG_FILE: &str = "config.json";

/// Settings of a client, as `config.json` holds them. Unknown keys are refused, so that a misspelt one is noticed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    version: u32,
    /// RPC endpoints of the chain, in order of preference.
    pub rpc_urls: Vec<String>,
    /// File that says where the contracts are; relative to the folder.
    pub deployment: PathBuf,
    /// File with the wallet's secret key, mode 0600; relative to the folder.
    pub wallet: PathBuf,
    /// The catalog; relative to the folder.
    pub catalog: PathBuf,
    /// Pieces needed, unless `put` is told otherwise.
    #[serde(default = "defaults::k")]
    pub k: u16,
    /// Pieces made, unless `put` is told otherwise.
    #[serde(default = "defaults::n")]
    pub n: u16,
    /// Bound on the memory for segments under way.
    #[serde(default = "defaults::memory_bytes")]
    pub memory_bytes: u64,
    /// Nodes asked beyond k when reading; the fastest k count.
    #[serde(default = "defaults::extra_reads")]
    pub extra_reads: u16,
    /// Pieces uploaded at the same time.
    #[serde(default = "defaults::uploads")]
    pub uploads: usize,
    /// How long what is waited for.
    #[serde(default)]
    pub patience: Patience,
    /// The folder the relative paths start from.
    #[serde(skip)]
    folder: PathBuf,
}

/// How long what is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Patience {
    /// Blocks a deal must be deep (1: in the newest block) before pieces are uploaded.
    pub confirmations: u64,
    /// Between two looks at the chain.
    pub poll_ms: u64,
    /// For a transaction's confirmations.
    pub confirm_s: u64,
    /// For a node that does not know the deal yet, is busy, or could not be reached, from the first attempt.
    pub upload_s: u64,
    /// For the activation of all accepted pieces.
    pub activate_s: u64,
    /// When reading: after so long without an answer one more node is asked.
    pub hedge_ms: u64,
    /// When reading: for pieces that nodes say they are unsealing, as long as fewer than k can be read.
    pub unseal_s: u64,
    /// For a connection to a node.
    pub connect_s: u64,
    /// For the next bytes of a body.
    pub stall_s: u64,
    /// For a node's answer, a Receipt above all: it hashes the piece before it signs.
    pub answer_s: u64,
    /// For the next of a relay's Receipts: it codes and hands on the pieces in between.
    pub relay_s: u64,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            confirmations: 1,
            poll_ms: 500,
            confirm_s: 300,
            upload_s: 60,
            activate_s: 7_200,
            hedge_ms: 750,
            unseal_s: 14_400,
            connect_s: 5,
            stall_s: 15,
            answer_s: 120,
            relay_s: 120,
        }
    }
}

impl Patience {
    pub(crate) fn poll(&self) -> Duration {
        Duration::from_millis(self.poll_ms.max(10))
    }

    pub(crate) fn hedge(&self) -> Duration {
        Duration::from_millis(self.hedge_ms.max(10))
    }
}

mod defaults {
    pub(super) const fn k() -> u16 {
        10
    }
    pub(super) const fn n() -> u16 {
        30
    }
    pub(super) const fn memory_bytes() -> u64 {
        512 << 20
    }
    pub(super) const fn extra_reads() -> u16 {
        2
    }
    pub(super) const fn uploads() -> usize {
        16
    }
}

/// What `init` is told.
#[derive(Debug, Clone)]
pub struct InitOptions {
    /// RPC endpoints.
    pub rpc_urls: Vec<String>,
    /// The deployment file, which is copied into the folder.
    pub deployment: PathBuf,
    /// A file with an existing secret key to copy; otherwise a new key is made.
    pub key_file: Option<PathBuf>,
    /// Default k.
    pub k: u16,
    /// Default n.
    pub n: u16,
}

impl InitOptions {
    /// One endpoint, a new key, 10-of-30.
    #[must_use]
    pub fn new(rpc_url: &str, deployment: &Path) -> Self {
        Self {
            rpc_urls: vec![rpc_url.to_owned()],
            deployment: deployment.to_owned(),
            key_file: None,
            k: defaults::k(),
            n: defaults::n(),
        }
    }
}

impl Config {
    /// Sets up a home folder (mode 0700): wallet key, settings, a copy of the deployment file.
    ///
    /// # Errors
    /// [`ConfigError`]; a folder that has a wallet is left as it is.
    pub fn init(
        folder: &Path,
        options: &InitOptions,
        entropy: &Entropy,
    ) -> Result<Self, ConfigError> {
        let config = Self {
            version: CONFIG_VERSION,
            rpc_urls: options.rpc_urls.clone(),
            deployment: "deployment.json".into(),
            wallet: "wallet.key".into(),
            catalog: "catalog.json".into(),
            k: options.k,
            n: options.n,
            memory_bytes: defaults::memory_bytes(),
            extra_reads: defaults::extra_reads(),
            uploads: defaults::uploads(),
            patience: Patience::default(),
            folder: folder.to_owned(),
        };
        config.check()?;
        let deployment = Deployment::read(&options.deployment)?;
        let key = match &options.key_file {
            Some(path) => read_key(path)?,
            None => SecretKey::random(|bytes| entropy.fill(bytes)),
        };
        make_private_folder(folder)?;
        write_key(&config.path(&config.wallet), &key)?;
        deployment.write(&config.path(&config.deployment))?;
        let path = folder.join(CONFIG_FILE);
        let mut text =
            serde_json::to_string_pretty(&config).map_err(|source| ConfigError::Format {
                path: path.clone(),
                source,
            })?;
        text.push('\n');
        files::replace_private(&path, text.as_bytes())
            .map_err(|source| ConfigError::Write { path, source })?;
        Ok(config)
    }

    /// Reads the settings of a home folder.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn read(folder: &Path) -> Result<Self, ConfigError> {
        let path = folder.join(CONFIG_FILE);
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read {
            path: path.clone(),
            source,
        })?;
        let mut config: Self =
            serde_json::from_str(&text).map_err(|source| ConfigError::Format { path, source })?;
        folder.clone_into(&mut config.folder);
        config.check()?;
        Ok(config)
    }

    /// The wallet's secret key.
    ///
    /// # Errors
    /// [`ConfigError`]; a file that others may read is refused.
    pub fn wallet_key(&self) -> Result<SecretKey, ConfigError> {
        let path = self.path(&self.wallet);
        let exposed = files::exposed_mode(&path).map_err(|source| ConfigError::Read {
            path: path.clone(),
            source,
        })?;
        if let Some(mode) = exposed {
            return Err(ConfigError::Exposed { path, mode });
        }
        read_key(&path)
    }

    /// Where the contracts are.
    ///
    /// # Errors
    /// [`ConfigError::Deployment`].
    pub fn deployment(&self) -> Result<Deployment, ConfigError> {
        Ok(Deployment::read(&self.path(&self.deployment))?)
    }

    /// Where the catalog is.
    #[must_use]
    pub fn catalog_path(&self) -> PathBuf {
        self.path(&self.catalog)
    }

    /// The home folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, relative: &Path) -> PathBuf {
        self.folder.join(relative)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let value = |key, reason| Err(ConfigError::Value { key, reason });
        if self.version != CONFIG_VERSION {
            return value("version", "this software reads version 1");
        }
        if self.rpc_urls.is_empty() {
            return value("rpc_urls", "name at least one endpoint");
        }
        if self.k == 0 || self.k >= self.n || self.n > 256 {
            return value("k and n", "1 <= k < n <= 256 is required");
        }
        if self.uploads == 0 {
            return value("uploads", "at least one piece at a time");
        }
        Ok(())
    }
}

fn make_private_folder(folder: &Path) -> Result<(), ConfigError> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|source| ConfigError::Write {
            path: folder.to_owned(),
            source,
        })
}

fn read_key(path: &Path) -> Result<SecretKey, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
    SecretKey::from_hex(&text).map_err(|source| ConfigError::Key {
        path: path.to_owned(),
        source,
    })
}

fn write_key(path: &Path, key: &SecretKey) -> Result<(), ConfigError> {
    let text = Zeroizing::new(format!("{}\n", hex::encode(key.to_bytes().as_ref())));
    files::create_private(path, text.as_bytes()).map_err(|source| {
        if source.kind() == std::io::ErrorKind::AlreadyExists {
            ConfigError::Exists {
                path: path.to_owned(),
            }
        } else {
            ConfigError::Write {
                path: path.to_owned(),
                source,
            }
        }
    })
}
