// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CollateralBook} from "../src/CollateralBook.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev What a reported miss costs, and what is none.
contract MissesTest is MarketWorld {
    function test_a_miss_costs_five_times_the_pay_and_half_of_it_is_the_reporters() public {
        _oneSlot(alice, 10);
        _idlePeriod(1);
        _report(alice, 0, 1);
        vm.assertEq(_total(alice), STAKE - MISS, "slashed");
        vm.assertEq(collateral.bountyOf(HUNTER), MISS / 2, "bounty");
        vm.assertEq(collateral.unburned(), MISS / 2, "to burn");
        vm.assertEq(_account(alice).faultLocked, FAULT_PART, "the parts stay locked");
        vm.assertEq(collateral.terminatedAt(alice, 0), 0, "the tree lives");
    }

    function test_a_miss_is_priced_by_what_the_tree_held_and_earned_in_that_very_period() public {
        _oneSlot(alice, 30);
        _idlePeriod(1);
        for (uint256 i = 0; i < 4; ++i) {
            _append(alice, 0);
        }
        _filledDeal(alice, 1, 1, 1, 30);
        _idlePeriod(2); // five sectors, two slots
        for (uint256 i = 0; i < 4; ++i) {
            _append(alice, 0);
        }
        _stake(alice, STAKE);
        _filledDeal(alice, 1, 1, 2, 30);
        vm.assertEq(collateral.payAt(alice, 0, 1), PRICE, "pay then");
        vm.assertEq(collateral.payAt(alice, 0, 2), 2 * PRICE, "pay later");
        vm.assertEq(collateral.payAt(alice, 0, 3), 4 * PRICE, "pay now");
        vm.assertEq(sectors.countAt(alice, 0, 2), 5, "count then");
        _report(alice, 0, 2);
        vm.assertEq(_total(alice), 2 * STAKE - 5 * 2 * 2 * PRICE, "ceil(5 / 4) = 2");
        _report(alice, 0, 1);
        vm.assertEq(_total(alice), 2 * STAKE - 5 * 2 * 2 * PRICE - MISS, "and the older one at its own price");
    }

    function test_a_slot_filled_after_the_freeze_is_not_at_risk_before_it_earns() public {
        _oneSlot(alice, 10);
        _toRound(1);
        _filledDeal(alice, 1, 1, 1, 10);
        _post(1);
        _afterDeadline(1);
        _report(alice, 0, 1);
        vm.assertEq(_total(alice), STAKE - MISS, "one slot's price");
    }

    function test_a_slot_given_up_after_the_freeze_is_still_at_risk() public {
        uint64 deal = _oneSlot(alice, 10);
        _toRound(1);
        _vacate(alice, deal, 0);
        _post(1);
        _afterDeadline(1);
        _report(alice, 0, 1);
        vm.assertEq(_total(alice), STAKE - REPAIR_PART - MISS, "it would have earned");
        _idlePeriod(2);
        _notMissed(0, 2);
    }

    function test_a_proven_or_running_period_is_no_miss() public {
        _oneSlot(alice, 10);
        _toRound(1);
        _post(1);
        vm.warp(sectors.deadline(1));
        _notMissed(0, 1);
        _proveWindow(alice, 0, 1);
        _afterDeadline(1);
        _notMissed(0, 1);
        _notMissed(0, 2);
        _notMissed(0, type(uint64).max);
        _notMissed(0, 0);
    }

    function test_a_void_period_is_no_miss_even_when_its_round_comes_later() public {
        _oneSlot(alice, 10);
        _afterDeadline(1);
        _notMissed(0, 1);
        _post(1);
        _notMissed(0, 1);
    }

    function test_a_tree_without_sectors_or_pay_misses_nothing() public {
        _oneSlot(alice, 10);
        _append(alice, 1);
        _idlePeriod(1);
        _notMissed(1, 1); // sectors, no slot
        _notMissed(2, 1); // nothing
    }

    function test_an_excused_period_is_no_miss() public {
        _oneSlot(alice, 10);
        vm.prank(alice);
        collateral.declareFault(0, 2);
        uint256 total = _total(alice);
        _idlePeriods(1, 3);
        _notMissed(0, 1);
        _notMissed(0, 2);
        _report(alice, 0, 3);
        vm.assertEq(_total(alice), total - MISS, "behind the window");
    }

    function test_a_miss_is_reported_once() public {
        _oneSlot(alice, 300);
        _idlePeriod(1);
        _report(alice, 0, 1);
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_AlreadyReported.selector, alice, 0, 1));
        collateral.reportMiss(alice, 0, 1);
        _idlePeriod(257); // the same bit of the next word
        _report(alice, 0, 257);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_AlreadyReported.selector, alice, 0, 257));
        collateral.reportMiss(alice, 0, 257);
        vm.assertEq(_total(alice), STAKE - 2 * MISS, "each once");
    }

    function test_trees_and_providers_miss_apart() public {
        _oneSlot(alice, 10);
        _append(alice, 1);
        _filledDeal(alice, 2, 1, 1, 10);
        _oneSlot(bob, 10);
        _idlePeriod(1);
        _report(alice, 0, 1);
        _report(alice, 1, 1);
        _report(bob, 0, 1);
        vm.assertEq(_total(alice), STAKE - 2 * MISS, "two trees");
        vm.assertEq(_total(bob), STAKE - MISS, "another provider");
    }

    function test_a_miss_is_reported_within_the_withdrawal_delay() public {
        _oneSlot(alice, 10);
        _idlePeriod(1);
        vm.warp(sectors.deadline(1) + DELAY + 1);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_ReportTooLate.selector, 1, 2));
        collateral.reportMiss(alice, 0, 1);
        vm.warp(sectors.deadline(1) + DELAY);
        _report(alice, 0, 1);
    }

    // Misses that are not covered

    function test_a_miss_takes_what_there_is_and_never_the_repair_part() public {
        _oneSlot(alice, 10);
        _leaveReach(MISS - 1);
        _idlePeriod(1);
        _report(alice, 0, 1);
        vm.assertEq(_total(alice), REPAIR_PART, "the repair part");
        vm.assertEq(collateral.bountyOf(HUNTER), (MISS - 1) / 2, "half of what there was");
    }

    function test_a_miss_that_is_not_covered_ends_the_tree() public {
        uint64 deal = _oneSlot(alice, 10);
        _leaveReach(MISS - 1);
        _idlePeriods(1, 2);
        _report(alice, 0, 1);
        vm.assertEq(collateral.terminatedAt(alice, 0), 2, "at the last closed period");
        deals.free(deal, 0);
        _idlePeriod(3);
        _notMissed(0, 3);
        _report(alice, 0, 2); // is a miss, though nothing is left for it
        vm.assertEq(collateral.terminatedAt(alice, 0), 2, "ended once");
    }

    function test_a_miss_that_is_just_covered_ends_nothing() public {
        _oneSlot(alice, 10);
        _leaveReach(MISS);
        _idlePeriod(1);
        _report(alice, 0, 1);
        vm.assertEq(collateral.terminatedAt(alice, 0), 0, "paid in full");
    }

    function test_what_was_proven_and_paid_before_the_end_stays_paid() public {
        uint64 deal = _oneSlot(alice, 10);
        _leaveReach(MISS - 1);
        _idlePeriod(1);
        _fullPeriod(alice, 0, 2);
        vm.assertEq(deals.settle(deal, 0), PRICE, "before the deadline of 2");
        _report(alice, 0, 1);
        vm.assertEq(collateral.terminatedAt(alice, 0), 2, "the proven period counts");
        vm.assertEq(deals.settle(deal, 0), 0, "nothing more");
        _fullPeriod(alice, 0, 3);
        vm.assertEq(deals.dueOf(deal, 0), 0, "nor behind the end");
        deals.free(deal, 0);
    }

    /// Slashes all that can be slashed of alice's, then gives her `reach` beside her repair part.
    function _leaveReach(uint256 reach) private {
        vm.prank(DISPUTES);
        collateral.slashSlot(alice, uint128(STAKE), address(0));
        _stake(alice, reach);
    }

    function _notMissed(uint32 tree, uint64 period) private {
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NotMissed.selector, alice, tree, period));
        collateral.reportMiss(alice, tree, period);
    }
}
