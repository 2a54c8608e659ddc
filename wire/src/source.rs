//! Where a body comes from on the side that sends it.

use std::future::Future;
use std::io;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::mpsc;

/// The next chunk, the end, or the source's own failure.
pub type ChunkFuture<'a> = Pin<Box<dyn Future<Output = io::Result<Option<Bytes>>> + Send + 'a>>;

/// Chunks of a body in order. Empty chunks are allowed and mean nothing; `None` is the end, after which nothing is
/// asked. The bytes of all chunks must add up to the announced length: more or fewer fail the transfer.
///
/// A chunk stays in memory as a whole until the other side has acknowledged its last byte, and so does the buffer it is
/// a slice of: chunks of some 100 KiB with buffers of their own keep what is held close to what the windows count.
///
/// A pending future may be dropped, and with it the whole source, whenever the other side goes away.
pub trait ChunkSource: Send {
    /// The next chunk. What it waits for counts as this side's time, not the network's.
    fn next_chunk(&mut self) -> ChunkFuture<'_>;
}

/// Bytes in memory, sent without a copy.
#[derive(Debug, Clone)]
pub struct MemorySource(Option<Bytes>);

impl MemorySource {
    /// All of `bytes`.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(Some(bytes.into()))
    }
}

impl ChunkSource for MemorySource {
    fn next_chunk(&mut self) -> ChunkFuture<'_> {
        let chunk = self.0.take();
        Box::pin(std::future::ready(Ok(chunk)))
    }
}

/// Anything that can be read: a file, a pipe.
#[derive(Debug)]
pub struct ReaderSource<R> {
    reader: R,
    chunk_bytes: usize,
}

impl<R: AsyncRead + Unpin + Send> ReaderSource<R> {
    /// Everything up to the end of `reader`, in chunks of at most 256 KiB.
    pub const fn new(reader: R) -> Self {
        Self {
            reader,
            chunk_bytes: 256 << 10,
        }
    }
}

impl<R: AsyncRead + Unpin + Send> ChunkSource for ReaderSource<R> {
    fn next_chunk(&mut self) -> ChunkFuture<'_> {
        Box::pin(async move {
            let mut chunk = BytesMut::with_capacity(self.chunk_bytes);
            let got = self.reader.read_buf(&mut chunk).await?;
            Ok(if got == 0 { None } else { Some(chunk.freeze()) })
        })
    }
}

/// The receiving end of a channel that another task or thread fills; the bound of the channel is the buffer.
#[derive(Debug)]
pub struct ChannelSource(mpsc::Receiver<io::Result<Bytes>>);

impl ChannelSource {
    /// Everything that comes through `receiver` until its senders are gone. Send an error to fail the transfer: only
    /// hanging up looks like a body that is too short.
    #[must_use]
    pub const fn new(receiver: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Self(receiver)
    }
}

impl ChunkSource for ChannelSource {
    fn next_chunk(&mut self) -> ChunkFuture<'_> {
        Box::pin(async move { self.0.recv().await.transpose() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn drain(mut source: impl ChunkSource) -> io::Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(chunk) = source.next_chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all)
    }

    #[tokio::test]
    async fn every_source_gives_its_bytes_once_and_in_order() {
        let bytes: Vec<u8> = (0..300_000_u32).map(|i| i.to_le_bytes()[0]).collect();
        assert_eq!(
            drain(MemorySource::new(bytes.clone())).await.unwrap(),
            bytes,
            "memory"
        );
        assert_eq!(
            drain(ReaderSource::new(bytes.as_slice())).await.unwrap(),
            bytes,
            "reader"
        );
        let (sender, receiver) = mpsc::channel(1);
        let parts: Vec<Bytes> = bytes.chunks(70_000).map(Bytes::copy_from_slice).collect();
        tokio::spawn(async move {
            for part in parts {
                sender.send(Ok(part)).await.unwrap();
            }
        });
        assert_eq!(
            drain(ChannelSource::new(receiver)).await.unwrap(),
            bytes,
            "channel"
        );
    }

    #[tokio::test]
    async fn a_failing_channel_fails_the_source() {
        let (sender, receiver) = mpsc::channel(1);
        sender.send(Err(io::Error::other("disk"))).await.unwrap();
        assert!(
            drain(ChannelSource::new(receiver)).await.is_err(),
            "the error comes through"
        );
    }
}
