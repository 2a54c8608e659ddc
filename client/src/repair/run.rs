//! Window after window: fetched ahead, decoded once for all lost pieces, hashed, written.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use cairn_contracts::{DealInfo, ProviderInfo};
use cairn_erasure::{Code, CodeError};
use cairn_wire::{ContentId, SlotIndex};
use rayon::prelude::*;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use crate::error::RepairError;
use crate::fetch::{Ask, Bandwidth, PartReader, PartsError, Waits};
use crate::peers::Peers;
use crate::progress::{Progress, Stage};
use crate::repair::order::{GROUP_BYTES, Order};
use crate::repair::repairer::{RebuildOptions, Rebuilt};
use crate::task::Task;

/// Windows being fetched while one is decoded and written.
const WINDOWS_AHEAD: usize = 2;

/// See [`crate::Repairer::rebuild`].
pub(crate) async fn rebuild<W: AsyncWrite + Send + Unpin>(
    peers: &Arc<Peers>,
    deal: &DealInfo,
    holders: &[(SlotIndex, ProviderInfo)],
    lost: Vec<(SlotIndex, W)>,
    options: &RebuildOptions,
    progress: Arc<dyn Progress>,
) -> Result<Rebuilt, RepairError> {
    let (slots, mut sinks): (Vec<SlotIndex>, Vec<W>) = lost.into_iter().unzip();
    let order = Arc::new(Order::new(deal, holders, &slots)?);
    let reader = Arc::new(reader(peers, &order, options, Arc::clone(&progress)));
    if order.siblings.len() < usize::from(order.code.k()) {
        return Err(too_few(&order, &reader, order.siblings.len()));
    }
    let fetched_bytes = order.piece_bytes.saturating_mul(u64::from(order.code.k()));
    let rebuilt_bytes = order.piece_bytes.saturating_mul(slots.len() as u64);
    progress.begin(Stage::Fetch, Some(fetched_bytes));
    progress.begin(Stage::Rebuild, Some(rebuilt_bytes));
    let mut recoder = Recoder::new(&order);
    let mut pending = order.windows(
        options.memory_bytes,
        WINDOWS_AHEAD + 1,
        peers.longest_range(),
    );
    let mut ahead = VecDeque::new();
    loop {
        while ahead.len() < WINDOWS_AHEAD {
            let Some(window) = pending.next() else { break };
            let fetching = fetch(Arc::clone(&order), Arc::clone(&reader), window);
            ahead.push_back(Task(tokio::spawn(fetching)));
        }
        let Some(mut task) = ahead.pop_front() else {
            break;
        };
        let parts = (&mut task.0).await.map_err(interrupted)??;
        let fetched: usize = parts.iter().map(|(_, bytes)| bytes.len()).sum();
        progress.advance(Stage::Fetch, fetched as u64);
        let made;
        (recoder, made) = recoder.window(parts).await?;
        for ((slot, sink), bytes) in slots.iter().zip(&mut sinks).zip(&made) {
            let written = sink.write_all(bytes).await;
            written.map_err(|source| RepairError::Sink {
                slot: *slot,
                source,
            })?;
            progress.advance(Stage::Rebuild, bytes.len() as u64);
        }
    }
    expect_content(&order, &recoder.content_ids())?;
    for (slot, sink) in slots.iter().zip(&mut sinks) {
        let flushed = sink.flush().await;
        flushed.map_err(|source| RepairError::Sink {
            slot: *slot,
            source,
        })?;
    }
    progress.end(Stage::Fetch);
    progress.end(Stage::Rebuild);
    let (troubles, served_by) = reader.standing.summary();
    Ok(Rebuilt {
        fetched_bytes,
        rebuilt_bytes,
        troubles,
        served_by,
    })
}

