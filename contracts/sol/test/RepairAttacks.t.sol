// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DealEvents} from "../src/DealEvents.sol";
import {Activation, SlotStatus} from "../src/DealTypes.sol";
import {RepairEvents} from "../src/RepairEvents.sol";
import {Repairs} from "../src/Repairs.sol";
import {RepairDefence, TakeOverDefence} from "./support/RepairMutants.sol";
import {RepairWorld} from "./support/RepairWorld.sol";

/// @dev What somebody may try with the repair of a hot slot. Each attack is refused, and then succeeds against contracts
/// without the one defence, in the same storage. dave is the attacker; his sector 1 may hold any piece, so he is as
/// ready to repair as carol.
contract RepairAttacksTest is RepairWorld {
    uint64 private deal;

    function _without(RepairDefence defence) private {
        bytes memory arguments = abi.encode(token, deals, _repairTerms(), defence);
        vm.etch(address(repairs), _deploy("RepairMutants.sol:MutantRepairs", arguments).code);
    }

    function _withoutInDeals(TakeOverDefence defence) private {
        bytes memory arguments = abi.encode(token, providers, sectors, collateral, defence);
        vm.etch(address(deals), _deploy("RepairMutants.sol:MutantDeals", arguments).code);
    }

    function _refusedReveal(address who, bytes memory reason) private {
        vm.expectRevert(reason);
        _reveal(who, deal, 0);
    }

    function _noRight(address who) private {
        _repairRefused(who, 1, _repairOf(deal, 0), _reason(RepairEvents.Repairs_NoRight.selector, deal, 0, who));
    }

    function _repairs(address who) private {
        _repair(who, 1, deal, 0);
        vm.assertEq(deals.slotState(deal, 0).provider, who, "holder");
        vm.assertTrue(deals.slotState(deal, 0).status == SlotStatus.Filled, "filled");
    }

    // Before the others

    function test_who_copies_a_reveal_from_the_mempool_gets_nothing() public {
        deal = _hotFreed(50);
        uint256 before = chain.snapshotState();
        _commit(carol, deal, 0);
        _pass(COMMIT_AGE);
        // carol's reveal waits in the mempool with its salt; dave's copy of it comes first.
        bytes32 his = _hash(deal, 0, dave, SALT);
        _refusedReveal(dave, abi.encodeWithSelector(RepairEvents.Repairs_NotCommitted.selector, his));
        _reveal(carol, deal, 0);
        _repairs(carol);

        chain.revertToState(before);
        _without(RepairDefence.NamesProvider);
        repairs.commit(repairs.hashOf(deal, 0, carol, SALT));
        _pass(COMMIT_AGE);
        _reveal(dave, deal, 0);
        _repairs(dave);
    }

    function test_who_commits_on_seeing_a_reveal_comes_too_late() public {
        deal = _hotFreed(50);
        _rightTo(carol, deal, 0);
        uint64 seen = _time();
        _commit(dave, deal, 0);
        bytes memory young =
            abi.encodeWithSelector(RepairEvents.Repairs_CommitTooYoung.selector, seen + COMMIT_AGE);
        _refusedReveal(dave, young);
        vm.warp(repairs.rightUntil(deal, 0, carol)); // as long as carol's right lasts
        _refusedReveal(dave, young);
        _without(RepairDefence.OldEnough);
        _reveal(dave, deal, 0);
        _repairs(dave);
    }

    function test_who_commits_another_s_hash_again_does_not_make_it_younger() public {
        deal = _hotFreed(50);
        uint64 since = _time();
        _commit(carol, deal, 0);
        bytes32 hash = _hash(deal, 0, carol, SALT);
        _pass(COMMIT_AGE);
        vm.prank(dave);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_AlreadyCommitted.selector, hash, since));
        repairs.commit(hash);
        _reveal(carol, deal, 0);
        _without(RepairDefence.Once);
        vm.prank(dave);
        repairs.commit(hash);
        _refusedReveal(
            carol, abi.encodeWithSelector(RepairEvents.Repairs_CommitTooYoung.selector, _time() + COMMIT_AGE)
        );
    }

    function test_who_commits_to_slots_before_they_are_freed_is_not_ahead() public {
        deal = _openTwo(0, 50);
        _fillFirst(alice, 1, deal, 0);
        _fillFirst(bob, 1, deal, 1);
        uint64 since = _time();
        _commit(dave, deal, 0); // to this slot, as to all others
        _pass(COMMIT_AGE);
        _vacate(alice, deal, 0);
        _refusedReveal(
            dave, abi.encodeWithSelector(RepairEvents.Repairs_CommitBeforeFreed.selector, since, _time())
        );
        _without(RepairDefence.AfterFreed);
        _reveal(dave, deal, 0);
        _repairs(dave); // in the second in which the others learn of it
    }

    function test_a_hoard_of_commits_dies() public {
        deal = _hotFreed(50);
        uint64 since = _time();
        _commit(dave, deal, 0);
        _pass(COMMIT_LIFE + 1);
        _refusedReveal(
            dave, abi.encodeWithSelector(RepairEvents.Repairs_CommitTooOld.selector, since + COMMIT_LIFE)
        );
        _without(RepairDefence.YoungEnough);
        _reveal(dave, deal, 0);
    }

    // Old rights

    function test_a_right_is_not_kept_for_later() public {
        deal = _hotFreed(50);
        _rightTo(dave, deal, 0);
        _pass(RIGHT_LIFE + 1);
        _noRight(dave);
        _without(RepairDefence.RightLife);
        _repairs(dave);
    }

    function test_a_right_from_before_the_slot_was_freed_again_is_void() public {
        deal = _hotFreed(50);
        uint256 before = chain.snapshotState();
        _takenAndFreedAgain();
        _noRight(dave);
        _pass(1);
        chain.revertToState(before);
        _without(RepairDefence.Turn);
        _takenAndFreedAgain();
        _repairs(dave);
    }

    function test_a_commit_from_before_the_slot_was_freed_again_is_void() public {
        deal = _hotFreed(50);
        uint64 since = _time();
        _takenAndFreedAgain();
        _refusedReveal(
            dave, abi.encodeWithSelector(RepairEvents.Repairs_CommitBeforeFreed.selector, since, _time())
        );
        _without(RepairDefence.AfterFreed);
        _reveal(dave, deal, 0);
        _repairs(dave);
    }

    /// carol and dave have rights; carol repairs and gives the slot up at once.
    function _takenAndFreedAgain() private {
        _commit(dave, deal, 0);
        _rightTo(carol, deal, 0);
        _reveal(dave, deal, 0);
        _repairs(carol);
        _vacate(carol, deal, 0);
    }

    function test_a_stranger_cannot_use_a_right_up() public {
        deal = _hotFreed(50);
        _rightTo(carol, deal, 0);
        vm.prank(dave);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NotDeals.selector, dave));
        repairs.take(deal, 0, carol);
        _without(RepairDefence.OnlyDeals);
        vm.prank(dave);
        repairs.take(deal, 0, carol);
        _noRight(carol);
    }

    // A reorganized chain

    function test_a_reveal_survives_a_reorganization_and_its_salt_helps_nobody() public {
        deal = _hotFreed(50);
        bytes32 hash = _hash(deal, 0, carol, SALT);
        uint256 freed = chain.snapshotState();
        _commit(carol, deal, 0);
        _pass(COMMIT_AGE);
        uint256 committed = chain.snapshotState();
        _reveal(carol, deal, 0); // everybody knows the salt now

        // The block of the reveal is thrown away; dave is first in the new one.
        chain.revertToState(committed);
        bytes32 his = _hash(deal, 0, dave, SALT);
        repairs.commit(his);
        _refusedReveal(
            dave, abi.encodeWithSelector(RepairEvents.Repairs_CommitTooYoung.selector, _time() + COMMIT_AGE)
        );
        _reveal(carol, deal, 0);
        _repairs(carol);

        // The block of the commit, too; dave's copy of it comes first, and it is carol's commit all the same.
        chain.revertToState(freed);
        uint64 since = _time();
        vm.prank(dave);
        repairs.commit(hash);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_AlreadyCommitted.selector, hash, since));
        _commit(carol, deal, 0);
        _pass(COMMIT_AGE);
        _refusedReveal(dave, abi.encodeWithSelector(RepairEvents.Repairs_NotCommitted.selector, his));
        _reveal(carol, deal, 0);
        _repairs(carol);
    }

    // Who, and what

    function test_one_actor_under_two_accounts_loses_half_the_repair_part_at_least() public {
        deal = _openTwo(0, 50);
        _fillFirst(alice, 1, deal, 0);
        _fillFirst(bob, 1, deal, 1);
        uint256 before = chain.snapshotState();
        uint256 had = _wealth();
        _selfRepair();
        uint256 part = uint256(PRICE) * REPAIR_PERIODS;
        vm.assertLe(_wealth(), had - part / 2, "half is burned");

        chain.revertToState(before);
        bytes memory arguments = abi.encode(token, sectors, _collateralTerms());
        vm.etch(address(collateral), _deploy("RepairMutants.sol:GenerousCollateral", arguments).code);
        _selfRepair();
        vm.assertEq(_wealth(), had, "a failure would cost nothing");
    }

    /// alice gives the slot up and repairs it as dave.
    function _selfRepair() private {
        _vacate(alice, deal, 0);
        _rightTo(dave, deal, 0);
        _repairs(dave);
    }

    function _wealth() private view returns (uint256) {
        return collateral.account(alice).total + collateral.account(dave).total + collateral.bountyOf(alice)
            + collateral.bountyOf(dave);
    }

    function test_who_lost_the_slot_does_not_repair_it() public {
        _notEligible(alice);
    }

    function test_who_holds_a_sibling_does_not_repair() public {
        _notEligible(bob);
    }

    function _notEligible(address who) private {
        deal = _hotFreed(50);
        _rightTo(who, deal, 0);
        _repairRefused(
            who, 1, _repairOf(deal, 0), _reason(DealEvents.Deals_NotEligible.selector, deal, 0, who)
        );
        _withoutInDeals(TakeOverDefence.Eligible);
        _repairs(who);
    }

    function test_another_piece_is_no_repair() public {
        deal = _hotFreed(50);
        _rightTo(dave, deal, 0);
        Activation memory a = _repairOf(deal, 0);
        uint256 expected = a.commP;
        a.commP = 7; // a piece of zeros, say: it lies in his sector, as the proof shows
        _repairRefused(
            dave,
            1,
            a,
            abi.encodeWithSelector(DealEvents.Deals_CommitmentRefused.selector, deal, 0, expected, a.commP)
        );
        _withoutInDeals(TakeOverDefence.SamePiece);
        _activateOne(dave, 1, a);
        vm.assertEq(deals.slotState(deal, 0).commP, 7, "paid for zeros");
    }
}
