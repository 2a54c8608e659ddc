// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../src/Constants.sol";
import {Precompiles} from "../src/Precompiles.sol";
import {Verifier} from "../src/Verifier.sol";
import {Bls} from "./support/Bls.sol";
import {BatchDefence, MutantVerifier} from "./support/Mutants.sol";
import {Redirect} from "./support/Redirect.sol";
import {Trapdoor} from "./support/Trapdoor.sol";
import {Cheats} from "./support/Vm.sol";

/// @dev Batches of proofs of seven inputs, as a proof of replication has, under a key whose secrets the test knows.
contract BatchTest is Cheats {
    Verifier private verifier;
    address private constant KEY = address(0xce7);
    uint256 private constant KEY_SEED = 7;
    bytes4 private constant REFUSED = Verifier.Verifier_ProofRefused.selector;
    /// Execution gas of a proof in a batch of ten or more, the copying of inputs and proofs included.
    uint256 private constant GAS_LIMIT_PER_PROOF = 95_000;

    function setUp() public {
        verifier = new Verifier();
        vm.etch(KEY, Trapdoor.keyCode(KEY_SEED, 7));
    }

    function _statements(uint256 size) private pure returns (uint256[][] memory inputs) {
        inputs = new uint256[][](size);
        for (uint256 i = 0; i < size; ++i) {
            inputs[i] = new uint256[](7);
            for (uint256 j = 0; j < 7; ++j) {
                inputs[i][j] = uint256(keccak256(abi.encode(i, j))) % Constants.FR;
            }
        }
    }

    function _proofs(uint256[][] memory inputs) private view returns (bytes memory proofs) {
        for (uint256 i = 0; i < inputs.length; ++i) {
            proofs = bytes.concat(proofs, Trapdoor.prove(KEY_SEED, inputs[i], i));
        }
    }

    function _batch(uint256 size) private view returns (uint256[][] memory inputs, bytes memory proofs) {
        inputs = _statements(size);
        proofs = _proofs(inputs);
    }

    function _without(BatchDefence defence) private returns (MutantVerifier) {
        return MutantVerifier(_deploy("Mutants.sol:MutantVerifier", abi.encode(defence)));
    }

    function _refused(uint256[][] memory inputs, bytes memory proofs) private {
        vm.expectRevert(REFUSED);
        verifier.verifyBatch(KEY, inputs, proofs);
    }

    // What holds

    function test_batches_of_every_size_get_exactly_the_gas_they_need() public view {
        for (uint256 size = 1; size <= 16; ++size) {
            (uint256[][] memory inputs, bytes memory proofs) = _batch(size);
            uint256 before = gasleft();
            verifier.verifyBatch(KEY, inputs, proofs);
            uint256 spent = before - gasleft();
            if (size >= 10) vm.assertLe(spent, size * GAS_LIMIT_PER_PROOF, "gas of a proof in a batch of ten or more");
        }
        (uint256[][] memory most, bytes memory proofsOfMost) = _batch(64);
        verifier.verifyBatch(KEY, most, proofsOfMost);
    }

    function test_keys_of_every_size_take_batches() public {
        uint256[4] memory widths = [uint256(1), 3, 33, 63];
        for (uint256 k = 0; k < widths.length; ++k) {
            vm.etch(KEY, Trapdoor.keyCode(k, widths[k]));
            uint256[][] memory inputs = new uint256[][](2);
            (inputs[0], inputs[1]) = (new uint256[](widths[k]), new uint256[](widths[k]));
            inputs[1][widths[k] - 1] = Constants.FR - 1;
            bytes memory proofs = bytes.concat(Trapdoor.prove(k, inputs[0], 1), Trapdoor.prove(k, inputs[1], 2));
            verifier.verifyBatch(KEY, inputs, proofs);
        }
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_a_batch_holds_exactly_when_every_proof_holds(uint8 size, uint256 bad, uint256 delta) public {
        size = uint8(_bound(size, 1, 5));
        (uint256[][] memory inputs, bytes memory proofs) = _batch(size);
        delta = _bound(delta, 0, Constants.FR - 1);
        uint256 place = bad % (7 * uint256(size));
        inputs[place / 7][place % 7] = addmod(inputs[place / 7][place % 7], delta, Constants.FR);
        if (delta != 0) vm.expectRevert(REFUSED);
        verifier.verifyBatch(KEY, inputs, proofs);
    }

    // What does not

    function test_a_bad_proof_is_refused_at_every_place() public {
        (uint256[][] memory inputs, bytes memory proofs) = _batch(4);
        for (uint256 i = 0; i < 4; ++i) {
            for (uint256 part = 0; part < 3; ++part) {
                uint256 offset = 512 * i + (part == 0 ? 0 : part == 1 ? 128 : 384);
                bytes memory other = Trapdoor.prove(KEY_SEED, inputs[i], 99);
                bytes memory changed = bytes.concat(proofs);
                uint256 length = part == 1 ? 256 : 128;
                for (uint256 b = 0; b < length; ++b) {
                    changed[offset + b] = other[offset - 512 * i + b];
                }
                _refused(inputs, changed);
            }
        }
    }

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_a_flipped_bit_is_refused(uint256 bit) public {
        (uint256[][] memory inputs, bytes memory proofs) = _batch(3);
        bit %= proofs.length * 8;
        proofs[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        _refused(inputs, proofs);
    }

    function test_proofs_in_another_order_or_repeated_are_refused() public {
        uint256[][] memory inputs = _statements(3);
        bytes[3] memory p;
        for (uint256 i = 0; i < 3; ++i) {
            p[i] = Trapdoor.prove(KEY_SEED, inputs[i], i);
        }
        _refused(inputs, bytes.concat(p[1], p[0], p[2]));
        _refused(inputs, bytes.concat(p[0], p[2], p[1]));
        _refused(inputs, bytes.concat(p[0], p[0], p[2]));
        _refused(inputs, bytes.concat(p[0], p[1], p[1]));
        verifier.verifyBatch(KEY, inputs, bytes.concat(p[0], p[1], p[2]));
    }

    function test_sizes_that_do_not_fit_are_refused() public {
        (uint256[][] memory inputs, bytes memory proofs) = _batch(3);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_ProofLength.selector, 1535));
        verifier.verifyBatch(KEY, inputs, _cut(proofs, 1535));
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_ProofLength.selector, 1024));
        verifier.verifyBatch(KEY, inputs, _cut(proofs, 1024));
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_ProofLength.selector, 2048));
        verifier.verifyBatch(KEY, inputs, bytes.concat(proofs, _cut(proofs, 512)));
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_BatchSize.selector, 0, 64));
        verifier.verifyBatch(KEY, new uint256[][](0), "");
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_BatchSize.selector, 65, 64));
        verifier.verifyBatch(KEY, new uint256[][](65), "");
        inputs[2] = new uint256[](6);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_InputCount.selector, 2));
        verifier.verifyBatch(KEY, inputs, proofs);
        inputs[0] = new uint256[](6);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_KeyRefused.selector, KEY, 6));
        verifier.verifyBatch(KEY, inputs, proofs);
    }

    /// (0, 2) on the curve of G1 has order 3; the point of G2's curve with x = 2 has an order with factors of the cofactor.
    function test_a_point_outside_its_subgroup_is_refused_at_every_place() public {
        bytes memory g1 = new bytes(128);
        g1[127] = 0x02;
        bytes memory g2 = new bytes(256);
        g2[63] = 0x02;
        _paste(g2, 144, hex"013a59858b6809fca4d9a3b6539246a70051a3c88899964a42bc9a69cf9acdd9dd387cfa9086b894185b9a46a402be73");
        _paste(g2, 208, hex"02d27e0ec3356299a346a09ad7dc4ef68a483c3aed53f9139d2f929a3eecebf72082e5e58c6da24ee32e03040c406d4f");
        (uint256[][] memory inputs, bytes memory proofs) = _batch(3);
        for (uint256 i = 0; i < 3; ++i) {
            bytes memory changed = bytes.concat(proofs);
            _paste(changed, 512 * i, g1);
            _refused(inputs, changed);
            changed = bytes.concat(proofs);
            _paste(changed, 512 * i + 128, g2);
            _refused(inputs, changed);
            changed = bytes.concat(proofs);
            _paste(changed, 512 * i + 384, g1);
            _refused(inputs, changed);
        }
        // On the curve they are: only the subgroup is wrong.
        (bool added,) = Precompiles.g1Add(g1, Constants.G1_GENERATOR);
        (bool onTwist,) = address(0x0d).staticcall(bytes.concat(g2, Constants.G2_GENERATOR));
        vm.assertTrue(added && onTwist, "points of the curves");
    }

    function test_a_chain_without_the_precompiles_accepts_no_batch() public {
        (uint256[][] memory inputs, bytes memory proofs) = _batch(2);
        bytes memory code = address(verifier).code;
        for (uint8 target = 0x0c; target <= 0x0f; target += 3) {
            vm.etch(address(verifier), Redirect.toNowhere(code, target));
            _refused(inputs, proofs);
        }
        vm.etch(address(verifier), code);
        verifier.verifyBatch(KEY, inputs, proofs);
    }

    function test_a_false_batch_costs_no_more_than_a_true_one() public {
        (uint256[][] memory inputs, bytes memory proofs) = _batch(10);
        proofs[proofs.length - 1] ^= 0x01;
        uint256 before = gasleft();
        vm.expectRevert(REFUSED);
        verifier.verifyBatch(KEY, inputs, proofs);
        vm.assertLe(before - gasleft(), 10 * GAS_LIMIT_PER_PROOF, "a failing precompile burns only its price");
    }

    // Attacks, each also against a verifier without the one defence

    /// C_1 + s D and C_2 - D: the errors cancel when the second coefficient is s times the first.
    function _cancelling(uint256[][] memory inputs, uint256 s) private view returns (bytes memory) {
        bytes memory first = Trapdoor.prove(KEY_SEED, inputs[0], 1);
        bytes memory second = Trapdoor.prove(KEY_SEED, inputs[1], 2);
        _paste(first, 384, _sum(_tail(first), Bls.g1(mulmod(5, s, Constants.FR))));
        _paste(second, 384, _sum(_tail(second), Bls.g1(Constants.FR - 5)));
        return bytes.concat(first, second);
    }

    function test_errors_of_two_proofs_do_not_cancel() public {
        uint256[][] memory inputs = _statements(2);
        bytes memory attack = _cancelling(inputs, 1);
        _refused(inputs, attack);
        _without(BatchDefence.Coefficients).verifyBatch(KEY, inputs, attack);
    }

    function test_coefficients_cannot_be_known_before_the_proofs() public {
        uint256[][] memory inputs = _statements(2);
        MutantVerifier mutant = _without(BatchDefence.ProofsHashed);
        uint256[] memory r = mutant.coefficients(KEY, 2, _flat(inputs), "");
        bytes memory attack = _cancelling(inputs, r[1]);
        _refused(inputs, attack);
        mutant.verifyBatch(KEY, inputs, attack);
    }

    function test_coefficients_cannot_be_known_before_the_inputs() public {
        (uint256[][] memory inputs, bytes memory proofs) = _batch(2);
        MutantVerifier mutant = _without(BatchDefence.InputsHashed);
        uint256 s = mutant.coefficients(KEY, 2, new uint256[](0), proofs)[1];
        inputs[0][3] = addmod(inputs[0][3], s, Constants.FR);
        inputs[1][3] = addmod(inputs[1][3], Constants.FR - 1, Constants.FR);
        _refused(inputs, proofs);
        mutant.verifyBatch(KEY, inputs, proofs);
    }

    function test_an_input_shifted_by_r_is_refused_at_every_place() public {
        (uint256[][] memory inputs, bytes memory proofs) = _batch(2);
        MutantVerifier mutant = _without(BatchDefence.InField);
        // Without the check the shifted input is another one to the hash and the same one to the curve.
        for (uint256 i = 0; i < 14; ++i) {
            inputs[i / 7][i % 7] += Constants.FR;
            vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_InputOutOfField.selector, i % 7));
            verifier.verifyBatch(KEY, inputs, proofs);
            mutant.verifyBatch(KEY, inputs, proofs);
            inputs[i / 7][i % 7] -= Constants.FR;
        }
    }

    function test_every_byte_verified_changes_the_coefficients() public {
        (uint256[][] memory inputs, bytes memory proofs) = _batch(2);
        MutantVerifier shown = _without(BatchDefence.InField);
        uint256[] memory flat = _flat(inputs);
        uint256[] memory r = shown.coefficients(KEY, 2, flat, proofs);
        vm.assertTrue(r[0] == 1 && r[1] != 0 && r[1] >> 128 == 0, "one, then 128 bits");
        for (uint256 i = 0; i < flat.length; ++i) {
            flat[i] ^= 1;
            vm.assertTrue(shown.coefficients(KEY, 2, flat, proofs)[1] != r[1], "input");
            flat[i] ^= 1;
        }
        for (uint256 i = 0; i < proofs.length; i += 31) {
            proofs[i] ^= 0x01;
            vm.assertTrue(shown.coefficients(KEY, 2, flat, proofs)[1] != r[1], "proof");
            proofs[i] ^= 0x01;
        }
        uint256[] memory three = shown.coefficients(KEY, 3, flat, proofs);
        vm.assertTrue(three[1] != r[1] && three[2] != three[1], "size, and each its own");
        vm.etch(KEY, Trapdoor.keyCode(KEY_SEED + 1, 7));
        vm.assertTrue(shown.coefficients(KEY, 2, flat, proofs)[1] != r[1], "key");
    }

    function _flat(uint256[][] memory inputs) private pure returns (uint256[] memory flat) {
        flat = new uint256[](7 * inputs.length);
        for (uint256 i = 0; i < flat.length; ++i) {
            flat[i] = inputs[i / 7][i % 7];
        }
    }

    function _sum(bytes memory a, bytes memory b) private view returns (bytes memory sum) {
        (, sum) = Precompiles.g1Add(a, b);
    }

    function _tail(bytes memory proof) private pure returns (bytes memory c) {
        c = new bytes(128);
        for (uint256 i = 0; i < 128; ++i) {
            c[i] = proof[384 + i];
        }
    }

    function _cut(bytes memory from, uint256 length) private pure returns (bytes memory part) {
        part = new bytes(length);
        _paste(part, 0, from);
    }

    /// Overwrites `target` from `offset` on, as far as it reaches.
    function _paste(bytes memory target, uint256 offset, bytes memory part) private pure {
        for (uint256 i = 0; i < part.length && offset + i < target.length; ++i) {
            target[offset + i] = part[i];
        }
    }
}
