//! The compression function `H(x) = P(x)[0] + x[0]` in 576 constraints.
//!
//! Each S-box costs three: `square = u * u`, `cube = square * u`, `square * cube = u^5`. Its input u is a variable, and
//! its output is never one: between two layers of S-boxes everything is linear and invertible, so the outputs are
//! written back as combinations of the inputs that follow them. That keeps A and B down to one entry a row, except in
//! the first round, whose inputs are combinations of the 16 words.
//!
//! ```text
//! words --M_E--> [full x4] --M_E--> [partial x64] --M_I--> [full x4] --M_E--> row 0, + word 0
//! ```
//!
//! | rows | in A, B | in C |
//! |---|---|---|
//! | full round 1 | the words | inputs of round 2 |
//! | full rounds 2, 3, 5, 6, 7 | 1 | inputs of the next round |
//! | full round 4, partial rounds | 1 | inputs of the partial rounds that follow and of full round 5 |
//! | full round 8 | 1 | 1; the first output: the result, word 0 and the other 15 |
//!
//! Source: Poseidon2 (eprint 2023/323); parameters and feed-forward are those of `cairn_merkle::poseidon2`.

mod linear;

use super::builder::{Builder, Num};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Field};
use ark_relations::gr1cs::{LinearCombination, SynthesisError, Variable};
use cairn_merkle::poseidon2::{
    FULL_ROUNDS, PARTIAL_ROUNDS, RoundConstants, WIDTH, round_constants,
};
use cairn_merkle::{Tag, domain};
use linear::{LINEAR, Linear, external, internal};
use std::array;

/// Constraints of one compression.
pub const CONSTRAINTS: usize = 3 * (WIDTH * FULL_ROUNDS + PARTIAL_ROUNDS);

const HALF: usize = FULL_ROUNDS / 2;

/// An S-box in the making: its input as a combination, the input's value, the two products.
struct Sbox {
    square: Variable,
    cube: Variable,
    output: Fr,
}

/// `H(words, 0..)`, at most 16 words.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn compress(builder: &mut Builder, words: &[Num]) -> Result<Num, SynthesisError> {
    let scope = builder.at("poseidon2");
    let words: [Num; WIDTH] = array::from_fn(|i| words.get(i).cloned().unwrap_or_else(Num::zero));
    let result = permute(builder, &words);
    builder.at(scope);
    result
}

/// `H(TAG_X, words.., 0..)`, at most 15 words.
///
/// # Errors
/// Whatever the constraint system refuses.
pub fn tagged(builder: &mut Builder, tag: Tag, words: &[&Num]) -> Result<Num, SynthesisError> {
    let mut input = vec![builder.constant(domain::tag_constant(tag))];
    input.extend(words.iter().map(|word| (*word).clone()));
    compress(builder, &input)
}

fn permute(builder: &mut Builder, words: &[Num; WIDTH]) -> Result<Num, SynthesisError> {
    let constants = round_constants();
    let linear = &*LINEAR;
    let first = first_inputs(builder, words, constants, linear);
    let mut state = [Fr::ZERO; WIDTH];
    let mut sboxes = Vec::with_capacity(WIDTH);
    for input in &first {
        sboxes.push(open_wide(builder, input)?);
    }
    for round in 1..HALF {
        settle(&mut state, &sboxes);
        let inputs = full_inputs(builder, &mut state, &constants.full[round])?;
        close_full(builder, &sboxes, &inputs, &constants.full[round], linear)?;
        sboxes = open_all(builder, &inputs)?;
    }
    settle(&mut state, &sboxes);
    external(&mut state);
    let mut partial = Vec::with_capacity(PARTIAL_ROUNDS);
    let mut partial_inputs = Vec::with_capacity(PARTIAL_ROUNDS + WIDTH);
    for constant in &constants.partial {
        let (input, value) = builder.raw_hint("input", state[0] + constant)?;
        let sbox = open(builder, input, value)?;
        state[0] = sbox.output;
        internal(&mut state);
        partial_inputs.push(input);
        partial.push(sbox);
    }
    let inputs = after_partial(builder, &state, &constants.full[HALF])?;
    partial_inputs.extend(inputs.iter().map(|(variable, _)| *variable));
    for (sbox, row) in sboxes
        .iter()
        .zip(&linear.entry)
        .chain(partial.iter().zip(&linear.partial))
    {
        close(builder, sbox, || weigh(row, &partial_inputs))?;
    }
    sboxes = open_all(builder, &inputs)?;
    for round in HALF + 1..FULL_ROUNDS {
        settle(&mut state, &sboxes);
        let inputs = full_inputs(builder, &mut state, &constants.full[round])?;
        close_full(builder, &sboxes, &inputs, &constants.full[round], linear)?;
        sboxes = open_all(builder, &inputs)?;
    }
    finish(builder, &sboxes, &words[0], linear)
}

/// Inputs of the first round: combinations of the words.
fn first_inputs(
    builder: &Builder,
    words: &[Num; WIDTH],
    constants: &RoundConstants,
    linear: &Linear,
) -> [Num; WIDTH] {
    if builder.draws() {
        return array::from_fn(|i| {
            let mut input = builder.constant(constants.full[0][i]);
            for (factor, word) in linear.external[i].iter().zip(words) {
                input.add_scaled(*factor, word);
            }
            input
        });
    }
    let mut state = array::from_fn(|i| words[i].value());
    external(&mut state);
    array::from_fn(|i| builder.constant(state[i] + constants.full[0][i]))
}

