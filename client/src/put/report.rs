//! What came of a `put`.

use std::fmt;

use cairn_contracts::TxReceipt;
use cairn_wire::{Address, Commitment, DealId, SectorKind, SlotIndex};

use crate::error::SlotError;

/// An object that can be read back.
#[derive(Debug)]
pub struct PutReport {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub plain_bytes: u64,
    /// Pieces needed of each segment.
    pub k: u16,
    /// Pieces made of each segment.
    pub n: u16,
    /// Smallest token units per slot and period.
    pub price: u128,
    /// Periods paid for.
    pub periods: u32,
    /// Whether the pieces are stored as they are or sealed.
    pub kind: SectorKind,
    /// In how many of these periods, from the first, the slots may be filled.
    pub activation_periods: u32,
    /// Smallest token units put into escrow, over all deals.
    pub escrow: u128,
    /// The transactions that opened the deals: one, unless there are more than a thousand slots.
    pub opened: Vec<TxReceipt>,
    /// Bytes of pieces and segments that left over this line, attempts that failed included. What QUIC adds, and
    /// messages without a body, are not counted.
    pub line_bytes: u64,
    /// Bytes of all pieces: what it takes to send each of them directly, once.
    pub direct_bytes: u64,
    /// One per deal, in the object's order.
    pub segments: Vec<SegmentReport>,
    /// How the slots stand on chain.
    pub activation: ActivationOutcome,
}

impl PutReport {
    /// The slots that stayed empty, with the reason.
    pub fn failures(&self) -> impl Iterator<Item = &SlotReport> {
        self.segments
            .iter()
            .flat_map(|segment| &segment.slots)
            .filter(|slot| !slot.is_stored())
    }
}

/// One segment.
#[derive(Debug)]
pub struct SegmentReport {
    /// Its deal.
    pub deal: DealId,
    /// Bytes of ciphertext.
    pub segment_bytes: u64,
    /// Bytes of each piece.
    pub piece_bytes: u64,
    /// How its relay fared, if one was asked for.
    pub relay: Option<RelayReport>,
    /// Its slots in order.
    pub slots: Vec<SlotReport>,
}

impl SegmentReport {
    /// Pieces that were stored and accepted.
    #[must_use]
    pub fn stored(&self) -> usize {
        self.slots.iter().filter(|slot| slot.is_stored()).count()
    }

    /// Pieces of those that came to their providers by a relay.
    #[must_use]
    pub fn relayed(&self) -> usize {
        let by_relay = |slot: &&SlotReport| slot.relayed && slot.is_stored();
        self.slots.iter().filter(by_relay).count()
    }
}

/// How a relay fared.
#[derive(Debug)]
pub struct RelayReport {
    /// The provider that relayed; `None` if none agreed.
    pub provider: Option<Address>,
    /// What ended it early. A slot that its provider refused, or for which the relay brought a Receipt not worth
    /// accepting, is not an end.
    pub trouble: Option<SlotError>,
}

/// One slot.
#[derive(Debug)]
pub struct SlotReport {
    /// The deal.
    pub deal: DealId,
    /// Which slot.
    pub slot: SlotIndex,
    /// The provider it names.
    pub provider: Address,
    /// Whether a relay brought its Receipt; otherwise its piece was sent directly.
    pub relayed: bool,
    /// What came of it.
    pub result: SlotResult,
}

/// What came of a slot.
#[derive(Debug)]
pub enum SlotResult {
    /// The node holds the piece, its Receipt was checked, the Acceptance is with it.
    Stored {
        /// The piece's commitment, computed here.
        comm_p: Commitment,
    },
    /// It does not.
    Failed(SlotError),
}

impl SlotReport {
    /// Whether the piece is stored and accepted.
    #[must_use]
    pub const fn is_stored(&self) -> bool {
        matches!(self.result, SlotResult::Stored { .. })
    }
}

impl fmt::Display for SlotReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "deal {} slot {}, provider {}: ",
            self.deal, self.slot, self.provider
        )?;
        match &self.result {
            SlotResult::Stored { .. } => f.write_str("stored"),
            SlotResult::Failed(error) => write!(f, "{error}"),
        }
    }
}

/// How the accepted pieces stand on chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActivationOutcome {
    /// Nobody waited.
    NotAwaited,
    /// All of them are in sectors and paid from now on.
    Complete {
        /// How many.
        slots: usize,
    },
    /// Not all of them in the time given. The nodes still hold the pieces and may activate them later.
    Partial {
        /// Active ones.
        active: usize,
        /// Accepted ones.
        accepted: usize,
    },
}
