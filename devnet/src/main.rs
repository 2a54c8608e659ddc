//! `cairn-devnet`: a whole network on one machine.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use cairn_devnet::demo::{self, DemoOptions, screen};
use cairn_devnet::network::Network;
use cairn_devnet::plan::Plan;
use cairn_devnet::simulation::scenario::{SCENARIOS, Scenario};
use cairn_devnet::simulation::settings::Settings;
use cairn_devnet::simulation::sweep::Sweep;
use cairn_devnet::simulation::sweeps::SWEEPS;
use cairn_devnet::simulation::{output, report};
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
    /// Simulate thousands of providers without a chain: durability, repair, money; tables and pictures.
    Simulate(Simulate),
}

#[derive(clap::Args)]
struct Simulate {
    /// A scenario, or "all"; may be given several times. Without a scenario or sweep: what there is.
    #[arg(long)]
    scenario: Vec<String>,
    /// A sweep over one parameter, or "all"; may be given several times.
    #[arg(long)]
    sweep: Vec<String>,
    /// Providers; default 10,000 for scenarios, 500 for sweeps.
    #[arg(long)]
    providers: Option<u32>,
    /// Pieces; default 10,000,000 for scenarios, 500,000 for sweeps.
    #[arg(long)]
    pieces: Option<u32>,
    /// How long; default one year.
    #[arg(long, default_value_t = 1.0)]
    years: f64,
    /// Of all random numbers; a sweep takes this and the following.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Runs with different seeds of each point of a sweep.
    #[arg(long, default_value_t = 2)]
    seeds: u32,
    /// Runs of a sweep at a time; default: one a core. Changes nothing but the time it takes.
    #[arg(long)]
    threads: Option<usize>,
    /// Folder of the tables (CSV) and pictures (SVG).
    #[arg(long, default_value = "target/simulation")]
    out: PathBuf,
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
        Command::Simulate(args) => {
            simulate(&args)?;
            Ok(true)
        }
    }
}

fn simulate(args: &Simulate) -> Result<()> {
    let scenarios = chosen(&SCENARIOS, &args.scenario, |one: &Scenario| one.name)?;
    let sweeps = chosen(&SWEEPS, &args.sweep, |one: &Sweep| one.name)?;
    if scenarios.is_empty() && sweeps.is_empty() {
        for one in &SCENARIOS {
            screen::line(&format!("--scenario {:<14} {}", one.name, one.what))?;
        }
        for one in &SWEEPS {
            screen::line(&format!("--sweep    {:<14} {}", one.name, one.what))?;
        }
        return Ok(());
    }
    let usual = Settings {
        seed: args.seed,
        ..Settings::default()
    }
    .lasting(args.years);
    if !scenarios.is_empty() {
        let base = usual.sized(args.providers, args.pieces);
        let outcomes = output::scenarios(&scenarios, &base, &args.out)?;
        screen::line(&report::summary_table(&outcomes))?;
    }
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let base = usual.sized(args.providers.or(Some(500)), args.pieces.or(Some(500_000)));
    for sweep in &sweeps {
        let threads = args.threads.unwrap_or(cores);
        output::sweep(sweep, &base, args.seeds, threads, &args.out)?;
    }
    screen::line(&format!("tables and pictures: {}", args.out.display()))
}

/// The ones named, in their own order; all of them for "all".
fn chosen<T: Clone>(
    all: &[T],
    names: &[String],
    name_of: impl Fn(&T) -> &'static str,
) -> Result<Vec<T>> {
    let known = |name: &str| name == "all" || all.iter().any(|one| name_of(one) == name);
    if let Some(name) = names.iter().find(|name| !known(name)) {
        bail!("there is no {name}; without arguments this command says what there is");
    }
    let wanted = |one: &&T| {
        names
            .iter()
            .any(|name| name == "all" || name == name_of(one))
    };
    Ok(all.iter().filter(wanted).cloned().collect())
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
