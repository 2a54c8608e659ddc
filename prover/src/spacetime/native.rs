//! The witness of a proof of spacetime, and the statement decided by Merkle openings.

use super::index::{SampleIndex, samples};
use super::statement::SpacetimeStatement;
use crate::error::SpacetimeError;
use crate::merkle_path::{Group, Place};
use crate::params::ParamSet;
use ark_ff::AdditiveGroup;
use cairn_merkle::tree::Opening;
use cairn_merkle::{Fr, SectorKind, TreeKind, domain};

/// What shows one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedSample {
    /// The leaf and its path to the root of the sector's tree (D-tree if hot, R-tree if sealed).
    pub leaf: Opening,
    /// Commitment to the labels; zero if hot.
    pub comm_c: Fr,
    /// How the sector is stored.
    pub kind: SectorKind,
    /// The sector's number.
    pub number: u64,
    /// The groups from the sector's leaf to the provider's root.
    pub provider: Vec<Group>,
}

/// One sample: shown, or one of the declared skips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sample {
    /// It is shown.
    Opened(OpenedSample),
    /// It is not.
    Skipped,
}

/// What a prover knows: one [`Sample`] for each of [`samples`](super::samples()), in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpacetimeWitness {
    /// The samples.
    pub samples: Vec<Sample>,
}

/// Decides the statement.
///
/// # Errors
/// Why it is not shown; [`SpacetimeError::LeafPath`] and [`SpacetimeError::Root`] name sector and leaf.
pub fn check(
    set: &ParamSet,
    statement: &SpacetimeStatement,
    witness: &SpacetimeWitness,
) -> Result<(), SpacetimeError> {
    statement.check(set)?;
    let indices = samples(set, statement);
    if indices.len() != witness.samples.len() {
        return Err(SpacetimeError::Samples {
            expected: indices.len(),
            got: witness.samples.len(),
        });
    }
    let mut skipped = 0;
    for (place, (index, sample)) in indices.into_iter().zip(&witness.samples).enumerate() {
        match sample {
            Sample::Opened(opened) => check_sample(set, statement, opened, index, place)?,
            Sample::Skipped => skipped += 1,
        }
    }
    if usize::from(statement.skips) != skipped {
        return Err(SpacetimeError::Skips {
            declared: statement.skips,
            got: skipped,
        });
    }
    Ok(())
}

fn check_sample(
    set: &ParamSet,
    statement: &SpacetimeStatement,
    opened: &OpenedSample,
    index: SampleIndex,
    sample: usize,
) -> Result<(), SpacetimeError> {
    let SampleIndex { sector, leaf } = index;
    let in_sector = Place {
        kind: opened.kind.tree_kind(),
        log2_leaves: set.sector_log2_leaves,
        index: leaf,
    };
    let sector_root = in_sector
        .climb(1, opened.leaf.leaf, &opened.leaf.groups)
        .map_err(|source| SpacetimeError::LeafPath {
            sample,
            sector,
            leaf,
            source,
        })?;
    if opened.kind == SectorKind::Hot && opened.comm_c != Fr::ZERO {
        return Err(SpacetimeError::HotWithLabels { sample });
    }
    let comm_r = domain::comm_r_sealed(opened.comm_c, sector_root);
    let provider_leaf = domain::provider_leaf(comm_r, opened.number, opened.kind);
    let root = provider_place(set, sector)
        .climb(1, provider_leaf, &opened.provider)
        .map_err(|source| SpacetimeError::ProviderPath {
            sample,
            sector,
            source,
        })?;
    if root != statement.root.to_fr() {
        return Err(SpacetimeError::Root {
            sample,
            sector,
            leaf,
        });
    }
    if statement.sector_number != 0 && statement.sector_number != opened.number {
        return Err(SpacetimeError::SectorNumber {
            sample,
            expected: statement.sector_number,
            got: opened.number,
        });
    }
    Ok(())
}

fn provider_place(set: &ParamSet, sector: u32) -> Place {
    Place {
        kind: TreeKind::Provider,
        log2_leaves: 4 * set.tree_levels,
        index: u64::from(sector),
    }
}

/// What stands in the circuit for a sample that is not shown: paths that lead to some other root.
pub(super) fn stand_in(set: &ParamSet, index: SampleIndex) -> OpenedSample {
    let kind = SectorKind::Hot;
    let in_sector = Place {
        kind: kind.tree_kind(),
        log2_leaves: set.sector_log2_leaves,
        index: index.leaf,
    };
    let groups = in_sector.hollow(Fr::ZERO);
    let sector_root = in_sector.climb(1, Fr::ZERO, &groups).unwrap_or(Fr::ZERO);
    let provider_leaf = domain::provider_leaf(domain::comm_r_hot(sector_root), 0, kind);
    OpenedSample {
        leaf: Opening {
            leaf: Fr::ZERO,
            groups,
        },
        comm_c: Fr::ZERO,
        kind,
        number: 0,
        provider: provider_place(set, index.sector).hollow(provider_leaf),
    }
}
