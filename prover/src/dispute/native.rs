//! The witness of a dispute, and the statement decided by a Merkle opening.

use super::statement::{DisputeStatement, GROUP_LEAVES, GROUP_LOG2};
use crate::error::{DisputeError, OpenGroupError};
use crate::merkle_path::{Group, Place};
use crate::params::ParamSet;
use ark_ff::AdditiveGroup;
use cairn_merkle::piece::{PieceCommitter, chunk_leaves};
use cairn_merkle::tree::SparseTree;
use cairn_merkle::{Fr, TreeError, TreeKind, domain};

/// What shows a dispute. A piece's root is not in it: it follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeWitness {
    /// log2 of the piece's leaves, as `comm_p` has it.
    pub b: u8,
    /// Bytes of the piece, as `comm_p` has it.
    pub byte_len: u64,
    /// The groups that open any of the leaves.
    pub path: Vec<Group>,
}

impl DisputeWitness {
    /// The leaves that the witness has for a group; none without a path.
    #[must_use]
    pub fn leaves(&self, group: u64) -> Option<[Fr; GROUP_LEAVES]> {
        let first = Place::of_group(self.b, group).position(1);
        let children = self.path.first()?;
        children.get(first..)?.first_chunk().copied()
    }
}

/// The statement and the witness of a group of the piece of these bytes. Hashes the whole piece, on all cores.
///
/// # Errors
/// The piece has no such group.
pub fn open(
    bytes: &[u8],
    group: u64,
) -> Result<(DisputeStatement, DisputeWitness), OpenGroupError> {
    let mut committer = PieceCommitter::new(bytes.len() as u64)?;
    committer.update(bytes)?;
    let (piece, tree) = committer.finish_tree()?;
    let leaves = tree.shape().leaves();
    let outside = TreeError::IndexOutside {
        index: group.saturating_mul(GROUP_LEAVES as u64),
        leaves,
    };
    if group >= leaves >> GROUP_LOG2 {
        return Err(outside.into());
    }
    let place = Place::of_group(piece.b, group);
    let chunk = chunk_leaves(bytes, SparseTree::chunk_of(place.index))?;
    let witness = DisputeWitness {
        b: piece.b,
        byte_len: piece.byte_len,
        path: tree.open(place.index, &chunk)?.groups,
    };
    let statement = DisputeStatement {
        comm_p: piece.comm_p,
        group,
        leaves: witness.leaves(group).ok_or(outside)?,
    };
    Ok((statement, witness))
}

/// Decides the statement.
///
/// # Errors
/// Why it is not shown.
pub fn check(
    set: &ParamSet,
    statement: &DisputeStatement,
    witness: &DisputeWitness,
) -> Result<(), DisputeError> {
    statement.check(set)?;
    let DisputeWitness { b, byte_len, path } = witness;
    if !(GROUP_LOG2..=set.b_max).contains(b) {
        return Err(DisputeError::PieceSize {
            max: set.b_max,
            got: *b,
        });
    }
    let place = Place::of_group(*b, statement.group);
    let shown = witness.leaves(statement.group);
    let first = shown.map_or(Fr::ZERO, |leaves| leaves[0]);
    let root = place.climb(1, first, path)?;
    if shown != Some(statement.leaves) {
        return Err(DisputeError::Leaves);
    }
    if domain::comm_p(*b, *byte_len, root) != statement.comm_p.to_fr() {
        return Err(DisputeError::CommP);
    }
    Ok(())
}

impl Place {
    /// The first leaf of a group of a piece of 2^b leaves.
    pub(super) fn of_group(b: u8, group: u64) -> Self {
        Self {
            kind: TreeKind::Data,
            log2_leaves: u32::from(b),
            index: group << GROUP_LOG2,
        }
    }
}
