// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "./Constants.sol";
import {Precompiles} from "./Precompiles.sol";

/// @title Groth16 over BLS12-381.
/// @notice A proof (A, B, C) of public inputs x_1..x_m holds when
///     e(A, B) * e(alpha, -beta) * e(ic_0 + sum x_i ic_i, -gamma) * e(C, -delta) = 1.
/// A verifying key is the code of an account: one STOP byte, then
///     alpha 128 | -beta 256 | -gamma 256 | -delta 256 | ic_0 128 | .. | ic_m 128,
/// so that it cannot change, costs one cold account to read, and has a hash anyone can compare.
/// @dev Stateless. A check that does not hold reverts; whoever calls must never read a revert as proof of a fault,
/// because too little gas looks the same. Proofs are malleable: replay protection belongs to the statement.
contract Verifier {
    /// @notice This chain lacks the curve precompiles (or they answer wrongly).
    error Verifier_NoPrecompiles();
    /// @notice `key` is no verifying key for `inputs` public inputs.
    error Verifier_KeyRefused(address key, uint256 inputs);
    /// @notice A proof is 512 bytes.
    error Verifier_ProofLength(uint256 got);
    /// @notice Public input number `index` is not below the field's order.
    error Verifier_InputOutOfField(uint256 index);
    /// @notice The proof does not show the statement.
    error Verifier_ProofRefused();

    uint256 private constant _ALPHA_BETA = 1;
    uint256 private constant _GAMMA = 1 + 384;
    uint256 private constant _DELTA = 1 + 640;
    uint256 private constant _IC = 1 + 896;

    /// @dev Known answers: e(G, H) e(-G, H) = 1, e(G, H) != 1, 2 G by multiplication equals G + G.
    constructor() {
        bytes memory pair = bytes.concat(Constants.G1_GENERATOR, Constants.G2_GENERATOR);
        bytes memory negated = bytes.concat(Constants.G1_GENERATOR_NEGATED, Constants.G2_GENERATOR);
        (bool added, bytes memory sum) = Precompiles.g1Add(Constants.G1_GENERATOR, Constants.G1_GENERATOR);
        (bool multiplied, bytes memory twice) = Precompiles.g1Msm(abi.encodePacked(Constants.G1_GENERATOR, uint256(2)));
        bool sound = Precompiles.pairing(bytes.concat(pair, negated)) && !Precompiles.pairing(pair) && added
            && multiplied && keccak256(sum) == keccak256(twice);
        if (!sound) revert Verifier_NoPrecompiles();
    }

    /// @notice Returns when the proof shows the statement, reverts otherwise. Anyone; no money; reads the key's code,
    /// one multi-scalar multiplication over the inputs and one pairing of four pairs.
    /// Reverts: Verifier_ProofLength, Verifier_KeyRefused, Verifier_InputOutOfField, Verifier_ProofRefused.
    /// @param key account whose code is the verifying key
    /// @param inputs public inputs, each below the field's order
    /// @param proof A 128 | B 256 | C 128
    function verify(address key, uint256[] calldata inputs, bytes calldata proof) external view {
        if (proof.length != Constants.PROOF_BYTES) revert Verifier_ProofLength(proof.length);
        _requireKey(key, inputs.length);
        (bool ok, bytes memory point) = _inputPoint(key, inputs);
        if (!ok || !Precompiles.pairing(_pairs(key, point, proof))) revert Verifier_ProofRefused();
    }

    /// @notice Reverts with Verifier_KeyRefused unless `key` has the length of a key of `inputs` public inputs, begins
    /// with STOP, and its gamma and delta are different and neither is the generator (up to sign). Anyone; no money.
    function requireKey(address key, uint256 inputs) external view {
        _requireKey(key, inputs);
        bytes memory gamma = _code(key, _GAMMA, Constants.G2_BYTES);
        bytes memory delta = _code(key, _DELTA, Constants.G2_BYTES);
        bytes32 gammaHash = keccak256(gamma);
        bytes32 deltaHash = keccak256(delta);
        bytes32 plus = keccak256(Constants.G2_GENERATOR);
        bytes32 minus = keccak256(Constants.G2_GENERATOR_NEGATED);
        bool sound = key.code[0] == 0 && gammaHash != deltaHash && gammaHash != plus && gammaHash != minus
            && deltaHash != plus && deltaHash != minus;
        if (!sound) revert Verifier_KeyRefused(key, inputs);
    }

    function _requireKey(address key, uint256 inputs) private view {
        bool fits = inputs != 0 && inputs <= Constants.MAX_INPUTS
            && key.code.length == _IC + Constants.G1_BYTES * (inputs + 1);
        if (!fits) revert Verifier_KeyRefused(key, inputs);
    }

    /// ic_0 + sum x_i ic_i
    function _inputPoint(address key, uint256[] calldata inputs) private view returns (bool, bytes memory) {
        bytes memory terms = new bytes(160 * inputs.length);
        for (uint256 i = 0; i < inputs.length; ++i) {
            uint256 scalar = inputs[i];
            if (scalar >= Constants.FR) revert Verifier_InputOutOfField(i);
            assembly ("memory-safe") {
                let place := add(add(terms, 32), mul(i, 160))
                extcodecopy(key, place, add(_IC, mul(add(i, 1), 128)), 128)
                mstore(add(place, 128), scalar)
            }
        }
        (bool ok, bytes memory sum) = Precompiles.g1Msm(terms);
        if (!ok) return (false, sum);
        return Precompiles.g1Add(_code(key, _IC, Constants.G1_BYTES), sum);
    }

    function _pairs(address key, bytes memory point, bytes calldata proof) private view returns (bytes memory) {
        return bytes.concat(
            proof[:384],
            _code(key, _ALPHA_BETA, 384),
            point,
            _code(key, _GAMMA, Constants.G2_BYTES),
            proof[384:],
            _code(key, _DELTA, Constants.G2_BYTES)
        );
    }

    function _code(address account, uint256 offset, uint256 length) private view returns (bytes memory part) {
        part = new bytes(length);
        assembly ("memory-safe") {
            extcodecopy(account, add(part, 32), offset, length)
        }
    }
}
