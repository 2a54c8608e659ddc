//! The two requests that move a piece.

use std::sync::atomic::Ordering;

use bytes::Bytes;
use quinn::{SendStream, VarInt};
use tokio::time::timeout;

use crate::frame::{CANCELLED, send_error};
use crate::limits::Limits;
use crate::message::{MAX_PIECE_BYTES, RangeHeader, ReadRange, Receipt, Reply, StorePiece};
use crate::pace::Pace;
use crate::refusal::{ErrorCode, WireError};
use crate::server::accept::Shared;
use crate::server::body::PieceBody;
use crate::server::handler::{HandlerFuture, RangeReply};
use crate::server::stream::{Stream, answer, code_of, end, in_time, refuse, reset, say};
use crate::source::ChunkSource;

/// A write is at most so long, so that its time-out is about progress and not about size.
const WRITE_BYTES: usize = 128 << 10;

/// `StorePiece`: refused before the body, or Continue, the body, and a Receipt.
pub(crate) async fn serve_store(shared: &Shared, request: StorePiece, stream: Stream) {
    let Stream {
        peer,
        mut send,
        mut recv,
        windows,
    } = stream;
    let limits = &shared.limits;
    let admitted = if request.byte_len > limits.max_piece_bytes {
        Err(WireError::too_large(format_args!(
            "a piece is at most {} bytes here",
            limits.max_piece_bytes
        )))
    } else {
        in_time(shared.handler.admit_piece(peer, request), limits).await
    };
    let intake = match admitted {
        Ok(intake) => intake,
        Err(error) => return refuse(&mut send, &mut recv, &error, limits).await,
    };
    // Room first, then the word that makes the client send.
    let room = windows.receive(request.byte_len);
    if say(&mut send, &Reply::Continue, limits).await.is_err() {
        return;
    }
    let mut body = PieceBody::of_stream(recv, request.byte_len, limits);
    let activity = body.activity();
    let received = watched(intake.receive(&mut body), limits, || {
        activity.load(Ordering::Relaxed)
    })
    .await;
    drop(room);
    let reply = match (received, body.outcome()) {
        (_, Err(failed)) => Err(WireError::from(failed)),
        (Ok(receipt), Ok(true)) => check_receipt(&request, receipt).map(Reply::Receipt),
        (Ok(_), Ok(false)) => {
            tracing::error!("the node signed a Receipt for a body it did not read to the end");
            Err(WireError::internal("the node did not read the body"))
        }
        (Err(error), Ok(_)) => Err(error),
    };
    if let Err(error) = &reply {
        tracing::debug!(peer = %peer.address, %error, "StorePiece failed");
        body.stop(code_of(error.code()));
    }
    answer(&mut send, reply, limits).await;
}

/// The node's answer to a body, which takes as long as the body does: given up when neither a byte was asked for nor an
/// answer given for as long as both may take.
pub(crate) async fn watched<T>(
    mut future: HandlerFuture<'_, T>,
    limits: &Limits,
    activity: impl Fn() -> u64,
) -> Result<T, WireError> {
    let patience = limits.request_timeout.saturating_add(limits.body_stall);
    let mut seen = activity();
    loop {
        if let Ok(outcome) = timeout(patience, &mut future).await {
            return outcome;
        }
        let now = activity();
        if now == seen {
            tracing::warn!(after = ?patience, "the node did not finish taking a body in time");
            return Err(WireError::internal("the node did not answer in time"));
        }
        seen = now;
    }
}

/// A node that signs something else than what it was asked for would have it believed by nobody, or worse.
fn check_receipt(request: &StorePiece, receipt: Receipt) -> Result<Receipt, WireError> {
    let terms = &receipt.terms;
    let same = terms.deal == request.deal
        && terms.slot == request.slot
        && terms.content_id == request.content_id
        && terms.byte_len == request.byte_len;
    if same {
        return Ok(receipt);
    }
    tracing::error!(
        ?request,
        ?terms,
        "the node signed a Receipt for another piece"
    );
    Err(WireError::internal(
        "the node's Receipt is for another piece",
    ))
}

/// `ReadRange`: a header and the encoded bytes.
pub(crate) async fn serve_range(shared: &Shared, request: ReadRange, stream: Stream) {
    let Stream {
        peer,
        mut send,
        recv: _recv,
        windows,
    } = stream;
    let limits = &shared.limits;
    let found = if request.len > limits.max_range_bytes {
        Err(WireError::too_large(format_args!(
            "a range is at most {} bytes here",
            limits.max_range_bytes
        )))
    } else if request.offset.saturating_add(request.len) > MAX_PIECE_BYTES {
        Err(WireError::bad_request("the range ends beyond any piece"))
    } else {
        in_time(shared.handler.read_range(peer, request), limits).await
    };
    let RangeReply { header, mut body } = match found {
        Ok(reply) => reply,
        Err(error) => return answer(&mut send, Err(error), limits).await,
    };
    if Reply::RangeHeader(header).to_frame().is_err() {
        return answer(
            &mut send,
            Err(WireError::internal(
                "the node's range header cannot be sent",
            )),
            limits,
        )
        .await;
    }
    let room = windows.send(header.encoded_len);
    if say(&mut send, &Reply::RangeHeader(header), limits)
        .await
        .is_ok()
    {
        match send_body(&mut send, body.as_mut(), header, limits).await {
            Ok(()) => end(&mut send, limits.body_stall).await,
            Err(code) => {
                tracing::debug!(peer = %peer.address, code = code.into_inner(), "ReadRange was cut off");
                reset(&mut send, code);
            }
        }
    }
    drop(room);
}

/// Sends exactly the announced bytes, or says with which code to cut the stream off.
async fn send_body(
    send: &mut SendStream,
    body: &mut dyn ChunkSource,
    header: RangeHeader,
    limits: &Limits,
) -> Result<(), VarInt> {
    let internal = code_of(ErrorCode::Internal);
    let mut left = header.encoded_len;
    let mut pace = Pace::new(limits);
    loop {
        let next = timeout(limits.request_timeout, body.next_chunk()).await.map_err(|_| {
            tracing::warn!(after = ?limits.request_timeout, "the node's bytes did not come in time");
            internal
        })?;
        let chunk = match next {
            Ok(Some(chunk)) => chunk,
            Ok(None) if left == 0 => return Ok(()),
            Ok(None) => {
                tracing::error!(left, "the node gave fewer bytes than it announced");
                return Err(internal);
            }
            Err(error) => {
                tracing::warn!(%error, "the node could not read the range to its end");
                return Err(internal);
            }
        };
        left = u64::try_from(chunk.len())
            .ok()
            .and_then(|sent| left.checked_sub(sent))
            .ok_or_else(|| {
                tracing::error!(
                    left,
                    chunk = chunk.len(),
                    "the node gave more bytes than it announced"
                );
                internal
            })?;
        send_chunk(send, chunk, &mut pace).await?;
    }
}

async fn send_chunk(
    send: &mut SendStream,
    mut chunk: Bytes,
    pace: &mut Pace,
) -> Result<(), VarInt> {
    while !chunk.is_empty() {
        let part = chunk.split_to(chunk.len().min(WRITE_BYTES));
        let bytes = part.len();
        let written = pace.wait(send.write_chunk(part)).await.map_err(|late| {
            tracing::debug!(?late, "the reader does not read");
            CANCELLED
        })?;
        written.map_err(|error| {
            tracing::debug!(error = ?send_error(error), "the reader went away");
            CANCELLED
        })?;
        pace.moved(bytes);
    }
    Ok(())
}
