//! Tests of the gadget against the function it stands for.

use super::linear::{LINEAR, external, internal};
use super::*;
use crate::gadget::audit::Audit;
use crate::gadget::builder::{Name, Synthesize};
use ark_relations::gr1cs::{ConstraintSystem, R1CS_PREDICATE_LABEL, SynthesisMode};
use cairn_merkle::poseidon2 as native;

/// H of sixteen free words is a public input.
struct Hash {
    words: [Fr; WIDTH],
    result: Fr,
}

impl Synthesize for Hash {
    fn synthesize(&self, builder: &mut Builder) -> Result<(), SynthesisError> {
        builder.at("test");
        let result = builder.public("hash", self.result)?;
        let words = builder.hints("words", &self.words)?;
        let computed = compress(builder, &words)?;
        builder.equal("result", &computed, &result)
    }
}

fn example() -> Hash {
    let words = array::from_fn(|i| Fr::from(0x0123_4567_89ab_cdef_u64 + i as u64).square());
    Hash {
        words,
        result: native::compress(&words),
    }
}

#[test]
fn the_gadget_computes_the_compression_function() {
    for words in [
        [Fr::ZERO; WIDTH],
        array::from_fn(|i| Fr::from(i as u64)),
        example().words,
        [-Fr::ONE; WIDTH],
    ] {
        let hash = Hash {
            words,
            result: native::compress(&words),
        };
        assert!(Audit::new().run(&hash).unwrap().is_satisfied(), "{words:?}");
    }
}

#[test]
fn another_result_is_refused() {
    let hash = Hash {
        result: Fr::ZERO,
        ..example()
    };
    assert_eq!(
        Audit::new()
            .run(&hash)
            .unwrap()
            .broken
            .into_iter()
            .collect::<Vec<_>>(),
        [Name {
            scope: "test",
            what: "result"
        }]
    );
}

#[test]
fn every_product_of_every_round_is_bound() {
    let honest = Audit::new().run(&example()).unwrap();
    for (what, rule) in [
        ("square", "square"),
        ("cube", "cube"),
        ("input", "fifth power"),
        ("output", "fifth power"),
    ] {
        let times = honest.hints[&Name {
            scope: "poseidon2",
            what,
        }]
            .len();
        for occurrence in 0..times {
            let findings = Audit::new()
                .forge("poseidon2", what, occurrence, |honest| {
                    vec![honest[0] + Fr::ONE]
                })
                .forge("test", "hash", 0, |_| vec![Fr::ZERO])
                .run(&example())
                .unwrap();
            assert!(
                findings.broken.contains(&Name {
                    scope: "poseidon2",
                    what: rule
                }),
                "{what} {occurrence}"
            );
        }
    }
    let forged = native::compress(&example().words) + Fr::ONE;
    let findings = Audit::new()
        .forge("poseidon2", "result", 0, move |_| vec![forged])
        .forge("test", "hash", 0, move |_| vec![forged])
        .run(&example())
        .unwrap();
    let rule = Name {
        scope: "poseidon2",
        what: "fifth power",
    };
    assert!(
        !findings.is_satisfied() && findings.is_satisfied_without(rule),
        "{:?}",
        findings.broken
    );
}

#[test]
fn the_size_is_that_of_the_economical_form() {
    let cs = ConstraintSystem::new_ref();
    cs.set_mode(SynthesisMode::Setup);
    let mut builder = Builder::new(cs.clone());
    example().synthesize(&mut builder).unwrap();
    assert_eq!(
        builder.constraints(),
        CONSTRAINTS + 1,
        "one more ties the result to the public input"
    );
    assert_eq!(cs.num_constraints(), builder.constraints());
    assert_eq!(
        cs.num_witness_variables(),
        WIDTH + CONSTRAINTS,
        "one free variable a constraint"
    );
    let matrices = cs
        .to_matrices()
        .unwrap()
        .remove(R1CS_PREDICATE_LABEL)
        .unwrap();
    let non_zeros: Vec<usize> = matrices
        .iter()
        .map(|m| m.iter().take(CONSTRAINTS).map(Vec::len).sum())
        .collect();
    assert_eq!(
        non_zeros,
        [CONSTRAINTS + 16 * 16, CONSTRAINTS + 2 * 16 * 16, 6448]
    );
}

#[test]
fn the_tables_undo_the_layers() {
    let state: [Fr; WIDTH] = example().words;
    let mut mixed = state;
    external(&mut mixed);
    for i in 0..WIDTH {
        let dot =
            |row: &[Fr; WIDTH], v: &[Fr; WIDTH]| row.iter().zip(v).map(|(a, b)| *a * b).sum::<Fr>();
        assert_eq!(dot(&LINEAR.external[i], &state), mixed[i]);
        assert_eq!(dot(&LINEAR.external_inverse[i], &mixed), state[i]);
    }
    let mut once = state;
    internal(&mut once);
    let total: Fr = state.iter().sum();
    for ((after, before), diagonal) in once.iter().zip(&state).zip(native::internal_diagonal()) {
        assert_eq!(*after, *before * Fr::from(diagonal) + total);
    }
}
