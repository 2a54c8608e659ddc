// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title The chance that missing data is found by sampling.
/// @notice `samples` independent samples, each of which hits the missing fraction f with chance f, all miss it with chance
/// q^samples, q = 1 - f. Fixed point with S = 2^127: q is rounded up, and so is every product, so what is returned is
/// never more than the truth.
/// Error: write [m] for the computed q^m. 0 <= [1] - q < 1 ulp (= 1/S), and, all being at most 1,
/// 0 <= [m][n] - q^(m+n) <= ([m] - q^m) + ([n] - q^n), to which rounding adds less than 1 ulp; so by induction
/// 0 <= [m] - q^m < (2m - 1) ulp. With samples < 2^80 this is below 2^-46, and
///     10^9 (1 - q^samples) - 1 - 2^-16 < caught <= 10^9 (1 - q^samples).
library Odds {
    /// @notice A fraction is at most 1,000,000 parts per million.
    error Odds_FractionRefused(uint32 lostPpm);
    /// @notice More samples than the stated error holds for.
    error Odds_TooManySamples(uint256 samples);

    uint256 private constant _ONE = 1 << 127;
    uint256 private constant _MILLION = 1e6;
    uint256 private constant _BILLION = 1e9;
    uint256 private constant _MAX_SAMPLES = 1 << 80;

    /// Chance, in parts per billion, that at least one of `samples` samples hits a loss of `lostPpm` parts per million.
    /// Work: at most 160 products. Reverts: Odds_FractionRefused, Odds_TooManySamples.
    function caught(uint32 lostPpm, uint256 samples) internal pure returns (uint64) {
        if (lostPpm > _MILLION) revert Odds_FractionRefused(lostPpm);
        if (samples >= _MAX_SAMPLES) revert Odds_TooManySamples(samples);
        uint256 square = ((_MILLION - lostPpm) * _ONE + _MILLION - 1) / _MILLION;
        uint256 missed = _ONE;
        for (uint256 left = samples; left != 0; left >>= 1) {
            if (left & 1 == 1) missed = _product(missed, square);
            square = _product(square, square);
        }
        return uint64((_ONE - missed) * _BILLION / _ONE);
    }

    /// a * b, rounded up; both are at most one, so the product stays below 2^255.
    function _product(uint256 a, uint256 b) private pure returns (uint256) {
        return (a * b + _ONE - 1) >> 127;
    }
}
