// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../src/Constants.sol";
import {Slot} from "../src/DealTypes.sol";
import {Deals} from "../src/Deals.sol";
import {Verifier} from "../src/Verifier.sol";
import {Cheats} from "./support/Vm.sol";
import {World} from "./support/World.sol";

/// @dev Keys and proofs that the Rust prover made, in the bytes it exports for the chain: of a toy circuit with 1, 3
/// and 5 inputs, and of the six circuits (spacetime of the devnet set over 1, 100 and 4,096 sectors among them).
contract ProverAnswersTest is Cheats {
    address private constant KEY = address(0xce7);
    uint256 private constant WINDOW_LIMIT = 300_000;

    Verifier private verifier;
    string private json;

    function setUp() public {
        verifier = new Verifier();
        json = _read("groth16/toy");
    }

    function _read(string memory name) private view returns (string memory) {
        return vm.readFile(string.concat("../../testdata/prover/", name, ".json"));
    }

    function _path(uint256 index, string memory name) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(index), "].", name);
    }

    function _load(uint256 index) private returns (uint256[] memory inputs, bytes memory proof) {
        vm.etch(KEY, bytes.concat(hex"00", vm.parseJsonBytes(json, _path(index, "vk"))));
        bytes32[] memory words = vm.parseJsonBytes32Array(json, _path(index, "inputs"));
        inputs = new uint256[](words.length);
        for (uint256 i = 0; i < words.length; ++i) {
            inputs[i] = uint256(words[i]);
        }
        proof = vm.parseJsonBytes(json, _path(index, "proof"));
    }

    /// Every case holds, and no longer does when one input moves by one or one bit of the proof flips.
    function _checkFile(string memory name, uint256 inputCount, uint256 least) private {
        json = _read(name);
        uint256 index = 0;
        for (; vm.keyExistsJson(json, _path(index, "vk")); ++index) {
            (uint256[] memory inputs, bytes memory proof) = _load(index);
            if (inputCount != 0) vm.assertEq(inputs.length, inputCount, name);
            verifier.requireKey(KEY, inputs.length);
            verifier.verify(KEY, inputs, proof);
            uint256 last = inputs.length - 1;
            inputs[last] = addmod(inputs[last], 1, Constants.FR);
            vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
            verifier.verify(KEY, inputs, proof);
        }
        vm.assertTrue(index >= least, "cases");
    }

    function test_toy_proofs_made_in_rust_are_accepted() public {
        _checkFile("groth16/toy", 0, 3);
    }

    function test_proofs_of_the_circuits_of_the_test_set_are_accepted() public {
        _checkFile("spacetime/test", 3, 1);
        _checkFile("append/test", 5, 1);
        _checkFile("retire/test", 3, 1);
        _checkFile("include/test", 5, 1);
        _checkFile("replica/test", 7, 4);
        _checkFile("dispute/test", 6, 2);
    }

    function test_proofs_of_the_circuits_of_the_devnet_set_are_accepted() public {
        _checkFile("spacetime/devnet", 3, 3);
        _checkFile("append/devnet", 5, 1);
        _checkFile("retire/devnet", 3, 1);
        _checkFile("include/devnet", 5, 1);
        _checkFile("replica/devnet", 7, 1);
        _checkFile("dispute/devnet", 6, 2);
    }

    function test_proofs_of_replication_made_in_rust_hold_in_one_batch() public {
        json = _read("replica/test");
        uint256[][] memory inputs = new uint256[][](4);
        bytes[4] memory proofs;
        for (uint256 i = 0; i < 4; ++i) {
            (inputs[i], proofs[i]) = _load(i);
        }
        bytes memory all = bytes.concat(proofs[0], proofs[1], proofs[2], proofs[3]);
        verifier.verifyBatch(KEY, inputs, all);
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        verifier.verifyBatch(KEY, inputs, bytes.concat(proofs[1], proofs[0], proofs[2], proofs[3]));
        inputs[3][6] += uint256(1) << 64;
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        verifier.verifyBatch(KEY, inputs, all);
    }

    function test_window_proofs_of_1_100_and_4096_sectors_cost_the_same() public {
        json = _read("spacetime/devnet");
        uint256[3] memory spent;
        uint256 sizes = 0;
        for (uint256 i = 0; i < 3; ++i) {
            (uint256[] memory inputs, bytes memory proof) = _load(i);
            sizes += inputs[2] & type(uint32).max;
            uint256 left = gasleft();
            verifier.verify(KEY, inputs, proof);
            spent[i] = left - gasleft();
            vm.assertLe(spent[i], WINDOW_LIMIT, "below the bound");
        }
        vm.assertEq(sizes, 1 + 100 + 4096, "the three sizes");
        vm.assertLe(spent[2], spent[1] + 1000, "no dependence on size");
    }

    function test_proofs_made_in_rust_are_refused_for_every_other_input() public {
        for (uint256 index = 0; index < 3; ++index) {
            (uint256[] memory inputs, bytes memory proof) = _load(index);
            for (uint256 i = 0; i < inputs.length; ++i) {
                uint256 honest = inputs[i];
                inputs[i] = honest + Constants.FR;
                vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_InputOutOfField.selector, i));
                verifier.verify(KEY, inputs, proof);
                inputs[i] = addmod(honest, 1, Constants.FR);
                vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
                verifier.verify(KEY, inputs, proof);
                inputs[i] = honest;
            }
        }
    }

    function test_a_proof_made_in_rust_is_refused_when_any_word_of_it_changes() public {
        (uint256[] memory inputs, bytes memory proof) = _load(1);
        for (uint256 i = 31; i < proof.length; i += 32) {
            proof[i] ^= 0x01;
            vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
            verifier.verify(KEY, inputs, proof);
            proof[i] ^= 0x01;
        }
        verifier.verify(KEY, inputs, proof);
    }
}

