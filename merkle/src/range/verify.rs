//! What the reader of strangers' bytes does: it takes an encoded range in any slices and gives out verified bytes only.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use super::geometry::{NODE_BYTES, encoded_len, groups_of, tree_of};
use super::outboard::group_hash;
use crate::content::ContentId;
use crate::error::RangeError;
use bao_tree::iter::{BaoChunk, ResponseIter};
use blake3::hazmat::{ChainingValue, Mode, merge_subtrees_non_root, merge_subtrees_root};
use std::io::{ErrorKind, Read};

/// Bytes of a BLAKE3 chunk.
const CHUNK_BYTES: u64 = 1024;

/// Bytes that are verified, and where they stand in the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Offset of the first byte in the content.
    pub offset: u64,
    /// The bytes; never more than the range asked for.
    pub bytes: Vec<u8>,
}

/// What the walk waits for.
#[derive(Debug, Clone, Copy)]
enum Step {
    Node {
        chunk: u64,
        is_root: bool,
        left: bool,
        right: bool,
    },
    Group {
        chunk: u64,
        size: usize,
        is_root: bool,
    },
    End,
    /// A mismatch was met; nothing more is taken or given.
    Failed,
}

/// Verifies an encoded range as it arrives, without I/O: [`Self::push`] takes the peer's bytes in slices of any size and
/// returns what they verified. Holds at most one group.
#[derive(Debug)]
pub struct RangeVerifier {
    walk: ResponseIter,
    step: Step,
    root: ContentId,
    /// Hashes of the subtrees still to come, next on top.
    stack: Vec<ChainingValue>,
    waiting: Vec<u8>,
    first: u64,
    end: u64,
    encoded_left: u64,
}

impl RangeVerifier {
    /// A verifier of `len` bytes from `offset` of the content `content_id` of `byte_len` bytes. All four are the
    /// reader's own knowledge, never the peer's.
    ///
    /// # Errors
    /// [`RangeError::Outside`] or [`RangeError::TooLong`].
    pub fn new(
        content_id: ContentId,
        byte_len: u64,
        offset: u64,
        len: u64,
    ) -> Result<Self, RangeError> {
        let ranges = groups_of(byte_len, offset, len)?;
        let encoded_left = encoded_len(byte_len, offset, len)?;
        let mut verifier = Self {
            walk: ResponseIter::new(tree_of(byte_len)?, ranges),
            step: Step::End,
            root: content_id,
            stack: Vec::new(),
            waiting: Vec::new(),
            first: offset,
            end: offset.saturating_add(len),
            encoded_left,
        };
        verifier.advance();
        Ok(verifier)
    }

    /// Bytes of the encoding that have not come yet.
    #[must_use]
    pub const fn encoded_left(&self) -> u64 {
        self.encoded_left
    }

    /// Whether every byte of the range was verified and given out.
    #[must_use]
    pub const fn is_complete(&self) -> bool {
        matches!(self.step, Step::End)
    }

    /// Takes the next bytes of the peer and appends to `out` what they verified. After an error nothing more is ever
    /// given out; what was appended before it is verified.
    ///
    /// # Errors
    /// [`RangeError::PeerMismatch`] naming the chunk, or [`RangeError::PeerSurplus`].
    pub fn push(&mut self, mut bytes: &[u8], out: &mut Vec<Verified>) -> Result<(), RangeError> {
        loop {
            let wanted = match self.step {
                Step::Node { .. } => NODE_BYTES,
                Step::Group { size, .. } => size,
                Step::End if bytes.is_empty() => return Ok(()),
                Step::End | Step::Failed => return Err(self.fail(RangeError::PeerSurplus)),
            };
            let missing = wanted.saturating_sub(self.waiting.len());
            let Some((now, later)) = bytes.split_at_checked(missing) else {
                self.count(bytes.len());
                self.waiting.extend_from_slice(bytes);
                return Ok(());
            };
            self.count(now.len());
            bytes = later;
            let mut whole = core::mem::take(&mut self.waiting);
            whole.extend_from_slice(now);
            self.complete(whole, out)?;
        }
    }

    /// Checks that the encoding was complete.
    ///
    /// # Errors
    /// [`RangeError::PeerTruncated`] naming the first chunk that is missing.
    pub fn finish(self) -> Result<(), RangeError> {
        match self.step {
            Step::End => Ok(()),
            Step::Node { chunk, .. } | Step::Group { chunk, .. } => {
                Err(RangeError::PeerTruncated { chunk })
            }
            Step::Failed => Err(RangeError::PeerTruncated {
                chunk: self.first.checked_div(CHUNK_BYTES).unwrap_or(0),
            }),
        }
    }

    fn fail(&mut self, error: RangeError) -> RangeError {
        self.step = Step::Failed;
        self.stack.clear();
        self.waiting.clear();
        error
    }

    fn count(&mut self, taken: usize) {
        self.encoded_left = self
            .encoded_left
            .saturating_sub(u64::try_from(taken).unwrap_or(u64::MAX));
    }

