// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CollateralTerms} from "../../src/CollateralTypes.sol";
import {DisputeWorld} from "./DisputeWorld.sol";
import {MarketWorld} from "./MarketWorld.sol";
import {RealWorld} from "./RealWorld.sol";
import {World} from "./World.sol";

/// @dev DisputeWorld with the real verifier and keys whose secrets the test knows.
abstract contract RealDisputeWorld is DisputeWorld, RealWorld {
    function setUp() public virtual override(World, DisputeWorld) {
        DisputeWorld.setUp();
    }

    function _collateralTerms() internal pure override(World, MarketWorld) returns (CollateralTerms memory) {
        return MarketWorld._collateralTerms();
    }

    function _bindMarket() internal override(World, MarketWorld) {
        MarketWorld._bindMarket();
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
