//! What the contracts said: logs in bounded ranges of blocks, typed and in order.

use std::collections::BTreeMap;

use alloy::primitives::{B256, U64};
use alloy::sol_types::{SolEvent, SolEventInterface};
use cairn_wire::{Address, DealId, Period, Round, SectorNumber, SlotIndex, TreeIndex};
use serde_json::{Value, json};

use super::{Chain, Contract};
use crate::abi::beacon::Beacon::BeaconEvents;
use crate::abi::challenges::Challenges::ChallengesEvents;
use crate::abi::collateral::Collateral::CollateralEvents;
use crate::abi::deals::Deals::{self, DealsEvents};
use crate::abi::disputes::Disputes::DisputesEvents;
use crate::abi::providers::Providers::ProvidersEvents;
use crate::abi::repairs::Repairs::RepairsEvents;
use crate::abi::replicas::Replicas::ReplicasEvents;
use crate::abi::sectors::Sectors::SectorsEvents;
use crate::convert::{amount, commitment, kind, nonsense, ours, slot_from_abi};
use crate::error::ChainError;
use crate::events::{ChainEvent, ChainEventKind, DealTerms};
use crate::market::NewSlot;
use crate::rpc::RpcFailure;
use crate::rpc_types::RpcLog;

const METHOD: &str = "eth_getLogs";

/// The contracts whose events are read.
const HEARD: [Contract; 9] = [
    Contract::Beacon,
    Contract::Providers,
    Contract::Sectors,
    Contract::Deals,
    Contract::Replicas,
    Contract::Collateral,
    Contract::Challenges,
    Contract::Disputes,
    Contract::Repairs,
];

