//! Eight numbers of the curve's base field side by side, in 52-bit limbs: AVX-512 with IFMA.
//!
//! ```text
//! one value   a = sum_j a_j 2^(52 j), j = 0..8; value j of all eight lanes in one register
//! product     t = a b, by 64 pairs of multiply-adds (low and high half of each product of limbs)
//! reduction   eight times: m = t_0 (-1/q) mod 2^52; t = (t + m q) / 2^52               so t / 2^416 mod q
//! ```
//!
//! A value has 416 bits and q has 381, so that nothing is subtracted after a product: inputs below 2^17 q give a result
//! below q (1 + 2^-1). Sums and differences are kept as limbs with a sign until [`carried`] brings every limb back to 52 bits,
//! which products need: they look at the low 52 bits of a limb only.
//!
//! Source: Montgomery reduction by digits; Gueron and Krasnov, "Accelerating big integer arithmetic using Intel IFMA
//! extensions" (2016). Cost: a product 128 multiply-adds, a reduction 136; a Zen 4 issues one a cycle.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_cmplt_epi64_mask, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_maskz_add_epi64, _mm512_permutexvar_epi64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_srai_epi64, _mm512_sub_epi64,
};

use ark_bls12_381::Fq;
use ark_ff::{MontFp, PrimeField};
use cairn_merkle::lanes::transposed;

/// Limbs of a value.
pub(super) const LIMBS: usize = 8;
/// Bits of a limb.
const BITS: u32 = 52;
const MASK: u64 = (1 << BITS) - 1;

/// One value.
pub(super) type Limbs = [u64; LIMBS];

/// Eight values: limb j of all of them in register j.
pub(super) type Eight = [__m512i; LIMBS];

/// `factor` q in limbs, for a small factor.
const fn multiple(factor: u64) -> Limbs {
    let q = repack(&Fq::MODULUS.0);
    let mut out = [0; LIMBS];
    let mut carry = 0;
    let mut i = 0;
    while i < LIMBS {
        let limb = q[i] * factor + carry;
        out[i] = limb & MASK;
        carry = limb >> BITS;
        i += 1;
    }
    out
}

/// From six limbs of 64 bits to eight of 52.
pub(super) const fn repack(from: &[u64; 6]) -> Limbs {
    [
        from[0] & MASK,
        (from[0] >> 52 | from[1] << 12) & MASK,
        (from[1] >> 40 | from[2] << 24) & MASK,
        (from[2] >> 28 | from[3] << 36) & MASK,
        (from[3] >> 16 | from[4] << 48) & MASK,
        from[4] >> 4 & MASK,
        (from[4] >> 56 | from[5] << 8) & MASK,
        from[5] >> 44,
    ]
}

/// From eight limbs of 52 bits to six of 64, for a value below 2^384.
pub(super) const fn unpack(from: &Limbs) -> [u64; 6] {
    [
        from[0] | from[1] << 52,
        from[1] >> 12 | from[2] << 40,
        from[2] >> 24 | from[3] << 28,
        from[3] >> 36 | from[4] << 16,
        from[4] >> 48 | from[5] << 4 | from[6] << 56,
        from[6] >> 8 | from[7] << 44,
    ]
}

const Q: Limbs = multiple(1);

/// 2^416 mod q: one.
pub(super) const ONE: Limbs = repack(&ONE_SHIFTED.0.0);
const ONE_SHIFTED: Fq = MontFp!("4294967296");

/// `-1/q mod 2^52`.
pub(super) const FACTOR: u64 = {
    // Newton: every step doubles the bits that are right.
    let mut inverse = 1u64;
    let mut i = 0;
    while i < 6 {
        inverse = inverse.wrapping_mul(2u64.wrapping_sub(Q[0].wrapping_mul(inverse)));
        i += 1;
    }
    inverse.wrapping_neg() & MASK
};

/// Limb j of 0, q, 2 q, ..., 7 q.
const MULTIPLES: [Limbs; LIMBS] = {
    let mut out = [[0; 8]; LIMBS];
    let mut factor = 0;
    while factor < 8 {
        let limbs = multiple(factor as u64);
        let mut j = 0;
        while j < LIMBS {
            out[j][factor] = limbs[j];
            j += 1;
        }
        factor += 1;
    }
    out
};

/// `2^52 / (q / 2^364)`, rounded down.
const TOP_RECIPROCAL: u64 = (1 << BITS) / Q[7];

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(value: u64) -> __m512i {
    _mm512_set1_epi64(value.cast_signed())
}

/// The same value in all lanes.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn all(value: &Limbs) -> Eight {
    let mut out = [_mm512_setzero_si512(); LIMBS];
    for (register, limb) in out.iter_mut().zip(value) {
        *register = splat(*limb);
    }
    out
}

/// One value in a register.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn row(value: &Limbs) -> __m512i {
    bytemuck::must_cast(*value)
}

/// The eight values, each with its limbs together.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn separate(values: &Eight) -> [Limbs; 8] {
    bytemuck::must_cast(transposed(*values))
}

/// Every limb but the last brought to 52 bits, without changing the values.
#[inline]
#[target_feature(enable = "avx512f")]
fn carried(mut t: Eight) -> Eight {
    let mask = splat(MASK);
    for j in 0..LIMBS - 1 {
        t[j + 1] = _mm512_add_epi64(t[j + 1], _mm512_srai_epi64::<BITS>(t[j]));
        t[j] = _mm512_and_si512(t[j], mask);
    }
    t
}

/// `a + b`.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn sum(a: &Eight, b: &Eight) -> Eight {
    let mut t = *a;
    for (t, b) in t.iter_mut().zip(b) {
        *t = _mm512_add_epi64(*t, *b);
    }
    carried(t)
}

