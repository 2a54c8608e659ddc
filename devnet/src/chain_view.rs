//! What the chain says, by its own events and receipts.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use cairn_contracts::{Chain, ChainEventKind};
use cairn_wire::{Address, DealId, SlotIndex};

use tokio::time::sleep;

use crate::network::Network;

/// Deals opened since a block, and how their slots stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealsSeen {
    /// The deals.
    pub deals: Vec<DealId>,
    /// Slots of all of them.
    pub slots: usize,
    /// How many of these a node has filled.
    pub slots_filled: usize,
}

/// The deals opened since a block.
///
/// # Errors
/// When the chain does not answer.
pub async fn deals_since(chain: &Chain, block: u64) -> Result<DealsSeen> {
    let head = chain.head().await?.number;
    let mut seen = DealsSeen {
        deals: Vec::new(),
        slots: 0,
        slots_filled: 0,
    };
    for event in chain.events(block, head).await? {
        match event.kind {
            ChainEventKind::DealOpened { deal, slots, .. } => {
                seen.deals.push(deal);
                seen.slots += slots.len();
            }
            ChainEventKind::SlotFilled { .. } => seen.slots_filled += 1,
            _ => {}
        }
    }
    Ok(seen)
}

/// How many windows of each provider the chain has counted.
///
/// # Errors
/// When the chain does not answer.
pub async fn windows_proven(chain: &Chain) -> Result<BTreeMap<Address, u64>> {
    let head = chain.head().await?.number;
    let mut counted = BTreeMap::new();
    for event in chain.events(chain.deployment().start_block, head).await? {
        if let ChainEventKind::WindowProven { provider, .. } = event.kind {
            *counted.entry(provider).or_default() += 1;
        }
    }
    Ok(counted)
}

/// Gas of every window proof so far, whole transactions.
///
/// # Errors
/// When the chain does not answer.
pub async fn window_gas(network: &Network) -> Result<Vec<u64>> {
    let chain = network.chain();
    let head = chain.head().await?.number;
    let mut gas = Vec::new();
    for event in chain.events(chain.deployment().start_block, head).await? {
        if matches!(event.kind, ChainEventKind::WindowProven { .. }) {
            gas.push(network.gas_of(&event.tx).await?);
        }
    }
    Ok(gas)
}

/// One slot that changed hands, and who was paid for it by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repair {
    /// The deal.
    pub deal: DealId,
    /// The slot.
    pub slot: SlotIndex,
    /// Who lost it.
    pub failed: Address,
    /// Who made its piece again.
    pub repairer: Address,
    /// Taken from who lost it, for the repair: the repairer's half and the burned one.
    pub bounty: u128,
    /// The rest of the repair part.
    pub burned: u128,
}

/// Every repair so far, in order.
///
/// # Errors
/// When the chain does not answer.
pub async fn repairs(chain: &Chain) -> Result<Vec<Repair>> {
    let head = chain.head().await?.number;
    let mut repairs: Vec<Repair> = Vec::new();
    for event in chain.events(chain.deployment().start_block, head).await? {
        match event.kind {
            ChainEventKind::SlotRepaired {
                deal,
                slot,
                provider,
                failed,
            } => repairs.push(Repair {
                deal,
                slot,
                failed,
                repairer: provider,
                bounty: 0,
                burned: 0,
            }),
            ChainEventKind::RepairPaid {
                deal,
                slot,
                bounty,
                burned,
                ..
            } => {
                let newest = repairs.iter_mut().rev();
                if let Some(repair) = newest
                    .into_iter()
                    .find(|repair| (repair.deal, repair.slot) == (deal, slot))
                {
                    (repair.bounty, repair.burned) = (bounty, burned);
                }
            }
            _ => {}
        }
    }
    Ok(repairs)
}

/// Waits until slots were repaired `count` times.
///
/// # Errors
/// When the chain does not answer, or after `within`, with what it had seen.
pub async fn wait_for_repairs(
    chain: &Chain,
    count: usize,
    within: Duration,
) -> Result<Vec<Repair>> {
    let began = Instant::now();
    loop {
        let repairs = repairs(chain).await?;
        if repairs.len() >= count {
            return Ok(repairs);
        }
        if began.elapsed() > within {
            bail!("after {within:?} only {repairs:?}");
        }
        sleep(Duration::from_secs(1)).await;
    }
}

/// Waits until each of `providers` has at least `periods` counted windows.
///
/// # Errors
/// When the chain does not answer, or after `within`, with what it had counted.
pub async fn wait_for_windows(
    chain: &Chain,
    providers: &[Address],
    periods: u64,
    within: Duration,
) -> Result<()> {
    let began = Instant::now();
    loop {
        let proven = windows_proven(chain).await?;
        if providers
            .iter()
            .all(|provider| proven.get(provider).is_some_and(|count| *count >= periods))
        {
            return Ok(());
        }
        if began.elapsed() > within {
            bail!("after {within:?} the chain has counted only {proven:?}");
        }
        sleep(Duration::from_secs(1)).await;
    }
}
