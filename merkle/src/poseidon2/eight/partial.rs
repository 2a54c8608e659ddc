//! The partial rounds of eight lanes, four at a time.
//!
//! With `d_i` the diagonal of the internal matrix less one, `s_t` what the S-box of round t leaves and
//! `u_t = s_t + sum over i of x_i` (i from 1 to 15), a round is `x_0 <- u_t + s_t`, `x_i <- u_t + d_i x_i`. Over four rounds
//!
//! ```text
//! u_t = s_t + y_t          y_t = sum of d_i^t x_i  +  sum over j < t of (sum of d_i^(t-1-j)) u_j
//! x_i <- d_i^4 x_i + d_i^3 u_0 + d_i^2 u_1 + d_i u_2 + u_3
//! ```
//!
//! so the 15 elements are read twice and written once in four rounds. `d_1` to `d_14` are 2 to 15: the moments
//! `sum of d_i^t x_i` are prefix sums of prefix sums, and the polynomial in `d_i` is told by its differences: both need
//! additions alone. `d_15` = 24 goes by itself.
//!
//! Bounds: raw limbs below 4096 x 2^52. Prefix sums: up to 2380 x 2^52; third moment 28,223 r; `p(15)` up to
//! 3616 x 2^52; `15^4 x + p(15)` below 2^15.8 r, so a top limb below 2^62.7.

use super::State;
use crate::lanes::{
    LIMBS, Limbs, add, add_scaled, broadcast, carry, clean, clean_below_top, fold, pow5, shl, zero,
};
use crate::poseidon2::{INTERNAL_DIAGONAL, PARTIAL_ROUNDS, WIDTH};
use std::ops::Range;

/// Rounds taken together.
const ROUNDS: usize = 4;
/// The elements whose `d` count up from two.
const COUNTED: Range<usize> = 1..WIDTH - 1;
const _: () = {
    let mut i = COUNTED.start;
    while i < COUNTED.end {
        assert!(
            INTERNAL_DIAGONAL[i] == i as u64 + 1,
            "the d count up from two"
        );
        i += 1;
    }
};
/// `d` of the last element.
const LAST: u64 = INTERNAL_DIAGONAL[WIDTH - 1];

/// `sum of d_i^m` over i from 1 to 15.
const POWER_SUMS: [u64; ROUNDS] = {
    let mut sums = [0; ROUNDS];
    let mut i = 1;
    while i < WIDTH {
        let (mut m, mut power) = (0, 1);
        while m < ROUNDS {
            sums[m] += power;
            power *= INTERNAL_DIAGONAL[i];
            m += 1;
        }
        i += 1;
    }
    sums
};

/// All partial rounds. Needs elements clean and below 1.001; leaves element 0 raw.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn partial_rounds(state: &mut State, constants: &[[u64; LIMBS]; PARTIAL_ROUNDS]) {
    for constants in constants.as_chunks::<ROUNDS>().0 {
        let y = moments(state);
        let u = sboxes(&mut state[0], y, constants);
        update(state, &u);
    }
}

/// Four S-boxes: element 0 goes on, and all `u_t`, clean, come back.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline(never)]
fn sboxes(
    first: &mut Limbs,
    mut y: [Limbs; ROUNDS],
    constants: &[[u64; LIMBS]; ROUNDS],
) -> [Limbs; ROUNDS] {
    for t in 0..ROUNDS {
        let x = carry(&add(first, &broadcast(&constants[t])));
        let s = pow5(&x);
        let u = clean(&fold(&add(&y[t], &s)));
        *first = add(&u, &s);
        for later in t + 1..ROUNDS {
            y[later] = add_scaled(&y[later], POWER_SUMS[later - t - 1], &u);
        }
        // Nobody reads `y_t` any more.
        y[t] = u;
    }
    y
}

/// The moments `sum of d_i^t x_i`.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline(never)]
fn moments(state: &State) -> [Limbs; ROUNDS] {
    let [mut s0, mut s1, mut s2, mut s3] = [zero(); ROUNDS];
    for x in state[COUNTED].iter().rev() {
        s0 = add(&s0, x);
        s1 = add(&s1, &s0);
        s2 = add(&s2, &s1);
        s3 = add(&s3, &s2);
    }
    // These count x, (d - 1) x, d (d - 1) / 2 x and (d + 1) d (d - 1) / 6 x.
    let last = &state[WIDTH - 1];
    let s3 = clean_below_top(&carry(&s3));
    let m1 = add(&s0, &s1);
    let m2 = add(&m1, &shl::<1>(&s2));
    let m3 = add(&m1, &add(&shl::<1>(&s3), &shl::<2>(&s3)));
    [
        add(&s0, last),
        add_scaled(&m1, LAST, last),
        add_scaled(&m2, LAST * LAST, last),
        add_scaled(&m3, LAST * LAST * LAST, last),
    ]
}

/// The elements without an S-box, four rounds on.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline(never)]
fn update(state: &mut State, u: &[Limbs; ROUNDS]) {
    let [u0, u1, u2, u3] = u;
    let (twice0, twice1) = (shl::<1>(u0), shl::<1>(u1));
    // The polynomial at 2, 8 u0 + 4 u1 + 2 u2 + u3, and its differences: 19 u0 + 5 u1 + u2, 18 u0 + 2 u1, 6 u0.
    let high = add(&shl::<3>(u0), &shl::<2>(u1));
    let mut p = add(&high, &add(&shl::<1>(u2), u3));
    let mut second = add(&add(&twice0, &shl::<4>(u0)), &twice1);
    let mut first = add(&add(&second, u0), &add(&add(&twice1, u1), u2));
    let third = add(&twice0, &shl::<2>(u0));
    for (x, d) in state[COUNTED].iter_mut().zip(2u64..) {
        *x = clean(&fold(&add_scaled(&p, d * d * d * d, x)));
        p = add(&p, &first);
        first = add(&first, &second);
        second = add(&second, &third);
    }
    // Two rounds and two rounds: 24^4 at once is too much for the top limb.
    let x = &mut state[WIDTH - 1];
    for [earlier, later] in [[u0, u1], [u2, u3]] {
        let sum = add_scaled(later, LAST, earlier);
        *x = clean(&fold(&add_scaled(&sum, LAST * LAST, x)));
    }
}
