// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {ChallengeEvents} from "../src/ChallengeEvents.sol";
import {Challenge, ChallengeStatus} from "../src/ChallengeTypes.sol";
import {Permit, SlotStatus} from "../src/DealTypes.sol";
import {CallingToken, FeeToken} from "./support/HostileTokens.sol";
import {ChallengeWorld} from "./support/ChallengeWorld.sol";

/// @dev How bonds come in: caps, allowances, permits, tokens that cheat.
contract ChallengeBondTest is ChallengeWorld {
    uint256 private constant KEY = 0xca401;

    function test_nobody_pays_more_than_it_wants_to() public {
        uint64 deal = _stored(alice, 3);
        _challengeBy(alice, deal, 0);
        _challengeBy(alice, deal, 1);
        vm.prank(carol);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_BondTooHigh.selector, 2 * BOND, 2 * BOND - 1));
        challenges.challenge(deal, 2, 2 * BOND - 1, _noPermit());
        vm.prank(carol);
        challenges.challenge(deal, 2, 2 * BOND, _noPermit());
    }

    function test_a_bond_needs_an_allowance_or_a_permit() public {
        uint64 deal = _stored(alice, 1);
        address dora = vm.addr(KEY);
        token.mint(dora, BOND);
        vm.prank(dora);
        vm.expectRevert(abi.encodeWithSelector(ChallengeEvents.Challenges_AllowanceTooLow.selector, BOND, 0));
        challenges.challenge(deal, 0, BOND, _noPermit());
        Permit memory p = _permit(dora);
        vm.prank(bob); // somebody else uses it first
        token.permit(dora, address(challenges), p.value, p.deadline, p.v, p.r, p.s);
        vm.prank(dora);
        challenges.challenge(deal, 0, BOND, p);
        vm.assertEq(token.balanceOf(dora), 0, "taken");
    }

    function test_a_permit_saves_the_approval() public {
        uint64 deal = _stored(alice, 1);
        address dora = vm.addr(KEY);
        token.mint(dora, BOND);
        Permit memory p = _permit(dora);
        vm.prank(dora);
        challenges.challenge(deal, 0, BOND, p);
        vm.assertEq(challenges.openBonds(), BOND, "taken");
    }

    function _permit(address dora) private view returns (Permit memory p) {
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        (p.value, p.deadline) = (BOND, type(uint64).max);
        bytes32 words = keccak256(abi.encode(typeHash, dora, address(challenges), BOND, token.nonces(dora), p.deadline));
        (p.v, p.r, p.s) = vm.sign(KEY, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), words)));
    }

    /// Puts challenges with another token in the place of the world's.
    function _withToken(address other) private {
        bytes memory arguments = abi.encode(other, deals, _challengeTerms());
        vm.etch(address(challenges), _deploy("Challenges.sol:Challenges", arguments).code);
        vm.prank(carol);
        FeeToken(other).approve(address(challenges), type(uint256).max);
        FeeToken(other).mint(carol, 1e9);
    }

    function test_a_token_that_takes_a_fee_is_refused() public {
        uint64 deal = _stored(alice, 1);
        _withToken(_deploy("HostileTokens.sol:FeeToken", ""));
        vm.expectRevert(
            abi.encodeWithSelector(ChallengeEvents.Challenges_TokenTookFee.selector, BOND, BOND * 99 / 100)
        );
        _challenge(deal, 0);
        vm.assertFalse(deals.slotState(deal, 0).challenged, "nothing stays");
    }

    function test_a_token_that_calls_back_reaches_nothing() public {
        uint64 deal = _stored(alice, 4);
        CallingToken calling = CallingToken(_deploy("HostileTokens.sol:CallingToken", ""));
        _withToken(address(calling));
        (uint64 won, uint64 open) = (_challenge(deal, 0), _challenge(deal, 1));
        _seeded(won);
        _answer(won, 0);
        bytes[5] memory calls = [
            abi.encodeCall(challenges.withdraw, (address(calling))),
            abi.encodeCall(challenges.expire, (open)),
            abi.encodeCall(challenges.answer, (open, 0, _proof(open, 0))),
            abi.encodeCall(challenges.challenge, (deal, 3, BOND, _noPermit())),
            abi.encodeCall(challenges.burn, ())
        ];
        for (uint256 i = 0; i < 5; ++i) {
            calling.aim(address(challenges), calls[i]);
            vm.prank(alice);
            vm.expectRevert(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
            challenges.withdraw(alice);
            vm.expectRevert(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
            _challenge(deal, 2);
        }
        vm.assertEq(challenges.creditOf(alice), BOND, "nothing moved");
    }
}

/// @dev Random actions; the books add up after each.
contract ChallengeMoneyTest is ChallengeWorld {
    uint256 private constant STEPS = 60;
    uint256 private constant SLOTS = 10;

    uint256 private seed;
    uint64 private period;
    uint64 private deal;

    /// forge-config: default.fuzz.runs = 32
    function testFuzz_the_books_add_up_after_every_action(uint256 seed_) public {
        _run(seed_, STEPS);
        uint64 last = challenges.lastChallenge();
        vm.warp(_roundTime(period) + 60 days);
        for (uint64 id = 1; id <= last; ++id) {
            if (_status(id) == ChallengeStatus.Open) challenges.expire(id);
        }
        _checkChallengeBooks();
        vm.assertEq(challenges.openBonds(), 0, "every challenge ends");
        for (uint8 slot = 0; slot < SLOTS; ++slot) {
            vm.assertFalse(deals.slotState(deal, slot).challenged, "and so does every mark");
        }
    }

    /// Or the test above would say little.
    function test_random_actions_reach_every_end_of_a_challenge() public {
        _run(1, 4 * STEPS);
        uint256[5] memory ends;
        for (uint64 id = 1; id <= challenges.lastChallenge(); ++id) {
            ++ends[uint256(_status(id))];
        }
        for (uint256 end = uint256(ChallengeStatus.Answered); end <= uint256(ChallengeStatus.Void); ++end) {
            vm.assertTrue(ends[end] != 0, string.concat("none ended as ", vm.toString(end)));
        }
        vm.assertTrue(challenges.newestOf(deal, 0) != 0 && token.balanceOf(address(0x99)) != 0, "and credit left");
    }

    function _run(uint256 seed_, uint256 steps) private {
        (seed, period) = (seed_, 1);
        deal = _stored(alice, SLOTS);
        for (uint256 i = 0; i < steps; ++i) {
            _act();
            _checkChallengeBooks();
        }
    }

    function _draw(uint256 size) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % size;
    }

    function _act() private {
        uint256 action = _draw(10);
        uint8 slot = uint8(_draw(SLOTS));
        address who = _draw(2) == 0 ? carol : alice;
        bytes memory permit = abi.encodeCall(challenges.challenge, (deal, slot, type(uint256).max, _noPermit()));
        if (action <= 3) _try(who, address(challenges), permit);
        if (action == 4) _nextPeriod();
        if (action == 5 && _draw(4) == 0) _try(DISPUTES, address(deals), abi.encodeCall(deals.expel, (deal, slot, false)));
        if (action == 6) _try(who, address(challenges), abi.encodeCall(challenges.withdraw, (address(0x99))));
        if (action == 7 && deals.slotState(deal, slot).status == SlotStatus.Freed) _refill(slot);
        uint64 last = challenges.lastChallenge();
        if (last == 0) return;
        uint64 id = uint64(_draw(last) + 1);
        if (action == 8) _try(who, address(challenges), abi.encodeCall(challenges.expire, (id)));
        if (action == 9) _tryAnswer(id);
    }

    /// Whoever may: bob when alice lost it, alice when bob did (each holds no other slot of the deal, or it fails).
    function _refill(uint8 slot) private {
        if (deals.slotState(deal, slot).provider != alice || _holdsAny(bob)) return;
        _repaired(deal, slot, SLOTS);
    }

    function _holdsAny(address provider) private view returns (bool) {
        for (uint8 i = 0; i < SLOTS; ++i) {
            if (deals.slotState(deal, i).provider == provider && _slotStatus(deal, i) == SlotStatus.Filled) return true;
        }
        return false;
    }

    function _tryAnswer(uint64 id) private {
        Challenge memory c = challenges.challengeState(id);
        if (challenges.dueTime(id) == 0) return;
        uint64 latest = sectors.openPeriod(_roundTime(period)) - 1;
        bytes memory proof = _prove(0, _inputsAt(id, 0, latest));
        uint256 before = challenges.creditOf(c.provider);
        if (_try(address(0x77), address(challenges), abi.encodeCall(challenges.answer, (id, 0, proof)))) {
            vm.assertEq(challenges.creditOf(c.provider), before + BOND, "the base bond, no more");
        }
    }

    function _nextPeriod() private {
        ++period;
        _toRound(period);
        if (_draw(4) != 0) _post(period);
    }

    function _try(address caller, address target, bytes memory call) private returns (bool ok) {
        vm.prank(caller);
        (ok,) = target.call(call);
    }
}
