//! The body of a `StorePiece` or `RelaySegment` as the node reads it: bounded chunks, the announced length enforced.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use quinn::RecvStream;

use crate::error::BodyError;
use crate::frame::{ReadSome, read_some};
use crate::limits::Limits;
use crate::pace::Pace;
use crate::refusal::WireError;
use crate::source::ChunkSource;

/// The largest chunk handed out.
pub const MAX_CHUNK_BYTES: usize = 128 << 10;

/// A body on its way in.
///
/// ```text
/// announced N:  N bytes, end   -> N bytes in chunks, then None
///               end too early  -> BodyError::Short
///               a byte more    -> BodyError::Long
///               a pause        -> BodyError::Stalled or TooSlow
/// ```
///
/// After an error every further call gives the same error.
pub struct PieceBody {
    from: Origin,
    announced_bytes: u64,
    received_bytes: u64,
    pace: Pace,
    state: State,
    /// Counts what happens here, so that the server can tell a node that works from one that hangs.
    activity: Arc<AtomicU64>,
}

enum Origin {
    Stream(RecvStream),
    Source {
        source: Box<dyn ChunkSource>,
        rest: Bytes,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Reading,
    Complete,
    Failed(BodyError),
}

impl PieceBody {
    pub(crate) fn of_stream(stream: RecvStream, announced_bytes: u64, limits: &Limits) -> Self {
        Self::new(Origin::Stream(stream), announced_bytes, limits)
    }

    /// A body from anywhere: for a node's tests, and for pieces it makes itself.
    #[must_use]
    pub fn from_source(
        source: Box<dyn ChunkSource>,
        announced_bytes: u64,
        limits: &Limits,
    ) -> Self {
        Self::new(
            Origin::Source {
                source,
                rest: Bytes::new(),
            },
            announced_bytes,
            limits,
        )
    }

    fn new(from: Origin, announced_bytes: u64, limits: &Limits) -> Self {
        Self {
            from,
            announced_bytes,
            received_bytes: 0,
            pace: Pace::new(limits),
            state: State::Reading,
            activity: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Length the client announced.
    #[must_use]
    pub const fn announced_bytes(&self) -> u64 {
        self.announced_bytes
    }

    /// Bytes handed out so far.
    #[must_use]
    pub const fn received_bytes(&self) -> u64 {
        self.received_bytes
    }

    /// The next bytes, never empty and at most [`MAX_CHUNK_BYTES`]; `None` once the announced bytes and the end of the
    /// stream have arrived. Not to be raced against anything: a call that is dropped half-way loses bytes, and the
    /// body then fails as [`BodyError::Cancelled`].
    ///
    /// # Errors
    /// [`BodyError`]: the client's fault or the network's.
    pub async fn next_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        self.activity.fetch_add(1, Ordering::Relaxed);
        match &self.state {
            State::Complete => return Ok(None),
            State::Failed(error) => return Err(error.clone()),
            State::Reading => {}
        }
        // Holds while the call is under way, and stays if it is dropped.
        self.state = State::Failed(BodyError::Cancelled {
            got_bytes: self.received_bytes,
        });
        let outcome = self.read_chunk().await;
        self.activity.fetch_add(1, Ordering::Relaxed);
        self.state = match &outcome {
            Ok(Some(_)) => State::Reading,
            Ok(None) => State::Complete,
            Err(error) => State::Failed(error.clone()),
        };
        outcome
    }

    async fn read_chunk(&mut self) -> Result<Option<Bytes>, BodyError> {
        let left = self.announced_bytes.saturating_sub(self.received_bytes);
        let want = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(MAX_CHUNK_BYTES);
        // One byte of room after the announced end shows whether there is more.
        let mut chunk = BytesMut::with_capacity(want.max(1));
        while chunk.len() < want.max(1) {
            match self.read_more(&mut chunk, want.max(1)).await? {
                ReadSome::Bytes(_) if want == 0 => {
                    return Err(BodyError::Long {
                        expected_bytes: self.announced_bytes,
                    });
                }
                ReadSome::Bytes(count) => self.pace.moved(count),
                ReadSome::End if want == 0 => return Ok(None),
                ReadSome::End => {
                    return Err(BodyError::Short {
                        expected_bytes: self.announced_bytes,
                        got_bytes: self.pace.bytes(),
                    });
                }
                ReadSome::Cancelled => {
                    return Err(BodyError::Cancelled {
                        got_bytes: self.pace.bytes(),
                    });
                }
                ReadSome::Lost(reason) => return Err(BodyError::Lost(reason)),
            }
        }
        self.received_bytes = self.pace.bytes();
        Ok(Some(chunk.freeze()))
    }

    async fn read_more(
        &mut self,
        chunk: &mut BytesMut,
        limit: usize,
    ) -> Result<ReadSome, BodyError> {
        let room = limit.saturating_sub(chunk.len());
        let got_bytes = self.pace.bytes();
        match &mut self.from {
            Origin::Stream(stream) => self
                .pace
                .wait(read_some(stream, chunk, room))
                .await
                .map_err(|late| late.in_body(got_bytes)),
            Origin::Source { source, rest } => {
                while rest.is_empty() {
                    let next = self
                        .pace
                        .wait(source.next_chunk())
                        .await
                        .map_err(|late| late.in_body(got_bytes))?;
                    match next {
                        Ok(Some(bytes)) => *rest = bytes,
                        Ok(None) => return Ok(ReadSome::End),
                        Err(error) => return Ok(ReadSome::Lost(error.to_string())),
                    }
                }
                let taken = rest.split_to(rest.len().min(room));
                chunk.extend_from_slice(&taken);
                Ok(ReadSome::Bytes(taken.len()))
            }
        }
    }

    pub(crate) fn activity(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.activity)
    }

    /// The end of the matter: whole, failed, or not read to its end.
    pub(crate) fn outcome(&self) -> Result<bool, BodyError> {
        match &self.state {
            State::Complete => Ok(true),
            State::Reading => Ok(false),
            State::Failed(error) => Err(error.clone()),
        }
    }

    /// Tells the client to send no more.
    pub(crate) fn stop(&mut self, code: quinn::VarInt) {
        if let Origin::Stream(stream) = &mut self.from
            && stream.stop(code).is_err()
        {
            tracing::trace!("the body was already over");
        }
    }
}

impl std::fmt::Debug for PieceBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PieceBody")
            .field("announced_bytes", &self.announced_bytes)
            .field("received_bytes", &self.received_bytes)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl From<BodyError> for WireError {
    fn from(error: BodyError) -> Self {
        Self::bad_request(error)
    }
}
