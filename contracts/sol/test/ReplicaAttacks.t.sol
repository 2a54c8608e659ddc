// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {Constants} from "../src/Constants.sol";
import {Replica, ReplicaStatus} from "../src/ReplicaTypes.sol";
import {Replicas} from "../src/Replicas.sol";
import {Sectors} from "../src/Sectors.sol";
import {Verifier} from "../src/Verifier.sol";
import {CallingToken, FeeToken} from "./support/HostileTokens.sol";
import {Defence, MutantSectors} from "./support/Mutants.sol";
import {RealSealedWorld} from "./support/RealSealedWorld.sol";
import {SealedWorld} from "./support/SealedWorld.sol";
import {Trapdoor} from "./support/Trapdoor.sol";

/// @dev What a provider, or somebody in its way, may try. Each attack is refused, and then succeeds against contracts
/// without the one defence (`_without`), in the same storage.
contract ReplicaAttacksTest is SealedWorld {
    bytes4 private constant REFUSED = Verifier.Verifier_ProofRefused.selector;

    function _without(Defence defence) private {
        _swap(Replicas(_deploy("Mutants.sol:MutantReplicas", abi.encode(token, sectors, _terms(), defence))));
    }

    function _withoutInSectors() private returns (MutantSectors) {
        vm.etch(address(sectors), address(_newSectors("Mutants.sol:MutantSectors")).code);
        return MutantSectors(address(sectors));
    }

    function _status(address provider, uint64 number) private view returns (ReplicaStatus) {
        return replicas.replica(provider, number).status;
    }

    function _ticketRefused(uint64 number, uint64 period) private {
        uint64 newest = uint64((block.timestamp - T0) / PERIOD);
        vm.expectRevert(
            abi.encodeWithSelector(Replicas.Replicas_TicketRefused.selector, period, newest, uint64(block.timestamp))
        );
        _precommit(alice, number, period);
    }

    // Tickets

    function test_an_old_ticket_is_refused() public {
        uint64 number = _reserveOne(alice);
        vm.warp(_roundTime(1) + TICKET_AGE + 1);
        _ticketRefused(number, 1);
        _without(Defence.Ticket);
        _precommit(alice, number, 1);
    }

    function test_a_future_ticket_or_one_of_no_period_is_refused() public {
        uint64 number = _reserveOne(alice);
        _ticketRefused(number, 2);
        _ticketRefused(number, 0);
        _ticketRefused(number, type(uint64).max);
        _without(Defence.Ticket);
        _precommit(alice, number, 2);
    }

    function test_a_ticket_of_a_round_nobody_posted_is_refused() public {
        uint64 number = _reserveOne(alice);
        _toRound(2);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_RoundUnknown.selector, 2));
        _precommit(alice, number, 2);
        _without(Defence.Ticket);
        _precommit(alice, number, 2);
    }

    // Numbers

    function test_a_number_is_precommitted_once_whatever_became_of_it() public {
        uint64 number = _committed(alice, 1);
        bytes memory once = abi.encodeWithSelector(Replicas.Replicas_AlreadyPrecommitted.selector, alice, number);
        vm.expectRevert(once);
        _precommit(alice, number, 1);
        uint64 lost = _committed(alice, 1);
        _toRound(2);
        _post(2);
        _proveReplica(alice, number);
        vm.expectRevert(once);
        _precommit(alice, number, 1);
        _appendSealed(alice, 0, number);
        vm.expectRevert(once);
        _precommit(alice, number, 1);
        _retire(alice, alice, 0, number, 0, number);
        vm.expectRevert(once);
        _precommit(alice, number, 1);
        vm.warp(replicas.dueTime(alice, lost) + 1);
        replicas.expire(alice, lost);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_AlreadyPrecommitted.selector, alice, lost));
        _precommit(alice, lost, 2);
        _without(Defence.Once);
        _precommit(alice, number, 2);
        _precommit(alice, lost, 2);
    }

    function test_the_number_of_a_hot_sector_cannot_be_sealed_over() public {
        uint64 hot = _append(alice, 0);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_NotReserved.selector, alice, hot));
        _precommit(alice, hot, 1);
        _without(Defence.Reserved);
        _precommit(alice, hot, 1);
        _toRound(2);
        _post(2);
        _proveReplica(alice, hot);
        _appendSealed(alice, 0, hot);
        vm.assertEq(sectors.sector(alice, hot).kind, 1, "two sectors under one number");
    }

    function test_a_number_reserved_by_another_is_refused() public {
        uint64 number = _reserveOne(bob);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_NotReserved.selector, alice, number));
        _precommit(alice, number, 1);
        _without(Defence.Reserved);
        _precommit(alice, number, 1);
    }

    // Seeds and times

    /// A cheater who knows the seed searches for a commitment whose challenges avoid its bad nodes (here: one in 16).
    function test_nobody_can_look_for_a_commitment_that_suits_the_seed() public {
        uint64 number = _reserveOne(alice);
        (Replica memory r, uint256 commR) = _suiting(number, 1);
        vm.prank(alice);
        replicas.precommit(number, r.commD, commR, 1);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_RoundUnknown.selector, 2));
        replicas.seedOf(alice, number);
        _toRound(2);
        _post(2);
        vm.assertTrue(replicas.seedOf(alice, number) % 16 != 0, "the search was for another seed");

        _without(Defence.Seed);
        number = _reserveOne(alice);
        (r, commR) = _suiting(number, 2);
        vm.prank(alice);
        replicas.precommit(number, r.commD, commR, 1);
        vm.assertTrue(replicas.seedOf(alice, number) % 16 == 0, "the challenges that suit");
        _proveReplica(alice, number);
    }

    function _suiting(uint64 number, uint64 knownPeriod) private view returns (Replica memory r, uint256 commR) {
        r = Replica(_commD(number), 0, 1, knownPeriod, ReplicaStatus.None);
        do {
            r.commR = ++commR;
        } while (_seed(alice, number, r) % 16 != 0);
    }

    function test_a_proof_after_the_due_time_is_refused() public {
        uint64 number = _committed(alice, 1);
        _toRound(2);
        _post(2);
        bytes memory proofs = _proofs(alice, number);
        uint64 due = replicas.dueTime(alice, number);
        vm.warp(due + 1);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_TooLate.selector, alice, number, due));
        replicas.proveReplica(alice, number, proofs);
        _without(Defence.Deadline);
        replicas.proveReplica(alice, number, proofs);
    }

    function test_a_deposit_cannot_be_burned_before_the_due_time() public {
        uint64 number = _committed(alice, 1);
        _toRound(2);
        _post(2);
        uint64 due = replicas.dueTime(alice, number);
        vm.warp(due);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_TooEarly.selector, alice, number, due));
        replicas.expire(alice, number);
        _without(Defence.Expiry);
        vm.prank(bob);
        replicas.expire(alice, number);
        vm.assertEq(token.balanceOf(Constants.BURN), DEPOSIT, "an honest deposit burned");
    }

    function test_a_silent_beacon_burns_no_deposit() public {
        uint64 number = _committed(alice, 1);
        vm.warp(_roundTime(2) + 2 * REPLICA_DUE);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_TooEarly.selector, alice, number, 0));
        replicas.expire(alice, number);
        _without(Defence.SilentBeacon);
        replicas.expire(alice, number);
        vm.assertEq(token.balanceOf(Constants.BURN), DEPOSIT, "burned for a round that never came");
    }

    // Statements

    function test_a_proof_made_for_another_chain_is_refused() public {
        uint64 number = _committed(alice, 1);
        _toRound(2);
        _post(2);
        bytes memory proofs = _proofs(alice, number);
        uint256 here = block.chainid;
        vm.chainId(here + 1);
        vm.expectRevert(REFUSED);
        replicas.proveReplica(alice, number, proofs);
        _without(Defence.Chain);
        bytes memory unbound = _shownProofs(alice, number);
        vm.chainId(here);
        replicas.proveReplica(alice, number, unbound);
    }

    function test_a_proof_made_for_another_contract_is_refused() public {
        Replicas first = replicas;
        Replicas second = _newReplicas(address(token), _terms());
        uint64 number = _committed(alice, 1);
        replicas = second;
        vm.prank(alice);
        token.approve(address(second), type(uint256).max);
        _precommit(alice, number, 1);
        _toRound(2);
        _post(2);
        bytes memory proofs = _proofs(alice, number);
        vm.expectRevert(REFUSED);
        first.proveReplica(alice, number, proofs);
        _without(Defence.Place);
        bytes memory unbound = _shownProofs(alice, number);
        replicas = first;
        _without(Defence.Place);
        first.proveReplica(alice, number, unbound);
    }

    /// Proofs of what the contract shows (a mutant shows something else than the statement written in this test).
    function _shownProofs(address provider, uint64 number) private returns (bytes memory all) {
        (uint256 id, uint256 seed) = (replicas.porepId(), replicas.seedOf(provider, number));
        for (uint256 p = 0; p < PARTITIONS; ++p) {
            uint256[] memory inputs = _statement(provider, number, p);
            (inputs[2], inputs[5]) = (id, seed);
            all = bytes.concat(all, _prove(4, inputs));
        }
    }

    /// Two providers, or two numbers, and the work of one.
    function test_a_replica_proves_nothing_for_another_provider() public {
        uint64 number = _committed(alice, 1);
        vm.assertEq(_committed(bob, 1), number, "the same commitments under the same number");
        _toRound(2);
        _post(2);
        bytes memory proofs = _proofs(alice, number);
        replicas.proveReplica(alice, number, proofs);
        vm.expectRevert(REFUSED);
        replicas.proveReplica(bob, number, proofs);

        _without(Defence.Provider);
        (uint64 a, uint64 b) = (_committed(alice, 2), _committed(bob, 2));
        _toRound(3);
        _post(3);
        proofs = _unboundProofs(address(0), a, alice);
        replicas.proveReplica(alice, a, proofs);
        replicas.proveReplica(bob, b, proofs);
    }

    function test_a_replica_proves_nothing_for_another_number() public {
        (uint64 first, uint64 second) = (_reserveOne(alice), _reserveOne(alice));
        _precommitSame(first, 1);
        _precommitSame(second, 1);
        _toRound(2);
        _post(2);
        bytes memory proofs = _proofs(alice, first);
        replicas.proveReplica(alice, first, proofs);
        vm.expectRevert(REFUSED);
        replicas.proveReplica(alice, second, proofs);

        _without(Defence.Number);
        (first, second) = (_reserveOne(alice), _reserveOne(alice));
        _precommitSame(first, 2);
        _precommitSame(second, 2);
        _toRound(3);
        _post(3);
        proofs = _unboundProofs(alice, 0, alice, first);
        replicas.proveReplica(alice, first, proofs);
        replicas.proveReplica(alice, second, proofs);
    }

    function _precommitSame(uint64 number, uint64 ticketPeriod) private {
        vm.prank(alice);
        replicas.precommit(number, 11, 12, ticketPeriod);
    }

    function _unboundProofs(address shown, uint64 number, address provider) private returns (bytes memory) {
        return _unboundProofs(shown, number, provider, number);
    }

    /// The proofs of a replica of (provider, number) as if it were one of (shown, as_).
    function _unboundProofs(address shown, uint64 as_, address provider, uint64 number)
        private
        returns (bytes memory all)
    {
        Replica memory r = replicas.replica(provider, number);
        for (uint256 p = 0; p < PARTITIONS; ++p) {
            uint256[] memory inputs = _statement(provider, number, p);
            (inputs[3], inputs[5]) = (uint256(uint160(shown)), _seed(shown, as_, r));
            inputs[6] = uint256(as_) + (p << 64);
            all = bytes.concat(all, _prove(4, inputs));
        }
    }

    // Partitions

    function test_every_partition_is_proven_once_and_in_its_place() public {
        uint64 number = _committed(alice, 1);
        _toRound(2);
        _post(2);
        bytes[3] memory p;
        for (uint256 i = 0; i < 3; ++i) {
            p[i] = _partition(alice, number, i);
        }
        bytes[6] memory attacks = [
            bytes.concat(p[0], p[0], p[0]),
            bytes.concat(p[0], p[1], p[1]),
            bytes.concat(p[1], p[0], p[2]),
            bytes.concat(p[0], p[1]),
            bytes.concat(p[0], p[1], p[2], p[0]),
            bytes.concat(p[0], p[1], _partition(alice, number, 3))
        ];
        for (uint256 i = 0; i < 6; ++i) {
            vm.expectRevert(REFUSED);
            replicas.proveReplica(alice, number, attacks[i]);
        }
        _without(Defence.PartitionNumber);
        replicas.proveReplica(alice, number, attacks[0]);
    }

    function test_no_partition_may_be_missing() public {
        uint64 number = _committed(alice, 1);
        _toRound(2);
        _post(2);
        bytes memory first = _partition(alice, number, 0);
        vm.expectRevert(REFUSED);
        replicas.proveReplica(alice, number, first);
        _without(Defence.PartitionCount);
        replicas.proveReplica(alice, number, first);
    }

    function test_partitions_of_another_seed_are_refused() public {
        uint64 number = _committed(alice, 1);
        uint64 later = _reserveOne(alice);
        _toRound(2);
        _post(2);
        _precommit(alice, later, 1);
        _toRound(3);
        _post(3);
        // What `later` would have been asked under the seed of period 2, and what it is asked.
        Replica memory r = replicas.replica(alice, later);
        r.seedPeriod = 2;
        bytes memory all = "";
        for (uint256 p = 0; p < PARTITIONS; ++p) {
            uint256[] memory inputs = _statement(alice, later, p);
            if (p == 1) inputs[5] = _seed(alice, later, r);
            all = bytes.concat(all, _prove(4, inputs));
        }
        vm.expectRevert(REFUSED);
        replicas.proveReplica(alice, later, all);
        _proveReplica(alice, later);
        _proveReplica(alice, number);
    }

    // From the proof to the tree

    function test_a_sealed_sector_without_a_proof_is_refused() public {
        uint64 number = _committed(alice, 1);
        uint256 newRoot = _rootNumber(alice, 1);
        bytes memory proof = _prove(1, _sealedInputs(alice, 0, newRoot, number, _commR(number)));
        bytes memory missing = abi.encodeWithSelector(Replicas.Replicas_NotProven.selector, alice, number);
        vm.startPrank(alice);
        vm.expectRevert(missing);
        sectors.appendSealed(0, number, newRoot, proof);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_KindRefused.selector, 1));
        sectors.append(0, newRoot, _commD(number), _commR(number), 1, proof);
        vm.stopPrank();
        _without(Defence.Usable);
        vm.prank(alice);
        sectors.appendSealed(0, number, newRoot, proof);
    }

    function test_a_proven_replica_becomes_one_sector_only() public {
        uint64 number = _proven(alice);
        _appendSealed(alice, 0, number);
        bytes memory used = abi.encodeWithSelector(Replicas.Replicas_NotProven.selector, alice, number);
        bytes memory proof = _prove(1, _sealedInputs(alice, 7, 99, number, _commR(number)));
        vm.prank(alice);
        vm.expectRevert(used);
        sectors.appendSealed(7, number, 99, proof);
        _retire(alice, alice, 0, number, 0, number);
        vm.prank(alice);
        vm.expectRevert(used);
        sectors.appendSealed(7, number, 99, proof);
        _without(Defence.Usable);
        vm.prank(alice);
        sectors.appendSealed(7, number, 99, proof);
    }

    function test_nobody_appends_the_replica_of_another() public {
        uint64 number = _proven(alice);
        bytes memory proof = _prove(1, _sealedInputs(bob, 0, 99, number, _commR(number)));
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_NotProven.selector, bob, number));
        sectors.appendSealed(0, number, 99, proof);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_NotSectors.selector, bob));
        replicas.use(alice, number);
    }

    function test_the_commitments_are_those_that_were_proven() public {
        uint64 number = _proven(alice);
        bytes memory proof = _prove(1, _sealedInputs(alice, 0, 99, number, _commR(number) + 1));
        vm.prank(alice);
        vm.expectRevert(REFUSED);
        sectors.appendSealed(0, number, 99, proof);
        MutantSectors mutant = _withoutInSectors();
        vm.prank(alice);
        mutant.appendClaimed(0, number, 99, _commD(number), _commR(number) + 1, proof);
        vm.assertEq(sectors.sector(alice, number).commR, _commR(number) + 1, "a sector nobody proved");
    }

    function test_no_stranger_retires_a_sealed_sector() public {
        uint64 number = _proven(alice);
        _appendSealed(alice, 0, number);
        vm.warp(_roundTime(50));
        uint256[] memory inputs = new uint256[](3);
        (inputs[0], inputs[1]) = (sectors.tree(alice, 0).pendingRoot, 99);
        inputs[2] = 1 + (uint256(number) << 64) + (uint256(number) << 128);
        bytes memory proof = _prove(2, inputs);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_NotYours.selector, alice, number));
        sectors.retire(alice, 0, number, 0, number, 99, proof);
        _withoutInSectors();
        vm.prank(bob);
        sectors.retire(alice, 0, number, 0, number, 99, proof);
    }

    // Money

    function test_a_deposit_comes_back_once() public {
        uint64 number = _committed(alice, 1);
        _committed(bob, 1);
        _toRound(2);
        _post(2);
        bytes memory proofs = _proofs(alice, number);
        bytes memory done = abi.encodeWithSelector(Replicas.Replicas_NotCommitted.selector, alice, number);
        replicas.proveReplica(alice, number, proofs);
        vm.expectRevert(done);
        replicas.proveReplica(alice, number, proofs);
        vm.warp(replicas.dueTime(alice, number) + 1);
        vm.expectRevert(done);
        replicas.expire(alice, number);
        vm.warp(_roundTime(2));
        _without(Defence.Status);
        replicas.proveReplica(alice, number, proofs);
        vm.assertEq(replicas.creditOf(alice), 2 * DEPOSIT, "paid with bob's deposit");
    }

    function test_an_expired_replica_is_neither_proven_nor_burned_again() public {
        uint64 number = _committed(alice, 1);
        _committed(bob, 1);
        _toRound(2);
        _post(2);
        bytes memory proofs = _proofs(alice, number);
        vm.warp(replicas.dueTime(alice, number) + 1);
        replicas.expire(alice, number);
        bytes memory done = abi.encodeWithSelector(Replicas.Replicas_NotCommitted.selector, alice, number);
        vm.expectRevert(done);
        replicas.expire(alice, number);
        vm.expectRevert(done);
        replicas.proveReplica(alice, number, proofs);
        _without(Defence.Status);
        replicas.expire(alice, number);
        vm.assertEq(token.balanceOf(Constants.BURN), 2 * DEPOSIT, "bob's deposit burned");
    }

    function test_commitments_beyond_the_field_are_refused_before_money_moves() public {
        uint64 number = _reserveOne(alice);
        vm.startPrank(alice);
        vm.expectRevert(Replicas.Replicas_CommitmentRefused.selector);
        replicas.precommit(number, Constants.FR, 1, 1);
        vm.expectRevert(Replicas.Replicas_CommitmentRefused.selector);
        replicas.precommit(number, 1, Constants.FR, 1);
        replicas.precommit(number, Constants.FR - 1, Constants.FR - 1, 1);
    }
}

