// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Sets of periods as runs, with cumulative counts.
/// @notice A list is words 0..length-1 of a mapping, each one run: first | last << 64 | before << 128, where `before`
/// counts everything in earlier runs. Marking the period after the last run's end lengthens that run, so steady
/// behaviour costs no new word, and a new run costs exactly one. Look-ups are binary searches.
/// @dev Invariants: first_i < first_(i+1); last_i + 1 < first_(i+1). The caller keeps `length` where it is cheapest.
library Runs {
    /// Last period of a run that has not ended.
    uint64 internal constant OPEN = type(uint64).max;

    function pack(uint64 first, uint64 last, uint64 before) internal pure returns (uint256) {
        return uint256(first) | (uint256(last) << 64) | (uint256(before) << 128);
    }

    function unpack(uint256 word) internal pure returns (uint64 first, uint64 last, uint64 before) {
        return (uint64(word), uint64(word >> 64), uint64(word >> 128));
    }

    /// Whether the newest run reaches `period` or beyond (then `period` can no longer be marked).
    function reaches(mapping(uint256 => uint256) storage words, uint32 length, uint64 period)
        internal
        view
        returns (bool)
    {
        if (length == 0) return false;
        (, uint64 last,) = unpack(words[length - 1]);
        return period <= last;
    }

    /// Adds `period`, which must lie behind everything marked; returns the new length.
    function mark(mapping(uint256 => uint256) storage words, uint32 length, uint64 period) internal returns (uint32) {
        if (length == 0) {
            words[0] = pack(period, period, 0);
            return 1;
        }
        (uint64 first, uint64 last, uint64 before) = unpack(words[length - 1]);
        assert(period > last);
        if (period == last + 1) {
            words[length - 1] = pack(first, period, before);
            return length;
        }
        words[length] = pack(period, period, before + (last - first + 1));
        return length + 1;
    }

    /// The newest run that begins at or before `period`; found = false when there is none.
    function find(mapping(uint256 => uint256) storage words, uint32 length, uint64 period)
        internal
        view
        returns (bool found, uint64 first, uint64 last, uint64 before)
    {
        uint256 low = 0;
        uint256 high = length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (uint64(words[middle]) <= period) low = middle + 1;
            else high = middle;
        }
        if (low == 0) return (false, 0, 0, 0);
        (first, last, before) = unpack(words[low - 1]);
        found = true;
    }

    /// How many periods 1..`period` are marked.
    function countUpTo(mapping(uint256 => uint256) storage words, uint32 length, uint64 period)
        internal
        view
        returns (uint64)
    {
        (bool found, uint64 first, uint64 last, uint64 before) = find(words, length, period);
        if (!found) return 0;
        return before + (period < last ? period : last) - first + 1;
    }

    /// Whether `period` is marked.
    function has(mapping(uint256 => uint256) storage words, uint32 length, uint64 period) internal view returns (bool) {
        (bool found,, uint64 last,) = find(words, length, period);
        return found && period <= last;
    }
}
