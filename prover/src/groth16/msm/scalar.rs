//! Scalars as a sign and a magnitude of at most half the group order, and their digits.

use ark_bls12_381::Fr;
use ark_ff::PrimeField;
use rayon::prelude::*;

/// A scalar s as `+-m`, `m <= (r - 1) / 2 < 2^254`: limbs little-endian, the sign in the highest bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scalar([u64; 4]);

const SIGN: u64 = 1 << 63;

/// Bits of the largest magnitude.
pub(super) const MAGNITUDE_BITS: usize = 254;

/// Folds all scalars.
#[must_use]
pub fn fold(values: &[Fr]) -> Vec<Scalar> {
    values
        .par_iter()
        .with_min_len(1024)
        .map(|v| Scalar::of(*v))
        .collect()
}

impl Scalar {
    /// `s` if that is at most (r - 1) / 2, else `-(r - s)`.
    pub(super) fn of(value: Fr) -> Self {
        let limbs = value.into_bigint().0;
        let half = Fr::MODULUS_MINUS_ONE_DIV_TWO.0;
        if limbs.iter().rev().le(half.iter().rev()) {
            return Self(limbs);
        }
        let mut negated = [0; 4];
        let mut borrow = false;
        for (i, limb) in negated.iter_mut().enumerate() {
            let (difference, first) = Fr::MODULUS.0[i].overflowing_sub(limbs[i]);
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            (*limb, borrow) = (difference, first || second);
        }
        negated[3] |= SIGN;
        Self(negated)
    }

    /// Whether it stands for `-m`.
    pub(super) const fn is_negative(self) -> bool {
        self.0[3] & SIGN != 0
    }

    const fn magnitude(self) -> [u64; 4] {
        let [a, b, c, d] = self.0;
        [a, b, c, d & !SIGN]
    }

    /// Bits of the magnitude: 0 for zero, 1 for one and minus one.
    pub(super) fn bits(self) -> u32 {
        let magnitude = self.magnitude();
        (0..4u32)
            .zip(magnitude)
            .rev()
            .find(|(_, limb)| *limb != 0)
            .map_or(0, |(i, limb)| 64 * (i + 1) - limb.leading_zeros())
    }
}

/// How a magnitude is cut into digits of `width` bits, `m = sum_j d_j 2^(width j)`.
///
/// Every digit lies in `-2^(width-1) ..= 2^(width-1)`. Adding `sum_j 2^(width-1) 2^(width j)` over all windows but the
/// last turns digits into plain bit fields minus `2^(width-1)`, so that each is read without those below it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    width: usize,
    count: usize,
    bias: [u64; 4],
}

impl Windows {
    /// Windows of `1 < width <= 16` bits for magnitudes of up to `bits` bits.
    pub(super) fn new(width: usize, bits: usize) -> Self {
        // One bit more: the carry of a digit that was rounded up.
        let count = (bits + 1).div_ceil(width);
        let mut bias = [0; 4];
        for window in 0..count.saturating_sub(1) {
            let bit = window * width + width - 1;
            bias[bit / 64] |= 1 << (bit % 64);
        }
        Self { width, count, bias }
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) const fn width(&self) -> usize {
        self.width
    }

    /// Buckets of a window: the magnitudes of a digit that is not zero.
    pub(super) const fn buckets(&self) -> usize {
        1 << (self.width - 1)
    }

    /// The magnitude of digit `window` of a scalar's magnitude, and whether the digit is negative.
    pub(super) fn digit(&self, scalar: Scalar, window: usize) -> (u64, bool) {
        let biased = self.biased(scalar);
        let bit = window * self.width;
        let (limb, offset) = (bit / 64, bit % 64);
        let mut field = biased[limb] >> offset;
        if offset + self.width > 64 && limb < 3 {
            field |= biased[limb + 1] << (64 - offset);
        }
        field &= (1 << self.width) - 1;
        if window + 1 == self.count {
            return (field, false);
        }
        let middle = 1 << (self.width - 1);
        (field.abs_diff(middle), field < middle)
    }

    /// Below 2^256: the magnitude has at most `bits` bits, the bias fewer than `bits + 1`.
    fn biased(&self, scalar: Scalar) -> [u64; 4] {
        let mut sum = scalar.magnitude();
        let mut carry = false;
        for (limb, bias) in sum.iter_mut().zip(self.bias) {
            let (added, first) = limb.overflowing_add(bias);
            let (added, second) = added.overflowing_add(u64::from(carry));
            (*limb, carry) = (added, first || second);
        }
        sum
    }
}
