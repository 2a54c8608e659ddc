//! A whole node: from a configuration to a running one, and down again.

use std::future::Future;
use std::num::NonZeroU64;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cairn_client::{OpenError, Repairer, check_deployment};
use cairn_contracts::{Chain, Deployment};
use cairn_merkle::Commitment;
use cairn_prover::params::ParamSet;
use cairn_wire::{Limits, NodeIdentity, SecretKey, Server};
use tokio::sync::watch;

use crate::chain::{ChainPort, OnChain};
use crate::config::{Config, read_operator_key};
use crate::dashboard::{self, Alarm, Metrics};
use crate::error::{ChainFault, NodeError};
use crate::pipeline::{
    Backoff, Bids, Challenged, Hunt, MarketPart, PayTurn, Progress, Repairs, SEAL_NICENESS, Work,
    seal_threads,
};
use crate::proving::{MemoryBudget, ProofThreads, ProverKeys, RandomSource, ReplicaProver};
use crate::repair::RepairRules;
use crate::sealing::{LabelFolders, SealRules, UnsealQueue};
use crate::sector::PackingRule;
use crate::serve::{NodeHandler, RelayRules, ServeContext};
use crate::store::{DataCopy, Ledger, Store, StoreOptions};
use crate::view::ChainView;

/// How long requests under way may take once the node is told to stop.
const GRACE: Duration = Duration::from_secs(3);
/// How often an unreachable chain is tried again at the start.
const CONNECT_EVERY: Duration = Duration::from_secs(2);

/// How long a node may take to start before its dashboard opens without it.
const SHOW_TROUBLE_AFTER: Duration = Duration::from_secs(10);

/// How many threads a runtime needs that may block: every request that the wire takes at once holds one for as long as
/// its peer likes, and proving, packing and the records must find one all the same.
#[must_use]
pub fn blocking_threads() -> usize {
    Limits::default()
        .max_requests
        .saturating_mul(2)
        .saturating_add(64)
}

/// Clock and randomness, read where the program starts and passed in.
#[derive(Clone)]
pub struct Surroundings {
    /// Unix time of this machine.
    pub clock: Arc<dyn Fn() -> u64 + Send + Sync>,
    /// Secret random bytes.
    pub random: RandomSource,
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}

/// What a configuration names, read and checked.
struct Loaded {
    operator: SecretKey,
    identity: NodeIdentity,
    deployment: Deployment,
    set: &'static ParamSet,
    ledger: Arc<Ledger>,
}

/// Runs a node until `shutdown` completes.
///
/// # Errors
/// [`NodeError`] when it cannot start: configuration, keys, a data folder that another process has open, another
/// format version, a port that is taken, a chain that is not the deployment's.
pub async fn run(
    config: Config,
    surroundings: Surroundings,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), NodeError> {
    tokio::pin!(shutdown);
    let loaded = load(&config)?;
    let me = loaded.operator.address();
    let metrics = Arc::new(Metrics::default());
    let (stop, stopped) = watch::channel(false);
    tracing::info!(provider = %me, set = loaded.set.name, "starting");
    let page = || {
        dashboard::serve(
            config.dashboard,
            Arc::clone(&metrics),
            me.to_string(),
            config.listen.to_string(),
            stopped.clone(),
        )
    };
    let starting = start(
        &config,
        &surroundings,
        loaded,
        Arc::clone(&metrics),
        &stopped,
    );
    tokio::pin!(starting);
    // A dashboard that answers means a node that serves; one that cannot start shows why after a while.
    let early = tokio::select! {
        started = &mut starting => Some(Some(started?)),
        () = tokio::time::sleep(SHOW_TROUBLE_AFTER) => None,
        () = &mut shutdown => Some(None),
    };
    let (bound, dashboard) = page().await?;
    tracing::info!(dashboard = %bound, "showing");
    let started = match early {
        Some(started) => started,
        None => tokio::select! {
            started = &mut starting => Some(started?),
            () = &mut shutdown => None,
        },
    };
    if let Some(running) = started {
        shutdown.await;
        tracing::info!("stopping");
        stop.send_replace(true);
        running.server.shutdown(GRACE).await;
        for task in running.tasks {
            if tokio::time::timeout(GRACE, task).await.is_err() {
                tracing::warn!("work was still under way; it resumes at the next start");
            }
        }
    }
    stop.send_replace(true);
    if tokio::time::timeout(GRACE, dashboard).await.is_err() {
        tracing::debug!("the dashboard was still busy");
    }
    Ok(())
}

