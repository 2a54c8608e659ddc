// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {AuctionOutcome} from "./RepairTypes.sol";

/// @title What Repairs says: its errors and its events.
abstract contract RepairEvents {
    /// @notice The terms contradict each other.
    error Repairs_TermsRefused();
    /// @notice Only Deals uses a right up.
    error Repairs_NotDeals(address caller);
    /// @notice The provider has no right to fill the slot now.
    error Repairs_NoRight(uint64 deal, uint8 slot, address provider);
    /// @notice Hot deals go by commit and reveal, sealed ones by auction.
    error Repairs_WrongKind(uint64 deal, uint8 kind);
    /// @notice The slot does not wait for a repair.
    error Repairs_NotFreed(uint64 deal, uint8 slot);
    /// @notice The hash was committed already, at `since`.
    error Repairs_AlreadyCommitted(bytes32 hash, uint64 since);
    /// @notice Nobody committed this hash.
    error Repairs_NotCommitted(bytes32 hash);
    /// @notice The hash was committed at `since`, before the slot was freed at `freedAt`.
    error Repairs_CommitBeforeFreed(uint64 since, uint64 freedAt);
    /// @notice The commit counts from `from` on.
    error Repairs_CommitTooYoung(uint64 from);
    /// @notice The commit counted until `until`.
    error Repairs_CommitTooOld(uint64 until);
    /// @notice Only registered providers enter.
    error Repairs_NotRegistered(address provider);
    /// @notice The slot does not wait for this provider: it is not freed, the deal has ended, or the provider lost the
    /// slot or holds another one of the deal.
    error Repairs_NotEligible(uint64 deal, uint8 slot, address provider);
    /// @notice The provider has less free collateral than the slot locks.
    error Repairs_CollateralTooLow(address provider, uint256 needed, uint256 free);
    /// @notice Entries ended at `closed`; another auction begins when this one has ended.
    error Repairs_EntryClosed(uint64 deal, uint8 slot, uint64 closed);
    /// @notice The provider is in this auction already.
    error Repairs_AlreadyEntered(uint64 deal, uint8 slot, address provider);
    /// @notice The provider is not in this auction (or was refunded).
    error Repairs_NotEntered(uint64 deal, uint8 slot, address provider);
    /// @notice Nobody has entered an auction of this slot since the last one ended.
    error Repairs_NoAuction(uint64 deal, uint8 slot);
    /// @notice The beacon round of the period was not posted yet.
    error Repairs_RoundUnknown(uint64 period);
    /// @notice Claims ended at `until`.
    error Repairs_ClaimsClosed(uint64 deal, uint8 slot, uint64 until);
    /// @notice Somebody with a lower rank has claimed.
    error Repairs_NotLowest(address best, bytes32 bestRank, bytes32 rank);
    /// @notice The auction still runs.
    error Repairs_TooEarly(uint64 deal, uint8 slot);
    /// @notice The bond is not given back: not yet, or never.
    error Repairs_NotRefundable(uint64 deal, uint8 slot, address provider);
    /// @notice The caller has not allowed Repairs to take the bond.
    error Repairs_AllowanceTooLow(uint256 needed, uint256 got);
    /// @notice The token delivered less than was sent.
    error Repairs_TokenTookFee(uint256 expected, uint256 got);
    /// @notice The account has no credit.
    error Repairs_NothingToWithdraw(address account);

    /// @notice Somebody committed to repair some slot.
    event RepairCommitted(bytes32 indexed hash);
    /// @notice The provider may fill the freed hot slot until `until`; others may hold the same right.
    event RightShown(uint64 indexed deal, uint8 indexed slot, address indexed provider, uint64 until);
    /// @notice A right was used: the slot is filled, all other rights to it have ended.
    event RightTaken(uint64 indexed deal, uint8 indexed slot, address indexed provider, uint32 turn);
    /// @notice Auction `turn` of a freed sealed slot opened: entries until `closes`, ranks by the round of `period`.
    event AuctionOpened(uint64 indexed deal, uint8 indexed slot, uint32 turn, uint64 period, uint64 closes);
    /// @notice A provider bonded and entered.
    event AuctionEntered(uint64 indexed deal, uint8 indexed slot, address indexed provider, uint32 turn, uint256 bond);
    /// @notice The provider has the lowest rank of those who claimed so far.
    event AuctionClaimed(
        uint64 indexed deal,
        uint8 indexed slot,
        address indexed provider,
        uint32 turn,
        bytes32 rank,
        uint64 claimsUntil
    );
    /// @notice An auction ended without a repair; bonds worth `lost` are burned. The next one may begin.
    event AuctionEnded(
        uint64 indexed deal,
        uint8 indexed slot,
        uint32 turn,
        AuctionOutcome outcome,
        address best,
        uint256 lost
    );
    /// @notice An entrant's bond was credited to it.
    event BondRefunded(uint64 indexed deal, uint8 indexed slot, address indexed provider, uint32 turn, uint256 bond);
    /// @notice Credit left the contract.
    event BondWithdrawn(address indexed account, address indexed to, uint256 amount);
    /// @notice Lost bonds left for the address nobody has the key of.
    event BondsBurned(uint256 amount);
}
