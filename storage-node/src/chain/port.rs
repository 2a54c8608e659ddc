//! What a node asks the chain and tells it. Tests put a chain of their own behind it.

use std::future::Future;
use std::pin::Pin;

use cairn_contracts::{
    Activation, Chain, ChainError, ChainEvent, DealInfo, EvmProof, Head, Retry, SlotState,
    TreeState, TxReceipt, Uptime,
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

/// The chain, for one provider. Every call has a time-out behind it.
pub trait ChainPort: Send + Sync + 'static {
    /// The newest block.
    fn head(&self) -> Answer<'_, Head>;
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
    /// What the contracts said in a span of blocks, both ends included.
    fn events(&self, from_block: u64, to_block: u64) -> Answer<'_, Vec<ChainEvent>>;
}

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

    fn events(&self, from_block: u64, to_block: u64) -> Answer<'_, Vec<ChainEvent>> {
        ask!(self.events(from_block, to_block))
    }
}
