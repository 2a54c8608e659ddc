//! Every rule of the circuit against the one attack that it alone refuses.

use super::*;

/// An attack on one rule. `is_true` where only the working is forged, not the claim: native then has nothing to refuse.
struct Attempt {
    attack: Attack<ReplicaCircuit>,
    claim: Claim,
    is_true: bool,
}

fn attempt(story: &'static str, scope: &'static str, what: &'static str, claim: Claim) -> Attempt {
    Attempt {
        attack: Attack::new(story, scope, what, claim.circuit()),
        claim,
        is_true: false,
    }
}

/// Digits that are no bits, of a claim that is true.
fn digits(scope: &'static str, occurrence: usize, at: usize) -> Attempt {
    let attempt = attempt("digits", scope, "boolean", Cheat::at(NODE).claim());
    let attempt = attempt.forge(scope, "bits", occurrence, carry(at));
    Attempt {
        is_true: true,
        ..attempt
    }
}

impl Attempt {
    fn forge(
        mut self,
        scope: &'static str,
        what: &'static str,
        occurrence: usize,
        forgery: impl Fn(&[Fr]) -> Vec<Fr> + 'static,
    ) -> Self {
        self.attack = self.attack.forge(scope, what, occurrence, forgery);
        self
    }
}

fn bytes_of(bits: &[Fr]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (i, bit) in bits.iter().enumerate() {
        bytes[i / 8] |= u8::from(*bit == Fr::ONE) << (i % 8);
    }
    bytes
}

fn attacks_on_the_numbers() -> Vec<Attempt> {
    let fields = [
        (0, "number"),
        (64, "partition"),
        (65, "second"),
        (80, "beyond"),
        (253, "top"),
    ];
    let mut attempts: Vec<_> = fields
        .into_iter()
        .map(|(shift, story)| {
            attempt(story, "public", "packed word", Cheat::at(NODE).claim()).forge(
                "public",
                "word",
                0,
                add(power(shift)),
            )
        })
        .map(|attempt| Attempt {
            is_true: true,
            ..attempt
        })
        .collect();
    attempts.push(digits("sector number", 0, 2));
    let mut third = Cheat::at(NODE);
    (third.partition, third.seed) = (2, seed_for(NODE, 2));
    attempts.push(
        attempt(
            "a third partition of two",
            "partition",
            "boolean",
            third.claim(),
        )
        .forge("partition", "bits", 0, set(vec![fr(2)])),
    );
    attempts
}

fn attacks_on_the_challenge() -> Vec<Attempt> {
    let mut other = Cheat::at(NODE ^ 8);
    other.seed = seed_for(NODE, 1);
    let (seed, bits) = (0..)
        .find_map(|seed| {
            let hash = domain::tagged_hash(Tag::Idx, &[fr(seed), fr(1)]);
            Some((fr(seed), second_representation(hash)?))
        })
        .unwrap();
    let mut second = Cheat::at(u32::from(bytes_of(&bits)[0]) & 63);
    second.seed = seed;
    let second = second.claim();
    vec![
        digits("challenge", 0, 8),
        attempt("a node of choice", "challenge", "sum", other.claim()).forge(
            "challenge",
            "bits",
            0,
            flip(3),
        ),
        attempt(
            "the second representation",
            "challenge",
            "canonical",
            second.clone(),
        )
        .forge("challenge", "bits", 0, set(bits.clone())),
        attempt(
            "the second representation, hidden",
            "challenge",
            "prefix",
            second,
        )
        .forge("challenge", "bits", 0, set(bits))
        .forge("challenge", "prefix", 0, set(vec![fr(0)])),
    ]
}

