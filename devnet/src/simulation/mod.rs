//! A network of ten thousand providers without a chain: what durability, repair and money come to under given parameters.
//!
//! ```text
//!            every period                                              every day
//!  break_things -> windows -> finish_repairs -> end_deals -> start_repairs    shocks, prices, a row of the table
//!   exits, disks,   proven,    a slot is filled   settle,      who has room,
//!   outages, rot    missed,    again, the bounty  renew        bandwidth and
//!                   ended      is paid                         a reason
//! ```
//!
//! Time, pay and prices are the code that node and client use: [`Schedule`](cairn_contracts::Schedule),
//! [`Runs`](cairn_contracts::settlement::Runs) and [`SlotAccount`](cairn_contracts::settlement::SlotAccount),
//! [`price_for`](cairn_client::price_for), [`detection_probability`](cairn_client::durability::detection_probability), the numbers of
//! [`MAINNET`](cairn_prover::params::MAINNET). What the protocol says and no contract does yet (slashing, collateral,
//! repair) is written here from `docs/protocol.md`. A run depends on its [`Settings`](settings::Settings) only: the same
//! seed gives the same tables to the last byte. What it found is in `docs/simulation.md`.
//!
//! | module | what |
//! |---|---|
//! | [`settings`], [`scenario`] | every number of a run; named runs |
//! | [`world`] | the network, one period after the other; audits |
//! | `book`, `provider` | slots, deals, providers in flat arrays |
//! | `failures`, `windows`, `deals`, `repair` | what happens in a period |
//! | [`money`] | where every token unit is |
//! | [`closed_form`] | what can be computed instead |
//! | [`run`], [`sweep`], [`sweeps`] | one run, many runs on all cores, one parameter after the other |
//! | [`report`], [`plot`], [`output`] | tables, pictures, files |
//! | `numbers` | conversions, random numbers |

mod book;
#[cfg(test)]
mod claims;
pub mod closed_form;
mod deals;
mod failures;
pub mod money;
mod numbers;
pub mod output;
pub mod plot;
mod provider;
mod repair;
pub mod report;
pub mod run;
pub mod scenario;
pub mod settings;
pub mod sweep;
pub mod sweeps;
mod windows;
pub mod world;
