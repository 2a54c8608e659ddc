// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What a deployment demands of replicas. A replica has `layers` layers of labels (bound by the circuit, shown
/// here) and is proven in `partitions` proofs; times are in seconds; `deposit` is per replica in smallest token units.
struct ReplicaTerms {
    uint8 layers;
    uint16 partitions;
    uint64 ticketAge;
    uint64 seedDelay;
    uint64 due;
    uint128 deposit;
}

/// @notice Life of a reserved number: None -> Committed -> Proven -> Used (its sector was appended), or Committed ->
/// Expired. Nothing leads back.
enum ReplicaStatus {
    None,
    Committed,
    Proven,
    Used,
    Expired
}

/// @notice A replica as it was precommitted: encoded with the ticket of `ticketPeriod`, challenged with the randomness of
/// `seedPeriod`.
struct Replica {
    uint256 commD;
    uint256 commR;
    uint64 ticketPeriod;
    uint64 seedPeriod;
    ReplicaStatus status;
}
