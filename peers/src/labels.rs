//! The label of a node of a sealed sector: ours (BLAKE3 over 14 parents) and Filecoin's (SHA-256 over 37).
//!
//! ```text
//! Filecoin's label = SHA-256(replica id 32 | layer u32 BE | node u64 BE | 20 zeros | 37 x 32 bytes), top two bits cleared
//!                    37 = the 14 parents, once more, and the first nine of them: 1,248 bytes, 20 blocks
//! ```
//!
//! Source: Filecoin's specification of sealing (stacked DRG). Both take the parents of the same small graph, known beforehand,
//! and read their labels from two layers that the caches hold; each label needs the one before.

use std::error::Error;
use std::hint::black_box;
use std::io::{Write as _, stdout};
use std::time::Instant;

use cairn_prover::graph::{DRG_PARENTS, EXPANDER_PARENTS, Graph};
use cairn_prover::seal::layer::{Layer, label_layers};
use sha2::{Digest as _, Sha256};

use crate::turns::median;

const LOG2: u32 = 16;
const NODES: usize = 1 << LOG2;
const ROUNDS: usize = 7;
const PARENTS: usize = DRG_PARENTS + EXPANDER_PARENTS;
const REPLICA_ID: [u8; 32] = [3; 32];
/// Layers of a sealed sector in production: ours, Filecoin's.
const LAYERS: [f64; 2] = [8.0, 11.0];

type Label = [u8; 32];

/// Prints nanoseconds of a label.
pub fn table() -> Result<(), Box<dyn Error>> {
    let graph = Graph::new("peers", LOG2);
    let parents: Vec<[u32; PARENTS]> = (0..1u32 << LOG2).map(|v| parents(&graph, v)).collect();
    let below = vec![[5; 32]; NODES];
    let mut labels = vec![[0; 32]; NODES];
    let mut times: [Vec<f64>; 4] = Default::default();
    for round in 0..=ROUNDS {
        eprintln!("peers: labels, round {round} of {ROUNDS}");
        let took = [
            ours(&graph, &below, &mut labels)?,
            filecoin(&parents, &below, &mut labels),
            blake3_alone(),
            sha256_alone(),
        ];
        if round > 0 {
            for (times, took) in times.iter_mut().zip(took) {
                times.push(took);
            }
        }
    }
    let [ours, filecoin, blake3, sha256] = times.map(|times| median(times.into_iter()));
    let mut out = stdout().lock();
    writeln!(
        out,
        "| what | ns a label | all layers of a node, ns | time, Cairn = 1 |\n|---|---|---|---|"
    )?;
    let rows = [
        (
            "Cairn: BLAKE3 over 14 parents, read and hashed, 8 layers",
            ours,
            LAYERS[0],
            ours,
        ),
        (
            "Filecoin: SHA-256 over 37 parents, read and hashed, 11 layers",
            filecoin,
            LAYERS[1],
            ours,
        ),
        (
            "BLAKE3 keyed, 448 bytes, the hash alone",
            blake3,
            LAYERS[0],
            blake3,
        ),
        (
            "SHA-256, 1,248 bytes, the hash alone",
            sha256,
            LAYERS[1],
            blake3,
        ),
    ];
    for (what, each, layers, base) in rows {
        let all = each * layers;
        writeln!(
            out,
            "| {what} | {each:.0} | {all:.0} | {:.2} a label, {:.2} a node |",
            each / base,
            all / (base * LAYERS[0])
        )?;
    }
    Ok(())
}

/// The 14 parents of a node; those of node 0 in its own layer are the node itself, which stands for zeros.
fn parents(graph: &Graph, v: u32) -> [u32; PARENTS] {
    let mut all = [0; PARENTS];
    if v > 0 {
        all[..DRG_PARENTS].copy_from_slice(&graph.drg_parents(v));
    }
    all[DRG_PARENTS..].copy_from_slice(&graph.expander_parents(v));
    all
}

/// Nanoseconds a label, from the first block that is done to the last: a second thread prepares the parents of a block
/// before it is hashed, and only the first block waits for it.
fn ours(graph: &Graph, below: &[Label], labels: &mut [Label]) -> Result<f64, Box<dyn Error>> {
    let mut replicas = [Layer {
        replica_id: &REPLICA_ID,
        layer: 2,
        below: Some(below),
        labels,
    }];
    let (mut first, mut last) = (None, None);
    let block_done = |_: usize, _: &[Label], done: u64| {
        let now = (Instant::now(), done);
        first.get_or_insert(now);
        last = Some(now);
        Ok::<(), Box<dyn Error>>(())
    };
    label_layers(graph, &mut replicas, block_done)?;
    let ((start, from), (end, to)) = first.zip(last).ok_or("no block was made")?;
    Ok((end - start).as_secs_f64() * 1e9 / (to - from) as f64)
}

fn filecoin(parents: &[[u32; PARENTS]], below: &[Label], labels: &mut [Label]) -> f64 {
    let start = Instant::now();
    for (node, parents) in parents.iter().enumerate() {
        labels[node] = filecoin_label(node as u64, parents, below, labels);
    }
    black_box(&labels);
    start.elapsed().as_secs_f64() * 1e9 / parents.len() as f64
}

fn filecoin_label(node: u64, parents: &[u32; PARENTS], below: &[Label], labels: &[Label]) -> Label {
    let mut message = [[0u8; 32]; 2 + 37];
    message[0] = REPLICA_ID;
    message[1][..4].copy_from_slice(&2u32.to_be_bytes());
    message[1][4..12].copy_from_slice(&node.to_be_bytes());
    for (i, parent) in parents.iter().enumerate() {
        let from = if i < DRG_PARENTS { labels } else { below };
        message[2 + i] = from[*parent as usize];
    }
    message.copy_within(2..2 + PARENTS, 2 + PARENTS);
    message.copy_within(2..2 + 37 - 2 * PARENTS, 2 + 2 * PARENTS);
    let mut label: Label = Sha256::digest(message.as_flattened()).into();
    label[31] &= 0x3f;
    label
}

/// A chain of hashes, each of which begins with the one before.
fn blake3_alone() -> f64 {
    let mut message = [7u8; 14 * 32];
    let start = Instant::now();
    for _ in 0..NODES {
        let hash = blake3::keyed_hash(&REPLICA_ID, black_box(&message));
        message[..32].copy_from_slice(hash.as_bytes());
    }
    black_box(&message);
    start.elapsed().as_secs_f64() * 1e9 / NODES as f64
}

fn sha256_alone() -> f64 {
    let mut message = [7u8; 39 * 32];
    let start = Instant::now();
    for _ in 0..NODES {
        let hash = Sha256::digest(black_box(&message));
        message[64..96].copy_from_slice(&hash);
    }
    black_box(&message);
    start.elapsed().as_secs_f64() * 1e9 / NODES as f64
}
