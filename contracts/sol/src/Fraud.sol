// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Blake3} from "./Blake3.sol";
import {Groups} from "./Groups.sol";

/// @notice A chunk of a piece (1,024 bytes, the last one what is left) and the siblings from it to the root of the
/// piece's BLAKE3 tree, lowest first.
struct ChunkProof {
    bytes chunk;
    bytes32[] path;
}

/// @title The half of a fraud proof that looks at bytes.
/// @notice A commitment comm_p of a piece (contentId, byteLen) is false when for some group g
///     leaves lie at group g under comm_p (a proof of `dispute` shows that, not this library), and
///     leaves != fr32(bytes of group g), those bytes proven under contentId by the chunks they lie in.
/// Of an honest commitment no group differs, whatever chunks are shown, unless BLAKE3 is broken.
library Fraud {
    /// @notice The group lies in another number of chunks: none in padding, two across a boundary, else one.
    error Fraud_ChunkCount(uint256 got, uint256 expected);
    /// @notice This is not that chunk of the piece, or not its path.
    error Fraud_ChunkRefused(uint64 chunkIndex);

    /// @notice Whether `leaves` are not the four elements of group `group` of the piece (contentId, byteLen), both from
    /// the deal. `chunks` are those the group's bytes lie in, in order: exactly them, each whole. Everything else is an
    /// attacker's to choose. Work: at most two chunks, about 8,500 gas for each 64 bytes and each sibling.
    /// Reverts: Fraud_ChunkCount, Fraud_ChunkRefused, Blake3_ChunkLength, Blake3_PathLength.
    function differs(
        bytes32 contentId,
        uint64 byteLen,
        uint64 group,
        uint256[4] memory leaves,
        ChunkProof[] calldata chunks
    ) internal pure returns (bool) {
        (uint256 start, uint256 end) = Groups.span(byteLen, group);
        uint256 first = start / Blake3.CHUNK_BYTES;
        uint256 count = start == end ? 0 : (end - 1) / Blake3.CHUNK_BYTES + 1 - first;
        if (chunks.length != count) revert Fraud_ChunkCount(chunks.length, count);
        bytes memory proven = "";
        for (uint256 i = 0; i < count; ++i) {
            uint64 index = uint64(first + i);
            if (!Blake3.chunkLies(contentId, byteLen, index, chunks[i].chunk, chunks[i].path)) {
                revert Fraud_ChunkRefused(index);
            }
            proven = bytes.concat(proven, _cut(chunks[i].chunk, index * Blake3.CHUNK_BYTES, start, end));
        }
        return keccak256(abi.encode(leaves)) != keccak256(abi.encode(Groups.elements(proven)));
    }

    /// Of a chunk that begins at byte `chunkStart` of the piece, what lies in the piece's bytes start .. end - 1.
    function _cut(bytes calldata chunk, uint256 chunkStart, uint256 start, uint256 end)
        private
        pure
        returns (bytes calldata)
    {
        uint256 from = start > chunkStart ? start - chunkStart : 0;
        uint256 to = end - chunkStart;
        return chunk[from:to < chunk.length ? to : chunk.length];
    }
}
