//! Attacks on spacetime.

use super::support::*;
use ark_ff::{BigInteger, Field, PrimeField};
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

/// A seed whose index hash has a second representation of 255 bits, and that representation.
fn second_representation(world: &World) -> (SpacetimeStatement, Vec<Fr>) {
    for seed in 0.. {
        let hash = domain::tagged_hash(Tag::Idx, &[fr(seed), fr(0)]).into_bigint();
        let mut second = hash;
        let overflow = second.add_with_carry(&Fr::MODULUS);
        if !overflow && !second.get_bit(255) {
            let bits = (0..255).map(|i| Fr::from(second.get_bit(i))).collect();
            return (world.window(seed), bits);
        }
    }
    unreachable!("one hash in ten has a second representation");
}

fn attacks_on_the_word() -> Vec<Attack<SpacetimeCircuit>> {
    let world = World::uniform();
    let statement = world.window(5);
    let fields = [
        (0, "count"),
        (32, "sector lo"),
        (64, "sector count"),
        (96, "leaf lo"),
        (136, "log2"),
        (144, "number"),
    ];
    let fields = fields
        .into_iter()
        .chain([(208, "skips"), (216, "beyond"), (253, "top")]);
    let mut attacks: Vec<_> = fields
        .map(|(shift, story)| {
            Attack::new(story, "public", "packed word", world.circuit(&statement)).forge(
                "public",
                "word",
                0,
                add(power(shift)),
            )
        })
        .collect();
    let over = SpacetimeStatement {
        skips: 1,
        ..statement
    };
    attacks.push(Attack::new(
        "skips over-declared",
        "public",
        "packed word",
        world.circuit(&over),
    ));
    let mut witness = world.witness(&statement);
    witness.samples[1] = Sample::Skipped;
    let under = SpacetimeCircuit::new(TINY, statement, witness);
    attacks.push(Attack::new(
        "skips under-declared",
        "public",
        "packed word",
        under,
    ));
    attacks
}

fn attacks_on_the_ranges() -> Vec<Attack<SpacetimeCircuit>> {
    let world = World::uniform();
    let window = world.window(5);
    let circuit = |statement: SpacetimeStatement| world.circuit(&statement);
    let narrow = SpacetimeStatement {
        log2_leaf_range: 2,
        ..window
    };
    let outside = SpacetimeStatement {
        count: 8,
        sector_lo: 4,
        sector_count: 8,
        ..window
    };
    let too_many = SpacetimeStatement {
        count: 17,
        sector_count: 3,
        ..window
    };
    let unaligned = SpacetimeStatement {
        leaf_lo: 1,
        ..narrow
    };
    let five = SpacetimeStatement {
        log2_leaf_range: 5,
        ..window
    };
    let digits = |digits: [u64; 6]| set(digits.map(fr).to_vec());
    vec![
        Attack::new(
            "more sectors than a tree holds",
            "count",
            "boolean",
            circuit(too_many),
        )
        .forge("count", "bits", 0, |_| [16, 0, 0, 0].map(fr).to_vec()),
        Attack::new(
            "digits of sector lo",
            "sector lo",
            "boolean",
            circuit(window.clone()),
        )
        .forge("sector lo", "bits", 0, carry(0)),
        Attack::new(
            "digits of sector count",
            "sector count",
            "boolean",
            circuit(window.clone()),
        )
        .forge("sector count", "bits", 0, carry(0)),
        Attack::new(
            "digits of the room behind the range",
            "sector range",
            "boolean",
            circuit(window.clone()),
        )
        .forge("sector range", "bits", 0, carry(0)),
        Attack::new(
            "a range that ends outside the tree",
            "sector range",
            "sum",
            circuit(outside),
        ),
        Attack::new(
            "digits of leaf lo",
            "leaf lo",
            "boolean",
            circuit(narrow.clone()),
        )
        .forge("leaf lo", "bits", 0, carry(2)),
        Attack::new(
            "a narrow range that claims to be wide",
            "leaf range",
            "boolean",
            circuit(five),
        )
        .forge("leaf range", "bits", 0, digits([1, 1, 3, 0, 0, 0])),
        Attack::new(
            "a range with a gap",
            "leaf range",
            "no gap",
            circuit(narrow),
        )
        .forge("leaf range", "bits", 0, digits([0, 1, 1, 0, 0, 0])),
        Attack::new(
            "a range that begins between its multiples",
            "leaf range",
            "aligned",
            circuit(unaligned),
        ),
        Attack::new(
            "digits of the sector number",
            "sector number",
            "boolean",
            circuit(window),
        )
        .forge("sector number", "bits", 0, carry(0)),
    ]
}

