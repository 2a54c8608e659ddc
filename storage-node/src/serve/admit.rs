//! Whether to take a piece, and whether to take an Acceptance. No I/O: everything that decides is an argument.

use cairn_contracts::{DealInfo, SlotState, SlotStatus};
use cairn_merkle::piece;
use cairn_wire::message::StorePiece;
use cairn_wire::{
    Address, Commitment, Eip712Domain, Period, PieceTerms, SectorKind, Signature, WireError,
    verify_acceptance,
};

use crate::store::SlotRecord;

/// Everything that decides about a piece before its body is read.
#[derive(Clone, Copy, Debug)]
pub struct Offer<'a> {
    /// What is asked.
    pub request: &'a StorePiece,
    /// The provider this node serves.
    pub me: Address,
    /// The deal, as the chain has it.
    pub deal: Option<&'a DealInfo>,
    /// The slot, as the chain has it.
    pub slot: Option<&'a SlotState>,
    /// Whether the block that opened the deal is as deep as the operator demands.
    pub confirmed: bool,
    /// The first period that is not frozen yet.
    pub open_period: Period,
    /// Largest piece of the parameter set.
    pub b_max: u8,
    /// Bytes of pieces here and on their way.
    pub held_bytes: u64,
    /// Bytes of pieces the operator allows.
    pub quota_bytes: u64,
    /// Bytes free on the disk.
    pub free_bytes: u64,
    /// Bytes of the disk that stay free.
    pub reserve_bytes: u64,
    /// Whether this node seals.
    pub seals: bool,
}

/// What was decided about a piece that is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    /// Base-2 logarithm of its leaves.
    pub b: u8,
    /// Who opened the deal.
    pub owner: Address,
    /// The kind of sector the deal asks for.
    pub kind: SectorKind,
}

/// Decides.
///
/// # Errors
/// The first reason found, as it goes to the asker.
pub fn admit(offer: &Offer<'_>) -> Result<Admitted, WireError> {
    let request = offer.request;
    let deal = offer.deal.ok_or_else(|| {
        WireError::not_found(format_args!("deal {} is not on chain", request.deal))
    })?;
    let slot = deal.slots.get(usize::from(request.slot.0)).ok_or_else(|| {
        WireError::refused(format_args!(
            "deal {} has no slot {}",
            request.deal, request.slot
        ))
    })?;
    if slot.provider != offer.me {
        return Err(WireError::refused("the slot names another provider"));
    }
    if slot.content_id != request.content_id {
        return Err(WireError::refused("the slot names another content id"));
    }
    if slot.byte_len != request.byte_len {
        return Err(WireError::refused(format_args!(
            "the slot names a piece of {} bytes",
            slot.byte_len
        )));
    }
    let b = piece::b_for(request.byte_len);
    if slot.b != b {
        return Err(WireError::refused(format_args!(
            "a piece of that length has b = {b}, the slot says {}",
            slot.b
        )));
    }
    if b > offer.b_max {
        return Err(WireError::too_large(format_args!(
            "a piece has at most 2^{} leaves here",
            offer.b_max
        )));
    }
    check_deal(offer, deal)?;
    check_room(offer)?;
    Ok(Admitted {
        b,
        owner: deal.owner,
        kind: deal.kind,
    })
}

