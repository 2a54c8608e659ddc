//! Points as a key file has them, read where they lie.

use std::marker::PhantomData;

use ark_bls12_381::Fq;
use ark_ec::short_weierstrass::{Affine, SWCurveConfig};
use ark_ff::{BigInt, PrimeField};
use bytes::Bytes;
use rayon::prelude::*;

use crate::{groth16::msm::coordinate::Coordinate, prefetch::prefetch};

/// Bytes of a number of the prime field: six limbs of 64 bits, little-endian, of the number times 2^384 mod q.
///
/// That is how the curve library holds it in memory: nothing is computed when it is read.
const NUMBER_BYTES: usize = 48;

/// A list of points of one group.
///
/// A point is x and y, each with the parts c0, c1 of its field one after the other: 96 bytes in G1, 192 in G2. Infinity is all
/// zero, which is no point of either curve.
#[derive(Clone)]
pub struct Points<P> {
    bytes: Bytes,
    curve: PhantomData<P>,
}

impl<P> std::fmt::Debug for Points<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Points({} bytes)", self.bytes.len())
    }
}

impl<P> Points<P>
where
    P: SWCurveConfig,
    P::BaseField: Coordinate,
{
    /// Bytes of a point.
    pub const POINT_BYTES: usize = 2 * P::BaseField::PARTS * NUMBER_BYTES;

    /// These points, written out.
    #[must_use]
    pub fn of(points: &[Affine<P>]) -> Self {
        let mut bytes = vec![0; points.len() * Self::POINT_BYTES];
        bytes
            .par_chunks_exact_mut(Self::POINT_BYTES)
            .zip(points)
            .for_each(|(to, point)| write(to, point));
        Self {
            bytes: bytes.into(),
            curve: PhantomData,
        }
    }

    /// The points in these bytes, whatever they are; a rest that is no whole point is none.
    pub(crate) const fn in_bytes(bytes: Bytes) -> Self {
        Self {
            bytes,
            curve: PhantomData,
        }
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / Self::POINT_BYTES
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, as they are kept.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether every number is below the field's order, as that of every number written by [`Self::of`] is.
    pub(crate) fn are_canonical(&self) -> bool {
        self.bytes
            .par_chunks(NUMBER_BYTES)
            .with_min_len(1024)
            .all(|number| limbs(number) < Fq::MODULUS)
    }

    /// One point.
    ///
    /// # Panics
    /// There is none at this place.
    pub fn get(&self, index: usize) -> Affine<P> {
        let bytes = self.at(index);
        let (x, y) = bytes.split_at(Self::POINT_BYTES / 2);
        Affine::new_unchecked(coordinate::<P>(x), coordinate::<P>(y))
    }

    /// Whether a point is infinity.
    pub(super) fn is_infinity(&self, index: usize) -> bool {
        self.at(index).iter().all(|byte| *byte == 0)
    }

    /// Announces that a point will be wanted.
    pub(super) fn prefetch(&self, index: usize) {
        prefetch(self.at(index));
    }

    fn at(&self, index: usize) -> &[u8] {
        &self.bytes[index * Self::POINT_BYTES..][..Self::POINT_BYTES]
    }

    /// All points, in the curve library's form.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Affine<P>> {
        (0..self.len()).map(|index| self.get(index)).collect()
    }
}

fn write<P: SWCurveConfig>(to: &mut [u8], point: &Affine<P>)
where
    P::BaseField: Coordinate,
{
    let coordinates = [point.x, point.y];
    let parts = coordinates
        .iter()
        .flat_map(|coordinate| (0..P::BaseField::PARTS).map(|part| coordinate.part(part)));
    for (to, part) in to.chunks_exact_mut(NUMBER_BYTES).zip(parts) {
        for (to, limb) in to.as_chunks_mut().0.iter_mut().zip(part.0.0) {
            *to = limb.to_le_bytes();
        }
    }
}

#[inline]
fn coordinate<P: SWCurveConfig>(bytes: &[u8]) -> P::BaseField
where
    P::BaseField: Coordinate,
{
    P::BaseField::from_parts(|part| {
        Fq::new_unchecked(limbs(&bytes[part * NUMBER_BYTES..][..NUMBER_BYTES]))
    })
}

#[inline]
fn limbs(bytes: &[u8]) -> BigInt<6> {
    let mut out = [0; 6];
    for (limb, bytes) in out.iter_mut().zip(bytes.as_chunks().0) {
        *limb = u64::from_le_bytes(*bytes);
    }
    BigInt(out)
}
