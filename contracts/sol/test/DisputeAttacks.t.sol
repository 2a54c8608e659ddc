// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Blake3} from "../src/Blake3.sol";
import {ChallengeEvents} from "../src/ChallengeEvents.sol";
import {ChallengeStatus, ChallengeTerms} from "../src/ChallengeTypes.sol";
import {Challenges} from "../src/Challenges.sol";
import {CollateralBook} from "../src/CollateralBook.sol";
import {Constants} from "../src/Constants.sol";
import {DealEvents} from "../src/DealEvents.sol";
import {Slot, SlotStatus} from "../src/DealTypes.sol";
import {Disputes, Evidence} from "../src/Disputes.sol";
import {ChunkProof, Fraud} from "../src/Fraud.sol";
import {Verifier} from "../src/Verifier.sol";
import {DisputeWorld} from "./support/DisputeWorld.sol";
import {MutantDisputes, Trusting} from "./support/DisputeMutants.sol";
import {Without} from "./support/MarketMutants.sol";
import {BatchDefence} from "./support/Mutants.sol";
import {RealDisputeWorld} from "./support/RealDisputeWorld.sol";
import {SlowGroups} from "./support/SlowGroups.sol";

/// @dev What may be tried against an honest provider, or by one that is not. Each attack is refused, and then succeeds
/// against contracts without the one defence, in the same storage.
contract DisputeAttacksTest is DisputeWorld {
    function _trusting(Trusting what) private {
        _install(DISPUTES, "DisputeMutants.sol:MutantDisputes", abi.encode(deals, what));
    }

    function _trustingSaid(Trusting what, bytes32 contentId, uint64 number) private {
        _trusting(what);
        MutantDisputes(DISPUTES).say(contentId, number);
    }

    /// Against the mutant alice loses her honest commitment.
    function _succeeds(uint64 deal, uint8 slot, Slot[] memory slots, Evidence memory e) private {
        address victim = slots[slot].provider;
        uint256 before = _total(victim);
        _send(HUNTER, deal, slot, slots, e);
        vm.assertEq(_total(victim), before - PARTS, "an honest provider is slashed");
        vm.assertEq(_slot(deal, slot).commP, 0, "and its commitment void");
    }

    // Against an honest provider

    function test_honest_leaves_are_not_shown_as_false() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        Evidence memory e = _honest(_commP(deal, 0), _piece(0), 8);
        _refused(_notFalse(deal, 0, 8), deal, 0, slots, e);
        _trusting(Trusting.Comparison);
        _succeeds(deal, 0, slots, e);
    }

    function test_leaves_that_do_not_lie_under_the_commitment_show_nothing() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        Evidence memory e = _honest(_commP(deal, 0), _piece(0), 3);
        e.leaves[2] ^= 1;
        _refused(abi.encodeWithSelector(Verifier.Verifier_ProofRefused.selector), deal, 0, slots, e);
        _trusting(Trusting.Proof);
        _succeeds(deal, 0, slots, e);
    }

    function test_bytes_of_another_piece_show_nothing() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        bytes memory other = _random(77, 2032);
        Evidence memory e = _honest(_commP(deal, 0), _piece(0), 3);
        e.chunks = _chunks(other, 3);
        _refused(abi.encodeWithSelector(Fraud.Fraud_ChunkRefused.selector, 0), deal, 0, slots, e);
        _trustingSaid(Trusting.ContentId, slow.hash(other), 0);
        _succeeds(deal, 0, slots, e);
    }

    function test_bytes_of_another_slot_show_nothing() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        Evidence memory e = _honest(_commP(deal, 0), _piece(0), 3);
        e.chunks = _chunks(_piece(1), 3);
        _refused(abi.encodeWithSelector(Fraud.Fraud_ChunkRefused.selector, 0), deal, 0, slots, e);
        _trusting(Trusting.OwnSlot);
        _succeeds(deal, 0, slots, e);
    }

    /// By the length of bob's piece group 12 of alice's would be padding: zeros.
    function test_the_length_of_another_slot_turns_no_bytes_into_padding() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        Evidence memory e = _honest(_commP(deal, 0), _piece(0), 12);
        e.chunks = new ChunkProof[](0);
        _refused(abi.encodeWithSelector(Fraud.Fraud_ChunkCount.selector, 0, 1), deal, 0, slots, e);
        _trustingSaid(Trusting.ByteLen, 0, slots[1].byteLen);
        _succeeds(deal, 0, slots, e);
    }

    function test_bytes_of_another_group_or_chunk_show_nothing() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        Evidence memory e = _honest(_commP(deal, 0), _piece(0), 3);
        e.chunks = _chunks(_piece(0), 12);
        _refused(abi.encodeWithSelector(Blake3.Blake3_ChunkLength.selector, 1008, 1024), deal, 0, slots, e);
        _trustingSaid(Trusting.Group, 0, 12);
        _succeeds(deal, 0, slots, e);
    }

    function test_another_slot_array_shows_nothing() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        bytes memory other = _random(78, 2032);
        slots[0] = _pieceSlot(alice, other);
        Evidence memory e = _honest(_commP(deal, 0), _piece(0), 3);
        e.chunks = _chunks(other, 3);
        _refused(abi.encodeWithSelector(Disputes.Disputes_SlotsMismatch.selector, deal), deal, 0, slots, e);
        _trusting(Trusting.SlotArray);
        _succeeds(deal, 0, slots, e);
    }

    // By those who claimed falsely, and hunters

    function test_one_false_commitment_pays_one_bounty() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        Evidence memory e = _false(_commP(deal, 0), _piece(0), 3);
        Evidence memory other = _false(_commP(deal, 0), _piece(0), 4);
        _send(HUNTER, deal, 0, slots, e);
        _refused(_noCommitment(deal, 0), deal, 0, slots, e);
        _refused(_noCommitment(deal, 0), deal, 0, slots, other);
        vm.assertEq(collateral.bountyOf(HUNTER), BOUNTY, "one");

        _trusting(Trusting.Voiding);
        e = _false(_commP(deal, 1), _piece(1), 3);
        _send(HUNTER, deal, 1, slots, e);
        _send(HUNTER, deal, 1, slots, e);
        vm.assertEq(collateral.bountyOf(HUNTER), 3 * BOUNTY, "a second one for the same");
    }

    /// A provider that sees the dispute of its slot on its way gives the slot up before it.
    function test_nobody_keeps_the_fault_part_by_giving_the_slot_up_first() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        _vacate(alice, deal, 0);
        _dispute(deal, 0, slots, 3);
        vm.assertEq(_total(alice), STAKE - PARTS, "as if she had stayed");

        _trusting(Trusting.SlashOfTheFreed);
        _vacate(bob, deal, 1);
        _dispute(deal, 1, slots, 3);
        vm.assertEq(_total(bob), STAKE - REPAIR_PART, "the fault part is kept");
    }

    /// Giving the slot up costs the repair part alone.
    function test_a_dispute_of_ones_own_slot_costs_at_least_half_the_fault_part() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        uint256 most = STAKE - REPAIR_PART - FAULT_PART / 2;
        _send(alice, deal, 0, slots, _false(_commP(deal, 0), _piece(0), 3));
        vm.assertLe(_total(alice) + collateral.bountyOf(alice), most, "half the fault part is gone");

        _collateralWithout(Without.BountyHalf);
        _send(bob, deal, 1, slots, _false(_commP(deal, 1), _piece(1), 3));
        vm.assertTrue(_total(bob) + collateral.bountyOf(bob) > most, "nearly all of it came back");
    }

    function test_a_dispute_of_ones_own_slot_escapes_no_miss() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        _idlePeriods(1, 2);
        _send(alice, deal, 0, slots, _false(_commP(deal, 0), _piece(0), 3));
        _report(alice, 0, 1);
        vm.assertEq(_total(alice), STAKE - PARTS - MISS, "the miss costs what it did");

        _install(
            address(collateral),
            "DisputeMutants.sol:ForgetfulCollateral",
            abi.encode(token, sectors, _collateralTerms())
        );
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NotMissed.selector, alice, 0, 2));
        _report(alice, 0, 2);
    }

    function test_a_dispute_calls_no_token() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        Evidence memory e = _false(_commP(deal, 0), _piece(0), 3);
        vm.etch(address(token), hex"fe");
        _send(HUNTER, deal, 0, slots, e);
        vm.assertEq(_slot(deal, 0).commP, 0, "voided without it");
        vm.expectRevert();
        vm.prank(HUNTER);
        collateral.withdrawBounty(HUNTER);
    }

    // Beside a challenge

    function _challenged(uint64 deal, uint8 slot) private returns (Challenges challenges, uint64 id) {
        challenges = Challenges(CHALLENGES);
        token.mint(STRANGER, 1e6);
        vm.startPrank(STRANGER);
        token.approve(CHALLENGES, type(uint256).max);
        id = challenges.challenge(deal, slot, 1e6, _noPermit());
        vm.stopPrank();
        vm.assertTrue(_slot(deal, slot).challenged, "challenged");
    }

    function test_a_dispute_ends_a_challenge_and_the_bond_comes_back() public {
        ChallengeTerms memory terms = ChallengeTerms(600, 4, 2 * PERIOD, 0);
        _install(CHALLENGES, "Challenges.sol:Challenges", abi.encode(token, deals, terms));
        (uint64 deal, Slot[] memory slots) = _two(30);
        (Challenges challenges, uint64 id) = _challenged(deal, 0);
        (, uint64 second) = _challenged(deal, 1);
        _dispute(deal, 0, slots, 3);
        _dispute(deal, 1, slots, 3);
        vm.assertFalse(_slot(deal, 0).challenged, "no longer");
        challenges.expire(id);
        vm.assertTrue(challenges.challengeState(id).status == ChallengeStatus.Void, "void");
        vm.assertEq(challenges.creditOf(STRANGER), 600, "the bond");
        vm.assertEq(_total(alice), STAKE - PARTS, "slashed once, for the commitment");
        _repairWith(deal, 0, slots, 5);
        (, uint64 third) = _challenged(deal, 0);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_TooEarly.selector, third, 0));
        challenges.expire(third);

        _install(CHALLENGES, "DisputeMutants.sol:HoldingChallenges", abi.encode(token, deals, terms));
        uint64 seedPeriod = challenges.challengeState(second).seedPeriod;
        _toRound(seedPeriod);
        _post(seedPeriod);
        vm.warp(challenges.dueTime(second) + 1);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_SlotNotFilled.selector, deal, 1));
        challenges.expire(second);
    }
}

