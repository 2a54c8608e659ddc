// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Replicas} from "../src/Replicas.sol";
import {Collateral} from "../src/Collateral.sol";
import {Beacon} from "../src/Beacon.sol";
import {CircuitKey, Sector} from "../src/SectorTypes.sol";
import {Sectors} from "../src/Sectors.sol";
import {Trees} from "../src/Trees.sol";
import {Verifier} from "../src/Verifier.sol";
import {World} from "./support/World.sol";

contract SectorsTest is World {
    bytes4 private constant REFUSED = Verifier.Verifier_ProofRefused.selector;

    // Append

    function test_numbers_count_per_provider_from_one() public {
        vm.assertEq(_append(alice, 0), 1, "first");
        vm.assertEq(_append(alice, 5), 2, "second, in another tree");
        vm.assertEq(_append(bob, 0), 1, "bob's first");
        Sector memory s = sectors.sector(alice, 2);
        vm.assertTrue(s.open && s.tree == 5 && s.indexAtAppend == 0 && s.commD == _commD(2), "stored");
    }

    function test_an_append_proof_of_another_number_count_or_root_is_refused() public {
        _append(alice, 0);
        uint256[] memory inputs = _appendInputs(alice, 0, 77, 2);
        for (uint256 i = 0; i < inputs.length; ++i) {
            uint256[] memory changed = _appendInputs(alice, 0, 77, 2);
            changed[i] += i == 4 ? uint256(1) << 32 : 1;
            bytes memory bad = _prove(1, changed);
            vm.prank(alice);
            vm.expectRevert(REFUSED);
            sectors.append(0, 77, _commD(2), _commD(2) + 1, 0, bad);
        }
        bytes memory good = _prove(1, inputs);
        vm.prank(alice);
        sectors.append(0, 77, _commD(2), _commD(2) + 1, 0, good);
    }

    function test_a_proof_of_another_circuit_is_refused() public {
        bytes memory proof = _prove(2, _appendInputs(alice, 0, 77, 1));
        vm.prank(alice);
        vm.expectRevert(REFUSED);
        sectors.append(0, 77, _commD(1), _commD(1) + 1, 0, proof);
    }

    function test_an_append_proof_cannot_be_used_twice() public {
        bytes memory proof = _prove(1, _appendInputs(alice, 0, 77, 1));
        vm.startPrank(alice);
        sectors.append(0, 77, _commD(1), _commD(1) + 1, 0, proof);
        vm.expectRevert(REFUSED);
        sectors.append(0, 77, _commD(1), _commD(1) + 1, 0, proof);
    }

    function test_append_takes_hot_sectors_only() public {
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_KindRefused.selector, 1));
        sectors.append(0, 77, 1, 2, 1, "");
    }

    function test_a_full_tree_takes_no_more() public {
        for (uint256 i = 0; i < 16; ++i) {
            _append(alice, 0);
        }
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_TreeFull.selector, alice, 0));
        sectors.append(0, 77, 1, 2, 0, "");
        _append(alice, 1);
    }

    // Freezing

    function test_a_change_in_the_last_second_before_the_freeze_counts_and_one_later_does_not() public {
        vm.warp(sectors.freezeTime(1) - 1);
        _append(alice, 0);
        vm.warp(sectors.freezeTime(1));
        _append(alice, 0);
        (uint256 root, uint32 count) = sectors.frozen(alice, 0, 1);
        vm.assertTrue(count == 1 && root == _rootNumber(alice, 1), "period 1 holds the first only");
        (root, count) = sectors.frozen(alice, 0, 2);
        vm.assertTrue(count == 2 && root == _rootNumber(alice, 2), "period 2 holds both");
        vm.assertEq(sectors.sector(alice, 1).firstPeriod, 1, "first");
        vm.assertEq(sectors.sector(alice, 2).firstPeriod, 2, "second");
    }

    function test_a_sector_appended_after_the_round_is_known_is_not_in_the_proven_tree() public {
        _append(alice, 0);
        _toRound(1);
        _post(1);
        _append(alice, 0);
        _proveWindow(alice, 0, 1); // of one sector
        (, uint32 count) = sectors.frozen(alice, 0, 1);
        vm.assertEq(count, 1, "the tree of the period did not move");
    }

    function test_a_state_that_is_no_longer_known_is_not_invented() public {
        for (uint64 p = 1; p <= 3; ++p) {
            _beforeFreeze(p);
            _append(alice, 0);
        }
        (, uint32 count) = sectors.frozen(alice, 0, 2);
        vm.assertEq(count, 2, "the period before the newest change is known");
        vm.expectRevert(abi.encodeWithSelector(Trees.Trees_PeriodForgotten.selector, 1));
        sectors.frozen(alice, 0, 1);
    }

    struct Step {
        uint64 time;
        uint256 root;
        uint32 count;
    }

    /// Random appends and retirements at random times against a list of all states ever: the frozen tree of a period
    /// is the last state before its freeze, wherever the contract still claims to know it.
    /// forge-config: default.fuzz.runs = 128
    function testFuzz_the_frozen_tree_is_the_last_state_before_the_freeze(uint256 seed) public {
        Step[] memory steps = new Step[](25);
        steps[0] = Step(0, EMPTY_ROOT, 0);
        uint64 time = T0 - 50;
        uint64[] memory open = new uint64[](25);
        uint32 count = 0;
        for (uint256 i = 1; i < 25; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            time += uint64(seed % 70);
            vm.warp(time);
            if (count > 0 && (seed >> 32) % 3 == 0) {
                --count;
                _retire(alice, alice, 0, open[count], count, open[count]);
            } else if (count < 16) {
                open[count] = _append(alice, 0);
                ++count;
            }
            Trees.TreeState memory t = sectors.tree(alice, 0);
            steps[i] = Step(time, t.pendingRoot, t.pendingCount);
            vm.assertEq(t.pendingCount, count, "newest count");
            _compareFrozen(steps, i, time);
        }
    }

    function _compareFrozen(Step[] memory steps, uint256 newest, uint64 time) private view {
        uint64 last = sectors.openPeriod(time);
        for (uint64 p = 1; p <= last; ++p) {
            uint256 k = newest;
            while (steps[k].time >= _roundTime(p) - FREEZE) {
                --k;
            }
            (bool known, bytes memory answer) =
                address(sectors).staticcall(abi.encodeCall(Trees.frozen, (alice, 0, p)));
            if (p + 1 >= last) vm.assertTrue(known, "the latest frozen and the open period are always known");
            if (!known) continue;
            (uint256 root, uint32 count) = abi.decode(answer, (uint256, uint32));
            vm.assertTrue(root == steps[k].root && count == steps[k].count, "frozen state");
        }
        Trees.TreeState memory t = sectors.tree(alice, 0);
        (uint256 activeRoot, uint32 activeCount) = last > 1 ? sectors.frozen(alice, 0, last - 1) : (EMPTY_ROOT, 0);
        vm.assertTrue(t.activeRoot == activeRoot && t.activeCount == activeCount, "active is the latest frozen");
    }

    // Retire

    function test_the_last_sector_moves_into_the_hole_and_the_sector_is_gone() public {
        _append(alice, 0);
        _append(alice, 0);
        _append(alice, 0);
        _retire(alice, alice, 0, 1, 0, 3);
        vm.assertFalse(sectors.sector(alice, 1).open, "gone");
        vm.assertEq(sectors.tree(alice, 0).pendingCount, 2, "one less");
        vm.assertEq(_append(alice, 0), 4, "numbers are never used again");
    }

    function test_a_retired_or_unknown_sector_cannot_be_retired() public {
        _append(alice, 0);
        _retire(alice, alice, 0, 1, 0, 1);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_NotOpen.selector, alice, 1));
        sectors.retire(alice, 0, 1, 0, 1, 1, "");
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_NotOpen.selector, alice, 9));
        sectors.retire(alice, 0, 9, 0, 9, 1, "");
    }

    function test_a_sector_is_retired_only_from_its_own_tree() public {
        _append(alice, 3);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_OtherTree.selector, 1, 3, 0));
        sectors.retire(alice, 0, 1, 0, 1, 1, "");
    }

    function test_a_retire_proof_of_another_place_or_number_is_refused() public {
        _append(alice, 0);
        _append(alice, 0);
        uint256[] memory inputs = new uint256[](3);
        inputs[0] = _rootNumber(alice, 2);
        inputs[1] = 55;
        inputs[2] = 2 + (uint256(0) << 32) + (uint256(1) << 64) + (uint256(2) << 128);
        bytes memory proof = _prove(2, inputs);
        vm.startPrank(alice);
        vm.expectRevert(REFUSED);
        sectors.retire(alice, 0, 1, 1, 2, 55, proof);
        vm.expectRevert(REFUSED);
        sectors.retire(alice, 0, 1, 0, 1, 55, proof);
        vm.expectRevert(REFUSED);
        sectors.retire(alice, 0, 2, 0, 2, 55, proof);
        sectors.retire(alice, 0, 1, 0, 2, 55, proof);
    }

    function test_a_stranger_retires_an_abandoned_sector_but_not_a_fresh_one() public {
        vm.warp(T0 + 1);
        _append(alice, 0); // idle since period 1
        uint256[] memory inputs = new uint256[](3);
        inputs[0] = _rootNumber(alice, 1);
        inputs[1] = EMPTY_ROOT;
        inputs[2] = 1 + (uint256(1) << 64) + (uint256(1) << 128);
        bytes memory proof = _prove(2, inputs);
        vm.warp(sectors.freezeTime(4) - 1); // period 4 is open: three periods
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_NotYours.selector, alice, 1));
        sectors.retire(alice, 0, 1, 0, 1, EMPTY_ROOT, proof);
        vm.warp(sectors.freezeTime(4)); // period 5 is open
        vm.prank(bob);
        sectors.retire(alice, 0, 1, 0, 1, EMPTY_ROOT, proof);
    }

    // Windows

    function test_a_window_is_proven_once_whatever_the_proof() public {
        _append(alice, 0);
        _fullPeriod(alice, 0, 1);
        vm.assertTrue(sectors.isProven(alice, 0, 1), "proven");
        bytes memory proof = _windowProof(alice, 0, 1);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_AlreadyProven.selector, alice, 0, 1));
        sectors.proveWindow(alice, 0, 1, 0, proof);
        vm.assertEq(sectors.provenBetween(alice, 0, 0, 100), 1, "counted once");
    }

    function test_anyone_may_bring_a_proof() public {
        _append(alice, 0);
        _toRound(1);
        _post(1);
        bytes memory proof = _windowProof(alice, 0, 1);
        vm.prank(address(0x77));
        sectors.proveWindow(alice, 0, 1, 0, proof);
        vm.assertTrue(sectors.isProven(alice, 0, 1), "proven");
    }

    function test_a_proof_counts_from_the_round_to_the_deadline_inclusive() public {
        _append(alice, 0);
        for (uint64 p = 1; p <= 4; ++p) {
            _toRound(p);
            _post(p);
            bytes memory proof = _windowProof(alice, 0, p);
            bytes memory outside = abi.encodeWithSelector(
                Sectors.Sectors_OutsideWindow.selector, p, _roundTime(p), _roundTime(p) + DUE
            );
            if (p == 1) {
                vm.warp(_roundTime(p) - 1);
                vm.expectRevert(outside);
                sectors.proveWindow(alice, 0, p, 0, proof);
                vm.warp(_roundTime(p));
            } else if (p == 2) {
                vm.warp(_roundTime(p) + DUE);
            } else {
                vm.warp(_roundTime(p) + DUE + 1);
                vm.expectRevert(outside);
            }
            sectors.proveWindow(alice, 0, p, 0, proof);
            vm.assertTrue(sectors.isProven(alice, 0, p) == (p <= 2), "in time");
        }
    }

    function test_a_proof_of_another_period_tree_provider_or_root_is_refused() public {
        _append(alice, 0);
        _append(alice, 1);
        _append(bob, 0);
        _fullPeriod(alice, 0, 1);
        bytes memory old = _windowProof(alice, 0, 1);
        _toRound(2);
        _post(2);
        bytes[3] memory bad = [old, _windowProof(alice, 1, 2), _windowProof(bob, 0, 2)];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(REFUSED);
            sectors.proveWindow(alice, 0, 2, 0, bad[i]);
        }
        for (uint256 i = 0; i < 3; ++i) {
            uint256[] memory inputs = _windowInputs(alice, 0, 2);
            inputs[i] ^= 1;
            bytes memory proof = _prove(0, inputs);
            vm.expectRevert(REFUSED);
            sectors.proveWindow(alice, 0, 2, 0, proof);
        }
        _proveWindow(alice, 0, 2);
    }

    function test_the_seed_depends_on_every_part() public {
        uint256 seed = sectors.windowSeed(alice, 1, 2, 3, bytes32(uint256(4)));
        vm.assertTrue(seed >> 248 == 0, "top 8 bits are clear");
        vm.assertTrue(seed != sectors.windowSeed(bob, 1, 2, 3, bytes32(uint256(4))), "provider");
        vm.assertTrue(seed != sectors.windowSeed(alice, 2, 2, 3, bytes32(uint256(4))), "tree");
        vm.assertTrue(seed != sectors.windowSeed(alice, 1, 3, 3, bytes32(uint256(4))), "period");
        vm.assertTrue(seed != sectors.windowSeed(alice, 1, 2, 4, bytes32(uint256(4))), "count");
        vm.assertTrue(seed != sectors.windowSeed(alice, 1, 2, 3, bytes32(uint256(5))), "randomness");
        vm.chainId(block.chainid + 1);
        vm.assertTrue(seed != sectors.windowSeed(alice, 1, 2, 3, bytes32(uint256(4))), "chain");
        Sectors other = _newSectors("Sectors.sol:Sectors");
        vm.chainId(block.chainid - 1);
        vm.assertTrue(seed != other.windowSeed(alice, 1, 2, 3, bytes32(uint256(4))), "contract");
    }

    function test_skips_an_empty_tree_and_an_unknown_round_are_refused() public {
        _append(alice, 0);
        _toRound(1);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_RoundUnknown.selector, _roundOf(1)));
        sectors.proveWindow(alice, 0, 1, 0, "");
        _post(1);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_SkipsRefused.selector, 9));
        sectors.proveWindow(alice, 0, 1, 9, "");
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_TreeEmpty.selector, bob, 0, 1));
        sectors.proveWindow(bob, 0, 1, 0, "");
        vm.warp(T0);
        vm.expectPartialRevert(Sectors.Sectors_OutsideWindow.selector);
        sectors.proveWindow(alice, 0, 0, 0, "");
    }

    function test_a_proof_may_carry_the_round() public {
        _append(alice, 0);
        _toRound(1);
        bytes memory signature = _signature(1);
        bytes memory wrong = _signature(2);
        bytes memory proof = _prove(0, _windowInputsFor(signature));
        vm.expectRevert(abi.encodeWithSelector(Beacon.Beacon_SignatureRefused.selector, _roundOf(1)));
        sectors.postAndProve(alice, 0, 1, 0, proof, wrong);
        vm.expectRevert(REFUSED);
        sectors.postAndProve(alice, 0, 1, 0, "no proof", signature);
        vm.assertTrue(beacon.randomness(_roundOf(1)) == 0, "a failed call leaves nothing");
        sectors.postAndProve(alice, 0, 1, 0, proof, signature);
        vm.assertTrue(sectors.isProven(alice, 0, 1) && beacon.counted(1), "both");
    }

    /// The inputs of alice's window 1, the round not yet posted: post, look, and undo.
    function _windowInputsFor(bytes memory signature) private returns (uint256[] memory inputs) {
        try this.postAndRevert(signature) {}
        catch (bytes memory data) {
            inputs = abi.decode(data, (uint256[]));
        }
    }

    function postAndRevert(bytes calldata signature) external {
        beacon.postRound(_roundOf(1), signature);
        bytes memory data = abi.encode(_windowInputs(alice, 0, 1));
        assembly ("memory-safe") {
            revert(add(data, 32), mload(data))
        }
    }

    // Uptime

    /// Random histories of beacon and proofs, with sectors coming and going, against a naive table.
    /// forge-config: default.fuzz.runs = 48
    function testFuzz_uptime_matches_a_naive_table(uint256 seed) public {
        uint8[13] memory fate; // 0 empty, 1 voided, 2 missed, 3 proven
        uint64 held = 0;
        for (uint64 p = 1; p <= 12; ++p) {
            seed = uint256(keccak256(abi.encode(seed)));
            _beforeFreeze(p);
            held = _comeAndGo(held, seed);
            (, uint32 count) = sectors.frozen(alice, 0, p);
            vm.assertTrue((count != 0) == (held != 0), "model");
            bool posted = (seed >> 8) % 4 != 0;
            bool proves = held != 0 && posted && (seed >> 16) % 3 != 0;
            fate[p] = !posted ? 1 : held == 0 ? 0 : proves ? 3 : 2;
            _toRound(p);
            held = _comeAndGo(held, seed >> 24); // while the window runs and its round is not posted yet
            if (posted) _post(p);
            if (proves) _proveWindow(alice, 0, p);
        }
        vm.warp(sectors.deadline(12));
        _compareUptime(fate, 11);
        _afterDeadline(12);
        _compareUptime(fate, 12);
    }

    /// Two changes at most, so that trees are also emptied and filled again before the same freeze.
    function _comeAndGo(uint64 held, uint256 seed) private returns (uint64) {
        for (uint256 i = 0; i < seed % 3; ++i) {
            if (held == 0) {
                held = _append(alice, 0);
            } else {
                _retire(alice, alice, 0, held, 0, held);
                held = 0;
            }
        }
        return held;
    }

    function _compareUptime(uint8[13] memory fate, uint64 closed) private view {
        for (uint64 from = 0; from <= 13; ++from) {
            for (uint64 to = from; to <= 13; ++to) {
                uint64[4] memory n;
                for (uint64 p = from == 0 ? 1 : from; p <= to && p <= closed; ++p) {
                    ++n[fate[p]];
                }
                Trees.Uptime memory u = sectors.uptime(alice, 0, from, to);
                vm.assertEq(u.empty, n[0], "empty");
                vm.assertEq(u.voided, n[1], "voided");
                vm.assertEq(u.missed, n[2], "missed");
                vm.assertEq(u.proven, n[3], "proven");
            }
        }
    }

    function test_a_round_posted_after_the_deadline_leaves_the_period_void_for_everyone() public {
        _append(alice, 0);
        _afterDeadline(1);
        _post(1);
        Trees.Uptime memory u = sectors.uptime(alice, 0, 1, 1);
        vm.assertTrue(u.voided == 1 && u.missed == 0 && u.proven == 0, "void");
    }

    // Set-up

    function test_only_the_deployer_binds_deals_and_only_once() public {
        vm.expectRevert(Sectors.Sectors_AlreadyBound.selector);
        sectors.bind(address(1), replicas, collateral);
        Sectors fresh = _newSectors("Sectors.sol:Sectors");
        vm.prank(bob);
        vm.expectRevert(Sectors.Sectors_NotDeployer.selector);
        fresh.bind(bob, replicas, collateral);
    }

    function test_what_is_bound_belongs_to_these_sectors_and_none_is_missing() public {
        (Replicas oldReplicas, Collateral oldCollateral) = (replicas, collateral);
        sectors = _newSectors("Sectors.sol:Sectors");
        replicas = _newReplicas(address(token), _terms());
        collateral = _newCollateral("Collateral.sol:Collateral", address(token));
        vm.expectRevert(Sectors.Sectors_BindRefused.selector);
        sectors.bind(address(0), replicas, collateral);
        vm.expectRevert(Sectors.Sectors_BindRefused.selector);
        sectors.bind(bob, oldReplicas, collateral);
        vm.expectRevert(Sectors.Sectors_BindRefused.selector);
        sectors.bind(bob, replicas, oldCollateral);
        vm.expectRevert();
        sectors.bind(bob, Replicas(address(0)), collateral);
        sectors.bind(bob, replicas, collateral);
    }

    // Numbers

    function test_reserved_numbers_are_marked_and_no_hot_sector_gets_them() public {
        vm.assertEq(_append(alice, 0), 1, "hot");
        vm.prank(alice);
        vm.assertEq(sectors.reserve(3), 2, "2, 3, 4");
        vm.assertEq(_append(alice, 0), 5, "the next hot one");
        for (uint64 number = 0; number < 7; ++number) {
            vm.assertTrue(sectors.isReserved(alice, number) == (number >= 2 && number <= 4), "marked");
            vm.assertFalse(sectors.isReserved(bob, number), "for alice only");
        }
    }

    function testFuzz_any_run_of_reserved_numbers_is_marked_exactly(uint8 before, uint16 count) public {
        count = uint16(_bound(count, 1, 256));
        vm.startPrank(alice);
        if (before != 0) sectors.reserve(before);
        uint64 first = sectors.reserve(count);
        vm.stopPrank();
        vm.assertEq(first, uint64(before) + 1, "first");
        vm.assertEq(sectors.lastNumber(alice), uint64(before) + count, "last");
        for (uint64 number = 0; number < 600; ++number) {
            bool expected = number != 0 && number <= uint64(before) + count;
            vm.assertTrue(sectors.isReserved(alice, number) == expected, "marked");
        }
    }

    function test_none_or_too_many_numbers_are_refused() public {
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_ReserveCount.selector, 0, 256));
        sectors.reserve(0);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_ReserveCount.selector, 257, 256));
        sectors.reserve(257);
        sectors.reserve(256);
    }

    function test_only_deals_moves_live_slots() public {
        _append(alice, 0);
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_NotDeals.selector, alice));
        sectors.takeSlots(alice, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_NotDeals.selector, alice));
        sectors.freeSlot(alice, 1);
    }

    function test_the_deployment_shows_its_parameters_and_circuits() public view {
        vm.assertEq(sectors.parameterSet(), "test", "name");
        vm.assertEq(sectors.treeCapacity(), 16, "capacity");
        for (uint256 i = 0; i < 6; ++i) {
            (bool ok, bytes memory answer) =
                address(sectors).staticcall(abi.encodeWithSignature("circuit(uint8)", i));
            CircuitKey memory c = abi.decode(answer, (CircuitKey));
            vm.assertTrue(ok && c.key == circuits[i].key && c.id == circuits[i].id, "circuit");
        }
    }
}
