//! Attacks on replica.

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

/// An attack on one rule. `is_true` where only the working is forged, not the claim: native then has nothing to refuse.
struct Attempt {
    attack: Attack<ReplicaCircuit>,
    claim: Claim,
    is_true: bool,
}

fn attempt(story: &'static str, scope: &'static str, what: &'static str, claim: Claim) -> Attempt {
    Attempt {
        attack: Attack::new(story, scope, what, claim.circuit()),
        claim,
        is_true: false,
    }
}

/// Digits that are no bits, of a claim that is true.
fn digits(scope: &'static str, occurrence: usize, at: usize) -> Attempt {
    let attempt = attempt("digits", scope, "boolean", Cheat::at(NODE).claim());
    let attempt = attempt.forge(scope, "bits", occurrence, carry(at));
    Attempt {
        is_true: true,
        ..attempt
    }
}

impl Attempt {
    fn forge(
        mut self,
        scope: &'static str,
        what: &'static str,
        occurrence: usize,
        forgery: impl Fn(&[Fr]) -> Vec<Fr> + 'static,
    ) -> Self {
        self.attack = self.attack.forge(scope, what, occurrence, forgery);
        self
    }
}

/// The bits of h + r, if they are at most 255.
fn second_representation(element: Fr) -> Option<Vec<Fr>> {
    let mut second = element.into_bigint();
    let overflow = second.add_with_carry(&Fr::MODULUS);
    let fits = !overflow && !second.get_bit(255);
    fits.then(|| (0..255).map(|i| Fr::from(second.get_bit(i))).collect())
}

fn bytes_of(bits: &[Fr]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (i, bit) in bits.iter().enumerate() {
        bytes[i / 8] |= u8::from(*bit == Fr::ONE) << (i % 8);
    }
    bytes
}

fn attacks_on_the_numbers() -> Vec<Attempt> {
    let fields = [
        (0, "number"),
        (64, "partition"),
        (65, "second"),
        (80, "beyond"),
        (253, "top"),
    ];
    let mut attempts: Vec<_> = fields
        .into_iter()
        .map(|(shift, story)| {
            attempt(story, "public", "packed word", Cheat::at(NODE).claim()).forge(
                "public",
                "word",
                0,
                add(power(shift)),
            )
        })
        .map(|attempt| Attempt {
            is_true: true,
            ..attempt
        })
        .collect();
    attempts.push(digits("sector number", 0, 2));
    let mut third = Cheat::at(NODE);
    (third.partition, third.seed) = (2, seed_for(NODE, 2));
    attempts.push(
        attempt(
            "a third partition of two",
            "partition",
            "boolean",
            third.claim(),
        )
        .forge("partition", "bits", 0, set(vec![fr(2)])),
    );
    attempts
}

fn attacks_on_the_challenge() -> Vec<Attempt> {
    let mut other = Cheat::at(NODE ^ 8);
    other.seed = seed_for(NODE, 1);
    let (seed, bits) = (0..)
        .find_map(|seed| {
            let hash = domain::tagged_hash(Tag::Idx, &[fr(seed), fr(1)]);
            Some((fr(seed), second_representation(hash)?))
        })
        .unwrap();
    let mut second = Cheat::at(u32::from(bytes_of(&bits)[0]) & 63);
    second.seed = seed;
    let second = second.claim();
    vec![
        digits("challenge", 0, 8),
        attempt("a node of choice", "challenge", "sum", other.claim()).forge(
            "challenge",
            "bits",
            0,
            flip(3),
        ),
        attempt(
            "the second representation",
            "challenge",
            "canonical",
            second.clone(),
        )
        .forge("challenge", "bits", 0, set(bits.clone())),
        attempt(
            "the second representation, hidden",
            "challenge",
            "prefix",
            second,
        )
        .forge("challenge", "bits", 0, set(bits))
        .forge("challenge", "prefix", 0, set(vec![fr(0)])),
    ]
}