fn reader(
    peers: &Arc<Peers>,
    order: &Order,
    options: &RebuildOptions,
    progress: Arc<dyn Progress>,
) -> PartReader {
    let waits = Waits {
        hedge: options.hedge,
        unseal: options.unseal,
    };
    PartReader::new(
        Arc::clone(peers),
        order.code.k(),
        options.extra_holders,
        waits,
        progress,
    )
    .within(Bandwidth::new(options.bytes_per_s))
}

/// A window of k siblings.
async fn fetch(
    order: Arc<Order>,
    reader: Arc<PartReader>,
    window: Range<u64>,
) -> Result<Vec<(u8, Vec<u8>)>, RepairError> {
    let ask = Ask {
        whole: format!("deal {}", order.deal),
        siblings: order.siblings.clone(),
        piece_bytes: order.piece_bytes,
        span: window,
    };
    reader.read(&ask).await.map_err(|error| match error {
        PartsError::TooFew { got } => too_few(&order, &reader, got),
        PartsError::Interrupted(reason) => RepairError::Interrupted(reason),
    })
}

/// Makes the lost pieces' part of each window, and their hashes on the way.
struct Recoder {
    code: Code,
    want: Vec<u8>,
    hashers: Vec<blake3::Hasher>,
}

impl Recoder {
    fn new(order: &Order) -> Self {
        Self {
            code: order.code.clone(),
            want: order.lost.iter().map(|lost| lost.slot.0).collect(),
            hashers: vec![blake3::Hasher::new(); order.lost.len()],
        }
    }

    /// The next window of every lost piece, off the threads that wait for the network.
    async fn window(
        mut self,
        parts: Vec<(u8, Vec<u8>)>,
    ) -> Result<(Self, Vec<Vec<u8>>), RepairError> {
        let working = tokio::task::spawn_blocking(move || {
            let made = remake(&self.code, parts, &self.want)?;
            self.hashers
                .par_iter_mut()
                .zip(&made)
                .for_each(|(hasher, bytes)| {
                    hasher.update(bytes);
                });
            Ok((self, made))
        });
        working.await.map_err(interrupted)?
    }

    fn content_ids(&self) -> Vec<ContentId> {
        self.hashers
            .iter()
            .map(|hasher| ContentId::from(hasher.finalize()))
            .collect()
    }
}

/// The parts of the pieces `want`; a part of any length, as zeros at the end of all pieces change nothing before them.
fn remake(
    code: &Code,
    mut parts: Vec<(u8, Vec<u8>)>,
    want: &[u8],
) -> Result<Vec<Vec<u8>>, CodeError> {
    let len = parts.first().map_or(0, |(_, bytes)| bytes.len());
    let strip = usize::try_from(GROUP_BYTES).unwrap_or(usize::MAX);
    for (_, bytes) in &mut parts {
        bytes.resize(bytes.len().next_multiple_of(strip), 0);
    }
    let present: Vec<(u8, &[u8])> = parts
        .iter()
        .map(|(slot, bytes)| (*slot, bytes.as_slice()))
        .collect();
    let mut made = code.rebuild(&present, want)?;
    for piece in &mut made {
        piece.truncate(len);
    }
    Ok(made)
}

fn expect_content(order: &Order, made: &[ContentId]) -> Result<(), RepairError> {
    let mut slots: Vec<SlotIndex> = order
        .lost
        .iter()
        .zip(made)
        .filter(|(lost, made)| lost.content_id != **made)
        .map(|(lost, _)| lost.slot)
        .collect();
    if slots.is_empty() {
        return Ok(());
    }
    slots.sort_unstable();
    Err(RepairError::NoCodeword {
        deal: order.deal,
        slots,
    })
}

fn too_few(order: &Order, reader: &PartReader, got: usize) -> RepairError {
    let (troubles, _) = reader.standing.summary();
    RepairError::TooFewHolders {
        deal: order.deal,
        needed: usize::from(order.code.k()),
        got,
        holders: order.siblings.len(),
        troubles,
    }
}

fn interrupted(error: tokio::task::JoinError) -> RepairError {
    RepairError::Interrupted(error.to_string())
}
