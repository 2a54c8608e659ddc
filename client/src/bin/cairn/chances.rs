//! What an object's deals are worth against nodes that lose things, for people.

use std::io;

use cairn_client::durability::{NodeFailures, Sampling};
use cairn_client::{ObjectStatus, PutReport, SegmentReport};
use cairn_wire::SectorKind;

/// Spans of days that chances are stated for.
pub(crate) const DAYS: [u32; 2] = [1, 30];
/// Shares of what a node stores, and their names.
pub(crate) const LOSSES: [(f64, &str); 2] = [(0.01, "1 %"), (0.05, "5 %")];

/// A code whose pieces are with nodes, for as long as its deals last.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) k: u16,
    /// Pieces that there are, or can still be.
    pub(crate) pieces: u16,
    pub(crate) kind: SectorKind,
    /// Days that its deals still last.
    pub(crate) days: f64,
}

impl Held {
    pub(crate) fn of(object: &ObjectStatus) -> Self {
        let sealed = object
            .deals
            .iter()
            .filter_map(|deal| deal.info.as_ref())
            .any(|info| info.kind == SectorKind::Sealed);
        Self {
            k: object.k,
            pieces: object.least_pieces(),
            kind: if sealed {
                SectorKind::Sealed
            } else {
                SectorKind::Hot
            },
            days: object.days_left(),
        }
    }

    pub(crate) fn by_put(report: &PutReport, sampling: Sampling) -> Self {
        let stored = report.segments.iter().map(SegmentReport::stored).min();
        Self {
            k: report.k,
            pieces: stored.map_or(report.n, |least| u16::try_from(least).unwrap_or(report.n)),
            kind: report.kind,
            days: sampling.days_of(report.periods.into()),
        }
    }

    /// The chance that one of its segments is lost: over a year with repair; without, until its deals end.
    pub(crate) fn loss(self, failures: &NodeFailures) -> f64 {
        match self.kind {
            _ if self.pieces < self.k => 1.0,
            SectorKind::Hot => failures.loss_repaired(self.pieces, self.k, 365.0),
            SectorKind::Sealed => failures.loss_unrepaired(self.pieces, self.k, self.days),
        }
    }
}

