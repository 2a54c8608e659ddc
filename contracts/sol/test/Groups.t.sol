// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../src/Constants.sol";
import {Groups} from "../src/Groups.sol";
import {ChunkWorld} from "./support/ChunkWorld.sol";
import {SlowGroups} from "./support/SlowGroups.sol";

contract GroupsTest is ChunkWorld {
    function _equal(uint256[4] memory left, uint256[4] memory right) private pure {
        for (uint256 i = 0; i < 4; ++i) {
            vm.assertEq(left[i], right[i], "element");
        }
    }

    function test_groups_agree_with_the_shared_answers() public view {
        string memory answers = vm.readFile("../../testdata/merkle/fr32.json");
        uint256 groups = 0;
        for (uint256 i = 0; vm.keyExistsJson(answers, _path(i, "bytes")); ++i) {
            bytes memory data = _hex(answers, _path(i, "bytes"));
            bytes memory stored = _hex(answers, _path(i, "stored"));
            for (uint64 g = 0; 128 * g < stored.length; ++g) {
                (uint256 start, uint256 end) = Groups.span(uint64(data.length), g);
                _equal(Groups.elements(_slice(data, start, end)), _stored(stored, 128 * g));
                ++groups;
            }
        }
        vm.assertEq(groups, 6, "groups of the answers");
    }

    /// Four elements of 32 little-endian bytes.
    function _stored(bytes memory data, uint256 from) private pure returns (uint256[4] memory made) {
        for (uint256 i = 0; i < 128; ++i) {
            made[i / 32] |= uint256(uint8(data[from + i])) << (8 * (i % 32));
        }
    }

    function _hex(string memory answers, string memory place) private pure returns (bytes memory) {
        return vm.parseBytes(string.concat("0x", vm.parseJsonString(answers, place)));
    }

    function _path(uint256 index, string memory name) private pure returns (string memory) {
        return string.concat(".encoded[", vm.toString(index), "].", name);
    }

    function testFuzz_groups_agree_with_the_reference(uint256 seed, uint256 length) public pure {
        bytes memory data = _random(seed, _bound(length, 0, 127));
        _equal(Groups.elements(data), SlowGroups.elements(data, 0));
    }

    function testFuzz_elements_are_canonical_and_no_two_groups_have_the_same(uint256 seed, uint256 bit) public pure {
        bytes memory data = _random(seed, 127);
        uint256[4] memory made = Groups.elements(data);
        for (uint256 i = 0; i < 4; ++i) {
            vm.assertTrue(made[i] < 1 << 254 && made[i] < Constants.FR, "254 bits, below the field's order");
        }
        bit = _bound(bit, 0, 1015);
        made[bit / 254] ^= 1 << (bit % 254);
        _equal(Groups.elements(_flipped(data, bit)), made);
    }

    function test_a_group_of_more_than_127_bytes_is_refused() public {
        harness.elements(new bytes(127));
        vm.expectRevert(abi.encodeWithSignature("Panic(uint256)", 0x11));
        harness.elements(new bytes(128));
    }

    function test_groups_cover_a_piece_without_gap_and_end_with_it() public pure {
        uint64[8] memory lengths = [uint64(0), 1, 126, 127, 128, 254, 255, 1024];
        for (uint256 i = 0; i < 8; ++i) {
            uint256 covered = 0;
            for (uint64 g = 0; g < 12; ++g) {
                (uint256 start, uint256 end) = Groups.span(lengths[i], g);
                vm.assertEq(start, covered, "begins where the last one ended");
                vm.assertTrue(end - start == 127 || end == lengths[i], "full, or ends with the piece");
                covered = end;
            }
            vm.assertEq(covered, lengths[i], "all of it");
        }
        (uint256 from, uint256 to) = Groups.span(type(uint64).max, type(uint64).max);
        vm.assertTrue(from == to && to == type(uint64).max, "no overflow");
    }
}
