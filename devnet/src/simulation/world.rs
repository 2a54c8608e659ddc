//! The whole network at one time, and one period after the other.

use std::collections::{BTreeMap, VecDeque};

use anyhow::{Result, ensure};
use cairn_contracts::Schedule;
use cairn_wire::Period;

use super::book::{Book, Piece};
use super::money::Ledger;
use super::numbers::{Random, at, number, whole, whole32};
use super::provider::{Provider, Standing};
use super::settings::{Event, Settings, UNITS_PER_USD};

/// A network under simulation.
#[derive(Debug)]
pub struct World {
    pub(crate) settings: Settings,
    pub(crate) schedule: Schedule,
    pub(crate) random: Random,
    /// The period that was simulated last.
    pub(crate) now: u32,
    pub(crate) providers: Vec<Provider>,
    /// Providers by network operator.
    pub(crate) networks: Vec<Vec<u32>>,
    pub(crate) book: Book,
    pub(crate) ledger: Ledger,
    pub(crate) market: Market,
    pub(crate) count: Count,
    /// Money of honest providers, and of cheats.
    pub(crate) groups: [Group; 2],
    /// Lost deals that are not closed yet.
    pub(crate) lost_open: u64,
    /// Deals by their last period; deals stuck since too many slots were freed, by when they may be closed.
    pub(crate) ends: BTreeMap<u32, Vec<u32>>,
    pub(crate) stuck: BTreeMap<u32, Vec<Entry>>,
    pub(crate) queue: Queue,
    /// Repairs under way, by the period they are done in.
    pub(crate) jobs: BTreeMap<u32, Vec<Job>>,
    /// The chain stands still from, until: seconds.
    pub(crate) halted: (u64, u64),
    /// In periods.
    pub(crate) terms: TermPeriods,
}

/// The terms that are lengths of time, in periods.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TermPeriods {
    pub(crate) deal: u32,
    pub(crate) misses_to_end: u32,
    pub(crate) fault: u64,
    pub(crate) repair: u64,
    pub(crate) declared: u64,
    pub(crate) stuck: u32,
    pub(crate) day: u32,
}

impl TermPeriods {
    /// Repair part of a slot at a price, and how much of it is paid to who repairs it.
    pub(crate) fn repair_part(&self, price: u64, bounty_share: f64) -> (u64, u64) {
        let part = price * self.repair;
        (part, whole(part as f64 * bounty_share).min(part))
    }
}

/// What things cost today, in dollars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Market {
    /// Of one token unit.
    pub(crate) unit: f64,
    /// Of storing a piece for a period, for an average operator.
    pub(crate) storage: f64,
    /// Of fetching a piece.
    pub(crate) transfer: f64,
    /// Of a million gas.
    pub(crate) mgas: f64,
    /// Price of a slot and period in new deals, in token units.
    pub(crate) price: u64,
}

/// A freed slot of a deal; stale when the deal's end is another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    pub(crate) deal: u32,
    pub(crate) end: u32,
}

/// Freed slots nobody repairs yet.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    /// By urgency; one when the order is by age.
    pub(crate) waiting: Vec<VecDeque<Entry>>,
    /// Not worth it for anyone; looked at again every day.
    pub(crate) parked: Vec<Entry>,
}

/// A repair under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Job {
    pub(crate) entry: Entry,
    pub(crate) provider: u32,
    pub(crate) started: u32,
}

/// What a kind of providers earned and lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Group {
    /// Pay and bounties, in token units.
    pub earned: u128,
    /// Collateral lost: slashes, fees, repair parts.
    pub lost: u128,
    /// Periods in which they held a slot and were there, in sum over slots.
    pub slot_periods: u64,
}

impl Group {
    /// Earned less lost for a slot and period, in token units.
    #[must_use]
    pub fn net(&self) -> f64 {
        (self.earned as f64 - self.lost as f64) / self.slot_periods.max(1) as f64
    }
}

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Count {
    /// Providers that went without a word, of themselves.
    pub exits: u64,
    /// Providers that went because staying cost more than their collateral.
    pub priced_out: u64,
    /// Providers that lost everything by a site, a region or a shock.
    pub struck: u64,
    /// Disks lost.
    pub disks: u64,
    /// Pieces that rotted.
    pub rotted: u64,
    /// Windows missed.
    pub misses: u64,
    /// Windows missed because a sample fell on something missing.
    pub hits: u64,
    /// Providers terminated.
    pub ended: u64,
    /// Of those, whose disks were whole: down for too long.
    pub ended_whole: u64,
    /// Slots freed.
    pub freed: u64,
    /// Slots repaired by others.
    pub repaired: u64,
    /// Bytes fetched for that.
    pub repair_bytes: u64,
    /// Bytes moved by clients to fill slots of renewed deals.
    pub refill_bytes: u64,
    /// Periods from losing a piece to having it again, in sum.
    pub wait_periods: u64,
    /// Deals lost: fewer than k whole pieces are left.
    pub lost: u64,
    /// Deals whose last piece too few was lost by a provider's end while its disks were whole.
    pub lost_by_rule: u64,
    /// Periods in which deals were not lost, in sum over deals.
    pub deal_periods: u64,
    /// Periods nobody could prove in.
    pub void_periods: u64,
    /// Slots that found no provider when their deal was opened.
    pub unfilled: u64,
    /// Repairs that came to nothing, because the deal ended, the repairer failed or the deal was lost meanwhile.
    pub wasted: u64,
    /// Dollars spent by providers: storing, proofs, repair.
    pub storage_usd: f64,
    /// Gas of window proofs, in dollars.
    pub proof_usd: f64,
    /// Fetching and gas of repairs, in dollars.
    pub repair_usd: f64,
}

