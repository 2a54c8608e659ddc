// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ChallengeStatus} from "../../src/ChallengeTypes.sol";
import {Verifier} from "../../src/Verifier.sol";
import {ChallengeDefence} from "./ChallengeMutants.sol";
import {ChallengeWorld} from "./ChallengeWorld.sol";

interface Snapshots {
    function snapshotState() external returns (uint256);
    function revertToState(uint256 id) external returns (bool);
}

// Cheat codes for two futures of one state.
Snapshots constant SNAPSHOTS = Snapshots(address(uint160(uint256(keccak256("hevm cheat code")))));

/// @dev ChallengeWorld whose contracts can lose a defence.
abstract contract ChallengeAttackWorld is ChallengeWorld {
    bytes4 internal constant REFUSED = Verifier.Verifier_ProofRefused.selector;

    /// From now on `challenges` runs without the defence; storage, address and money stay.
    function _without(ChallengeDefence defence) internal {
        bytes memory arguments = abi.encode(address(token), deals, _challengeTerms(), defence);
        vm.etch(address(challenges), _deploy("ChallengeMutants.sol:MutantChallenges", arguments).code);
    }

    function _snapshot() internal returns (uint256) {
        return SNAPSHOTS.snapshotState();
    }

    function _restore(uint256 snapshot) internal {
        vm.assertTrue(SNAPSHOTS.revertToState(snapshot), "restored");
    }

    function _refused(uint64 id, uint32 index, bytes memory proof) internal {
        vm.expectRevert(REFUSED);
        challenges.answer(id, index, proof);
    }

    /// The statement of the answer with the seed that the contract (a mutant, perhaps) shows.
    function _shown(uint64 id, uint32 index) internal view returns (uint256[] memory inputs) {
        inputs = _inputs(id, index);
        inputs[1] = challenges.seedOf(id);
    }

    function _answered(uint64 id) internal view returns (bool) {
        return _status(id) == ChallengeStatus.Answered;
    }
}
