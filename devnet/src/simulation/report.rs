//! What a run leaves: a row a day, and one row for all of it. Numbers are rounded, so that tables stay readable.

use std::fmt::Write as _;

use super::closed_form::Durability;
use super::numbers::{at, number};
use super::provider::Standing;
use super::settings::{Settings, UNITS_PER_USD, YEAR_DAYS};
use super::world::World;

/// Deals looked at for the column of unreadable ones.
const LOOKED_AT: u32 = 20_000;

/// Columns of the table of days. Counts are since the start; bytes in 10^12; money in tokens, which cost a dollar at the
/// start.
pub const DAY_COLUMNS: [&str; 21] = [
    "day",
    "providers_up",
    "providers_missing",
    "slots_waiting",
    "deals_lost",
    "slots_freed",
    "slots_repaired",
    "repair_tb",
    "refill_tb",
    "providers_ended",
    "ended_with_whole_disks",
    "windows_missed",
    "paid_in",
    "earned",
    "refunded",
    "escrow",
    "collateral",
    "collateral_at_risk",
    "burned",
    "bounties",
    "unreadable_share",
];

/// One day.
pub type Day = [f64; 21];

impl World {
    /// The row of this day.
    #[must_use]
    pub fn day_row(&self) -> Day {
        let (count, ledger) = (&self.count, &self.ledger);
        let (waiting, missing) = self.waiting();
        let at_risk: u64 = self
            .providers
            .iter()
            .filter(|one| one.misses > 0 || one.standing == Standing::Gone)
            .map(|one| one.fault + one.repair)
            .sum();
        let looked = LOOKED_AT.min(number(self.book.deals.len()));
        [
            f64::from(self.day()),
            self.standing() as f64,
            missing as f64,
            waiting as f64,
            count.lost as f64,
            count.freed as f64,
            count.repaired as f64,
            terabytes(count.repair_bytes),
            terabytes(count.refill_bytes),
            count.ended as f64,
            count.ended_whole as f64,
            count.misses as f64,
            tokens(ledger.paid_in),
            tokens(ledger.earned),
            tokens(ledger.refunded),
            tokens(ledger.escrow),
            tokens(ledger.held()),
            tokens(u128::from(at_risk)),
            tokens(ledger.burned),
            tokens(ledger.bounties),
            self.unreadable(looked) as f64 / f64::from(looked.max(1)),
        ]
    }

    /// How many deals have so many whole pieces, for 0 to n.
    #[must_use]
    pub fn whole_pieces(&self) -> Vec<u64> {
        let mut seen = vec![0; at(self.settings.n) + 1];
        for deal in &self.book.deals {
            seen[usize::from(deal.whole)] += 1;
        }
        seen
    }
}

fn terabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e12
}

fn tokens(units: u128) -> f64 {
    units as f64 / UNITS_PER_USD
}

/// A run, when it is over.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What it was made of.
    pub settings: Settings,
    /// A row a day, the first one of the start.
    pub days: Vec<Day>,
    /// Deals with 0, 1, .. n whole pieces at the end.
    pub whole_pieces: Vec<u64>,
    /// Name and value of what is said about all of it.
    pub summary: Vec<(&'static str, f64)>,
    /// Deals lost, deal years.
    pub durability: Durability,
}

impl Outcome {
    pub(crate) fn new(world: &World, days: Vec<Day>) -> Self {
        let durability = Durability {
            lost: world.count.lost,
            deal_years: world.count.deal_periods as f64
                / world.settings.periods_per_day()
                / YEAR_DAYS,
        };
        Self {
            settings: world.settings.clone(),
            days,
            whole_pieces: world.whole_pieces(),
            summary: summary(world, &durability),
            durability,
        }
    }

    /// A value of the summary; not a number when there is none of that name.
    #[must_use]
    pub fn value(&self, name: &str) -> f64 {
        self.summary
            .iter()
            .find(|(known, _)| *known == name)
            .map_or(f64::NAN, |(_, value)| *value)
    }

    /// A column of the days.
    #[must_use]
    pub fn column(&self, name: &str) -> Vec<(f64, f64)> {
        let place = DAY_COLUMNS.iter().position(|known| *known == name);
        self.days
            .iter()
            .filter_map(|day| {
                place
                    .and_then(|place| day.get(place))
                    .map(|value| (day[0], *value))
            })
            .collect()
    }
}

