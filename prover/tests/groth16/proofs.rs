//! Proving and verifying.

use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};

use ark_bls12_381::{Bls12_381, Fr, G1Affine, G2Affine};
use ark_ec::AffineRepr;
use ark_ff::{One, UniformRand, Zero};
use ark_groth16::Groth16;
use ark_serialize::CanonicalSerialize;
use cairn_prover::{
    eip2537::{G1_BYTES, G2_BYTES, PointError},
    groth16::{
        Matrices, Phase, Proof, ProveError, VerifyError, VerifyingKey, VerifyingKeyError, Watch,
        blinding_rng,
        export::{self, PROOF_BYTES},
        prove, prove_watched, setup_insecure, verify,
    },
};
use proptest::prelude::*;

use super::{KEY, PROVEN, toy::Toy};

#[test]
fn a_true_statement_verifies() {
    let (circuit, proof) = &*PROVEN;
    assert_eq!(
        verify(KEY.verifying_key(), proof, &circuit.inputs()),
        Ok(())
    );
}

/// Writes down what a watched proof tells.
#[derive(Default)]
struct Told {
    passes: AtomicUsize,
    phases: Mutex<Vec<(Phase, usize)>>,
}

impl Watch for Told {
    fn pass(&self) {
        self.passes.fetch_add(1, Ordering::SeqCst);
    }

    fn done(&self, phase: Phase) {
        let passes = self.passes.load(Ordering::SeqCst);
        self.phases.lock().unwrap().push((phase, passes));
    }
}

#[test]
fn a_watched_proof_is_the_same_and_lets_others_pass_in_both_its_long_phases() {
    let (circuit, proof) = &*PROVEN;
    let told = Told::default();
    let watched = prove_watched(&KEY, circuit.clone(), &mut blinding_rng([1; 32]), &told);
    assert_eq!(watched.unwrap(), *proof, "the proof");
    let phases = told.phases.into_inner().unwrap();
    let [witness, quotient, sums] = phases[..] else {
        panic!("three phases: {phases:?}");
    };
    assert_eq!(witness, (Phase::Witness, 0), "one thread, no pass");
    // Three matrices and six transforms.
    assert_eq!(quotient, (Phase::Quotient, 9), "before each of them");
    assert_eq!(sums.0, Phase::Sums);
    // Five sums of full-size scalars: each has more than ten windows, each of which passes at least once.
    assert!(sums.1 > 9 + 5 * 10, "between windows: {} passes", sums.1);
}

#[test]
fn every_public_input_matters() {
    let (circuit, proof) = &*PROVEN;
    for tampered in 0..2 {
        for change in [Fr::one(), -Fr::one(), Fr::from(2u64).pow_u64(200)] {
            let mut inputs = circuit.inputs();
            inputs[tampered] += change;
            assert_eq!(
                verify(KEY.verifying_key(), proof, &inputs),
                Err(VerifyError::False),
                "input {tampered}"
            );
        }
    }
    let mut swapped = circuit.inputs();
    swapped.swap(0, 1);
    assert_eq!(
        verify(KEY.verifying_key(), proof, &swapped),
        Err(VerifyError::False)
    );
}

/// Two to a power, spelled so that the tests read well.
trait Power {
    fn pow_u64(self, exponent: u64) -> Self;
}

impl Power for Fr {
    fn pow_u64(self, exponent: u64) -> Self {
        ark_ff::Field::pow(&self, [exponent])
    }
}

#[test]
fn a_wrong_number_of_inputs_is_no_false_proof_but_a_callers_mistake() {
    let (circuit, proof) = &*PROVEN;
    let inputs = circuit.inputs();
    let longer = [inputs.clone(), vec![Fr::zero()]].concat();
    for wrong in [&inputs[..1], &[], &longer] {
        let error = verify(KEY.verifying_key(), proof, wrong).unwrap_err();
        assert_eq!(
            error,
            VerifyError::InputCount {
                expected: 2,
                got: wrong.len()
            }
        );
    }
}

#[test]
fn every_part_of_a_proof_matters() {
    let (circuit, proof) = &*PROVEN;
    let other = prove(&KEY, Toy::from_starts(&[5, 6]), &mut blinding_rng([2; 32])).unwrap();
    let (bytes, other) = (proof.to_bytes(), other.to_bytes());
    for part in [
        0..G1_BYTES,
        G1_BYTES..G1_BYTES + G2_BYTES,
        G1_BYTES + G2_BYTES..PROOF_BYTES,
    ] {
        let mut mixed = bytes;
        mixed[part.clone()].copy_from_slice(&other[part.clone()]);
        let mixed = Proof::from_bytes(&mixed).unwrap();
        let verdict = verify(KEY.verifying_key(), &mixed, &circuit.inputs());
        assert_eq!(
            verdict,
            Err(VerifyError::False),
            "bytes {part:?} of another proof"
        );
        let mut empty = bytes;
        empty[part.clone()].fill(0);
        let empty = Proof::from_bytes(&empty).unwrap();
        let verdict = verify(KEY.verifying_key(), &empty, &circuit.inputs());
        assert_eq!(
            verdict,
            Err(VerifyError::False),
            "infinity in bytes {part:?}"
        );
    }
}

