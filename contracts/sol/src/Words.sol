// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Packed public inputs and seeds; bit 0 is the least significant.
library Words {
    // spacetime, window challenge: count@0(32) sector_lo@32(32) sector_count@64(32) leaf_lo@96(40)
    // log2_leaf_range@136(8) sector_number@144(64) skips@208(8); the whole tree, every leaf.
    function window(uint32 count, uint8 log2Leaves, uint8 skips) internal pure returns (uint256) {
        return uint256(count) | (uint256(count) << 64) | (uint256(log2Leaves) << 136) | (uint256(skips) << 208);
    }

    // spacetime, direct challenge: one piece's leaves in the sector `number` at `index`, no skips.
    function direct(uint32 count, uint32 index, uint64 number, uint40 leafLo, uint8 b) internal pure returns (uint256) {
        return uint256(count) | (uint256(index) << 32) | (uint256(1) << 64) | (uint256(leafLo) << 96)
            | (uint256(b) << 136) | (uint256(number) << 144);
    }

    // append: count@0(32) sector_number@32(64) kind@96(8)
    function append(uint32 count, uint64 number, uint8 kind) internal pure returns (uint256) {
        return uint256(count) | (uint256(number) << 32) | (uint256(kind) << 96);
    }

    // retire: count@0(32) index@32(32) removed_number@64(64) moved_number@128(64)
    function retire(uint32 count, uint32 index, uint64 removed, uint64 moved) internal pure returns (uint256) {
        return uint256(count) | (uint256(index) << 32) | (uint256(removed) << 64) | (uint256(moved) << 128);
    }

    // include, one place: offset_leaves@0(40) b@40(8) byte_len@48(40)
    function piece(uint40 offsetLeaves, uint8 b, uint40 byteLen) internal pure returns (uint256) {
        return uint256(offsetLeaves) | (uint256(b) << 40) | (uint256(byteLen) << 48);
    }

    // replica, one partition: sector_number@0(64) partition@64(16)
    function replica(uint64 number, uint16 partition) internal pure returns (uint256) {
        return uint256(number) | (uint256(partition) << 64);
    }

    /// keccak256 over everything a challenge depends on, top 8 bits cleared (so below the field's order).
    function seed(
        bytes32 purpose,
        uint256 challenge,
        address sectors,
        bytes32 circuitId,
        address provider,
        uint32 tree,
        uint64 period,
        uint32 count,
        uint256 range,
        bytes32 randomness
    ) internal view returns (uint256) {
        bytes memory all = abi.encode(
            purpose, challenge, block.chainid, sectors, circuitId, provider, tree, period, count, range, randomness
        );
        return uint256(keccak256(all)) >> 8;
    }
}
