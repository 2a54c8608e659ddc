//! The same part of k pieces of one deal: k + extra peers are asked, the fastest k verified answers count.
//!
//! A peer that fails or lies is replaced at once; when nothing comes for a while, one more is asked. A liar is not asked
//! again by the same reader. A peer whose piece must be unsealed first says in how long: the others are asked meanwhile,
//! and when all of them together are too few, the reader waits and asks it again.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cairn_contracts::ProviderInfo;
use cairn_wire::{Address, ConnectError, ContentId, ReadRange, RequestError};
use tokio::task::JoinSet;

use crate::fetch::bandwidth::Bandwidth;
use crate::fetch::standing::Standing;
use crate::peers::Peers;
use crate::progress::Progress;

/// Asks peers for parts of pieces, and remembers how they did.
pub(crate) struct PartReader {
    peers: Arc<Peers>,
    needed: usize,
    extra: usize,
    waits: Waits,
    bandwidth: Bandwidth,
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

/// A piece and the node that holds it.
#[derive(Debug, Clone)]
pub(crate) struct Sibling {
    pub(crate) slot: u8,
    pub(crate) content_id: ContentId,
    pub(crate) holder: ProviderInfo,
}

/// What is read.
pub(crate) struct Ask {
    /// Of what these are pieces, for people.
    pub(crate) whole: String,
    pub(crate) siblings: Vec<Sibling>,
    /// Length of every one of the pieces.
    pub(crate) piece_bytes: u64,
    /// The part of every one of them.
    pub(crate) span: Range<u64>,
}

/// Fewer than k parts.
#[derive(Debug)]
pub(crate) enum PartsError {
    /// So many of the siblings gave verified bytes.
    TooFew { got: usize },
    /// A task ended early.
    Interrupted(String),
}

/// The longest pause before a node that unseals is asked again: its own word is a guess.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A part of one piece, from one peer.
struct Part {
    sibling: Sibling,
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
    sibling: Sibling,
    wait: Duration,
}

enum PartError {
    Connect(ConnectError),
    Request(RequestError),
}

impl PartReader {
    pub(crate) fn new(
        peers: Arc<Peers>,
        needed: u16,
        extra: u16,
        waits: Waits,
        progress: Arc<dyn Progress>,
    ) -> Self {
        Self {
            peers,
            needed: usize::from(needed),
            extra: usize::from(extra),
            waits,
            bandwidth: Bandwidth::default(),
            progress,
            standing: Standing::default(),
        }
    }

    /// The same, with a bound on how much is asked for in a second.
    pub(crate) fn within(mut self, bandwidth: Bandwidth) -> Self {
        self.bandwidth = bandwidth;
        self
    }

    /// k verified parts, each with its slot; waits for pieces that are being unsealed where it must.
    pub(crate) async fn read(&self, ask: &Ask) -> Result<Vec<(u8, Vec<u8>)>, PartsError> {
        let began = Instant::now();
        let mut got = Vec::with_capacity(self.needed);
        let mut askable = self.in_order(&ask.siblings);
        loop {
            let unsealing = self.ask_all(ask, askable, &mut got).await?;
            if got.len() >= self.needed {
                return Ok(got);
            }
            let too_few = PartsError::TooFew { got: got.len() };
            let Some(wait) = unsealing.iter().map(|later| later.wait).min() else {
                return Err(too_few);
            };
            let left = self.waits.unseal.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Err(too_few);
            }
            self.say_waiting(&ask.whole, got.len(), unsealing.len(), wait);
            tokio::time::sleep(wait.min(LONGEST_PAUSE).min(left)).await;
            askable = unsealing.into_iter().map(|later| later.sibling).collect();
        }
    }

    /// Tells a person why nothing comes, once a change: parts of the same pieces are waited for side by side.
    fn say_waiting(&self, whole: &str, got: usize, unsealing: usize, wait: Duration) {
        let text = format!(
            "{whole}: {got} of {} pieces can be read now, {unsealing} are being unsealed; the first is available in about {} s",
            self.needed,
            wait.as_secs()
        );
        tracing::info!("{text}");
        if self.standing.is_news(whole, got, unsealing) {
            self.progress.note(&text);
        }
    }

