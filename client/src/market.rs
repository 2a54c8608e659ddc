//! What the client needs from the chain, so that it can be tested without one.

use std::future::Future;

use cairn_contracts::{
    Chain, ChainError, ChainEventKind, DealInfo, Head, NewDeal, ProviderInfo, Schedule,
    SetParameters, SlotState, TxReceipt, Uptime,
};
use cairn_wire::{Address, DealId, Eip712Domain, Period, SectorNumber, SlotIndex, TreeIndex};

/// How far back replicas under way are looked for, in blocks: a week of blocks of twelve seconds. A replica that takes
/// longer from its commitment to its sector has missed every deadline there is.
const LOOK_BACK_BLOCKS: u64 = 50_400;

/// A provider's replica that is on chain and in no sector yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaUnderWay {
    /// Whose.
    pub provider: Address,
    /// The number its sector will have.
    pub sector: SectorNumber,
    /// How far it is.
    pub stage: ReplicaStage,
}

/// What the chain knows of a replica before it is a sector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaStage {
    /// Its provider is bound to it; the round of a later period will challenge it.
    Committed {
        /// That period.
        seed_period: Period,
    },
    /// Its proof was verified; it is to be appended to its provider's tree.
    Proven,
}

/// The market as a client sees it; [`Chain`] is the real one.
pub trait Market: Clone + Send + Sync + 'static {
    /// What signatures are bound to.
    fn domain(&self) -> Eip712Domain;
    /// When things happen.
    fn schedule(&self) -> Schedule;
    /// The numbers of the parameter set.
    fn parameters(&self) -> SetParameters;
    /// The newest block.
    fn head(&self) -> impl Future<Output = Result<Head, ChainError>> + Send;
    /// All providers.
    fn providers(&self) -> impl Future<Output = Result<Vec<ProviderInfo>, ChainError>> + Send;
    /// Token balance of an account.
    fn balance_of(&self, account: Address)
    -> impl Future<Output = Result<u128, ChainError>> + Send;
    /// Opens deals in one transaction and waits until it is in a block.
    fn open_deals(
        &self,
        deals: &[NewDeal],
    ) -> impl Future<Output = Result<(Vec<DealId>, TxReceipt), ChainError>> + Send;
    /// A deal with its slots.
    fn deal(
        &self,
        deal: DealId,
    ) -> impl Future<Output = Result<Option<DealInfo>, ChainError>> + Send;
    /// A slot's state.
    fn slot(
        &self,
        deal: DealId,
        slot: SlotIndex,
    ) -> impl Future<Output = Result<SlotState, ChainError>> + Send;
    /// Challenges the holder of a slot for a bond of at most `most_bond`; the challenge's number.
    fn challenge(
        &self,
        deal: DealId,
        slot: SlotIndex,
        most_bond: u128,
    ) -> impl Future<Output = Result<u64, ChainError>> + Send;
    /// Lets a deal last longer.
    fn extend(
        &self,
        deal: DealId,
        periods: u32,
    ) -> impl Future<Output = Result<TxReceipt, ChainError>> + Send;
    /// Makes the period not yet frozen a deal's last.
    fn end_early(&self, deal: DealId)
    -> impl Future<Output = Result<TxReceipt, ChainError>> + Send;
    /// Ends a deal that has had too few filled slots for too long.
    fn end_lost(&self, deal: DealId) -> impl Future<Output = Result<TxReceipt, ChainError>> + Send;
    /// How a tree fared in the periods `from` to `to`, both included, as far as their deadlines are over.
    fn uptime(
        &self,
        provider: Address,
        tree: TreeIndex,
        from: Period,
        to: Period,
    ) -> impl Future<Output = Result<Uptime, ChainError>> + Send;
    /// Sectors of a provider's tree, after all changes made so far.
    fn sectors_of(
        &self,
        provider: Address,
        tree: TreeIndex,
    ) -> impl Future<Output = Result<u32, ChainError>> + Send;
    /// Everybody's replicas that are on chain and in no sector yet, oldest first.
    fn replicas_under_way(
        &self,
    ) -> impl Future<Output = Result<Vec<ReplicaUnderWay>, ChainError>> + Send;
}

