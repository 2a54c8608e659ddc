// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DealEvents} from "../src/DealEvents.sol";
import {Deal, NewDeal, Slot, SlotStatus} from "../src/DealTypes.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev Deals that last longer, end early, or are lost; and how their slots close.
contract DealEndsTest is MarketWorld {
    // Ending early

    function test_the_owner_makes_the_open_period_the_last_and_gets_the_rest_back() public {
        uint64 deal = _oneSlot(alice, 10);
        _fullPeriod(alice, 0, 1);
        _fullPeriod(alice, 0, 2); // open: 3
        vm.prank(owner);
        deals.endEarly(deal);
        Deal memory d = deals.deal(deal);
        vm.assertEq(d.periods, 3, "1 to 3");
        vm.assertEq(d.escrow, 3 * PRICE, "what they may cost");
        vm.assertEq(deals.creditOf(owner), 7 * PRICE, "4 to 10");
        _fullPeriod(alice, 0, 3);
        _fullPeriod(alice, 0, 4);
        _afterDeadline(4);
        deals.close(deal, 0);
        vm.assertEq(deals.creditOf(alice), 3 * PRICE, "paid to the new end");
        vm.assertEq(collateral.freeOf(alice), STAKE, "and free of it");
    }

    function test_an_end_is_not_brought_forward_by_nothing() public {
        uint64 deal = _oneSlot(alice, 3);
        _beforeFreeze(3);
        _ownerRefused(
            abi.encodeCall(deals.endEarly, (deal)),
            abi.encodeWithSelector(DealEvents.Deals_Ended.selector, deal, 3, 3)
        );
        _afterDeadline(3);
        _ownerRefused(
            abi.encodeCall(deals.endEarly, (deal)),
            abi.encodeWithSelector(DealEvents.Deals_Ended.selector, deal, 4, 3)
        );
    }

    function test_an_early_end_refunds_open_slots_only() public {
        NewDeal memory d = _newDeal(3, alice, 10, 2);
        uint64 deal = _open(d);
        _append(alice, 0);
        _activateOne(alice, 1, _activation(deal, 0, d.slots, 0));
        _beforeFreeze(3);
        deals.close(deal, 1); // empty, its escrow returns whole
        vm.assertEq(deals.creditOf(owner), 10 * PRICE, "the closed one");
        vm.prank(owner);
        deals.endEarly(deal);
        vm.assertEq(deals.creditOf(owner), 10 * PRICE + 2 * 7 * PRICE, "two open ones");
        deals.close(deal, 2);
        vm.assertEq(deals.deal(deal).escrow, 3 * PRICE, "the filled one's");
    }

    function test_an_early_end_also_ends_the_time_for_filling() public {
        NewDeal memory d = _newDeal(2, alice, 10, 10);
        uint64 deal = _open(d);
        _append(alice, 0);
        _activateOne(alice, 1, _activation(deal, 0, d.slots, 0));
        vm.prank(owner);
        deals.endEarly(deal);
        vm.assertEq(deals.deal(deal).activationPeriods, 1, "no longer than the deal");
        vm.warp(sectors.freezeTime(1));
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_TooLate.selector, deal, 2, 1));
        this.activateSecond(deal);
    }

    function activateSecond(uint64 deal) external {
        _activateOne(alice, 1, _activation(deal, 1, _slots(2, alice), 64));
    }

    function test_only_the_owner_of_an_active_deal_ends_or_extends_it() public {
        uint64 deal = _oneSlot(alice, 10);
        Slot[] memory slots = _slots(1, alice);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotOwner.selector, deal));
        deals.endEarly(deal);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotOwner.selector, deal));
        deals.extend(deal, 1, slots, _noPermit());
        vm.stopPrank();
        uint64 idle = _open(_newDeal(1, alice, 10, 10));
        _inactive(idle, slots, abi.encodeWithSelector(DealEvents.Deals_NotActive.selector, idle));
        vm.prank(owner);
        deals.cancel(idle);
        _inactive(idle, slots, abi.encodeWithSelector(DealEvents.Deals_Cancelled.selector, idle));
        _inactive(9, slots, abi.encodeWithSelector(DealEvents.Deals_NoSuchDeal.selector, 9));
    }

    function _inactive(uint64 deal, Slot[] memory slots, bytes memory reason) private {
        _ownerRefused(abi.encodeCall(deals.endEarly, (deal)), reason);
        _ownerRefused(abi.encodeCall(deals.endLost, (deal)), reason);
        _ownerRefused(abi.encodeCall(deals.extend, (deal, 1, slots, _noPermit())), reason);
    }

    // Extending

    function test_the_owner_pays_for_more_periods_and_the_provider_earns_them() public {
        uint64 deal = _oneSlot(alice, 2);
        _fullPeriod(alice, 0, 1);
        _extend(deal, 3, _slots(1, alice));
        Deal memory d = deals.deal(deal);
        vm.assertEq(d.periods, 5, "longer");
        vm.assertEq(d.escrow, 5 * PRICE, "paid for");
        vm.assertEq(token.balanceOf(address(deals)), 5 * PRICE, "with money");
        for (uint64 p = 2; p <= 6; ++p) {
            _fullPeriod(alice, 0, p);
        }
        vm.assertEq(deals.settle(deal, 0), 5 * PRICE, "earned");
    }

    function test_a_deal_is_extended_before_its_last_period_freezes() public {
        uint64 deal = _oneSlot(alice, 2);
        vm.warp(sectors.freezeTime(2));
        Slot[] memory slots = _slots(1, alice);
        _ownerRefused(
            abi.encodeCall(deals.extend, (deal, 1, slots, _noPermit())),
            abi.encodeWithSelector(DealEvents.Deals_Ended.selector, deal, 3, 2)
        );
        _beforeFreeze(2);
        _extend(deal, 1, slots);
    }

    function test_an_extension_takes_the_slots_of_the_deal_and_the_money() public {
        uint64 deal = _oneSlot(alice, 2);
        _ownerRefused(
            abi.encodeCall(deals.extend, (deal, 1, _slots(1, bob), _noPermit())),
            abi.encodeWithSelector(DealEvents.Deals_SlotsMismatch.selector, deal)
        );
        vm.prank(owner);
        token.approve(address(deals), PRICE - 1);
        _ownerRefused(
            abi.encodeCall(deals.extend, (deal, 1, _slots(1, alice), _noPermit())),
            abi.encodeWithSelector(DealEvents.Deals_AllowanceTooLow.selector, PRICE, PRICE - 1)
        );
    }

    function test_a_provider_that_asks_more_ends_a_deal_by_its_term() public {
        (uint64 deal, Slot[] memory slots) = _sharedDeal(1, 10);
        _asks(bob, 2);
        _ownerRefused(
            abi.encodeCall(deals.extend, (deal, 1, slots, _noPermit())),
            abi.encodeWithSelector(DealEvents.Deals_PriceBelowAsk.selector, deal, 1, PRICE * 2)
        );
        _asks(bob, 1);
        _extend(deal, 1, slots);
    }

    function test_whoever_holds_a_slot_now_has_a_say_and_who_lost_it_has_none() public {
        uint64 deal = _oneSlot(alice, 10);
        Slot[] memory slots = _slots(1, alice);
        _vacate(alice, deal, 0);
        _asks(alice, 2);
        _extend(deal, 1, slots); // freed: whoever takes it over knows the end
        _repair(bob, deal, 0, slots);
        _extend(deal, 1, slots); // bob's
        _asks(bob, 2);
        _ownerRefused(
            abi.encodeCall(deals.extend, (deal, 1, slots, _noPermit())),
            abi.encodeWithSelector(DealEvents.Deals_PriceBelowAsk.selector, deal, 0, PRICE * 2)
        );
    }

    function test_who_never_filled_its_slot_has_a_say_only_while_it_may() public {
        NewDeal memory d = _newDeal(2, alice, 10, 1);
        d.slots[1].provider = bob;
        uint64 deal = _open(d);
        _append(alice, 0);
        _activateOne(alice, 1, _activation(deal, 0, d.slots, 0));
        _asks(bob, 2);
        _ownerRefused(
            abi.encodeCall(deals.extend, (deal, 1, d.slots, _noPermit())),
            abi.encodeWithSelector(DealEvents.Deals_PriceBelowAsk.selector, deal, 1, PRICE * 2)
        );
        vm.warp(sectors.freezeTime(1));
        deals.close(deal, 1);
        _extend(deal, 5, d.slots);
        vm.assertEq(deals.deal(deal).escrow, 15 * PRICE, "the closed slot is not paid for");
    }

    // Lost deals

    function test_a_deal_with_too_few_slots_for_fourteen_days_is_ended_by_anybody() public {
        (uint64 deal,) = _sharedDeal(2, 100_000);
        _vacate(alice, deal, 0);
        vm.assertEq(deals.deal(deal).scarceSince, 0, "two of three are enough");
        _notLost(deal, 0);
        _afterDeadline(1);
        _vacate(bob, deal, 1);
        uint64 since = uint64(block.timestamp);
        vm.assertEq(deals.deal(deal).scarceSince, since, "one is not");
        vm.warp(since + 14 days - 1);
        _notLost(deal, since);
        vm.warp(since + 14 days);
        uint64 end = sectors.openPeriod(since + 14 days);
        vm.prank(STRANGER);
        deals.endLost(deal);
        Deal memory d = deals.deal(deal);
        vm.assertEq(d.periods, end, "ends now");
        vm.assertEq(d.escrow, uint256(end) * 3 * PRICE, "three slots to here");
        vm.assertEq(deals.creditOf(owner), uint256(100_000 - end) * 3 * PRICE, "the rest to its owner");
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_Ended.selector, deal, end, end));
        deals.endLost(deal);
    }

    function test_the_days_begin_with_the_first_slot_too_few() public {
        (uint64 deal,) = _sharedDeal(2, 100_000);
        _vacate(alice, deal, 0);
        _vacate(bob, deal, 1);
        uint64 since = uint64(block.timestamp);
        vm.warp(since + 10 days);
        _vacate(carol, deal, 2);
        vm.assertEq(deals.deal(deal).scarceSince, since, "not the last one");
        vm.warp(since + 14 days);
        deals.endLost(deal);
    }

    function test_a_repair_in_time_saves_the_deal_and_the_days_begin_anew() public {
        (uint64 deal, Slot[] memory slots) = _sharedDeal(2, 100_000);
        _vacate(alice, deal, 0);
        _vacate(bob, deal, 1);
        vm.warp(block.timestamp + 14 days - 1);
        _repair(alice, deal, 1, slots);
        vm.assertEq(deals.deal(deal).scarceSince, 0, "enough again");
        vm.warp(block.timestamp + 100);
        _notLost(deal, 0);
        _vacate(alice, deal, 1);
        uint64 since = uint64(block.timestamp);
        vm.warp(since + 14 days - 1);
        _notLost(deal, since);
    }

    function test_a_repair_that_is_not_enough_does_not_stop_the_days() public {
        (uint64 deal, Slot[] memory slots) = _sharedDeal(3, 100_000);
        _vacate(alice, deal, 0);
        uint64 since = uint64(block.timestamp);
        _vacate(bob, deal, 1);
        vm.warp(since + 5 days);
        _repair(alice, deal, 1, slots);
        vm.assertEq(deals.deal(deal).scarceSince, since, "two of three needed ones");
        vm.warp(since + 14 days);
        deals.endLost(deal);
    }

    // Closing

    function test_freed_ended_and_filled_slots_close_after_the_last_deadline() public {
        (uint64 deal,) = _sharedDeal(1, 6);
        for (uint64 p = 1; p <= 6; ++p) {
            _fullPeriod(carol, 0, p);
            if (p == 2) _vacate(bob, deal, 1);
            if (p == 5) collateral.terminate(alice, 0);
            if (p != 6) _afterDeadline(p);
        }
        for (uint8 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_TooEarly.selector, deal, i));
            deals.close(deal, i);
        }
        _afterDeadline(6);
        for (uint8 i = 0; i < 3; ++i) {
            deals.close(deal, i);
            vm.assertTrue(_slot(deal, i).status == SlotStatus.Closed, "closed");
            vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_SlotClosed.selector, deal, i));
            deals.close(deal, i);
        }
        Deal memory d = deals.deal(deal);
        vm.assertEq(d.live, 0, "none lives");
        vm.assertEq(d.closed, 3, "all closed");
        vm.assertEq(d.escrow, 0, "empty");
        vm.assertEq(deals.creditOf(carol), 6 * PRICE, "carol proved");
        vm.assertEq(deals.creditOf(owner), 12 * PRICE, "the others did not");
        vm.assertEq(collateral.unburned(), 2 * REPAIR_PART, "two repair parts nobody earned");
        vm.assertEq(collateral.pots(), 0, "none waits");
        for (uint8 i = 0; i < 3; ++i) {
            address provider = i == 0 ? alice : i == 1 ? bob : carol;
            vm.assertEq(sectors.sector(provider, 1).liveSlots, 0, "no live slot");
            vm.assertEq(collateral.freeOf(provider), _total(provider), "nothing locked");
        }
    }

    function test_a_freed_slot_refunds_what_its_provider_had_not_earned() public {
        uint64 deal = _oneSlot(alice, 4);
        _fullPeriod(alice, 0, 1);
        _vacate(alice, deal, 0);
        _afterDeadline(4);
        deals.close(deal, 0);
        vm.assertEq(deals.creditOf(alice), PRICE, "earned");
        vm.assertEq(deals.creditOf(owner), 3 * PRICE, "refunded");
        vm.assertEq(deals.deal(deal).live, 0, "counted once");
    }

    function _asks(address provider, uint128 times) private {
        uint128 ask = uint128(uint256(PRICE) * times * 2 ** 40 / (32 * 64)); // for a piece of 2^6 leaves
        vm.prank(provider);
        providers.update("x.example:4433", bytes32("x"), provider, ask);
    }

    function _extend(uint64 deal, uint32 periods, Slot[] memory slots) private {
        vm.prank(owner);
        deals.extend(deal, periods, slots, _noPermit());
    }

    function _ownerRefused(bytes memory call, bytes memory reason) private {
        vm.prank(owner);
        (bool ok, bytes memory got) = address(deals).call(call);
        vm.assertFalse(ok, "refused");
        vm.assertEq(got, reason, "reason");
    }

    function _notLost(uint64 deal, uint64 since) private {
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotLost.selector, deal, since));
        deals.endLost(deal);
    }
}
