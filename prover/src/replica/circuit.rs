//! Replica in R1CS: one challenged node.
//!
//! | part | constraints at 8 GiB and eight layers |
//! |---|---|
//! | labels: 8 of 7 compressions | about 835,000 |
//! | the draw of same-layer parents | about 14,600 |
//! | bits of the parents' labels: 104 of 255 | 26,500 |
//! | 15 columns of 8 levels | 71,000 |
//! | data and replica paths of 7 levels | 8,300 |
//! | the rest of the graph, hashes, strict bits | about 7,500 |

use super::label::{KEY_ID_BYTES, LABEL_BITS};
use super::native::{Column, VanillaProof, column_levels};
use super::parents::{Parents, parents};
use super::statement::{ReplicaStatement, layout};
use crate::gadget::bits::{bits_of, booleans, pack, split, split_strict};
use crate::gadget::blake3::word::{Bit, Word, pack as pack_bits};
use crate::gadget::blake3::{KEY_WORDS, keyed_hash};
use crate::gadget::builder::{Builder, Num, Synthesize};
use crate::gadget::path::{self, group_at};
use crate::gadget::{poseidon2, word};
use crate::graph::{DRG_PARENTS, Graph, PARENTS};
use crate::params::ParamSet;
use ark_ff::AdditiveGroup;
use ark_relations::gr1cs::SynthesisError;
use cairn_merkle::poseidon2::WIDTH;
use cairn_merkle::tree::Opening;
use cairn_merkle::{Commitment, Fr, Tag, TreeKind};
use std::array;

/// Bytes of a label's message.
const MESSAGE_BYTES: usize = 32 * PARENTS;

/// The circuit of one partition of a proof of replication, with its witness.
#[derive(Clone, Debug)]
pub struct ReplicaCircuit {
    set: ParamSet,
    statement: ReplicaStatement,
    proof: VanillaProof,
}

/// The public inputs, but for the word, which is checked at once.
struct Public {
    comm_d: Num,
    comm_r: Num,
    porep_id: Num,
    provider: Num,
    ticket: Num,
    seed: Num,
    sector_number: Num,
    partition: Num,
}

/// A column that leads to `comm_c`: its labels, layer 1 first.
type Labels = Vec<Num>;

impl ReplicaCircuit {
    /// The circuit of this statement; what is missing in the proof counts as zero.
    #[must_use]
    pub const fn new(set: ParamSet, statement: ReplicaStatement, proof: VanillaProof) -> Self {
        Self {
            set,
            statement,
            proof,
        }
    }

    /// The circuit with nothing in it: enough to lay it out.
    #[must_use]
    pub fn blank(set: &ParamSet) -> Self {
        let nothing = Fr::ZERO;
        let statement = ReplicaStatement {
            comm_d: Commitment::from(nothing),
            comm_r: Commitment::from(nothing),
            porep_id: nothing,
            provider: [0; 20],
            ticket: nothing,
            seed: nothing,
            sector_number: 0,
            partition: 0,
        };
        Self::new(*set, statement, VanillaProof::empty())
    }

    const fn layers(&self) -> usize {
        self.set.layers as usize
    }

    fn public(&self, builder: &mut Builder) -> Result<Public, SynthesisError> {
        let statement = &self.statement;
        builder.at("public");
        let [comm_d, comm_r, porep_id, provider, ticket, seed, word] = statement.public_inputs();
        let comm_d = builder.public("comm_d", comm_d)?;
        let comm_r = builder.public("comm_r", comm_r)?;
        let porep_id = builder.public("porep_id", porep_id)?;
        let provider = builder.public("provider", provider)?;
        let ticket = builder.public("ticket", ticket)?;
        let seed = builder.public("seed", seed)?;
        let word = builder.public("word", word)?;
        builder.at("sector number");
        let sector_number = pack(&booleans(builder, &bits_of(statement.sector_number, 64))?);
        builder.at("partition");
        // The number of challenges is a power of two, so that bits alone keep a partition below it.
        let width = self.set.porep_challenges.trailing_zeros() as usize;
        let partition = bits_of(u64::from(statement.partition), width);
        let partition = pack(&booleans(builder, &partition)?);
        builder.at("public");
        let fields = [
            (layout::SECTOR_NUMBER, &sector_number),
            (layout::PARTITION, &partition),
        ];
        word::holds(builder, &word, &fields)?;
        Ok(Public {
            comm_d,
            comm_r,
            porep_id,
            provider,
            ticket,
            seed,
            sector_number,
            partition,
        })
    }

