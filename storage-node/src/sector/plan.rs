//! Packing: accepted pieces into sectors, at offsets that are multiples of their size. No I/O.
//!
//! Pieces are taken oldest first until one no longer fits (the sector is full) or the oldest has waited long enough.
//! Inside a sector they lie largest first: all sizes are powers of two, so that every offset is a multiple of the
//! piece's own size and no leaf is lost between two pieces.

use std::collections::BTreeSet;

use cairn_wire::{Commitment, ContentId};

/// A piece's place in a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The piece.
    pub content_id: ContentId,
    /// Its commitment.
    pub comm_p: Commitment,
    /// First leaf, a multiple of 2^b.
    pub offset_leaves: u64,
    /// Length.
    pub byte_len: u64,
    /// Base-2 logarithm of its leaves.
    pub b: u8,
}

/// A piece that waits for a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The piece.
    pub content_id: ContentId,
    /// Its commitment.
    pub comm_p: Commitment,
    /// Length.
    pub byte_len: u64,
    /// Base-2 logarithm of its leaves.
    pub b: u8,
    /// Since when it waits (Unix time).
    pub since_unix: u64,
}

/// When a sector is sealed off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PackingRule {
    /// Base-2 logarithm of a sector's leaves.
    pub sector_log2_leaves: u32,
    /// How long an accepted piece waits for others.
    pub wait_s: u64,
}

/// The sectors that can be sealed off now, each a list of places. `waiting` is oldest first; a piece that several slots
/// name gets one place.
#[must_use]
pub fn plan(waiting: &[Candidate], rule: PackingRule, now_unix: u64) -> Vec<Vec<Place>> {
    let sector_leaves = leaves_of(rule.sector_log2_leaves);
    let mut seen = BTreeSet::new();
    let mut left: Vec<Candidate> = waiting
        .iter()
        .filter(|piece| {
            u32::from(piece.b) <= rule.sector_log2_leaves && seen.insert(piece.content_id)
        })
        .copied()
        .collect();
    let mut sectors = Vec::new();
    while let Some(oldest) = left.first().copied() {
        let mut free = sector_leaves;
        let (taken, later): (Vec<Candidate>, Vec<Candidate>) =
            left.into_iter().partition(|piece| {
                let fits = leaves_of(u32::from(piece.b)) <= free;
                if fits {
                    free = free.saturating_sub(leaves_of(u32::from(piece.b)));
                }
                fits
            });
        let full = free == 0 || !later.is_empty();
        let waited = now_unix.saturating_sub(oldest.since_unix) >= rule.wait_s;
        if !full && !waited {
            break;
        }
        sectors.push(lay_out(taken));
        left = later;
    }
    sectors
}

fn lay_out(mut pieces: Vec<Candidate>) -> Vec<Place> {
    pieces.sort_by_key(|piece| core::cmp::Reverse(piece.b));
    let mut offset_leaves = 0_u64;
    pieces
        .into_iter()
        .map(
            |Candidate {
                 content_id,
                 comm_p,
                 byte_len,
                 b,
                 ..
             }| {
                let place = Place {
                    content_id,
                    comm_p,
                    offset_leaves,
                    byte_len,
                    b,
                };
                offset_leaves = offset_leaves.saturating_add(leaves_of(u32::from(b)));
                place
            },
        )
        .collect()
}

fn leaves_of(log2: u32) -> u64 {
    1_u64.checked_shl(log2).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULE: PackingRule = PackingRule {
        sector_log2_leaves: 8,
        wait_s: 60,
    };

    fn piece(id: u8, b: u8, since_unix: u64) -> Candidate {
        let comm_p = Commitment::default();
        Candidate {
            content_id: ContentId::from([id; 32]),
            comm_p,
            byte_len: 127,
            b,
            since_unix,
        }
    }

    #[test]
    fn a_piece_waits_for_others_and_no_longer_than_the_rule_says() {
        let waiting = [piece(1, 4, 100)];
        assert!(plan(&waiting, RULE, 159).is_empty(), "59 s");
        assert_eq!(plan(&waiting, RULE, 160).len(), 1, "60 s");
    }

    #[test]
    fn a_full_sector_does_not_wait() {
        let exact = [piece(1, 7, 100), piece(2, 7, 100)];
        assert_eq!(
            plan(&exact, RULE, 100).len(),
            1,
            "128 + 128 leaves fill 256"
        );
        let over = [piece(1, 7, 100), piece(2, 6, 100), piece(3, 7, 100)];
        let sectors = plan(&over, RULE, 100);
        assert_eq!(
            sectors.len(),
            1,
            "the third does not fit, so the first two go"
        );
        assert_eq!(
            sectors[0].len(),
            2,
            "and the third waits for a sector of its own"
        );
    }

    #[test]
    fn a_small_younger_piece_fills_the_hole_a_big_one_leaves() {
        let waiting = [piece(1, 7, 100), piece(2, 8, 100), piece(3, 7, 100)];
        let sectors = plan(&waiting, RULE, 160);
        assert_eq!(sectors.len(), 2, "1 and 3 together, 2 alone");
        assert_eq!(
            sectors[0]
                .iter()
                .map(|place| place.content_id)
                .collect::<Vec<_>>(),
            [ContentId::from([1; 32]), ContentId::from([3; 32])]
        );
    }

    #[test]
    fn a_piece_that_two_slots_name_is_placed_once() {
        let waiting = [piece(1, 4, 100), piece(1, 4, 101)];
        assert_eq!(plan(&waiting, RULE, 200)[0].len(), 1, "one place");
    }

    #[test]
    fn a_piece_larger_than_a_sector_is_never_placed() {
        assert!(
            plan(&[piece(1, 9, 0)], RULE, 1_000).is_empty(),
            "512 leaves do not fit 256"
        );
    }

    proptest! {
        #[test]
        fn places_are_aligned_and_disjoint_and_everybody_is_placed_once(sizes in prop::collection::vec(2_u8..=8, 1..40)) {
            let waiting: Vec<Candidate> = (0_u8..).zip(&sizes).map(|(id, b)| piece(id, *b, 0)).collect();
            let sectors = plan(&waiting, RULE, 1_000);
            let mut placed = Vec::new();
            for sector in &sectors {
                let mut next = 0;
                for place in sector {
                    prop_assert_eq!(place.offset_leaves % (1 << place.b), 0, "aligned");
                    prop_assert!(place.offset_leaves >= next, "disjoint");
                    next = place.offset_leaves + (1 << place.b);
                    prop_assert!(next <= 256, "inside");
                    placed.push(place.content_id);
                }
            }
            placed.sort();
            let mut all: Vec<_> = waiting.iter().map(|piece| piece.content_id).collect();
            all.sort();
            prop_assert_eq!(placed, all, "everybody once");
        }
    }
}
