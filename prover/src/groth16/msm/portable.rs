//! Additions of points in affine coordinates with the curve library's arithmetic, on every processor.

use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{AdditiveGroup, Field, One, Zero};

use crate::groth16::msm::{batch::Adder, coordinate::Coordinate};

/// Additions one after the other.
#[derive(Debug)]
pub(super) struct Portable<P: SWCurveConfig> {
    /// For each addition the denominator of its slope and the product of all before it.
    denominators: Vec<(P::BaseField, P::BaseField)>,
}

impl<P: SWCurveConfig> Adder<P> for Portable<P>
where
    P::BaseField: Coordinate,
{
    type Point = Affine<P>;
    const INFINITY: Affine<P> = Affine::identity();

    fn new() -> Self {
        Self {
            denominators: Vec::new(),
        }
    }

    fn is_infinity(point: &Affine<P>) -> bool {
        point.is_zero()
    }

    fn of(point: &Affine<P>) -> Affine<P> {
        *point
    }

    fn point(point: &Affine<P>) -> Affine<P> {
        *point
    }

    fn add_all(&mut self, sums: &mut [Affine<P>], targets: &[usize], points: &[Affine<P>]) {
        self.denominators.clear();
        let mut product = P::BaseField::one();
        for (target, point) in targets.iter().zip(points) {
            let denominator = denominator(&sums[*target], point);
            self.denominators.push((denominator, product));
            product *= denominator;
        }
        // No denominator is zero, so neither is their product.
        let Some(mut inverse) = product.inverted() else {
            return;
        };
        let steps = points.iter().zip(&self.denominators);
        for (target, (point, (denominator, before))) in targets.iter().zip(steps).rev() {
            let own = inverse * before;
            inverse *= denominator;
            sums[*target] = sum(&sums[*target], point, own);
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
