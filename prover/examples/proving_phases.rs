//! Where the time and the memory of a proof of spacetime go: a table for one parameter set, its key in a file.
//!
//! ```text
//! cargo run -p cairn-prover --example proving_phases -- testnet target/keys-to-measure
//! ```
//!
//! The folder keeps the key for the next run: one of a million constraints takes a minute to make. The peak of memory is
//! counted from the first proof on, without what made the key and the data.

mod measure;

use std::{
    error::Error,
    fs,
    io::{Write, stdout},
    path::Path,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use cairn_prover::{
    circuits::{CircuitName, Circuits},
    groth16::{
        Key, Phase, Watch, blinding_rng, key_file::KeyHeader, prove_watched, setup_insecure, verify,
    },
    keys,
    params::ParamSet,
    synthetic::{SyntheticProvider, SyntheticSector},
};
use measure::processor_seconds;

/// Proofs; the one in the middle counts.
const REPEATS: usize = 5;
const PHASES: [Phase; 3] = [Phase::Witness, Phase::Quotient, Phase::Sums];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_else(|| "peer".to_owned());
    let folder = arguments
        .next()
        .unwrap_or_else(|| "target/keys-to-measure".to_owned());
    let set = ParamSet::by_name(&name).ok_or("no such parameter set")?;
    let mut out = stdout().lock();
    let path = keys::key_path(Path::new(&folder), set, CircuitName::Spacetime);
    if !path.exists() {
        writeln!(out, "making the key, for this and later runs ...")?;
        let blank = Circuits::for_set(set).blank(CircuitName::Spacetime);
        setup_insecure(set.name, "spacetime", &blank)?.save(&path)?;
    }
    let identity = KeyHeader::load(&path)?.identity;
    writeln!(
        out,
        "| what | seconds | CPU seconds | memory of its own, MiB | of mapped files |\n|---|---|---|---|---|"
    )?;
    // A key that was never checked is read whole, once.
    let (_, first) = timed(|| Key::load(&path, &identity))?;
    line(&mut out, "key, first time or checked before", first)?;
    let (key, again) = timed(|| Key::load(&path, &identity))?;
    line(&mut out, "key, checked before", again)?;
    let sector = SyntheticSector::new(set)?;
    let (statement, circuit) = SyntheticProvider::new(&sector, 16)?.spacetime(7.into())?;
    drop(sector);
    line(
        &mut out,
        "made-up sectors to prove (not part of a proof)",
        (0.0, 0.0),
    )?;

    // From here on the peak is that of the proofs alone.
    fs::write("/proc/self/clear_refs", "5")?;
    let mut runs = Vec::new();
    for _ in 0..REPEATS {
        let clock = Clock::start()?;
        let proof = prove_watched(&key, &circuit, &mut blinding_rng([1; 32]), &clock)?;
        let spent = clock.phases();
        verify(key.verifying_key(), &proof, &statement.public_inputs())?;
        runs.push(spent);
    }
    let total = |run: &Vec<(f64, f64)>| run.iter().map(|(clock, _)| clock).sum::<f64>();
    runs.sort_by(|a, b| total(a).total_cmp(&total(b)));
    let middle = &runs[REPEATS / 2];
    for (phase, spent) in PHASES.iter().zip(middle) {
        line(&mut out, &format!("{phase:?}"), *spent)?;
    }
    let processor: f64 = middle.iter().map(|(_, processor)| processor).sum();
    line(&mut out, "**the proof**", (total(middle), processor))?;
    let constraints = key.matrices().constraints();
    #[expect(
        clippy::cast_precision_loss,
        clippy::as_conversions,
        reason = "for people to read"
    )]
    let rate = constraints as f64 / total(middle);
    writeln!(
        out,
        "\n{constraints} constraints, {rate:.0} a second; fastest and slowest of {REPEATS}: {:.2} s, {:.2} s",
        total(&runs[0]),
        total(&runs[REPEATS - 1])
    )?;
    writeln!(
        out,
        "peak memory of the proofs: {} MiB, of which {} MiB are the mapped key",
        status("VmHWM:")? / 1024,
        status("RssFile:")? / 1024
    )?;
    Ok(())
}

/// When each phase was done, on the clock and in processor seconds.
struct Clock {
    start: Instant,
    marks: Mutex<Vec<(f64, f64)>>,
}

impl Clock {
    fn start() -> Result<Self, Box<dyn Error>> {
        let marks = Mutex::new(vec![(0.0, processor_seconds()?)]);
        let start = Instant::now();
        Ok(Self { start, marks })
    }

    /// What each phase took.
    fn phases(self) -> Vec<(f64, f64)> {
        let marks = self
            .marks
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let between = |pair: &[(f64, f64)]| (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
        marks.windows(2).map(between).collect()
    }
}

impl Watch for Clock {
    fn done(&self, _phase: Phase) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let processor = processor_seconds().unwrap_or(f64::NAN);
        marks.push((self.start.elapsed().as_secs_f64(), processor));
    }
}

fn line(
    out: &mut impl Write,
    what: &str,
    (clock, processor): (f64, f64),
) -> Result<(), Box<dyn Error>> {
    let (own, mapped) = (status("RssAnon:")? / 1024, status("RssFile:")? / 1024);
    writeln!(
        out,
        "| {what} | {clock:.3} | {processor:.2} | {own} | {mapped} |"
    )?;
    Ok(())
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, (f64, f64)), Box<dyn Error>>
where
    E: Error + 'static,
{
    let (start, before) = (Instant::now(), processor_seconds()?);
    let result = work()?;
    Ok((
        result,
        (start.elapsed().as_secs_f64(), processor_seconds()? - before),
    ))
}

/// A line of what the system says of this process, in KiB.
fn status(name: &str) -> Result<u64, Box<dyn Error>> {
    let text = fs::read_to_string("/proc/self/status")?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name))
        .ok_or("no such form")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
