// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Beacon} from "../src/Beacon.sol";
import {Constants} from "../src/Constants.sol";
import {Periods, Schedule} from "../src/Periods.sol";
import {Bls} from "./support/Bls.sol";
import {Cheats} from "./support/Vm.sol";

/// @dev Round 123 of drand's quicknet, as published and as the tests of the crate drand-verify carry it; the points
/// were decompressed once by a few lines of Python.
contract QuicknetTest is Cheats {
    bytes private constant KEY =
        hex"000000000000000000000000000000000d1fec758c921cc22b0e17e63aaf4bcb5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
        hex"0000000000000000000000000000000003cf0f2896adee7eb8b5f01fcad3912212c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
        hex"000000000000000000000000000000000e5db2b6bfbb01c867749cadffca88b36c24f3012ba09fc4d3022c5c37dce0f977d3adb5d183c7477c442b1f04515273"
        hex"0000000000000000000000000000000001a714f2edb74119a2f2b0d5a7c75ba902d163700a61bc224ededd8e63aef7be1aaf8e93d7a9718b047ccddb3eb5d68b";
    bytes private constant SIGNATURE =
        hex"00000000000000000000000000000000175c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92"
        hex"000000000000000000000000000000000f3894d8ccd4bb5edc3fca0f1f67f658559b86a360dd0128c3b64c12141372bb22276f0a00720b51125a9996b722b23f";
    bytes private constant COMPRESSED =
        hex"b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92";
    uint64 private constant GENESIS = 1_692_803_367;

    Beacon private beacon;

    function setUp() public {
        vm.warp(GENESIS + 1_000_000);
        beacon = new Beacon(KEY, Schedule(GENESIS, 1800, 60, 300, GENESIS, 3));
    }

    function test_a_published_round_of_quicknet_is_verified() public {
        beacon.postRound(123, SIGNATURE);
        vm.assertEq(beacon.randomness(123), sha256(COMPRESSED), "randomness as drand publishes it");
    }

    function test_the_same_signature_for_another_round_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(Beacon.Beacon_SignatureRefused.selector, uint64(124)));
        beacon.postRound(124, SIGNATURE);
    }

    function test_the_negated_signature_is_refused() public {
        bytes memory negated = Bls.g1(SIGNATURE, Constants.FR - 1);
        vm.expectRevert(abi.encodeWithSelector(Beacon.Beacon_SignatureRefused.selector, uint64(123)));
        beacon.postRound(123, negated);
    }

    function test_the_stored_key_is_the_key_given() public view {
        vm.assertEq(beacon.publicKey(), KEY, "key");
    }
}

