//! A made-up sealed sector: labels, trees and openings in memory, for small sets.

use super::SyntheticError;
use crate::graph::Graph;
use crate::params::{self, ParamSet};
use crate::replica::index::Challenged;
use crate::replica::label::{label, label_key, message};
use crate::replica::statement::PROVIDER_BYTES;
use crate::replica::{Column, ReplicaCircuit, ReplicaStatement, VanillaProof};
use cairn_merkle::tree::{Opening, Tree};
use cairn_merkle::{Commitment, Fr, TreeError, TreeKind, domain};

/// What a replica is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaPurpose {
    /// Chain, contract and circuit.
    pub porep_id: Fr,
    /// Address of the account.
    pub provider: [u8; PROVIDER_BYTES],
    /// The sector's number.
    pub sector_number: u64,
    /// Public randomness from before sealing.
    pub ticket: Fr,
}

/// One sealed sector with everything that its proofs open.
#[derive(Clone, Debug)]
pub struct SyntheticReplica {
    set: ParamSet,
    purpose: ReplicaPurpose,
    columns: Tree,
    data: Tree,
    replica: Tree,
}

impl SyntheticReplica {
    /// Seals this data, one element a leaf.
    ///
    /// # Errors
    /// There are not as many elements as a sector of the set has leaves.
    pub fn seal(
        set: &ParamSet,
        purpose: ReplicaPurpose,
        data: &[Fr],
    ) -> Result<Self, SyntheticError> {
        let comm_d = Tree::build(TreeKind::Data, data)
            .map_err(TreeError::from)?
            .root();
        let replica_id = domain::replica_id(
            purpose.porep_id,
            &purpose.provider,
            purpose.sector_number,
            comm_d,
            purpose.ticket,
        );
        let labels = labels(set, replica_id, data.len());
        let last = labels.iter().skip(usize::from(set.layers) - 1);
        let keys = last.step_by(usize::from(set.layers));
        let replica: Vec<Fr> = data
            .iter()
            .zip(keys)
            .map(|(data, key)| *data + key)
            .collect();
        Self::of(set, purpose, data, &labels, &replica)
    }

    /// The smallest there is, sixteen nodes and one layer, with its set: for known answers and fuzzing.
    ///
    /// # Errors
    /// Never.
    pub fn smallest() -> Result<(ParamSet, Self), SyntheticError> {
        let set = ParamSet {
            sector_log2_leaves: 4,
            layers: 1,
            ..params::TEST
        };
        let purpose = ReplicaPurpose {
            porep_id: 1u64.into(),
            provider: [0x11; PROVIDER_BYTES],
            sector_number: 2,
            ticket: 3u64.into(),
        };
        let data: Vec<Fr> = (0..set.sector_leaves()).map(Fr::from).collect();
        Ok((set, Self::seal(&set, purpose, &data)?))
    }

    /// A sector that claims these labels, node by node and layer by layer in each, and this replica: what a cheat makes.
    ///
    /// # Errors
    /// A number of leaves that is no power of two.
    pub fn of(
        set: &ParamSet,
        purpose: ReplicaPurpose,
        data: &[Fr],
        labels: &[Fr],
        replica: &[Fr],
    ) -> Result<Self, SyntheticError> {
        let tree = |kind, leaves| Tree::build(kind, leaves).map_err(TreeError::from);
        Ok(Self {
            set: *set,
            purpose,
            columns: tree(TreeKind::Column, labels)?,
            data: tree(TreeKind::Data, data)?,
            replica: tree(TreeKind::Replica, replica)?,
        })
    }

    /// The statement of one partition.
    #[must_use]
    pub fn statement(&self, seed: Fr, partition: u16) -> ReplicaStatement {
        let comm_r = domain::comm_r_sealed(self.columns.root(), self.replica.root());
        ReplicaStatement {
            comm_d: Commitment::from(self.data.root()),
            comm_r: Commitment::from(comm_r),
            porep_id: self.purpose.porep_id,
            provider: self.purpose.provider,
            ticket: self.purpose.ticket,
            seed,
            sector_number: self.purpose.sector_number,
            partition,
        }
    }

    /// The openings that a partition asks for.
    ///
    /// # Errors
    /// The trees are not those of the set.
    pub fn vanilla_proof(&self, seed: Fr, partition: u16) -> Result<VanillaProof, SyntheticError> {
        self.open(&Challenged::new(&self.set, seed, partition))
    }

    /// The openings of a node and of its parents.
    ///
    /// # Errors
    /// The trees are not those of the set.
    pub fn open(&self, challenged: &Challenged) -> Result<VanillaProof, SyntheticError> {
        let column = |node| -> Result<Column, TreeError> {
            let opening = self.columns.open(Column::leaf(&self.set, node))?;
            Ok(Column::of(&self.set, node, opening.groups))
        };
        let columns: Result<_, _> = challenged.columns().into_iter().map(column).collect();
        let leaf =
            |tree: &Tree| -> Result<Opening, TreeError> { tree.open(u64::from(challenged.node)) };
        Ok(VanillaProof {
            comm_c: self.columns.root(),
            r_root: self.replica.root(),
            columns: columns?,
            data: leaf(&self.data)?,
            replica: leaf(&self.replica)?,
        })
    }

    /// Statement and circuit of one partition.
    ///
    /// # Errors
    /// As [`Self::vanilla_proof`].
    pub fn circuit(
        &self,
        seed: Fr,
        partition: u16,
    ) -> Result<(ReplicaStatement, ReplicaCircuit), SyntheticError> {
        let statement = self.statement(seed, partition);
        let proof = self.vanilla_proof(seed, partition)?;
        let circuit = ReplicaCircuit::new(self.set, statement.clone(), proof);
        Ok((statement, circuit))
    }
}

/// Labels of all layers, node-major: that of layer l of node v at `v * L + l - 1`.
#[must_use]
pub fn labels(set: &ParamSet, replica_id: Fr, nodes: usize) -> Vec<Fr> {
    let graph = Graph::for_set(set);
    let layers = usize::from(set.layers);
    let mut labels = vec![Fr::default(); nodes * layers];
    for layer in 1..=set.layers {
        for node in (0..).take(nodes) {
            let challenged = Challenged::at(&graph, node);
            let at = |node: u32, layer: u8| node as usize * layers + usize::from(layer) - 1;
            let message = message(node, layer, |parent, layer| {
                labels[at(challenged.parents[parent], layer)]
            });
            labels[at(node, layer)] = label(&label_key(replica_id, layer, node), &message);
        }
    }
    labels
}
