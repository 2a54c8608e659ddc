// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "./Constants.sol";
import {Periods, Schedule} from "./Periods.sol";
import {Precompiles} from "./Precompiles.sol";
import {Runs} from "./Runs.sol";

/// @title Public randomness, verified on chain.
/// @notice The scheme of drand's quicknet (bls-unchained-g1-rfc9380): round r at genesis + (r - 1) * roundSeconds,
/// message sha256(r as 8 bytes, big-endian), signature in G1, key in G2, randomness = sha256(signature compressed).
/// The beacon also counts, in order, the periods whose round was posted by their deadline; every other period is void
/// for everybody. There is no fall-back to any other source.
contract Beacon is Periods {
    /// @notice The key is not a point of G2's subgroup, or is zero, or this chain lacks the curve precompiles.
    error Beacon_KeyRefused();
    /// @notice Round 0 does not exist.
    error Beacon_NoSuchRound(uint64 round);
    /// @notice The round's time has not come.
    error Beacon_RoundInFuture(uint64 round, uint64 roundTimestamp);
    /// @notice The signature is not the key's signature of the round.
    error Beacon_SignatureRefused(uint64 round);

    /// @notice A round became known. `period` is the period it seeds (0: none); `counted` says whether it came in time.
    event RoundPosted(uint64 indexed round, bytes32 randomness, uint64 period, bool counted);

    bytes private constant _DST = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";

    bytes32 private immutable _key0;
    bytes32 private immutable _key1;
    bytes32 private immutable _key2;
    bytes32 private immutable _key3;
    bytes32 private immutable _key4;
    bytes32 private immutable _key5;
    bytes32 private immutable _key6;
    bytes32 private immutable _key7;

    /// @notice Randomness of a round; zero while the round is unknown here.
    mapping(uint64 round => bytes32) public randomness;

    /// When the round of a void period was posted after all; nothing is stored for rounds that came in time.
    mapping(uint64 period => uint64) private _lateSince;
    mapping(uint256 index => uint256 run) private _counted;
    uint32 private _countedRuns;

    /// @param key public key, G2, 256 bytes
    /// @param schedule_ genesis and round length of the beacon, and the periods of this deployment
    constructor(bytes memory key, Schedule memory schedule_) Periods(schedule_) {
        // e(G, key) is 1 only for the zero key; an invalid key makes the call fail, so both known answers are asked.
        bool sound = key.length == Constants.G2_BYTES
            && Precompiles.pairing(
                bytes.concat(Constants.G1_GENERATOR, key, Constants.G1_GENERATOR_NEGATED, key)
            ) && !Precompiles.pairing(bytes.concat(Constants.G1_GENERATOR, key));
        if (!sound) revert Beacon_KeyRefused();
        bytes32[8] memory words = abi.decode(key, (bytes32[8]));
        (_key0, _key1, _key2, _key3) = (words[0], words[1], words[2], words[3]);
        (_key4, _key5, _key6, _key7) = (words[4], words[5], words[6], words[7]);
    }

    /// @notice Makes a round known. Anyone; no money; one hash to the curve and one pairing of two pairs. A round that
    /// is known already is left alone without looking at the signature.
    /// Reverts: Beacon_NoSuchRound, Beacon_RoundInFuture, Beacon_SignatureRefused.
    /// @param signature the round's signature, G1, 128 bytes
    function postRound(uint64 round, bytes calldata signature) external {
        if (randomness[round] != 0) return;
        if (round == 0) revert Beacon_NoSuchRound(round);
        uint64 time = roundTimestamp(round);
        if (_now() < time) revert Beacon_RoundInFuture(round, time);
        if (!_signed(round, signature)) revert Beacon_SignatureRefused(round);

        bytes32 value = sha256(_compressed(signature));
        randomness[round] = value;
        uint64 period = _periodAt(time);
        bool counts = period != 0 && _now() <= deadline(period);
        if (counts) _countedRuns = Runs.mark(_counted, _countedRuns, period);
        else if (period != 0) _lateSince[period] = _now();
        emit RoundPosted(round, value, period, counts);
    }

    /// @notice Time of a round.
    function roundTimestamp(uint64 round) public view returns (uint64) {
        return GENESIS + (round - 1) * ROUND_SECONDS;
    }

    /// @notice How many of the periods 1..`period` had their round posted in time. Work: a binary search.
    function countedUpTo(uint64 period) external view returns (uint64) {
        return Runs.countUpTo(_counted, _countedRuns, period);
    }

    /// @notice Whether the round of `period` was posted in time.
    function counted(uint64 period) external view returns (bool) {
        return Runs.has(_counted, _countedRuns, period);
    }

    /// @notice Since when the round of `period` was surely known here: its deadline, or the moment it was posted if that
    /// came later; 0 while it is unknown.
    function knownSince(uint64 period) external view returns (uint64) {
        if (randomness[roundOf(period)] == 0) return 0;
        uint64 late = _lateSince[period];
        return late == 0 ? deadline(period) : late;
    }

    /// @notice The beacon's public key, G2, 256 bytes.
    function publicKey() public view returns (bytes memory) {
        return abi.encodePacked(_key0, _key1, _key2, _key3, _key4, _key5, _key6, _key7);
    }

    /// The period whose round has this time, 0 if none.
    function _periodAt(uint64 time) private view returns (uint64) {
        if (time <= T0 || (time - T0) % PERIOD != 0) return 0;
        return (time - T0) / PERIOD;
    }

    /// e(signature, -H) * e(hash(round), key) = 1
    function _signed(uint64 round, bytes calldata signature) private view returns (bool) {
        if (signature.length != Constants.G1_BYTES) return false;
        (bool hashed, bytes memory point) = _hashToCurve(sha256(abi.encodePacked(round)));
        return hashed
            && Precompiles.pairing(bytes.concat(signature, Constants.G2_GENERATOR_NEGATED, point, publicKey()));
    }

    /// hash_to_curve of RFC 9380, suite BLS12381G1_XMD:SHA-256_SSWU_RO_.
    function _hashToCurve(bytes32 message) private view returns (bool, bytes memory) {
        bytes memory tail = abi.encodePacked(_DST, uint8(bytes(_DST).length));
        bytes32 b0 = sha256(abi.encodePacked(bytes32(0), bytes32(0), message, uint16(128), uint8(0), tail));
        bytes32 b1 = sha256(abi.encodePacked(b0, uint8(1), tail));
        bytes32 b2 = sha256(abi.encodePacked(b0 ^ b1, uint8(2), tail));
        bytes32 b3 = sha256(abi.encodePacked(b0 ^ b2, uint8(3), tail));
        bytes32 b4 = sha256(abi.encodePacked(b0 ^ b3, uint8(4), tail));
        (bool ok0, bytes memory q0) = _mapped(b1, b2);
        (bool ok1, bytes memory q1) = _mapped(b3, b4);
        if (!ok0 || !ok1) return (false, q0);
        return Precompiles.g1Add(q0, q1);
    }

    function _mapped(bytes32 high, bytes32 low) private view returns (bool, bytes memory) {
        (bool ok, bytes memory element) = Precompiles.reduceToFp(high, low);
        if (!ok) return (false, element);
        return Precompiles.mapToG1(element);
    }

    /// The 48-byte form: x with flag 0x80, and 0x20 when y is the larger root. The pairing has checked the encoding.
    function _compressed(bytes calldata signature) private pure returns (bytes memory) {
        uint256 xHigh = uint256(bytes32(signature[0:32]));
        uint256 yHigh = uint256(bytes32(signature[64:96]));
        uint256 yLow = uint256(bytes32(signature[96:128]));
        bool larger = yHigh > Constants.FP_HALF_HIGH
            || (yHigh == Constants.FP_HALF_HIGH && yLow > Constants.FP_HALF_LOW);
        xHigh |= (larger ? uint256(0xa0) : uint256(0x80)) << 120;
        return abi.encodePacked(uint128(xHigh), signature[32:64]);
    }
}
