// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Blake3} from "../src/Blake3.sol";
import {ChunkProof, Fraud} from "../src/Fraud.sol";
import {Shown} from "./support/ChunkFile.sol";
import {ChunkWorld} from "./support/ChunkWorld.sol";
import {SlowGroups} from "./support/SlowGroups.sol";

/// @dev Pieces of a few chunks: a group of 127 bytes straddles chunks at bytes 1016 (group 8) and 2032 (group 16).
contract FraudTest is ChunkWorld {
    /// Forge shows events of this name with -vv.
    event log_named_uint(string key, uint256 value);

    struct Claim {
        bytes32 contentId;
        uint64 byteLen;
        uint64 group;
        uint256[4] leaves;
        ChunkProof[] chunks;
    }

    function _differs(Claim memory c) private view returns (bool) {
        return harness.differs(c.contentId, c.byteLen, c.group, c.leaves, c.chunks);
    }

    /// The right leaves of a group, with the chunks it lies in.
    function _honest(bytes memory data, uint64 group) private view returns (Claim memory c) {
        c.contentId = slow.hash(data);
        c.byteLen = uint64(data.length);
        c.group = group;
        c.leaves = SlowGroups.elements(data, group);
        uint256 start = 127 * uint256(group);
        if (start >= data.length) return c;
        uint256 first = start / CHUNK;
        uint256 last = (_least(start + 127, data.length) - 1) / CHUNK;
        c.chunks = new ChunkProof[](last + 1 - first);
        for (uint256 i = first; i <= last; ++i) {
            c.chunks[i - first] = _proof(data, i);
        }
    }

    function _proof(bytes memory data, uint256 index) private view returns (ChunkProof memory) {
        Shown memory s = _cutUnder(0, data, index);
        return ChunkProof(s.chunk, s.path);
    }

    function _expectCount(uint256 got, uint256 expected) private {
        vm.expectRevert(abi.encodeWithSelector(Fraud.Fraud_ChunkCount.selector, got, expected));
    }

    function _expectRefused(uint64 index) private {
        vm.expectRevert(abi.encodeWithSelector(Fraud.Fraud_ChunkRefused.selector, index));
    }

    function test_no_group_of_an_honest_piece_differs() public view {
        uint16[6] memory lengths = [1, 127, 128, 1017, 1025, 2300];
        for (uint256 i = 0; i < 6; ++i) {
            bytes memory data = _random(i, lengths[i]);
            uint64 groups = uint64((data.length + 126) / 127);
            for (uint64 g = 0; g < groups + 2; ++g) {
                vm.assertFalse(_differs(_honest(data, g)), "the leaves are right");
            }
        }
    }

    function test_any_changed_bit_of_the_leaves_differs() public view {
        Claim memory c = _honest(_random(1, 2300), 8);
        vm.assertEq(c.chunks.length, 2, "a group that straddles");
        uint8[7] memory bits = [0, 1, 63, 128, 252, 253, 255];
        for (uint256 i = 0; i < 28; ++i) {
            uint256 bit = 1 << bits[i % 7];
            c.leaves[i / 7] ^= bit;
            vm.assertTrue(_differs(c), "one bit");
            c.leaves[i / 7] ^= bit;
        }
        vm.assertFalse(_differs(c), "unchanged they are right");
    }

    function testFuzz_leaves_differ_when_they_are_not_those_of_the_bytes(uint256 seed, uint256 group, bool honest)
        public
        view
    {
        bytes memory data = _random(seed, _bound(seed >> 8, 1, CHUNK + 300));
        Claim memory c = _honest(data, uint64(group % (data.length / 127 + 3)));
        if (!honest) c.leaves[seed % 4] ^= 1 << (seed >> 32) % 256;
        vm.assertTrue(_differs(c) != honest, "differs");
    }

    function test_leaves_of_another_group_or_in_another_order_differ() public view {
        bytes memory data = _random(2, 2300);
        Claim memory c = _honest(data, 3);
        c.leaves = _honest(data, 4).leaves;
        vm.assertTrue(_differs(c), "of the next group");
        c = _honest(data, 3);
        (c.leaves[0], c.leaves[1]) = (c.leaves[1], c.leaves[0]);
        vm.assertTrue(_differs(c), "in another order");
    }

    function test_a_straddling_group_needs_both_chunks_in_order() public {
        bytes memory data = _random(3, 3072);
        Claim memory c = _honest(data, 8);
        (ChunkProof memory a, ChunkProof memory b) = (c.chunks[0], c.chunks[1]);
        c.leaves[0] ^= 1;
        vm.assertTrue(_differs(c), "control");
        c.chunks = new ChunkProof[](1);
        c.chunks[0] = a;
        _expectCount(1, 2);
        _differs(c);
        c.chunks = new ChunkProof[](3);
        (c.chunks[0], c.chunks[1], c.chunks[2]) = (a, b, _proof(data, 2));
        _expectCount(3, 2);
        _differs(c);
        c.chunks = new ChunkProof[](2);
        (c.chunks[0], c.chunks[1]) = (b, a);
        _expectRefused(0);
        _differs(c);
        (c.chunks[0], c.chunks[1]) = (a, a);
        _expectRefused(1);
        _differs(c);
        (c.chunks[0], c.chunks[1]) = (a, _proof(_random(4, 3072), 1));
        _expectRefused(1);
        _differs(c);
    }

    function test_a_group_inside_a_chunk_needs_this_chunk_alone() public {
        bytes memory data = _random(5, 3072);
        Claim memory c = _honest(data, 9);
        vm.assertEq(c.chunks.length, 1, "bytes 1143 .. 1269");
        c.chunks[0] = _proof(data, 0);
        _expectRefused(1);
        _differs(c);
        c.chunks = _honest(data, 8).chunks;
        _expectCount(2, 1);
        _differs(c);
        c.chunks = new ChunkProof[](0);
        _expectCount(0, 1);
        _differs(c);
    }

    function test_a_chunk_that_does_not_prove_itself_shows_nothing() public {
        bytes memory data = _random(6, 2300);
        Claim memory c = _honest(data, 8);
        c.chunks[1].chunk[1023] ^= 0x01;
        _expectRefused(1);
        _differs(c);
        c = _honest(data, 8);
        c.chunks[0].path[0] ^= bytes32(uint256(1));
        _expectRefused(0);
        _differs(c);
        c = _honest(data, 8);
        c.chunks[0].path = c.chunks[1].path;
        _expectRefused(0);
        _differs(c);
        c = _honest(data, 8);
        c.chunks[0].path = new bytes32[](1);
        vm.expectRevert(abi.encodeWithSelector(Blake3.Blake3_PathLength.selector, 1, 2));
        _differs(c);
        c = _honest(data, 8);
        c.chunks[1].chunk = _slice(c.chunks[1].chunk, 0, 1023);
        vm.expectRevert(abi.encodeWithSelector(Blake3.Blake3_ChunkLength.selector, 1023, 1024));
        _differs(c);
        c = _honest(data, 8);
        c.contentId ^= bytes32(uint256(1));
        _expectRefused(0);
        _differs(c);
    }

    function test_padding_needs_no_chunk_and_is_zero() public {
        bytes memory data = _random(7, 254);
        uint64[3] memory groups = [uint64(2), 3, type(uint64).max];
        for (uint256 i = 0; i < 3; ++i) {
            Claim memory c = _honest(data, groups[i]);
            vm.assertEq(c.chunks.length, 0, "no chunk");
            vm.assertFalse(_differs(c), "zeros are right");
            for (uint256 j = 0; j < 4; ++j) {
                c.leaves[j] = 1;
                vm.assertTrue(_differs(c), "anything else is not");
                c.leaves[j] = 0;
            }
            c.chunks = _honest(data, 1).chunks;
            _expectCount(1, 0);
            _differs(c);
        }
    }

    function test_the_last_group_is_padded_with_zeros_behind_the_end() public view {
        bytes memory data = _random(8, 1030);
        Claim memory c = _honest(data, 8);
        vm.assertEq(c.chunks.length, 2, "8 bytes of one chunk and 6 of the other");
        vm.assertFalse(_differs(c), "zeros behind the end");
        c.leaves[0] |= 1 << 112;
        vm.assertTrue(_differs(c), "the first bit behind the end");
        // Clipped at the boundary the same group needs one chunk.
        c = _honest(_random(8, 1024), 8);
        vm.assertEq(c.chunks.length, 1, "8 bytes of one chunk");
        vm.assertFalse(_differs(c), "zeros behind the end");
        c.leaves[3] = 1;
        vm.assertTrue(_differs(c), "and no others");
    }

    function test_the_last_group_of_the_longest_piece_is_reached() public view {
        Shown memory s = file.shown("madeUp", 2, 0);
        Claim memory c;
        (c.contentId, c.byteLen, c.group) = (s.hash, s.byteLen, (s.byteLen - 1) / 127);
        vm.assertEq(c.byteLen, type(uint40).max, "the longest piece of a deal");
        c.chunks = new ChunkProof[](1);
        c.chunks[0] = ChunkProof(s.chunk, s.path);
        uint256 start = uint256(c.group) * 127;
        c.leaves = SlowGroups.elements(file.pattern(start, s.byteLen - start), 0);
        vm.assertFalse(_differs(c), "right");
        c.leaves[0] ^= 1;
        vm.assertTrue(_differs(c), "wrong");
        c.group += 1;
        c.chunks = new ChunkProof[](0);
        vm.assertTrue(_differs(c), "behind the end");
    }

    /// A whole dispute is to stay below 3,000,000 gas: this, the proof of `dispute`, and the calldata.
    function test_the_dearest_dispute_of_a_piece_of_4_million_leaves_stays_below_its_bound() public {
        Shown memory a = file.real(127 << 20, 65_535);
        Shown memory b = file.real(127 << 20, 65_536);
        Claim memory c;
        (c.contentId, c.byteLen, c.group) = (a.hash, a.byteLen, uint64(65_536) * 1024 / 127);
        c.chunks = new ChunkProof[](2);
        (c.chunks[0], c.chunks[1]) = (ChunkProof(a.chunk, a.path), ChunkProof(b.chunk, b.path));
        vm.assertEq(a.path.length + b.path.length, 34, "the longest paths of such a piece");
        c.leaves = SlowGroups.elements(file.pattern(uint256(c.group) * 127, 127), 0);
        vm.assertFalse(_differs(c), "right");
        c.leaves[2] ^= 1;
        uint256 left = gasleft();
        bool differs = harness.differs(c.contentId, c.byteLen, c.group, c.leaves, c.chunks);
        uint256 spent = left - gasleft();
        vm.assertTrue(differs, "wrong");
        emit log_named_uint("gas of differs, two chunks, 66 compressions", spent);
        vm.assertLe(spent, 2_600_000, "the bound of the design");
        vm.assertLe(spent, 700_000, "what it takes");
    }
}