impl Chain {
    /// Who fills each filled slot at the newest block.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn holders(&self) -> Result<BTreeMap<(DealId, SlotIndex), Address>, ChainError> {
        let head = self.head().await?.number;
        let mut holders = BTreeMap::new();
        for event in self.events(self.deployment().start_block, head).await? {
            match event.kind {
                ChainEventKind::SlotFilled {
                    deal,
                    slot,
                    provider,
                    ..
                } => {
                    holders.insert((deal, slot), provider);
                }
                ChainEventKind::SlotFreed { deal, slot, .. }
                | ChainEventKind::SlotClosed { deal, slot, .. } => {
                    holders.remove(&(deal, slot));
                }
                _ => {}
            }
        }
        Ok(holders)
    }

    /// Everything the contracts said in a span of blocks, both ends included, in the chain's order.
    ///
    /// Asked for in ranges of at most [`crate::ChainOptions::log_range_blocks`], halved where the endpoint finds them
    /// too large. Events this version does not know are left out.
    ///
    /// # Errors
    /// [`ChainError`].
    pub async fn events(
        &self,
        from_block: u64,
        to_block: u64,
    ) -> Result<Vec<ChainEvent>, ChainError> {
        let addresses = HEARD.map(|contract| self.address_of(contract));
        let filter = json!({ "address": addresses });
        let logs = self
            .logs(
                &filter,
                from_block,
                to_block,
                self.inner.options.log_range_blocks,
            )
            .await?;
        let mut events = Vec::with_capacity(logs.len());
        for log in &logs {
            let Some(kind) = self.read_log(log)? else {
                continue;
            };
            let (Some(block), Some(block_hash), Some(tx), Some(log_index)) = (
                log.block_number,
                log.block_hash,
                log.transaction_hash,
                log.log_index,
            ) else {
                return Err(nonsense(METHOD, "a log without a place in the chain"));
            };
            let (block, log_index) = (block.to(), log_index.to());
            events.push(ChainEvent {
                block,
                block_hash: block_hash.0,
                tx: tx.0,
                log_index,
                kind,
            });
        }
        events.sort_by_key(|event| (event.block, event.log_index));
        Ok(events)
    }

    /// The slots of a deal, from the event that opened it.
    pub(super) async fn find_slots(
        &self,
        deal: DealId,
    ) -> Result<Option<Vec<NewSlot>>, ChainError> {
        let number = B256::left_padding_from(&deal.0.to_be_bytes());
        let filter = json!({
            "address": self.address_of(Contract::Deals),
            "topics": [Deals::DealOpened::SIGNATURE_HASH, number],
        });
        let head = self.head().await?.number;
        // One indexed event: the whole chain may be asked at once where the endpoint allows it.
        let logs = self
            .logs(&filter, self.deployment().start_block, head, u64::MAX)
            .await?;
        let Some(data) = logs.first().and_then(RpcLog::data) else {
            return Ok(None);
        };
        let event = Deals::DealOpened::decode_log_data(&data)
            .map_err(|error| nonsense("DealOpened", error))?;
        Ok(Some(event.terms.slots.iter().map(slot_from_abi).collect()))
    }

    async fn logs(
        &self,
        filter: &Value,
        from: u64,
        to: u64,
        range_blocks: u64,
    ) -> Result<Vec<RpcLog>, ChainError> {
        let mut found = Vec::new();
        let mut next = from;
        let mut range = range_blocks.max(1);
        while next <= to {
            let end = next.saturating_add(range.saturating_sub(1)).min(to);
            match self.log_range(filter, next, end).await {
                Ok(logs) => {
                    found.extend(logs.into_iter().filter(|log| !log.removed));
                    next = end.saturating_add(1);
                    if end == u64::MAX {
                        break;
                    }
                }
                // Endpoints limit ranges and results, each in its own words: a smaller range decides.
                Err(RpcFailure::Error { .. }) if end > next => {
                    range = end.saturating_sub(next).div_ceil(2);
                }
                Err(failure) => return Err(failure.into_error(METHOD)),
            }
        }
        Ok(found)
    }

    async fn log_range(
        &self,
        filter: &Value,
        from: u64,
        to: u64,
    ) -> Result<Vec<RpcLog>, RpcFailure> {
        let mut filter = filter.clone();
        if let Some(fields) = filter.as_object_mut() {
            fields.insert("fromBlock".to_owned(), json!(U64::from(from)));
            fields.insert("toBlock".to_owned(), json!(U64::from(to)));
        }
        self.rpc().call(METHOD, json!([filter])).await
    }

    fn read_log(&self, log: &RpcLog) -> Result<Option<ChainEventKind>, ChainError> {
        let mut heard = HEARD.into_iter();
        match heard.find(|contract| log.address == self.address_of(*contract)) {
            Some(Contract::Beacon) => {
                told(log, BeaconEvents::SELECTORS, |e| Ok(Some(beacon_event(e))))
            }
            Some(Contract::Providers) => told(log, ProvidersEvents::SELECTORS, |e| {
                Ok(Some(providers_event(e)))
            }),
            Some(Contract::Sectors) => told(log, SectorsEvents::SELECTORS, sectors_event),
            Some(Contract::Deals) => told(log, DealsEvents::SELECTORS, deals_event),
            Some(Contract::Replicas) => told(log, ReplicasEvents::SELECTORS, |e| {
                replicas_event(e).map(Some)
            }),
            Some(Contract::Collateral) => told(log, CollateralEvents::SELECTORS, collateral_event),
            Some(Contract::Challenges) => told(log, ChallengesEvents::SELECTORS, challenges_event),
            Some(Contract::Disputes) => told(log, DisputesEvents::SELECTORS, |e| {
                disputes_event(e).map(Some)
            }),
            Some(Contract::Repairs) => told(log, RepairsEvents::SELECTORS, repairs_event),
            Some(Contract::Token | Contract::Verifier) | None => Ok(None),
        }
    }
}

/// What an event of one contract says; nothing if this version does not know it.
fn told<E: SolEventInterface>(
    log: &RpcLog,
    selectors: &[[u8; 32]],
    read: impl FnOnce(E) -> Result<Option<ChainEventKind>, ChainError>,
) -> Result<Option<ChainEventKind>, ChainError> {
    let known = log.topics.first();
    if !known.is_some_and(|topic| selectors.contains(&topic.0)) {
        return Ok(None);
    }
    let event = E::decode_raw_log(&log.topics, &log.data);
    read(event.map_err(|error| nonsense(E::NAME, error))?)
}

