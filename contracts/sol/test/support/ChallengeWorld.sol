// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Challenge, ChallengeStatus, ChallengeTerms} from "../../src/ChallengeTypes.sol";
import {Challenges} from "../../src/Challenges.sol";
import {CollateralTerms} from "../../src/CollateralTypes.sol";
import {Slot, SlotStatus} from "../../src/DealTypes.sol";
import {RepairRights} from "../../src/RepairRights.sol";
import {World} from "./World.sol";

/// @dev The world with collateral, direct challenges and a challenger, carol. Whoever calls may repair. The statement of
/// an answer is written here a second time, apart from the contract.
abstract contract ChallengeWorld is World {
    uint128 internal constant BOND = 700;
    uint32 internal constant PER_STEP = 2;
    uint64 internal constant ANSWER_DUE = 100;
    uint64 internal constant COOLDOWN = 600;
    uint256 internal constant FAULT = 10 * uint256(PRICE);
    uint256 internal constant REPAIR = 20 * uint256(PRICE);
    uint256 internal constant STAKE = 1e8;
    uint256 internal constant PURSE = 1e9;
    address internal constant DISPUTES = address(0xd15b);
    address internal constant REPAIRS = address(0x4e9a);

    Challenges internal challenges;
    address internal carol;

    function setUp() public virtual override {
        carol = address(0xca401);
        super.setUp();
        token.mint(carol, PURSE);
        _fund(alice);
        _fund(bob);
        vm.prank(carol);
        token.approve(address(challenges), type(uint256).max);
    }

    function _fund(address provider) private {
        token.mint(provider, PURSE + STAKE);
        vm.startPrank(provider);
        token.approve(address(collateral), STAKE);
        collateral.deposit(provider, STAKE, _noPermit());
        token.approve(address(challenges), type(uint256).max);
        vm.stopPrank();
    }

    function _collateralTerms() internal pure virtual override returns (CollateralTerms memory) {
        return CollateralTerms(10, 20, 3, 2000, 7 days, 2, 50, 2, 6);
    }

    function _challengeTerms() internal pure returns (ChallengeTerms memory) {
        return ChallengeTerms(BOND, PER_STEP, ANSWER_DUE, COOLDOWN);
    }

    function _bindMarket() internal virtual override {
        vm.etch(REPAIRS, hex"00"); // takes every call
        challenges = Challenges(
            _deploy("Challenges.sol:Challenges", abi.encode(address(token), deals, _challengeTerms()))
        );
        deals.bind(RepairRights(REPAIRS), address(challenges), DISPUTES);
        collateral.bind(address(deals), address(challenges), DISPUTES);
    }

    /// A deal of `periods` periods with n slots of 64 leaves each, all filled by the provider in its sector 1, one after
    /// the other from leaf `offset` on.
    function _storedAt(address provider, uint256 n, uint32 periods, uint40 offset) internal returns (uint64 deal) {
        if (sectors.lastNumber(provider) == 0) _append(provider, 0);
        deal = _open(_newDeal(n, provider, periods, periods));
        Slot[] memory slots = _slots(n, provider);
        for (uint8 i = 0; i < n; ++i) {
            _activateOne(provider, 1, _activation(deal, i, slots, offset + 64 * uint40(i)));
        }
    }

    function _stored(address provider, uint256 n) internal returns (uint64) {
        return _storedAt(provider, n, 200, 0);
    }

    /// bob fills the freed slot of a deal whose slots all named alice.
    function _repaired(uint64 deal, uint8 slot, uint256 n) internal {
        if (sectors.lastNumber(bob) == 0) _append(bob, 0);
        _activateOne(bob, 1, _activation(deal, slot, _slots(n, alice), 64 * uint40(slot)));
    }

    function _challengeBy(address who, uint64 deal, uint8 slot) internal returns (uint64) {
        vm.prank(who);
        return challenges.challenge(deal, slot, type(uint256).max, _noPermit());
    }

    function _challenge(uint64 deal, uint8 slot) internal returns (uint64) {
        return _challengeBy(carol, deal, slot);
    }

    /// A seed from its parts.
    function _seedFrom(uint64 id, Challenge memory c, uint256 count, uint64 roundPeriod)
        internal
        view
        returns (uint256)
    {
        uint256 range = (uint256(1) << 64) + (uint256(c.offsetLeaves) << 96) + (uint256(c.b) << 136)
            + (uint256(c.sector) << 144);
        bytes memory all = abi.encode(
            keccak256("cairn/v1/direct"),
            uint256(id),
            block.chainid,
            address(challenges),
            circuits[0].id,
            c.provider,
            uint256(c.tree),
            uint256(c.seedPeriod),
            count,
            range,
            beacon.randomness(_roundOf(roundPeriod))
        );
        return uint256(keccak256(all)) / 256;
    }

    /// Public inputs of an answer, of the state of the tree frozen for `period`.
    function _inputsAt(uint64 id, uint32 index, uint64 period) internal view returns (uint256[] memory inputs) {
        Challenge memory c = challenges.challengeState(id);
        (uint256 root, uint32 count) = sectors.frozen(c.provider, c.tree, period);
        inputs = new uint256[](3);
        (inputs[0], inputs[1]) = (root, _seedFrom(id, c, 0, c.seedPeriod));
        inputs[2] = uint256(count) + (uint256(index) << 32) + (uint256(1) << 64) + (uint256(c.offsetLeaves) << 96)
            + (uint256(c.b) << 136) + (uint256(c.sector) << 144);
    }

    /// The same in the period of the seed, where most answers come.
    function _inputs(uint64 id, uint32 index) internal view returns (uint256[] memory) {
        return _inputsAt(id, index, challenges.challengeState(id).seedPeriod);
    }

    function _proof(uint64 id, uint32 index) internal returns (bytes memory) {
        return _prove(0, _inputs(id, index));
    }

    function _answer(uint64 id, uint32 index) internal {
        bytes memory proof = _proof(id, index);
        challenges.answer(id, index, proof);
    }

    /// Warps to the round that seeds the challenge and posts it.
    function _seeded(uint64 id) internal {
        uint64 period = challenges.challengeState(id).seedPeriod;
        _toRound(period);
        _post(period);
    }

    function _dueOf(uint64 period) internal pure returns (uint64) {
        return _roundTime(period) + DUE + ANSWER_DUE;
    }

    function _status(uint64 id) internal view returns (ChallengeStatus) {
        return challenges.challengeState(id).status;
    }

    function _slotStatus(uint64 deal, uint8 slot) internal view returns (SlotStatus) {
        return deals.slotState(deal, slot).status;
    }

    /// Money of challenges adds up, and so do the counts.
    function _checkChallengeBooks() internal view {
        uint256 open = 0;
        uint256[2] memory counts;
        for (uint64 id = 1; id <= challenges.lastChallenge(); ++id) {
            Challenge memory c = challenges.challengeState(id);
            bool newest = challenges.newestOf(c.deal, c.slot) == id;
            if (c.status == ChallengeStatus.Open) {
                open += uint256(BOND) << c.doublings;
                ++counts[c.provider == alice ? 0 : 1];
            } else if (newest) {
                vm.assertFalse(deals.slotState(c.deal, c.slot).challenged, "marked without an open challenge");
            }
        }
        vm.assertEq(challenges.openBonds(), open, "open bonds");
        vm.assertEq(challenges.openOf(alice), counts[0], "open of alice");
        vm.assertEq(challenges.openOf(bob), counts[1], "open of bob");
        uint256 credits = challenges.creditOf(alice) + challenges.creditOf(bob) + challenges.creditOf(carol);
        uint256 held = token.balanceOf(address(challenges));
        vm.assertEq(held, open + credits + challenges.unburned(), "tokens held = open bonds + credits + unburned");
    }
}
