// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ChallengeEvents} from "../src/ChallengeEvents.sol";
import {Challenge, ChallengeStatus, ChallengeTerms} from "../src/ChallengeTypes.sol";
import {DealEvents} from "../src/DealEvents.sol";
import {SlotStatus} from "../src/DealTypes.sol";
import {Verifier} from "../src/Verifier.sol";
import {ChallengeWorld} from "./support/ChallengeWorld.sol";

contract ChallengesTest is ChallengeWorld {
    uint64 private constant SILENCE = 14 days;

    function _tooEarly(uint64 id, uint64 due) private pure returns (bytes memory) {
        return abi.encodeWithSelector(ChallengeEvents.Challenges_TooEarly.selector, id, due);
    }

    function test_an_answer_pays_the_provider_and_frees_the_slot_of_its_mark() public {
        uint64 deal = _stored(alice, 2);
        uint64 id = _challenge(deal, 1);
        Challenge memory c = challenges.challengeState(id);
        vm.assertEq(c.challenger, carol, "challenger");
        vm.assertEq(c.provider, alice, "provider");
        vm.assertTrue(c.deal == deal && c.slot == 1 && c.tree == 0 && c.sector == 1, "place");
        vm.assertTrue(c.offsetLeaves == 64 && c.b == 6 && c.seedPeriod == 1 && c.doublings == 0, "what is asked");
        vm.assertTrue(deals.slotState(deal, 1).challenged, "marked");
        vm.assertEq(token.balanceOf(address(challenges)), BOND, "the bond came in");
        vm.assertEq(challenges.dueTime(id), 0, "the clock does not run");
        _seeded(id);
        vm.assertEq(challenges.dueTime(id), _dueOf(1), "the clock runs");
        // The whole statement by hand, once: root after alice's only append, 1 sector, place 0, leaves 64..127.
        uint256[] memory inputs = new uint256[](3);
        inputs[0] = _rootNumber(alice, 1);
        inputs[1] = challenges.seedOf(id);
        inputs[2] = 1 + (1 << 64) + (64 << 96) + (6 << 136) + (1 << 144);
        vm.assertEq(inputs[1], _seedFrom(id, c, 0, 1), "seed");
        bytes memory proof = _prove(0, inputs);
        challenges.answer(id, 0, proof);
        vm.assertEq(challenges.creditOf(alice), BOND, "the provider has the bond");
        vm.assertTrue(_status(id) == ChallengeStatus.Answered, "answered");
        vm.assertFalse(deals.slotState(deal, 1).challenged, "mark gone");
        vm.assertEq(challenges.challengeState(id).endedAt, _roundTime(1), "when");
        _checkChallengeBooks();
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_NotOpen.selector, id));
        challenges.answer(id, 0, proof);
        vm.warp(_dueOf(1) + 1);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_NotOpen.selector, id));
        challenges.expire(id);
    }

    function test_silence_costs_the_provider_its_fault_part_and_the_slot() public {
        uint64 deal = _stored(alice, 2);
        uint64 id = _challenge(deal, 1);
        _seeded(id);
        vm.warp(_dueOf(1));
        vm.expectRevert(_tooEarly(id, _dueOf(1)));
        challenges.expire(id);
        vm.warp(_dueOf(1) + 1);
        bytes memory proof = _prove(0, _inputsAt(id, 0, 4));
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_TooLate.selector, id, _dueOf(1)));
        challenges.answer(id, 0, proof);
        vm.prank(bob);
        challenges.expire(id);
        vm.assertTrue(_status(id) == ChallengeStatus.Failed, "failed");
        vm.assertTrue(_slotStatus(deal, 1) == SlotStatus.Freed, "freed");
        vm.assertFalse(deals.slotState(deal, 1).challenged, "mark gone");
        vm.assertEq(collateral.account(alice).total, STAKE - FAULT - REPAIR, "fault part slashed, repair part put aside");
        vm.assertEq(collateral.potOf(deal, 1), REPAIR, "for the repair");
        vm.assertEq(collateral.bountyOf(carol), FAULT / 5, "the bounty is the challenger's, not the caller's");
        vm.assertEq(challenges.creditOf(carol), BOND, "bond back");
        vm.assertTrue(_slotStatus(deal, 0) == SlotStatus.Filled, "the other slot stays");
        _checkChallengeBooks();
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_NotOpen.selector, id));
        challenges.expire(id);
        _repaired(deal, 1, 2);
        vm.assertEq(deals.slotState(deal, 1).provider, bob, "repaired");
    }

    function test_the_last_second_counts() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        vm.warp(_dueOf(1));
        bytes memory proof = _prove(0, _inputsAt(id, 0, 4));
        challenges.answer(id, 0, proof);
        vm.assertTrue(_status(id) == ChallengeStatus.Answered, "answered");
    }

    function test_nothing_is_answered_before_the_seed_is_known() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_RoundUnknown.selector, 1));
        challenges.answer(id, 0, "");
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_RoundUnknown.selector, 1));
        challenges.seedOf(id);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_NotOpen.selector, 7));
        challenges.answer(7, 0, "");
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_NotOpen.selector, 7));
        challenges.seedOf(7);
        vm.assertEq(challenges.dueTime(7), 0, "no such challenge");
    }

    /// A slot filled and challenged after a freeze: the seed comes from the first period that holds its sector.
    function test_the_latest_frozen_state_holds_the_sector_as_soon_as_the_seed_is_known() public {
        vm.warp(_roundTime(1) - FREEZE);
        uint64 deal = _stored(alice, 1);
        uint64 id = _challenge(deal, 0);
        vm.assertEq(challenges.challengeState(id).seedPeriod, 2, "not the round that comes in six seconds");
        _toRound(1);
        _post(1);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_RoundUnknown.selector, 2));
        challenges.seedOf(id);
        _seeded(id);
        _answer(id, 0);
        vm.assertTrue(_status(id) == ChallengeStatus.Answered, "answered");
    }

    function test_a_later_state_of_the_tree_answers_too_and_one_not_frozen_does_not() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        _append(alice, 0);
        bytes memory early = _prove(0, _inputsAt(id, 0, 2));
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        challenges.answer(id, 0, early);
        vm.warp(_roundTime(2) - FREEZE);
        bytes memory stale = _prove(0, _inputsAt(id, 0, 1));
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        challenges.answer(id, 0, stale);
        challenges.answer(id, 0, early);
        vm.assertTrue(_status(id) == ChallengeStatus.Answered, "answered with the root of two sectors");
    }

    function test_the_bond_doubles_with_the_challenges_of_the_provider_and_no_further_than_the_cap() public {
        uint64 deal = _stored(alice, 35);
        token.mint(carol, 1e12);
        for (uint8 i = 0; i < 35; ++i) {
            uint256 steps = i / PER_STEP > 16 ? 16 : i / PER_STEP;
            vm.assertEq(challenges.nextBond(alice), uint256(BOND) << steps, "next bond");
            uint256 before = token.balanceOf(carol);
            _challenge(deal, i);
            vm.assertEq(before - token.balanceOf(carol), uint256(BOND) << steps, "taken");
        }
        vm.assertEq(challenges.nextBond(bob), BOND, "another provider's are no dearer");
        _checkChallengeBooks();
        _seeded(1);
        _answer(34, 0);
        vm.assertEq(challenges.creditOf(alice), BOND, "the base bond");
        vm.assertEq(challenges.unburned(), (uint256(BOND) << 16) - BOND, "the rest is nobody's");
        _checkChallengeBooks();
        vm.assertEq(challenges.burn(), (uint256(BOND) << 16) - BOND, "burned");
        vm.assertEq(token.balanceOf(address(0xdEaD)), (uint256(BOND) << 16) - BOND, "gone");
        vm.assertEq(challenges.burn(), 0, "nothing left");
        _checkChallengeBooks();
    }

    function test_a_failure_gives_the_whole_bond_back_however_dear_it_was() public {
        uint64 deal = _stored(alice, 5);
        for (uint8 i = 0; i < 5; ++i) {
            _challenge(deal, i);
        }
        _seeded(1);
        vm.warp(_dueOf(1) + 1);
        challenges.expire(5);
        vm.assertEq(challenges.creditOf(carol), 4 * BOND, "all of it");
        vm.assertEq(challenges.unburned(), 0, "nothing burned");
    }

    function test_only_a_filled_slot_of_a_deal_that_runs_is_challenged() public {
        uint64 deal = _storedAt(alice, 1, 3, 0);
        uint64 empty = _open(_newDeal(1, alice, 3, 1));
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_NotFilled.selector, empty, 0));
        _challenge(empty, 0);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NoSuchDeal.selector, 9));
        _challenge(9, 0);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NoSuchSlot.selector, deal, 1));
        _challenge(deal, 1);
        vm.warp(_roundTime(3) - FREEZE);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_DealEnded.selector, deal, 4, 3));
        _challenge(deal, 0);
        _beforeFreeze(3);
        _challenge(deal, 0);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_AlreadyChallenged.selector, deal, 0));
        _challenge(deal, 0);
    }

    function test_nobody_is_challenged_in_a_window_that_was_announced() public {
        uint64 deal = _stored(alice, 1);
        vm.prank(alice);
        collateral.announceMaintenance(0, 3, 2);
        for (uint64 period = 3; period <= 4; ++period) {
            _beforeFreeze(period);
            vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_Excused.selector, alice, 0, period));
            _challenge(deal, 0);
        }
        _beforeFreeze(2);
        _challenge(deal, 0);
    }

    function test_a_slot_of_a_tree_that_was_ended_is_freed_not_challenged() public {
        uint64 deal = _stored(alice, 1);
        for (uint64 period = 1; period <= 3; ++period) {
            _toRound(period);
            _post(period);
        }
        _afterDeadline(3);
        collateral.terminate(alice, 0);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_TreeEnded.selector, alice, 0));
        _challenge(deal, 0);
        deals.free(deal, 0);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_NotFilled.selector, deal, 0));
        _challenge(deal, 0);
    }

    function test_a_slot_that_answered_is_left_alone_for_a_while_and_so_is_no_other() public {
        uint64 deal = _stored(alice, 2);
        uint64 id = _challenge(deal, 0);
        _seeded(id);
        _answer(id, 0);
        _challenge(deal, 1);
        uint64 from = _roundTime(1) + COOLDOWN;
        vm.warp(from - 1);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_Cooldown.selector, deal, 0, from));
        _challenge(deal, 0);
        vm.warp(from);
        vm.assertEq(_challenge(deal, 0), 3, "again");
    }

    function test_the_answer_of_a_provider_shields_no_other_one() public {
        uint64 deal = _stored(alice, 2);
        uint64 id = _challenge(deal, 0);
        _seeded(id);
        _answer(id, 0);
        vm.prank(alice);
        deals.vacate(deal, 0);
        _repaired(deal, 0, 2);
        id = _challenge(deal, 0);
        vm.assertEq(challenges.challengeState(id).provider, bob, "bob is asked");
    }

    /// The slot is taken away for another reason while the challenge is open: the bond comes back at once.
    function test_a_challenge_of_a_slot_that_was_freed_is_void_and_costs_nobody_anything() public {
        uint64 deal = _stored(alice, 2);
        uint64 id = _challenge(deal, 1);
        vm.prank(DISPUTES);
        deals.expel(deal, 1, false);
        uint256 total = collateral.account(alice).total;
        _seeded(id);
        bytes memory proof = _proof(id, 0);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_SlotEnded.selector, id));
        challenges.answer(id, 0, proof);
        challenges.expire(id);
        vm.assertTrue(_status(id) == ChallengeStatus.Void, "void");
        vm.assertEq(challenges.creditOf(carol), BOND, "bond back");
        vm.assertEq(collateral.account(alice).total, total, "no slash");
        _checkChallengeBooks();
    }

    function test_an_old_challenge_touches_neither_the_next_provider_nor_its_challenge() public {
        uint64 deal = _stored(alice, 2);
        uint64 old = _challenge(deal, 1);
        vm.prank(DISPUTES);
        deals.expel(deal, 1, false);
        _repaired(deal, 1, 2);
        uint64 id = _challenge(deal, 1);
        challenges.expire(old);
        vm.assertTrue(deals.slotState(deal, 1).challenged, "bob's challenge is open");
        vm.assertEq(challenges.openOf(alice), 0, "none of alice's is");
        _seeded(id);
        _answer(id, 0);
        vm.assertEq(challenges.creditOf(bob), BOND, "bob answered");
        _checkChallengeBooks();
    }

    /// The same provider may hold the slot again, with somebody in between: what it was asked before is void.
    function test_a_challenge_ends_with_the_hold_even_if_the_provider_comes_back() public {
        uint64 deal = _stored(alice, 2);
        uint64 old = _challenge(deal, 1);
        vm.startPrank(DISPUTES);
        deals.expel(deal, 1, false);
        deals.expel(deal, 0, false);
        vm.stopPrank();
        _repaired(deal, 1, 2);
        vm.prank(bob);
        deals.vacate(deal, 1);
        _activateOne(alice, 1, _activation(deal, 1, _slots(2, alice), 64));
        _seeded(old);
        vm.warp(_dueOf(1) + 1);
        challenges.expire(old);
        vm.assertTrue(_status(old) == ChallengeStatus.Void, "void");
        vm.assertEq(deals.slotState(deal, 1).provider, alice, "alice keeps what she took again");
    }

    function test_a_round_that_comes_late_starts_the_clock_late() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        uint64 late = _dueOf(1) + 1000;
        vm.warp(late);
        vm.expectRevert(_tooEarly(id, 0));
        challenges.expire(id);
        _post(1);
        vm.assertEq(challenges.dueTime(id), late + ANSWER_DUE, "from the posting on");
        vm.warp(late + ANSWER_DUE);
        vm.expectRevert(_tooEarly(id, late + ANSWER_DUE));
        challenges.expire(id);
        vm.warp(late + ANSWER_DUE + 1);
        challenges.expire(id);
        vm.assertTrue(_status(id) == ChallengeStatus.Failed, "failed all the same");
    }

    function test_a_beacon_that_never_speaks_makes_the_challenge_void_in_the_end() public {
        uint64 deal = _stored(alice, 1);
        uint64 id = _challenge(deal, 0);
        uint64 until = _roundTime(1) + DUE + SILENCE;
        vm.warp(until);
        vm.expectRevert(_tooEarly(id, 0));
        challenges.expire(id);
        vm.warp(until + 1);
        challenges.expire(id);
        vm.assertTrue(_status(id) == ChallengeStatus.Void, "void");
        vm.assertEq(challenges.creditOf(carol), BOND, "bond back");
        vm.assertEq(collateral.account(alice).total, STAKE, "no slash");
        vm.assertFalse(deals.slotState(deal, 0).challenged, "mark gone");
        deals.close(deal, 0);
    }

    function test_a_slot_is_closed_once_its_challenge_has_ended() public {
        uint64 deal = _storedAt(alice, 2, 2, 0);
        _beforeFreeze(2);
        (uint64 first, uint64 second) = (_challenge(deal, 0), _challenge(deal, 1));
        _seeded(first);
        _afterDeadline(2);
        bytes memory refused = abi.encodeWithSelector(DealEvents.Deals_Challenged.selector, deal, 0);
        vm.expectRevert(refused);
        deals.close(deal, 0);
        bytes memory proof = _prove(0, _inputsAt(first, 0, 2));
        challenges.answer(first, 0, proof);
        deals.close(deal, 0);
        vm.warp(_dueOf(2) + 1);
        challenges.expire(second);
        deals.close(deal, 1);
        vm.assertEq(collateral.account(alice).total, STAKE - FAULT - REPAIR, "the second slot's parts are lost");
        vm.assertEq(deals.deal(deal).closed, 2, "both closed");
    }

    function test_credit_is_withdrawn_once_and_by_its_owner_only() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        _answer(id, 0);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_NothingToWithdraw.selector, bob));
        vm.prank(bob);
        challenges.withdraw(bob);
        vm.startPrank(alice);
        vm.assertEq(challenges.withdraw(address(0x99)), BOND, "amount");
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_NothingToWithdraw.selector, alice));
        challenges.withdraw(alice);
        vm.stopPrank();
        vm.assertEq(token.balanceOf(address(0x99)), BOND, "paid out");
        _checkChallengeBooks();
    }

    function test_terms_that_leave_no_time_or_cost_nothing_are_refused() public {
        ChallengeTerms[8] memory bad;
        for (uint256 i = 0; i < 8; ++i) {
            bad[i] = _challengeTerms();
        }
        bad[0].bond = 0;
        bad[1].bond = uint128(1) << 96;
        bad[2].perStep = 0;
        bad[3].answerDue = 2 * PERIOD - 1;
        bad[4].answerDue = 365 days + 1;
        bad[5].cooldown = 30 days + 1;
        for (uint256 i = 0; i < 6; ++i) {
            vm.expectRevert(ChallengeEvents.Challenges_TermsRefused.selector);
            this.deployWith(bad[i]);
        }
        bad[6].answerDue = 2 * PERIOD;
        bad[7].bond = type(uint96).max;
        this.deployWith(bad[6]);
        this.deployWith(bad[7]);
        ChallengeTerms memory t = challenges.terms();
        vm.assertTrue(t.bond == BOND && t.perStep == PER_STEP, "terms");
        vm.assertTrue(t.answerDue == ANSWER_DUE && t.cooldown == COOLDOWN, "terms");
    }

    function deployWith(ChallengeTerms memory terms) external {
        _deploy("Challenges.sol:Challenges", abi.encode(address(token), deals, terms));
    }

    function test_the_odds_count_all_samples_of_the_periods() public view {
        // 1 - 0.99^4, rounded down, and 1 - 0.5^(4 * 3)
        vm.assertEq(challenges.oddsOf(10_000, 1), 39_403_989, "one per cent, one period");
        vm.assertEq(challenges.oddsOf(500_000, 3), 999_755_859, "half, three periods");
    }
}