#[test]
fn a_proof_of_one_circuit_is_false_under_the_key_of_another() {
    let (circuit, proof) = &*PROVEN;
    // The same constraints under another name have other secrets.
    let other = setup_insecure("test", "toy-two", Toy::blank(2)).unwrap();
    assert_eq!(other.identity().circuit_id, KEY.identity().circuit_id);
    assert_eq!(
        verify(other.verifying_key(), proof, &circuit.inputs()),
        Err(VerifyError::False)
    );
}

/// A verifying key in the library's form, read from the contract's.
pub(crate) fn library_key(key: &VerifyingKey) -> ark_groth16::VerifyingKey<Bls12_381> {
    use cairn_prover::eip2537::{decode_g1, decode_g2};
    let bytes = key.to_bytes();
    let (alpha, rest) = bytes.split_at(G1_BYTES);
    let (g2, inputs) = rest.split_at(3 * G2_BYTES);
    let negated: Vec<G2Affine> = g2
        .chunks(G2_BYTES)
        .map(|point| -decode_g2(point).unwrap())
        .collect();
    ark_groth16::VerifyingKey {
        alpha_g1: decode_g1(alpha).unwrap(),
        beta_g2: negated[0],
        gamma_g2: negated[1],
        delta_g2: negated[2],
        gamma_abc_g1: inputs
            .chunks(G1_BYTES)
            .map(|point| decode_g1(point).unwrap())
            .collect(),
    }
}

#[test]
fn a_false_witness_is_refused_before_any_curve_work() {
    let mut circuit = Toy::from_starts(&[3, 4]);
    circuit.ends[1] = circuit.ends[0];
    let error = prove(&KEY, circuit, &mut blinding_rng([1; 32])).unwrap_err();
    let last = KEY.matrices().constraints() - 1;
    assert!(
        matches!(error, ProveError::Unsatisfied { constraint } if constraint == last),
        "{error}"
    );
}

#[test]
fn another_circuit_than_the_keys_is_refused() {
    let error = prove(&KEY, Toy::from_starts(&[3]), &mut blinding_rng([1; 32])).unwrap_err();
    assert!(
        matches!(
            error,
            ProveError::OtherCircuit {
                what: "public inputs",
                expected: 3,
                got: 2
            }
        ),
        "{error}"
    );
}

#[test]
fn a_circuit_without_its_witness_is_refused() {
    let error = prove(&KEY, Toy::blank(2), &mut blinding_rng([1; 32])).unwrap_err();
    assert!(matches!(error, ProveError::Synthesis(_)), "{error}");
}

#[test]
fn two_proofs_of_one_statement_differ_and_both_hold() {
    let (circuit, proof) = &*PROVEN;
    let again = prove(&KEY, circuit.clone(), &mut blinding_rng([9; 32])).unwrap();
    assert_ne!(
        again.to_bytes(),
        proof.to_bytes(),
        "a proof is blinded, so it is no identity of its statement"
    );
    assert_eq!(
        verify(KEY.verifying_key(), &again, &circuit.inputs()),
        Ok(())
    );
}

#[test]
fn the_set_up_is_the_same_each_time_and_differs_by_name() {
    let again = setup_insecure("test", "toy", Toy::blank(2)).unwrap();
    assert_eq!(again.to_file_bytes(), KEY.to_file_bytes());
    let renamed = setup_insecure("small", "toy", Toy::blank(2)).unwrap();
    assert_ne!(renamed.verifying_key(), KEY.verifying_key());
    // Pinned, so that a change of the seed, of the draws or of the layout cannot pass unseen.
    assert_eq!(
        KEY.verifying_key().digest().to_hex().as_str(),
        "04d800daf30829a5e7d03c5f1763a3e0c88c0967e71f8e40345e9488c158c7e6"
    );
    assert_eq!(
        KEY.identity().circuit_id.to_string(),
        "268561d18df214585d422af62cde7c12fa989677b162bcf5f97cc9786e0ca47a"
    );
}

#[test]
fn a_circuits_id_changes_with_its_constraints_and_not_with_its_witness() {
    let blank = Matrices::of(Toy::blank(2)).unwrap();
    let filled = Matrices::of(Toy::from_starts(&[1, 2])).unwrap();
    assert_eq!(blank.id(), filled.id());
    assert_ne!(blank.id(), Matrices::of(Toy::blank(3)).unwrap().id());
    assert_eq!((blank.public_inputs(), blank.constraints()), (2, 2 * 101));
}

