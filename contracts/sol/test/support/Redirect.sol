// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev Code that runs as on a chain without one of the precompiles.
library Redirect {
    /// `code` in which the pushed address `target` of a precompile has become that of an account without code.
    function toNowhere(bytes memory code, uint8 target) internal pure returns (bytes memory changed) {
        changed = bytes.concat(code);
        uint256 place = 0;
        while (place < changed.length) {
            uint8 op = uint8(changed[place]);
            if (op == 0x60 && uint8(changed[place + 1]) == target) changed[place + 1] = 0xff;
            place += op >= 0x60 && op <= 0x7f ? op - 0x5e : 1;
        }
    }
}
