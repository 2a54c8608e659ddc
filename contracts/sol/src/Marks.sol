// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title A number that changes with the periods, and what it was at any earlier one.
/// @notice A list is words 0..length-1 of a mapping, each one mark: from | value << 64. The value at a period is that of
/// the newest mark whose `from` is not behind it; before the first mark it is 0. A change in the period of the newest
/// mark rewrites that word, so a list grows by at most one word per period. Look-ups are binary searches.
/// @dev Invariant: from_i < from_(i+1). The caller keeps `length` where it is cheapest.
library Marks {
    /// Sets the value from `period` on, which must not lie before the newest mark; returns the new length.
    function set(mapping(uint256 => uint256) storage words, uint32 length, uint64 period, uint128 value)
        internal
        returns (uint32)
    {
        uint256 word = uint256(period) | (uint256(value) << 64);
        if (length != 0) {
            uint64 last = uint64(words[length - 1]);
            assert(last <= period);
            if (last == period) {
                words[length - 1] = word;
                return length;
            }
        }
        words[length] = word;
        return length + 1;
    }

    /// The value at `period`.
    function valueAt(mapping(uint256 => uint256) storage words, uint32 length, uint64 period)
        internal
        view
        returns (uint128)
    {
        uint256 low = 0;
        uint256 high = length;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (uint64(words[middle]) <= period) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? 0 : uint128(words[low - 1] >> 64);
    }

    /// The newest value.
    function newest(mapping(uint256 => uint256) storage words, uint32 length) internal view returns (uint128) {
        return length == 0 ? 0 : uint128(words[length - 1] >> 64);
    }
}