fn providers_event(event: ProvidersEvents) -> ChainEventKind {
    let (provider, endpoint, pin, operator, ask) = match event {
        ProvidersEvents::ProviderRegistered(e) => (
            e.provider,
            e.endpoint,
            e.tlsPin,
            e.operator,
            e.askPerTibPeriod,
        ),
        ProvidersEvents::ProviderUpdated(e) => (
            e.provider,
            e.endpoint,
            e.tlsPin,
            e.operator,
            e.askPerTibPeriod,
        ),
    };
    ChainEventKind::ProviderRegistered {
        provider: ours(provider),
        endpoint,
        tls_pin: pin.0,
        operator: ours(operator),
        ask_per_tib_period: ask,
    }
}

fn beacon_event(event: BeaconEvents) -> ChainEventKind {
    let BeaconEvents::RoundPosted(e) = event;
    ChainEventKind::RoundPosted {
        round: Round(e.round),
        randomness: e.randomness.0,
        period: (e.period != 0).then_some(Period(e.period)),
        counted: e.counted,
    }
}

fn sectors_event(event: SectorsEvents) -> Result<Option<ChainEventKind>, ChainError> {
    Ok(Some(match event {
        SectorsEvents::SectorAppended(e) => ChainEventKind::SectorAppended {
            provider: ours(e.provider),
            tree: TreeIndex(e.tree),
            index: e.index,
            number: SectorNumber(e.number),
            comm_r: commitment(e.commR, "SectorAppended")?,
            comm_d: commitment(e.commD, "SectorAppended")?,
            kind: kind(e.kind, "SectorAppended")?,
            root: commitment(e.root, "SectorAppended")?,
            effective_period: Period(e.effectivePeriod),
        },
        SectorsEvents::SectorRetired(e) => ChainEventKind::SectorRetired {
            provider: ours(e.provider),
            tree: TreeIndex(e.tree),
            index: e.index,
            number: SectorNumber(e.number),
            moved: SectorNumber(e.movedNumber),
            count: e.count,
            root: commitment(e.root, "SectorRetired")?,
            effective_period: Period(e.effectivePeriod),
        },
        SectorsEvents::WindowProven(e) => ChainEventKind::WindowProven {
            provider: ours(e.provider),
            tree: TreeIndex(e.tree),
            period: Period(e.period),
            count: e.count,
        },
        SectorsEvents::NumbersReserved(e) => ChainEventKind::NumbersReserved {
            provider: ours(e.provider),
            first: SectorNumber(e.first),
            count: e.count,
        },
        SectorsEvents::Bound(_) => return Ok(None),
    }))
}

fn replicas_event(event: ReplicasEvents) -> Result<ChainEventKind, ChainError> {
    Ok(match event {
        ReplicasEvents::ReplicaPrecommitted(e) => ChainEventKind::ReplicaPrecommitted {
            provider: ours(e.provider),
            number: SectorNumber(e.number),
            comm_d: commitment(e.commD, "ReplicaPrecommitted")?,
            comm_r: commitment(e.commR, "ReplicaPrecommitted")?,
            ticket_period: Period(e.ticketPeriod),
            seed_period: Period(e.seedPeriod),
            deposit: amount(e.deposit, "ReplicaPrecommitted")?,
        },
        ReplicasEvents::ReplicaProven(e) => ChainEventKind::ReplicaProven {
            provider: ours(e.provider),
            number: SectorNumber(e.number),
            deposit: amount(e.deposit, "ReplicaProven")?,
        },
        ReplicasEvents::ReplicaExpired(e) => ChainEventKind::ReplicaExpired {
            provider: ours(e.provider),
            number: SectorNumber(e.number),
            deposit: amount(e.deposit, "ReplicaExpired")?,
        },
        ReplicasEvents::DepositWithdrawn(e) => ChainEventKind::DepositWithdrawn {
            account: ours(e.account),
            to: ours(e.to),
            amount: amount(e.amount, "DepositWithdrawn")?,
        },
    })
}

