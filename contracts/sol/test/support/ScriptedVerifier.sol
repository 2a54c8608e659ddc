// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Verifier} from "../../src/Verifier.sol";

/// @dev A scripted stand-in for the Verifier in tests of logic: the only "proof" it takes of (key, inputs) is their
/// hash, so that a test also pins every public input the contracts build. The Verifier has its own tests.
contract ScriptedVerifier {
    function proofOf(address key, uint256[] memory inputs) public pure returns (bytes memory) {
        return abi.encodePacked(keccak256(abi.encode(key, inputs)));
    }

    function verify(address key, uint256[] calldata inputs, bytes calldata proof) external pure {
        if (keccak256(proof) != keccak256(proofOf(key, inputs))) revert Verifier.Verifier_ProofRefused();
    }

    function verifyBatch(address key, uint256[][] calldata inputs, bytes calldata proofs) external pure {
        bytes memory all = "";
        for (uint256 i = 0; i < inputs.length; ++i) {
            all = bytes.concat(all, proofOf(key, inputs[i]));
        }
        if (keccak256(proofs) != keccak256(all)) revert Verifier.Verifier_ProofRefused();
    }

    function requireKey(address, uint256) external pure {}
}
