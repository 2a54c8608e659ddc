// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RepairWorld} from "./support/RepairWorld.sol";

contract RepairsTest is RepairWorld {
    function test_probe() public {
        uint64 deal = _hotFreed(50);
        _rightTo(carol, deal, 0);
        _repair(carol, 1, deal, 0);
    }
}
