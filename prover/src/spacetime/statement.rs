//! Public inputs of a proof of spacetime: root, seed, and one packed word.

use crate::error::StatementError;
use crate::gadget::word::{self, Field};
use crate::params::ParamSet;
use cairn_merkle::{Commitment, Fr};

/// Where the numbers sit in the packed word.
pub(super) mod layout {
    use super::Field;

    pub(in crate::spacetime) const COUNT: Field = Field::new(0, 32);
    pub(in crate::spacetime) const SECTOR_LO: Field = Field::new(32, 32);
    pub(in crate::spacetime) const SECTOR_COUNT: Field = Field::new(64, 32);
    pub(in crate::spacetime) const LEAF_LO: Field = Field::new(96, 40);
    pub(in crate::spacetime) const LOG2_LEAF_RANGE: Field = Field::new(136, 8);
    pub(in crate::spacetime) const SECTOR_NUMBER: Field = Field::new(144, 64);
    pub(in crate::spacetime) const SKIPS: Field = Field::new(208, 8);
}

/// Every sampled leaf of a range, but for declared skips, is stored under the provider's root.
///
/// Word: `count@0(32) | sector_lo@32(32) | sector_count@64(32) | leaf_lo@96(40) | log2_leaf_range@136(8) |
/// sector_number@144(64) | skips@208(8)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpacetimeStatement {
    /// Root of the provider tree.
    pub root: Commitment,
    /// What the samples follow from.
    pub seed: Fr,
    /// Sectors in the tree.
    pub count: u32,
    /// First sector of the range.
    pub sector_lo: u32,
    /// Sectors in the range.
    pub sector_count: u32,
    /// First leaf of the range in each sector.
    pub leaf_lo: u64,
    /// log2 of the leaves of the range in each sector.
    pub log2_leaf_range: u8,
    /// The number that every sampled sector must have; 0 = any.
    pub sector_number: u64,
    /// Samples that are not shown.
    pub skips: u8,
}

impl SpacetimeStatement {
    /// The window challenge: everything under the root, no skips.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        reason = "log2 of a sector's leaves is at most 28"
    )]
    pub const fn window(set: &ParamSet, root: Commitment, seed: Fr, count: u32) -> Self {
        Self {
            root,
            seed,
            count,
            sector_lo: 0,
            sector_count: count,
            leaf_lo: 0,
            log2_leaf_range: set.sector_log2_leaves as u8,
            sector_number: 0,
            skips: 0,
        }
    }

    /// Count, range and skips as one number.
    #[must_use]
    pub fn packed_word(&self) -> Fr {
        word::pack(&[
            (layout::COUNT, u64::from(self.count)),
            (layout::SECTOR_LO, u64::from(self.sector_lo)),
            (layout::SECTOR_COUNT, u64::from(self.sector_count)),
            (layout::LEAF_LO, self.leaf_lo),
            (layout::LOG2_LEAF_RANGE, u64::from(self.log2_leaf_range)),
            (layout::SECTOR_NUMBER, self.sector_number),
            (layout::SKIPS, u64::from(self.skips)),
        ])
    }

    /// root, seed, word.
    #[must_use]
    pub fn public_inputs(&self) -> [Fr; 3] {
        [self.root.to_fr(), self.seed, self.packed_word()]
    }

    /// Whether the ranges are inside the tree and the sector.
    ///
    /// # Errors
    /// The claim that no witness can make true.
    pub fn check(&self, set: &ParamSet) -> Result<(), StatementError> {
        let max = set.max_sectors();
        if self.count == 0 || self.count > max {
            return Err(StatementError::Count {
                max: u64::from(max),
                got: u64::from(self.count),
            });
        }
        let (lo, count, total) = (
            u64::from(self.sector_lo),
            u64::from(self.sector_count),
            u64::from(self.count),
        );
        if count == 0 || lo + count > total {
            return Err(StatementError::SectorRange { lo, count, total });
        }
        let log2 = u32::from(self.log2_leaf_range);
        let inside = log2 <= set.sector_log2_leaves && self.leaf_lo < set.sector_leaves();
        if !inside || self.leaf_lo & ((1 << log2) - 1) != 0 {
            return Err(StatementError::LeafRange {
                lo: self.leaf_lo,
                log2: self.log2_leaf_range,
            });
        }
        Ok(())
    }
}
