//! One stream: a header in, the right method of the node, a reply out.

use std::sync::Arc;
use std::time::Duration;

use quinn::{RecvStream, SendStream, VarInt};
use tokio::time::timeout;

use crate::frame::{CANCELLED, FrameError, SendError, read_frame, write_frame};
use crate::limits::Limits;
use crate::message::{Reply, Request};
use crate::refusal::{ErrorCode, WireError};
use crate::server::accept::Shared;
use crate::server::handler::{HandlerFuture, Peer};
use crate::server::transfer::{serve_range, serve_store};
use crate::server::windows::Windows;

/// Serves the one request of a stream. Ends by itself whatever the client does.
pub(crate) async fn serve_stream(
    shared: Arc<Shared>,
    windows: Arc<Windows>,
    peer: Peer,
    mut send: SendStream,
    mut recv: RecvStream,
) {
    let limits = &shared.limits;
    let Ok(permit) = Arc::clone(&shared.requests).try_acquire_owned() else {
        refuse(
            &mut send,
            &mut recv,
            &WireError::busy("too many requests at once"),
            limits,
        )
        .await;
        return;
    };
    match read_request(&mut recv, limits).await {
        Ok(request) => serve(&shared, &windows, peer, request, send, recv).await,
        Err(Some(error)) => {
            tracing::debug!(peer = %peer.address, %error, "no request");
            refuse(&mut send, &mut recv, &error, limits).await;
        }
        Err(None) => give_up(&mut send, &mut recv, CANCELLED),
    }
    drop(permit);
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

async fn serve(
    shared: &Shared,
    windows: &Arc<Windows>,
    peer: Peer,
    request: Request,
    mut send: SendStream,
    mut recv: RecvStream,
) {
    let limits = &shared.limits;
    if !matches!(request, Request::StorePiece(_))
        && let Err(error) = expect_end(&mut recv, limits.header_timeout).await
    {
        return refuse(&mut send, &mut recv, &error, limits).await;
    }
    let handler = &shared.handler;
    let reply = match request {
        Request::StorePiece(store) => {
            return serve_store(shared, windows, peer, store, send, recv).await;
        }
        Request::ReadRange(read) => return serve_range(shared, windows, peer, read, send).await,
        Request::Info => in_time(handler.info(peer), limits).await.map(Reply::Info),
        Request::AcceptPiece(acceptance) => in_time(handler.accept_piece(peer, acceptance), limits)
            .await
            .map(|()| Reply::Accepted),
        Request::OpenLeaf(open) => in_time(handler.open_leaf(peer, open), limits)
            .await
            .map(Reply::LeafOpening),
    };
    answer(&mut send, reply, limits).await;
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
