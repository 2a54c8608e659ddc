// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "./Constants.sol";

/// @title Calls of the curve precompiles (EIP-2537) and MODEXP.
/// @dev Exactly the price is forwarded: a failing precompile burns everything it is given. A chain without the
/// precompiles answers "success, no data", so the size of the answer is part of every check. Subgroups are checked
/// by PAIRING and G1MSM and not by G1ADD. Every function returns false instead of reverting; the caller names the
/// error. False never says more than "not shown to be true": too little gas looks the same.
library Precompiles {
    address private constant MODEXP = address(0x05);
    address private constant G1ADD = address(0x0b);
    address private constant G1MSM = address(0x0c);
    address private constant PAIRING = address(0x0f);
    address private constant MAP_FP_TO_G1 = address(0x10);

    /// prod e(P_i, Q_i) = 1 over the pairs of `input` (384 bytes each).
    function pairing(bytes memory input) internal view returns (bool) {
        uint256 pairs = input.length / 384;
        uint256 price = Constants.GAS_PAIRING_BASE + pairs * Constants.GAS_PAIRING_PAIR;
        (bool ok, bytes memory answer) = _call(PAIRING, price, input, 32);
        return ok && abi.decode(answer, (uint256)) == 1;
    }

    /// a + b in G1.
    function g1Add(bytes memory a, bytes memory b) internal view returns (bool, bytes memory) {
        return _call(G1ADD, Constants.GAS_G1_ADD, bytes.concat(a, b), Constants.G1_BYTES);
    }

    /// sum of scalar_i * P_i over the pairs of `input` (160 bytes each: point, scalar), at most 64 pairs.
    function g1Msm(bytes memory input) internal view returns (bool, bytes memory) {
        uint256 points = input.length / 160;
        bytes memory table = Constants.G1_MSM_DISCOUNT;
        uint256 discount = (uint256(uint8(table[2 * points - 2])) << 8) | uint8(table[2 * points - 1]);
        uint256 price = points * Constants.GAS_G1_MUL * discount / 1000;
        return _call(G1MSM, price, input, Constants.G1_BYTES);
    }

    /// The curve map of RFC 9380 with the cofactor cleared; `element` is a 64-byte Fp.
    function mapToG1(bytes memory element) internal view returns (bool, bytes memory) {
        return _call(MAP_FP_TO_G1, Constants.GAS_MAP_FP_TO_G1, element, Constants.G1_BYTES);
    }

    /// (high * 2^256 + low) mod p as a 64-byte Fp.
    function reduceToFp(bytes32 high, bytes32 low) internal view returns (bool, bytes memory) {
        bytes memory input =
            abi.encodePacked(uint256(64), uint256(1), uint256(48), high, low, uint8(1), Constants.FP);
        (bool ok, bytes memory answer) = _call(MODEXP, Constants.GAS_MODEXP, input, 48);
        return (ok, bytes.concat(bytes16(0), answer));
    }

    function _call(address target, uint256 price, bytes memory input, uint256 answerBytes)
        private
        view
        returns (bool ok, bytes memory answer)
    {
        answer = new bytes(answerBytes);
        assembly ("memory-safe") {
            ok := staticcall(price, target, add(input, 32), mload(input), add(answer, 32), answerBytes)
            ok := and(ok, eq(returndatasize(), answerBytes))
        }
    }
}
