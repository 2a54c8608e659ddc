//! What breaks: providers, disks, sites, networks, regions, single pieces.

use super::book::Piece;
use super::numbers::{at, number, whole};
use super::provider::Standing;
use super::settings::YEAR_DAYS;
use super::world::World;

/// Providers that share a roof.
const SITE: u32 = 2;

/// Odd and without pattern: providers read their disks on different days.
const SPREAD: u32 = 2_654_435_769;

impl World {
    /// A rate per year as a probability per period.
    fn per_period(&self, rate: f64) -> f64 {
        rate / YEAR_DAYS / self.settings.periods_per_day()
    }

    /// Everything that breaks of itself in one period.
    pub(crate) fn break_things(&mut self) {
        let faults = &self.settings.faults;
        let exit = self.per_period(faults.exits);
        let disk = exit + self.per_period(faults.disks_lost * f64::from(faults.disks));
        let any = disk + self.per_period(faults.outages);
        let rot = self.per_period(faults.rot_per_piece);
        let scrub = faults.scrub_days * self.terms.day;
        for id in 0..self.settings.providers {
            let provider = &self.providers[at(id)];
            if provider.standing != Standing::Up {
                continue;
            }
            let held = number(provider.slots.len());
            if self.random.chance(f64::from(held) * rot) {
                let slot = self.providers[at(id)].slots[at(self.random.below(held))];
                self.count.rotted += 1;
                self.lose(slot, Piece::Rotten);
            }
            if scrub > 0 && (self.now + id.wrapping_mul(SPREAD) % scrub).is_multiple_of(scrub) {
                self.declare(id);
            }
            let drawn = self.random.unit();
            if drawn < exit {
                self.count.exits += 1;
                self.vanish(id);
            } else if drawn < disk {
                self.lose_disk(id);
            } else if drawn < any {
                self.outage(id);
            }
        }
        self.break_together();
    }

    /// What several providers share.
    fn break_together(&mut self) {
        let faults = self.settings.faults.clone();
        let sites = self.settings.providers / SITE;
        if self
            .random
            .chance(self.per_period(faults.sites_lost) * f64::from(sites))
        {
            let site = self.random.below(sites);
            for id in site * SITE..(site + 1) * SITE {
                self.strike(id);
            }
        }
        let networks = number(self.networks.len());
        let (rate, hours) = faults.network_outages;
        if self
            .random
            .chance(self.per_period(rate) * f64::from(networks))
        {
            let network = at(self.random.below(networks));
            let members = std::mem::take(&mut self.networks[network]);
            self.all_down(members.iter().copied(), hours);
            self.networks[network] = members;
        }
        let (rate, hours) = faults.region_outages;
        if self
            .random
            .chance(self.per_period(rate) * f64::from(faults.regions))
        {
            let region = self.random.below(faults.regions);
            let members = region..self.settings.providers;
            self.all_down(members.step_by(at(faults.regions.max(1))), hours);
        }
    }

    fn all_down(&mut self, members: impl Iterator<Item = u32>, hours: f64) {
        let seconds = whole(self.random.exponential() * hours * 3600.0);
        let from = self.time_s();
        for id in members {
            self.providers[at(id)].go_down(from, seconds);
        }
    }

    /// One provider is down for a while from some second of this period on.
    fn outage(&mut self, id: u32) {
        let faults = &self.settings.faults;
        let (share, long) = faults.long_outages;
        let hours = if self.random.chance(share) {
            long
        } else {
            faults.outage_hours
        };
        let seconds = whole(self.random.exponential() * hours * 3600.0);
        let from = self.time_s() + whole(self.random.unit() * self.settings.period_s as f64);
        self.providers[at(id)].go_down(from, seconds);
    }

    /// A provider is destroyed by something that strikes others, too.
    pub(crate) fn strike(&mut self, id: u32) {
        if self.providers[at(id)].standing == Standing::Up {
            self.count.struck += 1;
            self.vanish(id);
        }
    }

    /// A provider is gone with all its pieces; the chain learns it from its misses.
    pub(crate) fn vanish(&mut self, id: u32) {
        self.providers[at(id)].standing = Standing::Gone;
        for place in 0..self.providers[at(id)].slots.len() {
            let slot = self.providers[at(id)].slots[place];
            self.lose(slot, Piece::Gone);
        }
    }

    /// One disk dies: its share of the pieces is gone, and declared.
    fn lose_disk(&mut self, id: u32) {
        self.count.disks += 1;
        let disks = self.settings.faults.disks;
        for place in 0..self.providers[at(id)].slots.len() {
            if self.random.below(disks) == 0 {
                let slot = self.providers[at(id)].slots[place];
                self.lose(slot, Piece::Gone);
            }
        }
        if !self.providers[at(id)].cheats {
            self.declare(id);
        }
    }

    /// Some providers delete pieces and say nothing.
    pub(crate) fn cheat(&mut self, share: f64, deleted: f64) {
        for id in 0..self.settings.providers {
            if self.providers[at(id)].standing != Standing::Up || !self.random.chance(share) {
                continue;
            }
            self.providers[at(id)].cheats = true;
            let held = self.providers[at(id)].slots.len();
            let mut order = self.providers[at(id)].slots.clone();
            let doomed = whole(held as f64 * deleted);
            for _ in 0..doomed {
                let drawn = at(self.random.below(number(order.len())));
                let slot = order.swap_remove(drawn);
                self.lose(slot, Piece::Gone);
            }
        }
    }

    /// The piece of a filled slot is not what it was.
    pub(crate) fn lose(&mut self, slot: u32, to: Piece) {
        let Some(id) = self.book.holder(slot) else {
            return;
        };
        let provider = &mut self.providers[at(id)];
        let was = self.book.pieces[at(slot)];
        match (was, to) {
            (Piece::Whole, Piece::Rotten) => provider.rotten += 1,
            (Piece::Whole, Piece::Gone) => provider.gone += 1,
            (Piece::Rotten, Piece::Gone) => {
                provider.rotten -= 1;
                provider.gone += 1;
            }
            _ => return,
        }
        self.book.pieces[at(slot)] = to;
        if was != Piece::Whole {
            return;
        }
        self.book.lost_at[at(slot)] = self.now;
        let index = self.book.deal_of(slot);
        let deal = &mut self.book.deals[at(index)];
        deal.whole -= 1;
        if u32::from(deal.whole) < self.settings.k && !deal.lost {
            deal.lost = true;
            self.count.lost += 1;
            self.lost_open += 1;
        }
    }
}
