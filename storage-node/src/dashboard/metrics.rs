//! Counters, gauges and alarms. Names and meanings: `docs/operating-a-node.md`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

macro_rules! series {
    ($(#[$doc:meta])* $name:ident, $kind:literal { $($(#[$variant_doc:meta])* $variant:ident = $text:literal : $help:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// Its name in the Prometheus text.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }

            const fn kind() -> &'static str {
                $kind
            }

            const fn place(self) -> usize {
                self as usize
            }
        }
    };
}

series! {
    /// What only ever grows while the node runs.
    Counter, "counter" {
        /// Windows that the chain counted.
        WindowsCounted = "cairn_windows_counted_total": "Windows that the chain counted.",
        /// Windows whose deadline went by without a counted proof.
        WindowsMissed = "cairn_windows_missed_total": "Windows whose deadline went by without a counted proof.",
        /// Pieces made again.
        PiecesRepaired = "cairn_pieces_repaired_total": "Lost pieces of other providers that this node made again.",
        /// Repairs that failed.
        RepairsFailed = "cairn_repairs_failed_total": "Repairs that were begun and not made.",
        /// Bytes of siblings.
        RepairBytesFetched = "cairn_repair_bytes_fetched_total": "Bytes of siblings fetched for repairs.",
        /// Auctions of repairs entered.
        AuctionsEntered = "cairn_auctions_entered_total": "Auctions of lost sealed slots that this node entered.",
        /// Auctions of repairs won.
        AuctionsWon = "cairn_auctions_won_total": "Auctions of lost sealed slots that this node won, counted again after a restart.",
        /// Challenges answered.
        ChallengesAnswered = "cairn_challenges_answered_total": "Direct challenges that this node answered.",
        /// What was lost to slashes.
        Slashes = "cairn_slashes_total": "Slashes of this provider, trees of it that were ended, and bonds of repairs it lost.",
        /// Misses of others shown.
        MissesReported = "cairn_misses_reported_total": "Misses of other providers that this node reported.",
        /// Trees of others ended.
        TreesEnded = "cairn_trees_ended_total": "Trees of other providers that this node ended.",
        /// Challenges ended.
        ChallengesExpired = "cairn_challenges_expired_total": "Unanswered challenges that this node ended.",
        /// Slots freed.
        SlotsFreed = "cairn_slots_freed_total": "Slots of ended trees that this node freed.",
        /// Windows in which nothing was owed.
        WindowsExcused = "cairn_windows_excused_total": "Windows without a beacon round or with an empty frozen tree.",
        /// Proofs of spacetime made.
        ProofsMade = "cairn_proofs_made_total": "Proofs of spacetime made and verified locally.",
        /// Proofs that could not be made.
        ProofsFailed = "cairn_proofs_failed_total": "Attempts at a proof that failed, for whatever reason.",
        /// Sampled leaves that were not what was committed to.
        RottenLeaves = "cairn_rotten_leaves_total": "Sampled leaves that the disk did not give back as committed.",
        /// Calls to the chain that no endpoint answered.
        RpcFailures = "cairn_rpc_failures_total": "Calls to the chain that no endpoint answered.",
        /// Transactions that the chain refused.
        RpcRefusals = "cairn_rpc_refusals_total": "Calls that the chain refused.",
        /// Pieces acknowledged with a Receipt.
        PiecesStored = "cairn_pieces_stored_total": "Pieces acknowledged with a Receipt.",
        /// Bytes of those pieces.
        BytesStored = "cairn_bytes_stored_total": "Bytes of pieces acknowledged.",
        /// Pieces refused.
        PiecesRefused = "cairn_pieces_refused_total": "Pieces refused, before or after their body.",
        /// Bytes read by others.
        BytesRead = "cairn_bytes_read_total": "Encoded bytes sent to readers.",
        /// Segments taken to relay.
        SegmentsRelayed = "cairn_segments_relayed_total": "Segments taken, coded and handed on for clients.",
        /// Segments not taken.
        SegmentsRefused = "cairn_segments_refused_total": "Segments not relayed, before or after their body.",
        /// Pieces handed on.
        PiecesForwarded = "cairn_pieces_forwarded_total": "Pieces of relayed segments that another node gave a Receipt for.",
        /// Bytes of those pieces.
        BytesForwarded = "cairn_bytes_forwarded_total": "Bytes of pieces handed on.",
        /// Pieces that could not be handed on.
        ForwardsFailed = "cairn_forwards_failed_total": "Pieces of relayed segments that another node did not take.",
        /// Sectors packed.
        SectorsPacked = "cairn_sectors_packed_total": "Sectors packed.",
        /// Sectors appended.
        SectorsAppended = "cairn_sectors_appended_total": "Sectors appended on chain.",
        /// Slots activated.
        SlotsActivated = "cairn_slots_activated_total": "Slots activated on chain.",
        /// Replicas made.
        SectorsSealed = "cairn_sectors_sealed_total": "Replicas made, trees included.",
        /// Replicas proven on chain.
        ReplicasProven = "cairn_replicas_proven_total": "Proofs of replication that the chain counted.",
        /// Sealings begun again because their ticket was too old.
        SealsRestarted = "cairn_seals_restarted_total": "Sealings begun again because their ticket became too old.",
        /// Numbers lost, most of them with a deposit.
        SealsLost = "cairn_seals_lost_total": "Numbers lost while sealing, with their deposit if there was one.",
        /// Sectors unsealed for readers.
        SectorsUnsealed = "cairn_sectors_unsealed_total": "Sectors whose data was unsealed for readers.",
        /// Times that sealing had to wait for memory.
        MemoryWaits = "cairn_memory_waits_total": "Times that sealing or unsealing waited for room in memory_budget_bytes.",
        /// Reorganisations of the chain.
        Reorganisations = "cairn_reorganisations_total": "Times that the chain took back blocks whose events were read.",
        /// Window proofs taken back.
        ProofsTakenBack = "cairn_proofs_taken_back_total": "Window proofs that the chain took back before their deadline.",
        /// Failures of the disk.
        DiskFaults = "cairn_disk_faults_total": "Failures of the store, full disk included.",
    }
}

