//! One run, or many on all cores. What comes out depends on the settings only, not on how many threads there are.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result, anyhow};

use super::report::Outcome;
use super::settings::Settings;
use super::world::World;

/// Days between two audits that recompute the books from every slot.
const AUDIT_DAYS: u32 = 30;

/// Simulates all days of a run; `progress` is told of each.
///
/// # Errors
/// When the books do not add up: a fault of ours.
pub fn run(settings: Settings, progress: &mut dyn FnMut(&World)) -> Result<Outcome> {
    let days = settings.days;
    let mut world = World::new(settings);
    let mut rows = vec![world.day_row()];
    for day in 0..days {
        for _ in 0..world.terms.day {
            world
                .step()
                .with_context(|| format!("period {} of {}", world.now, world.settings.name))?;
        }
        if day % AUDIT_DAYS == 0 || day + 1 == days {
            world
                .audit()
                .with_context(|| format!("day {day} of {}", world.settings.name))?;
        }
        rows.push(world.day_row());
        progress(&world);
    }
    Ok(Outcome::new(&world, rows))
}

/// Runs in the order given, on so many threads; `done` is told of each that is over.
///
/// # Errors
/// As [`run`], of the first run that failed.
pub fn run_all(
    settings: Vec<Settings>,
    threads: usize,
    done: &(dyn Fn(&Outcome) + Sync),
) -> Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<Outcome>>>> =
        settings.iter().map(|_| Mutex::new(None)).collect();
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let (Some(one), Some(result)) = (settings.get(place), results.get(place))
                    else {
                        return;
                    };
                    let outcome = run(one.clone(), &mut |_| {});
                    if let Ok(outcome) = &outcome {
                        done(outcome);
                    }
                    if let Ok(mut slot) = result.lock() {
                        *slot = Some(outcome);
                    }
                }
            });
        }
    });
    results
        .into_iter()
        .map(|result| {
            let inner = result.into_inner().map_err(|_| anyhow!("a run panicked"))?;
            inner.context("a run came to no end")?
        })
        .collect()
}
