// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Providers} from "../src/Providers.sol";
import {Cheats} from "./support/Vm.sol";

contract ProvidersTest is Cheats {
    Providers private providers;

    function setUp() public {
        providers = new Providers();
    }

    function test_an_entry_is_kept_and_replaced_only_by_its_account() public {
        providers.register("one:1", "pin", address(7), 11);
        Providers.Provider memory p = providers.provider(address(this));
        vm.assertEq(p.endpoint, "one:1", "endpoint");
        vm.assertEq(p.tlsPin, "pin", "pin");
        vm.assertEq(p.operator, address(7), "operator");
        vm.assertEq(p.askPerTibPeriod, 11, "ask");
        providers.update("two:2", "other", address(8), 12);
        vm.assertEq(providers.provider(address(this)).endpoint, "two:2", "replaced");
        vm.assertEq(providers.askOf(address(this)), 12, "ask");
        vm.assertEq(providers.count(), 1, "one entry");
        vm.prank(address(0xbad));
        vm.expectRevert(abi.encodeWithSelector(Providers.Providers_NotRegistered.selector, address(0xbad)));
        providers.update("evil:1", "pin", address(7), 0);
    }

    function test_registering_twice_is_refused() public {
        providers.register("one:1", "pin", address(7), 0);
        vm.expectRevert(abi.encodeWithSelector(Providers.Providers_AlreadyRegistered.selector, address(this)));
        providers.register("one:1", "pin", address(7), 0);
    }

    function testFuzz_an_endpoint_has_1_to_255_bytes(uint16 length) public {
        length %= 1024;
        bytes memory endpoint = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            endpoint[i] = "a";
        }
        bool fits = length >= 1 && length <= 255;
        if (!fits) vm.expectRevert(abi.encodeWithSelector(Providers.Providers_EndpointLength.selector, length));
        providers.register(string(endpoint), "pin", address(7), 0);
        vm.assertTrue(providers.isRegistered(address(this)) == fits, "registered");
    }

    function test_an_entry_without_operator_is_refused() public {
        vm.expectRevert(Providers.Providers_NoOperator.selector);
        providers.register("one:1", "pin", address(0), 0);
    }

    function test_an_unknown_account_has_no_ask() public {
        vm.expectRevert(abi.encodeWithSelector(Providers.Providers_NotRegistered.selector, address(5)));
        providers.askOf(address(5));
        vm.expectRevert(abi.encodeWithSelector(Providers.Providers_NotRegistered.selector, address(5)));
        providers.provider(address(5));
    }

    function test_listing_pages_through_every_entry_in_order() public {
        for (uint160 i = 1; i <= 300; ++i) {
            vm.prank(address(i));
            providers.register("x:1", "pin", address(i), uint128(i));
        }
        vm.assertEq(providers.list(0, type(uint256).max).length, 256, "a page is bounded");
        Providers.Listing[] memory rest = providers.list(256, 256);
        vm.assertEq(rest.length, 44, "rest");
        vm.assertEq(rest[43].account, address(300), "last");
        vm.assertEq(rest[0].entry.askPerTibPeriod, 257, "entry");
        vm.assertEq(providers.list(300, 10).length, 0, "behind the end");
        vm.assertEq(providers.list(type(uint256).max, 10).length, 0, "far behind the end");
    }
}
