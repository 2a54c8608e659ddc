//! A market and nodes in this process: real QUIC servers, honest or not, and a chain that is a table.

#![allow(dead_code, reason = "each test binary uses its part")]

mod deal;
mod market;
mod node;
mod world;

pub(crate) use deal::{held, holders, scatter};
pub(crate) use node::Behaviour;
pub(crate) use world::{World, deployment, home, noise};
