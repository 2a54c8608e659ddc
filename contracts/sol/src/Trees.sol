// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Beacon} from "./Beacon.sol";
import {Marks} from "./Marks.sol";
import {Periods} from "./Periods.sol";
import {Runs} from "./Runs.sol";

/// @title Provider trees: freezing, and what was proven of them.
/// @notice A tree holds the state frozen for the periods before `effectivePeriod` (active) and the newest state
/// (pending). A change at time t is effective from openPeriod(t), the first period not yet frozen:
///     frozen(p) = pending if p >= effectivePeriod, active if p = effectivePeriod - 1, forgotten before.
/// A change first rolls pending into active when pending has been frozen. Root and count move together.
/// @dev Per tree two run lists: proven periods, and held periods (frozen count above zero; `before` of a held run
/// counts the periods of earlier held runs whose beacon round came in time). proven is a subset of held. A third list marks
/// the counts, so that a miss is priced by what was held then.
abstract contract Trees is Periods {
    /// @notice What `tree` shows: the state frozen for the latest frozen period, the newest, and since when.
    struct TreeState {
        uint256 activeRoot;
        uint32 activeCount;
        uint256 pendingRoot;
        uint32 pendingCount;
        uint64 effectivePeriod;
    }

    /// @notice Closed periods of a range: proven + missed + voided + empty is their number.
    struct Uptime {
        uint64 proven;
        uint64 missed;
        uint64 voided;
        uint64 empty;
    }

    struct Tree {
        uint256 activeRoot;
        uint256 pendingRoot;
        uint32 activeCount;
        uint32 pendingCount;
        uint64 effectivePeriod;
        uint32 provenRuns;
        uint32 heldRuns;
        uint32 countMarks;
        mapping(uint256 index => uint256 run) proven;
        mapping(uint256 index => uint256 run) held;
        mapping(uint256 index => uint256 mark) counts;
    }

    /// @notice The state of that period is no longer known.
    error Trees_PeriodForgotten(uint64 period);

    Beacon internal immutable BEACON;
    uint256 internal immutable EMPTY_ROOT;

    mapping(address provider => mapping(uint32 tree => Tree)) internal _trees;

    constructor(Beacon beacon_, uint256 emptyRoot_) Periods(beacon_.schedule()) {
        BEACON = beacon_;
        EMPTY_ROOT = emptyRoot_;
    }

    /// @notice The beacon that seeds the periods.
    function beacon() external view returns (Beacon) {
        return BEACON;
    }

    /// @notice Root of a tree without sectors.
    function emptyRoot() external view returns (uint256) {
        return EMPTY_ROOT;
    }

    /// @notice A provider's tree as it stands now. Constant work.
    function tree(address provider, uint32 tree_) external view returns (TreeState memory) {
        Tree storage t = _trees[provider][tree_];
        bool frozen_ = t.effectivePeriod < openPeriod(_now());
        (uint256 root, uint32 count) = frozen_ ? (t.pendingRoot, t.pendingCount) : (t.activeRoot, t.activeCount);
        return TreeState(
            _shown(root, count), count, _shown(t.pendingRoot, t.pendingCount), t.pendingCount, t.effectivePeriod
        );
    }

    /// @notice Root and count that count for `period`: final from freezeTime(period) on, before that what they would
    /// be without further changes. Constant work. Reverts: Trees_PeriodForgotten.
    function frozen(address provider, uint32 tree_, uint64 period) external view returns (uint256 root, uint32 count) {
        return _frozen(_trees[provider][tree_], period);
    }

    /// @notice Whether `period` of the tree was proven. Work: a binary search.
    function isProven(address provider, uint32 tree_, uint64 period) external view returns (bool) {
        Tree storage t = _trees[provider][tree_];
        return Runs.has(t.proven, t.provenRuns, period);
    }

    /// @notice The newest proven period of the tree; 0 when there is none.
    function lastProven(address provider, uint32 tree_) external view returns (uint64 last) {
        Tree storage t = _trees[provider][tree_];
        if (t.provenRuns != 0) (, last,) = Runs.unpack(t.proven[t.provenRuns - 1]);
    }

    /// @notice How many sectors the tree frozen for `period` held; before the period is frozen, what it would hold
    /// without further changes. Work: a binary search.
    function countAt(address provider, uint32 tree_, uint64 period) external view returns (uint32) {
        Tree storage t = _trees[provider][tree_];
        return uint32(Marks.valueAt(t.counts, t.countMarks, period));
    }

    /// @notice How many of the closed periods from..to the tree missed: held, beacon in time, no proof. Work: six binary
    /// searches.
    function missed(address provider, uint32 tree_, uint64 from, uint64 to) external view returns (uint64) {
        return uptime(provider, tree_, from, to).missed;
    }

    /// @notice How many of the periods from..to of the tree are proven. Work: two binary searches.
    function provenBetween(address provider, uint32 tree_, uint64 from, uint64 to) public view returns (uint64) {
        if (from == 0) from = 1;
        if (to < from) return 0;
        Tree storage t = _trees[provider][tree_];
        return Runs.countUpTo(t.proven, t.provenRuns, to) - Runs.countUpTo(t.proven, t.provenRuns, from - 1);
    }

    /// @notice The closed periods among from..to: proven, missed (held, beacon in time, no proof), voided (no beacon
    /// round by the deadline), empty (beacon in time, tree empty). Work: eight binary searches.
    function uptime(address provider, uint32 tree_, uint64 from, uint64 to) public view returns (Uptime memory u) {
        uint64 closed = lastClosedPeriod(_now());
        if (from == 0) from = 1;
        if (to > closed) to = closed;
        if (to < from) return u;
        Tree storage t = _trees[provider][tree_];
        uint64 counted = BEACON.countedUpTo(to) - BEACON.countedUpTo(from - 1);
        uint64 held = _heldUpTo(t, to) - _heldUpTo(t, from - 1);
        u.proven = provenBetween(provider, tree_, from, to);
        u.missed = held - u.proven;
        u.voided = to - from + 1 - counted;
        u.empty = counted - held;
    }

    function _frozen(Tree storage t, uint64 period) internal view returns (uint256 root, uint32 count) {
        uint64 effective = t.effectivePeriod;
        if (period >= effective) (root, count) = (t.pendingRoot, t.pendingCount);
        else if (period + 1 == effective) (root, count) = (t.activeRoot, t.activeCount);
        else revert Trees_PeriodForgotten(period);
        root = _shown(root, count);
    }

    /// The newest state: what the next change builds on.
    function _newest(Tree storage t) internal view returns (uint256 root, uint32 count) {
        count = t.pendingCount;
        root = _shown(t.pendingRoot, count);
    }

    /// Rolls, then makes (root, count) the pending state; returns the period from which it is effective.
    function _change(Tree storage t, uint256 root, uint32 count) internal virtual returns (uint64 open) {
        open = openPeriod(_now());
        uint32 old = t.pendingCount;
        if (t.effectivePeriod < open) {
            t.activeRoot = t.pendingRoot;
            t.activeCount = old;
            t.effectivePeriod = open;
        }
        t.pendingRoot = root;
        t.pendingCount = count;
        t.countMarks = Marks.set(t.counts, t.countMarks, open, count);
        if (old == 0 && count != 0) _beginHolding(t, open);
        if (old != 0 && count == 0) _endHolding(t, open);
    }

    function _beginHolding(Tree storage t, uint64 from) private {
        uint32 length = t.heldRuns;
        uint64 before = 0;
        if (length != 0) {
            (uint64 first, uint64 last, uint64 earlier) = Runs.unpack(t.held[length - 1]);
            if (last + 1 == from) {
                t.held[length - 1] = Runs.pack(first, Runs.OPEN, earlier);
                return;
            }
            // last + 1 < from, so the deadline of `last` lies before the freeze of `from` - 1: the count is final.
            before = earlier + BEACON.countedUpTo(last) - BEACON.countedUpTo(first - 1);
        }
        t.held[length] = Runs.pack(from, Runs.OPEN, before);
        t.heldRuns = length + 1;
    }

    function _endHolding(Tree storage t, uint64 from) private {
        uint32 index = t.heldRuns - 1;
        (uint64 first,, uint64 before) = Runs.unpack(t.held[index]);
        t.held[index] = Runs.pack(first, from - 1, before);
    }

    /// Periods 1..`period` in which the tree was held and the beacon came in time.
    function _heldUpTo(Tree storage t, uint64 period) private view returns (uint64) {
        (bool found, uint64 first, uint64 last, uint64 before) = Runs.find(t.held, t.heldRuns, period);
        if (!found) return 0;
        uint64 end = period < last ? period : last;
        return before + BEACON.countedUpTo(end) - BEACON.countedUpTo(first - 1);
    }

    function _shown(uint256 root, uint32 count) private view returns (uint256) {
        return count == 0 ? EMPTY_ROOT : root;
    }
}
