//! The tree over a provider's sectors: dense, `[0, count)` has no holes; removal moves the last leaf into the hole.
//!
//! The chain keeps only root and count. This tree is what the provider proves its changes with, and what anybody
//! rebuilds from the chain's events.

use crate::domain::TreeKind;
use crate::error::ProviderTreeError;
use crate::tree::{ARITY, ARITY_LOG2, Opening, Shape, node, padded_group, parents_here, zero_node};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Zero};

/// Deepest provider tree; the protocol uses 1 (16 sectors) and 3 (4096 sectors).
pub const MAX_PROVIDER_LEVELS: u32 = 4;

/// A provider tree of a fixed number of levels. The empty leaf is zero and never opens. A change costs one
/// permutation a level for each path it touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderTree {
    shape: Shape,
    /// `rows[l]` = the nodes of level `l` over the taken places; what lies after is the zero node of that level.
    rows: Vec<Vec<Fr>>,
}

impl ProviderTree {
    /// An empty tree of `levels` levels, 16^levels places.
    ///
    /// # Errors
    /// [`ProviderTreeError::Levels`] unless `levels` is 1 to 4.
    pub fn new(levels: u32) -> Result<Self, ProviderTreeError> {
        if levels == 0 || levels > MAX_PROVIDER_LEVELS {
            return Err(ProviderTreeError::Levels { levels });
        }
        let shape =
            Shape::new(levels * ARITY_LOG2).map_err(|_| ProviderTreeError::Levels { levels })?;
        Ok(Self {
            shape,
            rows: vec![Vec::new(); levels as usize + 1],
        })
    }

    /// A tree of `levels` levels that holds `leaves`, in order.
    ///
    /// # Errors
    /// As [`Self::new`] and [`Self::append`].
    pub fn from_leaves(levels: u32, leaves: &[Fr]) -> Result<Self, ProviderTreeError> {
        let mut tree = Self::new(levels)?;
        let capacity = tree.capacity();
        if leaves.len() as u64 > capacity {
            return Err(ProviderTreeError::Full { capacity });
        }
        if leaves.iter().any(Zero::is_zero) {
            return Err(ProviderTreeError::ZeroLeaf);
        }
        tree.rows[0] = leaves.to_vec();
        for level in 1..=levels {
            let mut children = tree.rows[level as usize - 1].clone();
            let empty = zero_node(TreeKind::Provider, level - 1);
            children.resize(children.len().next_multiple_of(ARITY), empty);
            tree.rows[level as usize] = parents_here(TreeKind::Provider, level, &children);
        }
        Ok(tree)
    }

    /// Its size.
    #[must_use]
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// Places.
    #[must_use]
    pub const fn capacity(&self) -> u64 {
        self.shape.leaves()
    }

