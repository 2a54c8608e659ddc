// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Activation, NewDeal, Slot} from "../../src/DealTypes.sol";
import {Disputes, Evidence} from "../../src/Disputes.sol";
import {ChunkProof} from "../../src/Fraud.sol";
import {MarketWorld} from "./MarketWorld.sol";
import {SlowBlake3} from "./SlowBlake3.sol";
import {SlowGroups} from "./SlowGroups.sol";

/// @dev The market with Disputes in it, and deals of two real pieces: alice's of 2,032 bytes, which fills its 16 groups,
/// and bob's of 1,300, whose group 10 ends early and whose groups 11 .. 15 are padding. Group 8 of both straddles two
/// chunks. The contract is put where the rest of the market expects it.
abstract contract DisputeWorld is MarketWorld {
    uint256 internal constant CHUNK = 1024;
    uint256 internal constant BOUNTY = FAULT_PART / 2;

    Disputes internal disputes;
    SlowBlake3 internal slow;

    function setUp() public virtual override {
        super.setUp();
        slow = SlowBlake3(_deploy("SlowBlake3.sol:SlowBlake3", ""));
        disputes = Disputes(DISPUTES);
        _install(DISPUTES, "Disputes.sol:Disputes", abi.encode(deals));
    }

    /// From now on the contract made from the artifact answers at `place`.
    function _install(address place, string memory artifact, bytes memory arguments) internal {
        vm.etch(place, _deploy(artifact, arguments).code);
    }

    // Pieces

    function _random(uint256 seed, uint256 length) internal pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            data[i] = bytes1(uint8(uint256(keccak256(abi.encode(seed, i / 32))) >> (8 * (i % 32))));
        }
    }

    function _piece(uint8 slot) internal pure returns (bytes memory) {
        return _random(slot, slot == 0 ? 2032 : 1300);
    }

    function _pieceSlot(address provider, bytes memory data) internal view returns (Slot memory) {
        uint8 b = 2;
        while ((uint256(127) << (b - 2)) < data.length) ++b;
        return Slot(slow.hash(data), provider, uint64(data.length), b);
    }

    /// The slot array of alice's and bob's pieces.
    function _twoSlots() internal view returns (Slot[] memory slots) {
        slots = new Slot[](2);
        (slots[0], slots[1]) = (_pieceSlot(alice, _piece(0)), _pieceSlot(bob, _piece(1)));
    }

    // Deals

    function _openOf(Slot[] memory slots, uint32 periods) internal returns (uint64) {
        NewDeal memory d = _newDeal(slots.length, alice, periods, periods);
        d.slots = slots;
        return _open(d);
    }

    function _fill(uint64 deal, uint8 slot, Slot[] memory slots) internal {
        address provider = slots[slot].provider;
        if (sectors.lastNumber(provider) == 0) _append(provider, 0);
        _activateOne(provider, 1, _activation(deal, slot, slots, uint40(slot) * 64));
    }

    /// A deal of the two pieces over `periods` periods, both slots filled.
    function _two(uint32 periods) internal returns (uint64 deal, Slot[] memory slots) {
        slots = _twoSlots();
        deal = _openOf(slots, periods);
        _fill(deal, 0, slots);
        _fill(deal, 1, slots);
    }

    /// Carol repairs a slot with the commitment given.
    function _repairWith(uint64 deal, uint8 slot, Slot[] memory slots, uint256 commP) internal {
        if (sectors.lastNumber(carol) == 0) _append(carol, 0);
        rights.grant(deal, slot, carol);
        _activateOne(carol, 1, Activation(deal, slot, commP, 0, 0, slots, ""));
    }

    // Evidence

    function _disputeProof(uint256 commP, uint64 group, uint256[4] memory leaves) internal returns (bytes memory) {
        uint256[] memory inputs = new uint256[](6);
        (inputs[0], inputs[1]) = (commP, group);
        (inputs[2], inputs[3], inputs[4], inputs[5]) = (leaves[0], leaves[1], leaves[2], leaves[3]);
        return _prove(5, inputs);
    }

    /// The chunks that the group's bytes lie in.
    function _chunks(bytes memory data, uint64 group) internal view returns (ChunkProof[] memory chunks) {
        uint256 start = 127 * uint256(group);
        if (start >= data.length) return chunks;
        uint256 first = start / CHUNK;
        uint256 end = start + 127 < data.length ? start + 127 : data.length;
        chunks = new ChunkProof[]((end - 1) / CHUNK + 1 - first);
        for (uint256 i = 0; i < chunks.length; ++i) {
            chunks[i] = ChunkProof(_chunk(data, first + i), slow.path(data, first + i));
        }
    }

    function _chunk(bytes memory data, uint256 index) private pure returns (bytes memory chunk) {
        uint256 left = data.length - index * CHUNK;
        chunk = new bytes(left < CHUNK ? left : CHUNK);
        for (uint256 i = 0; i < chunk.length; ++i) {
            chunk[i] = data[index * CHUNK + i];
        }
    }

    /// What shows that under comm_p lie `leaves`, and under the content id `data`.
    function _evidence(uint256 commP, bytes memory data, uint64 group, uint256[4] memory leaves)
        internal
        returns (Evidence memory)
    {
        return Evidence(group, leaves, _disputeProof(commP, group, leaves), _chunks(data, group));
    }

    /// What can be shown of an honest commitment.
    function _honest(uint256 commP, bytes memory data, uint64 group) internal returns (Evidence memory) {
        return _evidence(commP, data, group, SlowGroups.elements(data, group));
    }

    /// What can be shown of a commitment to other leaves: here one bit of the group's last leaf is another.
    function _false(uint256 commP, bytes memory data, uint64 group) internal returns (Evidence memory) {
        uint256[4] memory leaves = SlowGroups.elements(data, group);
        leaves[3] ^= 1;
        return _evidence(commP, data, group, leaves);
    }

    /// The hunter shows that the slot's first commitment is false in a group.
    function _dispute(uint64 deal, uint8 slot, Slot[] memory slots, uint64 group) internal {
        _send(HUNTER, deal, slot, slots, _false(_commP(deal, slot), _piece(slot), group));
    }

    function _send(address hunter, uint64 deal, uint8 slot, Slot[] memory slots, Evidence memory evidence) internal {
        vm.prank(hunter);
        disputes.dispute(deal, slot, slots, evidence);
    }

    function _refused(bytes memory reason, uint64 deal, uint8 slot, Slot[] memory slots, Evidence memory evidence)
        internal
    {
        vm.prank(HUNTER);
        vm.expectRevert(reason);
        disputes.dispute(deal, slot, slots, evidence);
    }

    function _notFalse(uint64 deal, uint8 slot, uint64 group) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(Disputes.Disputes_NotFalse.selector, deal, slot, group);
    }

    function _noCommitment(uint64 deal, uint8 slot) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(Disputes.Disputes_NoCommitment.selector, deal, slot);
    }
}
