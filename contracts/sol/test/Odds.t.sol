// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Odds} from "../src/Odds.sol";
import {Cheats} from "./support/Vm.sol";

contract OddsTest is Cheats {
    uint256 private constant SHARD = 1e9;

    function caught(uint32 lostPpm, uint256 samples) public pure returns (uint64) {
        return Odds.caught(lostPpm, samples);
    }

    /// exact = what Python's decimal says, in units of 10^-18, rounded down; the answer may lie at most
    /// 1 + 2^-16 parts per billion below it, and never above.
    function test_answers_lie_within_the_stated_error_of_the_exact_ones() public view {
        string memory json = vm.readFile("../../testdata/contracts/odds.json");
        uint256 cases = vm.parseJsonUint(json, ".count");
        vm.assertTrue(cases >= 100, "cases");
        for (uint256 i = 0; i < cases; ++i) {
            string memory path = string.concat(".cases[", vm.toString(i), "]");
            uint256 lost = vm.parseJsonUint(json, string.concat(path, ".lost_ppm"));
            uint256 samples = vm.parseUint(vm.parseJsonString(json, string.concat(path, ".samples")));
            uint256 exact = vm.parseUint(vm.parseJsonString(json, string.concat(path, ".caught_quintillionths")));
            uint256 got = caught(uint32(lost), samples);
            vm.assertLe(got * SHARD, exact, "never more than the truth");
            vm.assertLe(exact, (got + 1) * SHARD + SHARD / 65_536, "at most 1 + 2^-16 parts per billion less");
        }
    }

    function testFuzz_more_samples_and_more_loss_are_never_less_likely_found(uint32 lost, uint64 samples) public pure {
        lost = uint32(_bound(lost, 0, 999_999));
        uint64 base = caught(lost, samples);
        vm.assertLe(base, caught(lost, uint256(samples) + 1), "samples");
        vm.assertLe(base, caught(lost + 1, samples), "loss");
        vm.assertLe(base, 1e9, "a chance");
    }

    function test_the_edges_are_exact() public pure {
        vm.assertEq(caught(0, (1 << 80) - 1), 0, "nothing lost, nothing found");
        vm.assertEq(caught(1_000_000, 0), 0, "no sample finds nothing");
        vm.assertEq(caught(1_000_000, 1), 1e9, "everything lost is found");
        vm.assertEq(caught(500_000, 3), 875_000_000, "halves are halved without rounding");
    }

    function test_what_the_bound_does_not_cover_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(Odds.Odds_FractionRefused.selector, 1_000_001));
        this.caught(1_000_001, 1);
        vm.expectRevert(abi.encodeWithSelector(Odds.Odds_TooManySamples.selector, 1 << 80));
        this.caught(1, 1 << 80);
    }
}
