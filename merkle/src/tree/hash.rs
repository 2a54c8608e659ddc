//! Hashing nodes, rows and whole trees.

use super::shape::{ARITY, MAX_LEVELS, Shape};
use crate::domain::{TreeKind, level_constant};
use crate::error::ShapeError;
use crate::poseidon2::{self, Child, Engine, compress_groups};
use ark_bls12_381::Fr;
use ark_ff::AdditiveGroup;
use rayon::prelude::*;
use std::sync::LazyLock;

/// Nodes hashed by one rayon job: 0.3 to 2 ms of work.
const NODES_PER_JOB: usize = 128;

/// The node over 16 children: `H(children) + c(type, level)`; level 1 = parents of leaves.
#[must_use]
pub fn node(kind: TreeKind, level: u32, children: &[Fr; ARITY]) -> Fr {
    poseidon2::compress(children) + level_constant(kind, level)
}

/// Up to 16 children, the rest zero.
pub(crate) fn padded_group(children: &[Fr]) -> [Fr; ARITY] {
    let mut group = [Fr::ZERO; ARITY];
    for (place, child) in group.iter_mut().zip(children) {
        *place = *child;
    }
    group
}

/// The row of level `level` over the row below it; a last group of fewer than 16 is zero padded. Runs on all cores.
pub(super) fn parents<C: Child>(kind: TreeKind, level: u32, children: &[C]) -> Vec<Fr> {
    if children.len() <= ARITY * NODES_PER_JOB {
        return parents_here(kind, level, children);
    }
    let (engine, constant) = (Engine::best(), level_constant(kind, level));
    let mut row = vec![Fr::ZERO; children.len().div_ceil(ARITY)];
    row.par_chunks_mut(NODES_PER_JOB)
        .zip(children.par_chunks(ARITY * NODES_PER_JOB))
        .for_each(|(row, children)| compress_groups(engine, children, constant, row));
    row
}

/// As [`parents`], on this thread.
pub(crate) fn parents_here<C: Child>(kind: TreeKind, level: u32, children: &[C]) -> Vec<Fr> {
    let mut row = vec![Fr::ZERO; children.len().div_ceil(ARITY)];
    let constant = level_constant(kind, level);
    compress_groups(Engine::best(), children, constant, &mut row);
    row
}

/// Every row from the leaves to the root.
pub(super) fn rows(kind: TreeKind, leaves: &[Fr], levels: u32) -> Vec<Vec<Fr>> {
    let mut rows = vec![leaves.to_vec()];
    for level in 1..=levels {
        let row = parents(kind, level, rows.last().map_or(&[], Vec::as_slice));
        rows.push(row);
    }
    rows
}

/// The root over `leaves`, without keeping the rows. Runs on all cores.
///
/// # Errors
/// [`ShapeError`] unless the number of leaves is a power of two from 2 to 2^40.
pub fn root(kind: TreeKind, leaves: &[Fr]) -> Result<Fr, ShapeError> {
    let shape = Shape::of_leaves(leaves.len() as u64)?;
    Ok(climb(kind, 1, shape.levels(), parents(kind, 1, leaves)))
}

/// From a complete row of level `level` up to the only node of level `levels`.
fn climb(kind: TreeKind, mut level: u32, levels: u32, mut row: Vec<Fr>) -> Fr {
    while level < levels {
        level += 1;
        row = parents(kind, level, &row);
    }
    row.first().copied().unwrap_or(Fr::ZERO)
}

static ZERO_NODES: LazyLock<[[Fr; MAX_LEVELS + 1]; 4]> = LazyLock::new(|| {
    TreeKind::ALL.map(|kind| {
        let mut nodes = [Fr::ZERO; MAX_LEVELS + 1];
        let mut below = Fr::ZERO;
        for (level, place) in (1..).zip(&mut nodes[1..]) {
            below = node(kind, level, &[below; ARITY]);
            *place = below;
        }
        nodes
    })
});

/// The node of level `level` over nothing but zero leaves, all levels full; level 0 is the zero leaf. Levels stop at
/// ten, the depth of the deepest tree.
#[must_use]
pub fn zero_node(kind: TreeKind, level: u32) -> Fr {
    let kind = match kind {
        TreeKind::Data => 0,
        TreeKind::Column => 1,
        TreeKind::Replica => 2,
        TreeKind::Provider => 3,
    };
    ZERO_NODES[kind][(level as usize).min(MAX_LEVELS)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter::successors;

    fn count(n: usize) -> Vec<Fr> {
        successors(Some(Fr::from(1u64)), |x| Some(*x + Fr::from(1u64)))
            .take(n)
            .collect()
    }

    #[test]
    fn a_tree_of_32_leaves_by_hand() {
        let leaves = count(32);
        let left = node(TreeKind::Data, 1, &padded_group(&leaves[..16]));
        let right = node(TreeKind::Data, 1, &padded_group(&leaves[16..]));
        let top = node(TreeKind::Data, 2, &padded_group(&[left, right]));
        assert_eq!(root(TreeKind::Data, &leaves), Ok(top));
    }

    #[test]
    fn kind_and_level_separate_equal_children() {
        let children = padded_group(&count(16));
        let nodes: Vec<Fr> = TreeKind::ALL
            .into_iter()
            .flat_map(|kind| [1, 2].map(|level| node(kind, level, &children)))
            .collect();
        for (i, a) in nodes.iter().enumerate() {
            assert!(!nodes[..i].contains(a), "node {i} repeats an earlier one");
        }
    }

    #[test]
    fn zero_nodes_are_the_roots_of_zero_trees() {
        for (level, leaves) in [(1, 16), (2, 256), (3, 4096)] {
            assert_eq!(
                root(TreeKind::Replica, &vec![Fr::ZERO; leaves]),
                Ok(zero_node(TreeKind::Replica, level))
            );
        }
        assert_eq!(zero_node(TreeKind::Data, 0), Fr::ZERO);
    }

    #[test]
    fn one_job_and_many_jobs_give_the_same_row() {
        let leaves = count(ARITY * NODES_PER_JOB + 5 * ARITY);
        let many = parents(TreeKind::Data, 1, &leaves);
        let one: Vec<Fr> = leaves
            .chunks(ARITY)
            .map(|group| node(TreeKind::Data, 1, &padded_group(group)))
            .collect();
        assert_eq!(many, one);
    }

    #[test]
    fn a_number_of_leaves_that_is_no_power_of_two_is_refused() {
        assert_eq!(
            root(TreeKind::Data, &count(3)),
            Err(ShapeError::LeafCount { leaves: 3 })
        );
        assert_eq!(
            root(TreeKind::Data, &[]),
            Err(ShapeError::LeafCount { leaves: 0 })
        );
    }
}
