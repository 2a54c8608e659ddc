//! What a run is made of: every number, with its default. Nothing here was measured; what was is in the notes.

use cairn_client::price_for;
use cairn_contracts::Schedule;
use cairn_prover::params::{LEAF_BYTES, MAINNET};

use super::numbers::{whole, whole32};

/// Seconds of a day.
pub const DAY_S: u64 = 86_400;
/// Days of a year.
pub const YEAR_DAYS: f64 = 365.0;
/// Token units of one dollar, as long as the token has not moved.
pub const UNITS_PER_USD: f64 = 1e12;

/// Everything a run depends on; two runs with equal settings are equal to the last byte.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// What it is called in tables.
    pub name: String,
    /// Of all random numbers.
    pub seed: u64,
    /// Accounts that store; one that goes is replaced after a while.
    pub providers: u32,
    /// Slots of all deals, rounded down to whole deals.
    pub pieces: u32,
    /// How long.
    pub days: u32,
    /// Pieces that rebuild a segment.
    pub k: u32,
    /// Pieces of a segment.
    pub n: u32,
    /// log2 of a piece's leaves.
    pub b: u8,
    /// Samples of a window proof.
    pub samples: u32,
    /// Seconds from one period to the next.
    pub period_s: u64,
    /// Seconds after the round at which a proof is due.
    pub due_s: u64,
    /// Seconds of the window that a proof takes: who is up for less misses.
    pub proof_s: u64,
    /// What the contracts demand and pay.
    pub terms: Terms,
    /// What breaks.
    pub faults: Faults,
    /// What it costs.
    pub economy: Economy,
    /// How lost pieces are made again.
    pub repair: Repair,
    /// What happens once, and when.
    pub shocks: Vec<Shock>,
}

/// Terms of deals and collateral. Amounts are in days' pay of the slot: one day is 48 x the price per period of `mainnet`.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// How long a deal lasts.
    pub deal_days: u32,
    /// Share of deals renewed at their end with the holders that are still willing; the others are replaced by new data.
    pub renewed: f64,
    /// A miss costs this x ceil(sectors / samples) x the tree's pay per period.
    pub slash_factor: u64,
    /// Days of consecutive misses after which a provider is terminated.
    pub end_days: f64,
    /// Fault part of a slot's collateral, which misses eat; empty: terminated.
    pub fault_days: f64,
    /// Repair part of a slot's collateral.
    pub repair_days: f64,
    /// Share of the repair part paid to who repairs; the protocol allows at most 0.5. The rest is burned.
    pub bounty_share: f64,
    /// Share of a slash paid to who reports the miss; the rest is burned.
    pub reporter_share: f64,
    /// A declared fault costs this many days' pay of its slots (three times at least a day).
    pub declared_days: f64,
    /// Anyone closes a deal with more than n - k slots freed for so long.
    pub stuck_days: u32,
}

/// Rates of what breaks, per year, and how long it lasts.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// A provider goes for ever without a word.
    pub exits: f64,
    /// One of a provider's disks dies; it knows and declares the fault.
    pub disks_lost: f64,
    /// Disks of a provider, among which its pieces are spread.
    pub disks: u32,
    /// A provider is down for a while.
    pub outages: f64,
    /// Mean length of such an outage.
    pub outage_hours: f64,
    /// Share of outages that are long, and their mean length.
    pub long_outages: (f64, f64),
    /// A site of two providers burns down.
    pub sites_lost: f64,
    /// All providers of a network operator (AS) are down for a while; mean hours.
    pub network_outages: (f64, f64),
    /// All providers of a region are down for a while; mean hours.
    pub region_outages: (f64, f64),
    /// Regions, each with its share of the providers.
    pub regions: u32,
    /// Network operators in a region, of unequal size.
    pub networks_per_region: u32,
    /// A piece rots unseen.
    pub rot_per_piece: f64,
    /// Share of a rotten piece's leaves that is bad.
    pub rot_leaves: f64,
    /// Days between two full readings by its own provider; 0: never.
    pub scrub_days: u32,
}

