// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Bytes} from "@openzeppelin/contracts/utils/Bytes.sol";

import {Constants} from "./Constants.sol";

/// @title fr32: the bytes of a piece as field elements.
/// @notice Group g of a piece is its bytes 127 g .. 127 g + 126, zeros behind the piece's end, and makes four elements
/// of 254 bits: bit i of the group, least significant bit of a byte first, is bit i mod 254 of element i / 254. Groups
/// that lie wholly behind the end (padding up to 2^b leaves) are zero.
library Groups {
    uint256 private constant _ELEMENT_MASK = (1 << 254) - 1;

    /// @notice The bytes start .. end - 1 of a piece of `byteLen` bytes that lie in group `group`; none in padding.
    function span(uint64 byteLen, uint64 group) internal pure returns (uint256 start, uint256 end) {
        start = uint256(group) * Constants.GROUP_BYTES;
        end = start + Constants.GROUP_BYTES;
        if (end > byteLen) end = byteLen;
        if (start > end) start = end;
    }

    /// @notice The elements of a group, given those of its bytes that lie in the piece (127 at most).
    function elements(bytes memory data) internal pure returns (uint256[4] memory) {
        // One byte more than a group has, so that it is four words.
        bytes memory padded = bytes.concat(data, new bytes(Constants.GROUP_BYTES - data.length), hex"00");
        bytes32[4] memory words = abi.decode(padded, (bytes32[4]));
        (uint256 w0, uint256 w1, uint256 w2, uint256 w3) =
            (_number(words[0]), _number(words[1]), _number(words[2]), _number(words[3]));
        return [
            w0 & _ELEMENT_MASK,
            (w0 >> 254 | w1 << 2) & _ELEMENT_MASK,
            (w1 >> 252 | w2 << 4) & _ELEMENT_MASK,
            w2 >> 250 | w3 << 6
        ];
    }

    /// 32 little-endian bytes as a number.
    function _number(bytes32 word) private pure returns (uint256) {
        return uint256(Bytes.reverseBytes32(word));
    }
}