fn attacks_on_the_replica_id() -> Vec<Attempt> {
    let mut other = Cheat::at(NODE);
    other.id[0] ^= 8;
    other.relabel(|_, _, label| label);
    let comm_d = root(TreeKind::Data, &honest_data());
    let (purpose, bits) = (0..)
        .find_map(|ticket| {
            let ticket = fr(ticket);
            let purpose = ReplicaPurpose { ticket, ..PURPOSE };
            Some((purpose, second_representation(id_of(&purpose, comm_d))?))
        })
        .unwrap();
    let mut second = Cheat::of(purpose, NODE);
    second.id = bytes_of(&bits);
    second.relabel(|_, _, label| label);
    let second = second.claim();
    vec![
        digits("replica id", 0, 220),
        attempt(
            "labels under another id",
            "replica id",
            "sum",
            other.claim(),
        )
        .forge("replica id", "bits", 0, flip(3)),
        attempt(
            "the second representation",
            "replica id",
            "canonical",
            second.clone(),
        )
        .forge("replica id", "bits", 0, set(bits.clone())),
        attempt(
            "the second representation, hidden",
            "replica id",
            "prefix",
            second,
        )
        .forge("replica id", "bits", 0, set(bits))
        .forge("replica id", "prefix", 0, set(vec![fr(0)])),
    ]
}

/// One draw of a node: place word, bucket, distance before it is found too far.
#[derive(Clone, Copy)]
struct Draw {
    node: u32,
    j: usize,
    place: u32,
    e: u32,
}

impl Draw {
    fn all() -> impl Iterator<Item = Self> {
        let hash = |node: u32| {
            let mut hasher = blake3::Hasher::new_keyed(Graph::for_set(&SET).seed());
            let mut bytes = [0; 64];
            hasher.update(&u64::from(node).to_le_bytes());
            hasher.finalize_xof().fill(&mut bytes);
            let (words, _) = bytes.as_chunks::<4>();
            <[u32; 16]>::try_from(
                words
                    .iter()
                    .map(|w| u32::from_le_bytes(*w))
                    .collect::<Vec<_>>(),
            )
        };
        (32..63).flat_map(move |node| {
            let words = hash(node).unwrap();
            (0..5).map(move |j| Self {
                node,
                j,
                place: words[j],
                e: ((u64::from(words[5 + j]) * 6) >> 32) as u32,
            })
        })
    }

    fn drawn(self) -> u32 {
        (1 << self.e) + 1 + self.place % (1 << self.e)
    }

    fn too_far(self) -> bool {
        self.drawn() > self.node
    }

    fn parent(self) -> u32 {
        let back = if self.too_far() { 1 << self.e } else { 0 };
        self.node - (self.drawn() - back)
    }

    /// The claim with another parent in place of the drawn one.
    fn replaced_by(self, parent: u32) -> Claim {
        let (node, j) = (self.node, self.j);
        assert_ne!(parent, self.parent());
        assert_eq!(
            DrgDraw::new(Graph::for_set(&SET).seed()).parents(node)[1 + j],
            self.parent()
        );
        Cheat::with_parents(node, |parents| parents[1 + j] = parent).claim()
    }
}

/// A parent's place in digits that are no bits: what they select is a mix of the labels of its group.
fn mixed_parent(parent: usize, scope: &'static str, occurrence: usize) -> Attempt {
    let honest_bits = |node: u32| (0..3).map(move |i| fr(u64::from(node >> i & 1)));
    for node in 32..63 {
        let mut cheat = Cheat::at(node);
        let real = cheat.challenged.parents[parent];
        let digits = carry(0)(&honest_bits(real).collect::<Vec<_>>());
        let mix = |layer: u8| {
            let mut row: Vec<Fr> = (0..8).map(|k| cheat.label(real & !7 | k, layer)).collect();
            for digit in &digits {
                row = row
                    .chunks(2)
                    .map(|two| two[0] + *digit * (two[1] - two[0]))
                    .collect();
            }
            row[0]
        };
        let labels = vec![mix(1), mix(2)];
        if labels
            .iter()
            .any(|label| field::to_bytes(label)[31] & 0xc0 != 0)
        {
            continue;
        }
        cheat.show(parent, labels, None);
        return attempt("a mix of labels", scope, "boolean", cheat.claim()).forge(
            scope,
            "bits",
            occurrence,
            carry(0),
        );
    }
    unreachable!("a mix has 254 bits in half of all cases")
}