impl World {
    /// The network on its first day: every slot filled, deals of every age.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let mut random = Random::new(settings.seed);
        let providers: Vec<Provider> = (0..settings.providers)
            .map(|_| Provider::new(&settings, &mut random))
            .collect();
        let networks = place(&settings, &mut random);
        let day = settings.periods(1.0);
        let terms = TermPeriods {
            deal: settings.periods(f64::from(settings.terms.deal_days)),
            misses_to_end: settings.periods(settings.terms.end_days),
            fault: whole(settings.terms.fault_days * settings.periods_per_day()),
            repair: whole(settings.terms.repair_days * settings.periods_per_day()),
            declared: whole(settings.terms.declared_days * settings.periods_per_day()),
            stuck: settings.periods(f64::from(settings.terms.stuck_days)),
            day,
        };
        let market = Market {
            unit: 1.0 / UNITS_PER_USD,
            storage: settings.storage_usd(),
            transfer: settings.transfer_usd(),
            mgas: settings.economy.mgas,
            price: settings.price(1.0),
        };
        let mut world = Self {
            schedule: settings.schedule(),
            random,
            now: 0,
            providers,
            networks,
            book: Book::new(settings.deals(), settings.n),
            ledger: Ledger::default(),
            market,
            count: Count::default(),
            groups: [Group::default(); 2],
            lost_open: 0,
            ends: BTreeMap::new(),
            stuck: BTreeMap::new(),
            queue: Queue::new(&settings),
            jobs: BTreeMap::new(),
            halted: (0, 0),
            terms,
            settings,
        };
        for deal in 0..world.settings.deals() {
            let length = 1 + world.random.below(terms.deal);
            world.open(deal, length, &[]);
        }
        world
    }

    /// One period.
    ///
    /// # Errors
    /// When the books do not add up.
    pub fn step(&mut self) -> Result<()> {
        self.now += 1;
        if self.now % self.terms.day == 1 || self.terms.day == 1 {
            self.shocks();
            self.look_at_prices();
        }
        self.break_things();
        if self.is_void() {
            self.count.void_periods += 1;
        } else {
            self.windows();
            self.finish_repairs();
            self.end_deals();
            self.close_stuck();
            self.start_repairs();
        }
        self.count.deal_periods += self.book.deals.len() as u64 - self.lost_open;
        self.ledger.check()
    }

    /// Whether a period has passed in which nothing could reach the chain from the round to the deadline.
    pub(crate) const fn is_void(&self) -> bool {
        let period = Period(self.now as u64);
        self.halted.0 <= self.schedule.round_time(period)
            && self.schedule.deadline(period) < self.halted.1
    }

    /// The second at which the running period's round is out.
    pub(crate) const fn time_s(&self) -> u64 {
        self.schedule.round_time(Period(self.now as u64))
    }

    /// Days gone by.
    #[must_use]
    pub const fn day(&self) -> u32 {
        match self.now.checked_div(self.terms.day) {
            Some(days) => days,
            None => 0,
        }
    }

    fn shocks(&mut self) {
        let day = (self.now - 1) / self.terms.day;
        let due: Vec<Event> = self
            .settings
            .shocks
            .iter()
            .filter(|shock| shock.day == day)
            .map(|shock| shock.what)
            .collect();
        for event in due {
            self.shock(event);
        }
    }

    fn shock(&mut self, event: Event) {
        match event {
            Event::RegionsLost(regions) => {
                for id in 0..self.settings.providers {
                    if id % self.settings.faults.regions < regions {
                        self.strike(id);
                    }
                }
            }
            Event::ProvidersLost(share) => self.strike_share(share),
            Event::Token(worth) => {
                self.market.unit = worth / UNITS_PER_USD;
                if self.settings.economy.repriced {
                    self.market.price = self.settings.price(worth);
                }
            }
            Event::Storage(times) => self.market.storage = self.settings.storage_usd() * times,
            Event::Transfer(times) => self.market.transfer = self.settings.transfer_usd() * times,
            Event::Gas(times) => self.market.mgas = self.settings.economy.mgas * times,
            Event::Cheats { providers, deleted } => self.cheat(providers, deleted),
            Event::Halt(days) => {
                let from = self.time_s();
                self.halted = (from, from + whole(days * 86_400.0));
            }
        }
    }

    /// Exactly this share of the providers that are up, each choice of them as likely as any other.
    fn strike_share(&mut self, share: f64) {
        let mut left = number(self.standing());
        let mut doomed = whole32(f64::from(left) * share);
        for id in 0..self.settings.providers {
            if self.providers[at(id)].standing != Standing::Up {
                continue;
            }
            if self.random.below(left) < doomed {
                self.strike(id);
                doomed -= 1;
            }
            left -= 1;
        }
    }

    /// Recomputes from the slots what is otherwise kept up to date, and compares.
    ///
    /// # Errors
    /// With what differs.
    pub fn audit(&self) -> Result<()> {
        let escrow: u128 = self
            .book
            .deals
            .iter()
            .map(|deal| u128::from(deal.escrow))
            .sum();
        ensure!(escrow == self.ledger.escrow, "escrow of the deals");
        let bounty: u128 = self
            .book
            .deals
            .iter()
            .map(|deal| u128::from(deal.bounty))
            .sum();
        ensure!(bounty == self.ledger.held_bounty, "bounties of the deals");
        let (fault, repair) = self.providers.iter().fold((0, 0), |(fault, repair), one| {
            (
                fault + u128::from(one.fault),
                repair + u128::from(one.repair),
            )
        });
        ensure!(
            fault == self.ledger.held_fault,
            "fault parts of the providers"
        );
        ensure!(
            repair == self.ledger.held_repair,
            "repair parts of the providers"
        );
        for (id, provider) in self.providers.iter().enumerate() {
            self.audit_provider(number(id), provider)?;
        }
        (0..number(self.book.deals.len())).try_for_each(|deal| self.audit_deal(deal))
    }

    fn audit_provider(&self, id: u32, provider: &Provider) -> Result<()> {
        let (mut pay, mut repair, mut bad) = (0, 0, [0, 0]);
        for slot in &provider.slots {
            ensure!(self.book.holder(*slot) == Some(id), "slot {slot} of {id}");
            let price = self.book.deals[at(self.book.deal_of(*slot))].price;
            pay += price;
            repair += price * self.terms.repair;
            match self.book.pieces[at(*slot)] {
                Piece::Gone => bad[0] += 1,
                Piece::Rotten => bad[1] += 1,
                Piece::Whole => {}
                Piece::Absent => ensure!(false, "slot {slot} is filled with nothing"),
            }
        }
        ensure!(pay == provider.pay, "pay of provider {id}");
        ensure!(repair == provider.repair, "repair part of provider {id}");
        ensure!(
            bad == [provider.gone, provider.rotten],
            "bad pieces of provider {id}"
        );
        Ok(())
    }

    fn audit_deal(&self, deal: u32) -> Result<()> {
        let entry = &self.book.deals[at(deal)];
        let mut holders = Vec::new();
        let mut whole = 0;
        for slot in self.book.slots_of(deal) {
            whole += u16::from(self.book.pieces[at(slot)] == Piece::Whole);
            holders.extend(self.book.holder(slot));
        }
        let filled = number(holders.len());
        ensure!(
            filled + u32::from(entry.freed) == self.book.n,
            "slots of deal {deal}"
        );
        ensure!(whole == entry.whole, "whole pieces of deal {deal}");
        ensure!(entry.under_way <= entry.freed, "repairs of deal {deal}");
        ensure!(
            entry.lost == (u32::from(whole) < self.settings.k) || entry.freed > 0,
            "whether deal {deal} is lost"
        );
        holders.sort_unstable();
        holders.dedup();
        ensure!(
            number(holders.len()) == filled,
            "two slots of deal {deal} with one provider"
        );
        Ok(())
    }

    /// Places of the providers that are up and running.
    #[must_use]
    pub fn standing(&self) -> usize {
        self.providers
            .iter()
            .filter(|one| one.standing == Standing::Up)
            .count()
    }

    /// The books.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What has happened so far.
    #[must_use]
    pub const fn count(&self) -> &Count {
        &self.count
    }
}

/// Which provider is with which network operator. Operators of a region are of unequal size: the largest has more than a
/// fifth, the smallest a fortieth of its region when there are twenty.
fn place(settings: &Settings, random: &mut Random) -> Vec<Vec<u32>> {
    let per_region = settings.faults.networks_per_region.max(1);
    let regions = settings.faults.regions.max(1);
    let mut networks = vec![Vec::new(); at(regions * per_region)];
    for id in 0..settings.providers {
        let drawn = random.unit();
        let rank = whole32((drawn * drawn * f64::from(per_region)).floor());
        let network = (id % regions) * per_region + rank.min(per_region - 1);
        networks[at(network)].push(id);
    }
    networks
}
