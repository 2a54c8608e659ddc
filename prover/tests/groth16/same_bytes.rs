//! The prover differs from the library's in cost only: proofs are the same, byte by byte.

use ark_bls12_381::{Bls12_381, Fr};
use ark_ff::{AdditiveGroup, Field, UniformRand};
use ark_groth16::Groth16;
use ark_relations::{
    gr1cs::{
        ConstraintSynthesizer, ConstraintSystemRef, LinearCombination, SynthesisError, Variable,
    },
    lc,
};
use cairn_prover::{
    eip2537::{encode_g1, encode_g2},
    groth16::{Key, blinding_rng, prove, setup_insecure},
};

use super::{KEY, toy::Toy};

#[test]
fn the_prover_gives_the_bytes_of_the_library_for_the_same_randomness() {
    same_bytes(&KEY, &Toy::from_starts(&[8, 9]));
}

#[test]
fn the_bytes_are_the_same_for_every_size_and_kind_of_witness() {
    for (values, kinds) in [(1, &Kind::ALL[..]), (50, &Kind::ALL), (1500, &[Kind::Bit])] {
        let key = setup_insecure("test", "products", Products::of(&[], values)).unwrap();
        for kind in kinds {
            same_bytes(&key, &Products::of(&[*kind], values));
        }
        same_bytes(&key, &Products::of(&Kind::ALL, values));
    }
}

/// Kinds of witness values.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Zero,
    One,
    MinusOne,
    Bit,
    Byte,
    Negative,
    Power,
    Any,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::Zero,
        Self::One,
        Self::MinusOne,
        Self::Bit,
        Self::Byte,
        Self::Negative,
        Self::Power,
        Self::Any,
    ];

    fn value(self, i: u64) -> Fr {
        let any = (Fr::from(i) + Fr::from(3u64)).pow([1 << 40]);
        let digest = blake3::hash(&i.to_le_bytes());
        let byte = u64::from(digest.as_bytes()[0]);
        match self {
            Self::Zero => Fr::ZERO,
            Self::One => Fr::ONE,
            Self::MinusOne => -Fr::ONE,
            Self::Bit => Fr::from(byte & 1),
            Self::Byte => Fr::from(byte),
            Self::Negative => -Fr::from(byte << 20),
            Self::Power => Fr::from(2u64).pow([byte]),
            Self::Any => any,
        }
    }
}

/// Values and their products `x_i (x_i + x_(i-1)) = y_i`, whose sum is public; the first x is in no product's left
/// factor, so that the key has points at infinity.
#[derive(Clone, Debug)]
struct Products {
    values: Vec<Fr>,
}

impl Products {
    fn of(kinds: &[Kind], values: u64) -> Self {
        let kind = |i: u64| {
            kinds
                .iter()
                .cycle()
                .nth(usize::try_from(i).unwrap() % kinds.len().max(1))
        };
        Self {
            values: (0..=values)
                .map(|i| kind(i).map_or(Fr::ZERO, |kind| kind.value(i)))
                .collect(),
        }
    }

    fn products(&self) -> impl Iterator<Item = Fr> {
        self.values
            .windows(2)
            .map(|pair| pair[1] * (pair[0] + pair[1]))
    }
}

impl ConstraintSynthesizer<Fr> for Products {
    fn generate_constraints(self, cs: ConstraintSystemRef<Fr>) -> Result<(), SynthesisError> {
        let sum = cs.new_input_variable(|| Ok(self.products().sum()))?;
        let mut total: LinearCombination<Fr> = lc!();
        let mut before = cs.new_witness_variable(|| Ok(self.values[0]))?;
        for (value, product) in self.values[1..].iter().zip(self.products()) {
            let x = cs.new_witness_variable(|| Ok(*value))?;
            let y = cs.new_witness_variable(|| Ok(product))?;
            cs.enforce_r1cs_constraint(|| lc!() + x, || lc!() + x + before, || lc!() + y)?;
            total = total + y;
            before = x;
        }
        cs.enforce_r1cs_constraint(|| total.clone(), || lc!() + Variable::One, || lc!() + sum)
    }
}

/// Both provers on one circuit.
fn same_bytes<C>(key: &Key, circuit: &C)
where
    C: ConstraintSynthesizer<Fr> + Clone,
{
    let ours = prove(key, circuit.clone(), &mut blinding_rng([3; 32])).unwrap();
    let mut rng = blinding_rng([3; 32]);
    let (r, s) = (Fr::rand(&mut rng), Fr::rand(&mut rng));
    let stock =
        Groth16::<Bls12_381>::create_proof_with_reduction(circuit.clone(), &key.to_library(), r, s)
            .unwrap();
    let parts = [
        encode_g1(&stock.a).to_vec(),
        encode_g2(&stock.b).to_vec(),
        encode_g1(&stock.c).to_vec(),
    ];
    assert_eq!(ours.to_bytes().to_vec(), parts.concat(), "proof bytes");
}
