//! What the node does of its own accord, step by step; every step looks at the chain before it acts, so that a restart
//! at any moment repeats nothing that counts.
//!
//! ```text
//!  every tick:  follow the chain  ->  windows (first of all: they have deadlines)  ->  unless a round is near or a
//!               window open, one step: the answer of a challenge, a replica whose clock runs, a step in an auction, an append or
//!               activation, the other steps of sealing, a batch of pay, a failure of somebody else; what fails of these holds up none
//!               of the others
//!  beside it:   pack what has waited long enough; seal and unseal, below everything else
//! ```
//!
//! | file | what it holds |
//! |---|---|
//! | `sync.rs` | reading the chain up to its newest block, and going back with it |
//! | `windows.rs` | proving in time, and accounting for what was not |
//! | `sectors.rs` | append, then include and activate |
//! | `seals.rs` | a sealed sector's steps on chain, from its number to its append |
//! | `sealer.rs` | the machine's part of sealing, on threads of its own |
//! | `labels.rs` | labels of one sector or of two side by side, for sealing and unsealing |
//! | `unsealer.rs` | data that lies only in a replica: given up, and made again for readers |
//! | `pace.rs` | when work that can wait may start; what was refused waits |
//! | `pay.rs` | settling what was proven |
//! | `challenges.rs` | direct challenges of this provider, answered |
//! | `stake.rs` | collateral for the slots that are filled next |
//! | `repairs.rs` | slots that somebody lost: the piece made again and taken |
//! | `rights.rs` | the right to fill a slot that somebody else lost |
//! | `bids.rs` | auctions of sealed slots that somebody lost: entered, claimed, won or lost |
//! | `hunt.rs` | misses of others: reported, their trees ended, their slots freed |
//! | `packer.rs` | from accepted pieces to packed sectors, and dropping what is no longer wanted |

mod bids;
mod challenges;
mod hunt;
mod labels;
mod pace;
mod packer;
mod pay;
mod repairs;
mod rights;
mod sealer;
mod seals;
mod sectors;
mod stake;
mod sync;
#[cfg(test)]
mod tests;
mod unsealer;
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cairn_contracts::{CollateralTerms, Head, RepairTerms, Schedule};
use cairn_prover::params::ParamSet;
use cairn_wire::{Address, TreeIndex};
use tokio::sync::watch;

use crate::chain::ChainPort;
use crate::dashboard::{Alarm, Counter, Gauge, Metrics};
use crate::deal::{SealState, SectorState, SlotState};
use crate::error::{ChainFault, ProvingError, StoreError};
pub use crate::pipeline::bids::Bids;
pub use crate::pipeline::challenges::Challenged;
pub use crate::pipeline::hunt::Hunt;
pub use crate::pipeline::pace::{Backoff, PayTurn, may_start};
pub use crate::pipeline::repairs::Repairs;
pub use crate::pipeline::sealer::{Progress, SEAL_NICENESS, seal_threads};
pub use crate::pipeline::windows::HandedIn;
use crate::proving::{ProofThreads, ProverKeys, ReplicaProver};
use crate::sealing::{LabelFolders, SealRules, UnsealQueue};
use crate::sector::PackingRule;
use crate::store::{Ledger, SlotKey};
use crate::view::ChainView;

/// What the node needs to stake, to answer for what it holds, and to repair what others lost.
#[derive(Debug)]
pub struct MarketPart {
    /// What slots lock.
    pub collateral: CollateralTerms,
    /// What repairers must do.
    pub repair: RepairTerms,
    /// Keeps the salts of commits to repairs secret.
    pub salt_key: [u8; 32],
    /// Challenges that wait for an answer.
    pub challenged: Challenged,
    /// Auctions that this node is in.
    pub bids: Bids,
    /// The market as the contracts tell it, when others' misses are looked for.
    pub hunt: Option<Hunt>,
    /// The repair worker, if the operator wants one.
    pub repairs: Option<Repairs>,
}

/// Everything the node's own work needs.
pub struct Work {
    /// The provider served.
    pub me: Address,
    /// The parameter set.
    pub set: &'static ParamSet,
    /// When periods are.
    pub schedule: Schedule,
    /// No event is older.
    pub start_block: u64,
    /// When a sector is sealed off.
    pub rule: PackingRule,
    /// The chain.
    pub chain: Arc<dyn ChainPort>,
    /// What was last seen of it.
    pub view: Arc<ChainView>,
    /// The records.
    pub ledger: Arc<Ledger>,
    /// The counters.
    pub metrics: Arc<Metrics>,
    /// The Groth16 keys.
    pub keys: Arc<ProverKeys>,
    /// Unix time of this machine.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// How often to look.
    pub poll: Duration,
    /// How many periods lie between two settlements; 0: never.
    pub settle_every_periods: u64,
    /// What is left of the settlement under way.
    pub pay: PayTurn,
    /// What was refused and waits.
    pub backoff: Backoff,
    /// The part in the market that is not about its own sectors.
    pub market: MarketPart,
    /// What sealing goes by.
    pub seal: SealRules,
    /// Where labels lie.
    pub folders: LabelFolders,
    /// The threads that prove for the chain, and the gate at which sealing waits for them.
    pub proofs: Arc<ProofThreads>,
    /// Proves replicas.
    pub replicas: Arc<dyn ReplicaProver>,
    /// The threads that seal and unseal.
    pub seal_threads: rayon::ThreadPool,
    /// How far the machine is with its sectors.
    pub progress: Progress,
    /// Tells sealing to stop.
    pub stop_sealing: AtomicBool,
    /// Who waits for unsealing.
    pub unseals: Arc<UnsealQueue>,
    /// The window proof of each tree that was counted last, while the chain can still take it back.
    pub handed_in: Mutex<BTreeMap<TreeIndex, HandedIn>>,
    /// Ended slots whose pieces were looked at.
    pub swept: Mutex<BTreeSet<SlotKey>>,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work")
            .field("me", &self.me)
            .field("set", &self.set.name)
            .finish_non_exhaustive()
    }
}

