// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CollateralBook} from "../src/CollateralBook.sol";
import {NewDeal} from "../src/DealTypes.sol";
import {Sectors} from "../src/Sectors.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev Announced maintenance, declared faults, declared skips.
contract WindowsTest is MarketWorld {
    // Maintenance: 5 periods at most, announced 5 ahead, once in 50

    function test_announced_maintenance_excuses_its_periods_and_costs_nothing() public {
        uint64 deal = _oneSlot(alice, 20);
        _announce(6, 5);
        vm.assertFalse(collateral.excused(alice, 0, 5), "5");
        vm.assertTrue(collateral.excused(alice, 0, 6), "6");
        vm.assertTrue(collateral.excused(alice, 0, 10), "10");
        vm.assertFalse(collateral.excused(alice, 0, 11), "11");
        vm.assertFalse(collateral.excused(alice, 1, 6), "another tree");
        vm.assertEq(_total(alice), STAKE, "free");
        _idlePeriod(6);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NotMissed.selector, alice, 0, 6));
        collateral.reportMiss(alice, 0, 6);
        _fullPeriod(alice, 0, 7);
        vm.assertEq(deals.settle(deal, 0), PRICE, "a proof in the window pays all the same");
    }

    function test_maintenance_is_announced_its_greatest_length_ahead() public {
        _refusedMaintenance(5, 1);
        _toRound(1); // the open period is 2
        _refusedMaintenance(6, 1);
        _announce(7, 1);
    }

    function test_maintenance_has_a_least_and_a_greatest_length() public {
        _refusedMaintenance(6, 0);
        _refusedMaintenance(6, 6);
        _announce(6, 1);
    }

    function test_maintenance_waits_its_turn_and_a_proof() public {
        _append(alice, 0);
        _announce(6, 2);
        _fullPeriod(alice, 0, 7);
        _refusedMaintenance(56, 5); // no proof behind the window
        _fullPeriod(alice, 0, 8);
        _refusedMaintenance(55, 5);
        _announce(56, 5);
        _fullPeriod(alice, 0, 9);
        _refusedMaintenance(106, 5); // the second one still lies ahead
    }

    function test_an_ended_tree_gets_no_window() public {
        _oneSlot(alice, 20);
        _idlePeriods(1, 4);
        collateral.terminate(alice, 0);
        _refusedMaintenance(20, 1);
        _refusedFault(2, 5, 6);
    }

    // Declared faults: 2 to 6 periods, at 3 times the pay

    function test_a_declared_fault_begins_with_the_open_period_and_is_paid_up_front() public {
        _oneSlot(alice, 20);
        _filledDeal(alice, 1, 1, 1, 20);
        _declare(4);
        vm.assertEq(_total(alice), STAKE - 3 * 4 * 2 * PRICE, "three times the pay of four periods");
        vm.assertEq(collateral.unburned(), 3 * 4 * 2 * PRICE, "all of it to burn");
        for (uint64 p = 1; p <= 4; ++p) {
            vm.assertTrue(collateral.excused(alice, 0, p), "excused");
        }
        vm.assertFalse(collateral.excused(alice, 0, 5), "5");
    }

    function test_a_fault_declared_after_the_freeze_does_not_excuse_the_frozen_period() public {
        _oneSlot(alice, 20);
        vm.warp(sectors.freezeTime(1));
        _declare(2);
        vm.assertFalse(collateral.excused(alice, 0, 1), "frozen");
        vm.assertTrue(collateral.excused(alice, 0, 2), "open");
        uint256 total = _total(alice);
        _idlePeriod(1);
        _report(alice, 0, 1);
        vm.assertEq(_total(alice), total - MISS, "a miss");
    }

    function test_a_fault_has_a_least_and_a_greatest_length() public {
        _oneSlot(alice, 20);
        _refusedFault(0, 1, 0);
        _refusedFault(1, 1, 1);
        _refusedFault(7, 1, 7);
        _declare(6);
    }

    function test_a_fault_is_declared_again_only_after_a_proof_behind_the_last_window() public {
        _oneSlot(alice, 40);
        _declare(2);
        _refusedFault(2, 1, 2);
        _idlePeriod(1);
        _fullPeriod(alice, 0, 2); // inside the window
        _afterDeadline(2);
        _refusedFault(2, 3, 4);
        _fullPeriod(alice, 0, 3);
        _afterDeadline(3);
        _declare(2);
        vm.assertTrue(collateral.excused(alice, 0, 5), "the second window");
    }

    function test_no_fault_is_declared_while_maintenance_lies_ahead() public {
        _oneSlot(alice, 40);
        _announce(8, 1);
        _refusedFault(2, 1, 2);
    }

    function test_a_fault_is_charged_in_full_or_not_declared() public {
        _oneSlot(alice, 20);
        uint256 cost = 3 * 2 * uint256(PRICE);
        vm.prank(DISPUTES);
        collateral.slashSlot(alice, uint128(STAKE), address(0));
        _stake(alice, cost - 1);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_TooLow.selector, alice, cost, cost - 1));
        collateral.declareFault(0, 2);
        vm.assertFalse(collateral.excused(alice, 0, 1), "nothing entered");
        _stake(alice, 1);
        _declare(2);
        vm.assertEq(_total(alice), REPAIR_PART, "the repair part stays");
    }

    function test_a_charge_shrinks_what_was_asked_back() public {
        _oneSlot(alice, 20);
        _ask(alice, STAKE - PARTS);
        _declare(2);
        vm.assertEq(_account(alice).withdrawing, STAKE - PARTS - 6 * PRICE, "no longer free");
    }

    function test_a_tree_takes_no_slots_while_its_misses_are_excused() public {
        _oneSlot(alice, 20);
        _declare(2);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_Excused.selector, alice, 0, 1));
        this.fill();
        _afterDeadline(1);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_Excused.selector, alice, 0, 2));
        this.fill();
        _afterDeadline(2);
        this.fill();
    }

    function fill() external {
        _filledDeal(alice, 1, 1, 1, 20);
    }

    // Declared skips

    function test_a_skip_costs_three_times_what_its_sample_may_stand_for() public {
        uint64 deal = _oneSlot(alice, 20);
        _toRound(1);
        _post(1);
        _proveSkipping(alice, alice, 0, 1, 2);
        vm.assertEq(_total(alice), STAKE - 3 * 2 * (PRICE / 4), "one sector: pay / C a sample");
        vm.assertEq(collateral.unburned(), 3 * 2 * (PRICE / 4), "burned");
        vm.assertEq(deals.settle(deal, 0), PRICE, "the period is proven");
    }

    function test_a_skip_is_priced_by_count_and_rounded_up() public {
        for (uint256 i = 0; i < 3; ++i) {
            _append(alice, 0);
        }
        NewDeal memory d = _newDeal(1, alice, 20, 20);
        d.pricePerSlotPeriod = 1001;
        uint64 deal = _open(d);
        _activateOne(alice, 1, _activation(deal, 0, d.slots, 0));
        _toRound(1);
        _append(alice, 0); // not in the tree of period 1
        _post(1);
        _proveSkipping(alice, alice, 0, 1, 8);
        vm.assertEq(_total(alice), STAKE - 3 * 8 * 751, "ceil(3 * 1001 / 4)");
    }

    function test_more_than_eight_skips_are_refused_and_a_strangers_all() public {
        _oneSlot(alice, 20);
        _toRound(1);
        _post(1);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_SkipsRefused.selector, 9));
        this.proveSkipping(alice, 9);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_SkipsRefused.selector, 1));
        this.proveSkipping(STRANGER, 1);
        _proveSkipping(STRANGER, alice, 0, 1, 0);
        vm.assertEq(_total(alice), STAKE, "nothing charged");
    }

    function test_skips_that_the_collateral_does_not_cover_are_refused() public {
        _oneSlot(alice, 20);
        vm.prank(DISPUTES);
        collateral.slashSlot(alice, uint128(STAKE), address(0));
        _stake(alice, 749);
        _toRound(1);
        _post(1);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_TooLow.selector, alice, 750, 749));
        this.proveSkipping(alice, 1);
        vm.assertFalse(sectors.isProven(alice, 0, 1), "not proven");
        _proveSkipping(alice, alice, 0, 1, 0);
    }

    function test_skips_of_a_tree_without_pay_are_free() public {
        _append(alice, 0);
        _toRound(1);
        _post(1);
        _proveSkipping(alice, alice, 0, 1, 8);
        vm.assertEq(_total(alice), STAKE, "free");
    }

    function test_a_void_period_charges_no_skips() public {
        _oneSlot(alice, 20);
        _toRound(1);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_RoundUnknown.selector, _roundOf(1)));
        sectors.proveWindow(alice, 0, 1, 1, "");
        _afterDeadline(1);
        _post(1);
        vm.expectPartialRevert(Sectors.Sectors_OutsideWindow.selector);
        this.proveSkipping(alice, 1);
        vm.assertEq(_total(alice), STAKE, "nothing charged");
    }

    function proveSkipping(address caller, uint8 skips) external {
        _proveSkipping(caller, alice, 0, 1, skips);
    }

    function _announce(uint64 first, uint32 periods) private {
        vm.prank(alice);
        collateral.announceMaintenance(0, first, periods);
    }

    function _declare(uint32 periods) private {
        vm.prank(alice);
        collateral.declareFault(0, periods);
    }

    function _refusedMaintenance(uint64 first, uint32 periods) private {
        vm.expectRevert(
            abi.encodeWithSelector(CollateralBook.Collateral_WindowRefused.selector, 0, first, first + periods - 1)
        );
        _announce(first, periods);
    }

    function _refusedFault(uint32 periods, uint64 first, uint64 last) private {
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_WindowRefused.selector, 0, first, last));
        _declare(periods);
    }
}
