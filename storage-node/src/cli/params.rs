//! `cairn-node params list | make | verify | pack | unpack`: the parameter sets, their circuits, and how their keys stand in a folder.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context as _, bail};
use cairn_prover::circuits::{CircuitName, Circuits};
use cairn_prover::groth16::Key;
use cairn_prover::keys::survey::{self, Depth, FileState, KeyFiles};
use cairn_prover::keys::{self, Progress};
use cairn_prover::params::{self, ParamSet};
use cairn_storage_node::config::Config;
use clap::{Args, Subcommand};
use rayon::prelude::*;

/// Hexadecimal digits of an id or digest where many sets are listed.
const SHORT: usize = 12;

#[derive(Debug, Args)]
pub(crate) struct ParamsArguments {
    #[command(subcommand)]
    verb: ParamsVerb,
}

#[derive(Debug, Subcommand)]
enum ParamsVerb {
    /// Lists every set: numbers, circuits, constraints, circuit ids, and whether the keys are there
    List {
        /// This set only, with whole ids and digests
        #[arg(long)]
        set: Option<String>,
        #[command(flatten)]
        folder: KeyFolder,
    },
    /// Makes the keys of a development set that are missing or damaged
    Make {
        /// Which set
        #[arg(long)]
        set: String,
        #[command(flatten)]
        folder: KeyFolder,
    },
    /// Reads every key file to its end and compares it with the list built into this program
    Verify {
        /// This set only; its keys must then all be there
        #[arg(long)]
        set: Option<String>,
        #[command(flatten)]
        folder: KeyFolder,
    },
    /// Writes a proving key for the way to another machine: half its size
    Pack {
        /// Which set
        #[arg(long)]
        set: String,
        /// Which circuit
        #[arg(long)]
        circuit: String,
        /// The file to write; must not exist
        file: PathBuf,
        #[command(flatten)]
        folder: KeyFolder,
    },
    /// Reads a packed proving key, checks it bit by bit and puts it into the key folder (minutes for the largest)
    Unpack {
        /// The packed key
        file: PathBuf,
        #[command(flatten)]
        folder: KeyFolder,
    },
}

