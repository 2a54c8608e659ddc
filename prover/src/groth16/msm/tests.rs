//! Against the library, over what makes buckets collide.

use ark_bls12_381::{Fr, G1Affine, G1Projective, G2Affine, G2Projective, g1, g2};
use ark_ec::{
    AffineRepr, CurveGroup, PrimeGroup, VariableBaseMSM, short_weierstrass::SWCurveConfig,
};
use ark_ff::{Field, One, PrimeField, Zero};
use proptest::prelude::*;

use super::*;
use crate::groth16::msm::scalar::{Windows, fold};

/// Ours and the library's.
fn both<P, G>(points: &[Affine<P>], scalars: &[Fr]) -> (Projective<P>, G)
where
    P: SWCurveConfig<ScalarField = Fr>,
    P::BaseField: Coordinate,
    G: VariableBaseMSM<ScalarField = Fr, MulBase = Affine<P>>,
{
    let folded = fold(scalars);
    let kept = Points::of(points);
    let [ours] = sums([Terms::new(&kept, &folded)]);
    // Where `sums` takes lanes, the way of other processors is tested beside them.
    let [portable] = portable_sums([Terms::new(&kept, &folded)]);
    assert_eq!(ours, portable, "lanes and the portable way differ");
    (ours, G::msm_unchecked(points, scalars))
}

fn multiples_g1(factors: &[u64]) -> Vec<G1Affine> {
    let points: Vec<G1Projective> = factors
        .iter()
        .map(|factor| G1Projective::generator() * Fr::from(*factor))
        .collect();
    G1Projective::normalize_batch(&points)
}

fn multiples_g2(factors: &[u64]) -> Vec<G2Affine> {
    let points: Vec<G2Projective> = factors
        .iter()
        .map(|factor| G2Projective::generator() * Fr::from(*factor))
        .collect();
    G2Projective::normalize_batch(&points)
}

/// Scalars as witnesses have them, and those at the edges of digits.
fn scalar() -> impl Strategy<Value = Fr> {
    let power = (0u64..255).prop_map(|k| Fr::from(2u64).pow([k]));
    prop_oneof![
        4 => (0u64..2).prop_map(Fr::from),
        1 => Just(-Fr::one()),
        2 => any::<u8>().prop_map(Fr::from),
        1 => any::<u16>().prop_map(|v| -Fr::from(v)),
        1 => any::<u64>().prop_map(Fr::from),
        1 => any::<u64>().prop_map(|v| -Fr::from(v)),
        2 => power.clone(),
        1 => power.clone().prop_map(|v| v - Fr::one()),
        1 => power.prop_map(|v| -v),
        1 => (-2i64..3).prop_map(|d| Fr::from(Fr::MODULUS_MINUS_ONE_DIV_TWO) + Fr::from(d)),
        4 => any::<[u8; 32]>().prop_map(|bytes| Fr::from_le_bytes_mod_order(&bytes)),
    ]
}

/// Few distinct points with their negatives, and infinity: they meet in buckets.
fn factor() -> impl Strategy<Value = (u64, bool)> {
    (0u64..6, any::<bool>())
}

fn signed<A: AffineRepr>(points: Vec<A>, factors: &[(u64, bool)]) -> Vec<A> {
    let negate = |(point, (_, negative)): (A, &(u64, bool))| {
        if *negative {
            (-point.into_group()).into_affine()
        } else {
            point
        }
    };
    points.into_iter().zip(factors).map(negate).collect()
}

