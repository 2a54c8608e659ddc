//! The BLAKE3 tree above 16 KiB groups, built at once or while the bytes arrive.

use super::geometry::tree_of;
use crate::content::ContentId;
use crate::error::RangeError;
use bao_tree::BaoTree;
use bao_tree::io::outboard::PostOrderMemOutboard;
use bao_tree::iter::{BaoChunk, PostOrderChunkIter};
use blake3::hazmat::{
    ChainingValue, HasherExt, Mode, merge_subtrees_non_root, merge_subtrees_root,
};

/// An outboard beside the content id and length it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outboard {
    pub(super) inner: PostOrderMemOutboard,
}

impl Outboard {
    /// The content id of `bytes` and the bytes of its outboard.
    ///
    /// # Errors
    /// [`RangeError::TooLong`].
    pub fn build(bytes: &[u8]) -> Result<(ContentId, Vec<u8>), RangeError> {
        let mut builder = OutboardBuilder::new(bytes.len() as u64)?;
        builder.update(bytes)?;
        builder.finish()
    }

    /// Stored outboard bytes, to encode ranges from. Their hashes are checked when a range is encoded.
    ///
    /// # Errors
    /// [`RangeError::TooLong`] or [`RangeError::OutboardLength`].
    pub fn from_parts(
        content_id: ContentId,
        byte_len: u64,
        bytes: Vec<u8>,
    ) -> Result<Self, RangeError> {
        let tree = tree_of(byte_len)?;
        let (expected, got) = (tree.outboard_size(), bytes.len() as u64);
        if expected != got {
            return Err(RangeError::OutboardLength {
                byte_len,
                expected,
                got,
            });
        }
        let root = blake3::Hash::from_bytes(content_id.to_bytes());
        Ok(Self {
            inner: PostOrderMemOutboard {
                root,
                tree,
                data: bytes,
            },
        })
    }

    /// Bytes of the outboard of content of `byte_len` bytes.
    ///
    /// # Errors
    /// [`RangeError::TooLong`].
    pub fn len_for(byte_len: u64) -> Result<u64, RangeError> {
        Ok(tree_of(byte_len)?.outboard_size())
    }

    /// The content id.
    #[must_use]
    pub fn content_id(&self) -> ContentId {
        self.inner.root.into()
    }

    /// Bytes of the content.
    #[must_use]
    pub fn byte_len(&self) -> u64 {
        self.inner.tree.size()
    }

    /// The bytes of the outboard.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.inner.data
    }
}

/// Builds content id and outboard of a stream of known length; holds one group, and the outboard itself.
pub struct OutboardBuilder {
    tree: BaoTree,
    walk: PostOrderChunkIter,
    /// The group that the walk waits for.
    next: Option<Group>,
    waiting: Vec<u8>,
    taken: u64,
    stack: Vec<ChainingValue>,
    root: Option<blake3::Hash>,
    outboard: Vec<u8>,
}

struct Group {
    start_chunk: u64,
    size: usize,
    is_root: bool,
}

impl core::fmt::Debug for OutboardBuilder {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("OutboardBuilder")
            .field("byte_len", &self.tree.size())
            .field("taken", &self.taken)
            .finish_non_exhaustive()
    }
}

impl OutboardBuilder {
    /// A builder for content of `byte_len` bytes.
    ///
    /// # Errors
    /// [`RangeError::TooLong`].
    pub fn new(byte_len: u64) -> Result<Self, RangeError> {
        let tree = tree_of(byte_len)?;
        let mut builder = Self {
            tree,
            walk: tree.post_order_chunks_iter(),
            next: None,
            waiting: Vec::new(),
            taken: 0,
            stack: Vec::new(),
            root: None,
            outboard: Vec::with_capacity(
                usize::try_from(tree.outboard_size())
                    .unwrap_or(0)
                    .min(1 << 20),
            ),
        };
        builder.advance();
        Ok(builder)
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// [`RangeError::ContentLength`] if more come than were announced; none of these are taken then.
    pub fn update(&mut self, mut bytes: &[u8]) -> Result<(), RangeError> {
        let expected = self.tree.size();
        let got = self.taken.saturating_add(bytes.len() as u64);
        if got > expected {
            return Err(RangeError::ContentLength { expected, got });
        }
        self.taken = got;
        while let Some(group) = &self.next {
            let missing = group.size - self.waiting.len();
            if bytes.len() < missing {
                break;
            }
            let (now, later) = bytes.split_at(missing);
            bytes = later;
            if self.waiting.is_empty() {
                self.hash_group(now);
            } else {
                let mut whole = core::mem::take(&mut self.waiting);
                whole.extend_from_slice(now);
                self.hash_group(&whole);
                whole.clear();
                self.waiting = whole;
            }
        }
        self.waiting.extend_from_slice(bytes);
        Ok(())
    }

    /// The content id and the outboard, once every announced byte has come.
    ///
    /// # Errors
    /// [`RangeError::ContentLength`] if bytes are missing.
    pub fn finish(self) -> Result<(ContentId, Vec<u8>), RangeError> {
        let missing = RangeError::ContentLength {
            expected: self.tree.size(),
            got: self.taken,
        };
        if self.taken != self.tree.size() {
            return Err(missing);
        }
        Ok((self.root.ok_or(missing)?.into(), self.outboard))
    }

    fn hash_group(&mut self, bytes: &[u8]) {
        let Some(group) = self.next.take() else {
            return;
        };
        if group.is_root {
            self.root = Some(blake3::hash(bytes));
        } else {
            self.stack.push(group_hash(group.start_chunk, bytes));
        }
        self.advance();
    }

    /// Merges finished nodes until the walk waits for the next group, or is over.
    fn advance(&mut self) {
        for step in self.walk.by_ref() {
            match step {
                BaoChunk::Leaf {
                    start_chunk,
                    size,
                    is_root,
                    ..
                } => {
                    self.next = Some(Group {
                        start_chunk: start_chunk.0,
                        size,
                        is_root,
                    });
                    // Content of no bytes is one group of no bytes: nothing will come to complete it.
                    if size == 0 {
                        self.next = None;
                        self.root = Some(blake3::hash(&[]));
                    }
                    return;
                }
                BaoChunk::Parent { is_root, .. } => {
                    let (Some(right), Some(left)) = (self.stack.pop(), self.stack.pop()) else {
                        return;
                    };
                    self.outboard.extend_from_slice(&left);
                    self.outboard.extend_from_slice(&right);
                    if is_root {
                        self.root = Some(merge_subtrees_root(&left, &right, Mode::Hash));
                    } else {
                        self.stack
                            .push(merge_subtrees_non_root(&left, &right, Mode::Hash));
                    }
                }
            }
        }
    }
}

/// The chaining value of a group that is not the whole content.
pub(super) fn group_hash(start_chunk: u64, bytes: &[u8]) -> ChainingValue {
    const CHUNK_BYTES: u64 = 1024;
    blake3::Hasher::new()
        .set_input_offset(start_chunk.saturating_mul(CHUNK_BYTES))
        .update(bytes)
        .finalize_non_root()
}
