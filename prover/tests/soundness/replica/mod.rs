//! Attacks on replica.
//!
//! | file | what it holds |
//! |---|---|
//! | `rules.rs` | every rule of the circuit against the one attack that it alone refuses |
//! | `named.rs` | what a cheat would do: other ids, skipped layers, chosen data, other partitions |
//! | `fields.rs` | every field of statement and proof, changed |

mod fields;
mod named;
mod rules;

use super::support::*;
use ark_ff::{BigInteger, Field, PrimeField};
use cairn_merkle::tree::{Opening, Tree};
use cairn_merkle::{Commitment, Fr, Tag, TreeKind, domain, field, tree};
use cairn_prover::circuits::{CircuitName, Circuits};
use cairn_prover::error::{ReplicaError, StatementError};
use cairn_prover::gadget::audit::{Audit, Layout};
use cairn_prover::gadget::builder::Name;
use cairn_prover::graph::{DRG_PARENTS, DrgDraw, Graph};
use cairn_prover::params::ParamSet;
use cairn_prover::replica::label::{label, message};
use cairn_prover::replica::{
    Challenged, CodecError, Column, ReplicaCircuit, ReplicaStatement, VanillaProof, challenge,
    check,
};
use cairn_prover::synthetic::replica::labels;
use cairn_prover::synthetic::{ReplicaPurpose, SyntheticReplica};
use rayon::prelude::*;
use std::sync::LazyLock;

/// 64 nodes, two layers, two partitions.
const SET: ParamSet = ParamSet {
    porep_challenges: 2,
    ..TINY
};

const PURPOSE: ReplicaPurpose = ReplicaPurpose {
    porep_id: Fr::ONE,
    provider: [0xab; 20],
    sector_number: 41,
    ticket: Fr::ONE,
};

/// A node with six bits: all six buckets can be drawn.
const NODE: u32 = 45;

static LAYOUT: LazyLock<Layout> =
    LazyLock::new(|| Layout::of(&ReplicaCircuit::blank(&SET)).unwrap());

fn honest_data() -> Vec<Fr> {
    (0..SET.sector_leaves()).map(|i| fr(i * i + 3)).collect()
}

fn root(kind: TreeKind, leaves: &[Fr]) -> Fr {
    Tree::build(kind, leaves).unwrap().root()
}

fn id_of(purpose: &ReplicaPurpose, comm_d: Fr) -> Fr {
    domain::replica_id(
        purpose.porep_id,
        &purpose.provider,
        purpose.sector_number,
        comm_d,
        purpose.ticket,
    )
}

/// A seed that asks for this node in this partition.
fn seed_for(node: u32, partition: u16) -> Fr {
    (0..)
        .map(fr)
        .find(|seed| challenge(&SET, *seed, partition) == node)
        .unwrap()
}

/// A sealed sector in the hands of a cheat, and what it shows of it.
struct Cheat {
    purpose: ReplicaPurpose,
    seed: Fr,
    partition: u16,
    /// The bytes whose first 27 key the labels.
    id: [u8; 32],
    data: Vec<Fr>,
    labels: Vec<Fr>,
    replica: Vec<Fr>,
    /// What is opened.
    challenged: Challenged,
    /// Labels shown in the column of a parent, and the path, if not the sector's own.
    shown: Option<(usize, Vec<Fr>, Option<Vec<Group>>)>,
}

impl Cheat {
    /// Nothing false yet.
    fn at(node: u32) -> Self {
        Self::of(PURPOSE, node)
    }

    fn of(purpose: ReplicaPurpose, node: u32) -> Self {
        let data = honest_data();
        let id = id_of(&purpose, root(TreeKind::Data, &data));
        let labels = labels(&SET, id, data.len());
        let replica = data.iter().zip(labels.chunks(2)).map(|(d, l)| *d + l[1]);
        Self {
            purpose,
            seed: seed_for(node, 1),
            partition: 1,
            id: field::to_bytes(&id),
            replica: replica.collect(),
            data,
            labels,
            challenged: Challenged::at(&Graph::for_set(&SET), node),
            shown: None,
        }
    }

    /// Other parents, and labels of the node made from them.
    fn with_parents(node: u32, alter: impl Fn(&mut [u32; 14])) -> Self {
        let mut cheat = Self::at(node);
        alter(&mut cheat.challenged.parents);
        cheat.relabel(|_, _, label| label);
        cheat
    }

