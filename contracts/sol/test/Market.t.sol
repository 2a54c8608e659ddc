// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Deal, NewDeal, Slot, SlotState, SlotStatus} from "../src/DealTypes.sol";
import {World} from "./support/World.sol";

/// @dev Random actions of an owner and two providers. After each one the books must add up:
///   tokens held = escrows + credits; a deal's escrow = what its open slots may still cost;
///   a sector's live slots = the filled slots that point to it; nobody has more than was proven for it.
contract MarketTest is World {
    uint256 private constant STEPS = 40;

    uint256 private seed;
    uint64 private period;
    uint256 private withdrawn;
    mapping(address => uint256) private provenPeriods;

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_the_books_add_up_after_every_action(uint256 seed_) public {
        seed = seed_;
        period = 1;
        _beforeFreeze(period);
        _append(alice, 0);
        _append(bob, 0);
        for (uint256 i = 0; i < STEPS; ++i) {
            _act();
            _check();
        }
    }

    function _draw(uint256 size) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % size;
    }

    function _someone() private returns (address) {
        return _draw(2) == 0 ? alice : bob;
    }

    function _act() private {
        uint256 action = _draw(9);
        if (action <= 1) _openRandom();
        if (action == 2 || action == 3) _fillRandom();
        if (action == 4 || action == 5) _nextPeriod();
        uint64 last = deals.lastDeal();
        if (last == 0) return;
        uint64 deal = uint64(_draw(last) + 1);
        uint8 slot = uint8(_draw(deals.deal(deal).n));
        if (action == 6) _try(address(0x77), abi.encodeCall(deals.settle, (deal, slot)));
        if (action == 7) _try(address(0x77), abi.encodeCall(deals.close, (deal, slot)));
        if (action == 8) {
            _try(owner, abi.encodeCall(deals.cancel, (deal)));
            address account = _draw(3) == 0 ? owner : _someone();
            uint256 credit = deals.creditOf(account);
            if (_try(account, abi.encodeCall(deals.withdraw, (address(0x99))))) withdrawn += credit;
        }
    }

    function _openRandom() private {
        NewDeal memory d = _newDeal(_draw(3) + 1, _someone(), uint32(_draw(4) + 1), 1);
        d.activationPeriods = uint32(_draw(d.periods) + 1);
        d.pricePerSlotPeriod = uint128(_draw(1e18));
        _open(d);
    }

    function _fillRandom() private {
        uint64 last = deals.lastDeal();
        if (last == 0) return;
        uint64 deal = uint64(_draw(last) + 1);
        Deal memory d = deals.deal(deal);
        uint8 slot = uint8(_draw(d.n));
        for (uint256 who = 0; who < 2; ++who) {
            address provider = who == 0 ? alice : bob;
            Slot[] memory slots = _slots(d.n, provider);
            if (keccak256(abi.encode(slots)) != d.slotsHash) continue;
            bool late = sectors.openPeriod(uint64(block.timestamp)) > d.startPeriod + d.activationPeriods - 1;
            bool open = !d.cancelled && !late && deals.slotState(deal, slot).status == SlotStatus.Empty;
            if (open) _activateOne(provider, 1, _activation(deal, slot, slots, 0));
        }
    }

    /// Round, proofs of some providers, deadline: some periods are void, some missed.
    function _nextPeriod() private {
        _toRound(period);
        if (_draw(5) != 0) {
            _post(period);
            if (_draw(4) != 0) _proveFor(alice);
            if (_draw(4) != 0) _proveFor(bob);
        }
        ++period;
        _beforeFreeze(period);
    }

    function _proveFor(address provider) private {
        _proveWindow(provider, 0, period);
        ++provenPeriods[provider];
    }

    function _try(address caller, bytes memory call) private returns (bool ok) {
        vm.prank(caller);
        (ok,) = address(deals).call(call);
    }

    function _check() private view {
        uint256 escrows = 0;
        uint256[2] memory live;
        for (uint64 id = 1; id <= deals.lastDeal(); ++id) {
            Deal memory d = deals.deal(id);
            escrows += d.escrow;
            uint256 open = 0;
            for (uint256 i = 0; i < d.n; ++i) {
                SlotState memory s = deals.slotState(id, uint8(i));
                if (s.status != SlotStatus.Closed) open += uint256(d.pricePerSlotPeriod) * (d.periods - s.paidPeriods);
                if (s.status == SlotStatus.Filled) ++live[s.provider == alice ? 0 : 1];
                if (s.provider != address(0)) {
                    vm.assertLe(s.paidPeriods, provenPeriods[s.provider], "paid only what was proven");
                }
            }
            vm.assertEq(d.escrow, d.cancelled ? 0 : open, "escrow is what open slots may still cost");
        }
        uint256 credits = deals.creditOf(owner) + deals.creditOf(alice) + deals.creditOf(bob);
        vm.assertEq(token.balanceOf(address(deals)), escrows + credits, "tokens held = escrows + credits");
        vm.assertEq(token.balanceOf(address(0x99)), withdrawn, "withdrawn");
        vm.assertEq(sectors.sector(alice, 1).liveSlots, live[0], "alice's live slots");
        vm.assertEq(sectors.sector(bob, 1).liveSlots, live[1], "bob's live slots");
    }
}
