//! The labels of one layer: the only hot loop of sealing.
//!
//! ```text
//! label(l, v) = BLAKE3 keyed_hash(key, message), the top two bits cleared
//! key     = replica_id[0..27] | l u8 | v u32 LE
//! message = 14 x 32 bytes: v-1 and five drawn parents in layer l, eight parents in layer l-1 (zeros for l = 1)
//! ```
//!
//! A label waits for the one before it, so one thread hashes. A second one goes ahead of it by some blocks, draws the
//! parents and gathers the labels of the layer below, which lie all over memory; the first thread reads those in a row
//! and looks up only the parents in its own layer, most of which are near. Those that are far are asked for some nodes
//! before they are needed, so that the processor fetches them while it hashes.

#[cfg(target_arch = "x86_64")]
use super::chain::{Avx512, Parents};
use super::error::SealError;
use crate::graph::{DRG_PARENTS, DrgDraw, EXPANDER_PARENTS, Graph, PARENTS};
use crate::prefetch::prefetch;
use crate::replica::label::KEY_ID_BYTES;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

/// A label as it is stored: 32 bytes, little-endian, below 2^254.
pub type LabelBytes = [u8; LABEL_BYTES];

/// Bytes of a label.
pub const LABEL_BYTES: usize = 32;

/// Clears the top two bits of a label's upper half.
const TOP_MASK: u128 = u128::MAX >> 2;

/// Nodes whose parents are passed from thread to thread at once.
pub(super) const BLOCK_NODES: usize = 4096;

/// Blocks under way between the two threads.
const BLOCKS: usize = 4;

/// Memory of the blocks under way: five indices and eight labels a node.
pub(super) const BLOCKS_BYTES: u64 = 8 << 20;

/// Parents in the same layer but for the predecessor.
pub(super) const DRAWN: usize = DRG_PARENTS - 1;

/// Nodes between asking for a parent and hashing it.
const AHEAD: usize = 6;

/// The labels of the parents in the layer below.
pub(super) type Below = [LabelBytes; EXPANDER_PARENTS];

/// Parents of some nodes in a row.
#[derive(Default)]
struct Block {
    drawn: Vec<[u32; DRAWN]>,
    /// Empty in layer 1.
    below: Vec<Below>,
}

/// What the labels of one layer are made from.
#[derive(Clone, Copy, Debug)]
pub struct LayerInput<'a> {
    /// Who is whose parent.
    pub graph: &'a Graph,
    /// The replica id, 32 bytes little-endian.
    pub replica_id: &'a [u8; 32],
    /// Which layer; the first is 1.
    pub layer: u8,
    /// All labels of the layer below; none for layer 1.
    pub below: Option<&'a [LabelBytes]>,
}

/// Fills `labels`, one for each node, and shows each finished block to `block_done` with the number of nodes done.
///
/// Cost: one BLAKE3 keyed hash of 448 bytes a node, seven compressions one after the other.
///
/// # Errors
/// Whatever `block_done` says; the labels are then of no use.
pub fn label_layer(
    input: &LayerInput<'_>,
    labels: &mut [LabelBytes],
    mut block_done: impl FnMut(&[LabelBytes], u64) -> Result<(), SealError>,
) -> Result<(), SealError> {
    let nodes = labels.len();
    let (ready, blocks) = sync_channel::<Block>(BLOCKS - 1);
    let (recycle, used) = channel::<Block>();
    std::thread::scope(|scope| {
        scope.spawn(move || gather(input, nodes, &ready, &used));
        hash_all(input, labels, blocks, &recycle, &mut block_done)
    })
}

/// The second thread: draws parents and gathers the labels of the layer below. Ends when nobody wants more.
fn gather(input: &LayerInput<'_>, nodes: usize, ready: &SyncSender<Block>, used: &Receiver<Block>) {
    let mut draw = DrgDraw::new(input.graph.seed());
    let mut next = 0;
    while next < nodes {
        let mut block = used.try_recv().unwrap_or_default();
        block.drawn.clear();
        block.below.clear();
        let end = nodes.min(next + BLOCK_NODES);
        for v in next..end {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a graph has at most 2^32 nodes"
            )]
            let v = v as u32;
            let [_, drawn @ ..] = draw.parents(v);
            block.drawn.push(drawn);
            if let Some(below) = input.below {
                let parents = input.graph.expander_parents(v);
                block
                    .below
                    .push(parents.map(|parent| below[parent as usize]));
            }
        }
        next = end;
        if ready.send(block).is_err() {
            return;
        }
    }
}

