// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

import {Replica, ReplicaStatus, ReplicaTerms} from "../../src/ReplicaTypes.sol";
import {Replicas} from "../../src/Replicas.sol";
import {CircuitKey, Parameters, Sector} from "../../src/SectorTypes.sol";
import {Sectors} from "../../src/Sectors.sol";
import {Beacon} from "../../src/Beacon.sol";
import {Verifier} from "../../src/Verifier.sol";

/// @dev What a mutant does without. An attack that a contract refuses must succeed against the mutant, or it was refused
/// for another reason than the one the test names.
enum Defence {
    Reserved,
    Once,
    Ticket,
    Seed,
    Deadline,
    Expiry,
    SilentBeacon,
    Status,
    Usable,
    Chain,
    Place,
    Provider,
    Number,
    PartitionNumber,
    PartitionCount
}

contract MutantReplicas is Replicas {
    Defence private immutable _without;

    constructor(IERC20 token_, Sectors sectors_, ReplicaTerms memory terms_, Defence without)
        Replicas(token_, sectors_, terms_)
    {
        _without = without;
    }

    function _requireFresh(address provider, uint64 number) internal view override {
        if (_without == Defence.Once) return;
        if (_without != Defence.Reserved) super._requireFresh(provider, number);
        else if (_replicas[provider][number].status != ReplicaStatus.None) revert Replicas_NotReserved(provider, number);
    }

    function _requireTicket(uint64 period) internal view override {
        if (_without != Defence.Ticket) super._requireTicket(period);
    }

    /// Without: the newest period whose round is public already.
    function _seedPeriod() internal view override returns (uint64) {
        return _without == Defence.Seed ? periodAfter(_now()) - 1 : super._seedPeriod();
    }

    function _dueTime(uint64 seedPeriod) internal view override returns (uint64) {
        if (_without == Defence.Deadline) return type(uint64).max;
        if (_without == Defence.Expiry) return 1;
        if (_without == Defence.SilentBeacon) return roundTime(seedPeriod) + PROOF_DUE;
        return super._dueTime(seedPeriod);
    }

    function _committed(address provider, uint64 number) internal view override returns (Replica storage) {
        return _without == Defence.Status ? _replicas[provider][number] : super._committed(provider, number);
    }

    function _requireUsable(Replica storage r, address provider, uint64 number) internal view override {
        if (_without != Defence.Usable) super._requireUsable(r, provider, number);
    }

    function _chain() internal view override returns (uint256) {
        return _without == Defence.Chain ? 0 : super._chain();
    }

    function _place() internal view override returns (address) {
        return _without == Defence.Place ? address(0) : super._place();
    }

    function _statements(address provider, uint64 number, Replica storage r)
        internal
        view
        override
        returns (uint256[][] memory all)
    {
        if (_without == Defence.Provider) provider = address(0);
        if (_without == Defence.Number) number = 0;
        all = super._statements(provider, number, r);
        for (uint256 p = 0; p < all.length && _without == Defence.PartitionNumber; ++p) {
            all[p][6] = number;
        }
        if (_without == Defence.PartitionCount) {
            assembly ("memory-safe") {
                mstore(all, 1)
            }
        }
    }
}

/// @dev Sectors that lets a stranger retire anything idle and takes a sealed sector's commitments from the caller.
contract MutantSectors is Sectors {
    constructor(Verifier v, Beacon b, Parameters memory p, CircuitKey[6] memory c, uint256 root) Sectors(v, b, p, c, root) {}

    function _abandoned(Sector storage) internal pure override returns (bool) {
        return true;
    }

    function appendClaimed(
        uint32 tree_,
        uint64 number,
        uint256 newRoot,
        uint256 commD,
        uint256 commR,
        bytes calldata proof
    ) external {
        replicas.use(msg.sender, number);
        _append(tree_, number, newRoot, commD, commR, 1, proof);
    }
}

/// @dev What a mutant of the verifier does without.
enum BatchDefence {
    Coefficients,
    ProofsHashed,
    InputsHashed,
    InField
}

contract MutantVerifier is Verifier {
    BatchDefence private immutable _without;

    constructor(BatchDefence without) {
        _without = without;
    }

    function _coefficients(address key, uint256 size, uint256[] memory flat, bytes calldata proofs)
        internal
        view
        override
        returns (uint256[] memory r)
    {
        if (_without == BatchDefence.Coefficients) {
            r = new uint256[](size);
            for (uint256 i = 0; i < size; ++i) {
                r[i] = 1;
            }
            return r;
        }
        if (_without == BatchDefence.ProofsHashed) return super._coefficients(key, size, flat, proofs[:0]);
        if (_without == BatchDefence.InputsHashed) return super._coefficients(key, size, new uint256[](0), proofs);
        return super._coefficients(key, size, flat, proofs);
    }

    function _requireInField(uint256 index, uint256 scalar) internal view override {
        if (_without != BatchDefence.InField) super._requireInField(index, scalar);
    }

    /// The coefficients as everybody can compute them.
    function coefficients(address key, uint256 size, uint256[] memory flat, bytes calldata proofs)
        external
        view
        returns (uint256[] memory)
    {
        return _coefficients(key, size, flat, proofs);
    }
}
