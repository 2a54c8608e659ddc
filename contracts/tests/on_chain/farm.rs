//! A provider in memory: sectors of the `test` set, its tree, and real proofs of what it holds.

use std::path::PathBuf;

use cairn_contracts::{
    CircuitSet, DeployPlan, EvmProof, KeyPlan, ReplicaTerms, Retirement, Schedule, SetParameters,
};
use cairn_merkle::piece::{self, PieceCommitment};
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::tree::Tree;
use cairn_merkle::{Fr, TreeKind, domain, fr32};
use cairn_prover::append::{AppendCircuit, AppendStatement, AppendWitness};
use cairn_prover::circuits::CircuitName;
use cairn_prover::dispute::{DisputeCircuit, DisputeStatement, DisputeWitness};
use cairn_prover::groth16::{Key, blinding_rng, export, prove};
use cairn_prover::include::{IncludeCircuit, IncludeStatement, IncludeWitness, PlacedPiece};
use cairn_prover::keys;
use cairn_prover::params::{ParamSet, TEST};
use cairn_prover::retire::{RetireCircuit, RetireStatement, RetireWitness, SectorLeaf};
use cairn_prover::spacetime::{
    OpenedSample, Sample, SpacetimeCircuit, SpacetimeStatement, SpacetimeWitness, samples,
};
use cairn_prover::synthetic::replica::labels;
use cairn_prover::synthetic::{ReplicaPurpose, SyntheticReplica};
use cairn_wire::{Address, Commitment, SectorKind, SectorNumber, TreeIndex};

use crate::world::{GENESIS, plan};

pub(crate) const SET: &ParamSet = &TEST;

/// Periods of ten minutes: no test is so slow that one passes by itself.
pub(crate) fn slow_schedule() -> Schedule {
    Schedule {
        t0_unix: GENESIS + 600,
        period_s: 600,
        freeze_s: 60,
        due_s: 300,
        genesis_unix: GENESIS,
        round_s: 3,
    }
}

/// The set's layers and partitions with times that fit [`slow_schedule`].
pub(crate) fn slow_terms() -> ReplicaTerms {
    ReplicaTerms {
        layers: SET.layers,
        partitions: SET.porep_challenges.try_into().unwrap(),
        ticket_age_s: 6_000,
        seed_delay_s: 3,
        due_s: 6_000,
        deposit: 1_000,
    }
}

/// The proving keys of the set, made once for all tests of this machine.
pub(crate) struct Keys {
    spacetime: Key,
    append: Key,
    retire: Key,
    include: Key,
    replica: Key,
    dispute: Key,
}

impl Keys {
    pub(crate) fn load() -> Self {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("keys");
        keys::ensure(&folder, SET, |_| {}).unwrap();
        let load = |circuit| keys::load(&folder, SET, circuit).unwrap();
        Self {
            spacetime: load(CircuitName::Spacetime),
            append: load(CircuitName::Append),
            retire: load(CircuitName::Retire),
            include: load(CircuitName::Include),
            replica: load(CircuitName::Replica),
            dispute: load(CircuitName::Dispute),
        }
    }

    /// A deployment of the set with these keys.
    pub(crate) fn plan(&self) -> DeployPlan {
        let circuits = cairn_prover::circuits::Circuits::for_set(SET);
        let key = |circuit, key: &Key| KeyPlan {
            circuit_id: *circuits.id(circuit).unwrap().as_bytes(),
            key: export::vk_to_evm(key.verifying_key()),
        };
        DeployPlan {
            parameters: SetParameters {
                name: SET.name.to_owned(),
                sector_log2_leaves: SET.sector_log2_leaves.try_into().unwrap(),
                b_max: SET.b_max,
                post_samples: SET.post_samples,
                tree_levels: SET.tree_levels.try_into().unwrap(),
                include_width: SET.include_width.try_into().unwrap(),
                empty_root: ProviderTree::new(SET.tree_levels).unwrap().root().into(),
            },
            replica_terms: slow_terms(),
            schedule: slow_schedule(),
            keys: CircuitSet {
                spacetime: key(CircuitName::Spacetime, &self.spacetime),
                append: key(CircuitName::Append, &self.append),
                retire: key(CircuitName::Retire, &self.retire),
                include: key(CircuitName::Include, &self.include),
                replica: key(CircuitName::Replica, &self.replica),
                dispute: key(CircuitName::Dispute, &self.dispute),
            },
            ..plan()
        }
    }
}

/// A piece and where it lies in its sector.
pub(crate) struct Placed {
    pub(crate) commitment: PieceCommitment,
    pub(crate) offset_leaves: u64,
}

