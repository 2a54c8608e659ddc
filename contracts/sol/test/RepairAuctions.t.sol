// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../src/Constants.sol";
import {DealEvents} from "../src/DealEvents.sol";
import {SlotStatus} from "../src/DealTypes.sol";
import {RepairEvents} from "../src/RepairEvents.sol";
import {Auction, AuctionOutcome} from "../src/RepairTypes.sol";
import {RepairWorld} from "./support/RepairWorld.sol";

/// @dev Sealed deals: entries, claims, the winner's exclusive right, bonds. `_sealedFreed` ends at round 3.
contract RepairAuctionsTest is RepairWorld {
    uint64 private deal;
    address private low;
    address private high;

    /// carol and dave enter for slot 0; ends at the round that ranks them, posted. `low` has the lower rank.
    function _entered(uint32 periods) private returns (uint64 period) {
        deal = _sealedFreed(periods);
        _enter(carol, deal, 0);
        _enter(dave, deal, 0);
        period = _toClaims(deal, 0, 4);
        (low, high) = _ordered(period, deal, 0, carol, dave);
    }

    /// Both claim; ends right behind the claims. Returns the next period to post.
    function _won(uint32 periods) private returns (uint64 next) {
        next = _entered(periods) + 1;
        _claim(high, deal, 0);
        _claim(low, deal, 0);
        next = _afterClaims(deal, 0, next);
    }

    function _outcome(uint32 turn) private view returns (AuctionOutcome) {
        return repairs.auction(deal, 0, turn).outcome;
    }

    function _noRight(address who, uint64 number) private {
        _repairRefused(
            who, number, _repairOf(deal, 0), _reason(RepairEvents.Repairs_NoRight.selector, deal, 0, who)
        );
    }

    function _tooEarly() private {
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_TooEarly.selector, deal, 0));
        repairs.expire(deal, 0);
    }

    function _noRefund(uint32 turn, address who) private {
        vm.assertFalse(repairs.refundable(deal, 0, turn, who), "not refundable");
        vm.expectRevert(_reason(RepairEvents.Repairs_NotRefundable.selector, deal, 0, who));
        repairs.refund(deal, 0, turn, who);
    }

    function _refunds(uint32 turn, address who) private {
        uint256 before = _credit(who);
        vm.assertTrue(repairs.refundable(deal, 0, turn, who), "refundable");
        repairs.refund(deal, 0, turn, who);
        vm.assertEq(_credit(who), before + BOND, "the bond");
        vm.expectRevert(_reason(RepairEvents.Repairs_NotEntered.selector, deal, 0, who));
        repairs.refund(deal, 0, turn, who);
        _checkBonds();
    }

    // The whole life

    function test_the_lowest_rank_wins_seals_and_fills_the_slot() public {
        uint64 next = _won(60);
        Auction memory a = repairs.auction(deal, 0, 0);
        vm.assertEq(a.best, low, "the lowest");
        vm.assertEq(a.bestRank, _rank(a.period, deal, 0, low), "the formula");
        vm.assertEq(repairs.rankOf(deal, 0, high), _rank(a.period, deal, 0, high), "a view of it");
        vm.assertEq(a.entries, 2, "entries");
        vm.assertTrue(repairs.isWinner(deal, 0, low) && !repairs.isWinner(deal, 0, high), "exclusive");
        _refunds(0, high);
        uint64 number = _seal(low, next - 1);
        _noRefund(0, low);
        _repair(low, number, deal, 0);
        vm.assertEq(deals.slotState(deal, 0).provider, low, "filled");
        vm.assertEq(collateral.bountyOf(low), uint256(PRICE) * REPAIR_PERIODS / 2, "bounty");
        vm.assertTrue(_outcome(0) == AuctionOutcome.Taken, "outcome");
        vm.assertEq(repairs.turnOf(deal, 0), 1, "turn");
        vm.assertFalse(repairs.isWinner(deal, 0, low), "used up");
        _refunds(0, low);
        vm.assertEq(repairs.openBonds(), 0, "all bonds back");
        uint256 before = token.balanceOf(bob);
        vm.prank(low);
        repairs.withdraw(bob);
        vm.assertEq(token.balanceOf(bob), before + BOND, "withdrawn");
        vm.prank(low);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NothingToWithdraw.selector, low));
        repairs.withdraw(bob);
        _checkBonds();
    }

    function test_a_slot_repaired_and_freed_again_is_auctioned_anew() public {
        uint64 next = _won(60);
        uint64 number = _seal(low, next - 1);
        _repair(low, number, deal, 0);
        _vacate(low, deal, 0);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NoAuction.selector, deal, 0));
        _claim(high, deal, 0);
        vm.expectRevert(_reason(RepairEvents.Repairs_NotEligible.selector, deal, 0, low));
        _enter(low, deal, 0);
        _enter(alice, deal, 0);
        _enter(high, deal, 0);
        vm.assertTrue(repairs.hasEntered(deal, 0, 1, high) && repairs.hasEntered(deal, 0, 0, high), "in both");
        _refunds(0, high);
        _noRefund(1, high);
    }

    // Entries

    function test_entries_are_open_for_at_least_a_period_and_end_at_the_freeze() public {
        deal = _sealedFreed(60);
        _enter(carol, deal, 0);
        Auction memory a = repairs.auction(deal, 0, 0);
        vm.assertTrue(sectors.freezeTime(a.period) > _time() + PERIOD, "at least a period");
        vm.assertTrue(sectors.freezeTime(a.period - 1) <= _time() + PERIOD, "the first such period");
        vm.warp(sectors.freezeTime(a.period) - 1);
        _enter(dave, deal, 0);
        _pass(1);
        vm.expectRevert(
            abi.encodeWithSelector(
                RepairEvents.Repairs_EntryClosed.selector, deal, 0, sectors.freezeTime(a.period)
            )
        );
        _enter(erin, deal, 0);
    }

    function test_only_who_may_and_can_repair_enters() public {
        deal = _sealedFreed(60);
        bytes4 notEligible = RepairEvents.Repairs_NotEligible.selector;
        vm.expectRevert(_reason(notEligible, deal, 0, alice));
        _enter(alice, deal, 0); // lost it
        vm.expectRevert(_reason(notEligible, deal, 0, bob));
        _enter(bob, deal, 0); // holds a sibling
        vm.expectRevert(_reason(notEligible, deal, 1, carol));
        _enter(carol, deal, 1); // not freed
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NotRegistered.selector, owner));
        _enter(owner, deal, 0);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NoSuchSlot.selector, deal, 2));
        _enter(carol, deal, 2);
        uint64 hot = _hotFreed(50);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_WrongKind.selector, hot, 0));
        _enter(carol, hot, 0);
        _enter(carol, deal, 0);
        vm.expectRevert(_reason(RepairEvents.Repairs_AlreadyEntered.selector, deal, 0, carol));
        _enter(carol, deal, 0);
        vm.assertEq(repairs.openBonds(), BOND, "one bond");
    }

    function test_who_cannot_pay_the_slot_s_collateral_does_not_enter() public {
        deal = _sealedFreed(60);
        uint256 needed = uint256(PRICE) * (FAULT_PERIODS + REPAIR_PERIODS);
        vm.prank(carol);
        collateral.requestWithdraw(STAKE - needed + 1);
        vm.expectRevert(
            abi.encodeWithSelector(RepairEvents.Repairs_CollateralTooLow.selector, carol, needed, needed - 1)
        );
        _enter(carol, deal, 0);
        vm.prank(carol);
        collateral.requestWithdraw(STAKE - needed);
        _enter(carol, deal, 0);
    }

    function test_nobody_enters_for_a_deal_that_has_ended() public {
        deal = _sealedFreed(6); // periods 4 to 9
        vm.warp(sectors.freezeTime(9) - 1);
        vm.assertTrue(deals.eligible(deal, 0, carol), "the last second");
        _pass(1);
        vm.expectRevert(_reason(RepairEvents.Repairs_NotEligible.selector, deal, 0, carol));
        _enter(carol, deal, 0);
    }

    // Claims

    function test_an_entrant_claims_once_the_round_is_known_until_claims_close() public {
        deal = _sealedFreed(60);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NoAuction.selector, deal, 0));
        _claim(carol, deal, 0);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NoAuction.selector, deal, 0));
        repairs.rankOf(deal, 0, carol);
        vm.assertEq(repairs.claimsUntil(deal, 0), 0, "no auction");
        _enter(carol, deal, 0);
        uint64 period = _auctionPeriod(deal, 0);
        vm.assertEq(repairs.claimsUntil(deal, 0), 0, "round unknown");
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_RoundUnknown.selector, period));
        _claim(carol, deal, 0);
        _toClaims(deal, 0, 4);
        vm.expectRevert(_reason(RepairEvents.Repairs_NotEntered.selector, deal, 0, dave));
        _claim(dave, deal, 0);
        uint64 until = _roundTime(period) + DUE + CLAIM_SECONDS;
        vm.assertEq(repairs.claimsUntil(deal, 0), until, "claims end");
        vm.warp(until + 1);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_ClaimsClosed.selector, deal, 0, until));
        _claim(carol, deal, 0);
        vm.warp(until);
        _claim(carol, deal, 0);
    }

    function test_a_claim_must_be_lower_than_the_one_before() public {
        uint64 period = _entered(60);
        _claim(low, deal, 0);
        (bytes32 best, bytes32 worse) = (_rank(period, deal, 0, low), _rank(period, deal, 0, high));
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NotLowest.selector, low, best, worse));
        _claim(high, deal, 0);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NotLowest.selector, low, best, best));
        _claim(low, deal, 0);
    }

    // The winner's time

    function test_the_winner_s_right_begins_behind_the_claims_and_ends_after_sealPeriods() public {
        uint64 next = _entered(60) + 1;
        uint64 early = _seal(low, next - 1); // it may have sealed before; the claims still run at the next round
        _claim(low, deal, 0);
        _postUpTo(next + 1, next + 1);
        vm.warp(repairs.claimsUntil(deal, 0));
        _noRight(low, early);
        _tooEarly();
        _pass(1);
        vm.assertTrue(repairs.isWinner(deal, 0, low), "the first second");
        _afterSealing(deal, 0, next + 2);
        _noRight(low, early);
        vm.warp(_time() - 1);
        vm.assertTrue(repairs.isWinner(deal, 0, low), "the last second");
        _tooEarly();
        _repair(low, early, deal, 0);
    }

    function test_a_winner_that_does_not_repair_loses_its_bond_and_a_new_auction_begins() public {
        uint64 next = _won(60);
        next = _afterSealing(deal, 0, next);
        vm.prank(address(0x77));
        repairs.expire(deal, 0);
        vm.assertTrue(_outcome(0) == AuctionOutcome.Failed, "outcome");
        vm.assertEq(repairs.unburned(), BOND, "lost");
        _noRefund(0, low);
        _refunds(0, high);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NoAuction.selector, deal, 0));
        repairs.expire(deal, 0);
        repairs.burn();
        vm.assertEq(token.balanceOf(Constants.BURN), BOND, "burned");
        vm.assertEq(repairs.burn(), 0, "once");
        _checkBonds();
        _enter(low, deal, 0); // who failed may try again, for another bond
        _enter(erin, deal, 0);
        vm.assertEq(repairs.auction(deal, 0, 1).entries, 2, "the next auction");
    }

    function test_an_auction_nobody_claims_costs_all_entrants_their_bonds() public {
        uint64 next = _entered(60) + 1;
        next = _afterClaims(deal, 0, next);
        vm.warp(_time() - 1);
        _tooEarly();
        _pass(1);
        repairs.expire(deal, 0);
        vm.assertTrue(_outcome(0) == AuctionOutcome.Lapsed, "outcome");
        vm.assertEq(repairs.unburned(), 2 * uint256(BOND), "both lost");
        vm.assertEq(repairs.openBonds(), 0, "none open");
        _noRefund(0, carol);
        _noRefund(0, dave);
        _checkBonds();
        _enter(carol, deal, 0);
    }

    function test_no_bond_comes_back_before_the_claims_are_over() public {
        deal = _sealedFreed(60);
        _enter(carol, deal, 0);
        _enter(dave, deal, 0);
        _noRefund(0, carol);
        uint64 period = _toClaims(deal, 0, 4);
        (low, high) = _ordered(period, deal, 0, carol, dave);
        _noRefund(0, carol);
        _claim(low, deal, 0);
        vm.warp(repairs.claimsUntil(deal, 0));
        _noRefund(0, high);
        _pass(1);
        _noRefund(0, low);
        _refunds(0, high);
        vm.expectRevert(_reason(RepairEvents.Repairs_NotEntered.selector, deal, 0, erin));
        repairs.refund(deal, 0, 0, erin);
    }

    // A silent beacon

    function test_claims_wait_for_a_round_that_comes_late() public {
        deal = _sealedFreed(60);
        _enter(carol, deal, 0);
        uint64 period = _auctionPeriod(deal, 0);
        vm.warp(_roundTime(period + 6));
        _tooEarly();
        _post(period);
        uint64 until = _time() + CLAIM_SECONDS;
        vm.assertEq(repairs.claimsUntil(deal, 0), until, "counted from the posting");
        vm.warp(until);
        _tooEarly();
        _claim(carol, deal, 0);
    }

    function test_periods_without_a_beacon_do_not_count_against_the_winner() public {
        uint64 next = _won(60);
        vm.warp(_roundTime(next + 20));
        _tooEarly();
        next += 20;
        _postUpTo(next, next + SEAL_PERIODS - 2); // with the one the claims ended in: sealPeriods
        vm.assertTrue(repairs.isWinner(deal, 0, low), "not yet");
        vm.warp(sectors.deadline(next + SEAL_PERIODS - 2));
        _tooEarly();
        _pass(1);
        vm.assertFalse(repairs.isWinner(deal, 0, low), "now");
        repairs.expire(deal, 0);
        vm.assertTrue(_outcome(0) == AuctionOutcome.Failed, "outcome");
    }

    // The deal's end

    function test_a_deal_that_ends_before_the_claims_do_costs_nobody_a_bond() public {
        _entered(3); // periods 4 to 6, and the claims run until 7
        vm.warp(sectors.freezeTime(6) - 1);
        vm.assertTrue(deals.eligible(deal, 0, carol), "the last second");
        _tooEarly();
        _pass(1);
        vm.assertFalse(deals.eligible(deal, 0, carol), "over");
        repairs.expire(deal, 0);
        vm.assertTrue(_outcome(0) == AuctionOutcome.Void, "outcome");
        _refunds(0, carol);
        _refunds(0, dave);
    }

    function test_a_deal_that_ends_before_the_winner_s_time_is_up_costs_it_no_bond() public {
        uint64 next = _won(60);
        vm.prank(owner);
        deals.endEarly(deal);
        uint64 end = sectors.openPeriod(_time());
        vm.warp(sectors.freezeTime(end) - 1);
        vm.assertTrue(repairs.isWinner(deal, 0, low), "it could still repair");
        vm.assertTrue(deals.eligible(deal, 0, low), "in the last second");
        _tooEarly();
        _postUpTo(next, end + 10); // long after, when its time would be up
        repairs.expire(deal, 0);
        vm.assertTrue(_outcome(0) == AuctionOutcome.Void, "outcome");
        _refunds(0, low);
        _refunds(0, high);
    }

    function test_a_winner_whose_time_was_up_before_the_deal_s_end_is_late_whenever_it_is_said() public {
        uint64 next = _won(30); // periods 4 to 33
        next = _afterSealing(deal, 0, next);
        _postUpTo(next, 40);
        deals.close(deal, 0);
        vm.assertTrue(deals.slotState(deal, 0).status == SlotStatus.Closed, "closed meanwhile");
        repairs.expire(deal, 0);
        vm.assertTrue(_outcome(0) == AuctionOutcome.Failed, "outcome");
        _noRefund(0, low);
    }

    function test_a_silent_beacon_holds_no_bond_beyond_the_deal_s_end() public {
        deal = _sealedFreed(10); // periods 4 to 13
        _enter(carol, deal, 0);
        vm.warp(sectors.freezeTime(13) - 1);
        _tooEarly();
        _pass(1);
        repairs.expire(deal, 0);
        _refunds(0, carol);
    }

    // Two slots

    function test_auctions_of_two_slots_are_apart_and_one_provider_fills_only_one() public {
        deal = _sealedFreed(60);
        _vacate(bob, deal, 1);
        _enter(carol, deal, 0);
        _enter(carol, deal, 1);
        _enter(dave, deal, 1);
        uint64 next = _toClaims(deal, 0, 4) + 1;
        _claim(carol, deal, 0);
        vm.expectRevert(_reason(RepairEvents.Repairs_NotEntered.selector, deal, 0, dave));
        _claim(dave, deal, 0);
        (low,) = _ordered(next - 1, deal, 1, carol, dave);
        _claim(low, deal, 1);
        next = _afterClaims(deal, 0, next);
        uint64 number = _seal(carol, next - 1);
        _repair(carol, number, deal, 0);
        vm.assertEq(repairs.turnOf(deal, 1), 0, "the other's still runs");
        _repairRefused(
            carol, number, _repairOf(deal, 1), _reason(DealEvents.Deals_NotEligible.selector, deal, 1, carol)
        );
    }
}
