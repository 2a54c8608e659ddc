// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Collateral} from "./Collateral.sol";
import {Constants} from "./Constants.sol";
import {DealBook} from "./DealBook.sol";
import {Activation, Deal, NewDeal, Permit, Slot, SlotState, SlotStatus} from "./DealTypes.sol";
import {Providers} from "./Providers.sol";
import {RepairRights} from "./RepairRights.sol";
import {Sector} from "./SectorTypes.sol";
import {Sectors} from "./Sectors.sol";

/// @title Deals: escrow, slots, activation, settlement, repair, refund.
/// @notice Terms: a deal covers the periods start .. end = start + periods - 1; a slot filled in time earns for the
/// periods from e, the first one not frozen when it was filled:
///     earned = price * proven(tree, e .. min(end, last period of a tree that was ended)),
///     due = earned - price * (paidPeriods - paidBefore).
/// A slot whose provider fails or leaves is freed; another provider fills it with the same piece, earns what is left of
/// the slot's escrow from then on, and the bounty.
/// Invariants:
///     token balance >= sum of deals' escrow + sum of credits (equal unless someone sends tokens unasked);
///     escrow of a deal = sum over its slots not closed of price * (periods - paidPeriods);
///     nobody is credited for a period that was not proven; a slot never costs more than price * periods;
///     a slot has at most one provider at a time; live = number of filled slots, closed = number of closed slots.
/// Money moves in at `openMany` and out at `withdraw`; everything between is bookkeeping.
contract Deals is DealBook, ReentrancyGuard {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @param token_ an ERC-20 that takes no fee, never rebases and calls nobody
    constructor(IERC20 token_, Providers providers_, Sectors sectors_, Collateral collateral_)
        DealBook(token_, providers_, sectors_, collateral_)
    {}

    /// @notice Names the contracts that give out and free slots. Only the deployer, once, none of them zero. No money.
    /// Reverts: Deals_BindRefused.
    function bind(RepairRights repairs_, address challenges_, address disputes_) external {
        bool sound = msg.sender == deployer && address(repairs) == address(0) && address(repairs_) != address(0)
            && challenges_ != address(0) && disputes_ != address(0);
        if (!sound) revert Deals_BindRefused(msg.sender);
        (repairs, challenges, disputes) = (repairs_, challenges_, disputes_);
        emit DealsBound(address(repairs_), challenges_, disputes_);
    }

    /// @notice Opens deals of the caller, numbered on from `first`. Money: the sum of n * price * periods from the
    /// caller into escrow. Work: linear in the slots given. A permit that fails (for instance because someone else
    /// used it first) does no harm: only the allowance counts.
    /// Reverts: Deals_TermsRefused, Deals_KindRefused, Deals_PieceRefused, Deals_PriceBelowAsk, Deals_AllowanceTooLow,
    /// Deals_TokenTookFee, Providers_NotRegistered.
    function openMany(NewDeal[] calldata newDeals, Permit calldata permit)
        external
        nonReentrant
        returns (uint64 first)
    {
        first = lastDeal + 1;
        uint256 total = 0;
        for (uint256 i = 0; i < newDeals.length; ++i) {
            total += _open(newDeals[i], i);
        }
        _collect(total, permit);
    }

    /// @notice Takes a deal back. Only its owner, while no slot was ever filled. Money: the whole escrow to the owner's
    /// credit. Constant work. Reverts: Deals_NoSuchDeal, Deals_NotOwner, Deals_Cancelled, Deals_AlreadyActive.
    function cancel(uint64 deal_) external {
        Deal storage d = _existing(deal_);
        if (msg.sender != d.owner) revert Deals_NotOwner(deal_);
        if (d.cancelled) revert Deals_Cancelled(deal_);
        if (d.filled != 0) revert Deals_AlreadyActive(deal_);
        uint256 refund = d.escrow;
        d.cancelled = true;
        d.escrow = 0;
        creditOf[d.owner] += refund;
        emit DealCancelled(deal_, refund);
    }

    /// @notice Lets a deal last `periods` longer. Only its owner, before the last period is frozen, as long as the price is
    /// at least what every provider that holds a slot or may still fill one asks now: a provider that wants to go asks
    /// more. `slots` is the deal's slot array. Money: price * periods of every slot not closed, from the caller into
    /// escrow. Work: linear in the slots.
    /// Reverts: Deals_NotOwner, Deals_NotActive, Deals_Cancelled, Deals_Ended, Deals_SlotsMismatch, Deals_PriceBelowAsk,
    /// Deals_AllowanceTooLow, Deals_TokenTookFee.
    function extend(uint64 deal_, uint32 periods, Slot[] calldata slots, Permit calldata permit) external nonReentrant {
        Deal storage d = _active(deal_);
        if (msg.sender != d.owner) revert Deals_NotOwner(deal_);
        if (openPeriod(_now()) > _end(d)) revert Deals_Ended(deal_, openPeriod(_now()), _end(d));
        if (keccak256(abi.encode(slots)) != d.slotsHash) revert Deals_SlotsMismatch(deal_);
        for (uint256 i = 0; i < slots.length; ++i) {
            SlotState storage s = _slots[deal_][uint8(i)];
            if (s.status == SlotStatus.Freed || s.status == SlotStatus.Closed) continue; // no say for who lost a slot
            address holder = s.status == SlotStatus.Filled ? s.provider : slots[i].provider;
            uint256 ask = leastPrice(providers.askOf(holder), slots[i].b);
            if (d.pricePerSlotPeriod < ask) revert Deals_PriceBelowAsk(deal_, i, ask);
        }
        uint256 amount = uint256(d.pricePerSlotPeriod) * periods * (d.n - d.closed);
        d.periods += periods;
        d.escrow += amount.toUint128();
        emit DealExtended(deal_, _end(d), amount);
        _collect(amount, permit);
    }

    /// @notice Makes the period not yet frozen the deal's last. Only its owner, once a slot was filled. Money: price of
    /// the periods behind it, for every slot not closed, from escrow to the owner's credit. Constant work.
    /// Reverts: Deals_NotOwner, Deals_NotActive, Deals_Cancelled, Deals_Ended.
    function endEarly(uint64 deal_) external {
        Deal storage d = _active(deal_);
        if (msg.sender != d.owner) revert Deals_NotOwner(deal_);
        (uint64 end, uint256 refund) = _cut(d, deal_);
        emit DealEndedEarly(deal_, end, refund);
    }

    /// @notice Ends a deal of which fewer than k slots have been filled for LOST_AFTER: what is left cannot rebuild the
    /// segment. Anyone. Money and work as `endEarly`; the event says that it is lost.
    /// Reverts: Deals_NotActive, Deals_Cancelled, Deals_NotLost, Deals_Ended.
    function endLost(uint64 deal_) external {
        Deal storage d = _active(deal_);
        if (d.scarceSince == 0 || _now() < d.scarceSince + Constants.LOST_AFTER) {
            revert Deals_NotLost(deal_, d.scarceSince);
        }
        (uint64 end, uint256 refund) = _cut(d, deal_);
        emit DealLost(deal_, end, refund);
    }

    /// @notice Fills slots with pieces that lie in the caller's sector `number`: empty slots that name the caller, with
    /// the owner's acceptance, and freed slots to which it has the right (see Repairs), with the piece that was lost.
    /// Money: the two parts of each slot are locked in Collateral; a repair pays its bounty there. Work: linear in the
    /// slot arrays given, one signature an empty slot, one proof for all (1 + 2 * includeWidth inputs; places not used
    /// repeat the first piece).
    /// Reverts: Deals_ActivationCount, Deals_SectorNotOpen, the checks of each slot, Collateral_TooLow,
    /// Collateral_Terminated, those of Repairs.take, and the verifier's.
    function activate(uint64 number, Activation[] calldata activations, bytes calldata proof) external {
        uint256 count = activations.length;
        if (count == 0 || count > includeWidth) revert Deals_ActivationCount(count, includeWidth);
        Sector memory sector = sectors.sector(msg.sender, number);
        if (!sector.open) revert Deals_SectorNotOpen(number);

        uint256[] memory inputs = new uint256[](1 + 2 * uint256(includeWidth));
        inputs[0] = sector.commD;
        for (uint256 i = 0; i < count; ++i) {
            inputs[2 * i + 1] = activations[i].commP;
            inputs[2 * i + 2] = _fill(activations[i], number, sector);
        }
        for (uint256 i = 2 * count + 1; i < inputs.length; ++i) {
            inputs[i] = inputs[2 - (i & 1)];
        }
        verifier.verify(_includeKey, inputs, proof);
        sectors.takeSlots(msg.sender, number, uint32(count));
    }

    /// @notice Pays what a filled slot has earned and not been paid. Anyone. Money: from the deal's escrow to the
    /// credit of the slot's provider. Work: two binary searches, whatever the number of deals and periods.
    /// Reverts: Deals_NoSuchDeal, Deals_NoSuchSlot, Deals_SlotNotFilled.
    function settle(uint64 deal_, uint8 slot) public returns (uint256 amount) {
        (Deal storage d, SlotState storage s) = _filled(deal_, slot);
        return _settle(d, s, deal_, slot);
    }

    /// @notice settle for several slots. Anyone; work linear in the slots given.
    function settleMany(uint64[] calldata deals_, uint8[] calldata slots) external returns (uint256 amount) {
        if (deals_.length != slots.length) revert Deals_ActivationCount(slots.length, deals_.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            amount += settle(deals_[i], slots[i]);
        }
    }

    /// @notice Frees a slot of a tree that was ended (Collateral.terminate). Anyone, before the deal's end; no money but a
    /// settlement and the slot's repair part put aside. Constant work. Not while it is challenged: ending a tree may be
    /// cheaper than failing the challenge.
    /// Reverts: Deals_NoSuchDeal, Deals_NoSuchSlot, Deals_SlotNotFilled, Deals_NotFree, Deals_Challenged.
    function free(uint64 deal_, uint8 slot) external {
        (Deal storage d, SlotState storage s) = _filled(deal_, slot);
        if (collateral.terminatedAt(s.provider, s.tree) == 0) revert Deals_NotFree(deal_, slot);
        _requireUnchallenged(s, deal_, slot);
        _freeSlot(d, s, deal_, slot);
    }

    /// @notice Gives a slot up: the caller, its provider, pays its repair and owes nothing more. Work and money as `free`.
    /// Reverts: Deals_NoSuchDeal, Deals_NoSuchSlot, Deals_SlotNotFilled, Deals_NotYourSlot, Deals_Challenged.
    function vacate(uint64 deal_, uint8 slot) external {
        (Deal storage d, SlotState storage s) = _filled(deal_, slot);
        if (msg.sender != s.provider) revert Deals_NotYourSlot(deal_, slot, s.provider);
        _requireUnchallenged(s, deal_, slot);
        _freeSlot(d, s, deal_, slot);
    }

    /// @notice Frees a slot whose provider did not answer a challenge, or (voided) whose commitment was shown to be
    /// false (of a freed slot, only that). Only Challenges and Disputes. Work and money as `free`.
    /// Reverts: Deals_NotAllowed, Deals_NoSuchDeal, Deals_NoSuchSlot, Deals_SlotNotFilled.
    function expel(uint64 deal_, uint8 slot, bool voided) external {
        if (msg.sender != challenges && msg.sender != disputes) revert Deals_NotAllowed(msg.sender);
        SlotState storage freed = _slotOf(_existing(deal_), deal_, slot);
        if (voided) freed.commP = 0;
        if (voided && freed.status == SlotStatus.Freed) {
            emit SlotFreed(deal_, slot, freed.provider, 0);
            return;
        }
        (Deal storage d, SlotState storage s) = _filled(deal_, slot);
        _freeSlot(d, s, deal_, slot);
    }

    /// @notice Says whether a slot is under a challenge. Only Challenges; constant work; no money.
    /// Reverts: Deals_NotAllowed, Deals_NoSuchDeal, Deals_NoSuchSlot, Deals_SlotNotFilled.
    function setChallenged(uint64 deal_, uint8 slot, bool challenged) external {
        if (msg.sender != challenges) revert Deals_NotAllowed(msg.sender);
        (, SlotState storage s) = _filled(deal_, slot);
        s.challenged = challenged;
    }

    /// @notice Ends a slot: a filled or freed one after the last period's deadline (settled first), an empty one once it
    /// can no longer be filled. Anyone. Money: what the slot did not earn from escrow to the owner's credit; the parts
    /// of a filled slot are free again, the repair part of one that is freed or whose tree was ended is burned. Constant
    /// work beside a settlement. A slot under a challenge is closed when the challenge has ended, or its provider would
    /// escape it.
    /// Reverts: Deals_NoSuchDeal, Deals_NoSuchSlot, Deals_SlotClosed, Deals_Cancelled, Deals_TooEarly, Deals_Challenged.
    function close(uint64 deal_, uint8 slot) external {
        Deal storage d = _existing(deal_);
        SlotState storage s = _slotOf(d, deal_, slot);
        if (d.cancelled) revert Deals_Cancelled(deal_);
        if (s.status == SlotStatus.Closed) revert Deals_SlotClosed(deal_, slot);
        _requireUnchallenged(s, deal_, slot);
        if (s.status == SlotStatus.Empty) {
            if (openPeriod(_now()) <= _activateBy(d)) revert Deals_TooEarly(deal_, slot);
        } else {
            if (lastClosedPeriod(_now()) < _end(d)) revert Deals_TooEarly(deal_, slot);
            _endSlot(d, s, deal_, slot);
        }
        uint256 refund = uint256(d.pricePerSlotPeriod) * (d.periods - s.paidPeriods);
        s.status = SlotStatus.Closed;
        d.closed += 1;
        d.escrow -= refund.toUint128();
        creditOf[d.owner] += refund;
        emit SlotClosed(deal_, slot, refund);
    }

    function _endSlot(Deal storage d, SlotState storage s, uint64 deal_, uint8 slot) private {
        if (s.status == SlotStatus.Filled) {
            // A tree that was ended after the deal's last period is no fault of the deal's time.
            uint64 terminated = collateral.terminatedAt(s.provider, s.tree);
            if (terminated != 0 && terminated < _end(d)) {
                _freeSlot(d, s, deal_, slot);
            } else {
                _settle(d, s, deal_, slot);
                d.live -= 1;
                sectors.freeSlot(s.provider, s.sector);
                collateral.release(s.provider, s.tree, d.pricePerSlotPeriod);
            }
        }
        if (s.status == SlotStatus.Freed) collateral.spend(deal_, slot, address(0));
    }

    function _filled(uint64 deal_, uint8 slot) private view returns (Deal storage d, SlotState storage s) {
        d = _existing(deal_);
        s = _slotOf(d, deal_, slot);
        if (s.status != SlotStatus.Filled) revert Deals_SlotNotFilled(deal_, slot);
    }

    /// @notice Pays the caller's whole credit out to `to`. Money: from the contract to `to`. Constant work.
    /// Reverts: Deals_NothingToWithdraw, and the token's.
    function withdraw(address to) external nonReentrant returns (uint256 amount) {
        amount = creditOf[msg.sender];
        if (amount == 0) revert Deals_NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        emit Withdrawn(msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    /// @notice A deal; all zero when the number was never used.
    function deal(uint64 deal_) external view returns (Deal memory) {
        return _deals[deal_];
    }

    /// @notice A slot. Reverts: Deals_NoSuchDeal, Deals_NoSuchSlot.
    function slotState(uint64 deal_, uint8 slot) external view returns (SlotState memory) {
        return _slotOf(_existing(deal_), deal_, slot);
    }

    /// @notice Whether `provider` may repair the slot, given a right to it (see Repairs): it is freed, the deal has not
    /// ended, and the provider neither lost it nor holds another one of the deal. Work: linear in n.
    /// Reverts: Deals_NoSuchDeal, Deals_NoSuchSlot.
    function eligible(uint64 deal_, uint8 slot, address provider) external view returns (bool) {
        Deal storage d = _existing(deal_);
        SlotState storage s = _slotOf(d, deal_, slot);
        return s.status == SlotStatus.Freed && openPeriod(_now()) <= _end(d) && _eligible(deal_, d, s, provider);
    }

    /// @notice What `settle` would pay now; 0 for a slot that is not filled.
    function dueOf(uint64 deal_, uint8 slot) external view returns (uint256) {
        Deal storage d = _existing(deal_);
        SlotState storage s = _slotOf(d, deal_, slot);
        return s.status == SlotStatus.Filled ? uint256(d.pricePerSlotPeriod) * _unpaid(d, s) : 0;
    }

    /// @notice Domain separator of receipts and acceptances.
    function domainSeparator() external view returns (bytes32) {
        return _domainSeparatorV4();
    }
}
