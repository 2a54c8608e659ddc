//! A leaf with everything that proves its place.
#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use super::hash::node;
use super::shape::{ARITY, ARITY_LOG2, MAX_LEVELS, Shape};
use crate::domain::TreeKind;
use crate::error::{OpeningDecodeError, OpeningError};
use crate::field::{self, ELEMENT_BYTES};
use ark_bls12_381::Fr;
use ark_ff::{AdditiveGroup, Zero};

/// A leaf and, for each level, all 16 children of the node above it.
///
/// ```text
/// byte form:   levels u8 | leaf 32 | levels x 16 x 32        elements little-endian, canonical
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opening {
    /// The leaf.
    pub leaf: Fr,
    /// `groups[l - 1]` = the 16 children of the node at level `l` on the way up; a partial top is zero padded.
    pub groups: Vec<[Fr; ARITY]>,
}

impl Opening {
    /// Checks that `self.leaf` is leaf `index` of the tree of `shape` under `root`. Cost: one permutation a level. An
    /// attacker may choose every byte of the opening; kind, shape, index and root are the verifier's own.
    ///
    /// # Errors
    /// [`OpeningError`] if the opening does not hold.
    pub fn verify(
        &self,
        kind: TreeKind,
        shape: Shape,
        index: u64,
        root: Fr,
    ) -> Result<(), OpeningError> {
        let leaves = shape.leaves();
        if index >= leaves {
            return Err(OpeningError::IndexOutside { index, leaves });
        }
        let expected = shape.levels();
        if u32::try_from(self.groups.len()) != Ok(expected) {
            return Err(OpeningError::WrongDepth {
                expected,
                got: self.groups.len(),
            });
        }
        if kind == TreeKind::Provider && self.leaf.is_zero() {
            return Err(OpeningError::ZeroLeaf);
        }
        if let Some(top) = self.groups.last() {
            let after = top.iter().enumerate().skip(shape.top_arity());
            if let Some((position, _)) = after.into_iter().find(|(_, child)| !child.is_zero()) {
                return Err(OpeningError::TopNotPadded { position });
            }
        }
        let mut below = self.leaf;
        for (level, group) in (1..=expected).zip(&self.groups) {
            let position = position(index, level);
            if group.get(position) != Some(&below) {
                return Err(if level == 1 {
                    OpeningError::WrongLeaf { position }
                } else {
                    OpeningError::WrongNode {
                        level: level.saturating_sub(1),
                    }
                });
            }
            below = node(kind, level, group);
        }
        if below == root {
            Ok(())
        } else {
            Err(OpeningError::WrongRoot)
        }
    }

    /// Bytes of an opening of a tree of `shape` in its byte form.
    #[must_use]
    pub fn encoded_len(shape: Shape) -> usize {
        usize::try_from(shape.levels()).map_or(usize::MAX, encoded_len)
    }

    /// The byte form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(encoded_len(self.groups.len()));
        bytes.push(u8::try_from(self.groups.len()).unwrap_or(u8::MAX));
        bytes.extend_from_slice(&field::to_bytes(&self.leaf));
        for element in self.groups.as_flattened() {
            bytes.extend_from_slice(&field::to_bytes(element));
        }
        bytes
    }

    /// The opening in its byte form. The bytes are a stranger's; at most ten levels are read.
    ///
    /// # Errors
    /// [`OpeningDecodeError`] if the bytes are not exactly one opening.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpeningDecodeError> {
        let (levels, body) = match bytes.split_first() {
            Some((levels, body)) => (usize::from(*levels), body),
            None => {
                return Err(OpeningDecodeError::Length {
                    expected: encoded_len(0),
                    got: 0,
                });
            }
        };
        if levels > MAX_LEVELS {
            return Err(OpeningDecodeError::TooDeep {
                max: MAX_LEVELS,
                got: levels,
            });
        }
        let expected = encoded_len(levels);
        if bytes.len() != expected {
            return Err(OpeningDecodeError::Length {
                expected,
                got: bytes.len(),
            });
        }
        let (elements, _) = body.as_chunks::<ELEMENT_BYTES>();
        let mut elements = elements.iter().enumerate().map(|(index, bytes)| {
            field::from_bytes(bytes).map_err(|_| OpeningDecodeError::NonCanonical { index })
        });
        let length = OpeningDecodeError::Length {
            expected,
            got: bytes.len(),
        };
        let leaf = elements.next().ok_or(length)??;
        let mut groups = vec![[Fr::ZERO; ARITY]; levels];
        for place in groups.as_flattened_mut() {
            *place = elements.next().ok_or(length)??;
        }
        Ok(Self { leaf, groups })
    }
}

fn encoded_len(levels: usize) -> usize {
    levels
        .saturating_mul(ARITY)
        .saturating_add(1)
        .saturating_mul(ELEMENT_BYTES)
        .saturating_add(1)
}

/// The place, among the 16 children of the node at `level`, of the node that leaf `index` hangs under.
pub(super) fn position(index: u64, level: u32) -> usize {
    let digit = index
        .checked_shr(level.saturating_sub(1).saturating_mul(ARITY_LOG2))
        .unwrap_or(0)
        & 15;
    usize::try_from(digit).unwrap_or(0)
}
