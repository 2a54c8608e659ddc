//! One window: k + extra peers are asked, the fastest k verified answers count.
//!
//! A peer that fails or lies is replaced at once; when nothing comes for a while, one more is asked. A liar is not asked
//! again in this read. A peer whose piece must be unsealed first says in how long: the others are asked meanwhile, and when
//! all of them together are too few, the read waits and asks it again.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cairn_contracts::ProviderInfo;
use cairn_erasure::Code;
use cairn_wire::{Address, ConnectError, ContentId, ReadRange, RequestError};
use tokio::task::JoinSet;

use crate::catalog::ObjectEntry;
use crate::error::GetError;
use crate::fetch::{PeerTrouble, Standing};
use crate::get::range::Window;
use crate::peers::Peers;
use crate::progress::Progress;

/// What one read needs to know about its peers.
pub(crate) struct Fetcher {
    peers: Arc<Peers>,
    registry: HashMap<Address, ProviderInfo>,
    entry: ObjectEntry,
    code: Code,
    extra: usize,
    waits: Waits,
    progress: Arc<dyn Progress>,
    pub(crate) standing: Standing,
}

/// How long a read waits for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waits {
    /// Without an answer, until one more is asked.
    pub(crate) hedge: Duration,
    /// For pieces being unsealed, in all.
    pub(crate) unseal: Duration,
}

/// The longest pause before a node that unseals is asked again: its own word is a guess.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A part of one piece, from one peer.
struct Part {
    slot: u8,
    provider: Address,
    outcome: Result<Vec<u8>, PartError>,
    time: Duration,
}

impl Part {
    /// How long its node needs to unseal the piece, if that is what it said.
    fn wait(&self) -> Option<Duration> {
        match &self.outcome {
            Err(PartError::Request(error)) => {
                error.wait_s().map(|s| Duration::from_secs(u64::from(s)))
            }
            _ => None,
        }
    }
}

/// A node that unseals its piece.
struct Later {
    slot: u8,
    info: ProviderInfo,
    wait: Duration,
}

enum PartError {
    Connect(ConnectError),
    Request(RequestError),
}

impl Fetcher {
    pub(crate) fn new(
        peers: Arc<Peers>,
        registry: HashMap<Address, ProviderInfo>,
        entry: ObjectEntry,
        code: Code,
        extra: usize,
        waits: Waits,
        progress: Arc<dyn Progress>,
    ) -> Self {
        Self {
            peers,
            registry,
            entry,
            code,
            extra,
            waits,
            progress,
            standing: Standing::default(),
        }
    }

    /// The ciphertext of a window.
    pub(crate) async fn window(self: Arc<Self>, window: Window) -> Result<Vec<u8>, GetError> {
        let parts = self.parts(&window).await?;
        let code = self.code.clone();
        let cover = window.cover;
        let decoded = tokio::task::spawn_blocking(move || {
            let pieces: Vec<(u8, &[u8])> = parts
                .iter()
                .map(|(slot, bytes)| (*slot, bytes.as_slice()))
                .collect();
            let rows_bytes = (cover.rows.end - cover.rows.start).saturating_mul(code.row_bytes());
            let mut rows =
                code.decode_segment(&pieces, usize::try_from(rows_bytes).unwrap_or(usize::MAX))?;
            rows.truncate(usize::try_from(cover.skip + cover.take).unwrap_or(usize::MAX));
            rows.drain(..usize::try_from(cover.skip).unwrap_or(usize::MAX));
            Ok(rows)
        });
        decoded
            .await
            .map_err(|error| GetError::Interrupted(error.to_string()))?
    }

