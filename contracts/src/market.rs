//! What the market's contracts hold, in the vocabulary of the protocol: plain values, no ABI types.

use cairn_wire::{
    Address, Commitment, ContentId, DealId, Period, PieceTerms, SectorKind, SectorNumber,
    Signature, SlotIndex, TreeIndex,
};

use crate::schedule::Schedule;

/// The newest block an endpoint knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Block number.
    pub number: u64,
    /// Block hash.
    pub hash: [u8; 32],
    /// The block's own time, seconds since 1970.
    pub timestamp: u64,
}

/// A transaction that is in a block and did what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TxReceipt {
    /// Transaction hash.
    pub tx: [u8; 32],
    /// The block it is in.
    pub block: u64,
    /// That block's hash.
    pub block_hash: [u8; 32],
    /// Gas it used.
    pub gas_used: u64,
}

/// A storage node operator as the registry knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderInfo {
    /// The account that is paid.
    pub address: Address,
    /// `host:port` of its node.
    pub endpoint: String,
    /// SHA-256 of the SPKI of the node's TLS key.
    pub tls_pin: [u8; 32],
    /// The key that signs receipts.
    pub operator: Address,
    /// Price asked, smallest token units per TiB and period.
    pub ask_per_tib_period: u128,
}

/// One tree of a provider: what the running period is proven against, and what comes after the next freeze.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeState {
    /// Root a proof of the current period is checked against.
    pub active_root: Commitment,
    /// Sectors under it.
    pub active_count: u32,
    /// Root after all changes made so far.
    pub pending_root: Commitment,
    /// Sectors under that.
    pub pending_count: u32,
    /// First period whose frozen tree is the pending one.
    pub effective_period: Period,
}

/// What a window proof of one period has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Root frozen for the period.
    pub root: Commitment,
    /// Sectors under it.
    pub count: u32,
    /// Seed of the samples: a canonical field element, little-endian.
    pub seed: [u8; 32],
}

/// An open sector on chain; a retired one is no longer known there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SectorInfo {
    /// Root of its data tree.
    pub comm_d: Commitment,
    /// What the provider leaf holds.
    pub comm_r: Commitment,
    /// Hot or sealed.
    pub kind: SectorKind,
    /// The tree it is in.
    pub tree: TreeIndex,
    /// Its place when it was appended (a removal may have moved it since).
    pub index_at_append: u32,
    /// First period whose frozen tree holds it.
    pub first_period: Period,
    /// Since when it has had no live slot (meaningless while it has some).
    pub idle_since: Period,
    /// Slots of deals that live in it.
    pub live_slots: u32,
}

/// A replica on chain, from its precommit on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaInfo {
    /// Root of its data tree.
    pub comm_d: Commitment,
    /// What it commits to.
    pub comm_r: Commitment,
    /// The period whose round is its ticket.
    pub ticket_period: Period,
    /// The period whose round seeds its challenges.
    pub seed_period: Period,
    /// Where it stands.
    pub status: ReplicaStatus,
}

/// Where a precommitted replica stands. `Committed -> Proven -> Used`, or `Committed -> Expired`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplicaStatus {
    /// Waits for its proof; the deposit is locked.
    Committed,
    /// Proven; the deposit was credited; it may become a sector.
    Proven,
    /// Its sector was appended (and may have been retired since).
    Used,
    /// Not proven in time; the deposit is burned.
    Expired,
}

/// A provider's collateral, in smallest token units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CollateralAccount {
    /// All of it.
    pub total: u128,
    /// What answers for misses of filled slots.
    pub fault_locked: u128,
    /// What pays for repairs of filled slots.
    pub repair_locked: u128,
    /// What was asked back.
    pub withdrawing: u128,
    /// When that may leave.
    pub withdrawable_at_unix: u64,
    /// What more slots may lock.
    pub free: u128,
}

/// A direct challenge: show the 2^b leaves from `offset_leaves` on of a sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChallengeInfo {
    /// Its number.
    pub id: u64,
    /// Who put up the bond.
    pub challenger: Address,
    /// The slot's deal.
    pub deal: DealId,
    /// The slot.
    pub slot: SlotIndex,
    /// Who must answer.
    pub provider: Address,
    /// The tree of the sector.
    pub tree: TreeIndex,
    /// The period whose round seeds the samples.
    pub seed_period: Period,
    /// The sector.
    pub sector: SectorNumber,
    /// First leaf of the piece in it.
    pub offset_leaves: u64,
    /// log2 of the piece's leaves.
    pub b: u8,
    /// Where it stands.
    pub status: ChallengeStatus,
}

