//! Tests of the gadget against the function it stands for, and of each of its rules.

use super::*;
use crate::gadget::audit::{Audit, Layout};
use crate::gadget::bits::split;
use crate::gadget::builder::{Name, Synthesize};
use ark_bls12_381::Fr;
use ark_ff::Field;
use ark_relations::gr1cs::{ConstraintSystem, R1CS_PREDICATE_LABEL, SynthesisMode};
use proptest::prelude::*;
use std::collections::BTreeSet;
use word::{Bit, pack};

/// The hash of free bytes under a free key is a public input for each word.
struct Hash {
    key: [u32; KEY_WORDS],
    message: Vec<u8>,
    mode: u32,
    output: Output,
    result: Vec<u32>,
}

impl Hash {
    fn keyed(key: &[u8; 32], message: &[u8]) -> Self {
        let result = ::blake3::keyed_hash(key, message);
        Self {
            key: words(key).try_into().unwrap(),
            message: message.to_vec(),
            mode: KEYED_HASH,
            output: Output::Chaining,
            result: words(result.as_bytes()),
        }
    }

    fn xof(key: &[u8; 32], message: &[u8]) -> Self {
        let mut bytes = [0; 64];
        let mut hasher = ::blake3::Hasher::new_keyed(key);
        hasher.update(message).finalize_xof().fill(&mut bytes);
        Self {
            output: Output::Extended,
            result: words(&bytes),
            ..Self::keyed(key, message)
        }
    }
}

impl Synthesize for Hash {
    fn synthesize(&self, builder: &mut Builder) -> Result<(), SynthesisError> {
        builder.at("test");
        let key = self.key.map(|word| free_word(builder, u64::from(word), 32));
        let message: Vec<Word> = self
            .message
            .chunks(4)
            .map(|bytes| free_word(builder, little_endian(bytes), 8 * bytes.len()))
            .collect();
        let bytes = self.message.len();
        let out = chunk(builder, &key, &message, bytes, self.mode, self.output)?;
        builder.at("result");
        for (computed, expected) in out.iter().zip(&self.result) {
            let expected = builder.public("word", Fr::from(*expected))?;
            let computed = pack(builder, computed.bits());
            builder.equal("word", &computed, &expected)?;
        }
        Ok(())
    }
}

