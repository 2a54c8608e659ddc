// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CollateralBook} from "../src/CollateralBook.sol";
import {CollateralTerms} from "../src/CollateralTypes.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev Which misses in a row end a tree, and what an ended tree is.
contract EndingsTest is MarketWorld {
    function test_four_misses_in_a_row_end_a_tree_and_three_do_not() public {
        _oneSlot(alice, 20);
        _idlePeriods(1, 3);
        _tooFew(3);
        _toRound(4);
        _post(4);
        vm.warp(sectors.deadline(4));
        _tooFew(3); // the fourth may still be proven
        _afterDeadline(4);
        _terminate();
        vm.assertEq(collateral.terminatedAt(alice, 0), 4, "last period that counts");
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_Terminated.selector, alice, 0));
        collateral.terminate(alice, 0);
    }

    function test_a_proof_breaks_the_row() public {
        _oneSlot(alice, 20);
        _idlePeriods(1, 3);
        _fullPeriod(alice, 0, 4);
        _afterDeadline(4);
        _tooFew(0);
        _idlePeriods(5, 7);
        _tooFew(3);
        _idlePeriod(8);
        _terminate();
    }

    function test_the_proof_of_a_period_still_running_breaks_the_row() public {
        _oneSlot(alice, 20);
        _idlePeriods(1, 4);
        _fullPeriod(alice, 0, 5);
        _tooFew(0);
    }

    function test_a_void_period_neither_counts_nor_breaks_the_row() public {
        _oneSlot(alice, 20);
        _idlePeriods(1, 2);
        _afterDeadline(4); // 3 and 4 are void
        _tooFew(2);
        _idlePeriod(5);
        _tooFew(3);
        _idlePeriod(6);
        _terminate();
    }

    function test_an_excused_window_neither_counts_nor_breaks_the_row() public {
        _oneSlot(alice, 30);
        _idlePeriods(1, 2);
        vm.prank(alice);
        collateral.declareFault(0, 3);
        _idlePeriods(3, 5);
        _tooFew(2);
        _idlePeriod(6);
        _tooFew(3);
        _idlePeriod(7);
        _terminate();
    }

    function test_a_window_that_still_runs_hides_its_periods_only() public {
        _oneSlot(alice, 30);
        _idlePeriods(1, 3);
        vm.prank(alice);
        collateral.declareFault(0, 6);
        _idlePeriods(4, 6);
        _tooFew(3);
    }

    function test_a_proof_inside_a_window_begins_the_row_behind_it() public {
        _oneSlot(alice, 30);
        _idlePeriods(1, 3);
        vm.prank(alice);
        collateral.declareFault(0, 4); // 4..7
        _idlePeriod(4);
        _fullPeriod(alice, 0, 5);
        _idlePeriods(6, 10);
        _tooFew(3);
        _idlePeriod(11);
        _terminate();
    }

    function test_a_window_before_the_last_proof_is_of_no_account() public {
        _oneSlot(alice, 30);
        vm.prank(alice);
        collateral.declareFault(0, 2);
        _idlePeriods(1, 2);
        _fullPeriod(alice, 0, 3);
        _idlePeriods(4, 6);
        _tooFew(3);
        vm.prank(alice);
        collateral.announceMaintenance(0, 20, 2); // one that has not begun neither
        _idlePeriod(7);
        _terminate();
    }

    function test_misses_before_the_tree_earned_do_not_count() public {
        _append(alice, 0);
        _idlePeriods(1, 6);
        vm.assertEq(sectors.missed(alice, 0, 1, 6), 6, "missed, for nobody");
        _tooFew(0);
        _oneSlot(alice, 30);
        vm.assertEq(collateral.missesInARow(alice, 0), 0, "not its slots' fault");
        _idlePeriods(7, 9);
        _tooFew(3);
        _idlePeriod(10);
        _terminate();
    }

    function test_misses_before_the_tree_earned_again_do_not_count() public {
        uint64 deal = _oneSlot(alice, 30);
        _idlePeriods(1, 3);
        _vacate(alice, deal, 0);
        _idlePeriods(4, 6);
        _tooFew(0); // earns nothing: nothing to end
        _filledDeal(alice, 1, 1, 1, 30);
        _idlePeriods(7, 9);
        _tooFew(3);
    }

    function test_a_second_slot_does_not_begin_the_row_anew() public {
        _oneSlot(alice, 30);
        _idlePeriods(1, 3);
        _filledDeal(alice, 1, 1, 1, 30);
        _idlePeriod(4);
        _terminate();
    }

    function test_an_ended_tree_takes_no_slots_and_another_one_does() public {
        _oneSlot(alice, 20);
        _idlePeriods(1, 4);
        _terminate();
        _append(alice, 1);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_Terminated.selector, alice, 0));
        this.fill(1);
        this.fill(2);
    }

    function fill(uint64 number) external {
        _filledDeal(alice, number, 1, 1, 20);
    }

    function test_misses_before_the_end_are_reported_and_those_behind_it_are_none() public {
        _oneSlot(alice, 20);
        _idlePeriods(1, 4);
        _terminate();
        _idlePeriod(5);
        for (uint64 p = 1; p <= 4; ++p) {
            _report(alice, 0, p);
        }
        vm.assertEq(_total(alice), STAKE - 4 * MISS, "four");
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NotMissed.selector, alice, 0, 5));
        collateral.reportMiss(alice, 0, 5);
    }

    function test_a_tree_is_ended_apart_from_the_providers_others() public {
        _oneSlot(alice, 20);
        _append(alice, 1);
        _filledDeal(alice, 2, 1, 1, 20);
        for (uint64 p = 1; p <= 4; ++p) {
            _fullPeriod(alice, 1, p);
            _afterDeadline(p);
        }
        _terminate();
        vm.assertEq(collateral.terminatedAt(alice, 1), 0, "the other lives");
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_TooFewMisses.selector, alice, 1, 0, 4));
        collateral.terminate(alice, 1);
    }

    function _terminate() private {
        vm.assertEq(collateral.missesInARow(alice, 0), 4, "in a row");
        vm.prank(STRANGER);
        collateral.terminate(alice, 0);
        vm.assertTrue(collateral.terminatedAt(alice, 0) != 0, "ended");
    }

    function _tooFew(uint64 misses) private {
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_TooFewMisses.selector, alice, 0, misses, 4));
        collateral.terminate(alice, 0);
    }
}

/// @dev A deployment in which misses in a row end nothing.
contract EndlessTest is MarketWorld {
    function _collateralTerms() internal pure override returns (CollateralTerms memory) {
        return CollateralTerms(FAULT, REPAIR, 0, 5000, DELAY, 5, 50, 2, 6);
    }

    function test_no_number_of_misses_ends_a_tree_where_none_is_set() public {
        _oneSlot(alice, 30);
        _idlePeriods(1, 12);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_TooFewMisses.selector, alice, 0, 12, 0));
        collateral.terminate(alice, 0);
    }
}
