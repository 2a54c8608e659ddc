//! Repairs: a slot that somebody lost is filled by this node, with the same piece, made again from k siblings.
//!
//! ```text
//!  freed slot --> is it worth it? --> k siblings fetched, the piece made again, its hash the content id
//!             --> comm_p as the slot has it? --> stored, accepted by right of repair --> packed, appended, activated
//! ```
//!
//! From "stored" on the slot is like any other of this node, but that its activation waits for the right to it
//! (`rights.rs`); a sealed one is not even packed before that right is won (`bids.rs`). A restart begins again at the first step that is not durable.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cairn_client::{RebuildOptions, Repairer, Silent};
use cairn_contracts::{DealInfo, NewSlot, ProviderInfo, SlotStatus};
use cairn_wire::{SectorKind, SlotIndex};
use tokio::sync::watch;

use crate::dashboard::Counter;
use crate::deal::{BY_REPAIR, SealState, SlotEvent, SlotState};
use crate::error::{ChainFault, ProvingError, RepairFault, StoreError};
use crate::pipeline::{Work, pause};
use crate::repair::{Freed, Offer, RepairRules, Sealing};
use crate::sealing::bytes_to_seal;
use crate::sector::{Part, Untaken, take_piece};
use crate::store::{Ledger, PieceRecord, SlotKey, SlotRecord};

/// Fetching that takes longer is given up and tried again after the others that wait; where holders of siblings have to
/// unseal them first, the time they may take for that comes on top.
const LONGEST_FETCH: Duration = Duration::from_secs(1_800);
/// Read from a rebuilt piece at a time.
const READ_BYTES: usize = 1 << 20;

/// What the repair worker goes by.
#[derive(Debug)]
pub struct Repairs {
    /// Limits of bandwidth, space and profit.
    pub rules: RepairRules,
    /// Fetches siblings.
    pub repairer: Repairer,
    /// Where pieces are made again.
    pub folder: PathBuf,
}

impl Work {
    /// Repairs one slot after the other until `stop` says so.
    pub async fn run_repairer(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let Some(repairs) = &self.market.repairs else {
            return;
        };
        while !*stop.borrow() {
            let next = self.next_repair(&repairs.rules);
            let Some((key, freed)) = next else {
                pause(&mut stop, self.poll).await;
                continue;
            };
            let done = tokio::select! {
                done = self.repair(repairs, key, freed) => done,
                _ = stop.wait_for(|stopped| *stopped) => return,
            };
            match done {
                Ok(()) => {
                    self.metrics.count(Counter::PiecesRepaired);
                    tracing::info!(slot = %key, "piece made again: its slot is filled next");
                }
                Err(RepairFault::NotWorthIt(reason)) => {
                    tracing::debug!(slot = %key, %reason, "not repaired");
                }
                Err(fault) => {
                    self.metrics.count(Counter::RepairsFailed);
                    tracing::warn!(slot = %key, %fault, "not repaired");
                }
            }
            if let Some(hunt) = &self.market.hunt {
                hunt.tried(key, (self.clock)());
            }
        }
    }

    /// A slot whose turn has come for this node.
    pub(super) fn next_repair(&self, rules: &RepairRules) -> Option<(SlotKey, Freed)> {
        // A provider holds one slot of a deal at most: while one is under way here no other is begun.
        let under_way = LazyCell::new(|| {
            let lives =
                |record: &SlotRecord| !matches!(record.state, SlotState::Stored | SlotState::Ended);
            let slots = self.ledger.slots(lives).into_iter();
            slots.map(|(key, _)| key.deal).collect::<BTreeSet<_>>()
        });
        let known = |key: SlotKey| under_way.contains(&key.deal);
        self.market
            .hunt
            .as_ref()?
            .next_repair(self.me, rules, (self.clock)(), known)
    }

    async fn repair(
        &self,
        repairs: &Repairs,
        key: SlotKey,
        freed: Freed,
    ) -> Result<(), RepairFault> {
        let deal = self
            .chain
            .deal(key.deal)
            .await?
            .ok_or(RepairFault::NotWorthIt("the deal is not on chain"))?;
        self.judge(&repairs.rules, key, &deal, freed).await?;
        let path = repairs
            .folder
            .join(format!("{}-{}.piece", key.deal, key.slot.0));
        self.fetch(repairs, key, &deal, &path).await?;
        let kind = deal.kind;
        self.take_rebuilt(key, deal, freed, path).await?;
        if kind == SectorKind::Sealed {
            return Ok(());
        }
        // The sooner the commit, the sooner it counts; without it the activation makes it.
        let head = self.chain.head().await?;
        let freed_at = self.chain.slot(key.deal, key.slot).await?.freed_at_unix;
        if let Err(error) = self.right(key, freed_at, head).await {
            tracing::debug!(slot = %key, %error, "the commit comes later");
        }
        Ok(())
    }