/// Whether the deal can still be filled, by pieces of a kind that this node keeps, and is paid for.
fn check_deal(offer: &Offer<'_>, deal: &DealInfo) -> Result<(), WireError> {
    if deal.kind == SectorKind::Sealed && !offer.seals {
        return Err(WireError::refused("this node keeps hot pieces only"));
    }
    if deal.cancelled {
        return Err(WireError::refused("the deal was cancelled"));
    }
    if offer.open_period > deal.end_period {
        return Err(WireError::refused("the deal has ended"));
    }
    if offer.open_period > deal.activate_by {
        return Err(WireError::refused(
            "it is too late to fill a slot of this deal",
        ));
    }
    if deal.escrow_left < deal.price_per_slot_period {
        return Err(WireError::refused("the deal is not funded"));
    }
    if !offer.confirmed {
        return Err(WireError::busy(
            "the deal is not confirmed yet: come back in a few blocks",
        ));
    }
    match offer.slot.map(|slot| slot.status) {
        Some(SlotStatus::Empty) => {}
        Some(SlotStatus::Filled { .. }) => return Err(WireError::refused("the slot is filled")),
        Some(SlotStatus::Freed | SlotStatus::Closed) => {
            return Err(WireError::refused("the slot is closed"));
        }
        None => return Err(WireError::refused("the slot is not on chain")),
    }
    Ok(())
}

/// Whether quota and disk have room.
fn check_room(offer: &Offer<'_>) -> Result<(), WireError> {
    let request = offer.request;
    if offer.held_bytes.saturating_add(request.byte_len) > offer.quota_bytes {
        return Err(WireError::refused("the node's quota is used up"));
    }
    // Once as it arrives and once as leaves, until packing drops the first.
    let wanted = request
        .byte_len
        .saturating_mul(2)
        .saturating_add(request.byte_len / 16);
    if offer.free_bytes.saturating_sub(offer.reserve_bytes) < wanted {
        return Err(WireError::refused("the node's disk is full"));
    }
    Ok(())
}