#[derive(Debug, Args)]
struct KeyFolder {
    /// The key folder (default: ~/.cache/cairn/keys, which cairn-devnet uses)
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    key_dir: Option<PathBuf>,
    /// A node's configuration, whose key folder is taken
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl KeyFolder {
    fn path(self, home: Option<PathBuf>) -> anyhow::Result<PathBuf> {
        match (self.key_dir, self.config) {
            (Some(folder), _) => Ok(folder),
            (None, Some(config)) => Ok(Config::read(&config)?.key_dir),
            (None, None) => Ok(home
                .context("this user has no home folder: give --key-dir")?
                .join(".cache/cairn/keys")),
        }
    }
}

/// Runs the verb; `home` is the user's home folder.
pub(crate) fn run(arguments: ParamsArguments, home: Option<PathBuf>) -> anyhow::Result<()> {
    match arguments.verb {
        ParamsVerb::List { set, folder } => list(set.as_deref(), &folder.path(home)?),
        ParamsVerb::Make { set, folder } => make(&set, &folder.path(home)?),
        ParamsVerb::Verify { set, folder } => verify(set.as_deref(), &folder.path(home)?),
        ParamsVerb::Pack {
            set,
            circuit,
            file,
            folder,
        } => pack(&set, &circuit, &file, &folder.path(home)?),
        ParamsVerb::Unpack { file, folder } => unpack(&file, &folder.path(home)?),
    }
}

fn list(name: Option<&str>, folder: &Path) -> anyhow::Result<()> {
    let sets = sets(name)?;
    let all: Vec<_> = sets
        .iter()
        .flat_map(|set| CircuitName::ALL.map(|circuit| (*set, circuit)))
        .collect();
    // Counting the constraints of the big circuits takes seconds each.
    let mut rows = all
        .into_par_iter()
        .map(|(set, circuit)| row(set, circuit, folder))
        .collect::<anyhow::Result<Vec<_>>>()?
        .into_iter();
    let mut page = format!("key folder {}\n", folder.display());
    for set in sets {
        let rows: Vec<Row> = rows.by_ref().take(CircuitName::ALL.len()).collect();
        set_part(&mut page, set, &rows, name.is_some())?;
    }
    print(&page)
}

/// One line of the list.
struct Row {
    constraints: usize,
    circuit_id: String,
    files: KeyFiles,
}

fn row(set: &'static ParamSet, circuit: CircuitName, folder: &Path) -> anyhow::Result<Row> {
    let circuits = Circuits::for_set(set);
    let circuit_id = match keys::listed_id(set, circuit) {
        Some(id) => id,
        None => circuits.id(circuit)?,
    };
    Ok(Row {
        constraints: circuits.size(circuit)?.constraints,
        circuit_id: circuit_id.to_string(),
        files: survey::look(folder, set, circuit, Depth::Header)?,
    })
}

fn set_part(page: &mut String, set: &ParamSet, rows: &[Row], whole: bool) -> anyhow::Result<()> {
    let ParamSet {
        name,
        layers,
        porep_challenges,
        post_samples,
        include_width,
        period_s,
        freeze_s,
        due_s,
        ticket_age_s,
        seed_delay_s,
        replica_due_s,
        ..
    } = set;
    writeln!(page, "\n{name}")?;
    writeln!(
        page,
        "  sector   {}, pieces up to {} bytes, up to {} sectors in a tree",
        size(set.sector_bytes()),
        grouped(set.max_piece_bytes()),
        grouped(u64::from(set.max_sectors()))
    )?;
    writeln!(
        page,
        "  sealing  {layers} layers, {porep_challenges} challenges; ticket at most {ticket_age_s} s old, seed at least {seed_delay_s} s after the precommit, proof due {replica_due_s} s after it is known"
    )?;
    writeln!(
        page,
        "  period   {period_s} s, frozen {freeze_s} s before its round, proof due {due_s} s after it; {post_samples} samples, {include_width} pieces in an inclusion proof"
    )?;
    writeln!(
        page,
        "  keys     {}",
        if set.insecure_keys {
            "INSECURE: made from a public seed, anybody can forge proofs under them; development chains only"
        } else {
            "from a ceremony only; there was none yet, so there are none"
        }
    )?;
    let width = if whole { 64 } else { SHORT };
    writeln!(
        page,
        "  {:<10} {:>11} {:<width$}  {:<width$}  proving key",
        "circuit", "constraints", "circuit id", "verifying key"
    )?;
    for row in rows {
        circuit_line(page, row, width)?;
    }
    Ok(())
}

fn circuit_line(page: &mut String, row: &Row, width: usize) -> anyhow::Result<()> {
    let Row {
        constraints,
        circuit_id,
        files,
    } = row;
    let verifying = match (&files.digest, &files.verifying) {
        (Some(digest), _) => cut(digest, width).to_owned(),
        (None, state) => state.to_string(),
    };
    write!(
        page,
        "  {:<10} {:>11} {:<width$}  {verifying:<width$}  {}",
        files.circuit.as_str(),
        grouped(*constraints as u64),
        cut(circuit_id, width),
        files.proving
    )?;
    if files.proving.is_good() {
        write!(page, ", {}", size(files.bytes))?;
    }
    if files.insecure == Some(true) {
        write!(page, ", insecure")?;
    }
    writeln!(page)?;
    Ok(())
}

fn make(name: &str, folder: &Path) -> anyhow::Result<()> {
    let set = by_name(name)?;
    if !set.insecure_keys {
        bail!(
            "the keys of {name} come from a ceremony only: whoever makes them alone can forge every proof, so this \
             program does not. Sets whose (insecure) development keys it makes: {}",
            development_sets()
        );
    }
    print(&format!("key folder {}\n", folder.display()))?;
    let (all, mut place, mut began) = (CircuitName::ALL.len(), 0, Instant::now());
    let mut broken = None;
    let made = keys::ensure(folder, set, |step| {
        let line = match step {
            Progress::Present(circuit) => {
                place += 1;
                format!("[{place}/{all}] {circuit}: present, whole and the published one\n")
            }
            Progress::Making { circuit, replaces } => {
                place += 1;
                began = Instant::now();
                let why = replaces.map_or_else(String::new, |why| format!(" (replaces: {why})"));
                format!("[{place}/{all}] {circuit}: making{why} ...\n")
            }
            Progress::Made(circuit) => {
                let took = began.elapsed().as_secs_f64();
                format!("[{place}/{all}] {circuit}: made in {took:.1} s\n")
            }
        };
        if let Err(error) = print(&line) {
            broken = Some(error);
        }
    });
    made?;
    if let Some(error) = broken {
        return Err(error);
    }
    print(&format!(
        "the keys of {name} are complete. They are INSECURE (from a public seed): for development chains only\n"
    ))
}

fn pack(set: &str, circuit: &str, file: &Path, folder: &Path) -> anyhow::Result<()> {
    let set = by_name(set)?;
    let circuit = circuit_by_name(circuit)?;
    let began = Instant::now();
    let bytes = keys::load(folder, set, circuit)?.to_transport_bytes();
    let mut out = File::create_new(file).with_context(|| format!("creating {}", file.display()))?;
    out.write_all(&bytes)
        .and_then(|()| out.sync_all())
        .with_context(|| format!("writing {}", file.display()))?;
    print(&format!(
        "{}/{circuit}: {} of {} packed in {:.1} s\n",
        set.name,
        size(bytes.len() as u64),
        size(fs::metadata(keys::key_path(folder, set, circuit))?.len()),
        began.elapsed().as_secs_f64()
    ))
}

fn unpack(file: &Path, folder: &Path) -> anyhow::Result<()> {
    let began = Instant::now();
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    print("unpacking: a square root for each point ...\n")?;
    let key = Key::from_transport_bytes(&bytes)
        .with_context(|| format!("{} is no packed key", file.display()))?;
    let identity = key.identity();
    let set = by_name(&identity.set)?;
    let circuit = circuit_by_name(&identity.circuit)?;
    keys::check(set, circuit, &key)?;
    let path = keys::key_path(folder, set, circuit);
    key.save(&path)?;
    key.save_verifying(&keys::verifying_key_path(folder, set, circuit))?;
    print(&format!(
        "{}/{circuit}: whole, {}, now in {} ({:.1} s)\n",
        set.name,
        if key.is_insecure() {
            "INSECURE (for development chains only)"
        } else {
            "from a ceremony"
        },
        path.display(),
        began.elapsed().as_secs_f64()
    ))
}

fn circuit_by_name(name: &str) -> anyhow::Result<CircuitName> {
    CircuitName::by_name(name).with_context(|| {
        let all = CircuitName::ALL.map(CircuitName::as_str).join(", ");
        format!("there is no circuit {name:?}; there are {all}")
    })
}

fn verify(name: Option<&str>, folder: &Path) -> anyhow::Result<()> {
    print(&format!("key folder {}\n", folder.display()))?;
    let mut bad = Vec::new();
    for set in sets(name)? {
        for circuit in CircuitName::ALL {
            let began = Instant::now();
            let files = survey::look(folder, set, circuit, Depth::Full)?;
            let verdict = Verdict::of(&files, set, name.is_some());
            let seconds = began.elapsed().as_secs_f64();
            match &verdict {
                // A set that nobody made keys of is not worth five lines.
                Verdict::Absent if name.is_none() => {}
                Verdict::Absent => bad.push(format!("{}/{circuit}", set.name)),
                Verdict::Good => {}
                Verdict::Bad => bad.push(format!("{}/{circuit}", set.name)),
            }
            if name.is_some() || !matches!(verdict, Verdict::Absent) {
                print(&verify_line(set, &files, &verdict, seconds))?;
            }
        }
    }
    if bad.is_empty() {
        return print("all of it is whole and published\n");
    }
    bail!(
        "{} of the keys cannot be used: {}. `cairn-node params make` makes those of development sets again",
        bad.len(),
        bad.join(", ")
    )
}

/// What `verify` says about one circuit's files.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Good,
    Bad,
    Absent,
}

