//! The vanilla proof as bytes: one length for each parameter set, every element canonical.
//!
//! ```text
//! version u8 = 1 | comm_c | r_root
//! 15 columns: L labels | groups of 16, from the labels up
//! data: leaf | groups of 16          replica: leaf | groups of 16
//! ```
//!
//! An element is 32 bytes little-endian. Nothing is counted in the bytes: the set says how much there is of everything,
//! so that a stranger's bytes can ask for no memory beyond their own length.

#![deny(
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use super::index::COLUMNS;
use super::native::{Column, VanillaProof, column_levels};
use crate::merkle_path::Group;
use crate::params::ParamSet;
use ark_ff::AdditiveGroup;
use cairn_merkle::Fr;
use cairn_merkle::field::{self, ELEMENT_BYTES};
use cairn_merkle::poseidon2::WIDTH;
use cairn_merkle::tree::Opening;
use thiserror::Error;

/// First byte of a vanilla proof.
const VERSION: u8 = 1;

/// Bytes that are no vanilla proof of this set (the fault of whoever sent them).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum CodecError {
    /// The length is that of no proof of the set.
    #[error("a vanilla proof of this set has {expected} bytes, got {got}")]
    Length {
        /// Bytes of a proof.
        expected: usize,
        /// Bytes given.
        got: usize,
    },
    /// Another version of the format.
    #[error("version {got} of the format is not known")]
    Version {
        /// The first byte.
        got: u8,
    },
    /// An integer that is not below the modulus.
    #[error("the element at byte {offset} is not canonical")]
    NonCanonical {
        /// Where it begins.
        offset: usize,
    },
}

/// Elements of a proof of the set.
fn elements(set: &ParamSet) -> usize {
    let group = |levels: u32| WIDTH.saturating_mul(usize::try_from(levels).unwrap_or(usize::MAX));
    let column = group(column_levels(set)).saturating_add(usize::from(set.layers));
    let opening = group(set.sector_levels()).saturating_add(1);
    2_usize
        .saturating_add(COLUMNS.saturating_mul(column))
        .saturating_add(opening.saturating_mul(2))
}

/// Bytes of a vanilla proof of the set: 72,577 at 8 GiB and eight layers.
#[must_use]
pub fn proof_bytes(set: &ParamSet) -> usize {
    elements(set)
        .saturating_mul(ELEMENT_BYTES)
        .saturating_add(1)
}

impl VanillaProof {
    /// Writes a proof; one of another shape than its set's gives bytes that are refused.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let Self {
            comm_c,
            r_root,
            columns,
            data,
            replica,
        } = self;
        let mut out = vec![VERSION];
        let mut put = |element: &Fr| out.extend_from_slice(&field::to_bytes(element));
        put(comm_c);
        put(r_root);
        for Column { labels, groups } in columns {
            labels.iter().for_each(&mut put);
            groups.iter().flatten().for_each(&mut put);
        }
        for Opening { leaf, groups } in [data, replica] {
            put(leaf);
            groups.iter().flatten().for_each(&mut put);
        }
        out
    }

    /// Reads [`Self::to_bytes`] for this set. The bytes are a stranger's: length first, then every element.
    ///
    /// # Errors
    /// Another length or version, or an element that is not below the modulus.
    pub fn from_bytes(set: &ParamSet, bytes: &[u8]) -> Result<Self, CodecError> {
        let (expected, got) = (proof_bytes(set), bytes.len());
        let length = CodecError::Length { expected, got };
        if got != expected {
            return Err(length);
        }
        let (version, rest) = bytes.split_first().ok_or(length)?;
        if *version != VERSION {
            return Err(CodecError::Version { got: *version });
        }
        let mut reader = Reader { rest, offset: 1 };
        let comm_c = reader.element()?;
        let r_root = reader.element()?;
        let mut columns = Vec::with_capacity(COLUMNS);
        for _ in 0..COLUMNS {
            columns.push(Column {
                labels: reader.elements(usize::from(set.layers))?,
                groups: reader.groups(column_levels(set))?,
            });
        }
        Ok(Self {
            comm_c,
            r_root,
            columns,
            data: reader.opening(set)?,
            replica: reader.opening(set)?,
        })
    }
}

/// Takes elements from the front.
struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    fn element(&mut self) -> Result<Fr, CodecError> {
        let offset = self.offset;
        // The length was compared before, so bytes never run out; if they did, this names where.
        let fault = CodecError::NonCanonical { offset };
        let (bytes, rest) = self
            .rest
            .split_first_chunk::<ELEMENT_BYTES>()
            .ok_or(fault)?;
        self.rest = rest;
        self.offset = offset.saturating_add(ELEMENT_BYTES);
        field::from_bytes(bytes).map_err(|_non_canonical| fault)
    }

    fn elements(&mut self, count: usize) -> Result<Vec<Fr>, CodecError> {
        (0..count).map(|_| self.element()).collect()
    }

    fn groups(&mut self, levels: u32) -> Result<Vec<Group>, CodecError> {
        (0..levels)
            .map(|_| {
                let mut group = [Fr::ZERO; WIDTH];
                for child in &mut group {
                    *child = self.element()?;
                }
                Ok(group)
            })
            .collect()
    }

    fn opening(&mut self, set: &ParamSet) -> Result<Opening, CodecError> {
        Ok(Opening {
            leaf: self.element()?,
            groups: self.groups(set.sector_levels())?,
        })
    }
}
