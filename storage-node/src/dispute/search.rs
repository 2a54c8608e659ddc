//! Down the tree under a commitment, from the root to a leaf that is not the piece's.

use cairn_merkle::tree::{ARITY, ARITY_LOG2, Opening, Shape, Tree, node};
use cairn_merkle::{Fr, TreeKind, domain, fr32, piece};
use cairn_prover::dispute::{DisputeStatement, DisputeWitness, GROUP_LEAVES};
use cairn_wire::{Commitment, LeafOpening};
use thiserror::Error;

/// The holder: what it showed is not under the commitment it claims.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ShownError {
    /// Another size than the deal's.
    #[error("it opened a leaf of a tree of 2^{got} leaves, the piece's has 2^{expected}")]
    Size {
        /// The deal's.
        expected: u8,
        /// What it said.
        got: u8,
    },
    /// Not a path to that leaf under the commitment.
    #[error("it opened something that does not lie under the commitment: {0}")]
    Opening(String),
}

/// A group whose leaves are not the piece's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FalseGroup {
    /// What is claimed of it.
    pub statement: DisputeStatement,
    /// What shows that.
    pub witness: DisputeWitness,
}

/// What an opening told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// It lies below this leaf's node: ask for that one.
    Below(u64),
    /// There it is.
    Found(FalseGroup),
}

/// A search for the leaf that makes a commitment false.
#[derive(Debug)]
pub struct Search {
    claimed: Commitment,
    b: u8,
    byte_len: u64,
    shape: Shape,
    ours: Tree,
}

impl Search {
    /// A search under `claimed`, which is said to be the commitment of the piece of these bytes; nothing if it is.
    ///
    /// # Errors
    /// The bytes are longer than a piece can be.
    pub fn new(bytes: &[u8], claimed: Commitment) -> Result<Option<Self>, String> {
        let byte_len = bytes.len() as u64;
        let b = piece::b_for(byte_len);
        let mut leaves = fr32::encode(bytes);
        let padded = 1_usize
            .checked_shl(b.into())
            .ok_or("the piece is too long")?;
        leaves.resize(padded, Fr::from(0_u64));
        let shape = Shape::new(b.into()).map_err(|error| error.to_string())?;
        let ours = Tree::build(TreeKind::Data, &leaves).map_err(|error| error.to_string())?;
        let honest = Commitment::from(domain::comm_p(b, byte_len, ours.root()));
        Ok((honest != claimed).then_some(Self {
            claimed,
            b,
            byte_len,
            shape,
            ours,
        }))
    }

    /// The leaf to ask for first.
    #[must_use]
    pub const fn first(&self) -> u64 {
        0
    }

    /// What the opening of a leaf tells.
    ///
    /// # Errors
    /// [`ShownError`]: it proves nothing.
    pub fn look(&self, leaf: u64, shown: &LeafOpening) -> Result<Look, ShownError> {
        if shown.b != self.b {
            return Err(ShownError::Size {
                expected: self.b,
                got: shown.b,
            });
        }
        self.expect_under_claimed(leaf, &shown.opening)?;
        let levels = (1..=self.shape.levels()).rev();
        for (level, theirs) in levels.zip(shown.opening.groups.iter().rev()) {
            let first = (leaf >> (ARITY_LOG2 * level)) << ARITY_LOG2;
            let on_path = (leaf >> (ARITY_LOG2 * (level - 1))) - first;
            let false_at = |place: u64| {
                let child = theirs.get(usize::try_from(place).unwrap_or(ARITY));
                child != Some(&self.ours_at(level - 1, first + place))
            };
            if level == 1 {
                let place = (0..ARITY as u64).find(|place| false_at(*place));
                return place.map_or_else(
                    || Err(nothing_differs()),
                    |place| Ok(Look::Found(self.group_of(first + place, &shown.opening))),
                );
            }
            if false_at(on_path) {
                continue;
            }
            let aside = (0..ARITY as u64).find(|place| false_at(*place));
            let place = aside.ok_or_else(nothing_differs)?;
            return Ok(Look::Below((first + place) << (ARITY_LOG2 * (level - 1))));
        }
        Err(nothing_differs())
    }

    /// The opening's root is hidden in the commitment: it is what the uppermost group hashes to.
    fn expect_under_claimed(&self, leaf: u64, opening: &Opening) -> Result<(), ShownError> {
        let refused = |reason: &dyn std::fmt::Display| ShownError::Opening(reason.to_string());
        let levels = self.shape.levels();
        let top = opening.groups.last();
        let top = top.ok_or_else(|| refused(&"no path"))?;
        let root = node(TreeKind::Data, levels, top);
        if Commitment::from(domain::comm_p(self.b, self.byte_len, root)) != self.claimed {
            return Err(refused(&"another root"));
        }
        opening
            .verify(TreeKind::Data, self.shape, leaf, root)
            .map_err(|error| refused(&error))
    }

    /// Node of the piece's own tree; zero beside a partial top.
    fn ours_at(&self, level: u32, place: u64) -> Fr {
        let row = self.ours.row(level);
        let place = usize::try_from(place).unwrap_or(usize::MAX);
        row.get(place).copied().unwrap_or_default()
    }

