// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Constants} from "../src/Constants.sol";
import {Activation, NewDeal, Slot, SlotStatus} from "../src/DealTypes.sol";
import {Replica, ReplicaStatus, ReplicaTerms} from "../src/ReplicaTypes.sol";
import {Replicas} from "../src/Replicas.sol";
import {Sector} from "../src/SectorTypes.sol";
import {Sectors} from "../src/Sectors.sol";
import {RealSealedWorld} from "./support/RealSealedWorld.sol";
import {SealedWorld} from "./support/SealedWorld.sol";

contract ReplicasTest is SealedWorld {
    function _status(uint64 number) private view returns (ReplicaStatus) {
        return replicas.replica(alice, number).status;
    }

    // From number to sector

    function test_a_replica_is_committed_proven_and_becomes_a_sealed_sector() public {
        uint64 number = _committed(alice, 1);
        Replica memory r = replicas.replica(alice, number);
        vm.assertTrue(r.commD == _commD(number) && r.commR == _commR(number), "commitments");
        vm.assertTrue(r.ticketPeriod == 1 && r.seedPeriod == 2 && r.status == ReplicaStatus.Committed, "stored");
        vm.assertEq(token.balanceOf(address(replicas)), DEPOSIT, "deposit taken");
        _toRound(2);
        _post(2);
        _proveReplica(alice, number);
        vm.assertTrue(_status(number) == ReplicaStatus.Proven, "proven");
        _appendSealed(alice, 0, number);
        Sector memory s = sectors.sector(alice, number);
        vm.assertTrue(s.open && s.kind == 1 && s.commD == _commD(number) && s.commR == _commR(number), "sealed sector");
        vm.assertTrue(_status(number) == ReplicaStatus.Used, "used");
        vm.prank(alice);
        replicas.withdraw(address(0x77));
        vm.assertEq(token.balanceOf(address(0x77)), DEPOSIT, "deposit back");
        vm.assertEq(token.balanceOf(address(replicas)), 0, "nothing left");
    }

    function test_the_statement_shown_is_the_one_that_is_checked() public {
        uint64 number = _committed(alice, 1);
        _toRound(2);
        _post(2);
        uint256[] memory inputs = _statement(alice, number, 0);
        vm.assertEq(replicas.porepId(), inputs[2], "porep id");
        vm.assertEq(replicas.ticketOf(1), inputs[4], "ticket");
        vm.assertEq(replicas.seedOf(alice, number), inputs[5], "seed");
        vm.assertTrue(inputs[2] >> 248 == 0 && inputs[4] >> 248 == 0 && inputs[5] >> 248 == 0, "below the field's order");
    }

    function test_anyone_may_bring_the_proof_and_the_provider_gets_the_deposit() public {
        uint64 number = _committed(alice, 1);
        _toRound(2);
        _post(2);
        bytes memory proofs = _proofs(alice, number);
        vm.prank(bob);
        replicas.proveReplica(alice, number, proofs);
        vm.assertTrue(replicas.creditOf(alice) == DEPOSIT && replicas.creditOf(bob) == 0, "alice's");
    }

    function test_a_proof_of_any_other_public_input_is_refused() public {
        uint64 number = _committed(alice, 1);
        _toRound(2);
        _post(2);
        for (uint256 p = 0; p < PARTITIONS; ++p) {
            for (uint256 i = 0; i < 7; ++i) {
                uint256[] memory inputs = _statement(alice, number, p);
                inputs[i] ^= 1;
                bytes memory bad = _prove(4, inputs);
                bytes memory all = "";
                for (uint256 q = 0; q < PARTITIONS; ++q) {
                    all = bytes.concat(all, q == p ? bad : _partition(alice, number, q));
                }
                vm.expectRevert();
                replicas.proveReplica(alice, number, all);
            }
        }
        vm.assertTrue(_status(number) == ReplicaStatus.Committed, "a bad proof costs nothing");
        _proveReplica(alice, number);
    }

    function test_a_sealed_sector_lives_in_the_tree_like_a_hot_one() public {
        uint64 number = _proven(alice);
        _append(alice, 0);
        _appendSealed(alice, 0, number);
        _fullPeriod(alice, 0, 3);
        vm.assertEq(sectors.provenBetween(alice, 0, 3, 3), 1, "one window proof for both kinds");
        _retire(alice, alice, 0, number, 1, number);
        vm.assertFalse(sectors.sector(alice, number).open, "retired");
    }

    function test_a_sealed_deal_takes_sealed_sectors_only_and_pays() public {
        uint64 number = _proven(alice);
        uint64 hot = _append(alice, 0);
        _appendSealed(alice, 0, number);
        NewDeal memory d = _newDeal(1, alice, 3, 2);
        d.kind = 1;
        vm.prank(owner);
        token.approve(address(deals), type(uint256).max);
        uint64 deal = _open(d);
        Activation[] memory all = new Activation[](1);
        all[0] = _activation(deal, 0, d.slots, 0);
        bytes memory proof = _prove(3, _includeInputs(hot, all));
        vm.prank(alice);
        vm.expectRevert();
        deals.activate(hot, all, proof);
        _activate(alice, number, all);
        vm.assertTrue(deals.slotState(deal, 0).status == SlotStatus.Filled, "filled");
        _fullPeriod(alice, 0, 3);
        deals.settle(deal, 0);
        vm.assertEq(deals.creditOf(alice), PRICE, "paid");
    }

    function test_several_replicas_of_both_providers_wait_side_by_side() public {
        uint64 first = _committed(alice, 1);
        uint64 second = _committed(alice, 1);
        uint64 third = _committed(bob, 1);
        vm.assertEq(replicas.openDeposits(), 3 * DEPOSIT, "three wait");
        _toRound(2);
        _post(2);
        _proveReplica(bob, third);
        _proveReplica(alice, second);
        vm.assertEq(replicas.openDeposits(), DEPOSIT, "one waits");
        _checkBooks();
        vm.warp(replicas.dueTime(alice, first) + 1);
        replicas.expire(alice, first);
        vm.assertEq(replicas.openDeposits(), 0, "none waits");
        vm.assertEq(token.balanceOf(Constants.BURN), DEPOSIT, "burned");
        _checkBooks();
    }

    // Money

    function test_a_credit_pays_the_next_deposit_first() public {
        uint64 number = _proven(alice);
        vm.assertEq(replicas.creditOf(alice), DEPOSIT, "back");
        vm.prank(alice);
        token.approve(address(replicas), 0);
        uint64 next = _committed(alice, 2);
        vm.assertTrue(next == number + 1 && replicas.creditOf(alice) == 0, "no allowance needed");
        _checkBooks();
    }

    function test_a_deposit_without_allowance_or_tokens_commits_nothing() public {
        uint64 number = _reserveOne(alice);
        vm.prank(alice);
        token.approve(address(replicas), DEPOSIT - 1);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_AllowanceTooLow.selector, DEPOSIT, DEPOSIT - 1));
        _precommit(alice, number, 1);
        vm.startPrank(alice);
        token.approve(address(replicas), DEPOSIT);
        token.transfer(bob, token.balanceOf(alice));
        vm.stopPrank();
        vm.expectRevert();
        _precommit(alice, number, 1);
        vm.assertTrue(_status(number) == ReplicaStatus.None && replicas.openDeposits() == 0, "nothing happened");
    }

    function test_an_account_without_credit_withdraws_nothing() public {
        _committed(alice, 1);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_NothingToWithdraw.selector, alice));
        replicas.withdraw(alice);
    }

    function test_a_deployment_may_ask_for_no_deposit() public {
        ReplicaTerms memory free = _terms();
        free.deposit = 0;
        _swap(_newReplicas(address(token), free));
        uint64 number = _committed(alice, 1);
        uint64 other = _committed(alice, 1);
        _toRound(2);
        _post(2);
        _proveReplica(alice, number);
        vm.warp(replicas.dueTime(alice, other) + 1);
        replicas.expire(alice, other);
        vm.assertEq(token.balanceOf(address(replicas)), 0, "no money at all");
    }

    // Times

    function test_the_seed_is_the_first_round_behind_the_delay() public {
        uint64[3] memory times = [_roundTime(3) - SEED_DELAY - 1, _roundTime(3) - SEED_DELAY, _roundTime(3)];
        uint64[3] memory seeds = [uint64(3), 4, 4];
        for (uint256 i = 0; i < 3; ++i) {
            vm.warp(times[i]);
            vm.assertEq(replicas.replica(alice, _committed(alice, 1)).seedPeriod, seeds[i], "strictly later");
        }
    }

    function test_a_ticket_may_be_as_old_as_the_terms_say() public {
        vm.warp(_roundTime(1) + TICKET_AGE);
        _committed(alice, 1);
    }

    function test_a_round_posted_late_serves_as_a_ticket() public {
        vm.warp(_roundTime(3) + DUE + 1);
        _post(3);
        vm.assertFalse(beacon.counted(3), "void period");
        _committed(alice, 3);
    }

    function test_the_proof_counts_until_due_and_the_deposit_is_burned_after_it() public {
        uint64 first = _committed(alice, 1);
        uint64 second = _committed(alice, 1);
        vm.assertEq(replicas.dueTime(alice, first), 0, "the clock stands still");
        _toRound(2);
        _post(2);
        uint64 due = _roundTime(2) + DUE + REPLICA_DUE;
        vm.assertEq(replicas.dueTime(alice, first), due, "deadline of the seed's period + due");
        vm.warp(due);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_TooEarly.selector, alice, first, due));
        replicas.expire(alice, first);
        _proveReplica(alice, first);
        vm.warp(due + 1);
        vm.prank(bob);
        replicas.expire(alice, second);
        vm.assertTrue(_status(second) == ReplicaStatus.Expired, "dead");
    }

    function test_a_silent_beacon_stops_the_clock_and_a_late_round_starts_it() public {
        uint64 number = _committed(alice, 1);
        vm.warp(_roundTime(2) + 100 * REPLICA_DUE);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_TooEarly.selector, alice, number, 0));
        replicas.expire(alice, number);
        vm.expectRevert(abi.encodeWithSelector(Replicas.Replicas_RoundUnknown.selector, 2));
        replicas.proveReplica(alice, number, "");
        _post(2);
        uint64 due = uint64(block.timestamp) + REPLICA_DUE;
        vm.assertEq(replicas.dueTime(alice, number), due, "from the posting");
        vm.warp(due);
        _proveReplica(alice, number);
        vm.assertEq(replicas.creditOf(alice), DEPOSIT, "nothing lost");
    }

    // Set-up

    function test_terms_that_contradict_themselves_are_refused() public {
        for (uint256 i = 0; i < 9; ++i) {
            ReplicaTerms memory t = _terms();
            if (i == 0) t.layers = 0;
            if (i == 1) t.partitions = 0;
            if (i == 2) t.partitions = 33;
            if (i == 3) t.ticketAge = PERIOD - 1;
            if (i == 4) t.seedDelay = 0;
            if (i == 5) t.due = PERIOD - 1;
            if (i == 6) t.ticketAge = 366 days;
            if (i == 7) t.seedDelay = 366 days;
            if (i == 8) t.due = 366 days;
            vm.expectRevert(Replicas.Replicas_TermsRefused.selector);
            _newReplicas(address(token), t);
        }
    }

    function test_the_terms_are_shown() public view {
        vm.assertEq(keccak256(abi.encode(replicas.terms())), keccak256(abi.encode(_terms())), "terms");
        vm.assertEq(address(sectors.replicas()), address(replicas), "bound");
    }
}

