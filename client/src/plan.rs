//! How an object is cut into segments: as large as the parameter set and the memory allow.
//!
//! ```text
//! piece <= 127 * 2^(b-2) bytes with b <= b_max, in whole strips
//! memory of one segment under way = its k pieces of ciphertext + its n coded pieces = (k + n) * piece <= memory / 2
//! segment = k * piece bytes of ciphertext; the last one shorter
//! ```
//!
//! Half of the bound, because while one segment is uploaded the next is being coded. What comes on top does not depend
//! on the object: a few MiB of buffers, and 4 MiB for each commitment being recomputed.

use cairn_erasure::{Code, STRIP_BYTES};
use cairn_merkle::piece::{b_for, max_bytes_for};

use crate::error::PlanError;

/// The cut of one object.
#[derive(Debug, Clone)]
pub struct Plan {
    code: Code,
    piece_bytes: u64,
}

impl Plan {
    /// The largest pieces that fit both `b_max` and `memory_bytes`.
    ///
    /// # Errors
    /// [`PlanError`] when k and n are no code, or the memory does not hold one row of it.
    pub fn new(k: u16, n: u16, b_max: u8, memory_bytes: u64) -> Result<Self, PlanError> {
        let largest_piece = max_bytes_for(b_max);
        let strip_bytes = strip_for(largest_piece);
        let code = Code::new(k, n, strip_bytes)?;
        let copies = u64::from(k) + u64::from(n);
        let affordable = memory_bytes / 2 / copies;
        let strip = u64::from(strip_bytes);
        let piece_bytes = largest_piece.min(affordable) / strip * strip;
        if piece_bytes == 0 {
            return Err(PlanError::Memory {
                needed_bytes: 2 * copies * strip,
                got_bytes: memory_bytes,
            });
        }
        Ok(Self { code, piece_bytes })
    }

    /// The erasure code.
    #[must_use]
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// Bytes of a piece of a full segment.
    #[must_use]
    pub fn piece_bytes(&self) -> u64 {
        self.piece_bytes
    }

    /// Ciphertext bytes of a full segment.
    #[must_use]
    pub fn segment_bytes(&self) -> u64 {
        self.piece_bytes.saturating_mul(u64::from(self.code.k()))
    }

    /// Bytes held while two segments are under way: never above the bound the plan was made with.
    #[must_use]
    pub fn peak_bytes(&self) -> u64 {
        2 * (u64::from(self.code.k()) + u64::from(self.code.n())) * self.piece_bytes
    }

    /// log2 of the leaves of a piece of `byte_len` bytes.
    #[must_use]
    pub fn b(byte_len: u64) -> u8 {
        b_for(byte_len)
    }
}

/// 32 KiB, or the largest power of two that fits a piece of the smallest parameter sets.
fn strip_for(largest_piece: u64) -> u32 {
    let fitting = u32::try_from(largest_piece)
        .unwrap_or(u32::MAX)
        .min(STRIP_BYTES);
    fitting.checked_ilog2().map_or(1, |log2| 1 << log2)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn the_demonstration_set_uses_whole_pieces_of_127_strips() {
        let plan = Plan::new(4, 8, 17, 512 * MIB).unwrap();
        assert_eq!(plan.piece_bytes(), 127 << 15);
        assert_eq!(plan.segment_bytes(), 4 * (127 << 15));
        assert_eq!(Plan::b(plan.piece_bytes()), 17);
    }

    #[test]
    fn small_sets_get_strips_that_fit_their_pieces() {
        let plan = Plan::new(2, 4, 13, 512 * MIB).unwrap();
        assert_eq!(
            (plan.code().strip_bytes(), plan.piece_bytes()),
            (32 << 10, 7 << 15),
            "7 of 7.9 strips"
        );
        let plan = Plan::new(2, 4, 6, 512 * MIB).unwrap();
        assert_eq!(
            (plan.code().strip_bytes(), plan.piece_bytes()),
            (1024, 1024),
            "of 2032 bytes"
        );
    }

    #[test]
    fn the_largest_sets_are_cut_so_that_two_segments_fit_the_memory() {
        for (k, n, b_max, memory) in [
            (10, 30, 22, 512 * MIB),
            (10, 30, 22, 64 * MIB),
            (85, 255, 22, 100 * MIB),
        ] {
            let plan = Plan::new(k, n, b_max, memory).unwrap();
            assert!(
                plan.peak_bytes() <= memory,
                "{k}-of-{n} holds {} of {memory}",
                plan.peak_bytes()
            );
            assert!(
                plan.peak_bytes() + 2 * u64::from(k + n) * 32 * 1024 > memory,
                "one strip more would not fit"
            );
        }
    }

    #[test]
    fn too_little_memory_for_one_row_is_refused_with_what_is_needed() {
        let error = Plan::new(10, 30, 22, MIB).unwrap_err();
        assert_eq!(
            error,
            PlanError::Memory {
                needed_bytes: 80 * 32 * 1024,
                got_bytes: MIB
            }
        );
        assert!(
            Plan::new(10, 30, 22, 80 * 32 * 1024).is_ok(),
            "what is said to be needed is enough"
        );
    }

    #[test]
    fn every_piece_of_every_plan_fits_the_parameter_set() {
        for b_max in 2..=22 {
            let plan = Plan::new(3, 7, b_max, 512 * MIB).unwrap();
            assert!(Plan::b(plan.piece_bytes()) <= b_max, "b_max {b_max}");
        }
    }
}
