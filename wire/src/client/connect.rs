//! Sockets, names and handshakes.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use quinn::{ConnectionError, Endpoint, EndpointConfig, TokioRuntime};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::client::connection::Connection;
use crate::client::pin::PinVerifier;
use crate::error::ConnectError;
use crate::frame::lost;
use crate::limits::Limits;
use crate::transport::{client_config, crypto_provider, udp_socket};

/// The name given to TLS, which wants one; it is not sent and not checked.
const SERVER_NAME: &str = "cairn";
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 4;

/// Opens connections to nodes. Cheap to clone; all clones share their sockets.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    limits: Limits,
    v4: OnceCell<Endpoint>,
    v6: OnceCell<Endpoint>,
}

impl Client {
    /// A client with these limits. Opens no socket yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            inner: Arc::new(Inner {
                limits,
                v4: OnceCell::new(),
                v6: OnceCell::new(),
            }),
        }
    }

    /// Its limits.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Connects to the node at `endpoint` (`host:port`), which must hold the key with SHA-256(SPKI) = `pin`. Must be
    /// called inside a tokio runtime.
    ///
    /// Both arguments come from the registry: the endpoint is a stranger's text and may lead anywhere, the pin makes
    /// that harmless.
    ///
    /// # Errors
    /// [`ConnectError`]; with several addresses, the last one's.
    pub async fn connect(&self, endpoint: &str, pin: [u8; 32]) -> Result<Connection, ConnectError> {
        let limits = &self.inner.limits;
        limits.check().map_err(|error| ConnectError::Local {
            reason: error.to_string(),
        })?;
        let nowhere = |reason: String| ConnectError::Endpoint {
            endpoint: endpoint.to_owned(),
            reason,
        };
        let timed_out = || ConnectError::TimedOut {
            endpoint: endpoint.to_owned(),
            after: limits.handshake_timeout,
        };
        let addresses: Vec<SocketAddr> =
            timeout(limits.handshake_timeout, tokio::net::lookup_host(endpoint))
                .await
                .map_err(|_| timed_out())?
                .map_err(|error| nowhere(error.to_string()))?
                .take(MAX_ADDRESSES)
                .collect();
        let mut outcome = Err(nowhere("the name has no address".to_owned()));
        for address in addresses {
            outcome = match timeout(
                limits.handshake_timeout,
                self.connect_to(endpoint, address, pin),
            )
            .await
            {
                Ok(outcome) => outcome,
                Err(_) => Err(timed_out()),
            };
            if outcome.is_ok() {
                break;
            }
        }
        outcome
    }

    async fn connect_to(
        &self,
        endpoint: &str,
        address: SocketAddr,
        pin: [u8; 32],
    ) -> Result<Connection, ConnectError> {
        let limits = &self.inner.limits;
        let local = |reason: String| ConnectError::Local { reason };
        let verifier = PinVerifier::new(pin, crypto_provider());
        let config = client_config(verifier.clone(), limits).map_err(local)?;
        let socket = self.socket_for(address).await?;
        let connecting = socket
            .connect_with(config, address, SERVER_NAME)
            .map_err(|error| ConnectError::Endpoint {
                endpoint: endpoint.to_owned(),
                reason: error.to_string(),
            })?;
        match connecting.await {
            Ok(connection) => Ok(Connection::new(connection, *limits)),
            Err(error) => Err(connect_error(endpoint, &error, &verifier, pin, limits)),
        }
    }

    async fn socket_for(&self, address: SocketAddr) -> Result<&Endpoint, ConnectError> {
        let (cell, any) = match address {
            SocketAddr::V4(_) => (&self.inner.v4, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
            SocketAddr::V6(_) => (&self.inner.v6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))),
        };
        let open = || std::future::ready(open_socket(any, &self.inner.limits));
        cell.get_or_try_init(open)
            .await
            .map_err(|error| ConnectError::Local {
                reason: format!("UDP socket on {any}: {error}"),
            })
    }
}

fn open_socket(address: SocketAddr, limits: &Limits) -> std::io::Result<Endpoint> {
    let socket = udp_socket(address, limits)?;
    Endpoint::new(
        EndpointConfig::default(),
        None,
        socket,
        Arc::new(TokioRuntime),
    )
}

fn connect_error(
    endpoint: &str,
    error: &ConnectionError,
    verifier: &PinVerifier,
    pin: [u8; 32],
    limits: &Limits,
) -> ConnectError {
    let endpoint = endpoint.to_owned();
    if let Some(got) = verifier.mismatch() {
        return ConnectError::PinMismatch {
            endpoint,
            expected: hex::encode(pin),
            got: hex::encode(got),
        };
    }
    match error {
        ConnectionError::TimedOut => ConnectError::TimedOut {
            endpoint,
            after: limits.idle_timeout,
        },
        error => ConnectError::Refused {
            endpoint,
            reason: lost(error),
        },
    }
}
