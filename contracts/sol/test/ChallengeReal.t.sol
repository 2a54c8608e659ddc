// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../src/Constants.sol";
import {ChallengeStatus} from "../src/ChallengeTypes.sol";
import {Verifier} from "../src/Verifier.sol";
import {BatchDefence} from "./support/Mutants.sol";
import {RealChallengeWorld} from "./support/RealChallengeWorld.sol";

/// @dev Answers through the real verifier: x and x + r are the same number in a proof, so only one of them may pass.
contract ChallengeRealTest is RealChallengeWorld {
    function _blindVerifier() private {
        bytes memory code = _deploy("Mutants.sol:MutantVerifier", abi.encode(BatchDefence.InField)).code;
        vm.etch(verifier, code);
    }

    function test_a_real_proof_answers_and_a_tampered_one_does_not() public {
        uint64 id = _challenge(_stored(alice, 2), 1);
        _seeded(id);
        bytes memory proof = _proof(id, 0);
        for (uint256 i = 0; i < 3; ++i) {
            uint256[] memory inputs = _inputs(id, 0);
            inputs[i] += 1;
            bytes memory other = _prove(0, inputs);
            vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
            challenges.answer(id, 0, other);
        }
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        challenges.answer(id, 1, proof);
        challenges.answer(id, 0, proof);
        vm.assertTrue(_status(id) == ChallengeStatus.Answered, "answered");
    }

    /// Root, seed and word come from the contracts, but a root came in with an append once.
    function test_a_root_beyond_the_field_never_enters_a_tree() public {
        uint64 deal = _stored(alice, 1);
        uint256[] memory inputs = _appendInputs(alice, 0, _rootNumber(alice, 2), 2);
        bytes memory proof = _prove(1, inputs);
        uint256 twin = inputs[1] + Constants.FR;
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_InputOutOfField.selector, 1));
        sectors.append(0, twin, inputs[2], inputs[3], 0, proof);
        _blindVerifier();
        vm.prank(alice);
        sectors.append(0, twin, inputs[2], inputs[3], 0, proof);
        uint64 id = _challenge(deal, 0);
        _seeded(id);
        _answer(id, 0);
        vm.assertTrue(_status(id) == ChallengeStatus.Answered, "the same proof under a second name of the root");
    }

    /// What a caller of `answer` chooses is a place of 32 bits: it cannot reach the numbers beside it in the word.
    function test_the_place_given_cannot_spill_into_the_rest_of_the_word() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        bytes memory call = abi.encodeCall(challenges.answer, (id, 0, _proof(id, 0)));
        uint256[3] memory places = [uint256(1) << 32, Constants.FR, type(uint256).max];
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory spilt = bytes.concat(call);
            uint256 place = places[i];
            assembly ("memory-safe") {
                mstore(add(spilt, 68), place)
            }
            (bool ok,) = address(challenges).call(spilt);
            vm.assertFalse(ok, "refused by the decoder");
        }
        (bool sound,) = address(challenges).call(call);
        vm.assertTrue(sound, "the call itself is sound");
    }

    function test_the_verifier_takes_each_input_of_an_answer_under_one_name_only() public {
        uint64 id = _challenge(_stored(alice, 1), 0);
        _seeded(id);
        address key = circuits[0].key;
        bytes memory proof = _proof(id, 0);
        Verifier(verifier).verify(key, _inputs(id, 0), proof);
        uint256[][] memory twins = new uint256[][](3);
        for (uint256 i = 0; i < 3; ++i) {
            twins[i] = _inputs(id, 0);
            twins[i][i] += Constants.FR;
            vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_InputOutOfField.selector, i));
            Verifier(verifier).verify(key, twins[i], proof);
        }
        _blindVerifier();
        for (uint256 i = 0; i < 3; ++i) {
            Verifier(verifier).verify(key, twins[i], proof);
        }
    }
}
