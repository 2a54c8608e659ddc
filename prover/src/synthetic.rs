//! Providers with made-up content: true statements of any size for benches, known answers and the tests of other crates.
//!
//! One sector is really filled (two pieces of made-up bytes, then a run of numbers) and its tree really built; a provider
//! of n sectors commits to that same content n times under the numbers 1..=n. Nothing in a statement forbids that, so
//! the proofs are as real as any, and a provider of 4096 sectors fits in memory.

pub mod replica;

pub use replica::{ReplicaPurpose, SyntheticReplica};

use cairn_merkle::{
    Commitment, Fr, ProviderTreeError, SectorKind, TreeError, TreeKind, domain, fr32,
    piece::{self, PieceCommitment},
    provider::ProviderTree,
    tree::Tree,
};

use crate::{
    append::{AppendCircuit, AppendStatement, native::AppendWitness},
    dispute::{self, DisputeCircuit, DisputeStatement},
    error::{OpenGroupError, StatementError},
    include::{
        IncludeCircuit,
        native::IncludeWitness,
        statement::{IncludeStatement, PlacedPiece},
    },
    params::ParamSet,
    retire::{
        RetireCircuit,
        native::{RetireWitness, SectorLeaf},
        statement::RetireStatement,
    },
    spacetime::{
        OpenedSample, Sample, SpacetimeCircuit, SpacetimeStatement, SpacetimeWitness, samples,
    },
};

/// Made-up content does not fit what was asked for (the caller's fault).
#[derive(Debug, thiserror::Error)]
pub enum SyntheticError {
    /// The sector's tree.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The provider's tree.
    #[error(transparent)]
    Provider(#[from] ProviderTreeError),
    /// The statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The group of a piece.
    #[error(transparent)]
    Group(#[from] OpenGroupError),
    /// The pieces.
    #[error("the pieces do not fit the parameter set")]
    Pieces,
}

/// One filled sector, hot.
#[derive(Clone, Debug)]
pub struct SyntheticSector {
    set: ParamSet,
    tree: Tree,
    pieces: [PieceCommitment; 2],
}

impl SyntheticSector {
    /// Fills a sector of the set.
    ///
    /// # Errors
    /// The pieces do not fit the set.
    pub fn new(set: &ParamSet) -> Result<Self, SyntheticError> {
        let half = usize::try_from(set.max_piece_bytes() / 2)
            .map_err(|_too_large| SyntheticError::Pieces)?;
        let lengths = [half, half / 2 + 1];
        let leaves_wanted =
            usize::try_from(set.sector_leaves()).map_err(|_too_large| SyntheticError::Pieces)?;
        let mut leaves: Vec<Fr> = Vec::with_capacity(leaves_wanted);
        let mut commitments = Vec::with_capacity(lengths.len());
        for (tag, length) in (1u8..).zip(lengths) {
            let bytes = piece_bytes(tag, length);
            let commitment = piece::commit(&bytes).map_err(|_too_large| SyntheticError::Pieces)?;
            let start = leaves.len().next_multiple_of(1 << commitment.b);
            leaves.resize(start, Fr::from(0u64));
            leaves.extend(fr32::encode(&bytes));
            leaves.resize(start + (1 << commitment.b), Fr::from(0u64));
            commitments.push(commitment);
        }
        let filled = leaves.len();
        leaves.extend(
            (0u64..)
                .map(Fr::from)
                .take(leaves_wanted.saturating_sub(filled)),
        );
        let tree = Tree::build(TreeKind::Data, &leaves).map_err(TreeError::from)?;
        let pieces = commitments
            .try_into()
            .map_err(|_wrong_count| SyntheticError::Pieces)?;
        Ok(Self {
            set: *set,
            tree,
            pieces,
        })
    }

    /// Root of the sector's data.
    #[must_use]
    pub fn comm_d(&self) -> Commitment {
        Commitment::from(self.tree.root())
    }

    /// What the sector is committed to.
    #[must_use]
    pub fn comm_r(&self) -> Commitment {
        Commitment::from(domain::comm_r_hot(self.tree.root()))
    }

    /// The provider leaf of the sector under a number.
    #[must_use]
    pub fn provider_leaf(&self, number: u64) -> Fr {
        domain::provider_leaf(self.comm_r().to_fr(), number, SectorKind::Hot)
    }

    /// The pieces and where they lie.
    #[must_use]
    pub fn placed_pieces(&self) -> [PlacedPiece; 2] {
        let [first, second] = self.pieces;
        let place = |piece: PieceCommitment, offset_leaves| PlacedPiece {
            comm_p: piece.comm_p,
            offset_leaves,
            b: piece.b,
            byte_len: piece.byte_len,
        };
        let offset = (1u64 << first.b).next_multiple_of(1 << second.b);
        [place(first, 0), place(second, offset)]
    }

    /// The same content, sealed for this purpose.
    ///
    /// # Errors
    /// Never for a sector that was filled.
    pub fn seal(&self, purpose: ReplicaPurpose) -> Result<SyntheticReplica, SyntheticError> {
        SyntheticReplica::seal(&self.set, purpose, self.tree.row(0))
    }

    /// Statement and circuit of "both pieces lie in the sector".
    ///
    /// # Errors
    /// The pieces do not fit the set.
    pub fn include(&self) -> Result<(IncludeStatement, IncludeCircuit), SyntheticError> {
        let pieces = self.placed_pieces();
        let statement = IncludeStatement::new(&self.set, self.comm_d(), pieces.to_vec())?;
        let mut paths = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let opening = self.tree.open(piece.offset_leaves)?;
            paths.push(IncludeWitness::path(&opening.groups, piece.b));
        }
        let witness = IncludeWitness::new(&self.set, paths)?;
        let circuit = IncludeCircuit::new(self.set, statement.clone(), witness);
        Ok((statement, circuit))
    }

    /// Statement and circuit of "these are the leaves of that group" of the first piece or the second.
    ///
    /// # Errors
    /// The piece has no such group.
    pub fn dispute(
        &self,
        second: bool,
        group: u64,
    ) -> Result<(DisputeStatement, DisputeCircuit), SyntheticError> {
        let piece = self.pieces[usize::from(second)];
        let length =
            usize::try_from(piece.byte_len).map_err(|_too_large| SyntheticError::Pieces)?;
        let bytes = piece_bytes(1 + u8::from(second), length);
        let (statement, witness) = dispute::open(&bytes, group)?;
        let circuit = DisputeCircuit::new(self.set, statement.clone(), witness);
        Ok((statement, circuit))
    }
}

/// The made-up bytes of a piece.
fn piece_bytes(tag: u8, length: usize) -> Vec<u8> {
    (0u8..=250)
        .cycle()
        .map(|byte| byte ^ tag)
        .take(length)
        .collect()
}

/// A provider that commits to one sector's content `count` times.
#[derive(Clone, Debug)]
pub struct SyntheticProvider<'a> {
    sector: &'a SyntheticSector,
    tree: ProviderTree,
}

