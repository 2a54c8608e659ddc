//! Proofs of spacetime over 1, 64 and 4,096 sectors: the time must not grow. All sectors of a provider share one
//! made-up content, so that a full tree fits in memory; what is proven about each is as real as ever. Before them the transforms
//! beside the library's.
//!
//! ```text
//! cargo bench -p cairn-prover --bench proving
//! CAIRN_BENCH_TESTNET=1 cargo bench -p cairn-prover --bench proving     also 128 samples at 512 MiB sectors: 3 GB, minutes
//! ```

#![expect(
    clippy::unwrap_used,
    reason = "benches stop at what they did not expect"
)]

use std::{hint::black_box, time::Duration};

use ark_bls12_381::Fr;
use ark_ff::{FftField, UniformRand};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use cairn_prover::{
    beacon,
    circuits::{CircuitName, Circuits},
    groth16::{Key, blinding_rng, prove, setup_insecure, transform::Transforms, verify},
    params::{self, ParamSet},
    synthetic::{SyntheticProvider, SyntheticSector},
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

fn key(set: &ParamSet, circuit: CircuitName) -> Key {
    setup_insecure(
        set.name,
        circuit.as_str(),
        &Circuits::for_set(set).blank(circuit),
    )
    .unwrap()
}

fn spacetime(criterion: &mut Criterion, set: &ParamSet) {
    let key = key(set, CircuitName::Spacetime);
    let sector = SyntheticSector::new(set).unwrap();
    let mut group = criterion.benchmark_group(format!("spacetime_prove_{}", set.name));
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(20));
    group.throughput(Throughput::Elements(
        u64::try_from(key.matrices().constraints()).unwrap(),
    ));
    for count in [1, 64, 4096] {
        let provider = SyntheticProvider::new(&sector, count).unwrap();
        let (_, circuit) = provider.spacetime(7.into()).unwrap();
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.iter(|| prove(&key, black_box(&circuit), &mut blinding_rng([1; 32])).unwrap());
        });
    }
    group.finish();
}

fn spacetime_peer(criterion: &mut Criterion) {
    spacetime(criterion, &params::PEER);
}

fn spacetime_testnet(criterion: &mut Criterion) {
    // Minutes and gigabytes: only when asked for.
    if std::env::var_os("CAIRN_BENCH_TESTNET").is_some() {
        spacetime(criterion, &params::TESTNET);
    }
}

fn others(criterion: &mut Criterion) {
    let set = &params::DEVNET;
    let sector = SyntheticSector::new(set).unwrap();
    let provider = SyntheticProvider::new(&sector, 5).unwrap();
    let mut group = criterion.benchmark_group(format!("prove_{}", set.name));
    group.sample_size(10);
    let append = provider.append().unwrap().1;
    let append_key = key(set, CircuitName::Append);
    group.bench_function("append", |bencher| {
        bencher
            .iter(|| prove(&append_key, black_box(&append), &mut blinding_rng([1; 32])).unwrap());
    });
    let retire = provider.retire(0).unwrap().1;
    let retire_key = key(set, CircuitName::Retire);
    group.bench_function("retire", |bencher| {
        bencher
            .iter(|| prove(&retire_key, black_box(&retire), &mut blinding_rng([1; 32])).unwrap());
    });
    let include = sector.include().unwrap().1;
    let include_key = key(set, CircuitName::Include);
    group.bench_function("include", |bencher| {
        bencher.iter(|| {
            prove(
                &include_key,
                black_box(&include),
                &mut blinding_rng([1; 32]),
            )
            .unwrap()
        });
    });
    let dispute = sector.dispute(false, 5).unwrap().1;
    let dispute_key = key(set, CircuitName::Dispute);
    group.bench_function("dispute", |bencher| {
        bencher.iter(|| {
            prove(
                &dispute_key,
                black_box(&dispute),
                &mut blinding_rng([1; 32]),
            )
            .unwrap()
        });
    });
    group.finish();
    keys_and_checks(criterion, &append_key);
}

fn keys_and_checks(criterion: &mut Criterion, key: &Key) {
    let set = &params::DEVNET;
    let sector = SyntheticSector::new(set).unwrap();
    let (statement, circuit) = SyntheticProvider::new(&sector, 5)
        .unwrap()
        .append()
        .unwrap();
    let proof = prove(key, &circuit, &mut blinding_rng([1; 32])).unwrap();
    let inputs = statement.public_inputs();
    criterion.bench_function("verify/5_inputs", |bencher| {
        bencher.iter(|| verify(key.verifying_key(), black_box(&proof), &inputs).unwrap());
    });
    let bytes = key.to_file_bytes();
    let mut group = criterion.benchmark_group("key_file_read");
    group.throughput(Throughput::Bytes(u64::try_from(bytes.len()).unwrap()));
    group.bench_function("append_devnet", |bencher| {
        bencher.iter(|| Key::from_file_bytes(black_box(&bytes)).unwrap());
    });
    group.finish();
    let secret = beacon::SecretKey::from_seed(&[1; 32]).unwrap();
    let (public, signature) = (secret.public_key(), secret.sign(1).unwrap());
    criterion.bench_function("beacon_verify/1_round", |bencher| {
        bencher.iter(|| public.verify(black_box(1), &signature).unwrap());
    });
}

/// Each beside the library's transform of the same numbers.
fn transforms(criterion: &mut Criterion) {
    for log in [16, 20] {
        let size = 1 << log;
        let domain = Radix2EvaluationDomain::<Fr>::new(size).unwrap();
        let coset = domain.get_coset(Fr::GENERATOR).unwrap();
        let mut ours = Transforms::new(size).unwrap();
        let mut rng = blinding_rng([1; 32]);
        let mut numbers: Vec<Fr> = (0..size).map(|_| Fr::rand(&mut rng)).collect();
        let mut group = criterion.benchmark_group(format!("transform_2^{log}"));
        group.sample_size(10);
        group.throughput(Throughput::Elements(u64::try_from(size).unwrap()));
        group.bench_function("from_subgroup", |bencher| {
            bencher.iter(|| ours.from_subgroup(black_box(&mut numbers)));
        });
        group.bench_function("from_subgroup_library", |bencher| {
            bencher.iter(|| domain.ifft_in_place(black_box(&mut numbers)));
        });
        group.bench_function("to_coset", |bencher| {
            bencher.iter(|| ours.to_coset(black_box(&mut numbers)));
        });
        group.bench_function("to_coset_library", |bencher| {
            bencher.iter(|| coset.fft_in_place(black_box(&mut numbers)));
        });
        group.bench_function("from_coset", |bencher| {
            bencher.iter(|| ours.from_coset(black_box(&mut numbers)));
        });
        group.bench_function("from_coset_library", |bencher| {
            bencher.iter(|| coset.ifft_in_place(black_box(&mut numbers)));
        });
        group.finish();
    }
}

criterion_group!(
    benches,
    transforms,
    spacetime_peer,
    others,
    spacetime_testnet
);
criterion_main!(benches);
