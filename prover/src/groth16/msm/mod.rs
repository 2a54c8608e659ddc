//! Sums of scalar multiples, `sum_i s_i P_i`: nine tenths of a proof.
//!
//! ```text
//!            s = 0       nothing
//! s_i ---->  s = +-1     added in pairs, pairs of pairs, ...              } every addition in affine coordinates, up to
//!            others      digits of c bits; window j: bucket |d_j| += +-P  } a thousand of them around one inversion
//!                        sum_j 2^(c j) sum_b b bucket_b
//! ```
//!
//! Source: Pippenger's buckets with signed digits, as in Bernstein et al., "Faster batch forgery identification" (2012),
//! section 4, and Montgomery's trick for the inversions. An affine addition costs 5 multiplications, 1 squaring and its
//! share of an inversion, against 8 and 2 in the best projective coordinates.
//!
//! Three things make it fit a prover. A witness made of bits costs one addition for each one, and small or small
//! negative scalars cost few windows: scalars are folded to `|s| <= r / 2` with a sign, and digits that are zero cost
//! nothing. The points of a bucket are sorted together and added as a tree, so that it does not matter how unequal the
//! buckets are. Windows of all sums are jobs of one pool, large ones split, so that no core waits for another; a job
//! works on a bounded piece of its window at a time, and no point of the key is copied beyond that.
//!
//! No time is constant here: like every Groth16 prover in use, it lets somebody who can measure the prover's machine
//! learn about the witness. Witnesses are stored data and their hashes.
//!
//! | module | what it is |
//! |---|---|
//! | `scalar` | folded scalars and their digits |
//! | `batch` | many affine additions, one inversion |
//! | `portable`, `lanes` | the two ways to carry them out: on every processor; eight at a time with AVX-512 IFMA |
//! | `points` | points where they lie in a key file |
//! | `inverse`, `coordinate` | the inversion; the fields of G1 and G2 |
//! | `bucket` | the buckets of one window |
//! | `job` | which windows, how large, in which pieces |

mod batch;
mod bucket;
mod coordinate;
mod inverse;
mod job;
#[cfg(target_arch = "x86_64")]
mod lanes;
mod points;
mod portable;
mod scalar;

#[cfg(test)]
mod tests;

use ark_bls12_381::Fr;
use ark_ec::short_weierstrass::{Affine, Projective, SWCurveConfig};
use rayon::prelude::*;

use crate::groth16::msm::{batch::Adder, job::Plan, portable::Portable};

pub use coordinate::Coordinate;
pub use points::Points;
pub use scalar::{Scalar, fold};

/// Points and the scalar of each; of two lengths the shorter counts.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a, P> {
    points: &'a Points<P>,
    scalars: &'a [Scalar],
}

impl<'a, P: SWCurveConfig> Terms<'a, P>
where
    P::BaseField: Coordinate,
{
    /// `sum scalars_i points_i`, yet to be summed.
    #[must_use]
    pub const fn new(points: &'a Points<P>, scalars: &'a [Scalar]) -> Self {
        Self { points, scalars }
    }

    /// Announces that a point will be wanted.
    fn prefetch(&self, position: Position) {
        self.points.prefetch(position.index());
    }

    /// The point at `position`, or its negative.
    fn point(&self, position: Position) -> Affine<P> {
        let point = self.points.get(position.index());
        if position.is_negative() {
            -point
        } else {
            point
        }
    }
}

/// The index of a term, and whether its point is to be subtracted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Position(u32);

impl Position {
    const SIGN: u32 = 1 << 31;

    /// `None` beyond two thousand million terms.
    fn new(index: usize, negative: bool) -> Option<Self> {
        let index = u32::try_from(index).ok().filter(|i| i & Self::SIGN == 0)?;
        Some(Self(if negative { index | Self::SIGN } else { index }))
    }

    const fn is_negative(self) -> bool {
        self.0 & Self::SIGN != 0
    }

    #[expect(
        clippy::as_conversions,
        reason = "u32 to usize: usize has at least 32 bits on every machine this runs on"
    )]
    const fn index(self) -> usize {
        (self.0 & !Self::SIGN) as usize
    }

    const fn with_sign_changed(self, change: bool) -> Self {
        Self(if change { self.0 ^ Self::SIGN } else { self.0 })
    }
}

/// Each of the sums, on all cores of the pool it is called in.
pub fn sums<P, const N: usize>(all: [Terms<'_, P>; N]) -> [Projective<P>; N]
where
    P: SWCurveConfig<ScalarField = Fr>,
    P::BaseField: Coordinate,
{
    paced_sums(all, &|| ())
}

/// Each of the sums; `pass` is called between pieces of work of some ten milliseconds, by every thread, and may wait.
pub(crate) fn paced_sums<P, const N: usize>(
    all: [Terms<'_, P>; N],
    pass: &(impl Fn() + Sync),
) -> [Projective<P>; N]
where
    P: SWCurveConfig<ScalarField = Fr>,
    P::BaseField: Coordinate,
{
    #[cfg(target_arch = "x86_64")]
    if lanes::available() {
        return if P::BaseField::PARTS == 1 {
            sums_by::<P, lanes::Lanes<1>, N>(all, pass)
        } else {
            sums_by::<P, lanes::Lanes<2>, N>(all, pass)
        };
    }
    sums_by::<P, Portable<P>, N>(all, pass)
}

/// The sums in the way that every processor has: what lanes are compared with.
pub fn portable_sums<P, const N: usize>(all: [Terms<'_, P>; N]) -> [Projective<P>; N]
where
    P: SWCurveConfig<ScalarField = Fr>,
    P::BaseField: Coordinate,
{
    sums_by::<P, Portable<P>, N>(all, &|| ())
}

/// The sums, with additions carried out in one of the ways there are.
fn sums_by<P, A, const N: usize>(
    all: [Terms<'_, P>; N],
    pass: &(impl Fn() + Sync),
) -> [Projective<P>; N]
where
    P: SWCurveConfig<ScalarField = Fr>,
    P::BaseField: Coordinate,
    A: Adder<P>,
{
    let plans: Vec<Plan> = all.par_iter().map(Plan::of).collect();
    let jobs: Vec<_> = plans
        .iter()
        .enumerate()
        .flat_map(|(sum, plan)| plan.jobs().map(move |job| (sum, job)))
        .collect();
    let parts: Vec<(usize, usize, Projective<P>)> = jobs
        .into_par_iter()
        .with_max_len(1)
        .map(|(sum, job)| (sum, job.shift(), job.run::<P, A>(&all[sum], pass)))
        .collect();
    std::array::from_fn(|sum| {
        let own = parts.iter().filter(|part| part.0 == sum);
        plans[sum].combine(own.map(|(_, shift, part)| (*shift, *part)))
    })
}
