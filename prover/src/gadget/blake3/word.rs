//! Bits that may be known to the circuit, and 32-bit words of them.

use crate::gadget::builder::{Builder, Num, combine};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, BigInteger, Field, PrimeField};
use ark_relations::gr1cs::{LinearCombination, SynthesisError, Variable};
use std::array;

/// Bits of a word.
pub const WORD_BITS: usize = 32;

type Terms = Vec<(Fr, Variable)>;

/// What a bit is to the constraint system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Its value is part of the circuit.
    Constant,
    /// A variable that is shown to be 0 or 1.
    Is(Variable),
    /// One less such a variable.
    Not(Variable),
}

/// A bit: of the circuit itself, a variable, or the contrary of one. Copied freely, never on the heap.
#[derive(Clone, Copy, Debug)]
pub struct Bit {
    value: Fr,
    form: Form,
}

impl Bit {
    /// A bit that is part of the circuit.
    #[must_use]
    pub const fn constant(value: bool) -> Self {
        let value = if value { Fr::ONE } else { Fr::ZERO };
        let form = Form::Constant;
        Self { value, form }
    }

    /// A variable that is a bit: shown to be 0 or 1 where it was made.
    #[must_use]
    pub(crate) fn of(num: &Num) -> Self {
        debug_assert!(num.terms().len() <= 1, "a variable, not a sum");
        // Without terms nothing is drawn, and the variable's name is never looked at.
        let variable = num
            .terms()
            .first()
            .map_or(Variable::Zero, |(_, variable)| *variable);
        let (value, form) = (num.value(), Form::Is(variable));
        Self { value, form }
    }

    const fn variable(value: Fr, variable: Variable) -> Self {
        let form = Form::Is(variable);
        Self { value, form }
    }

    /// Value under the assignment at hand.
    #[must_use]
    pub const fn value(&self) -> Fr {
        self.value
    }

    fn known(&self) -> Option<bool> {
        (self.form == Form::Constant).then(|| self.value == Fr::ONE)
    }

    fn not(&self) -> Self {
        let value = Fr::ONE - self.value;
        let form = match self.form {
            Form::Constant => Form::Constant,
            Form::Is(variable) => Form::Not(variable),
            Form::Not(variable) => Form::Is(variable),
        };
        Self { value, form }
    }

    /// `weight * self` as terms.
    fn push(&self, weight: Fr, terms: &mut Terms) {
        match self.form {
            Form::Constant => {
                if self.value == Fr::ONE {
                    terms.push((weight, Variable::One));
                }
            }
            Form::Is(variable) => terms.push((weight, variable)),
            Form::Not(variable) => {
                terms.push((weight, Variable::One));
                terms.push((-weight, variable));
            }
        }
    }

    fn times(&self, weight: Fr) -> LinearCombination<Fr> {
        let mut terms = Terms::with_capacity(2);
        self.push(weight, &mut terms);
        combine(&terms)
    }

    /// `self xor other`: a constraint unless one of them is part of the circuit. Rule and hint `xor`.
    ///
    /// `self` goes into matrix A and `other` into B: the fewer variables stand in B, the less a proof costs.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn xor(&self, builder: &mut Builder, other: &Self) -> Result<Self, SynthesisError> {
        match (self.known(), other.known()) {
            (Some(false), _) => return Ok(*other),
            (Some(true), _) => return Ok(other.not()),
            (_, Some(false)) => return Ok(*self),
            (_, Some(true)) => return Ok(self.not()),
            (None, None) => {}
        }
        let honest = self.value + other.value - (self.value * other.value).double();
        let (variable, value) = builder.raw_hint("xor", honest)?;
        let out = Self::variable(value, variable);
        builder.raw_enforce("xor", || {
            let mut sum = Terms::with_capacity(5);
            self.push(Fr::ONE, &mut sum);
            other.push(Fr::ONE, &mut sum);
            out.push(-Fr::ONE, &mut sum);
            (
                self.times(Fr::ONE.double()),
                other.times(Fr::ONE),
                combine(&sum),
            )
        })?;
        Ok(out)
    }
}

/// Sum of `2^i * bits[i]`; no constraint.
#[must_use]
pub fn pack(builder: &Builder, bits: &[Bit]) -> Num {
    let value = pack_value(bits);
    let terms = if builder.draws() {
        let mut terms = Terms::with_capacity(bits.len());
        push_all(bits, Fr::ONE, &mut terms);
        terms
    } else {
        Terms::new()
    };
    Num::from_parts(value, terms)
}

/// Horner's rule.
fn pack_value(bits: &[Bit]) -> Fr {
    let mut total = Fr::ZERO;
    for bit in bits.iter().rev() {
        total.double_in_place();
        total += bit.value;
    }
    total
}

fn push_all(bits: &[Bit], mut weight: Fr, terms: &mut Terms) {
    for bit in bits {
        bit.push(weight, terms);
        weight.double_in_place();
    }
}

