//! A small circuit that is none of ours: one chain `x -> x^3 + c_i` for each public input, which is where it ends.

use ark_bls12_381::Fr;
use ark_r1cs_std::{
    alloc::AllocVar,
    eq::EqGadget,
    fields::{FieldVar, fp::FpVar},
};
use ark_relations::gr1cs::{ConstraintSynthesizer, ConstraintSystemRef, SynthesisError};

/// Steps of each chain.
pub(crate) const STEPS: u64 = 50;

/// One secret start for each public end.
#[derive(Clone, Debug)]
pub(crate) struct Toy {
    pub(crate) starts: Vec<Option<Fr>>,
    pub(crate) ends: Vec<Option<Fr>>,
}

impl Toy {
    /// The circuit without a witness.
    pub(crate) fn blank(inputs: usize) -> Self {
        Self {
            starts: vec![None; inputs],
            ends: vec![None; inputs],
        }
    }

    /// A true statement: chains from these starts.
    pub(crate) fn from_starts(starts: &[u64]) -> Self {
        let starts: Vec<Fr> = starts.iter().map(|start| Fr::from(*start)).collect();
        let ends = starts.iter().map(|start| Some(chain(*start))).collect();
        Self {
            starts: starts.into_iter().map(Some).collect(),
            ends,
        }
    }

    /// The public inputs.
    pub(crate) fn inputs(&self) -> Vec<Fr> {
        self.ends.iter().copied().flatten().collect()
    }
}

/// Where the chain from `start` ends.
pub(crate) fn chain(start: Fr) -> Fr {
    (0..STEPS).fold(start, |x, i| x * x * x + Fr::from(i))
}

impl ConstraintSynthesizer<Fr> for Toy {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        for (start, end) in self.starts.iter().zip(&self.ends) {
            let end =
                FpVar::new_input(cs.clone(), || end.ok_or(SynthesisError::AssignmentMissing))?;
            let mut x = FpVar::new_witness(cs.clone(), || {
                start.ok_or(SynthesisError::AssignmentMissing)
            })?;
            for i in 0..STEPS {
                x = x.square()? * &x + Fr::from(i);
            }
            x.enforce_equal(&end)?;
        }
        Ok(())
    }
}
