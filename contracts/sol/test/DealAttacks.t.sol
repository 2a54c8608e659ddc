// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {DealEvents} from "../src/DealEvents.sol";
import {Activation, Slot} from "../src/DealTypes.sol";
import {Verifier} from "../src/Verifier.sol";
import {Without} from "./support/MarketMutants.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev Ways to be paid for what was not proven, or to take what is not one's own. Each fails, and then succeeds against
/// contracts without the one defence, in the same storage.
contract DealAttacksTest is MarketWorld {
    function test_a_late_settlement_pays_nothing_behind_the_deals_end() public {
        _append(alice, 0);
        uint64 deal = _filledDeal(alice, 1, 1, 2, 3);
        for (uint64 p = 1; p <= 6; ++p) {
            _fullPeriod(alice, 0, p);
        }
        vm.assertEq(deals.dueOf(deal, 0), 3 * PRICE, "three periods");
        _dealsWithout(Without.DealEnd);
        vm.assertEq(deals.settle(deal, 0), 6 * PRICE, "out of the other slot's escrow");
    }

    function test_a_slot_filled_after_the_freeze_is_not_paid_for_a_proof_that_left_it_out() public {
        _append(alice, 0);
        _toRound(1);
        _post(1);
        uint64 deal = _filledDeal(alice, 1, 1, 1, 5);
        _proveWindow(alice, 0, 1);
        vm.assertEq(deals.dueOf(deal, 0), 0, "not its period");
        _dealsWithout(Without.FirstPeriod);
        vm.assertEq(deals.settle(deal, 0), PRICE, "paid for the period before");
    }

    function test_proofs_after_the_end_of_a_tree_are_not_paid() public {
        uint64 deal = _oneSlot(alice, 20);
        _idlePeriods(1, 4);
        collateral.terminate(alice, 0);
        _fullPeriod(alice, 0, 5);
        _fullPeriod(alice, 0, 6);
        vm.assertEq(deals.dueOf(deal, 0), 0, "ended with 4");
        _dealsWithout(Without.TreeEnd);
        vm.assertEq(deals.settle(deal, 0), 2 * PRICE, "as if nothing had been");
    }

    /// Tree 0 holds the paid sector and is lost; tree 1 is tiny.
    function test_a_tiny_tree_is_not_proven_in_place_of_the_paid_one() public {
        uint64 deal = _oneSlot(alice, 20);
        _append(alice, 1);
        _toRound(1);
        _post(1);
        bytes memory proof = _windowProof(alice, 1, 1);
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        sectors.proveWindow(alice, 0, 1, 0, proof);
        _proveWindow(alice, 1, 1);
        vm.assertEq(deals.dueOf(deal, 0), 0, "another tree");
        _afterDeadline(1);
        _report(alice, 0, 1);
        _dealsWithout(Without.OwnTree);
        vm.assertEq(deals.settle(deal, 0), PRICE, "paid for the tiny one");
    }

    /// The last sector is lost; when the round shows that a sample hits it, it is retired.
    function test_a_sector_is_not_retired_out_of_a_period_whose_round_is_known() public {
        _oneSlot(alice, 20);
        _append(alice, 0);
        _toRound(1);
        _post(1);
        _retire(alice, alice, 0, 2, 1, 2);
        (, uint32 count) = sectors.frozen(alice, 0, 1);
        vm.assertEq(count, 2, "still two");
        bytes memory proof = _prove(0, _shrunk(1));
        vm.expectRevert(Verifier.Verifier_ProofRefused.selector);
        sectors.proveWindow(alice, 0, 1, 0, proof);

        uint64 lost = _append(alice, 0);
        _sectorsWithout("MarketMutants.sol:LateSectors");
        _toRound(2);
        _post(2);
        _retire(alice, alice, 0, lost, 1, lost);
        proof = _prove(0, _shrunk(2));
        sectors.proveWindow(alice, 0, 2, 0, proof);
        vm.assertTrue(sectors.isProven(alice, 0, 2), "without the lost sector");
    }

    /// Inputs of a window proof over the newest root and one sector, as the attacker wishes them.
    function _shrunk(uint64 period) private view returns (uint256[] memory inputs) {
        inputs = new uint256[](3);
        inputs[0] = sectors.tree(alice, 0).pendingRoot;
        inputs[1] = sectors.windowSeed(alice, 0, period, 1, beacon.randomness(_roundOf(period)));
        inputs[2] = 1 + (uint256(1) << 64) + (uint256(LOG2_LEAVES) << 136);
    }

    function test_who_lost_a_slot_does_not_win_it_back_with_its_bounty() public {
        uint64 deal = _oneSlot(alice, 20);
        Slot[] memory slots = _slots(1, alice);
        _vacate(alice, deal, 0);
        rights.grant(deal, 0, alice);
        Activation memory a = _repairOf(deal, 0, slots);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotEligible.selector, deal, 0, alice));
        this.activate(alice, a);
        _dealsWithout(Without.Eligibility);
        this.activate(alice, a);
        vm.assertEq(collateral.bountyOf(alice), REPAIR_PART / 2, "paid for its own failure");
    }

    /// Bob holds slot 1 and wants slot 0 too: two pieces with one provider.
    function test_who_holds_a_sibling_does_not_gather_the_deal() public {
        (uint64 deal, Slot[] memory slots) = _sharedDeal(1, 20);
        _vacate(alice, deal, 0);
        rights.grant(deal, 0, bob);
        Activation memory a = _repairOf(deal, 0, slots);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_NotEligible.selector, deal, 0, bob));
        this.activate(bob, a);
        _dealsWithout(Without.Eligibility);
        this.activate(bob, a);
        vm.assertEq(_slot(deal, 0).provider, _slot(deal, 1).provider, "one provider, two slots");
    }

    function activate(address provider, Activation memory a) external {
        _activateOne(provider, 1, a);
    }
}