/// Where a direct challenge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeStatus {
    /// It waits for its answer.
    Open,
    /// It was answered.
    Answered,
    /// It was not; the provider was slashed and lost the slot.
    Failed,
    /// The slot ended for another reason, or the round never came.
    Void,
}

/// The public inputs of a precommitted replica's proof that the caller does not choose: field elements, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaChallenge {
    /// What every replica of the deployment is encoded for.
    pub porep_id: [u8; 32],
    /// The ticket it was encoded with.
    pub ticket: [u8; 32],
    /// The seed of its challenges.
    pub seed: [u8; 32],
}

/// One slot of a deal to be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewSlot {
    /// Plain BLAKE3 hash of the piece.
    pub content_id: ContentId,
    /// log2 of the piece's leaves.
    pub b: u8,
    /// Length of the piece in bytes.
    pub byte_len: u64,
    /// Who may fill the slot.
    pub provider: Address,
}

/// A deal to be opened: one segment, and a slot for each of its n pieces. Escrow = n x price x periods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewDeal {
    /// Pieces needed to rebuild the segment.
    pub k: u16,
    /// Which erasure code made the pieces (1 = matrix of reed-solomon-erasure 6.0, `galois_8`).
    pub code_id: u8,
    /// Kind of sector the pieces go into.
    pub kind: SectorKind,
    /// Strip of the erasure code, in bytes.
    pub strip_bytes: u32,
    /// Length of the coded segment, in bytes.
    pub segment_bytes: u64,
    /// Pay of one slot for one proven period, in smallest token units.
    pub price_per_slot_period: u128,
    /// How many periods the deal lasts, counted from the first one not yet frozen when it is opened.
    pub periods: u32,
    /// In how many of these, counted from the first, slots may still be filled (at least 1, at most `periods`).
    pub activation_periods: u32,
    /// The slots, one for each piece.
    pub slots: Vec<NewSlot>,
}

impl NewDeal {
    /// What opening it takes from the owner: n x price x periods; `None` when that overflows.
    #[must_use]
    pub fn escrow(&self) -> Option<u128> {
        let slots = u128::try_from(self.slots.len()).ok()?;
        slots
            .checked_mul(self.price_per_slot_period)?
            .checked_mul(u128::from(self.periods))
    }
}

/// A deal on chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealInfo {
    /// Its number.
    pub id: DealId,
    /// Who pays and who accepts.
    pub owner: Address,
    /// Pieces needed to rebuild the segment.
    pub k: u16,
    /// Pieces in all.
    pub n: u16,
    /// Which erasure code.
    pub code_id: u8,
    /// Kind of sector.
    pub kind: SectorKind,
    /// Strip of the erasure code, in bytes.
    pub strip_bytes: u32,
    /// Length of the coded segment, in bytes.
    pub segment_bytes: u64,
    /// Pay of one slot for one proven period.
    pub price_per_slot_period: u128,
    /// First period of the deal.
    pub start_period: Period,
    /// Last period of the deal.
    pub end_period: Period,
    /// Last period that may be the open one when a slot is filled.
    pub activate_by: Period,
    /// How many slots were ever filled.
    pub filled: u16,
    /// How many are filled now.
    pub live: u16,
    /// How many have ended.
    pub closed: u16,
    /// Since when fewer than k slots have been filled; none while enough are.
    pub scarce_since_unix: Option<u64>,
    /// Whether its owner took it back before a slot was filled.
    pub cancelled: bool,
    /// Escrow not yet paid out or returned, over all slots.
    pub escrow_left: u128,
    /// The slots as they were opened (from the `DealOpened` event; the chain itself keeps only their hash).
    pub slots: Vec<NewSlot>,
}

/// Where a slot stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotStatus {
    /// Nobody has proven to hold the piece yet.
    Empty,
    /// A provider proved that the piece lies in one of its sectors.
    Filled {
        /// Who is paid.
        provider: Address,
        /// The tree whose window proofs earn the pay.
        tree: TreeIndex,
        /// Where the piece is.
        sector: SectorNumber,
        /// Its first leaf in the sector.
        offset_leaves: u64,
        /// The piece's commitment.
        comm_p: Commitment,
        /// First period it may be paid for.
        first_period: Period,
    },
    /// Its holder lost it; open for repair.
    Freed,
    /// Settled for good.
    Closed,
}

