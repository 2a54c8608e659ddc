// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReplicaTerms} from "../src/ReplicaTypes.sol";
import {Replicas} from "../src/Replicas.sol";
import {Verifier} from "../src/Verifier.sol";
import {RealSealedWorld} from "./support/RealSealedWorld.sol";

/// @dev What sealed sectors cost, as Gas.t.sol does for the rest.
contract ReplicaGasTest is RealSealedWorld {
    /// Execution gas of a proof in a batch of ten or more.
    uint256 private constant BATCH_LIMIT = 95_000;

    function _record(string memory name) private returns (uint256) {
        return vm.snapshotGasLastCall("contracts", name);
    }

    function _name(string memory call, uint256 n) private pure returns (string memory) {
        return string.concat(call, n < 10 ? ", 0" : ", ", vm.toString(n));
    }

    function test_gas_of_proofs_of_replication() public {
        uint64[17] memory numbers;
        Replicas[17] memory deployed;
        for (uint16 n = 1; n <= 16; ++n) {
            ReplicaTerms memory t = _terms();
            t.partitions = n;
            replicas = deployed[n] = _newReplicas(address(token), t);
            vm.prank(alice);
            token.approve(address(replicas), DEPOSIT);
            numbers[n] = _committed(alice, 1);
        }
        _toRound(2);
        _post(2);
        for (uint256 n = 1; n <= 16; ++n) {
            replicas = deployed[n];
            (uint256[][] memory inputs, bytes memory proofs) = _all(numbers[n], n);
            replicas.proveReplica(alice, numbers[n], proofs);
            _record(_name("proveReplica", n));
            Verifier(verifier).verifyBatch(circuits[4].key, inputs, proofs);
            // A view is no transaction: this is execution alone, without 21,000 and calldata.
            uint256 execution = _record(_name("verifyBatch", n));
            if (n >= 10) vm.assertLe(execution, n * BATCH_LIMIT, "execution gas per proof");
        }
    }

    function _all(uint64 number, uint256 n) private view returns (uint256[][] memory inputs, bytes memory proofs) {
        inputs = new uint256[][](n);
        for (uint256 p = 0; p < n; ++p) {
            inputs[p] = _statement(alice, number, p);
            proofs = bytes.concat(proofs, _prove(4, inputs[p]));
        }
    }

    function test_gas_of_the_life_of_a_replica() public {
        vm.prank(alice);
        sectors.reserve(1);
        _record("reserve, 1 number");
        _precommit(alice, 1, 1);
        _record("precommit, deposit from the account");
        uint64 lost = _committed(alice, 1);
        vm.prank(bob);
        sectors.reserve(256);
        _record("reserve, 256 numbers");
        _toRound(2);
        _post(2);
        _proveReplica(alice, 1);
        uint64 next = _reserveOne(alice);
        _precommit(alice, next, 2);
        _record("precommit, deposit from credit");
        _appendSealed(alice, 0, 1);
        _record("appendSealed, first of a tree");
        vm.warp(replicas.dueTime(alice, lost) + 1);
        replicas.expire(alice, lost);
        _record("expire");
        vm.warp(_roundTime(9) + DUE + 1);
        _post(9);
        _record("postRound, of a void period");
    }
}
