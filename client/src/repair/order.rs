//! One repair, checked: which code, which siblings, which slots; its cut into windows.

use std::collections::BTreeSet;
use std::ops::Range;

use cairn_contracts::{DealInfo, NewSlot, ProviderInfo};
use cairn_erasure::{CODE_ID, Code};
use cairn_wire::{ContentId, DealId, SlotIndex};

use crate::error::RepairError;
use crate::fetch::Sibling;

/// Bytes that are verified together: a window is a multiple of it, so that none is fetched twice.
pub(crate) const GROUP_BYTES: u32 = 16 << 10;
/// The longest part of a piece that is asked for at once.
const LONGEST_READ_BYTES: u64 = 4 << 20;

/// A repair that makes sense.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) deal: DealId,
    /// With strips of one group; the deal's own do not matter.
    pub(crate) code: Code,
    pub(crate) piece_bytes: u64,
    pub(crate) siblings: Vec<Sibling>,
    pub(crate) lost: Vec<Lost>,
}

/// A piece to be made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lost {
    pub(crate) slot: SlotIndex,
    pub(crate) content_id: ContentId,
}

impl Order {
    pub(crate) fn new(
        deal: &DealInfo,
        holders: &[(SlotIndex, ProviderInfo)],
        lost: &[SlotIndex],
    ) -> Result<Self, RepairError> {
        if deal.code_id != CODE_ID {
            return Err(RepairError::UnknownCode {
                expected: CODE_ID,
                got: deal.code_id,
            });
        }
        let code = Code::new(deal.k, deal.n, GROUP_BYTES)?;
        if deal.slots.len() != usize::from(deal.n) {
            return Err(RepairError::Order("the deal has not n slots"));
        }
        if lost.is_empty() {
            return Err(RepairError::Order("no slot is lost"));
        }
        let piece_bytes = common_length(&deal.slots)?;
        let mut named = BTreeSet::new();
        let mut slot_of = |slot: SlotIndex| {
            if !named.insert(slot) {
                return Err(RepairError::Order("a slot is named twice"));
            }
            let slots = &deal.slots;
            slots
                .get(usize::from(slot.0))
                .ok_or(RepairError::Order("the deal has no such slot"))
        };
        let mut pieces = Vec::with_capacity(lost.len());
        for slot in lost {
            pieces.push(Lost {
                slot: *slot,
                content_id: slot_of(*slot)?.content_id,
            });
        }
        let mut siblings = Vec::with_capacity(holders.len());
        for (slot, holder) in holders {
            siblings.push(Sibling {
                slot: slot.0,
                content_id: slot_of(*slot)?.content_id,
                holder: holder.clone(),
            });
        }
        Ok(Self {
            deal: deal.id,
            code,
            piece_bytes,
            siblings,
            lost: pieces,
        })
    }

    /// The parts of every piece that are made at once, in order and without a gap: so long that `under_way` of them, each
    /// with the parts of all siblings and of all lost pieces, fit the memory; none longer than `longest_read`.
    pub(crate) fn windows(
        &self,
        memory_bytes: u64,
        under_way: usize,
        longest_read: u64,
    ) -> impl Iterator<Item = Range<u64>> + use<> {
        let pieces = (self.siblings.len() + self.lost.len()).max(1);
        let affordable = memory_bytes / (pieces as u64) / (under_way.max(1) as u64);
        let group = u64::from(GROUP_BYTES);
        let window = (affordable.min(LONGEST_READ_BYTES).min(longest_read) / group).max(1) * group;
        let piece_bytes = self.piece_bytes;
        (0..piece_bytes.div_ceil(window)).map(move |number| {
            let start = number * window;
            start..start.saturating_add(window).min(piece_bytes)
        })
    }
}

/// The pieces of a segment are the columns of one table.
fn common_length(slots: &[NewSlot]) -> Result<u64, RepairError> {
    let expected = slots.first().map_or(0, |slot| slot.byte_len);
    let other = slots.iter().position(|slot| slot.byte_len != expected);
    match other {
        None => Ok(expected),
        Some(at) => Err(RepairError::UnequalLengths {
            slot: SlotIndex(u8::try_from(at).unwrap_or(u8::MAX)),
            expected,
            got: slots[at].byte_len,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_wire::Address;

    fn order(piece_bytes: u64, siblings: u8, lost: u8) -> Order {
        let holder = ProviderInfo {
            address: Address::ZERO,
            endpoint: String::new(),
            tls_pin: [0; 32],
            operator: Address::ZERO,
            ask_per_tib_period: 0,
        };
        let sibling = |slot| Sibling {
            slot,
            content_id: ContentId::of(b""),
            holder: holder.clone(),
        };
        let gone = |slot| Lost {
            slot: SlotIndex(slot),
            content_id: ContentId::of(b""),
        };
        Order {
            deal: DealId(1),
            code: Code::new(2, 200, GROUP_BYTES).unwrap(),
            piece_bytes,
            siblings: (0..siblings).map(sibling).collect(),
            lost: (siblings..siblings + lost).map(gone).collect(),
        }
    }

    #[test]
    fn windows_cover_the_piece_in_order_in_whole_groups_and_fit_the_memory() {
        let memory = 4 << 20;
        for piece_bytes in [0, 1, 16_383, 16_384, 16_385, 127 << 15, (127 << 20) + 5] {
            for (siblings, lost) in [(2, 1), (10, 20), (29, 1)] {
                let order = order(piece_bytes, siblings, lost);
                let mut at = 0;
                for window in order.windows(memory, 3, 128 << 20) {
                    assert_eq!(window.start, at, "no gap");
                    assert!(
                        window.end.is_multiple_of(16 << 10) || window.end == piece_bytes,
                        "whole groups"
                    );
                    let held = 3 * u64::from(siblings + lost) * (window.end - window.start);
                    assert!(held <= memory, "{held} bytes");
                    at = window.end;
                }
                assert_eq!(at, piece_bytes, "all of it");
            }
        }
    }

    #[test]
    fn a_memory_too_small_for_a_group_still_takes_one() {
        let windows: Vec<_> = order(40_000, 10, 5).windows(1, 3, 128 << 20).collect();
        assert_eq!(windows, [0..16_384, 16_384..32_768, 32_768..40_000]);
    }

    #[test]
    fn no_window_is_longer_than_may_be_asked_for_at_once() {
        let windows: Vec<_> = order(70_000, 10, 5).windows(1 << 30, 3, 40_000).collect();
        assert_eq!(windows, [0..32_768, 32_768..65_536, 65_536..70_000]);
    }
}
