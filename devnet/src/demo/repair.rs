//! A small file whose holders die: others show the misses, end the tree, make the piece again and are paid.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use cairn_wire::{Address, DealId};

use super::{Table, node_of, screen::Screen};
use crate::chain_view;
use crate::network::Network;
use crate::user::Coding;

/// Four holders, so that the other nodes of the demo may repair.
const CODING: Coding = Coding {
    k: 2,
    n: 4,
    periods: 24,
    price: 1_000_000,
    sealed: false,
};
pub(super) const NAME: &str = "notes.txt";
/// Three periods of misses, the deadline of the third, and a repair.
const REPAIRED_WITHIN: Duration = Duration::from_secs(420);

/// The file that is repaired, and who held it first.
pub(super) struct Notes {
    pub(super) file: PathBuf,
    pub(super) bytes: u64,
    deal: DealId,
    pub(super) holders: Vec<usize>,
}

/// Puts the small file.
pub(super) async fn put(screen: &mut Screen, network: &Network) -> Result<Notes> {
    let Coding { k, n, .. } = CODING;
    screen.step(&format!(
        "Put a small file {k} of {n}: pieces of it will be made again by nodes that do not hold any"
    ))?;
    let file = network.dir().join(NAME);
    let text = "What a stranger makes again is bit for bit what was lost.\n".repeat(4_000);
    std::fs::write(&file, &text)?;
    let before = network.chain().head().await?.number;
    network.user().put(&file, NAME, CODING).await?;
    let seen = chain_view::deals_since(network.chain(), before).await?;
    let deal = seen.deals.first().copied();
    let deal = deal.ok_or_else(|| anyhow::anyhow!("no deal was opened"))?;
    let mut holders = Vec::new();
    for ((_, slot), provider) in network
        .chain()
        .holders()
        .await?
        .into_iter()
        .filter(|((id, _), _)| *id == deal)
    {
        let node = node_of(network, provider)?;
        screen.fact(&format!("deal {deal} slot {slot}: node {node}"))?;
        holders.push(node);
    }
    Ok(Notes {
        file,
        bytes: u64::try_from(text.len())?,
        deal,
        holders,
    })
}

/// Waits until every slot of the small file that a dead node held was repaired; shows who was paid by whom.
pub(super) async fn watch(
    screen: &mut Screen,
    network: &mut Network,
    notes: &Notes,
    killed: &[usize],
    table: &mut Table,
) -> Result<()> {
    let lost = notes.holders.iter().filter(|node| killed.contains(node));
    let lost = lost.count();
    screen.step(&format!(
        "Wait until others repair the {lost} lost pieces of {NAME}; the client sleeps"
    ))?;
    let began = std::time::Instant::now();
    let repairs = loop {
        network.check()?;
        let all = chain_view::repairs(network.chain()).await?;
        let ours: Vec<_> = all.into_iter().filter(|r| r.deal == notes.deal).collect();
        if ours.len() >= lost {
            break ours;
        }
        if began.elapsed() > REPAIRED_WITHIN {
            screen.claim(false, &format!("only {} of {lost} repaired", ours.len()))?;
            return Ok(());
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    };
    let first: BTreeSet<Address> = notes
        .holders
        .iter()
        .map(|node| network.provider(*node))
        .collect::<Result<_>>()?;
    for repair in &repairs {
        let (failed, by) = (
            node_of(network, repair.failed)?,
            node_of(network, repair.repairer)?,
        );
        screen.fact(&format!(
            "slot {}: node {failed} lost it and {} of its collateral; node {by} made it again and was paid {}, {} burned",
            repair.slot,
            repair.bounty + repair.burned,
            repair.bounty,
            repair.burned
        ))?;
        table.push((
            format!("repair of {NAME}, slot {}", repair.slot),
            format!(
                "node {failed} paid {} to node {by}, {} burned",
                repair.bounty, repair.burned
            ),
        ));
    }
    let strangers = repairs.iter().all(|r| !first.contains(&r.repairer));
    let paid = repairs.iter().all(|r| r.bounty > 0 && r.bounty <= r.burned);
    screen.claim(strangers, "no holder of a sibling repaired")?;
    screen.claim(
        paid,
        "every repair was paid out of the lost collateral, at most half of it",
    )?;
    table.push((
        "from the payments to the last lost piece made again".to_owned(),
        format!("{} s", began.elapsed().as_secs()),
    ));
    Ok(())
}

/// The file's path, for reading it back.
pub(super) fn file(notes: &Notes) -> (&str, &Path, u64) {
    (NAME, notes.file.as_path(), notes.bytes)
}
