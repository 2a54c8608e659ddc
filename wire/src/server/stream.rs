//! One stream: a header in, the right method of the node, a reply out.

use std::sync::Arc;
use std::time::Duration;

use quinn::{RecvStream, SendStream, VarInt};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::frame::{CANCELLED, FrameError, SendError, read_frame, write_frame};
use crate::limits::Limits;
use crate::message::{LeafOpening, OpenLeaf, Reply, Request};
use crate::refusal::{ErrorCode, WireError};
use crate::server::accept::Shared;
use crate::server::handler::{HandlerFuture, Peer};
use crate::server::relay::serve_relay;
use crate::server::transfer::{serve_range, serve_store};
use crate::server::windows::Windows;

/// One request's stream, and who is at its other end.
pub(crate) struct Stream {
    pub(crate) peer: Peer,
    pub(crate) send: SendStream,
    pub(crate) recv: RecvStream,
    pub(crate) windows: Arc<Windows>,
}

/// Serves the one request of a stream. Ends by itself whatever the client does.
pub(crate) async fn serve_stream(shared: Arc<Shared>, of_peer: Arc<Semaphore>, mut stream: Stream) {
    let limits = &shared.limits;
    let request = match read_request(&mut stream.recv, limits).await {
        Ok(request) => request,
        Err(Some(error)) => {
            tracing::debug!(peer = %stream.peer.address, %error, "no request");
            return refuse(&mut stream.send, &mut stream.recv, &error, limits).await;
        }
        Err(None) => return give_up(&mut stream.send, &mut stream.recv, CANCELLED),
    };
    // Only now: half-sent headers must not use up the house.
    let permits = (of_peer.try_acquire(), shared.requests.try_acquire());
    if let (Ok(_), Ok(_)) = &permits {
        serve(&shared, request, stream).await;
    } else {
        let busy = WireError::busy("too many requests at once");
        refuse(&mut stream.send, &mut stream.recv, &busy, limits).await;
    }
    drop(permits);
}

/// The request, or what to tell the client, or nothing to tell because it went away.
async fn read_request(
    recv: &mut RecvStream,
    limits: &Limits,
) -> Result<Request, Option<WireError>> {
    let payload = read_frame(recv, limits.max_header_bytes, limits.header_timeout)
        .await
        .map_err(|error| match error {
            FrameError::TimedOut => Some(WireError::bad_request("the header took too long")),
            FrameError::Ended => Some(WireError::bad_request("the stream ended inside the header")),
            FrameError::Codec(error) => Some(WireError::bad_request(error)),
            FrameError::Lost(_) => None,
        })?;
    Request::decode(&payload).map_err(|error| Some(WireError::bad_request(error)))
}

async fn serve(shared: &Shared, request: Request, mut stream: Stream) {
    let (limits, handler, peer) = (&shared.limits, &shared.handler, stream.peer);
    if !matches!(request, Request::StorePiece(_) | Request::RelaySegment(_))
        && let Err(error) = expect_end(&mut stream.recv, limits.header_timeout).await
    {
        return refuse(&mut stream.send, &mut stream.recv, &error, limits).await;
    }
    let reply = match request {
        Request::StorePiece(store) => return serve_store(shared, store, stream).await,
        Request::ReadRange(read) => return serve_range(shared, read, stream).await,
        Request::RelaySegment(relay) => return serve_relay(shared, relay, stream).await,
        Request::Info => in_time(handler.info(peer), limits).await.map(Reply::Info),
        Request::AcceptPiece(acceptance) => in_time(handler.accept_piece(peer, acceptance), limits)
            .await
            .map(|()| Reply::Accepted),
        Request::OpenLeaf(open) => open_leaf(shared, peer, open).await.map(Reply::LeafOpening),
    };
    answer(&mut stream.send, reply, limits).await;
}

/// Opening a leaf takes hundreds of hashes for a question of 44 bytes: few at once.
async fn open_leaf(
    shared: &Shared,
    peer: Peer,
    request: OpenLeaf,
) -> Result<LeafOpening, WireError> {
    let busy = || WireError::busy("too many leaves are being opened");
    let turn = timeout(shared.limits.request_timeout, shared.openings.acquire())
        .await
        .map_err(|_| busy())?;
    let turn = turn.map_err(|_| busy())?;
    let opened = in_time(shared.handler.open_leaf(peer, request), &shared.limits).await;
    drop(turn);
    opened
}

/// A request without a body is over after its header.
async fn expect_end(recv: &mut RecvStream, patience: Duration) -> Result<(), WireError> {
    match timeout(patience, recv.read(&mut [0; 1])).await {
        Ok(Ok(None)) => Ok(()),
        Ok(Ok(Some(_))) => Err(WireError::bad_request(
            "bytes after a header that has no body",
        )),
        Ok(Err(_)) | Err(_) => Err(WireError::bad_request(
            "the stream did not end after its header",
        )),
    }
}

/// The node's answer within the time a client waits for it.
pub(crate) async fn in_time<T>(
    future: HandlerFuture<'_, T>,
    limits: &Limits,
) -> Result<T, WireError> {
    timeout(limits.request_timeout, future).await.unwrap_or_else(|_| {
        tracing::warn!(after = ?limits.request_timeout, "the node did not answer a request in time");
        Err(WireError::internal("the node did not answer in time"))
    })
}

/// Sends the last reply of a stream.
pub(crate) async fn answer(
    send: &mut SendStream,
    reply: Result<Reply, WireError>,
    limits: &Limits,
) {
    let reply = reply.unwrap_or_else(Reply::Error);
    if say(send, &reply, limits).await.is_ok() {
        end(send, limits.header_timeout).await;
    }
}

/// Sends a reply after which more may come.
pub(crate) async fn say(
    send: &mut SendStream,
    reply: &Reply,
    limits: &Limits,
) -> Result<(), SendError> {
    let frame = match reply.to_frame() {
        Ok(frame) => frame,
        Err(error) => {
            tracing::error!(reply = reply.name(), %error, "the node made a reply that cannot be sent");
            Reply::Error(WireError::internal("the node's reply cannot be sent"))
                .to_frame()
                .unwrap_or_default()
        }
    };
    write_frame(send, &frame, limits.header_timeout).await
}

/// Tells the client no, whatever it is still sending.
pub(crate) async fn refuse(
    send: &mut SendStream,
    recv: &mut RecvStream,
    error: &WireError,
    limits: &Limits,
) {
    stop(recv, code_of(error.code()));
    answer(send, Err(error.clone()), limits).await;
}

/// Ends the stream and waits until the client has everything, so that a client that never reads cannot keep more
/// replies in memory than it may have streams, nor for longer than this.
pub(crate) async fn end(send: &mut SendStream, patience: Duration) {
    if send.finish().is_err() {
        return;
    }
    if timeout(patience, send.stopped()).await.is_err() {
        reset(send, CANCELLED);
    }
}

pub(crate) fn give_up(send: &mut SendStream, recv: &mut RecvStream, code: VarInt) {
    stop(recv, code);
    reset(send, code);
}

pub(crate) fn stop(recv: &mut RecvStream, code: VarInt) {
    if recv.stop(code).is_err() {
        tracing::trace!("the client's half was already over");
    }
}

pub(crate) fn reset(send: &mut SendStream, code: VarInt) {
    if send.reset(code).is_err() {
        tracing::trace!("our half was already over");
    }
}

pub(crate) fn code_of(code: ErrorCode) -> VarInt {
    VarInt::from_u32(u32::from(code.to_byte()))
}