fn attacks_on_the_graph() -> Vec<Attempt> {
    let find = |wanted: &dyn Fn(Draw) -> bool| Draw::all().find(|draw| wanted(*draw)).unwrap();
    let near = find(&|draw| !draw.too_far() && draw.e > 1 && draw.parent() > 1);
    let far = find(&|draw| draw.too_far() && draw.parent() > 1);
    let Draw { j, .. } = near;
    let other_e = near.e ^ 1;
    let other_bucket = Draw { e: other_e, ..near }.parent();
    let back = near.parent() + (1 << near.e);
    let nothing_before = {
        let mut cheat = Cheat::at(NODE);
        cheat.challenged.parents[..DRG_PARENTS].fill(NODE);
        cheat.relabel(|parent, _, label| if parent < DRG_PARENTS { fr(0) } else { label });
        cheat.claim()
    };
    // Not 44 with its lowest bit changed: that is the node itself.
    let another_predecessor = Cheat::with_parents(NODE, |parents| parents[0] ^= 2).claim();
    let neighbour =
        |parent: usize| Cheat::with_parents(NODE, |parents| parents[parent] ^= 1).claim();
    vec![
        attempt(
            "no parents in the layer",
            "length of the node",
            "seen",
            nothing_before,
        )
        .forge("length of the node", "seen", 4, set(vec![fr(0)])),
        attempt(
            "another predecessor",
            "predecessor",
            "sum",
            another_predecessor,
        )
        .forge("predecessor", "bits", 0, flip(1)),
        mixed_parent(0, "predecessor", 0),
        attempt(
            "a bucket of choice",
            "bucket",
            "product",
            near.replaced_by(other_bucket),
        )
        .forge(
            "bucket",
            "product",
            j,
            set(vec![power(32) * fr(u64::from(other_e))]),
        ),
        digits("bucket", j, 0),
        attempt(
            "bits of another bucket",
            "bucket",
            "sum",
            near.replaced_by(other_bucket),
        )
        .forge("bucket", "bits", j, flip(32)),
        attempt(
            "another size of the bucket",
            "distance",
            "size",
            far.replaced_by(far.parent() - 1),
        )
        .forge("distance", "size", 2 * far.j + 1, add(-Fr::ONE)),
        attempt(
            "another place in the bucket",
            "distance",
            "select",
            near.replaced_by(near.parent() - 1),
        )
        .forge("distance", "select", 7 * j + 6, add(Fr::ONE)),
        digits("too far", j, 0),
        attempt(
            "too far where it is not",
            "too far",
            "sum",
            near.replaced_by(back),
        )
        .forge("too far", "bits", j, flip(6)),
        attempt(
            "back by some",
            "too far",
            "back",
            near.replaced_by(near.parent() + 1),
        )
        .forge("too far", "back", j, add(Fr::ONE)),
        attempt(
            "a distance of choice",
            "drawn parent",
            "none before node 0",
            near.replaced_by(near.parent() - 1),
        )
        .forge("drawn parent", "none before node 0", j, add(Fr::ONE)),
        attempt("another drawn parent", "drawn parent", "sum", neighbour(3)).forge(
            "drawn parent",
            "bits",
            2,
            flip(0),
        ),
        mixed_parent(4, "drawn parent", 3),
        attempt("another expander parent", "expander", "sum", neighbour(6)).forge(
            "expander",
            "bits",
            2,
            flip(0),
        ),
        attempt(
            "another last expander parent",
            "expander",
            "sum",
            neighbour(13),
        )
        .forge("expander", "bits", 23, flip(0)),
        digits("expander", 0, 8),
        attempt(
            "another fold of an expander parent",
            "expander",
            "xor",
            neighbour(7),
        )
        .forge("expander", "xor", 9 + 6, flip(0)),
    ]
}

