//! Sizes and ids of the circuits.

use ark_bls12_381::Fr;
use ark_relations::gr1cs::{ConstraintSystem, SynthesisError, SynthesisMode};
use cairn_prover::circuits::{CircuitName, CircuitSize, Circuits};
use cairn_prover::gadget::builder::{Builder, Synthesize, VALUES_ALONE};
use cairn_prover::groth16::Matrices;
use cairn_prover::params::{ALL, MAINNET, PEER, ParamSet, SMALL, TEST, TESTNET};
use cairn_prover::synthetic::{ReplicaPurpose, SyntheticProvider, SyntheticSector};

/// Constraints of spacetime, append, retire, include, replica, dispute.
const CONSTRAINTS: [(&str, [usize; 6]); 6] = [
    ("test", [7149, 2422, 3697, 4894, 259_059, 1787]),
    ("small", [9561, 2422, 3697, 7386, 279_795, 3018]),
    ("devnet", [26_197, 4824, 8509, 8634, 290_228, 3636]),
    ("peer", [26_181, 4824, 8509, 8574, 281_216, 3018]),
    ("testnet", [908_497, 4824, 8509, 78_704, 948_155, 3659]),
    ("mainnet", [984_673, 4824, 8509, 88_624, 958_522, 4259]),
];

#[test]
fn the_circuits_have_the_published_sizes() {
    for (set, (name, expected)) in ALL.into_iter().zip(CONSTRAINTS) {
        let circuits = Circuits::for_set(set);
        let counted = CircuitName::ALL.map(|circuit| circuits.size(circuit).unwrap().constraints);
        assert_eq!((set.name, counted), (name, expected));
    }
}

#[test]
fn one_proof_stays_under_its_share_of_a_million_constraints() {
    for (set, name) in [
        (&MAINNET, CircuitName::Spacetime),
        (&MAINNET, CircuitName::Replica),
        (&TESTNET, CircuitName::Replica),
    ] {
        let size = Circuits::for_set(set).size(name).unwrap();
        assert!(
            100 * size.constraints < 97 << 20,
            "{} {name}: {} of 2^20",
            set.name,
            size.constraints
        );
    }
}

#[test]
fn public_inputs_are_as_many_as_the_contract_passes() {
    for set in ALL {
        let circuits = Circuits::for_set(set);
        let public = CircuitName::ALL.map(|circuit| circuits.size(circuit).unwrap().public_inputs);
        assert_eq!(
            public,
            [3, 5, 3, 1 + 2 * set.include_width, 7, 6],
            "{}",
            set.name
        );
    }
}

#[test]
fn what_is_counted_is_what_is_laid_out() {
    for set in [&TEST, &PEER] {
        let circuits = Circuits::for_set(set);
        for name in CircuitName::ALL {
            let matrices = Matrices::of(circuits.blank(name)).unwrap();
            let laid_out = CircuitSize {
                constraints: matrices.constraints(),
                witness: matrices.witness_values(),
                public_inputs: matrices.public_inputs(),
            };
            assert_eq!(
                circuits.size(name).unwrap(),
                laid_out,
                "{} {name}",
                set.name
            );
        }
    }
}

/// The values of all variables.
fn values(circuit: &impl Synthesize, mode: SynthesisMode) -> Result<Vec<Fr>, SynthesisError> {
    let cs = ConstraintSystem::<Fr>::new_ref();
    cs.set_mode(mode);
    circuit.synthesize(&mut Builder::new(cs.clone()))?;
    let mut values = cs.instance_assignment()?;
    values.extend(cs.witness_assignment()?);
    Ok(values)
}

#[test]
fn parts_filled_side_by_side_have_the_values_of_parts_drawn_in_a_row() {
    let drawn = SynthesisMode::Prove {
        construct_matrices: true,
        generate_lc_assignments: false,
    };
    // Three pairs of samples; two layers and fifteen columns of a replica.
    let set = ParamSet {
        post_samples: 6,
        ..TEST
    };
    let sector = SyntheticSector::new(&set).unwrap();
    let provider = SyntheticProvider::new(&sector, 5).unwrap();
    let (_, spacetime) = provider.spacetime(7.into()).unwrap();
    let one = values(&spacetime, VALUES_ALONE).unwrap();
    assert!(one == values(&spacetime, drawn).unwrap(), "spacetime");
    let replica = sector.seal(ReplicaPurpose {
        porep_id: 1u64.into(),
        provider: [2; 20],
        sector_number: 3,
        ticket: 4u64.into(),
    });
    let (_, partition) = replica.unwrap().circuit(5.into(), 0).unwrap();
    let one = values(&partition, VALUES_ALONE).unwrap();
    assert!(one == values(&partition, drawn).unwrap(), "replica");
}

#[test]
fn a_circuit_is_found_by_its_name_only() {
    for name in CircuitName::ALL {
        assert_eq!(CircuitName::by_name(name.as_str()), Some(name));
    }
    assert_eq!(CircuitName::by_name("Spacetime"), None);
}

#[test]
fn sets_share_a_circuit_only_where_they_agree_on_all_it_sees() {
    let [test, small] = [&TEST, &SMALL].map(|set| {
        let circuits = Circuits::for_set(set);
        CircuitName::ALL.map(|name| circuits.id(name).unwrap())
    });
    // A provider tree of one level is all that append and retire see.
    let shared: Vec<bool> = test
        .iter()
        .zip(&small)
        .map(|(test, small)| test == small)
        .collect();
    assert_eq!(shared, [false, true, true, false, false, false]);
}
