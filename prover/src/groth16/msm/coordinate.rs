//! The two fields that points have their coordinates in.

use ark_bls12_381::{Fq, Fq2};
use ark_ff::Field;

use crate::groth16::msm::inverse::inverse;

/// A number of the base field of G1 or G2.
pub trait Coordinate: Field {
    /// Numbers of the prime field in it.
    const PARTS: usize;

    /// Part i, c0 first.
    fn part(&self, i: usize) -> Fq;

    /// The number with these parts.
    fn from_parts(part: impl FnMut(usize) -> Fq) -> Self;

    /// What `inverse` gives, sooner.
    fn inverted(&self) -> Option<Self>;
}

impl Coordinate for Fq {
    const PARTS: usize = 1;

    fn part(&self, _first: usize) -> Self {
        *self
    }

    fn from_parts(mut part: impl FnMut(usize) -> Self) -> Self {
        part(0)
    }

    fn inverted(&self) -> Option<Self> {
        inverse(*self)
    }
}

impl Coordinate for Fq2 {
    const PARTS: usize = 2;

    fn part(&self, i: usize) -> Fq {
        [self.c0, self.c1][i]
    }

    fn from_parts(mut part: impl FnMut(usize) -> Fq) -> Self {
        Self::new(part(0), part(1))
    }

    /// `(c0 - c1 u) / (c0^2 + c1^2)`.
    fn inverted(&self) -> Option<Self> {
        let norm = inverse(self.c0.square() + self.c1.square())?;
        Some(Self::new(self.c0 * norm, -self.c1 * norm))
    }
}
