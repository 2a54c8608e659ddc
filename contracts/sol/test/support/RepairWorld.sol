// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {CollateralTerms} from "../../src/CollateralTypes.sol";
import {Activation, NewDeal, Slot} from "../../src/DealTypes.sol";
import {Repairs} from "../../src/Repairs.sol";
import {RepairTerms} from "../../src/RepairTypes.sol";
import {SealedWorld} from "./SealedWorld.sol";

/// @dev More cheat codes of forge. The clock is asked, as the optimizer takes block.timestamp for the same all along.
interface Chain {
    function getBlockTimestamp() external view returns (uint256);
    function snapshotState() external returns (uint256);
    function revertToState(uint256 snapshot) external returns (bool);
}

/// @dev The world with collateral and repairs, and three more providers. Everybody has money, and a hot sector 1. A test
/// begins at the round of period 1.
abstract contract RepairWorld is SealedWorld {
    uint32 internal constant FAULT_PERIODS = 20;
    uint32 internal constant REPAIR_PERIODS = 10;
    uint64 internal constant COMMIT_AGE = 30;
    uint64 internal constant COMMIT_LIFE = 300;
    uint64 internal constant RIGHT_LIFE = 20;
    uint64 internal constant CLAIM_SECONDS = 50;
    uint32 internal constant SEAL_PERIODS = 5;
    uint128 internal constant BOND = 7000;
    uint256 internal constant STAKE = 1e7;
    address internal constant CHALLENGES = address(0xc4a1);
    address internal constant DISPUTES = address(0xd15b);
    bytes32 internal constant SALT = keccak256("salt");

    Chain internal constant chain = Chain(address(vm));

    Repairs internal repairs;
    address internal carol;
    address internal dave;
    address internal erin;

    function setUp() public virtual override {
        (carol, dave, erin) = (vm.addr(0xca401), vm.addr(0xdafe), vm.addr(0xe419));
        super.setUp();
        address[5] memory all = [alice, bob, carol, dave, erin];
        for (uint256 i = 0; i < 5; ++i) {
            if (i >= 2) _join(all[i]);
            token.mint(all[i], 1e9);
            vm.startPrank(all[i]);
            token.approve(address(collateral), type(uint256).max);
            token.approve(address(replicas), type(uint256).max);
            token.approve(address(repairs), type(uint256).max);
            collateral.deposit(all[i], STAKE, _noPermit());
            vm.stopPrank();
            _append(all[i], 0);
        }
    }

    function _join(address provider) internal {
        vm.prank(provider);
        providers.register("provider.example:4433", bytes32("pin"), provider, 0);
    }

    function _collateralTerms() internal pure override returns (CollateralTerms memory t) {
        (t.faultPeriods, t.repairPeriods, t.missesToEnd) = (FAULT_PERIODS, REPAIR_PERIODS, 3);
        (t.bountyBasisPoints, t.withdrawDelay) = (5000, 7 days);
    }

    function _repairTerms() internal pure returns (RepairTerms memory) {
        return RepairTerms(COMMIT_AGE, COMMIT_LIFE, RIGHT_LIFE, CLAIM_SECONDS, SEAL_PERIODS, BOND);
    }

    function _bindMarket() internal override {
        collateral.bind(address(deals), CHALLENGES, DISPUTES);
        repairs = _newRepairs(address(token), _repairTerms());
        deals.bind(repairs, CHALLENGES, DISPUTES);
    }

    function _newRepairs(address token_, RepairTerms memory t) internal returns (Repairs) {
        return Repairs(_deploy("Repairs.sol:Repairs", abi.encode(token_, deals, t)));
    }

    function _postUpTo(uint64 from, uint64 to) internal {
        for (uint64 p = from; p <= to; ++p) {
            _toRound(p);
            _post(p);
        }
    }

    function _time() internal view returns (uint64) {
        return uint64(chain.getBlockTimestamp());
    }

    function _pass(uint64 time) internal {
        vm.warp(_time() + time);
    }

    // Deals

    /// Two slots: alice's and bob's.
    function _twoSlots() internal view returns (Slot[] memory slots) {
        slots = _slots(2, alice);
        slots[1].provider = bob;
    }

    /// Opens a deal of alice and bob.
    function _openTwo(uint8 kind, uint32 periods) internal returns (uint64) {
        NewDeal memory d = _newDeal(2, alice, periods, periods < 20 ? periods : 20);
        (d.kind, d.slots) = (kind, _twoSlots());
        return _open(d);
    }

    /// A hot deal that alice and bob fill with their sectors 1 and whose slot 0 alice then gives up.
    function _hotFreed(uint32 periods) internal returns (uint64 deal) {
        deal = _openTwo(0, periods);
        _fillFirst(alice, 1, deal, 0);
        _fillFirst(bob, 1, deal, 1);
        _vacate(alice, deal, 0);
    }

    /// A named provider fills its slot.
    function _fillFirst(address provider, uint64 number, uint64 deal, uint8 slot) internal {
        _activateOne(provider, number, _activation(deal, slot, _twoSlots(), uint40(deal * 2 + slot) * 64));
    }

    function _vacate(address provider, uint64 deal, uint8 slot) internal {
        vm.prank(provider);
        deals.vacate(deal, slot);
    }

    /// What a repairer gives: the same piece in its own sector, no acceptance.
    function _repairOf(uint64 deal, uint8 slot) internal view returns (Activation memory) {
        return Activation(deal, slot, _commP(deal, slot), uint40(deal * 2 + slot) * 64, 0, _twoSlots(), "");
    }

    function _repair(address provider, uint64 number, uint64 deal, uint8 slot) internal {
        _activateOne(provider, number, _repairOf(deal, slot));
    }

    /// The same, refused with `reason`.
    function _repairRefused(address provider, uint64 number, Activation memory a, bytes memory reason) internal {
        Activation[] memory all = new Activation[](1);
        all[0] = a;
        bytes memory proof = _prove(3, _includeInputs(number, all));
        vm.prank(provider);
        vm.expectRevert(reason);
        deals.activate(number, all, proof);
    }

    function _reason(bytes4 selector, uint64 deal, uint8 slot, address who) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(selector, deal, slot, who);
    }

    // Commit and reveal

    /// The formula of the commit, apart from the contract.
    function _hash(uint64 deal, uint8 slot, address provider, bytes32 salt) internal view returns (bytes32) {
        return keccak256(
            abi.encode(block.chainid, address(repairs), uint256(deal), uint256(slot), provider, salt)
        );
    }

    function _commit(address provider, uint64 deal, uint8 slot) internal {
        bytes32 hash = _hash(deal, slot, provider, SALT);
        vm.prank(provider);
        repairs.commit(hash);
    }

    function _reveal(address provider, uint64 deal, uint8 slot) internal {
        vm.prank(provider);
        repairs.reveal(deal, slot, SALT);
    }

    /// Commits, waits and shows.
    function _rightTo(address provider, uint64 deal, uint8 slot) internal {
        _commit(provider, deal, slot);
        _pass(COMMIT_AGE);
        _reveal(provider, deal, slot);
    }

    // Auctions

    /// The provider seals a sector: precommits with the ticket of a period, waits for its seed, proves and appends it.
    function _seal(address provider, uint64 ticketPeriod) internal returns (uint64 number) {
        number = _committed(provider, ticketPeriod);
        uint64 seedPeriod = replicas.replica(provider, number).seedPeriod;
        _toRound(seedPeriod);
        _post(seedPeriod);
        _proveReplica(provider, number);
        _appendSealed(provider, 0, number);
    }

    /// A sealed deal that alice and bob fill with their sectors 2 and whose slot 0 alice then gives up, at round 3.
    function _sealedFreed(uint32 periods) internal returns (uint64 deal) {
        uint64 number = _seal(alice, 1);
        vm.assertEq(_seal(bob, 2), number, "both seal their second sector");
        deal = _openTwo(1, periods);
        _fillFirst(alice, number, deal, 0);
        _fillFirst(bob, number, deal, 1);
        _vacate(alice, deal, 0);
    }

    function _enter(address provider, uint64 deal, uint8 slot) internal {
        vm.prank(provider);
        repairs.enter(deal, slot, _noPermit());
    }

    function _claim(address provider, uint64 deal, uint8 slot) internal {
        vm.prank(provider);
        repairs.claim(deal, slot);
    }

    /// The formula of the rank, apart from the contract.
    function _rank(uint64 period, uint64 deal, uint8 slot, address provider) internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("cairn/v1/repair"), _randomness(period), uint256(deal), uint256(slot), provider
            )
        );
    }

    /// The two in the order of their ranks.
    function _ordered(uint64 period, uint64 deal, uint8 slot, address one, address other)
        internal
        view
        returns (address low, address high)
    {
        bool first = _rank(period, deal, slot, one) < _rank(period, deal, slot, other);
        return first ? (one, other) : (other, one);
    }

    function _periodNow() internal view returns (uint64) {
        return sectors.openPeriod(_time());
    }

    function _auctionPeriod(uint64 deal, uint8 slot) internal view returns (uint64) {
        return repairs.auction(deal, slot, repairs.turnOf(deal, slot)).period;
    }

    /// Warps to the round of the running auction and posts every round from `from` to it.
    function _toClaims(uint64 deal, uint8 slot, uint64 from) internal returns (uint64 period) {
        period = _auctionPeriod(deal, slot);
        _postUpTo(from, period);
    }

    /// Posts every round from `from` on up to the end of the running auction's claims, and ends there. Returns the next.
    function _afterClaims(uint64 deal, uint8 slot, uint64 from) internal returns (uint64 next) {
        uint64 end = repairs.claimsUntil(deal, slot) + 1;
        next = from;
        while (_roundTime(next) <= end) {
            _postUpTo(next, next);
            ++next;
        }
        vm.warp(end);
    }

    /// Posts every round from `from` on until the winner's time is just up. Returns the next.
    function _afterSealing(uint64 deal, uint8 slot, uint64 from) internal returns (uint64 next) {
        uint64 last = sectors.lastClosedPeriod(repairs.claimsUntil(deal, slot)) + SEAL_PERIODS;
        if (from <= last) _postUpTo(from, last);
        _afterDeadline(last);
        return last + 1;
    }

    function _credit(address who) internal view returns (uint256) {
        return repairs.creditOf(who);
    }

    /// Money of repairs adds up.
    function _checkBonds() internal view {
        uint256 credits = _credit(alice) + _credit(bob) + _credit(carol) + _credit(dave)
            + _credit(erin);
        vm.assertEq(
            token.balanceOf(address(repairs)), repairs.openBonds() + credits + repairs.unburned(), "money of repairs"
        );
    }
}