    /// The bits of the challenged node.
    fn node(&self, builder: &mut Builder, public: &Public) -> Result<Vec<Num>, SynthesisError> {
        builder.at("challenge");
        let words = [&public.seed, &public.partition];
        let hash = poseidon2::tagged(builder, Tag::Idx, &words)?;
        let mut bits = split_strict(builder, &hash)?;
        bits.truncate(self.set.sector_log2_leaves as usize);
        Ok(bits)
    }

    /// The part of every label's key that is the same for all: 216 bits of the replica id.
    fn key_bits(builder: &mut Builder, public: &Public) -> Result<Vec<Bit>, SynthesisError> {
        builder.at("replica id");
        let words = [
            &public.porep_id,
            &public.provider,
            &public.sector_number,
            &public.comm_d,
            &public.ticket,
        ];
        let id = poseidon2::tagged(builder, Tag::Rid, &words)?;
        let bits = split_strict(builder, &id)?;
        Ok(bits[..8 * KEY_ID_BYTES].iter().map(Bit::of).collect())
    }

    /// The labels of the node with these bits: they lie under `comm_c` in the node's own place.
    fn column(
        &self,
        builder: &mut Builder,
        place: &[Num],
        column: Option<&Column>,
        comm_c: &Num,
    ) -> Result<Labels, SynthesisError> {
        builder.at("column");
        let layers = self.layers();
        let groups = column.map_or(&[][..], |column| &column.groups);
        let mut honest = column.map_or_else(Vec::new, |column| column.labels.clone());
        honest.resize(layers, Fr::ZERO);
        let labels = builder.hints("labels", &honest)?;
        let levels = column_levels(&self.set) as usize;
        let constants = path::constants(builder, TreeKind::Column, levels);
        // A group holds 16/L whole nodes: the lowest bits say which, the others are the path from there.
        let nodes = WIDTH / layers;
        let within = nodes.trailing_zeros() as usize;
        let group = path::children(builder, &group_at(groups, 1), WIDTH)?;
        for (layer, label) in labels.iter().enumerate() {
            let candidates: Vec<Num> = (0..nodes)
                .map(|node| group[node * layers + layer].clone())
                .collect();
            path::is_child(builder, &candidates, &place[..within], label)?;
        }
        let node = &poseidon2::compress(builder, &group)? + &constants[0];
        let above = groups.get(1..).unwrap_or_default();
        let root = path::climb(builder, &node, &place[within..], above, &constants[1..])?;
        builder.equal("comm_c", &root, comm_c)?;
        Ok(labels)
    }

    /// The node's label in every layer, computed from its parents' and compared with its column.
    fn labels(
        &self,
        builder: &mut Builder,
        key: &[Bit],
        node: &[Num],
        parents: &Parents,
        columns: &[Labels],
    ) -> Result<(), SynthesisError> {
        let zero = [Word::constant(0); KEY_WORDS];
        let node: Vec<Bit> = node.iter().map(Bit::of).collect();
        let (own, others) = columns.split_first().ok_or(SynthesisError::Unsatisfiable)?;
        let layers: Vec<(usize, &Num)> = own.iter().enumerate().collect();
        builder.each(&layers, |builder, (layer, expected)| {
            let layer = *layer;
            let mut message = Vec::with_capacity(PARENTS * KEY_WORDS);
            for (parent, labels) in others.iter().enumerate() {
                if parent < DRG_PARENTS {
                    builder.at("same layer");
                    let label = builder.product(
                        "none before node 0",
                        &parents.some_before,
                        &labels[layer],
                    )?;
                    message.extend(label_words(builder, &label)?);
                } else if layer > 0 {
                    builder.at("layer below");
                    message.extend(label_words(builder, &labels[layer - 1])?);
                } else {
                    message.extend(zero);
                }
            }
            let key = label_key(key, layer + 1, &node);
            let hash = keyed_hash(builder, &key, &message, MESSAGE_BYTES)?;
            let bits: Vec<Bit> = hash.iter().flat_map(Word::bits).copied().collect();
            let label = pack_bits(builder, &bits[..LABEL_BITS]);
            builder.at("label");
            builder.equal("label", &label, expected)
        })?;
        Ok(())
    }

