//! Variables with their values, rules with names, hints.
//!
//! A circuit speaks to the constraint system only through a [`Builder`]. Every constraint carries the name of the rule
//! it belongs to and every free variable the name of the hint it comes from, so that an [`audit`](super::audit) can say
//! which rule a forged assignment breaks. Names are metadata: nothing here can leave a constraint out.
//!
//! Linear combinations are kept expanded over real variables, never over other combinations, so that finalizing the
//! system is free; when only the assignment is wanted they are not built at all.

use super::audit::Book;
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{
    ConstraintSystem, ConstraintSystemRef, LinearCombination, SynthesisError, SynthesisMode,
    Variable,
};
use rayon::prelude::*;
use std::fmt;
use std::ops::{Add, Mul, Sub};

/// Variables are filled and constraints are only counted.
pub const VALUES_ALONE: SynthesisMode = SynthesisMode::Prove {
    construct_matrices: false,
    generate_lc_assignments: false,
};

/// The name of a group of constraints or of free variables: where, and what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    /// The place in the circuit.
    pub scope: &'static str,
    /// What is required or chosen there.
    pub what: &'static str,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.scope, self.what)
    }
}

/// A linear combination of variables, with its value.
#[derive(Clone, Debug)]
pub struct Num {
    value: Fr,
    terms: Vec<(Fr, Variable)>,
}

impl Num {
    /// The empty sum.
    #[must_use]
    pub const fn zero() -> Self {
        Self {
            value: Fr::ZERO,
            terms: Vec::new(),
        }
    }

    /// A combination whose terms add up to this value; no terms where none are drawn.
    pub(super) const fn from_parts(value: Fr, terms: Vec<(Fr, Variable)>) -> Self {
        Self { value, terms }
    }

    /// Value under the assignment at hand.
    #[must_use]
    pub const fn value(&self) -> Fr {
        self.value
    }

    pub(super) fn terms(&self) -> &[(Fr, Variable)] {
        &self.terms
    }

    /// Adds `factor * other` in place.
    pub fn add_scaled(&mut self, factor: Fr, other: &Self) {
        self.value += factor * other.value;
        self.terms.extend(
            other
                .terms
                .iter()
                .map(|(coefficient, variable)| (factor * coefficient, *variable)),
        );
    }

    /// Sum of all.
    pub fn sum<'a>(nums: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut total = Self::zero();
        for num in nums {
            total.add_scaled(Fr::ONE, num);
        }
        total
    }
}

impl Add for &Num {
    type Output = Num;

    fn add(self, other: Self) -> Num {
        let mut sum = self.clone();
        sum.add_scaled(Fr::ONE, other);
        sum
    }
}

impl Sub for &Num {
    type Output = Num;

    fn sub(self, other: Self) -> Num {
        let mut difference = self.clone();
        difference.add_scaled(-Fr::ONE, other);
        difference
    }
}

impl Mul<Fr> for &Num {
    type Output = Num;

    fn mul(self, factor: Fr) -> Num {
        let mut product = Num::zero();
        product.add_scaled(factor, self);
        product
    }
}

/// What every circuit is to the outside: a function that draws its constraints and fills its variables.
pub trait Synthesize {
    /// Draws the circuit.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    fn synthesize(&self, builder: &mut Builder) -> Result<(), SynthesisError>;
}

/// Draws constraints and fills variables.
#[derive(Debug)]
pub struct Builder {
    cs: ConstraintSystemRef<Fr>,
    draws: bool,
    scope: &'static str,
    constraints: usize,
    book: Option<Book>,
}

impl Builder {
    /// Draws into `cs`, in the mode that it is in.
    #[must_use]
    pub fn new(cs: ConstraintSystemRef<Fr>) -> Self {
        let draws = cs.should_construct_matrices();
        Self {
            cs,
            draws,
            scope: "",
            constraints: 0,
            book: None,
        }
    }

    /// The same, and writes every name into `book`, whose forged hints replace the honest ones.
    #[must_use]
    pub(super) fn recording(cs: ConstraintSystemRef<Fr>, book: Book) -> Self {
        Self {
            book: Some(book),
            ..Self::new(cs)
        }
    }

    pub(super) fn into_book(self) -> Option<Book> {
        self.book
    }

    /// Constraints so far, drawn or only counted.
    #[must_use]
    pub const fn constraints(&self) -> usize {
        self.constraints
    }

    /// Names the place that the following rules and hints belong to; returns the place before.
    pub const fn at(&mut self, scope: &'static str) -> &'static str {
        let before = self.scope;
        self.scope = scope;
        before
    }

    /// A number fixed by the circuit.
    #[must_use]
    pub fn constant(&self, value: Fr) -> Num {
        Num {
            value,
            terms: self.term(value, Variable::One),
        }
    }

    /// A public input.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn public(&mut self, what: &'static str, value: Fr) -> Result<Num, SynthesisError> {
        let value = self.forged(what, &[value])[0];
        let variable = self.cs.new_input_variable(|| Ok(value))?;
        Ok(Num {
            value,
            terms: self.term(Fr::ONE, variable),
        })
    }

