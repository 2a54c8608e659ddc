//! One core, in strips; throughput in bytes of data (what the user stored), not of pieces.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![expect(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a bench that cannot begin has nothing to measure; small constants"
)]

use std::hint::black_box;
use std::time::Duration;

use cairn_erasure::{Code, STRIP_BYTES};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use reed_solomon_erasure::galois_8::ReedSolomon;

const ROWS: usize = 32;

fn segment(code: &Code) -> Vec<u8> {
    let len = usize::try_from(code.row_bytes()).unwrap() * ROWS;
    (0..len)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect()
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for (k, n) in [(4, 8), (10, 30), (29, 80)] {
        let code = Code::new(k, n, STRIP_BYTES).unwrap();
        let data = segment(&code);
        let mut parity = vec![0; usize::from(n - k) * STRIP_BYTES as usize];
        group.throughput(Throughput::Bytes(data.len() as u64));
        group.bench_function(format!("{k}-of-{n}"), |b| {
            b.iter(|| {
                for row in data.chunks_exact(usize::try_from(code.row_bytes()).unwrap()) {
                    code.encode_row(black_box(row), &mut parity).unwrap();
                }
                black_box(&parity);
            });
        });
    }
    group.finish();
}

/// The worst loss: every data piece gone (as far as there is parity to replace it), all data rebuilt.
fn rebuild(c: &mut Criterion) {
    let mut group = c.benchmark_group("rebuild");
    for (k, n) in [(4_u16, 8_u16), (10, 30), (29, 80)] {
        let code = Code::new(k, n, STRIP_BYTES).unwrap();
        let data = segment(&code);
        let pieces = code.encode_segment(&data);
        let present: Vec<u8> = (n - k..n).map(|i| i as u8).collect();
        let decoder = code.decoder(&present).unwrap();
        let strip = STRIP_BYTES as usize;
        let mut out = vec![0; usize::try_from(code.row_bytes()).unwrap()];
        group.throughput(Throughput::Bytes(data.len() as u64));
        group.bench_function(format!("{k}-of-{n}"), |b| {
            b.iter(|| {
                for row in 0..ROWS {
                    let inputs: Vec<&[u8]> = present
                        .iter()
                        .map(|i| &pieces[usize::from(*i)][row * strip..(row + 1) * strip])
                        .collect();
                    let mut outputs: Vec<&mut [u8]> = out.chunks_exact_mut(strip).collect();
                    decoder.row(black_box(&inputs), &mut outputs).unwrap();
                }
                black_box(&out);
            });
        });
    }
    group.finish();
}

/// The crate's own encoder on the same strips, in the same run.
fn peer(c: &mut Criterion) {
    let mut group = c.benchmark_group("peer_reed_solomon_erasure");
    let code = Code::new(10, 30, STRIP_BYTES).unwrap();
    let data = segment(&code);
    let coder = ReedSolomon::new(10, 20).unwrap();
    let mut parity = vec![vec![0_u8; STRIP_BYTES as usize]; 20];
    group.throughput(Throughput::Bytes(data.len() as u64));
    group.bench_function("encode_10-of-30", |b| {
        b.iter(|| {
            for row in data.chunks_exact(usize::try_from(code.row_bytes()).unwrap()) {
                let strips: Vec<&[u8]> = row.chunks_exact(STRIP_BYTES as usize).collect();
                coder.encode_sep(black_box(&strips), &mut parity).unwrap();
            }
            black_box(&parity);
        });
    });
    group.finish();
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(20).warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(3));
    targets = encode, rebuild, peer
}
criterion_main!(benches);
