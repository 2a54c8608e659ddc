// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {RealWorld} from "./RealWorld.sol";
import {SealedWorld} from "./SealedWorld.sol";
import {World} from "./World.sol";

/// @dev SealedWorld with the real verifier and keys whose secrets the test knows.
abstract contract RealSealedWorld is SealedWorld, RealWorld {
    function setUp() public virtual override(World, SealedWorld) {
        SealedWorld.setUp();
    }

    function _treeLevels() internal pure override(World, RealWorld) returns (uint8) {
        return RealWorld._treeLevels();
    }

    function _newVerifier() internal override(World, RealWorld) returns (address) {
        return RealWorld._newVerifier();
    }

    function _makeKeys() internal override(World, RealWorld) {
        RealWorld._makeKeys();
    }

    function _prove(uint256 which, uint256[] memory inputs)
        internal
        view
        override(World, RealWorld)
        returns (bytes memory)
    {
        return RealWorld._prove(which, inputs);
    }
}