    /// Makes the piece again at `path`, unless an earlier try, or another deal, left it in the store.
    async fn fetch(
        &self,
        repairs: &Repairs,
        key: SlotKey,
        deal: &DealInfo,
        path: &Path,
    ) -> Result<(), RepairFault> {
        let slot = slot_of(key, deal)?;
        if self.ledger.store().piece(&slot.content_id)?.is_some() {
            return Ok(());
        }
        let holders = self.holders(key, deal).await?;
        let options = RebuildOptions {
            bytes_per_s: repairs.rules.bytes_per_s,
            unseal: match deal.kind {
                // A hot piece needs no unsealing, whatever its holder says.
                SectorKind::Hot => Duration::ZERO,
                SectorKind::Sealed => RebuildOptions::default().unseal,
            },
            ..RebuildOptions::default()
        };
        let longest = LONGEST_FETCH.saturating_add(options.unseal);
        let lost = vec![(key.slot, path.to_owned())];
        let rebuilding =
            repairs
                .repairer
                .rebuild_to_files(deal, &holders, lost, &options, Arc::new(Silent));
        let rebuilt = tokio::time::timeout(longest, rebuilding)
            .await
            .map_err(|_| RepairFault::Siblings("it took too long".to_owned()))?
            .map_err(|error| RepairFault::Siblings(error.to_string()))?;
        self.metrics
            .add(Counter::RepairBytesFetched, rebuilt.fetched_bytes);
        Ok(())
    }

    /// Whether the repair is worth it, and possible for this node, as the chain has it now.
    pub(super) async fn judge(
        &self,
        rules: &RepairRules,
        key: SlotKey,
        deal: &DealInfo,
        freed: Freed,
    ) -> Result<(), RepairFault> {
        let status = self.chain.slot(key.deal, key.slot).await?.status;
        let account = self.chain.collateral().await?;
        let (fault, part) = self.market.collateral.parts_of(deal.price_per_slot_period);
        let stake_needed = fault.saturating_add(part);
        let balance = self.chain.funds().await?.balance;
        let (_, held_bytes) = self.ledger.store().held();
        let free_bytes = self.ledger.store().free_bytes()?;
        let sealing = match deal.kind {
            SectorKind::Hot => None,
            SectorKind::Sealed => self.sealing(key, deal).await?,
        };
        let offer = Offer {
            deal,
            slot: key.slot,
            still_freed: status == SlotStatus::Freed,
            freed,
            bounty_basis_points: self.market.collateral.bounty_basis_points,
            open_period: self.schedule.open_period(self.view.chain_time_unix()),
            b_max: self.set.b_max,
            held_bytes,
            free_bytes: match sealing {
                None => free_bytes,
                Some(_) => free_bytes.min(self.folders.free_bytes()?),
            },
            stake_needed,
            // Collateral pays no bond.
            stake_at_hand: account.free.min(stake_needed).saturating_add(balance),
            sealing,
        };
        rules.judge(&offer).map_err(RepairFault::NotWorthIt)
    }

    /// What the repair of a sealed slot takes beside the piece; none where this node does not seal.
    async fn sealing(&self, key: SlotKey, deal: &DealInfo) -> Result<Option<Sealing>, RepairFault> {
        if self.seal.parallel == 0 {
            return Ok(None);
        }
        let terms = &self.market.repair;
        let bond = terms
            .seal_bond
            .saturating_sub(self.chain.repair_credit().await?);
        let deposit = self
            .seal
            .deposit
            .saturating_sub(self.chain.funds().await?.credit);
        let auction = self.chain.auction(key.deal, key.slot).await?;
        let now = self.view.chain_time_unix();
        let bids = auction.entered
            || auction.takes_entries(&self.schedule, now)
            || auction.has_failed(now);
        // An entry opens for the period after the next at the latest; its claims end claim_s after its deadline.
        let claims = terms.claim_s.div_ceil(self.schedule.period_s.max(1));
        let periods = claims
            .saturating_add(u64::from(terms.seal_periods))
            .saturating_add(3);
        let b = slot_of(key, deal)?.b;
        Ok(Some(Sealing {
            periods,
            tokens: bond.saturating_add(deposit),
            disk_bytes: bytes_to_seal(self.set),
            is_busy: self.is_sealing_busy(b)?,
            is_closed: !bids,
        }))
    }

    /// Whether a piece of 2^b leaves would have to wait for more than the sector that is filled now.
    fn is_sealing_busy(&self, b: u8) -> Result<bool, StoreError> {
        let waits = self
            .ledger
            .sectors(|record| record.state.seal() == Some(SealState::Waiting));
        if waits.iter().any(|(id, _)| self.is_awaited(*id)) {
            return Ok(true);
        }
        let mut leaves = leaves_of(b);
        for (_, slot) in self.ledger.waiting() {
            if slot.kind == SectorKind::Sealed
                && let Some(piece) = self.ledger.store().piece(&slot.content_id)?
            {
                leaves = leaves.saturating_add(leaves_of(piece.b));
            }
        }
        Ok(leaves > self.set.sector_leaves())
    }