/// `a - b + 4 q`, for b of at most 4 q.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn difference(a: &Eight, b: &Eight) -> Eight {
    let mut t = *a;
    for (j, (t, b)) in t.iter_mut().zip(b).enumerate() {
        let shift = splat(MULTIPLES[j][4]);
        *t = _mm512_add_epi64(_mm512_sub_epi64(*t, *b), shift);
    }
    carried(t)
}

/// `a - b - c`, brought to 0 ..= max(a, q (1 + 2^-10)), for b + c of at most 6 q.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduced_difference(a: &Eight, b: &Eight, c: &Eight) -> Eight {
    let mut t = *a;
    for (t, (b, c)) in t.iter_mut().zip(b.iter().zip(c)) {
        *t = _mm512_sub_epi64(_mm512_sub_epi64(*t, *b), *c);
    }
    reduced(t)
}

/// `a - b`, brought to 0 ..= max(a, q (1 + 2^-10)), for b of at most 6 q.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn reduced_single(a: &Eight, b: &Eight) -> Eight {
    let mut t = *a;
    for (t, b) in t.iter_mut().zip(b) {
        *t = _mm512_sub_epi64(*t, *b);
    }
    reduced(t)
}

/// Adds to a negative value the multiple of q that makes it positive and at most q (1 + 2^-10).
///
/// Limbs that are not carried yet are worth at most 4 of the last limb, of which q has 2^16: the last limb less 4 is a
/// lower bound that decides how often q is added.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduced(mut t: Eight) -> Eight {
    let zero = _mm512_setzero_si512();
    let missing = _mm512_sub_epi64(splat(4), t[7]);
    let negative = _mm512_cmplt_epi64_mask(zero, missing);
    let whole = _mm512_madd52hi_epu64(zero, missing, splat(TOP_RECIPROCAL));
    let times = _mm512_maskz_add_epi64(negative, whole, splat(1));
    for (t, multiples) in t.iter_mut().zip(MULTIPLES) {
        let table: __m512i = bytemuck::must_cast(multiples);
        *t = _mm512_add_epi64(*t, _mm512_permutexvar_epi64(times, table));
    }
    carried(t)
}

/// A product that is not reduced: limbs not carried.
pub(super) type Wide = [__m512i; 2 * LIMBS];

/// `a b`, every limb below 2^57.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn wide_product(a: &Eight, b: &Eight) -> Wide {
    let mut t = [_mm512_setzero_si512(); 2 * LIMBS];
    for (i, b) in b.iter().enumerate() {
        for (j, a) in a.iter().enumerate() {
            t[i + j] = _mm512_madd52lo_epu64(t[i + j], *a, *b);
        }
        for (j, a) in a.iter().enumerate() {
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], *a, *b);
        }
    }
    t
}

/// `a^2`, every limb below 2^57.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn wide_square(a: &Eight) -> Wide {
    let mut t = [_mm512_setzero_si512(); 2 * LIMBS];
    for i in 0..LIMBS {
        for j in i + 1..LIMBS {
            t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[i], a[j]);
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[i], a[j]);
        }
    }
    for (i, a) in a.iter().enumerate() {
        let [low, high] = [2 * i, 2 * i + 1].map(|j| _mm512_add_epi64(t[j], t[j]));
        t[2 * i] = _mm512_madd52lo_epu64(low, *a, *a);
        t[2 * i + 1] = _mm512_madd52hi_epu64(high, *a, *a);
    }
    t
}

/// `t / 2^416 mod q` with limbs not carried, for a t of at most `2^34 q^2`; its limbs may be negative, down to -2^60.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduction(mut t: Wide) -> Eight {
    let zero = _mm512_setzero_si512();
    let factor = splat(FACTOR);
    let q = all(&Q);
    for i in 0..LIMBS {
        let m = _mm512_madd52lo_epu64(zero, t[i], factor);
        for (j, q) in q.iter().enumerate() {
            t[i + j] = _mm512_madd52lo_epu64(t[i + j], m, *q);
        }
        for (j, q) in q.iter().enumerate() {
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], m, *q);
        }
        t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64::<BITS>(t[i]));
    }
    let [_, _, _, _, _, _, _, _, t0, t1, t2, t3, t4, t5, t6, t7] = t;
    [t0, t1, t2, t3, t4, t5, t6, t7]
}

/// `(a - b) / 2^416 mod q`, below 2 q (1 + 2^-10).
///
/// The reduction of a small negative number is above -q 2^-10: one q more makes it positive.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn difference_reduction(a: &Wide, b: &Wide) -> Eight {
    let mut t = *a;
    for (t, b) in t.iter_mut().zip(b) {
        *t = _mm512_sub_epi64(*t, *b);
    }
    let mut t = reduction(t);
    for (t, q) in t.iter_mut().zip(&Q) {
        *t = _mm512_add_epi64(*t, splat(*q));
    }
    carried(t)
}

/// `(a - b - c) / 2^416 mod q`, for a difference that is not negative.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn middle_reduction(a: Wide, b: &Wide, c: &Wide) -> Eight {
    let mut t = a;
    for (t, (b, c)) in t.iter_mut().zip(b.iter().zip(c)) {
        *t = _mm512_sub_epi64(_mm512_sub_epi64(*t, *b), *c);
    }
    carried(reduction(t))
}

/// `a b / 2^416 mod q`.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn product(a: &Eight, b: &Eight) -> Eight {
    carried(reduction(wide_product(a, b)))
}

/// `a^2 / 2^416 mod q`.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn square(a: &Eight) -> Eight {
    carried(reduction(wide_square(a)))
}
