// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @dev BLAKE3 written down from its specification, word by word and from the top of the tree, to compare with. A
/// contract, so that the memory of each answer is given back.
contract SlowBlake3 {
    uint256 private constant CHUNK = 1024;
    uint32 private constant CHUNK_START = 1;
    uint32 private constant CHUNK_END = 2;
    uint32 private constant PARENT = 4;
    uint32 private constant ROOT = 8;

    function hash(bytes memory data) public pure returns (bytes32) {
        return node(data, 0, data.length, true);
    }

    /// Hash (the root) or chaining value of the subtree over the bytes from .. to - 1.
    function node(bytes memory data, uint256 from, uint256 to, bool isRoot) public pure returns (bytes32) {
        if (to - from <= CHUNK) return chunk(data, from, to, isRoot);
        uint256 middle = from + _left(to - from);
        return parent(node(data, from, middle, false), node(data, middle, to, false), isRoot);
    }

    /// The siblings from chunk `index` to the root, lowest first.
    function path(bytes memory data, uint256 index) public pure returns (bytes32[] memory siblings) {
        bytes32[64] memory reversed;
        uint256 levels = 0;
        (uint256 from, uint256 to) = (0, data.length);
        while (to - from > CHUNK) {
            uint256 middle = from + _left(to - from);
            if (index * CHUNK < middle) {
                reversed[levels++] = node(data, middle, to, false);
                to = middle;
            } else {
                reversed[levels++] = node(data, from, middle, false);
                from = middle;
            }
        }
        siblings = new bytes32[](levels);
        for (uint256 i = 0; i < levels; ++i) {
            siblings[i] = reversed[levels - 1 - i];
        }
    }

    function parent(bytes32 left, bytes32 right, bool isRoot) public pure returns (bytes32) {
        uint32[16] memory m = _block(bytes.concat(left, right), 0, 64);
        return _written(_compress(_iv(), m, 0, 64, isRoot ? PARENT | ROOT : PARENT));
    }

    function chunk(bytes memory data, uint256 from, uint256 to, bool isRoot) public pure returns (bytes32) {
        uint32[8] memory cv = _iv();
        uint64 counter = uint64(from / CHUNK);
        uint256 place = from;
        uint32 flags = CHUNK_START;
        for (; to - place > 64; place += 64) {
            cv = _compress(cv, _block(data, place, place + 64), counter, 64, flags);
            flags = 0;
        }
        flags |= isRoot ? CHUNK_END | ROOT : CHUNK_END;
        return _written(_compress(cv, _block(data, place, to), counter, uint32(to - place), flags));
    }

    /// Bytes of the left subtree: the largest power of two of chunks that leaves at least one byte to the right.
    function _left(uint256 length) private pure returns (uint256 left) {
        left = CHUNK;
        while (left * 2 < length) left *= 2;
    }

    function _iv() private pure returns (uint32[8] memory) {
        return [
            0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
        ];
    }

    function _block(bytes memory data, uint256 from, uint256 to) private pure returns (uint32[16] memory m) {
        for (uint256 i = 0; i < to - from; ++i) {
            m[i / 4] |= uint32(uint8(data[from + i])) << uint32(8 * (i % 4));
        }
    }

    function _written(uint32[8] memory cv) private pure returns (bytes32) {
        uint256 all = 0;
        for (uint256 i = 0; i < 32; ++i) {
            all = all << 8 | uint8(cv[i / 4] >> uint32(8 * (i % 4)));
        }
        return bytes32(all);
    }

    function _compress(uint32[8] memory cv, uint32[16] memory m, uint64 counter, uint32 length, uint32 flags)
        private
        pure
        returns (uint32[8] memory out)
    {
        uint32[8] memory iv = _iv();
        uint32[16] memory v;
        for (uint256 i = 0; i < 8; ++i) {
            v[i] = cv[i];
        }
        for (uint256 i = 0; i < 4; ++i) {
            v[8 + i] = iv[i];
        }
        (v[12], v[13], v[14], v[15]) = (uint32(counter), uint32(counter >> 32), length, flags);
        for (uint256 round = 0; round < 7; ++round) {
            for (uint256 i = 0; i < 4; ++i) {
                _g(v, [i, 4 + i, 8 + i, 12 + i], m[2 * i], m[2 * i + 1]);
            }
            for (uint256 i = 0; i < 4; ++i) {
                _g(v, [i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4], m[8 + 2 * i], m[9 + 2 * i]);
            }
            m = _permuted(m);
        }
        for (uint256 i = 0; i < 8; ++i) {
            out[i] = v[i] ^ v[i + 8];
        }
    }

    function _permuted(uint32[16] memory m) private pure returns (uint32[16] memory p) {
        uint8[16] memory order = [2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8];
        for (uint256 i = 0; i < 16; ++i) {
            p[i] = m[order[i]];
        }
    }

    function _g(uint32[16] memory v, uint256[4] memory place, uint32 x, uint32 y) private pure {
        (uint32 a, uint32 b, uint32 c, uint32 d) = (v[place[0]], v[place[1]], v[place[2]], v[place[3]]);
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
        (v[place[0]], v[place[1]], v[place[2]], v[place[3]]) = (a, b, c, d);
    }

    function _turned(uint32 x, uint32 n) private pure returns (uint32) {
        return x >> n | x << (32 - n);
    }
}