fn attacks_on_the_replica_id() -> Vec<Attempt> {
    let mut other = Cheat::at(NODE);
    other.id[0] ^= 8;
    other.relabel(|_, _, label| label);
    let comm_d = root(TreeKind::Data, &honest_data());
    let (purpose, bits) = (0..)
        .find_map(|ticket| {
            let ticket = fr(ticket);
            let purpose = ReplicaPurpose { ticket, ..PURPOSE };
            Some((purpose, second_representation(id_of(&purpose, comm_d))?))
        })
        .unwrap();
    let mut second = Cheat::of(purpose, NODE);
    second.id = bytes_of(&bits);
    second.relabel(|_, _, label| label);
    let second = second.claim();
    vec![
        digits("replica id", 0, 220),
        attempt(
            "labels under another id",
            "replica id",
            "sum",
            other.claim(),
        )
        .forge("replica id", "bits", 0, flip(3)),
        attempt(
            "the second representation",
            "replica id",
            "canonical",
            second.clone(),
        )
        .forge("replica id", "bits", 0, set(bits.clone())),
        attempt(
            "the second representation, hidden",
            "replica id",
            "prefix",
            second,
        )
        .forge("replica id", "bits", 0, set(bits))
        .forge("replica id", "prefix", 0, set(vec![fr(0)])),
    ]
}

/// One draw of a node: place word, bucket, distance before it is found too far.
#[derive(Clone, Copy)]
struct Draw {
    node: u32,
    j: usize,
    place: u32,
    e: u32,
}

impl Draw {
    fn all() -> impl Iterator<Item = Self> {
        let hash = |node: u32| {
            let mut hasher = blake3::Hasher::new_keyed(Graph::for_set(&SET).seed());
            let mut bytes = [0; 64];
            hasher.update(&u64::from(node).to_le_bytes());
            hasher.finalize_xof().fill(&mut bytes);
            let (words, _) = bytes.as_chunks::<4>();
            <[u32; 16]>::try_from(
                words
                    .iter()
                    .map(|w| u32::from_le_bytes(*w))
                    .collect::<Vec<_>>(),
            )
        };
        (32..63).flat_map(move |node| {
            let words = hash(node).unwrap();
            (0..5).map(move |j| Self {
                node,
                j,
                place: words[j],
                e: ((u64::from(words[5 + j]) * 6) >> 32) as u32,
            })
        })
    }

    fn drawn(self) -> u32 {
        (1 << self.e) + 1 + self.place % (1 << self.e)
    }

    fn too_far(self) -> bool {
        self.drawn() > self.node
    }

    fn parent(self) -> u32 {
        let back = if self.too_far() { 1 << self.e } else { 0 };
        self.node - (self.drawn() - back)
    }

    /// The claim with another parent in place of the drawn one.
    fn replaced_by(self, parent: u32) -> Claim {
        let (node, j) = (self.node, self.j);
        assert_ne!(parent, self.parent());
        assert_eq!(
            DrgDraw::new(Graph::for_set(&SET).seed()).parents(node)[1 + j],
            self.parent()
        );
        Cheat::with_parents(node, |parents| parents[1 + j] = parent).claim()
    }
}

/// A parent's place in digits that are no bits: what they select is a mix of the labels of its group.
fn mixed_parent(parent: usize, scope: &'static str, occurrence: usize) -> Attempt {
    let honest_bits = |node: u32| (0..3).map(move |i| fr(u64::from(node >> i & 1)));
    for node in 32..63 {
        let mut cheat = Cheat::at(node);
        let real = cheat.challenged.parents[parent];
        let digits = carry(0)(&honest_bits(real).collect::<Vec<_>>());
        let mix = |layer: u8| {
            let mut row: Vec<Fr> = (0..8).map(|k| cheat.label(real & !7 | k, layer)).collect();
            for digit in &digits {
                row = row
                    .chunks(2)
                    .map(|two| two[0] + *digit * (two[1] - two[0]))
                    .collect();
            }
            row[0]
        };
        let labels = vec![mix(1), mix(2)];
        if labels
            .iter()
            .any(|label| field::to_bytes(label)[31] & 0xc0 != 0)
        {
            continue;
        }
        cheat.show(parent, labels, None);
        return attempt("a mix of labels", scope, "boolean", cheat.claim()).forge(
            scope,
            "bits",
            occurrence,
            carry(0),
        );
    }
    unreachable!("a mix has 254 bits in half of all cases")
}

