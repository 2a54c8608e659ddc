// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Cheats} from "./Vm.sol";

/// @dev Chunk `index` of an input, with the siblings that lead to the input's hash.
struct Shown {
    bytes32 hash;
    uint64 byteLen;
    uint64 index;
    bytes chunk;
    bytes32[] path;
}

/// @dev testdata/contracts/blake3. A contract of its own, so that the memory of each look-up is given back.
contract ChunkFile is Cheats {
    string private constant FILE = "../../testdata/contracts/blake3/chunks.json";

    /// Case `i` of the list `kind`, its chunk number `j`; of no bytes and no hash if there is none.
    function shown(string memory kind, uint256 i, uint256 j) external view returns (Shown memory) {
        return _shown(vm.readFile(FILE), kind, i, j);
    }

    /// The only case of the list "real" of `byteLen` bytes and its chunk number `index`.
    function real(uint64 byteLen, uint64 index) external view returns (Shown memory s) {
        string memory json = vm.readFile(FILE);
        uint256 i = 0;
        while (vm.parseJsonUint(json, string.concat(_case("real", i), ".byteLen")) != byteLen) ++i;
        for (uint256 j = 0;; ++j) {
            s = _shown(json, "real", i, j);
            vm.assertTrue(s.hash != 0, "there is such a case");
            if (s.index == index) return s;
        }
    }

    function _shown(string memory json, string memory kind, uint256 i, uint256 j)
        private
        view
        returns (Shown memory s)
    {
        string memory one = _case(kind, i);
        string memory place = string.concat(one, ".chunks[", vm.toString(j), "]");
        if (!vm.keyExistsJson(json, place)) return s;
        s.byteLen = uint64(vm.parseJsonUint(json, string.concat(one, ".byteLen")));
        s.hash = vm.parseBytes32(vm.parseJsonString(json, string.concat(one, ".hash")));
        s.index = uint64(vm.parseJsonUint(json, string.concat(place, ".index")));
        s.path = vm.parseJsonBytes32Array(json, string.concat(place, ".path"));
        uint256 from = uint256(s.index) * 1024;
        s.chunk = pattern(from, s.byteLen - from < 1024 ? s.byteLen - from : 1024);
    }

    function _case(string memory kind, uint256 i) private pure returns (string memory) {
        return string.concat(".", kind, "[", vm.toString(i), "]");
    }

    /// Bytes from .. from + length - 1 of the input whose byte i is i mod 251.
    function pattern(uint256 from, uint256 length) public pure returns (bytes memory data) {
        data = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            data[i] = bytes1(uint8((from + i) % 251));
        }
    }
}
