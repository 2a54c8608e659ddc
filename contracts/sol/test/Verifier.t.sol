// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../src/Constants.sol";
import {Verifier} from "../src/Verifier.sol";
import {Bls} from "./support/Bls.sol";
import {Redirect} from "./support/Redirect.sol";
import {Trapdoor} from "./support/Trapdoor.sol";
import {Cheats} from "./support/Vm.sol";

contract VerifierTest is Cheats {
    Verifier private verifier;
    address private constant KEY = address(0xce7);

    function setUp() public {
        verifier = new Verifier();
        vm.etch(KEY, Trapdoor.keyCode(7, 3));
    }

    function _inputs() private pure returns (uint256[] memory inputs) {
        inputs = new uint256[](3);
        (inputs[0], inputs[1], inputs[2]) = (12345, Constants.FR - 1, 0);
    }

    function test_a_valid_proof_is_accepted() public view {
        verifier.verify(KEY, _inputs(), Trapdoor.prove(7, _inputs(), 1));
    }

    function testFuzz_a_valid_proof_of_any_inputs_is_accepted(uint256[3] memory seeds, uint256 salt) public view {
        uint256[] memory inputs = new uint256[](3);
        for (uint256 i = 0; i < 3; ++i) {
            inputs[i] = seeds[i] % Constants.FR;
        }
        verifier.verify(KEY, inputs, Trapdoor.prove(7, inputs, salt));
    }

    function test_keys_of_every_size_get_exactly_the_gas_they_need() public {
        uint256[7] memory sizes = [uint256(1), 2, 5, 16, 33, 62, 63];
        for (uint256 k = 0; k < sizes.length; ++k) {
            vm.etch(KEY, Trapdoor.keyCode(k, sizes[k]));
            uint256[] memory inputs = new uint256[](sizes[k]);
            for (uint256 i = 0; i < sizes[k]; ++i) {
                inputs[i] = uint256(keccak256(abi.encode(k, i))) % Constants.FR;
            }
            verifier.requireKey(KEY, sizes[k]);
            verifier.verify(KEY, inputs, Trapdoor.prove(k, inputs, 1));
        }
    }

    function testFuzz_another_input_is_refused(uint256 index, uint256 value) public {
        uint256[] memory inputs = _inputs();
        bytes memory proof = Trapdoor.prove(7, inputs, 1);
        index %= 3;
        value %= Constants.FR;
        vm.assume(inputs[index] != value);
        inputs[index] = value;
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        verifier.verify(KEY, inputs, proof);
    }

    function testFuzz_a_proof_with_a_flipped_bit_is_refused(uint256 bit) public {
        bytes memory proof = Trapdoor.prove(7, _inputs(), 1);
        bit %= proof.length * 8;
        proof[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        verifier.verify(KEY, _inputs(), proof);
    }

    function test_an_input_shifted_by_r_is_refused() public {
        uint256[] memory inputs = _inputs();
        bytes memory proof = Trapdoor.prove(7, inputs, 1);
        inputs[0] += Constants.FR;
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_InputOutOfField.selector, 0));
        verifier.verify(KEY, inputs, proof);
    }

    function test_the_multiplication_itself_would_take_an_input_shifted_by_r() public view {
        bytes memory plain = Bls.g1(12345);
        bytes memory shifted = Bls.g1(12345 + Constants.FR);
        vm.assertEq(plain, shifted, "the precompile reduces silently");
    }

    function test_swapped_halves_of_a_proof_are_refused() public {
        bytes memory proof = Trapdoor.prove(7, _inputs(), 1);
        bytes memory a = _slice(proof, 0, 128);
        bytes memory b = _slice(proof, 128, 384);
        bytes memory c = _slice(proof, 384, 512);
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        verifier.verify(KEY, _inputs(), bytes.concat(c, b, a));
    }

    function test_a_proof_of_zero_points_is_refused() public {
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        verifier.verify(KEY, _inputs(), new bytes(512));
    }

    function test_a_point_outside_the_subgroup_is_refused() public {
        // (0, 2) lies on y^2 = x^3 + 4 and has order 3.
        bytes memory proof = Trapdoor.prove(7, _inputs(), 1);
        for (uint256 i = 0; i < 128; ++i) {
            proof[i] = 0;
        }
        proof[127] = 0x02;
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        verifier.verify(KEY, _inputs(), proof);
    }

    function test_a_proof_of_another_length_is_refused() public {
        bytes memory proof = Trapdoor.prove(7, _inputs(), 1);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_ProofLength.selector, 513));
        verifier.verify(KEY, _inputs(), bytes.concat(proof, hex"00"));
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_ProofLength.selector, 511));
        verifier.verify(KEY, _inputs(), _slice(proof, 0, 511));
    }

    function test_more_or_fewer_inputs_than_the_key_has_are_refused() public {
        bytes memory proof = Trapdoor.prove(7, _inputs(), 1);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_KeyRefused.selector, KEY, 2));
        verifier.verify(KEY, new uint256[](2), proof);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_KeyRefused.selector, KEY, 4));
        verifier.verify(KEY, new uint256[](4), proof);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_KeyRefused.selector, KEY, 0));
        verifier.verify(KEY, new uint256[](0), proof);
    }

    function test_an_account_without_code_is_no_key() public {
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_KeyRefused.selector, address(0xdead), 3));
        verifier.verify(address(0xdead), _inputs(), new bytes(512));
    }

    function test_a_failed_check_burns_no_more_than_a_good_one_and_a_little() public view {
        bytes memory good = Trapdoor.prove(7, _inputs(), 1);
        bytes memory bad = Trapdoor.prove(7, _inputs(), 1);
        bad[100] ^= 0x01; // not on the curve: the precompile fails and burns what it got
        uint256 left = gasleft();
        verifier.verify(KEY, _inputs(), good);
        uint256 spent = left - gasleft();
        left = gasleft();
        (bool ok,) = address(verifier).staticcall(abi.encodeCall(Verifier.verify, (KEY, _inputs(), bad)));
        uint256 burnt = left - gasleft();
        vm.assertFalse(ok, "refused");
        vm.assertLe(burnt, spent + 5000, "exact gas is forwarded");
    }

    function test_too_little_gas_reverts_and_never_accepts() public view {
        bytes memory call = abi.encodeCall(Verifier.verify, (KEY, _inputs(), Trapdoor.prove(7, _inputs(), 2)));
        uint256[5] memory limits = [uint256(20_000), 60_000, 150_000, 200_000, 204_000];
        uint256 refused = 0;
        for (uint256 i = 0; i < limits.length; ++i) {
            (bool ok,) = address(verifier).staticcall{gas: limits[i]}(call);
            if (!ok) ++refused;
        }
        vm.assertTrue(refused >= 4, "starved calls revert");
        (bool fed,) = address(verifier).staticcall(call);
        vm.assertTrue(fed, "the same call with enough gas holds");
    }

    function test_a_chain_without_the_precompiles_refuses_the_contract() public {
        // An account without code "succeeds with no data", as a missing precompile does.
        bytes memory code = type(Verifier).creationCode;
        vm.assertTrue(_refusal(code) == bytes4(0), "control: deploys here");
        vm.assertTrue(_refusal(Redirect.toNowhere(code, 0x0f)) == Verifier.Verifier_NoPrecompiles.selector, "no pairing");
        vm.assertTrue(_refusal(Redirect.toNowhere(code, 0x0c)) == Verifier.Verifier_NoPrecompiles.selector, "no product");
        vm.assertTrue(_refusal(Redirect.toNowhere(code, 0x0b)) == Verifier.Verifier_NoPrecompiles.selector, "no sum");
    }

    function test_keys_with_degenerate_gamma_or_delta_are_refused() public {
        bytes memory code = Trapdoor.keyCode(7, 3);
        bytes memory gamma = _slice(code, 385, 641);
        bytes memory delta = _slice(code, 641, 897);
        _requireRefused(_replaced(code, 641, gamma));
        _requireRefused(_replaced(code, 385, delta));
        _requireRefused(_replaced(code, 385, Constants.G2_GENERATOR));
        _requireRefused(_replaced(code, 385, Constants.G2_GENERATOR_NEGATED));
        _requireRefused(_replaced(code, 641, Constants.G2_GENERATOR));
        _requireRefused(_replaced(code, 641, Constants.G2_GENERATOR_NEGATED));
        _requireRefused(_replaced(code, 0, hex"01"));
    }

    function _requireRefused(bytes memory code) private {
        vm.etch(KEY, code);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_KeyRefused.selector, KEY, 3));
        verifier.requireKey(KEY, 3);
    }

    /// Selector of the error with which the code refuses to deploy; zero when it deploys.
    function _refusal(bytes memory code) private returns (bytes4 selector) {
        assembly ("memory-safe") {
            if iszero(create(0, add(code, 32), mload(code))) {
                returndatacopy(0, 0, 4)
                selector := and(mload(0), shl(224, 0xffffffff))
            }
        }
    }

    function _slice(bytes memory data, uint256 from, uint256 to) private pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i = from; i < to; ++i) {
            part[i - from] = data[i];
        }
    }

    function _replaced(bytes memory data, uint256 from, bytes memory part) private pure returns (bytes memory changed) {
        changed = bytes.concat(data);
        for (uint256 i = 0; i < part.length; ++i) {
            changed[from + i] = part[i];
        }
    }
}
