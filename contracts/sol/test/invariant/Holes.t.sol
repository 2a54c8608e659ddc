// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Without} from "../support/MarketMutants.sol";
import {Cheats} from "../support/Vm.sol";
import {MarketHandler} from "./MarketHandler.sol";

/// @dev The checks of the random market see what they are there for: in a market without one defence they fail.
contract HolesTest is Cheats {
    uint256 private constant RUNS = 40;
    uint256 private constant STEPS = 150;

    MarketHandler private handler;

    function test_money_that_does_not_wait_is_seen() external {
        _seen(Without.WithdrawDelay);
    }

    function test_a_request_that_does_not_shrink_is_seen() external {
        _seen(Without.ShrinkingRequest);
    }

    function test_a_slash_of_repair_parts_is_seen() external {
        _seen(Without.RepairPartUntouched);
    }

    function test_a_bounty_out_of_nothing_is_seen() external {
        _seen(Without.BountyBelowSlash);
    }

    function test_a_slash_for_a_void_period_is_seen() external {
        _seen(Without.VoidPeriods);
    }

    function test_pay_behind_the_end_of_a_deal_is_seen() external {
        _seen(Without.DealEnd);
    }

    function test_pay_behind_the_end_of_a_tree_is_seen() external {
        _seen(Without.TreeEnd);
    }

    function test_pay_for_the_period_before_is_seen() external {
        _seen(Without.FirstPeriod);
    }

    function test_a_whole_market_shows_no_hole() external {
        vm.assertEq(_firstSeen(Without.Nothing), 0, "seen");
    }

    function _seen(Without defence) private {
        vm.assertTrue(_firstSeen(defence) != 0, "not seen");
    }

    /// The step, counted over all runs, after which a check fails; 0: none does.
    function _firstSeen(Without defence) private returns (uint256) {
        for (uint256 run = 0; run < RUNS; ++run) {
            handler = MarketHandler(_deploy("MarketHandler.sol:MarketHandler", ""));
            handler.setUp();
            handler.mutate(defence);
            for (uint256 i = 1; i <= STEPS; ++i) {
                try handler.step(uint256(keccak256(abi.encode(run, i)))) {}
                catch {
                    return run * STEPS + i;
                }
                if (i % 4 != 0) continue;
                try handler.check() {}
                catch {
                    return run * STEPS + i;
                }
            }
        }
        return 0;
    }
}
