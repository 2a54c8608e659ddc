//! 16-ary trees over 32-byte leaves: bytes hashed a second, on one core and on all.

use cairn_merkle::domain::level_constant;
use cairn_merkle::poseidon2::{Engine, hash_row};
use cairn_merkle::tree::{self, CHUNK_LEAVES, CHUNK_LEVELS, SparseTree};
use cairn_merkle::{Fr, TreeKind, field, fr32, piece};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

fn leaves(count: usize) -> Vec<Fr> {
    (1..=count as u64)
        .map(|x| Fr::from(x) * Fr::from(u64::MAX))
        .collect()
}

fn tree(c: &mut Criterion) {
    let mut group = c.benchmark_group("tree");
    group.sample_size(20);

    let chunk = leaves(CHUNK_LEAVES);
    group.throughput(Throughput::Bytes(32 * CHUNK_LEAVES as u64));
    group.bench_function("root_one_core/4096_leaves", |b| {
        b.iter(|| tree::chunk_root(TreeKind::Data, black_box(&chunk)));
    });
    let stored: Vec<u8> = chunk.iter().flat_map(field::to_bytes).collect();
    group.bench_function("root_of_stored_one_core/4096_leaves", |b| {
        b.iter(|| tree::chunk_root_of_stored(TreeKind::Data, black_box(&stored)));
    });
    // The same three rows as above, whatever the processor has.
    group.bench_function("root_one_core_portable/4096_leaves", |b| {
        b.iter(|| {
            let mut row = black_box(&chunk).clone();
            for level in 1..=CHUNK_LEVELS {
                let constant = level_constant(TreeKind::Data, level);
                row = hash_row(Engine::PORTABLE, &row, constant);
            }
            row
        });
    });

    let many = leaves(1 << 16);
    group.throughput(Throughput::Bytes(32 << 16));
    group.bench_function("root_all_cores/65536_leaves", |b| {
        b.iter(|| tree::root(TreeKind::Data, black_box(&many)));
    });

    let shape = tree::Shape::of_leaves(CHUNK_LEAVES as u64);
    if let Ok(shape) = shape {
        let roots: Vec<Fr> = tree::chunk_root(TreeKind::Data, &chunk)
            .into_iter()
            .collect();
        if let Ok(sparse) = SparseTree::from_chunk_roots(TreeKind::Data, shape, roots) {
            group.throughput(Throughput::Elements(1));
            group.bench_function("open_leaf/4096_leaf_chunk", |b| {
                b.iter(|| sparse.open(black_box(77), &chunk));
            });
        }
    }
    group.finish();

    let bytes: Vec<u8> = (0..4u32 << 20)
        .map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    let mut group = c.benchmark_group("piece");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("commit_all_cores/4_MiB", |b| {
        b.iter(|| piece::commit(black_box(&bytes)));
    });
    group.bench_function("fr32_encode_stored/4_MiB", |b| {
        b.iter(|| fr32::encode_stored(black_box(&bytes)));
    });
    let stored = fr32::encode_stored(&bytes);
    group.bench_function("fr32_decode_stored/4_MiB", |b| {
        b.iter(|| fr32::decode_stored(black_box(&stored), bytes.len() as u64));
    });
    group.finish();
}

criterion_group!(benches, tree);
criterion_main!(benches);
