//! What the chain shows of sealed sectors on their way: the steps a person can watch.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use cairn_contracts::{Chain, ChainEventKind};
use cairn_wire::{Address, DealId, Period, SectorKind, SectorNumber};
use tokio::time::sleep;

use crate::network::Network;

/// A step of a sealed sector, in the order in which they come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedStep {
    /// The node took a number and begins to seal.
    Reserved {
        /// The number.
        number: SectorNumber,
    },
    /// It is bound to the replica by a deposit; the round of a later period challenges it.
    Committed {
        /// The sector.
        number: SectorNumber,
        /// The period whose round is the challenge.
        seed_period: Period,
    },
    /// The proof of replication was verified on chain.
    Proven {
        /// The sector.
        number: SectorNumber,
    },
    /// The sector stands in its provider's tree: from now on it is proven every period.
    Appended {
        /// The sector.
        number: SectorNumber,
    },
    /// A slot of a watched deal is filled.
    Filled {
        /// The deal.
        deal: DealId,
    },
}

impl fmt::Display for SealedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reserved { number } => write!(f, "sector {number}: number reserved, sealing"),
            Self::Committed {
                number,
                seed_period,
            } => write!(
                f,
                "sector {number}: sealed and committed to, challenged by the round of period {seed_period}"
            ),
            Self::Proven { number } => {
                write!(f, "sector {number}: proof of replication verified on chain")
            }
            Self::Appended { number } => {
                write!(
                    f,
                    "sector {number}: in the tree, proven every period from now on"
                )
            }
            Self::Filled { deal } => write!(f, "deal {deal}: slot filled, earns"),
        }
    }
}

/// A step and what it cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedNews {
    /// Whose sector.
    pub provider: Address,
    /// What happened.
    pub step: SealedStep,
    /// The transaction.
    pub tx: [u8; 32],
}

/// All steps since a block, in the chain's order; slots of `deals` only.
///
/// # Errors
/// When the chain does not answer.
pub async fn steps_since(chain: &Chain, block: u64, deals: &[DealId]) -> Result<Vec<SealedNews>> {
    let head = chain.head().await?.number;
    let events = chain.events(block, head).await?;
    let news = events.into_iter().filter_map(|event| {
        let (provider, step) = step_of(event.kind, deals)?;
        Some(SealedNews {
            provider,
            step,
            tx: event.tx,
        })
    });
    Ok(news.collect())
}

fn step_of(event: ChainEventKind, deals: &[DealId]) -> Option<(Address, SealedStep)> {
    match event {
        ChainEventKind::NumbersReserved {
            provider, first, ..
        } => Some((provider, SealedStep::Reserved { number: first })),
        ChainEventKind::ReplicaPrecommitted {
            provider,
            number,
            seed_period,
            ..
        } => Some((
            provider,
            SealedStep::Committed {
                number,
                seed_period,
            },
        )),
        ChainEventKind::ReplicaProven {
            provider, number, ..
        } => Some((provider, SealedStep::Proven { number })),
        ChainEventKind::SectorAppended {
            provider,
            number,
            kind: SectorKind::Sealed,
            ..
        } => Some((provider, SealedStep::Appended { number })),
        ChainEventKind::SlotFilled { deal, provider, .. } if deals.contains(&deal) => {
            Some((provider, SealedStep::Filled { deal }))
        }
        _ => None,
    }
}

/// Waits until `slots` slots of `deals` are filled and tells every step once.
///
/// # Errors
/// When a node ends, the chain does not answer, or it takes longer than `within`.
pub async fn watch(
    network: &mut Network,
    since_block: u64,
    deals: &[DealId],
    slots: usize,
    within: Duration,
    mut tell: impl FnMut(&SealedNews, Duration) -> Result<()>,
) -> Result<Vec<SealedNews>> {
    let began = Instant::now();
    let mut told = 0;
    loop {
        network.check()?;
        let news = steps_since(network.chain(), since_block, deals).await?;
        for new in news.iter().skip(told) {
            tell(new, began.elapsed())?;
        }
        told = told.max(news.len());
        let filled = news
            .iter()
            .filter(|new| matches!(new.step, SealedStep::Filled { .. }))
            .count();
        if filled >= slots {
            return Ok(news);
        }
        if began.elapsed() > within {
            bail!(
                "after {within:?} {filled} of {slots} sealed slots are filled; the last step of each node: {:?}",
                last_steps(&news)
            );
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn last_steps(news: &[SealedNews]) -> BTreeMap<Address, String> {
    news.iter()
        .map(|new| (new.provider, new.step.to_string()))
        .collect()
}
