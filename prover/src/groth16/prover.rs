//! From a circuit with its witness to a proof.
//!
//! ```text
//! A = alpha + sum z_i a_i + r delta            B = beta + sum z_i b_i + s delta
//! C = sum_{i in witness} z_i l_i + sum h_j t_j + s A + r B - r s delta
//! ```
//!
//! Source: Groth 2016, section 3.2; the same proof bytes as `ark-groth16` for the same r and s. It differs in cost only:
//! the matrices come from the key instead of being laid out again, the quotient h takes six transforms instead of
//! seven, and nothing of the key is copied.

use ark_bls12_381::Fr;
use ark_ec::CurveGroup;
use ark_ff::{FftField, Field, One, UniformRand};
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, SynthesisError, SynthesisMode,
};
use ark_std::rand::{CryptoRng, RngCore};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
use rayon::prelude::*;

use crate::groth16::{
    error::ProveError,
    key::Key,
    matrices::Matrices,
    msm::{Terms, fold, paced_sums},
    transform::Transforms,
    verifier::Proof,
};

/// A random number generator for [`prove`] from 32 secret random bytes, used once.
#[must_use]
pub fn blinding_rng(seed: [u8; 32]) -> impl RngCore + CryptoRng {
    ChaCha20Rng::from_seed(seed)
}

/// Proves that the circuit's witness satisfies it.
///
/// Only the witness is computed; the constraints come from the key, and every one of them is checked before any work on
/// the curve is done.
///
/// # Errors
/// The witness breaks a constraint, the circuit is not the key's, or its witness cannot be computed.
pub fn prove<C, R>(key: &Key, circuit: C, rng: &mut R) -> Result<Proof, ProveError>
where
    C: ConstraintSynthesizer<Fr>,
    R: RngCore + CryptoRng,
{
    prove_watched(key, circuit, rng, &())
}

/// The parts of a proof's time, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The witness, from what the circuit was given.
    Witness,
    /// The products of the matrices with the witness, their check, and the quotient h.
    Quotient,
    /// The sums over the key's points, and the proof.
    Sums,
}

/// Somebody who follows a proof while it is made, and may hold it up.
pub trait Watch: Sync {
    /// Called by every thread between units of work, once the witness is there; may wait. A unit of the sums takes some
    /// tens of milliseconds, one of the quotient (a product of matrices, the check of all constraints, a transform) some
    /// tens of milliseconds at a million constraints with transforms in lanes, up to a second without.
    fn pass(&self) {}

    /// A phase is done.
    fn done(&self, _phase: Phase) {}
}

/// Nobody.
impl Watch for () {}

/// [`prove`], watched.
///
/// # Errors
/// As [`prove`].
pub fn prove_watched<C, R>(
    key: &Key,
    circuit: C,
    rng: &mut R,
    watch: &impl Watch,
) -> Result<Proof, ProveError>
where
    C: ConstraintSynthesizer<Fr>,
    R: RngCore + CryptoRng,
{
    let assignment = assign(circuit, &key.matrices)?;
    watch.done(Phase::Witness);
    let quotient = quotient(&key.matrices, &assignment, watch)?;
    watch.done(Phase::Quotient);
    let (r, s) = (Fr::rand(rng), Fr::rand(rng));
    let proof = assemble(key, &assignment, &quotient, (r, s), watch);
    watch.done(Phase::Sums);
    Ok(proof)
}

/// The constant one, the public inputs and the witness of a circuit.
fn assign<C: ConstraintSynthesizer<Fr>>(
    circuit: C,
    matrices: &Matrices,
) -> Result<Vec<Fr>, ProveError> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_mode(SynthesisMode::Prove {
        construct_matrices: false,
        generate_lc_assignments: false,
    });
    circuit.generate_constraints(cs.clone())?;
    let mut inner = cs.borrow_mut().ok_or(SynthesisError::MissingCS)?;
    let mut assignment = std::mem::take(&mut inner.assignments.instance_assignment);
    let witness = std::mem::take(&mut inner.assignments.witness_assignment);
    let counts = [
        (
            "public inputs",
            matrices.instance_values(),
            assignment.len(),
        ),
        ("witness values", matrices.witness_values(), witness.len()),
    ];
    for (what, expected, got) in counts {
        if expected != got {
            return Err(ProveError::OtherCircuit {
                what,
                expected,
                got,
            });
        }
    }
    assignment.extend_from_slice(&witness);
    Ok(assignment)
}

