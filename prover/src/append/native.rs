//! The witness of an append, and the statement decided by a Merkle opening.

use super::statement::AppendStatement;
use crate::error::AppendError;
use crate::merkle_path::{Group, Place};
use crate::params::ParamSet;
use ark_ff::AdditiveGroup;
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::{Fr, ProviderTreeError, SectorKind, TreeKind, domain};

/// What shows an append.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendWitness {
    /// The groups from place `count`, still empty, to the root before.
    pub path: Vec<Group>,
}

impl AppendWitness {
    /// The witness of an append to this tree.
    ///
    /// # Errors
    /// The tree is full.
    pub fn of(tree: &ProviderTree) -> Result<Self, ProviderTreeError> {
        Ok(Self {
            path: tree.path_of_place(tree.count())?,
        })
    }
}

/// Decides the statement.
///
/// # Errors
/// Why it is not shown.
pub fn check(
    set: &ParamSet,
    statement: &AppendStatement,
    witness: &AppendWitness,
) -> Result<(), AppendError> {
    statement.check(set)?;
    let comm_r = statement.comm_r.to_fr();
    if statement.kind == SectorKind::Hot && comm_r != domain::comm_r_hot(statement.comm_d.to_fr()) {
        return Err(AppendError::HotCommR);
    }
    let leaf = domain::provider_leaf(comm_r, statement.sector_number, statement.kind);
    let place = Place {
        kind: TreeKind::Provider,
        log2_leaves: 4 * set.tree_levels,
        index: u64::from(statement.count),
    };
    let (before, after) = place.replace(Fr::ZERO, leaf, &witness.path)?;
    if before != statement.root0.to_fr() {
        return Err(AppendError::RootBefore);
    }
    if after != statement.root1.to_fr() {
        return Err(AppendError::RootAfter);
    }
    Ok(())
}
