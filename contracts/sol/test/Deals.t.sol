// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DealEvents} from "../src/DealEvents.sol";
import {Activation, Deal, NewDeal, Slot, SlotState, SlotStatus} from "../src/DealTypes.sol";
import {Providers} from "../src/Providers.sol";
import {Sectors} from "../src/Sectors.sol";
import {Verifier} from "../src/Verifier.sol";
import {World} from "./support/World.sol";

contract OpenDealTest is World {
    function test_opening_takes_exactly_the_escrow_and_stores_the_terms() public {
        NewDeal[] memory all = new NewDeal[](2);
        all[0] = _newDeal(3, alice, 10, 2);
        all[1] = _newDeal(2, bob, 5, 1);
        uint256 before = token.balanceOf(owner);
        vm.prank(owner);
        uint64 first = deals.openMany(all, _noPermit());
        vm.assertEq(first, 1, "numbers begin at 1");
        vm.assertEq(before - token.balanceOf(owner), PRICE * (3 * 10 + 2 * 5), "taken");
        Deal memory d = deals.deal(2);
        vm.assertEq(d.owner, owner, "owner");
        vm.assertTrue(d.n == 2 && d.k == 1 && d.escrow == PRICE * 10 && d.startPeriod == 1, "terms");
        vm.assertEq(d.slotsHash, keccak256(abi.encode(all[1].slots)), "slots");
        vm.assertEq(deals.lastDeal(), 2, "two deals");
    }

    function test_a_deal_opened_after_a_freeze_starts_one_period_later() public {
        vm.warp(sectors.freezeTime(3) - 1);
        vm.assertEq(deals.deal(_open(_newDeal(1, alice, 4, 1))).startPeriod, 3, "before");
        vm.warp(sectors.freezeTime(3));
        vm.assertEq(deals.deal(_open(_newDeal(1, alice, 4, 1))).startPeriod, 4, "after");
    }

    function test_contradictory_terms_are_refused() public {
        for (uint256 i = 0; i < 10; ++i) {
            NewDeal memory d = _newDeal(2, alice, 10, 2);
            if (i == 0) d.k = 0;
            if (i == 1) d.k = 3;
            if (i == 2) d.slots = new Slot[](0);
            if (i == 3) d.slots = _slots(257, alice);
            if (i == 4) d.codeId = 0;
            if (i == 5) d.stripBytes = 0;
            if (i == 6) d.segmentBytes = 0;
            if (i == 7) d.activationPeriods = 0;
            if (i == 8) d.activationPeriods = 11;
            if (i == 9) (d.periods, d.activationPeriods) = (0, 0);
            _refused(d, abi.encodeWithSelector(DealEvents.Deals_TermsRefused.selector, 0));
        }
    }

    function test_a_deal_is_hot_or_sealed_and_nothing_else() public {
        NewDeal memory d = _newDeal(2, alice, 10, 2);
        d.kind = 1;
        vm.assertEq(deals.deal(_open(d)).kind, 1, "sealed");
        d.kind = 2;
        _refused(d, abi.encodeWithSelector(DealEvents.Deals_KindRefused.selector, 0, 2));
    }

    function test_pieces_whose_size_and_b_disagree_are_refused() public {
        for (uint256 i = 0; i < 5; ++i) {
            NewDeal memory d = _newDeal(2, alice, 10, 2);
            if (i == 0) d.slots[1].byteLen = 0;
            if (i == 1) d.slots[1].b = 5; // too small
            if (i == 2) d.slots[1].b = 7; // twice what is needed
            if (i == 3) (d.slots[1].byteLen, d.slots[1].b) = (127 << 15, LOG2_LEAVES + 1); // larger than a sector
            if (i == 4) d.slots[1].byteLen = 1 << 40;
            _refused(d, abi.encodeWithSelector(DealEvents.Deals_PieceRefused.selector, 0, 1));
        }
    }

    function testFuzz_b_is_the_least_that_holds_the_piece(uint40 byteLen, uint8 b) public {
        byteLen = uint40(_bound(byteLen, 1, 127 * (1 << (LOG2_LEAVES - 2))));
        b = uint8(_bound(b, 0, LOG2_LEAVES));
        uint8 needed = 2;
        while (uint256(127) << (needed - 2) < byteLen) {
            ++needed;
        }
        NewDeal memory d = _newDeal(1, alice, 10, 2);
        (d.slots[0].byteLen, d.slots[0].b) = (byteLen, b);
        if (b != needed) _refused(d, abi.encodeWithSelector(DealEvents.Deals_PieceRefused.selector, 0, 0));
        else _open(d);
    }

    function test_a_price_below_the_ask_or_an_unknown_provider_is_refused() public {
        // 2^6 leaves of 32 bytes are 2^-29 TiB.
        vm.prank(alice);
        providers.update("alice.example:4433", "alice", alice, uint128(PRICE) << 29);
        _open(_newDeal(1, alice, 10, 2));
        vm.prank(alice);
        providers.update("alice.example:4433", "alice", alice, (uint128(PRICE) << 29) + 1);
        NewDeal memory d = _newDeal(1, alice, 10, 2);
        _refused(d, abi.encodeWithSelector(DealEvents.Deals_PriceBelowAsk.selector, 0, 0, PRICE + 1));
        d.slots[0].provider = address(5);
        _refused(d, abi.encodeWithSelector(Providers.Providers_NotRegistered.selector, address(5)));
    }

    function test_without_allowance_nothing_opens() public {
        vm.prank(owner);
        token.approve(address(deals), PRICE * 10 - 1);
        bytes memory reason =
            abi.encodeWithSelector(DealEvents.Deals_AllowanceTooLow.selector, PRICE * 10, PRICE * 10 - 1);
        _refused(_newDeal(1, alice, 10, 2), reason);
        vm.assertEq(deals.lastDeal(), 0, "nothing");
    }

    function test_an_escrow_beyond_128_bits_is_refused() public {
        NewDeal memory d = _newDeal(2, alice, type(uint32).max, 2);
        d.pricePerSlotPeriod = type(uint128).max;
        NewDeal[] memory all = new NewDeal[](1);
        all[0] = d;
        vm.prank(owner);
        vm.expectRevert();
        deals.openMany(all, _noPermit());
    }

    function _refused(NewDeal memory d, bytes memory reason) private {
        NewDeal[] memory all = new NewDeal[](1);
        all[0] = d;
        vm.prank(owner);
        vm.expectRevert(reason);
        deals.openMany(all, _noPermit());
    }
}

