//! The arithmetic of lanes against the library's, at the ends of what it allows.

use ark_bls12_381::{Fq, Fq2};
use ark_ff::{AdditiveGroup, BigInt, Field, PrimeField, UniformRand};
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use super::{
    Coordinate, available, divided,
    element::{self, Element, Parts},
    field::{LIMBS, Limbs, repack, unpack},
    number,
};

const BITS: u32 = 52;

/// A number as lanes hold it, with `more` times q added.
fn held(value: Fq, more: u64) -> Limbs {
    let (mut out, q) = (repack(&value.0.0), repack(&Fq::MODULUS.0));
    let mut carry = 0;
    for (out, q) in out.iter_mut().zip(q) {
        let limb = *out + more * q + carry;
        *out = limb & ((1 << BITS) - 1);
        carry = limb >> BITS;
    }
    assert_eq!(carry, 0, "a value of more than 416 bits");
    out
}

/// Numbers whose form in memory is at an end, and some others.
fn numbers() -> Vec<Fq> {
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let mut largest = Fq::MODULUS;
    largest.0[0] -= 1;
    let at_the_ends = [BigInt::zero(), BigInt::from(1u64), largest];
    let mut out: Vec<Fq> = at_the_ends.into_iter().map(Fq::new_unchecked).collect();
    out.extend((0..13).map(|_| Fq::rand(&mut rng)));
    out
}

/// Whether the lanes hold these numbers, each below `limit` q.
#[target_feature(enable = "avx512f")]
fn check<F: Coordinate, const N: usize>(
    what: &str,
    got: &Element<N>,
    expected: &[F; 8],
    limit: u64,
) {
    for (lane, expected) in element::separate(got).iter().zip(expected) {
        for (part, limbs) in lane.iter().enumerate() {
            assert!(
                limbs.iter().all(|limb| limb >> BITS == 0),
                "{what}: a limb is not carried"
            );
            assert!(
                below(limbs, limit),
                "{what}: {limbs:?} is not below {limit} q"
            );
            let value = reduced(limbs);
            assert_eq!(value, expected.part(part), "{what}, part {part}");
        }
    }
}

fn below(limbs: &Limbs, times: u64) -> bool {
    let bound = held(Fq::ZERO, times);
    limbs.iter().rev().lt(bound.iter().rev())
}

/// [`number`] for what may be above 3 q.
fn reduced(limbs: &Limbs) -> Fq {
    let mut limbs = *limbs;
    let three = held(Fq::ZERO, 3);
    while !below(&limbs, 3) {
        let mut borrow = 0i64;
        for (limb, three) in limbs.iter_mut().zip(three) {
            let difference = limb.cast_signed() - three.cast_signed() + borrow;
            borrow = difference >> BITS;
            *limb = difference.cast_unsigned() & ((1 << BITS) - 1);
        }
    }
    number(&limbs)
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn operations<F: Coordinate, const N: usize>() {
    let all = numbers();
    // A product in lanes is the library's divided by 2^32, its inputs being the library's as they lie in memory.
    let shift = Fq::from(1u64 << 32).inverse().expect("not zero");
    let shifted = |value: F| F::from_parts(|i| value.part(i) * shift);
    let pick = |from: usize| -> [F; 8] {
        std::array::from_fn(|lane| {
            F::from_parts(|part| all[(from + 5 * lane + 3 * part) % all.len()])
        })
    };
    for a in 0..all.len() {
        for b in 0..all.len() {
            let [a, b, c] = [pick(a), pick(b), pick(a + b)];
            // Stored numbers are below 3 q.
            let load = |values: &[F; 8], more: u64| {
                let lanes: [Parts<N>; 8] =
                    values.map(|value| std::array::from_fn(|i| held(value.part(i), more)));
                element::load(lanes.each_ref())
            };
            let each = |of: &dyn Fn(usize) -> F| -> [F; 8] { std::array::from_fn(of) };
            for (more, less) in [(0, 0), (0, 2), (2, 0), (2, 2)] {
                let (x, y, z) = (load(&a, more), load(&b, less), load(&c, less));
                check(
                    "difference",
                    &element::difference(&x, &y),
                    &each(&|i| a[i] - b[i]),
                    7,
                );
                check("less", &element::less(&x, &y), &each(&|i| a[i] - b[i]), 3);
                check(
                    "less both",
                    &element::less_both(&x, &y, &z),
                    &each(&|i| a[i] - b[i] - c[i]),
                    3,
                );
            }
            // Factors are below 7 q.
            for (more, less) in [(0, 0), (6, 6), (6, 0)] {
                let (x, y) = (load(&a, more), load(&b, less));
                check(
                    "product",
                    &element::product(&x, &y),
                    &each(&|i| shifted(a[i] * b[i])),
                    3,
                );
                check(
                    "square",
                    &element::square(&x),
                    &each(&|i| shifted(a[i].square())),
                    3,
                );
            }
        }
    }
}

#[test]
#[expect(
    unsafe_code,
    reason = "code for a processor that was asked for what it needs"
)]
fn arithmetic_in_lanes_is_the_librarys_at_the_ends_of_its_bounds() {
    if !available() {
        println!("no AVX-512 IFMA here: lanes are not tested on this machine");
        return;
    }
    // SAFETY: `available` said yes.
    unsafe {
        operations::<Fq, 1>();
        operations::<Fq2, 2>();
    }
}

/// Products `-x y` that are -1 .. -8 as they lie in memory: a random one is as small once in 2^29 times.
#[target_feature(enable = "avx512f,avx512ifma")]
fn differences_just_below_zero() {
    let shift = Fq::from(1u64 << 32);
    for x in numbers().into_iter().filter(|x| *x != Fq::ZERO) {
        let small = |lane: usize| {
            let lane = u64::try_from(lane).expect("eight of them");
            Fq::new_unchecked(BigInt::from(lane + 1))
        };
        let factors = |of: &dyn Fn(usize) -> Fq| {
            let lanes: [Parts<2>; 8] = std::array::from_fn(|lane| [[0; LIMBS], held(of(lane), 0)]);
            element::load(lanes.each_ref())
        };
        check(
            "product",
            &element::product(&factors(&|_| x), &factors(&|lane| small(lane) * shift / x)),
            &std::array::from_fn(|lane| Fq2::new(-small(lane), Fq::ZERO)),
            3,
        );
    }
}

#[test]
#[expect(
    unsafe_code,
    reason = "code for a processor that was asked for what it needs"
)]
fn a_difference_of_products_just_below_zero_is_made_positive() {
    if !available() {
        println!("no AVX-512 IFMA here: lanes are not tested on this machine");
        return;
    }
    // SAFETY: `available` said yes.
    unsafe { differences_just_below_zero() };
}

#[test]
fn limbs_go_there_and_back() {
    for value in numbers() {
        let limbs = repack(&value.0.0);
        assert_eq!(unpack(&limbs), value.0.0, "{value}");
        assert!(limbs.iter().all(|limb| limb >> BITS == 0), "{value}");
        assert_eq!(limbs.len(), LIMBS);
        assert_eq!(number(&limbs), value);
    }
}

#[test]
fn a_number_divided_by_2_to_the_16_is_that() {
    for value in numbers() {
        let part = Fq::new_unchecked(BigInt(divided(&value.0.0)));
        assert!(part.0 < Fq::MODULUS, "{value}");
        assert_eq!(part * Fq::from(1u64 << 16), value);
    }
}