/// What it costs, in dollars, and what providers are paid.
#[derive(Clone, Debug, PartialEq)]
pub struct Economy {
    /// Price of a slot, per 10^12 bytes and month of 30 days.
    pub price_tb_month: f64,
    /// What storing costs an average operator, likewise.
    pub storage_tb_month: f64,
    /// What fetching 10^12 bytes costs.
    pub transfer_tb: f64,
    /// What a million gas costs.
    pub mgas: f64,
    /// Gas of a window proof.
    pub proof_gas: f64,
    /// Gas of one repaired slot (its share of append and activation).
    pub repair_gas: f64,
    /// Interest on locked collateral, per year.
    pub capital: f64,
    /// Whether new deals are priced by the token's value of the day.
    pub repriced: bool,
}

/// How repair works.
#[derive(Clone, Debug, PartialEq)]
pub struct Repair {
    /// What one provider can fetch for repair.
    pub mbit_s: f64,
    /// Hours from the last byte fetched to the slot filled again (commit, reveal, append, activate).
    pub latency_hours: f64,
    /// Whether one fetch serves all freed slots of a deal (k + m - 1 pieces instead of m k).
    pub shared_fetch: bool,
    /// Which freed slot comes first.
    pub order: Order,
    /// Days until the network has a new provider in the place of one that ended; 0: never.
    pub replaced_days: f64,
    /// Share of each provider's room that is in use at the start.
    pub used: f64,
}

/// Which freed slot is repaired first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The one that has waited longest: every freed slot pays the same, so nobody has a reason to prefer another.
    Oldest,
    /// The one of the deal with the most freed slots.
    Urgent,
}

/// Something that happens once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shock {
    /// At the start of this day.
    pub day: u32,
    /// What.
    pub what: Event,
}

/// What a shock does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event {
    /// Whole regions, the first ones, are gone for ever: this many.
    RegionsLost(u32),
    /// This share of all providers, drawn at random, is gone for ever at once.
    ProvidersLost(f64),
    /// The token is worth this share of what it was at the start.
    Token(f64),
    /// Storing costs so many times what it did.
    Storage(f64),
    /// Fetching costs so many times what it did.
    Transfer(f64),
    /// Gas costs so many times what it did.
    Gas(f64),
    /// A share of providers deletes a share of its pieces and says nothing.
    Cheats {
        /// Of the providers.
        providers: f64,
        /// Of their pieces.
        deleted: f64,
    },
    /// The chain stands still for so many days.
    Halt(f64),
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            name: "baseline".to_owned(),
            seed: 1,
            providers: 10_000,
            pieces: 10_000_000,
            days: 365,
            k: 10,
            n: 30,
            b: MAINNET.b_max,
            samples: MAINNET.post_samples,
            period_s: MAINNET.period_s,
            due_s: MAINNET.due_s,
            proof_s: 60,
            terms: Terms {
                deal_days: 180,
                renewed: 0.8,
                slash_factor: 5,
                end_days: 3.0,
                fault_days: 20.0,
                repair_days: 90.0,
                bounty_share: 0.5,
                reporter_share: 0.5,
                declared_days: 3.0,
                stuck_days: 14,
            },
            faults: Faults {
                exits: 0.25,
                disks_lost: 0.08,
                disks: 4,
                outages: 6.0,
                outage_hours: 3.0,
                long_outages: (0.05, 24.0),
                sites_lost: 0.005,
                network_outages: (1.0, 4.0),
                region_outages: (0.2, 6.0),
                regions: 10,
                networks_per_region: 20,
                rot_per_piece: 0.0005,
                rot_leaves: 0.001,
                scrub_days: 0,
            },
            economy: Economy {
                price_tb_month: 4.0,
                storage_tb_month: 1.5,
                transfer_tb: 0.5,
                mgas: 0.0002,
                proof_gas: 262_962.0,
                repair_gas: 300_000.0,
                capital: 0.10,
                repriced: true,
            },
            repair: Repair {
                mbit_s: 10.0,
                latency_hours: 1.0,
                shared_fetch: false,
                order: Order::Oldest,
                replaced_days: 7.0,
                used: 0.6,
            },
            shocks: Vec::new(),
        }
    }
}

impl Settings {
    /// The same for so many years.
    #[must_use]
    pub fn lasting(self, years: f64) -> Self {
        Self {
            days: whole32(years * YEAR_DAYS).max(1),
            ..self
        }
    }