fn summary(world: &World, durability: &Durability) -> Vec<(&'static str, f64)> {
    let (settings, count, ledger) = (&world.settings, &world.count, &world.ledger);
    let years = f64::from(settings.days.max(1)) / YEAR_DAYS;
    let stored_tb = terabytes(u64::from(settings.pieces) * settings.piece_bytes());
    let wait_days =
        count.wait_periods as f64 / count.repaired.max(1) as f64 / settings.periods_per_day();
    let failures = count.freed as f64 / f64::from(settings.pieces.max(1)) / years;
    let (waiting, _) = world.waiting();
    let [honest, cheats] = world.groups();
    let price = settings.price(1.0) as f64;
    vec![
        ("deals_lost", durability.lost as f64),
        ("deal_years", durability.deal_years),
        ("yearly_loss", durability.yearly_loss()),
        ("failures_per_slot_year", failures),
        ("mean_days_without_piece", wait_days),
        ("slots_freed", count.freed as f64),
        ("slots_repaired", count.repaired as f64),
        ("slots_waiting_at_end", waiting as f64),
        ("repairs_wasted", count.wasted as f64),
        (
            "repair_tb_per_stored_tb_year",
            terabytes(count.repair_bytes) / stored_tb / years,
        ),
        (
            "refill_tb_per_stored_tb_year",
            terabytes(count.refill_bytes) / stored_tb / years,
        ),
        ("providers_ended", count.ended as f64),
        ("ended_with_whole_disks", count.ended_whole as f64),
        ("priced_out", count.priced_out as f64),
        ("windows_missed", count.misses as f64),
        ("windows_hit", count.hits as f64),
        ("void_periods", count.void_periods as f64),
        ("lost_by_rule", count.lost_by_rule as f64),
        ("slots_unfilled", count.unfilled as f64),
        ("rotten_unseen_at_end", world.unseen() as f64),
        ("paid_in", tokens(ledger.paid_in)),
        ("earned", tokens(ledger.earned)),
        ("refunded", tokens(ledger.refunded)),
        ("escrow_left", tokens(ledger.escrow)),
        ("collateral_held", tokens(ledger.held())),
        ("burned", tokens(ledger.burned)),
        ("reporters", tokens(ledger.reporters)),
        ("bounties", tokens(ledger.bounties)),
        ("storage_usd", count.storage_usd),
        ("proof_usd", count.proof_usd),
        ("repair_usd", count.repair_usd),
        ("honest_net_of_price", honest.net() / price),
        ("cheat_net_of_price", cheats.net() / price),
    ]
}

/// The days of a run.
#[must_use]
pub fn days_csv(outcome: &Outcome) -> String {
    let mut out = DAY_COLUMNS.join(",");
    out.push('\n');
    for day in &outcome.days {
        let row: Vec<String> = day.iter().map(|value| rounded(*value)).collect();
        out.push_str(&row.join(","));
        out.push('\n');
    }
    out
}

/// One row a run: what it was made of, what came of it.
#[must_use]
pub fn summary_csv(outcomes: &[Outcome]) -> String {
    let mut out = String::new();
    for (place, outcome) in outcomes.iter().enumerate() {
        let of = &outcome.settings;
        if place == 0 {
            let names: Vec<&str> = outcome.summary.iter().map(|(name, _)| *name).collect();
            let fixed = "name,seed,providers,pieces,days,k,n,period_s,end_days,repair_days,bounty_share,mbit_s,exits,nines";
            line(&mut out, format_args!("{fixed},{}", names.join(",")));
        }
        let values: Vec<String> = outcome
            .summary
            .iter()
            .map(|(_, value)| rounded(*value))
            .collect();
        line(
            &mut out,
            format_args!(
                "{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}",
                of.name,
                of.seed,
                of.providers,
                of.pieces,
                of.days,
                of.k,
                of.n,
                of.period_s,
                of.terms.end_days,
                of.terms.repair_days,
                of.terms.bounty_share,
                of.repair.mbit_s,
                of.faults.exits,
                outcome.durability.nines(),
                values.join(",")
            ),
        );
    }
    out
}

/// What a screen shows of scenarios.
#[must_use]
pub fn summary_table(outcomes: &[Outcome]) -> String {
    let mut out = format!(
        "{:<14} {:>10} {:>8} {:>12} {:>12} {:>11} {:>12}",
        "scenario", "lost", "nines", "freed", "repaired", "days away", "fetched/byte"
    );
    for one in outcomes {
        let row = format!(
            "\n{:<14} {:>10} {:>8} {:>12} {:>12} {:>11} {:>12}",
            one.settings.name,
            one.durability.lost,
            one.durability.nines(),
            rounded(one.value("slots_freed")),
            rounded(one.value("slots_repaired")),
            rounded(one.value("mean_days_without_piece")),
            rounded(one.value("repair_tb_per_stored_tb_year")),
        );
        out.push_str(&row);
    }
    out
}

/// Six digits at most, and no zeros behind them.
#[must_use]
pub fn rounded(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return if value == 0.0 {
            "0".to_owned()
        } else {
            String::new()
        };
    }
    if value.abs() < 0.001 {
        return format!("{value:.3e}");
    }
    let digits = match value.abs() {
        size if size >= 1_000.0 => 0,
        size if size >= 10.0 => 2,
        _ => 4,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    writeln!(out, "{text}").unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_wrong_in_the_first_digits() {
        for (value, text) in [
            (0.0, "0"),
            (0.000_012_34, "1.234e-5"),
            (0.123_456, "0.1235"),
            (12.3, "12.3"),
            (123_456.7, "123457"),
            (-2.0, "-2"),
            (f64::NAN, ""),
        ] {
            assert_eq!(rounded(value), text);
        }
    }
}
