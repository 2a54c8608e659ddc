//! Choosing providers and opening the deals.

use std::sync::Arc;

use cairn_contracts::{NewDeal, NewSlot, ProviderInfo, TxReceipt};
use cairn_wire::{DealId, SectorKind};
use tokio::time::{Duration, Instant, sleep};

use crate::catalog::{EntryTerms, ObjectEntry, PieceEntry, SegmentEntry};
use crate::choose;
use crate::cipher::ObjectKey;
use crate::client::{PutOptions, Shared};
use crate::error::{ChooseError, PutError};
use crate::market::Market;
use crate::plan::Plan;
use crate::put::ingest::Ingested;

/// Slots opened by one transaction: about four million gas.
const MAX_SLOTS_PER_TRANSACTION: usize = 1024;

/// Deals that are open and deep enough.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) plain_bytes: u64,
    pub(crate) price: u128,
    pub(crate) escrow: u128,
    pub(crate) receipts: Vec<TxReceipt>,
    pub(crate) deals: Vec<OpenDeal>,
}

/// A deal and those who are to fill its slots.
#[derive(Debug, Clone)]
pub(crate) struct OpenDeal {
    pub(crate) deal: DealId,
    pub(crate) providers: Vec<ProviderInfo>,
}

/// Opens a deal for each segment and notes the object in the catalog.
pub(crate) async fn open<M: Market>(
    shared: &Arc<Shared<M>>,
    plan: &Plan,
    ingested: &Ingested,
    key: &ObjectKey,
    name: &str,
    options: &PutOptions,
) -> Result<Opened, PutError> {
    let (assigned, price) = assign(shared, plan, ingested, options.price).await?;
    let n = u128::from(plan.code().n());
    let escrow = (ingested.segments.len() as u128)
        .checked_mul(n)
        .and_then(|slots| slots.checked_mul(price))
        .and_then(|pay| pay.checked_mul(u128::from(options.periods)))
        .ok_or(PutError::Terms(
            "the escrow exceeds 2^128 smallest token units",
        ))?;
    let account = shared.wallet.address();
    let have = shared.market.balance_of(account).await?;
    if have < escrow {
        return Err(PutError::Funds {
            account,
            needed: escrow,
            have,
        });
    }
    let deals = new_deals(plan, ingested, &assigned, price, options.periods);
    // Asked before money moves: nothing that can fail stands between the open deals and their record in the catalog.
    let opened_unix = shared.market.head().await?.timestamp;
    let (mut ids, mut receipts) = (Vec::new(), Vec::new());
    let per_transaction = (MAX_SLOTS_PER_TRANSACTION / usize::from(plan.code().n())).max(1);
    for batch in deals.chunks(per_transaction) {
        let (opened, receipt) = shared.market.open_deals(batch).await?;
        ids.extend(opened);
        receipts.push(receipt);
    }
    if ids.len() != deals.len() {
        return Err(PutError::Terms(
            "the chain opened another number of deals than it was asked for",
        ));
    }
    let entry = catalog_entry(shared, plan, ingested, key, &ids, &assigned, opened_unix);
    shared.catalog.add(name, entry)?;
    for receipt in &receipts {
        confirm(shared, receipt.block).await?;
    }
    let open = ids
        .into_iter()
        .zip(assigned)
        .map(|(deal, providers)| OpenDeal { deal, providers });
    Ok(Opened {
        plain_bytes: ingested.plain_bytes,
        price,
        escrow,
        receipts,
        deals: open.collect(),
    })
}

