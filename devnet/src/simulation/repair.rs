//! Freed slots find a repairer: anyone with room and bandwidth, no piece of the deal, and a reason.
//!
//! ```text
//! worth it:  bounty + periods left x (pay - interest - storing)  >  pieces to fetch x transfer + gas
//! ```

use std::collections::VecDeque;

use super::book::Piece;
use super::numbers::{at, whole32};
use super::provider::Standing;
use super::settings::{Order, Settings};
use super::world::{Entry, Job, Queue, World};

/// Providers looked at for one slot in one period.
const TRIES: u32 = 24;
/// So many slots in a row found nobody: bandwidth is used up for this period.
const VAIN: u32 = 40;
/// What a search for a repairer comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Search {
    Found(u32),
    /// Somebody could, but it does not pay for them.
    Dear,
    /// Nobody has bandwidth and room.
    Nobody,
}

/// The cheapest operator there can be.
const CHEAPEST: f64 = 0.5;

impl Queue {
    pub(crate) fn new(settings: &Settings) -> Self {
        let rows = match settings.repair.order {
            Order::Oldest => 1,
            Order::Urgent => at(settings.n) + 1,
        };
        Self {
            waiting: vec![VecDeque::new(); rows],
            parked: Vec::new(),
        }
    }

    fn pop(&mut self) -> Option<Entry> {
        self.waiting.iter_mut().rev().find_map(VecDeque::pop_front)
    }
}

impl World {
    /// A slot of the deal waits for repair.
    pub(crate) fn enqueue(&mut self, deal: u32) {
        let end = self.book.deals[at(deal)].end;
        self.enqueue_entry(Entry { deal, end });
    }

    /// Puts an entry where its deal's state says.
    pub(crate) fn enqueue_entry(&mut self, entry: Entry) {
        let freed = usize::from(self.book.deals[at(entry.deal)].freed);
        let last = self.queue.waiting.len() - 1;
        self.queue.waiting[freed.min(last)].push_back(entry);
    }

    /// Hands out repairs until bandwidth or freed slots are used up.
    pub(crate) fn start_repairs(&mut self) {
        let mut again = Vec::new();
        let mut in_vain = 0;
        let most = 4 * self.settings.providers + 1_000;
        for _ in 0..most {
            if in_vain >= VAIN {
                break;
            }
            let Some(entry) = self.queue.pop() else { break };
            let deal = self.book.deals[at(entry.deal)];
            if deal.end != entry.end || deal.freed == deal.under_way || deal.lost {
                continue;
            }
            if !self.is_worth_repairing(entry.deal, CHEAPEST, self.settings.k) {
                self.queue.parked.push(entry);
            } else if !self.is_readable(entry.deal) {
                again.push(entry);
            } else {
                match self.start(entry) {
                    Search::Found(_) => in_vain = 0,
                    Search::Dear => self.queue.parked.push(entry),
                    Search::Nobody => {
                        in_vain += 1;
                        again.push(entry);
                    }
                }
            }
        }
        for entry in again.into_iter().rev() {
            let freed = usize::from(self.book.deals[at(entry.deal)].freed);
            let last = self.queue.waiting.len() - 1;
            self.queue.waiting[freed.min(last)].push_front(entry);
        }
    }

    /// Finds a repairer for one slot of the deal, or with a shared fetch one for each of its freed slots.
    fn start(&mut self, entry: Entry) -> Search {
        let first = self.repairer(entry.deal, self.settings.k);
        let Search::Found(id) = first else {
            return first;
        };
        self.fetch(entry, id, self.settings.k);
        if self.settings.repair.shared_fetch {
            let deal = &self.book.deals[at(entry.deal)];
            for _ in deal.under_way..deal.freed {
                // who comes too late here finds its own entry in the queue again
                if let Search::Found(id) = self.repairer(entry.deal, 1) {
                    self.fetch(entry, id, 1);
                }
            }
        }
        first
    }

    fn repairer(&mut self, deal: u32, fetched: u32) -> Search {
        let mut result = Search::Nobody;
        let time_s = self.time_s();
        let soon = (time_s + self.settings.period_s) as f64;
        for _ in 0..TRIES {
            let id = self.random.below(self.settings.providers);
            let provider = &self.providers[at(id)];
            if provider.is_up(time_s)
                && provider.has_room()
                && provider.busy_until_s < soon
                && !self.book.knows(deal, id)
            {
                if self.is_worth_repairing(deal, provider.cost, fetched) {
                    return Search::Found(id);
                }
                result = Search::Dear;
            }
        }
        result
    }

