// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ChallengeEvents} from "../src/ChallengeEvents.sol";
import {ChallengeStatus} from "../src/ChallengeTypes.sol";
import {DealEvents} from "../src/DealEvents.sol";
import {SlotStatus} from "../src/DealTypes.sol";
import {ChallengeAttackWorld} from "./support/ChallengeAttackWorld.sol";
import {ChallengeDefence} from "./support/ChallengeMutants.sol";

/// @dev What a provider may try against being asked, or against what follows; and who gets the money. Each attack is
/// refused or does not pay, and then succeeds against contracts without the one defence, in the same storage.
contract ChallengeEscapesTest is ChallengeAttackWorld {
    function _leavable() private {
        bytes memory arguments = abi.encode(address(token), providers, sectors, collateral);
        vm.etch(address(deals), _deploy("ChallengeMutants.sol:LeavableDeals", arguments).code);
    }

    function _checkSlashed(uint64 id) private view {
        vm.assertTrue(_status(id) == ChallengeStatus.Failed, "failed");
        vm.assertEq(collateral.account(alice).total, STAKE - FAULT - REPAIR, "both parts are lost");
    }

    function _checkEscaped(uint64 id) private view {
        vm.assertTrue(_status(id) == ChallengeStatus.Void, "void");
        vm.assertTrue(collateral.account(alice).total >= STAKE - REPAIR, "no fault part is lost");
    }

    function _expireAt(uint64 id, uint64 time) private {
        vm.warp(time);
        challenges.expire(id);
    }

    // Shields

    /// The provider challenges itself up to its quota; the next challenge is dearer, not impossible, and what lies above
    /// the base bonds is lost to it.
    function test_a_provider_that_fills_its_own_quota_shields_nothing() public {
        uint64 deal = _stored(alice, 5);
        for (uint8 i = 0; i < 4; ++i) {
            _challengeBy(alice, deal, i);
        }
        uint64 id = _challenge(deal, 4);
        vm.assertEq(challenges.openBonds(), (1 + 1 + 2 + 2 + 4) * BOND, "dearer");
        _seeded(id);
        for (uint64 i = 1; i <= 4; ++i) {
            _answer(i, 0);
        }
        vm.prank(alice);
        vm.assertEq(challenges.withdraw(alice), 4 * BOND, "of six bonds");
        vm.assertEq(challenges.unburned(), 2 * BOND, "two are burned");
        _expireAt(id, _dueOf(1) + 1);
        vm.assertEq(challenges.creditOf(carol), 4 * BOND, "a challenger that was right has all of it back");

        _without(ChallengeDefence.Dearer);
        deal = _stored(alice, 3);
        _challengeBy(alice, deal, 0);
        _challengeBy(alice, deal, 1);
        vm.expectRevert();
        _challenge(deal, 2);
    }

    function test_without_burning_a_full_quota_would_cost_its_provider_nothing() public {
        _without(ChallengeDefence.Burned);
        uint64 deal = _stored(alice, 4);
        for (uint8 i = 0; i < 4; ++i) {
            _challengeBy(alice, deal, i);
        }
        _seeded(1);
        for (uint64 i = 1; i <= 4; ++i) {
            _answer(i, 0);
        }
        vm.assertEq(challenges.creditOf(alice), 6 * BOND, "dearer for others, free for itself");
    }

    /// Rest is for those who answered: it ends, and begins anew only with another answer.
    function test_the_rest_after_an_answer_ends_and_protects_the_honest_one() public {
        uint64 deal = _stored(alice, 1);
        uint64 id = _challengeBy(alice, deal, 0);
        _seeded(id);
        _answer(id, 0);
        bytes memory rests = abi.encodeWithSelector(
            ChallengeEvents.Challenges_Cooldown.selector, deal, 0, _roundTime(1) + COOLDOWN
        );
        vm.expectRevert(rests);
        _challenge(deal, 0);
        vm.warp(_roundTime(1) + COOLDOWN);
        id = _challenge(deal, 0);
        _seeded(id);
        _expireAt(id, _dueOf(challenges.challengeState(id).seedPeriod) + 1);
        vm.assertTrue(_status(id) == ChallengeStatus.Failed, "self-challenged once, asked again all the same");
    }

    function test_without_rest_a_provider_would_be_asked_for_ever() public {
        uint64 deal = _stored(alice, 1);
        uint64 id = _challenge(deal, 0);
        _seeded(id);
        _answer(id, 0);
        _without(ChallengeDefence.Cooldown);
        _challenge(deal, 0);
    }

    // Escapes

    function test_a_challenged_slot_cannot_be_vacated() public {
        uint64 deal = _stored(alice, 1);
        uint64 id = _challenge(deal, 0);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_Challenged.selector, deal, 0));
        deals.vacate(deal, 0);
        _seeded(id);
        uint256 fork = _snapshot();
        _expireAt(id, _dueOf(1) + 1);
        _checkSlashed(id);
        _restore(fork);
        _leavable();
        vm.prank(alice);
        deals.vacate(deal, 0);
        _expireAt(id, _dueOf(1) + 1);
        _checkEscaped(id);
    }

    function test_a_challenged_slot_cannot_be_closed_at_the_deal_s_end() public {
        uint64 deal = _storedAt(alice, 1, 1, 0);
        uint64 id = _challenge(deal, 0);
        _seeded(id);
        _afterDeadline(1);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_Challenged.selector, deal, 0));
        deals.close(deal, 0);
        uint256 fork = _snapshot();
        _expireAt(id, _dueOf(1) + 1);
        _checkSlashed(id);
        _restore(fork);
        _leavable();
        deals.close(deal, 0);
        _expireAt(id, _dueOf(1) + 1);
        _checkEscaped(id);
    }

    /// The owner may end its deal; the provider still has to answer.
    function test_the_end_of_the_deal_saves_nobody() public {
        uint64 deal = _stored(alice, 1);
        uint64 id = _challenge(deal, 0);
        vm.prank(owner);
        deals.endEarly(deal);
        _seeded(id);
        _afterDeadline(1);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_Challenged.selector, deal, 0));
        deals.close(deal, 0);
        uint256 fork = _snapshot();
        _expireAt(id, _dueOf(1) + 1);
        _checkSlashed(id);
        deals.close(deal, 0);
        _restore(fork);
        _leavable();
        deals.close(deal, 0);
        _expireAt(id, _dueOf(1) + 1);
        _checkEscaped(id);
    }

    /// With some terms the misses that end a tree cost less than a failed challenge.
    function test_ending_the_tree_does_not_end_the_challenge() public {
        uint64 deal = _stored(alice, 1);
        uint64 id = _challenge(deal, 0);
        for (uint64 period = 1; period <= 3; ++period) {
            _toRound(period);
            _post(period);
        }
        _afterDeadline(3);
        collateral.terminate(alice, 0);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_Challenged.selector, deal, 0));
        deals.free(deal, 0);
        uint256 fork = _snapshot();
        _expireAt(id, _dueOf(1) + 1);
        _checkSlashed(id);
        _restore(fork);
        _leavable();
        deals.free(deal, 0);
        challenges.expire(id);
        _checkEscaped(id);
    }

    /// Nor is a tree that was ended a refuge while nobody has freed the slot.
    function test_the_slot_of_an_ended_tree_fails_like_any_other() public {
        uint64 deal = _stored(alice, 1);
        uint64 id = _challenge(deal, 0);
        for (uint64 period = 1; period <= 3; ++period) {
            _toRound(period);
            _post(period);
        }
        _afterDeadline(3);
        collateral.terminate(alice, 0);
        _expireAt(id, _dueOf(1) + 1);
        _checkSlashed(id);
        vm.assertTrue(_slotStatus(deal, 0) == SlotStatus.Freed, "freed");
    }

    /// The windows begin behind the challenge and cover the moment it is due.
    function test_a_window_announced_after_the_challenge_excuses_nothing() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        vm.prank(alice);
        collateral.announceMaintenance(0, 4, 2);
        _seeded(id);
        uint256 fork = _snapshot();
        vm.assertTrue(collateral.excused(alice, 0, 5), "excused when it is due");
        _expireAt(id, _dueOf(1) + 1);
        _checkSlashed(id);
        _restore(fork);
        _without(ChallengeDefence.Excuse);
        _expireAt(id, _dueOf(1) + 1);
        _checkEscaped(id);
    }

    function test_a_fault_declared_after_the_challenge_excuses_nothing() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        vm.prank(alice);
        collateral.declareFault(0, 6);
        uint256 left = collateral.account(alice).total;
        uint256 fork = _snapshot();
        _expireAt(id, _dueOf(1) + 1);
        vm.assertEq(collateral.account(alice).total, left - FAULT - REPAIR, "slashed");
        _restore(fork);
        _without(ChallengeDefence.Excuse);
        _expireAt(id, _dueOf(1) + 1);
        vm.assertTrue(_status(id) == ChallengeStatus.Void, "escaped");
    }

    // Others

    /// The slot has passed to bob; alice's old challenge must not hit it.
    function test_a_challenge_does_not_follow_the_slot_to_its_next_provider() public {
        uint64 deal = _stored(alice, 1);
        uint64 id = _challenge(deal, 0);
        vm.prank(DISPUTES);
        deals.expel(deal, 0, false);
        _repaired(deal, 0, 1);
        _seeded(id);
        uint256 total = collateral.account(alice).total;
        uint256 fork = _snapshot();
        _expireAt(id, _dueOf(1) + 1);
        vm.assertTrue(_slotStatus(deal, 0) == SlotStatus.Filled, "bob keeps it");
        vm.assertEq(collateral.account(alice).total, total, "alice pays nothing more");
        _restore(fork);
        _without(ChallengeDefence.Held);
        _expireAt(id, _dueOf(1) + 1);
        vm.assertTrue(_slotStatus(deal, 0) == SlotStatus.Freed, "bob lost it");
    }

    /// Challenges behind the end would keep a deal from being closed for ever.
    function test_a_deal_that_has_ended_cannot_be_held_open() public {
        uint64 deal = _storedAt(alice, 1, 1, 0);
        vm.warp(_roundTime(1) - FREEZE);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_DealEnded.selector, deal, 2, 1));
        _challenge(deal, 0);
        _without(ChallengeDefence.Running);
        _challenge(deal, 0);
        _afterDeadline(1);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_Challenged.selector, deal, 0));
        deals.close(deal, 0);
    }

    /// Whoever sees an answer on its way can send it first. It is the provider's work, so the provider is paid.
    function test_a_copied_answer_pays_its_provider() public {
        uint64 deal = _stored(alice, 2);
        (uint64 first, uint64 second) = (_challenge(deal, 0), _challenge(deal, 1));
        _seeded(first);
        (bytes memory a, bytes memory b) = (_proof(first, 0), _proof(second, 0));
        vm.prank(bob);
        challenges.answer(first, 0, a);
        vm.assertEq(challenges.creditOf(alice), BOND, "the provider");
        vm.assertEq(challenges.creditOf(bob), 0, "not the caller");
        _without(ChallengeDefence.Payee);
        vm.prank(bob);
        challenges.answer(second, 0, b);
        vm.assertEq(challenges.creditOf(bob), BOND, "stolen");
    }

    /// Only the challenges of this deployment mark slots, slash and expel.
    function test_challenges_of_a_stranger_touch_nothing() public {
        uint64 deal = _stored(alice, 1);
        vm.startPrank(carol);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotAllowed.selector, carol));
        deals.setChallenged(deal, 0, true);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotAllowed.selector, carol));
        deals.expel(deal, 0, false);
        vm.expectRevert();
        collateral.slashSlot(alice, PRICE, carol);
        vm.stopPrank();
    }
}
