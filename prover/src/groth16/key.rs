//! Proving and verifying key of one circuit, and what names them.

use std::fmt;

use ark_bls12_381::{Bls12_381, G1Affine, G2Affine, g1, g2};
use ark_ec::AffineRepr;
use ark_groth16::{PreparedVerifyingKey, ProvingKey, prepare_verifying_key};
use bytes::Bytes;

use crate::groth16::{
    error::{SetupError, VerifyingKeyError},
    export,
    matrices::{CircuitId, Matrices},
    msm::Points,
};

/// Longest name in a key's identity.
pub const NAME_BYTES: usize = 16;

/// What a key is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyIdentity {
    /// Name of the parameter set.
    pub set: String,
    /// Name of the circuit.
    pub circuit: String,
    /// The circuit itself.
    pub circuit_id: CircuitId,
}

impl KeyIdentity {
    /// Names a key.
    ///
    /// # Errors
    /// A name is not 1 to 16 characters of a-z, 0-9, - and _.
    pub fn new(set: &str, circuit: &str, circuit_id: CircuitId) -> Result<Self, SetupError> {
        for name in [set, circuit] {
            if !is_name(name) {
                return Err(SetupError::Name {
                    name: name.to_owned(),
                });
            }
        }
        Ok(Self {
            set: set.to_owned(),
            circuit: circuit.to_owned(),
            circuit_id,
        })
    }
}

/// Whether a name can stand in a key file's header and in a file name.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
    };
    (1..=NAME_BYTES).contains(&name.len()) && name.bytes().all(allowed)
}

/// Everything a prover needs: a key file's content, read where it lies.
pub struct Key {
    pub(crate) identity: KeyIdentity,
    pub(crate) insecure: bool,
    pub(crate) verifying: VerifyingKey,
    pub(crate) points: ProvingPoints,
    pub(crate) matrices: Matrices,
    /// The whole file.
    pub(crate) file: Bytes,
}

/// The points that a proof sums up.
#[derive(Debug)]
pub(crate) struct ProvingPoints {
    pub(crate) beta_g1: G1Affine,
    pub(crate) delta_g1: G1Affine,
    pub(crate) a: Points<g1::Config>,
    pub(crate) b_g1: Points<g1::Config>,
    pub(crate) b_g2: Points<g2::Config>,
    pub(crate) h: Points<g1::Config>,
    pub(crate) l: Points<g1::Config>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("identity", &self.identity)
            .field("insecure", &self.insecure)
            .field("matrices", &self.matrices)
            .finish_non_exhaustive()
    }
}

impl Key {
    /// The key in the proof library's form, copied: what our prover is compared with.
    #[must_use]
    pub fn to_library(&self) -> ProvingKey<Bls12_381> {
        let points = &self.points;
        ProvingKey {
            vk: self.verifying.inner.clone(),
            beta_g1: points.beta_g1,
            delta_g1: points.delta_g1,
            a_query: points.a.to_vec(),
            b_g1_query: points.b_g1.to_vec(),
            b_g2_query: points.b_g2.to_vec(),
            h_query: points.h.to_vec(),
            l_query: points.l.to_vec(),
        }
    }

    /// What the key is for.
    #[must_use]
    pub const fn identity(&self) -> &KeyIdentity {
        &self.identity
    }

    /// Whether the secrets of the set-up are public.
    #[must_use]
    pub const fn is_insecure(&self) -> bool {
        self.insecure
    }

    /// The half that verifies.
    #[must_use]
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.verifying
    }

    /// The constraints the key was made for.
    #[must_use]
    pub const fn matrices(&self) -> &Matrices {
        &self.matrices
    }
}

/// Everything a verifier needs.
#[derive(Clone)]
pub struct VerifyingKey {
    inner: ark_groth16::VerifyingKey<Bls12_381>,
    /// Pairings that do not depend on the proof, computed once.
    prepared: PreparedVerifyingKey<Bls12_381>,
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "VerifyingKey({} inputs, {})",
            self.public_inputs(),
            self.digest().to_hex()
        )
    }
}

impl PartialEq for VerifyingKey {
    fn eq(&self, other: &Self) -> bool {
        self.inner == other.inner
    }
}

impl Eq for VerifyingKey {}

impl VerifyingKey {
    /// Accepts a key unless anything could be proven under it.
    ///
    /// # Errors
    /// Gamma equals delta, one of the two is the generator, or a part is the point at infinity.
    pub fn new(inner: ark_groth16::VerifyingKey<Bls12_381>) -> Result<Self, VerifyingKeyError> {
        let points = [
            ("beta", &inner.beta_g2),
            ("gamma", &inner.gamma_g2),
            ("delta", &inner.delta_g2),
        ];
        if let Some((part, _)) = points.into_iter().find(|(_, point)| point.is_zero()) {
            return Err(VerifyingKeyError::Infinity { part });
        }
        if inner.alpha_g1.is_zero() {
            return Err(VerifyingKeyError::Infinity { part: "alpha" });
        }
        if inner.gamma_g2 == inner.delta_g2 || inner.gamma_g2 == -inner.delta_g2 {
            return Err(VerifyingKeyError::GammaIsDelta);
        }
        if inner.gamma_abc_g1.iter().any(AffineRepr::is_zero) {
            return Err(VerifyingKeyError::Infinity { part: "inputs" });
        }
        let generator = G2Affine::generator();
        for (part, point) in [("gamma", &inner.gamma_g2), ("delta", &inner.delta_g2)] {
            if *point == generator || *point == -generator {
                return Err(VerifyingKeyError::Generator { part });
            }
        }
        if inner.gamma_abc_g1.is_empty() {
            return Err(VerifyingKeyError::Length {
                inputs: 0,
                expected: export::vk_bytes(0),
                got: export::vk_bytes(0) - 128,
            });
        }
        let prepared = prepare_verifying_key(&inner);
        Ok(Self { inner, prepared })
    }

    /// Public inputs of the statement.
    #[must_use]
    pub const fn public_inputs(&self) -> usize {
        self.inner.gamma_abc_g1.len().saturating_sub(1)
    }

    /// The key as the contract holds it, which is also its form on disk; see [`export::vk_to_evm`].
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        export::vk_to_evm(self)
    }

    /// Reads [`Self::to_bytes`], checking every point.
    ///
    /// # Errors
    /// The bytes are no verifying key, or one under which anything can be proven.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, VerifyingKeyError> {
        export::vk_from_evm(bytes)
    }

    /// BLAKE3 of [`Self::to_bytes`]: what lists of known keys hold.
    #[must_use]
    pub fn digest(&self) -> blake3::Hash {
        blake3::hash(&self.to_bytes())
    }

    /// The point of each public input, the constant one first.
    pub(crate) fn input_points(&self) -> &[G1Affine] {
        &self.inner.gamma_abc_g1
    }

    /// The key in the proof library's form.
    pub(crate) const fn inner(&self) -> &ark_groth16::VerifyingKey<Bls12_381> {
        &self.inner
    }

    /// The key with its fixed pairings.
    pub(crate) const fn prepared(&self) -> &PreparedVerifyingKey<Bls12_381> {
        &self.prepared
    }
}
