//! QUIC and TLS settings of both sides: TLS 1.3 only, ALPN `cairn/1`, no session resumption, no early data.
//!
//! Figures behind the windows and buffers: `docs/bench/wire.md`. Segmentation offload is what makes UDP fast here (off,
//! it costs a factor of four), and the congestion controller is Cubic.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use quinn::congestion::CubicConfig;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use quinn::{IdleTimeout, TransportConfig, VarInt};
use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::server::NoServerSessionStorage;
use rustls::version::TLS13;
use socket2::{Domain, Protocol, Socket, Type};

use crate::error::BindError;
use crate::identity::NodeIdentity;
use crate::limits::Limits;

/// The application protocol, negotiated in the TLS handshake: anything else is turned away there.
pub const ALPN: &[u8] = b"cairn/1";

/// The most bytes of one not yet accepted connection that are kept.
const INCOMING_BUFFER_BYTES: u64 = 32 << 10;
/// The most bytes of all not yet accepted connections that are kept.
const INCOMING_BUFFER_TOTAL_BYTES: u64 = 8 << 20;

/// The only cryptography used: ring's, named explicitly because another crate in the process may bring another one.
pub(crate) fn crypto_provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// A UDP socket with large buffers; an IPv6 wildcard address takes IPv4 too.
pub(crate) fn udp_socket(address: SocketAddr, limits: &Limits) -> io::Result<UdpSocket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::DGRAM,
        Some(Protocol::UDP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // The system caps both (net.core.rmem_max, wmem_max): smaller buffers are slower, not wrong.
    if let Err(error) = socket
        .set_recv_buffer_size(limits.socket_buffer_bytes)
        .and_then(|()| socket.set_send_buffer_size(limits.socket_buffer_bytes))
    {
        tracing::debug!(%error, "the socket keeps the system's buffer sizes");
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn idle_timeout(limits: &Limits) -> Option<IdleTimeout> {
    // `Limits::check` keeps every wait below a day; QUIC's own bound is 2^62 ms.
    IdleTimeout::try_from(limits.idle_timeout).ok()
}

fn common(limits: &Limits) -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport
        .max_idle_timeout(idle_timeout(limits))
        .stream_receive_window(VarInt::from_u32(limits.stream_window_bytes))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .crypto_buffer_size(16 << 10)
        .enable_segmentation_offload(true)
        .congestion_controller_factory(Arc::new(CubicConfig::default()));
    transport
}

/// A server starts every connection with small windows and lets them grow for admitted transfers only.
pub(crate) fn server_config(
    identity: &NodeIdentity,
    limits: &Limits,
) -> Result<quinn::ServerConfig, BindError> {
    let tls_error = |error: &dyn std::fmt::Display| BindError::Tls(error.to_string());
    let mut tls = rustls::ServerConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| tls_error(&error))?
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate()], identity.private_key())
        .map_err(|error| tls_error(&error))?;
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.max_early_data_size = 0;
    tls.send_tls13_tickets = 0;
    tls.session_storage = Arc::new(NoServerSessionStorage {});
    let mut transport = common(limits);
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(limits.max_streams_per_connection))
        .receive_window(VarInt::from_u32(limits.idle_window_bytes))
        .send_window(u64::from(limits.idle_window_bytes));
    let crypto = QuicServerConfig::try_from(tls).map_err(|error| tls_error(&error))?;
    let mut config = quinn::ServerConfig::with_crypto(Arc::new(crypto));
    config
        .transport_config(Arc::new(transport))
        // A client that changes its address starts anew: limits per address could otherwise be walked around.
        .migration(false)
        .max_incoming(limits.max_connections.saturating_mul(2))
        .incoming_buffer_size(INCOMING_BUFFER_BYTES)
        .incoming_buffer_size_total(INCOMING_BUFFER_TOTAL_BYTES);
    config.validation_token.sent(0);
    Ok(config)
}

/// A client opens all streams and keeps the connection alive; the node may open none.
pub(crate) fn client_config(
    verifier: Arc<dyn ServerCertVerifier>,
    limits: &Limits,
) -> Result<quinn::ClientConfig, String> {
    let mut tls = rustls::ClientConfig::builder_with_provider(crypto_provider())
        .with_protocol_versions(&[&TLS13])
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    tls.enable_early_data = false;
    tls.enable_sni = false;
    tls.resumption = Resumption::disabled();
    let mut transport = common(limits);
    transport
        .max_concurrent_bidi_streams(VarInt::from_u32(0))
        .receive_window(VarInt::from_u32(limits.connection_window_bytes))
        .send_window(u64::from(limits.connection_window_bytes))
        .keep_alive_interval(Some(limits.keep_alive.max(Duration::from_millis(10))));
    let crypto = QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
    let mut config = quinn::ClientConfig::new(Arc::new(crypto));
    config.transport_config(Arc::new(transport));
    Ok(config)
}