/// The place of the last product of the half of a group that this position lies in.
const fn half(base: usize, position: u32, half_of: u32, products: usize) -> usize {
    if position & half_of == 0 {
        base + products - 1
    } else {
        base + 2 * products - 1
    }
}

fn attacks_on_the_columns() -> Vec<Attempt> {
    let parent = 2;
    let column = 1 + parent;
    let honest = Cheat::at(NODE);
    let real = honest.challenged.parents[parent];
    let neighbour = honest.column(real ^ 1);
    let difference: Vec<Fr> = (1..=2)
        .map(|layer| honest.label(real ^ 1, layer) - honest.label(real, layer))
        .collect();
    let mut other = Cheat::at(NODE);
    other.show(parent, neighbour, None);
    let other = other.claim();
    let base = 18 * column;
    let absent = {
        let mut claim = Cheat::at(NODE).claim();
        for column in &mut claim.proof.columns {
            column.groups[1][9] = fr(7);
        }
        claim.proof.comm_c = tree::node(TreeKind::Column, 2, &claim.proof.columns[0].groups[1]);
        claim.commit();
        claim
    };
    let foreign = {
        let purpose = ReplicaPurpose {
            sector_number: 42,
            ..PURPOSE
        };
        let shown = Cheat::of(purpose, NODE).claim().proof.columns[column].clone();
        let mut cheat = Cheat::at(NODE);
        cheat.show(parent, shown.labels, Some(shown.groups));
        cheat.claim()
    };
    vec![
        attempt("labels of another node", "column", "child", other.clone()),
        attempt(
            "labels of another node, selected",
            "column",
            "select",
            other,
        )
        .forge(
            "column",
            "select",
            half(base, real, 4, 3),
            add(difference[0]),
        )
        .forge(
            "column",
            "select",
            half(base + 6, real, 4, 3),
            add(difference[1]),
        ),
        attempt("a tenth child of eight", "column", "absent child", absent),
        attempt(
            "a parent's labels from another sector",
            "column",
            "comm_c",
            foreign,
        ),
    ]
}

/// The same number with one bit changed.
fn with_flipped(label: Fr, bit: u64) -> Fr {
    let is_set = label.into_bigint().get_bit(bit as usize);
    if is_set {
        label - power(bit)
    } else {
        label + power(bit)
    }
}

fn attacks_on_the_labels() -> Vec<Attempt> {
    let altered = |parent: usize, layer: u8, alter: &dyn Fn(Fr) -> Fr| {
        let mut cheat = Cheat::at(NODE);
        cheat.relabel(|place, at, label| {
            if (place, at) == (parent, layer) {
                alter(label)
            } else {
                label
            }
        });
        cheat.claim()
    };
    let wrong = |layer: u8| {
        let mut cheat = Cheat::at(NODE);
        cheat.set_label(layer, fr(5));
        if layer == 1 {
            // Nothing above is made from it: no expander parent of the node is the node itself.
            assert!(!cheat.challenged.parents.contains(&NODE));
        }
        cheat.claim()
    };
    vec![
        attempt(
            "a parent's label of choice",
            "same layer",
            "none before node 0",
            altered(1, 1, &|l| l + fr(1)),
        )
        .forge("same layer", "none before node 0", 1, add(Fr::ONE)),
        digits("same layer", 0, 0),
        attempt(
            "bits of another label",
            "same layer",
            "sum",
            altered(0, 1, &|l| with_flipped(l, 5)),
        )
        .forge("same layer", "bits", 0, flip(5)),
        digits("layer below", 0, 0),
        attempt(
            "bits of another label below",
            "layer below",
            "sum",
            altered(6, 2, &|l| with_flipped(l, 5)),
        )
        .forge("layer below", "bits", 0, flip(5)),
        attempt("a wrong label in layer 1", "label", "label", wrong(1)),
        attempt("a wrong label in layer 2", "label", "label", wrong(2)),
    ]
}