    fn node(&self) -> u32 {
        self.challenged.node
    }

    fn label(&self, node: u32, layer: u8) -> Fr {
        self.labels[2 * node as usize + usize::from(layer) - 1]
    }

    fn column(&self, node: u32) -> Vec<Fr> {
        vec![self.label(node, 1), self.label(node, 2)]
    }

    fn set_label(&mut self, layer: u8, label: Fr) {
        let node = self.node() as usize;
        self.labels[2 * node + usize::from(layer) - 1] = label;
        if layer == 2 {
            self.replica[node] = self.data[node] + label;
        }
    }

    /// Makes the node's labels from those of the parents that are opened; `alter(parent, layer, label)` may change each.
    fn relabel(&mut self, alter: impl Fn(usize, u8, Fr) -> Fr) {
        let Challenged { node, parents } = self.challenged;
        for layer in 1..=2 {
            let mut words = message(node, layer, |parent, layer| {
                self.label(parents[parent], layer)
            });
            for (parent, word) in words.iter_mut().enumerate() {
                *word = alter(parent, layer, *word);
            }
            let mut key = self.id;
            key[27] = layer;
            key[28..].copy_from_slice(&node.to_le_bytes());
            self.set_label(layer, label(&key, &words));
        }
    }

    /// Other labels in place of a parent's, and labels of the node made from them.
    fn show(&mut self, parent: usize, labels: Vec<Fr>, groups: Option<Vec<Group>>) {
        let below = u8::from(parent >= DRG_PARENTS);
        self.relabel(|place, layer, label| {
            if place == parent && layer > below {
                labels[usize::from(layer - below) - 1]
            } else {
                label
            }
        });
        self.shown = Some((1 + parent, labels, groups));
    }

    fn sector(&self) -> SyntheticReplica {
        let (labels, replica) = (&self.labels, &self.replica);
        SyntheticReplica::of(&SET, self.purpose, &self.data, labels, replica).unwrap()
    }

    fn claim(&self) -> Claim {
        let sector = self.sector();
        let mut proof = sector.open(&self.challenged).unwrap();
        if let Some((column, labels, groups)) = self.shown.clone() {
            let column = &mut proof.columns[column];
            column.labels = labels;
            column.groups = groups.unwrap_or_else(|| column.groups.clone());
        }
        Claim {
            statement: sector.statement(self.seed, self.partition),
            proof,
        }
    }
}

/// What a prover says and shows.
#[derive(Clone, Debug, PartialEq)]
struct Claim {
    statement: ReplicaStatement,
    proof: VanillaProof,
}

impl Claim {
    fn circuit(&self) -> ReplicaCircuit {
        ReplicaCircuit::new(SET, self.statement.clone(), self.proof.clone())
    }

    fn native(&self) -> Result<(), ReplicaError> {
        check(&SET, &self.statement, &self.proof)
    }

    /// Commits to the roots that the proof now has.
    fn commit(&mut self) {
        let comm_r = domain::comm_r_sealed(self.proof.comm_c, self.proof.r_root);
        self.statement.comm_r = Commitment::from(comm_r);
    }

    /// Native twin and circuit must say the same.
    fn both(&self) -> Result<(), ReplicaError> {
        let native = self.native();
        assert_eq!(
            accepts(&LAYOUT, &self.circuit()),
            native.is_ok(),
            "{native:?}"
        );
        native
    }

    /// The one rule of the circuit that refuses what native refuses so.
    fn refused_by(&self, scope: &'static str, what: &'static str) -> ReplicaError {
        let findings = Audit::new().run_on(&LAYOUT, &self.circuit()).unwrap();
        assert_eq!(findings.broken, [Name { scope, what }].into());
        self.native().unwrap_err()
    }
}

/// Data changed after sealing, the replica with it; the statement still has the root of before.
fn replaced_data() -> Claim {
    let mut cheat = Cheat::at(NODE);
    let label = cheat.label(NODE, 2);
    let before = cheat.claim().statement;
    cheat.data[NODE as usize] = fr(99);
    cheat.replica[NODE as usize] = fr(99) + label;
    let mut claim = cheat.claim();
    claim.statement.comm_d = before.comm_d;
    claim
}
