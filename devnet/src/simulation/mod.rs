//! Scratch.
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
