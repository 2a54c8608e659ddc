//! Eight integers modulo r side by side: limb `i` of each lies in vector `i`, 52 bits of weight `2^(52 i)`, five
//! limbs. An element `x` stands as `x * 2^260 mod r`, plus any multiple of r that the bounds allow; as one factor of a
//! product it leaves the other factor's form, `x * 2^256` of ark for instance, as it is.
//!
//! A [`Limbs`] is *raw* (limbs of up to 64 bits, the value is the weighted sum), *carried* (the value is that of the
//! lowest 52 bits of each limb; what lies above is garbage that has been added to the next limb) or *clean* (nothing
//! above 52 bits). The multiplier of the processor reads 52 bits, so carried is enough for a factor.
//!
//! Bounds, in units of r (2^260 = 35.3 r) and, for raw limbs, in units of 2^52. Each function states what it needs.
//!
//! The Montgomery reduction drops limb after limb. Four of its five steps add `t0 * (2^-52 mod r)`, for which the
//! factor is the limb itself; they leave up to `2^52 r`. The last step adds the multiple of r that clears the limb, and
//! leaves `ab / 2^260 + 2.001`; there `-1/r mod 2^52 = -(1 + 2^32)` makes the factor from a shift and an addition.
//!
//! A function needs the instructions that its attribute names, and is undefined without them; [`Available`] proves all of
//! them.

#![expect(
    clippy::missing_safety_doc,
    reason = "what all functions need stands above, once"
)]

use core::arch::x86_64::{
    __m512i, _mm256_extract_epi64, _mm512_add_epi64, _mm512_and_si512, _mm512_extracti64x4_epi64,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_mov_epi64, _mm512_mullo_epi64,
    _mm512_or_si512, _mm512_set1_epi64, _mm512_setr_epi64, _mm512_setzero_si512,
    _mm512_shuffle_i64x2, _mm512_slli_epi64, _mm512_srai_epi64, _mm512_srli_epi64,
    _mm512_sub_epi64, _mm512_test_epi64_mask, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

use ark_bls12_381::Fr;

/// Proof that the processor has the instructions: [`Self::detect`] is the only way to one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Available(());

impl Available {
    /// `Some` on a processor with AVX-512 IFMA.
    #[must_use]
    pub fn detect() -> Option<Self> {
        let there = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512ifma");
        there.then_some(Self(()))
    }
}

/// Integers side by side.
pub const LANES: usize = 8;
/// Limbs of an integer.
pub const LIMBS: usize = 5;
/// Bits of a limb.
const BITS: u32 = 52;
const MASK: u64 = (1 << BITS) - 1;

/// r in limbs.
const MODULUS: [u64; LIMBS] = [
    0xf_ffff_0000_0001,
    0x2fff_e5bf_efff,
    0x9_a1d8_0553_bda4,
    0x7_d483_339d_8080,
    0x73ed_a753_299d,
];
/// `3 r`.
const THREE: [u64; LIMBS] = {
    let mut out = [0; LIMBS];
    let mut carry = 0;
    let mut i = 0;
    while i < LIMBS {
        let limb = 3 * MODULUS[i] + carry;
        out[i] = limb & MASK;
        carry = limb >> BITS;
        i += 1;
    }
    out
};
/// `2^260 - r`.
const NEGATIVE: [u64; LIMBS] = [
    0xffff_ffff,
    0xf_d000_1a40_1000,
    0x6_5e27_faac_425b,
    0x8_2b7c_cc62_7f7f,
    0xf_8c12_58ac_d662,
];
/// `2^-52 mod r`.
const DOWN_A_LIMB: [u64; LIMBS] = [
    0xf_dfff_1a40_2001,
    0x2_d083_dd6c_33ff,
    0x4_4cd4_3798_bcce,
    0x4_36f8_0f02_23a9,
    0x73ed_a014_4f28,
];
/// `2^520 mod r`: a factor that brings a plain integer into the form of this file.
pub(crate) const FROM_PLAIN: [u64; LIMBS] = [
    0x9_9103_f29c_6cf0,
    0x5_7927_663d_999e,
    0xa_1c0e_d631_138b,
    0x3_c829_f771_5f1b,
    0x9ff_646c_c027,
];
/// `2^256 mod r`: a factor that brings an element into the Montgomery form of ark.
pub(crate) const TO_ARK: [u64; LIMBS] = [
    0x1_ffff_fffe,
    0xf_a000_3480_2000,
    0xc_bc4f_f558_84b7,
    0x56f9_98c4_fefe,
    0x1824_b159_acc5,
];
/// Bits of the top limb that the quotient of [`fold`] leaves out.
const QUOTIENT_SHIFT: u32 = 24;
/// `floor(2^(52 + QUOTIENT_SHIFT + 208) / r)`.
const RECIPROCAL: u64 = 0x2355_094e;

type Vector = __m512i;
/// Eight integers.
pub type Limbs = [Vector; LIMBS];

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
#[expect(clippy::cast_possible_wrap, reason = "bits are bits")]
fn splat(x: u64) -> Vector {
    _mm512_set1_epi64(x as i64)
}

/// The same integer in every lane.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn broadcast(x: &[u64; LIMBS]) -> Limbs {
    [
        splat(x[0]),
        splat(x[1]),
        splat(x[2]),
        splat(x[3]),
        splat(x[4]),
    ]
}

