// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

import {Beacon} from "./Beacon.sol";
import {ChallengeEvents} from "./ChallengeEvents.sol";
import {Challenge, ChallengeStatus, ChallengeTerms} from "./ChallengeTypes.sol";
import {Collateral} from "./Collateral.sol";
import {Constants} from "./Constants.sol";
import {Deal, Permit, SlotState, SlotStatus} from "./DealTypes.sol";
import {Deals} from "./Deals.sol";
import {Periods} from "./Periods.sol";
import {Circuit, CircuitKey} from "./SectorTypes.sol";
import {Sectors} from "./Sectors.sol";
import {Verifier} from "./Verifier.sol";
import {Words} from "./Words.sol";

/// @title The books of Challenges: what is stored, and the checks and arithmetic behind each entry.
abstract contract ChallengeBook is ChallengeEvents, Periods {
    using SafeERC20 for IERC20;

    /// @notice The one token of this deployment.
    IERC20 public immutable token;
    /// @notice Holds the slots.
    Deals public immutable deals;
    /// @notice Holds the trees.
    Sectors public immutable sectors;
    /// @notice Holds what providers stake.
    Collateral public immutable collateral;
    /// @notice Checks every proof.
    Verifier public immutable verifier;
    Beacon internal immutable BEACON;
    address internal immutable SPACETIME_KEY;
    bytes32 internal immutable SPACETIME_ID;
    uint16 internal immutable SAMPLES;
    uint128 internal immutable BOND;
    uint32 internal immutable PER_STEP;
    uint64 internal immutable ANSWER_DUE;
    uint64 internal immutable COOLDOWN;

    /// @notice The newest challenge's number; numbers begin at 1.
    uint64 public lastChallenge;
    /// @notice The sum of the bonds of open challenges.
    uint256 public openBonds;
    /// @notice Money that `burn` sends away.
    uint256 public unburned;
    /// @notice How many challenges of a provider are open.
    mapping(address provider => uint256) public openOf;
    /// @notice What an account may withdraw.
    mapping(address account => uint256) public creditOf;
    /// @notice The newest challenge of a slot; 0 when there was none.
    mapping(uint64 deal => mapping(uint8 slot => uint64)) public newestOf;

    mapping(uint64 id => Challenge) internal _challenges;

    constructor(IERC20 token_, Deals deals_, ChallengeTerms memory terms_) Periods(deals_.schedule()) {
        // Within two periods lies a whole one between two freezes, with one root to prove against.
        bool sound = terms_.bond != 0 && terms_.bond <= type(uint96).max && terms_.perStep != 0
            && terms_.answerDue >= 2 * PERIOD && terms_.answerDue <= 365 days && terms_.cooldown <= 30 days;
        if (!sound) revert Challenges_TermsRefused();
        token = token_;
        deals = deals_;
        sectors = deals_.sectors();
        collateral = deals_.collateral();
        verifier = deals_.verifier();
        BEACON = sectors.beacon();
        SAMPLES = sectors.postSamples();
        CircuitKey memory circuit = sectors.circuit(Circuit.Spacetime);
        (SPACETIME_KEY, SPACETIME_ID) = (circuit.key, circuit.id);
        (BOND, PER_STEP) = (terms_.bond, terms_.perStep);
        (ANSWER_DUE, COOLDOWN) = (terms_.answerDue, terms_.cooldown);
    }

    /// Filled, free of challenges, and its provider answers for it when the round comes.
    function _requireChallengeable(uint64 deal_, uint8 slot, SlotState memory s, uint64 seedPeriod) internal view virtual {
        if (s.status != SlotStatus.Filled) revert Challenges_NotFilled(deal_, slot);
        if (s.challenged) revert Challenges_AlreadyChallenged(deal_, slot);
        Deal memory d = deals.deal(deal_);
        uint64 end = d.startPeriod + d.periods - 1;
        if (seedPeriod > end) revert Challenges_DealEnded(deal_, seedPeriod, end);
        if (collateral.terminatedAt(s.provider, s.tree) != 0) revert Challenges_TreeEnded(s.provider, s.tree);
        if (collateral.excused(s.provider, s.tree, seedPeriod)) {
            revert Challenges_Excused(s.provider, s.tree, seedPeriod);
        }
        // The answer of another provider, or of the same one elsewhere, is none for this piece.
        Challenge storage last = _challenges[newestOf[deal_][slot]];
        bool answered = last.status == ChallengeStatus.Answered && last.provider == s.provider
            && last.sector == s.sector && last.offsetLeaves == s.offsetLeaves;
        if (answered && _now() < last.endedAt + COOLDOWN) {
            revert Challenges_Cooldown(deal_, slot, last.endedAt + COOLDOWN);
        }
    }

    /// The period that seeds a challenge made now: nobody knows its round yet.
    function _seedPeriod() internal view virtual returns (uint64) {
        return openPeriod(_now());
    }

    /// How often the bond of the provider's next challenge is doubled.
    function _doublings(address provider) internal view virtual returns (uint8) {
        uint256 steps = openOf[provider] / PER_STEP;
        return uint8(steps < Constants.MAX_DOUBLINGS ? steps : Constants.MAX_DOUBLINGS);
    }

    function _bond(uint8 doublings) internal view returns (uint256) {
        return uint256(BOND) << doublings;
    }

    function _open(uint64 id) internal view returns (Challenge storage c) {
        c = _challenges[id];
        if (c.status != ChallengeStatus.Open) revert Challenges_NotOpen(id);
    }

    /// Whether the challenged slot is still in the hands it was in. Deals takes the mark away when it frees the slot, and
    /// only the slot's newest challenge can have set it again.
    function _held(uint64 id, Challenge storage c) internal view virtual returns (bool) {
        SlotState memory s = deals.slotState(c.deal, c.slot);
        return s.status == SlotStatus.Filled && s.challenged && newestOf[c.deal][c.slot] == id;
    }

    /// 0 while the seed is unknown.
    function _dueTime(uint64 seedPeriod) internal view virtual returns (uint64) {
        uint64 since = BEACON.knownSince(seedPeriod);
        return since == 0 ? 0 : since + ANSWER_DUE;
    }

    /// Ends an open challenge and returns its bond, which is now nobody's.
    function _end(Challenge storage c, ChallengeStatus status) internal returns (uint256 bond) {
        bond = _bond(c.doublings);
        (c.status, c.endedAt) = (status, _now());
        openOf[c.provider] -= 1;
        openBonds -= bond;
    }

    /// Who has how much of the bond of an answered challenge; the rest is burned. Never the caller of `answer`: an answer
    /// seen on its way can be copied by anyone.
    function _reward(Challenge storage c, uint256) internal view virtual returns (address to, uint256 amount) {
        return (c.provider, BOND);
    }

    /// The public inputs of the answer. openPeriod(now) > seedPeriod >= 1 once the round is known, so the period before
    /// it exists.
    function _statement(uint64 id, Challenge storage c, uint32 index)
        internal
        view
        virtual
        returns (uint256[] memory inputs)
    {
        (uint256 root, uint32 count) = sectors.frozen(c.provider, c.tree, openPeriod(_now()) - 1);
        inputs = new uint256[](3);
        (inputs[0], inputs[1]) = (root, _seed(id, c));
        inputs[2] = Words.direct(count, index, c.sector, c.offsetLeaves, c.b);
    }

    function _seed(uint64 id, Challenge storage c) internal view virtual returns (uint256) {
        bytes32 randomness = BEACON.randomness(roundOf(c.seedPeriod));
        if (randomness == 0) revert Challenges_RoundUnknown(c.seedPeriod);
        uint256 range = Words.direct(0, 0, c.sector, c.offsetLeaves, c.b);
        return Words.seed(
            Constants.PURPOSE_DIRECT,
            id,
            address(this),
            SPACETIME_ID,
            c.provider,
            c.tree,
            c.seedPeriod,
            0,
            range,
            randomness
        );
    }

    /// Takes exactly `bond` from the caller.
    function _collect(uint256 bond, Permit calldata permit) internal {
        if (permit.deadline != 0) {
            try IERC20Permit(address(token)).permit(
                msg.sender, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s
            ) {} catch {}
        }
        uint256 allowance = token.allowance(msg.sender, address(this));
        if (allowance < bond) revert Challenges_AllowanceTooLow(bond, allowance);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), bond);
        uint256 got = token.balanceOf(address(this)) - before;
        if (got != bond) revert Challenges_TokenTookFee(bond, got);
    }
}