#[test]
fn a_degenerate_verifying_key_is_refused() {
    let good = library_key(KEY.verifying_key());
    let generator = G2Affine::generator();
    let refused = |change: &dyn Fn(&mut ark_groth16::VerifyingKey<Bls12_381>)| {
        let mut key = good.clone();
        change(&mut key);
        VerifyingKey::new(key).unwrap_err()
    };
    assert_eq!(
        refused(&|key| key.gamma_g2 = key.delta_g2),
        VerifyingKeyError::GammaIsDelta
    );
    assert_eq!(
        refused(&|key| key.gamma_g2 = -key.delta_g2),
        VerifyingKeyError::GammaIsDelta
    );
    assert_eq!(
        refused(&|key| key.delta_g2 = -generator),
        VerifyingKeyError::Generator { part: "delta" }
    );
    assert_eq!(
        refused(&|key| key.gamma_abc_g1[1] = G1Affine::zero()),
        VerifyingKeyError::Infinity { part: "inputs" }
    );
    assert_eq!(
        refused(&|key| key.gamma_g2 = generator),
        VerifyingKeyError::Generator { part: "gamma" }
    );
    assert_eq!(
        refused(&|key| key.delta_g2 = generator),
        VerifyingKeyError::Generator { part: "delta" }
    );
    assert_eq!(
        refused(&|key| key.delta_g2 = G2Affine::zero()),
        VerifyingKeyError::Infinity { part: "delta" }
    );
    assert_eq!(
        refused(&|key| key.alpha_g1 = G1Affine::zero()),
        VerifyingKeyError::Infinity { part: "alpha" }
    );
    assert!(matches!(
        refused(&|key| key.gamma_abc_g1.clear()),
        VerifyingKeyError::Length { .. }
    ));
}

#[test]
fn gamma_equal_to_delta_would_let_anybody_prove_a_false_statement() {
    // Why the check exists: with gamma = delta, C + (vk_x - vk_x') turns a proof for x into one for x'.
    let mut weak = library_key(KEY.verifying_key());
    weak.gamma_g2 = weak.delta_g2;
    let prepared = ark_groth16::prepare_verifying_key(&weak);
    let mut rng = blinding_rng([5; 32]);
    // A "proof" of x from alpha and beta alone: A = alpha, B = beta, C = -vk_x.
    for x in [Fr::rand(&mut rng), Fr::rand(&mut rng)] {
        let vk_x = weak.gamma_abc_g1[0] + weak.gamma_abc_g1[1] * x + weak.gamma_abc_g1[2] * x;
        let forged = ark_groth16::Proof {
            a: weak.alpha_g1,
            b: weak.beta_g2,
            c: (-vk_x).into(),
        };
        assert!(
            Groth16::<Bls12_381>::verify_proof(&prepared, &forged, &[x, x]).unwrap(),
            "forged under a weak key"
        );
        let good = ark_groth16::prepare_verifying_key(&library_key(KEY.verifying_key()));
        assert!(
            !Groth16::<Bls12_381>::verify_proof(&good, &forged, &[x, x]).unwrap(),
            "not under ours"
        );
    }
}

#[test]
fn keys_and_proofs_survive_their_bytes() {
    let key = VerifyingKey::from_bytes(&KEY.verifying_key().to_bytes()).unwrap();
    assert_eq!(&key, KEY.verifying_key());
    let proof = Proof::from_bytes(&PROVEN.1.to_bytes()).unwrap();
    assert_eq!(proof, PROVEN.1);
    assert_eq!(export::vk_bytes(2), KEY.verifying_key().to_bytes().len());
    let mut library = Vec::new();
    library_key(&key)
        .serialize_compressed(&mut library)
        .unwrap();
    assert!(!library.is_empty(), "the library reads our key too");
}

#[test]
fn bytes_that_are_no_proof_are_refused() {
    let good = PROVEN.1.to_bytes();
    assert_eq!(
        Proof::from_bytes(&good[1..]),
        Err(PointError::Length {
            expected: 512,
            got: 511
        })
    );
    assert_eq!(
        Proof::from_bytes(&[]),
        Err(PointError::Length {
            expected: 512,
            got: 0
        })
    );
    assert_eq!(Proof::from_bytes(&[0xff; 512]), Err(PointError::Padding));
    for byte in [127, 255, 383, 511] {
        let mut bytes = good;
        bytes[byte] ^= 1;
        assert_eq!(
            Proof::from_bytes(&bytes),
            Err(PointError::NotOnCurve),
            "byte {byte}"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..1400)) {
        prop_assert!(Proof::from_bytes(&bytes).is_err(), "random bytes are no proof");
        prop_assert!(VerifyingKey::from_bytes(&bytes).is_err(), "random bytes are no key");
    }
}