/// @dev The whole life of a sealed sector with the real verifier.
contract SealedLifecycleTest is RealSealedWorld {
    function test_a_sealed_sector_is_proven_appended_filled_paid_and_retired() public {
        uint64 number = _proven(alice);
        _appendSealed(alice, 0, number);
        NewDeal memory d = _newDeal(1, alice, 2, 1);
        d.kind = 1;
        uint64 deal = _open(d);
        _activateOne(alice, number, _activation(deal, 0, d.slots, 0));
        _fullPeriod(alice, 0, 3);
        _fullPeriod(alice, 0, 4);
        _afterDeadline(4);
        deals.close(deal, 0);
        vm.assertEq(deals.creditOf(alice), 2 * PRICE, "paid in full");
        _retire(alice, alice, 0, number, 0, number);
        vm.assertEq(sectors.tree(alice, 0).pendingRoot, EMPTY_ROOT, "empty again");
    }
}

/// @dev Random actions of two providers; after each one the books must add up:
///   tokens held = open deposits + credits; open deposits = deposit * replicas that wait; tokens burned = deposit *
///   replicas that expired; no number is committed, proven, used or expired without having been reserved.
contract ReplicaBooksTest is SealedWorld {
    uint256 private seed;
    uint64 private period;
    uint256 private withdrawn;

    /// forge-config: default.fuzz.runs = 48
    function testFuzz_the_books_add_up_after_every_action(uint256 seed_) public {
        seed = seed_;
        period = 1;
        for (uint256 i = 0; i < 40; ++i) {
            _act();
            _checkAll();
        }
    }

    function _draw(uint256 size) private returns (uint256) {
        seed = uint256(keccak256(abi.encode(seed)));
        return seed % size;
    }

    function _act() private {
        address provider = _draw(2) == 0 ? alice : bob;
        uint256 action = _draw(8);
        uint64 last = sectors.lastNumber(provider);
        uint64 number = uint64(_draw(uint256(last) + 2));
        if (action == 0) _reserveOne(provider);
        if (action == 1) _append(provider, uint32(_draw(8)) + 100);
        if (action <= 3) _tryPrecommit(provider, number, uint64(_draw(uint256(period) + 1)));
        if (action == 4) _nextPeriod();
        if (action == 5) _tryProve(provider, number);
        if (action == 6) _tryCall(abi.encodeCall(replicas.expire, (provider, number)));
        if (action == 7) {
            uint256 credit = replicas.creditOf(provider);
            vm.prank(provider);
            (bool ok,) = address(replicas).call(abi.encodeCall(replicas.withdraw, (address(0x99))));
            if (ok) withdrawn += credit;
        }
    }

    function _tryPrecommit(address provider, uint64 number, uint64 ticketPeriod) private {
        bytes memory call =
            abi.encodeCall(replicas.precommit, (number, _commD(number), _commR(number), ticketPeriod));
        vm.prank(provider);
        (bool ok,) = address(replicas).call(call);
        vm.assertTrue(!ok || sectors.isReserved(provider, number), "reserved");
    }

    function _tryProve(address provider, uint64 number) private {
        Replica memory r = replicas.replica(provider, number);
        if (r.status == ReplicaStatus.None) return;
        _tryCall(abi.encodeCall(replicas.proveReplica, (provider, number, _proofs(provider, number))));
        if (replicas.replica(provider, number).status == ReplicaStatus.Proven && _draw(2) == 0) {
            _appendSealed(provider, uint32(_draw(8)), number);
        }
    }

    function _nextPeriod() private {
        period += uint64(_draw(4) == 0 ? 9 : 1);
        _toRound(period);
        if (_draw(4) != 0) _post(period);
    }

    function _tryCall(bytes memory call) private {
        (bool ok,) = address(replicas).call(call);
        ok;
    }

    function _checkAll() private view {
        _checkBooks();
        uint256 waiting = 0;
        uint256 expired = 0;
        for (uint256 who = 0; who < 2; ++who) {
            address provider = who == 0 ? alice : bob;
            for (uint64 number = 0; number <= sectors.lastNumber(provider) + 1; ++number) {
                ReplicaStatus status = replicas.replica(provider, number).status;
                if (status == ReplicaStatus.Committed) ++waiting;
                if (status == ReplicaStatus.Expired) ++expired;
                if (status != ReplicaStatus.None) vm.assertTrue(sectors.isReserved(provider, number), "reserved");
                uint8 kind = sectors.sector(provider, number).kind;
                vm.assertTrue((kind == 1) == (status == ReplicaStatus.Used), "sealed exactly when used");
            }
        }
        vm.assertEq(replicas.openDeposits(), waiting * DEPOSIT, "open deposits");
        vm.assertEq(token.balanceOf(Constants.BURN), expired * DEPOSIT, "burned");
        vm.assertEq(token.balanceOf(address(0x99)), withdrawn, "withdrawn");
    }
}
