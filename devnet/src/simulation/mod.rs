//! Scratch.
mod book;
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
mod windows;
pub mod world;
