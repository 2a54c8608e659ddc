//! From CSV to SVG, with the plots of the simulation.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use cairn_devnet::simulation::plot::{Axis, Mark, Plot, Series};

/// One picture.
struct Chart {
    csv: &'static str,
    svg: &'static str,
    title: &'static str,
    /// Column and value of the rows that belong to it.
    only: Option<(&'static str, &'static str)>,
    /// Column and name of what goes across.
    across: (&'static str, &'static str),
    /// The column that tells the lines apart, and what stands after its value in the key.
    lines: (&'static str, &'static str),
}

const CHARTS: [Chart; 4] = [
    Chart {
        csv: "curves.csv",
        svg: "time-by-constraints.svg",
        title: "A proof of spacetime: time by constraints",
        only: Some(("curve", "constraints")),
        across: ("constraints", "constraints"),
        lines: ("cores", " cores"),
    },
    Chart {
        csv: "curves.csv",
        svg: "time-by-sectors.svg",
        title: "A proof of spacetime: time by sectors stored",
        only: Some(("curve", "sectors")),
        across: (
            "sectors",
            "sectors stored (one of them real, the others its copies)",
        ),
        lines: ("constraints", " constraints"),
    },
    Chart {
        csv: "curves.csv",
        svg: "time-by-cores.svg",
        title: "A proof of spacetime: time by cores",
        only: Some(("curve", "constraints")),
        across: ("cores", "cores"),
        lines: ("constraints", " constraints"),
    },
    Chart {
        csv: "peers-proofs.csv",
        svg: "peers-proofs.svg",
        title: "Groth16 over the same chain of S-boxes, all cores",
        only: None,
        across: ("constraints", "constraints"),
        lines: ("prover", ""),
    },
];

/// Draws every chart whose table is there.
pub(super) fn draw(folder: &Path) -> Result<()> {
    for chart in &CHARTS {
        let path = folder.join(chart.csv);
        if path.exists() {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            let svg = chart
                .plot(&text)
                .with_context(|| path.display().to_string())?;
            fs::write(folder.join(chart.svg), svg.to_svg())?;
        }
    }
    Ok(())
}

impl Chart {
    fn plot(&self, csv: &str) -> Result<Plot> {
        let mut rows = csv.lines();
        let head: Vec<&str> = rows.next().context("an empty table")?.split(',').collect();
        let column = |name: &str| {
            let place = head.iter().position(|column| *column == name);
            place.with_context(|| format!("no column is named {name:?}"))
        };
        let (line, x, y) = (
            column(self.lines.0)?,
            column(self.across.0)?,
            column("seconds")?,
        );
        let only = self.only.map(|(name, value)| Ok((column(name)?, value)));
        let only: Option<(usize, &str)> = only.transpose().map_err(|error: anyhow::Error| error)?;
        // In the order in which they come.
        let mut lines: Vec<&str> = Vec::new();
        let mut points: BTreeMap<&str, Vec<(f64, f64)>> = BTreeMap::new();
        for row in rows {
            let cells: Vec<&str> = row.split(',').collect();
            let cell = |place: usize| cells.get(place).copied().context("a row is too short");
            if let Some((place, value)) = only
                && cell(place)? != value
            {
                continue;
            }
            let name = cell(line)?;
            if !lines.contains(&name) {
                lines.push(name);
            }
            let point = (cell(x)?.parse()?, cell(y)?.parse()?);
            points.entry(name).or_default().push(point);
        }
        let series = lines.into_iter().enumerate().map(|(colour, name)| Series {
            name: format!("{name}{}", self.lines.1),
            colour,
            mark: Mark::DottedLine,
            points: points.remove(name).unwrap_or_default(),
        });
        Ok(Plot {
            title: self.title.to_owned(),
            across: Axis::plain(self.across.1),
            up: Axis::plain("seconds"),
            series: series.collect(),
        })
    }
}
