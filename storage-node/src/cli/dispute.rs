//! `cairn-node dispute`: looks for the place where a slot's commitment is false, and shows it on chain.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, bail};
use cairn_client::{RebuildOptions, Repairer, Silent};
use cairn_contracts::{Chain, DealInfo, ProviderInfo, SlotStatus};
use cairn_storage_node::config::Config;
use cairn_storage_node::dispute::{FalseGroup, Look, Search, evidence};
use cairn_storage_node::node::{Surroundings, set_of};
use cairn_storage_node::proving::prove_dispute;
use cairn_wire::{Commitment, ContentId, DealId, Limits, OpenLeaf, SlotIndex};
use clap::Args;

use crate::cli::market::{Operator, say};

/// Checks the commitment of a filled slot against the piece's bytes, and shows on chain that it is false if it is.
///
/// The piece is made again from k siblings and committed to; if that gives another commitment, the holder is asked for
/// leaves until one of them differs, which is proven. Costs the fetching of k pieces and, only if the commitment is false,
/// the gas of a dispute (below 3 million). Earns half of the fault part of the slot's collateral: the holder loses it, and
/// the slot. Cannot be undone. A holder that shows no leaves cannot be disputed; challenge it instead.
#[derive(Debug, Args)]
pub(crate) struct DisputeArguments {
    /// The configuration file
    #[arg(long)]
    config: PathBuf,
    /// The deal
    #[arg(long)]
    deal: u64,
    /// The slot
    #[arg(long)]
    slot: u8,
}

pub(crate) async fn run(
    arguments: DisputeArguments,
    surroundings: &Surroundings,
) -> anyhow::Result<()> {
    let (deal, slot) = (DealId(arguments.deal), SlotIndex(arguments.slot));
    let operator = Operator::open(&arguments.config).await?;
    let config = Config::read(&arguments.config)?;
    let chain = &operator.chain;
    let info = chain.deal(deal).await?;
    let info = info.with_context(|| format!("there is no deal {deal}"))?;
    let SlotStatus::Filled {
        provider, comm_p, ..
    } = chain.slot(deal, slot).await?.status
    else {
        bail!("slot {slot} of deal {deal} is not filled: nobody can be asked for its leaves");
    };
    let holder = chain.provider(provider).await?;
    let holder = holder.with_context(|| format!("{provider} is not in the registry"))?;
    let content_id = info
        .slots
        .get(usize::from(slot.0))
        .context("the deal has no such slot")?
        .content_id;
    let repairer = Repairer::new(Limits::default());
    let piece = piece_of(chain, &repairer, &info, slot).await?;
    let Some(found) = search(&repairer, &holder, &piece, (content_id, comm_p)).await? else {
        return say("the commitment is that of the piece's bytes: there is nothing to dispute");
    };
    say(&format!(
        "{provider} committed to other leaves in group {} of the piece; proving",
        found.statement.group
    ))?;
    let deployment = chain.deployment();
    let set = set_of(deployment)?;
    let record = deployment.keys.dispute;
    let random = Arc::clone(&surroundings.random);
    let (statement, witness) = (found.statement.clone(), found.witness.clone());
    let proof = tokio::task::spawn_blocking(move || {
        let shown = (&statement, witness);
        prove_dispute(&config.key_dir, set, &record, shown, &random)
    });
    let shown = evidence(&found, &piece, proof.await??);
    let receipt = chain.dispute(deal, slot, &shown).await?;
    say(&format!(
        "the commitment is void and slot {slot} of deal {deal} free ({} gas); {} of bounties are to be withdrawn",
        receipt.gas_used,
        chain.bounty_of(operator.me).await?
    ))
}

/// The piece's bytes, from k siblings.
async fn piece_of(
    chain: &Chain,
    repairer: &Repairer,
    info: &DealInfo,
    slot: SlotIndex,
) -> anyhow::Result<Vec<u8>> {
    let mut holders = Vec::new();
    for number in (0..info.n).filter_map(|number| u8::try_from(number).ok()) {
        let sibling = SlotIndex(number);
        if sibling == slot {
            continue;
        }
        let SlotStatus::Filled { provider, .. } = chain.slot(info.id, sibling).await?.status else {
            continue;
        };
        if let Some(holder) = chain.provider(provider).await? {
            holders.push((sibling, holder));
        }
    }
    let mut piece = Vec::new();
    let options = RebuildOptions::default();
    let lost = vec![(slot, &mut piece)];
    repairer
        .rebuild(info, &holders, lost, &options, Arc::new(Silent))
        .await?;
    Ok(piece)
}

/// Where the commitment is false, if it is.
async fn search(
    repairer: &Repairer,
    holder: &ProviderInfo,
    piece: &[u8],
    (content_id, comm_p): (ContentId, Commitment),
) -> anyhow::Result<Option<FalseGroup>> {
    let Some(search) = Search::new(piece, comm_p).map_err(|reason| anyhow!(reason))? else {
        return Ok(None);
    };
    let mut leaf = search.first();
    loop {
        let request = OpenLeaf { content_id, leaf };
        let opening = repairer.open_leaf(holder, &request).await.context(
            "the commitment is not that of the piece's bytes, but its holder does not show where (challenge it)",
        )?;
        match search.look(leaf, &opening)? {
            Look::Below(next) => leaf = next,
            Look::Found(found) => return Ok(Some(found)),
        }
    }
}
