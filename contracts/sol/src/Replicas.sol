// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {Beacon} from "./Beacon.sol";
import {Constants} from "./Constants.sol";
import {Periods} from "./Periods.sol";
import {Replica, ReplicaStatus, ReplicaTerms} from "./ReplicaTypes.sol";
import {Circuit, CircuitKey} from "./SectorTypes.sol";
import {Sectors} from "./Sectors.sol";
import {Verifier} from "./Verifier.sol";
import {Words} from "./Words.sol";

/// @title Replicas: precommits, their deposits, and proofs of replication.
/// @notice A provider reserves a number (Sectors.reserve), encodes its data under that number and a ticket, and
/// precommits (comm_d, comm_r) with a deposit. A round that lies behind the precommit by more than seedDelay seeds the
/// challenges; one batch of proofs, partitions 0..partitions-1 once each, shows that comm_r commits to the encoding.
///     ticket = randomness(ticketPeriod) >> 8,   roundTime(ticketPeriod) + ticketAge >= time of the precommit
///     seedPeriod = first period with roundTime > time of the precommit + seedDelay
///     porepId = keccak256(PURPOSE_POREP, chain id, this, circuit id) >> 8
///     seed = keccak256(PURPOSE_POREP_SEED, chain id, this, circuit id, provider, number, comm_d, comm_r, ticket,
///         seedPeriod, randomness(seedPeriod)) >> 8
///     inputs of partition p = comm_d, comm_r, porepId, provider, ticket, seed, number | p << 64
///     dueTime = max(deadline(seedPeriod), time its round was posted) + due
/// While the round of seedPeriod is unknown here the clock stands still: a silent beacon burns no deposit, and anybody
/// who has the round's signature starts the clock by posting it, however late.
/// Invariants:
///     token balance >= openDeposits + sum of credits (equal unless someone sends tokens unasked);
///     openDeposits = deposit * number of replicas with status Committed;
///     per (provider, number): status only moves forward; at most one precommit, one credit or one burn, one use;
///     every Committed, Proven, Used or Expired number was reserved, so no hot sector has it.
/// Money moves in at `precommit`, out at `withdraw` and, burned, at `expire`. What comes back is a credit, so that a
/// token that refuses a provider cannot make its proof fail. A check that fails reverts and costs no deposit: too little
/// gas looks like a false proof.
contract Replicas is Periods, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// @notice The terms contradict each other or the circuit.
    error Replicas_TermsRefused();
    /// @notice The caller has not reserved this number.
    error Replicas_NotReserved(address provider, uint64 number);
    /// @notice A number is precommitted once, ever.
    error Replicas_AlreadyPrecommitted(address provider, uint64 number);
    /// @notice Both commitments must be below the field's order.
    error Replicas_CommitmentRefused();
    /// @notice The ticket's round is too old or still to come: at `time` only periods up to `newest` have a round.
    error Replicas_TicketRefused(uint64 period, uint64 newest, uint64 time);
    /// @notice The beacon round of the period was not posted yet.
    error Replicas_RoundUnknown(uint64 period);
    /// @notice There is no precommit that waits for its proof.
    error Replicas_NotCommitted(address provider, uint64 number);
    /// @notice The proof was due at `dueTime`.
    error Replicas_TooLate(address provider, uint64 number, uint64 dueTime);
    /// @notice The proof may come until `dueTime` (0: the clock does not run, the seed is unknown).
    error Replicas_TooEarly(address provider, uint64 number, uint64 dueTime);
    /// @notice There is no proven replica under this number, or its sector was appended.
    error Replicas_NotProven(address provider, uint64 number);
    /// @notice Only Sectors uses a proven replica.
    error Replicas_NotSectors(address caller);
    /// @notice The caller has not allowed Replicas to take the deposit.
    error Replicas_AllowanceTooLow(uint256 needed, uint256 got);
    /// @notice The token delivered less than was sent.
    error Replicas_TokenTookFee(uint256 expected, uint256 got);
    /// @notice The account has no credit.
    error Replicas_NothingToWithdraw(address account);

    /// @notice A provider committed to a replica. `deposit` stays until it is proven or has expired.
    event ReplicaPrecommitted(
        address indexed provider,
        uint64 indexed number,
        uint256 commD,
        uint256 commR,
        uint64 ticketPeriod,
        uint64 seedPeriod,
        uint256 deposit
    );
    /// @notice The replica was proven; the deposit was credited to its provider.
    event ReplicaProven(address indexed provider, uint64 indexed number, uint256 deposit);
    /// @notice The replica was not proven in time; the deposit was burned and the number is dead.
    event ReplicaExpired(address indexed provider, uint64 indexed number, uint256 deposit);
    /// @notice Credit left the contract.
    event DepositWithdrawn(address indexed account, address indexed to, uint256 amount);

    /// @notice The one token of this deployment.
    IERC20 public immutable token;
    /// @notice Gives out the numbers and takes proven replicas.
    Sectors public immutable sectors;
    /// @notice Checks every proof.
    Verifier public immutable verifier;
    Beacon internal immutable BEACON;
    address private immutable _replicaKey;
    bytes32 private immutable _replicaId;
    uint8 private immutable _layers;
    uint16 internal immutable PARTITIONS;
    uint64 internal immutable TICKET_AGE;
    uint64 internal immutable SEED_DELAY;
    uint64 internal immutable PROOF_DUE;
    uint128 internal immutable DEPOSIT;

    /// @notice The sum of the deposits that wait for a proof.
    uint256 public openDeposits;
    /// @notice Deposits that came back: what an account may withdraw, and what its next deposits are taken from first.
    mapping(address account => uint256) public creditOf;

    mapping(address provider => mapping(uint64 number => Replica)) internal _replicas;

    /// @param token_ an ERC-20 that takes no fee, never rebases and calls nobody
    constructor(IERC20 token_, Sectors sectors_, ReplicaTerms memory terms_) Periods(sectors_.schedule()) {
        // A ticket must be there to be had, and time must be left to prove: at least one whole period each.
        bool sound = terms_.layers != 0 && terms_.partitions != 0 && terms_.partitions <= Constants.MAX_PARTITIONS
            && terms_.seedDelay != 0 && terms_.seedDelay <= 365 days && terms_.ticketAge >= PERIOD
            && terms_.ticketAge <= 365 days && terms_.due >= PERIOD && terms_.due <= 365 days;
        if (!sound) revert Replicas_TermsRefused();
        token = token_;
        sectors = sectors_;
        verifier = sectors_.verifier();
        BEACON = sectors_.beacon();
        CircuitKey memory circuit = sectors_.circuit(Circuit.Replica);
        (_replicaKey, _replicaId) = (circuit.key, circuit.id);
        (_layers, PARTITIONS, DEPOSIT) = (terms_.layers, terms_.partitions, terms_.deposit);
        (TICKET_AGE, SEED_DELAY, PROOF_DUE) = (terms_.ticketAge, terms_.seedDelay, terms_.due);
    }

    /// @notice Commits the caller to a replica under a number it reserved, once per number. Money: the deposit, from the
    /// caller's credit first, the rest from its account by allowance. Constant work.
    /// Reverts: Replicas_CommitmentRefused, Replicas_NotReserved, Replicas_AlreadyPrecommitted, Replicas_TicketRefused,
    /// Replicas_RoundUnknown, Replicas_AllowanceTooLow, Replicas_TokenTookFee, and the token's.
    /// @param ticketPeriod period whose randomness is the ticket the replica was encoded with
    function precommit(uint64 number, uint256 commD, uint256 commR, uint64 ticketPeriod) external nonReentrant {
        if (commD >= Constants.FR || commR >= Constants.FR) revert Replicas_CommitmentRefused();
        _requireFresh(msg.sender, number);
        _requireTicket(ticketPeriod);
        uint64 seedPeriod = _seedPeriod();
        _replicas[msg.sender][number] = Replica(commD, commR, ticketPeriod, seedPeriod, ReplicaStatus.Committed);
        openDeposits += DEPOSIT;
        emit ReplicaPrecommitted(msg.sender, number, commD, commR, ticketPeriod, seedPeriod, DEPOSIT);
        _collect();
    }

    /// @notice Shows that a precommitted replica is the encoding it claims to be. Anyone, from the moment the seed is
    /// known to dueTime. Money: the deposit to the credit of the provider. Work: one batch of `partitions` proofs.
    /// Reverts: Replicas_NotCommitted, Replicas_RoundUnknown, Replicas_TooLate, and the verifier's.
    /// @param proofs 512 bytes for each partition, in the order 0..partitions-1
    function proveReplica(address provider, uint64 number, bytes calldata proofs) external nonReentrant {
        Replica storage r = _committed(provider, number);
        uint64 due = _dueTime(r.seedPeriod);
        if (due == 0) revert Replicas_RoundUnknown(r.seedPeriod);
        if (_now() > due) revert Replicas_TooLate(provider, number, due);
        verifier.verifyBatch(_replicaKey, _statements(provider, number, r), proofs);
        r.status = ReplicaStatus.Proven;
        openDeposits -= DEPOSIT;
        creditOf[provider] += DEPOSIT;
        emit ReplicaProven(provider, number, DEPOSIT);
    }

    /// @notice Ends a precommit that was not proven in time; its number is dead. Anyone, after dueTime. Money: the
    /// deposit is burned. Constant work. Reverts: Replicas_NotCommitted, Replicas_TooEarly, and the token's.
    function expire(address provider, uint64 number) external nonReentrant {
        Replica storage r = _committed(provider, number);
        uint64 due = _dueTime(r.seedPeriod);
        if (due == 0 || _now() <= due) revert Replicas_TooEarly(provider, number, due);
        r.status = ReplicaStatus.Expired;
        openDeposits -= DEPOSIT;
        emit ReplicaExpired(provider, number, DEPOSIT);
        if (DEPOSIT != 0) token.safeTransfer(Constants.BURN, DEPOSIT);
    }

    /// @notice Pays the caller's whole credit out to `to`. Money: from the contract to `to`. Constant work.
    /// Reverts: Replicas_NothingToWithdraw, and the token's.
    function withdraw(address to) external nonReentrant returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert Replicas_NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        emit DepositWithdrawn(msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    /// @notice Hands a proven replica over to its sector, once. Only Sectors; no money; constant work.
    /// Reverts: Replicas_NotSectors, Replicas_NotProven.
    function use(address provider, uint64 number) external returns (uint256 commD, uint256 commR) {
        if (msg.sender != address(sectors)) revert Replicas_NotSectors(msg.sender);
        Replica storage r = _replicas[provider][number];
        _requireUsable(r, provider, number);
        r.status = ReplicaStatus.Used;
        return (r.commD, r.commR);
    }

    /// @notice What this deployment demands of replicas.
    function terms() external view returns (ReplicaTerms memory) {
        return ReplicaTerms(_layers, PARTITIONS, TICKET_AGE, SEED_DELAY, PROOF_DUE, DEPOSIT);
    }

    /// @notice A replica; all zero when the number was never precommitted.
    function replica(address provider, uint64 number) external view returns (Replica memory) {
        return _replicas[provider][number];
    }

    /// @notice Last second in which a precommitted replica may be proven; 0 when there is no precommit or the clock does
    /// not run yet.
    function dueTime(address provider, uint64 number) external view returns (uint64) {
        Replica storage r = _replicas[provider][number];
        return r.status == ReplicaStatus.None ? 0 : _dueTime(r.seedPeriod);
    }

    /// @notice What every replica of this deployment is encoded for: chain, contract, circuit. Below 2^248.
    function porepId() public view returns (uint256) {
        bytes memory all = abi.encode(Constants.PURPOSE_POREP, _chain(), _place(), _replicaId);
        return uint256(keccak256(all)) >> 8;
    }

    /// @notice The ticket of a period, below 2^248. Reverts: Replicas_RoundUnknown.
    function ticketOf(uint64 period) public view returns (uint256) {
        return uint256(_randomness(period)) >> 8;
    }

    /// @notice The seed of a precommitted replica's challenges, below 2^248.
    /// Reverts: Replicas_NotCommitted (never precommitted), Replicas_RoundUnknown.
    function seedOf(address provider, uint64 number) external view returns (uint256) {
        Replica storage r = _replicas[provider][number];
        if (r.status == ReplicaStatus.None) revert Replicas_NotCommitted(provider, number);
        return _seed(provider, number, r);
    }

    /// The number was reserved by the provider and never precommitted.
    function _requireFresh(address provider, uint64 number) internal view virtual {
        if (!sectors.isReserved(provider, number)) revert Replicas_NotReserved(provider, number);
        bool fresh = _replicas[provider][number].status == ReplicaStatus.None;
        if (!fresh) revert Replicas_AlreadyPrecommitted(provider, number);
    }

    /// The ticket's round has come, is young enough and is posted.
    function _requireTicket(uint64 period) internal view virtual {
        uint64 newest = periodAfter(_now()) - 1;
        bool young = period != 0 && period <= newest && roundTime(period) + TICKET_AGE >= _now();
        if (!young) revert Replicas_TicketRefused(period, newest, _now());
        _randomness(period);
    }

    /// The period that seeds a replica precommitted now: nobody knows its round yet.
    function _seedPeriod() internal view virtual returns (uint64) {
        return periodAfter(_now() + SEED_DELAY);
    }

    /// 0 while the seed is unknown.
    function _dueTime(uint64 seedPeriod) internal view virtual returns (uint64) {
        uint64 since = BEACON.knownSince(seedPeriod);
        return since == 0 ? 0 : since + PROOF_DUE;
    }

    function _requireUsable(Replica storage r, address provider, uint64 number) internal view virtual {
        if (r.status != ReplicaStatus.Proven) revert Replicas_NotProven(provider, number);
    }

    /// The public inputs of partitions 0..PARTITIONS-1, once each, of one seed and one pair of commitments.
    function _statements(address provider, uint64 number, Replica storage r)
        internal
        view
        virtual
        returns (uint256[][] memory all)
    {
        uint256[7] memory shared;
        (shared[0], shared[1], shared[2]) = (r.commD, r.commR, porepId());
        (shared[3], shared[4]) = (uint160(provider), ticketOf(r.ticketPeriod));
        shared[5] = _seed(provider, number, r);
        all = new uint256[][](PARTITIONS);
        for (uint16 p = 0; p < PARTITIONS; ++p) {
            uint256[] memory one = new uint256[](7);
            for (uint256 i = 0; i < 6; ++i) {
                one[i] = shared[i];
            }
            one[6] = Words.replica(number, p);
            all[p] = one;
        }
    }

    function _seed(address provider, uint64 number, Replica storage r) internal view virtual returns (uint256) {
        bytes memory all = abi.encode(
            Constants.PURPOSE_POREP_SEED,
            _chain(),
            _place(),
            _replicaId,
            provider,
            number,
            r.commD,
            r.commR,
            ticketOf(r.ticketPeriod),
            r.seedPeriod,
            _randomness(r.seedPeriod)
        );
        return uint256(keccak256(all)) >> 8;
    }

    /// The chain and the contract that every statement is bound to.
    function _chain() internal view virtual returns (uint256) {
        return block.chainid;
    }

    function _place() internal view virtual returns (address) {
        return address(this);
    }

    function _randomness(uint64 period) private view returns (bytes32 value) {
        value = BEACON.randomness(roundOf(period));
        if (value == 0) revert Replicas_RoundUnknown(period);
    }

    function _committed(address provider, uint64 number) internal view virtual returns (Replica storage r) {
        r = _replicas[provider][number];
        if (r.status != ReplicaStatus.Committed) revert Replicas_NotCommitted(provider, number);
    }

    /// Takes exactly the deposit from the caller, its credit first.
    function _collect() private {
        uint256 credit = creditOf[msg.sender];
        uint256 used = credit < DEPOSIT ? credit : DEPOSIT;
        uint256 rest = DEPOSIT - used;
        if (used != 0) creditOf[msg.sender] = credit - used;
        if (rest == 0) return;
        uint256 allowance = token.allowance(msg.sender, address(this));
        if (allowance < rest) revert Replicas_AllowanceTooLow(rest, allowance);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), rest);
        uint256 got = token.balanceOf(address(this)) - before;
        if (got != rest) revert Replicas_TokenTookFee(rest, got);
    }
}