    /// The group that a leaf is in: a sibling of the opened one, so that their path is the same.
    fn group_of(&self, leaf: u64, opening: &Opening) -> FalseGroup {
        let group = leaf / GROUP_LEAVES as u64;
        let witness = DisputeWitness {
            b: self.b,
            byte_len: self.byte_len,
            path: opening.groups.clone(),
        };
        let leaves = witness.leaves(group).unwrap_or_default();
        FalseGroup {
            statement: DisputeStatement {
                comm_p: self.claimed,
                group,
                leaves,
            },
            witness,
        }
    }
}

/// Two nodes differ and none of their children: Poseidon2 would be broken.
fn nothing_differs() -> ShownError {
    ShownError::Opening("nothing below it differs".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_prover::dispute;
    use cairn_prover::params::SMALL;

    fn bytes(len: usize) -> Vec<u8> {
        (0..=250_u8).cycle().take(len).collect()
    }

    /// A holder's tree in which some leaves are others.
    struct Liar {
        tree: Tree,
        b: u8,
        comm_p: Commitment,
    }

    impl Liar {
        fn of(bytes: &[u8], false_leaves: &[usize]) -> Self {
            let b = piece::b_for(bytes.len() as u64);
            let mut leaves = fr32::encode(bytes);
            leaves.resize(1 << b, Fr::from(0_u64));
            for leaf in false_leaves {
                leaves[*leaf] += Fr::from(1_u64);
            }
            let tree = Tree::build(TreeKind::Data, &leaves).unwrap();
            let comm_p = domain::comm_p(b, bytes.len() as u64, tree.root()).into();
            Self { tree, b, comm_p }
        }

        fn open(&self, leaf: u64) -> LeafOpening {
            LeafOpening {
                b: self.b,
                opening: self.tree.open(leaf).unwrap(),
            }
        }
    }

    /// The group found, and how many openings it took.
    fn found(bytes: &[u8], liar: &Liar) -> (FalseGroup, u32) {
        let search = Search::new(bytes, liar.comm_p).unwrap().unwrap();
        let (mut leaf, mut asked) = (search.first(), 0);
        loop {
            asked += 1;
            match search.look(leaf, &liar.open(leaf)).unwrap() {
                Look::Below(next) => leaf = next,
                Look::Found(group) => return (group, asked),
            }
        }
    }

    #[test]
    fn one_false_leaf_is_found_with_an_opening_a_level_and_is_evidence() {
        // sizes with a full and with each partial top; the false leaf first, last, in the middle, and in the padding
        for len in [127 * 3, 127 * 40, 127 * 100, 127 * 250, 127 * 700] {
            let bytes = bytes(len);
            let b = piece::b_for(len as u64);
            let last = (1_usize << b) - 1;
            for leaf in [0, last / 2, last - 17.min(last), last] {
                let liar = Liar::of(&bytes, &[leaf]);
                let (group, asked) = found(&bytes, &liar);
                assert_eq!(
                    group.statement.group,
                    leaf as u64 / 4,
                    "leaf {leaf} of {len}"
                );
                let levels = Shape::new(b.into()).unwrap().levels();
                assert!(asked <= levels, "{asked} openings for {levels} levels");
                dispute::check(&SMALL, &group.statement, &group.witness).unwrap();
            }
        }
    }

    #[test]
    fn of_many_false_leaves_one_is_found() {
        let bytes = bytes(127 * 300);
        let liar = Liar::of(&bytes, &[3, 500, 501, 900]);
        let (group, _) = found(&bytes, &liar);
        assert!([0, 125, 225].contains(&group.statement.group));
        dispute::check(&SMALL, &group.statement, &group.witness).unwrap();
    }

    #[test]
    fn an_honest_commitment_is_not_searched() {
        let bytes = bytes(5_000);
        let honest = Liar::of(&bytes, &[]);
        assert!(Search::new(&bytes, honest.comm_p).unwrap().is_none());
    }

    #[test]
    fn what_lies_under_another_commitment_is_no_evidence() {
        let bytes = bytes(5_000);
        let liar = Liar::of(&bytes, &[7]);
        let search = Search::new(&bytes, liar.comm_p).unwrap().unwrap();
        let refused = |leaf, shown: &LeafOpening| search.look(leaf, shown).unwrap_err();
        let other = Liar::of(&bytes, &[8]).open(0);
        assert!(
            matches!(refused(0, &other), ShownError::Opening(_)),
            "another tree"
        );
        assert!(
            matches!(refused(1, &liar.open(0)), ShownError::Opening(_)),
            "another leaf"
        );
        let mut cut = liar.open(0);
        cut.opening.groups.pop();
        assert!(
            matches!(refused(0, &cut), ShownError::Opening(_)),
            "a short path"
        );
        let mut changed = liar.open(0);
        changed.opening.groups[0][7] += Fr::from(1_u64);
        assert!(
            matches!(refused(0, &changed), ShownError::Opening(_)),
            "a changed sibling"
        );
        let sized = LeafOpening {
            b: liar.b + 1,
            ..liar.open(0)
        };
        assert!(
            matches!(refused(0, &sized), ShownError::Size { .. }),
            "another size"
        );
    }
}
