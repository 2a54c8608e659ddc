// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {DealBook} from "./DealBook.sol";
import {Activation, Deal, NewDeal, Permit, SlotState, SlotStatus} from "./DealTypes.sol";
import {Providers} from "./Providers.sol";
import {Sector} from "./SectorTypes.sol";
import {Sectors} from "./Sectors.sol";

/// @title Deals: escrow, slots, activation, settlement, refund.
/// @notice Terms: a deal covers the periods start .. end = start + periods - 1; a slot filled in time earns for the
/// periods from e, the first one not frozen when it was filled:
///     earned = price * proven(tree, e .. end),   due = earned - price * paidPeriods.
/// Invariants:
///     token balance >= sum of deals' escrow + sum of credits (equal unless someone sends tokens unasked);
///     escrow of a deal = sum over its slots not closed of price * (periods - paidPeriods);
///     nobody is credited for a period that was not proven; a slot never costs more than price * periods.
/// Money moves in at `openMany` and out at `withdraw`; everything between is bookkeeping.
contract Deals is DealBook, ReentrancyGuard {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @param token_ an ERC-20 that takes no fee, never rebases and calls nobody
    constructor(IERC20 token_, Providers providers_, Sectors sectors_) DealBook(token_, providers_, sectors_) {}

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

    /// @notice Fills slots that name the caller with pieces that lie in its sector `number`. No money. Work: linear in
    /// the slot arrays given, one signature a slot, one proof for all (1 + 2 * includeWidth inputs; places not used
    /// repeat the first piece).
    /// Reverts: Deals_ActivationCount, Deals_SectorNotOpen, the checks of each slot, and the verifier's.
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
        Deal storage d = _existing(deal_);
        SlotState storage s = _slotOf(d, deal_, slot);
        if (s.status != SlotStatus.Filled) revert Deals_SlotNotFilled(deal_, slot);
        return _settle(d, s, deal_, slot);
    }

    /// @notice settle for several slots. Anyone; work linear in the slots given.
    function settleMany(uint64[] calldata deals_, uint8[] calldata slots) external returns (uint256 amount) {
        if (deals_.length != slots.length) revert Deals_ActivationCount(slots.length, deals_.length);
        for (uint256 i = 0; i < slots.length; ++i) {
            amount += settle(deals_[i], slots[i]);
        }
    }

    /// @notice Ends a slot: a filled one after the last period's deadline (settled first), an empty one once it can no
    /// longer be filled. Anyone. Money: what the slot did not earn from escrow to the owner's credit. Constant work
    /// beside a settlement.
    /// Reverts: Deals_NoSuchDeal, Deals_NoSuchSlot, Deals_SlotClosed, Deals_Cancelled, Deals_TooEarly.
    function close(uint64 deal_, uint8 slot) external {
        Deal storage d = _existing(deal_);
        SlotState storage s = _slotOf(d, deal_, slot);
        if (d.cancelled) revert Deals_Cancelled(deal_);
        if (s.status == SlotStatus.Closed) revert Deals_SlotClosed(deal_, slot);
        if (s.status == SlotStatus.Filled) {
            if (lastClosedPeriod(_now()) < _end(d)) revert Deals_TooEarly(deal_, slot);
            _settle(d, s, deal_, slot);
            sectors.freeSlot(s.provider, s.sector);
        } else if (openPeriod(_now()) <= _activateBy(d)) {
            revert Deals_TooEarly(deal_, slot);
        }
        uint256 refund = uint256(d.pricePerSlotPeriod) * (d.periods - s.paidPeriods);
        s.status = SlotStatus.Closed;
        d.escrow -= refund.toUint128();
        creditOf[d.owner] += refund;
        emit SlotClosed(deal_, slot, refund);
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
