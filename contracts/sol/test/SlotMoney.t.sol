// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CollateralBook} from "../src/CollateralBook.sol";
import {Account} from "../src/CollateralTypes.sol";
import {NewDeal, Slot, SlotStatus} from "../src/DealTypes.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev The two parts of a slot: locked, freed, set aside for a repair, spent; and who may move them.
contract SlotMoneyTest is MarketWorld {
    function test_a_filled_slot_locks_both_parts_and_adds_to_the_pay() public {
        _oneSlot(alice, 10);
        Account memory a = _account(alice);
        vm.assertEq(a.faultLocked, FAULT_PART, "fault part");
        vm.assertEq(a.repairLocked, REPAIR_PART, "repair part");
        vm.assertEq(collateral.freeOf(alice), STAKE - PARTS, "free");
        vm.assertEq(collateral.payAt(alice, 0, 1), PRICE, "pay");
        vm.assertEq(collateral.payAt(alice, 1, 1), 0, "of this tree");
    }

    function test_a_slot_that_is_not_covered_is_not_filled() public {
        _append(alice, 0);
        _filledDeal(alice, 1, 1, 3, 10);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_TooLow.selector, alice, PARTS, 0));
        this.fill(1);
        _stake(alice, PARTS - 1);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_TooLow.selector, alice, PARTS, PARTS - 1));
        this.fill(1);
        _stake(alice, 1);
        this.fill(1);
    }

    function fill(uint64 number) external {
        _filledDeal(alice, number, 1, 1, 10);
    }

    function test_what_a_slash_took_must_be_made_good_before_the_next_slot() public {
        _append(alice, 0);
        _filledDeal(alice, 1, 1, 3, 10);
        vm.prank(CHALLENGES);
        collateral.slashSlot(alice, PRICE, HUNTER);
        vm.assertEq(collateral.freeOf(alice), 0, "below its locks");
        _stake(alice, FAULT_PART + PARTS - 1);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_TooLow.selector, alice, PARTS, PARTS - 1));
        this.fill(1);
    }

    function test_a_price_whose_parts_overflow_is_not_locked() public {
        vm.prank(address(deals));
        vm.expectRevert();
        collateral.lock(alice, 0, type(uint128).max);
    }

    function test_a_slot_that_ended_well_frees_both_parts() public {
        uint64 deal = _oneSlot(alice, 1);
        _fullPeriod(alice, 0, 1);
        _afterDeadline(1);
        deals.close(deal, 0);
        vm.assertEq(collateral.freeOf(alice), STAKE, "all free");
        vm.assertEq(collateral.payAt(alice, 0, 1), PRICE, "what it earned stays known");
        vm.assertEq(collateral.payAt(alice, 0, 2), 0, "no pay from now on");
    }

    function test_a_freed_slot_takes_its_repair_part_along() public {
        uint64 deal = _oneSlot(alice, 10);
        _vacate(alice, deal, 0);
        Account memory a = _account(alice);
        vm.assertEq(a.total, STAKE - REPAIR_PART, "gone");
        vm.assertEq(a.faultLocked, 0, "fault part free");
        vm.assertEq(a.repairLocked, 0, "repair part");
        vm.assertEq(collateral.potOf(deal, 0), REPAIR_PART, "waits");
        vm.assertEq(collateral.pots(), REPAIR_PART, "sum");
    }

    function test_who_repairs_a_slot_gets_half_of_its_repair_part() public {
        (uint64 deal, Slot[] memory slots) = _twoSlots();
        _vacate(alice, deal, 0);
        _vacate(bob, deal, 1);
        _repair(carol, deal, 0, slots);
        vm.assertEq(collateral.bountyOf(carol), REPAIR_PART / 2, "bounty");
        vm.assertEq(collateral.unburned(), REPAIR_PART / 2, "the rest");
        vm.assertEq(collateral.potOf(deal, 0), 0, "spent");
        vm.assertEq(collateral.potOf(deal, 1), REPAIR_PART, "the other waits");
        vm.assertEq(collateral.pots(), REPAIR_PART, "sum");
        vm.assertEq(_account(carol).repairLocked, REPAIR_PART, "she answers for it now");
        vm.prank(carol);
        collateral.withdrawBounty(carol);
        vm.assertEq(token.balanceOf(carol), REPAIR_PART / 2, "paid out");
    }

    function test_the_repair_part_of_a_slot_that_ends_unrepaired_is_burned() public {
        uint64 deal = _oneSlot(alice, 2);
        _vacate(alice, deal, 0);
        _afterDeadline(2);
        deals.close(deal, 0);
        vm.assertEq(collateral.potOf(deal, 0), 0, "spent");
        vm.assertEq(collateral.pots(), 0, "sum");
        vm.assertEq(collateral.unburned(), REPAIR_PART, "burned");
        vm.assertEq(collateral.bountyOf(address(0)), 0, "nobody's");
    }

    function test_the_repair_part_of_an_ended_tree_is_burned_at_the_deals_end() public {
        uint64 deal = _oneSlot(alice, 6);
        _idlePeriods(1, 4);
        collateral.terminate(alice, 0);
        _idlePeriods(5, 6);
        deals.close(deal, 0);
        vm.assertEq(_total(alice), STAKE - REPAIR_PART, "lost");
        vm.assertEq(collateral.freeOf(alice), STAKE - REPAIR_PART, "nothing locked");
        vm.assertEq(collateral.unburned(), REPAIR_PART, "burned");
        vm.assertTrue(_slot(deal, 0).status == SlotStatus.Closed, "closed");
    }

    function test_a_slash_of_a_slot_takes_its_fault_part_and_no_repair_part() public {
        _append(alice, 0);
        _filledDeal(alice, 1, 1, 3, 10);
        uint256 bounty = 0;
        for (uint256 i = 0; i < 4; ++i) {
            vm.prank(i % 2 == 0 ? CHALLENGES : DISPUTES);
            bounty += collateral.slashSlot(alice, PRICE, HUNTER);
        }
        vm.assertEq(_total(alice), 3 * REPAIR_PART, "three fault parts, not four");
        vm.assertEq(bounty, 3 * FAULT_PART / 2, "half of each");
        vm.assertEq(collateral.bountyOf(HUNTER), bounty, "credited");
    }

    function test_only_the_bound_contracts_move_slots_and_slash() public {
        address[5] memory callers = [alice, CHALLENGES, DISPUTES, address(sectors), address(this)];
        for (uint256 i = 0; i < callers.length; ++i) {
            bytes memory refused = abi.encodeWithSelector(CollateralBook.Collateral_NotAllowed.selector, callers[i]);
            vm.startPrank(callers[i]);
            vm.expectRevert(refused);
            collateral.lock(alice, 0, 1);
            vm.expectRevert(refused);
            collateral.release(alice, 0, 1);
            vm.expectRevert(refused);
            collateral.fund(1, 0, alice, 0, 1);
            vm.expectRevert(refused);
            collateral.spend(1, 0, alice);
            vm.stopPrank();
        }
        _refusedCalls(alice);
        _refusedCalls(address(deals));
    }

    function _refusedCalls(address caller) private {
        bytes memory refused = abi.encodeWithSelector(CollateralBook.Collateral_NotAllowed.selector, caller);
        vm.startPrank(caller);
        vm.expectRevert(refused);
        collateral.slashSlot(alice, 1, caller);
        vm.expectRevert(refused);
        collateral.chargeSkips(alice, 0, 1, 1);
        vm.stopPrank();
    }

    /// A deal of two slots, alice's and bob's.
    function _twoSlots() private returns (uint64 deal, Slot[] memory slots) {
        NewDeal memory d = _newDeal(2, alice, 10, 10);
        d.slots[1].provider = bob;
        slots = d.slots;
        deal = _open(d);
        _append(alice, 0);
        _append(bob, 0);
        _activateOne(alice, 1, _activation(deal, 0, slots, 0));
        _activateOne(bob, 1, _activation(deal, 1, slots, 0));
    }
}