fn attacks_on_the_sampling() -> Vec<Attack<SpacetimeCircuit>> {
    let world = World::uniform();
    let window = world.window(5);
    let circuit = || world.circuit(&window);
    let (seed, second) = second_representation(&world);
    vec![
        Attack::new("digits of the hash", "index hash", "boolean", circuit()).forge(
            "index hash",
            "bits",
            0,
            carry(0),
        ),
        Attack::new("bits of another number", "index hash", "sum", circuit()).forge(
            "index hash",
            "bits",
            0,
            flip(3),
        ),
        Attack::new(
            "the second representation",
            "index hash",
            "canonical",
            world.circuit(&seed),
        )
        .forge("index hash", "bits", 0, set(second.clone())),
        Attack::new(
            "the second representation, hidden",
            "index hash",
            "prefix",
            world.circuit(&seed),
        )
        .forge("index hash", "bits", 0, set(second))
        .forge("index hash", "prefix", 0, set(vec![fr(0)])),
        Attack::new("a leaf of choice", "leaf index", "from the hash", circuit()).forge(
            "leaf index",
            "from the hash",
            2,
            |honest| vec![fr(1) - honest[0]],
        ),
        Attack::new("a sector of choice", "sector product", "product", circuit()).forge(
            "sector product",
            "product",
            0,
            set(vec![power(64) * fr(11)]),
        ),
        Attack::new(
            "digits of the product",
            "sector product",
            "boolean",
            circuit(),
        )
        .forge("sector product", "bits", 0, carry(0)),
        Attack::new(
            "bits of another product",
            "sector product",
            "sum",
            circuit(),
        )
        .forge("sector product", "bits", 0, flip(65)),
        Attack::new(
            "digits of the sector's index",
            "sector index",
            "boolean",
            circuit(),
        )
        .forge("sector index", "bits", 0, carry(1)),
        Attack::new("bits of another index", "sector index", "sum", circuit()).forge(
            "sector index",
            "bits",
            0,
            flip(1),
        ),
        Attack::new("a skip paid with a negative one", "skipped", "boolean", {
            let mut witness = world.witness(&window);
            opened(&mut witness, 0).number = 3;
            let sector = opened(&mut witness, 0);
            let comm_r = domain::comm_r_hot(world.sectors[0].tree.root());
            sector.provider[0][samples(&TINY, &window)[0].sector as usize] =
                domain::provider_leaf(comm_r, 3, SectorKind::Hot);
            SpacetimeCircuit::new(TINY, window.clone(), witness)
        })
        .forge("skipped", "bits", 0, set(vec![fr(1)]))
        .forge("skipped", "bits", 1, set(vec![-Fr::ONE])),
    ]
}

fn attacks_on_the_sector() -> Vec<Attack<SpacetimeCircuit>> {
    let world = World::mixed(&TINY);
    let window = world.window(5);
    let altered = |alter: &dyn Fn(&mut OpenedSample)| {
        let mut witness = world.witness(&window);
        alter(opened(&mut witness, 0));
        SpacetimeCircuit::new(TINY, window.clone(), witness)
    };
    let lone = |kind, code, comm_c, absent| {
        let (statement, witness) = lone(kind, code, comm_c, absent);
        SpacetimeCircuit::new(TINY, statement, witness)
    };
    let index = samples(&TINY, &window)[0];
    let held = &world.sectors[index.sector as usize];
    let sibling = held.tree.open(index.leaf ^ 1).unwrap().leaf;
    let difference = sibling - held.tree.open(index.leaf).unwrap().leaf;
    let half = if index.leaf & 8 == 0 { 6 } else { 13 };
    let other = world.open((index.sector + 1) % 5, index.leaf);
    let other_leaf = world.sectors[(index.sector as usize + 1) % 5].leaf() - held.leaf();
    let provider_half = if index.sector & 8 == 0 { 6 } else { 13 };
    let change_sector = |sample: &mut OpenedSample| {
        *sample = OpenedSample {
            provider: sample.provider.clone(),
            ..other.clone()
        };
    };
    vec![
        Attack::new(
            "a kind that is none",
            "kind",
            "boolean",
            lone(SectorKind::Hot, 2, 0, 0),
        )
        .forge("kind", "bits", 0, set(vec![fr(2)])),
        Attack::new(
            "a hot sector with labels",
            "sector",
            "hot has no labels",
            lone(SectorKind::Hot, 0, 4, 0),
        ),
        Attack::new(
            "a fifth child of four",
            "leaf path",
            "absent child",
            lone(SectorKind::Hot, 0, 0, 8),
        ),
        Attack::new(
            "another leaf",
            "leaf path",
            "child",
            altered(&|sample| sample.leaf.leaf = sibling),
        ),
        Attack::new(
            "another leaf, selected",
            "leaf path",
            "select",
            altered(&|sample| sample.leaf.leaf = sibling),
        )
        .forge("leaf path", "select", half, add(difference)),
        Attack::new(
            "another sector",
            "provider path",
            "child",
            altered(&change_sector),
        ),
        Attack::new(
            "another sector, selected",
            "provider path",
            "select",
            altered(&change_sector),
        )
        .forge("provider path", "select", provider_half, add(other_leaf)),
    ]
}

