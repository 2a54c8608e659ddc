//! Whether a repair is worth it. No I/O: everything that decides is an argument.

use std::num::NonZeroU64;

use cairn_contracts::DealInfo;
use cairn_wire::{Address, Period, SectorKind, SlotIndex};

use crate::repair::Freed;
use crate::store::SlotKey;

/// What the operator allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairRules {
    /// Bytes fetched in a second; no bound if `None`.
    pub bytes_per_s: Option<NonZeroU64>,
    /// The least that a repair must bring: bounty and the rest of the slot's pay, in smallest token units.
    pub least_pay: u128,
    /// Within this many seconds after a slot was freed each node waits for a time of its own, so that not all fetch the
    /// same pieces at once.
    pub spread_s: u64,
    /// Bytes of pieces the operator allows.
    pub quota_bytes: u64,
    /// Bytes of the disk that stay free.
    pub reserve_bytes: u64,
}

/// What the repair of a sealed slot needs beyond that of a hot one: an auction, and the sealing of a sector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealing {
    /// How many periods may pass until the slot is filled: entries, claims, and the winner's time.
    pub periods: u64,
    /// What bond and deposit still take from the account.
    pub tokens: u128,
    /// Bytes that the sealing of a sector writes.
    pub disk_bytes: u64,
    /// Whether another sector waits to be sealed, or what waits for one leaves no room in it.
    pub is_busy: bool,
    /// Whether an auction runs that this node is not in and that takes no entries any more.
    pub is_closed: bool,
}

/// Everything that decides about a repair.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// The deal, as the chain has it.
    pub deal: &'a DealInfo,
    /// The slot that was lost.
    pub slot: SlotIndex,
    /// Whether it still waits.
    pub still_freed: bool,
    /// What is known of it.
    pub freed: Freed,
    /// Share of the repair part that is the repairer's.
    pub bounty_basis_points: u16,
    /// The first period that is not frozen yet.
    pub open_period: Period,
    /// Largest piece of the parameter set.
    pub b_max: u8,
    /// Bytes of pieces here and on their way.
    pub held_bytes: u64,
    /// Bytes free on the disk.
    pub free_bytes: u64,
    /// What the slot would lock.
    pub stake_needed: u128,
    /// What the account could lock.
    pub stake_at_hand: u128,
    /// What sealing it would take; none in a node that does not seal.
    pub sealing: Option<Sealing>,
}

impl RepairRules {
    /// Decides; the words say what is against it.
    ///
    /// # Errors
    /// The first reason found.
    pub fn judge(&self, offer: &Offer<'_>) -> Result<(), &'static str> {
        let deal = offer.deal;
        let slot = deal
            .slots
            .get(usize::from(offer.slot.0))
            .ok_or("the deal has no such slot")?;
        if !offer.still_freed {
            return Err("somebody else was faster");
        }
        let sealing = match deal.kind {
            SectorKind::Hot => Sealing::default(),
            SectorKind::Sealed => offer
                .sealing
                .ok_or("its slot is sealed, and this node does not seal")?,
        };
        if sealing.is_closed {
            return Err("its auction takes no entries any more");
        }
        if sealing.is_busy {
            return Err("other sectors wait to be sealed");
        }
        let filled = offer.open_period.0.saturating_add(sealing.periods);
        if filled >= deal.end_period.0 {
            return Err("the deal is over before the repair is");
        }
        if slot.b > offer.b_max {
            return Err("the piece is larger than a sector");
        }
        if self.pay(offer, Period(filled)) < self.least_pay {
            return Err("it pays less than the operator wants");
        }
        if offer.stake_at_hand < offer.stake_needed.saturating_add(sealing.tokens) {
            return Err("the operator's account cannot stake for it");
        }
        if offer.held_bytes.saturating_add(slot.byte_len) > self.quota_bytes {
            return Err("the quota is used up");
        }
        // As it is made again, as it is stored, and as leaves.
        let wanted = slot
            .byte_len
            .saturating_mul(3)
            .saturating_add(sealing.disk_bytes);
        if offer.free_bytes.saturating_sub(self.reserve_bytes) < wanted {
            return Err("the disk is full");
        }
        Ok(())
    }

    /// What the repair brings if every period from `filled` on is proven.
    fn pay(&self, offer: &Offer<'_>, filled: Period) -> u128 {
        let bounty = offer
            .freed
            .pot
            .saturating_mul(u128::from(offer.bounty_basis_points))
            / 10_000;
        let periods = offer.deal.end_period.0.saturating_sub(filled.0);
        let rest = offer
            .deal
            .price_per_slot_period
            .saturating_mul(u128::from(periods));
        bounty.saturating_add(rest)
    }

    /// How long after a slot was freed it is this node's turn: another time for each node and slot.
    #[must_use]
    pub fn turn_s(&self, me: Address, key: SlotKey) -> u64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&me.0);
        hasher.update(&key.deal.0.to_le_bytes());
        hasher.update(&[key.slot.0]);
        let digest = hasher.finalize();
        let [a, b, c, d, ..] = *digest.as_bytes();
        let draw = u64::from(u32::from_le_bytes([a, b, c, d]));
        draw.checked_rem(self.spread_s.saturating_add(1))
            .unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use cairn_contracts::NewSlot;
    use cairn_wire::{ContentId, DealId};

    use super::*;

    const RULES: RepairRules = RepairRules {
        bytes_per_s: None,
        least_pay: 100,
        spread_s: 60,
        quota_bytes: 1_000,
        reserve_bytes: 10,
    };

