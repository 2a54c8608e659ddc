// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Activation, Deal, NewDeal, Slot, SlotState, SlotStatus} from "../../src/DealTypes.sol";
import {Actors} from "./Actors.sol";

/// @dev What clients and providers do, and how time passes. Arguments are drawn so that many calls go well and some do not.
abstract contract Actions is Actors {
    // Clients (one owner for all)

    function _openSome() internal {
        if (deals.lastDeal() >= MOST_DEALS) return;
        uint256 n = _draw(3) + 1;
        uint32 periods = _draw(4) == 0 ? 100_000 : uint32(_draw(12) + 1);
        NewDeal memory d = _newDeal(n, alice, periods, uint32(_draw(periods) + 1));
        for (uint256 i = 0; i < n; ++i) {
            d.slots[i].provider = _anyProvider();
        }
        d.k = uint16(_draw(n) + 1);
        d.pricePerSlotPeriod = _draw(8) == 0 ? uint128(_draw(2)) : uint128(_draw(2000) + 1);
        _remember(_open(d), d.slots);
        ++succeeded["open"];
    }

    function _cancel() internal {
        _try("cancel", owner, address(deals), abi.encodeCall(deals.cancel, (_anyDeal())));
    }

    function _endEarly() internal {
        _try("endEarly", owner, address(deals), abi.encodeCall(deals.endEarly, (_anyDeal())));
    }

    function _extendSome() internal {
        uint64 deal = _anyDeal();
        if (deal == 0) return;
        bytes memory call =
            abi.encodeCall(deals.extend, (deal, uint32(_draw(5) + 1), _slotsOfDeal(deal), _noPermit()));
        _try("extend", owner, address(deals), call);
    }

    function _cashIn() internal {
        address who = _draw(2) == 0 ? owner : _anyProvider();
        _try("cash in", who, address(deals), abi.encodeCall(deals.withdraw, (who)));
    }

    // Providers

    function _appendSome() internal {
        (address provider, uint32 tree) = (_anyProvider(), _anyTree());
        if (places[provider][tree].length >= MOST_SECTORS) return;
        places[provider][tree].push(_append(provider, tree));
        ++succeeded["append"];
    }

    function _retireSome() internal {
        (address provider, uint32 tree) = (_anyProvider(), _anyTree());
        uint64[] storage numbers = places[provider][tree];
        if (numbers.length == 0) return;
        uint256 index = _draw(numbers.length);
        uint64 number = numbers[index];
        if (sectors.sector(provider, number).liveSlots != 0) return;
        uint64 moved = numbers[numbers.length - 1];
        _retire(provider, provider, tree, number, uint32(index), moved);
        numbers[index] = moved;
        numbers.pop();
        ++succeeded["retire"];
    }

    function _fillSome() internal {
        (bool found, uint64 deal, uint8 slot,) = _slotThatIs(SlotStatus.Empty);
        if (!found) return;
        Slot[] memory slots = _slotsOfDeal(deal);
        address provider = slots[slot].provider;
        uint64 number = _anySector(provider, _anyTree());
        _tryActivate("fill", provider, number, _activation(deal, slot, slots, 0));
    }

    function _repairSome() internal {
        (bool found, uint64 deal, uint8 slot, SlotState memory s) = _slotThatIs(SlotStatus.Freed);
        if (!found) return;
        address provider = _anyProvider();
        rights.grant(deal, slot, provider);
        Activation memory a = _repairOf(deal, slot, _slotsOfDeal(deal));
        if (s.commP == 0) a.commP = _draw(1000) + 1;
        _tryActivate("repair", provider, _anySector(provider, _anyTree()), a);
    }

    function _tryActivate(bytes32 action, address provider, uint64 number, Activation memory a) private {
        Activation[] memory all = new Activation[](1);
        all[0] = a;
        bytes memory proof = _prove(3, _includeInputs(number, all));
        _try(action, provider, address(deals), abi.encodeCall(deals.activate, (number, all, proof)));
    }

    function _vacateSome() internal {
        (bool found, uint64 deal, uint8 slot, SlotState memory s) = _slotThatIs(SlotStatus.Filled);
        if (!found || s.provider == dave) return;
        _try("vacate", s.provider, address(deals), abi.encodeCall(deals.vacate, (deal, slot)));
    }

    function _proveSome() internal {
        if (!atRound || !posted[period]) return;
        for (uint256 i = 0; i < 3 * TREES; ++i) {
            if (_draw(3) != 0) _proveOne(staked[i / TREES], uint32(i % TREES));
        }
    }

    function _proveOne(address provider, uint32 tree) private {
        if (sectors.isProven(provider, tree, period) || sectors.countAt(provider, tree, period) == 0) return;
        uint8 skips = _draw(3) == 0 ? uint8(_draw(9)) : 0;
        uint256[] memory inputs = _windowInputs(provider, tree, period);
        inputs[2] += uint256(skips) << 208;
        bytes memory call =
            abi.encodeCall(sectors.proveWindow, (provider, tree, period, skips, _prove(0, inputs)));
        bytes32 action = skips == 0 ? bytes32("prove") : bytes32("prove skipping");
        if (_try(action, provider, address(sectors), call)) provenPeriods[provider][tree].push(period);
    }

    function _depositSome() internal {
        address provider = _rogue();
        bytes memory call = abi.encodeCall(collateral.deposit, (provider, _draw(2 * STAKE), _noPermit()));
        _try("deposit", provider, address(collateral), call);
    }

    function _askBack() internal {
        address provider = _rogue();
        uint256 amount = _draw(2) == 0 ? _draw(STAKE) : collateral.freeOf(provider);
        bytes memory call = abi.encodeCall(collateral.requestWithdraw, (amount));
        if (!_try("ask back", provider, address(collateral), call)) return;
        (askedAt[provider], leastFree[provider]) = (clock, _unlocked(provider));
    }

    function _takeBack() internal {
        address provider = _rogue();
        uint256 total = _total(provider);
        bytes memory call = abi.encodeCall(collateral.withdraw, (provider));
        if (!_try("take back", provider, address(collateral), call)) return;
        vm.assertTrue(clock >= askedAt[provider] + DELAY, "money waited");
        vm.assertLe(total - _total(provider), leastFree[provider], "and was free all the time");
        uint256 locked = uint256(_account(provider).faultLocked) + _account(provider).repairLocked;
        vm.assertLe(locked, _total(provider), "what is exposed stays");
    }

    function _announceSome() internal {
        uint64 first = sectors.openPeriod(clock) + uint64(_draw(3)) + 2;
        bytes memory call =
            abi.encodeCall(collateral.announceMaintenance, (_anyTree(), first, uint32(_draw(3) + 1)));
        _try("announce", _rogue(), address(collateral), call);
    }

    function _declareSome() internal {
        bytes memory call = abi.encodeCall(collateral.declareFault, (_anyTree(), uint32(_draw(6) + 1)));
        _try("declare", _rogue(), address(collateral), call);
    }

    // Time

    function _passTime() internal {
        uint256 kind = _draw(24);
        if (kind == 0) _jump(DELAY + 1);
        else if (kind == 1) _jumpAndLose();
        else if (kind <= 4) _idleOnes(3);
        else _nextMoment(_draw(6) != 0);
    }

    /// So long that a deal with too few slots is lost; somebody looks for one.
    function _jumpAndLose() private {
        _jump(14 days);
        vm.warp(clock);
        _loseSome();
    }

    function _loseSome() internal {
        uint64 deal = _anyDeal();
        for (uint64 id = 1; id <= deals.lastDeal(); ++id) {
            if (deals.deal(id).scarceSince != 0) deal = id;
        }
        _try("lost", STRANGER, address(deals), abi.encodeCall(deals.endLost, (deal)));
    }

    function _nextMoment(bool post) private {
        if (atRound) {
            (clock, atRound) = (_roundTime(period) + DUE + 1, false);
            ++period;
        } else {
            (clock, atRound) = (_roundTime(period), true);
            vm.warp(clock);
            if (post) _postAndHonest();
            else ++succeeded["void"];
        }
    }

    /// Periods that the beacon counts and only dave proves.
    function _idleOnes(uint256 number) private {
        if (atRound) _nextMoment(false);
        for (uint256 i = 0; i < number; ++i) {
            _nextMoment(true);
            _nextMoment(false);
        }
    }

    function _jump(uint64 time) private {
        if (atRound) _nextMoment(false);
        clock += time;
        period = sectors.openPeriod(clock);
        ++succeeded["jump"];
    }

    function _postAndHonest() private {
        _post(period);
        posted[period] = true;
        for (uint32 tree = 0; tree < TREES; ++tree) {
            if (sectors.countAt(dave, tree, period) == 0) continue;
            _proveWindow(dave, tree, period);
            provenPeriods[dave][tree].push(period);
            ++succeeded["honest proof"];
        }
    }
}
