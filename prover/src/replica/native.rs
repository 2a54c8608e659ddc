//! The vanilla proof of one partition, and the statement decided by Merkle openings.

use super::index::{COLUMNS, Challenged};
use super::label::{label, label_key, message};
use super::statement::ReplicaStatement;
use crate::error::ReplicaError;
use crate::merkle_path::{Group, Place};
use crate::params::ParamSet;
use cairn_merkle::tree::Opening;
use cairn_merkle::{Fr, OpeningError, TreeKind, domain};

/// The labels of one node in all layers, and their path.
///
/// The tree is node-major and L divides 16, so that all labels of a node lie in one group: the path from there is that
/// of each of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The node's labels, layer 1 first.
    pub labels: Vec<Fr>,
    /// The groups from the labels to `comm_c`.
    pub groups: Vec<Group>,
}

impl Column {
    /// The column of `node` whose path to `comm_c` has these groups.
    #[must_use]
    pub fn of(set: &ParamSet, node: u32, groups: Vec<Group>) -> Self {
        let layers = usize::from(set.layers);
        let first = column_place(set, node).position(1);
        let labels = groups
            .first()
            .and_then(|group| group.get(first..first + layers))
            .map(<[Fr]>::to_vec)
            .unwrap_or_default();
        Self { labels, groups }
    }

    /// The leaf of the C-tree where the labels of `node` begin: `node * L`.
    #[must_use]
    pub fn leaf(set: &ParamSet, node: u32) -> u64 {
        u64::from(node) * u64::from(set.layers)
    }
}

/// What shows one challenged node: public, and checked before any proof in zero knowledge is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VanillaProof {
    /// Root of the labels.
    pub comm_c: Fr,
    /// Root of the replica.
    pub r_root: Fr,
    /// The columns of [`Challenged::columns`]: the node's own, then its parents' in message order.
    pub columns: Vec<Column>,
    /// The node's data and its path to `comm_d`.
    pub data: Opening,
    /// The node's replica and its path to `r_root`.
    pub replica: Opening,
}

impl VanillaProof {
    /// Nothing, in the right shape for no set: what a circuit is laid out from.
    pub(super) const fn empty() -> Self {
        let nothing = Opening {
            leaf: ZERO,
            groups: Vec::new(),
        };
        Self {
            comm_c: ZERO,
            r_root: ZERO,
            columns: Vec::new(),
            data: Opening {
                leaf: ZERO,
                groups: Vec::new(),
            },
            replica: nothing,
        }
    }
}

const ZERO: Fr = <Fr as ark_ff::AdditiveGroup>::ZERO;

/// Levels of the C-tree: N * L leaves.
#[must_use]
pub const fn column_levels(set: &ParamSet) -> u32 {
    column_log2_leaves(set).div_ceil(4)
}

const fn column_log2_leaves(set: &ParamSet) -> u32 {
    set.sector_log2_leaves + set.layers.trailing_zeros()
}

fn column_place(set: &ParamSet, node: u32) -> Place {
    Place {
        kind: TreeKind::Column,
        log2_leaves: column_log2_leaves(set),
        index: Column::leaf(set, node),
    }
}

/// Decides the statement.
///
/// # Errors
/// Why it is not shown: the first thing that is wrong, by name.
pub fn check(
    set: &ParamSet,
    statement: &ReplicaStatement,
    proof: &VanillaProof,
) -> Result<(), ReplicaError> {
    statement.check(set)?;
    if proof.columns.len() != COLUMNS {
        return Err(ReplicaError::Columns {
            expected: COLUMNS,
            got: proof.columns.len(),
        });
    }
    if domain::comm_r_sealed(proof.comm_c, proof.r_root) != statement.comm_r.to_fr() {
        return Err(ReplicaError::CommR);
    }
    let challenged = Challenged::new(set, statement.seed, statement.partition);
    for (column, node) in challenged.columns().into_iter().enumerate() {
        check_column(set, proof, column, node)?;
    }
    check_labels(set, statement, proof, challenged.node)?;
    check_encoding(set, statement, proof, challenged.node)
}

fn check_column(
    set: &ParamSet,
    proof: &VanillaProof,
    column: usize,
    node: u32,
) -> Result<(), ReplicaError> {
    let Column { labels, groups } = &proof.columns[column];
    let layers = usize::from(set.layers);
    if labels.len() != layers {
        return Err(ReplicaError::Labels {
            column,
            expected: layers,
            got: labels.len(),
        });
    }
    let place = column_place(set, node);
    let at = |source| ReplicaError::ColumnPath {
        column,
        node,
        source,
    };
    let root = place.climb(1, labels[0], groups).map_err(at)?;
    let first = place.position(1);
    let group = groups.first().map_or(&[][..], |group| &group[first..]);
    if let Some(layer) = (0..layers).find(|layer| group.get(*layer) != labels.get(*layer)) {
        let position = first + layer;
        return Err(at(OpeningError::WrongLeaf { position }));
    }
    if root != proof.comm_c {
        return Err(ReplicaError::CommC { column, node });
    }
    Ok(())
}

/// The node's label in every layer is the hash of those of its parents.
fn check_labels(
    set: &ParamSet,
    statement: &ReplicaStatement,
    proof: &VanillaProof,
    node: u32,
) -> Result<(), ReplicaError> {
    let replica_id = statement.replica_id();
    for layer in 1..=set.layers {
        let of =
            |parent: usize, layer: u8| proof.columns[1 + parent].labels[usize::from(layer) - 1];
        // A label is below 2^254; whatever stands for one in the tree and is not, was never hashed by anybody.
        let parents = message(node, layer, of);
        if let Some(parent) = parents.iter().position(|parent| !is_label(*parent)) {
            return Err(ReplicaError::NotALabel {
                column: 1 + parent,
                layer,
            });
        }
        let expected = label(&label_key(replica_id, layer, node), &parents);
        if proof.columns[0].labels[usize::from(layer) - 1] != expected {
            return Err(ReplicaError::Label { layer, node });
        }
    }
    Ok(())
}

fn is_label(value: Fr) -> bool {
    cairn_merkle::field::to_bytes(&value)[31] & 0xc0 == 0
}

fn check_encoding(
    set: &ParamSet,
    statement: &ReplicaStatement,
    proof: &VanillaProof,
    node: u32,
) -> Result<(), ReplicaError> {
    let place = |kind| Place {
        kind,
        log2_leaves: set.sector_log2_leaves,
        index: u64::from(node),
    };
    let (data, replica) = (&proof.data, &proof.replica);
    let root = place(TreeKind::Data)
        .climb(1, data.leaf, &data.groups)
        .map_err(|source| ReplicaError::DataPath { node, source })?;
    if root != statement.comm_d.to_fr() {
        return Err(ReplicaError::CommD { node });
    }
    let label = proof.columns[0].labels.last().copied().unwrap_or(ZERO);
    if replica.leaf != data.leaf + label {
        return Err(ReplicaError::Encoding { node });
    }
    let root = place(TreeKind::Replica)
        .climb(1, replica.leaf, &replica.groups)
        .map_err(|source| ReplicaError::ReplicaPath { node, source })?;
    if root != proof.r_root {
        return Err(ReplicaError::ReplicaRoot { node });
    }
    Ok(())
}