pub(crate) struct Sector {
    pub(crate) number: SectorNumber,
    pub(crate) pieces: Vec<Placed>,
    /// Over the data.
    tree: Tree,
    replica: Option<Sealed>,
}

/// What sealing made of a sector.
struct Sealed {
    /// Root over the labels.
    comm_c: Fr,
    /// Over the stored leaves.
    tree: Tree,
    openings: SyntheticReplica,
}

impl Sector {
    /// Packs pieces one behind the other, each at a multiple of its size.
    pub(crate) fn pack(number: SectorNumber, contents: &[Vec<u8>]) -> Self {
        let mut leaves = vec![Fr::from(0_u64); usize::try_from(SET.sector_leaves()).unwrap()];
        let mut next = 0_u64;
        let mut pieces = Vec::new();
        for bytes in contents {
            let commitment = piece::commit(bytes).unwrap();
            let offset_leaves = next.next_multiple_of(1 << commitment.b);
            let start = usize::try_from(offset_leaves).unwrap();
            let elements = fr32::encode(bytes);
            leaves[start..start + elements.len()].copy_from_slice(&elements);
            next = offset_leaves + (1 << commitment.b);
            pieces.push(Placed {
                commitment,
                offset_leaves,
            });
        }
        Self {
            number,
            pieces,
            tree: Tree::build(TreeKind::Data, &leaves).unwrap(),
            replica: None,
        }
    }

    /// Packs pieces as [`Sector::pack`] does, but one leaf of the first is another: its commitment is false, and shows the
    /// false leaf like any other. Its owner has to be fooled, or of one mind with its holder.
    pub(crate) fn pack_falsely(number: SectorNumber, contents: &[Vec<u8>], leaf: usize) -> Self {
        let honest = Self::pack(number, contents);
        let mut leaves = honest.tree.row(0).to_vec();
        let Placed {
            commitment,
            offset_leaves,
        } = honest.pieces[0];
        let start = usize::try_from(offset_leaves).unwrap();
        leaves[start + leaf] += Fr::from(1_u64);
        let root =
            cairn_merkle::tree::root(TreeKind::Data, &leaves[start..start + (1 << commitment.b)])
                .unwrap();
        let comm_p = domain::comm_p(commitment.b, commitment.byte_len, root).into();
        let mut pieces = honest.pieces;
        pieces[0].commitment.comm_p = comm_p;
        Self {
            number,
            pieces,
            tree: Tree::build(TreeKind::Data, &leaves).unwrap(),
            replica: None,
        }
    }

    /// The leaves of its piece at a place, as they lie in it.
    pub(crate) fn piece_leaves(&self, piece: usize) -> Vec<Fr> {
        let placed = &self.pieces[piece];
        let start = usize::try_from(placed.offset_leaves).unwrap();
        self.tree.row(0)[start..start + (1 << placed.commitment.b)].to_vec()
    }

    /// Encodes the sector for this account and ticket (field elements, little-endian).
    pub(crate) fn seal(&mut self, porep_id: &[u8; 32], provider: Address, ticket: &[u8; 32]) {
        let element = |bytes| cairn_merkle::field::from_bytes(bytes).unwrap();
        let purpose = ReplicaPurpose {
            porep_id: element(porep_id),
            provider: provider.0,
            sector_number: self.number.0,
            ticket: element(ticket),
        };
        let replica_id = domain::replica_id(
            purpose.porep_id,
            &purpose.provider,
            purpose.sector_number,
            self.tree.root(),
            purpose.ticket,
        );
        let data = self.tree.row(0);
        let labels = labels(SET, replica_id, data.len());
        let layers = usize::from(SET.layers);
        let last = labels.iter().skip(layers - 1).step_by(layers);
        let stored: Vec<Fr> = data.iter().zip(last).map(|(d, label)| *d + label).collect();
        self.replica = Some(Sealed {
            comm_c: Tree::build(TreeKind::Column, &labels).unwrap().root(),
            tree: Tree::build(TreeKind::Replica, &stored).unwrap(),
            openings: SyntheticReplica::of(SET, purpose, data, &labels, &stored).unwrap(),
        });
    }

    pub(crate) fn comm_d(&self) -> Commitment {
        self.tree.root().into()
    }

    pub(crate) fn comm_r(&self) -> Commitment {
        match &self.replica {
            None => domain::comm_r_hot(self.tree.root()).into(),
            Some(sealed) => domain::comm_r_sealed(sealed.comm_c, sealed.tree.root()).into(),
        }
    }

