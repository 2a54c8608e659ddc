// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Collateral} from "../src/Collateral.sol";
import {CollateralBook} from "../src/CollateralBook.sol";
import {Account, CollateralTerms} from "../src/CollateralTypes.sol";
import {Activation, NewDeal, Permit} from "../src/DealTypes.sol";
import {CallingToken, FeeToken} from "./support/HostileTokens.sol";
import {MarketWorld} from "./support/MarketWorld.sol";

/// @dev Money in and out of Collateral, its terms and its bindings.
contract CollateralTest is MarketWorld {
    // Deposits

    function test_anybody_deposits_for_a_provider_and_the_money_is_the_providers() public {
        token.mint(STRANGER, 70);
        vm.prank(STRANGER);
        token.approve(address(collateral), 70);
        vm.prank(STRANGER);
        collateral.deposit(alice, 70, _noPermit());
        vm.assertEq(_total(alice), STAKE + 70, "total");
        vm.assertEq(collateral.freeOf(alice), STAKE + 70, "free");
        vm.assertEq(token.balanceOf(address(collateral)), 3 * STAKE + 70, "held");
    }

    function test_a_deposit_without_allowance_or_money_changes_nothing() public {
        bytes memory low = abi.encodeWithSelector(CollateralBook.Collateral_AllowanceTooLow.selector, 10, 9);
        vm.prank(STRANGER);
        token.approve(address(collateral), 9);
        vm.prank(STRANGER);
        vm.expectRevert(low);
        collateral.deposit(alice, 10, _noPermit());
        vm.prank(STRANGER);
        vm.expectRevert();
        collateral.deposit(alice, 9, _noPermit()); // allowed, but the stranger has none
        vm.expectRevert();
        collateral.deposit(alice, uint256(type(uint128).max) + 1, _noPermit());
        vm.assertEq(_total(alice), STAKE, "unchanged");
    }

    function test_a_permit_pays_a_deposit() public {
        (address payer, Permit memory permit) = _permit(50);
        vm.prank(payer);
        collateral.deposit(bob, 50, permit);
        vm.assertEq(_total(bob), STAKE + 50, "paid by permit");
    }

    function test_a_permit_that_somebody_used_first_does_no_harm() public {
        (address payer, Permit memory permit) = _permit(50);
        vm.prank(STRANGER);
        token.permit(payer, address(collateral), 50, permit.deadline, permit.v, permit.r, permit.s);
        vm.prank(payer);
        collateral.deposit(bob, 50, permit);
        vm.assertEq(_total(bob), STAKE + 50, "the allowance counts");
    }

    function test_a_permit_of_another_amount_or_too_late_gives_no_allowance() public {
        (address payer, Permit memory permit) = _permit(50);
        permit.value = 51;
        vm.prank(payer);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_AllowanceTooLow.selector, 51, 0));
        collateral.deposit(bob, 51, permit);
        permit.value = 50;
        vm.warp(permit.deadline + 1);
        vm.prank(payer);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_AllowanceTooLow.selector, 50, 0));
        collateral.deposit(bob, 50, permit);
    }

    function test_a_token_that_takes_a_fee_is_refused() public {
        FeeToken fee = new FeeToken();
        Collateral c = _newCollateral("Collateral.sol:Collateral", address(fee));
        fee.mint(address(this), 1000);
        fee.approve(address(c), 1000);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_TokenTookFee.selector, 1000, 990));
        c.deposit(alice, 1000, _noPermit());
    }

    function test_a_token_that_calls_back_gets_nothing_twice() public {
        CallingToken calling = new CallingToken();
        Collateral c = _newCollateral("Collateral.sol:Collateral", address(calling));
        calling.mint(address(this), 1000);
        calling.approve(address(c), 1000);
        calling.aim(address(c), abi.encodeCall(c.burn, ()));
        vm.expectRevert(bytes4(keccak256("ReentrancyGuardReentrantCall()")));
        c.deposit(alice, 1000, _noPermit());
    }

    // Withdrawals

    function test_money_asked_back_leaves_after_the_delay_and_not_before() public {
        _ask(alice, 100);
        uint64 from = uint64(block.timestamp) + DELAY;
        vm.warp(from - 1);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_TooEarly.selector, alice, from));
        collateral.withdraw(alice);
        vm.warp(from);
        vm.prank(alice);
        vm.assertEq(collateral.withdraw(STRANGER), 100, "amount");
        vm.assertEq(token.balanceOf(STRANGER), 100, "to whom she says");
        vm.assertEq(_total(alice), STAKE - 100, "total");
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NothingToWithdraw.selector, alice));
        collateral.withdraw(alice);
    }

    function test_nothing_leaves_that_was_not_asked_for() public {
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NothingToWithdraw.selector, alice));
        collateral.withdraw(alice);
    }

    function test_a_new_request_replaces_the_one_before_and_waits_anew() public {
        _ask(alice, 100);
        vm.warp(block.timestamp + DELAY - 1);
        _ask(alice, STAKE);
        vm.warp(block.timestamp + 1);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                CollateralBook.Collateral_TooEarly.selector, alice, uint64(block.timestamp) + DELAY - 1
            )
        );
        collateral.withdraw(alice);
        vm.warp(block.timestamp + DELAY);
        vm.assertEq(_take(alice), STAKE, "the newer amount");
    }

    function test_a_request_of_nothing_takes_the_one_before_back() public {
        _ask(alice, STAKE);
        vm.assertEq(collateral.freeOf(alice), 0, "asked back");
        _ask(alice, 0);
        vm.assertEq(collateral.freeOf(alice), STAKE, "free again");
    }

    function test_only_free_money_is_asked_back() public {
        _oneSlot(alice, 10);
        uint256 free = STAKE - PARTS;
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(CollateralBook.Collateral_TooLow.selector, alice, free + 1, free)
        );
        collateral.requestWithdraw(free + 1);
        _ask(alice, free);
        vm.assertEq(collateral.freeOf(alice), 0, "nothing free");
        vm.warp(block.timestamp + DELAY);
        vm.assertEq(_take(alice), free, "all that was free");
        vm.assertEq(_total(alice), PARTS, "the slot's parts stay");
    }

    function test_money_asked_back_locks_no_slot() public {
        _append(alice, 0);
        _ask(alice, STAKE - PARTS + 1);
        NewDeal memory d = _newDeal(1, alice, 10, 10);
        uint64 deal = _open(d);
        Activation[] memory all = new Activation[](1);
        all[0] = _activation(deal, 0, d.slots, 0);
        bytes memory proof = _prove(3, _includeInputs(1, all));
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(CollateralBook.Collateral_TooLow.selector, alice, PARTS, PARTS - 1)
        );
        deals.activate(1, all, proof);
        _ask(alice, STAKE - PARTS);
        vm.prank(alice);
        deals.activate(1, all, proof);
        vm.assertEq(collateral.freeOf(alice), 0, "the rest is locked");
    }

    function test_a_slash_that_reaches_what_was_asked_back_shrinks_the_request_for_good() public {
        _oneSlot(alice, 20);
        _ask(alice, STAKE - PARTS);
        vm.prank(DISPUTES);
        collateral.slashSlot(alice, PRICE, HUNTER);
        Account memory a = _account(alice);
        vm.assertEq(a.withdrawing, STAKE - PARTS - FAULT_PART, "shrunk");
        _stake(alice, STAKE);
        vm.assertEq(_account(alice).withdrawing, STAKE - PARTS - FAULT_PART, "new money does not refill it");
        vm.warp(block.timestamp + DELAY);
        vm.assertEq(_take(alice), STAKE - PARTS - FAULT_PART, "what is left of it");
    }

    function test_a_request_that_slashes_ate_up_pays_nothing() public {
        _oneSlot(alice, 20);
        _ask(alice, 1000);
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(CHALLENGES);
            collateral.slashSlot(alice, PRICE, HUNTER);
        }
        vm.assertEq(_account(alice).withdrawing, 0, "nothing of it is free");
        vm.warp(block.timestamp + DELAY);
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NothingToWithdraw.selector, alice));
        collateral.withdraw(alice);
    }

    // Bounties and what is burned

    function test_bounty_and_burned_rest_leave_once() public {
        vm.prank(CHALLENGES);
        vm.assertEq(collateral.slashSlot(alice, PRICE, HUNTER), FAULT_PART / 2, "bounty");
        vm.assertEq(collateral.bountyOf(HUNTER), FAULT_PART / 2, "credited");
        vm.prank(HUNTER);
        collateral.withdrawBounty(bob);
        vm.assertEq(token.balanceOf(bob), FAULT_PART / 2, "paid out");
        vm.prank(HUNTER);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_NothingToWithdraw.selector, HUNTER));
        collateral.withdrawBounty(bob);
        vm.assertEq(collateral.unburned(), FAULT_PART / 2, "the other half");
        vm.prank(STRANGER);
        vm.assertEq(collateral.burn(), FAULT_PART / 2, "burned");
        vm.assertEq(token.balanceOf(BURNT), FAULT_PART / 2, "nobody has it");
        vm.assertEq(collateral.burn(), 0, "once");
        vm.assertEq(token.balanceOf(address(collateral)), 3 * STAKE - FAULT_PART, "the rest is still there");
    }

    // Terms and bindings

    function test_contradicting_terms_are_refused() public {
        for (uint256 i = 0; i < 6; ++i) {
            CollateralTerms memory t = _collateralTerms();
            if (i == 0) t.bountyBasisPoints = 5001;
            if (i == 1) t.leastFault = 7;
            if (i == 2) t.withdrawDelay = 365 days + 1;
            if (i == 3) t.maintenancePeriods = 51;
            if (i == 4) t.leastFault = 0;
            bytes memory code = bytes.concat(vm.getCode("Collateral.sol:Collateral"), abi.encode(token, sectors, t));
            if (i != 5) vm.expectRevert(CollateralBook.Collateral_TermsRefused.selector);
            this.create(code);
        }
    }

    function create(bytes memory code) external {
        assembly ("memory-safe") {
            if iszero(create(0, add(code, 32), mload(code))) {
                returndatacopy(mload(0x40), 0, returndatasize())
                revert(mload(0x40), returndatasize())
            }
        }
    }

    function test_the_terms_are_shown() public view {
        bytes memory shown = abi.encode(collateral.terms());
        vm.assertEq(shown, abi.encode(_collateralTerms()), "all of them");
        (uint256 fault, uint256 repair) = collateral.partsOf(PRICE);
        vm.assertEq(fault, FAULT_PART, "fault part");
        vm.assertEq(repair, REPAIR_PART, "repair part");
    }

    function test_only_the_deployer_binds_once_and_nothing_to_nowhere() public {
        Collateral c = _newCollateral("Collateral.sol:Collateral", address(token));
        bytes memory refused = abi.encodeWithSelector(CollateralBook.Collateral_BindRefused.selector, address(this));
        for (uint256 i = 0; i < 3; ++i) {
            address[3] memory to = [address(1), address(2), address(3)];
            to[i] = address(0);
            vm.expectRevert(refused);
            c.bind(to[0], to[1], to[2]);
        }
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(CollateralBook.Collateral_BindRefused.selector, alice));
        c.bind(address(1), address(2), address(3));
        c.bind(address(1), address(2), address(3));
        vm.expectRevert(refused);
        c.bind(address(1), address(2), address(3));
    }

    function _permit(uint256 value) private returns (address payer, Permit memory permit) {
        payer = vm.addr(0x9a1d);
        token.mint(payer, value);
        uint256 deadline = block.timestamp + 100;
        bytes32 words = keccak256(
            abi.encode(
                keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"),
                payer,
                address(collateral),
                value,
                token.nonces(payer),
                deadline
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), words));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(0x9a1d, digest);
        permit = Permit(value, deadline, v, r, s);
    }
}
