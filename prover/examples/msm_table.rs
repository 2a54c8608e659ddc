//! Prints a table of sums of scalar multiples, ours beside the library's, for the sizes named on the command line (log2).
//!
//! ```text
//! cargo run -p cairn-prover --example msm_table -- 16 18 20
//! ```

mod measure;

use std::{
    error::Error,
    hint::black_box,
    io::{Write, stdout},
    time::Instant,
};

use ark_bls12_381::{Fr, G1Projective, G2Projective};
use ark_ec::{
    CurveGroup, PrimeGroup, VariableBaseMSM,
    short_weierstrass::{Affine, Projective, SWCurveConfig},
};
use ark_ff::{AdditiveGroup, PrimeField, UniformRand};
use ark_std::rand::{Rng, RngCore};
use cairn_prover::groth16::{
    blinding_rng,
    msm::{Coordinate, Points, Terms, fold, portable_sums, sums},
};
use measure::processor_seconds;

/// Runs of each; the fastest counts, being the least disturbed.
const REPEATS: usize = 3;

/// Largest size (log2) at which sums are also made with multiples of the points at hand.
const MULTIPLES_UP_TO: u32 = 16;

fn main() -> Result<(), Box<dyn Error>> {
    let mut sizes: Vec<u32> = std::env::args()
        .skip(1)
        .map(|log| log.parse())
        .collect::<Result<_, _>>()?;
    if sizes.is_empty() {
        sizes = vec![16, 17, 18];
    }
    let mut out = stdout().lock();
    writeln!(
        out,
        "| group | terms | scalars | ours, s (CPU s) | ours without AVX-512 | ark-ec |\n|---|---|---|---|---|---|"
    )?;
    for log in sizes {
        group::<_, G1Projective>(&mut out, "G1", log)?;
        group::<_, G2Projective>(&mut out, "G2", log)?;
    }
    Ok(())
}

fn group<P, G>(out: &mut impl Write, name: &str, log: u32) -> Result<(), Box<dyn Error>>
where
    P: SWCurveConfig<ScalarField = Fr>,
    P::BaseField: Coordinate,
    G: VariableBaseMSM<ScalarField = Fr, MulBase = Affine<P>> + Into<Projective<P>>,
{
    let mut rng = blinding_rng([u8::try_from(log)?; 32]);
    let count = 1usize << log;
    let step = Projective::<P>::generator() * Fr::rand(&mut rng);
    let mut point = Projective::<P>::generator() * Fr::rand(&mut rng);
    let mut points = Vec::with_capacity(count);
    for _ in 0..count {
        points.push(point);
        // Not a progression: its sums of two meet again and again, as a key's do not.
        point.double_in_place();
        point += step;
    }
    let points = Projective::normalize_batch(&points);
    let kept = Points::of(&points);
    for bits in [false, true] {
        let values: Vec<Fr> = (0..count).map(|_| value(&mut rng, bits)).collect();
        let (ours, our_time) = fastest(|| {
            let folded = fold(&values);
            let [sum] = sums([Terms::new(&kept, &folded)]);
            sum
        })?;
        let (portable, portable_time) = fastest(|| {
            let folded = fold(&values);
            let [sum] = portable_sums([Terms::new(&kept, &folded)]);
            sum
        })?;
        let (library, library_time) = fastest(|| {
            let integers: Vec<_> = values.iter().map(|value| value.into_bigint()).collect();
            let sum: Projective<P> = G::msm_bigint(&points, &integers).into();
            sum
        })?;
        if ours != library || portable != library {
            return Err("the sums differ".into());
        }
        if !bits && log <= MULTIPLES_UP_TO {
            let time = with_multiples(&points, &values, ours)?;
            writeln!(
                out,
                "| {name} | 2^{log} | full size, multiples 2^(16 j) of the points kept | {time} | | |"
            )?;
        }
        let scalars = if bits { "95 % bits" } else { "full size" };
        writeln!(
            out,
            "| {name} | 2^{log} | {scalars} | {our_time} | {portable_time} | {library_time} |"
        )?;
        out.flush()?;
    }
    Ok(())
}

/// The sum with `2^(16 j) P` kept for every point and j: sixteen times the points, digits of 16 bits, one set of buckets.
fn with_multiples<P>(
    points: &[Affine<P>],
    values: &[Fr],
    expected: Projective<P>,
) -> Result<String, Box<dyn Error>>
where
    P: SWCurveConfig<ScalarField = Fr>,
    P::BaseField: Coordinate,
{
    let mut level: Vec<Projective<P>> = points.iter().map(|point| (*point).into()).collect();
    let (mut all, mut digits) = (Vec::new(), Vec::new());
    let integers: Vec<_> = values.iter().map(|value| value.into_bigint().0).collect();
    for place in 0..16 {
        all.extend(Projective::normalize_batch(&level));
        let digit = |limbs: &[u64; 4]| Fr::from(limbs[place / 4] >> (16 * (place % 4)) & 0xffff);
        digits.extend(integers.iter().map(digit));
        for point in &mut level {
            for _ in 0..16 {
                point.double_in_place();
            }
        }
    }
    let all = Points::of(&all);
    let (sum, time) = fastest(|| {
        let folded = fold(&digits);
        let [sum] = sums([Terms::new(&all, &folded)]);
        sum
    })?;
    if sum != expected {
        return Err("the sums differ".into());
    }
    Ok(time)
}

/// A full-size scalar, or one as the witness of a circuit of bits has it: 95 % zero or one.
fn value(rng: &mut impl RngCore, bits: bool) -> Fr {
    if bits && rng.gen_range(0..20u8) > 0 {
        Fr::from(rng.gen_range(0..2u8))
    } else {
        Fr::rand(rng)
    }
}

fn fastest<T>(mut work: impl FnMut() -> T) -> Result<(T, String), Box<dyn Error>> {
    let (mut clock, mut processor) = (f64::MAX, f64::MAX);
    let mut result = None;
    for _ in 0..REPEATS {
        let (start, before) = (Instant::now(), processor_seconds()?);
        result = Some(black_box(work()));
        clock = clock.min(start.elapsed().as_secs_f64());
        processor = processor.min(processor_seconds()? - before);
    }
    let result = result.ok_or("nothing ran")?;
    Ok((result, format!("{clock:.3} ({processor:.2})")))
}