series! {
    /// What goes up and down.
    Gauge, "gauge" {
        /// Block height followed.
        Block = "cairn_chain_block": "Newest block seen.",
        /// Time of that block.
        ChainTime = "cairn_chain_time_unix": "Time of the newest block seen.",
        /// Running period.
        Period = "cairn_period": "Period that is running.",
        /// Deadline of the running period.
        Deadline = "cairn_deadline_unix": "Deadline of the running period.",
        /// Pieces here.
        Pieces = "cairn_pieces": "Pieces here.",
        /// Bytes of pieces here.
        PieceBytes = "cairn_piece_bytes": "Bytes of pieces here.",
        /// Bytes free on the disk.
        FreeBytes = "cairn_free_bytes": "Bytes free on the disk.",
        /// Slots waiting for a sector.
        SlotsWaiting = "cairn_slots_waiting": "Accepted slots whose piece waits for a sector.",
        /// Slots that are paid.
        SlotsActive = "cairn_slots_active": "Slots filled on chain by this provider.",
        /// Sectors on chain.
        SectorsRegistered = "cairn_sectors_registered": "Sectors on chain.",
        /// Sealed sectors that wait for their turn.
        SealsWaiting = "cairn_seals_waiting": "Packed sectors that wait to be sealed.",
        /// Sectors that are sealed now.
        SealsUnderWay = "cairn_seals_under_way": "Sectors between their number and their counted proof.",
        /// Layers of labels that are durable, of the oldest sector under way.
        SealLayers = "cairn_seal_layers": "Layers of labels that are durable, of the oldest sector under way.",
        /// Per cent of the machine work done, of that sector.
        SealPercent = "cairn_seal_percent": "Per cent of its present step, of the oldest sector under way.",
        /// Seconds left of that step.
        SealSecondsLeft = "cairn_seal_seconds_left": "Seconds that its present step will still take, by what was done so far.",
        /// Partitions proven of that sector.
        SealPartitions = "cairn_seal_partitions": "Partitions whose proof is durable, of the oldest sector under way.",
        /// Why sealing waits.
        SealWaits = "cairn_seal_waits": "Why sealing waits: 0 it does not, 1 disk, 2 memory, 3 deposit.",
        /// Deposits on chain.
        DepositsAtStake = "cairn_deposits_at_stake": "Precommits whose deposit lies on chain.",
        /// What a deposit can be paid from.
        DepositFunds = "cairn_deposit_funds": "Smallest units at hand for the next deposit, when it was last looked at.",
        /// Challenges waiting.
        ChallengesWaiting = "cairn_challenges_waiting": "Direct challenges of this provider that wait for an answer.",
        /// What is staked.
        Staked = "cairn_collateral_staked": "Smallest units staked, when it was last looked at.",
        /// What more slots may lock.
        StakeFree = "cairn_collateral_free": "Smallest units staked that answer for no slot yet, when it was last looked at.",
        /// Slots waiting for a repair, of the whole market.
        SlotsFreed = "cairn_market_slots_freed": "Slots of anybody that lost their provider and wait for a repair.",
        /// Sectors waiting to be unsealed.
        UnsealsWaiting = "cairn_unseals_waiting": "Sectors that wait to be unsealed for readers, the one under way included.",
        /// Milliseconds of the last proof.
        ProofMillis = "cairn_last_proof_milliseconds": "Time the last proof of spacetime took, reading included.",
        /// Milliseconds of the last reading.
        ReadMillis = "cairn_last_proof_read_milliseconds": "Time the leaves of the last proof took to read and check.",
    }
}

