//! Bodies on their way out, counted: what a put costs on this line.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use cairn_erasure::Code;
use cairn_wire::{ChunkFuture, ChunkSource};

/// Bytes handed to the network at a time: so much more than what was sent is counted when a node stops in between.
const CHUNK_BYTES: usize = 128 << 10;

/// Chunks of a body, each counted when it leaves.
pub(crate) struct Metered<I> {
    chunks: I,
    line_bytes: Arc<AtomicU64>,
}

impl Metered<()> {
    /// A whole piece.
    pub(crate) fn piece(
        mut bytes: Bytes,
        line_bytes: &Arc<AtomicU64>,
    ) -> Metered<impl Iterator<Item = Bytes> + Send + use<>> {
        let next = move || {
            let chunk = bytes.split_to(bytes.len().min(CHUNK_BYTES));
            (!chunk.is_empty()).then_some(chunk)
        };
        Metered {
            chunks: std::iter::from_fn(next),
            line_bytes: Arc::clone(line_bytes),
        }
    }

    /// The segment that `pieces` (at least its k first) are coded from, in its own order and without the zeros at its
    /// end.
    pub(crate) fn segment(
        code: &Code,
        pieces: &[Bytes],
        segment_bytes: u64,
        line_bytes: &Arc<AtomicU64>,
    ) -> Metered<impl Iterator<Item = Bytes> + Send + use<>> {
        Metered {
            chunks: strips(code, pieces, segment_bytes),
            line_bytes: Arc::clone(line_bytes),
        }
    }
}

/// Strip s of a segment is row s / k of piece s mod k.
fn strips(
    code: &Code,
    pieces: &[Bytes],
    segment_bytes: u64,
) -> impl Iterator<Item = Bytes> + Send + use<> {
    let (k, strip) = (usize::from(code.k()), code.strip_bytes() as usize);
    let data: Vec<Bytes> = pieces.iter().take(k).cloned().collect();
    let len = usize::try_from(segment_bytes).unwrap_or(usize::MAX);
    (0..len.div_ceil(strip)).filter_map(move |number| {
        let start = number / k * strip;
        let end = start + strip.min(len - number * strip);
        let piece = data.get(number % k)?;
        (end <= piece.len()).then(|| piece.slice(start..end))
    })
}

impl<I: Iterator<Item = Bytes> + Send> ChunkSource for Metered<I> {
    fn next_chunk(&mut self) -> ChunkFuture<'_> {
        let chunk = self.chunks.next();
        if let Some(chunk) = &chunk {
            let bytes = chunk.len() as u64;
            self.line_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        Box::pin(std::future::ready(Ok(chunk)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn drained(mut source: impl ChunkSource) -> Vec<u8> {
        let mut all = Vec::new();
        while let Some(chunk) = source.next_chunk().await.unwrap() {
            assert!(!chunk.is_empty() && chunk.len() <= CHUNK_BYTES, "bounded");
            all.extend_from_slice(&chunk);
        }
        all
    }

    #[tokio::test]
    async fn a_segment_leaves_as_it_was_cut_whatever_its_length_and_is_counted() {
        for (k, n, strip) in [(1, 2, 4), (3, 5, 4), (4, 8, 7)] {
            let code = Code::new(k, n, strip).unwrap();
            for len in [1, 3, 4, 5, 11, 12, 13, 28, 100] {
                let segment: Vec<u8> = (0..len).collect();
                let pieces: Vec<Bytes> = code
                    .encode_segment(&segment)
                    .into_iter()
                    .map(Bytes::from)
                    .collect();
                let count = Arc::new(AtomicU64::new(0));
                let source = Metered::segment(&code, &pieces, u64::from(len), &count);
                assert_eq!(drained(source).await, segment, "{k}-of-{n}, {len} bytes");
                assert_eq!(count.load(Ordering::Relaxed), u64::from(len), "counted");
            }
        }
    }

    #[tokio::test]
    async fn a_piece_leaves_in_chunks_and_is_counted_as_it_leaves() {
        let piece = Bytes::from(vec![7; 300_000]);
        let count = Arc::new(AtomicU64::new(0));
        let mut source = Metered::piece(piece.clone(), &count);
        source.next_chunk().await.unwrap();
        assert_eq!(count.load(Ordering::Relaxed), 131_072, "one chunk so far");
        let rest = drained(source).await;
        assert_eq!(rest.len(), 300_000 - 131_072, "the rest");
        assert_eq!(count.load(Ordering::Relaxed), 300_000, "all");
    }
}
