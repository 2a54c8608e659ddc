//! The public randomness of a period: a BLS signature on a round number.
//!
//! ```text
//! message    m = SHA-256(round as u64 big-endian)
//! signature  s = sk * H(m)            in G1, H = hash to curve (RFC 9380, SHA-256, simplified SWU, random oracle)
//! check      e(s, g2) = e(H(m), pk)   pk in G2
//! randomness SHA-256(s compressed)
//! ```
//!
//! Source: drand's scheme `bls-unchained-g1-rfc9380` (the quicknet network), the same bytes in and out. A round's
//! signature is unique: nobody, the signer included, can choose among several. What the signer can do is sign early and
//! tell friends, or not sign at all; drand splits the key over many parties against both, a development chain's own
//! beacon is trusted.

#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use std::{
    fmt,
    ops::{Mul, Neg},
};

use ark_bls12_381::{Bls12_381, Fr, G1Affine, G1Projective, G2Affine, G2Projective, g1};
use ark_ec::{
    AffineRepr, CurveGroup, PrimeGroup,
    hashing::{
        HashToCurve, HashToCurveError, curve_maps::wb::WBMap,
        map_to_curve_hasher::MapToCurveBasedHasher,
    },
    pairing::Pairing,
};
use ark_ff::{PrimeField, Zero, field_hashers::DefaultFieldHasher};
use ark_serialize::{CanonicalDeserialize, Compress, Validate};
use sha2::{Digest, Sha256};

use crate::eip2537::{self, G1_BYTES, G2_BYTES, PointError};

/// What the hash to the curve is separated by from every other use of it.
pub const DOMAIN: &[u8] = b"BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_NUL_";
/// Bytes of a compressed signature.
pub const COMPRESSED_SIGNATURE_BYTES: usize = 48;
/// Bytes of a compressed public key.
pub const COMPRESSED_PUBLIC_KEY_BYTES: usize = 96;

type Hasher = MapToCurveBasedHasher<G1Projective, DefaultFieldHasher<Sha256>, WBMap<g1::Config>>;

/// A round was not accepted, or could not be signed or checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BeaconError {
    /// The signature is not this key's on this round (the sender's fault).
    #[error("the signature of round {round} does not hold under this key")]
    BadSignature {
        /// The round.
        round: u64,
    },
    /// Bytes that should be a point are none (the sender's fault).
    #[error("{what}: {source}")]
    Point {
        /// What the bytes should be.
        what: &'static str,
        /// Why they are no point.
        source: PointError,
    },
    /// A key or signature is the point at infinity, under which everything or nothing verifies.
    #[error("the {what} is the point at infinity")]
    Infinity {
        /// What it should be.
        what: &'static str,
    },
    /// A secret key is zero modulo the group's order.
    #[error("the secret key is zero")]
    ZeroKey,
    /// The hash to the curve failed (our fault: its parameters are constants).
    #[error("the round could not be hashed to the curve")]
    HashToCurve,
}

impl From<HashToCurveError> for BeaconError {
    fn from(_: HashToCurveError) -> Self {
        Self::HashToCurve
    }
}

/// The key that signs rounds: for a development chain's own beacon.
#[derive(Clone)]
pub struct SecretKey(Fr);

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

impl SecretKey {
    /// Derives a key from secret bytes: the first 32 bytes and a domain tag, hashed to 64 bytes and reduced.
    ///
    /// # Errors
    /// The key comes out zero, which no known seed does.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, BeaconError> {
        let mut wide = [0; 64];
        blake3::Hasher::new_keyed(seed)
            .update(b"cairn/v1/beacon-key")
            .finalize_xof()
            .fill(&mut wide);
        let secret = Fr::from_le_bytes_mod_order(&wide);
        if secret.is_zero() {
            Err(BeaconError::ZeroKey)
        } else {
            Ok(Self(secret))
        }
    }

    /// The key that verifies.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(G2Projective::generator().mul(self.0).into_affine())
    }

    /// Signs a round.
    ///
    /// # Errors
    /// The hash to the curve failed.
    pub fn sign(&self, round: u64) -> Result<Signature, BeaconError> {
        Ok(Signature(message_point(round)?.mul(self.0).into_affine()))
    }
}

/// The key that verifies rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(G2Affine);