impl<'a> SyntheticProvider<'a> {
    /// A provider of `count` sectors, numbered from 1.
    ///
    /// # Errors
    /// More sectors than a tree of the set holds.
    pub fn new(sector: &'a SyntheticSector, count: u32) -> Result<Self, SyntheticError> {
        let leaves: Vec<Fr> = (1..=u64::from(count))
            .map(|number| sector.provider_leaf(number))
            .collect();
        let tree = ProviderTree::from_leaves(sector.set.tree_levels, &leaves)?;
        Ok(Self { sector, tree })
    }

    /// Root of the provider tree.
    #[must_use]
    pub fn root(&self) -> Commitment {
        Commitment::from(self.tree.root())
    }

    /// Sectors of the provider.
    #[must_use]
    pub fn count(&self) -> u32 {
        u32::try_from(self.tree.count()).unwrap_or(u32::MAX)
    }

    /// Statement and circuit of the window challenge that `seed` poses.
    ///
    /// # Errors
    /// The provider has no sector.
    pub fn spacetime(
        &self,
        seed: Fr,
    ) -> Result<(SpacetimeStatement, SpacetimeCircuit), SyntheticError> {
        let set = &self.sector.set;
        let statement = SpacetimeStatement::window(set, self.root(), seed, self.count());
        statement.check(set)?;
        let mut shown = Vec::new();
        for index in samples(set, &statement) {
            shown.push(Sample::Opened(OpenedSample {
                leaf: self.sector.tree.open(index.leaf)?,
                comm_c: Fr::from(0u64),
                kind: SectorKind::Hot,
                number: u64::from(index.sector) + 1,
                provider: self.tree.open(u64::from(index.sector))?.groups,
            }));
        }
        let circuit =
            SpacetimeCircuit::new(*set, statement.clone(), SpacetimeWitness { samples: shown });
        Ok((statement, circuit))
    }

    /// Statement and circuit of one more sector with the next number.
    ///
    /// # Errors
    /// The tree is full.
    pub fn append(&self) -> Result<(AppendStatement, AppendCircuit), SyntheticError> {
        let number = u64::from(self.count()) + 1;
        let witness = AppendWitness::of(&self.tree)?;
        let mut after = self.tree.clone();
        after.append(self.sector.provider_leaf(number))?;
        let statement = AppendStatement {
            root0: self.root(),
            root1: Commitment::from(after.root()),
            comm_d: self.sector.comm_d(),
            comm_r: self.sector.comm_r(),
            count: self.count(),
            sector_number: number,
            kind: SectorKind::Hot,
        };
        let circuit = AppendCircuit::new(self.sector.set, statement.clone(), witness);
        Ok((statement, circuit))
    }

    /// Statement and circuit of the removal of the sector at `index`.
    ///
    /// # Errors
    /// No sector stands there.
    pub fn retire(&self, index: u32) -> Result<(RetireStatement, RetireCircuit), SyntheticError> {
        let leaf = SectorLeaf {
            comm_r: self.sector.comm_r().to_fr(),
            kind: SectorKind::Hot,
        };
        let witness = RetireWitness::of(&self.tree, index, leaf, leaf)?;
        let mut after = self.tree.clone();
        after.remove(u64::from(index))?;
        let statement = RetireStatement {
            root0: self.root(),
            root2: Commitment::from(after.root()),
            count: self.count(),
            index,
            removed_number: u64::from(index) + 1,
            moved_number: u64::from(self.count()),
        };
        let circuit = RetireCircuit::new(self.sector.set, statement.clone(), witness);
        Ok((statement, circuit))
    }
}
