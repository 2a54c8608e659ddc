//! A tree with every row in memory.

use super::hash::{padded_group, rows};
use super::opening::Opening;
use super::shape::{ARITY, ARITY_LOG2, Shape};
use crate::domain::TreeKind;
use crate::error::{ShapeError, TreeError};
use ark_bls12_381::Fr;
use ark_ff::AdditiveGroup;

/// A tree with every row in memory: for small trees and tests; sectors use [`super::SparseTree`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    kind: TreeKind,
    shape: Shape,
    rows: Vec<Vec<Fr>>,
}

impl Tree {
    /// The tree over `leaves`. Runs on all cores.
    ///
    /// # Errors
    /// [`ShapeError`] unless the number of leaves is a power of two from 2 to 2^40.
    pub fn build(kind: TreeKind, leaves: &[Fr]) -> Result<Self, ShapeError> {
        let shape = Shape::of_leaves(leaves.len() as u64)?;
        Ok(Self {
            kind,
            shape,
            rows: rows(kind, leaves, shape.levels()),
        })
    }

    /// What the tree is over.
    #[must_use]
    pub const fn kind(&self) -> TreeKind {
        self.kind
    }

    /// Its size.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> Fr {
        self.row(self.shape.levels())
            .first()
            .copied()
            .unwrap_or(Fr::ZERO)
    }

    /// The nodes of a level, 0 = leaves; empty above the root.
    #[must_use]
    pub fn row(&self, level: u32) -> &[Fr] {
        self.rows.get(level as usize).map_or(&[], Vec::as_slice)
    }

    /// The opening of leaf `index`.
    ///
    /// # Errors
    /// [`TreeError::IndexOutside`] if there is no such leaf.
    pub fn open(&self, index: u64) -> Result<Opening, TreeError> {
        let leaves = self.shape.leaves();
        let outside = TreeError::IndexOutside { index, leaves };
        let at = usize::try_from(index).map_err(|_| outside)?;
        let leaf = *self.row(0).get(at).ok_or(outside)?;
        let groups = groups_of(&self.rows[..self.rows.len() - 1], index);
        Ok(Opening { leaf, groups })
    }
}

/// The group of 16 that place `index` of the lowest row lies in, then its parent's, and so on up the rows.
pub(super) fn groups_of(rows: &[Vec<Fr>], mut index: u64) -> Vec<[Fr; ARITY]> {
    rows.iter()
        .map(|row| {
            index >>= ARITY_LOG2;
            let first = usize::try_from(index)
                .unwrap_or(usize::MAX)
                .saturating_mul(ARITY);
            padded_group(row.get(first..).unwrap_or_default())
        })
        .collect()
}
