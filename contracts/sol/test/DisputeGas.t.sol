// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Slot} from "../src/DealTypes.sol";
import {Evidence} from "../src/Disputes.sol";
import {ChunkProof} from "../src/Fraud.sol";
import {ChunkFile, Shown} from "./support/ChunkFile.sol";
import {RealDisputeWorld} from "./support/RealDisputeWorld.sol";
import {SlowGroups} from "./support/SlowGroups.sol";

/// @dev What a dispute costs, as Gas.t.sol does for the rest. The dearest one: a group of 127 bytes across two chunks with
/// the longest paths of a piece of 2^22 leaves, the first settlement of the slot, no balance of the hunter's yet. The limit
/// is one of optimized code (not of profile `quick`).
contract DisputeGasTest is RealDisputeWorld {
    /// Whole-transaction bound of a dispute.
    uint256 private constant LIMIT = 3_000_000;
    uint64 private constant LONGEST = 127 << 20;
    uint64 private constant GROUP = uint64(65_536) * 1024 / 127;

    ChunkFile private file;

    function setUp() public override {
        super.setUp();
        file = ChunkFile(_deploy("ChunkFile.sol:ChunkFile", ""));
    }

    /// What a transaction costs before it runs.
    function _intrinsic(bytes memory data) private pure returns (uint256 gas) {
        gas = 21_000;
        for (uint256 i = 0; i < data.length; ++i) {
            gas += data[i] == 0 ? 4 : 16;
        }
    }

    /// Writes another slot array into a deal, wherever its struct lies. The sectors of this world are too small for the piece.
    function _plant(uint64 deal, bytes32 was, bytes32 becomes) private {
        for (uint256 base = 0; base < 32; ++base) {
            uint256 place = uint256(keccak256(abi.encode(deal, base)));
            for (uint256 i = 0; i < 10; ++i) {
                if (vm.load(address(deals), bytes32(place + i)) != was) continue;
                vm.store(address(deals), bytes32(place + i), becomes);
                vm.assertEq(deals.deal(deal).slotsHash, becomes, "planted");
                return;
            }
        }
        vm.assertTrue(false, "the deal's hash was not found");
    }

    function _chunkOf(uint64 index) private view returns (ChunkProof memory, bytes32) {
        Shown memory s = file.real(LONGEST, index);
        vm.assertEq(s.path.length, 17, "the longest path");
        return (ChunkProof(s.chunk, s.path), s.hash);
    }

    function _dearest(uint64 deal) private view returns (Evidence memory e, bytes32 contentId) {
        e.group = GROUP;
        e.chunks = new ChunkProof[](2);
        (e.chunks[0], contentId) = _chunkOf(65_535);
        (e.chunks[1],) = _chunkOf(65_536);
        e.leaves = SlowGroups.elements(file.pattern(uint256(GROUP) * 127, 127), 0);
        e.leaves[2] ^= 1;
        uint256[] memory inputs = new uint256[](6);
        (inputs[0], inputs[1]) = (_commP(deal, 0), GROUP);
        for (uint256 i = 0; i < 4; ++i) {
            inputs[2 + i] = e.leaves[i];
        }
        e.proof = _prove(5, inputs);
    }

    function _disputeOf(uint256 n, string memory name) private {
        _append(alice, 0);
        Slot[] memory slots = _slots(n, alice);
        uint64 deal = _openOf(slots, 10);
        _fill(deal, 0, slots);
        _fullPeriod(alice, 0, 1);
        (Evidence memory e, bytes32 contentId) = _dearest(deal);
        bytes32 was = keccak256(abi.encode(slots));
        (slots[0].contentId, slots[0].byteLen, slots[0].b) = (contentId, LONGEST, 22);
        _plant(deal, was, keccak256(abi.encode(slots)));

        bytes memory data = abi.encodeCall(disputes.dispute, (deal, 0, slots, e));
        vm.prank(HUNTER);
        uint256 left = gasleft();
        (bool ok,) = address(disputes).call(data);
        uint256 spent = left - gasleft();
        vm.snapshotGasLastCall("contracts", name);
        vm.assertTrue(ok && _slot(deal, 0).commP == 0, "voided");
        vm.assertLe(spent + _intrinsic(data), LIMIT, "a dispute is at most 3,000,000 gas");
    }

    function test_gas_of_the_dearest_dispute_of_a_deal_of_30_slots() public {
        _disputeOf(30, "dispute, 30 slots, two chunks of 2^22 leaves");
    }

    function test_gas_of_the_dearest_dispute_of_a_deal_of_256_slots() public {
        _disputeOf(256, "dispute, 256 slots, two chunks of 2^22 leaves");
    }
}
