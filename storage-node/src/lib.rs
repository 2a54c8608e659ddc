//! The storage node: takes pieces, packs them into sectors, proves them on chain for as long as it is paid.
//!
//! ```text
//!  client --QUIC--> serve/ --> store/ <-- sector/ (packing)
//!                     |          ^            |
//!                     v          |            v
//!                   deal/ (states, no I/O)  pipeline/ --append, include, activate--> chain.rs --> contracts
//!                                ^            proving/ --one proof a tree and period-->
//!                                |
//!                            dashboard/ (/metrics, /health)
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`config`] | the configuration file, and the keys it names |
//! | [`deal`] | states of slots, sectors and windows; pure |
//! | [`store`] | all of `RocksDB` |
//! | [`sector`] | packing pieces into sectors, opening leaves |
//! | [`sealing`] | what a replica costs, its labels, the machine work of sealing |
//! | [`serve`] | what is answered on the wire |
//! | [`chain`] | what the node asks the chain, and how it follows it |
//! | [`proving`] | keys, witnesses, windows |
//! | [`dispute`] | commitments that are not those of their pieces |
//! | [`repair`] | other providers' failures, as the market's events tell them |
//! | [`pipeline`] | what the node does of its own accord |
//! | [`dashboard`] | `/metrics` and `/health` |
//! | [`node`] | a whole node, started and stopped |
//! | [`error`] | what can go wrong, and whose fault it is |

pub mod chain;
pub mod config;
pub mod dashboard;
pub mod deal;
pub mod dispute;
pub mod error;
pub mod node;
pub mod pipeline;
pub mod proving;
pub mod repair;
pub mod sealing;
pub mod sector;
pub mod serve;
pub mod store;
mod translate;
mod view;

pub use view::ChainView;