fn attacks_on_the_encoding() -> Vec<Attempt> {
    let honest = Cheat::at(NODE);
    let (node, place) = (NODE as usize, NODE & 15);
    let label = honest.label(NODE, 2);
    // The data of the node beside it, encoded in the node's place.
    let mut moved = Cheat::at(NODE);
    moved.replica[node] = honest.data[node ^ 1] + label;
    let mut moved = moved.claim();
    moved.proof.data.leaf = honest.data[node ^ 1];
    let data_difference = honest.data[node ^ 1] - honest.data[node];
    // A replica of nothing.
    let mut empty = Cheat::at(NODE);
    empty.replica[node] = fr(0);
    let mut empty = empty.claim();
    empty.proof.replica.leaf = honest.replica[node];
    let mut other_root = Cheat::at(NODE).claim();
    other_root.proof.r_root += fr(1);
    other_root.commit();
    let mut plain = Cheat::at(NODE);
    plain.replica = plain.data.clone();
    let mut other_r = Cheat::at(NODE).claim();
    other_r.statement.comm_r = Commitment::from(fr(1));
    let mut absent_data = Cheat::at(NODE);
    let mut group = absent_data.claim().proof.data.groups[1];
    group[8] = fr(7);
    let comm_d = tree::node(TreeKind::Data, 2, &group);
    absent_data.id = field::to_bytes(&id_of(&PURPOSE, comm_d));
    absent_data.relabel(|_, _, label| label);
    let mut absent_data = absent_data.claim();
    absent_data.proof.data.groups[1] = group;
    absent_data.statement.comm_d = Commitment::from(comm_d);
    let mut absent_replica = Cheat::at(NODE).claim();
    absent_replica.proof.replica.groups[1][8] = fr(7);
    absent_replica.proof.r_root = tree::node(
        TreeKind::Replica,
        2,
        &absent_replica.proof.replica.groups[1],
    );
    absent_replica.commit();
    vec![
        attempt(
            "a ninth child of four",
            "data path",
            "absent child",
            absent_data,
        ),
        attempt("other data", "data path", "child", moved.clone()),
        attempt("other data, selected", "data path", "select", moved).forge(
            "data path",
            "select",
            half(0, place, 8, 7),
            add(data_difference),
        ),
        attempt(
            "data of another sector",
            "data path",
            "comm_d",
            replaced_data(),
        ),
        attempt(
            "a ninth child of four",
            "replica path",
            "absent child",
            absent_replica,
        ),
        attempt("nothing stored", "replica path", "child", empty.clone()),
        attempt("nothing stored, selected", "replica path", "select", empty).forge(
            "replica path",
            "select",
            half(0, place, 8, 7),
            add(honest.replica[node]),
        ),
        attempt(
            "another replica's root",
            "replica path",
            "r_root",
            other_root,
        ),
        attempt(
            "data without its label",
            "replica path",
            "encoding",
            plain.claim(),
        ),
        attempt("another sector's comm_r", "sector", "comm_r", other_r),
    ]
}

/// Data put in the place of what was sealed, under the old commitment.
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

#[test]
fn each_rule_of_replica_refuses_its_attack() {
    let mut attempts = attacks_on_the_numbers();
    attempts.extend(attacks_on_the_challenge());
    attempts.extend(attacks_on_the_replica_id());
    attempts.extend(attacks_on_the_graph());
    attempts.extend(attacks_on_the_columns());
    attempts.extend(attacks_on_the_labels());
    attempts.extend(attacks_on_the_encoding());
    for Attempt {
        attack,
        claim,
        is_true,
    } in &attempts
    {
        assert_eq!(
            claim.native().is_ok(),
            *is_true,
            "{}: {:?}",
            attack.story,
            claim.native()
        );
    }
    let attacks = attempts.into_iter().map(|attempt| attempt.attack).collect();
    each_rule_refuses_its_attack(&Cheat::at(NODE).claim().circuit(), attacks);
}

#[test]
fn the_witness_does_not_shape_the_replica_circuit() {
    let filled = Cheat::at(0).claim().circuit();
    same_layout(filled, ReplicaCircuit::blank(&SET));
}

