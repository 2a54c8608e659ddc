//! Turns what benches left on the disk into tables and pictures.
//!
//! ```text
//! bench_pages criterion FOLDER STAMP    a Markdown table of all of criterion's estimates newer than the file STAMP
//! bench_pages charts FOLDER             an SVG beside each table of measurements (CSV) that is found there
//! ```

mod charts;
mod criterion;

use std::io::{Write as _, stdout};
use std::path::Path;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["criterion", folder, stamp] => {
            let table = criterion::table(Path::new(folder), Path::new(stamp))?;
            stdout().write_all(table.as_bytes())?;
        }
        ["charts", folder] => charts::draw(Path::new(folder))?,
        _ => bail!("usage: bench_pages criterion FOLDER STAMP | charts FOLDER"),
    }
    Ok(())
}