fn attacks_on_what_is_shown() -> Vec<Attack<SpacetimeCircuit>> {
    let world = World::uniform();
    let window = world.window(5);
    let other_root = SpacetimeStatement {
        root: Commitment::from(fr(1)),
        ..window
    };
    let other_number = SpacetimeStatement {
        sector_number: 9,
        ..window
    };
    let circuit = |statement: &SpacetimeStatement| {
        SpacetimeCircuit::new(TINY, statement.clone(), world.witness(statement))
    };
    vec![
        Attack::new("another root", "shown", "root", circuit(&other_root)),
        Attack::new(
            "another sector's number",
            "shown",
            "sector number",
            circuit(&other_number),
        ),
        Attack::new(
            "another sector's number, not asked for",
            "shown",
            "named",
            circuit(&other_number),
        )
        .forge("shown", "named", 0, set(vec![fr(0)]))
        .forge("shown", "named", 1, set(vec![fr(0)])),
    ]
}

#[test]
fn each_rule_of_spacetime_refuses_its_attack() {
    let world = World::mixed(&TINY);
    let mut attacks = attacks_on_the_word();
    attacks.extend(attacks_on_the_ranges());
    attacks.extend(attacks_on_the_sampling());
    attacks.extend(attacks_on_the_sector());
    attacks.extend(attacks_on_what_is_shown());
    each_rule_refuses_its_attack(&world.circuit(&world.window(5)), attacks);
}

#[test]
fn every_variable_of_spacetime_is_bound() {
    let world = World::mixed(&TINY);
    let statement = SpacetimeStatement {
        log2_leaf_range: 4,
        leaf_lo: 16,
        ..world.window(5)
    };
    every_variable_is_bound(&world.circuit(&statement));
}

#[test]
fn the_witness_does_not_shape_the_spacetime_circuit() {
    let world = World::mixed(&TINY);
    let skipping = SpacetimeWitness {
        samples: vec![Sample::Skipped; 2],
    };
    let window = world.window(5);
    let narrow = SpacetimeStatement {
        sector_lo: 2,
        sector_count: 1,
        log2_leaf_range: 0,
        sector_number: 12,
        ..world.window(6)
    };
    for circuit in [
        world.circuit(&window),
        world.circuit(&narrow),
        SpacetimeCircuit::new(TINY, SpacetimeStatement { skips: 2, ..window }, skipping),
    ] {
        same_layout(circuit, SpacetimeCircuit::blank(&TINY));
    }
}

/// Native twin and circuit must say the same.
fn both(
    set: &ParamSet,
    statement: &SpacetimeStatement,
    witness: &SpacetimeWitness,
) -> Result<(), SpacetimeError> {
    static TINY_LAYOUT: LazyLock<Layout> =
        LazyLock::new(|| Layout::of(&SpacetimeCircuit::blank(&TINY)).unwrap());
    let circuit = SpacetimeCircuit::new(*set, statement.clone(), witness.clone());
    let native = check(set, statement, witness);
    agreed(set, &TINY_LAYOUT, SpacetimeCircuit::blank, &circuit, native)
}

#[test]
fn true_statements_of_all_ranges_are_accepted_by_both() {
    for set in [
        TINY,
        TEST,
        ParamSet {
            tree_levels: 2,
            ..PEER
        },
    ] {
        let log2 = if set.name == "peer" {
            10
        } else {
            set.sector_log2_leaves
        };
        let set = ParamSet {
            sector_log2_leaves: log2,
            ..set
        };
        let world = World::mixed(&set);
        for seed in 0..4 {
            let window = world.window(seed);
            assert_eq!(
                both(&set, &window, &world.witness(&window)),
                Ok(()),
                "{}",
                set.name
            );
            let one = SpacetimeStatement {
                sector_lo: 3,
                sector_count: 1,
                leaf_lo: 32 + seed,
                log2_leaf_range: 0,
                sector_number: 13,
                ..window
            };
            assert_eq!(
                both(&set, &one, &world.witness(&one)),
                Ok(()),
                "{}",
                set.name
            );
        }
    }
}

#[test]
fn declared_skips_are_accepted_by_both() {
    let world = World::mixed(&TINY);
    for seed in 0..4 {
        let statement = SpacetimeStatement {
            skips: 1,
            sector_number: 13,
            sector_lo: 3,
            sector_count: 1,
            ..world.window(seed)
        };
        for place in 0..2 {
            let mut witness = world.witness(&statement);
            witness.samples[place] = Sample::Skipped;
            assert_eq!(both(&TINY, &statement, &witness), Ok(()));
        }
    }
}

