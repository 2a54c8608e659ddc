//! Many additions of points in affine coordinates around one inversion.

use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{AdditiveGroup, Field, One, Zero};

/// Additions in a batch. An inversion costs about 300 multiplications, so a batch makes its share small; two batches of
/// points are 200 kB, which the nearest caches hold.
const BATCH: usize = 1024;

/// Collects additions `sums[target] += point` and carries them out together.
///
/// While additions wait, their targets must not change and each target may occur once; `flush` ends the wait.
#[derive(Debug)]
pub(super) struct Batch<P: SWCurveConfig> {
    waiting: Vec<(usize, Affine<P>)>,
    /// For each addition the denominator of its slope and the product of all before it.
    denominators: Vec<(P::BaseField, P::BaseField)>,
}

impl<P: SWCurveConfig> Batch<P> {
    pub(super) fn new() -> Self {
        Self {
            waiting: Vec::with_capacity(BATCH),
            denominators: Vec::with_capacity(BATCH),
        }
    }

    /// Adds `point` to `sums[target]`, at the latest when flushed.
    pub(super) fn add(&mut self, sums: &mut [Affine<P>], target: usize, point: Affine<P>) {
        if point.is_zero() {
            return;
        }
        if sums[target].is_zero() {
            sums[target] = point;
            return;
        }
        self.waiting.push((target, point));
        if self.waiting.len() == BATCH {
            self.flush(sums);
        }
    }

    /// Carries out what waits.
    pub(super) fn flush(&mut self, sums: &mut [Affine<P>]) {
        self.denominators.clear();
        let mut product = P::BaseField::one();
        for (target, point) in &self.waiting {
            let denominator = denominator(&sums[*target], point);
            self.denominators.push((denominator, product));
            product *= denominator;
        }
        // No denominator is zero, so neither is their product.
        let Some(mut inverse) = product.inverse() else {
            return;
        };
        for ((target, point), (denominator, before)) in
            self.waiting.drain(..).zip(&self.denominators).rev()
        {
            let own = inverse * before;
            inverse *= denominator;
            sums[target] = sum(&sums[target], &point, own);
        }
    }
}

/// What the slope through two points that are not infinity is divided by; one where the sum is infinity.
fn denominator<P: SWCurveConfig>(left: &Affine<P>, right: &Affine<P>) -> P::BaseField {
    if left.x != right.x {
        right.x - left.x
    } else if left.y == right.y && !left.y.is_zero() {
        left.y.double()
    } else {
        P::BaseField::one()
    }
}

/// The sum of two points, given the inverse of [`denominator`].
///
/// slope = (y2 - y1) / (x2 - x1), or (3 x1^2 + a) / 2 y1 for a point and itself; x3 = slope^2 - x1 - x2,
/// y3 = slope (x1 - x3) - y1.
fn sum<P: SWCurveConfig>(left: &Affine<P>, right: &Affine<P>, inverse: P::BaseField) -> Affine<P> {
    let numerator = if left.x != right.x {
        right.y - left.y
    } else if left.y == right.y && !left.y.is_zero() {
        let square = left.x.square();
        square.double() + square + P::COEFF_A
    } else {
        return Affine::identity();
    };
    let slope = numerator * inverse;
    let x = slope.square() - left.x - right.x;
    let y = slope * (left.x - x) - left.y;
    Affine::new_unchecked(x, y)
}
