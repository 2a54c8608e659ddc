// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

/// @notice What a deployment demands of direct challenges. A challenge costs its caller `bond`, doubled once for every
/// `perStep` open challenges of the same provider; it is answered within `answerDue` seconds, at least two periods, and
/// a slot that answered is left alone for `cooldown` seconds.
struct ChallengeTerms {
    uint128 bond;
    uint32 perStep;
    uint64 answerDue;
    uint64 cooldown;
}

/// @notice Life of a challenge: None -> Open -> Answered, Failed (unanswered in time) or Void (the slot ended for another
/// reason, or the round never came). Nothing leads back.
enum ChallengeStatus {
    None,
    Open,
    Answered,
    Failed,
    Void
}

/// @notice A challenge: show the leaves offsetLeaves .. offsetLeaves + 2^b - 1 of sector `sector`. Its bond is
/// terms.bond << doublings; it is seeded by the round of `seedPeriod`.
struct Challenge {
    address challenger;
    uint64 deal;
    uint8 slot;
    uint8 b;
    uint8 doublings;
    ChallengeStatus status;
    address provider;
    uint32 tree;
    uint64 seedPeriod;
    uint64 sector;
    uint40 offsetLeaves;
    uint64 endedAt;
}