/// The chance that a loss is caught, for shares of what a node stores and for the smallest share that a piece of the
/// object is.
pub(crate) fn detection(
    out: &mut impl io::Write,
    sampling: Sampling,
    least_share: Option<f64>,
) -> io::Result<()> {
    writeln!(
        out,
        "  Every {} s each node must prove {} random places of all that it stores. Chance that a loss is caught in",
        sampling.period_s, sampling.samples
    )?;
    write!(
        out,
        "    {:<42}{:>12}",
        "what a node has lost", "one period"
    )?;
    for days in DAYS {
        let head = if days == 1 {
            "1 day".to_owned()
        } else {
            format!("{days} days")
        };
        write!(out, "{head:>12}")?;
    }
    writeln!(out)?;
    let mut rows: Vec<(f64, String)> = LOSSES
        .iter()
        .map(|(lost, name)| (*lost, format!("{name} of what it stores")))
        .collect();
    if let Some(share) = least_share {
        let name = format!("a piece of this object ({} of it)", percent(share));
        rows.push((share, name));
    }
    for (lost, name) in rows {
        write!(
            out,
            "    {name:<42}{:>12}",
            percent(sampling.caught_in(lost, 1))
        )?;
        for days in DAYS {
            let caught = sampling.caught_in(lost, sampling.periods_in(days));
            write!(out, "{:>12}", percent(caught))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// The chance that a segment is lost, and all that this assumes.
pub(crate) fn durability(
    out: &mut impl io::Write,
    held: Held,
    failures: &NodeFailures,
) -> io::Result<()> {
    if held.pieces < held.k {
        return writeln!(
            out,
            "  Of some deal there are {} pieces and {} are needed: it cannot be read.",
            held.pieces, held.k
        );
    }
    let (per_year, days) = (failures.per_year, failures.repair_days);
    let times = if (per_year - 1.0).abs() < f64::EPSILON {
        "once a year".to_owned()
    } else {
        format!("{per_year} times a year")
    };
    let chance = one_in(held.loss(failures));
    match held.kind {
        SectorKind::Hot => writeln!(
            out,
            "  Chance that a deal loses its data within a year: {chance}\n    if every node loses a piece for good {times}, \
             independently of the others, and a lost piece is made again after {days} days on average.\n    Nodes that \
             fail together (one operator, one network, one fault of the software) are not in this number."
        ),
        SectorKind::Sealed => writeln!(
            out,
            "  Chance that a deal's data cannot be read at its end, in {:.1} days: {chance}\n    if every node loses a piece \
             for good {times}, independently of the others, and nobody makes a lost piece again (nodes repair no \
             sealed pieces yet).\n    Nodes that fail together (one operator, one network, one fault of the software) \
             are not in this number.",
            held.days
        ),
    }
}

/// A share in per cent, never rounded up to all of it.
fn percent(share: f64) -> String {
    let percent = 100.0 * share;
    if percent > 99.99 {
        "> 99.99 %".to_owned()
    } else if percent > 0.0 && percent < 0.01 {
        "< 0.01 %".to_owned()
    } else if percent > 0.0 && !(10.0..99.0).contains(&percent) {
        format!("{percent:.2} %")
    } else {
        format!("{percent:.0} %")
    }
}

/// A small chance as people say it; powers of ten are rounded up, so that it is never better than said.
fn one_in(chance: f64) -> String {
    if chance >= 0.1 {
        percent(chance)
    } else if chance >= 1e-6 {
        format!("1 in {:.0}", (1.0 / chance).floor())
    } else if chance > 0.0 {
        format!("less than 1 in 10^{:.0}", (-chance.log10()).floor())
    } else {
        "none that can be computed".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(write: impl Fn(&mut Vec<u8>) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_is_rounded_to_certainty() {
        let cases = [
            (1.0, "> 99.99 %"),
            (0.999_999_999, "> 99.99 %"),
            (0.9986, "99.86 %"),
            (0.7237, "72 %"),
            (0.039_4, "3.94 %"),
            (0.000_01, "< 0.01 %"),
            (0.0, "0 %"),
        ];
        for (share, expected) in cases {
            assert_eq!(percent(share), expected);
        }
    }

    #[test]
    fn small_chances_are_never_told_smaller_than_they_are() {
        let cases = [
            (0.174, "17 %"),
            (0.016_041, "1 in 62"),
            (7.7e-27, "less than 1 in 10^26"),
            (0.0, "none that can be computed"),
        ];
        for (chance, expected) in cases {
            assert_eq!(one_in(chance), expected);
        }
    }

    #[test]
    fn the_table_has_the_numbers_of_the_production_set() {
        let sampling = Sampling {
            samples: 128,
            period_s: 1_800,
        };
        let text = text(|out| detection(out, sampling, Some(0.000_015)));
        let rows: Vec<Vec<&str>> = text
            .lines()
            .skip(2)
            .map(|line| {
                line.split("  ")
                    .map(str::trim)
                    .filter(|cell| !cell.is_empty())
                    .collect()
            })
            .collect();
        assert_eq!(
            rows[0],
            ["1 % of what it stores", "72 %", "> 99.99 %", "> 99.99 %"]
        );
        assert_eq!(
            rows[1],
            ["5 % of what it stores", "99.86 %", "> 99.99 %", "> 99.99 %"]
        );
        assert_eq!(
            rows[2],
            [
                "a piece of this object (< 0.01 % of it)",
                "0.19 %",
                "8.80 %",
                "94 %"
            ]
        );
    }

    #[test]
    fn what_a_number_assumes_stands_beside_it() {
        let hot = Held {
            k: 10,
            pieces: 30,
            kind: SectorKind::Hot,
            days: 1.0,
        };
        let said = text(|out| durability(out, hot, &NodeFailures::default()));
        for part in [
            "1 in 10^26",
            "once a year",
            "after 7 days",
            "not in this number",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let sealed = Held {
            kind: SectorKind::Sealed,
            days: 30.0,
            ..hot
        };
        let rarer = NodeFailures {
            per_year: 0.5,
            repair_days: 7.0,
        };
        let said = text(|out| durability(out, sealed, &rarer));
        for part in [
            "1 in 10^22",
            "0.5 times a year",
            "in 30.0 days",
            "repair no sealed",
        ] {
            assert!(said.contains(part), "{part}: {said}");
        }
        let too_few = Held { pieces: 9, ..hot };
        let said = text(|out| durability(out, too_few, &rarer));
        assert!(said.contains("9 pieces and 10 are needed"), "{said}");
    }
}