    fn deal() -> DealInfo {
        let slot = NewSlot {
            content_id: ContentId::from([7; 32]),
            b: 4,
            byte_len: 100,
            provider: Address([9; 20]),
        };
        DealInfo {
            id: DealId(3),
            owner: Address([8; 20]),
            k: 1,
            n: 2,
            code_id: 1,
            kind: SectorKind::Hot,
            strip_bytes: 32 << 10,
            segment_bytes: 100,
            price_per_slot_period: 10,
            start_period: Period(1),
            end_period: Period(20),
            activate_by: Period(4),
            filled: 2,
            live: 1,
            closed: 0,
            scarce_since_unix: None,
            cancelled: false,
            escrow_left: 400,
            slots: vec![slot, slot],
        }
    }

    fn offer(deal: &DealInfo) -> Offer<'_> {
        Offer {
            deal,
            slot: SlotIndex(1),
            still_freed: true,
            freed: Freed {
                failed: Address([9; 20]),
                comm_p: None,
                pot: 100,
            },
            bounty_basis_points: 5_000,
            open_period: Period(15),
            b_max: 6,
            held_bytes: 900,
            free_bytes: 310,
            stake_needed: 300,
            stake_at_hand: 300,
            sealing: None,
        }
    }

    /// The same for a sealed slot: all there is just suffices.
    fn sealed_offer(deal: &DealInfo) -> Offer<'_> {
        Offer {
            open_period: Period(9),
            free_bytes: 1_310,
            stake_at_hand: 350,
            sealing: Some(Sealing {
                periods: 6,
                tokens: 50,
                disk_bytes: 1_000,
                is_busy: false,
                is_closed: false,
            }),
            ..offer(deal)
        }
    }

    #[test]
    fn a_sealed_slot_is_repaired_by_a_node_that_seals_with_room_time_and_money_for_it() {
        let sealed = DealInfo {
            kind: SectorKind::Sealed,
            ..deal()
        };
        let good = sealed_offer(&sealed);
        assert_eq!(RULES.judge(&good), Ok(()), "50 bounty and 5 periods");
        let refused = |offer: Offer<'_>| RULES.judge(&offer).unwrap_err();
        let hot_node = Offer {
            sealing: None,
            ..good
        };
        assert!(refused(hot_node).contains("does not seal"), "no sealing");
        let changed = |change: fn(&mut Sealing)| {
            let mut sealing = good.sealing.unwrap();
            change(&mut sealing);
            Offer {
                sealing: Some(sealing),
                ..good
            }
        };
        assert!(
            refused(changed(|s| s.is_busy = true)).contains("wait to be sealed"),
            "busy"
        );
        assert!(
            refused(changed(|s| s.is_closed = true)).contains("no entries"),
            "closed"
        );
        assert!(
            refused(changed(|s| s.periods = 7)).contains("pays less"),
            "less pay"
        );
        assert!(
            refused(changed(|s| s.periods = 11)).contains("over"),
            "too late"
        );
        assert!(
            refused(changed(|s| s.tokens = 51)).contains("stake"),
            "bond and deposit"
        );
        assert!(
            refused(changed(|s| s.disk_bytes = 1_001)).contains("disk"),
            "room"
        );
        let hot = deal();
        let as_hot = Offer {
            deal: &hot,
            ..changed(|s| s.periods = 99)
        };
        assert_eq!(RULES.judge(&as_hot), Ok(()), "a hot slot needs none of it");
    }

    #[test]
    fn a_repair_that_just_pays_and_just_fits_is_made() {
        let deal = deal();
        assert_eq!(
            RULES.judge(&offer(&deal)),
            Ok(()),
            "50 bounty and 5 periods"
        );
    }

    #[test]
    fn one_less_of_anything_is_refused_with_its_reason() {
        let fine = deal();
        let good = offer(&fine);
        let late = Offer {
            open_period: Period(20),
            ..good
        };
        let refused = |offer: Offer<'_>| RULES.judge(&offer).unwrap_err();
        assert!(refused(late).contains("over"), "its end");
        let poor = Offer {
            open_period: Period(16),
            ..good
        };
        assert!(refused(poor).contains("pays less"), "profit");
        let small_pot = Offer {
            freed: Freed {
                pot: 98,
                ..good.freed
            },
            ..good
        };
        assert!(refused(small_pot).contains("pays less"), "bounty");
        let gone = Offer {
            still_freed: false,
            ..good
        };
        assert!(refused(gone).contains("faster"), "taken");
        let big = Offer { b_max: 3, ..good };
        assert!(refused(big).contains("larger"), "size");
        let broke = Offer {
            stake_at_hand: 299,
            ..good
        };
        assert!(refused(broke).contains("stake"), "collateral");
        let full = Offer {
            held_bytes: 901,
            ..good
        };
        assert!(refused(full).contains("quota"), "quota");
        let disk = Offer {
            free_bytes: 309,
            ..good
        };
        assert!(refused(disk).contains("disk"), "disk");
        let none = Offer {
            slot: SlotIndex(2),
            ..good
        };
        assert!(refused(none).contains("no such slot"), "slot");
    }

    #[test]
    fn every_node_has_its_own_turn_within_the_spread() {
        let key = SlotKey {
            deal: DealId(1),
            slot: SlotIndex(0),
        };
        let turns: std::collections::BTreeSet<u64> = (0..200)
            .map(|node| RULES.turn_s(Address([node; 20]), key))
            .collect();
        assert!(turns.len() > 30, "{} different", turns.len());
        assert!(turns.iter().all(|turn| *turn <= 60), "within the spread");
        let at_once = RepairRules {
            spread_s: 0,
            ..RULES
        };
        assert_eq!(at_once.turn_s(Address([1; 20]), key), 0, "no spread");
    }
}