fn attacks_on_the_graph() -> Vec<Attempt> {
    let find = |wanted: &dyn Fn(Draw) -> bool| Draw::all().find(|draw| wanted(*draw)).unwrap();
    let near = find(&|draw| !draw.too_far() && draw.e > 1 && draw.parent() > 1);
    let far = find(&|draw| draw.too_far() && draw.parent() > 1);
    let Draw { j, .. } = near;
    let other_e = near.e ^ 1;
    let other_bucket = Draw { e: other_e, ..near }.parent();
    let back = near.parent() + (1 << near.e);
    let nothing_before = {
        let mut cheat = Cheat::at(NODE);
        cheat.challenged.parents[..DRG_PARENTS].fill(NODE);
        cheat.relabel(|parent, _, label| if parent < DRG_PARENTS { fr(0) } else { label });
        cheat.claim()
    };
    // Not 44 with its lowest bit changed: that is the node itself.
    let another_predecessor = Cheat::with_parents(NODE, |parents| parents[0] ^= 2).claim();
    let neighbour =
        |parent: usize| Cheat::with_parents(NODE, |parents| parents[parent] ^= 1).claim();
    vec![
        attempt(
            "no parents in the layer",
            "length of the node",
            "seen",
            nothing_before,
        )
        .forge("length of the node", "seen", 4, set(vec![fr(0)])),
        attempt(
            "another predecessor",
            "predecessor",
            "sum",
            another_predecessor,
        )
        .forge("predecessor", "bits", 0, flip(1)),
        mixed_parent(0, "predecessor", 0),
        attempt(
            "a bucket of choice",
            "bucket",
            "product",
            near.replaced_by(other_bucket),
        )
        .forge(
            "bucket",
            "product",
            j,
            set(vec![power(32) * fr(u64::from(other_e))]),
        ),
        digits("bucket", j, 0),
        attempt(
            "bits of another bucket",
            "bucket",
            "sum",
            near.replaced_by(other_bucket),
        )
        .forge("bucket", "bits", j, flip(32)),
        attempt(
            "another size of the bucket",
            "distance",
            "size",
            far.replaced_by(far.parent() - 1),
        )
        .forge("distance", "size", 2 * far.j + 1, add(-Fr::ONE)),
        attempt(
            "another place in the bucket",
            "distance",
            "select",
            near.replaced_by(near.parent() - 1),
        )
        .forge("distance", "select", 7 * j + 6, add(Fr::ONE)),
        digits("too far", j, 0),
        attempt(
            "too far where it is not",
            "too far",
            "sum",
            near.replaced_by(back),
        )
        .forge("too far", "bits", j, flip(6)),
        attempt(
            "back by some",
            "too far",
            "back",
            near.replaced_by(near.parent() + 1),
        )
        .forge("too far", "back", j, add(Fr::ONE)),
        attempt(
            "a distance of choice",
            "drawn parent",
            "none before node 0",
            near.replaced_by(near.parent() - 1),
        )
        .forge("drawn parent", "none before node 0", j, add(Fr::ONE)),
        attempt("another drawn parent", "drawn parent", "sum", neighbour(3)).forge(
            "drawn parent",
            "bits",
            2,
            flip(0),
        ),
        mixed_parent(4, "drawn parent", 3),
        attempt("another expander parent", "expander", "sum", neighbour(6)).forge(
            "expander",
            "bits",
            2,
            flip(0),
        ),
        attempt(
            "another last expander parent",
            "expander",
            "sum",
            neighbour(13),
        )
        .forge("expander", "bits", 23, flip(0)),
        digits("expander", 0, 8),
        attempt(
            "another fold of an expander parent",
            "expander",
            "xor",
            neighbour(7),
        )
        .forge("expander", "xor", 9 + 6, flip(0)),
    ]
}

/// The place of the last product of the half of a group that this position lies in.
const fn half(base: usize, position: u32, half_of: u32, products: usize) -> usize {
    if position & half_of == 0 {
        base + products - 1
    } else {
        base + 2 * products - 1
    }
}

