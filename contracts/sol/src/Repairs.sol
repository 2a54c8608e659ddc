// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {Constants} from "./Constants.sol";
import {Deal, Permit, SlotState, SlotStatus} from "./DealTypes.sol";
import {Deals} from "./Deals.sol";
import {RepairBook} from "./RepairBook.sol";
import {RepairRights} from "./RepairRights.sol";
import {Auction, AuctionOutcome, RepairTerms} from "./RepairTypes.sol";

/// @title Repairs: who may fill a freed slot.
/// @notice Hot, where a repair costs little: whoever first shows that it has the piece, by an activation. A provider
/// rebuilds the piece, commits to a hash, and commitAge seconds later shows the salt, which gives it (and nobody else)
/// rightLife seconds to activate; both may be one transaction. Several may hold the right; the first activation wins:
///     hash = keccak256(abi.encode(chain id, this, deal, slot, provider, salt)),
///     freedAt <= time of the commit,   commitAge <= age of the commit <= commitLife.
/// Sealed, where a repair costs hours of sealing: one at a time, by an auction of chance. The first entry at time t opens it:
///     period = openPeriod(t + PERIOD): the first one not frozen a whole period later,
///     entries, each with a bond, until freezeTime(period),
///     rank = keccak256(abi.encode(PURPOSE_REPAIR, randomness(period), deal, slot, provider)), the lowest claim wins,
///     claims from the moment the round is posted to knownSince(period) + claimSeconds,
///     then the winner's exclusive right, until the sealPeriods-th period with a beacon has closed.
/// Entering is a promise to repair if nobody with a lower rank does: an auction costs the winner its bond if it does not
/// activate, and all entrants theirs if nobody claims. So each auction that stalls a repair costs a bond at least. All other
/// bonds come back, and all of them when the deal's end came first. While a beacon is silent no clock runs.
/// A repair or the end of an auction begins the slot's next turn: everything of the turn before is void.
/// Invariants:
///     token balance >= openBonds + sum of credits + unburned (equal unless someone sends tokens unasked);
///     openBonds = bond * number of entries, over all auctions, neither refunded nor lost;
///     per turn at most one taking; of a sealed slot only by the one entrant with the lowest claim;
///     every bond is credited at most once or lost.
/// Money moves in at `enter`, out at `withdraw` and, burned, at `burn`. Nothing loops over entrants.
contract Repairs is RepairBook, RepairRights, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// @param token_ an ERC-20 that takes no fee, never rebases and calls nobody
    constructor(IERC20 token_, Deals deals_, RepairTerms memory terms_) RepairBook(token_, deals_, terms_) {}

    /// @notice Commits to a repair whose details stay hidden (see `hashOf`). Anyone, once a hash; the hash names the
    /// provider, so a copy helps nobody. No money; constant work. Reverts: Repairs_AlreadyCommitted.
    function commit(bytes32 hash) external {
        _requireNew(hash);
        committedAt[hash] = _now();
        emit RepairCommitted(hash);
    }

    /// @notice Shows the caller's commit and gives it the right to fill the freed hot slot for rightLife seconds; again, as
    /// long as the commit counts. No money; constant work.
    /// Reverts: Repairs_WrongKind, Repairs_NotFreed, Repairs_NotCommitted, Repairs_CommitBeforeFreed,
    /// Repairs_CommitTooYoung, Repairs_CommitTooOld, Deals_NoSuchDeal, Deals_NoSuchSlot.
    function reveal(uint64 deal, uint8 slot, bytes32 salt) external returns (uint64 until) {
        SlotState memory s = deals.slotState(deal, slot);
        _requireKind(deals.deal(deal), deal, Constants.KIND_HOT);
        if (s.status != SlotStatus.Freed) revert Repairs_NotFreed(deal, slot);
        bytes32 hash = _hash(deal, slot, msg.sender, salt);
        uint64 since = committedAt[hash];
        if (since == 0) revert Repairs_NotCommitted(hash);
        _requireAfterFreed(since, s.freedAt);
        _requireOldEnough(since);
        _requireYoungEnough(since);
        until = _now() + RIGHT_LIFE;
        _rights[_key(deal, slot, turnOf[deal][slot])][msg.sender] = until;
        emit RightShown(deal, slot, msg.sender, until);
    }

    /// @notice Enters the auction of a freed sealed slot, or opens one. A registered provider that may repair it and has
    /// the collateral for it, once an auction. It should have rebuilt the piece from k siblings before and compared its
    /// commitment with the slot's, and know that of several slots of one deal it can fill only one. Money: the bond, from the caller's credit first, the
    /// rest by allowance or permit (one that fails does no harm). Work: linear in the deal's slots.
    /// Reverts: Repairs_WrongKind, Repairs_NotRegistered, Repairs_NotEligible, Repairs_CollateralTooLow,
    /// Repairs_EntryClosed, Repairs_AlreadyEntered, Repairs_AllowanceTooLow, Repairs_TokenTookFee, Deals_NoSuchDeal,
    /// Deals_NoSuchSlot, and the token's.
    function enter(uint64 deal, uint8 slot, Permit calldata permit) external nonReentrant {
        Deal memory d = deals.deal(deal);
        _requireKind(d, deal, Constants.KIND_SEALED);
        _requireEntrant(d, deal, slot, msg.sender);
        uint32 turn = turnOf[deal][slot];
        uint256 key = _key(deal, slot, turn);
        Auction storage a = _auctions[key];
        if (a.period == 0) {
            a.period = _newPeriod();
            emit AuctionOpened(deal, slot, turn, a.period, freezeTime(a.period));
        }
        _requireEntryOpen(deal, slot, a.period);
        if (_entered[key][msg.sender]) revert Repairs_AlreadyEntered(deal, slot, msg.sender);
        _entered[key][msg.sender] = true;
        a.entries += 1;
        openBonds += BOND;
        emit AuctionEntered(deal, slot, msg.sender, turn, BOND);
        _collect(permit);
    }

    /// @notice Puts the caller, an entrant, forward: it becomes the winner unless a lower rank claims in time. Who sees that
    /// no lower rank claims must, or it may lose its bond. No money; constant work.
    /// Reverts: Repairs_NoAuction, Repairs_NotEntered, Repairs_RoundUnknown, Repairs_ClaimsClosed, Repairs_NotLowest.
    function claim(uint64 deal, uint8 slot) external {
        (uint32 turn, uint256 key, Auction storage a) = _running(deal, slot);
        if (!_entered[key][msg.sender]) revert Repairs_NotEntered(deal, slot, msg.sender);
        bytes32 rank = _rank(a.period, deal, slot, msg.sender);
        uint64 until = _claimsUntil(a.period);
        if (_now() > until) revert Repairs_ClaimsClosed(deal, slot, until);
        _requireLowest(a, rank);
        (a.best, a.bestRank) = (msg.sender, rank);
        emit AuctionClaimed(deal, slot, msg.sender, turn, rank, until);
    }

    /// @notice Ends the slot's auction: because nobody claimed, because the winner did not repair in time, or because the
    /// deal ended first. Anyone. Money: in the first case all bonds are lost, in the second the winner's, in the third
    /// none. Work: binary searches. Reverts: Repairs_NoAuction, Repairs_TooEarly.
    function expire(uint64 deal, uint8 slot) external {
        (uint32 turn,, Auction storage a) = _running(deal, slot);
        uint64 last = _lastSecond(deal);
        uint64 time = _now() < last ? _now() : last;
        uint64 claims = _claimsUntil(a.period);
        bool failed = claims != 0 && claims < time && (a.best == address(0) || _sealTimeUp(claims, time));
        if (!failed && _now() <= last) revert Repairs_TooEarly(deal, slot);
        uint256 lost = failed ? _lostBonds(a) * BOND : 0;
        a.outcome = !failed
            ? AuctionOutcome.Void
            : a.best == address(0) ? AuctionOutcome.Lapsed : AuctionOutcome.Failed;
        turnOf[deal][slot] = turn + 1;
        openBonds -= lost;
        unburned += lost;
        emit AuctionEnded(deal, slot, turn, a.outcome, a.best, lost);
    }

    /// @notice Uses up the provider's right to the slot and ends the slot's turn. Only Deals, when the provider fills it.
    /// No money; work: binary searches. Reverts: Repairs_NotDeals, Repairs_NoRight.
    function take(uint64 deal, uint8 slot, address provider) external {
        _requireDeals();
        if (rightUntil(deal, slot, provider) == 0 && !isWinner(deal, slot, provider)) {
            revert Repairs_NoRight(deal, slot, provider);
        }
        uint32 turn = turnOf[deal][slot];
        Auction storage a = _auctions[_key(deal, slot, turn)];
        if (a.period != 0) a.outcome = AuctionOutcome.Taken;
        turnOf[deal][slot] = turn + 1;
        emit RightTaken(deal, slot, provider, turn);
    }

    /// @notice Gives an entrant's bond back: of an auction that was taken or void to all, else, once its claims are over, to
    /// all but the winner. Anyone. Money: the bond to the entrant's credit. Constant work.
    /// Reverts: Repairs_NotEntered, Repairs_NotRefundable.
    function refund(uint64 deal, uint8 slot, uint32 turn, address provider) external {
        uint256 key = _key(deal, slot, turn);
        if (!_entered[key][provider]) revert Repairs_NotEntered(deal, slot, provider);
        if (!_refundable(_auctions[key], provider)) revert Repairs_NotRefundable(deal, slot, provider);
        delete _entered[key][provider];
        openBonds -= BOND;
        creditOf[provider] += BOND;
        emit BondRefunded(deal, slot, provider, turn, BOND);
    }

    /// @notice Pays the caller's whole credit out to `to`. Money: from the contract to `to`. Constant work.
    /// Reverts: Repairs_NothingToWithdraw, and the token's.
    function withdraw(address to) external nonReentrant returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert Repairs_NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        emit BondWithdrawn(msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    /// @notice Sends the lost bonds away. Anyone; constant work. Reverts: the token's.
    function burn() external nonReentrant returns (uint256 amount) {
        amount = unburned;
        unburned = 0;
        emit BondsBurned(amount);
        if (amount != 0) token.safeTransfer(Constants.BURN, amount);
    }

    /// @notice What this deployment demands of repairers.
    function terms() external view returns (RepairTerms memory) {
        return RepairTerms(COMMIT_AGE, COMMIT_LIFE, RIGHT_LIFE, CLAIM_SECONDS, SEAL_PERIODS, BOND);
    }

    /// @notice What a provider commits to.
    function hashOf(uint64 deal, uint8 slot, address provider, bytes32 salt) external view returns (bytes32) {
        return _hash(deal, slot, provider, salt);
    }

    /// @notice Last second in which the provider may fill the hot slot; 0: it may not now.
    function rightUntil(uint64 deal, uint8 slot, address provider) public view returns (uint64) {
        uint64 until = _rights[_key(deal, slot, turnOf[deal][slot])][provider];
        return _lapsed(until) ? 0 : until;
    }

    /// @notice Whether the provider alone may fill the sealed slot now.
    function isWinner(uint64 deal, uint8 slot, address provider) public view virtual returns (bool) {
        Auction storage a = _auctions[_key(deal, slot, turnOf[deal][slot])];
        if (provider == address(0) || a.best != provider) return false;
        uint64 claims = _claimsUntil(a.period);
        return claims < _now() && !_sealTimeUp(claims, _now());
    }

    /// @notice An auction; the running one is that of turn `turnOf`.
    function auction(uint64 deal, uint8 slot, uint32 turn) external view returns (Auction memory) {
        return _auctions[_key(deal, slot, turn)];
    }

    /// @notice Whether the provider has a bond in that auction that was not refunded.
    function hasEntered(uint64 deal, uint8 slot, uint32 turn, address provider) external view returns (bool) {
        return _entered[_key(deal, slot, turn)][provider];
    }

    /// @notice Last second of the running auction's claims; 0: there is none, or its round is unknown.
    function claimsUntil(uint64 deal, uint8 slot) external view returns (uint64) {
        Auction storage a = _auctions[_key(deal, slot, turnOf[deal][slot])];
        return a.period == 0 ? 0 : _claimsUntil(a.period);
    }

    /// @notice Rank of a provider in the running auction. Reverts: Repairs_NoAuction, Repairs_RoundUnknown.
    function rankOf(uint64 deal, uint8 slot, address provider) external view returns (bytes32) {
        (,, Auction storage a) = _running(deal, slot);
        return _rank(a.period, deal, slot, provider);
    }

    /// @notice Whether `refund` would give the bond back now.
    function refundable(uint64 deal, uint8 slot, uint32 turn, address provider) external view returns (bool) {
        uint256 key = _key(deal, slot, turn);
        return _entered[key][provider] && _refundable(_auctions[key], provider);
    }
}