struct Running {
    server: Server,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

fn load(config: &Config) -> Result<Loaded, NodeError> {
    let start = |doing: &'static str, error: &dyn std::fmt::Display| NodeError::Start {
        doing,
        reason: error.to_string(),
    };
    let operator = read_operator_key(&config.operator_key)?;
    let identity = NodeIdentity::load(&config.tls_key)
        .map_err(|error| start("reading the TLS identity", &error))?;
    let deployment = Deployment::read(&config.deployment)
        .map_err(|error| start("reading the deployment", &error))?;
    let set = set_of(&deployment)?;
    let threads = rayon::ThreadPoolBuilder::new()
        .num_threads(config.prove_threads)
        .build_global();
    if let Err(error) = threads {
        tracing::debug!(%error, "the threads of this process were set up before");
    }
    let store = Store::open(&config.data_dir, StoreOptions::default())?;
    let ledger = Arc::new(Ledger::load(store)?);
    Ok(Loaded {
        operator,
        identity,
        deployment,
        set,
        ledger,
    })
}

/// The built-in parameter set that a deployment names, if its numbers are the same.
///
/// # Errors
/// [`NodeError::Start`]: there is none, or it has other numbers.
pub fn set_of(deployment: &Deployment) -> Result<&'static ParamSet, NodeError> {
    let start = |reason: String| NodeError::Start {
        doing: "comparing the deployment with the built-in sets",
        reason,
    };
    let shown = &deployment.parameters;
    let set = ParamSet::by_name(&shown.name).ok_or_else(|| {
        start(format!(
            "this program knows no parameter set {}",
            shown.name
        ))
    })?;
    let same = u32::from(shown.sector_log2_leaves) == set.sector_log2_leaves
        && shown.b_max == set.b_max
        && shown.post_samples == set.post_samples
        && u32::from(shown.tree_levels) == set.tree_levels
        && usize::from(shown.include_width) == set.include_width;
    if same {
        Ok(set)
    } else {
        Err(start(format!(
            "the deployment's {} is not this program's",
            shown.name
        )))
    }
}

const fn packing_rule(config: &Config, set: &ParamSet) -> PackingRule {
    PackingRule {
        sector_log2_leaves: set.sector_log2_leaves,
        wait_s: config.pack_wait_s,
    }
}

async fn start(
    config: &Config,
    surroundings: &Surroundings,
    loaded: Loaded,
    metrics: Arc<Metrics>,
    stopped: &watch::Receiver<bool>,
) -> Result<Running, NodeError> {
    let Loaded {
        operator,
        identity,
        deployment,
        set,
        ledger,
    } = loaded;
    let me = operator.address();
    let market = market_part(config, &deployment, &operator)?;
    let (keys, proofs) = load_keys(config, &deployment, set, surroundings).await?;
    let keys = Arc::new(keys);
    let chain = connect(config, &deployment, &operator, &metrics).await?;
    let seal = seal_rules(config, &deployment, set)?;
    let unseals = Arc::new(unseal_queue(&ledger, &seal, set));
    let view = Arc::new(ChainView::default());
    view.note_head(chain.head().await?);
    let context = ServeContext {
        me,
        operator,
        domain: deployment.eip712_domain(),
        schedule: deployment.schedule,
        set_name: set.name.to_owned(),
        b_max: set.b_max,
        quota_bytes: config.quota_bytes,
        reserve_bytes: config.reserve_bytes,
        seals: config.sealing_parallel > 0,
        relay: relay_rules(config),
        receipt_s: config.receipt_s,
        confirmations: config.confirmations,
        chain: Arc::clone(&chain),
        view: Arc::clone(&view),
        ledger: Arc::clone(&ledger),
        unseals: Arc::clone(&unseals),
        metrics: Arc::clone(&metrics),
        clock: Arc::clone(&surroundings.clock),
    };
    let work = Arc::new(Work {
        me,
        set,
        schedule: deployment.schedule,
        start_block: deployment.start_block,
        rule: packing_rule(config, set),
        chain,
        view,
        ledger,
        metrics,
        replicas: Arc::clone(&keys) as Arc<dyn ReplicaProver>,
        keys,
        clock: Arc::clone(&surroundings.clock),
        poll: Duration::from_millis(config.poll_ms),
        settle_every_periods: config.settle_every_periods,
        market,
        pay: PayTurn::default(),
        backoff: Backoff::default(),
        seal,
        folders: LabelFolders::open(&config.label_dir)?,
        proofs: Arc::new(proofs),
        seal_threads: low_threads(config)?,
        progress: Progress::default(),
        stop_sealing: AtomicBool::new(false),
        unseals,
        handed_in: Mutex::default(),
        swept: Mutex::default(),
    });
    let server = open_wire(config, &identity, set, context)?;
    tracing::info!(listen = %server.local_addr(), "serving");
    let tasks = begin(work, stopped)?;
    Ok(Running { server, tasks })
}

