// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "./Constants.sol";

/// @title The registry of storage providers.
/// @notice Says how a provider is reached, which TLS key it answers with, which key signs its receipts and what it
/// asks. A provider is an account; only it changes its entry, and nobody can remove it. Holds no money.
contract Providers {
    /// @notice An entry. `askPerTibPeriod` is in smallest token units for 2^40 stored bytes and one period; `tlsPin` is
    /// the SHA-256 of the TLS key's SubjectPublicKeyInfo; `operator` signs receipts.
    struct Provider {
        string endpoint;
        bytes32 tlsPin;
        address operator;
        uint128 askPerTibPeriod;
    }

    /// @notice An entry of a listing.
    struct Listing {
        address account;
        Provider entry;
    }

    /// @notice An endpoint has 1 to 255 bytes.
    error Providers_EndpointLength(uint256 got);
    /// @notice The operator must not be zero.
    error Providers_NoOperator();
    /// @notice This account is registered already.
    error Providers_AlreadyRegistered(address provider);
    /// @notice This account is not registered.
    error Providers_NotRegistered(address provider);

    /// @notice A provider appeared.
    event ProviderRegistered(
        address indexed provider, string endpoint, bytes32 tlsPin, address operator, uint128 askPerTibPeriod
    );
    /// @notice A provider changed its entry; the event carries the whole entry.
    event ProviderUpdated(
        address indexed provider, string endpoint, bytes32 tlsPin, address operator, uint128 askPerTibPeriod
    );

    mapping(address account => Provider) private _entries;
    address[] private _accounts;

    /// @notice Registers the caller. No money; constant work.
    /// Reverts: Providers_AlreadyRegistered, Providers_EndpointLength, Providers_NoOperator.
    function register(string calldata endpoint, bytes32 tlsPin, address operator, uint128 askPerTibPeriod) external {
        if (isRegistered(msg.sender)) revert Providers_AlreadyRegistered(msg.sender);
        _accounts.push(msg.sender);
        _store(endpoint, tlsPin, operator, askPerTibPeriod);
        emit ProviderRegistered(msg.sender, endpoint, tlsPin, operator, askPerTibPeriod);
    }

    /// @notice Replaces the caller's entry. No money; constant work. Deals already open keep their price.
    /// Reverts: Providers_NotRegistered, Providers_EndpointLength, Providers_NoOperator.
    function update(string calldata endpoint, bytes32 tlsPin, address operator, uint128 askPerTibPeriod) external {
        if (!isRegistered(msg.sender)) revert Providers_NotRegistered(msg.sender);
        _store(endpoint, tlsPin, operator, askPerTibPeriod);
        emit ProviderUpdated(msg.sender, endpoint, tlsPin, operator, askPerTibPeriod);
    }

    /// @notice Whether the account has an entry.
    function isRegistered(address account) public view returns (bool) {
        return _entries[account].operator != address(0);
    }

    /// @notice The entry of a provider. Reverts: Providers_NotRegistered.
    function provider(address account) external view returns (Provider memory) {
        if (!isRegistered(account)) revert Providers_NotRegistered(account);
        return _entries[account];
    }

    /// @notice What a provider asks. Reverts: Providers_NotRegistered.
    function askOf(address account) external view returns (uint128) {
        if (!isRegistered(account)) revert Providers_NotRegistered(account);
        return _entries[account].askPerTibPeriod;
    }

    /// @notice How many providers there are.
    function count() external view returns (uint256) {
        return _accounts.length;
    }

    /// @notice Entries `from`.. in order of registration, at most `limit` and at most 256 of them.
    function list(uint256 from, uint256 limit) external view returns (Listing[] memory listings) {
        uint256 total = _accounts.length;
        if (limit > Constants.MAX_PAGE) limit = Constants.MAX_PAGE;
        uint256 size = from >= total ? 0 : total - from;
        if (size > limit) size = limit;
        listings = new Listing[](size);
        for (uint256 i = 0; i < size; ++i) {
            address account = _accounts[from + i];
            listings[i] = Listing(account, _entries[account]);
        }
    }

    function _store(string calldata endpoint, bytes32 tlsPin, address operator, uint128 askPerTibPeriod) private {
        uint256 length = bytes(endpoint).length;
        if (length == 0 || length > Constants.MAX_ENDPOINT_BYTES) revert Providers_EndpointLength(length);
        if (operator == address(0)) revert Providers_NoOperator();
        _entries[msg.sender] = Provider(endpoint, tlsPin, operator, askPerTibPeriod);
    }
}