/// Something an operator must look at. A raised alarm makes `/health` say "degraded" until it is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Alarm {
    /// No RPC endpoint answers.
    Rpc,
    /// A deadline went by without a counted proof.
    MissedDeadline,
    /// The disk did not give back what was committed to.
    Rot,
    /// The disk is full or failing.
    Disk,
    /// The chain refused a transaction of this node.
    Refused,
    /// The chain's tree is not one this node has followed.
    UnknownTree,
    /// Sealing waits for disk, memory or money.
    SealWaits,
    /// A precommit may expire before its proof is made.
    DepositAtRisk,
    /// A number, and most likely a deposit, was lost while sealing.
    SealLost,
    /// The operator's account holds too few tokens to stake for a slot.
    Collateral,
    /// A direct challenge may not be answered in time.
    ChallengeAtRisk,
    /// This provider was slashed, a tree of it was ended, or it lost the bond of a repair.
    Slashed,
    /// Gas costs more than the configuration allows.
    Gas,
    /// The chain took back more blocks than can be undone.
    DeepReorganisation,
}

impl Alarm {
    const fn name(self) -> &'static str {
        match self {
            Self::Rpc => "rpc",
            Self::MissedDeadline => "missed_deadline",
            Self::Rot => "rot",
            Self::Disk => "disk",
            Self::Refused => "refused",
            Self::UnknownTree => "unknown_tree",
            Self::SealWaits => "seal_waits",
            Self::DepositAtRisk => "deposit_at_risk",
            Self::SealLost => "seal_lost",
            Self::Collateral => "collateral",
            Self::ChallengeAtRisk => "challenge_at_risk",
            Self::Slashed => "slashed",
            Self::Gas => "gas",
            Self::DeepReorganisation => "deep_reorganisation",
        }
    }
}

/// What `/health` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// "ok" or "degraded".
    pub status: String,
    /// The raised alarms, each with its last words.
    pub alarms: BTreeMap<String, String>,
    /// Provider served.
    pub provider: String,
    /// Where the node listens.
    pub listen: String,
    /// Every counter and gauge by name.
    pub values: BTreeMap<String, u64>,
    /// Sectors that are sealed, oldest first, one line each as a person reads it.
    #[serde(default)]
    pub sealing: Vec<String>,
}

/// The node's counters, gauges and alarms.
#[derive(Debug)]
pub struct Metrics {
    counters: [AtomicU64; Counter::ALL.len()],
    gauges: [AtomicU64; Gauge::ALL.len()],
    alarms: Mutex<BTreeMap<Alarm, String>>,
    sealing: Mutex<Vec<String>>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            counters: [const { AtomicU64::new(0) }; Counter::ALL.len()],
            gauges: [const { AtomicU64::new(0) }; Gauge::ALL.len()],
            alarms: Mutex::default(),
            sealing: Mutex::default(),
        }
    }
}

impl Metrics {
    /// Counts one.
    pub fn count(&self, counter: Counter) {
        self.add(counter, 1);
    }