/// Zero in every lane.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn zero() -> Limbs {
    [_mm512_setzero_si512(); LIMBS]
}

/// The limb-wise sum; bounds add up.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn add(a: &Limbs, b: &Limbs) -> Limbs {
    let mut sum = *a;
    for (sum, b) in sum.iter_mut().zip(b) {
        *sum = _mm512_add_epi64(*sum, *b);
    }
    sum
}

/// `a << SHIFT`, limb by limb.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub(crate) fn shl<const SHIFT: u32>(a: &Limbs) -> Limbs {
    let mut out = *a;
    for limb in &mut out {
        *limb = _mm512_slli_epi64::<SHIFT>(*limb);
    }
    out
}

/// `a + factor * b` as a raw sum. Needs `b` clean and below 1.001; adds 1 + factor / 2^52 to the raw bound of the four
/// lower limbs.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub(crate) fn add_scaled(a: &Limbs, factor: u64, b: &Limbs) -> Limbs {
    let factor = splat(factor);
    let mut t = *a;
    for i in 0..LIMBS - 1 {
        t[i] = _mm512_madd52lo_epu64(t[i], b[i], factor);
        t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], b[i], factor);
    }
    t[4] = _mm512_add_epi64(t[4], _mm512_mullo_epi64(b[4], factor));
    t
}

/// Raw to carried. Needs limbs that carries (below 2^12) do not overflow, and a value below 2^260.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn carry(a: &Limbs) -> Limbs {
    let mut t = *a;
    for i in 0..LIMBS - 1 {
        t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<BITS>(t[i]));
    }
    t
}

/// Carried to clean.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn clean(a: &Limbs) -> Limbs {
    let mut t = *a;
    for limb in &mut t {
        *limb = _mm512_and_si512(*limb, splat(MASK));
    }
    t
}

/// `a - b + 3 r`, clean. Needs `a` clean, `b` below 3, and a result below 2^260.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn difference(a: &Limbs, b: &Limbs) -> Limbs {
    let mut t = *a;
    for ((t, b), three) in t.iter_mut().zip(b).zip(THREE) {
        *t = _mm512_add_epi64(_mm512_sub_epi64(*t, *b), splat(three));
    }
    // Limbs have a sign here, the value has none.
    for i in 0..LIMBS - 1 {
        t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srai_epi64::<BITS>(t[i]));
    }
    clean(&t)
}

/// Carried to a sum whose top limb keeps everything above: for values beyond 2^260.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub(crate) fn clean_below_top(a: &Limbs) -> Limbs {
    let t = clean(a);
    [t[0], t[1], t[2], t[3], a[4]]
}

/// A carried representative below 1.001 of any raw sum with limbs up to 4094 x 2^52.
///
/// `q = floor(floor(t4 / 2^24) * floor(2^284 / r) / 2^52)` is at most `t / r` and misses it by less than
/// `1 + 2^(24 + 208) / r + 2^40 / 2^52 + 2^12 * 2^208 / r < 1.001`. Adds `q * (2^260 - r)`, modulo 2^260.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn fold(a: &Limbs) -> Limbs {
    let top = _mm512_srli_epi64::<QUOTIENT_SHIFT>(a[4]);
    let q = _mm512_madd52hi_epu64(_mm512_setzero_si512(), top, splat(RECIPROCAL));
    let mut t = *a;
    // q < 2^18: its product with the lowest limb stays below 2^52.
    t[0] = _mm512_madd52lo_epu64(t[0], q, splat(NEGATIVE[0]));
    for i in 1..LIMBS - 1 {
        t[i] = _mm512_madd52lo_epu64(t[i], q, splat(NEGATIVE[i]));
        t[i + 1] = _mm512_madd52hi_epu64(t[i + 1], q, splat(NEGATIVE[i]));
    }
    t[4] = _mm512_madd52lo_epu64(t[4], q, splat(NEGATIVE[4]));
    carry(&t)
}