/// n providers for each segment, and the price they all agree to.
async fn assign<M: Market>(
    shared: &Arc<Shared<M>>,
    plan: &Plan,
    ingested: &Ingested,
    offered: Option<u128>,
) -> Result<(Vec<Vec<ProviderInfo>>, u128), PutError> {
    let n = usize::from(plan.code().n());
    let piece_bytes: Vec<u64> = ingested
        .segments
        .iter()
        .map(|segment| segment.piece_bytes)
        .collect();
    let b = piece_bytes
        .iter()
        .map(|bytes| Plan::b(*bytes))
        .max()
        .unwrap_or(0);
    let all = shared.market.providers().await?;
    let registered = all.len();
    let (mut content, mut reasons) = choose::eligible(all, b, offered);
    // a large registry is sampled: four times as many as are needed, cheapest first unless the price is given
    choose::shuffle(&mut content, &shared.entropy);
    if offered.is_none() {
        content.sort_by_key(|info| info.ask_per_tib_period);
    }
    content.truncate(n.saturating_mul(4).max(64));
    let (candidates, silent) = shared.peers.probe(content, shared.market.domain(), b).await;
    reasons.extend(silent);
    let got = candidates.len();
    let too_few = || ChooseError::TooFew {
        needed: n,
        got,
        registered,
        reasons,
    };
    let price = match offered {
        Some(_) if got < n => return Err(too_few().into()),
        Some(price) => price,
        None => choose::clearing_price(&candidates, n, b).ok_or_else(too_few)?,
    };
    let at_price = candidates
        .into_iter()
        .filter(|one| choose::price_for(one.info.ask_per_tib_period, b) <= price)
        .collect();
    Ok((
        choose::assign(at_price, n, &piece_bytes, &shared.entropy)?,
        price,
    ))
}

/// In how many periods, from the first, slots may be filled: time enough to pack and prove, and no longer, because the
/// escrow of a slot that stays empty comes back after it.
fn activation_periods(periods: u32) -> u32 {
    periods.min(8.max(periods / 4))
}

fn new_deals(
    plan: &Plan,
    ingested: &Ingested,
    assigned: &[Vec<ProviderInfo>],
    price: u128,
    periods: u32,
) -> Vec<NewDeal> {
    let code = plan.code();
    let deal =
        |(segment, providers): (&crate::put::ingest::CodedSegment, &Vec<ProviderInfo>)| NewDeal {
            k: code.k(),
            code_id: cairn_erasure::CODE_ID,
            kind: SectorKind::Hot,
            strip_bytes: code.strip_bytes(),
            segment_bytes: segment.segment_bytes,
            price_per_slot_period: price,
            periods,
            activation_periods: activation_periods(periods),
            slots: segment
                .content_ids
                .iter()
                .zip(providers)
                .map(|(content_id, provider)| NewSlot {
                    content_id: *content_id,
                    b: Plan::b(segment.piece_bytes),
                    byte_len: segment.piece_bytes,
                    provider: provider.address,
                })
                .collect(),
        };
    ingested.segments.iter().zip(assigned).map(deal).collect()
}

fn catalog_entry<M: Market>(
    shared: &Shared<M>,
    plan: &Plan,
    ingested: &Ingested,
    key: &ObjectKey,
    ids: &[DealId],
    assigned: &[Vec<ProviderInfo>],
    opened_unix: u64,
) -> ObjectEntry {
    let domain = shared.market.domain();
    let code = plan.code();
    let terms = EntryTerms {
        chain_id: domain.chain_id,
        deals_contract: domain.deals,
        opened_unix,
        plain_bytes: ingested.plain_bytes,
        k: code.k(),
        n: code.n(),
        strip_bytes: code.strip_bytes(),
    };
    let segments =
        ids.iter()
            .zip(&ingested.segments)
            .zip(assigned)
            .map(|((deal, segment), providers)| SegmentEntry {
                deal: *deal,
                segment_bytes: segment.segment_bytes,
                piece_bytes: segment.piece_bytes,
                pieces: segment
                    .content_ids
                    .iter()
                    .zip(providers)
                    .map(|(content_id, info)| PieceEntry {
                        content_id: *content_id,
                        provider: info.address,
                    })
                    .collect(),
            });
    ObjectEntry::opened(terms, key, segments.collect())
}

/// Waits until `block` has the configured number of confirmations; one is the block itself.
async fn confirm<M: Market>(shared: &Shared<M>, block: u64) -> Result<(), PutError> {
    let patience = &shared.config.patience;
    let end = Instant::now() + Duration::from_secs(patience.confirm_s);
    loop {
        match shared.market.head().await {
            Ok(head)
                if head.number.saturating_add(1)
                    >= block.saturating_add(patience.confirmations) =>
            {
                return Ok(());
            }
            // The deals are open and paid: an endpoint that is silent for a moment does not end the upload.
            Err(error) if Instant::now() >= end => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
        if Instant::now() >= end {
            let (confirmations, waited_s) = (patience.confirmations, patience.confirm_s);
            return Err(PutError::Unconfirmed {
                block,
                confirmations,
                waited_s,
            });
        }
        sleep(patience.poll()).await;
    }
}