    /// Who holds the deal's other pieces, and how to reach them.
    async fn holders(
        &self,
        key: SlotKey,
        deal: &DealInfo,
    ) -> Result<Vec<(SlotIndex, ProviderInfo)>, RepairFault> {
        let mut holders = Vec::new();
        for number in 0..deal.n {
            let Ok(slot) = u8::try_from(number).map(SlotIndex) else {
                break;
            };
            if slot == key.slot {
                continue;
            }
            let SlotStatus::Filled { provider, .. } = self.chain.slot(key.deal, slot).await?.status
            else {
                continue;
            };
            if let Some(info) = self.chain.provider(provider).await? {
                holders.push((slot, info));
            }
        }
        Ok(holders)
    }

    /// Checks a rebuilt piece against the slot's commitment and takes it into the store, accepted.
    pub(super) async fn take_rebuilt(
        &self,
        key: SlotKey,
        deal: DealInfo,
        freed: Freed,
        path: PathBuf,
    ) -> Result<(), RepairFault> {
        let slot = slot_of(key, &deal)?;
        let record = SlotRecord {
            content_id: slot.content_id,
            owner: deal.owner,
            expiry_unix: self.schedule.deadline(deal.end_period),
            since_unix: (self.clock)(),
            state: SlotState::Stored,
            kind: deal.kind,
        };
        let ledger = Arc::clone(&self.ledger);
        let (now, chain_now) = ((self.clock)(), self.view.chain_time_unix());
        let taken = tokio::task::spawn_blocking(move || {
            let store = ledger.store();
            let piece = match store.piece(&slot.content_id)? {
                Some(piece) => {
                    ledger.offer_slot(key, record, chain_now)?;
                    piece
                }
                None => store_file(&ledger, &path, (key, &record), slot.byte_len)?,
            };
            if let Err(error) = std::fs::remove_file(&path) {
                tracing::debug!(path = %path.display(), %error, "the rebuilt piece stays");
            }
            let event = match freed.comm_p {
                Some(comm_p) if comm_p != piece.comm_p => SlotEvent::End,
                _ => SlotEvent::Accept(BY_REPAIR),
            };
            ledger.step_slot(key, event, now)?;
            match event {
                SlotEvent::End => Err(RepairFault::FalseCommitment),
                _ => Ok(()),
            }
        });
        taken.await.unwrap_or_else(|error| {
            Err(RepairFault::Store(StoreError::Io {
                doing: "storing a rebuilt piece",
                detail: error.to_string(),
            }))
        })
    }
}

fn leaves_of(b: u8) -> u64 {
    1_u64.checked_shl(u32::from(b)).unwrap_or(u64::MAX)
}

/// What the deal says of the slot.
fn slot_of(key: SlotKey, deal: &DealInfo) -> Result<NewSlot, RepairFault> {
    let slots = &deal.slots;
    slots
        .get(usize::from(key.slot.0))
        .copied()
        .ok_or(RepairFault::NotWorthIt("the deal has no such slot"))
}

/// A rebuilt piece into the store, hashed once more on its way from the disk.
fn store_file(
    ledger: &Ledger,
    path: &Path,
    slot: (SlotKey, &SlotRecord),
    byte_len: u64,
) -> Result<PieceRecord, RepairFault> {
    let io = |error: std::io::Error| {
        Untaken::Store(StoreError::Io {
            doing: "reading a rebuilt piece",
            detail: error.to_string(),
        })
    };
    let mut file = std::fs::File::open(path).map_err(io)?;
    let next = || {
        let mut buffer = vec![0; READ_BYTES];
        let read = file.read(&mut buffer).map_err(io)?;
        buffer.truncate(read);
        Ok(match read {
            0 => Part::End,
            _ => Part::Bytes(buffer),
        })
    };
    Ok(take_piece(ledger, slot, byte_len, next)?)
}

impl From<Untaken> for RepairFault {
    fn from(untaken: Untaken) -> Self {
        match untaken {
            Untaken::Store(error) => Self::Store(error),
            Untaken::Length(reason) => Self::Piece(reason),
            Untaken::GaveUp | Untaken::WrongContent => {
                Self::Piece("its file was changed".to_owned())
            }
        }
    }
}

impl From<ChainFault> for RepairFault {
    fn from(fault: ChainFault) -> Self {
        Self::Chain(fault)
    }
}

impl From<ProvingError> for RepairFault {
    fn from(error: ProvingError) -> Self {
        Self::Piece(error.to_string())
    }
}
