// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What a deployment demands of repairers. Times are in seconds. Hot: a commit counts from commitAge to commitLife
/// after it was made; a right shown lasts rightLife. Sealed: an entrant bonds sealBond (smallest token units); claims run
/// for claimSeconds once the round of the auction is surely known; the winner's right ends with the sealPeriods-th period
/// after that whose round came in time.
struct RepairTerms {
    uint64 commitAge;
    uint64 commitLife;
    uint64 rightLife;
    uint64 claimSeconds;
    uint32 sealPeriods;
    uint128 sealBond;
}

/// @notice How an auction ended: Taken: the winner filled the slot. Failed: the winner did not. Lapsed: nobody claimed.
/// Void: the deal ended first.
enum AuctionOutcome {
    Running,
    Taken,
    Failed,
    Lapsed,
    Void
}

/// @notice One auction of the right to repair a sealed slot. The round of `period` ranks the `entries` entrants; `best` has
/// the lowest rank of those who claimed. All zero: nobody has entered.
struct Auction {
    uint64 period;
    uint24 entries;
    AuctionOutcome outcome;
    address best;
    bytes32 bestRank;
}
