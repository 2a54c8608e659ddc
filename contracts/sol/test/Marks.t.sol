// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Marks} from "../src/Marks.sol";
import {Cheats} from "./support/Vm.sol";

contract MarksTest is Cheats {
    mapping(uint256 => uint256) private words;
    uint32 private length;
    mapping(uint64 period => uint128 value) private model;

    function test_before_the_first_mark_the_value_is_zero() public {
        vm.assertEq(Marks.valueAt(words, 0, 5), 0, "no mark");
        vm.assertEq(Marks.newest(words, 0), 0, "newest of none");
        length = Marks.set(words, 0, 5, 7);
        vm.assertEq(Marks.valueAt(words, length, 4), 0, "before");
        vm.assertEq(Marks.valueAt(words, length, 5), 7, "from it on");
        vm.assertEq(Marks.valueAt(words, length, type(uint64).max), 7, "for ever");
    }

    function test_a_change_in_the_same_period_takes_no_new_word() public {
        length = Marks.set(words, 0, 5, 7);
        length = Marks.set(words, length, 5, type(uint128).max);
        vm.assertEq(length, 1, "rewritten");
        vm.assertEq(Marks.newest(words, length), type(uint128).max, "every bit of the value");
        length = Marks.set(words, length, type(uint64).max, 1);
        vm.assertEq(Marks.valueAt(words, length, type(uint64).max - 1), type(uint128).max, "the one before");
        vm.assertEq(Marks.valueAt(words, length, type(uint64).max), 1, "every bit of the period");
    }

    function test_the_past_is_not_marked() public {
        length = Marks.set(words, 0, 5, 7);
        vm.expectRevert();
        this.set(4, 1);
    }

    function set(uint64 period, uint128 value) external {
        length = Marks.set(words, length, period, value);
    }

    function testFuzz_every_look_up_matches_a_loop(uint256 seed) public {
        uint128 value = 0;
        for (uint64 p = 1; p <= 40; ++p) {
            seed = uint256(keccak256(abi.encode(seed)));
            for (uint256 changes = seed % 3; changes != 0; --changes) {
                value = uint128(seed >> (64 * changes));
                length = Marks.set(words, length, p, value);
            }
            model[p] = value;
            vm.assertEq(Marks.newest(words, length), value, "newest");
        }
        for (uint64 p = 0; p <= 41; ++p) {
            vm.assertEq(Marks.valueAt(words, length, p), model[p > 40 ? 40 : p], "then");
        }
    }
}
