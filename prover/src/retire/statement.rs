//! Public inputs of a retirement: the roots before and after, and one packed word.

use crate::error::StatementError;
use crate::gadget::word::{self, Field};
use crate::params::ParamSet;
use cairn_merkle::{Commitment, Fr};

/// Where the numbers sit in the packed word.
pub(super) mod layout {
    use super::Field;

    pub(in crate::retire) const COUNT: Field = Field::new(0, 32);
    pub(in crate::retire) const INDEX: Field = Field::new(32, 32);
    pub(in crate::retire) const REMOVED_NUMBER: Field = Field::new(64, 64);
    pub(in crate::retire) const MOVED_NUMBER: Field = Field::new(128, 64);
}

/// The tree under `root2` is the tree of `count` sectors under `root0` without the one at `index`, whose place the last
/// one has taken.
///
/// Word: `count@0(32) | index@32(32) | removed_number@64(64) | moved_number@128(64)`. If the last one itself is removed,
/// both numbers are its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetireStatement {
    /// Root before.
    pub root0: Commitment,
    /// Root after.
    pub root2: Commitment,
    /// Sectors before.
    pub count: u32,
    /// Index of the removed sector.
    pub index: u32,
    /// Its number.
    pub removed_number: u64,
    /// Number of the sector that takes its place.
    pub moved_number: u64,
}

impl RetireStatement {
    /// Count, index and numbers as one number.
    #[must_use]
    pub fn packed_word(&self) -> Fr {
        word::pack(&[
            (layout::COUNT, u64::from(self.count)),
            (layout::INDEX, u64::from(self.index)),
            (layout::REMOVED_NUMBER, self.removed_number),
            (layout::MOVED_NUMBER, self.moved_number),
        ])
    }

    /// root0, root2, word.
    #[must_use]
    pub fn public_inputs(&self) -> [Fr; 3] {
        [self.root0.to_fr(), self.root2.to_fr(), self.packed_word()]
    }

    /// Whether the index is inside the tree.
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
        if self.index >= self.count {
            return Err(StatementError::Index {
                index: u64::from(self.index),
                count: u64::from(self.count),
            });
        }
        Ok(())
    }
}
