//! `cairn-node init`: makes what is missing, never overwrites, registers when asked. Running it again changes nothing.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use cairn_contracts::{Chain, Deployment};
use cairn_storage_node::config::{Config, read_operator_key, write_secret};
use cairn_storage_node::node::Surroundings;
use cairn_wire::{NodeIdentity, SecretKey};
use clap::Args;

const EXAMPLE: &str = include_str!("../../cairn-node.example.toml");

#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The configuration file; written from the commented example when it is not there.
    #[arg(long)]
    config: PathBuf,
    /// Registers the provider on chain, or brings its entry up to date.
    #[arg(long)]
    register: bool,
}

pub(crate) async fn run(
    arguments: InitArguments,
    surroundings: &Surroundings,
) -> anyhow::Result<()> {
    let path = &arguments.config;
    if !path.exists() {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)
                .with_context(|| format!("making {}", folder.display()))?;
        }
        std::fs::write(path, EXAMPLE).with_context(|| format!("writing {}", path.display()))?;
        say(&format!("wrote {}: look it through", path.display()))?;
    }
    let config = Config::read(path)?;
    let operator = operator_key(&config.operator_key, surroundings)?;
    let identity = identity(&config.tls_key, surroundings)?;
    say(&format!("provider {}", operator.address()))?;
    say(&format!("tls pin  {}", hex::encode(identity.pin())))?;
    if arguments.register {
        register(&config, operator, &identity).await?;
    }
    Ok(())
}

fn operator_key(path: &Path, surroundings: &Surroundings) -> anyhow::Result<SecretKey> {
    if !path.exists() {
        let key = SecretKey::random(|bytes| *bytes = (surroundings.random)());
        write_secret(path, &hex::encode(key.to_bytes().as_slice()))?;
        say(&format!(
            "made {} (keep a copy: it is the account that is paid)",
            path.display()
        ))?;
    }
    Ok(read_operator_key(path)?)
}

fn identity(path: &Path, surroundings: &Surroundings) -> anyhow::Result<NodeIdentity> {
    if !path.exists() {
        NodeIdentity::generate(&(surroundings.random)())?.save(path)?;
        say(&format!("made {}", path.display()))?;
    }
    Ok(NodeIdentity::load(path)?)
}

async fn register(
    config: &Config,
    operator: SecretKey,
    identity: &NodeIdentity,
) -> anyhow::Result<()> {
    let me = operator.address();
    let deployment = Deployment::read(&config.deployment)?;
    let chain = Chain::connect(&config.rpc_urls, deployment, Some(operator)).await?;
    match chain.provider(me).await? {
        None => {
            let ask = u128::from(config.ask_per_tib_period);
            chain
                .register_provider(&config.advertise, identity.pin(), me, ask)
                .await?;
            say(&format!("registered {me} at {}", config.advertise))?;
        }
        Some(entry) if entry.endpoint == config.advertise && entry.tls_pin == identity.pin() => {
            say("registered already, nothing to change")?;
        }
        Some(_) => {
            chain
                .set_endpoint(&config.advertise, identity.pin())
                .await?;
            say(&format!("moved to {}", config.advertise))?;
        }
    }
    match chain.provider(me).await? {
        Some(entry) if entry.tls_pin == identity.pin() => Ok(()),
        _ => bail!("the chain does not show the entry that was just written"),
    }
}

fn say(line: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{line}").context("writing to the terminal")
}
