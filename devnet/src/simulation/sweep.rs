//! One parameter after the other, several seeds each, at a size at which a run takes seconds.

use super::closed_form::Durability;
use super::plot::{Axis, Mark, Plot, Series};
use super::report::Outcome;
use super::settings::Settings;

/// A sweep: what is varied, and how it is drawn.
#[derive(Clone, Copy, Debug)]
pub struct Sweep {
    /// On the command line, and of its files.
    pub name: &'static str,
    /// In a sentence.
    pub what: &'static str,
    pub(crate) points: fn(&Settings) -> Vec<Point>,
    pub(crate) plots: fn(&[Measured]) -> Vec<(&'static str, Plot)>,
}

/// A point of a sweep: a line it belongs to, its place on it, what is run.
#[derive(Clone, Debug)]
pub(crate) struct Point {
    line: String,
    x: f64,
    settings: Settings,
}

/// A point with the runs of all seeds.
#[derive(Clone, Debug)]
pub struct Measured {
    /// The line it belongs to.
    pub line: String,
    /// Its place on it.
    pub x: f64,
    /// One run a seed.
    pub outcomes: Vec<Outcome>,
}

impl Measured {
    /// Mean over the seeds of a value of the summary.
    #[must_use]
    pub fn mean(&self, name: &str) -> f64 {
        let sum: f64 = self.outcomes.iter().map(|one| one.value(name)).sum();
        sum / self.outcomes.len().max(1) as f64
    }

    /// Losses and deal years of all seeds.
    #[must_use]
    pub fn durability(&self) -> Durability {
        Durability {
            lost: self.outcomes.iter().map(|one| one.durability.lost).sum(),
            deal_years: self
                .outcomes
                .iter()
                .map(|one| one.durability.deal_years)
                .sum(),
        }
    }

    /// Share of all deals that were lost in the run.
    #[must_use]
    pub fn lost_share(&self) -> f64 {
        let deals: u64 = self
            .outcomes
            .iter()
            .map(|one| u64::from(one.settings.deals()))
            .sum();
        self.durability().lost as f64 / deals.max(1) as f64
    }
}

impl Sweep {
    /// All runs, seed after seed within a point.
    #[must_use]
    pub fn settings(&self, base: &Settings, seeds: u32) -> Vec<Settings> {
        let points = (self.points)(base);
        let seeded = |point: Point| {
            (0..seeds).map(move |seed| Settings {
                name: format!("{}/{}/{}", self.name, point.line.replace(',', ";"), point.x),
                seed: base.seed + u64::from(seed),
                ..point.settings.clone()
            })
        };
        points.into_iter().flat_map(seeded).collect()
    }

    /// Puts the outcomes of [`Sweep::settings`] to their points.
    #[must_use]
    pub fn measured(&self, base: &Settings, seeds: usize, outcomes: &[Outcome]) -> Vec<Measured> {
        (self.points)(base)
            .into_iter()
            .zip(outcomes.chunks(seeds.max(1)))
            .map(|(point, outcomes)| Measured {
                line: point.line,
                x: point.x,
                outcomes: outcomes.to_vec(),
            })
            .collect()
    }

    /// The pictures, with the names of their files.
    #[must_use]
    pub fn plots(&self, measured: &[Measured]) -> Vec<(&'static str, Plot)> {
        (self.plots)(measured)
    }
}

/// Points of one line: the base changed by each of the values.
pub(crate) fn line(
    base: &Settings,
    name: &str,
    values: &[f64],
    change: impl Fn(&mut Settings, f64),
) -> Vec<Point> {
    let point = |x: &f64| {
        let mut settings = base.clone();
        change(&mut settings, *x);
        Point {
            line: name.to_owned(),
            x: *x,
            settings,
        }
    };
    values.iter().map(point).collect()
}

/// One series a line of the sweep.
pub(crate) fn lines(measured: &[Measured], value: impl Fn(&Measured) -> f64) -> Vec<Series> {
    let mut series: Vec<Series> = Vec::new();
    for point in measured {
        let place = (point.x, value(point));
        match series.iter_mut().find(|one| one.name == point.line) {
            Some(one) => one.points.push(place),
            None => series.push(Series {
                name: point.line.clone(),
                colour: series.len(),
                mark: Mark::DottedLine,
                points: vec![place],
            }),
        }
    }
    series
}

pub(crate) fn plot(title: &str, across: Axis, up: Axis, series: Vec<Series>) -> Plot {
    Plot {
        title: title.to_owned(),
        across,
        up,
        series,
    }
}

/// Puts a dashed line of computed values beside each simulated one, which becomes dots.
pub(crate) fn with_computed(mut series: Vec<Series>, computed: Vec<Series>) -> Vec<Series> {
    for one in &mut series {
        one.mark = Mark::Dots;
    }
    let dashed = computed.into_iter().map(|one| Series {
        name: String::new(),
        mark: Mark::Dashes,
        ..one
    });
    series.extend(dashed);
    series
}

/// The table of a sweep: a row a point, all seeds together.
#[must_use]
pub fn sweep_csv(measured: &[Measured]) -> String {
    const MEANS: [&str; 16] = [
        "failures_per_slot_year",
        "mean_days_without_piece",
        "slots_freed",
        "slots_repaired",
        "slots_waiting_at_end",
        "repair_tb_per_stored_tb_year",
        "refill_tb_per_stored_tb_year",
        "ended_with_whole_disks",
        "priced_out",
        "windows_missed",
        "rotten_unseen_at_end",
        "earned",
        "collateral_held",
        "proof_usd",
        "honest_net_of_price",
        "cheat_net_of_price",
    ];
    let mut out = format!(
        "line,x,seeds,deals_lost,deal_years,lost_share,nines,{}\n",
        MEANS.join(",")
    );
    for point in measured {
        let durability = point.durability();
        let mut row = vec![
            point.line.clone(),
            point.x.to_string(),
            point.outcomes.len().to_string(),
            durability.lost.to_string(),
            super::report::rounded(durability.deal_years),
            super::report::rounded(point.lost_share()),
            durability.nines(),
        ];
        row.extend(
            MEANS
                .iter()
                .map(|name| super::report::rounded(point.mean(name))),
        );
        out.push_str(&row.join(","));
        out.push('\n');
    }
    out
}
