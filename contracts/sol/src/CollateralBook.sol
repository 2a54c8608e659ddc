// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Account, CollateralTerms} from "./CollateralTypes.sol";
import {Constants} from "./Constants.sol";
import {Permit} from "./DealTypes.sol";
import {Marks} from "./Marks.sol";
import {Periods} from "./Periods.sol";
import {Runs} from "./Runs.sol";
import {Sectors} from "./Sectors.sol";

/// @title The books of Collateral: what is stored, and the checks and arithmetic behind each entry.
abstract contract CollateralBook is Periods {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice The terms contradict each other.
    error Collateral_TermsRefused();
    /// @notice Only the deployer binds, once.
    error Collateral_BindRefused(address caller);
    /// @notice The caller is not the contract that may do this.
    error Collateral_NotAllowed(address caller);
    /// @notice The provider's free collateral is less than what is needed: more must be deposited.
    error Collateral_TooLow(address provider, uint256 needed, uint256 free);
    /// @notice The tree was ended after its misses; another tree must be used.
    error Collateral_Terminated(address provider, uint32 tree);
    /// @notice Nothing was asked back, nothing of it is free, or the account has no bounty.
    error Collateral_NothingToWithdraw(address account);
    /// @notice What was asked back may leave at `from`.
    error Collateral_TooEarly(address provider, uint64 from);
    /// @notice The period of the tree was no miss: it is not closed, or void, empty, excused, proven, or has no pay.
    error Collateral_NotMissed(address provider, uint32 tree, uint64 period);
    /// @notice The miss was reported before.
    error Collateral_AlreadyReported(address provider, uint32 tree, uint64 period);
    /// @notice Misses before period `oldest` are no longer reported.
    error Collateral_ReportTooLate(uint64 period, uint64 oldest);
    /// @notice The tree missed `misses` in a row; `needed` end it (0: nothing does).
    error Collateral_TooFewMisses(address provider, uint32 tree, uint64 misses, uint32 needed);
    /// @notice Misses of `period` are excused: the tree takes no slots until the window is over.
    error Collateral_Excused(address provider, uint32 tree, uint64 period);
    /// @notice The window is too short, too long, begins too early, or comes too soon after the one before.
    error Collateral_WindowRefused(uint32 tree, uint64 first, uint64 last);
    /// @notice The caller has not allowed Collateral to take the money.
    error Collateral_AllowanceTooLow(uint256 needed, uint256 got);
    /// @notice The token delivered less than was sent.
    error Collateral_TokenTookFee(uint256 expected, uint256 got);

    /// @notice Who moves slots and who may slash was bound; this happens once.
    event CollateralBound(address deals, address challenges, address disputes);
    /// @notice Money came in for a provider.
    event CollateralDeposited(address indexed provider, address indexed from, uint256 amount);
    /// @notice The provider asked `amount` back in all; it may leave from `from` on.
    event WithdrawRequested(address indexed provider, uint256 amount, uint64 from);
    /// @notice Money left.
    event CollateralWithdrawn(address indexed provider, address indexed to, uint256 amount);
    /// @notice A bounty left.
    event BountyWithdrawn(address indexed account, address indexed to, uint256 amount);
    /// @notice A miss was reported: `slashed` left the provider's collateral, `bounty` of it is the reporter's.
    event MissReported(
        address indexed provider,
        uint32 indexed tree,
        uint64 indexed period,
        address reporter,
        uint256 slashed,
        uint256 bounty
    );
    /// @notice A slot's fault part was slashed because of a challenge or a dispute.
    event SlotSlashed(address indexed provider, address indexed hunter, uint256 slashed, uint256 bounty);
    /// @notice The tree ended: nothing behind `lastPeriod` is paid or slashed.
    event TreeTerminated(address indexed provider, uint32 indexed tree, uint64 lastPeriod);
    /// @notice Misses of the periods first..last are excused; `charged` was burned for it (0: maintenance).
    event WindowExcused(address indexed provider, uint32 indexed tree, uint64 first, uint64 last, uint256 charged);
    /// @notice Declared skips of a proof were charged.
    event SkipsCharged(address indexed provider, uint32 indexed tree, uint64 indexed period, uint256 charged);
    /// @notice A freed slot's repair part waits for who repairs it.
    event RepairFunded(uint64 indexed deal, uint8 indexed slot, address indexed provider, uint256 amount);
    /// @notice A repair was paid: `bounty` to the repairer, the rest of the repair part is burned.
    event RepairPaid(uint64 indexed deal, uint8 indexed slot, address indexed repairer, uint256 bounty, uint256 burned);
    /// @notice Slashed money left for the address nobody has the key of.
    event CollateralBurned(uint256 amount);

    /// What is known of one tree.
    struct TreeBook {
        uint64 payingSince;
        uint64 terminated;
        uint64 excusedUntil;
        uint32 payMarks;
        uint32 excusedRuns;
        uint64 lastMaintenance;
        mapping(uint256 index => uint256 mark) pay;
        mapping(uint256 index => uint256 run) excused;
        mapping(uint256 word => uint256 bits) reported;
    }

    /// @notice The one token of this deployment.
    IERC20 public immutable token;
    /// @notice Holds the trees and their proofs.
    Sectors public immutable sectors;
    /// @notice May bind, once; nothing else.
    address public immutable deployer;
    uint16 internal immutable SAMPLES;
    uint32 internal immutable FAULT_PERIODS;
    uint32 internal immutable REPAIR_PERIODS;
    uint32 internal immutable MISSES_TO_END;
    uint16 internal immutable BOUNTY;
    uint64 internal immutable DELAY;
    uint32 internal immutable MAINTENANCE;
    uint32 internal immutable MAINTENANCE_EVERY;
    uint32 internal immutable LEAST_FAULT;
    uint32 internal immutable MOST_FAULT;

    /// @notice The contract that fills, ends and frees slots; zero until bound.
    address public deals;
    /// @notice Direct challenges; may slash a slot.
    address public challenges;
    /// @notice Disputes about commitments; may slash a slot.
    address public disputes;
    /// @notice Slashed money that `burn` sends away.
    uint256 public unburned;
    /// @notice Sum of the repair parts that wait for a repair.
    uint256 public pots;
    /// @notice What an account may withdraw of bounties.
    mapping(address account => uint256) public bountyOf;
    /// @notice Repair part of a freed slot.
    mapping(uint64 deal => mapping(uint8 slot => uint256)) public potOf;

    mapping(address provider => Account) internal _accounts;
    mapping(address provider => mapping(uint32 tree => TreeBook)) internal _books;

    constructor(IERC20 token_, Sectors sectors_, CollateralTerms memory t) Periods(sectors_.schedule()) {
        bool sound = t.bountyBasisPoints <= Constants.MAX_BOUNTY_BASIS_POINTS && t.leastFault <= t.mostFault
            && t.withdrawDelay <= 365 days && t.maintenancePeriods <= t.maintenanceEvery
            && (t.mostFault == 0 || t.leastFault != 0);
        if (!sound) revert Collateral_TermsRefused();
        token = token_;
        sectors = sectors_;
        deployer = msg.sender;
        SAMPLES = sectors_.postSamples();
        (FAULT_PERIODS, REPAIR_PERIODS, MISSES_TO_END) = (t.faultPeriods, t.repairPeriods, t.missesToEnd);
        (BOUNTY, DELAY) = (t.bountyBasisPoints, t.withdrawDelay);
        (MAINTENANCE, MAINTENANCE_EVERY) = (t.maintenancePeriods, t.maintenanceEvery);
        (LEAST_FAULT, MOST_FAULT) = (t.leastFault, t.mostFault);
    }

    /// Takes exactly `amount` from the caller.
    function _collect(uint256 amount, Permit calldata permit) internal virtual {
        if (permit.deadline != 0) {
            try IERC20Permit(address(token)).permit(
                msg.sender, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s
            ) {} catch {}
        }
        uint256 allowance = token.allowance(msg.sender, address(this));
        if (allowance < amount) revert Collateral_AllowanceTooLow(amount, allowance);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 got = token.balanceOf(address(this)) - before;
        if (got != amount) revert Collateral_TokenTookFee(amount, got);
    }

    /// Takes up to `amount` of what may be slashed: all but the repair parts. What was asked back is no shelter.
    function _slash(address provider, uint256 amount) internal virtual returns (uint256 slashed) {
        Account storage a = _accounts[provider];
        uint256 reach = a.total - a.repairLocked;
        slashed = amount < reach ? amount : reach;
        _lose(a, slashed);
    }

    /// Takes money out of an account. What was asked back shrinks to what is still free, for good: else a request could
    /// be refilled with money that has answered for a slot meanwhile, and leave before that slot's misses are reported.
    function _lose(Account storage a, uint256 amount) internal virtual {
        a.total -= amount.toUint128();
        uint256 locked = uint256(a.faultLocked) + a.repairLocked;
        uint256 left = a.total > locked ? a.total - locked : 0;
        if (a.withdrawing > left) a.withdrawing = left.toUint128();
    }

    /// When money asked back now may leave.
    function _leaveTime() internal view virtual returns (uint64) {
        return _now() + DELAY;
    }

    /// Slashes, credits `hunter` with its share and leaves the rest to be burned.
    function _slashFor(address provider, uint256 amount, address hunter)
        internal
        returns (uint256 slashed, uint256 bounty)
    {
        slashed = _slash(provider, amount);
        bounty = _bounty(slashed);
        bountyOf[hunter] += bounty;
        unburned += slashed - bounty;
    }

    /// Burns `amount` of what is free or answers for faults; all of it or nothing.
    function _charge(address provider, uint256 amount) internal {
        Account storage a = _accounts[provider];
        uint256 reach = a.total - a.repairLocked;
        if (reach < amount) revert Collateral_TooLow(provider, amount, reach);
        _lose(a, amount);
        unburned += amount;
    }

    /// What neither answers for a slot nor was asked back.
    function _free(Account storage a) internal view virtual returns (uint256) {
        uint256 bound = uint256(a.faultLocked) + a.repairLocked + a.withdrawing;
        return a.total > bound ? a.total - bound : 0;
    }

    /// The share of who shows a fault.
    function _bounty(uint256 slashed) internal view virtual returns (uint256) {
        return slashed * BOUNTY / 10_000;
    }

    /// The slash of one miss: 5 * ceil(count / C) * pay. Spread over many sectors the same loss is sampled less often,
    /// so it costs as much more.
    function _missCost(uint32 count, uint256 pay) internal view virtual returns (uint256) {
        return Constants.MISS_FACTOR * ((uint256(count) + SAMPLES - 1) / SAMPLES) * pay;
    }

    /// The charge of declared skips: 3 * ceil(count * pay / C) each. A sample hits one of `count` sectors, and that one may
    /// earn all of the pay: at the mean price of a sector, empty ones around it would make its loss cheap.
    function _skipCost(uint32 count, uint256 pay, uint8 skips) internal view virtual returns (uint256) {
        return Constants.DECLARED_FACTOR * skips * ((count * pay + SAMPLES - 1) / SAMPLES);
    }

    /// Whether the tree held sectors in a closed period that the beacon counted, and neither proved nor excused it.
    function _missed(address provider, uint32 tree_, TreeBook storage b, uint64 period)
        internal
        view
        virtual
        returns (bool)
    {
        return sectors.missed(provider, tree_, period, period) == 1 && !_excused(b, period);
    }

    /// Ends a tree for good. A period behind the last closed one counts only if it was proven (and perhaps paid) before.
    function _end(address provider, uint32 tree_, TreeBook storage b) internal virtual {
        (uint64 last, uint64 proven) = (lastClosedPeriod(_now()), sectors.lastProven(provider, tree_));
        b.terminated = proven > last ? proven : last;
        emit TreeTerminated(provider, tree_, b.terminated);
    }

    /// Whether a miss of `period` is excused.
    function _excused(TreeBook storage b, uint64 period) internal view virtual returns (bool) {
        return Runs.has(b.excused, b.excusedRuns, period);
    }

    /// Adds `price` to the tree's pay from the first period not yet frozen on.
    function _addPay(TreeBook storage b, uint256 price) internal {
        uint64 open = openPeriod(_now());
        uint256 pay = Marks.newest(b.pay, b.payMarks);
        if (pay == 0) b.payingSince = open;
        b.payMarks = Marks.set(b.pay, b.payMarks, open, (pay + price).toUint128());
    }

    function _payAt(TreeBook storage b, uint64 period) internal view returns (uint256) {
        return Marks.valueAt(b.pay, b.payMarks, period);
    }

    function _dropPay(TreeBook storage b, uint256 price) internal {
        uint256 pay = Marks.newest(b.pay, b.payMarks);
        b.payMarks = Marks.set(b.pay, b.payMarks, openPeriod(_now()), (pay - price).toUint128());
    }

    /// Misses since the tree was last proven or began to earn. Void and excused periods neither count nor break the row.
    function _missesInARow(address provider, uint32 tree_, TreeBook storage b)
        internal
        view
        virtual
        returns (uint64 misses)
    {
        uint64 closed = lastClosedPeriod(_now());
        uint64 from = sectors.lastProven(provider, tree_) + 1;
        if (b.payingSince > from) from = b.payingSince;
        (bool found, uint64 first, uint64 last,) = Runs.find(b.excused, b.excusedRuns, closed);
        // A window needs a proof since the one before, so at most one lies in the row.
        if (found && last >= from) {
            if (first > from) misses = sectors.missed(provider, tree_, from, first - 1);
            from = last + 1;
        }
        if (from <= closed) misses += sectors.missed(provider, tree_, from, closed);
    }

    /// Enters an excused window, which must lie behind the one before and follow a proof since then.
    function _excuse(TreeBook storage b, uint32 tree_, uint64 first, uint64 last) internal virtual {
        uint64 open = openPeriod(_now());
        bool rested = b.excusedUntil == 0 || sectors.lastProven(msg.sender, tree_) > b.excusedUntil;
        if (first < open || !rested || b.terminated != 0) revert Collateral_WindowRefused(tree_, first, last);
        b.excused[b.excusedRuns] = Runs.pack(first, last, 0);
        b.excusedRuns += 1;
        b.excusedUntil = last;
    }
}