    /// Leaves held.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.leaves().len() as u64
    }

    /// The leaves, by index.
    #[must_use]
    pub fn leaves(&self) -> &[Fr] {
        &self.rows[0]
    }

    /// The root; of an empty tree, the zero node.
    #[must_use]
    pub fn root(&self) -> Fr {
        let levels = self.shape.levels();
        self.rows[levels as usize]
            .first()
            .copied()
            .unwrap_or_else(|| zero_node(TreeKind::Provider, levels))
    }

    /// Puts `leaf` at index `count` and returns that index.
    ///
    /// # Errors
    /// [`ProviderTreeError::Full`] or [`ProviderTreeError::ZeroLeaf`].
    pub fn append(&mut self, leaf: Fr) -> Result<u64, ProviderTreeError> {
        if leaf.is_zero() {
            return Err(ProviderTreeError::ZeroLeaf);
        }
        let index = self.count();
        if index >= self.capacity() {
            return Err(ProviderTreeError::Full {
                capacity: self.capacity(),
            });
        }
        let place = self.rows[0].len();
        self.rows[0].push(leaf);
        self.rehash(place);
        Ok(index)
    }

    /// Takes out the leaf at `index` and moves the last leaf there. Returns where the moved leaf was, or `None` if
    /// the last leaf itself was taken out.
    ///
    /// # Errors
    /// [`ProviderTreeError::IndexOutside`].
    pub fn remove(&mut self, index: u64) -> Result<Option<u64>, ProviderTreeError> {
        let at = self.place(index)?;
        self.rows[0].swap_remove(at);
        let last = self.rows[0].len();
        let mut nodes = last;
        for row in &mut self.rows[1..] {
            nodes = nodes.div_ceil(ARITY);
            row.truncate(nodes);
        }
        if last > 0 {
            self.rehash(last - 1);
        }
        if at == last {
            return Ok(None);
        }
        self.rehash(at);
        Ok(Some(last as u64))
    }

    /// The opening of the leaf at `index`.
    ///
    /// # Errors
    /// [`ProviderTreeError::IndexOutside`]: empty places do not open.
    pub fn open(&self, index: u64) -> Result<Opening, ProviderTreeError> {
        let at = self.place(index)?;
        Ok(Opening {
            leaf: self.rows[0][at],
            groups: self.path(at),
        })
    }

    /// The groups on the way up from place `index`, taken or empty: what a proof of an append at `count` shows.
    ///
    /// # Errors
    /// [`ProviderTreeError::Full`] if there is no such place.
    pub fn path_of_place(&self, index: u64) -> Result<Vec<[Fr; ARITY]>, ProviderTreeError> {
        let full = ProviderTreeError::Full {
            capacity: self.capacity(),
        };
        if index >= self.capacity() {
            return Err(full);
        }
        Ok(self.path(usize::try_from(index).map_err(|_| full)?))
    }

    fn place(&self, index: u64) -> Result<usize, ProviderTreeError> {
        let count = self.count();
        let outside = ProviderTreeError::IndexOutside { index, count };
        if index >= count {
            return Err(outside);
        }
        usize::try_from(index).map_err(|_| outside)
    }

    fn path(&self, mut place: usize) -> Vec<[Fr; ARITY]> {
        (1..=self.shape.levels())
            .map(|level| {
                place /= ARITY;
                self.group(level, place)
            })
            .collect()
    }

    /// The children of node `place` of `level`.
    fn group(&self, level: u32, place: usize) -> [Fr; ARITY] {
        let row = &self.rows[level as usize - 1];
        let taken = row.get(place * ARITY..).unwrap_or_default();
        let mut group = padded_group(taken);
        if level > 1 {
            let empty = zero_node(TreeKind::Provider, level - 1);
            for child in group.iter_mut().skip(taken.len()) {
                *child = empty;
            }
        }
        group
    }

    /// Recomputes every node above leaf `place`.
    fn rehash(&mut self, mut place: usize) {
        for level in 1..=self.shape.levels() {
            place /= ARITY;
            let made = node(TreeKind::Provider, level, &self.group(level, place));
            let row = &mut self.rows[level as usize];
            if place >= row.len() {
                row.resize(place + 1, Fr::ZERO);
            }
            row[place] = made;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::OpeningError;
    use crate::tree;

    fn leaf(n: u64) -> Fr {
        Fr::from(n + 1000)
    }

    /// The root over all places, empty ones zero, by the general tree code.
    fn full_root(tree: &ProviderTree) -> Fr {
        let mut leaves = tree.leaves().to_vec();
        leaves.resize(1 << tree.shape().log2_leaves(), Fr::ZERO);
        tree::root(TreeKind::Provider, &leaves).expect("a power of two")
    }

    #[test]
    fn every_append_and_removal_leaves_the_root_of_the_whole_tree() {
        let mut tree = ProviderTree::new(2).expect("levels");
        assert_eq!(tree.root(), full_root(&tree), "empty");
        for n in 0..40 {
            assert_eq!(tree.append(leaf(n)), Ok(n));
            assert_eq!(tree.root(), full_root(&tree), "after append {n}");
        }
        for index in [3, 38, 0, 16, 31, 32, 33, 32] {
            let last = tree.count() - 1;
            let moved = tree.remove(index).expect("inside");
            assert_eq!(moved, (index != last).then_some(last), "removal of {index}");
            assert_eq!(tree.root(), full_root(&tree), "after removal of {index}");
        }
        while tree.count() > 0 {
            tree.remove(0).expect("inside");
        }
        assert_eq!(tree.root(), full_root(&tree), "emptied");
        assert_eq!(
            tree,
            ProviderTree::new(2).expect("levels"),
            "an emptied tree is a new tree"
        );
    }

    #[test]
    fn removal_moves_the_last_leaf_into_the_hole() {
        let mut tree = ProviderTree::from_leaves(1, &[leaf(0), leaf(1), leaf(2)]).expect("small");
        assert_eq!(tree.remove(0), Ok(Some(2)));
        assert_eq!(tree.leaves(), [leaf(2), leaf(1)]);
        assert_eq!(tree.remove(1), Ok(None));
        assert_eq!(tree.leaves(), [leaf(2)]);
        assert_eq!(
            tree.remove(1),
            Err(ProviderTreeError::IndexOutside { index: 1, count: 1 })
        );
    }

    #[test]
    fn building_at_once_and_appending_agree() {
        let leaves: Vec<Fr> = (0..300).map(leaf).collect();
        let mut appended = ProviderTree::new(3).expect("levels");
        for leaf in &leaves {
            appended.append(*leaf).expect("room");
        }
        assert_eq!(ProviderTree::from_leaves(3, &leaves), Ok(appended));
    }

    #[test]
    fn taken_places_open_and_empty_ones_do_not() {
        let tree =
            ProviderTree::from_leaves(2, &(0..20).map(leaf).collect::<Vec<_>>()).expect("small");
        for index in 0..20 {
            let opening = tree.open(index).expect("taken");
            assert_eq!(
                opening.verify(TreeKind::Provider, tree.shape(), index, tree.root()),
                Ok(()),
                "leaf {index}"
            );
        }
        assert_eq!(
            tree.open(20),
            Err(ProviderTreeError::IndexOutside {
                index: 20,
                count: 20
            })
        );
        let empty = Opening {
            leaf: Fr::ZERO,
            groups: tree.path_of_place(20).expect("a place"),
        };
        let verdict = empty.verify(TreeKind::Provider, tree.shape(), 20, tree.root());
        assert_eq!(verdict, Err(OpeningError::ZeroLeaf));
    }

    #[test]
    fn the_path_of_the_next_place_leads_to_both_roots() {
        let mut tree =
            ProviderTree::from_leaves(2, &(0..16).map(leaf).collect::<Vec<_>>()).expect("small");
        let before = tree.path_of_place(16).expect("a place");
        assert_eq!(before[0], [Fr::ZERO; ARITY]);
        assert_eq!(node(TreeKind::Provider, 2, &before[1]), tree.root());
        tree.append(leaf(16)).expect("room");
        let after = tree.path_of_place(16).expect("a place");
        assert_eq!(after[0], padded_group(&[leaf(16)]));
        assert_eq!(node(TreeKind::Provider, 2, &after[1]), tree.root());
    }

    #[test]
    fn a_full_tree_and_a_zero_leaf_are_refused() {
        let mut tree =
            ProviderTree::from_leaves(1, &(0..16).map(leaf).collect::<Vec<_>>()).expect("fits");
        assert_eq!(
            tree.append(leaf(16)),
            Err(ProviderTreeError::Full { capacity: 16 })
        );
        assert_eq!(
            tree.path_of_place(16),
            Err(ProviderTreeError::Full { capacity: 16 })
        );
        tree.remove(5).expect("inside");
        assert_eq!(tree.append(Fr::ZERO), Err(ProviderTreeError::ZeroLeaf));
        assert_eq!(
            ProviderTree::from_leaves(1, &[Fr::ZERO]),
            Err(ProviderTreeError::ZeroLeaf)
        );
        assert_eq!(
            ProviderTree::new(0),
            Err(ProviderTreeError::Levels { levels: 0 })
        );
        assert_eq!(
            ProviderTree::new(5),
            Err(ProviderTreeError::Levels { levels: 5 })
        );
    }
}
