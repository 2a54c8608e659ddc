//! Prints, as CSV, how the time of a proof of spacetime grows: with constraints on one core and on all, and with the sectors
//! that a provider stores.
//!
//! ```text
//! cargo run -p cairn-prover --example proving_curves -- 1 2 4 8 16      samples a proof; 6,500 constraints each
//! ```

mod measure;

use std::{
    error::Error,
    io::{Write, stderr, stdout},
    time::Instant,
};

use cairn_prover::{
    circuits::{CircuitName, Circuits},
    groth16::{Key, blinding_rng, prove, setup_insecure},
    params::{PEER, ParamSet},
    synthetic::{SyntheticProvider, SyntheticSector},
};
use measure::processor_seconds;
use rayon::{ThreadPool, ThreadPoolBuilder};

/// Proofs of each row; the median counts.
const REPEATS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let mut samples: Vec<u32> = std::env::args()
        .skip(1)
        .map(|count| count.parse())
        .collect::<Result<_, _>>()?;
    if samples.is_empty() {
        samples = vec![1, 2, 4, 8, 16];
    }
    let cores = std::thread::available_parallelism()?.get();
    let mut out = stdout().lock();
    writeln!(out, "curve,constraints,sectors,cores,seconds,cpu_seconds")?;
    for post_samples in samples {
        let set = ParamSet {
            post_samples,
            ..PEER
        };
        let key = key(&set)?;
        for threads in 1..=cores {
            row(&mut out, "constraints", &set, &key, 1, threads)?;
        }
    }
    let key = key(&PEER)?;
    for sectors in [1, 16, 256, 4096] {
        row(&mut out, "sectors", &PEER, &key, sectors, cores)?;
    }
    Ok(())
}

fn key(set: &ParamSet) -> Result<Key, Box<dyn Error>> {
    let blank = Circuits::for_set(set).blank(CircuitName::Spacetime);
    Ok(setup_insecure(set.name, "spacetime", &blank)?)
}

fn row(
    out: &mut impl Write,
    curve: &str,
    set: &ParamSet,
    key: &Key,
    sectors: u32,
    threads: usize,
) -> Result<(), Box<dyn Error>> {
    let constraints = key.matrices().constraints();
    writeln!(
        stderr(),
        "proving_curves: {constraints} constraints, {sectors} sectors, {threads} threads"
    )?;
    let sector = SyntheticSector::new(set)?;
    let (_, circuit) = SyntheticProvider::new(&sector, sectors)?.spacetime(7.into())?;
    let pool: ThreadPool = ThreadPoolBuilder::new().num_threads(threads).build()?;
    let mut spent = Vec::new();
    for _ in 0..REPEATS {
        let (start, processor) = (Instant::now(), processor_seconds()?);
        pool.install(|| prove(key, &circuit, &mut blinding_rng([1; 32])))?;
        let seconds = start.elapsed().as_secs_f64();
        spent.push((seconds, processor_seconds()? - processor));
    }
    spent.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (seconds, processor) = spent[REPEATS / 2];
    writeln!(
        out,
        "{curve},{constraints},{sectors},{threads},{seconds:.4},{processor:.2}"
    )?;
    Ok(())
}
