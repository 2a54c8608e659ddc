//! secp256k1 keys as the chain knows them: sign a 32-byte digest, recover the signer's address.
//!
//! `address = last 20 bytes of keccak256(x | y)` of the public key. A signature is `r | s | v`, big-endian, `v` 27 or 28,
//! with `s` in the lower half of the group order (the upper half is refused, here and on the chain, so that a signature
//! has one form).

use core::fmt;

use k256::ecdsa::{RecoveryId, Signature as EcdsaSignature, SigningKey, VerifyingKey};
use sha3::{Digest, Keccak256};
use zeroize::Zeroizing;

use crate::error::{KeyError, SignatureError};
use crate::ids::Address;

/// 65 bytes `r | s | v` (big-endian, `v` 27 or 28) as a wallet produces them and Solidity's ECDSA library takes them.
///
/// Any 65 bytes may stand here: whether it is a signature is decided by [`recover`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; 65]);

impl Signature {
    /// The 65 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 65] {
        &self.0
    }
}

impl From<[u8; 65]> for Signature {
    fn from(bytes: [u8; 65]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{}", hex::encode(self.0))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A secp256k1 secret key. Wiped when dropped; never shown by `Debug`.
#[derive(Clone)]
pub struct SecretKey {
    signing: SigningKey,
    address: Address,
}

impl SecretKey {
    /// The key whose scalar is `bytes`, big-endian.
    ///
    /// Random bytes make a random key: take 32 from the random number generator given to you, and take others in the
    /// one case in 2^128 that these are refused.
    ///
    /// # Errors
    /// [`KeyError`] when the scalar is 0 or not below the group order.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let signing = SigningKey::from_bytes(bytes.into()).map_err(|_| KeyError::OutOfRange)?;
        let address = address_of(signing.verifying_key());
        Ok(Self { signing, address })
    }

    /// The key written as 64 hex digits, with or without `0x`, surrounding white space ignored.
    ///
    /// # Errors
    /// [`KeyError`] when it is not 32 bytes of hex or the scalar is out of range. The text is never repeated in the error.
    pub fn from_hex(text: &str) -> Result<Self, KeyError> {
        let trimmed = text.trim();
        let digits = trimmed.strip_prefix("0x").unwrap_or(trimmed);
        let mut bytes = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits, bytes.as_mut()).map_err(|_| KeyError::NotHex)?;
        Self::from_bytes(&bytes)
    }

    /// A key from fresh random bytes; `fill` must come from a cryptographic generator.
    pub fn random(mut fill: impl FnMut(&mut [u8; 32])) -> Self {
        loop {
            let mut bytes = Zeroizing::new([0; 32]);
            fill(&mut bytes);
            if let Ok(key) = Self::from_bytes(&bytes) {
                return key;
            }
        }
    }

    /// The account this key signs for.
    #[must_use]
    pub const fn address(&self) -> Address {
        self.address
    }

