// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @title Bytes that lie in the input of a plain BLAKE3 hash.
/// @notice An input of `byteLen` bytes is n = max(1, ceil(byteLen / 1024)) chunks. Chunk i is hashed block by block,
///     cv_0 = IV, cv_(j+1) = compress(cv_j, block_j, counter i, bytes of the block, flags),
/// with CHUNK_START on its first block and CHUNK_END on its last; a parent is
///     compress(IV, left cv | right cv, counter 0, 64 bytes, PARENT),
/// and the last compression of all carries ROOT. The left subtree of a parent is the largest power of two of chunks
/// smaller than the whole. That is the tree one gets from below by pairing neighbours level by level, where the last
/// node of an odd row moves up as it is: so at the row of m nodes, node i has the sibling i + 1 if i is even and
/// i + 1 < m, i - 1 if i is odd, and none otherwise. n and i alone decide sides and length of a path.
/// Source: the BLAKE3 specification (2020), sections 2.1 to 2.5.
/// @dev Flags and counter keep chunks, parents and the root apart, so a value of one kind is never taken for another.
library Blake3 {
    /// @notice The input has no such chunk.
    error Blake3_ChunkIndex(uint64 got, uint64 chunks);
    /// @notice The chunk at this place has another length.
    error Blake3_ChunkLength(uint256 got, uint256 expected);
    /// @notice The path of this chunk has another length.
    error Blake3_PathLength(uint256 got, uint256 expected);

    uint256 internal constant CHUNK_BYTES = 1024;
    uint256 private constant _BLOCK_BYTES = 64;

    uint256 private constant _CHUNK_START = 1;
    uint256 private constant _CHUNK_END = 2;
    uint256 private constant _PARENT = 4;
    uint256 private constant _ROOT = 8;

    // A row is four words of the state, 64 bits apart, column 0 on top: one operation works on all four columns.
    // A chaining value is two rows.
    uint256 private constant _IV_0 = 0x000000006a09e66700000000bb67ae85000000003c6ef37200000000a54ff53a;
    uint256 private constant _IV_1 = 0x00000000510e527f000000009b05688c000000001f83d9ab000000005be0cd19;
    uint256 private constant _LANES = 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff;

    /// @notice Whether `chunk` is chunk number `chunkIndex` of the input of `byteLen` bytes whose hash is `contentId`.
    /// About 8,500 gas a block of 64 bytes and as much a level of the path. `path` holds the siblings, lowest first.
    /// An attacker may choose index, chunk and path; `contentId` and `byteLen` must belong together.
    /// Reverts: Blake3_ChunkIndex, Blake3_ChunkLength, Blake3_PathLength.
    function chunkLies(
        bytes32 contentId,
        uint64 byteLen,
        uint64 chunkIndex,
        bytes calldata chunk,
        bytes32[] calldata path
    ) internal pure returns (bool) {
        uint64 chunks = chunksOf(byteLen);
        if (chunkIndex >= chunks) revert Blake3_ChunkIndex(chunkIndex, chunks);
        uint256 length = byteLen - chunkIndex * CHUNK_BYTES;
        if (length > CHUNK_BYTES) length = CHUNK_BYTES;
        if (chunk.length != length) revert Blake3_ChunkLength(chunk.length, length);
        uint256 levels = _levels(chunks, chunkIndex);
        if (path.length != levels) revert Blake3_PathLength(path.length, levels);
        return _root(_chunkValue(chunk, chunkIndex, chunks == 1), chunks, chunkIndex, path) == contentId;
    }

    /// @notice Chunks of an input of `byteLen` bytes: an empty input is one empty chunk.
    function chunksOf(uint64 byteLen) internal pure returns (uint64) {
        return byteLen == 0 ? 1 : uint64((byteLen - 1) / CHUNK_BYTES + 1);
    }

    /// Siblings on the way from chunk `index` to the root.
    function _levels(uint256 row, uint256 index) private pure returns (uint256 levels) {
        for (; row > 1; row = (row + 1) / 2) {
            if ((index ^ 1) < row) ++levels;
            index /= 2;
        }
    }

    /// The root over `node`, number `index` of a row of `row` nodes; `path` has as many siblings as there are levels.
    function _root(bytes32 node, uint256 row, uint256 index, bytes32[] calldata path) private pure returns (bytes32) {
        uint256 used = 0;
        for (; row > 1; row = (row + 1) / 2) {
            if ((index ^ 1) < row) {
                bytes32 sibling = path[used++];
                (bytes32 left, bytes32 right) = index % 2 == 0 ? (node, sibling) : (sibling, node);
                uint256 last = _lastRow(0, _BLOCK_BYTES, row == 2 ? _PARENT | _ROOT : _PARENT);
                (uint256 h0, uint256 h1) = _compress(_IV_0, _IV_1, left, right, last);
                node = _packed(h0, h1);
            }
            index /= 2;
        }
        return node;
    }

    /// Chaining value of a chunk of at most 1,024 bytes; its hash if it is the whole input.
    function _chunkValue(bytes calldata chunk, uint64 index, bool whole) private pure returns (bytes32) {
        (uint256 h0, uint256 h1) = (_IV_0, _IV_1);
        uint256 flags = _CHUNK_START;
        while (chunk.length > _BLOCK_BYTES) {
            (h0, h1) = _compress(h0, h1, bytes32(chunk), bytes32(chunk[32:]), _lastRow(index, _BLOCK_BYTES, flags));
            chunk = chunk[_BLOCK_BYTES:];
            flags = 0;
        }
        flags |= whole ? _CHUNK_END | _ROOT : _CHUNK_END;
        // A conversion from fewer bytes fills up with zeros, as BLAKE3 does.
        bytes32 right = chunk.length > 32 ? bytes32(chunk[32:]) : bytes32(0);
        (h0, h1) = _compress(h0, h1, bytes32(chunk), right, _lastRow(index, chunk.length, flags));
        return _packed(h0, h1);
    }

    /// The row of a state below the IV: counter (low word, high word), bytes of the block, flags.
    function _lastRow(uint256 counter, uint256 length, uint256 flags) private pure returns (uint256) {
        return (counter & 0xffffffff) << 192 | (counter >> 32) << 128 | length << 64 | flags;
    }

    /// A chaining value as the 32 bytes it is written as.
    function _packed(uint256 h0, uint256 h1) private pure returns (bytes32) {
        return bytes32(_swapped(_dense(h0) << 128 | _dense(h1)));
    }

    /// The four words of a row without the space between them.
    function _dense(uint256 row) private pure returns (uint256) {
        row = (row | row >> 32) & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff;
        return (row | row >> 64) & type(uint128).max;
    }

    /// The bytes of each 32-bit word in reverse order: numbers from little-endian bytes, and back.
    function _swapped(uint256 words) private pure returns (uint256) {
        words = (words & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff) << 8
            | (words >> 8) & 0x00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff00ff;
        return (words & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff) << 16
            | (words >> 16) & 0x0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff0000ffff;
    }

    /// The compression function on the chaining value (h0, h1) and the block left | right; `d` from _lastRow.
    /// Seven rounds of columns and diagonals; x and y of each half are rows of words. From one round to the next BLAKE3
    /// permutes the words; here the permuted indices are written out.
    function _compress(uint256 h0, uint256 h1, bytes32 left, bytes32 right, uint256 d)
        private
        pure
        returns (uint256, uint256)
    {
        uint256[16] memory m = _words(left, right);
        (uint256 a, uint256 b, uint256 c) = (h0, h1, _IV_0);
        (a, b, c, d) = _mix(a, b, c, d, _row(m, 0, 2, 4, 6), _row(m, 1, 3, 5, 7));
        (a, b, c, d) = _mixDiagonals(a, b, c, d, _row(m, 8, 10, 12, 14), _row(m, 9, 11, 13, 15));
        (a, b, c, d) = _mix(a, b, c, d, _row(m, 2, 3, 7, 4), _row(m, 6, 10, 0, 13));
        (a, b, c, d) = _mixDiagonals(a, b, c, d, _row(m, 1, 12, 9, 15), _row(m, 11, 5, 14, 8));
        (a, b, c, d) = _mix(a, b, c, d, _row(m, 3, 10, 13, 7), _row(m, 4, 12, 2, 14));
        (a, b, c, d) = _mixDiagonals(a, b, c, d, _row(m, 6, 9, 11, 8), _row(m, 5, 0, 15, 1));
        (a, b, c, d) = _mix(a, b, c, d, _row(m, 10, 12, 14, 13), _row(m, 7, 9, 3, 15));
        (a, b, c, d) = _mixDiagonals(a, b, c, d, _row(m, 4, 11, 5, 1), _row(m, 0, 2, 8, 6));
        (a, b, c, d) = _mix(a, b, c, d, _row(m, 12, 9, 15, 14), _row(m, 13, 11, 10, 8));
        (a, b, c, d) = _mixDiagonals(a, b, c, d, _row(m, 7, 5, 0, 6), _row(m, 2, 3, 1, 4));
        (a, b, c, d) = _mix(a, b, c, d, _row(m, 9, 11, 8, 15), _row(m, 14, 5, 12, 1));
        (a, b, c, d) = _mixDiagonals(a, b, c, d, _row(m, 13, 0, 2, 4), _row(m, 3, 10, 6, 7));
        (a, b, c, d) = _mix(a, b, c, d, _row(m, 11, 5, 1, 8), _row(m, 15, 0, 9, 6));
        (a, b, c, d) = _mixDiagonals(a, b, c, d, _row(m, 14, 2, 3, 7), _row(m, 10, 12, 4, 13));
        return ((a ^ c) & _LANES, (b ^ d) & _LANES);
    }

    /// The function G on the diagonals, which are columns once the rows b, c, d have moved left by 1, 2, 3 words.
    function _mixDiagonals(uint256 a, uint256 b, uint256 c, uint256 d, uint256 x, uint256 y)
        private
        pure
        returns (uint256, uint256, uint256, uint256)
    {
        (b, c, d) = (b << 64 | b >> 192, c << 128 | c >> 128, d << 192 | d >> 64);
        (a, b, c, d) = _mix(a, b, c, d, x, y);
        return (a, b << 192 | b >> 64, c << 128 | c >> 128, d << 64 | d >> 192);
    }

    /// The function G on four columns at once. Sums may spill over their 32 bits, but not over 64: a takes 57 and c 29
    /// addends below 2^32 in all, and _turned and the end of _compress cut what spilled.
    function _mix(uint256 a, uint256 b, uint256 c, uint256 d, uint256 x, uint256 y)
        private
        pure
        returns (uint256, uint256, uint256, uint256)
    {
        unchecked {
            a += b + x;
            d = _turned(d ^ a, 16);
            c += d;
            b = _turned(b ^ c, 12);
            a += b + y;
            d = _turned(d ^ a, 8);
            c += d;
            b = _turned(b ^ c, 7);
        }
        return (a, b, c, d);
    }

    /// Every word turned right by n bits, what stood between the words dropped: the product doubles each word.
    function _turned(uint256 row, uint256 n) private pure returns (uint256) {
        unchecked {
            return ((row & _LANES) * 0x100000001 >> n) & _LANES;
        }
    }

    /// Words i, j, k, l of a block as a row.
    function _row(uint256[16] memory m, uint256 i, uint256 j, uint256 k, uint256 l) private pure returns (uint256) {
        return m[i] << 192 | m[j] << 128 | m[k] << 64 | m[l];
    }

    /// The sixteen words of a block, one a place. Written out: a loop would cost a fifth of the compression.
    function _words(bytes32 left, bytes32 right) private pure returns (uint256[16] memory m) {
        uint256 x = _swapped(uint256(left));
        (m[0], m[1], m[2], m[3]) = (uint32(x >> 224), uint32(x >> 192), uint32(x >> 160), uint32(x >> 128));
        (m[4], m[5], m[6], m[7]) = (uint32(x >> 96), uint32(x >> 64), uint32(x >> 32), uint32(x));
        x = _swapped(uint256(right));
        (m[8], m[9], m[10], m[11]) = (uint32(x >> 224), uint32(x >> 192), uint32(x >> 160), uint32(x >> 128));
        (m[12], m[13], m[14], m[15]) = (uint32(x >> 96), uint32(x >> 64), uint32(x >> 32), uint32(x));
    }
}
