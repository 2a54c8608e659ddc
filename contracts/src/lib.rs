//! The market on chain: bindings of the contracts, their deployment, and what they say.

mod chain;
mod deploy;
mod deployment;
mod error;
mod events;
mod hex32;
mod market;
mod schedule;

pub use chain::{Chain, EvmProof};
pub use deploy::{DEVELOPMENT_CHAINS, DeployPlan, KeyPlan, TokenPlan, deploy};
pub use deployment::{CircuitSet, Deployment, KeyRecord, SetParameters};
pub use error::{AnvilError, ChainError, DeployError, DeploymentFileError, Refusal, Retry};
pub use events::{ChainEvent, ChainEventKind, DealTerms};
pub use market::{
    Activation, DealInfo, Head, NewDeal, NewSlot, ProviderInfo, SectorInfo, SlotState, SlotStatus, TreeState, TxReceipt,
    Uptime,
};
pub use schedule::Schedule;
