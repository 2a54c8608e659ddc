// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Beacon} from "./Beacon.sol";
import {Collateral} from "./Collateral.sol";
import {Constants} from "./Constants.sol";
import {Deal, Permit} from "./DealTypes.sol";
import {Deals} from "./Deals.sol";
import {Periods} from "./Periods.sol";
import {Providers} from "./Providers.sol";
import {RepairEvents} from "./RepairEvents.sol";
import {Auction, AuctionOutcome, RepairTerms} from "./RepairTypes.sol";

/// @title The books of Repairs: what is stored, and the checks and arithmetic behind each entry.
abstract contract RepairBook is RepairEvents, Periods {
    using SafeERC20 for IERC20;

    /// @notice The one token of this deployment.
    IERC20 public immutable token;
    /// @notice Knows the slots, and uses the rights up.
    Deals public immutable deals;
    /// @notice Knows who can pay for a slot's collateral.
    Collateral public immutable collateral;
    /// @notice The registry of the providers.
    Providers public immutable providers;
    Beacon internal immutable BEACON;
    uint64 internal immutable COMMIT_AGE;
    uint64 internal immutable COMMIT_LIFE;
    uint64 internal immutable RIGHT_LIFE;
    uint64 internal immutable CLAIM_SECONDS;
    uint32 internal immutable SEAL_PERIODS;
    uint128 internal immutable BOND;

    /// @notice The sum of the bonds that are neither credited nor lost.
    uint256 public openBonds;
    /// @notice Lost bonds that `burn` sends away.
    uint256 public unburned;
    /// @notice Bonds that came back: what an account may withdraw, and what its next bonds are taken from first.
    mapping(address account => uint256) public creditOf;
    /// @notice When a hash was committed; 0: never.
    mapping(bytes32 hash => uint64) public committedAt;
    /// @notice How many repairs and auctions of a slot have ended. Rights, entries and auctions are kept by it, so that
    /// none outlives the repair or the auction it belongs to.
    mapping(uint64 deal => mapping(uint8 slot => uint32)) public turnOf;

    mapping(uint256 key => mapping(address provider => uint64)) internal _rights;
    mapping(uint256 key => Auction) internal _auctions;
    mapping(uint256 key => mapping(address provider => bool)) internal _entered;

    constructor(IERC20 token_, Deals deals_, RepairTerms memory t) Periods(deals_.schedule()) {
        // A right shown ends before whoever commits on seeing it can show one; a bond of nothing would let all stall.
        bool sound = t.rightLife != 0 && t.rightLife <= t.commitAge && t.commitAge < t.commitLife
            && t.commitLife <= 365 days && t.claimSeconds != 0 && t.claimSeconds <= 365 days && t.sealPeriods != 0
            && t.sealBond != 0;
        if (!sound) revert Repairs_TermsRefused();
        (token, deals) = (token_, deals_);
        (collateral, providers) = (deals_.collateral(), deals_.providers());
        BEACON = deals_.sectors().beacon();
        (COMMIT_AGE, COMMIT_LIFE, RIGHT_LIFE) = (t.commitAge, t.commitLife, t.rightLife);
        (CLAIM_SECONDS, SEAL_PERIODS, BOND) = (t.claimSeconds, t.sealPeriods, t.sealBond);
    }

    /// Where rights, entries and the auction of a slot's turn are kept.
    function _key(uint64 deal, uint8 slot, uint32 turn) internal view virtual returns (uint256) {
        return uint256(deal) | uint256(slot) << 64 | uint256(turn) << 72;
    }

    function _hash(uint64 deal, uint8 slot, address provider, bytes32 salt) internal view virtual returns (bytes32) {
        return keccak256(abi.encode(block.chainid, address(this), deal, slot, provider, salt));
    }

    /// A hash is committed once: whoever commits another's again would make it younger.
    function _requireNew(bytes32 hash) internal view virtual {
        if (committedAt[hash] != 0) revert Repairs_AlreadyCommitted(hash, committedAt[hash]);
    }

    /// A commit from before the slot was freed does not count: who commits to all slots in advance, or knows which one
    /// will be freed because it frees it, is not ahead of those who learn it now.
    function _requireAfterFreed(uint64 since, uint64 freedAt) internal view virtual {
        if (since < freedAt) revert Repairs_CommitBeforeFreed(since, freedAt);
    }

    function _requireOldEnough(uint64 since) internal view virtual {
        if (_now() < since + COMMIT_AGE) revert Repairs_CommitTooYoung(since + COMMIT_AGE);
    }

    function _requireYoungEnough(uint64 since) internal view virtual {
        if (_now() > since + COMMIT_LIFE) revert Repairs_CommitTooOld(since + COMMIT_LIFE);
    }

    /// The provider may fill the slot, and can pay for it.
    function _requireEntrant(Deal memory d, uint64 deal, uint8 slot, address provider) internal view virtual {
        if (!providers.isRegistered(provider)) revert Repairs_NotRegistered(provider);
        if (!deals.eligible(deal, slot, provider)) revert Repairs_NotEligible(deal, slot, provider);
        _requireMeans(d.pricePerSlotPeriod, provider);
    }

    function _requireMeans(uint128 price, address provider) internal view virtual {
        (uint256 fault, uint256 repair) = collateral.partsOf(price);
        uint256 free = collateral.freeOf(provider);
        if (free < fault + repair) revert Repairs_CollateralTooLow(provider, fault + repair, free);
    }

    /// The period that ranks the entrants of an auction that begins now. Entries are open for at least a whole period,
    /// so that who begins one cannot choose to be alone in it.
    function _newPeriod() internal view virtual returns (uint64) {
        return openPeriod(_now() + PERIOD);
    }

    /// Entries end when the trees of the period freeze, before anybody can know its round.
    function _requireEntryOpen(uint64 deal, uint8 slot, uint64 period) internal view virtual {
        if (_now() >= freezeTime(period)) revert Repairs_EntryClosed(deal, slot, freezeTime(period));
    }

    /// What ranks the entrants; zero while it is unknown here.
    function _randomness(uint64 period) internal view virtual returns (bytes32) {
        return BEACON.randomness(roundOf(period));
    }

    /// keccak256(PURPOSE_REPAIR, randomness, deal, slot, provider); the lowest wins.
    function _rank(uint64 period, uint64 deal, uint8 slot, address provider) internal view returns (bytes32) {
        bytes32 randomness = _randomness(period);
        if (randomness == 0) revert Repairs_RoundUnknown(period);
        return keccak256(abi.encode(Constants.PURPOSE_REPAIR, randomness, deal, slot, provider));
    }

    function _requireLowest(Auction storage a, bytes32 rank) internal view virtual {
        if (a.best != address(0) && rank >= a.bestRank) revert Repairs_NotLowest(a.best, a.bestRank, rank);
    }

    /// Last second of the claims; 0 while the round is unknown: then the clock stands still.
    function _claimsUntil(uint64 period) internal view virtual returns (uint64) {
        uint64 since = BEACON.knownSince(period);
        return since == 0 ? 0 : since + CLAIM_SECONDS;
    }

    /// Whether at `time` the winner of claims that ended at `from` has had sealPeriods periods with a beacon. Without a
    /// beacon nobody can seal, so periods without one do not count.
    function _sealTimeUp(uint64 from, uint64 time) internal view virtual returns (bool) {
        uint64 counted = BEACON.countedUpTo(lastClosedPeriod(time)) - BEACON.countedUpTo(lastClosedPeriod(from));
        return counted >= SEAL_PERIODS;
    }

    /// Bonds an auction costs its entrants: the winner's if it did not repair; all, if nobody claimed, for each of them
    /// could have.
    function _lostBonds(Auction storage a) internal view virtual returns (uint256) {
        return a.best == address(0) ? a.entries : 1;
    }

    /// Whether an entrant's bond comes back: of an auction that was taken or void, else once its claims are over and another
    /// won.
    function _refundable(Auction storage a, address provider) internal view virtual returns (bool) {
        if (a.outcome == AuctionOutcome.Taken || a.outcome == AuctionOutcome.Void) return true;
        return a.best != address(0) && a.best != provider && _claimsUntil(a.period) < _now();
    }

    /// The slot's auction, which somebody has entered.
    function _running(uint64 deal, uint8 slot) internal view returns (uint32 turn, uint256 key, Auction storage a) {
        turn = turnOf[deal][slot];
        key = _key(deal, slot, turn);
        a = _auctions[key];
        if (a.period == 0) revert Repairs_NoAuction(deal, slot);
    }

    function _requireDeals() internal view virtual {
        if (msg.sender != address(deals)) revert Repairs_NotDeals(msg.sender);
    }

    function _requireKind(Deal memory d, uint64 deal, uint8 kind) internal pure {
        if (d.kind != kind) revert Repairs_WrongKind(deal, d.kind);
    }

    /// Whether a right shown has ended.
    function _lapsed(uint64 until) internal view virtual returns (bool) {
        return _now() > until;
    }

    /// Last second in which a slot of the deal can be repaired.
    function _lastSecond(uint64 deal) internal view returns (uint64) {
        Deal memory d = deals.deal(deal);
        return freezeTime(d.startPeriod + d.periods - 1) - 1;
    }

    /// Takes exactly the bond from the caller, its credit first.
    function _collect(Permit calldata permit) internal {
        uint256 credit = creditOf[msg.sender];
        uint256 used = credit < BOND ? credit : BOND;
        uint256 rest = BOND - used;
        if (used != 0) creditOf[msg.sender] = credit - used;
        if (rest == 0) return;
        if (permit.deadline != 0) {
            try IERC20Permit(address(token)).permit(
                msg.sender, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s
            ) {} catch {}
        }
        uint256 allowance = token.allowance(msg.sender, address(this));
        if (allowance < rest) revert Repairs_AllowanceTooLow(rest, allowance);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), rest);
        uint256 got = token.balanceOf(address(this)) - before;
        if (got != rest) revert Repairs_TokenTookFee(rest, got);
    }
}
