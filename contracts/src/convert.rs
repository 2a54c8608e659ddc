//! Between the protocol's values and the ABI's.

use alloy::primitives::{Address as EvmAddress, B256, U256};
use cairn_wire::{Address, Commitment, ContentId, SectorKind};

use crate::abi::deals::Deals;
use crate::error::ChainError;
use crate::market::{NewDeal, NewSlot};

pub(crate) fn evm(address: Address) -> EvmAddress {
    EvmAddress::from(address.0)
}

pub(crate) fn ours(address: EvmAddress) -> Address {
    Address(address.into_array())
}

/// A commitment as `uint256`: the same integer, big-endian.
pub(crate) fn word(commitment: &Commitment) -> U256 {
    U256::from_be_bytes(commitment.to_be_bytes())
}

/// A `uint256` that must be a canonical element.
pub(crate) fn commitment(word: U256, what: &'static str) -> Result<Commitment, ChainError> {
    Commitment::from_be_bytes(word.to_be_bytes::<32>()).map_err(|error| nonsense(what, error))
}

/// A `uint256` of tokens; no market has more than 2^128 of them.
pub(crate) fn amount(word: U256, what: &'static str) -> Result<u128, ChainError> {
    u128::try_from(word).map_err(|error| nonsense(what, error))
}

pub(crate) fn kind(number: u8, what: &'static str) -> Result<SectorKind, ChainError> {
    SectorKind::from_code(number).ok_or_else(|| nonsense(what, format!("sector kind {number}")))
}

pub(crate) fn nonsense(what: &str, reason: impl ToString) -> ChainError {
    ChainError::BadAnswer {
        method: what.to_owned(),
        reason: reason.to_string(),
    }
}

pub(crate) fn slot_to_abi(slot: &NewSlot) -> Deals::Slot {
    Deals::Slot {
        contentId: B256::from(*slot.content_id.as_bytes()),
        provider: evm(slot.provider),
        byteLen: slot.byte_len,
        b: slot.b,
    }
}

pub(crate) fn slot_from_abi(slot: &Deals::Slot) -> NewSlot {
    NewSlot {
        content_id: ContentId::from(slot.contentId.0),
        provider: ours(slot.provider),
        byte_len: slot.byteLen,
        b: slot.b,
    }
}

pub(crate) fn deal_to_abi(deal: &NewDeal) -> Deals::NewDeal {
    Deals::NewDeal {
        k: deal.k,
        codeId: deal.code_id,
        kind: deal.kind.code(),
        stripBytes: deal.strip_bytes,
        segmentBytes: deal.segment_bytes,
        pricePerSlotPeriod: deal.price_per_slot_period,
        periods: deal.periods,
        activationPeriods: deal.activation_periods,
        slots: deal.slots.iter().map(slot_to_abi).collect(),
    }
}
