//! Depth reduction of one layer: remove nodes until no long path is left.
//!
//! | attack | what it removes |
//! |---|---|
//! | greedy | the node through which the most paths go, long ones weighing more or less with the weight of a step |
//! | Valiant | with the edges sorted by the highest bit in which the depths of their two ends differ: the tails of a class |
//!
//! Source of the second: Valiant, "Graph-theoretic arguments in low-level complexity" (1977); each class taken away
//! halves the depth. The first is ours to be tried: the exact count of paths of one length, as in Alwen, Blocki, Harsha
//! (eprint 2017/443), is out of reach at the lengths that matter here.

use cairn_prover::graph::{DRG_PARENTS, Graph};

use crate::scaled::Scaled;

/// What one removal schedule left: percent of the nodes removed, longest path left in percent of all nodes.
pub(crate) type Curve = Vec<(f64, f64)>;

/// One layer, its edges in one array, and which nodes are still there.
#[derive(Clone)]
pub(crate) struct Layer {
    parents: Vec<[u32; DRG_PARENTS]>,
    alive: Vec<bool>,
    removed: usize,
}

impl Layer {
    pub(crate) fn of(graph: &Graph) -> Self {
        let nodes = u32::try_from(graph.nodes()).unwrap_or(u32::MAX);
        Self {
            parents: (0..nodes).map(|v| distinct(graph.drg_parents(v))).collect(),
            alive: vec![true; nodes as usize],
            removed: 0,
        }
    }

    pub(crate) fn nodes(&self) -> usize {
        self.alive.len()
    }

    fn share(&self) -> f64 {
        100.0 * self.removed as f64 / self.nodes() as f64
    }

    fn remove(&mut self, v: usize) {
        self.removed += usize::from(self.alive[v]);
        self.alive[v] = false;
    }

    /// The depth of every node: nodes on the longest path that ends there; 0 for removed ones.
    fn depths(&self) -> Vec<u32> {
        let mut depths = vec![0; self.nodes()];
        for v in 0..self.nodes() {
            if self.alive[v] {
                let above = self.parents_of(v).map(|u| depths[u]).max().unwrap_or(0);
                depths[v] = above + 1;
            }
        }
        depths
    }

    /// The longest path left, in percent of the nodes at the start.
    fn depth(&self) -> f64 {
        let longest = self.depths().into_iter().max().unwrap_or(0);
        100.0 * f64::from(longest) / self.nodes() as f64
    }

    /// The different parents of v; node 0 has none.
    fn parents_of(&self, v: usize) -> impl Iterator<Item = usize> + '_ {
        self.parents[v]
            .iter()
            .map(|u| *u as usize)
            .filter(move |u| *u < v)
    }

    /// Paths through every node, each step weighing `step`: paths that end there times paths that start there.
    fn paths_through(&self, step: f64, ending: &mut [Scaled], starting: &mut [Scaled]) {
        for v in 0..self.nodes() {
            ending[v] = Scaled::ZERO;
            if self.alive[v] {
                let above = self
                    .parents_of(v)
                    .fold(Scaled::ZERO, |sum, u| sum.plus(ending[u]));
                ending[v] = Scaled::ONE.plus(above.scaled(step));
            }
        }
        starting.fill(Scaled::ONE);
        for v in (0..self.nodes()).rev() {
            if !self.alive[v] {
                starting[v] = Scaled::ZERO;
                continue;
            }
            let onwards = starting[v].scaled(step);
            for at in 0..DRG_PARENTS {
                let u = self.parents[v][at] as usize;
                if u < v {
                    starting[u] = starting[u].plus(onwards);
                }
            }
        }
        for (through, after) in ending.iter_mut().zip(starting) {
            *through = through.times(*after);
        }
    }
}

/// Repeats become the node itself, which [`Layer::parents_of`] does not give out.
fn distinct(mut parents: [u32; DRG_PARENTS]) -> [u32; DRG_PARENTS] {
    let all = parents;
    for (at, parent) in parents.iter_mut().enumerate() {
        if all[..at].contains(parent) {
            *parent = u32::MAX;
        }
    }
    parents
}

/// Removes `batch` nodes at a time, those with the most paths through them, until `until_percent` are gone.
pub(crate) fn greedy(mut layer: Layer, step: f64, batch: usize, until_percent: f64) -> Curve {
    let (mut through, mut scratch) = (
        vec![Scaled::ZERO; layer.nodes()],
        vec![Scaled::ZERO; layer.nodes()],
    );
    let mut curve = vec![(0.0, layer.depth())];
    let mut order: Vec<u32> = Vec::new();
    let mut noted = 0.0;
    while layer.share() < until_percent {
        layer.paths_through(step, &mut through, &mut scratch);
        if batch == 1 {
            layer.remove(largest(&through));
        } else {
            order.clear();
            order.extend(0..u32::try_from(through.len()).unwrap_or(u32::MAX));
            // The lower number first among equals: the same on every machine.
            order.select_nth_unstable_by(batch - 1, |a, b| {
                through[*b as usize]
                    .compare(through[*a as usize])
                    .then(a.cmp(b))
            });
            order[..batch]
                .iter()
                .for_each(|v| layer.remove(*v as usize));
        }
        if layer.share() >= noted + 1.0 {
            noted = layer.share().floor();
            curve.push((layer.share(), layer.depth()));
        }
    }
    curve
}

fn largest(values: &[Scaled]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if value.compare(values[best]).is_gt() {
            best = at;
        }
    }
    best
}

/// Valiant's attack, the smallest class of edges first, until the longest path is below a thousandth of the nodes.
pub(crate) fn valiant(mut layer: Layer) -> Curve {
    let mut curve = vec![(0.0, layer.depth())];
    while layer.depth() > 0.1 {
        let depths = layer.depths();
        let class = |u: usize, v: usize| (depths[u] ^ depths[v]).ilog2();
        let mut tails = vec![Vec::new(); 32];
        for v in 0..layer.nodes() {
            if layer.alive[v] {
                for u in layer.parents_of(v).filter(|u| layer.alive[*u]) {
                    tails[class(u, v) as usize].push(u);
                }
            }
        }
        for class in &mut tails {
            class.sort_unstable();
            class.dedup();
        }
        let Some(smallest) = tails
            .into_iter()
            .filter(|class| !class.is_empty())
            .min_by_key(Vec::len)
        else {
            break;
        };
        smallest.into_iter().for_each(|u| layer.remove(u));
        curve.push((layer.share(), layer.depth()));
    }
    curve
}
