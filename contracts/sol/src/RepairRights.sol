// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What Deals asks of Repairs.
interface RepairRights {
    /// @notice Uses up the right of `provider` to fill the freed slot. Only Deals. Reverts when there is none.
    function take(uint64 deal, uint8 slot, address provider) external;
}