fn market_part(
    config: &Config,
    deployment: &Deployment,
    operator: &SecretKey,
) -> Result<MarketPart, NodeError> {
    Ok(MarketPart {
        collateral: deployment.collateral_terms,
        repair: deployment.repair_terms,
        salt_key: salt_key(operator)?,
        challenged: Challenged::default(),
        bids: Bids::default(),
        hunt: (config.report_misses || config.repair).then(|| {
            Hunt::new(
                operator.address(),
                deployment.start_block,
                config
                    .report_misses
                    .then_some(u128::from(config.report_least_bounty)),
            )
        }),
        repairs: repairs(config)?,
    })
}

/// The repair worker, if the operator wants one.
fn repairs(config: &Config) -> Result<Option<Repairs>, NodeError> {
    if !config.repair {
        return Ok(None);
    }
    let folder = config.data_dir.join("repairs");
    std::fs::create_dir_all(&folder).map_err(|error| NodeError::Start {
        doing: "making the folder of repairs",
        reason: error.to_string(),
    })?;
    Ok(Some(Repairs {
        rules: RepairRules {
            bytes_per_s: NonZeroU64::new(config.repair_bytes_per_s),
            least_pay: u128::from(config.repair_least_pay),
            spread_s: config.repair_spread_s,
            quota_bytes: config.quota_bytes,
            reserve_bytes: config.reserve_bytes,
        },
        repairer: Repairer::new(Limits::default()),
        folder,
    }))
}

/// A secret that follows from the operator's key alone, so that a restart finds the commits it made.
fn salt_key(operator: &SecretKey) -> Result<[u8; 32], NodeError> {
    let digest = blake3::hash(b"cairn/v1/repair-salt");
    let signature = operator
        .sign_digest(digest.as_bytes())
        .map_err(|error| NodeError::Start {
            doing: "making the secret of repairs",
            reason: error.to_string(),
        })?;
    Ok(*blake3::hash(signature.as_bytes()).as_bytes())
}

/// Starts everything the node does of its own accord.
fn begin(
    work: Arc<Work>,
    stopped: &watch::Receiver<bool>,
) -> Result<Vec<tokio::task::JoinHandle<()>>, NodeError> {
    work.sweep_seals()?;
    let keeper = tokio::spawn(Arc::clone(&work).run_keeper(stopped.clone()));
    let packer = tokio::spawn(Arc::clone(&work).run_packer(stopped.clone()));
    let sealer = tokio::spawn(Arc::clone(&work).run_sealer(stopped.clone()));
    let unsealer = tokio::spawn(Arc::clone(&work).run_unsealer(stopped.clone()));
    let repairer = tokio::spawn(work.run_repairer(stopped.clone()));
    Ok(vec![keeper, packer, sealer, unsealer, repairer])
}

fn proof_threads(config: &Config, set: &ParamSet) -> Result<ProofThreads, NodeError> {
    let seals = config.sealing_parallel > 0;
    let memory =
        MemoryBudget::for_set(config.memory_budget_bytes, set, seals).map_err(|error| {
            NodeError::Start {
                doing: "fitting the proofs of this set into memory_budget_bytes",
                reason: error.to_string(),
            }
        })?;
    ProofThreads::new(config.prove_threads, memory).map_err(|error| NodeError::Start {
        doing: "starting the threads that prove",
        reason: error.to_string(),
    })
}

fn low_threads(config: &Config) -> Result<rayon::ThreadPool, NodeError> {
    seal_threads(config.sealing_threads, SEAL_NICENESS).map_err(|error| NodeError::Start {
        doing: "starting the threads that seal",
        reason: error.to_string(),
    })
}

fn seal_rules(
    config: &Config,
    deployment: &Deployment,
    set: &ParamSet,
) -> Result<SealRules, NodeError> {
    let terms = deployment.replica_terms;
    let odd = |reason: &str| NodeError::Start {
        doing: "reading the deployment's terms of sealing",
        reason: reason.to_owned(),
    };
    if terms.layers != set.layers || u32::from(terms.partitions) != set.porep_challenges {
        return Err(odd("layers or partitions are not this program's"));
    }
    let porep_id = Commitment::from_bytes(deployment.replica_binding().porep_id())
        .map_err(|_| odd("its id is no field element"))?;
    Ok(SealRules {
        porep_id,
        ticket_age_s: terms.ticket_age_s,
        due_s: terms.due_s,
        deposit: terms.deposit,
        partitions: set.porep_challenges,
        parallel: config.sealing_parallel,
        memory_bytes: config.sealing_memory_bytes,
        reserve_bytes: config.reserve_bytes,
        keep_unsealed: config.keep_unsealed,
        cache_bytes: config.unsealed_cache_bytes,
    })
}

