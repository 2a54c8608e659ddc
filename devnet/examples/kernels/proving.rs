//! Kernels of a proof: sums of scalar multiples, the quotient, synthesis, all of it.

use std::fs;
use std::hint::black_box;
use std::path::Path;

use anyhow::{Context as _, Result};
use ark_bls12_381::{g1, g2};
use ark_ec::short_weierstrass::{Projective, SWCurveConfig};
use ark_ec::{AdditiveGroup as _, CurveGroup as _, PrimeGroup as _};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, LinearCombination, SynthesisError,
};
use ark_std::UniformRand as _;
use cairn_merkle::Fr;
use cairn_prover::circuits::{CircuitName, Circuits};
use cairn_prover::gadget::builder::VALUES_ALONE;
use cairn_prover::groth16::msm::{Coordinate, Points, Terms, fold, sums};
use cairn_prover::groth16::{Key, blinding_rng, prove, setup_insecure};
use cairn_prover::params::TEST;
use cairn_prover::spacetime::SpacetimeCircuit;
use cairn_prover::synthetic::{SyntheticProvider, SyntheticSector};

use super::Work;

const SPACETIME_KEY: &str = "spacetime.key";
const ZEROS_KEY: &str = "zeros.key";

/// Makes the keys; that takes seconds, and minutes while instructions are counted.
pub(super) fn prepare(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let blank = Circuits::for_set(&TEST).blank(CircuitName::Spacetime);
    setup_insecure(TEST.name, "spacetime", &blank)?.save(&folder.join(SPACETIME_KEY))?;
    setup_insecure(TEST.name, "zeros", Zeros)?.save(&folder.join(ZEROS_KEY))?;
    Ok(())
}

fn key(folder: &Path, name: &str) -> Result<Key> {
    let path = folder.join(name);
    let bytes = fs::read(&path).with_context(|| path.display().to_string())?;
    Ok(Key::from_file_bytes(&bytes)?)
}

pub(super) fn msm_g1(_: &Path) -> Result<Work> {
    msm::<g1::Config>()
}

pub(super) fn msm_g2(_: &Path) -> Result<Work> {
    msm::<g2::Config>()
}

/// A sum of 2^10 terms with scalars of full size, folding them included.
fn msm<P>() -> Result<Work>
where
    P: SWCurveConfig<ScalarField = Fr>,
    P::BaseField: Coordinate,
{
    const TERMS: usize = 1 << 10;
    let mut rng = blinding_rng([9; 32]);
    let step = Projective::<P>::generator() * Fr::rand(&mut rng);
    let mut point = step * Fr::rand(&mut rng);
    let mut points = Vec::with_capacity(TERMS);
    for _ in 0..TERMS {
        points.push(point);
        // Not a progression: its sums of two meet again and again, as a key's do not.
        point.double_in_place();
        point += step;
    }
    let points = Points::of(&Projective::normalize_batch(&points));
    let scalars: Vec<Fr> = (0..TERMS).map(|_| Fr::rand(&mut rng)).collect();
    Ok(Box::new(move || {
        let folded = fold(black_box(&scalars));
        let _sum = black_box(sums([Terms::new(&points, &folded)]));
        Ok(())
    }))
}

/// A chain of squares, all of them zero: no point of the key is added, so that what a proof costs is the quotient, with all
/// its transforms, and little else.
#[derive(Clone, Copy)]
struct Zeros;

impl Zeros {
    /// One constraint below a power of two: the constant one has a row of its own.
    const CONSTRAINTS: usize = (1 << 12) - 1;
}

impl ConstraintSynthesizer<Fr> for Zeros {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let zero = || Ok(Fr::from(0u64));
        let mut last = cs.new_witness_variable(zero)?;
        for _ in 0..Self::CONSTRAINTS {
            let next = cs.new_witness_variable(zero)?;
            let of = LinearCombination::from;
            cs.enforce_r1cs_constraint(|| of(last), || of(last), || of(next))?;
            last = next;
        }
        Ok(())
    }
}

pub(super) fn witness_map(folder: &Path) -> Result<Work> {
    let key = key(folder, ZEROS_KEY)?;
    Ok(Box::new(move || {
        black_box(prove(&key, Zeros, &mut blinding_rng([1; 32]))?);
        Ok(())
    }))
}

fn spacetime() -> Result<SpacetimeCircuit> {
    let sector = SyntheticSector::new(&TEST)?;
    let provider = SyntheticProvider::new(&sector, 3)?;
    Ok(provider.spacetime(Fr::from(7u64))?.1)
}

/// The witness alone, as a prover computes it.
pub(super) fn synthesis(_: &Path) -> Result<Work> {
    let circuit = spacetime()?;
    Ok(Box::new(move || {
        let cs = ConstraintSystem::<Fr>::new_ref();
        cs.set_mode(VALUES_ALONE);
        black_box(&circuit).generate_constraints(cs.clone())?;
        black_box(cs);
        Ok(())
    }))
}

pub(super) fn prove_spacetime(folder: &Path) -> Result<Work> {
    let (circuit, key) = (spacetime()?, key(folder, SPACETIME_KEY)?);
    Ok(Box::new(move || {
        black_box(prove(&key, &circuit, &mut blinding_rng([1; 32]))?);
        Ok(())
    }))
}
