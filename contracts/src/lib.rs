//! The market on chain: Solidity sources, artifacts, Rust bindings, deployment, chain events.
