//! The market on chain: bindings of the contracts, their deployment, and what they say.
//!
//! ```text
//!   Chain (typed calls) --> Account (nonces, fees, receipts) --> Rpc (endpoints, time-outs) --> EVM chain
//!     |                                                                                           |
//!     `-- Follower (which blocks next, reorganisations) <------------- ChainEvent <--- logs ------'
//! ```
//!
//! No type of the ABI or RPC libraries leaves this crate: callers see the names of `cairn-wire` and plain numbers.
//! Whatever the contracts compute and we must foresee has a pure twin here, tested against the contract itself.
//!
//! | module | what it holds |
//! |---|---|
//! | [`market`] | providers, trees, sectors, collateral, deals, slots as plain values |
//! | [`events`] | what the contracts say |
//! | [`error`] | what can go wrong, whose fault it is, whether to try again |
//! | `chain` | [`Chain`]: views, transactions, events |
//! | `account`, `rpc`, `rpc_types` | transactions of one account; JSON-RPC over several endpoints |
//! | `verdict`, `revert` | a contract's "no", by its Solidity name and arguments |
//! | [`follower`], `follow` | position of a reader of events, without and with I/O |
//! | [`schedule`], [`seed`], [`replica`], [`settlement`], [`words`] | pure twins: times, window seeds, what replicas are bound to, pay, packed inputs |
//! | `deploy`, `deployment` | putting the market on a chain; the file that says where it is |
//! | [`anvil`] | the development chain, for tests and the devnet |
//! | `abi`, `convert`, `hex32` | generated bindings, conversions |

#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::as_conversions,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        clippy::unreachable
    )
)]

mod abi;
mod account;
pub mod anvil;
mod chain;
mod convert;
mod deploy;
mod deployment;
mod element;
pub mod error;
pub mod events;
mod follow;
pub mod follower;
mod hex32;
pub mod market;
pub mod replica;
mod revert;
mod rpc;
mod rpc_types;
pub mod schedule;
pub mod seed;
pub mod settlement;
mod verdict;
pub mod words;

pub use anvil::{Anvil, AnvilOptions};
pub use chain::{Chain, EvmProof, Retirement};
pub use deploy::{
    DEVELOPMENT_CHAINS, DeployPlan, KeyPlan, LEAST_LAYERS, LEAST_SEALED_SECTOR_BYTES,
    LEAST_WITHDRAW_DELAY_S, TokenPlan, deploy,
};
pub use deployment::{
    ChallengeTerms, CircuitSet, CollateralTerms, Deployment, KeyRecord, RepairTerms, ReplicaTerms,
    SetParameters,
};
pub use error::{AnvilError, ChainError, DeployError, DeploymentFileError, Refusal, Retry};
pub use events::{ChainEvent, ChainEventKind, DealTerms};
pub use follow::News;
pub use follower::{BlockRef, Follower};
pub use market::{
    Activation, AuctionInfo, ChallengeInfo, ChallengeStatus, CollateralAccount, DealInfo,
    FalseCommitment, Head, NewDeal, NewSlot, Owed, ProviderInfo, ReplicaChallenge, ReplicaInfo,
    ReplicaStatus, SectorInfo, ShownChunk, SlotState, SlotStatus, TreeState, TxReceipt, Uptime,
    Window,
};
pub use rpc::ChainOptions;
pub use schedule::Schedule;
