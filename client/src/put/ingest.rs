//! First pass: encrypt into a temporary file, cut into segments, code, hash. Afterwards every content id is known, so
//! that all deals can be opened at once, and nothing of the object's size is held in memory.

use std::fs::File;
use std::io::Write as _;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cairn_erasure::{Code, RowEncoder};
use cairn_merkle::ContentId;
use rayon::prelude::*;
use tokio::io::{AsyncRead, AsyncReadExt as _};

use crate::cipher::{CHUNK_LEN, ObjectCipher, ObjectKey};
use crate::client::Shared;
use crate::entropy::Entropy;
use crate::error::{CipherError, PutError};
use crate::plan::Plan;
use crate::progress::Stage;

/// Chunks encrypted together: enough for the cores to share, 2 MiB of memory.
const BATCH_CHUNKS: usize = 32;

/// An object that is ready to be sold.
#[derive(Debug)]
pub(crate) struct Ingested {
    pub(crate) plain_bytes: u64,
    pub(crate) segments: Vec<CodedSegment>,
    pub(crate) spool: Arc<Spool>,
}

/// A segment whose pieces are known but not kept.
#[derive(Debug, Clone)]
pub(crate) struct CodedSegment {
    /// Where its ciphertext begins.
    pub(crate) offset: u64,
    pub(crate) segment_bytes: u64,
    pub(crate) piece_bytes: u64,
    pub(crate) content_ids: Vec<ContentId>,
}

/// The ciphertext in a nameless temporary file: gone with this process, however that ends.
#[derive(Debug)]
pub(crate) struct Spool {
    file: File,
    path: PathBuf,
}

impl Spool {
    fn create(folder: &Path, entropy: &Entropy) -> Result<Self, PutError> {
        let mut random = [0; 8];
        entropy.fill(&mut random);
        let path = folder.join(format!(".upload-{}", hex::encode(random)));
        let created = File::options()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path);
        let file = created
            .and_then(|file| std::fs::remove_file(&path).map(|()| file))
            .map_err(|source| PutError::Spool {
                path: path.clone(),
                source,
            })?;
        Ok(Self { file, path })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The ciphertext of a segment.
    pub(crate) fn read(&self, offset: u64, len: u64) -> Result<Vec<u8>, PutError> {
        let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
        self.file
            .read_exact_at(&mut bytes, offset)
            .map_err(|source| self.error(source))?;
        Ok(bytes)
    }

    fn error(&self, source: std::io::Error) -> PutError {
        PutError::Spool {
            path: self.path.clone(),
            source,
        }
    }
}

/// Takes everything `reader` gives.
pub(crate) async fn ingest<M>(
    shared: &Shared<M>,
    mut reader: impl AsyncRead + Send + Unpin,
    plan: &Plan,
    key: &ObjectKey,
) -> Result<Ingested, PutError> {
    shared.progress.begin(Stage::Encode, None);
    let spool = Spool::create(shared.config.folder(), &shared.entropy)?;
    let mut work = Worker::new(plan, key, spool);
    let mut held = None;
    loop {
        let (batch, last) = read_batch(&mut reader, &mut held).await?;
        let plain: usize = batch.iter().map(Vec::len).sum();
        let done = tokio::task::spawn_blocking(move || work.push(batch, last).map(|()| work)).await;
        work = done.map_err(|error| PutError::Interrupted(error.to_string()))??;
        shared.progress.advance(Stage::Encode, plain as u64);
        if last {
            shared.progress.end(Stage::Encode);
            return work.finish();
        }
    }
}

/// The next full chunks; `held` keeps one back, because only the end of the source tells which chunk is the last.
async fn read_batch(
    reader: &mut (impl AsyncRead + Unpin),
    held: &mut Option<Vec<u8>>,
) -> Result<(Vec<Vec<u8>>, bool), PutError> {
    let mut batch = Vec::with_capacity(BATCH_CHUNKS + 1);
    while batch.len() < BATCH_CHUNKS {
        // room for the tag, so that sealing does not move the bytes
        let mut chunk = Vec::with_capacity(CHUNK_LEN + 16);
        reader
            .take(CHUNK_LEN as u64)
            .read_to_end(&mut chunk)
            .await
            .map_err(PutError::Source)?;
        if chunk.len() == CHUNK_LEN {
            batch.extend(held.replace(chunk));
        } else {
            batch.extend(held.take());
            if !chunk.is_empty() || batch.is_empty() {
                batch.push(chunk);
            }
            return Ok((batch, true));
        }
    }
    Ok((batch, false))
}

struct Worker {
    cipher: ObjectCipher,
    code: Code,
    segment_limit: u64,
    spool: Spool,
    chunks: u64,
    plain_bytes: u64,
    offset: u64,
    current: Option<Current>,
    segments: Vec<CodedSegment>,
}

struct Current {
    encoder: RowEncoder,
    hashers: Vec<blake3::Hasher>,
    bytes: u64,
}

impl Worker {
    fn new(plan: &Plan, key: &ObjectKey, spool: Spool) -> Self {
        Self {
            cipher: ObjectCipher::new(key),
            code: plan.code().clone(),
            segment_limit: plan.segment_bytes(),
            spool,
            chunks: 0,
            plain_bytes: 0,
            offset: 0,
            current: None,
            segments: Vec::new(),
        }
    }

