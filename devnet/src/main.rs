//! `cairn-devnet`: a whole network on one machine.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use cairn_devnet::demo::{self, DemoOptions, screen};
use cairn_devnet::network::Network;
use cairn_devnet::plan::Plan;
use cairn_prover::params::ParamSet;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(
    version,
    about = "A whole Cairn network on one machine: chain, beacon, contracts, nodes"
)]
struct Args {
    /// Folder of the proving keys; they are made when missing and shared by all networks of this machine.
    #[arg(long)]
    key_dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start a network and keep it until ctrl-C. A folder that holds one is resumed.
    Up {
        /// Folder of the network's state.
        #[arg(long)]
        dir: PathBuf,
        /// Parameter set: test, small or devnet.
        #[arg(long, default_value = "devnet")]
        set: String,
        /// How many nodes.
        #[arg(long, default_value_t = 8)]
        nodes: usize,
    },
    /// The tour: put a file, watch it proven and paid, kill nodes, get it back. The exit code says whether all held.
    Demo {
        /// The file to put; without it, a tar of the sources this program was built from.
        #[arg(long)]
        file: Option<PathBuf>,
        /// Folder of the network's state, kept afterwards; without it, a temporary one.
        #[arg(long)]
        dir: Option<PathBuf>,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,cairn_devnet=info"));
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    tracing_subscriber::fmt()
        .with_ansi(colours)
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .init();
    match run(Args::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: Args) -> Result<bool> {
    let home = std::env::home_dir().context("this user has no home folder")?;
    let key_dir = args
        .key_dir
        .unwrap_or_else(|| home.join(".cache/cairn/keys"));
    match args.command {
        Command::Up { dir, set, nodes } => {
            let Some(params) = ParamSet::by_name(&set) else {
                bail!("there is no parameter set {set}")
            };
            up(dir, Plan::new(params, nodes, &key_dir)).await?;
            Ok(true)
        }
        Command::Demo { file, dir } => {
            let cargo_home =
                std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
            let options = DemoOptions {
                key_dir,
                cargo_home,
                file,
                dir,
            };
            tokio::select! {
                outcome = demo::run(&options) => outcome,
                signal = asked_to_end() => { signal?; bail!("interrupted") }
            }
        }
    }
}

async fn up(dir: PathBuf, plan: Plan) -> Result<()> {
    let mut network = if dir.join("plan.json").exists() {
        Network::resume(&dir).await?
    } else {
        Network::start(&dir, plan).await?
    };
    show(&network)?;
    let mut look = tokio::time::interval(std::time::Duration::from_secs(2));
    let ended = loop {
        tokio::select! {
            signal = asked_to_end() => break signal,
            _ = look.tick() => {
                if let Err(error) = network.check() {
                    break Err(error);
                }
            }
        }
    };
    network.stop().await?;
    ended
}

fn show(network: &Network) -> Result<()> {
    let deployment = network.chain().deployment();
    screen::line(&format!(
        "chain        {}  (chain id {})",
        network.rpc_url(),
        deployment.chain_id
    ))?;
    screen::line(&format!(
        "deployment   {}",
        network.dir().join("deployment.json").display()
    ))?;
    screen::line(&format!(
        "user         cairn --home {} put FILE",
        network.dir().join("user").display()
    ))?;
    for i in 0..network.plan().nodes {
        let address = network.provider(i)?;
        let dashboard = network
            .node(i)
            .map(|n| n.dashboard_url())
            .unwrap_or_default();
        screen::line(&format!("node {i:<2}      {address}  {dashboard}"))?;
    }
    screen::line("ctrl-C ends it; the same command resumes it")
}

async fn asked_to_end() -> Result<()> {
    let (mut interrupt, mut terminate) = (
        signal(SignalKind::interrupt())?,
        signal(SignalKind::terminate())?,
    );
    tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
    }
}
