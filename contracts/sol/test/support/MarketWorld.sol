// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Account, CollateralTerms} from "../../src/CollateralTypes.sol";
import {Activation, NewDeal, Slot, SlotState} from "../../src/DealTypes.sol";
import {Without} from "./MarketMutants.sol";
import {ScriptedRights} from "./ScriptedRights.sol";
import {World} from "./World.sol";

/// @dev A world in which providers stake money: terms of the size a deployment has, three providers with collateral, a
/// reporter, and accounts that stand for Challenges and Disputes. A slot of price P locks 40 P + 20 P; a miss of a tree of
/// up to four sectors costs 5 P.
abstract contract MarketWorld is World {
    uint32 internal constant FAULT = 40;
    uint32 internal constant REPAIR = 20;
    uint64 internal constant DELAY = 7 days;
    /// What one slot of PRICE locks.
    uint256 internal constant FAULT_PART = uint256(FAULT) * PRICE;
    uint256 internal constant REPAIR_PART = uint256(REPAIR) * PRICE;
    uint256 internal constant PARTS = FAULT_PART + REPAIR_PART;
    uint256 internal constant MISS = 5 * uint256(PRICE);
    uint256 internal constant STAKE = 3 * PARTS;
    uint256 internal constant CAROL_KEY = 0xca501;
    address internal constant CHALLENGES = address(0xc4a1);
    address internal constant DISPUTES = address(0xd15b);
    address internal constant HUNTER = address(0x4275);
    address internal constant STRANGER = address(0x5713);
    address internal constant BURNT = address(0xdEaD);

    ScriptedRights internal rights;
    address internal carol;

    function setUp() public virtual override {
        super.setUp();
        carol = vm.addr(CAROL_KEY);
        vm.prank(carol);
        providers.register("carol.example:4433", bytes32("carol"), carol, 0);
        _stake(alice, STAKE);
        _stake(bob, STAKE);
        _stake(carol, STAKE);
    }

    function _collateralTerms() internal pure virtual override returns (CollateralTerms memory) {
        return CollateralTerms(FAULT, REPAIR, 4, 5000, DELAY, 5, 50, 2, 6);
    }

    function _bindMarket() internal virtual override {
        rights = ScriptedRights(_deploy("ScriptedRights.sol:ScriptedRights", ""));
        collateral.bind(address(deals), CHALLENGES, DISPUTES);
        deals.bind(rights, CHALLENGES, DISPUTES);
    }

    // Mutants

    /// From now on Collateral (in the same storage) does without one defence.
    function _collateralWithout(Without defence) internal {
        bytes memory arguments = abi.encode(token, sectors, _collateralTerms(), defence);
        vm.etch(address(collateral), _deploy("MarketMutants.sol:MutantCollateral", arguments).code);
    }

    function _dealsWithout(Without defence) internal {
        bytes memory arguments = abi.encode(token, providers, sectors, collateral, defence);
        vm.etch(address(deals), _deploy("MarketMutants.sol:MutantDeals", arguments).code);
    }

    function _sectorsWithout(string memory artifact) internal {
        vm.etch(address(sectors), address(_newSectors(artifact)).code);
    }

    // Collateral

    function _stake(address provider, uint256 amount) internal {
        token.mint(address(this), amount);
        token.approve(address(collateral), amount);
        collateral.deposit(provider, amount, _noPermit());
    }

    function _account(address provider) internal view returns (Account memory) {
        return collateral.account(provider);
    }

    function _total(address provider) internal view returns (uint256) {
        return collateral.account(provider).total;
    }

    function _ask(address provider, uint256 amount) internal {
        vm.prank(provider);
        collateral.requestWithdraw(amount);
    }

    function _take(address provider) internal returns (uint256) {
        vm.prank(provider);
        return collateral.withdraw(provider);
    }

    function _report(address provider, uint32 tree, uint64 period) internal {
        vm.prank(HUNTER);
        collateral.reportMiss(provider, tree, period);
    }

    // Periods

    /// A period that the beacon counts and nobody proves; ends behind its deadline.
    function _idlePeriod(uint64 period) internal {
        _toRound(period);
        _post(period);
        _afterDeadline(period);
    }

    function _idlePeriods(uint64 first, uint64 last) internal {
        for (uint64 p = first; p <= last; ++p) {
            _idlePeriod(p);
        }
    }

    /// A window proof of the provider's that leaves `skips` samples out.
    function _proveSkipping(address caller, address provider, uint32 tree, uint64 period, uint8 skips) internal {
        uint256[] memory inputs = _windowInputs(provider, tree, period);
        inputs[2] += uint256(skips) << 208;
        bytes memory proof = _prove(0, inputs);
        vm.prank(caller);
        sectors.proveWindow(provider, tree, period, skips, proof);
    }

    // Deals

    /// A deal of `n` slots for `provider`, k of them needed, all filled by its sector `number`.
    function _filledDeal(address provider, uint64 number, uint16 k, uint256 n, uint32 periods)
        internal
        returns (uint64 deal)
    {
        NewDeal memory d = _newDeal(n, provider, periods, periods);
        d.k = k;
        deal = _open(d);
        for (uint8 i = 0; i < n; ++i) {
            _activateOne(provider, number, _activation(deal, i, d.slots, uint40(i) * 64));
        }
    }

    /// `provider` holds sector 1 of tree 0 with one filled slot of a deal over `periods` periods.
    function _oneSlot(address provider, uint32 periods) internal returns (uint64 deal) {
        if (sectors.lastNumber(provider) == 0) _append(provider, 0);
        return _filledDeal(provider, 1, 1, 1, periods);
    }

    /// A slot array with one slot for each provider.
    function _named(address first, address second, address third) internal pure returns (Slot[] memory slots) {
        slots = _slots(3, first);
        (slots[1].provider, slots[2].provider) = (second, third);
    }

    /// A deal of three slots, held by alice, bob and carol, each in its sector 1 of tree 0.
    function _sharedDeal(uint16 k, uint32 periods) internal returns (uint64 deal, Slot[] memory slots) {
        NewDeal memory d = _newDeal(3, alice, periods, periods);
        slots = _named(alice, bob, carol);
        (d.k, d.slots) = (k, slots);
        deal = _open(d);
        for (uint8 i = 0; i < 3; ++i) {
            address provider = slots[i].provider;
            if (sectors.lastNumber(provider) == 0) _append(provider, 0);
            _activateOne(provider, 1, _activation(deal, i, slots, 0));
        }
    }

    /// What a repairer sends: the lost piece, no acceptance.
    function _repairOf(uint64 deal, uint8 slot, Slot[] memory slots) internal pure returns (Activation memory) {
        return Activation(deal, slot, _commP(deal, slot), 0, 0, slots, "");
    }

    /// `provider` fills a freed slot with its sector `number`, which it appends when it has none.
    function _repair(address provider, uint64 deal, uint8 slot, Slot[] memory slots) internal {
        if (sectors.lastNumber(provider) == 0) _append(provider, 0);
        rights.grant(deal, slot, provider);
        _activateOne(provider, 1, _repairOf(deal, slot, slots));
    }

    function _vacate(address provider, uint64 deal, uint8 slot) internal {
        vm.prank(provider);
        deals.vacate(deal, slot);
    }

    function _slot(uint64 deal, uint8 slot) internal view returns (SlotState memory) {
        return deals.slotState(deal, slot);
    }
}