contract ActivationTest is World {
    uint64 private deal;
    uint64 private number;
    Slot[] private slots;

    function setUp() public override {
        super.setUp();
        NewDeal memory d = _newDeal(4, alice, 10, 2);
        for (uint256 i = 0; i < 4; ++i) {
            slots.push(d.slots[i]);
        }
        deal = _open(d);
        number = _append(alice, 0);
    }

    function test_a_slot_is_filled_by_the_provider_it_names() public {
        _activateOne(alice, number, _activation(deal, 2, slots, 64));
        SlotState memory s = deals.slotState(deal, 2);
        vm.assertTrue(s.status == SlotStatus.Filled && s.provider == alice && s.sector == number, "filled");
        vm.assertTrue(s.firstPeriod == 1 && s.offsetLeaves == 64 && s.commP == _commP(deal, 2) && s.b == 6, "place");
        vm.assertEq(sectors.sector(alice, number).liveSlots, 1, "the sector is held to it");
        vm.assertTrue(deals.slotState(deal, 0).status == SlotStatus.Empty, "the others are not");
    }

    function test_two_slots_share_one_proof() public {
        Activation[] memory all = new Activation[](2);
        all[0] = _activation(deal, 0, slots, 0);
        all[1] = _activation(deal, 3, slots, 64);
        _activate(alice, number, all);
        vm.assertEq(sectors.sector(alice, number).liveSlots, 2, "both");
        vm.assertEq(deals.deal(deal).filled, 2, "both");
    }

    function test_a_filled_slot_cannot_be_filled_again_not_even_in_one_call() public {
        Activation[] memory twice = new Activation[](2);
        (twice[0], twice[1]) = (_activation(deal, 0, slots, 0), _activation(deal, 0, slots, 64));
        bytes memory taken = abi.encodeWithSelector(DealEvents.Deals_SlotTaken.selector, deal, 0);
        _refused(alice, twice, taken);
        _activateOne(alice, number, twice[0]);
        _refusedOne(alice, twice[1], taken);
    }

    function test_a_stranger_cannot_fill_the_slot_even_with_the_acceptance() public {
        uint64 his = _append(bob, 0);
        Activation[] memory all = new Activation[](1);
        all[0] = _activation(deal, 0, slots, 0);
        bytes memory proof = _prove(3, _includeInputs(his, all));
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotYourSlot.selector, deal, 0, alice));
        deals.activate(his, all, proof);
    }

    function test_acceptances_of_another_signer_slot_piece_or_time_are_refused() public {
        bytes memory reason = abi.encodeWithSelector(DealEvents.Deals_AcceptanceRefused.selector, deal, 0);
        Activation memory a = _activation(deal, 0, slots, 0);
        a.acceptance = _acceptance(ALICE_KEY, deal, 0, slots[0], a.expiry);
        _refusedOne(alice, a, reason);
        a.acceptance = _acceptance(OWNER_KEY, deal, 1, slots[1], a.expiry);
        _refusedOne(alice, a, reason);
        a.acceptance = _acceptance(OWNER_KEY, deal, 0, slots[1], a.expiry);
        _refusedOne(alice, a, reason);
        a.acceptance = _acceptance(OWNER_KEY, deal, 0, slots[0], a.expiry + 1);
        _refusedOne(alice, a, reason);
        a.acceptance = new bytes(65);
        _refusedOne(alice, a, reason);
        a.acceptance = "";
        _refusedOne(alice, a, reason);
        a = _activation(deal, 0, slots, 0);
        a.commP ^= 1;
        _refusedOne(alice, a, reason);
    }

    function test_the_high_s_twin_of_an_acceptance_is_refused() public {
        Activation memory a = _activation(deal, 0, slots, 0);
        bytes memory signature = a.acceptance;
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes32 r;
        uint256 s;
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        a.acceptance = abi.encodePacked(r, order - s, uint8(signature[64]) == 27 ? uint8(28) : uint8(27));
        _refusedOne(alice, a, abi.encodeWithSelector(DealEvents.Deals_AcceptanceRefused.selector, deal, 0));
    }

    function test_an_acceptance_of_another_chain_is_refused() public {
        vm.chainId(block.chainid + 1);
        Activation memory a = _activation(deal, 0, slots, 0);
        vm.chainId(block.chainid - 1);
        _refusedOne(alice, a, abi.encodeWithSelector(DealEvents.Deals_AcceptanceRefused.selector, deal, 0));
    }

    function test_an_acceptance_holds_to_the_second_of_its_expiry() public {
        Activation memory a = _activation(deal, 0, slots, 0);
        a.expiry = uint64(block.timestamp) + 5;
        a.acceptance = _acceptance(OWNER_KEY, deal, 0, slots[0], a.expiry);
        vm.warp(block.timestamp + 6);
        _refusedOne(alice, a, abi.encodeWithSelector(DealEvents.Deals_AcceptanceExpired.selector, deal, 0));
        vm.warp(block.timestamp - 1);
        _activateOne(alice, number, a);
    }

    function test_another_slot_array_is_refused() public {
        Activation memory a = _activation(deal, 0, slots, 0);
        a.slots[3].contentId = bytes32(uint256(1));
        _refusedOne(alice, a, abi.encodeWithSelector(DealEvents.Deals_SlotsMismatch.selector, deal));
    }

    function test_places_outside_the_sector_or_not_aligned_are_refused() public {
        bytes memory reason = abi.encodeWithSelector(DealEvents.Deals_OffsetRefused.selector, deal, 0);
        _refusedOne(alice, _activation(deal, 0, slots, 32), reason);
        _refusedOne(alice, _activation(deal, 0, slots, uint40(1) << LOG2_LEAVES), reason);
        _refusedOne(alice, _activation(deal, 0, slots, type(uint40).max - 63), reason);
        _activateOne(alice, number, _activation(deal, 0, slots, (uint40(1) << LOG2_LEAVES) - 64));
    }

    function test_an_include_proof_of_anything_else_is_refused() public {
        Activation[] memory all = new Activation[](1);
        all[0] = _activation(deal, 0, slots, 0);
        for (uint256 i = 0; i < 1 + 2 * uint256(WIDTH); ++i) {
            uint256[] memory inputs = _includeInputs(number, all);
            inputs[i] ^= 1;
            bytes memory proof = _prove(3, inputs);
            vm.prank(alice);
            vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
            deals.activate(number, all, proof);
        }
        vm.assertTrue(deals.slotState(deal, 0).status == SlotStatus.Empty, "nothing happened");
    }

    function test_a_retired_unknown_or_foreign_sector_holds_no_slot() public {
        Activation memory a = _activation(deal, 0, slots, 0);
        uint64 his = _append(bob, 0);
        _append(bob, 0);
        vm.assertEq(his, number, "the same number, but bob's");
        _retire(alice, alice, 0, number, 0, number);
        _refusedOne(alice, a, abi.encodeWithSelector(DealEvents.Deals_SectorNotOpen.selector, number));
        number = 2; // bob has one, alice has not
        _refusedOne(alice, a, abi.encodeWithSelector(DealEvents.Deals_SectorNotOpen.selector, 2));
    }

    function test_a_sector_with_live_slots_is_not_retired_by_anyone() public {
        _activateOne(alice, number, _activation(deal, 0, slots, 0));
        bytes memory reason = abi.encodeWithSelector(Sectors.Sectors_LiveSlots.selector, alice, number, 1);
        vm.prank(alice);
        vm.expectRevert(reason);
        sectors.retire(alice, 0, number, 0, number, EMPTY_ROOT, "");
        vm.warp(block.timestamp + 100 * PERIOD);
        vm.prank(bob);
        vm.expectRevert(reason);
        sectors.retire(alice, 0, number, 0, number, EMPTY_ROOT, "");
    }

    function test_the_activation_deadline_is_the_freeze_of_its_last_period() public {
        vm.warp(sectors.freezeTime(2) - 1);
        _activateOne(alice, number, _activation(deal, 0, slots, 0));
        vm.assertEq(deals.slotState(deal, 0).firstPeriod, 2, "earns from period 2");
        vm.warp(sectors.freezeTime(2));
        Activation memory a = _activation(deal, 1, slots, 0);
        _refusedOne(alice, a, abi.encodeWithSelector(DealEvents.Deals_TooLate.selector, deal, 3, 2));
    }

    function test_unknown_deals_and_slots_and_cancelled_deals_are_refused() public {
        Activation memory a = _activation(deal, 0, slots, 0);
        a.slot = 4;
        _refusedCall(a, abi.encodeWithSelector(DealEvents.Deals_NoSuchSlot.selector, deal, 4));
        a = _activation(deal, 0, slots, 0);
        a.deal = 99;
        _refusedOne(alice, a, abi.encodeWithSelector(DealEvents.Deals_NoSuchDeal.selector, 99));
        vm.prank(owner);
        deals.cancel(deal);
        a = _activation(deal, 0, slots, 0);
        _refusedOne(alice, a, abi.encodeWithSelector(DealEvents.Deals_Cancelled.selector, deal));
    }

    function test_a_sector_of_another_kind_than_the_deal_is_refused() public {
        NewDeal memory d = _newDeal(4, alice, 10, 3);
        d.kind = 1;
        uint64 other = _open(d);
        Activation memory a = _activation(other, 0, slots, 0);
        _refusedOne(alice, a, abi.encodeWithSelector(DealEvents.Deals_SectorKind.selector, other, number));
    }

    function test_none_or_too_many_pieces_are_refused() public {
        bytes4 selector = DealEvents.Deals_ActivationCount.selector;
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(selector, 0, 2));
        deals.activate(number, new Activation[](0), "");
        vm.expectRevert(abi.encodeWithSelector(selector, 3, 2));
        deals.activate(number, new Activation[](3), "");
    }

    function _refused(address caller, Activation[] memory all, bytes memory reason) private {
        bytes memory proof = _prove(3, _includeInputs(number, all));
        vm.prank(caller);
        vm.expectRevert(reason);
        deals.activate(number, all, proof);
    }

    function _refusedOne(address caller, Activation memory a, bytes memory reason) private {
        Activation[] memory all = new Activation[](1);
        all[0] = a;
        _refused(caller, all, reason);
    }

    function _refusedCall(Activation memory a, bytes memory reason) private {
        Activation[] memory all = new Activation[](1);
        all[0] = a;
        vm.prank(alice);
        vm.expectRevert(reason);
        deals.activate(number, all, "");
    }
}
