// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Challenge, ChallengeTerms} from "../../src/ChallengeTypes.sol";
import {Challenges} from "../../src/Challenges.sol";
import {Collateral} from "../../src/Collateral.sol";
import {CollateralTerms} from "../../src/CollateralTypes.sol";
import {Slot, SlotState, SlotStatus} from "../../src/DealTypes.sol";
import {Deals} from "../../src/Deals.sol";
import {Disputes, Evidence} from "../../src/Disputes.sol";
import {Fraud} from "../../src/Fraud.sol";
import {Marks} from "../../src/Marks.sol";
import {Sectors} from "../../src/Sectors.sol";

/// @dev What a mutant of Disputes does without.
enum Trusting {
    Comparison,
    Proof,
    ContentId,
    ByteLen,
    Group,
    OwnSlot,
    SlotArray,
    Voiding,
    SlashOfTheFreed
}

/// @dev Disputes that believes whoever disputes in one thing (`say`), or leaves one step out.
contract MutantDisputes is Disputes {
    Trusting private immutable _trusting;
    bytes32 private _contentId;
    uint64 private _number;

    constructor(Deals deals_, Trusting trusting) Disputes(deals_) {
        _trusting = trusting;
    }

    /// What the mutant believes: another content id; another length, group or slot.
    function say(bytes32 contentId, uint64 number) external {
        (_contentId, _number) = (contentId, number);
    }

    function _requireSlots(uint64 deal_, bytes32 slotsHash, Slot[] calldata slots) internal view override {
        if (_trusting != Trusting.SlotArray) super._requireSlots(deal_, slotsHash, slots);
    }

    function _pieceOf(Slot[] calldata slots, uint8 slot) internal view override returns (Slot calldata) {
        return _trusting == Trusting.OwnSlot ? slots[(slot + 1) % slots.length] : super._pieceOf(slots, slot);
    }

    function _requireLeaves(uint256 commP, Evidence calldata evidence) internal view override {
        if (_trusting != Trusting.Proof) super._requireLeaves(commP, evidence);
    }

    function _requireFalse(uint64 deal_, uint8 slot, Slot calldata piece, Evidence calldata evidence)
        internal
        view
        override
    {
        if (_trusting == Trusting.Comparison) return;
        bytes32 contentId = _trusting == Trusting.ContentId ? _contentId : piece.contentId;
        uint64 byteLen = _trusting == Trusting.ByteLen ? _number : piece.byteLen;
        uint64 group = _trusting == Trusting.Group ? _number : evidence.group;
        bool differs = Fraud.differs(contentId, byteLen, group, evidence.leaves, evidence.chunks);
        if (!differs) revert Disputes_NotFalse(deal_, slot, evidence.group);
    }

    function _slash(SlotState memory s, uint128 price) internal override returns (uint256) {
        if (_trusting == Trusting.SlashOfTheFreed && s.status == SlotStatus.Freed) return 0;
        return super._slash(s, price);
    }

    function _void(uint64 deal_, uint8 slot) internal override {
        if (_trusting != Trusting.Voiding) super._void(deal_, slot);
        else if (deals.slotState(deal_, slot).status == SlotStatus.Filled) deals.expel(deal_, slot, false);
    }
}

/// @dev Challenges that takes every open challenge for one of a slot that is still held.
contract HoldingChallenges is Challenges {
    constructor(IERC20 token_, Deals deals_, ChallengeTerms memory terms_) Challenges(token_, deals_, terms_) {}

    function _held(uint64, Challenge storage) internal pure override returns (bool) {
        return true;
    }
}

/// @dev Collateral in which only a tree that earns now has missed.
contract ForgetfulCollateral is Collateral {
    constructor(IERC20 token_, Sectors sectors_, CollateralTerms memory terms_) Collateral(token_, sectors_, terms_) {}

    function _missed(address provider, uint32 tree_, TreeBook storage b, uint64 period)
        internal
        view
        override
        returns (bool)
    {
        return Marks.newest(b.pay, b.payMarks) != 0 && super._missed(provider, tree_, b, period);
    }
}
