//! Bindings of the contracts, made from the committed artifacts. Nothing of this leaves the crate.
#![expect(missing_docs, unreachable_pub, missing_debug_implementations, clippy::all, reason = "generated from the ABI")]

use alloy::sol;

sol!(Verifier, "artifacts/Verifier.json");
sol!(Beacon, "artifacts/Beacon.json");
sol!(Providers, "artifacts/Providers.json");
sol!(Sectors, "artifacts/Sectors.json");
sol!(Deals, "artifacts/Deals.json");
sol!(TestToken, "artifacts/TestToken.json");

/// The artifacts as they are committed, for what the macro does not keep: names and arguments of errors.
pub(crate) const ARTIFACTS: [&str; 6] = [
    include_str!("../artifacts/Verifier.json"),
    include_str!("../artifacts/Beacon.json"),
    include_str!("../artifacts/Providers.json"),
    include_str!("../artifacts/Sectors.json"),
    include_str!("../artifacts/Deals.json"),
    include_str!("../artifacts/TestToken.json"),
];