/// Whether an Acceptance is for what this node holds in that slot, in time, and signed by the deal's owner.
///
/// # Errors
/// The first reason found, as it goes to the asker.
pub fn check_acceptance(
    domain: &Eip712Domain,
    me: Address,
    slot: &SlotRecord,
    (comm_p, b, byte_len): (Commitment, u8, u64),
    (terms, signature): (&PieceTerms, &Signature),
    chain_time_unix: u64,
) -> Result<(), WireError> {
    let refused = |reason: &str| Err(WireError::refused(reason));
    if terms.provider != me {
        return refused("the acceptance is for another provider");
    }
    if terms.content_id != slot.content_id {
        return refused("the acceptance is for another piece");
    }
    if terms.comm_p != comm_p || terms.b != b || terms.byte_len != byte_len {
        return refused("the acceptance has another commitment than the Receipt");
    }
    if terms.expiry_unix != slot.expiry_unix {
        return refused("the acceptance has another expiry than the Receipt");
    }
    if chain_time_unix > terms.expiry_unix {
        return refused("the Receipt has lapsed: store the piece again");
    }
    verify_acceptance(domain, terms, signature, slot.owner).map_err(|error| {
        WireError::refused(format_args!(
            "the acceptance is not signed by the deal's owner: {error}"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_contracts::NewSlot;
    use cairn_wire::{ContentId, DealId, SecretKey, SlotIndex, sign_acceptance};

    use crate::deal;

    const ME: Address = Address([1; 20]);

    fn request() -> StorePiece {
        StorePiece {
            deal: DealId(3),
            slot: SlotIndex(1),
            content_id: ContentId::from([7; 32]),
            byte_len: 1000,
        }
    }

    fn deal() -> DealInfo {
        let ours = NewSlot {
            content_id: ContentId::from([7; 32]),
            b: 5,
            byte_len: 1000,
            provider: ME,
        };
        let other = NewSlot {
            provider: Address([2; 20]),
            ..ours
        };
        DealInfo {
            id: DealId(3),
            owner: Address([9; 20]),
            k: 1,
            n: 2,
            code_id: 1,
            kind: SectorKind::Hot,
            strip_bytes: 32 << 10,
            segment_bytes: 1000,
            price_per_slot_period: 5,
            start_period: Period(10),
            end_period: Period(20),
            activate_by: Period(14),
            filled: 0,
            live: 0,
            closed: 0,
            scarce_since_unix: None,
            cancelled: false,
            escrow_left: 100,
            slots: vec![other, ours],
        }
    }

    const EMPTY: SlotState = SlotState {
        status: SlotStatus::Empty,
        paid: 0,
        paid_periods: 0,
        challenged: false,
        freed_at_unix: 0,
    };

    fn offer<'a>(request: &'a StorePiece, deal: &'a DealInfo) -> Offer<'a> {
        Offer {
            request,
            me: ME,
            deal: Some(deal),
            slot: Some(&EMPTY),
            confirmed: true,
            open_period: Period(12),
            b_max: 6,
            held_bytes: 0,
            quota_bytes: 10_000,
            free_bytes: 1 << 30,
            reserve_bytes: 1 << 20,
            seals: false,
        }
    }

    #[test]
    fn a_funded_confirmed_empty_slot_of_ours_is_admitted() {
        let (request, deal) = (request(), deal());
        let admitted = |kind| Admitted {
            b: 5,
            owner: Address([9; 20]),
            kind,
        };
        let got = admit(&offer(&request, &deal)).unwrap();
        assert_eq!(got, admitted(SectorKind::Hot), "hot");
        let sealed = DealInfo {
            kind: SectorKind::Sealed,
            ..deal
        };
        let offer = Offer {
            seals: true,
            ..offer(&request, &sealed)
        };
        let got = admit(&offer).unwrap();
        assert_eq!(got, admitted(SectorKind::Sealed), "by a node that seals");
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of refusals")]
    fn every_reason_to_refuse_is_found_before_the_body() {
        let (request, deal) = (request(), deal());
        let good = offer(&request, &deal);
        let reason = |offer: &Offer<'_>| admit(offer).unwrap_err().reason().to_owned();
        let filled = SlotStatus::Filled {
            provider: ME,
            tree: cairn_wire::TreeIndex(0),
            sector: cairn_wire::SectorNumber(1),
            offset_leaves: 0,
            comm_p: Commitment::default(),
            first_period: Period(1),
        };
        for (offer, expected) in [
            (Offer { deal: None, ..good }, "deal 3 is not on chain"),
            (Offer { slot: None, ..good }, "the slot is not on chain"),
            (
                Offer {
                    confirmed: false,
                    ..good
                },
                "the deal is not confirmed yet: come back in a few blocks",
            ),
            (
                Offer {
                    open_period: Period(21),
                    ..good
                },
                "the deal has ended",
            ),
            (
                Offer {
                    open_period: Period(15),
                    ..good
                },
                "it is too late to fill a slot of this deal",
            ),
            (
                Offer { b_max: 4, ..good },
                "a piece has at most 2^4 leaves here",
            ),
            (
                Offer {
                    held_bytes: 9_001,
                    ..good
                },
                "the node's quota is used up",
            ),
            (
                Offer {
                    free_bytes: 1 << 20,
                    ..good
                },
                "the node's disk is full",
            ),
            (
                Offer {
                    slot: Some(&SlotState {
                        status: filled,
                        paid: 0,
                        paid_periods: 0,
                        challenged: false,
                        freed_at_unix: 0,
                    }),
                    ..good
                },
                "the slot is filled",
            ),
            (
                Offer {
                    slot: Some(&SlotState {
                        status: SlotStatus::Closed,
                        paid: 0,
                        paid_periods: 0,
                        challenged: false,
                        freed_at_unix: 0,
                    }),
                    ..good
                },
                "the slot is closed",
            ),
        ] {
            assert_eq!(reason(&offer), expected, "by the state of chain and node");
        }
        let asks = [
            (
                StorePiece {
                    slot: SlotIndex(2),
                    ..request
                },
                "deal 3 has no slot 2",
            ),
            (
                StorePiece {
                    slot: SlotIndex(0),
                    ..request
                },
                "the slot names another provider",
            ),
            (
                StorePiece {
                    content_id: ContentId::from([8; 32]),
                    ..request
                },
                "the slot names another content id",
            ),
            (
                StorePiece {
                    byte_len: 999,
                    ..request
                },
                "the slot names a piece of 1000 bytes",
            ),
        ];
        for (ask, expected) in &asks {
            assert_eq!(
                reason(&Offer {
                    request: ask,
                    ..good
                }),
                *expected,
                "by the request"
            );
        }
        let unfunded = DealInfo {
            escrow_left: 4,
            ..deal.clone()
        };
        assert_eq!(
            reason(&Offer {
                deal: Some(&unfunded),
                ..good
            }),
            "the deal is not funded",
            "escrow"
        );
        let cancelled = DealInfo {
            cancelled: true,
            ..deal.clone()
        };
        assert_eq!(
            reason(&Offer {
                deal: Some(&cancelled),
                ..good
            }),
            "the deal was cancelled",
            "cancelled"
        );
        let sealed = DealInfo {
            kind: SectorKind::Sealed,
            ..deal.clone()
        };
        assert_eq!(
            reason(&Offer {
                deal: Some(&sealed),
                ..good
            }),
            "this node keeps hot pieces only",
            "kind"
        );
        let mut odd = deal.clone();
        odd.slots[1].b = 6;
        assert!(
            reason(&Offer {
                deal: Some(&odd),
                ..good
            })
            .starts_with("a piece of that length has b = 5"),
            "b"
        );
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of refusals")]
    fn an_acceptance_with_anything_changed_is_refused_and_the_owners_is_taken() {
        let owner = SecretKey::from_bytes(&[5; 32]).unwrap();
        let domain = Eip712Domain {
            chain_id: 31337,
            deals: Address([4; 20]),
        };
        let comm_p = Commitment::default();
        let slot = SlotRecord {
            content_id: ContentId::from([7; 32]),
            owner: owner.address(),
            expiry_unix: 500,
            since_unix: 0,
            state: deal::SlotState::Stored,
            kind: SectorKind::Hot,
        };
        let terms = PieceTerms {
            deal: DealId(3),
            slot: SlotIndex(1),
            provider: ME,
            content_id: slot.content_id,
            comm_p,
            b: 5,
            byte_len: 1000,
            expiry_unix: 500,
        };
        let check = |terms: &PieceTerms, key: &SecretKey, now| {
            let signature = sign_acceptance(&domain, terms, key).unwrap();
            check_acceptance(
                &domain,
                ME,
                &slot,
                (comm_p, 5, 1000),
                (terms, &signature),
                now,
            )
        };
        check(&terms, &owner, 500).unwrap();
        assert!(check(&terms, &owner, 501).is_err(), "lapsed");
        let stranger = SecretKey::from_bytes(&[6; 32]).unwrap();
        assert!(
            check(&terms, &stranger, 100).is_err(),
            "signed by a stranger"
        );
        let another = Commitment::from(cairn_merkle::Fr::from(1_u64));
        for changed in [
            PieceTerms {
                provider: Address([2; 20]),
                ..terms
            },
            PieceTerms {
                content_id: ContentId::from([8; 32]),
                ..terms
            },
            PieceTerms {
                comm_p: another,
                ..terms
            },
            PieceTerms { b: 6, ..terms },
            PieceTerms {
                byte_len: 1001,
                ..terms
            },
            PieceTerms {
                expiry_unix: 501,
                ..terms
            },
        ] {
            assert!(check(&changed, &owner, 100).is_err(), "{changed:?}");
        }
        let signature = sign_acceptance(&domain, &terms, &owner).unwrap();
        let elsewhere = Eip712Domain {
            chain_id: 1,
            ..domain
        };
        let replay = check_acceptance(
            &elsewhere,
            ME,
            &slot,
            (comm_p, 5, 1000),
            (&terms, &signature),
            100,
        );
        assert!(replay.is_err(), "made for another chain");
    }
}
