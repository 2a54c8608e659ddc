//! Eight numbers of the base field of G1 (N = 1) or of its quadratic extension (N = 2, `c0 + c1 u`, `u^2 = -1`).
//!
//! Numbers that are stored are below 3 q in each part; what [`difference`] gives is below 7 q, and products take that.

use cairn_merkle::lanes::transposed;

use super::field::{self, Eight, LIMBS, Limbs};

/// Eight numbers, the parts of each one after the other.
pub(super) type Element<const N: usize> = [Eight; N];

/// One number.
pub(super) type Parts<const N: usize> = [Limbs; N];

/// The same real number in all lanes.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn all<const N: usize>(value: &Limbs) -> Element<N> {
    let mut out = [field::all(&[0; LIMBS]); N];
    out[0] = field::all(value);
    out
}

/// Eight numbers, from one in each lane.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn load<const N: usize>(lanes: [&Parts<N>; 8]) -> Element<N> {
    let mut out = [field::all(&[0; LIMBS]); N];
    for (part, out) in out.iter_mut().enumerate() {
        let [a, b, c, d, e, f, g, h] = lanes;
        *out = transposed([
            field::row(&a[part]),
            field::row(&b[part]),
            field::row(&c[part]),
            field::row(&d[part]),
            field::row(&e[part]),
            field::row(&f[part]),
            field::row(&g[part]),
            field::row(&h[part]),
        ]);
    }
    out
}

/// The number in each lane.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn separate<const N: usize>(value: &Element<N>) -> [Parts<N>; 8] {
    let mut out = [[[0; LIMBS]; N]; 8];
    for (part, eight) in value.iter().enumerate() {
        let lanes = field::separate(eight);
        for (out, lane) in out.iter_mut().zip(lanes) {
            out[part] = lane;
        }
    }
    out
}

/// `a - b` and some multiple of q, below 7 q.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn difference<const N: usize>(a: &Element<N>, b: &Element<N>) -> Element<N> {
    let mut out = *a;
    for (part, out) in out.iter_mut().enumerate() {
        *out = field::difference(&a[part], &b[part]);
    }
    out
}

/// `a - b - c`, below 3 q if a is.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn less_both<const N: usize>(
    a: &Element<N>,
    b: &Element<N>,
    c: &Element<N>,
) -> Element<N> {
    let mut out = *a;
    for (part, out) in out.iter_mut().enumerate() {
        *out = field::reduced_difference(&a[part], &b[part], &c[part]);
    }
    out
}

/// `a - b`, below 3 q if a is.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn less<const N: usize>(a: &Element<N>, b: &Element<N>) -> Element<N> {
    let mut out = *a;
    for (part, out) in out.iter_mut().enumerate() {
        *out = field::reduced_single(&a[part], &b[part]);
    }
    out
}

/// `a b / 2^416`, below 3 q.
///
/// In the extension by Karatsuba on products that are not reduced yet:
/// `c0 = a0 b0 - a1 b1`, `c1 = (a0 + a1) (b0 + b1) - a0 b0 - a1 b1`.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn product<const N: usize>(a: &Element<N>, b: &Element<N>) -> Element<N> {
    let mut out = *a;
    if N == 1 {
        out[0] = field::product(&a[0], &b[0]);
        return out;
    }
    let low = field::wide_product(&a[0], &b[0]);
    let high = field::wide_product(&a[1], &b[1]);
    let both = field::wide_product(&field::sum(&a[0], &a[1]), &field::sum(&b[0], &b[1]));
    out[0] = field::difference_reduction(&low, &high);
    out[1] = field::middle_reduction(both, &low, &high);
    out
}

/// `a^2 / 2^416`, below 3 q. In the extension `c0 = (a0 + a1) (a0 - a1)`, `c1 = 2 a0 a1`.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(super) fn square<const N: usize>(a: &Element<N>) -> Element<N> {
    let mut out = *a;
    if N == 1 {
        out[0] = field::square(&a[0]);
        return out;
    }
    let difference = field::difference(&a[0], &a[1]);
    out[0] = field::product(&field::sum(&a[0], &a[1]), &difference);
    out[1] = field::product(&field::sum(&a[0], &a[0]), &a[1]);
    out
}
