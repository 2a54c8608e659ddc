//! Reads numbers and slices off a byte string that may end at any point.

#![deny(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unreachable
)]

use bytes::Bytes;

use crate::groth16::error::KeyFileFault;

pub(super) struct Reader<'a> {
    section: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(section: &'static str, bytes: &'a [u8]) -> Self {
        Self {
            section,
            rest: bytes,
        }
    }

    pub(super) fn malformed(&self, reason: impl Into<String>) -> KeyFileFault {
        KeyFileFault::Malformed {
            section: self.section,
            reason: reason.into(),
        }
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], KeyFileFault> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.malformed(format!("{count} bytes wanted, {} left", self.rest.len())));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// Takes `count` items of `width` bytes each.
    pub(super) fn take_items(
        &mut self,
        count: usize,
        width: usize,
    ) -> Result<&'a [u8], KeyFileFault> {
        match count.checked_mul(width) {
            Some(bytes) => self.take(bytes),
            None => Err(self.malformed(format!("{count} items of {width} bytes"))),
        }
    }

    /// Takes `count` items of `width` bytes each and keeps hold of them; `whole` is what this reads.
    pub(super) fn share(
        &mut self,
        whole: &Bytes,
        count: usize,
        width: usize,
    ) -> Result<Bytes, KeyFileFault> {
        self.take_items(count, width)
            .map(|taken| whole.slice_ref(taken))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], KeyFileFault> {
        let Some((taken, rest)) = self.rest.split_first_chunk() else {
            return Err(self.malformed(format!("{N} bytes wanted, {} left", self.rest.len())));
        };
        self.rest = rest;
        Ok(*taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32, KeyFileFault> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, KeyFileFault> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of things that are there in memory.
    pub(super) fn count(&self, number: u64) -> Result<usize, KeyFileFault> {
        usize::try_from(number).map_err(|_too_large| self.malformed(format!("a count of {number}")))
    }

    /// Passes if nothing is left.
    pub(super) fn end(&self) -> Result<(), KeyFileFault> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.malformed(format!("{} bytes too many", self.rest.len())))
        }
    }
}
