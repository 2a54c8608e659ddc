//! What the chain says about stored objects.

use std::fmt;
use std::sync::Arc;

use cairn_contracts::{DealInfo, NewSlot, SlotStatus, Uptime};
use cairn_wire::{Address, DealId, Period, SectorKind, SectorNumber, SlotIndex};

use crate::catalog::{ObjectEntry, ObjectKind, ObjectState};
use crate::client::Shared;
use crate::durability::Sampling;
use crate::error::{RemoveError, StatusError};
use crate::market::{Market, ReplicaStage, ReplicaUnderWay};

/// Bytes of a leaf.
const LEAF_BYTES: u64 = 32;

/// One object.
#[derive(Debug, Clone, PartialEq)]
pub struct ObjectStatus {
    /// Its name.
    pub name: String,
    /// How far `put` got.
    pub state: ObjectState,
    /// Its bytes.
    pub plain_bytes: u64,
    /// Pieces needed.
    pub k: u16,
    /// Pieces made.
    pub n: u16,
    /// Its deals in order.
    pub deals: Vec<DealStatus>,
    /// Bytes of a sector of its market.
    pub sector_bytes: u64,
    /// The period that is running.
    pub period: Period,
    /// How often what its holders store is sampled.
    pub sampling: Sampling,
}

impl ObjectStatus {
    /// The least share that one of its pieces is of the tree that it is proven with; `None` as long as no slot is filled.
    #[must_use]
    pub fn least_share(&self) -> Option<f64> {
        let shares = self.deals.iter().flat_map(|deal| {
            let opened = deal.info.iter().flat_map(|info| &info.slots);
            let filled = deal.slots.iter().zip(opened);
            filled.filter(|(slot, _)| slot.tree_sectors > 0)
        });
        let share = |(slot, piece): (&SlotReading, &NewSlot)| {
            let sectors = f64::from(slot.tree_sectors);
            f64::exp2(f64::from(piece.b)) / (sectors * (self.sector_bytes / LEAF_BYTES) as f64)
        };
        shares.map(share).reduce(f64::min)
    }

    /// The fewest pieces that any of its deals has, or can still get.
    #[must_use]
    pub fn least_pieces(&self) -> u16 {
        let of_deal = |deal: &DealStatus| {
            let info = deal.info.as_ref()?;
            Some(if self.period > info.activate_by {
                info.filled
            } else {
                info.n
            })
        };
        let least = self.deals.iter().filter_map(of_deal).min();
        least.unwrap_or(self.n)
    }

    /// Days that its deals still last, by the one that ends first.
    #[must_use]
    pub fn days_left(&self) -> f64 {
        let ends = self.deals.iter().filter_map(|deal| deal.info.as_ref());
        let periods = ends
            .map(|info| info.end_period.0.saturating_sub(self.period.0))
            .min();
        self.sampling.days_of(periods.unwrap_or(0))
    }
}

/// One deal.
#[derive(Debug, Clone, PartialEq)]
pub struct DealStatus {
    /// Its number.
    pub deal: DealId,
    /// What the chain holds; `None` if it does not know the deal.
    pub info: Option<DealInfo>,
    /// Its slots in order.
    pub slots: Vec<SlotReading>,
}

/// One slot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlotReading {
    /// Which slot.
    pub slot: SlotIndex,
    /// The provider it names.
    pub provider: Address,
    /// Where it stands.
    pub status: SlotStatus,
    /// Paid so far, as of the last settlement.
    pub paid: u128,
    /// How its provider's tree fared since the slot counts; nothing yet for an empty slot.
    pub uptime: Uptime,
    /// Sectors of the tree it is in, over all of which each period's samples are drawn; 0 for an empty slot.
    pub tree_sectors: u32,
    /// How far its provider's newest replica is; only for an empty slot of a sealed deal.
    pub sealing: Option<Sealing>,
}

/// How far a provider's newest replica is that is in no sector yet, as far as the chain shows it. Which pieces are in it
/// shows only when they are activated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealing {
    /// There is none: the node packs, waits for its turn or seals.
    Unseen,
    /// There is one.
    OnChain {
        /// The number its sector will have.
        sector: SectorNumber,
        /// How far it is.
        stage: ReplicaStage,
    },
}

impl Sealing {
    fn of(provider: Address, under_way: &[ReplicaUnderWay]) -> Self {
        let newest = under_way
            .iter()
            .rev()
            .find(|replica| replica.provider == provider);
        newest.map_or(Self::Unseen, |replica| Self::OnChain {
            sector: replica.sector,
            stage: replica.stage,
        })
    }
}

impl fmt::Display for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen => f.write_str("its node packs, waits or seals (nothing on chain yet)"),
            Self::OnChain {
                sector,
                stage: ReplicaStage::Committed { seed_period },
            } => write!(
                f,
                "its node sealed sector {sector} and proves it when period {seed_period} brings the challenge"
            ),
            Self::OnChain {
                sector,
                stage: ReplicaStage::Proven,
            } => write!(
                f,
                "its node's sector {sector} is sealed and proven, to be appended"
            ),
        }
    }
}

