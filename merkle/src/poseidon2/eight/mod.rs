//! Eight or sixteen compressions at once with AVX-512 IFMA.
//!
//! The numbers are those of [`lanes`]; the partial rounds, four at a time, are in `partial`.
//!
//! A full round leaves in each place the product with M4 alone, at most 1520 x 2^52 a limb (16 rows of M4, five times
//! the 19 x 2^52 of a product), and beside the state what the external matrix adds to place `i` of every block; the
//! next S-box adds the two. Bounds in units of r: an S-box leaves less than 2.3, the external layer at most 80 times
//! that, and [`lanes::fold`] takes it from there.

mod partial;

use super::batch::Child;
use super::{FULL_ROUNDS, PARTIAL_ROUNDS, WIDTH, round_constants};
use crate::lanes::{
    self, Available, LANES, LIMBS, Limbs, TO_ARK, add, broadcast, carry, clean, fold, limbs, mul,
    square, to_words, zero,
};
use ark_bls12_381::Fr;
use ark_ff::BigInt;
use partial::partial_rounds;
use std::array;
use std::sync::LazyLock;

struct Constants {
    full: [[[u64; LIMBS]; WIDTH]; FULL_ROUNDS],
    partial: [[u64; LIMBS]; PARTIAL_ROUNDS],
}

static CONSTANTS: LazyLock<Constants> = LazyLock::new(|| {
    let constants = round_constants();
    Constants {
        full: constants.full.map(|round| round.map(limbs)),
        partial: constants.partial.map(limbs),
    }
});

type State = [Limbs; WIDTH];

/// `H(group(i)) + constant` for i from 0 to `count`, given away in order.
pub(super) fn compress_all<'a, C: Child + 'a>(
    _: Available,
    count: usize,
    group: impl Fn(usize) -> &'a [C; WIDTH],
    constant: Fr,
    mut give: impl FnMut(Fr),
) {
    for first in (0..count).step_by(LANES) {
        let left = (count - first).min(LANES);
        // Lanes without a group repeat the last one.
        let groups = array::from_fn(|lane| group(first + lane.min(left - 1)));
        // SAFETY: `Available` exists only where the processor has the instructions that this function is built for.
        #[expect(unsafe_code, reason = "the instructions are known to be there")]
        let hashes = unsafe { compress(&groups, constant) };
        hashes.into_iter().take(left).for_each(&mut give);
    }
}

/// `H(group) + constant` for each group.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn compress<C: Child>(groups: &[&[C; WIDTH]; LANES], constant: Fr) -> [Fr; LANES] {
    let constants = &*CONSTANTS;
    let (before, after) = constants.full.split_at(FULL_ROUNDS / 2);
    let mut state = load(groups);
    let first = state[0];
    let mut sums = external(&mut state);
    for round in before {
        full_round(&mut state, &mut sums, round);
    }
    for (i, x) in state.iter_mut().enumerate() {
        *x = clean(&fold(&add(x, &sums[i % BLOCK])));
    }
    partial_rounds(&mut state, &constants.partial);
    sums = [zero(); BLOCK];
    for round in after {
        full_round(&mut state, &mut sums, round);
    }
    let hash = add(&add(&state[0], &sums[0]), &first);
    let node = fold(&add(&hash, &broadcast(&limbs(constant))));
    let words = to_words(&fold(&mul(&node, &broadcast(&TO_ARK))));
    words.map(|words| Fr::new_unchecked(BigInt::new(words)))
}

/// The children of eight groups, into the form of the lanes: a shift by four bits from the form of ark (2^256 to
/// 2^260), a multiplication from plain integers.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline(never)]
fn load<C: Child>(groups: &[&[C; WIDTH]; LANES]) -> State {
    let mut state = [zero(); WIDTH];
    for (e, x) in state.iter_mut().enumerate() {
        let words = lanes::gather_words(&groups.map(|group| group[e].words()));
        *x = if C::PLAIN {
            mul(&lanes::from_words(&words), &broadcast(&lanes::FROM_PLAIN))
        } else {
            lanes::from_words_times_16(&words)
        };
    }
    state
}

/// Places of a block of the external matrix, and blocks.
const BLOCK: usize = 4;
/// What the external matrix adds to place `i` of each block.
type Sums = [Limbs; BLOCK];

/// The three multiplications of an S-box leave the adders of the processor idle, and it does not look far enough ahead
/// to find work for them beyond the S-box. So what only adds stands between the multiplications: the layer of the block
/// before, a limb or two at a time, and the way into the next S-box.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline(never)]
fn full_round(state: &mut State, sums: &mut Sums, constants: &[[u64; LIMBS]; WIDTH]) {
    let mut next = [zero(); BLOCK];
    let mut done = [[zero(); BLOCK]; 2];
    let mut x = enter(&state[0], &sums[0], &constants[0]);
    for e in 0..WIDTH {
        let x2 = carry(&square(&x));
        if let Some(before) = (e / BLOCK).checked_sub(1) {
            let out = &mut state[BLOCK * before..][..BLOCK];
            layer_of_limb(&done[before % 2], out, &mut next, e % BLOCK);
            if e % BLOCK == 0 {
                layer_of_limb(&done[before % 2], out, &mut next, LIMBS - 1);
            }
        }
        let x4 = carry(&square(&x2));
        let later = (e + 1) % WIDTH;
        let after = enter(&state[later], &sums[later % BLOCK], &constants[later]);
        done[e / BLOCK % 2][e % BLOCK] = mul(&x4, &x);
        x = after;
    }
    for limb in 0..LIMBS {
        layer_of_limb(&done[1], &mut state[WIDTH - BLOCK..], &mut next, limb);
    }
    *sums = next;
}

/// What goes into an S-box.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn enter(x: &Limbs, sum: &Limbs, constant: &[u64; LIMBS]) -> Limbs {
    fold(&add(&add(x, sum), &broadcast(constant)))
}

/// M4 times one limb of a block, into `out`, and onto the sums.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn layer_of_limb(x: &[Limbs; BLOCK], out: &mut [Limbs], sums: &mut Sums, limb: usize) {
    let y = lanes::times_m4(&[x[0][limb], x[1][limb], x[2][limb], x[3][limb]]);
    for ((out, sum), y) in out.iter_mut().zip(sums).zip(y) {
        out[limb] = y;
        sum[limb] = lanes::add_limb(sum[limb], y);
    }
}

/// The external matrix alone.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline(never)]
fn external(state: &mut State) -> Sums {
    let mut sums = [zero(); BLOCK];
    for block in state.as_chunks_mut::<BLOCK>().0 {
        let x = *block;
        for limb in 0..LIMBS {
            layer_of_limb(&x, block, &mut sums, limb);
        }
    }
    sums
}