    pub(crate) fn kind(&self) -> SectorKind {
        match self.replica {
            None => SectorKind::Hot,
            Some(_) => SectorKind::Sealed,
        }
    }

    fn leaf(&self) -> SectorLeaf {
        SectorLeaf {
            comm_r: self.comm_r().to_fr(),
            kind: self.kind(),
        }
    }

    /// What a window proof opens: the stored leaves, and the root over the labels (zero for a hot sector).
    fn stored(&self) -> (&Tree, Fr) {
        match &self.replica {
            None => (&self.tree, Fr::from(0_u64)),
            Some(sealed) => (&sealed.tree, sealed.comm_c),
        }
    }
}

/// One tree of a provider.
pub(crate) struct Farm {
    keys: Keys,
    tree: ProviderTree,
    sectors: Vec<Sector>,
    proofs: u8,
}

impl Farm {
    pub(crate) fn new(keys: Keys) -> Self {
        Self {
            keys,
            tree: ProviderTree::new(SET.tree_levels).unwrap(),
            sectors: Vec::new(),
            proofs: 0,
        }
    }

    pub(crate) fn root(&self) -> Commitment {
        self.tree.root().into()
    }

    pub(crate) fn sector(&self, place: usize) -> &Sector {
        &self.sectors[place]
    }

    /// Never the same twice.
    fn blinding(&mut self) -> [u8; 32] {
        self.proofs += 1;
        [self.proofs; 32]
    }

    /// Adds a sector to the tree; the proof that it was.
    pub(crate) fn append(&mut self, sector: Sector) -> EvmProof {
        let witness = AppendWitness::of(&self.tree).unwrap();
        let (root0, count) = (self.root(), u32::try_from(self.tree.count()).unwrap());
        let leaf = domain::provider_leaf(sector.comm_r().to_fr(), sector.number.0, sector.kind());
        self.tree.append(leaf).unwrap();
        let statement = AppendStatement {
            root0,
            root1: self.root(),
            comm_d: sector.comm_d(),
            comm_r: sector.comm_r(),
            count,
            sector_number: sector.number.0,
            kind: sector.kind(),
        };
        self.sectors.push(sector);
        let mut rng = blinding_rng(self.blinding());
        let circuit = AppendCircuit::new(*SET, statement, witness);
        export::proof_to_evm(&prove(&self.keys.append, circuit, &mut rng).unwrap())
    }

    /// The proofs of all partitions of a sealed sector that is not in the tree yet.
    pub(crate) fn replicate(&mut self, sector: &Sector, seed: &[u8; 32]) -> Vec<EvmProof> {
        let seed = cairn_merkle::field::from_bytes(seed).unwrap();
        let sealed = sector.replica.as_ref().unwrap();
        let partitions = 0..u16::try_from(SET.porep_challenges).unwrap();
        let proofs = partitions.map(|partition| {
            let (_, circuit) = sealed.openings.circuit(seed, partition).unwrap();
            let mut rng = blinding_rng(self.blinding());
            export::proof_to_evm(&prove(&self.keys.replica, circuit, &mut rng).unwrap())
        });
        proofs.collect()
    }

    /// Takes the sector at a place out of the tree; what to tell the chain, and the proof.
    pub(crate) fn retire(&mut self, provider: Address, place: usize) -> (Retirement, EvmProof) {
        let (removed, moved) = (
            self.sectors[place].leaf(),
            self.sectors.last().unwrap().leaf(),
        );
        let index = u32::try_from(place).unwrap();
        let witness = RetireWitness::of(&self.tree, index, removed, moved).unwrap();
        let (root0, count) = (self.root(), u32::try_from(self.tree.count()).unwrap());
        let (number, moved) = (
            self.sectors[place].number,
            self.sectors.last().unwrap().number,
        );
        self.tree.remove(place.try_into().unwrap()).unwrap();
        self.sectors.swap_remove(place);
        let statement = RetireStatement {
            root0,
            root2: self.root(),
            count,
            index,
            removed_number: number.0,
            moved_number: moved.0,
        };
        let mut rng = blinding_rng(self.blinding());
        let circuit = RetireCircuit::new(*SET, statement, witness);
        let proof = export::proof_to_evm(&prove(&self.keys.retire, circuit, &mut rng).unwrap());
        (
            Retirement {
                provider,
                tree: TreeIndex(0),
                number,
                index,
                moved,
                new_root: self.root(),
            },
            proof,
        )
    }

