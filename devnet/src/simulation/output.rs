//! Runs scenarios and sweeps and writes their tables and pictures into a folder.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use tracing::info;

use super::plot::{Axis, Mark, Plot, Series};
use super::report::{Outcome, days_csv, summary_csv};
use super::run::{run, run_all};
use super::scenario::Scenario;
use super::settings::Settings;
use super::sweep::{Measured, Sweep, sweep_csv};

/// Days between two lines of progress.
const PROGRESS_DAYS: u32 = 30;

/// Runs one scenario after the other and writes `<name>.csv` and `<name>-*.svg` of each, `scenarios.csv` of all.
///
/// # Errors
/// When a file cannot be written, or the books do not add up.
pub fn scenarios(chosen: &[Scenario], base: &Settings, folder: &Path) -> Result<Vec<Outcome>> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut outcomes = Vec::new();
    for scenario in chosen {
        let started = Instant::now();
        info!("{}: {}", scenario.name, scenario.what);
        let outcome = run(scenario.settings(base), &mut |world| {
            if world.day() % PROGRESS_DAYS == 0 {
                let count = world.count();
                info!(
                    "{} day {}: {} providers up, {} slots freed, {} repaired, {} deals lost ({} s)",
                    scenario.name,
                    world.day(),
                    world.standing(),
                    count.freed,
                    count.repaired,
                    count.lost,
                    started.elapsed().as_secs()
                );
            }
        })?;
        write(
            folder,
            &format!("{}.csv", scenario.name),
            &days_csv(&outcome),
        )?;
        for (name, plot) in scenario_plots(scenario, &outcome) {
            write(
                folder,
                &format!("{}-{name}.svg", scenario.name),
                &plot.to_svg(),
            )?;
        }
        outcomes.push(outcome);
    }
    write(folder, "scenarios.csv", &summary_csv(&outcomes))?;
    Ok(outcomes)
}

/// Runs a sweep on so many threads and writes `sweep-<name>.csv` and its pictures.
///
/// # Errors
/// As [`scenarios`].
pub fn sweep(
    sweep: &Sweep,
    base: &Settings,
    seeds: u32,
    threads: usize,
    folder: &Path,
) -> Result<Vec<Measured>> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let runs = sweep.settings(base, seeds);
    info!("{}: {} ({} runs)", sweep.name, sweep.what, runs.len());
    let outcomes = run_all(runs, threads, &|outcome| {
        info!(
            "{} seed {}: {} deals lost",
            outcome.settings.name, outcome.settings.seed, outcome.durability.lost
        );
    })?;
    let each = usize::try_from(seeds).unwrap_or(1);
    let measured = sweep.measured(base, each, &outcomes);
    write(
        folder,
        &format!("sweep-{}.csv", sweep.name),
        &sweep_csv(&measured),
    )?;
    for (name, plot) in sweep.plots(&measured) {
        write(folder, &format!("sweep-{name}.svg"), &plot.to_svg())?;
    }
    Ok(measured)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    let path = folder.join(name);
    fs::write(&path, text).with_context(|| path.display().to_string())
}

fn scenario_plots(scenario: &Scenario, outcome: &Outcome) -> Vec<(&'static str, Plot)> {
    let series = |name: &str, column: &str, colour: usize| Series {
        name: name.to_owned(),
        colour,
        mark: Mark::Line,
        points: outcome.column(column),
    };
    let plot = |title: &str, up: Axis, series: Vec<Series>| Plot {
        title: format!("{}: {title}", scenario.name),
        across: Axis::plain("day"),
        up,
        series,
    };
    vec![
        (
            "slots",
            plot(
                "slots without a provider",
                Axis::log("slots, deals, providers"),
                vec![
                    series("slots that wait", "slots_waiting", 0),
                    series("providers that miss", "providers_missing", 4),
                    series("deals lost so far", "deals_lost", 1),
                ],
            ),
        ),
        (
            "money",
            plot(
                "money, in tokens",
                Axis::log("tokens"),
                vec![
                    series("escrow", "escrow", 0),
                    series("collateral", "collateral", 2),
                    series("of it at risk", "collateral_at_risk", 1),
                    series("earned so far", "earned", 3),
                    series("refunded so far", "refunded", 5),
                    series("burned so far", "burned", 4),
                    series("bounties so far", "bounties", 6),
                ],
            ),
        ),
        (
            "traffic",
            plot(
                "bytes moved for repair",
                Axis::plain("10^12 bytes a day"),
                vec![
                    daily(series("by repairers", "repair_tb", 0)),
                    daily(series("by clients, at renewal", "refill_tb", 2)),
                ],
            ),
        ),
    ]
}

/// Differences from day to day.
fn daily(series: Series) -> Series {
    let points = series
        .points
        .windows(2)
        .filter_map(|pair| match pair {
            [before, after] => Some((after.0, after.1 - before.1)),
            _ => None,
        })
        .collect();
    Series { points, ..series }
}
