//! The bytes of a `ReadRange`: nothing is given out that does not belong to the content id.

use std::collections::VecDeque;

use bytes::BytesMut;
use cairn_merkle::range::{RangeVerifier, Verified};

use crate::client::exchange::Exchange;
use crate::error::{BodyError, CodecError, RequestError};
use crate::frame::{ReadSome, read_some};
use crate::limits::Limits;
use crate::message::{RangeHeader, ReadRange};
use crate::pace::Pace;

/// Bytes taken off the network before they are verified.
const READ_BYTES: usize = 64 << 10;

/// Verified bytes in order, in pieces of at most 16 KiB. Holds at most one read and one group beyond what it gave out.
/// Dropped before the end, it cancels the request.
#[derive(Debug)]
pub struct RangeStream {
    exchange: Exchange,
    verifier: RangeVerifier,
    ready: VecDeque<Verified>,
    buffer: BytesMut,
    pace: Pace,
    encoded_bytes: u64,
    state: State,
    /// What to say when the verified bytes before it have been given out.
    failure: Option<RequestError>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Reading,
    Complete,
    Failed,
}

/// A question that makes sense, before it is asked.
pub(crate) struct Prepared {
    verifier: RangeVerifier,
    piece_byte_len: u64,
    encoded_bytes: u64,
    pace: Pace,
}

impl RangeStream {
    pub(crate) fn prepare(
        request: &ReadRange,
        piece_byte_len: u64,
        limits: &Limits,
    ) -> Result<Prepared, RequestError> {
        if request.len == 0 || request.len > limits.max_range_bytes {
            let range = CodecError::Range {
                field: "len",
                got: request.len,
                min: 1,
                max: limits.max_range_bytes,
            };
            return Err(RequestError::BadRequest(range));
        }
        let verifier = RangeVerifier::new(
            request.content_id,
            piece_byte_len,
            request.offset,
            request.len,
        )
        .map_err(|error| RequestError::OutsidePiece {
            reason: error.to_string(),
        })?;
        let encoded_bytes = verifier.encoded_left();
        Ok(Prepared {
            verifier,
            piece_byte_len,
            encoded_bytes,
            pace: Pace::new(limits),
        })
    }

    /// The next verified bytes; `None` when the whole range was given out. After an error nothing more comes.
    ///
    /// # Errors
    /// [`RequestError::Unverified`] when the node's bytes are not the content's; the others as their names say.
    pub async fn next(&mut self) -> Result<Option<Verified>, RequestError> {
        loop {
            if let Some(verified) = self.ready.pop_front() {
                return Ok(Some(verified));
            }
            match self.state {
                State::Complete => return Ok(None),
                State::Failed => {
                    let again = RequestError::ReplyEnded {
                        inside: "a range that failed",
                    };
                    return Err(self.failure.take().unwrap_or(again));
                }
                State::Reading => {}
            }
            // Stays if this call is dropped half-way.
            self.state = State::Failed;
            match self.read_more().await {
                Ok(state) => self.state = state,
                Err(error) => self.failure = Some(error),
            }
        }
    }

    /// All bytes of the range. At most `max_range_bytes` of the limits are held.
    ///
    /// # Errors
    /// As [`RangeStream::next`].
    pub async fn read_to_end(mut self) -> Result<Vec<u8>, RequestError> {
        let mut bytes = Vec::new();
        while let Some(verified) = self.next().await? {
            bytes.extend_from_slice(&verified.bytes);
        }
        Ok(bytes)
    }

    async fn read_more(&mut self) -> Result<State, RequestError> {
        let left = self.verifier.encoded_left();
        let got_bytes = self.encoded_bytes.saturating_sub(left);
        // One byte of room after the announced end shows whether there is more.
        let room = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .clamp(1, READ_BYTES);
        self.buffer.clear();
        self.buffer.reserve(room);
        let read = read_some(&mut self.exchange.recv, &mut self.buffer, room);
        let outcome = self
            .pace
            .wait(read)
            .await
            .map_err(|late| late.in_body(got_bytes))?;
        match outcome {
            ReadSome::Bytes(_) if left == 0 => Err(BodyError::Long {
                expected_bytes: self.encoded_bytes,
            }
            .into()),
            ReadSome::Bytes(count) => {
                self.pace.moved(count);
                let mut verified = Vec::new();
                let verdict = self.verifier.push(&self.buffer, &mut verified);
                self.ready.extend(verified);
                verdict.map_err(|error| RequestError::Unverified {
                    reason: error.to_string(),
                })?;
                Ok(State::Reading)
            }
            ReadSome::End if left == 0 && self.verifier.is_complete() => {
                self.exchange.done();
                Ok(State::Complete)
            }
            ReadSome::End => Err(BodyError::Short {
                expected_bytes: self.encoded_bytes,
                got_bytes,
            }
            .into()),
            ReadSome::Cancelled => Err(BodyError::Cancelled { got_bytes }.into()),
            ReadSome::Lost(reason) => Err(RequestError::Lost(reason)),
        }
    }
}

impl Prepared {
    /// Begins to read, if the node speaks of the same piece.
    pub(crate) fn start(
        self,
        header: RangeHeader,
        exchange: Exchange,
    ) -> Result<RangeStream, RequestError> {
        if header.piece_byte_len != self.piece_byte_len {
            return Err(RequestError::AnotherAnswer {
                field: "piece_byte_len",
            });
        }
        if header.encoded_len != self.encoded_bytes {
            return Err(RequestError::AnotherAnswer {
                field: "encoded_len",
            });
        }
        Ok(RangeStream {
            exchange,
            verifier: self.verifier,
            ready: VecDeque::new(),
            buffer: BytesMut::new(),
            pace: self.pace,
            encoded_bytes: self.encoded_bytes,
            state: State::Reading,
            failure: None,
        })
    }
}
