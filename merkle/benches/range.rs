//! BLAKE3 content ids, outboards, and encoding and verifying ranges; one thread except `content_id`.

use cairn_merkle::ContentId;
use cairn_merkle::range::{Outboard, RangeVerifier, encode_range};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;

const LEN: u64 = 16 << 20;

fn range(c: &mut Criterion) {
    let bytes: Vec<u8> = (0..LEN)
        .map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    let mut group = c.benchmark_group("range");
    group.sample_size(20);
    group.throughput(Throughput::Bytes(LEN));
    group.bench_function("content_id_all_cores/16_MiB", |b| {
        b.iter(|| ContentId::of(black_box(&bytes)));
    });
    group.bench_function("outboard_build/16_MiB", |b| {
        b.iter(|| Outboard::build(black_box(&bytes)));
    });
    let built = Outboard::build(&bytes)
        .and_then(|(id, outboard)| Ok((id, Outboard::from_parts(id, LEN, outboard)?)))
        .and_then(|(id, outboard)| {
            Ok((id, encode_range(&bytes[..], &outboard, 0, LEN)?, outboard))
        });
    if let Ok((id, encoded, outboard)) = built {
        group.bench_function("encode_validated/16_MiB", |b| {
            b.iter(|| encode_range(black_box(&bytes[..]), &outboard, 0, LEN));
        });
        group.bench_function("verify/16_MiB_in_64_KiB_slices", |b| {
            b.iter(|| {
                let mut out = Vec::new();
                let mut verifier = RangeVerifier::new(id, LEN, 0, LEN)?;
                for slice in encoded.chunks(64 * 1024) {
                    verifier.push(black_box(slice), &mut out)?;
                    out.clear();
                }
                verifier.finish()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, range);
criterion_main!(benches);
