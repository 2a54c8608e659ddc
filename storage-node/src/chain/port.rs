//! What a node asks the chain and tells it. Tests put a chain of their own behind it.

use std::future::Future;
use std::pin::Pin;

use cairn_contracts::{
    Activation, AuctionInfo, Chain, ChainError, ChainEvent, ChallengeInfo, ChallengeStatus,
    CollateralAccount, DealInfo, EvmProof, Head, ProviderInfo, ReplicaChallenge, ReplicaInfo,
    Retry, SlotState, TreeState, TxReceipt, Uptime,
};
use cairn_wire::{
    Address, Commitment, DealId, Period, Round, SectorKind, SectorNumber, SlotIndex, TreeIndex,
};

use crate::error::ChainFault;

/// An answer of the chain, in the making.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, ChainFault>> + Send + 'a>>;

/// A sector to be appended.
#[derive(Clone, Copy, Debug)]
pub struct AppendCall {
    /// To which tree.
    pub tree: TreeIndex,
    /// The tree's root afterwards.
    pub new_root: Commitment,
    /// Root of the data leaves.
    pub comm_d: Commitment,
    /// What the provider leaf commits to.
    pub comm_r: Commitment,
    /// Hot or sealed.
    pub kind: SectorKind,
    /// The proof of the append.
    pub proof: EvmProof,
}

/// A sealed sector to be appended: the chain knows its commitments from its precommit.
#[derive(Clone, Copy, Debug)]
pub struct SealedAppendCall {
    /// To which tree.
    pub tree: TreeIndex,
    /// The number it was sealed under.
    pub number: SectorNumber,
    /// The tree's root afterwards.
    pub new_root: Commitment,
    /// The proof of the append.
    pub proof: EvmProof,
}

/// What the chain is told before it challenges a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PrecommitCall {
    /// A number that was reserved.
    pub number: SectorNumber,
    /// Root of the data.
    pub comm_d: Commitment,
    /// Commitment to labels and replica.
    pub comm_r: Commitment,
    /// The period whose randomness is the ticket.
    pub ticket_period: Period,
}

/// What a deposit can be paid from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Funds {
    /// Deposits that came back and were not withdrawn.
    pub credit: u128,
    /// Tokens in the account.
    pub balance: u128,
}

impl Funds {
    /// Both together.
    #[must_use]
    pub const fn at_hand(&self) -> u128 {
        self.credit.saturating_add(self.balance)
    }
}

