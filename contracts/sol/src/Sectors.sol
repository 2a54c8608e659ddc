// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {Beacon} from "./Beacon.sol";
import {Collateral} from "./Collateral.sol";
import {Constants} from "./Constants.sol";
import {Replicas} from "./Replicas.sol";
import {Runs} from "./Runs.sol";
import {Circuit, CircuitKey, Parameters, Sector} from "./SectorTypes.sol";
import {Trees} from "./Trees.sol";
import {Verifier} from "./Verifier.sol";
import {Words} from "./Words.sol";

/// @title Sectors: what providers have committed to, and their proofs of spacetime.
/// @notice A sector enters a provider's tree by a proof of `append`, leaves it by a proof of `retire`, and one proof of
/// `spacetime` per (provider, tree, period) shows that the whole tree is held. A sealed sector enters with the
/// commitments of a replica that was proven under a number reserved for it (see Replicas). Invariants:
///     newest count of a tree = sectors appended - sectors retired;
///     at most one proof counts per (provider, tree, period), and only within [round time, deadline];
///     a sector with live slots is in its tree.
/// Holds no money. Hashes no Poseidon2: every root but the empty one comes out of a proof.
contract Sectors is Trees {
    /// @notice The parameter set contradicts itself or does not fit the inputs of a circuit.
    error Sectors_ParametersRefused();
    /// @notice Only the deployer binds Deals, Replicas and Collateral.
    error Sectors_NotDeployer();
    /// @notice Deals, Replicas and Collateral are bound for good.
    error Sectors_AlreadyBound();
    /// @notice A contract to be bound is missing or belongs to other Sectors.
    error Sectors_BindRefused();
    /// @notice Only Deals moves live slots.
    error Sectors_NotDeals(address caller);
    /// @notice `append` takes hot sectors only; sealed ones come by `appendSealed`.
    error Sectors_KindRefused(uint8 kind);
    /// @notice One call reserves between one and `most` numbers.
    error Sectors_ReserveCount(uint16 got, uint256 most);
    /// @notice The tree holds as many sectors as it can; use another tree.
    error Sectors_TreeFull(address provider, uint32 tree);
    /// @notice The provider has no such sector, or it was retired.
    error Sectors_NotOpen(address provider, uint64 number);
    /// @notice The sector lies in another tree.
    error Sectors_OtherTree(uint64 number, uint32 expected, uint32 got);
    /// @notice Slots of deals still live in the sector.
    error Sectors_LiveSlots(address provider, uint64 number, uint32 slots);
    /// @notice Only the provider may retire this sector now.
    error Sectors_NotYours(address provider, uint64 number);
    /// @notice The tree frozen for the period holds nothing.
    error Sectors_TreeEmpty(address provider, uint32 tree, uint64 period);
    /// @notice A proof declares at most MAX_SKIPS skips, and only the provider, who pays for them, declares any.
    error Sectors_SkipsRefused(uint8 skips);
    /// @notice A proof of the period counts from `from` to `to`.
    error Sectors_OutsideWindow(uint64 period, uint64 from, uint64 to);
    /// @notice The beacon round of the period was not posted yet.
    error Sectors_RoundUnknown(uint64 round);
    /// @notice The tree was proven for this period.
    error Sectors_AlreadyProven(address provider, uint32 tree, uint64 period);

    /// @notice Deals, Replicas and Collateral were bound; this happens once.
    event Bound(address deals, address replicas, address collateral);
    /// @notice The provider took `count` numbers from `first` on for replicas; no hot sector will have them.
    event NumbersReserved(address indexed provider, uint64 first, uint16 count);
    /// @notice A sector entered a tree at `index`; its root, newest from now on, counts from `effectivePeriod`.
    event SectorAppended(
        address indexed provider,
        uint32 indexed tree,
        uint64 indexed number,
        uint32 index,
        uint256 commR,
        uint256 commD,
        uint8 kind,
        uint256 root,
        uint64 effectivePeriod
    );
    /// @notice Sector `number` left place `index`; the last sector, `movedNumber`, now stands there (unless it is the
    /// same). `count` is the number of sectors left.
    event SectorRetired(
        address indexed provider,
        uint32 indexed tree,
        uint64 indexed number,
        uint32 index,
        uint64 movedNumber,
        uint32 count,
        uint256 root,
        uint64 effectivePeriod
    );
    /// @notice The tree was proven for the period.
    event WindowProven(address indexed provider, uint32 indexed tree, uint64 indexed period, uint32 count, uint8 skips);

    /// @notice Checks every proof.
    Verifier public immutable verifier;
    /// @notice May bind Deals, Replicas and Collateral, once; nothing else.
    address public immutable deployer;
    /// @notice A sector has 2^this leaves.
    uint8 public immutable sectorLog2Leaves;
    /// @notice A provider tree holds 16^this sectors.
    uint8 public immutable treeLevels;
    /// @notice Most pieces one proof of `include` places.
    uint8 public immutable includeWidth;
    /// @notice Leaves a window proof opens.
    uint16 public immutable postSamples;
    address private immutable _spacetimeKey;
    bytes32 private immutable _spacetimeId;
    address private immutable _appendKey;
    bytes32 private immutable _appendId;
    address private immutable _retireKey;
    bytes32 private immutable _retireId;
    address private immutable _includeKey;
    bytes32 private immutable _includeId;
    address private immutable _replicaKey;
    bytes32 private immutable _replicaId;
    address private immutable _disputeKey;
    bytes32 private immutable _disputeId;

    /// @notice Name of the parameter set.
    string public parameterSet;
    /// @notice The contract that moves live slots; zero until bound.
    address public deals;
    /// @notice The contract that proves replicas; zero until bound.
    Replicas public replicas;
    /// @notice The contract that charges declared skips; zero until bound.
    Collateral public collateral;
    /// @notice The newest number a provider used or reserved; numbers begin at 1.
    mapping(address provider => uint64) public lastNumber;

    mapping(address provider => mapping(uint64 number => Sector)) private _sectors;
    mapping(address provider => mapping(uint256 word => uint256 bits)) private _reserved;

    /// @param circuits keys and ids in the order of `Circuit`
    /// @param emptyRoot_ root of a tree of `treeLevels` levels without sectors
    constructor(
        Verifier verifier_,
        Beacon beacon_,
        Parameters memory parameters,
        CircuitKey[6] memory circuits,
        uint256 emptyRoot_
    ) Trees(beacon_, emptyRoot_) {
        bool sound = parameters.sectorLog2Leaves <= 32 && parameters.treeLevels != 0 && parameters.treeLevels <= 7
            && parameters.includeWidth != 0 && 1 + 2 * uint256(parameters.includeWidth) <= Constants.MAX_INPUTS
            && parameters.postSamples != 0 && emptyRoot_ < Constants.FR && emptyRoot_ != 0;
        if (!sound) revert Sectors_ParametersRefused();
        verifier = verifier_;
        deployer = msg.sender;
        parameterSet = parameters.name;
        sectorLog2Leaves = parameters.sectorLog2Leaves;
        treeLevels = parameters.treeLevels;
        includeWidth = parameters.includeWidth;
        postSamples = parameters.postSamples;
        (_spacetimeKey, _spacetimeId) = (circuits[0].key, circuits[0].id);
        (_appendKey, _appendId) = (circuits[1].key, circuits[1].id);
        (_retireKey, _retireId) = (circuits[2].key, circuits[2].id);
        (_includeKey, _includeId) = (circuits[3].key, circuits[3].id);
        (_replicaKey, _replicaId) = (circuits[4].key, circuits[4].id);
        (_disputeKey, _disputeId) = (circuits[5].key, circuits[5].id);
        verifier_.requireKey(circuits[0].key, 3);
        verifier_.requireKey(circuits[1].key, 5);
        verifier_.requireKey(circuits[2].key, 3);
        verifier_.requireKey(circuits[3].key, 1 + 2 * uint256(parameters.includeWidth));
        verifier_.requireKey(circuits[4].key, 7);
        verifier_.requireKey(circuits[5].key, 6);
    }

    /// @notice Names the contracts that move live slots, prove replicas and hold collateral. Only the deployer, once. No
    /// money; constant work. Reverts: Sectors_NotDeployer, Sectors_AlreadyBound, Sectors_BindRefused.
    function bind(address deals_, Replicas replicas_, Collateral collateral_) external {
        if (msg.sender != deployer) revert Sectors_NotDeployer();
        if (deals != address(0)) revert Sectors_AlreadyBound();
        bool ours = deals_ != address(0) && address(replicas_.sectors()) == address(this)
            && address(collateral_.sectors()) == address(this);
        if (!ours) revert Sectors_BindRefused();
        deals = deals_;
        replicas = replicas_;
        collateral = collateral_;
        emit Bound(deals_, address(replicas_), address(collateral_));
    }

    /// @notice Takes the caller's next `count` numbers for replicas: a replica is encoded under its number, so the number
    /// comes first. Anyone for itself; no money; two storage words at most. Reverts: Sectors_ReserveCount.
    function reserve(uint16 count) external returns (uint64 first) {
        if (count == 0 || count > Constants.MAX_RESERVED) revert Sectors_ReserveCount(count, Constants.MAX_RESERVED);
        first = lastNumber[msg.sender] + 1;
        lastNumber[msg.sender] = first + count - 1;
        uint256 shift = first & 255;
        uint256 ones = type(uint256).max >> (256 - count);
        uint256 word = first >> 8;
        _reserved[msg.sender][word] |= ones << shift;
        if (shift + count > 256) _reserved[msg.sender][word + 1] |= ones >> (256 - shift);
        emit NumbersReserved(msg.sender, first, count);
    }

    /// @notice Adds a hot sector of the caller to its tree `tree_`. No money; one proof (5 inputs).
    /// The proof is against the tree's newest root and the caller's next number.
    /// Reverts: Sectors_KindRefused, Sectors_TreeFull, and the verifier's.
    function append(uint32 tree_, uint256 newRoot, uint256 commD, uint256 commR, uint8 kind, bytes calldata proof)
        external
        returns (uint64 number)
    {
        if (kind != Constants.KIND_HOT) revert Sectors_KindRefused(kind);
        number = ++lastNumber[msg.sender];
        _append(tree_, number, newRoot, commD, commR, kind, proof);
    }

    /// @notice Adds a sealed sector of the caller to its tree `tree_`: the replica proven under `number`, once, with the
    /// commitments it was precommitted with. No money; one proof (5 inputs) against the tree's newest root.
    /// Reverts: Sectors_TreeFull, Replicas_NotProven, and the verifier's.
    function appendSealed(uint32 tree_, uint64 number, uint256 newRoot, bytes calldata proof) external {
        (uint256 commD, uint256 commR) = replicas.use(msg.sender, number);
        _append(tree_, number, newRoot, commD, commR, Constants.KIND_SEALED, proof);
    }

    /// @notice Takes a sector without live slots out of its tree; the last sector moves into its place. The provider
    /// at any time; anyone once a hot sector has been without live slots for STRANGER_RETIRE_PERIODS. No money; one
    /// proof (3 inputs: old root, new root, word of count, index, both numbers).
    /// Reverts: Sectors_NotOpen, Sectors_OtherTree, Sectors_LiveSlots, Sectors_NotYours, and the verifier's.
    /// @param index place of the sector now
    /// @param movedNumber number of the last sector (the same number if it is the one)
    function retire(
        address provider,
        uint32 tree_,
        uint64 number,
        uint32 index,
        uint64 movedNumber,
        uint256 newRoot,
        bytes calldata proof
    ) external {
        _requireRetirable(provider, tree_, number);
        Tree storage t = _trees[provider][tree_];
        (uint256 root, uint32 count) = _newest(t);

        uint256[] memory inputs = new uint256[](3);
        (inputs[0], inputs[1]) = (root, newRoot);
        inputs[2] = Words.retire(count, index, number, movedNumber);
        verifier.verify(_retireKey, inputs, proof);

        uint64 effective = _change(t, newRoot, count - 1);
        delete _sectors[provider][number];
        emit SectorRetired(provider, tree_, number, index, movedNumber, count - 1, newRoot, effective);
    }

    /// @notice Shows that the provider holds the whole tree frozen for `period`. Anyone, from the round's time to the
    /// deadline, once; the provider alone declares skips. No money but the charge of declared skips (settlement reads the
    /// count later); one proof (3 inputs), at most one new storage word.
    /// Reverts: Sectors_SkipsRefused, Sectors_OutsideWindow, Sectors_AlreadyProven, Sectors_TreeEmpty,
    /// Sectors_RoundUnknown, Collateral_TooLow, and the verifier's.
    /// @param skips samples the proof leaves out, each charged by Collateral.chargeSkips
    function proveWindow(address provider, uint32 tree_, uint64 period, uint8 skips, bytes calldata proof) external {
        _proveWindow(provider, tree_, period, skips, proof);
    }

    /// @notice proveWindow that carries the round's signature with it (see Beacon.postRound).
    function postAndProve(
        address provider,
        uint32 tree_,
        uint64 period,
        uint8 skips,
        bytes calldata proof,
        bytes calldata signature
    ) external {
        BEACON.postRound(roundOf(period), signature);
        _proveWindow(provider, tree_, period, skips, proof);
    }

    /// @notice Slots of deals now live in a sector. Only Deals; constant work.
    /// Reverts: Sectors_NotDeals, Sectors_NotOpen.
    function takeSlots(address provider, uint64 number, uint32 slots) external {
        if (msg.sender != deals) revert Sectors_NotDeals(msg.sender);
        Sector storage s = _sectors[provider][number];
        if (!s.open) revert Sectors_NotOpen(provider, number);
        s.liveSlots += slots;
    }

    /// @notice A slot of a sector has ended. Only Deals; constant work. Reverts: Sectors_NotDeals.
    function freeSlot(address provider, uint64 number) external {
        if (msg.sender != deals) revert Sectors_NotDeals(msg.sender);
        Sector storage s = _sectors[provider][number];
        if (--s.liveSlots == 0) s.idleSince = openPeriod(_now());
    }

    /// @notice A sector; all zero when the number was never used or the sector was retired.
    function sector(address provider, uint64 number) external view returns (Sector memory) {
        return _sectors[provider][number];
    }

    /// @notice Whether the number was reserved for a replica (it stays so for ever).
    function isReserved(address provider, uint64 number) external view returns (bool) {
        return (_reserved[provider][number >> 8] >> (number & 255)) & 1 == 1;
    }

    /// @notice A circuit's key and id.
    function circuit(Circuit which) external view returns (CircuitKey memory) {
        if (which == Circuit.Spacetime) return CircuitKey(_spacetimeKey, _spacetimeId);
        if (which == Circuit.Append) return CircuitKey(_appendKey, _appendId);
        if (which == Circuit.Retire) return CircuitKey(_retireKey, _retireId);
        if (which == Circuit.Include) return CircuitKey(_includeKey, _includeId);
        if (which == Circuit.Replica) return CircuitKey(_replicaKey, _replicaId);
        return CircuitKey(_disputeKey, _disputeId);
    }

    /// @notice Most sectors a tree holds.
    function treeCapacity() public view returns (uint32) {
        return uint32(1) << (4 * treeLevels);
    }

    /// @notice The seed of a window challenge (whatever it skips) over `count` sectors, below 2^248.
    function windowSeed(address provider, uint32 tree_, uint64 period, uint32 count, bytes32 randomness)
        public
        view
        returns (uint256)
    {
        uint256 range = Words.window(count, sectorLog2Leaves, 0);
        return Words.seed(
            Constants.PURPOSE_WINDOW, 0, address(this), _spacetimeId, provider, tree_, period, count, range, randomness
        );
    }

    function _append(
        uint32 tree_,
        uint64 number,
        uint256 newRoot,
        uint256 commD,
        uint256 commR,
        uint8 kind,
        bytes calldata proof
    ) internal {
        Tree storage t = _trees[msg.sender][tree_];
        (uint256 root, uint32 count) = _newest(t);
        if (count >= treeCapacity()) revert Sectors_TreeFull(msg.sender, tree_);

        uint256[] memory inputs = new uint256[](5);
        (inputs[0], inputs[1], inputs[2], inputs[3]) = (root, newRoot, commD, commR);
        inputs[4] = Words.append(count, number, kind);
        verifier.verify(_appendKey, inputs, proof);

        uint64 effective = _change(t, newRoot, count + 1);
        _sectors[msg.sender][number] = Sector(commD, commR, tree_, count, effective, effective, 0, kind, true);
        emit SectorAppended(msg.sender, tree_, number, count, commR, commD, kind, newRoot, effective);
    }

    function _proveWindow(address provider, uint32 tree_, uint64 period, uint8 skips, bytes calldata proof) private {
        _requireSkips(provider, skips);
        (uint64 from, uint64 to) = (roundTime(period), deadline(period));
        if (period == 0 || _now() < from || _now() > to) revert Sectors_OutsideWindow(period, from, to);
        Tree storage t = _trees[provider][tree_];
        uint32 runs = t.provenRuns;
        if (Runs.reaches(t.proven, runs, period)) revert Sectors_AlreadyProven(provider, tree_, period);
        (uint256 root, uint32 count) = _frozen(t, period);
        if (count == 0) revert Sectors_TreeEmpty(provider, tree_, period);
        bytes32 randomness = BEACON.randomness(roundOf(period));
        if (randomness == 0) revert Sectors_RoundUnknown(roundOf(period));

        uint256[] memory inputs = new uint256[](3);
        (inputs[0], inputs[1]) = (root, windowSeed(provider, tree_, period, count, randomness));
        inputs[2] = Words.window(count, sectorLog2Leaves, skips);
        verifier.verify(_spacetimeKey, inputs, proof);

        uint32 length = Runs.mark(t.proven, runs, period);
        if (length != runs) t.provenRuns = length;
        emit WindowProven(provider, tree_, period, count, skips);
        if (skips != 0) collateral.chargeSkips(provider, tree_, period, skips);
    }

    /// A stranger who could prove without every sample would spend the provider's collateral.
    function _requireSkips(address provider, uint8 skips) internal view virtual {
        if (skips > Constants.MAX_SKIPS || (skips != 0 && msg.sender != provider)) revert Sectors_SkipsRefused(skips);
    }

    function _requireRetirable(address provider, uint32 tree_, uint64 number) private view {
        Sector storage s = _sectors[provider][number];
        if (!s.open) revert Sectors_NotOpen(provider, number);
        if (s.tree != tree_) revert Sectors_OtherTree(number, s.tree, tree_);
        if (s.liveSlots != 0) revert Sectors_LiveSlots(provider, number, s.liveSlots);
        if (msg.sender != provider && !_abandoned(s)) revert Sectors_NotYours(provider, number);
    }

    /// Whether anyone may retire the sector. Never a sealed one: sealing it was dear, and an idle replica dilutes nothing
    /// that its provider does not pay for.
    function _abandoned(Sector storage s) internal view virtual returns (bool) {
        return s.kind == Constants.KIND_HOT
            && openPeriod(_now()) >= s.idleSince + Constants.STRANGER_RETIRE_PERIODS;
    }
}
