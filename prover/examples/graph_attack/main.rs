//! Attacks the graph of sealed sectors: how much depth is left when nodes are removed, how few parents a chosen set needs.
//!
//! ```text
//! cargo run -p cairn-prover --example graph_attack [-- [--exact-to LOG2] [set]...]
//! ```
//!
//! Prints two tables and draws `docs/graph/depth.svg` and `docs/graph/expansion.svg`; `docs/graph.md` says what they show.
//! Without names: the sets up to 2^18 nodes. Up to 2^16 nodes the greedy depth attack removes one node at a time, beyond
//! it 1 % of the nodes at a time; `--exact-to` moves the border. The same numbers come out on every machine.

#![allow(
    clippy::cast_possible_truncation,
    reason = "an example on graphs of at most 2^28 nodes"
)]

mod depth;
mod expansion;
mod scaled;
mod svg;

use std::{
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
};

use cairn_prover::graph::Graph;
use cairn_prover::params::{self, ParamSet};
use depth::Layer;
use expansion::Bipartite;
use svg::Plot;

/// Weights of a step that are tried in batches; the lowest outcome counts. Below 0.6 and above 1 it is worse.
const STEPS: [f64; 3] = [0.6, 0.8, 1.0];
/// The weight of a step when one node is removed at a time.
const EXACT_STEP: f64 = 0.8;
/// The greedy attack on depth goes so far.
const UNTIL_PERCENT: f64 = 40.0;
/// log2 of the largest graph taken when no set is named.
const DEFAULT_LOG2: u32 = 18;
/// log2 of the largest graph attacked one node at a time.
const EXACT_LOG2: u32 = 16;

type Lines = Vec<(String, Vec<(f64, f64)>)>;

fn main() -> Result<(), Box<dyn Error>> {
    let (sets, exact_log2) = arguments()?;
    let mut out = io::stdout().lock();
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/graph");
    fs::create_dir_all(&docs)?;
    let depth = depth_attacks(&sets, exact_log2, &mut out)?;
    let expansion = expansion_attacks(&sets, &mut out)?;
    let plots = [
        (
            "depth.svg",
            Plot {
                title: "Longest path left in one layer",
                across: "nodes removed, % of all",
                up: "longest path left, % of all nodes",
                most: (UNTIL_PERCENT, 100.0),
                lines: depth,
            },
        ),
        (
            "expansion.svg",
            Plot {
                title: "Parents that a chosen part of a layer needs in the layer below",
                across: "nodes chosen, % of the layer",
                up: "parents needed, % of the layer below",
                most: (100.0, 100.0),
                lines: expansion,
            },
        ),
    ];
    for (name, plot) in plots {
        fs::write(docs.join(name), plot.to_svg())?;
    }
    Ok(())
}

fn arguments() -> Result<(Vec<&'static ParamSet>, u32), Box<dyn Error>> {
    let (mut sets, mut exact_log2) = (Vec::new(), EXACT_LOG2);
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        if word == "--exact-to" {
            exact_log2 = words.next().ok_or("--exact-to needs a number")?.parse()?;
        } else {
            let set = ParamSet::by_name(&word);
            sets.push(set.ok_or_else(|| format!("no parameter set is named {word:?}"))?);
        }
    }
    if sets.is_empty() {
        sets = params::ALL
            .into_iter()
            .filter(|set| set.sector_log2_leaves <= DEFAULT_LOG2)
            .collect();
        sets.sort_by_key(|set| set.sector_log2_leaves);
    }
    Ok((sets, exact_log2))
}

fn depth_attacks(
    sets: &[&ParamSet],
    exact_log2: u32,
    out: &mut impl Write,
) -> Result<Lines, Box<dyn Error>> {
    let at = [1.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0];
    writeln!(out, "Longest path left, % of all nodes, after removing:")?;
    head(out, &at)?;
    let mut lines = Lines::new();
    for set in sets {
        let log2 = set.sector_log2_leaves;
        let layer = Layer::of(&Graph::for_set(set));
        let mut curves = Vec::new();
        if log2 <= exact_log2 {
            let curve = depth::greedy(layer.clone(), EXACT_STEP, 1, UNTIL_PERCENT);
            curves.push(("greedy, one at a time", curve));
        }
        let batch = (layer.nodes() / 100).max(1);
        let tried = STEPS.map(|step| depth::greedy(layer.clone(), step, batch, UNTIL_PERCENT));
        curves.push(("greedy, 1 % at a time", lowest(&tried)));
        curves.push(("Valiant", depth::valiant(layer)));
        for (attack, curve) in curves {
            let name = format!("{} (2^{log2}), {attack}", set.name);
            row(out, &name, &curve, &at)?;
            let shown = attack != "Valiant" && (log2 > exact_log2 || attack.contains("one"));
            if shown || (attack == "Valiant" && log2 == EXACT_LOG2) {
                lines.push((name, curve));
            }
        }
        out.flush()?;
    }
    Ok(lines)
}

/// The lowest of several curves noted at the same places.
fn lowest(curves: &[depth::Curve]) -> depth::Curve {
    let mut all = curves.iter().cloned();
    let first = all.next().unwrap_or_default();
    all.fold(first, |best, curve| {
        let pairs = best.into_iter().zip(curve);
        pairs.map(|(a, b)| if b.1 < a.1 { b } else { a }).collect()
    })
}

fn expansion_attacks(sets: &[&ParamSet], out: &mut impl Write) -> Result<Lines, Box<dyn Error>> {
    let at = [10.0, 20.0, 30.0, 50.0, 70.0, 80.0, 90.0];
    writeln!(
        out,
        "\nParents needed, % of the layer below, when so much of a layer is chosen greedily:"
    )?;
    head(out, &at)?;
    let mut lines = Lines::new();
    for set in sets {
        let log2 = set.sector_log2_leaves;
        let layers = [
            ("the maps", Bipartite::of(&Graph::for_set(set))),
            ("random permutations", Bipartite::random_permutations(log2)),
            ("random functions", Bipartite::random_functions(log2)),
        ];
        for (kind, layer) in layers {
            let curve = layer.greedy();
            let name = format!("{} (2^{log2}), {kind}", set.name);
            row(out, &name, &curve, &at)?;
            if log2 == EXACT_LOG2 {
                lines.push((name, curve));
            }
        }
        out.flush()?;
    }
    let blind = expansion::blind();
    row(out, "chosen blindly, 1-(1-a)^8", &blind, &at)?;
    lines.push(("chosen blindly, 1-(1-a)^8".to_owned(), blind));
    Ok(lines)
}

fn head(out: &mut impl Write, at: &[f64]) -> io::Result<()> {
    let cells: Vec<String> = at.iter().map(|x| format!("{x:.0} %")).collect();
    writeln!(out, "| graph, attack | {} |", cells.join(" | "))?;
    writeln!(out, "|---|{}", "---|".repeat(at.len()))
}

/// The first values at or beyond the given places.
fn row(out: &mut impl Write, name: &str, curve: &[(f64, f64)], at: &[f64]) -> io::Result<()> {
    let cells: Vec<String> = at
        .iter()
        .map(|x| {
            let found = curve.iter().find(|point| point.0 >= *x - 0.5);
            found.map_or_else(
                || "-".to_owned(),
                |point| {
                    // Valiant's attack removes in large steps.
                    if point.0 > *x + 2.0 {
                        format!("{:.1} (at {:.0} %)", point.1, point.0)
                    } else {
                        format!("{:.1}", point.1)
                    }
                },
            )
        })
        .collect();
    writeln!(out, "| {name} | {} |", cells.join(" | "))
}
