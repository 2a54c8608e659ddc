//! Deals are opened, paid, closed and renewed; the arithmetic of pay is the contracts' twin.

use cairn_contracts::settlement::SlotAccount;
use cairn_wire::Period;

use super::book::{Deal, Piece};
use super::numbers::{at, number, share_of};
use super::settings::YEAR_DAYS;
use super::world::{Entry, Group, World};

/// How often a client looks for one more provider before it leaves a slot empty.
const TRIES: u32 = 200;

impl World {
    /// Opens a deal for so many periods from the next one on. `kept`: place and holder of pieces that stay where they are.
    pub(crate) fn open(&mut self, index: u32, periods: u32, kept: &[(u32, u32, Piece)]) {
        let end = self.now + periods;
        let price = self.market.price;
        let escrow = price * u64::from(periods) * u64::from(self.settings.n);
        self.ledger.open(escrow);
        self.book.deals[at(index)] = Deal {
            end,
            price,
            escrow,
            bounty: 0,
            freed: 0,
            under_way: 0,
            whole: 0,
            lost: false,
        };
        self.ends.entry(end).or_default().push(index);
        for slot in self.book.slots_of(index) {
            self.book.forget(slot);
        }
        for (slot, id, piece) in kept {
            self.activate(*slot, *id, *piece);
        }
        for slot in self.book.slots_of(index) {
            if self.book.holder(slot).is_some() {
                continue;
            }
            if let Some(id) = self.choose(index) {
                self.activate(slot, id, Piece::Whole);
                continue;
            }
            self.count.unfilled += 1;
            self.book.deals[at(index)].freed += 1;
            self.enqueue(index);
        }
    }

    /// A provider fills a slot: paid from the next period on, its collateral locked.
    pub(crate) fn activate(&mut self, slot: u32, id: u32, piece: Piece) {
        let index = self.book.deal_of(slot);
        let deal = &mut self.book.deals[at(index)];
        deal.whole += u16::from(piece == Piece::Whole);
        let price = deal.price;
        let (fault, repair) = (price * self.terms.fault, price * self.terms.repair);
        let provider = &mut self.providers[at(id)];
        provider.fault += fault;
        provider.repair += repair;
        provider.rotten += u32::from(piece == Piece::Rotten);
        self.ledger.lock(fault, repair);
        self.book.pieces[at(slot)] = piece;
        self.book.first[at(slot)] = self.now + 1;
        self.book.fill(slot, id, provider, price);
    }

    /// A provider at random that is up, has room, is content with the price and has no other piece of the deal: drawn as
    /// the client draws, whose shuffle of all candidates gives each of them the same chance.
    fn choose(&mut self, deal: u32) -> Option<u32> {
        let time_s = self.time_s();
        for _ in 0..TRIES {
            let id = self.random.below(self.settings.providers);
            let provider = &self.providers[at(id)];
            if provider.is_up(time_s)
                && provider.has_room()
                && self.is_worth_storing(provider.cost)
                && !self.book.knows(deal, id)
            {
                return Some(id);
            }
        }
        None
    }

    /// Whether a new slot at today's price pays for its storing and for the collateral it locks.
    pub(crate) fn is_worth_storing(&self, cost: f64) -> bool {
        self.slot_income(self.market.price) > self.market.storage * cost
    }

    /// What a slot brings in a period, in dollars, after the interest on its collateral.
    pub(crate) fn slot_income(&self, price: u64) -> f64 {
        let locked = (self.terms.fault + self.terms.repair) as f64;
        let year = YEAR_DAYS * self.settings.periods_per_day();
        let interest = self.settings.economy.capital * locked / year;
        price as f64 * self.market.unit * (1.0 - interest)
    }

