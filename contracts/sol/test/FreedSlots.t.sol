// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DealEvents} from "../src/DealEvents.sol";
import {Activation, Slot, SlotState, SlotStatus} from "../src/DealTypes.sol";
import {ScriptedRights} from "./support/ScriptedRights.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev How a slot loses its provider, and who takes it over.
contract FreedSlotsTest is MarketWorld {
    // Freeing

    function test_a_slot_of_an_ended_tree_is_freed_by_anybody() public {
        uint64 deal = _oneSlot(alice, 20);
        _fullPeriod(alice, 0, 1);
        _afterDeadline(1);
        _idlePeriods(2, 4);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotFree.selector, deal, 0));
        deals.free(deal, 0);
        _idlePeriod(5);
        collateral.terminate(alice, 0);
        vm.prank(STRANGER);
        deals.free(deal, 0);
        vm.assertEq(deals.creditOf(alice), PRICE, "settled first");
        _freed(deal, 0, alice, _commP(deal, 0));
        vm.assertEq(sectors.sector(alice, 1).liveSlots, 0, "the sector is rid of it");
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_SlotNotFilled.selector, deal, 0));
        deals.free(deal, 0);
    }

    function test_only_its_provider_vacates_a_slot() public {
        uint64 deal = _oneSlot(alice, 20);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotYourSlot.selector, deal, 0, alice));
        deals.vacate(deal, 0);
        _vacate(alice, deal, 0);
        _freed(deal, 0, alice, _commP(deal, 0));
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_SlotNotFilled.selector, deal, 0));
        deals.vacate(deal, 0);
    }

    function test_a_challenged_slot_is_not_vacated() public {
        uint64 deal = _oneSlot(alice, 20);
        vm.prank(CHALLENGES);
        deals.setChallenged(deal, 0, true);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_Challenged.selector, deal, 0));
        deals.vacate(deal, 0);
        vm.prank(CHALLENGES);
        deals.setChallenged(deal, 0, false);
        _vacate(alice, deal, 0);
    }

    function test_an_expelled_slot_keeps_its_commitment_unless_that_was_false() public {
        (uint64 deal,) = _sharedDeal(1, 20);
        vm.prank(CHALLENGES);
        deals.setChallenged(deal, 0, true);
        vm.prank(CHALLENGES);
        deals.expel(deal, 0, false);
        _freed(deal, 0, alice, _commP(deal, 0));
        vm.assertFalse(_slot(deal, 0).challenged, "the challenge is over");
        vm.prank(DISPUTES);
        deals.expel(deal, 1, true);
        _freed(deal, 1, bob, 0);
    }

    function test_only_the_bound_contracts_expel_and_challenge() public {
        (uint64 deal,) = _sharedDeal(1, 20);
        address[3] memory callers = [alice, address(collateral), address(rights)];
        for (uint256 i = 0; i < callers.length; ++i) {
            bytes memory refused = abi.encodeWithSelector(DealEvents.Deals_NotAllowed.selector, callers[i]);
            vm.startPrank(callers[i]);
            vm.expectRevert(refused);
            deals.expel(deal, 0, false);
            vm.expectRevert(refused);
            deals.setChallenged(deal, 0, true);
            vm.stopPrank();
        }
        vm.prank(DISPUTES);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotAllowed.selector, DISPUTES));
        deals.setChallenged(deal, 0, true);
        vm.startPrank(CHALLENGES);
        deals.expel(deal, 0, false);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_SlotNotFilled.selector, deal, 0));
        deals.expel(deal, 0, false);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_SlotNotFilled.selector, deal, 0));
        deals.setChallenged(deal, 0, true);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NoSuchSlot.selector, deal, 3));
        deals.expel(deal, 3, false);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NoSuchDeal.selector, 9));
        deals.expel(9, 0, false);
        vm.stopPrank();
    }

    function test_only_the_deployer_binds_deals_once_and_nothing_to_nowhere() public {
        bytes memory refused = abi.encodeWithSelector(DealEvents.Deals_BindRefused.selector, address(this));
        vm.expectRevert(refused);
        deals.bind(rights, CHALLENGES, DISPUTES);
        deals = _newDeals(address(token));
        for (uint256 i = 0; i < 3; ++i) {
            address[3] memory to = [address(rights), CHALLENGES, DISPUTES];
            to[i] = address(0);
            vm.expectRevert(refused);
            deals.bind(ScriptedRights(to[0]), to[1], to[2]);
        }
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_BindRefused.selector, alice));
        deals.bind(rights, CHALLENGES, DISPUTES);
        deals.bind(rights, CHALLENGES, DISPUTES);
    }

    // Taking over

    function test_another_provider_takes_a_freed_slot_over_and_earns_the_rest() public {
        uint64 deal = _oneSlot(alice, 6);
        _fullPeriod(alice, 0, 1);
        _fullPeriod(alice, 0, 2);
        _vacate(alice, deal, 0); // open: 3
        _fullPeriod(alice, 0, 3); // nobody's
        _beforeFreeze(4);
        _repair(bob, deal, 0, _slots(1, alice));
        SlotState memory s = _slot(deal, 0);
        vm.assertEq(s.provider, bob, "bob's");
        vm.assertEq(s.firstPeriod, 4, "from the open period");
        vm.assertEq(s.paidBefore, 2, "paid to alice");
        vm.assertEq(s.paidPeriods, 2, "in all");
        vm.assertEq(sectors.sector(bob, 1).liveSlots, 1, "in his sector");
        _fullPeriod(bob, 0, 4);
        _fullPeriod(bob, 0, 5);
        vm.assertEq(deals.dueOf(deal, 0), 2 * PRICE, "due");
        vm.assertEq(deals.settle(deal, 0), 2 * PRICE, "paid");
        _fullPeriod(bob, 0, 6);
        _fullPeriod(bob, 0, 7);
        _afterDeadline(7);
        deals.close(deal, 0);
        vm.assertEq(deals.creditOf(alice), 2 * PRICE, "1 and 2");
        vm.assertEq(deals.creditOf(bob), 3 * PRICE, "4 to 6");
        vm.assertEq(deals.creditOf(owner), PRICE, "3 returns");
        vm.assertEq(deals.deal(deal).escrow, 0, "empty");
    }

    function test_a_tree_that_ends_behind_the_deal_s_end_keeps_its_repair_part() public {
        uint64 deal = _oneSlot(alice, 3);
        for (uint64 p = 1; p <= 3; ++p) {
            _fullPeriod(alice, 0, p);
        }
        _idlePeriods(4, 8); // nobody closed the slot
        collateral.terminate(alice, 0);
        deals.close(deal, 0);
        vm.assertEq(_total(alice), STAKE, "nothing lost");
        vm.assertEq(collateral.freeOf(alice), STAKE, "all of it free");
        vm.assertEq(deals.creditOf(alice), 3 * PRICE, "paid");
    }

    function test_a_repairer_is_not_paid_for_what_it_proved_before() public {
        uint64 deal = _oneSlot(alice, 10);
        _append(bob, 0);
        for (uint64 p = 1; p <= 3; ++p) {
            _fullPeriod(bob, 0, p);
        }
        _vacate(alice, deal, 0);
        _repair(bob, deal, 0, _slots(1, alice));
        vm.assertEq(deals.settle(deal, 0), 0, "nothing yet");
        _fullPeriod(bob, 0, 4);
        vm.assertEq(deals.settle(deal, 0), PRICE, "one period");
    }

    function test_a_slot_changes_hands_more_than_once() public {
        uint64 deal = _oneSlot(alice, 9);
        _fullPeriod(alice, 0, 1);
        _vacate(alice, deal, 0);
        _repair(bob, deal, 0, _slots(1, alice));
        _fullPeriod(bob, 0, 2);
        _fullPeriod(bob, 0, 3);
        _vacate(bob, deal, 0);
        _repair(alice, deal, 0, _slots(1, alice)); // bob lost it last, alice may come back
        _fullPeriod(alice, 0, 4);
        vm.assertEq(_slot(deal, 0).paidBefore, 3, "1 to 3");
        vm.assertEq(deals.settle(deal, 0), PRICE, "4");
        vm.assertEq(deals.creditOf(alice), 2 * PRICE, "alice");
        vm.assertEq(deals.creditOf(bob), 2 * PRICE, "bob");
        vm.assertEq(collateral.bountyOf(bob), REPAIR_PART / 2, "bob's repair");
        vm.assertEq(collateral.bountyOf(alice), REPAIR_PART / 2, "alice's repair");
    }

    function test_a_repair_brings_the_piece_that_was_lost() public {
        uint64 deal = _oneSlot(alice, 10);
        _vacate(alice, deal, 0);
        _append(bob, 0);
        rights.grant(deal, 0, bob);
        Activation memory a = _repairOf(deal, 0, _slots(1, alice));
        a.commP += 1;
        _refused(
            a, abi.encodeWithSelector(DealEvents.Deals_CommitmentRefused.selector, deal, 0, a.commP - 1, a.commP)
        );
        a.commP -= 1;
        a.slots = _slots(1, bob);
        _refused(a, abi.encodeWithSelector(DealEvents.Deals_SlotsMismatch.selector, deal));
    }

    function test_a_false_commitment_is_replaced_by_the_repairers() public {
        uint64 deal = _oneSlot(alice, 10);
        vm.prank(DISPUTES);
        deals.expel(deal, 0, true);
        _append(bob, 0);
        rights.grant(deal, 0, bob);
        Activation memory a = _repairOf(deal, 0, _slots(1, alice));
        a.commP += 1;
        _activateOne(bob, 1, a);
        vm.assertEq(_slot(deal, 0).commP, a.commP, "the new one");
    }

    function test_no_right_no_repair_and_a_right_is_used_up() public {
        uint64 deal = _oneSlot(alice, 10);
        _vacate(alice, deal, 0);
        _append(bob, 0);
        Activation memory a = _repairOf(deal, 0, _slots(1, alice));
        _refused(a, abi.encodeWithSelector(ScriptedRights.ScriptedRights_None.selector, deal, 0, bob));
        _repair(bob, deal, 0, _slots(1, alice));
        vm.assertFalse(rights.granted(deal, 0, bob), "used up");
    }

    function test_neither_who_lost_a_slot_nor_who_holds_a_sibling_repairs_it() public {
        (uint64 deal, Slot[] memory slots) = _sharedDeal(1, 20);
        _vacate(alice, deal, 0);
        _notEligible(alice, deal, slots);
        _notEligible(bob, deal, slots);
        _notEligible(carol, deal, slots);
        _vacate(bob, deal, 1); // holds nothing of the deal now
        _repair(bob, deal, 0, slots);
        _notEligibleFor(bob, deal, 1, slots); // he lost it, and holds slot 0
    }

    function test_a_freed_slot_is_taken_over_until_the_deals_last_period_freezes() public {
        uint64 deal = _oneSlot(alice, 3);
        _vacate(alice, deal, 0);
        _append(bob, 0);
        rights.grant(deal, 0, bob);
        vm.warp(sectors.freezeTime(3));
        Activation memory a = _repairOf(deal, 0, _slots(1, alice));
        _refused(a, abi.encodeWithSelector(DealEvents.Deals_Ended.selector, deal, 4, 3));
        _beforeFreeze(3);
        _activateOne(bob, 1, a);
        _fullPeriod(bob, 0, 3);
        vm.assertEq(deals.settle(deal, 0), PRICE, "the last period");
    }

    function test_an_empty_slot_is_not_repaired_and_a_freed_one_not_accepted_anew() public {
        uint64 deal = _open(_newDeal(1, alice, 10, 10));
        _append(bob, 0);
        _append(alice, 0);
        rights.grant(deal, 0, bob);
        Slot[] memory slots = _slots(1, alice);
        _refused(
            _repairOf(deal, 0, slots), abi.encodeWithSelector(DealEvents.Deals_NotYourSlot.selector, deal, 0, alice)
        );
        _activateOne(alice, 1, _activation(deal, 0, slots, 0));
        _vacate(alice, deal, 0);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotEligible.selector, deal, 0, alice));
        this.activate(alice, _activation(deal, 0, slots, 0));
    }

    function activate(address provider, Activation memory a) external {
        _activateOne(provider, 1, a);
    }

    function _refused(Activation memory a, bytes memory reason) private {
        vm.expectRevert(reason);
        this.activate(bob, a);
    }

    function _notEligible(address provider, uint64 deal, Slot[] memory slots) private {
        _notEligibleFor(provider, deal, 0, slots);
    }

    function _notEligibleFor(address provider, uint64 deal, uint8 slot, Slot[] memory slots) private {
        rights.grant(deal, slot, provider);
        Activation memory a = _repairOf(deal, slot, slots);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotEligible.selector, deal, slot, provider));
        this.activate(provider, a);
    }

    function _freed(uint64 deal, uint8 slot, address failed, uint256 commP) private view {
        SlotState memory s = _slot(deal, slot);
        vm.assertTrue(s.status == SlotStatus.Freed, "freed");
        vm.assertEq(s.provider, failed, "who lost it");
        vm.assertEq(s.commP, commP, "what was lost");
        vm.assertEq(collateral.potOf(deal, slot), REPAIR_PART, "its repair part waits");
    }
}
