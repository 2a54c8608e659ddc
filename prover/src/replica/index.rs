//! Which node a seed asks for, and the nodes whose labels its own are made from.

use crate::graph::{Graph, PARENTS};
use crate::params::ParamSet;
use ark_ff::PrimeField;
use cairn_merkle::{Fr, Tag, domain};

/// Columns that a proof opens: the node's own, then its parents'.
pub const COLUMNS: usize = 1 + PARENTS;

/// The node that partition `partition` must show: the low log2(N) bits of `H(TAG_IDX, seed, partition)`.
///
/// The hash is below r < 2^255, so that each node is asked for with a probability of 1/N, off by less than 2^-200.
#[must_use]
pub fn challenge(set: &ParamSet, seed: Fr, partition: u16) -> u32 {
    let hash = domain::tagged_hash(Tag::Idx, &[seed, Fr::from(partition)]).into_bigint();
    let mask = (1_u64 << set.sector_log2_leaves) - 1;
    u32::try_from(hash.0[0] & mask).unwrap_or(u32::MAX)
}

/// A challenged node and its parents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Challenged {
    /// The node.
    pub node: u32,
    /// Its parents in the order of the label's message: six of the same layer, eight of the layer below.
    pub parents: [u32; PARENTS],
}

impl Challenged {
    /// The node of a partition, with its parents.
    #[must_use]
    pub fn new(set: &ParamSet, seed: Fr, partition: u16) -> Self {
        Self::at(&Graph::for_set(set), challenge(set, seed, partition))
    }

    /// A node with its parents.
    #[must_use]
    pub fn at(graph: &Graph, node: u32) -> Self {
        let mut parents = [0; PARENTS];
        let below = graph.expander_parents(node);
        let all = graph.drg_parents(node).into_iter().chain(below);
        for (place, parent) in parents.iter_mut().zip(all) {
            *place = parent;
        }
        Self { node, parents }
    }

    /// The nodes whose columns a proof opens, in its order.
    #[must_use]
    pub fn columns(&self) -> [u32; COLUMNS] {
        let mut columns = [self.node; COLUMNS];
        columns[1..].copy_from_slice(&self.parents);
        columns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{MAINNET, PEER, TEST};

    #[test]
    fn every_node_can_be_asked_for() {
        let seen: std::collections::BTreeSet<u32> = (0..4000_u64)
            .map(|seed| challenge(&TEST, Fr::from(seed), 0))
            .collect();
        assert_eq!(seen.len(), 256);
    }

    #[test]
    fn partitions_and_seeds_ask_for_different_nodes() {
        let seed = Fr::from(5u64);
        let nodes: std::collections::BTreeSet<u32> = (0..16)
            .map(|partition| challenge(&MAINNET, seed, partition))
            .collect();
        assert_eq!(nodes.len(), 16);
        assert_ne!(
            challenge(&PEER, seed, 0),
            challenge(&PEER, Fr::from(6u64), 0)
        );
        assert!(nodes.into_iter().all(|node| node < 1 << 28));
    }

    #[test]
    fn the_columns_are_the_node_and_its_parents_in_message_order() {
        let graph = Graph::for_set(&TEST);
        let challenged = Challenged::at(&graph, 77);
        let columns = challenged.columns();
        assert_eq!(columns[..2], [77, 76]);
        assert_eq!(columns[1..7], graph.drg_parents(77));
        assert_eq!(columns[7..], graph.expander_parents(77));
    }
}
