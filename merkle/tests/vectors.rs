//! Known answers: of others (published tables, an independent implementation) and our own, pinned so that they never
//! change unnoticed. `testdata/merkle/README.md` says where each comes from.
#![expect(
    clippy::cast_possible_truncation,
    clippy::expect_used,
    clippy::panic,
    reason = "tests stop at what they did not expect"
)]

use cairn_merkle::piece;
use cairn_merkle::poseidon2::{self, Engine, grain_constants, hash_row};
use cairn_merkle::provider::ProviderTree;
use cairn_merkle::tree::{self, Tree};
use cairn_merkle::{Commitment, ContentId, Fr, SectorKind, Tag, TreeKind, domain, field, fr32};
use serde_json::Value;
use std::path::PathBuf;

fn vectors(name: &str) -> Value {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "..", "testdata", "merkle", name]
        .iter()
        .collect();
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn big_endian(element: Fr) -> String {
    hex::encode(Commitment::from(element).to_be_bytes())
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text")
}

fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

/// Bytes of the vectors: byte `i` is `(i * i + 7 * i + 3) mod 256`.
fn pattern(len: u64) -> Vec<u8> {
    (0..len)
        .map(|i| (i.wrapping_mul(i).wrapping_add(7 * i).wrapping_add(3) & 0xff) as u8)
        .collect()
}

#[test]
fn the_generator_makes_the_published_tables() {
    use zkhash::ark_ff::{BigInteger, PrimeField};
    use zkhash::poseidon2::poseidon2_instance_bls12::{RC4, RC8};
    for (width, partial_rounds, table) in [(4, 56, &*RC4), (8, 57, &*RC8)] {
        let ours: Vec<[u8; 32]> = grain_constants(width, 8, partial_rounds)
            .iter()
            .map(field::to_bytes)
            .collect();
        let (mut theirs, rounds) = (Vec::new(), table.len());
        for (round, row) in table.iter().enumerate() {
            // A partial round has one constant; the table fills its row with zeros.
            let used = if (4..rounds - 4).contains(&round) {
                1
            } else {
                width
            };
            theirs.extend(
                row[..used]
                    .iter()
                    .map(|x| <[u8; 32]>::try_from(x.into_bigint().to_bytes_le()).expect("32")),
            );
        }
        assert_eq!(ours, theirs, "width {width}");
    }
}

#[test]
fn poseidon2_gives_the_known_answers() {
    let known = vectors("poseidon2.json");
    let constants = poseidon2::round_constants();
    assert_eq!(
        big_endian(constants.full[0][0]),
        text(&known["first_round_constant"])
    );
    let mut state = [Fr::from(0u64); 16];
    poseidon2::permute(&mut state);
    assert_eq!(big_endian(state[0]), text(&known["permutation_of_zero_0"]));
    for case in list(&known["compress"]) {
        let input: Vec<Fr> = list(&case["input"])
            .iter()
            .map(|x| Fr::from(number(x)))
            .collect();
        let input: [Fr; 16] = input.try_into().expect("sixteen");
        assert_eq!(
            big_endian(poseidon2::compress(&input)),
            text(&case["output"]),
            "{}",
            case["input"]
        );
        // Two groups, so that the engine of this processor hashes them and not the portable code alone.
        let constant = Fr::from(7u64);
        for engine in [Engine::PORTABLE, Engine::best()] {
            for node in hash_row(engine, &[input, input].concat(), constant) {
                assert_eq!(
                    big_endian(node - constant),
                    text(&case["output"]),
                    "{}",
                    engine.name()
                );
            }
        }
    }
}

