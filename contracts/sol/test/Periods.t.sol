// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Periods, Schedule} from "../src/Periods.sol";
import {Cheats} from "./support/Vm.sol";

contract PeriodsHarness is Periods {
    constructor(Schedule memory s) Periods(s) {}
}

contract PeriodsTest is Cheats {
    uint64 private constant GENESIS = 1_000_000_000;

    function _random(uint256 seed) private returns (PeriodsHarness harness, Schedule memory s) {
        s.genesis = GENESIS;
        s.roundSeconds = 3;
        s.t0 = GENESIS + 3 * uint64(_bound(seed, 0, 1000));
        s.freeze = uint64(_bound(seed >> 16, 1, 60));
        s.due = uint64(_bound(seed >> 32, 1, 300));
        s.period = (s.freeze + s.due) / 3 * 3 + 3 * uint64(_bound(seed >> 48, 1, 50));
        harness = new PeriodsHarness(s);
    }

    function testFuzz_the_open_period_is_the_first_not_frozen(uint256 seed, uint32 offset) public {
        (PeriodsHarness h, Schedule memory s) = _random(seed);
        uint64 time = GENESIS - 1000 + uint64(offset % 100_000);
        uint64 open = h.openPeriod(time);
        vm.assertTrue(open >= 1, "periods begin with 1");
        vm.assertTrue(time < h.freezeTime(open), "not frozen yet");
        if (open > 1) vm.assertTrue(time >= s.t0 + (open - 1) * s.period - s.freeze, "the one before is");
    }

    function testFuzz_the_last_closed_period_is_the_last_past_its_deadline(uint256 seed, uint32 offset) public {
        (PeriodsHarness h,) = _random(seed);
        uint64 time = GENESIS - 1000 + uint64(offset % 100_000);
        uint64 closed = h.lastClosedPeriod(time);
        if (closed > 0) vm.assertTrue(h.deadline(closed) < time, "past");
        vm.assertTrue(h.deadline(closed + 1) >= time, "the next is not");
        vm.assertTrue(closed < h.openPeriod(time), "what is open is not closed");
    }

    function testFuzz_a_deadline_lies_before_the_next_freeze_and_rounds_are_exact(uint256 seed, uint16 period) public {
        (PeriodsHarness h, Schedule memory s) = _random(seed);
        uint64 p = uint64(period) + 1;
        vm.assertTrue(h.freezeTime(p) < h.roundTime(p) && h.roundTime(p) < h.deadline(p), "order");
        vm.assertTrue(h.deadline(p) < h.freezeTime(p + 1), "windows do not overlap");
        vm.assertEq(s.genesis + (h.roundOf(p) - 1) * 3, h.roundTime(p), "the round is at the round's time");
    }

    function test_contradictory_schedules_are_refused() public {
        Schedule memory good = Schedule(GENESIS + 300, 36, 6, 27, GENESIS, 3);
        new PeriodsHarness(good);
        Schedule[8] memory bad;
        for (uint256 i = 0; i < bad.length; ++i) {
            bad[i] = Schedule(good.t0, good.period, good.freeze, good.due, good.genesis, good.roundSeconds);
        }
        bad[0].due = 30; // deadline = next freeze
        bad[1].freeze = 9; // the same from the other side
        bad[2].t0 = GENESIS + 301; // not on a round
        bad[3].t0 = GENESIS - 3; // before the beacon
        bad[4].roundSeconds = 0;
        bad[5].freeze = 0;
        bad[6].due = 0;
        bad[7].period = 37; // not on rounds
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Periods.Periods_ScheduleRefused.selector, bad[i]));
            new PeriodsHarness(bad[i]);
        }
    }
}