/// The chain, for one provider. Every call has a time-out behind it.
pub trait ChainPort: Send + Sync + 'static {
    /// The newest block.
    fn head(&self) -> Answer<'_, Head>;
    /// The hash of a block by its number; `None` when the endpoint does not have it.
    fn block_hash(&self, number: u64) -> Answer<'_, Option<[u8; 32]>>;
    /// The base fee, when it is above what is paid for calls that can wait.
    fn too_dear(&self) -> Answer<'_, Option<u128>>;
    /// The randomness of a round, once somebody posted it.
    fn randomness(&self, round: Round) -> Answer<'_, Option<[u8; 32]>>;
    /// This provider's tree at the newest block.
    fn tree(&self, tree: TreeIndex) -> Answer<'_, TreeState>;
    /// Root and count that a period's proof is checked against.
    fn frozen_tree(&self, tree: TreeIndex, period: Period) -> Answer<'_, (Commitment, u32)>;
    /// The number of this provider's next sector.
    fn next_sector_number(&self) -> Answer<'_, SectorNumber>;
    /// Appends a sector.
    fn append(&self, call: AppendCall) -> Answer<'_, TxReceipt>;
    /// Takes one number of this provider's counter for a sealed sector.
    fn reserve_number(&self) -> Answer<'_, TxReceipt>;
    /// Whether a number was reserved, ever.
    fn is_reserved(&self, number: SectorNumber) -> Answer<'_, bool>;
    /// A replica from its precommit on.
    fn replica(&self, number: SectorNumber) -> Answer<'_, Option<ReplicaInfo>>;
    /// What a precommitted replica is challenged with, once its seed's round was posted.
    fn replica_challenge(&self, number: SectorNumber) -> Answer<'_, Option<ReplicaChallenge>>;
    /// When the proof of a precommitted replica is due; `None` while its clock stands still.
    fn replica_due(&self, number: SectorNumber) -> Answer<'_, Option<u64>>;
    /// What a deposit can be paid from.
    fn funds(&self) -> Answer<'_, Funds>;
    /// Commits to a replica, with a deposit.
    fn precommit(&self, call: PrecommitCall) -> Answer<'_, TxReceipt>;
    /// Hands in the proofs of all partitions, in order.
    fn prove_replica(&self, number: SectorNumber, proofs: Vec<EvmProof>) -> Answer<'_, TxReceipt>;
    /// Appends a sealed sector whose replica was proven.
    fn append_sealed(&self, call: SealedAppendCall) -> Answer<'_, TxReceipt>;
    /// The seed of a window; its round must be posted.
    fn window_seed(&self, tree: TreeIndex, period: Period) -> Answer<'_, [u8; 32]>;
    /// Hands in a window proof.
    fn prove_window(
        &self,
        tree: TreeIndex,
        period: Period,
        proof: EvmProof,
    ) -> Answer<'_, TxReceipt>;
    /// Whether a window counts as proven.
    fn proven(&self, tree: TreeIndex, period: Period) -> Answer<'_, bool>;
    /// How a tree of this provider fared in one period; all zero while its deadline is not over.
    fn uptime(&self, tree: TreeIndex, period: Period) -> Answer<'_, Uptime>;
    /// A deal with its slots.
    fn deal(&self, deal: DealId) -> Answer<'_, Option<DealInfo>>;
    /// Ends a challenge of anybody that was not answered in time.
    fn expire_challenge(&self, id: u64) -> Answer<'_, TxReceipt>;
    /// Ends a slot of this provider, or of anybody, after its deal's end.
    fn close(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt>;
    /// A provider's entry in the registry.
    fn provider(&self, provider: Address) -> Answer<'_, Option<ProviderInfo>>;
    /// A slot.
    fn slot(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, SlotState>;
    /// Fills slots with pieces that one inclusion proof shows to lie in a sector of this provider.
    fn activate(
        &self,
        number: SectorNumber,
        activations: Vec<Activation>,
        proof: EvmProof,
    ) -> Answer<'_, TxReceipt>;
    /// Credits this provider for what these slots have earned and not been paid.
    fn settle_many(&self, slots: Vec<(DealId, SlotIndex)>) -> Answer<'_, TxReceipt>;
    /// What this provider stakes.
    fn collateral(&self) -> Answer<'_, CollateralAccount>;
    /// Adds to what this provider stakes.
    fn deposit_collateral(&self, tokens: u128) -> Answer<'_, TxReceipt>;
    /// Whether a tree of anybody held sectors in a closed period with a beacon and was not proven.
    fn missed(&self, provider: Address, tree: TreeIndex, period: Period) -> Answer<'_, bool>;
    /// What a tree of anybody earned, and risked, in a period, and what of its provider's collateral answers for that.
    fn at_risk(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Answer<'_, (u128, u128)>;
    /// Shows a miss of somebody; the bounty is this provider's.
    fn report_miss(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Answer<'_, TxReceipt>;
    /// Misses of a tree in a row, as the chain counts them for its end.
    fn misses_in_a_row(&self, provider: Address, tree: TreeIndex) -> Answer<'_, u64>;
    /// Ends a tree of somebody that missed too often.
    fn terminate(&self, provider: Address, tree: TreeIndex) -> Answer<'_, TxReceipt>;
    /// Frees a slot of a tree that was ended.
    fn free(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt>;
    /// Numbers of the open challenges of this provider, found by looking.
    fn open_challenges(&self) -> Answer<'_, Vec<u64>>;
    /// A challenge.
    fn challenge(&self, id: u64) -> Answer<'_, Option<ChallengeInfo>>;
    /// The seed of a challenge and the last second for its answer; none while its round is unknown.
    fn challenge_seed(&self, id: u64) -> Answer<'_, Option<([u8; 32], u64)>>;
    /// Answers a challenge about a sector that stands at `index` of the latest frozen tree.
    fn answer_challenge(&self, id: u64, index: u32, proof: EvmProof) -> Answer<'_, TxReceipt>;
    /// When this provider committed to the repair of a slot with this salt.
    fn repair_committed_at(
        &self,
        deal: DealId,
        slot: SlotIndex,
        salt: [u8; 32],
    ) -> Answer<'_, Option<u64>>;
    /// Commits to the repair of a slot.
    fn commit_repair(&self, deal: DealId, slot: SlotIndex, salt: [u8; 32])
    -> Answer<'_, TxReceipt>;
    /// Shows the commit, which gives the right to fill the slot.
    fn reveal_repair(&self, deal: DealId, slot: SlotIndex, salt: [u8; 32])
    -> Answer<'_, TxReceipt>;
    /// The last second at which this provider may fill a freed slot; none when it may not.
    fn right_until(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, Option<u64>>;
    /// The running auction of a sealed slot that somebody lost.
    fn auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, AuctionInfo>;
    /// Enters the auction of a slot, with a bond, or opens one.
    fn enter_auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt>;
    /// Puts this provider, an entrant, forward as the winner.
    fn claim_auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt>;
    /// Ends an auction that failed, or whose deal ended first.
    fn expire_auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt>;
    /// Whether this provider's bond in an auction would come back now.
    fn bond_refundable(&self, deal: DealId, slot: SlotIndex, turn: u32) -> Answer<'_, bool>;
    /// Gives this provider's bond back, as credit.
    fn refund_bond(&self, deal: DealId, slot: SlotIndex, turn: u32) -> Answer<'_, TxReceipt>;
    /// Bonds that came back: the next ones are taken from them.
    fn repair_credit(&self) -> Answer<'_, u128>;
    /// Takes them out, to this provider's account.
    fn withdraw_repair_bonds(&self) -> Answer<'_, TxReceipt>;
    /// What the contracts said in a span of blocks, both ends included.
    fn events(&self, from_block: u64, to_block: u64) -> Answer<'_, Vec<ChainEvent>>;
}

/// Newest challenges that are looked through for open ones; all of a provider's open ones are young.
const SCANNED: u64 = 2_000;

/// The contracts' bindings, for one provider.
#[derive(Clone, Debug)]
pub struct OnChain {
    chain: Chain,
    me: Address,
}

impl OnChain {
    /// The chain as `me` sees it.
    #[must_use]
    pub const fn new(chain: Chain, me: Address) -> Self {
        Self { chain, me }
    }
}

impl From<ChainError> for ChainFault {
    fn from(error: ChainError) -> Self {
        if let ChainError::Dear { .. } = error {
            return Self::Dear(error.to_string());
        }
        match error.retry() {
            Retry::Later => Self::Unreachable(error.to_string()),
            Retry::Refused | Retry::Never => Self::Refused(error.to_string()),
        }
    }
}

macro_rules! ask {
    ($self:ident . $call:ident ( $($argument:expr),* )) => {
        Box::pin(async move { Ok($self.chain.$call($($argument),*).await?) })
    };
}

impl ChainPort for OnChain {
    fn head(&self) -> Answer<'_, Head> {
        ask!(self.head())
    }

    fn block_hash(&self, number: u64) -> Answer<'_, Option<[u8; 32]>> {
        Box::pin(async move {
            let block = self.chain.block(number).await?;
            Ok(block.map(|block| block.hash))
        })
    }

    fn too_dear(&self) -> Answer<'_, Option<u128>> {
        ask!(self.too_dear())
    }

    fn randomness(&self, round: Round) -> Answer<'_, Option<[u8; 32]>> {
        ask!(self.randomness(round))
    }

    fn tree(&self, tree: TreeIndex) -> Answer<'_, TreeState> {
        ask!(self.tree(self.me, tree))
    }

    fn frozen_tree(&self, tree: TreeIndex, period: Period) -> Answer<'_, (Commitment, u32)> {
        ask!(self.frozen_tree(self.me, tree, period))
    }

    fn next_sector_number(&self) -> Answer<'_, SectorNumber> {
        ask!(self.next_sector_number(self.me))
    }

    fn append(&self, call: AppendCall) -> Answer<'_, TxReceipt> {
        ask!(self.append(
            call.tree,
            &call.new_root,
            &call.comm_d,
            &call.comm_r,
            call.kind,
            &call.proof
        ))
    }

    fn reserve_number(&self) -> Answer<'_, TxReceipt> {
        Box::pin(async move {
            let (_, sent) = self.chain.reserve_numbers(1).await?;
            Ok(sent)
        })
    }

    fn is_reserved(&self, number: SectorNumber) -> Answer<'_, bool> {
        ask!(self.is_reserved(self.me, number))
    }

    fn replica(&self, number: SectorNumber) -> Answer<'_, Option<ReplicaInfo>> {
        ask!(self.replica(self.me, number))
    }

    fn replica_challenge(&self, number: SectorNumber) -> Answer<'_, Option<ReplicaChallenge>> {
        Box::pin(async move {
            match self.chain.replica_challenge(self.me, number).await {
                Ok(challenge) => Ok(Some(challenge)),
                Err(ChainError::RoundUnknown { .. }) => Ok(None),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn replica_due(&self, number: SectorNumber) -> Answer<'_, Option<u64>> {
        ask!(self.replica_due(self.me, number))
    }

    fn funds(&self) -> Answer<'_, Funds> {
        Box::pin(async move {
            Ok(Funds {
                credit: self.chain.deposit_credit(self.me).await?,
                balance: self.chain.balance_of(self.me).await?,
            })
        })
    }

    fn precommit(&self, call: PrecommitCall) -> Answer<'_, TxReceipt> {
        ask!(self.precommit(call.number, &call.comm_d, &call.comm_r, call.ticket_period))
    }

    fn prove_replica(&self, number: SectorNumber, proofs: Vec<EvmProof>) -> Answer<'_, TxReceipt> {
        ask!(self.prove_replica(self.me, number, &proofs))
    }

    fn append_sealed(&self, call: SealedAppendCall) -> Answer<'_, TxReceipt> {
        ask!(self.append_sealed(call.tree, call.number, &call.new_root, &call.proof))
    }

    fn window_seed(&self, tree: TreeIndex, period: Period) -> Answer<'_, [u8; 32]> {
        ask!(self.window_seed(self.me, tree, period))
    }

    fn prove_window(
        &self,
        tree: TreeIndex,
        period: Period,
        proof: EvmProof,
    ) -> Answer<'_, TxReceipt> {
        ask!(self.prove_window(self.me, tree, period, &proof))
    }

    fn proven(&self, tree: TreeIndex, period: Period) -> Answer<'_, bool> {
        ask!(self.proven(self.me, tree, period))
    }

    fn uptime(&self, tree: TreeIndex, period: Period) -> Answer<'_, Uptime> {
        ask!(self.uptime(self.me, tree, period, period))
    }

    fn deal(&self, deal: DealId) -> Answer<'_, Option<DealInfo>> {
        ask!(self.deal(deal))
    }

    fn provider(&self, provider: Address) -> Answer<'_, Option<ProviderInfo>> {
        ask!(self.provider(provider))
    }

    fn slot(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, SlotState> {
        ask!(self.slot(deal, slot))
    }

    fn activate(
        &self,
        number: SectorNumber,
        activations: Vec<Activation>,
        proof: EvmProof,
    ) -> Answer<'_, TxReceipt> {
        ask!(self.activate(number, &activations, &proof))
    }

    fn settle_many(&self, slots: Vec<(DealId, SlotIndex)>) -> Answer<'_, TxReceipt> {
        ask!(self.settle_many(&slots))
    }

    fn collateral(&self) -> Answer<'_, CollateralAccount> {
        ask!(self.collateral_of(self.me))
    }

    fn deposit_collateral(&self, tokens: u128) -> Answer<'_, TxReceipt> {
        ask!(self.deposit_collateral(self.me, tokens))
    }

    fn missed(&self, provider: Address, tree: TreeIndex, period: Period) -> Answer<'_, bool> {
        Box::pin(async move {
            let fared = self.chain.uptime(provider, tree, period, period).await?;
            Ok(fared.missed == 1)
        })
    }

    fn at_risk(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Answer<'_, (u128, u128)> {
        Box::pin(async move {
            let pay = self.chain.pay_at(provider, tree, period).await?;
            let account = self.chain.collateral_of(provider).await?;
            Ok((pay, account.total.saturating_sub(account.repair_locked)))
        })
    }

    fn report_miss(
        &self,
        provider: Address,
        tree: TreeIndex,
        period: Period,
    ) -> Answer<'_, TxReceipt> {
        ask!(self.report_miss(provider, tree, period))
    }

    fn misses_in_a_row(&self, provider: Address, tree: TreeIndex) -> Answer<'_, u64> {
        ask!(self.misses_in_a_row(provider, tree))
    }

    fn terminate(&self, provider: Address, tree: TreeIndex) -> Answer<'_, TxReceipt> {
        ask!(self.terminate(provider, tree))
    }

    fn free(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt> {
        ask!(self.free(deal, slot))
    }

    fn open_challenges(&self) -> Answer<'_, Vec<u64>> {
        Box::pin(async move {
            let mut left = self.chain.open_challenges(self.me).await?;
            let mut found = Vec::new();
            let mut next = if left == 0 {
                0
            } else {
                self.chain.last_challenge().await?
            };
            // Open ones are young: the newest numbers are looked at first, and as few as are needed.
            let oldest = next.saturating_sub(SCANNED);
            while left != 0 && next > oldest {
                let challenge = self.chain.challenge_info(next).await?;
                let ours = challenge.is_some_and(|challenge| {
                    challenge.provider == self.me && challenge.status == ChallengeStatus::Open
                });
                if ours {
                    found.push(next);
                    left = left.saturating_sub(1);
                }
                next = next.saturating_sub(1);
            }
            Ok(found)
        })
    }

    fn challenge(&self, id: u64) -> Answer<'_, Option<ChallengeInfo>> {
        ask!(self.challenge_info(id))
    }

    fn challenge_seed(&self, id: u64) -> Answer<'_, Option<([u8; 32], u64)>> {
        Box::pin(async move {
            let Some(due) = self.chain.challenge_due(id).await? else {
                return Ok(None);
            };
            let seed = self.chain.challenge_seed(id).await?;
            Ok(seed.map(|seed| (seed, due)))
        })
    }

    fn expire_challenge(&self, id: u64) -> Answer<'_, TxReceipt> {
        ask!(self.expire_challenge(id))
    }

    fn close(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt> {
        ask!(self.close(deal, slot))
    }

    fn answer_challenge(&self, id: u64, index: u32, proof: EvmProof) -> Answer<'_, TxReceipt> {
        ask!(self.answer_challenge(id, index, &proof))
    }

    fn repair_committed_at(
        &self,
        deal: DealId,
        slot: SlotIndex,
        salt: [u8; 32],
    ) -> Answer<'_, Option<u64>> {
        Box::pin(async move {
            let hash = self.chain.repair_hash(deal, slot, self.me, &salt).await?;
            Ok(self.chain.repair_committed_at(&hash).await?)
        })
    }

    fn commit_repair(
        &self,
        deal: DealId,
        slot: SlotIndex,
        salt: [u8; 32],
    ) -> Answer<'_, TxReceipt> {
        Box::pin(async move {
            let hash = self.chain.repair_hash(deal, slot, self.me, &salt).await?;
            Ok(self.chain.commit_repair(&hash).await?)
        })
    }

    fn reveal_repair(
        &self,
        deal: DealId,
        slot: SlotIndex,
        salt: [u8; 32],
    ) -> Answer<'_, TxReceipt> {
        ask!(self.reveal_repair(deal, slot, &salt))
    }

    fn right_until(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, Option<u64>> {
        ask!(self.right_until(deal, slot, self.me))
    }

    fn auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, AuctionInfo> {
        ask!(self.auction(deal, slot, self.me))
    }

    fn enter_auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt> {
        ask!(self.enter_auction(deal, slot))
    }

    fn claim_auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt> {
        ask!(self.claim_auction(deal, slot))
    }

    fn expire_auction(&self, deal: DealId, slot: SlotIndex) -> Answer<'_, TxReceipt> {
        ask!(self.expire_auction(deal, slot))
    }

    fn bond_refundable(&self, deal: DealId, slot: SlotIndex, turn: u32) -> Answer<'_, bool> {
        ask!(self.bond_refundable(deal, slot, turn, self.me))
    }

    fn refund_bond(&self, deal: DealId, slot: SlotIndex, turn: u32) -> Answer<'_, TxReceipt> {
        ask!(self.refund_bond(deal, slot, turn, self.me))
    }

    fn repair_credit(&self) -> Answer<'_, u128> {
        ask!(self.repair_credit(self.me))
    }

    fn withdraw_repair_bonds(&self) -> Answer<'_, TxReceipt> {
        ask!(self.withdraw_repair_bonds(self.me))
    }

    fn events(&self, from_block: u64, to_block: u64) -> Answer<'_, Vec<ChainEvent>> {
        ask!(self.events(from_block, to_block))
    }
}
