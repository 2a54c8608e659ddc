// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Activation, NewDeal, Slot} from "../src/DealTypes.sol";
import {RealWorld} from "./support/RealWorld.sol";

/// @dev What each call costs as a transaction of its own (profile `gas` isolates them), the real verifier included.
/// `snapshots/` holds the figures; docs/bench/contracts.md shows them.
contract GasTest is RealWorld {
    /// Whole-transaction bound of a window proof.
    uint256 private constant WINDOW_LIMIT = 300_000;

    function _record(string memory name) private returns (uint256) {
        return vm.snapshotGasLastCall("contracts", name);
    }

    /// Gives alice's tree `count` sectors without appending them. Tree slots: `_trees` is slot 0 of Sectors.
    function _plant(uint32 count) private {
        bytes32 place = keccak256(abi.encode(alice, uint256(0)));
        place = keccak256(abi.encode(uint256(0), place));
        vm.store(address(sectors), bytes32(uint256(place) + 1), bytes32(_rootNumber(alice, 7)));
        bytes32 counts = bytes32(uint256(place) + 2);
        uint256 packed = uint256(vm.load(address(sectors), counts)) & ~(uint256(type(uint32).max) << 32);
        vm.store(address(sectors), counts, bytes32(packed | (uint256(count) << 32)));
        (uint256 root, uint32 got) = sectors.frozen(alice, 0, sectors.openPeriod(uint64(block.timestamp)));
        vm.assertTrue(root == _rootNumber(alice, 7) && got == count, "planted");
    }

    function _proveAndRecord(uint64 period, string memory name) private {
        _toRound(period);
        _post(period);
        bytes memory proof = _windowProof(alice, 0, period);
        sectors.proveWindow(alice, 0, period, 0, proof);
        vm.assertLe(_record(name), WINDOW_LIMIT, "a window proof is at most 300k gas");
    }

    function test_gas_of_window_proofs_does_not_depend_on_what_is_stored() public {
        _append(alice, 0);
        _proveAndRecord(1, "proveWindow, 1 sector, first of a tree");
        _proveAndRecord(2, "proveWindow, 1 sector, following period");
        _proveAndRecord(4, "proveWindow, 1 sector, after a gap");
        for (uint256 i = 1; i < 100; ++i) {
            _append(alice, 0);
        }
        _proveAndRecord(5, "proveWindow, 100 sectors, following period");
        _proveAndRecord(7, "proveWindow, 100 sectors, after a gap");
        _plant(4096);
        _proveAndRecord(8, "proveWindow, 4096 sectors, following period");
        _proveAndRecord(10, "proveWindow, 4096 sectors, after a gap");
    }

    function test_gas_of_posting_rounds() public {
        for (uint64 p = 1; p <= 2; ++p) {
            _toRound(p);
            bytes memory signature = _signature(p);
            beacon.postRound(_roundOf(p), signature);
            _record(p == 1 ? "postRound, first of a run" : "postRound, following period");
        }
        beacon.postRound(_roundOf(2), "");
        _record("postRound, known already");
    }

    function test_gas_of_sectors() public {
        for (uint64 number = 1; number <= 3; ++number) {
            bytes memory proof = _prove(1, _appendInputs(alice, 0, _rootNumber(alice, number), number));
            vm.prank(alice);
            sectors.append(0, _rootNumber(alice, number), _commD(number), _commD(number) + 1, 0, proof);
            if (number == 1) _record("append, first of a tree");
            if (number == 2) _record("append, same period");
            if (number == 2) vm.warp(_roundTime(1));
            if (number == 3) _record("append, later period");
        }
        uint256[] memory inputs = new uint256[](3);
        (inputs[0], inputs[1]) = (_rootNumber(alice, 3), 55);
        inputs[2] = 3 + (uint256(1) << 64) + (uint256(3) << 128);
        bytes memory retirement = _prove(2, inputs);
        vm.prank(alice);
        sectors.retire(alice, 0, 1, 0, 3, 55, retirement);
        _record("retire");
    }

    function test_gas_of_deals() public {
        uint256[4] memory sizes = [uint256(1), 8, 30, 256];
        string[4] memory names = ["openMany, 1 slot", "openMany, 8 slots", "openMany, 30 slots", "openMany, 256 slots"];
        for (uint256 i = 0; i < 4; ++i) {
            _open(_newDeal(sizes[i], alice, 4, 2));
            _record(names[i]);
        }
        NewDeal[] memory ten = new NewDeal[](10);
        for (uint256 i = 0; i < 10; ++i) {
            ten[i] = _newDeal(8, alice, 4, 2);
        }
        vm.prank(owner);
        deals.openMany(ten, _noPermit());
        _record("openMany, 10 deals of 8 slots");

        uint64 number = _append(alice, 0);
        Slot[] memory slots = _slots(8, alice);
        _activateOne(alice, number, _activation(2, 0, slots, 0));
        _record("activate, 1 slot of 8");
        Activation[] memory all = new Activation[](2);
        (all[0], all[1]) = (_activation(2, 1, slots, 64), _activation(2, 2, slots, 128));
        _activate(alice, number, all);
        _record("activate, 2 slots of 8");

        _fullPeriod(alice, 0, 1);
        deals.settle(2, 0);
        _record("settle, first");
        _fullPeriod(alice, 0, 2);
        deals.settle(2, 0);
        _record("settle, following");
        vm.prank(alice);
        deals.withdraw(alice);
        _record("withdraw");
        _afterDeadline(4);
        deals.close(2, 0);
        _record("close, filled slot");
        deals.close(2, 7);
        _record("close, empty slot");
        vm.prank(owner);
        deals.cancel(1);
        _record("cancel");
    }

    /// Settlement after many gaps in the proofs: only the binary search grows.
    function test_gas_of_settlement_after_a_year_of_gaps() public {
        Slot[] memory slots = _slots(1, alice);
        uint64 deal = _open(_newDeal(1, alice, 40_000, 1));
        _append(alice, 0);
        _activateOne(alice, 1, _activation(deal, 0, slots, 0));
        // 16,384 runs of one period each: every other period proven for 32,768 periods.
        bytes32 place = keccak256(abi.encode(alice, uint256(0)));
        place = keccak256(abi.encode(uint256(0), place));
        for (uint256 i = 0; i < 16_384; ++i) {
            bytes32 word = keccak256(abi.encode(i, uint256(place) + 3));
            uint256 period = 2 * i + 1;
            vm.store(address(sectors), word, bytes32(period | (period << 64) | (i << 128)));
        }
        uint256 packed = uint256(vm.load(address(sectors), bytes32(uint256(place) + 2)));
        vm.store(address(sectors), bytes32(uint256(place) + 2), bytes32(packed | (uint256(16_384) << 128)));
        vm.assertEq(sectors.provenBetween(alice, 0, 1, 40_000), 16_384, "planted");
        deals.settle(deal, 0);
        _record("settle, tree with 16,384 gaps");
    }

    function test_gas_of_providers() public {
        vm.prank(address(0x55));
        providers.register("provider.example:4433", "pin", address(0x55), 1);
        _record("register");
        vm.prank(address(0x55));
        providers.update("provider.example:4434", "pin2", address(0x55), 2);
        _record("update");
    }
}
