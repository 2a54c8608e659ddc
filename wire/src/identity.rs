//! A node's TLS key and the hash by which the world knows it.
//!
//! `pin = SHA-256(SubjectPublicKeyInfo)`; the provider writes it to the registry on the chain, clients accept no other
//! key. The key is Ed25519, made from 32 random bytes given by the caller and kept as PKCS#8 in a file of mode 600
//! (`openssl pkey -inform DER` reads it). The certificate around it is made anew at each start and means nothing: no
//! name, no date and no issuer is ever looked at.

use core::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ED25519};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::IdentityError;

/// PKCS#8 version 1 of an Ed25519 key (RFC 8410) up to the seed: sequence, version 0, the algorithm's number, and two
/// octet string headers.
const PKCS8_PREFIX: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
const PKCS8_BYTES: usize = 48;

/// A node's TLS key with its certificate.
pub struct NodeIdentity {
    pkcs8: Zeroizing<Vec<u8>>,
    certificate: CertificateDer<'static>,
    pin: [u8; 32],
}

impl NodeIdentity {
    /// The identity of 32 random bytes, which must come from a cryptographic generator. The same bytes give the same
    /// pin.
    ///
    /// # Errors
    /// [`IdentityError::Certificate`] when the TLS library fails.
    pub fn generate(random: &[u8; 32]) -> Result<Self, IdentityError> {
        let mut pkcs8 = Zeroizing::new(Vec::with_capacity(PKCS8_BYTES));
        pkcs8.extend_from_slice(&PKCS8_PREFIX);
        pkcs8.extend_from_slice(random);
        Self::from_pkcs8(pkcs8)
    }

    /// The identity kept in a file.
    ///
    /// # Errors
    /// [`IdentityError`] when the file is missing, is no such key, or may be read by others.
    pub fn load(path: &Path) -> Result<Self, IdentityError> {
        let shown = || path.display().to_string();
        let file_error = |source| IdentityError::File {
            path: shown(),
            source,
        };
        let mut file = File::open(path).map_err(file_error)?;
        // Of the open file, not of the name: what is checked is what is read.
        let metadata = file.metadata().map_err(file_error)?;
        if let Some(mode) = exposed_mode(&metadata) {
            return Err(IdentityError::Exposed {
                path: shown(),
                mode,
            });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(PKCS8_BYTES.saturating_add(1)));
        let most = u64::try_from(PKCS8_BYTES)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        Read::by_ref(&mut file)
            .take(most)
            .read_to_end(&mut bytes)
            .map_err(file_error)?;
        if bytes.len() != PKCS8_BYTES || !bytes.starts_with(&PKCS8_PREFIX) {
            return Err(IdentityError::NotAKey {
                path: shown(),
                got_bytes: metadata.len(),
            });
        }
        Self::from_pkcs8(bytes)
    }

    /// Keeps the identity in a new file that only its owner may read, on disk before this returns.
    ///
    /// # Errors
    /// [`IdentityError::File`]; an existing file is never overwritten.
    pub fn save(&self, path: &Path) -> Result<(), IdentityError> {
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path)?;
            file.write_all(&self.pkcs8)?;
            file.sync_all()?;
            // The name too, or a power cut loses a key whose pin the registry already names.
            match path.parent() {
                Some(folder) if !folder.as_os_str().is_empty() => File::open(folder)?.sync_all(),
                _ => File::open(".")?.sync_all(),
            }
        };
        write().map_err(|source| IdentityError::File {
            path: path.display().to_string(),
            source,
        })
    }

    /// SHA-256 of the public key's `SubjectPublicKeyInfo`: what stands in the registry.
    #[must_use]
    pub const fn pin(&self) -> [u8; 32] {
        self.pin
    }

    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        self.certificate.clone()
    }

    pub(crate) fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.pkcs8.to_vec()))
    }

    fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, IdentityError> {
        let failed = |reason: String| IdentityError::Certificate { reason };
        let key = KeyPair::from_pkcs8_der_and_sign_algo(
            &PrivatePkcs8KeyDer::from(pkcs8.as_slice()),
            &PKCS_ED25519,
        )
        .map_err(|error| failed(error.to_string()))?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "cairn node");
        let certificate = params
            .self_signed(&key)
            .map_err(|error| failed(error.to_string()))?
            .der()
            .clone();
        let pin = pin_of(&certificate).map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            pkcs8,
            certificate,
            pin,
        })
    }
}