fn deals_event(event: DealsEvents) -> Result<Option<ChainEventKind>, ChainError> {
    Ok(Some(match event {
        DealsEvents::DealOpened(e) => opened(e)?,
        DealsEvents::DealCancelled(e) => ChainEventKind::DealCancelled {
            deal: DealId(e.deal),
            refund: amount(e.refund, "DealCancelled")?,
        },
        DealsEvents::SlotFilled(e) => ChainEventKind::SlotFilled {
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            provider: ours(e.provider),
            sector: SectorNumber(e.sector),
            comm_p: commitment(e.commP, "SlotFilled")?,
            offset_leaves: e.offsetLeaves.to(),
            first_period: Period(e.firstPeriod),
        },
        DealsEvents::Settled(e) => ChainEventKind::Settled {
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            provider: ours(e.provider),
            amount: amount(e.amount, "Settled")?,
            periods: e.periods,
            through_period: Period(e.throughPeriod),
        },
        DealsEvents::SlotClosed(e) => ChainEventKind::SlotClosed {
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            refund: amount(e.refund, "SlotClosed")?,
        },
        DealsEvents::Withdrawn(e) => ChainEventKind::Withdrawn {
            account: ours(e.account),
            to: ours(e.to),
            amount: amount(e.amount, "Withdrawn")?,
        },
        DealsEvents::DealExtended(e) => ChainEventKind::DealExtended {
            deal: DealId(e.deal),
            end_period: Period(e.endPeriod),
            amount: amount(e.amount, "DealExtended")?,
        },
        DealsEvents::DealEndedEarly(e) => ChainEventKind::DealCut {
            deal: DealId(e.deal),
            end_period: Period(e.endPeriod),
            refund: amount(e.refund, "DealEndedEarly")?,
            lost: false,
        },
        DealsEvents::DealLost(e) => ChainEventKind::DealCut {
            deal: DealId(e.deal),
            end_period: Period(e.endPeriod),
            refund: amount(e.refund, "DealLost")?,
            lost: true,
        },
        DealsEvents::SlotFreed(e) => ChainEventKind::SlotFreed {
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            provider: ours(e.provider),
            comm_p: (!e.commP.is_zero())
                .then(|| commitment(e.commP, "SlotFreed"))
                .transpose()?,
        },
        DealsEvents::SlotRepaired(e) => ChainEventKind::SlotRepaired {
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            provider: ours(e.provider),
            failed: ours(e.failed),
        },
        DealsEvents::EIP712DomainChanged(_) | DealsEvents::DealsBound(_) => return Ok(None),
    }))
}

fn collateral_event(event: CollateralEvents) -> Result<Option<ChainEventKind>, ChainError> {
    Ok(Some(match event {
        CollateralEvents::CollateralDeposited(e) => ChainEventKind::CollateralDeposited {
            provider: ours(e.provider),
            from: ours(e.from),
            amount: amount(e.amount, "CollateralDeposited")?,
        },
        CollateralEvents::MissReported(e) => ChainEventKind::MissReported {
            provider: ours(e.provider),
            tree: TreeIndex(e.tree),
            period: Period(e.period),
            reporter: ours(e.reporter),
            slashed: amount(e.slashed, "MissReported")?,
            bounty: amount(e.bounty, "MissReported")?,
        },
        CollateralEvents::SlotSlashed(e) => ChainEventKind::SlotSlashed {
            provider: ours(e.provider),
            hunter: ours(e.hunter),
            slashed: amount(e.slashed, "SlotSlashed")?,
            bounty: amount(e.bounty, "SlotSlashed")?,
        },
        CollateralEvents::TreeTerminated(e) => ChainEventKind::TreeTerminated {
            provider: ours(e.provider),
            tree: TreeIndex(e.tree),
            last_period: Period(e.lastPeriod),
        },
        CollateralEvents::WindowExcused(e) => ChainEventKind::WindowExcused {
            provider: ours(e.provider),
            tree: TreeIndex(e.tree),
            first: Period(e.first),
            last: Period(e.last),
            charged: amount(e.charged, "WindowExcused")?,
        },
        CollateralEvents::RepairFunded(e) => ChainEventKind::RepairFunded {
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            provider: ours(e.provider),
            amount: amount(e.amount, "RepairFunded")?,
        },
        CollateralEvents::RepairPaid(e) => ChainEventKind::RepairPaid {
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            repairer: (!e.repairer.is_zero()).then(|| ours(e.repairer)),
            bounty: amount(e.bounty, "RepairPaid")?,
            burned: amount(e.burned, "RepairPaid")?,
        },
        // Money that leaves and bookkeeping: nobody here acts on it.
        _ => return Ok(None),
    }))
}

