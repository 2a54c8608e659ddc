//! The TLS verifier that knows one key and nothing else.

use std::sync::{Arc, OnceLock};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};

use crate::identity::pin_of;

/// Accepts the certificate whose public key hashes to the pin, and the handshake only if that key signed it.
///
/// ```text
/// SHA-256(SPKI of the certificate) = pin    and    the key in that SPKI signed this handshake's transcript
/// ```
///
/// The first alone proves nothing: anyone can show a copy of a certificate. Names, dates, issuers and chains are not
/// looked at: what makes a key right is the registry on the chain.
#[derive(Debug)]
pub(crate) struct PinVerifier {
    pin: [u8; 32],
    provider: Arc<CryptoProvider>,
    /// The hash of the key that was shown instead, for the error message.
    shown: OnceLock<[u8; 32]>,
}

impl PinVerifier {
    pub(crate) fn new(pin: [u8; 32], provider: Arc<CryptoProvider>) -> Arc<Self> {
        Arc::new(Self {
            pin,
            provider,
            shown: OnceLock::new(),
        })
    }

    /// The key that was shown, if it was the wrong one.
    pub(crate) fn mismatch(&self) -> Option<[u8; 32]> {
        self.shown.get().copied()
    }
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let got = pin_of(end_entity)?;
        if got == self.pin {
            return Ok(ServerCertVerified::assertion());
        }
        self.shown.get_or_init(|| got);
        Err(Error::InvalidCertificate(
            CertificateError::ApplicationVerificationFailure,
        ))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(
            PeerIncompatible::Tls13RequiredForQuic,
        ))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.provider.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
