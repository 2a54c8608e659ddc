// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DealEvents} from "../src/DealEvents.sol";
import {Activation, Deal, NewDeal, Slot} from "../src/DealTypes.sol";
import {World} from "./support/World.sol";

contract SettlementTest is World {
    function test_a_proven_period_pays_once_and_withdraw_pays_it_out() public {
        uint64 deal = _filled(10, 2);
        _fullPeriod(alice, 0, 1);
        vm.assertEq(deals.dueOf(deal, 0), PRICE, "due");
        vm.assertEq(deals.settle(deal, 0), PRICE, "paid");
        vm.assertEq(deals.settle(deal, 0), 0, "once");
        vm.assertEq(deals.creditOf(alice), PRICE, "credit");
        vm.prank(alice);
        deals.withdraw(bob);
        vm.assertEq(token.balanceOf(bob), PRICE, "to whom she says");
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NothingToWithdraw.selector, alice));
        deals.withdraw(alice);
    }

    function test_the_window_running_when_a_slot_is_filled_does_not_pay() public {
        _append(alice, 0);
        uint64 deal = _open(_newDeal(1, alice, 10, 5));
        _toRound(1);
        _post(1);
        Slot[] memory slots = _slots(1, alice);
        _activateOne(alice, 1, _activation(deal, 0, slots, 0)); // after the freeze of period 1
        _proveWindow(alice, 0, 1); // proves a tree that holds the sector, but the slot was not active
        vm.assertEq(deals.dueOf(deal, 0), 0, "period 1 is not paid");
        _fullPeriod(alice, 0, 2);
        vm.assertEq(deals.settle(deal, 0), PRICE, "period 2 is");
    }

    function test_periods_behind_the_end_are_not_paid() public {
        uint64 deal = _filled(3, 1);
        for (uint64 p = 1; p <= 6; ++p) {
            _fullPeriod(alice, 0, p);
        }
        vm.assertEq(deals.settle(deal, 0), 3 * PRICE, "however late it is settled");
        _afterDeadline(6);
        deals.close(deal, 0);
        vm.assertEq(deals.creditOf(owner), 0, "nothing left to refund");
    }

    function test_missed_and_void_periods_return_to_the_owner_at_the_end() public {
        uint64 deal = _filled(4, 1);
        _fullPeriod(alice, 0, 1);
        _toRound(2);
        _post(2); // missed
        _fullPeriod(alice, 0, 4); // 3 is void
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_TooEarly.selector, deal, 0));
        deals.close(deal, 0);
        vm.warp(sectors.deadline(4));
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_TooEarly.selector, deal, 0));
        deals.close(deal, 0);
        _afterDeadline(4);
        vm.prank(address(0x77));
        deals.close(deal, 0);
        vm.assertEq(deals.creditOf(alice), 2 * PRICE, "earned, settled by the closing");
        vm.assertEq(deals.creditOf(owner), 2 * PRICE, "refund");
        vm.assertEq(deals.deal(deal).escrow, 0, "empty");
        vm.assertEq(sectors.sector(alice, 1).liveSlots, 0, "the sector is free");
    }

    function test_a_closed_slot_stays_closed() public {
        uint64 deal = _filled(1, 1);
        _fullPeriod(alice, 0, 1);
        _afterDeadline(1);
        deals.close(deal, 0);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_SlotClosed.selector, deal, 0));
        deals.close(deal, 0);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_SlotNotFilled.selector, deal, 0));
        deals.settle(deal, 0);
        vm.assertEq(deals.dueOf(deal, 0), 0, "nothing due");
    }

    function test_a_never_filled_slot_is_refunded_once_it_cannot_be_filled() public {
        uint64 deal = _open(_newDeal(2, alice, 10, 2));
        vm.warp(sectors.freezeTime(2) - 1);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_TooEarly.selector, deal, 1));
        deals.close(deal, 1);
        vm.warp(sectors.freezeTime(2));
        deals.close(deal, 1);
        vm.assertEq(deals.creditOf(owner), 10 * PRICE, "one slot's escrow");
        vm.assertEq(deals.deal(deal).escrow, 10 * PRICE, "the other's stays");
    }

    function test_a_freed_sector_can_be_retired_and_strangers_wait_again() public {
        uint64 deal = _filled(1, 1);
        _afterDeadline(1);
        deals.close(deal, 0);
        vm.assertEq(sectors.sector(alice, 1).idleSince, sectors.openPeriod(uint64(block.timestamp)), "idle from now");
        _retire(alice, alice, 0, 1, 0, 1);
    }

    function test_only_the_owner_cancels_and_only_before_any_slot_is_filled() public {
        uint64 deal = _open(_newDeal(2, alice, 10, 2));
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotOwner.selector, deal));
        deals.cancel(deal);
        vm.startPrank(owner);
        deals.cancel(deal);
        vm.assertEq(deals.creditOf(owner), 20 * PRICE, "all of it");
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_Cancelled.selector, deal));
        deals.cancel(deal);
        vm.stopPrank();
        vm.warp(sectors.freezeTime(2));
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_Cancelled.selector, deal));
        deals.close(deal, 0);
        deal = _filled(10, 2);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_AlreadyActive.selector, deal));
        deals.cancel(deal);
    }

    function test_a_deal_with_closed_slots_but_none_filled_is_cancelled_for_the_rest_only() public {
        uint64 deal = _open(_newDeal(3, alice, 10, 2));
        vm.warp(sectors.freezeTime(2));
        deals.close(deal, 1);
        vm.prank(owner);
        deals.cancel(deal);
        vm.assertEq(deals.creditOf(owner), 30 * PRICE, "each slot's escrow once");
        vm.assertEq(deals.deal(deal).escrow, 0, "empty");
    }

    function test_settling_many_adds_up() public {
        NewDeal memory d = _newDeal(2, alice, 10, 2);
        uint64 deal = _open(d);
        _append(alice, 0);
        Activation[] memory all = new Activation[](2);
        (all[0], all[1]) = (_activation(deal, 0, d.slots, 0), _activation(deal, 1, d.slots, 64));
        _activate(alice, 1, all);
        _fullPeriod(alice, 0, 1);
        uint64[] memory ids = new uint64[](3);
        uint8[] memory which = new uint8[](3);
        (ids[0], ids[1], ids[2]) = (deal, deal, deal);
        which[1] = 1; // slots 0, 1 and 0 again
        vm.assertEq(deals.settleMany(ids, which), 2 * PRICE, "each once");
    }

    /// What the naive loop knows.
    struct Model {
        uint64 deal;
        uint64 first;
        uint64 end;
        uint256 paid;
    }

    /// Periods in which things happen.
    struct Plan {
        uint32 periods;
        uint32 activation;
        uint64 appendAt;
        uint64 openAt;
        uint64 fillAt;
    }

    Model private model;
    mapping(uint64 period => bool) private proven;

    /// Random terms, activation times, proofs, outages and settlement times: what is paid equals a loop over periods.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_settlement_matches_a_naive_loop(uint256 seed) public {
        Plan memory plan;
        plan.periods = uint32(_bound(seed, 1, 9));
        plan.activation = uint32(_bound(seed >> 8, 1, plan.periods));
        plan.appendAt = uint64(_bound(seed >> 16, 1, 3));
        plan.openAt = plan.appendAt + uint64(_bound(seed >> 24, 0, 2));
        plan.fillAt = plan.openAt + uint64(_bound(seed >> 32, 0, plan.activation - 1));
        for (uint64 p = 1; p <= 22; ++p) {
            _beforeFreeze(p);
            _act(plan, p);
            seed = uint256(keccak256(abi.encode(seed)));
            _toRound(p);
            if (seed % 5 != 0) _post(p);
            if (seed % 5 != 0 && p >= plan.appendAt && (seed >> 8) % 3 != 0) {
                _proveWindow(alice, 0, p);
                proven[p] = true;
            }
            if (p >= plan.fillAt && (seed >> 16) % 2 == 0) _settleAndCompare(p);
        }
        _afterDeadline(22); // behind the end of every plan
        deals.close(model.deal, 0);
        uint256 escrow = uint256(PRICE) * plan.periods;
        vm.assertEq(deals.creditOf(alice), PRICE * _count(22), "earned in all");
        vm.assertEq(deals.creditOf(owner), escrow - PRICE * _count(22), "the rest returns");
        vm.assertEq(token.balanceOf(address(deals)), escrow, "all still here until withdrawn");
    }

    function _act(Plan memory plan, uint64 p) private {
        if (p == plan.appendAt) _append(alice, 0);
        if (p == plan.openAt) model.deal = _open(_newDeal(1, alice, plan.periods, plan.activation));
        if (p == plan.fillAt) {
            _activateOne(alice, 1, _activation(model.deal, 0, _slots(1, alice), 0));
            (model.first, model.end) = (p, plan.openAt + plan.periods - 1);
        }
    }

    function _settleAndCompare(uint64 now_) private {
        uint256 expected = PRICE * _count(now_);
        vm.assertEq(deals.dueOf(model.deal, 0), expected - model.paid, "due");
        model.paid += deals.settle(model.deal, 0);
        vm.assertEq(model.paid, expected, "paid so far");
        Deal memory d = deals.deal(model.deal);
        vm.assertEq(d.escrow, uint256(PRICE) * d.periods - expected, "escrow holds the rest");
    }

    function _count(uint64 now_) private view returns (uint256 total) {
        for (uint64 p = model.first; p <= model.end && p <= now_; ++p) {
            if (proven[p]) ++total;
        }
    }

    /// A deal of one slot that alice fills with her sector 1.
    function _filled(uint32 periods, uint32 activation) private returns (uint64 deal) {
        NewDeal memory d = _newDeal(1, alice, periods, activation);
        deal = _open(d);
        if (sectors.lastNumber(alice) == 0) _append(alice, 0);
        _activateOne(alice, 1, _activation(deal, 0, d.slots, 0));
    }
}
