// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice One piece's place in a deal, fixed at open: content id (plain BLAKE3), the provider named for it, its
/// length, and b: the piece has 2^b leaves.
struct Slot {
    bytes32 contentId;
    address provider;
    uint64 byteLen;
    uint8 b;
}

/// @notice What an owner opens. n is the number of slots; k of them rebuild the segment with code `codeId` over strips
/// of `stripBytes`. The price is per slot and proven period in smallest token units. The deal lasts `periods` periods
/// from the first one not yet frozen; slots may be filled in the first `activationPeriods` of them.
struct NewDeal {
    uint16 k;
    uint8 codeId;
    uint8 kind;
    uint32 stripBytes;
    uint64 segmentBytes;
    uint128 pricePerSlotPeriod;
    uint32 periods;
    uint32 activationPeriods;
    Slot[] slots;
}

/// @notice An EIP-2612 permit of the caller for Deals; deadline 0: none, the allowance is there already.
struct Permit {
    uint256 value;
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @notice One slot to fill: the deal's whole slot array, where the piece lies in the sector (a multiple of 2^b), its
/// commitment, and the owner's Acceptance with its expiry.
struct Activation {
    uint64 deal;
    uint8 slot;
    uint256 commP;
    uint40 offsetLeaves;
    uint64 expiry;
    Slot[] slots;
    bytes acceptance;
}

/// @notice A deal. `filled` slots were ever filled, `live` are filled now, `closed` have ended; `escrow` is what it still
/// holds; `slotsHash` is keccak256(abi.encode(slots)); since `scarceSince` fewer than k slots are filled (0: enough are).
struct Deal {
    address owner;
    uint16 k;
    uint16 n;
    uint16 filled;
    uint8 codeId;
    uint8 kind;
    bool cancelled;
    uint16 live;
    uint128 pricePerSlotPeriod;
    uint64 startPeriod;
    uint32 periods;
    uint32 activationPeriods;
    bytes32 slotsHash;
    uint128 escrow;
    uint64 segmentBytes;
    uint32 stripBytes;
    uint16 closed;
    uint64 scarceSince;
}

/// @notice Life of a slot: Empty -> Filled -> Closed, or Empty -> Closed when nobody filled it; Filled -> Freed when its
/// provider fails or leaves, then Freed -> Filled by a repairer, or Freed -> Closed at the end.
enum SlotStatus {
    Empty,
    Filled,
    Freed,
    Closed
}

/// @notice A slot. Paid for the proven periods of tree `tree` from `firstPeriod` on; `paidPeriods` so far, `paidBefore` of
/// them to providers before this one. A freed slot keeps the words of the provider that lost it, at `freedAt`.
struct SlotState {
    address provider;
    uint32 tree;
    SlotStatus status;
    uint8 b;
    uint32 paidPeriods;
    bool challenged;
    uint64 sector;
    uint64 firstPeriod;
    uint40 offsetLeaves;
    uint32 paidBefore;
    uint48 freedAt;
    uint256 commP;
}
