//! Every period each provider proves, or misses and pays for it; who misses too often is terminated.

use cairn_client::durability::detection_probability;
use cairn_prover::params::MAINNET;
use cairn_wire::Period;

use super::book::Piece;
use super::numbers::{at, whole, whole32};
use super::provider::{Provider, Standing};
use super::world::World;

/// How a window of one provider ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Nothing was owed.
    Excused,
    Proven,
    /// Not there in time.
    Absent,
    /// There, but a sample fell on what is missing.
    Hit,
}

impl World {
    /// All windows of a period.
    pub(crate) fn windows(&mut self) {
        let mut slot_periods = 0.0;
        let mut proofs = 0.0;
        for id in 0..self.settings.providers {
            if let Standing::Ended { replaced } = self.providers[at(id)].standing {
                if replaced <= self.now {
                    self.join(id);
                }
                continue;
            }
            let outcome = self.outcome(id);
            let provider = &mut self.providers[at(id)];
            if outcome != Outcome::Absent {
                slot_periods += provider.slots.len() as f64 * provider.cost;
                self.groups[usize::from(provider.cheats)].slot_periods +=
                    provider.slots.len() as u64;
            }
            match outcome {
                Outcome::Excused => provider.misses = 0,
                Outcome::Proven => {
                    provider.misses = 0;
                    proofs += 1.0;
                    provider.proven.mark(Period(u64::from(self.now)));
                }
                Outcome::Absent => self.miss(id),
                Outcome::Hit => {
                    self.count.hits += 1;
                    self.miss(id);
                    if !self.providers[at(id)].cheats {
                        self.declare(id);
                    }
                }
            }
        }
        self.count.storage_usd += slot_periods * self.market.storage;
        self.count.proof_usd += proofs * self.settings.economy.proof_gas / 1e6 * self.market.mgas;
    }

    fn outcome(&mut self, id: u32) -> Outcome {
        let provider = &self.providers[at(id)];
        if provider.slots.is_empty() {
            return Outcome::Excused;
        }
        if provider.standing == Standing::Gone {
            return Outcome::Absent;
        }
        if provider.down.1 > self.time_s() && self.too_late(provider.down) {
            return Outcome::Absent;
        }
        let missing = provider.missing(self.settings.faults.rot_leaves);
        if missing > 0.0
            && self
                .random
                .chance(detection_probability(missing, self.settings.samples.into()))
        {
            return Outcome::Hit;
        }
        Outcome::Proven
    }

    /// Whether an outage leaves no room for a proof between the round and the deadline.
    const fn too_late(&self, down: (u64, u64)) -> bool {
        let period = Period(self.now as u64);
        let round = self.schedule.round_time(period);
        let proof_s = self.settings.proof_s;
        down.0 < round + proof_s && down.1 + proof_s > self.schedule.deadline(period)
    }

    fn miss(&mut self, id: u32) {
        self.count.misses += 1;
        let amount = self.slash_per_miss(id).min(self.providers[at(id)].fault);
        let to_reporter = whole(amount as f64 * self.settings.terms.reporter_share);
        self.ledger.slash(amount, to_reporter.min(amount));
        let provider = &mut self.providers[at(id)];
        provider.fault -= amount;
        self.groups[usize::from(provider.cheats)].lost += u128::from(amount);
        provider.misses += 1;
        if provider.misses >= self.terms.misses_to_end || provider.fault == 0 {
            self.terminate(id);
        }
    }

    /// `factor x ceil(sectors / samples) x pay per period of the tree`.
    fn slash_per_miss(&self, id: u32) -> u64 {
        let provider = &self.providers[at(id)];
        let bytes = provider.slots.len() as u64 * self.settings.piece_bytes();
        let sectors = bytes.div_ceil(MAINNET.sector_bytes());
        let dilution = sectors.div_ceil(u64::from(self.settings.samples)).max(1);
        self.settings.terms.slash_factor * dilution * provider.pay
    }

