// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Account} from "../../src/CollateralTypes.sol";
import {Deal, SlotState, SlotStatus} from "../../src/DealTypes.sol";
import {Without} from "../support/MarketMutants.sol";
import {Actions} from "./Actions.sol";

/// @dev The doors of the random market, what those do who keep it going, and what must hold after every action.
contract MarketHandler is Actions {
    /// Sums over the filled slots, entered while the deals are walked through.
    struct Sums {
        uint256 escrow;
        uint256 pots;
        uint256[4] fault;
        uint256[4] repair;
        uint256[4][2] pay;
        uint256[4] filled;
    }

    // Doors

    function client(uint256 seed) external {
        _begin(seed);
        uint256 what = _draw(8);
        if (what < 3) _openSome();
        else if (what == 3) _cancel();
        else if (what == 4) _endEarly();
        else if (what <= 6) _extendSome();
        else _cashIn();
        _note();
    }

    function provider(uint256 seed) external {
        _begin(seed);
        uint256 what = _draw(20);
        if (what < 2) _appendSome();
        else if (what == 2) _retireSome();
        else if (what < 8) _fillSome();
        else if (what < 11) _proveSome();
        else if (what == 11) _askBack();
        else if (what < 15) _repairSome();
        else if (what == 15) _vacateSome();
        else if (what == 16) _depositSome();
        else if (what == 17) _askBack();
        else if (what == 18) _takeBack();
        else if (_draw(2) == 0) _announceSome();
        else _declareSome();
        _note();
    }

    function keeper(uint256 seed) external {
        _begin(seed);
        uint256 what = _draw(12);
        if (what < 4) _reportSome();
        else if (what == 4) _terminateSome();
        else if (what == 5) _settleSome();
        else if (what == 6) _freeSome();
        else if (what < 9) _closeSome();
        else if (what == 9) _loseSome();
        else if (what == 10) _try("burn", STRANGER, address(collateral), abi.encodeCall(collateral.burn, ()));
        else _takeBounty();
        _note();
    }

    /// Challenges and Disputes accuse anybody but dave, who always answers.
    function power(uint256 seed) external {
        _begin(seed);
        (bool found, uint64 deal, uint8 slot, SlotState memory s) = _slotThatIs(SlotStatus.Filled);
        if (!found || s.provider == dave) return;
        uint256 what = _draw(6);
        if (what >= 4) {
            bytes memory call = abi.encodeCall(deals.setChallenged, (deal, slot, !s.challenged));
            _try("challenge", CHALLENGES, address(deals), call);
            return;
        }
        address who = what == 0 ? DISPUTES : CHALLENGES;
        if (what != 3) _try("expel", who, address(deals), abi.encodeCall(deals.expel, (deal, slot, what == 0)));
        uint128 price = deals.deal(deal).pricePerSlotPeriod * (_draw(3) == 0 ? 40 : 1); // of one slot or of many
        _try("slash", who, address(collateral), abi.encodeCall(collateral.slashSlot, (s.provider, price, HUNTER)));
        _note();
    }

    function time(uint256 seed) external {
        _begin(seed);
        _passTime();
    }

    /// One action of any kind.
    function step(uint256 seed) external {
        uint256 what = seed % 16;
        if (what < 3) this.client(seed);
        else if (what < 9) this.provider(seed);
        else if (what < 12) this.keeper(seed);
        else if (what == 12) this.power(seed);
        else this.time(seed);
    }

    function mutate(Without defence) external {
        if (uint8(defence) < uint8(Without.DealEnd)) _collateralWithout(defence);
        else _dealsWithout(defence);
    }

    /// What one who is owner, reporter and every provider but dave would own in all, wherever it lies.
    function purse() external view returns (uint256 sum) {
        address[5] memory all = [owner, alice, bob, carol, HUNTER];
        for (uint256 i = 0; i < all.length; ++i) {
            sum += token.balanceOf(all[i]) + _total(all[i]) + collateral.bountyOf(all[i]) + deals.creditOf(all[i]);
        }
        for (uint64 id = 1; id <= deals.lastDeal(); ++id) {
            sum += deals.deal(id).escrow;
        }
    }

    // Those who keep the market going

    function _reportSome() private {
        uint64 back = uint64(_draw(6)) + 1;
        if (period <= back) return;
        address whom = _anyProvider();
        bytes memory call = abi.encodeCall(collateral.reportMiss, (whom, _anyTree(), period - back));
        bool ok = _try("report", _draw(2) == 0 ? HUNTER : alice, address(collateral), call);
        vm.assertFalse(ok && whom == dave, "who proves everything misses nothing");
    }

    function _terminateSome() private {
        (address whom, uint32 tree) = (_anyProvider(), _anyTree());
        for (uint256 i = 0; i < 4; ++i) {
            if (collateral.missesInARow(staked[i], tree) < 3 || collateral.terminatedAt(staked[i], tree) != 0) continue;
            whom = staked[i];
        }
        bytes memory call = abi.encodeCall(collateral.terminate, (whom, tree));
        bool ok = _try("terminate", STRANGER, address(collateral), call);
        vm.assertFalse(ok && whom == dave, "nor is he ended");
    }

    function _settleSome() private {
        (bool found, uint64 deal, uint8 slot,) = _slotThatIs(SlotStatus.Filled);
        if (found) _try("settle", STRANGER, address(deals), abi.encodeCall(deals.settle, (deal, slot)));
    }

    /// Somebody looks for a slot of a tree that was ended; without one any filled slot has to do.
    function _freeSome() private {
        (bool found, uint64 deal, uint8 slot, SlotState memory s) = _slotThatIs(SlotStatus.Filled);
        for (uint256 i = 0; i < 8 && found && collateral.terminatedAt(s.provider, s.tree) == 0; ++i) {
            (found, deal, slot, s) = _slotThatIs(SlotStatus.Filled);
        }
        if (found) _try("free", STRANGER, address(deals), abi.encodeCall(deals.free, (deal, slot)));
    }

    function _closeSome() private {
        uint64 deal = _anyDeal();
        if (deal == 0) return;
        uint8 slot = uint8(_draw(deals.deal(deal).n));
        SlotStatus status = deals.slotState(deal, slot).status;
        bytes32 action = status == SlotStatus.Freed ? bytes32("close freed") : bytes32("close");
        _try(action, STRANGER, address(deals), abi.encodeCall(deals.close, (deal, slot)));
    }

    function _takeBounty() private {
        address who = _draw(2) == 0 ? HUNTER : _anyProvider();
        _try("take bounty", who, address(collateral), abi.encodeCall(collateral.withdrawBounty, (who)));
    }

    // What must hold

    function check() external {
        vm.warp(clock);
        Sums memory sums;
        for (uint64 id = 1; id <= deals.lastDeal(); ++id) {
            _checkDeal(id, sums);
        }
        uint256 held = sums.pots + collateral.bountyOf(HUNTER) + collateral.bountyOf(owner) + collateral.unburned();
        uint256 credits = deals.creditOf(owner) + deals.creditOf(HUNTER);
        for (uint256 i = 0; i < 4; ++i) {
            _checkAccount(i, sums);
            held += _total(staked[i]) + collateral.bountyOf(staked[i]);
            credits += deals.creditOf(staked[i]);
        }
        vm.assertEq(sums.pots, collateral.pots(), "pots are the repair parts of freed slots");
        vm.assertEq(token.balanceOf(address(collateral)), held, "collateral = totals + pots + bounties + unburned");
        vm.assertEq(token.balanceOf(address(deals)), sums.escrow + credits, "deals = escrows + credits");
        vm.assertEq(_total(dave), 5 * STAKE, "who proves everything loses nothing");
    }

    function _checkDeal(uint64 id, Sums memory sums) private view {
        Deal memory d = deals.deal(id);
        uint256 escrow = 0;
        uint256 live = 0;
        uint256 closed = 0;
        for (uint8 i = 0; i < d.n; ++i) {
            SlotState memory s = deals.slotState(id, i);
            vm.assertLe(s.paidPeriods, d.periods, "a slot never costs more than its escrow");
            uint256 pot = collateral.potOf(id, i);
            sums.pots += pot;
            if (s.status == SlotStatus.Closed) ++closed;
            else escrow += uint256(d.pricePerSlotPeriod) * (d.periods - s.paidPeriods);
            if (s.status == SlotStatus.Freed) {
                vm.assertEq(pot, uint256(REPAIR) * d.pricePerSlotPeriod, "a freed slot has its repair part");
            } else {
                vm.assertEq(pot, 0, "and no other slot has");
            }
            if (s.status == SlotStatus.Filled) {
                ++live;
                _checkFilled(id, i, d, s, sums);
            }
        }
        vm.assertEq(d.escrow, d.cancelled ? 0 : escrow, "escrow is what slots not closed may still cost");
        vm.assertEq(d.live, live, "live");
        vm.assertEq(d.closed, closed, "closed");
        if (d.scarceSince != 0) vm.assertTrue(d.live < d.k, "only a scarce deal is scarce");
        sums.escrow += d.escrow;
    }

    function _checkFilled(uint64 id, uint8 slot, Deal memory d, SlotState memory s, Sums memory sums) private view {
        uint256 proven = _provenBetween(s.provider, s.tree, s.firstPeriod, _lastPaid(d, s));
        uint256 due = uint256(d.pricePerSlotPeriod) * (proven - (s.paidPeriods - s.paidBefore));
        vm.assertEq(deals.dueOf(id, slot), due, "paid is exactly what was proven and counted");
        uint256 who = s.provider == alice ? 0 : s.provider == bob ? 1 : s.provider == carol ? 2 : 3;
        vm.assertEq(s.provider, staked[who], "one of the four");
        sums.fault[who] += uint256(FAULT) * d.pricePerSlotPeriod;
        sums.repair[who] += uint256(REPAIR) * d.pricePerSlotPeriod;
        sums.pay[s.tree][who] += d.pricePerSlotPeriod;
        sums.filled[who] += 1;
    }

    function _checkAccount(uint256 who, Sums memory sums) private view {
        address one = staked[who];
        Account memory a = collateral.account(one);
        vm.assertEq(a.faultLocked, sums.fault[who], "fault parts of the filled slots");
        vm.assertEq(a.repairLocked, sums.repair[who], "repair parts of the filled slots");
        vm.assertLe(a.repairLocked, a.total, "the repair parts are there");
        uint256 bound = uint256(a.faultLocked) + a.repairLocked + a.withdrawing;
        vm.assertTrue(a.withdrawing == 0 || bound <= a.total, "what was asked back is free");
        uint256 live = 0;
        for (uint32 tree = 0; tree < TREES; ++tree) {
            uint256 pay = collateral.payAt(one, tree, type(uint64).max);
            vm.assertEq(pay, sums.pay[tree][who], "pay of the filled slots");
            uint64[] storage numbers = places[one][tree];
            vm.assertEq(sectors.countAt(one, tree, type(uint64).max), numbers.length, "sectors");
            for (uint256 i = 0; i < numbers.length; ++i) {
                live += sectors.sector(one, numbers[i]).liveSlots;
            }
        }
        vm.assertEq(live, sums.filled[who], "one live slot for each filled one");
    }
}