    /// The scalar, big-endian, wiped when dropped: for key files and for the chain's own signer.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.signing.to_bytes().into())
    }

    /// Signs a digest (RFC 6979, so the same digest always gets the same bytes), low s.
    ///
    /// # Errors
    /// [`SignatureError::CannotSign`] when the curve library fails, which needs a digest found by breaking SHA-256.
    pub fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature, SignatureError> {
        let (signature, recovery) = self
            .signing
            .sign_prehash_recoverable(digest)
            .map_err(|_| SignatureError::CannotSign)?;
        let mut bytes = [0; 65];
        let (rs, v) = bytes.split_at_mut(64);
        rs.copy_from_slice(&signature.to_bytes());
        v.fill(27_u8.saturating_add(recovery.to_byte()));
        Ok(Signature(bytes))
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SecretKey")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The account that signed `digest`.
///
/// An attacker may choose both arguments: the result is then some address, so compare it with the one that must have
/// signed, and let the digest bind everything that matters.
///
/// # Errors
/// [`SignatureError`] when `r` or `s` is out of range, `s` lies in the upper half, or `v` is neither 27 nor 28.
pub fn recover(digest: &[u8; 32], signature: &Signature) -> Result<Address, SignatureError> {
    let (rs, v) = signature.0.split_at(64);
    let v = v.first().copied().unwrap_or_default();
    let recovery = v
        .checked_sub(27)
        .filter(|bit| *bit <= 1)
        .and_then(RecoveryId::from_byte)
        .ok_or(SignatureError::RecoveryByte { got: v })?;
    let ecdsa = EcdsaSignature::from_slice(rs).map_err(|_| SignatureError::OutOfRange)?;
    if ecdsa.normalize_s().is_some() {
        return Err(SignatureError::HighS);
    }
    let key = VerifyingKey::recover_from_prehash(digest, &ecdsa, recovery)
        .map_err(|_| SignatureError::NoSuchPoint)?;
    Ok(address_of(&key))
}

fn address_of(key: &VerifyingKey) -> Address {
    let point = key.to_encoded_point(false);
    let mut hasher = Keccak256::new();
    // Without the leading 0x04 of the uncompressed form.
    hasher.update(point.as_bytes().get(1..).unwrap_or_default());
    let hash: [u8; 32] = hasher.finalize().into();
    let mut address = [0; 20];
    for (to, from) in address.iter_mut().zip(hash.iter().skip(12)) {
        *to = *from;
    }
    Address(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The first account of the test mnemonic that anvil and hardhat publish.
    const ANVIL_KEY: &str = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
    const ANVIL_ADDRESS: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";

    #[test]
    fn the_published_test_account_has_its_published_address() {
        assert_eq!(
            SecretKey::from_hex(ANVIL_KEY)
                .unwrap()
                .address()
                .to_string(),
            ANVIL_ADDRESS,
            "anvil account 0"
        );
    }

    #[test]
    fn a_signature_recovers_to_its_signer_and_to_no_other_digest() {
        let key = SecretKey::from_hex(ANVIL_KEY).unwrap();
        for byte in 0..64 {
            let digest = [byte; 32];
            let signature = key.sign_digest(&digest).unwrap();
            assert_eq!(
                recover(&digest, &signature).unwrap(),
                key.address(),
                "digest {byte}"
            );
            assert_ne!(
                recover(&[byte ^ 1; 32], &signature).ok(),
                Some(key.address()),
                "another digest {byte}"
            );
        }
    }

    #[test]
    fn the_other_form_of_a_signature_is_refused() {
        let key = SecretKey::from_hex(ANVIL_KEY).unwrap();
        let digest = [7; 32];
        let low = key.sign_digest(&digest).unwrap();
        let ecdsa = EcdsaSignature::from_slice(&low.0[..64]).unwrap();
        let high =
            EcdsaSignature::from_scalars(ecdsa.r().to_bytes(), (-*ecdsa.s()).to_bytes()).unwrap();
        let mut bytes = low.0;
        bytes[..64].copy_from_slice(&high.to_bytes());
        bytes[64] = 55 - bytes[64];
        assert_eq!(
            recover(&digest, &Signature(bytes)),
            Err(SignatureError::HighS),
            "n - s with the other v"
        );
    }

    #[test]
    fn a_signature_with_a_field_out_of_range_is_refused() {
        let key = SecretKey::from_hex(ANVIL_KEY).unwrap();
        let digest = [7; 32];
        let good = key.sign_digest(&digest).unwrap();
        for v in [0, 1, 26, 29, 30, 255] {
            let mut bytes = good.0;
            bytes[64] = v;
            assert_eq!(
                recover(&digest, &Signature(bytes)),
                Err(SignatureError::RecoveryByte { got: v }),
                "v = {v}"
            );
        }
        for range in [0..32, 32..64] {
            for fill in [0x00, 0xff] {
                let mut bytes = good.0;
                bytes[range.clone()].fill(fill);
                assert_eq!(
                    recover(&digest, &Signature(bytes)),
                    Err(SignatureError::OutOfRange),
                    "{range:?} {fill}"
                );
            }
        }
    }

    #[test]
    fn a_scalar_out_of_range_or_not_hex_is_no_key() {
        assert!(
            matches!(SecretKey::from_bytes(&[0; 32]), Err(KeyError::OutOfRange)),
            "zero"
        );
        assert!(
            matches!(
                SecretKey::from_bytes(&[0xff; 32]),
                Err(KeyError::OutOfRange)
            ),
            "above the order"
        );
        assert!(
            matches!(SecretKey::from_hex("0x12"), Err(KeyError::NotHex)),
            "short"
        );
    }

    #[test]
    fn a_secret_key_does_not_show_its_scalar() {
        let shown = format!("{:?}", SecretKey::from_hex(ANVIL_KEY).unwrap());
        assert!(
            shown.contains(ANVIL_ADDRESS),
            "the address is shown: {shown}"
        );
        assert!(!shown.contains("ac0974be"), "the scalar is not: {shown}");
    }

    #[test]
    fn a_random_key_skips_bytes_that_are_no_scalar() {
        let mut draws = [[0_u8; 32], [0xff; 32], [5; 32]].into_iter();
        let key = SecretKey::random(|bytes| *bytes = draws.next().unwrap());
        assert_eq!(key.to_bytes().as_ref(), &[5; 32], "the third draw");
    }
}
