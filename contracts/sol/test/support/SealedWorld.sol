// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Replica} from "../../src/ReplicaTypes.sol";
import {Replicas} from "../../src/Replicas.sol";
import {Sectors} from "../../src/Sectors.sol";
import {World} from "./World.sol";

/// @dev The world with providers who can pay deposits, and what they do to get a replica proven. The statements are
/// written here a second time, apart from the contract.
abstract contract SealedWorld is World {
    function setUp() public virtual override {
        super.setUp();
        token.mint(alice, 1e9);
        token.mint(bob, 1e9);
        vm.prank(alice);
        token.approve(address(replicas), type(uint256).max);
        vm.prank(bob);
        token.approve(address(replicas), type(uint256).max);
        _toRound(1);
        _post(1);
    }

    /// From now on `replicas` runs the code of `mutant`; storage, address and money stay.
    function _swap(Replicas mutant) internal {
        vm.etch(address(replicas), address(mutant).code);
    }

    function _reserveOne(address provider) internal returns (uint64) {
        vm.prank(provider);
        return sectors.reserve(1);
    }

    function _commR(uint64 number) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("comm_r", number))) >> 8;
    }

    function _precommit(address provider, uint64 number, uint64 ticketPeriod) internal {
        vm.prank(provider);
        replicas.precommit(number, _commD(number), _commR(number), ticketPeriod);
    }

    /// Reserves a number and precommits it with the ticket of `period`.
    function _committed(address provider, uint64 period) internal returns (uint64 number) {
        number = _reserveOne(provider);
        _precommit(provider, number, period);
    }

    function _randomness(uint64 period) internal view returns (bytes32) {
        return beacon.randomness(_roundOf(period));
    }

    function _porepId() internal view returns (uint256) {
        bytes memory all =
            abi.encode(keccak256("cairn/v1/porep"), block.chainid, address(replicas), circuits[4].id);
        return uint256(keccak256(all)) / 256;
    }

    function _seed(address provider, uint64 number, Replica memory r) internal view returns (uint256) {
        bytes memory all = abi.encode(
            keccak256("cairn/v1/porep-seed"),
            block.chainid,
            address(replicas),
            circuits[4].id,
            provider,
            uint256(number),
            r.commD,
            r.commR,
            uint256(_randomness(r.ticketPeriod)) / 256,
            uint256(r.seedPeriod),
            _randomness(r.seedPeriod)
        );
        return uint256(keccak256(all)) / 256;
    }

    /// Public inputs of one partition of a precommitted replica.
    function _statement(address provider, uint64 number, uint256 partition)
        internal
        view
        returns (uint256[] memory inputs)
    {
        Replica memory r = replicas.replica(provider, number);
        inputs = new uint256[](7);
        (inputs[0], inputs[1], inputs[2]) = (r.commD, r.commR, _porepId());
        (inputs[3], inputs[4]) = (uint256(uint160(provider)), uint256(_randomness(r.ticketPeriod)) / 256);
        inputs[5] = _seed(provider, number, r);
        inputs[6] = uint256(number) + (partition << 64);
    }

    function _partition(address provider, uint64 number, uint256 partition) internal returns (bytes memory) {
        return _prove(4, _statement(provider, number, partition));
    }

    /// The proofs of all partitions, in order.
    function _proofs(address provider, uint64 number) internal returns (bytes memory all) {
        for (uint256 p = 0; p < PARTITIONS; ++p) {
            all = bytes.concat(all, _partition(provider, number, p));
        }
    }

    function _proveReplica(address provider, uint64 number) internal {
        bytes memory proofs = _proofs(provider, number);
        replicas.proveReplica(provider, number, proofs);
    }

    /// A proven number: precommitted with the ticket of period 1, seeded by period 2, which is posted here.
    function _proven(address provider) internal returns (uint64 number) {
        number = _committed(provider, 1);
        _toRound(2);
        _post(2);
        _proveReplica(provider, number);
    }

    function _sealedInputs(address provider, uint32 tree, uint256 newRoot, uint64 number, uint256 commR)
        internal
        view
        returns (uint256[] memory inputs)
    {
        Sectors.TreeState memory t = sectors.tree(provider, tree);
        inputs = new uint256[](5);
        (inputs[0], inputs[1], inputs[2], inputs[3]) = (t.pendingRoot, newRoot, _commD(number), commR);
        inputs[4] = uint256(t.pendingCount) + (uint256(number) << 32) + (uint256(1) << 96);
    }

    function _appendSealed(address provider, uint32 tree, uint64 number) internal {
        uint256 newRoot = _rootNumber(provider, number);
        bytes memory proof = _prove(1, _sealedInputs(provider, tree, newRoot, number, _commR(number)));
        vm.prank(provider);
        sectors.appendSealed(tree, number, newRoot, proof);
    }

    /// Money of replicas adds up.
    function _checkBooks() internal view {
        uint256 credits = replicas.creditOf(alice) + replicas.creditOf(bob);
        vm.assertEq(token.balanceOf(address(replicas)), replicas.openDeposits() + credits, "open deposits + credits");
    }
}
