//! Where the bytes of a segment lie in its pieces.

use std::ops::Range;

use crate::code::Code;

/// The rows that hold a byte range of a segment, and what to do with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowRange {
    /// The rows, first to one past the last.
    pub rows: Range<u64>,
    /// The bytes of **every** piece that make up those rows: what to read from each of k peers.
    pub piece: Range<u64>,
    /// Where in the decoded rows the wanted bytes begin.
    pub skip: u64,
    /// How many bytes are wanted.
    pub take: u64,
}

impl Code {
    /// The rows that cover the bytes `range` of a segment (nothing for an empty range).
    #[must_use]
    pub fn rows_covering(&self, range: Range<u64>) -> RowRange {
        let strip = u64::from(self.strip_bytes());
        let first = range.start / self.row_bytes();
        let end = if range.is_empty() {
            first
        } else {
            range.end.div_ceil(self.row_bytes())
        };
        RowRange {
            rows: first..end,
            piece: first.saturating_mul(strip)..end.saturating_mul(strip),
            skip: if range.is_empty() {
                0
            } else {
                range.start % self.row_bytes()
            },
            take: range.end.saturating_sub(range.start),
        }
    }

    /// Where byte `offset` of a segment lies: the data piece, and the byte within that piece.
    #[must_use]
    pub fn locate(&self, offset: u64) -> (u8, u64) {
        let strip = u64::from(self.strip_bytes());
        let number = offset / strip;
        let column = number % u64::from(self.k());
        let row = number / u64::from(self.k());
        // a column is below k <= 255
        (
            u8::try_from(column).unwrap_or(u8::MAX),
            row * strip + offset % strip,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_where_the_encoder_put_it() {
        let code = Code::new(3, 5, 4).unwrap();
        let segment: Vec<u8> = (0..50).collect();
        let pieces = code.encode_segment(&segment);
        for (offset, byte) in segment.iter().enumerate() {
            let (column, at) = code.locate(offset as u64);
            assert_eq!(
                pieces[usize::from(column)][usize::try_from(at).unwrap()],
                *byte
            );
        }
    }

    #[test]
    fn decoding_only_the_covering_rows_gives_exactly_the_range() {
        let code = Code::new(3, 5, 4).unwrap();
        let segment: Vec<u8> = (0..50).collect();
        let pieces = code.encode_segment(&segment);
        for start in 0..segment.len() {
            for end in start..=segment.len() {
                let cover = code.rows_covering(start as u64..end as u64);
                let part = usize::try_from(cover.piece.start).unwrap()
                    ..usize::try_from(cover.piece.end).unwrap();
                let some: Vec<(u8, &[u8])> = [4_u8, 1, 3]
                    .iter()
                    .map(|i| (*i, &pieces[usize::from(*i)][part.clone()]))
                    .collect();
                let rows = usize::try_from(cover.rows.end - cover.rows.start).unwrap();
                let decoded = code.decode_segment(&some, rows * 12).unwrap();
                let skip = usize::try_from(cover.skip).unwrap();
                let take = usize::try_from(cover.take).unwrap();
                assert_eq!(&decoded[skip..skip + take], &segment[start..end]);
                assert!(
                    rows <= (end - start).div_ceil(12) + 1,
                    "no row too many for {start}..{end}"
                );
            }
        }
    }
}