    /// Asks these holders until there are k parts or nobody is left; gives those who unseal their piece first.
    async fn ask_all(
        &self,
        ask: &Ask,
        siblings: Vec<Sibling>,
        got: &mut Vec<(u8, Vec<u8>)>,
    ) -> Result<Vec<Later>, PartsError> {
        let mut unsealing = Vec::new();
        let mut waiting = siblings.into_iter().peekable();
        let mut running = JoinSet::new();
        let mut asked: HashMap<Address, Instant> = HashMap::new();
        let mut hedges = 0;
        while got.len() < self.needed {
            while got.len() + running.len() < self.needed + self.extra + hedges {
                let Some(sibling) = waiting.next() else {
                    break;
                };
                // here and not in the task, so that no time without an answer is counted before the question
                self.bandwidth
                    .take(ask.span.end.saturating_sub(ask.span.start))
                    .await;
                asked.insert(sibling.holder.address, Instant::now());
                running.spawn(read_part(
                    Arc::clone(&self.peers),
                    sibling,
                    ask.span.clone(),
                    ask.piece_bytes,
                ));
            }
            tokio::select! {
                ended = running.join_next() => match ended {
                    None => break,
                    Some(Err(error)) => return Err(PartsError::Interrupted(error.to_string())),
                    Some(Ok(part)) => {
                        asked.remove(&part.sibling.holder.address);
                        if let Some(wait) = part.wait() {
                            unsealing.push(Later {
                                sibling: part.sibling.clone(),
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

    /// The siblings, best first, without liars. Among equals data pieces come first: with all of them there is nothing
    /// to decode.
    fn in_order(&self, siblings: &[Sibling]) -> Vec<Sibling> {
        let mut askable: Vec<Sibling> = siblings
            .iter()
            .filter(|sibling| !self.standing.is_banned(sibling.holder.address))
            .cloned()
            .collect();
        askable.sort_by_cached_key(|sibling| {
            (self.standing.rank(sibling.holder.address), sibling.slot)
        });
        askable
    }

    fn judge(&self, part: Part) -> Option<(u8, Vec<u8>)> {
        let provider = part.sibling.holder.address;
        match part.outcome {
            Ok(bytes) => {
                self.standing.served(provider, part.time);
                return Some((part.sibling.slot, bytes));
            }
            Err(PartError::Connect(error)) => {
                let lied = matches!(error, ConnectError::PinMismatch { .. });
                self.standing.failed(provider, lied, error.to_string());
            }
            Err(PartError::Request(error)) => {
                tracing::debug!(%provider, %error, "no use");
                let reason = error.to_string();
                match error.wait_s() {
                    Some(wait_s) => self.standing.later(provider, wait_s, reason),
                    None => self.standing.failed(provider, error.is_lie(), reason),
                }
            }
        }
        None
    }
}

async fn read_part(
    peers: Arc<Peers>,
    sibling: Sibling,
    span: Range<u64>,
    piece_bytes: u64,
) -> Part {
    let start = Instant::now();
    let outcome = read_verified(&peers, &sibling, span, piece_bytes).await;
    Part {
        sibling,
        outcome,
        time: start.elapsed(),
    }
}

async fn read_verified(
    peers: &Peers,
    sibling: &Sibling,
    span: Range<u64>,
    piece_bytes: u64,
) -> Result<Vec<u8>, PartError> {
    let connection = peers
        .connect(&sibling.holder)
        .await
        .map_err(PartError::Connect)?;
    let request = ReadRange {
        content_id: sibling.content_id,
        offset: span.start,
        len: span.end - span.start,
    };
    let stream = connection
        .read_range(&request, piece_bytes)
        .await
        .map_err(PartError::Request)?;
    stream.read_to_end().await.map_err(PartError::Request)
}
