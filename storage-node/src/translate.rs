//! The one place where what travels (wire, contracts) becomes what is proven (prover).

use cairn_contracts::{Activation, ChallengeInfo};
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::tree::Opening;
use cairn_merkle::{Commitment, Fr, ProviderTreeError, domain, field};
use cairn_prover::append::{AppendStatement, AppendWitness};
use cairn_prover::error::StatementError;
use cairn_prover::include::{IncludeStatement, IncludeWitness, PlacedPiece};
use cairn_prover::params::ParamSet;
use cairn_prover::spacetime::{OpenedSample, Sample, SpacetimeStatement};
use cairn_wire::{PieceTerms, SectorKind, SectorNumber, Signature};

use crate::chain::TreeEntry;
use crate::sector::Place;

/// The statement of a window over a frozen tree; `None` when the seed is no field element.
#[must_use]
pub(crate) fn window_statement(
    set: &ParamSet,
    root: Commitment,
    seed: &[u8; 32],
    count: u32,
) -> Option<SpacetimeStatement> {
    let seed = field::from_bytes(seed).ok()?;
    Some(SpacetimeStatement::window(set, root, seed, count))
}

/// The statement of a direct challenge about the 2^b leaves from `offset_leaves` on of the sector that stands at `index`;
/// `None` when the seed is no field element.
#[must_use]
pub(crate) fn challenge_statement(
    (root, count, index): (Commitment, u32, u32),
    seed: &[u8; 32],
    challenge: &ChallengeInfo,
) -> Option<SpacetimeStatement> {
    Some(SpacetimeStatement {
        root,
        seed: field::from_bytes(seed).ok()?,
        count,
        sector_lo: index,
        sector_count: 1,
        leaf_lo: challenge.offset_leaves,
        log2_leaf_range: challenge.b,
        sector_number: challenge.sector.0,
        skips: 0,
    })
}

/// What shows one sample of a window; `comm_c` is that of a sealed sector.
#[must_use]
pub(crate) fn window_sample(
    entry: &TreeEntry,
    comm_c: Option<Commitment>,
    leaf: Opening,
    provider: Opening,
) -> Sample {
    Sample::Opened(OpenedSample {
        leaf,
        comm_c: comm_c.map_or_else(|| Fr::from(0_u64), Commitment::to_fr),
        kind: entry.kind,
        number: entry.number.0,
        provider: provider.groups,
    })
}

/// A sector that is appended to a tree, and the tree's root afterwards.
///
/// # Errors
/// The tree is full.
pub(crate) fn append_statement(
    tree: &ProviderTree,
    (comm_d, comm_r, kind): (Commitment, Commitment, SectorKind),
    number: SectorNumber,
) -> Result<(AppendStatement, AppendWitness), ProviderTreeError> {
    let witness = AppendWitness::of(tree)?;
    let mut after = tree.clone();
    after.append(domain::provider_leaf(comm_r.to_fr(), number.0, kind))?;
    let statement = AppendStatement {
        root0: Commitment::from(tree.root()),
        root1: Commitment::from(after.root()),
        comm_d,
        comm_r,
        count: u32::try_from(tree.count()).unwrap_or(u32::MAX),
        sector_number: number.0,
        kind,
    };
    Ok((statement, witness))
}

/// A piece in a sector with the opening of its first leaf.
#[derive(Clone, Debug)]
pub(crate) struct PlacedOpening {
    /// Where it lies.
    pub place: Place,
    /// The opening of its first leaf in the sector.
    pub opening: Opening,
}

/// Pieces that lie in a sector.
///
/// # Errors
/// No piece, or more than one proof speaks about.
pub(crate) fn include_statement(
    set: &ParamSet,
    comm_d: Commitment,
    pieces: &[PlacedOpening],
) -> Result<(IncludeStatement, IncludeWitness), StatementError> {
    let placed = pieces
        .iter()
        .map(|piece| placed_piece(&piece.place))
        .collect();
    let paths = pieces
        .iter()
        .map(|piece| IncludeWitness::path(&piece.opening.groups, piece.place.b))
        .collect();
    Ok((
        IncludeStatement::new(set, comm_d, placed)?,
        IncludeWitness::new(set, paths)?,
    ))
}

fn placed_piece(place: &Place) -> PlacedPiece {
    PlacedPiece {
        comm_p: place.comm_p,
        offset_leaves: place.offset_leaves,
        b: place.b,
        byte_len: place.byte_len,
    }
}

/// What the contract is told about one slot of an inclusion.
#[must_use]
pub(crate) const fn activation(
    terms: PieceTerms,
    acceptance: Signature,
    offset_leaves: u64,
) -> Activation {
    Activation {
        terms,
        acceptance,
        offset_leaves,
    }
}