    /// An honest provider says which pieces it does not have; their slots are freed.
    pub(crate) fn declare(&mut self, id: u32) {
        let provider = &self.providers[at(id)];
        if provider.gone == 0 && provider.rotten == 0 {
            return;
        }
        let bad: Vec<u32> = provider
            .slots
            .iter()
            .copied()
            .filter(|slot| self.book.pieces[at(*slot)] != Piece::Whole)
            .collect();
        for slot in bad {
            let price = self.book.deals[at(self.book.deal_of(slot))].price;
            let provider = &mut self.providers[at(id)];
            let fee = (price * self.terms.declared).min(provider.fault);
            provider.fault -= fee;
            self.groups[usize::from(provider.cheats)].lost += u128::from(fee);
            self.ledger.slash(fee, 0);
            self.lose(slot, Piece::Gone);
            self.free(slot);
        }
    }

    /// The contract ends a provider: all its slots are freed, what is left of its fault part is burned.
    fn terminate(&mut self, id: u32) {
        self.count.ended += 1;
        if self.providers[at(id)].standing == Standing::Up {
            self.count.ended_whole += 1;
        }
        let lost_before = self.count.lost;
        let slots = self.providers[at(id)].slots.clone();
        for slot in slots {
            self.lose(slot, Piece::Gone);
            self.free(slot);
        }
        self.count.lost_by_rule += self.count.lost - lost_before;
        let provider = &mut self.providers[at(id)];
        let rest = std::mem::take(&mut provider.fault);
        self.groups[usize::from(provider.cheats)].lost += u128::from(rest);
        self.ledger.slash(rest, 0);
        let days = self.settings.repair.replaced_days;
        let replaced = if days > 0.0 {
            let wait = self.random.exponential() * days * self.settings.periods_per_day();
            self.now + 1 + whole32(wait)
        } else {
            u32::MAX
        };
        self.providers[at(id)].standing = Standing::Ended { replaced };
    }

    /// Somebody new takes the place of one that ended, if what is paid now is worth it to them.
    fn join(&mut self, id: u32) {
        let fresh = Provider::new(&self.settings, &mut self.random);
        if self.is_worth_storing(fresh.cost) {
            self.providers[at(id)] = Provider {
                joined: self.now,
                ..fresh
            };
        } else {
            self.providers[at(id)].standing = Standing::Ended {
                replaced: self.now + self.terms.day,
            };
        }
    }

    /// Frees a filled slot: what it earned is settled, its repair part becomes the bounty, the rest of it is burned.
    pub(crate) fn free(&mut self, slot: u32) {
        let Some(id) = self.book.holder(slot) else {
            return;
        };
        self.settle(slot);
        let index = self.book.deal_of(slot);
        let deal = &mut self.book.deals[at(index)];
        let (part, bounty) = self
            .terms
            .repair_part(deal.price, self.settings.terms.bounty_share);
        let provider = &mut self.providers[at(id)];
        provider.repair -= part;
        self.groups[usize::from(provider.cheats)].lost += u128::from(part);
        deal.bounty += bounty;
        deal.freed += 1;
        self.ledger.free(part, bounty);
        let (price, freed, end) = (deal.price, deal.freed, deal.end);
        self.book.take(slot, provider, price);
        self.count.freed += 1;
        self.enqueue(index);
        if u32::from(freed) == self.settings.n - self.settings.k + 1 {
            let due = self.now + self.terms.stuck;
            let entry = super::world::Entry { deal: index, end };
            self.stuck.entry(due).or_default().push(entry);
        }
    }

    /// Once a day: who would lose more by staying until its deals end than it has locked, goes.
    pub(crate) fn look_at_prices(&mut self) {
        let proof = self.settings.economy.proof_gas / 1e6 * self.market.mgas;
        let left = f64::from(self.terms.deal) / 2.0;
        for id in 0..self.settings.providers {
            let provider = &self.providers[at(id)];
            if provider.standing != Standing::Up || provider.slots.is_empty() {
                continue;
            }
            let income = provider.pay as f64 * self.market.unit;
            let held = provider.slots.len() as f64;
            let storing = held * self.market.storage * provider.cost;
            // who has just come counts on filling up: its slots bear their share of a proof only
            let usual = f64::from(provider.room) * self.settings.repair.used;
            let proving = proof * (held / usual).min(1.0);
            let locked = (provider.fault + provider.repair) as f64 * self.market.unit;
            if (storing + proving - income) * left > locked {
                self.count.priced_out += 1;
                self.vanish(id);
            }
        }
        let parked = std::mem::take(&mut self.queue.parked);
        for entry in parked {
            self.enqueue_entry(entry);
        }
    }
}
