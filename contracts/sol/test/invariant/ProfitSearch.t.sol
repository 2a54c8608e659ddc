// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Without} from "../support/MarketMutants.sol";
import {Cheats} from "../support/Vm.sol";
import {MarketHandler} from "./MarketHandler.sol";

/// @dev One actor is the client, the reporter and every provider but an honest one, whose collateral lies beside its own.
/// Whatever it does, it never owns more than it began with: money only moves between its pockets, to the honest provider
/// for proven periods, or is lost. The number of actions is runs * STEPS: some thousands by default, more than a million
/// with FOUNDRY_PROFILE=invariants.
contract ProfitSearchTest is Cheats {
    uint256 private constant STEPS = 256;

    MarketHandler private handler;

    function setUp() public {
        handler = MarketHandler(_deploy("MarketHandler.sol:MarketHandler", ""));
        handler.setUp();
    }

    /// forge-config: default.fuzz.runs = 24
    /// forge-config: invariants.fuzz.runs = 4000
    function testFuzz_who_plays_every_part_never_ends_with_more(uint256 seed) external {
        vm.assertFalse(_search(seed, STEPS), "a profit");
        handler.check();
    }

    /// The search is able to find: where a bounty is more than what was slashed, it does.
    function test_the_search_finds_a_profit_where_there_is_one() external {
        bool found = false;
        for (uint256 seed = 0; seed < 64 && !found; ++seed) {
            setUp();
            handler.mutate(Without.BountyBelowSlash);
            found = _search(seed, 64);
        }
        vm.assertTrue(found, "no profit found");
    }

    function _search(uint256 seed, uint256 steps) private returns (bool found) {
        uint256 had = handler.purse();
        for (uint256 i = 0; i < steps && !found; ++i) {
            handler.step(uint256(keccak256(abi.encode(seed, i))));
            found = handler.purse() > had;
        }
    }
}
