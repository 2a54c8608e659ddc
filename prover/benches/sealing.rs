//! Labels, whole seals and the way back.
//!
//! ```text
//! cargo bench -p cairn-prover --bench sealing --profile dev
//! CAIRN_BENCH_LABELS_LOG2=24 cargo bench ..    labels of 512 MiB sectors, as the test network has them: minutes
//! ```
//!
//! The clock alone is measured here; `contracts/examples/seal_on_chain.rs` gives processor time and memory of one whole
//! sector, its proofs included.

#![expect(
    clippy::unwrap_used,
    reason = "benches stop at what they did not expect"
)]

use std::{env, hint::black_box, path::Path, sync::atomic::AtomicBool, time::Duration};

use cairn_merkle::{Fr, field};
use cairn_prover::{
    graph::{DrgDraw, Graph},
    params::{DEVNET, PEER, ParamSet},
    seal::{
        ChunkError, Keep, Labels, LeafChunks, SealError, Watch, finish_together,
        layer::{Layer, label_layers},
        seal, unseal,
    },
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tempfile::TempDir;

static GO_ON: AtomicBool = AtomicBool::new(false);

fn watch() -> Watch<'static> {
    Watch::new(&|_| (), &GO_ON)
}

/// The same chunk of data all over the sector: what it costs to make data up is not measured.
struct Same(Vec<u8>);

impl Same {
    fn new() -> Self {
        let leaves = (0..4096u64).map(|leaf| field::to_bytes(&Fr::from(leaf * leaf + 17)));
        Self(leaves.flatten().collect())
    }
}

impl LeafChunks for Same {
    fn chunk(&self, _: u64) -> Result<Vec<u8>, ChunkError> {
        Ok(self.0.clone())
    }
}

fn log2_of_labels() -> u32 {
    env::var("CAIRN_BENCH_LABELS_LOG2").map_or(20, |log2| log2.parse().unwrap())
}

fn parents(criterion: &mut Criterion) {
    const COUNT: u32 = 10_000;
    let graph = Graph::new("testnet", 24);
    let mut group = criterion.benchmark_group("parents");
    group.throughput(Throughput::Elements(u64::from(COUNT)));
    let mut draw = DrgDraw::new(graph.seed());
    group.bench_function("drg/10000", |bencher| {
        bencher.iter(|| (5_000_000..5_000_000 + COUNT).fold(0, |x, v| x ^ draw.parents(v)[3]));
    });
    group.bench_function("expander/10000", |bencher| {
        bencher.iter(|| {
            let parents = |v| graph.expander_parents(black_box(v));
            (0..COUNT).fold(0, |x, v| parents(v).iter().fold(x, |x, parent| x ^ parent))
        });
    });
    group.finish();
}

/// Elements are labels: the time of one is that of a node and layer.
fn labels(criterion: &mut Criterion) {
    let log2 = log2_of_labels();
    let graph = Graph::new("testnet", log2);
    let nodes = 1 << log2;
    let mut group = criterion.benchmark_group("labels");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(20));
    group.throughput(Throughput::Elements(nodes as u64));
    let below = vec![[5; 32]; nodes];
    let mut made = [0, 1].map(|_| vec![[0; 32]; nodes]);
    for (name, replicas, layer, below) in [
        ("first", 1, 1, None),
        ("later", 1, 2, Some(below.as_slice())),
        ("later_of_two", 2, 2, Some(below.as_slice())),
    ] {
        group.throughput(Throughput::Elements((replicas * nodes) as u64));
        group.bench_function(BenchmarkId::new(name, format!("2^{log2}")), |bencher| {
            bencher.iter(|| {
                let mut layers: Vec<_> = made[..replicas]
                    .iter_mut()
                    .map(|labels| Layer {
                        replica_id: &[3; 32],
                        layer,
                        below,
                        labels,
                    })
                    .collect();
                label_layers(&graph, black_box(&mut layers), |_, _, _| {
                    Ok::<_, SealError>(())
                })
                .unwrap();
            });
        });
    }
    group.finish();
}

fn labels_in(set: &ParamSet, folder: &Path, keep: Keep) -> Labels {
    let mut labels = Labels::open(set, folder, Fr::from(11u64), keep, watch()).unwrap();
    labels.finish(watch()).unwrap();
    labels
}

/// Of two sectors, made side by side, in two folders.
fn labels_of_two(set: &ParamSet, keep: Keep) -> ([TempDir; 2], [Labels; 2]) {
    let folders = [0, 1].map(|_| tempfile::tempdir().unwrap());
    let mut both = folders
        .each_ref()
        .map(|folder| Labels::open(set, folder.path(), Fr::from(11u64), keep, watch()).unwrap());
    let mut watched = both.each_mut().map(|labels| (labels, watch()));
    finish_together(&mut watched).unwrap();
    (folders, both)
}

/// Labels, both trees and the replica, on all cores; then back with the labels at hand.
fn whole(criterion: &mut Criterion) {
    let data = Same::new();
    let sets = [(2, PEER), (8, ParamSet { layers: 8, ..PEER }), (2, DEVNET)];
    let mut group = criterion.benchmark_group("sector");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(30));
    for (layers, set) in sets {
        let id = format!("{}_MiB_{layers}_layers", set.sector_bytes() >> 20);
        group.throughput(Throughput::Bytes(set.sector_bytes()));
        group.bench_function(BenchmarkId::new("seal", &id), |bencher| {
            bencher.iter_with_large_drop(|| {
                let folder = tempfile::tempdir().unwrap();
                let mut labels = labels_in(&set, folder.path(), Keep::All);
                let sealed = seal(&mut labels, &data, &mut |_, _| Ok(()), watch()).unwrap();
                (folder, sealed)
            });
        });
        let whole = 0..set.sector_leaves() / 4096;
        group.bench_function(BenchmarkId::new("unseal", &id), |bencher| {
            bencher.iter_with_large_drop(|| {
                let folder = tempfile::tempdir().unwrap();
                let labels = labels_in(&set, folder.path(), Keep::Newest);
                unseal(&labels, &data, whole.clone(), &mut |_, _| Ok(()), watch()).unwrap();
                folder
            });
        });
        // As a node does it: labels side by side, then one after the other on all cores.
        group.throughput(Throughput::Bytes(2 * set.sector_bytes()));
        group.bench_function(BenchmarkId::new("seal_two", &id), |bencher| {
            bencher.iter_with_large_drop(|| {
                let (folders, both) = labels_of_two(&set, Keep::All);
                for mut labels in both {
                    seal(&mut labels, &data, &mut |_, _| Ok(()), watch()).unwrap();
                }
                folders
            });
        });
        group.bench_function(BenchmarkId::new("unseal_two", &id), |bencher| {
            bencher.iter_with_large_drop(|| {
                let (folders, both) = labels_of_two(&set, Keep::Newest);
                for labels in both {
                    unseal(&labels, &data, whole.clone(), &mut |_, _| Ok(()), watch()).unwrap();
                }
                folders
            });
        });
        group.throughput(Throughput::Bytes(set.sector_bytes()));
        let folder = tempfile::tempdir().unwrap();
        let labels = labels_in(&set, folder.path(), Keep::All);
        group.bench_function(BenchmarkId::new("decode", &id), |bencher| {
            bencher.iter(|| {
                unseal(&labels, &data, whole.clone(), &mut |_, _| Ok(()), watch()).unwrap();
            });
        });
    }
    group.finish();
}

criterion_group!(benches, parents, labels, whole);
criterion_main!(benches);
