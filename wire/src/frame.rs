//! Frames on and off a QUIC stream, bounded in size and time.

use std::io;
use std::time::Duration;

use bytes::{BufMut, BytesMut};
use quinn::{ReadError, ReadExactError, RecvStream, SendStream, VarInt, WriteError};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;

use crate::codec::PREFIX_BYTES;
use crate::error::CodecError;
use crate::refusal::plain;

/// The QUIC application code of a stream that is given up without one of the seven error codes.
pub(crate) const CANCELLED: VarInt = VarInt::from_u32(0);

/// What kept a frame from arriving.
#[derive(Debug)]
pub(crate) enum FrameError {
    TimedOut,
    /// The stream ended or was cancelled before the frame was complete.
    Ended,
    Codec(CodecError),
    Lost(String),
}

/// Reads the payload of one frame (without its length prefix).
pub(crate) async fn read_frame(
    stream: &mut RecvStream,
    max_bytes: usize,
    patience: Duration,
) -> Result<Vec<u8>, FrameError> {
    timeout(patience, read_frame_forever(stream, max_bytes))
        .await
        .map_err(|_| FrameError::TimedOut)?
}

async fn read_frame_forever(
    stream: &mut RecvStream,
    max_bytes: usize,
) -> Result<Vec<u8>, FrameError> {
    let mut prefix = [0; PREFIX_BYTES];
    stream.read_exact(&mut prefix).await.map_err(exact_error)?;
    let length = usize::from(u16::from_le_bytes(prefix));
    if length > max_bytes {
        return Err(FrameError::Codec(CodecError::HeaderTooLong {
            got: length,
            limit: max_bytes,
        }));
    }
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await.map_err(exact_error)?;
    Ok(payload)
}

fn exact_error(error: ReadExactError) -> FrameError {
    match error {
        ReadExactError::FinishedEarly(_) | ReadExactError::ReadError(ReadError::Reset(_)) => {
            FrameError::Ended
        }
        ReadExactError::ReadError(error) => FrameError::Lost(lost(&error)),
    }
}

/// What came of waiting for more bytes of a body.
#[derive(Debug)]
pub(crate) enum ReadSome {
    Bytes(usize),
    End,
    Cancelled,
    Lost(String),
}

/// Appends what has arrived, at most `limit` bytes.
pub(crate) async fn read_some(
    stream: &mut RecvStream,
    buffer: &mut BytesMut,
    limit: usize,
) -> ReadSome {
    match stream.read_buf(&mut buffer.limit(limit)).await {
        Ok(0) => ReadSome::End,
        Ok(count) => ReadSome::Bytes(count),
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => ReadSome::Cancelled,
        Err(error) => ReadSome::Lost(lost(&error)),
    }
}

/// What kept bytes from being sent.
#[derive(Debug)]
pub(crate) enum SendError {
    TimedOut,
    /// The other side wants no more, for the reason of this code.
    Stopped(VarInt),
    Lost(String),
}

/// Sends a frame.
pub(crate) async fn write_frame(
    stream: &mut SendStream,
    frame: &[u8],
    patience: Duration,
) -> Result<(), SendError> {
    timeout(patience, stream.write_all(frame))
        .await
        .map_err(|_| SendError::TimedOut)?
        .map_err(send_error)
}

pub(crate) fn send_error(error: WriteError) -> SendError {
    match error {
        WriteError::Stopped(code) => SendError::Stopped(code),
        error => SendError::Lost(lost(&error)),
    }
}

/// The whole chain of an error in one line: quinn keeps the reason of a lost connection one level down. The other side
/// may have put any text into that reason, so it is bounded and cannot move a terminal.
pub(crate) fn lost(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    plain(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_of_the_other_side_is_cleaned_and_bounded() {
        let close = quinn::ApplicationClose {
            error_code: CANCELLED,
            reason: bytes::Bytes::from(format!("\u{1b}[2J\n{}", "x".repeat(5000))),
        };
        let error = ReadError::ConnectionLost(quinn::ConnectionError::ApplicationClosed(close));
        let text = lost(&error);
        assert!(
            text.starts_with("connection lost: "),
            "the chain is kept: {text}"
        );
        assert!(
            !text.chars().any(char::is_control),
            "nothing moves a terminal: {text:?}"
        );
        assert!(text.len() <= 256, "{} bytes", text.len());
    }
}
