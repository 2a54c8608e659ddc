//! Expansion between two layers: choose nodes of the upper layer so that few nodes of the lower one are needed.
//!
//! A cheater who keeps a share of the upper layer's labels recomputable wants the set S of nodes whose parents Gamma(S)
//! are fewest. The greedy attack takes, one node at a time, the one that adds the fewest parents not needed yet (the
//! lowest number among equals); every step is exact at every size, because the counts are kept up to date in buckets.

use std::collections::BTreeSet;

use cairn_prover::graph::{EXPANDER_PARENTS, Graph};

/// Percent of the upper layer chosen, percent of the lower layer needed for it.
pub(crate) type Curve = Vec<(f64, f64)>;

/// The edges between two layers.
pub(crate) struct Bipartite {
    parents: Vec<[u32; EXPANDER_PARENTS]>,
}

impl Bipartite {
    /// The expander as specified.
    pub(crate) fn of(graph: &Graph) -> Self {
        let nodes = u32::try_from(graph.nodes()).unwrap_or(u32::MAX);
        Self {
            parents: (0..nodes).map(|v| graph.expander_parents(v)).collect(),
        }
    }

    /// Eight permutations drawn at random: what the specified maps are meant to be as good as.
    pub(crate) fn random_permutations(log2_nodes: u32) -> Self {
        let nodes = 1_usize << log2_nodes;
        let mut parents = vec![[0; EXPANDER_PARENTS]; nodes];
        for j in 0..EXPANDER_PARENTS {
            let mut draw = Draw::new("permutation", log2_nodes, j);
            let mut images: Vec<u32> = (0..nodes).map(|v| v as u32).collect();
            for at in (1..nodes).rev() {
                images.swap(at, draw.below(at + 1));
            }
            for (node, image) in parents.iter_mut().zip(images) {
                if let Some(parent) = node.get_mut(j) {
                    *parent = image;
                }
            }
        }
        Self { parents }
    }

    /// Eight functions drawn at random, which leave some nodes of the lower layer to nobody.
    pub(crate) fn random_functions(log2_nodes: u32) -> Self {
        let nodes = 1_usize << log2_nodes;
        let mut draw = Draw::new("function", log2_nodes, 0);
        let parents = (0..nodes)
            .map(|_| [(); EXPANDER_PARENTS].map(|()| draw.below(nodes) as u32))
            .collect();
        Self { parents }
    }

    /// The greedy attack, noted at every percent.
    pub(crate) fn greedy(&self) -> Curve {
        let nodes = self.parents.len();
        let mut children = vec![Vec::new(); nodes];
        for (v, parents) in self.parents.iter().enumerate() {
            for u in distinct(parents) {
                children[u as usize].push(v as u32);
            }
        }
        let mut missing: Vec<u8> = self
            .parents
            .iter()
            .map(|parents| distinct(parents).count() as u8)
            .collect();
        let mut buckets = vec![BTreeSet::new(); EXPANDER_PARENTS + 1];
        for (v, count) in missing.iter().enumerate() {
            buckets[usize::from(*count)].insert(v as u32);
        }
        let mut needed = vec![false; nodes];
        let (mut total, mut curve) = (0_usize, vec![(0.0, 0.0)]);
        for chosen in 1..=nodes {
            let Some(v) = buckets.iter_mut().find_map(BTreeSet::pop_first) else {
                break;
            };
            for u in distinct(&self.parents[v as usize]) {
                if std::mem::replace(&mut needed[u as usize], true) {
                    continue;
                }
                total += 1;
                for child in &children[u as usize] {
                    let count = &mut missing[*child as usize];
                    let old = usize::from(*count);
                    *count -= 1;
                    // One that was chosen already is in no bucket.
                    if buckets[old].remove(child) {
                        buckets[old - 1].insert(*child);
                    }
                }
            }
            if chosen * 100 / nodes > (chosen - 1) * 100 / nodes {
                curve.push((percent(chosen, nodes), percent(total, nodes)));
            }
        }
        curve
    }
}

/// What a set chosen blindly needs of eight random permutations: 1 - (1 - a)^8.
pub(crate) fn blind() -> Curve {
    (0..=100)
        .map(|percent| {
            let left = 1.0 - f64::from(percent) / 100.0;
            (f64::from(percent), 100.0 * (1.0 - left.powi(8)))
        })
        .collect()
}

fn distinct(parents: &[u32; EXPANDER_PARENTS]) -> impl Iterator<Item = u32> + '_ {
    parents
        .iter()
        .enumerate()
        .filter(|(at, parent)| !parents[..*at].contains(parent))
        .map(|(_, parent)| *parent)
}

fn percent(part: usize, whole: usize) -> f64 {
    100.0 * part as f64 / whole as f64
}

/// Numbers that look random and are the same everywhere.
struct Draw(blake3::OutputReader);

impl Draw {
    fn new(what: &str, log2_nodes: u32, j: usize) -> Self {
        let name = format!("cairn graph attack, random {what} {j} of 2^{log2_nodes}");
        Self(blake3::Hasher::new().update(name.as_bytes()).finalize_xof())
    }

    fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        ((u128::from(u64::from_le_bytes(bytes)) * end as u128) >> 64) as usize
    }
}
