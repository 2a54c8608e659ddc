// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity 0.8.37;

import {NewDeal} from "./DealTypes.sol";

/// @title What Deals says: its errors and its events.
abstract contract DealEvents {
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
    /// @notice No slot of the deal was ever filled: it is cancelled, not ended early or extended.
    error Deals_NotActive(uint64 deal);
    /// @notice The deal's last period `endPeriod` is frozen; `openPeriod` is the first that is not.
    error Deals_Ended(uint64 deal, uint64 openPeriod, uint64 endPeriod);
    /// @notice Enough slots are filled, or too few of them for too short a time: the deal is not lost.
    error Deals_NotLost(uint64 deal, uint64 scarceSince);
    /// @notice The slot's provider still answers for it.
    error Deals_NotFree(uint64 deal, uint8 slot);
    /// @notice The slot is under a direct challenge; it cannot be left or closed before that has ended.
    error Deals_Challenged(uint64 deal, uint8 slot);
    /// @notice A repair brings exactly the piece that was lost.
    error Deals_CommitmentRefused(uint64 deal, uint8 slot, uint256 expected, uint256 got);
    /// @notice The provider lost this slot or holds another one of the deal.
    error Deals_NotEligible(uint64 deal, uint8 slot, address provider);
    /// @notice The caller is not the contract that may do this.
    error Deals_NotAllowed(address caller);
    /// @notice Only the deployer binds, once.
    error Deals_BindRefused(address caller);
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
    /// @notice The contracts that free and give out slots were bound; this happens once.
    event DealsBound(address repairs, address challenges, address disputes);
    /// @notice The owner paid `amount` more and the deal now lasts through `endPeriod`.
    event DealExtended(uint64 indexed deal, uint64 endPeriod, uint256 amount);
    /// @notice The deal now ends with `endPeriod`; `refund` for the periods behind it was credited to the owner.
    event DealEndedEarly(uint64 indexed deal, uint64 endPeriod, uint256 refund);
    /// @notice Fewer than k slots were filled for too long: the segment cannot be rebuilt from this deal.
    event DealLost(uint64 indexed deal, uint64 endPeriod, uint256 refund);
    /// @notice A slot lost its provider and waits for a repair of the same piece (`commP`; 0: the commitment was false,
    /// the repairer brings another).
    event SlotFreed(uint64 indexed deal, uint8 indexed slot, address indexed provider, uint256 commP);
    /// @notice A freed slot was filled by another provider, with the same piece.
    event SlotRepaired(uint64 indexed deal, uint8 indexed slot, address indexed provider, address failed);
}