/// `a * b / 2^260 mod r`, raw, limbs up to 20 x 2^52, below `ab / 35.3 + 2.001`. Needs carried factors.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn mul(a: &Limbs, b: &Limbs) -> Limbs {
    let mut t = [_mm512_setzero_si512(); 2 * LIMBS];
    for i in 0..LIMBS {
        for j in 0..LIMBS {
            t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[i], b[j]);
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[i], b[j]);
        }
    }
    reduce(t)
}

/// `a^2 / 2^260 mod r`; as [`mul`].
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn square(a: &Limbs) -> Limbs {
    let mut t = [_mm512_setzero_si512(); 2 * LIMBS];
    for i in 0..LIMBS {
        for j in i + 1..LIMBS {
            t[i + j] = _mm512_madd52lo_epu64(t[i + j], a[i], a[j]);
            t[i + j + 1] = _mm512_madd52hi_epu64(t[i + j + 1], a[i], a[j]);
        }
    }
    for limb in &mut t[1..2 * LIMBS - 1] {
        *limb = _mm512_add_epi64(*limb, *limb);
    }
    for i in 0..LIMBS {
        t[2 * i] = _mm512_madd52lo_epu64(t[2 * i], a[i], a[i]);
        t[2 * i + 1] = _mm512_madd52hi_epu64(t[2 * i + 1], a[i], a[i]);
    }
    reduce(t)
}

/// Montgomery reduction of ten columns.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
fn reduce(mut t: [Vector; 2 * LIMBS]) -> Limbs {
    for i in 0..LIMBS - 1 {
        let m = t[i];
        t[i + 1] = _mm512_add_epi64(t[i + 1], _mm512_srli_epi64::<BITS>(m));
        for (j, down) in DOWN_A_LIMB.into_iter().enumerate() {
            t[i + j + 1] = _mm512_madd52lo_epu64(t[i + j + 1], m, splat(down));
            t[i + j + 2] = _mm512_madd52hi_epu64(t[i + j + 2], m, splat(down));
        }
    }
    let m = _mm512_add_epi64(t[4], _mm512_slli_epi64::<32>(t[4]));
    let m = _mm512_sub_epi64(_mm512_setzero_si512(), m);
    for (j, limb) in MODULUS.into_iter().enumerate() {
        t[j + 4] = _mm512_madd52lo_epu64(t[j + 4], m, splat(limb));
        t[j + 5] = _mm512_madd52hi_epu64(t[j + 5], m, splat(limb));
    }
    t[5] = _mm512_add_epi64(t[5], _mm512_srli_epi64::<BITS>(t[4]));
    [t[5], t[6], t[7], t[8], t[9]]
}

/// `x^5`, raw, limbs up to 20 x 2^52, below 2.3. Needs `x` carried and below 4.3.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub(crate) fn pow5(x: &Limbs) -> Limbs {
    let x2 = carry(&square(x));
    let x4 = carry(&square(&x2));
    mul(&x4, x)
}

/// M4 times one limb of four integers, in eight additions and four shifts (eprint 2023/323, appendix B).
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub(crate) fn times_m4([x0, x1, x2, x3]: &[Vector; 4]) -> [Vector; 4] {
    let t0 = add_limb(*x0, *x1);
    let t1 = add_limb(*x2, *x3);
    let t2 = add_limb(add_limb(*x1, *x1), t1);
    let t3 = add_limb(add_limb(*x3, *x3), t0);
    let t4 = add_limb(_mm512_slli_epi64::<2>(t1), t3);
    let t5 = add_limb(_mm512_slli_epi64::<2>(t0), t2);
    [add_limb(t3, t5), t5, add_limb(t2, t4), t4]
}

