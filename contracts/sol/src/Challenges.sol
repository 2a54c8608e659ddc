// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";

import {ChallengeBook} from "./ChallengeBook.sol";
import {Challenge, ChallengeStatus, ChallengeTerms} from "./ChallengeTypes.sol";
import {Constants} from "./Constants.sol";
import {Permit, SlotState} from "./DealTypes.sol";
import {Deals} from "./Deals.sol";
import {Odds} from "./Odds.sol";

/// @title Challenges: bonded demands to show one piece.
/// @notice A window proof samples everything a provider holds, so a small piece is seldom hit. Anyone may put up a bond
/// and have all samples of one proof fall into one slot's piece:
///     bond = terms.bond << min(open challenges of the provider / perStep, MAX_DOUBLINGS)
///     seedPeriod = openPeriod(time of the challenge): its round lies ahead by more than the freeze time, so that nobody
///         knows it, not even where the chain's clock lags as far as the deployment allows for
///     seed = keccak256(PURPOSE_DIRECT, id, chain id, this, circuit id, provider, tree, seedPeriod, 0, range,
///         randomness(seedPeriod)) >> 8,   range = direct word of (0, 0, sector, offsetLeaves, b)
///     statement: root, seed, direct word of (count, index, sector, offsetLeaves, b) with the root and count of the
///         latest frozen state
///     dueTime = max(deadline(seedPeriod), time its round was posted) + answerDue
/// The seed holds nothing that the provider can change once the round is known: count and index are left out of it, or
/// the provider could append sectors until the samples suit it. The root may be a later one than that of seedPeriod: a
/// sector is immutable, its number is given once, and it cannot leave its tree while a slot lives in it, so whatever
/// root holds the number holds the same leaves. The latest frozen state is always known, already holds the sector
/// (seedPeriod is the first period behind the challenge to freeze, and the slot was filled before), and does not change
/// between two freezes, so that an answer under way cannot be made stale by an append or by a stranger's retirement.
/// A challenge that is answered pays its base bond to the provider, for the gas, and burns the rest: whoever fills a
/// provider's quota, the provider itself above all, makes the next challenge dearer at its own cost and shields nothing.
/// It is the provider that is paid, not the caller of `answer`: an answer seen on its way can be copied by anyone.
/// While the round of seedPeriod is unknown the clock stands still: a silent beacon slashes nobody. Whoever wants the
/// challenge to count posts the round; if nobody does for SILENCE_ENDS the challenge is void.
/// Invariants:
///     token balance >= openBonds + sum of credits + unburned (equal unless someone sends tokens unasked);
///     openBonds = sum of the bonds of open challenges; openOf[p] = number of open challenges of p;
///     a slot is marked as challenged in Deals exactly while its newest challenge is open and the provider holds it;
///     a provider is slashed at most once per challenge, and never for one that it answered in time.
/// Every challenge ends: after SILENCE_ENDS or dueTime anyone ends it.
/// Money moves in at `challenge` and out at `withdraw` and `burn`. Calls Deals, Collateral, Sectors, Beacon and Verifier
/// of the one deployment, and the token.
contract Challenges is ChallengeBook, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// @param token_ an ERC-20 that takes no fee, never rebases and calls nobody
    constructor(IERC20 token_, Deals deals_, ChallengeTerms memory terms_) ChallengeBook(token_, deals_, terms_) {}

    /// @notice Challenges a filled slot. Anyone, while the deal runs and the provider is not excused. Money: the bond
    /// (`nextBond` of the provider), at most `mostBond`, from the caller by allowance or permit (one that fails does no
    /// harm). Constant work beside a binary search.
    /// Reverts: Challenges_NotFilled, Challenges_AlreadyChallenged, Challenges_DealEnded, Challenges_TreeEnded,
    /// Challenges_Excused, Challenges_Cooldown, Challenges_BondTooHigh, Challenges_AllowanceTooLow,
    /// Challenges_TokenTookFee, Deals_NoSuchDeal, Deals_NoSuchSlot, and the token's.
    function challenge(uint64 deal_, uint8 slot, uint256 mostBond, Permit calldata permit)
        external
        nonReentrant
        returns (uint64 id)
    {
        SlotState memory s = deals.slotState(deal_, slot);
        uint64 seedPeriod = _seedPeriod();
        _requireChallengeable(deal_, slot, s, seedPeriod);
        uint8 doublings = _doublings(s.provider);
        uint256 bond = _bond(doublings);
        if (bond > mostBond) revert Challenges_BondTooHigh(bond, mostBond);

        id = ++lastChallenge;
        Challenge storage c = _challenges[id];
        (c.challenger, c.deal, c.slot, c.b) = (msg.sender, deal_, slot, s.b);
        (c.doublings, c.status) = (doublings, ChallengeStatus.Open);
        (c.provider, c.tree, c.seedPeriod) = (s.provider, s.tree, seedPeriod);
        (c.sector, c.offsetLeaves) = (s.sector, s.offsetLeaves);
        newestOf[deal_][slot] = id;
        openOf[s.provider] += 1;
        openBonds += bond;
        emit ChallengeOpened(
            id, s.provider, deal_, slot, msg.sender, s.tree, s.sector, s.offsetLeaves, s.b, seedPeriod, bond
        );
        deals.setChallenged(deal_, slot, true);
        _collect(bond, permit);
    }

    /// @notice Shows the challenged piece. Anyone, from the moment the seed is known to dueTime. Money: the base bond to
    /// the credit of the provider, what lies above it is burned. Work: one proof (3 inputs).
    /// Reverts: Challenges_NotOpen, Challenges_SlotEnded, Challenges_RoundUnknown, Challenges_TooLate, and the verifier's.
    /// @param index place of the sector in the latest frozen state of its tree
    function answer(uint64 id, uint32 index, bytes calldata proof) external nonReentrant {
        Challenge storage c = _open(id);
        if (!_held(id, c)) revert Challenges_SlotEnded(id);
        uint64 due = _dueTime(c.seedPeriod);
        if (due == 0) revert Challenges_RoundUnknown(c.seedPeriod);
        if (_now() > due) revert Challenges_TooLate(id, due);
        verifier.verify(SPACETIME_KEY, _statement(id, c, index), proof);

        uint256 bond = _end(c, ChallengeStatus.Answered);
        (address to, uint256 paid) = _reward(c, bond);
        creditOf[to] += paid;
        unburned += bond - paid;
        emit ChallengeAnswered(id, c.provider, c.deal, c.slot, paid, bond - paid);
        deals.setChallenged(c.deal, c.slot, false);
    }

    /// @notice Ends a challenge without an answer. Anyone: after dueTime (then the provider is slashed and loses the
    /// slot), after SILENCE_ENDS without the round, or as soon as the slot was freed for another reason. Money: the bond
    /// to the challenger's credit here; after a failure the fault part of the slot from the provider's collateral, the
    /// bounty of it to the challenger's there. Constant work beside a settlement.
    /// Reverts: Challenges_NotOpen, Challenges_TooEarly.
    function expire(uint64 id) external nonReentrant {
        Challenge storage c = _open(id);
        bool held = _held(id, c);
        uint64 due = _dueTime(c.seedPeriod);
        uint64 until = due == 0 ? deadline(c.seedPeriod) + Constants.SILENCE_ENDS : due;
        if (held && _now() <= until) revert Challenges_TooEarly(id, due);

        bool failed = held && due != 0;
        uint256 bond = _end(c, failed ? ChallengeStatus.Failed : ChallengeStatus.Void);
        creditOf[c.challenger] += bond;
        uint256 bounty = 0;
        if (failed) {
            uint128 price = deals.deal(c.deal).pricePerSlotPeriod;
            bounty = collateral.slashSlot(c.provider, price, c.challenger);
            deals.expel(c.deal, c.slot, false);
        } else if (held) {
            deals.setChallenged(c.deal, c.slot, false);
        }
        emit ChallengeExpired(id, c.provider, c.deal, c.slot, failed, bounty);
    }

    /// @notice Pays the caller's whole credit out to `to`. Money: from the contract to `to`. Constant work.
    /// Reverts: Challenges_NothingToWithdraw, and the token's.
    function withdraw(address to) external nonReentrant returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert Challenges_NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        emit BondWithdrawn(msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    /// @notice Sends the money that belongs to nobody away. Anyone; constant work. Reverts: the token's.
    function burn() external nonReentrant returns (uint256 amount) {
        amount = unburned;
        unburned = 0;
        emit BondsBurned(amount);
        if (amount != 0) token.safeTransfer(Constants.BURN, amount);
    }

    /// @notice What this deployment demands of challenges.
    function terms() external view returns (ChallengeTerms memory) {
        return ChallengeTerms(BOND, PER_STEP, ANSWER_DUE, COOLDOWN);
    }

    /// @notice A challenge; all zero when the number was never used.
    function challengeState(uint64 id) external view returns (Challenge memory) {
        return _challenges[id];
    }

    /// @notice What the next challenge of a slot of this provider costs.
    function nextBond(address provider) external view returns (uint256) {
        return _bond(_doublings(provider));
    }

    /// @notice Last second in which a challenge may be answered; 0 when there is none of this number or the clock does
    /// not run yet.
    function dueTime(uint64 id) external view returns (uint64) {
        Challenge storage c = _challenges[id];
        return c.status == ChallengeStatus.None ? 0 : _dueTime(c.seedPeriod);
    }

    /// @notice The seed of a challenge's samples, below 2^248. Reverts: Challenges_NotOpen (no such challenge),
    /// Challenges_RoundUnknown.
    function seedOf(uint64 id) external view returns (uint256) {
        Challenge storage c = _challenges[id];
        if (c.status == ChallengeStatus.None) revert Challenges_NotOpen(id);
        return _seed(id, c);
    }

    /// @notice Chance, in parts per billion and never rounded up, that window proofs of `periods` periods hit a loss of
    /// `lostPpm` parts per million of a tree; with one period, that the answer of a direct challenge hits one of the
    /// piece. Holds for a provider that proves what it can and hides nothing: see Odds for the error.
    /// Reverts: Odds_FractionRefused.
    function oddsOf(uint32 lostPpm, uint64 periods) external view returns (uint64) {
        return Odds.caught(lostPpm, uint256(periods) * SAMPLES);
    }
}
