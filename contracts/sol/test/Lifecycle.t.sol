// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../src/Constants.sol";
import {Activation, NewDeal, SlotStatus} from "../src/DealTypes.sol";
import {Sectors} from "../src/Sectors.sol";
import {Verifier} from "../src/Verifier.sol";
import {RealWorld} from "./support/RealWorld.sol";
import {Trapdoor} from "./support/Trapdoor.sol";

/// @dev The whole life of a deal with the real verifier.
contract LifecycleTest is RealWorld {
    function test_a_deal_is_opened_filled_proven_paid_closed_and_its_sector_retired() public {
        NewDeal memory d = _newDeal(2, alice, 3, 2);
        uint64 deal = _open(d);
        uint64 number = _append(alice, 0);
        Activation[] memory all = new Activation[](2);
        (all[0], all[1]) = (_activation(deal, 0, d.slots, 0), _activation(deal, 1, d.slots, 64));
        _activate(alice, number, all);
        _fullPeriod(alice, 0, 1);
        _fullPeriod(alice, 0, 3);
        deals.settle(deal, 0);
        vm.prank(alice);
        deals.withdraw(alice);
        vm.assertEq(token.balanceOf(alice), 2 * PRICE, "two of three periods");
        _afterDeadline(3);
        deals.close(deal, 0);
        deals.close(deal, 1);
        vm.assertTrue(deals.slotState(deal, 1).status == SlotStatus.Closed, "closed");
        vm.assertEq(deals.creditOf(alice), 2 * PRICE, "the other slot");
        vm.assertEq(deals.creditOf(owner), 2 * PRICE, "refund of period 2");
        _retire(alice, alice, 0, number, 0, number);
        vm.assertEq(sectors.tree(alice, 0).pendingRoot, EMPTY_ROOT, "empty again");
    }

    function test_another_proof_of_the_same_window_changes_nothing() public {
        _append(alice, 0);
        _fullPeriod(alice, 0, 1);
        bytes memory other = Trapdoor.prove(0, _windowInputs(alice, 0, 1), 2);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_AlreadyProven.selector, alice, 0, 1));
        sectors.proveWindow(alice, 0, 1, 0, other);
        vm.assertEq(sectors.provenBetween(alice, 0, 1, 1), 1, "once");
    }

    function test_every_value_a_caller_chooses_is_refused_when_shifted_by_r() public {
        uint256 r = Constants.FR;
        uint256 root = _rootNumber(alice, 1);
        bytes memory proof = _prove(1, _appendInputs(alice, 0, root, 1));
        vm.startPrank(alice);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_InputOutOfField.selector, 1));
        sectors.append(0, root + r, _commD(1), _commD(1) + 1, 0, proof);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_InputOutOfField.selector, 2));
        sectors.append(0, root, _commD(1) + r, _commD(1) + 1, 0, proof);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_InputOutOfField.selector, 3));
        sectors.append(0, root, _commD(1), _commD(1) + 1 + r, 0, proof);
        sectors.append(0, root, _commD(1), _commD(1) + 1, 0, proof);
        uint256[] memory inputs = new uint256[](3);
        (inputs[0], inputs[1]) = (root, EMPTY_ROOT);
        inputs[2] = 1 + (uint256(1) << 64) + (uint256(1) << 128);
        bytes memory retirement = _prove(2, inputs);
        vm.expectRevert(abi.encodeWithSelector(Verifier.Verifier_InputOutOfField.selector, 1));
        sectors.retire(alice, 0, 1, 0, 1, EMPTY_ROOT + r, retirement);
        sectors.retire(alice, 0, 1, 0, 1, EMPTY_ROOT, retirement);
    }
}