contract BeaconTest is Cheats {
    uint64 private constant GENESIS = 1_000_000_000;
    uint64 private constant T0 = GENESIS + 300;
    uint256 private constant SECRET = 0x5ec3e7;

    Beacon private beacon;

    function setUp() public {
        vm.warp(T0);
        beacon = new Beacon(Bls.g2(SECRET), _schedule());
    }

    function _schedule() private pure returns (Schedule memory) {
        return Schedule(T0, 36, 6, 27, GENESIS, 3);
    }

    function testFuzz_a_signed_round_gives_the_hash_of_its_compressed_signature(uint64 round) public {
        round = uint64(_bound(round, 1, 1e9));
        vm.warp(GENESIS + 3 * uint256(round - 1));
        bytes memory signature = Bls.signRound(SECRET, round);
        beacon.postRound(round, signature);
        vm.assertEq(beacon.randomness(round), sha256(_compress(signature)), "randomness");
    }

    function test_a_round_signed_by_another_key_is_refused() public {
        bytes memory signature = Bls.signRound(SECRET + 1, 5);
        vm.expectRevert(abi.encodeWithSelector(Beacon.Beacon_SignatureRefused.selector, uint64(5)));
        beacon.postRound(5, signature);
    }

    function test_signatures_of_wrong_length_zero_and_garbage_are_refused() public {
        bytes[4] memory bad;
        bad[0] = new bytes(128);
        bad[1] = new bytes(127);
        bad[2] = bytes.concat(Bls.signRound(SECRET, 5), hex"00");
        bad[3] = abi.encodePacked(keccak256("a"), keccak256("b"), keccak256("c"), keccak256("d"));
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Beacon.Beacon_SignatureRefused.selector, uint64(5)));
            beacon.postRound(5, bad[i]);
        }
        vm.assertEq(beacon.randomness(5), bytes32(0), "nothing stored");
    }

    function test_a_round_whose_time_has_not_come_is_refused() public {
        bytes memory signature = Bls.signRound(SECRET, 1000);
        uint64 time = GENESIS + 999 * 3;
        vm.warp(time - 1);
        vm.expectRevert(abi.encodeWithSelector(Beacon.Beacon_RoundInFuture.selector, uint64(1000), time));
        beacon.postRound(1000, signature);
        vm.warp(time);
        beacon.postRound(1000, signature);
    }

    function test_round_zero_does_not_exist() public {
        vm.expectRevert(abi.encodeWithSelector(Beacon.Beacon_NoSuchRound.selector, uint64(0)));
        beacon.postRound(0, new bytes(128));
    }

    function test_posting_twice_changes_nothing() public {
        uint64 round = beacon.roundOf(1);
        vm.warp(beacon.roundTime(1));
        beacon.postRound(round, Bls.signRound(SECRET, round));
        bytes32 value = beacon.randomness(round);
        beacon.postRound(round, hex"");
        vm.assertEq(beacon.randomness(round), value, "same");
        vm.assertEq(beacon.countedUpTo(1), 1, "counted once");
    }

    function test_the_last_second_of_a_deadline_counts_and_the_next_does_not() public {
        vm.warp(beacon.deadline(1));
        _post(1);
        vm.assertTrue(beacon.counted(1), "in time");
        vm.warp(beacon.deadline(2) + 1);
        _post(2);
        vm.assertTrue(beacon.randomness(beacon.roundOf(2)) != 0, "stored all the same");
        vm.assertFalse(beacon.counted(2), "late: void");
    }

    function test_a_round_is_known_since_its_deadline_or_since_it_was_posted_later() public {
        vm.assertEq(beacon.knownSince(1), 0, "unknown");
        vm.warp(beacon.roundTime(1));
        _post(1);
        vm.assertEq(beacon.knownSince(1), beacon.deadline(1), "in time");
        vm.warp(beacon.deadline(2) + 1);
        _post(2);
        vm.assertEq(beacon.knownSince(2), beacon.deadline(2) + 1, "late");
        vm.warp(beacon.deadline(2) + 500);
        beacon.postRound(beacon.roundOf(2), hex"");
        vm.assertEq(beacon.knownSince(2), beacon.deadline(2) + 1, "posting again moves nothing");
        vm.assertEq(beacon.knownSince(3), 0, "unknown");
    }

    function test_a_round_between_periods_counts_for_none() public {
        uint64 round = beacon.roundOf(1) + 1;
        vm.warp(beacon.roundTimestamp(round));
        beacon.postRound(round, Bls.signRound(SECRET, round));
        vm.assertEq(beacon.countedUpTo(100), 0, "none");
    }

    function test_the_round_at_t0_is_no_period() public {
        uint64 round = (T0 - GENESIS) / 3 + 1;
        beacon.postRound(round, Bls.signRound(SECRET, round));
        vm.assertEq(beacon.countedUpTo(100), 0, "period 0 does not exist");
    }

    /// Any pattern of periods posted in time, late, or never is counted exactly.
    /// forge-config: default.fuzz.runs = 64
    function testFuzz_counted_periods_match_a_naive_list(uint64 pattern) public {
        bool[17] memory inTime;
        for (uint64 p = 1; p <= 16; ++p) {
            uint64 choice = (pattern >> (2 * p)) & 3;
            if (choice == 0) continue;
            bool late = choice == 1;
            vm.warp(late ? beacon.deadline(p) + 1 : beacon.roundTime(p) + choice);
            _post(p);
            inTime[p] = !late;
        }
        uint256 total = 0;
        for (uint64 p = 1; p <= 16; ++p) {
            if (inTime[p]) ++total;
            vm.assertEq(beacon.countedUpTo(p), total, "cumulative");
            vm.assertTrue(beacon.counted(p) == inTime[p], "single");
        }
    }

    function test_bad_keys_are_refused() public {
        bytes[4] memory bad;
        bad[0] = new bytes(256); // zero
        bad[1] = new bytes(255);
        bad[2] = Bls.g2(5);
        bad[2][200] ^= 0x01; // off the curve
        bad[3] = bytes.concat(Bls.g2(5), hex"00");
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(Beacon.Beacon_KeyRefused.selector);
            new Beacon(bad[i], _schedule());
        }
    }

    function _post(uint64 period) private {
        uint64 round = beacon.roundOf(period);
        beacon.postRound(round, Bls.signRound(SECRET, round));
    }

    /// Written apart from the contract: sign by comparing y with p - y as 48-byte numbers.
    function _compress(bytes memory point) private pure returns (bytes memory out) {
        out = new bytes(48);
        bytes memory p = Constants.FP;
        int8 order = 0;
        uint256 borrow = 0;
        bytes memory minus = new bytes(48);
        for (uint256 i = 48; i > 0; --i) {
            uint256 top = uint8(p[i - 1]);
            uint256 low = uint256(uint8(point[80 + i - 1])) + borrow;
            borrow = low > top ? 1 : 0;
            minus[i - 1] = bytes1(uint8(top + 256 * borrow - low));
        }
        for (uint256 i = 0; i < 48; ++i) {
            out[i] = point[16 + i];
            if (order == 0 && point[80 + i] != minus[i]) order = point[80 + i] > minus[i] ? int8(1) : int8(-1);
        }
        out[0] |= order > 0 ? bytes1(0xa0) : bytes1(0x80);
    }
}