fn challenges_event(event: ChallengesEvents) -> Result<Option<ChainEventKind>, ChainError> {
    Ok(Some(match event {
        ChallengesEvents::ChallengeOpened(e) => ChainEventKind::ChallengeOpened {
            id: e.id,
            provider: ours(e.provider),
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            challenger: ours(e.challenger),
            bond: amount(e.bond, "ChallengeOpened")?,
        },
        ChallengesEvents::ChallengeAnswered(e) => ChainEventKind::ChallengeAnswered {
            id: e.id,
            provider: ours(e.provider),
            paid: amount(e.paid, "ChallengeAnswered")?,
        },
        ChallengesEvents::ChallengeExpired(e) => ChainEventKind::ChallengeExpired {
            id: e.id,
            provider: ours(e.provider),
            failed: e.failed,
            bounty: amount(e.bounty, "ChallengeExpired")?,
        },
        // Money that leaves: nobody here acts on it.
        _ => return Ok(None),
    }))
}

fn disputes_event(event: DisputesEvents) -> Result<ChainEventKind, ChainError> {
    let DisputesEvents::CommitmentVoided(e) = event;
    Ok(ChainEventKind::CommitmentVoided {
        deal: DealId(e.deal),
        slot: SlotIndex(e.slot),
        provider: ours(e.provider),
        hunter: ours(e.hunter),
        bounty: amount(e.bounty, "CommitmentVoided")?,
    })
}

fn repairs_event(event: RepairsEvents) -> Result<Option<ChainEventKind>, ChainError> {
    Ok(Some(match event {
        RepairsEvents::AuctionEntered(e) => ChainEventKind::AuctionEntered {
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            provider: ours(e.provider),
            turn: e.turn,
            bond: amount(e.bond, "AuctionEntered")?,
        },
        RepairsEvents::AuctionEnded(e) => ChainEventKind::AuctionEnded {
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            turn: e.turn,
            best: (!e.best.is_zero()).then(|| ours(e.best)),
            lost: amount(e.lost, "AuctionEnded")?,
        },
        RepairsEvents::BondRefunded(e) => ChainEventKind::BondRefunded {
            deal: DealId(e.deal),
            slot: SlotIndex(e.slot),
            provider: ours(e.provider),
            turn: e.turn,
            bond: amount(e.bond, "BondRefunded")?,
        },
        // Commits, rights and claims are asked for where they matter; money that leaves is nobody's business here.
        _ => return Ok(None),
    }))
}

fn opened(event: Deals::DealOpened) -> Result<ChainEventKind, ChainError> {
    let terms = event.terms;
    let slots: Vec<NewSlot> = terms.slots.iter().map(slot_from_abi).collect();
    Ok(ChainEventKind::DealOpened {
        deal: DealId(event.deal),
        owner: ours(event.owner),
        terms: DealTerms {
            k: terms.k,
            n: u16::try_from(slots.len()).map_err(|error| nonsense("DealOpened", error))?,
            code_id: terms.codeId,
            kind: kind(terms.kind, "DealOpened")?,
            strip_bytes: terms.stripBytes,
            segment_bytes: terms.segmentBytes,
            price_per_slot_period: terms.pricePerSlotPeriod,
            start_period: Period(event.startPeriod),
            end_period: Period(event.endPeriod),
            activate_by: Period(event.activateBy),
            escrow: event.escrow,
        },
        slots,
    })
}
