// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev fr32 bit by bit, to compare with.
library SlowGroups {
    /// The elements of group `group` of a piece.
    function elements(bytes memory piece, uint256 group) internal pure returns (uint256[4] memory made) {
        for (uint256 i = 0; i < 1016; ++i) {
            uint256 place = 127 * group + i / 8;
            if (place >= piece.length) break;
            uint256 bit = (uint8(piece[place]) >> (i % 8)) & 1;
            made[i / 254] |= bit << (i % 254);
        }
    }
}
