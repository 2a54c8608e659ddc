//! Permutations: the one on paper, the portable one, rows on each engine, and the published library beside them.

use cairn_merkle::Fr;
use cairn_merkle::poseidon2::{self, Engine, WIDTH, hash_row, reference};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use zkhash::fields::bls12::FpBLS12;
use zkhash::poseidon2::poseidon2::Poseidon2;
use zkhash::poseidon2::poseidon2_instance_bls12::POSEIDON2_BLS_8_PARAMS;

/// Bytes of an element.
const ELEMENT_BYTES: u64 = 32;

fn one(c: &mut Criterion) {
    let mut state = [(); WIDTH].map(|()| Fr::from(7u64));
    poseidon2::permute(&mut state);
    let mut group = c.benchmark_group("poseidon2");
    group.throughput(Throughput::Bytes(ELEMENT_BYTES * WIDTH as u64));
    group.bench_function("permute_portable/16", |b| {
        b.iter(|| poseidon2::permute(black_box(&mut state)));
    });
    group.bench_function("compress_portable/16", |b| {
        b.iter(|| poseidon2::compress(black_box(&state)));
    });
    group.bench_function("permute_reference/16", |b| {
        b.iter(|| reference::permute(black_box(&mut state)));
    });
    group.throughput(Throughput::Bytes(ELEMENT_BYTES * 8));
    let theirs = Poseidon2::new(&POSEIDON2_BLS_8_PARAMS);
    let state = [FpBLS12::from(7u64); 8];
    group.bench_function("permute_zkhash/8", |b| {
        b.iter(|| theirs.permutation(black_box(&state)));
    });
    group.finish();
}

/// One thread. Where the processor has one engine only, each count stands once.
fn rows(c: &mut Criterion) {
    let mut engines = vec![Engine::PORTABLE, Engine::best()];
    engines.dedup();
    let mut group = c.benchmark_group("poseidon2");
    for count in [8, 16, 64] {
        let children: Vec<Fr> = (0..count * WIDTH as u64)
            .map(|x| Fr::from(x + 3) * Fr::from(u64::MAX))
            .collect();
        group.throughput(Throughput::Bytes(ELEMENT_BYTES * WIDTH as u64 * count));
        for engine in &engines {
            group.bench_function(format!("hash_row_{}/{count}_groups", engine.name()), |b| {
                b.iter(|| hash_row(*engine, black_box(&children), Fr::from(1u64)));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, one, rows);
criterion_main!(benches);
