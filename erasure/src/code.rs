//! The parameters of a code, checked once, and whole segments coded in memory.

use std::sync::{Arc, Mutex};

use crate::coefficients::{Coefficients, RebuildCache};
use crate::error::CodeError;
use crate::kernel;
use crate::stream::{Rebuilder, RowEncoder};

/// The identifier a deal records for this code.
pub const CODE_ID: u8 = 1;

/// Bytes of a strip unless a deal says otherwise.
pub const STRIP_BYTES: u32 = 32 * 1024;

/// The longest strip supported: a row of 256 such strips is 256 MiB.
pub const MAX_STRIP_BYTES: u32 = 1 << 20;

/// GF(2^8) has so many points, so a code has at most so many pieces.
pub const MAX_PIECES: u16 = 256;

/// A k-of-n code with a strip length. Cheap to clone; clones share the cache of rebuild matrices.
#[derive(Debug, Clone)]
pub struct Code {
    k: u16,
    n: u16,
    strip_bytes: u32,
    parity: Arc<Coefficients>,
    cache: Arc<Mutex<RebuildCache>>,
}

impl Code {
    /// A code that makes `n` pieces of which any `k` suffice, `1 <= k < n <= 256`, in strips of `strip_bytes`.
    ///
    /// # Errors
    /// [`CodeError::Parameters`] and [`CodeError::StripBytes`] when a number is out of bounds.
    pub fn new(k: u16, n: u16, strip_bytes: u32) -> Result<Self, CodeError> {
        if k == 0 || k >= n || n > MAX_PIECES {
            return Err(CodeError::Parameters { k, n });
        }
        if strip_bytes == 0 || strip_bytes > MAX_STRIP_BYTES {
            return Err(CodeError::StripBytes {
                got: strip_bytes,
                max: MAX_STRIP_BYTES,
            });
        }
        let data: Vec<u8> = piece_indices(0..k).collect();
        let parity: Vec<u8> = piece_indices(k..n).collect();
        Ok(Self {
            k,
            n,
            strip_bytes,
            parity: Arc::new(Coefficients::interpolating(&data, &parity)),
            cache: Arc::new(Mutex::new(RebuildCache::default())),
        })
    }

    /// Pieces needed.
    #[must_use]
    pub fn k(&self) -> u16 {
        self.k
    }

    /// Pieces made.
    #[must_use]
    pub fn n(&self) -> u16 {
        self.n
    }

    /// Bytes of a strip.
    #[must_use]
    pub fn strip_bytes(&self) -> u32 {
        self.strip_bytes
    }

    /// Bytes of the data strips of one row, `k * strip_bytes`.
    #[must_use]
    pub fn row_bytes(&self) -> u64 {
        u64::from(self.k) * u64::from(self.strip_bytes)
    }

    /// Rows of a segment: `ceil(segment_bytes / row_bytes)`.
    #[must_use]
    pub fn rows(&self, segment_bytes: u64) -> u64 {
        segment_bytes.div_ceil(self.row_bytes())
    }

    /// Bytes of each of the n pieces of a segment: `rows * strip_bytes`, saturating where no machine could hold it.
    #[must_use]
    pub fn payload_len(&self, segment_bytes: u64) -> u64 {
        self.rows(segment_bytes)
            .saturating_mul(u64::from(self.strip_bytes))
    }

    /// The longest segment whose pieces have at most `piece_bytes` bytes (zero when not even one strip fits).
    #[must_use]
    pub fn largest_segment(&self, piece_bytes: u64) -> u64 {
        (piece_bytes / u64::from(self.strip_bytes)).saturating_mul(self.row_bytes())
    }

    /// Codes one row: `data` holds the k data strips one after the other, `parity` takes the n - k parity strips.
    ///
    /// # Errors
    /// [`CodeError::Length`] when a buffer has another length.
    pub fn encode_row(&self, data: &[u8], parity: &mut [u8]) -> Result<(), CodeError> {
        let strip = self.strip_len();
        expect_len(data.len(), strip * usize::from(self.k))?;
        expect_len(parity.len(), strip * usize::from(self.n - self.k))?;
        let inputs: Vec<&[u8]> = data.chunks_exact(strip).collect();
        let mut outputs: Vec<&mut [u8]> = parity.chunks_exact_mut(strip).collect();
        kernel::combine(&self.parity, &inputs, &mut outputs);
        Ok(())
    }

    /// All n pieces of a segment held in memory.
    #[must_use]
    pub fn encode_segment(&self, segment: &[u8]) -> Vec<Vec<u8>> {
        let rows = segment
            .len()
            .div_ceil(self.strip_len() * usize::from(self.k));
        let mut pieces: Vec<Vec<u8>> = (0..self.n)
            .map(|_| Vec::with_capacity(rows * self.strip_len()))
            .collect();
        let mut encoder = RowEncoder::new(self);
        encoder.push(segment, |row| row.append_to(&mut pieces));
        encoder.finish(|row| row.append_to(&mut pieces));
        pieces
    }