/// The first thread: hashes, one label after the other. It owns its end of the channel: leaving early ends the other.
fn hash_all(
    input: &LayerInput<'_>,
    labels: &mut [LabelBytes],
    blocks: Receiver<Block>,
    recycle: &Sender<Block>,
    block_done: &mut impl FnMut(&[LabelBytes], u64) -> Result<(), SealError>,
) -> Result<(), SealError> {
    let mut hash = LabelHash::new(input.replica_id, input.layer);
    let mut next = 0;
    for block in blocks {
        let count = block.drawn.len();
        hash_block(&mut hash, labels, next, &block);
        // The other thread may have left already: then it needs no block any more.
        let _left = recycle.send(block);
        block_done(&labels[next..next + count], (next + count) as u64)?;
        next += count;
    }
    Ok(())
}

/// The labels of a block, by the fastest way that this processor has.
fn hash_block(hash: &mut LabelHash, labels: &mut [LabelBytes], first: usize, block: &Block) {
    #[cfg(target_arch = "x86_64")]
    if let Some(wide) = Avx512::detect() {
        let parents = Parents {
            key: &hash.key,
            first,
            drawn: &block.drawn,
            below: &block.below,
        };
        return wide.hash_block(labels, &parents, AHEAD);
    }
    hash_portable(hash, labels, first, block);
}

/// The same by the `blake3` crate, on any processor.
fn hash_portable(hash: &mut LabelHash, labels: &mut [LabelBytes], first: usize, block: &Block) {
    for (place, drawn) in block.drawn.iter().enumerate() {
        let v = first + place;
        if let Some(soon) = block.drawn.get(place + AHEAD) {
            for parent in soon {
                prefetch(&labels[*parent as usize]);
            }
        }
        if v > 0 {
            hash.set(0, &labels[v - 1]);
            for (parent, index) in (1..).zip(drawn) {
                hash.set(parent, &labels[*index as usize]);
            }
        }
        if let Some(below) = block.below.get(place) {
            hash.set_below(below);
        }
        labels[v] = hash.label(v);
    }
}

/// Key and message of a label in the making; what is never set counts as zero.
struct LabelHash {
    key: [u8; 32],
    message: [u8; LABEL_BYTES * PARENTS],
}

impl LabelHash {
    fn new(replica_id: &[u8; 32], layer: u8) -> Self {
        let mut key = *replica_id;
        key[KEY_ID_BYTES] = layer;
        Self {
            key,
            message: [0; LABEL_BYTES * PARENTS],
        }
    }

    fn set(&mut self, parent: usize, label: &LabelBytes) {
        self.message[parent * LABEL_BYTES..][..LABEL_BYTES].copy_from_slice(label);
    }

