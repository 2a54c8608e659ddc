// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CircuitKey} from "../../src/SectorTypes.sol";
import {Trapdoor} from "./Trapdoor.sol";
import {World} from "./World.sol";

/// @dev The world with the real verifier and keys of the real sizes, whose secrets the test knows.
abstract contract RealWorld is World {
    function _treeLevels() internal pure virtual override returns (uint8) {
        return 3;
    }

    function _newVerifier() internal virtual override returns (address) {
        return _deploy("Verifier.sol:Verifier", "");
    }

    function _makeKeys() internal virtual override {
        uint256[6] memory inputs = [uint256(3), 5, 3, 1 + 2 * uint256(WIDTH), 7, 6];
        for (uint160 i = 0; i < 6; ++i) {
            circuits[i] = CircuitKey(address(0x1000 + i), bytes32(uint256(0xc0 + i)));
            vm.etch(address(0x1000 + i), Trapdoor.keyCode(i, inputs[i]));
        }
    }

    function _prove(uint256 which, uint256[] memory inputs) internal view virtual override returns (bytes memory) {
        return Trapdoor.prove(which, inputs, 1);
    }
}
