// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What a deployment demands of providers. Lengths are in periods.
/// A filled slot locks faultPeriods + repairPeriods times its price per period: the first part answers for misses, the
/// second pays for the slot's repair. missesToEnd misses in a row end a tree. Whoever shows a fault is paid
/// bountyBasisPoints / 10,000 of what is slashed (at most half), the rest is burned. Money asked back leaves
/// withdrawDelay seconds later; misses are reported within the same time. A maintenance window is announced its own
/// greatest length ahead, and at most once in maintenanceEvery periods; a declared fault lasts between leastFault and
/// mostFault periods. All zero: no collateral, no slashing, no windows.
struct CollateralTerms {
    uint32 faultPeriods;
    uint32 repairPeriods;
    uint32 missesToEnd;
    uint16 bountyBasisPoints;
    uint64 withdrawDelay;
    uint32 maintenancePeriods;
    uint32 maintenanceEvery;
    uint32 leastFault;
    uint32 mostFault;
}

/// @notice A provider's money. `total` is all of it; faultLocked and repairLocked answer for filled slots; `withdrawing`
/// was asked back and may leave from `withdrawableAt` on, as far as it is still free then.
struct Account {
    uint128 total;
    uint128 faultLocked;
    uint128 repairLocked;
    uint128 withdrawing;
    uint64 withdrawableAt;
}
