//! One permutation: the fast one beside the one on paper.

use cairn_merkle::Fr;
use cairn_merkle::poseidon2::{self, reference};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;

fn poseidon2(c: &mut Criterion) {
    let mut state = [(); 16].map(|()| Fr::from(7u64));
    poseidon2::permute(&mut state);
    let mut group = c.benchmark_group("poseidon2");
    group.bench_function("permute_fast/16", |b| {
        b.iter(|| poseidon2::permute(black_box(&mut state)));
    });
    group.bench_function("compress/16", |b| {
        b.iter(|| poseidon2::compress(black_box(&state)));
    });
    group.bench_function("permute_reference/16", |b| {
        b.iter(|| reference::permute(black_box(&mut state)));
    });
    group.finish();
}

criterion_group!(benches, poseidon2);
criterion_main!(benches);