    /// The same for so many providers and pieces, where given.
    #[must_use]
    pub fn sized(&self, providers: Option<u32>, pieces: Option<u32>) -> Self {
        Self {
            providers: providers.unwrap_or(self.providers),
            pieces: pieces.unwrap_or(self.pieces),
            ..self.clone()
        }
    }

    /// The clock of the contracts with these periods; time 0 is the start of the run.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        Schedule {
            t0_unix: MAINNET.freeze_s,
            period_s: self.period_s,
            freeze_s: MAINNET.freeze_s,
            due_s: self.due_s,
            genesis_unix: 0,
            round_s: 3,
        }
    }

    /// Periods of so many days, at least one.
    #[must_use]
    pub fn periods(&self, days: f64) -> u32 {
        whole32(days * self.periods_per_day()).max(1)
    }

    /// Periods of a day.
    #[must_use]
    pub fn periods_per_day(&self) -> f64 {
        DAY_S as f64 / self.period_s as f64
    }

    /// Deals at any time.
    #[must_use]
    pub const fn deals(&self) -> u32 {
        match self.pieces.checked_div(self.n) {
            Some(deals) => deals,
            None => 0,
        }
    }

    /// Bytes of sector that a piece takes.
    #[must_use]
    pub const fn piece_bytes(&self) -> u64 {
        LEAF_BYTES << self.b
    }

    /// Price of a slot and period, in token units, when a token is worth `token` of what it was at the start: what the
    /// client's own rule makes of an ask per TiB and period.
    #[must_use]
    pub fn price(&self, token: f64) -> u64 {
        let usd_per_byte_day = self.economy.price_tb_month / 1e12 / 30.0;
        let tib = 1_099_511_627_776.0;
        let ask = usd_per_byte_day * tib * UNITS_PER_USD / token / self.periods_per_day();
        u64::try_from(price_for(u128::from(whole(ask)), self.b)).unwrap_or(u64::MAX)
    }

    /// What storing a piece for a period costs an average operator, in dollars, before any shock.
    #[must_use]
    pub fn storage_usd(&self) -> f64 {
        self.economy.storage_tb_month / 1e12 / 30.0 * self.piece_bytes() as f64
            / self.periods_per_day()
    }

    /// What fetching one piece costs, in dollars, before any shock.
    #[must_use]
    pub fn transfer_usd(&self) -> f64 {
        self.economy.transfer_tb / 1e12 * self.piece_bytes() as f64
    }

    /// Seconds that one provider needs to fetch one piece.
    #[must_use]
    pub fn fetch_s(&self) -> f64 {
        self.piece_bytes() as f64 * 8.0 / (self.repair.mbit_s * 1e6)
    }

    /// The least repair part, in days' pay, whose bounty alone covers fetching k pieces and the gas.
    #[must_use]
    pub fn covering_repair_days(&self) -> f64 {
        let fetch = f64::from(self.k) * self.transfer_usd();
        let gas = self.economy.repair_gas / 1e6 * self.economy.mgas;
        let day = self.economy.price_tb_month / 1e12 / 30.0 * self.piece_bytes() as f64;
        (fetch + gas) / day / self.terms.bounty_share
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_of_pay_is_forty_eight_periods_and_the_same_money_whatever_the_period() {
        let usual = Settings::default();
        let daily = Settings {
            period_s: DAY_S,
            ..Settings::default()
        };
        assert_eq!(usual.periods(1.0), 48);
        assert_eq!(daily.periods(180.0), 180);
        let (often, once) = (usual.price(1.0) * 48, daily.price(1.0));
        assert!(
            once.abs_diff(often) <= 48,
            "{often} against {once}, rounded up 48 times"
        );
        assert!(
            usual.price(0.5).abs_diff(2 * usual.price(1.0)) <= 2,
            "half the value, twice the units"
        );
    }

    #[test]
    fn the_clock_is_that_of_mainnet() {
        let settings = Settings::default();
        let schedule = settings.schedule();
        assert_eq!(schedule.period_s, MAINNET.period_s);
        assert_eq!(schedule.due_s, MAINNET.due_s);
        assert_eq!(settings.piece_bytes(), 128 << 20, "the largest piece");
    }
}
