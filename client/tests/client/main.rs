//! The client against a market and nodes in this process: real QUIC servers, honest or not, and a chain that is a table.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on has failed"
)]

mod get;
mod home;
mod network;
mod put;
mod repair;