/// A slot on chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotState {
    /// Where it stands.
    pub status: SlotStatus,
    /// Periods paid so far.
    pub paid_periods: u32,
    /// Credited to its providers so far.
    pub paid: u128,
    /// Whether it is under a direct challenge.
    pub challenged: bool,
    /// When it was freed last; 0: never.
    pub freed_at_unix: u64,
}

/// The running auction of the right to repair a sealed slot, as one provider sees it. Nobody has entered one: all but the
/// turn is empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AuctionInfo {
    /// How many repairs and auctions of the slot have ended.
    pub turn: u32,
    /// The period whose round ranks the entrants; entries end when its trees freeze.
    pub period: Option<Period>,
    /// Last second of the claims; none while the round is unknown.
    pub claims_until_unix: Option<u64>,
    /// Who has the lowest rank of those who claimed.
    pub best: Option<Address>,
    /// Whether the provider is in it.
    pub entered: bool,
    /// Whether the provider's rank is known and lower than that of all who claimed.
    pub is_lowest: bool,
    /// Whether the provider alone may fill the slot now.
    pub is_winner: bool,
    /// How many periods with a beacon must still close before the winner's time is over; none until claims have begun.
    pub seal_periods_left: Option<u64>,
}

impl AuctionInfo {
    /// Whether entries are taken at a time; whoever enters where there is no auction opens one.
    #[must_use]
    pub fn takes_entries(&self, schedule: &Schedule, time_unix: u64) -> bool {
        self.period
            .is_none_or(|period| time_unix < schedule.freeze_time(period))
    }

    /// Whether claims are over at a time.
    #[must_use]
    pub fn is_decided(&self, time_unix: u64) -> bool {
        self.claims_until_unix
            .is_some_and(|until| time_unix > until)
    }

    /// Whether it has failed by a time: nobody claimed, or the winner's time is over. Anybody may end it then, and the next
    /// one begins.
    #[must_use]
    pub fn has_failed(&self, time_unix: u64) -> bool {
        self.is_decided(time_unix) && (self.best.is_none() || self.seal_periods_left == Some(0))
    }
}

/// One piece to be activated: what both sides signed, the owner's signature, and where it lies in the sector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Activation {
    /// The terms of Receipt and Acceptance.
    pub terms: PieceTerms,
    /// The deal owner's signature over the Acceptance.
    pub acceptance: Signature,
    /// First leaf of the piece in its sector, a multiple of 2^b.
    pub offset_leaves: u64,
}

/// What the contracts owe an account, in smallest token units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Owed {
    /// Earned in deals, or back from their escrow.
    pub deals: u128,
    /// Bounties for reports, challenges, disputes and repairs.
    pub bounties: u128,
    /// Bonds of challenges and of repairs that came back, and what answers to challenges were paid.
    pub bonds: u128,
    /// Collateral that was asked back and may leave now.
    pub collateral: u128,
}

impl Owed {
    /// All of it.
    #[must_use]
    pub const fn total(&self) -> u128 {
        self.deals
            .saturating_add(self.bounties)
            .saturating_add(self.bonds)
            .saturating_add(self.collateral)
    }
}

/// What shows that a piece's commitment is false: a group of it holds other leaves than the piece's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FalseCommitment {
    /// Which group of 127 bytes.
    pub group: u64,
    /// The four leaves that lie there under the commitment.
    pub leaves: [Commitment; 4],
    /// The proof of that, circuit `dispute`.
    pub proof: [u8; 512],
    /// The chunks of the piece that the group's bytes lie in, in order: none for padding.
    pub chunks: Vec<ShownChunk>,
}

/// A chunk of a piece under its content id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownChunk {
    /// 1,024 bytes, the last chunk of a piece what is left.
    pub bytes: Vec<u8>,
    /// Siblings from it to the root of the piece's BLAKE3 tree, lowest first.
    pub path: Vec<[u8; 32]>,
}

/// How a provider's tree fared over a span of periods whose deadlines are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Uptime {
    /// Periods proven.
    pub proven: u64,
    /// Periods with a beacon and something to prove, and no proof.
    pub missed: u64,
    /// Periods whose beacon round was not posted by the deadline.
    pub void: u64,
    /// Periods with a beacon and an empty tree.
    pub empty: u64,
}