    /// Takes chunks in order; `last` if the last of them is the object's last.
    fn push(&mut self, mut batch: Vec<Vec<u8>>, last: bool) -> Result<(), PutError> {
        self.plain_bytes += batch.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
        let count = batch.len();
        let first = self.chunks;
        let cipher = &self.cipher;
        batch.par_iter_mut().enumerate().try_for_each(
            |(at, chunk)| -> Result<(), CipherError> {
                cipher.seal(
                    first.saturating_add(at as u64),
                    last && at + 1 == count,
                    chunk,
                )
            },
        )?;
        self.chunks += count as u64;
        for sealed in &batch {
            let written = (&self.spool.file).write_all(sealed);
            written.map_err(|source| self.spool.error(source))?;
            self.code_bytes(sealed);
        }
        Ok(())
    }

    fn code_bytes(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let n = usize::from(self.code.n());
            let current = self.current.get_or_insert_with(|| Current {
                encoder: RowEncoder::new(&self.code),
                hashers: vec![blake3::Hasher::new(); n],
                bytes: 0,
            });
            let room = usize::try_from(self.segment_limit - current.bytes).unwrap_or(usize::MAX);
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            let hashers = &mut current.hashers;
            current.encoder.push(now, |row| hash_row(hashers, row));
            current.bytes += now.len() as u64;
            bytes = later;
            if current.bytes == self.segment_limit {
                self.end_segment();
            }
        }
    }

    fn end_segment(&mut self) {
        if let Some(Current {
            encoder,
            mut hashers,
            bytes,
        }) = self.current.take()
        {
            encoder.finish(|row| hash_row(&mut hashers, row));
            self.segments.push(CodedSegment {
                offset: self.offset,
                segment_bytes: bytes,
                piece_bytes: self.code.payload_len(bytes),
                content_ids: hashers
                    .iter()
                    .map(|hasher| ContentId::from_bytes(hasher.finalize().into()))
                    .collect(),
            });
            self.offset += bytes;
        }
    }

    fn finish(mut self) -> Result<Ingested, PutError> {
        self.end_segment();
        Ok(Ingested {
            plain_bytes: self.plain_bytes,
            segments: self.segments,
            spool: Arc::new(self.spool),
        })
    }
}

fn hash_row(hashers: &mut [blake3::Hasher], row: cairn_erasure::Row<'_>) {
    let strips: Vec<&[u8]> = row.strips().collect();
    hashers
        .par_iter_mut()
        .zip(strips)
        .for_each(|(hasher, strip)| {
            hasher.update(strip);
        });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::cipher_len;

    async fn batches(mut bytes: &[u8]) -> (Vec<usize>, usize) {
        let (mut held, mut lengths, mut calls) = (None, Vec::new(), 0);
        loop {
            let (batch, last) = read_batch(&mut bytes, &mut held).await.unwrap();
            lengths.extend(batch.iter().map(Vec::len));
            calls += 1;
            if last {
                return (lengths, calls);
            }
        }
    }

    #[tokio::test]
    async fn chunks_are_full_but_the_last_and_never_missing() {
        let zeros = vec![0; CHUNK_LEN * (BATCH_CHUNKS * 2) + 5];
        assert_eq!(
            batches(&[]).await.0,
            [0],
            "an empty object is one empty chunk"
        );
        assert_eq!(batches(&zeros[..1]).await.0, [1]);
        assert_eq!(
            batches(&zeros[..CHUNK_LEN]).await.0,
            [CHUNK_LEN],
            "no empty chunk after a full one"
        );
        assert_eq!(batches(&zeros[..=CHUNK_LEN]).await.0, [CHUNK_LEN, 1]);
        let (lengths, calls) = batches(&zeros).await;
        assert_eq!(
            (lengths.len(), lengths[BATCH_CHUNKS * 2], calls),
            (BATCH_CHUNKS * 2 + 1, 5, 2)
        );
    }

    #[test]
    fn segments_are_cut_at_the_plan_and_hashed_as_the_coder_makes_them() {
        let dir = tempfile::tempdir().unwrap();
        let plan = Plan::new(2, 5, 6, 1 << 20).unwrap();
        let key = ObjectKey::random(&Entropy::system());
        for plain in [0, 1, 2032, 5000] {
            let spool = Spool::create(dir.path(), &Entropy::system()).unwrap();
            let mut work = Worker::new(&plan, &key, spool);
            work.push(vec![vec![7; plain]], true).unwrap();
            let ingested = work.finish().unwrap();
            let total: u64 = ingested
                .segments
                .iter()
                .map(|segment| segment.segment_bytes)
                .sum();
            assert_eq!(total, cipher_len(plain as u64), "{plain} bytes");
            assert_eq!(ingested.segments.len() as u64, total.div_ceil(2048));
            for segment in &ingested.segments {
                let bytes = ingested
                    .spool
                    .read(segment.offset, segment.segment_bytes)
                    .unwrap();
                let pieces = plan.code().encode_segment(&bytes);
                assert_eq!(pieces[0].len() as u64, segment.piece_bytes);
                let ids: Vec<ContentId> = pieces.iter().map(|piece| ContentId::of(piece)).collect();
                assert_eq!(ids, segment.content_ids);
            }
        }
        assert_eq!(
            std::fs::read_dir(dir.path()).unwrap().count(),
            0,
            "the temporary file has no name"
        );
    }
}