    /// Pays what a filled slot has earned, by the contract's count of proven periods.
    pub(crate) fn settle(&mut self, slot: u32) {
        let Some(id) = self.book.holder(slot) else {
            return;
        };
        let index = self.book.deal_of(slot);
        let provider = &self.providers[at(id)];
        let due = u64::try_from(self.account(slot).settle(&provider.proven)).unwrap_or(u64::MAX);
        self.book.deals[at(index)].escrow -= due;
        self.groups[usize::from(provider.cheats)].earned += u128::from(due);
        self.ledger.pay(due);
    }

    /// What a filled slot is paid by; nothing was paid yet, since a slot is settled once, when it is freed or closed.
    fn account(&self, slot: u32) -> SlotAccount {
        let deal = &self.book.deals[at(self.book.deal_of(slot))];
        SlotAccount {
            price_per_period: u128::from(deal.price),
            first_period: Period(u64::from(self.book.first[at(slot)])),
            end_period: Period(u64::from(deal.end)),
            paid_periods: 0,
        }
    }

    /// Money of honest providers and of cheats, with what is earned and not settled yet.
    #[must_use]
    pub fn groups(&self) -> [Group; 2] {
        let mut groups = self.groups;
        for provider in &self.providers {
            let group = &mut groups[usize::from(provider.cheats)];
            for slot in &provider.slots {
                group.earned += self.account(*slot).due(&provider.proven);
            }
        }
        groups
    }

    /// Closes and renews the deals whose last period is over.
    pub(crate) fn end_deals(&mut self) {
        while let Some(entry) = self.ends.first_entry() {
            if *entry.key() > self.now {
                break;
            }
            for deal in entry.remove() {
                self.end(deal);
            }
        }
    }

    fn end(&mut self, index: u32) {
        if self.book.deals[at(index)].end > self.now {
            return; // it was stuck and closed before; another deal has its place
        }
        let lost = self.book.deals[at(index)].lost;
        let mut held = self.close(index);
        if lost || !self.random.chance(self.settings.terms.renewed) {
            held.clear();
        } else {
            let time_s = self.time_s();
            held.retain(|(_, id, piece)| {
                let provider = &self.providers[at(*id)];
                *piece != Piece::Gone
                    && provider.is_up(time_s)
                    && self.is_worth_storing(provider.cost)
            });
            let missing = self.settings.n - number(held.len());
            if missing > 0 {
                let moved = u64::from(self.settings.k + missing);
                self.count.refill_bytes += moved * self.settings.piece_bytes();
            }
        }
        self.open(index, self.terms.deal, &held);
    }

    /// Settles all slots, gives collateral and rest of the escrow back. Returns who held what.
    fn close(&mut self, index: u32) -> Vec<(u32, u32, Piece)> {
        let mut held = Vec::new();
        for slot in self.book.slots_of(index) {
            let Some(id) = self.book.holder(slot) else {
                continue;
            };
            self.settle(slot);
            held.push((slot, id, self.book.pieces[at(slot)]));
            let price = self.book.deals[at(index)].price;
            let provider = &mut self.providers[at(id)];
            let fault = share_of(provider.fault, price, provider.pay);
            let repair = price * self.terms.repair;
            provider.fault -= fault;
            provider.repair -= repair;
            self.ledger.release(fault, repair);
            self.book.take(slot, provider, price);
        }
        let deal = &mut self.book.deals[at(index)];
        self.ledger.burn_bounty(std::mem::take(&mut deal.bounty));
        self.ledger.refund(std::mem::take(&mut deal.escrow));
        self.lost_open -= u64::from(deal.lost);
        deal.lost = false;
        held
    }

    /// Anyone closes a deal that has had more than n - k slots freed for too long; its owner stores something else.
    pub(crate) fn close_stuck(&mut self) {
        while let Some(entry) = self.stuck.first_entry() {
            if *entry.key() > self.now {
                break;
            }
            for Entry { deal, end } in entry.remove() {
                let freed = u32::from(self.book.deals[at(deal)].freed);
                let same = self.book.deals[at(deal)].end == end;
                if same && freed > self.settings.n - self.settings.k {
                    self.close(deal);
                    self.open(deal, self.terms.deal, &[]);
                }
            }
        }
    }
}
