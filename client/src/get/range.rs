//! What part of an object is wanted, and which rows of which segments hold it.

use std::ops::Range;
use std::str::FromStr;

use cairn_erasure::{Code, RowRange};

use crate::catalog::ObjectEntry;
use crate::error::GetError;

/// A half-open range of an object's bytes; `a..b`, `a..`, `..b` or `..` as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ByteRange {
    start: u64,
    end: Option<u64>,
}

impl ByteRange {
    /// The whole object.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            start: 0,
            end: None,
        }
    }

    /// These bytes.
    #[must_use]
    pub const fn of(range: Range<u64>) -> Self {
        Self {
            start: range.start,
            end: Some(range.end),
        }
    }

    /// From this byte to the end.
    #[must_use]
    pub const fn from(start: u64) -> Self {
        Self { start, end: None }
    }

    /// The range in an object of `len` bytes, which must contain it.
    pub(crate) fn within(self, len: u64) -> Result<Range<u64>, GetError> {
        let end = self.end.unwrap_or_else(|| len.max(self.start));
        if self.start <= end && end <= len {
            Ok(self.start..end)
        } else {
            Err(GetError::Range {
                start: self.start,
                end,
                len,
            })
        }
    }
}

/// Text that is no range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a range is a..b, a.. or ..b in bytes, from the first to one past the last")]
pub struct NotARange;

impl FromStr for ByteRange {
    type Err = NotARange;

    fn from_str(text: &str) -> Result<Self, NotARange> {
        let (start, end) = text.split_once("..").ok_or(NotARange)?;
        let number = |digits: &str| digits.parse::<u64>().map_err(|_| NotARange);
        let start = if start.is_empty() { 0 } else { number(start)? };
        let end = if end.is_empty() {
            None
        } else {
            Some(number(end)?)
        };
        if end.is_some_and(|end| end < start) {
            Err(NotARange)
        } else {
            Ok(Self { start, end })
        }
    }
}

/// Some rows of a segment, fetched and decoded at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    /// Which segment.
    pub(crate) segment: usize,
    /// Which rows, and what of them.
    pub(crate) cover: RowRange,
}

/// The windows that give the bytes `ciphertext` of an object, in order and without a gap. None asks for more than
/// `longest_read` bytes of a piece, unless a single strip has more.
pub(crate) fn windows(
    entry: &ObjectEntry,
    code: &Code,
    ciphertext: Range<u64>,
    longest_read: u64,
) -> Vec<Window> {
    let rows_at_once = (longest_read / u64::from(code.strip_bytes())).max(1);
    let mut windows = Vec::new();
    let mut segment_start = 0;
    for (segment, one) in entry.segments.iter().enumerate() {
        let segment_end = segment_start + one.segment_bytes;
        let mut at = ciphertext.start.clamp(segment_start, segment_end) - segment_start;
        let end = ciphertext.end.clamp(segment_start, segment_end) - segment_start;
        while at < end {
            let row = at / code.row_bytes();
            let stop = end.min((row + rows_at_once).saturating_mul(code.row_bytes()));
            windows.push(Window {
                segment,
                cover: code.rows_covering(at..stop),
            });
            at = stop;
        }
        segment_start = segment_end;
    }
    windows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::{EntryTerms, SegmentEntry};
    use crate::cipher::ObjectKey;
    use crate::entropy::Entropy;

    #[test]
    fn ranges_are_read_as_they_are_written() {
        for (text, range) in [
            ("0..10", ByteRange::of(0..10)),
            ("5..", ByteRange::from(5)),
            ("..7", ByteRange::of(0..7)),
            ("..", ByteRange::all()),
            ("3..3", ByteRange::of(3..3)),
        ] {
            assert_eq!(text.parse(), Ok(range), "{text}");
        }
        for text in [
            "",
            "5",
            "7..5",
            "a..b",
            "-1..5",
            "1...5",
            "1..99999999999999999999",
        ] {
            assert_eq!(text.parse::<ByteRange>(), Err(NotARange), "{text}");
        }
    }

    #[test]
    fn a_range_beyond_the_object_is_refused_and_an_empty_one_is_not() {
        assert_eq!(ByteRange::all().within(0).unwrap(), 0..0);
        assert_eq!(ByteRange::of(10..10).within(10).unwrap(), 10..10);
        assert_eq!(ByteRange::from(4).within(10).unwrap(), 4..10);
        for range in [
            ByteRange::of(0..11),
            ByteRange::from(11),
            ByteRange::of(11..11),
        ] {
            assert!(
                matches!(range.within(10), Err(GetError::Range { len: 10, .. })),
                "{range:?}"
            );
        }
    }

    #[test]
    fn windows_cover_a_range_in_order_without_gap_or_surplus() {
        let code = Code::new(3, 5, 4).unwrap();
        let lengths = [48, 48, 17];
        let segment = |bytes: &u64| SegmentEntry {
            deal: cairn_wire::DealId(1),
            segment_bytes: *bytes,
            piece_bytes: code.payload_len(*bytes),
            pieces: Vec::new(),
        };
        let terms = EntryTerms {
            chain_id: 1,
            deals_contract: cairn_wire::Address::ZERO,
            opened_unix: 0,
            kind: cairn_wire::SectorKind::Hot,
            plain_bytes: 97,
            k: 3,
            n: 5,
            strip_bytes: 4,
        };
        let key = ObjectKey::random(&Entropy::system());
        let entry = ObjectEntry::opened(terms, &key, lengths.iter().map(segment).collect());
        for start in 0..113_u64 {
            for end in start + 1..=113 {
                let mut at = start;
                for window in windows(&entry, &code, start..end, 8) {
                    let base: u64 = lengths[..window.segment].iter().sum();
                    let cover = &window.cover;
                    assert_eq!(
                        base + cover.rows.start * 12 + cover.skip,
                        at,
                        "{start}..{end}"
                    );
                    assert!(
                        cover.piece.end - cover.piece.start <= 8,
                        "two strips at once"
                    );
                    assert!(cover.piece.end <= entry.segments[window.segment].piece_bytes);
                    at += cover.take;
                }
                assert_eq!(at, end);
            }
        }
    }
}
