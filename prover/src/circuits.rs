//! The circuits of a parameter set: their names, sizes and ids.
//!
//! A circuit is drawn from its parameter set alone, so its id, and with it its keys, change only when the set does.

use crate::append::AppendCircuit;
use crate::dispute::DisputeCircuit;
use crate::gadget::builder::{Builder, Synthesize, VALUES_ALONE};
use crate::groth16::{CircuitId, Matrices, SetupError};
use crate::include::IncludeCircuit;
use crate::params::ParamSet;
use crate::replica::ReplicaCircuit;
use crate::retire::RetireCircuit;
use crate::spacetime::SpacetimeCircuit;
use ark_bls12_381::Fr;
use ark_relations::gr1cs::{
    ConstraintSynthesizer, ConstraintSystem, ConstraintSystemRef, SynthesisError,
};
use std::fmt;

/// The statements that are proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CircuitName {
    /// Everything sampled is stored.
    Spacetime,
    /// A sector was added to a provider tree.
    Append,
    /// A sector was taken out of a provider tree.
    Retire,
    /// Pieces lie in a sector.
    Include,
    /// A sealed sector's replica is the one that only its provider could make.
    Replica,
    /// What lies in a group of bytes under a piece's commitment.
    Dispute,
}

impl CircuitName {
    /// All of them, in the order in which keys are made and shown.
    pub const ALL: [Self; 6] = [
        Self::Spacetime,
        Self::Append,
        Self::Retire,
        Self::Include,
        Self::Replica,
        Self::Dispute,
    ];

    /// The name in key files and on chain.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spacetime => "spacetime",
            Self::Append => "append",
            Self::Retire => "retire",
            Self::Include => "include",
            Self::Replica => "replica",
            Self::Dispute => "dispute",
        }
    }

    /// The circuit of this name, if there is one.
    #[must_use]
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|circuit| circuit.as_str() == name)
    }
}

impl fmt::Display for CircuitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Any of the circuits, with its witness or blank.
#[derive(Clone, Debug)]
pub enum Circuit {
    /// [`CircuitName::Spacetime`].
    Spacetime(SpacetimeCircuit),
    /// [`CircuitName::Append`].
    Append(AppendCircuit),
    /// [`CircuitName::Retire`].
    Retire(RetireCircuit),
    /// [`CircuitName::Include`].
    Include(IncludeCircuit),
    /// [`CircuitName::Replica`].
    Replica(ReplicaCircuit),
    /// [`CircuitName::Dispute`].
    Dispute(DisputeCircuit),
}

impl Synthesize for Circuit {
    fn synthesize(&self, builder: &mut Builder) -> Result<(), SynthesisError> {
        match self {
            Self::Spacetime(circuit) => circuit.synthesize(builder),
            Self::Append(circuit) => circuit.synthesize(builder),
            Self::Retire(circuit) => circuit.synthesize(builder),
            Self::Include(circuit) => circuit.synthesize(builder),
            Self::Replica(circuit) => circuit.synthesize(builder),
            Self::Dispute(circuit) => circuit.synthesize(builder),
        }
    }
}

macro_rules! constraint_synthesizer {
    ($($circuit:ty),+) => {$(
        impl ConstraintSynthesizer<Fr> for $circuit {
            fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
                self.synthesize(&mut Builder::new(cs))
            }
        }

        impl ConstraintSynthesizer<Fr> for &$circuit {
            fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
                self.synthesize(&mut Builder::new(cs))
            }
        }
    )+};
}

constraint_synthesizer!(
    SpacetimeCircuit,
    AppendCircuit,
    RetireCircuit,
    IncludeCircuit,
    ReplicaCircuit,
    DisputeCircuit,
    Circuit
);

/// How big a circuit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitSize {
    /// Rows of the constraint system.
    pub constraints: usize,
    /// Variables that are not public.
    pub witness: usize,
    /// Public inputs, without the constant one.
    pub public_inputs: usize,
}

/// Most memory of a proof for each constraint of its circuit, the key not counted; measured: 300 bytes
/// (`docs/bench/prover.md`).
pub const PROOF_BYTES_PER_CONSTRAINT: u64 = 400;

/// Memory of a proof of any size: buckets and trees of a few threads.
pub const PROOF_BYTES_AT_LEAST: u64 = 192 << 20;

/// Memory that proving a circuit of so many constraints takes at most, the key not counted.
#[must_use]
pub const fn proving_bytes(constraints: usize) -> u64 {
    (constraints as u64)
        .saturating_mul(PROOF_BYTES_PER_CONSTRAINT)
        .saturating_add(PROOF_BYTES_AT_LEAST)
}

/// The circuits of one parameter set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Circuits {
    set: ParamSet,
}

impl Circuits {
    /// The circuits of this set.
    #[must_use]
    pub const fn for_set(set: &ParamSet) -> Self {
        Self { set: *set }
    }

    /// The set.
    #[must_use]
    pub const fn set(&self) -> &ParamSet {
        &self.set
    }

    /// The circuit with nothing in it: what keys are made from.
    #[must_use]
    pub fn blank(&self, name: CircuitName) -> Circuit {
        match name {
            CircuitName::Spacetime => Circuit::Spacetime(SpacetimeCircuit::blank(&self.set)),
            CircuitName::Append => Circuit::Append(AppendCircuit::blank(&self.set)),
            CircuitName::Retire => Circuit::Retire(RetireCircuit::blank(&self.set)),
            CircuitName::Include => Circuit::Include(IncludeCircuit::blank(&self.set)),
            CircuitName::Replica => Circuit::Replica(ReplicaCircuit::blank(&self.set)),
            CircuitName::Dispute => Circuit::Dispute(DisputeCircuit::blank(&self.set)),
        }
    }

    /// The size of a circuit, counted without laying out its matrices.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn size(&self, name: CircuitName) -> Result<CircuitSize, SynthesisError> {
        let cs = ConstraintSystem::new_ref();
        cs.set_mode(VALUES_ALONE);
        let mut builder = Builder::new(cs.clone());
        self.blank(name).synthesize(&mut builder)?;
        Ok(CircuitSize {
            constraints: builder.constraints(),
            witness: cs.num_witness_variables(),
            public_inputs: cs.num_instance_variables() - 1,
        })
    }

    /// What the circuit is, in 32 bytes: the hash of its constraint matrices. Lays the whole circuit out.
    ///
    /// # Errors
    /// The circuit cannot be laid out.
    pub fn id(&self, name: CircuitName) -> Result<CircuitId, SetupError> {
        Ok(Matrices::of(self.blank(name))?.id())
    }
}