/// 32 bits, least significant first.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    bits: [Bit; WORD_BITS],
}

impl Word {
    /// A word that is part of the circuit.
    #[must_use]
    pub fn constant(value: u32) -> Self {
        Self {
            bits: array::from_fn(|i| Bit::constant(value >> i & 1 == 1)),
        }
    }

    /// The word with these bits, least significant first; those that are missing are zero.
    #[must_use]
    pub fn from_bits(bits: &[Bit]) -> Self {
        let zero = Bit::constant(false);
        Self {
            bits: array::from_fn(|i| bits.get(i).copied().unwrap_or(zero)),
        }
    }

    /// Its bits, least significant first.
    #[must_use]
    pub const fn bits(&self) -> &[Bit; WORD_BITS] {
        &self.bits
    }

    /// Rotated to the right; no constraint.
    #[must_use]
    pub fn rotate_right(&self, by: usize) -> Self {
        Self {
            bits: array::from_fn(|i| self.bits[(i + by) % WORD_BITS]),
        }
    }

    /// Bit by bit [`Bit::xor`].
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn xor(&self, builder: &mut Builder, other: &Self) -> Result<Self, SynthesisError> {
        let mut bits = self.bits;
        for (bit, other) in bits.iter_mut().zip(&other.bits) {
            *bit = bit.xor(builder, other)?;
        }
        Ok(Self { bits })
    }

    /// The largest integer it can be.
    fn largest(&self) -> u64 {
        self.bits.iter().rev().fold(0, |sum, bit| {
            2 * sum + u64::from(bit.known().unwrap_or(true))
        })
    }

    /// The sum of two or three words modulo 2^32.
    ///
    /// The 32 bits of the result are free variables, each shown to be a bit (rule `boolean`, hint `sum bits`). What the
    /// sum has beyond them is a multiple of 2^32 and must be the carry:
    ///
    /// | largest sum | carry | constraints |
    /// |---|---|---|
    /// | below 2^32 | none: rule `sum` says that the two are equal | 33 |
    /// | below 2^33 | the difference over 2^32 is a bit, rule `carry` | 33 |
    /// | below 2^34 | two more free bits, rule `sum` | 35 |
    ///
    /// Words that are part of the circuit cost nothing among themselves.
    ///
    /// # Errors
    /// Whatever the constraint system refuses.
    pub fn add(builder: &mut Builder, words: &[&Self]) -> Result<Self, SynthesisError> {
        let largest: u64 = words.iter().map(|word| word.largest()).sum();
        let value: Fr = words.iter().map(|word| pack_value(&word.bits)).sum();
        let is_known = |word: &&&Self| word.bits.iter().all(|bit| bit.known().is_some());
        if words.iter().filter(is_known).count() == words.len() {
            #[expect(clippy::cast_possible_truncation, reason = "the sum is modulo 2^32")]
            return Ok(Self::constant(largest as u32));
        }
        let mut nonzero = words.iter().filter(|word| word.largest() != 0);
        if let (Some(only), None) = (nonzero.next(), nonzero.next()) {
            return Ok(**only);
        }
        let carries = (u64::BITS - (largest >> WORD_BITS).leading_zeros()) as usize;
        let free = WORD_BITS + if carries > 1 { carries } else { 0 };
        let integer = value.into_bigint();
        let honest: Vec<Fr> = (0..free).map(|i| Fr::from(integer.get_bit(i))).collect();
        let bits = booleans(builder, &honest)?;
        let difference = |terms: &mut Terms| {
            for word in words {
                push_all(&word.bits, Fr::ONE, terms);
            }
            push_all(&bits, -Fr::ONE, terms);
        };
        if carries == 1 {
            builder.raw_enforce("carry", || {
                let mut terms = Terms::with_capacity(4 * WORD_BITS);
                difference(&mut terms);
                let carry = combine(&terms);
                terms.push((-Fr::from(1_u64 << WORD_BITS), Variable::One));
                (carry, combine(&terms), LinearCombination::zero())
            })?;
        } else {
            builder.raw_enforce("sum", || {
                let mut terms = Terms::with_capacity(5 * WORD_BITS);
                difference(&mut terms);
                (
                    combine(&terms),
                    Variable::One.into(),
                    LinearCombination::zero(),
                )
            })?;
        }
        Ok(Self::from_bits(&bits[..WORD_BITS]))
    }
}

/// Free variables that are each 0 or 1: rule `boolean`, hint `sum bits`.
fn booleans(builder: &mut Builder, honest: &[Fr]) -> Result<Vec<Bit>, SynthesisError> {
    let bits: Vec<Bit> = builder
        .raw_hints("sum bits", honest)?
        .into_iter()
        .map(|(variable, value)| Bit::variable(value, variable))
        .collect();
    for bit in &bits {
        builder.raw_enforce("boolean", || {
            let (one, other) = (bit.times(Fr::ONE), bit.not().times(Fr::ONE));
            (one, other, LinearCombination::zero())
        })?;
    }
    Ok(bits)
}
