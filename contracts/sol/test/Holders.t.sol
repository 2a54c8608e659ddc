// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deal, Slot, SlotState, SlotStatus} from "../src/DealTypes.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev One slot that changes hands at random, against a loop that knows for each period who held the slot when the
/// period froze, whether that one's tree was proven while it still held it, and where its tree was ended.
contract HoldersTest is MarketWorld {
    uint64 private constant LAST = 26;

    uint64 private deal;
    uint64 private end;
    address private holder;
    uint64 private heldSince;
    mapping(address account => uint256 amount) private earned;
    mapping(address account => mapping(uint64 period => bool yes)) private proven;
    mapping(address account => uint64 period) private endedAt;

    /// forge-config: default.fuzz.runs = 64
    function testFuzz_every_holder_earns_what_a_naive_loop_says(uint256 seed) public {
        _append(alice, 0);
        _append(bob, 0);
        _append(carol, 0);
        _stake(alice, 1e9);
        _stake(bob, 1e9);
        _stake(carol, 1e9);
        uint32 periods = uint32(_bound(seed, 8, 22));
        deal = _filledDeal(alice, 1, 1, 1, periods);
        (holder, heldSince, end) = (alice, 1, periods);
        for (uint64 p = 1; p <= LAST; ++p) {
            seed = uint256(keccak256(abi.encode(seed)));
            _beforeFreeze(p);
            _change(seed, p);
            _toRound(p);
            if (seed % 6 != 0) _post(p);
            if (seed % 6 != 0) _proveSome(seed >> 8, p);
            if ((seed >> 32) % 3 == 0 && holder != address(0)) _settleAndCompare();
            if ((seed >> 40) % 7 == 0) _freeIfHeld((seed >> 41) % 2 == 0, p + 1); // inside the window of p
            _afterDeadline(p);
        }
        deals.close(deal, 0);
        _moveOut();
        uint256 all = earned[alice] + earned[bob] + earned[carol];
        _compare();
        vm.assertEq(deals.creditOf(owner) + all, uint256(PRICE) * periods, "the rest returns");
        vm.assertEq(deals.deal(deal).escrow, 0, "empty");
    }

    /// Before the freeze of `p`: the slot is freed, taken over, or its deal is ended early.
    function _change(uint256 seed, uint64 p) private {
        address[3] memory all = [alice, bob, carol];
        for (uint256 i = 0; i < 3; ++i) {
            if (endedAt[all[i]] == 0 && collateral.missesInARow(all[i], 0) >= 4 && collateral.payAt(all[i], 0, p) != 0) {
                collateral.terminate(all[i], 0);
                endedAt[all[i]] = p - 1;
            }
        }
        if (holder != address(0) && endedAt[holder] != 0) {
            deals.free(deal, 0);
            _moveOut();
        } else if ((seed >> 48) % 4 == 0) {
            _freeIfHeld((seed >> 49) % 2 == 0, p);
        }
        if ((seed >> 52) % 16 == 0 && p < end) {
            vm.prank(owner);
            deals.endEarly(deal);
            end = p;
        }
        SlotState memory s = _slot(deal, 0);
        if (s.status != SlotStatus.Freed || (seed >> 56) % 2 == 0 || p > end) return;
        address next = all[(seed >> 60) % 3];
        if (next == s.provider || endedAt[next] != 0) return;
        _repair(next, deal, 0, _slots(1, alice));
        (holder, heldSince) = (next, p);
    }

    function _freeIfHeld(bool itself, uint64 open) private {
        if (holder == address(0) || open > LAST) return;
        if (itself) {
            _vacate(holder, deal, 0);
        } else {
            vm.prank(CHALLENGES);
            deals.expel(deal, 0, false);
        }
        _moveOut();
    }

    function _proveSome(uint256 seed, uint64 p) private {
        address[3] memory all = [alice, bob, carol];
        for (uint256 i = 0; i < 3; ++i) {
            if ((seed >> (8 * i)) % 3 == 0) continue;
            _proveWindow(all[i], 0, p);
            proven[all[i]][p] = true;
        }
    }

    /// What the holder has earned in this tenure so far: a loop over its periods.
    function _tenure() private view returns (uint256 amount) {
        uint64 last = endedAt[holder] != 0 && endedAt[holder] < end ? endedAt[holder] : end;
        for (uint64 p = heldSince; p <= last && p <= LAST; ++p) {
            if (proven[holder][p]) amount += PRICE;
        }
    }

    function _moveOut() private {
        if (holder == address(0)) return;
        earned[holder] += _tenure();
        holder = address(0);
        _compare();
    }

    function _settleAndCompare() private {
        deals.settle(deal, 0);
        vm.assertEq(deals.creditOf(holder), earned[holder] + _tenure(), "settled");
        Deal memory d = deals.deal(deal);
        SlotState memory s = _slot(deal, 0);
        vm.assertEq(d.escrow, uint256(PRICE) * (d.periods - s.paidPeriods), "escrow holds the rest");
    }

    function _compare() private view {
        vm.assertEq(deals.creditOf(alice), earned[alice], "alice");
        vm.assertEq(deals.creditOf(bob), earned[bob], "bob");
        vm.assertEq(deals.creditOf(carol), earned[carol], "carol");
    }
}
