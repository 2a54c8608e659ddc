//! Choosing providers and opening the deals.

use std::sync::Arc;

use cairn_contracts::{NewDeal, NewSlot, ProviderInfo, TxReceipt};
use cairn_prover::params::ParamSet;
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
    pub(crate) activation_periods: u32,
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
    let terms = DealTerms::of(shared, options)?;
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
    let deals = new_deals(plan, ingested, &assigned, price, terms);
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
    let entry = catalog_entry(
        shared,
        plan,
        ingested,
        key,
        &ids,
        &assigned,
        (opened_unix, options.kind),
    );
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
        activation_periods: terms.activation_periods,
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

/// What all deals of an object agree on, beside the price.
#[derive(Debug, Clone, Copy)]
struct DealTerms {
    kind: SectorKind,
    periods: u32,
    activation_periods: u32,
}

impl DealTerms {
    fn of<M: Market>(shared: &Shared<M>, options: &PutOptions) -> Result<Self, PutError> {
        let periods = options.periods;
        let activation_periods = match options.activation_periods {
            Some(count) if count == 0 || count > periods => {
                return Err(PutError::Terms(
                    "the slots may be filled in at least one period, and at most in as many as are paid for",
                ));
            }
            Some(count) => count,
            None => {
                let set = ParamSet::by_name(&shared.market.parameters().name);
                activation_periods(options.kind, periods, set)
            }
        };
        Ok(Self {
            kind: options.kind,
            periods,
            activation_periods,
        })
    }
}

/// In how many periods, from the first, slots may be filled: time enough to pack and prove, and no longer, because the
/// escrow of a slot that stays empty comes back after it.
///
/// A sealed sector takes longer, by the protocol's own clock: sealed while its ticket is fresh, then the wait for the seed
/// (and for the period that brings it), then its proof until it is due; two periods to pack and to append.
fn activation_periods(kind: SectorKind, periods: u32, set: Option<&ParamSet>) -> u32 {
    let hot = 8.max(periods / 4);
    let window = match (kind, set) {
        (SectorKind::Hot, _) => hot,
        (SectorKind::Sealed, None) => periods,
        (SectorKind::Sealed, Some(set)) => {
            let clock_s = set.ticket_age_s + set.seed_delay_s + set.period_s + set.replica_due_s;
            let sealing = clock_s.div_ceil(set.period_s.max(1)) + 2;
            hot.max(u32::try_from(sealing).unwrap_or(u32::MAX))
        }
    };
    periods.min(window)
}

fn new_deals(
    plan: &Plan,
    ingested: &Ingested,
    assigned: &[Vec<ProviderInfo>],
    price: u128,
    terms: DealTerms,
) -> Vec<NewDeal> {
    let code = plan.code();
    let deal =
        |(segment, providers): (&crate::put::ingest::CodedSegment, &Vec<ProviderInfo>)| NewDeal {
            k: code.k(),
            code_id: cairn_erasure::CODE_ID,
            kind: terms.kind,
            strip_bytes: code.strip_bytes(),
            segment_bytes: segment.segment_bytes,
            price_per_slot_period: price,
            periods: terms.periods,
            activation_periods: terms.activation_periods,
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
    (opened_unix, kind): (u64, SectorKind),
) -> ObjectEntry {
    let domain = shared.market.domain();
    let code = plan.code();
    let terms = EntryTerms {
        chain_id: domain.chain_id,
        deals_contract: domain.deals,
        opened_unix,
        kind,
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

#[cfg(test)]
mod tests {
    use super::*;
    use cairn_prover::params;

    #[test]
    fn a_sealed_deal_gives_its_nodes_the_time_of_the_protocols_clock() {
        let window = |kind, periods, set| activation_periods(kind, periods, Some(set));
        assert_eq!(window(SectorKind::Hot, 48, &params::MAINNET), 12);
        assert_eq!(window(SectorKind::Hot, 6, &params::MAINNET), 6);
        assert_eq!(
            window(SectorKind::Sealed, 10_000, &params::SMALL),
            2500,
            "a quarter is more than the clock asks for"
        );
        // (172800 + 900 + 1800 + 86400) / 1800 = 145.5, and two.
        assert_eq!(window(SectorKind::Sealed, 500, &params::MAINNET), 148);
        assert_eq!(
            window(SectorKind::Sealed, 20, &params::MAINNET),
            20,
            "never longer than the deal"
        );
    }
}