fn attacks_on_the_columns() -> Vec<Attempt> {
    let parent = 2;
    let column = 1 + parent;
    let honest = Cheat::at(NODE);
    let real = honest.challenged.parents[parent];
    let neighbour = honest.column(real ^ 1);
    let difference: Vec<Fr> = (1..=2)
        .map(|layer| honest.label(real ^ 1, layer) - honest.label(real, layer))
        .collect();
    let mut other = Cheat::at(NODE);
    other.show(parent, neighbour, None);
    let other = other.claim();
    let base = 18 * column;
    let absent = {
        let mut claim = Cheat::at(NODE).claim();
        for column in &mut claim.proof.columns {
            column.groups[1][9] = fr(7);
        }
        claim.proof.comm_c = tree::node(TreeKind::Column, 2, &claim.proof.columns[0].groups[1]);
        claim.commit();
        claim
    };
    let foreign = {
        let purpose = ReplicaPurpose {
            sector_number: 42,
            ..PURPOSE
        };
        let shown = Cheat::of(purpose, NODE).claim().proof.columns[column].clone();
        let mut cheat = Cheat::at(NODE);
        cheat.show(parent, shown.labels, Some(shown.groups));
        cheat.claim()
    };
    vec![
        attempt("labels of another node", "column", "child", other.clone()),
        attempt(
            "labels of another node, selected",
            "column",
            "select",
            other,
        )
        .forge(
            "column",
            "select",
            half(base, real, 4, 3),
            add(difference[0]),
        )
        .forge(
            "column",
            "select",
            half(base + 6, real, 4, 3),
            add(difference[1]),
        ),
        attempt("a tenth child of eight", "column", "absent child", absent),
        attempt(
            "a parent's labels from another sector",
            "column",
            "comm_c",
            foreign,
        ),
    ]
}

/// The same number with one bit changed.
fn with_flipped(label: Fr, bit: u64) -> Fr {
    let is_set = label.into_bigint().get_bit(bit as usize);
    if is_set {
        label - power(bit)
    } else {
        label + power(bit)
    }
}

fn attacks_on_the_labels() -> Vec<Attempt> {
    let altered = |parent: usize, layer: u8, alter: &dyn Fn(Fr) -> Fr| {
        let mut cheat = Cheat::at(NODE);
        cheat.relabel(|place, at, label| {
            if (place, at) == (parent, layer) {
                alter(label)
            } else {
                label
            }
        });
        cheat.claim()
    };
    let wrong = |layer: u8| {
        let mut cheat = Cheat::at(NODE);
        cheat.set_label(layer, fr(5));
        if layer == 1 {
            // Nothing above is made from it: no expander parent of the node is the node itself.
            assert!(!cheat.challenged.parents.contains(&NODE));
        }
        cheat.claim()
    };
    vec![
        attempt(
            "a parent's label of choice",
            "same layer",
            "none before node 0",
            altered(1, 1, &|l| l + fr(1)),
        )
        .forge("same layer", "none before node 0", 1, add(Fr::ONE)),
        digits("same layer", 0, 0),
        attempt(
            "bits of another label",
            "same layer",
            "sum",
            altered(0, 1, &|l| with_flipped(l, 5)),
        )
        .forge("same layer", "bits", 0, flip(5)),
        digits("layer below", 0, 0),
        attempt(
            "bits of another label below",
            "layer below",
            "sum",
            altered(6, 2, &|l| with_flipped(l, 5)),
        )
        .forge("layer below", "bits", 0, flip(5)),
        attempt("a wrong label in layer 1", "label", "label", wrong(1)),
        attempt("a wrong label in layer 2", "label", "label", wrong(2)),
    ]
}

