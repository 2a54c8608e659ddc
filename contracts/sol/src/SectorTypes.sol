// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice The circuits, in the order of the constructor's array.
enum Circuit {
    Spacetime,
    Append,
    Retire,
    Include,
    Replica,
    Dispute
}

/// @notice A circuit's verifying key and its id (hash of its matrices).
struct CircuitKey {
    address key;
    bytes32 id;
}

/// @notice The parameter set. A sector has 2^sectorLog2Leaves leaves, a provider tree 16^treeLevels sectors, an
/// `include` proof includeWidth places; a window proof opens postSamples leaves.
struct Parameters {
    string name;
    uint8 sectorLog2Leaves;
    uint8 treeLevels;
    uint8 includeWidth;
    uint16 postSamples;
}

/// @notice A sector. `firstPeriod` is the first period whose frozen tree holds it, `idleSince` the period from
/// which it has had no live slot, `indexAtAppend` its place when it came (a retirement may move it).
struct Sector {
    uint256 commD;
    uint256 commR;
    uint32 tree;
    uint32 indexAtAppend;
    uint64 firstPeriod;
    uint64 idleSince;
    uint32 liveSlots;
    uint8 kind;
    bool open;
}