/// @dev Malleable proofs, with the real verifier.
contract ReplicaMalleabilityTest is RealSealedWorld {
    function test_another_proof_of_the_same_replica_changes_nothing() public {
        uint64 number = _proven(alice);
        bytes memory others = "";
        for (uint256 p = 0; p < PARTITIONS; ++p) {
            others = bytes.concat(others, Trapdoor.prove(4, _statement(alice, number, p), 2 + p));
        }
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_NotCommitted.selector, alice, number));
        replicas.proveReplica(alice, number, others);
        vm.assertEq(replicas.creditOf(alice), DEPOSIT, "once");
    }
}

contract ReplicaTokenTest is SealedWorld {
    function test_a_token_that_takes_a_fee_is_refused_at_the_precommit() public {
        FeeToken fee = FeeToken(_deploy("HostileTokens.sol:FeeToken", ""));
        replicas = _newReplicas(address(fee), _terms());
        fee.mint(alice, 1e9);
        vm.prank(alice);
        fee.approve(address(replicas), type(uint256).max);
        uint64 number = _reserveOne(alice);
        vm.expectRevert(
            abi.encodeWithSelector(Replicas.Replicas_TokenTookFee.selector, DEPOSIT, DEPOSIT * 99 / 100)
        );
        _precommit(alice, number, 1);
    }

    /// Every function that moves money or state is closed while a transfer runs.
    function test_a_token_that_calls_back_reaches_nothing() public {
        CallingToken calling = CallingToken(_deploy("HostileTokens.sol:CallingToken", ""));
        replicas = _newReplicas(address(calling), _terms());
        calling.mint(alice, 1e9);
        vm.prank(alice);
        calling.approve(address(replicas), type(uint256).max);
        uint64 number = _committed(alice, 1);
        uint64 lost = _committed(alice, 1);
        uint64 next = _reserveOne(alice);
        _toRound(2);
        _post(2);
        _proveReplica(alice, number);
        bytes[4] memory calls = [
            abi.encodeCall(replicas.withdraw, (address(calling))),
            abi.encodeCall(replicas.expire, (alice, lost)),
            abi.encodeCall(replicas.proveReplica, (alice, lost, _proofs(alice, lost))),
            abi.encodeCall(replicas.precommit, (next, 1, 2, 2))
        ];
        vm.warp(replicas.dueTime(alice, lost) + 1);
        for (uint256 i = 0; i < 4; ++i) {
            calling.aim(address(replicas), calls[i]);
            vm.prank(alice);
            vm.expectRevert(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
            replicas.withdraw(alice);
            vm.expectRevert();
            replicas.expire(alice, lost);
        }
        vm.assertEq(replicas.creditOf(alice), DEPOSIT, "nothing moved");
    }
}