fn relay_rules(config: &Config) -> RelayRules {
    RelayRules {
        parallel: config.relay_parallel,
        spool_bytes: config.relay_spool_bytes,
        bytes_per_s: config.relay_bytes_per_s,
        patience: Duration::from_secs(config.relay_s),
    }
}

/// A guess at how long a label takes, before any was timed.
const LABELS_PER_S: u64 = 500_000;

fn unseal_queue(ledger: &Ledger, seal: &SealRules, set: &ParamSet) -> UnsealQueue {
    let labels = u64::from(set.layers) << set.sector_log2_leaves;
    let cached = ledger.sectors(|record| record.data == DataCopy::Cached);
    UnsealQueue::new(
        seal.cached_sectors(set),
        labels / LABELS_PER_S,
        cached.into_iter().map(|(sector, _)| sector),
    )
}

/// The keys, and the threads that prove with them; both take seconds of work.
async fn load_keys(
    config: &Config,
    deployment: &Deployment,
    set: &'static ParamSet,
    surroundings: &Surroundings,
) -> Result<(ProverKeys, ProofThreads), NodeError> {
    let (config, records) = (config.clone(), deployment.keys.clone());
    let random = Arc::clone(&surroundings.random);
    let load = move || {
        let keys = ProverKeys::load(&config.key_dir, set, Some(&records), random)?;
        Ok((keys, proof_threads(&config, set)?))
    };
    tokio::task::spawn_blocking(load)
        .await
        .map_err(|error| NodeError::Start {
            doing: "loading the Groth16 keys",
            reason: error.to_string(),
        })?
}

fn open_wire(
    config: &Config,
    identity: &NodeIdentity,
    set: &ParamSet,
    context: ServeContext,
) -> Result<Server, NodeError> {
    let limits = Limits {
        max_piece_bytes: cairn_merkle::piece::max_bytes_for(set.b_max),
        relay_timeout: Duration::from_secs(config.relay_s),
        ..Limits::default()
    };
    Server::bind(
        config.listen,
        identity,
        limits,
        Arc::new(NodeHandler::new(context)),
    )
    .map_err(|error| NodeError::Start {
        doing: "opening the wire",
        reason: error.to_string(),
    })
}

/// Connects to the chain, however long it takes; an endpoint of another chain, or a deployment with other keys or
/// numbers than this program was built with, is an error at once.
async fn connect(
    config: &Config,
    deployment: &Deployment,
    operator: &SecretKey,
    metrics: &Metrics,
) -> Result<Arc<dyn ChainPort>, NodeError> {
    loop {
        match connect_once(config, deployment, operator).await {
            Ok(chain) => {
                metrics.clear(Alarm::Rpc);
                return Ok(Arc::new(OnChain::new(chain, operator.address())));
            }
            Err(ChainFault::Unreachable(reason)) => {
                if metrics.raise(Alarm::Rpc, &reason) {
                    tracing::error!(%reason, "the chain does not answer; trying on");
                }
                tokio::time::sleep(CONNECT_EVERY).await;
            }
            Err(refused) => return Err(refused.into()),
        }
    }
}

async fn connect_once(
    config: &Config,
    deployment: &Deployment,
    operator: &SecretKey,
) -> Result<Chain, ChainFault> {
    let operator = Some(operator.clone());
    let options = config.chain_options();
    let chain =
        Chain::connect_with(&config.rpc_urls, deployment.clone(), operator, options).await?;
    match check_deployment(&chain).await {
        Ok(()) => Ok(chain),
        Err(OpenError::Chain(error)) => Err(error.into()),
        Err(refused) => Err(ChainFault::Refused(refused.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_that_never_finish_leave_threads_for_proving() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .max_blocking_threads(blocking_threads())
            .build()
            .unwrap();
        let (release, held) = std::sync::mpsc::channel::<()>();
        let held = Arc::new(Mutex::new(held));
        let found = runtime.block_on(async {
            for _ in 0..Limits::default().max_requests {
                let held = Arc::clone(&held);
                drop(tokio::task::spawn_blocking(move || {
                    drop(held.lock().map(|held| held.recv()));
                }));
            }
            let proving = tokio::task::spawn_blocking(|| 7);
            tokio::time::timeout(Duration::from_secs(5), proving).await
        });
        drop(release);
        assert_eq!(found.unwrap().unwrap(), 7, "it ran beside all the readers");
    }
}
