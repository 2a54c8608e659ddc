//! Trees over field elements of BLS12-381 on one core: megabytes of leaves a second.

use std::error::Error;
use std::hint::black_box;
use std::io::{Write as _, stdout};
use std::time::Instant;

use blstrs::Scalar;
use cairn_merkle::tree::{CHUNK_LEAVES, chunk_root};
use cairn_merkle::{Fr, TreeKind};
use ff::Field as _;
use generic_array::typenum::{U8, U11};
use neptune::Arity;
use neptune::poseidon::{Poseidon, PoseidonConstants};
use zkhash::fields::bls12::FpBLS12;
use zkhash::poseidon2::poseidon2::Poseidon2;
use zkhash::poseidon2::poseidon2_instance_bls12::{POSEIDON2_BLS_4_PARAMS, POSEIDON2_BLS_8_PARAMS};

use crate::turns::median;

const ROUNDS: usize = 7;
/// Trees a round.
const TREES: u32 = 20;
const LEAF_BYTES: f64 = 32.0;

/// One kind of tree: what is hashed, and how many leaves at once.
struct Contender {
    name: &'static str,
    arity: usize,
    leaves: usize,
    work: Box<dyn FnMut()>,
}

/// Prints a row for each.
pub fn table() -> Result<(), Box<dyn Error>> {
    // Ours takes all cores of the pool it runs in.
    rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build_global()?;
    let mut all = [
        ours()?,
        zkhash(
            "Poseidon2, width 8 (zkhash 0.2)",
            Poseidon2::new(&POSEIDON2_BLS_8_PARAMS),
        ),
        zkhash(
            "Poseidon2, width 4 (zkhash 0.2)",
            Poseidon2::new(&POSEIDON2_BLS_4_PARAMS),
        ),
        neptune::<U8>("Poseidon, width 9 (neptune 13)"),
        neptune::<U11>("Poseidon, width 12 (neptune 13)"),
    ];
    let mut seconds: [Vec<f64>; 5] = Default::default();
    for round in 0..=ROUNDS {
        eprintln!("peers: hashes, round {round} of {ROUNDS}");
        for (contender, seconds) in all.iter_mut().zip(&mut seconds) {
            let start = Instant::now();
            for _ in 0..TREES {
                (contender.work)();
            }
            if round > 0 {
                seconds.push(start.elapsed().as_secs_f64() / f64::from(TREES));
            }
        }
    }
    let mut out = stdout().lock();
    writeln!(
        out,
        "| tree | arity | one hash, us | MB of leaves / s, one core | time, Cairn = 1 |\n|---|---|---|---|---|"
    )?;
    let mut ours = None;
    for (contender, seconds) in all.iter().zip(seconds) {
        let Contender {
            name,
            arity,
            leaves,
            ..
        } = *contender;
        let took = median(seconds.into_iter());
        let rate = leaves as f64 * LEAF_BYTES / took / 1e6;
        let hash_us = took / hashes_of(leaves, arity) as f64 * 1e6;
        let ours = *ours.get_or_insert(rate);
        writeln!(
            out,
            "| {name} | {arity} | {hash_us:.1} | {rate:.1} | {:.2} |",
            ours / rate
        )?;
    }
    Ok(())
}

/// Hashes of a whole tree.
fn hashes_of(leaves: usize, arity: usize) -> usize {
    let mut row = leaves;
    let mut hashes = 0;
    while row > 1 {
        row /= arity;
        hashes += row;
    }
    hashes
}

fn ours() -> Result<Contender, Box<dyn Error>> {
    let leaves: Vec<Fr> = full_size(Fr::from(3u64), CHUNK_LEAVES, |x| x * x + Fr::from(5u64));
    chunk_root(TreeKind::Data, &leaves)?;
    Ok(Contender {
        name: "Poseidon2, width 16 (Cairn)",
        arity: 16,
        leaves: CHUNK_LEAVES,
        work: Box::new(move || {
            let _root = black_box(chunk_root(TreeKind::Data, black_box(&leaves)));
        }),
    })
}

/// A compression as ours: the permutation's first element plus the first element of the input.
fn zkhash(name: &'static str, permutation: Poseidon2<FpBLS12>) -> Contender {
    let arity = permutation.get_t();
    let leaves = full_size(FpBLS12::from(3u64), 4096, |x| x * x + FpBLS12::from(5u64));
    Contender {
        name,
        arity,
        leaves: leaves.len(),
        work: Box::new(move || {
            let hash = |group: &[FpBLS12]| permutation.permutation(group)[0] + group[0];
            black_box(root(black_box(&leaves), arity, hash));
        }),
    }
}

fn neptune<A: Arity<Scalar>>(name: &'static str) -> Contender {
    let arity = A::to_usize();
    let constants: &'static PoseidonConstants<Scalar, A> =
        Box::leak(Box::new(PoseidonConstants::new()));
    let mut poseidon = Poseidon::new(constants);
    let count = arity.pow(4096usize.ilog(arity));
    let leaves = full_size(Scalar::from(3u64), count, |x| {
        x.square() + Scalar::from(5u64)
    });
    Contender {
        name,
        arity,
        leaves: count,
        work: Box::new(move || {
            black_box(root(black_box(&leaves), arity, |group| {
                poseidon.set_preimage(group);
                poseidon.hash()
            }));
        }),
    }
}

/// The root of a tree whose rows are all full.
fn root<F: Copy>(leaves: &[F], arity: usize, mut hash: impl FnMut(&[F]) -> F) -> F {
    let mut row: Vec<F> = leaves.chunks_exact(arity).map(&mut hash).collect();
    while row.len() > 1 {
        row = row.chunks_exact(arity).map(&mut hash).collect();
    }
    row[0]
}

fn full_size<F: Copy>(first: F, count: usize, next: impl Fn(F) -> F) -> Vec<F> {
    std::iter::successors(Some(first), |x| Some(next(*x)))
        .skip(16)
        .take(count)
        .collect()
}
