//! `cairn-node init | run | status | params`, and what an operator does on the market by hand.

mod cli;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use cairn_storage_node::config::Config;
use cairn_storage_node::node::{self, Surroundings};
use clap::{Parser, Subcommand};
use rand::TryRngCore as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// A storage node of the Cairn network: keeps pieces, proves them on chain, is paid for proven periods.
#[derive(Debug, Parser)]
#[command(name = "cairn-node", version)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Makes what is missing: configuration, keys (mode 0600); registers the provider on chain when asked.
    Init(cli::init::InitArguments),
    /// Runs the node until ctrl-C or SIGTERM.
    Run {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Prints what a running node and the chain say, on one page.
    Status {
        /// The configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    #[command(flatten)]
    Market(cli::market::MarketCommand),
    Dispute(cli::dispute::DisputeArguments),
    /// Lists the parameter sets, makes and verifies their keys.
    Params(cli::params::ParamsArguments),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match start(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: Arguments) -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(node::blocking_threads())
        .build()
        .context("starting the runtime")?;
    let outcome = runtime.block_on(async {
        match arguments.verb {
            Verb::Init(arguments) => cli::init::run(arguments, &surroundings()).await,
            Verb::Run { config } => run(&config).await,
            Verb::Status { config } => cli::status::run(&Config::read(&config)?).await,
            Verb::Market(command) => cli::market::run(command).await,
            Verb::Dispute(arguments) => cli::dispute::run(arguments, &surroundings()).await,
            Verb::Params(arguments) => {
                tokio::task::block_in_place(|| cli::params::run(arguments, std::env::home_dir()))
            }
        }
    });
    // A proof under way would hold the process for seconds; it is made again at the next start.
    runtime.shutdown_background();
    outcome
}

async fn run(path: &std::path::Path) -> anyhow::Result<()> {
    let config = Config::read(path)?;
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    let shutdown = async move {
        tokio::select! {
            interrupted = tokio::signal::ctrl_c() => {
                if let Err(error) = interrupted {
                    tracing::error!(%error, "ctrl-C cannot be heard");
                }
            }
            _ = terminate.recv() => {}
        }
    };
    node::run(config, surroundings(), shutdown).await?;
    Ok(())
}

fn surroundings() -> Surroundings {
    Surroundings {
        clock: Arc::new(|| {
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| since.as_secs())
        }),
        random: Arc::new(|| {
            let mut bytes = [0; 32];
            loop {
                // The system's generator fails only before it was ever seeded; secrets are worth the wait.
                match rand::rngs::OsRng.try_fill_bytes(&mut bytes) {
                    Ok(()) => return bytes,
                    Err(error) => tracing::error!(%error, "the system gives no randomness"),
                }
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }),
    }
}
