//! Every transform against the library's, and which sizes take which way.

use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, FftField, Field, UniformRand};
use ark_poly::{EvaluationDomain, Radix2EvaluationDomain};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::Transforms;

/// Numbers of a kind: any, the largest, zeros but one.
fn numbers(size: usize) -> [Vec<Fr>; 3] {
    let mut rng = ChaCha20Rng::from_seed([7; 32]);
    // The form in memory of -2^-256 is the largest, r - 1.
    let largest = -Fr::from(2u64).pow([256]).inverse().unwrap();
    let mut single = vec![Fr::ZERO; size];
    single[size - 3 % size] = Fr::ONE;
    [
        (0..size).map(|_| Fr::rand(&mut rng)).collect(),
        vec![largest; size],
        single,
    ]
}

fn transforms(log: u32) -> (Transforms, [Radix2EvaluationDomain<Fr>; 2]) {
    let subgroup = Radix2EvaluationDomain::<Fr>::new(1 << log).unwrap();
    let coset = subgroup.get_coset(Fr::GENERATOR).unwrap();
    let transforms = Transforms::new(1 << log).unwrap();
    assert_eq!(transforms.size(), 1 << log);
    (transforms, [subgroup, coset])
}

/// Each transform of these numbers against the library's.
fn compare(log: u32, numbers: &[Fr]) {
    let (mut transforms, [subgroup, coset]) = transforms(log);
    let mut got = numbers.to_vec();
    transforms.from_subgroup(&mut got);
    assert!(got == subgroup.ifft(numbers), "from H, 2^{log}");
    let mut got = numbers.to_vec();
    transforms.to_coset(&mut got);
    assert!(got == coset.fft(numbers), "to gH, 2^{log}");
    let mut got = numbers.to_vec();
    transforms.from_coset(&mut got);
    assert!(got == coset.ifft(numbers), "from gH, 2^{log}");
}

#[test]
fn transforms_of_every_size_agree_with_the_library() {
    for log in 2..=15 {
        for numbers in numbers(1 << log) {
            compare(log, &numbers);
        }
    }
}

#[test]
fn transforms_of_the_largest_circuits_agree_with_the_library() {
    let [any, largest, _] = numbers(1 << 20);
    compare(20, &any);
    compare(20, &largest);
    compare(19, &any[..1 << 19]);
}

#[test]
fn the_largest_size_for_lanes_agrees_with_the_polynomial() {
    let [numbers, ..] = numbers(1 << 22);
    let (mut transforms, [subgroup, _]) = transforms(22);
    let mut got = numbers.clone();
    transforms.to_coset(&mut got);
    for place in [0, 1, numbers.len() / 3, numbers.len() - 1] {
        let x = Fr::GENERATOR * subgroup.element(place);
        let horner = |sum: Fr, number: &Fr| sum * x + number;
        let value = numbers.iter().rev().fold(Fr::ZERO, horner);
        assert_eq!(got[place], value, "{place}");
    }
    transforms.from_coset(&mut got);
    assert!(got == numbers, "back");
}

#[test]
fn what_is_missing_is_zero_and_what_is_too_much_is_dropped() {
    let (mut transforms, [subgroup, coset]) = transforms(6);
    let some = &numbers(80)[0];
    for count in [0, 40, 80] {
        let numbers = &some[..count];
        let kept = &some[..count.min(64)];
        let mut got = numbers.to_vec();
        transforms.from_subgroup(&mut got);
        assert_eq!(got, subgroup.ifft(kept));
        let mut got = numbers.to_vec();
        transforms.to_coset(&mut got);
        assert_eq!(got, coset.fft(kept));
        transforms.from_coset(&mut got);
        assert_eq!(got[..kept.len()], *kept);
    }
}

#[test]
fn a_size_becomes_the_next_power_of_two_as_long_as_there_are_roots() {
    let size = |least| Transforms::new(least).map(|transforms| transforms.size());
    for (least, n) in [(0, 1), (1, 1), (2, 2), (3, 4), (64, 64), (1000, 1024)] {
        assert_eq!(size(least), Some(n));
    }
    for least in [(1 << 32) + 1, usize::MAX] {
        assert_eq!(size(least), None, "roots of order 2^33 do not exist");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn lanes_are_used_where_they_can_be() {
    let there = cairn_merkle::lanes::Available::detect().is_some();
    if !there {
        println!("no AVX-512 IFMA on this processor: transforms in lanes could not be tested");
    }
    for (log, fits) in [(5, false), (6, true), (13, true), (22, true), (23, false)] {
        let in_lanes = transforms(log).0.eight.is_some();
        assert_eq!(in_lanes, there && fits, "2^{log}");
    }
}
