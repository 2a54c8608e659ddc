//! The bindings against the real contracts on a real chain (anvil, Prague's rules).
#![expect(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "tests stop at what they did not expect, and tell one story from end to end"
)]

mod accounts;
mod attacks;
mod auctions;
mod beacons;
mod deployments;
mod disputes;
mod endpoints;
mod farm;
mod followers;
mod healing;
mod lifecycles;
mod markets;
mod registries;
mod replicas;
mod sealed;
mod stage;
mod twins;
mod verifiers;
mod world;