#[test]
fn no_variable_of_replica_can_be_changed_alone() {
    let circuit = Cheat::at(NODE).claim().circuit();
    let free = LAYOUT.free_variables(&circuit).unwrap();
    assert_eq!(free, Vec::<usize>::new());
}

#[test]
fn a_sample_of_the_variables_of_replica_is_bound_whatever_follows_from_them() {
    one_in_so_many_variables_is_bound(&Cheat::at(NODE).claim().circuit(), &LAYOUT, 113);
}

/// The labels of a whole sector under one id, shown under the statement of another.
fn relabelled_for(purpose: ReplicaPurpose) -> Claim {
    let mut claim = Cheat::at(NODE).claim();
    let sealed_for = ReplicaStatement {
        porep_id: purpose.porep_id,
        provider: purpose.provider,
        sector_number: purpose.sector_number,
        ticket: purpose.ticket,
        ..claim.statement
    };
    claim.statement = sealed_for;
    claim
}

#[test]
fn a_replica_made_for_anything_else_is_refused_by_its_labels_alone() {
    let others = [
        (
            "another chain or contract",
            ReplicaPurpose {
                porep_id: fr(2),
                ..PURPOSE
            },
        ),
        (
            "another provider",
            ReplicaPurpose {
                provider: [0xac; 20],
                ..PURPOSE
            },
        ),
        (
            "registered a second time",
            ReplicaPurpose {
                sector_number: 42,
                ..PURPOSE
            },
        ),
        (
            "an old ticket",
            ReplicaPurpose {
                ticket: fr(2),
                ..PURPOSE
            },
        ),
    ];
    for (story, purpose) in others {
        let error = relabelled_for(purpose).refused_by("label", "label");
        assert_eq!(
            error,
            ReplicaError::Label {
                layer: 1,
                node: NODE
            },
            "{story}"
        );
    }
}

#[test]
fn layers_that_are_skipped_are_refused_by_the_labels() {
    // The sector has one layer, given out for two.
    let mut cheat = Cheat::at(NODE);
    let first: Vec<Fr> = cheat.labels.chunks(2).map(|column| column[0]).collect();
    cheat.labels = first.iter().flat_map(|label| [*label, *label]).collect();
    cheat.replica = cheat
        .data
        .iter()
        .zip(&first)
        .map(|(data, label)| *data + label)
        .collect();
    let error = cheat.claim().refused_by("label", "label");
    assert_eq!(
        error,
        ReplicaError::Label {
            layer: 2,
            node: NODE
        }
    );
}

#[test]
fn parents_in_another_order_are_refused() {
    let claim = Cheat::with_parents(NODE, |parents| parents.swap(6, 7)).claim();
    assert!(matches!(
        claim.both(),
        Err(ReplicaError::ColumnPath { .. } | ReplicaError::CommC { .. })
    ));
}

#[test]
fn data_chosen_against_the_labels_is_refused() {
    // D = -K would leave nothing to store. The labels follow from comm_d, so they change when D is chosen.
    let mut cheat = Cheat::at(NODE);
    let keys: Vec<Fr> = cheat.labels.chunks(2).map(|column| column[1]).collect();
    cheat.data = keys.iter().map(|key| -*key).collect();
    cheat.replica = vec![fr(0); 64];
    let error = cheat.claim().refused_by("label", "label");
    assert_eq!(
        error,
        ReplicaError::Label {
            layer: 1,
            node: NODE
        }
    );
}

#[test]
fn named_faults_of_the_encoding_are_told_apart() {
    let error = replaced_data().refused_by("data path", "comm_d");
    assert_eq!(error, ReplicaError::CommD { node: NODE });
    let mut plain = Cheat::at(NODE);
    plain.replica = plain.data.clone();
    let error = plain.claim().refused_by("replica path", "encoding");
    assert_eq!(error, ReplicaError::Encoding { node: NODE });
    let mut other = Cheat::at(NODE).claim();
    let purpose = ReplicaPurpose {
        sector_number: 42,
        ..PURPOSE
    };
    other.statement.comm_r = Cheat::of(purpose, NODE).claim().statement.comm_r;
    assert_eq!(other.refused_by("sector", "comm_r"), ReplicaError::CommR);
}

