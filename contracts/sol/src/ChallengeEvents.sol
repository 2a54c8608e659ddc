// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title What Challenges says: its errors and its events.
abstract contract ChallengeEvents {
    /// @notice The terms leave no time to answer, no price, or a price too high to count.
    error Challenges_TermsRefused();
    /// @notice Only a filled slot is challenged.
    error Challenges_NotFilled(uint64 deal, uint8 slot);
    /// @notice The slot is under a challenge.
    error Challenges_AlreadyChallenged(uint64 deal, uint8 slot);
    /// @notice The challenge would be seeded by `seedPeriod`, behind the deal's last period.
    error Challenges_DealEnded(uint64 deal, uint64 seedPeriod, uint64 endPeriod);
    /// @notice The slot's tree was ended: the slot may be freed at once.
    error Challenges_TreeEnded(address provider, uint32 tree);
    /// @notice The provider has announced that it cannot prove the tree in this period.
    error Challenges_Excused(address provider, uint32 tree, uint64 period);
    /// @notice The slot answered a moment ago; it may be challenged again at `from`.
    error Challenges_Cooldown(uint64 deal, uint8 slot, uint64 from);
    /// @notice The bond is more than the caller wants to give.
    error Challenges_BondTooHigh(uint256 bond, uint256 most);
    /// @notice The challenge has ended, or there is none of this number.
    error Challenges_NotOpen(uint64 id);
    /// @notice The slot was freed since: nothing is left to answer, and the challenger has its bond back by `expire`.
    error Challenges_SlotEnded(uint64 id);
    /// @notice The beacon round of the period was not posted yet.
    error Challenges_RoundUnknown(uint64 period);
    /// @notice The answer was due at `dueTime`.
    error Challenges_TooLate(uint64 id, uint64 dueTime);
    /// @notice The answer may come until `dueTime` (0: the clock does not run, the seed is unknown).
    error Challenges_TooEarly(uint64 id, uint64 dueTime);
    /// @notice The caller has not allowed Challenges to take the bond.
    error Challenges_AllowanceTooLow(uint256 needed, uint256 got);
    /// @notice The token delivered less than was sent.
    error Challenges_TokenTookFee(uint256 expected, uint256 got);
    /// @notice The account has no credit.
    error Challenges_NothingToWithdraw(address account);

    /// @notice A slot was challenged: its provider must show 2^b leaves from `offsetLeaves` on of its sector `sector`, at
    /// the samples that follow from the round of `seedPeriod`.
    event ChallengeOpened(
        uint64 indexed id,
        address indexed provider,
        uint64 indexed deal,
        uint8 slot,
        address challenger,
        uint32 tree,
        uint64 sector,
        uint40 offsetLeaves,
        uint8 b,
        uint64 seedPeriod,
        uint256 bond
    );
    /// @notice The challenge was answered: `paid` of its bond is the provider's, `burned` nobody's.
    event ChallengeAnswered(
        uint64 indexed id, address indexed provider, uint64 indexed deal, uint8 slot, uint256 paid, uint256 burned
    );
    /// @notice The challenge ended without an answer and its bond is the challenger's again. `failed`: the provider was
    /// slashed, of which the challenger has `bounty` in Collateral, and has lost the slot.
    event ChallengeExpired(
        uint64 indexed id, address indexed provider, uint64 indexed deal, uint8 slot, bool failed, uint256 bounty
    );
    /// @notice Credit left the contract.
    event BondWithdrawn(address indexed account, address indexed to, uint256 amount);
    /// @notice What lay above the base bond of answered challenges left for the address nobody has the key of.
    event BondsBurned(uint256 amount);
}