/// Square and cube of an input that is a combination.
fn open_wide(builder: &mut Builder, input: &Num) -> Result<Sbox, SynthesisError> {
    let (square, square_value) = builder.raw_hint("square", input.value().square())?;
    let (cube, cube_value) = builder.raw_hint("cube", square_value * input.value())?;
    let terms = if builder.draws() {
        compact(input.terms())
    } else {
        LinearCombination::zero()
    };
    builder.raw_enforce("square", || (terms.clone(), terms.clone(), square.into()))?;
    builder.raw_enforce("cube", || (square.into(), terms, cube.into()))?;
    Ok(Sbox {
        square,
        cube,
        output: square_value * cube_value,
    })
}

/// Square and cube of an input that is a variable.
fn open(builder: &mut Builder, input: Variable, value: Fr) -> Result<Sbox, SynthesisError> {
    let (square, square_value) = builder.raw_hint("square", value.square())?;
    let (cube, cube_value) = builder.raw_hint("cube", square_value * value)?;
    builder.raw_enforce("square", || (input.into(), input.into(), square.into()))?;
    builder.raw_enforce("cube", || (square.into(), input.into(), cube.into()))?;
    Ok(Sbox {
        square,
        cube,
        output: square_value * cube_value,
    })
}

fn open_all(
    builder: &mut Builder,
    inputs: &[(Variable, Fr); WIDTH],
) -> Result<Vec<Sbox>, SynthesisError> {
    inputs
        .iter()
        .map(|(variable, value)| open(builder, *variable, *value))
        .collect()
}

/// The fifth power, which is never a variable of its own but in the last round.
fn close(
    builder: &mut Builder,
    sbox: &Sbox,
    output: impl FnOnce() -> LinearCombination<Fr>,
) -> Result<(), SynthesisError> {
    let (square, cube) = (sbox.square, sbox.cube);
    builder.raw_enforce("fifth power", || (square.into(), cube.into(), output()))
}

/// Outputs of a full round, written as the inputs of the full round after it.
fn close_full(
    builder: &mut Builder,
    sboxes: &[Sbox],
    inputs: &[(Variable, Fr); WIDTH],
    constants: &[Fr; WIDTH],
    linear: &Linear,
) -> Result<(), SynthesisError> {
    for (sbox, row) in sboxes.iter().zip(&linear.external_inverse) {
        close(builder, sbox, || {
            let constant = row
                .iter()
                .zip(constants)
                .map(|(factor, constant)| *factor * constant)
                .sum::<Fr>();
            let mut terms = vec![(-constant, Variable::One)];
            terms.extend(
                row.iter()
                    .zip(inputs)
                    .map(|(factor, (variable, _))| (*factor, *variable)),
            );
            compact(&terms)
        })?;
    }
    Ok(())
}

/// Puts the outputs of a round of S-boxes into the state.
fn settle(state: &mut [Fr; WIDTH], sboxes: &[Sbox]) {
    for (word, sbox) in state.iter_mut().zip(sboxes) {
        *word = sbox.output;
    }
}

/// The external layer, then the inputs of the next full round as variables.
fn full_inputs(
    builder: &mut Builder,
    state: &mut [Fr; WIDTH],
    constants: &[Fr; WIDTH],
) -> Result<[(Variable, Fr); WIDTH], SynthesisError> {
    external(state);
    after_partial(builder, state, constants)
}

/// The inputs of a full round as variables; the linear layer has been applied.
fn after_partial(
    builder: &mut Builder,
    state: &[Fr; WIDTH],
    constants: &[Fr; WIDTH],
) -> Result<[(Variable, Fr); WIDTH], SynthesisError> {
    let mut inputs = [(Variable::Zero, Fr::ZERO); WIDTH];
    for ((input, word), constant) in inputs.iter_mut().zip(state).zip(constants) {
        *input = builder.raw_hint("input", *word + constant)?;
    }
    Ok(inputs)
}

/// The last round: row 0 of the external layer and the feed-forward.
fn finish(
    builder: &mut Builder,
    sboxes: &[Sbox],
    first_word: &Num,
    linear: &Linear,
) -> Result<Num, SynthesisError> {
    let row = &linear.external[0];
    let mut honest = first_word.value();
    let mut others = Vec::with_capacity(WIDTH);
    for (sbox, factor) in sboxes.iter().zip(row).skip(1) {
        let (output, value) = builder.raw_hint("output", sbox.output)?;
        close(builder, sbox, || output.into())?;
        honest += *factor * value;
        others.push((*factor, output));
    }
    let result = builder.hint("result", honest + row[0] * sboxes[0].output)?;
    close(builder, &sboxes[0], || {
        let rest = &result - first_word;
        let mut terms: Vec<_> = rest
            .terms()
            .iter()
            .map(|(c, v)| (*c * linear.first_factor_inverse, *v))
            .collect();
        terms.extend(
            others
                .iter()
                .map(|(factor, v)| (-(*factor * linear.first_factor_inverse), *v)),
        );
        compact(&terms)
    })?;
    Ok(result)
}

fn weigh(row: &linear::Row, variables: &[Variable]) -> LinearCombination<Fr> {
    let mut terms = vec![(row.constant, Variable::One)];
    terms.extend(row.factors.iter().copied().zip(variables.iter().copied()));
    compact(&terms)
}

fn compact(terms: &[(Fr, Variable)]) -> LinearCombination<Fr> {
    super::builder::combine(terms)
}

#[cfg(test)]
mod tests;