#[test]
fn one_partition_does_not_stand_for_another() {
    let sector = Cheat::at(NODE).sector();
    let seed = seed_for(NODE, 0);
    assert_ne!(challenge(&SET, seed, 1), NODE);
    let claim = Claim {
        statement: sector.statement(seed, 1),
        proof: sector.vanilla_proof(seed, 0).unwrap(),
    };
    assert!(claim.both().is_err());
    // The prover works on partition 0 and says 1: only the packed word ties the two.
    let findings = Audit::new()
        .forge("partition", "bits", 0, set(vec![fr(0)]))
        .run_on(&LAYOUT, &claim.circuit())
        .unwrap();
    let scope = "public";
    assert_eq!(
        findings.broken,
        [Name {
            scope,
            what: "packed word"
        }]
        .into()
    );
    let beyond = Claim {
        statement: sector.statement(seed, 2),
        ..claim
    };
    let partition = StatementError::Partition {
        partitions: 2,
        got: 2,
    };
    assert_eq!(beyond.both(), Err(partition.into()));
}

#[test]
fn two_layers_are_not_taken_for_eight() {
    let eight = ParamSet { layers: 8, ..SET };
    let claim = Cheat::at(NODE).claim();
    let refused = check(&eight, &claim.statement, &claim.proof);
    let labels = ReplicaError::Labels {
        column: 0,
        expected: 8,
        got: 2,
    };
    assert_eq!(refused, Err(labels));
    let bytes = claim.proof.to_bytes();
    assert!(matches!(
        VanillaProof::from_bytes(&eight, &bytes),
        Err(CodecError::Length { .. })
    ));
    // Four stand for eight here: the circuit of eight takes a minute to lay out.
    let four = ParamSet { layers: 4, ..SET };
    let circuit = ReplicaCircuit::new(four, claim.statement, claim.proof);
    assert!(!Audit::new().run(&circuit).unwrap().is_satisfied());
    let size = |set| Circuits::for_set(set).size(CircuitName::Replica).unwrap();
    let [two, eight] = [&SET, &eight].map(size);
    assert_ne!(two, eight, "another circuit, so another id and another key");
}

#[test]
fn every_changed_field_of_the_statement_is_refused_by_both() {
    let honest = Cheat::at(NODE).claim();
    assert_eq!(honest.both(), Ok(()));
    // Taken apart, so that a new field does not compile before it is changed below.
    let ReplicaStatement {
        comm_d,
        comm_r,
        porep_id,
        mut provider,
        ticket,
        seed,
        sector_number,
        partition,
    } = honest.statement;
    let base = || honest.statement.clone();
    let next = |commitment: Commitment| Commitment::from(commitment.to_fr() + fr(1));
    provider[19] ^= 1;
    let changed = [
        ReplicaStatement {
            comm_d: next(comm_d),
            ..base()
        },
        ReplicaStatement {
            comm_r: next(comm_r),
            ..base()
        },
        ReplicaStatement {
            porep_id: porep_id + fr(1),
            ..base()
        },
        ReplicaStatement { provider, ..base() },
        ReplicaStatement {
            ticket: ticket + fr(1),
            ..base()
        },
        ReplicaStatement {
            seed: seed + fr(1),
            ..base()
        },
        ReplicaStatement {
            sector_number: sector_number + 1,
            ..base()
        },
        ReplicaStatement {
            sector_number: sector_number | 1 << 63,
            ..base()
        },
        ReplicaStatement {
            partition: partition - 1,
            ..base()
        },
        ReplicaStatement {
            partition: partition + 1,
            ..base()
        },
        ReplicaStatement {
            partition: u16::MAX,
            ..base()
        },
    ];
    for statement in changed {
        let claim = Claim {
            statement,
            proof: honest.proof.clone(),
        };
        assert!(claim.both().is_err(), "{:?}", claim.statement);
    }
}

