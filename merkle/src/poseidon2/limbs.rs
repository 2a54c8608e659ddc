//! Integers modulo r in Montgomery form, kept below 2r instead of below r, and their unreduced sums.
//!
//! An element of the state is a [`Lazy`]: four limbs, any representative below 2^256. Linear layers add into a
//! [`Wide`] of five limbs and reduce once at the end ([`Wide::reduce`], by an estimated quotient), so that the
//! conditional subtraction after every single addition and multiplication falls away.
//!
//! Bounds, in units of r (2^256 = 2.208 r). Montgomery multiplication gives `ab / 2^256 + r`, that is
//! `0.4529 ab + 1`. From `x < 1.02` (what `reduce` leaves): `x^2 < 1.48`, `x^4 < 1.99`, `x^5 < 1.92`: everything stays
//! below 2^256 without a subtraction. Each function states what it needs.
//!
//! The lowest limb of r is `2^64 - 2^32 + 1`, so the Montgomery factor and its lowest product are shifts and additions.

/// r, least significant limb first.
pub(super) const MODULUS: [u64; 4] = [
    0xffff_ffff_0000_0001,
    0x53bd_a402_fffe_5bfe,
    0x3339_d808_09a1_d805,
    0x73ed_a753_299d_7d48,
];

/// `floor(2^(64 + 248) / r)`.
const RECIPROCAL: u64 = 0x0235_5094_edfe_de37;

/// A representative below 2^256.
pub(super) type Lazy = [u64; 4];

/// A sum of representatives, below 2^304 where it is reduced.
pub(super) type Wide = [u64; 5];

/// One step of the Montgomery reduction: adds the multiple of r that clears `t[0]`, and shifts down by a limb.
/// Returns the three low limbs and the carry that belongs on top of the fourth.
#[inline(always)]
fn reduce_step(t: [u64; 4]) -> ([u64; 3], u64) {
    // -1/r mod 2^64 = -(1 + 2^32).
    let m = t[0].wrapping_add(t[0] << 32).wrapping_neg();
    // m * r[0] + t[0] = (m - (m >> 32) + carry) * 2^64.
    let (_, carry) = m.overflowing_add(t[0]);
    let k = m.wrapping_sub(m >> 32).wrapping_add(u64::from(carry));
    let (t1, k) = m.carrying_mul_add(MODULUS[1], t[1], k);
    let (t2, k) = m.carrying_mul_add(MODULUS[2], t[2], k);
    let (t3, k) = m.carrying_mul_add(MODULUS[3], t[3], k);
    ([t1, t2, t3], k)
}

/// `a * b / 2^256 mod r`, below `0.4529 ab + 1`. Needs `b < 1.2` (so that `b + r` fits four limbs), any `a`.
#[inline(always)]
pub(super) fn mul(a: &Lazy, b: &Lazy) -> Lazy {
    let mut t = [0u64; 4];
    for limb in a {
        let (t0, k) = limb.carrying_mul_add(b[0], t[0], 0);
        let (t1, k) = limb.carrying_mul_add(b[1], t[1], k);
        let (t2, k) = limb.carrying_mul_add(b[2], t[2], k);
        let (t3, k) = limb.carrying_mul_add(b[3], t[3], k);
        let (low, top) = reduce_step([t0, t1, t2, t3]);
        t = [low[0], low[1], low[2], k.wrapping_add(top)];
    }
    t
}