    fn set_below(&mut self, labels: &Below) {
        self.message[DRG_PARENTS * LABEL_BYTES..].copy_from_slice(labels.as_flattened());
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "a graph has at most 2^32 nodes"
    )]
    fn label(&mut self, v: usize) -> LabelBytes {
        self.key[KEY_ID_BYTES + 1..].copy_from_slice(&(v as u32).to_le_bytes());
        let mut label: LabelBytes = blake3::keyed_hash(&self.key, &self.message).into();
        // As one wide number: a byte stored alone would hold up the wide read of the label that follows at once.
        if let [_, upper] = label.as_chunks_mut::<16>().0 {
            *upper = (u128::from_le_bytes(*upper) & TOP_MASK).to_le_bytes();
        }
        label
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{SMALL, TEST};
    use crate::replica::label::{label, label_key, message};
    use cairn_merkle::{Fr, field};

    /// Every label as the proof of replication has it: no threads, no blocks, no reuse of anything.
    fn by_definition(graph: &Graph, id: Fr, layers: u8) -> Vec<Vec<LabelBytes>> {
        let nodes = u32::try_from(graph.nodes()).unwrap();
        let mut all: Vec<Vec<Fr>> = vec![Vec::new()];
        for layer in 1..=layers {
            for v in 0..nodes {
                let (near, far) = (graph.drg_parents(v), graph.expander_parents(v));
                let words = message(v, layer, |parent, layer| {
                    let node = near.iter().chain(&far).nth(parent).unwrap();
                    all[usize::from(layer) - 1][*node as usize]
                });
                let made = label(&label_key(id, layer, v), &words);
                all[usize::from(layer) - 1].push(made);
            }
            all.push(Vec::new());
        }
        all.pop();
        let bytes = |row: Vec<Fr>| row.iter().map(field::to_bytes).collect();
        all.into_iter().map(bytes).collect()
    }

    fn fast(graph: &Graph, id: &[u8; 32], layers: u8) -> Vec<Vec<LabelBytes>> {
        let nodes = usize::try_from(graph.nodes()).unwrap();
        let mut all: Vec<Vec<LabelBytes>> = Vec::new();
        for layer in 1..=layers {
            let mut labels = vec![[0; 32]; nodes];
            let mut shown = Vec::new();
            let input = LayerInput {
                graph,
                replica_id: id,
                layer,
                below: all.last().map(Vec::as_slice),
            };
            label_layer(&input, &mut labels, |block, done| {
                shown.extend_from_slice(block);
                assert_eq!(done, shown.len() as u64, "blocks come in order");
                Ok(())
            })
            .unwrap();
            assert_eq!(shown, labels, "every label is shown once");
            all.push(labels);
        }
        all
    }

    #[test]
    fn fast_labels_are_those_of_the_definition() {
        let id = field::from_bytes(&std::array::from_fn(|i| u8::try_from(i).unwrap() * 2)).unwrap();
        for (set, layers) in [(&TEST, 3), (&SMALL, 2)] {
            let graph = Graph::for_set(set);
            assert_eq!(
                fast(&graph, &field::to_bytes(&id), layers),
                by_definition(&graph, id, layers),
                "{}",
                set.name
            );
        }
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn both_ways_to_hash_make_the_same_labels() {
        let Some(wide) = Avx512::detect() else {
            println!("this processor has no AVX-512: one of two ways was not tested");
            return;
        };
        let graph = Graph::for_set(&TEST);
        let below: Vec<LabelBytes> = (0..256u16)
            .map(|node| blake3::hash(&node.to_le_bytes()).into())
            .collect();
        for (layer, below) in [(1, None), (7, Some(below.as_slice()))] {
            let (ready, blocks) = sync_channel(1);
            let (_recycle, used) = channel();
            let id = [0xa5; 32];
            let input = LayerInput {
                graph: &graph,
                replica_id: &id,
                layer,
                below,
            };
            gather(&input, 256, &ready, &used);
            let block = blocks.recv().unwrap();
            let mut hash = LabelHash::new(&id, layer);
            let mut portable = vec![[0; 32]; 256];
            hash_portable(&mut hash, &mut portable, 0, &block);
            let mut fast = vec![[0; 32]; 256];
            let key = LabelHash::new(&id, layer).key;
            // In two parts: the second begins with a label that lies in memory.
            for (first, end) in [(0, 100), (100, 256)] {
                let parents = Parents {
                    key: &key,
                    first,
                    drawn: &block.drawn[first..end],
                    below: block.below.get(first..end).unwrap_or_default(),
                };
                wide.hash_block(&mut fast, &parents, AHEAD);
            }
            assert_eq!(fast, portable, "layer {layer}");
        }
    }

    #[test]
    fn the_first_labels_by_hand() {
        let graph = Graph::for_set(&TEST);
        let mut id = [0x11; 32];
        id[27..].fill(0xff);
        let labels = &fast(&graph, &id, 1)[0];
        let mut key = [0x11; 32];
        key[27..].copy_from_slice(&[1, 0, 0, 0, 0]);
        let mut zero: LabelBytes = blake3::keyed_hash(&key, &[0; 448]).into();
        zero[31] &= 0x3f;
        assert_eq!(labels[0], zero, "node 0 has no parents");
        key[28] = 1;
        let mut message = [0; 448];
        for parent in 0..6 {
            message[32 * parent..][..32].copy_from_slice(&zero);
        }
        let mut one: LabelBytes = blake3::keyed_hash(&key, &message).into();
        one[31] &= 0x3f;
        assert_eq!(
            labels[1], one,
            "all parents of node 1 are node 0; layer 1 has none below"
        );
    }

    #[test]
    fn every_part_of_the_key_makes_other_labels() {
        let graph = Graph::for_set(&TEST);
        let id = [7; 32];
        let first = fast(&graph, &id, 2);
        assert_ne!(first[0], first[1], "layer");
        let mut other = id;
        other[26] ^= 1;
        assert_ne!(fast(&graph, &other, 1)[0], first[0], "replica id");
        let distinct: std::collections::BTreeSet<_> = first.iter().flatten().collect();
        assert_eq!(distinct.len(), 512, "node");
    }

    #[test]
    fn work_that_is_stopped_ends_at_once() {
        let graph = Graph::for_set(&SMALL);
        let mut labels = vec![[0; 32]; 1 << 16];
        let input = LayerInput {
            graph: &graph,
            replica_id: &[1; 32],
            layer: 1,
            below: None,
        };
        let mut blocks = 0;
        let stopped = label_layer(&input, &mut labels, |_, _| {
            blocks += 1;
            if blocks == 2 {
                return Err(SealError::Stopped);
            }
            Ok(())
        });
        assert!(matches!(stopped, Err(SealError::Stopped)));
        assert_eq!(blocks, 2);
    }
}
