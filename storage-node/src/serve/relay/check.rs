//! Whether a segment is the deal's. No I/O: everything that decides is an argument.

use cairn_contracts::DealInfo;
use cairn_erasure::{CODE_ID, Code};
use cairn_wire::{RelaySegment, SlotIndex, StorePiece, WireError};

/// The most bytes of one coded row, which is what a relayed segment takes of the memory: 256 strips of the usual 32 KiB.
const MAX_ROW_BYTES: u64 = 8 << 20;

/// The piece of a slot, as its provider is asked to store it.
pub(super) fn piece_of(deal: &DealInfo, slot: SlotIndex) -> Result<StorePiece, WireError> {
    let named = deal
        .slots
        .get(usize::from(slot.0))
        .ok_or_else(|| WireError::refused(format_args!("deal {} has no slot {slot}", deal.id)))?;
    Ok(StorePiece {
        deal: deal.id,
        slot,
        content_id: named.content_id,
        byte_len: named.byte_len,
    })
}

/// The pieces of all slots, in order.
pub(super) fn pieces_of(deal: &DealInfo) -> Result<Vec<StorePiece>, WireError> {
    let indices = (0..=u8::MAX).map(SlotIndex).take(deal.slots.len());
    indices.map(|slot| piece_of(deal, slot)).collect()
}

/// The code of a segment that is the deal's: code, strips and length are what the chain says, and give pieces of the
/// length that all slots name.
pub(super) fn segment(request: &RelaySegment, deal: &DealInfo) -> Result<Code, WireError> {
    let fields = [
        ("k", u64::from(request.k), u64::from(deal.k)),
        ("n", u64::from(request.n), u64::from(deal.n)),
        (
            "code id",
            u64::from(request.code_id),
            u64::from(deal.code_id),
        ),
        (
            "strip bytes",
            u64::from(request.strip_bytes),
            u64::from(deal.strip_bytes),
        ),
        ("segment bytes", request.segment_bytes, deal.segment_bytes),
    ];
    if let Some((field, got, expected)) = fields.into_iter().find(|(_, got, deal)| got != deal) {
        return Err(WireError::refused(format_args!(
            "the deal says {expected} for {field}, the request {got}"
        )));
    }
    if request.code_id != CODE_ID {
        return Err(WireError::refused(
            "this node does not know the deal's code",
        ));
    }
    let code = Code::new(request.k, request.n, request.strip_bytes)
        .map_err(|error| WireError::refused(error.to_string()))?;
    if u64::from(request.n).saturating_mul(u64::from(request.strip_bytes)) > MAX_ROW_BYTES {
        return Err(WireError::too_large(
            "a row of the deal's code is too long to relay",
        ));
    }
    let piece_bytes = code.payload_len(request.segment_bytes);
    let fits = deal.slots.iter().all(|slot| slot.byte_len == piece_bytes);
    if !fits || deal.slots.len() != usize::from(request.n) {
        return Err(WireError::refused(
            "the deal's slots are not the pieces of its segment",
        ));
    }
    Ok(code)
}
