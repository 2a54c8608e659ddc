//! What examples that measure have in common; each includes it as a module.

use std::{error::Error, fs};

/// User and system time of this process so far, all threads, in ticks of 10 ms.
pub(crate) fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The second field is a name in parentheses that may hold spaces.
    let (_, fields) = stat.rsplit_once(')').ok_or("no such form")?;
    let ticks: Result<Vec<f64>, _> = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .map(str::parse::<f64>)
        .collect();
    Ok(ticks?.iter().sum::<f64>() / 100.0)
}
