// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RepairRights} from "../../src/RepairRights.sol";

/// @dev Stands in for Repairs where the way to a right is not the topic: the test gives out rights, each used up once.
contract ScriptedRights is RepairRights {
    error ScriptedRights_None(uint64 deal, uint8 slot, address provider);

    mapping(uint64 deal => mapping(uint8 slot => mapping(address provider => bool))) public granted;

    function grant(uint64 deal, uint8 slot, address provider) external {
        granted[deal][slot][provider] = true;
    }

    function take(uint64 deal, uint8 slot, address provider) external {
        if (!granted[deal][slot][provider]) revert ScriptedRights_None(deal, slot, provider);
        granted[deal][slot][provider] = false;
    }
}
