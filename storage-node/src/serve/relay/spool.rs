//! A body to n pieces on disk.
//!
//! ```text
//! QUIC stream --chunks--> channel of 8 --> one blocking thread: code a row | hash its n strips | write them
//! file: piece 0 whole, piece 1 whole, ..., piece n-1 whole
//! ```

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use cairn_erasure::{Code, Row, RowEncoder};
use cairn_wire::{ChunkFuture, ChunkSource, ContentId, PieceBody, WireError};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::dashboard::{Alarm, Counter};
use crate::serve::handler::ServeContext;
use crate::serve::relay::places::Throttle;

/// Chunks between the network and the disk: at most 1 MiB.
const CHANNEL_CHUNKS: usize = 8;
/// Bytes read at a time.
const READ_BYTES: u64 = 128 << 10;

/// The pieces of a segment, in a file without a name: gone when it is closed, and with the process.
#[derive(Clone, Debug)]
pub(super) struct Spool {
    file: Arc<File>,
    piece_bytes: u64,
    content_ids: Arc<[ContentId]>,
}

enum Part {
    Bytes(Bytes),
    /// Every announced byte was sent and nothing after it.
    End,
}

/// Why there is no spool.
enum Failure {
    GaveUp,
    Disk(std::io::Error),
    Store(crate::error::StoreError),
}

/// Takes a whole body in. Whether its pieces are the right ones is the caller's to compare.
pub(super) async fn fill(
    context: Arc<ServeContext>,
    code: Code,
    body: &mut PieceBody,
    deadline: Instant,
) -> Result<Spool, WireError> {
    let piece_bytes = code.payload_len(body.announced_bytes());
    let (sender, receiver) = mpsc::channel(CHANNEL_CHUNKS);
    let for_worker = Arc::clone(&context);
    let worker = tokio::task::spawn_blocking(move || {
        code_to_disk(&for_worker, &code, piece_bytes, receiver)
    });
    while let Some(chunk) = body.next_chunk().await? {
        if Instant::now() > deadline {
            return Err(WireError::busy("the segment came too slowly to be relayed"));
        }
        if sender.send(Part::Bytes(chunk)).await.is_err() {
            break;
        }
    }
    if sender.send(Part::End).await.is_err() {
        tracing::debug!("the segment failed before its end");
    }
    drop(sender);
    worker
        .await
        .map_err(|_| WireError::internal("the node's worker stopped"))?
        .map_err(|failure| refuse(&context, failure))
}

fn code_to_disk(
    context: &ServeContext,
    code: &Code,
    piece_bytes: u64,
    mut parts: mpsc::Receiver<Part>,
) -> Result<Spool, Failure> {
    let scratch = context.ledger.store().scratch_file();
    let file = scratch.map_err(Failure::Store)?;
    let mut hashers = vec![blake3::Hasher::new(); usize::from(code.n())];
    let mut written = Ok(());
    let mut encoder = RowEncoder::new(code);
    let mut take = |row: Row<'_>| {
        if written.is_ok() {
            written = take_row(&file, piece_bytes, &mut hashers, row);
        }
        written.is_ok()
    };
    loop {
        match parts.blocking_recv() {
            Some(Part::Bytes(bytes)) => {
                let mut whole = true;
                encoder.push(&bytes, |row| whole &= take(row));
                if !whole {
                    break;
                }
            }
            Some(Part::End) => {
                encoder.finish(|row| {
                    take(row);
                });
                break;
            }
            None => return Err(Failure::GaveUp),
        }
    }
    written.map_err(Failure::Disk)?;
    let content_ids = hashers
        .iter()
        .map(|hasher| ContentId::from_bytes(hasher.finalize().into()));
    Ok(Spool {
        file: Arc::new(file),
        piece_bytes,
        content_ids: content_ids.collect(),
    })
}

/// Hashes the strips of a row and writes each to its piece.
fn take_row(
    file: &File,
    piece_bytes: u64,
    hashers: &mut [blake3::Hasher],
    row: Row<'_>,
) -> std::io::Result<()> {
    for ((piece, strip), hasher) in (0_u64..).zip(row.strips()).zip(hashers) {
        hasher.update(strip);
        let within = row.index().saturating_mul(strip.len() as u64);
        let at = piece.saturating_mul(piece_bytes).saturating_add(within);
        file.write_all_at(strip, at)?;
    }
    Ok(())
}

fn refuse(context: &ServeContext, failure: Failure) -> WireError {
    let error = match failure {
        Failure::GaveUp => return WireError::bad_request("the body did not come to its end"),
        Failure::Disk(error) => error.to_string(),
        Failure::Store(error) => error.to_string(),
    };
    context.metrics.count(Counter::DiskFaults);
    context.metrics.raise(Alarm::Disk, &error);
    tracing::error!(%error, "a segment to relay was not spooled");
    WireError::internal("the node's disk failed: nothing was relayed")
}

impl Spool {
    /// BLAKE3 of each piece.
    pub(super) fn content_ids(&self) -> &[ContentId] {
        &self.content_ids
    }

    /// Bytes of each piece.
    pub(super) const fn piece_bytes(&self) -> u64 {
        self.piece_bytes
    }

    /// The bytes of a piece, at a rate if one is given.
    pub(super) fn source(&self, piece: u8, throttle: Option<&Arc<Throttle>>) -> SpoolSource {
        SpoolSource {
            file: Arc::clone(&self.file),
            at: u64::from(piece).saturating_mul(self.piece_bytes),
            left: self.piece_bytes,
            throttle: throttle.map(Arc::clone),
        }
    }
}

/// A piece on its way out of the spool.
#[derive(Debug)]
pub(super) struct SpoolSource {
    file: Arc<File>,
    at: u64,
    left: u64,
    throttle: Option<Arc<Throttle>>,
}

impl ChunkSource for SpoolSource {
    fn next_chunk(&mut self) -> ChunkFuture<'_> {
        Box::pin(async move {
            let take = self.left.min(READ_BYTES);
            if take == 0 {
                return Ok(None);
            }
            if let Some(throttle) = &self.throttle {
                throttle.wait_for(take).await;
            }
            let (file, at) = (Arc::clone(&self.file), self.at);
            let read = tokio::task::spawn_blocking(move || {
                let mut bytes = vec![0; usize::try_from(take).unwrap_or(0)];
                file.read_exact_at(&mut bytes, at).map(|()| bytes)
            });
            let bytes = read.await.map_err(std::io::Error::other)??;
            self.at = self.at.saturating_add(take);
            self.left = self.left.saturating_sub(take);
            Ok(Some(Bytes::from(bytes)))
        })
    }
}