impl Verdict {
    fn of(files: &KeyFiles, set: &ParamSet, wanted: bool) -> Self {
        let states = [&files.proving, &files.verifying];
        if states.iter().all(|state| **state == FileState::Missing) {
            return Self::Absent;
        }
        // A client needs only the verifying key; half a pair is no harm unless this set was asked for.
        let fine = |state: &FileState| {
            *state == FileState::Verified || (!wanted && *state == FileState::Missing)
        };
        let allowed = set.insecure_keys || files.insecure != Some(true);
        if allowed && states.into_iter().all(fine) {
            Self::Good
        } else {
            Self::Bad
        }
    }
}

fn verify_line(set: &ParamSet, files: &KeyFiles, verdict: &Verdict, seconds: f64) -> String {
    let name = format!("{}/{}", set.name, files.circuit);
    let mark = match verdict {
        Verdict::Good => "ok   ",
        Verdict::Bad => "BAD  ",
        Verdict::Absent => "none ",
    };
    let digest = files.digest.as_deref().map_or_else(String::new, |digest| {
        format!(", verifying key {}", cut(digest, SHORT))
    });
    format!(
        "{mark} {name:<18} proving key {}; verifying key file {}{digest} ({}, {seconds:.1} s)\n",
        files.proving,
        files.verifying,
        size(files.bytes)
    )
}

fn sets(name: Option<&str>) -> anyhow::Result<Vec<&'static ParamSet>> {
    match name {
        Some(name) => Ok(vec![by_name(name)?]),
        None => Ok(params::ALL.to_vec()),
    }
}

fn by_name(name: &str) -> anyhow::Result<&'static ParamSet> {
    ParamSet::by_name(name).with_context(|| {
        let names: Vec<&str> = params::ALL.iter().map(|set| set.name).collect();
        format!(
            "there is no parameter set {name:?}; there are {}",
            names.join(", ")
        )
    })
}

fn development_sets() -> String {
    let names: Vec<&str> = params::ALL
        .iter()
        .filter(|set| set.insecure_keys)
        .map(|set| set.name)
        .collect();
    names.join(", ")
}

