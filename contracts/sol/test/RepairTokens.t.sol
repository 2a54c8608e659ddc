// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {Permit} from "../src/DealTypes.sol";
import {RepairEvents} from "../src/RepairEvents.sol";
import {Repairs} from "../src/Repairs.sol";
import {CallingToken, FeeToken} from "./support/HostileTokens.sol";
import {RepairWorld} from "./support/RepairWorld.sol";

/// @dev How bonds come in and go out.
contract RepairTokensTest is RepairWorld {
    uint256 private constant CAROL_KEY = 0xca401;

    uint64 private deal;

    function setUp() public override {
        super.setUp();
        deal = _sealedFreed(60);
    }

    function _enterWith(address who, Permit memory p) private {
        vm.prank(who);
        repairs.enter(deal, 0, p);
    }

    function _permit(uint256 key, uint256 value) private view returns (Permit memory p) {
        bytes32 typeHash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        (p.value, p.deadline) = (value, _time() + 60);
        bytes32 words = keccak256(
            abi.encode(typeHash, carol, address(repairs), value, token.nonces(carol), p.deadline)
        );
        (p.v, p.r, p.s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", token.DOMAIN_SEPARATOR(), words)));
    }

    function _allow(address who, uint256 amount) private {
        vm.prank(who);
        token.approve(address(repairs), amount);
    }

    function test_a_bond_needs_an_allowance() public {
        _allow(carol, BOND - 1);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_AllowanceTooLow.selector, BOND, BOND - 1));
        _enter(carol, deal, 0);
        _allow(carol, BOND);
        _enter(carol, deal, 0);
        _checkBonds();
    }

    function test_a_permit_is_one_and_a_false_one_does_no_harm() public {
        _allow(carol, 0);
        Permit memory p = _permit(0xbad, BOND);
        vm.expectRevert(abi.encodeWithSelector(RepairEvents.Repairs_AllowanceTooLow.selector, BOND, 0));
        _enterWith(carol, p);
        p = _permit(CAROL_KEY, BOND);
        token.permit(carol, address(repairs), p.value, p.deadline, p.v, p.r, p.s); // somebody was first
        _enterWith(carol, p);
        _checkBonds();
        Permit memory none;
        none.deadline = 1;
        _enterWith(dave, none);
        _checkBonds();
    }

    function test_a_permit_alone_suffices() public {
        _allow(carol, 0);
        _enterWith(carol, _permit(CAROL_KEY, BOND));
        vm.assertEq(repairs.openBonds(), BOND, "bonded");
    }

    function test_a_bond_is_taken_from_credit_first() public {
        _enter(carol, deal, 0);
        _enter(dave, deal, 0);
        uint64 next = _toClaims(deal, 0, 4) + 1;
        (address low, address high) = _ordered(next - 1, deal, 0, carol, dave);
        _claim(low, deal, 0);
        next = _afterClaims(deal, 0, next);
        repairs.refund(deal, 0, 0, high);
        _afterSealing(deal, 0, next);
        repairs.expire(deal, 0);
        _allow(high, 0);
        _enter(high, deal, 0);
        vm.assertEq(_credit(high), 0, "credit used");
        _checkBonds();
    }

    function test_a_token_that_takes_a_fee_is_refused() public {
        FeeToken fee = new FeeToken();
        fee.mint(carol, BOND);
        Repairs other = _newRepairs(address(fee), _repairTerms());
        vm.startPrank(carol);
        fee.approve(address(other), BOND);
        vm.expectRevert(
            abi.encodeWithSelector(RepairEvents.Repairs_TokenTookFee.selector, BOND, BOND - BOND / 100)
        );
        other.enter(deal, 0, _noPermit());
    }

    function test_a_token_that_calls_back_finds_the_door_shut() public {
        CallingToken calling = new CallingToken();
        calling.mint(carol, BOND);
        Repairs other = _newRepairs(address(calling), _repairTerms());
        bytes[3] memory calls = [
            abi.encodeCall(Repairs.enter, (deal, 0, _noPermit())),
            abi.encodeCall(Repairs.withdraw, (carol)),
            abi.encodeCall(Repairs.burn, ())
        ];
        vm.startPrank(carol);
        calling.approve(address(other), BOND);
        for (uint256 i = 0; i < 3; ++i) {
            calling.aim(address(other), calls[i]);
            vm.expectRevert(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
            other.enter(deal, 0, _noPermit());
        }
    }
}
