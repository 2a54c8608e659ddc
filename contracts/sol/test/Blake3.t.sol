// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Blake3} from "../src/Blake3.sol";
import {Shown} from "./support/ChunkFile.sol";
import {ChunkWorld} from "./support/ChunkWorld.sol";

/// @dev Hashes made by BLAKE3's authors, and a slow reference.
contract Blake3AnswersTest is ChunkWorld {
    /// Counts the cases of a list and their chunks.
    function _checkAll(string memory kind) private view returns (uint256 cases, uint256 checked) {
        for (;; ++cases) {
            uint256 j = 0;
            for (;; ++j) {
                Shown memory s = file.shown(kind, cases, j);
                if (s.hash == 0) break;
                vm.assertTrue(_lies(s), "the chunk lies there");
                s.hash ^= bytes32(uint256(1));
                vm.assertFalse(_lies(s), "and under no other hash");
            }
            if (j == 0) return (cases, checked);
            checked += j;
        }
    }

    function test_chunks_of_the_published_inputs_lie_under_the_published_hashes() public view {
        (uint256 cases, uint256 checked) = _checkAll("real");
        vm.assertEq(cases, 27, "lengths");
        vm.assertEq(checked, 116, "chunks");
    }

    function test_chunks_lie_under_roots_of_the_longest_pieces_and_beyond_32_bits_of_counter() public view {
        (uint256 cases,) = _checkAll("madeUp");
        vm.assertEq(cases, 5, "cases");
        Shown memory s = file.shown("madeUp", 2, 0);
        vm.assertEq(s.byteLen, type(uint40).max, "the longest piece of a deal");
        vm.assertEq(s.index, (1 << 30) - 1, "its last chunk");
        vm.assertTrue(file.shown("madeUp", 4, 0).index > type(uint32).max, "a counter of two words");
    }

    /// The pieces that the Rust tests read too; byte i is i^2 + 7 i + 3.
    function test_shared_pieces_lie_under_their_content_ids() public view {
        string memory pieces = vm.readFile("../../testdata/merkle/piece.json");
        uint256 count = 0;
        for (;; ++count) {
            string memory place = string.concat(".pieces[", vm.toString(count), "]");
            if (!vm.keyExistsJson(pieces, place)) break;
            bytes memory data = new bytes(vm.parseJsonUint(pieces, string.concat(place, ".byte_len")));
            for (uint256 i = 0; i < data.length; ++i) {
                data[i] = bytes1(uint8(i * i + 7 * i + 3));
            }
            string memory id = vm.parseJsonString(pieces, string.concat(place, ".content_id"));
            bytes32 hash = vm.parseBytes32(string.concat("0x", id));
            vm.assertTrue(_lies(_cutUnder(hash, data, data.length / 2 / CHUNK)), id);
        }
        vm.assertEq(count, 9, "pieces");
    }

    function test_the_reference_makes_the_published_hashes() public view {
        for (uint256 i = 0; i < 15; ++i) {
            Shown memory s = file.shown("real", i, 0);
            vm.assertEq(slow.hash(file.pattern(0, s.byteLen)), s.hash, "hash");
        }
    }

    function testFuzz_chunks_agree_with_the_reference(uint256 seed, uint256 length) public view {
        bytes memory data = _random(seed, _bound(length, 0, 3 * CHUNK + 1));
        Shown memory s = _cut(data, seed % Blake3.chunksOf(uint64(data.length)));
        vm.assertTrue(_lies(s), "the chunk lies there");
        if (s.chunk.length == 0) return;
        s.chunk = _flipped(s.chunk, (seed >> 128) % (8 * s.chunk.length));
        vm.assertFalse(_lies(s), "and no other chunk");
    }

    /// One compression with bits everywhere: a block of 64 bytes under its hash.
    function testFuzz_blocks_agree_with_the_reference(bytes32 left, bytes32 right, uint256 length) public view {
        bytes memory data = _slice(bytes.concat(left, right), 0, _bound(length, 0, 64));
        vm.assertTrue(_lies(_cut(data, 0)), "the block hashes to that");
    }

    /// The parent of any two values: the right one that of a last chunk of one block.
    function testFuzz_parents_agree_with_the_reference(bytes32 left, bytes32 high, bytes32 low) public view {
        bytes memory data = bytes.concat(new bytes(CHUNK), high, low);
        bytes32 right = slow.chunk(data, CHUNK, data.length, false);
        bytes32[] memory path = new bytes32[](1);
        path[0] = left;
        bytes32 hash = slow.parent(left, right, true);
        vm.assertTrue(_lies(Shown(hash, uint64(data.length), 1, bytes.concat(high, low), path)), "their parent");
    }
}