#[test]
fn every_changed_field_of_the_statement_is_refused_by_both() {
    let world = World::mixed(&TINY);
    let honest = world.window(5);
    // Taken apart, so that a new field does not compile before it is changed below.
    let SpacetimeStatement {
        root,
        seed,
        count,
        sector_lo,
        sector_count,
        leaf_lo,
        log2_leaf_range,
        sector_number,
        skips,
    } = honest;
    let base = || honest.clone();
    let changed = [
        SpacetimeStatement {
            root: Commitment::from(root.to_fr() + fr(1)),
            ..base()
        },
        SpacetimeStatement {
            seed: seed + fr(1),
            ..base()
        },
        SpacetimeStatement { count: 0, ..base() },
        SpacetimeStatement {
            count: count - 1,
            ..base()
        },
        SpacetimeStatement {
            count: 17,
            ..base()
        },
        SpacetimeStatement {
            sector_lo: sector_lo + 1,
            ..base()
        },
        SpacetimeStatement {
            sector_count: 0,
            ..base()
        },
        SpacetimeStatement {
            sector_count: sector_count + 1,
            ..base()
        },
        SpacetimeStatement {
            leaf_lo: leaf_lo + 1,
            ..base()
        },
        SpacetimeStatement {
            leaf_lo: 64,
            ..base()
        },
        SpacetimeStatement {
            leaf_lo: 1 << 39,
            log2_leaf_range: 0,
            ..base()
        },
        SpacetimeStatement {
            log2_leaf_range: log2_leaf_range + 1,
            ..base()
        },
        SpacetimeStatement {
            log2_leaf_range: 255,
            ..base()
        },
        SpacetimeStatement {
            sector_number: sector_number + 1,
            ..base()
        },
        SpacetimeStatement {
            skips: skips + 1,
            ..base()
        },
    ];
    let witness = world.witness(&honest);
    for statement in changed {
        assert!(both(&TINY, &statement, &witness).is_err(), "{statement:?}");
    }
    assert_eq!(
        both(
            &TINY,
            &SpacetimeStatement {
                count: 5,
                sector_lo: 2,
                sector_count: 4,
                ..base()
            },
            &witness
        ),
        Err(StatementError::SectorRange {
            lo: 2,
            count: 4,
            total: 5
        }
        .into())
    );
}

#[test]
fn every_changed_field_of_the_witness_is_refused_by_both() {
    let world = World::mixed(&TINY);
    let statement = world.window(5);
    let honest = world.witness(&statement);
    for place in 0..2 {
        let mut samples = honest.samples.clone();
        let Sample::Opened(OpenedSample {
            leaf,
            comm_c,
            kind,
            number,
            provider,
        }) = samples.remove(place)
        else {
            panic!("nothing is skipped")
        };
        let base = OpenedSample {
            leaf,
            comm_c,
            kind,
            number,
            provider,
        };
        let other_kind = if kind == SectorKind::Hot {
            SectorKind::Sealed
        } else {
            SectorKind::Hot
        };
        let mut changed = vec![
            OpenedSample {
                comm_c: comm_c + fr(1),
                ..base.clone()
            },
            OpenedSample {
                kind: other_kind,
                ..base.clone()
            },
            OpenedSample {
                number: number + 1,
                ..base.clone()
            },
        ];
        let mut leaf = base.clone();
        leaf.leaf.leaf += fr(1);
        changed.push(leaf);
        for position in 0..16 {
            for level in 0..2 {
                let mut sample = base.clone();
                sample.leaf.groups[level][position] += fr(1);
                changed.push(sample);
            }
            let mut sample = base.clone();
            sample.provider[0][position] += fr(1);
            changed.push(sample);
        }
        // A node in place of a leaf: the path is one short, or stretched by a repeated group.
        let mut node = base.clone();
        let group = node.leaf.groups.remove(0);
        node.leaf.leaf = tree::node(kind.tree_kind(), 1, &group);
        changed.push(node.clone());
        node.leaf.groups.insert(0, group);
        changed.push(node);
        for sample in changed {
            let mut witness = honest.clone();
            witness.samples[place] = Sample::Opened(sample.clone());
            assert!(both(&TINY, &statement, &witness).is_err(), "{sample:?}");
        }
        let mut witness = honest.clone();
        witness.samples[place] = Sample::Skipped;
        assert_eq!(
            both(&TINY, &statement, &witness),
            Err(SpacetimeError::Skips {
                declared: 0,
                got: 1
            })
        );
    }
}
