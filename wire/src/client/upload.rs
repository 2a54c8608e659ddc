//! The body of a `StorePiece` or `RelaySegment`, from the client's end.

use bytes::Bytes;
use quinn::SendStream;

use crate::error::RequestError;
use crate::frame::{SendError, send_error};
use crate::limits::Limits;
use crate::pace::{Late, Pace};
use crate::source::ChunkSource;

/// A write is at most so long, so that its time-out is about progress and not about size.
const WRITE_BYTES: usize = 128 << 10;

/// How a body that was not at fault here ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Upload {
    Complete,
    /// The node reads no further; its reply says why.
    Stopped,
}

/// Sends exactly the announced bytes.
pub(crate) async fn send_body(
    send: &mut SendStream,
    source: &mut impl ChunkSource,
    announced_bytes: u64,
    limits: &Limits,
) -> Result<Upload, RequestError> {
    let mut pace = Pace::new(limits);
    let mut given_bytes: u64 = 0;
    while let Some(chunk) = source.next_chunk().await.map_err(RequestError::Source)? {
        let bytes = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
        given_bytes = given_bytes.saturating_add(bytes);
        if given_bytes > announced_bytes {
            break;
        }
        if send_chunk(send, chunk, &mut pace).await? == Upload::Stopped {
            return Ok(Upload::Stopped);
        }
    }
    if given_bytes == announced_bytes {
        Ok(Upload::Complete)
    } else {
        Err(RequestError::SourceLength {
            expected_bytes: announced_bytes,
            got_bytes: given_bytes,
        })
    }
}

async fn send_chunk(
    send: &mut SendStream,
    mut chunk: Bytes,
    pace: &mut Pace,
) -> Result<Upload, RequestError> {
    const WAITING: &str = "the node to take more of the body";
    while !chunk.is_empty() {
        let part = chunk.split_to(chunk.len().min(WRITE_BYTES));
        let bytes = part.len();
        let written = pace
            .wait(send.write_chunk(part))
            .await
            .map_err(|late| match late {
                Late::Stalled { after } => RequestError::TimedOut {
                    waiting_for: WAITING,
                    after,
                },
                Late::TooSlow { min_bytes_per_s } => RequestError::TooSlow {
                    waiting_for: WAITING,
                    min_bytes_per_s,
                },
            })?;
        match written.map_err(send_error) {
            Ok(()) => pace.moved(bytes),
            Err(SendError::Stopped(_)) => return Ok(Upload::Stopped),
            Err(SendError::TimedOut) => {
                return Err(RequestError::TimedOut {
                    waiting_for: WAITING,
                    after: pace.stall(),
                });
            }
            Err(SendError::Lost(reason)) => return Err(RequestError::Lost(reason)),
        }
    }
    Ok(Upload::Complete)
}
