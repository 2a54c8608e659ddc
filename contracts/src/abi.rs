//! Bindings of the contracts, made from the committed artifacts. Nothing of this leaves the crate.
#![expect(clippy::too_many_arguments, reason = "generated from the ABI")]

pub(crate) mod verifier {
    alloy::sol!(Verifier, "artifacts/Verifier.json");
}

pub(crate) mod beacon {
    alloy::sol!(Beacon, "artifacts/Beacon.json");
}

pub(crate) mod providers {
    alloy::sol!(Providers, "artifacts/Providers.json");
}

pub(crate) mod sectors {
    alloy::sol!(Sectors, "artifacts/Sectors.json");
}

pub(crate) mod collateral {
    alloy::sol!(Collateral, "artifacts/Collateral.json");
}

pub(crate) mod challenges {
    alloy::sol!(Challenges, "artifacts/Challenges.json");
}

pub(crate) mod disputes {
    alloy::sol!(Disputes, "artifacts/Disputes.json");
}

pub(crate) mod repairs {
    alloy::sol!(Repairs, "artifacts/Repairs.json");
}

pub(crate) mod deals {
    alloy::sol!(Deals, "artifacts/Deals.json");
}

pub(crate) mod replicas {
    alloy::sol!(Replicas, "artifacts/Replicas.json");
}

pub(crate) mod token {
    alloy::sol!(TestToken, "artifacts/TestToken.json");
}

/// The artifacts as they are committed, for what the macro does not keep: bytecode, names and arguments of errors.
pub(crate) mod artifact {
    pub(crate) const VERIFIER: &str = include_str!("../artifacts/Verifier.json");
    pub(crate) const BEACON: &str = include_str!("../artifacts/Beacon.json");
    pub(crate) const PROVIDERS: &str = include_str!("../artifacts/Providers.json");
    pub(crate) const SECTORS: &str = include_str!("../artifacts/Sectors.json");
    pub(crate) const COLLATERAL: &str = include_str!("../artifacts/Collateral.json");
    pub(crate) const CHALLENGES: &str = include_str!("../artifacts/Challenges.json");
    pub(crate) const DISPUTES: &str = include_str!("../artifacts/Disputes.json");
    pub(crate) const REPAIRS: &str = include_str!("../artifacts/Repairs.json");
    pub(crate) const DEALS: &str = include_str!("../artifacts/Deals.json");
    pub(crate) const REPLICAS: &str = include_str!("../artifacts/Replicas.json");
    pub(crate) const TEST_TOKEN: &str = include_str!("../artifacts/TestToken.json");

    pub(crate) const ALL: [(&str, &str); 11] = [
        ("Verifier", VERIFIER),
        ("Beacon", BEACON),
        ("Providers", PROVIDERS),
        ("Sectors", SECTORS),
        ("Collateral", COLLATERAL),
        ("Challenges", CHALLENGES),
        ("Disputes", DISPUTES),
        ("Repairs", REPAIRS),
        ("Deals", DEALS),
        ("Replicas", REPLICAS),
        ("TestToken", TEST_TOKEN),
    ];
}
