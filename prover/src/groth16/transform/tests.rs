//! Every transform against the library's.

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

#[test]
fn transforms_of_every_size_agree_with_the_library() {
    for log in 2..=15 {
        let size = 1 << log;
        let subgroup = Radix2EvaluationDomain::<Fr>::new(size).unwrap();
        let coset = subgroup.get_coset(Fr::GENERATOR).unwrap();
        let mut transforms = Transforms::new(size).unwrap();
        assert_eq!(transforms.size(), size);
        for numbers in numbers(size) {
            let mut got = numbers.clone();
            transforms.from_subgroup(&mut got);
            assert_eq!(got, subgroup.ifft(&numbers), "from H, 2^{log}");
            let mut got = numbers.clone();
            transforms.to_coset(&mut got);
            assert_eq!(got, coset.fft(&numbers), "to gH, 2^{log}");
            transforms.from_coset(&mut got);
            assert_eq!(got, numbers, "back from gH, 2^{log}");
        }
    }
}

#[test]
fn the_largest_size_for_lanes_agrees_with_the_polynomial() {
    let size: usize = 1 << 22;
    let [numbers, ..] = numbers(size);
    let domain = Radix2EvaluationDomain::<Fr>::new(size).unwrap();
    let mut transforms = Transforms::new(size).unwrap();
    let mut got = numbers.clone();
    transforms.to_coset(&mut got);
    for place in [0, 1, size / 3, size - 1] {
        let x = Fr::GENERATOR * domain.element(place);
        let horner = |sum: Fr, number: &Fr| sum * x + number;
        assert_eq!(
            got[place],
            numbers.iter().rev().fold(Fr::ZERO, horner),
            "{place}"
        );
    }
    transforms.from_coset(&mut got);
    assert!(got == numbers, "back");
}

#[test]
fn numbers_that_are_missing_are_zero() {
    let mut transforms = Transforms::new(64).unwrap();
    let domain = Radix2EvaluationDomain::<Fr>::new(64).unwrap();
    let some = numbers(40)[0].clone();
    let mut got = some.clone();
    transforms.from_subgroup(&mut got);
    assert_eq!(got, domain.ifft(&some));
}

#[test]
fn a_size_between_powers_of_two_becomes_the_next_one() {
    assert_eq!(Transforms::new(1000).unwrap().size(), 1024);
    assert!(
        Transforms::new((1 << 32) + 1).is_none(),
        "roots of order 2^33 do not exist"
    );
}
