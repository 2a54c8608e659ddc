// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ChallengeEvents} from "../src/ChallengeEvents.sol";
import {Challenge, ChallengeStatus} from "../src/ChallengeTypes.sol";
import {Challenges} from "../src/Challenges.sol";
import {DealEvents} from "../src/DealEvents.sol";
import {NewDeal, Slot} from "../src/DealTypes.sol";
import {ChallengeAttackWorld} from "./support/ChallengeAttackWorld.sol";
import {ChallengeDefence} from "./support/ChallengeMutants.sol";

/// @dev What a provider, a challenger or somebody between them may try with proofs, seeds and times. Each attack is
/// refused, and then succeeds against contracts without the one defence, in the same storage.
contract ChallengeAttacksTest is ChallengeAttackWorld {
    uint8 private constant MANY = 32;

    // Statements

    /// The piece fills the only sector of the tree, so that both proofs sample the same leaves.
    function test_a_window_proof_answers_no_challenge() public {
        NewDeal memory d = _newDeal(1, alice, 10, 1);
        d.slots[0] = Slot("whole", alice, 127 * 16_384, LOG2_LEAVES);
        uint64 deal = _open(d);
        _append(alice, 0);
        _activateOne(alice, 1, _activation(deal, 0, d.slots, 0));
        uint64 id = _challenge(deal, 0);
        _seeded(id);
        bytes memory window = _windowProof(alice, 0, 1);
        _refused(id, 0, window);
        bytes memory direct = _proof(id, 0);
        vm.expectRevert(REFUSED);
        sectors.proveWindow(alice, 0, 1, 0, direct);
        sectors.proveWindow(alice, 0, 1, 0, window);
        _without(ChallengeDefence.Window);
        challenges.answer(id, 0, window);
        vm.assertTrue(_answered(id), "seen on the chain, used again");
    }

    /// Two deals for the same leaves.
    function test_one_answer_serves_one_challenge() public {
        (uint64 a, uint64 b) = (_stored(alice, 1), _stored(alice, 1));
        (uint64 first, uint64 second) = (_challenge(a, 0), _challenge(b, 0));
        _seeded(first);
        bytes memory proof = _proof(first, 0);
        _refused(second, 0, proof);
        challenges.answer(first, 0, proof);
        _refused(second, 0, proof);

        _without(ChallengeDefence.Id);
        (a, b) = (_stored(alice, 1), _stored(alice, 1));
        (first, second) = (_challenge(a, 0), _challenge(b, 0));
        _seeded(first);
        proof = _prove(0, _shown(first, 0));
        challenges.answer(first, 0, proof);
        challenges.answer(second, 0, proof);
    }

    function test_the_leaves_of_another_slot_answer_nothing() public {
        uint64 deal = _stored(alice, 2);
        uint64 id = _challenge(deal, 1);
        _seeded(id);
        uint256[] memory inputs = _inputs(id, 0);
        inputs[2] -= 64 << 96;
        bytes memory other = _prove(0, inputs);
        _refused(id, 0, other);
        Challenge memory c = challenges.challengeState(id);
        c.offsetLeaves = 0;
        inputs[1] = _seedFrom(id, c, 0, 1);
        bytes memory both = _prove(0, inputs);
        _refused(id, 0, both);
        _without(ChallengeDefence.Range);
        challenges.answer(id, 0, other);
    }

    function test_another_sector_answers_nothing() public {
        uint64 deal = _stored(alice, 1);
        _append(alice, 0);
        uint64 id = _challenge(deal, 0);
        _seeded(id);
        uint256[] memory inputs = _inputs(id, 1);
        inputs[2] += 1 << 144;
        bytes memory numbered = _prove(0, inputs);
        _refused(id, 1, numbered);
        inputs[2] -= 2 << 144;
        bytes memory any = _prove(0, inputs);
        _refused(id, 1, any);
        _without(ChallengeDefence.Number);
        challenges.answer(id, 1, any);
    }

    /// In the circuit the number 0 stands for any sector, so no slot may ever name it.
    function test_no_slot_lies_in_a_sector_of_number_0() public {
        uint64 deal = _open(_newDeal(1, alice, 10, 10));
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_SectorNotOpen.selector, 0));
        this.activateIn(deal, 0);
        _append(alice, 0);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_SectorNotOpen.selector, 0));
        this.activateIn(deal, 0);
        vm.prank(bob);
        vm.assertEq(sectors.reserve(1), 1, "reserved numbers begin at 1 as well");
        this.activateIn(deal, 1);
    }

    function activateIn(uint64 deal, uint64 number) external {
        _activateOne(alice, number, _activation(deal, 0, _slots(1, alice), 0));
    }

    /// bob has lost what alice still holds, under the same number at the same place.
    function test_the_sector_of_another_provider_answers_nothing() public {
        _stored(alice, 1);
        uint64 id = _challenge(_stored(bob, 1), 0);
        _seeded(id);
        Challenge memory c = challenges.challengeState(id);
        uint256[] memory inputs = _inputs(id, 0);
        (inputs[0],) = sectors.frozen(alice, 0, 1);
        bytes memory root = _prove(0, inputs);
        vm.prank(alice);
        _refused(id, 0, root);
        c.provider = alice;
        inputs[1] = _seedFrom(id, c, 0, 1);
        bytes memory both = _prove(0, inputs);
        vm.prank(alice);
        _refused(id, 0, both);
        _without(ChallengeDefence.Provider);
        vm.prank(alice);
        challenges.answer(id, 0, both);
    }

    function test_an_answer_for_another_chain_is_refused() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        bytes memory proof = _proof(id, 0);
        uint256 here = block.chainid;
        vm.chainId(here + 1);
        _refused(id, 0, proof);
        _without(ChallengeDefence.Chain);
        proof = _prove(0, _shown(id, 0));
        vm.chainId(here);
        challenges.answer(id, 0, proof);
    }

    function test_an_answer_for_another_contract_is_refused() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        uint256[] memory inputs = _inputs(id, 0);
        Challenge memory c = challenges.challengeState(id);
        address here = address(challenges);
        challenges = Challenges(address(0x77));
        inputs[1] = _seedFrom(id, c, 0, 1);
        challenges = Challenges(here);
        bytes memory proof = _prove(0, inputs);
        _refused(id, 0, proof);
        _without(ChallengeDefence.Place);
        vm.assertTrue(challenges.seedOf(id) != _inputs(id, 0)[1], "bound to nothing");
        proof = _prove(0, _shown(id, 0));
        challenges.answer(id, 0, proof);
    }

    // Seeds

    /// A cheater whose samples are bad appends until the count gives a seed that suits it (here: one in four).
    function test_the_seed_does_not_move_with_the_tree() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        Challenge memory c = challenges.challengeState(id);
        uint256 seed = challenges.seedOf(id);
        uint256 count = 1;
        do {
            _append(alice, 0);
            ++count;
        } while (_seedFrom(id, c, count, 1) % 4 != 0);
        vm.warp(_roundTime(2) - FREEZE);
        vm.assertEq(challenges.seedOf(id), seed, "the same seed");
        uint256[] memory inputs = _inputsAt(id, 0, 2);
        inputs[1] = _seedFrom(id, c, count, 1);
        bytes memory suiting = _prove(0, inputs);
        _refused(id, 0, suiting);
        _without(ChallengeDefence.CountFree);
        challenges.answer(id, 0, suiting);
    }

    /// A provider that challenges itself with a seed it knows picks the slot whose samples suit it, and has rest from
    /// everybody else afterwards.
    function test_nobody_knows_the_seed_when_it_challenges() public {
        uint64 deal = _stored(alice, MANY);
        _toRound(1);
        _post(1);
        uint64 id = _challengeBy(alice, deal, _suiting(deal, 1));
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_RoundUnknown.selector, 2));
        challenges.seedOf(id);
        _seeded(id);
        vm.assertTrue(challenges.seedOf(id) % 8 != 0, "the search was for another seed");
        _answer(id, 0);

        _without(ChallengeDefence.Unknown);
        uint8 slot = _suiting(deal, 2);
        id = _challengeBy(alice, deal, slot);
        vm.assertTrue(challenges.seedOf(id) % 8 == 0, "the samples that suit");
        bytes memory proof = _prove(0, _inputsAt(id, 0, 2));
        challenges.answer(id, 0, proof);
        vm.expectRevert(
            abi.encodeWithSelector(ChallengeEvents.Challenges_Cooldown.selector, deal, slot, _roundTime(2) + COOLDOWN)
        );
        _challenge(deal, slot);
    }

    /// The slot whose challenge, made next, would suit if the round of `period` seeded it.
    function _suiting(uint64 deal, uint64 period) private view returns (uint8 slot) {
        uint64 id = challenges.lastChallenge() + 1;
        Challenge memory c;
        (c.provider, c.seedPeriod, c.sector, c.b) = (alice, period, 1, 6);
        for (slot = 0; slot < MANY; ++slot) {
            c.offsetLeaves = 64 * uint40(slot);
            bool free = challenges.newestOf(deal, slot) == 0;
            if (free && _seedFrom(id, c, 0, period) % 8 == 0) return slot;
        }
        revert("none suits");
    }

    function test_the_round_of_another_period_seeds_nothing() public {
        uint64 deal = _stored(alice, 1);
        _toRound(1);
        _post(1);
        uint64 id = _challenge(deal, 0);
        _seeded(id);
        Challenge memory c = challenges.challengeState(id);
        _toRound(3);
        _post(3);
        uint256[] memory inputs = _inputsAt(id, 0, 3);
        inputs[1] = _seedFrom(id, c, 0, 1);
        bytes memory before = _prove(0, inputs);
        _refused(id, 0, before);
        inputs[1] = _seedFrom(id, c, 0, 3);
        bytes memory behind = _prove(0, inputs);
        _refused(id, 0, behind);
        c.seedPeriod = 3;
        inputs[1] = _seedFrom(id, c, 0, 3);
        bytes memory whole = _prove(0, inputs);
        _refused(id, 0, whole);
        _without(ChallengeDefence.Round);
        challenges.answer(id, 0, behind);
    }

    // Times

    function test_an_answer_after_the_due_time_is_refused() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        vm.warp(_dueOf(1) + 1);
        bytes memory proof = _prove(0, _inputsAt(id, 0, 4));
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_TooLate.selector, id, _dueOf(1)));
        challenges.answer(id, 0, proof);
        _without(ChallengeDefence.Deadline);
        challenges.answer(id, 0, proof);
    }

    function test_nobody_is_slashed_before_the_due_time() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        vm.warp(_dueOf(1));
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_TooEarly.selector, id, _dueOf(1)));
        challenges.expire(id);
        _without(ChallengeDefence.Expiry);
        challenges.expire(id);
        vm.assertTrue(_status(id) == ChallengeStatus.Failed, "slashed too early");
    }

    function test_a_silent_beacon_slashes_nobody() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        vm.warp(_dueOf(1) + 1);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_TooEarly.selector, id, 0));
        challenges.expire(id);
        vm.assertEq(collateral.account(alice).total, STAKE, "no slash");
        _without(ChallengeDefence.SilentBeacon);
        challenges.expire(id);
        vm.assertTrue(_status(id) == ChallengeStatus.Failed, "slashed for a question nobody could read");
    }

    // Reorganizations of the chain

    /// A challenge is (id, slot, seed period). If the chain drops it and the same one comes back under the same number in
    /// the same period, the statement is the same and the old answer shows exactly what is asked. If another takes its
    /// number, or it comes back later, it is another statement. A reorganization deeper than the freeze time, made once the
    /// round is public, could write a challenge with samples that suit its provider in front of the round: whoever can do
    /// that can also leave every honest challenge out.
    function test_an_answer_outlives_a_reorganization_only_with_its_own_challenge() public {
        uint64 deal = _stored(alice, 2);
        uint256 fork = _snapshot();
        uint64 id = _challenge(deal, 0);
        _seeded(id);
        bytes memory proof = _proof(id, 0);

        _restore(fork);
        vm.assertEq(_challenge(deal, 1), id, "another slot under the number");
        vm.assertEq(_challenge(deal, 0), id + 1, "the same slot under another number");
        _seeded(id);
        _refused(id, 0, proof);
        _refused(id + 1, 0, proof);

        _restore(fork);
        vm.warp(_roundTime(1) - FREEZE);
        vm.assertEq(_challenge(deal, 0), id, "the same, made a period later");
        _toRound(1);
        _post(1);
        _seeded(id);
        _refused(id, 0, proof);

        _restore(fork);
        vm.prank(bob);
        vm.assertEq(challenges.challenge(deal, 0, BOND, _noPermit()), id, "the same, by somebody else");
        _seeded(id);
        challenges.answer(id, 0, proof);
        vm.assertTrue(_answered(id), "the samples are the same leaves");
    }

    function test_without_number_and_round_an_answer_would_outlive_its_challenge() public {
        uint64 deal = _stored(alice, 1);
        _without(ChallengeDefence.Id);
        uint64 twin = _stored(alice, 1);
        uint256 fork = _snapshot();
        uint64 id = _challenge(deal, 0);
        _seeded(id);
        bytes memory proof = _prove(0, _shown(id, 0));
        _restore(fork);
        _challenge(twin, 0);
        uint64 second = _challenge(deal, 0);
        _seeded(second);
        challenges.answer(second, 0, proof);
    }
}
