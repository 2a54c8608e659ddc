// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";

import {Beacon} from "../../src/Beacon.sol";
import {Collateral} from "../../src/Collateral.sol";
import {Account, CollateralTerms} from "../../src/CollateralTypes.sol";
import {Deal, Permit, SlotState} from "../../src/DealTypes.sol";
import {Deals} from "../../src/Deals.sol";
import {Providers} from "../../src/Providers.sol";
import {Runs} from "../../src/Runs.sol";
import {CircuitKey, Parameters} from "../../src/SectorTypes.sol";
import {Sectors} from "../../src/Sectors.sol";
import {Verifier} from "../../src/Verifier.sol";

/// @dev What a mutant of Collateral or Deals does without. An attack that the contracts refuse must succeed against the
/// mutant, or it was refused for another reason than the one the test names.
enum Without {
    Nothing,
    WithdrawDelay,
    ShrinkingRequest,
    CountInMiss,
    CountInSkip,
    EndOfTheUnpaid,
    VoidPeriods,
    FaultBeforeFreeze,
    FaultClosesTree,
    PermitCaught,
    BountyBelowSlash,
    BountyHalf,
    RepairPartUntouched,
    DealEnd,
    TreeEnd,
    FirstPeriod,
    OwnTree,
    Eligibility
}

contract MutantCollateral is Collateral {
    Without private immutable _without;

    constructor(IERC20 token_, Sectors sectors_, CollateralTerms memory terms_, Without without)
        Collateral(token_, sectors_, terms_)
    {
        _without = without;
    }

    function _leaveTime() internal view override returns (uint64) {
        return _without == Without.WithdrawDelay ? _now() : super._leaveTime();
    }

    function _lose(Account storage a, uint256 amount) internal override {
        if (_without == Without.ShrinkingRequest) a.total -= uint128(amount);
        else super._lose(a, amount);
    }

    function _slash(address provider, uint256 amount) internal override returns (uint256 slashed) {
        // Without: three times what was taken counts as slashed, so a bounty of half is one and a half of it.
        if (_without == Without.BountyBelowSlash) return 3 * super._slash(provider, amount);
        if (_without != Without.RepairPartUntouched) return super._slash(provider, amount);
        Account storage a = _accounts[provider];
        slashed = amount < a.total ? amount : a.total;
        a.total -= uint128(slashed);
    }

    function _missCost(uint32 count, uint256 pay) internal view override returns (uint256) {
        return super._missCost(_without == Without.CountInMiss ? 1 : count, pay);
    }

    function _skipCost(uint32 count, uint256 pay, uint8 skips) internal view override returns (uint256) {
        return super._skipCost(_without == Without.CountInSkip ? 1 : count, pay, skips);
    }

    function _end(address provider, uint32 tree_, TreeBook storage b) internal override {
        if (_without != Without.EndOfTheUnpaid) super._end(provider, tree_, b);
    }

    function _missed(address provider, uint32 tree_, TreeBook storage b, uint64 period)
        internal
        view
        override
        returns (bool)
    {
        if (_without != Without.VoidPeriods) return super._missed(provider, tree_, b, period);
        return period <= lastClosedPeriod(_now()) && sectors.countAt(provider, tree_, period) != 0
            && !sectors.isProven(provider, tree_, period);
    }

    /// Without: a window begins with the period whose tree is frozen and whose round may be known.
    function _excuse(TreeBook storage b, uint32 tree_, uint64 first, uint64 last) internal override {
        super._excuse(b, tree_, first, last);
        if (_without == Without.FaultBeforeFreeze) b.excused[b.excusedRuns - 1] = Runs.pack(first - 1, last, 0);
    }

    /// Without: a tree whose fault was declared takes slots.
    function _excused(TreeBook storage b, uint64 period) internal view override returns (bool) {
        if (_without == Without.FaultClosesTree && msg.sender == deals) return false;
        return super._excused(b, period);
    }

    function _collect(uint256 amount, Permit calldata permit) internal override {
        if (_without == Without.PermitCaught && permit.deadline != 0) {
            IERC20Permit(address(token)).permit(
                msg.sender, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s
            );
        }
        super._collect(amount, permit);
    }

    function _bounty(uint256 slashed) internal view override returns (uint256) {
        return _without == Without.BountyHalf ? slashed * 9_500 / 10_000 : super._bounty(slashed);
    }
}

contract MutantDeals is Deals {
    Without private immutable _without;

    constructor(IERC20 token_, Providers providers_, Sectors sectors_, Collateral collateral_, Without without)
        Deals(token_, providers_, sectors_, collateral_)
    {
        _without = without;
    }

    function _unpaid(Deal storage d, SlotState storage s) internal view override returns (uint64) {
        uint64 paid = s.paidPeriods - s.paidBefore;
        (uint64 first, uint64 end) = (s.firstPeriod, _end(d));
        if (_without == Without.DealEnd) end = type(uint64).max;
        else if (_without == Without.FirstPeriod) first -= 1;
        else if (_without == Without.OwnTree) return sectors.provenBetween(s.provider, 1, first, end) - paid;
        else if (_without != Without.TreeEnd) return super._unpaid(d, s);
        return sectors.provenBetween(s.provider, s.tree, first, end) - paid;
    }

    function _requireEligible(uint64 deal_, uint8 slot, Deal storage d, SlotState storage s) internal view override {
        if (_without != Without.Eligibility) super._requireEligible(deal_, slot, d, s);
    }
}

/// @dev Sectors in which a change still counts for the period that is frozen.
contract LateSectors is Sectors {
    constructor(Verifier v, Beacon b, Parameters memory p, CircuitKey[6] memory c, uint256 root) Sectors(v, b, p, c, root) {}

    function _change(Tree storage t, uint256 root, uint32 count) internal override returns (uint64 open) {
        open = super._change(t, root, count);
        t.effectivePeriod = open - 1;
    }
}

/// @dev Sectors in which anybody declares skips of anybody's samples.
contract SkippingSectors is Sectors {
    constructor(Verifier v, Beacon b, Parameters memory p, CircuitKey[6] memory c, uint256 root) Sectors(v, b, p, c, root) {}

    function _requireSkips(address, uint8) internal view override {}
}
