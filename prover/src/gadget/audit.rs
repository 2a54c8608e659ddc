//! Which rules a forged assignment breaks.
//!
//! A forger is free in every hint and every public input, and computes the rest as the circuit would. The audit fills a
//! circuit in that way and names the rules whose constraints do not hold. If the answer is exactly one rule, then that
//! rule alone stands between the forger and a proof: the same circuit without it would be satisfied.

use super::builder::{Builder, Name, Synthesize};
use ark_bls12_381::Fr;
use ark_ff::AdditiveGroup;
use ark_relations::gr1cs::{
    ConstraintSystem, ConstraintSystemRef, Matrix, R1CS_PREDICATE_LABEL, SynthesisError,
    SynthesisMode,
};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::iter;

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

    /// Lays the circuit out, fills it and evaluates every row.
    ///
    /// # Errors
    /// As [`Layout::of`] and [`Self::run_on`].
    pub fn run(self, circuit: &impl Synthesize) -> Result<Findings, SynthesisError> {
        self.run_on(&Layout::of(circuit)?, circuit)
    }

    /// Fills the circuit and evaluates every row of a layout that was made before, from any instance of it.
    ///
    /// # Errors
    /// Whatever the constraint system refuses; [`SynthesisError::Unsatisfiable`] if the layout is of another circuit;
    /// [`SynthesisError::AssignmentMissing`] if a hint is forged that the circuit never asks for.
    pub fn run_on(
        self,
        layout: &Layout,
        circuit: &impl Synthesize,
    ) -> Result<Findings, SynthesisError> {
        let (cs, builder) = draw(circuit, self.book, false)?;
        let rows = builder.constraints();
        let book = builder.into_book().ok_or(SynthesisError::MissingCS)?;
        for (name, occurrence) in book.forgeries.keys() {
            let asked = book.asked.get(name);
            if asked.is_none_or(|asked| *occurrence >= asked.len()) {
                return Err(SynthesisError::AssignmentMissing);
            }
        }
        let mut assignment = cs.instance_assignment()?;
        assignment.extend(cs.witness_assignment()?);
        if rows != layout.rows.len() || assignment.len() != layout.variables {
            return Err(SynthesisError::Unsatisfiable);
        }
        let evaluate = |row: &[(Fr, usize)]| {
            row.iter()
                .map(|(k, column)| assignment[*column] * k)
                .sum::<Fr>()
        };
        let mut rules = BTreeMap::new();
        let mut broken = BTreeSet::new();
        let [a, b, c] = &layout.matrices;
        for (((a, b), c), rule) in a.iter().zip(b).zip(c).zip(&layout.rows) {
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

/// The rows of a circuit, each with the name of its rule.
#[derive(Clone)]
pub struct Layout {
    rows: Vec<Name>,
    matrices: [Matrix<Fr>; 3],
    variables: usize,
}

impl fmt::Debug for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layout")
            .field("rows", &self.rows.len())
            .field("variables", &self.variables)
            .finish_non_exhaustive()
    }
}

impl Layout {
    /// Lays the circuit out; what it is filled with makes no difference.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn of(circuit: &impl Synthesize) -> Result<Self, SynthesisError> {
        let (cs, builder) = draw(circuit, Book::default(), true)?;
        let book = builder.into_book().ok_or(SynthesisError::MissingCS)?;
        cs.finalize();
        let matrices = cs.to_matrices()?.remove(R1CS_PREDICATE_LABEL);
        let matrices = matrices.ok_or(SynthesisError::PredicateNotFound)?;
        let matrices = matrices
            .try_into()
            .map_err(|_| SynthesisError::ArityMismatch)?;
        let variables = cs.num_instance_variables() + cs.num_witness_variables();
        Ok(Self {
            rows: book.rows,
            matrices,
            variables,
        })
    }

    /// The variables, the constant one aside, that can be increased by one with no row noticing while all others stay
    /// as the circuit fills them. Looks at every entry once, so that it does for circuits too big to be filled again
    /// for each variable.
    ///
    /// # Errors
    /// Whatever the constraint system refuses; [`SynthesisError::Unsatisfiable`] if a row does not hold as it is.
    pub fn free_variables(&self, circuit: &impl Synthesize) -> Result<Vec<usize>, SynthesisError> {
        let (cs, _) = draw(circuit, Book::default(), false)?;
        let mut assignment = cs.instance_assignment()?;
        assignment.extend(cs.witness_assignment()?);
        if assignment.len() != self.variables {
            return Err(SynthesisError::Unsatisfiable);
        }
        let mut bound = vec![false; self.variables];
        let [a, b, c] = &self.matrices;
        for row in iter::zip(a, iter::zip(b, c)) {
            let parts = [row.0, row.1.0, row.1.1];
            let values =
                parts.map(|part| part.iter().map(|(k, at)| assignment[*at] * k).sum::<Fr>());
            if values[0] * values[1] != values[2] {
                return Err(SynthesisError::Unsatisfiable);
            }
            let mut changes: BTreeMap<usize, [Fr; 3]> = BTreeMap::new();
            for (part, entries) in parts.iter().enumerate() {
                for (k, column) in *entries {
                    changes.entry(*column).or_insert(values)[part] += k;
                }
            }
            for (column, [a, b, c]) in changes {
                bound[column] |= a * b != c;
            }
        }
        let free = |column: &usize| !bound[*column];
        Ok((1..self.variables).filter(free).collect())
    }
}

fn draw(
    circuit: &impl Synthesize,
    book: Book,
    construct_matrices: bool,
) -> Result<(ConstraintSystemRef<Fr>, Builder), SynthesisError> {
    let cs = ConstraintSystem::new_ref();
    cs.set_mode(SynthesisMode::Prove {
        construct_matrices,
        generate_lc_assignments: false,
    });
    let mut builder = Builder::recording(cs.clone(), book);
    circuit.synthesize(&mut builder)?;
    Ok((cs, builder))
}
