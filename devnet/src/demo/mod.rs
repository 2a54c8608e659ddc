//! The tour: keys, network, put, a sealed put, its pipeline, proofs, tampering, kills, get, payments, repair. Every step is read back from the chain by RPC.

mod proofs;
mod repair;
pub mod screen;
mod sealed;
mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use cairn_contracts::{Chain, TxReceipt};
use cairn_prover::circuits::{CircuitName, Circuits};
use cairn_prover::params::DEVNET;
use cairn_wire::{Address, DealId, SlotIndex};

use crate::accounts;
use crate::chain_view;
use crate::network::Network;
use crate::plan::Plan;
use crate::user::Coding;
use screen::Screen;

/// Nodes of the demo; a file goes to all of them.
const NODES: usize = 8;
/// Nodes that are killed; two of them hold sealed pieces.
const KILLED: usize = 3;
/// Proven periods of each node that are waited for.
const PERIODS: u64 = 2;
const CODING: Coding = Coding {
    k: 4,
    n: 8,
    periods: 24,
    price: 1_000_000,
    sealed: false,
};
/// The object's name.
const NAME: &str = "sources.tar";
/// The longest wait from the put to the last active slot.
const ACTIVE_WITHIN: Duration = Duration::from_secs(120);
/// The longest wait for the proofs: three periods after the sectors are in.
const PROOFS_WITHIN: Duration = Duration::from_secs(200);

/// Rows of the table at the end.
type Table = Vec<(String, String)>;

/// What a demo is run with.
#[derive(Clone, Debug)]
pub struct DemoOptions {
    /// Folder of the proving keys.
    pub key_dir: PathBuf,
    /// Cargo's home, whose sources are the file when none is named.
    pub cargo_home: PathBuf,
    /// The file to put.
    pub file: Option<PathBuf>,
    /// Folder of the network's state; without it, a temporary one.
    pub dir: Option<PathBuf>,
}

/// Runs the demo; says whether all of it held.
///
/// # Errors
/// When a step could not be taken at all.
pub async fn run(options: &DemoOptions) -> Result<bool> {
    let temporary = tempfile::Builder::new().prefix("cairn-demo-").tempdir()?;
    let dir = options
        .dir
        .clone()
        .unwrap_or_else(|| temporary.path().join("network"));
    let mut screen = Screen::new();
    screen.step(&format!(
        "Start a chain, a beacon, the contracts and {NODES} nodes"
    ))?;
    let plan = Plan {
        repair: true,
        ..Plan::new(&DEVNET, NODES, &options.key_dir)
    };
    let mut network = Network::start(&dir, plan).await?;
    let outcome = tour(&mut screen, &mut network, options).await;
    let children = network.processes();
    let stopped = network.stop().await;
    outcome?;
    screen.claim(stopped.is_ok(), "every process ended when asked")?;
    let left: Vec<_> = children
        .iter()
        .filter(|(_, id)| Path::new(&format!("/proc/{id}")).exists())
        .collect();
    screen.claim(
        left.is_empty(),
        &format!("no process is left behind {left:?}"),
    )?;
    let held = screen.failures().is_empty();
    screen::line(&format!(
        "\n{} after {} s",
        if held {
            "All of it held"
        } else {
            "NOT all of it held"
        },
        screen.elapsed_s()
    ))?;
    for failure in screen.failures() {
        screen::line(&format!("  false: {failure}"))?;
    }
    Ok(held)
}

async fn tour(screen: &mut Screen, network: &mut Network, options: &DemoOptions) -> Result<()> {
    let mut table = Table::new();
    show_deployment(screen, network).await?;
    let (file, bytes) = the_file(screen, network, options).await?;
    let deals = put(screen, network, &file, bytes, &mut table).await?;
    let notes = repair::put(screen, network).await?;
    let sealed = sealed::put(screen, network, &file).await?;
    sealed::watch(screen, network, &sealed, &mut table).await?;
    wait_for_proofs(screen, network, &mut table).await?;
    sealed::wait_for_proofs(screen, network, &sealed).await?;
    refusals(screen, network, options).await?;
    let killed = kill(screen, network, &sealed, &notes).await?;
    get_back(screen, network, (NAME, &file, bytes), &mut table).await?;
    let vault = (sealed::NAME, sealed.file.as_path(), sealed.bytes);
    get_back(screen, network, vault, &mut table).await?;
    payments(screen, network, &deals, &killed).await?;
    repair::watch(screen, network, &notes, &killed, &mut table).await?;
    get_back(screen, network, repair::file(&notes), &mut table).await?;
    screen.step("The figures")?;
    for name in CircuitName::ALL {
        let size = Circuits::for_set(&DEVNET).size(name)?;
        table.push((
            format!("constraints of {name}"),
            size.constraints.to_string(),
        ));
    }
    table.push((
        "proof".to_owned(),
        "512 bytes in EIP-2537 encoding (192 compressed)".to_owned(),
    ));
    screen.table(&table)
}