/// The sum of one limb.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub(crate) fn add_limb(a: Vector, b: Vector) -> Vector {
    _mm512_add_epi64(a, b)
}

/// The limbs of integers of four words, clean.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn from_words(w: &[Vector; 4]) -> Limbs {
    clean(&[
        w[0],
        _mm512_or_si512(_mm512_srli_epi64::<52>(w[0]), _mm512_slli_epi64::<12>(w[1])),
        _mm512_or_si512(_mm512_srli_epi64::<40>(w[1]), _mm512_slli_epi64::<24>(w[2])),
        _mm512_or_si512(_mm512_srli_epi64::<28>(w[2]), _mm512_slli_epi64::<36>(w[3])),
        _mm512_srli_epi64::<16>(w[3]),
    ])
}

/// The limbs of 16 times integers of four words, clean.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn from_words_times_16(w: &[Vector; 4]) -> Limbs {
    clean(&[
        _mm512_slli_epi64::<4>(w[0]),
        _mm512_or_si512(_mm512_srli_epi64::<48>(w[0]), _mm512_slli_epi64::<16>(w[1])),
        _mm512_or_si512(_mm512_srli_epi64::<36>(w[1]), _mm512_slli_epi64::<28>(w[2])),
        _mm512_or_si512(_mm512_srli_epi64::<24>(w[2]), _mm512_slli_epi64::<40>(w[3])),
        _mm512_srli_epi64::<12>(w[3]),
    ])
}

/// Four words of eight integers, word by word.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn gather_words(integers: &[[u64; 4]; LANES]) -> [Vector; 4] {
    let mut out = [_mm512_setzero_si512(); 4];
    for (i, out) in out.iter_mut().enumerate() {
        *out = gather(integers.map(|words| words[i]));
    }
    out
}

/// Word `i` of eight integers.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
#[expect(clippy::cast_possible_wrap, reason = "bits are bits")]
fn gather(x: [u64; LANES]) -> Vector {
    let x = x.map(|x| x as i64);
    _mm512_setr_epi64(x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7])
}

/// The words of the integers below r. Needs `a` carried and below 2.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
pub fn to_words(a: &Limbs) -> [[u64; 4]; LANES] {
    let a = clean(a);
    // a - r + 2^260 has bit 260 exactly where a >= r.
    let less = carry(&add(&a, &broadcast(&NEGATIVE)));
    let not_less = _mm512_test_epi64_mask(less[4], splat(1 << BITS));
    let less = clean(&less);
    let mut t = a;
    for (t, less) in t.iter_mut().zip(&less) {
        *t = _mm512_mask_mov_epi64(*t, not_less, *less);
    }
    let words = [
        _mm512_or_si512(t[0], _mm512_slli_epi64::<52>(t[1])),
        _mm512_or_si512(_mm512_srli_epi64::<12>(t[1]), _mm512_slli_epi64::<40>(t[2])),
        _mm512_or_si512(_mm512_srli_epi64::<24>(t[2]), _mm512_slli_epi64::<28>(t[3])),
        _mm512_or_si512(_mm512_srli_epi64::<36>(t[3]), _mm512_slli_epi64::<16>(t[4])),
    ];
    let mut out = [[0; 4]; LANES];
    for (w, word) in words.into_iter().enumerate() {
        for (place, x) in out.iter_mut().zip(scatter(word)) {
            place[w] = x;
        }
    }
    out
}

