//! Development keys: a Groth16 set-up whose secrets come from a public seed.
//!
//! Everybody can compute the secrets, so everybody can forge proofs under such a key; in exchange every machine makes
//! the same key, bit by bit, from the circuit alone. A key file says which kind it is, and deployment tools refuse this
//! kind outside development chains.

use ark_bls12_381::{Bls12_381, Fr, G1Projective, G2Projective};
use ark_ec::PrimeGroup;
use ark_ff::{One, UniformRand};
use ark_groth16::{Groth16, ProvingKey};
use ark_relations::gr1cs::ConstraintSynthesizer;
use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};

use crate::groth16::{
    error::SetupError,
    key::{Key, KeyIdentity},
    matrices::{CircuitId, Matrices},
};

/// Makes the development key of a circuit.
///
/// The secrets alpha, beta, gamma, delta and tau are drawn, in this order, from `ChaCha20` with the 32-byte seed
/// BLAKE3(`"cairn/v1/insecure-setup/<set>/<circuit>/<circuit id in hex>"`); the generators are the standard ones. A draw of
/// gamma or delta that is zero, one, or equal to the other is repeated.
///
/// # Errors
/// A name does not fit a file header, or the circuit cannot be laid out.
pub fn setup_insecure<C>(set: &str, circuit_name: &str, circuit: C) -> Result<Key, SetupError>
where
    C: ConstraintSynthesizer<Fr> + Clone,
{
    let matrices = Matrices::of(circuit.clone())?;
    let identity = KeyIdentity::new(set, circuit_name, matrices.id())?;
    let mut rng = ChaCha20Rng::from_seed(seed(set, circuit_name, &identity.circuit_id));
    let proving = parameters(circuit, &mut rng)?;
    Key::assemble(&identity, true, proving, &matrices)
}

/// The public seed of a development key.
fn seed(set: &str, circuit_name: &str, circuit_id: &CircuitId) -> [u8; 32] {
    let text = format!("cairn/v1/insecure-setup/{set}/{circuit_name}/{circuit_id}");
    blake3::hash(text.as_bytes()).into()
}

fn parameters<C>(circuit: C, rng: &mut ChaCha20Rng) -> Result<ProvingKey<Bls12_381>, SetupError>
where
    C: ConstraintSynthesizer<Fr>,
{
    let alpha = Fr::rand(rng);
    let beta = Fr::rand(rng);
    let gamma = draw_unlike(&[], rng);
    let delta = draw_unlike(&[gamma], rng);
    let key = Groth16::<Bls12_381>::generate_parameters_with_qap(
        circuit,
        alpha,
        beta,
        gamma,
        delta,
        G1Projective::generator(),
        G2Projective::generator(),
        rng,
    )?;
    Ok(key)
}

/// A secret that is not zero, not one (the generator itself) and none of `others`.
fn draw_unlike(others: &[Fr], rng: &mut ChaCha20Rng) -> Fr {
    loop {
        let secret = Fr::rand(rng);
        if secret != Fr::from(0u64) && !secret.is_one() && !others.contains(&secret) {
            return secret;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_depends_on_set_circuit_and_id() {
        let id = CircuitId::from_bytes([7; 32]);
        let seeds = [
            seed("test", "append", &id),
            seed("small", "append", &id),
            seed("test", "retire", &id),
            seed("test", "append", &CircuitId::from_bytes([8; 32])),
        ];
        for (i, one) in seeds.iter().enumerate() {
            assert!(!seeds[i + 1..].contains(one), "seed {i} is repeated");
        }
    }
}
