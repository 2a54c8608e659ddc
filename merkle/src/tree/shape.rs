//! How big a tree is, and where its nodes are.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use crate::error::ShapeError;

/// Children of a node.
pub const ARITY: usize = 16;
/// log2 of the children of a node.
pub const ARITY_LOG2: u32 = 4;
/// log2 of the leaves of the biggest tree.
pub const MAX_LOG2_LEAVES: u32 = 40;
/// Levels of the deepest tree.
pub const MAX_LEVELS: usize = 10;

/// The size of a tree: 2^`log2_leaves` leaves. Depth follows from it and is never read from a proof.
///
/// ```text
/// level 2 (top)   [ n n n n 0 0 .. 0 ]        2^6 leaves: two levels, a partial top of 4 children
/// level 1         [16] [16] [16] [16]
/// leaves          64
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Shape {
    log2_leaves: u32,
}

impl Shape {
    /// The shape of a tree of 2^`log2_leaves` leaves.
    ///
    /// # Errors
    /// [`ShapeError`] unless 1 <= `log2_leaves` <= 40.
    pub const fn new(log2_leaves: u32) -> Result<Self, ShapeError> {
        if log2_leaves == 0 || log2_leaves > MAX_LOG2_LEAVES {
            return Err(ShapeError::Log2Leaves { log2_leaves });
        }
        Ok(Self { log2_leaves })
    }

    /// The shape of a tree of exactly `leaves` leaves.
    ///
    /// # Errors
    /// [`ShapeError`] unless `leaves` is a power of two from 2 to 2^40.
    pub const fn of_leaves(leaves: u64) -> Result<Self, ShapeError> {
        if !leaves.is_power_of_two() {
            return Err(ShapeError::LeafCount { leaves });
        }
        Self::new(leaves.trailing_zeros())
    }

    /// log2 of the leaves.
    #[must_use]
    pub const fn log2_leaves(self) -> u32 {
        self.log2_leaves
    }

    /// Leaves.
    #[must_use]
    pub const fn leaves(self) -> u64 {
        1u64.wrapping_shl(self.log2_leaves)
    }

    /// Levels of hashes; a partial top counts as its full level.
    #[must_use]
    pub const fn levels(self) -> u32 {
        self.log2_leaves.div_ceil(ARITY_LOG2)
    }

    /// Children of the top node: 16, or 2, 4, 8 where it is partial.
    #[must_use]
    pub const fn top_arity(self) -> usize {
        match self.log2_leaves.wrapping_rem(ARITY_LOG2) {
            0 => ARITY,
            1 => 2,
            2 => 4,
            _ => 8,
        }
    }

    /// Nodes of a level; level 0 = leaves, level [`Self::levels`] = the root alone.
    #[must_use]
    pub const fn row_len(self, level: u32) -> u64 {
        if level >= self.levels() {
            return 1;
        }
        self.leaves().wrapping_shr(level.saturating_mul(ARITY_LOG2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_tops_of_small_shapes() {
        let table = [
            (1, 1, 2),
            (2, 1, 4),
            (3, 1, 8),
            (4, 1, 16),
            (5, 2, 2),
            (8, 2, 16),
            (13, 4, 2),
            (28, 7, 16),
        ];
        for (log2_leaves, levels, top) in table {
            let shape = Shape::new(log2_leaves).expect("in range");
            assert_eq!(
                (shape.levels(), shape.top_arity()),
                (levels, top),
                "2^{log2_leaves} leaves"
            );
        }
    }

    #[test]
    fn rows_shrink_sixteenfold_to_the_root() {
        let shape = Shape::new(13).expect("in range");
        let rows: Vec<u64> = (0..=4).map(|level| shape.row_len(level)).collect();
        assert_eq!(rows, [8192, 512, 32, 2, 1]);
    }

    #[test]
    fn sizes_we_do_not_build_are_refused() {
        assert_eq!(
            Shape::new(0),
            Err(ShapeError::Log2Leaves { log2_leaves: 0 })
        );
        assert_eq!(
            Shape::new(41),
            Err(ShapeError::Log2Leaves { log2_leaves: 41 })
        );
        assert_eq!(
            Shape::of_leaves(48),
            Err(ShapeError::LeafCount { leaves: 48 })
        );
        assert_eq!(
            Shape::of_leaves(0),
            Err(ShapeError::LeafCount { leaves: 0 })
        );
        assert_eq!(Shape::of_leaves(64), Shape::new(6));
    }
}
