//! The witness of a retirement, and the statement decided by Merkle openings.

use super::statement::RetireStatement;
use crate::error::RetireError;
use crate::merkle_path::{Group, Place};
use crate::params::ParamSet;
use ark_ff::AdditiveGroup;
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::{Fr, ProviderTreeError, SectorKind, TreeKind, domain};

/// What a provider leaf is the hash of, but for the sector's number, which is public here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectorLeaf {
    /// What the sector is committed to.
    pub comm_r: Fr,
    /// How it is stored.
    pub kind: SectorKind,
}

/// What shows a retirement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetireWitness {
    /// The sector that is removed.
    pub removed: SectorLeaf,
    /// The last sector, which takes its place.
    pub moved: SectorLeaf,
    /// The groups from place `count - 1` to the root before.
    pub last_path: Vec<Group>,
    /// The groups from place `index` to the root of the tree without the last sector.
    pub hole_path: Vec<Group>,
}

impl RetireWitness {
    /// The witness for the removal of the sector at `index` of this tree.
    ///
    /// # Errors
    /// No sector stands at `index`.
    pub fn of(
        tree: &ProviderTree,
        index: u32,
        removed: SectorLeaf,
        moved: SectorLeaf,
    ) -> Result<Self, ProviderTreeError> {
        let (index, count) = (u64::from(index), tree.count());
        let last = count.checked_sub(1).filter(|last| index <= *last);
        let last = last.ok_or(ProviderTreeError::IndexOutside { index, count })?;
        let mut without_last = tree.clone();
        without_last.remove(last)?;
        Ok(Self {
            removed,
            moved,
            last_path: tree.path_of_place(last)?,
            hole_path: without_last.path_of_place(index)?,
        })
    }
}

/// Decides the statement.
///
/// # Errors
/// Why it is not shown.
pub fn check(
    set: &ParamSet,
    statement: &RetireStatement,
    witness: &RetireWitness,
) -> Result<(), RetireError> {
    statement.check(set)?;
    let last = statement.count - 1;
    let leaf =
        |number: u64, sector: SectorLeaf| domain::provider_leaf(sector.comm_r, number, sector.kind);
    let removed = leaf(statement.removed_number, witness.removed);
    let moved = leaf(statement.moved_number, witness.moved);
    let place = |index: u32| Place {
        kind: TreeKind::Provider,
        log2_leaves: 4 * set.tree_levels,
        index: u64::from(index),
    };
    let (root0, root1) = place(last)
        .replace(moved, Fr::ZERO, &witness.last_path)
        .map_err(RetireError::LastPath)?;
    if root0 != statement.root0.to_fr() {
        return Err(RetireError::RootBefore);
    }
    let (hole, filling) = if statement.index == last {
        if moved != removed {
            return Err(RetireError::NotTheLast);
        }
        (Fr::ZERO, Fr::ZERO)
    } else {
        (removed, moved)
    };
    let (between, root2) = place(statement.index)
        .replace(hole, filling, &witness.hole_path)
        .map_err(RetireError::HolePath)?;
    if between != root1 {
        return Err(RetireError::RootBetween);
    }
    if root2 != statement.root2.to_fr() {
        return Err(RetireError::RootAfter);
    }
    Ok(())
}