fn cut(text: &str, width: usize) -> &str {
    text.get(..width).unwrap_or(text)
}

/// A whole number of the largest unit it is a multiple of, otherwise one decimal.
fn size(bytes: u64) -> String {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let Some((unit, log2)) = units.into_iter().find(|(_, log2)| bytes >> log2 > 0) else {
        return format!("{bytes} bytes");
    };
    if bytes.trailing_zeros() >= log2 {
        format!("{} {unit}", bytes >> log2)
    } else {
        let tenths = (u128::from(bytes) * 10) >> log2;
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

/// 1234567 as 1,234,567.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("writing to the terminal")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(proving: FileState, verifying: FileState) -> KeyFiles {
        KeyFiles {
            circuit: CircuitName::Append,
            proving,
            verifying,
            digest: None,
            insecure: Some(true),
            bytes: 3 << 19,
        }
    }

    #[test]
    fn a_set_is_listed_with_its_numbers_and_the_state_of_its_keys() {
        let row = |state: FileState, digest: Option<&str>| Row {
            constraints: 1_234_567,
            circuit_id: "ab".repeat(32),
            files: KeyFiles {
                digest: digest.map(str::to_owned),
                ..files(state.clone(), state)
            },
        };
        let mut page = String::new();
        let rows = [
            row(FileState::Verified, Some(&"cd".repeat(32))),
            row(FileState::Missing, None),
        ];
        set_part(&mut page, &params::SMALL, &rows, false).unwrap();
        for part in [
            "small",
            "2 MiB",
            "2 layers",
            "INSECURE",
            "1,234,567",
            "abababababab ",
            "cdcdcdcdcdcd ",
            "verified, 1.5 MiB, insecure",
            "missing",
        ] {
            assert!(page.contains(part), "{part:?} is not in\n{page}");
        }
        page.clear();
        set_part(&mut page, &params::MAINNET, &rows, true).unwrap();
        assert!(page.contains(&"ab".repeat(32)), "whole ids:\n{page}");
        assert!(page.contains("ceremony"), "{page}");
    }

    #[test]
    fn damage_counts_always_and_absence_only_where_the_set_was_asked_for() {
        let damaged = || FileState::Damaged("cut off".into());
        let (whole, none) = (|| FileState::Verified, || FileState::Missing);
        let verdict = |proving, verifying, wanted| {
            Verdict::of(&files(proving, verifying), &params::SMALL, wanted)
        };
        assert_eq!(verdict(whole(), whole(), true), Verdict::Good);
        assert_eq!(verdict(none(), whole(), false), Verdict::Good, "a client's");
        assert_eq!(verdict(none(), whole(), true), Verdict::Bad);
        assert_eq!(verdict(damaged(), whole(), false), Verdict::Bad);
        assert_eq!(verdict(whole(), damaged(), false), Verdict::Bad);
        assert_eq!(verdict(none(), none(), true), Verdict::Absent);
        let insecure = files(whole(), whole());
        assert_eq!(
            Verdict::of(&insecure, &params::MAINNET, false),
            Verdict::Bad,
            "a key with public secrets in the place of a ceremony's"
        );
    }

    #[test]
    fn keys_of_a_production_set_are_not_made_and_the_refusal_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let error = make("mainnet", folder.path()).unwrap_err().to_string();
        assert!(error.contains("ceremony"), "{error}");
        assert!(error.contains("test, small, devnet, peer"), "{error}");
        let error = make("main", folder.path()).unwrap_err().to_string();
        assert!(error.contains("there is no parameter set"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn missing_keys_are_made_then_verified_and_a_damaged_one_is_found() {
        let folder = tempfile::tempdir().unwrap();
        assert!(verify(Some("test"), folder.path()).is_err(), "none yet");
        verify(None, folder.path()).unwrap();
        make("test", folder.path()).unwrap();
        verify(Some("test"), folder.path()).unwrap();
        list(Some("test"), folder.path()).unwrap();
        let path = keys::key_path(folder.path(), &params::TEST, CircuitName::Append);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = verify(None, folder.path()).unwrap_err().to_string();
        assert!(error.contains("test/append"), "{error}");
        make("test", folder.path()).unwrap();
        verify(Some("test"), folder.path()).unwrap();
    }

    #[test]
    fn sizes_and_numbers_are_written_for_people() {
        assert_eq!(size(8192), "8 KiB");
        assert_eq!(size((3 << 19) + 100), "1.5 MiB");
        assert_eq!(size(12), "12 bytes");
        assert_eq!(grouped(908_497), "908,497");
        assert_eq!(grouped(16), "16");
        assert_eq!(grouped(1_000_000), "1,000,000");
    }
}
