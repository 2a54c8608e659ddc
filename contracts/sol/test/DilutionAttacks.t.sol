// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Without} from "./support/MarketMutants.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev One paid sector among 4,000 that are empty and cost nothing to keep. Its provider throws the paid one away: the
/// four samples of a period hit it about once in a thousand periods, which earn 999 prices between them. Whatever is
/// done about that one period must cost more.
contract DilutionAttacksTest is MarketWorld {
    uint256 private constant COUNT = 4000;
    uint256 private constant PERIODS_PER_HIT = COUNT / SAMPLES;

    function _treeLevels() internal pure override returns (uint8) {
        return 3;
    }

    function setUp() public override {
        super.setUp();
        for (uint256 i = 0; i < COUNT; ++i) {
            this.append();
        }
        _stake(alice, 1e12);
        _filledDeal(alice, 1, 1, 1, 20);
    }

    function append() external {
        _append(alice, 0);
    }

    function test_empty_sectors_do_not_make_a_miss_cheap() public {
        vm.assertEq(sectors.countAt(alice, 0, 1), COUNT, "all in one tree");
        _idlePeriods(1, 2);
        vm.assertTrue(_costOfMiss(1) > PERIODS_PER_HIT * PRICE, "dearer than what goes well between two hits");
        _collateralWithout(Without.CountInMiss);
        vm.assertTrue(_costOfMiss(2) < 3 * uint256(PRICE), "forgotten after three periods");
    }

    function test_empty_sectors_do_not_make_a_skip_cheap() public {
        vm.assertTrue(_costOfSkip(1) > PERIODS_PER_HIT * PRICE, "dearer than what goes well between two hits");
        _collateralWithout(Without.CountInSkip);
        vm.assertTrue(_costOfSkip(2) < PRICE, "cheaper than the one period");
    }

    /// Reported by its own provider, who gets the bounty.
    function _costOfMiss(uint64 period) private returns (uint256) {
        uint256 before = _total(alice) + collateral.bountyOf(alice);
        vm.prank(alice);
        collateral.reportMiss(alice, 0, period);
        return before - _total(alice) - collateral.bountyOf(alice);
    }

    function _costOfSkip(uint64 period) private returns (uint256) {
        uint256 before = _total(alice);
        _toRound(period);
        _post(period);
        _proveSkipping(alice, alice, 0, period, 1);
        return before - _total(alice);
    }
}