async fn show_deployment(screen: &mut Screen, network: &Network) -> Result<()> {
    let deployment = network.chain().deployment();
    screen.fact(&format!(
        "chain {} at {}, set {}",
        deployment.chain_id,
        network.rpc_url(),
        deployment.parameters.name
    ))?;
    let ours = crate::deploying::keys(network.plan())?;
    let shown = network.chain().shown_keys().await?;
    for (name, plan, record) in [
        ("spacetime", &ours.spacetime, &shown.spacetime),
        ("append", &ours.append, &shown.append),
        ("retire", &ours.retire, &shown.retire),
        ("include", &ours.include, &shown.include),
        ("replica", &ours.replica, &shown.replica),
        ("dispute", &ours.dispute, &shown.dispute),
    ] {
        let same = crate::deploying::key_hash(plan) == record.key_hash
            && plan.circuit_id == record.circuit_id;
        let id = hex::encode(record.circuit_id.get(..6).unwrap_or_default());
        screen.claim(
            same,
            &format!("the key of {name} on chain is the one in the key file (circuit {id}..)"),
        )?;
    }
    let providers = network.chain().providers().await?;
    screen.claim(
        providers.len() == NODES,
        &format!("{} providers are registered on chain", providers.len()),
    )
}

async fn the_file(
    screen: &mut Screen,
    network: &Network,
    options: &DemoOptions,
) -> Result<(PathBuf, u64)> {
    let Some(file) = &options.file else {
        screen.step("Make a real file: a tar of the sources this program was built from")?;
        let path = network.dir().join("sources.tar");
        let bytes = sources::pack(&options.cargo_home, &path).await?;
        screen.fact(&format!("{} bytes ({} MiB)", bytes, bytes >> 20))?;
        return Ok((path, bytes));
    };
    let bytes = std::fs::metadata(file)
        .with_context(|| format!("{}", file.display()))?
        .len();
    Ok((file.clone(), bytes))
}