    /// The pieces named in `want`, from any k different ones; a row of every given piece must be there.
    /// More than k may be given: the first k different ones are used.
    ///
    /// # Errors
    /// [`CodeError`] when pieces are too few, of unequal length, of a length that is not whole strips, or unknown.
    pub fn rebuild(&self, pieces: &[(u8, &[u8])], want: &[u8]) -> Result<Vec<Vec<u8>>, CodeError> {
        let used = self.first_k_different(pieces)?;
        let len = used.first().map_or(0, |(_, bytes)| bytes.len());
        let strip = self.strip_len();
        let whole = len.next_multiple_of(strip);
        for (_, bytes) in &used {
            expect_len(bytes.len(), whole)?;
        }
        let present: Vec<u8> = used.iter().map(|(index, _)| *index).collect();
        let rebuilder = self.rebuilder(&present, want)?;
        let mut outputs: Vec<Vec<u8>> = want.iter().map(|_| vec![0; len]).collect();
        for start in (0..len).step_by(strip) {
            let inputs: Vec<&[u8]> = used
                .iter()
                .map(|(_, bytes)| &bytes[start..start + strip])
                .collect();
            let mut strips: Vec<&mut [u8]> = outputs
                .iter_mut()
                .map(|piece| &mut piece[start..start + strip])
                .collect();
            rebuilder.row(&inputs, &mut strips)?;
        }
        Ok(outputs)
    }

    /// The segment of `segment_bytes` bytes, from any k different whole pieces.
    ///
    /// # Errors
    /// [`CodeError`] as [`Code::rebuild`], and when the pieces have not the length that segment would give.
    pub fn decode_segment(
        &self,
        pieces: &[(u8, &[u8])],
        segment_bytes: usize,
    ) -> Result<Vec<u8>, CodeError> {
        let used = self.first_k_different(pieces)?;
        let strip = self.strip_len();
        let row_bytes = strip * usize::from(self.k);
        let rows = segment_bytes.div_ceil(row_bytes);
        for (_, bytes) in &used {
            expect_len(bytes.len(), rows * strip)?;
        }
        let present: Vec<u8> = used.iter().map(|(index, _)| *index).collect();
        let decoder = self.decoder(&present)?;
        let mut segment = vec![0; rows * row_bytes];
        for (row, out) in segment.chunks_exact_mut(row_bytes).enumerate() {
            let inputs: Vec<&[u8]> = used
                .iter()
                .map(|(_, bytes)| &bytes[row * strip..(row + 1) * strip])
                .collect();
            let mut strips: Vec<&mut [u8]> = out.chunks_exact_mut(strip).collect();
            decoder.row(&inputs, &mut strips)?;
        }
        segment.truncate(segment_bytes);
        Ok(segment)
    }

    /// What turns the strips `present` of a row (exactly k, in this order) into the strips `want` of it.
    ///
    /// # Errors
    /// [`CodeError`] when `present` is not k different pieces of this code or `want` names one it does not have.
    pub fn rebuilder(&self, present: &[u8], want: &[u8]) -> Result<Rebuilder, CodeError> {
        if present.len() != usize::from(self.k) {
            return Err(CodeError::TooFewPieces {
                expected: usize::from(self.k),
                got: present.len(),
            });
        }
        for index in present.iter().chain(want) {
            self.expect_piece(*index)?;
        }
        for (position, index) in present.iter().enumerate() {
            if present[..position].contains(index) {
                return Err(CodeError::RepeatedPiece { index: *index });
            }
        }
        let mut cache = self
            .cache
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(Rebuilder::new(self.strip_len(), cache.get(present, want)))
    }

    /// What turns the strips `present` of a row into its k data strips: [`Code::rebuilder`] with `want = 0..k`.
    ///
    /// # Errors
    /// As [`Code::rebuilder`].
    pub fn decoder(&self, present: &[u8]) -> Result<Rebuilder, CodeError> {
        let data: Vec<u8> = piece_indices(0..self.k).collect();
        self.rebuilder(present, &data)
    }

    /// `strip_bytes` as a length in memory.
    pub(crate) fn strip_len(&self) -> usize {
        usize::try_from(self.strip_bytes).unwrap_or(usize::MAX)
    }

    fn expect_piece(&self, index: u8) -> Result<(), CodeError> {
        if u16::from(index) < self.n {
            Ok(())
        } else {
            Err(CodeError::NoSuchPiece { index, n: self.n })
        }
    }

    fn first_k_different<'p>(
        &self,
        pieces: &[(u8, &'p [u8])],
    ) -> Result<Vec<(u8, &'p [u8])>, CodeError> {
        let mut used: Vec<(u8, &[u8])> = Vec::with_capacity(usize::from(self.k));
        for (index, bytes) in pieces {
            self.expect_piece(*index)?;
            if used.len() < usize::from(self.k) && used.iter().all(|(seen, _)| seen != index) {
                used.push((*index, bytes));
            }
        }
        if used.len() < usize::from(self.k) {
            return Err(CodeError::TooFewPieces {
                expected: usize::from(self.k),
                got: used.len(),
            });
        }
        Ok(used)
    }
}

/// Piece numbers as bytes; the caller's range lies within `0..256`.
fn piece_indices(range: std::ops::Range<u16>) -> impl Iterator<Item = u8> {
    range.map(|index| u8::try_from(index).unwrap_or(u8::MAX))
}

pub(crate) fn expect_len(got: usize, expected: usize) -> Result<(), CodeError> {
    if got == expected {
        Ok(())
    } else {
        Err(CodeError::Length {
            expected: expected as u64,
            got: got as u64,
        })
    }
}
