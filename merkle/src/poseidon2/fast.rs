//! The permutation everything runs on: sums stay unreduced from S-box to S-box.
//!
//! Bounds, in units of r: an S-box leaves less than 1.92, the external layer at most 80 times that, and its output is
//! reduced before the next S-box. In partial rounds elements 1 to 15 grow by less than 39 (5.3 bits) a round and are
//! reduced every eighth: 1.02 * 39^8 r < 2^298, below the 2^304 that `reduce` takes.

use super::limbs::{Lazy, Wide, add, add_scaled, canonical, pow5, reduce, shl, widen};
use super::{FULL_ROUNDS, INTERNAL_DIAGONAL, PARTIAL_ROUNDS, WIDTH, round_constants};
use ark_bls12_381::Fr;
use ark_ff::BigInt;
use std::sync::LazyLock;

/// Partial rounds between two reductions of the elements that have no S-box.
const ROUNDS_PER_REDUCTION: usize = 8;

/// The round constants in Montgomery form.
struct Constants {
    full: [[Lazy; WIDTH]; FULL_ROUNDS],
    partial: [Lazy; PARTIAL_ROUNDS],
}

static CONSTANTS: LazyLock<Constants> = LazyLock::new(|| {
    let constants = round_constants();
    Constants {
        full: constants.full.map(|round| round.map(limbs)),
        partial: constants.partial.map(limbs),
    }
});

/// The Montgomery form, as ark keeps it.
const fn limbs(element: Fr) -> Lazy {
    element.0.0
}

const fn element(limbs: Lazy) -> Fr {
    Fr::new_unchecked(BigInt::new(limbs))
}

/// P.
pub(super) fn permute(state: &mut [Fr; WIDTH]) {
    let wide = unreduced(state);
    for (x, wide) in state.iter_mut().zip(&wide) {
        *x = element(canonical(&reduce(wide)));
    }
}

/// `P(x)[0]`.
pub(super) fn permute_to_first(state: &[Fr; WIDTH]) -> Fr {
    element(canonical(&reduce(&unreduced(state)[0])))
}

fn unreduced(state: &[Fr; WIDTH]) -> [Wide; WIDTH] {
    let constants = &*CONSTANTS;
    let (before, after) = constants.full.split_at(FULL_ROUNDS / 2);
    let mut wide = external(&state.map(limbs));
    for round in before {
        wide = full_round(&wide, round);
    }
    for rounds in constants.partial.as_chunks::<ROUNDS_PER_REDUCTION>().0 {
        partial_rounds(&mut wide, rounds);
    }
    for round in after {
        wide = full_round(&wide, round);
    }
    wide
}

#[inline]
fn sbox(x: &Wide, constant: &Lazy) -> Lazy {
    pow5(&reduce(&add(x, &widen(constant))))
}

#[inline(never)]
fn full_round(wide: &[Wide; WIDTH], constants: &[Lazy; WIDTH]) -> [Wide; WIDTH] {
    let mut state = [[0u64; 4]; WIDTH];
    for ((out, x), constant) in state.iter_mut().zip(wide).zip(constants) {
        *out = sbox(x, constant);
    }
    external(&state)
}

#[inline(never)]
fn partial_rounds(wide: &mut [Wide; WIDTH], constants: &[Lazy; ROUNDS_PER_REDUCTION]) {
    let (first, others) = wide.split_at_mut(1);
    let (first, diagonal) = (&mut first[0], &INTERNAL_DIAGONAL[1..]);
    for x in others.iter_mut() {
        *x = widen(&reduce(x));
    }
    for constant in constants {
        let mut sum = others[0];
        for x in &others[1..] {
            sum = add(&sum, x);
        }
        let out = widen(&sbox(first, constant));
        sum = add(&sum, &out);
        // The diagonal of element 0 is one.
        *first = add(&sum, &out);
        for (x, factor) in others.iter_mut().zip(diagonal) {
            *x = add_scaled(&sum, *factor, x);
        }
    }
}

/// `circ(2*M4, M4, M4, M4)` times the state: M4 on each block of four, plus the sum of all blocks.
#[inline(never)]
fn external(state: &[Lazy; WIDTH]) -> [Wide; WIDTH] {
    let mut out = [[0u64; 5]; WIDTH];
    let mut sums = [[0u64; 5]; 4];
    let (places, _) = out.as_chunks_mut::<4>();
    for (place, block) in places.iter_mut().zip(state.as_chunks::<4>().0) {
        *place = times_m4(block);
        for (sum, x) in sums.iter_mut().zip(place.iter()) {
            *sum = add(sum, x);
        }
    }
    for place in places {
        for (x, sum) in place.iter_mut().zip(&sums) {
            *x = add(x, sum);
        }
    }
    out
}

/// M4 in eight additions and four shifts (eprint 2023/323, appendix B).
#[inline]
fn times_m4(x: &[Lazy; 4]) -> [Wide; 4] {
    let [x0, x1, x2, x3] = [widen(&x[0]), widen(&x[1]), widen(&x[2]), widen(&x[3])];
    let t0 = add(&x0, &x1);
    let t1 = add(&x2, &x3);
    let t2 = add(&shl::<1>(&x1), &t1);
    let t3 = add(&shl::<1>(&x3), &t0);
    let t4 = add(&shl::<2>(&t1), &t3);
    let t5 = add(&shl::<2>(&t0), &t2);
    [add(&t3, &t5), t5, add(&t2, &t4), t4]
}
