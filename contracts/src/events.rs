//! What the contracts said, in order: one typed value per log, with the block it is in.

use cairn_wire::{
    Address, Commitment, DealId, Period, Round, SectorKind, SectorNumber, SlotIndex, TreeIndex,
};

use crate::market::NewSlot;

/// One log of one of the deployment's contracts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEvent {
    /// Block number.
    pub block: u64,
    /// Block hash: what tells two blocks of one number apart after a reorganisation.
    pub block_hash: [u8; 32],
    /// The transaction.
    pub tx: [u8; 32],
    /// Place of the log in its block.
    pub log_index: u64,
    /// What was said.
    pub kind: ChainEventKind,
}

/// What a contract said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainEventKind {
    /// An account became a provider, or changed its entry.
    ProviderRegistered {
        /// The account.
        provider: Address,
        /// `host:port`.
        endpoint: String,
        /// SHA-256 of the SPKI of its TLS key.
        tls_pin: [u8; 32],
        /// The key that signs its receipts.
        operator: Address,
        /// Smallest token units per TiB and period.
        ask_per_tib_period: u128,
    },
    /// A beacon round was posted and verified.
    RoundPosted {
        /// The round.
        round: Round,
        /// SHA-256 of the compressed signature.
        randomness: [u8; 32],
        /// The period it seeds, if it seeds one.
        period: Option<Period>,
        /// Whether it came by that period's deadline (otherwise the period is void).
        counted: bool,
    },
    /// A provider took numbers for replicas.
    NumbersReserved {
        /// Whose.
        provider: Address,
        /// The first of them.
        first: SectorNumber,
        /// How many.
        count: u16,
    },
    /// A provider committed to a replica and paid the deposit.
    ReplicaPrecommitted {
        /// Whose.
        provider: Address,
        /// Under which number.
        number: SectorNumber,
        /// Root of its data tree.
        comm_d: Commitment,
        /// What it commits to.
        comm_r: Commitment,
        /// The period whose round is its ticket.
        ticket_period: Period,
        /// The period whose round seeds its challenges.
        seed_period: Period,
        /// Locked until it is proven or expires.
        deposit: u128,
    },
    /// A replica was proven.
    ReplicaProven {
        /// Whose.
        provider: Address,
        /// Under which number.
        number: SectorNumber,
        /// Credited to the provider.
        deposit: u128,
    },
    /// A replica was not proven in time.
    ReplicaExpired {
        /// Whose.
        provider: Address,
        /// Under which number.
        number: SectorNumber,
        /// Burned.
        deposit: u128,
    },
    /// Credit left the Replicas contract.
    DepositWithdrawn {
        /// Whose.
        account: Address,
        /// Where it went.
        to: Address,
        /// How much.
        amount: u128,
    },
    /// A sector was appended.
    SectorAppended {
        /// Whose.
        provider: Address,
        /// In which tree.
        tree: TreeIndex,
        /// At which place.
        index: u32,
        /// Its number.
        number: SectorNumber,
        /// What the provider leaf holds.
        comm_r: Commitment,
        /// Root of its data tree.
        comm_d: Commitment,
        /// Hot or sealed.
        kind: SectorKind,
        /// The tree's new root.
        root: Commitment,
        /// First period whose frozen tree holds it.
        effective_period: Period,
    },
    /// A sector was removed; the last sector of the tree moved into its place.
    SectorRetired {
        /// Whose.
        provider: Address,
        /// From which tree.
        tree: TreeIndex,
        /// The place it had.
        index: u32,
        /// The sector that is gone.
        number: SectorNumber,
        /// The sector that stands there now; equal to `number` when the last one was removed.
        moved: SectorNumber,
        /// Sectors left in the tree.
        count: u32,
        /// The tree's new root.
        root: Commitment,
        /// First period whose frozen tree is without it.
        effective_period: Period,
    },
    /// A tree's window proof was accepted.
    WindowProven {
        /// Whose.
        provider: Address,
        /// Which tree.
        tree: TreeIndex,
        /// For which period.
        period: Period,
        /// Sectors in the frozen tree.
        count: u32,
    },
    /// A deal was opened.
    DealOpened {
        /// Its number.
        deal: DealId,
        /// Who pays.
        owner: Address,
        /// Its terms.
        terms: DealTerms,
        /// Its slots, in full: the chain keeps only their hash.
        slots: Vec<NewSlot>,
    },
    /// A deal was taken back by its owner before any slot was filled.
    DealCancelled {
        /// Which deal.
        deal: DealId,
        /// Credited to the owner.
        refund: u128,
    },
    /// A slot was filled.
    SlotFilled {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// By whom.
        provider: Address,
        /// Where the piece is.
        sector: SectorNumber,
        /// The piece's commitment.
        comm_p: Commitment,
        /// First leaf of the piece in the sector.
        offset_leaves: u64,
        /// First period it may be paid for.
        first_period: Period,
    },
    /// A slot was paid up to a period.
    Settled {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// Who was credited.
        provider: Address,
        /// How much.
        amount: u128,
        /// For how many proven periods.
        periods: u64,
        /// All proven periods up to this one are paid.
        through_period: Period,
    },
    /// A slot ended: settled for good, what was not earned goes back to the owner.
    SlotClosed {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// Credited to the owner.
        refund: u128,
    },
    /// A deal lasts longer; its owner paid for it.
    DealExtended {
        /// Which deal.
        deal: DealId,
        /// Its last period now.
        end_period: Period,
        /// Paid in.
        amount: u128,
    },
    /// A deal ends earlier than it was opened for.
    DealCut {
        /// Which deal.
        deal: DealId,
        /// Its last period now.
        end_period: Period,
        /// Credited to the owner.
        refund: u128,
        /// Whether it ends because too few slots are left to rebuild the segment.
        lost: bool,
    },
    /// A slot lost its provider and waits for a repair.
    SlotFreed {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// Who lost it.
        provider: Address,
        /// The piece's commitment; none when it was shown to be false.
        comm_p: Option<Commitment>,
    },
    /// A freed slot was filled by another provider.
    SlotRepaired {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// By whom.
        provider: Address,
        /// Who had lost it.
        failed: Address,
    },
    /// A slot's provider was challenged to show the piece.
    ChallengeOpened {
        /// Number of the challenge.
        id: u64,
        /// Who must answer.
        provider: Address,
        /// The slot's deal.
        deal: DealId,
        /// The slot.
        slot: SlotIndex,
        /// Who put up the bond.
        challenger: Address,
        /// The bond.
        bond: u128,
    },
    /// A challenge was answered.
    ChallengeAnswered {
        /// Number of the challenge.
        id: u64,
        /// Who answered for the slot.
        provider: Address,
        /// Of the bond, the provider's.
        paid: u128,
    },
    /// A challenge ended without an answer.
    ChallengeExpired {
        /// Number of the challenge.
        id: u64,
        /// Who should have answered.
        provider: Address,
        /// Whether it lost the slot for it.
        failed: bool,
        /// The challenger's.
        bounty: u128,
    },
    /// A commitment was shown to be false.
    CommitmentVoided {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// Who had claimed it.
        provider: Address,
        /// Who showed it.
        hunter: Address,
        /// The hunter's.
        bounty: u128,
    },
    /// Collateral came in.
    CollateralDeposited {
        /// Whose.
        provider: Address,
        /// Who paid.
        from: Address,
        /// How much.
        amount: u128,
    },
    /// A miss was reported.
    MissReported {
        /// Who missed.
        provider: Address,
        /// With which tree.
        tree: TreeIndex,
        /// Which period.
        period: Period,
        /// Who showed it.
        reporter: Address,
        /// Taken from the provider.
        slashed: u128,
        /// Of it, the reporter's.
        bounty: u128,
    },
    /// A slot's fault part was slashed after a challenge or a dispute.
    SlotSlashed {
        /// Whose.
        provider: Address,
        /// Who showed the fault.
        hunter: Address,
        /// Taken from the provider.
        slashed: u128,
        /// Of it, the hunter's.
        bounty: u128,
    },
    /// A tree was ended after too many misses.
    TreeTerminated {
        /// Whose.
        provider: Address,
        /// Which tree.
        tree: TreeIndex,
        /// The last period that counts.
        last_period: Period,
    },
    /// Misses of a tree are excused for a while.
    WindowExcused {
        /// Whose.
        provider: Address,
        /// Which tree.
        tree: TreeIndex,
        /// From this period on.
        first: Period,
        /// To this one.
        last: Period,
        /// Burned for it; 0 for maintenance.
        charged: u128,
    },
    /// The repair part of a freed slot was put aside.
    RepairFunded {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// Who pays.
        provider: Address,
        /// How much.
        amount: u128,
    },
    /// The repair part of a freed slot was spent.
    RepairPaid {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// Who repaired; none when nobody did.
        repairer: Option<Address>,
        /// The repairer's.
        bounty: u128,
        /// Burned.
        burned: u128,
    },
    /// A provider put up a bond for the right to repair a sealed slot.
    AuctionEntered {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// Who.
        provider: Address,
        /// Which of the slot's turns.
        turn: u32,
        /// The bond.
        bond: u128,
    },
    /// An auction ended without a repair.
    AuctionEnded {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// Which of the slot's turns.
        turn: u32,
        /// Who had won it; none when nobody claimed.
        best: Option<Address>,
        /// Bonds that are lost: the winner's, or all where nobody claimed.
        lost: u128,
    },
    /// An entrant's bond came back.
    BondRefunded {
        /// Which deal.
        deal: DealId,
        /// Which slot.
        slot: SlotIndex,
        /// Whose.
        provider: Address,
        /// Which of the slot's turns.
        turn: u32,
        /// The bond.
        bond: u128,
    },
    /// Credit left the Deals contract.
    Withdrawn {
        /// Whose.
        account: Address,
        /// Where it went.
        to: Address,
        /// How much.
        amount: u128,
    },
}

/// The terms of a deal, without its slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DealTerms {
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
    /// What the owner paid in.
    pub escrow: u128,
}
