//! Reads the estimates that criterion keeps under `target/criterion`.

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

/// What was measured.
#[derive(Deserialize)]
struct Benchmark {
    full_id: String,
    throughput: Option<Value>,
}

/// In nanoseconds.
#[derive(Deserialize)]
struct Estimates {
    median: Estimate,
}

#[derive(Deserialize)]
struct Estimate {
    confidence_interval: Interval,
    point_estimate: f64,
}

#[derive(Deserialize)]
struct Interval {
    lower_bound: f64,
    upper_bound: f64,
}

/// A row for each bench: median, its interval, throughput.
pub(super) fn table(folder: &Path, stamp: &Path) -> Result<String> {
    let since = fs::metadata(stamp)
        .and_then(|stamp| stamp.modified())
        .with_context(|| stamp.display().to_string())?;
    let mut found = Vec::new();
    collect(folder, since, &mut found)?;
    ensure!(!found.is_empty(), "no bench ran: {}", folder.display());
    let mut rows = Vec::new();
    for run in found {
        let benchmark: Benchmark = read(&run.join("benchmark.json"))?;
        let Estimates { median } = read(&run.join("estimates.json"))?;
        rows.push(row(&benchmark, &median));
    }
    rows.sort();
    Ok(format!(
        "| bench | median | 95 % interval of the median | rate |\n|---|---|---|---|\n{}",
        rows.concat()
    ))
}

/// Folders named `new`, which hold the last run of a bench.
fn collect(folder: &Path, since: SystemTime, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let estimates = path.join("estimates.json");
        if path.ends_with("new") {
            if estimates.exists() && fs::metadata(&estimates)?.modified()? >= since {
                found.push(path);
            }
        } else {
            collect(&path, since, found)?;
        }
    }
    Ok(())
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T> {
    let file = File::open(path).with_context(|| path.display().to_string())?;
    serde_json::from_reader(BufReader::new(file)).with_context(|| path.display().to_string())
}

fn row(benchmark: &Benchmark, median: &Estimate) -> String {
    let interval = &median.confidence_interval;
    format!(
        "| `{}` | {} | {} to {} | {} |\n",
        benchmark.full_id,
        time(median.point_estimate),
        time(interval.lower_bound),
        time(interval.upper_bound),
        rate(benchmark.throughput.as_ref(), median.point_estimate)
    )
}

fn time(nanoseconds: f64) -> String {
    match nanoseconds {
        ns if ns < 1e3 => format!("{ns:.0} ns"),
        ns if ns < 1e6 => format!("{:.2} us", ns / 1e3),
        ns if ns < 1e9 => format!("{:.2} ms", ns / 1e6),
        ns => format!("{:.2} s", ns / 1e9),
    }
}

/// Bytes or elements a second, as the bench says what one run of it is.
fn rate(throughput: Option<&Value>, nanoseconds: f64) -> String {
    let each = |unit: &str| throughput?.get(unit)?.as_f64();
    let a_second = |count: f64| count / nanoseconds * 1e9;
    if let Some(bytes) = each("Bytes") {
        format!("{:.1} MB/s", a_second(bytes) / 1e6)
    } else if let Some(elements) = each("Elements") {
        format!("{:.0} / s", a_second(elements))
    } else {
        String::new()
    }
}