/// @dev With the real verifier: what a scripted one cannot show.
contract RealDisputeAttacksTest is RealDisputeWorld {
    function test_a_false_commitment_is_voided_by_a_real_proof() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        _dispute(deal, 1, slots, 8);
        vm.assertTrue(_slot(deal, 1).status == SlotStatus.Freed && _slot(deal, 1).commP == 0, "voided");
    }

    /// x + r is x to the circuit and another number to the comparison.
    function test_an_honest_leaf_is_not_shown_as_itself_plus_r() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        for (uint256 i = 0; i < 4; ++i) {
            Evidence memory e = _honest(_commP(deal, 0), _piece(0), 3);
            e.leaves[i] += Constants.FR;
            _refused(
                abi.encodeWithSelector(Verifier.Verifier_InputOutOfField.selector, 2 + i), deal, 0, slots, e
            );
        }
        Evidence memory shifted = _honest(_commP(deal, 0), _piece(0), 3);
        shifted.leaves[0] += Constants.FR;
        _install(verifier, "Mutants.sol:MutantVerifier", abi.encode(BatchDefence.InField));
        _send(HUNTER, deal, 0, slots, shifted);
        vm.assertEq(_total(alice), STAKE - PARTS, "an honest provider is slashed");
    }

    function test_leaves_below_r_that_are_no_254_bits_only_differ() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        uint256[4] memory leaves = SlowGroups.elements(_piece(0), 3);
        leaves[1] = Constants.FR - 1;
        _send(HUNTER, deal, 0, slots, _evidence(_commP(deal, 0), _piece(0), 3, leaves));
        vm.assertEq(_slot(deal, 0).commP, 0, "voided");
    }
}
