//! Which windows a sum has, and the pieces of work that cores share.

use ark_bls12_381::Fr;
use ark_ec::short_weierstrass::{Projective, SWCurveConfig};
use ark_ff::{AdditiveGroup, Zero};

use crate::groth16::msm::{
    Position, Terms,
    batch::Adder,
    bucket::Buckets,
    coordinate::Coordinate,
    scalar::{MAGNITUDE_BITS, Windows},
};

/// Terms that a job works on at a time: bounds its memory (6 MB of points in G1) and keeps it near the caches.
const PIECE: usize = 1 << 16;

/// Terms with scalar one in a job.
const ONES_PER_JOB: usize = 1 << 15;

/// Widest digits: buckets of a wider window fall out of the caches, and its digits out of their type.
const MAX_WIDTH: usize = 16;

/// Terms sorted by what they cost.
#[derive(Debug)]
pub(super) struct Plan {
    /// Scalar one or minus one.
    ones: Vec<Position>,
    /// Larger scalars.
    others: Vec<Position>,
    windows: Windows,
}

impl Plan {
    /// Sorts terms, leaves out those that add nothing, and chooses the width of windows.
    pub(super) fn of<P: SWCurveConfig<ScalarField = Fr>>(terms: &Terms<'_, P>) -> Self
    where
        P::BaseField: Coordinate,
    {
        let mut plan = Self {
            ones: Vec::new(),
            others: Vec::new(),
            windows: Windows::new(2, 0),
        };
        // How many scalars have so many bits.
        let mut sizes = [0usize; MAGNITUDE_BITS + 1];
        let count = terms.points.len().min(terms.scalars.len());
        for (i, scalar) in terms.scalars[..count].iter().enumerate() {
            let bits = scalar.bits();
            if bits == 0 || terms.points.is_infinity(i) {
                continue;
            }
            let Some(position) = Position::new(i, scalar.is_negative()) else {
                break;
            };
            if bits == 1 {
                plan.ones.push(position);
            } else {
                plan.others.push(position);
                sizes[usize::try_from(bits).unwrap_or(MAGNITUDE_BITS)] += 1;
            }
        }
        plan.windows = cheapest(&sizes);
        plan
    }

    /// Independent pieces of the sum.
    pub(super) fn jobs(&self) -> impl Iterator<Item = Job<'_>> {
        let windows = (0..self.windows.count()).map(|window| Job::Window {
            terms: &self.others,
            windows: self.windows,
            window,
        });
        windows.chain(self.ones.chunks(ONES_PER_JOB).map(Job::Ones))
    }

    /// The sum from the results of the jobs and the powers of two that they count.
    pub(super) fn combine<P: SWCurveConfig>(
        &self,
        parts: impl DoubleEndedIterator<Item = (usize, Projective<P>)> + Clone,
    ) -> Projective<P> {
        let mut sum = Projective::zero();
        for window in (0..self.windows.count().max(1)).rev() {
            for _ in 0..self.windows.width() {
                sum.double_in_place();
            }
            for (_, part) in parts.clone().filter(|part| part.0 == window) {
                sum += part;
            }
        }
        sum
    }
}

/// The windows with the fewest additions, given how many scalars have 0, 1, 2, ... bits.
fn cheapest(sizes: &[usize]) -> Windows {
    let Some(bits) = sizes.iter().rposition(|count| *count > 0) else {
        return Windows::new(2, 0);
    };
    let cost = |windows: &Windows| {
        let additions: usize = sizes
            .iter()
            .enumerate()
            .map(|(bits, count)| count * (bits + 1).div_ceil(windows.width()))
            .sum();
        // Two additions a bucket, in smaller batches than the others.
        additions + windows.count() * windows.buckets() * 5 / 2
    };
    (2..=MAX_WIDTH)
        .map(|width| Windows::new(width, bits))
        .min_by_key(cost)
        .unwrap_or_else(|| Windows::new(2, bits))
}

/// One piece of a sum.
#[derive(Clone, Copy, Debug)]
pub(super) enum Job<'a> {
    /// `sum +-P`.
    Ones(&'a [Position]),
    /// `sum d_window P`.
    Window {
        /// The terms.
        terms: &'a [Position],
        /// How scalars are cut.
        windows: Windows,
        /// Which digit.
        window: usize,
    },
}

impl Job<'_> {
    /// The number of the window whose power of two the result counts.
    pub(super) const fn shift(&self) -> usize {
        match self {
            Self::Ones(_) => 0,
            Self::Window { window, .. } => *window,
        }
    }

    pub(super) fn run<P: SWCurveConfig, A: Adder<P>>(
        self,
        terms: &Terms<'_, P>,
        pass: &impl Fn(),
    ) -> Projective<P>
    where
        P::BaseField: Coordinate,
    {
        let mut entries = Vec::with_capacity(PIECE);
        match self {
            Self::Ones(positions) => {
                pass();
                let mut buckets = Buckets::<P, A>::new(1);
                entries.extend(positions.iter().map(|position| (1, *position)));
                buckets.add(terms, &entries);
                buckets.weighted_sum()
            }
            Self::Window {
                terms: positions,
                windows,
                window,
            } => {
                let mut buckets = Buckets::<P, A>::new(windows.buckets());
                for piece in positions.chunks(PIECE) {
                    pass();
                    entries.clear();
                    entries.extend(piece.iter().filter_map(|position| {
                        let scalar = terms.scalars[position.index()];
                        let (digit, negative) = windows.digit(scalar, window);
                        let bucket = u32::try_from(digit).ok().filter(|digit| *digit > 0)?;
                        Some((bucket, position.with_sign_changed(negative)))
                    }));
                    buckets.add(terms, &entries);
                }
                buckets.weighted_sum()
            }
        }
    }
}
