// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Beacon} from "../../src/Beacon.sol";
import {Collateral} from "../../src/Collateral.sol";
import {CollateralTerms} from "../../src/CollateralTypes.sol";
import {Activation, NewDeal, Permit, Slot} from "../../src/DealTypes.sol";
import {Deals} from "../../src/Deals.sol";
import {Schedule} from "../../src/Periods.sol";
import {Providers} from "../../src/Providers.sol";
import {ReplicaTerms} from "../../src/ReplicaTypes.sol";
import {Replicas} from "../../src/Replicas.sol";
import {CircuitKey, Parameters} from "../../src/SectorTypes.sol";
import {Sectors} from "../../src/Sectors.sol";
import {TestToken} from "../../src/dev/TestToken.sol";
import {Bls} from "./Bls.sol";
import {ScriptedVerifier} from "./ScriptedVerifier.sol";
import {Cheats} from "./Vm.sol";

/// @dev A whole deployment with a scripted verifier, a beacon whose key the test holds, an owner and two providers.
/// Times: genesis 1e9, period 36 s, frozen 6 s before the round, due 27 s after it.
abstract contract World is Cheats {
    uint64 internal constant GENESIS = 1_000_000_000;
    uint64 internal constant T0 = GENESIS + 300;
    uint64 internal constant PERIOD = 36;
    uint64 internal constant FREEZE = 6;
    uint64 internal constant DUE = 27;
    uint8 internal constant LOG2_LEAVES = 16;
    uint8 internal constant WIDTH = 2;
    uint16 internal constant SAMPLES = 4;
    uint256 internal constant EMPTY_ROOT = 0xe3b7;
    uint256 internal constant BEACON_SECRET = 0xbeac07;
    uint256 internal constant OWNER_KEY = 0x0123;
    uint256 internal constant ALICE_KEY = 0xa11ce;
    uint256 internal constant BOB_KEY = 0xb0b;
    uint128 internal constant PRICE = 1000;
    uint128 internal constant DEPOSIT = 5000;
    uint16 internal constant PARTITIONS = 3;
    uint64 internal constant TICKET_AGE = 360;
    uint64 internal constant SEED_DELAY = 6;
    uint64 internal constant REPLICA_DUE = 180;

    TestToken internal token;
    address internal verifier;
    Beacon internal beacon;
    Providers internal providers;
    Sectors internal sectors;
    Collateral internal collateral;
    Deals internal deals;
    Replicas internal replicas;
    address internal owner;
    address internal alice;
    address internal bob;
    CircuitKey[6] internal circuits;

    function setUp() public virtual {
        vm.warp(T0 - 100);
        (owner, alice, bob) = (vm.addr(OWNER_KEY), vm.addr(ALICE_KEY), vm.addr(BOB_KEY));
        token = TestToken(_deploy("TestToken.sol:TestToken", ""));
        verifier = _newVerifier();
        Schedule memory times = Schedule(T0, PERIOD, FREEZE, DUE, GENESIS, 3);
        beacon = Beacon(_deploy("Beacon.sol:Beacon", abi.encode(Bls.g2(BEACON_SECRET), times)));
        providers = Providers(_deploy("Providers.sol:Providers", ""));
        _makeKeys();
        sectors = _newSectors("Sectors.sol:Sectors");
        collateral = _newCollateral("Collateral.sol:Collateral", address(token));
        deals = _newDeals(address(token));
        replicas = _newReplicas(address(token), _terms());
        sectors.bind(address(deals), replicas, collateral);
        _bindMarket();
        vm.prank(alice);
        providers.register("alice.example:4433", bytes32("alice"), alice, 0);
        vm.prank(bob);
        providers.register("bob.example:4433", bytes32("bob"), bob, 0);
        token.mint(owner, 1e30);
        vm.prank(owner);
        token.approve(address(deals), type(uint256).max);
    }

    function _treeLevels() internal pure virtual returns (uint8) {
        return 1;
    }

    function _terms() internal pure returns (ReplicaTerms memory) {
        return ReplicaTerms(2, PARTITIONS, TICKET_AGE, SEED_DELAY, REPLICA_DUE, DEPOSIT);
    }

    /// No collateral, no slashing: most tests are about other things.
    function _collateralTerms() internal pure virtual returns (CollateralTerms memory t) {
        return t;
    }

    /// Binds those who free and slash; tests of other things need none.
    function _bindMarket() internal virtual {
        collateral.bind(address(deals), address(0xc4a1), address(0xd15b));
    }

    function _newCollateral(string memory artifact, address token_) internal returns (Collateral) {
        return Collateral(_deploy(artifact, abi.encode(token_, sectors, _collateralTerms())));
    }

    /// Sectors (or a mutant of it) of this world.
    function _newSectors(string memory artifact) internal returns (Sectors) {
        Parameters memory parameters = Parameters("test", LOG2_LEAVES, _treeLevels(), WIDTH, SAMPLES);
        return Sectors(_deploy(artifact, abi.encode(verifier, beacon, parameters, circuits, EMPTY_ROOT)));
    }

    function _newDeals(address token_) internal returns (Deals) {
        return Deals(_deploy("Deals.sol:Deals", abi.encode(token_, providers, sectors, collateral)));
    }

    function _newReplicas(address token_, ReplicaTerms memory terms) internal returns (Replicas) {
        return Replicas(_deploy("Replicas.sol:Replicas", abi.encode(token_, sectors, terms)));
    }

    function _newVerifier() internal virtual returns (address) {
        return _deploy("ScriptedVerifier.sol:ScriptedVerifier", "");
    }

    function _makeKeys() internal virtual {
        for (uint160 i = 0; i < 6; ++i) {
            circuits[i] = CircuitKey(address(0x1000 + i), bytes32(uint256(0xc0 + i)));
        }
    }

    function _prove(uint256 which, uint256[] memory inputs) internal virtual returns (bytes memory) {
        return ScriptedVerifier(verifier).proofOf(circuits[which].key, inputs);
    }

    // Times

    function _roundTime(uint64 period) internal pure returns (uint64) {
        return T0 + period * PERIOD;
    }

    /// The second before the trees of `period` freeze.
    function _beforeFreeze(uint64 period) internal {
        vm.warp(_roundTime(period) - FREEZE - 1);
    }

    function _toRound(uint64 period) internal {
        vm.warp(_roundTime(period));
    }

    function _afterDeadline(uint64 period) internal {
        vm.warp(_roundTime(period) + DUE + 1);
    }

    // Beacon

    function _roundOf(uint64 period) internal pure returns (uint64) {
        return (_roundTime(period) - GENESIS) / 3 + 1;
    }

    function _signature(uint64 period) internal view returns (bytes memory) {
        return Bls.signRound(BEACON_SECRET, _roundOf(period));
    }

    function _post(uint64 period) internal {
        beacon.postRound(_roundOf(period), _signature(period));
    }

    // Sectors

    /// A root that stands for the state after a provider's `step`-th change.
    function _rootNumber(address provider, uint256 step) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(provider, step))) >> 8;
    }

    function _commD(uint64 number) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("comm_d", number))) >> 8;
    }

    function _appendInputs(address provider, uint32 tree, uint256 newRoot, uint64 number)
        internal
        view
        returns (uint256[] memory inputs)
    {
        Sectors.TreeState memory t = sectors.tree(provider, tree);
        inputs = new uint256[](5);
        inputs[0] = t.pendingRoot;
        inputs[1] = newRoot;
        inputs[2] = _commD(number);
        inputs[3] = _commD(number) + 1;
        inputs[4] = uint256(t.pendingCount) + (uint256(number) << 32);
    }

    function _append(address provider, uint32 tree) internal returns (uint64 number) {
        number = sectors.lastNumber(provider) + 1;
        uint256 newRoot = _rootNumber(provider, number);
        bytes memory proof = _prove(1, _appendInputs(provider, tree, newRoot, number));
        vm.prank(provider);
        uint64 got = sectors.append(tree, newRoot, _commD(number), _commD(number) + 1, 0, proof);
        vm.assertEq(got, number, "number");
    }

    /// Retires sector `number` at `index`, called by `caller`.
    function _retire(address caller, address provider, uint32 tree, uint64 number, uint32 index, uint64 moved) internal {
        Sectors.TreeState memory t = sectors.tree(provider, tree);
        uint256[] memory inputs = new uint256[](3);
        inputs[0] = t.pendingRoot;
        inputs[1] = _rootNumber(provider, 1_000_000 + number);
        inputs[2] = uint256(t.pendingCount) + (uint256(index) << 32) + (uint256(number) << 64) + (uint256(moved) << 128);
        bytes memory proof = _prove(2, inputs);
        vm.prank(caller);
        sectors.retire(provider, tree, number, index, moved, inputs[1], proof);
    }

    function _windowInputs(address provider, uint32 tree, uint64 period)
        internal
        view
        returns (uint256[] memory inputs)
    {
        (uint256 root, uint32 count) = sectors.frozen(provider, tree, period);
        inputs = new uint256[](3);
        inputs[0] = root;
        inputs[2] = uint256(count) + (uint256(count) << 64) + (uint256(LOG2_LEAVES) << 136);
        bytes memory all = abi.encode(
            keccak256("cairn/v1/window"),
            uint256(0),
            block.chainid,
            address(sectors),
            circuits[0].id,
            provider,
            tree,
            period,
            count,
            inputs[2],
            beacon.randomness(_roundOf(period))
        );
        inputs[1] = uint256(keccak256(all)) / 256;
    }

    function _windowProof(address provider, uint32 tree, uint64 period) internal returns (bytes memory) {
        return _prove(0, _windowInputs(provider, tree, period));
    }

    function _proveWindow(address provider, uint32 tree, uint64 period) internal {
        sectors.proveWindow(provider, tree, period, 0, _windowProof(provider, tree, period));
    }

    /// Warps to the period's round, posts it and proves it.
    function _fullPeriod(address provider, uint32 tree, uint64 period) internal {
        _toRound(period);
        _post(period);
        _proveWindow(provider, tree, period);
    }

    // Deals

    function _noPermit() internal pure returns (Permit memory p) {
        return p;
    }

    function _slots(uint256 n, address provider) internal pure returns (Slot[] memory slots) {
        slots = new Slot[](n);
        for (uint256 i = 0; i < n; ++i) {
            slots[i] = Slot(keccak256(abi.encode("piece", i)), provider, 127 * 16, 6);
        }
    }

    function _newDeal(uint256 n, address provider, uint32 periods, uint32 activationPeriods)
        internal
        pure
        returns (NewDeal memory)
    {
        Slot[] memory slots = _slots(n, provider);
        return NewDeal(1, 1, 0, 32768, 2000, PRICE, periods, activationPeriods, slots);
    }

    function _open(NewDeal memory d) internal returns (uint64) {
        NewDeal[] memory all = new NewDeal[](1);
        all[0] = d;
        vm.prank(owner);
        return deals.openMany(all, _noPermit());
    }

    function _commP(uint64 deal, uint8 slot) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("comm_p", deal, slot))) >> 8;
    }

    function _acceptance(uint256 key, uint64 deal, uint8 slot, Slot memory piece, uint64 expiry)
        internal
        view
        returns (bytes memory)
    {
        bytes32 typeHash = keccak256(
            "Acceptance(uint64 deal,uint8 slot,address provider,bytes32 contentId,uint256 commP,uint8 b,uint64 byteLen,uint64 expiry)"
        );
        bytes32 domainType =
            keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        bytes32 domain =
            keccak256(abi.encode(domainType, keccak256("Cairn"), keccak256("1"), block.chainid, address(deals)));
        bytes32 words = keccak256(
            abi.encode(
                typeHash,
                deal,
                slot,
                piece.provider,
                piece.contentId,
                _commP(deal, slot),
                piece.b,
                piece.byteLen,
                expiry
            )
        );
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, keccak256(abi.encodePacked(hex"1901", domain, words)));
        return abi.encodePacked(r, s, v);
    }

    function _activation(uint64 deal, uint8 slot, Slot[] memory slots, uint40 offset)
        internal
        view
        returns (Activation memory)
    {
        uint64 expiry = uint64(block.timestamp) + 3600;
        bytes memory signature = _acceptance(OWNER_KEY, deal, slot, slots[slot], expiry);
        return Activation(deal, slot, _commP(deal, slot), offset, expiry, slots, signature);
    }

    function _includeInputs(uint64 number, Activation[] memory all) internal pure returns (uint256[] memory inputs) {
        inputs = new uint256[](1 + 2 * uint256(WIDTH));
        inputs[0] = _commD(number);
        for (uint256 i = 0; i < WIDTH; ++i) {
            Activation memory a = all[i < all.length ? i : 0];
            Slot memory piece = a.slots[a.slot];
            inputs[1 + 2 * i] = a.commP;
            inputs[2 + 2 * i] = a.offsetLeaves + (uint256(piece.b) << 40) + (uint256(piece.byteLen) << 48);
        }
    }

    function _activate(address provider, uint64 number, Activation[] memory all) internal {
        bytes memory proof = _prove(3, _includeInputs(number, all));
        vm.prank(provider);
        deals.activate(number, all, proof);
    }

    function _activateOne(address provider, uint64 number, Activation memory a) internal {
        Activation[] memory all = new Activation[](1);
        all[0] = a;
        _activate(provider, number, all);
    }
}
