//! The buckets of one window, and sums of many points.

use ark_ec::short_weierstrass::{Projective, SWCurveConfig};
use ark_ff::{AdditiveGroup, Zero};

use crate::groth16::msm::{
    Position, Terms,
    batch::{Adder, Batch},
    coordinate::Coordinate,
};
use crate::prefetch::prefetch;

/// Points in neighbouring places that go to one bucket.
#[derive(Clone, Copy, Debug)]
struct Run {
    bucket: usize,
    length: usize,
}

/// Buckets 1, 2, ..., and the room in which points are added up before they go into one.
#[derive(Debug)]
pub(super) struct Buckets<P: SWCurveConfig, A: Adder<P>> {
    /// Bucket b is at b - 1.
    sums: Vec<A::Point>,
    batch: Batch<P, A>,
    /// Additions within runs and into buckets wait apart, because they have other targets.
    settling: Batch<P, A>,
    level: Vec<A::Point>,
    next: Vec<A::Point>,
    runs: Vec<Run>,
}

impl<P: SWCurveConfig, A: Adder<P>> Buckets<P, A>
where
    P::BaseField: Coordinate,
{
    pub(super) fn new(count: usize) -> Self {
        Self {
            sums: vec![A::INFINITY; count],
            batch: Batch::new(),
            settling: Batch::new(),
            level: Vec::new(),
            next: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Adds points, each to the bucket that stands beside it (from 1).
    pub(super) fn add(&mut self, terms: &Terms<'_, P>, entries: &[(u32, Position)]) {
        let sorted = self.sort(entries);
        self.halve(|place| {
            if let Some(ahead) = sorted.get(place + AHEAD) {
                terms.prefetch(*ahead);
            }
            A::of(&terms.point(sorted[place]))
        });
        while !self.runs.is_empty() {
            std::mem::swap(&mut self.level, &mut self.next);
            let level = std::mem::take(&mut self.level);
            self.halve(|place| level[place]);
            self.level = level;
        }
        self.settling.flush(&mut self.sums);
    }

    /// Counting sort by bucket; `runs` then says how many there are in each.
    fn sort(&mut self, entries: &[(u32, Position)]) -> Vec<Position> {
        let mut places = vec![0usize; self.sums.len() + 1];
        for (bucket, _) in entries {
            places[index(*bucket)] += 1;
        }
        self.runs.clear();
        let mut start = 0;
        for (bucket, place) in places.iter_mut().enumerate() {
            let length = *place;
            if length > 0 {
                self.runs.push(Run { bucket, length });
            }
            *place = start;
            start += length;
        }
        let mut sorted = vec![Position(0); entries.len()];
        for (bucket, position) in entries {
            let place = &mut places[index(*bucket)];
            sorted[*place] = *position;
            *place += 1;
        }
        sorted
    }

    /// One level of the tree over each run: neighbours are added, runs of one point go to their bucket.
    fn halve(&mut self, point: impl Fn(usize) -> A::Point) {
        self.next.clear();
        let mut place = 0;
        let mut kept = 0;
        for i in 0..self.runs.len() {
            let Run { bucket, length } = self.runs[i];
            if let Some(ahead) = self.runs.get(i + AHEAD)
                && ahead.length == 1
            {
                prefetch(&self.sums[ahead.bucket - 1]);
            }
            if length == 1 {
                self.settling.add(&mut self.sums, bucket - 1, point(place));
                place += 1;
                continue;
            }
            for _ in 0..length / 2 {
                let target = self.next.len();
                self.next.push(point(place));
                self.batch.add(&mut self.next, target, point(place + 1));
                place += 2;
            }
            if length % 2 == 1 {
                self.next.push(point(place));
                place += 1;
            }
            self.runs[kept] = Run {
                bucket,
                length: length.div_ceil(2),
            };
            kept += 1;
        }
        self.runs.truncate(kept);
        self.batch.flush(&mut self.next);
    }

    /// `sum_b b bucket_b`, for a number of buckets that is a power of two.
    ///
    /// Buckets are cut into segments of m. Within segment s, `run_s = sum_t bucket` and `weighted_s = sum_t t bucket`
    /// (t = 1..m) grow together in all segments, from the last bucket to the first; then
    /// `sum_b b bucket_b = sum_s weighted_s + m sum_s s run_s`.
    pub(super) fn weighted_sum(mut self) -> Projective<P> {
        let segments = SEGMENTS.min(self.sums.len().div_ceil(4));
        let length = self.sums.len() / segments;
        // The runs, and behind them the weighted sums, which take a run before it grows further.
        let mut both = vec![A::INFINITY; 2 * segments];
        for t in (0..length).rev() {
            for segment in 0..segments {
                let run = both[segment];
                self.batch.add(&mut both, segments + segment, run);
                let bucket = self.sums[segment * length + t];
                self.batch.add(&mut both, segment, bucket);
            }
            self.batch.flush(&mut both);
        }
        let (runs, weighted) = both.split_at_mut(segments);
        for (segment, run) in runs.iter().enumerate() {
            self.batch.add(weighted, segment, *run);
        }
        self.batch.flush(weighted);
        let mut outer = Projective::<P>::zero();
        let mut suffix = Projective::<P>::zero();
        for run in runs.iter().skip(1).rev() {
            suffix += A::point(run);
            outer += suffix;
        }
        for _ in 0..length.ilog2() {
            outer.double_in_place();
        }
        weighted
            .iter()
            .fold(outer, |sum, point| sum + A::point(point))
    }
}

/// How many points are fetched before they are needed.
const AHEAD: usize = 16;

/// Segments of the weighted sum: enough to share an inversion, few enough for the sum over them.
const SEGMENTS: usize = 512;

#[expect(
    clippy::as_conversions,
    reason = "u32 to usize: usize has at least 32 bits on every machine this runs on"
)]
const fn index(number: u32) -> usize {
    number as usize
}
