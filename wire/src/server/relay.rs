//! `RelaySegment`: a body in, then one frame a slot out, as they come.

use std::sync::atomic::Ordering;

use quinn::SendStream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::limits::Limits;
use crate::message::{RelaySegment, Reply, SlotFailed, SlotOutcome};
use crate::refusal::WireError;
use crate::server::accept::Shared;
use crate::server::body::PieceBody;
use crate::server::stream::{Stream, answer, code_of, end, in_time, refuse, say};
use crate::server::transfer::watched;

/// Refused before the body, or Continue, the body, and what becomes of each slot.
pub(crate) async fn serve_relay(shared: &Shared, request: RelaySegment, stream: Stream) {
    let Stream {
        peer,
        mut send,
        mut recv,
        windows,
    } = stream;
    let limits = &shared.limits;
    let intake = match in_time(shared.handler.admit_segment(peer, request), limits).await {
        Ok(intake) => intake,
        Err(error) => return refuse(&mut send, &mut recv, &error, limits).await,
    };
    // Room first, then the word that makes the client send.
    let room = windows.receive(request.segment_bytes);
    if say(&mut send, &Reply::Continue, limits).await.is_err() {
        return;
    }
    let mut body = PieceBody::of_stream(recv, request.segment_bytes, limits);
    let activity = body.activity();
    let received = watched(intake.receive(&mut body), limits, || {
        activity.load(Ordering::Relaxed)
    })
    .await;
    drop(room);
    let taken = match (received, body.outcome()) {
        (_, Err(failed)) => Err(WireError::from(failed)),
        (Ok(outcomes), Ok(true)) => Ok(outcomes),
        (Ok(_), Ok(false)) => {
            tracing::error!("the node relays a segment that it did not read to the end");
            Err(WireError::internal("the node did not read the body"))
        }
        (Err(error), Ok(_)) => Err(error),
    };
    match taken {
        Ok(outcomes) => tell(&mut send, outcomes, limits).await,
        Err(error) => {
            tracing::debug!(peer = %peer.address, %error, "RelaySegment failed");
            body.stop(code_of(error.code()));
            answer(&mut send, Err(error), limits).await;
        }
    }
}

/// Sends what becomes of each slot until nothing more comes, or nobody listens any more.
async fn tell(send: &mut SendStream, mut outcomes: mpsc::Receiver<SlotOutcome>, limits: &Limits) {
    loop {
        let gone = send.stopped();
        let next = tokio::select! {
            next = timeout(limits.relay_timeout, outcomes.recv()) => next,
            _ = gone => return,
        };
        match next {
            Ok(Some(outcome)) => {
                if say(send, &reply_of(outcome), limits).await.is_err() {
                    return;
                }
            }
            Ok(None) => return end(send, limits.header_timeout).await,
            Err(_) => {
                let late = WireError::internal("the pieces were not handed on in time");
                return answer(send, Err(late), limits).await;
            }
        }
    }
}

fn reply_of(outcome: SlotOutcome) -> Reply {
    match outcome.result {
        Ok(receipt) => Reply::Receipt(receipt),
        Err(error) => Reply::SlotFailed(SlotFailed {
            slot: outcome.slot,
            error,
        }),
    }
}