proptest! {
    #[test]
    fn sums_in_g1_are_the_librarys(terms in prop::collection::vec((factor(), scalar()), 0..200)) {
        let (factors, scalars): (Vec<_>, Vec<_>) = terms.into_iter().unzip();
        let absolute: Vec<u64> = factors.iter().map(|f| f.0).collect();
        let points = signed(multiples_g1(&absolute), &factors);
        let (ours, library) = both::<g1::Config, G1Projective>(&points, &scalars);
        prop_assert_eq!(ours, library);
    }

    #[test]
    fn sums_in_g2_are_the_librarys(terms in prop::collection::vec((factor(), scalar()), 0..60)) {
        let (factors, scalars): (Vec<_>, Vec<_>) = terms.into_iter().unzip();
        let absolute: Vec<u64> = factors.iter().map(|f| f.0).collect();
        let points = signed(multiples_g2(&absolute), &factors);
        let (ours, library) = both::<g2::Config, G2Projective>(&points, &scalars);
        prop_assert_eq!(ours, library);
    }

    #[test]
    fn digits_of_every_width_add_up_to_the_scalar(value in scalar(), width in 2usize..=16) {
        let folded = fold(&[value])[0];
        let bits = usize::try_from(folded.bits()).unwrap();
        for bits in [bits, 254] {
            let windows = Windows::new(width, bits);
            let mut sum = Fr::zero();
            for window in (0..windows.count()).rev() {
                let (digit, negative) = windows.digit(folded, window);
                prop_assert!(digit <= windows.buckets() as u64, "digit {} of width {}", digit, width);
                sum *= Fr::from(1u64 << width);
                sum += if negative { -Fr::from(digit) } else { Fr::from(digit) };
            }
            prop_assert_eq!(if folded.is_negative() { -sum } else { sum }, value);
        }
    }
}

#[test]
fn many_equal_points_and_their_negatives_meet_in_one_bucket() {
    // More than a batch, than a job of ones and than a piece of a window, all in one bucket.
    let count = 70_001;
    let generator = G1Affine::generator();
    for scalar in [Fr::one(), Fr::from(5u64), -Fr::one()] {
        let scalars = vec![scalar; count];
        let equal = vec![generator; count];
        let (ours, _) = both::<g1::Config, G1Projective>(&equal, &scalars);
        assert_eq!(
            ours,
            G1Projective::generator() * (scalar * Fr::from(70_001u64))
        );
        let mixed: Vec<_> = (0..count)
            .map(|i| if i % 2 == 0 { generator } else { -generator })
            .collect();
        let (ours, _) = both::<g1::Config, G1Projective>(&mixed, &scalars);
        assert_eq!(ours, G1Projective::generator() * scalar);
    }
}

#[test]
fn nothing_sums_to_infinity() {
    let (ours, library) = both::<g1::Config, G1Projective>(&[], &[]);
    assert!(ours.is_zero() && library.is_zero());
    let zeros = vec![Fr::zero(); 9];
    let points = multiples_g1(&[1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let (ours, _) = both::<g1::Config, G1Projective>(&points, &zeros);
    assert!(ours.is_zero());
    let infinite = vec![G1Affine::identity(); 9];
    let scalars: Vec<Fr> = (0..9u64).map(|i| Fr::from(i) - Fr::from(4u64)).collect();
    let (ours, _) = both::<g1::Config, G1Projective>(&infinite, &scalars);
    assert!(ours.is_zero());
}

#[test]
fn several_sums_do_not_mix() {
    let points = multiples_g1(&(1..40).collect::<Vec<_>>());
    let scalars: Vec<Fr> = (0..39u64).map(|i| Fr::from(7 * i).pow([5])).collect();
    let folded = fold(&scalars);
    let ours = sums([
        Terms::new(&Points::of(&points), &folded),
        Terms::new(&Points::of(&points[10..]), &folded),
        Terms::new(&Points::of(&[]), &[]),
        Terms::new(&Points::of(&points), &folded[20..]),
    ]);
    let library = [
        G1Projective::msm_unchecked(&points, &scalars),
        G1Projective::msm_unchecked(&points[10..], &scalars),
        G1Projective::zero(),
        G1Projective::msm_unchecked(&points, &scalars[20..]),
    ];
    assert_eq!(ours, library);
}
