//! Inverses in the base field.
//!
//! A binary extended Euclid that decides 31 steps at a time on the highest and lowest bits of its two numbers, and then applies
//! them to all limbs at once. Source: Pornin, "Optimized Binary GCD for Modular Inversion" (IACR ePrint 2020/972), algorithm
//! 2; it ends here as soon as it may, its time depends on the number. The library's moves all limbs in every step.

use ark_bls12_381::Fq;
use ark_ff::{BigInt, PrimeField, Zero};

const LIMBS: usize = 6;
/// Steps decided at once.
const STEPS: u32 = 31;

type Number = [u64; LIMBS];
/// Factors of two numbers in a sum; together at most 2^31 in magnitude.
type Row = [i64; 2];

/// `1 / value`, or none for zero.
pub(super) fn inverse(value: Fq) -> Option<Fq> {
    if value.is_zero() {
        return None;
    }
    // Always value u = a 2^768 and value v = b 2^768 mod q, in the integers that stand for value, u and v in memory: at the
    // end b = 1, and v stands for the inverse.
    let (mut a, mut b) = (value.0.0, Fq::MODULUS.0);
    let (mut u, mut v) = (Fq::R2.0, [0; LIMBS]);
    while a != [0; LIMBS] {
        let [row_a, row_b] = decide(&a, &b);
        let (next_a, row_a) = combined(&a, &b, row_a);
        let (next_b, row_b) = combined(&a, &b, row_b);
        (a, b) = (next_a, next_b);
        (u, v) = (halved(&u, &v, row_a), halved(&u, &v, row_b));
    }
    Some(Fq::new_unchecked(BigInt(v)))
}

/// The factors that 31 steps amount to: `a' = (f a + g b) / 2^31`, up to its sign, and the same for b.
///
/// A step halves a if it is even, else puts the smaller of a and b into b and half their difference into a. Whether a is
/// even is exact for 31 steps; which is smaller is read off the highest bits, and where that is wrong a number becomes negative.
fn decide(a: &Number, b: &Number) -> [Row; 2] {
    const BIAS: u64 = 0x7fff_ffff_7fff_ffff;
    let [mut a, mut b] = approximations(a, b);
    // Two factors in one word, f + 2^32 g.
    let (mut row_a, mut row_b) = (1u64, 1u64 << 32);
    for _ in 0..STEPS {
        let odd = (a & 1).wrapping_neg();
        let exchange = u64::from(a < b).wrapping_neg() & odd;
        let differing = (a ^ b) & exchange;
        (a, b) = (a ^ differing, b ^ differing);
        let differing = (row_a ^ row_b) & exchange;
        (row_a, row_b) = (row_a ^ differing, row_b ^ differing);
        a = a.wrapping_sub(b & odd) >> 1;
        row_a = row_a.wrapping_sub(row_b & odd);
        row_b = row_b.wrapping_add(row_b);
    }
    [row_a, row_b].map(|row| {
        let biased = row.wrapping_add(BIAS);
        [biased & 0xffff_ffff, biased >> 32].map(|half| half.cast_signed() - 0x7fff_ffff)
    })
}

/// The lowest 31 and the highest 33 bits of both, the latter counted from the highest bit of the larger.
fn approximations(a: &Number, b: &Number) -> [u64; 2] {
    let top = (0..LIMBS).rev().find(|i| a[*i] | b[*i] != 0).unwrap_or(0);
    if top == 0 {
        return [a[0], b[0]];
    }
    let shift = (a[top] | b[top]).leading_zeros();
    [a, b].map(|number| {
        let high = if shift == 0 {
            number[top]
        } else {
            number[top] << shift | number[top - 1] >> (64 - shift)
        };
        high & !((1 << STEPS) - 1) | number[0] & ((1 << STEPS) - 1)
    })
}

/// `|f a + g b| / 2^31`, and the factors with the sign that made it positive; the sum is a multiple of 2^31.
fn combined(a: &Number, b: &Number, [f, g]: Row) -> (Number, Row) {
    let (sum, top) = summed(a, b, [f, g], 0);
    let mut out = shifted(&sum, top);
    if top >= 0 {
        return (out, [f, g]);
    }
    let mut carry = true;
    for limb in &mut out {
        (*limb, carry) = (!*limb).overflowing_add(u64::from(carry));
    }
    (out, [-f, -g])
}

/// `(f u + g v) / 2^31 mod q`.
fn halved(u: &Number, v: &Number, [f, g]: Row) -> Number {
    let lowest = u[0]
        .wrapping_mul(f.cast_unsigned())
        .wrapping_add(v[0].wrapping_mul(g.cast_unsigned()));
    let multiple = lowest.wrapping_mul(Fq::INV) & ((1 << STEPS) - 1);
    let (sum, top) = summed(u, v, [f, g], multiple);
    let mut out = shifted(&sum, top);
    // Between -q and 2 q.
    let q = Fq::MODULUS.0;
    if top < 0 {
        let mut carry = false;
        for (limb, q) in out.iter_mut().zip(q) {
            let (sum, first) = limb.overflowing_add(q);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, first || second);
        }
    } else if out.iter().rev().ge(q.iter().rev()) {
        let mut borrow = false;
        for (limb, q) in out.iter_mut().zip(q) {
            let (difference, first) = limb.overflowing_sub(q);
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (difference, first || second);
        }
    }
    out
}

/// `f a + g b + multiple q`: six limbs and what is above them, with its sign.
fn summed(a: &Number, b: &Number, [f, g]: Row, multiple: u64) -> (Number, i64) {
    let [f, g, multiple] = [i128::from(f), i128::from(g), i128::from(multiple)];
    let mut out = [0; LIMBS];
    let mut carry = 0i128;
    for (i, out) in out.iter_mut().enumerate() {
        carry +=
            i128::from(a[i]) * f + i128::from(b[i]) * g + i128::from(Fq::MODULUS.0[i]) * multiple;
        *out = low(carry);
        carry >>= 64;
    }
    (out, low(carry).cast_signed())
}

/// All divided by 2^31, rounded down, for what then has six limbs.
fn shifted(limbs: &Number, top: i64) -> Number {
    std::array::from_fn(|i| {
        let above = limbs
            .get(i + 1)
            .copied()
            .unwrap_or_else(|| top.cast_unsigned());
        limbs[i] >> STEPS | above << (64 - STEPS)
    })
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the lowest 64 bits are what is wanted"
)]
const fn low(wide: i128) -> u64 {
    wide as u64
}

#[cfg(test)]
mod tests {
    use ark_ff::{Field, One, UniformRand};
    use proptest::prelude::*;
    use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

    use super::*;

    fn check(value: Fq) {
        assert_eq!(inverse(value), value.inverse(), "of {value}");
    }

    #[test]
    fn inverses_at_the_edges_are_the_librarys() {
        for power in 0..381u64 {
            let value = Fq::from(2u64).pow([power]);
            for near in [value, -value, value + Fq::one(), value - Fq::one()] {
                check(near);
            }
            // The same powers as they lie in memory.
            let mut limbs = [0; LIMBS];
            limbs[usize::try_from(power / 64).expect("small")] = 1 << (power % 64);
            if BigInt(limbs) < Fq::MODULUS {
                check(Fq::new_unchecked(BigInt(limbs)));
            }
        }
    }

    proptest! {
        #[test]
        fn inverses_are_the_librarys(seed: [u8; 32]) {
            let mut rng = ChaCha20Rng::from_seed(seed);
            for _ in 0..50 {
                check(Fq::rand(&mut rng));
            }
        }
    }
}
