//! Every rule of the circuit against the one attack that it alone refuses.

use super::*;

/// A seed whose index hash has a second representation of 255 bits, and that representation.
fn second_hash(world: &World) -> (SpacetimeStatement, Vec<Fr>) {
    for seed in 0.. {
        let hash = domain::tagged_hash(Tag::Idx, &[fr(seed), fr(0)]);
        if let Some(bits) = second_representation(hash) {
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
    let (seed, second) = second_hash(&world);
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