impl PublicKey {
    /// Reads the 96 bytes a beacon publishes.
    ///
    /// # Errors
    /// They are no point of the group, or the point at infinity.
    pub fn from_compressed(bytes: &[u8; COMPRESSED_PUBLIC_KEY_BYTES]) -> Result<Self, BeaconError> {
        let point = G2Affine::deserialize_with_mode(&bytes[..], Compress::Yes, Validate::No)
            .map_err(|_none| public_key_error(PointError::NotCanonical))?;
        Self::checked(eip2537::checked_g2(point).map_err(public_key_error)?)
    }

    /// Reads the 256 bytes of the EVM.
    ///
    /// # Errors
    /// They are no point of the group, or the point at infinity.
    pub fn from_evm(bytes: &[u8]) -> Result<Self, BeaconError> {
        Self::checked(eip2537::decode_g2(bytes).map_err(public_key_error)?)
    }

    /// The 96 bytes a beacon publishes.
    #[must_use]
    pub fn to_compressed(&self) -> [u8; COMPRESSED_PUBLIC_KEY_BYTES] {
        compressed(&self.0)
    }

    /// The 256 bytes of the EVM.
    #[must_use]
    pub fn to_evm(&self) -> [u8; G2_BYTES] {
        eip2537::encode_g2(&self.0)
    }

    /// Checks a round's signature.
    ///
    /// # Errors
    /// [`BeaconError::BadSignature`] when it is false; any other variant says that nothing was decided.
    pub fn verify(&self, round: u64, signature: &Signature) -> Result<(), BeaconError> {
        let message = message_point(round)?;
        let product = Bls12_381::multi_pairing(
            [signature.0, message],
            [G2Affine::generator().neg(), self.0],
        );
        if product.is_zero() {
            Ok(())
        } else {
            Err(BeaconError::BadSignature { round })
        }
    }

    fn checked(point: G2Affine) -> Result<Self, BeaconError> {
        if point.is_zero() {
            Err(BeaconError::Infinity { what: "public key" })
        } else {
            Ok(Self(point))
        }
    }
}

/// The signature of one round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(G1Affine);

impl Signature {
    /// Reads the 48 bytes a beacon publishes.
    ///
    /// # Errors
    /// They are no point of the group, or the point at infinity.
    pub fn from_compressed(bytes: &[u8; COMPRESSED_SIGNATURE_BYTES]) -> Result<Self, BeaconError> {
        let point = G1Affine::deserialize_with_mode(&bytes[..], Compress::Yes, Validate::No)
            .map_err(|_none| signature_error(PointError::NotCanonical))?;
        Self::checked(eip2537::checked_g1(point).map_err(signature_error)?)
    }

    /// Reads the 128 bytes of the EVM.
    ///
    /// # Errors
    /// They are no point of the group, or the point at infinity.
    pub fn from_evm(bytes: &[u8]) -> Result<Self, BeaconError> {
        Self::checked(eip2537::decode_g1(bytes).map_err(signature_error)?)
    }

    /// The 48 bytes a beacon publishes.
    #[must_use]
    pub fn to_compressed(&self) -> [u8; COMPRESSED_SIGNATURE_BYTES] {
        compressed(&self.0)
    }

    /// The 128 bytes of the EVM.
    #[must_use]
    pub fn to_evm(&self) -> [u8; G1_BYTES] {
        eip2537::encode_g1(&self.0)
    }

    /// The round's randomness: SHA-256 of the compressed signature.
    #[must_use]
    pub fn randomness(&self) -> [u8; 32] {
        Sha256::digest(self.to_compressed()).into()
    }

    fn checked(point: G1Affine) -> Result<Self, BeaconError> {
        if point.is_zero() {
            Err(BeaconError::Infinity { what: "signature" })
        } else {
            Ok(Self(point))
        }
    }
}

/// The point that is signed for a round.
fn message_point(round: u64) -> Result<G1Affine, BeaconError> {
    let message = Sha256::digest(round.to_be_bytes());
    let hasher = <Hasher as HashToCurve<G1Projective>>::new(DOMAIN)?;
    Ok(hasher.hash(&message)?)
}

fn compressed<P: AffineRepr, const N: usize>(point: &P) -> [u8; N] {
    let mut out = [0; N];
    let written = point.serialize_compressed(&mut out[..]);
    debug_assert!(
        written.is_ok(),
        "the array has the size of a compressed point"
    );
    out
}

const fn public_key_error(source: PointError) -> BeaconError {
    BeaconError::Point {
        what: "public key",
        source,
    }
}

const fn signature_error(source: PointError) -> BeaconError {
    BeaconError::Point {
        what: "signature",
        source,
    }
}
