//! Coding row by row, whatever the segment's length.

use std::sync::Arc;

use crate::code::{Code, expect_len};
use crate::coefficients::Coefficients;
use crate::error::CodeError;
use crate::kernel;

/// One coded row: k data strips and n - k parity strips.
#[derive(Debug, Clone, Copy)]
pub struct Row<'r> {
    index: u64,
    strip_bytes: usize,
    data: &'r [u8],
    parity: &'r [u8],
}

impl<'r> Row<'r> {
    /// The row's number, from 0.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// The n strips in the order of the pieces they belong to.
    pub fn strips(&self) -> impl Iterator<Item = &'r [u8]> + use<'r> {
        self.data
            .chunks_exact(self.strip_bytes)
            .chain(self.parity.chunks_exact(self.strip_bytes))
    }

    pub(crate) fn append_to(&self, pieces: &mut [Vec<u8>]) {
        for (piece, strip) in pieces.iter_mut().zip(self.strips()) {
            piece.extend_from_slice(strip);
        }
    }
}

/// Takes a segment's bytes as they come and hands out each coded row as soon as it is full. Holds one row.
#[derive(Debug)]
pub struct RowEncoder {
    code: Code,
    data: Vec<u8>,
    parity: Vec<u8>,
    filled: usize,
    rows: u64,
}

impl RowEncoder {
    /// An encoder at the beginning of a segment.
    #[must_use]
    pub fn new(code: &Code) -> Self {
        let strip = code.strip_len();
        Self {
            code: code.clone(),
            data: vec![0; strip * usize::from(code.k())],
            parity: vec![0; strip * usize::from(code.n() - code.k())],
            filled: 0,
            rows: 0,
        }
    }

    /// Takes the segment's next bytes; `sink` sees each row that they complete, in order.
    pub fn push(&mut self, mut bytes: &[u8], mut sink: impl FnMut(Row<'_>)) {
        while !bytes.is_empty() {
            let take = bytes.len().min(self.data.len() - self.filled);
            let (now, later) = bytes.split_at(take);
            self.data[self.filled..self.filled + take].copy_from_slice(now);
            self.filled += take;
            bytes = later;
            if self.filled == self.data.len() {
                self.emit(&mut sink);
            }
        }
    }

    /// Ends the segment: a row begun is filled with zeros and handed out. Returns the number of rows.
    pub fn finish(mut self, mut sink: impl FnMut(Row<'_>)) -> u64 {
        if self.filled > 0 {
            self.data[self.filled..].fill(0);
            self.emit(&mut sink);
        }
        self.rows
    }

    fn emit(&mut self, sink: &mut impl FnMut(Row<'_>)) {
        // the buffers were made to the code's lengths in `new`, the only thing `encode_row` refuses
        let coded = self.code.encode_row(&self.data, &mut self.parity);
        debug_assert!(coded.is_ok(), "row buffers fit the code");
        sink(Row {
            index: self.rows,
            strip_bytes: self.code.strip_len(),
            data: &self.data,
            parity: &self.parity,
        });
        self.rows += 1;
        self.filled = 0;
    }
}

/// Turns k strips of a row into other strips of the same row; made by [`Code::rebuilder`] and [`Code::decoder`].
#[derive(Debug, Clone)]
pub struct Rebuilder {
    strip_bytes: usize,
    matrix: Arc<Coefficients>,
}

impl Rebuilder {
    pub(crate) fn new(strip_bytes: usize, matrix: Arc<Coefficients>) -> Self {
        Self {
            strip_bytes,
            matrix,
        }
    }

    /// One row: `present` are the strips of the pieces named when this was made, in that order; `want` likewise.
    ///
    /// # Errors
    /// [`CodeError::Count`] and [`CodeError::Length`] when the buffers are not those.
    pub fn row(&self, present: &[&[u8]], want: &mut [&mut [u8]]) -> Result<(), CodeError> {
        let rows = self.matrix.rows();
        if want.len() != rows.len() {
            return Err(CodeError::Count {
                expected: rows.len(),
                got: want.len(),
            });
        }
        let columns = rows.first().map_or(present.len(), Vec::len);
        if present.len() != columns {
            return Err(CodeError::Count {
                expected: columns,
                got: present.len(),
            });
        }
        for strip in present {
            expect_len(strip.len(), self.strip_bytes)?;
        }
        for strip in want.iter() {
            expect_len(strip.len(), self.strip_bytes)?;
        }
        kernel::combine(&self.matrix, present, want);
        Ok(())
    }
}
