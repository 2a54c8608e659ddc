// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice When things happen, in seconds. Period p >= 1 has its beacon round at t0 + p * period, its trees are frozen
/// `freeze` before that and its proofs are due `due` after it; deadline(p) < freeze(p + 1).
struct Schedule {
    uint64 t0;
    uint64 period;
    uint64 freeze;
    uint64 due;
    uint64 genesis;
    uint64 roundSeconds;
}

/// @title The arithmetic of periods; a deployment has one schedule, set for good.
/// @dev There is no period 0: "the period before the first" is a number without a round.
abstract contract Periods {
    /// @notice The schedule contradicts itself, or its periods do not begin with a round of the beacon.
    error Periods_ScheduleRefused(Schedule got);

    uint64 internal immutable T0;
    uint64 internal immutable PERIOD;
    uint64 internal immutable FREEZE;
    uint64 internal immutable DUE;
    uint64 internal immutable GENESIS;
    uint64 internal immutable ROUND_SECONDS;

    constructor(Schedule memory s) {
        bool sound = s.roundSeconds != 0 && s.t0 >= s.genesis && s.freeze != 0 && s.due != 0 && s.due < s.period
            && s.freeze < s.period - s.due && s.period <= 365 days && s.t0 <= type(uint32).max;
        sound = sound && (s.t0 - s.genesis) % s.roundSeconds == 0 && s.period % s.roundSeconds == 0;
        if (!sound) revert Periods_ScheduleRefused(s);
        (T0, PERIOD, FREEZE, DUE) = (s.t0, s.period, s.freeze, s.due);
        (GENESIS, ROUND_SECONDS) = (s.genesis, s.roundSeconds);
    }

    /// @notice The schedule of this deployment.
    function schedule() public view returns (Schedule memory) {
        return Schedule(T0, PERIOD, FREEZE, DUE, GENESIS, ROUND_SECONDS);
    }

    /// @notice Time of the beacon round of `period`.
    function roundTime(uint64 period) public view returns (uint64) {
        return T0 + period * PERIOD;
    }

    /// @notice Beacon round of `period` (the beacon's first round has number 1).
    function roundOf(uint64 period) public view returns (uint64) {
        return (roundTime(period) - GENESIS) / ROUND_SECONDS + 1;
    }

    /// @notice From this second on the trees of `period` no longer change.
    function freezeTime(uint64 period) public view returns (uint64) {
        return roundTime(period) - FREEZE;
    }

    /// @notice Last second in which a proof of `period` (and its beacon round) counts.
    function deadline(uint64 period) public view returns (uint64) {
        return roundTime(period) + DUE;
    }

    /// @notice The first period not yet frozen at `time`: what changes now is effective from it.
    function openPeriod(uint64 time) public view returns (uint64) {
        uint64 shifted = time + FREEZE;
        return shifted < T0 ? 1 : (shifted - T0) / PERIOD + 1;
    }

    /// @notice The first period whose round's time lies behind `time`.
    function periodAfter(uint64 time) public view returns (uint64) {
        return time < T0 ? 1 : (time - T0) / PERIOD + 1;
    }

    /// @notice The last period whose deadline lies before `time`; 0 when there is none.
    function lastClosedPeriod(uint64 time) public view returns (uint64) {
        uint64 first = T0 + DUE;
        return time <= first ? 0 : (time - first - 1) / PERIOD;
    }

    function _now() internal view returns (uint64) {
        return uint64(block.timestamp);
    }
}
