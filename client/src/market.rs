//! What the client needs from the chain, so that it can be tested without one.

use std::future::Future;

use cairn_contracts::{
    Chain, ChainError, DealInfo, Head, NewDeal, ProviderInfo, Schedule, SetParameters, SlotState,
    TxReceipt, Uptime,
};
use cairn_wire::{Address, DealId, Eip712Domain, Period, SlotIndex, TreeIndex};

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
    /// How a tree fared in the periods `from` to `to`, both included, as far as their deadlines are over.
    fn uptime(
        &self,
        provider: Address,
        tree: TreeIndex,
        from: Period,
        to: Period,
    ) -> impl Future<Output = Result<Uptime, ChainError>> + Send;
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

    async fn uptime(
        &self,
        provider: Address,
        tree: TreeIndex,
        from: Period,
        to: Period,
    ) -> Result<Uptime, ChainError> {
        Self::uptime(self, provider, tree, from, to).await
    }
}