fn free_word(builder: &mut Builder, value: u64, bits: usize) -> Word {
    let value = builder.hint("word", Fr::from(value)).unwrap();
    let bits: Vec<Bit> = split(builder, &value, bits)
        .unwrap()
        .iter()
        .map(Bit::of)
        .collect();
    Word::from_bits(&bits)
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn words(bytes: &[u8]) -> Vec<u32> {
    bytes
        .chunks(4)
        .map(|bytes| u32::try_from(little_endian(bytes)).unwrap())
        .collect()
}

fn accepts(hash: &Hash) -> bool {
    Audit::new().run(hash).unwrap().is_satisfied()
}

fn rule(what: &'static str) -> Name {
    let scope = "blake3";
    Name { scope, what }
}

#[test]
fn the_published_vectors_of_one_chunk_are_computed() {
    let text = include_str!("../../../../testdata/prover/blake3/test_vectors.json");
    let vectors: serde_json::Value = serde_json::from_str(text).unwrap();
    let key: [u8; 32] = vectors["key"]
        .as_str()
        .unwrap()
        .as_bytes()
        .try_into()
        .unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    for case in cases {
        let length = usize::try_from(case["input_len"].as_u64().unwrap()).unwrap();
        let message: Vec<u8> = (0..=250).cycle().take(length).collect();
        let bytes = |what: &str| hex::decode(case[what].as_str().unwrap()).unwrap();
        for (what, key, mode) in [
            ("hash", IV, 0),
            ("keyed_hash", words(&key).try_into().unwrap(), KEYED_HASH),
        ] {
            for (output, result) in [
                (Output::Chaining, words(&bytes(what)[..32])),
                (Output::Extended, words(&bytes(what)[..64])),
            ] {
                let message = message.clone();
                let hash = Hash {
                    key,
                    message,
                    mode,
                    output,
                    result,
                };
                assert!(accepts(&hash), "{what} of {length} bytes");
            }
        }
    }
    assert_eq!(cases.len(), 4);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn the_gadget_agrees_with_the_crate(
        key in any::<[u8; 32]>(),
        message in prop::collection::vec(any::<u8>(), 0..=1024),
        cut in 0_usize..=64,
    ) {
        prop_assert!(accepts(&Hash::keyed(&key, &message)));
        let short = &message[..cut.min(message.len())];
        prop_assert!(accepts(&Hash::xof(&key, short)));
    }
}

#[test]
fn words_at_their_limits_are_added_right() {
    for fill in [0x00, 0xff, 0x80, 0x7f] {
        assert!(
            accepts(&Hash::keyed(&[fill; 32], &[fill; 128])),
            "{fill:#x}"
        );
        assert!(
            accepts(&Hash::keyed(&[fill; 32], &[!fill; 64])),
            "{fill:#x}"
        );
    }
}

#[test]
fn another_result_is_refused() {
    let mut hash = Hash::keyed(&[1; 32], &[2; 64]);
    hash.result[5] ^= 1 << 17;
    let findings = Audit::new().run(&hash).unwrap();
    let scope = "result";
    let expected = BTreeSet::from([Name {
        scope,
        what: "word",
    }]);
    assert_eq!(findings.broken, expected);
}

#[test]
fn a_message_of_another_length_than_said_or_beyond_a_chunk_is_refused() {
    let mut builder = Builder::new(ConstraintSystem::new_ref());
    let key = [Word::constant(0); KEY_WORDS];
    let message = [Word::constant(0); 257];
    assert!(keyed_hash(&mut builder, &key, &message[..2], 4).is_err());
    assert!(keyed_hash(&mut builder, &key, &message, 1025).is_err());
    assert!(keyed_hash(&mut builder, &key, &message[..256], 1024).is_ok());
}

#[test]
fn a_compression_costs_less_than_fifteen_thousand_constraints() {
    // Beside the hash: a bit for each bit of key and message, a row to pack each word, and the comparison.
    let around = |message: usize, result: usize| {
        let words = KEY_WORDS + message;
        33 * words + result
    };
    let count = |hash: &Hash| {
        let cs = ConstraintSystem::new_ref();
        cs.set_mode(SynthesisMode::Setup);
        let mut builder = Builder::new(cs.clone());
        hash.synthesize(&mut builder).unwrap();
        assert_eq!(cs.num_constraints(), builder.constraints());
        builder.constraints()
    };
    let one = count(&Hash::keyed(&[1; 32], &[2; 64]));
    assert_eq!(one - around(16, 8), CONSTRAINTS);
    assert_eq!(CONSTRAINTS, 14_912);
    let seven = count(&Hash::keyed(&[1; 32], &[2; 448]));
    assert_eq!(seven - around(112, 8), 7 * CONSTRAINTS);
    let extended = count(&Hash::xof(&[1; 32], &[2; 64]));
    assert_eq!(extended - around(16, 16), CONSTRAINTS + 256);
}

#[test]
fn what_the_circuit_knows_costs_nothing() {
    let cs = ConstraintSystem::new_ref();
    cs.set_mode(SynthesisMode::Setup);
    let mut builder = Builder::new(cs);
    let key = IV.map(Word::constant);
    let out = keyed_hash(&mut builder, &key, &[Word::constant(7)], 4).unwrap();
    assert_eq!(builder.constraints(), 0);
    let expected = {
        let key: Vec<u8> = IV.iter().flat_map(|word| word.to_le_bytes()).collect();
        ::blake3::keyed_hash(&key.try_into().unwrap(), &7_u32.to_le_bytes())
    };
    let got: Vec<Fr> = out
        .iter()
        .map(|word| pack(&builder, word.bits()).value())
        .collect();
    assert_eq!(
        got,
        words(expected.as_bytes())
            .into_iter()
            .map(Fr::from)
            .collect::<Vec<_>>()
    );
}

#[test]
fn the_matrices_stay_thin() {
    let cs = ConstraintSystem::new_ref();
    cs.set_mode(SynthesisMode::Setup);
    let mut builder = Builder::new(cs.clone());
    Hash::keyed(&[1; 32], &[2; 64])
        .synthesize(&mut builder)
        .unwrap();
    cs.finalize();
    let matrices = cs
        .to_matrices()
        .unwrap()
        .remove(R1CS_PREDICATE_LABEL)
        .unwrap();
    let non_zeros: Vec<usize> = matrices
        .iter()
        .map(|m| m.iter().map(Vec::len).sum())
        .collect();
    assert!(non_zeros.iter().sum::<usize>() < 100_000, "{non_zeros:?}");
}

/// Every rule of the gadget, with the hints it ties down.
const RULES: [(&str, &str); 4] = [
    ("boolean", "sum bits"),
    ("sum", "sum bits"),
    ("carry", "sum bits"),
    ("xor", "xor"),
];

/// The rules inside the gadget that a forgery breaks; the forger claims whatever result the circuit then computes.
fn broken(audit: Audit, layout: &Layout, hash: &Hash) -> BTreeSet<Name> {
    let mut findings = audit.run_on(layout, hash).unwrap();
    findings.broken.retain(|name| name.scope != "result");
    findings.broken
}

#[test]
fn every_rule_refuses_its_attack_and_nothing_else_does() {
    let hash = Hash::keyed(&[1; 32], &[2; 64]);
    let layout = Layout::of(&hash).unwrap();
    let honest = Audit::new().run_on(&layout, &hash).unwrap();
    let drawn: BTreeSet<&str> = honest
        .rules
        .keys()
        .filter(|name| name.scope == "blake3")
        .map(|name| name.what)
        .collect();
    assert_eq!(drawn, RULES.map(|(rule, _)| rule).into());
    // Sums of three have 34 bits and come first in every G; sums of two have 32.
    let widths = &honest.hints[&rule("sum bits")];
    assert_eq!(widths.len(), 224);
    assert_eq!(widths[..4], [34, 32, 34, 32]);
    type Forgery = fn(&[Fr]) -> Vec<Fr>;
    let flip: Forgery = |honest| {
        let mut forged = honest.to_vec();
        forged[3] = Fr::ONE - forged[3];
        forged
    };
    let digits: Forgery = |honest| {
        let mut forged = honest.to_vec();
        forged[5] += Fr::from(2u64);
        forged[6] -= Fr::ONE;
        forged
    };
    let wrong_carry: Forgery = |honest| {
        let mut forged = honest.to_vec();
        forged[32] = Fr::ONE - forged[32];
        forged
    };
    let wrong_xor: Forgery = |honest| vec![Fr::ONE - honest[0]];
    let xors = honest.hints[&rule("xor")].len();
    for occurrence in [0, 1, 2, 3, 100, 101, 222, 223] {
        let attacks: &[(&str, Forgery)] = if occurrence % 2 == 0 {
            &[("sum", flip), ("sum", wrong_carry)]
        } else {
            &[("carry", flip)]
        };
        for (aimed, forgery) in attacks {
            let audit = Audit::new().forge("blake3", "sum bits", occurrence, *forgery);
            let alone = BTreeSet::from([rule(aimed)]);
            assert_eq!(broken(audit, &layout, &hash), alone, "sum {occurrence}");
        }
    }
    // Digits that are no bits may be noticed by the sums that read them as well: here only after the last sum of a G of
    // the last diagonals, which no sum reads, is the rule alone.
    for occurrence in 208..224 {
        let audit = Audit::new().forge("blake3", "sum bits", occurrence, digits);
        let mut found = broken(audit, &layout, &hash);
        assert!(found.remove(&rule("boolean")), "sum {occurrence}");
        if occurrence % 4 != 3 {
            found.retain(|name| !["sum", "carry"].contains(&name.what));
        }
        assert_eq!(found, BTreeSet::new(), "sum {occurrence}");
    }
    for occurrence in [0, 1, 31, 32, 5000, xors - 257, xors - 256, xors - 1] {
        let audit = Audit::new().forge("blake3", "xor", occurrence, wrong_xor);
        let alone = BTreeSet::from([rule("xor")]);
        assert_eq!(broken(audit, &layout, &hash), alone, "xor {occurrence}");
    }
}

#[test]
fn no_variable_of_a_compression_can_be_changed_unnoticed() {
    let hash = Hash::keyed(&[1; 32], &[2; 64]);
    let layout = Layout::of(&hash).unwrap();
    let honest = Audit::new().run_on(&layout, &hash).unwrap();
    let mut places = Vec::new();
    for (name, asked) in honest
        .hints
        .iter()
        .filter(|(name, _)| name.scope == "blake3")
    {
        for (occurrence, width) in asked.iter().enumerate() {
            places.extend((0..*width).map(|element| (name.what, occurrence, element)));
        }
    }
    assert_eq!(places.len(), 112 * (34 + 32) + 32 * 220 + 256);
    // One in seventeen: every bit of a word, every G and every round is among them.
    for (what, occurrence, element) in places.into_iter().step_by(17) {
        let audit = Audit::new().forge("blake3", what, occurrence, move |honest| {
            let mut forged = honest.to_vec();
            forged[element] = Fr::ONE - forged[element];
            forged
        });
        let findings = audit.run_on(&layout, &hash).unwrap();
        let refused = findings.broken.iter().any(|name| name.scope == "blake3");
        assert!(refused, "{what} {occurrence}[{element}]");
    }
}
