//! Many additions of points in affine coordinates around one inversion.

use ark_ec::short_weierstrass::{Affine, SWCurveConfig};

/// Additions in a batch. An inversion costs about 300 multiplications, so a batch makes its share small; two batches of
/// points are 200 kB, which the nearest caches hold.
const BATCH: usize = 1024;

/// A way to carry out many additions.
pub(super) trait Adder<P: SWCurveConfig> {
    /// How it holds a point.
    type Point: Copy;
    /// The point at infinity.
    const INFINITY: Self::Point;

    fn new() -> Self;

    fn is_infinity(point: &Self::Point) -> bool;

    /// A point that is not infinity.
    fn of(point: &Affine<P>) -> Self::Point;

    fn point(point: &Self::Point) -> Affine<P>;

    /// `sums[target] += point` for each target with its point; no target occurs twice, and neither side is infinity.
    fn add_all(&mut self, sums: &mut [Self::Point], targets: &[usize], points: &[Self::Point]);
}

/// Collects additions `sums[target] += point` and carries them out together.
///
/// While additions wait, their targets must not change and each target may occur once; `flush` ends the wait.
#[derive(Debug)]
pub(super) struct Batch<P: SWCurveConfig, A: Adder<P>> {
    targets: Vec<usize>,
    points: Vec<A::Point>,
    adder: A,
}

impl<P: SWCurveConfig, A: Adder<P>> Batch<P, A> {
    pub(super) fn new() -> Self {
        Self {
            targets: Vec::with_capacity(BATCH),
            points: Vec::with_capacity(BATCH),
            adder: A::new(),
        }
    }

    /// Adds `point` to `sums[target]`, at the latest when flushed.
    pub(super) fn add(&mut self, sums: &mut [A::Point], target: usize, point: A::Point) {
        if A::is_infinity(&point) {
            return;
        }
        if A::is_infinity(&sums[target]) {
            sums[target] = point;
            return;
        }
        self.targets.push(target);
        self.points.push(point);
        if self.targets.len() == BATCH {
            self.flush(sums);
        }
    }

    /// Carries out what waits.
    pub(super) fn flush(&mut self, sums: &mut [A::Point]) {
        if self.targets.is_empty() {
            return;
        }
        self.adder.add_all(sums, &self.targets, &self.points);
        self.targets.clear();
        self.points.clear();
    }
}