    fn fetch(&mut self, entry: Entry, id: u32, pieces: u32) {
        let time_s = self.time_s() as f64;
        let provider = &mut self.providers[at(id)];
        let seconds = f64::from(pieces) * self.settings.fetch_s();
        provider.busy_until_s = provider.busy_until_s.max(time_s) + seconds;
        let ready_s = provider.busy_until_s + self.settings.repair.latency_hours * 3600.0;
        let wait = ((ready_s - time_s) / self.settings.period_s as f64).ceil();
        let done = self.now + whole32(wait).max(1);
        self.book.deals[at(entry.deal)].under_way += 1;
        self.count.repair_bytes += u64::from(pieces) * self.settings.piece_bytes();
        self.count.repair_usd += self.repair_cost(pieces);
        let job = Job {
            entry,
            provider: id,
            started: self.now,
        };
        self.jobs.entry(done).or_default().push(job);
    }

    /// Fills the slots whose repair is done.
    pub(crate) fn finish_repairs(&mut self) {
        while let Some(entry) = self.jobs.first_entry() {
            if *entry.key() > self.now {
                break;
            }
            for job in entry.remove() {
                self.finish(&job);
            }
        }
    }

    fn finish(&mut self, job: &Job) {
        let Entry { deal, end } = job.entry;
        if self.book.deals[at(deal)].end != end {
            self.count.wasted += 1;
            return;
        }
        self.book.deals[at(deal)].under_way -= 1;
        if self.book.deals[at(deal)].lost {
            self.count.wasted += 1;
            return;
        }
        let provider = &self.providers[at(job.provider)];
        let fit = provider.is_up(self.time_s())
            && provider.joined <= job.started
            && provider.has_room()
            && !self.book.knows(deal, job.provider);
        let slot = self.freed_slot(deal);
        let (true, Some(slot)) = (fit, slot) else {
            self.count.wasted += 1;
            self.enqueue(deal);
            return;
        };
        if self.book.pieces[at(slot)] == Piece::Gone {
            let waited = self.now - self.book.lost_at[at(slot)];
            self.count.wait_periods += u64::from(waited);
            self.count.repaired += 1;
            let entry = &mut self.book.deals[at(deal)];
            let share = self.settings.terms.bounty_share;
            let (_, bounty) = self.terms.repair_part(entry.price, share);
            entry.bounty -= bounty;
            self.ledger.reward(bounty);
            let cheats = self.providers[at(job.provider)].cheats;
            self.groups[usize::from(cheats)].earned += u128::from(bounty);
        }
        self.book.deals[at(deal)].freed -= 1;
        self.activate(slot, job.provider, Piece::Whole);
    }

    /// A slot nobody fills, one with a bounty first.
    fn freed_slot(&self, deal: u32) -> Option<u32> {
        let free = |slot: &u32| self.book.holder(*slot).is_none();
        let with_bounty = |slot: &u32| self.book.pieces[at(*slot)] == Piece::Gone;
        let slots = || self.book.slots_of(deal).filter(free);
        slots().find(with_bounty).or_else(|| slots().next())
    }

    /// Whether k whole pieces can be fetched now.
    fn is_readable(&self, deal: u32) -> bool {
        let time_s = self.time_s();
        let readable = self.book.slots_of(deal).filter(|slot| {
            self.book.pieces[at(*slot)] == Piece::Whole
                && self
                    .book
                    .holder(*slot)
                    .is_some_and(|id| self.providers[at(id)].is_up(time_s))
        });
        readable.take(at(self.settings.k)).count() == at(self.settings.k)
    }

    fn repair_cost(&self, pieces: u32) -> f64 {
        f64::from(pieces) * self.market.transfer
            + self.settings.economy.repair_gas / 1e6 * self.market.mgas
    }

    pub(crate) fn is_worth_repairing(&self, deal: u32, cost: f64, fetched: u32) -> bool {
        let deal = &self.book.deals[at(deal)];
        let share = self.settings.terms.bounty_share;
        let (_, bounty) = self.terms.repair_part(deal.price, share);
        // a slot that was never filled has no repair part
        let bounty = bounty.min(deal.bounty) as f64 * self.market.unit;
        let left = f64::from(deal.end.saturating_sub(self.now));
        let margin = self.slot_income(deal.price) - self.market.storage * cost;
        bounty + left * margin > self.repair_cost(fetched)
    }

    /// How many of the first so many deals cannot be read at this moment, lost ones included.
    #[must_use]
    pub fn unreadable(&self, first: u32) -> u64 {
        (0..first).filter(|deal| !self.is_readable(*deal)).count() as u64
    }

    /// Pieces that are not whole while their slot is filled and its provider is there.
    #[must_use]
    pub fn unseen(&self) -> u64 {
        let there = self
            .providers
            .iter()
            .filter(|one| one.standing == Standing::Up);
        there
            .map(|one| u64::from(one.gone) + u64::from(one.rotten))
            .sum()
    }

    /// Slots that wait for repair, and providers that miss and are not terminated yet.
    #[must_use]
    pub fn waiting(&self) -> (u64, u64) {
        let freed = self
            .book
            .deals
            .iter()
            .map(|deal| u64::from(deal.freed))
            .sum();
        let missing = self.providers.iter().filter(|one| {
            one.standing == Standing::Gone || (one.misses > 0 && one.standing == Standing::Up)
        });
        (freed, missing.count() as u64)
    }
}
