//! Ranges and leaves of pieces, wherever they lie.

use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use cairn_merkle::range::{self, Outboard, ReadAt};
use cairn_wire::message::{LeafOpening, OpenLeaf, RangeHeader, ReadRange};
use cairn_wire::{ChannelSource, ContentId, RangeReply, WireError};
use tokio::sync::mpsc;

use crate::error::{SectorError, StoreError};
use crate::sealing::Asked;
use crate::sector::open_piece_leaf;
use crate::serve::handler::ServeContext;
use crate::store::{Home, PIECE_PART_BYTES, SectorRecord, Store};

/// Chunks between the disk and the network.
const CHANNEL_CHUNKS: usize = 8;
const CHUNK_BYTES: usize = 64 << 10;

/// Whether the bytes of a piece can be read at once. One that lies only in a replica is queued for unsealing.
///
/// # Errors
/// [`cairn_wire::ErrorCode::Later`] with the time it takes; busy when too many wait already.
pub(super) fn check_readable(
    context: &ServeContext,
    content_id: &ContentId,
) -> Result<(), WireError> {
    let piece = context.ledger.store().piece(content_id).map_err(|error| {
        tracing::error!(%content_id, %error, "a piece could not be looked up");
        WireError::internal("the node's disk failed")
    })?;
    let Some(Home::Sector { sector, .. }) = piece.map(|piece| piece.home) else {
        return Ok(());
    };
    let is_here = |record: SectorRecord| record.data.is_here();
    if context.ledger.sector(sector).is_none_or(is_here) {
        return Ok(());
    }
    match context.unseals.ask(sector, (context.clock)()) {
        Asked::InAbout(wait_s) => Err(WireError::later(
            wait_s,
            "this piece lies in a sealed sector, which is being unsealed",
        )),
        Asked::Full => Err(WireError::busy("too many sectors wait to be unsealed")),
        Asked::Never => Err(WireError::refused(
            "this piece lies in a sealed sector, and this node unseals none for readers",
        )),
    }
}

/// Starts the encoding of a range on a thread of its own. What the disk damaged is never sent: every group is checked
/// against the outboard, and the outboard against the content id.
pub(super) fn read_range(store: &Store, request: &ReadRange) -> Result<RangeReply, WireError> {
    let internal = |error: StoreError| {
        tracing::error!(content_id = %request.content_id, %error, "a piece could not be read");
        WireError::internal("the node's disk failed")
    };
    let not_here = || WireError::not_found("this piece is not here");
    let record = store
        .piece(&request.content_id)
        .map_err(internal)?
        .ok_or_else(not_here)?;
    if request.offset.saturating_add(request.len) > record.byte_len {
        return Err(WireError::bad_request(format_args!(
            "the piece has {} bytes",
            record.byte_len
        )));
    }
    let outboard = store
        .outboard(&request.content_id)
        .map_err(internal)?
        .ok_or_else(not_here)?;
    let outboard = Outboard::from_parts(request.content_id, record.byte_len, outboard)
        .map_err(|_| WireError::internal("the node's disk failed"))?;
    let encoded_len = range::encoded_len(record.byte_len, request.offset, request.len)
        .map_err(|error| WireError::bad_request(error.to_string()))?;
    let header = RangeHeader {
        piece_byte_len: record.byte_len,
        encoded_len,
    };
    let (sender, receiver) = mpsc::channel(CHANNEL_CHUNKS);
    let reader = PieceReader::new(store.clone(), request.content_id);
    let (offset, len, content_id) = (request.offset, request.len, request.content_id);
    tokio::task::spawn_blocking(move || {
        let mut sink = Sink {
            sender: sender.clone(),
            held: Vec::with_capacity(CHUNK_BYTES),
        };
        let encoded = range::encode_range_to(reader, &outboard, offset, len, &mut sink)
            .map_err(|error| error.to_string())
            .and_then(|()| sink.flush().map_err(|error| error.to_string()));
        if let Err(reason) = encoded
            && !sender.is_closed()
        {
            tracing::error!(%content_id, %reason, "a range was cut off");
            if sender
                .blocking_send(Err(io::Error::other("the node's disk failed")))
                .is_err()
            {
                tracing::debug!("the reader went away");
            }
        }
    });
    Ok(RangeReply {
        header,
        body: Box::new(ChannelSource::new(receiver)),
    })
}

/// The opening of a leaf of a piece.
pub(super) fn open_leaf(store: &Store, request: &OpenLeaf) -> Result<LeafOpening, WireError> {
    match open_piece_leaf(store, &request.content_id, request.leaf) {
        Ok((opening, b)) => Ok(LeafOpening { b, opening }),
        Err(SectorError::Store(StoreError::Missing { .. })) => {
            Err(WireError::not_found("this piece or leaf is not here"))
        }
        Err(error) => {
            tracing::error!(content_id = %request.content_id, %error, "a leaf could not be opened");
            Err(WireError::internal("the node's disk failed"))
        }
    }
}

/// The bytes of a piece at any offset; keeps the part read last, for groups are smaller than parts.
struct PieceReader {
    store: Store,
    content_id: ContentId,
    last: Mutex<Option<(u64, Vec<u8>)>>,
}

impl PieceReader {
    fn new(store: Store, content_id: ContentId) -> Self {
        Self {
            store,
            content_id,
            last: Mutex::new(None),
        }
    }
}

impl ReadAt for PieceReader {
    fn read_at(&self, pos: u64, buf: &mut [u8]) -> io::Result<usize> {
        let part_bytes = PIECE_PART_BYTES as u64;
        let part = pos / part_bytes;
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.as_ref().is_none_or(|(held, _)| *held != part) {
            let bytes = self
                .store
                .read_piece(&self.content_id, part * part_bytes, PIECE_PART_BYTES)
                .map_err(|error| io::Error::other(error.to_string()))?;
            *last = Some((part, bytes));
        }
        let from = usize::try_from(pos % part_bytes).unwrap_or(usize::MAX);
        let bytes = last
            .as_ref()
            .and_then(|(_, bytes)| bytes.get(from..))
            .unwrap_or_default();
        let copied = bytes.len().min(buf.len());
        buf[..copied].copy_from_slice(&bytes[..copied]);
        Ok(copied)
    }
}

/// Collects small writes into chunks for the network.
struct Sink {
    sender: mpsc::Sender<io::Result<Bytes>>,
    held: Vec<u8>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= CHUNK_BYTES {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let chunk = Bytes::from(std::mem::replace(
            &mut self.held,
            Vec::with_capacity(CHUNK_BYTES),
        ));
        self.sender
            .blocking_send(Ok(chunk))
            .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}
