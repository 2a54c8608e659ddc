//! The permutation as it is written on paper: matrices multiplied out, every operation reduced. Slow; the fast one is
//! tested against it.

use super::{EXTERNAL_BLOCK, FULL_ROUNDS, INTERNAL_DIAGONAL, WIDTH, round_constants};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Field};

/// The permutation P, the slow way.
pub fn permute(state: &mut [Fr; WIDTH]) {
    let constants = round_constants();
    let (before, after) = constants.full.split_at(FULL_ROUNDS / 2);
    external(state);
    for round in before {
        full_round(state, round);
    }
    for constant in &constants.partial {
        state[0] = sbox(state[0] + constant);
        internal(state);
    }
    for round in after {
        full_round(state, round);
    }
}

fn full_round(state: &mut [Fr; WIDTH], constants: &[Fr; WIDTH]) {
    for (x, constant) in state.iter_mut().zip(constants) {
        *x = sbox(*x + constant);
    }
    external(state);
}

fn sbox(x: Fr) -> Fr {
    let x2 = x.square();
    x2.square() * x
}

/// `circ(2*M4, M4, M4, M4)` times the state.
fn external(state: &mut [Fr; WIDTH]) {
    let before = *state;
    for (row, out) in state.iter_mut().enumerate() {
        *out = Fr::ZERO;
        for (column, x) in before.iter().enumerate() {
            let twice = if row / 4 == column / 4 { 2 } else { 1 };
            *out += *x * Fr::from(twice * EXTERNAL_BLOCK[row % 4][column % 4]);
        }
    }
}

/// All ones plus the diagonal, times the state.
fn internal(state: &mut [Fr; WIDTH]) {
    let sum: Fr = state.iter().sum();
    for (x, diagonal) in state.iter_mut().zip(INTERNAL_DIAGONAL) {
        *x = sum + *x * Fr::from(diagonal);
    }
}
