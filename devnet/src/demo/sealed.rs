//! The sealed part of the tour: put, watch the pipeline on chain, see the replicas proven with everything else.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use cairn_contracts::SlotStatus;
use cairn_wire::{Address, DealId, SlotIndex};

use super::screen::Screen;
use super::{Table, node_of};
use crate::chain_view;
use crate::network::Network;
use crate::sealed_view::{self, SealedNews, SealedStep};
use crate::user::Coding;

/// The sealed object's name.
pub(super) const NAME: &str = "vault.tar";
pub(super) const CODING: Coding = Coding {
    k: 2,
    n: 4,
    periods: 24,
    price: 2_000_000,
    sealed: true,
};
/// Bytes of the file that are put sealed: a sector is sealed whole, whatever is in it.
const MOST_BYTES: u64 = 7 << 20;
/// The longest wait from the put to the last sealed slot: four nodes seal and prove on this machine at once.
const SEALED_WITHIN: Duration = Duration::from_secs(420);
/// The longest wait for the first proof over the replicas: two periods and a proof.
const PROVEN_WITHIN: Duration = Duration::from_secs(180);

/// What was put.
pub(super) struct Sealed {
    pub(super) file: PathBuf,
    pub(super) bytes: u64,
    since_block: u64,
    deals: Vec<DealId>,
    slots: usize,
    began: Instant,
}

/// Puts the beginning of `file`, sealed, and does not wait.
pub(super) async fn put(screen: &mut Screen, network: &Network, file: &Path) -> Result<Sealed> {
    let Coding { k, n, periods, .. } = CODING;
    screen.step(&format!(
        "Put a second file, {k} of {n}, SEALED: only its provider can have encoded what it stores"
    ))?;
    let part = network.dir().join(NAME);
    let mut head = std::fs::File::open(file)?.take(MOST_BYTES);
    let bytes = std::io::copy(&mut head, &mut std::fs::File::create(&part)?)?;
    let since_block = network.chain().head().await?.number;
    let began = Instant::now();
    network.user().put_unwaited(&part, NAME, CODING).await?;
    let seen = chain_view::deals_since(network.chain(), since_block).await?;
    screen.fact(&format!(
        "{bytes} bytes in {} deals, {} slots, {periods} periods; uploaded after {:.1} s",
        seen.deals.len(),
        seen.slots,
        began.elapsed().as_secs_f64()
    ))?;
    Ok(Sealed {
        file: part,
        bytes,
        since_block,
        deals: seen.deals,
        slots: seen.slots,
        began,
    })
}

/// Shows every step of the pipeline as the chain tells it, until all slots are filled.
pub(super) async fn watch(
    screen: &mut Screen,
    network: &mut Network,
    sealed: &Sealed,
    table: &mut Table,
) -> Result<()> {
    screen.step("Watch the sealing pipeline: reserve, seal, commit, wait for the challenge, prove, append, fill")?;
    let names = names(network)?;
    let say = &*screen;
    let news = sealed_view::watch(
        network,
        sealed.since_block,
        &sealed.deals,
        sealed.slots,
        SEALED_WITHIN,
        |new, _| {
            let node = names
                .iter()
                .position(|provider| *provider == new.provider)
                .map_or_else(|| "?".to_owned(), |node| node.to_string());
            say.fact(&format!(
                "+{:>3} s  node {node}  {}",
                sealed.began.elapsed().as_secs(),
                new.step
            ))
        },
    )
    .await?;
    let whole = sealed.began.elapsed().as_secs_f64();
    let proven: Vec<&SealedNews> = news
        .iter()
        .filter(|new| matches!(new.step, SealedStep::Proven { .. }))
        .collect();
    screen.claim(
        proven.len() >= usize::from(CODING.n),
        &format!(
            "{} proofs of replication were verified on chain, every one of {} sealed slots is filled",
            proven.len(),
            sealed.slots
        ),
    )?;
    let mut gas = Vec::new();
    for new in proven {
        gas.push(network.gas_of(&new.tx).await?);
    }
    if let (Some(least), Some(most)) = (gas.iter().min(), gas.iter().max()) {
        table.push((
            "gas of proving a replica, whole transaction".to_owned(),
            format!("{least} to {most}"),
        ));
    }
    table.push((
        "sealed put, until every slot is active; 4 nodes seal on this machine at once".to_owned(),
        format!("{whole:.0} s"),
    ));
    Ok(())
}

/// Waits until each replica's tree has been proven at least once while the replica stood in it.
pub(super) async fn wait_for_proofs(
    screen: &mut Screen,
    network: &mut Network,
    sealed: &Sealed,
) -> Result<()> {
    screen.step("Wait until every sealed sector is in a proof of spacetime verified on chain")?;
    let began = Instant::now();
    loop {
        network.check()?;
        let (proven, missed) = least_proven(network, sealed).await?;
        if proven >= 1 {
            return screen.claim(
                true,
                &format!(
                    "the same constant-size proof covers hot and sealed sectors: at least {proven} period(s) proven with every replica inside, {missed} missed"
                ),
            );
        }
        if began.elapsed() > PROVEN_WITHIN {
            bail!("after {PROVEN_WITHIN:?} a sealed sector is in no proof yet");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Over all sealed slots: the fewest proven and the most missed periods since they count.
async fn least_proven(network: &Network, sealed: &Sealed) -> Result<(u64, u64)> {
    let chain = network.chain();
    let (mut least, mut most_missed) = (u64::MAX, 0);
    for deal in &sealed.deals {
        let info = chain
            .deal(*deal)
            .await?
            .with_context(|| format!("deal {deal} is not on chain"))?;
        for slot in 0..info.n {
            let state = chain.slot(*deal, SlotIndex(u8::try_from(slot)?)).await?;
            let SlotStatus::Filled {
                provider,
                tree,
                first_period,
                ..
            } = state.status
            else {
                return Ok((0, most_missed));
            };
            let uptime = chain
                .uptime(provider, tree, first_period, info.end_period)
                .await?;
            least = least.min(uptime.proven);
            most_missed = most_missed.max(uptime.missed);
        }
    }
    Ok((least, most_missed))
}

/// The nodes that hold sealed pieces.
pub(super) async fn holders(network: &Network, sealed: &Sealed) -> Result<Vec<usize>> {
    let mut nodes = Vec::new();
    for deal in &sealed.deals {
        let info = network.chain().deal(*deal).await?;
        for slot in info.into_iter().flat_map(|info| info.slots) {
            nodes.push(node_of(network, slot.provider)?);
        }
    }
    nodes.sort_unstable();
    nodes.dedup();
    Ok(nodes)
}

fn names(network: &Network) -> Result<Vec<Address>> {
    (0..network.plan().nodes)
        .map(|i| network.provider(i))
        .collect()
}