/// @dev What a cheat may show instead.
contract Blake3AttacksTest is ChunkWorld {
    uint64 private constant FIVE = 5120;

    function _expectPathLength(uint256 got, uint256 expected) private {
        vm.expectRevert(abi.encodeWithSelector(Blake3.Blake3_PathLength.selector, got, expected));
    }

    function _expectChunkLength(uint256 got, uint256 expected) private {
        vm.expectRevert(abi.encodeWithSelector(Blake3.Blake3_ChunkLength.selector, got, expected));
    }

    function test_every_changed_bit_of_a_path_and_every_changed_byte_of_a_chunk_is_refused() public view {
        Shown memory s = file.real(5121, 5);
        vm.assertEq(s.chunk.length, 1, "the shortest last chunk");
        for (uint256 bit = 0; bit < 8; ++bit) {
            Shown memory t = file.real(5121, 5);
            t.chunk = _flipped(s.chunk, bit);
            vm.assertFalse(_lies(t), "bit of the chunk");
        }
        for (uint256 bit = 0; bit < 256 * s.path.length; ++bit) {
            s.path[bit / 256] ^= bytes32(1 << (bit % 256));
            vm.assertFalse(_lies(s), "bit of the path");
            s.path[bit / 256] ^= bytes32(1 << (bit % 256));
        }
        s = file.real(FIVE, 2);
        for (uint256 i = 0; i < CHUNK; i += 3) {
            s.chunk[i] ^= 0x80;
            vm.assertFalse(_lies(s), "byte of the chunk");
            s.chunk[i] ^= 0x80;
        }
        vm.assertTrue(_lies(s), "unchanged it lies there");
    }

    function test_a_chunk_lies_at_no_other_index() public {
        for (uint64 i = 0; i < 8; ++i) {
            for (uint64 j = 0; j < 8; ++j) {
                Shown memory s = file.real(8192, i);
                s.index = j;
                vm.assertTrue(_lies(s) == (i == j), "only where it is");
            }
        }
        Shown memory last = file.real(8192, 7);
        last.index = 8;
        vm.expectRevert(abi.encodeWithSelector(Blake3.Blake3_ChunkIndex.selector, 8, 8));
        _lies(last);
        last.index = type(uint64).max;
        vm.expectRevert(abi.encodeWithSelector(Blake3.Blake3_ChunkIndex.selector, type(uint64).max, 8));
        _lies(last);
    }

    function test_equal_bytes_lie_at_no_other_index() public view {
        bytes memory data = new bytes(4 * CHUNK);
        Shown memory s = _cut(data, 1);
        vm.assertTrue(_lies(s), "control");
        s.index = 0;
        vm.assertFalse(_lies(s), "the counter tells equal chunks apart");
    }

    function test_a_path_from_another_place_is_refused() public view {
        for (uint64 i = 0; i < 8; ++i) {
            Shown memory s = file.real(8192, 3);
            s.path = file.real(8192, i).path;
            vm.assertTrue(_lies(s) == (i == 3), "only its own path");
        }
        Shown memory other = file.real(FIVE, 3);
        other.path = file.real(7168, 3).path;
        vm.assertFalse(_lies(other), "the path in another piece");
        Shown memory turned = file.real(8192, 3);
        (turned.path[0], turned.path[1]) = (turned.path[1], turned.path[0]);
        vm.assertFalse(_lies(turned), "another order");
    }

    function test_a_path_of_another_length_is_refused() public {
        Shown memory s = file.real(FIVE, 4);
        bytes32[] memory own = s.path;
        vm.assertEq(own.length, 1, "the last of five chunks has one sibling");
        s.path = new bytes32[](2);
        (s.path[0], s.path[1]) = (own[0], own[0]);
        _expectPathLength(2, 1);
        _lies(s);
        s.path = new bytes32[](0);
        _expectPathLength(0, 1);
        _lies(s);
        s = file.real(FIVE, 3);
        s.path = own;
        _expectPathLength(1, 3);
        _lies(s);
        s = file.real(1024, 0);
        s.path = own;
        _expectPathLength(1, 0);
        _lies(s);
    }

    function test_a_chunk_of_another_length_is_refused() public {
        uint256[4] memory lengths = [uint256(0), 63, 1023, 1025];
        for (uint256 i = 0; i < 4; ++i) {
            Shown memory s = file.real(FIVE, 1);
            s.chunk = file.pattern(CHUNK, lengths[i]);
            _expectChunkLength(lengths[i], 1024);
            _lies(s);
        }
        Shown memory last = file.real(4097, 4);
        last.chunk = bytes.concat(last.chunk, hex"00");
        _expectChunkLength(2, 1);
        _lies(last);
        last = file.real(1023, 0);
        last.chunk = bytes.concat(last.chunk, hex"00");
        _expectChunkLength(1024, 1023);
        _lies(last);
    }

    function test_an_inner_node_is_no_chunk() public view {
        Shown memory two = file.real(2048, 0);
        bytes32 left = file.real(2048, 1).path[0];
        vm.assertEq(slow.parent(left, two.path[0], true), two.hash, "control: they make the root");
        bytes memory values = bytes.concat(left, two.path[0]);
        vm.assertFalse(_lies(Shown(two.hash, 64, 0, values, new bytes32[](0))), "the root's children as the input");

        // The last of five chunks, which would be as long as a block, in place of the parent of chunks 4 and 5.
        Shown memory six = file.real(6144, 4);
        values = bytes.concat(file.real(6144, 5).path[0], six.path[0]);
        bytes32[] memory path = new bytes32[](1);
        path[0] = six.path[1];
        bytes32 above = slow.parent(file.real(6144, 5).path[0], six.path[0], false);
        vm.assertEq(slow.parent(path[0], above, true), six.hash, "control: they make the root");
        vm.assertFalse(_lies(Shown(six.hash, 4096 + 64, 4, values, path)), "a parent's children as a chunk");
    }

    function test_only_the_last_compression_is_a_root() public view {
        // Chaining values of a chunk and of a parent inside a tree are no hashes of what lies below them.
        bytes32 value = file.real(2048, 1).path[0];
        Shown memory one = file.real(1024, 0);
        vm.assertEq(value, slow.chunk(one.chunk, 0, 1024, false), "control: the value of this chunk");
        one.hash = value;
        vm.assertFalse(_lies(one), "a chunk's value as a hash");
        Shown memory two = file.real(2048, 0);
        two.hash = file.real(4096, 2).path[1];
        vm.assertEq(two.hash, slow.node(file.pattern(0, 2048), 0, 2048, false), "control: the value of both");
        vm.assertFalse(_lies(two), "a parent's value as a hash");
        // And a hash is no chaining value.
        Shown memory right = file.real(2048, 1);
        right.path[0] = file.real(1024, 0).hash;
        vm.assertFalse(_lies(right), "a hash as a sibling");
        bytes32 ownHash = slow.chunk(file.pattern(0, 2048), 1024, 2048, true);
        right.hash = slow.parent(right.path[0], ownHash, true);
        vm.assertFalse(_lies(right), "a root over hashes");
    }

    /// Another length has another tree, or the same place and bytes in it: so the last chunk fixes the length, and no
    /// chunk ever seems to hold other bytes.
    function test_a_lied_length_moves_no_byte() public view {
        for (uint64 i = 0; i < 6; ++i) {
            Shown memory s = file.real(5121, i);
            for (uint64 length = 64; length < 9000; length += 61) {
                s.byteLen = length;
                try harness.chunkLies(s.hash, length, i, s.chunk, s.path) returns (bool lies) {
                    vm.assertFalse(lies && i == 5, "the last chunk fixes the length");
                } catch (bytes memory reason) {
                    bytes4 why = bytes4(reason);
                    bool named = why == Blake3.Blake3_ChunkIndex.selector || why == Blake3.Blake3_ChunkLength.selector
                        || why == Blake3.Blake3_PathLength.selector;
                    vm.assertTrue(named, "a named refusal");
                }
            }
        }
        Shown memory whole = file.real(FIVE, 4);
        whole.byteLen = FIVE + 1;
        vm.assertFalse(_accepted(whole), "one byte more");
        whole.byteLen = FIVE - 1;
        vm.assertFalse(_accepted(whole), "one byte less");
        Shown memory first = file.real(FIVE, 1);
        first.byteLen = 4096;
        vm.assertFalse(_accepted(first), "a lower tree");
        first.byteLen = 8193;
        vm.assertFalse(_accepted(first), "a higher tree");
    }

    function _accepted(Shown memory s) private view returns (bool) {
        try harness.chunkLies(s.hash, s.byteLen, s.index, s.chunk, s.path) returns (bool lies) {
            return lies;
        } catch {
            return false;
        }
    }
}
