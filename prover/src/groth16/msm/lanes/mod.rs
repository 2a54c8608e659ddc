//! Eight affine additions at a time, on processors with AVX-512 and IFMA.
//!
//! Lanes hold a value a as `a 2^416`, the library as `a 2^384`. Nothing is converted: a point of the library, read as it is,
//! is the point `(x u^2, y u^3)`, `u = 2^-16`, of an isomorphic curve (the sum of two points does not ask for the curve's b) once
//! its y is divided by 2^16, which is one short step of a Montgomery reduction.

mod element;
mod field;

#[cfg(test)]
mod tests;

use ark_bls12_381::Fq;
use ark_ec::{
    AffineRepr,
    short_weierstrass::{Affine, SWCurveConfig},
};
use ark_ff::{BigInt, Field, PrimeField};

use self::{
    element::{Element, Parts},
    field::{LIMBS, Limbs, repack, unpack},
};
use crate::groth16::msm::{batch::Adder, coordinate::Coordinate, portable::Portable};

/// Whether this processor has what lanes need.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")
}

/// A point as lanes take it; infinity is a last limb of ones, which no number below 3 q has.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Packed<const N: usize> {
    x: Parts<N>,
    y: Parts<N>,
}

impl<const N: usize> Packed<N> {
    const INFINITY: Self = Self {
        x: [[u64::MAX; LIMBS]; N],
        y: [[u64::MAX; LIMBS]; N],
    };

    const fn is_infinity(&self) -> bool {
        self.x[0][LIMBS - 1] == u64::MAX
    }

    /// A point that is not infinity.
    fn of<P>(point: &Affine<P>) -> Self
    where
        P: SWCurveConfig,
        P::BaseField: Coordinate,
    {
        Self {
            x: std::array::from_fn(|i| repack(&point.x.part(i).0.0)),
            y: std::array::from_fn(|i| repack(&divided(&point.y.part(i).0.0))),
        }
    }

    fn point<P>(&self) -> Affine<P>
    where
        P: SWCurveConfig,
        P::BaseField: Coordinate,
    {
        if self.is_infinity() {
            return Affine::identity();
        }
        let scale = Fq::from(1u64 << 16);
        let x = P::BaseField::from_parts(|i| number(&self.x[i]));
        let y = P::BaseField::from_parts(|i| number(&self.y[i]) * scale);
        Affine::new_unchecked(x, y)
    }
}

/// The number whose form in memory is `limbs mod q`, for limbs below 3 q.
fn number(limbs: &Limbs) -> Fq {
    let mut value = BigInt::<6>(unpack(limbs));
    while value >= Fq::MODULUS {
        subtract(&mut value.0, &Fq::MODULUS.0);
    }
    Fq::new_unchecked(value)
}

fn subtract(from: &mut [u64; 6], what: &[u64; 6]) {
    let mut borrow = false;
    for (limb, what) in from.iter_mut().zip(what) {
        let (difference, first) = limb.overflowing_sub(*what);
        let (difference, second) = difference.overflowing_sub(u64::from(borrow));
        (*limb, borrow) = (difference, first || second);
    }
}

/// `value / 2^16 mod q`, below q if the value is: `(value + m q) / 2^16` with `m = value (-1/q) mod 2^16`.
fn divided(value: &[u64; 6]) -> [u64; 6] {
    let m = value[0].wrapping_mul(field::FACTOR) & 0xffff;
    let mut wide = [0u64; 7];
    let mut carry = 0u128;
    for ((out, limb), q) in wide.iter_mut().zip(value).zip(Fq::MODULUS.0) {
        carry += u128::from(m) * u128::from(q) + u128::from(*limb);
        let [low, high] = halves(carry);
        *out = low;
        carry = u128::from(high);
    }
    let [low, _] = halves(carry);
    wide[6] = low;
    std::array::from_fn(|i| wide[i] >> 16 | wide[i + 1] << 48)
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "the two halves of a wide number"
)]
const fn halves(wide: u128) -> [u64; 2] {
    [wide as u64, (wide >> 64) as u64]
}

/// What an addition leaves for the way back: the denominator of its slope, and the product of all before it.
#[derive(Debug)]
struct Step<const N: usize> {
    denominator: Element<N>,
    before: Element<N>,
}

/// Additions in lanes.
#[derive(Debug)]
pub(super) struct Lanes<const N: usize> {
    steps: Vec<Step<N>>,
}

