// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "./Constants.sol";
import {Precompiles} from "./Precompiles.sol";

/// @title Groth16 over BLS12-381.
/// @notice A proof (A, B, C) of public inputs x_1..x_m holds when
///     e(A, B) * e(alpha, -beta) * e(ic_0 + sum x_i ic_i, -gamma) * e(C, -delta) = 1.
/// A batch of N proofs under one key holds when, with x_ij input j of proof i,
///     prod e(r_i A_i, B_i) * e((sum r_i) alpha, -beta) * e(sum_i r_i (ic_0 + sum_j x_ij ic_j), -gamma)
///         * e(sum r_i C_i, -delta) = 1,
/// where r_1 = 1 and r_2..r_N are 128 bits of a hash of the key, all inputs and all proofs. If the equation of any proof
/// fails, so does this one but for a chance of 2^-128 a try: if only the first fails, the product is that failure
/// itself; if another, number i, fails, one value of r_i at most makes up for the rest.
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
    /// @notice The proof (or one of the batch) does not show its statement.
    error Verifier_ProofRefused();
    /// @notice A batch has between one and `most` proofs.
    error Verifier_BatchSize(uint256 got, uint256 most);
    /// @notice Statement number `index` of the batch has another number of inputs than the first.
    error Verifier_InputCount(uint256 index);

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

    /// @notice Returns when every proof of the batch shows its statement, reverts otherwise. Anyone; no money; reads the
    /// key's code, N + 2 multi-scalar multiplications and one pairing of N + 3 pairs. Every point of every proof passes a
    /// precompile that checks its subgroup: A_1 and all B the pairing, the other A and all C a multiplication.
    /// Reverts: Verifier_BatchSize, Verifier_ProofLength, Verifier_InputCount, Verifier_KeyRefused,
    /// Verifier_InputOutOfField, Verifier_ProofRefused.
    /// @param key account whose code is the verifying key
    /// @param inputs public inputs of each proof, each below the field's order
    /// @param proofs A 128 | B 256 | C 128 of each, in the same order
    function verifyBatch(address key, uint256[][] calldata inputs, bytes calldata proofs) external view {
        uint256 size = inputs.length;
        if (size == 0 || size > Constants.MAX_BATCH) revert Verifier_BatchSize(size, Constants.MAX_BATCH);
        if (proofs.length != size * Constants.PROOF_BYTES) revert Verifier_ProofLength(proofs.length);
        _requireKey(key, inputs[0].length);
        uint256[] memory flat = _flattened(inputs);
        uint256[] memory coefficients = _coefficients(key, size, flat, proofs);
        (bool ok, bytes memory pairs) = _batchPairs(key, coefficients, flat, proofs);
        if (!ok || !Precompiles.pairing(pairs)) revert Verifier_ProofRefused();
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

    /// All inputs one after the other: as many of each proof, each below the field's order.
    function _flattened(uint256[][] calldata inputs) private view returns (uint256[] memory flat) {
        uint256 width = inputs[0].length;
        flat = new uint256[](inputs.length * width);
        for (uint256 i = 0; i < inputs.length; ++i) {
            uint256[] calldata one = inputs[i];
            if (one.length != width) revert Verifier_InputCount(i);
            for (uint256 j = 0; j < width; ++j) {
                _requireInField(j, one[j]);
                flat[i * width + j] = one[j];
            }
        }
    }

    function _requireInField(uint256 index, uint256 scalar) internal view virtual {
        if (scalar >= Constants.FR) revert Verifier_InputOutOfField(index);
    }

    /// r_1 = 1, r_i = the low 128 bits of keccak256(h, i), h = keccak256 over everything verified. Inputs and proofs have
    /// their lengths in front of them (abi.encode), so no two batches are the same bytes.
    function _coefficients(address key, uint256 size, uint256[] memory flat, bytes calldata proofs)
        internal
        view
        virtual
        returns (uint256[] memory r)
    {
        bytes32 h = keccak256(abi.encode(Constants.PURPOSE_BATCH, key.codehash, size, flat, proofs));
        r = new uint256[](size);
        r[0] = 1;
        for (uint256 i = 1; i < size; ++i) {
            r[i] = uint128(uint256(keccak256(abi.encode(h, i))));
        }
    }

    /// The N + 3 pairs of a batch. Sums of coefficients stay below 64 * 2^128, far below the field's order.
    function _batchPairs(address key, uint256[] memory r, uint256[] memory flat, bytes calldata proofs)
        private
        view
        returns (bool ok, bytes memory pairs)
    {
        uint256 size = r.length;
        pairs = new bytes(384 * (size + 3));
        bytes memory terms = new bytes(160 * size);
        ok = true;
        for (uint256 i = 0; i < size; ++i) {
            bytes calldata proof = proofs[i * Constants.PROOF_BYTES:(i + 1) * Constants.PROOF_BYTES];
            _put(pairs, 384 * i, proof[:384]);
            _put(terms, 160 * i, proof[384:]);
            _putWord(terms, 160 * i + 128, r[i]);
            if (r[i] != 1) {
                (bool scaled, bytes memory a) = Precompiles.g1Msm(bytes.concat(proof[:128], bytes32(r[i])));
                ok = ok && scaled;
                _putPoint(pairs, 384 * i, a);
            }
        }
        (bool okC, bytes memory c) = Precompiles.g1Msm(terms);
        (bool okInputs, bytes memory point, bytes memory alpha) = _batchKeyPoints(key, r, flat);
        ok = ok && okC && okInputs;
        _putPair(pairs, 384 * size, alpha, key, _ALPHA_BETA + Constants.G1_BYTES);
        _putPair(pairs, 384 * (size + 1), point, key, _GAMMA);
        _putPair(pairs, 384 * (size + 2), c, key, _DELTA);
    }

    /// sum_i r_i (ic_0 + sum_j x_ij ic_j) and (sum_i r_i) alpha
    function _batchKeyPoints(address key, uint256[] memory r, uint256[] memory flat)
        private
        view
        returns (bool ok, bytes memory point, bytes memory alpha)
    {
        uint256 width = flat.length / r.length;
        uint256[] memory scalars = new uint256[](width + 1);
        for (uint256 i = 0; i < r.length; ++i) {
            scalars[0] += r[i];
            for (uint256 j = 0; j < width; ++j) {
                scalars[j + 1] = addmod(scalars[j + 1], mulmod(r[i], flat[i * width + j], Constants.FR), Constants.FR);
            }
        }
        bytes memory terms = new bytes(160 * (width + 1));
        for (uint256 j = 0; j <= width; ++j) {
            assembly ("memory-safe") {
                extcodecopy(key, add(add(terms, 32), mul(j, 160)), add(_IC, mul(j, 128)), 128)
            }
            _putWord(terms, 160 * j + 128, scalars[j]);
        }
        (ok, point) = Precompiles.g1Msm(terms);
        alpha = bytes.concat(_code(key, _ALPHA_BETA, Constants.G1_BYTES), bytes32(scalars[0]));
        bool scaled;
        (scaled, alpha) = Precompiles.g1Msm(alpha);
        ok = ok && scaled;
    }

    function _put(bytes memory target, uint256 offset, bytes calldata part) private pure {
        assert(offset + part.length <= target.length);
        assembly ("memory-safe") {
            calldatacopy(add(add(target, 32), offset), part.offset, part.length)
        }
    }

    function _putWord(bytes memory target, uint256 offset, uint256 word) private pure {
        assert(offset + 32 <= target.length);
        assembly ("memory-safe") {
            mstore(add(add(target, 32), offset), word)
        }
    }

    /// Writes a point of G1.
    function _putPoint(bytes memory target, uint256 offset, bytes memory point) private pure {
        assert(offset + Constants.G1_BYTES <= target.length && point.length == Constants.G1_BYTES);
        assembly ("memory-safe") {
            mcopy(add(add(target, 32), offset), add(point, 32), 128)
        }
    }

    /// Writes a point of G1 and the point of G2 that stands at `place` of the key's code.
    function _putPair(bytes memory target, uint256 offset, bytes memory point, address key, uint256 place)
        private
        view
    {
        _putPoint(target, offset, point);
        assert(offset + 384 <= target.length);
        assembly ("memory-safe") {
            extcodecopy(key, add(add(target, 160), offset), place, 256)
        }
    }

    /// ic_0 + sum x_i ic_i
    function _inputPoint(address key, uint256[] calldata inputs) private view returns (bool, bytes memory) {
        bytes memory terms = new bytes(160 * inputs.length);
        for (uint256 i = 0; i < inputs.length; ++i) {
            uint256 scalar = inputs[i];
            _requireInField(i, scalar);
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