fn attacks_on_the_encoding() -> Vec<Attempt> {
    let honest = Cheat::at(NODE);
    let (node, place) = (NODE as usize, NODE & 15);
    let label = honest.label(NODE, 2);
    // The data of the node beside it, encoded in the node's place.
    let mut moved = Cheat::at(NODE);
    moved.replica[node] = honest.data[node ^ 1] + label;
    let mut moved = moved.claim();
    moved.proof.data.leaf = honest.data[node ^ 1];
    let data_difference = honest.data[node ^ 1] - honest.data[node];
    // A replica of nothing.
    let mut empty = Cheat::at(NODE);
    empty.replica[node] = fr(0);
    let mut empty = empty.claim();
    empty.proof.replica.leaf = honest.replica[node];
    let mut other_root = Cheat::at(NODE).claim();
    other_root.proof.r_root += fr(1);
    other_root.commit();
    let mut plain = Cheat::at(NODE);
    plain.replica = plain.data.clone();
    let mut other_r = Cheat::at(NODE).claim();
    other_r.statement.comm_r = Commitment::from(fr(1));
    let mut absent_data = Cheat::at(NODE);
    let mut group = absent_data.claim().proof.data.groups[1];
    group[8] = fr(7);
    let comm_d = tree::node(TreeKind::Data, 2, &group);
    absent_data.id = field::to_bytes(&id_of(&PURPOSE, comm_d));
    absent_data.relabel(|_, _, label| label);
    let mut absent_data = absent_data.claim();
    absent_data.proof.data.groups[1] = group;
    absent_data.statement.comm_d = Commitment::from(comm_d);
    let mut absent_replica = Cheat::at(NODE).claim();
    absent_replica.proof.replica.groups[1][8] = fr(7);
    absent_replica.proof.r_root = tree::node(
        TreeKind::Replica,
        2,
        &absent_replica.proof.replica.groups[1],
    );
    absent_replica.commit();
    vec![
        attempt(
            "a ninth child of four",
            "data path",
            "absent child",
            absent_data,
        ),
        attempt("other data", "data path", "child", moved.clone()),
        attempt("other data, selected", "data path", "select", moved).forge(
            "data path",
            "select",
            half(0, place, 8, 7),
            add(data_difference),
        ),
        attempt(
            "data of another sector",
            "data path",
            "comm_d",
            replaced_data(),
        ),
        attempt(
            "a ninth child of four",
            "replica path",
            "absent child",
            absent_replica,
        ),
        attempt("nothing stored", "replica path", "child", empty.clone()),
        attempt("nothing stored, selected", "replica path", "select", empty).forge(
            "replica path",
            "select",
            half(0, place, 8, 7),
            add(honest.replica[node]),
        ),
        attempt(
            "another replica's root",
            "replica path",
            "r_root",
            other_root,
        ),
        attempt(
            "data without its label",
            "replica path",
            "encoding",
            plain.claim(),
        ),
        attempt("another sector's comm_r", "sector", "comm_r", other_r),
    ]
}

/// Data put in the place of what was sealed, under the old commitment.
#[test]
fn each_rule_of_replica_refuses_its_attack() {
    let mut attempts = attacks_on_the_numbers();
    attempts.extend(attacks_on_the_challenge());
    attempts.extend(attacks_on_the_replica_id());
    attempts.extend(attacks_on_the_graph());
    attempts.extend(attacks_on_the_columns());
    attempts.extend(attacks_on_the_labels());
    attempts.extend(attacks_on_the_encoding());
    for Attempt {
        attack,
        claim,
        is_true,
    } in &attempts
    {
        assert_eq!(
            claim.native().is_ok(),
            *is_true,
            "{}: {:?}",
            attack.story,
            claim.native()
        );
    }
    let attacks = attempts.into_iter().map(|attempt| attempt.attack).collect();
    each_rule_refuses_its_attack(&Cheat::at(NODE).claim().circuit(), attacks);
}

#[test]
fn the_witness_does_not_shape_the_replica_circuit() {
    let filled = Cheat::at(0).claim().circuit();
    same_layout(filled, ReplicaCircuit::blank(&SET));
}

#[test]
fn no_variable_of_replica_can_be_changed_alone() {
    let circuit = Cheat::at(NODE).claim().circuit();
    let free = LAYOUT.free_variables(&circuit).unwrap();
    assert_eq!(free, Vec::<usize>::new());
}

#[test]
fn a_sample_of_the_variables_of_replica_is_bound_whatever_follows_from_them() {
    one_in_so_many_variables_is_bound(&Cheat::at(NODE).claim().circuit(), &LAYOUT, 113);
}