/// What was forgotten, and what goes on without it.
#[derive(Debug, Clone, PartialEq)]
pub struct RemovedObject {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub plain_bytes: u64,
    /// Its deals, which only time ends.
    pub deals: Vec<RemovedDeal>,
}

/// A deal that remains on chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemovedDeal {
    /// Its number.
    pub deal: DealId,
    /// Its last period, and that period's deadline, after which its slots can be closed; `None` if the chain could not
    /// be asked.
    pub end: Option<(Period, u64)>,
    /// Escrow that is still in it.
    pub escrow_left: Option<u128>,
}

pub(crate) async fn status<M: Market>(
    shared: &Arc<Shared<M>>,
    name: Option<&str>,
) -> Result<Vec<ObjectStatus>, StatusError> {
    let entries = match name {
        Some(name) => vec![(name.to_owned(), shared.catalog.object(name)?)],
        None => shared.catalog.read()?.objects.into_iter().collect(),
    };
    let head = shared.market.head().await?;
    let schedule = shared.market.schedule();
    let period = schedule.period_of(head.timestamp);
    let parameters = shared.market.parameters();
    let sampling = Sampling {
        samples: parameters.post_samples,
        period_s: schedule.period_s,
    };
    // One look for all objects, and only where it can tell something.
    let sealed = entries
        .iter()
        .any(|(_, entry)| entry.kind == ObjectKind::Sealed);
    let under_way = if sealed {
        shared.market.replicas_under_way().await?
    } else {
        Vec::new()
    };
    let mut all = Vec::with_capacity(entries.len());
    for (name, entry) in entries {
        let mut deals = Vec::with_capacity(entry.segments.len());
        for segment in &entry.segments {
            deals.push(deal_status(shared, segment.deal, &under_way).await?);
        }
        all.push(object_status(
            name,
            &entry,
            deals,
            period,
            sampling,
            parameters.sector_bytes(),
        ));
    }
    Ok(all)
}

fn object_status(
    name: String,
    entry: &ObjectEntry,
    deals: Vec<DealStatus>,
    period: Period,
    sampling: Sampling,
    sector_bytes: u64,
) -> ObjectStatus {
    ObjectStatus {
        name,
        state: entry.state,
        plain_bytes: entry.plain_bytes,
        k: entry.k,
        n: entry.n,
        deals,
        sector_bytes,
        period,
        sampling,
    }
}

async fn deal_status<M: Market>(
    shared: &Shared<M>,
    deal: DealId,
    under_way: &[ReplicaUnderWay],
) -> Result<DealStatus, StatusError> {
    let Some(info) = shared.market.deal(deal).await? else {
        return Ok(DealStatus {
            deal,
            info: None,
            slots: Vec::new(),
        });
    };
    let mut slots = Vec::with_capacity(info.slots.len());
    for (index, opened) in info.slots.iter().enumerate() {
        let slot = SlotIndex(u8::try_from(index).unwrap_or(u8::MAX));
        let mut reading = slot_reading(shared, &info, slot, opened).await?;
        if info.kind == SectorKind::Sealed && reading.status == SlotStatus::Empty {
            reading.sealing = Some(Sealing::of(opened.provider, under_way));
        }
        slots.push(reading);
    }
    Ok(DealStatus {
        deal,
        info: Some(info),
        slots,
    })
}

async fn slot_reading<M: Market>(
    shared: &Shared<M>,
    info: &DealInfo,
    slot: SlotIndex,
    opened: &NewSlot,
) -> Result<SlotReading, StatusError> {
    let state = shared.market.slot(info.id, slot).await?;
    let mut reading = SlotReading {
        slot,
        provider: opened.provider,
        status: state.status,
        paid: state.paid,
        uptime: Uptime::default(),
        tree_sectors: 0,
        sealing: None,
    };
    if let SlotStatus::Filled {
        provider,
        tree,
        first_period,
        ..
    } = state.status
    {
        let from = first_period.max(info.start_period);
        reading.provider = provider;
        reading.uptime = shared
            .market
            .uptime(provider, tree, from, info.end_period)
            .await?;
        reading.tree_sectors = shared.market.sectors_of(provider, tree).await?;
    }
    Ok(reading)
}

pub(crate) async fn remove<M: Market>(
    shared: &Arc<Shared<M>>,
    name: &str,
) -> Result<RemovedObject, RemoveError> {
    let entry = shared.catalog.object(name)?;
    let schedule = shared.market.schedule();
    let mut deals = Vec::with_capacity(entry.segments.len());
    for segment in &entry.segments {
        // forgetting must not depend on the chain
        let info = shared.market.deal(segment.deal).await.ok().flatten();
        deals.push(RemovedDeal {
            deal: segment.deal,
            end: info
                .as_ref()
                .map(|info| (info.end_period, schedule.deadline(info.end_period))),
            escrow_left: info.as_ref().map(|info| info.escrow_left),
        });
    }
    let entry = shared.catalog.remove(name)?;
    Ok(RemovedObject {
        name: name.to_owned(),
        plain_bytes: entry.plain_bytes,
        deals,
    })
}