    /// Counts several.
    pub fn add(&self, counter: Counter, by: u64) {
        if let Some(cell) = self.counters.get(counter.place()) {
            cell.fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Sets a gauge.
    pub fn set(&self, gauge: Gauge, value: u64) {
        if let Some(cell) = self.gauges.get(gauge.place()) {
            cell.store(value, Ordering::Relaxed);
        }
    }

    /// The value of a counter.
    #[must_use]
    pub fn counter(&self, counter: Counter) -> u64 {
        self.counters
            .get(counter.place())
            .map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    /// The value of a gauge.
    #[must_use]
    pub fn gauge(&self, gauge: Gauge) -> u64 {
        self.gauges
            .get(gauge.place())
            .map_or(0, |cell| cell.load(Ordering::Relaxed))
    }

    fn alarms(&self) -> MutexGuard<'_, BTreeMap<Alarm, String>> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Raises an alarm; says whether it was not raised before.
    pub fn raise(&self, alarm: Alarm, words: impl std::fmt::Display) -> bool {
        self.alarms().insert(alarm, words.to_string()).is_none()
    }

    /// Clears an alarm; says whether it was raised.
    pub fn clear(&self, alarm: Alarm) -> bool {
        self.alarms().remove(&alarm).is_some()
    }

    /// Whether an alarm is raised.
    #[must_use]
    pub fn is_raised(&self, alarm: Alarm) -> bool {
        self.alarms().contains_key(&alarm)
    }

    /// Says how far the sectors are that are sealed now.
    pub fn tell_sealing(&self, lines: Vec<String>) {
        *self.sealing.lock().unwrap_or_else(PoisonError::into_inner) = lines;
    }

    /// What `/health` says.
    #[must_use]
    pub fn health(&self, provider: String, listen: String) -> Health {
        let alarms: BTreeMap<String, String> = self
            .alarms()
            .iter()
            .map(|(alarm, words)| (alarm.name().to_owned(), words.clone()))
            .collect();
        let counters = Counter::ALL
            .iter()
            .map(|counter| (counter.name().to_owned(), self.counter(*counter)));
        let gauges = Gauge::ALL
            .iter()
            .map(|gauge| (gauge.name().to_owned(), self.gauge(*gauge)));
        let status = if alarms.is_empty() { "ok" } else { "degraded" }.to_owned();
        Health {
            status,
            alarms,
            provider,
            listen,
            values: counters.chain(gauges).collect(),
            sealing: self
                .sealing
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    /// Everything in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        for counter in Counter::ALL {
            line(
                &mut text,
                counter.name(),
                counter.help(),
                Counter::kind(),
                self.counter(*counter),
            );
        }
        for gauge in Gauge::ALL {
            line(
                &mut text,
                gauge.name(),
                gauge.help(),
                Gauge::kind(),
                self.gauge(*gauge),
            );
        }
        let raised = self.alarms().len() as u64;
        line(
            &mut text,
            "cairn_alarms",
            "Alarms that are raised.",
            "gauge",
            raised,
        );
        text
    }
}

fn line(text: &mut String, name: &str, help: &str, kind: &str, value: u64) {
    if writeln!(
        text,
        "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}"
    )
    .is_err()
    {
        text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prometheus_text_has_help_type_and_value_of_every_series() {
        let metrics = Metrics::default();
        metrics.add(Counter::BytesStored, 7);
        metrics.set(Gauge::Block, 9);
        let text = metrics.render();
        assert!(
            text.contains("# TYPE cairn_bytes_stored_total counter\ncairn_bytes_stored_total 7\n"),
            "{text}"
        );
        assert!(
            text.contains("# TYPE cairn_chain_block gauge\ncairn_chain_block 9\n"),
            "{text}"
        );
        for name in Counter::ALL
            .iter()
            .map(|c| c.name())
            .chain(Gauge::ALL.iter().map(|g| g.name()))
        {
            assert_eq!(
                text.matches(&format!("# HELP {name} ")).count(),
                1,
                "{name} has one HELP line"
            );
        }
    }

    #[test]
    fn an_alarm_degrades_health_until_it_is_cleared() {
        let metrics = Metrics::default();
        let health = || metrics.health(String::new(), String::new());
        assert_eq!(health().status, "ok", "at first");
        assert!(
            metrics.raise(Alarm::Rpc, "no endpoint answers"),
            "raised for the first time"
        );
        assert!(!metrics.raise(Alarm::Rpc, "still none"), "raised again");
        assert_eq!(health().status, "degraded", "while raised");
        assert_eq!(
            health().alarms.get("rpc").map(String::as_str),
            Some("still none"),
            "last words"
        );
        assert!(metrics.clear(Alarm::Rpc), "cleared");
        assert_eq!(health().status, "ok", "afterwards");
    }
}
