//! Bare QUIC on either end, to say what an honest end never would.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use cairn_wire::Limits;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, SignatureScheme};

use crate::node::Node;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn anywhere() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// A verifier that takes any key.
#[derive(Debug)]
pub(crate) struct AnyKey;

impl AnyKey {
    pub(crate) fn tls(alpn: &[Vec<u8>]) -> rustls::ClientConfig {
        let mut tls = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Self))
            .with_no_client_auth();
        tls.alpn_protocols = alpn.to_vec();
        tls
    }
}

impl ServerCertVerifier for AnyKey {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

pub(crate) fn quic_client_config(alpn: &[Vec<u8>]) -> quinn::ClientConfig {
    quinn::ClientConfig::new(Arc::new(
        QuicClientConfig::try_from(AnyKey::tls(alpn)).unwrap(),
    ))
}

pub(crate) fn raw_client() -> Endpoint {
    Endpoint::client(anywhere()).unwrap()
}

/// A connection with no manners.
pub(crate) async fn raw_connect(node: &Node) -> Connection {
    try_raw_connect(node).await.unwrap()
}

pub(crate) async fn try_raw_connect(node: &Node) -> Result<Connection, quinn::ConnectionError> {
    let config = quic_client_config(&[cairn_wire::ALPN.to_vec()]);
    raw_client()
        .connect_with(config, node.server.local_addr(), "cairn")
        .unwrap()
        .await
}

/// What a node says on a stream until it ends, is reset (`Err`), or nothing comes for ten seconds (panic).
pub(crate) async fn everything(recv: &mut RecvStream) -> Result<Vec<u8>, String> {
    tokio::time::timeout(Duration::from_secs(10), recv.read_to_end(1 << 20))
        .await
        .expect("the node went on for ten seconds")
        .map_err(|error| error.to_string())
}

/// A node that does on each stream what a test tells it to.
pub(crate) struct RawNode {
    endpoint: Endpoint,
}

#[derive(Debug)]
struct AlwaysThis(Arc<CertifiedKey>);

impl ResolvesServerCert for AlwaysThis {
    fn resolve(&self, _client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

fn pkcs8(seed: [u8; 32]) -> PrivatePkcs8KeyDer<'static> {
    let mut der = hex::decode("302e020100300506032b657004220420").unwrap();
    der.extend_from_slice(&seed);
    der.into()
}

/// The identity that `NodeIdentity::generate` makes of the same seed, key and all.
fn certificate(seed: [u8; 32]) -> CertificateDer<'static> {
    let key =
        rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8(seed), &rcgen::PKCS_ED25519).unwrap();
    rcgen::CertificateParams::default()
        .self_signed(&key)
        .unwrap()
        .der()
        .clone()
}

/// A socket that shows the certificate of one key and signs with another, which may be the same.
fn listen(shown: [u8; 32], held: [u8; 32]) -> Endpoint {
    let key = ring::sign::any_supported_type(&PrivateKeyDer::Pkcs8(pkcs8(held))).unwrap();
    let certified = Arc::new(CertifiedKey::new(vec![certificate(shown)], key));
    let mut tls = rustls::ServerConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(AlwaysThis(certified)));
    tls.alpn_protocols = vec![cairn_wire::ALPN.to_vec()];
    let config =
        quinn::ServerConfig::with_crypto(Arc::new(QuicServerConfig::try_from(tls).unwrap()));
    Endpoint::server(config, anywhere()).unwrap()
}

impl RawNode {
    /// Shows the certificate of one key and signs with another.
    pub(crate) fn start_with_stolen_certificate(shown: [u8; 32], held: [u8; 32]) -> Self {
        Self::run(listen(shown, held), |_, _| std::future::ready(()))
    }

    /// Runs `script` on every stream that is opened. Its pin is that of seed 1.
    pub(crate) fn start<F, D>(script: F) -> Self
    where
        F: Fn(SendStream, RecvStream) -> D + Clone + Send + Sync + 'static,
        D: Future<Output = ()> + Send + 'static,
    {
        Self::run(listen([1; 32], [1; 32]), script)
    }

    fn run<F, D>(endpoint: Endpoint, script: F) -> Self
    where
        F: Fn(SendStream, RecvStream) -> D + Clone + Send + Sync + 'static,
        D: Future<Output = ()> + Send + 'static,
    {
        let node = Self {
            endpoint: endpoint.clone(),
        };
        tokio::spawn(async move {
            while let Some(incoming) = endpoint.accept().await {
                let script = script.clone();
                tokio::spawn(async move {
                    let Ok(connection) = incoming.await else {
                        return;
                    };
                    while let Ok((send, recv)) = connection.accept_bi().await {
                        tokio::spawn(script(send, recv));
                    }
                });
            }
        });
        node
    }

    pub(crate) fn endpoint(&self) -> String {
        self.endpoint.local_addr().unwrap().to_string()
    }

    pub(crate) async fn connect(&self, limits: Limits) -> cairn_wire::Connection {
        let pin = cairn_wire::NodeIdentity::generate(&[1; 32]).unwrap().pin();
        cairn_wire::Client::new(limits)
            .connect(&self.endpoint(), pin)
            .await
            .unwrap()
    }
}
