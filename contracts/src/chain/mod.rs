//! A connection to the market.
use std::sync::Arc;

use cairn_wire::{Address, Commitment, ContentId, DealId, Period, Round, SecretKey, SectorKind, SectorNumber, SlotIndex, TreeIndex};

use crate::deployment::Deployment;
use crate::error::ChainError;
use crate::events::ChainEvent;
use crate::market::{Activation, DealInfo, Head, NewDeal, NewSlot, ProviderInfo, SectorInfo, SlotState, TreeState, TxReceipt, Uptime};
use crate::schedule::Schedule;

/// A Groth16 proof in its EVM encoding: A 128 | B 256 | C 128 bytes.
pub type EvmProof = [u8; 512];

/// One market on one chain, over one or more RPC endpoints, for at most one account. Cheap to clone; all clones share
/// endpoints and the account's nonce.
#[derive(Clone, Debug)]
pub struct Chain {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    deployment: Deployment,
    key: Option<SecretKey>,
}

fn soon<T>() -> Result<T, ChainError> {
    Err(ChainError::Settings { reason: "the bindings are not there".to_owned() })
}

macro_rules! verbs {
    ($($(#[$doc:meta])* fn $name:ident($($arg:ident : $ty:ty),*) -> $out:ty;)*) => {
        impl Chain { $(
            $(#[$doc])*
            ///
            /// # Errors
            /// [`ChainError`].
            #[allow(clippy::unused_async, clippy::too_many_arguments, reason = "signatures first")]
            pub async fn $name(&self $(, $arg: $ty)*) -> Result<$out, ChainError> { let _ = ($(&$arg,)*); soon() }
        )* }
    };
}

impl Chain {
    /// Connects, checks the chain id and that the contracts are there.
    ///
    /// # Errors
    /// [`ChainError`].
    #[allow(clippy::unused_async, reason = "signatures first")]
    pub async fn connect(rpc_urls: &[String], deployment: Deployment, key: Option<SecretKey>) -> Result<Self, ChainError> {
        let _ = rpc_urls;
        Ok(Self { inner: Arc::new(Inner { deployment, key }) })
    }

    /// Where the contracts are.
    #[must_use]
    pub fn deployment(&self) -> &Deployment {
        &self.inner.deployment
    }

    /// When things happen.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.inner.deployment.schedule
    }

    /// The account that signs, if there is one.
    #[must_use]
    pub fn account(&self) -> Option<Address> {
        self.inner.key.as_ref().map(SecretKey::address)
    }
}

verbs! {
    /// The newest block.
    fn head() -> Head;
    /// Registers the account as a provider.
    fn register_provider(endpoint: &str, tls_pin: [u8; 32], operator: Address, ask_per_tib_period: u128) -> TxReceipt;
    /// Changes where the account's node is reached.
    fn set_endpoint(endpoint: &str, tls_pin: [u8; 32]) -> TxReceipt;
    /// A provider's entry.
    fn provider(provider: Address) -> Option<ProviderInfo>;
    /// All providers, in order of registration.
    fn providers() -> Vec<ProviderInfo>;
    /// The randomness of a posted round.
    fn randomness(round: Round) -> Option<[u8; 32]>;
    /// Posts a round's signature (G1, EIP-2537).
    fn post_round(round: Round, signature: &[u8; 128]) -> TxReceipt;
    /// A tree's state, as of the newest block.
    fn tree(provider: Address, tree: TreeIndex) -> TreeState;
    /// Root and count a period's proof is checked against.
    fn frozen_tree(provider: Address, tree: TreeIndex, period: Period) -> (Commitment, u32);
    /// The number the provider's next sector will have.
    fn next_sector_number(provider: Address) -> SectorNumber;
    /// A sector.
    fn sector(provider: Address, number: SectorNumber) -> Option<SectorInfo>;
    /// Appends the account's next sector to one of its trees.
    fn append(tree: TreeIndex, new_root: &Commitment, comm_d: &Commitment, comm_r: &Commitment, kind: SectorKind, proof: &EvmProof) -> TxReceipt;
    /// Removes a sector of `provider` (own, or hot without live slots): the last sector moves into its place.
    fn retire(provider: Address, number: SectorNumber, index: u32, moved: SectorNumber, new_root: &Commitment, proof: &EvmProof) -> TxReceipt;
    /// The seed of a window proof as a canonical element, little-endian; the round must have been posted.
    fn window_seed(provider: Address, tree: TreeIndex, period: Period) -> [u8; 32];
    /// Hands in a window proof.
    fn prove_window(provider: Address, tree: TreeIndex, period: Period, proof: &EvmProof) -> TxReceipt;
    /// Whether a window proof was accepted.
    fn proven(provider: Address, tree: TreeIndex, period: Period) -> bool;
    /// Opens deals with one permit over their whole escrow.
    fn open_deals(deals: &[NewDeal]) -> (Vec<DealId>, TxReceipt);
    /// A deal, with its slots.
    fn deal(deal: DealId) -> Option<DealInfo>;
    /// A slot.
    fn slot(deal: DealId, slot: SlotIndex) -> SlotState;
    /// Fills slots with pieces that one inclusion proof shows to lie in one sector of the account.
    fn activate(number: SectorNumber, activations: &[Activation], proof: &EvmProof) -> TxReceipt;
    /// Credits a slot's provider for what was proven so far.
    fn settle(deal: DealId, slot: SlotIndex) -> TxReceipt;
    /// Ends a slot after the deal's end: last settlement, the rest back to the owner, a tip to the caller.
    fn close(deal: DealId, slot: SlotIndex) -> TxReceipt;
    /// Takes the account's credit out.
    fn withdraw() -> TxReceipt;
    /// Token balance.
    fn balance_of(account: Address) -> u128;
    /// Credit in the Deals contract, to be withdrawn.
    fn credit_of(account: Address) -> u128;
    /// How a tree fared from one period up to, not including, another.
    fn uptime(provider: Address, tree: TreeIndex, from: Period, to: Period) -> Uptime;
    /// Everything the contracts said in a span of blocks, both ends included, in order.
    fn events(from_block: u64, to_block: u64) -> Vec<ChainEvent>;
}

/// The slot array's hash is checked on chain, so calls about a deal carry its slots; these are kept per deal.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlotCache(std::collections::HashMap<DealId, Vec<NewSlot>>);

#[allow(dead_code, reason = "signatures first")]
fn slot_cache(_: SlotCache, _: ContentId) {}
