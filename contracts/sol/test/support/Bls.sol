// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../../src/Constants.sol";
import {Precompiles} from "../../src/Precompiles.sol";

/// @dev Curve arithmetic for tests, by the precompiles themselves.
library Bls {
    address private constant G1MSM = address(0x0c);
    address private constant G2MSM = address(0x0e);

    function g1(uint256 scalar) internal view returns (bytes memory) {
        return g1(Constants.G1_GENERATOR, scalar);
    }

    function g1(bytes memory point, uint256 scalar) internal view returns (bytes memory answer) {
        (, answer) = G1MSM.staticcall(abi.encodePacked(point, scalar));
        require(answer.length == 128, "g1");
    }

    function g2(uint256 scalar) internal view returns (bytes memory answer) {
        (, answer) = G2MSM.staticcall(abi.encodePacked(Constants.G2_GENERATOR, scalar));
        require(answer.length == 256, "g2");
    }

    /// A beacon's signature of a round. The hash to the curve is pinned by a published round in Beacon.t.sol.
    function signRound(uint256 secret, uint64 round) internal view returns (bytes memory) {
        bytes memory tail = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_\x2b";
        bytes32 message = sha256(abi.encodePacked(round));
        bytes32 b0 = sha256(abi.encodePacked(new bytes(64), message, hex"008000", tail));
        bytes32 b1 = sha256(abi.encodePacked(b0, hex"01", tail));
        bytes32 b2 = sha256(abi.encodePacked(b0 ^ b1, hex"02", tail));
        bytes32 b3 = sha256(abi.encodePacked(b0 ^ b2, hex"03", tail));
        bytes32 b4 = sha256(abi.encodePacked(b0 ^ b3, hex"04", tail));
        (, bytes memory u0) = Precompiles.reduceToFp(b1, b2);
        (, bytes memory u1) = Precompiles.reduceToFp(b3, b4);
        (, bytes memory q0) = Precompiles.mapToG1(u0);
        (, bytes memory q1) = Precompiles.mapToG1(u1);
        (, bytes memory sum) = Precompiles.g1Add(q0, q1);
        return g1(sum, secret);
    }
}