impl fmt::Debug for NodeIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NodeIdentity")
            .field("pin", &hex::encode(self.pin))
            .finish_non_exhaustive()
    }
}

/// SHA-256 of the `SubjectPublicKeyInfo` of a certificate, which may come from a stranger.
pub(crate) fn pin_of(certificate: &CertificateDer<'_>) -> Result<[u8; 32], rustls::Error> {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate)?;
    Ok(Sha256::digest(parsed.subject_public_key_info().as_ref()).into())
}

/// The permission bits, if they let others in.
#[cfg(unix)]
fn exposed_mode(metadata: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = metadata.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

#[cfg(not(unix))]
fn exposed_mode(_metadata: &Metadata) -> Option<u32> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_saved_identity_comes_back_with_its_pin() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tls.key");
        let identity = NodeIdentity::generate(&[7; 32]).unwrap();
        identity.save(&path).unwrap();
        assert_eq!(
            NodeIdentity::load(&path).unwrap().pin(),
            identity.pin(),
            "same key, same pin"
        );
        assert_ne!(
            NodeIdentity::generate(&[8; 32]).unwrap().pin(),
            identity.pin(),
            "another key"
        );
    }

    #[test]
    fn an_identity_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tls.key");
        NodeIdentity::generate(&[7; 32])
            .unwrap()
            .save(&path)
            .unwrap();
        assert!(
            NodeIdentity::generate(&[8; 32])
                .unwrap()
                .save(&path)
                .is_err(),
            "the file exists"
        );
        assert_eq!(
            NodeIdentity::load(&path).unwrap().pin(),
            NodeIdentity::generate(&[7; 32]).unwrap().pin(),
            "the first stays"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_others_may_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tls.key");
        NodeIdentity::generate(&[7; 32])
            .unwrap()
            .save(&path)
            .unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600,
            "made for the owner only"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(
            matches!(
                NodeIdentity::load(&path),
                Err(IdentityError::Exposed { mode: 0o640, .. })
            ),
            "group may read"
        );
    }

    #[test]
    fn a_file_that_is_no_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tls.key");
        assert!(
            matches!(NodeIdentity::load(&path), Err(IdentityError::File { .. })),
            "missing"
        );
        NodeIdentity::generate(&[7; 32])
            .unwrap()
            .save(&path)
            .unwrap();
        let good = fs::read(&path).unwrap();
        for bad in [
            &good[..47],
            &[&good[..], &[0]].concat(),
            &[&[0x31], &good[1..]].concat(),
            &[],
        ] {
            fs::write(&path, bad).unwrap();
            assert!(
                matches!(
                    NodeIdentity::load(&path),
                    Err(IdentityError::NotAKey { .. })
                ),
                "{} bytes",
                bad.len()
            );
        }
    }

    #[test]
    fn the_pin_is_the_hash_of_the_public_key_info_as_openssl_computes_it() {
        // printf '302e020100300506032b657004220420%064d' 0 | xxd -r -p \
        //   | openssl pkey -inform DER -pubout -outform DER | sha256sum
        let pin = hex::encode(NodeIdentity::generate(&[0; 32]).unwrap().pin());
        assert_eq!(
            pin, "339e2ff917630507b6a423b5ce084e285d1fa65d93b3e27a6195d3bbebc9ae23",
            "all-zero seed"
        );
    }

    #[test]
    fn an_identity_does_not_show_its_key() {
        let identity = NodeIdentity::generate(&[0xab; 32]).unwrap();
        assert!(
            !format!("{identity:?}").to_lowercase().contains("abababab"),
            "only the pin is shown"
        );
    }
}
