//! What the chain says, by its own events and receipts.

use std::collections::BTreeMap;

use anyhow::Result;
use cairn_contracts::{Chain, ChainEventKind};
use cairn_wire::{Address, DealId};

use crate::network::Network;

/// Deals opened since a block, and how their slots stand.
#[derive(Debug)]
pub(super) struct DealsSeen {
    pub(super) deals: Vec<DealId>,
    pub(super) slots: usize,
    pub(super) slots_filled: usize,
}

pub(super) async fn deals_since(chain: &Chain, block: u64) -> Result<DealsSeen> {
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
pub(super) async fn windows_proven(chain: &Chain) -> Result<BTreeMap<Address, u64>> {
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
pub(super) async fn window_gas(network: &Network) -> Result<Vec<u64>> {
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
