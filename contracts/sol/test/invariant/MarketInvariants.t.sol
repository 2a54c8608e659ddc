// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Cheats} from "../support/Vm.sol";
import {MarketHandler} from "./MarketHandler.sol";

/// @dev Random actions of clients, providers, reporters, repairers and of the contracts that accuse, in forge's invariant
/// runner; see MarketHandler.check for what must hold after each one.
contract MarketInvariantsTest is Cheats {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    MarketHandler private handler;

    function setUp() public {
        handler = MarketHandler(_deploy("MarketHandler.sol:MarketHandler", ""));
        handler.setUp();
    }

    function targetContracts() external view returns (address[] memory all) {
        all = new address[](1);
        all[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory all) {
        all = new FuzzSelector[](1);
        bytes4[] memory selectors = new bytes4[](6);
        (selectors[0], selectors[1], selectors[2]) =
            (handler.client.selector, handler.provider.selector, handler.keeper.selector);
        (selectors[3], selectors[4], selectors[5]) =
            (handler.power.selector, handler.time.selector, handler.step.selector);
        all[0] = FuzzSelector(address(handler), selectors);
    }

    function invariant_the_market_adds_up() external {
        handler.check();
    }

    /// A run of the same actions from one seed: none of them is only ever refused.
    function test_every_action_goes_well_at_least_once() external {
        bytes32[32] memory actions = [
            bytes32("open"), "cancel", "endEarly", "extend", "cash in", "append", "retire", "fill", "repair", "vacate",
            "prove", "prove skipping", "honest proof", "deposit", "ask back", "take back", "announce", "declare",
            "report", "terminate", "settle", "free", "close", "close freed", "lost", "burn", "take bounty", "challenge",
            "expel", "slash", "void", "jump"
        ];
        uint256[32] memory times;
        for (uint256 run = 0; run < 12; ++run) {
            setUp();
            for (uint256 i = 0; i < 250; ++i) {
                handler.step(uint256(keccak256(abi.encode(run, i))));
                if (i % 25 == 0) handler.check();
            }
            handler.check();
            for (uint256 i = 0; i < actions.length; ++i) {
                times[i] += handler.succeeded(actions[i]);
            }
        }
        for (uint256 i = 0; i < actions.length; ++i) {
            vm.assertTrue(times[i] != 0, string(abi.encodePacked(actions[i])));
        }
    }
}