async fn put(
    screen: &mut Screen,
    network: &mut Network,
    file: &Path,
    bytes: u64,
    table: &mut Table,
) -> Result<Vec<DealId>> {
    let Coding { k, n, periods, .. } = CODING;
    screen.step(&format!(
        "Put it, {k} of {n}, encrypted, paid for {periods} periods"
    ))?;
    let before = network.chain().head().await?.number;
    let began = Instant::now();
    network.user().put_unwaited(file, NAME, CODING).await?;
    let took = began.elapsed().as_secs_f64();
    let line_bytes = bytes * u64::from(n) / u64::from(k);
    screen.fact(&format!(
        "uploaded {} MiB of pieces, every Receipt checked, after {took:.1} s",
        line_bytes >> 20
    ))?;
    table.push((
        "put: encrypt, code, open deals, upload, check".to_owned(),
        format!(
            "{:.0} MB/s of the file, {:.0} MB/s of pieces",
            rate(bytes, took),
            rate(line_bytes, took)
        ),
    ));
    let seen = loop {
        network.check()?;
        let seen = chain_view::deals_since(network.chain(), before).await?;
        if seen.slots > 0 && seen.slots_filled == seen.slots {
            break seen;
        }
        if began.elapsed() > ACTIVE_WITHIN {
            bail!(
                "after {ACTIVE_WITHIN:?} only {} of {} slots are filled on chain",
                seen.slots_filled,
                seen.slots
            );
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    let text = format!(
        "chain: {} deals, {} of {} slots filled",
        seen.deals.len(),
        seen.slots_filled,
        seen.slots
    );
    screen.claim(true, &text)?;
    let active = began.elapsed().as_secs_f64();
    table.push((
        "put, until every slot is active on chain".to_owned(),
        format!("{active:.1} s"),
    ));
    Ok(seen.deals)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(bytes: u64, seconds: f64) -> f64 {
    bytes as f64 / 1e6 / seconds
}

async fn wait_for_proofs(
    screen: &mut Screen,
    network: &mut Network,
    table: &mut Table,
) -> Result<()> {
    screen.step(&format!(
        "Wait until {PERIODS} periods of proofs of every node are verified on chain"
    ))?;
    let began = Instant::now();
    let mut shown = BTreeMap::<Address, u64>::new();
    loop {
        network.check()?;
        let proven = chain_view::windows_proven(network.chain()).await?;
        for (provider, periods) in &proven {
            if shown.get(provider) != Some(periods) {
                let node = node_of(network, *provider)?;
                screen.fact(&format!("node {node}: {periods} proven"))?;
            }
        }
        let enough = proven.len() == NODES && proven.values().all(|count| *count >= PERIODS);
        shown = proven;
        if enough {
            break;
        }
        if began.elapsed() > PROOFS_WITHIN {
            bail!("after {PROOFS_WITHIN:?} the chain has counted only {shown:?}");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    screen.claim(
        true,
        &format!("every one of {NODES} nodes has {PERIODS} proofs verified on chain"),
    )?;
    let mut millis = Vec::new();
    for i in 0..NODES {
        let node = network
            .node(i)
            .with_context(|| format!("node {i} is gone"))?;
        millis.extend(node.metric("cairn_last_proof_milliseconds").await?);
    }
    millis.sort_by(f64::total_cmp);
    if let Some(median) = millis.get(millis.len() / 2) {
        table.push((
            "proof of spacetime, median, 8 nodes on this machine at once".to_owned(),
            format!("{:.1} s", median / 1000.0),
        ));
    }
    let gas = chain_view::window_gas(network).await?;
    if let (Some(least), Some(most)) = (gas.iter().min(), gas.iter().max()) {
        table.push((
            "gas of a window proof, whole transaction".to_owned(),
            format!("{least} to {most}"),
        ));
        screen.claim(
            *most <= 300_000,
            &format!("no window proof cost more than 300,000 gas (most: {most})"),
        )?;
    }
    Ok(())
}

async fn refusals(screen: &mut Screen, network: &Network, options: &DemoOptions) -> Result<()> {
    screen.step("Try to cheat the verifier on chain")?;
    let (key_dir, record) = (
        options.key_dir.clone(),
        network.chain().deployment().keys.append,
    );
    let (inputs, proof) =
        tokio::task::spawn_blocking(move || proofs::honest_append(&key_dir, &DEVNET)).await??;
    let chain = network.chain();
    screen.claim(
        chain.check_proof(&record, &inputs, &proof).await.is_ok(),
        "an honest proof is accepted",
    )?;
    let refused = chain
        .check_proof(&record, &inputs, &proofs::tampered(&proof))
        .await;
    screen.claim(
        refused
            .as_ref()
            .is_err_and(|e| e.is_refusal("Verifier_ProofRefused")),
        &format!("a tampered proof reverts: {}", said(&refused)),
    )?;
    let refused = chain
        .check_proof(&record, &proofs::shifted_by_r(&inputs), &proof)
        .await;
    screen.claim(
        refused
            .as_ref()
            .is_err_and(|e| e.is_refusal("Verifier_InputOutOfField")),
        &format!("an input shifted by r reverts: {}", said(&refused)),
    )
}

fn said(outcome: &Result<(), cairn_contracts::ChainError>) -> String {
    outcome
        .as_ref()
        .err()
        .map_or_else(|| "it was accepted".to_owned(), ToString::to_string)
}

/// Kills two holders of sealed pieces and one other node, a holder of the small file if there is one.
async fn kill(
    screen: &mut Screen,
    network: &mut Network,
    sealed: &sealed::Sealed,
    notes: &repair::Notes,
) -> Result<Vec<usize>> {
    let holders = sealed::holders(network, sealed).await?;
    let spare = usize::from(sealed::CODING.n - sealed::CODING.k);
    let mut killed: Vec<usize> = holders.iter().copied().take(spare).collect();
    let noted = |node: &usize| notes.holders.contains(node);
    // One or two of the small file's holders die: enough to repair, and two are left to repair from.
    let one_more = killed.iter().filter(|node| noted(node)).count() == 0;
    let others = (0..NODES).filter(|node| !holders.contains(node));
    killed.extend(
        others
            .filter(|node| noted(node) == one_more)
            .take(KILLED - spare),
    );
    screen.step(&format!(
        "Kill nodes {killed:?} with SIGKILL and get both files back (sealed pieces are on {holders:?})"
    ))?;
    for i in &killed {
        network.kill_node(*i).await?;
    }
    Ok(killed)
}

async fn get_back(
    screen: &mut Screen,
    network: &Network,
    (name, file, bytes): (&str, &Path, u64),
    table: &mut Table,
) -> Result<()> {
    let back = network.dir().join(format!("back-{name}"));
    let began = Instant::now();
    let outcome = network.user().get(name, &back, None).await?;
    let took = began.elapsed().as_secs_f64();
    screen.claim(
        outcome.ok,
        &format!(
            "get of {name} succeeded {}",
            if outcome.ok { "" } else { outcome.err.trim() }
        ),
    )?;
    if !outcome.ok {
        return Ok(());
    }
    let (put, got) = (hash_of(file)?, hash_of(&back)?);
    screen.claim(
        put == got,
        &format!(
            "bit-identical: BLAKE3 {} ({bytes} bytes, {took:.1} s)",
            got.to_hex()
        ),
    )?;
    table.push((
        format!("read {name}, {KILLED} of {NODES} nodes dead"),
        format!("{:.0} MB/s", rate(bytes, took)),
    ));
    Ok(())
}

fn hash_of(path: &Path) -> Result<blake3::Hash> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(hasher.finalize())
}

async fn payments(
    screen: &mut Screen,
    network: &Network,
    deals: &[DealId],
    killed: &[usize],
) -> Result<()> {
    screen.step("Settle: who is paid what")?;
    let chain = network.chain();
    let mut slots = Vec::new();
    for deal in deals {
        let info = chain
            .deal(*deal)
            .await?
            .with_context(|| format!("deal {deal} is not on chain"))?;
        slots.extend(
            (0..info.n).map(|slot| u8::try_from(slot).map(|slot| (*deal, SlotIndex(slot)))),
        );
    }
    let slots = slots.into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut receipts: Vec<TxReceipt> = Vec::new();
    for some in slots.chunks(16) {
        receipts.push(chain.settle_many(some).await?);
    }
    let gas: u64 = receipts.iter().map(|receipt| receipt.gas_used).sum();
    screen.fact(&format!(
        "{} slots settled in {} transactions, {gas} gas",
        slots.len(),
        receipts.len()
    ))?;
    let mut all_paid = true;
    for i in 0..NODES {
        let provider = network.provider(i)?;
        let credit = chain.credit_of(provider).await?;
        let windows = chain_view::windows_proven(chain)
            .await?
            .get(&provider)
            .copied()
            .unwrap_or_default();
        let dead = if killed.contains(&i) { ", killed" } else { "" };
        screen.fact(&format!(
            "node {i}  {provider}  {windows} proven periods  earned {credit}{dead}"
        ))?;
        all_paid &= credit >= CODING.price;
    }
    screen.claim(
        all_paid,
        "every node has earned from the escrow what its proven periods are worth",
    )?;
    withdraw(screen, network).await
}

/// The first node's operator takes the credit out: tokens really move.
async fn withdraw(screen: &mut Screen, network: &Network) -> Result<()> {
    let key = accounts::key(&network.plan().seed, &accounts::node(0))?;
    let provider = key.address();
    let operator = Chain::connect(
        &[network.rpc_url()],
        network.chain().deployment().clone(),
        Some(key),
    )
    .await?;
    let (credit, before) = (
        operator.credit_of(provider).await?,
        operator.balance_of(provider).await?,
    );
    operator.withdraw().await?;
    let after = operator.balance_of(provider).await?;
    screen.claim(
        after.checked_sub(before) == Some(credit) && operator.credit_of(provider).await? == 0,
        &format!("node 0 withdrew {credit}: its token balance went from {before} to {after}"),
    )
}

fn node_of(network: &Network, provider: Address) -> Result<usize> {
    for i in 0..network.plan().nodes {
        if network.provider(i)? == provider {
            return Ok(i);
        }
    }
    bail!("{provider} is none of the nodes")
}
