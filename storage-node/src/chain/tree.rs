//! The provider tree at a moment of the chain: its changes replayed until root and count are the ones asked for. No I/O.
//!
//! The chain says which root it froze; the events say how the tree came about. Whatever order freezes and appends had,
//! the proof is made over the very tree whose root the chain will check.

use cairn_merkle::provider::ProviderTree;
use cairn_merkle::{Commitment, domain};
use cairn_wire::{SectorKind, SectorNumber};

use crate::store::TreeChange;

/// What stands at one place of a provider tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TreeEntry {
    /// The sector's number.
    pub number: SectorNumber,
    /// What it is committed to: by this the node finds the bytes, whatever number the chain gave them.
    pub comm_r: Commitment,
    /// Its kind.
    pub kind: SectorKind,
}

/// A provider tree with what stands at each place.
#[derive(Clone, Debug)]
pub struct TreeAt {
    /// The tree.
    pub tree: ProviderTree,
    /// `entries[index]` = the sector at that place.
    pub entries: Vec<TreeEntry>,
}

impl TreeAt {
    /// Its root.
    #[must_use]
    pub fn root(&self) -> Commitment {
        Commitment::from(self.tree.root())
    }

    fn apply(&mut self, change: &TreeChange) -> Option<()> {
        match change {
            TreeChange::Append {
                comm_r,
                number,
                kind,
            } => {
                self.tree
                    .append(domain::provider_leaf(comm_r.to_fr(), number.0, *kind))
                    .ok()?;
                self.entries.push(TreeEntry {
                    number: *number,
                    comm_r: *comm_r,
                    kind: *kind,
                });
            }
            TreeChange::Retire { index, .. } => {
                self.tree.remove(u64::from(*index)).ok()?;
                let index = usize::try_from(*index)
                    .ok()
                    .filter(|index| *index < self.entries.len())?;
                self.entries.swap_remove(index);
            }
        }
        Some(())
    }
}

/// The latest state in which the tree had this root and count; `None` if it never had, or the changes make no sense.
#[must_use]
pub fn replay(levels: u32, changes: &[TreeChange], root: Commitment, count: u32) -> Option<TreeAt> {
    let mut at = TreeAt {
        tree: ProviderTree::new(levels).ok()?,
        entries: Vec::new(),
    };
    let matches = |at: &TreeAt| at.tree.count() == u64::from(count) && at.root() == root;
    let mut found = matches(&at).then(|| at.clone());
    for change in changes {
        at.apply(change)?;
        if matches(&at) {
            found = Some(at.clone());
        }
    }
    found
}

/// The tree after all changes; `None` if they make no sense.
#[must_use]
pub fn latest(levels: u32, changes: &[TreeChange]) -> Option<TreeAt> {
    let mut at = TreeAt {
        tree: ProviderTree::new(levels).ok()?,
        entries: Vec::new(),
    };
    for change in changes {
        at.apply(change)?;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_merkle::Fr;

    fn append(number: u64) -> TreeChange {
        let comm_r = Commitment::from(Fr::from(number + 100));
        TreeChange::Append {
            comm_r,
            number: SectorNumber(number),
            kind: SectorKind::Hot,
        }
    }

    #[test]
    fn every_state_the_tree_went_through_is_found_again_by_root_and_count() {
        let changes = [
            append(1),
            append(2),
            append(3),
            TreeChange::Retire {
                index: 0,
                number: SectorNumber(1),
            },
            append(4),
        ];
        let expected: [&[u64]; 6] = [&[], &[1], &[1, 2], &[1, 2, 3], &[3, 2], &[3, 2, 4]];
        let mut roots = Vec::new();
        for length in 0..=changes.len() {
            let mut at = TreeAt {
                tree: ProviderTree::new(1).unwrap(),
                entries: Vec::new(),
            };
            for change in &changes[..length] {
                at.apply(change).unwrap();
            }
            roots.push((at.root(), u32::try_from(at.tree.count()).unwrap()));
        }
        for ((root, count), numbers) in roots.iter().zip(expected) {
            let found = replay(1, &changes, *root, *count).unwrap();
            let got: Vec<u64> = found.entries.iter().map(|entry| entry.number.0).collect();
            assert_eq!(got, numbers, "sectors in order of their places");
        }
        assert!(
            replay(1, &changes, roots[1].0, 2).is_none(),
            "a root with another count never was"
        );
    }
}
