// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DealEvents} from "../src/DealEvents.sol";
import {RepairEvents} from "../src/RepairEvents.sol";
import {AuctionOutcome} from "../src/RepairTypes.sol";
import {RepairDefence} from "./support/RepairMutants.sol";
import {RepairWorld} from "./support/RepairWorld.sol";

/// @dev What somebody may try with the auction of a sealed slot; as RepairAttacks.t.sol. `_sealedFreed` ends at round 3.
contract RepairAuctionAttacksTest is RepairWorld {
    uint64 private deal;

    function _without(RepairDefence defence) private {
        bytes memory arguments = abi.encode(token, deals, _repairTerms(), defence);
        vm.etch(address(repairs), _deploy("RepairMutants.sol:MutantRepairs", arguments).code);
    }

    /// A new account whose rank is below `target`, found by trying; it is registered and has collateral.
    function _ground(uint64 period, bytes32 target) private returns (address found) {
        for (uint256 key = 1000; found == address(0); ++key) {
            address candidate = vm.addr(key);
            if (_rank(period, deal, 0, candidate) < target) found = candidate;
        }
        _join(found);
        token.mint(found, BOND);
        vm.prank(found);
        token.approve(address(repairs), BOND);
        vm.prank(alice);
        collateral.deposit(found, STAKE, _noPermit());
    }

    /// Two enter and the one with the lower rank claims; ends right behind the claims.
    function _claimed(address[2] memory entrants, uint64 from) private returns (address winner, uint64 next) {
        _enter(entrants[0], deal, 0);
        _enter(entrants[1], deal, 0);
        next = _toClaims(deal, 0, from);
        (winner,) = _ordered(next, deal, 0, entrants[0], entrants[1]);
        _claim(winner, deal, 0);
        next = _afterClaims(deal, 0, next + 1);
    }

    // The order

    function test_nobody_enters_once_the_order_can_be_known() public {
        deal = _sealedFreed(60);
        _enter(carol, deal, 0);
        uint64 period = _toClaims(deal, 0, 4);
        address found = _ground(period, _rank(period, deal, 0, carol));
        vm.expectRevert(
            abi.encodeWithSelector(RepairEvents.Repairs_EntryClosed.selector, deal, 0, sectors.freezeTime(period))
        );
        _enter(found, deal, 0);
        _without(RepairDefence.EntryClosed);
        _enter(found, deal, 0);
        _claim(carol, deal, 0);
        _claim(found, deal, 0);
        vm.assertEq(repairs.auction(deal, 0, 0).best, found, "ground out");
    }

    function test_the_order_comes_from_no_other_period_s_round() public {
        deal = _sealedFreed(60);
        _enter(carol, deal, 0);
        uint64 period = _auctionPeriod(deal, 0);
        vm.assertEq(period, 5, "two periods ahead");
        _post4And6();
        bytes memory unknown = abi.encodeWithSelector(RepairEvents.Repairs_RoundUnknown.selector, period);
        vm.expectRevert(unknown);
        _claim(carol, deal, 0);
        _post(period);
        _claim(carol, deal, 0);
    }

    function _post4And6() private {
        _toRound(6);
        _post(4);
        _post(6);
    }

    function test_nobody_knows_its_rank_when_it_enters() public {
        deal = _sealedFreed(60);
        _enter(carol, deal, 0);
        address found = _ground(3, _rank(3, deal, 0, carol)); // by the newest round there is
        _enter(found, deal, 0);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_RoundUnknown.selector, 5));
        _claim(found, deal, 0);
        _without(RepairDefence.Seed);
        _claim(carol, deal, 0);
        _claim(found, deal, 0);
        vm.assertEq(repairs.auction(deal, 0, 0).best, found, "ground out");
    }

    function test_nobody_begins_an_auction_so_late_that_it_is_alone() public {
        deal = _sealedFreed(60);
        uint256 before = chain.snapshotState();
        _beforeFreeze(4);
        _enter(dave, deal, 0);
        _pass(PERIOD);
        _enter(carol, deal, 0); // who learned of it a period later

        chain.revertToState(before);
        _without(RepairDefence.EntryLength);
        _beforeFreeze(4);
        _enter(dave, deal, 0);
        _pass(1);
        vm.expectRevert(
            abi.encodeWithSelector(RepairEvents.Repairs_EntryClosed.selector, deal, 0, _time())
        );
        _enter(carol, deal, 0);
    }

    function test_a_higher_rank_does_not_push_a_lower_one_out() public {
        deal = _sealedFreed(60);
        _enter(carol, deal, 0);
        _enter(dave, deal, 0);
        uint64 period = _toClaims(deal, 0, 4);
        (address low, address high) = _ordered(period, deal, 0, carol, dave);
        _claim(low, deal, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                RepairEvents.Repairs_NotLowest.selector,
                low,
                _rank(period, deal, 0, low),
                _rank(period, deal, 0, high)
            )
        );
        _claim(high, deal, 0);
        _without(RepairDefence.Lowest);
        _claim(high, deal, 0);
        vm.assertEq(repairs.auction(deal, 0, 0).best, high, "the last one");
    }

    function test_nobody_overtakes_the_winner_that_seals() public {
        deal = _sealedFreed(60);
        (address winner, uint64 next) = _claimed([carol, dave], 4);
        address loser = winner == carol ? dave : carol;
        uint64 number = _seal(loser, next - 1); // it had its replica ready, say
        _repairRefused(
            loser, number, _repairOf(deal, 0), _reason(RepairEvents.Repairs_NoRight.selector, deal, 0, loser)
        );
        _without(RepairDefence.Exclusive);
        _repair(loser, number, deal, 0);
        vm.assertEq(deals.slotState(deal, 0).provider, loser, "the winner sealed for nothing");
    }

    // Stalling

    function test_who_wins_and_does_not_repair_pays_each_time_under_whatever_name() public {
        deal = _sealedFreed(100);
        uint256 before = chain.snapshotState();
        uint256 had = _wealth();
        _stall(3);
        vm.assertEq(_wealth(), had - 3 * uint256(BOND), "a bond each time");
        _checkBonds();

        chain.revertToState(before);
        _without(RepairDefence.Lost);
        _stall(3);
        vm.assertEq(_wealth(), had, "free of charge");
    }

    /// One actor, dave and erin, enters twice, claims and does nothing, `times` times.
    function _stall(uint256 times) private {
        uint64 next = 4;
        for (uint32 i = 0; i < times; ++i) {
            (, next) = _claimed([dave, erin], next);
            next = _afterSealing(deal, 0, next);
            repairs.expire(deal, 0);
            _takeBack(i);
        }
    }

    function test_who_enters_and_does_not_claim_pays_each_time_too() public {
        deal = _sealedFreed(100);
        uint256 before = chain.snapshotState();
        uint256 had = _wealth();
        _stallByEntering(3);
        vm.assertEq(_wealth(), had - 6 * uint256(BOND), "all bonds each time");
        _checkBonds();

        chain.revertToState(before);
        _without(RepairDefence.Lost);
        _stallByEntering(3);
        vm.assertEq(_wealth(), had, "free of charge");
    }

    function _stallByEntering(uint256 times) private {
        uint64 next = 4;
        for (uint32 i = 0; i < times; ++i) {
            _enter(dave, deal, 0);
            _enter(erin, deal, 0);
            next = _toClaims(deal, 0, next) + 1;
            next = _afterClaims(deal, 0, next);
            repairs.expire(deal, 0);
            _takeBack(i);
        }
    }

    function _takeBack(uint32 turn) private {
        if (repairs.refundable(deal, 0, turn, dave)) repairs.refund(deal, 0, turn, dave);
        if (repairs.refundable(deal, 0, turn, erin)) repairs.refund(deal, 0, turn, erin);
    }

    function _wealth() private view returns (uint256) {
        return token.balanceOf(dave) + token.balanceOf(erin) + _credit(dave) + _credit(erin);
    }

    function test_entrants_who_only_stall_do_not_keep_an_honest_one_out() public {
        deal = _sealedFreed(60);
        _enter(dave, deal, 0);
        _enter(erin, deal, 0);
        _enter(carol, deal, 0);
        uint64 next = _toClaims(deal, 0, 4) + 1;
        _claim(carol, deal, 0); // whatever her rank: the others do not claim
        next = _afterClaims(deal, 0, next);
        uint64 number = _seal(carol, next - 1);
        _repair(carol, number, deal, 0);
        vm.assertEq(deals.slotState(deal, 0).provider, carol, "repaired");
    }

    function test_the_winner_does_not_take_its_bond_out_before_it_has_repaired() public {
        deal = _sealedFreed(60);
        (address winner, uint64 next) = _claimed([dave, erin], 4);
        bytes memory reason = _reason(RepairEvents.Repairs_NotRefundable.selector, deal, 0, winner);
        vm.expectRevert(reason);
        repairs.refund(deal, 0, 0, winner);
        uint256 before = chain.snapshotState();
        _afterSealing(deal, 0, next);
        repairs.expire(deal, 0);
        vm.expectRevert(reason);
        repairs.refund(deal, 0, 0, winner);
        chain.revertToState(before);
        _without(RepairDefence.Refundable);
        repairs.refund(deal, 0, 0, winner);
    }

    function test_who_can_never_fill_the_slot_does_not_win_it() public {
        deal = _sealedFreed(60);
        address[2] memory who = [alice, bob];
        for (uint256 i = 0; i < 2; ++i) {
            vm.expectRevert(_reason(RepairEvents.Repairs_NotEligible.selector, deal, 0, who[i]));
            _enter(who[i], deal, 0);
        }
        _without(RepairDefence.Entrant);
        (address winner, uint64 next) = _claimed(who, 4);
        uint64 number = _seal(winner, next - 1);
        _repairRefused(
            winner, number, _repairOf(deal, 0), _reason(DealEvents.Deals_NotEligible.selector, deal, 0, winner)
        );
    }

    function test_who_has_no_collateral_does_not_win_the_slot() public {
        deal = _sealedFreed(60);
        vm.prank(dave);
        collateral.requestWithdraw(STAKE);
        uint256 needed = uint256(PRICE) * (FAULT_PERIODS + REPAIR_PERIODS);
        vm.expectRevert(
            abi.encodeWithSelector(RepairEvents.Repairs_CollateralTooLow.selector, dave, needed, 0)
        );
        _enter(dave, deal, 0);
        _without(RepairDefence.Means);
        _enter(dave, deal, 0);
    }

    // A silent beacon

    function test_a_silent_beacon_costs_no_entrant_its_bond() public {
        deal = _sealedFreed(100);
        _enter(carol, deal, 0);
        uint64 period = _auctionPeriod(deal, 0);
        vm.warp(_roundTime(period + 5));
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_TooEarly.selector, deal, 0));
        repairs.expire(deal, 0);
        _without(RepairDefence.SilentClaims);
        repairs.expire(deal, 0);
        vm.assertTrue(repairs.auction(deal, 0, 0).outcome == AuctionOutcome.Lapsed, "lost without a fault");
        vm.assertEq(repairs.unburned(), BOND, "the bond");
    }

    function test_a_beacon_that_falls_silent_costs_no_winner_its_bond() public {
        deal = _sealedFreed(100);
        (, uint64 next) = _claimed([carol, dave], 4);
        vm.warp(_roundTime(next + SEAL_PERIODS));
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_TooEarly.selector, deal, 0));
        repairs.expire(deal, 0);
        _without(RepairDefence.SilentSealing);
        repairs.expire(deal, 0);
        vm.assertTrue(repairs.auction(deal, 0, 0).outcome == AuctionOutcome.Failed, "lost without a fault");
    }
}
