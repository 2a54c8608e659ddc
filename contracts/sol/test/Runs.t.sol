// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Runs} from "../src/Runs.sol";
import {Words} from "../src/Words.sol";
import {Cheats} from "./support/Vm.sol";

contract RunsTest is Cheats {
    mapping(uint256 => uint256) private words;
    uint32 private length;

    function testFuzz_counts_match_a_naive_list(uint256 pattern) public {
        uint64 first = uint64(pattern & 7) + 1;
        for (uint64 i = 0; i < 200; ++i) {
            if ((pattern >> i) & 1 == 1) length = Runs.mark(words, length, first + i);
        }
        uint64 total = 0;
        for (uint64 p = 0; p < first + 210; ++p) {
            bool marked = p >= first && p < first + 200 && (pattern >> (p - first)) & 1 == 1;
            if (marked) ++total;
            vm.assertEq(Runs.countUpTo(words, length, p), total, "count");
            vm.assertTrue(Runs.has(words, length, p) == marked, "membership");
        }
    }

    function test_steady_marking_stays_in_one_word_and_a_gap_costs_one() public {
        for (uint64 p = 5; p < 500; ++p) {
            length = Runs.mark(words, length, p);
        }
        vm.assertEq(length, 1, "one run");
        length = Runs.mark(words, length, 501);
        vm.assertEq(length, 2, "one more");
        vm.assertTrue(Runs.reaches(words, length, 501) && !Runs.reaches(words, length, 502), "reach");
    }

    function testFuzz_run_words_unpack_to_what_was_packed(uint64 first, uint64 last, uint64 before) public pure {
        (uint64 a, uint64 b, uint64 c) = Runs.unpack(Runs.pack(first, last, before));
        vm.assertTrue(a == first && b == last && c == before, "round trip");
    }

    function testFuzz_input_words_have_every_field_at_its_bits(
        uint32 count,
        uint32 index,
        uint64 number,
        uint64 moved,
        uint40 offset,
        uint40 byteLen,
        uint8 b
    ) public pure {
        uint256 c = count;
        vm.assertEq(Words.window(count, b, 0), c + (c << 64) + (uint256(b) << 136), "window");
        vm.assertEq(Words.window(count, b, 8), c + (c << 64) + (uint256(b) << 136) + (uint256(8) << 208), "skips");
        vm.assertEq(Words.append(count, number, b), c + (uint256(number) << 32) + (uint256(b) << 96), "append");
        uint256 word = c + (uint256(index) << 32) + (uint256(number) << 64) + (uint256(moved) << 128);
        vm.assertEq(Words.retire(count, index, number, moved), word, "retire");
        word = uint256(offset) + (uint256(b) << 40) + (uint256(byteLen) << 48);
        vm.assertEq(Words.piece(offset, b, byteLen), word, "piece");
    }
}
