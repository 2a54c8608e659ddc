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
//!
//! Labels of several replicas are made side by side, node by node: the draw is the same for all, and two of them fit into the
//! processor's registers (`chain.rs`).

#[cfg(target_arch = "x86_64")]
use super::chain::{Avx512, LANES, Nodes, Replica};
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

/// Memory of the blocks under way: five indices and, for each replica, eight labels a node.
pub(super) const BLOCKS_BYTES: u64 = 8 << 20;

/// Parents in the same layer but for the predecessor.
pub(super) const DRAWN: usize = DRG_PARENTS - 1;

/// Nodes between asking for a parent and hashing it.
const AHEAD: usize = 6;

/// Nodes between asking for a parent in the layer below and copying it.
const AHEAD_BELOW: usize = 8;

/// The labels of the parents in the layer below.
pub(super) type Below = [LabelBytes; EXPANDER_PARENTS];

/// Parents of some nodes in a row.
struct Block {
    drawn: Vec<[u32; DRAWN]>,
    /// Of each replica; empty in layer 1.
    below: Vec<Vec<Below>>,
}

/// What the labels of one layer of a replica are made from, and where they go.
#[derive(Debug)]
pub struct Layer<'a> {
    /// The replica id, 32 bytes little-endian.
    pub replica_id: &'a [u8; 32],
    /// Which layer; the first is 1.
    pub layer: u8,
    /// All labels of the layer below; none for layer 1.
    pub below: Option<&'a [LabelBytes]>,
    /// One for each node of the graph.
    pub labels: &'a mut [LabelBytes],
}

/// Makes the labels of a layer of each replica; all have the graph's nodes. Each finished block is shown to `block_done`, with
/// the number of the replica and that of the nodes done.
///
/// Cost: one BLAKE3 keyed hash of 448 bytes a node and replica, seven compressions one after the other; two replicas cost
/// a sixth to a third more than one where the processor has AVX-512.
///
/// # Errors
/// Whatever `block_done` says; the labels are then of no use.
pub fn label_layers<E>(
    graph: &Graph,
    replicas: &mut [Layer<'_>],
    mut block_done: impl FnMut(usize, &[LabelBytes], u64) -> Result<(), E>,
) -> Result<(), E> {
    let below: Vec<_> = replicas.iter().map(|replica| replica.below).collect();
    let nodes = replicas.iter().map(|replica| replica.labels.len());
    let nodes = nodes.min().unwrap_or_default();
    let (ready, blocks) = sync_channel::<Block>(BLOCKS - 1);
    let (recycle, used) = channel::<Block>();
    std::thread::scope(|scope| {
        scope.spawn(move || gather((graph, nodes), &below, &ready, &used));
        hash_all(replicas, blocks, &recycle, &mut block_done)
    })
}

/// The second thread: draws parents and gathers the labels of the layers below. Ends when nobody wants more.
fn gather(
    (graph, nodes): (&Graph, usize),
    below: &[Option<&[LabelBytes]>],
    ready: &SyncSender<Block>,
    used: &Receiver<Block>,
) {
    let mut draw = DrgDraw::new(graph.seed());
    let mut far = Vec::with_capacity(BLOCK_NODES);
    let mut next = 0;
    while next < nodes {
        let mut block = used.try_recv().unwrap_or_else(|_| Block {
            drawn: Vec::new(),
            below: vec![Vec::new(); below.len()],
        });
        block.drawn.clear();
        block.below.iter_mut().for_each(Vec::clear);
        let end = nodes.min(next + BLOCK_NODES);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a graph has at most 2^32 nodes"
        )]
        let row = || (next..end).map(|v| v as u32);
        far.clear();
        far.extend(row().map(|v| graph.expander_parents(v)));
        for (place, v) in row().enumerate() {
            if let Some(soon) = far.get(place + AHEAD_BELOW) {
                for labels in below.iter().flatten() {
                    for parent in soon {
                        prefetch(&labels[*parent as usize]);
                    }
                }
            }
            let [_, drawn @ ..] = draw.parents(v);
            block.drawn.push(drawn);
            for (row, labels) in block.below.iter_mut().zip(below) {
                if let Some(labels) = labels {
                    row.push(far[place].map(|parent| labels[parent as usize]));
                }
            }
        }
        next = end;
        if ready.send(block).is_err() {
            return;
        }
    }
}

