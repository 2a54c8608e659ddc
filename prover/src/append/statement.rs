//! Public inputs of an append: both roots, both commitments of the sector, and one packed word.

use crate::error::StatementError;
use crate::gadget::word::{self, Field};
use crate::params::ParamSet;
use cairn_merkle::{Commitment, Fr, SectorKind};

/// Where the numbers sit in the packed word.
pub(super) mod layout {
    use super::Field;

    pub(in crate::append) const COUNT: Field = Field::new(0, 32);
    pub(in crate::append) const SECTOR_NUMBER: Field = Field::new(32, 64);
    pub(in crate::append) const KIND: Field = Field::new(96, 8);
}

/// The tree under `root1` is the tree under `root0` with one more sector, at index `count`.
///
/// If the sector is hot, `comm_r` is that of `comm_d`; if it is sealed, `comm_d` is not looked at (its proof of
/// replication binds the two). Word: `count@0(32) | sector_number@32(64) | kind@96(8)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppendStatement {
    /// Root before.
    pub root0: Commitment,
    /// Root after.
    pub root1: Commitment,
    /// Root of the sector's data.
    pub comm_d: Commitment,
    /// What the sector is committed to.
    pub comm_r: Commitment,
    /// Sectors before, and the index of the new one.
    pub count: u32,
    /// Number of the new sector.
    pub sector_number: u64,
    /// How the new sector is stored.
    pub kind: SectorKind,
}

impl AppendStatement {
    /// Count, number and kind as one number.
    #[must_use]
    pub fn packed_word(&self) -> Fr {
        word::pack(&[
            (layout::COUNT, u64::from(self.count)),
            (layout::SECTOR_NUMBER, self.sector_number),
            (layout::KIND, u64::from(self.kind.code())),
        ])
    }

    /// root0, root1, `comm_d`, `comm_r`, word.
    #[must_use]
    pub fn public_inputs(&self) -> [Fr; 5] {
        let [root0, root1, comm_d, comm_r] =
            [self.root0, self.root1, self.comm_d, self.comm_r].map(|commitment| commitment.to_fr());
        [root0, root1, comm_d, comm_r, self.packed_word()]
    }

    /// Whether there is a place for one more.
    ///
    /// # Errors
    /// The claim that no witness can make true.
    pub fn check(&self, set: &ParamSet) -> Result<(), StatementError> {
        let max = set.max_sectors();
        if self.count >= max {
            return Err(StatementError::Index {
                index: u64::from(self.count),
                count: u64::from(max),
            });
        }
        Ok(())
    }
}