impl Market for Chain {
    fn domain(&self) -> Eip712Domain {
        self.deployment().eip712_domain()
    }

    fn schedule(&self) -> Schedule {
        *Self::schedule(self)
    }

    fn parameters(&self) -> SetParameters {
        self.deployment().parameters.clone()
    }

    async fn head(&self) -> Result<Head, ChainError> {
        Self::head(self).await
    }

    async fn providers(&self) -> Result<Vec<ProviderInfo>, ChainError> {
        Self::providers(self).await
    }

    async fn balance_of(&self, account: Address) -> Result<u128, ChainError> {
        Self::balance_of(self, account).await
    }

    async fn open_deals(&self, deals: &[NewDeal]) -> Result<(Vec<DealId>, TxReceipt), ChainError> {
        Self::open_deals(self, deals).await
    }

    async fn deal(&self, deal: DealId) -> Result<Option<DealInfo>, ChainError> {
        Self::deal(self, deal).await
    }

    async fn slot(&self, deal: DealId, slot: SlotIndex) -> Result<SlotState, ChainError> {
        Self::slot(self, deal, slot).await
    }

    async fn challenge(
        &self,
        deal: DealId,
        slot: SlotIndex,
        most_bond: u128,
    ) -> Result<u64, ChainError> {
        let (id, _) = Self::challenge(self, deal, slot, most_bond).await?;
        Ok(id)
    }

    async fn extend(&self, deal: DealId, periods: u32) -> Result<TxReceipt, ChainError> {
        Self::extend(self, deal, periods).await
    }

    async fn end_early(&self, deal: DealId) -> Result<TxReceipt, ChainError> {
        Self::end_early(self, deal).await
    }

    async fn end_lost(&self, deal: DealId) -> Result<TxReceipt, ChainError> {
        Self::end_lost(self, deal).await
    }

    async fn uptime(
        &self,
        provider: Address,
        tree: TreeIndex,
        from: Period,
        to: Period,
    ) -> Result<Uptime, ChainError> {
        Self::uptime(self, provider, tree, from, to).await
    }

    async fn sectors_of(&self, provider: Address, tree: TreeIndex) -> Result<u32, ChainError> {
        Ok(self.tree(provider, tree).await?.pending_count)
    }

    async fn replicas_under_way(&self) -> Result<Vec<ReplicaUnderWay>, ChainError> {
        let head = Self::head(self).await?.number;
        let first = self
            .deployment()
            .start_block
            .max(head.saturating_sub(LOOK_BACK_BLOCKS));
        let events = self.events(first, head).await?;
        Ok(under_way(events.into_iter().map(|event| event.kind)))
    }
}

/// What is left of the replicas that these events speak of.
fn under_way(events: impl Iterator<Item = ChainEventKind>) -> Vec<ReplicaUnderWay> {
    let mut all: Vec<ReplicaUnderWay> = Vec::new();
    for event in events {
        match event {
            ChainEventKind::ReplicaPrecommitted {
                provider,
                number,
                seed_period,
                ..
            } => all.push(ReplicaUnderWay {
                provider,
                sector: number,
                stage: ReplicaStage::Committed { seed_period },
            }),
            ChainEventKind::ReplicaProven {
                provider, number, ..
            } => {
                for replica in &mut all {
                    if (replica.provider, replica.sector) == (provider, number) {
                        replica.stage = ReplicaStage::Proven;
                    }
                }
            }
            ChainEventKind::ReplicaExpired {
                provider, number, ..
            }
            | ChainEventKind::SectorAppended {
                provider, number, ..
            } => all.retain(|replica| (replica.provider, replica.sector) != (provider, number)),
            _ => {}
        }
    }
    all
}