#[test]
fn constants_of_domains_are_pinned() {
    let known = vectors("domain.json");
    for kind in TreeKind::ALL {
        for (level, constant) in list(&known["levels"][kind.name()]).iter().enumerate() {
            let ours = domain::level_constant(kind, level as u32 + 1);
            assert_eq!(
                big_endian(ours),
                text(constant),
                "{} level {}",
                kind.name(),
                level + 1
            );
        }
    }
    for tag in Tag::ALL {
        assert_eq!(
            big_endian(domain::tag_constant(tag)),
            text(&known["tags"][tag.name()]),
            "tag {}",
            tag.name()
        );
    }
    let comm = Fr::from(number(&known["hashes"]["comm"]));
    let sealed = domain::provider_leaf(comm, 7, SectorKind::Sealed);
    assert_eq!(
        big_endian(domain::comm_r_hot(comm)),
        text(&known["hashes"]["comm_r_hot"])
    );
    assert_eq!(
        big_endian(domain::provider_leaf(comm, 7, SectorKind::Hot)),
        text(&known["hashes"]["leaf_7_hot"])
    );
    assert_eq!(big_endian(sealed), text(&known["hashes"]["leaf_7_sealed"]));
    assert_eq!(
        big_endian(domain::comm_p(5, 600, comm)),
        text(&known["hashes"]["comm_p_5_600"])
    );
    assert_eq!(
        big_endian(domain::comm_r_sealed(Fr::from(11u64), comm)),
        text(&known["hashes"]["comm_r_sealed_11"])
    );
    let provider = hex::decode(text(&known["hashes"]["provider"])).expect("hex");
    let provider: [u8; 20] = provider.try_into().expect("20 bytes");
    let id = domain::replica_id(Fr::from(21u64), &provider, 7, comm, Fr::from(99u64));
    assert_eq!(big_endian(id), text(&known["hashes"]["replica_id_21_7_99"]));
}

#[test]
fn trees_are_pinned() {
    let known = vectors("tree.json");
    for case in list(&known["counting_roots"]) {
        let leaves: Vec<Fr> = (1..=number(&case["leaves"])).map(Fr::from).collect();
        let kind = TreeKind::ALL
            .into_iter()
            .find(|kind| kind.name() == text(&case["kind"]))
            .expect("a kind");
        let root = tree::root(kind, &leaves).expect("a power of two");
        assert_eq!(big_endian(root), text(&case["root"]), "{case}");
    }
    let leaves: Vec<Fr> = (1..=5u64).map(Fr::from).collect();
    let provider = ProviderTree::from_leaves(3, &leaves).expect("five of 4096");
    assert_eq!(
        big_endian(provider.root()),
        text(&known["provider_of_five"])
    );
    let empty = ProviderTree::new(3).expect("three levels");
    assert_eq!(big_endian(empty.root()), text(&known["provider_empty"]));
    let leaves: Vec<Fr> = (1..=32u64).map(Fr::from).collect();
    let opening = Tree::build(TreeKind::Data, &leaves)
        .expect("a power of two")
        .open(17)
        .expect("inside");
    assert_eq!(
        hex::encode(opening.to_bytes()),
        text(&known["opening_of_leaf_17_of_32"])
    );
}

#[test]
fn pieces_are_pinned() {
    for case in list(&vectors("piece.json")["pieces"]) {
        let bytes = pattern(number(&case["byte_len"]));
        let ours = piece::commit(&bytes).expect("short");
        assert_eq!(u64::from(ours.b), number(&case["b"]), "{case}");
        assert_eq!(big_endian(ours.root), text(&case["root"]), "{case}");
        assert_eq!(ours.comm_p.to_string(), text(&case["comm_p_le"]), "{case}");
        assert_eq!(
            ContentId::of(&bytes).to_string(),
            text(&case["content_id"]),
            "{case}"
        );
    }
}

#[test]
fn fr32_is_pinned_and_its_bad_cases_are_refused() {
    let known = vectors("fr32.json");
    for case in list(&known["encoded"]) {
        let bytes = hex::decode(text(&case["bytes"])).expect("hex");
        assert_eq!(
            hex::encode(fr32::encode_stored(&bytes)),
            text(&case["stored"]),
            "{case}"
        );
    }
    for case in list(&known["refused"]) {
        let stored = hex::decode(text(&case["stored"])).expect("hex");
        let refused =
            fr32::decode_stored(&stored, number(&case["byte_len"])).expect_err("a bad case");
        assert!(
            refused.to_string().contains(text(&case["because"])),
            "{case}: {refused}"
        );
    }
}
