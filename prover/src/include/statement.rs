//! Public inputs of an inclusion: `comm_d`, then for each piece `comm_p` and one packed word.

use crate::error::{IncludeError, StatementError};
use crate::gadget::word::{self, Field};
use crate::params::ParamSet;
use cairn_merkle::{Commitment, Fr};

/// Where the numbers sit in the packed word.
pub(super) mod layout {
    use super::Field;

    pub(in crate::include) const OFFSET_LEAVES: Field = Field::new(0, 40);
    pub(in crate::include) const B: Field = Field::new(40, 8);
    pub(in crate::include) const BYTE_LEN: Field = Field::new(48, 40);
}

/// A piece and where it lies.
///
/// Word: `offset_leaves@0(40) | b@40(8) | byte_len@48(40)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlacedPiece {
    /// The piece's commitment.
    pub comm_p: Commitment,
    /// First leaf of the sector that is the piece's; a multiple of 2^b.
    pub offset_leaves: u64,
    /// log2 of the piece's leaves.
    pub b: u8,
    /// Bytes of the piece.
    pub byte_len: u64,
}

impl PlacedPiece {
    /// Offset, b and length as one number.
    #[must_use]
    pub fn packed_word(&self) -> Fr {
        word::pack(&[
            (layout::OFFSET_LEAVES, self.offset_leaves),
            (layout::B, u64::from(self.b)),
            (layout::BYTE_LEN, self.byte_len),
        ])
    }

    /// Whether a piece of this size can lie there.
    ///
    /// # Errors
    /// The claim that no witness can make true.
    pub fn check(&self, set: &ParamSet) -> Result<(), StatementError> {
        let Self {
            offset_leaves,
            b,
            byte_len,
            ..
        } = *self;
        if !(2..=set.b_max).contains(&b) {
            return Err(StatementError::PieceSize {
                max: set.b_max,
                got: b,
            });
        }
        if !layout::BYTE_LEN.holds(byte_len) {
            return Err(StatementError::ByteLen { got: byte_len });
        }
        if offset_leaves >= set.sector_leaves() || offset_leaves & ((1 << b) - 1) != 0 {
            return Err(StatementError::Offset { offset_leaves, b });
        }
        Ok(())
    }

    /// Level of the sector tree whose node's children are the top of the piece.
    #[must_use]
    pub const fn top_level(&self) -> u32 {
        (self.b as u32).div_ceil(4)
    }
}

/// These pieces lie in the sector.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncludeStatement {
    /// Root of the sector's data.
    pub comm_d: Commitment,
    /// The pieces: as many as the parameter set says, unused places repeating the first.
    pub pieces: Vec<PlacedPiece>,
}

impl IncludeStatement {
    /// Fills the unused places with the first piece.
    ///
    /// # Errors
    /// [`StatementError::Width`]: no piece, or more than one proof speaks about.
    pub fn new(
        set: &ParamSet,
        comm_d: Commitment,
        mut pieces: Vec<PlacedPiece>,
    ) -> Result<Self, StatementError> {
        let width = StatementError::Width {
            expected: set.include_width,
            got: pieces.len(),
        };
        let first = *pieces.first().ok_or(width)?;
        if pieces.len() > set.include_width {
            return Err(width);
        }
        pieces.resize(set.include_width, first);
        Ok(Self { comm_d, pieces })
    }

    /// `comm_d`, then `comm_p` and word of each piece.
    #[must_use]
    pub fn public_inputs(&self) -> Vec<Fr> {
        let mut inputs = vec![self.comm_d.to_fr()];
        inputs.extend(
            self.pieces
                .iter()
                .flat_map(|piece| [piece.comm_p.to_fr(), piece.packed_word()]),
        );
        inputs
    }

    /// Whether every piece can lie where it is claimed to.
    ///
    /// # Errors
    /// The claim that no witness can make true.
    pub fn check(&self, set: &ParamSet) -> Result<(), IncludeError> {
        if self.pieces.len() != set.include_width {
            return Err(StatementError::Width {
                expected: set.include_width,
                got: self.pieces.len(),
            }
            .into());
        }
        for (place, piece) in self.pieces.iter().enumerate() {
            piece
                .check(set)
                .map_err(|source| IncludeError::Statement { place, source })?;
        }
        Ok(())
    }
}