    /// A variable that the prover is free to choose; the honest choice is given.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn hint(&mut self, what: &'static str, honest: Fr) -> Result<Num, SynthesisError> {
        let (variable, value) = self.raw_hint(what, honest)?;
        Ok(Num {
            value,
            terms: self.term(Fr::ONE, variable),
        })
    }

    /// Several variables chosen together.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn hints(&mut self, what: &'static str, honest: &[Fr]) -> Result<Vec<Num>, SynthesisError> {
        let values = self.forged(what, honest);
        values
            .into_iter()
            .map(|value| {
                let variable = self.cs.new_witness_variable(|| Ok(value))?;
                Ok(Num {
                    value,
                    terms: self.term(Fr::ONE, variable),
                })
            })
            .collect()
    }

    /// [`Self::hint`] without the wrapping, for the gadget that is most of every circuit.
    pub(super) fn raw_hint(
        &mut self,
        what: &'static str,
        honest: Fr,
    ) -> Result<(Variable, Fr), SynthesisError> {
        let value = if self.book.is_some() {
            self.forged(what, &[honest])[0]
        } else {
            honest
        };
        let variable = self.cs.new_witness_variable(|| Ok(value))?;
        Ok((variable, value))
    }

    /// [`Self::hints`] without the wrapping.
    pub(super) fn raw_hints(
        &mut self,
        what: &'static str,
        honest: &[Fr],
    ) -> Result<Vec<(Variable, Fr)>, SynthesisError> {
        self.forged(what, honest)
            .into_iter()
            .map(|value| Ok((self.cs.new_witness_variable(|| Ok(value))?, value)))
            .collect()
    }

    /// `a * b = c`, for the rule of this name.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn enforce(
        &mut self,
        rule: &'static str,
        a: &Num,
        b: &Num,
        c: &Num,
    ) -> Result<(), SynthesisError> {
        self.raw_enforce(rule, || {
            (combine(&a.terms), combine(&b.terms), combine(&c.terms))
        })
    }

    /// `a = b`, for the rule of this name.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn equal(&mut self, rule: &'static str, a: &Num, b: &Num) -> Result<(), SynthesisError> {
        let one = self.constant(Fr::ONE);
        self.enforce(rule, a, &one, b)
    }

    /// A new variable `a * b`, bound by the rule of this name.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn product(&mut self, rule: &'static str, a: &Num, b: &Num) -> Result<Num, SynthesisError> {
        let product = self.hint(rule, a.value * b.value)?;
        self.enforce(rule, a, b, &product)?;
        Ok(product)
    }

    /// A part of the circuit for each item, in their order.
    ///
    /// Where values alone are wanted the parts are filled side by side, each with variables of its own, which then follow
    /// each other as if the parts had been drawn one after the other.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn each<T: Sync, R: Send>(
        &mut self,
        items: &[T],
        part: impl Fn(&mut Self, &T) -> Result<R, SynthesisError> + Sync,
    ) -> Result<Vec<R>, SynthesisError> {
        if self.draws || self.book.is_some() {
            return items.iter().map(|item| part(self, item)).collect();
        }
        let parts: Result<Vec<_>, SynthesisError> = items
            .par_iter()
            .map(|item| {
                let cs = ConstraintSystem::new_ref();
                cs.set_mode(VALUES_ALONE);
                let mut own = Self::new(cs);
                let given = part(&mut own, item)?;
                Ok((given, own.constraints, own.cs.witness_assignment()?))
            })
            .collect();
        let mut all = Vec::with_capacity(items.len());
        let mut cs = self.cs.borrow_mut().ok_or(SynthesisError::MissingCS)?;
        for (given, constraints, witness) in parts? {
            self.constraints += constraints;
            cs.num_witness_variables += witness.len();
            cs.assignments.witness_assignment.extend(witness);
            all.push(given);
        }
        Ok(all)
    }

    /// Whether linear combinations are wanted at all.
    pub(super) const fn draws(&self) -> bool {
        self.draws
    }

    pub(super) fn raw_enforce(
        &mut self,
        rule: &'static str,
        combinations: impl FnOnce() -> (
            LinearCombination<Fr>,
            LinearCombination<Fr>,
            LinearCombination<Fr>,
        ),
    ) -> Result<(), SynthesisError> {
        self.constraints += 1;
        if !self.draws {
            return Ok(());
        }
        if let Some(book) = &mut self.book {
            book.drew(Name {
                scope: self.scope,
                what: rule,
            });
        }
        let (a, b, c) = combinations();
        self.cs.enforce_r1cs_constraint(|| a, || b, || c)
    }

    fn term(&self, coefficient: Fr, variable: Variable) -> Vec<(Fr, Variable)> {
        if self.draws {
            vec![(coefficient, variable)]
        } else {
            Vec::new()
        }
    }

    fn forged(&mut self, what: &'static str, honest: &[Fr]) -> Vec<Fr> {
        let name = Name {
            scope: self.scope,
            what,
        };
        match &mut self.book {
            Some(book) => book.choose(name, honest),
            None => honest.to_vec(),
        }
    }
}

/// Sorted by variable, each once, no zero coefficients: the one form in which a row enters a matrix.
pub(super) fn combine(terms: &[(Fr, Variable)]) -> LinearCombination<Fr> {
    let mut combination = LinearCombination(terms.to_vec());
    combination.compactify();
    combination
        .0
        .retain(|(coefficient, _)| *coefficient != Fr::ZERO);
    combination
}
