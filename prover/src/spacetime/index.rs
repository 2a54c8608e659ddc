//! Which leaves a seed asks for.
//!
//! One hash serves two samples: `h = H(TAG_IDX, seed, i)`, sample 2i takes bits 0..91 of h and sample 2i + 1 bits
//! 92..183. Of its bits a sample takes log2(sector leaves) for the leaf (those above the range come from `leaf_lo`) and
//! the next 64 as x for the sector: `sector_lo + floor(x * sector_count / 2^64)`.

use super::statement::SpacetimeStatement;
use crate::params::ParamSet;
use ark_ff::{BigInt, PrimeField};
use cairn_merkle::{Fr, Tag, domain};

/// Bits of an index hash that one sample may take.
pub const SAMPLE_BITS: usize = 92;

/// Bits that choose the sector.
pub const SECTOR_BITS: usize = 64;

/// A leaf that must be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SampleIndex {
    /// Index of the sector in the provider tree.
    pub sector: u32,
    /// Leaf in the sector.
    pub leaf: u64,
}

/// The samples of a statement, in their order; meaningless if the statement's ranges are.
#[must_use]
pub fn samples(set: &ParamSet, statement: &SpacetimeStatement) -> Vec<SampleIndex> {
    (0..set.post_samples)
        .map(|sample| sample_index(set, statement, sample))
        .collect()
}

fn sample_index(set: &ParamSet, statement: &SpacetimeStatement, sample: u32) -> SampleIndex {
    let hash = domain::tagged_hash(Tag::Idx, &[statement.seed, Fr::from(sample / 2)]).into_bigint();
    let from = if sample.is_multiple_of(2) {
        0
    } else {
        SAMPLE_BITS
    };
    let leaf_bits = set.sector_log2_leaves as usize;
    let mask = 1_u64
        .checked_shl(u32::from(statement.log2_leaf_range))
        .map_or(u64::MAX, |range| range - 1);
    let leaf = take(&hash, from, leaf_bits) & mask | statement.leaf_lo;
    let x = take(&hash, from + leaf_bits, SECTOR_BITS);
    let sector = u64::from(statement.sector_lo) + high_product(x, statement.sector_count);
    SampleIndex {
        sector: u32::try_from(sector).unwrap_or(u32::MAX),
        leaf,
    }
}

fn high_product(x: u64, count: u32) -> u64 {
    u64::try_from((u128::from(x) * u128::from(count)) >> SECTOR_BITS).unwrap_or(u64::MAX)
}

/// `width <= 64` bits from bit `from` on.
fn take(number: &BigInt<4>, from: usize, width: usize) -> u64 {
    let (limb, offset) = (from / 64, from % 64);
    let low = number.0[limb] >> offset;
    let high = if offset == 0 {
        0
    } else {
        number
            .0
            .get(limb + 1)
            .map_or(0, |next| next << (64 - offset))
    };
    let mask = if width == 64 {
        u64::MAX
    } else {
        (1 << width) - 1
    };
    (low | high) & mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{DEVNET, TEST};
    use cairn_merkle::Commitment;

    fn statement(set: &ParamSet, count: u32) -> SpacetimeStatement {
        SpacetimeStatement::window(
            set,
            Commitment::from(Fr::from(1u64)),
            Fr::from(77u64),
            count,
        )
    }

    #[test]
    fn bits_are_taken_across_limbs() {
        let number = BigInt::new([0xfedc_ba98_7654_3210, 0x0123_4567_89ab_cdef, 0, 0]);
        assert_eq!(take(&number, 0, 64), 0xfedc_ba98_7654_3210);
        assert_eq!(take(&number, 60, 8), 0xff);
        assert_eq!(take(&number, 64, 64), 0x0123_4567_89ab_cdef);
        assert_eq!(take(&number, 32, 64), 0x89ab_cdef_fedc_ba98);
    }

    #[test]
    fn samples_stay_in_their_ranges() {
        let whole = statement(&DEVNET, 5);
        for seed in 0..50u64 {
            let part = SpacetimeStatement {
                seed: Fr::from(seed),
                sector_lo: 2,
                sector_count: 3,
                leaf_lo: 32,
                log2_leaf_range: 5,
                ..whole.clone()
            };
            for sample in samples(&DEVNET, &part) {
                assert!((2..5).contains(&sample.sector), "{sample:?}");
                assert!((32..64).contains(&sample.leaf), "{sample:?}");
            }
        }
    }

    #[test]
    fn a_range_of_one_leaf_in_one_sector_is_always_that_leaf() {
        let one = SpacetimeStatement {
            sector_lo: 4,
            sector_count: 1,
            leaf_lo: 7,
            log2_leaf_range: 0,
            ..statement(&TEST, 9)
        };
        assert_eq!(
            samples(&TEST, &one),
            [SampleIndex { sector: 4, leaf: 7 }; 2]
        );
    }

    #[test]
    fn every_sector_and_leaf_can_be_asked_for() {
        let mut sectors = std::collections::BTreeSet::new();
        let mut leaves = std::collections::BTreeSet::new();
        for seed in 0..1500u64 {
            for sample in samples(
                &TEST,
                &SpacetimeStatement {
                    seed: Fr::from(seed),
                    ..statement(&TEST, 16)
                },
            ) {
                sectors.insert(sample.sector);
                leaves.insert(sample.leaf);
            }
        }
        assert_eq!((sectors.len(), leaves.len()), (16, 256));
    }
}