    /// The root that the node's leaf leads to, and the leaf.
    fn leaf(
        &self,
        builder: &mut Builder,
        kind: TreeKind,
        node: &[Num],
        opening: &Opening,
    ) -> Result<(Num, Num), SynthesisError> {
        let levels = self.set.sector_levels() as usize;
        let leaf = builder.hint("leaf", opening.leaf)?;
        let constants = path::constants(builder, kind, levels);
        let root = path::climb(builder, &leaf, node, &opening.groups, &constants)?;
        Ok((leaf, root))
    }
}

impl Synthesize for ReplicaCircuit {
    fn synthesize(&self, builder: &mut Builder) -> Result<(), SynthesisError> {
        let proof = &self.proof;
        let public = self.public(builder)?;
        let node = self.node(builder, &public)?;
        let key = Self::key_bits(builder, &public)?;
        let parents = parents(builder, &Graph::for_set(&self.set), &node)?;
        builder.at("sector");
        let comm_c = builder.hint("comm_c", proof.comm_c)?;
        let r_root = builder.hint("r_root", proof.r_root)?;
        let places = std::iter::once(&node).chain(&parents.places);
        let places: Vec<(usize, &Vec<Num>)> = places.enumerate().collect();
        let columns = builder.each(&places, |builder, (column, place)| {
            self.column(builder, place, proof.columns.get(*column), &comm_c)
        })?;
        self.labels(builder, &key, &node, &parents, &columns)?;
        builder.at("data path");
        let (data, root) = self.leaf(builder, TreeKind::Data, &node, &proof.data)?;
        builder.equal("comm_d", &root, &public.comm_d)?;
        builder.at("replica path");
        let (replica, root) = self.leaf(builder, TreeKind::Replica, &node, &proof.replica)?;
        builder.equal("r_root", &root, &r_root)?;
        let label = columns[0].last().ok_or(SynthesisError::Unsatisfiable)?;
        builder.equal("encoding", &(&data + label), &replica)?;
        builder.at("sector");
        let comm_r = poseidon2::tagged(builder, Tag::R, &[&comm_c, &r_root])?;
        builder.equal("comm_r", &comm_r, &public.comm_r)
    }
}

/// A label as the eight words of its bytes. An element has one form of 254 bits at most, as 2^254 < r.
fn label_words(builder: &mut Builder, label: &Num) -> Result<[Word; KEY_WORDS], SynthesisError> {
    let bits: Vec<Bit> = split(builder, label, LABEL_BITS)?
        .iter()
        .map(Bit::of)
        .collect();
    Ok(words_of(&bits))
}

/// 27 bytes of the replica id, the layer, the node.
fn label_key(id: &[Bit], layer: usize, node: &[Bit]) -> [Word; KEY_WORDS] {
    let mut bits = id.to_vec();
    bits.extend((0..8).map(|place| Bit::constant(layer >> place & 1 == 1)));
    bits.extend_from_slice(node);
    words_of(&bits)
}

/// Eight words of these bits, zero where there are none.
fn words_of(bits: &[Bit]) -> [Word; KEY_WORDS] {
    array::from_fn(|word| Word::from_bits(bits.get(32 * word..).unwrap_or_default()))
}
