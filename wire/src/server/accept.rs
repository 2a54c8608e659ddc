//! The socket and the connections on it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use quinn::{Endpoint, EndpointConfig, Incoming, TokioRuntime, VarInt};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::error::BindError;
use crate::frame::lost;
use crate::identity::NodeIdentity;
use crate::limits::Limits;
use crate::server::handler::{Handler, Peer};
use crate::server::slots::{Admission, Slot, Slots};
use crate::server::stream::{Stream, serve_stream};
use crate::server::windows::Windows;
use crate::transport::{server_config, udp_socket};

/// The application code with which a connection is closed: the node is going away, or nothing was asked for long.
const GOING_AWAY: VarInt = VarInt::from_u32(0);

/// A running endpoint. Dropping it closes every connection at once; [`Server::shutdown`] lets requests finish.
#[derive(Debug)]
pub struct Server {
    endpoint: Endpoint,
    address: SocketAddr,
    slots: Arc<Slots>,
    leaving: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

/// What every connection and stream of a server shares.
pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) requests: Arc<Semaphore>,
    pub(crate) openings: Semaphore,
    connections: AtomicU64,
}

impl Server {
    /// Starts serving on `address` (port 0: any). Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`].
    pub fn bind(
        address: SocketAddr,
        identity: &NodeIdentity,
        limits: Limits,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, BindError> {
        limits.check()?;
        let config = server_config(identity, &limits)?;
        let socket_error = |source| BindError::Socket { address, source };
        let socket = udp_socket(address, &limits).map_err(socket_error)?;
        let endpoint = Endpoint::new(
            EndpointConfig::default(),
            Some(config),
            socket,
            Arc::new(TokioRuntime),
        )
        .map_err(socket_error)?;
        let address = endpoint.local_addr().map_err(socket_error)?;
        let slots = Slots::new(&limits);
        let shared = Arc::new(Shared {
            limits,
            handler,
            requests: Arc::new(Semaphore::new(
                limits.max_requests.min(Semaphore::MAX_PERMITS),
            )),
            openings: Semaphore::new(limits.max_openings.min(Semaphore::MAX_PERMITS)),
            connections: AtomicU64::new(0),
        });
        let (leaving, watcher) = watch::channel(false);
        let task = tokio::spawn(accept_all(
            endpoint.clone(),
            Arc::clone(&slots),
            shared,
            watcher,
        ));
        Ok(Self {
            endpoint,
            address,
            slots,
            leaving,
            task,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Connections at this moment, those still in their handshake included.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.slots.count()
    }

    /// Takes no more requests, gives those under way `grace` to finish, then closes everything.
    pub async fn shutdown(mut self, grace: Duration) {
        self.leaving.send_replace(true);
        if timeout(grace, &mut self.task).await.is_err() {
            tracing::warn!(?grace, "requests were still under way and are cut off");
        }
        self.endpoint.close(GOING_AWAY, b"the node is going away");
        if timeout(grace, self.endpoint.wait_idle()).await.is_err() {
            tracing::debug!("some peers did not notice that the connection is closed");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        self.endpoint.close(GOING_AWAY, b"the node is going away");
    }
}

async fn accept_all(
    endpoint: Endpoint,
    slots: Arc<Slots>,
    shared: Arc<Shared>,
    leaving: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    let mut left = leaving.clone();
    loop {
        let incoming = tokio::select! {
            incoming = endpoint.accept() => incoming,
            () = has_left(&mut left) => None,
        };
        let Some(incoming) = incoming else { break };
        while connections.try_join_next().is_some() {}
        match slots.admit(
            incoming.remote_address().ip(),
            incoming.remote_address_validated(),
        ) {
            Admission::Enter(slot) => {
                connections.spawn(serve_connection(
                    incoming,
                    slot,
                    Arc::clone(&shared),
                    leaving.clone(),
                ));
            }
            Admission::ProveAddress if incoming.may_retry() => {
                if let Err(error) = incoming.retry() {
                    tracing::debug!(%error, "the address could not be asked to prove itself");
                }
            }
            Admission::ProveAddress | Admission::Full => incoming.refuse(),
        }
    }
    while connections.join_next().await.is_some() {}
}

/// Completes when the server is leaving (or gone).
async fn has_left(leaving: &mut watch::Receiver<bool>) {
    if leaving.wait_for(|left| *left).await.is_err() {
        tracing::trace!("the server was dropped");
    }
}

async fn serve_connection(
    incoming: Incoming,
    slot: Slot,
    shared: Arc<Shared>,
    mut leaving: watch::Receiver<bool>,
) {
    let address = incoming.remote_address();
    let limits = &shared.limits;
    let connection = match timeout(limits.handshake_timeout, incoming.into_future()).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => {
            tracing::debug!(%address, error = %lost(&error), "no handshake");
            return;
        }
        Err(_) => {
            tracing::debug!(%address, "the handshake took too long");
            return;
        }
    };
    let number = shared
        .connections
        .fetch_add(1, Ordering::Relaxed)
        .saturating_add(1);
    let peer = Peer {
        address,
        connection: number,
    };
    let windows = Windows::new(connection.clone(), Arc::clone(&slot.share.budget), limits);
    let mut streams = JoinSet::new();
    let most_streams = usize::try_from(limits.max_streams_per_connection).unwrap_or(usize::MAX);
    let why = loop {
        // QUIC gives a stream's credit back as soon as the client resets it; the work it caused may still go on.
        // Nothing new is taken up before that is over.
        while streams.len() >= most_streams {
            streams.join_next().await;
        }
        let stream = tokio::select! {
            stream = timeout(limits.connection_idle, connection.accept_bi()) => stream,
            () = has_left(&mut leaving) => break "the node is going away",
        };
        while streams.try_join_next().is_some() {}
        match stream {
            Ok(Ok((send, recv))) => {
                let stream = Stream {
                    peer,
                    send,
                    recv,
                    windows: Arc::clone(&windows),
                };
                let requests_of_peer = Arc::clone(&slot.share.requests);
                streams.spawn(serve_stream(Arc::clone(&shared), requests_of_peer, stream));
            }
            Ok(Err(error)) => {
                tracing::debug!(%address, error = %lost(&error), "connection over");
                break "";
            }
            Err(_) if streams.is_empty() => break "nothing was asked for too long",
            Err(_) => {}
        }
    };
    // What is under way ends by itself: every wait in it is bounded.
    while streams.join_next().await.is_some() {}
    connection.close(GOING_AWAY, why.as_bytes());
    drop(slot);
}
