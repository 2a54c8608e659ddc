//! One circuit, written once for each constraint library: a chain of S-boxes as Poseidon2 has them.
//!
//! ```text
//! s = x_i + 3 x_{i-1} + 5      s s = a      a a = b      b s = x_{i+1}          for each step, x_0 and x_1 secret
//! x_last 1 = out                                                               one public input
//! ```
//!
//! Three constraints a step with 5, 7 and 3 entries in A, B and C; every value of the witness has full size.

use ark_bls12_381::Fr;
use ark_ff::Field as _;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystemRef, LinearCombination as ArkSum,
    SynthesisError as ArkError, Variable as ArkVariable,
};
use bellperson::{Circuit, ConstraintSystem, LinearCombination, SynthesisError};
use blstrs::Scalar;
use ff::Field as _;

const BEFORE: u64 = 3;
const CONSTANT: u64 = 5;

/// The chain; blank or with the two values it starts from.
#[derive(Clone, Copy)]
pub struct Chain<F> {
    steps: usize,
    start: Option<[F; 2]>,
}

impl<F> Chain<F> {
    /// The longest chain of at most so many constraints.
    pub const fn within(constraints: usize) -> Self {
        Self {
            steps: (constraints - 1) / 3,
            start: None,
        }
    }

    /// With these values.
    pub fn from(self, start: [F; 2]) -> Self {
        Self {
            start: Some(start),
            ..self
        }
    }

    pub const fn constraints(&self) -> usize {
        3 * self.steps + 1
    }

    /// Values of the witness.
    pub const fn witness(&self) -> usize {
        3 * self.steps + 2
    }

    /// Entries of the matrices A, B and C.
    pub const fn entries(&self) -> [usize; 3] {
        [5 * self.steps + 1, 7 * self.steps + 1, 3 * self.steps + 1]
    }
}

/// What a chain in the field of ark comes to.
pub fn output(chain: &Chain<Fr>) -> Option<Fr> {
    let [mut before, mut now] = chain.start?;
    for _ in 0..chain.steps {
        let s = now + Fr::from(BEFORE) * before + Fr::from(CONSTANT);
        (before, now) = (now, s.square().square() * s);
    }
    Some(now)
}

impl ConstraintSynthesizer<Fr> for Chain<Fr> {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), ArkError> {
        let new = |value: Option<Fr>| {
            cs.new_witness_variable(|| value.ok_or(ArkError::AssignmentMissing))
        };
        let of = ArkSum::from;
        let values = self.start.map(|start| (start[0], start[1]));
        let (mut before, mut now) = (values.map(|v| v.0), values.map(|v| v.1));
        let (mut before_is, mut now_is) = (new(before)?, new(now)?);
        for _ in 0..self.steps {
            let value = before
                .zip(now)
                .map(|(before, now)| now + Fr::from(BEFORE) * before + Fr::from(CONSTANT));
            let s = || {
                of(now_is) + (Fr::from(BEFORE), before_is) + (Fr::from(CONSTANT), ArkVariable::One)
            };
            let square = value.map(|s| s.square());
            let square_is = new(square)?;
            cs.enforce_r1cs_constraint(s, s, || of(square_is))?;
            let fourth = square.map(|a| a.square());
            let fourth_is = new(fourth)?;
            cs.enforce_r1cs_constraint(|| of(square_is), || of(square_is), || of(fourth_is))?;
            let next = fourth.zip(value).map(|(b, s)| b * s);
            let next_is = new(next)?;
            cs.enforce_r1cs_constraint(|| of(fourth_is), s, || of(next_is))?;
            (before, now) = (now, next);
            (before_is, now_is) = (now_is, next_is);
        }
        let out = cs.new_input_variable(|| now.ok_or(ArkError::AssignmentMissing))?;
        cs.enforce_r1cs_constraint(|| of(now_is), || of(ArkVariable::One), || of(out))
    }
}

impl Circuit<Scalar> for Chain<Scalar> {
    fn synthesize<CS: ConstraintSystem<Scalar>>(self, cs: &mut CS) -> Result<(), SynthesisError> {
        fn new<CS: ConstraintSystem<Scalar>>(
            cs: &mut CS,
            value: Option<Scalar>,
        ) -> Result<bellperson::Variable, SynthesisError> {
            cs.alloc(|| "", || value.ok_or(SynthesisError::AssignmentMissing))
        }
        let values = self.start.map(|start| (start[0], start[1]));
        let (mut before, mut now) = (values.map(|v| v.0), values.map(|v| v.1));
        let (mut before_is, mut now_is) = (new(cs, before)?, new(cs, now)?);
        for _ in 0..self.steps {
            let value = before
                .zip(now)
                .map(|(before, now)| now + Scalar::from(BEFORE) * before + Scalar::from(CONSTANT));
            let s = |sum: LinearCombination<Scalar>| {
                sum + now_is
                    + (Scalar::from(BEFORE), before_is)
                    + (Scalar::from(CONSTANT), CS::one())
            };
            let square = value.map(|s| s.square());
            let square_is = new(cs, square)?;
            cs.enforce(|| "", s, s, |sum| sum + square_is);
            let fourth = square.map(|a| a.square());
            let fourth_is = new(cs, fourth)?;
            cs.enforce(
                || "",
                |sum| sum + square_is,
                |sum| sum + square_is,
                |sum| sum + fourth_is,
            );
            let next = fourth.zip(value).map(|(b, s)| b * s);
            let next_is = new(cs, next)?;
            cs.enforce(|| "", |sum| sum + fourth_is, s, |sum| sum + next_is);
            (before, now) = (now, next);
            (before_is, now_is) = (now_is, next_is);
        }
        let out = cs.alloc_input(|| "", || now.ok_or(SynthesisError::AssignmentMissing))?;
        cs.enforce(
            || "",
            |sum| sum + now_is,
            |sum| sum + CS::one(),
            |sum| sum + out,
        );
        Ok(())
    }
}