/// The coefficients of h = (a b - c) / Z, Z = X^n - 1.
///
/// With deg a, b, c < n, a b = c + h Z = (c - h) + h X^n. Interpolating a b from the coset gH gives it mod X^n - g^n,
/// that is (c - h) + g^n h, so h = (that - c) / (g^n - 1): c is never evaluated on the coset.
fn quotient(
    matrices: &Matrices,
    assignment: &[Fr],
    watch: &impl Watch,
) -> Result<Vec<Fr>, ProveError> {
    let mut transforms =
        Transforms::new(matrices.domain_size()).ok_or(SynthesisError::PolynomialDegreeTooLarge)?;
    let size = transforms.size();
    let [mut a, mut b, mut c] = [0, 1, 2].map(|matrix| {
        watch.pass();
        matrices.multiply(matrix, assignment)
    });
    let holds = |constraint: &usize| a[*constraint] * b[*constraint] == c[*constraint];
    if let Some(constraint) = (0..a.len())
        .into_par_iter()
        .find_first(|constraint| !holds(constraint))
    {
        return Err(ProveError::Unsatisfied { constraint });
    }
    // One more row for each public input, in A alone, keeps the inputs' polynomials independent.
    a.extend_from_slice(&assignment[..matrices.instance_values()]);
    for values in [&mut a, &mut b, &mut c] {
        watch.pass();
        transforms.from_subgroup(values);
    }
    watch.pass();
    transforms.to_coset(&mut a);
    watch.pass();
    transforms.to_coset(&mut b);
    watch.pass();
    a.par_iter_mut().zip(b).for_each(|(a, b)| *a *= b);
    transforms.from_coset(&mut a);
    let shift = Fr::GENERATOR.pow([u64::try_from(size).unwrap_or(u64::MAX)]) - Fr::one();
    // g generates the multiplicative group, so g^n is one for no n below its order.
    let scale = shift.inverse().ok_or(SynthesisError::DivisionByZero)?;
    a.par_iter_mut()
        .zip(c)
        .for_each(|(a, c)| *a = (*a - c) * scale);
    // deg h <= n - 2: the last coefficient is zero, and the key has no point for it.
    a.pop();
    Ok(a)
}

/// The three points of the proof.
fn assemble(
    key: &Key,
    assignment: &[Fr],
    quotient: &[Fr],
    (r, s): (Fr, Fr),
    watch: &impl Watch,
) -> Proof {
    let pass = || watch.pass();
    let points = &key.points;
    let vk = key.verifying.inner();
    let (all, h) = (fold(assignment), fold(quotient));
    let witness = &all[key.matrices.instance_values()..];
    let ([in_g2], [a_sum, b_sum, l_sum, h_sum]) = rayon::join(
        || paced_sums([Terms::new(&points.b_g2, &all)], &pass),
        || {
            let in_g1 = [
                Terms::new(&points.a, &all),
                Terms::new(&points.b_g1, &all),
                Terms::new(&points.l, witness),
                Terms::new(&points.h, &h),
            ];
            paced_sums(in_g1, &pass)
        },
    );
    let a = a_sum + vk.alpha_g1 + points.delta_g1 * r;
    let b_g1 = b_sum + points.beta_g1 + points.delta_g1 * s;
    let b_g2 = in_g2 + vk.beta_g2 + vk.delta_g2 * s;
    let c = l_sum + h_sum + a * s + b_g1 * r - points.delta_g1 * (r * s);
    Proof(ark_groth16::Proof {
        a: a.into_affine(),
        b: b_g2.into_affine(),
        c: c.into_affine(),
    })
}
