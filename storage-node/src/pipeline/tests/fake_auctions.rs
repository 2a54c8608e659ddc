//! The auctions of [`FakeChain`](super::fake_chain::FakeChain), as the contract has them.

use cairn_contracts::{AuctionInfo, ChainEventKind};
use cairn_wire::{Address, DealId, Period, SlotIndex};

use super::fake_chain::{ME, SCHEDULE, Table};

/// An auction of the right to repair a sealed slot. This provider's rank is [`RANK`].
#[derive(Clone, Debug, Default)]
pub(super) struct Auction {
    pub(super) period: Period,
    /// Whether this provider's bond lies in it.
    pub(super) bonded: bool,
    /// Who claimed with the lowest rank so far, and that rank.
    pub(super) best: Option<(Address, u8)>,
    /// It was taken, or its deal ended: all bonds come back.
    pub(super) void: bool,
}

/// This provider's rank in every auction.
pub(super) const RANK: u8 = 5;
/// What an auction costs to enter, and how long claims are taken after the round is surely known.
pub(super) const BOND: u128 = 40;
pub(super) const CLAIM_S: u64 = 12;
/// How many periods the winner has.
pub(super) const SEAL_PERIODS: u64 = 10;

impl Auction {
    pub(super) fn claims_until(&self) -> u64 {
        SCHEDULE.deadline(self.period) + CLAIM_S
    }

    pub(super) fn periods_left(&self, time: u64) -> u64 {
        let from = SCHEDULE.last_closed_period(self.claims_until());
        let had = SCHEDULE.last_closed_period(time).0.saturating_sub(from.0);
        SEAL_PERIODS.saturating_sub(had)
    }

    pub(super) fn is_won_by(&self, who: Address, time: u64) -> bool {
        let best = self.best.is_some_and(|(best, _)| best == who);
        best && time > self.claims_until() && self.periods_left(time) > 0
    }

    pub(super) fn seen(&self, turn: u32, time: u64) -> AuctionInfo {
        let known = time >= SCHEDULE.round_time(self.period);
        AuctionInfo {
            turn,
            period: Some(self.period),
            claims_until_unix: known.then(|| self.claims_until()),
            best: self.best.map(|(best, _)| best),
            entered: self.bonded,
            is_lowest: known && self.bonded && self.best.is_none_or(|(_, rank)| RANK < rank),
            is_winner: self.is_won_by(ME, time),
            seal_periods_left: known.then(|| self.periods_left(time)),
        }
    }
}

impl Table {
    pub(super) fn turn(&self, (deal, slot): (DealId, SlotIndex)) -> u32 {
        self.turns.get(&(deal, slot)).copied().unwrap_or_default()
    }

    /// The running auction of a slot.
    pub(super) fn running(&mut self, key: (DealId, SlotIndex)) -> Result<&mut Auction, String> {
        let at = (key.0, key.1, self.turn(key));
        let running = self.auctions.get_mut(&at);
        running.ok_or_else(|| "Repairs_NoAuction".to_owned())
    }

    pub(super) fn end_auction(
        &mut self,
        key: (DealId, SlotIndex),
        void: bool,
    ) -> Result<(), String> {
        self.running(key)?.void = void;
        *self.turns.entry(key).or_default() += 1;
        Ok(())
    }

    pub(super) fn take_auction(&mut self, key: (DealId, SlotIndex)) -> Result<(), String> {
        let time = self.time;
        if !self.running(key)?.is_won_by(ME, time) {
            return Err("Repairs_NoRight".to_owned());
        }
        self.end_auction(key, true)
    }

    pub(super) fn enter(&mut self, (deal, slot): (DealId, SlotIndex)) -> Result<(), String> {
        let (time, turn) = (self.time, self.turn((deal, slot)));
        let price = self.deals[&deal].price_per_slot_period;
        if !self.open_repairs.contains(&(deal, slot)) {
            return Err("Repairs_NotEligible".to_owned());
        }
        if self.collateral.free < self.stake_per_price * price {
            return Err("Repairs_CollateralTooLow".to_owned());
        }
        let fresh = Auction {
            period: SCHEDULE.open_period(time + SCHEDULE.period_s),
            ..Auction::default()
        };
        let auction = self.auctions.entry((deal, slot, turn)).or_insert(fresh);
        if auction.bonded || time >= SCHEDULE.freeze_time(auction.period) {
            return Err("Repairs_EntryClosed".to_owned());
        }
        auction.bonded = true;
        let used = self.repair_credit.min(BOND);
        let left = self.funds.balance.checked_sub(BOND - used);
        self.funds.balance = left.ok_or("ERC20InsufficientBalance")?;
        self.repair_credit -= used;
        self.emit(ChainEventKind::AuctionEntered {
            deal,
            slot,
            provider: ME,
            turn,
            bond: BOND,
        });
        Ok(())
    }

    pub(super) fn claim(&mut self, key: (DealId, SlotIndex)) -> Result<(), String> {
        let time = self.time;
        let auction = self.running(key)?;
        let seen = auction.seen(0, time);
        if !seen.is_lowest || time > auction.claims_until() {
            return Err("Repairs_NotLowest".to_owned());
        }
        auction.best = Some((ME, RANK));
        Ok(())
    }

    pub(super) fn expire(&mut self, key: (DealId, SlotIndex)) -> Result<(), String> {
        let (time, turn) = (self.time, self.turn(key));
        let over = SCHEDULE.open_period(time) > self.deals[&key.0].end_period;
        let auction = self.running(key)?;
        let best = auction.best.map(|(best, _)| best);
        if !auction.seen(turn, time).has_failed(time) && !over {
            return Err("Repairs_TooEarly".to_owned());
        }
        self.end_auction(key, over)?;
        self.emit(ChainEventKind::AuctionEnded {
            deal: key.0,
            slot: key.1,
            turn,
            best,
            lost: if over { 0 } else { BOND },
        });
        Ok(())
    }

    pub(super) fn is_refundable(&self, at: (DealId, SlotIndex, u32)) -> bool {
        self.auctions.get(&at).is_some_and(|auction| {
            let other = auction.best.is_some_and(|(best, _)| best != ME);
            auction.bonded && (auction.void || other && self.time > auction.claims_until())
        })
    }

    pub(super) fn refund(&mut self, at: (DealId, SlotIndex, u32)) -> Result<(), String> {
        if !self.is_refundable(at) {
            return Err("Repairs_NotRefundable".to_owned());
        }
        self.auctions.get_mut(&at).unwrap().bonded = false;
        self.repair_credit += BOND;
        self.emit(ChainEventKind::BondRefunded {
            deal: at.0,
            slot: at.1,
            provider: ME,
            turn: at.2,
            bond: BOND,
        });
        Ok(())
    }
}
