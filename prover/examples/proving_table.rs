//! Prints a table of set-up, proving and checking for the parameter sets named on the command line (default: peer),
//! in seconds on the clock and in seconds of processor time, which another program on the machine disturbs less.
//!
//! ```text
//! cargo run -p cairn-prover --example proving_table -- peer devnet
//! cargo run -p cairn-prover --example proving_table -- testnet        128 samples at 512 MiB sectors: minutes
//! ```

mod measure;

use std::{
    error::Error,
    fs,
    io::{Write, stdout},
    time::Instant,
};

use ark_bls12_381::Bls12_381;
use ark_groth16::Groth16;
use ark_relations::gr1cs::ConstraintSynthesizer;
use cairn_merkle::Fr;
use cairn_prover::{
    circuits::{Circuit, CircuitName, Circuits},
    groth16::{Key, blinding_rng, prove, setup_insecure, verify},
    params::ParamSet,
    synthetic::{ReplicaPurpose, SyntheticProvider, SyntheticReplica, SyntheticSector},
};
use measure::processor_seconds;

/// Proofs of each row; the fastest counts, being the least disturbed.
const REPEATS: u32 = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names.is_empty() {
        names.push("peer".to_owned());
    }
    let mut out = stdout().lock();
    writeln!(
        out,
        "| set | what | seconds | CPU seconds |\n|---|---|---|---|"
    )?;
    for name in names {
        let set = ParamSet::by_name(&name).ok_or("no such parameter set")?;
        table(&mut out, set)?;
    }
    writeln!(out, "\npeak memory: {}", peak_memory()?)?;
    Ok(())
}

fn table(out: &mut impl Write, set: &ParamSet) -> Result<(), Box<dyn Error>> {
    let name = set.name;
    let blank = Circuits::for_set(set).blank(CircuitName::Spacetime);
    let (key, made) = timed(|| setup_insecure(name, "spacetime", &blank))?;
    let constraints = key.matrices().constraints();
    writeln!(
        out,
        "| {name} | set-up, {constraints} constraints | {made} |"
    )?;
    let bytes = key.to_file_bytes();
    let (_, read) = timed(|| Key::from_file_bytes(&bytes))?;
    writeln!(
        out,
        "| {name} | reading the key of {} MiB | {read} |",
        bytes.len() >> 20
    )?;
    drop(bytes);
    let sector = SyntheticSector::new(set)?;
    for count in [1, 64, 4096]
        .into_iter()
        .filter(|count| *count <= set.max_sectors())
    {
        let (statement, circuit) = SyntheticProvider::new(&sector, count)?.spacetime(7.into())?;
        let (proof, spent) = fastest(|| prove(&key, &circuit, &mut blinding_rng([1; 32])))?;
        writeln!(out, "| {name} | proof over {count} sectors | {spent} |")?;
        let inputs = statement.public_inputs();
        let (_, checked) = fastest(|| verify(key.verifying_key(), &proof, &inputs))?;
        writeln!(out, "| {name} | checking it | {checked} |")?;
    }
    drop(key);
    let (_, circuit) = SyntheticProvider::new(&sector, 16)?.spacetime(7.into())?;
    stock(out, name, &blank, &circuit)?;
    // A sealed sector is made up in memory, all its layers at once.
    if set.sector_bytes() <= 1 << 25 {
        replica(out, set)?;
    }
    Ok(())
}

/// One partition of a proof of replication.
fn replica(out: &mut impl Write, set: &ParamSet) -> Result<(), Box<dyn Error>> {
    let name = set.name;
    let blank = Circuits::for_set(set).blank(CircuitName::Replica);
    let (key, made) = timed(|| setup_insecure(name, "replica", &blank))?;
    let constraints = key.matrices().constraints();
    writeln!(
        out,
        "| {name} | set-up of `replica`, {constraints} constraints | {made} |"
    )?;
    let purpose = ReplicaPurpose {
        porep_id: Fr::from(11u64),
        provider: [0xab; 20],
        sector_number: 41,
        ticket: Fr::from(13u64),
    };
    let data: Vec<Fr> = (0..set.sector_leaves()).map(Fr::from).collect();
    let sector = SyntheticReplica::seal(set, purpose, &data)?;
    let (statement, circuit) = sector.circuit(7.into(), 0)?;
    let (proof, spent) = fastest(|| prove(&key, &circuit, &mut blinding_rng([1; 32])))?;
    writeln!(
        out,
        "| {name} | proof of a partition of a replica | {spent} |"
    )?;
    let inputs = statement.public_inputs();
    let (_, checked) = fastest(|| verify(key.verifying_key(), &proof, &inputs))?;
    writeln!(out, "| {name} | checking it | {checked} |")?;
    drop(key);
    stock(out, name, &blank, &circuit)
}

/// The proof library's own prover on the same circuit and witness.
fn stock<C>(
    out: &mut impl Write,
    name: &str,
    blank: &Circuit,
    circuit: &C,
) -> Result<(), Box<dyn Error>>
where
    for<'a> &'a C: ConstraintSynthesizer<Fr>,
{
    let mut rng = blinding_rng([2; 32]);
    let key = Groth16::<Bls12_381>::generate_random_parameters_with_reduction(blank, &mut rng)?;
    let (r, s) = (Fr::from(3u64), Fr::from(5u64));
    let (_, spent) =
        fastest(|| Groth16::<Bls12_381>::create_proof_with_reduction(circuit, &key, r, s))?;
    writeln!(
        out,
        "| {name} | ark-groth16's prover, the same circuit | {spent} |"
    )?;
    Ok(())
}

fn fastest<T, E>(mut work: impl FnMut() -> Result<T, E>) -> Result<(T, Spent), Box<dyn Error>>
where
    E: Error + 'static,
{
    let (mut result, mut best) = timed(&mut work)?;
    for _ in 1..REPEATS {
        let (again, spent) = timed(&mut work)?;
        result = again;
        best = Spent {
            clock: best.clock.min(spent.clock),
            processor: best.processor.min(spent.processor),
        };
    }
    Ok((result, best))
}

/// What some work took.
struct Spent {
    clock: f64,
    processor: f64,
}

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.3} | {:.2}", self.clock, self.processor)
    }
}

fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<(T, Spent), Box<dyn Error>>
where
    E: Error + 'static,
{
    let (start, processor) = (Instant::now(), processor_seconds()?);
    let result = work()?;
    let spent = Spent {
        clock: start.elapsed().as_secs_f64(),
        processor: processor_seconds()? - processor,
    };
    Ok((result, spent))
}

fn peak_memory() -> Result<String, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .ok_or("no such form")?;
    Ok(line.trim().to_owned())
}