/// `a^2 / 2^256 mod r`, below `0.4529 a^2 + 1`. Needs `a < 1.6` (so that `a^2 + 2^256 r` fits eight limbs).
#[inline(always)]
pub(super) fn square(a: &Lazy) -> Lazy {
    // Products of different limbs, once each.
    let (p1, k) = a[0].carrying_mul(a[1], 0);
    let (p2, k) = a[0].carrying_mul(a[2], k);
    let (p3, p4) = a[0].carrying_mul(a[3], k);
    let (p3, k) = a[1].carrying_mul_add(a[2], p3, 0);
    let (p4, p5) = a[1].carrying_mul_add(a[3], p4, k);
    let (p5, p6) = a[2].carrying_mul_add(a[3], p5, 0);
    // Twice those, plus the squares of the limbs.
    let p7 = p6 >> 63;
    let p6 = (p6 << 1) | (p5 >> 63);
    let p5 = (p5 << 1) | (p4 >> 63);
    let p4 = (p4 << 1) | (p3 >> 63);
    let p3 = (p3 << 1) | (p2 >> 63);
    let p2 = (p2 << 1) | (p1 >> 63);
    let p1 = p1 << 1;
    let (s0, h0) = a[0].carrying_mul(a[0], 0);
    let (s2, h2) = a[1].carrying_mul(a[1], 0);
    let (s4, h4) = a[2].carrying_mul(a[2], 0);
    let (s6, h6) = a[3].carrying_mul(a[3], 0);
    let (p1, c) = p1.carrying_add(h0, false);
    let (p2, c) = p2.carrying_add(s2, c);
    let (p3, c) = p3.carrying_add(h2, c);
    let (p4, c) = p4.carrying_add(s4, c);
    let (p5, c) = p5.carrying_add(h4, c);
    let (p6, c) = p6.carrying_add(s6, c);
    let (p7, _) = p7.carrying_add(h6, c);
    // Four reduction steps over the low half; their carries meet the high half.
    let (t, k0) = reduce_step([s0, p1, p2, p3]);
    let (t3, c) = p4.carrying_add(k0, false);
    let (t, k1) = reduce_step([t[0], t[1], t[2], t3]);
    let (t3, c) = p5.carrying_add(k1, c);
    let (t, k2) = reduce_step([t[0], t[1], t[2], t3]);
    let (t3, c) = p6.carrying_add(k2, c);
    let (t, k3) = reduce_step([t[0], t[1], t[2], t3]);
    let (t3, _) = p7.carrying_add(k3, c);
    [t[0], t[1], t[2], t3]
}

/// `x^5`, below 1.92. Needs `x < 1.02`.
#[inline(always)]
pub(super) fn pow5(x: &Lazy) -> Lazy {
    mul(&square(&square(x)), x)
}

/// A representative as a sum.
#[inline(always)]
pub(super) const fn widen(x: &Lazy) -> Wide {
    [x[0], x[1], x[2], x[3], 0]
}

#[inline(always)]
pub(super) fn add(a: &Wide, b: &Wide) -> Wide {
    let (r0, c) = a[0].carrying_add(b[0], false);
    let (r1, c) = a[1].carrying_add(b[1], c);
    let (r2, c) = a[2].carrying_add(b[2], c);
    let (r3, c) = a[3].carrying_add(b[3], c);
    [
        r0,
        r1,
        r2,
        r3,
        a[4].wrapping_add(b[4]).wrapping_add(u64::from(c)),
    ]
}

/// `a << SHIFT`.
#[inline(always)]
pub(super) fn shl<const SHIFT: u32>(a: &Wide) -> Wide {
    let back = 64 - SHIFT;
    [
        a[0] << SHIFT,
        (a[1] << SHIFT) | (a[0] >> back),
        (a[2] << SHIFT) | (a[1] >> back),
        (a[3] << SHIFT) | (a[2] >> back),
        (a[4] << SHIFT) | (a[3] >> back),
    ]
}

/// `a + factor * b`.
#[inline(always)]
pub(super) fn add_scaled(a: &Wide, factor: u64, b: &Wide) -> Wide {
    let (r0, k) = factor.carrying_mul_add(b[0], a[0], 0);
    let (r1, k) = factor.carrying_mul_add(b[1], a[1], k);
    let (r2, k) = factor.carrying_mul_add(b[2], a[2], k);
    let (r3, k) = factor.carrying_mul_add(b[3], a[3], k);
    [
        r0,
        r1,
        r2,
        r3,
        factor.wrapping_mul(b[4]).wrapping_add(a[4]).wrapping_add(k),
    ]
}

/// A representative below 1.02 of a sum below 2^304.
///
/// `q = floor(floor(v / 2^248) * floor(2^312 / r) / 2^64)` is at most `v / r` and misses it by less than
/// `1 + 2^248 / r + 2^56 / 2^64 < 1.02`.
#[inline(always)]
pub(super) fn reduce(v: &Wide) -> Lazy {
    let top = (v[4] << 8) | (v[3] >> 56);
    let (_, q) = top.carrying_mul(RECIPROCAL, 0);
    let (m0, k) = q.carrying_mul(MODULUS[0], 0);
    let (m1, k) = q.carrying_mul(MODULUS[1], k);
    let (m2, k) = q.carrying_mul(MODULUS[2], k);
    let m3 = q.wrapping_mul(MODULUS[3]).wrapping_add(k);
    let (r0, c) = v[0].borrowing_sub(m0, false);
    let (r1, c) = v[1].borrowing_sub(m1, c);
    let (r2, c) = v[2].borrowing_sub(m2, c);
    let (r3, _) = v[3].borrowing_sub(m3, c);
    [r0, r1, r2, r3]
}

