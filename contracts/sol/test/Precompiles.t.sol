// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../src/Constants.sol";
import {Precompiles} from "../src/Precompiles.sol";
import {Redirect} from "./support/Redirect.sol";
import {Cheats} from "./support/Vm.sol";

contract PrecompilesHarness {
    function pairing() external view returns (bool) {
        bytes memory plus = bytes.concat(Constants.G1_GENERATOR, Constants.G2_GENERATOR);
        bytes memory minus = bytes.concat(Constants.G1_GENERATOR_NEGATED, Constants.G2_GENERATOR);
        return Precompiles.pairing(bytes.concat(plus, minus));
    }

    function g1Add() external view returns (bool ok) {
        (ok,) = Precompiles.g1Add(Constants.G1_GENERATOR, Constants.G1_GENERATOR);
    }

    function g1Msm() external view returns (bool ok) {
        (ok,) = Precompiles.g1Msm(abi.encodePacked(Constants.G1_GENERATOR, uint256(5)));
    }

    function mapToG1() external view returns (bool ok) {
        (ok,) = Precompiles.mapToG1(new bytes(64));
    }

    function reduceToFp() external view returns (bool ok) {
        (ok,) = Precompiles.reduceToFp(bytes32(uint256(1)), bytes32(uint256(2)));
    }
}

contract PrecompilesTest is Cheats {
    address private constant PLACE = address(0x9e);

    function test_an_answer_without_data_is_no_answer() public {
        _compare(0x0f, PrecompilesHarness.pairing.selector);
        _compare(0x0b, PrecompilesHarness.g1Add.selector);
        _compare(0x0c, PrecompilesHarness.g1Msm.selector);
        _compare(0x10, PrecompilesHarness.mapToG1.selector);
        _compare(0x05, PrecompilesHarness.reduceToFp.selector);
    }

    function test_reduction_is_modulo_the_base_field() public view {
        // p = 2^256 * high + low reduces to 0, p + 1 to 1.
        uint256 high = uint256(uint128(bytes16(Constants.FP)));
        uint256 low = 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;
        (bool ok, bytes memory zero) = Precompiles.reduceToFp(bytes32(high), bytes32(low));
        vm.assertTrue(ok, "answered");
        vm.assertEq(zero, new bytes(64), "p is 0");
        (, bytes memory one) = Precompiles.reduceToFp(bytes32(high), bytes32(low + 1));
        vm.assertEq(one, abi.encodePacked(uint256(0), uint256(1)), "p + 1 is 1");
    }

    /// True with the precompile, false where an account without code stands in its place.
    function _compare(uint8 target, bytes4 selector) private {
        bytes memory code = address(new PrecompilesHarness()).code;
        vm.etch(PLACE, code);
        vm.assertTrue(_ask(selector), "control: answers here");
        vm.etch(PLACE, Redirect.toNowhere(code, target));
        vm.assertFalse(_ask(selector), "success without data is refused");
    }

    function _ask(bytes4 selector) private view returns (bool) {
        (bool ok, bytes memory answer) = PLACE.staticcall(abi.encodePacked(selector));
        vm.assertTrue(ok, "the harness itself does not fail");
        return abi.decode(answer, (bool));
    }
}