impl Work {
    /// Follows, proves, appends and activates until `stop` says so.
    pub async fn run_keeper(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut pause_until = 0;
        while !*stop.borrow() {
            let progressed = match self.tick(pause_until).await {
                Ok(progressed) => progressed,
                Err(error) => {
                    self.report(&error, &mut pause_until);
                    false
                }
            };
            if !progressed {
                pause(&mut stop, self.poll).await;
            }
        }
    }

    /// Packs until `stop` says so.
    pub async fn run_packer(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if !self.may_pack() {
                pause(&mut stop, self.poll).await;
                continue;
            }
            let work = Arc::clone(&self);
            match tokio::task::spawn_blocking(move || work.pack()).await {
                Ok(Ok(0)) => {}
                Ok(Ok(_)) => continue,
                Ok(Err(error)) => {
                    self.metrics.count(Counter::DiskFaults);
                    if self.metrics.raise(Alarm::Disk, &error) {
                        tracing::error!(%error, "packing failed");
                    }
                }
                Err(error) => tracing::error!(%error, "packing stopped"),
            }
            pause(&mut stop, self.poll).await;
        }
    }

    /// One look at everything. Says whether there may be more to do at once.
    async fn tick(&self, pause_until: u64) -> Result<bool, ProvingError> {
        let head = self.chain.head().await?;
        if self.metrics.clear(Alarm::Rpc) {
            tracing::info!(block = head.number, "the chain answers again");
        }
        let synced = self.sync(head).await;
        self.show(head.timestamp);
        // Whatever became of the rest: a window that is open does not wait for it.
        let proved = self.step_windows(head).await;
        if let (Err(_), Err(error)) = (&synced, &proved) {
            self.note(error);
        }
        let (up_to_date, proved) = (synced?, proved?);
        let must_wait = proved || (self.clock)() < pause_until;
        if !up_to_date || must_wait || !self.may_start(head.timestamp) {
            return Ok(proved);
        }
        self.step_chores(head).await
    }

    /// One thing that no window waits for; what fails holds up nothing that comes after it.
    async fn step_chores(&self, head: Head) -> Result<bool, ProvingError> {
        let mut failed = None;
        let dear = self.gas_is_too_dear().await?;
        for chore in Chore::ALL {
            if dear && !chore.is_urgent() {
                continue;
            }
            let done = match chore {
                Chore::Challenges => self.step_challenges(head).await,
                Chore::Replicas => self.step_seals(head, SealState::presses).await,
                Chore::Bids => self.step_bids(head, dear).await,
                Chore::Sectors => self.step_sectors(head).await,
                Chore::Sealing => self.step_seals(head, |seal| !seal.presses()).await,
                Chore::Pay => self.step_pay(head).await,
                Chore::Hunt => self.step_hunt(head).await,
            };
            match (done, &failed) {
                (Ok(false), _) => {}
                (Ok(true), None) => return Ok(true),
                (Ok(true), Some(_)) => break,
                (Err(error), None) => failed = Some(error),
                (Err(error), Some(_)) => self.note(&error),
            }
        }
        failed.map_or(Ok(false), Err)
    }

    /// Whether gas costs more than the operator pays for what can wait: then nothing of it is even prepared.
    async fn gas_is_too_dear(&self) -> Result<bool, ProvingError> {
        let Some(base) = self.chain.too_dear().await? else {
            if self.metrics.clear(Alarm::Gas) {
                tracing::info!("gas is cheap enough again");
            }
            return Ok(false);
        };
        let words = format!("a unit of gas costs {base} wei: what can wait waits");
        if self.metrics.raise(Alarm::Gas, &words) {
            tracing::warn!(
                base_wei = base,
                "gas is too dear: only proofs and answers are sent"
            );
        }
        Ok(true)
    }

    /// Whether work may start that no window waits for.
    fn may_start(&self, chain_time_unix: u64) -> bool {
        let trees = self.ledger.trees();
        trees.is_empty()
            || may_start(&self.schedule, chain_time_unix, |period| {
                trees.iter().all(|tree| {
                    self.ledger
                        .window(*tree, period)
                        .is_ok_and(|window| window.is_final())
                })
            })
    }

    /// Whether packing may take the machine's cores now. While the chain does not answer nothing is known of rounds.
    fn may_pack(&self) -> bool {
        self.metrics.is_raised(Alarm::Rpc) || self.may_start(self.view.chain_time_unix())
    }

    /// Says what went wrong where nothing else has to wait for it.
    fn note(&self, error: &ProvingError) {
        let mut pauses_nothing = 0;
        self.report(error, &mut pauses_nothing);
    }

    /// Says what went wrong, once for each kind, and where it shows.
    fn report(&self, error: &ProvingError, pause_until: &mut u64) {
        let metrics = &self.metrics;
        match error {
            ProvingError::Chain(ChainFault::Unreachable(reason)) => {
                metrics.count(Counter::RpcFailures);
                if metrics.raise(Alarm::Rpc, reason) {
                    tracing::error!(%reason, "the chain does not answer");
                }
            }
            ProvingError::Chain(ChainFault::Dear(reason)) => {
                metrics.raise(Alarm::Gas, reason);
                tracing::error!(%reason, "gas is too dear even for what is due");
            }
            ProvingError::Chain(ChainFault::Refused(reason)) => {
                metrics.count(Counter::RpcRefusals);
                // The same call would be refused again: give the cause time to go away.
                *pause_until = (self.clock)().saturating_add(3);
                if metrics.raise(Alarm::Refused, reason) {
                    tracing::error!(%reason, "the chain refused");
                }
            }
            ProvingError::Rotten {
                number,
                leaf,
                reason,
            } => {
                metrics.count(Counter::RottenLeaves);
                metrics.count(Counter::ProofsFailed);
                let words = format!("sector {number} leaf {leaf}: {reason}");
                if metrics.raise(Alarm::Rot, &words) {
                    tracing::error!(sector = %number, leaf, %reason, "ROTTEN: nothing is proven until the sector is whole again");
                }
            }
            ProvingError::UnknownTree { .. } => {
                metrics.count(Counter::ProofsFailed);
                if metrics.raise(Alarm::UnknownTree, error) {
                    tracing::error!(%error, "no proof can be made");
                }
            }
            ProvingError::Collateral { .. } => {
                if metrics.raise(Alarm::Collateral, error) {
                    tracing::error!(%error, "slots wait: send tokens to the operator's account");
                }
            }
            ProvingError::Prover { .. } => {
                metrics.count(Counter::ProofsFailed);
                *pause_until = (self.clock)().saturating_add(3);
                tracing::error!(%error, "a proof failed");
            }
            ProvingError::Store(_) | ProvingError::Sector(_) => {
                metrics.count(Counter::DiskFaults);
                if metrics.raise(Alarm::Disk, error) {
                    tracing::error!(%error, "the store failed");
                }
            }
        }
    }

    fn show(&self, chain_time_unix: u64) {
        let metrics = &self.metrics;
        let period = self.schedule.period_of(chain_time_unix);
        metrics.set(Gauge::Period, period.0);
        metrics.set(Gauge::Deadline, self.schedule.deadline(period));
        let (pieces, bytes) = self.ledger.store().held();
        metrics.set(Gauge::Pieces, pieces);
        metrics.set(Gauge::PieceBytes, bytes);
        metrics.set(Gauge::SlotsWaiting, self.ledger.waiting().len() as u64);
        let active = self
            .ledger
            .slots(|slot| matches!(slot.state, SlotState::Active { .. }));
        metrics.set(Gauge::SlotsActive, active.len() as u64);
        let registered = self
            .ledger
            .sectors(|sector| matches!(sector.state, SectorState::Registered { .. }));
        metrics.set(Gauge::SectorsRegistered, registered.len() as u64);
        self.show_seals();
        if let Ok(free) = self.ledger.store().free_bytes() {
            metrics.set(Gauge::FreeBytes, free);
        }
    }
}

/// What is done at a tick when no window needs the node, in this order: what has a deadline of its own comes first.
#[derive(Clone, Copy, Debug)]
enum Chore {
    Challenges,
    Replicas,
    Bids,
    Sectors,
    Sealing,
    Pay,
    Hunt,
}

impl Chore {
    const ALL: [Self; 7] = [
        Self::Challenges,
        Self::Replicas,
        Self::Bids,
        Self::Sectors,
        Self::Sealing,
        Self::Pay,
        Self::Hunt,
    ];

    /// Whether it costs collateral, a deposit or a bond when it comes late.
    const fn is_urgent(self) -> bool {
        matches!(self, Self::Challenges | Self::Replicas | Self::Bids)
    }
}

/// Runs work that blocks on a thread of its own.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ProvingError> + Send + 'static,
) -> Result<T, ProvingError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| {
            Err(ProvingError::Store(StoreError::Io {
                doing: "running a worker",
                detail: error.to_string(),
            }))
        })
}

async fn pause(stop: &mut watch::Receiver<bool>, time: Duration) {
    if let Ok(Err(_)) = tokio::time::timeout(time, stop.wait_for(|stopped| *stopped)).await {
        tracing::debug!("nobody is left to say stop");
    }
}