/// The first thread: hashes, one label after the other. It owns its end of the channel: leaving early ends the other.
fn hash_all<E>(
    replicas: &mut [Layer<'_>],
    blocks: Receiver<Block>,
    recycle: &Sender<Block>,
    block_done: &mut impl FnMut(usize, &[LabelBytes], u64) -> Result<(), E>,
) -> Result<(), E> {
    let mut next = 0;
    for block in blocks {
        hash_block(replicas, next, &block);
        let done = next..next + block.drawn.len();
        // The other thread may have left already: then it needs no block any more.
        let _left = recycle.send(block);
        next = done.end;
        for (number, replica) in replicas.iter().enumerate() {
            block_done(number, &replica.labels[done.clone()], next as u64)?;
        }
    }
    Ok(())
}

/// The labels of a block, by the fastest way that this processor has.
fn hash_block(replicas: &mut [Layer<'_>], first: usize, block: &Block) {
    #[cfg(target_arch = "x86_64")]
    if let Some(wide) = Avx512::detect() {
        return hash_wide(wide, replicas, first, block);
    }
    for (replica, below) in replicas.iter_mut().zip(&block.below) {
        hash_portable(replica, first, (&block.drawn, below));
    }
}

/// As many replicas at a time as a register holds.
#[cfg(target_arch = "x86_64")]
fn hash_wide(wide: Avx512, replicas: &mut [Layer<'_>], first: usize, block: &Block) {
    let nodes = Nodes {
        first,
        drawn: &block.drawn,
        ahead: AHEAD,
    };
    let mut all = replicas.iter_mut().zip(&block.below).map(|(layer, below)| {
        let key = layer_key(layer.replica_id, layer.layer);
        let labels = &mut *layer.labels;
        Replica { key, labels, below }
    });
    while let Some(one) = all.next() {
        match all.next() {
            Some(two) => wide.hash_block::<LANES>(&mut [one, two], &nodes),
            None => wide.hash_block(&mut [one], &nodes),
        }
    }
}

/// The same by the `blake3` crate, on any processor.
fn hash_portable(
    replica: &mut Layer<'_>,
    first: usize,
    (all_drawn, all_below): (&[[u32; DRAWN]], &[Below]),
) {
    let mut hash = LabelHash {
        key: layer_key(replica.replica_id, replica.layer),
        message: [0; LABEL_BYTES * PARENTS],
    };
    let labels = &mut *replica.labels;
    for (place, drawn) in all_drawn.iter().enumerate() {
        let v = first + place;
        if let Some(soon) = all_drawn.get(place + AHEAD) {
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
        if let Some(below) = all_below.get(place) {
            hash.set_below(below);
        }
        labels[v] = hash.label(v);
    }
}

/// The key of a layer's labels, the number of the node still missing.
fn layer_key(replica_id: &[u8; 32], layer: u8) -> [u8; 32] {
    let mut key = *replica_id;
    key[KEY_ID_BYTES] = layer;
    key
}

/// Key and message of a label in the making; what is never set counts as zero.
struct LabelHash {
    key: [u8; 32],
    message: [u8; LABEL_BYTES * PARENTS],
}

impl LabelHash {
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
    use crate::seal::SealError;
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
            let one = Layer {
                replica_id: id,
                layer,
                below: all.last().map(Vec::as_slice),
                labels: &mut labels,
            };
            label_layers(graph, &mut [one], |_, block, done| {
                shown.extend_from_slice(block);
                assert_eq!(done, shown.len() as u64, "blocks come in order");
                Ok::<_, SealError>(())
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
    fn labels_made_side_by_side_are_those_of_each_replica_alone() {
        let graph = Graph::for_set(&SMALL);
        let nodes = usize::try_from(graph.nodes()).unwrap();
        let ids: [[u8; 32]; 3] = std::array::from_fn(|id| [u8::try_from(id + 5).unwrap(); 32]);
        let alone = ids.map(|id| fast(&graph, &id, 2));
        // In different layers: the first one's second layer beside the first layers of the others.
        let mut made = ids.map(|_| vec![[0; 32]; nodes]);
        let mut layers = Vec::new();
        for ((id, labels), (layer, below)) in
            ids.iter()
                .zip(&mut made)
                .zip([(2, Some(alone[0][0].as_slice())), (1, None), (1, None)])
        {
            layers.push(Layer {
                replica_id: id,
                layer,
                below,
                labels,
            });
        }
        let mut shown: [Vec<LabelBytes>; 3] = Default::default();
        label_layers(&graph, &mut layers, |replica, block, _| {
            shown[replica].extend_from_slice(block);
            Ok::<_, SealError>(())
        })
        .unwrap();
        let expected = [&alone[0][1], &alone[1][0], &alone[2][0]];
        assert_eq!(made.each_ref(), expected);
        assert_eq!(shown.each_ref(), expected, "to each its own blocks");
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn both_ways_to_hash_make_the_same_labels() {
        let Some(wide) = Avx512::detect() else {
            println!("this processor has no AVX-512: one of two ways was not tested");
            return;
        };
        let graph = Graph::for_set(&TEST);
        let row: Vec<LabelBytes> = (0..256u16)
            .map(|node| blake3::hash(&node.to_le_bytes()).into())
            .collect();
        let (ready, blocks) = sync_channel(1);
        let (_recycle, used) = channel();
        gather((&graph, 256), &[None, Some(&row)], &ready, &used);
        let block = blocks.recv().unwrap();
        let ids = [[0xa5; 32], [0x5a; 32]];
        let of = |replica: usize| (&ids[replica], [1, 7][replica], &block.below[replica]);
        let portable = [0, 1].map(|replica| {
            let (replica_id, layer, below) = of(replica);
            let mut labels = vec![[0; 32]; 256];
            let mut layer = Layer {
                replica_id,
                layer,
                below: None,
                labels: &mut labels,
            };
            hash_portable(&mut layer, 0, (&block.drawn, below));
            labels
        });
        let mut pair = [0, 1].map(|_| vec![[0; 32]; 256]);
        let mut alone = pair.clone();
        // In two parts: the second begins with a label that lies in memory.
        for (first, end) in [(0, 100), (100, 256)] {
            let nodes = Nodes {
                first,
                drawn: &block.drawn[first..end],
                ahead: AHEAD,
            };
            let replica = |number: usize, labels| {
                let (id, layer, below) = of(number);
                Replica {
                    key: layer_key(id, layer),
                    labels,
                    below: below.get(first..end).unwrap_or_default(),
                }
            };
            let [one, two] = &mut pair;
            wide.hash_block(&mut [replica(0, one), replica(1, two)], &nodes);
            for (number, labels) in alone.iter_mut().enumerate() {
                wide.hash_block(&mut [replica(number, labels)], &nodes);
            }
        }
        assert_eq!(pair, portable, "two in a register");
        assert_eq!(alone, portable, "one in a register");
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
        let one = Layer {
            replica_id: &[1; 32],
            layer: 1,
            below: None,
            labels: &mut labels,
        };
        let mut blocks = 0;
        let stopped = label_layers(&graph, &mut [one], |_, _, _| {
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
