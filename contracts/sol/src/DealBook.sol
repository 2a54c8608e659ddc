// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Acceptances} from "./Acceptances.sol";
import {Constants} from "./Constants.sol";
import {Activation, Deal, NewDeal, Permit, Slot, SlotState, SlotStatus} from "./DealTypes.sol";
import {Periods} from "./Periods.sol";
import {Providers} from "./Providers.sol";
import {Circuit, Sector} from "./SectorTypes.sol";
import {Sectors} from "./Sectors.sol";
import {Verifier} from "./Verifier.sol";
import {Words} from "./Words.sol";

/// @title The books of Deals: what is stored, and the checks and arithmetic behind each entry.
abstract contract DealBook is Acceptances, Periods {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice New deal number `index` of the call: slots, k, code, strips, segment or periods are no valid terms.
    error Deals_TermsRefused(uint256 index);
    /// @notice New deal number `index` asks for a kind this deployment does not serve.
    error Deals_KindRefused(uint256 index, uint8 kind);
    /// @notice New deal number `index`: length and b of the slot disagree, or the piece is larger than a sector.
    error Deals_PieceRefused(uint256 index, uint256 slot);
    /// @notice New deal number `index` pays less than the provider named in the slot asks.
    error Deals_PriceBelowAsk(uint256 index, uint256 slot, uint256 ask);
    /// @notice The caller has not allowed Deals to take the escrow.
    error Deals_AllowanceTooLow(uint256 needed, uint256 got);
    /// @notice The token delivered less than was sent.
    error Deals_TokenTookFee(uint256 expected, uint256 got);
    /// @notice No deal has this number.
    error Deals_NoSuchDeal(uint64 deal);
    /// @notice The deal has fewer slots.
    error Deals_NoSuchSlot(uint64 deal, uint8 slot);
    /// @notice The slot array given is not the one the deal was opened with.
    error Deals_SlotsMismatch(uint64 deal);
    /// @notice The slot names another provider.
    error Deals_NotYourSlot(uint64 deal, uint8 slot, address named);
    /// @notice The slot is filled or closed.
    error Deals_SlotTaken(uint64 deal, uint8 slot);
    /// @notice Only a filled slot is settled.
    error Deals_SlotNotFilled(uint64 deal, uint8 slot);
    /// @notice The slot has ended already.
    error Deals_SlotClosed(uint64 deal, uint8 slot);
    /// @notice Slots of this deal could be filled until period `activateBy` froze.
    error Deals_TooLate(uint64 deal, uint64 openPeriod, uint64 activateBy);
    /// @notice The slot cannot end yet: its last period still runs, or it may still be filled.
    error Deals_TooEarly(uint64 deal, uint8 slot);
    /// @notice The owner took the deal back.
    error Deals_Cancelled(uint64 deal);
    /// @notice Only the owner may.
    error Deals_NotOwner(uint64 deal);
    /// @notice A slot was filled: the deal can no longer be taken back.
    error Deals_AlreadyActive(uint64 deal);
    /// @notice The caller has no such sector.
    error Deals_SectorNotOpen(uint64 number);
    /// @notice The sector is not of the kind the deal asks for.
    error Deals_SectorKind(uint64 deal, uint64 number);
    /// @notice The piece does not lie at a multiple of its size inside the sector.
    error Deals_OffsetRefused(uint64 deal, uint8 slot);
    /// @notice The owner's acceptance has expired.
    error Deals_AcceptanceExpired(uint64 deal, uint8 slot);
    /// @notice The signature is not the owner's over exactly these terms.
    error Deals_AcceptanceRefused(uint64 deal, uint8 slot);
    /// @notice Between one and `most` slots are filled by one call (or the lists differ in length).
    error Deals_ActivationCount(uint256 got, uint256 most);
    /// @notice The account has no credit.
    error Deals_NothingToWithdraw(address account);

    /// @notice A deal opened; `terms` is everything a stranger needs, the slot array in full.
    event DealOpened(
        uint64 indexed deal,
        address indexed owner,
        uint64 startPeriod,
        uint64 endPeriod,
        uint64 activateBy,
        uint128 escrow,
        NewDeal terms
    );
    /// @notice The owner cancelled before any slot was filled; `refund` was credited to it.
    event DealCancelled(uint64 indexed deal, uint256 refund);
    /// @notice A provider filled a slot; it earns from `firstPeriod` on.
    event SlotFilled(
        uint64 indexed deal,
        uint8 indexed slot,
        address indexed provider,
        uint64 sector,
        uint256 commP,
        uint40 offsetLeaves,
        uint64 firstPeriod
    );
    /// @notice `amount` for `periods` proven periods was credited; all proven periods up to `throughPeriod` are paid.
    event Settled(
        uint64 indexed deal,
        uint8 indexed slot,
        address indexed provider,
        uint256 amount,
        uint64 periods,
        uint64 throughPeriod
    );
    /// @notice A slot ended; what it had not earned was credited to the owner.
    event SlotClosed(uint64 indexed deal, uint8 indexed slot, uint256 refund);
    /// @notice Credit left the contract.
    event Withdrawn(address indexed account, address indexed to, uint256 amount);

    /// @notice The one token of this deployment.
    IERC20 public immutable token;
    /// @notice Registry of the providers.
    Providers public immutable providers;
    /// @notice Holds the trees and their proofs.
    Sectors public immutable sectors;
    /// @notice Checks every proof.
    Verifier public immutable verifier;
    /// @notice A sector has 2^this leaves.
    uint8 public immutable sectorLog2Leaves;
    /// @notice Most pieces one proof of `include` places.
    uint8 public immutable includeWidth;
    address internal immutable _includeKey;

    /// @notice The newest deal's number; numbers begin at 1.
    uint64 public lastDeal;
    /// @notice What an account may withdraw.
    mapping(address account => uint256) public creditOf;

    mapping(uint64 deal => Deal) internal _deals;
    mapping(uint64 deal => mapping(uint8 slot => SlotState)) internal _slots;

    constructor(IERC20 token_, Providers providers_, Sectors sectors_) Periods(sectors_.schedule()) {
        token = token_;
        providers = providers_;
        sectors = sectors_;
        verifier = sectors_.verifier();
        sectorLog2Leaves = sectors_.sectorLog2Leaves();
        includeWidth = sectors_.includeWidth();
        _includeKey = sectors_.circuit(Circuit.Include).key;
    }

    /// @notice The least price per slot and period a provider takes for a piece of 2^b leaves:
    /// ceil(askPerTibPeriod * 32 * 2^b / 2^40).
    function leastPrice(uint128 askPerTibPeriod, uint8 b) public pure returns (uint256) {
        uint256 weighted = uint256(askPerTibPeriod) * (Constants.LEAF_BYTES << b);
        return (weighted + Constants.ASK_UNIT_BYTES - 1) / Constants.ASK_UNIT_BYTES;
    }

    /// Enters one deal and returns its escrow; the money follows in `_collect`.
    function _open(NewDeal calldata d, uint256 index) internal returns (uint256 escrow) {
        uint256 n = d.slots.length;
        bool sound = n != 0 && n <= Constants.MAX_SLOTS && d.k != 0 && d.k <= n && d.codeId != 0 && d.stripBytes != 0
            && d.segmentBytes != 0 && d.activationPeriods != 0 && d.activationPeriods <= d.periods;
        if (!sound) revert Deals_TermsRefused(index);
        if (d.kind > Constants.KIND_SEALED) revert Deals_KindRefused(index, d.kind);
        for (uint256 i = 0; i < n; ++i) {
            if (!_sound(d.slots[i])) revert Deals_PieceRefused(index, i);
            uint256 ask = leastPrice(providers.askOf(d.slots[i].provider), d.slots[i].b);
            if (d.pricePerSlotPeriod < ask) revert Deals_PriceBelowAsk(index, i, ask);
        }
        escrow = n * uint256(d.pricePerSlotPeriod) * d.periods;

        uint64 id = ++lastDeal;
        uint64 start = openPeriod(_now());
        Deal storage stored = _deals[id];
        stored.owner = msg.sender;
        stored.k = d.k;
        stored.n = uint16(n);
        stored.codeId = d.codeId;
        stored.kind = d.kind;
        stored.pricePerSlotPeriod = d.pricePerSlotPeriod;
        stored.startPeriod = start;
        stored.periods = d.periods;
        stored.activationPeriods = d.activationPeriods;
        stored.slotsHash = keccak256(abi.encode(d.slots));
        stored.escrow = escrow.toUint128();
        stored.segmentBytes = d.segmentBytes;
        stored.stripBytes = d.stripBytes;
        emit DealOpened(id, msg.sender, start, _end(stored), _activateBy(stored), stored.escrow, d);
    }

    /// Takes exactly `total` from the caller.
    function _collect(uint256 total, Permit calldata permit) internal {
        if (permit.deadline != 0) {
            try IERC20Permit(address(token)).permit(
                msg.sender, address(this), permit.value, permit.deadline, permit.v, permit.r, permit.s
            ) {} catch {}
        }
        uint256 allowance = token.allowance(msg.sender, address(this));
        if (allowance < total) revert Deals_AllowanceTooLow(total, allowance);
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), total);
        uint256 got = token.balanceOf(address(this)) - before;
        if (got != total) revert Deals_TokenTookFee(total, got);
    }

    /// Fills one slot for the caller and returns the packed word of its place in the include proof.
    function _fill(Activation calldata a, uint64 number, Sector memory sector) internal returns (uint256) {
        Deal storage d = _existing(a.deal);
        SlotState storage s = _slotOf(d, a.deal, a.slot);
        if (d.cancelled) revert Deals_Cancelled(a.deal);
        if (keccak256(abi.encode(a.slots)) != d.slotsHash) revert Deals_SlotsMismatch(a.deal);
        Slot calldata piece = a.slots[a.slot];
        if (piece.provider != msg.sender) revert Deals_NotYourSlot(a.deal, a.slot, piece.provider);
        if (s.status != SlotStatus.Empty) revert Deals_SlotTaken(a.deal, a.slot);
        if (sector.kind != d.kind) revert Deals_SectorKind(a.deal, number);
        uint64 open = openPeriod(_now());
        if (open > _activateBy(d)) revert Deals_TooLate(a.deal, open, _activateBy(d));
        if (!_fits(a.offsetLeaves, piece.b)) revert Deals_OffsetRefused(a.deal, a.slot);
        if (_now() > a.expiry) revert Deals_AcceptanceExpired(a.deal, a.slot);
        if (!_accepted(a, piece, d.owner)) revert Deals_AcceptanceRefused(a.deal, a.slot);

        d.filled += 1;
        s.provider = msg.sender;
        s.tree = sector.tree;
        s.status = SlotStatus.Filled;
        s.b = piece.b;
        s.sector = number;
        s.firstPeriod = open;
        s.offsetLeaves = a.offsetLeaves;
        s.commP = a.commP;
        emit SlotFilled(a.deal, a.slot, msg.sender, number, a.commP, a.offsetLeaves, open);
        return Words.piece(a.offsetLeaves, piece.b, uint40(piece.byteLen));
    }

    /// Moves what a filled slot has earned since the last settlement from escrow to its provider's credit.
    function _settle(Deal storage d, SlotState storage s, uint64 deal_, uint8 slot) internal returns (uint256 amount) {
        uint64 unpaid = _unpaid(d, s);
        if (unpaid == 0) return 0;
        amount = uint256(d.pricePerSlotPeriod) * unpaid;
        s.paidPeriods += uint32(unpaid);
        d.escrow -= amount.toUint128();
        creditOf[s.provider] += amount;
        uint64 closed = lastClosedPeriod(_now());
        uint64 end = _end(d);
        emit Settled(deal_, slot, s.provider, amount, unpaid, closed < end ? closed : end);
    }

    /// Proven periods of a filled slot that are not paid yet.
    function _unpaid(Deal storage d, SlotState storage s) internal view returns (uint64) {
        return sectors.provenBetween(s.provider, s.tree, s.firstPeriod, _end(d)) - s.paidPeriods;
    }

    /// Last period of a deal.
    function _end(Deal storage d) internal view returns (uint64) {
        return d.startPeriod + d.periods - 1;
    }

    /// Last period that may be open when a slot is filled; never behind the end.
    function _activateBy(Deal storage d) internal view returns (uint64) {
        return d.startPeriod + d.activationPeriods - 1;
    }

    function _existing(uint64 deal_) internal view returns (Deal storage d) {
        d = _deals[deal_];
        if (d.owner == address(0)) revert Deals_NoSuchDeal(deal_);
    }

    function _slotOf(Deal storage d, uint64 deal_, uint8 slot) internal view returns (SlotState storage) {
        if (slot >= d.n) revert Deals_NoSuchSlot(deal_, slot);
        return _slots[deal_][slot];
    }

    /// b is exactly ceil(log2(4 * ceil(byteLen / 127))), and such a piece fits a sector.
    function _sound(Slot calldata piece) private view returns (bool) {
        if (piece.byteLen == 0 || piece.byteLen > type(uint40).max || piece.b > sectorLog2Leaves) return false;
        uint256 groups = (uint256(piece.byteLen) + Constants.GROUP_BYTES - 1) / Constants.GROUP_BYTES;
        uint256 leaves = groups * Constants.GROUP_LEAVES;
        uint256 size = uint256(1) << piece.b;
        return leaves <= size && leaves * 2 > size;
    }

    /// The piece lies at a multiple of its own size, inside the sector.
    function _fits(uint40 offsetLeaves, uint8 b) private view returns (bool) {
        uint256 size = uint256(1) << b;
        return offsetLeaves % size == 0 && uint256(offsetLeaves) + size <= uint256(1) << sectorLog2Leaves;
    }
}
