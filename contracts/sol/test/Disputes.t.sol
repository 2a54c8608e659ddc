// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DealEvents} from "../src/DealEvents.sol";
import {Deal, Slot, SlotState, SlotStatus} from "../src/DealTypes.sol";
import {Disputes, Evidence} from "../src/Disputes.sol";
import {Blake3} from "../src/Blake3.sol";
import {Fraud} from "../src/Fraud.sol";
import {Verifier} from "../src/Verifier.sol";
import {DisputeWorld} from "./support/DisputeWorld.sol";

interface VmEmit {
    function expectEmit(address emitter) external;
}

contract DisputesTest is DisputeWorld {
    uint256 private constant OTHER = 0x07e12;

    function _expectEmit(address emitter) private {
        VmEmit(address(vm)).expectEmit(emitter);
    }

    function _end(uint64 deal) private view returns (uint64) {
        Deal memory d = deals.deal(deal);
        return d.startPeriod + d.periods - 1;
    }

    function _checkVoided(uint64 deal, uint8 slot, address loser) private view {
        SlotState memory s = _slot(deal, slot);
        vm.assertTrue(s.status == SlotStatus.Freed, "freed");
        vm.assertEq(s.commP, 0, "no commitment");
        vm.assertEq(s.provider, loser, "whose it was");
        vm.assertEq(s.freedAt, block.timestamp, "since now");
    }

    // What a dispute does

    function test_a_false_commitment_is_voided_and_its_holder_pays() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        Evidence memory e = _false(_commP(deal, 0), _piece(0), 3);
        _expectEmit(DISPUTES);
        emit Disputes.CommitmentVoided(deal, 0, alice, _commP(deal, 0), 3, HUNTER, BOUNTY);
        _expectEmit(address(deals));
        emit DealEvents.SlotFreed(deal, 0, alice, 0);
        _send(HUNTER, deal, 0, slots, e);

        _checkVoided(deal, 0, alice);
        vm.assertEq(_total(alice), STAKE - FAULT_PART - REPAIR_PART, "both parts");
        vm.assertEq(_account(alice).faultLocked + _account(alice).repairLocked, 0, "nothing answers any more");
        vm.assertEq(collateral.bountyOf(HUNTER), BOUNTY, "half of the fault part");
        vm.assertEq(collateral.unburned(), FAULT_PART - BOUNTY, "the other half");
        vm.assertEq(collateral.potOf(deal, 0), REPAIR_PART, "waits for a repair");
        vm.assertEq(deals.deal(deal).live, 1, "one slot left");
        vm.assertEq(sectors.sector(alice, 1).liveSlots, 0, "the sector is free");
        vm.assertTrue(_slot(deal, 1).status == SlotStatus.Filled, "the other slot");
        vm.assertEq(_slot(deal, 1).commP, _commP(deal, 1), "is as it was");
        vm.assertEq(_total(bob), STAKE, "and bob's money too");
    }

    function test_what_was_proven_is_paid_and_the_rest_comes_back() public {
        (uint64 deal, Slot[] memory slots) = _two(4);
        _fullPeriod(alice, 0, 1);
        _dispute(deal, 0, slots, 3);
        vm.assertEq(deals.creditOf(alice), PRICE, "the proven period");
        _afterDeadline(_end(deal));
        deals.close(deal, 0);
        vm.assertEq(deals.creditOf(alice), PRICE, "no more");
        vm.assertEq(deals.creditOf(owner), 3 * PRICE, "the rest");
        vm.assertEq(collateral.unburned(), FAULT_PART - BOUNTY + REPAIR_PART, "nobody repaired");
    }

    function test_a_repairer_brings_another_commitment_under_the_same_right_of_dispute() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        _dispute(deal, 0, slots, 3);
        _repairWith(deal, 0, slots, OTHER);
        vm.assertEq(_slot(deal, 0).commP, OTHER, "another one");
        vm.assertEq(collateral.bountyOf(carol), REPAIR_PART / 2, "carol is paid for the repair");

        Evidence memory old = _false(_commP(deal, 0), _piece(0), 3);
        _refused(abi.encodeWithSelector(Verifier.Verifier_ProofRefused.selector), deal, 0, slots, old);
        _send(HUNTER, deal, 0, slots, _false(OTHER, _piece(0), 5));
        _checkVoided(deal, 0, carol);
        vm.assertEq(_total(carol), STAKE - PARTS, "carol pays");
        vm.assertEq(_total(alice), STAKE - PARTS, "alice paid once");
        vm.assertEq(collateral.bountyOf(HUNTER), 2 * BOUNTY, "a bounty for each false claim");
    }

    function test_a_freed_slot_is_only_voided_and_its_last_holder_pays() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        _vacate(alice, deal, 0);
        uint256 freedAt = _slot(deal, 0).freedAt;
        vm.warp(freedAt + 50);
        Evidence memory e = _false(_commP(deal, 0), _piece(0), 3);
        _expectEmit(address(deals));
        emit DealEvents.SlotFreed(deal, 0, alice, 0);
        _send(HUNTER, deal, 0, slots, e);

        SlotState memory s = _slot(deal, 0);
        vm.assertTrue(s.status == SlotStatus.Freed && s.commP == 0, "voided");
        vm.assertEq(s.freedAt, freedAt, "freed when it was");
        vm.assertEq(deals.deal(deal).live, 1, "freed once");
        vm.assertEq(collateral.potOf(deal, 0), REPAIR_PART, "one repair part");
        vm.assertEq(_total(alice), STAKE - PARTS, "the fault part beside it");
        vm.assertEq(collateral.bountyOf(HUNTER), BOUNTY, "bounty");
        _repairWith(deal, 0, slots, OTHER);
        vm.assertEq(_slot(deal, 0).commP, OTHER, "a repairer may bring another");
    }

    function test_a_freed_slot_is_voided_though_nothing_is_left_to_slash() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        _vacate(alice, deal, 0);
        _ask(alice, _total(alice));
        vm.warp(block.timestamp + DELAY);
        _take(alice);
        _dispute(deal, 0, slots, 3);
        vm.assertEq(_slot(deal, 0).commP, 0, "voided");
        vm.assertEq(collateral.bountyOf(HUNTER), 0, "no bounty");
    }

    function test_a_slash_never_takes_the_repair_parts_of_other_slots() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        _ask(alice, STAKE - PARTS);
        vm.warp(block.timestamp + DELAY);
        _take(alice);
        _vacate(alice, deal, 0);
        vm.assertEq(_total(alice), FAULT_PART, "what is left");
        _stake(alice, REPAIR_PART);
        _oneSlot(alice, 10);
        _dispute(deal, 0, slots, 3);
        vm.assertEq(_total(alice), REPAIR_PART, "the repair part of the other slot");
        vm.assertEq(_account(alice).repairLocked, REPAIR_PART, "is there");
    }

    function test_a_slot_of_an_ended_tree_or_an_ended_deal_is_disputed_until_it_is_closed() public {
        (uint64 deal, Slot[] memory slots) = _two(5);
        _idlePeriods(1, 4);
        collateral.terminate(alice, 0);
        _dispute(deal, 0, slots, 3);
        _checkVoided(deal, 0, alice);
        _afterDeadline(_end(deal) + 3);
        _dispute(deal, 1, slots, 3);
        _checkVoided(deal, 1, bob);
        deals.close(deal, 1);
        vm.assertEq(collateral.potOf(deal, 1), 0, "burned with the rest");
    }

    // Every kind of group

    function test_every_group_of_a_false_commitment_can_be_shown() public {
        // First, straddling two chunks, ending early, first and last of the padding; the last of a full piece.
        uint64[6] memory groups = [uint64(0), 8, 10, 11, 15, 15];
        for (uint256 i = 0; i < 6; ++i) {
            uint8 slot = i == 5 ? 0 : 1;
            Slot[] memory slots = _twoSlots();
            uint64 deal = _openOf(slots, 10);
            _fill(deal, slot, slots);
            Evidence memory e = _false(_commP(deal, slot), _piece(slot), groups[i]);
            uint256 expected = groups[i] == 8 ? 2 : slot == 1 && groups[i] > 10 ? 0 : 1;
            vm.assertEq(e.chunks.length, expected, "chunks");
            _send(HUNTER, deal, slot, slots, e);
            vm.assertEq(_slot(deal, slot).commP, 0, "voided");
            _stake(slots[slot].provider, PARTS);
        }
    }

    function test_no_group_of_an_honest_commitment_can_be_shown_to_differ() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        for (uint8 slot = 0; slot < 2; ++slot) {
            for (uint64 g = 0; g < 16; ++g) {
                Evidence memory e = _honest(_commP(deal, slot), _piece(slot), g);
                _refused(_notFalse(deal, slot, g), deal, slot, slots, e);
            }
        }
        vm.assertEq(_total(alice) + _total(bob), 2 * STAKE, "nobody paid");
    }

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_a_commitment_is_voided_exactly_when_its_leaves_are_not_those_of_the_piece(
        uint256 seed,
        uint256 length,
        uint256 group,
        bool honest
    ) public {
        bytes memory data = _random(seed, _bound(length, 1, 2600));
        Slot[] memory slots = new Slot[](1);
        slots[0] = _pieceSlot(alice, data);
        uint64 deal = _openOf(slots, 10);
        _fill(deal, 0, slots);
        uint64 g = uint64(group % (1 << (slots[0].b - 2)));
        Evidence memory e = _honest(_commP(deal, 0), data, g);
        if (honest) {
            _refused(_notFalse(deal, 0, g), deal, 0, slots, e);
            return;
        }
        e.leaves[seed % 4] ^= 1 << (seed >> 8) % 254;
        e.proof = _disputeProof(_commP(deal, 0), g, e.leaves);
        _send(HUNTER, deal, 0, slots, e);
        _checkVoided(deal, 0, alice);
    }

    // What is refused

    function test_an_empty_slot_has_no_commitment() public {
        Slot[] memory slots = _twoSlots();
        uint64 deal = _openOf(slots, 10);
        _fill(deal, 1, slots);
        _refused(_noCommitment(deal, 0), deal, 0, slots, _false(_commP(deal, 0), _piece(0), 3));
        _refused(_noCommitment(deal, 0), deal, 0, slots, _false(0, _piece(0), 3));
    }

    function test_a_voided_commitment_is_not_voided_again() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        _dispute(deal, 0, slots, 3);
        _refused(_noCommitment(deal, 0), deal, 0, slots, _false(_commP(deal, 0), _piece(0), 3));
        _refused(_noCommitment(deal, 0), deal, 0, slots, _false(0, _piece(0), 3));
    }

    function test_a_closed_slot_has_no_commitment() public {
        (uint64 deal, Slot[] memory slots) = _two(3);
        _vacate(bob, deal, 1);
        _afterDeadline(_end(deal));
        deals.close(deal, 0);
        deals.close(deal, 1);
        _refused(_noCommitment(deal, 0), deal, 0, slots, _false(_commP(deal, 0), _piece(0), 3));
        _refused(_noCommitment(deal, 1), deal, 1, slots, _false(_commP(deal, 1), _piece(1), 3));
    }

    function test_there_must_be_such_a_deal_and_slot() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        Evidence memory e = _false(_commP(deal, 0), _piece(0), 3);
        _refused(abi.encodeWithSelector(DealEvents.Deals_NoSuchDeal.selector, deal + 1), deal + 1, 0, slots, e);
        _refused(abi.encodeWithSelector(DealEvents.Deals_NoSuchSlot.selector, deal, 2), deal, 2, slots, e);
    }

    function test_the_slot_array_is_that_of_the_deal() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        Evidence memory e = _false(_commP(deal, 0), _piece(0), 3);
        bytes memory mismatch = abi.encodeWithSelector(Disputes.Disputes_SlotsMismatch.selector, deal);
        slots[0].byteLen -= 1;
        _refused(mismatch, deal, 0, slots, e);
        slots = _twoSlots();
        slots[0].contentId ^= bytes32(uint256(1));
        _refused(mismatch, deal, 0, slots, e);
        slots = _twoSlots();
        slots[1].b += 1;
        _refused(mismatch, deal, 0, slots, e);
        (slots[0], slots[1]) = (_twoSlots()[1], _twoSlots()[0]);
        _refused(mismatch, deal, 0, slots, e);
        Slot[] memory one = new Slot[](1);
        one[0] = _twoSlots()[0];
        _refused(mismatch, deal, 0, one, e);
        _refused(mismatch, deal, 0, new Slot[](0), e);
        _send(HUNTER, deal, 0, _twoSlots(), e);
    }

    function test_every_part_of_the_statement_needs_its_proof() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        bytes memory refused = abi.encodeWithSelector(Verifier.Verifier_ProofRefused.selector);
        Evidence memory e = _false(_commP(deal, 1), _piece(0), 3);
        _refused(refused, deal, 0, slots, e);
        e = _false(_commP(deal, 0), _piece(0), 3);
        e.group = 4;
        _refused(refused, deal, 0, slots, e);
        for (uint256 i = 0; i < 4; ++i) {
            e = _false(_commP(deal, 0), _piece(0), 3);
            e.leaves[i] ^= 2;
            _refused(refused, deal, 0, slots, e);
        }
        e = _false(_commP(deal, 0), _piece(0), 3);
        e.proof[0] ^= 0x01;
        _refused(refused, deal, 0, slots, e);
    }

    function test_the_bytes_are_shown_by_the_chunks_they_lie_in() public {
        (uint64 deal, Slot[] memory slots) = _two(10);
        uint256 commP = _commP(deal, 1);
        Evidence memory e = _false(commP, _piece(1), 8);
        e.chunks = _chunks(_piece(1), 9);
        _refused(abi.encodeWithSelector(Fraud.Fraud_ChunkCount.selector, 1, 2), deal, 1, slots, e);
        e = _false(commP, _piece(1), 8);
        (e.chunks[0], e.chunks[1]) = (e.chunks[1], e.chunks[0]);
        _refused(abi.encodeWithSelector(Blake3.Blake3_ChunkLength.selector, 276, 1024), deal, 1, slots, e);
        e = _false(commP, _piece(1), 9);
        e.chunks[0].chunk[0] ^= 0x01;
        _refused(abi.encodeWithSelector(Fraud.Fraud_ChunkRefused.selector, 1), deal, 1, slots, e);
        e = _false(commP, _piece(1), 9);
        e.chunks[0].path = new bytes32[](0);
        _refused(abi.encodeWithSelector(Blake3.Blake3_PathLength.selector, 0, 1), deal, 1, slots, e);
        e = _false(commP, _piece(1), 12);
        e.chunks = _chunks(_piece(1), 9);
        _refused(abi.encodeWithSelector(Fraud.Fraud_ChunkCount.selector, 1, 0), deal, 1, slots, e);
    }

    function test_only_disputes_and_challenges_free_slots() public {
        (uint64 deal,) = _two(10);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotAllowed.selector, address(this)));
        deals.expel(deal, 0, true);
    }
}
