//! A whole network on one machine: a chain (anvil), a beacon, a deployment and N storage nodes as processes.
//!
//! ```text
//!   anvil <--- deploy, rounds, proofs ---+---------------+
//!     ^                                  |               |
//!     |  deals, acceptances          cairn-node 0 .. cairn-node N-1
//!   cairn ----------- pieces, QUIC ------+---------------+
//! ```
//!
//! | module | what |
//! |---|---|
//! | [`accounts`] | keys that a seed names, so that a run can be repeated |
//! | [`plan`] | what a network is started with |
//! | [`process`] | a child process: its log, its signals, its end |
//! | [`beacon`] | signs and posts the rounds that periods need, by the chain's clock |
//! | [`network`] | everything together: start, kill, restart, stop, resume |
//! | [`chain_view`], [`sealed_view`] | what the chain says: deals and proofs, sealed sectors on their way |
//! | [`user`] | drives the `cairn` command as a user would |
//! | [`demo`] | the tour: put, prove, pay, kill, get |
//! | [`simulation`] | thousands of providers without a chain: durability, repair, money |

pub mod accounts;
pub mod beacon;
pub mod chain_view;
pub mod demo;
pub mod deploying;
pub mod http;
pub mod network;
pub mod node;
pub mod plan;
pub mod process;
pub mod sealed_view;
pub mod simulation;
pub mod user;
