// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Collateral} from "../../src/Collateral.sol";
import {CollateralTerms} from "../../src/CollateralTypes.sol";
import {Activation, Deal, SlotState} from "../../src/DealTypes.sol";
import {Deals} from "../../src/Deals.sol";
import {Providers} from "../../src/Providers.sol";
import {Auction, AuctionOutcome, RepairTerms} from "../../src/RepairTypes.sol";
import {Repairs} from "../../src/Repairs.sol";
import {Sectors} from "../../src/Sectors.sol";

/// @dev What a mutant of Repairs does without (see Defence in Mutants.sol).
enum RepairDefence {
    NamesProvider,
    Once,
    AfterFreed,
    OldEnough,
    YoungEnough,
    RightLife,
    Turn,
    OnlyDeals,
    Entrant,
    Means,
    EntryLength,
    EntryClosed,
    Seed,
    Lowest,
    Exclusive,
    SilentClaims,
    SilentSealing,
    Lost,
    Refundable
}

contract MutantRepairs is Repairs {
    RepairDefence private immutable _without;

    constructor(IERC20 token_, Deals deals_, RepairTerms memory terms_, RepairDefence without)
        Repairs(token_, deals_, terms_)
    {
        _without = without;
    }

    function _hash(uint64 deal, uint8 slot, address provider, bytes32 salt) internal view override returns (bytes32) {
        return super._hash(deal, slot, _without == RepairDefence.NamesProvider ? address(0) : provider, salt);
    }

    function _requireNew(bytes32 hash) internal view override {
        if (_without != RepairDefence.Once) super._requireNew(hash);
    }

    function _requireAfterFreed(uint64 since, uint64 freedAt) internal view override {
        if (_without != RepairDefence.AfterFreed) super._requireAfterFreed(since, freedAt);
    }

    function _requireOldEnough(uint64 since) internal view override {
        if (_without != RepairDefence.OldEnough) super._requireOldEnough(since);
    }

    function _requireYoungEnough(uint64 since) internal view override {
        if (_without != RepairDefence.YoungEnough) super._requireYoungEnough(since);
    }

    function _lapsed(uint64 until) internal view override returns (bool) {
        return _without == RepairDefence.RightLife ? until == 0 : super._lapsed(until);
    }

    function _key(uint64 deal, uint8 slot, uint32 turn) internal view override returns (uint256) {
        return super._key(deal, slot, _without == RepairDefence.Turn ? 0 : turn);
    }

    function _requireDeals() internal view override {
        if (_without != RepairDefence.OnlyDeals) super._requireDeals();
    }

    function _requireEntrant(Deal memory d, uint64 deal, uint8 slot, address provider) internal view override {
        if (_without != RepairDefence.Entrant) super._requireEntrant(d, deal, slot, provider);
    }

    function _requireMeans(uint128 price, address provider) internal view override {
        if (_without != RepairDefence.Means) super._requireMeans(price, provider);
    }

    /// Without: the next period not yet frozen, however soon that is.
    function _newPeriod() internal view override returns (uint64) {
        return _without == RepairDefence.EntryLength ? openPeriod(_now()) : super._newPeriod();
    }

    function _requireEntryOpen(uint64 deal, uint8 slot, uint64 period) internal view override {
        if (_without != RepairDefence.EntryClosed) super._requireEntryOpen(deal, slot, period);
    }

    /// Without: the newest round that may be known already when the auction opens.
    function _randomness(uint64 period) internal view override returns (bytes32) {
        return super._randomness(_without == RepairDefence.Seed ? period - 2 : period);
    }

    /// Without: as a beacon that is never silent would have it.
    function _claimsUntil(uint64 period) internal view override returns (uint64) {
        if (_without == RepairDefence.SilentClaims) return deadline(period) + CLAIM_SECONDS;
        if (_without == RepairDefence.Seed) return deadline(period) + CLAIM_SECONDS;
        return super._claimsUntil(period);
    }

    /// Without: by the clock.
    function _sealTimeUp(uint64 from, uint64 time) internal view override returns (bool) {
        if (_without != RepairDefence.SilentSealing) return super._sealTimeUp(from, time);
        return time > from + SEAL_PERIODS * PERIOD;
    }

    function _requireLowest(Auction storage a, bytes32 rank) internal view override {
        if (_without != RepairDefence.Lowest) super._requireLowest(a, rank);
    }

    /// Without: any entrant.
    function isWinner(uint64 deal, uint8 slot, address provider) public view override returns (bool) {
        if (_without != RepairDefence.Exclusive) return super.isWinner(deal, slot, provider);
        return _entered[_key(deal, slot, turnOf[deal][slot])][provider];
    }

    function _lostBonds(Auction storage a) internal view override returns (uint256) {
        return _without == RepairDefence.Lost ? 0 : super._lostBonds(a);
    }

    function _refundable(Auction storage a, address provider) internal view override returns (bool) {
        if (_without == RepairDefence.Lost && a.outcome != AuctionOutcome.Running) return true;
        return _without == RepairDefence.Refundable || super._refundable(a, provider);
    }
}

/// @dev What a mutant of Deals does without, of what it asks of a repairer.
enum TakeOverDefence {
    Eligible,
    SamePiece
}

contract MutantDeals is Deals {
    TakeOverDefence private immutable _without;

    constructor(IERC20 t, Providers p, Sectors s, Collateral c, TakeOverDefence without) Deals(t, p, s, c) {
        _without = without;
    }

    function _requireEligible(uint64 deal_, uint8 slot, Deal storage d, SlotState storage s) internal view override {
        if (_without != TakeOverDefence.Eligible) super._requireEligible(deal_, slot, d, s);
    }

    function _requireSamePiece(Activation calldata a, SlotState storage s) internal view override {
        if (_without != TakeOverDefence.SamePiece) super._requireSamePiece(a, s);
    }
}

/// @dev Collateral that pays the whole repair part as bounty.
contract GenerousCollateral is Collateral {
    constructor(IERC20 token_, Sectors sectors_, CollateralTerms memory terms_) Collateral(token_, sectors_, terms_) {}

    function _bounty(uint256 slashed) internal pure override returns (uint256) {
        return slashed;
    }
}
