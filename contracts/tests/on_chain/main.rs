//! The bindings against the real contracts on a real chain (anvil, Prague's rules).

mod accounts;
mod beacons;
mod deployments;
mod endpoints;
mod farm;
mod followers;
mod lifecycles;
mod markets;
mod registries;
mod stage;
mod twins;
mod verifiers;
mod world;