impl<P, const N: usize> Adder<P> for Lanes<N>
where
    P: SWCurveConfig,
    P::BaseField: Coordinate,
{
    type Point = Packed<N>;
    const INFINITY: Packed<N> = Packed::INFINITY;

    fn new() -> Self {
        Self { steps: Vec::new() }
    }

    fn of(point: &Affine<P>) -> Packed<N> {
        Packed::of(point)
    }

    fn point(packed: &Packed<N>) -> Affine<P> {
        packed.point()
    }

    fn is_infinity(point: &Packed<N>) -> bool {
        point.is_infinity()
    }

    #[expect(
        unsafe_code,
        reason = "code for a processor that was asked for what it needs"
    )]
    fn add_all(&mut self, sums: &mut [Packed<N>], targets: &[usize], points: &[Packed<N>]) {
        // SAFETY: lanes are chosen where `available` said yes.
        let product = unsafe { denominators(&mut self.steps, sums, targets, points) };
        let Some(inverses) = inverted::<P, N>(&product) else {
            // A point and itself or its negative: rare, unless somebody wants it.
            let mut own: Vec<Affine<P>> = targets.iter().map(|to| sums[*to].point()).collect();
            let places: Vec<usize> = (0..own.len()).collect();
            let points: Vec<Affine<P>> = points.iter().map(Packed::point).collect();
            Portable::<P>::new().add_all(&mut own, &places, &points);
            for (target, sum) in targets.iter().zip(own) {
                sums[*target] = if sum.is_zero() {
                    Packed::INFINITY
                } else {
                    Packed::of(&sum)
                };
            }
            return;
        };
        // SAFETY: as above.
        unsafe { slopes(&self.steps, &inverses, sums, targets, points) };
    }
}

/// The inverse of each lane's number, or none if one has none.
fn inverted<P, const N: usize>(lanes: &[Parts<N>; 8]) -> Option<[Parts<N>; 8]>
where
    P: SWCurveConfig,
    P::BaseField: Coordinate,
{
    let numbers = lanes.map(|lane| P::BaseField::from_parts(|i| number(&lane[i])));
    let mut before = [P::BaseField::ONE; 8];
    let mut product = P::BaseField::ONE;
    for (before, number) in before.iter_mut().zip(&numbers) {
        *before = product;
        product *= number;
    }
    // A lane's a 2^416 is the library's a 2^32, and its inverse has to be the library's 2^32 / a.
    let scale = Fq::from(1u128 << 64);
    let mut inverse = product.inverted()?;
    let mut out = [[[0; LIMBS]; N]; 8];
    for ((out, before), number) in out.iter_mut().zip(&before).zip(&numbers).rev() {
        let own = inverse * before;
        inverse *= number;
        *out = std::array::from_fn(|i| repack(&(own.part(i) * scale).0.0));
    }
    Some(out)
}

/// The places of eight additions, the last one repeated where there are fewer.
fn group(start: usize, count: usize) -> [usize; 8] {
    std::array::from_fn(|lane| (start + lane).min(count - 1))
}

/// Forward: denominators of all slopes, and the product of those in each lane.
#[target_feature(enable = "avx512f,avx512ifma")]
fn denominators<const N: usize>(
    steps: &mut Vec<Step<N>>,
    sums: &[Packed<N>],
    targets: &[usize],
    points: &[Packed<N>],
) -> [Parts<N>; 8] {
    let mut product = element::all(&field::ONE);
    steps.clear();
    for start in (0..points.len()).step_by(8) {
        let group = group(start, points.len());
        let left = element::load(group.map(|place| &sums[targets[place]].x));
        let right = element::load(group.map(|place| &points[place].x));
        let denominator = element::difference(&right, &left);
        steps.push(Step {
            denominator,
            before: product,
        });
        product = element::product(&product, &denominator);
    }
    element::separate(&product)
}

/// Backward: slope = (y2 - y1) / (x2 - x1); x3 = slope^2 - x1 - x2, y3 = slope (x1 - x3) - y1.
#[target_feature(enable = "avx512f,avx512ifma")]
fn slopes<const N: usize>(
    steps: &[Step<N>],
    inverses: &[Parts<N>; 8],
    sums: &mut [Packed<N>],
    targets: &[usize],
    points: &[Packed<N>],
) {
    let mut inverse = element::load(inverses.each_ref());
    for (start, step) in (0..points.len()).step_by(8).zip(steps).rev() {
        let group = group(start, points.len());
        let own = element::product(&inverse, &step.before);
        inverse = element::product(&inverse, &step.denominator);
        let left = group.map(|place| &sums[targets[place]]);
        let x1 = element::load(left.map(|point| &point.x));
        let y1 = element::load(left.map(|point| &point.y));
        let right = group.map(|place| &points[place]);
        let x2 = element::load(right.map(|point| &point.x));
        let y2 = element::load(right.map(|point| &point.y));
        let slope = element::product(&element::difference(&y2, &y1), &own);
        let x3 = element::less_both(&element::square(&slope), &x1, &x2);
        let y3 = element::less(
            &element::product(&slope, &element::difference(&x1, &x3)),
            &y1,
        );
        let (x3, y3) = (element::separate(&x3), element::separate(&y3));
        let count = (points.len() - start).min(8);
        for ((place, x), y) in group.into_iter().zip(x3).zip(y3).take(count) {
            sums[targets[place]] = Packed { x, y };
        }
    }
}
