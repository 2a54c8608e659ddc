// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {DealEvents} from "../src/DealEvents.sol";
import {NewDeal, Permit} from "../src/DealTypes.sol";
import {TestToken} from "../src/dev/TestToken.sol";
import {CallingToken, FeeToken} from "./support/HostileTokens.sol";
import {World} from "./support/World.sol";

contract PermitTest is World {
    function setUp() public override {
        super.setUp();
        vm.prank(owner);
        token.approve(address(deals), 0);
    }

    function _permit(uint256 key, uint256 value) private view returns (Permit memory p) {
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        p.value = value;
        p.deadline = block.timestamp + 60;
        bytes32 words = keccak256(
            abi.encode(typeHash, owner, address(deals), value, token.nonces(owner), p.deadline)
        );
        (p.v, p.r, p.s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), words)));
    }

    function _deals() private view returns (NewDeal[] memory all) {
        all = new NewDeal[](1);
        all[0] = _newDeal(2, alice, 10, 2);
    }

    function test_one_signature_opens_without_a_former_approval() public {
        Permit memory p = _permit(OWNER_KEY, 20 * PRICE);
        vm.prank(owner);
        deals.openMany(_deals(), p);
        vm.assertEq(deals.deal(1).escrow, 20 * PRICE, "open");
    }

    function test_a_permit_used_by_a_front_runner_still_opens() public {
        Permit memory p = _permit(OWNER_KEY, 20 * PRICE);
        vm.prank(bob);
        token.permit(owner, address(deals), p.value, p.deadline, p.v, p.r, p.s);
        vm.prank(owner);
        deals.openMany(_deals(), p);
        vm.assertEq(deals.deal(1).escrow, 20 * PRICE, "open all the same");
    }

    function test_a_permit_signed_by_another_or_too_small_opens_nothing() public {
        Permit memory foreign = _permit(BOB_KEY, 20 * PRICE);
        bytes4 selector = DealEvents.Deals_AllowanceTooLow.selector;
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(selector, 20 * PRICE, 0));
        deals.openMany(_deals(), foreign);
        Permit memory small = _permit(OWNER_KEY, 20 * PRICE - 1);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(selector, 20 * PRICE, 20 * PRICE - 1));
        deals.openMany(_deals(), small);
    }

    function test_a_stranger_cannot_spend_the_owner_s_permit() public {
        Permit memory p = _permit(OWNER_KEY, 20 * PRICE);
        vm.prank(bob);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_AllowanceTooLow.selector, 20 * PRICE, 0));
        deals.openMany(_deals(), p);
        vm.assertEq(token.balanceOf(owner), 1e30, "untouched");
    }
}

contract HostileTokenTest is World {
    function test_a_token_that_takes_a_fee_is_refused_at_open() public {
        FeeToken fee = FeeToken(_deploy("HostileTokens.sol:FeeToken", ""));
        deals = _newDeals(address(fee));
        fee.mint(owner, 1e18);
        vm.prank(owner);
        fee.approve(address(deals), type(uint256).max);
        NewDeal[] memory all = new NewDeal[](1);
        all[0] = _newDeal(2, alice, 10, 2);
        vm.prank(owner);
        vm.expectRevert(abi.encodeWithSelector(DealEvents.Deals_TokenTookFee.selector, 20 * PRICE, 20 * PRICE * 99 / 100));
        deals.openMany(all, _noPermit());
    }

    function test_a_token_that_calls_back_reaches_nothing() public {
        CallingToken calling = CallingToken(_deploy("HostileTokens.sol:CallingToken", ""));
        deals = _newDeals(address(calling));
        calling.mint(owner, 1e18);
        vm.startPrank(owner);
        calling.approve(address(deals), type(uint256).max);
        NewDeal[] memory all = new NewDeal[](1);
        all[0] = _newDeal(2, alice, 10, 2);
        deals.openMany(all, _noPermit());
        deals.cancel(1);
        calling.aim(address(deals), abi.encodeCall(deals.withdraw, (address(calling))));
        vm.expectRevert(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
        deals.withdraw(owner);
        vm.expectRevert(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
        deals.openMany(all, _noPermit());
        vm.stopPrank();
    }
}
