// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../../src/Constants.sol";
import {Bls} from "./Bls.sol";

/// @dev A Groth16 key whose secrets are known, so that a valid proof of any inputs can be computed from the equation:
/// C = (a b - alpha beta - gamma (ic_0 + sum x_i ic_i)) / delta. It stands in for a circuit, not for the verifier.
library Trapdoor {
    uint256 private constant R = Constants.FR;

    /// The secrets of key number `seed`.
    function _secret(uint256 seed, uint256 index) private pure returns (uint256) {
        return uint256(keccak256(abi.encode("trapdoor", seed, index))) % (R - 1) + 1;
    }

    /// Code of a key account: STOP and the blob.
    function keyCode(uint256 seed, uint256 inputs) internal view returns (bytes memory code) {
        code = bytes.concat(
            hex"00",
            Bls.g1(_secret(seed, 0)),
            Bls.g2(R - _secret(seed, 1)),
            Bls.g2(R - _secret(seed, 2)),
            Bls.g2(R - _secret(seed, 3))
        );
        for (uint256 i = 0; i <= inputs; ++i) {
            code = bytes.concat(code, Bls.g1(_secret(seed, 4 + i)));
        }
    }

    /// A valid proof; `salt` gives different proofs of the same statement.
    function prove(uint256 seed, uint256[] memory inputs, uint256 salt) internal view returns (bytes memory) {
        uint256 a = _secret(salt, 1001);
        uint256 b = _secret(salt, 1002);
        uint256 x = _secret(seed, 4);
        for (uint256 i = 0; i < inputs.length; ++i) {
            x = addmod(x, mulmod(inputs[i], _secret(seed, 5 + i), R), R);
        }
        uint256 minus = addmod(
            mulmod(_secret(seed, 0), _secret(seed, 1), R), mulmod(_secret(seed, 2), x, R), R
        );
        uint256 c = addmod(mulmod(a, b, R), R - minus, R);
        c = mulmod(c, _inverse(_secret(seed, 3)), R);
        return bytes.concat(Bls.g1(a), Bls.g2(b), Bls.g1(c));
    }

    function _inverse(uint256 x) private pure returns (uint256 y) {
        y = 1;
        for (uint256 e = R - 2; e != 0; e >>= 1) {
            if (e & 1 == 1) y = mulmod(y, x, R);
            x = mulmod(x, x, R);
        }
    }
}
