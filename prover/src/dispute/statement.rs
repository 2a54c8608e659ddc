//! Public inputs of a dispute: `comm_p`, the number of the group, its leaves.

use crate::error::StatementError;
use crate::params::ParamSet;
use cairn_merkle::{Commitment, Fr};

/// Leaves that a group of 127 bytes is coded into.
pub const GROUP_LEAVES: usize = 4;

/// log2 of [`GROUP_LEAVES`].
pub(super) const GROUP_LOG2: u8 = 2;

/// These are the leaves of a group of the piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeStatement {
    /// The piece's commitment.
    pub comm_p: Commitment,
    /// Which group: bytes from `127 * group` on.
    pub group: u64,
    /// Its leaves, from leaf `4 * group` on. Any elements: nobody has checked that they are of 254 bits.
    pub leaves: [Fr; GROUP_LEAVES],
}

impl DisputeStatement {
    /// `comm_p`, group, the leaves.
    #[must_use]
    pub fn public_inputs(&self) -> [Fr; 2 + GROUP_LEAVES] {
        let [leaf0, leaf1, leaf2, leaf3] = self.leaves;
        let group = Fr::from(self.group);
        [self.comm_p.to_fr(), group, leaf0, leaf1, leaf2, leaf3]
    }

    /// Whether any piece of the set has so many groups.
    ///
    /// # Errors
    /// The claim that no witness can make true.
    pub fn check(&self, set: &ParamSet) -> Result<(), StatementError> {
        let groups = 1 << (set.b_max - GROUP_LOG2);
        if self.group >= groups {
            return Err(StatementError::Group {
                max: groups,
                got: self.group,
            });
        }
        Ok(())
    }
}
