// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @title The token of development chains: anyone mints. The deploy tool refuses it anywhere else.
contract TestToken is ERC20Permit {
    constructor() ERC20("Cairn test token", "tCRN") ERC20Permit("Cairn test token") {}

    /// @notice Creates `amount` for `to`. Anyone.
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}
