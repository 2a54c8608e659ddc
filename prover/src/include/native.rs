//! The witness of an inclusion, and the statement decided by Merkle openings.

use super::statement::{IncludeStatement, PlacedPiece};
use crate::error::{IncludeError, StatementError};
use crate::merkle_path::{Group, Place};
use crate::params::ParamSet;
use ark_ff::AdditiveGroup;
use cairn_merkle::poseidon2::WIDTH;
use cairn_merkle::{Fr, TreeKind, domain, tree};

/// What shows an inclusion: for each piece the groups from its top level, ceil(b / 4), up to the sector's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludeWitness {
    /// One path for each of the statement's pieces, in their order.
    pub paths: Vec<Vec<Group>>,
}

impl IncludeWitness {
    /// Fills the unused places with the first path; `paths` are those of the pieces that the statement was made of.
    ///
    /// # Errors
    /// [`StatementError::Width`]: no path, or more than one proof speaks about.
    pub fn new(set: &ParamSet, mut paths: Vec<Vec<Group>>) -> Result<Self, StatementError> {
        let width = StatementError::Width {
            expected: set.include_width,
            got: paths.len(),
        };
        let first = paths.first().ok_or(width)?.clone();
        if paths.len() > set.include_width {
            return Err(width);
        }
        paths.resize(set.include_width, first);
        Ok(Self { paths })
    }

    /// The path of a piece of 2^b leaves, out of the groups that open its first leaf (or any other of its leaves).
    #[must_use]
    pub fn path(opening_groups: &[Group], b: u8) -> Vec<Group> {
        let below = usize::from(b.div_ceil(4)).saturating_sub(1);
        opening_groups.get(below..).unwrap_or_default().to_vec()
    }
}

/// Decides the statement.
///
/// # Errors
/// Why it is not shown.
pub fn check(
    set: &ParamSet,
    statement: &IncludeStatement,
    witness: &IncludeWitness,
) -> Result<(), IncludeError> {
    statement.check(set)?;
    if witness.paths.len() != statement.pieces.len() {
        let (expected, got) = (statement.pieces.len(), witness.paths.len());
        return Err(StatementError::Width { expected, got }.into());
    }
    for (place, (piece, path)) in statement.pieces.iter().zip(&witness.paths).enumerate() {
        let level = piece.top_level();
        let in_sector = Place {
            kind: TreeKind::Data,
            log2_leaves: set.sector_log2_leaves,
            index: piece.offset_leaves,
        };
        let child = path
            .first()
            .map_or(Fr::ZERO, |group| group[top_position(piece)]);
        let comm_d = in_sector
            .climb(level, child, path)
            .map_err(|source| IncludeError::Path { place, source })?;
        if comm_d != statement.comm_d.to_fr() {
            return Err(IncludeError::CommD { place });
        }
        let root = path
            .first()
            .map_or(Fr::ZERO, |group| piece_root(piece, group));
        if domain::comm_p(piece.b, piece.byte_len, root) != piece.comm_p.to_fr() {
            return Err(IncludeError::CommP { place });
        }
    }
    Ok(())
}

/// Where in its group the piece's top begins.
fn top_position(piece: &PlacedPiece) -> usize {
    ((piece.offset_leaves >> (4 * (piece.top_level() - 1))) & 15) as usize
}

/// The root of the piece whose top lies in this group.
fn piece_root(piece: &PlacedPiece, group: &Group) -> Fr {
    let level = piece.top_level();
    let arity = 1 << (u32::from(piece.b) - 4 * (level - 1));
    let from = top_position(piece);
    let mut top = [Fr::ZERO; WIDTH];
    top[..arity].copy_from_slice(&group[from..from + arity]);
    tree::node(TreeKind::Data, level, &top)
}
