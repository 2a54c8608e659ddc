// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CollateralBook} from "../src/CollateralBook.sol";
import {Permit} from "../src/DealTypes.sol";
import {Sectors} from "../src/Sectors.sol";
import {Without} from "./support/MarketMutants.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev What a provider (or somebody in its way) may try against its collateral. Each attack fails, and then succeeds
/// against contracts without the one defence, in the same storage.
contract CollateralAttacksTest is MarketWorld {
    // Self-dealing

    /// Alice misses and reports herself.
    function test_slashing_oneself_is_no_profit() public {
        _oneSlot(alice, 20);
        _idlePeriods(1, 2);
        vm.prank(alice);
        collateral.reportMiss(alice, 0, 1);
        vm.assertEq(_total(alice) + collateral.bountyOf(alice), STAKE - MISS / 2, "half is lost");
        _collateralWithout(Without.BountyBelowSlash);
        vm.prank(alice);
        collateral.reportMiss(alice, 0, 2);
        vm.assertEq(_total(alice) + collateral.bountyOf(alice), STAKE, "the second made up for the first");
    }

    /// Alice and bob are one: she gives her slot up, he repairs it.
    function test_repairing_ones_own_slot_is_no_profit() public {
        uint64 deal = _oneSlot(alice, 20);
        _vacate(alice, deal, 0);
        _repair(bob, deal, 0, _slots(1, alice));
        uint256 both = _total(alice) + _total(bob) + collateral.bountyOf(bob);
        vm.assertEq(both, 2 * STAKE - REPAIR_PART / 2, "half of the repair part is lost");
        deal = _filledDeal(alice, 1, 1, 1, 20);
        _vacate(alice, deal, 0);
        _collateralWithout(Without.BountyHalf);
        _repair(bob, deal, 0, _slots(1, alice));
        both = _total(alice) + _total(bob) + collateral.bountyOf(bob);
        vm.assertEq(both, 2 * STAKE - REPAIR_PART / 2 - REPAIR_PART / 20, "all but nothing comes back");
    }

    /// Alice sells a slot, keeps nothing of it, proves while the samples miss the hole, and reports herself when they
    /// hit it. One sector of sixteen is gone, four samples are drawn.
    function test_a_bounty_of_half_makes_a_hole_in_the_data_a_loss() public {
        for (uint256 i = 0; i < 16; ++i) {
            _append(alice, 0);
        }
        _stake(alice, 1e9);
        uint64 deal = _filledDeal(alice, 1, 1, 1, 100);
        uint256 before = _total(alice);
        vm.assertTrue(_cheat(deal, 1, 40) < before, "a loss");
        _collateralWithout(Without.BountyHalf); // 95 in 100
        before = _wealth(alice);
        vm.assertTrue(_cheat(deal, 41, 80) > before, "a profit at the client's cost");
    }

    function _wealth(address provider) private view returns (uint256) {
        return _total(provider) + collateral.bountyOf(provider) + deals.creditOf(provider);
    }

    function _cheat(uint64 deal, uint64 first, uint64 last) private returns (uint256) {
        uint256 misses = 0;
        for (uint64 p = first; p <= last; ++p) {
            bool hit = false;
            for (uint256 i = 0; i < SAMPLES; ++i) {
                if (uint256(keccak256(abi.encode(p, i))) % 16 == 0) hit = true;
            }
            _toRound(p);
            _post(p);
            if (!hit) _proveWindow(alice, 0, p);
            _afterDeadline(p);
            if (!hit) continue;
            ++misses;
            vm.prank(alice);
            collateral.reportMiss(alice, 0, p);
        }
        vm.assertTrue(misses > 4 && misses < 20, "some periods are hit, most are not");
        deals.settle(deal, 0);
        return _wealth(alice);
    }

    // Money that leaves too early

    function test_collateral_does_not_leave_before_a_miss_is_reported() public {
        uint64 deal = _oneSlot(alice, 1);
        _idlePeriod(1);
        deals.close(deal, 0);
        _ask(alice, STAKE);
        vm.prank(alice);
        vm.expectPartialRevert(CollateralBook.Collateral_TooEarly.selector);
        collateral.withdraw(alice);
        _collateralWithout(Without.WithdrawDelay);
        _ask(alice, STAKE);
        vm.assertEq(_take(alice), STAKE, "all of it");
        _report(alice, 0, 1);
        vm.assertEq(collateral.bountyOf(HUNTER), 0, "nothing left for the miss");
    }

    function test_a_request_armed_long_ago_does_not_empty_the_account_before_a_miss_is_reported() public {
        _armedAndMissed();
        vm.assertEq(_take(alice), 2 * PARTS - 60 * PRICE, "what was free all the time");
        _report(alice, 0, _last());
        vm.assertEq(collateral.bountyOf(HUNTER), 40 * PRICE, "the last miss is paid for as the first");
    }

    function test_without_shrinking_requests_it_does() public {
        _collateralWithout(Without.ShrinkingRequest);
        _armedAndMissed();
        vm.assertEq(_take(alice), 2 * PARTS, "the slot's parts too");
        _report(alice, 0, _last());
        vm.assertEq(collateral.bountyOf(HUNTER), 30 * PRICE, "nothing left for the last miss");
    }

    /// Alice asks all that is free back and waits until it may leave; then three periods of 16 sectors are missed, at
    /// 20 prices each, two of them reported, a dispute lost at 20 more; then her slot ends.
    function _armedAndMissed() private {
        for (uint256 i = 0; i < 16; ++i) {
            _append(alice, 0);
        }
        _ask(alice, STAKE - PARTS);
        vm.warp(block.timestamp + DELAY);
        uint64 first = sectors.openPeriod(uint64(block.timestamp));
        uint64 deal = _filledDeal(alice, 1, 1, 1, 3);
        _idlePeriods(first, first + 2);

        _report(alice, 0, first);
        _report(alice, 0, first + 1);
        vm.prank(DISPUTES);
        collateral.slashSlot(alice, PRICE / 2, HUNTER);
        deals.close(deal, 0);
    }

    function _last() private view returns (uint64) {
        return sectors.lastClosedPeriod(uint64(block.timestamp));
    }

    // Windows

    function test_a_fault_is_not_declared_once_the_round_is_known() public {
        _oneSlot(alice, 40);
        _toRound(1);
        _post(1);
        vm.prank(alice);
        collateral.declareFault(0, 2);
        _afterDeadline(1);
        _report(alice, 0, 1);
        _idlePeriods(2, 3);
        _fullPeriod(alice, 0, 4);
        _collateralWithout(Without.FaultBeforeFreeze);
        _toRound(5);
        _post(5);
        vm.prank(alice);
        collateral.declareFault(0, 2);
        _afterDeadline(5);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NotMissed.selector, alice, 0, 5));
        collateral.reportMiss(alice, 0, 5);
    }

    /// A fault is declared while the tree earns nothing, then slots are filled.
    function test_a_fault_declared_for_nothing_covers_no_slots() public {
        _append(alice, 0);
        vm.prank(alice);
        collateral.declareFault(0, 6);
        vm.assertEq(_total(alice), STAKE, "for nothing");
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_Excused.selector, alice, 0, 1));
        this.fill();
        _collateralWithout(Without.FaultClosesTree);
        this.fill();
        _idlePeriod(1);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NotMissed.selector, alice, 0, 1));
        collateral.reportMiss(alice, 0, 1);
    }

    function fill() external {
        _filledDeal(alice, 1, 1, 3, 10);
    }

    function test_a_void_period_is_nobodys_miss() public {
        _oneSlot(alice, 20);
        _afterDeadline(1);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NotMissed.selector, alice, 0, 1));
        collateral.reportMiss(alice, 0, 1);
        _collateralWithout(Without.VoidPeriods);
        _report(alice, 0, 1);
        vm.assertEq(_total(alice), STAKE - MISS, "slashed for the beacon's silence");
    }

    // Skips

    /// Whoever can prove with skips (four samples, eight skips: no data at all) spends the provider's money.
    function test_a_stranger_does_not_spend_collateral_on_skips() public {
        _oneSlot(alice, 20);
        _toRound(1);
        _post(1);
        vm.expectRevert(abi.encodeWithSelector(Sectors.Sectors_SkipsRefused.selector, 4));
        this.skipAs(STRANGER);
        _sectorsWithout("MarketMutants.sol:SkippingSectors");
        this.skipAs(STRANGER);
        vm.assertEq(_total(alice), STAKE - 3 * PRICE, "burned by a stranger");
    }

    function skipAs(address caller) external {
        _proveSkipping(caller, alice, 0, 1, 4);
    }

    // Nothing left to lose

    function test_who_cannot_pay_for_a_miss_does_not_go_on_earning() public {
        uint64 deal = _poorAndMissed();
        vm.assertEq(deals.settle(deal, 0), 0, "not paid");
        deals.free(deal, 0);
        vm.assertEq(collateral.potOf(deal, 0), REPAIR_PART, "and out");
    }

    function test_without_the_end_of_the_unpaid_it_does() public {
        _collateralWithout(Without.EndOfTheUnpaid);
        uint64 deal = _poorAndMissed();
        vm.assertEq(deals.settle(deal, 0), 8 * PRICE, "three of four proven, never slashed again");
        vm.assertEq(_total(alice), REPAIR_PART, "nothing to lose");
    }

    /// Alice's fault part is gone; she proves three periods of four.
    function _poorAndMissed() private returns (uint64 deal) {
        deal = _oneSlot(alice, 20);
        vm.prank(DISPUTES);
        collateral.slashSlot(alice, uint128(STAKE), HUNTER);
        for (uint64 p = 1; p <= 11; ++p) {
            if (p % 4 != 1) _fullPeriod(alice, 0, p);
            else _idlePeriod(p);
            if (p % 4 == 1) this.tryReport(p);
        }
    }

    /// Behind the end of the tree there is no miss.
    function tryReport(uint64 period) external {
        vm.prank(HUNTER);
        try collateral.reportMiss(alice, 0, period) {} catch {}
    }

    function test_misses_do_not_eat_the_money_for_repairs() public {
        uint64 deal = _oneSlot(alice, 20);
        vm.prank(DISPUTES);
        collateral.slashSlot(alice, uint128(STAKE), HUNTER);
        _idlePeriods(1, 4);
        _report(alice, 0, 1);
        deals.free(deal, 0);
        vm.assertEq(collateral.potOf(deal, 0), REPAIR_PART, "there for the repair");
    }

    function test_without_an_untouched_repair_part_they_do() public {
        _oneSlot(alice, 20);
        _collateralWithout(Without.RepairPartUntouched);
        vm.prank(DISPUTES);
        collateral.slashSlot(alice, uint128(STAKE), HUNTER);
        vm.assertEq(_total(alice), 0, "nothing there for the repair");
    }

    // Permits

    function test_a_permit_used_by_somebody_else_does_not_stop_a_deposit() public {
        address payer = vm.addr(0x9a1d);
        token.mint(payer, 100);
        Permit memory permit = _permit(50);
        vm.prank(STRANGER);
        token.permit(payer, address(collateral), 50, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(payer);
        collateral.deposit(bob, 50, permit);
        _collateralWithout(Without.PermitCaught);
        permit = _permit(50);
        vm.prank(STRANGER);
        token.permit(payer, address(collateral), 50, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(payer);
        vm.expectRevert();
        collateral.deposit(bob, 50, permit);
    }

    function _permit(uint256 value) private view returns (Permit memory) {
        address payer = vm.addr(0x9a1d);
        uint256 deadline = block.timestamp + 100;
        bytes32 words = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                payer,
                address(collateral),
                value,
                token.nonces(payer),
                deadline
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), words));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(0x9a1d, digest);
        return Permit(value, deadline, v, r, s);
    }
}
