// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Blake3} from "../../src/Blake3.sol";
import {ChunkProof, Fraud} from "../../src/Fraud.sol";
import {Groups} from "../../src/Groups.sol";
import {ChunkFile, Shown} from "./ChunkFile.sol";
import {SlowBlake3} from "./SlowBlake3.sol";
import {Cheats} from "./Vm.sol";

/// @dev The libraries as calls of their own: their arguments are calldata and their reverts are to be seen.
contract FraudHarness {
    function chunkLies(
        bytes32 contentId,
        uint64 byteLen,
        uint64 index,
        bytes calldata chunk,
        bytes32[] calldata path
    ) external pure returns (bool) {
        return Blake3.chunkLies(contentId, byteLen, index, chunk, path);
    }

    function differs(
        bytes32 contentId,
        uint64 byteLen,
        uint64 group,
        uint256[4] memory leaves,
        ChunkProof[] calldata chunks
    ) external pure returns (bool) {
        return Fraud.differs(contentId, byteLen, group, leaves, chunks);
    }

    function elements(bytes memory data) external pure returns (uint256[4] memory) {
        return Groups.elements(data);
    }
}

/// @dev Pieces, their chunks and paths: from testdata/contracts/blake3, or cut by the slow reference.
abstract contract ChunkWorld is Cheats {
    uint256 internal constant CHUNK = 1024;

    FraudHarness internal harness;
    ChunkFile internal file;
    SlowBlake3 internal slow;

    function setUp() public {
        harness = FraudHarness(_deploy("ChunkWorld.sol:FraudHarness", ""));
        file = ChunkFile(_deploy("ChunkFile.sol:ChunkFile", ""));
        slow = SlowBlake3(_deploy("SlowBlake3.sol:SlowBlake3", ""));
    }

    function _lies(Shown memory s) internal view returns (bool) {
        return harness.chunkLies(s.hash, s.byteLen, s.index, s.chunk, s.path);
    }

    /// As many bytes as asked for, all of them given by `seed`.
    function _random(uint256 seed, uint256 length) internal pure returns (bytes memory data) {
        data = new bytes(length);
        bytes32 word;
        for (uint256 i = 0; i < length; ++i) {
            if (i % 32 == 0) word = keccak256(abi.encode(seed, i));
            data[i] = word[i % 32];
        }
    }

    function _slice(bytes memory data, uint256 from, uint256 to) internal pure returns (bytes memory part) {
        part = new bytes(to - from);
        for (uint256 i = from; i < to; ++i) {
            part[i - from] = data[i];
        }
    }

    function _least(uint256 a, uint256 b) internal pure returns (uint256) {
        return a < b ? a : b;
    }

    /// Chunk `index` of `data` under the hash of `data`, all by the slow reference.
    function _cut(bytes memory data, uint256 index) internal view returns (Shown memory) {
        return _cutUnder(slow.hash(data), data, index);
    }

    function _cutUnder(bytes32 hash, bytes memory data, uint256 index) internal view returns (Shown memory) {
        bytes memory chunk = _slice(data, index * CHUNK, _least(data.length, (index + 1) * CHUNK));
        return Shown(hash, uint64(data.length), uint64(index), chunk, slow.path(data, index));
    }

    function _flipped(bytes memory data, uint256 bit) internal pure returns (bytes memory changed) {
        changed = bytes.concat(data);
        changed[bit / 8] ^= bytes1(uint8(1) << uint8(bit % 8));
    }
}
