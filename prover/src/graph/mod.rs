//! The graph that a sealed sector is labelled over: who is whose parent. Pure integer mathematics.
//!
//! ```text
//! layer l-1   o o o o o o o o o o o o     8 expander parents: pi_0(v) .. pi_7(v), bijections of [0, N)
//!                   \   |      /
//! layer l     o o o o o o v               6 parents before v: v-1, then 5 drawn by bucket sampling
//!               '---'---'-'
//! ```
//!
//! A node v < N = 2^`log2_nodes` has the same parents in every layer. In layer 1 there is no layer below: the labels of
//! its expander parents count as zero. So do the labels of all six same-layer parents of node 0, which has nothing
//! before it; they are given as node 0 itself.
//!
//! | file | what |
//! |---|---|
//! | `drg.rs` | the depth-robust part: parents in the same layer |
//! | `expander.rs` | the expanding part: parents in the layer below |
//!
//! Source: stacked depth-robust graphs (Fisch, eprint 2018/702), bucket sampling (Alwen, Blocki, Harsha, eprint
//! 2017/443). Where we differ: the draw is keyed BLAKE3 instead of `ChaCha`, and the expander is eight bijections in
//! integer arithmetic instead of a Feistel network (cheap enough to be derived inside a SNARK).

mod drg;
mod expander;

pub use drg::{DRG_PARENTS, DrgDraw, distance};
pub use expander::{EXPANDER_PARENTS, ExpanderMap, ROUNDS};

use crate::params::ParamSet;

/// Parents of a node, in both layers.
pub const PARENTS: usize = DRG_PARENTS + EXPANDER_PARENTS;

/// log2 of the nodes of the biggest graph; a node is a `u32`.
pub const MAX_LOG2_NODES: u32 = 32;

/// The parents of every node of one parameter set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graph {
    log2_nodes: u32,
    seed: [u8; 32],
    maps: [ExpanderMap; EXPANDER_PARENTS],
}

impl Graph {
    /// The graph over the leaves of a sector of this set.
    #[must_use]
    pub fn for_set(set: &ParamSet) -> Self {
        Self::new(set.name, set.sector_log2_leaves)
    }

    /// The graph of a set of this name with 2^`log2_nodes` nodes; log2 is held between 2 and 32.
    #[must_use]
    pub fn new(set_name: &str, log2_nodes: u32) -> Self {
        let log2_nodes = log2_nodes.clamp(2, MAX_LOG2_NODES);
        let name = format!("cairn/v1/graph/{set_name}");
        Self {
            log2_nodes,
            seed: *blake3::hash(name.as_bytes()).as_bytes(),
            maps: expander::maps(log2_nodes),
        }
    }

    /// log2 of the nodes.
    #[must_use]
    pub const fn log2_nodes(&self) -> u32 {
        self.log2_nodes
    }

    /// Nodes.
    #[must_use]
    pub const fn nodes(&self) -> u64 {
        1 << self.log2_nodes
    }

    /// The key of the draw of same-layer parents: BLAKE3("cairn/v1/graph/" followed by the set's name).
    #[must_use]
    pub const fn seed(&self) -> &[u8; 32] {
        &self.seed
    }

    /// The bijections that give the parents in the layer below, in message order.
    #[must_use]
    pub const fn expander_maps(&self) -> &[ExpanderMap; EXPANDER_PARENTS] {
        &self.maps
    }

    /// The parents of v in its own layer: v-1 first, then the five draws; all are below v, except that node 0 stands for
    /// "nothing" when v = 0. A draw may repeat v-1 or another draw. Cost: one BLAKE3 compression.
    #[must_use]
    pub fn drg_parents(&self, v: u32) -> [u32; DRG_PARENTS] {
        DrgDraw::new(&self.seed).parents(v)
    }

    /// The parents of v in the layer below, one a map. Nodes at or above N are taken modulo N.
    #[must_use]
    pub fn expander_parents(&self, v: u32) -> [u32; EXPANDER_PARENTS] {
        let v = v & (u32::MAX >> (MAX_LOG2_NODES - self.log2_nodes));
        self.maps
            .each_ref()
            .map(|map| map.apply(v, self.log2_nodes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params;

    #[test]
    fn the_predecessor_is_the_first_parent_and_all_are_before_the_node() {
        for set in params::ALL {
            let graph = Graph::for_set(set);
            let last = u32::try_from(graph.nodes() - 1).unwrap();
            let step = (last / 5000).max(1);
            for v in (1..=last).step_by(step as usize).chain(1..300.min(last)) {
                let parents = graph.drg_parents(v);
                assert_eq!(parents[0], v - 1, "{} node {v}", set.name);
                assert!(
                    parents.iter().all(|parent| *parent < v),
                    "{} node {v}: {parents:?}",
                    set.name
                );
            }
            assert_eq!(graph.drg_parents(0), [0; DRG_PARENTS], "{}", set.name);
            assert_eq!(graph.drg_parents(1), [0; DRG_PARENTS], "{}", set.name);
        }
    }

    #[test]
    fn expander_parents_are_nodes() {
        for set in params::ALL {
            let graph = Graph::for_set(set);
            let last = u32::try_from(graph.nodes() - 1).unwrap();
            for v in (0..2000).chain(last - 2000.min(last)..=last) {
                let parents = graph.expander_parents(v.min(last));
                assert!(
                    parents.iter().all(|parent| *parent <= last),
                    "{} node {v}: {parents:?}",
                    set.name
                );
            }
        }
    }

    #[test]
    fn the_seed_separates_sets_of_one_size() {
        let [a, b] = ["one", "two"].map(|name| Graph::new(name, 10));
        assert_ne!(a.seed(), b.seed());
        assert_ne!(a.drg_parents(900), b.drg_parents(900));
        assert_eq!(a.expander_parents(900), b.expander_parents(900));
    }

    #[test]
    fn sizes_no_graph_has_are_held_inside_the_range() {
        assert_eq!(Graph::new("tiny", 0).nodes(), 4);
        assert_eq!(Graph::new("huge", 40).nodes(), 1 << 32);
        let huge = Graph::new("huge", 32);
        assert_eq!(huge.drg_parents(u32::MAX)[0], u32::MAX - 1);
        assert_ne!(huge.expander_parents(u32::MAX), huge.expander_parents(0));
    }
}
