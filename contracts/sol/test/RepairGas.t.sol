// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Activation} from "../src/DealTypes.sol";
import {CircuitKey} from "../src/SectorTypes.sol";
import {RepairWorld} from "./support/RepairWorld.sol";
import {Trapdoor} from "./support/Trapdoor.sol";

/// @dev What repairs cost, as Gas.t.sol does for the rest: with the real verifier, in a deal of two slots. Replicas are not
/// proven here with as many partitions as a production set has; ReplicaGas.t.sol says what those cost.
contract RepairGasTest is RepairWorld {
    function _treeLevels() internal pure override returns (uint8) {
        return 3;
    }

    function _newVerifier() internal override returns (address) {
        return _deploy("Verifier.sol:Verifier", "");
    }

    function _makeKeys() internal override {
        uint256[6] memory inputs = [uint256(3), 5, 3, 1 + 2 * uint256(WIDTH), 7, 6];
        for (uint160 i = 0; i < 6; ++i) {
            circuits[i] = CircuitKey(address(0x1000 + i), bytes32(uint256(0xc0 + i)));
            vm.etch(address(0x1000 + i), Trapdoor.keyCode(i, inputs[i]));
        }
    }

    function _prove(uint256 which, uint256[] memory inputs) internal view override returns (bytes memory) {
        return Trapdoor.prove(which, inputs, 1);
    }

    function _record(string memory name) private returns (uint256) {
        return vm.snapshotGasLastCall("contracts", name);
    }

    /// The proof is made before: `activate` must be the last call.
    function _recordRepair(address provider, uint64 number, uint64 deal, string memory name) private {
        Activation[] memory all = new Activation[](1);
        all[0] = _repairOf(deal, 0);
        bytes memory proof = _prove(3, _includeInputs(number, all));
        vm.prank(provider);
        deals.activate(number, all, proof);
        _record(name);
    }

    function test_gas_of_a_hot_repair() public {
        uint64 deal = _openTwo(0, 60);
        _fillFirst(alice, 1, deal, 0);
        _fillFirst(bob, 1, deal, 1);
        _vacate(alice, deal, 0);
        _record("vacate");
        _commit(carol, deal, 0);
        _record("commit, repair");
        _pass(COMMIT_AGE);
        _reveal(carol, deal, 0);
        _record("reveal, repair");
        _recordRepair(carol, 1, deal, "activate, repair of a hot slot");
    }

    function test_gas_of_a_sealed_repair() public {
        uint64 deal = _sealedFreed(90);
        _enter(carol, deal, 0);
        _record("enter, first of an auction");
        _enter(dave, deal, 0);
        _record("enter, following");
        uint64 next = _toClaims(deal, 0, 4) + 1;
        (address low, address high) = _ordered(next - 1, deal, 0, carol, dave);
        _claim(high, deal, 0);
        _record("claim, first");
        _claim(low, deal, 0);
        _record("claim, lower");
        next = _afterClaims(deal, 0, next);
        repairs.refund(deal, 0, 0, high);
        _record("refund, bond of a repair");
        uint256 before = chain.snapshotState();
        _afterSealing(deal, 0, next);
        repairs.expire(deal, 0);
        _record("expire, auction");
        repairs.burn();
        _record("burn, lost bonds");
        chain.revertToState(before);
        uint64 number = _seal(low, next - 1);
        _recordRepair(low, number, deal, "activate, repair of a sealed slot");
        repairs.refund(deal, 0, 0, low);
        vm.prank(low);
        repairs.withdraw(low);
        _record("withdraw, bond");
    }
}
