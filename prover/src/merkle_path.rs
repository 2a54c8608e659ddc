//! Merkle paths outside of a circuit: what the path gadget computes, on plain elements.

use ark_ff::AdditiveGroup;
use cairn_merkle::poseidon2::WIDTH;
use cairn_merkle::{Fr, OpeningError, TreeKind, tree};

/// The children of one node.
pub(crate) type Group = [Fr; WIDTH];

const LOG2_ARITY: u32 = 4;

/// A tree's size, where a path begins in it, and what its nodes are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) kind: TreeKind,
    pub(crate) log2_leaves: u32,
    /// Index of the leaf.
    pub(crate) index: u64,
}

impl Place {
    /// Levels of the tree.
    pub(crate) fn levels(self) -> u32 {
        self.log2_leaves.div_ceil(LOG2_ARITY)
    }

    /// Children of the node at this level.
    fn arity(self, level: u32) -> usize {
        1 << (self.log2_leaves - LOG2_ARITY * (level - 1)).min(LOG2_ARITY)
    }

    /// Position among its siblings of the path's node below this level.
    pub(crate) fn position(self, level: u32) -> usize {
        ((self.index >> (LOG2_ARITY * (level - 1))) & 15) as usize
    }

    /// The root that `node`, just below level `from`, is led to by the groups of the levels from there.
    pub(crate) fn climb(self, from: u32, node: Fr, groups: &[Group]) -> Result<Fr, OpeningError> {
        let expected = self.levels() + 1 - from;
        self.check(expected, groups)?;
        let mut node = node;
        for (level, group) in (from..).zip(groups) {
            let position = self.position(level);
            if group[position] != node {
                let wrong = OpeningError::WrongNode {
                    level: level.saturating_sub(1),
                };
                return Err(if level == 1 {
                    OpeningError::WrongLeaf { position }
                } else {
                    wrong
                });
            }
            node = tree::node(self.kind, level, group);
        }
        Ok(node)
    }

    /// The roots before and after the leaf `old` becomes `new`.
    pub(crate) fn replace(
        self,
        old: Fr,
        new: Fr,
        groups: &[Group],
    ) -> Result<(Fr, Fr), OpeningError> {
        let before = self.climb(1, old, groups)?;
        let mut after = new;
        for (level, group) in (1..).zip(groups) {
            let mut group = *group;
            group[self.position(level)] = after;
            after = tree::node(self.kind, level, &group);
        }
        Ok((before, after))
    }

    /// Groups that hold nothing but the path itself: well formed, and under a root of their own.
    pub(crate) fn hollow(self, leaf: Fr) -> Vec<Group> {
        let mut node = leaf;
        (1..=self.levels())
            .map(|level| {
                let mut group = [Fr::ZERO; WIDTH];
                group[self.position(level)] = node;
                node = tree::node(self.kind, level, &group);
                group
            })
            .collect()
    }

    fn check(self, expected: u32, groups: &[Group]) -> Result<(), OpeningError> {
        if groups.len() != expected as usize {
            return Err(OpeningError::WrongDepth {
                expected,
                got: groups.len(),
            });
        }
        let leaves = 1 << self.log2_leaves;
        if self.index >= leaves {
            return Err(OpeningError::IndexOutside {
                index: self.index,
                leaves,
            });
        }
        let arity = self.arity(self.levels());
        let absent = groups
            .last()
            .and_then(|top| (arity..WIDTH).find(|position| top[*position] != Fr::ZERO));
        absent.map_or(Ok(()), |position| {
            Err(OpeningError::TopNotPadded { position })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_merkle::tree::{Shape, Tree};

    fn leaves(log2: u32) -> Vec<Fr> {
        (1..=1u64 << log2).map(Fr::from).collect()
    }

    #[test]
    fn openings_of_a_tree_lead_to_its_root() {
        for log2_leaves in [1, 4, 6, 8] {
            let tree = Tree::build(TreeKind::Data, &leaves(log2_leaves)).unwrap();
            assert_eq!(tree.shape(), Shape::new(log2_leaves).unwrap());
            for index in [0, 1, (1 << log2_leaves) - 1] {
                let opening = tree.open(index).unwrap();
                let place = Place {
                    kind: TreeKind::Data,
                    log2_leaves,
                    index,
                };
                assert_eq!(
                    place.climb(1, opening.leaf, &opening.groups),
                    Ok(tree.root())
                );
            }
        }
    }

    #[test]
    fn a_replaced_leaf_leads_to_the_root_of_the_changed_tree() {
        let mut changed = leaves(6);
        let tree = Tree::build(TreeKind::Data, &changed).unwrap();
        changed[37] = Fr::from(9u64);
        let place = Place {
            kind: TreeKind::Data,
            log2_leaves: 6,
            index: 37,
        };
        let opening = tree.open(37).unwrap();
        let roots = place
            .replace(opening.leaf, Fr::from(9u64), &opening.groups)
            .unwrap();
        assert_eq!(
            roots,
            (tree.root(), tree::root(TreeKind::Data, &changed).unwrap())
        );
    }

    #[test]
    fn hollow_paths_are_well_formed() {
        let place = Place {
            kind: TreeKind::Replica,
            log2_leaves: 6,
            index: 37,
        };
        assert!(
            place
                .climb(1, Fr::from(3u64), &place.hollow(Fr::from(3u64)))
                .is_ok()
        );
    }

    #[test]
    fn a_path_of_wrong_length_or_with_an_absent_child_is_refused() {
        let tree = Tree::build(TreeKind::Data, &leaves(6)).unwrap();
        let place = Place {
            kind: TreeKind::Data,
            log2_leaves: 6,
            index: 5,
        };
        let mut opening = tree.open(5).unwrap();
        assert_eq!(
            place.climb(1, opening.leaf, &opening.groups[..1]),
            Err(OpeningError::WrongDepth {
                expected: 2,
                got: 1
            })
        );
        opening.groups[1][4] = Fr::from(1u64);
        assert_eq!(
            place.climb(1, opening.leaf, &opening.groups),
            Err(OpeningError::TopNotPadded { position: 4 })
        );
    }
}