    fn advance(&mut self) {
        self.step = match self.walk.next() {
            Some(BaoChunk::Parent {
                node,
                is_root,
                left,
                right,
                ..
            }) => Step::Node {
                chunk: node.chunk_range().start.0,
                is_root,
                left,
                right,
            },
            Some(BaoChunk::Leaf {
                start_chunk,
                size,
                is_root,
                ..
            }) => Step::Group {
                chunk: start_chunk.0,
                size,
                is_root,
            },
            None => Step::End,
        };
    }

    /// Checks a complete node or group against the hash that stands for it.
    fn complete(&mut self, whole: Vec<u8>, out: &mut Vec<Verified>) -> Result<(), RangeError> {
        match self.step {
            Step::Node {
                chunk,
                is_root,
                left,
                right,
            } => {
                let Some((left_hash, right_hash)) = pair(&whole) else {
                    return Err(self.fail(RangeError::PeerMismatch { chunk }));
                };
                if !self.node_matches(&left_hash, &right_hash, is_root) {
                    return Err(self.fail(RangeError::PeerMismatch { chunk }));
                }
                if right {
                    self.stack.push(right_hash);
                }
                if left {
                    self.stack.push(left_hash);
                }
            }
            Step::Group { chunk, is_root, .. } => {
                let matches = if is_root {
                    blake3::hash(&whole).as_bytes() == self.root.as_bytes()
                } else {
                    self.stack.pop() == Some(group_hash(chunk, &whole))
                };
                if !matches {
                    return Err(self.fail(RangeError::PeerMismatch { chunk }));
                }
                out.extend(self.cut(chunk, whole));
            }
            Step::End | Step::Failed => return Err(self.fail(RangeError::PeerSurplus)),
        }
        self.advance();
        Ok(())
    }

    fn node_matches(&mut self, left: &ChainingValue, right: &ChainingValue, is_root: bool) -> bool {
        if is_root {
            merge_subtrees_root(left, right, Mode::Hash).as_bytes() == self.root.as_bytes()
        } else {
            self.stack.pop() == Some(merge_subtrees_non_root(left, right, Mode::Hash))
        }
    }

    /// The part of a verified group that was asked for.
    fn cut(&self, chunk: u64, mut group: Vec<u8>) -> Option<Verified> {
        let start = chunk.checked_mul(CHUNK_BYTES)?;
        let keep_to = usize::try_from(self.end.checked_sub(start)?).unwrap_or(usize::MAX);
        group.truncate(keep_to);
        let skip = usize::try_from(self.first.saturating_sub(start)).unwrap_or(usize::MAX);
        if skip > 0 {
            group.drain(..skip.min(group.len()));
        }
        (!group.is_empty()).then_some(Verified {
            offset: start.max(self.first),
            bytes: group,
        })
    }
}

fn pair(bytes: &[u8]) -> Option<(ChainingValue, ChainingValue)> {
    let (left, right) = bytes.split_first_chunk::<32>()?;
    Some((*left, *right.first_chunk::<32>()?))
}

/// The verified bytes of an encoded range behind a reader; ends after the first error.
#[derive(Debug)]
pub struct VerifiedRange<R> {
    verifier: Option<RangeVerifier>,
    reader: R,
    ready: std::vec::IntoIter<Verified>,
    buffer: Vec<u8>,
}

impl<R: Read> VerifiedRange<R> {
    /// Reads an encoding from `reader`; the other arguments as [`RangeVerifier::new`].
    ///
    /// # Errors
    /// [`RangeError::Outside`] or [`RangeError::TooLong`].
    pub fn new(
        content_id: ContentId,
        byte_len: u64,
        offset: u64,
        len: u64,
        reader: R,
    ) -> Result<Self, RangeError> {
        const READ_BYTES: usize = 64 * 1024;
        let verifier = Some(RangeVerifier::new(content_id, byte_len, offset, len)?);
        Ok(Self {
            verifier,
            reader,
            ready: Vec::new().into_iter(),
            buffer: vec![0; READ_BYTES],
        })
    }

    fn read_more(&mut self) -> Result<bool, RangeError> {
        let Some(verifier) = self.verifier.as_mut() else {
            return Ok(false);
        };
        if verifier.is_complete() {
            self.verifier = None;
            return Ok(false);
        }
        // Only what belongs to the encoding is read: the stream may go on after it.
        let wanted = usize::try_from(verifier.encoded_left())
            .unwrap_or(usize::MAX)
            .min(self.buffer.len());
        let space = self.buffer.get_mut(..wanted).unwrap_or_default();
        let got = loop {
            match self.reader.read(space) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other.map_err(|error| RangeError::Io(error.to_string()))?,
            }
        };
        if got == 0 {
            if let Some(verifier) = self.verifier.take() {
                verifier.finish()?;
            }
            return Ok(false);
        }
        let mut out = Vec::new();
        let verdict = verifier.push(self.buffer.get(..got).unwrap_or_default(), &mut out);
        self.ready = out.into_iter();
        verdict.map(|()| true)
    }
}

impl<R: Read> Iterator for VerifiedRange<R> {
    type Item = Result<Verified, RangeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(verified) = self.ready.next() {
                return Some(Ok(verified));
            }
            match self.read_more() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    // What was verified before the mismatch is dropped with the read it came in.
                    self.verifier = None;
                    self.ready = Vec::new().into_iter();
                    return Some(Err(error));
                }
            }
        }
    }
}