    /// k verified parts; waits for pieces that are being unsealed where it must.
    async fn parts(&self, window: &Window) -> Result<Vec<(u8, Vec<u8>)>, GetError> {
        let needed = usize::from(self.code.k());
        let began = Instant::now();
        let mut got = Vec::with_capacity(needed);
        let mut askable = self.in_order(window.segment);
        loop {
            let unsealing = self.ask_all(window, askable, &mut got).await?;
            if got.len() >= needed {
                return Ok(got);
            }
            let Some(wait) = unsealing.iter().map(|later| later.wait).min() else {
                return Err(self.too_few(window.segment, got.len()));
            };
            let left = self.waits.unseal.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(self.too_few(window.segment, got.len()));
            }
            self.say_waiting(window.segment, got.len(), unsealing.len(), wait);
            tokio::time::sleep(wait.min(LONGEST_PAUSE).min(left)).await;
            askable = unsealing
                .into_iter()
                .map(|later| (later.slot, later.info))
                .collect();
        }
    }

    /// Tells a person why nothing comes, once a change: windows wait side by side for the same pieces.
    fn say_waiting(&self, segment: usize, got: usize, unsealing: usize, wait: Duration) {
        let text = format!(
            "segment {segment}: {got} of {} pieces can be read now, {unsealing} are being unsealed; the first is available in about {} s",
            self.code.k(),
            wait.as_secs()
        );
        tracing::info!("{text}");
        if self.standing.is_news(segment, got, unsealing) {
            self.progress.note(&text);
        }
    }

    /// Asks these holders until there are k parts or nobody is left; gives those who unseal their piece first.
    async fn ask_all(
        &self,
        window: &Window,
        holders: Vec<(u8, ProviderInfo)>,
        got: &mut Vec<(u8, Vec<u8>)>,
    ) -> Result<Vec<Later>, GetError> {
        let needed = usize::from(self.code.k());
        let infos: HashMap<u8, ProviderInfo> = holders.iter().cloned().collect();
        let mut unsealing = Vec::new();
        let mut waiting = holders.into_iter().peekable();
        let mut running = JoinSet::new();
        let mut asked: HashMap<Address, Instant> = HashMap::new();
        let mut hedges = 0;
        while got.len() < needed {
            while got.len() + running.len() < needed + self.extra + hedges {
                let Some((slot, info)) = waiting.next() else {
                    break;
                };
                asked.insert(info.address, Instant::now());
                let segment = &self.entry.segments[window.segment];
                let content_id = segment.pieces[usize::from(slot)].content_id;
                let whole = segment.piece_bytes;
                running.spawn(read_part(
                    Arc::clone(&self.peers),
                    info,
                    slot,
                    content_id,
                    window.cover.piece.clone(),
                    whole,
                ));
            }
            tokio::select! {
                ended = running.join_next() => match ended {
                    None => break,
                    Some(Err(error)) => return Err(GetError::Interrupted(error.to_string())),
                    Some(Ok(part)) => {
                        asked.remove(&part.provider);
                        if let Some(wait) = part.wait()
                            && let Some(info) = infos.get(&part.slot)
                        {
                            unsealing.push(Later {
                                slot: part.slot,
                                info: info.clone(),
                                wait,
                            });
                        }
                        got.extend(self.judge(part));
                    }
                },
                () = tokio::time::sleep(self.waits.hedge), if waiting.peek().is_some() => hedges += 1,
            }
        }
        for (provider, since) in asked {
            self.standing.outrun(provider, since.elapsed());
        }
        Ok(unsealing)
    }

    /// The holders of a segment's pieces, best first, without liars and without those who left the registry. Among
    /// equals data pieces come first: with all of them there is nothing to decode.
    fn in_order(&self, segment: usize) -> Vec<(u8, ProviderInfo)> {
        let mut holders = Vec::new();
        for (slot, piece) in self.entry.segments[segment].pieces.iter().enumerate() {
            match self.registry.get(&piece.provider) {
                None => self.standing.failed(
                    piece.provider,
                    false,
                    "it is not in the registry".to_owned(),
                ),
                Some(_) if self.standing.is_banned(piece.provider) => {}
                Some(info) => holders.push((u8::try_from(slot).unwrap_or(u8::MAX), info.clone())),
            }
        }
        holders.sort_by_cached_key(|(slot, info)| (self.standing.rank(info.address), *slot));
        holders
    }

    fn judge(&self, part: Part) -> Option<(u8, Vec<u8>)> {
        match part.outcome {
            Ok(bytes) => {
                self.standing.served(part.provider, part.time);
                return Some((part.slot, bytes));
            }
            Err(PartError::Connect(error)) => {
                let lied = matches!(error, ConnectError::PinMismatch { .. });
                self.standing.failed(part.provider, lied, error.to_string());
            }
            Err(PartError::Request(error)) => {
                tracing::debug!(provider = %part.provider, %error, "no use");
                let reason = error.to_string();
                match error.wait_s() {
                    Some(wait_s) => self.standing.later(part.provider, wait_s, reason),
                    None => self.standing.failed(part.provider, error.is_lie(), reason),
                }
            }
        }
        None
    }

    fn too_few(&self, segment: usize, answered: usize) -> GetError {
        let one = &self.entry.segments[segment];
        let troubles: Vec<PeerTrouble> = one
            .pieces
            .iter()
            .filter_map(|piece| self.standing.trouble(piece.provider))
            .collect();
        GetError::TooFewAnswered {
            segment,
            deal: one.deal,
            answered,
            needed: usize::from(self.code.k()),
            asked: one.pieces.len(),
            troubles,
        }
    }
}

async fn read_part(
    peers: Arc<Peers>,
    info: ProviderInfo,
    slot: u8,
    content_id: ContentId,
    span: Range<u64>,
    piece_bytes: u64,
) -> Part {
    let start = Instant::now();
    let outcome = read_verified(&peers, &info, content_id, span, piece_bytes).await;
    Part {
        slot,
        provider: info.address,
        outcome,
        time: start.elapsed(),
    }
}

async fn read_verified(
    peers: &Peers,
    info: &ProviderInfo,
    content_id: ContentId,
    span: Range<u64>,
    piece_bytes: u64,
) -> Result<Vec<u8>, PartError> {
    let connection = peers.connect(info).await.map_err(PartError::Connect)?;
    let request = ReadRange {
        content_id,
        offset: span.start,
        len: span.end - span.start,
    };
    let stream = connection
        .read_range(&request, piece_bytes)
        .await
        .map_err(PartError::Request)?;
    stream.read_to_end().await.map_err(PartError::Request)
}
