// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RealChallengeWorld} from "./support/RealChallengeWorld.sol";

/// @dev What direct challenges cost, as Gas.t.sol does for the rest.
contract ChallengeGasTest is RealChallengeWorld {
    /// Whole-transaction bound of an answer.
    uint256 private constant ANSWER_LIMIT = 400_000;

    function _record(string memory name) private returns (uint256) {
        return vm.snapshotGasLastCall("contracts", name);
    }

    function test_gas_of_challenges() public {
        uint64 deal = _stored(alice, 4);
        string[3] memory opened = ["challenge, first of a provider", "challenge, following", "challenge, dearer"];
        for (uint8 slot = 0; slot < 3; ++slot) {
            _challenge(deal, slot);
            _record(opened[slot]);
        }
        _seeded(1);
        string[2] memory answered = ["answer, base bond", "answer, dearer bond"];
        for (uint64 i = 0; i < 2; ++i) {
            uint64 id = 1 + 2 * i;
            bytes memory proof = _proof(id, 0);
            challenges.answer(id, 0, proof);
            vm.assertLe(_record(answered[i]), ANSWER_LIMIT, "an answer is at most 400k gas");
        }
        vm.prank(alice);
        challenges.withdraw(alice);
        _record("withdraw, bonds");
        _challenge(deal, 3);
        vm.prank(DISPUTES);
        deals.expel(deal, 3, false);
        challenges.expire(4);
        _record("expire, slot ended before");
        vm.warp(_dueOf(1) + 1);
        challenges.expire(2);
        _record("expire, unanswered");
    }
}
