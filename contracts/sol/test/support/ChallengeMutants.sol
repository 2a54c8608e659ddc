// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Challenge, ChallengeTerms} from "../../src/ChallengeTypes.sol";
import {Challenges} from "../../src/Challenges.sol";
import {Collateral} from "../../src/Collateral.sol";
import {Constants} from "../../src/Constants.sol";
import {SlotState, SlotStatus} from "../../src/DealTypes.sol";
import {Deals} from "../../src/Deals.sol";
import {Providers} from "../../src/Providers.sol";
import {Sectors} from "../../src/Sectors.sol";
import {Words} from "../../src/Words.sol";

/// @dev What a mutant does without.
enum ChallengeDefence {
    Dearer, // a full quota refuses
    Burned, // the provider has the whole bond
    Payee, // whoever answers is paid
    Window, // the seed and the word of a window proof
    Id,
    Chain,
    Place,
    Range,
    Number,
    Provider, // the tree of the caller
    CountFree, // the seed holds the count
    Round, // the newest round seeds
    Unknown, // the seed is known when the challenge is made
    Deadline,
    Expiry,
    SilentBeacon,
    Held, // any filled slot will do
    Excuse, // a window announced later ends a challenge
    Cooldown,
    Running // slots of deals that have ended are challenged as well
}

contract MutantChallenges is Challenges {
    ChallengeDefence private immutable _without;

    constructor(IERC20 token_, Deals deals_, ChallengeTerms memory terms_, ChallengeDefence without)
        Challenges(token_, deals_, terms_)
    {
        _without = without;
    }

    function _lacks(ChallengeDefence defence) private view returns (bool) {
        return _without == defence;
    }

    function _doublings(address provider) internal view override returns (uint8) {
        if (!_lacks(ChallengeDefence.Dearer)) return super._doublings(provider);
        require(openOf[provider] < PER_STEP);
        return 0;
    }

    function _reward(Challenge storage c, uint256 bond) internal view override returns (address, uint256) {
        if (_lacks(ChallengeDefence.Burned)) return (c.provider, bond);
        if (_lacks(ChallengeDefence.Payee)) return (msg.sender, BOND);
        return super._reward(c, bond);
    }

    function _requireChallengeable(uint64 deal_, uint8 slot, SlotState memory s, uint64 seedPeriod)
        internal
        view
        override
    {
        bool lax = _lacks(ChallengeDefence.Cooldown) || _lacks(ChallengeDefence.Running);
        if (!lax) super._requireChallengeable(deal_, slot, s, seedPeriod);
    }

    function _seedPeriod() internal view override returns (uint64) {
        return _lacks(ChallengeDefence.Unknown) ? periodAfter(_now()) - 1 : super._seedPeriod();
    }

    function _dueTime(uint64 seedPeriod) internal view override returns (uint64) {
        if (_lacks(ChallengeDefence.Deadline)) return type(uint64).max;
        if (_lacks(ChallengeDefence.Expiry)) return 1;
        if (_lacks(ChallengeDefence.SilentBeacon)) return deadline(seedPeriod) + ANSWER_DUE;
        return super._dueTime(seedPeriod);
    }

    function _held(uint64 id, Challenge storage c) internal view override returns (bool) {
        if (_lacks(ChallengeDefence.Held)) return deals.slotState(c.deal, c.slot).status == SlotStatus.Filled;
        if (_lacks(ChallengeDefence.Excuse) && collateral.excused(c.provider, c.tree, openPeriod(_now()))) return false;
        return super._held(id, c);
    }

    function _statement(uint64 id, Challenge storage c, uint32 index)
        internal
        view
        override
        returns (uint256[] memory inputs)
    {
        inputs = super._statement(id, c, index);
        address provider = _lacks(ChallengeDefence.Provider) ? msg.sender : c.provider;
        (uint256 root, uint32 count) = sectors.frozen(provider, c.tree, openPeriod(_now()) - 1);
        uint40 offset = _lacks(ChallengeDefence.Range) ? 0 : c.offsetLeaves;
        bool anyNumber = _lacks(ChallengeDefence.Number) || _lacks(ChallengeDefence.Window);
        inputs[0] = root;
        inputs[2] = Words.direct(count, index, anyNumber ? 0 : c.sector, offset, c.b);
    }

    function _seed(uint64 id, Challenge storage c) internal view override returns (uint256) {
        uint64 period = _lacks(ChallengeDefence.Round) ? openPeriod(_now()) - 1 : c.seedPeriod;
        bytes32 randomness = BEACON.randomness(roundOf(period));
        (, uint32 count) = sectors.frozen(c.provider, c.tree, openPeriod(_now()) - 1);
        if (_lacks(ChallengeDefence.Window)) {
            return sectors.windowSeed(c.provider, c.tree, period, count, randomness);
        }
        bytes memory all = abi.encode(
            Constants.PURPOSE_DIRECT,
            _lacks(ChallengeDefence.Id) ? 0 : id,
            _lacks(ChallengeDefence.Chain) ? 0 : block.chainid,
            _lacks(ChallengeDefence.Place) ? address(0) : address(this),
            SPACETIME_ID,
            _lacks(ChallengeDefence.Provider) ? msg.sender : c.provider,
            c.tree,
            c.seedPeriod,
            _lacks(ChallengeDefence.CountFree) ? count : 0,
            Words.direct(0, 0, c.sector, c.offsetLeaves, c.b),
            randomness
        );
        return uint256(keccak256(all)) >> 8;
    }
}

/// @dev Deals whose slots are left and closed under a challenge.
contract LeavableDeals is Deals {
    constructor(IERC20 token_, Providers providers_, Sectors sectors_, Collateral collateral_)
        Deals(token_, providers_, sectors_, collateral_)
    {}

    function _requireUnchallenged(SlotState storage, uint64, uint8) internal pure override {}
}
