// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {Acceptances} from "./Acceptances.sol";
import {Collateral} from "./Collateral.sol";
import {Constants} from "./Constants.sol";
import {DealEvents} from "./DealEvents.sol";
import {Activation, Deal, NewDeal, Permit, Slot, SlotState, SlotStatus} from "./DealTypes.sol";
import {Periods} from "./Periods.sol";
import {Providers} from "./Providers.sol";
import {RepairRights} from "./RepairRights.sol";
import {Circuit, Sector} from "./SectorTypes.sol";
import {Sectors} from "./Sectors.sol";
import {Verifier} from "./Verifier.sol";
import {Words} from "./Words.sol";

/// @title The books of Deals: what is stored, and the checks and arithmetic behind each entry.
abstract contract DealBook is DealEvents, Acceptances, Periods {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice The one token of this deployment.
    IERC20 public immutable token;
    /// @notice Registry of the providers.
    Providers public immutable providers;
    /// @notice Holds the trees and their proofs.
    Sectors public immutable sectors;
    /// @notice Holds what providers stake.
    Collateral public immutable collateral;
    /// @notice Checks every proof.
    Verifier public immutable verifier;
    /// @notice May bind, once; nothing else.
    address public immutable deployer;
    /// @notice A sector has 2^this leaves.
    uint8 public immutable sectorLog2Leaves;
    /// @notice Most pieces one proof of `include` places.
    uint8 public immutable includeWidth;
    address internal immutable _includeKey;

    /// @notice Says who may fill a freed slot; zero until bound.
    RepairRights public repairs;
    /// @notice Direct challenges; may free a slot.
    address public challenges;
    /// @notice Disputes about commitments; may free a slot and void its commitment.
    address public disputes;

    /// @notice The newest deal's number; numbers begin at 1.
    uint64 public lastDeal;
    /// @notice What an account may withdraw.
    mapping(address account => uint256) public creditOf;

    mapping(uint64 deal => Deal) internal _deals;
    mapping(uint64 deal => mapping(uint8 slot => SlotState)) internal _slots;

    constructor(IERC20 token_, Providers providers_, Sectors sectors_, Collateral collateral_)
        Periods(sectors_.schedule())
    {
        token = token_;
        deployer = msg.sender;
        collateral = collateral_;
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
        if (sector.kind != d.kind) revert Deals_SectorKind(a.deal, number);
        if (!_fits(a.offsetLeaves, piece.b)) revert Deals_OffsetRefused(a.deal, a.slot);
        uint64 open = openPeriod(_now());
        if (s.status == SlotStatus.Freed) _takeOver(a, d, s, open);
        else _takeUp(a, d, s, piece, open);

        d.live += 1;
        if (d.live >= d.k) d.scarceSince = 0;
        s.provider = msg.sender;
        s.tree = sector.tree;
        s.status = SlotStatus.Filled;
        s.b = piece.b;
        s.sector = number;
        s.firstPeriod = open;
        s.offsetLeaves = a.offsetLeaves;
        s.commP = a.commP;
        collateral.lock(msg.sender, sector.tree, d.pricePerSlotPeriod);
        emit SlotFilled(a.deal, a.slot, msg.sender, number, a.commP, a.offsetLeaves, open);
        return Words.piece(a.offsetLeaves, piece.b, uint40(piece.byteLen));
    }

    /// The provider named in the terms fills an empty slot with what the owner accepted.
    function _takeUp(Activation calldata a, Deal storage d, SlotState storage s, Slot calldata piece, uint64 open)
        private
    {
        if (piece.provider != msg.sender) revert Deals_NotYourSlot(a.deal, a.slot, piece.provider);
        if (s.status != SlotStatus.Empty) revert Deals_SlotTaken(a.deal, a.slot);
        if (open > _activateBy(d)) revert Deals_TooLate(a.deal, open, _activateBy(d));
        if (_now() > a.expiry) revert Deals_AcceptanceExpired(a.deal, a.slot);
        if (!_accepted(a, piece, d.owner)) revert Deals_AcceptanceRefused(a.deal, a.slot);
        d.filled += 1;
    }

    /// Another provider fills a freed slot with the same piece: what the owner accepted then is accepted now. It earns the
    /// rest of the escrow and the bounty of the slot's repair part.
    function _takeOver(Activation calldata a, Deal storage d, SlotState storage s, uint64 open) private {
        if (open > _end(d)) revert Deals_Ended(a.deal, open, _end(d));
        _requireSamePiece(a, s);
        _requireEligible(a.deal, a.slot, d, s);
        repairs.take(a.deal, a.slot, msg.sender);
        s.paidBefore = s.paidPeriods;
        emit SlotRepaired(a.deal, a.slot, msg.sender, s.provider);
        collateral.spend(a.deal, a.slot, msg.sender);
    }

    /// A repair brings the piece that was lost; any, if its commitment was shown to be false.
    function _requireSamePiece(Activation calldata a, SlotState storage s) internal view virtual {
        if (s.commP != 0 && a.commP != s.commP) revert Deals_CommitmentRefused(a.deal, a.slot, s.commP, a.commP);
    }

    function _requireEligible(uint64 deal_, uint8 slot, Deal storage d, SlotState storage s) internal view virtual {
        if (!_eligible(deal_, d, s, msg.sender)) revert Deals_NotEligible(deal_, slot, msg.sender);
    }

    /// Neither who lost the slot nor who holds another one of the deal repairs it. Work: linear in n.
    function _eligible(uint64 deal_, Deal storage d, SlotState storage s, address provider)
        internal
        view
        returns (bool may)
    {
        may = s.provider != provider;
        for (uint256 i = 0; may && i < d.n; ++i) {
            SlotState storage other = _slots[deal_][uint8(i)];
            may = other.provider != provider || other.status != SlotStatus.Filled;
        }
    }

    /// Nobody leaves a slot under a challenge, not even at the deal's end: every challenge ends (see Challenges).
    function _requireUnchallenged(SlotState storage s, uint64 deal_, uint8 slot) internal view virtual {
        if (s.challenged) revert Deals_Challenged(deal_, slot);
    }

    /// Takes a filled slot from its provider: paid up, its repair part put aside, open for a repair.
    function _freeSlot(Deal storage d, SlotState storage s, uint64 deal_, uint8 slot) internal {
        _settle(d, s, deal_, slot);
        s.status = SlotStatus.Freed;
        s.challenged = false;
        s.freedAt = uint48(block.timestamp);
        d.live -= 1;
        if (d.live < d.k && d.scarceSince == 0) d.scarceSince = _now();
        sectors.freeSlot(s.provider, s.sector);
        emit SlotFreed(deal_, slot, s.provider, s.commP);
        collateral.fund(deal_, slot, s.provider, s.tree, d.pricePerSlotPeriod);
    }

    /// Makes the open period the deal's last and returns what the owner gets back for those behind it.
    function _cut(Deal storage d, uint64 deal_) internal returns (uint64 end, uint256 refund) {
        end = openPeriod(_now());
        if (end >= _end(d)) revert Deals_Ended(deal_, end, _end(d));
        uint256 slots = d.n - d.closed;
        refund = uint256(d.pricePerSlotPeriod) * (_end(d) - end) * slots;
        d.periods = uint32(end - d.startPeriod + 1);
        if (d.activationPeriods > d.periods) d.activationPeriods = d.periods;
        d.escrow -= refund.toUint128();
        creditOf[d.owner] += refund;
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
    function _unpaid(Deal storage d, SlotState storage s) internal view virtual returns (uint64) {
        uint64 end = _end(d);
        uint64 terminated = collateral.terminatedAt(s.provider, s.tree);
        if (terminated != 0 && terminated < end) end = terminated;
        return sectors.provenBetween(s.provider, s.tree, s.firstPeriod, end) - (s.paidPeriods - s.paidBefore);
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

    function _active(uint64 deal_) internal view returns (Deal storage d) {
        d = _existing(deal_);
        if (d.cancelled) revert Deals_Cancelled(deal_);
        if (d.filled == 0) revert Deals_NotActive(deal_);
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
