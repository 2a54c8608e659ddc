//! Reading an object.
//!
//! ```text
//! plaintext range -> chunks -> ciphertext range -> windows of rows -> k pieces' worth of verified bytes each
//!                 <- decrypt <- decode          <-                 <-
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | `range` | [`ByteRange`] and its cut into windows |
//! | `fetch` | one window: verified parts of k pieces, decoded |
//! | `decrypt` | ciphertext in order to the wanted plaintext |
//! | `file` | a destination that appears only when it is complete |

mod decrypt;
mod fetch;
mod file;
mod range;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use cairn_erasure::Code;
use cairn_wire::Address;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::catalog::ObjectEntry;
use crate::cipher::{ObjectCipher, ObjectKey};
use crate::client::Shared;
use crate::error::{CatalogError, GetError};
use crate::fetch::{PartReader, PeerTrouble, Waits};
use crate::get::decrypt::Decryptor;
use crate::get::fetch::Fetcher;
use crate::market::Market;
use crate::progress::Stage;
use crate::task::Task;

pub(crate) use crate::get::file::get_to_file;
pub use crate::get::range::{ByteRange, NotARange};

/// Windows being fetched while one is decrypted and written.
const WINDOWS_AHEAD: usize = 3;
/// The longest part of a piece that is asked for at once.
const LONGEST_READ_BYTES: u64 = 4 << 20;

/// What a `get` met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GetReport {
    /// Bytes written.
    pub bytes: u64,
    /// Nodes that did not answer, refused, or lied; each once.
    pub troubles: Vec<PeerTrouble>,
    /// How many different nodes gave bytes that were used.
    pub served_by: usize,
}

/// See [`crate::Client::get`].
pub(crate) async fn get<M: Market>(
    shared: &Arc<Shared<M>>,
    name: &str,
    mut sink: impl AsyncWrite + Send + Unpin,
    range: ByteRange,
) -> Result<GetReport, GetError> {
    let entry = shared.catalog.object(name)?;
    expect_same_market(shared, &entry)?;
    let wanted = range.within(entry.plain_bytes)?;
    let damaged = || CatalogError::Damaged {
        name: name.to_owned(),
        reason: "its key does not parse",
    };
    let key: ObjectKey = entry.object_key().ok_or_else(damaged)?;
    let code = Code::new(entry.k, entry.n, entry.strip_bytes)?;
    let bytes = wanted.end - wanted.start;
    shared.progress.begin(Stage::Download, Some(bytes));
    let mut decryptor = Decryptor::new(ObjectCipher::new(&key), entry.plain_bytes, wanted.clone());
    let windows = if wanted.is_empty() {
        Vec::new()
    } else {
        range::windows(
            &entry,
            &code,
            decryptor.ciphertext(),
            longest_read(shared, &code),
        )
    };
    let fetcher = Arc::new(fetcher(shared, entry, code).await?);
    let mut pending = windows.into_iter();
    let mut ahead = VecDeque::new();
    loop {
        while ahead.len() < WINDOWS_AHEAD {
            let Some(window) = pending.next() else { break };
            ahead.push_back(Task(tokio::spawn(Arc::clone(&fetcher).window(window))));
        }
        let Some(mut task) = ahead.pop_front() else {
            break;
        };
        let ciphertext = (&mut task.0)
            .await
            .map_err(|error| GetError::Interrupted(error.to_string()))??;
        let opened = tokio::task::spawn_blocking(move || {
            decryptor.push(&ciphertext).map(|plain| (decryptor, plain))
        });
        let plain;
        (decryptor, plain) = opened
            .await
            .map_err(|error| GetError::Interrupted(error.to_string()))??;
        sink.write_all(&plain).await.map_err(GetError::Sink)?;
        shared.progress.advance(Stage::Download, plain.len() as u64);
    }
    sink.flush().await.map_err(GetError::Sink)?;
    shared.progress.end(Stage::Download);
    let (troubles, served_by) = fetcher.reader.standing.summary();
    Ok(GetReport {
        bytes,
        troubles,
        served_by,
    })
}

fn expect_same_market<M: Market>(shared: &Shared<M>, entry: &ObjectEntry) -> Result<(), GetError> {
    let domain = shared.market.domain();
    if domain.chain_id == entry.chain_id && domain.deals == entry.deals_contract {
        return Ok(());
    }
    Err(GetError::OtherMarket {
        expected_chain: entry.chain_id,
        expected: entry.deals_contract,
        got_chain: domain.chain_id,
        got: domain.deals,
    })
}

/// So much of each piece at once that all windows under way, with their spare answers and decoded rows, fit the memory.
fn longest_read<M>(shared: &Shared<M>, code: &Code) -> u64 {
    let copies = 2 * u64::from(code.k()) + u64::from(shared.config.extra_reads);
    let affordable = shared.config.memory_bytes / (WINDOWS_AHEAD as u64 + 1) / copies;
    affordable.min(LONGEST_READ_BYTES)
}

async fn fetcher<M: Market>(
    shared: &Shared<M>,
    entry: ObjectEntry,
    code: Code,
) -> Result<Fetcher, GetError> {
    let registry: HashMap<Address, _> = shared
        .market
        .providers()
        .await?
        .into_iter()
        .map(|info| (info.address, info))
        .collect();
    let reader = PartReader::new(
        Arc::clone(&shared.peers),
        code.k(),
        shared.config.extra_reads,
        Waits {
            hedge: shared.config.patience.hedge(),
            unseal: Duration::from_secs(shared.config.patience.unseal_s),
        },
        Arc::clone(&shared.progress),
    );
    Ok(Fetcher::new(registry, entry, code, reader))
}
