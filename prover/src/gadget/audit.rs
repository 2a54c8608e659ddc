//! Which rules a forged assignment breaks.
//!
//! A forger is free in every hint and every public input, and computes the rest as the circuit would. The audit fills a
//! circuit in that way and names the rules whose constraints do not hold. If the answer is exactly one rule, then that
//! rule alone stands between the forger and a proof: the same circuit without it would be satisfied.

use super::builder::{Builder, Name, Synthesize};
use ark_bls12_381::Fr;
use ark_ff::AdditiveGroup;
use ark_relations::gr1cs::{ConstraintSystem, R1CS_PREDICATE_LABEL, SynthesisError, SynthesisMode};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

type Forgery = Box<dyn Fn(&[Fr]) -> Vec<Fr>>;

/// What a builder writes down while it draws: the rule of every row, the hints asked for, the forger's choices.
#[derive(Default)]
pub(super) struct Book {
    rows: Vec<Name>,
    asked: BTreeMap<Name, Vec<usize>>,
    forgeries: BTreeMap<(Name, usize), Forgery>,
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book")
            .field("rows", &self.rows.len())
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Book {
    pub(super) fn drew(&mut self, rule: Name) {
        self.rows.push(rule);
    }

    pub(super) fn choose(&mut self, name: Name, honest: &[Fr]) -> Vec<Fr> {
        let asked = self.asked.entry(name).or_default();
        let occurrence = asked.len();
        asked.push(honest.len());
        match self.forgeries.get(&(name, occurrence)) {
            Some(forgery) => {
                let mut forged = forgery(honest);
                forged.resize(honest.len(), Fr::ZERO);
                forged
            }
            None => honest.to_vec(),
        }
    }
}

/// An audit in preparation: the forger's choices.
#[derive(Debug, Default)]
pub struct Audit {
    book: Book,
}

/// What an audit found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Every rule that the circuit drew, with its number of constraints.
    pub rules: BTreeMap<Name, usize>,
    /// Every hint and public input that the circuit asked for: each time, how many elements.
    pub hints: BTreeMap<Name, Vec<usize>>,
    /// The rules that do not hold.
    pub broken: BTreeSet<Name>,
}

impl Findings {
    /// Whether the circuit accepts the assignment.
    #[must_use]
    pub fn is_satisfied(&self) -> bool {
        self.broken.is_empty()
    }

    /// Whether the circuit would accept the assignment if it lacked this one rule.
    #[must_use]
    pub fn is_satisfied_without(&self, rule: Name) -> bool {
        self.broken.iter().all(|broken| *broken == rule)
    }
}

impl Audit {
    /// An audit without any forgery.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Replaces one hint: the `occurrence`-th (from 0) of this scope and name, by a function of the honest values.
    #[must_use]
    pub fn forge(
        mut self,
        scope: &'static str,
        what: &'static str,
        occurrence: usize,
        forgery: impl Fn(&[Fr]) -> Vec<Fr> + 'static,
    ) -> Self {
        self.book
            .forgeries
            .insert((Name { scope, what }, occurrence), Box::new(forgery));
        self
    }

    /// Fills the circuit and evaluates every row.
    ///
    /// # Errors
    /// Whatever the constraint system refuses; a forgery of a hint that the circuit never asks for is
    /// [`SynthesisError::AssignmentMissing`].
    pub fn run(self, circuit: &impl Synthesize) -> Result<Findings, SynthesisError> {
        let cs = ConstraintSystem::new_ref();
        cs.set_mode(SynthesisMode::Prove {
            construct_matrices: true,
            generate_lc_assignments: false,
        });
        let mut builder = Builder::recording(cs.clone(), self.book);
        circuit.synthesize(&mut builder)?;
        let book = builder.into_book().ok_or(SynthesisError::MissingCS)?;
        for (name, occurrence) in book.forgeries.keys() {
            if book
                .asked
                .get(name)
                .is_none_or(|asked| *occurrence >= asked.len())
            {
                return Err(SynthesisError::AssignmentMissing);
            }
        }
        cs.finalize();
        let matrices = cs
            .to_matrices()?
            .remove(R1CS_PREDICATE_LABEL)
            .ok_or(SynthesisError::PredicateNotFound)?;
        let [a, b, c] = matrices.as_slice() else {
            return Err(SynthesisError::ArityMismatch);
        };
        let mut assignment = cs.instance_assignment()?;
        assignment.extend(cs.witness_assignment()?);
        let evaluate = |row: &[(Fr, usize)]| {
            row.iter()
                .map(|(factor, column)| assignment[*column] * factor)
                .sum::<Fr>()
        };
        let mut rules = BTreeMap::new();
        let mut broken = BTreeSet::new();
        for (((a, b), c), rule) in a.iter().zip(b).zip(c).zip(&book.rows) {
            *rules.entry(*rule).or_insert(0) += 1;
            if evaluate(a) * evaluate(b) != evaluate(c) {
                broken.insert(*rule);
            }
        }
        Ok(Findings {
            rules,
            hints: book.asked,
            broken,
        })
    }
}