/// Rows to columns: word `i` of register `j` becomes word `j` of register `i`.
#[inline]
#[target_feature(enable = "avx512f")]
pub fn transposed(r: [Vector; 8]) -> [Vector; 8] {
    // Neighbouring rows interleaved, then blocks of two columns gathered.
    let pair = |i: usize| {
        (
            _mm512_unpacklo_epi64(r[i], r[i + 1]),
            _mm512_unpackhi_epi64(r[i], r[i + 1]),
        )
    };
    let [(e0, o0), (e1, o1), (e2, o2), (e3, o3)] = [pair(0), pair(2), pair(4), pair(6)];
    let [c0, c4, c2, c6] = gathered([e0, e1, e2, e3]);
    let [c1, c5, c3, c7] = gathered([o0, o1, o2, o3]);
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

/// Blocks (of two words) 0, 2, 1, 3 of each of four registers.
#[inline]
#[target_feature(enable = "avx512f")]
fn gathered([a, b, c, d]: [Vector; 4]) -> [Vector; 4] {
    const EVEN: i32 = 0b10_00_10_00;
    const ODD: i32 = 0b11_01_11_01;
    let (ab, cd) = (
        _mm512_shuffle_i64x2::<EVEN>(a, b),
        _mm512_shuffle_i64x2::<EVEN>(c, d),
    );
    let (ab_odd, cd_odd) = (
        _mm512_shuffle_i64x2::<ODD>(a, b),
        _mm512_shuffle_i64x2::<ODD>(c, d),
    );
    [
        _mm512_shuffle_i64x2::<EVEN>(ab, cd),
        _mm512_shuffle_i64x2::<ODD>(ab, cd),
        _mm512_shuffle_i64x2::<EVEN>(ab_odd, cd_odd),
        _mm512_shuffle_i64x2::<ODD>(ab_odd, cd_odd),
    ]
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[inline]
#[expect(clippy::cast_sign_loss, reason = "bits are bits")]
fn scatter(x: Vector) -> [u64; LANES] {
    let low = _mm512_extracti64x4_epi64::<0>(x);
    let high = _mm512_extracti64x4_epi64::<1>(x);
    [
        _mm256_extract_epi64::<0>(low),
        _mm256_extract_epi64::<1>(low),
        _mm256_extract_epi64::<2>(low),
        _mm256_extract_epi64::<3>(low),
        _mm256_extract_epi64::<0>(high),
        _mm256_extract_epi64::<1>(high),
        _mm256_extract_epi64::<2>(high),
        _mm256_extract_epi64::<3>(high),
    ]
    .map(|x| x as u64)
}

/// `x * 2^260 mod r`, as a factor of [`mul`] that leaves the form of the other.
#[must_use]
pub fn limbs(x: Fr) -> [u64; LIMBS] {
    limbs_of(&(x * Fr::from(16u64)).0.0)
}

/// Four words to limbs.
const fn limbs_of(w: &[u64; 4]) -> [u64; LIMBS] {
    [
        w[0] & MASK,
        ((w[0] >> 52) | (w[1] << 12)) & MASK,
        ((w[1] >> 40) | (w[2] << 24)) & MASK,
        ((w[2] >> 28) | (w[3] << 36)) & MASK,
        w[3] >> 16,
    ]
}

#[cfg(test)]
#[expect(unsafe_code, reason = "the instructions are known to be there")]
mod tests {
    use super::*;
    use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField};
    use proptest::prelude::*;

    type Plain = [[u64; LIMBS]; LANES];

    /// Runs a test where it can run.
    fn with_lanes(test: impl FnOnce()) {
        match Available::detect() {
            Some(_) => test(),
            None => println!("no AVX-512 IFMA on this processor: its lanes could not be tested"),
        }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn put(x: &Plain) -> Limbs {
        let mut out = zero();
        for (i, limb) in out.iter_mut().enumerate() {
            *limb = gather(x.map(|x| x[i]));
        }
        out
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn take(x: &Limbs) -> Plain {
        let mut out = [[0; LIMBS]; LANES];
        for (i, limb) in x.iter().enumerate() {
            for (out, x) in out.iter_mut().zip(scatter(*limb)) {
                out[i] = x;
            }
        }
        out
    }

    fn power(exponent: u64) -> Fr {
        Fr::from(2u64).pow([exponent])
    }

    /// The weighted sum of limbs modulo r.
    fn value(x: &[u64; LIMBS]) -> Fr {
        let parts = x
            .iter()
            .zip(0..)
            .map(|(limb, i)| Fr::from(*limb) * power(52 * i));
        parts.sum()
    }

    fn carried_value(x: &[u64; LIMBS]) -> Fr {
        value(&x.map(|limb| limb & MASK))
    }

    /// The weighted sum in units of r, a little less at most.
    fn units(x: &[u64; LIMBS]) -> f64 {
        let parts = x
            .iter()
            .zip(0i32..)
            .map(|(limb, i)| *limb as f64 * 2f64.powi(52 * i - 208));
        parts.sum::<f64>() / (MODULUS[4] as f64 + MODULUS[3] as f64 / 2f64.powi(52))
    }

    fn limb(bound: u64) -> impl Strategy<Value = u64> {
        prop_oneof![4 => 0..bound, 1 => Just(0), 1 => Just(1), 1 => Just(bound - 1)]
    }

    fn integers(bound: u64) -> impl Strategy<Value = Plain> {
        prop::array::uniform8(prop::array::uniform5(limb(bound)))
    }

    #[test]
    fn the_constants_are_those_of_the_field() {
        let of = |x: Fr| limbs_of(&x.into_bigint().0);
        assert_eq!(MODULUS, limbs_of(&Fr::MODULUS.0));
        assert_eq!(DOWN_A_LIMB, of(power(52).inverse().unwrap()));
        assert_eq!(FROM_PLAIN, of(power(520)));
        assert_eq!(TO_ARK, of(power(256)));
        let mut carry = 0;
        let sum = [0, 1, 2, 3, 4].map(|i| {
            let sum = MODULUS[i] + NEGATIVE[i] + carry;
            carry = sum >> BITS;
            sum & MASK
        });
        assert_eq!((sum, carry), ([0; LIMBS], 1), "r + (2^260 - r) = 2^260");
        // floor(2^284 / r) * r <= 2^284 < (that + 1) * r, in limbs of 64 bits.
        let times = |factor: u64| {
            let words = Fr::MODULUS.0.into_iter();
            words.fold(0, |carry: u128, word| {
                (u128::from(factor) * u128::from(word) + carry) >> 64
            })
        };
        assert!(
            times(RECIPROCAL) < 1 << (284 - 256),
            "the reciprocal is not above"
        );
        assert!(times(RECIPROCAL + 1) >= 1 << (284 - 256), "the next one is");
    }

    proptest! {
        #[test]
        fn products_of_any_260_bits_agree_with_the_field(a in integers(1 << BITS), b in integers(1 << BITS)) {
            #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
            fn compute(a: &Plain, b: &Plain) -> [Plain; 2] {
                [take(&mul(&put(a), &put(b))), take(&square(&put(a)))]
            }
            with_lanes(|| {
                // SAFETY: `with_lanes` has looked.
                let [products, squares] = unsafe { compute(&a, &b) };
                for lane in 0..LANES {
                    for (got, b) in [(products[lane], b[lane]), (squares[lane], a[lane])] {
                        let a = a[lane];
                        assert_eq!(value(&got) * power(260), value(&a) * value(&b));
                        assert!(got.iter().all(|limb| *limb <= 20 << BITS), "{got:x?}");
                        assert!(units(&got) <= units(&a) * units(&b) / 35.3 + 2.001, "{got:x?}");
                    }
                }
            });
        }

        #[test]
        fn fifth_powers_of_what_a_round_leaves_agree_with_the_field(mut x in integers(1 << BITS)) {
            #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
            fn compute(x: &Plain) -> Plain {
                take(&pow5(&put(x)))
            }
            for x in &mut x {
                // Below 4.3 r.
                x[4] %= MODULUS[4] / 10 * 43;
            }
            with_lanes(|| {
                // SAFETY: `with_lanes` has looked.
                let powers = unsafe { compute(&x) };
                for (got, x) in powers.iter().zip(&x) {
                    assert_eq!(value(got) * power(4 * 260), value(x).pow([5u64]));
                    assert!(got.iter().all(|limb| *limb <= 20 << BITS), "{got:x?}");
                    assert!(units(got) < 2.3, "{got:x?}");
                }
            });
        }

        #[test]
        fn any_raw_sum_folds_below_1_001(x in integers(4094 << BITS)) {
            #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
            fn compute(x: &Plain) -> [Plain; 2] {
                let folded = fold(&put(x));
                [take(&folded), take(&clean(&folded))]
            }
            with_lanes(|| {
                // SAFETY: `with_lanes` has looked.
                let [folded, cleaned] = unsafe { compute(&x) };
                for lane in 0..LANES {
                    assert_eq!(carried_value(&folded[lane]), value(&x[lane]));
                    assert_eq!(value(&cleaned[lane]), value(&x[lane]));
                    assert!(units(&cleaned[lane]) < 1.001, "{:x?}", cleaned[lane]);
                }
            });
        }

        #[test]
        fn linear_steps_agree_with_the_field(
            a in integers(2047 << BITS),
            mut b in integers(1 << BITS),
            factor in 1u64..=50_625,
        ) {
            #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
            fn compute(a: &Plain, b: &Plain, factor: u64) -> [Plain; 4] {
                let (a, b) = (put(a), put(b));
                let carried = carry(&a);
                [
                    take(&add_scaled(&a, factor, &b)),
                    take(&clean_below_top(&carried)),
                    take(&add(&a, &b)),
                    take(&shl::<1>(&a)),
                ]
            }
            for b in &mut b {
                b[4] %= MODULUS[4] + 1;
            }
            let mut a = a;
            for a in &mut a {
                // Room for the product in the top limb.
                a[4] %= 1 << 62;
            }
            with_lanes(|| {
                // SAFETY: `with_lanes` has looked.
                let [scaled, carried, sum, twice] = unsafe { compute(&a, &b, factor) };
                for lane in 0..LANES {
                    let (a, b) = (value(&a[lane]), value(&b[lane]));
                    assert_eq!(value(&scaled[lane]), a + Fr::from(factor) * b);
                    assert_eq!(value(&carried[lane]), a);
                    assert_eq!(value(&sum[lane]), a + b);
                    assert_eq!(value(&twice[lane]), a.double());
                }
            });
        }

        #[test]
        fn turning_registers_turns_a_table(table in prop::array::uniform8(prop::array::uniform8(any::<u64>()))) {
            #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
            fn compute(table: &[[u64; 8]; 8]) -> [[u64; 8]; 8] {
                let mut rows = [_mm512_setzero_si512(); 8];
                for (register, row) in rows.iter_mut().zip(table) {
                    *register = gather(*row);
                }
                let mut out = [[0; 8]; 8];
                for (out, column) in out.iter_mut().zip(transposed(rows)) {
                    *out = scatter(column);
                }
                out
            }
            with_lanes(|| {
                // SAFETY: `with_lanes` has looked.
                let turned = unsafe { compute(&table) };
                for (i, column) in turned.iter().enumerate() {
                    assert_eq!(*column, table.map(|row| row[i]), "column {i}");
                }
            });
        }

        #[test]
        fn differences_from_below_3_agree_with_the_field(
            mut a in integers(1 << BITS),
            raw in prop::array::uniform8(prop::array::uniform5(limb(20 << BITS))),
        ) {
            #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
            fn compute(a: &Plain, b: &Plain) -> Plain {
                take(&difference(&put(a), &put(b)))
            }
            let mut b = raw;
            for (a, b) in a.iter_mut().zip(&mut b) {
                // Below 32 r, so that 3 r more are below 2^260; below 3 r.
                a[4] %= 32 * MODULUS[4];
                b[4] %= 3 * MODULUS[4] - 20;
            }
            with_lanes(|| {
                // SAFETY: `with_lanes` has looked.
                let differences = unsafe { compute(&a, &b) };
                for lane in 0..LANES {
                    let got = differences[lane];
                    assert_eq!(value(&got), value(&a[lane]) - value(&b[lane]));
                    assert!(got.iter().all(|limb| limb >> BITS == 0), "{got:x?}");
                    assert!(units(&got) < units(&a[lane]) + 3.001, "{got:x?}");
                }
            });
        }

        #[test]
        fn words_become_limbs_and_words_again(mut x in prop::array::uniform8(prop::array::uniform4(any::<u64>()))) {
            #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
            fn compute(x: &[[u64; 4]; LANES]) -> ([[u64; 4]; LANES], Plain) {
                let words = gather_words(x);
                (to_words(&from_words(&words)), take(&from_words_times_16(&words)))
            }
            for x in &mut x {
                x[3] %= Fr::MODULUS.0[3];
            }
            x[0] = [0; 4];
            x[1] = (-Fr::ONE).into_bigint().0;
            // r itself, as the lazy form may hold it, is zero.
            x[2] = Fr::MODULUS.0;
            with_lanes(|| {
                // SAFETY: `with_lanes` has looked.
                let (words, times_16) = unsafe { compute(&x) };
                for lane in 0..LANES {
                    let expected = if lane == 2 { [0; 4] } else { x[lane] };
                    assert_eq!(words[lane], expected);
                    let element = Fr::from_bigint(BigInt::new(expected)).unwrap();
                    assert_eq!(value(&times_16[lane]), element * Fr::from(16u64));
                }
                assert_eq!(value(&times_16[0]), Fr::ZERO);
            });
        }
    }
}
