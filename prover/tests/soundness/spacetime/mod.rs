//! Attacks on spacetime.
//!
//! | file | what it holds |
//! |---|---|
//! | `rules.rs` | every rule of the circuit against the one attack that it alone refuses |
//! | `fields.rs` | every field of statement and witness, changed; true statements of all ranges |

mod fields;
mod rules;

use super::support::*;
use ark_ff::Field;
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::tree::{Opening, Tree};
use cairn_merkle::{Commitment, Fr, SectorKind, Tag, TreeKind, domain, tree};
use cairn_prover::error::{SpacetimeError, StatementError};
use cairn_prover::gadget::audit::Layout;
use cairn_prover::params::{PEER, ParamSet, TEST};
use cairn_prover::spacetime::{
    OpenedSample, Sample, SpacetimeCircuit, SpacetimeStatement, SpacetimeWitness, check, samples,
};
use std::sync::LazyLock;

struct Sector {
    kind: SectorKind,
    comm_c: Fr,
    number: u64,
    tree: Tree,
}

struct World {
    set: ParamSet,
    sectors: Vec<Sector>,
    tree: ProviderTree,
}

impl Sector {
    fn new(set: &ParamSet, kind: SectorKind, number: u64, leaf: impl Fn(u64) -> u64) -> Self {
        let leaves: Vec<Fr> = (0..set.sector_leaves()).map(|i| fr(leaf(i))).collect();
        let comm_c = if kind == SectorKind::Hot {
            fr(0)
        } else {
            fr(1000 + number)
        };
        Self {
            kind,
            comm_c,
            number,
            tree: Tree::build(kind.tree_kind(), &leaves).unwrap(),
        }
    }

    fn leaf(&self) -> Fr {
        domain::provider_leaf(
            domain::comm_r_sealed(self.comm_c, self.tree.root()),
            self.number,
            self.kind,
        )
    }
}

impl World {
    fn of(set: &ParamSet, sectors: Vec<Sector>) -> Self {
        let leaves: Vec<Fr> = sectors.iter().map(Sector::leaf).collect();
        Self {
            set: *set,
            tree: ProviderTree::from_leaves(set.tree_levels, &leaves).unwrap(),
            sectors,
        }
    }

    /// Five sectors, hot and sealed, all leaves different.
    fn mixed(set: &ParamSet) -> Self {
        let kinds = [SectorKind::Hot, SectorKind::Sealed];
        let sector = |i: usize| {
            Sector::new(set, kinds[i % 2], 10 + i as u64, move |leaf| {
                7 + leaf * 31 + i as u64
            })
        };
        Self::of(set, (0..5).map(sector).collect())
    }

    /// Sixteen times the same sector of equal leaves: no path can tell one place from another, so that only the rules
    /// about numbers stand.
    fn uniform() -> Self {
        Self::of(
            &TINY,
            (0..16)
                .map(|_| Sector::new(&TINY, SectorKind::Hot, 7, |_| 3))
                .collect(),
        )
    }

    fn window(&self, seed: u64) -> SpacetimeStatement {
        let root = Commitment::from(self.tree.root());
        SpacetimeStatement::window(&self.set, root, fr(seed), self.sectors.len() as u32)
    }

    fn open(&self, sector: u32, leaf: u64) -> OpenedSample {
        let held = &self.sectors[sector as usize];
        OpenedSample {
            leaf: held.tree.open(leaf).unwrap(),
            comm_c: held.comm_c,
            kind: held.kind,
            number: held.number,
            provider: self.tree.open(u64::from(sector)).unwrap().groups,
        }
    }

    fn witness(&self, statement: &SpacetimeStatement) -> SpacetimeWitness {
        let open = |index: cairn_prover::spacetime::SampleIndex| {
            if (index.sector as usize) < self.sectors.len() && index.leaf < self.set.sector_leaves()
            {
                Sample::Opened(self.open(index.sector, index.leaf))
            } else {
                Sample::Skipped
            }
        };
        SpacetimeWitness {
            samples: samples(&self.set, statement)
                .into_iter()
                .map(open)
                .collect(),
        }
    }

    fn circuit(&self, statement: &SpacetimeStatement) -> SpacetimeCircuit {
        SpacetimeCircuit::new(self.set, statement.clone(), self.witness(statement))
    }
}

/// A sample whose sector and tree hold nothing but itself, with any kind, labels and absent children; the other sample
/// is skipped.
fn lone(
    kind: SectorKind,
    kind_code: u64,
    comm_c: u64,
    absent: u64,
) -> (SpacetimeStatement, SpacetimeWitness) {
    let mut statement = World::uniform().window(5);
    statement.skips = 1;
    let index = samples(&TINY, &statement)[0];
    let mut node = fr(9);
    let mut groups = Vec::new();
    for level in 1..=2u32 {
        let mut group = [fr(0); 16];
        group[(index.leaf >> (4 * (level - 1)) & 15) as usize] = node;
        if level == 2 {
            group[5] = fr(absent);
        }
        let [data, replica] =
            [TreeKind::Data, TreeKind::Replica].map(|kind| domain::level_constant(kind, level));
        node = tree::node(TreeKind::Data, level, &group) + fr(kind_code) * (replica - data);
        groups.push(group);
    }
    let comm_r = domain::comm_r_sealed(fr(comm_c), node);
    let mut provider = [fr(0); 16];
    provider[index.sector as usize] =
        domain::tagged_hash(Tag::Leaf, &[comm_r, fr(7), fr(kind_code)]);
    statement.root = Commitment::from(root_of(&provider));
    let leaf = Opening {
        leaf: fr(9),
        groups,
    };
    let sample = OpenedSample {
        leaf,
        comm_c: fr(comm_c),
        kind,
        number: 7,
        provider: vec![provider],
    };
    (
        statement,
        SpacetimeWitness {
            samples: vec![Sample::Opened(sample), Sample::Skipped],
        },
    )
}

fn opened(witness: &mut SpacetimeWitness, place: usize) -> &mut OpenedSample {
    let Sample::Opened(sample) = &mut witness.samples[place] else {
        panic!("sample {place} is skipped")
    };
    sample
}
