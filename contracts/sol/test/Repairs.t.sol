// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DealEvents} from "../src/DealEvents.sol";
import {Activation, SlotState, SlotStatus} from "../src/DealTypes.sol";
import {Deals} from "../src/Deals.sol";
import {RepairEvents} from "../src/RepairEvents.sol";
import {Repairs} from "../src/Repairs.sol";
import {RepairTerms} from "../src/RepairTypes.sol";
import {RepairWorld} from "./support/RepairWorld.sol";

/// @dev A provider that is a contract: several calls in one transaction.
contract Wallet {
    function run(address[2] calldata to, bytes[2] calldata data) external {
        for (uint256 i = 0; i < 2; ++i) {
            (bool ok,) = to[i].call(data[i]);
            require(ok);
        }
    }
}

/// @dev Hot deals: commit, reveal, first activation wins.
contract RepairsTest is RepairWorld {
    uint256 private constant BOUNTY = uint256(PRICE) * REPAIR_PERIODS / 2;

    function _noRight(uint64 deal, uint8 slot, address who) private pure returns (bytes memory) {
        return _reason(RepairEvents.Repairs_NoRight.selector, deal, slot, who);
    }

    function _holder(uint64 deal, uint8 slot) private view returns (address) {
        SlotState memory s = deals.slotState(deal, slot);
        return s.status == SlotStatus.Filled ? s.provider : address(0);
    }

    function test_a_repairer_with_a_right_fills_the_slot_and_gets_the_bounty() public {
        uint64 deal = _hotFreed(50);
        vm.assertEq(deals.slotState(deal, 0).freedAt, _time(), "the slot knows when it was freed");
        _rightTo(carol, deal, 0);
        vm.assertEq(repairs.rightUntil(deal, 0, carol), _time() + RIGHT_LIFE, "right");
        vm.assertEq(repairs.rightUntil(deal, 1, carol), 0, "to this slot");
        vm.assertEq(repairs.rightUntil(deal, 0, dave), 0, "of this provider");
        _repair(carol, 1, deal, 0);
        vm.assertEq(_holder(deal, 0), carol, "filled");
        vm.assertEq(collateral.bountyOf(carol), BOUNTY, "half of the repair part");
        vm.assertEq(collateral.account(carol).repairLocked, uint256(PRICE) * REPAIR_PERIODS, "its own part is locked");
        vm.assertEq(repairs.turnOf(deal, 0), 1, "a new turn");
        vm.assertEq(repairs.rightUntil(deal, 0, carol), 0, "used up");
        vm.assertFalse(repairs.isWinner(deal, 0, address(0)), "nobody wins a hot slot");
    }

    function test_the_first_activation_ends_all_other_rights() public {
        uint64 deal = _hotFreed(50);
        _commit(carol, deal, 0);
        _commit(dave, deal, 0);
        _pass(COMMIT_AGE);
        _reveal(carol, deal, 0);
        _reveal(dave, deal, 0);
        _repair(dave, 1, deal, 0);
        _repairRefused(
            carol, 1, _repairOf(deal, 0), _reason(DealEvents.Deals_NotYourSlot.selector, deal, 0, alice)
        );
        vm.assertEq(_holder(deal, 0), dave, "first");
    }

    function test_reveal_and_activation_may_be_one_transaction() public {
        uint64 deal = _hotFreed(50);
        Wallet wallet = new Wallet();
        address who = address(wallet);
        _join(who);
        _append(who, 0);
        vm.prank(alice);
        collateral.deposit(who, STAKE, _noPermit());
        _commit(who, deal, 0);
        _pass(COMMIT_AGE);
        Activation[] memory all = new Activation[](1);
        all[0] = _repairOf(deal, 0);
        bytes memory proof = _prove(3, _includeInputs(1, all));
        bytes memory first = abi.encodeCall(Repairs.reveal, (deal, 0, SALT));
        bytes memory second = abi.encodeCall(Deals.activate, (1, all, proof));
        wallet.run([address(repairs), address(deals)], [first, second]);
        vm.assertEq(_holder(deal, 0), who, "filled");
    }

    function test_without_a_right_nobody_fills_a_freed_slot() public {
        uint64 deal = _hotFreed(50);
        _repairRefused(carol, 1, _repairOf(deal, 0), _noRight(deal, 0, carol));
        _commit(carol, deal, 0);
        _pass(COMMIT_AGE);
        _repairRefused(carol, 1, _repairOf(deal, 0), _noRight(deal, 0, carol)); // a commit alone is none
        _reveal(carol, deal, 0);
        _repairRefused(dave, 1, _repairOf(deal, 0), _noRight(deal, 0, dave)); // another's is none
    }

    function test_a_right_lasts_rightLife_and_can_be_shown_again() public {
        uint64 deal = _hotFreed(50);
        _rightTo(carol, deal, 0);
        _pass(RIGHT_LIFE + 1);
        vm.assertEq(repairs.rightUntil(deal, 0, carol), 0, "ended");
        _repairRefused(carol, 1, _repairOf(deal, 0), _noRight(deal, 0, carol));
        _reveal(carol, deal, 0);
        _pass(RIGHT_LIFE);
        _repair(carol, 1, deal, 0);
    }

    function test_a_commit_counts_from_commitAge_to_commitLife() public {
        uint64 deal = _hotFreed(50);
        uint64 since = _time();
        _commit(carol, deal, 0);
        vm.assertEq(repairs.committedAt(_hash(deal, 0, carol, SALT)), since, "noted");
        vm.warp(since + COMMIT_AGE - 1);
        vm.expectRevert(
            abi.encodeWithSelector(RepairEvents.Repairs_CommitTooYoung.selector, since + COMMIT_AGE)
        );
        _reveal(carol, deal, 0);
        vm.warp(since + COMMIT_AGE);
        _reveal(carol, deal, 0);
        vm.warp(since + COMMIT_LIFE);
        _reveal(carol, deal, 0);
        vm.warp(since + COMMIT_LIFE + 1);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_CommitTooOld.selector, since + COMMIT_LIFE));
        _reveal(carol, deal, 0);
    }

    function test_a_hash_is_committed_once() public {
        uint64 since = _time();
        bytes32 hash = _hash(1, 0, carol, SALT);
        vm.assertEq(repairs.hashOf(1, 0, carol, SALT), hash, "the formula");
        repairs.commit(hash);
        _pass(5);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_AlreadyCommitted.selector, hash, since));
        repairs.commit(hash);
    }

    function test_a_commit_counts_for_what_it_names_only() public {
        uint64 deal = _hotFreed(50);
        uint64 other = _hotFreed(50);
        _vacate(bob, deal, 1);
        _commit(carol, deal, 0);
        _pass(COMMIT_AGE);
        _notCommitted(carol, other, 0, SALT);
        _notCommitted(carol, deal, 1, SALT);
        _notCommitted(dave, deal, 0, SALT);
        _notCommitted(carol, deal, 0, bytes32(uint256(SALT) ^ 1));
    }

    function _notCommitted(address who, uint64 deal, uint8 slot, bytes32 salt) private {
        bytes32 hash = _hash(deal, slot, who, salt);
        vm.prank(who);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NotCommitted.selector, hash));
        repairs.reveal(deal, slot, salt);
    }

    function test_only_a_freed_slot_of_a_hot_deal_is_shown() public {
        uint64 deal = _hotFreed(50);
        _notFreed(deal, 1); // filled
        uint64 empty = _openTwo(0, 50);
        _notFreed(empty, 0);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NoSuchSlot.selector, deal, 2));
        _reveal(carol, deal, 2);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NoSuchDeal.selector, 99));
        _reveal(carol, 99, 0);
        vm.warp(sectors.deadline(60));
        deals.close(deal, 0);
        _notFreed(deal, 0); // closed
        uint64 sealedDeal = _openTwo(1, 50);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_WrongKind.selector, sealedDeal, 1));
        _reveal(carol, sealedDeal, 0);
    }

    function _notFreed(uint64 deal, uint8 slot) private {
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NotFreed.selector, deal, slot));
        _reveal(carol, deal, slot);
    }

    function test_a_deal_that_has_ended_is_not_repaired() public {
        uint64 deal = _hotFreed(8); // periods 2 to 9
        vm.warp(sectors.freezeTime(9) - COMMIT_AGE - 1);
        _rightTo(carol, deal, 0);
        vm.assertTrue(deals.eligible(deal, 0, carol), "the last second");
        _pass(1);
        vm.assertFalse(deals.eligible(deal, 0, carol), "too late");
        _repairRefused(
            carol, 1, _repairOf(deal, 0), abi.encodeWithSelector(DealEvents.Deals_Ended.selector, deal, 10, 9)
        );
    }

    function test_a_slot_whose_commitment_was_false_is_repaired_with_another() public {
        uint64 deal = _hotFreed(50);
        vm.prank(DISPUTES);
        deals.expel(deal, 1, true);
        _rightTo(carol, deal, 1);
        Activation memory a = _repairOf(deal, 1);
        a.commP += 1;
        _activateOne(carol, 1, a);
        vm.assertEq(deals.slotState(deal, 1).commP, a.commP, "the new one");
    }

    function test_who_may_repair_is_a_view() public {
        uint64 deal = _hotFreed(50);
        vm.assertTrue(deals.eligible(deal, 0, carol), "a third");
        vm.assertFalse(deals.eligible(deal, 0, alice), "who lost it");
        vm.assertFalse(deals.eligible(deal, 0, bob), "a sibling's holder");
        vm.assertFalse(deals.eligible(deal, 1, carol), "a filled slot");
        _vacate(bob, deal, 1);
        vm.assertTrue(deals.eligible(deal, 0, bob), "no sibling's holder any more");
        vm.assertTrue(deals.eligible(deal, 1, alice), "who lost another");
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NoSuchSlot.selector, deal, 2));
        deals.eligible(deal, 2, carol);
    }

    function test_a_slot_freed_again_is_repaired_again() public {
        uint64 deal = _hotFreed(50);
        _rightTo(carol, deal, 0);
        _repair(carol, 1, deal, 0);
        _pass(PERIOD);
        _vacate(carol, deal, 0);
        bytes32 salt = keccak256("another");
        bytes32 hash = _hash(deal, 0, alice, salt); // who lost it the time before may
        repairs.commit(hash);
        _pass(COMMIT_AGE);
        vm.prank(alice);
        repairs.reveal(deal, 0, salt);
        _repair(alice, 1, deal, 0);
        vm.assertEq(_holder(deal, 0), alice, "back");
        vm.assertEq(repairs.turnOf(deal, 0), 2, "turns");
    }

    function test_only_deals_uses_a_right_up() public {
        uint64 deal = _hotFreed(50);
        _rightTo(carol, deal, 0);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_NotDeals.selector, carol));
        vm.prank(carol);
        repairs.take(deal, 0, carol);
    }

    function test_terms_are_shown_and_those_that_contradict_each_other_refused() public {
        RepairTerms memory t = repairs.terms();
        vm.assertEq(keccak256(abi.encode(t)), keccak256(abi.encode(_repairTerms())), "shown");
        vm.assertEq(address(repairs.token()), address(token), "token");
        vm.assertEq(address(repairs.deals()), address(deals), "deals");
        vm.assertEq(address(repairs.collateral()), address(collateral), "collateral");
        vm.assertEq(address(repairs.providers()), address(providers), "providers");
        for (uint256 i = 0; i < 9; ++i) {
            t = _repairTerms();
            if (i == 0) t.rightLife = 0;
            if (i == 1) t.rightLife = t.commitAge + 1;
            if (i == 2) t.commitLife = t.commitAge;
            if (i == 3) t.commitLife = 365 days + 1;
            if (i == 4) t.claimSeconds = 0;
            if (i == 5) t.claimSeconds = 365 days + 1;
            if (i == 6) t.sealPeriods = 0;
            if (i == 7) t.sealBond = 0;
            if (i == 8) t.rightLife = t.commitAge; // sound
            if (i < 8) vm.expectRevert(RepairEvents.Repairs_TermsRefused.selector);
            this.newRepairs(t);
        }
    }

    function newRepairs(RepairTerms memory t) external {
        _newRepairs(address(token), t);
    }
}