/// Every element of a proof, changed: where it is, and the proof with it.
fn tampered(honest: &VanillaProof) -> Vec<(String, VanillaProof)> {
    // Taken apart, so that a new field does not compile before it is changed below.
    let VanillaProof {
        comm_c: _,
        r_root: _,
        columns,
        data,
        replica,
    } = honest;
    let mut changed = Vec::new();
    let mut with = |name: String, alter: &dyn Fn(&mut VanillaProof)| {
        let mut proof = honest.clone();
        alter(&mut proof);
        changed.push((name, proof));
    };
    with("comm_c".into(), &|proof| proof.comm_c += fr(1));
    with("r_root".into(), &|proof| proof.r_root += fr(1));
    for (c, Column { labels, groups }) in columns.iter().enumerate() {
        for l in 0..labels.len() {
            with(format!("column {c} label {l}"), &|proof| {
                proof.columns[c].labels[l] += fr(1);
            });
        }
        for (g, child) in (0..groups.len()).flat_map(|g| (0..16).map(move |child| (g, child))) {
            let name = format!("column {c} group {g} child {child}");
            with(name, &|proof| proof.columns[c].groups[g][child] += fr(1));
        }
        with(format!("column {c} cut"), &|proof| {
            proof.columns[c].groups.truncate(1);
        });
        with(format!("column {c} without a label"), &|proof| {
            proof.columns[c].labels.truncate(1);
        });
    }
    let Opening { leaf: _, groups } = data;
    assert_eq!(groups.len(), replica.groups.len());
    for (which, of) in [
        (
            "data",
            (|proof| &mut proof.data) as fn(&mut VanillaProof) -> &mut Opening,
        ),
        ("replica", |proof| &mut proof.replica),
    ] {
        with(format!("{which} leaf"), &|proof| of(proof).leaf += fr(1));
        for (g, child) in (0..groups.len()).flat_map(|g| (0..16).map(move |child| (g, child))) {
            let name = format!("{which} group {g} child {child}");
            with(name, &|proof| of(proof).groups[g][child] += fr(1));
        }
        with(format!("{which} cut"), &|proof| {
            of(proof).groups.truncate(1);
        });
    }
    with("columns swapped".into(), &|proof| proof.columns.swap(1, 2));
    with("a column too few".into(), &|proof| {
        proof.columns.truncate(14);
    });
    changed
}

#[test]
fn every_changed_element_of_the_proof_is_refused() {
    let honest = Cheat::at(NODE).claim();
    let changed = tampered(&honest.proof);
    assert_eq!(changed.len(), 2 + 15 * (2 + 32 + 2) + 2 * (1 + 32 + 1) + 2);
    for (name, proof) in &changed {
        assert!(check(&SET, &honest.statement, proof).is_err(), "{name}");
    }
    // The circuit takes a second for each: one in eleven of the elements, and those that are alone of their kind.
    let (every, some): (Vec<_>, Vec<_>) = changed
        .into_iter()
        .partition(|(name, _)| !name.contains("child") && !name.contains("column 1"));
    let sample = every
        .into_iter()
        .chain(some.into_iter().step_by(11))
        .step_by(2);
    sample
        .collect::<Vec<_>>()
        .par_iter()
        .for_each(|(name, proof)| {
            let circuit = ReplicaCircuit::new(SET, honest.statement.clone(), proof.clone());
            assert!(!accepts(&LAYOUT, &circuit), "{name}");
        });
}

#[test]
fn a_label_that_is_none_is_refused_by_both() {
    // 2^254 stands in a parent's place: it has no 254 bits, so nobody ever hashed it.
    let mut cheat = Cheat::at(NODE);
    let parent = cheat.challenged.parents[3] as usize;
    cheat.labels[2 * parent] = power(254);
    let error = cheat.claim().both().unwrap_err();
    assert_eq!(
        error,
        ReplicaError::NotALabel {
            column: 4,
            layer: 1
        }
    );
}
