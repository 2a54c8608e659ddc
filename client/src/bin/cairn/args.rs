//! The command line.

use std::path::PathBuf;

use cairn_client::durability::NodeFailures;
use cairn_client::{ByteRange, Verify};
use cairn_wire::SectorKind;
use clap::{Parser, Subcommand, ValueEnum};

/// Put files on the market, get them back verified.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 100)]
pub(crate) struct Args {
    /// Home folder: wallet key, settings, catalog (default: `$CAIRN_HOME` or ~/.cairn)
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) home: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Set up a home folder with a wallet key
    Init {
        /// RPC endpoint of the chain; repeat it for more, in order of preference
        #[arg(long, required = true, value_name = "URL")]
        rpc: Vec<String>,
        /// File that says where the contracts are; it is copied
        #[arg(long, value_name = "FILE")]
        deployment: PathBuf,
        /// File with an existing secret key (64 hex digits) to copy; otherwise a new one is made
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        /// Pieces needed, by default
        #[arg(long, default_value_t = 10)]
        k: u16,
        /// Pieces made, by default
        #[arg(long, default_value_t = 30)]
        n: u16,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Store a file
    Put {
        /// The file, or - for standard input
        file: PathBuf,
        /// Name in the catalog (default: the file's)
        #[arg(long)]
        name: Option<String>,
        /// Pieces needed
        #[arg(long)]
        k: Option<u16>,
        /// Pieces made, one per provider
        #[arg(long)]
        n: Option<u16>,
        /// How many periods to pay for
        #[arg(long, default_value_t = 48)]
        periods: u32,
        /// hot: pieces are stored as they are and read at wire speed; such a deal proves that each provider holds its
        /// piece, not that the providers are independent of each other. sealed: each piece becomes part of a replica
        /// that only its provider can have encoded, so that k providers who collude cannot rebuild the rest on demand;
        /// it takes longer until the pieces count, and may take longer to read them
        #[arg(long, value_enum, default_value_t = Kind::Hot, hide_possible_values = true, value_name = "hot|sealed")]
        kind: Kind,
        /// In how many periods, from the first, slots may be filled; the escrow of those that stay empty comes back
        /// after it (default: by the kind, what the parameter set's clock asks for)
        #[arg(long, value_name = "PERIODS")]
        activation_periods: Option<u32>,
        /// Smallest token units per slot and period (default: what the n-th cheapest provider asks)
        #[arg(long)]
        price: Option<u128>,
        /// Send each segment once, to one of its providers, which codes it and hands the pieces on: k/n of the bytes
        /// over this line. Nothing is trusted to that provider; what it does not deliver is sent directly
        #[arg(long)]
        relay: bool,
        /// How much of what the nodes commit to is checked against the pieces before it is accepted. sample: 128 secret
        /// random leaves of each piece with their siblings (all of small pieces, and where a node shows none); a few false
        /// leaves may pass, and cost their holder its stake when anybody finds one. full: all leaves, which keeps this
        /// machine's cores as busy as the nodes'
        #[arg(long, value_enum, default_value_t = Check::Sample, hide_possible_values = true, value_name = "sample|full")]
        verify: Check,
        /// Do not wait until the pieces are active on chain
        #[arg(long)]
        no_wait: bool,
        #[command(flatten)]
        assumed: Assumed,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Read an object
    Get {
        /// Its name
        name: String,
        /// Where to: a file that appears when it is complete, or - for standard output
        #[arg(long, short, value_name = "FILE")]
        output: PathBuf,
        /// Bytes a..b, a.. or ..b (b not included)
        #[arg(long, value_name = "A..B", default_value = "..")]
        range: ByteRange,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the objects
    Ls {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// What the chain says about an object, or all
    Status {
        /// Its name
        name: Option<String>,
        #[command(flatten)]
        assumed: Assumed,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask who holds the pieces of an object to show a random part of each
    Audit {
        /// Its name
        name: String,
        /// Challenge on chain who shows nothing, for a bond of at most this many smallest token units each; the bond pays
        /// the gas of the answer, or comes back with a bounty when none comes in time
        #[arg(long, value_name = "BOND")]
        challenge: Option<u128>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Pay for more periods of an object
    Extend {
        /// Its name
        name: String,
        /// How many more
        #[arg(long)]
        periods: u32,
    },
    /// End the deals of an object with the next period; what was paid for later ones comes back. Costs gas; cannot be undone
    End {
        /// Its name
        name: String,
        /// End only those deals that had fewer than k filled slots for too long, at once
        #[arg(long)]
        lost: bool,
    },
    /// Take out what the contracts owe this wallet: escrow that came back, bounties, bonds of challenges
    Withdraw {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Forget an object and its key; its deals go on until they end
    Rm {
        /// Its name
        name: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

/// What is assumed of nodes where durability is stated.
#[derive(Debug, Clone, Copy, clap::Args)]
pub(crate) struct Assumed {
    /// Assumed for the durability that is stated: how often a year a node loses a piece for good
    #[arg(long, default_value_t = NodeFailures::default().per_year, value_name = "TIMES", value_parser = positive)]
    failures_per_year: f64,
    /// Assumed for the durability that is stated: days on average from the loss of a piece until it is made again
    #[arg(long, default_value_t = NodeFailures::default().repair_days, value_name = "DAYS", value_parser = positive)]
    repair_days: f64,
}

impl From<Assumed> for NodeFailures {
    fn from(assumed: Assumed) -> Self {
        Self {
            per_year: assumed.failures_per_year,
            repair_days: assumed.repair_days,
        }
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(number) if f64::is_finite(number) && number > 0.0 => Ok(number),
        _ => Err("a number above zero is needed".to_owned()),
    }
}

/// How much of a commitment is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Check {
    Sample,
    Full,
}

impl From<Check> for Verify {
    fn from(check: Check) -> Self {
        match check {
            Check::Sample => Self::Sample,
            Check::Full => Self::Full,
        }
    }
}

/// How pieces are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Hot,
    Sealed,
}

impl From<Kind> for SectorKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Hot => Self::Hot,
            Kind::Sealed => Self::Sealed,
        }
    }
}
