// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {Collateral} from "./Collateral.sol";
import {Deal, Slot, SlotState, SlotStatus} from "./DealTypes.sol";
import {Deals} from "./Deals.sol";
import {ChunkProof, Fraud} from "./Fraud.sol";
import {Circuit} from "./SectorTypes.sol";
import {Sectors} from "./Sectors.sol";
import {Verifier} from "./Verifier.sol";

/// @notice What is shown about one group of 127 bytes: its number, the four leaves that lie there under comm_p with the
/// proof of that (circuit `dispute`), and the chunks of the piece the group's bytes lie in.
struct Evidence {
    uint64 group;
    uint256[4] leaves;
    bytes proof;
    ChunkProof[] chunks;
}

/// @title Disputes: a false commitment is shown, and its holder pays.
/// @notice content id is the truth, comm_p a claim of who stored the piece. It is false when for some group
///     verify(dispute key, [comm_p, group, leaves]) and leaves != fr32(bytes of the group under the content id).
/// Then comm_p is void, the fault part of the slot is slashed, the slot is freed (unless it was), and whoever repairs it
/// brings another comm_p under the same right of dispute. Length and content id come from the deal's slot array: the
/// statement names neither, but the comm_p of a filled slot holds this very length (the proof of `include` said so).
/// Who gave the slot up, or lost it for another reason, pays all the same, with what it still has at stake: or it would
/// give up the slot on seeing a dispute on its way, and keep the fault part.
/// Of an honest commitment no group can be shown to differ. Invariant: a slot's commitment is voided, and slashed for, at
/// most once for each time it is claimed. Holds no money and calls no token.
contract Disputes is ReentrancyGuard {
    /// @notice The slot array given is not the one the deal was opened with.
    error Disputes_SlotsMismatch(uint64 deal);
    /// @notice The slot has no commitment to be disputed: it is empty, closed, or voided already.
    error Disputes_NoCommitment(uint64 deal, uint8 slot);
    /// @notice The leaves are those of the piece's bytes: the commitment is not false there.
    error Disputes_NotFalse(uint64 deal, uint8 slot, uint64 group);

    /// @notice A commitment was shown to be false and is void; `bounty` of what was slashed is the hunter's.
    event CommitmentVoided(
        uint64 indexed deal,
        uint8 indexed slot,
        address indexed provider,
        uint256 commP,
        uint64 group,
        address hunter,
        uint256 bounty
    );

    /// @notice Holds the slots.
    Deals public immutable deals;
    /// @notice Holds what providers stake.
    Collateral public immutable collateral;
    /// @notice Checks every proof.
    Verifier public immutable verifier;
    address private immutable _disputeKey;

    constructor(Deals deals_) {
        deals = deals_;
        collateral = deals_.collateral();
        verifier = deals_.verifier();
        Sectors sectors = deals_.sectors();
        _disputeKey = sectors.circuit(Circuit.Dispute).key;
    }

    /// @notice Shows that the commitment of a filled or freed slot is false. Anyone; who copies a dispute on its way takes
    /// the bounty, not its effect. Money: up to the fault part from the collateral of the slot's last provider, the
    /// bounty of it to the caller's. Work: linear in the slot array, one proof (6 inputs), at most two chunks of the piece.
    /// Reverts: Deals_NoSuchDeal, Deals_NoSuchSlot, Disputes_SlotsMismatch, Disputes_NoCommitment, Disputes_NotFalse,
    /// those of Fraud.differs, and the verifier's.
    /// @param slots the deal's slot array, as it was opened
    function dispute(uint64 deal_, uint8 slot, Slot[] calldata slots, Evidence calldata evidence)
        external
        nonReentrant
    {
        SlotState memory s = deals.slotState(deal_, slot);
        Deal memory d = deals.deal(deal_);
        _requireSlots(deal_, d.slotsHash, slots);
        _requireClaimed(deal_, slot, s);
        _requireLeaves(s.commP, evidence);
        _requireFalse(deal_, slot, _pieceOf(slots, slot), evidence);

        uint256 bounty = _slash(s, d.pricePerSlotPeriod);
        emit CommitmentVoided(deal_, slot, s.provider, s.commP, evidence.group, msg.sender, bounty);
        _void(deal_, slot);
    }

    function _requireSlots(uint64 deal_, bytes32 slotsHash, Slot[] calldata slots) internal view virtual {
        if (keccak256(abi.encode(slots)) != slotsHash) revert Disputes_SlotsMismatch(deal_);
    }

    function _requireClaimed(uint64 deal_, uint8 slot, SlotState memory s) internal view virtual {
        bool claimed = (s.status == SlotStatus.Filled || s.status == SlotStatus.Freed) && s.commP != 0;
        if (!claimed) revert Disputes_NoCommitment(deal_, slot);
    }

    /// What the piece of the slot is, by the deal's word.
    function _pieceOf(Slot[] calldata slots, uint8 slot) internal view virtual returns (Slot calldata) {
        return slots[slot];
    }

    /// The leaves lie at the group under comm_p.
    function _requireLeaves(uint256 commP, Evidence calldata evidence) internal view virtual {
        uint256[] memory inputs = new uint256[](6);
        (inputs[0], inputs[1]) = (commP, evidence.group);
        for (uint256 i = 0; i < 4; ++i) {
            inputs[2 + i] = evidence.leaves[i];
        }
        verifier.verify(_disputeKey, inputs, evidence.proof);
    }

    /// The piece's bytes say something else.
    function _requireFalse(uint64 deal_, uint8 slot, Slot calldata piece, Evidence calldata evidence)
        internal
        view
        virtual
    {
        bool differs = Fraud.differs(
            piece.contentId, piece.byteLen, evidence.group, evidence.leaves, evidence.chunks
        );
        if (!differs) revert Disputes_NotFalse(deal_, slot, evidence.group);
    }

    function _slash(SlotState memory s, uint128 price) internal virtual returns (uint256 bounty) {
        return collateral.slashSlot(s.provider, price, msg.sender);
    }

    /// Voids the commitment and frees the slot.
    function _void(uint64 deal_, uint8 slot) internal virtual {
        deals.expel(deal_, slot, true);
    }
}
