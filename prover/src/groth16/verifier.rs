//! The pairing check.

#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use ark_bls12_381::{Bls12_381, Fr};
use ark_groth16::Groth16;

use crate::{
    eip2537::PointError,
    groth16::{error::VerifyError, export, key::VerifyingKey},
};

/// A proof: three points of the right groups.
///
/// Anybody can turn a proof of a statement into another proof of the same statement, so a proof is never an identity:
/// what must happen once is keyed by the statement.
#[derive(Clone, Debug, PartialEq)]
pub struct Proof(pub(crate) ark_groth16::Proof<Bls12_381>);

impl Proof {
    /// The 512 bytes the EVM reads; see [`export`].
    #[must_use]
    pub fn to_bytes(&self) -> [u8; export::PROOF_BYTES] {
        export::proof_to_evm(self)
    }

    /// Reads [`Self::to_bytes`]; what a stranger sends passes here, and every point is checked.
    ///
    /// # Errors
    /// The bytes are no three points of the right groups.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PointError> {
        export::proof_from_evm(bytes)
    }
}

/// Checks that a proof holds for these public inputs: `e(A, B) = e(alpha, beta) e(vk_x, gamma) e(C, delta)`.
///
/// Source: Groth 2016, section 3.2. Cost: about 3 ms and 0.13 ms for each public input.
///
/// # Errors
/// [`VerifyError::False`] when it does not hold; any other variant says that nothing was decided.
pub fn verify(key: &VerifyingKey, proof: &Proof, public_inputs: &[Fr]) -> Result<(), VerifyError> {
    // The library pairs inputs with points and would ignore what is left over on either side.
    if public_inputs.len() != key.public_inputs() {
        return Err(VerifyError::InputCount {
            expected: key.public_inputs(),
            got: public_inputs.len(),
        });
    }
    match Groth16::<Bls12_381>::verify_proof(key.prepared(), &proof.0, public_inputs) {
        Ok(true) => Ok(()),
        Ok(false) => Err(VerifyError::False),
        Err(error) => Err(VerifyError::Pairing(error)),
    }
}
