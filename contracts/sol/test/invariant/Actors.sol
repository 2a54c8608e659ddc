// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Account, CollateralTerms} from "../../src/CollateralTypes.sol";
import {Deal, Slot, SlotState, SlotStatus} from "../../src/DealTypes.sol";
import {MarketWorld} from "../support/MarketWorld.sol";

/// @dev Who acts in the random market, what is drawn, and what is remembered beside the contracts (ghosts): the periods
/// proven and posted, the sectors by place, and how much of each provider's money was free since it asked some back.
/// Dave proves every period that the beacon counts and is never accused; the others do as the dice fall.
abstract contract Actors is MarketWorld {
    uint64 internal constant MOST_DEALS = 10;
    uint256 internal constant MOST_SECTORS = 6;
    uint32 internal constant TREES = 2;

    address internal dave;
    address[4] internal staked;
    /// The moment of the market; every action begins by going there.
    uint64 internal clock;
    /// The period that runs (atRound: its round has come, its deadline has not) or comes next.
    uint64 internal period;
    bool internal atRound;
    uint256 private _seed;

    /// How often an action succeeded.
    mapping(bytes32 action => uint256 times) public succeeded;
    mapping(uint64 period => bool yes) internal posted;
    mapping(address provider => mapping(uint32 tree => uint64[] periods)) internal provenPeriods;
    mapping(address provider => mapping(uint32 tree => uint64[] numbers)) internal places;
    mapping(uint64 deal => bytes encoded) private _slotsOf;
    mapping(address provider => uint64 time) internal askedAt;
    mapping(address provider => uint256 amount) internal leastFree;

    function setUp() public override {
        super.setUp();
        dave = vm.addr(0xda7e);
        vm.prank(dave);
        providers.register("dave.example:4433", bytes32("dave"), dave, 0);
        staked = [alice, bob, carol, dave];
        for (uint256 i = 0; i < 4; ++i) {
            token.mint(staked[i], 20 * STAKE);
            vm.prank(staked[i]);
            token.approve(address(collateral), type(uint256).max);
            _stake(staked[i], i == 3 ? 5 * STAKE : STAKE); // the others are soon short of money
        }
        (clock, period) = (uint64(block.timestamp), 1);
    }

    function _collateralTerms() internal pure override returns (CollateralTerms memory) {
        return CollateralTerms(FAULT, REPAIR, 3, 5000, DELAY, 3, 12, 2, 6);
    }

    function _begin(uint256 seed) internal {
        _seed = seed;
        vm.warp(clock);
    }

    function _draw(uint256 size) internal returns (uint256) {
        _seed = uint256(keccak256(abi.encode(_seed)));
        return _seed % size;
    }

    /// Calls `target` as `caller`, and counts under `action` when it goes well. A refusal must be one of ours: a panic is
    /// a hole in the arithmetic.
    function _try(bytes32 action, address caller, address target, bytes memory call) internal returns (bool ok) {
        bytes memory got;
        vm.prank(caller);
        (ok, got) = target.call(call);
        if (ok) ++succeeded[action];
        else vm.assertTrue(got.length >= 4 && bytes4(got) != 0x4e487b71, "a call panicked");
    }

    // Choices

    function _anyProvider() internal returns (address) {
        return staked[_draw(4)];
    }

    /// Somebody who is not dave.
    function _rogue() internal returns (address) {
        return staked[_draw(3)];
    }

    function _anyTree() internal returns (uint32) {
        return _draw(4) == 0 ? 1 : 0;
    }

    function _anyDeal() internal returns (uint64) {
        uint64 last = deals.lastDeal();
        return last == 0 ? 0 : uint64(_draw(last) + 1);
    }

    /// A slot with this status, if some of a few draws finds one.
    function _slotThatIs(SlotStatus status) internal returns (bool found, uint64 deal, uint8 slot, SlotState memory s) {
        for (uint256 i = 0; i < 12 && !found; ++i) {
            deal = _anyDeal();
            if (deal == 0) break;
            slot = uint8(_draw(deals.deal(deal).n));
            s = deals.slotState(deal, slot);
            found = s.status == status;
        }
    }

    /// A sector of the provider's, appended when the tree has none.
    function _anySector(address provider, uint32 tree) internal returns (uint64) {
        uint64[] storage numbers = places[provider][tree];
        if (numbers.length == 0) numbers.push(_append(provider, tree));
        return numbers[_draw(numbers.length)];
    }

    // Ghosts

    function _remember(uint64 deal, Slot[] memory slots) internal {
        _slotsOf[deal] = abi.encode(slots);
    }

    function _slotsOfDeal(uint64 deal) internal view returns (Slot[] memory) {
        return abi.decode(_slotsOf[deal], (Slot[]));
    }

    /// After every action: what was asked back is at most what has been free ever since.
    function _note() internal {
        for (uint256 i = 0; i < 4; ++i) {
            uint256 free = _unlocked(staked[i]);
            if (free < leastFree[staked[i]]) leastFree[staked[i]] = free;
        }
    }

    /// What answers for no slot.
    function _unlocked(address provider) internal view returns (uint256) {
        Account memory a = collateral.account(provider);
        uint256 locked = uint256(a.faultLocked) + a.repairLocked;
        return a.total > locked ? a.total - locked : 0;
    }

    /// Last period that is paid of a filled slot.
    function _lastPaid(Deal memory d, SlotState memory s) internal view returns (uint64 last) {
        last = d.startPeriod + d.periods - 1;
        uint64 ended = collateral.terminatedAt(s.provider, s.tree);
        if (ended != 0 && ended < last) last = ended;
    }

    /// Proven periods first..last of a tree by the ghosts.
    function _provenBetween(address provider, uint32 tree, uint64 first, uint64 last) internal view returns (uint256 n) {
        uint64[] storage all = provenPeriods[provider][tree];
        for (uint256 i = 0; i < all.length; ++i) {
            if (all[i] >= first && all[i] <= last) ++n;
        }
    }
}
