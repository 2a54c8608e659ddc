// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {CollateralBook} from "./CollateralBook.sol";
import {Account, CollateralTerms} from "./CollateralTypes.sol";
import {Constants} from "./Constants.sol";
import {Permit} from "./DealTypes.sol";
import {Marks} from "./Marks.sol";
import {Sectors} from "./Sectors.sol";

/// @title Collateral: what providers stake, and what they lose.
/// @notice A filled slot locks a fault part and a repair part of its provider's money. A period that was counted by the
/// beacon, in which the tree held sectors and earned pay, and that was neither proven nor excused, is a miss:
///     slash = 5 * ceil(count / C) * pay of the tree in that period, out of all but the repair parts.
/// A tree that misses missesToEnd times in a row, or whose provider cannot pay for a miss in full, ends for good (or it
/// would go on earning with nothing left to lose); its slots are then freed one by one by whoever repairs them, and each
/// takes its repair part along. Invariants:
///     token balance >= sum of totals + pots + sum of bounties + unburned (equal unless someone sends tokens unasked);
///     repairLocked <= total of every provider; withdrawing = 0 or faultLocked + repairLocked + withdrawing <= total: what
///     was asked back has been free ever since; faultLocked and repairLocked = the parts of its filled slots;
///     a tree's pay = the sum of the prices of its filled slots;
///     one slash per (provider, tree, period); none for a proven, void, empty or excused period;
///     a bounty is at most half of what was slashed.
/// Money moves in at `deposit`, out at `withdraw`, `withdrawBounty` and `burn`.
contract Collateral is CollateralBook, ReentrancyGuard {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @param token_ an ERC-20 that takes no fee, never rebases and calls nobody
    constructor(IERC20 token_, Sectors sectors_, CollateralTerms memory terms_)
        CollateralBook(token_, sectors_, terms_)
    {}

    /// @notice Names the contracts that move slots and slash. Only the deployer, once, none of them zero. No money.
    /// Reverts: Collateral_BindRefused.
    function bind(address deals_, address challenges_, address disputes_) external {
        bool sound = msg.sender == deployer && deals == address(0) && deals_ != address(0)
            && challenges_ != address(0) && disputes_ != address(0);
        if (!sound) revert Collateral_BindRefused(msg.sender);
        (deals, challenges, disputes) = (deals_, challenges_, disputes_);
        emit CollateralBound(deals_, challenges_, disputes_);
    }

    /// @notice Adds to a provider's free collateral. Anyone. Money: from the caller, by allowance or permit (one that
    /// fails does no harm). Constant work. Reverts: Collateral_AllowanceTooLow, Collateral_TokenTookFee, the token's.
    function deposit(address provider, uint256 amount, Permit calldata permit) external nonReentrant {
        _accounts[provider].total += amount.toUint128();
        emit CollateralDeposited(provider, msg.sender, amount);
        _collect(amount, permit);
    }

    /// @notice Asks back `amount` of the caller's free collateral; a new request replaces the one before and waits anew.
    /// No money; constant work. Reverts: Collateral_TooLow.
    function requestWithdraw(uint256 amount) external {
        Account storage a = _accounts[msg.sender];
        a.withdrawing = 0;
        uint256 free = _free(a);
        if (amount > free) revert Collateral_TooLow(msg.sender, amount, free);
        a.withdrawing = amount.toUint128();
        a.withdrawableAt = _leaveTime();
        emit WithdrawRequested(msg.sender, amount, a.withdrawableAt);
    }

    /// @notice Pays out what the caller asked back, as far as slashes left it. Money: to `to`. Constant work.
    /// Reverts: Collateral_NothingToWithdraw, Collateral_TooEarly, and the token's.
    function withdraw(address to) external nonReentrant returns (uint256 amount) {
        Account storage a = _accounts[msg.sender];
        amount = a.withdrawing;
        if (amount == 0) revert Collateral_NothingToWithdraw(msg.sender);
        if (_now() < a.withdrawableAt) revert Collateral_TooEarly(msg.sender, a.withdrawableAt);
        a.withdrawing = 0;
        a.total -= amount.toUint128();
        emit CollateralWithdrawn(msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    /// @notice Pays the caller's bounties out to `to`. Constant work.
    /// Reverts: Collateral_NothingToWithdraw, and the token's.
    function withdrawBounty(address to) external nonReentrant returns (uint256 amount) {
        amount = bountyOf[msg.sender];
        if (amount == 0) revert Collateral_NothingToWithdraw(msg.sender);
        bountyOf[msg.sender] = 0;
        emit BountyWithdrawn(msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    /// @notice Sends the slashed money that belongs to nobody away. Anyone; constant work. Reverts: the token's.
    function burn() external nonReentrant returns (uint256 amount) {
        amount = unburned;
        unburned = 0;
        emit CollateralBurned(amount);
        if (amount != 0) token.safeTransfer(Constants.BURN, amount);
    }

    /// @notice Shows that a tree missed a period. Anyone, once, within withdrawDelay of the deadline. Money: the slash from
    /// the provider's collateral, the bounty of it to the caller's; one that is not covered ends the tree. Work: binary
    /// searches.
    /// Reverts: Collateral_NotMissed, Collateral_AlreadyReported, Collateral_ReportTooLate.
    function reportMiss(address provider, uint32 tree_, uint64 period) external {
        TreeBook storage b = _books[provider][tree_];
        uint256 pay = _payAt(b, period);
        bool counts = pay != 0 && (b.terminated == 0 || period <= b.terminated);
        if (!counts || !_missed(provider, tree_, b, period)) revert Collateral_NotMissed(provider, tree_, period);
        uint64 oldest = lastClosedPeriod(_now() - DELAY);
        if (period <= oldest) revert Collateral_ReportTooLate(period, oldest + 1);
        uint256 bit = uint256(1) << (period & 255);
        if (b.reported[period >> 8] & bit != 0) revert Collateral_AlreadyReported(provider, tree_, period);
        b.reported[period >> 8] |= bit;
        uint256 cost = _missCost(sectors.countAt(provider, tree_, period), pay);
        (uint256 slashed, uint256 bounty) = _slashFor(provider, cost, msg.sender);
        emit MissReported(provider, tree_, period, msg.sender, slashed, bounty);
        if (slashed < cost && b.terminated == 0) _end(provider, tree_, b);
    }

    /// @notice Ends a tree that missed missesToEnd periods in a row. Anyone. No money: its slots are freed by
    /// Deals.free. Work: binary searches. Reverts: Collateral_Terminated, Collateral_TooFewMisses.
    function terminate(address provider, uint32 tree_) external {
        TreeBook storage b = _books[provider][tree_];
        if (b.terminated != 0) revert Collateral_Terminated(provider, tree_);
        bool earns = Marks.newest(b.pay, b.payMarks) != 0;
        uint64 misses = earns ? _missesInARow(provider, tree_, b) : 0;
        if (MISSES_TO_END == 0 || misses < MISSES_TO_END) {
            revert Collateral_TooFewMisses(provider, tree_, misses, MISSES_TO_END);
        }
        _end(provider, tree_, b);
    }

    /// @notice Announces that the caller's tree may miss `periods` periods from `first` on, without slash and without
    /// pay. `first` lies at least maintenancePeriods ahead; at most once in maintenanceEvery periods. No money; constant
    /// work. Reverts: Collateral_WindowRefused.
    function announceMaintenance(uint32 tree_, uint64 first, uint32 periods) external {
        TreeBook storage b = _books[msg.sender][tree_];
        uint64 last = first + periods - 1;
        bool sound = periods != 0 && periods <= MAINTENANCE && first >= openPeriod(_now()) + MAINTENANCE
            && (b.lastMaintenance == 0 || first >= b.lastMaintenance + MAINTENANCE_EVERY);
        if (!sound) revert Collateral_WindowRefused(tree_, first, last);
        b.lastMaintenance = first;
        _excuse(b, tree_, first, last);
        emit WindowExcused(msg.sender, tree_, first, last, 0);
    }

    /// @notice Declares that the caller's tree cannot be proven for `periods` periods, from the first one not yet frozen
    /// on. Money: 3 * pay of the tree * periods of the caller's collateral are burned. Constant work.
    /// Reverts: Collateral_WindowRefused, Collateral_TooLow.
    function declareFault(uint32 tree_, uint32 periods) external {
        TreeBook storage b = _books[msg.sender][tree_];
        uint64 first = openPeriod(_now());
        uint64 last = first + periods - 1;
        if (periods < LEAST_FAULT || periods > MOST_FAULT || periods == 0) {
            revert Collateral_WindowRefused(tree_, first, last);
        }
        uint256 cost = Constants.DECLARED_FACTOR * periods * Marks.newest(b.pay, b.payMarks);
        _excuse(b, tree_, first, last);
        _charge(msg.sender, cost);
        emit WindowExcused(msg.sender, tree_, first, last, cost);
    }

    /// @notice Charges declared skips of a window proof: 3 * ceil(count * pay / C) each, burned. Only Sectors; work: two
    /// binary searches.
    /// Reverts: Collateral_NotAllowed, Collateral_TooLow.
    function chargeSkips(address provider, uint32 tree_, uint64 period, uint8 skips) external {
        if (msg.sender != address(sectors)) revert Collateral_NotAllowed(msg.sender);
        uint256 pay = _payAt(_books[provider][tree_], period);
        uint256 cost = _skipCost(sectors.countAt(provider, tree_, period), pay, skips);
        _charge(provider, cost);
        emit SkipsCharged(provider, tree_, period, cost);
    }

    /// @notice A slot of the provider was filled: locks its two parts. Only Deals; constant work.
    /// Reverts: Collateral_NotAllowed, Collateral_Terminated, Collateral_Excused, Collateral_TooLow.
    function lock(address provider, uint32 tree_, uint128 price) external {
        _onlyDeals();
        TreeBook storage b = _books[provider][tree_];
        if (b.terminated != 0) revert Collateral_Terminated(provider, tree_);
        // A fault is declared at the price of the slots there are: those that come later would miss for nothing.
        uint64 open = openPeriod(_now());
        if (_excused(b, open)) revert Collateral_Excused(provider, tree_, open);
        Account storage a = _accounts[provider];
        (uint256 fault, uint256 repair) = partsOf(price);
        uint256 free = _free(a);
        if (free < fault + repair) revert Collateral_TooLow(provider, fault + repair, free);
        a.faultLocked += fault.toUint128();
        a.repairLocked += repair.toUint128();
        _addPay(b, price);
    }

    /// @notice A slot ended well: both parts are free again. Only Deals; constant work. Reverts: Collateral_NotAllowed.
    function release(address provider, uint32 tree_, uint128 price) external {
        _onlyDeals();
        _unlock(provider, tree_, price);
    }

    /// @notice A slot was freed: its repair part leaves the provider and waits for who repairs the slot. Only Deals;
    /// constant work. Reverts: Collateral_NotAllowed.
    function fund(uint64 deal, uint8 slot, address provider, uint32 tree_, uint128 price) external {
        _onlyDeals();
        uint256 repair = _unlock(provider, tree_, price);
        _accounts[provider].total -= repair.toUint128();
        potOf[deal][slot] = repair;
        pots += repair;
        emit RepairFunded(deal, slot, provider, repair);
    }

    /// @notice A freed slot was repaired, or ended unrepaired (repairer 0): pays the bounty out of the slot's repair part
    /// and leaves the rest to be burned. Only Deals; constant work. Reverts: Collateral_NotAllowed.
    function spend(uint64 deal, uint8 slot, address repairer) external {
        _onlyDeals();
        uint256 pot = potOf[deal][slot];
        potOf[deal][slot] = 0;
        pots -= pot;
        uint256 bounty = repairer == address(0) ? 0 : _bounty(pot);
        bountyOf[repairer] += bounty;
        unburned += pot - bounty;
        emit RepairPaid(deal, slot, repairer, bounty, pot - bounty);
    }

    /// @notice Slashes the fault part of one slot. Only Challenges and Disputes; constant work. Money: the bounty to
    /// `hunter`. Reverts: Collateral_NotAllowed.
    function slashSlot(address provider, uint128 price, address hunter) external returns (uint256 bounty) {
        if (msg.sender != challenges && msg.sender != disputes) revert Collateral_NotAllowed(msg.sender);
        (uint256 fault,) = partsOf(price);
        uint256 slashed;
        (slashed, bounty) = _slashFor(provider, fault, hunter);
        emit SlotSlashed(provider, hunter, slashed, bounty);
    }

    /// @notice What this deployment demands.
    function terms() external view returns (CollateralTerms memory) {
        return CollateralTerms(
            FAULT_PERIODS,
            REPAIR_PERIODS,
            MISSES_TO_END,
            BOUNTY,
            DELAY,
            MAINTENANCE,
            MAINTENANCE_EVERY,
            LEAST_FAULT,
            MOST_FAULT
        );
    }

    /// @notice A provider's money.
    function account(address provider) external view returns (Account memory) {
        return _accounts[provider];
    }

    /// @notice What neither answers for a slot nor was asked back.
    function freeOf(address provider) external view returns (uint256) {
        return _free(_accounts[provider]);
    }

    /// @notice Fault part and repair part of a slot with this price.
    function partsOf(uint128 price) public view returns (uint256 fault, uint256 repair) {
        return (uint256(FAULT_PERIODS) * price, uint256(REPAIR_PERIODS) * price);
    }

    /// @notice What the tree earned (and risked) in `period`: the sum of the prices of its filled slots.
    function payAt(address provider, uint32 tree_, uint64 period) external view returns (uint256) {
        return _payAt(_books[provider][tree_], period);
    }

    /// @notice Last period that counts of a tree that was ended; 0: it was not.
    function terminatedAt(address provider, uint32 tree_) external view returns (uint64) {
        return _books[provider][tree_].terminated;
    }

    /// @notice Whether a miss of `period` is excused.
    function excused(address provider, uint32 tree_, uint64 period) external view returns (bool) {
        return _excused(_books[provider][tree_], period);
    }

    /// @notice Misses in a row, as `terminate` counts them.
    function missesInARow(address provider, uint32 tree_) external view returns (uint64) {
        return _missesInARow(provider, tree_, _books[provider][tree_]);
    }

    function _unlock(address provider, uint32 tree_, uint128 price) private returns (uint256 repair) {
        Account storage a = _accounts[provider];
        uint256 fault;
        (fault, repair) = partsOf(price);
        a.faultLocked -= fault.toUint128();
        a.repairLocked -= repair.toUint128();
        _dropPay(_books[provider][tree_], price);
    }

    function _onlyDeals() private view {
        if (msg.sender != deals) revert Collateral_NotAllowed(msg.sender);
    }
}
