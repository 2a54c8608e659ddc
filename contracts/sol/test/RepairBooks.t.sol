// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {SlotStatus} from "../src/DealTypes.sol";
import {Auction, AuctionOutcome} from "../src/RepairTypes.sol";
import {RepairWorld} from "./support/RepairWorld.sol";

/// @dev Random actions around one sealed slot: entries, claims, rounds that come, come late or never, repairs, failures, a
/// deal that may end. After each the books must add up:
///   tokens held = open bonds + credits + lost ones not yet burned;
///   open bonds = bond * entries neither refunded nor lost, counted over all auctions;
///   what each account has in all = what it had - the bonds it lost.
contract RepairBooksTest is RepairWorld {
    uint256 private constant STEPS = 60;

    uint64 private deal;
    uint256 private seed;
    uint64 private next;
    uint256 private had;
    address[3] private entrants;
    mapping(address => uint64) private sector;
    mapping(AuctionOutcome => uint256) private seen;

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_the_bonds_add_up_after_every_action(uint256 seed_) public {
        _begin(seed_);
        for (uint256 i = 0; i < STEPS; ++i) {
            _act();
            _check();
        }
    }

    /// The walk above is no walk if it never gets anywhere: over some seeds every outcome is seen.
    function test_the_random_actions_lead_to_every_outcome() public {
        for (uint256 s = 1; s <= 12; ++s) {
            uint256 before = chain.snapshotState();
            _begin(s);
            for (uint256 i = 0; i < STEPS; ++i) {
                _act();
            }
            uint256[5] memory got;
            for (uint32 turn = 0; turn <= repairs.turnOf(deal, 0); ++turn) {
                Auction memory a = repairs.auction(deal, 0, turn);
                if (a.period != 0) ++got[uint256(a.outcome)];
            }
            chain.revertToState(before);
            for (uint256 o = 0; o < 5; ++o) {
                seen[AuctionOutcome(o)] += got[o];
            }
        }
        for (uint256 o = 1; o < 5; ++o) {
            vm.assertTrue(seen[AuctionOutcome(o)] != 0, string.concat("outcome ", vm.toString(o)));
        }
    }

    function _begin(uint256 seed_) private {
        seed = seed_;
        deal = _sealedFreed(uint32(_bound(seed_ >> 8, 30, 90)));
        next = 4;
        entrants = [carol, dave, erin];
        had = _wealth();
    }

    function _draw(uint256 size) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % size;
    }

    function _act() private {
        uint256 action = _draw(12);
        address who = entrants[_draw(3)];
        uint32 turn = repairs.turnOf(deal, 0);
        if (action <= 1) _try(who, abi.encodeCall(repairs.enter, (deal, 0, _noPermit())));
        if (action == 2 || action == 3) _try(who, abi.encodeCall(repairs.claim, (deal, 0)));
        if (action >= 4 && action <= 6) _nextRound();
        if (action == 7) _try(owner, abi.encodeCall(repairs.expire, (deal, 0)));
        if (action == 8) _try(owner, abi.encodeCall(repairs.refund, (deal, 0, uint32(_draw(turn + 1)), who)));
        if (action == 9) _try(who, abi.encodeCall(repairs.withdraw, (who)));
        if (action == 10) _draw(2) == 0 ? _afterAll() : _pass(_draw(PERIOD) > 20 ? 20 : 1);
        if (action == 11) _repairOrLeave(turn);
    }

    /// One round, mostly in time, sometimes never.
    function _nextRound() private {
        if (_time() < _roundTime(next)) _toRound(next);
        if (_draw(6) != 0) _post(next);
        ++next;
    }

    /// Sometimes lost bonds are burned, rarely the owner ends the deal.
    function _afterAll() private {
        if (_draw(8) != 0) repairs.burn();
        else _try(address(0), "");
        if (_draw(24) != 0) return;
        vm.prank(owner);
        (bool ok,) = address(deals).call(abi.encodeCall(deals.endEarly, (deal)));
        if (ok) vm.warp(_roundTime(++next));
    }

    /// The winner repairs, or the holder gives the slot up.
    function _repairOrLeave(uint32 turn) private {
        if (deals.slotState(deal, 0).status == SlotStatus.Filled) {
            _vacate(deals.slotState(deal, 0).provider, deal, 0);
            return;
        }
        address winner = repairs.auction(deal, 0, turn).best;
        if (winner == address(0) || !repairs.isWinner(deal, 0, winner)) return;
        if (!deals.eligible(deal, 0, winner) || _draw(2) == 0) return;
        if (sector[winner] == 0) sector[winner] = _sealHere(winner);
        if (sector[winner] == 0 || !repairs.isWinner(deal, 0, winner)) return;
        if (deals.eligible(deal, 0, winner)) _repair(winner, sector[winner], deal, 0);
    }

    /// Seals if the newest rounds are known.
    function _sealHere(address provider) private returns (uint64) {
        uint64 newest = sectors.periodAfter(_time()) - 1;
        if (_randomness(newest) == 0) return 0;
        uint64 number = _seal(provider, newest);
        next = sectors.periodAfter(_time());
        return number;
    }

    function _try(address caller, bytes memory call) private {
        vm.prank(caller);
        (bool ok,) = address(repairs).call(call);
        ok; // a refusal is an answer, too
    }

    function _wealth() private view returns (uint256 all) {
        for (uint256 i = 0; i < 3; ++i) {
            all += token.balanceOf(entrants[i]) + _credit(entrants[i]) + replicas.creditOf(entrants[i]);
        }
    }

    function _check() private view {
        _checkBonds();
        uint256 open = 0;
        uint256 lost = 0;
        for (uint32 turn = 0; turn <= repairs.turnOf(deal, 0); ++turn) {
            Auction memory a = repairs.auction(deal, 0, turn);
            if (a.outcome == AuctionOutcome.Lapsed) lost += a.entries;
            if (a.outcome == AuctionOutcome.Failed) ++lost;
            for (uint256 i = 0; i < 3; ++i) {
                bool gone = a.outcome == AuctionOutcome.Lapsed
                    || (a.outcome == AuctionOutcome.Failed && a.best == entrants[i]);
                if (repairs.hasEntered(deal, 0, turn, entrants[i]) && !gone) ++open;
            }
        }
        vm.assertEq(repairs.openBonds(), open * BOND, "open bonds");
        vm.assertEq(_wealth() + open * BOND, had - lost * BOND, "nobody has more or less than it should");
    }
}