    /// The proof that pieces of a sector lie in it.
    pub(crate) fn include(&mut self, place: usize, pieces: &[usize]) -> EvmProof {
        let sector = &self.sectors[place];
        let (mut placed, mut paths) = (Vec::new(), Vec::new());
        for piece in pieces {
            let Placed {
                commitment,
                offset_leaves,
            } = &sector.pieces[*piece];
            placed.push(PlacedPiece {
                comm_p: commitment.comm_p,
                offset_leaves: *offset_leaves,
                b: commitment.b,
                byte_len: commitment.byte_len,
            });
            paths.push(IncludeWitness::path(
                &sector.tree.open(*offset_leaves).unwrap().groups,
                commitment.b,
            ));
        }
        let statement = IncludeStatement::new(SET, sector.comm_d(), placed).unwrap();
        let witness = IncludeWitness::new(SET, paths).unwrap();
        let mut rng = blinding_rng(self.blinding());
        let circuit = IncludeCircuit::new(*SET, statement, witness);
        export::proof_to_evm(&prove(&self.keys.include, circuit, &mut rng).unwrap())
    }

    /// The proof that a group of a piece of a sector holds the leaves that lie there.
    pub(crate) fn dispute(
        &mut self,
        place: usize,
        piece: usize,
        group: u64,
    ) -> ([Commitment; 4], EvmProof) {
        let sector = &self.sectors[place];
        let PieceCommitment {
            comm_p,
            b,
            byte_len,
            ..
        } = sector.pieces[piece].commitment;
        let tree = Tree::build(TreeKind::Data, &sector.piece_leaves(piece)).unwrap();
        let witness = DisputeWitness {
            b,
            byte_len,
            path: tree.open(4 * group).unwrap().groups,
        };
        let statement = DisputeStatement {
            comm_p,
            group,
            leaves: witness.leaves(group).unwrap(),
        };
        let leaves = statement.leaves.map(Commitment::from);
        let mut rng = blinding_rng(self.blinding());
        let circuit = DisputeCircuit::new(*SET, statement, witness);
        let proof = prove(&self.keys.dispute, circuit, &mut rng).unwrap();
        (leaves, export::proof_to_evm(&proof))
    }

    /// The public inputs of its window proof, as the contract has them: root, seed, packed word.
    pub(crate) fn window_inputs(&self, seed: &[u8; 32]) -> Vec<[u8; 32]> {
        let seed = cairn_merkle::field::from_bytes(seed).unwrap();
        let count = u32::try_from(self.tree.count()).unwrap();
        let statement = SpacetimeStatement::window(SET, self.root(), seed, count);
        let words = statement.public_inputs().map(Commitment::from);
        words.iter().map(|word| word.to_be_bytes()).collect()
    }

    /// The window proof of the tree as it is now.
    pub(crate) fn window(&mut self, seed: &[u8; 32]) -> EvmProof {
        let seed = cairn_merkle::field::from_bytes(seed).unwrap();
        let count = u32::try_from(self.tree.count()).unwrap();
        self.spacetime(SpacetimeStatement::window(SET, self.root(), seed, count))
    }

    /// The answer to a challenge of a piece.
    pub(crate) fn answer(&mut self, seed: &[u8; 32], place: usize, piece: usize) -> EvmProof {
        let sector = &self.sectors[place];
        let placed = &sector.pieces[piece];
        self.spacetime(SpacetimeStatement {
            root: self.root(),
            seed: cairn_merkle::field::from_bytes(seed).unwrap(),
            count: self.tree.count().try_into().unwrap(),
            sector_lo: place.try_into().unwrap(),
            sector_count: 1,
            leaf_lo: placed.offset_leaves,
            log2_leaf_range: placed.commitment.b,
            sector_number: sector.number.0,
            skips: 0,
        })
    }

    fn spacetime(&mut self, statement: SpacetimeStatement) -> EvmProof {
        let opened = samples(SET, &statement).into_iter().map(|index| {
            let sector = &self.sectors[usize::try_from(index.sector).unwrap()];
            let (stored, comm_c) = sector.stored();
            Sample::Opened(OpenedSample {
                leaf: stored.open(index.leaf).unwrap(),
                comm_c,
                kind: sector.kind(),
                number: sector.number.0,
                provider: self.tree.open(index.sector.into()).unwrap().groups,
            })
        });
        let witness = SpacetimeWitness {
            samples: opened.collect(),
        };
        let mut rng = blinding_rng(self.blinding());
        let circuit = SpacetimeCircuit::new(*SET, statement, witness);
        export::proof_to_evm(&prove(&self.keys.spacetime, circuit, &mut rng).unwrap())
    }
}