/// @dev EIP-712 digests of acceptances as an independent library computes them.
contract AcceptanceAnswersTest is World {
    string private constant FILE = "../../testdata/wire/eip712/terms.json";

    function test_acceptance_digests_agree_with_the_shared_answers() public {
        string memory json = vm.readFile(FILE);
        uint256 compared = 0;
        for (uint256 i = 0; vm.keyExistsJson(json, _path(i, "name")); ++i) {
            uint256 chain = vm.parseJsonUint(json, _path(i, "chain_id"));
            address place = vm.parseJsonAddress(json, _path(i, "deals"));
            if (chain == 0 || chain > type(uint64).max || place == address(0)) continue; // no such chain here
            vm.chainId(chain);
            vm.etch(place, address(deals).code);
            vm.assertEq(Deals(place).domainSeparator(), _hex(json, _path(i, "domain_separator")), "domain");
            vm.assertEq(_digest(Deals(place), json, i), _hex(json, _path(i, "acceptance_digest")), "digest");
            ++compared;
        }
        vm.assertTrue(compared > 0, "something was compared");
    }

    function _digest(Deals target, string memory json, uint256 i) private view returns (bytes32) {
        Slot memory piece = Slot({
            contentId: _hex(json, _path(i, "terms.content_id")),
            provider: vm.parseJsonAddress(json, _path(i, "terms.provider")),
            byteLen: uint64(vm.parseJsonUint(json, _path(i, "terms.byte_len"))),
            b: uint8(vm.parseJsonUint(json, _path(i, "terms.b")))
        });
        return target.acceptanceDigest(
            uint64(vm.parseJsonUint(json, _path(i, "terms.deal"))),
            uint8(vm.parseJsonUint(json, _path(i, "terms.slot"))),
            piece,
            _reversed(_hex(json, _path(i, "terms.comm_p_le"))),
            uint64(vm.parseJsonUint(json, _path(i, "terms.expiry_unix")))
        );
    }

    function _path(uint256 index, string memory name) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(index), "].", name);
    }

    function _hex(string memory json, string memory path) private pure returns (bytes32) {
        return vm.parseBytes32(string.concat("0x", vm.parseJsonString(json, path)));
    }

    function _reversed(bytes32 word) private pure returns (uint256 value) {
        for (uint256 i = 0; i < 32; ++i) {
            value |= uint256(uint8(word[i])) << (8 * i);
        }
    }
}