/// The representative below r. Needs `x < 2`.
#[inline]
pub(super) fn canonical(x: &Lazy) -> Lazy {
    let (r0, b) = x[0].borrowing_sub(MODULUS[0], false);
    let (r1, b) = x[1].borrowing_sub(MODULUS[1], b);
    let (r2, b) = x[2].borrowing_sub(MODULUS[2], b);
    let (r3, b) = x[3].borrowing_sub(MODULUS[3], b);
    if b { *x } else { [r0, r1, r2, r3] }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_bls12_381::Fr;
    use ark_ff::{BigInt, Field, PrimeField};
    use proptest::prelude::*;

    fn element(limbs: Lazy) -> Fr {
        Fr::new_unchecked(BigInt::new(limbs))
    }

    /// r * 1.0195 in limbs, just under the bound that `pow5` states.
    const NEARLY_1_02: Lazy = [0, 0, 0, 0x7633_0000_0000_0000];

    /// Any representative below 1.02 r, the ends with weight.
    fn lazy() -> impl Strategy<Value = Lazy> {
        let any = (any::<[u64; 3]>(), 0..=NEARLY_1_02[3] - 1)
            .prop_map(|(low, top)| [low[0], low[1], low[2], top]);
        let ends = prop::sample::select(vec![
            [0; 4],
            [1, 0, 0, 0],
            MODULUS,
            NEARLY_1_02,
            [u64::MAX, 0, 0, 0],
        ]);
        prop_oneof![8 => any, 1 => ends]
    }

    fn value(limbs: &Lazy) -> Fr {
        element(canonical(limbs))
    }

    #[test]
    fn the_constants_are_those_of_the_field() {
        assert_eq!(BigInt::new(MODULUS), Fr::MODULUS);
        // floor(2^312 / r) * r <= 2^312 < (that + 1) * r, in limbs.
        let times = |factor: u64| add_scaled(&[0; 5], factor, &widen(&MODULUS));
        let power = 1u64 << (312 - 256);
        assert!(times(RECIPROCAL)[4] < power, "the reciprocal is not above");
        assert!(times(RECIPROCAL + 1)[4] >= power, "the next one is");
    }

    proptest! {
        #[test]
        fn products_agree_with_the_field(a in lazy(), b in lazy()) {
            prop_assert_eq!(value(&mul(&a, &b)), value(&a) * value(&b));
            prop_assert_eq!(value(&square(&a)), value(&a).square());
            prop_assert_eq!(value(&pow5(&a)), value(&a).pow([5u64]));
        }

        #[test]
        fn any_four_limbs_times_a_small_one_agree_with_the_field(a in any::<[u64; 4]>(), b in lazy()) {
            let reduced = reduce(&widen(&a));
            prop_assert_eq!(value(&mul(&a, &b)), value(&reduced) * value(&b));
        }

        #[test]
        fn a_sum_below_2_to_304_is_reduced_below_1_02(low in any::<[u64; 4]>(), top in 0..1u64 << 48) {
            let sum = [low[0], low[1], low[2], low[3], top];
            let reduced = reduce(&sum);
            prop_assert!(reduced[3] <= NEARLY_1_02[3], "{:x?} -> {:x?}", sum, reduced);
            let mut bytes = [0u8; 40];
            for (place, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(sum) {
                *place = limb.to_le_bytes();
            }
            // Montgomery form is a factor: compare as plain integers.
            let plain = Fr::from_bigint(BigInt::new(canonical(&reduced)));
            prop_assert_eq!(plain, Some(Fr::from_le_bytes_mod_order(&bytes)));
        }

        #[test]
        fn linear_steps_agree_with_the_field(a in lazy(), b in lazy(), factor in 1u64..=24) {
            let sum = reduce(&add_scaled(&widen(&a), factor, &widen(&b)));
            prop_assert_eq!(value(&sum), value(&a) + value(&b) * Fr::from(factor));
            prop_assert_eq!(value(&reduce(&add(&widen(&a), &widen(&b)))), value(&a) + value(&b));
            prop_assert_eq!(value(&reduce(&shl::<2>(&widen(&a)))), value(&a) * Fr::from(4u64));
        }
    }
}
